//! Rows of segments and their pieces, and how many versions and parts lie in each.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    BodySlice, Code, Epoch, KeyTag, Number, Piece, PieceName, Segment, SegmentId, SiteId, StreamId, Timestamp, UploadId,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codec::{KindColumn, MomentColumn, NameColumn};
use crate::error::Error;
use crate::interface::Endangered;

const COLUMNS: &str = "row, id, kind, stream, k, m, cell, length, key, epoch, promise";

/// The segment with its proven pieces, by index.
pub fn find(c: &Connection, id: SegmentId) -> Result<Option<Segment>, Error> {
    let mut find = c.prepare_cached(&format!("SELECT {COLUMNS} FROM segment WHERE id = ?"))?;
    let found = find.query_row([id.0], read).optional()?;
    found.map(|(row, segment)| with_pieces(c, row, segment)).transpose()
}

/// Segments below their promise behind `after`, those with the fewest spare pieces first.
pub fn below_promise(c: &Connection, after: Option<Endangered>, limit: usize) -> Result<Vec<Segment>, Error> {
    let mut below = c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM segment WHERE spare < promise AND (spare, id) > (?, ?) ORDER BY spare, id LIMIT ?"
    ))?;
    let (spare, id) = after.as_ref().map_or((i64::MIN, &[] as &[u8]), |after| (after.spare, &after.id.0));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = below.query_map(params![spare, id, limit], read)?.collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().map(|(row, segment)| with_pieces(c, row, segment)).collect()
}

/// Remembers a segment as a record or a standing batch names it; `proven` says when its pieces were, if
/// this catalog was there.
pub fn insert(c: &Connection, segment: &Segment, proven: Option<Timestamp>) -> Result<(), Error> {
    let mut insert = c.prepare_cached(
        "INSERT INTO segment (id, kind, stream, k, m, cell, length, key, epoch, promise, spare)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    )?;
    let inserted = insert.execute(params![
        segment.id.0,
        KindColumn(segment.kind),
        segment.stream.0,
        segment.code.k,
        segment.code.m,
        segment.cell,
        segment.length,
        segment.key.0,
        segment.epoch.0,
        segment.promise,
        Endangered::of(segment).spare,
    ])?;
    if inserted > 0 {
        insert_pieces(c, c.last_insert_rowid(), &segment.pieces, proven)?;
    }
    Ok(())
}

/// Adds proven pieces. `false`: there is no such segment.
pub fn add_pieces(c: &Connection, id: SegmentId, pieces: &[Piece], proven: Option<Timestamp>) -> Result<bool, Error> {
    let Some(row) = row_of(c, id)? else { return Ok(false) };
    insert_pieces(c, row, pieces, proven)?;
    count_spare(c, row)?;
    Ok(true)
}

/// How a segment's payload is coded, and all the pieces of it that count.
pub struct Placing {
    pub code: Code,
    pub promise: u8,
    pub pieces: Vec<Piece>,
}

/// From here on these pieces are the segment's; those that are new were proven then. `false`: there is no such segment.
pub fn place(c: &Connection, id: SegmentId, placing: &Placing, proven: Option<Timestamp>) -> Result<bool, Error> {
    let Some(row) = row_of(c, id)? else { return Ok(false) };
    let Placing { code, promise, pieces } = placing;
    let names: BTreeSet<PieceName> = pieces.iter().map(|piece| piece.name).collect();
    for piece in pieces_of(c, row)?.into_iter().filter(|piece| !names.contains(&piece.name)) {
        forget_piece(c, row, &piece)?;
    }
    insert_pieces(c, row, pieces, proven)?;
    let spare = Endangered::spare(*code, pieces);
    c.prepare_cached("UPDATE segment SET k = ?, m = ?, promise = ?, spare = ? WHERE row = ?")?
        .execute(params![code.k, code.m, promise, spare, row])?;
    Ok(true)
}

/// Segments with a piece at this site, each with the name of that piece, in the order of names.
pub fn at(
    c: &Connection,
    site: SiteId,
    after: Option<PieceName>,
    limit: usize,
) -> Result<Vec<(PieceName, Segment)>, Error> {
    let mut find = c.prepare_cached(
        "SELECT name, segment FROM piece WHERE site = ? AND name > ifnull(?, x'') ORDER BY name LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = find.query_map(params![site.0, after.map(NameColumn), limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut segment = c.prepare_cached(&format!("SELECT {COLUMNS} FROM segment WHERE row = ?"))?;
    rows.map(|found| {
        let (NameColumn(name), row): (_, i64) = found?;
        let (row, found) = segment.query_row([row], read)?;
        Ok((name, with_pieces(c, row, found)?))
    })
    .collect()
}

/// Journal segments of a stream that promise less than this, behind `after` by id.
pub fn journal_under(
    c: &Connection,
    stream: StreamId,
    promise: u8,
    after: Option<SegmentId>,
    limit: usize,
) -> Result<Vec<Segment>, Error> {
    let mut find = c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM segment WHERE id > ? AND kind = 0 AND stream = ? AND promise < ? ORDER BY id LIMIT ?"
    ))?;
    let after: &[u8] = after.as_ref().map_or(&[], |after| &after.0);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = find.query_map(params![after, stream.0, promise, limit], read)?.collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().map(|(row, segment)| with_pieces(c, row, segment)).collect()
}

