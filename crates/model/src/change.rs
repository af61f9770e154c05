//! Changes: what was decided, as it is journaled, shown, replayed and rebuilt. They are outcomes;
//! no condition is in them, and applying one evaluates nothing.

use crate::acl::Acl;
use crate::copies::KnownCopy;
use crate::id::{BodyId, BucketId, EnclaveId, PrincipalId, SegmentId, SiteId, StreamId, UploadId, VersionId};
use crate::label::Label;
use crate::lock::Retention;
use crate::name::ObjectKey;
use crate::object::{Bucket, Marker, Part, Slot, Upload, Version};
use crate::outside::Timestamp;
use crate::principal::{AccessKey, AccessKeyId, Group, LabelKey, Principal};
use crate::release::Release;
use crate::segment::{Code, Piece, Segment};
use crate::setting::{BucketSetting, Tags};
use crate::site::{Site, SiteState, Vendor};

/// The place of a decided record in the enclave's one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(pub u64);

/// One decided change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The bucket, with the settings it has from its first moment.
    BucketCreated(Bucket, Vec<BucketSetting>),
    BucketDeleted {
        bucket: BucketId,
    },
    /// The version becomes the object. `segments` are the data segments its bodies lie in that no
    /// earlier record names.
    ObjectPut {
        bucket: BucketId,
        version: Version,
        segments: Vec<Segment>,
    },
    /// Whatever object has this key now is gone; there may be none.
    ObjectDeleted {
        bucket: BucketId,
        key: ObjectKey,
    },
    /// Whatever object has this key now is gone, and what the origin holds under it stays hidden for
    /// as long as the bucket is being adopted.
    OriginHidden {
        bucket: BucketId,
        key: ObjectKey,
    },
    UploadStarted(Upload),
    /// The part takes its number's place in the upload.
    PartPut {
        bucket: BucketId,
        upload: UploadId,
        part: Part,
        segments: Vec<Segment>,
    },
    /// The upload is over and the version becomes the object; parts it does not use are dropped.
    UploadCompleted {
        bucket: BucketId,
        upload: UploadId,
        version: Version,
    },
    UploadAborted {
        bucket: BucketId,
        upload: UploadId,
    },
    /// Pieces proven after the segment was first shown.
    PiecesAdded {
        segment: SegmentId,
        pieces: Vec<Piece>,
    },
    /// From here on these are the segment's proven pieces and no others count: one was lost, moved, or the
    /// payload was coded anew. Its extents stay what they are.
    SegmentPlaced {
        segment: SegmentId,
        code: Code,
        promise: u8,
        pieces: Vec<Piece>,
    },
    PrincipalCreated(Principal),
    KeyIssued(AccessKey),
    KeyRevoked {
        id: AccessKeyId,
        at: Timestamp,
    },
    /// The key opens no session from this moment on.
    KeyExpires {
        id: AccessKeyId,
        at: Timestamp,
    },
    /// Everything about a principal but its id and name.
    PrincipalSet(Principal),
    /// The group is so from now on, new or not.
    GroupSet(Group),
    GroupDeleted {
        group: PrincipalId,
    },
    /// The release is so from now on, new or not; in the stream of its source's label.
    ReleaseSet(Release),
    LabelKeyCreated(LabelKey),
    /// In the control stream: a stream for what has this label and may lie with these vendors.
    StreamOpened {
        stream: StreamId,
        label: Label,
        vendors: Vec<Vendor>,
    },
    SiteClaimed {
        enclave: EnclaveId,
        site: Site,
    },
    /// In the control stream: what the site is used for from now on.
    SiteSet {
        site: SiteId,
        state: SiteState,
    },
    /// From here on the key names no object; its versions stay. In the null slot it takes the place of
    /// what is there.
    MarkerPut {
        bucket: BucketId,
        marker: Marker,
    },
    /// One version, or marker, is gone.
    VersionDeleted {
        bucket: BucketId,
        key: ObjectKey,
        version: VersionId,
        slot: Slot,
    },
    /// One aspect of a version, which stays what it is.
    VersionSet {
        bucket: BucketId,
        key: ObjectKey,
        version: VersionId,
        setting: VersionSetting,
    },
    /// As a put; the version's bodies are some of the source's, and lie where they lie.
    ObjectCopied {
        bucket: BucketId,
        version: Version,
        source: Source,
    },
    /// As a part; its body is one of the source's, and lies where that lies.
    PartCopied {
        bucket: BucketId,
        upload: UploadId,
        part: Part,
        source: Source,
    },
    /// The bucket has this value of this aspect from now on.
    BucketSet {
        bucket: BucketId,
        setting: BucketSetting,
    },
    /// In the control stream: nothing of this label is there any more. There is a new root, and `keys` are
    /// all keys that are left, wrapped under it; the label's own are not among them.
    LabelShredded {
        label: Label,
        keys: Vec<LabelKey>,
        at: Timestamp,
    },
    /// In the control stream: a copy was made of the root key, or under it, that lies outside the enclave.
    CopyMade(KnownCopy),
}

/// The version that bodies are shared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub bucket: BucketId,
    pub key: ObjectKey,
    pub version: VersionId,
}

/// What of a version may change while it stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionSetting {
    Tags(Tags),
    Retention(Option<Retention>),
    LegalHold(bool),
    Acl(Acl),
}

/// A change with its place in the order; encoded once, when decided, and the same bytes ever after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub number: Number,
    pub stream: StreamId,
    /// Place within the stream, from 1 without gaps.
    pub sequence: u64,
    /// BLAKE3 of the stream's record before this one as encoded (all zero before the first), so
    /// that a fork of the journal shows.
    pub previous: [u8; 32],
    pub decided: Timestamp,
    pub change: Change,
}

/// What the deciding transaction checks again, because it may have changed since the permit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// Must still be active; `None` for the system itself.
    pub access_key: Option<AccessKeyId>,
    /// Whom the verdict was about, and the policy epoch they were in; `None` for the system itself and
    /// for nobody.
    pub policy: Option<(PrincipalId, u64)>,
    /// Must still exist with this label.
    pub bucket: Option<(BucketId, Label)>,
    /// Must still be coded and lie as it was read, with nothing decided about that since.
    pub segment: Option<Box<Segment>>,
}

impl Change {
    /// The body whose bytes ride with the record of this change, if any do.
    pub fn riding_body(&self) -> Option<BodyId> {
        match self {
            Change::ObjectPut { version, .. } => {
                version.bodies.iter().find(|slice| slice.extents.is_empty()).map(|slice| slice.body)
            }
            Change::PartPut { part, .. } => Some(part.body.body).filter(|_| part.body.extents.is_empty()),
            _ => None,
        }
    }
}

impl VersionSetting {
    /// The version with this setting.
    pub fn put_on(self, version: &mut Version) {
        match self {
            VersionSetting::Tags(tags) => version.tags = tags,
            VersionSetting::Retention(retention) => version.lock.retention = retention,
            VersionSetting::LegalHold(held) => version.lock.legal_hold = held,
            VersionSetting::Acl(acl) => version.metadata.acl = acl,
        }
    }

    /// What the catalog knows its kind by. A number once given is never given again.
    pub const fn number(&self) -> u8 {
        match self {
            VersionSetting::Tags(_) => 0,
            VersionSetting::Retention(_) => 1,
            VersionSetting::LegalHold(_) => 2,
            VersionSetting::Acl(_) => 3,
        }
    }
}
