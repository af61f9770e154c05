//! Rows of versions and markers: which is current, which is null, what was said of one since.
//!
//! Of a key's rows the one with the greatest number is its newest; it is `current` unless it is a
//! marker, and listings of objects see those alone.

use model::{
    BucketId, ETag, Label, Marker, Number, ObjectKey, Slot, Timestamp, Version, VersionId, VersionSetting, Which,
};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codec;
use super::sealed::{Db, Place};
use crate::error::Error;

/// A slot as a column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SlotColumn(pub Slot);

impl ToSql for SlotColumn {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Slot::Null => 0,
            Slot::Own => 1,
        }
        .into())
    }
}

impl FromSql for SlotColumn {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(SlotColumn(Slot::Null)),
            1 => Ok(SlotColumn(Slot::Own)),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

/// A version or a marker with its place in the order.
#[expect(clippy::large_enum_variant, reason = "nearly every one is the large one")]
pub enum Kept {
    Version(Number, Version),
    Marker(Number, Marker),
}

/// What to put into a row.
pub enum New<'a> {
    Version(&'a Version),
    Marker(&'a Marker),
}

const COLUMNS: &str = "row, number, id, slot, marker, modified, version";

/// The version or marker that is meant; of the current one a marker too, which says it is gone.
pub fn find(c: &Db<'_>, bucket: BucketId, key: &ObjectKey, which: Which) -> Result<Option<Kept>, Error> {
    let of_key = (bucket.0, key.as_str().as_bytes());
    let found = match which {
        Which::Current => c
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM version WHERE bucket = ? AND key = ? ORDER BY number DESC LIMIT 1"
            ))?
            .query_row(of_key, |row| Found::read(row, key))
            .optional()?,
        Which::Null => c
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM version WHERE bucket = ? AND key = ? AND slot = 0 ORDER BY number DESC LIMIT 1"
            ))?
            .query_row(of_key, |row| Found::read(row, key))
            .optional()?,
        Which::Own(id) => c
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM version WHERE bucket = ? AND key = ? AND id = ? AND slot = 1"
            ))?
            .query_row(params![bucket.0, key.as_str().as_bytes(), id.0], |row| Found::read(row, key))
            .optional()?,
    };
    found.map(|found| found.decode(c)).transpose()
}

/// The one with this id, in whichever slot.
pub fn by_id(c: &Db<'_>, bucket: BucketId, key: &ObjectKey, id: VersionId) -> Result<Option<Kept>, Error> {
    let mut find =
        c.prepare_cached(&format!("SELECT {COLUMNS} FROM version WHERE bucket = ? AND key = ? AND id = ?"))?;
    let found =
        find.query_row(params![bucket.0, key.as_str().as_bytes(), id.0], |row| Found::read(row, key)).optional()?;
    found.map(|found| found.decode(c)).transpose()
}

/// ETag and version of the object that has this key now.
pub fn current(c: &Connection, bucket: BucketId, key: &ObjectKey) -> Result<Option<(ETag, VersionId)>, Error> {
    let mut find = c.prepare_cached("SELECT etag, id FROM version WHERE bucket = ? AND key = ? AND current = 1")?;
    let read = |row: &Row<'_>| Ok((ETag(row.get(0)?), VersionId(row.get(1)?)));
    Ok(find.query_row(params![bucket.0, key.as_str().as_bytes()], read).optional()?)
}

struct Found {
    row: i64,
    number: Number,
    id: VersionId,
    marker: Option<Marker>,
    blob: Vec<u8>,
}

impl Found {
    fn read(row: &Row<'_>, key: &ObjectKey) -> rusqlite::Result<Found> {
        let SlotColumn(slot) = row.get(3)?;
        let id = VersionId(row.get(2)?);
        let marker = Marker { id, key: key.clone(), slot, modified: Timestamp(row.get(5)?) };
        Ok(Found {
            row: row.get(0)?,
            number: Number(row.get(1)?),
            id,
            marker: row.get::<_, bool>(4)?.then_some(marker),
            blob: row.get(6)?,
        })
    }

    fn decode(self, c: &Db<'_>) -> Result<Kept, Error> {
        if let Some(marker) = self.marker {
            return Ok(Kept::Marker(self.number, marker));
        }
        let mut version: Version = c.read_value(Place::Version(self.id), &self.blob)?;
        put_on(c, self.row, &mut version)?;
        Ok(Kept::Version(self.number, version))
    }
}

/// Puts on a version what was said of it since.
pub fn put_on(c: &Db<'_>, row: i64, version: &mut Version) -> Result<(), Error> {
    let mut said = c.prepare_cached("SELECT kind, setting FROM version_setting WHERE version = ? ORDER BY kind")?;
    let mut rows = said.query([row])?;
    while let Some(row) = rows.next()? {
        let place = Place::Said(version.id, row.get(0)?);
        let value = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        c.read_value::<VersionSetting>(place, value)?.put_on(version);
    }
    Ok(())
}

/// Whether a newer null version or marker has the key's null slot.
pub fn null_is_overtaken(c: &Connection, bucket: BucketId, key: &ObjectKey, number: Number) -> Result<bool, Error> {
    let mut find = c.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM version WHERE bucket = ? AND key = ? AND number > ? AND slot = 0)",
    )?;
    Ok(find.query_row(params![bucket.0, key.as_str().as_bytes(), number.0], |row| row.get(0))?)
}

