//! A small world for the engine: four memory sites behind fault decorators, SQLite, seeded
//! randomness, virtual time, blocking work done at once. The seed of the simulated world.

pub mod origin;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use catalog::SqliteCatalog;
use coding::keys::RootKey;
use engine::{Body, Declared, Engine, Error, OpenError, Parts, Put, Settings, SiteParts, Written};
use futures::{StreamExt, TryStreamExt};
use model::outside::{Blocking, Clock, Entropy};
use model::{
    BucketName, Label, ObjectKey, OriginAddress, Outside, Precondition, Prices, PrincipalId, Role, Session, Timestamp,
    Vendor,
};
use policy::{GetObject, Permit, PutObject, SystemPermit};
use providers::fault::{FaultStore, Pace, State};
use providers::{Entry, MemoryOrigin, MemoryStore, Origin, OriginError, OriginErrorKind, Origins, Store};

pub const ROOT: [u8; 32] = [7; 32];

/// Wall clock and monotonic clock follow the runtime's virtual time.
struct VirtualClock(tokio::time::Instant);

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_790_000_000_000 + i64::try_from(self.monotonic_ms()).unwrap())
    }
    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
}

struct Seeded(Mutex<blake3::OutputReader>);

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        self.0.lock().unwrap().fill(out);
    }
}

pub struct Inline;

impl Blocking for Inline {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }
}

/// Seeded and virtual; must be called within a paused runtime.
pub fn outside(seed: u64) -> Outside {
    Outside {
        clock: Arc::new(VirtualClock(tokio::time::Instant::now())),
        entropy: Arc::new(Seeded(Mutex::new(blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof()))),
        blocking: Arc::new(Inline),
    }
}

/// A directory of its own, removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Scratch {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("entente-engine-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The sites, which outlive every engine over them.
#[derive(Clone)]
pub struct Sites {
    /// Somebody else's bucket, for those who adopt one.
    pub origin: Arc<MemoryOrigin>,
    pub memories: Vec<Arc<MemoryStore>>,
    pub faults: Vec<Arc<FaultStore>>,
    /// What was asked of each, whether it answered or not.
    asked: Vec<Arc<Mutex<Requests>>>,
    /// Where they differ from nothing.
    pub prices: Vec<Prices>,
    /// The highest label that may lie at each.
    pub ceilings: Vec<Label>,
}

impl Sites {
    /// One site for each ceiling, each at another vendor.
    pub fn new(outside: &Outside, ceilings: Vec<Label>) -> Sites {
        let memories: Vec<_> = ceilings.iter().map(|_| Arc::new(MemoryStore::new())).collect();
        let fault = |memory: &Arc<MemoryStore>| {
            let store: Arc<dyn Store> = Arc::clone(memory) as Arc<dyn Store>;
            Arc::new(FaultStore::new(store, outside.clone()))
        };
        let faults: Vec<Arc<FaultStore>> = memories.iter().map(fault).collect();
        let asked = faults.iter().map(|_| Arc::default()).collect();
        Sites { origin: Arc::default(), faults, asked, memories, prices: Vec::new(), ceilings }
    }

    /// One more, of the next vendor.
    pub fn add(&mut self, outside: &Outside) {
        let Sites { memories, faults, asked, .. } = Sites::new(outside, vec![Label::LOWEST]);
        self.memories.extend(memories);
        self.faults.extend(faults);
        self.asked.extend(asked);
        self.ceilings.push(Label::LOWEST);
    }

    pub fn parts(&self) -> Vec<SiteParts> {
        let mut parts = Vec::new();
        let mut prices = self.prices.iter().copied();
        for (((fault, asked), vendor), ceiling) in
            self.faults.iter().zip(&self.asked).zip(Vendor::ALL).zip(&self.ceilings)
        {
            let (prices, ceiling) = (prices.next().unwrap_or_default(), *ceiling);
            parts.push(SiteParts {
                name: vendor.name().to_owned(),
                vendor,
                region: "here".to_owned(),
                facts: model::SiteFacts { ceiling, prices, ..model::SiteFacts::default() },
                store: Arc::new(Counting { store: Arc::clone(fault) as Arc<dyn Store>, asked: Arc::clone(asked) }),
            });
        }
        parts
    }

