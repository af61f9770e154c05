//! Pages of objects and uploads, by seeking.
//!
//! A common prefix costs one row: the scan then starts again behind the whole prefix. So a page
//! reads about as many rows as it has entries, whatever lies under its prefixes.

use std::ops::ControlFlow;

use model::{BucketId, ETag, ObjectKey, Timestamp, Upload, UploadId, VersionId, Which};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codec;
use super::sealed::{Db, Place};
use super::versions::{Kept, SlotColumn};
use crate::error::Error;
use crate::interface::{ListEntry, ListQuery, ObjectSummary, Page, VersionKind, VersionSummary};

const OBJECTS: &str = "SELECT key, size, etag, modified, checksums FROM version
     WHERE bucket = ? AND key >= ? AND key < ? AND current = 1 ORDER BY key";

/// The newest of a key comes first.
const VERSIONS: &str = "SELECT key, size, etag, modified, checksums, id, slot, marker, number FROM version
     WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key, number DESC";

/// The rest of one key.
const OLDER: &str = "SELECT key, size, etag, modified, checksums, id, slot, marker, number FROM version
     WHERE bucket = ? AND key = ? AND number < ? ORDER BY number DESC";

const UPLOADS: &str = "SELECT key, upload, id FROM upload
     WHERE bucket = ?1 AND (key, initiated, id) > (?2, ?3, ?4) AND key < ?5 ORDER BY key, initiated, id";

/// Above every key: no UTF-8 text holds this byte.
const ABOVE_ALL: u8 = 0xff;

pub fn objects(c: &Connection, bucket: BucketId, query: &ListQuery) -> Result<Page<ObjectSummary>, Error> {
    let mut scan = c.prepare_cached(OBJECTS)?;
    page(query, start(query), |from, below, visit| {
        let mut rows = scan.query(params![bucket.0, from, below])?;
        while let Some(row) = rows.next()? {
            if visit(key_of(row)?, &|| summary(row))?.is_break() {
                break;
            }
        }
        Ok(())
    })
}

/// By key, newest first; `after_version` goes on within the versions of `query.after`. When that one is
/// gone, all that are left of its key are listed: who deletes versions page by page misses none.
pub fn versions(
    c: &Db<'_>,
    bucket: BucketId,
    query: &ListQuery,
    after_version: Option<Which>,
) -> Result<Page<VersionSummary>, Error> {
    let marker = match (&query.after, after_version) {
        (Some(after), Some(which)) if query.rolled_up(after).is_none() && after.starts_with(&query.prefix) => {
            Some((after.clone().into_bytes(), number_of(c, bucket, after, which)?))
        }
        _ => None,
    };
    let first = marker.as_ref().map_or_else(|| start(query), |(after, _)| after.clone());
    let (mut older, mut scan) = (c.prepare_cached(OLDER)?, c.prepare_cached(VERSIONS)?);
    let mut newest = Newest::default();
    page(query, first, |from, below, visit| {
        let mut behind = from.to_vec();
        if let Some((after, number)) = marker.as_ref().filter(|(after, _)| after == from) {
            let mut rows = older.query(params![bucket.0, after, number])?;
            while let Some(row) = rows.next()? {
                // With a number that is none, the first one listed is the newest.
                let is_newest = *number == i64::MAX && newest.is(row)?;
                if visit(key_of(row)?, &|| version_summary(row, is_newest))?.is_break() {
                    return Ok(());
                }
            }
            behind.push(0);
        }
        let mut rows = scan.query(params![bucket.0, behind, below])?;
        while let Some(row) = rows.next()? {
            let is_newest = newest.is(row)?;
            if visit(key_of(row)?, &|| version_summary(row, is_newest))?.is_break() {
                break;
            }
        }
        Ok(())
    })
}

/// Tells a key's first row, which is its newest version.
#[derive(Default)]
struct Newest {
    key: Vec<u8>,
}

