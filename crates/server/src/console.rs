//! The console's port: the page that is built in `console/` and embedded here, and beside it the same
//! `/api/v1` and `/metrics` as at the admin port, so that the page asks its own origin.
//!
//! There are no cookies and no sessions: the page signs each request with the key its user typed into it,
//! so that a page at another origin has nothing to ride on. Host names are checked as the admin API checks
//! them. What of the page is served is what was embedded: no path reaches the disk.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Admin, listener};

/// What `npm run build` left in `console/dist` when this was compiled: nothing, if it was not run.
#[derive(RustEmbed)]
#[folder = "../../console/dist"]
#[allow_missing = true]
struct Dist;

/// The page itself; it is served for every path that is its own to understand.
const INDEX: &str = "index.html";
/// Beneath it, names hold the digest of what they name, so that a browser may keep it for ever.
const HASHED: &str = "assets/";
/// Forms of a file that the build put beside it, the smaller first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Said instead of the page by a binary that was built without it.
const WITHOUT: &str = include_str!("console/without.html");

/// What the page's files may be told as.
const TYPES: [(&str, &str); 13] = [
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("ico", "image/x-icon"),
    ("webp", "image/webp"),
    ("json", "application/json"),
    ("webmanifest", "application/manifest+json"),
    ("txt", "text/plain; charset=utf-8"),
    ("woff2", "font/woff2"),
    ("wasm", "application/wasm"),
    ("map", "application/json"),
];

/// What every answer of this port's pages carries.
#[derive(Debug)]
struct Page {
    port: u16,
    policy: HeaderValue,
}

/// Serves until `stop`.
pub async fn serve(
    admin: Arc<Admin>,
    listener: TcpListener,
    tls: Option<tls::Server>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let port = listener.local_addr()?.port();
    let policy = HeaderValue::from_str(&policy(admin.s3_endpoint())).map_err(std::io::Error::other)?;
    let page = Arc::new(Page { port, policy });
    let router = beside(api::router(admin, port), page);
    listener::serve(router, listener, tls, stop).await;
    Ok(())
}

/// Where metrics are, as at the admin port: the document of the API names it too.
const METRICS: &str = "/metrics";

/// The page, where it is not the API that is asked. A route with a wildcard for one of them would not do: what it
/// catches counts among the named parts of the path for every handler behind it.
fn beside(api: Router, page: Arc<Page>) -> Router {
    let choose = |page: State<Arc<Page>>, request: Request, next: Next| async move {
        match request.uri().path() {
            path if path == METRICS || path.starts_with("/api/") => next.run(request).await,
            _ => show(page, request).await,
        }
    };
    api.layer(middleware::from_fn_with_state(page, choose))
}

