//! Compacting the journal: one segment takes the place of several that hold the same records.
//!
//! Small bodies lie in journal segments. Who holds one is found through the record it rode with; those that
//! hold the same bytes without it (copies, and versions that were put together from parts) are in the holder
//! tables. The count of a segment's uses tells whether all are known: of segments from before there were such
//! tables they may not be, and these stay as they are.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use model::{
    BodyId, BodySlice, Change, Extent, Label, Part, Record, Segment, SegmentId, StreamId, UploadId, Version, VersionId,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::sealed::{Db, Place};
use super::{codec, epochs, late, segments, shred};
use crate::error::Error;
use crate::interface::{Batch, JournalSegment, Origin};

/// Shown journal segments of a stream behind sequence `after`, in their order.
pub fn journal(c: &Connection, stream: StreamId, after: u64, limit: usize) -> Result<Vec<JournalSegment>, Error> {
    let mut find = c.prepare_cached(
        "SELECT first, last, records, segment, (SELECT bytes FROM segment_use u WHERE u.segment = j.segment),
             EXISTS (SELECT 1 FROM segment_use u WHERE u.segment = j.segment)
         FROM journal j WHERE stream = ? AND last > ? ORDER BY last LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = find.query_map(params![stream.0, after, limit], |row| {
        let held: Option<u64> = if row.get(5)? { row.get(4)? } else { Some(0) };
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, SegmentId(row.get(3)?), held))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (first, last, records, id, held) = row?;
        let missing = || Error::Damaged(format!("journal segment {id} is not in it"));
        let segment = segments::find(c, id)?.ok_or_else(missing)?;
        found.push(JournalSegment { segment, first, last, records, held });
    }
    Ok(found)
}

/// Segments of a stream that brought records and hold some of before, in the place of which they are not yet.
pub fn half_taken_up(c: &Connection, stream: StreamId) -> Result<Vec<Segment>, Error> {
    let mut find =
        c.prepare_cached("SELECT segment FROM journal WHERE stream = ? AND begins IS NOT NULL ORDER BY last")?;
    let ids = find.query_map([stream.0], |row| row.get(0).map(SegmentId))?.collect::<Result<Vec<_>, _>>()?;
    ids.into_iter().filter_map(|id| segments::find(c, id).transpose()).collect()
}

/// Which of the bodies in these segments somebody holds; `None` if not all holders are known. `records` are
/// all that lie in the segments.
pub fn held(c: &Db<'_>, replaced: &[SegmentId], records: &[Bytes]) -> Result<Option<BTreeSet<BodyId>>, Error> {
    let replaced: BTreeSet<SegmentId> = replaced.iter().copied().collect();
    let records = records.iter().map(|encoded| codec::decode(encoded)).collect::<Result<Vec<_>, _>>()?;
    let Some(holders) = Holders::find(c, &replaced, &records)? else { return Ok(None) };
    let slices = holders.slices().filter(|slice| lies_in(slice, &replaced));
    Ok(Some(slices.map(|slice| slice.body).collect()))
}

/// Puts the batch's segment in the place of those that hold its records now, in one transaction. `false`, and
/// nothing is changed, if it is not the newest, does not hold just what some of them hold, lacks a body that is held,
/// or if not all holders are known.
pub fn compact(c: &Db<'_>, batch: &Batch, origin: Origin) -> Result<bool, Error> {
    if shred::is_ended(c, batch.stream)? || origin == Origin::Here && !epochs::is_open(c, batch.segment.epoch)? {
        return Ok(false);
    }
    let records = batch.records.iter().map(|shipped| codec::decode(&shipped.encoded)).collect::<Result<Vec<_>, _>>()?;
    let Some(rows) = Rows::holding(c, batch, &records)? else { return Ok(false) };
    let Some(holders) = Holders::find(c, &rows.replaced, &records)? else { return Ok(false) };
    let places: BTreeMap<BodyId, Extent> = records
        .iter()
        .zip(&batch.records)
        .filter_map(|(record, shipped)| Some((record.change.riding_body()?, shipped.extent?)))
        .collect();
    let is_placed = |slice: &BodySlice| places.contains_key(&slice.body);
    if !holders.slices().filter(|slice| lies_in(slice, &rows.replaced)).all(is_placed) {
        return Ok(false);
    }
    let proven = (origin == Origin::Here).then(|| c.now());
    segments::insert(c, &batch.segment, proven)?;
    late::place_early(c, batch.segment.id, proven)?;
    holders.move_to(c, rows.label.as_ref(), &rows.replaced, &places)?;
    rows.replace(c, batch)?;
    Ok(true)
}

fn lies_in(slice: &BodySlice, segments: &BTreeSet<SegmentId>) -> bool {
    slice.extents.iter().any(|extent| segments.contains(&extent.segment))
}

/// The journal rows a batch takes the place of.
struct Rows {
    label: Option<Label>,
    first: u64,
    last: u64,
    hash: [u8; 32],
    /// Without the batch's own segment, part of which may be shown already.
    replaced: BTreeSet<SegmentId>,
    /// Bytes of their records, where that is known of all.
    records: Option<u64>,
}

