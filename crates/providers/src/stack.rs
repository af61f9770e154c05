//! A site fit to rely on: an adapter under its decorators.

use std::sync::Arc;

use model::Outside;

use crate::breaker::{self, Breaker};
use crate::deadline::{self, Deadline};
use crate::meter::Meter;
use crate::retry::{self, Retry};
use crate::store::Store;

/// Of all decorators.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    pub deadline: deadline::Settings,
    pub retry: retry::Settings,
    pub breaker: breaker::Settings,
}

/// One site as services use it.
pub struct SiteHandle {
    /// What settings call it.
    pub name: String,
    /// For everything; refuses at once while the site is out.
    pub store: Arc<dyn Store>,
    /// The same past the breaker: the last resort of a read that finds too few sites in the choice.
    pub direct: Arc<dyn Store>,
    pub breaker: Arc<Breaker>,
    pub meter: Arc<Meter>,
    pub retry: Arc<Retry>,
}

/// Puts the decorators around `store`. Every try is metered, since each is a request to a vendor;
/// the breaker hears what became of a request in the end.
pub fn stack(name: &str, store: Arc<dyn Store>, settings: Settings, outside: Outside) -> Arc<SiteHandle> {
    let deadline = Arc::new(Deadline::new(store, settings.deadline));
    let meter = Arc::new(Meter::new(name, deadline));
    let retry = Arc::new(Retry::new(meter.clone(), settings.retry, outside.clone()));
    let direct: Arc<dyn Store> = retry.clone();
    let breaker = Arc::new(Breaker::new(name, direct.clone(), settings.breaker, outside));
    Arc::new(SiteHandle { name: name.to_owned(), store: breaker.clone(), direct, breaker, meter, retry })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::Side;
    use crate::fault::{FaultStore, State};
    use crate::world::{self, Scratch};
    use crate::{ErrorKind, LocalStore, MemoryStore, contract};

    #[tokio::test]
    async fn the_whole_stack_keeps_the_contract_over_memory() {
        let fresh = || stack("s", Arc::new(MemoryStore::new()), Settings::default(), world::simulated(1));
        contract::check(fresh().store.clone()).await.unwrap();
        contract::check(fresh().direct.clone()).await.unwrap();
    }

    #[tokio::test]
    async fn the_whole_stack_keeps_the_contract_over_a_directory() {
        let scratch = Scratch::new();
        let local = LocalStore::open(scratch.path().to_owned(), world::threads());
        let handle = stack("s", Arc::new(local), Settings::default(), world::threads());
        contract::check(handle.store.clone()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_site_is_out_after_three_deadlines_and_metered_as_slow() {
        let outside = world::simulated(1);
        let site = Arc::new(FaultStore::new(Arc::new(MemoryStore::new()), outside.clone()));
        let handle = stack("s", site.clone(), Settings::default(), outside);
        site.set(State::Silent);
        for _ in 0..3 {
            let error = handle.store.get_range("a", 0..1).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::TimedOut);
        }
        assert_eq!(handle.breaker.health().read, Side::Out);
        assert_eq!(handle.meter.snapshot().get.requests, 3);
        assert!(handle.meter.p50(crate::Kind::Get, 1).unwrap().as_secs() >= 10);
        handle.store.get_range("a", 0..1).await.unwrap_err();
        assert_eq!(handle.meter.snapshot().get.requests, 3, "an open breaker asks nobody");
        site.set(State::Well);
        let answer = handle.direct.get_range("a", 0..1).await.unwrap_err();
        assert_eq!(answer.kind, ErrorKind::NotFound, "the last resort asks all the same");
    }
}
