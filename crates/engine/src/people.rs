//! Principals, groups and access keys, which live in the control stream, secrets sealed under its key; and
//! grants, which live with their bucket.

use std::collections::BTreeSet;

use catalog::Proposal;
use model::{
    AccessKey, AccessKeyId, Bucket, BucketSetting, Change, Governance, Grants, Group, Guard, KeyLimits, KeyState,
    Label, Precondition, Principal, PrincipalId, Right, Role, Session, Timestamp,
};
use policy::{Standing, SystemPermit};

use crate::api::{Credential, Engine, Issued, KeyInfo, PrincipalUpdate};
use crate::error::Error;

/// Letters and digits of access key ids: those that are not read for one another.
const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ID_PREFIX: &str = "ENTE";
/// 80 random bits behind the prefix: 20 characters, as clients expect.
const ID_RANDOM: usize = 16;
/// 240 random bits: 40 characters, as clients expect. Plain letters and digits survive every
/// configuration file and shell.
const SECRET_RANDOM: usize = 48;
const NAME_MAX: usize = 64;

impl Engine {
    /// The session and secret of an access key; `None` when there is none or it is revoked.
    pub async fn credential(&self, id: &AccessKeyId) -> Result<Option<Credential>, Error> {
        let inner = &self.inner;
        if let Some(credential) = inner.lookups.credential(id) {
            return Ok(Some(credential));
        }
        let turn = inner.lookups.turn_of_people();
        let Some(key) = inner.catalog.access_key(id).await? else { return Ok(None) };
        if key.state != KeyState::Active {
            return Ok(None);
        }
        // Before what it is the epoch of, so that whoever reads something older is found out.
        let policy_epoch = inner.catalog.policy_epoch(key.principal).await?;
        let principal = inner.catalog.principal(key.principal).await?;
        let principal = principal.ok_or_else(|| Error::Internal(format!("the principal of `{id}` is missing")))?;
        // A label that is shredded has no stream, and what opens its data opens nothing any more.
        if principal.role == Role::MissionOwner && inner.streams.of(Some(key.label)).is_none() {
            return Ok(None);
        }
        let (_, control) = inner.keys.control().ok_or_else(|| Error::Internal("no control key".to_owned()))?;
        let secret = control.open_secret(&key.id, &key.secret);
        let secret = secret.map_err(|_| Error::Internal(format!("the secret of `{id}` does not open")))?;
        let session = Session {
            principal: key.principal,
            access_key: Some(key.id),
            role: Some(principal.role),
            groups: self.groups_of(key.principal).await?,
            label: key.label,
            policy_epoch,
        };
        let standing = Standing { limits: key.limits, ..Standing::of(&principal, inner.settings.range) };
        let credential = Credential { session, secret, standing };
        inner.lookups.keep_credential(turn, id, &credential);
        Ok(Some(credential))
    }

    /// A principal whose sessions may have labels up to `clearance`.
    pub async fn create_principal(
        &self,
        _: &SystemPermit,
        name: &str,
        role: Role,
        clearance: Label,
    ) -> Result<Principal, Error> {
        check_name(name)?;
        let inner = &self.inner;
        let principal = Principal {
            id: PrincipalId::random(&inner.outside),
            name: name.to_owned(),
            role,
            clearance,
            created: inner.outside.clock.now(),
            suspended: None,
        };
        self.commit_control(Change::PrincipalCreated(principal.clone())).await?;
        Ok(principal)
    }

    /// Changes what a principal is cleared for, or whether it is suspended. From the moment this is decided
    /// nothing commits that it was allowed before.
    pub async fn set_principal(
        &self,
        _: &SystemPermit,
        id: PrincipalId,
        update: PrincipalUpdate,
    ) -> Result<Principal, Error> {
        let inner = &self.inner;
        let _turn = inner.people.lock().await;
        let before = inner.catalog.principal(id).await?.ok_or(Error::NoSuchPrincipal)?;
        let now = inner.outside.clock.now();
        let suspended = match update.suspended {
            Some(true) => before.suspended.or(Some(now)),
            Some(false) => None,
            None => before.suspended,
        };
        let clearance = update.clearance.unwrap_or(before.clearance);
        let principal = Principal { clearance, suspended, ..before };
        self.commit_control(Change::PrincipalSet(principal.clone())).await?;
        Ok(principal)
    }

