//! A bucket of Google's that is adopted: nothing but GET is ever sent.
//!
//! An object's ETag is its MD5, as Google's own S3 face shows it, and of one without (composed of
//! others) its generation. Bytes are read of the one generation that was described before them.

use std::collections::BTreeMap;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, StatusCode};
use model::{ETag, Metadata};
use object_store::client::HttpResponse;
use serde::Deserialize;

use super::{GcsStore, Number, PAGE_MAX};
use crate::origin::{Fetched, Origin, OriginEntry, OriginError, OriginErrorKind, OriginObject, OriginPage};
use crate::remote::checksum;
use crate::remote::origin::{self, document_date, in_order, invalid, no_bucket, refusal, told};
use crate::remote::wire::{self, Refusal, encode_part};

/// What is asked about each object of a listing.
const LISTED: &str = "items(name,size,md5Hash,generation,updated),nextPageToken";

pub struct GcsOrigin {
    store: GcsStore,
}

/// What Google says of an object.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Resource {
    name: String,
    size: Number,
    generation: Number,
    md5_hash: Option<String>,
    updated: String,
    metadata: BTreeMap<String, String>,
    content_type: Option<String>,
    cache_control: Option<String>,
    content_encoding: Option<String>,
    content_disposition: Option<String>,
    content_language: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Listing {
    items: Vec<Resource>,
    next_page_token: Option<String>,
}

impl Resource {
    fn md5(&self) -> Option<[u8; 16]> {
        self.md5_hash.as_deref().and_then(checksum::md5_of)
    }

    fn etag(&self) -> Result<ETag, OriginError> {
        Ok(ETag(match self.md5() {
            Some(md5) => md5.iter().map(|byte| format!("{byte:02x}")).collect(),
            None => number(&self.generation)?.to_string(),
        }))
    }

    fn entry(self) -> Result<OriginEntry, OriginError> {
        let (size, etag) = (number(&self.size)?, self.etag()?);
        Ok(OriginEntry { size, etag, modified: document_date(&self.updated).unwrap_or_default(), key: self.name })
    }

    fn object(self) -> Result<OriginObject, OriginError> {
        let (size, etag, md5) = (number(&self.size)?, self.etag()?, self.md5());
        let system = [
            ("content-type", self.content_type),
            ("cache-control", self.cache_control),
            ("content-encoding", self.content_encoding),
            ("content-disposition", self.content_disposition),
            ("content-language", self.content_language),
        ];
        let told = system.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let system = told.filter(|(_, value)| !value.is_empty()).collect();
        // Names of metadata are headers' names to S3, where case says nothing.
        let user = self.metadata.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        let metadata = Metadata { system, user, ..Metadata::default() };
        Ok(OriginObject { size, etag, modified: document_date(&self.updated).unwrap_or_default(), metadata, md5 })
    }
}

fn number(number: &Number) -> Result<u64, OriginError> {
    number.value().map_err(|error| told(&error))
}

impl GcsOrigin {
    pub fn new(store: GcsStore) -> GcsOrigin {
        GcsOrigin { store }
    }

    async fn ask(&self, target: &str, headers: &[(&str, &str)]) -> Result<HttpResponse, OriginError> {
        self.store.ask(Method::GET, target, headers, Bytes::new()).await.map_err(|error| told(&error))
    }

    fn path(&self, key: &str) -> String {
        format!("/storage/v1/b/{}/o/{}", self.store.bucket, encode_part(key))
    }

    async fn describe(&self, key: &str) -> Result<Resource, OriginError> {
        let response = self.ask(&self.path(key), &[]).await?;
        match response.status() {
            status if status.is_success() => document(response).await,
            // It says the same of an object and of a bucket: only what lists is there.
            StatusCode::NOT_FOUND => {
                let refusal = refusal(response).await;
                self.page("", "", None, 1).await?;
                Err(refusal)
            }
            _ => Err(refusal(response).await),
        }
    }

