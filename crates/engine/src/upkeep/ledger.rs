//! The durability ledger: of each bucket, how many objects have how many pieces to spare, by how well and
//! how lately those pieces are proven, and how many can lose how many more vendors. It is walked anew in the background,
//! for those who ask often; which vendors are lost now is asked of the last walk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use catalog::proof::{BudgetDay, Depth, ObjectProof, Proof, ProofPage, SegmentProof, Spent, Walk};
use model::{Bucket, BucketId, Label, Profile, SegmentId, Site, SiteId, Timestamp, Vendor};
use policy::SystemPermit;
use tracing::warn;

use crate::api::Engine;
use crate::error::Error;
use crate::inner::Inner;
use crate::upkeep::outlives::{self, Outlives, Vendors};

/// From the end of one walk to the next at least.
const WALK_EVERY: Duration = Duration::from_secs(60);
/// A walk that took long is followed by so many times as long without one.
const REST: u32 = 19;

/// Versions that one transaction looks at: a few milliseconds of reading.
const PAGE: usize = 500;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// What a piece must be to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standard {
    /// A record names it.
    Recorded,
    /// It was seen in its whole length within so many days.
    SeenWithin { days: u16 },
    /// Cells of it were read and held within so many days.
    ReadWithin { days: u16 },
}

impl Standard {
    pub const ALL: [Standard; 7] = [
        Standard::Recorded,
        Standard::SeenWithin { days: 1 },
        Standard::SeenWithin { days: 7 },
        Standard::SeenWithin { days: 30 },
        Standard::ReadWithin { days: 7 },
        Standard::ReadWithin { days: 30 },
        Standard::ReadWithin { days: 90 },
    ];

    fn is_met(self, (seen, read): (Option<Timestamp>, Option<Timestamp>), now: Timestamp) -> bool {
        let within = |at: Option<Timestamp>, days: u16| at.is_some_and(|at| at.0 >= now.0 - i64::from(days) * DAY_MS);
        match self {
            Standard::Recorded => true,
            Standard::SeenWithin { days } => within(seen, days),
            Standard::ReadWithin { days } => within(read, days),
        }
    }
}

/// Objects, older versions among them, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub objects: u64,
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes += bytes;
    }
}

/// One bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurabilityRow {
    pub bucket: Bucket,
    pub all: Tally,
    /// Objects without bytes have no pieces of their own: they are as durable as the journal.
    pub empty: u64,
    /// By standard, then by the pieces beyond the k that are needed which meet it: of an object's segments
    /// the fewest. Below zero: not even those needed do. Each standard counts every object with bytes.
    pub by_spare: BTreeMap<Standard, BTreeMap<i64, Tally>>,
    /// By the vendors that they outlive, the same objects.
    by_outlived: BTreeMap<Outlives, Tally>,
}

/// How a site's pieces are proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteProofs {
    pub site: Site,
    /// The oldest proof of any of its pieces. `None`: it has none; `Some(None)`: one was never proven since
    /// this catalog came to know it.
    pub oldest_seen: Option<Option<Timestamp>>,
    pub oldest_read: Option<Option<Timestamp>>,
    /// Pieces that lie there and count, and their bytes.
    pub pieces: u64,
    pub bytes: u64,
    pub walks: BTreeMap<Depth, Walk>,
    /// Today.
    pub spent: Spent,
}

/// The ledger at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durability {
    pub at: Timestamp,
    /// By label, then by name.
    pub rows: Vec<DurabilityRow>,
    pub sites: Vec<SiteProofs>,
    /// Sites that were out while others of their vendor were not: what lay there was not there.
    counted_without: BTreeSet<SiteId>,
}

/// The last walk.
#[derive(Default)]
pub struct Kept {
    last: Mutex<Option<Walked>>,
    /// Held while one is under way: there is never another beside it.
    walking: tokio::sync::Mutex<()>,
}

/// A walk that came to its end, by the monotonic clock.
#[derive(Clone)]
struct Walked {
    began_ms: u64,
    took_ms: u64,
    ledger: Arc<Durability>,
}

