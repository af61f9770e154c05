//! Amazon S3 and everything that speaks it, Oracle's S3 face included.

mod list;
pub mod origin;

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{HttpRequest, HttpRequestBody, HttpResponse};

use super::wire::{self, Refusal, encode_path};
use super::{OpenError, checksum, endpoint};
use crate::http::Http;
use crate::name::{check_name, check_prefix};
use crate::store::{Entry, Error, ErrorKind, Store};

/// A bucket, and how to speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Place {
    pub bucket: String,
    pub region: String,
    /// Amazon's own of the region when it is not named.
    pub endpoint: Option<String>,
    pub addressing: Addressing,
    pub dialect: Dialect,
}

/// Where the bucket's name stands in an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// `https://ENDPOINT/BUCKET/NAME`
    Path,
    /// `https://BUCKET.ENDPOINT/NAME`
    VirtualHost,
}

/// What of the protocol a store takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// `If-None-Match: *` on a put truly makes it create-only. Without it, that names are never used
    /// twice rests on their randomness alone.
    pub create_only: bool,
    pub checksum: PutChecksum,
    pub order: Order,
}

/// In which order a store lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Of the bytes of whole names, as Amazon documents.
    Bytes,
    /// Folder by folder, as stores over a file system do: `b/x` before `b-x`.
    Folders,
}

/// By which digest a store checks what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutChecksum {
    Crc64Nvme,
    Crc32c,
    /// For stores that know no others: the slowest by far.
    Md5,
}

impl Dialect {
    pub const AMAZON: Dialect = Dialect { create_only: true, checksum: PutChecksum::Crc64Nvme, order: Order::Bytes };
    /// Oracle documents neither conditions nor CRC-64 on its S3 face.
    pub const ORACLE: Dialect = Dialect { create_only: false, checksum: PutChecksum::Crc32c, order: Order::Bytes };
}

impl PutChecksum {
    const fn header(self) -> &'static str {
        match self {
            PutChecksum::Crc64Nvme => "x-amz-checksum-crc64nvme",
            PutChecksum::Crc32c => "x-amz-checksum-crc32c",
            PutChecksum::Md5 => "content-md5",
        }
    }

    async fn of(self, bytes: &Bytes) -> Result<String, Error> {
        Ok(match self {
            PutChecksum::Crc64Nvme => checksum::crc64(bytes),
            PutChecksum::Crc32c => checksum::crc32c(bytes),
            PutChecksum::Md5 => checksum::base64(&checksum::md5(bytes.clone()).await?),
        })
    }
}

pub struct S3Store {
    http: Http,
    credentials: Option<AwsCredentialProvider>,
    region: String,
    /// The bucket's address, without a last slash.
    base: String,
    dialect: Dialect,
}