/// Adds a row and tells which. The newest of its key is current, if it is no marker.
pub fn insert(
    c: &Db<'_>,
    number: Number,
    bucket: BucketId,
    label: Option<&Label>,
    new: &New<'_>,
) -> Result<i64, Error> {
    let key = new.key().as_str().as_bytes();
    let mut newest = c.prepare_cached(
        "SELECT row, number, current FROM version WHERE bucket = ? AND key = ? ORDER BY number DESC LIMIT 1",
    )?;
    let newest: Option<(i64, u64, bool)> =
        newest.query_row(params![bucket.0, key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    let is_newest = newest.is_none_or(|(_, other, _)| other < number.0);
    if let Some((row, _, true)) = newest.filter(|_| is_newest) {
        c.prepare_cached("UPDATE version SET current = 0 WHERE row = ?")?.execute([row])?;
    }
    let mut insert = c.prepare_cached(
        "INSERT INTO version (bucket, key, number, id, slot, marker, current, size, etag, modified, checksums, version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    match new {
        New::Version(version) => insert.execute(params![
            bucket.0,
            key,
            number.0,
            version.id.0,
            SlotColumn(version.slot),
            false,
            is_newest,
            version.size,
            version.etag.0,
            version.modified.0,
            codec::checksums_to_blob(&version.checksums),
            c.to_value(label, Place::Version(version.id), *version)?,
        ])?,
        New::Marker(marker) => insert.execute(params![
            bucket.0,
            key,
            number.0,
            marker.id.0,
            SlotColumn(marker.slot),
            true,
            false,
            0,
            "",
            marker.modified.0,
            b"",
            b"",
        ])?,
    };
    let row = c.last_insert_rowid();
    take_early_settings(c, row, new.id())?;
    Ok(row)
}

impl New<'_> {
    fn key(&self) -> &ObjectKey {
        match self {
            New::Version(version) => &version.key,
            New::Marker(marker) => &marker.key,
        }
    }

    pub fn id(&self) -> VersionId {
        match self {
            New::Version(version) => version.id,
            New::Marker(marker) => marker.id,
        }
    }

    pub fn slot(&self) -> Slot {
        match self {
            New::Version(version) => version.slot,
            New::Marker(marker) => marker.slot,
        }
    }
}

/// Removes what has the key's null slot, if it is older, and returns the versions among it. Which
/// row is current is not looked at: [`insert`] or [`promote`] follows.
pub fn vacate_null(c: &Db<'_>, number: Number, bucket: BucketId, key: &ObjectKey) -> Result<Vec<Version>, Error> {
    let mut remove = c.prepare_cached(
        "DELETE FROM version WHERE bucket = ? AND key = ? AND number < ? AND slot = 0 RETURNING marker, id, version",
    )?;
    removed(c, remove.query(params![bucket.0, key.as_str().as_bytes(), number.0])?)
}

/// Removes one version or marker.
pub fn remove(c: &Db<'_>, bucket: BucketId, key: &ObjectKey, id: VersionId) -> Result<Vec<Version>, Error> {
    let mut remove =
        c.prepare_cached("DELETE FROM version WHERE bucket = ? AND key = ? AND id = ? RETURNING marker, id, version")?;
    removed(c, remove.query(params![bucket.0, key.as_str().as_bytes(), id.0])?)
}

fn removed(c: &Db<'_>, mut rows: rusqlite::Rows<'_>) -> Result<Vec<Version>, Error> {
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        if !row.get::<_, bool>(0)? {
            let value = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            versions.push(c.read_value(Place::Version(VersionId(row.get(1)?)), value)?);
        }
    }
    Ok(versions)
}

/// Makes the newest that is left the current one, unless it is a marker.
pub fn promote(c: &Connection, bucket: BucketId, key: &ObjectKey) -> Result<(), Error> {
    c.prepare_cached(
        "UPDATE version SET current = 1 WHERE current = 0 AND marker = 0 AND row =
         (SELECT row FROM version WHERE bucket = ? AND key = ? ORDER BY number DESC LIMIT 1)",
    )?
    .execute(params![bucket.0, key.as_str().as_bytes()])?;
    Ok(())
}

/// Keeps what was said of a version unless something newer was. `false`: there is no such version.
pub fn set(
    c: &Connection,
    number: Number,
    bucket: BucketId,
    key: &ObjectKey,
    id: VersionId,
    kind: u8,
    value: &[u8],
) -> Result<bool, Error> {
    let mut find = c.prepare_cached("SELECT row FROM version WHERE bucket = ? AND key = ? AND id = ?")?;
    let row: Option<i64> =
        find.query_row(params![bucket.0, key.as_str().as_bytes(), id.0], |row| row.get(0)).optional()?;
    let Some(row) = row else { return Ok(false) };
    store(c, row, kind, number, value)?;
    Ok(true)
}

fn store(c: &Connection, row: i64, kind: u8, number: Number, blob: &[u8]) -> Result<(), Error> {
    c.prepare_cached(
        "INSERT INTO version_setting (version, kind, number, setting) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (version, kind) DO UPDATE SET number = ?3, setting = ?4 WHERE number < ?3",
    )?
    .execute(params![row, kind, number.0, blob])?;
    Ok(())
}

/// What was shown of this version before itself; it is forgotten here.
fn take_early_settings(c: &Connection, row: i64, id: VersionId) -> Result<(), Error> {
    let mut take = c.prepare_cached("DELETE FROM early_setting WHERE id = ? RETURNING kind, number, setting")?;
    let mut early = take.query([id.0])?;
    while let Some(said) = early.next()? {
        store(c, row, said.get(0)?, Number(said.get(1)?), said.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?)?;
    }
    Ok(())
}
