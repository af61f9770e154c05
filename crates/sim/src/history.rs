//! What clients saw of one key, and whether any order explains it.
//!
//! The checker follows every order of events that is still possible: a *world* is the key's versions, oldest
//! first, with what each request under way would have to answer in it. A request that begins may happen at
//! any moment until it ends; one that ends keeps only the worlds in which it happened as it was answered. When
//! none is left, no order explains the answer: a write was lost, came back, or was judged wrong.

use std::collections::{BTreeMap, BTreeSet};

/// A version or marker that was written, or that somebody tried to write.
pub type EntryId = u32;
/// Bytes that were put; copies have the value of their source.
pub type ValueId = u32;
/// One request.
pub type OpId = u64;

/// More worlds than this say that the run leaves too much open, not that something is wrong.
const WORLDS_MAX: usize = 200_000;

/// Whether a bucket keeps what is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    Current,
    Versions,
    /// Versions are suspended: what is newest takes the place of what was newest while they were, a marker too.
    Newest,
    /// Versions were suspended before: what was newest then is one of them.
    Again,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    None,
    Absent,
    Present,
    /// The current version has this value.
    Is(ValueId),
}

/// What a request does to a key, or wants to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Current,
    /// Whether anything is there.
    There,
    Versions,
    Write {
        entry: EntryId,
        condition: Condition,
    },
    /// In a bucket that keeps versions, leaves a marker.
    Delete {
        marker: EntryId,
        condition: Condition,
    },
    DeleteVersion {
        entry: EntryId,
    },
}

