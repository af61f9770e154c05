//! The world of one seed: sites and a disk that outlive every life, and the lives, most of which end in a
//! power cut.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use catalog::{Catalog, SqliteCatalog};
use coding::keys::RootKey;
use engine::{Engine, OpenError, Parts, Settings, SiteParts};
use model::label::Parts as LabelParts;
use model::{
    BucketName, BucketSetting, KeyLimits, Label, Level, ObjectKey, ObjectLock, Outside, Profile, Role, SiteFacts,
    Vendor, Versioning,
};
use policy::SystemPermit;
use providers::Store;

use crate::actor::Actor;
use crate::check::{self, Patience};
use crate::clock::VirtualClock;
use crate::disk::{self, Disk, Honesty};
use crate::findings::Findings;
use crate::ground::Ground;
use crate::history::{History, Keeping};
use crate::known::{Known, Person, Place};
use crate::operator;
use crate::plant::{Plant, Planted};
use crate::power::{Power, PoweredWork};
use crate::random::{Random, Seeded};
use crate::site::{Face, Site};
use crate::vfs::{self, Mount};
use crate::watch::Watched;
use crate::weather::{self, Climate, Damage};
use crate::{Breadth, Options, Report};

/// Keys of each bucket.
const KEYS: usize = 7;
/// Side by side, for each person.
const ACTORS: usize = 2;
/// Starts that the weather may keep from opening the enclave.
const STARTS: usize = 6;
/// A life that takes longer than this by the virtual clock hangs.
const LIFE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

pub struct World {
    options: Options,
    random: Random,
    ground: Arc<Ground>,
    findings: Arc<Findings>,
    known: Known,
    plant: Planted,
    damage: Arc<Damage>,
    disk: Arc<Disk>,
    /// The disk as it was once, to be put back.
    backup: Option<disk::Copy>,
    roots: Arc<Mutex<Roots>>,
    settings: Settings,
    profiles: Vec<Profile>,
    report: Report,
    lives: u64,
}

/// The root keys as an operator keeps them: the one that counts, and one that may.
#[derive(Clone)]
pub struct Roots {
    pub current: [u8; 32],
    pub next: Option<[u8; 32]>,
}

/// What one life is to be.
#[derive(Clone, Copy, Debug)]
struct Plan {
    cut_at: Option<u64>,
    climate: Climate,
    operations: u64,
    last: bool,
}

/// What a life needs of the world, to be moved into its runtime.
struct Life {
    plan: Plan,
    random: Random,
    ground: Arc<Ground>,
    known: Known,
    findings: Arc<Findings>,
    power: Arc<Power>,
    plant: Planted,
    damage: Arc<Damage>,
    roots: Arc<Mutex<Roots>>,
    settings: Settings,
    profiles: Vec<Profile>,
    breadth: Breadth,
    outside: Outside,
    path: String,
}

pub fn high() -> Label {
    Label::new(LabelParts { level: Level(64), ..Label::LOWEST.parts() })
}

fn top() -> Label {
    Label::highest_of(Label::LOWEST.table())
}