impl Walked {
    /// Whether it does for whoever asks again and again: walks are under way a twentieth of the time at most.
    const fn does_at(&self, now_ms: u64) -> bool {
        let rested_ms = (self.took_ms as u128) * (1 + REST as u128);
        (now_ms as u128) < self.began_ms as u128 + rested_ms
    }
}

impl Kept {
    fn last(&self) -> Option<Walked> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Engine {
    /// Walks over all versions, page by page: what is written or removed meanwhile may be in it or not. Those who ask
    /// while a walk is under way share the next one. What it comes to is the last walk's for those who do not walk
    /// themselves.
    pub async fn durability(&self, _: &SystemPermit) -> Result<Arc<Durability>, Error> {
        let asked_ms = self.inner.outside.clock.monotonic_ms();
        // One that began after this was asked was begun by somebody who waited before.
        Ok(self.inner.walk_ledger(|last, _| last.began_ms > asked_ms).await?.ledger)
    }

    /// The same for whoever asks again and again: what the last walk came to, unless so many times as long as it took
    /// have gone by.
    pub async fn durability_lately(&self, _: &SystemPermit) -> Result<Arc<Durability>, Error> {
        Ok(self.inner.walk_ledger(Walked::does_at).await?.ledger)
    }

    /// By how many more vendors they can lose, now that some are out, how many objects of a bucket; -1: they cannot be
    /// read now. It is never more than it is: a site that came back to others of its vendor is believed from the
    /// next walk on.
    pub fn by_vendors(&self, _: &SystemPermit, ledger: &Durability, row: &DurabilityRow) -> BTreeMap<i64, Tally> {
        row.by_vendors(outlives::lost(&outlives::reach(&self.inner.sites), &ledger.counted_without))
    }

    /// Whether enough vendors take writes for what has this label and is kept so.
    pub fn takes_writes(&self, _: &SystemPermit, profile: Profile, label: Label) -> bool {
        self.inner.sites.map(profile, Some(label), &[], 0).is_ok()
    }

    /// What the last walk came to, and how long ago that was; `None` before its first one. It costs
    /// nothing to ask.
    pub fn last_durability(&self, _: &SystemPermit) -> Option<(Arc<Durability>, Duration)> {
        let Walked { began_ms, ledger, .. } = self.inner.scrub.ledger.last()?;
        let now = self.inner.outside.clock.monotonic_ms();
        Some((ledger, Duration::from_millis(now.saturating_sub(began_ms))))
    }
}

impl Inner {
    /// A walk is a load on the catalog: however large that grows, it is under way a twentieth of the time.
    pub(super) async fn walk_ledger_forever(&self) {
        loop {
            let began = self.outside.clock.monotonic_ms();
            if let Err(error) = self.walk_ledger(|_, _| false).await {
                warn!(%error, "the durability ledger will be walked again");
            }
            let took = Duration::from_millis(self.outside.clock.monotonic_ms().saturating_sub(began));
            tokio::time::sleep(took.saturating_mul(REST).max(WALK_EVERY)).await;
        }
    }

    /// One walk at a time; none where the last one does, now that no other is under way.
    async fn walk_ledger(&self, does: impl Fn(&Walked, u64) -> bool) -> Result<Walked, Error> {
        let now = || self.outside.clock.monotonic_ms();
        let kept = |now_ms| self.scrub.ledger.last().filter(|last| does(last, now_ms));
        if let Some(last) = kept(now()) {
            return Ok(last);
        }
        let _alone = self.scrub.ledger.walking.lock().await;
        if let Some(last) = kept(now()) {
            return Ok(last);
        }
        let began_ms = now();
        let ledger = Arc::new(self.durability().await?);
        let walked = Walked { began_ms, took_ms: now().saturating_sub(began_ms), ledger };
        *self.scrub.ledger.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(walked.clone());
        Ok(walked)
    }

