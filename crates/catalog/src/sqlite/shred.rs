//! Shredding a label: what is refused and gone at once, and what is removed bit by bit.
//!
//! At once go its keys, access keys, stream and the names of its buckets: few rows. Versions, uploads
//! and segments may be millions: they are found by the bucket's and the stream's id, and go in batches.

use model::{
    AccessKey, Aspect, BucketId, BucketSetting, Governance, KeyState, Label, LabelKey, Number, ObjectLock, Role,
    SiteId, StreamId, Timestamp, Version, VersionId,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::judge::{self, Stop};
use super::sealed::{Db, Place};
use super::touch::{self, Kind};
use super::{names, people, settings, versions};
use crate::error::Error;
use crate::interface::{Clearing, Contents, Refusal};

/// Every key of other labels must be among those wrapped anew: one that is left out would be lost.
pub fn judge(c: &Connection, label: &Label, keys: &[LabelKey]) -> Result<(), Stop> {
    judge::wait(c, "kind IN (?, ?)", params![Kind::LabelKeyCreated, Kind::LabelShredded])?;
    let known = people::label_keys(c)?;
    if known.iter().all(|key| key.label != Some(*label)) {
        return Err(Refusal::NoSuchLabel.into());
    }
    let left: Vec<_> = known.iter().filter(|key| key.label != Some(*label)).collect();
    let kept = |key: &&LabelKey| keys.iter().any(|new| (new.tag, new.label) == (key.tag, key.label));
    if left.len() == keys.len() && left.iter().all(kept) { Ok(()) } else { Err(Refusal::KeysChanged.into()) }
}

/// Whether the stream's label is shredded, or decided to be.
pub fn is_ended(c: &Connection, stream: StreamId) -> Result<bool, Error> {
    let mut find = c.prepare_cached("SELECT label FROM stream WHERE id = ?")?;
    let label: Option<Option<[u8; Label::BYTES]>> = find.query_row([stream.0], |row| row.get(0)).optional()?;
    let Some(label) = label else { return is_shredded(c, stream) };
    let Some(label) = label.map(Label::from_canonical) else { return Ok(false) };
    let mut decided = c.prepare_cached("SELECT EXISTS (SELECT 1 FROM decided WHERE subject = ? AND kind = ?)")?;
    Ok(decided.query_row(params![touch::of_label(&label), Kind::LabelShredded], |row| row.get(0))?)
}

pub fn is_shredded(c: &Connection, stream: StreamId) -> Result<bool, Error> {
    let mut find = c.prepare_cached("SELECT EXISTS (SELECT 1 FROM shredded_stream WHERE id = ?)")?;
    Ok(find.query_row([stream.0], |row| row.get(0))?)
}

/// By id.
pub fn shredded(c: &Connection) -> Result<Vec<(StreamId, Label)>, Error> {
    let mut all = c.prepare_cached("SELECT id, label FROM shredded_stream ORDER BY id")?;
    let rows = all.query_map([], |row| Ok((StreamId(row.get(0)?), Label::from_canonical(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Shows it.
pub fn shred(c: &Connection, number: Number, label: &Label, keys: &[LabelKey], at: Timestamp) -> Result<(), Error> {
    erase(c)?;
    for key in people::label_keys(c)?.iter().filter(|key| key.label == Some(*label)) {
        c.prepare_cached("DELETE FROM label_key WHERE tag = ?")?.execute([key.tag.0])?;
    }
    keys.iter().try_for_each(|key| people::store_label_key(c, key))?;
    for key in data_keys(c, label)? {
        people::revoke_key(c, &key.id, at)?;
    }
    // What it says of objects goes with them.
    c.execute("DELETE FROM release WHERE label = ?", [label.canonical()])?;
    c.execute(
        "INSERT INTO shredded_stream (id, label, number) SELECT id, label, ? FROM stream WHERE label = ?",
        params![number.0, label.canonical()],
    )?;
    c.execute("DELETE FROM stream WHERE label = ?", [label.canonical()])?;
    c.execute("INSERT INTO shredded_bucket (id) SELECT id FROM bucket WHERE label = ?", [label.canonical()])?;
    c.execute("DELETE FROM bucket WHERE label = ?", [label.canonical()])?;
    forget_decided(c)
}

/// The access keys that open data of the label. Those of operators open the admin API, whatever their label.
fn data_keys(c: &Connection, label: &Label) -> Result<Vec<AccessKey>, Error> {
    let mut keys = Vec::new();
    for key in people::access_keys(c)?.into_iter().filter(|key| key.label == *label) {
        let owner = people::principal(c, key.principal)?;
        if key.state == KeyState::Active && owner.is_some_and(|owner| owner.role == Role::MissionOwner) {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// What was decided in an ended stream and never shown does not come to stand any more.
fn forget_decided(c: &Connection) -> Result<(), Error> {
    let ended = "SELECT number FROM decided WHERE stream IN (SELECT id FROM shredded_stream)";
    c.execute(&format!("DELETE FROM decided_piece WHERE number IN ({ended})"), [])?;
    c.execute(&format!("DELETE FROM decided WHERE number IN ({ended})"), [])?;
    Ok(())
}

/// What is deleted from here on is overwritten in the file.
fn erase(c: &Connection) -> Result<(), Error> {
    Ok(c.pragma_update(None, "secure_delete", true)?)
}

/// Removes up to about `limit` rows of what is left.
pub fn clear(c: &Connection, limit: usize) -> Result<Clearing, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    if let Some(bucket) = c.query_row("SELECT id FROM shredded_bucket", [], |row| row.get(0)).optional()? {
        erase(c)?;
        clear_bucket(c, BucketId(bucket), limit)?;
        return Ok(Clearing::Some);
    }
    let open = "SELECT id, cleared_to FROM shredded_stream WHERE cleared = 0";
    let stream: Option<([u8; 16], i64)> = c.query_row(open, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((stream, from)) = stream else {
        c.pragma_update(None, "secure_delete", false)?;
        return Ok(Clearing::Done);
    };
    erase(c)?;
    clear_stream(c, StreamId(stream), from, limit)?;
    Ok(Clearing::Some)
}

/// What a bucket's rows lie in, and how a row is named there.
const OF_BUCKET: [(&str, &str); 5] = [
    ("version", "row"),
    ("part", "(upload, part_number)"),
    ("upload", "id"),
    ("hidden", "(bucket, key)"),
    ("bucket_setting", "(bucket, aspect)"),
];

fn clear_bucket(c: &Connection, bucket: BucketId, limit: i64) -> Result<(), Error> {
    for (table, row) in OF_BUCKET {
        let columns = row.trim_matches(['(', ')']);
        let delete =
            format!("DELETE FROM {table} WHERE {row} IN (SELECT {columns} FROM {table} WHERE bucket = ?1 LIMIT ?2)");
        if c.prepare_cached(&delete)?.execute(params![bucket.0, limit])? > 0 {
            return Ok(());
        }
    }
    c.execute("DELETE FROM shredded_bucket WHERE id = ?", [bucket.0])?;
    Ok(())
}

/// Segments lie in the order of their rows, those of all streams mixed.
fn clear_stream(c: &Connection, stream: StreamId, from: i64, limit: i64) -> Result<(), Error> {
    let mut walk = c.prepare_cached("SELECT row, id, stream FROM segment WHERE row > ? ORDER BY row LIMIT ?")?;
    let rows = walk.query_map(params![from, limit], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 16]>(1)?, row.get::<_, [u8; 16]>(2)?))
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    for (row, segment, _) in rows.iter().filter(|(_, _, of)| *of == stream.0) {
        c.prepare_cached("DELETE FROM piece WHERE segment = ?")?.execute([row])?;
        c.prepare_cached("DELETE FROM segment_use WHERE segment = ?")?.execute([segment])?;
        c.prepare_cached("DELETE FROM unused WHERE segment = ?")?.execute([segment])?;
        c.prepare_cached("DELETE FROM segment WHERE row = ?")?.execute([row])?;
    }
    match rows.last() {
        Some((last, _, _)) => {
            c.execute("UPDATE shredded_stream SET cleared_to = ? WHERE id = ?", params![last, stream.0])?;
        }
        None => {
            c.execute("DELETE FROM journal WHERE stream = ?", [stream.0])?;
            c.execute("UPDATE shredded_stream SET cleared = 1, cleared_to = 0 WHERE id = ?", [stream.0])?;
        }
    }
    Ok(())
}

pub fn contents(c: &Db<'_>, label: &Label, now: Timestamp) -> Result<Contents, Error> {
    let buckets = names::buckets_at(c, label)?;
    let mut contents = Contents::default();
    for bucket in &buckets {
        let mut count =
            c.prepare_cached("SELECT count(*), coalesce(sum(size), 0) FROM version WHERE bucket = ? AND marker = 0")?;
        let (versions, bytes): (u64, u64) = count.query_row([bucket.id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut uploads = c.prepare_cached("SELECT count(*) FROM upload WHERE bucket = ?")?;
        contents.uploads += uploads.query_row([bucket.id.0], |row| row.get::<_, u64>(0))?;
        contents.versions += versions;
        contents.bytes += bytes;
        contents.locked += locked(c, bucket.id, now)?;
    }
    contents.access_keys = data_keys(c, label)?.len() as u64;
    let mut pieces = c.prepare_cached(
        "SELECT site, count(*) FROM piece JOIN segment s ON s.row = segment JOIN stream t ON t.id = s.stream
         WHERE t.label = ? GROUP BY site ORDER BY site",
    )?;
    let rows = pieces.query_map([label.canonical()], |row| Ok((SiteId(row.get(0)?), row.get(1)?)))?;
    contents.pieces = rows.collect::<Result<_, _>>()?;
    contents.buckets = buckets;
    Ok(contents)
}

/// Versions that a lock keeps.
fn locked(c: &Db<'_>, bucket: BucketId, now: Timestamp) -> Result<u64, Error> {
    if settings::find(c, bucket, Aspect::ObjectLock)? == BucketSetting::ObjectLock(ObjectLock::Off) {
        return Ok(0);
    }
    let mut all = c.prepare_cached("SELECT row, id, version FROM version WHERE bucket = ? AND marker = 0")?;
    let (mut rows, mut locked) = (all.query([bucket.0])?, 0);
    while let Some(row) = rows.next()? {
        let place = Place::Version(VersionId(row.get(1)?));
        let mut version: Version = c.read_value(place, &row.get::<_, Vec<u8>>(2)?)?;
        versions::put_on(c, row.get(0)?, &mut version)?;
        locked += u64::from(version.lock.holds(now, Governance::Obeyed));
    }
    Ok(locked)
}
