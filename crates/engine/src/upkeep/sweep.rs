//! The sweep of orphans: a piece is deleted only if its writer epoch is closed, no record (decided
//! or shown) names it, and it has been unnamed for long enough in running time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{PieceName, Site};
use tracing::{info, warn};

use crate::api::Engine;
use crate::error::Error;
use crate::inner::Inner;
use crate::sites::{object_name, piece_name};
use crate::upkeep::under_way::Task;

/// What a sweep would delete.
#[derive(Clone, Debug, Default)]
pub struct SweepPlan {
    pub sites: Vec<(Site, Vec<PieceName>)>,
    /// Pieces that are unnamed but not for long enough yet.
    pub waiting: usize,
}

impl Engine {
    /// The plan of a sweep now; looking changes nothing at the sites.
    pub async fn plan_sweep(&self, _: &policy::SystemPermit) -> Result<SweepPlan, Error> {
        self.inner.plan_sweep().await
    }

    /// Deletes what the plan names and returns how many pieces went.
    pub async fn sweep(&self, _: &policy::SystemPermit, plan: &SweepPlan) -> Result<usize, Error> {
        self.inner.sweep(plan).await
    }
}

impl Inner {
    pub(super) async fn sweep_forever(self: &Arc<Self>) {
        loop {
            tokio::time::sleep(self.settings.sweep_every).await;
            let _task = self.tasks.begin(Task::Sweep, None, self.outside.clock.now());
            let swept = match self.plan_sweep().await {
                Ok(plan) => self.sweep(&plan).await,
                Err(error) => Err(error),
            };
            match swept {
                Ok(0) => {}
                Ok(pieces) => info!(pieces, "swept pieces that no record names"),
                Err(error) => warn!(%error, "the sweep will be tried again"),
            }
        }
    }

    async fn plan_sweep(&self) -> Result<SweepPlan, Error> {
        let running = self.catalog.add_running_ms(0).await?;
        let after = u64::try_from(self.settings.sweep_after.as_millis()).unwrap_or(u64::MAX);
        let closed = self.catalog.closed_below().await?;
        let (mut plan, prefix) = (SweepPlan::default(), format!("{}/", self.enclave));
        for known in self.sites.iter().filter(|known| known.answers()) {
            let mut doomed = Vec::new();
            let mut behind: Option<String> = None;
            // A site that stops answering is looked at next time.
            while let Ok(page) = known.list(&prefix, behind.as_deref()).await {
                let pieces = page.iter().filter_map(|entry| piece_name(self.enclave, &entry.name));
                let closed: Vec<PieceName> = pieces.filter(|piece| piece.epoch < closed).collect();
                for unnamed in self.catalog.note_unnamed(known.site.id, closed, running).await? {
                    if running.saturating_sub(unnamed.since_running_ms) >= after {
                        doomed.push(unnamed.name);
                    } else {
                        plan.waiting += 1;
                    }
                }
                match page.into_iter().next_back() {
                    Some(last) => behind = Some(last.name),
                    None => break,
                }
            }
            if !doomed.is_empty() {
                plan.sites.push((known.site.clone(), doomed));
            }
        }
        Ok(plan)
    }

    async fn sweep(&self, plan: &SweepPlan) -> Result<usize, Error> {
        let mut swept = 0;
        for (site, pieces) in &plan.sites {
            let Some(known) = self.sites.get(site.id) else { continue };
            // A replay or a decision may have named one since the plan: ask again, last.
            let running = self.catalog.add_running_ms(0).await?;
            let still = self.catalog.note_unnamed(site.id, pieces.clone(), running).await?;
            let mut deleted = Vec::new();
            for unnamed in still {
                match known.handle.store.delete(&object_name(self.enclave, &unnamed.name)).await {
                    Ok(()) => deleted.push(unnamed.name),
                    Err(error) => {
                        warn!(site = site.name, %error, "the sweep stops at this site");
                        break;
                    }
                }
            }
            swept += deleted.len();
            self.counters.swept_pieces.fetch_add(deleted.len() as u64, Ordering::Relaxed);
            self.catalog.forget_unnamed(site.id, deleted).await?;
        }
        Ok(swept)
    }
}
