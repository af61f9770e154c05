//! What the enclave says about itself.

use std::sync::atomic::Ordering;
use std::time::Duration;

use policy::SystemPermit;

use crate::api::{Engine, SideHealth, SiteStatus, Status};
use crate::error::Error;
use crate::inner::Inner;
use crate::sites::KnownSite;

/// How often a draining enclave looks whether it is done.
const DRAIN_POLL: Duration = Duration::from_millis(5);

impl Engine {
    /// How many calls took a permit since start. What the door refuses must not move it.
    pub fn calls(&self) -> u64 {
        self.inner.counters.calls.load(Ordering::Relaxed)
    }

    pub async fn status(&self, _: &SystemPermit) -> Result<Status, Error> {
        let inner = &self.inner;
        let requests = |known: &KnownSite| (known.site.name.clone(), known.handle.meter.snapshot().requests());
        Ok(Status {
            enclave: inner.enclave,
            totals: inner.catalog.totals().await?,
            sites: inner.sites.iter().map(site_status).collect(),
            bad_cells: inner.counters.bad_cells.load(Ordering::Relaxed),
            hedged_reads: inner.counters.hedged_reads.load(Ordering::Relaxed),
            site_requests: inner.sites.iter().map(requests).collect(),
        })
    }

    /// Refuses new writes from now on and waits until what was decided is shown. While too few
    /// sites answer that may be never: bound the wait.
    pub async fn drain(&self) {
        self.inner.draining.store(true, Ordering::Relaxed);
        while self.inner.counters.unshown.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(DRAIN_POLL).await;
        }
    }
}

pub(crate) fn site_status(known: &KnownSite) -> SiteStatus {
    let side = |well: bool| if well { SideHealth::Well } else { SideHealth::Out };
    SiteStatus {
        site: known.site.clone(),
        state: known.state(),
        reads: side(known.reads_well()),
        writes: side(known.writes_well()),
        reason: known.handle.breaker.reason(),
    }
}

impl Inner {
    /// Counts a call that only reads; those go on while the enclave is stopping.
    pub fn enter_reading(&self) {
        self.counters.calls.fetch_add(1, Ordering::Relaxed);
    }
}
