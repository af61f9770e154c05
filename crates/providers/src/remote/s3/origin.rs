//! A bucket that is adopted, over S3: nothing but GET and HEAD is ever sent.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use model::ETag;
use object_store::client::HttpResponse;
use serde::Deserialize;

use super::S3Store;
use crate::origin::{
    Fetched, Origin, OriginEntry, OriginError, OriginErrorKind, OriginObject, OriginPage, md5_of_etag,
};
use crate::remote::origin::{self, document_date, in_order, invalid, path, refusal, told, unescaped, unquoted};
use crate::remote::wire::{self, encode_part};

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

/// What the head of an answer says about the object.
fn object(headers: &HeaderMap) -> Result<OriginObject, OriginError> {
    let etag = origin::etag(headers)?;
    // With a key of the vendor's key service an ETag is no MD5, whatever it looks like.
    let how = origin::text(headers, "x-amz-server-side-encryption");
    let by_key_service = how.is_some_and(|how| how.starts_with("aws:kms"));
    Ok(OriginObject {
        size: origin::size(headers)?,
        md5: md5_of_etag(&etag).filter(|_| !by_key_service),
        etag,
        modified: origin::modified(headers),
        metadata: origin::metadata(headers, USER),
    })
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
    fn read(self, after: &str) -> Result<OriginPage, OriginError> {
        let encoded = self.encoding_type.as_deref() == Some("url");
        let entry = |Listed { key, size, etag, last_modified }| {
            Ok(OriginEntry {
                // A space is shown as `+`.
                key: if encoded { unescaped(&key.replace('+', " "))? } else { key },
                size,
                etag: unquoted(&etag),
                modified: document_date(&last_modified).unwrap_or_default(),
            })
        };
        let entries = self.contents.into_iter().map(entry).collect::<Result<Vec<_>, OriginError>>()?;
        in_order(entries, after, self.is_truncated)
    }
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
        let span = range.as_ref().map(wire::range_header);
        let etag = etag.map(|etag| format!("\"{etag}\""));
        let mut headers = Vec::new();
        headers.extend(span.as_ref().map(|span| ("range", span.as_str())));
        headers.extend(etag.as_ref().map(|etag| (header::IF_MATCH.as_str(), etag.as_str())));
        let response = self.read(key, &headers).await?;
        let object = object(response.headers())?;
        Ok(Fetched { object, bytes: origin::bytes(response, range.as_ref())? })
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
        page.read(after)
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

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
        let read = page(&["a%2Fb", "c+d", "%C3%A9"]).read("a").unwrap();
        let keys: Vec<_> = read.entries.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["a/b", "c d", "é"]);
        assert_eq!(read.entries[0].etag, ETag("e".to_owned()));
        assert_eq!(read.entries[0].modified, Timestamp(1_795_629_600_250));
        for (keys, after) in [(&["b/x", "b-x"][..], ""), (&["a"], "a"), (&["a"], "b"), (&["%zz"], ""), (&["%F"], "")] {
            let error = page(keys).read(after).unwrap_err();
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
        let read = page.read("").unwrap();
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
}
