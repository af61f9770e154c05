#![expect(clippy::cast_possible_truncation, reason = "tests choose numbers that fit")]

use std::net::IpAddr;

use model::adoption::Stage;
use model::lifecycle::{Expiration, Filter, FilterForm, Noncurrent, Rule, RuleState};
use model::object::UploadChecksum;
use model::{
    AccessKeyId, Acl, AddressRange, Adoption, AdoptionProgress, Algorithm, Aspect, BodyId, BodySlice, BucketId,
    BucketName, Change, Checksum, ChecksumKind, Code, CopyKind, DefaultRetention, Document, ETag, EnclaveId, Epoch,
    Extent, Grant, Grantee, Grants, Group, KeyLimits, KeyState, KeyTag, Label, Lifecycle, Lock, LockMode, Marker,
    Metadata, Number, ObjectKey, ObjectLock, OriginAddress, OriginKind, Ownership, PartSummary, Period, Permission,
    Piece, PieceName, PrincipalId, Profile, PublicAccess, Release, ReleaseId, ReleaseState, Retention, Right, Role,
    RootFingerprint, SealedSecret, SegmentId, SegmentKind, Signature, SiteId, SiteState, Slot, Source, StreamId, Tags,
    Timestamp, UploadId, Vendor, VersionId, Versioning, Wrap,
};
use proptest::prelude::*;

use super::*;
use crate::testing::{CODES, Dice, check_vectors, read_vectors};

/// Changes there are. A new variant fails to compile in `ordinal`, and is then sampled too.
const CHANGES: usize = 31;

fn ordinal(change: &Change) -> usize {
    match change {
        Change::BucketCreated(..) => 0,
        Change::BucketDeleted { .. } => 1,
        Change::ObjectPut { .. } => 2,
        Change::ObjectDeleted { .. } => 3,
        Change::UploadStarted(_) => 4,
        Change::PartPut { .. } => 5,
        Change::UploadCompleted { .. } => 6,
        Change::UploadAborted { .. } => 7,
        Change::PiecesAdded { .. } => 8,
        Change::PrincipalCreated(_) => 9,
        Change::KeyIssued(_) => 10,
        Change::KeyRevoked { .. } => 11,
        Change::LabelKeyCreated(_) => 12,
        Change::StreamOpened { .. } => 13,
        Change::SiteClaimed { .. } => 14,
        Change::BucketSet { .. } => 15,
        Change::MarkerPut { .. } => 16,
        Change::VersionDeleted { .. } => 17,
        Change::VersionSet { .. } => 18,
        Change::ObjectCopied { .. } => 19,
        Change::PartCopied { .. } => 20,
        Change::OriginHidden { .. } => 21,
        Change::PrincipalSet(_) => 22,
        Change::GroupSet(_) => 23,
        Change::GroupDeleted { .. } => 24,
        Change::ReleaseSet(_) => 25,
        Change::KeyExpires { .. } => 26,
        Change::LabelShredded { .. } => 27,
        Change::CopyMade(_) => 28,
        Change::SegmentPlaced { .. } => 29,
        Change::SiteSet { .. } => 30,
    }
}

