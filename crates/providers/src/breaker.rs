//! Takes a failing site out of the choice, and lets it back once probes succeed for long enough.
//!
//! Reads and writes are judged apart: a full or read-only site still reads. In an unbroken row of
//! failures of one half,
//!
//! | failure | takes the half out |
//! |---|---|
//! | `Full`, `Denied` | at once: it stays so until a person acts |
//! | `Unavailable` | at the 2nd: one may be a connection that broke |
//! | `TimedOut`, `Throttled`, or late | at the 3rd: sites have slow moments |
//!
//! and any answer ends the row (`NotFound`, `AlreadyExists`, `Corrupt` and `Invalid` are answers).
//! While a half is out its requests are refused at once; nobody's request is the guinea pig, only
//! [`Breaker::probe`] asks. A marker that is missing or another's takes both halves out at once.

mod half;
mod probe;

use std::future::Future;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use model::{EnclaveId, Outside, SiteId};
use thiserror::Error as ThisError;
use tokio::sync::watch;
use tokio::time::Instant;

use self::half::{Condition, Turn};
use crate::request::{Half, Kind};
use crate::store::{Entry, Error, ErrorKind, Store};

/// Why a site is out whose requests took long while others' did not.
const LATE: &str = "site answers much later than it did, and than others do";

/// When a site comes back.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long probes must succeed, with no failure between.
    pub reenter_after: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { reenter_after: Duration::from_secs(30) }
    }
}

/// How a site is, as far as this process knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    pub read: Side,
    pub write: Side,
}

/// One half of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Well,
    /// Taken out of the choice until probes succeed for long enough.
    Out,
}

impl Health {
    pub const WELL: Health = Health { read: Side::Well, write: Side::Well };

    pub const fn of(self, half: Half) -> Side {
        match half {
            Half::Read => self.read,
            Half::Write => self.write,
        }
    }
}

/// The source of an `Unavailable` that never reached the site.
#[derive(Clone, Debug, ThisError)]
#[error("the site is out for {half}: {reason}")]
pub struct Open {
    pub half: Half,
    pub reason: String,
}

/// One site's breaker, and the store behind it.
pub struct Breaker {
    name: String,
    store: Arc<dyn Store>,
    settings: Settings,
    outside: Outside,
    state: Mutex<State>,
    health: watch::Sender<Health>,
}

#[derive(Default)]
struct State {
    read: Condition,
    write: Condition,
    /// Whose site it should be.
    owner: Option<(EnclaveId, SiteId)>,
}

impl Breaker {
    /// A breaker for the site that settings call `name`; well until something fails.
    pub fn new(name: &str, store: Arc<dyn Store>, settings: Settings, outside: Outside) -> Breaker {
        let health = watch::Sender::new(Health::WELL);
        Breaker { name: name.to_owned(), store, settings, outside, state: Mutex::default(), health }
    }

    pub fn health(&self) -> Health {
        *self.health.borrow()
    }

    /// Hears of every change of health.
    pub fn subscribe(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// The latest failure of each half that is out, for a person to read; `None` when well.
    pub fn reason(&self) -> Option<String> {
        let state = self.state();
        match (state.read.reason(), state.write.reason()) {
            (Some(read), Some(write)) if read == write => Some(read.to_owned()),
            (Some(read), Some(write)) => Some(format!("reads: {read}; writes: {write}")),
            (Some(read), None) => Some(format!("reads: {read}")),
            (None, Some(write)) => Some(format!("writes: {write}")),
            (None, None) => None,
        }
    }

    /// Takes both halves out until probes succeed for long enough.
    pub fn take_out(&self, reason: &str) {
        self.turn(Half::Read, |read| read.take_out(reason));
        self.turn(Half::Write, |write| write.take_out(reason));
    }

    /// A request that carries `bytes` was not answered `within` the time that others kept: it counts
    /// as one that was not answered, and is still waited for.
    pub fn note_late(&self, half: Half, bytes: u64, within: Duration) {
        self.turn(half, |condition| condition.late(bytes, within, LATE));
    }

    /// Makes a request to the site behind it some other way: it is refused while the half is out, and heard
    /// of in the end. One that carries nothing away has no `bytes`.
    pub async fn guard<T>(
        &self,
        kind: Kind,
        bytes: u64,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let half = kind.half();
        if let Some(reason) = self.state().of(half).reason() {
            let refusal = Open { half, reason: reason.to_owned() };
            return Err(Error::new(ErrorKind::Unavailable, refusal));
        }
        let result = request.await;
        self.note(half, bytes, result.as_ref().err());
        result
    }

    /// Learns from a request that carried `bytes`.
    fn note(&self, half: Half, bytes: u64, error: Option<&Error>) {
        match error.filter(|error| !error.kind.is_answer()) {
            None => self.turn(half, Condition::answered),
            Some(error) => self.turn(half, |condition| condition.failed(error.kind, bytes, &reason_of(error))),
        }
    }

    /// Changes one half and tells whoever listens.
    fn turn(&self, half: Half, change: impl FnOnce(&mut Condition) -> Turn) {
        let mut state = self.state();
        let turn = change(state.of_mut(half));
        let reason = state.of(half).reason().unwrap_or_default();
        match turn {
            Turn::None => return,
            Turn::Out => tracing::warn!(site = self.name, %half, reason, "site is out"),
            Turn::Back => tracing::info!(site = self.name, %half, "site is back"),
        }
        // Under the lock, so that changes are heard in their order.
        let health = Health { read: state.read.side(), write: state.write.side() };
        self.health.send_replace(health);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of(&self, half: Half) -> &Condition {
        match half {
            Half::Read => &self.read,
            Half::Write => &self.write,
        }
    }

    fn of_mut(&mut self, half: Half) -> &mut Condition {
        match half {
            Half::Read => &mut self.read,
            Half::Write => &mut self.write,
        }
    }
}

/// An error and what lies under it, on one line.
fn reason_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(under) = source {
        text = format!("{text}: {under}");
        source = under.source();
    }
    text
}

#[async_trait]
impl Store for Breaker {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        self.guard(Kind::Put, bytes.len() as u64, self.store.put_new(name, bytes)).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        self.guard(Kind::Get, 0, self.store.get_range(name, range)).await
    }

    async fn head(&self, name: &str) -> Result<u64, Error> {
        self.guard(Kind::Head, 0, self.store.head(name)).await
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.guard(Kind::Delete, 0, self.store.delete(name)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        self.guard(Kind::List, 0, self.store.list(prefix, after, limit)).await
    }
}

#[cfg(test)]
mod tests;
