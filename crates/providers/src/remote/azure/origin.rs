//! A container that is adopted: nothing but GET and HEAD is ever sent.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use model::ETag;
use object_store::client::HttpResponse;
use serde::Deserialize;

use super::{AzureStore, PAGE_MAX};
use crate::origin::{Fetched, Origin, OriginEntry, OriginError, OriginObject, OriginPage};
use crate::remote::origin::{self, header_date, in_order, invalid, path, refusal, told, unescaped, unquoted};
use crate::remote::wire::{self, encode_part};
use crate::remote::{checksum, origin::text};

const USER: &str = "x-ms-meta-";
/// Places in a listing that are remembered: one every few thousand blobs of a walk over a hundred
/// million, and little memory.
const PLACES_MAX: usize = 16_384;

pub struct AzureOrigin {
    store: AzureStore,
    places: Mutex<Places>,
}

/// Azure lists on from a marker of its own, never from a name. By the prefix listed and the last name
/// before it, where each marker met goes on from.
#[derive(Default)]
struct Places(BTreeMap<(String, String), String>);

impl Places {
    /// The nearest known place at or before `after`: the name it is behind, and its marker.
    fn nearest(&self, prefix: &str, after: &str) -> (String, String) {
        let upto = (prefix.to_owned(), after.to_owned());
        let found = self.0.range(..=upto).next_back().filter(|((listed, _), _)| listed == prefix);
        found.map(|((_, name), marker)| (name.clone(), marker.clone())).unwrap_or_default()
    }

    fn remember(&mut self, prefix: &str, name: &str, marker: &str) {
        self.0.insert((prefix.to_owned(), name.to_owned()), marker.to_owned());
        if self.0.len() > PLACES_MAX {
            // Every other one: between two that are left lie twice as many names.
            let mut keep = false;
            self.0.retain(|_, _| {
                keep = !keep;
                keep
            });
        }
    }
}

impl AzureOrigin {
    pub fn new(store: AzureStore) -> AzureOrigin {
        AzureOrigin { store, places: Mutex::default() }
    }