fn change(number: usize, d: &mut Dice) -> Change {
    match number {
        0 => Change::BucketCreated(bucket(d), Vec::new()),
        1 => Change::BucketDeleted { bucket: BucketId(d.bytes()) },
        2 => Change::ObjectPut { bucket: BucketId(d.bytes()), version: version(d), segments: some(d, segment) },
        3 => Change::ObjectDeleted { bucket: BucketId(d.bytes()), key: key(d) },
        4 => Change::UploadStarted(upload(d)),
        5 => Change::PartPut {
            bucket: BucketId(d.bytes()),
            upload: UploadId(d.bytes()),
            part: part(d),
            segments: some(d, segment),
        },
        6 => Change::UploadCompleted { bucket: BucketId(d.bytes()), upload: UploadId(d.bytes()), version: version(d) },
        7 => Change::UploadAborted { bucket: BucketId(d.bytes()), upload: UploadId(d.bytes()) },
        8 => Change::PiecesAdded { segment: SegmentId(d.bytes()), pieces: some(d, |d| piece(d, 255)) },
        9 => Change::PrincipalCreated(principal(d)),
        10 => Change::KeyIssued(access_key(d)),
        11 => Change::KeyRevoked { id: AccessKeyId(d.text(20)), at: time(d) },
        12 => Change::LabelKeyCreated(label_key(d)),
        13 => Change::StreamOpened {
            stream: StreamId(d.bytes()),
            label: label(d),
            vendors: some(d, |d| d.pick(&Vendor::ALL)),
        },
        15 => Change::BucketSet { bucket: BucketId(d.bytes()), setting: setting(Aspect::Versioning, d) },
        16 => Change::MarkerPut { bucket: BucketId(d.bytes()), marker: marker(d) },
        17 => Change::VersionDeleted {
            bucket: BucketId(d.bytes()),
            key: key(d),
            version: VersionId(d.bytes()),
            slot: slot(d),
        },
        18 => Change::VersionSet {
            bucket: BucketId(d.bytes()),
            key: key(d),
            version: VersionId(d.bytes()),
            setting: version_setting(d),
        },
        19 => Change::ObjectCopied { bucket: BucketId(d.bytes()), version: kept_version(d), source: source(d) },
        20 => Change::PartCopied {
            bucket: BucketId(d.bytes()),
            upload: UploadId(d.bytes()),
            part: part(d),
            source: source(d),
        },
        21 => Change::OriginHidden { bucket: BucketId(d.bytes()), key: key(d) },
        22 => Change::PrincipalSet(suspended(d)),
        23 => Change::GroupSet(group(d)),
        24 => Change::GroupDeleted { group: PrincipalId(d.bytes()) },
        25 => Change::ReleaseSet(release(d)),
        26 => Change::KeyExpires { id: AccessKeyId(d.text(20)), at: time(d) },
        27 => Change::LabelShredded { label: label(d), keys: some(d, label_key), at: time(d) },
        28 => Change::CopyMade(known_copy(d)),
        29 => Change::SegmentPlaced {
            segment: SegmentId(d.bytes()),
            code: d.pick(&CODES),
            promise: d.below(3) as u8,
            pieces: some(d, |d| piece(d, 255)),
        },
        30 => Change::SiteSet { site: SiteId(d.bytes()), state: d.pick(&SiteState::ALL) },
        _ => Change::SiteClaimed { enclave: EnclaveId(d.bytes()), site: site(d) },
    }
}

fn tags(d: &mut Dice) -> Tags {
    Tags(some(d, |d| (d.text(10), d.text(10))).into_iter().collect())
}

fn setting(aspect: Aspect, d: &mut Dice) -> BucketSetting {
    let versioning = [Versioning::Off, Versioning::Enabled, Versioning::Suspended];
    match aspect {
        Aspect::Versioning => BucketSetting::Versioning(d.pick(&versioning)),
        Aspect::Tags => BucketSetting::Tags(tags(d)),
        Aspect::ObjectLock => BucketSetting::ObjectLock(object_lock(d)),
        Aspect::Lifecycle => BucketSetting::Lifecycle(Lifecycle { rules: some(d, rule) }),
        Aspect::Grants => BucketSetting::Grants(Grants(
            some(d, |d| (PrincipalId(d.bytes()), d.pick(&Right::ALL))).into_iter().collect(),
        )),
        Aspect::Acl => BucketSetting::Acl(acl(d)),
        Aspect::Ownership => BucketSetting::Ownership(d.pick(&[
            Ownership::Unset,
            Ownership::ObjectWriter,
            Ownership::BucketOwnerPreferred,
            Ownership::BucketOwnerEnforced,
        ])),
        Aspect::PublicAccess => BucketSetting::PublicAccess(PublicAccess {
            told: d.below(2) == 1,
            block_acls: d.below(2) == 1,
            ignore_acls: d.below(2) == 1,
            block_policy: d.below(2) == 1,
            restrict_buckets: d.below(2) == 1,
        }),
        Aspect::Cors => BucketSetting::Cors(Document(d.text(40))),
        Aspect::Adoption => BucketSetting::Adoption(Some(adoption(d))),
        Aspect::AdoptionProgress => BucketSetting::AdoptionProgress(AdoptionProgress {
            passes: d.u64(),
            cursor: maybe(d, |d| d.text(30)),
            objects: d.u64(),
            bytes: d.u64(),
            unproven: d.u64(),
            failed: d.u64(),
            caught_up: d.below(2) == 1,
        }),
        Aspect::Profile => BucketSetting::Profile(Some(d.pick(&[Profile::Std, Profile::Mirror(3)]))),
        Aspect::MoveAsked => BucketSetting::MoveAsked(Some(Timestamp(d.u64() as i64))),
        Aspect::MoveDone => BucketSetting::MoveDone(Some(Timestamp(d.u64() as i64))),
    }
}

