//! The rules of deciding, on the decided state.
//!
//! What is shown lies in the tables; what is decided and not shown is not applied anywhere, so a
//! proposal that depends on such a record is answered with its number, to come again once it is
//! shown. A proposal that depends on none is judged on the tables alone.

use std::collections::BTreeSet;

use model::condition::Unmet;
use model::{
    AccessKeyId, Adoption, Aspect, BodyId, Bucket, BucketId, BucketSetting, Change, ETag, Epoch, Governance, Group,
    Guard, Lock, Number, ObjectKey, ObjectLock, Piece, Precondition, Principal, PrincipalId, Release, Segment,
    SegmentId, Slot, Source, Timestamp, Upload, UploadId, Version, VersionId, VersionSetting, Versioning,
};
use rusqlite::{Connection, Params, params};

use super::sealed::Db;
use super::touch::{self, Kind};
use super::versions::{self, Kept};
use super::{adoption, epochs, names, people, segments, settings, shred};
use crate::error::Error;
use crate::interface::{Proposal, Refusal, Stand};

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

/// The change as it is decided, when it may be decided now: what a put or a deletion becomes follows
/// from what its bucket was told.
pub fn judge(c: &Db<'_>, now: Timestamp, proposal: &Proposal) -> Result<Change, Stop> {
    guard(c, &proposal.guard)?;
    let mut change = proposal.change.clone();
    match &mut change {
        Change::ObjectPut { bucket, version, .. }
        | Change::UploadCompleted { bucket, version, .. }
        | Change::ObjectCopied { bucket, version, .. } => keep_by_rules(c, *bucket, version, now)?,
        Change::MarkerPut { bucket, marker } => match versioning(c, *bucket)? {
            Versioning::Enabled => marker.slot = Slot::Own,
            Versioning::Suspended => marker.slot = Slot::Null,
            Versioning::Off => change = deleted(c, *bucket, &marker.key)?,
        },
        Change::ObjectDeleted { bucket, key } | Change::VersionDeleted { bucket, key, .. }
            if is_adopting(c, *bucket)? =>
        {
            change = deleted(c, *bucket, key)?;
        }
        _ => {}
    }
    check(c, now, proposal, &change)?;
    Ok(change)
}

/// Without versions a deletion leaves nothing; but what an origin holds must not show in its place.
fn deleted(c: &Db<'_>, bucket: BucketId, key: &ObjectKey) -> Result<Change, Stop> {
    let key = key.clone();
    Ok(match is_adopting(c, bucket)? {
        true => Change::OriginHidden { bucket, key },
        false => Change::ObjectDeleted { bucket, key },
    })
}

/// A new version's slot, and how long it stays.
fn keep_by_rules(c: &Db<'_>, bucket: BucketId, version: &mut Version, now: Timestamp) -> Result<(), Stop> {
    version.slot = match versioning(c, bucket)? {
        Versioning::Enabled => Slot::Own,
        Versioning::Off | Versioning::Suspended => Slot::Null,
    };
    match object_lock(c, bucket)? {
        ObjectLock::On { default } => {
            let retention = version.lock.retention;
            version.lock.retention = retention.or(default.map(|default| default.from(now)));
        }
        ObjectLock::Off if version.lock != Lock::default() => return Err(Refusal::NoObjectLock.into()),
        ObjectLock::Off => {}
    }
    Ok(())
}

/// What the bucket was told of versions, unless something about its settings is still to be shown.
fn versioning(c: &Db<'_>, bucket: BucketId) -> Result<Versioning, Stop> {
    wait(c, "subject = ?", [touch::of_settings(bucket)])?;
    Ok(settings::versioning(c, bucket)?)
}

fn object_lock(c: &Db<'_>, bucket: BucketId) -> Result<ObjectLock, Stop> {
    match settings::find(c, bucket, Aspect::ObjectLock)? {
        BucketSetting::ObjectLock(lock) => Ok(lock),
        _ => Ok(ObjectLock::Off),
    }
}

