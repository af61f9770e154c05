//! When pieces were last proven: by site in the order of names or of age, and by object for the ledger.

use std::collections::BTreeMap;

use coding::piece::Layout;
use model::{BucketId, Code, PieceName, SegmentId, SiteId, Timestamp, Version, VersionId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codec::{MomentColumn, NameColumn};
use super::sealed::{Db, Place};
use super::segments;
use crate::error::Error;
use crate::proof::{Aged, ObjectProof, PieceAt, Proof, ProofPage, SegmentProof};

const COLUMNS: &str = "p.name, p.piece_index, s.id, s.k, s.m, s.cell, s.length, p.seen, p.read";

/// By name.
pub fn pieces_at(c: &Connection, site: SiteId, after: Option<PieceName>, limit: usize) -> Result<Vec<PieceAt>, Error> {
    let mut find = c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM piece p JOIN segment s ON s.row = p.segment
         WHERE p.site = ? AND p.name > ? ORDER BY p.name LIMIT ?"
    ))?;
    let rows = match after {
        Some(after) => find.query_map(params![site.0, NameColumn(after), bound(limit)], read)?.collect(),
        None => find.query_map(params![site.0, [0_u8; 0], bound(limit)], read)?.collect::<Result<Vec<_>, _>>(),
    };
    Ok(rows?)
}

pub fn piece_at(c: &Connection, site: SiteId, name: PieceName) -> Result<Option<PieceAt>, Error> {
    let mut find = c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM piece p JOIN segment s ON s.row = p.segment WHERE p.name = ? AND p.site = ?"
    ))?;
    Ok(find.query_row(params![NameColumn(name), site.0], read).optional()?)
}

/// Those whose proof is oldest first, by name among equals.
pub fn least_proven(
    c: &Connection,
    site: SiteId,
    proof: Proof,
    after: Option<Aged>,
    limit: usize,
) -> Result<Vec<PieceAt>, Error> {
    let column = column(proof);
    let mut find = c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM piece p JOIN segment s ON s.row = p.segment
         WHERE p.site = ?1 AND (p.{column}, p.name) > (?2, ?3) ORDER BY p.{column}, p.name LIMIT ?4"
    ))?;
    let rows = match after {
        Some(Aged { proven, name }) => find
            .query_map(params![site.0, MomentColumn(proven), NameColumn(name), bound(limit)], read)?
            .collect::<Result<Vec<_>, _>>(),
        None => find.query_map(params![site.0, -1, [0_u8; 0], bound(limit)], read)?.collect(),
    };
    Ok(rows?)
}

/// Whoever read cells of a piece knows nothing of its length.
pub fn note_proof(c: &Connection, site: SiteId, proof: Proof, names: &[PieceName], at: Timestamp) -> Result<(), Error> {
    let column = column(proof);
    let mut note =
        c.prepare_cached(&format!("UPDATE piece SET {column} = max({column}, ?1) WHERE name = ?2 AND site = ?3"))?;
    for name in names {
        note.execute(params![MomentColumn(Some(at)), NameColumn(*name), site.0])?;
    }
    Ok(())
}

/// The versions from row `from` on with what they lie in. Those of shredded labels are passed over.
pub fn by_object(c: &Db<'_>, from: u64, limit: usize) -> Result<ProofPage, Error> {
    let mut walk = c.prepare_cached(
        "SELECT row, marker, id, bucket, size, version FROM version WHERE row >= ? ORDER BY row LIMIT ?",
    )?;
    let (mut rows, mut page, mut count) = (walk.query(params![from, bound(limit)])?, ProofPage::default(), 0);
    while let Some(row) = rows.next()? {
        count += 1;
        page.next = Some(row.get::<_, u64>(0)? + 1);
        if row.get::<_, bool>(1)? {
            continue;
        }
        let place = Place::Version(VersionId(row.get(2)?));
        let version: Version = match c.read_value(place, row.get_ref(5)?.as_blob().map_err(rusqlite::Error::from)?) {
            Ok(version) => version,
            Err(Error::NoKey) => continue,
            Err(error) => return Err(error),
        };
        let segments: Vec<SegmentId> = segments::of_bodies(&version.bodies).into_iter().collect();
        for id in &segments {
            if !page.segments.contains_key(id)
                && let Some(segment) = of_segment(c, *id)?
            {
                page.segments.insert(*id, segment);
            }
        }
        page.objects.push(ObjectProof { bucket: BucketId(row.get(3)?), bytes: row.get(4)?, segments });
    }
    if count < limit {
        page.next = None;
    }
    Ok(page)
}

fn of_segment(c: &Connection, id: SegmentId) -> Result<Option<SegmentProof>, Error> {
    let Some(segment) = segments::find(c, id)? else { return Ok(None) };
    let mut find =
        c.prepare_cached("SELECT name, seen, read FROM piece WHERE segment = (SELECT row FROM segment WHERE id = ?)")?;
    let rows = find.query_map([id.0], |row| {
        let (NameColumn(name), MomentColumn(seen), MomentColumn(read)) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((name, (seen, read)))
    })?;
    let known: BTreeMap<PieceName, _> = rows.collect::<Result<_, _>>()?;
    let proofs = segment.pieces.iter().map(|piece| known.get(&piece.name).copied().unwrap_or_default()).collect();
    Ok(Some(SegmentProof { segment, proofs }))
}

const fn column(proof: Proof) -> &'static str {
    match proof {
        Proof::Seen => "seen",
        Proof::Read => "read",
    }
}

fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn read(row: &Row<'_>) -> rusqlite::Result<PieceAt> {
    let (NameColumn(name), MomentColumn(seen), MomentColumn(read)) = (row.get(0)?, row.get(7)?, row.get(8)?);
    let code = Code { k: row.get(3)?, m: row.get(4)? };
    let layout = Layout { code, cell: row.get(5)?, length: row.get(6)? };
    Ok(PieceAt { name, index: row.get(1)?, segment: SegmentId(row.get(2)?), length: layout.piece_length(), seen, read })
}
