//! What is said of versions while they stay: tags, who else may read them, and what nobody may delete against,
//! holds and retentions.

use engine::LegalHold;
use model::{Acl, Grant, Grantee, LockMode, Permission, Retention, Tags, Timestamp, Which};
use policy::{BypassGovernance, Permit, ReadVersion, WriteLock, WriteObjectAcl, WriteTags};

use super::{Actor, Outcome};
use crate::Breadth;
use crate::ending::Ended;
use crate::known::{Known, Target, VersionPlace};
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

    /// Says who else may read or change a kept version.
    pub(super) async fn share(&mut self, target: &Target) {
        let Some((target, id, _)) = self.draw_version(target) else { return };
        let version = VersionPlace { target, id };
        let Some(permit) = self.permit::<WriteObjectAcl>(&version.target) else { return };
        let officers = self.known.state().officers.clone();
        let all = [Grantee::Authenticated, Grantee::Everyone];
        let grantees: Vec<Grantee> = officers.into_iter().map(Grantee::Principal).chain(all).collect();
        let Some(grantee) = self.random.pick(&grantees).copied() else { return };
        let permission = self.random.pick(&[Permission::Read, Permission::FullControl]).copied();
        let grants = permission.map(|permission| vec![Grant { grantee, permission }]);
        let acl = Acl { owner: Some(self.person.session.principal), grants };
        let op = self.known.state().new_op();
        self.known.with_kept(&version, |kept| kept.acl.begin(op, acl.clone()));
        let engine = self.engine.clone();
        let outcome = self.call(engine.set_object_acl(permit, Which::Own(version.id), acl)).await;
        self.known.with_kept(&version, |kept| answered(&mut kept.acl, op, &outcome));
        self.spoken(&version, "share", &outcome);
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

    /// For some minutes, against everybody or all who do not say that they bypass it; or no longer.
    async fn retain(&mut self, version: &VersionPlace) {
        let Some(permit) = self.permit::<WriteLock>(&version.target) else { return };
        let Some(looks) = looks(&self.known, version) else { return };
        let asked = self.now();
        let until = Timestamp(asked + i64::try_from(self.random.between(1_000, 1_800_000)).unwrap_or(0));
        let (bypass, mode, lifted) = match self.breadth >= Breadth::All {
            true => (self.draw_bypass(&version.target), self.draw_mode(), self.random.chance(150)),
            false => (None, LockMode::Compliance, false),
        };
        let retention = (!lifted).then_some(Retention { mode, until });
        let op = self.known.state().new_op();
        self.known.with_kept(version, |kept| kept.retention.begin(op, retention));
        let (engine, bypasses) = (self.engine.clone(), bypass.is_some());
        let said = engine.set_retention(permit, Which::Own(version.id), retention, bypass);
        let outcome = self.call(said).await;
        let answered_at = self.now();
        // One that holds is prolonged, and otherwise stays as it is.
        let prolongs = |held: &Retention| {
            retention.is_some_and(|retention| retention.mode == held.mode && retention.until >= held.until)
        };
        let stays = |held: &Option<Retention>, at| holds(held, at, bypasses) && !held.as_ref().is_some_and(prolongs);
        let judged = self.known.with_kept(version, |kept| {
            let refused = kept.retention.may(&looks.retention, |held| stays(held, asked));
            let heard = kept.retention.may(&looks.retention, |held| !stays(held, answered_at));
            answered(&mut kept.retention, op, &outcome);
            (refused, heard)
        });
        match (&outcome, judged) {
            (Outcome::Well(_), Some((_, false))) => {
                let of = format!("version {} of {}", version.id, version.target.key.as_str());
                self.known.findings.add(format!("{of} is retained otherwise, against what holds it"));
            }
            (Outcome::No, Some((true, _))) => {}
            _ => return self.spoken(version, "retain", &outcome),
        }
        self.count("retain", &outcome);
    }

    fn draw_mode(&mut self) -> LockMode {
        if self.random.chance(500) { LockMode::Governance } else { LockMode::Compliance }
    }

    /// Some say that a retention which lets itself be bypassed is not to hold them.
    pub(super) fn draw_bypass(&mut self, target: &Target) -> Option<Permit<BypassGovernance>> {
        if self.random.chance(300) { self.permit::<BypassGovernance>(target) } else { None }
    }

    /// Nothing can be said of a marker, or of a version that somebody deletes.
    fn spoken(&self, version: &VersionPlace, what: &'static str, outcome: &Outcome<Which>) {
        let stays = self.known.with_kept(version, |kept| kept.deletion.ended() == Ended::No && kept.value.is_some());
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

/// Whether what was said holds a version then, against one who bypasses governance or not.
fn holds(retention: &Option<Retention>, at: i64, bypasses: bool) -> bool {
    retention.is_some_and(|held| held.until.0 > at && !(bypasses && held.mode == LockMode::Governance))
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
    retention: Look<Option<Retention>>,
    acl: Look<Acl>,
}

pub fn looks(known: &Known, version: &VersionPlace) -> Option<Looks> {
    known.with_kept(version, |kept| Looks {
        tags: kept.tags.look(),
        held: kept.held.look(),
        retention: kept.retention.look(),
        acl: kept.acl.look(),
    })
}

/// Finds what nobody said.
pub fn judge(known: &Known, version: &VersionPlace, looks: &Looks, found: &model::Version) {
    let wrong = known.with_kept(version, |kept| {
        let tags = kept.tags.may_be(&looks.tags, &found.tags);
        let held = kept.held.may_be(&looks.held, &found.lock.legal_hold)
            && kept.retention.may_be(&looks.retention, &found.lock.retention);
        let shared = kept.acl.may_be(&looks.acl, &found.metadata.acl);
        (!tags, !held, !shared)
    });
    let Some((tags, held, shared)) = wrong else { return };
    let of = format!("version {} of {}", version.id, version.target.key.as_str());
    if tags {
        let said = known.with_kept(version, |kept| kept.tags.clone());
        known.findings.add(format!("{of} has tags that were not said last: {:?} of {said:?}", found.tags));
    }
    if shared {
        known.findings.add(format!("{of} is shared otherwise than was said last: {:?}", found.metadata.acl));
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
    pub fn judge_refusal(&self, known: &Known, version: &VersionPlace, asked: i64, bypasses: bool) {
        let held = known.with_kept(version, |kept| {
            kept.held.may_be(&self.held, &true)
                || kept.retention.may(&self.retention, |held| holds(held, asked, bypasses))
        });
        self.report(held, known, version, "cannot be deleted, and nothing holds it");
    }

    /// What was deleted must not have been held at any time until it was answered.
    pub fn judge_deletion(&self, known: &Known, version: &VersionPlace, answered: i64, bypasses: bool) {
        let free = known.with_kept(version, |kept| {
            kept.held.may_be(&self.held, &false)
                && kept.retention.may(&self.retention, |held| !holds(held, answered, bypasses))
        });
        self.report(free, known, version, "was deleted although it is held");
    }

    fn report(&self, well: Option<bool>, known: &Known, version: &VersionPlace, else_said: &str) {
        if well == Some(false) {
            known.findings.add(format!("version {} of {} {else_said}", version.id, version.target.key.as_str()));
        }
    }
}