/// What it was answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    Done,
    /// Its condition did not hold.
    Refused,
    Current(Option<ValueId>),
    There(bool),
    /// Oldest first; `None` is a marker.
    Versions(Vec<Option<ValueId>>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct World {
    versions: Vec<EntryId>,
    /// What requests under way did here.
    happened: BTreeMap<OpId, Answer>,
}

/// One key.
pub struct History {
    keeping: Keeping,
    worlds: BTreeSet<World>,
    under_way: BTreeMap<OpId, Request>,
    /// Writes under way that nobody will hear of: each may still happen, or never.
    lost: BTreeSet<OpId>,
    /// Of each entry; `None` is a marker.
    values: BTreeMap<EntryId, Option<ValueId>>,
    /// Entries that were asked for while versions were suspended: there is at most one of them.
    newest: BTreeSet<EntryId>,
}

impl History {
    pub fn new(keeping: Keeping) -> History {
        let worlds = BTreeSet::from([World::default()]);
        let (under_way, lost, newest) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        History { keeping, worlds, under_way, lost, values: BTreeMap::new(), newest }
    }

    pub fn keeping(&self) -> Keeping {
        self.keeping
    }

    /// The bucket keeps something else from now on. Nothing is under way.
    pub fn turn(&mut self, keeping: Keeping) {
        self.keeping = keeping;
    }

    /// Before an entry is first spoken of.
    pub fn name(&mut self, entry: EntryId, value: Option<ValueId>) {
        self.values.insert(entry, value);
        if self.keeping == Keeping::Newest {
            self.newest.insert(entry);
        }
    }

    /// Whether anybody tried to write this value here but with this entry.
    pub fn had(&self, value: ValueId, but: EntryId) -> bool {
        self.values.iter().any(|(entry, other)| *entry != but && *other == Some(value))
    }

    pub fn begin(&mut self, op: OpId, request: Request) {
        self.under_way.insert(op, request);
    }

    /// The request was answered; `Err` says that no order of events explains it.
    pub fn end(&mut self, op: OpId, answer: &Answer) -> Result<(), String> {
        let reached = self.reach(op);
        let mut kept = BTreeSet::new();
        let mut other = BTreeSet::new();
        for mut world in reached {
            match world.happened.remove(&op) {
                Some(found) if found == *answer => drop(kept.insert(world)),
                Some(found) => drop(other.insert(found)),
                None => {}
            }
        }
        let request = self.under_way.remove(&op);
        if kept.is_empty() {
            let other: Vec<_> = other.into_iter().collect();
            return Err(format!("{request:?} was answered {answer:?}; only these answers can be explained: {other:?}"));
        }
        let kept = self.needed(kept);
        if kept.len() > WORLDS_MAX {
            return Err(format!("the run leaves too much open: {} worlds", kept.len()));
        }
        self.worlds = kept;
        Ok(())
    }

    /// The request was refused for a reason that is not in the key's history, so it never happened.
    pub fn refuse(&mut self, op: OpId) -> Result<(), String> {
        let request = self.under_way.remove(&op);
        self.worlds.retain(|world| !world.happened.contains_key(&op));
        match self.worlds.is_empty() {
            true => Err(format!("{request:?} was refused; somebody saw that it happened")),
            false => Ok(()),
        }
    }

    /// Without those worlds in which less can happen than in another: the same versions, and more of the lost writes
    /// used up. What is still to come may as well never come, so whatever explains an answer there explains it
    /// in the other.
    fn needed(&self, worlds: BTreeSet<World>) -> BTreeSet<World> {
        let mut alike: BTreeMap<World, Vec<BTreeSet<OpId>>> = BTreeMap::new();
        for mut world in worlds {
            let used: BTreeSet<OpId> = world.happened.keys().copied().filter(|op| self.lost.contains(op)).collect();
            // How a lost one was judged nobody is told.
            world.happened.retain(|op, _| !used.contains(op));
            let found = alike.entry(world).or_default();
            if !found.iter().any(|less| less.is_subset(&used)) {
                found.retain(|more| !used.is_subset(more));
                found.push(used);
            }
        }
        let with = |(world, used): (World, BTreeSet<OpId>)| {
            let lost = used.into_iter().map(|op| (op, Answer::Done));
            World { happened: world.happened.into_iter().chain(lost).collect(), ..world }
        };
        let each =
            alike.into_iter().flat_map(|(world, found)| found.into_iter().map(move |used| (world.clone(), used)));
        each.map(with).collect()
    }

    /// Nobody knows whether the request happened, or will.
    pub fn lose(&mut self, op: OpId) {
        if self.under_way.get(&op).is_some_and(Request::only_looks) {
            self.under_way.remove(&op);
            let worlds = std::mem::take(&mut self.worlds);
            self.worlds = worlds
                .into_iter()
                .map(|mut world| {
                    world.happened.remove(&op);
                    world
                })
                .collect();
        } else if self.under_way.contains_key(&op) {
            self.lost.insert(op);
            let worlds = std::mem::take(&mut self.worlds);
            self.worlds = self.needed(worlds);
        }
    }

    /// From here on nothing that is under way can happen any more: it did, or it never will.
    pub fn settle(&mut self) {
        let mut open: Vec<World> = std::mem::take(&mut self.worlds).into_iter().collect();
        let mut seen: BTreeSet<World> = open.iter().cloned().collect();
        while let Some(world) = open.pop() {
            for next in self.steps(&world) {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        self.under_way.clear();
        self.lost.clear();
        self.worlds = seen.into_iter().map(|world| World { happened: BTreeMap::new(), ..world }).collect();
    }

    /// Whether one thing is certain, and which current value that is.
    pub fn certain(&self) -> Option<Option<ValueId>> {
        let mut currents = self.worlds.iter().map(|world| self.current(world));
        let first = currents.next()?;
        let open = !self.under_way.values().all(Request::only_looks);
        (!open && currents.all(|current| current == first)).then_some(first)
    }

    /// Every world in which the request happened, after as few others as may be.
    fn reach(&self, op: OpId) -> BTreeSet<World> {
        let mut open: Vec<World> = self.worlds.iter().cloned().collect();
        let mut seen: BTreeSet<World> = self.worlds.clone();
        let mut reached = BTreeSet::new();
        while let Some(world) = open.pop() {
            if world.happened.contains_key(&op) {
                reached.insert(world);
                continue;
            }
            for next in self.steps(&world) {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        reached
    }

    /// Where one request under way that has not happened happens now.
    fn steps(&self, world: &World) -> Vec<World> {
        let waiting = self.under_way.iter().filter(|(op, _)| !world.happened.contains_key(op));
        waiting.map(|(op, request)| self.step(world.clone(), *op, request)).collect()
    }

    fn step(&self, mut world: World, op: OpId, request: &Request) -> World {
        let current = self.current(&world);
        let answer = match request {
            Request::Current => Answer::Current(current),
            Request::There => Answer::There(current.is_some()),
            Request::Versions => Answer::Versions(world.versions.iter().map(|entry| self.value(*entry)).collect()),
            Request::Write { condition, .. } | Request::Delete { condition, .. } if !condition.holds(current) => {
                Answer::Refused
            }
            Request::Write { entry, .. } => {
                self.push(&mut world.versions, Some(*entry));
                Answer::Done
            }
            Request::Delete { marker, .. } => {
                self.push(&mut world.versions, (self.keeping != Keeping::Current).then_some(*marker));
                Answer::Done
            }
            Request::DeleteVersion { entry } => {
                world.versions.retain(|other| other != entry);
                Answer::Done
            }
        };
        world.happened.insert(op, answer);
        world
    }

    fn push(&self, versions: &mut Vec<EntryId>, entry: Option<EntryId>) {
        match self.keeping {
            Keeping::Current => versions.clear(),
            Keeping::Newest => versions.retain(|entry| !self.newest.contains(entry)),
            Keeping::Versions | Keeping::Again => {}
        }
        versions.extend(entry);
    }

    fn current(&self, world: &World) -> Option<ValueId> {
        world.versions.last().and_then(|entry| self.value(*entry))
    }

    fn value(&self, entry: EntryId) -> Option<ValueId> {
        self.values.get(&entry).copied().flatten()
    }
}

impl Request {
    fn only_looks(&self) -> bool {
        matches!(self, Request::Current | Request::There | Request::Versions)
    }
}

impl Condition {
    fn holds(&self, current: Option<ValueId>) -> bool {
        match self {
            Condition::None => true,
            Condition::Absent => current.is_none(),
            Condition::Present => current.is_some(),
            Condition::Is(value) => current == Some(*value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(entry: EntryId, condition: Condition) -> Request {
        Request::Write { entry, condition }
    }

    fn history(keeping: Keeping) -> History {
        let mut history = History::new(keeping);
        (1..10).for_each(|entry| history.name(entry, Some(entry)));
        (10..20).for_each(|marker| history.name(marker, None));
        history
    }

    /// Begins and ends at once.
    fn at_once(history: &mut History, op: OpId, request: Request, answer: impl Into<Answer>) -> Result<(), String> {
        history.begin(op, request);
        history.end(op, &answer.into())
    }

    #[test]
    fn a_lost_write_a_stale_read_and_a_resurrection_are_found() {
        let mut one = history(Keeping::Current);
        at_once(&mut one, 1, write(1, Condition::None), Answer::Done).unwrap();
        at_once(&mut one, 2, Request::Current, Answer::Current(None)).unwrap_err();

        let mut two = history(Keeping::Current);
        at_once(&mut two, 1, write(1, Condition::None), Answer::Done).unwrap();
        at_once(&mut two, 2, write(2, Condition::None), Answer::Done).unwrap();
        at_once(&mut two, 3, Request::Current, Answer::Current(Some(1))).unwrap_err();

        let mut three = history(Keeping::Current);
        at_once(&mut three, 1, write(1, Condition::None), Answer::Done).unwrap();
        let delete = Request::Delete { marker: 10, condition: Condition::None };
        at_once(&mut three, 2, delete, Answer::Done).unwrap();
        at_once(&mut three, 3, Request::There, Answer::There(false)).unwrap();
        at_once(&mut three, 4, Request::There, Answer::There(true)).unwrap_err();
        at_once(&mut three, 5, Request::Current, Answer::Current(Some(1))).unwrap_err();
    }

    #[test]
    fn of_what_was_put_while_versions_were_suspended_one_is_there() {
        let mut one = history(Keeping::Newest);
        let versions = |one: &mut History, op, values: &[ValueId]| {
            at_once(one, op, Request::Versions, Answer::Versions(values.iter().copied().map(Some).collect()))
        };
        at_once(&mut one, 1, write(1, Condition::None), Answer::Done).unwrap();
        one.turn(Keeping::Again);
        one.name(20, Some(20));
        at_once(&mut one, 2, write(20, Condition::None), Answer::Done).unwrap();
        versions(&mut one, 3, &[1, 20]).unwrap();
        one.turn(Keeping::Newest);
        one.name(21, Some(21));
        at_once(&mut one, 4, write(21, Condition::None), Answer::Done).unwrap();
        versions(&mut one, 5, &[20, 21]).unwrap();
        versions(&mut one, 6, &[1, 20, 21]).unwrap_err();
    }

    #[test]
    fn what_runs_side_by_side_may_be_seen_in_either_order_but_not_in_both() {
        let mut history = history(Keeping::Current);
        history.begin(1, write(1, Condition::None));
        history.begin(2, write(2, Condition::None));
        history.end(1, &Answer::Done).unwrap();
        history.end(2, &Answer::Done).unwrap();
        at_once(&mut history, 3, Request::Current, Answer::Current(Some(1))).unwrap();
        at_once(&mut history, 4, Request::Current, Answer::Current(Some(2))).unwrap_err();
    }

    #[test]
    fn two_that_wanted_to_be_first_cannot_both_have_been() {
        let mut history = history(Keeping::Current);
        history.begin(1, write(1, Condition::Absent));
        history.begin(2, write(2, Condition::Absent));
        history.end(1, &Answer::Done).unwrap();
        history.end(2, &Answer::Done).unwrap_err();
    }

    #[test]
    fn what_was_refused_never_happened() {
        let mut one = history(Keeping::Versions);
        at_once(&mut one, 1, write(1, Condition::None), Answer::Done).unwrap();
        one.begin(2, Request::DeleteVersion { entry: 1 });
        at_once(&mut one, 3, Request::Current, Answer::Current(Some(1))).unwrap();
        one.refuse(2).unwrap();
        at_once(&mut one, 4, Request::Current, Answer::Current(None)).unwrap_err();

        let mut two = history(Keeping::Versions);
        at_once(&mut two, 1, write(1, Condition::None), Answer::Done).unwrap();
        two.begin(2, Request::DeleteVersion { entry: 1 });
        at_once(&mut two, 3, Request::Current, Answer::Current(None)).unwrap();
        two.refuse(2).unwrap_err();
    }

    #[test]
    fn what_nobody_heard_of_may_come_late_until_all_is_settled() {
        let mut one = history(Keeping::Current);
        one.begin(1, write(1, Condition::None));
        one.lose(1);
        at_once(&mut one, 2, Request::Current, Answer::Current(None)).unwrap();
        at_once(&mut one, 3, Request::Current, Answer::Current(Some(1))).unwrap();
        at_once(&mut one, 4, Request::Current, Answer::Current(None)).unwrap_err();

        let mut two = history(Keeping::Current);
        two.begin(1, write(1, Condition::None));
        two.settle();
        at_once(&mut two, 2, Request::Current, Answer::Current(None)).unwrap();
        at_once(&mut two, 3, Request::Current, Answer::Current(Some(1))).unwrap_err();
    }

    #[test]
    fn many_that_nobody_heard_of_leave_few_worlds_and_explain_no_more() {
        let mut history = history(Keeping::Current);
        for op in 1..10 {
            history.begin(u64::from(op), write(op, Condition::None));
            history.lose(u64::from(op));
        }
        at_once(&mut history, 20, Request::Current, Answer::Current(None)).unwrap();
        at_once(&mut history, 21, Request::Current, Answer::Current(Some(3))).unwrap();
        assert_eq!(history.worlds.len(), 1, "whichever others happened before");
        at_once(&mut history, 22, Request::Current, Answer::Current(Some(7))).unwrap();
        at_once(&mut history, 23, Request::Current, Answer::Current(Some(3))).unwrap_err();
    }

    #[test]
    fn a_suspended_bucket_has_the_newest_alone() {
        let mut history = history(Keeping::Newest);
        at_once(&mut history, 1, write(1, Condition::None), Answer::Done).unwrap();
        at_once(&mut history, 2, write(2, Condition::None), Answer::Done).unwrap();
        at_once(&mut history, 3, Request::Versions, Answer::Versions(vec![Some(2)])).unwrap();
        at_once(&mut history, 4, Request::Delete { marker: 10, condition: Condition::None }, Answer::Done).unwrap();
        at_once(&mut history, 5, Request::Versions, Answer::Versions(vec![None])).unwrap();
        at_once(&mut history, 6, Request::Current, Answer::Current(None)).unwrap();
    }

    #[test]
    fn versions_stay_behind_markers_until_they_are_deleted() {
        let mut history = history(Keeping::Versions);
        at_once(&mut history, 1, write(1, Condition::None), Answer::Done).unwrap();
        at_once(&mut history, 2, write(2, Condition::None), Answer::Done).unwrap();
        let delete = Request::Delete { marker: 10, condition: Condition::Is(2) };
        at_once(&mut history, 3, delete, Answer::Done).unwrap();
        let all = vec![Some(1), Some(2), None];
        at_once(&mut history, 4, Request::Versions, Answer::Versions(all)).unwrap();
        at_once(&mut history, 5, Request::DeleteVersion { entry: 10 }, Answer::Done).unwrap();
        at_once(&mut history, 6, Request::Current, Answer::Current(Some(2))).unwrap();
        at_once(&mut history, 7, Request::Versions, Answer::Versions(vec![Some(2)])).unwrap_err();
    }
}
