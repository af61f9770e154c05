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
            engine::Error::Unavailable { .. } | engine::Error::Unreadable { .. } => StatusCode::SERVICE_UNAVAILABLE,
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
        engine::Error::BucketState(_) => ": look at its versioning and locks",
        engine::Error::Refused(Refusal::NotOwner) | engine::Error::AccessWithdrawn => {
            ": ask its owner, or the security officer, for a grant"
        }
        engine::Error::Refused(Refusal::OtherDuty) => ": sign with a mission owner's key",
        engine::Error::Refused(Refusal::OutOfRange) => ": ask the security officer for a key at another label",
        engine::Error::Refused(Refusal::Anonymous) => ": sign with an access key",
        engine::Error::Unreadable { .. } => ": see `entente status` for sites that are out, and ask again",
        engine::Error::Internal(_) => ": the log says more, beside the number in `x-request-id`",
        _ => "",
    }
}

/// What a request's document says.
pub fn body_of<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Problem> {
    let not_understood = |rejection: JsonRejection| {
        Problem::new(rejection.status(), not_understood("the document", &rejection.body_text()))
    };
    body.map(|Json(body)| body).map_err(not_understood)
}

/// What the library says of a part of a request, without its words for itself.
pub fn not_understood(what: &str, text: &str) -> String {
    let why = match text.split_once(": ") {
        Some((heading, why)) if heading.starts_with("Failed to") => why,
        _ => text,
    };
    format!("{what} is not understood: {why}. The route stands in /api/v1/openapi.json")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_told_without_the_librarys_words() {
        let told = not_understood("the query", "Failed to deserialize query string: limit: invalid digit");
        assert_eq!(told, "the query is not understood: limit: invalid digit. The route stands in /api/v1/openapi.json");
        assert!(not_understood("the path", "Invalid UTF-8 in `name`").contains("understood: Invalid UTF-8 in `name`."));
    }

    /// What people are told who ask for what they may not have, or what there is not.
    #[test]
    fn a_refusal_says_what_to_do() {
        use engine::Error;
        let refused = [
            Refusal::Anonymous,
            Refusal::Expired,
            Refusal::Elsewhere,
            Refusal::Suspended,
            Refusal::NotCleared,
            Refusal::OutOfRange,
            Refusal::OtherDuty,
            Refusal::Absent,
            Refusal::Below,
            Refusal::NotOwner,
        ];
        let others = [
            Error::NoSuchAccessKey,
            Error::NoSuchPrincipal,
            Error::NoSuchGroup,
            Error::NoSuchRelease,
            Error::NoSuchLabel,
            Error::NoSuchKey,
            Error::NoSuchVersion,
            Error::NoSuchBucket,
            Error::PrincipalExists,
            Error::GroupExists,
            Error::ReleaseChanged,
            Error::BucketState("it is suspended"),
            Error::NotCleared,
            Error::OutOfRange,
            Error::AccessWithdrawn,
            Error::Unreadable { reason: "two sites are out".to_owned() },
            Error::Internal("a record is torn".to_owned()),
        ];
        for error in refused.map(Error::Refused).into_iter().chain(others) {
            let problem = Problem::from(error);
            // What is wrong, and behind the last colon what to do.
            let (_, deed) = problem.detail.rsplit_once(": ").unwrap_or_default();
            let verbs = ["ask", "see", "look", "sign", "write", "connect", "choose", "give", "the log"];
            assert!(verbs.iter().any(|verb| deed.starts_with(verb)), "{}: {}", problem.status, problem.detail);
        }
    }
}
