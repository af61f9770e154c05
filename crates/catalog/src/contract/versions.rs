//! Versions, markers, what is said of them, and copies: by sentences, and at random against the
//! simplest model of what they mean.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::condition::Unmet;
use model::{
    BucketSetting, Change, DefaultRetention, ETag, Governance, Lock, LockMode, Marker, Number, ObjectKey, ObjectLock,
    Outside, Period, Precondition, Retention, SegmentId, Slot, Source, StreamId, Tags, Timestamp, Version, VersionId,
    VersionSetting, Versioning, Which,
};

use super::make::{self, EAST, NOW, WEST, id, proposal, under};
use super::replay::{check_every_order, replayed};
use super::world::World;
use super::{Subject, outside};
use crate::interface::{
    Batch, Decided, Decision, Entry, ListEntry, ListQuery, Object, Proposal, Refusal, VersionKind, VersionSummary,
};

async fn tell<C: Subject>(world: &World<C>, setting: BucketSetting) {
    world.run(EAST, Change::BucketSet { bucket: world.bucket.id, setting }).await;
}

async fn keep<C: Subject>(world: &World<C>, versioning: Versioning) {
    tell(world, BucketSetting::Versioning(versioning)).await;
}

fn marker<C: Subject>(world: &World<C>, n: u64, key: &str) -> Change {
    let marker = Marker { id: VersionId(id(n)), key: make::key(key), slot: Slot::Null, modified: NOW };
    Change::MarkerPut { bucket: world.bucket.id, marker }
}

fn remove<C: Subject>(world: &World<C>, n: u64, key: &str, slot: Slot) -> Change {
    let (key, version) = (make::key(key), VersionId(id(n)));
    Change::VersionDeleted { bucket: world.bucket.id, key, version, slot }
}

fn say<C: Subject>(world: &World<C>, n: u64, key: &str, setting: VersionSetting) -> Change {
    let (key, version) = (make::key(key), VersionId(id(n)));
    Change::VersionSet { bucket: world.bucket.id, key, version, setting }
}

fn tags(text: &str) -> Tags {
    Tags([("t".to_owned(), text.to_owned())].into())
}

/// A copy of what is at a key now.
fn copy<C: Subject>(world: &World<C>, n: u64, from: &Object, to: &str) -> Change {
    let version = Version { id: VersionId(id(n)), key: make::key(to), ..from.version.clone() };
    let source = Source { bucket: world.bucket.id, key: from.version.key.clone(), version: from.version.id };
    Change::ObjectCopied { bucket: world.bucket.id, version, source }
}

async fn all<C: Subject>(world: &World<C>) -> Vec<VersionSummary> {
    let query = ListQuery { limit: 1000, ..ListQuery::default() };
    let page = world.catalog.versions(world.bucket.id, query, None).await.unwrap();
    let item = |entry| match entry {
        ListEntry::Item(item) => Some(item),
        ListEntry::Prefix(_) => None,
    };
    page.entries.into_iter().filter_map(item).collect()
}

/// `key number slot marker newest`, as a listing tells them.
async fn shown<C: Subject>(world: &World<C>) -> Vec<String> {
    let line = |version: VersionSummary| {
        let number = u64::from_be_bytes(version.id.0[..8].try_into().unwrap());
        let slot = if version.slot == Slot::Null { "null" } else { "own" };
        let marker = if version.kind == VersionKind::Marker { " marker" } else { "" };
        let newest = if version.newest { " newest" } else { "" };
        format!("{} {number} {slot}{marker}{newest}", version.key)
    };
    all(world).await.into_iter().map(line).collect()
}

async fn check<C: Subject>(world: &World<C>, expected: &[&str]) {
    assert_eq!(shown(world).await, expected);
}

async fn find<C: Subject>(world: &World<C>, key: &str, which: Which) -> Option<Entry> {
    world.catalog.find(world.bucket.id, &make::key(key), which).await.unwrap()
}

