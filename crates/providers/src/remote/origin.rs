//! What the origins of all vendors share: how an object's head is read, what a refusal means to who
//! adopts, and that a listing comes in order.

use std::collections::BTreeMap;
use std::ops::Range;

use futures::TryStreamExt;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use model::{ETag, Metadata, Timestamp};
use object_store::client::HttpResponse;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use super::wire::{self, Refusal, encode_path};
use crate::origin::{OriginBytes, OriginEntry, OriginError, OriginErrorKind, OriginPage};
use crate::store::{Error, ErrorKind};

/// Headers that say something about an object and are kept with it.
const SYSTEM: [&str; 7] = [
    "content-type",
    "cache-control",
    "content-encoding",
    "content-disposition",
    "content-language",
    "expires",
    "x-amz-website-redirect-location",
];

/// Keys are people's: `.` and `..` in them are no steps, and nothing takes them for such escaped.
pub fn path(key: &str) -> String {
    let steps = |part: &str| match part {
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        part => encode_path(part),
    };
    key.split('/').fold(String::new(), |path, part| path + "/" + &steps(part))
}

pub async fn refusal(response: HttpResponse) -> OriginError {
    let refusal = Refusal::of(response).await;
    // Nothing that could lie in it is absent for that.
    if matches!(refusal.code.as_str(), "NoSuchBucket" | "ContainerNotFound") {
        return no_bucket(&refusal);
    }
    told(&refusal.error())
}

pub fn no_bucket(refusal: &Refusal) -> OriginError {
    let Refusal { status, code, message } = refusal;
    OriginError::new(OriginErrorKind::NoBucket, format!("{} {code} {message}", status.as_u16()).trim_end())
}

pub fn told(error: &Error) -> OriginError {
    let kind = match error.kind {
        ErrorKind::NotFound => OriginErrorKind::NotFound,
        ErrorKind::AlreadyExists => OriginErrorKind::Changed,
        ErrorKind::Denied => OriginErrorKind::Denied,
        ErrorKind::Throttled => OriginErrorKind::Throttled,
        ErrorKind::Full | ErrorKind::TimedOut | ErrorKind::Unavailable => OriginErrorKind::Unavailable,
        ErrorKind::Corrupt | ErrorKind::Invalid => OriginErrorKind::Invalid,
    };
    OriginError::new(kind, wire::whole_chain(error))
}

pub fn invalid(why: impl Into<String>) -> OriginError {
    OriginError::new(OriginErrorKind::Invalid, why)
}

/// The value of a header in UTF-8, which is how vendors send what is not ASCII.
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
}

/// What the headers say about the object: those of HTTP, and those that begin with `user`.
pub fn metadata(headers: &HeaderMap, user: &str) -> Metadata {
    let own = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(user)?;
        Some((name.to_owned(), std::str::from_utf8(value.as_bytes()).ok()?.to_owned()))
    });
    let system = SYSTEM.iter().filter_map(|name| Some(((*name).to_owned(), text(headers, name)?.to_owned())));
    Metadata { system: system.collect(), user: own.collect::<BTreeMap<_, _>>(), ..Metadata::default() }
}

/// The size of the whole object, of which the answer may hold a part.
pub fn size(headers: &HeaderMap) -> Result<u64, OriginError> {
    let total = text(headers, "content-range").and_then(|range| range.rsplit('/').next());
    let size = total.or_else(|| text(headers, "content-length")).and_then(|size| size.parse().ok());
    size.ok_or_else(|| invalid("an answer tells no size"))
}

pub fn etag(headers: &HeaderMap) -> Result<ETag, OriginError> {
    text(headers, "etag").map(unquoted).ok_or_else(|| invalid("an answer has no ETag"))
}

pub fn modified(headers: &HeaderMap) -> Timestamp {
    text(headers, "last-modified").and_then(header_date).unwrap_or_default()
}

pub fn unquoted(etag: &str) -> ETag {
    ETag(etag.trim_matches('"').to_owned())
}

/// A date as HTTP has it, and Azure's listings.
pub fn header_date(text: &str) -> Option<Timestamp> {
    OffsetDateTime::parse(text, &Rfc2822).ok().and_then(milliseconds)
}

pub fn document_date(text: &str) -> Option<Timestamp> {
    OffsetDateTime::parse(text, &Rfc3339).ok().and_then(milliseconds)
}

fn milliseconds(at: OffsetDateTime) -> Option<Timestamp> {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok().map(Timestamp)
}

/// The bytes of an answer as they come. `range` was asked for.
pub fn bytes(response: HttpResponse, range: Option<&Range<u64>>) -> Result<OriginBytes, OriginError> {
    let whole = response.status() != StatusCode::PARTIAL_CONTENT;
    if whole && range.is_some_and(|range| range.start > 0) {
        return Err(invalid("the store does not know ranges"));
    }
    let broken = |error| OriginError::new(OriginErrorKind::Unavailable, wire::whole_chain(&error));
    Ok(Box::pin(response.into_body().into_data_stream().map_err(broken)))
}

/// A key whose bytes are escaped as in a URL.
pub fn unescaped(text: &str) -> Result<String, OriginError> {
    let bad = || invalid(format!("`{text}` is no key as a listing shows it"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit(rest.next()).ok_or_else(bad)?, digit(rest.next()).ok_or_else(bad)?);
                u8::try_from(high * 16 + low).map_err(|_| bad())?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

/// A page in the order of its keys' bytes, or none at all: a store that lists in another order would
/// be listed with gaps.
pub fn in_order(entries: Vec<OriginEntry>, after: &str, more: bool) -> Result<OriginPage, OriginError> {
    let mut before = after;
    for entry in &entries {
        if entry.key.as_str() <= before {
            let why = format!("it lists `{}` behind `{before}`, not in the order of their bytes", entry.key);
            return Err(invalid(why));
        }
        before = &entry.key;
    }
    Ok(OriginPage { more: more && !entries.is_empty(), entries })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_no_paths() {
        for (key, expected) in [("a/b", "/a/b"), ("../a", "/%2E%2E/a"), ("a//b/", "/a//b/"), ("a b", "/a%20b")] {
            assert_eq!(path(key), expected);
        }
    }

    #[tokio::test]
    async fn a_bucket_that_is_not_there_is_no_absent_object() {
        use OriginErrorKind::{NoBucket, NotFound};
        for (code, kind) in [
            ("NoSuchBucket", NoBucket),
            ("ContainerNotFound", NoBucket),
            ("NoSuchKey", NotFound),
            ("BlobNotFound", NotFound),
        ] {
            let body = format!("<Error><Code>{code}</Code></Error>");
            let answer = http::Response::builder().status(404).body(body.into_bytes().into()).unwrap();
            assert_eq!(refusal(answer).await.kind, kind, "{code}");
        }
    }
}
