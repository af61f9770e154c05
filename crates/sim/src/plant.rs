//! Bugs that are planted on purpose, each of which the checkers must catch.
//!
//! They are planted from outside, where the engine meets catalog, sites, disk and entropy: a bug in any of
//! these or in the engine's use of them looks the same from there, and what ships holds no planted bug.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use catalog::{Batch, Decided, Entry, Error, ListEntry, ObjectSummary, Page, Proposal, Unnamed, VersionSummary, Why};
use model::{
    AccessKey, Bucket, BucketId, Change, Epoch, KeyState, ObjectKey, PieceName, Precondition, Segment, SegmentId,
    Upload, Which,
};

use crate::random::Random;

/// One planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// The disk says that it synced, and did not.
    SkipSync,
    /// A put is answered before the piece is stored.
    AnswerEarly,
    /// Some puts are answered and nothing is stored: what is acknowledged stands below the floor.
    BelowFloor,
    /// Pieces are stored cut in half.
    TornPieces,
    /// A restart forgets the last decided record.
    DropOutcome,
    /// Garbage collection takes pieces that only a copy still names.
    ForgetCopies,
    /// Garbage collection takes pieces that are named.
    CollectNamed,
    /// Garbage collection takes pieces of the epoch that is still open, however new they are.
    EpochEarly,
    /// Now and then an object is found as it was.
    StaleFind,
    /// Listings leave out an object.
    ShortList,
    /// Listings show a key that nobody put.
    StrangeKey,
    /// So do listings of versions.
    StrangeVersion,
    /// A page of a listing says that it is the last.
    LastPage,
    /// A list of uploads leaves one out.
    ShortUploads,
    /// A list of buckets leaves one out.
    ShortBuckets,
    /// A revoked key opens on.
    KeyForLife,
    /// Puts are answered as soon as the floor stands, in good weather too.
    FloorAlone,
    /// Conditions are not judged.
    NoConditions,
    /// What is below its promise stays there.
    NeverCatchUp,
    /// A site's ceiling is not kept.
    NoCeiling,
    /// Names repeat.
    RepeatNames,
    /// An acknowledged deletion is undone by a restart.
    Undelete,
}

impl Plant {
    pub const ALL: [Plant; 22] = [
        Plant::SkipSync,
        Plant::AnswerEarly,
        Plant::BelowFloor,
        Plant::TornPieces,
        Plant::DropOutcome,
        Plant::ForgetCopies,
        Plant::CollectNamed,
        Plant::EpochEarly,
        Plant::StaleFind,
        Plant::ShortList,
        Plant::StrangeKey,
        Plant::StrangeVersion,
        Plant::LastPage,
        Plant::ShortUploads,
        Plant::ShortBuckets,
        Plant::KeyForLife,
        Plant::FloorAlone,
        Plant::NoConditions,
        Plant::NeverCatchUp,
        Plant::NoCeiling,
        Plant::RepeatNames,
        Plant::Undelete,
    ];

    /// What it is called on the command line.
    pub fn named(name: &str) -> Option<Plant> {
        Plant::ALL.into_iter().find(|plant| format!("{plant:?}") == name)
    }
}

/// What a catalog with or without a planted bug says. It outlives every life.
#[derive(Clone)]
pub struct Planted {
    plant: Option<Plant>,
    state: Arc<Mutex<State>>,
}

struct State {
    random: Random,
    found: BTreeMap<(BucketId, ObjectKey), Option<Entry>>,
    /// Segments that a copy shares, and all pieces by segment.
    copied: BTreeSet<SegmentId>,
    pieces: BTreeMap<PieceName, SegmentId>,
    /// Keys whose deletion was shown.
    deleted: BTreeSet<(BucketId, ObjectKey)>,
    lives: u64,
}

impl Planted {
    pub fn new(plant: Option<Plant>, random: Random) -> Planted {
        let state = State {
            random,
            found: BTreeMap::new(),
            copied: BTreeSet::new(),
            pieces: BTreeMap::new(),
            deleted: BTreeSet::new(),
            lives: 0,
        };
        Planted { plant, state: Arc::new(Mutex::new(state)) }
    }

