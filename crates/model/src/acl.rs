//! Access control lists: who beside the owner may do what to a bucket or an object, and what a bucket
//! says about such lists.

use std::collections::BTreeMap;

use crate::id::PrincipalId;

/// Who owns a bucket or an object, and what others may do to it. The default is what is private: it
/// belongs to the bucket's owner, and to nobody else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    /// `None`: the owner of the bucket.
    pub owner: Option<PrincipalId>,
    /// In the order they were given; `None`: everything to the owner and nothing to others.
    pub grants: Option<Vec<Grant>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    pub grantee: Grantee,
    pub permission: Permission,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grantee {
    Principal(PrincipalId),
    /// Whoever has proven who they are.
    Authenticated,
    /// Anybody at all.
    Everyone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Of a bucket, to list it; of an object, to read it.
    Read,
    /// Of a bucket, to put and delete objects; of an object, nothing.
    Write,
    /// To read the list.
    ReadAcp,
    /// To change the list.
    WriteAcp,
    /// All of these.
    FullControl,
}

/// Grants on a bucket and everything in it, one to each grantee.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(pub BTreeMap<PrincipalId, Right>);

/// What a grant on a bucket allows; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// To list it and read what is in it.
    Read,
    /// To put, tag and delete objects.
    Write,
    /// What its owner may.
    Manage,
}

impl Right {
    pub const ALL: [Right; 3] = [Right::Read, Right::Write, Right::Manage];

    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Right::Read => "read",
            Right::Write => "write",
            Right::Manage => "manage",
        }
    }
}

impl Acl {
    pub fn grants_to_groups(&self) -> bool {
        let group = |grant: &Grant| !matches!(grant.grantee, Grantee::Principal(_));
        self.grants.iter().flatten().any(group)
    }
}

/// Whose an object is that somebody else puts, and whether lists count at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ownership {
    /// Never told: as [`Ownership::ObjectWriter`].
    #[default]
    Unset,
    ObjectWriter,
    /// The bucket owner's if it was put with `bucket-owner-full-control`.
    BucketOwnerPreferred,
    /// Everything is the bucket owner's, and lists count for nothing.
    BucketOwnerEnforced,
}

/// What a bucket says against grants to groups, which make it or its objects public.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublicAccess {
    /// Whether it was told at all.
    pub told: bool,
    /// Lists with such grants are refused.
    pub block_acls: bool,
    /// Such grants count for nothing.
    pub ignore_acls: bool,
    /// Bucket policies with such grants are refused.
    pub block_policy: bool,
    /// Such bucket policies count for nothing.
    pub restrict_buckets: bool,
}