fn maybe<T>(d: &mut Dice, one: impl Fn(&mut Dice) -> T) -> Option<T> {
    (d.below(2) == 1).then(|| one(d))
}

fn adoption(d: &mut Dice) -> Adoption {
    let at = time(d);
    let stages = [Stage::Copying, Stage::Paused, Stage::Proven { at }, Stage::Abandoned { at }];
    Adoption {
        origin: OriginAddress {
            kind: d.pick(&OriginKind::ALL),
            bucket: d.text(20),
            endpoint: maybe(d, |d| d.text(30)),
            region: maybe(d, |d| d.text(10)),
            account: maybe(d, |d| d.text(10)),
            credentials: d.text(20),
        },
        begun: time(d),
        budget: maybe(d, Dice::u64),
        stage: d.pick(&stages),
    }
}

fn acl(d: &mut Dice) -> Acl {
    const ALL: [Permission; 5] =
        [Permission::Read, Permission::Write, Permission::ReadAcp, Permission::WriteAcp, Permission::FullControl];
    let owners = [None, Some(PrincipalId(d.bytes()))];
    let grant = |d: &mut Dice| Grant {
        grantee: d.pick(&[Grantee::Everyone, Grantee::Authenticated, Grantee::Principal(PrincipalId([9; 16]))]),
        permission: d.pick(&ALL),
    };
    let grants = [None, Some(some(d, grant))];
    let which = d.below(2);
    Acl { owner: d.pick(&owners), grants: grants.into_iter().nth(which).flatten() }
}

#[test]
fn an_object_keeps_its_access_control_list() {
    let mut d = Dice::new(7);
    for _ in 0..50 {
        let mut version = version(&mut d);
        version.metadata.acl = acl(&mut d);
        assert_eq!(from_bytes::<Version>(&to_bytes(&version)).unwrap(), version);
        let setting = VersionSetting::Acl(version.metadata.acl);
        assert_eq!(from_bytes::<VersionSetting>(&to_bytes(&setting)).unwrap(), setting);
    }
}

fn rule(d: &mut Dice) -> Rule {
    let number = |d: &mut Dice| d.below(100) as u32;
    let expirations = [Expiration::Days(number(d)), Expiration::Date(time(d)), Expiration::Markers].map(Some);
    let noncurrent = Noncurrent { days: number(d), keep: number(d) };
    let (abort_days, size, prefix) = (number(d), d.u64(), d.text(9));
    Rule {
        id: d.text(20),
        state: d.pick(&[RuleState::Enabled, RuleState::Disabled]),
        filter: Filter {
            form: d.pick(&[FilterForm::Prefix, FilterForm::Filter]),
            prefix: d.pick(&[None, Some(prefix)]),
            tags: tags(d),
            larger_than: d.pick(&[None, Some(size)]),
            smaller_than: d.pick(&[None, Some(size)]),
        },
        expiration: d.pick(&[&expirations[..], &[None]].concat()),
        noncurrent: d.pick(&[None, Some(noncurrent)]),
        abort_days: d.pick(&[None, Some(abort_days)]),
    }
}

fn mode(d: &mut Dice) -> LockMode {
    d.pick(&[LockMode::Governance, LockMode::Compliance])
}

