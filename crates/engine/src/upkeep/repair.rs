//! Repair: what is below its promise, most endangered first, as a plan that can be printed and as work
//! that can be watched. Catch-up makes and does the same in the background.

use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::Endangered;
use futures::StreamExt;
use model::{Segment, StreamId};
use policy::SystemPermit;
use tracing::debug;

use super::plan::{self, Bill, Place};
use crate::api::Engine;
use crate::error::Error;
use crate::inner::Inner;
use crate::limits::CATCH_UP_BATCH;

/// Segments mended side by side: the records of their new pieces share journal segments.
const AT_ONCE: usize = 16;

/// What bringing everything up to its promise would take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairPlan {
    /// By the number of pieces beyond those that are needed, the most endangered first.
    pub by_spare: BTreeMap<i64, Bill>,
    /// Segments for which nothing can be done while other sites are out.
    pub waiting: u64,
}

/// What one walk did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    pub segments: u64,
    pub pieces: u64,
    pub bill: Bill,
    /// Segments that are to be looked at again.
    pub waiting: u64,
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

    /// One walk over all that is below its promise; `tell` hears of every segment that was looked at.
    pub async fn repair(&self, _: &SystemPermit, tell: impl Fn(&Repaired) + Send + Sync) -> Result<Repaired, Error> {
        self.inner.repair(tell).await
    }
}

impl Inner {
    /// What cannot be mended now, since too few sites answer, keeps nothing behind it waiting.
    pub async fn repair(self: &Arc<Self>, tell: impl Fn(&Repaired) + Send + Sync) -> Result<Repaired, Error> {
        let (mut after, mut repaired) = (None, Repaired::default());
        loop {
            let page = self.catalog.below_promise(after, CATCH_UP_BATCH).await?;
            let Some(last) = page.last() else { return Ok(repaired) };
            after = Some(Endangered::of(last));
            let mend = |segment: Segment| {
                let inner = Arc::clone(self);
                async move { inner.mend(segment.id).await }
            };
            let mut work = futures::stream::iter(page).map(mend).buffered(AT_ONCE);
            while let Some(done) = work.next().await {
                repaired.segments += 1;
                match done {
                    Ok(mended) => {
                        repaired.pieces += mended.added as u64;
                        repaired.bill += mended.bill;
                        repaired.waiting += u64::from(mended.waits);
                    }
                    Err(error) => {
                        repaired.waiting += 1;
                        debug!(%error, "a segment cannot be mended now");
                    }
                }
                tell(&repaired);
            }
        }
    }
}

impl RepairPlan {
    fn add(&mut self, segment: &Segment, places: &[Place]) {
        let target = plan::target(segment, places);
        match target.and_then(|target| plan::way(segment, &target, places)) {
            Some(priced) => *self.by_spare.entry(Endangered::of(segment).spare).or_default() += priced.bill,
            None => self.waiting += 1,
        }
    }

    /// Of all together.
    pub fn total(&self) -> Bill {
        let mut total = Bill::default();
        self.by_spare.values().for_each(|bill| total += *bill);
        total
    }
}
