//! What a change touches, as columns: how a proposal finds the decided records it depends on.

use model::{
    AccessKeyId, Bucket, BucketId, Change, Label, ObjectKey, PrincipalId, ReleaseId, SegmentId, UploadId, VersionId,
};
use rusqlite::Connection;
use rusqlite::types::{ToSql, ToSqlOutput};

use super::names;
use crate::error::Error;

/// What a change does, as the catalog tells records apart while they are not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    BucketCreated = 1,
    BucketDeleted = 2,
    ObjectPut = 3,
    ObjectDeleted = 4,
    UploadStarted = 5,
    PartPut = 6,
    UploadCompleted = 7,
    UploadAborted = 8,
    PiecesAdded = 9,
    PrincipalCreated = 10,
    KeyIssued = 11,
    KeyRevoked = 12,
    LabelKeyCreated = 13,
    StreamOpened = 14,
    SiteClaimed = 15,
    BucketSet = 16,
    MarkerPut = 17,
    VersionDeleted = 18,
    VersionSet = 19,
    ObjectCopied = 20,
    PartCopied = 21,
    OriginHidden = 22,
    LabelShredded = 23,
    CopyMade = 24,
    PrincipalSet = 26,
    GroupSet = 27,
    GroupDeleted = 28,
    ReleaseSet = 29,
    KeyExpires = 30,
    SegmentPlaced = 31,
    SiteSet = 32,
}

impl ToSql for Kind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok((*self as u8).into())
    }
}

/// The columns of one record in `decided`.
pub struct Touch {
    pub kind: Kind,
    pub bucket: Option<BucketId>,
    /// The object whose state it changes.
    pub key: Option<ObjectKey>,
    /// What it makes, changes or ends, by id.
    pub subject: Option<Vec<u8>>,
    /// A name it takes or frees.
    pub name: Option<Vec<u8>>,
}

impl Touch {
    /// `c` names the bucket of a deletion, which is still shown when that is decided.
    pub fn of(c: &Connection, change: &Change) -> Result<Touch, Error> {
        let of = |kind| Touch { kind, bucket: None, key: None, subject: None, name: None };
        let object = |kind, bucket: &BucketId, key: &ObjectKey| Touch {
            bucket: Some(*bucket),
            key: Some(key.clone()),
            ..of(kind)
        };
        Ok(match change {
            Change::BucketCreated(bucket, _) => Touch {
                bucket: Some(bucket.id),
                subject: Some(of_bucket(bucket.id)),
                name: Some(name_of(bucket)),
                ..of(Kind::BucketCreated)
            },
            Change::BucketDeleted { bucket } => Touch {
                bucket: Some(*bucket),
                subject: Some(of_bucket(*bucket)),
                name: names::bucket(c, *bucket)?.as_ref().map(name_of),
                ..of(Kind::BucketDeleted)
            },
            Change::ObjectPut { bucket, version, .. } => object(Kind::ObjectPut, bucket, &version.key),
            Change::ObjectDeleted { bucket, key } => object(Kind::ObjectDeleted, bucket, key),
            Change::ObjectCopied { bucket, version, .. } => object(Kind::ObjectCopied, bucket, &version.key),
            Change::MarkerPut { bucket, marker } => object(Kind::MarkerPut, bucket, &marker.key),
            Change::VersionDeleted { bucket, key, .. } => object(Kind::VersionDeleted, bucket, key),
            Change::VersionSet { bucket, key, .. } => object(Kind::VersionSet, bucket, key),
            Change::OriginHidden { bucket, key } => object(Kind::OriginHidden, bucket, key),
            Change::UploadStarted(upload) => {
                Touch { bucket: Some(upload.bucket), subject: Some(of_upload(upload.id)), ..of(Kind::UploadStarted) }
            }
            Change::PartPut { bucket, upload, .. } => {
                Touch { bucket: Some(*bucket), subject: Some(of_upload(*upload)), ..of(Kind::PartPut) }
            }
            Change::PartCopied { bucket, upload, .. } => {
                Touch { bucket: Some(*bucket), subject: Some(of_upload(*upload)), ..of(Kind::PartCopied) }
            }
            Change::UploadCompleted { bucket, upload, version } => {
                Touch { subject: Some(of_upload(*upload)), ..object(Kind::UploadCompleted, bucket, &version.key) }
            }
            Change::UploadAborted { bucket, upload } => {
                Touch { bucket: Some(*bucket), subject: Some(of_upload(*upload)), ..of(Kind::UploadAborted) }
            }
            Change::PiecesAdded { segment, .. } => {
                Touch { subject: Some(of_segment(*segment)), ..of(Kind::PiecesAdded) }
            }
            Change::SegmentPlaced { segment, .. } => {
                Touch { subject: Some(of_segment(*segment)), ..of(Kind::SegmentPlaced) }
            }
            Change::PrincipalCreated(principal) => Touch {
                subject: Some(of_principal(principal.id)),
                name: Some(principal_name(&principal.name)),
                ..of(Kind::PrincipalCreated)
            },
            Change::KeyIssued(key) => Touch { subject: Some(of_key(&key.id)), ..of(Kind::KeyIssued) },
            Change::KeyRevoked { id, .. } => Touch { subject: Some(of_key(id)), ..of(Kind::KeyRevoked) },
            Change::KeyExpires { id, .. } => Touch { subject: Some(of_key(id)), ..of(Kind::KeyExpires) },
            Change::PrincipalSet(principal) => {
                Touch { subject: Some(of_principal(principal.id)), ..of(Kind::PrincipalSet) }
            }
            Change::GroupSet(group) => Touch {
                subject: Some(of_principal(group.id)),
                name: Some(group_name(&group.name)),
                ..of(Kind::GroupSet)
            },
            Change::GroupDeleted { group } => Touch { subject: Some(of_principal(*group)), ..of(Kind::GroupDeleted) },
            Change::ReleaseSet(release) => Touch { subject: Some(of_release(release.id)), ..of(Kind::ReleaseSet) },
            Change::LabelKeyCreated(_) => of(Kind::LabelKeyCreated),
            Change::StreamOpened { .. } => of(Kind::StreamOpened),
            Change::SiteClaimed { .. } => of(Kind::SiteClaimed),
            Change::SiteSet { .. } => of(Kind::SiteSet),
            Change::LabelShredded { label, .. } => Touch { subject: Some(of_label(label)), ..of(Kind::LabelShredded) },
            Change::CopyMade(_) => of(Kind::CopyMade),
            Change::BucketSet { bucket, .. } => {
                Touch { bucket: Some(*bucket), subject: Some(of_settings(*bucket)), ..of(Kind::BucketSet) }
            }
        })
    }
}

