//! Listings of objects and uploads.

use std::collections::{BTreeMap, BTreeSet};

use model::{Change, Timestamp, Upload, UploadId};

use super::Subject;
use super::make::{self, EAST, NOW, id, proposal};
use super::world::World;
use crate::interface::{ListEntry, ListQuery, Page};

fn query(prefix: &str, delimiter: &str, after: &str, limit: usize) -> ListQuery {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ListQuery { prefix: prefix.to_owned(), delimiter: some(delimiter), after: some(after), limit }
}

/// Entries as text; a common prefix in brackets, and `…` when there is more.
fn text<T>(page: &Page<T>, key: impl Fn(&T) -> String) -> Vec<String> {
    let entry = |entry: &ListEntry<T>| match entry {
        ListEntry::Item(item) => key(item),
        ListEntry::Prefix(prefix) => format!("[{prefix}]"),
    };
    page.entries.iter().map(entry).chain(page.more.then(|| "…".to_owned())).collect()
}

async fn list<C: Subject>(world: &World<C>, query: ListQuery) -> Vec<String> {
    let page = world.catalog.list(world.bucket.id, query).await.unwrap();
    text(&page, |summary| summary.key.to_string())
}

async fn with_keys<C: Subject>(catalog: C, keys: &[&str]) -> World<C> {
    let world = World::new(catalog).await;
    let mut decided = Vec::new();
    for key in keys {
        decided.push(world.decided(EAST, proposal(world.any_put(key))).await);
    }
    world.show(EAST, &decided).await;
    world
}

pub async fn keys_and_prefixes_come_in_byte_order<C: Subject>(fresh: impl AsyncFn() -> C) {
    let keys = ["a", "a/1", "a/2", "a/b/1", "a/b/2", "a0", "b", "Z", "é", "é/1", "𐍈", "\u{ffff}", "--1", "--x"];
    let world = with_keys(fresh().await, &keys).await;
    for (prefix, delimiter, after, limit, expected) in [
        // Bytes order keys: capitals before small letters, and U+FFFF before what needs four bytes.
        (
            "",
            "",
            "",
            20,
            &["--1", "--x", "Z", "a", "a/1", "a/2", "a/b/1", "a/b/2", "a0", "b", "é", "é/1", "\u{ffff}", "𐍈"][..],
        ),
        ("", "/", "", 20, &["--1", "--x", "Z", "a", "[a/]", "a0", "b", "é", "[é/]", "\u{ffff}", "𐍈"]),
        ("", "/", "", 5, &["--1", "--x", "Z", "a", "[a/]", "…"]),
        ("", "/", "a", 2, &["[a/]", "a0", "…"]),
        // A passed prefix is passed whole, from its own text or from any key in it.
        ("", "/", "a/", 2, &["a0", "b", "…"]),
        ("", "/", "a/2", 2, &["a0", "b", "…"]),
        ("", "/", "a/zz", 2, &["a0", "b", "…"]),
        ("a", "/", "", 20, &["a", "[a/]", "a0"]),
        ("a/", "/", "", 20, &["a/1", "a/2", "[a/b/]"]),
        ("a/", "/", "a/2", 20, &["[a/b/]"]),
        ("a/", "/", "a/b/", 20, &[]),
        ("a/b", "/", "", 20, &["[a/b/]"]),
        ("a/b/", "/", "", 20, &["a/b/1", "a/b/2"]),
        ("é", "/", "", 20, &["é", "[é/]"]),
        // A delimiter of several bytes, and one at the very start.
        ("", "/b", "", 20, &["--1", "--x", "Z", "a", "a/1", "a/2", "[a/b]", "a0", "b", "é", "é/1", "\u{ffff}", "𐍈"]),
        ("-", "-", "", 20, &["[--]"]),
        // Before, within and behind the prefix.
        ("a/", "", "Z", 20, &["a/1", "a/2", "a/b/1", "a/b/2"]),
        ("a/", "", "a/2", 20, &["a/b/1", "a/b/2"]),
        ("a/", "", "a/2", 1, &["a/b/1", "…"]),
        ("a/", "", "b", 20, &[]),
        ("c", "", "", 20, &[]),
        ("", "", "𐍈", 20, &[]),
    ] {
        let found = list(&world, query(prefix, delimiter, after, limit)).await;
        assert_eq!(found, expected, "prefix `{prefix}`, delimiter `{delimiter}`, after `{after}`, limit {limit}");
    }
    let nobody = world.catalog.list(model::BucketId([9; 16]), query("", "", "", 5)).await.unwrap();
    assert_eq!(nobody, Page { entries: Vec::new(), more: false });
    let ListEntry::Item(first) =
        world.catalog.list(world.bucket.id, query("a", "", "", 1)).await.unwrap().entries.remove(0)
    else {
        panic!("the first entry is an object")
    };
    let version = world.object("a").await.unwrap().version;
    assert_eq!(
        (first.size, first.etag, first.modified, first.checksums),
        (version.size, version.etag, version.modified, version.checksums)
    );
}

