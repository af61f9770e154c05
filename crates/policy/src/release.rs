//! What it takes to copy something to a label that does not dominate its own.

use model::{Acl, Bucket, Principal, PrincipalId, Release, Role, Session};

use crate::action::{GetObject, PutObject};
use crate::mint::{on_shared_key, on_shared_object};
use crate::permit::Permit;
use crate::verdict::{Access, Refusal};

/// A bucket at one end of a release.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    pub bucket: &'a Bucket,
    pub access: &'a Access,
}

/// Who asked, as they are now.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    pub principal: &'a Principal,
    pub groups: &'a [PrincipalId],
}

/// May this person sign?
pub fn may_sign(release: &Release, signer: &Principal) -> Result<(), Refusal> {
    let cleared = signer.suspended.is_none() && signer.clearance.dominates(&release.source_label);
    if signer.role != Role::SecurityOfficer || !cleared {
        return Err(Refusal::OtherDuty);
    }
    let again = release.signatures.iter().any(|signature| signature.by == signer.id);
    match signer.id == release.asked_by || again {
        true => Err(Refusal::OwnSignature),
        false => Ok(()),
    }
}

/// A permit to read what is to be released, for those who may sign: nobody signs what they cannot see. It is
/// the one way in which a security officer sees data, and leads to nothing but what was asked for.
pub fn permit_to_look(release: &Release, signer: &Principal, source: &Bucket) -> Result<Permit<GetObject>, Refusal> {
    let cleared = signer.suspended.is_none() && signer.clearance.dominates(&release.source_label);
    if signer.role != Role::SecurityOfficer || !cleared || signer.id == release.asked_by {
        return Err(Refusal::OtherDuty);
    }
    if !release.is_open() || (source.id, source.label) != (release.source.bucket, release.source_label) {
        return Err(Refusal::Absent);
    }
    let looks = session(Asker { principal: signer, groups: &[] }, source);
    Ok(Permit::mint(&looks, Some(source), Some(release.source.key.clone())))
}

/// The two permits of a copy: of who asked, each at the label of its end. Both ends are decided on as
/// ever; what the release stands in for is that nothing flows from the one label to the other.
pub fn permits(
    release: &Release,
    asker: Asker<'_>,
    signers: &[Principal],
    source: End<'_>,
    list: &Acl,
    target: End<'_>,
) -> Result<(Permit<GetObject>, Permit<PutObject>), Refusal> {
    let valid = |by: PrincipalId| {
        let signer = signers.iter().find(|signer| signer.id == by);
        let alone = Release { signatures: Vec::new(), ..release.clone() };
        signer.is_some_and(|signer| may_sign(&alone, signer).is_ok())
    };
    let as_asked = (source.bucket.id, source.bucket.label) == (release.source.bucket, release.source_label)
        && (target.bucket.id, target.bucket.label) == (release.target, release.target_label)
        && asker.principal.id == release.asked_by;
    let signed = release.is_signed() && release.signatures.iter().all(|signature| valid(signature.by));
    if !release.is_open() || !as_asked || !signed {
        return Err(Refusal::Unsigned);
    }
    if asker.principal.suspended.is_some() || !asker.principal.clearance.dominates(&source.bucket.label) {
        return Err(Refusal::NotCleared);
    }
    let reads = session(asker, source.bucket);
    let writes = session(asker, target.bucket);
    let from = on_shared_object(&reads, source.bucket, source.access, release.source.key.clone(), list)?;
    let to = on_shared_key(&writes, target.bucket, target.access, release.target_key.clone())?;
    Ok((from, to))
}

/// Who asked, at the label of this bucket: what they would be with a key of it.
pub fn session(asker: Asker<'_>, bucket: &Bucket) -> Session {
    Session {
        principal: asker.principal.id,
        access_key: None,
        role: Some(asker.principal.role),
        groups: asker.groups.to_vec(),
        label: bucket.label,
        policy_epoch: 0,
    }
}

#[cfg(test)]
mod tests;
