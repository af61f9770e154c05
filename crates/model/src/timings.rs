//! How long things took: counts between fixed bounds, noted from many threads at once and taken as a value.
//!
//! The bounds are the same everywhere, so that what is taken of one can be added to or subtracted from what is
//! taken of another, and a dashboard needs to know one list.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// In microseconds: from what a disk's cache answers within to what nobody waits for.
pub const BOUNDS_US: [u64; 17] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000,
];
/// One more for what took longer than the last bound.
const BUCKETS: usize = BOUNDS_US.len() + 1;

/// Counted since the start.
#[derive(Debug, Default)]
pub struct Timings {
    counts: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
}

/// What was counted by a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timed {
    /// Up to each of [`BOUNDS_US`] and above the one before; the last is of what took longer than all.
    pub counts: [u64; BUCKETS],
    pub sum_us: u64,
}

impl Timings {
    pub fn note(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX >> 16);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    pub fn taken(&self) -> Timed {
        let mut taken = Timed { sum_us: self.sum_us.load(Ordering::Relaxed), ..Timed::default() };
        for (into, from) in taken.counts.iter_mut().zip(&self.counts) {
            *into = from.load(Ordering::Relaxed);
        }
        taken
    }
}

impl Timed {
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// What came since `earlier` was taken of the same.
    pub fn since(&self, earlier: &Timed) -> Timed {
        let mut since = Timed { sum_us: self.sum_us.saturating_sub(earlier.sum_us), counts: self.counts };
        for (count, before) in since.counts.iter_mut().zip(&earlier.counts) {
            *count = count.saturating_sub(*before);
        }
        since
    }

    /// The bound that this share (in percent) kept; `None` of nothing. What took longer than the last bound is told
    /// as the last bound.
    pub fn quantile(&self, percent: u32) -> Option<Duration> {
        let all = self.count();
        let rank = (all.saturating_mul(u64::from(percent))).div_ceil(100).max(1);
        let mut seen = 0;
        let reached = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        BOUNDS_US.get(reached).or(BOUNDS_US.last()).map(|us| Duration::from_micros(*us))
    }
}

impl AddAssign for Timed {
    fn add_assign(&mut self, more: Timed) {
        self.sum_us = self.sum_us.saturating_add(more.sum_us);
        for (count, more) in self.counts.iter_mut().zip(more.counts) {
            *count += more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(took_us: &[u64]) -> Timed {
        let timings = Timings::default();
        took_us.iter().for_each(|us| timings.note(Duration::from_micros(*us)));
        timings.taken()
    }

    #[test]
    fn a_bound_holds_what_took_just_as_long() {
        for (us, bucket) in [(0, 0), (100, 0), (101, 1), (30_000_000, 16), (30_000_001, 17)] {
            let timed = timed(&[us]);
            assert_eq!(timed.counts.iter().position(|count| *count == 1), Some(bucket), "{us} us");
            assert_eq!((timed.count(), timed.sum_us), (1, us));
        }
    }

    #[test]
    fn quantiles_are_the_bounds_that_were_kept() {
        assert_eq!(Timed::default().quantile(50), None);
        let mut timed_all = timed(&[90; 98]);
        timed_all += timed(&[900, 40_000_000]);
        for (percent, us) in [(50, 100), (98, 100), (99, 1_000), (100, 30_000_000)] {
            assert_eq!(timed_all.quantile(percent), Some(Duration::from_micros(us)), "p{percent}");
        }
    }

    #[test]
    fn what_came_since_is_the_difference() {
        let timings = Timings::default();
        timings.note(Duration::from_micros(90));
        let earlier = timings.taken();
        timings.note(Duration::from_millis(2));
        assert_eq!(timings.taken().since(&earlier), timed(&[2_000]));
        assert!(earlier.since(&earlier).is_empty());
    }
}
