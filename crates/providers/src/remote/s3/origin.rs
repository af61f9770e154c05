//! A bucket that is adopted, over S3: nothing but GET and HEAD is ever sent.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::BodyExt;
use model::{ETag, Metadata, Timestamp};
use object_store::client::HttpResponse;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use super::S3Store;
use crate::origin::{
    Fetched, Origin, OriginEntry, OriginError, OriginErrorKind, OriginObject, OriginPage, md5_of_etag,
};
use crate::remote::wire::{self, Refusal, encode_part, encode_path};
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
const USER: &str = "x-amz-meta-";
/// Keys on a page: what the protocol allows.
const PAGE_MAX: usize = 1000;

pub struct S3Origin {
    store: S3Store,
}

impl S3Origin {
    pub fn new(store: S3Store) -> S3Origin {
        S3Origin { store }
    }

    async fn ask(&self, method: Method, target: &str, headers: &[(&str, &str)]) -> Result<HttpResponse, OriginError> {
        self.store.ask(method, target, headers, Bytes::new()).await.map_err(|error| told(&error))
    }

    async fn read(&self, key: &str, headers: &[(&str, &str)]) -> Result<HttpResponse, OriginError> {
        let response = self.ask(Method::GET, &path(key), headers).await?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }
}

/// Keys are people's: `.` and `..` in them are no steps, and nothing takes them for such escaped.
fn path(key: &str) -> String {
    let steps = |part: &str| match part {
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        part => encode_path(part),
    };
    key.split('/').fold(String::new(), |path, part| path + "/" + &steps(part))
}

async fn refusal(response: HttpResponse) -> OriginError {
    told(&Refusal::of(response).await.error())
}

fn told(error: &Error) -> OriginError {
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

fn invalid(why: impl Into<String>) -> OriginError {
    OriginError::new(OriginErrorKind::Invalid, why)
}

/// What the head of an answer says about the object.
fn object(headers: &HeaderMap) -> Result<OriginObject, OriginError> {
    let text = |name: &str| headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let total = text("content-range").and_then(|range| range.rsplit('/').next());
    let size = total.or_else(|| text("content-length")).and_then(|size| size.parse().ok());
    let etag = text("etag").map(unquoted).ok_or_else(|| invalid("an answer has no ETag"))?;
    // With a key of the vendor's key service an ETag is no MD5, whatever it looks like.
    let by_key_service = text("x-amz-server-side-encryption").is_some_and(|how| how.starts_with("aws:kms"));
    let user = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(USER)?;
        Some((name.to_owned(), std::str::from_utf8(value.as_bytes()).ok()?.to_owned()))
    });
    let system = SYSTEM.iter().filter_map(|name| Some(((*name).to_owned(), text(name)?.to_owned())));
    Ok(OriginObject {
        size: size.ok_or_else(|| invalid("an answer tells no size"))?,
        md5: md5_of_etag(&etag).filter(|_| !by_key_service),
        etag,
        modified: text("last-modified").and_then(header_date).unwrap_or_default(),
        metadata: Metadata { system: system.collect(), user: user.collect(), ..Metadata::default() },
    })
}

fn unquoted(etag: &str) -> ETag {
    ETag(etag.trim_matches('"').to_owned())
}

fn header_date(text: &str) -> Option<Timestamp> {
    OffsetDateTime::parse(text, &Rfc2822).ok().and_then(milliseconds)
}

fn document_date(text: &str) -> Option<Timestamp> {
    OffsetDateTime::parse(text, &Rfc3339).ok().and_then(milliseconds)
}

