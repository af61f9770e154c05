//! Headers and what they mean: metadata both ways, conditions, ranges.

use std::collections::BTreeMap;
use std::ops::Range;

use http::{HeaderMap, HeaderName, HeaderValue};
use model::condition::ETags;
use model::{ETag, Metadata, Precondition, ReadConditions};

use crate::error::{Code, Failure, invalid_range};
use crate::gate::Query;
use crate::limits::METADATA_BYTES_MAX;
use crate::text;

/// System metadata that is kept and given back.
const SYSTEM: [&str; 6] =
    ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"];

const USER: &str = "x-amz-meta-";

/// What GET says of an object that came without a type.
const DEFAULT_TYPE: &str = "binary/octet-stream";

/// A header's value as text: UTF-8, or else Latin-1 as HTTP once had it.
pub(crate) fn text(value: &HeaderValue) -> String {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
    }
}

/// The header's value, if there is one.
pub(crate) fn get(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(text)
}

/// Without spaces at the ends, and single ones between words.
pub(crate) fn squeeze(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// The metadata of a new object.
pub(crate) fn metadata(headers: &HeaderMap) -> Result<Metadata, Failure> {
    let mut metadata = Metadata::default();
    for name in SYSTEM {
        let Some(mut value) = get(headers, name) else { continue };
        if name == "content-encoding" {
            value = without_framing(&value);
        }
        if !value.is_empty() {
            metadata.system.insert(name.to_owned(), value);
        }
    }
    for (name, value) in headers {
        if let Some(name) = name.as_str().strip_prefix(USER) {
            metadata.user.insert(name.to_owned(), text(value));
        }
    }
    let bytes: usize = metadata.user.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > METADATA_BYTES_MAX {
        return Err(Failure::new(Code::MetadataTooLarge)
            .with("Size", bytes.to_string())
            .with("MaxSizeAllowed", METADATA_BYTES_MAX.to_string()));
    }
    Ok(metadata)
}

/// `aws-chunked` is how the body travelled, not what the object is encoded in.
fn without_framing(encodings: &str) -> String {
    let framing = |one: &str| one.trim().eq_ignore_ascii_case("aws-chunked");
    if !encodings.split(',').any(framing) {
        return encodings.to_owned();
    }
    let kept = encodings.split(',').map(str::trim).filter(|one| !framing(one));
    kept.collect::<Vec<_>>().join(", ")
}

/// Writes an object's metadata, with what the query wants in place of it.
pub(crate) fn write_metadata(metadata: &Metadata, query: &Query, headers: &mut HeaderMap) -> Result<(), Failure> {
    let defaults = BTreeMap::from([("content-type".to_owned(), DEFAULT_TYPE.to_owned())]);
    for (name, value) in defaults.iter().chain(&metadata.system) {
        insert(headers, name, display(value));
    }
    for (name, value) in &metadata.user {
        insert(headers, &format!("{USER}{name}"), display(value));
    }
    for (name, value) in &query.0 {
        let Some(header) = name.strip_prefix("response-") else { continue };
        let content = HeaderValue::from_str(value)
            .map_err(|_| Failure::argument(name, value, format!("{name} is no header value.")))?;
        insert(headers, header, content);
    }
    Ok(())
}

fn insert(headers: &mut HeaderMap, name: &str, value: HeaderValue) {
    // Every name was a header's name when it came.
    if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
        headers.insert(name, value);
    }
}

/// The value as a header; what is not plain ASCII goes as S3 sends it, by RFC 2047.
fn display(value: &str) -> HeaderValue {
    let plain = Some(value).filter(|value| value.is_ascii()).and_then(|value| HeaderValue::from_str(value).ok());
    let encoded = || HeaderValue::try_from(format!("=?UTF-8?B?{}?=", text::base64(value.as_bytes())));
    plain.or_else(|| encoded().ok()).unwrap_or_else(|| HeaderValue::from_static(""))
}

/// The conditions of a GET or HEAD. A date that is no date is no condition (RFC 9110, 13.1.3).
pub(crate) fn read_conditions(headers: &HeaderMap) -> ReadConditions {
    read_conditions_named(headers, &str::to_owned)
}

/// The same under other names.
pub(crate) fn read_conditions_named(headers: &HeaderMap, named: &dyn Fn(&str) -> String) -> ReadConditions {
    let get = |name| get(headers, &named(name));
    let date = |name| get(name).and_then(|value| text::from_http_date(value.trim()));
    ReadConditions {
        if_match: get("if-match").map(|value| etags(&value, Weak::Never)),
        if_none_match: get("if-none-match").map(|value| etags(&value, Weak::AsStrong)),
        if_modified_since: date("if-modified-since"),
        if_unmodified_since: date("if-unmodified-since"),
    }
}

/// How a weak ETag compares (RFC 9110, 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weak {
    AsStrong,
    Never,
}

fn etags(value: &str, weak: Weak) -> ETags {
    if value.trim() == "*" {
        return ETags::Any;
    }
    let one = |text: &str| match text.trim().strip_prefix("W/") {
        Some(_) if weak == Weak::Never => None,
        Some(rest) => Some(unquote(rest)),
        None => Some(unquote(text.trim())),
    };
    ETags::OneOf(value.split(',').filter_map(one).collect())
}

/// An ETag with or without its quotes.
pub(crate) fn unquote(etag: &str) -> ETag {
    let inner = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    ETag(inner.unwrap_or(etag).to_owned())
}

