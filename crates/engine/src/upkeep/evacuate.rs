//! Evacuation: leaving a site, or a whole vendor, while everything goes on.
//!
//! ```text
//!  active ─► draining ─► nothing lies there by the catalog ─► what began before is over ─► still nothing,
//!  by the site's own listing too ─► detached
//! ```
//!
//! Each step follows from what the catalog and the site say, and none from what was done before, so that
//! a process killed anywhere goes on where it was.
//!
//! The site's own listing is a second proof: it may show that the catalog is wrong, and it cannot keep its vendor
//! from being left. One that is out is not asked, one that gives no sensible answer is asked for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use catalog::Moved;
use futures::{FutureExt, StreamExt};
use model::{Change, Code, Label, NanoDollars, PieceName, Segment, Site, SiteId, SiteState, StreamId};
use policy::SystemPermit;
use tracing::{info, warn};

use super::before::Before;
use super::limits::Budget;
use super::mend::{self, Mended, Wait};
use super::outlives::{Outlives, Vendors};
use super::plan::{self, Bill, Place, Target, Wanted, Way};
use crate::api::Engine;
use crate::error::Error;
use crate::inner::Inner;
use crate::limits::CATCH_UP_BATCH;
use crate::placement::{self, Candidate};
use crate::sites::{KnownSite, ListError, piece_name};

/// Segments moved side by side.
const AT_ONCE: usize = 8;
/// How often what waits for others is looked at again.
const AGAIN: Duration = Duration::from_secs(2);
/// How often a loop without work looks by itself.
const IDLE: Duration = Duration::from_secs(60);
/// So often a site that is left is asked for what lies there and does not tell, for about a minute: one that is
/// well answers by then.
const REFUSED_MAX: u32 = 30;
/// Within which it has to have listed everything: at a tenth of a second for each page some 36 million names.
const LISTED_WITHIN: Duration = Duration::from_secs(3600);

/// What leaving these sites would take.
#[derive(Clone, Debug, Default)]
pub struct EvacuationPlan {
    pub sites: Vec<Site>,
    /// Segments with a piece there, by what is to be done about them.
    pub copied: u64,
    pub computed: u64,
    /// For which the vendors that are left are too few in their code.
    pub recoded: u64,
    /// For which nothing can be done now, by what they wait for.
    pub waiting: BTreeMap<Wait, u64>,
    /// How those with a piece there lie now, and how they will.
    pub shifts: BTreeMap<Shift, Shifted>,
    pub bill: Bill,
    /// What it would cost to take the dearer way wherever there are two.
    pub dearer: NanoDollars,
}

/// In which code segments lie, and how many more vendors they can lose, before something is done and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shift {
    pub from: Code,
    /// As their pieces are recorded; -1 where too few are.
    pub could_lose: i64,
    pub to: Code,
    pub can_lose: i64,
}

/// How much lies so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shifted {
    pub segments: u64,
    /// Of the segments, without what their code adds.
    pub bytes: u64,
}

/// How far leaving a site is.
#[derive(Clone, Debug)]
pub struct Evacuation {
    pub site: Site,
    pub state: SiteState,
    /// Pieces that are still there by the catalog.
    pub left: u64,
    pub moved: Moved,
    /// What keeps it from being left, by how many segments.
    pub waiting: BTreeMap<Wait, u64>,
}

/// What keeps sites that are being left from being detached, by the last look.
#[derive(Default)]
pub struct Leaving(Mutex<BTreeMap<SiteId, BTreeMap<Wait, u64>>>);

impl Leaving {
    fn set(&self, site: SiteId, waiting: BTreeMap<Wait, u64>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(site, waiting);
    }

    fn of(&self, site: SiteId) -> BTreeMap<Wait, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&site).cloned().unwrap_or_default()
    }
}

impl Engine {
    /// What leaving the sites of these names would take now. Nothing is changed.
    pub async fn plan_evacuation(&self, _: &SystemPermit, names: &[String]) -> Result<EvacuationPlan, Error> {
        let sites = self.inner.sites_named(names)?;
        self.inner.check_enough(&sites)?;
        self.inner.plan_evacuation(&sites).await
    }

