//! Showing: a batch that stands is checked against what was shown and decided before, applied and
//! remembered.

use model::{Label, Record, StreamId};
use rusqlite::{OptionalExtension, params};

use super::apply::Apply;
use super::sealed::{Db, Place};
use super::{codec, segments, shred};
use crate::error::Error;
use crate::interface::{Batch, Shipped};

/// Applies what the batch brings beyond the newest shown record of its stream. What a stream brings
/// whose label is shredded, or decided to be, is passed over.
pub fn show(c: &Db<'_>, batch: &Batch) -> Result<(), Error> {
    if shred::is_ended(c, batch.stream)? {
        return Ok(());
    }
    let mut head = Head::load(c, batch.stream)?;
    let mut apply = Apply::begin(c, head.label)?;
    let shown_before = head.shown.0;
    let (mut link, mut ours, mut bytes, mut begins) = (None, false, 0, None);
    for shipped in &batch.records {
        let record = codec::decode(&shipped.encoded)?;
        let hash = coding::record::hash(&shipped.encoded);
        head.check_link(&record, link)?;
        link = Some((record.sequence, hash));
        begins = begins.or(Some(record.sequence));
        if record.sequence <= shown_before {
            head.check_past(c, &record, hash)?;
            continue;
        }
        head.check_next(&record)?;
        // What was decided here was proven here, just before; what is replayed is only heard of.
        let decided_here = head.take_decided(c, &record, shipped)?;
        ours |= decided_here;
        let proven = decided_here.then(|| c.now());
        head.shown = (record.sequence, hash);
        bytes += shipped.encoded.len() as u64;
        apply.record(record, shipped.extent, proven)?;
    }
    if head.shown.0 > shown_before {
        // A replay takes most pieces at their listing.
        segments::insert(c, &batch.segment, ours.then(|| c.now()))?;
        let begins = begins.filter(|begins| *begins <= shown_before);
        head.store(c, batch, (shown_before + 1, begins), bytes)?;
    }
    apply.finish()
}

/// How far a stream is, while a batch is shown.
struct Head {
    stream: StreamId,
    label: Option<Label>,
    shown: (u64, [u8; 32]),
    decided: u64,
    /// Newest number among the batch's records.
    number: u64,
}

impl Head {
    fn load(c: &Db<'_>, stream: StreamId) -> Result<Head, Error> {
        let mut find = c.prepare_cached("SELECT label, shown, shown_hash, decided FROM stream WHERE id = ?")?;
        let (label, shown, decided) = find
            .query_row([stream.0], |row| Ok((row.get::<_, Option<_>>(0)?, (row.get(1)?, row.get(2)?), row.get(3)?)))
            .optional()?
            .ok_or(Error::UnknownStream { stream })?;
        Ok(Head { stream, label: label.map(Label::from_canonical), shown, decided, number: 0 })
    }

    /// Within the batch each record names the one before it.
    fn check_link(&self, record: &Record, before: Option<(u64, [u8; 32])>) -> Result<(), Error> {
        let linked = before.is_none_or(|(sequence, hash)| record.sequence == sequence + 1 && record.previous == hash);
        if linked && record.stream == self.stream { Ok(()) } else { Err(self.fork(record)) }
    }

    /// What was shown must be the same record, as far as it can be told: hashes are kept of the
    /// newest record and of the last one of each journal segment; the links between records within
    /// the batch vouch for those between.
    fn check_past(&self, c: &Db<'_>, record: &Record, hash: [u8; 32]) -> Result<(), Error> {
        let mut find = c.prepare_cached("SELECT hash FROM journal WHERE stream = ? AND last = ?")?;
        let kept: Option<[u8; 32]> =
            find.query_row(params![self.stream.0, record.sequence], |row| row.get(0)).optional()?;
        let newest = (record.sequence == self.shown.0).then_some(self.shown.1);
        if kept.or(newest).is_some_and(|kept| kept != hash) { Err(self.fork(record)) } else { Ok(()) }
    }

    fn check_next(&self, record: &Record) -> Result<(), Error> {
        let next = record.sequence == self.shown.0 + 1 && record.previous == self.shown.1;
        if next { Ok(()) } else { Err(self.fork(record)) }
    }

    /// Forgets the record as decided. One that was decided after this catalog's state was saved is
    /// not known here; but where this catalog decided, it must have decided the same. Tells whether it did.
    fn take_decided(&mut self, c: &Db<'_>, record: &Record, shipped: &Shipped) -> Result<bool, Error> {
        let mut find = c.prepare_cached("SELECT encoded FROM decided WHERE number = ?")?;
        let decided: Option<Vec<u8>> = find.query_row([record.number.0], |row| row.get(0)).optional()?;
        let same = match &decided {
            Some(sealed) => c.open(Place::Decided(record.number), sealed)?[..] == shipped.encoded[..],
            None => record.sequence > self.decided,
        };
        if !same {
            return Err(self.fork(record));
        }
        if decided.is_some() {
            c.prepare_cached("DELETE FROM decided WHERE number = ?")?.execute([record.number.0])?;
            c.prepare_cached("DELETE FROM decided_piece WHERE number = ?")?.execute([record.number.0])?;
        }
        self.number = self.number.max(record.number.0);
        Ok(decided.is_some())
    }

    fn store(&self, c: &Db<'_>, batch: &Batch, (first, begins): (u64, Option<u64>), bytes: u64) -> Result<(), Error> {
        let (sequence, hash) = self.shown;
        c.prepare_cached("UPDATE stream SET shown = ?1, shown_hash = ?2, newest = ?3 WHERE id = ?4")?
            .execute(params![sequence, hash, batch.segment.id.0, self.stream.0])?;
        c.prepare_cached("UPDATE stream SET decided = ?1, decided_hash = ?2 WHERE id = ?3 AND decided < ?1")?
            .execute(params![sequence, hash, self.stream.0])?;
        c.prepare_cached("UPDATE state SET number = ?1 WHERE number < ?1")?.execute([self.number])?;
        c.prepare_cached(
            "INSERT INTO journal (stream, last, first, hash, segment, records, begins) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![self.stream.0, sequence, first, hash, batch.segment.id.0, bytes, begins])?;
        Ok(())
    }

    fn fork(&self, record: &Record) -> Error {
        Error::Fork { stream: self.stream, sequence: record.sequence }
    }
}
