//! Random histories over two streams, against the simplest model of what they mean.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::{Change, Number, ObjectKey, Outside, Precondition, SegmentId, StreamId, UploadId, Version};

use super::make::{self, CONTROL, EAST, WEST, id, under};
use super::replay::replayed;
use super::world::World;
use super::{Subject, outside};
use crate::interface::{Batch, Decided, Decision, ListEntry, ListQuery, Refusal};

const KEYS: [&str; 4] = ["a", "a/b", "b", "c"];
const STEPS: usize = 250;
const SEEDS: u64 = 6;

pub async fn random_histories_follow_the_model_and_replay_in_any_order<C: Subject>(fresh: impl AsyncFn() -> C) {
    for seed in 0..SEEDS {
        let mut history = History::new(World::new(fresh().await).await, seed);
        for step in 0..STEPS {
            history.step().await;
            if step % 10 == 0 {
                history.compare().await;
            }
        }
        while history.show_some(EAST).await || history.show_some(WEST).await {}
        history.compare().await;
        history.check_nothing_is_held().await;
        let dump = history.world.catalog.dump().await;
        for _ in 0..3 {
            let order = history.shuffled();
            let again = replayed(fresh().await, &order).await;
            assert_eq!(again.dump().await, dump, "seed {seed}: replayed in another order");
        }
    }
}

/// What is shown, as records by number say.
#[derive(Default)]
struct Shown {
    objects: BTreeMap<ObjectKey, (Number, Version)>,
    uploads: BTreeMap<UploadId, Upload>,
}

#[derive(Clone)]
struct Upload {
    key: ObjectKey,
    /// Part number to the number its body was made with.
    parts: BTreeMap<u16, SegmentId>,
}

impl Shown {
    fn of(records: &BTreeMap<Number, Change>) -> Shown {
        let mut shown = Shown::default();
        for (number, change) in records {
            shown.apply(*number, change);
        }
        shown
    }

    fn apply(&mut self, number: Number, change: &Change) {
        match change {
            Change::ObjectPut { version, .. } => {
                self.objects.insert(version.key.clone(), (number, version.clone()));
            }
            Change::ObjectDeleted { key, .. } => {
                self.objects.remove(key);
            }
            Change::UploadStarted(upload) => {
                self.uploads.insert(upload.id, Upload { key: upload.key.clone(), parts: BTreeMap::new() });
            }
            Change::PartPut { upload, part, segments, .. } => {
                if let Some(upload) = self.uploads.get_mut(upload) {
                    upload.parts.insert(part.number, segments[0].id);
                }
            }
            Change::UploadCompleted { upload, version, .. } => {
                self.uploads.remove(upload);
                self.objects.insert(version.key.clone(), (number, version.clone()));
            }
            Change::UploadAborted { upload, .. } => {
                self.uploads.remove(upload);
            }
            other => panic!("the history makes no {other:?}"),
        }
    }

    fn segments(&self) -> BTreeSet<SegmentId> {
        let bodies = self.objects.values().flat_map(|(_, version)| &version.bodies);
        let parts = self.uploads.values().flat_map(|upload| upload.parts.values().copied());
        bodies.flat_map(|body| &body.extents).map(|extent| extent.segment).chain(parts).collect()
    }
}

struct History<C> {
    world: World<C>,
    seed: u64,
    outside: Outside,
    waiting: BTreeMap<StreamId, VecDeque<Decided>>,
    shown: BTreeMap<Number, Change>,
    /// Every upload there ever was, by its number.
    uploads: Vec<u64>,
}

impl<C: Subject> History<C> {
    fn new(world: World<C>, seed: u64) -> History<C> {
        let waiting = [(EAST, VecDeque::new()), (WEST, VecDeque::new())].into();
        History { world, seed, outside: outside(seed), waiting, shown: BTreeMap::new(), uploads: Vec::new() }
    }

    fn random(&self, below: usize) -> usize {
        let random = u64::from_le_bytes(self.outside.random());
        usize::try_from(random % u64::try_from(below).unwrap()).unwrap()
    }

