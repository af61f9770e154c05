//! What is shown, as rows on their way into another catalog, all of one moment.
//!
//! A row says its table and its values, in the order of the table's columns; values that are sealed stay so. Only
//! a catalog whose tables have the same form takes them.
//!
//! ```text
//! row   := length of the name (1) ‖ table ‖ columns (1) ‖ value …
//! value := 0 ‖ (null)  |  1 ‖ integer (8)  |  2 ‖ length (4) ‖ text  |  3 ‖ length (4) ‖ blob
//! ```

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use tokio::sync::mpsc;

use super::dump::OWN;
use super::open;
use crate::error::Error;
use crate::interface::Taken;

/// Every table that showing the journal fills. Those that count what is in others come last: what the others' triggers
/// counted is replaced.
pub const TABLES: [&str; 31] = [
    "stream",
    "journal",
    "bucket",
    "hidden",
    "bucket_setting",
    "version",
    "version_setting",
    "early_setting",
    "upload",
    "part",
    "segment",
    "piece",
    "segment_use",
    "version_holder",
    "part_holder",
    "principal",
    "access_key",
    "team",
    "release",
    "label_key",
    "site",
    "shredded_stream",
    "shredded_bucket",
    "known_copy",
    "ahead",
    "gone",
    "unused",
    "early_placing",
    "early_piece",
    "total",
    "state",
];

/// How often it is asked whether the other end takes more.
const TAKEN_SOON: Duration = Duration::from_millis(20);

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const TEXT: u8 = 2;
const BLOB: u8 = 3;

/// Gives all rows in batches of about so many bytes, until `sink` says that it wants no more.
pub fn copy(
    c: &Connection,
    batch_bytes: usize,
    mut sink: impl FnMut(Bytes) -> Result<bool, Error>,
) -> Result<(), Error> {
    let mut batch = Vec::new();
    for table in TABLES {
        let mut statement = c.prepare(&format!("SELECT * FROM {table}"))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            write_row(&mut batch, table, row, columns)?;
            if batch.len() >= batch_bytes && !sink(std::mem::take(&mut batch).into())? {
                return Ok(());
            }
        }
    }
    if !batch.is_empty() {
        sink(batch.into())?;
    }
    Ok(())
}

/// Waits until a batch is taken, on a thread that may wait; `false` when nobody takes any more. What others write
/// meanwhile stays in the log: with more than `log_max` bytes there it is given up.
#[expect(clippy::disallowed_methods, reason = "the thread is there to wait")]
pub fn hand(c: &Connection, mut batch: Bytes, to: &mpsc::Sender<Bytes>, log_max: u64) -> Result<bool, Error> {
    loop {
        if c.path().is_some_and(|path| open::log_length(Path::new(path)) > log_max) {
            return Err(Error::Unavailable("too much was written while the catalog was copied".to_owned()));
        }
        batch = match to.try_send(batch) {
            Ok(()) => return Ok(true),
            Err(mpsc::error::TrySendError::Full(batch)) => batch,
            Err(mpsc::error::TrySendError::Closed(_)) => return Ok(false),
        };
        std::thread::sleep(TAKEN_SOON);
    }
}

fn write_row(batch: &mut Vec<u8>, table: &str, row: &Row<'_>, columns: usize) -> Result<(), Error> {
    batch.push(u8::try_from(table.len()).unwrap_or(u8::MAX));
    batch.extend_from_slice(table.as_bytes());
    batch.push(u8::try_from(columns).unwrap_or(u8::MAX));
    let long = |batch: &mut Vec<u8>, kind: u8, bytes: &[u8]| {
        batch.push(kind);
        batch.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        batch.extend_from_slice(bytes);
    };
    for column in 0..columns {
        match row.get_ref(column)? {
            ValueRef::Text(bytes) => long(batch, TEXT, bytes),
            ValueRef::Blob(bytes) => long(batch, BLOB, bytes),
            ValueRef::Null => batch.push(NULL),
            ValueRef::Integer(number) => {
                batch.push(INTEGER);
                batch.extend_from_slice(&number.to_be_bytes());
            }
            ValueRef::Real(_) => return Err(Error::Damaged(format!("`{table}` holds a number with a fraction"))),
        }
    }
    Ok(())
}

