//! An estimate of how long requests take: a moving average, and a histogram that forgets.

use std::time::Duration;

/// Four buckets to each doubling, from 16 microseconds up to 4.5 minutes.
const BUCKETS: usize = 96;
/// Doublings below the first bucket.
const SKIPPED: u32 = 4;
/// When this many requests are counted all counts are halved: the past fades with each further
/// 256 requests, and a 99th percentile still stands on a handful.
const COUNTED_MAX: u32 = 512;

/// Of one kind and size of request at one site.
pub(super) struct Latency {
    counts: [u32; BUCKETS],
    counted: u32,
    mean_us: Option<u64>,
}

impl Default for Latency {
    fn default() -> Latency {
        Latency { counts: [0; BUCKETS], counted: 0, mean_us: None }
    }
}

impl Latency {
    pub(super) fn note(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX / 8);
        self.mean_us = Some(self.mean_us.map_or(us, |mean| (mean * 7 + us) / 8));
        if let Some(count) = self.counts.get_mut(bucket(us)) {
            *count += 1;
            self.counted += 1;
        }
        if self.counted >= COUNTED_MAX {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.counted = self.counts.iter().sum();
        }
    }

    pub(super) fn mean(&mut self) -> Option<Duration> {
        self.mean_us.map(Duration::from_micros)
    }

    /// The upper end of the bucket in which this share (in percent) of all requests is reached.
    pub(super) fn quantile(&self, percent: u32) -> Option<Duration> {
        let rank = (self.counted * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let reached = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        reached.map(|bucket| Duration::from_micros(upper_us(bucket)))
    }
}

/// Two bits behind the leading one choose the quarter of a doubling.
fn bucket(us: u64) -> usize {
    let us = us.max(1 << SKIPPED);
    let doubling = us.ilog2();
    let quarter = (us >> (doubling - 2)) & 3;
    let bucket = (doubling - SKIPPED) as usize * 4 + usize::try_from(quarter).unwrap_or(0);
    bucket.min(BUCKETS - 1)
}

/// The first microsecond above a bucket.
fn upper_us(bucket: usize) -> u64 {
    let (doubling, quarter) = (bucket / 4, bucket % 4);
    (5 + quarter as u64) << (doubling + SKIPPED as usize - 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_a_quarter_wide_at_most_and_never_below() {
        for us in (16..100_000).chain([1 << 20, 1 << 27]) {
            let upper = upper_us(bucket(us));
            assert!(upper > us && upper <= us + us / 4 + 1, "{us} in a bucket up to {upper}");
        }
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_follow_what_was_noted() {
        let mut latency = Latency::default();
        assert_eq!(latency.quantile(50), None);
        for ms in 1..=100 {
            latency.note(Duration::from_millis(ms));
        }
        for (percent, ms) in [(50, 50), (95, 95), (99, 99)] {
            let told = latency.quantile(percent).unwrap().as_millis();
            assert!((ms..=ms * 5 / 4).contains(&told), "p{percent} is {told} ms");
        }
    }

    #[test]
    fn the_past_is_forgotten() {
        let mut latency = Latency::default();
        (0..10_000).for_each(|_| latency.note(Duration::from_millis(1)));
        (0..2_000).for_each(|_| latency.note(Duration::from_millis(100)));
        assert!(latency.quantile(50).unwrap() >= Duration::from_millis(100));
        assert!(latency.mean().unwrap() > Duration::from_millis(99));
    }
}
