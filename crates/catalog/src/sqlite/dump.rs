//! The whole catalog as text, to compare two of them.

use std::fmt::Write;

use model::{BucketId, ReleaseId, UploadId, VersionId};
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::sealed::{Db, Place};
use crate::error::Error;

/// Every table that showing the journal fills, without the database's own row numbers.
pub const TABLES: &[(&str, &str)] = &[
    ("state", "SELECT enclave, control, number, shown_through, policy_epoch FROM state"),
    ("total", "SELECT buckets, objects, object_bytes, uploads, segments, below_promise FROM total"),
    ("stream", "SELECT id, label, vendors, shown, shown_hash, newest FROM stream ORDER BY id"),
    ("journal", "SELECT stream, first, last, hash, segment FROM journal ORDER BY stream, last"),
    ("bucket", "SELECT id, label, name, owner, number, bucket FROM bucket ORDER BY id"),
    ("hidden", "SELECT bucket, key, number FROM hidden ORDER BY bucket, key"),
    ("bucket_setting", "SELECT bucket, aspect, number, setting FROM bucket_setting ORDER BY bucket, aspect"),
    (
        "version",
        "SELECT bucket, key, number, id, slot, marker, current, size, etag, modified, checksums, version FROM version
         ORDER BY bucket, key, number",
    ),
    (
        "version_setting",
        "SELECT id, kind, s.number, setting FROM version_setting s JOIN version v ON v.row = s.version
         ORDER BY id, kind",
    ),
    ("early_setting", "SELECT id, kind, number, setting FROM early_setting ORDER BY id, kind"),
    ("upload", "SELECT id, bucket, key, initiated, number, upload FROM upload ORDER BY id"),
    ("part", "SELECT upload, part_number, bucket, number, body, part FROM part ORDER BY upload, part_number"),
    ("segment", "SELECT id, kind, stream, k, m, cell, length, key, epoch, promise, spare FROM segment ORDER BY id"),
    (
        "piece",
        "SELECT id, piece_index, name, site FROM piece JOIN segment ON row = segment ORDER BY id, piece_index, name",
    ),
    ("segment_use", "SELECT segment, uses FROM segment_use ORDER BY segment"),
    (
        "version_holder",
        "SELECT segment, id FROM version_holder h JOIN version v ON v.row = h.version ORDER BY segment, id",
    ),
    ("part_holder", "SELECT segment, upload, part_number FROM part_holder ORDER BY segment, upload, part_number"),
    ("principal", "SELECT id, name, epoch, principal FROM principal ORDER BY id"),
    ("access_key", "SELECT id, active, access_key FROM access_key ORDER BY id"),
    ("team", "SELECT id, name, team FROM team ORDER BY id"),
    ("release", "SELECT id, label, release FROM release ORDER BY id"),
    ("label_key", "SELECT tag, label_key FROM label_key ORDER BY tag"),
    ("site", "SELECT id, state, site FROM site ORDER BY id"),
    ("shredded_stream", "SELECT id, label, number, cleared FROM shredded_stream ORDER BY id"),
    ("shredded_bucket", "SELECT id FROM shredded_bucket ORDER BY id"),
    ("known_copy", "SELECT number, copy FROM known_copy ORDER BY number"),
    ("ahead", "SELECT number FROM ahead ORDER BY number"),
    ("gone", "SELECT subject, number FROM gone ORDER BY subject"),
    ("unused", "SELECT segment, number FROM unused ORDER BY segment"),
    ("early_placing", "SELECT segment, number, k, m, promise FROM early_placing ORDER BY segment"),
    (
        "early_piece",
        "SELECT segment, piece_index, name, site, number FROM early_piece ORDER BY segment, piece_index, name",
    ),
];

/// What a catalog has of its own, and the journal does not bring.
pub const OWN: &[&str] =
    &["decided", "decided_piece", "unnamed", "moved", "scrub_walk", "scrub_spent", "finding", "taking"];

/// Where the last column of these tables' rows is sealed: two catalogs never seal to the same bytes.
fn place(table: &str, row: &Row<'_>) -> rusqlite::Result<Option<Place>> {
    Ok(Some(match table {
        "version" => Place::Version(VersionId(row.get(3)?)),
        "version_setting" | "early_setting" => Place::Said(VersionId(row.get(0)?), row.get(1)?),
        "upload" => Place::Upload(UploadId(row.get(0)?)),
        "bucket_setting" => Place::Told(BucketId(row.get(0)?), row.get(1)?),
        "release" => Place::Release(ReleaseId(row.get(0)?)),
        _ => return Ok(None),
    }))
}

/// One line per row: the table, then its columns; blobs in hexadecimal digits, sealed ones as they are open.
pub fn dump(c: &Db<'_>) -> Result<String, Error> {
    let mut text = String::new();
    for (table, select) in TABLES {
        let mut statement = c.prepare(select)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            text.push_str(table);
            for column in 0..columns {
                text.push(' ');
                match (place(table, row)?, row.get_ref(column)?) {
                    (Some(place), ValueRef::Blob(sealed)) if column + 1 == columns => match c.open(place, sealed) {
                        Ok(value) => write_value(&mut text, ValueRef::Blob(&value)),
                        Err(Error::NoKey) => text.push_str("shredded"),
                        Err(error) => return Err(error),
                    },
                    (_, value) => write_value(&mut text, value),
                }
            }
            text.push('\n');
        }
    }
    Ok(text)
}

fn write_value(text: &mut String, value: ValueRef<'_>) {
    // Writing to a string does not fail.
    let _ = match value {
        ValueRef::Null => write!(text, "-"),
        ValueRef::Integer(number) => write!(text, "{number}"),
        ValueRef::Real(number) => write!(text, "{number}"),
        ValueRef::Text(bytes) => write!(text, "{:?}", String::from_utf8_lossy(bytes)),
        ValueRef::Blob(bytes) => bytes.iter().try_for_each(|byte| write!(text, "{byte:02x}")),
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rusqlite::Connection;

    use super::{OWN, TABLES};
    use crate::sqlite::schema;

    #[test]
    fn no_table_is_left_out() {
        let c = Connection::open_in_memory().unwrap();
        schema::migrate(&c).unwrap();
        let mut names = c.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
        let there: BTreeSet<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let named: BTreeSet<String> =
            TABLES.iter().map(|(table, _)| table).chain(OWN).map(|name| (*name).to_owned()).collect();
        assert_eq!(there, named);
    }
}