/// All pages of this query, each asked for behind the last entry of the one before.
async fn pages<C: Subject>(world: &World<C>, mut query: ListQuery) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let page = world.catalog.list(world.bucket.id, query.clone()).await.unwrap();
        assert!(page.entries.len() <= query.limit);
        assert!(!page.more || page.entries.len() == query.limit, "a page is full when there is more");
        query.after = page.entries.last().map(|entry| match entry {
            ListEntry::Item(summary) => summary.key.to_string(),
            ListEntry::Prefix(prefix) => prefix.clone(),
        });
        let more = page.more;
        all.extend(text(&Page { more: false, ..page }, |summary| summary.key.to_string()));
        if !more {
            return all;
        }
    }
}

pub async fn pages_join_without_gap_or_repetition<C: Subject>(fresh: impl AsyncFn() -> C) {
    let keys = ["a", "a/1", "a/2", "a/b/1", "a0", "b/", "b/1", "c", "c/", "d/e/f", "d/e/g", "d/h"];
    let world = with_keys(fresh().await, &keys).await;
    for prefix in ["", "a", "a/", "d/"] {
        for delimiter in ["", "/", "e/"] {
            let whole = list(&world, query(prefix, delimiter, "", 100)).await;
            for limit in 1..=keys.len() + 1 {
                let joined = pages(&world, query(prefix, delimiter, "", limit)).await;
                assert_eq!(joined, whole, "prefix `{prefix}`, delimiter `{delimiter}`, limit {limit}");
            }
        }
    }
}

pub async fn a_limit_of_nothing_is_an_empty_page<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = with_keys(fresh().await, &["a"]).await;
    assert!(list(&world, query("", "", "", 0)).await.is_empty());
}

/// What a listing is, said in the simplest way.
fn naive(keys: &BTreeSet<String>, query: &ListQuery) -> Vec<String> {
    let mut entries = BTreeMap::new();
    for key in keys.iter().filter(|key| key.starts_with(&query.prefix)) {
        let rest = &key[query.prefix.len()..];
        let end = query.delimiter.as_ref().and_then(|delimiter| Some(rest.find(delimiter)? + delimiter.len()));
        match end {
            Some(end) => {
                let prefix = format!("{}{}", query.prefix, &rest[..end]);
                entries.insert(prefix.clone(), format!("[{prefix}]"));
            }
            None => {
                entries.insert(key.clone(), key.clone());
            }
        }
    }
    let behind = |entry: &String| query.after.as_ref().is_none_or(|after| entry > after);
    let entries: Vec<String> = entries.into_iter().filter(|(at, _)| behind(at)).map(|(_, text)| text).collect();
    let more = entries.len() > query.limit;
    entries.into_iter().take(query.limit).chain(more.then(|| "…".to_owned())).collect()
}