impl World {
    pub fn new(seed: u64, options: Options) -> World {
        let mut random = Random::new(seed);
        let findings = Arc::new(Findings::default());
        let plant = Planted::new(options.plant, random.fork());
        let victim = random.place(Vendor::ALL.len());
        let site = |(index, vendor): (usize, Vendor)| {
            // The owner's own disks stand where only the lowest may lie.
            let ceiling = if vendor == Vendor::Own { Label::LOWEST } else { top() };
            let checked = (Arc::clone(&findings), plant.clone());
            Arc::new(Site::new(vendor.name().to_owned(), vendor, ceiling, index == victim, random.fork(), checked))
        };
        let sites: Vec<Arc<Site>> = Vendor::ALL.into_iter().enumerate().map(site).collect();
        let sweep_after = *random.pick(&[2, 60, 600]).unwrap_or(&600);
        let profiles = [Profile::Quad, Profile::Econ, Profile::Mirror(2), Profile::Mirror(3), Profile::Quad];
        let profiles = (0..4).filter_map(|_| random.pick(&profiles).copied()).collect();
        let settings = Settings {
            probe_every: Duration::from_secs(5),
            reenter_after: Duration::from_secs(10),
            sweep_after: Duration::from_secs(sweep_after),
            sweep_every: Duration::from_secs(sweep_after.max(20)),
            ..Settings::default()
        };
        let honesty = if plant.is(Plant::SkipSync) { Honesty::SaysSynced } else { Honesty::Honest };
        let current = random.next().to_le_bytes().repeat(4).try_into().unwrap_or([7; 32]);
        World {
            options,
            ground: Arc::new(Ground::new(sites)),
            known: Known::new(Arc::clone(&findings)),
            findings,
            plant,
            damage: Arc::default(),
            disk: Disk::new(Power::new(None, false), honesty),
            backup: None,
            roots: Arc::new(Mutex::new(Roots { current, next: None })),
            settings,
            profiles,
            report: Report::new(seed),
            lives: 0,
            random,
        }
    }

    /// Lives one life after the other until so much was done, and a last one in good weather.
    pub fn run(mut self) -> Report {
        let first = Plan { cut_at: None, climate: Climate::Calm, operations: 0, last: false };
        if self.random.chance(300) {
            // An enclave whose founding is cut short, once or twice.
            for _ in 0..=self.random.below(2) {
                let cut_at = Some(self.random.between(1, 300));
                self.live(Plan { cut_at, ..first });
            }
        }
        self.live(first);
        while self.findings.is_empty() && self.known.state().operations < self.options.operations {
            let plan = self.draw();
            self.live(plan);
        }
        if self.findings.is_empty() {
            self.live(Plan { last: true, ..first });
        }
        self.report.findings = self.findings.take();
        let state = self.known.state();
        self.report.operations = state.operations;
        self.report.answers.clone_from(&state.tally);
        for site in &self.ground.sites {
            for (fault, times) in site.faults() {
                *self.report.faults.entry(fault).or_default() += times;
            }
        }
        drop(state);
        self.report
    }

    fn draw(&mut self) -> Plan {
        let random = &mut self.random;
        let cut_at = match random.below(10) {
            0 => None,
            1 | 2 => Some(random.between(1, 600)),
            _ => Some(random.between(100, 16_000)),
        };
        let climate = if random.chance(150) { Climate::Calm } else { Climate::Changing };
        let left = self.options.operations.saturating_sub(self.known.state().operations);
        Plan { cut_at, climate, operations: random.between(20, 300).min(left.max(1)), last: false }
    }

    fn live(&mut self, plan: Plan) {
        self.lives += 1;
        self.plant.next_life();
        let power = Power::new(plan.cut_at, self.options.traced);
        self.disk = self.disk.after_cut(Arc::clone(&power), &mut self.random);
        self.perhaps_put_back(plan);
        let mount = Mount::new(Arc::clone(&self.disk));
        let built = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let Ok(runtime) = built else {
            return self.findings.add("no runtime can be made".to_owned());
        };
        power.tell(|| format!("====== life {}: {plan:?}", self.lives));
        let panics = crate::panics();
        let lived = runtime.block_on(async {
            let began = tokio::time::Instant::now();
            let life = self.life(plan, &power, mount.path("catalog"));
            tokio::select! {
                biased;
                () = power.wait_for_cut() => {}
                () = tokio::time::sleep(LIFE_MAX) => self.findings.add("a life does not end".to_owned()),
                () = life.live() => {}
            }
            began.elapsed()
        });
        let cut = !power.is_on();
        drop(runtime);
        power.bury();
        power.cut_now();
        drop(mount);
        if crate::panics() > panics {
            self.findings.add(format!("something panicked: {}", crate::last_panic()));
        }
        self.ground.sites.iter().for_each(|site| site.after_cut());
        self.note(cut, lived, &power);
    }

