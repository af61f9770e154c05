//! What the background does at this moment, for whoever asks what the enclave is busy with.
//!
//! What is asked for is told by whoever asked; here is what begins by itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use catalog::proof::Depth;
use model::Timestamp;
use policy::SystemPermit;

use crate::api::Engine;

/// What begins by itself and takes a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    Scrub(Depth),
    Compaction,
    Sweep,
    Snapshot,
    Lifecycle,
}

/// A task that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    pub task: Task,
    /// The name of the site that it is about, if it is about one.
    pub site: Option<String>,
    pub since: Timestamp,
    /// Pieces that were looked at, segments that were replaced, or versions and uploads that rules removed.
    pub done: u64,
}

/// Which task, and at which site if it is about one.
type Key = (Task, Option<String>);

/// All that is under way: since when, and how much is done.
#[derive(Default)]
pub struct Tasks(Mutex<BTreeMap<Key, (Timestamp, u64)>>);

impl Tasks {
    /// It is under way until what this gives is dropped.
    pub fn begin(&self, task: Task, site: Option<&str>, now: Timestamp) -> Begun<'_> {
        let key = (task, site.map(str::to_owned));
        self.held().insert(key.clone(), (now, 0));
        Begun { tasks: self, key }
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Key, (Timestamp, u64)>> {
        // Nothing panics while it holds the lock; a poisoned map is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<UnderWay> {
        let held = self.held();
        let told = held.iter().map(|((task, site), (since, done))| (*task, site.clone(), *since, *done));
        told.map(|(task, site, since, done)| UnderWay { task, site, since, done }).collect()
    }
}

/// A task until it is dropped, also where it breaks off.
pub struct Begun<'a> {
    tasks: &'a Tasks,
    key: Key,
}

impl Begun<'_> {
    /// So much more is done.
    pub fn add(&self, more: u64) {
        if let Some((_, done)) = self.tasks.held().get_mut(&self.key) {
            *done += more;
        }
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.tasks.held().remove(&self.key);
    }
}

impl Engine {
    /// What the background does at this moment.
    pub fn under_way(&self, _: &SystemPermit) -> Vec<UnderWay> {
        self.inner.tasks.all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_told_from_its_beginning_to_its_end() {
        let tasks = Tasks::default();
        let (sweep, scrub) = (Task::Sweep, Task::Scrub(Depth::Heads));
        let sweeping = tasks.begin(sweep, None, Timestamp(5));
        let scrubbing = tasks.begin(scrub, Some("ours"), Timestamp(6));
        scrubbing.add(5);
        scrubbing.add(7);
        let told = |task, site: Option<&str>, since, done| UnderWay {
            task,
            site: site.map(str::to_owned),
            since: Timestamp(since),
            done,
        };
        assert_eq!(tasks.all(), [told(scrub, Some("ours"), 6, 12), told(sweep, None, 5, 0)]);
        drop(sweeping);
        assert_eq!(tasks.all(), [told(scrub, Some("ours"), 6, 12)]);
        drop(scrubbing);
        assert_eq!(tasks.all(), []);
    }
}
