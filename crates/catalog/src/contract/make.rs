//! Nouns to test with, small and distinct.

use std::sync::Arc;

use bytes::Bytes;
use coding::LabelSecret;
use model::{
    AccessKey, AccessKeyId, Algorithm, BodyId, BodySlice, Bucket, BucketId, BucketName, Checksum, Code, ETag, Epoch,
    Extent, Governance, KeyState, KeyTag, Label, Lock, Metadata, ObjectKey, Part, Piece, PieceName, Precondition,
    Principal, PrincipalId, Profile, Release, ReleaseId, ReleaseState, Role, SealedSecret, Segment, SegmentId,
    SegmentKind, Signature, SiteId, Slot, Source, StreamId, Tags, Timestamp, Upload, UploadId, Version, VersionId,
    Wrap,
};

use crate::interface::{Keys, Proposal};

/// When everything happens.
pub const NOW: Timestamp = Timestamp(1_700_000_000_000);

pub const OWNER: PrincipalId = PrincipalId([0x77; 16]);
pub const CONTROL: StreamId = StreamId([0xc0; 16]);
/// Two data streams.
pub const EAST: StreamId = StreamId([0xea; 16]);
pub const WEST: StreamId = StreamId([0x3e; 16]);

/// One key for every label, always the same.
struct OneKey(Arc<LabelSecret>);

impl Keys for OneKey {
    fn newest(&self, _: &Label) -> Option<Arc<LabelSecret>> {
        Some(Arc::clone(&self.0))
    }
    fn by_tag(&self, tag: KeyTag) -> Option<Arc<LabelSecret>> {
        (tag == self.0.tag()).then(|| Arc::clone(&self.0))
    }
}

/// What every catalog under test is handed.
pub fn keys() -> Arc<dyn Keys> {
    Arc::new(OneKey(Arc::new(LabelSecret::random(&super::outside(0)))))
}

/// Another label than the lowest.
pub fn high() -> Label {
    Label::from_canonical([1; Label::BYTES])
}

pub fn id(n: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    id[15] = 1;
    id
}

pub fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

pub fn bucket(n: u64, name: &str, label: Label) -> Bucket {
    Bucket {
        id: BucketId(id(n)),
        name: BucketName::parse(name).unwrap(),
        label,
        profile: Profile::Quad,
        owner: OWNER,
        created: NOW,
    }
}

pub fn wrap() -> Wrap {
    Wrap { under: KeyTag([4; 16]), salt: [5; 32], sealed: vec![6; 48] }
}

/// A 2+2 segment of epoch 1 that promises 2, with a piece at each of four sites.
pub fn segment(n: u64, kind: SegmentKind, length: u64) -> Segment {
    Segment {
        id: SegmentId(id(n)),
        kind,
        stream: EAST,
        code: Code { k: 2, m: 2 },
        cell: 65_536,
        length,
        key: KeyTag([8; 16]),
        epoch: Epoch(1),
        promise: 2,
        pieces: (0..4).map(|index| piece(n, kind, index)).collect(),
    }
}

pub fn piece(segment: u64, kind: SegmentKind, index: u8) -> Piece {
    let mut random = id(segment);
    random[14] = index + 1;
    Piece { index, site: SiteId([index; 16]), name: PieceName { kind, epoch: Epoch(1), random } }
}

/// A body of `length` bytes in a segment of its own.
pub fn body(n: u64, length: u64) -> (BodySlice, Segment) {
    let segment = segment(n, SegmentKind::Data, length);
    let extents = vec![Extent { segment: segment.id, offset: 0, length }];
    (BodySlice { body: BodyId(id(n)), body_length: length, offset: 0, length, extents }, segment)
}

/// A body of `length` bytes that rides in the journal.
pub fn riding(n: u64, length: u64) -> BodySlice {
    BodySlice { body: BodyId(id(n)), body_length: length, offset: 0, length, extents: Vec::new() }
}

/// A version that consists of these bodies; its ETag follows from `n`.
pub fn version(n: u64, key: &ObjectKey, bodies: Vec<BodySlice>) -> Version {
    Version {
        id: VersionId(id(n)),
        key: key.clone(),
        size: bodies.iter().map(|body| body.length).sum(),
        etag: etag(n),
        modified: Timestamp(NOW.0 + i64::try_from(n).unwrap()),
        metadata: Metadata { user: [("n".to_owned(), n.to_string())].into(), ..Metadata::default() },
        checksums: vec![Checksum::full(Algorithm::Crc64Nvme, n.to_be_bytes().to_vec())],
        parts: Vec::new(),
        bodies,
        wrap: wrap(),
        slot: Slot::Null,
        tags: Tags::default(),
        lock: Lock::default(),
        brought: None,
    }
}

pub fn etag(n: u64) -> ETag {
    ETag(format!("{n:032x}"))
}

pub fn upload(n: u64, bucket: BucketId, key: &ObjectKey) -> Upload {
    Upload {
        id: UploadId(id(n)),
        bucket,
        key: key.clone(),
        initiated: NOW,
        owner: OWNER,
        metadata: Metadata::default(),
        checksum: None,
        tags: Tags::default(),
        lock: Lock::default(),
    }
}

pub fn part(n: u64, number: u16, body: BodySlice) -> Part {
    Part { number, size: body.length, etag: etag(n), modified: NOW, checksums: Vec::new(), body, wrap: wrap() }
}

pub fn principal(n: u64, name: &str) -> Principal {
    Principal {
        id: PrincipalId(id(n)),
        name: name.to_owned(),
        role: Role::MissionOwner,
        clearance: high(),
        created: NOW,
        suspended: None,
    }
}

/// One of `high`, with these signatures.
pub fn release(n: u8, signed_by: &[u8]) -> Release {
    let signatures = signed_by.iter().map(|by| Signature { by: PrincipalId([*by; 16]), at: NOW }).collect();
    Release {
        id: ReleaseId([n; 16]),
        asked_by: OWNER,
        asked: NOW,
        reason: "for the press".to_owned(),
        source: Source { bucket: BucketId([0xb0; 16]), key: key("plan"), version: VersionId([0xb1; 16]) },
        source_label: high(),
        etag: etag(1),
        size: 3,
        target: BucketId([0xb2; 16]),
        target_label: Label::LOWEST,
        target_key: key("plan"),
        signatures,
        state: ReleaseState::Open,
    }
}

pub fn access_key(name: &str, principal: PrincipalId) -> AccessKey {
    AccessKey {
        id: AccessKeyId(name.to_owned()),
        principal,
        label: Label::LOWEST,
        secret: SealedSecret { salt: [1; 32], sealed: vec![2; 40] },
        limits: model::KeyLimits::default(),
        state: KeyState::Active,
        created: NOW,
    }
}

/// A proposal of the system's own, without any condition.
pub fn proposal(change: model::Change) -> Proposal {
    Proposal {
        guard: model::Guard::default(),
        condition: Precondition::None,
        governance: Governance::Obeyed,
        change,
        body: None,
    }
}

pub fn under(condition: Precondition, change: model::Change) -> Proposal {
    Proposal { condition, ..proposal(change) }
}

pub fn carrying(body: &'static [u8], change: model::Change) -> Proposal {
    Proposal { body: Some(Bytes::from_static(body)), ..proposal(change) }
}
