//! Repair: what is below its promise, most endangered first, as a plan that can be printed and as work
//! that can be watched. Catch-up makes and does the same in the background.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use catalog::Endangered;
use catalog::proof::{Depth, Fault};
use futures::StreamExt;
use model::{Segment, SiteState, StreamId};
use policy::SystemPermit;
use tokio::sync::watch;
use tracing::debug;

use super::limits::Budget;
use super::mend::{self, Wait};
use super::plan::{self, Bill, Place, Wanted};
use super::scrub::{Purse, ScrubDone, ScrubOrder, Stop};
use crate::api::Engine;
use crate::error::Error;
use crate::inner::Inner;
use crate::limits::CATCH_UP_BATCH;

/// Segments mended side by side: the records of their new pieces share journal segments.
const AT_ONCE: usize = 16;
/// Walks, each with a comparison behind it: what is missing still is needed, or goes faster than it comes.
const ROUNDS_MAX: u32 = 4;
/// Walks, at most, until nobody else works on what is left.
const BUSY_WALKS_MAX: u32 = 600;
/// How often, and how long at most, it is looked whether suspects are judged.
const JUDGED_POLL: Duration = Duration::from_millis(50);
const JUDGED_WAIT: Duration = Duration::from_secs(120);

/// What bringing everything up to its promise would take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairPlan {
    /// By the number of pieces beyond those that are needed, the most endangered first.
    pub by_spare: BTreeMap<i64, Bill>,
    /// Segments for which nothing can be done now, by what they wait for.
    pub waiting: BTreeMap<Wait, u64>,
}

/// What one walk did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    pub segments: u64,
    pub pieces: u64,
    pub bill: Bill,
    /// Segments that are to be looked at again, by what they wait for.
    pub waiting: BTreeMap<Wait, u64>,
}

/// What the sites' listings say once everything is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Sites whose listing was compared to its end.
    pub sites: u64,
    pub pieces: u64,
    /// Pieces that a record names and the site has not, or not whole.
    pub missing: u64,
    /// Pieces that were missing when this was first asked, and are not any more.
    pub restored: u64,
    /// Sites that were not compared, or not to the end.
    pub not_asked: Vec<(String, NotAsked)>,
}

/// Why a site's listing says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAsked {
    /// Its owner said so.
    Suspended,
    Stopped(Stop),
}

impl Engine {
    /// What a repair would do now. Nothing is changed.
    pub async fn plan_repair(&self, _: &SystemPermit) -> Result<RepairPlan, Error> {
        let inner = &self.inner;
        let (mut plan, mut after) = (RepairPlan::default(), None);
        let mut places: BTreeMap<StreamId, Vec<Place>> = BTreeMap::new();
        loop {
            let page = inner.catalog.below_promise(after, CATCH_UP_BATCH).await?;
            let Some(last) = page.last() else { return Ok(plan) };
            after = Some(Endangered::of(last));
            for segment in page {
                let Ok(label) = inner.label_of(segment.stream) else { continue };
                plan.add(&segment, places.entry(segment.stream).or_insert_with(|| inner.places(label)));
            }
        }
    }

    /// Brings up all that is below its promise, and then asks the sites' own listings: what those lack is
    /// restored too, until they lack nothing or nothing more can be done. `tell` hears of every segment that
    /// was looked at.
    pub async fn repair(
        &self,
        permit: &SystemPermit,
        budget: Budget,
        tell: impl Fn(&Repaired) + Send + Sync,
    ) -> Result<(Repaired, Compared), Error> {
        let inner = &self.inner;
        let purse = match budget {
            Budget::Day => Purse::Day,
            Budget::Beyond => Purse::Beyond,
        };
        let (mut sum, mut lacked) = (Repaired::default(), 0_u64);
        for round in 1.. {
            for _ in 0..BUSY_WALKS_MAX {
                let before = sum.clone();
                let walked = inner.repair(budget, |walked| tell(&before.clone().and(walked.clone()))).await?;
                sum = before.and(walked);
                if !sum.waiting.contains_key(&Wait::Busy) {
                    break;
                }
                // What catch-up has in hand is done soon.
                tokio::time::sleep(JUDGED_POLL).await;
            }
            let mut compared = inner.ask_listings(permit, self, purse).await?;
            lacked = lacked.max(compared.missing);
            compared.restored = lacked - compared.missing;
            if compared.missing == 0 || round == ROUNDS_MAX {
                return Ok((sum, compared));
            }
            // What was found missing is read first, and given up only if it is.
            inner.suspects_are_judged().await;
        }
        Err(Error::Internal("a repair has as many rounds as it has".to_owned()))
    }
}

