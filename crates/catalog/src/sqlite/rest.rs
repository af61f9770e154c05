//! What older programs left open in the files: sealed once, and the file written anew without what it still
//! held of it.

use coding::keys::sealed_under;
use model::{BucketId, Label, Number, ReleaseId, UploadId, VersionId};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params};

use super::sealed::{Db, Place};
use super::settings;
use crate::error::Error;

/// Databases up to this are written anew in memory; larger ones need as much room for temporary files.
const IN_MEMORY_MAX: u64 = 256 << 20;

pub fn is_done(c: &Connection) -> Result<bool, Error> {
    Ok(c.query_row("SELECT sealed FROM state", [], |row| row.get(0))?)
}

pub fn done(c: &Connection) -> Result<(), Error> {
    c.execute("UPDATE state SET sealed = 1", [])?;
    Ok(())
}

/// Seals every value that lies open, and counts them. What is left of shredded labels has no key any more;
/// it is removed and overwritten anyhow.
pub fn seal(db: &Db<'_>) -> Result<u64, Error> {
    rewrite_all(db, |label, place, value| {
        if sealed_under(value).is_some() {
            return Ok(None);
        }
        match db.seal(Some(label), place, value) {
            Ok(sealed) => Ok(Some(sealed)),
            Err(Error::NoKey) => Ok(None),
            Err(error) => Err(error),
        }
    })
}

/// What becomes of a value of this label; `None` leaves it as it is.
type Turn<'t> = &'t dyn Fn(&Label, Place, &[u8]) -> Result<Option<Vec<u8>>, Error>;

/// Walks over every value that is to lie sealed, and counts those that were stored anew.
fn rewrite_all(
    db: &Db<'_>,
    turn: impl Fn(&Label, Place, &[u8]) -> Result<Option<Vec<u8>>, Error>,
) -> Result<u64, Error> {
    let version = |row: &Row<'_>| Ok(Some(Place::Version(VersionId(row.get(4)?))));
    let said = |row: &Row<'_>| Ok(Some(Place::Said(VersionId(row.get(4)?), row.get(3)?)));
    let upload = |row: &Row<'_>| Ok(Some(Place::Upload(UploadId(row.get(2)?))));
    let told = |row: &Row<'_>| {
        let aspect = row.get(3)?;
        Ok(settings::is_sealed(aspect).then_some(Place::Told(BucketId(row.get(2)?), aspect)))
    };
    let release = |row: &Row<'_>| Ok(Some(Place::Release(ReleaseId(row.get(2)?))));
    let decided = |row: &Row<'_>| Ok(Some(Place::Decided(Number(row.get(2)?))));
    Ok(rewrite_table(
        db,
        "SELECT b.label, v.version, v.row, 0, v.id FROM version v JOIN bucket b ON b.id = v.bucket WHERE v.marker = 0",
        "UPDATE version SET version = ?1 WHERE row = ?2 AND ?3 = 0",
        version,
        &turn,
    )? + rewrite_table(
        db,
        "SELECT b.label, s.setting, s.version, s.kind, v.id FROM version_setting s
         JOIN version v ON v.row = s.version JOIN bucket b ON b.id = v.bucket",
        "UPDATE version_setting SET setting = ?1 WHERE version = ?2 AND kind = ?3",
        said,
        &turn,
    )? + rewrite_table(
        db,
        "SELECT b.label, u.upload, u.id, 0 FROM upload u JOIN bucket b ON b.id = u.bucket",
        "UPDATE upload SET upload = ?1 WHERE id = ?2 AND ?3 = 0",
        upload,
        &turn,
    )? + rewrite_table(
        db,
        "SELECT b.label, s.setting, s.bucket, s.aspect FROM bucket_setting s JOIN bucket b ON b.id = s.bucket",
        "UPDATE bucket_setting SET setting = ?1 WHERE bucket = ?2 AND aspect = ?3",
        told,
        &turn,
    )? + rewrite_table(
        db,
        "SELECT label, release, id, 0 FROM release",
        "UPDATE release SET release = ?1 WHERE id = ?2 AND ?3 = 0",
        release,
        &turn,
    )? + rewrite_table(
        db,
        "SELECT s.label, d.encoded, d.number, 0 FROM decided d JOIN stream s ON s.id = d.stream",
        "UPDATE decided SET encoded = ?1 WHERE number = ?2 AND ?3 = 0",
        decided,
        &turn,
    )?)
}

/// `find` gives label, value and the two columns by which `store` finds its row again; `place` where the
/// value lies, if it is one to be sealed.
fn rewrite_table(
    db: &Db<'_>,
    find: &str,
    store: &str,
    place: impl Fn(&Row<'_>) -> rusqlite::Result<Option<Place>>,
    turn: Turn<'_>,
) -> Result<u64, Error> {
    let (mut find, mut store) = (db.prepare(find)?, db.prepare(store)?);
    let (mut rows, mut count) = (find.query([])?, 0);
    while let Some(row) = rows.next()? {
        let label: Option<[u8; Label::BYTES]> = row.get(0)?;
        let value: Vec<u8> = row.get(1)?;
        let (Some(label), Some(place)) = (label.map(Label::from_canonical), place(row)?) else { continue };
        if let Some(new) = turn(&label, place, &value)? {
            count += store.execute(params![new, row.get::<_, Value>(2)?, row.get::<_, Value>(3)?])? as u64;
        }
    }
    Ok(count)
}

/// Writes the database anew, and empties the log: between rows and in free pages lies what was deleted.
pub fn rewrite(c: &Connection) -> Result<(), Error> {
    let pages: u64 = c.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let size: u64 = c.pragma_query_value(None, "page_size", |row| row.get(0))?;
    if pages * size > IN_MEMORY_MAX {
        c.pragma_update(None, "temp_store", "FILE")?;
    }
    let rewritten = c.execute_batch("VACUUM");
    c.pragma_update(None, "temp_store", "MEMORY")?;
    rewritten?;
    Ok(c.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Leaves every value open, as an older program would have, and counts them.
    pub fn unseal(db: &Db<'_>) -> u64 {
        db.execute("UPDATE state SET sealed = 0", []).unwrap();
        rewrite_all(db, |_, place, value| Ok(Some(db.open(place, value)?.into_owned()))).unwrap()
    }

    /// How many values lie open that should not.
    pub fn open(db: &Db<'_>) -> u64 {
        rewrite_all(db, |_, _, value| Ok(sealed_under(value).is_none().then(|| value.to_vec()))).unwrap()
    }
}
