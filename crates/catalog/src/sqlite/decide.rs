//! Deciding: judge each proposal, then number, chain, encode and keep the record.

use bytes::Bytes;
use model::{Change, Number, Piece, Record, StreamId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::judge::{self, Stop};
use super::touch::Touch;
use super::{codec, late, segments, shred};
use crate::error::Error;
use crate::interface::{Decided, Decision, Proposal, Refusal};

/// Judges the proposals one after the other; each meets what those before it decided.
pub fn decide(
    c: &Connection,
    stream: StreamId,
    now: Timestamp,
    proposals: &[Proposal],
) -> Result<Vec<Decision>, Error> {
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

/// Every decided record that is not shown, by number.
pub fn unshown(c: &Connection) -> Result<Vec<Decided>, Error> {
    let mut all = c.prepare_cached("SELECT encoded, body FROM decided ORDER BY number")?;
    let rows = all.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Option<Vec<u8>>>(1)?)))?;
    rows.map(|row| {
        let (encoded, body) = row?;
        let record = codec::decode(&encoded)?;
        Ok(Decided { record, encoded: encoded.into(), body: body.map(Bytes::from) })
    })
    .collect()
}

/// Where a stream's next record goes.
struct Head {
    stream: StreamId,
    /// Newest decided.
    sequence: u64,
    hash: [u8; 32],
    /// Newest number given to any stream.
    number: Number,
}

impl Head {
    fn load(c: &Connection, stream: StreamId) -> Result<Head, Error> {
        let mut find = c.prepare_cached("SELECT decided, decided_hash FROM stream WHERE id = ?")?;
        let (sequence, hash) = find
            .query_row([stream.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or(Error::UnknownStream { stream })?;
        let mut newest = c.prepare_cached("SELECT number FROM state")?;
        Ok(Head { stream, sequence, hash, number: Number(newest.query_row([], |row| row.get(0))?) })
    }

    fn append(
        &mut self,
        c: &Connection,
        now: Timestamp,
        change: Change,
        proposal: &Proposal,
    ) -> Result<Decided, Error> {
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
            "INSERT INTO decided (number, kind, bucket, key, subject, name, encoded, body)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            record.number.0,
            touch.kind,
            touch.bucket.map(|bucket| bucket.0),
            touch.key.as_ref().map(|key| key.as_str().as_bytes()),
            touch.subject,
            touch.name,
            &encoded[..],
            proposal.body.as_deref(),
        ])?;
        segments::name_decided(c, record.number, &pieces_named(&record.change))?;
        self.number = record.number;
        self.sequence = record.sequence;
        self.hash = coding::record::hash(&encoded);
        Ok(Decided { record, encoded, body: proposal.body.clone() })
    }

    fn store(&self, c: &Connection) -> Result<(), Error> {
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
        Change::PiecesAdded { pieces, .. } => pieces.clone(),
        _ => Vec::new(),
    }
}