fn object_lock(d: &mut Dice) -> ObjectLock {
    let period = [Period::Days(d.below(1000) as u32), Period::Years(d.below(100) as u32)];
    let default = DefaultRetention { mode: mode(d), period: d.pick(&period) };
    d.pick(&[ObjectLock::Off, ObjectLock::On { default: None }, ObjectLock::On { default: Some(default) }])
}

fn retention(d: &mut Dice) -> Option<Retention> {
    let retention = Retention { mode: mode(d), until: time(d) };
    d.pick(&[None, Some(retention)])
}

fn lock(d: &mut Dice) -> Lock {
    Lock { retention: retention(d), legal_hold: d.pick(&[true, false]) }
}

fn slot(d: &mut Dice) -> Slot {
    d.pick(&[Slot::Null, Slot::Own])
}

fn marker(d: &mut Dice) -> Marker {
    Marker { id: VersionId(d.bytes()), key: key(d), slot: slot(d), modified: time(d) }
}

fn source(d: &mut Dice) -> Source {
    Source { bucket: BucketId(d.bytes()), key: key(d), version: VersionId(d.bytes()) }
}

fn version_setting(d: &mut Dice) -> VersionSetting {
    match d.below(3) {
        0 => VersionSetting::Tags(tags(d)),
        1 => VersionSetting::Retention(retention(d)),
        _ => VersionSetting::LegalHold(d.pick(&[true, false])),
    }
}

/// A version as a bucket has it that keeps them; [`version`] is as it was before there were any.
fn kept_version(d: &mut Dice) -> Version {
    Version { slot: slot(d), tags: tags(d), lock: lock(d), ..version(d) }
}

fn tagged_upload(d: &mut Dice) -> Upload {
    Upload { tags: tags(d), lock: lock(d), ..upload(d) }
}

fn record(number: usize, d: &mut Dice) -> Record {
    Record {
        number: Number(d.u64()),
        stream: StreamId(d.bytes()),
        sequence: d.u64(),
        previous: d.bytes(),
        decided: time(d),
        change: change(number, d),
    }
}

fn some<T>(d: &mut Dice, one: impl Fn(&mut Dice) -> T) -> Vec<T> {
    (0..d.below(4)).map(|_| one(d)).collect()
}

fn time(d: &mut Dice) -> Timestamp {
    Timestamp(d.u64() as i64)
}

fn label(d: &mut Dice) -> Label {
    Label::from_canonical(d.bytes())
}

fn key(d: &mut Dice) -> ObjectKey {
    ObjectKey::parse(&format!("k{}", d.text(40))).unwrap()
}

fn bucket(d: &mut Dice) -> Bucket {
    let profiles = [Profile::Quad, Profile::Lean, Profile::Std, Profile::Econ, Profile::Mirror(1), Profile::Mirror(8)];
    Bucket {
        id: BucketId(d.bytes()),
        name: BucketName::parse(&format!("bucket-{}", d.below(1000))).unwrap(),
        label: label(d),
        profile: d.pick(&profiles),
        owner: PrincipalId(d.bytes()),
        created: time(d),
    }
}

fn metadata(d: &mut Dice) -> Metadata {
    let pair = |d: &mut Dice| (d.text(10), d.text(30));
    Metadata {
        system: some(d, pair).into_iter().collect(),
        user: some(d, pair).into_iter().collect(),
        acl: Acl::default(),
    }
}

fn checksum(d: &mut Dice) -> Checksum {
    let algorithm = d.pick(&Algorithm::ALL);
    let kinds = [ChecksumKind::FullObject, ChecksumKind::Composite { parts: d.below(10_000) as u32 }];
    Checksum { algorithm, kind: d.pick(&kinds), value: d.vec(algorithm.bytes()) }
}

fn slice(d: &mut Dice) -> BodySlice {
    let (offset, length) = (d.u64() >> 4, d.u64() >> 4);
    let extent = |d: &mut Dice| Extent { segment: SegmentId(d.bytes()), offset: d.u64() >> 4, length: d.u64() >> 4 };
    BodySlice {
        body: BodyId(d.bytes()),
        body_length: offset + length + d.below(9) as u64,
        offset,
        length,
        extents: some(d, extent),
    }
}

