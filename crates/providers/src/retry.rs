//! A second chance for requests that change nothing when made twice.
//!
//! Puts are never repeated here: one that failed may have landed, and its name is used up. Whoever
//! places pieces places another one under a new name.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use model::Outside;

use crate::store::{Entry, Error, ErrorKind, Store};

/// How often and how soon.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Requests made in all, the first included.
    pub tries_max: u32,
    /// Before the second try; doubles before each further one. The wait taken is between half of
    /// this and all of it, at random, so that many callers do not come back together.
    pub wait: Duration,
}

impl Default for Settings {
    /// Few and soon: other sites can answer instead, and a breaker waits to hear of the failure.
    fn default() -> Settings {
        Settings { tries_max: 3, wait: Duration::from_millis(20) }
    }
}

/// Repeats reads, listings and deletions that failed for a moment.
pub struct Retry {
    store: Arc<dyn Store>,
    settings: Settings,
    outside: Outside,
    again: AtomicU64,
}

impl Retry {
    pub fn new(store: Arc<dyn Store>, settings: Settings, outside: Outside) -> Retry {
        Retry { store, settings, outside, again: AtomicU64::new(0) }
    }

    /// Requests that were made again, since the start.
    pub fn again(&self) -> u64 {
        self.again.load(Ordering::Relaxed)
    }

    async fn repeat<T, F: Future<Output = Result<T, Error>>>(
        &self,
        mut request: impl FnMut() -> F,
    ) -> Result<T, Error> {
        let mut tries = 1;
        loop {
            match request().await {
                Err(error) if passes(error.kind) && tries < self.settings.tries_max => {
                    tokio::time::sleep(self.wait(tries)).await;
                    tries += 1;
                    self.again.fetch_add(1, Ordering::Relaxed);
                }
                result => return result,
            }
        }
    }

    /// Before the try that follows `tries` failed ones.
    fn wait(&self, tries: u32) -> Duration {
        let longest = self.settings.wait.saturating_mul(1 << (tries - 1).min(10));
        let share = u32::from(u16::from_le_bytes(self.outside.random()));
        longest / 2 + (longest / 2).saturating_mul(share) / u32::from(u16::MAX)
    }
}

/// Whether asking again soon may help. A site that did not answer in time has had its time.
pub fn passes(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Throttled | ErrorKind::Unavailable)
}

#[async_trait]
impl Store for Retry {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        self.store.put_new(name, bytes).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        self.repeat(|| self.store.get_range(name, range.clone())).await
    }

    async fn head(&self, name: &str) -> Result<u64, Error> {
        self.repeat(|| self.store.head(name)).await
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.repeat(|| self.store.delete(name)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        self.repeat(|| self.store.list(prefix, after, limit)).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::fault::{Effect, Fault, FaultStore};
    use crate::meter::Meter;
    use crate::request::Kind;
    use crate::{MemoryStore, contract, world};

    struct Setup {
        faulty: Arc<FaultStore>,
        meter: Arc<Meter>,
        store: Retry,
    }

    async fn setup() -> Setup {
        let outside = world::simulated(7);
        let faulty = Arc::new(FaultStore::new(Arc::new(MemoryStore::new()), outside.clone()));
        faulty.put_new("a", "abc".into()).await.unwrap();
        let meter = Arc::new(Meter::new("s", faulty.clone()));
        let store = Retry::new(meter.clone(), Settings::default(), outside);
        Setup { faulty, meter, store }
    }

    #[tokio::test]
    async fn retry_keeps_the_contract() {
        let memory = Arc::new(MemoryStore::new());
        contract::check(Arc::new(Retry::new(memory, Settings::default(), world::simulated(1)))).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_is_repeated_after_moments_that_grow() {
        let Setup { faulty, meter, store } = setup().await;
        faulty.next(Kind::Get, Fault::error(Effect::Lost, ErrorKind::Unavailable));
        faulty.next(Kind::Get, Fault::error(Effect::Landed, ErrorKind::Throttled));
        let start = Instant::now();
        assert_eq!(store.get_range("a", 0..3).await.unwrap(), "abc");
        assert_eq!((meter.snapshot().get.requests, store.again()), (3, 2));
        assert!((30..=62).contains(&start.elapsed().as_millis()), "waited {:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_deletion_that_landed_unheard_succeeds_when_repeated() {
        let Setup { faulty, store, .. } = setup().await;
        faulty.next(Kind::Delete, Fault::error(Effect::Landed, ErrorKind::Unavailable));
        store.delete("a").await.unwrap();
        assert_eq!(store.head("a").await.unwrap_err().kind, ErrorKind::NotFound);
    }

    #[tokio::test(start_paused = true)]
    async fn tries_are_few_and_answers_are_not_repeated() {
        let Setup { faulty, meter, store } = setup().await;
        for _ in 0..9 {
            faulty.next(Kind::Head, Fault::error(Effect::Lost, ErrorKind::Unavailable));
        }
        assert_eq!(store.head("a").await.unwrap_err().kind, ErrorKind::Unavailable);
        assert_eq!(meter.snapshot().head.requests, 3);
        for kind in [ErrorKind::TimedOut, ErrorKind::Denied, ErrorKind::Corrupt, ErrorKind::NotFound, ErrorKind::Full] {
            let before = meter.snapshot().list.requests;
            faulty.next(Kind::List, Fault::error(Effect::Lost, kind));
            assert_eq!(store.list("", None, 1).await.unwrap_err().kind, kind);
            assert_eq!(meter.snapshot().list.requests, before + 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_put_is_never_repeated() {
        let Setup { faulty, meter, store } = setup().await;
        for effect in [Effect::Lost, Effect::Landed] {
            faulty.next(Kind::Put, Fault::error(effect, ErrorKind::Throttled));
            let error = store.put_new(&format!("{effect:?}"), "x".into()).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Throttled);
        }
        assert_eq!(meter.snapshot().put.requests, 2);
    }
}
