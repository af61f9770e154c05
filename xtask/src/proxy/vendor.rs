//! Error answers in each vendor's own words.

use clap::ValueEnum;
use http::{Response, StatusCode};

use crate::body::{self, Body};

/// Whose protocol is spoken through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Speaks {
    S3,
    Azure,
    Gcs,
}

/// The vendor asks for less.
pub fn slow_down(speaks: Speaks) -> Response<Body> {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    match speaks {
        Speaks::S3 => refusal(speaks, status, "SlowDown", "Please reduce your request rate."),
        Speaks::Azure => refusal(speaks, status, "ServerBusy", "The server is busy."),
        Speaks::Gcs => refusal(speaks, status, "backendError", "We encountered an internal error. Please try again."),
    }
}

/// The vendor failed, and does not say what became of the request.
pub fn failed(speaks: Speaks) -> Response<Body> {
    let code = if speaks == Speaks::Gcs { "internalError" } else { "InternalError" };
    refusal(speaks, StatusCode::INTERNAL_SERVER_ERROR, code, "We encountered an internal error. Please try again.")
}

/// An error with the vendor's code for it.
pub fn refusal(speaks: Speaks, status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let number = status.as_u16();
    let json = format!(
        r#"{{"error":{{"code":{number},"message":"{message}","errors":[{{"domain":"global","reason":"{code}","message":"{message}"}}]}}}}"#
    );
    let (kind, text) = if speaks == Speaks::Gcs { ("application/json", json) } else { ("application/xml", xml) };
    let mut answer = Response::new(body::full(text));
    *answer.status_mut() = status;
    let mut header = |name: &'static str, value: &str| {
        if let Ok(value) = value.parse() {
            answer.headers_mut().insert(name, value);
        }
    };
    header("content-type", kind);
    if speaks == Speaks::Azure {
        header("x-ms-error-code", code);
    }
    answer
}
