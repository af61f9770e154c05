//! What a site is asked, and how long it takes to answer.
//!
//! Counts are exact. Latencies are estimates over the latest requests, kept apart by kind and size,
//! to predict completion and to decide when to ask another site as well.

mod latency;

use std::future::Future;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use model::{Timed, Timings};
use tokio::time::Instant;
use tracing::Instrument;

use self::latency::Latency;
use crate::request::Kind;
use crate::store::{Entry, Error, ErrorKind, Store};

/// Requests that carry up to this many bytes share an estimate; what is larger has its own. Each
/// lies a little above what is usually asked for, so that a tag or a digest more changes no class.
const CLASS_BYTES_MAX: [u64; 5] = [8 << 10, 80 << 10, 320 << 10, 1280 << 10, 8 << 20];
const CLASSES: usize = CLASS_BYTES_MAX.len() + 1;

/// Counts and times the requests that pass through it.
pub struct Meter {
    /// Of the site, in traces.
    name: String,
    store: Arc<dyn Store>,
    put: Gauge,
    get: Gauge,
    head: Gauge,
    delete: Gauge,
    list: Gauge,
}

/// Everything about one kind of request.
#[derive(Default)]
struct Gauge {
    requests: AtomicU64,
    failures: AtomicU64,
    bytes: AtomicU64,
    in_flight: AtomicU64,
    latency: Mutex<[Latency; CLASSES]>,
    /// When the latest answer came.
    answered: Mutex<Option<Instant>>,
    /// How long each took, by its [`Outcome`].
    timings: [Timings; Outcome::ALL.len()],
}

/// What became of a request, as operators tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Done,
    /// The site answered well that it is not so: no such object, no such range.
    Answered,
    Throttled,
    TimedOut,
    Failed,
    /// Nobody waits for it any more, mostly because another site was quicker.
    GivenUp,
}

impl Outcome {
    pub const ALL: [Outcome; 6] =
        [Outcome::Done, Outcome::Answered, Outcome::Throttled, Outcome::TimedOut, Outcome::Failed, Outcome::GivenUp];

    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Answered => "answered",
            Outcome::Throttled => "throttled",
            Outcome::TimedOut => "timed_out",
            Outcome::Failed => "failed",
            Outcome::GivenUp => "given_up",
        }
    }

    const fn of(error: Option<ErrorKind>) -> Outcome {
        match error {
            None => Outcome::Done,
            Some(kind) if kind.is_answer() => Outcome::Answered,
            Some(ErrorKind::Throttled) => Outcome::Throttled,
            Some(ErrorKind::TimedOut) => Outcome::TimedOut,
            Some(_) => Outcome::Failed,
        }
    }
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub put: Count,
    pub get: Count,
    pub head: Count,
    pub delete: Count,
    pub list: Count,
}

/// Requests of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Begun, whatever became of them.
    pub requests: u64,
    /// Ended in an error that is not an answer.
    pub failures: u64,
    /// Sent by puts, received by gets, of requests that succeeded.
    pub bytes: u64,
    /// Not ended yet.
    pub in_flight: u64,
}

impl Snapshot {
    pub const fn of(&self, kind: Kind) -> Count {
        match kind {
            Kind::Put => self.put,
            Kind::Get => self.get,
            Kind::Head => self.head,
            Kind::Delete => self.delete,
            Kind::List => self.list,
        }
    }

    /// Requests of every kind together.
    pub fn requests(&self) -> u64 {
        Kind::ALL.into_iter().map(|kind| self.of(kind).requests).sum()
    }
}

impl Meter {
    pub fn new(name: &str, store: Arc<dyn Store>) -> Meter {
        Meter {
            name: name.to_owned(),
            store,
            put: Gauge::default(),
            get: Gauge::default(),
            head: Gauge::default(),
            delete: Gauge::default(),
            list: Gauge::default(),
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            put: self.put.count(),
            get: self.get.count(),
            head: self.head.count(),
            delete: self.delete.count(),
            list: self.list.count(),
        }
    }

    /// How long the requests of each kind and outcome took, of which there were any.
    pub fn timed(&self) -> Vec<(Kind, Outcome, Timed)> {
        let all = Kind::ALL.into_iter().flat_map(|kind| Outcome::ALL.map(|outcome| (kind, outcome)));
        let timed = all.filter_map(|(kind, outcome)| Some((kind, outcome, self.gauge(kind).timings(outcome)?.taken())));
        timed.filter(|(_, _, timed)| !timed.is_empty()).collect()
    }

    /// Requests under way now.
    pub fn in_flight(&self) -> u64 {
        Kind::ALL.into_iter().map(|kind| self.gauge(kind).in_flight.load(Ordering::Relaxed)).sum()
    }

    /// Requests of one kind under way now.
    pub fn in_flight_of(&self, kind: Kind) -> u64 {
        self.gauge(kind).in_flight.load(Ordering::Relaxed)
    }

    /// This share of the latest requests of this kind and about this size took no longer. `None`
    /// before the first; at most an eighth above the truth.
    pub fn quantile(&self, kind: Kind, bytes: u64, percent: u32) -> Option<Duration> {
        self.gauge(kind).latency(bytes, |latency| latency.quantile(percent))
    }

    pub fn p50(&self, kind: Kind, bytes: u64) -> Option<Duration> {
        self.quantile(kind, bytes, 50)
    }