    /// Those it is in.
    pub(crate) async fn groups_of(&self, principal: PrincipalId) -> Result<Vec<PrincipalId>, Error> {
        let groups = self.inner.catalog.groups().await?;
        Ok(groups.into_iter().filter(|group| group.members.contains(&principal)).map(|group| group.id).collect())
    }

    pub async fn list_groups(&self, _: &SystemPermit) -> Result<Vec<Group>, Error> {
        Ok(self.inner.catalog.groups().await?)
    }

    /// A group without members.
    pub async fn create_group(&self, _: &SystemPermit, name: &str) -> Result<Group, Error> {
        check_name(name)?;
        let inner = &self.inner;
        let (id, created) = (PrincipalId::random(&inner.outside), inner.outside.clock.now());
        let group = Group { id, name: name.to_owned(), members: BTreeSet::new(), created };
        self.commit_control(Change::GroupSet(group.clone())).await?;
        Ok(group)
    }

    /// Whatever was granted to the group is granted to nobody then.
    pub async fn delete_group(&self, _: &SystemPermit, group: PrincipalId) -> Result<(), Error> {
        self.commit_control(Change::GroupDeleted { group }).await
    }

    /// Takes principals into a group, or out of it.
    pub async fn set_members(
        &self,
        _: &SystemPermit,
        group: PrincipalId,
        add: &[PrincipalId],
        remove: &[PrincipalId],
    ) -> Result<Group, Error> {
        let _turn = self.inner.people.lock().await;
        let groups = self.inner.catalog.groups().await?;
        let mut group = groups.into_iter().find(|found| found.id == group).ok_or(Error::NoSuchGroup)?;
        group.members.extend(add);
        group.members.retain(|member| !remove.contains(member));
        self.commit_control(Change::GroupSet(group.clone())).await?;
        Ok(group)
    }

    /// Grants the right on the bucket and all that is in it, in place of what was granted to the same
    /// principal or group before; `None` takes it back.
    pub async fn set_grant(
        &self,
        _: &SystemPermit,
        bucket: &Bucket,
        to: PrincipalId,
        right: Option<Right>,
    ) -> Result<Grants, Error> {
        let inner = &self.inner;
        if right.is_some() && self.name_of(to).await?.is_none() {
            return Err(Error::NoSuchPrincipal);
        }
        let _turn = inner.people.lock().await;
        let mut grants = self.access(bucket).await?.grants.clone();
        match right {
            Some(right) => grants.0.insert(to, right),
            None => grants.0.remove(&to),
        };
        let change = Change::BucketSet { bucket: bucket.id, setting: BucketSetting::Grants(grants.clone()) };
        inner.commit_system(inner.stream_of(bucket)?.id, change).await?;
        Ok(grants)
    }

    /// Issues a key whose sessions have this label. A mission owner's label gets its key and stream if it is
    /// new here; the keys of others open no data. The secret is in the answer and nowhere else in the clear.
    pub async fn issue_key(
        &self,
        _: &SystemPermit,
        principal: PrincipalId,
        label: Label,
        limits: KeyLimits,
    ) -> Result<Issued, Error> {
        let inner = &self.inner;
        let owner = inner.catalog.principal(principal).await?.ok_or(Error::NoSuchPrincipal)?;
        if !owner.clearance.dominates(&label) {
            return Err(Error::NotCleared);
        }
        if !inner.settings.range.contains(&label) {
            return Err(Error::OutOfRange);
        }
        // Until the key is decided: no label is shredded in between.
        let _turn = inner.opening.lock().await;
        if owner.role == Role::MissionOwner {
            inner.open_label_in_turn(label).await?;
        }
        let (_, control) = inner.keys.control().ok_or_else(|| Error::Internal("no control key".to_owned()))?;
        let id = AccessKeyId(format!("{ID_PREFIX}{}", self.random_text::<ID_RANDOM>()));
        let secret = self.random_text::<SECRET_RANDOM>();
        let key = AccessKey {
            id: id.clone(),
            principal,
            label,
            secret: control.seal_secret(&id, &secret, &inner.outside),
            limits,
            state: KeyState::Active,
            created: inner.outside.clock.now(),
        };
        self.commit_control(Change::KeyIssued(key)).await?;
        Ok(Issued { id, secret, principal: owner })
    }