    async fn page(&self, prefix: &str, after: &str, token: Option<&str>, count: usize) -> Result<Listing, OriginError> {
        let (bucket, prefix) = (&self.store.bucket, encode_part(prefix));
        let mut target = format!("/storage/v1/b/{bucket}/o?maxResults={count}&prefix={prefix}&fields={LISTED}");
        for (name, value) in [("startOffset", Some(after).filter(|after| !after.is_empty())), ("pageToken", token)] {
            if let Some(value) = value {
                target.push_str(&format!("&{name}={}", encode_part(value)));
            }
        }
        let response = self.ask(&target, &[]).await?;
        match response.status() {
            status if status.is_success() => document(response).await,
            StatusCode::NOT_FOUND => Err(no_bucket(&Refusal::of(response).await)),
            _ => Err(refusal(response).await),
        }
    }
}

async fn document<T: serde::de::DeserializeOwned>(response: HttpResponse) -> Result<T, OriginError> {
    let body = wire::body(response).await.map_err(|error| told(&error))?;
    serde_json::from_slice(&body).map_err(|error| invalid(format!("an answer cannot be read: {error}")))
}

#[async_trait]
impl Origin for GcsOrigin {
    async fn head(&self, key: &str) -> Result<OriginObject, OriginError> {
        self.describe(key).await?.object()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&ETag>) -> Result<Fetched, OriginError> {
        let described = self.describe(key).await?;
        let changed = || OriginError::new(OriginErrorKind::Changed, "it has another ETag");
        if etag.is_some_and(|etag| described.etag().is_ok_and(|found| found != *etag)) {
            return Err(changed());
        }
        let generation = number(&described.generation)?;
        let target = format!("{}?alt=media&ifGenerationMatch={generation}", self.path(key));
        let span = range.as_ref().map(wire::range_header);
        // As it is stored: Google would unpack what it keeps packed.
        let mut headers = vec![("accept-encoding", "gzip")];
        headers.extend(span.as_ref().map(|span| ("range", span.as_str())));
        let response = self.ask(&target, &headers).await?;
        if !response.status().is_success() {
            let refusal = refusal(response).await;
            let gone = refusal.kind == OriginErrorKind::NotFound;
            return Err(if gone { changed() } else { refusal });
        }
        if origin::text(response.headers(), "x-goog-generation").is_some_and(|shown| shown != generation.to_string()) {
            return Err(changed());
        }
        Ok(Fetched { object: described.object()?, bytes: origin::bytes(response, range.as_ref())? })
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<OriginPage, OriginError> {
        let after = after.unwrap_or_default();
        // `startOffset` is the first name given: the one that is known already comes once more.
        let count = limit.saturating_add(usize::from(!after.is_empty())).min(PAGE_MAX);
        let mut token: Option<String> = None;
        loop {
            let page = self.page(prefix, after, token.as_deref(), count).await?;
            let items = page.items.into_iter().filter(|item| item.name.as_str() > after);
            let mut entries = items.map(Resource::entry).collect::<Result<Vec<_>, _>>()?;
            token = page.next_page_token.filter(|token| !token.is_empty());
            // A page may be empty and not the last.
            if entries.is_empty() && token.is_some() {
                continue;
            }
            let more = token.is_some() || entries.len() > limit;
            entries.truncate(limit);
            return in_order(entries, after, more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(json: &str) -> Resource {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_etag_is_the_md5_or_else_the_generation() {
        let plain = resource(r#"{"name":"a","size":"7","generation":"9","md5Hash":"AAECAwQFBgcICQoLDA0ODw=="}"#);
        assert_eq!(plain.etag().unwrap().0, "000102030405060708090a0b0c0d0e0f");
        let composed = resource(r#"{"name":"a","size":"7","generation":"9","crc32c":"AAAAAA=="}"#);
        assert_eq!((composed.etag().unwrap().0.as_str(), composed.md5()), ("9", None));
    }

    #[test]
    fn what_was_said_of_an_object_comes_along() {
        let object = resource(
            r#"{"name":"a","size":"7","generation":"9","updated":"2026-11-25T18:00:00.250Z","contentType":"text/tea",
                "contentEncoding":"gzip","metadata":{"Leaf":"green"},"cacheControl":""}"#,
        );
        let object = object.object().unwrap();
        assert_eq!((object.size, object.modified), (7, model::Timestamp(1_795_629_600_250)));
        assert_eq!(object.metadata.system["content-type"], "text/tea");
        assert_eq!(object.metadata.system["content-encoding"], "gzip");
        assert!(!object.metadata.system.contains_key("cache-control"));
        assert_eq!(object.metadata.user["leaf"], "green");
    }
}
