//! Records that are shown late.
//!
//! Streams are shown side by side, so a record may be shown after one with a greater number. The
//! outcome must be that of showing them by number. Until every smaller number is shown, this keeps
//! what a late record could get wrong: that its object is gone since (`gone`), that a segment it
//! may use has no use (`unused`), that pieces came before their segment (`early_piece`) or were placed
//! before it (`early_placing`), that something was said of a version before it (`early_setting`).
//! Until the first decision all is replay, and where pieces went of an unknown segment stays known whatever is settled:
//! to one that took the place of others whoever replays turns last.
//! `state.shown_through` says up to where all is shown; `ahead` holds the numbers shown beyond.

use std::collections::{BTreeMap, BTreeSet};

use model::{Code, Number, Piece, PieceName, SegmentId, SiteId, Timestamp, VersionId};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::NameColumn;
use super::sealed::Db;
use super::segments::{self, Placing};
use crate::error::Error;

/// What one showing transaction leaves for [`Late::settle`].
pub struct Late {
    /// Everything up to here is shown.
    through: u64,
    /// Whether any earlier record is known to be overtaken; seldom, so most look-ups are spared.
    any_gone: bool,
    gone: BTreeMap<Vec<u8>, Number>,
    unused: BTreeMap<SegmentId, Number>,
    early: Vec<(SegmentId, Piece, Number)>,
    placings: Vec<(SegmentId, Number, Placing)>,
    said: Vec<(VersionId, u8, Number, Vec<u8>)>,
}