    async fn durability(&self) -> Result<Durability, Error> {
        let at = self.outside.clock.now();
        let counted_without = outlives::out_alone(&outlives::reach(&self.sites));
        let vendor_of = |site: SiteId| self.sites.vendor(site).filter(|_| !counted_without.contains(&site));
        let mut rows: BTreeMap<BucketId, DurabilityRow> = BTreeMap::new();
        let mut from = Some(0);
        while let Some(row) = from {
            let page = self.catalog.proofs(row, PAGE).await?;
            for bucket in page.objects.iter().map(|object| object.bucket).collect::<BTreeSet<_>>() {
                if !rows.contains_key(&bucket)
                    && let Some(bucket) = self.catalog.bucket(bucket).await?
                {
                    rows.insert(bucket.id, DurabilityRow::new(bucket));
                }
            }
            count(&page, at, vendor_of, &mut rows);
            from = page.next;
        }
        let mut rows: Vec<DurabilityRow> = rows.into_values().collect();
        rows.sort_by(|a, b| {
            let key = |row: &DurabilityRow| (*row.bucket.label.canonical(), row.bucket.name.to_string());
            key(a).cmp(&key(b))
        });
        Ok(Durability { at, rows, sites: self.site_proofs(at).await?, counted_without })
    }

    async fn site_proofs(&self, at: Timestamp) -> Result<Vec<SiteProofs>, Error> {
        let mut proofs = Vec::new();
        for known in self.sites.iter() {
            let oldest = async |proof| self.catalog.least_proven(known.site.id, proof, None, 1).await;
            let state = self.catalog.scrub_state(known.site.id).await?;
            let (pieces, bytes) = self.stored_at(known.site.id).await?;
            proofs.push(SiteProofs {
                site: known.site.clone(),
                oldest_seen: oldest(Proof::Seen).await?.first().map(|piece| piece.seen),
                oldest_read: oldest(Proof::Read).await?.first().map(|piece| piece.read),
                pieces,
                bytes,
                walks: state.walks,
                spent: if state.day == BudgetDay::of(at) { state.spent } else { Spent::default() },
            });
        }
        Ok(proofs)
    }
}

impl Inner {
    async fn stored_at(&self, site: SiteId) -> Result<(u64, u64), Error> {
        let (mut pieces, mut bytes, mut after) = (0, 0, None);
        loop {
            let page = self.catalog.pieces_at(site, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok((pieces, bytes)) };
            after = Some(last.name);
            pieces += page.len() as u64;
            bytes += page.iter().map(|piece| piece.length).sum::<u64>();
        }
    }
}

impl DurabilityRow {
    fn new(bucket: Bucket) -> DurabilityRow {
        let by_outlived = BTreeMap::new();
        DurabilityRow { bucket, all: Tally::default(), empty: 0, by_spare: BTreeMap::new(), by_outlived }
    }

