//! Azure Blob Storage: one block blob a piece.

pub mod origin;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use object_store::azure::{AzureAuthorizer, AzureCredentialProvider};
use object_store::client::{HttpRequest, HttpRequestBody, HttpResponse};
use serde::Deserialize;

use super::s3::{invalid, unidentified};
use super::wire::{self, Refusal, encode_part, encode_path};
use super::{OpenError, checksum, endpoint};
use crate::http::Http;
use crate::name::{check_name, check_prefix};
use crate::store::{Entry, Error, ErrorKind, Store};

/// Entries on a page of a listing: what the protocol allows.
const PAGE_MAX: usize = 5000;
/// Ends of listings of which we remember how they go on: a sweep and a replay read a few at a time.
const BOOKMARKS_MAX: usize = 64;
/// The protocol we speak, for requests that nothing else puts a version on.
const VERSION: &str = "2023-11-03";

/// A container of a storage account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzurePlace {
    pub account: String,
    pub container: String,
    /// The account's address; Azure's public one when it is not named.
    pub endpoint: Option<String>,
}

pub struct AzureStore {
    http: Http,
    credentials: Option<AzureCredentialProvider>,
    account: String,
    /// The container's address, without a last slash.
    base: String,
    bookmarks: Mutex<VecDeque<Bookmark>>,
}

/// Azure lists on from a marker of its own, never from a name: this is how a listing that stopped
/// behind `name` goes on.
struct Bookmark {
    prefix: String,
    name: String,
    marker: String,
}

impl AzureStore {
    pub fn new(
        place: &AzurePlace,
        credentials: Option<AzureCredentialProvider>,
        http: Http,
    ) -> Result<AzureStore, OpenError> {
        let AzurePlace { account, container, .. } = place;
        let endpoint = match &place.endpoint {
            Some(named) => endpoint(named)?,
            None => format!("https://{account}.blob.core.windows.net"),
        };
        let base = format!("{endpoint}/{container}");
        Ok(AzureStore { http, credentials, account: account.clone(), base, bookmarks: Mutex::default() })
    }

