//! Refusals as RFC 9457 problem details.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};

use super::wire;
use crate::failure::chain;

/// A refusal: a status, and what to do about it.
#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    detail: String,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem { status, detail: detail.into() }
    }
}

impl From<engine::Error> for Problem {
    fn from(error: engine::Error) -> Problem {
        let status = match &error {
            engine::Error::NoSuchAccessKey | engine::Error::NoSuchBucket => StatusCode::NOT_FOUND,
            engine::Error::PrincipalExists => StatusCode::CONFLICT,
            engine::Error::OtherDuty | engine::Error::NotCleared | engine::Error::OutOfRange => StatusCode::FORBIDDEN,
            engine::Error::Invalid(_) => StatusCode::BAD_REQUEST,
            engine::Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => {
                tracing::error!(error = chain(&error), "an admin request failed");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Problem::new(status, chain(&error))
    }
}

impl From<catalog::Error> for Problem {
    fn from(error: catalog::Error) -> Problem {
        engine::Error::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or_default().to_owned();
        let body = wire::Problem { title, status: self.status.as_u16(), detail: self.detail };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
