//! A time-out for every request, by its size.
//!
//! What runs out of time may still happen: the request was sent, only its answer is not waited for.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::store::{Entry, Error, ErrorKind, Store};

/// How long a request may take. These are the outer bounds, after which a site counts as silent;
/// whoever wants an answer sooner asks another site.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// For any request, whatever its size.
    pub base: Duration,
    /// On top, for the bytes it carries: slower than this is as good as silent.
    pub bytes_per_second_min: u64,
}

impl Default for Settings {
    /// Ten seconds cover a vendor's slow moments; 2 MiB/s is a tenth of what one vendor connection
    /// gives on a bad day, and lets a piece of 32 MiB take 26 seconds.
    fn default() -> Settings {
        Settings { base: Duration::from_secs(10), bytes_per_second_min: 2 << 20 }
    }
}

impl Settings {
    /// What a request that carries `bytes` may take.
    pub fn allowed(&self, bytes: u64) -> Duration {
        let micros = u128::from(bytes) * 1_000_000 / u128::from(self.bytes_per_second_min.max(1));
        self.base.saturating_add(Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)))
    }
}

/// Gives up on requests that take too long.
pub struct Deadline {
    store: Arc<dyn Store>,
    settings: Settings,
}

impl Deadline {
    pub fn new(store: Arc<dyn Store>, settings: Settings) -> Deadline {
        Deadline { store, settings }
    }

    async fn within<T>(&self, bytes: u64, request: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let allowed = self.settings.allowed(bytes);
        tokio::time::timeout(allowed, request).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::TimedOut, format!("no answer within {} ms", allowed.as_millis())))
        })
    }
}

#[async_trait]
impl Store for Deadline {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        self.within(bytes.len() as u64, self.store.put_new(name, bytes)).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        self.within(range.end.saturating_sub(range.start), self.store.get_range(name, range)).await
    }

    async fn head(&self, name: &str) -> Result<u64, Error> {
        self.within(0, self.store.head(name)).await
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.within(0, self.store.delete(name)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        self.within(0, self.store.list(prefix, after, limit)).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::fault::{Effect, Fault, FaultStore};
    use crate::request::Kind;
    use crate::world;
    use crate::{MemoryStore, contract};

    fn settings() -> Settings {
        Settings { base: Duration::from_secs(1), bytes_per_second_min: 1000 }
    }

    #[tokio::test]
    async fn deadline_keeps_the_contract() {
        let store = Deadline::new(Arc::new(MemoryStore::new()), Settings::default());
        contract::check(Arc::new(store)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_site_times_out_by_the_size_of_the_request() {
        let memory = Arc::new(MemoryStore::new());
        let faulty = Arc::new(FaultStore::new(memory.clone(), world::simulated(1)));
        let store = Deadline::new(faulty.clone(), settings());
        for (bytes, effect, millis) in
            [(0, Effect::Lost, 1000), (500, Effect::Landed, 1500), (2000, Effect::Lost, 3000)]
        {
            faulty.next(Kind::Put, Fault::silence(effect));
            let start = Instant::now();
            let error = store.put_new(&format!("put{bytes}"), vec![0; bytes].into()).await.unwrap_err();
            assert_eq!((error.kind, start.elapsed().as_millis()), (ErrorKind::TimedOut, millis));
        }
        assert_eq!(memory.names(), ["put500"], "what timed out may have landed");
    }

    #[test]
    fn allowances_do_not_overflow() {
        assert!(Settings { bytes_per_second_min: 0, ..settings() }.allowed(u64::MAX) > Duration::from_secs(1));
    }
}
