//! What no record names is deleted after its grace, and nothing else ever is: whatever holds a piece open,
//! whoever lies beside it, and whatever the wall clock says.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use crate::world::{self, Scratch, World, body, declared, noise, outside, settings};
use async_trait::async_trait;
use bytes::Bytes;
use catalog::SqliteCatalog;
use engine::{Body, Complete, CompletedPart, Engine, Error, Put, Settings, SiteParts, StartUpload, Written};
use futures::StreamExt;
use model::lifecycle::{Filter, FilterForm, Rule, RuleState};
use model::outside::Clock;
use model::{BucketName, BucketSetting, Label, Lifecycle, Outside, Precondition, Tags, Timestamp, UploadId};
use policy::{AbortUpload, DeleteObject, PutObject, SystemPermit, WriteSettings};
use providers::{Entry, ErrorKind, Store, marker};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const MIB: usize = 1 << 20;
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A grace of hours and days of an hour, with probes seldom enough that time passes quickly. A writer epoch
/// lasts a day all the same, or as long as its process.
fn keeping() -> Settings {
    let (sweep_after, sweep_every) = (3 * HOUR, HOUR / 2);
    Settings { sweep_after, sweep_every, lifecycle_day: HOUR, probe_every: HOUR / 6, ..settings() }
}

fn system() -> SystemPermit {
    SystemPermit::for_background_work()
}

impl World {
    /// Pieces of data segments at all sites; a segment has four.
    fn data_pieces(&self) -> usize {
        self.sites.count("/d/")
    }

    /// The process ends without a word, and another one begins.
    async fn crash(&mut self, background: JoinHandle<()>) -> JoinHandle<()> {
        background.abort();
        self.engine = world::open(&self.catalog, &self.sites, &self.outside, keeping()).await.unwrap();
        self.background()
    }

    /// An upload with one part of two MiB, which is a segment.
    async fn begin_upload(&self, key: &str, seed: u64) -> (UploadId, CompletedPart) {
        let upload = self.engine.start_upload(self.permit(key).await, StartUpload::default()).await.unwrap().id;
        let part = noise(seed, 2 * MIB);
        let permit = self.permit(key).await;
        let put = self.engine.put_part(permit, upload, 1, declared(part.len()), body(&part)).await.unwrap();
        (upload, CompletedPart { number: 1, etag: put.etag, checksum: None })
    }

    async fn delete_now(&self, key: &str) {
        self.engine.delete(self.permit::<DeleteObject>(key).await, Precondition::None).await.unwrap();
    }

    /// Uploads of keys that begin so are aborted when they are a day old.
    async fn expire_uploads(&self, prefix: &str) {
        let rule = Rule {
            id: "stale".to_owned(),
            state: RuleState::Enabled,
            filter: Filter {
                form: FilterForm::Filter,
                prefix: Some(prefix.to_owned()),
                tags: Tags::default(),
                larger_than: None,
                smaller_than: None,
            },
            expiration: None,
            noncurrent: None,
            abort_days: Some(1),
        };
        let bucket = self.engine.resolve(&self.session, &BucketName::parse("tea").unwrap()).await.unwrap().unwrap();
        let permit = policy::on_bucket::<WriteSettings>(&self.session, &bucket).unwrap();
        let setting = BucketSetting::Lifecycle(Lifecycle { rules: vec![rule] });
        self.engine.set_bucket_setting(permit, setting).await.unwrap();
    }

    /// A put of twenty MiB whose client falls silent before the last one, until told to go on. Its first two
    /// segments are at the sites by then.
    async fn stalled(&self, key: &str) -> Stalled {
        let bytes = noise(77, 20 * MIB);
        let (go_on, told) = oneshot::channel::<()>();
        let (first, last) = bytes.split_at(19 * MIB);
        let (first, last) = (body(first), Bytes::copy_from_slice(last));
        let rest = futures::stream::once(async move {
            let _ = told.await;
            Ok(last)
        });
        let stream: Body = Box::pin(first.chain(rest));
        let (engine, permit) = (self.engine.clone(), self.permit::<PutObject>(key).await);
        let put = Put { declared: declared(bytes.len()), ..Put::default() };
        let before = self.data_pieces();
        let outcome = tokio::spawn(async move { engine.put(permit, put, stream).await });
        tokio::time::sleep(HOUR / 60).await;
        assert_eq!(self.data_pieces(), before + 8, "two segments lie at the sites, and no record names them");
        Stalled { go_on, outcome, bytes }
    }
}