    async fn ask(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<HttpResponse, Error> {
        let mut request = HttpRequest::new(HttpRequestBody::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{target}", self.base).parse().map_err(invalid)?;
        request.headers_mut().insert("x-ms-version", VERSION.parse().map_err(invalid)?);
        for (name, value) in headers {
            let name = header::HeaderName::try_from(*name).map_err(invalid)?;
            request.headers_mut().insert(name, value.parse().map_err(invalid)?);
        }
        if let Some(provider) = &self.credentials {
            let credential = provider.get_credential().await.map_err(|error| unidentified(&error))?;
            let signer = AzureAuthorizer::new(&credential, &self.account);
            signer.try_authorize(&mut request).map_err(|error| unidentified(&error))?;
        }
        wire::send(&self.http, request).await
    }

    async fn object(
        &self,
        method: Method,
        name: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<HttpResponse, Error> {
        check_name(name)?;
        self.ask(method, &format!("/{}", encode_path(name)), headers, body).await
    }

    async fn prove(&self, shown: &HeaderMap, sent: &str, bytes: Bytes) -> Result<(), Error> {
        if let Some(crc) = wire::text(shown, "x-ms-content-crc64") {
            return checksum::equal("a CRC-64", crc, sent);
        }
        match wire::text(shown, "content-md5") {
            Some(md5) => checksum::equal("an MD5", md5, &checksum::base64(&checksum::md5(bytes).await?)),
            None => Ok(()),
        }
    }

    async fn page(&self, prefix: &str, marker: &str, count: usize) -> Result<Listing, Error> {
        let query = format!(
            "?restype=container&comp=list&prefix={}&marker={}&maxresults={count}",
            encode_part(prefix),
            encode_part(marker)
        );
        let response = self.ask(Method::GET, &query, &[], Bytes::new()).await?;
        if !response.status().is_success() {
            return Err(Refusal::of(response).await.error());
        }
        let body = wire::body(response).await?;
        // Azure begins its documents with a byte order mark.
        let text = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&body);
        quick_xml::de::from_reader(text)
            .map_err(|error| Error::new(ErrorKind::Unavailable, format!("the listing cannot be read: {error}")))
    }

    /// Where a listing behind `after` begins: at a bookmark, or at the first page.
    fn marker(&self, prefix: &str, after: &str) -> String {
        let bookmarks = self.bookmarks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = bookmarks.iter().find(|one| one.prefix == prefix && one.name == after);
        known.map(|one| one.marker.clone()).unwrap_or_default()
    }

    fn remember(&self, prefix: &str, name: &str, marker: &str) {
        let mut bookmarks = self.bookmarks.lock().unwrap_or_else(PoisonError::into_inner);
        bookmarks.retain(|one| one.prefix != prefix || one.name != name);
        bookmarks.truncate(BOOKMARKS_MAX - 1);
        bookmarks.push_front(Bookmark { prefix: prefix.to_owned(), name: name.to_owned(), marker: marker.to_owned() });
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", rename = "EnumerationResults")]
struct Listing {
    #[serde(default)]
    blobs: Blobs,
    #[serde(default)]
    next_marker: String,
}

#[derive(Deserialize, Default)]
struct Blobs {
    #[serde(default, rename = "Blob")]
    all: Vec<Blob>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Blob {
    name: String,
    properties: Properties,
}

#[derive(Deserialize)]
struct Properties {
    #[serde(rename = "Content-Length")]
    length: u64,
}

#[async_trait]
impl Store for AzureStore {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        let sent = checksum::crc64_low_first(&bytes);
        let length = bytes.len().to_string();
        let headers = [
            ("x-ms-blob-type", "BlockBlob"),
            ("content-type", "application/octet-stream"),
            ("content-length", length.as_str()),
            ("x-ms-content-crc64", sent.as_str()),
            ("if-none-match", "*"),
        ];
        let response = self.object(Method::PUT, name, &headers, bytes.clone()).await?;
        if !response.status().is_success() {
            return Err(Refusal::of(response).await.error());
        }
        self.prove(response.headers(), &sent, bytes).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        if wire::is_empty(&range)? {
            wire::check_end(&range, self.head(name).await?)?;
            return Ok(Bytes::new());
        }
        let response =
            self.object(Method::GET, name, &[("x-ms-range", &wire::range_header(&range))], Bytes::new()).await?;
        if !response.status().is_success() {
            return Err(Refusal::of(response).await.error());
        }
        wire::ranged(response, &range).await
    }

    async fn head(&self, name: &str) -> Result<u64, Error> {
        let response = self.object(Method::HEAD, name, &[], Bytes::new()).await?;
        if response.status().is_success() {
            return wire::content_length(response.headers());
        }
        Err(Refusal::of(response).await.error())
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        let response = self.object(Method::DELETE, name, &[("x-ms-delete-snapshots", "include")], Bytes::new()).await?;
        if response.status().is_success() {
            return Ok(());
        }
        let refusal = Refusal::of(response).await;
        let gone = refusal.status == StatusCode::NOT_FOUND && refusal.code == "BlobNotFound";
        if gone { Ok(()) } else { Err(refusal.error()) }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        check_prefix(prefix)?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut marker = after.map(|after| self.marker(prefix, after)).unwrap_or_default();
        // Without a bookmark whole pages may be skipped: the larger they are the better.
        let skips = after.is_some() && marker.is_empty();
        while entries.len() < limit {
            let count = if skips { PAGE_MAX } else { (limit - entries.len()).min(PAGE_MAX) };
            let page = self.page(prefix, &marker, count).await?;
            let names = page.blobs.all.into_iter().map(|blob| Entry { name: blob.name, size: blob.properties.length });
            entries.extend(names.filter(|entry| after.is_none_or(|after| entry.name.as_str() > after)));
            marker = page.next_marker;
            if marker.is_empty() {
                break;
            }
        }
        if !marker.is_empty()
            && entries.len() == limit
            && let Some(last) = entries.last()
        {
            self.remember(prefix, &last.name, &marker);
        }
        entries.truncate(limit);
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_with_and_without_blobs() {
        let xml = "<?xml version=\"1.0\"?><EnumerationResults ContainerName=\"c\"><Prefix>p</Prefix><Blobs>\
            <Blob><Name>a&amp;b</Name><Properties><Etag>0x1</Etag><Content-Length>7</Content-Length></Properties></Blob>\
            <Blob><Name>c</Name><Properties><Content-Length>0</Content-Length></Properties></Blob></Blobs>\
            <NextMarker>m</NextMarker></EnumerationResults>";
        let page: Listing = quick_xml::de::from_str(xml).unwrap();
        let entries: Vec<_> = page.blobs.all.into_iter().map(|blob| (blob.name, blob.properties.length)).collect();
        assert_eq!(entries, [("a&b".to_owned(), 7), ("c".to_owned(), 0)]);
        assert_eq!(page.next_marker, "m");
        let empty = "<EnumerationResults><Blobs /><NextMarker /></EnumerationResults>";
        let page: Listing = quick_xml::de::from_str(empty).unwrap();
        assert!(page.blobs.all.is_empty() && page.next_marker.is_empty());
    }
}