/// Those of these segments that more than one version or part lies in.
pub fn shared(c: &Connection, segments: &[SegmentId]) -> Result<BTreeSet<SegmentId>, Error> {
    let mut find = c.prepare_cached("SELECT uses FROM segment_use WHERE segment = ?")?;
    let mut shared = BTreeSet::new();
    for segment in segments {
        let uses: Option<i64> = find.query_row([segment.0], |row| row.get(0)).optional()?;
        if uses.is_some_and(|uses| uses > 1) {
            shared.insert(*segment);
        }
    }
    Ok(shared)
}

/// Counts one more holder for each segment these bodies lie in. The segment itself may still be
/// unknown when streams are replayed one after the other.
pub fn hold(c: &Connection, bodies: &[BodySlice]) -> Result<(), Error> {
    let mut hold = c.prepare_cached(
        "INSERT INTO segment_use (segment, uses, bytes) VALUES (?1, 1, ?2)
         ON CONFLICT (segment) DO UPDATE SET uses = uses + 1, bytes = bytes + ?2",
    )?;
    for (segment, bytes) in bytes_of(bodies) {
        hold.execute(params![segment.0, bytes])?;
    }
    Ok(())
}

/// Counts one holder less, and returns the segments that have none left.
pub fn release(c: &Connection, bodies: &[BodySlice]) -> Result<Vec<SegmentId>, Error> {
    let mut release =
        c.prepare_cached("UPDATE segment_use SET uses = uses - 1, bytes = bytes - ? WHERE segment = ? RETURNING uses")?;
    let mut forget = c.prepare_cached("DELETE FROM segment_use WHERE segment = ?")?;
    let mut unused = Vec::new();
    for (segment, bytes) in bytes_of(bodies) {
        let uses: Option<i64> = release.query_row(params![bytes, segment.0], |row| row.get(0)).optional()?;
        if uses == Some(0) {
            forget.execute([segment.0])?;
            unused.push(segment);
        }
    }
    Ok(unused)
}

/// Forgets a data segment that nothing lies in: its pieces are unnamed from now on. Journal
/// segments stay, their records are still needed; and so does one that a record still to be shown may
/// share (`unused` holds it).
pub fn drop_if_unused(c: &Connection, id: SegmentId) -> Result<(), Error> {
    let mut find = c.prepare_cached(
        "SELECT row FROM segment WHERE id = ?1 AND kind = 1
         AND NOT EXISTS (SELECT 1 FROM segment_use WHERE segment = ?1)
         AND NOT EXISTS (SELECT 1 FROM unused WHERE segment = ?1)",
    )?;
    find.query_row([id.0], |row| row.get(0)).optional()?.map_or(Ok(()), |row| forget_row(c, row))
}

/// Forgets a segment whatever its kind: its pieces are unnamed from now on.
pub fn forget(c: &Connection, id: SegmentId) -> Result<(), Error> {
    row_of(c, id)?.map_or(Ok(()), |row| forget_row(c, row))
}

fn forget_row(c: &Connection, row: i64) -> Result<(), Error> {
    c.prepare_cached("DELETE FROM piece WHERE segment = ?")?.execute([row])?;
    c.prepare_cached("DELETE FROM segment WHERE row = ?")?.execute([row])?;
    Ok(())
}