    /// The last of them.
    pub fn last(&self) -> SiteParts {
        self.parts().pop().unwrap()
    }

    /// Objects of all sites whose names hold `part`.
    pub fn count(&self, part: &str) -> usize {
        self.memories.iter().flat_map(|memory| memory.names()).filter(|name| name.contains(part)).count()
    }

    /// What was asked of one site so far.
    pub fn asked(&self, site: usize) -> Requests {
        *self.asked[site].lock().unwrap()
    }

    /// What was asked of all of them meanwhile.
    pub async fn asked_by<T>(&self, work: impl Future<Output = T>) -> (T, Requests) {
        self.asked.iter().for_each(|asked| *asked.lock().unwrap() = Requests::default());
        let done = work.await;
        let mut sum = Requests::default();
        for asked in &self.asked {
            let Requests { lists, gets, bytes, puts, writes } = *asked.lock().unwrap();
            sum.lists += lists;
            sum.gets += gets;
            sum.bytes += bytes;
            sum.puts += puts;
            sum.writes += writes;
        }
        (done, sum)
    }

    /// The same bytes at sites of their own, which are well.
    pub async fn copied(&self, outside: &Outside) -> Sites {
        let sites = Sites::new(outside, vec![Label::LOWEST; self.memories.len()]);
        for (from, to) in self.memories.iter().zip(&sites.memories) {
            for name in from.names() {
                let length = from.head(&name).await.unwrap();
                to.put_new(&name, from.get_range(&name, 0..length).await.unwrap()).await.unwrap();
            }
        }
        sites
    }

    pub fn set(&self, which: &[usize], state: State) {
        which.iter().for_each(|i| self.faults[*i].set(state));
    }

    pub fn latency(&self, base: Duration) {
        for fault in &self.faults {
            fault.change(|plan| plan.pace = Pace { base, ..Pace::default() });
        }
    }
}

/// What was asked of a site, before it met any fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    pub lists: u64,
    /// For pieces; probes and markers are none.
    pub gets: u64,
    pub bytes: u64,
    pub puts: u64,
    /// Of anything, deletions too.
    pub writes: u64,
}

struct Counting {
    store: Arc<dyn Store>,
    asked: Arc<Mutex<Requests>>,
}

fn is_piece(name: &str) -> bool {
    ["/d/", "/j/", "/s/"].iter().any(|kind| name.contains(kind))
}

#[async_trait]
impl Store for Counting {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), providers::Error> {
        {
            let mut asked = self.asked.lock().unwrap();
            asked.writes += 1;
            asked.puts += u64::from(is_piece(name));
        }
        self.store.put_new(name, bytes).await
    }
    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, providers::Error> {
        if is_piece(name) {
            let mut asked = self.asked.lock().unwrap();
            asked.gets += 1;
            asked.bytes += range.end - range.start;
        }
        self.store.get_range(name, range).await
    }
    async fn head(&self, name: &str) -> Result<u64, providers::Error> {
        self.store.head(name).await
    }
    async fn delete(&self, name: &str) -> Result<(), providers::Error> {
        self.asked.lock().unwrap().writes += 1;
        self.store.delete(name).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, providers::Error> {
        self.asked.lock().unwrap().lists += 1;
        self.store.list(prefix, after, limit).await
    }
}

/// Every address but those without credentials leads to the one origin there is.
struct One(Arc<MemoryOrigin>);

impl Origins for One {
    fn open(&self, address: &OriginAddress) -> Result<Arc<dyn Origin>, OriginError> {
        match address.credentials.as_str() {
            "" => Err(OriginError::new(OriginErrorKind::Denied, "no credentials")),
            _ => Ok(Arc::clone(&self.0) as Arc<dyn Origin>),
        }
    }
}

