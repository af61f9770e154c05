//! What is said of versions while they stay: tags, and what nobody may delete against, holds and retentions.

use engine::LegalHold;
use model::{LockMode, Retention, Tags, Timestamp, Which};
use policy::{ReadVersion, WriteLock, WriteTags};

use super::{Actor, Outcome};
use crate::known::{Deletion, Known, Target, VersionPlace};
use crate::said::{Look, Said};

impl Actor {
    /// Says something of a kept version, or looks at what was said.
    pub(super) async fn say(&mut self, target: &Target) {
        let Some((target, id, _)) = self.draw_version(target) else { return };
        let version = VersionPlace { target, id };
        match self.random.below(10) {
            0..4 => self.tag(&version).await,
            4..6 => self.hold(&version).await,
            6 => self.retain(&version).await,
            _ => self.describe(&version).await,
        }
    }

    async fn tag(&mut self, version: &VersionPlace) {
        let Some(permit) = self.permit::<WriteTags>(&version.target) else { return };
        let op = self.known.state().new_op();
        let tags = Tags([("said".to_owned(), op.to_string())].into());
        self.known.with_kept(version, |kept| kept.tags.begin(op, tags.clone()));
        self.power.tell(|| format!("tags {} of {}", version.id, version.target.key.as_str()));
        let engine = self.engine.clone();
        let outcome = self.call(engine.set_tags(permit, Which::Own(version.id), tags)).await;
        self.known.with_kept(version, |kept| answered(&mut kept.tags, op, &outcome));
        self.spoken(version, "tag", &outcome);
    }

    async fn hold(&mut self, version: &VersionPlace) {
        let Some(permit) = self.permit::<WriteLock>(&version.target) else { return };
        let held = self.random.chance(400);
        let op = self.known.state().new_op();
        self.known.with_kept(version, |kept| kept.held.begin(op, held));
        let engine = self.engine.clone();
        let hold = if held { LegalHold::On } else { LegalHold::Off };
        let outcome = self.call(engine.set_legal_hold(permit, Which::Own(version.id), hold)).await;
        self.known.with_kept(version, |kept| answered(&mut kept.held, op, &outcome));
        self.spoken(version, "hold", &outcome);
    }

    /// For some minutes, against everybody.
    async fn retain(&mut self, version: &VersionPlace) {
        let Some(permit) = self.permit::<WriteLock>(&version.target) else { return };
        let Some(looks) = looks(&self.known, version) else { return };
        let until = self.now() + i64::try_from(self.random.between(1_000, 1_800_000)).unwrap_or(0);
        let op = self.known.state().new_op();
        self.known.with_kept(version, |kept| kept.until.begin(op, until));
        let retention = Retention { mode: LockMode::Compliance, until: Timestamp(until) };
        let engine = self.engine.clone();
        let outcome = self.call(engine.set_retention(permit, Which::Own(version.id), Some(retention), None)).await;
        self.known.with_kept(version, |kept| answered(&mut kept.until, op, &outcome));
        // A longer one that holds is not shortened.
        let longer = self.known.with_kept(version, |kept| kept.until.may(&looks.until, |held| *held > until));
        if longer == Some(true) {
            self.count("retain", &outcome);
        } else {
            self.spoken(version, "retain", &outcome);
        }
    }

    /// Nothing can be said of a marker, or of a version that somebody deletes.
    fn spoken(&self, version: &VersionPlace, what: &'static str, outcome: &Outcome<Which>) {
        let stays = self.known.with_kept(version, |kept| kept.deletion() == Deletion::No && kept.value.is_some());
        if matches!(outcome, Outcome::No) && stays == Some(true) {
            let finding = format!("nothing can be said of version {} of {}", version.id, version.target.key.as_str());
            self.known.findings.add(finding);
        }
        self.count(what, outcome);
    }

    async fn describe(&mut self, version: &VersionPlace) {
        let Some(permit) = self.permit::<ReadVersion>(&version.target) else { return };
        let Some(looks) = looks(&self.known, version) else { return };
        let engine = self.engine.clone();
        let outcome = self.call(engine.describe(permit, Which::Own(version.id))).await;
        if let Outcome::Well(found) = &outcome {
            judge(&self.known, version, &looks, found);
        }
        self.count("describe", &outcome);
    }
}

fn answered<T: Clone + PartialEq, D>(said: &mut Said<T>, op: u64, outcome: &Outcome<D>) {
    match outcome {
        Outcome::Well(_) => said.heard(op),
        Outcome::No => said.refused(op),
        Outcome::Unknown => {}
    }
}

/// Looks at all that can be said of a version.
pub struct Looks {
    tags: Look<Tags>,
    held: Look<bool>,
    until: Look<i64>,
}

pub fn looks(known: &Known, version: &VersionPlace) -> Option<Looks> {
    known.with_kept(version, |kept| Looks { tags: kept.tags.look(), held: kept.held.look(), until: kept.until.look() })
}

/// Finds what nobody said.
pub fn judge(known: &Known, version: &VersionPlace, looks: &Looks, found: &model::Version) {
    let wrong = known.with_kept(version, |kept| {
        let tags = kept.tags.may_be(&looks.tags, &found.tags);
        let until = found.lock.retention.map_or(0, |retention| retention.until.0);
        let held = kept.held.may_be(&looks.held, &found.lock.legal_hold) && kept.until.may_be(&looks.until, &until);
        (!tags, !held)
    });
    let Some((tags, held)) = wrong else { return };
    let of = format!("version {} of {}", version.id, version.target.key.as_str());
    if tags {
        let said = known.with_kept(version, |kept| kept.tags.clone());
        known.findings.add(format!("{of} has tags that were not said last: {:?} of {said:?}", found.tags));
    }
    if held {
        known.findings.add(format!("{of} is held or not, against what was said last: {:?}", found.lock));
    }
}

impl Looks {
    /// A copy has the tags of its source, and not its holds.
    pub fn take_along(&self, known: &Known, from: &VersionPlace, to: &VersionPlace) {
        let tags = known.with_kept(from, |kept| kept.tags.taken_along(&self.tags));
        known.with_kept(to, |kept| tags.map(|tags| kept.tags = tags));
    }

    /// What was not deleted must have been held, when it was asked for or later.
    pub fn judge_refusal(&self, known: &Known, version: &VersionPlace, asked: i64) {
        let held = known.with_kept(version, |kept| {
            kept.held.may_be(&self.held, &true) || kept.until.may(&self.until, |until| *until > asked)
        });
        self.report(held, known, version, "cannot be deleted, and nothing holds it");
    }

    /// What was deleted must not have been held at any time until it was answered.
    pub fn judge_deletion(&self, known: &Known, version: &VersionPlace, answered: i64) {
        let free = known.with_kept(version, |kept| {
            kept.held.may_be(&self.held, &false) && kept.until.may(&self.until, |until| *until <= answered)
        });
        self.report(free, known, version, "was deleted although it is held");
    }

    fn report(&self, well: Option<bool>, known: &Known, version: &VersionPlace, else_said: &str) {
        if well == Some(false) {
            known.findings.add(format!("version {} of {} {else_said}", version.id, version.target.key.as_str()));
        }
    }
}