    fn note(&mut self, cut: bool, lived: Duration, power: &Power) {
        let report = &mut self.report;
        report.lives += 1;
        report.cuts += u64::from(cut);
        report.calls += power.calls();
        report.digest = report.digest.rotate_left(7) ^ power.digest();
        let down = self.random.between(1_000, 600_000);
        report.simulated_ms += u64::try_from(lived.as_millis()).unwrap_or(0) + down;
        report.trace.extend(power.take_trace());
    }

    /// Now and then somebody copies the catalog while it is at rest, and puts the copy back later.
    fn perhaps_put_back(&mut self, plan: Plan) {
        if self.lives < 4 || plan.last {
            return;
        }
        if self.random.chance(100) {
            self.backup = Some(self.disk.copy());
        } else if self.random.chance(100)
            && let Some(backup) = &self.backup
        {
            self.disk.put_back(backup);
            *self.report.faults.entry("an older catalog put back").or_default() += 1;
        }
    }

    fn life(&mut self, plan: Plan, power: &Arc<Power>, path: String) -> Life {
        let wall = 1_790_000_000_000 + i64::try_from(self.report.simulated_ms).unwrap_or(0);
        let entropy = Seeded::new(self.random.fork(), self.plant.is(Plant::RepeatNames));
        let outside = Outside {
            clock: Arc::new(VirtualClock::new(wall)),
            entropy: Arc::new(entropy),
            blocking: Arc::new(PoweredWork(Arc::clone(power))),
        };
        Life {
            plan,
            random: self.random.fork(),
            ground: Arc::clone(&self.ground),
            known: self.known.clone(),
            findings: Arc::clone(&self.findings),
            power: Arc::clone(power),
            plant: self.plant.clone(),
            damage: Arc::clone(&self.damage),
            roots: Arc::clone(&self.roots),
            settings: self.settings.clone(),
            profiles: self.profiles.clone(),
            breadth: self.options.breadth,
            outside,
            path,
        }
    }
}

impl Life {
    /// Opens, checks, works, and stops.
    async fn live(mut self) {
        if self.plan.climate == Climate::Calm {
            weather::clear(&self.ground);
        }
        self.ground.set_calm(false);
        self.ground.set_opening(true);
        let Some((engine, catalog)) = self.open().await else { return };
        self.ground.set_opening(false);
        let background = {
            let engine = engine.clone();
            tokio::spawn(async move { engine.run_background(std::future::pending()).await })
        };
        if self.known.state().people.is_empty() {
            // A founding that is cut short here leaves people nobody knows; they do no harm.
            return self.found(&engine).await;
        }
        self.meet_people(&engine).await;
        if check::is_settled(&engine).await {
            self.known.settle();
            check::all(&engine, &self.known, &self.power, Patience::Once).await;
        }
        self.work(&engine).await;
        if self.plan.last {
            self.finish(&engine, catalog.as_ref()).await;
        }
        self.check_ceilings(catalog.as_ref()).await;
        let _ = tokio::time::timeout(Duration::from_secs(600), engine.drain()).await;
        background.abort();
    }

