//! The gate: reads a request's head once and says what it asks for, or refuses it. A pure function
//! of head and clock; it knows no secret, so a signature is only a claim here ([`Claim`]).
//!
//! Everything is on an allow-list per operation ([`table`]): query names, `x-amz-*` headers and
//! conditional headers. Whatever else has a meaning to S3 is refused.

mod claim;
mod payload;
pub(crate) mod table;
mod target;
mod values;

use http::request::Parts;
use http::{HeaderMap, Method, Version};
use model::{BucketName, ObjectKey, Timestamp};

use crate::auth::Claim;
use crate::door::Settings;
use crate::error::{Code, Failure};
use crate::headers;

pub(crate) use payload::{Payload, Signed};
pub(crate) use table::{BodyUse, Operation};
pub(crate) use target::Query;

/// A request as understood. Its signature is still to be proven.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) operation: Operation,
    pub(crate) bucket: Option<BucketName>,
    pub(crate) key: Option<ObjectKey>,
    /// Decoded parameters of the operation; nothing of the signature.
    pub(crate) query: Query,
    /// The head's headers, with those that a presigned URL carries in its query.
    pub(crate) headers: HeaderMap,
    pub(crate) claim: Claim,
    pub(crate) payload: Payload,
}

/// Reads a head, or says why not.
pub(crate) fn admit(head: &Parts, settings: &Settings, now: Timestamp) -> Result<Admitted, Failure> {
    check_framing(head, settings)?;
    let whole = target::parse_query(head.uri.query().unwrap_or_default())?;
    refuse_forms(head)?;
    let (claimant, rest) = claim::claimant(head, &whole)?;
    claim::all_signed(&claimant, &head.headers)?;
    let target = target::parse(head, &settings.domains)?;
    let operation = table::route(&head.method, &target, &rest, source(head, &rest))?;
    let (query, headers) = claim::hoist(&claimant, rest, &head.headers)?;
    table::check(operation, &query, &headers)?;
    values::check(operation, &query, &headers)?;
    let claim = claim::prepare(head, &whole, &headers, &claimant, &settings.region, now)?;
    let payload = payload::read(operation.rules().body, &headers)?;
    let (bucket, key) = target.into_names();
    Ok(Admitted { operation, bucket, key, query, headers, claim, payload })
}

/// A copy is a put that names its source, in a header or in the query of a presigned URL.
fn source(head: &Parts, query: &Query) -> table::From {
    const NAME: &str = "x-amz-copy-source";
    match head.headers.contains_key(NAME) || query.names().any(|name| name.eq_ignore_ascii_case(NAME)) {
        true => table::From::Source,
        false => table::From::Body,
    }
}

/// What the HTTP server lets through and S3 does not.
fn check_framing(head: &Parts, settings: &Settings) -> Result<(), Failure> {
    let bytes: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > settings.limits.head_bytes {
        return Err(Code::RequestHeaderSectionTooLarge.into());
    }
    if head.version != Version::HTTP_11 && head.version != Version::HTTP_10 {
        return Err(Failure::because(Code::InvalidRequest, "Only HTTP/1.1 is spoken here."));
    }
    // `GET http://elsewhere/bucket` names a host twice.
    if head.uri.scheme().is_some() || head.uri.authority().is_some() {
        return Err(Code::InvalidURI.into());
    }
    for name in head.headers.keys() {
        if must_be_alone(name.as_str()) && head.headers.get_all(name).iter().nth(1).is_some() {
            return Err(Failure::argument(name.as_str(), "", format!("The header {name} must not be repeated.")));
        }
    }
    if head.headers.contains_key("content-length") && head.headers.contains_key("transfer-encoding") {
        let message = "Content-Length and Transfer-Encoding must not be sent together.";
        return Err(Failure::because(Code::InvalidRequest, message));
    }
    match headers::get(&head.headers, "transfer-encoding").as_deref() {
        None => Ok(()),
        Some(coding) if coding.eq_ignore_ascii_case("chunked") && head.version == Version::HTTP_11 => Ok(()),
        Some(_) => Err(Failure::not_implemented("This Transfer-Encoding")),
    }
}

/// Headers whose second value could be read instead of the first.
fn must_be_alone(name: &str) -> bool {
    const OTHERS: [&str; 9] = [
        "authorization",
        "cache-control",
        "date",
        "expires",
        "host",
        "range",
        "transfer-encoding",
        "expect",
        "x-amz-date",
    ];
    ["x-amz-", "content-", "if-"].iter().any(|prefix| name.starts_with(prefix)) || OTHERS.contains(&name)
}

/// A form upload brings its fields and its signature in the body.
fn refuse_forms(head: &Parts) -> Result<(), Failure> {
    let content_type = headers::get(&head.headers, "content-type").unwrap_or_default();
    let form = content_type.trim_start().to_ascii_lowercase().starts_with("multipart/form-data");
    // With a signature in the head it is an ordinary request about something of that type.
    let signed = head.headers.contains_key("authorization") || head.uri.query().is_some_and(|q| q.contains("X-Amz-"));
    if head.method == Method::POST && form && !signed {
        return Err(Failure::not_implemented("Uploading by a form"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