pub async fn what_a_put_replaces_follows_from_its_bucket<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    world.run(EAST, world.put(1, "a")).await;
    world.run(EAST, world.put(2, "a")).await;
    check(&world, &["a 2 null newest"]).await;
    keep(&world, Versioning::Enabled).await;
    world.run(EAST, world.put(3, "a")).await;
    world.run(EAST, world.put(4, "a")).await;
    check(&world, &["a 4 own newest", "a 3 own", "a 2 null"]).await;
    keep(&world, Versioning::Suspended).await;
    world.run(EAST, world.put(5, "a")).await;
    check(&world, &["a 5 null newest", "a 4 own", "a 3 own"]).await;
    assert_eq!(world.object("a").await.unwrap().version.etag, make::etag(5));
    let Some(Entry::Object(third)) = find(&world, "a", Which::Own(VersionId(id(3)))).await else {
        panic!("it is there")
    };
    assert_eq!((third.version.etag, third.versioning), (make::etag(3), Versioning::Suspended));
    assert!(
        matches!(find(&world, "a", Which::Null).await, Some(Entry::Object(object)) if object.version.etag == make::etag(5))
    );
    assert_eq!(find(&world, "a", Which::Own(VersionId(id(5)))).await, None, "a null version has no id");
    assert_eq!(world.catalog.totals().await.unwrap().objects, 1);
    check_every_order(&world, &fresh).await;
}

pub async fn what_a_deletion_leaves_follows_from_its_bucket<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    world.run(EAST, world.put(1, "a")).await;
    let decided = world.decided(EAST, proposal(marker(&world, 2, "a"))).await;
    assert_eq!(decided.record.change, world.delete("a"), "without versions nothing is left");
    world.show(EAST, &[decided]).await;
    check(&world, &[]).await;
    keep(&world, Versioning::Enabled).await;
    world.run(EAST, world.put(3, "a")).await;
    world.run(EAST, marker(&world, 4, "a")).await;
    check(&world, &["a 4 own marker newest", "a 3 own"]).await;
    assert_eq!(world.object("a").await, None);
    assert!(world.keys().await.is_empty());
    keep(&world, Versioning::Suspended).await;
    world.run(EAST, world.put(5, "a")).await;
    world.run(EAST, marker(&world, 6, "a")).await;
    check(&world, &["a 6 null marker newest", "a 4 own marker", "a 3 own"]).await;
    assert!(
        matches!(find(&world, "a", Which::Current).await, Some(Entry::Marker(marker)) if marker.id == VersionId(id(6)))
    );
    check_every_order(&world, &fresh).await;
}

pub async fn a_version_that_goes_brings_the_one_before_it_back<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    keep(&world, Versioning::Enabled).await;
    world.run(EAST, world.put(1, "a")).await;
    world.run(EAST, world.put(2, "a")).await;
    world.run(EAST, marker(&world, 3, "a")).await;
    world.run(WEST, remove(&world, 3, "a", Slot::Own)).await;
    assert_eq!(world.object("a").await.unwrap().version.etag, make::etag(2));
    world.run(EAST, remove(&world, 2, "a", Slot::Own)).await;
    check(&world, &["a 1 own newest"]).await;
    assert_eq!(world.keys().await.len(), 1);
    assert_eq!(world.refused(proposal(remove(&world, 2, "a", Slot::Own))).await, Refusal::NoSuchVersion);
    assert_eq!(world.refused(proposal(world.delete_bucket())).await, Refusal::BucketNotEmpty);
    world.run(EAST, remove(&world, 1, "a", Slot::Own)).await;
    let journal = u64::try_from(world.batches().len()).unwrap();
    assert_eq!(world.catalog.totals().await.unwrap().segments, journal, "nothing lies anywhere any more");
    check_every_order(&world, &fresh).await;
}

pub async fn a_bucket_with_nothing_but_a_marker_stays<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    keep(&world, Versioning::Enabled).await;
    world.run(EAST, marker(&world, 1, "a")).await;
    assert_eq!(world.refused(proposal(world.delete_bucket())).await, Refusal::BucketNotEmpty);
}

pub async fn conditions_take_a_marker_for_nothing<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    keep(&world, Versioning::Enabled).await;
    world.run(EAST, world.put(1, "a")).await;
    let is = |n| Precondition::Is(VersionId(id(n)));
    world.run(EAST, world.put(2, "a")).await;
    assert_eq!(world.refused(under(is(1), marker(&world, 9, "a"))).await, Refusal::Unmet(Unmet::Failed));
    assert_eq!(world.refused(under(is(1), world.put(9, "b"))).await, Refusal::Unmet(Unmet::NoSuchKey));
    let deleted = world.decided(EAST, under(is(2), marker(&world, 3, "a"))).await;
    world.show(EAST, &[deleted]).await;
    assert_eq!(world.refused(under(Precondition::Present, world.put(9, "a"))).await, Refusal::Unmet(Unmet::NoSuchKey));
    world.decided(EAST, under(Precondition::Absent, world.put(4, "a"))).await;
}

