//! Refusals as RFC 9457 problem details.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};

use policy::Refusal;

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
            engine::Error::NoSuchAccessKey
            | engine::Error::NoSuchPrincipal
            | engine::Error::NoSuchGroup
            | engine::Error::NoSuchRelease
            | engine::Error::NoSuchLabel
            | engine::Error::NoSuchKey
            | engine::Error::NoSuchVersion
            | engine::Error::IsMarker { .. }
            | engine::Error::Refused(Refusal::Absent)
            | engine::Error::NoSuchBucket => StatusCode::NOT_FOUND,
            engine::Error::PrincipalExists
            | engine::Error::GroupExists
            | engine::Error::ReleaseChanged
            | engine::Error::BucketExists(_)
            | engine::Error::BucketState(_) => StatusCode::CONFLICT,
            engine::Error::Refused(_)
            | engine::Error::NotCleared
            | engine::Error::AccessWithdrawn
            | engine::Error::OutOfRange => StatusCode::FORBIDDEN,
            engine::Error::Invalid(_) => StatusCode::BAD_REQUEST,
            engine::Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => {
                tracing::error!(error = chain(&error), "an admin request failed");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        match error {
            // It says itself what is wrong.
            engine::Error::Invalid(why) => Problem::new(status, why),
            error => Problem::new(status, chain(&error) + advice(&error)),
        }
    }
}

/// What to do, where what is wrong does not say it. Of what lies above the caller's label it says the same as of
/// what is not there.
const fn advice(error: &engine::Error) -> &'static str {
    match error {
        engine::Error::NoSuchBucket | engine::Error::Refused(Refusal::Absent) => {
            ": look at its name, or ask with a key of its label or a higher one"
        }
        engine::Error::NoSuchKey => ": look at its key; older versions are asked for by their id",
        engine::Error::NoSuchVersion => ": look at its id in a listing of the versions",
        engine::Error::BucketExists(_) => ": choose another",
        _ => "",
    }
}

/// What a request's document says.
pub fn body_of<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Problem> {
    body.map(|Json(body)| body).map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))
}

/// A request that makes no sense.
pub fn bad(why: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, why)
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
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