    pub fn is(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    pub fn next_life(&self) {
        self.state().lives += 1;
    }

    pub fn proposals(&self, mut proposals: Vec<Proposal>) -> Vec<Proposal> {
        if self.is(Plant::NoConditions) {
            proposals.iter_mut().for_each(|proposal| proposal.condition = Precondition::None);
        }
        proposals
    }

    pub fn shown(&self, batch: &Batch) {
        if !matches!(self.plant, Some(Plant::ForgetCopies | Plant::Undelete)) {
            return;
        }
        let mut state = self.state();
        state.note(&batch.segment);
        for shipped in &batch.records {
            match coding::record::decode(&shipped.encoded).map(|record| record.change) {
                Ok(Change::ObjectPut { segments, bucket, version }) => {
                    segments.iter().for_each(|segment| state.note(segment));
                    state.deleted.remove(&(bucket, version.key));
                }
                Ok(Change::ObjectCopied { version, bucket, .. }) => {
                    let extents = version.bodies.iter().flat_map(|body| &body.extents);
                    state.copied.extend(extents.map(|extent| extent.segment));
                    state.deleted.remove(&(bucket, version.key));
                }
                Ok(Change::UploadCompleted { bucket, version, .. }) => {
                    state.deleted.remove(&(bucket, version.key));
                }
                Ok(Change::ObjectDeleted { bucket, key }) => {
                    state.deleted.insert((bucket, key));
                }
                _ => {}
            }
        }
    }

    pub fn unshown(&self, mut unshown: Vec<Decided>) -> Vec<Decided> {
        if self.is(Plant::DropOutcome) {
            unshown.pop();
        }
        unshown
    }

    pub fn closed_below(&self, epoch: Epoch) -> Epoch {
        if self.is(Plant::EpochEarly) { Epoch(epoch.0 + 1) } else { epoch }
    }

    pub fn unnamed(&self, mut unnamed: Vec<Unnamed>, listed: &[PieceName]) -> Vec<Unnamed> {
        if self.is(Plant::EpochEarly) {
            unnamed.iter_mut().for_each(|unnamed| unnamed.since_running_ms = 0);
        }
        let mut state = self.state();
        for name in listed {
            let wrong = match self.plant {
                Some(Plant::CollectNamed) => state.random.chance(30),
                Some(Plant::ForgetCopies) => {
                    state.pieces.get(name).is_some_and(|segment| state.copied.contains(segment))
                }
                _ => false,
            };
            if wrong {
                unnamed.push(Unnamed { name: *name, since_running_ms: 0, why: Why::NeverNamed });
            }
        }
        unnamed
    }

    pub fn below_promise(&self, below: Vec<Segment>) -> Vec<Segment> {
        if self.is(Plant::NeverCatchUp) { Vec::new() } else { below }
    }

    pub fn found(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        which: Which,
        found: Result<Option<Entry>, Error>,
    ) -> Result<Option<Entry>, Error> {
        let current = matches!(which, Which::Current);
        match (self.plant, &found) {
            (Some(Plant::StaleFind), Ok(entry)) if current => {
                let mut state = self.state();
                let before = state.found.insert((bucket, key.clone()), entry.clone());
                match before {
                    Some(before) if state.random.chance(50) => Ok(before),
                    _ => found,
                }
            }
            (Some(Plant::Undelete), Ok(entry)) if current => {
                let mut state = self.state();
                let place = (bucket, key.clone());
                if entry.is_some() {
                    state.found.insert(place, entry.clone());
                    return found;
                }
                let returns = state.lives.is_multiple_of(2) && state.deleted.contains(&place);
                let before = state.found.get(&place).cloned().flatten();
                if returns { Ok(before) } else { found }
            }
            _ => found,
        }
    }

    pub fn listed(&self, page: Page<ObjectSummary>) -> Page<ObjectSummary> {
        let mut page = page;
        if self.is(Plant::ShortList) && self.state().random.chance(100) {
            page.entries.pop();
        }
        if self.is(Plant::StrangeKey) && self.state().random.chance(100) {
            page.entries.extend(last(&page).and_then(|last| {
                let key = behind(&last.key)?;
                Some(ListEntry::Item(ObjectSummary { key, ..last.clone() }))
            }));
        }
        page
    }

    pub fn versions_listed(&self, page: Page<VersionSummary>) -> Page<VersionSummary> {
        let mut page = page;
        if self.is(Plant::StrangeVersion) && self.state().random.chance(100) {
            page.entries.extend(last(&page).and_then(|last| {
                let key = behind(&last.key)?;
                Some(ListEntry::Item(VersionSummary { key, ..last.clone() }))
            }));
        }
        page
    }

    pub fn page_listed(&self, mut page: Page<ObjectSummary>) -> Page<ObjectSummary> {
        if self.is(Plant::LastPage) && self.state().random.chance(100) {
            page.more = false;
        }
        page
    }

    pub fn uploads_listed(&self, mut page: Page<Upload>) -> Page<Upload> {
        if self.is(Plant::ShortUploads) && self.state().random.chance(100) {
            page.entries.pop();
        }
        page
    }

    pub fn buckets_listed(&self, mut buckets: Vec<Bucket>) -> Vec<Bucket> {
        if self.is(Plant::ShortBuckets) && self.state().random.chance(100) {
            buckets.pop();
        }
        buckets
    }

    pub fn key_found(&self, mut key: Option<AccessKey>) -> Option<AccessKey> {
        if self.is(Plant::KeyForLife) {
            key.iter_mut().for_each(|key| key.state = KeyState::Active);
        }
        key
    }

    /// What the engine says of the segment that is to be shown.
    pub fn standing(&self, mut batch: Batch) -> Batch {
        if self.is(Plant::FloorAlone) {
            batch.segment.pieces.truncate(usize::from(batch.segment.code.k) + 1);
        }
        batch
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn last<T>(page: &Page<T>) -> Option<&T> {
    page.entries.iter().rev().find_map(|entry| match entry {
        ListEntry::Item(item) => Some(item),
        ListEntry::Prefix(_) => None,
    })
}

/// A key that sorts behind this one.
fn behind(key: &ObjectKey) -> Option<ObjectKey> {
    ObjectKey::parse(&format!("{}-strange", key.as_str())).ok()
}

impl State {
    fn note(&mut self, segment: &Segment) {
        self.pieces.extend(segment.pieces.iter().map(|piece| (piece.name, segment.id)));
    }
}