impl S3Store {
    pub fn new(place: &S3Place, credentials: Option<AwsCredentialProvider>, http: Http) -> Result<S3Store, OpenError> {
        let S3Place { bucket, region, addressing, dialect, .. } = place;
        let endpoint = match &place.endpoint {
            Some(named) => endpoint(named)?,
            None => format!("https://s3.{region}.amazonaws.com"),
        };
        let base = match (addressing, endpoint.split_once("://")) {
            (Addressing::VirtualHost, Some((scheme, host))) => format!("{scheme}://{bucket}.{host}"),
            _ => format!("{endpoint}/{bucket}"),
        };
        Ok(S3Store { http, credentials, region: region.clone(), base, dialect: *dialect })
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
        for (name, value) in headers {
            let name = header::HeaderName::try_from(*name).map_err(invalid)?;
            request.headers_mut().insert(name, value.parse().map_err(invalid)?);
        }
        if let Some(provider) = &self.credentials {
            let credential = provider.get_credential().await.map_err(|error| unidentified(&error))?;
            // The body is proven by its checksum, whose header is signed.
            let signer = AwsAuthorizer::new(&credential, "s3", &self.region).with_sign_payload(false);
            signer.try_authorize(&mut request, None).map_err(|error| unidentified(&error))?;
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

    /// The vendor's own digest of what it stored, where it shows one.
    async fn prove(&self, shown: &HeaderMap, sent: &str, bytes: Bytes) -> Result<(), Error> {
        let name = self.dialect.checksum.header();
        if let Some(checksum) = wire::text(shown, name) {
            return checksum::equal(name, checksum, sent);
        }
        // An ETag is an MD5 unless a key of the vendor's key service is involved.
        let by_key_service =
            wire::text(shown, "x-amz-server-side-encryption").is_some_and(|how| how.starts_with("aws:kms"));
        let etag = wire::text(shown, header::ETAG).and_then(|etag| checksum::hex16(etag.trim_matches('"')));
        match etag {
            Some(etag) if !by_key_service => {
                let md5 = checksum::md5(bytes).await?;
                checksum::equal("an ETag", &checksum::base64(&etag), &checksum::base64(&md5))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Invalid, error)
}

/// Credentials that cannot be had are the site's trouble, not the request's.
pub(super) fn unidentified(error: &object_store::Error) -> Error {
    Error::new(ErrorKind::Denied, format!("no credentials: {}", wire::whole_chain(error)))
}

#[async_trait]
impl Store for S3Store {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        let sent = self.dialect.checksum.of(&bytes).await?;
        let length = bytes.len().to_string();
        let mut headers = vec![
            ("content-type", "application/octet-stream"),
            ("content-length", length.as_str()),
            (self.dialect.checksum.header(), sent.as_str()),
        ];
        if self.dialect.create_only {
            headers.push(("if-none-match", "*"));
        }
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
        let response = self.object(Method::GET, name, &[("range", &wire::range_header(&range))], Bytes::new()).await?;
        if !response.status().is_success() {
            return Err(Refusal::of(response).await.error());
        }
        wire::ranged(response, &range).await
    }

    async fn head(&self, name: &str) -> Result<u64, Error> {
        let response = self.object(Method::HEAD, name, &[], Bytes::new()).await?;
        match response.status() {
            status if status.is_success() => wire::content_length(response.headers()),
            // The answer to HEAD has no body to say whether the object or the bucket is missing.
            StatusCode::NOT_FOUND => {
                let asked = self.object(Method::GET, name, &[("range", "bytes=0-0")], Bytes::new()).await?;
                let missing = Error::new(ErrorKind::NotFound, "the vendor has no such object");
                Err(if asked.status().is_success() { missing } else { Refusal::of(asked).await.error() })
            }
            _ => Err(Refusal::of(response).await.error()),
        }
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        let response = self.object(Method::DELETE, name, &[], Bytes::new()).await?;
        if response.status().is_success() {
            return Ok(());
        }
        let error = Refusal::of(response).await.error();
        if error.kind == ErrorKind::NotFound { Ok(()) } else { Err(error) }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        check_prefix(prefix)?;
        match self.dialect.order {
            Order::Bytes => list::in_order(self, prefix, after.unwrap_or_default(), limit).await,
            Order::Folders => list::by_folders(self, prefix, after.unwrap_or_default(), limit).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Network;

    #[tokio::test]
    async fn the_bucket_stands_where_addressing_says() {
        for (endpoint, addressing, base) in [
            (None, Addressing::VirtualHost, "https://b.s3.eu-west-1.amazonaws.com"),
            (None, Addressing::Path, "https://s3.eu-west-1.amazonaws.com/b"),
            (Some("http://127.0.0.1:9/"), Addressing::Path, "http://127.0.0.1:9/b"),
            (Some("https://objects.example.org:8443"), Addressing::VirtualHost, "https://b.objects.example.org:8443"),
        ] {
            let place = S3Place {
                bucket: "b".to_owned(),
                region: "eu-west-1".to_owned(),
                endpoint: endpoint.map(str::to_owned),
                addressing,
                dialect: Dialect::AMAZON,
            };
            let store = S3Store::new(&place, None, Http::new(&Network::default()).unwrap()).unwrap();
            assert_eq!(store.base, base);
        }
    }
}