/// A bucket as whoever knows of all of them means it.
pub fn meant(name: &BucketName) -> engine::Meant<'_> {
    engine::Meant { name, highest: Label::highest_of(Label::LOWEST.table()) }
}

pub fn settings() -> Settings {
    Settings { reenter_after: Duration::from_secs(2), ..Settings::default() }
}

/// An engine with one principal and one bucket called `tea`.
pub struct World {
    pub engine: Engine,
    pub sites: Sites,
    pub catalog: Arc<SqliteCatalog>,
    pub session: Session,
    pub outside: Outside,
    pub scratch: Scratch,
}

impl World {
    pub async fn new(seed: u64) -> World {
        World::with(seed, settings()).await
    }

    pub async fn with(seed: u64, settings: Settings) -> World {
        World::under(seed, settings, [Label::LOWEST; 4]).await
    }

    /// A world whose sites have these ceilings.
    pub async fn under(seed: u64, settings: Settings, ceilings: impl Into<Vec<Label>>) -> World {
        World::within(outside(seed), settings, ceilings).await
    }

    /// A world with this outside.
    pub async fn within(outside: Outside, settings: Settings, ceilings: impl Into<Vec<Label>>) -> World {
        let scratch = Scratch::new();
        let sites = Sites::new(&outside, ceilings.into());
        let catalog = Arc::new(SqliteCatalog::open(scratch.path().join("catalog"), outside.clone()).unwrap());
        let engine = open(&catalog, &sites, &outside, settings).await.unwrap();
        let session = person(&engine, "lyra").await;
        let name = BucketName::parse("tea").unwrap();
        engine.create_bucket(policy::on_account(&session).unwrap(), name, None, Vec::new()).await.unwrap();
        World { engine, sites, catalog, session, outside, scratch }
    }

    /// Background work for as long as the handle lives.
    pub fn background(&self) -> tokio::task::JoinHandle<()> {
        let engine = self.engine.clone();
        tokio::spawn(async move { engine.run_background(std::future::pending()).await })
    }

    pub async fn permit<A: policy::ObjectAction>(&self, key: &str) -> Permit<A> {
        permit(&self.engine, &self.session, key).await
    }

    pub async fn put(&self, key: &str, bytes: &[u8]) -> Result<Written, Error> {
        put(&self.engine, self.permit(key).await, bytes).await
    }

    pub async fn get(&self, key: &str) -> Result<Bytes, Error> {
        get(&self.engine, self.permit(key).await).await
    }

    pub async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, Error> {
        let found = self.engine.find(self.permit::<GetObject>(key).await).await?;
        collect(found.read(range)).await
    }

    pub async fn below_promise(&self) -> u64 {
        self.engine.status(&SystemPermit::for_background_work()).await.unwrap().totals.below_promise
    }

    /// Requests of one kind that all sites have seen.
    pub async fn requests(&self) -> u64 {
        self.engine.status(&SystemPermit::for_background_work()).await.unwrap().site_requests.values().sum()
    }

    /// A world whose sites have answered within `pace` for a while.
    pub async fn answering_within(pace: Duration, seed: u64) -> World {
        let world = World::new(seed).await;
        world.sites.latency(pace);
        for n in 0..8 {
            world.put(&format!("before-{n}"), &noise(n, 4096)).await.unwrap();
        }
        world
    }

    /// How long one put takes.
    pub async fn timed_put(&self, n: u64, size: usize) -> Duration {
        let start = tokio::time::Instant::now();
        self.put(&format!("put-{n}"), &noise(n, size)).await.unwrap();
        start.elapsed()
    }

    /// How many sites are out for writes.
    pub async fn writes_out(&self) -> usize {
        let status = self.engine.status(&SystemPermit::for_background_work()).await.unwrap();
        status.sites.iter().filter(|site| site.writes == engine::SideHealth::Out).count()
    }