    /// Opens the enclave as soon as the weather lets it.
    async fn open(&mut self) -> Option<(Engine, Arc<dyn Catalog>)> {
        let sqlite = match SqliteCatalog::open_on(vfs::NAME, &self.path, self.outside.clone()) {
            Ok(catalog) => catalog,
            Err(error) => {
                if self.power.is_on() {
                    self.findings.add(format!("the catalog does not open: {error}"));
                }
                return None;
            }
        };
        let catalog: Arc<dyn Catalog> = Arc::new(Watched {
            within: Arc::new(sqlite),
            ground: Arc::clone(&self.ground),
            findings: Arc::clone(&self.findings),
            plant: self.plant.clone(),
        });
        for start in 1..=STARTS {
            let roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let opened = Engine::open(Parts {
                catalog: Arc::clone(&catalog),
                sites: self.sites(),
                root: RootKey::from_bytes(roots.current),
                next_root: roots.next.map(RootKey::from_bytes),
                outside: self.outside.clone(),
                settings: self.settings.clone(),
                origins: Arc::new(providers::NoOrigins),
            })
            .await;
            if !self.power.is_on() {
                return std::future::pending().await;
            }
            let error = match opened {
                Ok(engine) => return Some((engine, catalog)),
                Err(error) => error,
            };
            self.power.tell(|| format!("no start: {error}"));
            let weather = matches!(
                error,
                OpenError::SilentSites { .. }
                    | OpenError::Site { .. }
                    | OpenError::Engine(engine::Error::Unavailable { .. })
            );
            if !weather || start == STARTS {
                self.findings.add(format!("the enclave does not open: {error}"));
                return None;
            }
            weather::clear(&self.ground);
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        None
    }

    fn sites(&self) -> Vec<SiteParts> {
        let believed = |site: &Site| if self.plant.is(Plant::NoCeiling) { top() } else { site.ceiling };
        let part = |site: &Arc<Site>| SiteParts {
            name: site.name.clone(),
            vendor: site.vendor,
            region: "here".to_owned(),
            facts: SiteFacts { ceiling: believed(site), ..SiteFacts::default() },
            store: Arc::new(Face::new(Arc::clone(site), Arc::clone(&self.power))) as Arc<dyn Store>,
        };
        self.ground.sites.iter().map(part).collect()
    }

    /// The people and their buckets, in the enclave's first whole life.
    async fn found(&self, engine: &Engine) {
        let system = SystemPermit::for_background_work();
        for (number, label) in [Label::LOWEST, high()].into_iter().enumerate() {
            let name = format!("zq7plain-{number}-{}", self.outside.random::<1>()[0]);
            let person = async {
                let principal = engine.create_principal(&system, &name, Role::MissionOwner, label).await?;
                let issued = engine.issue_key(&system, principal.id, label, KeyLimits::default()).await?;
                engine.credential(&issued.id).await
            };
            let session = match person.await {
                Ok(Some(credential)) => credential.session,
                other => return self.findings.add(format!("nobody is let in: {:?}", other.map(drop))),
            };
            let mut places = Vec::new();
            let mut versions = vec![BucketSetting::Versioning(Versioning::Enabled)];
            if self.breadth == Breadth::Said {
                versions.push(BucketSetting::ObjectLock(ObjectLock::On { default: None }));
            }
            for (keeping, settings) in [(Keeping::Current, Vec::new()), (Keeping::Versions, versions)] {
                let name = BucketName::parse(&format!("zq7plain-{number}-{}", places.len()));
                let (Ok(name), Ok(permit)) = (name, policy::on_account(&session)) else { return };
                let profile = self.profiles.get(number * 2 + places.len()).copied();
                match engine.create_bucket(permit, name, profile, settings).await {
                    Ok(bucket) => places.push((bucket, keeping)),
                    Err(error) => return self.findings.add(format!("no bucket: {error}")),
                }
            }
            let mut state = self.known.state();
            let first = state.places.len();
            let count = places.len();
            for (bucket, keeping) in places {
                let key = |number| ObjectKey::parse(&format!("zq7plain/{number}")).ok();
                let keys: BTreeMap<ObjectKey, History> =
                    (0..KEYS).filter_map(key).map(|key| (key, History::new(keeping))).collect();
                state.places.push(Place { bucket, keys });
            }
            state.people.push(Person { session, label, places: (first..first + count).collect() });
        }
    }

    /// Everybody signs in again.
    async fn meet_people(&self, engine: &Engine) {
        let people = self.known.state().people.clone();
        for (number, person) in people.iter().enumerate() {
            let Some(key) = &person.session.access_key else { continue };
            match engine.credential(key).await {
                Ok(Some(credential)) => {
                    if let Some(person) = self.known.state().people.get_mut(number) {
                        person.session = credential.session;
                    }
                }
                Ok(None) => self.findings.add("an access key opens no more".to_owned()),
                Err(error) => self.findings.add(format!("an access key cannot be looked up: {error}")),
            }
        }
    }

    /// Actors, operators and weather side by side, until the actors are done.
    async fn work(&mut self, engine: &Engine) {
        if self.plan.operations == 0 {
            return;
        }
        let people = self.known.state().people.clone();
        let actors = (people.len() * ACTORS) as u64;
        let each = self.plan.operations.div_ceil(actors.max(1));
        let mut at_work = Vec::new();
        for person in people.iter().flat_map(|person| std::iter::repeat_n(person, ACTORS)) {
            let actor = Actor {
                engine: engine.clone(),
                known: self.known.clone(),
                person: person.clone(),
                power: Arc::clone(&self.power),
                random: self.random.fork(),
                breadth: self.breadth,
            };
            at_work.push(actor.work(each));
        }
        let operating =
            operator::operate(engine.clone(), self.known.clone(), Arc::clone(&self.power), self.random.fork());
        let (ground, power, damage) = (Arc::clone(&self.ground), Arc::clone(&self.power), Arc::clone(&self.damage));
        let random = self.random.fork();
        let changing = async move {
            if self.plan.climate == Climate::Changing {
                weather::change_for_ever(ground, power, random, damage).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = operating => {}
            () = changing => {}
            _ = futures::future::join_all(at_work) => {}
        }
    }

    /// In good weather everything comes to its promise, and outlives the vendors it promised to.
    async fn finish(&mut self, engine: &Engine, catalog: &dyn Catalog) {
        weather::clear(&self.ground);
        tokio::time::sleep(Duration::from_secs(60)).await;
        // What moves from a site that is being left is always on its way: one moment of quiet is enough.
        let mut settled = check::is_settled(engine).await;
        for _ in 0..600 {
            if settled {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            settled = check::is_settled(engine).await;
        }
        if !settled {
            return self.findings.add("what was decided is not shown in good weather".to_owned());
        }
        self.known.settle();
        // A reader who meets damage has it repaired.
        for _ in 0..2 {
            check::all(engine, &self.known, &self.power, Patience::UntilRead).await;
            tokio::time::sleep(Duration::from_secs(120)).await;
        }
        if let Err(why) = check::caught_up(engine).await {
            return self.findings.add(why);
        }
        tokio::time::sleep(self.settings.sweep_after * 2 + self.settings.sweep_every * 2).await;
        let _ = catalog.totals().await;
        self.burn();
        check::all(engine, &self.known, &self.power, Patience::UntilRead).await;
        weather::clear(&self.ground);
    }

    /// One vendor burns down: the victim where it was struck, for what nobody read of it may be broken still. Where
    /// every profile promises to outlive two, and nothing was struck, another burns with it.
    fn burn(&mut self) {
        let sites = self.ground.sites.clone();
        let victim = sites.iter().find(|site| site.is_victim && self.damage.is_done());
        let Some(site) = victim.or(self.random.pick(&sites)) else { return };
        let two = self.breadth == Breadth::Said
            && victim.is_none()
            && self.profiles.iter().all(|profile| profile.promise() >= 2);
        let other = if two { self.random.pick(&sites).filter(|other| other.name != site.name) } else { None };
        for site in [Some(site), other].into_iter().flatten() {
            self.power.tell(|| format!("{} burns down", site.name));
            site.change(|weather| weather.state = crate::site::State::Gone);
        }
    }

    async fn check_ceilings(&self, catalog: &dyn Catalog) {
        let Ok(streams) = catalog.streams().await else { return };
        let labelled: Vec<_> = streams.into_iter().filter_map(|stream| Some((stream.id, stream.label?))).collect();
        self.ground.above_ceiling(&labelled).into_iter().for_each(|found| self.findings.add(found));
    }
}
