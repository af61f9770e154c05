//! The memory budget: one process-wide count of in-flight bytes, first come first served.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{SEGMENT_MAX, SEGMENT_MIN};

/// Bytes per permit: a semaphore counts to 2^32 or so, a budget may be larger.
const GRAIN: usize = 4096;

pub struct Budget {
    grains: Arc<Semaphore>,
    total: usize,
    /// Large bodies being taken in right now.
    bodies: Arc<AtomicUsize>,
}

/// Reserved bytes, given back when dropped.
#[derive(Debug)]
pub struct Reserved(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// One large body that counts towards contention while it lives.
pub struct LargeBody(Arc<AtomicUsize>);

impl Drop for LargeBody {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Budget {
    pub fn new(total: usize) -> Budget {
        Budget { grains: Arc::new(Semaphore::new(total / GRAIN)), total, bodies: Arc::default() }
    }

    /// Waits for `bytes`, behind everyone who asked before. More than the whole budget counts as
    /// the whole, so that it can come true.
    pub async fn reserve(&self, bytes: usize) -> Reserved {
        let grains = bytes.min(self.total).div_ceil(GRAIN).min(self.total / GRAIN);
        let grains = u32::try_from(grains).unwrap_or(u32::MAX);
        #[expect(clippy::expect_used, reason = "the semaphore is never closed")]
        let permit = Arc::clone(&self.grains).acquire_many_owned(grains).await.expect("never closed");
        Reserved(permit)
    }

    /// Announces a large body.
    pub fn large_body(&self) -> LargeBody {
        self.bodies.fetch_add(1, Ordering::Relaxed);
        LargeBody(Arc::clone(&self.bodies))
    }

    /// Sealed bytes that a new segment of one body may have, given how many others want room:
    /// each body wants two segments in flight, and every byte has its parity.
    pub fn segment_size(&self, expansion: f64) -> usize {
        let bodies = self.bodies.load(Ordering::Relaxed).max(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "expansion is between 1 and 8")]
        let share = (self.total as f64 / (2.0 * expansion * bodies as f64)) as usize;
        share.clamp(SEGMENT_MIN, SEGMENT_MAX)
    }

    #[cfg(test)]
    pub fn free(&self) -> usize {
        self.grains.available_permits() * GRAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_reserved_comes_back_and_nobody_overtakes() {
        let budget = Arc::new(Budget::new(64 << 10));
        let all = budget.reserve(1 << 30).await;
        assert_eq!(budget.free(), 0);
        let large = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.reserve(60 << 10).await }
        });
        tokio::task::yield_now().await;
        let small = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.reserve(8 << 10).await }
        });
        tokio::task::yield_now().await;
        drop(all);
        let large = large.await.unwrap();
        assert!(!small.is_finished(), "the small request overtook the large one before it");
        drop(large);
        small.await.unwrap();
    }

    #[test]
    fn segments_shrink_under_contention_and_grow_again() {
        let budget = Budget::new(512 << 20);
        assert_eq!(budget.segment_size(2.0), SEGMENT_MAX);
        let bodies: Vec<_> = (0..64).map(|_| budget.large_body()).collect();
        assert_eq!(budget.segment_size(2.0), SEGMENT_MIN);
        drop(bodies);
        assert_eq!(budget.segment_size(2.0), SEGMENT_MAX);
    }
}
