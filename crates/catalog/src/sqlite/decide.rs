//! Deciding: judge each proposal, then number, chain, encode and keep the record.

use bytes::Bytes;
use model::{Change, Label, Number, Piece, Record, StreamId, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::judge::{self, Stop};
use super::sealed::{Db, Place};
use super::touch::Touch;
use super::{codec, late, segments, shred};
use crate::error::Error;
use crate::interface::{Decided, Decision, Proposal, Refusal};

/// Judges the proposals one after the other; each meets what those before it decided.
pub fn decide(c: &Db<'_>, stream: StreamId, now: Timestamp, proposals: &[Proposal]) -> Result<Vec<Decision>, Error> {
    if shred::is_ended(c, stream)? {
        return Ok(proposals.iter().map(|_| Decision::Refused(Refusal::NoSuchBucket)).collect());
    }
    let mut head = Head::load(c, stream)?;
    late::end_replay(c)?;
    let mut decisions = Vec::with_capacity(proposals.len());
    for proposal in proposals {
        decisions.push(match judge::judge(c, now, proposal) {
            Ok(change) => Decision::Decided(head.append(c, now, change, proposal)?),
            Err(Stop::Refused(refusal)) => Decision::Refused(refusal),
            Err(Stop::Behind(number)) => Decision::Behind(number),
            Err(Stop::Failed(error)) => return Err(error),
        });
    }
    head.store(c)?;
    Ok(decisions)
}

/// Every decided record that is not shown, by number, but those of streams that ended.
pub fn unshown(c: &Db<'_>) -> Result<Vec<Decided>, Error> {
    let mut streams = c.prepare_cached("SELECT DISTINCT stream FROM decided")?;
    let streams = streams.query_map([], |row| row.get(0).map(StreamId))?.collect::<Result<Vec<_>, _>>()?;
    let mut unshown = Vec::new();
    for stream in streams {
        if !shred::is_ended(c, stream)? {
            unshown.append(&mut unshown_of(c, stream)?);
        }
    }
    unshown.sort_by_key(|decided| decided.record.number);
    Ok(unshown)
}

/// Those of the control stream.
pub fn unshown_control(c: &Db<'_>) -> Result<Vec<Decided>, Error> {
    let mut control = c.prepare_cached("SELECT control FROM state")?;
    let control = control.query_row([], |row| row.get::<_, Option<[u8; 16]>>(0))?;
    control.map_or_else(|| Ok(Vec::new()), |control| unshown_of(c, StreamId(control)))
}

fn unshown_of(c: &Db<'_>, stream: StreamId) -> Result<Vec<Decided>, Error> {
    let mut all = c.prepare_cached("SELECT number, encoded, body FROM decided WHERE stream = ? ORDER BY number")?;
    let rows = all.query_map([stream.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.map(|row| {
        let (number, sealed, body): (u64, Vec<u8>, Option<Vec<u8>>) = row?;
        let encoded = c.open(Place::Decided(Number(number)), &sealed)?.into_owned();
        Ok(Decided { record: codec::decode(&encoded)?, encoded: encoded.into(), body: body.map(Bytes::from) })
    })
    .collect()
}

/// Where a stream's next record goes.
struct Head {
    stream: StreamId,
    label: Option<Label>,
    /// Newest decided.
    sequence: u64,
    hash: [u8; 32],
    /// Newest number given to any stream.
    number: Number,
}

impl Head {
    fn load(c: &Db<'_>, stream: StreamId) -> Result<Head, Error> {
        let mut find = c.prepare_cached("SELECT label, decided, decided_hash FROM stream WHERE id = ?")?;
        let (label, sequence, hash) = find
            .query_row([stream.0], |row| Ok((row.get::<_, Option<_>>(0)?, row.get(1)?, row.get(2)?)))
            .optional()?
            .ok_or(Error::UnknownStream { stream })?;
        let mut newest = c.prepare_cached("SELECT number FROM state")?;
        let (label, number) = (label.map(Label::from_canonical), Number(newest.query_row([], |row| row.get(0))?));
        Ok(Head { stream, label, sequence, hash, number })
    }

    fn append(&mut self, c: &Db<'_>, now: Timestamp, change: Change, proposal: &Proposal) -> Result<Decided, Error> {
        let record = Record {
            number: Number(self.number.0 + 1),
            stream: self.stream,
            sequence: self.sequence + 1,
            previous: self.hash,
            decided: now,
            change,
        };
        let encoded = coding::record::encode(&record);
        let touch = Touch::of(c, &record.change)?;
        c.prepare_cached(
            "INSERT INTO decided (number, stream, kind, bucket, key, subject, name, encoded, body)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            record.number.0,
            self.stream.0,
            touch.kind,
            touch.bucket.map(|bucket| bucket.0),
            touch.key.as_ref().map(|key| key.as_str().as_bytes()),
            touch.subject,
            touch.name,
            c.seal(self.label.as_ref(), Place::Decided(record.number), &encoded)?,
            proposal.body.as_deref(),
        ])?;
        segments::name_decided(c, record.number, &pieces_named(&record.change))?;
        self.number = record.number;
        self.sequence = record.sequence;
        self.hash = coding::record::hash(&encoded);
        Ok(Decided { record, encoded, body: proposal.body.clone() })
    }

    fn store(&self, c: &Db<'_>) -> Result<(), Error> {
        c.prepare_cached("UPDATE stream SET decided = ?, decided_hash = ? WHERE id = ? AND decided < ?1")?
            .execute(params![self.sequence, self.hash, self.stream.0])?;
        c.prepare_cached("UPDATE state SET number = ?1 WHERE number < ?1")?.execute([self.number.0])?;
        Ok(())
    }
}

fn pieces_named(change: &Change) -> Vec<Piece> {
    match change {
        Change::ObjectPut { segments, .. } | Change::PartPut { segments, .. } => {
            segments.iter().flat_map(|segment| segment.pieces.iter().copied()).collect()
        }
        Change::PiecesAdded { pieces, .. } | Change::SegmentPlaced { pieces, .. } => pieces.clone(),
        _ => Vec::new(),
    }
}
