//! One life of the enclave: opened, checked, worked with, and stopped or cut short.

use std::sync::Arc;
use std::time::Duration;

use catalog::{Catalog, SqliteCatalog};
use engine::{Engine, OpenError, Parts, Settings, SiteParts};
use model::{BucketSetting, Outside, Profile, Session, SiteFacts, Vendor, Versioning};
use policy::WriteSettings;
use providers::Store;

use crate::actor::Actor;
use crate::check::{self, Patience};
use crate::findings::Findings;
use crate::ground::Ground;
use crate::guests::Host;
use crate::history::{History, Keeping};
use crate::known::{Doom, Known, Person};
use crate::operator::{self, Operator};
use crate::plant::{Plant, Planted};
use crate::power::Power;
use crate::random::Random;
use crate::roots::{Roots, When};
use crate::site::{Face, Site};
use crate::vfs;
use crate::watch::Watched;
use crate::weather::{self, Climate, Damage};
use crate::world::{DAY, top};
use crate::{Breadth, founding};

/// Side by side, for each person.
const ACTORS: usize = 2;
/// How many in a thousand of the buckets that may are turned at the start of a life.
const TURNED: u64 = 150;
/// A life's work is a matter of seconds: a site that is added while it goes on comes within so many milliseconds.
const ADDED_WITHIN_MS: u64 = 2_000;
/// Starts that the weather may keep from opening the enclave.
const STARTS: usize = 6;

/// What one life is to be.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub cut_at: Option<u64>,
    pub climate: Climate,
    pub operations: u64,
    /// The catalog is lost and comes back from the sites.
    pub rebuild: bool,
    pub last: bool,
}

/// What a life needs of the world, to be moved into its runtime.
pub struct Life {
    pub plan: Plan,
    pub random: Random,
    pub ground: Arc<Ground>,
    pub known: Known,
    pub findings: Arc<Findings>,
    pub power: Arc<Power>,
    pub plant: Planted,
    pub damage: Arc<Damage>,
    pub roots: Arc<Roots>,
    pub settings: Settings,
    pub profiles: Vec<Profile>,
    pub breadth: Breadth,
    /// A vendor that is not there yet.
    pub absent: Option<Vendor>,
    /// Somebody adds it in this life.
    pub is_added: bool,
    pub outside: Outside,
    pub path: String,
    /// The rebuild that was planned is done.
    pub is_rebuilt: bool,
}

impl Life {
    /// Opens, checks, works, and stops.
    pub async fn live(&mut self) {
        if self.plan.climate == Climate::Calm {
            weather::clear(&self.ground);
        }
        self.ground.sites.iter().for_each(|site| site.begin_life());
        self.ground.set_opening(true);
        if self.plan.rebuild && !self.rebuild().await {
            return;
        }
        let Some((engine, catalog)) = self.open().await else { return };
        self.ground.set_opening(false);
        let background = {
            let engine = engine.clone();
            tokio::spawn(async move { engine.run_background(std::future::pending()).await })
        };
        if self.known.state().people.is_empty() {
            // A founding that is cut short here leaves people nobody knows; they do no harm.
            let founded = founding::found(&engine, &self.known, self.breadth, &self.profiles, &self.outside).await;
            return founded.unwrap_or_else(|why| self.findings.add(why));
        }
        if let Err(error) = self.roots.settle(&engine, &self.known, When::Started).await {
            self.findings.add(format!("nobody can tell which root key counts: {error}"));
        }
        self.meet_people(&engine).await;
        let host = Host { engine: &engine, known: &self.known, power: &self.power };
        if let Err(error) = host.look().await {
            self.findings.add(format!("guests cannot be looked up: {error}"));
        }
        if check::is_settled(&engine).await {
            self.known.settle();
            check::all(&engine, &self.known, &self.power, Patience::Once).await;
            self.draw_turns();
        }
        self.turn(&engine).await;
        Box::pin(self.work(&engine)).await;
        if self.plan.last {
            self.finish(&engine, catalog.as_ref()).await;
        }
        self.check_ceilings(catalog.as_ref()).await;
        let _ = tokio::time::timeout(Duration::from_secs(600), engine.drain()).await;
        background.abort();
    }

