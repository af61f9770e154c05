//! An estimate of how long requests take: a moving average, and a histogram that forgets.

use std::time::Duration;

use tokio::time::Instant;

/// Eight buckets to each doubling, from 16 microseconds up to 4.5 minutes: an eighth is less than
/// what one minute differs from the next.
const PER_DOUBLING: usize = 8;
const BUCKETS: usize = 24 * PER_DOUBLING;
/// Doublings below the first bucket.
const SKIPPED: u32 = 4;
/// What one request counts, so that it can be halved a few times before it is nothing.
const ONE: u32 = 16;
/// When this much is counted all counts are halved: the past fades with each further 256 requests,
/// and a 99th percentile still stands on a handful.
const COUNTED_MAX: u32 = 512 * ONE;
/// They are also halved after this long, so that a site asked seldom is not judged by last hour.
const HALF_LIFE: Duration = Duration::from_secs(30);

/// Of one kind and size of request at one site.
pub(super) struct Latency {
    counts: [u32; BUCKETS],
    counted: u32,
    mean_us: Option<u64>,
    halved: Option<Instant>,
    asked: Option<Instant>,
}

impl Default for Latency {
    fn default() -> Latency {
        Latency { counts: [0; BUCKETS], counted: 0, mean_us: None, halved: None, asked: None }
    }
}

impl Latency {
    /// A request began.
    pub(super) fn ask(&mut self, now: Instant) {
        self.asked = Some(now);
    }

    /// Since the latest request began.
    pub(super) fn asked_ago(&self, now: Instant) -> Option<Duration> {
        self.asked.map(|asked| now.saturating_duration_since(asked))
    }

    pub(super) fn note(&mut self, took: Duration, now: Instant) {
        self.fade(now);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX / 8);
        self.mean_us = Some(self.mean_us.map_or(us, |mean| (mean * 7 + us) / 8));
        if let Some(count) = self.counts.get_mut(bucket(us)) {
            *count += ONE;
            self.counted += ONE;
        }
        if self.counted >= COUNTED_MAX {
            self.halve(1);
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

    /// Halves for the time that has passed. Done when something new comes, so the past is never
    /// gone before there is a present.
    fn fade(&mut self, now: Instant) {
        let halved = *self.halved.get_or_insert(now);
        let times = now.saturating_duration_since(halved).as_millis() / HALF_LIFE.as_millis();
        if times > 0 {
            self.halve(u32::try_from(times).unwrap_or(u32::MAX));
            self.halved = Some(now);
        }
    }

    fn halve(&mut self, times: u32) {
        self.counts.iter_mut().for_each(|count| *count = count.checked_shr(times).unwrap_or(0));
        self.counted = self.counts.iter().sum();
    }
}

/// The bits behind the leading one choose the part of a doubling.
fn bucket(us: u64) -> usize {
    let us = us.max(1 << SKIPPED);
    let doubling = us.ilog2();
    let part = (us >> (doubling - PER_DOUBLING.ilog2())) % PER_DOUBLING as u64;
    let bucket = (doubling - SKIPPED) as usize * PER_DOUBLING + usize::try_from(part).unwrap_or(0);
    bucket.min(BUCKETS - 1)
}

/// The first microsecond above a bucket.
fn upper_us(bucket: usize) -> u64 {
    let (doubling, part) = (bucket / PER_DOUBLING, bucket % PER_DOUBLING);
    ((PER_DOUBLING + 1 + part) as u64) << (doubling + SKIPPED as usize - PER_DOUBLING.ilog2() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(took_ms: impl IntoIterator<Item = u64>) -> Latency {
        let (mut latency, now) = (Latency::default(), Instant::now());
        took_ms.into_iter().for_each(|ms| latency.note(Duration::from_millis(ms), now));
        latency
    }

    #[test]
    fn buckets_are_an_eighth_wide_at_most_and_never_below() {
        for us in (16..100_000).chain([1 << 20, 1 << 27]) {
            let upper = upper_us(bucket(us));
            assert!(upper > us && upper <= us + us / 8 + 1, "{us} in a bucket up to {upper}");
        }
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_follow_what_was_noted() {
        assert_eq!(Latency::default().quantile(50), None);
        let latency = noted(1..=100);
        for (percent, ms) in [(50, 50), (95, 95), (99, 99)] {
            let told = latency.quantile(percent).unwrap().as_millis();
            assert!((ms..=ms * 9 / 8).contains(&told), "p{percent} is {told} ms");
        }
    }

    #[test]
    fn the_past_is_forgotten_over_many_requests() {
        let mut latency = noted([1; 10_000].into_iter().chain([100; 2_000]));
        assert!(latency.quantile(50).unwrap() >= Duration::from_millis(100));
        assert!(latency.mean().unwrap() > Duration::from_millis(99));
    }

    #[test]
    fn the_past_is_forgotten_over_time_once_something_new_is_known() {
        let mut latency = noted([100; 500]);
        let later = Instant::now() + 12 * HALF_LIFE;
        assert!(latency.quantile(50).unwrap() >= Duration::from_millis(100), "an old guess is better than none");
        (0..2).for_each(|_| latency.note(Duration::from_millis(1), later));
        assert!(latency.quantile(50).unwrap() < Duration::from_millis(2));
    }
}