    /// A new key that stands for the same as this one, which goes on for `grace_ms` more.
    pub async fn rotate_key(&self, permit: &SystemPermit, id: &AccessKeyId, grace_ms: u64) -> Result<Issued, Error> {
        let inner = &self.inner;
        let old = inner.catalog.access_key(id).await?.filter(|key| key.state == KeyState::Active);
        let old = old.ok_or(Error::NoSuchAccessKey)?;
        let now = inner.outside.clock.now();
        if old.limits.expires.is_some_and(|expires| expires <= now) {
            return Err(Error::Invalid("the key has expired: ask for a new one".to_owned()));
        }
        let issued = self.issue_key(permit, old.principal, old.label, old.limits.clone()).await?;
        let end = Timestamp(now.0.saturating_add(i64::try_from(grace_ms).unwrap_or(i64::MAX)));
        let at = old.limits.expires.map_or(end, |expires| expires.min(end));
        let change = match grace_ms {
            0 => Change::KeyRevoked { id: id.clone(), at: now },
            _ => Change::KeyExpires { id: id.clone(), at },
        };
        self.commit_control(change).await?;
        Ok(issued)
    }

    pub async fn list_keys(&self, _: &SystemPermit) -> Result<Vec<KeyInfo>, Error> {
        let principals = self.inner.catalog.principals().await?;
        let keys = self.inner.catalog.access_keys().await?;
        let info = |key: AccessKey| {
            let principal = principals.iter().find(|principal| principal.id == key.principal)?.clone();
            Some(KeyInfo {
                id: key.id,
                principal,
                label: key.label,
                limits: key.limits,
                state: key.state,
                created: key.created,
            })
        };
        Ok(keys.into_iter().filter_map(info).collect())
    }

    pub async fn list_principals(&self, _: &SystemPermit) -> Result<Vec<Principal>, Error> {
        Ok(self.inner.catalog.principals().await?)
    }

    /// From the moment this is decided the key commits nothing more; from when it is shown it opens
    /// no session.
    pub async fn revoke_key(&self, _: &SystemPermit, id: &AccessKeyId) -> Result<(), Error> {
        let at = self.inner.outside.clock.now();
        self.commit_control(Change::KeyRevoked { id: id.clone(), at }).await
    }

    async fn commit_control(&self, change: Change) -> Result<(), Error> {
        let control = self.inner.streams.of(None);
        let control = control.ok_or_else(|| Error::Internal("no control stream".to_owned()))?;
        let proposal = Proposal {
            guard: Guard::default(),
            condition: Precondition::None,
            governance: Governance::Obeyed,
            change,
            body: None,
        };
        self.inner.commit(&control, proposal).await.map(drop)
    }

    /// Random characters, 5 bits each.
    fn random_text<const N: usize>(&self) -> String {
        let bytes: [u8; N] = self.inner.outside.random();
        bytes.iter().filter_map(|byte| ID_ALPHABET.get(usize::from(byte & 31))).map(|c| char::from(*c)).collect()
    }
}

/// As long as the user names people know from IAM, and of the same letters.
fn check_name(name: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@+=,-".contains(&byte);
    if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    Err(Error::Invalid(format!("a name is 1 to {NAME_MAX} letters, digits and any of `_.@+=,-`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_people_know_from_iam() {
        for good in ["a", "ann.b@example+x", &"u".repeat(64)] {
            assert!(check_name(good).is_ok(), "`{good}`");
        }
        for bad in ["", "a b", "a/b", "é", "a\nb", "group:a", &"u".repeat(65)] {
            assert!(check_name(bad).is_err(), "`{bad}`");
        }
    }
}
