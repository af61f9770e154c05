//! The verdict: one decision for every action, in one order.
//!
//! Authenticate → duty → lattice → ceiling → allow. What an access key must be to open a session is
//! [`may_use`]; the rest is [`decide`]. Between ceiling and allow there is room for allowances, explicit
//! denials and boundaries: nothing stands there yet.

use std::net::IpAddr;

use model::{
    Acl, Bucket, Grantee, Grants, KeyLimits, Label, LabelRange, Ownership, Permission, Principal, PrincipalId,
    PublicAccess, Right, Role, Session, Timestamp,
};
use thiserror::Error;

use crate::action::{Facts, Flow, List};

/// A no, fit to show the person refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("say who you are")]
    Anonymous,
    #[error("the access key has expired: ask for a new one")]
    Expired,
    #[error("the access key is not taken from this address: connect from where it may be used")]
    Elsewhere,
    #[error("the user is suspended: ask the security officer")]
    Suspended,
    #[error("the user is no longer cleared for the label of this key: ask for a key at a lower one")]
    NotCleared,
    #[error("the label of this key is no longer within what this enclave is accredited for")]
    OutOfRange,
    #[error("data is for mission owners: your duty is another")]
    OtherDuty,
    /// Answered exactly as if the bucket were not there.
    #[error("the bucket does not exist")]
    Absent,
    /// It lies below the session: it can be read from here, and nothing may flow down into it.
    #[error("the bucket has a lower label than the session: write with a key of the bucket's label")]
    Below,
    #[error("the bucket belongs to someone else, who has not granted it")]
    NotOwner,
    #[error("a release needs the signatures of two security officers who are cleared for it, not of who asked")]
    Unsigned,
    #[error("nobody signs what they asked for, or twice: it takes two others")]
    OwnSignature,
}

/// The steps of a decision, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Who asks, with a key that holds.
    Authenticate,
    /// Whether the role uses data at all.
    Duty,
    /// What may flow between the labels of session and target.
    Lattice,
    /// What the enclave and its sites are accredited for.
    Ceiling,
    /// Whether somebody allows it: the owner's own right, a grant, a list.
    Allow,
}

/// Why it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Whoever has an account may.
    Account,
    Owner,
    /// A grant on the bucket to this principal or group.
    Grant(PrincipalId, Right),
    /// An access control list.
    List(Grantee),
}

/// What was decided, and by which step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub step: Step,
    pub outcome: Result<Basis, Refusal>,
}

/// What holds of an access key and its principal now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub limits: KeyLimits,
    pub suspended: Option<Timestamp>,
    pub clearance: Label,
    /// Of the enclave.
    pub range: LabelRange,
}

impl Standing {
    /// Of a key without limits.
    pub fn of(principal: &Principal, range: LabelRange) -> Standing {
        let (suspended, clearance) = (principal.suspended, principal.clearance);
        Standing { limits: KeyLimits::default(), suspended, clearance, range }
    }
}

/// What the bucket says about those who do not own it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    pub grants: Grants,
    /// Of the bucket itself.
    pub acl: Acl,
    pub ownership: Ownership,
    pub public: PublicAccess,
}

/// May a key of this standing open a session of this label now, from this address? Asked last of
/// authentication, of those alone who have shown that the key is theirs.
pub fn may_use(standing: &Standing, label: &Label, now: Timestamp, from: Option<IpAddr>) -> Result<(), Refusal> {
    let limits = &standing.limits;
    if limits.expires.is_some_and(|expires| now >= expires) {
        return Err(Refusal::Expired);
    }
    let within = |from: IpAddr| limits.sources.iter().any(|range| range.contains(from));
    if !limits.sources.is_empty() && !from.is_some_and(within) {
        return Err(Refusal::Elsewhere);
    }
    if standing.suspended.is_some_and(|since| now >= since) {
        return Err(Refusal::Suspended);
    }
    if !standing.clearance.dominates(label) {
        return Err(Refusal::NotCleared);
    }
    match standing.range.contains(label) {
        true => Ok(()),
        false => Err(Refusal::OutOfRange),
    }
}