fn wrap(d: &mut Dice) -> Wrap {
    let length = d.below(80);
    Wrap { under: KeyTag(d.bytes()), salt: d.bytes(), sealed: d.vec(length) }
}

fn version(d: &mut Dice) -> Version {
    let summary =
        |d: &mut Dice| PartSummary { number: d.below(10_001) as u16, size: d.u64(), checksums: some(d, checksum) };
    Version {
        id: VersionId(d.bytes()),
        key: key(d),
        size: d.u64(),
        etag: ETag(d.text(34)),
        modified: time(d),
        metadata: metadata(d),
        checksums: some(d, checksum),
        parts: some(d, summary),
        bodies: some(d, slice),
        wrap: wrap(d),
        slot: Slot::Null,
        tags: Tags::default(),
        lock: Lock::default(),
        brought: None,
    }
}

fn brought(d: &mut Dice) -> Version {
    Version { brought: Some(ETag(d.text(34))), ..version(d) }
}

fn part(d: &mut Dice) -> Part {
    Part {
        number: d.below(10_001) as u16,
        size: d.u64(),
        etag: ETag(d.text(34)),
        modified: time(d),
        checksums: some(d, checksum),
        body: slice(d),
        wrap: wrap(d),
    }
}

fn upload(d: &mut Dice) -> Upload {
    let kinds = [UploadChecksum::FullObject, UploadChecksum::Composite];
    let announced = [None, Some((d.pick(&Algorithm::ALL), d.pick(&kinds)))];
    Upload {
        id: UploadId(d.bytes()),
        bucket: BucketId(d.bytes()),
        key: key(d),
        initiated: time(d),
        owner: PrincipalId(d.bytes()),
        metadata: metadata(d),
        checksum: d.pick(&announced),
        tags: Tags::default(),
        lock: Lock::default(),
    }
}

fn kind(d: &mut Dice) -> SegmentKind {
    d.pick(&[SegmentKind::Journal, SegmentKind::Data])
}

fn piece(d: &mut Dice, indices: usize) -> Piece {
    Piece {
        index: d.below(indices) as u8,
        site: SiteId(d.bytes()),
        name: PieceName { kind: kind(d), epoch: Epoch(d.u64()), random: d.bytes() },
    }
}

fn segment(d: &mut Dice) -> Segment {
    let code: Code = d.pick(&CODES);
    Segment {
        id: SegmentId(d.bytes()),
        kind: kind(d),
        stream: StreamId(d.bytes()),
        code,
        cell: (d.below(1024) as u32 + 1) * 64,
        length: d.u64() >> 20,
        key: KeyTag(d.bytes()),
        epoch: Epoch(d.u64()),
        promise: d.below(8) as u8,
        pieces: some(d, |d| piece(d, code.n().into())),
    }
}

fn principal(d: &mut Dice) -> Principal {
    Principal {
        id: PrincipalId(d.bytes()),
        name: d.text(30),
        role: d.pick(&[Role::MissionOwner, Role::PlatformOperator]),
        clearance: Label::LOWEST,
        created: time(d),
        suspended: None,
    }
}

fn cleared(d: &mut Dice) -> Principal {
    let role = d.pick(&[Role::SecurityOfficer, Role::ContractingOfficer, Role::Auditor]);
    Principal { role, clearance: label(d), ..principal(d) }
}

fn suspended(d: &mut Dice) -> Principal {
    Principal { suspended: Some(time(d)), ..cleared(d) }
}

fn group(d: &mut Dice) -> Group {
    Group {
        id: PrincipalId(d.bytes()),
        name: d.text(30),
        members: some(d, |d| PrincipalId(d.bytes())).into_iter().collect(),
        created: time(d),
    }
}

