//! One seeded life after another on virtual time: put, copy and delete, with versions kept or not, crash at a random call to the
//! outside, recover, compare; the same seed gives the same trace. The seed of the simulated world.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::world::{self, Scratch, noise, outside, person};
use async_trait::async_trait;
use bytes::Bytes;
use catalog::SqliteCatalog;
use coding::keys::RootKey;
use engine::{Copy, Engine, Error, Parts, SiteParts};
use model::outside::Blocking;
use model::{BucketName, BucketSetting, Outside, Precondition, Session, Vendor, VersionId, Versioning, Which};
use policy::{DeleteObject, GetObject, PutObject, SystemPermit, WriteSettings};
use providers::{Entry, MemoryStore, Store};
use tokio::sync::Notify;

/// What a power cut leaves running: nothing. Every call to the outside passes here; from the
/// crashing one on none has an effect any more.
#[derive(Default)]
struct Power {
    calls: AtomicU64,
    /// The call that does not come back; 0 while the power stays on.
    cut_at: AtomicU64,
    out: AtomicBool,
    cut: Notify,
    trace: Mutex<Vec<String>>,
}

impl Power {
    /// Whether the call may have its effect; tells it to the trace.
    fn on(&self, what: &str) -> bool {
        if self.out.load(Ordering::Relaxed) {
            return false;
        }
        self.trace.lock().unwrap().push(what.to_owned());
        if self.calls.fetch_add(1, Ordering::Relaxed) + 1 == self.cut_at.load(Ordering::Relaxed) {
            self.out.store(true, Ordering::Relaxed);
            self.cut.notify_one();
            return false;
        }
        true
    }

    /// As [`Power::on`], but a call without power never returns.
    async fn pass(&self, what: &str) {
        if !self.on(what) {
            std::future::pending::<()>().await;
        }
    }
}

/// A site whose every request may be the last: lost before its effect, or landed and never told.
struct PoweredStore {
    store: Arc<MemoryStore>,
    power: Arc<Power>,
    name: &'static str,
}

#[async_trait]
impl Store for PoweredStore {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), providers::Error> {
        self.power.pass(&format!("{} put {name} {}", self.name, blake3::hash(&bytes))).await;
        let done = self.store.put_new(name, bytes).await;
        self.power.pass("put landed").await;
        done
    }
    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, providers::Error> {
        self.power.pass(&format!("{} get {name} {range:?}", self.name)).await;
        self.store.get_range(name, range).await
    }
    async fn head(&self, name: &str) -> Result<u64, providers::Error> {
        self.power.pass(&format!("{} head {name}", self.name)).await;
        self.store.head(name).await
    }
    async fn delete(&self, name: &str) -> Result<(), providers::Error> {
        self.power.pass(&format!("{} delete {name}", self.name)).await;
        self.store.delete(name).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, providers::Error> {
        self.power.pass(&format!("{} list {prefix} {after:?}", self.name)).await;
        self.store.list(prefix, after, limit).await
    }
}

/// Blocking work is done at once, or, without power, never.
struct PoweredWork(Arc<Power>);

impl Blocking for PoweredWork {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        if self.0.on("work") {
            job();
        } else {
            // Whoever waits for it waits for ever, as behind a power cut.
            std::mem::forget(job);
        }
    }
}

/// What the clients of all lives know.
#[derive(Default)]
struct Known {
    session: Option<Session>,
    /// Acknowledged state, with the change that was under way when the power went, if any.
    objects: BTreeMap<String, Object>,
    /// Versions that were acknowledged; nobody removes one.
    versions: Vec<(String, VersionId, Vec<u8>)>,
}

impl Known {
    /// Another key that holds something for sure, and what.
    fn other_than(&self, key: &str) -> Option<(String, Vec<u8>)> {
        let sure = |(other, object): (&String, &Object)| Some((other.clone(), object.sure.clone()?));
        self.objects.iter().filter(|(other, _)| *other != key).find_map(sure)
    }
}