impl Inner {
    /// What cannot be mended now, since too few sites answer, keeps nothing behind it waiting.
    pub async fn repair(
        self: &Arc<Self>,
        budget: Budget,
        tell: impl Fn(&Repaired) + Send + Sync,
    ) -> Result<Repaired, Error> {
        let (mut after, mut repaired) = (None, Repaired::default());
        loop {
            let page = self.catalog.below_promise(after, CATCH_UP_BATCH).await?;
            let Some(last) = page.last() else { return Ok(repaired) };
            after = Some(Endangered::of(last));
            let mend = |segment: Segment| {
                let inner = Arc::clone(self);
                async move { inner.mend(segment.id, Wanted::Kept, budget).await }
            };
            let mut work = futures::stream::iter(page).map(mend).buffered(AT_ONCE);
            while let Some(done) = work.next().await {
                repaired.segments += 1;
                match done {
                    Ok(mended) => {
                        repaired.pieces += mended.added as u64;
                        self.counters.repaired_pieces.fetch_add(mended.added as u64, Ordering::Relaxed);
                        repaired.bill += mended.bill;
                        mended.waits.into_iter().for_each(|wait| *repaired.waiting.entry(wait).or_default() += 1);
                    }
                    Err(error) => {
                        debug!(%error, "a segment cannot be mended now");
                        *repaired.waiting.entry(Wait::Failed(error.to_string())).or_default() += 1;
                    }
                }
                tell(&repaired);
            }
        }
    }
}

impl Inner {
    /// The sites' listings against the catalog, of all sites whose pieces count and that are asked.
    async fn ask_listings(&self, permit: &SystemPermit, engine: &Engine, purse: Purse) -> Result<Compared, Error> {
        let mut compared = Compared::default();
        let mut sites = BTreeSet::new();
        for known in self.sites.iter() {
            match known.state() {
                SiteState::Active | SiteState::Draining => drop(sites.insert(known.site.id)),
                SiteState::Suspended => compared.not_asked.push((known.site.name.clone(), NotAsked::Suspended)),
                SiteState::Detached => {}
            }
        }
        if sites.is_empty() {
            return Ok(compared);
        }
        compared.sites = sites.len() as u64;
        let order = ScrubOrder { sites, depths: vec![Depth::Inventory], purse };
        let done = engine.scrub(permit, &order, &watch::Sender::new(ScrubDone::default())).await?;
        compared.pieces = done.looked_at;
        let lacks = |fault: Fault| done.found.get(&fault).copied().unwrap_or_default();
        compared.missing = lacks(Fault::Missing) + lacks(Fault::Truncated);
        for (site, _, stop) in done.stopped {
            compared.sites -= 1;
            compared.not_asked.push((site, NotAsked::Stopped(stop)));
        }
        Ok(compared)
    }

    async fn suspects_are_judged(&self) {
        let judged = async {
            while !self.suspects.are_judged() {
                tokio::time::sleep(JUDGED_POLL).await;
            }
        };
        // Reading them whole takes as long as it takes; what is not judged by then is found again.
        let _ = tokio::time::timeout(JUDGED_WAIT, judged).await;
    }
}

impl Repaired {
    fn and(mut self, more: Repaired) -> Repaired {
        self.segments += more.segments;
        self.pieces += more.pieces;
        self.bill += more.bill;
        self.waiting = more.waiting;
        self
    }

    /// Whether there was something to do, and nothing of it could be done, nor will be soon.
    pub fn is_vain(&self) -> bool {
        self.pieces == 0 && !self.waiting.is_empty() && !self.waiting.contains_key(&Wait::Busy)
    }
}

impl RepairPlan {
    fn add(&mut self, segment: &Segment, places: &[Place]) {
        let target = plan::target(segment, places, Wanted::Kept);
        let wait = match target.as_ref().map(|target| plan::way(segment, target, places)) {
            Some(Some(priced)) => {
                *self.by_spare.entry(Endangered::of(segment).spare).or_default() += priced.bill;
                return;
            }
            Some(None) => Some(mend::sources_out(segment, places)),
            None => mend::waits(segment, places, Wanted::Kept),
        };
        wait.into_iter().for_each(|wait| *self.waiting.entry(wait).or_default() += 1);
    }

    /// Of all together.
    pub fn total(&self) -> Bill {
        let mut total = Bill::default();
        self.by_spare.values().for_each(|bill| total += *bill);
        total
    }
}
