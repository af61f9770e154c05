//! Principals and access keys. They live in the control stream; secrets lie sealed under its key.

use catalog::Proposal;
use model::{
    AccessKey, AccessKeyId, Change, Governance, Guard, KeyLimits, KeyState, Label, Precondition, Principal,
    PrincipalId, Role, Session,
};
use policy::SystemPermit;

use crate::api::{Credential, Engine, Issued, KeyInfo};
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
        let turn = inner.lookups.turn();
        let Some(key) = inner.catalog.access_key(id).await? else { return Ok(None) };
        if key.state != KeyState::Active {
            return Ok(None);
        }
        let (_, control) = inner.keys.control().ok_or_else(|| Error::Internal("no control key".to_owned()))?;
        let secret = control.open_secret(&key.id, &key.secret);
        let secret = secret.map_err(|_| Error::Internal(format!("the secret of `{id}` does not open")))?;
        let session = Session {
            principal: key.principal,
            access_key: Some(key.id),
            label: key.label,
            policy_epoch: inner.catalog.policy_epoch().await?,
        };
        let credential = Credential { session, secret, limits: key.limits };
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
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
        if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(plain) {
            return Err(Error::Invalid(format!("a name has 1 to {NAME_MAX} letters, digits, or `.`, `-`, `_`, `@`")));
        }
        let inner = &self.inner;
        let id = PrincipalId::random(&inner.outside);
        let principal = Principal { id, name: name.to_owned(), role, clearance, created: inner.outside.clock.now() };
        self.commit_control(Change::PrincipalCreated(principal.clone())).await?;
        Ok(principal)
    }

    /// Issues a key whose sessions have this label, which gets its key and stream if it is new here. The
    /// secret is in the answer and nowhere else in the clear.
    pub async fn issue_key(
        &self,
        _: &SystemPermit,
        principal: PrincipalId,
        label: Label,
        limits: KeyLimits,
    ) -> Result<Issued, Error> {
        let inner = &self.inner;
        let principals = inner.catalog.principals().await?;
        let owner = principals.into_iter().find(|found| found.id == principal);
        let owner = owner.ok_or_else(|| Error::Invalid(format!("there is no principal {principal}")))?;
        // An access key opens the door to data, and duties are separated.
        if owner.role != Role::MissionOwner {
            return Err(Error::OtherDuty);
        }
        if !owner.clearance.dominates(&label) {
            return Err(Error::NotCleared);
        }
        if !inner.settings.range.contains(&label) {
            return Err(Error::OutOfRange);
        }
        inner.open_label(label).await?;
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