/// May the session do this on its own account? Every mission owner may.
pub fn decide_on_account(session: &Session) -> Verdict {
    if session.is_anonymous() {
        return Verdict { step: Step::Authenticate, outcome: Err(Refusal::Anonymous) };
    }
    match duty(session) {
        Err(refusal) => Verdict { step: Step::Duty, outcome: Err(refusal) },
        Ok(()) => Verdict { step: Step::Allow, outcome: Ok(Basis::Account) },
    }
}

/// May the session do this to the bucket, or to an object of it whose list, if it is known, is `list`?
pub fn decide(session: &Session, action: &Facts, bucket: &Bucket, access: &Access, list: Option<&Acl>) -> Verdict {
    if let Err(refusal) = duty(session) {
        return Verdict { step: Step::Duty, outcome: Err(refusal) };
    }
    if let Err(refusal) = lattice(session, bucket, action.flow) {
        return Verdict { step: Step::Lattice, outcome: Err(refusal) };
    }
    Verdict { step: Step::Allow, outcome: allow(session, action, bucket, access, list) }
}

/// Nobody in particular has no duty, and gets what everybody was allowed.
fn duty(session: &Session) -> Result<(), Refusal> {
    match session.role {
        None | Some(Role::MissionOwner) => Ok(()),
        Some(_) => Err(Refusal::OtherDuty),
    }
}

/// What does not lie at or below the session is not there for it, whatever is asked.
pub(crate) fn lattice(session: &Session, bucket: &Bucket, flow: Flow) -> Result<(), Refusal> {
    let (visible, same) = (bucket.label <= session.label, bucket.label == session.label);
    match (visible, flow) {
        (false, _) => Err(Refusal::Absent),
        (true, Flow::Write) if !same => Err(Refusal::Below),
        (true, Flow::Read | Flow::Write) => Ok(()),
    }
}

fn allow(
    session: &Session,
    action: &Facts,
    bucket: &Bucket,
    access: &Access,
    list: Option<&Acl>,
) -> Result<Basis, Refusal> {
    let enforced = access.ownership == Ownership::BucketOwnerEnforced;
    // What somebody else put is theirs, for what is asked of an object's list.
    let theirs = list.filter(|_| matches!(action.list, List::Objects(_)) && !enforced).and_then(|list| list.owner);
    if !session.is_anonymous() && session.principal == theirs.unwrap_or(bucket.owner) {
        return Ok(Basis::Owner);
    }
    if let Some((to, right)) = granted(session, &access.grants).filter(|(_, right)| *right >= action.right) {
        return Ok(Basis::Grant(to, right));
    }
    let listed = match action.list {
        List::Nobodys => None,
        List::Buckets(needs) => listed(session, access, &access.acl, needs),
        List::Objects(needs) => list.and_then(|list| listed(session, access, list, needs)),
    };
    listed.map(Basis::List).ok_or(Refusal::NotOwner)
}

/// The greatest grant to the principal or a group it is in.
pub(crate) fn granted(session: &Session, grants: &Grants) -> Option<(PrincipalId, Right)> {
    let mine = grants.0.iter().filter(|(to, _)| session.is(**to)).map(|(to, right)| (*to, *right));
    mine.max_by_key(|(_, right)| *right)
}

fn listed(session: &Session, access: &Access, acl: &Acl, needs: Permission) -> Option<Grantee> {
    if access.ownership == Ownership::BucketOwnerEnforced {
        return None;
    }
    let grants = acl.grants.iter().flatten();
    let mut enough = grants.filter(|grant| grant.permission == needs || grant.permission == Permission::FullControl);
    let grant = enough.find(|grant| match grant.grantee {
        Grantee::Principal(named) => session.is(named),
        Grantee::Authenticated => !access.public.ignore_acls && !session.is_anonymous(),
        Grantee::Everyone => !access.public.ignore_acls,
    });
    grant.map(|grant| grant.grantee)
}

#[cfg(test)]
mod tests;
