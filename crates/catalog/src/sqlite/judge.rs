//! The rules of deciding, on the decided state.
//!
//! What is shown lies in the tables; what is decided and not shown is not applied anywhere, so a
//! proposal that depends on such a record is answered with its number, to come again once it is
//! shown. A proposal that depends on none is judged on the tables alone.

use std::collections::BTreeSet;

use model::condition::Unmet;
use model::{
    AccessKeyId, Aspect, BodyId, Bucket, BucketId, BucketSetting, Change, ETag, Epoch, Guard, Number, ObjectKey, Piece,
    Precondition, PrincipalId, Segment, Upload, UploadId, Version, Versioning,
};
use rusqlite::{Connection, OptionalExtension, Params, params};

use super::touch::{self, Kind};
use super::{epochs, names, people, settings};
use crate::error::Error;
use crate::interface::{Proposal, Refusal};

/// Why a proposal is not decided now.
pub enum Stop {
    Refused(Refusal),
    /// The newest unshown record it depends on.
    Behind(Number),
    Failed(Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refused(refusal)
    }
}

impl From<Unmet> for Stop {
    fn from(unmet: Unmet) -> Stop {
        Stop::Refused(Refusal::Unmet(unmet))
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Stop {
        Stop::Failed(error.into())
    }
}

/// `Ok` when the change may be decided now.
pub fn judge(c: &Connection, proposal: &Proposal) -> Result<(), Stop> {
    guard(c, &proposal.guard)?;
    let condition = &proposal.condition;
    match &proposal.change {
        Change::BucketCreated(bucket, _) => create_bucket(c, bucket),
        Change::BucketDeleted { bucket } => delete_bucket(c, *bucket),
        Change::ObjectPut { bucket, version, segments } => {
            in_bucket(c, *bucket)?;
            object(c, *bucket, &version.key, condition)?;
            segments_open(c, segments)
        }
        Change::ObjectDeleted { bucket, key } => {
            in_bucket(c, *bucket)?;
            object(c, *bucket, key, condition)
        }
        Change::UploadStarted(upload) => in_bucket(c, upload.bucket).map(|_| ()),
        Change::PartPut { bucket, upload, segments, .. } => {
            in_bucket(c, *bucket)?;
            open_upload(c, *bucket, *upload)?;
            segments_open(c, segments)
        }
        Change::UploadCompleted { bucket, upload, version } => {
            in_bucket(c, *bucket)?;
            complete(c, *bucket, *upload, version)?;
            object(c, *bucket, &version.key, condition)
        }
        Change::UploadAborted { bucket, upload } => {
            in_bucket(c, *bucket)?;
            open_upload(c, *bucket, *upload).map(|_| ())
        }
        Change::PiecesAdded { pieces, .. } => pieces_open(c, pieces),
        Change::PrincipalCreated(principal) => create_principal(c, principal.id, &principal.name),
        Change::KeyIssued(key) => issue_key(c, &key.id, key.principal),
        Change::KeyRevoked { id, .. } => revoke_key(c, id),
        Change::BucketSet { bucket, setting } => {
            in_bucket(c, *bucket)?;
            set(c, *bucket, setting)
        }
        Change::LabelKeyCreated(_) | Change::StreamOpened { .. } | Change::SiteClaimed { .. } => Ok(()),
    }
}

/// What may have changed since the permit. A revocation counts from the moment it is decided.
fn guard(c: &Connection, guard: &Guard) -> Result<(), Stop> {
    if let Some(id) = &guard.access_key {
        let revoked = newest(c, "subject = ? AND kind = ?", params![touch::of_key(id), Kind::KeyRevoked])?;
        if revoked.is_some() || !people::is_active(c, id)? {
            return Err(Refusal::KeyNotValid.into());
        }
    }
    if let Some(epoch) = guard.policy_epoch
        && epoch != people::policy_epoch(c)?
    {
        return Err(Refusal::PolicyChanged.into());
    }
    if let Some((id, label)) = guard.bucket
        && in_bucket(c, id)?.label != label
    {
        return Err(Refusal::NoSuchBucket.into());
    }
    Ok(())
}

/// The bucket, unless a change decided about the bucket itself comes first.
fn in_bucket(c: &Connection, id: BucketId) -> Result<Bucket, Stop> {
    wait(c, "subject = ?", [touch::of_bucket(id)])?;
    names::bucket(c, id)?.ok_or(Stop::Refused(Refusal::NoSuchBucket))
}

fn create_bucket(c: &Connection, bucket: &Bucket) -> Result<(), Stop> {
    wait(c, "name = ?", [touch::name_of(bucket)])?;
    match names::bucket_named(c, &bucket.label, &bucket.name)? {
        Some(existing) => Err(Refusal::BucketExists(Box::new(existing)).into()),
        None => Ok(()),
    }
}

/// Uploads in progress go with the bucket; versions keep it.
fn delete_bucket(c: &Connection, id: BucketId) -> Result<(), Stop> {
    in_bucket(c, id)?;
    wait(c, "bucket = ?", [id.0])?;
    let mut any = c.prepare_cached("SELECT EXISTS (SELECT 1 FROM version WHERE bucket = ?)")?;
    if any.query_row([id.0], |row| row.get(0))? {
        return Err(Refusal::BucketNotEmpty.into());
    }
    Ok(())
}

/// Versions once kept are never again not kept: of which ones would be the null version nobody could say.
fn set(c: &Connection, bucket: BucketId, setting: &BucketSetting) -> Result<(), Stop> {
    wait(c, "subject = ?", [touch::of_settings(bucket)])?;
    let kept = settings::find(c, bucket, Aspect::Versioning)?;
    match setting {
        BucketSetting::Versioning(Versioning::Off) if kept != *setting => Err(Refusal::VersionsAreKept.into()),
        _ => Ok(()),
    }
}

/// Unconditional changes of an object never wait.
fn object(c: &Connection, bucket: BucketId, key: &ObjectKey, condition: &Precondition) -> Result<(), Stop> {
    if *condition == Precondition::None {
        return Ok(());
    }
    wait(c, "bucket = ? AND key = ?", params![bucket.0, key.as_str().as_bytes()])?;
    let mut find =
        c.prepare_cached("SELECT etag FROM version WHERE bucket = ? AND key = ? ORDER BY number DESC LIMIT 1")?;
    let etag = find.query_row(params![bucket.0, key.as_str().as_bytes()], |row| row.get(0).map(ETag)).optional()?;
    Ok(condition.check(etag.as_ref())?)
}

fn open_upload(c: &Connection, bucket: BucketId, id: UploadId) -> Result<Upload, Stop> {
    let others = params![touch::of_upload(id), Kind::PartPut];
    wait(c, "subject = ? AND kind <> ?", others)?;
    names::upload(c, bucket, id)?.ok_or(Stop::Refused(Refusal::NoSuchUpload))
}

/// Every body of the version must be that of a part as it is now.
fn complete(c: &Connection, bucket: BucketId, id: UploadId, version: &Version) -> Result<(), Stop> {
    wait(c, "subject = ?", [touch::of_upload(id)])?;
    if open_upload(c, bucket, id)?.key != version.key {
        return Err(Refusal::NoSuchUpload.into());
    }
    let mut find = c.prepare_cached("SELECT body FROM part WHERE upload = ?")?;
    let parts: BTreeSet<BodyId> = find.query_map([id.0], |row| row.get(0).map(BodyId))?.collect::<Result<_, _>>()?;
    if version.bodies.iter().all(|slice| parts.contains(&slice.body)) {
        Ok(())
    } else {
        Err(Refusal::PartsChanged.into())
    }
}

/// Pieces of a closed epoch may have been swept already.
fn segments_open(c: &Connection, segments: &[Segment]) -> Result<(), Stop> {
    segments.iter().try_for_each(|segment| {
        epoch_open(c, segment.epoch)?;
        pieces_open(c, &segment.pieces)
    })
}

fn pieces_open(c: &Connection, pieces: &[Piece]) -> Result<(), Stop> {
    pieces.iter().try_for_each(|piece| epoch_open(c, piece.name.epoch))
}

fn epoch_open(c: &Connection, epoch: Epoch) -> Result<(), Stop> {
    if epochs::is_open(c, epoch)? { Ok(()) } else { Err(Refusal::EpochClosed.into()) }
}

fn create_principal(c: &Connection, id: PrincipalId, name: &str) -> Result<(), Stop> {
    wait(c, "subject = ?", [touch::of_principal(id)])?;
    wait(c, "name = ?", [touch::principal_name(name)])?;
    if people::is_known(c, id, name)? { Err(Refusal::PrincipalExists.into()) } else { Ok(()) }
}

fn issue_key(c: &Connection, id: &AccessKeyId, principal: PrincipalId) -> Result<(), Stop> {
    wait(c, "subject IN (?, ?)", [touch::of_key(id), touch::of_principal(principal)])?;
    if people::principal(c, principal)?.is_none() {
        return Err(Refusal::NoSuchPrincipal.into());
    }
    Ok(())
}

fn revoke_key(c: &Connection, id: &AccessKeyId) -> Result<(), Stop> {
    wait(c, "subject = ?", [touch::of_key(id)])?;
    if people::access_key(c, id)?.is_none() {
        return Err(Refusal::NoSuchAccessKey.into());
    }
    Ok(())
}

fn wait(c: &Connection, touches: &str, values: impl Params) -> Result<(), Stop> {
    newest(c, touches, values)?.map_or(Ok(()), |number| Err(Stop::Behind(number)))
}

/// The newest unshown record that touches this.
fn newest(c: &Connection, touches: &str, values: impl Params) -> Result<Option<Number>, Error> {
    let mut newest = c.prepare_cached(&format!("SELECT max(number) FROM decided WHERE {touches}"))?;
    Ok(newest.query_row(values, |row| row.get::<_, Option<u64>>(0))?.map(Number))
}