pub async fn puts_wait_for_unshown_settings_of_their_bucket<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let setting = BucketSetting::Versioning(Versioning::Enabled);
    let told = world.decided(EAST, proposal(Change::BucketSet { bucket: world.bucket.id, setting })).await;
    for change in [world.put(1, "a"), marker(&world, 2, "a")] {
        assert_eq!(world.behind(proposal(change)).await, told.record.number);
    }
}

pub async fn what_is_said_of_a_version_stays_with_it<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    keep(&world, Versioning::Enabled).await;
    world.run(EAST, world.put(1, "a")).await;
    world.run(WEST, say(&world, 1, "a", VersionSetting::Tags(tags("x")))).await;
    world.run(EAST, say(&world, 1, "a", VersionSetting::Tags(tags("y")))).await;
    world.run(EAST, world.put(2, "a")).await;
    let tags_of = async |n| match find(&world, "a", Which::Own(VersionId(id(n)))).await {
        Some(Entry::Object(object)) => object.version.tags,
        other => panic!("{other:?}"),
    };
    assert_eq!((tags_of(1).await, tags_of(2).await), (tags("y"), Tags::default()));
    let other = proposal(say(&world, 9, "a", VersionSetting::Tags(tags("z"))));
    assert_eq!(world.refused(other).await, Refusal::NoSuchVersion);
    world.run(EAST, marker(&world, 3, "a")).await;
    let marked = proposal(say(&world, 3, "a", VersionSetting::Tags(tags("z"))));
    assert_eq!(world.refused(marked).await, Refusal::IsMarker);
    check_every_order(&world, &fresh).await;
    world.run(EAST, remove(&world, 1, "a", Slot::Own)).await;
    check_every_order(&world, &fresh).await;
}

fn until(mode: LockMode, ms: i64) -> Retention {
    Retention { mode, until: Timestamp(NOW.0 + ms) }
}

pub async fn a_lock_is_judged_when_it_is_decided<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let locked = |n, lock| match world.put(n, "a") {
        Change::ObjectPut { bucket, mut version, segments } => {
            version.lock = lock;
            Change::ObjectPut { bucket, version, segments }
        }
        other => other,
    };
    let governed = Lock { retention: Some(until(LockMode::Governance, 100)), legal_hold: false };
    assert_eq!(world.refused(proposal(locked(1, governed))).await, Refusal::NoObjectLock);
    let lock = BucketSetting::ObjectLock(ObjectLock::On { default: None });
    let on = || proposal(Change::BucketSet { bucket: world.bucket.id, setting: lock.clone() });
    assert_eq!(world.refused(on()).await, Refusal::LockNeedsVersions);
    keep(&world, Versioning::Enabled).await;
    tell(&world, lock.clone()).await;
    for (setting, refusal) in [
        (BucketSetting::Versioning(Versioning::Suspended), Refusal::LockNeedsVersions),
        (BucketSetting::ObjectLock(ObjectLock::Off), Refusal::LockStays),
    ] {
        let change = Change::BucketSet { bucket: world.bucket.id, setting };
        assert_eq!(world.refused(proposal(change)).await, refusal);
    }
    world.run(EAST, locked(2, governed)).await;
    let removal = || proposal(remove(&world, 2, "a", Slot::Own));
    assert_eq!(world.refused(removal()).await, Refusal::Locked);
    let later = Timestamp(NOW.0 + 100);
    let decision = world.catalog.decide(EAST, later, vec![removal()]).await.unwrap().remove(0);
    let Decision::Decided(decided) = decision else { panic!("it is over: {decision:?}") };
    world.show(EAST, &[decided]).await;
    world.run(EAST, locked(3, governed)).await;
    let bypassed = Proposal { governance: Governance::Bypassed, ..proposal(remove(&world, 3, "a", Slot::Own)) };
    let decided = world.decided(EAST, bypassed).await;
    world.show(EAST, &[decided]).await;
    // A default counts from the decision; compliance is shortened by nobody.
    let default = DefaultRetention { mode: LockMode::Compliance, period: Period::Days(1) };
    tell(&world, BucketSetting::ObjectLock(ObjectLock::On { default: Some(default) })).await;
    world.run(EAST, world.put(4, "a")).await;
    let kept = world.object("a").await.unwrap().version.lock.retention;
    assert_eq!(kept, Some(until(LockMode::Compliance, 24 * 3600 * 1000)));
    for retention in
        [None, Some(until(LockMode::Compliance, 5)), Some(until(LockMode::Governance, i64::from(i32::MAX)))]
    {
        let change = say(&world, 4, "a", VersionSetting::Retention(retention));
        let shorter = Proposal { governance: Governance::Bypassed, ..proposal(change) };
        assert_eq!(world.refused(shorter).await, Refusal::Locked);
    }
    // A legal hold stands beside it, and a marker may always come in front.
    world.run(EAST, say(&world, 4, "a", VersionSetting::LegalHold(true))).await;
    let past = Timestamp(NOW.0 + 48 * 3600 * 1000);
    let held = proposal(remove(&world, 4, "a", Slot::Own));
    let decision = world.catalog.decide(EAST, past, vec![held]).await.unwrap().remove(0);
    assert!(matches!(decision, Decision::Refused(Refusal::Locked)), "{decision:?}");
    world.run(EAST, marker(&world, 5, "a")).await;
    check(&world, &["a 5 own marker newest", "a 4 own"]).await;
}

