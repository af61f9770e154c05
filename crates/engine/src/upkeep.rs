//! Keeping: what lies at the sites stays as it was promised, over years, vendors that leave, and rot. Sites
//! are probed, what is below its promise is brought up, sites are left, suspects are looked at, pieces are
//! scrubbed, the journal is compacted, snapshots are taken, epochs turn, pieces that no record names are swept, lifecycle rules are kept, and what is
//! adopted is brought over.
//!
//! Every loop is woken by a signal or a timer and takes the same path both times.

mod before;
mod catch_up;
mod claims;
mod compact;
mod evacuate;
mod ledger;
mod lifecycle;
mod limits;
mod mend;
mod moving;
mod outlives;
mod plan;
mod repair;
mod scrub;
mod snapshot;
mod states;
mod suspect;
mod sweep;
mod under_way;

use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use tracing::error;

use crate::api::Engine;
use crate::error::Error;
use crate::inner::Inner;
use crate::limits::EPOCH_LENGTH;
use crate::sites::KnownSite;

pub use claims::Claims;
pub use compact::Compaction;
pub use evacuate::{Evacuation, EvacuationPlan, Leaving, Shift, Shifted};
pub use ledger::{Durability, DurabilityRow, SiteProofs, Standard, Tally};
pub use lifecycle::{LifecycleDone, LifecyclePlan, Lifecycles, Step, What};
pub use limits::{Budget, KeepingSettings};
pub use mend::Wait;
pub use moving::{DataMove, MovePlan, MoveProgress, Moves};
pub use plan::Bill;
pub use repair::{Compared, NotAsked, RepairPlan, Repaired};
pub use scrub::{Purse, Scrub, ScrubDone, ScrubOrder, ScrubPlan, ScrubSettings, SiteScrub, Stop};
pub use sweep::SweepPlan;
pub use under_way::{Task, Tasks, UnderWay};

/// How often running time is written down; what passes between is not counted, which only makes
/// the sweep wait longer.
const RUNNING_TIME_EVERY: Duration = Duration::from_secs(60);

impl Engine {
    /// Does background work until `stop` resolves.
    pub async fn run_background(&self, stop: impl Future<Output = ()> + Send) {
        let inner = &self.inner;
        tokio::select! {
            biased;
            () = stop => {}
            () = inner.probe_sites() => {}
            () = Box::pin(inner.catch_up_forever()) => {}
            () = Box::pin(inner.evacuate_forever()) => {}
            () = Box::pin(inner.move_forever()) => {}
            () = inner.look_at_suspects() => {}
            () = inner.count_running_time() => {}
            () = inner.turn_epochs() => {}
            () = Box::pin(inner.sweep_forever()) => {}
            () = Box::pin(inner.scrub_forever()) => {}
            () = Box::pin(inner.compact_forever()) => {}
            () = Box::pin(inner.keep_snapshots_forever()) => {}
            () = Box::pin(inner.walk_ledger_forever()) => {}
            () = Box::pin(inner.lifecycle_forever()) => {}
            () = Box::pin(inner.copy_origins()) => {}
            () = inner.clear_forever() => {}
        }
    }
}

impl Inner {
    /// Does this for each site there is and each that comes, for ever. Each at its own pace: one that hangs does not
    /// keep the others waiting.
    async fn at_each_site<'a>(&'a self, work: impl Fn(&'a KnownSite) -> BoxFuture<'a, ()>) {
        let (mut count, mut begun, mut at_work) = (self.sites.count(), 0, FuturesUnordered::new());
        loop {
            let there = *count.borrow_and_update();
            at_work.extend(self.sites.iter().take(there).skip(begun).map(&work));
            begun = there;
            tokio::select! {
                biased;
                Some(()) = at_work.next() => {}
                // The sender lives as long as these very sites.
                _ = count.changed() => {}
            }
        }
    }

    async fn probe_sites(&self) {
        self.at_each_site(|known| self.probe_site(known).boxed()).await;
    }

    async fn probe_site(&self, known: &KnownSite) {
        loop {
            tokio::time::sleep(self.settings.probe_every).await;
            let before = (known.writes_well(), known.answers());
            known.handle.breaker.probe().await;
            if (!before.0 && known.writes_well()) || (!before.1 && known.answers()) {
                self.catch_up.notify_one();
                self.moves.asked.notify_one();
            }
        }
    }

    async fn count_running_time(&self) {
        let mut counted = self.outside.clock.monotonic_ms();
        loop {
            tokio::time::sleep(RUNNING_TIME_EVERY).await;
            let now = self.outside.clock.monotonic_ms();
            match self.catalog.add_running_ms(now.saturating_sub(counted)).await {
                Ok(_) => counted = now,
                Err(error) => error!(%error, "running time could not be recorded"),
            }
        }
    }

    async fn turn_epochs(&self) {
        let mut opened = tokio::time::Instant::now();
        loop {
            // First at once: of the process before nothing is under way.
            let turn = opened.elapsed() >= EPOCH_LENGTH;
            match self.turn_epoch(turn).await {
                Ok(()) if turn => opened = tokio::time::Instant::now(),
                Ok(()) => {}
                Err(error) => error!(%error, "the writer epoch could not be turned"),
            }
            tokio::time::sleep(RUNNING_TIME_EVERY).await;
        }
    }

    /// Opens a new epoch if it is time, and closes those in which nothing is under way any more.
    pub async fn turn_epoch(&self, turn: bool) -> Result<(), Error> {
        if turn {
            let newest = self.catalog.newest_epoch().await?;
            self.epochs.enter(self.catalog.open_epoch(newest).await?);
        }
        let quiet = self.epochs.quiet_below();
        if quiet > self.catalog.closed_below().await? {
            self.catalog.close_epochs_below(quiet).await?;
        }
        Ok(())
    }
}
