//! Buckets, versions of objects, and the bodies they are made of.

use std::collections::BTreeMap;
use std::fmt;

use crate::acl::Acl;
use crate::checksum::{Algorithm, Checksum, ChecksumKind};
use crate::id::{BodyId, BucketId, PrincipalId, UploadId, VersionId};
use crate::label::Label;
use crate::lock::Lock;
use crate::name::{BucketName, ObjectKey};
use crate::outside::Timestamp;
use crate::principal::Wrap;
use crate::profile::Profile;
use crate::segment::Extent;
use crate::setting::Tags;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    pub id: BucketId,
    /// Unique among the buckets of its label.
    pub name: BucketName,
    pub label: Label,
    pub profile: Profile,
    pub owner: PrincipalId,
    pub created: Timestamp,
}

/// An entity tag without its quotes: 32 hexadecimal digits of MD5, for a multipart object with
/// `-` and the number of parts behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ETag(pub String);

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a client said about an object, given back as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Lower-case header names as in HTTP: `content-type`, `cache-control`, `content-encoding`,
    /// `content-disposition`, `content-language`, `expires`, `x-amz-website-redirect-location`.
    pub system: BTreeMap<String, String>,
    /// `x-amz-meta-*` without the prefix, lower-case.
    pub user: BTreeMap<String, String>,
    /// Who owns it and who beside the owner may read it.
    pub acl: Acl,
}

/// One version of one object, as shown or about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub id: VersionId,
    pub key: ObjectKey,
    /// Plaintext bytes.
    pub size: u64,
    pub etag: ETag,
    pub modified: Timestamp,
    pub metadata: Metadata,
    /// What clients declared or, if nothing, the CRC64NVME that was computed.
    pub checksums: Vec<Checksum>,
    /// Of a multipart object, its parts in order; else empty.
    pub parts: Vec<PartSummary>,
    /// In the order of the object's bytes; their lengths add up to `size`.
    pub bodies: Vec<BodySlice>,
    /// The bodies' keys, 32 bytes each in the order of `bodies`, wrapped together under the
    /// label's key and bound to label, bucket, key, version id and the list of slices.
    pub wrap: Wrap,
    pub slot: Slot,
    /// As it was put; [`crate::VersionSetting`] changes it without a new version.
    pub tags: Tags,
    /// Likewise.
    pub lock: Lock,
    /// The ETag its object had at the origin it was brought from; `None` of what was written here.
    pub brought: Option<ETag>,
}

/// Where a version lies among those of its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The one that has no id to be asked for by, or `null`: all versions of buckets that keep none,
    /// and what is put while keeping them is suspended. A new one takes the place of the old.
    #[default]
    Null,
    /// Beside all others, by its id.
    Own,
}

/// Says that from its place on the key names no object, while its versions are still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    pub id: VersionId,
    pub key: ObjectKey,
    pub slot: Slot,
    pub modified: Timestamp,
}

/// Which version of a key is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The newest, if it is no marker.
    #[default]
    Current,
    Null,
    Own(VersionId),
}

impl Which {
    /// How a version of this slot and id is asked for.
    pub const fn of(slot: Slot, id: VersionId) -> Which {
        match slot {
            Slot::Null => Which::Null,
            Slot::Own => Which::Own(id),
        }
    }
}

/// A run of one body's plaintext. `extents` say where the *whole* body's sealed bytes lie, in
/// order; for a body that rides in the journal they are empty until it is placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodySlice {
    pub body: BodyId,
    /// Plaintext bytes of the whole body.
    pub body_length: u64,
    /// First plaintext byte of the slice within the body.
    pub offset: u64,
    /// Plaintext bytes of the slice.
    pub length: u64,
    pub extents: Vec<Extent>,
}

/// What stays known of a part once its upload is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartSummary {
    pub number: u16,
    pub size: u64,
    pub checksums: Vec<Checksum>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub id: UploadId,
    pub bucket: BucketId,
    pub key: ObjectKey,
    pub initiated: Timestamp,
    pub owner: PrincipalId,
    pub metadata: Metadata,
    /// The checksum the client announced for the finished object, if it did.
    pub checksum: Option<(Algorithm, UploadChecksum)>,
    /// Of the finished object.
    pub tags: Tags,
    /// Of the finished object.
    pub lock: Lock,
}

/// Which kind of checksum a multipart upload will end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadChecksum {
    FullObject,
    Composite,
}

/// One uploaded part: a body with its key wrapped and bound to upload and part number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// 1 to 10,000.
    pub number: u16,
    pub size: u64,
    /// MD5 of the part.
    pub etag: ETag,
    pub modified: Timestamp,
    pub checksums: Vec<Checksum>,
    pub body: BodySlice,
    pub wrap: Wrap,
}

impl Checksum {
    /// A checksum over all bytes of an object or part.
    pub fn full(algorithm: Algorithm, value: Vec<u8>) -> Checksum {
        Checksum { algorithm, kind: ChecksumKind::FullObject, value }
    }
}