pub async fn a_copy_holds_what_it_shares<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    world.run(EAST, world.put(1, "a")).await;
    let from = world.object("a").await.unwrap();
    world.run(EAST, copy(&world, 2, &from, "b")).await;
    world.run(EAST, world.delete("a")).await;
    assert_eq!(world.object("b").await.unwrap().segments, from.segments);
    assert_eq!(world.refused(proposal(copy(&world, 3, &from, "c"))).await, Refusal::SourceGone);
    // A deletion that is decided and not shown would free what the copy needs.
    let again = world.object("b").await.unwrap();
    let deleted = world.decided(EAST, proposal(world.delete("b"))).await;
    assert_eq!(world.behind(proposal(copy(&world, 4, &again, "c"))).await, deleted.record.number);
    world.show(EAST, &[deleted]).await;
    let journal = u64::try_from(world.batches().len()).unwrap();
    assert_eq!(world.catalog.totals().await.unwrap().segments, journal);
    check_every_order(&world, &fresh).await;
}

pub async fn a_copy_lies_where_its_source_was_replayed_from<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let riding = Change::ObjectPut {
        bucket: world.bucket.id,
        version: make::version(1, &make::key("a"), vec![make::riding(1, 4)]),
        segments: Vec::new(),
    };
    let put = world.decided(EAST, make::carrying(b"tiny", riding)).await;
    world.show(EAST, std::slice::from_ref(&put)).await;
    let from = world.object("a").await.unwrap();
    world.run(EAST, copy(&world, 2, &from, "b")).await;
    world.run(EAST, world.delete("a")).await;
    // The source's batch lies at the sites twice: the older catalog meets the abandoned attempt.
    let attempt = world.batch(EAST, std::slice::from_ref(&put));
    let mut batches = world.batches();
    let stood = from.segments[0].id;
    *batches.iter_mut().find(|batch| batch.segment.id == stood).unwrap() = attempt.clone();
    let older = World::over(replayed(fresh().await, &batches).await);
    let copied = older.object("b").await.unwrap();
    assert_eq!(copied.version.bodies[0].extents, [attempt.records[0].extent.unwrap()]);
    assert_eq!(copied.segments, [attempt.segment]);
}

pub async fn pages_of_versions_join_without_gap_or_repetition<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    keep(&world, Versioning::Enabled).await;
    for n in 1..=12 {
        world.run(EAST, world.put(n, ["a", "a/x", "b"][usize::try_from(n % 3).unwrap()])).await;
    }
    world.run(EAST, marker(&world, 13, "a/x")).await;
    let whole = all(&world).await;
    for limit in 1..=5 {
        let (mut seen, mut after, mut which) = (Vec::new(), None, None);
        loop {
            let query = ListQuery { after: after.clone(), limit, ..ListQuery::default() };
            let page = world.catalog.versions(world.bucket.id, query, which).await.unwrap();
            for entry in page.entries {
                let ListEntry::Item(item) = entry else { panic!("no delimiter") };
                (after, which) = (Some(item.key.to_string()), Some(Which::of(item.slot, item.id)));
                seen.push(item);
            }
            if !page.more {
                break;
            }
        }
        assert_eq!(seen, whole, "by {limit}");
    }
    let query = ListQuery { delimiter: Some("/".to_owned()), limit: 100, ..ListQuery::default() };
    let page = world.catalog.versions(world.bucket.id, query.clone(), None).await.unwrap();
    assert_eq!(page.entries.iter().filter(|entry| matches!(entry, ListEntry::Prefix(p) if p == "a/")).count(), 1);
    // Who deletes page by page misses none: behind one that is gone come all that are left of its key.
    let first = whole[0].clone();
    world.run(EAST, remove(&world, u64::from_be_bytes(first.id.0[..8].try_into().unwrap()), "a", Slot::Own)).await;
    let query = ListQuery { after: Some("a".to_owned()), limit: 100, ..ListQuery::default() };
    let page = world.catalog.versions(world.bucket.id, query, Some(Which::Own(first.id))).await.unwrap();
    assert_eq!(page.entries.len(), whole.len() - 1);
}

