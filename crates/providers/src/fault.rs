//! A site that fails on demand, for tests and the simulated world.
//!
//! Faults come in twins: a request is lost and reported so, or it lands and is reported lost.
//! Everything drawn comes from the entropy handed in: same seed, same faults.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use model::Outside;

use crate::request::{Half, Kind};
use crate::store::{Entry, Error, ErrorKind, Store};

/// A store with a plan of faults, changeable at any time.
pub struct FaultStore {
    store: Arc<dyn Store>,
    outside: Outside,
    script: Mutex<Script>,
}

#[derive(Default)]
struct Script {
    plan: Plan,
    /// Each for the next request of its kind, first come first served.
    once: VecDeque<(Kind, Fault)>,
}

/// What goes wrong until it is changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub state: State,
    pub pace: Pace,
    pub tail: Tail,
    /// Requests that are lost and reported `Unavailable`.
    pub lost: Chance,
    /// Requests that land and are reported `Unavailable`.
    pub landed: Chance,
    /// Gets of which one byte comes back flipped.
    pub corrupt: Chance,
    /// Requests of these kinds have no effect and are answered so.
    pub refused: BTreeMap<Kind, ErrorKind>,
    /// Names that listings leave out.
    pub unlisted: BTreeSet<String>,
    pub order: Order,
}

/// How pages of a listing follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Onwards,
    /// Behind each comes the first again.
    InCircles,
    /// Behind each comes another, of one name that nobody gave.
    Endless,
}

/// How a site is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Well,
    /// Puts find no room.
    Full,
    /// Puts and deletions are refused.
    ReadOnly,
    /// Nobody answers for it: every request fails at once.
    Gone,
    Throttled,
    /// Requests are taken and never answered.
    Silent,
}

/// How long requests take before they have their effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    pub base: Duration,
    /// For the bytes a request carries.
    pub per_mib: Duration,
}

/// Requests that take longer than others, now and then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    pub chance: Chance,
    pub longer: Duration,
}

/// How often, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chance {
    pub per_mille: u16,
}

/// Whether a request that is answered badly was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Lost,
    Landed,
}

/// One request's misfortune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub effect: Effect,
    pub answer: Answer,
}

/// What its caller hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Error(ErrorKind),
    /// Nothing, ever.
    Silence,
}

impl Fault {
    pub const fn error(effect: Effect, kind: ErrorKind) -> Fault {
        Fault { effect, answer: Answer::Error(kind) }
    }

    pub const fn silence(effect: Effect) -> Fault {
        Fault { effect, answer: Answer::Silence }
    }
}

impl FaultStore {
    /// A store that is well until told otherwise.
    pub fn new(store: Arc<dyn Store>, outside: Outside) -> FaultStore {
        FaultStore { store, outside, script: Mutex::default() }
    }

    /// Changes the plan; requests that had no effect yet meet the new state.
    pub fn change(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.script().plan);
    }

    /// Changes how the site is.
    pub fn set(&self, state: State) {
        self.change(|plan| plan.state = state);
    }

    /// Has the next request of this kind, behind those already in line, meet this fault.
    pub fn next(&self, kind: Kind, fault: Fault) {
        self.script().once.push_back((kind, fault));
    }

    async fn meet<T>(
        &self,
        kind: Kind,
        bytes: u64,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let (fault, delay) = (self.draw(kind), self.delay(bytes));
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let fault = fault.or(self.script().plan.fault(kind));
        match fault {
            None => request.await,
            Some(fault) => {
                if fault.effect == Effect::Landed {
                    let _ = request.await;
                }
                match fault.answer {
                    Answer::Error(kind) => Err(Error::new(kind, "a fault of the test's making")),
                    Answer::Silence => std::future::pending().await,
                }
            }
        }
    }

    fn delay(&self, bytes: u64) -> Duration {
        let (drawn, script) = (self.thousandth(), self.script());
        let tail = script.plan.tail;
        let longer = if drawn < tail.chance.per_mille { tail.longer } else { Duration::ZERO };
        script.plan.pace.delay(bytes) + longer
    }

    /// Always draws as often, so that one rate's change does not shift what the others meet.
    fn draw(&self, kind: Kind) -> Option<Fault> {
        let (lost, landed) = (self.thousandth(), self.thousandth());
        let mut script = self.script();
        if let Some(place) = script.once.iter().position(|(of, _)| *of == kind) {
            return script.once.remove(place).map(|(_, fault)| fault);
        }
        let unheard = |effect| Fault::error(effect, ErrorKind::Unavailable);
        if lost < script.plan.lost.per_mille {
            Some(unheard(Effect::Lost))
        } else if landed < script.plan.landed.per_mille {
            Some(unheard(Effect::Landed))
        } else {
            None
        }
    }

    /// Flips one byte of what was read, if it is its turn.
    fn perhaps_corrupt(&self, bytes: Bytes) -> Bytes {
        let (drawn, place) = (self.thousandth(), usize::from_le_bytes(self.outside.random()));
        if drawn >= self.script().plan.corrupt.per_mille || bytes.is_empty() {
            return bytes;
        }
        let place = place % bytes.len();
        let mut flipped = BytesMut::from(bytes);
        if let Some(byte) = flipped.get_mut(place) {
            *byte ^= 0x55;
        }
        flipped.freeze()
    }

    fn thousandth(&self) -> u16 {
        u16::try_from(u64::from_le_bytes(self.outside.random()) % 1000).unwrap_or(0)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    fn fault(&self, kind: Kind) -> Option<Fault> {
        let refused = self.refused.get(&kind).map(|error| Fault::error(Effect::Lost, *error));
        self.state.fault(kind).or(refused)
    }
}

impl State {
    fn fault(self, kind: Kind) -> Option<Fault> {
        let lost = |error| Some(Fault::error(Effect::Lost, error));
        match self {
            State::Full if kind == Kind::Put => lost(ErrorKind::Full),
            State::ReadOnly if kind.half() == Half::Write => lost(ErrorKind::Denied),
            State::Gone => lost(ErrorKind::Unavailable),
            State::Throttled => lost(ErrorKind::Throttled),
            State::Silent => Some(Fault::silence(Effect::Lost)),
            State::Well | State::Full | State::ReadOnly => None,
        }
    }
}

impl Pace {
    fn delay(self, bytes: u64) -> Duration {
        let nanos = self.per_mib.as_nanos() * u128::from(bytes) / (1 << 20);
        self.base.saturating_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

#[async_trait]
impl Store for FaultStore {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        self.meet(Kind::Put, bytes.len() as u64, self.store.put_new(name, bytes)).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        let bytes = range.end.saturating_sub(range.start);
        let bytes = self.meet(Kind::Get, bytes, self.store.get_range(name, range)).await?;
        Ok(self.perhaps_corrupt(bytes))
    }

    async fn head(&self, name: &str) -> Result<u64, Error> {
        self.meet(Kind::Head, 0, self.store.head(name)).await
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.meet(Kind::Delete, 0, self.store.delete(name)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        let order = self.script().plan.order;
        let behind = after.filter(|_| order != Order::InCircles);
        let mut listed = self.meet(Kind::List, 0, self.store.list(prefix, behind, limit)).await?;
        if order == Order::Endless {
            listed = vec![Entry { name: format!("{}0", after.unwrap_or(prefix)), size: 1 }];
        }
        let script = self.script();
        listed.retain(|entry| !script.plan.unlisted.contains(&entry.name));
        Ok(listed)
    }
}

#[cfg(test)]
mod tests;