    /// Sets what the sites of these names are used for. Draining ones are emptied in the background, and
    /// detached when nothing is left there.
    pub async fn set_sites(&self, _: &SystemPermit, names: &[String], state: SiteState) -> Result<(), Error> {
        let inner = &self.inner;
        let _alone = inner.siting.lock().await;
        let sites = inner.sites_named(names)?;
        match state {
            SiteState::Active => {}
            SiteState::Suspended | SiteState::Draining => inner.check_enough(&sites)?,
            SiteState::Detached => {
                return Err(Error::Invalid("a site is detached when it is empty: evacuate it".to_owned()));
            }
        }
        for known in sites {
            let (before, site) = (known.state(), &known.site);
            let done = before == state || (state == SiteState::Draining && before == SiteState::Detached);
            if done {
                continue;
            }
            if before == SiteState::Detached && state == SiteState::Suspended {
                return Err(Error::Invalid(format!("site `{}` is detached: activate it first", site.name)));
            }
            inner.commit_control(Change::SiteSet { site: site.id, state }).await?;
            info!(site = site.name, %before, %state, "a site is used otherwise");
        }
        Ok(())
    }

    /// How far leaving each of these sites is.
    pub async fn evacuations(&self, _: &SystemPermit, names: &[String]) -> Result<Vec<Evacuation>, Error> {
        let mut all = Vec::new();
        for known in self.inner.sites_named(names)? {
            let (left, moved) = self.inner.catalog.moved(known.site.id).await?;
            let (site, state) = (known.site.clone(), known.state());
            let waiting = match state {
                SiteState::Draining => self.inner.leaving.of(site.id),
                _ => BTreeMap::new(),
            };
            all.push(Evacuation { site, state, left, moved, waiting });
        }
        Ok(all)
    }
}

impl Inner {
    fn sites_named(&self, names: &[String]) -> Result<Vec<&KnownSite>, Error> {
        let known = || self.sites.iter().map(|known| known.site.name.as_str()).collect::<Vec<_>>().join(", ");
        let find = |name: &String| {
            let found = self.sites.named(name);
            found.ok_or_else(|| Error::Invalid(format!("no site is called `{name}`: there are {}", known())))
        };
        names.iter().map(find).collect()
    }

    /// Whether every label can still be written by its profile without these sites.
    fn check_enough(&self, without: &[&KnownSite]) -> Result<(), Error> {
        let without: BTreeSet<SiteId> = without.iter().map(|known| known.site.id).collect();
        let labels = self.streams.labels().into_iter().map(Some).chain([None]);
        for label in labels {
            let left = self.sites.iter().filter(|known| {
                known.may_hold(label) && known.state() == SiteState::Active && !without.contains(&known.site.id)
            });
            let left: Vec<_> = left.map(|known| Candidate { site: known.site.id, vendor: known.site.vendor }).collect();
            let profile = match self.streams.of(label) {
                Some(stream) => self.journal_profile(stream.id),
                None => self.settings.default_profile,
            };
            placement::compile(profile, &left, 0).map_err(|under| {
                Error::Invalid(format!(
                    "without {} nothing could be written any more: {under}; add a site first",
                    self.names(&without)
                ))
            })?;
        }
        Ok(())
    }