/// The condition of a write.
pub(crate) fn write_condition(headers: &HeaderMap) -> Result<Precondition, Failure> {
    match (get(headers, "if-match"), get(headers, "if-none-match")) {
        (None, None) => Ok(Precondition::None),
        (Some(value), None) => match value.trim() {
            "*" => Ok(Precondition::Present),
            etag if etag.contains(',') || etag.starts_with("W/") => {
                Err(Failure::not_implemented("If-Match with anything but one strong ETag"))
            }
            etag => Ok(Precondition::Matches(unquote(etag))),
        },
        (None, Some(value)) if value.trim() == "*" => Ok(Precondition::Absent),
        (None, Some(_)) => Err(Failure::not_implemented("If-None-Match with anything but * on a write")),
        (Some(_), Some(_)) => Err(Failure::not_implemented("If-Match together with If-None-Match")),
    }
}

/// The one range a `Range` header asks for, within `size` bytes. `None` means the whole: there is
/// no header, it is in another unit, makes no sense, or asks for several ranges.
pub(crate) fn range(headers: &HeaderMap, size: u64) -> Result<Option<Range<u64>>, Failure> {
    let Some(value) = get(headers, "range") else { return Ok(None) };
    let Some((first, last)) = value.trim().strip_prefix("bytes=").and_then(|spec| spec.split_once('-')) else {
        return Ok(None);
    };
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let (from, to) = match (first, last) {
        ("", last) => match number(last) {
            Some(suffix) if suffix > 0 => (size.saturating_sub(suffix), size),
            Some(_) => return Err(invalid_range(size)),
            None => return Ok(None),
        },
        (first, "") => match number(first) {
            Some(from) => (from, size),
            None => return Ok(None),
        },
        (first, last) => match (number(first), number(last)) {
            (Some(from), Some(last)) if from <= last => (from, last.saturating_add(1).min(size)),
            _ => return Ok(None),
        },
    };
    if from >= size {
        return Err(invalid_range(size));
    }
    Ok(Some(from..to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(pairs: &[(&str, &str)]) -> HeaderMap {
        let parse = |(name, value): &(&str, &str)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        pairs.iter().map(parse).collect()
    }

    #[test]
    fn ranges_are_read_as_s3_reads_them() {
        let check = |value: &str, size| range(&head(&[("range", value)]), size).map_err(|failure| failure.code());
        for (value, expected) in [
            ("bytes=0-0", Some(0..1)),
            ("bytes=2-", Some(2..10)),
            ("bytes=2-99", Some(2..10)),
            ("bytes=-3", Some(7..10)),
            ("bytes=-99", Some(0..10)),
            ("bytes=5-2", None),
            ("bytes=0-1,3-4", None),
            ("bytes=a-b", None),
            ("bytes=-", None),
            ("lines=0-1", None),
        ] {
            assert_eq!(check(value, 10), Ok(expected), "{value}");
        }
        for value in ["bytes=10-", "bytes=10-11", "bytes=-0"] {
            assert_eq!(check(value, 10), Err(Code::InvalidRange), "{value}");
        }
        assert_eq!(check("bytes=-1", 0), Err(Code::InvalidRange));
    }

    #[test]
    fn metadata_comes_back_as_it_was() {
        let given = head(
            &[
                ("content-type", "text/plain"),
                ("content-encoding", "gzip, aws-chunked"),
                ("x-amz-meta-colour", "green"),
                ("x-amz-meta-città", "x"),
            ][..3],
        );
        let metadata = metadata(&given).unwrap();
        let mut back = HeaderMap::new();
        write_metadata(&metadata, &Query::default(), &mut back).unwrap();
        assert_eq!(
            back,
            head(&[("content-type", "text/plain"), ("content-encoding", "gzip"), ("x-amz-meta-colour", "green")])
        );
    }

    #[test]
    fn other_alphabets_travel_by_rfc_2047() {
        let metadata = metadata(&head(&[("x-amz-meta-name", "ключ")])).unwrap();
        let mut back = HeaderMap::new();
        write_metadata(&metadata, &Query::default(), &mut back).unwrap();
        assert_eq!(get(&back, "x-amz-meta-name").as_deref(), Some("=?UTF-8?B?0LrQu9GO0Yc=?="));
    }

    #[test]
    fn user_metadata_has_a_limit() {
        let value = "v".repeat(METADATA_BYTES_MAX - 1);
        assert!(metadata(&head(&[("x-amz-meta-n", &value)])).is_ok());
        let failure = metadata(&head(&[("x-amz-meta-nn", &value)])).unwrap_err();
        assert_eq!(failure.code(), Code::MetadataTooLarge);
    }

    #[test]
    fn the_query_overrides_what_is_answered() {
        let query = Query(vec![("response-content-type".into(), "image/png".into())]);
        let mut back = HeaderMap::new();
        write_metadata(&Metadata::default(), &query, &mut back).unwrap();
        assert_eq!(get(&back, "content-type").as_deref(), Some("image/png"));
        let query = Query(vec![("response-expires".into(), "a\nb".into())]);
        assert_eq!(write_metadata(&Metadata::default(), &query, &mut back).unwrap_err().code(), Code::InvalidArgument);
    }

    #[test]
    fn conditions_of_writes_are_those_s3_has() {
        let check = |pairs: &[(&str, &str)]| write_condition(&head(pairs)).map_err(|failure| failure.code());
        assert_eq!(check(&[]), Ok(Precondition::None));
        assert_eq!(check(&[("if-none-match", "*")]), Ok(Precondition::Absent));
        assert_eq!(check(&[("if-match", "\"a\"")]), Ok(Precondition::Matches(ETag("a".into()))));
        assert_eq!(check(&[("if-none-match", "\"a\"")]), Err(Code::NotImplemented));
        assert_eq!(check(&[("if-match", "\"a\", \"b\"")]), Err(Code::NotImplemented));
        assert_eq!(check(&[("if-match", "*"), ("if-none-match", "*")]), Err(Code::NotImplemented));
    }
}
