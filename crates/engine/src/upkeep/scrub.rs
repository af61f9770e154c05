//! Scrub: the pieces at the sites are compared with the catalog, asked for, and read.
//!
//! ```text
//!  budget of the day ──► inventory ─┐
//!                        heads      ├─► proofs (catalog) ──► ledger
//!                        cells     ─┘
//!                            └────────► findings (catalog), suspects ──► given up, restored
//! ```
//!
//! Each site at its own pace, out of its own purse, and only while it reads well. What is found is named
//! here and mended elsewhere: a piece that fails goes to where a reader's failed piece goes.

mod cells;
mod detached;
mod heads;
mod inventory;
mod plan;
mod purse;
mod revisit;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use catalog::proof::{Depth, Fault, Finding, Spent, Walk};
use coding::piece::Layout;
use futures::FutureExt;
use futures::future::BoxFuture;
use model::{Label, Piece, SegmentId, SiteId, SiteState, Timestamp};
use policy::SystemPermit;
use tokio::sync::watch;
use tracing::warn;

use crate::api::Engine;
use crate::error::Error;
use crate::inner::Inner;
use crate::limits::VERIFIED_ROUNDS;
use crate::sites::KnownSite;
use crate::suspects::Suspicion;
use crate::upkeep::ledger::Kept;
use crate::upkeep::under_way::{Begun, Task};
use revisit::Again;

pub use plan::{ScrubPlan, SiteScrub};
pub use purse::Purse;
pub use settings::ScrubSettings;

/// A scrub that somebody asks for.
#[derive(Clone, Debug)]
pub struct ScrubOrder {
    /// All of them if empty.
    pub sites: BTreeSet<SiteId>,
    pub depths: Vec<Depth>,
    pub purse: Purse,
}

impl ScrubOrder {
    fn names(&self, known: &KnownSite) -> bool {
        match self.sites.is_empty() {
            true => known.state() != SiteState::Detached,
            false => self.sites.contains(&known.site.id),
        }
    }
}

/// What a scrub did so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrubDone {
    /// Where it is, for a person to read.
    pub at: String,
    /// Pieces it looked at; one is looked at once for each depth.
    pub looked_at: u64,
    /// Those that held.
    pub proven: u64,
    pub spent: Spent,
    pub found: BTreeMap<Fault, u64>,
    /// What it did not come to the end of, by the site's name.
    pub stopped: Vec<(String, Depth, Stop)>,
}

/// Why a scrub ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// What the site's purse holds today is spent.
    Spent,
    /// The site does not read well.
    Out,
}

/// What scrubs of this process share.
#[derive(Default)]
pub struct Scrub {
    purses: purse::Purses,
    pub(super) ledger: Kept,
    /// Since start, by site and fault; what came back counts again.
    found: Mutex<BTreeMap<(SiteId, Fault), u64>>,
}

/// One walk at one depth over one site's pieces.
struct Walking<'a> {
    known: &'a KnownSite,
    purse: Purse,
    /// Pieces that were proven before then are due.
    due: Timestamp,
    walk: Walk,
    done: &'a watch::Sender<ScrubDone>,
    /// Of a scrub of the background.
    task: Option<&'a Begun<'a>>,
}

/// What became of one page of a walk.
enum Step {
    More,
    End,
    Stopped(Stop),
}

impl Engine {
    /// Scrubs as ordered, from the first piece to the last, site beside site; what was done so far is told
    /// through `progress`.
    pub async fn scrub(
        &self,
        _: &SystemPermit,
        order: &ScrubOrder,
        progress: &watch::Sender<ScrubDone>,
    ) -> Result<ScrubDone, Error> {
        let sites = self.inner.sites.iter().filter(|known| order.names(known));
        let scrub = |known| self.inner.scrub_as_ordered(known, order, progress).boxed();
        let scrubs: Vec<BoxFuture<'_, _>> = sites.map(scrub).collect();
        futures::future::try_join_all(scrubs).await?;
        Ok(progress.borrow().clone())
    }