    fn pick<T: Copy>(&self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.random(from.len())])
    }

    async fn step(&mut self) {
        let stream = [EAST, WEST][self.random(2)];
        if self.random(3) == 0 {
            self.show_some(stream).await;
            return;
        }
        let change = self.any_change();
        let condition = match self.random(5) {
            0 => Precondition::Absent,
            1 => Precondition::Present,
            2 => self.any_match(),
            _ => Precondition::None,
        };
        let expected = self.expect(&change, &condition);
        let decision = self.world.decide(stream, under(condition.clone(), change.clone())).await;
        let found = match &decision {
            Decision::Decided(_) => Expected::Decided,
            Decision::Refused(refusal) => Expected::Refused(refusal.clone()),
            Decision::Behind(number) => Expected::Behind(*number),
        };
        assert_eq!(found, expected, "seed {}: {change:?} under {condition:?}", self.seed);
        if let Decision::Decided(decided) = decision {
            self.waiting.get_mut(&stream).unwrap().push_back(decided);
        }
    }

    fn any_match(&self) -> Precondition {
        let shown = Shown::of(&self.shown);
        let etags: Vec<_> = shown.objects.values().map(|(_, version)| version.etag.clone()).collect();
        match etags.get(self.random(etags.len() + 1)) {
            Some(etag) => Precondition::Matches(etag.clone()),
            None => Precondition::Matches(make::etag(0)),
        }
    }

    fn any_change(&mut self) -> Change {
        let key = KEYS[self.random(KEYS.len())];
        let recent = self.uploads.len().saturating_sub(3);
        let upload = self.pick(&self.uploads[recent..]);
        match (self.random(10), upload) {
            (0..=2, _) => self.world.any_put(key),
            (3, _) => self.world.delete(key),
            (4, _) | (_, None) => {
                let upload = self.world.fresh();
                self.uploads.push(upload);
                self.world.start(upload, key)
            }
            (5..=7, Some(upload)) => {
                let number = [1, 2, 3][self.random(3)];
                self.world.part(upload, number, self.world.fresh())
            }
            (8, Some(upload)) => self.world.abort(upload),
            (_, Some(upload)) => self.completion(upload),
        }
    }

    /// With the parts shown now, sometimes with one that never was.
    fn completion(&self, upload: u64) -> Change {
        let shown = Shown::of(&self.shown);
        let found = shown.uploads.get(&UploadId(id(upload))).cloned();
        let key = found.as_ref().map_or("a", |upload| upload.key.as_str());
        let number = |segment: &SegmentId| u64::from_be_bytes(segment.0[..8].try_into().unwrap());
        let mut parts: Vec<u64> = found.iter().flat_map(|upload| upload.parts.values().map(number)).collect();
        match self.random(4) {
            0 => parts.push(self.world.fresh()),
            1 => parts.truncate(1),
            _ => {}
        }
        self.world.complete(upload, key, &parts)
    }

    /// The rules, said once more in the simplest way.
    fn expect(&self, change: &Change, condition: &Precondition) -> Expected {
        let shown = Shown::of(&self.shown);
        let waiting = || self.waiting.values().flatten().map(|decided| &decided.record);
        let newest = |touches: &dyn Fn(&Change) -> bool| {
            waiting().filter(|record| touches(&record.change)).map(|record| record.number).max()
        };
        let mut waits = None;
        let mut refusal = None;
        if let Some(upload) = upload_of(change).filter(|_| !matches!(change, Change::UploadStarted(_))) {
            let completes = matches!(change, Change::UploadCompleted { .. });
            waits = newest(&|other| {
                upload_of(other) == Some(upload) && (completes || !matches!(other, Change::PartPut { .. }))
            });
            refusal = match (shown.uploads.get(&upload), change) {
                (None, _) => Some(Refusal::NoSuchUpload),
                (Some(upload), Change::UploadCompleted { version, .. }) => {
                    let parts: BTreeSet<_> = upload.parts.values().copied().collect();
                    let bodies = version.bodies.iter().map(|body| body.extents[0].segment);
                    (!bodies.collect::<BTreeSet<_>>().is_subset(&parts)).then_some(Refusal::PartsChanged)
                }
                (Some(_), _) => None,
            };
        }
        match (waits, refusal) {
            (Some(number), _) => return Expected::Behind(number),
            (None, Some(refusal)) => return Expected::Refused(refusal),
            (None, None) => {}
        }
        let Some(key) = key_of(change).filter(|_| *condition != Precondition::None) else { return Expected::Decided };
        if let Some(number) = newest(&|other| key_of(other) == Some(key)) {
            return Expected::Behind(number);
        }
        match condition.check(shown.objects.get(key).map(|(_, version)| (&version.etag, version.id))) {
            Ok(()) => Expected::Decided,
            Err(unmet) => Expected::Refused(Refusal::Unmet(unmet)),
        }
    }

    /// Shows the first few waiting records of the stream; `false` when there are none.
    async fn show_some(&mut self, stream: StreamId) -> bool {
        let count = self.waiting[&stream].len().min(1 + self.random(4));
        let decided: Vec<Decided> = self.waiting.get_mut(&stream).unwrap().drain(..count).collect();
        if decided.is_empty() {
            return false;
        }
        self.world.show(stream, &decided).await;
        self.shown.extend(decided.into_iter().map(|decided| (decided.record.number, decided.record.change)));
        true
    }

    async fn compare(&self) {
        let seed = self.seed;
        let shown = Shown::of(&self.shown);
        let query = ListQuery { limit: 100, ..ListQuery::default() };
        let page = self.world.catalog.list(self.world.bucket.id, query).await.unwrap();
        let listed: Vec<_> = page
            .entries
            .into_iter()
            .map(|entry| match entry {
                ListEntry::Item(summary) => (summary.key, summary.etag),
                ListEntry::Prefix(prefix) => panic!("seed {seed}: no delimiter, but `{prefix}`"),
            })
            .collect();
        let expected: Vec<_> =
            shown.objects.iter().map(|(key, (_, version))| (key.clone(), version.etag.clone())).collect();
        assert_eq!(listed, expected, "seed {seed}");
        for key in KEYS {
            let found = self.world.object(key).await.map(|object| (object.number, object.version));
            assert_eq!(found.as_ref(), shown.objects.get(&make::key(key)), "seed {seed}: `{key}`");
        }
        for upload in self.uploads.iter().map(|n| UploadId(id(*n))) {
            let found = self.world.catalog.upload(self.world.bucket.id, upload).await.unwrap();
            assert_eq!(found.map(|found| found.key), shown.uploads.get(&upload).map(|upload| upload.key.clone()));
            let parts = self.world.catalog.parts(upload, 0, 100).await.unwrap();
            let parts: BTreeMap<_, _> = parts.iter().map(|part| (part.number, part.body.extents[0].segment)).collect();
            let expected = shown.uploads.get(&upload).map(|upload| upload.parts.clone()).unwrap_or_default();
            assert_eq!(parts, expected, "seed {seed}: parts of {upload}");
        }
    }

    /// With everything shown, a data segment is known exactly when something lies in it.
    async fn check_nothing_is_held(&self) {
        let held = Shown::of(&self.shown).segments();
        let totals = self.world.catalog.totals().await.unwrap();
        assert_eq!(totals.unshown, 0);
        let journal = self.world.batches().len();
        assert_eq!(totals.segments, u64::try_from(held.len() + journal).unwrap(), "seed {}", self.seed);
        for segment in held {
            assert!(self.world.catalog.segment(segment).await.unwrap().is_some(), "seed {}", self.seed);
        }
    }

    /// The batches in another order that keeps that of each stream; control comes first.
    fn shuffled(&self) -> Vec<Batch> {
        let (mut order, data): (Vec<Batch>, Vec<Batch>) =
            self.world.batches().into_iter().partition(|batch| batch.stream == CONTROL);
        let (mut east, mut west): (VecDeque<_>, VecDeque<_>) = data.into_iter().partition(|batch| batch.stream == EAST);
        while !east.is_empty() || !west.is_empty() {
            let from = if west.is_empty() || (self.random(2) == 0 && !east.is_empty()) { &mut east } else { &mut west };
            let run = from.len().min(1 + self.random(8));
            order.extend(from.drain(..run));
        }
        order
    }
}

#[derive(Debug, PartialEq)]
enum Expected {
    Decided,
    Refused(Refusal),
    Behind(Number),
}

fn key_of(change: &Change) -> Option<&ObjectKey> {
    match change {
        Change::ObjectPut { version, .. } | Change::UploadCompleted { version, .. } => Some(&version.key),
        Change::ObjectDeleted { key, .. } => Some(key),
        _ => None,
    }
}

fn upload_of(change: &Change) -> Option<UploadId> {
    match change {
        Change::UploadStarted(upload) => Some(upload.id),
        Change::PartPut { upload, .. }
        | Change::UploadCompleted { upload, .. }
        | Change::UploadAborted { upload, .. } => Some(*upload),
        _ => None,
    }
}