impl Rows {
    /// Those that together hold just the batch's records, each of which follows the one before it.
    fn holding(c: &Db<'_>, batch: &Batch, records: &[Record]) -> Result<Option<Rows>, Error> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(None) };
        let hashes: Vec<[u8; 32]> =
            batch.records.iter().map(|shipped| coding::record::hash(&shipped.encoded)).collect();
        let linked = records.windows(2).zip(&hashes).all(|(pair, hash)| match pair {
            [before, after] => after.sequence == before.sequence + 1 && after.previous == *hash,
            _ => true,
        });
        if !linked || records.iter().any(|record| record.stream != batch.stream) {
            return Ok(None);
        }
        let mut find = c.prepare_cached(
            "SELECT first, last, hash, segment, records FROM journal WHERE stream = ? AND last >= ? AND first <= ?
             ORDER BY last",
        )?;
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, SegmentId(row.get(3)?), row.get(4)?));
        let rows = find.query_map(params![batch.stream.0, first.sequence, last.sequence], read)?;
        let mut found = Rows {
            label: label_of(c, batch.stream)?,
            first: first.sequence,
            last: last.sequence,
            hash: hashes.last().copied().unwrap_or_default(),
            replaced: BTreeSet::new(),
            records: Some(0),
        };
        let mut next = first.sequence;
        for row in rows {
            let (begins, ends, hash, id, bytes): (u64, u64, [u8; 32], SegmentId, Option<u64>) = row?;
            let ours = ends.checked_sub(first.sequence).and_then(|at| hashes.get(usize::try_from(at).ok()?));
            if begins != next || ours != Some(&hash) {
                return Ok(None);
            }
            next = ends + 1;
            found.records = found.records.zip(bytes).map(|(sum, more)| sum + more);
            if id != batch.segment.id {
                let epoch = segments::find(c, id)?.map(|segment| segment.epoch);
                if epoch.is_none_or(|epoch| (epoch, id) > (batch.segment.epoch, batch.segment.id)) {
                    return Ok(None);
                }
                found.replaced.insert(id);
            }
        }
        Ok((next == last.sequence + 1 && !found.replaced.is_empty()).then_some(found))
    }

    fn replace(&self, c: &Connection, batch: &Batch) -> Result<(), Error> {
        let Rows { first, last, hash, replaced, records, .. } = self;
        let (stream, id) = (batch.stream.0, batch.segment.id.0);
        c.prepare_cached("DELETE FROM journal WHERE stream = ? AND last BETWEEN ? AND ?")?
            .execute(params![stream, first, last])?;
        c.prepare_cached(
            "INSERT INTO journal (stream, last, first, hash, segment, records) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![stream, last, first, hash, id, records])?;
        let mut newest = c.prepare_cached("UPDATE stream SET newest = ? WHERE id = ? AND newest = ?")?;
        for old in replaced {
            newest.execute(params![id, stream, old.0])?;
            segments::forget(c, *old)?;
        }
        Ok(())
    }
}

fn label_of(c: &Connection, stream: StreamId) -> Result<Option<Label>, Error> {
    let mut find = c.prepare_cached("SELECT label FROM stream WHERE id = ?")?;
    let label = find.query_row([stream.0], |row| row.get::<_, Option<_>>(0)).optional()?;
    let label = label.ok_or(Error::UnknownStream { stream })?;
    Ok(label.map(Label::from_canonical))
}

/// The rows of versions and parts that hold bodies of some segments.
struct Holders {
    versions: BTreeMap<i64, Version>,
    parts: BTreeMap<(UploadId, u16), Part>,
}

impl Holders {
    /// All of them, or `None`.
    fn find(c: &Db<'_>, of: &BTreeSet<SegmentId>, records: &[Record]) -> Result<Option<Holders>, Error> {
        let mut holders = Holders { versions: BTreeMap::new(), parts: BTreeMap::new() };
        for record in records {
            match &record.change {
                Change::ObjectPut { bucket, version, .. } => {
                    let mut find = c.prepare_cached(
                        "SELECT row, id, version FROM version WHERE bucket = ? AND key = ? AND id = ?",
                    )?;
                    let key = version.key.as_str().as_bytes();
                    holders.take_version(c, find.query(params![bucket.0, key, version.id.0])?)?;
                }
                Change::PartPut { upload, part, .. } => holders.take_part(c, *upload, part.number)?,
                _ => {}
            }
        }
        for segment in of {
            let mut versions = c.prepare_cached(
                "SELECT v.row, v.id, v.version FROM version_holder h JOIN version v ON v.row = h.version
                 WHERE h.segment = ?",
            )?;
            holders.take_version(c, versions.query([segment.0])?)?;
            let mut parts = c.prepare_cached("SELECT upload, part_number FROM part_holder WHERE segment = ?")?;
            let parts = parts.query_map([segment.0], |row| Ok((UploadId(row.get(0)?), row.get(1)?)))?;
            for (upload, number) in parts.collect::<Result<Vec<_>, _>>()? {
                holders.take_part(c, upload, number)?;
            }
        }
        holders.versions.retain(|_, version| version.bodies.iter().any(|slice| lies_in(slice, of)));
        holders.parts.retain(|_, part| lies_in(&part.body, of));
        Ok(holders.are_all(c, of)?.then_some(holders))
    }