fn release(d: &mut Dice) -> Release {
    let states = [
        ReleaseState::Open,
        ReleaseState::Ended { by: PrincipalId(d.bytes()), at: time(d) },
        ReleaseState::Done { at: time(d) },
    ];
    Release {
        id: ReleaseId(d.bytes()),
        asked_by: PrincipalId(d.bytes()),
        asked: time(d),
        reason: d.text(50),
        source: source(d),
        source_label: label(d),
        etag: ETag(d.text(32)),
        size: d.u64(),
        target: BucketId(d.bytes()),
        target_label: label(d),
        target_key: key(d),
        signatures: some(d, |d| Signature { by: PrincipalId(d.bytes()), at: time(d) }),
        state: d.pick(&states),
    }
}

fn access_key(d: &mut Dice) -> AccessKey {
    let states = [KeyState::Active, KeyState::Revoked { at: time(d) }];
    let length = d.below(60);
    AccessKey {
        id: AccessKeyId(d.text(20)),
        principal: PrincipalId(d.bytes()),
        label: label(d),
        secret: SealedSecret { salt: d.bytes(), sealed: d.vec(length) },
        limits: KeyLimits::default(),
        state: d.pick(&states),
        created: time(d),
    }
}

fn limited_key(d: &mut Dice) -> AccessKey {
    let sources = some(d, |d| match d.below(2) {
        0 => AddressRange::new(IpAddr::from(d.bytes::<4>()), 32).unwrap(),
        _ => AddressRange::new(IpAddr::from(d.bytes::<16>()), 128).unwrap(),
    });
    AccessKey { limits: KeyLimits { expires: Some(time(d)), sources }, ..access_key(d) }
}

fn label_key(d: &mut Dice) -> LabelKey {
    let labels = [None, Some(label(d))];
    LabelKey {
        tag: KeyTag(d.bytes()),
        label: d.pick(&labels),
        epoch: d.u64() as u32,
        salt: d.bytes(),
        sealed: d.vec(48),
    }
}

fn known_copy(d: &mut Dice) -> KnownCopy {
    let what = match d.below(2) {
        0 => CopyKind::Shares { needed: 2, holders: (0..2 + d.below(3)).map(|_| d.text(20)).collect() },
        _ => CopyKind::Backup { place: d.text(40), digest: d.bytes() },
    };
    KnownCopy { root: RootFingerprint(d.bytes()), made: time(d), what }
}

fn site(d: &mut Dice) -> Site {
    Site { id: SiteId(d.bytes()), name: d.text(20), vendor: d.pick(&Vendor::ALL), region: d.text(20) }
}

/// Bytes of version 1 of every change and value, as they were first written.
fn samples() -> Vec<(String, Vec<u8>)> {
    let mut samples: Vec<(String, Vec<u8>)> = (0..CHANGES)
        .map(|number| (format!("record of change {number}"), to_bytes(&record(number, &mut Dice::new(number as u64)))))
        .collect();
    let d = &mut Dice::new(99);
    let values = [
        ("bucket", to_bytes(&bucket(d))),
        ("version", to_bytes(&version(d))),
        ("part", to_bytes(&part(d))),
        ("upload", to_bytes(&upload(d))),
        ("segment", to_bytes(&segment(d))),
        ("principal", to_bytes(&principal(d))),
        ("access key", to_bytes(&access_key(d))),
        ("label key", to_bytes(&label_key(d))),
        ("site", to_bytes(&site(d))),
        ("version setting", to_bytes(&version_setting(d))),
        ("kept version", to_bytes(&kept_version(d))),
        ("tagged upload", to_bytes(&tagged_upload(d))),
        ("version that was brought", to_bytes(&brought(&mut Dice::new(100)))),
        ("cleared principal", to_bytes(&cleared(&mut Dice::new(101)))),
        ("limited access key", to_bytes(&limited_key(&mut Dice::new(102)))),
        ("group", to_bytes(&group(&mut Dice::new(103)))),
        ("release", to_bytes(&release(&mut Dice::new(104)))),
        ("known copy", to_bytes(&known_copy(&mut Dice::new(120)))),
    ];
    samples.extend(values.map(|(name, value)| (name.to_owned(), value)));
    samples.extend(Aspect::ALL.iter().map(|aspect| {
        let number = aspect.number();
        (format!("setting of aspect {number}"), to_bytes(&setting(*aspect, &mut Dice::new(number.into()))))
    }));
    samples
}