#[derive(Clone, Default)]
struct Object {
    sure: Option<Vec<u8>>,
    /// Either may be found: it was never acknowledged.
    maybe: Vec<Option<Vec<u8>>>,
}

struct Lives {
    seed: u64,
    scratch: Scratch,
    memories: Vec<Arc<MemoryStore>>,
    known: Arc<Mutex<Known>>,
    trace: Vec<String>,
}

impl Lives {
    fn new(seed: u64) -> Lives {
        let memories = (0..4).map(|_| Arc::new(MemoryStore::new())).collect();
        Lives { seed, scratch: Scratch::new(), memories, known: Arc::default(), trace: Vec::new() }
    }

    /// One life that ends at the given call, or well when `None`.
    fn live(&mut self, life: u64, cut_at: Option<u64>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let power = Arc::new(Power::default());
        power.cut_at.store(cut_at.unwrap_or(0), Ordering::Relaxed);
        runtime.block_on(async {
            let mut out = outside(self.seed.wrapping_mul(1000) + life);
            out.blocking = Arc::new(PoweredWork(Arc::clone(&power)));
            let life =
                a_life(self.scratch.path().join("catalog"), &self.memories, &power, out, &self.known, self.seed + life);
            tokio::select! {
                biased;
                () = power.cut.notified() => {}
                () = life => {}
            }
        });
        drop(runtime);
        self.trace.append(&mut power.trace.lock().unwrap());
    }
}

/// Opens, checks everything known, and changes things until it is done.
async fn a_life(
    path: std::path::PathBuf,
    memories: &[Arc<MemoryStore>],
    power: &Arc<Power>,
    outside: Outside,
    known: &Arc<Mutex<Known>>,
    seed: u64,
) {
    let catalog = Arc::new(SqliteCatalog::open(path, outside.clone()).unwrap());
    let site = |(store, vendor): (&Arc<MemoryStore>, Vendor)| SiteParts {
        name: vendor.name().to_owned(),
        vendor,
        region: "here".to_owned(),
        facts: model::SiteFacts::default(),
        store: Arc::new(PoweredStore { store: Arc::clone(store), power: Arc::clone(power), name: vendor.name() }),
    };
    let engine = Engine::open(Parts {
        catalog,
        sites: memories.iter().zip(Vendor::ALL).map(site).collect(),
        root: RootKey::from_bytes(world::ROOT),
        next_root: None,
        outside,
        settings: world::settings(),
        origins: Arc::new(providers::NoOrigins),
    })
    .await
    .unwrap();
    let background = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.run_background(std::future::pending()).await })
    };
    // Whoever is let in sees a state that only writes change.
    let system = SystemPermit::for_background_work();
    assert_eq!(engine.status(&system).await.unwrap().totals.unshown, 0, "what was decided is not shown");
    let session = known.lock().unwrap().session.clone();
    let session = match session {
        Some(session) => session,
        None => {
            // A first life may have been cut anywhere in here; the name may be taken already.
            let session = person(&engine, &format!("lyra-{seed}")).await;
            let name = BucketName::parse("tea").unwrap();
            match engine.create_bucket(policy::on_account(&session).unwrap(), name, None, Vec::new()).await {
                Ok(_) => known.lock().unwrap().session = Some(session.clone()),
                // Created in a life that did not see the answer, by someone now unknown.
                Err(Error::BucketExists(_)) => return,
                Err(error) => panic!("{error}"),
            }
            session
        }
    };
    if keeps_versions(seed) {
        let name = BucketName::parse("tea").unwrap();
        let bucket = engine.resolve(&session, &name).await.unwrap().unwrap();
        let permit = policy::on_bucket::<WriteSettings>(&session, &bucket).unwrap();
        let setting = BucketSetting::Versioning(Versioning::Enabled);
        engine.set_bucket_setting(permit, setting).await.unwrap();
    }
    check_all(&engine, &session, known).await;
    for step in 0..12_u64 {
        let key = format!("key-{}", noise(seed * 100 + step, 1)[0] % 6);
        let size = [10, 4096, 100_000, (1 << 20) + 5][usize::from(noise(seed * 100 + step, 2)[1] % 4)];
        // What is copied, and what with that the key will hold.
        let source = if step % 5 == 3 { known.lock().unwrap().other_than(&key) } else { None };
        let value = match &source {
            Some((_, value)) => Some(value.clone()),
            None => (step % 5 != 4).then(|| noise(seed * 100 + step, size)),
        };
        known.lock().unwrap().objects.entry(key.clone()).or_default().maybe.push(value.clone());
        let written = match (&source, &value) {
            (Some((from, _)), _) => {
                let from = world::permit::<GetObject>(&engine, &session, from).await;
                let to = world::permit::<PutObject>(&engine, &session, &key).await;
                Some(engine.copy(from, Which::Current, to, Copy::default()).await.unwrap().written)
            }
            (None, Some(value)) => {
                let permit = world::permit::<PutObject>(&engine, &session, &key).await;
                Some(world::put(&engine, permit, value).await.unwrap())
            }
            (None, None) => {
                let permit = world::permit::<DeleteObject>(&engine, &session, &key).await;
                engine.delete(permit, Precondition::None).await.unwrap();
                None
            }
        };
        if let (Some(id), Some(value)) = (written.and_then(|written| written.version), &value) {
            known.lock().unwrap().versions.push((key.clone(), id, value.clone()));
        }
        known.lock().unwrap().objects.insert(key, Object { sure: value, maybe: Vec::new() });
    }
    check_all(&engine, &session, known).await;
    engine.drain().await;
    background.abort();
}