    pub fn p95(&self, kind: Kind, bytes: u64) -> Option<Duration> {
        self.quantile(kind, bytes, 95)
    }

    pub fn p99(&self, kind: Kind, bytes: u64) -> Option<Duration> {
        self.quantile(kind, bytes, 99)
    }

    /// Since the latest request of this kind and about this size began. `None` before the first.
    pub fn asked_ago(&self, kind: Kind, bytes: u64) -> Option<Duration> {
        self.gauge(kind).latency(bytes, |latency| latency.asked_ago(Instant::now()))
    }

    /// Whether any request of this kind was answered since then: the site itself is not what is slow.
    pub fn answered_since(&self, kind: Kind, then: Instant) -> bool {
        self.gauge(kind).last_answer().is_some_and(|answered| answered > then)
    }

    /// The moving average, where the newest request weighs an eighth.
    pub fn mean(&self, kind: Kind, bytes: u64) -> Option<Duration> {
        self.gauge(kind).latency(bytes, Latency::mean)
    }

    fn gauge(&self, kind: Kind) -> &Gauge {
        match kind {
            Kind::Put => &self.put,
            Kind::Get => &self.get,
            Kind::Head => &self.head,
            Kind::Delete => &self.delete,
            Kind::List => &self.list,
        }
    }

    async fn measure<T>(
        &self,
        kind: Kind,
        bytes: u64,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let flight = Flight::begin(self.gauge(kind), bytes);
        // Seen by whoever collects traces, and by nobody else. What is not signed would be told as text.
        let (kind, bytes) = (kind.name(), bytes.cast_signed());
        let span = tracing::info_span!(target: "trace::site", "site", site = self.name, kind, bytes);
        let result = request.instrument(span).await;
        flight.end(result.as_ref().err().map(|error| error.kind));
        result
    }
}

impl Gauge {
    fn count(&self) -> Count {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Count {
            requests: load(&self.requests),
            failures: load(&self.failures),
            bytes: load(&self.bytes),
            in_flight: load(&self.in_flight),
        }
    }

    fn latency<T>(&self, bytes: u64, ask: impl FnOnce(&mut Latency) -> Option<T>) -> Option<T> {
        let class = CLASS_BYTES_MAX.iter().position(|max| bytes <= *max).unwrap_or(CLASS_BYTES_MAX.len());
        let mut classes: MutexGuard<'_, [Latency; CLASSES]> =
            self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        classes.get_mut(class).and_then(ask)
    }

    fn timings(&self, outcome: Outcome) -> Option<&Timings> {
        self.timings.get(outcome as usize)
    }

    fn time(&self, outcome: Outcome, took: Duration) {
        if let Some(timings) = self.timings(outcome) {
            timings.note(took);
        }
    }

    fn last_answer(&self) -> MutexGuard<'_, Option<Instant>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, bytes: u64, took: Duration) {
        self.latency(bytes, |latency| {
            latency.note(took, Instant::now());
            Some(())
        });
    }
}

/// One request under way. Dropped before its end, it was given up by its caller.
struct Flight<'a> {
    gauge: &'a Gauge,
    bytes: u64,
    begun: Instant,
    ended: bool,
}

impl<'a> Flight<'a> {
    fn begin(gauge: &'a Gauge, bytes: u64) -> Flight<'a> {
        gauge.requests.fetch_add(1, Ordering::Relaxed);
        gauge.in_flight.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        gauge.latency(bytes, |latency| {
            latency.ask(begun);
            Some(())
        });
        Flight { gauge, bytes, begun, ended: false }
    }

    fn end(mut self, error: Option<ErrorKind>) {
        self.ended = true;
        let took = self.begun.elapsed();
        self.gauge.time(Outcome::of(error), took);
        if error.is_none_or(ErrorKind::is_answer) {
            *self.gauge.last_answer() = Some(Instant::now());
        }
        match error {
            None => {
                self.gauge.bytes.fetch_add(self.bytes, Ordering::Relaxed);
                self.gauge.note(self.bytes, took);
            }
            // An answer that carried no bytes tells nothing of how long bytes take.
            Some(kind) if kind.is_answer() => {}
            Some(kind) => {
                self.gauge.failures.fetch_add(1, Ordering::Relaxed);
                // It would have taken at least this long; a refusal at once says nothing.
                if kind == ErrorKind::TimedOut {
                    self.gauge.note(self.bytes, took);
                }
            }
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.gauge.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !self.ended {
            // Given up because another site was quicker, mostly. Were these left out, a slow site
            // would be judged by its quick answers alone; short ones are left out for the same
            // reason turned round.
            let took = self.begun.elapsed();
            self.gauge.time(Outcome::GivenUp, took);
            if self.gauge.latency(self.bytes, |latency| latency.quantile(50)).is_none_or(|usual| took > usual) {
                self.gauge.note(self.bytes, took);
            }
        }
    }
}

#[async_trait]
impl Store for Meter {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        self.measure(Kind::Put, bytes.len() as u64, self.store.put_new(name, bytes)).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        let bytes = range.end.saturating_sub(range.start);
        self.measure(Kind::Get, bytes, self.store.get_range(name, range)).await
    }

    async fn head(&self, name: &str) -> Result<u64, Error> {
        self.measure(Kind::Head, 0, self.store.head(name)).await
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.measure(Kind::Delete, 0, self.store.delete(name)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        self.measure(Kind::List, 0, self.store.list(prefix, after, limit)).await
    }
}

#[cfg(test)]
mod tests;
