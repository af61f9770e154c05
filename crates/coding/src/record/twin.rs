//! The twins of format version 1: numbered fields in CBOR arrays. A number once given is never given
//! again; a field added later is optional.

use std::collections::BTreeMap;
use std::fmt;

use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use model::object::UploadChecksum as ModelUploadChecksum;
use model::{
    AccessKeyId, BodyId, BucketId, BucketName, ChecksumKind as ModelChecksumKind, ETag, EnclaveId, Epoch, KeyTag,
    Label, Number, ObjectKey, PrincipalId, SegmentId, SiteId, StreamId, Timestamp, UploadId, VersionId,
};

type Id = ByteArray<16>;
type LabelBytes = ByteArray<{ Label::BYTES }>;

/// Well-formed, but no value of the model.
#[derive(Debug)]
pub struct Senseless(String);

impl fmt::Display for Senseless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::convert::Infallible> for Senseless {
    fn from(never: std::convert::Infallible) -> Senseless {
        match never {}
    }
}

fn all<T, U: TryFrom<T, Error = Senseless>>(twins: Vec<T>) -> Result<Vec<U>, Senseless> {
    twins.into_iter().map(U::try_from).collect()
}

fn each<'a, T: 'a, U: From<&'a T>>(values: &'a [T]) -> Vec<U> {
    values.iter().map(U::from).collect()
}

/// A field that was added later is written only where it says something.
fn unless_default<'a, T: Default + PartialEq, U: From<&'a T>>(value: &'a T) -> Option<U> {
    (*value != T::default()).then(|| U::from(value))
}

fn or_default<T, U: Default + From<T>>(twin: Option<T>) -> U {
    twin.map(U::from).unwrap_or_default()
}

fn code(k: u8, m: u8) -> Result<model::Code, Senseless> {
    let sound = k > 0 && k.checked_add(m).is_some();
    sound.then_some(model::Code { k, m }).ok_or_else(|| Senseless(format!("there is no code {k}+{m}")))
}

fn key(text: &str) -> Result<ObjectKey, Senseless> {
    ObjectKey::parse(text).map_err(|error| Senseless(error.to_string()))
}