impl Newest {
    fn is(&mut self, row: &Row<'_>) -> Result<bool, Error> {
        let key = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        let first = self.key != key;
        if first {
            self.key = key.to_vec();
        }
        Ok(first)
    }
}

/// The place of a version among those of its key; before all when it is gone.
fn number_of(c: &Db<'_>, bucket: BucketId, key: &str, which: Which) -> Result<i64, Error> {
    let Ok(key) = ObjectKey::parse(key) else { return Ok(i64::MAX) };
    Ok(match super::versions::find(c, bucket, &key, which)? {
        Some(Kept::Version(number, _) | Kept::Marker(number, _)) => i64::try_from(number.0).unwrap_or(i64::MAX),
        None => i64::MAX,
    })
}

/// By key, then by time of initiation; `after_upload` goes on within the uploads of `query.after`.
/// When that upload is gone, all that are left of its key are listed: who aborts uploads page by
/// page misses none.
pub fn uploads(
    c: &Db<'_>,
    bucket: BucketId,
    query: &ListQuery,
    after_upload: Option<UploadId>,
) -> Result<Page<Upload>, Error> {
    let marker = match (&query.after, after_upload) {
        (Some(after), Some(id)) if query.rolled_up(after).is_none() && after.starts_with(&query.prefix) => {
            Some((after.clone().into_bytes(), position(c, bucket, after, id)?))
        }
        _ => None,
    };
    let first = marker.as_ref().map_or_else(|| start(query), |(after, _)| after.clone());
    let mut scan = c.prepare_cached(UPLOADS)?;
    page(query, first, |from, below, visit| {
        let (initiated, id) = match &marker {
            Some((after, position)) if after == from => *position,
            _ => BEFORE_ALL,
        };
        let mut rows = scan.query(params![bucket.0, from, initiated, id, below])?;
        while let Some(row) = rows.next()? {
            let upload = || {
                let value = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
                c.read_value(Place::Upload(UploadId(row.get(2)?)), value)
            };
            if visit(key_of(row)?, &upload)?.is_break() {
                break;
            }
        }
        Ok(())
    })
}

/// Sorts before every upload of its key.
const BEFORE_ALL: (i64, [u8; 16]) = (i64::MIN, [0; 16]);

fn position(c: &Connection, bucket: BucketId, key: &str, id: UploadId) -> Result<(i64, [u8; 16]), Error> {
    let mut find = c.prepare_cached("SELECT initiated FROM upload WHERE id = ? AND bucket = ? AND key = ?")?;
    let initiated = find.query_row(params![id.0, bucket.0, key.as_bytes()], |row| row.get(0)).optional()?;
    Ok(initiated.map_or(BEFORE_ALL, |initiated| (initiated, id.0)))
}

type Visit<'a, T> = dyn FnMut(&str, &dyn Fn() -> Result<T, Error>) -> Result<ControlFlow<()>, Error> + 'a;

