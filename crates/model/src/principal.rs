//! Who acts, and the keys that wrap other keys.

use std::collections::BTreeSet;
use std::fmt;

use crate::address::AddressRange;
use crate::id::{KeyTag, PrincipalId};
use crate::label::Label;
use crate::outside::Timestamp;

/// A person or program that acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub id: PrincipalId,
    /// What people call it; unique in its enclave.
    pub name: String,
    pub role: Role,
    /// The highest label that its sessions may have; its nations are those the label is not withheld
    /// from.
    pub clearance: Label,
    pub created: Timestamp,
    /// From this moment on none of its keys opens a session.
    pub suspended: Option<Timestamp>,
}

/// A set of principals that can be granted something together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Of the same kind as a principal's, so that whatever names one may name the other.
    pub id: PrincipalId,
    /// Unique among the groups of its enclave.
    pub name: String,
    pub members: BTreeSet<PrincipalId>,
    pub created: Timestamp,
}

/// What a principal is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Owns buckets and uses the S3 door.
    MissionOwner,
    /// Runs the enclave through the admin API; reads no data.
    PlatformOperator,
    /// Grants clearances, keys and releases; uses none of them.
    SecurityOfficer,
    /// Buys from vendors.
    ContractingOfficer,
    /// Sees what was done, and changes nothing.
    Auditor,
}

impl Role {
    pub const ALL: [Role; 5] =
        [Role::MissionOwner, Role::PlatformOperator, Role::SecurityOfficer, Role::ContractingOfficer, Role::Auditor];

    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Role::MissionOwner => "mission-owner",
            Role::PlatformOperator => "platform-operator",
            Role::SecurityOfficer => "security-officer",
            Role::ContractingOfficer => "contracting-officer",
            Role::Auditor => "auditor",
        }
    }
}

/// The public half of an access key, such as `ENTE0123456789ABCDEF`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId(pub String);

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An access key as kept: its secret lies sealed under a key that the root wraps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    pub id: AccessKeyId,
    pub principal: PrincipalId,
    /// The one label of every session of this key.
    pub label: Label,
    pub secret: SealedSecret,
    pub limits: KeyLimits,
    pub state: KeyState,
    pub created: Timestamp,
}

/// What else binds an access key; the default binds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// From this moment on it opens no session.
    pub expires: Option<Timestamp>,
    /// Only connections from one of these are taken; from anywhere when there are none.
    pub sources: Vec<AddressRange>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    Active,
    Revoked { at: Timestamp },
}

/// A secret sealed under the control key: fresh salt, then ciphertext and tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    pub salt: [u8; 32],
    pub sealed: Vec<u8>,
}

/// What authentication establishes, before any permission is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// [`PrincipalId::NOBODY`] of a request that proves nothing.
    pub principal: PrincipalId,
    /// The deciding transaction refuses it if it was revoked meanwhile; `None` when nothing was shown.
    pub access_key: Option<AccessKeyId>,
    /// `None` of a request that proves nothing.
    pub role: Option<Role>,
    /// That the principal is in.
    pub groups: Vec<PrincipalId>,
    pub label: Label,
    /// Rises with every change of the principal or of the groups it is in; the deciding transaction
    /// refuses an older one.
    pub policy_epoch: u64,
}

impl Session {
    /// Of a request without credentials: at the lowest label, and nobody's.
    pub fn anonymous() -> Session {
        Session {
            principal: PrincipalId::NOBODY,
            access_key: None,
            role: None,
            groups: Vec::new(),
            label: Label::LOWEST,
            policy_epoch: 0,
        }
    }

    /// Whether this names the principal or a group it is in; nobody is named by anything.
    pub fn is(&self, who: PrincipalId) -> bool {
        !self.is_anonymous() && (self.principal == who || self.groups.contains(&who))
    }

    pub fn is_anonymous(&self) -> bool {
        self.principal == PrincipalId::NOBODY
    }
}

/// Key bytes sealed under another key, found by its tag; what they are bound to (the associated
/// data) is known from the record that holds the wrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrap {
    /// The wrapping key.
    pub under: KeyTag,
    /// Fresh for every wrap; the one-time wrapping key is derived from it.
    pub salt: [u8; 32],
    /// Ciphertext and tag.
    pub sealed: Vec<u8>,
}

/// A random key of one label and epoch (or of the control stream), wrapped by the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelKey {
    pub tag: KeyTag,
    /// `None` for the control stream's key.
    pub label: Option<Label>,
    pub epoch: u32,
    pub salt: [u8; 32],
    /// 32 key bytes under the root: ciphertext and tag.
    pub sealed: Vec<u8>,
}