    async fn ask(&self, method: Method, target: &str, headers: &[(&str, &str)]) -> Result<HttpResponse, OriginError> {
        let response = self.store.ask(method, target, headers, Bytes::new()).await.map_err(|error| told(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }

    async fn page(&self, prefix: &str, marker: &str, count: usize) -> Result<Listing, OriginError> {
        let (prefix, marker) = (encode_part(prefix), encode_part(marker));
        let query = format!("?restype=container&comp=list&prefix={prefix}&marker={marker}&maxresults={count}");
        let response = self.ask(Method::GET, &query, &[]).await?;
        read(&wire::body(response).await.map_err(|error| told(&error))?)
    }

    fn places(&self) -> std::sync::MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn object(headers: &HeaderMap) -> Result<OriginObject, OriginError> {
    // Beside a range `content-md5` is of the range.
    let partial = headers.contains_key(header::CONTENT_RANGE);
    let name = if partial { "x-ms-blob-content-md5" } else { "content-md5" };
    Ok(OriginObject {
        size: origin::size(headers)?,
        etag: origin::etag(headers)?,
        modified: origin::modified(headers),
        metadata: origin::metadata(headers, USER),
        md5: text(headers, name).and_then(checksum::md5_of),
    })
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
    name: Name,
    properties: Properties,
}

#[derive(Deserialize)]
struct Name {
    /// Says that characters XML cannot hold are escaped.
    #[serde(rename = "@Encoded")]
    encoded: Option<String>,
    #[serde(rename = "$text", default)]
    text: String,
}

#[derive(Deserialize)]
struct Properties {
    #[serde(rename = "Content-Length")]
    length: u64,
    #[serde(rename = "Etag")]
    etag: String,
    #[serde(rename = "Last-Modified")]
    modified: String,
}

fn read(body: &[u8]) -> Result<Listing, OriginError> {
    // Azure begins its documents with a byte order mark.
    let text = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    quick_xml::de::from_reader(text).map_err(|error| invalid(format!("a listing cannot be read: {error}")))
}

fn entry(Blob { name, properties }: Blob) -> Result<OriginEntry, OriginError> {
    Ok(OriginEntry {
        key: if name.encoded.as_deref() == Some("true") { unescaped(&name.text)? } else { name.text },
        size: properties.length,
        etag: unquoted(&properties.etag),
        modified: header_date(&properties.modified).unwrap_or_default(),
    })
}

#[async_trait]
impl Origin for AzureOrigin {
    async fn head(&self, key: &str) -> Result<OriginObject, OriginError> {
        object(self.ask(Method::HEAD, &path(key), &[]).await?.headers())
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&ETag>) -> Result<Fetched, OriginError> {
        let span = range.as_ref().map(wire::range_header);
        let etag = etag.map(|etag| format!("\"{etag}\""));
        let mut headers = Vec::new();
        headers.extend(span.as_ref().map(|span| ("x-ms-range", span.as_str())));
        headers.extend(etag.as_ref().map(|etag| (header::IF_MATCH.as_str(), etag.as_str())));
        let response = self.ask(Method::GET, &path(key), &headers).await?;
        let object = object(response.headers())?;
        Ok(Fetched { object, bytes: origin::bytes(response, range.as_ref())? })
    }

    /// From the nearest place that is known, with pages that grow until `after` is reached.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<OriginPage, OriginError> {
        let after = after.unwrap_or_default();
        let (mut behind, mut marker) = self.places().nearest(prefix, after);
        let mut entries = Vec::new();
        let mut count = limit.clamp(1, PAGE_MAX);
        loop {
            let page = self.page(prefix, &marker, count).await?;
            let listed = page.blobs.all.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
            let listed = in_order(listed, &behind, true)?.entries;
            marker = page.next_marker;
            if let Some(last) = listed.last() {
                behind.clone_from(&last.key);
                if !marker.is_empty() {
                    self.places().remember(prefix, &behind, &marker);
                }
            }
            entries.extend(listed.into_iter().filter(|entry| entry.key.as_str() > after));
            if entries.len() >= limit || marker.is_empty() {
                break;
            }
            count = (count * 2).min(PAGE_MAX);
        }
        let more = entries.len() > limit || !marker.is_empty();
        entries.truncate(limit);
        Ok(OriginPage { entries, more })
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    #[test]
    fn a_listing_is_read_with_names_that_xml_cannot_hold() {
        let properties = "<Properties><Etag>0x1</Etag><Content-Length>7</Content-Length>\
            <Last-Modified>Wed, 25 Nov 2026 18:00:00 GMT</Last-Modified></Properties>";
        let xml = format!(
            "\u{feff}<?xml version=\"1.0\"?><EnumerationResults><Prefix>p</Prefix><Blobs>\
             <Blob><Name>a&amp;b+%41</Name>{properties}</Blob>\
             <Blob><Name Encoded=\"true\">c%EF%BF%BE</Name>{properties}</Blob></Blobs>\
             <NextMarker>m</NextMarker></EnumerationResults>"
        );
        let page = read(xml.as_bytes()).unwrap();
        let entries = page.blobs.all.into_iter().map(entry).collect::<Result<Vec<_>, _>>().unwrap();
        let keys: Vec<_> = entries.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["a&b+%41", "c\u{fffe}"]);
        assert_eq!((entries[0].size, entries[0].etag.0.as_str()), (7, "0x1"));
        assert_eq!(entries[0].modified, Timestamp(1_795_629_600_000));
        assert_eq!(page.next_marker, "m");
    }

    #[test]
    fn a_listing_goes_on_from_the_nearest_place_known() {
        let mut places = Places::default();
        for name in ["b", "d", "f"] {
            places.remember("", name, &format!("behind {name}"));
        }
        places.remember("e", "e9", "of another prefix");
        for (prefix, after, expected) in [
            ("", "", ""),
            ("", "a", ""),
            ("", "d", "behind d"),
            ("", "e", "behind d"),
            ("", "z", "behind f"),
            ("e", "e1", ""),
            ("e", "f", "of another prefix"),
            ("z", "z1", ""),
        ] {
            assert_eq!(places.nearest(prefix, after).1, expected, "`{prefix}` after `{after}`");
        }
    }

    #[test]
    fn places_thin_out_instead_of_growing_for_ever() {
        let mut places = Places::default();
        for n in 0..=PLACES_MAX {
            places.remember("", &format!("{n:09}"), "m");
        }
        assert_eq!(places.0.len(), PLACES_MAX / 2 + 1);
        assert_eq!(places.nearest("", "000000101").0, "000000100");
    }

    #[test]
    fn the_md5_is_of_the_whole_blob() {
        let head = |more: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            let always = [("etag", "\"0x8D\""), ("content-length", "5"), ("x-ms-meta-leaf", "green")];
            for (name, value) in always.iter().chain(more) {
                headers.insert(*name, value.parse().unwrap());
            }
            object(&headers).unwrap()
        };
        let whole = head(&[("content-md5", "AAECAwQFBgcICQoLDA0ODw==")]);
        assert_eq!((whole.size, whole.etag.0.as_str()), (5, "0x8D"));
        assert_eq!(whole.metadata.user["leaf"], "green");
        assert_eq!(whole.md5, Some([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]));
        let part = head(&[("content-range", "bytes 0-4/77"), ("content-md5", "AAECAwQFBgcICQoLDA0ODw==")]);
        assert_eq!((part.size, part.md5), (77, None));
    }
}
