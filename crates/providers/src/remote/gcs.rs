//! Google Cloud Storage, by its JSON interface: what works at Google and at the stand-in alike.

pub mod origin;

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, header};
use object_store::PutPayload;
use object_store::client::{HttpRequest, HttpRequestBody, HttpResponse};
use object_store::gcp::GcpCredentialProvider;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::s3::{invalid, unidentified};
use super::wire::{self, Refusal, encode_part};
use super::{OpenError, checksum, endpoint};
use crate::http::Http;
use crate::name::{check_name, check_prefix};
use crate::store::{Entry, Error, ErrorKind, Store};

/// Entries on a page of a listing: what the protocol allows.
const PAGE_MAX: usize = 1000;
/// Between the parts of an upload: the bytes of a piece are noise, and 122 random bits in front of
/// them do not appear in it.
const BOUNDARY: &str = "entente-5f0c5f6e2b8d4c3aa7f1d0e9b6a4c281";

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcsPlace {
    pub bucket: String,
    /// Google's public one when it is not named.
    pub endpoint: Option<String>,
}

pub struct GcsStore {
    http: Http,
    credentials: Option<GcpCredentialProvider>,
    endpoint: String,
    bucket: String,
}

impl GcsStore {
    pub fn new(
        place: &GcsPlace,
        credentials: Option<GcpCredentialProvider>,
        http: Http,
    ) -> Result<GcsStore, OpenError> {
        let endpoint = match &place.endpoint {
            Some(named) => endpoint(named)?,
            None => "https://storage.googleapis.com".to_owned(),
        };
        Ok(GcsStore { http, credentials, endpoint, bucket: encode_part(&place.bucket) })
    }

    async fn ask(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<HttpRequestBody>,
    ) -> Result<HttpResponse, Error> {
        let mut request = HttpRequest::new(body.into());
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{target}", self.endpoint).parse().map_err(invalid)?;
        for (name, value) in headers {
            let name = header::HeaderName::try_from(*name).map_err(invalid)?;
            request.headers_mut().insert(name, value.parse().map_err(invalid)?);
        }
        if let Some(provider) = &self.credentials {
            let credential = provider.get_credential().await.map_err(|error| unidentified(&error))?;
            let value = format!("Bearer {}", credential.bearer);
            request.headers_mut().insert(header::AUTHORIZATION, value.parse().map_err(invalid)?);
        }
        wire::send(&self.http, request).await
    }

    async fn object(
        &self,
        method: Method,
        name: &str,
        query: &str,
        headers: &[(&str, &str)],
    ) -> Result<HttpResponse, Error> {
        check_name(name)?;
        let target = format!("/storage/v1/b/{}/o/{}{query}", self.bucket, encode_part(name));
        let response = self.ask(method, &target, headers, Bytes::new()).await?;
        if response.status().is_success() { Ok(response) } else { Err(Refusal::of(response).await.error()) }
    }
}

/// What Google says of an object; numbers are text in its JSON.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Described {
    name: String,
    size: Number,
    crc32c: Option<String>,
    md5_hash: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Listing {
    items: Vec<Described>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(u64),
    Text(String),
}

impl Default for Number {
    fn default() -> Number {
        Number::Plain(0)
    }
}

impl Number {
    fn value(&self) -> Result<u64, Error> {
        match self {
            Number::Plain(value) => Ok(*value),
            Number::Text(text) => text.parse().map_err(|_| unreadable(format!("`{text}` is no size"))),
        }
    }
}

fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unavailable, format!("the answer cannot be read: {error}"))
}

async fn json<T: DeserializeOwned>(response: HttpResponse) -> Result<T, Error> {
    serde_json::from_slice(&wire::body(response).await?).map_err(unreadable)
}

async fn prove(shown: &Described, sent: &str, bytes: Bytes) -> Result<(), Error> {
    if let Some(crc) = shown.crc32c.as_deref().filter(|crc| !crc.is_empty()) {
        return checksum::equal("a CRC-32C", crc, sent);
    }
    match shown.md5_hash.as_deref().filter(|md5| !md5.is_empty()) {
        Some(md5) => checksum::equal("an MD5", md5, &checksum::base64(&checksum::md5(bytes).await?)),
        None => Ok(()),
    }
}

