//! What the vendors' protocols share: addresses, ranges, and what a refusal means.

use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use object_store::client::{HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService};
use serde::Deserialize;

use crate::http::Http;
use crate::store::{Error, ErrorKind};

/// Of a listing or a description; a thousand long names with their dates fit several times.
const DOCUMENT_BYTES_MAX: usize = 16 << 20;
/// Of a refusal: what is behind is not worth reading.
const REFUSAL_BYTES_MAX: usize = 64 << 10;
/// Letters of a vendor's message that are passed on.
const MESSAGE_MAX: usize = 200;

/// Sends a request; an answer of any status is an answer.
pub async fn send(http: &Http, request: HttpRequest) -> Result<HttpResponse, Error> {
    http.call(request).await.map_err(|error| unreached(&error))
}

fn unreached(error: &HttpError) -> Error {
    let kind = match error.kind() {
        HttpErrorKind::Timeout => ErrorKind::TimedOut,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, whole_chain(error))
}

/// A failure with its causes: an HTTP library's own message says little.
pub fn whole_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let said = source.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = source.source();
    }
    text
}

/// A name as it stands in an address; slashes stay.
pub fn encode_path(name: &str) -> String {
    encode(name, |byte| byte == b'/')
}

/// A name as one part of an address or as a value behind `?`.
pub fn encode_part(text: &str) -> String {
    encode(text, |_| false)
}

/// Everything but what RFC 3986 calls unreserved is escaped: the form that signatures are made of.
fn encode(text: &str, keep: impl Fn(u8) -> bool) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') || keep(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The value of a `Range` header. The range is not empty.
pub fn range_header(range: &Range<u64>) -> String {
    format!("bytes={}-{}", range.start, range.end.saturating_sub(1))
}

/// Refuses what is no range; tells whether it is empty, which HTTP cannot ask for.
pub fn is_empty(range: &Range<u64>) -> Result<bool, Error> {
    if range.start > range.end {
        return Err(Error::new(ErrorKind::Invalid, format!("{range:?} is no range")));
    }
    Ok(range.is_empty())
}

/// A range must end inside the object, whatever HTTP would make of it.
pub fn check_end(range: &Range<u64>, length: u64) -> Result<(), Error> {
    if range.end > length {
        return Err(Error::new(ErrorKind::Invalid, format!("{range:?} ends behind the {length} bytes there are")));
    }
    Ok(())
}

/// The bytes of `range` out of a successful answer: the part asked for, or a whole small object.
pub async fn ranged(response: HttpResponse, range: &Range<u64>) -> Result<Bytes, Error> {
    let length = |range: &Range<u64>| usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let partial = response.status() == StatusCode::PARTIAL_CONTENT;
    if partial {
        let total = text(response.headers(), &header::CONTENT_RANGE).and_then(|range| range.rsplit('/').next());
        check_end(range, total.and_then(|total| total.parse().ok()).unwrap_or(range.end))?;
    }
    let bytes = if partial { document(response, length(range)).await? } else { whole(response, range).await? };
    if bytes.len() != length(range) {
        let why = format!("{} bytes came for {range:?}", bytes.len());
        return Err(Error::new(ErrorKind::Unavailable, why));
    }
    Ok(bytes)
}

/// A store that does not know ranges gives everything.
async fn whole(response: HttpResponse, range: &Range<u64>) -> Result<Bytes, Error> {
    let bytes = document(response, DOCUMENT_BYTES_MAX).await?;
    check_end(range, bytes.len() as u64)?;
    let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
    Ok(bytes.slice(start.unwrap_or(bytes.len())..end.unwrap_or(bytes.len())))
}

/// A body that is read at once.
pub async fn body(response: HttpResponse) -> Result<Bytes, Error> {
    document(response, DOCUMENT_BYTES_MAX).await
}

async fn document(response: HttpResponse, most: usize) -> Result<Bytes, Error> {
    let collected = Limited::new(response.into_body(), most).collect().await;
    let cut = |error: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Unavailable, format!("the answer broke off: {}", whole_chain(error.as_ref())))
    };
    collected.map(http_body_util::Collected::to_bytes).map_err(cut)
}