/// Puts rows into a catalog that holds those before them, and notes how far it is.
pub fn take(c: &Connection, mut rows: &[u8], taken: Taken) -> Result<(), Error> {
    while !rows.is_empty() {
        let (table, values) = read_row(&mut rows).ok_or_else(|| Error::Damaged("a row is cut off".to_owned()))?;
        let table = TABLES.iter().find(|known| known.as_bytes() == table);
        let table = table.ok_or_else(|| Error::Damaged("a row is of an unknown table".to_owned()))?;
        let places = vec!["?"; values.len()].join(", ");
        // What there is one of is there already.
        c.prepare_cached(&format!("INSERT OR REPLACE INTO {table} VALUES ({places})"))?
            .execute(params_from_iter(values))?;
    }
    c.prepare_cached("INSERT OR REPLACE INTO taking (one, snapshot, batches) VALUES (1, ?, ?)")?
        .execute(params![taken.snapshot, taken.batches])?;
    Ok(())
}

pub fn how_far(c: &Connection) -> Result<Option<Taken>, Error> {
    let noted = c
        .prepare_cached("SELECT snapshot, batches FROM taking")?
        .query_row([], |row| Ok(Taken { snapshot: row.get(0)?, batches: row.get(1)? }));
    Ok(noted.optional()?)
}

/// All rows are there: nothing is decided beyond what is shown.
pub fn taken(c: &Connection) -> Result<(), Error> {
    c.execute_batch(
        "UPDATE total SET unshown = 0; UPDATE stream SET decided = shown, decided_hash = shown_hash;
         DELETE FROM taking;",
    )?;
    Ok(())
}

/// The catalog is empty again.
pub fn clear(c: &Connection) -> Result<(), Error> {
    // Removing some of these notes others in what is the catalog's own.
    for table in TABLES.iter().chain(OWN) {
        c.execute(&format!("DELETE FROM {table}"), [])?;
    }
    c.execute_batch("INSERT INTO state (one) VALUES (1); INSERT INTO total (one) VALUES (1);")?;
    super::rest::done(c)
}

fn read_row<'r>(rows: &mut &'r [u8]) -> Option<(&'r [u8], Vec<Value>)> {
    let name = usize::from(*rows.split_off_first()?);
    let table = rows.split_off(..name)?;
    let columns = *rows.split_off_first()?;
    let values = (0..columns).map(|_| read_value(rows)).collect::<Option<Vec<Value>>>()?;
    Some((table, values))
}

fn read_value(rows: &mut &[u8]) -> Option<Value> {
    let kind = *rows.split_off_first()?;
    let long = |rows: &mut &[u8]| {
        let length = rows.split_off(..4)?.try_into().ok().map(u32::from_be_bytes)?;
        rows.split_off(..usize::try_from(length).ok()?).map(<[u8]>::to_vec)
    };
    Some(match kind {
        NULL => Value::Null,
        INTEGER => Value::Integer(i64::from_be_bytes(rows.split_off(..8)?.try_into().ok()?)),
        TEXT => Value::Text(String::from_utf8(long(rows)?).ok()?),
        BLOB => Value::Blob(long(rows)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::dump;
    use super::*;

    #[test]
    fn what_is_compared_is_what_is_copied() {
        let compared: BTreeSet<&str> = dump::TABLES.iter().map(|(table, _)| *table).collect();
        assert_eq!(TABLES.into_iter().collect::<BTreeSet<_>>(), compared);
    }

    #[test]
    fn rows_that_are_cut_or_of_elsewhere_are_refused() {
        let c = open::memory().unwrap();
        c.execute("INSERT INTO hidden (bucket, key, number) VALUES (x'01', x'02', 7)", []).unwrap();
        let mut rows = Vec::new();
        copy(&c, usize::MAX, |batch| {
            rows.extend_from_slice(&batch);
            Ok(true)
        })
        .unwrap();
        clear(&c).unwrap();
        let taken = Taken { snapshot: [1; 16], batches: 7 };
        take(&c, &rows, taken).unwrap();
        assert_eq!(how_far(&c).unwrap(), Some(taken));
        let found: i64 = c.query_row("SELECT number FROM hidden", [], |row| row.get(0)).unwrap();
        assert_eq!(found, 7);
        clear(&c).unwrap();
        assert_eq!(how_far(&c).unwrap(), None);
        assert!(matches!(take(&c, rows.get(..rows.len() - 1).unwrap(), taken), Err(Error::Damaged(_))));
        let other = [&[7][..], b"finding", &[0]].concat();
        assert!(matches!(take(&c, &other, taken), Err(Error::Damaged(_))));
    }
}