    fn take_version(&mut self, c: &Db<'_>, mut rows: rusqlite::Rows<'_>) -> Result<(), Error> {
        while let Some(row) = rows.next()? {
            let value = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            // A marker has none.
            if !value.is_empty() {
                self.versions.insert(row.get(0)?, c.read_value(Place::Version(VersionId(row.get(1)?)), value)?);
            }
        }
        Ok(())
    }

    fn take_part(&mut self, c: &Connection, upload: UploadId, number: u16) -> Result<(), Error> {
        let mut find = c.prepare_cached("SELECT part FROM part WHERE upload = ? AND part_number = ?")?;
        let blob: Option<Vec<u8>> = find.query_row(params![upload.0, number], |row| row.get(0)).optional()?;
        if let Some(blob) = blob {
            self.parts.insert((upload, number), codec::from_blob(&blob)?);
        }
        Ok(())
    }

    /// Each holder counts once in each segment.
    fn are_all(&self, c: &Connection, of: &BTreeSet<SegmentId>) -> Result<bool, Error> {
        let of_versions = self.versions.values().map(|version| segments::of_bodies(&version.bodies));
        let of_parts = self.parts.values().map(|part| segments::of_bodies(std::slice::from_ref(&part.body)));
        let mut found: BTreeMap<SegmentId, u64> = BTreeMap::new();
        of_versions.chain(of_parts).flatten().for_each(|segment| *found.entry(segment).or_default() += 1);
        let mut uses = c.prepare_cached("SELECT uses FROM segment_use WHERE segment = ?")?;
        for segment in of {
            let uses: Option<u64> = uses.query_row([segment.0], |row| row.get(0)).optional()?;
            if uses.unwrap_or(0) != found.get(segment).copied().unwrap_or(0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn slices(&self) -> impl Iterator<Item = &BodySlice> {
        let of_versions = self.versions.values().flat_map(|version| &version.bodies);
        of_versions.chain(self.parts.values().map(|part| &part.body))
    }

    fn move_to(
        self,
        c: &Db<'_>,
        label: Option<&Label>,
        replaced: &BTreeSet<SegmentId>,
        places: &BTreeMap<BodyId, Extent>,
    ) -> Result<(), Error> {
        let lie_anew = |slices: &mut [BodySlice]| {
            for slice in slices.iter_mut().filter(|slice| lies_in(slice, replaced)) {
                slice.extents = places.get(&slice.body).copied().into_iter().collect();
            }
        };
        let mut shared = c.prepare_cached(
            "INSERT INTO version_holder (segment, version)
             SELECT DISTINCT ?1, version FROM version_holder WHERE version = ?2 AND segment = ?3 ON CONFLICT DO NOTHING",
        )?;
        let mut set = c.prepare_cached("UPDATE version SET version = ? WHERE row = ?")?;
        for (row, mut version) in self.versions {
            let before = version.bodies.clone();
            lie_anew(&mut version.bodies);
            change_hold(c, &before, &version.bodies)?;
            set.execute(params![c.to_value(label, Place::Version(version.id), &version)?, row])?;
            for old in segments::of_bodies(&before).intersection(replaced) {
                for new in segments::of_bodies(&version.bodies).difference(&segments::of_bodies(&before)) {
                    shared.execute(params![new.0, row, old.0])?;
                }
            }
        }
        let mut shared = c.prepare_cached(
            "INSERT INTO part_holder (segment, upload, part_number)
             SELECT ?1, upload, part_number FROM part_holder WHERE upload = ?2 AND part_number = ?3 AND segment = ?4
             ON CONFLICT DO NOTHING",
        )?;
        let mut set = c.prepare_cached("UPDATE part SET part = ? WHERE upload = ? AND part_number = ?")?;
        for ((upload, number), mut part) in self.parts {
            let before = part.body.clone();
            lie_anew(std::slice::from_mut(&mut part.body));
            change_hold(c, std::slice::from_ref(&before), std::slice::from_ref(&part.body))?;
            for (old, new) in before.extents.iter().zip(&part.body.extents) {
                shared.execute(params![new.segment.0, upload.0, number, old.segment.0])?;
            }
            set.execute(params![codec::to_blob(&part), upload.0, number])?;
        }
        Ok(())
    }
}

fn change_hold(c: &Connection, before: &[BodySlice], after: &[BodySlice]) -> Result<(), Error> {
    segments::hold(c, after)?;
    // Of journal segments none is dropped for want of use; those of data are held again.
    segments::release(c, before).map(drop)
}