/// Everything acknowledged is there bit for bit; what was under way is there whole or not at all.
async fn check_all(engine: &Engine, session: &Session, known: &Arc<Mutex<Known>>) {
    assert!(
        engine.credential(&session.access_key.clone().unwrap()).await.unwrap().is_some(),
        "the access key opens no more"
    );
    let objects = known.lock().unwrap().objects.clone();
    for (key, object) in objects {
        let permit = world::permit::<GetObject>(engine, session, &key).await;
        let found = match world::get(engine, permit).await {
            Ok(bytes) => Some(bytes.to_vec()),
            Err(Error::NoSuchKey | Error::IsMarker { .. }) => None,
            Err(error) => panic!("{key}: {error}"),
        };
        let possible = object.sure == found || object.maybe.contains(&found);
        assert!(possible, "{key} holds {:?} bytes, neither the old nor a new value", found.map(|found| found.len()));
        known.lock().unwrap().objects.insert(key, Object { sure: found, maybe: Vec::new() });
    }
    let versions = known.lock().unwrap().versions.clone();
    for (key, id, value) in versions {
        let permit = world::permit::<GetObject>(engine, session, &key).await;
        let found = engine.find_version(permit, Which::Own(id)).await.unwrap();
        assert_eq!(world::whole(found).await.unwrap(), value, "version {id} of {key}");
    }
}

/// Every other seed.
fn keeps_versions(seed: u64) -> bool {
    seed % 2 == 1
}

/// Lives of one seed, each cut at a random call, the last one not.
fn run(seed: u64) -> Vec<String> {
    let mut lives = Lives::new(seed);
    for life in 0..6 {
        let random = noise(seed * 77 + life, 2);
        let cut_at = u64::from(u16::from_le_bytes([random[0], random[1]])) % 420 + 1;
        lives.live(life, Some(cut_at));
    }
    lives.live(6, None);
    lives.trace
}

#[test]
fn what_was_acknowledged_survives_a_crash_at_any_call() {
    let first = std::env::var("ENTENTE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for seed in first..first + 25 {
        println!("seed {seed}");
        assert!(run(seed).len() > 500, "the lives were too short to show anything");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let (one, other) = (run(4711), run(4711));
    let differ = one.iter().zip(&other).position(|(one, other)| one != other);
    assert_eq!(differ, None, "the runs part at call {differ:?}");
    assert_eq!(one.len(), other.len());
    assert_ne!(run(4712), one);
}