    fn by_vendors(&self, lost: Vendors) -> BTreeMap<i64, Tally> {
        let mut by_vendors: BTreeMap<i64, Tally> = BTreeMap::new();
        for (outlives, Tally { objects, bytes }) in &self.by_outlived {
            let of = by_vendors.entry(outlives.more_than(lost)).or_default();
            of.objects += objects;
            of.bytes += bytes;
        }
        by_vendors
    }
}

/// Adds a page to the rows of its buckets; one that is gone meanwhile has none.
fn count(
    page: &ProofPage,
    now: Timestamp,
    vendor_of: impl Fn(SiteId) -> Option<Vendor>,
    rows: &mut BTreeMap<BucketId, DurabilityRow>,
) {
    let segments: BTreeMap<SegmentId, Outlives> =
        page.segments.iter().map(|(id, proof)| (*id, Outlives::of(&proof.segment, &vendor_of))).collect();
    for object in &page.objects {
        let Some(row) = rows.get_mut(&object.bucket) else { continue };
        row.all.add(object.bytes);
        if object.segments.is_empty() {
            row.empty += 1;
            continue;
        }
        let outlives = object.segments.iter().map(|id| segments.get(id).copied().unwrap_or(Outlives::NOTHING));
        let outlives = outlives.fold(Outlives::EVERYTHING, Outlives::and);
        row.by_outlived.entry(outlives).or_default().add(object.bytes);
        for standard in Standard::ALL {
            let spare = spare_of(object, page, standard, now);
            row.by_spare.entry(standard).or_default().entry(spare).or_default().add(object.bytes);
        }
    }
}

/// Of the object's segments the fewest pieces beyond those needed.
fn spare_of(object: &ObjectProof, page: &ProofPage, standard: Standard, now: Timestamp) -> i64 {
    let of = |proof: &SegmentProof| {
        let pieces = proof.segment.pieces.iter().zip(&proof.proofs);
        let met = pieces.filter(|(_, proof)| standard.is_met(**proof, now)).map(|(piece, _)| piece.index);
        // Two of one index are worth one.
        let indexes = i64::try_from(met.collect::<BTreeSet<u8>>().len()).unwrap_or(i64::MAX);
        indexes - i64::from(proof.segment.code.k)
    };
    // A segment that is not known has no piece at all.
    object.segments.iter().map(|id| page.segments.get(id).map_or(-1, of)).min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use model::{Code, Epoch, KeyTag, Piece, PieceName, Segment, SegmentKind, StreamId};

    use super::*;

    const NOW: Timestamp = Timestamp(1_000 * DAY_MS);

    /// A 2+2 segment with pieces of these indexes, each seen and read so many days ago.
    fn proof(pieces: &[(u8, Option<i64>, Option<i64>)]) -> SegmentProof {
        let piece = |index| Piece {
            index,
            site: SiteId([index; 16]),
            name: PieceName { kind: SegmentKind::Data, epoch: Epoch(1), random: [index; 16] },
        };
        let ago = |days: Option<i64>| days.map(|days| Timestamp(NOW.0 - days * DAY_MS));
        SegmentProof {
            segment: Segment {
                id: SegmentId([1; 16]),
                kind: SegmentKind::Data,
                stream: StreamId([2; 16]),
                code: Code { k: 2, m: 2 },
                cell: 64,
                length: 128,
                key: KeyTag([3; 16]),
                epoch: Epoch(1),
                promise: 2,
                pieces: pieces.iter().map(|(index, ..)| piece(*index)).collect(),
            },
            proofs: pieces.iter().map(|(_, seen, read)| (ago(*seen), ago(*read))).collect(),
        }
    }

    fn spares(segments: Vec<SegmentProof>) -> [i64; 7] {
        let ids: Vec<SegmentId> = (0..).map(|n| SegmentId([n; 16])).take(segments.len()).collect();
        let object = ObjectProof { bucket: BucketId([0; 16]), bytes: 1, segments: ids.clone() };
        let page = ProofPage { segments: ids.into_iter().zip(segments).collect(), ..ProofPage::default() };
        Standard::ALL.map(|standard| spare_of(&object, &page, standard, NOW))
    }

    #[test]
    fn a_walk_does_until_it_was_a_twentieth_of_the_time() {
        let (at, rows, sites) = (NOW, Vec::new(), Vec::new());
        let ledger = Arc::new(Durability { at, rows, sites, counted_without: BTreeSet::new() });
        let walked = |took_ms| Walked { began_ms: 500, took_ms, ledger: Arc::clone(&ledger) };
        assert!(walked(50).does_at(1499) && !walked(50).does_at(1500));
        assert!(!walked(0).does_at(500), "one that took nothing is made anew");
    }

    #[test]
    fn pieces_count_by_their_proofs() {
        let fresh = |index| (index, Some(0), Some(1));
        assert_eq!(spares(vec![proof(&[0, 1, 2, 3].map(fresh))]), [2; 7]);
        let aged = proof(&[fresh(0), (1, Some(3), Some(20)), (2, Some(9), Some(40)), (3, None, None)]);
        assert_eq!(spares(vec![aged.clone()]), [2, -1, 0, 1, -1, 0, 1]);
        let poor = proof(&[0, 1, 1].map(fresh));
        assert_eq!(spares(vec![poor.clone()]), [0; 7], "two of one index are worth one");
        assert_eq!(spares(vec![aged, poor]), [0, -1, 0, 0, -1, 0, 0], "the weakest segment decides");
    }

    #[test]
    fn a_segment_that_is_not_known_is_worth_nothing() {
        let object = ObjectProof { bucket: BucketId([0; 16]), bytes: 1, segments: vec![SegmentId([9; 16])] };
        assert_eq!(spare_of(&object, &ProofPage::default(), Standard::Recorded, NOW), -1);
    }
}