fn milliseconds(at: OffsetDateTime) -> Option<Timestamp> {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok().map(Timestamp)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", rename = "ListBucketResult")]
struct Page {
    #[serde(default)]
    is_truncated: bool,
    encoding_type: Option<String>,
    #[serde(default)]
    contents: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    key: String,
    size: u64,
    #[serde(rename = "ETag")]
    etag: String,
    last_modified: String,
}

impl Page {
    /// In order, or not at all: a store that lists in another order would be listed with gaps.
    fn in_order(self, after: &str) -> Result<OriginPage, OriginError> {
        let encoded = self.encoding_type.as_deref() == Some("url");
        let entry = |Listed { key, size, etag, last_modified }| {
            Ok(OriginEntry {
                key: if encoded { decoded(&key)? } else { key },
                size,
                etag: unquoted(&etag),
                modified: document_date(&last_modified).unwrap_or_default(),
            })
        };
        let entries = self.contents.into_iter().map(entry).collect::<Result<Vec<_>, OriginError>>()?;
        let mut before = after;
        for entry in &entries {
            if entry.key.as_str() <= before {
                let why = format!("it lists `{}` behind `{before}`, not in the order of their bytes", entry.key);
                return Err(invalid(why));
            }
            before = &entry.key;
        }
        Ok(OriginPage { more: self.is_truncated && !entries.is_empty(), entries })
    }
}

/// A key as `encoding-type=url` shows it: a space is `+`.
fn decoded(text: &str) -> Result<String, OriginError> {
    let bad = || invalid(format!("`{text}` is no key as a listing shows it"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
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

#[async_trait]
impl Origin for S3Origin {
    async fn head(&self, key: &str) -> Result<OriginObject, OriginError> {
        let response = self.ask(Method::HEAD, &path(key), &[]).await?;
        match response.status() {
            status if status.is_success() => object(response.headers()),
            // The answer to HEAD has no body to say whether the object or the bucket is missing.
            StatusCode::NOT_FOUND => match self.read(key, &[("range", "bytes=0-0")]).await {
                Ok(_) => Err(OriginError::new(OriginErrorKind::NotFound, "it came in this moment")),
                Err(error) => Err(error),
            },
            _ => Err(refusal(response).await),
        }
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&ETag>) -> Result<Fetched, OriginError> {
        let range = range.map(|range| (range.start, wire::range_header(&range)));
        let etag = etag.map(|etag| format!("\"{etag}\""));
        let mut headers = Vec::new();
        headers.extend(range.as_ref().map(|(_, range)| ("range", range.as_str())));
        headers.extend(etag.as_ref().map(|etag| (header::IF_MATCH.as_str(), etag.as_str())));
        let response = self.read(key, &headers).await?;
        let whole = response.status() != StatusCode::PARTIAL_CONTENT;
        if whole && range.is_some_and(|(start, _)| start > 0) {
            return Err(invalid("the store does not know ranges"));
        }
        let object = object(response.headers())?;
        let broken = |error| OriginError::new(OriginErrorKind::Unavailable, wire::whole_chain(&error));
        let bytes = response.into_body().into_data_stream().map_err(broken);
        Ok(Fetched { object, bytes: Box::pin(bytes) })
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<OriginPage, OriginError> {
        let after = after.unwrap_or_default();
        let from = if after.is_empty() { String::new() } else { format!("&start-after={}", encode_part(after)) };
        let (count, prefix) = (limit.min(PAGE_MAX), encode_part(prefix));
        let query = format!("?encoding-type=url&list-type=2&max-keys={count}&prefix={prefix}{from}");
        let response = self.ask(Method::GET, &query, &[]).await?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let body = wire::body(response).await.map_err(|error| told(&error))?;
        let page: Page = quick_xml::de::from_reader(body.as_ref())
            .map_err(|error| invalid(format!("a listing cannot be read: {error}")))?;
        page.in_order(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(keys: &[&str]) -> Page {
        let contents = keys.iter().map(|key| {
            let (etag, last_modified) = ("\"e\"".to_owned(), "2026-11-25T18:00:00.250Z".to_owned());
            Listed { key: (*key).to_owned(), size: 7, etag, last_modified }
        });
        Page { is_truncated: true, encoding_type: Some("url".to_owned()), contents: contents.collect() }
    }

    #[test]
    fn a_page_is_decoded_and_must_be_in_byte_order() {
        let read = page(&["a%2Fb", "c+d", "%C3%A9"]).in_order("a").unwrap();
        let keys: Vec<_> = read.entries.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["a/b", "c d", "é"]);
        assert_eq!(read.entries[0].etag, ETag("e".to_owned()));
        assert_eq!(read.entries[0].modified, Timestamp(1_795_629_600_250));
        for (keys, after) in [(&["b/x", "b-x"][..], ""), (&["a"], "a"), (&["a"], "b"), (&["%zz"], ""), (&["%F"], "")] {
            let error = page(keys).in_order(after).unwrap_err();
            assert_eq!(error.kind, OriginErrorKind::Invalid, "{keys:?} after `{after}`");
        }
    }

    #[test]
    fn a_listing_is_read() {
        let xml = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Name>b</Name><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated><Contents><Key>a%26b</Key>\
            <LastModified>2026-11-25T18:00:00Z</LastModified><ETag>&quot;x-2&quot;</ETag><Size>7</Size>\
            <Owner><ID>o</ID></Owner></Contents></ListBucketResult>";
        let page: Page = quick_xml::de::from_str(xml).unwrap();
        let read = page.in_order("").unwrap();
        assert_eq!((read.entries[0].key.as_str(), read.entries[0].etag.0.as_str(), read.more), ("a&b", "x-2", false));
    }

    #[test]
    fn the_head_of_an_answer_tells_the_object() {
        let md5 = "000102030405060708090a0b0c0d0e0f";
        let head = |more: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            let etag = format!("\"{md5}\"");
            let always = [("etag", etag.as_str()), ("content-length", "5"), ("content-type", "text/tea")];
            for (name, value) in always.iter().chain(more) {
                headers.insert(*name, value.parse().unwrap());
            }
            object(&headers).unwrap()
        };
        let plain = head(&[("x-amz-meta-leaf", "green"), ("last-modified", "Wed, 25 Nov 2026 18:00:00 GMT")]);
        assert_eq!((plain.size, plain.modified), (5, Timestamp(1_795_629_600_000)));
        assert!(plain.md5.is_some());
        assert_eq!(plain.metadata.system["content-type"], "text/tea");
        assert_eq!(plain.metadata.user["leaf"], "green");
        assert_eq!(head(&[("content-range", "bytes 0-4/77")]).size, 77);
        assert_eq!(head(&[("x-amz-server-side-encryption", "aws:kms")]).md5, None);
    }

    #[test]
    fn keys_are_no_paths() {
        for (key, expected) in [("a/b", "/a/b"), ("../a", "/%2E%2E/a"), ("a//b/", "/a//b/"), ("a b", "/a%20b")] {
            assert_eq!(path(key), expected);
        }
    }
}
