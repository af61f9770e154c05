//! The site behind the proxy: its state now, and what it was asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::fault::{Chance, Fault};
use crate::latency::Samples;
use crate::listing::Listings;
use crate::quirks::Quirks;
use crate::request::Kind;
use crate::vendor::Speaks;

/// A connection on a slow link looks again after this at most: the link may be well by then.
const LINK_WAIT_MAX: Duration = Duration::from_millis(100);

pub struct Site {
    pub upstream: SocketAddr,
    pub speaks: Speaks,
    pub quirks: Quirks,
    pub chance: Chance,
    pub counts: Counts,
    pub listings: Mutex<Listings>,
    fault: Mutex<Fault>,
    latency: Mutex<Option<Samples>>,
    /// When a slow link has carried what it was given.
    link_free: Mutex<Option<Instant>>,
}

/// Since the start, or since they were last set to zero.
#[derive(Default)]
pub struct Counts {
    requests: [AtomicU64; Kind::ALL.len()],
    /// Requests, or stalls of a connection, that the fault did something to.
    struck: AtomicU64,
    /// Bytes from and to clients, heads included.
    bytes: AtomicU64,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Well,
    SlowDown,
    Flip,
    Cut,
    Landed,
    OldListing,
}

impl Site {
    pub fn new(upstream: SocketAddr, speaks: Speaks, quirks: Quirks, seed: u64) -> Site {
        Site {
            upstream,
            speaks,
            quirks,
            chance: Chance::new(seed),
            counts: Counts::default(),
            listings: Mutex::default(),
            fault: Mutex::new(Fault::Well),
            latency: Mutex::new(None),
            link_free: Mutex::new(None),
        }
    }

    pub fn fault(&self) -> Fault {
        locked(&self.fault).clone()
    }

    pub fn set_fault(&self, fault: Fault) {
        *locked(&self.link_free) = None;
        *locked(&self.fault) = fault;
    }

    pub fn set_latency(&self, samples: Option<Samples>) {
        *locked(&self.latency) = samples;
    }

    /// How long this request waits before it is passed on, when latencies are drawn.
    pub fn latency(&self, bytes: u64) -> Option<Duration> {
        locked(&self.latency).as_ref().map(|samples| samples.draw(bytes, &self.chance))
    }

    /// Draws what becomes of a request.
    pub fn fate(&self, kind: Kind) -> Fate {
        let of = |fate, share: f64| if self.chance.strikes(share) { fate } else { Fate::Well };
        match self.fault() {
            Fault::SlowDown { share } => of(Fate::SlowDown, share),
            Fault::Flip { share } if kind == Kind::Get => of(Fate::Flip, share),
            Fault::Reset { share } if matches!(kind, Kind::Get | Kind::Put) => of(Fate::Cut, share),
            Fault::Landed { share } if kind.writes() => of(Fate::Landed, share),
            Fault::Yesterday if kind == Kind::List => Fate::OldListing,
            _ => Fate::Well,
        }
    }

    // The wire.

    pub fn is_hung(&self) -> bool {
        *locked(&self.fault) == Fault::Hung
    }

    /// How long the link is busy with what was sent over it; `None` when it is free, or not slow.
    pub fn link_busy_for(&self) -> Option<Duration> {
        let free = (*locked(&self.link_free))?;
        let busy = free.saturating_duration_since(Instant::now()).min(LINK_WAIT_MAX);
        (!busy.is_zero()).then_some(busy)
    }

    /// Bytes passed between client and proxy.
    pub fn carried(&self, bytes: usize) {
        self.counts.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if let Fault::Slow { bytes_per_second } = *locked(&self.fault)
            && bytes > 0
        {
            self.counts.strike();
            let takes = Duration::from_secs_f64(bytes as f64 / bytes_per_second.max(1) as f64);
            let mut free = locked(&self.link_free);
            *free = Some(free.map_or(Instant::now(), |free| free.max(Instant::now())) + takes);
        }
    }
}

impl Counts {
    pub fn begin(&self, kind: Kind) {
        if let Some(count) = self.requests.get(kind as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn strike(&self) {
        self.struck.fetch_add(1, Ordering::Relaxed);
    }

    pub fn reset(&self) {
        let all = self.requests.iter().chain([&self.struck, &self.bytes]);
        all.for_each(|count| count.store(0, Ordering::Relaxed));
    }

    pub fn to_json(&self) -> serde_json::Value {
        let load = |count: &AtomicU64| serde_json::Value::from(count.load(Ordering::Relaxed));
        let mut counts: serde_json::Map<_, _> =
            Kind::ALL.iter().zip(&self.requests).map(|(kind, count)| (kind.name().to_owned(), load(count))).collect();
        counts.insert("struck".to_owned(), load(&self.struck));
        counts.insert("bytes".to_owned(), load(&self.bytes));
        counts.into()
    }
}

pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
