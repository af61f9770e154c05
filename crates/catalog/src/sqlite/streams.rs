//! What enclave this is the catalog of, its streams and its counts.

use std::collections::BTreeSet;

use model::{EnclaveId, Label, Number, SegmentId, StreamId, Vendor};
use rusqlite::{Connection, params};

use super::codec;
use crate::error::Error;
use crate::interface::{Stream, Totals};

pub fn enclave(c: &Connection) -> Result<Option<EnclaveId>, Error> {
    let mut find = c.prepare_cached("SELECT enclave FROM state")?;
    Ok(find.query_row([], |row| row.get::<_, Option<[u8; 16]>>(0))?.map(EnclaveId))
}

/// Founding again as the same is no change.
pub fn found(c: &Connection, enclave: EnclaveId, control: StreamId) -> Result<(), Error> {
    let mut find = c.prepare_cached("SELECT enclave, control FROM state")?;
    let (founded, stream): (Option<[u8; 16]>, Option<[u8; 16]>) =
        find.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    match founded {
        Some(id) if id == enclave.0 && stream == Some(control.0) => Ok(()),
        Some(id) => Err(Error::Founded { enclave: EnclaveId(id) }),
        None => {
            c.execute("UPDATE state SET enclave = ?, control = ?", params![enclave.0, control.0])?;
            insert(c, control, None, &BTreeSet::new())
        }
    }
}

/// The newest number that was given or seen.
pub fn newest_number(c: &Connection) -> Result<Number, Error> {
    Ok(Number(c.prepare_cached("SELECT number FROM state")?.query_row([], |row| row.get(0))?))
}

/// A stream without records; no change if it is there.
pub fn insert(c: &Connection, id: StreamId, label: Option<Label>, vendors: &BTreeSet<Vendor>) -> Result<(), Error> {
    c.prepare_cached(
        "INSERT INTO stream (id, label, vendors, decided, decided_hash, shown, shown_hash)
         VALUES (?1, ?2, ?3, 0, ?4, 0, ?4) ON CONFLICT (id) DO NOTHING",
    )?
    .execute(params![id.0, label.as_ref().map(Label::canonical), codec::vendors_to_text(vendors), [0_u8; 32]])?;
    Ok(())
}

/// By id.
pub fn streams(c: &Connection) -> Result<Vec<Stream>, Error> {
    let mut all = c.prepare_cached(
        "SELECT id, label, vendors, decided, decided_hash, shown, shown_hash, newest FROM stream ORDER BY id",
    )?;
    let rows = all.query_map([], |row| {
        let stream = Stream {
            id: StreamId(row.get(0)?),
            label: row.get::<_, Option<[u8; Label::BYTES]>>(1)?.map(Label::from_canonical),
            vendors: BTreeSet::new(),
            decided: (row.get(3)?, row.get(4)?),
            shown: (row.get(5)?, row.get(6)?),
            newest: row.get::<_, Option<[u8; 16]>>(7)?.map(SegmentId),
        };
        Ok((stream, row.get::<_, String>(2)?))
    })?;
    rows.map(|row| {
        let (stream, vendors) = row?;
        Ok(Stream { vendors: codec::vendors_from_text(&vendors)?, ..stream })
    })
    .collect()
}

pub fn totals(c: &Connection) -> Result<Totals, Error> {
    let mut find = c.prepare_cached(
        "SELECT buckets, objects, object_bytes, uploads, segments, below_promise, unshown FROM total",
    )?;
    Ok(find.query_row([], |row| {
        Ok(Totals {
            buckets: row.get(0)?,
            objects: row.get(1)?,
            object_bytes: row.get(2)?,
            uploads: row.get(3)?,
            segments: row.get(4)?,
            below_promise: row.get(5)?,
            unshown: row.get(6)?,
        })
    })?)
}