    /// Waits (virtual time) until nothing is below its promise.
    pub async fn caught_up(&self) {
        for _ in 0..600 {
            if self.below_promise().await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("still below promise: {}", self.below_promise().await);
    }
}

pub async fn open(
    catalog: &Arc<SqliteCatalog>,
    sites: &Sites,
    outside: &Outside,
    settings: Settings,
) -> Result<Engine, OpenError> {
    open_over(catalog, sites, sites.parts(), outside, settings).await
}

/// As [`open`], with something else around the sites' stores.
pub async fn open_over(
    catalog: &Arc<SqliteCatalog>,
    sites: &Sites,
    parts: Vec<SiteParts>,
    outside: &Outside,
    settings: Settings,
) -> Result<Engine, OpenError> {
    Engine::open(Parts {
        catalog: Arc::clone(catalog) as Arc<dyn catalog::Catalog>,
        sites: parts,
        root: RootKey::from_bytes(ROOT),
        next_root: None,
        outside: outside.clone(),
        settings,
        origins: Arc::new(One(Arc::clone(&sites.origin))),
    })
    .await
}

/// A new principal with a key, as a session.
pub async fn person(engine: &Engine, name: &str) -> Session {
    person_at(engine, name, Label::LOWEST).await
}

/// A new principal who is cleared for this label, with a key at it, as a session.
pub async fn person_at(engine: &Engine, name: &str, label: Label) -> Session {
    let system = SystemPermit::for_background_work();
    let principal = engine.create_principal(&system, name, Role::MissionOwner, label).await.unwrap();
    key_at(engine, principal.id, label).await.unwrap()
}

/// A further key of the principal, as a session.
pub async fn key_at(engine: &Engine, principal: PrincipalId, label: Label) -> Result<Session, Error> {
    let issued =
        engine.issue_key(&SystemPermit::for_background_work(), principal, label, model::KeyLimits::default()).await?;
    Ok(engine.credential(&issued.id).await?.unwrap().session)
}

pub async fn permit<A: policy::ObjectAction>(engine: &Engine, session: &Session, key: &str) -> Permit<A> {
    let name = BucketName::parse("tea").unwrap();
    let bucket = engine.resolve(session, &name).await.unwrap().unwrap();
    policy::on_object(session, &bucket, ObjectKey::parse(key).unwrap()).unwrap()
}

/// A body in frames of the size that sockets give.
pub fn body(bytes: &[u8]) -> Body {
    let frames: Vec<_> = bytes.chunks(60_000).map(|frame| Ok(Bytes::copy_from_slice(frame))).collect();
    Box::pin(futures::stream::iter(frames))
}

pub fn declared(length: usize) -> Declared {
    Declared { length: Some(length as u64), ..Declared::default() }
}

pub async fn put(engine: &Engine, permit: Permit<PutObject>, bytes: &[u8]) -> Result<Written, Error> {
    engine.put(permit, Put { declared: declared(bytes.len()), ..Put::default() }, body(bytes)).await
}

pub async fn put_if(
    engine: &Engine,
    permit: Permit<PutObject>,
    condition: Precondition,
    bytes: &[u8],
) -> Result<Written, Error> {
    let put = Put { condition, declared: declared(bytes.len()), ..Put::default() };
    engine.put(permit, put, body(bytes)).await
}

pub async fn get(engine: &Engine, permit: Permit<GetObject>) -> Result<Bytes, Error> {
    whole(engine.find(permit).await?).await
}

pub async fn whole(found: engine::Found) -> Result<Bytes, Error> {
    let size = found.version.size;
    collect(found.read(0..size)).await
}

async fn collect(stream: engine::Plaintext) -> Result<Bytes, Error> {
    let frames: Vec<Bytes> = stream.boxed().try_collect().await?;
    Ok(frames.concat().into())
}

/// Bytes that depend on `seed` and never repeat within an object.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}
