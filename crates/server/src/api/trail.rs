//! Each admin request has an id: its answer says it, and so does whatever is logged about it.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, Method};
use model::Outside;
use tokio::time::Instant;
use tracing::Instrument;

/// As it is answered.
const REQUEST_ID: &str = "x-request-id";

/// The outermost middleware. A line says which route it was and never which name stood in it.
pub async fn follow(outside: Outside, request: Request, next: Next) -> Response {
    let (id, begun) = (hex::encode_upper(outside.random::<8>()), Instant::now());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let span = tracing::info_span!("admin", request_id = id, %method);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let (status, millis) = (response.status().as_u16(), u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
    // Consoles and scrapes look every few seconds; what may change something is few and worth a line.
    if matches!(method, Method::GET | Method::HEAD) {
        tracing::debug!(target: "access", request_id = id, %method, route, status, millis, "admin request");
    } else {
        tracing::info!(target: "access", request_id = id, %method, route, status, millis, "admin request");
    }
    response
}
