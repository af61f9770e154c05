//! That shares of the root key were made: who holds them is told when a label is to be shredded.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use http::StatusCode;
use model::{CopyKind, KnownCopy};

use super::Admin;
use super::problem::{Problem, body_of};
use super::wire::NewShares;

/// Notes that shares of the root key were made.
#[utoipa::path(
    post,
    path = "/api/v1/shares",
    request_body = NewShares,
    responses((status = 204, description = "Noted"))
)]
pub async fn shares(
    State(admin): State<Arc<Admin>>,
    body: Result<Json<NewShares>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let NewShares { root, needed, holders } = body_of(body)?;
    let current = admin.engine.root().await?.held;
    if root != hex::encode(current.0) {
        let why = "this is not the root key the running Entente is under: split the file that it was started with";
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    if needed < 2 || holders.len() < usize::from(needed) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "two shares or more are needed, and not more than there are",
        ));
    }
    tracing::info!(needed, holders = holders.join(", "), "shares of the root key are being made");
    let copy = KnownCopy { root: current, made: admin.clock.now(), what: CopyKind::Shares { needed, holders } };
    admin.engine.note_copy(&admin.permit, copy).await?;
    Ok(StatusCode::NO_CONTENT)
}