    /// Opens the enclave as soon as the weather lets it.
    async fn open(&mut self) -> Option<(Engine, Arc<dyn Catalog>)> {
        let catalog = self.catalog()?;
        for start in 1..=STARTS {
            let opened = Engine::open(self.parts(&catalog)).await;
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

    fn catalog(&self) -> Option<Arc<dyn Catalog>> {
        let sqlite = match SqliteCatalog::open_on(vfs::NAME, &self.path, self.outside.clone()) {
            Ok(catalog) => catalog,
            Err(error) => {
                if self.power.is_on() {
                    self.findings.add(format!("the catalog does not open: {error}"));
                }
                return None;
            }
        };
        Some(Arc::new(Watched {
            within: Arc::new(sqlite),
            ground: Arc::clone(&self.ground),
            findings: Arc::clone(&self.findings),
            plant: self.plant.clone(),
        }))
    }

    /// In good weather the catalog comes back, out of what lies at the sites.
    async fn rebuild(&mut self) -> bool {
        weather::clear(&self.ground);
        self.power.tell(|| "the catalog is rebuilt".to_owned());
        let Some(catalog) = self.catalog() else { return false };
        // Cut short, the next life goes on with what it left.
        let rebuilt = Engine::resume_rebuild(self.parts(&catalog), None).await;
        if !self.power.is_on() {
            return std::future::pending().await;
        }
        match rebuilt {
            Ok(_) => self.is_rebuilt = true,
            Err(error) => self.findings.add(format!("the catalog cannot be rebuilt: {error}")),
        }
        self.is_rebuilt
    }

    fn parts(&self, catalog: &Arc<dyn Catalog>) -> Parts {
        Parts {
            catalog: Arc::clone(catalog),
            sites: self.sites(|site| Some(site.vendor) != self.absent),
            root: self.roots.current(),
            next_root: self.roots.next(),
            outside: self.outside.clone(),
            settings: self.settings.clone(),
            origins: Arc::new(providers::NoOrigins),
        }
    }

    fn sites(&self, is_meant: impl Fn(&Site) -> bool) -> Vec<SiteParts> {
        let believed = |site: &Site| if self.plant.is(Plant::NoCeiling) { top() } else { site.ceiling };
        let part = |site: &Arc<Site>| SiteParts {
            name: site.name.clone(),
            vendor: site.vendor,
            region: "here".to_owned(),
            facts: SiteFacts { ceiling: believed(site), ..SiteFacts::default() },
            store: Arc::new(Face::new(Arc::clone(site), Arc::clone(&self.power))) as Arc<dyn Store>,
        };
        self.ground.sites.iter().filter(|site| is_meant(site)).map(part).collect()
    }

    /// Everybody signs in again.
    async fn meet_people(&self, engine: &Engine) {
        let people = self.known.state().people.clone();
        for (number, person) in people.iter().enumerate() {
            let Some(key) = &person.session.access_key else { continue };
            match engine.credential(key).await {
                Ok(Some(credential)) => {
                    if self.known.state().is_doomed(person.label) && self.known.state().doom == Some(Doom::Shredded) {
                        self.findings.add("an access key of a shredded label opens again".to_owned());
                    }
                    self.look_up(engine, person, &credential.session).await;
                    if let Some(person) = self.known.state().people.get_mut(number) {
                        person.session = credential.session;
                    }
                }
                Ok(None) if self.known.state().is_doomed(person.label) => {}
                Ok(None) => self.findings.add("an access key opens no more".to_owned()),
                Err(error) => self.findings.add(format!("an access key cannot be looked up: {error}")),
            }
        }
    }

    /// Their buckets, as an operator of an earlier life may have left them.
    async fn look_up(&self, engine: &Engine, person: &Person, session: &Session) {
        for place in &person.places {
            let bucket = self.known.state().places.get(*place).map(|place| place.bucket.clone());
            let Some(bucket) = bucket.filter(|bucket| !self.known.state().is_doomed(bucket.label)) else { continue };
            if let Err(error) = self.known.look_up(engine, session, &bucket).await {
                self.findings.add(format!("bucket {} cannot be looked up: {error}", bucket.name));
            }
        }
    }

    /// Some buckets are to have their versions suspended, or kept again.
    fn draw_turns(&mut self) {
        let mut state = self.known.state();
        for place in 0..state.places.len() {
            let of = state.places.get(place).and_then(|place| place.keys.values().next()).map(History::keeping);
            let other = match of {
                Some(Keeping::Newest) => Keeping::Again,
                Some(Keeping::Again) => Keeping::Newest,
                _ => continue,
            };
            if self.random.chance(TURNED) {
                state.turn(place, other);
            }
        }
    }

    /// Turns those, and what an earlier life began to turn and never saw done: before anybody writes.
    async fn turn(&mut self, engine: &Engine) {
        loop {
            let (place, bucket, versioning) = {
                let state = self.known.state();
                let Some((place, keeping)) = state.turning() else { return };
                let Some(bucket) = state.places.get(place).map(|place| place.bucket.clone()) else { return };
                let suspends = keeping == Keeping::Newest;
                (place, bucket, if suspends { Versioning::Suspended } else { Versioning::Enabled })
            };
            let owner = self.known.state().people.iter().find(|person| person.places.contains(&place)).cloned();
            let Some(owner) = owner else { return };
            let Ok(permit) = policy::on_bucket::<WriteSettings>(&owner.session, &bucket) else { return };
            let turned = engine.set_bucket_setting(permit, BucketSetting::Versioning(versioning)).await;
            if !self.power.is_on() {
                return std::future::pending().await;
            }
            match turned {
                Ok(()) => {
                    self.power.tell(|| format!("{} is {versioning:?} now", bucket.name));
                    self.known.count("turn versions");
                    self.known.state().turned(place);
                }
                Err(engine::Error::Unavailable { .. }) => {
                    weather::clear(&self.ground);
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
                Err(error) => return self.findings.add(format!("versions cannot be turned: {error}")),
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
                clock: Arc::clone(&self.outside.clock),
                random: self.random.fork(),
                breadth: self.breadth,
            };
            at_work.push(actor.work(each));
        }
        let operator = Operator {
            engine: engine.clone(),
            known: self.known.clone(),
            power: Arc::clone(&self.power),
            roots: Arc::clone(&self.roots),
            random: self.random.fork(),
            breadth: self.breadth,
            profiles: self.profiles.clone(),
        };
        let operating = operator.operate();
        let added = if self.is_added { self.sites(|site| Some(site.vendor) == self.absent) } else { Vec::new() };
        let after_ms = if self.is_added { self.random.between(0, ADDED_WITHIN_MS) } else { 0 };
        let adding = operator::add(engine, &self.known, &self.power, after_ms, added);
        let (ground, power, damage) = (Arc::clone(&self.ground), Arc::clone(&self.power), Arc::clone(&self.damage));
        let random = self.random.fork();
        let (climate, breadth) = (self.plan.climate, self.breadth);
        let changing = async move {
            if climate == Climate::Changing {
                weather::change_for_ever(ground, power, random, damage, breadth).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = operating => {}
            () = adding => {}
            () = changing => {}
            _ = futures::future::join_all(at_work) => {}
        }
    }

    /// In good weather everything comes to its promise, and outlives the vendors it promised to.
    async fn finish(&mut self, engine: &Engine, catalog: &dyn Catalog) {
        weather::clear(&self.ground);
        if let Err(error) = operator::bring_all_back(engine).await {
            return self.findings.add(format!("sites cannot be brought back: {error}"));
        }
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
        if self.breadth >= Breadth::Wide {
            tokio::time::sleep(DAY * 2).await;
            check::passed(engine, &self.known).await;
        }
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
        let two = self.breadth >= Breadth::Wide
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
