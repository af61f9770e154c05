//! What the enclave counts and times, as values: whoever shows them knows who may see what.

use std::sync::atomic::{AtomicU64, Ordering};

use catalog::proof::{Account, BudgetDay, Spent};
use model::{Label, SiteState, Timed};
use policy::SystemPermit;
use providers::meter::Snapshot;
use providers::{Kind, Outcome};

use crate::api::{Engine, SiteStatus};
use crate::error::Error;
use crate::sites::KnownSite;
use crate::status::site_status;

/// All of it, of every label together unless a label is named.
#[derive(Clone, Debug)]
pub struct Gauges {
    pub sites: Vec<SiteGauge>,
    pub commits: Vec<CommitGauge>,
    pub memory: [ShareGauge; 3],
    pub totals: catalog::Totals,
    /// What repairs, evacuations and moves spent today.
    pub keeping: Spent,
    pub bad_cells: u64,
    pub hedged_reads: u64,
    pub repaired_pieces: u64,
    pub swept_pieces: u64,
    pub compacted_segments: u64,
}

/// A site.
#[derive(Clone, Debug)]
pub struct SiteGauge {
    pub status: SiteStatus,
    /// What it was asked since the start.
    pub asked: Snapshot,
    /// The same by how it ended, and how long that took.
    pub requests: Vec<(Kind, Outcome, Timed)>,
    /// Reads, listings and deletions that were made again.
    pub retries: u64,
    pub in_flight: u64,
    /// Pieces still there, of a site that is being left.
    pub leaving: Option<u64>,
}

/// The commits of one label; of the control stream where there is none.
#[derive(Clone, Debug)]
pub struct CommitGauge {
    pub label: Option<Label>,
    pub stages: [(&'static str, Timed); 3],
}

/// A share of the memory budget.
#[derive(Clone, Copy, Debug)]
pub struct ShareGauge {
    pub name: &'static str,
    pub used: u64,
    pub size: u64,
}

impl Engine {
    /// A few rows of the catalog are read, and nothing is asked of a site.
    pub async fn gauges(&self, _: &SystemPermit) -> Result<Gauges, Error> {
        let inner = &self.inner;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut sites = Vec::new();
        for known in inner.sites.iter() {
            let mut gauge = site(known);
            if known.state() == SiteState::Draining {
                gauge.leaving = Some(inner.catalog.moved(known.site.id).await?.0);
            }
            sites.push(gauge);
        }
        let commit = |handle: crate::commit::StreamHandle| CommitGauge {
            label: handle.label,
            stages: [
                ("decide", handle.stages.decide.taken()),
                ("ship", handle.stages.ship.taken()),
                ("show", handle.stages.show.taken()),
            ],
        };
        let share = |name, share: &crate::budget::Share| ShareGauge { name, used: share.used(), size: share.size() };
        let (day, spent) = inner.catalog.spent(Account::Keeping).await?;
        let today = day == BudgetDay::of(inner.outside.clock.now());
        Ok(Gauges {
            sites,
            commits: inner.streams.all().into_iter().map(commit).collect(),
            memory: [
                share("small", &inner.budget.small),
                share("reads", &inner.budget.reads),
                share("large", &inner.budget.large),
            ],
            totals: inner.catalog.totals().await?,
            keeping: if today { spent } else { Spent::default() },
            bad_cells: count(&inner.counters.bad_cells),
            hedged_reads: count(&inner.counters.hedged_reads),
            repaired_pieces: count(&inner.counters.repaired_pieces),
            swept_pieces: count(&inner.counters.swept_pieces),
            compacted_segments: count(&inner.counters.compacted_segments),
        })
    }

    /// What this gateway knows of each site, without asking anybody.
    pub fn site_gauges(&self, _: &SystemPermit) -> Vec<SiteGauge> {
        self.inner.sites.iter().map(site).collect()
    }
}

fn site(known: &KnownSite) -> SiteGauge {
    let handle = &known.handle;
    SiteGauge {
        status: site_status(known),
        asked: handle.meter.snapshot(),
        requests: handle.meter.timed(),
        retries: handle.retry.again(),
        in_flight: handle.meter.in_flight(),
        leaving: None,
    }
}