pub fn of_upload(id: UploadId) -> Vec<u8> {
    [b"u", &id.0[..]].concat()
}

pub fn of_principal(id: PrincipalId) -> Vec<u8> {
    [b"p", &id.0[..]].concat()
}

pub fn of_release(id: ReleaseId) -> Vec<u8> {
    [b"r", &id.0[..]].concat()
}

pub fn of_key(id: &AccessKeyId) -> Vec<u8> {
    [b"k", id.0.as_bytes()].concat()
}

pub fn of_bucket(id: BucketId) -> Vec<u8> {
    [b"b", &id.0[..]].concat()
}

/// All settings of a bucket together: they change seldom, and what rests on one rests on others.
pub fn of_settings(id: BucketId) -> Vec<u8> {
    [b"s", &id.0[..]].concat()
}

pub fn of_version(id: VersionId) -> Vec<u8> {
    [b"v", &id.0[..]].concat()
}

/// Where a segment's pieces lie.
pub fn of_segment(id: SegmentId) -> Vec<u8> {
    [b"e", &id.0[..]].concat()
}

/// That a label is shredded.
pub fn of_label(label: &Label) -> Vec<u8> {
    [b"l", &label.canonical()[..]].concat()
}

/// What has a key's null slot.
pub fn of_object(bucket: BucketId, key: &ObjectKey) -> Vec<u8> {
    [b"o", &bucket.0[..], key.as_str().as_bytes()].concat()
}

pub fn principal_name(name: &str) -> Vec<u8> {
    [b"p", name.as_bytes()].concat()
}

pub fn group_name(name: &str) -> Vec<u8> {
    [b"g", name.as_bytes()].concat()
}

/// A bucket's name is unique at its label.
pub fn name_of(bucket: &Bucket) -> Vec<u8> {
    [b"b", &bucket.label.canonical()[..], bucket.name.as_str().as_bytes()].concat()
}
