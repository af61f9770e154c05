//! The journal's records put in order, checked, and applied in memory. They are outcomes: applying
//! evaluates nothing.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use model::{
    BodyId, Bucket, BucketId, Change, Epoch, Extent, Number, ObjectKey, Record, SegmentId, Slot, StreamId, Version,
    VersionId,
};

use super::Loss;
use crate::journal::Ride;

/// One record as it was found in one segment.
pub struct Copy {
    epoch: Epoch,
    hash: [u8; 32],
    record: Record,
    ride: Option<Extent>,
}

impl Copy {
    pub fn new(segment: SegmentId, epoch: Epoch, hash: [u8; 32], record: Record, ride: Ride) -> Copy {
        let ride = ride.map(|(offset, length)| Extent { segment, offset, length });
        Copy { epoch, hash, record, ride }
    }
}

/// Every record found, by number; a record that was shipped again is there more than once.
#[derive(Default)]
pub struct History {
    copies: BTreeMap<Number, Vec<Copy>>,
}

/// What the enclave held in the end.
#[derive(Default)]
pub struct State {
    pub buckets: BTreeMap<BucketId, Bucket>,
    pub objects: BTreeMap<BucketId, BTreeMap<ObjectKey, Version>>,
    /// Versions that are there and are no object now: others came after them.
    pub older: BTreeMap<BucketId, BTreeMap<ObjectKey, Vec<Version>>>,
    /// Of every key its versions and markers in the order they came.
    kept: BTreeMap<BucketId, BTreeMap<ObjectKey, Vec<Kept>>>,
    /// Where bodies that ride in the journal lie: each place holds the whole body.
    pub rides: BTreeMap<BodyId, Vec<Extent>>,
    /// Numbers up to the last that no segment holds.
    pub missing: Vec<RangeInclusive<u64>>,
}

/// A version, or a marker that says there is none.
struct Kept {
    id: VersionId,
    slot: Slot,
    version: Option<Version>,
}

impl History {
    pub fn add(&mut self, copy: Copy) {
        self.copies.entry(copy.record.number).or_default().push(copy);
    }

    pub fn len(&self) -> usize {
        self.copies.len()
    }

    pub fn is_empty(&self) -> bool {
        self.copies.is_empty()
    }

    /// Applies all records in the order of their numbers.
    pub fn replay(&mut self, losses: &mut Vec<Loss>) -> State {
        self.settle_forks(losses);
        self.check_chains(losses);
        let mut state = State { missing: self.missing(), ..State::default() };
        for copies in self.copies.values() {
            if let Some(body) = copies.first().and_then(|copy| copy.record.change.riding_body()) {
                state.rides.entry(body).or_default().extend(copies.iter().filter_map(|copy| copy.ride));
            }
            if let Some(copy) = copies.first() {
                state.apply(&copy.record.change);
            }
        }
        state.sort_out();
        state
    }

    fn missing(&self) -> Vec<RangeInclusive<u64>> {
        let numbers = self.copies.keys().map(|number| number.0);
        let before = std::iter::once(0).chain(numbers.clone());
        before.zip(numbers).filter(|(one, next)| next - one > 1).map(|(one, next)| one + 1..=next - 1).collect()
    }

    /// Where a number has different records, keeps those of the newest epoch.
    fn settle_forks(&mut self, losses: &mut Vec<Loss>) {
        for (number, copies) in &mut self.copies {
            copies.sort_by_key(|copy| std::cmp::Reverse(copy.epoch));
            let Some(kept) = copies.first().map(|copy| copy.hash) else { continue };
            let before = copies.len();
            copies.retain(|copy| copy.hash == kept);
            if copies.len() < before {
                let why = "the journal holds different changes under this number; the one of the newest epoch is used";
                losses.push(Loss { what: format!("change {}", number.0), why: why.to_owned() });
            }
        }
    }