/// Enums without fields: twin, and conversions both ways.
macro_rules! plain_enum {
    ($(#[$doc:meta])* $twin:ident = $model:path { $($number:literal $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Encode, Decode)]
        #[cbor(index_only)]
        pub enum $twin {
            $(#[n($number)] $variant),+
        }

        impl From<$model> for $twin {
            fn from(value: $model) -> Self {
                type Model = $model;
                match value {
                    $(Model::$variant => $twin::$variant),+
                }
            }
        }

        impl From<&$model> for $twin {
            fn from(value: &$model) -> Self {
                (*value).into()
            }
        }

        impl From<$twin> for $model {
            fn from(twin: $twin) -> Self {
                type Model = $model;
                match twin {
                    $($twin::$variant => Model::$variant),+
                }
            }
        }
    };
}

mod people;

pub use people::{Grants, Group, Release};

plain_enum! { Algorithm = model::Algorithm { 0 Crc32, 1 Crc32c, 2 Crc64Nvme, 3 Sha1, 4 Sha256 } }
plain_enum! { UploadChecksum = ModelUploadChecksum { 0 FullObject, 1 Composite } }
plain_enum! { SegmentKind = model::SegmentKind { 0 Journal, 1 Data } }
plain_enum! { Vendor = model::Vendor { 0 Amazon, 1 Microsoft, 2 Google, 3 Oracle, 4 Own } }
plain_enum! { SiteState = model::SiteState { 0 Active, 1 Suspended, 2 Draining, 3 Detached } }
plain_enum! { Slot = model::Slot { 0 Null, 1 Own } }
plain_enum! { LockMode = model::LockMode { 0 Governance, 1 Compliance } }
plain_enum! {
    Role = model::Role {
        0 MissionOwner, 1 PlatformOperator, 2 SecurityOfficer, 3 ContractingOfficer, 4 Auditor,
    }
}

#[derive(Encode, Decode)]
pub enum Profile {
    #[n(0)]
    Quad,
    #[n(1)]
    Lean,
    #[n(2)]
    Std,
    #[n(3)]
    Econ,
    #[n(4)]
    Mirror(#[n(0)] u8),
}

impl From<model::Profile> for Profile {
    fn from(profile: model::Profile) -> Profile {
        match profile {
            model::Profile::Quad => Profile::Quad,
            model::Profile::Lean => Profile::Lean,
            model::Profile::Std => Profile::Std,
            model::Profile::Econ => Profile::Econ,
            model::Profile::Mirror(copies) => Profile::Mirror(copies),
        }
    }
}

impl TryFrom<Profile> for model::Profile {
    type Error = Senseless;

    fn try_from(twin: Profile) -> Result<model::Profile, Senseless> {
        Ok(match twin {
            Profile::Quad => model::Profile::Quad,
            Profile::Lean => model::Profile::Lean,
            Profile::Std => model::Profile::Std,
            Profile::Econ => model::Profile::Econ,
            Profile::Mirror(copies) if (1..=model::Profile::MIRROR_MAX).contains(&copies) => {
                model::Profile::Mirror(copies)
            }
            Profile::Mirror(copies) => return Err(Senseless(format!("no mirror has {copies} copies"))),
        })
    }
}

/// The one there is, if there is one.
#[derive(Encode, Decode)]
pub struct MaybeProfile {
    #[n(0)]
    profile: Option<Profile>,
}

impl From<&Option<model::Profile>> for MaybeProfile {
    fn from(value: &Option<model::Profile>) -> MaybeProfile {
        MaybeProfile { profile: value.map(Profile::from) }
    }
}

impl TryFrom<MaybeProfile> for Option<model::Profile> {
    type Error = Senseless;

    fn try_from(twin: MaybeProfile) -> Result<Option<model::Profile>, Senseless> {
        twin.profile.map(TryInto::try_into).transpose()
    }
}

/// A moment, if there was one.
#[derive(Encode, Decode)]
pub struct MaybeTime {
    #[n(0)]
    at: Option<i64>,
}

impl From<&Option<Timestamp>> for MaybeTime {
    fn from(value: &Option<Timestamp>) -> MaybeTime {
        MaybeTime { at: value.map(|at| at.0) }
    }
}

impl From<MaybeTime> for Option<Timestamp> {
    fn from(twin: MaybeTime) -> Option<Timestamp> {
        twin.at.map(Timestamp)
    }
}

#[derive(Encode, Decode)]
pub struct Bucket {
    #[n(0)]
    id: Id,
    #[n(1)]
    name: String,
    #[n(2)]
    label: LabelBytes,
    #[n(3)]
    profile: Profile,
    #[n(4)]
    owner: Id,
    #[n(5)]
    created: i64,
}

impl From<&model::Bucket> for Bucket {
    fn from(value: &model::Bucket) -> Bucket {
        let model::Bucket { id, name, label, profile, owner, created } = value;
        Bucket {
            id: id.0.into(),
            name: name.as_str().to_owned(),
            label: (*label.canonical()).into(),
            profile: (*profile).into(),
            owner: owner.0.into(),
            created: created.0,
        }
    }
}

impl TryFrom<Bucket> for model::Bucket {
    type Error = Senseless;

    fn try_from(twin: Bucket) -> Result<model::Bucket, Senseless> {
        Ok(model::Bucket {
            id: BucketId(twin.id.into()),
            name: BucketName::parse(&twin.name).map_err(|error| Senseless(error.to_string()))?,
            label: Label::from_canonical(twin.label.into()),
            profile: twin.profile.try_into()?,
            owner: PrincipalId(twin.owner.into()),
            created: Timestamp(twin.created),
        })
    }
}

#[derive(Encode, Decode)]
pub struct Metadata {
    #[n(0)]
    system: BTreeMap<String, String>,
    #[n(1)]
    user: BTreeMap<String, String>,
    #[n(2)]
    acl: Option<Acl>,
}

impl From<&model::Metadata> for Metadata {
    fn from(value: &model::Metadata) -> Metadata {
        let model::Metadata { system, user, acl } = value;
        let acl = (*acl != model::Acl::default()).then(|| acl.into());
        Metadata { system: system.clone(), user: user.clone(), acl }
    }
}

impl From<Metadata> for model::Metadata {
    fn from(twin: Metadata) -> model::Metadata {
        let acl = twin.acl.map(model::Acl::from).unwrap_or_default();
        model::Metadata { system: twin.system, user: twin.user, acl }
    }
}

/// Access control lists.
#[derive(Encode, Decode)]
pub struct Acl {
    #[n(0)]
    owner: Option<Id>,
    #[n(1)]
    grants: Option<Vec<Grant>>,
}

impl From<&model::Acl> for Acl {
    fn from(value: &model::Acl) -> Acl {
        let model::Acl { owner, grants } = value;
        Acl { owner: owner.map(|owner| owner.0.into()), grants: grants.as_deref().map(each) }
    }
}

impl From<Acl> for model::Acl {
    fn from(twin: Acl) -> model::Acl {
        model::Acl {
            owner: twin.owner.map(|owner| PrincipalId(owner.into())),
            grants: twin.grants.map(|grants| grants.into_iter().map(model::Grant::from).collect()),
        }
    }
}

#[derive(Encode, Decode)]
pub struct Grant {
    #[n(0)]
    grantee: Grantee,
    #[n(1)]
    permission: Permission,
}

#[derive(Encode, Decode)]
pub enum Grantee {
    #[n(0)]
    Principal(#[n(0)] Id),
    #[n(1)]
    Authenticated,
    #[n(2)]
    Everyone,
}

plain_enum! { Permission = model::Permission { 0 Read, 1 Write, 2 ReadAcp, 3 WriteAcp, 4 FullControl } }

impl From<&model::Grant> for Grant {
    fn from(value: &model::Grant) -> Grant {
        let grantee = match value.grantee {
            model::Grantee::Principal(principal) => Grantee::Principal(principal.0.into()),
            model::Grantee::Authenticated => Grantee::Authenticated,
            model::Grantee::Everyone => Grantee::Everyone,
        };
        Grant { grantee, permission: value.permission.into() }
    }
}

impl From<Grant> for model::Grant {
    fn from(twin: Grant) -> model::Grant {
        let grantee = match twin.grantee {
            Grantee::Principal(id) => model::Grantee::Principal(PrincipalId(id.into())),
            Grantee::Authenticated => model::Grantee::Authenticated,
            Grantee::Everyone => model::Grantee::Everyone,
        };
        model::Grant { grantee, permission: twin.permission.into() }
    }
}

#[derive(Encode, Decode)]
pub enum ChecksumKind {
    #[n(0)]
    FullObject,
    #[n(1)]
    Composite(#[n(0)] u32),
}

#[derive(Encode, Decode)]
pub struct Checksum {
    #[n(0)]
    algorithm: Algorithm,
    #[n(1)]
    kind: ChecksumKind,
    #[n(2)]
    value: ByteVec,
}

impl From<&model::Checksum> for Checksum {
    fn from(value: &model::Checksum) -> Checksum {
        let model::Checksum { algorithm, kind, value } = value;
        Checksum {
            algorithm: (*algorithm).into(),
            kind: match kind {
                ModelChecksumKind::FullObject => ChecksumKind::FullObject,
                ModelChecksumKind::Composite { parts } => ChecksumKind::Composite(*parts),
            },
            value: value.clone().into(),
        }
    }
}

impl TryFrom<Checksum> for model::Checksum {
    type Error = Senseless;

    fn try_from(twin: Checksum) -> Result<model::Checksum, Senseless> {
        let algorithm: model::Algorithm = twin.algorithm.into();
        if twin.value.len() != algorithm.bytes() {
            return Err(Senseless(format!("a {} has {} bytes", algorithm.name(), algorithm.bytes())));
        }
        let kind = match twin.kind {
            ChecksumKind::FullObject => ModelChecksumKind::FullObject,
            ChecksumKind::Composite(parts) => ModelChecksumKind::Composite { parts },
        };
        Ok(model::Checksum { algorithm, kind, value: twin.value.into() })
    }
}

#[derive(Encode, Decode)]
pub struct Extent {
    #[n(0)]
    segment: Id,
    #[n(1)]
    offset: u64,
    #[n(2)]
    length: u64,
}

impl From<&model::Extent> for Extent {
    fn from(value: &model::Extent) -> Extent {
        let model::Extent { segment, offset, length } = value;
        Extent { segment: segment.0.into(), offset: *offset, length: *length }
    }
}

impl TryFrom<Extent> for model::Extent {
    type Error = Senseless;

    fn try_from(twin: Extent) -> Result<model::Extent, Senseless> {
        if twin.offset.checked_add(twin.length).is_none() {
            return Err(Senseless("an extent has no end".to_owned()));
        }
        Ok(model::Extent { segment: SegmentId(twin.segment.into()), offset: twin.offset, length: twin.length })
    }
}

#[derive(Encode, Decode)]
pub struct BodySlice {
    #[n(0)]
    body: Id,
    #[n(1)]
    body_length: u64,
    #[n(2)]
    offset: u64,
    #[n(3)]
    length: u64,
    #[n(4)]
    extents: Vec<Extent>,
}

impl From<&model::BodySlice> for BodySlice {
    fn from(value: &model::BodySlice) -> BodySlice {
        let model::BodySlice { body, body_length, offset, length, extents } = value;
        BodySlice {
            body: body.0.into(),
            body_length: *body_length,
            offset: *offset,
            length: *length,
            extents: each(extents),
        }
    }
}

impl TryFrom<BodySlice> for model::BodySlice {
    type Error = Senseless;

    fn try_from(twin: BodySlice) -> Result<model::BodySlice, Senseless> {
        if twin.offset.checked_add(twin.length).is_none_or(|end| end > twin.body_length) {
            return Err(Senseless("a slice lies outside its body".to_owned()));
        }
        Ok(model::BodySlice {
            body: BodyId(twin.body.into()),
            body_length: twin.body_length,
            offset: twin.offset,
            length: twin.length,
            extents: all(twin.extents)?,
        })
    }
}

#[derive(Encode, Decode)]
pub struct Wrap {
    #[n(0)]
    under: Id,
    #[n(1)]
    salt: ByteArray<32>,
    #[n(2)]
    sealed: ByteVec,
}

impl From<&model::Wrap> for Wrap {
    fn from(value: &model::Wrap) -> Wrap {
        let model::Wrap { under, salt, sealed } = value;
        Wrap { under: under.0.into(), salt: (*salt).into(), sealed: sealed.clone().into() }
    }
}

impl From<Wrap> for model::Wrap {
    fn from(twin: Wrap) -> model::Wrap {
        model::Wrap { under: KeyTag(twin.under.into()), salt: twin.salt.into(), sealed: twin.sealed.into() }
    }
}

#[derive(Encode, Decode)]
pub struct PartSummary {
    #[n(0)]
    number: u16,
    #[n(1)]
    size: u64,
    #[n(2)]
    checksums: Vec<Checksum>,
}

impl From<&model::PartSummary> for PartSummary {
    fn from(value: &model::PartSummary) -> PartSummary {
        let model::PartSummary { number, size, checksums } = value;
        PartSummary { number: *number, size: *size, checksums: each(checksums) }
    }
}

impl TryFrom<PartSummary> for model::PartSummary {
    type Error = Senseless;

    fn try_from(twin: PartSummary) -> Result<model::PartSummary, Senseless> {
        Ok(model::PartSummary { number: twin.number, size: twin.size, checksums: all(twin.checksums)? })
    }
}

#[derive(Encode, Decode)]
pub struct Version {
    #[n(0)]
    id: Id,
    #[n(1)]
    key: String,
    #[n(2)]
    size: u64,
    #[n(3)]
    etag: String,
    #[n(4)]
    modified: i64,
    #[n(5)]
    metadata: Metadata,
    #[n(6)]
    checksums: Vec<Checksum>,
    #[n(7)]
    parts: Vec<PartSummary>,
    #[n(8)]
    bodies: Vec<BodySlice>,
    #[n(9)]
    wrap: Wrap,
    #[n(10)]
    slot: Option<Slot>,
    #[n(11)]
    tags: Option<Tags>,
    #[n(12)]
    lock: Option<Lock>,
    #[n(13)]
    brought: Option<String>,
}

impl From<&model::Version> for Version {
    fn from(value: &model::Version) -> Version {
        let model::Version {
            id,
            key,
            size,
            etag,
            modified,
            metadata,
            checksums,
            parts,
            bodies,
            wrap,
            slot,
            tags,
            lock,
            brought,
        } = value;
        Version {
            id: id.0.into(),
            key: key.as_str().to_owned(),
            size: *size,
            etag: etag.0.clone(),
            modified: modified.0,
            metadata: metadata.into(),
            checksums: each(checksums),
            parts: each(parts),
            bodies: each(bodies),
            wrap: wrap.into(),
            slot: unless_default(slot),
            tags: unless_default(tags),
            lock: unless_default(lock),
            brought: brought.as_ref().map(|etag| etag.0.clone()),
        }
    }
}

impl TryFrom<Version> for model::Version {
    type Error = Senseless;

    fn try_from(twin: Version) -> Result<model::Version, Senseless> {
        Ok(model::Version {
            id: VersionId(twin.id.into()),
            key: key(&twin.key)?,
            size: twin.size,
            etag: ETag(twin.etag),
            modified: Timestamp(twin.modified),
            metadata: twin.metadata.into(),
            checksums: all(twin.checksums)?,
            parts: all(twin.parts)?,
            bodies: all(twin.bodies)?,
            wrap: twin.wrap.into(),
            slot: or_default(twin.slot),
            tags: or_default(twin.tags),
            lock: or_default(twin.lock),
            brought: twin.brought.map(ETag),
        })
    }
}

#[derive(Encode, Decode)]
pub struct Part {
    #[n(0)]
    number: u16,
    #[n(1)]
    size: u64,
    #[n(2)]
    etag: String,
    #[n(3)]
    modified: i64,
    #[n(4)]
    checksums: Vec<Checksum>,
    #[n(5)]
    body: BodySlice,
    #[n(6)]
    wrap: Wrap,
}

impl From<&model::Part> for Part {
    fn from(value: &model::Part) -> Part {
        let model::Part { number, size, etag, modified, checksums, body, wrap } = value;
        Part {
            number: *number,
            size: *size,
            etag: etag.0.clone(),
            modified: modified.0,
            checksums: each(checksums),
            body: body.into(),
            wrap: wrap.into(),
        }
    }
}

impl TryFrom<Part> for model::Part {
    type Error = Senseless;

    fn try_from(twin: Part) -> Result<model::Part, Senseless> {
        Ok(model::Part {
            number: twin.number,
            size: twin.size,
            etag: ETag(twin.etag),
            modified: Timestamp(twin.modified),
            checksums: all(twin.checksums)?,
            body: twin.body.try_into()?,
            wrap: twin.wrap.into(),
        })
    }
}

#[derive(Encode, Decode)]
pub struct AnnouncedChecksum {
    #[n(0)]
    algorithm: Algorithm,
    #[n(1)]
    kind: UploadChecksum,
}

#[derive(Encode, Decode)]
pub struct Upload {
    #[n(0)]
    id: Id,
    #[n(1)]
    bucket: Id,
    #[n(2)]
    key: String,
    #[n(3)]
    initiated: i64,
    #[n(4)]
    owner: Id,
    #[n(5)]
    metadata: Metadata,
    #[n(6)]
    checksum: Option<AnnouncedChecksum>,
    #[n(7)]
    tags: Option<Tags>,
    #[n(8)]
    lock: Option<Lock>,
}

impl From<&model::Upload> for Upload {
    fn from(value: &model::Upload) -> Upload {
        let model::Upload { id, bucket, key, initiated, owner, metadata, checksum, tags, lock } = value;
        let announced = |(algorithm, kind): (model::Algorithm, ModelUploadChecksum)| AnnouncedChecksum {
            algorithm: algorithm.into(),
            kind: kind.into(),
        };
        Upload {
            id: id.0.into(),
            bucket: bucket.0.into(),
            key: key.as_str().to_owned(),
            initiated: initiated.0,
            owner: owner.0.into(),
            metadata: metadata.into(),
            checksum: checksum.map(announced),
            tags: unless_default(tags),
            lock: unless_default(lock),
        }
    }
}

impl TryFrom<Upload> for model::Upload {
    type Error = Senseless;

    fn try_from(twin: Upload) -> Result<model::Upload, Senseless> {
        Ok(model::Upload {
            id: UploadId(twin.id.into()),
            bucket: BucketId(twin.bucket.into()),
            key: key(&twin.key)?,
            initiated: Timestamp(twin.initiated),
            owner: PrincipalId(twin.owner.into()),
            metadata: twin.metadata.into(),
            checksum: twin.checksum.map(|announced| (announced.algorithm.into(), announced.kind.into())),
            tags: or_default(twin.tags),
            lock: or_default(twin.lock),
        })
    }
}

#[derive(Encode, Decode)]
pub struct Piece {
    #[n(0)]
    index: u8,
    #[n(1)]
    site: Id,
    #[n(2)]
    kind: SegmentKind,
    #[n(3)]
    epoch: u64,
    #[n(4)]
    random: Id,
}

impl From<&model::Piece> for Piece {
    fn from(value: &model::Piece) -> Piece {
        let model::Piece { index, site, name: model::PieceName { kind, epoch, random } } = value;
        Piece { index: *index, site: site.0.into(), kind: (*kind).into(), epoch: epoch.0, random: (*random).into() }
    }
}

impl From<Piece> for model::Piece {
    fn from(twin: Piece) -> model::Piece {
        model::Piece {
            index: twin.index,
            site: SiteId(twin.site.into()),
            name: model::PieceName { kind: twin.kind.into(), epoch: Epoch(twin.epoch), random: twin.random.into() },
        }
    }
}

#[derive(Encode, Decode)]
pub struct Segment {
    #[n(0)]
    id: Id,
    #[n(1)]
    kind: SegmentKind,
    #[n(2)]
    stream: Id,
    #[n(3)]
    k: u8,
    #[n(4)]
    m: u8,
    #[n(5)]
    cell: u32,
    #[n(6)]
    length: u64,
    #[n(7)]
    key: Id,
    #[n(8)]
    epoch: u64,
    #[n(9)]
    promise: u8,
    #[n(10)]
    pieces: Vec<Piece>,
}

impl From<&model::Segment> for Segment {
    fn from(value: &model::Segment) -> Segment {
        let model::Segment { id, kind, stream, code, cell, length, key, epoch, promise, pieces } = value;
        Segment {
            id: id.0.into(),
            kind: (*kind).into(),
            stream: stream.0.into(),
            k: code.k,
            m: code.m,
            cell: *cell,
            length: *length,
            key: key.0.into(),
            epoch: epoch.0,
            promise: *promise,
            pieces: each(pieces),
        }
    }
}

impl TryFrom<Segment> for model::Segment {
    type Error = Senseless;

    fn try_from(twin: Segment) -> Result<model::Segment, Senseless> {
        let segment = model::Segment {
            id: SegmentId(twin.id.into()),
            kind: twin.kind.into(),
            stream: StreamId(twin.stream.into()),
            code: model::Code { k: twin.k, m: twin.m },
            cell: twin.cell,
            length: twin.length,
            key: KeyTag(twin.key.into()),
            epoch: Epoch(twin.epoch),
            promise: twin.promise,
            pieces: twin.pieces.into_iter().map(Into::into).collect(),
        };
        let sound = crate::piece::Layout::of(&segment).is_sound();
        let placed = |piece: &model::Piece| piece.index < segment.code.n();
        if sound && segment.pieces.iter().all(placed) {
            Ok(segment)
        } else {
            Err(Senseless("a segment has an impossible code, cell or length".to_owned()))
        }
    }
}

#[derive(Encode, Decode)]
pub struct Principal {
    #[n(0)]
    id: Id,
    #[n(1)]
    name: String,
    #[n(2)]
    role: Role,
    #[n(3)]
    created: i64,
    #[n(4)]
    clearance: Option<LabelBytes>,
    #[n(5)]
    suspended: Option<i64>,
}

impl From<&model::Principal> for Principal {
    fn from(value: &model::Principal) -> Principal {
        let model::Principal { id, name, role, clearance, created, suspended } = value;
        Principal {
            id: id.0.into(),
            name: name.clone(),
            role: (*role).into(),
            created: created.0,
            clearance: (*clearance != Label::LOWEST).then(|| (*clearance.canonical()).into()),
            suspended: suspended.map(|at| at.0),
        }
    }
}

impl TryFrom<Principal> for model::Principal {
    type Error = Senseless;

    fn try_from(twin: Principal) -> Result<model::Principal, Senseless> {
        Ok(model::Principal {
            id: PrincipalId(twin.id.into()),
            name: twin.name,
            role: twin.role.into(),
            clearance: twin.clearance.map_or(Label::LOWEST, |bytes| Label::from_canonical(bytes.into())),
            created: Timestamp(twin.created),
            suspended: twin.suspended.map(Timestamp),
        })
    }
}

#[derive(Encode, Decode)]
pub enum KeyState {
    #[n(0)]
    Active,
    #[n(1)]
    Revoked(#[n(0)] i64),
}

#[derive(Encode, Decode)]
pub struct AccessKey {
    #[n(0)]
    id: String,
    #[n(1)]
    principal: Id,
    #[n(2)]
    label: LabelBytes,
    #[n(3)]
    salt: ByteArray<32>,
    #[n(4)]
    sealed: ByteVec,
    #[n(5)]
    state: KeyState,
    #[n(6)]
    created: i64,
    #[n(7)]
    expires: Option<i64>,
    #[n(8)]
    sources: Option<Vec<AddressRange>>,
}

#[derive(Encode, Decode)]
pub struct AddressRange {
    #[n(0)]
    first: ByteArray<16>,
    #[n(1)]
    bits: u8,
}

impl From<&model::AddressRange> for AddressRange {
    fn from(range: &model::AddressRange) -> AddressRange {
        AddressRange { first: model::address::to_bytes(range.first()).into(), bits: range.bits() }
    }
}

impl TryFrom<AddressRange> for model::AddressRange {
    type Error = Senseless;

    fn try_from(twin: AddressRange) -> Result<model::AddressRange, Senseless> {
        let range = model::AddressRange::new(model::address::from_bytes(twin.first.into()), twin.bits);
        range.ok_or_else(|| Senseless("a range of addresses has impossible bits".to_owned()))
    }
}

impl From<&model::AccessKey> for AccessKey {
    fn from(value: &model::AccessKey) -> AccessKey {
        let model::AccessKey { id, principal, label, secret, limits, state, created } = value;
        let model::KeyLimits { expires, sources } = limits;
        let model::SealedSecret { salt, sealed } = secret;
        AccessKey {
            id: id.0.clone(),
            principal: principal.0.into(),
            label: (*label.canonical()).into(),
            salt: (*salt).into(),
            sealed: sealed.clone().into(),
            state: match state {
                model::KeyState::Active => KeyState::Active,
                model::KeyState::Revoked { at } => KeyState::Revoked(at.0),
            },
            created: created.0,
            expires: expires.map(|at| at.0),
            sources: (!sources.is_empty()).then(|| each(sources)),
        }
    }
}

impl TryFrom<AccessKey> for model::AccessKey {
    type Error = Senseless;

    fn try_from(twin: AccessKey) -> Result<model::AccessKey, Senseless> {
        Ok(model::AccessKey {
            id: AccessKeyId(twin.id),
            principal: PrincipalId(twin.principal.into()),
            label: Label::from_canonical(twin.label.into()),
            secret: model::SealedSecret { salt: twin.salt.into(), sealed: twin.sealed.into() },
            state: match twin.state {
                KeyState::Active => model::KeyState::Active,
                KeyState::Revoked(at) => model::KeyState::Revoked { at: Timestamp(at) },
            },
            created: Timestamp(twin.created),
            limits: model::KeyLimits {
                expires: twin.expires.map(Timestamp),
                sources: all(twin.sources.unwrap_or_default())?,
            },
        })
    }
}

#[derive(Encode, Decode)]
pub struct LabelKey {
    #[n(0)]
    tag: Id,
    #[n(1)]
    label: Option<LabelBytes>,
    #[n(2)]
    epoch: u32,
    #[n(3)]
    salt: ByteArray<32>,
    #[n(4)]
    sealed: ByteVec,
}

impl From<&model::LabelKey> for LabelKey {
    fn from(value: &model::LabelKey) -> LabelKey {
        let model::LabelKey { tag, label, epoch, salt, sealed } = value;
        LabelKey {
            tag: tag.0.into(),
            label: label.map(|label| (*label.canonical()).into()),
            epoch: *epoch,
            salt: (*salt).into(),
            sealed: sealed.clone().into(),
        }
    }
}

impl TryFrom<LabelKey> for model::LabelKey {
    type Error = Senseless;

    fn try_from(twin: LabelKey) -> Result<model::LabelKey, Senseless> {
        Ok(model::LabelKey {
            tag: KeyTag(twin.tag.into()),
            label: twin.label.map(|label| Label::from_canonical(label.into())),
            epoch: twin.epoch,
            salt: twin.salt.into(),
            sealed: twin.sealed.into(),
        })
    }
}

#[derive(Encode, Decode)]
pub struct KnownCopy {
    #[n(0)]
    root: Id,
    #[n(1)]
    made: i64,
    #[n(2)]
    what: CopyKind,
}

#[derive(Encode, Decode)]
pub enum CopyKind {
    #[n(0)]
    Shares(#[n(0)] u8, #[n(1)] Vec<String>),
    #[n(1)]
    Backup(#[n(0)] String, #[n(1)] ByteArray<32>),
}

impl From<&model::KnownCopy> for KnownCopy {
    fn from(value: &model::KnownCopy) -> KnownCopy {
        let model::KnownCopy { root, made, what } = value;
        let what = match what {
            model::CopyKind::Shares { needed, holders } => CopyKind::Shares(*needed, holders.clone()),
            model::CopyKind::Backup { place, digest } => CopyKind::Backup(place.clone(), (*digest).into()),
        };
        KnownCopy { root: root.0.into(), made: made.0, what }
    }
}

impl TryFrom<KnownCopy> for model::KnownCopy {
    type Error = Senseless;

    fn try_from(twin: KnownCopy) -> Result<model::KnownCopy, Senseless> {
        let what = match twin.what {
            CopyKind::Shares(needed, holders) if needed == 0 || holders.len() < needed.into() => {
                return Err(Senseless(format!("no {needed} of {} shares are a key", holders.len())));
            }
            CopyKind::Shares(needed, holders) => model::CopyKind::Shares { needed, holders },
            CopyKind::Backup(place, digest) => model::CopyKind::Backup { place, digest: digest.into() },
        };
        Ok(model::KnownCopy { root: model::RootFingerprint(twin.root.into()), made: Timestamp(twin.made), what })
    }
}

#[derive(Encode, Decode)]
pub struct Site {
    #[n(0)]
    id: Id,
    #[n(1)]
    name: String,
    #[n(2)]
    vendor: Vendor,
    #[n(3)]
    region: String,
}

impl From<&model::Site> for Site {
    fn from(value: &model::Site) -> Site {
        let model::Site { id, name, vendor, region } = value;
        Site { id: id.0.into(), name: name.clone(), vendor: (*vendor).into(), region: region.clone() }
    }
}

impl TryFrom<Site> for model::Site {
    type Error = Senseless;

    fn try_from(twin: Site) -> Result<model::Site, Senseless> {
        Ok(model::Site { id: SiteId(twin.id.into()), name: twin.name, vendor: twin.vendor.into(), region: twin.region })
    }
}

plain_enum! {
    Ownership = model::Ownership { 0 Unset, 1 ObjectWriter, 2 BucketOwnerPreferred, 3 BucketOwnerEnforced }
}

/// What a bucket says against public lists: nothing, or all four.
#[derive(Encode, Decode)]
pub struct PublicAccess {
    #[n(0)]
    told: bool,
    #[n(1)]
    block_acls: bool,
    #[n(2)]
    ignore_acls: bool,
    #[n(3)]
    block_policy: bool,
    #[n(4)]
    restrict_buckets: bool,
}

impl From<&model::PublicAccess> for PublicAccess {
    fn from(value: &model::PublicAccess) -> PublicAccess {
        let model::PublicAccess { told, block_acls, ignore_acls, block_policy, restrict_buckets } = *value;
        PublicAccess { told, block_acls, ignore_acls, block_policy, restrict_buckets }
    }
}

impl From<PublicAccess> for model::PublicAccess {
    fn from(twin: PublicAccess) -> model::PublicAccess {
        let PublicAccess { told, block_acls, ignore_acls, block_policy, restrict_buckets } = twin;
        model::PublicAccess { told, block_acls, ignore_acls, block_policy, restrict_buckets }
    }
}

plain_enum! { Versioning = model::Versioning { 0 Off, 1 Enabled, 2 Suspended } }

#[derive(Encode, Decode)]
#[cbor(transparent)]
pub struct Tags(#[n(0)] BTreeMap<String, String>);

impl From<&model::Tags> for Tags {
    fn from(value: &model::Tags) -> Tags {
        Tags(value.0.clone())
    }
}

impl From<Tags> for model::Tags {
    fn from(twin: Tags) -> model::Tags {
        model::Tags(twin.0)
    }
}

#[derive(Encode, Decode)]
#[cbor(transparent)]
pub struct Document(#[n(0)] String);

impl From<&model::Document> for Document {
    fn from(value: &model::Document) -> Document {
        Document(value.0.clone())
    }
}

impl From<Document> for model::Document {
    fn from(twin: Document) -> model::Document {
        model::Document(twin.0)
    }
}

#[derive(Encode, Decode)]
pub struct Retention {
    #[n(0)]
    mode: LockMode,
    #[n(1)]
    until: i64,
}

impl From<&model::Retention> for Retention {
    fn from(value: &model::Retention) -> Retention {
        Retention { mode: value.mode.into(), until: value.until.0 }
    }
}

impl From<Retention> for model::Retention {
    fn from(twin: Retention) -> model::Retention {
        model::Retention { mode: twin.mode.into(), until: Timestamp(twin.until) }
    }
}

#[derive(Encode, Decode)]
pub struct Lock {
    #[n(0)]
    retention: Option<Retention>,
    #[n(1)]
    legal_hold: bool,
}

impl From<&model::Lock> for Lock {
    fn from(value: &model::Lock) -> Lock {
        let model::Lock { retention, legal_hold } = value;
        Lock { retention: retention.as_ref().map(Into::into), legal_hold: *legal_hold }
    }
}

impl From<Lock> for model::Lock {
    fn from(twin: Lock) -> model::Lock {
        model::Lock { retention: twin.retention.map(Into::into), legal_hold: twin.legal_hold }
    }
}

#[derive(Encode, Decode)]
pub enum Period {
    #[n(0)]
    Days(#[n(0)] u32),
    #[n(1)]
    Years(#[n(0)] u32),
}

#[derive(Encode, Decode)]
pub struct DefaultRetention {
    #[n(0)]
    mode: LockMode,
    #[n(1)]
    period: Period,
}

#[derive(Encode, Decode)]
pub enum ObjectLock {
    #[n(0)]
    Off,
    #[n(1)]
    On(#[n(0)] Option<DefaultRetention>),
}

impl From<&model::ObjectLock> for ObjectLock {
    fn from(value: &model::ObjectLock) -> ObjectLock {
        match value {
            model::ObjectLock::Off => ObjectLock::Off,
            model::ObjectLock::On { default } => ObjectLock::On(default.map(|default| DefaultRetention {
                mode: default.mode.into(),
                period: match default.period {
                    model::Period::Days(days) => Period::Days(days),
                    model::Period::Years(years) => Period::Years(years),
                },
            })),
        }
    }
}

impl From<ObjectLock> for model::ObjectLock {
    fn from(twin: ObjectLock) -> model::ObjectLock {
        match twin {
            ObjectLock::Off => model::ObjectLock::Off,
            ObjectLock::On(default) => model::ObjectLock::On {
                default: default.map(|default| model::DefaultRetention {
                    mode: default.mode.into(),
                    period: match default.period {
                        Period::Days(days) => model::Period::Days(days),
                        Period::Years(years) => model::Period::Years(years),
                    },
                }),
            },
        }
    }
}

#[derive(Encode, Decode)]
pub enum Expiration {
    #[n(0)]
    Days(#[n(0)] u32),
    #[n(1)]
    Date(#[n(0)] i64),
    #[n(2)]
    Markers,
}

#[derive(Encode, Decode)]
pub struct Noncurrent {
    #[n(0)]
    days: u32,
    #[n(1)]
    keep: u32,
}

plain_enum! { RuleState = model::lifecycle::RuleState { 0 Enabled, 1 Disabled } }
plain_enum! { FilterForm = model::lifecycle::FilterForm { 0 Prefix, 1 Filter } }

#[derive(Encode, Decode)]
pub struct Filter {
    #[n(0)]
    form: FilterForm,
    #[n(1)]
    prefix: Option<String>,
    #[n(2)]
    tags: Tags,
    #[n(3)]
    larger_than: Option<u64>,
    #[n(4)]
    smaller_than: Option<u64>,
}

#[derive(Encode, Decode)]
pub struct Rule {
    #[n(0)]
    id: String,
    #[n(1)]
    state: RuleState,
    #[n(2)]
    filter: Filter,
    #[n(3)]
    expiration: Option<Expiration>,
    #[n(4)]
    noncurrent: Option<Noncurrent>,
    #[n(5)]
    abort_days: Option<u32>,
}

impl From<&model::lifecycle::Rule> for Rule {
    fn from(value: &model::lifecycle::Rule) -> Rule {
        use model::lifecycle as m;
        let m::Rule { id, state, filter, expiration, noncurrent, abort_days } = value;
        let m::Filter { form, prefix, tags, larger_than, smaller_than } = filter;
        let (larger_than, smaller_than) = (*larger_than, *smaller_than);
        Rule {
            id: id.clone(),
            state: (*state).into(),
            filter: Filter {
                form: (*form).into(),
                prefix: prefix.clone(),
                tags: tags.into(),
                larger_than,
                smaller_than,
            },
            expiration: expiration.map(|expiration| match expiration {
                m::Expiration::Days(days) => Expiration::Days(days),
                m::Expiration::Date(at) => Expiration::Date(at.0),
                m::Expiration::Markers => Expiration::Markers,
            }),
            noncurrent: noncurrent.map(|m::Noncurrent { days, keep }| Noncurrent { days, keep }),
            abort_days: *abort_days,
        }
    }
}

impl From<Rule> for model::lifecycle::Rule {
    fn from(twin: Rule) -> model::lifecycle::Rule {
        use model::lifecycle as m;
        let Filter { form, prefix, tags, larger_than, smaller_than } = twin.filter;
        m::Rule {
            id: twin.id,
            state: twin.state.into(),
            filter: m::Filter { form: form.into(), prefix, tags: tags.into(), larger_than, smaller_than },
            expiration: twin.expiration.map(|expiration| match expiration {
                Expiration::Days(days) => m::Expiration::Days(days),
                Expiration::Date(at) => m::Expiration::Date(Timestamp(at)),
                Expiration::Markers => m::Expiration::Markers,
            }),
            noncurrent: twin.noncurrent.map(|Noncurrent { days, keep }| m::Noncurrent { days, keep }),
            abort_days: twin.abort_days,
        }
    }
}

#[derive(Encode, Decode)]
#[cbor(transparent)]
pub struct Lifecycle(#[n(0)] Vec<Rule>);

impl From<&model::Lifecycle> for Lifecycle {
    fn from(value: &model::Lifecycle) -> Lifecycle {
        Lifecycle(each(&value.rules))
    }
}

impl From<Lifecycle> for model::Lifecycle {
    fn from(twin: Lifecycle) -> model::Lifecycle {
        model::Lifecycle { rules: twin.0.into_iter().map(Into::into).collect() }
    }
}

#[derive(Encode, Decode)]
pub struct Marker {
    #[n(0)]
    id: Id,
    #[n(1)]
    key: String,
    #[n(2)]
    slot: Slot,
    #[n(3)]
    modified: i64,
}

impl From<&model::Marker> for Marker {
    fn from(value: &model::Marker) -> Marker {
        let model::Marker { id, key, slot, modified } = value;
        Marker { id: id.0.into(), key: key.as_str().to_owned(), slot: (*slot).into(), modified: modified.0 }
    }
}

impl TryFrom<Marker> for model::Marker {
    type Error = Senseless;

    fn try_from(twin: Marker) -> Result<model::Marker, Senseless> {
        Ok(model::Marker {
            id: VersionId(twin.id.into()),
            key: key(&twin.key)?,
            slot: twin.slot.into(),
            modified: Timestamp(twin.modified),
        })
    }
}

plain_enum! { OriginKind = model::OriginKind { 0 S3, 1 Azure, 2 Google } }

#[derive(Encode, Decode)]
pub struct OriginAddress {
    #[n(0)]
    kind: OriginKind,
    #[n(1)]
    bucket: String,
    #[n(2)]
    endpoint: Option<String>,
    #[n(3)]
    region: Option<String>,
    #[n(4)]
    credentials: String,
    #[n(5)]
    account: Option<String>,
}

#[derive(Encode, Decode)]
pub enum Stage {
    #[n(0)]
    Copying,
    #[n(1)]
    Paused,
    #[n(2)]
    Proven(#[n(0)] i64),
    #[n(3)]
    Abandoned(#[n(0)] i64),
}

#[derive(Encode, Decode)]
pub struct Adoption {
    #[n(0)]
    origin: OriginAddress,
    #[n(1)]
    begun: i64,
    #[n(2)]
    stage: Stage,
    #[n(3)]
    budget: Option<u64>,
}

/// The one there is, if there is one.
#[derive(Encode, Decode)]
pub struct MaybeAdoption {
    #[n(0)]
    adoption: Option<Adoption>,
}

impl From<&Option<model::Adoption>> for MaybeAdoption {
    fn from(value: &Option<model::Adoption>) -> MaybeAdoption {
        use model::adoption::Stage as M;
        let adoption = value.as_ref().map(|model::Adoption { origin, begun, budget, stage }| {
            let model::OriginAddress { kind, bucket, endpoint, region, account, credentials } = origin.clone();
            let stage = match stage {
                M::Copying => Stage::Copying,
                M::Paused => Stage::Paused,
                M::Proven { at } => Stage::Proven(at.0),
                M::Abandoned { at } => Stage::Abandoned(at.0),
            };
            let origin = OriginAddress { kind: kind.into(), bucket, endpoint, region, credentials, account };
            Adoption { origin, begun: begun.0, stage, budget: *budget }
        });
        MaybeAdoption { adoption }
    }
}

impl From<MaybeAdoption> for Option<model::Adoption> {
    fn from(twin: MaybeAdoption) -> Option<model::Adoption> {
        use model::adoption::Stage as M;
        let Adoption { origin, begun, stage, budget } = twin.adoption?;
        let OriginAddress { kind, bucket, endpoint, region, credentials, account } = origin;
        let stage = match stage {
            Stage::Copying => M::Copying,
            Stage::Paused => M::Paused,
            Stage::Proven(at) => M::Proven { at: Timestamp(at) },
            Stage::Abandoned(at) => M::Abandoned { at: Timestamp(at) },
        };
        let origin = model::OriginAddress { kind: kind.into(), bucket, endpoint, region, account, credentials };
        Some(model::Adoption { origin, begun: Timestamp(begun), budget, stage })
    }
}

#[derive(Encode, Decode)]
pub struct Source {
    #[n(0)]
    bucket: Id,
    #[n(1)]
    key: String,
    #[n(2)]
    version: Id,
}

impl From<&model::Source> for Source {
    fn from(value: &model::Source) -> Source {
        let model::Source { bucket, key, version } = value;
        Source { bucket: bucket.0.into(), key: key.as_str().to_owned(), version: version.0.into() }
    }
}

impl TryFrom<Source> for model::Source {
    type Error = Senseless;

    fn try_from(twin: Source) -> Result<model::Source, Senseless> {
        Ok(model::Source {
            bucket: BucketId(twin.bucket.into()),
            key: key(&twin.key)?,
            version: VersionId(twin.version.into()),
        })
    }
}

#[derive(Encode, Decode)]
pub enum VersionSetting {
    #[n(0)]
    Tags(#[n(0)] Tags),
    #[n(1)]
    Retention(#[n(0)] Option<Retention>),
    #[n(2)]
    LegalHold(#[n(0)] bool),
    #[n(3)]
    Acl(#[n(0)] Acl),
}

impl From<&model::VersionSetting> for VersionSetting {
    fn from(value: &model::VersionSetting) -> VersionSetting {
        match value {
            model::VersionSetting::Tags(tags) => VersionSetting::Tags(tags.into()),
            model::VersionSetting::Retention(retention) => {
                VersionSetting::Retention(retention.as_ref().map(Into::into))
            }
            model::VersionSetting::LegalHold(held) => VersionSetting::LegalHold(*held),
            model::VersionSetting::Acl(acl) => VersionSetting::Acl(acl.into()),
        }
    }
}

impl TryFrom<VersionSetting> for model::VersionSetting {
    type Error = Senseless;

    fn try_from(twin: VersionSetting) -> Result<model::VersionSetting, Senseless> {
        Ok(match twin {
            VersionSetting::Tags(tags) => model::VersionSetting::Tags(tags.into()),
            VersionSetting::Retention(retention) => model::VersionSetting::Retention(retention.map(Into::into)),
            VersionSetting::LegalHold(held) => model::VersionSetting::LegalHold(held),
            VersionSetting::Acl(acl) => model::VersionSetting::Acl(acl.into()),
        })
    }
}

#[derive(Encode, Decode)]
pub struct AdoptionProgress {
    #[n(0)]
    passes: u64,
    #[n(1)]
    objects: u64,
    #[n(2)]
    bytes: u64,
    #[n(3)]
    unproven: u64,
    #[n(4)]
    failed: u64,
    #[n(5)]
    caught_up: bool,
    #[n(6)]
    cursor: Option<String>,
}

impl From<&model::AdoptionProgress> for AdoptionProgress {
    fn from(value: &model::AdoptionProgress) -> AdoptionProgress {
        let model::AdoptionProgress { passes, cursor, objects, bytes, unproven, failed, caught_up } = value.clone();
        AdoptionProgress { passes, objects, bytes, unproven, failed, caught_up, cursor }
    }
}

impl From<AdoptionProgress> for model::AdoptionProgress {
    fn from(twin: AdoptionProgress) -> model::AdoptionProgress {
        let AdoptionProgress { passes, objects, bytes, unproven, failed, caught_up, cursor } = twin;
        model::AdoptionProgress { passes, cursor, objects, bytes, unproven, failed, caught_up }
    }
}

/// Settings: each aspect by its number, with the twin of its value.
macro_rules! settings {
    ($twin:ident = $model:ident { $($number:literal $aspect:ident($value:ty)),+ $(,)? }) => {
        #[derive(Encode, Decode)]
        pub enum $twin {
            $(#[n($number)] $aspect(#[n(0)] $value)),+
        }

        impl From<&model::$model> for $twin {
            fn from(value: &model::$model) -> $twin {
                match value {
                    $(model::$model::$aspect(value) => $twin::$aspect(value.into())),+
                }
            }
        }

        impl TryFrom<$twin> for model::$model {
            type Error = Senseless;

            fn try_from(twin: $twin) -> Result<model::$model, Senseless> {
                Ok(match twin {
                    $($twin::$aspect(value) => model::$model::$aspect(value.try_into()?)),+
                })
            }
        }
    };
}

settings! { BucketSetting = BucketSetting {
    0 Versioning(Versioning),
    1 Tags(Tags),
    2 ObjectLock(ObjectLock),
    3 Lifecycle(Lifecycle),
    4 Grants(Grants),
    16 Acl(Acl),
    17 Ownership(Ownership),
    18 PublicAccess(PublicAccess),
    19 Cors(Document),
    20 Adoption(MaybeAdoption),
    21 AdoptionProgress(AdoptionProgress),
    22 Profile(MaybeProfile),
    23 MoveAsked(MaybeTime),
    24 MoveDone(MaybeTime),
} }

/// Every kind of change. A new one does not compile without a twin, and gets the next number.
#[derive(Encode, Decode)]
pub enum Change {
    #[n(0)]
    BucketCreated(#[n(0)] Bucket, #[n(1)] Option<Vec<BucketSetting>>),
    #[n(1)]
    BucketDeleted(#[n(0)] Id),
    #[n(2)]
    ObjectPut(#[n(0)] Id, #[n(1)] Version, #[n(2)] Vec<Segment>),
    #[n(3)]
    ObjectDeleted(#[n(0)] Id, #[n(1)] String),
    #[n(4)]
    UploadStarted(#[n(0)] Upload),
    #[n(5)]
    PartPut(#[n(0)] Id, #[n(1)] Id, #[n(2)] Part, #[n(3)] Vec<Segment>),
    #[n(6)]
    UploadCompleted(#[n(0)] Id, #[n(1)] Id, #[n(2)] Version),
    #[n(7)]
    UploadAborted(#[n(0)] Id, #[n(1)] Id),
    #[n(8)]
    PiecesAdded(#[n(0)] Id, #[n(1)] Vec<Piece>),
    #[n(9)]
    PrincipalCreated(#[n(0)] Principal),
    #[n(10)]
    KeyIssued(#[n(0)] AccessKey),
    #[n(11)]
    KeyRevoked(#[n(0)] String, #[n(1)] i64),
    #[n(12)]
    LabelKeyCreated(#[n(0)] LabelKey),
    #[n(13)]
    StreamOpened(#[n(0)] Id, #[n(1)] LabelBytes, #[n(2)] Vec<Vendor>),
    #[n(14)]
    SiteClaimed(#[n(0)] Id, #[n(1)] Site),
    #[n(15)]
    BucketSet(#[n(0)] Id, #[n(1)] BucketSetting),
    #[n(16)]
    MarkerPut(#[n(0)] Id, #[n(1)] Marker),
    #[n(17)]
    VersionDeleted(#[n(0)] Id, #[n(1)] String, #[n(2)] Id, #[n(3)] Slot),
    #[n(18)]
    VersionSet(#[n(0)] Id, #[n(1)] String, #[n(2)] Id, #[n(3)] VersionSetting),
    #[n(19)]
    ObjectCopied(#[n(0)] Id, #[n(1)] Version, #[n(2)] Source),
    #[n(20)]
    PartCopied(#[n(0)] Id, #[n(1)] Id, #[n(2)] Part, #[n(3)] Source),
    #[n(21)]
    OriginHidden(#[n(0)] Id, #[n(1)] String),
    #[n(22)]
    LabelShredded(#[n(0)] LabelBytes, #[n(1)] Vec<LabelKey>, #[n(2)] i64),
    #[n(23)]
    CopyMade(#[n(0)] KnownCopy),
    #[n(25)]
    PrincipalSet(#[n(0)] Principal),
    #[n(26)]
    GroupSet(#[n(0)] Group),
    #[n(27)]
    GroupDeleted(#[n(0)] Id),
    #[n(28)]
    ReleaseSet(#[n(0)] Release),
    #[n(29)]
    KeyExpires(#[n(0)] String, #[n(1)] i64),
    #[n(30)]
    SegmentPlaced(#[n(0)] Id, #[n(1)] u8, #[n(2)] u8, #[n(3)] u8, #[n(4)] Vec<Piece>),
    #[n(31)]
    SiteSet(#[n(0)] Id, #[n(1)] SiteState),
}

impl From<&model::Change> for Change {
    fn from(value: &model::Change) -> Change {
        use model::Change as M;
        match value {
            M::BucketCreated(bucket, settings) => {
                Change::BucketCreated(bucket.into(), (!settings.is_empty()).then(|| each(settings)))
            }
            M::BucketDeleted { bucket } => Change::BucketDeleted(bucket.0.into()),
            M::ObjectPut { bucket, version, segments } => {
                Change::ObjectPut(bucket.0.into(), version.into(), each(segments))
            }
            M::ObjectDeleted { bucket, key } => Change::ObjectDeleted(bucket.0.into(), key.as_str().to_owned()),
            M::UploadStarted(upload) => Change::UploadStarted(upload.into()),
            M::PartPut { bucket, upload, part, segments } => {
                Change::PartPut(bucket.0.into(), upload.0.into(), part.into(), each(segments))
            }
            M::UploadCompleted { bucket, upload, version } => {
                Change::UploadCompleted(bucket.0.into(), upload.0.into(), version.into())
            }
            M::UploadAborted { bucket, upload } => Change::UploadAborted(bucket.0.into(), upload.0.into()),
            M::PiecesAdded { segment, pieces } => Change::PiecesAdded(segment.0.into(), each(pieces)),
            M::SegmentPlaced { segment, code, promise, pieces } => {
                Change::SegmentPlaced(segment.0.into(), code.k, code.m, *promise, each(pieces))
            }
            M::PrincipalCreated(principal) => Change::PrincipalCreated(principal.into()),
            M::KeyIssued(key) => Change::KeyIssued(key.into()),
            M::KeyRevoked { id, at } => Change::KeyRevoked(id.0.clone(), at.0),
            M::LabelKeyCreated(key) => Change::LabelKeyCreated(key.into()),
            M::StreamOpened { stream, label, vendors } => Change::StreamOpened(
                stream.0.into(),
                (*label.canonical()).into(),
                vendors.iter().map(|vendor| (*vendor).into()).collect(),
            ),
            M::SiteClaimed { enclave, site } => Change::SiteClaimed(enclave.0.into(), site.into()),
            M::SiteSet { site, state } => Change::SiteSet(site.0.into(), state.into()),
            M::BucketSet { bucket, setting } => Change::BucketSet(bucket.0.into(), setting.into()),
            M::MarkerPut { bucket, marker } => Change::MarkerPut(bucket.0.into(), marker.into()),
            M::VersionDeleted { bucket, key, version, slot } => {
                Change::VersionDeleted(bucket.0.into(), key.as_str().to_owned(), version.0.into(), (*slot).into())
            }
            M::VersionSet { bucket, key, version, setting } => {
                Change::VersionSet(bucket.0.into(), key.as_str().to_owned(), version.0.into(), setting.into())
            }
            M::ObjectCopied { bucket, version, source } => {
                Change::ObjectCopied(bucket.0.into(), version.into(), source.into())
            }
            M::PartCopied { bucket, upload, part, source } => {
                Change::PartCopied(bucket.0.into(), upload.0.into(), part.into(), source.into())
            }
            M::OriginHidden { bucket, key } => Change::OriginHidden(bucket.0.into(), key.as_str().to_owned()),
            M::LabelShredded { label, keys, at } => {
                Change::LabelShredded((*label.canonical()).into(), each(keys), at.0)
            }
            M::CopyMade(copy) => Change::CopyMade(copy.into()),
            M::PrincipalSet(principal) => Change::PrincipalSet(principal.into()),
            M::GroupSet(group) => Change::GroupSet(group.into()),
            M::GroupDeleted { group } => Change::GroupDeleted(group.0.into()),
            M::ReleaseSet(release) => Change::ReleaseSet(release.into()),
            M::KeyExpires { id, at } => Change::KeyExpires(id.0.clone(), at.0),
        }
    }
}

impl TryFrom<Change> for model::Change {
    type Error = Senseless;

    fn try_from(twin: Change) -> Result<model::Change, Senseless> {
        use model::Change as M;
        Ok(match twin {
            Change::BucketCreated(bucket, settings) => {
                M::BucketCreated(bucket.try_into()?, all(settings.unwrap_or_default())?)
            }
            Change::BucketDeleted(bucket) => M::BucketDeleted { bucket: BucketId(bucket.into()) },
            Change::ObjectPut(bucket, version, segments) => {
                M::ObjectPut { bucket: BucketId(bucket.into()), version: version.try_into()?, segments: all(segments)? }
            }
            Change::ObjectDeleted(bucket, text) => {
                M::ObjectDeleted { bucket: BucketId(bucket.into()), key: key(&text)? }
            }
            Change::PrincipalSet(principal) => M::PrincipalSet(principal.try_into()?),
            Change::GroupSet(group) => M::GroupSet(group.try_into()?),
            Change::GroupDeleted(group) => M::GroupDeleted { group: PrincipalId(group.into()) },
            Change::ReleaseSet(release) => M::ReleaseSet(release.try_into()?),
            Change::KeyExpires(id, at) => M::KeyExpires { id: AccessKeyId(id), at: Timestamp(at) },
            Change::UploadStarted(upload) => M::UploadStarted(upload.try_into()?),
            Change::PartPut(bucket, upload, part, segments) => M::PartPut {
                bucket: BucketId(bucket.into()),
                upload: UploadId(upload.into()),
                part: part.try_into()?,
                segments: all(segments)?,
            },
            Change::UploadCompleted(bucket, upload, version) => M::UploadCompleted {
                bucket: BucketId(bucket.into()),
                upload: UploadId(upload.into()),
                version: version.try_into()?,
            },
            Change::UploadAborted(bucket, upload) => {
                M::UploadAborted { bucket: BucketId(bucket.into()), upload: UploadId(upload.into()) }
            }
            Change::PiecesAdded(segment, pieces) => M::PiecesAdded {
                segment: SegmentId(segment.into()),
                pieces: pieces.into_iter().map(Into::into).collect(),
            },
            Change::SegmentPlaced(segment, k, m, promise, pieces) => M::SegmentPlaced {
                segment: SegmentId(segment.into()),
                code: code(k, m)?,
                promise,
                pieces: pieces.into_iter().map(Into::into).collect(),
            },
            Change::PrincipalCreated(principal) => M::PrincipalCreated(principal.try_into()?),
            Change::KeyIssued(key) => M::KeyIssued(key.try_into()?),
            Change::KeyRevoked(id, at) => M::KeyRevoked { id: AccessKeyId(id), at: Timestamp(at) },
            Change::LabelKeyCreated(key) => M::LabelKeyCreated(key.try_into()?),
            Change::StreamOpened(stream, label, vendors) => M::StreamOpened {
                stream: StreamId(stream.into()),
                label: Label::from_canonical(label.into()),
                vendors: vendors.into_iter().map(Into::into).collect(),
            },
            Change::SiteClaimed(enclave, site) => {
                M::SiteClaimed { enclave: EnclaveId(enclave.into()), site: site.try_into()? }
            }
            Change::SiteSet(site, state) => M::SiteSet { site: SiteId(site.into()), state: state.into() },
            Change::BucketSet(bucket, setting) => {
                M::BucketSet { bucket: BucketId(bucket.into()), setting: setting.try_into()? }
            }
            Change::MarkerPut(bucket, marker) => {
                M::MarkerPut { bucket: BucketId(bucket.into()), marker: marker.try_into()? }
            }
            Change::VersionDeleted(bucket, text, version, slot) => M::VersionDeleted {
                bucket: BucketId(bucket.into()),
                key: key(&text)?,
                version: VersionId(version.into()),
                slot: slot.into(),
            },
            Change::VersionSet(bucket, text, version, setting) => M::VersionSet {
                bucket: BucketId(bucket.into()),
                key: key(&text)?,
                version: VersionId(version.into()),
                setting: setting.try_into()?,
            },
            Change::ObjectCopied(bucket, version, source) => M::ObjectCopied {
                bucket: BucketId(bucket.into()),
                version: version.try_into()?,
                source: source.try_into()?,
            },
            Change::PartCopied(bucket, upload, part, source) => M::PartCopied {
                bucket: BucketId(bucket.into()),
                upload: UploadId(upload.into()),
                part: part.try_into()?,
                source: source.try_into()?,
            },
            Change::OriginHidden(bucket, text) => M::OriginHidden { bucket: BucketId(bucket.into()), key: key(&text)? },
            Change::LabelShredded(label, keys, at) => {
                M::LabelShredded { label: Label::from_canonical(label.into()), keys: all(keys)?, at: Timestamp(at) }
            }
            Change::CopyMade(copy) => M::CopyMade(copy.try_into()?),
        })
    }
}

#[derive(Encode, Decode)]
pub struct Record {
    #[n(0)]
    number: u64,
    #[n(1)]
    stream: Id,
    #[n(2)]
    sequence: u64,
    #[n(3)]
    previous: ByteArray<32>,
    #[n(4)]
    decided: i64,
    #[n(5)]
    change: Change,
}

impl From<&model::Record> for Record {
    fn from(value: &model::Record) -> Record {
        let model::Record { number, stream, sequence, previous, decided, change } = value;
        Record {
            number: number.0,
            stream: stream.0.into(),
            sequence: *sequence,
            previous: (*previous).into(),
            decided: decided.0,
            change: change.into(),
        }
    }
}

impl TryFrom<Record> for model::Record {
    type Error = Senseless;

    fn try_from(twin: Record) -> Result<model::Record, Senseless> {
        Ok(model::Record {
            number: Number(twin.number),
            stream: StreamId(twin.stream.into()),
            sequence: twin.sequence,
            previous: twin.previous.into(),
            decided: Timestamp(twin.decided),
            change: twin.change.try_into()?,
        })
    }
}