pub async fn random_listings_agree_with_a_naive_one<C: Subject>(fresh: impl AsyncFn() -> C) {
    let outside = super::outside(7);
    let random = |below: u64| u64::from_le_bytes(outside.random()) % below;
    let word =
        |length: u64| (0..random(length)).map(|_| ["a", "b", "/", "é", "-"][usize::try_from(random(5)).unwrap()]);
    let keys: BTreeSet<String> = (0..60).map(|_| word(7).collect::<String>()).filter(|key| !key.is_empty()).collect();
    let world = with_keys(fresh().await, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for _ in 0..400 {
        let query = ListQuery {
            prefix: word(3).collect(),
            delimiter: Some(word(3).collect::<String>()).filter(|delimiter| !delimiter.is_empty()),
            after: Some(word(6).collect::<String>()).filter(|after| !after.is_empty()),
            limit: usize::try_from(random(12) + 1).unwrap(),
        };
        assert_eq!(list(&world, query.clone()).await, naive(&keys, &query), "{query:?}");
    }
}

fn started(n: u64, key: &str, at: i64, bucket: model::BucketId) -> Upload {
    Upload { initiated: Timestamp(NOW.0 + at), ..make::upload(n, bucket, &make::key(key)) }
}

async fn uploads<C: Subject>(world: &World<C>, query: ListQuery, after: Option<u64>) -> Vec<String> {
    let after = after.map(|n| UploadId(id(n)));
    let page = world.catalog.uploads(world.bucket.id, query, after).await.unwrap();
    text(&page, |upload| format!("{}{}", upload.key, upload.id.0[7]))
}

/// Key and number make the text of an entry; the second `a` was started before the first.
async fn with_uploads<C: Subject>(catalog: C) -> World<C> {
    let world = World::new(catalog).await;
    for (n, key, at) in [(1, "a", 9), (2, "a", 3), (3, "a", 9), (4, "b/x", 0), (5, "b/x", 0), (6, "c", -5)] {
        world.run(EAST, Change::UploadStarted(started(n, key, at, world.bucket.id))).await;
    }
    world
}

pub async fn uploads_of_one_key_come_by_time<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = with_uploads(fresh().await).await;
    for (prefix, delimiter, after, upload, limit, expected) in [
        ("", "", "", None, 10, &["a2", "a1", "a3", "b/x4", "b/x5", "c6"][..]),
        ("", "", "", None, 2, &["a2", "a1", "…"]),
        ("", "", "a", None, 10, &["b/x4", "b/x5", "c6"]),
        ("", "", "a", Some(2), 10, &["a1", "a3", "b/x4", "b/x5", "c6"]),
        ("", "", "a", Some(1), 2, &["a3", "b/x4", "…"]),
        ("", "", "a", Some(3), 1, &["b/x4", "…"]),
        ("", "/", "", None, 10, &["a2", "a1", "a3", "[b/]", "c6"]),
        ("", "/", "b/", None, 10, &["c6"]),
        ("", "/", "b/x", Some(4), 10, &["c6"]),
        ("b/", "/", "b/x", Some(4), 10, &["b/x5"]),
        ("b/", "/", "a", Some(2), 10, &["b/x4", "b/x5"]),
        ("c", "", "c", Some(6), 10, &[]),
    ] {
        let found = uploads(&world, query(prefix, delimiter, after, limit), upload).await;
        assert_eq!(found, expected, "prefix `{prefix}`, delimiter `{delimiter}`, after `{after}` {upload:?}");
    }
}

pub async fn uploads_go_on_behind_one_that_is_gone<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = with_uploads(fresh().await).await;
    world.run(EAST, world.abort(2)).await;
    let found = uploads(&world, query("", "", "a", 10), Some(2)).await;
    assert_eq!(found, ["a1", "a3", "b/x4", "b/x5", "c6"], "none of the key's other uploads is missed");
}
