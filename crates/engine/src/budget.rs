//! The memory budget: one process-wide count of in-flight bytes, in three shares, so that no kind of
//! work starves the others. Within a share: first come, first served.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// Bytes per permit: a semaphore counts to 2^32 or so, a budget may be larger.
const GRAIN: usize = 4096;

/// Of the budget, in eighths: small bodies; what is read. The rest takes large bodies and upkeep.
const SMALL_EIGHTHS: usize = 1;
const READS_EIGHTHS: usize = 2;

/// The shares of the process-wide budget.
pub struct Budget {
    /// Bodies that ride in the journal.
    pub small: Share,
    /// What was fetched and not yet handed to its reader.
    pub reads: Share,
    /// Segments being filled and shipped, and pieces in repair.
    pub large: Share,
}

impl Budget {
    pub fn new(total: usize) -> Budget {
        let (small, reads) = (total / 8 * SMALL_EIGHTHS, total / 8 * READS_EIGHTHS);
        Budget { small: Share::new(small), reads: Share::new(reads), large: Share::new(total - small - reads) }
    }
}

/// One share.
pub struct Share {
    grains: Arc<Semaphore>,
    total: usize,
}

/// Reserved bytes, given back when dropped.
#[derive(Debug)]
pub struct Reserved(OwnedSemaphorePermit);

impl Reserved {
    /// Both as one.
    pub fn join(&mut self, other: Reserved) {
        self.0.merge(other.0);
    }
}

impl Share {
    fn new(total: usize) -> Share {
        Share { grains: Arc::new(Semaphore::new(total / GRAIN)), total: total / GRAIN }
    }

    /// Waits for `bytes`, behind everyone who asked before. More than the whole share counts as the
    /// whole, so that it can come true. Whoever holds a reservation must not wait for another here:
    /// it asks with [`Share::try_reserve`] and does with less.
    pub async fn reserve(&self, bytes: usize) -> Reserved {
        #[expect(clippy::expect_used, reason = "the semaphore is never closed")]
        let permit = Arc::clone(&self.grains).acquire_many_owned(self.grains(bytes)).await.expect("never closed");
        Reserved(permit)
    }

    /// As [`Share::reserve`], for those who can be told to come again.
    pub async fn reserve_within(&self, bytes: usize, patience: Duration) -> Result<Reserved, Error> {
        let waited = tokio::time::timeout(patience, self.reserve(bytes)).await;
        waited.map_err(|_| Error::unavailable("too much is being read at once"))
    }

    /// What is free right now, or nothing.
    pub fn try_reserve(&self, bytes: usize) -> Option<Reserved> {
        Arc::clone(&self.grains).try_acquire_many_owned(self.grains(bytes)).ok().map(Reserved)
    }

    fn grains(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(GRAIN).min(self.total)).unwrap_or(u32::MAX)
    }

    /// Bytes that are reserved now.
    pub fn used(&self) -> u64 {
        (self.total.saturating_sub(self.grains.available_permits()) * GRAIN) as u64
    }

    /// Bytes there are in all.
    pub fn size(&self) -> u64 {
        (self.total * GRAIN) as u64
    }

    #[cfg(test)]
    fn free(&self) -> usize {
        self.grains.available_permits() * GRAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_reserved_comes_back_and_nobody_overtakes() {
        let share = Arc::new(Share::new(64 << 10));
        let all = share.reserve(1 << 30).await;
        assert_eq!(share.free(), 0);
        assert!(share.try_reserve(1).is_none());
        let large = tokio::spawn({
            let share = Arc::clone(&share);
            async move { share.reserve(60 << 10).await }
        });
        tokio::task::yield_now().await;
        let small = tokio::spawn({
            let share = Arc::clone(&share);
            async move { share.reserve(8 << 10).await }
        });
        tokio::task::yield_now().await;
        drop(all);
        let large = large.await.unwrap();
        assert!(!small.is_finished(), "the small request overtook the large one before it");
        drop(large);
        small.await.unwrap();
    }

    #[tokio::test]
    async fn one_share_used_up_leaves_the_others_free() {
        let budget = Budget::new(1 << 20);
        let _all = budget.large.reserve(1 << 20).await;
        let mut more = budget.reads.reserve(4096).await;
        more.join(budget.reads.reserve(4096).await);
        assert_eq!(budget.reads.free(), (256 << 10) - 8192);
        assert!(budget.small.try_reserve(128 << 10).is_some());
    }
}