    /// What scrubs found, newest first; of what was found of data, that which lies at or below `highest`.
    pub async fn findings(&self, _: &SystemPermit, highest: &Label) -> Result<Vec<Finding>, Error> {
        let mut findings = self.inner.catalog.findings().await?;
        findings.retain(|finding| finding.label.is_none_or(|label| label <= *highest));
        Ok(findings)
    }

    /// How often scrubs of this process found each fault at each site.
    pub fn findings_counted(&self, _: &SystemPermit) -> BTreeMap<(SiteId, Fault), u64> {
        self.inner.scrub.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Inner {
    /// Scrubs what is due, as far as the day's budget allows by now. What is not due costs nothing.
    pub async fn scrub_forever(self: &Arc<Self>) {
        let scrubs = self.at_each_site(|known| self.scrub_site(known).boxed());
        futures::future::join(scrubs, self.end_findings_of_detached()).await;
    }

    async fn scrub_site(&self, known: &KnownSite) {
        loop {
            tokio::time::sleep(self.settings.scrub.look_every).await;
            if let Err(error) = self.scrub_what_is_due(known).await {
                warn!(site = known.site.name, %error, "the scrub will be tried again");
            }
        }
    }

    async fn scrub_what_is_due(&self, known: &KnownSite) -> Result<(), Error> {
        let settings = &self.settings.scrub;
        if !known.is_scrubbed() || settings.budget.requests == 0 {
            return Ok(());
        }
        let now = self.outside.clock.now();
        let done = watch::Sender::new(ScrubDone::default());
        let state = self.catalog.scrub_state(known.site.id).await?;
        if !self.is_worth_it(&state, now) {
            return Ok(());
        }
        let mut walks = state.walks;
        for depth in Depth::ALL {
            let walk = walks.remove(&depth).unwrap_or_default();
            let (fresh, before) = (walk.place.is_none(), walk.began);
            if fresh && !settings.is_due(depth, walk.began, now) {
                continue;
            }
            let due = settings.due_before(depth, now);
            let task = self.tasks.begin(Task::Scrub(depth), Some(&known.site.name), now);
            let mut walking = Walking { known, purse: Purse::Evenly, due, walk, done: &done, task: Some(&task) };
            if fresh {
                walking.walk.began = Some(now);
                // Asking is for the walk that begins once a day: what stays bad is to cost little.
                let again = if depth == Depth::Inventory { Again::Asked } else { Again::Named };
                self.revisit(&walking, again).await?;
            }
            let stopped = self.walk(depth, &mut walking, Keep::Place).await?;
            if stopped.is_some() && walking.walk.place.is_none() {
                // It came nowhere: it is due still.
                walking.walk.began = before;
                self.catalog.set_walk(known.site.id, depth, walking.walk).await?;
            }
        }
        Ok(())
    }

    async fn scrub_as_ordered(
        &self,
        known: &KnownSite,
        order: &ScrubOrder,
        done: &watch::Sender<ScrubDone>,
    ) -> Result<(), Error> {
        for depth in &order.depths {
            let now = self.outside.clock.now();
            let ended = self.catalog.scrub_state(known.site.id).await?.walks.remove(depth).and_then(|walk| walk.ended);
            let walk = Walk { place: None, began: Some(now), ended };
            let mut walking = Walking { known, purse: order.purse, due: now, walk, done, task: None };
            done.send_modify(|done| done.at = format!("{} of {}", depth.name(), known.site.name));
            let stopped = if known.is_scrubbed() {
                self.revisit(&walking, Again::Asked).await?;
                self.walk(*depth, &mut walking, Keep::Ends).await?
            } else {
                Some(Stop::Out)
            };
            if let Some(stop) = stopped {
                done.send_modify(|done| done.stopped.push((known.site.name.clone(), *depth, stop)));
            }
        }
        Ok(())
    }

    /// Page after page until the walk ends, or stops.
    async fn walk(&self, depth: Depth, walking: &mut Walking<'_>, keep: Keep) -> Result<Option<Stop>, Error> {
        let site = walking.known.site.id;
        let mut place = inventory::Place::of(self.enclave, walking.walk.place.as_deref());
        loop {
            let step = match depth {
                Depth::Inventory => self.inventory_page(walking, &mut place).await?,
                Depth::Heads => self.heads_page(walking).await?,
                Depth::Cells => self.cells_page(walking).await?,
            };
            let stopped = match step {
                Step::More => None,
                Step::End => {
                    walking.walk.place = None;
                    walking.walk.ended = Some(self.outside.clock.now());
                    self.catalog.set_walk(site, depth, walking.walk.clone()).await?;
                    return Ok(None);
                }
                Step::Stopped(stop) => Some(stop),
            };
            if keep == Keep::Place {
                self.catalog.set_walk(site, depth, walking.walk.clone()).await?;
            }
            if stopped.is_some() {
                return Ok(stopped);
            }
        }
    }

    /// Names what is wrong with a piece, and has it looked at if that can be mended and paid for: whoever looks
    /// reads it whole, a few times if need be. What is not paid for is found again by the next walk.
    async fn blame(
        &self,
        walking: &Walking<'_>,
        fault: Fault,
        object: String,
        piece: Piece,
        segment: SegmentId,
    ) -> Result<(), Error> {
        let (label, length) = match self.catalog.segment(segment).await? {
            Some(segment) => match self.label_of(segment.stream) {
                Ok(label) => (label, Layout::of(&segment).piece_length()),
                // Its label is shredded, and its pieces wait for the sweep: nothing of it can be wrong.
                Err(_) => return Ok(()),
            },
            None => (Some(walking.known.facts.ceiling), 0),
        };
        let now = self.outside.clock.now();
        let finding = Finding::new(fault, walking.known.site.id, object, label, now);
        self.report(walking, Finding { piece: Some((segment, piece.index)), ..finding }).await?;
        let read = match fault {
            Fault::Missing => purse::a_head(&walking.known.facts.prices),
            Fault::Truncated | Fault::Damaged | Fault::Replaced => purse::a_read(&walking.known.facts.prices, length),
            Fault::Contradicts | Fault::Stray | Fault::Foreign | Fault::LyingList => return Ok(()),
        };
        if self.afford(walking, purse::multiply(read, VERIFIED_ROUNDS as u64)).await? {
            self.suspects.report(segment, piece, Suspicion::Failed);
        }
        Ok(())
    }

    /// Remembers a finding, counts it, and says it the first time.
    async fn report(&self, walking: &Walking<'_>, finding: Finding) -> Result<(), Error> {
        let (site, fault) = (finding.site, finding.fault);
        walking.done.send_modify(|done| *done.found.entry(fault).or_default() += 1);
        let new = self.catalog.note_findings(vec![finding.clone()]).await?;
        if new.first() == Some(&true) {
            warn!(
                site = walking.known.site.name,
                fault = fault.name(),
                object = finding.object,
                "a scrub found a fault"
            );
            *self.scrub.found.lock().unwrap_or_else(PoisonError::into_inner).entry((site, fault)).or_default() += 1;
        }
        Ok(())
    }

    /// What is said of objects at a site that no segment has: it may be of anything that may lie there.
    fn of_site(&self, known: &KnownSite, fault: Fault, object: String) -> Finding {
        let high = self.settings.range.high();
        let label = if known.facts.ceiling <= high { known.facts.ceiling } else { high };
        Finding::new(fault, known.site.id, object, Some(label), self.outside.clock.now())
    }
}

/// What of a walk outlives it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Where it is, after each page.
    Place,
    /// That it came to its end.
    Ends,
}

impl Walking<'_> {
    fn looked_at(&self, pieces: usize, proven: usize) {
        self.done.send_modify(|done| {
            done.looked_at += pieces as u64;
            done.proven += proven as u64;
        });
        if let Some(task) = self.task {
            task.add(pieces as u64);
        }
    }
}