#[test]
fn the_samples_cover_every_change() {
    for number in 0..CHANGES {
        assert_eq!(ordinal(&change(number, &mut Dice::new(1))), number);
    }
}

#[test]
fn the_format_is_that_of_the_vectors() {
    let samples = samples();
    let samples: Vec<(&str, Vec<u8>)> = samples.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    check_vectors("record-1.txt", &samples);
}

/// Whatever becomes of the model: what was written once is read, and means what it meant.
#[test]
fn version_1_is_read_for_ever() {
    let kept = read_vectors("record-1.txt");
    for number in 0..CHANGES {
        let read = decode(&kept[&format!("record of change {number}")]).unwrap();
        assert_eq!(ordinal(&read.change), number);
        assert_eq!(read, record(number, &mut Dice::new(number as u64)));
    }
    assert!(from_bytes::<Version>(&kept["version"]).is_ok());
    assert!(from_bytes::<AccessKey>(&kept["access key"]).is_ok());
}

#[test]
fn a_newer_version_is_refused_as_newer() {
    let mut bytes = to_bytes(&site(&mut Dice::new(1)));
    bytes[0] = 2;
    assert_eq!(from_bytes::<Site>(&bytes), Err(FormatError::Newer { what: "site", found: 2, known: 1 }));
}

#[test]
fn one_kind_is_not_read_as_another() {
    let bytes = to_bytes(&site(&mut Dice::new(1)));
    assert!(matches!(from_bytes::<Principal>(&bytes), Err(FormatError::Damaged { what: "principal", .. })));
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let d = &mut Dice::new(3);
    let mut odd = segment(d);
    odd.cell = 65;
    assert!(from_bytes::<Segment>(&to_bytes(&odd)).is_err());
    let mut odd = segment(d);
    odd.code = Code { k: 200, m: 100 };
    assert!(from_bytes::<Segment>(&to_bytes(&odd)).is_err());
    let mut odd = part(d);
    odd.body.body_length = odd.body.offset + odd.body.length - 1;
    assert!(from_bytes::<Part>(&to_bytes(&odd)).is_err());
    let mut odd = bucket(d);
    odd.profile = Profile::Mirror(9);
    assert!(from_bytes::<Bucket>(&to_bytes(&odd)).is_err());
}

proptest! {
    #[test]
    fn every_change_survives_its_bytes(seed: u64, number in 0..CHANGES) {
        let record = record(number, &mut Dice::new(seed));
        let bytes = encode(&record);
        prop_assert_eq!(&encode(&record), &bytes);
        prop_assert_eq!(decode(&bytes), Ok(record));
    }

    #[test]
    fn every_kept_value_survives_its_bytes(seed: u64) {
        let d = &mut Dice::new(seed);
        macro_rules! survive {
            ($($value:ident),+) => {$(
                let value = $value(d);
                prop_assert_eq!(from_bytes(&to_bytes(&value)), Ok(value));
            )+};
        }
        survive!(bucket, version, part, upload, segment, principal, access_key, label_key, site);
        for aspect in Aspect::ALL {
            let value = setting(*aspect, d);
            prop_assert_eq!(from_bytes(&to_bytes(&value)), Ok(value));
        }
        survive!(version_setting, kept_version, tagged_upload, cleared, limited_key, known_copy);
    }

    #[test]
    fn cut_off_or_continued_bytes_are_refused(seed: u64, number in 0..CHANGES, cut: prop::sample::Index) {
        let bytes = encode(&record(number, &mut Dice::new(seed)));
        prop_assert!(decode(&bytes[..cut.index(bytes.len())]).is_err());
        prop_assert!(decode(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_a_panic(bytes: Vec<u8>, number in 0..CHANGES, at: prop::sample::Index, to: u8) {
        let _ = decode(&bytes);
        let mut changed = encode(&record(number, &mut Dice::new(1))).to_vec();
        let at = at.index(changed.len());
        changed[at] = to;
        let _ = decode(&changed);
    }
}