    /// Within a stream sequences have no gap, and each record names the one before it.
    fn check_chains(&self, losses: &mut Vec<Loss>) {
        let mut ends: BTreeMap<StreamId, (u64, [u8; 32])> = BTreeMap::new();
        for copy in self.copies.values().filter_map(|copies| copies.first()) {
            let Record { stream, sequence, previous, .. } = copy.record;
            let (last, hash) = ends.entry(stream).or_insert((0, [0; 32]));
            let why = match sequence.checked_sub(*last) {
                Some(1) if previous == *hash => None,
                Some(1) => Some(format!("its change {sequence} does not follow the one before it: it was forked")),
                None | Some(0) => Some(format!("more than one of its changes has the place {sequence}: it was forked")),
                Some(_) => Some(format!("its changes {} to {} are missing", *last + 1, sequence - 1)),
            };
            losses.extend(why.map(|why| Loss { what: format!("stream {stream}"), why }));
            (*last, *hash) = (sequence, copy.hash);
        }
    }
}

impl State {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::BucketCreated(bucket, _) => {
                self.buckets.insert(bucket.id, bucket.clone());
            }
            Change::LabelShredded { label, .. } => {
                let of_label = self.buckets.values().filter(|bucket| bucket.label == *label).map(|bucket| bucket.id);
                for bucket in of_label.collect::<Vec<_>>() {
                    self.buckets.remove(&bucket);
                    self.kept.remove(&bucket);
                }
            }
            Change::BucketDeleted { bucket } => {
                self.buckets.remove(bucket);
                self.kept.remove(bucket);
            }
            Change::ObjectPut { bucket, version, .. }
            | Change::UploadCompleted { bucket, version, .. }
            | Change::ObjectCopied { bucket, version, .. } => {
                let kept = Kept { id: version.id, slot: version.slot, version: Some(version.clone()) };
                self.keep(*bucket, &version.key, kept);
            }
            Change::MarkerPut { bucket, marker } => {
                self.keep(*bucket, &marker.key, Kept { id: marker.id, slot: marker.slot, version: None });
            }
            Change::ObjectDeleted { bucket, key } | Change::OriginHidden { bucket, key } => {
                self.of_key(*bucket, key).retain(|kept| kept.slot != Slot::Null);
            }
            Change::VersionDeleted { bucket, key, version, .. } => {
                self.of_key(*bucket, key).retain(|kept| kept.id != *version);
            }
            // Nothing of these is a file: settings, tags and locks, unfinished uploads, places of pieces, people, keys, sites.
            Change::UploadStarted(_)
            | Change::PartPut { .. }
            | Change::PartCopied { .. }
            | Change::VersionSet { .. }
            | Change::UploadAborted { .. }
            | Change::PiecesAdded { .. }
            | Change::SegmentPlaced { .. }
            | Change::SiteSet { .. }
            | Change::PrincipalCreated(_)
            | Change::KeyIssued(_)
            | Change::KeyRevoked { .. }
            | Change::KeyExpires { .. }
            | Change::PrincipalSet(_)
            | Change::GroupSet(_)
            | Change::GroupDeleted { .. }
            | Change::ReleaseSet(_)
            | Change::LabelKeyCreated(_)
            | Change::StreamOpened { .. }
            | Change::SiteClaimed { .. }
            | Change::BucketSet { .. }
            | Change::CopyMade(_) => {}
        }
    }

    fn of_key(&mut self, bucket: BucketId, key: &ObjectKey) -> &mut Vec<Kept> {
        self.kept.entry(bucket).or_default().entry(key.clone()).or_default()
    }

    /// What comes into the null slot takes the place of what was there.
    fn keep(&mut self, bucket: BucketId, key: &ObjectKey, new: Kept) {
        let of_key = self.of_key(bucket, key);
        of_key.retain(|kept| new.slot != Slot::Null || kept.slot != Slot::Null);
        of_key.push(new);
    }

    /// The newest of a key is its object, if it is no marker.
    fn sort_out(&mut self) {
        for (bucket, keys) in std::mem::take(&mut self.kept) {
            for (key, mut of_key) in keys {
                if let Some(version) = of_key.pop().and_then(|newest| newest.version) {
                    self.objects.entry(bucket).or_default().insert(key.clone(), version);
                }
                let older: Vec<Version> = of_key.into_iter().filter_map(|kept| kept.version).collect();
                if !older.is_empty() {
                    self.older.entry(bucket).or_default().insert(key, older);
                }
            }
        }
    }
}