pub fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// An object's length out of the answer to HEAD.
pub fn content_length(headers: &HeaderMap) -> Result<u64, Error> {
    let length = text(headers, header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    length.ok_or_else(|| Error::new(ErrorKind::Unavailable, "the answer tells no length"))
}

/// What a vendor refused with: the status and the vendor's own word.
pub struct Refusal {
    pub status: StatusCode,
    pub code: String,
    pub message: String,
}

impl Refusal {
    pub async fn of(response: HttpResponse) -> Refusal {
        let status = response.status();
        let code = text(response.headers(), "x-ms-error-code").map(str::to_owned);
        // What breaks off says at least its status.
        let body = document(response, REFUSAL_BYTES_MAX).await.unwrap_or_default();
        let (said, message) = words(&String::from_utf8_lossy(&body));
        Refusal { status, code: code.unwrap_or(said), message }
    }

    /// For every request alike; an adapter looks first for what only it knows.
    pub fn error(self) -> Error {
        let Refusal { status, code, message } = self;
        let text = format!("{} {code} {message}", status.as_u16());
        Error::new(judge(status, &code), text.trim_end().to_owned())
    }
}

/// The vendor's word and message out of an XML or JSON body.
fn words(body: &str) -> (String, String) {
    #[derive(Deserialize)]
    struct Answer {
        error: Said,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Said {
        message: String,
        errors: Vec<Detail>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Detail {
        reason: String,
    }
    if let Ok(Answer { error }) = serde_json::from_str::<Answer>(body) {
        let reason = error.errors.into_iter().next().map(|detail| detail.reason);
        return (reason.unwrap_or_default(), shorten(&error.message));
    }
    let between = |tag: &str| {
        let (_, rest) = body.split_once(&format!("<{tag}>"))?;
        rest.split_once(&format!("</{tag}>")).map(|(inner, _)| inner.trim())
    };
    (between("Code").unwrap_or_default().to_owned(), shorten(between("Message").unwrap_or_default()))
}

fn shorten(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(MESSAGE_MAX).collect()
}

/// What a refusal means. Words come first: statuses are shared by too much.
fn judge(status: StatusCode, code: &str) -> ErrorKind {
    match code {
        "NoSuchKey" | "BlobNotFound" => ErrorKind::NotFound,
        // The site as a whole is gone, which says nothing of an object.
        "NoSuchBucket"
        | "ContainerNotFound"
        | "ContainerBeingDeleted"
        | "ContainerDisabled"
        | "AccountBeingCreated" => ErrorKind::Unavailable,
        "PreconditionFailed" | "BlobAlreadyExists" | "ConditionalRequestConflict" | "conditionNotMet" => {
            ErrorKind::AlreadyExists
        }
        "SlowDown"
        | "TooManyRequests"
        | "ServerBusy"
        | "RequestLimitExceeded"
        | "Throttling"
        | "rateLimitExceeded"
        | "userRateLimitExceeded" => ErrorKind::Throttled,
        "QuotaExceeded" | "quotaExceeded" | "InsufficientStorage" | "StorageLimitExceeded" | "XMinioStorageFull" => {
            ErrorKind::Full
        }
        "RequestTimeout" | "OperationTimedOut" => ErrorKind::TimedOut,
        "BadDigest" | "InvalidDigest" | "XAmzContentChecksumMismatch" | "Md5Mismatch" | "Crc64Mismatch" => {
            ErrorKind::Corrupt
        }
        "InvalidRange" => ErrorKind::Invalid,
        _ => judge_status(status),
    }
}

/// A request that the vendor calls wrong is one it refuses to us: names were checked before, so the
/// cause lies in the settings, and the site is no use until they are right.
fn judge_status(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        404 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::TimedOut,
        409 | 500..=503 => ErrorKind::Unavailable,
        412 => ErrorKind::AlreadyExists,
        416 => ErrorKind::Invalid,
        429 => ErrorKind::Throttled,
        507 => ErrorKind::Full,
        300..=499 => ErrorKind::Denied,
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_signatures_want_them() {
        for (name, path, part) in [
            ("a/b-c_d.e~f", "a/b-c_d.e~f", "a%2Fb-c_d.e~f"),
            ("a b+c", "a%20b%2Bc", "a%20b%2Bc"),
            ("%2e?#&='", "%252e%3F%23%26%3D%27", "%252e%3F%23%26%3D%27"),
        ] {
            assert_eq!((encode_path(name).as_str(), encode_part(name).as_str()), (path, part));
        }
    }

    #[test]
    fn refusals_mean_what_their_vendors_say() {
        use ErrorKind::*;
        for (status, body, kind) in [
            (404, "<Error><Code>NoSuchKey</Code></Error>", NotFound),
            (404, "<Error><Code>NoSuchBucket</Code></Error>", Unavailable),
            (404, "", NotFound),
            (403, "<Error><Code>AccessDenied</Code></Error>", Denied),
            (400, "<Error><Code>ExpiredToken</Code></Error>", Denied),
            (301, "<Error><Code>PermanentRedirect</Code></Error>", Denied),
            (400, "<Error><Code>BadDigest</Code></Error>", Corrupt),
            (400, "<Error><Code>RequestTimeout</Code></Error>", TimedOut),
            (503, "<Error><Code>SlowDown</Code><Message>Please reduce</Message></Error>", Throttled),
            (503, "", Unavailable),
            (500, "<html>", Unavailable),
            (409, "<Error><Code>BlobAlreadyExists</Code></Error>", AlreadyExists),
            (409, "<Error><Code>ContainerBeingDeleted</Code></Error>", Unavailable),
            (412, "", AlreadyExists),
            (416, "", Invalid),
            (507, "", Full),
            (403, r#"{"error":{"message":"m","errors":[{"reason":"quotaExceeded"}]}}"#, Full),
            (429, r#"{"error":{"message":"m","errors":[{"reason":"rateLimitExceeded"}]}}"#, Throttled),
            (412, r#"{"error":{"message":"m","errors":[{"reason":"conditionNotMet"}]}}"#, AlreadyExists),
        ] {
            let (code, _) = words(body);
            assert_eq!(judge(StatusCode::from_u16(status).unwrap(), &code), kind, "{status} {body}");
        }
    }

    #[test]
    fn a_message_is_one_short_line() {
        let (code, message) = words(&format!("<Code>X</Code><Message>{}\nmore</Message>", "a".repeat(999)));
        assert_eq!((code.as_str(), message.len()), ("X", MESSAGE_MAX));
    }
}
