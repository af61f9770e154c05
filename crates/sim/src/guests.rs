//! Keys, groups and grants of an officer's, beside those of the people who work: they come, change and go.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Engine, Error};
use model::{AccessKeyId, Bucket, KeyLimits, Label, PrincipalId, Right};
use policy::SystemPermit;

use crate::ending::{Ended, Ending};
use crate::founding;
use crate::known::Known;
use crate::power::Power;
use crate::random::Random;
use crate::said::Said;

/// What is known of them.
pub struct Guests {
    keys: BTreeMap<AccessKeyId, Ending>,
    group: Option<PrincipalId>,
    members: Said<BTreeSet<PrincipalId>>,
    /// What is granted to the group, by the bucket's place.
    grants: BTreeMap<usize, Said<Option<Right>>>,
}

impl Default for Guests {
    fn default() -> Guests {
        let members = Said::new(BTreeSet::new());
        Guests { keys: BTreeMap::new(), group: None, members, grants: BTreeMap::new() }
    }
}

impl Guests {
    /// What was under way was heard, or never will be.
    pub fn settle(&mut self) {
        self.members.settle();
        self.grants.values_mut().for_each(Said::settle);
    }

    fn granted(&mut self, place: usize) -> &mut Said<Option<Right>> {
        self.grants.entry(place).or_insert_with(|| Said::new(None))
    }
}

/// Who does it, one thing after the other.
pub struct Host<'a> {
    pub engine: &'a Engine,
    pub known: &'a Known,
    pub power: &'a Power,
}

impl Host<'_> {
    /// Does one thing, or looks at what was done.
    pub async fn one(&self, random: &mut Random) -> Result<(), Error> {
        match random.below(10) {
            0..2 => self.issue().await,
            2..4 => self.rotate(random).await,
            4 => self.revoke(random).await,
            5..7 => self.join(random).await,
            7..9 => self.grant(random).await,
            _ => self.look().await,
        }
    }

    /// Without power nobody hears anything any more.
    async fn hear<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let heard = call.await;
        if !self.power.is_on() {
            return std::future::pending().await;
        }
        heard
    }

    async fn issue(&self) -> Result<(), Error> {
        let Some(officer) = self.known.state().officers.first().copied() else { return Ok(()) };
        let (system, limits) = (SystemPermit::for_background_work(), KeyLimits::default());
        let issued = self.hear(self.engine.issue_key(&system, officer, Label::LOWEST, limits)).await?;
        self.known.state().guests.keys.insert(issued.id, Ending::default());
        Ok(())
    }

    /// One that opens, whose end is asked for from here on.
    fn ending(&self, random: &mut Random) -> Option<AccessKeyId> {
        let mut state = self.known.state();
        let open = state.guests.keys.iter().filter(|(_, ending)| ending.ended() == Ended::No);
        let open: Vec<AccessKeyId> = open.map(|(id, _)| id.clone()).collect();
        let id = random.pick(&open).cloned()?;
        state.guests.keys.get_mut(&id).into_iter().for_each(Ending::ask);
        Some(id)
    }

    fn ended(&self, id: &AccessKeyId) {
        self.known.state().guests.keys.get_mut(id).into_iter().for_each(|ending| ending.answer(true));
    }

    async fn rotate(&self, random: &mut Random) -> Result<(), Error> {
        let Some(id) = self.ending(random) else { return Ok(()) };
        let issued = self.hear(self.engine.rotate_key(&SystemPermit::for_background_work(), &id, 0)).await?;
        self.ended(&id);
        self.known.state().guests.keys.insert(issued.id, Ending::default());
        Ok(())
    }

    async fn revoke(&self, random: &mut Random) -> Result<(), Error> {
        let Some(id) = self.ending(random) else { return Ok(()) };
        self.hear(self.engine.revoke_key(&SystemPermit::for_background_work(), &id)).await?;
        self.ended(&id);
        Ok(())
    }

    async fn group(&self) -> Result<PrincipalId, Error> {
        let known = self.known.state().guests.group;
        if let Some(group) = known {
            return Ok(group);
        }
        // One that nobody was told of has the name of another try.
        let name = format!("zq7plain-group-{}", self.known.state().new_op());
        let made = self.hear(self.engine.create_group(&SystemPermit::for_background_work(), &name)).await?;
        self.known.state().guests.group = Some(made.id);
        Ok(made.id)
    }

    async fn join(&self, random: &mut Random) -> Result<(), Error> {
        let group = self.group().await?;
        let officers = self.known.state().officers.clone();
        let (add, remove): (Vec<_>, Vec<_>) = officers.into_iter().partition(|_| random.chance(500));
        let wanted: BTreeSet<PrincipalId> = add.iter().copied().collect();
        let op = self.known.state().new_op();
        self.known.state().guests.members.begin(op, wanted);
        let system = SystemPermit::for_background_work();
        self.hear(self.engine.set_members(&system, group, &add, &remove)).await?;
        self.known.state().guests.members.heard(op);
        Ok(())
    }

    async fn grant(&self, random: &mut Random) -> Result<(), Error> {
        let group = self.group().await?;
        let buckets = self.buckets();
        let Some((place, bucket)) = random.pick(&buckets) else { return Ok(()) };
        let right = random.pick(&[None, Some(Right::Read), Some(Right::Write), Some(Right::Manage)]).copied().flatten();
        let op = self.known.state().new_op();
        self.known.state().guests.granted(*place).begin(op, right);
        self.hear(self.engine.set_grant(&SystemPermit::for_background_work(), bucket, group, right)).await?;
        self.known.state().guests.granted(*place).heard(op);
        Ok(())
    }

    /// Of labels that stay.
    fn buckets(&self) -> Vec<(usize, Bucket)> {
        let state = self.known.state();
        let buckets = state.places.iter().map(|place| place.bucket.clone()).enumerate();
        buckets.filter(|(_, bucket)| bucket.label != founding::doomed()).collect()
    }

    /// Finds what nobody said.
    pub async fn look(&self) -> Result<(), Error> {
        self.look_at_keys().await?;
        let Some(group) = self.known.state().guests.group else { return Ok(()) };
        let look = self.known.state().guests.members.look();
        let groups = self.hear(self.engine.list_groups(&SystemPermit::for_background_work())).await?;
        let found = groups.into_iter().find(|found| found.id == group).map(|found| found.members);
        if !found.as_ref().is_some_and(|found| self.known.state().guests.members.may_be(&look, found)) {
            self.known.findings.add(format!("a group has other members than were said last: {found:?}"));
        }
        for (place, bucket) in self.buckets() {
            let look = self.known.state().guests.granted(place).look();
            let found = self.hear(self.engine.access(&bucket)).await?.grants.0.get(&group).copied();
            if !self.known.state().guests.granted(place).may_be(&look, &found) {
                self.known
                    .findings
                    .add(format!("bucket {} grants otherwise than was said last: {found:?}", bucket.name));
            }
        }
        Ok(())
    }

    async fn look_at_keys(&self) -> Result<(), Error> {
        let keys = self.known.state().guests.keys.clone();
        for (id, ending) in keys {
            let opens = self.hear(self.engine.credential(&id)).await?.is_some();
            match (ending.ended(), opens) {
                (Ended::Yes, true) => self.known.findings.add("an access key opens that was revoked".to_owned()),
                (Ended::No, false) => self.known.findings.add("an access key opens no more".to_owned()),
                _ => {}
            }
        }
        Ok(())
    }
}
