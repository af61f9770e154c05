//! A door on a free port over an engine in memory, and a client that signs and frames by hand.

#![allow(dead_code, reason = "each test file uses its own part of the world")]

pub mod heard;
pub mod noted;
pub mod sign;
pub mod wire;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use catalog::SqliteCatalog;
use coding::keys::RootKey;
use engine::{Engine, Parts, SiteParts};
use heard::{Heard, Hearing};
use model::outside::{Blocking, Clock, Entropy};
use model::{Label, Outside, PrincipalId, Role, Timestamp, Vendor};
use noted::Noted;
use policy::SystemPermit;
use providers::fault::{FaultStore, State};
use providers::{NoOrigins, Store};
use ring::rand::{SecureRandom, SystemRandom};
use s3::{Door, Limits, Settings};
use sign::Signer;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wire::{Answer, Request, send};

/// The machine's clock, movable.
struct Movable {
    offset_ms: Arc<AtomicI64>,
    started: Instant,
}

impl Clock for Movable {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp(i64::try_from(since.as_millis()).unwrap() + self.offset_ms.load(Ordering::SeqCst))
    }
    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap()
    }
}

struct Random(SystemRandom);

impl Entropy for Random {
    fn fill(&self, out: &mut [u8]) {
        self.0.fill(out).unwrap();
    }
}

struct Pool;

impl Blocking for Pool {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        drop(tokio::task::spawn_blocking(job));
    }
}

pub const REGION: &str = "us-east-1";

/// One enclave with one door.
pub struct World {
    pub engine: Engine,
    pub catalog: Arc<Noted>,
    pub sites: Vec<Arc<FaultStore>>,
    pub heard: Arc<Mutex<Heard>>,
    pub door: Door,
    pub address: SocketAddr,
    /// Of the door's clock against the machine's.
    pub offset_ms: Arc<AtomicI64>,
    pub keys: (String, String),
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

impl World {
    pub async fn new() -> World {
        World::with(REGION, Limits::default()).await
    }

    /// A door with limits of its own and a bucket called `tea`.
    pub async fn with(region: &str, limits: Limits) -> World {
        let offset_ms = Arc::new(AtomicI64::new(0));
        let clock = Movable { offset_ms: Arc::clone(&offset_ms), started: Instant::now() };
        let outside = Outside {
            clock: Arc::new(clock),
            entropy: Arc::new(Random(SystemRandom::new())),
            blocking: Arc::new(Pool),
        };
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let memory = || Arc::new(Hearing::new(Arc::clone(&heard))) as Arc<dyn Store>;
        let sites: Vec<_> = (0..4).map(|_| Arc::new(FaultStore::new(memory(), outside.clone()))).collect();
        let catalog = Arc::new(Noted::new(Arc::new(SqliteCatalog::in_memory(outside.clone()).unwrap())));
        let engine = open(&catalog, &sites, &outside).await;
        let keys = person(&engine, "lyra").await;

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let settings = Settings {
            region: region.to_owned(),
            domains: vec!["s3.example.org".into()],
            console_origins: vec!["http://127.0.0.1:9002".into()],
            tls: None,
            limits,
        };
        let door = Door::new(engine.clone(), settings, outside);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = door.clone();
        let served = tokio::spawn(async move {
            s3::serve(serving, listener, async {
                let _ = stopped.await;
            })
            .await;
        });
        let world = World { engine, catalog, sites, heard, door, address, offset_ms, keys, stop: Some(stop), served };
        let location =
            "<CreateBucketConfiguration><LocationConstraint>LOC</LocationConstraint></CreateBucketConfiguration>";
        let document = if region == REGION { String::new() } else { location.replace("LOC", region) };
        assert_eq!(world.ask_in(region, Request::new("PUT", "/tea").body(document)).await.status, 200);
        world
    }

    pub fn signer(&self) -> Signer {
        Signer::new(self.address, &self.keys, REGION)
    }

    /// Signs in a header and sends on a connection of its own.
    pub async fn ask(&self, request: Request) -> Answer {
        self.ask_in(REGION, request).await
    }

    async fn ask_in(&self, region: &str, request: Request) -> Answer {
        send(self.address, &Signer::new(self.address, &self.keys, region).header(request)).await
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.ask(Request::new("GET", target)).await
    }

    pub async fn put(&self, target: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.ask(Request::new("PUT", target).body(body)).await
    }

    /// Another person's access key.
    pub async fn other(&self) -> (String, String) {
        person(&self.engine, "cato").await
    }

    pub fn set_sites(&self, state: State) {
        self.sites.iter().for_each(|site| site.set(state));
    }

    /// Asks the door to close; the handle ends when it has.
    pub fn close(&mut self) -> &mut JoinHandle<()> {
        let _ = self.stop.take().map(|stop| stop.send(()));
        &mut self.served
    }
}

async fn open(catalog: &Arc<Noted>, sites: &[Arc<FaultStore>], outside: &Outside) -> Engine {
    // Whatever label may lie anywhere.
    let ceiling = Label::highest_of(Label::LOWEST.table());
    let site = |(store, vendor): (&Arc<FaultStore>, Vendor)| SiteParts {
        name: vendor.name().to_owned(),
        vendor,
        region: "here".to_owned(),
        facts: model::SiteFacts { ceiling, ..model::SiteFacts::default() },
        store: Arc::clone(store) as Arc<dyn Store>,
    };
    let parts = Parts {
        catalog: Arc::clone(catalog) as Arc<dyn catalog::Catalog>,
        sites: sites.iter().zip(Vendor::ALL).map(site).collect(),
        root: RootKey::generate(outside),
        next_root: None,
        outside: outside.clone(),
        settings: engine::Settings::default(),
        origins: Arc::new(NoOrigins),
    };
    Engine::open(parts).await.unwrap()
}

async fn person(engine: &Engine, name: &str) -> (String, String) {
    key_at(engine, cleared(engine, name, Label::LOWEST).await, Label::LOWEST).await
}

/// A new principal who is cleared for this label.
pub async fn cleared(engine: &Engine, name: &str, clearance: Label) -> PrincipalId {
    let permit = SystemPermit::for_background_work();
    engine.create_principal(&permit, name, Role::MissionOwner, clearance).await.unwrap().id
}

/// A further access key of a principal.
pub async fn key_at(engine: &Engine, principal: PrincipalId, label: Label) -> (String, String) {
    let permit = SystemPermit::for_background_work();
    let issued = engine.issue_key(&permit, principal, label, model::KeyLimits::default()).await.unwrap();
    (issued.id.0, issued.secret.to_string())
}

/// Bytes that differ from place to place.
pub fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 7 + at / 251) % 256).unwrap()).collect()
}

/// Waits until `check` holds.
pub async fn soon(mut check: impl AsyncFnMut() -> bool) -> bool {
    for _ in 0..200 {
        if check().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    false
}