/// Remembers who holds bodies of journal segments that did not ride with a record of its own.
pub fn share(c: &Connection, holder: Holder, bodies: &[BodySlice]) -> Result<(), Error> {
    // A journal segment is only known once its batch is shown, one of data may be replayed later.
    let mut is_data = c.prepare_cached("SELECT EXISTS (SELECT 1 FROM segment WHERE id = ? AND kind = 1)")?;
    for segment in of_bodies(bodies) {
        if is_data.query_row([segment.0], |row| row.get(0))? {
            continue;
        }
        match holder {
            Holder::Version(row) => c
                .prepare_cached("INSERT INTO version_holder (segment, version) VALUES (?, ?) ON CONFLICT DO NOTHING")?
                .execute(params![segment.0, row])?,
            Holder::Part(upload, number) => c
                .prepare_cached(
                    "INSERT INTO part_holder (segment, upload, part_number) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                )?
                .execute(params![segment.0, upload.0, number])?,
        };
    }
    Ok(())
}

/// Who holds a body.
#[derive(Clone, Copy)]
pub enum Holder {
    /// By the row of the version.
    Version(i64),
    Part(UploadId, u16),
}

/// The segments these bodies lie in, each once.
pub fn of_bodies(bodies: &[BodySlice]) -> BTreeSet<SegmentId> {
    bodies.iter().flat_map(|body| &body.extents).map(|extent| extent.segment).collect()
}

/// How many of their bytes lie in each segment.
fn bytes_of(bodies: &[BodySlice]) -> BTreeMap<SegmentId, u64> {
    let mut bytes: BTreeMap<SegmentId, u64> = BTreeMap::new();
    for extent in bodies.iter().flat_map(|body| &body.extents) {
        *bytes.entry(extent.segment).or_default() += extent.length;
    }
    bytes
}

/// Keeps the pieces that a decided record names from being taken for orphans.
pub fn name_decided(c: &Connection, number: Number, pieces: &[Piece]) -> Result<(), Error> {
    let mut insert =
        c.prepare_cached("INSERT INTO decided_piece (name, number) VALUES (?, ?) ON CONFLICT DO NOTHING")?;
    for piece in pieces {
        insert.execute(params![NameColumn(piece.name), number.0])?;
    }
    Ok(())
}

fn row_of(c: &Connection, id: SegmentId) -> Result<Option<i64>, Error> {
    let mut find = c.prepare_cached("SELECT row FROM segment WHERE id = ?")?;
    Ok(find.query_row([id.0], |row| row.get(0)).optional()?)
}

fn insert_pieces(c: &Connection, row: i64, pieces: &[Piece], proven: Option<Timestamp>) -> Result<(), Error> {
    let mut insert = c.prepare_cached(
        "INSERT INTO piece (segment, piece_index, name, site, seen, read) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
         ON CONFLICT (segment, piece_index, name) DO NOTHING",
    )?;
    for piece in pieces {
        insert.execute(params![row, piece.index, NameColumn(piece.name), piece.site.0, MomentColumn(proven)])?;
    }
    Ok(())
}

fn forget_piece(c: &Connection, row: i64, piece: &Piece) -> Result<(), Error> {
    let mut forget = c.prepare_cached("DELETE FROM piece WHERE segment = ? AND piece_index = ? AND name = ?")?;
    forget.execute(params![row, piece.index, NameColumn(piece.name)])?;
    Ok(())
}

/// Two pieces of one index are worth one.
fn count_spare(c: &Connection, row: i64) -> Result<(), Error> {
    c.prepare_cached(
        "UPDATE segment SET spare = (SELECT count(DISTINCT piece_index) FROM piece WHERE segment = ?1) - k
         WHERE row = ?1",
    )?
    .execute([row])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<(i64, Segment)> {
    let KindColumn(kind) = row.get(2)?;
    let segment = Segment {
        id: SegmentId(row.get(1)?),
        kind,
        stream: StreamId(row.get(3)?),
        code: Code { k: row.get(4)?, m: row.get(5)? },
        cell: row.get(6)?,
        length: row.get(7)?,
        key: KeyTag(row.get(8)?),
        epoch: Epoch(row.get(9)?),
        promise: row.get(10)?,
        pieces: Vec::new(),
    };
    Ok((row.get(0)?, segment))
}

fn with_pieces(c: &Connection, row: i64, mut segment: Segment) -> Result<Segment, Error> {
    segment.pieces = pieces_of(c, row)?;
    Ok(segment)
}

fn pieces_of(c: &Connection, row: i64) -> Result<Vec<Piece>, Error> {
    let mut pieces =
        c.prepare_cached("SELECT piece_index, site, name FROM piece WHERE segment = ? ORDER BY piece_index, name")?;
    let piece = |row: &Row<'_>| {
        let NameColumn(name) = row.get(2)?;
        Ok(Piece { index: row.get(0)?, site: SiteId(row.get(1)?), name })
    };
    Ok(pieces.query_map([row], piece)?.collect::<Result<_, _>>()?)
}