/// So little memory that a body is cut into segments of eight MiB or little more.
fn cramped() -> Settings {
    Settings { memory_budget_bytes: 40 * MIB, ..keeping() }
}

struct Stalled {
    go_on: oneshot::Sender<()>,
    outcome: JoinHandle<Result<Written, Error>>,
    bytes: Vec<u8>,
}

impl Stalled {
    async fn end(self) -> Result<Vec<u8>, Error> {
        self.go_on.send(()).unwrap();
        self.outcome.await.unwrap().map(|_| self.bytes)
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_keeps_its_parts_over_sweeps_and_a_crash_until_it_ends() {
    let mut world = World::with(1, keeping()).await;
    let mut background = world.background();
    world.put("replaced", &noise(0, 2 * MIB)).await.unwrap();
    let (kept, part) = world.begin_upload("kept", 1).await;
    let (aborted, _) = world.begin_upload("aborted", 2).await;
    world.begin_upload("stale/a", 3).await;
    world.put("replaced", b"small").await.unwrap();
    tokio::time::sleep(8 * HOUR).await;
    assert_eq!(world.data_pieces(), 16, "nothing goes while its epoch is open");
    background = world.crash(background).await;
    tokio::time::sleep(HOUR).await;
    assert_eq!(world.data_pieces(), 12, "the sweeps took what was replaced, and no more");
    assert_eq!(world.engine.gauges(&system()).await.unwrap().swept_pieces, 4);
    background = world.crash(background).await;
    tokio::time::sleep(8 * HOUR).await;
    assert_eq!(world.data_pieces(), 12, "after another crash as well");

    world.engine.abort_upload(world.permit::<AbortUpload>("aborted").await, aborted).await.unwrap();
    tokio::time::sleep(2 * HOUR).await;
    assert_eq!(world.data_pieces(), 12, "an end has its grace too");
    tokio::time::sleep(3 * HOUR).await;
    assert_eq!(world.data_pieces(), 8);
    world.expire_uploads("stale/").await;
    tokio::time::sleep(2 * HOUR).await;
    assert_eq!(world.data_pieces(), 8);
    tokio::time::sleep(3 * HOUR).await;
    assert_eq!(world.data_pieces(), 4);

    let complete = Complete { parts: vec![part], ..Complete::default() };
    world.engine.complete_upload(world.permit("kept").await, kept, complete).await.unwrap();
    tokio::time::sleep(8 * HOUR).await;
    assert_eq!(world.get("kept").await.unwrap(), noise(1, 2 * MIB));
    assert_eq!(world.data_pieces(), 4);
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn what_never_came_to_a_record_goes_after_the_grace_and_not_before() {
    let world = World::with(2, keeping()).await;
    let background = world.background();
    world.put("taken", b"first").await.unwrap();
    let refused =
        world::put_if(&world.engine, world.permit("taken").await, Precondition::Absent, &noise(1, 2 * MIB)).await;
    assert!(matches!(refused, Err(Error::PreconditionFailed)));
    world.sites.latency(Duration::from_secs(10));
    let (engine, permit) = (world.engine.clone(), world.permit::<PutObject>("given up").await);
    let client = tokio::spawn(async move { world::put(&engine, permit, &noise(2, 2 * MIB)).await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    client.abort();
    tokio::time::sleep(HOUR / 2).await;
    world.sites.latency(Duration::ZERO);
    assert_eq!(world.data_pieces(), 8, "uploads that began come to their end");
    // Their epoch is open for a day, and only then does the grace begin.
    tokio::time::sleep(26 * HOUR).await;
    assert_eq!(world.data_pieces(), 8);
    tokio::time::sleep(3 * HOUR).await;
    assert_eq!(world.data_pieces(), 0);
    assert_eq!(world.get("taken").await.unwrap(), "first");
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn a_put_that_stalls_past_its_day_loses_nothing_to_the_sweeps() {
    let mut world = World::with(3, cramped()).await;
    world.put("gone", &noise(1, 2 * MIB)).await.unwrap();
    world.delete_now("gone").await;
    world.engine = world::open(&world.catalog, &world.sites, &world.outside, cramped()).await.unwrap();
    let background = world.background();
    let stalled = world.stalled("slow").await;
    // Another epoch begins meanwhile, and the one of the put is not closed.
    tokio::time::sleep(DAY + 8 * HOUR).await;
    assert_eq!(world.data_pieces(), 8, "the sweeps took what was deleted before, and nothing of what is under way");
    let bytes = stalled.end().await.unwrap();
    tokio::time::sleep(8 * HOUR).await;
    assert_eq!(world.get("slow").await.unwrap(), bytes);
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn a_put_of_a_process_that_was_followed_by_another_is_refused() {
    for (wait, left) in [(HOUR, 8), (8 * HOUR, 0)] {
        let world = World::with(4, cramped()).await;
        let stalled = world.stalled("slow").await;
        let next = world::open(&world.catalog, &world.sites, &world.outside, cramped()).await.unwrap();
        let background = {
            let next = next.clone();
            tokio::spawn(async move { next.run_background(std::future::pending()).await })
        };
        tokio::time::sleep(wait).await;
        assert_eq!(world.data_pieces(), left, "after {wait:?}");
        let refused = stalled.end().await;
        assert!(matches!(&refused, Err(Error::Unavailable { .. })), "after {wait:?}: {:?}", refused.map(drop));
        let found = world::get(&next, world::permit(&next, &world.session, "slow").await).await;
        assert!(matches!(found, Err(Error::NoSuchKey)), "after {wait:?}");
        background.abort();
    }
}

/// A store that takes no journal pieces while it is told so.
struct NoJournal {
    store: Arc<dyn Store>,
    refuses: Arc<AtomicBool>,
}

#[async_trait]
impl Store for NoJournal {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), providers::Error> {
        if self.refuses.load(Ordering::Relaxed) && name.contains("/j/") {
            return Err(providers::Error::new(ErrorKind::Full, "no room for the journal"));
        }
        self.store.put_new(name, bytes).await
    }
    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, providers::Error> {
        self.store.get_range(name, range).await
    }
    async fn head(&self, name: &str) -> Result<u64, providers::Error> {
        self.store.head(name).await
    }
    async fn delete(&self, name: &str) -> Result<(), providers::Error> {
        self.store.delete(name).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, providers::Error> {
        self.store.list(prefix, after, limit).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_decided_and_waits_past_its_day_to_be_shown_keeps_its_pieces() {
    let world = World::with(5, keeping()).await;
    world.put("gone", &noise(1, 2 * MIB)).await.unwrap();
    world.delete_now("gone").await;
    let refuses = Arc::new(AtomicBool::new(false));
    let parts = around(world.sites.parts(), |store| Arc::new(NoJournal { store, refuses: Arc::clone(&refuses) }));
    let engine = world::open_over(&world.catalog, &world.sites, parts, &world.outside, keeping()).await.unwrap();
    let background = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.run_background(std::future::pending()).await })
    };
    refuses.store(true, Ordering::Relaxed);
    let bytes = noise(2, 2 * MIB);
    let permit = world::permit(&engine, &world.session, "waits").await;
    let unheard = world::put(&engine, permit, &bytes).await;
    assert!(matches!(unheard, Err(Error::Unavailable { .. })));
    assert_eq!(engine.status(&system()).await.unwrap().totals.unshown, 1, "it is decided");
    assert_eq!(world.data_pieces(), 8);
    // The client went, the epoch closed, and graces passed.
    tokio::time::sleep(DAY + 8 * HOUR).await;
    assert_eq!(world.data_pieces(), 4, "what was deleted is gone");
    refuses.store(false, Ordering::Relaxed);
    tokio::time::sleep(HOUR).await;
    let permit = world::permit(&engine, &world.session, "waits").await;
    assert_eq!(world::get(&engine, permit).await.unwrap(), bytes);
    background.abort();
}

fn around(parts: Vec<SiteParts>, wrap: impl Fn(Arc<dyn Store>) -> Arc<dyn Store>) -> Vec<SiteParts> {
    parts.into_iter().map(|part| SiteParts { store: wrap(Arc::clone(&part.store)), ..part }).collect()
}

/// A store whose listing begins anew each time.
struct Circling(Arc<dyn Store>);

#[async_trait]
impl Store for Circling {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), providers::Error> {
        self.0.put_new(name, bytes).await
    }
    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, providers::Error> {
        self.0.get_range(name, range).await
    }
    async fn head(&self, name: &str) -> Result<u64, providers::Error> {
        self.0.head(name).await
    }
    async fn delete(&self, name: &str) -> Result<(), providers::Error> {
        self.0.delete(name).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, providers::Error> {
        // Slow enough that a sweep that never ends is seen to.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let page = self.0.list(prefix, None, limit).await;
        if after.is_none() { page } else { page.map(|page| page.into_iter().take(3).collect()) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_comes_to_its_end_where_a_listing_goes_in_circles() {
    let world = World::with(8, keeping()).await;
    world.put("a", &noise(1, 2 * MIB)).await.unwrap();
    let parts = around(world.sites.parts(), |store| Arc::new(Circling(store)));
    let engine = world::open_over(&world.catalog, &world.sites, parts, &world.outside, keeping()).await.unwrap();
    let permit = system();
    let plan = tokio::time::timeout(HOUR, engine.plan_sweep(&permit)).await.expect("it goes on for ever").unwrap();
    assert!(plan.sites.is_empty());
}

/// A store that two enclaves take for their own: each sees its own marker, and everything else of both,
/// whatever prefix it lists.
struct Shared {
    store: Arc<dyn Store>,
    whose: &'static str,
    /// It looks empty while it is being claimed.
    claimed: Arc<AtomicBool>,
}

impl Shared {
    fn own(&self, name: &str) -> String {
        if name == marker::NAME { format!("{name}-{}", self.whose) } else { name.to_owned() }
    }
}

#[async_trait]
impl Store for Shared {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), providers::Error> {
        self.store.put_new(&self.own(name), bytes).await
    }
    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, providers::Error> {
        self.store.get_range(&self.own(name), range).await
    }
    async fn head(&self, name: &str) -> Result<u64, providers::Error> {
        self.store.head(&self.own(name)).await
    }
    async fn delete(&self, name: &str) -> Result<(), providers::Error> {
        self.store.delete(&self.own(name)).await
    }
    async fn list(&self, _: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, providers::Error> {
        if !self.claimed.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        self.store.list("", after, limit).await
    }
}

/// An enclave of its own over sites that may hold another's. It wrote two objects and deleted one of them.
async fn enclave_beside(world: &World, whose: &'static str, seed: u64) -> (Engine, model::Session, Scratch) {
    let claimed = Arc::new(AtomicBool::new(false));
    let wrap = |store| Arc::new(Shared { store, whose, claimed: Arc::clone(&claimed) }) as Arc<dyn Store>;
    let (scratch, outside) = (Scratch::new(), outside(seed));
    let catalog = Arc::new(SqliteCatalog::open(scratch.path().join("catalog"), outside.clone()).unwrap());
    let open =
        async || world::open_over(&catalog, &world.sites, around(world.sites.parts(), wrap), &outside, keeping()).await;
    let engine = open().await.unwrap();
    claimed.store(true, Ordering::Relaxed);
    let session = world::person(&engine, whose).await;
    let name = BucketName::parse("tea").unwrap();
    engine.create_bucket(policy::on_account(&session).unwrap(), name, None, Vec::new()).await.unwrap();
    let permit = async |key| world::permit::<PutObject>(&engine, &session, key).await;
    world::put(&engine, permit("kept").await, &noise(seed, 2 * MIB)).await.unwrap();
    world::put(&engine, permit("gone").await, &noise(seed + 1, 2 * MIB)).await.unwrap();
    let gone = world::permit::<DeleteObject>(&engine, &session, "gone").await;
    engine.delete(gone, Precondition::None).await.unwrap();
    // Another process: the epoch of what was written is closed.
    (open().await.unwrap(), session, scratch)
}

#[tokio::test(start_paused = true)]
async fn an_enclave_sweeps_nothing_of_one_that_lies_beside_it() {
    // A third one, whose settings name the same places, is told that they are taken.
    let world = World::with(6, keeping()).await;
    let (other, catalog) = (Scratch::new(), outside(66));
    let catalog = Arc::new(SqliteCatalog::open(other.path().join("catalog"), catalog).unwrap());
    let refused = world::open(&catalog, &world.sites, &world.outside, keeping()).await;
    assert!(refused.is_err(), "one place is claimed twice");

    let mut both = Vec::new();
    for (whose, seed) in [("mine", 60), ("theirs", 61)] {
        both.push(enclave_beside(&world, whose, seed).await);
    }
    let of = |engine: &Engine| {
        let engine = engine.clone();
        async move { format!("{}/d/", engine.status(&system()).await.unwrap().enclave) }
    };
    let (mine, theirs) = (of(&both[0].0).await, of(&both[1].0).await);
    assert_eq!((world.sites.count(&mine), world.sites.count(&theirs)), (8, 8));
    for (at, left) in [(0, (4, 8)), (1, (4, 4))] {
        let engine = both[at].0.clone();
        let background = tokio::spawn(async move { engine.run_background(std::future::pending()).await });
        tokio::time::sleep(8 * HOUR).await;
        background.abort();
        assert_eq!((world.sites.count(&mine), world.sites.count(&theirs)), left);
        let plan = both[at].0.plan_sweep(&system()).await.unwrap();
        assert_eq!((plan.sites.len(), plan.waiting), (0, 0), "it takes the other's pieces for its own");
    }
    for ((engine, session, _), seed) in both.iter().zip([60, 61]) {
        let permit = world::permit(engine, session, "kept").await;
        assert_eq!(world::get(engine, permit).await.unwrap(), noise(seed, 2 * MIB));
    }
}

/// A wall clock that is put forward and back.
struct Moved {
    clock: Arc<dyn Clock>,
    by_ms: AtomicI64,
}

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        Timestamp(self.clock.now().0 + self.by_ms.load(Ordering::Relaxed))
    }
    fn monotonic_ms(&self) -> u64 {
        self.clock.monotonic_ms()
    }
}

#[tokio::test(start_paused = true)]
async fn the_grace_is_running_time_whatever_the_clock_says_and_however_long_nothing_ran() {
    let outside = outside(7);
    let moved = Arc::new(Moved { clock: Arc::clone(&outside.clock), by_ms: AtomicI64::new(0) });
    let outside = Outside { clock: Arc::clone(&moved) as Arc<dyn Clock>, ..outside };
    let mut world = World::within(outside, keeping(), [Label::LOWEST; 4]).await;
    world.put("gone", &noise(1, 2 * MIB)).await.unwrap();
    world.delete_now("gone").await;
    // Another process: the epoch of these pieces is closed, and the first sweep finds them.
    let mut background = tokio::spawn(std::future::pending());
    for days in [10, -20, 400, -390] {
        background = world.crash(background).await;
        tokio::time::sleep(HOUR / 3).await;
        moved.by_ms.fetch_add(days * 24 * 3_600_000, Ordering::Relaxed);
        tokio::time::sleep(HOUR / 2).await;
        background.abort();
        assert_eq!(world.data_pieces(), 4, "no three hours have been run since they were found");
        tokio::time::sleep(3 * DAY).await;
    }
    background = world.crash(background).await;
    tokio::time::sleep(HOUR).await;
    assert_eq!(world.data_pieces(), 0, "by now they have");
    background.abort();
}