fn check(c: &Db<'_>, now: Timestamp, proposal: &Proposal, change: &Change) -> Result<(), Stop> {
    let condition = &proposal.condition;
    match change {
        Change::BucketCreated(bucket, _) => create_bucket(c, bucket),
        Change::BucketDeleted { bucket } => delete_bucket(c, *bucket),
        Change::ObjectPut { bucket, version, segments } => {
            in_bucket(c, *bucket)?;
            object(c, *bucket, &version.key, condition)?;
            segments_open(c, segments)
        }
        Change::ObjectCopied { bucket, version, source } => {
            in_bucket(c, *bucket)?;
            object(c, *bucket, &version.key, condition)?;
            still_there(c, source)
        }
        Change::ObjectDeleted { bucket, key } => {
            in_bucket(c, *bucket)?;
            object(c, *bucket, key, condition)
        }
        Change::OriginHidden { bucket, key } => {
            in_bucket(c, *bucket)?;
            object(c, *bucket, key, condition)
        }
        Change::MarkerPut { bucket, marker } => {
            in_bucket(c, *bucket)?;
            object(c, *bucket, &marker.key, condition)
        }
        Change::VersionDeleted { bucket, key, version, slot } => {
            in_bucket(c, *bucket)?;
            delete_version(c, (*bucket, key, *version, *slot), condition, now, proposal.governance)
        }
        Change::VersionSet { bucket, key, version, setting } => {
            in_bucket(c, *bucket)?;
            set_version(c, (*bucket, key, *version), setting, now, proposal.governance)
        }
        Change::UploadStarted(upload) => {
            in_bucket(c, upload.bucket)?;
            let unlocked = upload.lock == Lock::default();
            if unlocked || object_lock(c, upload.bucket)? != ObjectLock::Off {
                Ok(())
            } else {
                Err(Refusal::NoObjectLock.into())
            }
        }
        Change::PartPut { bucket, upload, segments, .. } => {
            in_bucket(c, *bucket)?;
            open_upload(c, *bucket, *upload)?;
            segments_open(c, segments)
        }
        Change::PartCopied { bucket, upload, source, .. } => {
            in_bucket(c, *bucket)?;
            open_upload(c, *bucket, *upload)?;
            still_there(c, source)
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
        Change::SegmentPlaced { segment, pieces, .. } => new_pieces_open(c, *segment, pieces),
        Change::PrincipalCreated(principal) => create_principal(c, principal.id, &principal.name),
        Change::KeyIssued(key) => issue_key(c, &key.id, key.principal),
        Change::KeyRevoked { id, .. } | Change::KeyExpires { id, .. } => known_key(c, id),
        Change::PrincipalSet(principal) => known_principal(c, principal),
        Change::GroupSet(group) => set_group(c, group),
        Change::GroupDeleted { group } => known_group(c, *group),
        Change::ReleaseSet(release) => set_release(c, release),
        Change::BucketSet { bucket, setting } => {
            in_bucket(c, *bucket)?;
            set(c, *bucket, setting)
        }
        Change::LabelShredded { label, keys, .. } => shred::judge(c, label, keys),
        Change::LabelKeyCreated(_)
        | Change::StreamOpened { .. }
        | Change::SiteClaimed { .. }
        | Change::SiteSet { .. }
        | Change::CopyMade(_) => Ok(()),
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
    if let Some((principal, epoch)) = guard.policy {
        let of_it = params![touch::of_principal(principal), Kind::PrincipalSet];
        let changed = newest(c, "subject = ? AND kind = ?", of_it)?;
        if changed.is_some() || epoch != people::policy_epoch(c, principal)? {
            return Err(Refusal::PolicyChanged.into());
        }
    }
    if let Some((id, label)) = guard.bucket
        && in_bucket(c, id)?.label != label
    {
        return Err(Refusal::NoSuchBucket.into());
    }
    guard.segment.as_deref().map_or(Ok(()), |segment| still_lies(c, segment))
}

/// What was made from an old reading is not waited with: shown after the other, it would undo it.
fn still_lies(c: &Connection, read: &Segment) -> Result<(), Stop> {
    let unshown = newest(c, "subject = ?", [touch::of_segment(read.id)])?;
    match segments::find(c, read.id)? {
        Some(now) if unshown.is_none() && now.code == read.code && now.pieces == read.pieces => Ok(()),
        _ => Err(Refusal::SegmentMoved.into()),
    }
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
fn delete_bucket(c: &Db<'_>, id: BucketId) -> Result<(), Stop> {
    in_bucket(c, id)?;
    wait(c, "bucket = ?", [id.0])?;
    if is_adopting(c, id)? {
        return Err(Refusal::Adoption("the bucket is being adopted: finish or abandon that first").into());
    }
    let mut any = c.prepare_cached("SELECT EXISTS (SELECT 1 FROM version WHERE bucket = ?)")?;
    if any.query_row([id.0], |row| row.get(0))? {
        return Err(Refusal::BucketNotEmpty.into());
    }
    Ok(())
}

/// Whether what is not here shows from an origin.
fn is_adopting(c: &Db<'_>, bucket: BucketId) -> Result<bool, Stop> {
    wait(c, "subject = ?", [touch::of_settings(bucket)])?;
    Ok(adoption::of(c, bucket)?.is_some_and(|adoption| adoption.is_open()))
}

/// A bucket adopts once, from one origin, and keeps no versions meanwhile: which one of a key is the
/// current one would hang on another vendor's clock.
fn adopt(c: &Db<'_>, bucket: BucketId, setting: Option<&Adoption>) -> Result<(), Stop> {
    let refused = |why| Err(Refusal::Adoption(why).into());
    let known = adoption::of(c, bucket)?;
    let versioning = settings::find(c, bucket, Aspect::Versioning)?;
    match (known, setting) {
        (Some(known), _) if !known.is_open() => refused("the bucket has adopted before, and adopts once"),
        (Some(_), None) => refused("an adoption is finished or abandoned, not forgotten"),
        (Some(known), Some(new)) if known.origin != new.origin => refused("the bucket adopts another origin"),
        (None, Some(new)) if !new.is_open() => refused("the bucket adopts nothing"),
        (None, Some(_)) if versioning != Aspect::Versioning.unset() => {
            refused("a bucket that keeps versions cannot adopt")
        }
        _ => Ok(()),
    }
}

/// Versions once kept are never again not kept: of which ones would be the null version nobody could say.
fn set(c: &Db<'_>, bucket: BucketId, setting: &BucketSetting) -> Result<(), Stop> {
    let (kept, lock) = (versioning(c, bucket)?, object_lock(c, bucket)?);
    match setting {
        BucketSetting::Versioning(Versioning::Off) if kept != Versioning::Off => Err(Refusal::VersionsAreKept.into()),
        // What is locked is a version: without new versions nothing new could be locked.
        BucketSetting::Versioning(new) if *new != Versioning::Enabled && lock != ObjectLock::Off => {
            Err(Refusal::LockNeedsVersions.into())
        }
        BucketSetting::ObjectLock(ObjectLock::On { .. }) if kept != Versioning::Enabled => {
            Err(Refusal::LockNeedsVersions.into())
        }
        BucketSetting::ObjectLock(ObjectLock::Off) if lock != ObjectLock::Off => Err(Refusal::LockStays.into()),
        BucketSetting::Versioning(versioning) if *versioning != Versioning::Off && is_adopting(c, bucket)? => {
            Err(Refusal::Adoption("a bucket keeps no versions while it is being adopted").into())
        }
        BucketSetting::Adoption(adoption) => adopt(c, bucket, adoption.as_ref()),
        _ => Ok(()),
    }
}

/// Unconditional changes of an object never wait.
fn object(c: &Db<'_>, bucket: BucketId, key: &ObjectKey, condition: &Precondition) -> Result<(), Stop> {
    if *condition == Precondition::None {
        return Ok(());
    }
    wait(c, "bucket = ? AND key = ?", params![bucket.0, key.as_str().as_bytes()])?;
    let current = versions::current(c, bucket, key)?;
    match condition {
        Precondition::Untouched { since } => untouched(c, bucket, key, since.as_ref()),
        // What is here hides what lies beneath; so does the mark of what was deleted here.
        _ if current.is_some() || !is_adopting(c, bucket)? || adoption::is_hidden(c, bucket, key)? => {
            Ok(condition.above().check(current.as_ref().map(|(etag, id)| (etag, *id)))?)
        }
        Precondition::Over { .. } => Ok(condition.check(None)?),
        _ => Err(Refusal::LookBeneath.into()),
    }
}

/// What is brought takes the place of nothing but what was brought.
fn untouched(c: &Db<'_>, bucket: BucketId, key: &ObjectKey, since: Option<&ETag>) -> Result<(), Stop> {
    let good = is_adopting(c, bucket)?
        && match adoption::stand(c, bucket, key)? {
            Stand::Untouched => since.is_none(),
            Stand::Brought { etag, .. } => since == Some(&etag),
            Stand::Deleted | Stand::Written => false,
        };
    if good { Ok(()) } else { Err(Unmet::Failed.into()) }
}

/// The version with this id, once all that is decided about its key is shown.
fn settled(c: &Db<'_>, bucket: BucketId, key: &ObjectKey, id: VersionId) -> Result<Option<Kept>, Stop> {
    wait(c, "bucket = ? AND key = ?", params![bucket.0, key.as_str().as_bytes()])?;
    Ok(versions::by_id(c, bucket, key, id)?)
}

/// What is shared with must hold its segments until this does.
fn still_there(c: &Db<'_>, source: &Source) -> Result<(), Stop> {
    match settled(c, source.bucket, &source.key, source.version)? {
        Some(Kept::Version(..)) => Ok(()),
        Some(Kept::Marker(..)) | None => Err(Refusal::SourceGone.into()),
    }
}

fn delete_version(
    c: &Db<'_>,
    (bucket, key, id, slot): (BucketId, &ObjectKey, VersionId, Slot),
    condition: &Precondition,
    now: Timestamp,
    governance: Governance,
) -> Result<(), Stop> {
    match settled(c, bucket, key, id)? {
        Some(Kept::Version(_, version)) if version.slot == slot => {
            condition.check(Some((&version.etag, version.id)))?;
            if version.lock.holds(now, governance) { Err(Refusal::Locked.into()) } else { Ok(()) }
        }
        Some(Kept::Marker(_, marker)) if marker.slot == slot => Ok(()),
        _ => Err(Refusal::NoSuchVersion.into()),
    }
}

fn set_version(
    c: &Db<'_>,
    (bucket, key, id): (BucketId, &ObjectKey, VersionId),
    setting: &VersionSetting,
    now: Timestamp,
    governance: Governance,
) -> Result<(), Stop> {
    let version = match settled(c, bucket, key, id)? {
        Some(Kept::Version(_, version)) => version,
        Some(Kept::Marker(..)) => return Err(Refusal::IsMarker.into()),
        None => return Err(Refusal::NoSuchVersion.into()),
    };
    let new = match setting {
        VersionSetting::Tags(_) | VersionSetting::Acl(_) => return Ok(()),
        VersionSetting::Retention(new) => Some(new),
        VersionSetting::LegalHold(_) => None,
    };
    wait(c, "subject = ?", [touch::of_settings(bucket)])?;
    if object_lock(c, bucket)? == ObjectLock::Off {
        return Err(Refusal::NoObjectLock.into());
    }
    match (version.lock.retention, new) {
        (Some(old), Some(new)) if !old.may_become(new.as_ref(), now, governance) => Err(Refusal::Locked.into()),
        _ => Ok(()),
    }
}

fn open_upload(c: &Db<'_>, bucket: BucketId, id: UploadId) -> Result<Upload, Stop> {
    let others = params![touch::of_upload(id), Kind::PartPut, Kind::PartCopied];
    wait(c, "subject = ? AND kind NOT IN (?, ?)", others)?;
    names::upload(c, bucket, id)?.ok_or(Stop::Refused(Refusal::NoSuchUpload))
}

/// Every body of the version must be that of a part as it is now.
fn complete(c: &Db<'_>, bucket: BucketId, id: UploadId, version: &Version) -> Result<(), Stop> {
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

/// Those that the segment has are named, and nothing sweeps them.
fn new_pieces_open(c: &Connection, segment: SegmentId, pieces: &[Piece]) -> Result<(), Stop> {
    let known = segments::find(c, segment)?.map_or_else(Vec::new, |segment| segment.pieces);
    let new = pieces.iter().filter(|piece| !known.contains(piece));
    new.into_iter().try_for_each(|piece| epoch_open(c, piece.name.epoch))
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

fn known_principal(c: &Connection, principal: &Principal) -> Result<(), Stop> {
    wait(c, "subject = ?", [touch::of_principal(principal.id)])?;
    match people::principal(c, principal.id)? {
        Some(known) if known.name == principal.name => Ok(()),
        _ => Err(Refusal::NoSuchPrincipal.into()),
    }
}

fn set_group(c: &Connection, group: &Group) -> Result<(), Stop> {
    wait(c, "subject = ?", [touch::of_principal(group.id)])?;
    wait(c, "name = ?", [touch::group_name(&group.name)])?;
    match people::group_named(c, &group.name)? {
        Some(known) if known.id != group.id => Err(Refusal::GroupExists.into()),
        _ => Ok(()),
    }
}

fn known_group(c: &Connection, group: PrincipalId) -> Result<(), Stop> {
    wait(c, "subject = ?", [touch::of_principal(group)])?;
    if people::group(c, group)?.is_some() { Ok(()) } else { Err(Refusal::NoSuchGroup.into()) }
}

fn set_release(c: &Db<'_>, release: &Release) -> Result<(), Stop> {
    wait(c, "subject = ?", [touch::of_release(release.id)])?;
    match people::release(c, release.id)? {
        None if release.is_open() && release.signatures.is_empty() => Ok(()),
        Some(known) if known.may_become(release) => Ok(()),
        _ => Err(Refusal::ReleaseChanged.into()),
    }
}

fn known_key(c: &Connection, id: &AccessKeyId) -> Result<(), Stop> {
    wait(c, "subject = ?", [touch::of_key(id)])?;
    if people::access_key(c, id)?.is_none() {
        return Err(Refusal::NoSuchAccessKey.into());
    }
    Ok(())
}

pub(super) fn wait(c: &Connection, touches: &str, values: impl Params) -> Result<(), Stop> {
    newest(c, touches, values)?.map_or(Ok(()), |number| Err(Stop::Behind(number)))
}

/// The newest unshown record that touches this.
fn newest(c: &Connection, touches: &str, values: impl Params) -> Result<Option<Number>, Error> {
    let mut newest = c.prepare_cached(&format!("SELECT max(number) FROM decided WHERE {touches}"))?;
    Ok(newest.query_row(values, |row| row.get::<_, Option<u64>>(0))?.map(Number))
}