    fn names(&self, sites: &BTreeSet<SiteId>) -> String {
        let named = self.sites.iter().filter(|known| sites.contains(&known.site.id));
        let named: Vec<_> = named.map(|known| known.site.name.as_str()).collect();
        match named.as_slice() {
            [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
            _ => named.concat(),
        }
    }

    async fn plan_evacuation(&self, sites: &[&KnownSite]) -> Result<EvacuationPlan, Error> {
        let leaving: Vec<SiteId> = sites.iter().map(|known| known.site.id).collect();
        let mut plan = EvacuationPlan {
            sites: sites.iter().map(|known| known.site.clone()).collect(),
            ..EvacuationPlan::default()
        };
        let mut places: BTreeMap<StreamId, Vec<Place>> = BTreeMap::new();
        for site in &leaving {
            let mut after = None;
            loop {
                let page = self.catalog.segments_at(*site, after, CATCH_UP_BATCH).await?;
                let Some((last, _)) = page.last() else { break };
                after = Some(*last);
                for (_, segment) in page {
                    // Of a segment at several of them the first tells.
                    let first =
                        leaving.iter().find(|leaving| segment.pieces.iter().any(|piece| piece.site == **leaving));
                    if first == Some(site)
                        && let Ok(label) = self.label_of(segment.stream)
                    {
                        let places = places.entry(segment.stream);
                        let places = places.or_insert_with(|| self.places_without(label, &leaving));
                        plan.add(&segment, places);
                    }
                }
            }
        }
        Ok(plan)
    }

    /// The places as they would be if these sites were being left.
    fn places_without(&self, label: Option<Label>, leaving: &[SiteId]) -> Vec<Place> {
        let mut places = self.places(label);
        for place in places.iter_mut().filter(|place| leaving.contains(&place.site)) {
            (place.state, place.takes) = (SiteState::Draining, false);
        }
        places
    }

    /// Empties what is being left, and detaches what is empty.
    pub async fn evacuate_forever(self: &Arc<Self>) {
        self.at_each_site(|known| self.evacuate_site(known).boxed()).await;
    }

    async fn evacuate_site(self: &Arc<Self>, known: &KnownSite) {
        let mut proof = Proof::default();
        loop {
            // What is told from here on is heard.
            let told = self.evacuation.notified();
            let draining = known.state() == SiteState::Draining;
            if draining && let Err(error) = self.evacuate(known, &mut proof).await {
                warn!(site = known.site.name, %error, "leaving a site goes on later");
            }
            let _ = tokio::time::timeout(if draining { AGAIN } else { IDLE }, told).await;
        }
    }

    async fn evacuate(self: &Arc<Self>, known: &KnownSite, proof: &mut Proof) -> Result<(), Error> {
        let site = known.site.id;
        if proof.turn != known.turn() {
            *proof = Proof { turn: known.turn(), ..Proof::default() };
        }
        if self.bring_away(site).await? {
            *proof = Proof { turn: proof.turn, ..Proof::default() };
            return Ok(());
        }
        if let Some(wait) = self.prove_empty(known, proof).await? {
            self.leaving.set(site, [(wait, 0)].into());
            return Ok(());
        }
        // Nobody took it back meanwhile, and nobody does now.
        let _alone = self.siting.lock().await;
        if proof.turn != known.turn() || known.state() != SiteState::Draining {
            return Ok(());
        }
        self.commit_control(Change::SiteSet { site, state: SiteState::Detached }).await?;
        let (_, moved) = self.catalog.moved(site).await?;
        info!(site = known.site.name, pieces = moved.pieces, bytes = moved.bytes, "the site is empty and detached");
        Ok(())
    }

    /// One walk over what lies there; tells whether anything did.
    async fn bring_away(self: &Arc<Self>, site: SiteId) -> Result<bool, Error> {
        let (mut after, mut any, mut waiting) = (None, false, BTreeMap::new());
        loop {
            let page = self.catalog.segments_at(site, after, CATCH_UP_BATCH).await?;
            let Some((last, _)) = page.last() else {
                // Where nothing lies any more the proof of that has the word.
                if any {
                    self.leaving.set(site, waiting);
                }
                return Ok(any);
            };
            (after, any) = (Some(*last), true);
            let move_one = |(_, segment): (PieceName, Segment)| {
                let inner = Arc::clone(self);
                async move { inner.mend(segment.id, Wanted::Kept, Budget::Day).await }
            };
            let mut work = futures::stream::iter(page).map(move_one).buffered(AT_ONCE);
            let mut moved = Moved::default();
            while let Some(done) = work.next().await {
                let mended = done.unwrap_or_else(|error| Mended::waits(Wait::Failed(error.to_string())));
                count(&mut moved, &mended);
                // What others work on is done by them.
                let wait = mended.waits.filter(|wait| *wait != Wait::Busy);
                wait.into_iter().for_each(|wait| *waiting.entry(wait).or_default() += 1);
            }
            self.catalog.note_moved(site, moved).await?;
        }
    }

    /// `None` when nothing lies at the site that counts, or ever will: by the catalog, once all is shown that
    /// began when the site still took pieces, and by what the site lists, if it answers. Else what that
    /// waits for.
    async fn prove_empty(&self, known: &KnownSite, proof: &mut Proof) -> Result<Option<Wait>, Error> {
        if !self.is_over(&mut proof.before).await? {
            return Ok(Some(Wait::Before));
        }
        if !self.catalog.segments_at(known.site.id, None, 1).await?.is_empty() {
            *proof = Proof { turn: proof.turn, ..Proof::default() };
            return Ok(Some(Wait::Before));
        }
        if !known.answers() {
            return Ok(None);
        }
        let why = match tokio::time::timeout(LISTED_WITHIN, self.ask_what_is_there(known)).await {
            Ok(said) => match said? {
                Says::Nothing => return Ok(None),
                Says::Counts => return Ok(Some(Wait::Listed)),
                Says::Refuses(why) => why,
            },
            Err(_) => "its listing comes to no end".to_owned(),
        };
        proof.refused += 1;
        if known.answers() && proof.refused < REFUSED_MAX {
            return Ok(Some(Wait::Failed(format!("site `{}`: {why}", known.site.name))));
        }
        warn!(site = known.site.name, why, "the site does not show that it is empty, and is left all the same");
        Ok(None)
    }

    async fn ask_what_is_there(&self, known: &KnownSite) -> Result<Says, Error> {
        let no_list = |error: &ListError| Ok(Says::Refuses(format!("it does not list what it holds: {error}")));
        match self.leave_snapshots(known).await {
            Ok(true) => {}
            Ok(false) => return Ok(Says::Refuses("it keeps a snapshot that it was told to remove".to_owned())),
            Err(error) => return no_list(&error),
        }
        let (running, prefix) = (self.catalog.add_running_ms(0).await?, format!("{}/", self.enclave));
        let mut behind: Option<String> = None;
        loop {
            let page = match known.list(&prefix, behind.as_deref()).await {
                Ok(page) => page,
                Err(error) => return no_list(&error),
            };
            let Some(last) = page.last() else { return Ok(Says::Nothing) };
            behind = Some(last.name.clone());
            let pieces: Vec<PieceName> =
                page.iter().filter_map(|entry| piece_name(self.enclave, &entry.name)).collect();
            let unnamed = self.catalog.note_unnamed(known.site.id, pieces.clone(), running).await?;
            let unnamed: BTreeSet<PieceName> = unnamed.into_iter().map(|unnamed| unnamed.name).collect();
            for piece in pieces.into_iter().filter(|piece| !unnamed.contains(piece)) {
                if !self.counts_elsewhere(known, piece).await? {
                    warn!(site = known.site.name, %piece, "the site lists a piece that counts");
                    return Ok(Says::Counts);
                }
            }
        }
    }

    /// Whether this piece counts at another site: then what this one has under its name is not needed. Pieces of the
    /// journal are named alike, so that whoever has one could go on listing the others.
    async fn counts_elsewhere(&self, known: &KnownSite, piece: PieceName) -> Result<bool, Error> {
        for other in self.sites.iter().filter(|other| other.site.id != known.site.id) {
            if self.catalog.piece_at(other.site.id, piece).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What a site that is left says of what lies there.
enum Says {
    Nothing,
    /// Something that counts.
    Counts,
    /// Nothing sensible, for this reason.
    Refuses(String),
}

/// What must be over before a site without pieces is known to stay so.
#[derive(Default)]
struct Proof {
    /// Of the site when this was begun.
    turn: u64,
    /// What may have found the site active.
    before: Before,
    /// How often the site did not say what lies there.
    refused: u32,
}

impl EvacuationPlan {
    fn add(&mut self, segment: &Segment, places: &[Place]) {
        let target = plan::target(segment, places, Wanted::Kept);
        let priced = target.as_ref().and_then(|target| plan::way(segment, target, places));
        let (Some(target), Some(priced)) = (&target, priced) else {
            let wait = match target {
                Some(_) => Some(mend::sources_out(segment, places)),
                None => mend::waits(segment, places, Wanted::Kept),
            };
            wait.into_iter().for_each(|wait| *self.waiting.entry(wait).or_default() += 1);
            return;
        };
        match priced.way {
            _ if target.recodes(segment) => self.recoded += 1,
            Way::Copy(_) => self.copied += 1,
            Way::Compute(_) => self.computed += 1,
        }
        let shifted = self.shifts.entry(shift(segment, target, places)).or_default();
        shifted.segments += 1;
        shifted.bytes = shifted.bytes.saturating_add(segment.length);
        self.bill += priced.bill;
        self.dearer.0 = self.dearer.0.saturating_add(priced.dearer.unwrap_or(priced.bill.cost).0);
    }
}

fn shift(segment: &Segment, target: &Target, places: &[Place]) -> Shift {
    let vendor_of = |site| places.iter().find(|place| place.site == site).map(|place| place.vendor);
    // Of a target each piece is at a vendor of its own.
    let pieces = i64::try_from(target.keep.len() + target.fill.len()).unwrap_or(i64::MAX);
    Shift {
        from: segment.code,
        could_lose: Outlives::of(segment, vendor_of).more_than(Vendors::default()),
        to: target.code,
        can_lose: pieces - i64::from(target.code.k),
    }
}

fn count(moved: &mut Moved, mended: &Mended) {
    let Bill { bytes_read, bytes_written, cost, .. } = mended.bill;
    moved.pieces += mended.added as u64;
    moved.bytes = moved.bytes.saturating_add(bytes_written);
    moved.read = moved.read.saturating_add(bytes_read);
    moved.cost.0 = moved.cost.0.saturating_add(cost.0);
    moved.dearer.0 = moved.dearer.0.saturating_add(mended.dearer);
}