/// Description and bytes as one upload: a media upload alone could carry no checksum, and one in
/// pieces would take two requests.
fn upload(name: &str, crc32c: &str, bytes: Bytes) -> PutPayload {
    let about = serde_json::json!({ "name": name, "crc32c": crc32c, "contentType": "application/octet-stream" });
    let head = format!(
        "--{BOUNDARY}\r\nContent-Type: application/json\r\n\r\n{about}\r\n\
         --{BOUNDARY}\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    let tail = format!("\r\n--{BOUNDARY}--\r\n");
    [Bytes::from(head), bytes, Bytes::from(tail)].into_iter().filter(|part| !part.is_empty()).collect()
}

#[async_trait]
impl Store for GcsStore {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        check_name(name)?;
        let sent = checksum::crc32c(&bytes);
        let target = format!("/upload/storage/v1/b/{}/o?uploadType=multipart&ifGenerationMatch=0", self.bucket);
        let body = upload(name, &sent, bytes.clone());
        let length = body.content_length().to_string();
        let kind = format!("multipart/related; boundary={BOUNDARY}");
        let headers = [("content-type", kind.as_str()), ("content-length", length.as_str())];
        let response = self.ask(Method::POST, &target, &headers, body).await?;
        if !response.status().is_success() {
            return Err(Refusal::of(response).await.error());
        }
        prove(&json(response).await?, &sent, bytes).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        if wire::is_empty(&range)? {
            wire::check_end(&range, self.head(name).await?)?;
            return Ok(Bytes::new());
        }
        let response = self.object(Method::GET, name, "?alt=media", &[("range", &wire::range_header(&range))]).await?;
        wire::ranged(response, &range).await
    }

    async fn head(&self, name: &str) -> Result<u64, Error> {
        let response = self.object(Method::GET, name, "?fields=name,size", &[]).await?;
        json::<Described>(response).await?.size.value()
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        match self.object(Method::DELETE, name, "", &[]).await {
            Err(error) if error.kind != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        check_prefix(prefix)?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut token = None;
        while entries.len() < limit {
            // `startOffset` is the first name given: the one that is known already comes once more.
            let count = (limit - entries.len()).saturating_add(usize::from(after.is_some())).min(PAGE_MAX);
            let mut target =
                format!("/storage/v1/b/{}/o?maxResults={count}&prefix={}", self.bucket, encode_part(prefix));
            target.push_str("&fields=items(name,size),nextPageToken");
            for (name, value) in [("startOffset", after), ("pageToken", token.as_deref())] {
                if let Some(value) = value {
                    target.push_str(&format!("&{name}={}", encode_part(value)));
                }
            }
            let response = self.ask(Method::GET, &target, &[], Bytes::new()).await?;
            if !response.status().is_success() {
                return Err(Refusal::of(response).await.error());
            }
            let page: Listing = json(response).await?;
            for one in page.items {
                if after.is_none_or(|after| one.name.as_str() > after) {
                    entries.push(Entry { size: one.size.value()?, name: one.name });
                }
            }
            match page.next_page_token.filter(|token| !token.is_empty()) {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        entries.truncate(limit);
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_names_its_checksum_before_its_bytes() {
        let payload = upload("a/\"b", "crc", Bytes::from_static(b"bytes"));
        let text: Vec<u8> = payload.iter().flat_map(|part| part.to_vec()).collect();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(r#""name":"a/\"b""#) && text.contains(r#""crc32c":"crc""#), "{text}");
        assert!(text.ends_with(&format!("\r\n\r\nbytes\r\n--{BOUNDARY}--\r\n")), "{text}");
    }

    #[test]
    fn a_size_is_a_number_or_its_text() {
        for (json, size) in [(r#"{"size":"7"}"#, Some(7)), (r#"{"size":7}"#, Some(7)), (r#"{"size":"x"}"#, None)] {
            let described: Described = serde_json::from_str(json).unwrap();
            assert_eq!(described.size.value().ok(), size, "{json}");
        }
    }
}
