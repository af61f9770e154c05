//! Operators: what people with other duties do to the enclave while it works.

use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, Error, Meant, OpenError, SiteParts};
use model::{Profile, Session, SiteState};
use policy::SystemPermit;

use crate::guests::Host;
use crate::known::{Doom, Known, Person};
use crate::power::Power;
use crate::random::Random;
use crate::roots::Roots;
use crate::{Breadth, founding};

/// Of a thousand times that a key would be turned, so often a bucket is moved.
const MOVED: u64 = 400;
/// And of all that is done where all is done, so often it is about guests.
const GUESTS: u64 = 800;

pub struct Operator {
    pub engine: Engine,
    pub known: Known,
    pub power: Arc<Power>,
    pub roots: Arc<Roots>,
    pub random: Random,
    pub breadth: Breadth,
    /// That buckets may have.
    pub profiles: Vec<Profile>,
}

impl Operator {
    /// Does something every few minutes, for as long as the life lasts.
    pub async fn operate(mut self) {
        loop {
            let pause =
                if self.breadth >= Breadth::All { self.random.between(5, 150) } else { self.random.between(20, 900) };
            tokio::time::sleep(Duration::from_secs(pause)).await;
            let (what, done) = match self.random.between(0, 3) {
                _ if self.breadth >= Breadth::All && self.random.chance(GUESTS) => {
                    ("see to guests", self.see_to_guests().await)
                }
                _ if self.shreds() => ("shred", self.shred().await),
                0 => ("change what a site is for", self.set_a_site().await),
                1 => ("repair", self.repair().await),
                2 if self.breadth >= Breadth::Wide && self.random.chance(MOVED) => {
                    ("move data", self.move_data().await)
                }
                _ => ("rotate", self.rotate().await),
            };
            if !self.power.is_on() {
                return std::future::pending().await;
            }
            match done {
                Ok(()) => self.known.count(what),
                Err(Error::Unavailable { .. }) => {}
                // It was shredded before, and the answer was lost.
                Err(Error::NoSuchLabel) if self.known.state().doom.is_some() => {}
                Err(error) => self.known.findings.add(format!("an operator cannot {what}: {error}")),
            }
        }
    }

    /// Sooner or later; once it is asked for, until it is done.
    fn shreds(&mut self) -> bool {
        let doom = self.known.state().doom;
        self.breadth >= Breadth::Wide
            && match doom {
                None => self.random.chance(60),
                Some(Doom::Asked) => true,
                Some(Doom::Shredded) => false,
            }
    }

    async fn shred(&mut self) -> Result<(), Error> {
        self.power.tell(|| "an operator shreds a label".to_owned());
        self.roots.shred(&self.engine, &self.known, founding::doomed(), &mut self.random).await
    }

    async fn see_to_guests(&mut self) -> Result<(), Error> {
        let host = Host { engine: &self.engine, known: &self.known, power: &self.power };
        host.one(&mut self.random).await
    }

    async fn repair(&mut self) -> Result<(), Error> {
        let system = SystemPermit::for_background_work();
        self.power.tell(|| "an operator has everything repaired".to_owned());
        let planned = self.engine.plan_repair(&system).await.map(drop);
        planned.and(self.engine.repair(&system, engine::Budget::Day, |_| {}).await.map(drop))
    }

    async fn rotate(&mut self) -> Result<(), Error> {
        let labels: Vec<_> = {
            let state = self.known.state();
            state.people.iter().map(|person| person.label).filter(|label| !state.is_doomed(*label)).collect()
        };
        let Some(label) = self.random.pick(&labels).copied() else { return Ok(()) };
        self.power.tell(|| "an operator turns a label's key".to_owned());
        self.engine.rotate_label(&SystemPermit::for_background_work(), label).await.map(drop)
    }

    /// A bucket gets another profile, or the one it has once more.
    async fn move_data(&mut self) -> Result<(), Error> {
        let (session, bucket) = {
            let state = self.known.state();
            let own = |person: &Person| person.places.iter().map(|place| (person.session.clone(), *place)).collect();
            let places: Vec<(Session, usize)> = state.people.iter().flat_map(own as fn(&Person) -> Vec<_>).collect();
            let Some((session, place)) = self.random.pick(&places) else { return Ok(()) };
            let Some(place) = state.places.get(*place) else { return Ok(()) };
            if state.is_doomed(place.bucket.label) {
                return Ok(());
            }
            (session.clone(), place.bucket.clone())
        };
        let system = SystemPermit::for_background_work();
        let profile = self.random.pick(&self.profiles).copied();
        let meant = Some(Meant { name: &bucket.name, highest: bucket.label });
        self.power.tell(|| format!("an operator moves {} to {profile:?}", bucket.name));
        match self.engine.plan_move(&system, meant, profile).await {
            // A profile of more vendors than may hold the label: one may not have joined yet.
            Err(Error::Invalid(_)) => return Ok(()),
            planned => planned?,
        };
        self.engine.move_data(&system, meant, profile).await?;
        self.known.look_up(&self.engine, &session, &bucket).await
    }

    /// At most one site is not active at a time: with two out the promise could not be kept.
    async fn set_a_site(&mut self) -> Result<(), Error> {
        let system = SystemPermit::for_background_work();
        let sites = self.engine.status(&system).await?.sites;
        let other = sites.iter().find(|site| site.state != SiteState::Active);
        let (name, state) = match other {
            Some(other) => (other.site.name.clone(), SiteState::Active),
            None => {
                let Some(site) = self.random.pick(&sites) else { return Ok(()) };
                let state =
                    self.random.pick(&[SiteState::Suspended, SiteState::Draining, SiteState::Draining]).copied();
                (site.site.name.clone(), state.unwrap_or_default())
            }
        };
        self.power.tell(|| format!("an operator sets {name} to {state}"));
        if state == SiteState::Draining {
            self.engine.plan_evacuation(&system, std::slice::from_ref(&name)).await?;
        }
        self.engine.set_sites(&system, &[name], state).await
    }
}

/// Adds these sites while everything goes on. One that does not answer, or that cannot be claimed now, is found by the
/// next start.
pub async fn add(engine: &Engine, known: &Known, power: &Power, after_ms: u64, sites: Vec<SiteParts>) {
    tokio::time::sleep(Duration::from_millis(after_ms)).await;
    for site in sites {
        power.tell(|| format!("an operator adds {}", site.name));
        let added = engine.add_site(&SystemPermit::for_background_work(), site).await;
        if !power.is_on() {
            break;
        }
        match added {
            Ok(_) => known.count("add a site"),
            Err(OpenError::Site { .. } | OpenError::Engine(Error::Unavailable { .. })) => {}
            Err(error) => known.findings.add(format!("an operator cannot add a site: {error}")),
        }
    }
    std::future::pending::<()>().await;
}

/// With a site out, not every label has vendors enough for its promise.
pub async fn bring_all_back(engine: &Engine) -> Result<(), Error> {
    let system = SystemPermit::for_background_work();
    let out = engine.status(&system).await?.sites.into_iter().filter(|site| site.state != SiteState::Active);
    let names: Vec<String> = out.map(|site| site.site.name).collect();
    if names.is_empty() { Ok(()) } else { engine.set_sites(&system, &names, SiteState::Active).await }
}
