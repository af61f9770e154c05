//! Who may do what, as tables to be read: asked of the very functions that decide.

use std::collections::BTreeMap;

use model::{
    AccessKeyId, Acl, Bucket, BucketId, BucketName, Grants, Label, PrincipalId, Profile, Right, Role, Session,
    Timestamp,
};

use crate::action::{ACTIONS, Facts, Target};
use crate::verdict::{Access, Refusal, decide, decide_on_account};

const OWNER: PrincipalId = PrincipalId([7; 16]);
const OTHER: PrincipalId = PrincipalId([8; 16]);

/// Where a bucket lies, as a session sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Same,
    Below,
    Above,
    Beside,
}

impl Place {
    pub const ALL: [Place; 4] = [Place::Same, Place::Below, Place::Above, Place::Beside];

    pub const fn name(self) -> &'static str {
        match self {
            Place::Same => "same",
            Place::Below => "below",
            Place::Above => "above",
            Place::Beside => "beside",
        }
    }

    /// For a session of level 1 without compartments.
    fn label(self) -> Label {
        match self {
            Place::Same => label(1, 0),
            Place::Below => label(0, 0),
            Place::Above => label(2, 0),
            Place::Beside => label(1, 1),
        }
    }
}

/// What a person is to a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    Owner,
    Granted(Right),
    Stranger,
}

impl Stand {
    pub const ALL: [Stand; 5] = [
        Stand::Owner,
        Stand::Granted(Right::Manage),
        Stand::Granted(Right::Write),
        Stand::Granted(Right::Read),
        Stand::Stranger,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Stand::Owner => "owner",
            Stand::Granted(right) => right.name(),
            Stand::Stranger => "stranger",
        }
    }
}

/// The actions that are done to a bucket or to what lies in it.
pub fn actions() -> impl Iterator<Item = &'static Facts> {
    ACTIONS.iter().filter(|action| action.target != Target::Account)
}

/// What becomes of an action that somebody of this role asks for.
pub fn outcome(role: Role, stand: Stand, place: Place, action: &Facts) -> Result<(), Refusal> {
    let session = Session {
        principal: if stand == Stand::Owner { OWNER } else { OTHER },
        access_key: Some(AccessKeyId("ENTE".into())),
        role: Some(role),
        groups: Vec::new(),
        label: Place::Same.label(),
        policy_epoch: 0,
    };
    if action.target == Target::Account {
        return decide_on_account(&session).outcome.map(drop);
    }
    let name = BucketName::parse("tea").map_err(|_| Refusal::Absent)?;
    let (id, label, created) = (BucketId([1; 16]), place.label(), Timestamp(0));
    let bucket = Bucket { id, name, label, profile: Profile::Quad, owner: OWNER, created };
    let grants = match stand {
        Stand::Granted(right) => BTreeMap::from([(OTHER, right)]),
        Stand::Owner | Stand::Stranger => BTreeMap::new(),
    };
    let access = Access { grants: Grants(grants), ..Access::default() };
    decide(&session, action, &bucket, &access, Some(&Acl::default())).outcome.map(drop)
}

/// An outcome as it is read in a table.
pub const fn cell(outcome: Result<(), Refusal>) -> &'static str {
    match outcome {
        Ok(()) => "yes",
        Err(Refusal::Absent) => "absent",
        Err(Refusal::Below) => "no: below",
        Err(Refusal::NotOwner) => "no",
        Err(_) => "no: other",
    }
}

fn label(level: u8, compartment: u8) -> Label {
    let mut bytes = [0; Label::BYTES];
    bytes[2] = level;
    bytes[19] = compartment;
    Label::from_canonical(bytes)
}