/// The page runs its own scripts and styles alone and talks to this port and to the S3 door; nothing may frame it.
/// What lies in buckets is only ever shown as images and media, which run nothing.
fn policy(s3_endpoint: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
         connect-src 'self' {s3_endpoint}; img-src 'self' data: blob: {s3_endpoint}; media-src blob: {s3_endpoint}; \
         worker-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

async fn show(State(page): State<Arc<Page>>, request: Request) -> Response {
    let mut response = answer(&page, &request);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, page.policy.clone());
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-frame-options"), "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (VARY, "accept-encoding"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn answer(page: &Page, request: &Request) -> Response {
    if !api::named_here(request.headers(), page.port) {
        let why = "the host of the request is not the address the console listens on: use its console_url\n";
        return (StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")], "this is a page: GET it\n").into_response();
    }
    // Not decoded: the build's names need no encoding, and any other name is no file of it.
    let path = request.uri().path().trim_start_matches('/');
    let none = |what: &'static str| (StatusCode::NOT_FOUND, what).into_response();
    if path == "api" || path.starts_with("api/") {
        return none("there is nothing at this path\n");
    }
    match Dist::get(path) {
        Some(whole) => file(path, &whole, request.headers()),
        None if path.starts_with(HASHED) => none("this file is not of this version of the console: load it anew\n"),
        None => match Dist::get(INDEX) {
            Some(whole) => file(INDEX, &whole, request.headers()),
            None => {
                ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-cache")], WITHOUT).into_response()
            }
        },
    }
}

fn file(name: &str, whole: &EmbeddedFile, asked: &HeaderMap) -> Response {
    let takes = |encoding: &str| {
        let offered = asked.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        offered.split(',').any(|one| {
            let (coding, weight) = one.split_once(';').unwrap_or((one, ""));
            coding.trim().eq_ignore_ascii_case(encoding)
                && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        })
    };
    let smaller = ENCODINGS.iter().find_map(|(encoding, ending)| {
        takes(encoding).then(|| Dist::get(&format!("{name}{ending}")))?.map(|smaller| (*encoding, smaller))
    });
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let kind = TYPES.iter().find(|(known, _)| *known == extension).map_or("application/octet-stream", |(_, kind)| kind);
    let keep = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    // Of what the encoded forms are forms of: a browser keeps them apart by `Vary`.
    let tag = format!("W/\"{}\"", hex::encode(whole.metadata.sha256_hash()));
    let known = asked.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let head = [(CACHE_CONTROL, keep.to_owned()), (ETAG, tag)];
    if known {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    let (encoding, bytes) = match smaller {
        Some((encoding, smaller)) => (Some([(CONTENT_ENCODING, encoding)]), smaller.data),
        None => (None, whole.data.clone()),
    };
    let bytes = axum::body::Bytes::from(bytes.into_owned());
    (
        [(CONTENT_TYPE, kind)],
        head,
        encoding.map_or_else(HeaderMap::new, |[(name, value)]| {
            [(name, HeaderValue::from_static(value))].into_iter().collect()
        }),
        bytes,
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, path: &str, host: &str) -> Response {
        let page = Page { port: 77, policy: HeaderValue::from_static("x") };
        let request = Request::builder().method(method).uri(path).header("host", host);
        answer(&page, &request.body(axum::body::Body::empty()).unwrap())
    }

    #[test]
    fn every_path_of_this_host_is_the_page_and_nothing_else_is() {
        for (method, path, host, status) in [
            ("GET", "/", "127.0.0.1:77", 200),
            ("HEAD", "/", "localhost:77", 200),
            ("GET", "/buckets/tea", "127.0.0.1:77", 200),
            ("GET", "/../../Cargo.toml", "127.0.0.1:77", 200),
            ("GET", "/%2e%2e/%2e%2e/Cargo.toml", "127.0.0.1:77", 200),
            ("GET", "//etc/passwd", "127.0.0.1:77", 200),
            ("GET", "/assets/none.js", "127.0.0.1:77", 404),
            ("GET", "/assets/../../Cargo.toml", "127.0.0.1:77", 404),
            ("GET", "/api/", "127.0.0.1:77", 404),
            ("GET", "/api", "127.0.0.1:77", 404),
            ("POST", "/", "127.0.0.1:77", 405),
            ("GET", "/", "evil.example:77", 421),
            ("GET", "/", "127.0.0.1:78", 421),
        ] {
            let response = check(method, path, host);
            assert_eq!(response.status(), status, "{method} {path} {host}");
            if status == 200 {
                assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8", "{path}");
                assert_eq!(response.headers()[CACHE_CONTROL], "no-cache", "{path}");
            }
        }
    }

    #[tokio::test]
    async fn the_api_beside_the_page_gets_its_own_parts_of_the_path_and_no_other() {
        use axum::extract::Path;
        use axum::routing::get;
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let page = Arc::new(Page { port: address.port(), policy: HeaderValue::from_static("x") });
        let api = Router::new()
            .route("/api/v1/keys/{id}", get(|Path(id): Path<String>| async move { id }))
            .route(METRICS, get(|| async { "counted" }));
        let router = beside(api.fallback(|| async { StatusCode::NOT_FOUND }), page);
        let stop = CancellationToken::new();
        let serving = tokio::spawn(listener::serve(router, listener, None, stop.clone()));
        for (path, status, end) in [
            ("/api/v1/keys/ana", "200 OK", "\r\n\r\nana"),
            ("/metrics", "200 OK", "\r\n\r\ncounted"),
            ("/api/v1/none", "404 Not Found", ""),
            ("/keys/ana", "200 OK", ""),
        ] {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.ends_with(end), "{path}: {answer}");
        }
        stop.cancel();
        serving.await.unwrap();
    }

    #[test]
    fn the_policy_runs_no_script_but_the_pages_own() {
        let policy = policy("http://127.0.0.1:9000");
        let directives: Vec<&str> = policy.split("; ").collect();
        assert!(directives.contains(&"script-src 'self'"), "{policy}");
        assert!(directives.contains(&"connect-src 'self' http://127.0.0.1:9000"), "{policy}");
        assert!(directives.contains(&"frame-ancestors 'none'"), "{policy}");
    }
}