impl Late {
    pub fn load(c: &Connection) -> Result<Late, Error> {
        let mut state = c.prepare_cached("SELECT shown_through, EXISTS (SELECT 1 FROM gone) FROM state")?;
        let (through, any_gone) = state.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Late {
            through,
            any_gone,
            gone: BTreeMap::new(),
            unused: BTreeMap::new(),
            early: Vec::new(),
            placings: Vec::new(),
            said: Vec::new(),
        })
    }

    /// Counts a record as shown.
    pub fn shown(&mut self, c: &Connection, number: Number) -> Result<(), Error> {
        if number.0 == self.through + 1 {
            self.through = number.0;
            return Ok(());
        }
        c.prepare_cached("INSERT INTO ahead (number) VALUES (?) ON CONFLICT DO NOTHING")?.execute([number.0])?;
        Ok(())
    }

    /// Whether a record with a greater number, already shown, ended one of these.
    pub fn is_gone(&self, c: &Connection, number: Number, subjects: &[Vec<u8>]) -> Result<bool, Error> {
        if !self.any_gone {
            return Ok(false);
        }
        let mut find = c.prepare_cached("SELECT EXISTS (SELECT 1 FROM gone WHERE subject = ? AND number > ?)")?;
        for subject in subjects {
            if find.query_row(params![subject, number.0], |row| row.get(0))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The greatest number shown so far.
    pub fn newest_shown(&self, c: &Connection) -> Result<Number, Error> {
        let mut newest = c.prepare_cached("SELECT max(number) FROM ahead")?;
        let ahead: Option<u64> = newest.query_row([], |row| row.get(0))?;
        Ok(Number(ahead.unwrap_or(0).max(self.through)))
    }

    /// The record ended this: nothing of it comes back with a smaller number.
    pub fn ended(&mut self, number: Number, subject: Vec<u8>) {
        self.gone.insert(subject, number);
    }

    /// The record left these segments without use.
    pub fn left_unused(&mut self, number: Number, segments: impl IntoIterator<Item = SegmentId>) {
        self.unused.extend(segments.into_iter().map(|segment| (segment, number)));
    }

    /// The record brought pieces of a segment that is not known (yet, or any more).
    pub fn came_early(&mut self, number: Number, segment: SegmentId, pieces: &[Piece]) {
        self.early.extend(pieces.iter().map(|piece| (segment, *piece, number)));
    }

    /// The record placed the pieces of a segment that is not known (yet, or any more). Those that came
    /// before it count no more.
    pub fn placed_early(&mut self, number: Number, segment: SegmentId, placing: Placing) {
        self.early.retain(|(other, _, came)| *other != segment || *came > number);
        self.came_early(number, segment, &placing.pieces);
        self.placings.push((segment, number, placing));
    }

    /// The record said something of a version that is not there (yet, or any more).
    pub fn said_early(&mut self, number: Number, id: VersionId, kind: u8, value: Vec<u8>) {
        self.said.push((id, kind, number, value));
    }

    /// Ends the transaction: acts on what is settled, keeps the rest.
    pub fn settle(mut self, c: &Db<'_>) -> Result<(), Error> {
        let (before, replays) = (self.through, !c.has_decided());
        self.catch_up(c)?;
        let through = Number(self.through);
        for (subject, number) in self.gone.into_iter().filter(|(_, number)| *number > through) {
            keep_gone(c, &subject, number)?;
        }
        for (segment, number) in self.unused {
            if number <= through { segments::drop_if_unused(c, segment)? } else { keep_unused(c, segment, number)? }
        }
        let waits = |number: Number| number > through || replays;
        for (segment, number, placing) in self.placings.into_iter().filter(|(_, number, _)| waits(*number)) {
            keep_placing(c, segment, number, &placing)?;
        }
        for (segment, piece, number) in self.early.into_iter().filter(|(_, _, number)| waits(*number)) {
            keep_early(c, segment, piece, number)?;
        }
        for (id, kind, number, blob) in self.said.into_iter().filter(|(_, _, number, _)| *number > through) {
            keep_said(c, id, kind, number, &blob)?;
        }
        c.prepare_cached("UPDATE state SET shown_through = ?")?.execute([through.0])?;
        if before < through.0 || self.any_gone {
            prune(c, through)?;
            if !replays {
                prune_early(c, through)?;
            }
        }
        Ok(())
    }

    fn catch_up(&mut self, c: &Connection) -> Result<(), Error> {
        let mut next = c.prepare_cached("DELETE FROM ahead WHERE number = ? RETURNING number")?;
        while next.query_row([self.through + 1], |row| row.get::<_, u64>(0)).optional()?.is_some() {
            self.through += 1;
        }
        Ok(())
    }
}

/// Names of the pieces that came before their segment.
pub fn early_pieces(c: &Connection) -> Result<BTreeSet<PieceName>, Error> {
    let mut find = c.prepare_cached("SELECT name FROM early_piece")?;
    let names = find.query_map([], |row| row.get(0).map(|NameColumn(name)| name))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// Applies to a segment that is new what was said of it before.
pub fn place_early(c: &Connection, segment: SegmentId, proven: Option<Timestamp>) -> Result<(), Error> {
    if let Some(placing) = take_early_placing(c, segment)? {
        segments::place(c, segment, &placing, proven)?;
    }
    let early = take_early_pieces(c, segment)?;
    if !early.is_empty() {
        segments::add_pieces(c, segment, &early, proven)?;
    }
    Ok(())
}

/// The pieces that came before their segment; they are forgotten here.
fn take_early_pieces(c: &Connection, segment: SegmentId) -> Result<Vec<Piece>, Error> {
    let mut take = c.prepare_cached("DELETE FROM early_piece WHERE segment = ? RETURNING piece_index, site, name")?;
    let pieces = take.query_map([segment.0], |row| {
        let NameColumn(name) = row.get(2)?;
        Ok(Piece { index: row.get(0)?, site: SiteId(row.get(1)?), name })
    })?;
    Ok(pieces.collect::<Result<_, _>>()?)
}

/// How the segment was placed before it was known, without its pieces: those came early. It is
/// forgotten here.
fn take_early_placing(c: &Connection, segment: SegmentId) -> Result<Option<Placing>, Error> {
    let mut take = c.prepare_cached("DELETE FROM early_placing WHERE segment = ? RETURNING k, m, promise")?;
    let placing = take.query_row([segment.0], |row| {
        Ok(Placing { code: Code { k: row.get(0)?, m: row.get(1)? }, promise: row.get(2)?, pieces: Vec::new() })
    });
    Ok(placing.optional()?)
}

/// Deciding begins when replay is over: a number that is neither shown nor waiting then was lost
/// with an older catalog before it reached any site, and nothing waits for it any more.
pub fn end_replay(c: &Db<'_>) -> Result<(), Error> {
    let mut state = c.prepare_cached("SELECT number, shown_through, (SELECT min(number) FROM decided) FROM state")?;
    let (number, shown_through, waiting): (u64, u64, Option<u64>) =
        state.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let through = waiting.map_or(number, |waiting| waiting.saturating_sub(1));
    if !c.has_decided() {
        prune_early(c, Number(through.max(shown_through)))?;
        c.note_decided();
    }
    if through <= shown_through {
        return Ok(());
    }
    tracing::info!(through, shown_through, "some numbers were never shown: they were lost before they were shipped");
    c.execute("UPDATE state SET shown_through = ?", [through])?;
    c.execute("DELETE FROM ahead WHERE number <= ?", [through])?;
    // Numbers shown right behind a gap count now.
    Late::load(c)?.settle(c)?;
    prune(c, Number(through))
}

/// Forgets what no late record can meet any more.
fn prune(c: &Connection, through: Number) -> Result<(), Error> {
    c.prepare_cached("DELETE FROM gone WHERE number <= ?")?.execute([through.0])?;
    c.prepare_cached("DELETE FROM early_setting WHERE number <= ?")?.execute([through.0])?;
    let mut settled = c.prepare_cached("DELETE FROM unused WHERE number <= ? RETURNING segment")?;
    let segments = settled.query_map([through.0], |row| row.get(0).map(SegmentId))?.collect::<Result<Vec<_>, _>>()?;
    segments.into_iter().try_for_each(|segment| segments::drop_if_unused(c, segment))
}

/// Forgets what was said of segments that do not come any more.
fn prune_early(c: &Connection, through: Number) -> Result<(), Error> {
    c.prepare_cached("DELETE FROM early_piece WHERE number <= ?")?.execute([through.0])?;
    c.prepare_cached("DELETE FROM early_placing WHERE number <= ?")?.execute([through.0])?;
    Ok(())
}

fn keep_gone(c: &Connection, subject: &[u8], number: Number) -> Result<(), Error> {
    c.prepare_cached(
        "INSERT INTO gone (subject, number) VALUES (?, ?)
         ON CONFLICT (subject) DO UPDATE SET number = max(number, excluded.number)",
    )?
    .execute(params![subject, number.0])?;
    Ok(())
}

fn keep_unused(c: &Connection, segment: SegmentId, number: Number) -> Result<(), Error> {
    c.prepare_cached(
        "INSERT INTO unused (segment, number) VALUES (?, ?)
         ON CONFLICT (segment) DO UPDATE SET number = max(number, excluded.number)",
    )?
    .execute(params![segment.0, number.0])?;
    Ok(())
}

fn keep_placing(c: &Connection, segment: SegmentId, number: Number, placing: &Placing) -> Result<(), Error> {
    let Placing { code, promise, .. } = placing;
    c.prepare_cached("DELETE FROM early_piece WHERE segment = ? AND number < ?")?
        .execute(params![segment.0, number.0])?;
    c.prepare_cached(
        "INSERT INTO early_placing (segment, number, k, m, promise) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (segment) DO UPDATE SET number = ?2, k = ?3, m = ?4, promise = ?5",
    )?
    .execute(params![segment.0, number.0, code.k, code.m, promise])?;
    Ok(())
}

fn keep_early(c: &Connection, segment: SegmentId, piece: Piece, number: Number) -> Result<(), Error> {
    c.prepare_cached(
        "INSERT INTO early_piece (segment, piece_index, name, site, number) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![segment.0, piece.index, NameColumn(piece.name), piece.site.0, number.0])?;
    Ok(())
}

fn keep_said(c: &Connection, id: VersionId, kind: u8, number: Number, blob: &[u8]) -> Result<(), Error> {
    c.prepare_cached(
        "INSERT INTO early_setting (id, kind, number, setting) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id, kind) DO UPDATE SET number = ?3, setting = ?4 WHERE number < ?3",
    )?
    .execute(params![id.0, kind, number.0, blob])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::{Epoch, SegmentKind};

    use super::super::sealed::Handed;
    use super::super::{open, rows};
    use super::*;

    /// In one transaction, before the segment itself: what was added before it was placed anew lies there no more.
    #[test]
    fn what_came_before_a_placing_counts_no_more() {
        let c = open::memory().unwrap();
        let handed = Handed::new(crate::contract::outside(1));
        let db = Db::new(&c, &handed);
        rows::clear(&c).unwrap();
        let piece = |index, random| {
            let name = PieceName { kind: SegmentKind::Data, epoch: Epoch(1), random: [random; 16] };
            Piece { index, site: SiteId([index; 16]), name }
        };
        let (segment, other) = (SegmentId([1; 16]), SegmentId([2; 16]));
        let placing = || Placing { code: Code { k: 2, m: 1 }, promise: 1, pieces: vec![piece(0, 30), piece(1, 31)] };
        let mut late = Late::load(&c).unwrap();
        late.came_early(Number(3), segment, &[piece(0, 10)]);
        late.came_early(Number(4), other, &[piece(0, 20)]);
        late.came_early(Number(8), segment, &[piece(2, 40)]);
        late.placed_early(Number(5), segment, placing());
        late.settle(&db).unwrap();
        let expected = [piece(0, 20), piece(0, 30), piece(1, 31), piece(2, 40)].map(|piece| piece.name);
        assert_eq!(early_pieces(&c).unwrap(), expected.into());
    }
}