const KEYS: [&str; 3] = ["a", "a/b", "c"];
const STEPS: usize = 200;
const SEEDS: u64 = 6;

pub async fn random_version_histories_follow_the_model_and_replay_in_any_order<C: Subject>(fresh: impl AsyncFn() -> C) {
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
            let again = replayed(fresh().await, &history.shuffled()).await;
            assert_eq!(again.dump().await, dump, "seed {seed}: replayed in another order");
        }
    }
}

/// A version or marker in the simplest model: a key's are in the order of their numbers.
#[derive(Clone, Debug)]
struct Kept {
    id: VersionId,
    slot: Slot,
    version: Option<Version>,
}

type Model = BTreeMap<ObjectKey, Vec<Kept>>;

fn apply(model: &mut Model, change: &Change) {
    let mut keep = |key: &ObjectKey, new: Kept| {
        let of_key = model.entry(key.clone()).or_default();
        of_key.retain(|kept| new.slot == Slot::Own || kept.slot == Slot::Own);
        of_key.push(new);
    };
    match change {
        Change::ObjectPut { version, .. } | Change::ObjectCopied { version, .. } => {
            keep(&version.key, Kept { id: version.id, slot: version.slot, version: Some(version.clone()) });
        }
        Change::MarkerPut { marker, .. } => keep(&marker.key, Kept { id: marker.id, slot: marker.slot, version: None }),
        Change::ObjectDeleted { key, .. } => {
            model.entry(key.clone()).or_default().retain(|kept| kept.slot == Slot::Own);
        }
        Change::VersionDeleted { key, version, .. } => {
            model.entry(key.clone()).or_default().retain(|kept| kept.id != *version);
        }
        Change::VersionSet { key, version, setting, .. } => {
            let found = model.entry(key.clone()).or_default().iter_mut().find(|kept| kept.id == *version);
            if let Some(Kept { version: Some(version), .. }) = found {
                setting.clone().put_on(version);
            }
        }
        _ => {}
    }
}

struct History<C> {
    world: World<C>,
    seed: u64,
    outside: Outside,
    waiting: BTreeMap<StreamId, VecDeque<Decided>>,
    shown: BTreeMap<Number, Change>,
}

impl<C: Subject> History<C> {
    fn new(world: World<C>, seed: u64) -> History<C> {
        let waiting = [(EAST, VecDeque::new()), (WEST, VecDeque::new())].into();
        History { world, seed, outside: outside(seed), waiting, shown: BTreeMap::new() }
    }

    fn random(&self, below: usize) -> usize {
        let random = u64::from_le_bytes(self.outside.random());
        usize::try_from(random % u64::try_from(below).unwrap()).unwrap()
    }

    fn model(&self) -> Model {
        let mut model = Model::new();
        self.shown.values().for_each(|change| apply(&mut model, change));
        model
    }

    async fn step(&mut self) {
        let stream = [EAST, WEST][self.random(2)];
        if self.random(3) == 0 {
            self.show_some(stream).await;
            return;
        }
        let change = self.any_change().await;
        // What waits or is refused is judged by the sentences above; here it just does not happen.
        if let Decision::Decided(decided) = self.world.decide(stream, proposal(change)).await {
            self.waiting.get_mut(&stream).unwrap().push_back(decided);
        }
    }

