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

pub(crate) use claim::{of_form as claim_of_form, of_form_by_version_2 as claim_of_form_by_version_2};
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
    /// `None` when it says nothing about who asks.
    pub(crate) claim: Option<Claim>,
    pub(crate) payload: Payload,
}

/// A form upload as its head tells: who asks, and what for, comes in the body.
#[derive(Debug)]
pub(crate) struct FormHead {
    pub(crate) bucket: BucketName,
    pub(crate) boundary: String,
}

/// A request of a page at another origin, or a browser's question whether there may be one.
#[derive(Debug)]
pub(crate) struct Crossing {
    pub(crate) bucket: BucketName,
    pub(crate) origin: String,
    pub(crate) method: String,
    /// Names of the headers it would carry, with commas between them.
    pub(crate) headers: String,
}

/// Reads a head, or says why not.
pub(crate) fn admit(head: &Parts, settings: &Settings, now: Timestamp) -> Result<Admitted, Failure> {
    check_framing(head, settings)?;
    let whole = target::parse_query(head.uri.query().unwrap_or_default())?;
    let (claimant, rest) = claim::claimant(head, &whole)?;
    if let Some(claimant) = &claimant {
        claim::all_signed(claimant, &head.headers)?;
    }
    let target = target::parse(head, &settings.domains)?;
    let operation = table::route(&head.method, &target, &rest, source(head, &rest))?;
    let (query, headers) = match &claimant {
        Some(claimant) => claim::hoist(claimant, rest, &head.headers)?,
        None => (rest, head.headers.clone()),
    };
    table::check(operation, &query, &headers)?;
    values::check(operation, &query, &headers)?;
    let prepare = |claimant| claim::prepare(head, &whole, &headers, claimant, &settings.region, now);
    let claim = claimant.as_ref().map(prepare).transpose()?;
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

/// The head of a form upload, which brings its fields and its signature in the body; `None` if it is an
/// ordinary request.
pub(crate) fn form_head(head: &Parts, settings: &Settings) -> Result<Option<FormHead>, Failure> {
    let content_type = headers::get(&head.headers, "content-type").unwrap_or_default();
    let (kind, parameters) = content_type.split_once(';').unwrap_or((&content_type, ""));
    // With a signature in the head it is an ordinary request about something of that type.
    let signed = head.headers.contains_key("authorization") || head.uri.query().is_some();
    if head.method != Method::POST || signed || !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Ok(None);
    }
    check_framing(head, settings)?;
    let target::Target::Bucket(bucket) = target::parse(head, &settings.domains)? else {
        return Err(Code::MethodNotAllowed.into());
    };
    let boundary = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
    });
    // RFC 2046: 1 to 70 characters.
    let boundary = boundary.filter(|boundary| (1..=70).contains(&boundary.len()));
    let boundary = boundary.ok_or(Code::MalformedPOSTRequest)?;
    if !head.headers.contains_key("content-length") {
        return Err(Code::MissingContentLength.into());
    }
    if let Some(name) = head.headers.keys().map(http::HeaderName::as_str).find(|name| name.starts_with("x-amz-")) {
        let message = format!("A form says in its fields what {name} says.");
        return Err(Failure::because(Code::NotImplemented, message).with("Header", name.to_owned()));
    }
    Ok(Some(FormHead { bucket, boundary }))
}

/// The head of a browser's question, which carries no credentials and whose query means nothing.
pub(crate) fn preflight(head: &Parts, settings: &Settings) -> Result<Crossing, Failure> {
    check_framing(head, settings)?;
    let bad = |message: &str| Failure::because(Code::BadRequest, message);
    let bucket = match target::parse(head, &settings.domains)? {
        target::Target::Bucket(bucket) | target::Target::Object(bucket, _) => bucket,
        target::Target::Root => return Err(bad("Insufficient information. Bucket needed.")),
    };
    let given = |name| headers::get(&head.headers, name);
    let origin = given("origin").ok_or_else(|| bad("Insufficient information. Origin request header needed."))?;
    let method =
        given("access-control-request-method").ok_or_else(|| bad("Invalid Access-Control-Request-Method: null"))?;
    let headers = given("access-control-request-headers").unwrap_or_default();
    Ok(Crossing { bucket, origin, method, headers })
}

impl Admitted {
    /// What the fields of a form ask for, as a PutObject whose headers they are.
    pub(crate) fn of_form(bucket: BucketName, key: ObjectKey, headers: HeaderMap) -> Result<Admitted, Failure> {
        let (operation, query) = (Operation::PostObject, Query::default());
        table::check(operation, &query, &headers)?;
        values::check(operation, &query, &headers)?;
        let (bucket, key, payload) = (Some(bucket), Some(key), Payload::of_form(&headers)?);
        Ok(Admitted { operation, bucket, key, query, headers, claim: None, payload })
    }
}

/// The bucket that a head names, whatever else may be wrong with it.
pub(crate) fn bucket_named(head: &Parts, settings: &Settings) -> Option<BucketName> {
    target::parse(head, &settings.domains).ok()?.into_names().0
}

#[cfg(test)]
mod tests;
