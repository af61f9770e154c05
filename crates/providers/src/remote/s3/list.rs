//! Listings in byte order, whichever order the store has.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;

use super::S3Store;
use crate::name::{matters, split_folder};
use crate::remote::wire::{self, Refusal, encode_part};
use crate::store::{Entry, Error, ErrorKind};

/// Entries on a page: what the protocol allows.
const PAGE_MAX: usize = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", rename = "ListBucketResult")]
struct Page {
    #[serde(default)]
    is_truncated: bool,
    next_continuation_token: Option<String>,
    #[serde(default)]
    contents: Vec<Listed>,
    #[serde(default)]
    common_prefixes: Vec<Folder>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    key: String,
    size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Folder {
    prefix: String,
}

/// Of a store that lists in byte order itself.
pub async fn in_order(store: &S3Store, prefix: &str, after: &str, limit: usize) -> Result<Vec<Entry>, Error> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut token: Option<String> = None;
    while entries.len() < limit {
        let count = (limit - entries.len()).min(PAGE_MAX);
        let from = match &token {
            Some(token) => format!("&continuation-token={}", encode_part(token)),
            None if after.is_empty() => String::new(),
            None => format!("&start-after={}", encode_part(after)),
        };
        let page = page(store, &format!("list-type=2&max-keys={count}&prefix={}{from}", encode_part(prefix))).await?;
        let listed = page.contents.into_iter().map(|one| Entry { name: one.key, size: one.size });
        entries.extend(listed.filter(|entry| entry.name.as_str() > after));
        match page.next_continuation_token.filter(|_| page.is_truncated) {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    Ok(entries)
}

/// Found and not yet given; a folder's name ends with a slash, so that it sorts where what lies
/// below it does.
enum Found {
    Object(Entry),
    Folder(String),
}

impl Found {
    fn name(&self) -> &str {
        match self {
            Found::Object(entry) => &entry.name,
            Found::Folder(name) => name,
        }
    }
}

/// Of a store that lists folder by folder: each folder is read whole and put in order.
pub async fn by_folders(store: &S3Store, prefix: &str, after: &str, limit: usize) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    let (folder, _) = split_folder(prefix);
    // The next in order is the last.
    let mut ahead = vec![Found::Folder(folder.to_owned())];
    while entries.len() < limit
        && let Some(next) = ahead.pop()
    {
        match next {
            Found::Object(entry) => entries.push(entry),
            Found::Folder(folder) => {
                let mut found = read_folder(store, &folder).await?;
                // Some stores list a folder in itself.
                found.retain(|one| one.name() != folder && matters(one.name(), prefix, after));
                found.sort_unstable_by(|a, b| b.name().cmp(a.name()));
                ahead.append(&mut found);
            }
        }
    }
    Ok(entries)
}

async fn read_folder(store: &S3Store, folder: &str) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let from = token.map(|token| format!("&continuation-token={}", encode_part(&token))).unwrap_or_default();
        let query = format!("list-type=2&delimiter=%2F&max-keys={PAGE_MAX}&prefix={}{from}", encode_part(folder));
        let page = page(store, &query).await?;
        found.extend(page.common_prefixes.into_iter().map(|folder| Found::Folder(folder.prefix)));
        found.extend(page.contents.into_iter().map(|one| Found::Object(Entry { name: one.key, size: one.size })));
        match page.next_continuation_token.filter(|_| page.is_truncated) {
            Some(next) => token = Some(next),
            None => return Ok(found),
        }
    }
}

async fn page(store: &S3Store, query: &str) -> Result<Page, Error> {
    let response = store.ask(Method::GET, &format!("?{query}"), &[], Bytes::new()).await?;
    if !response.status().is_success() {
        return Err(Refusal::of(response).await.error());
    }
    let body = wire::body(response).await?;
    quick_xml::de::from_reader(body.as_ref())
        .map_err(|error| Error::new(ErrorKind::Unavailable, format!("the listing cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_with_its_escapes() {
        let xml = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>\
            <IsTruncated>true</IsTruncated><Contents><Key>a&amp;b</Key><ETag>&quot;x&quot;</ETag><Size>7</Size></Contents>\
            <CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes><Contents><Key>c</Key><Size>0</Size></Contents>\
            <NextContinuationToken>t</NextContinuationToken></ListBucketResult>";
        let page: Page = quick_xml::de::from_str(xml).unwrap();
        let entries: Vec<_> = page.contents.into_iter().map(|one| (one.key, one.size)).collect();
        assert_eq!(entries, [("a&b".to_owned(), 7), ("c".to_owned(), 0)]);
        assert_eq!(page.common_prefixes.len(), 1);
        assert!(page.is_truncated && page.next_continuation_token.as_deref() == Some("t"));
    }
}