    async fn any_change(&self) -> Change {
        let (world, key) = (&self.world, KEYS[self.random(KEYS.len())]);
        let model = self.model();
        let of_key = model.get(&make::key(key)).filter(|of_key| !of_key.is_empty());
        let picked = of_key.map(|of_key| of_key[self.random(of_key.len())].clone());
        match (self.random(10), picked) {
            (0, _) => {
                let versioning = [Versioning::Enabled, Versioning::Enabled, Versioning::Suspended][self.random(3)];
                Change::BucketSet { bucket: world.bucket.id, setting: BucketSetting::Versioning(versioning) }
            }
            (1 | 2, _) => marker(world, world.fresh(), key),
            (3 | 4, Some(Kept { id, slot, .. })) => {
                let (key, bucket) = (make::key(key), world.bucket.id);
                Change::VersionDeleted { bucket, key, version: id, slot }
            }
            (5 | 6, Some(Kept { id, .. })) => {
                let setting = VersionSetting::Tags(tags(&world.fresh().to_string()));
                Change::VersionSet { bucket: world.bucket.id, key: make::key(key), version: id, setting }
            }
            (7, Some(Kept { id, slot, .. })) => match find(world, key, Which::of(slot, id)).await {
                Some(Entry::Object(object)) => copy(world, world.fresh(), &object, KEYS[self.random(KEYS.len())]),
                _ => world.any_put(key),
            },
            _ => world.any_put(key),
        }
    }

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
        let (seed, model) = (self.seed, self.model());
        let expected: Vec<(ObjectKey, VersionId, bool, bool)> = model
            .iter()
            .flat_map(|(key, of_key)| {
                let last = of_key.len();
                let one =
                    move |(at, kept): (usize, &Kept)| (key.clone(), kept.id, kept.version.is_none(), at + 1 == last);
                of_key.iter().enumerate().rev().map(one).collect::<Vec<_>>()
            })
            .collect();
        let found: Vec<_> = all(&self.world)
            .await
            .into_iter()
            .map(|version| (version.key, version.id, version.kind == VersionKind::Marker, version.newest))
            .collect();
        assert_eq!(found, expected, "seed {seed}");
        let current = model.values().filter_map(|of_key| of_key.last()?.version.as_ref());
        let current: Vec<(ObjectKey, ETag)> =
            current.map(|version| (version.key.clone(), version.etag.clone())).collect();
        let query = ListQuery { limit: 100, ..ListQuery::default() };
        let listed = self.world.catalog.list(self.world.bucket.id, query).await.unwrap().entries;
        let listed: Vec<_> = listed
            .into_iter()
            .filter_map(|entry| match entry {
                ListEntry::Item(object) => Some((object.key, object.etag)),
                ListEntry::Prefix(_) => None,
            })
            .collect();
        assert_eq!(listed, current, "seed {seed}");
        assert_eq!(self.world.catalog.totals().await.unwrap().objects, u64::try_from(current.len()).unwrap());
        for kept in model.values().flatten() {
            if let Some(version) = &kept.version {
                let found = find(&self.world, version.key.as_str(), Which::of(kept.slot, kept.id)).await;
                let found = found.map(|entry| match entry {
                    Entry::Object(object) => object.version,
                    Entry::Marker(marker) => panic!("seed {seed}: {marker:?}"),
                });
                assert_eq!(found.as_ref(), Some(version), "seed {seed}");
            }
        }
    }

    /// With everything shown, a data segment is known exactly when some version lies in it.
    async fn check_nothing_is_held(&self) {
        let model = self.model();
        let versions = model.values().flatten().filter_map(|kept| kept.version.as_ref());
        let held: BTreeSet<SegmentId> = versions
            .flat_map(|version| &version.bodies)
            .flat_map(|body| &body.extents)
            .map(|extent| extent.segment)
            .collect();
        let totals = self.world.catalog.totals().await.unwrap();
        let journal = self.world.batches().len();
        assert_eq!(totals.segments, u64::try_from(held.len() + journal).unwrap(), "seed {}", self.seed);
    }

    /// The batches in another order that keeps that of each stream; control comes first.
    fn shuffled(&self) -> Vec<Batch> {
        let (mut order, data): (Vec<Batch>, Vec<Batch>) =
            self.world.batches().into_iter().partition(|batch| batch.stream == make::CONTROL);
        let (mut east, mut west): (VecDeque<_>, VecDeque<_>) = data.into_iter().partition(|batch| batch.stream == EAST);
        while !east.is_empty() || !west.is_empty() {
            let from = if west.is_empty() || (self.random(2) == 0 && !east.is_empty()) { &mut east } else { &mut west };
            let run = from.len().min(1 + self.random(8));
            order.extend(from.drain(..run));
        }
        order
    }
}
