//! Multipart uploads of one bucket, as far as clients know of them.

use std::collections::{BTreeMap, BTreeSet};

use model::{ObjectKey, UploadId};

use crate::ending::{Ended, Ending};

pub type Named = (ObjectKey, UploadId);

#[derive(Default)]
pub struct Uploads {
    known: BTreeMap<Named, Ending>,
    /// Starts that were not answered, or not yet.
    unanswered: BTreeMap<ObjectKey, usize>,
    /// Listed, and begun by nobody who was answered.
    strangers: BTreeSet<Named>,
}

/// What was known when a look began.
pub struct Look {
    open: BTreeSet<Named>,
    ended: BTreeSet<Named>,
}

impl Uploads {
    /// Somebody starts one.
    pub fn begin(&mut self, key: &ObjectKey) {
        *self.unanswered.entry(key.clone()).or_default() += 1;
    }

    pub fn started(&mut self, named: Named) {
        if let Some(unanswered) = self.unanswered.get_mut(&named.0) {
            *unanswered -= 1;
        }
        self.strangers.remove(&named);
        self.known.insert(named, Ending::default());
    }

    /// It is completed or aborted.
    pub fn ask_end(&mut self, named: &Named) {
        self.known.get_mut(named).into_iter().for_each(Ending::ask);
    }

    pub fn answer_end(&mut self, named: &Named, ended: bool) {
        self.known.get_mut(named).into_iter().for_each(|ending| ending.answer(ended));
    }

    pub fn look(&self) -> Look {
        let those = |wanted: Ended| {
            let those = self.known.iter().filter(move |(_, ending)| ending.ended() == wanted);
            those.map(|(named, _)| named.clone()).collect()
        };
        Look { open: those(Ended::No), ended: those(Ended::Yes) }
    }

    /// What is wrong with what was listed since, of the keys it covers.
    pub fn judge(&mut self, look: &Look, covers: impl Fn(&ObjectKey) -> bool, listed: &BTreeSet<Named>) -> Vec<String> {
        let tell = |what: &str, (key, id): &Named| format!("upload {id} of {} {what}", key.as_str());
        let mut wrong: Vec<String> = Vec::new();
        let open = |named: &&Named| self.known.get(*named).is_some_and(|ending| ending.ended() == Ended::No);
        let missing = look.open.iter().filter(open).filter(|named| covers(&named.0) && !listed.contains(*named));
        wrong.extend(missing.map(|named| tell("is open and not listed", named)));
        wrong.extend(look.ended.intersection(listed).map(|named| tell("ended and is listed", named)));
        self.strangers.extend(listed.iter().filter(|named| !self.known.contains_key(*named)).cloned());
        for named in listed.iter().filter(|named| !covers(&named.0)) {
            wrong.push(tell("was not asked for", named));
        }
        for named in &self.strangers {
            let like = self.strangers.iter().filter(|other| other.0 == named.0).count();
            if like > self.unanswered.get(&named.0).copied().unwrap_or(0) {
                wrong.push(tell("is listed and nobody started it", named));
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(id: u8) -> Named {
        (ObjectKey::parse("key").unwrap(), UploadId([id; 16]))
    }

    /// How much is wrong with a listing of these.
    fn wrong(uploads: &mut Uploads, look: &Look, listed: &[u8]) -> usize {
        uploads.judge(look, |_| true, &listed.iter().copied().map(named).collect()).len()
    }

    #[test]
    fn what_is_open_is_listed_and_what_ended_is_not() {
        let mut uploads = Uploads::default();
        for id in 1..=2 {
            uploads.begin(&named(id).0);
            uploads.started(named(id));
        }
        let look = uploads.look();
        assert_eq!(wrong(&mut uploads, &look, &[1, 2]), 0);
        assert_eq!(wrong(&mut uploads, &look, &[1]), 1);
        uploads.ask_end(&named(2));
        assert_eq!((wrong(&mut uploads, &look, &[1]), wrong(&mut uploads, &look, &[1, 2])), (0, 0));
        uploads.answer_end(&named(2), true);
        assert_eq!(wrong(&mut uploads, &look, &[1, 2]), 0, "it was open when the look began");
        let look = uploads.look();
        assert_eq!((wrong(&mut uploads, &look, &[1]), wrong(&mut uploads, &look, &[1, 2])), (0, 1));
        uploads.ask_end(&named(1));
        uploads.answer_end(&named(1), false);
        let look = uploads.look();
        assert_eq!(wrong(&mut uploads, &look, &[]), 1, "its end was refused");
    }

    #[test]
    fn as_many_strangers_are_listed_as_starts_were_not_answered() {
        let mut uploads = Uploads::default();
        let look = uploads.look();
        uploads.begin(&named(1).0);
        assert_eq!(wrong(&mut uploads, &look, &[1]), 0);
        assert_eq!(wrong(&mut uploads, &look, &[2]), 2, "one of them nobody started");
    }

    #[test]
    fn who_hears_late_of_a_start_is_no_stranger() {
        let mut uploads = Uploads::default();
        let look = uploads.look();
        uploads.begin(&named(1).0);
        assert_eq!(wrong(&mut uploads, &look, &[1]), 0);
        uploads.started(named(1));
        assert_eq!(wrong(&mut uploads, &look, &[1]), 0);
    }
}