/// Collects a page from `scan(from, below, visit)`, which visits keys in `from..below` in order.
fn page<T>(
    query: &ListQuery,
    mut from: Vec<u8>,
    mut scan: impl FnMut(&[u8], &[u8], &mut Visit<'_, T>) -> Result<(), Error>,
) -> Result<Page<T>, Error> {
    let mut page = Page { entries: Vec::new(), more: false };
    let below = behind_all(query.prefix.as_bytes());
    let mut seeking = query.limit > 0;
    while seeking {
        seeking = false;
        let start = std::mem::take(&mut from);
        scan(&start, &below, &mut |key, item| {
            if page.entries.len() == query.limit {
                page.more = true;
                return Ok(ControlFlow::Break(()));
            }
            if let Some(prefix) = query.rolled_up(key) {
                from = behind_all(prefix.as_bytes());
                seeking = true;
                page.entries.push(ListEntry::Prefix(prefix.to_owned()));
                return Ok(ControlFlow::Break(()));
            }
            page.entries.push(ListEntry::Item(item()?));
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(page)
}

/// The first place an entry may have.
fn start(query: &ListQuery) -> Vec<u8> {
    let prefix = query.prefix.as_bytes().to_vec();
    match &query.after {
        None => prefix,
        Some(after) => match query.rolled_up(after) {
            // Its common prefix sorts at or before it, so the prefix was passed.
            Some(passed) => behind_all(passed.as_bytes()),
            None => [after.as_bytes(), &[0]].concat().max(prefix),
        },
    }
}

/// The first byte string behind all that begin with `prefix`, which ends in no 0xff.
fn behind_all(prefix: &[u8]) -> Vec<u8> {
    match prefix.split_last() {
        Some((last, head)) => [head, &[last.saturating_add(1)]].concat(),
        None => vec![ABOVE_ALL],
    }
}

fn key_of<'r>(row: &'r Row<'_>) -> Result<&'r str, Error> {
    let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
    std::str::from_utf8(bytes).map_err(|error| Error::Damaged(format!("a key is not text: {error}")))
}

fn summary(row: &Row<'_>) -> Result<ObjectSummary, Error> {
    let key = ObjectKey::parse(key_of(row)?).map_err(|error| Error::Damaged(format!("a key is not one: {error}")))?;
    let checksums = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
    Ok(ObjectSummary {
        key,
        size: row.get(1)?,
        etag: ETag(row.get(2)?),
        modified: Timestamp(row.get(3)?),
        checksums: codec::checksums_from_blob(checksums)?,
    })
}

fn version_summary(row: &Row<'_>, newest: bool) -> Result<VersionSummary, Error> {
    let ObjectSummary { key, size, etag, modified, checksums } = summary(row)?;
    let SlotColumn(slot) = row.get(6)?;
    let kind = match row.get(7)? {
        true => VersionKind::Marker,
        false => VersionKind::Object { size, etag, checksums },
    };
    Ok(VersionSummary { id: VersionId(row.get(5)?), slot, newest, kind, key, modified })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists sorted keys; returns the number of entries and of keys looked at.
    fn cost(keys: &[String], query: &ListQuery) -> (usize, usize) {
        let mut visited = 0;
        let page = page(query, start(query), |from, below, visit| {
            for key in keys.iter().filter(|key| (from..below).contains(&key.as_bytes())) {
                visited += 1;
                if visit(key, &|| Ok(()))?.is_break() {
                    break;
                }
            }
            Ok(())
        })
        .unwrap();
        (page.entries.len(), visited)
    }

    #[test]
    fn a_page_looks_at_one_row_per_entry_whatever_lies_under_its_prefixes() {
        let keys: Vec<String> =
            ["few", "many", "more"].iter().flat_map(|top| (0..500).map(move |n| format!("{top}/{n:03}"))).collect();
        let rolled = ListQuery { delimiter: Some("/".to_owned()), limit: 1000, ..ListQuery::default() };
        assert_eq!(cost(&keys, &rolled), (3, 3));
        assert_eq!(cost(&keys, &ListQuery { limit: 2, ..rolled }), (2, 3), "one more tells that there is more");
        let behind = ListQuery { after: Some("many/100".to_owned()), limit: 10, ..ListQuery::default() };
        assert_eq!(cost(&keys, &behind), (10, 11));
    }

    #[test]
    fn pages_are_found_by_index_and_need_no_sorting() {
        let connection = super::super::open::memory().unwrap();
        for (select, index) in
            [(OBJECTS, "version_current"), (VERSIONS, "version_key"), (OLDER, "version_key"), (UPLOADS, "upload_key")]
        {
            let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {select}")).unwrap();
            let values = vec![rusqlite::types::Null; explain.parameter_count()];
            let rows = explain.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
            let plan: Vec<String> = rows.map(Result::unwrap).collect();
            assert!(plan.len() == 1 && plan[0].contains(index) && plan[0].starts_with("SEARCH"), "{plan:?}");
        }
    }
}
