//! A small enclave on directories, written with nothing but this crate: what the engine would do,
//! without its care.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use coding::journal::{self, Item};
use coding::keys::{LabelSecret, RootKey, WrapContext};
use coding::{BodyKey, Encoded, Encoder, Identity, chunk, limits, record};
use model::outside::{Blocking, Clock, Entropy};
use model::{
    BodyId, BodySlice, Bucket, BucketId, BucketName, Change, Code, ETag, EnclaveId, Epoch, Extent, Label, LabelKey,
    Metadata, Number, ObjectKey, Outside, Part, PieceName, PrincipalId, Profile, Record, Segment, SegmentId,
    SegmentKind, StreamId, Timestamp, UploadId, Version, VersionId, Wrap,
};

struct Fixed(Mutex<blake3::OutputReader>);

impl Entropy for Fixed {
    fn fill(&self, out: &mut [u8]) {
        self.0.lock().unwrap().fill(out);
    }
}

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
    fn monotonic_ms(&self) -> u64 {
        0
    }
}

impl Blocking for Fixed {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }
}

/// A world whose randomness is the same in every run.
pub fn outside(seed: u8) -> Outside {
    let fixed = Arc::new(Fixed(Mutex::new(blake3::Hasher::new().update(&[seed]).finalize_xof())));
    Outside { clock: fixed.clone(), entropy: fixed.clone(), blocking: fixed }
}

/// Bytes that look like nothing.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// An empty directory of this test's own; the next run finds and clears it.
pub fn folder(name: &str) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let unique = format!("{test}-{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(unique);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

struct Stream {
    id: StreamId,
    secret: LabelSecret,
    control: Option<LabelKey>,
    end: (u64, [u8; 32]),
}

/// A body on its way: its key, and where it lies or the bytes that ride.
pub struct Stored {
    pub slice: BodySlice,
    pub key: BodyKey,
    segments: Vec<Segment>,
    ride: Option<Bytes>,
}

pub struct World {
    pub root: RootKey,
    pub folder: PathBuf,
    pub sites: Vec<PathBuf>,
    pub label: Label,
    pub epoch: Epoch,
    outside: Outside,
    enclave: EnclaveId,
    code: Code,
    /// Every batch is placed anew under this code before it stands.
    anew: Option<Code>,
    number: u64,
    control: Stream,
    data: Stream,
    /// What should come back: `<bucket>/<path>` with content.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl World {
    /// An enclave with one label, whose keys are in the control stream.
    pub fn new(name: &str, code: Code) -> World {
        World::placed_anew(name, code, None)
    }

    /// One in which sites fail while batches are on their way.
    pub fn placed_anew(name: &str, code: Code, anew: Option<Code>) -> World {
        let outside = outside(code.k * 16 + code.m);
        let folder = folder(name);
        let sites: Vec<PathBuf> = (0..code.n()).map(|site| folder.join(format!("site{site}"))).collect();
        sites.iter().for_each(|site| fs::create_dir_all(site).unwrap());
        let root = RootKey::generate(&outside);
        let stream = |control: bool| {
            let secret = LabelSecret::random(&outside);
            let wrapped = control.then(|| root.wrap_label(&secret, None, 1, &outside));
            Stream { id: StreamId::random(&outside), secret, control: wrapped, end: (0, [0; 32]) }
        };
        let (control, data) = (stream(true), stream(false));
        let mut world = World {
            root,
            folder,
            sites,
            label: Label::LOWEST,
            epoch: Epoch(1),
            enclave: EnclaveId::random(&outside),
            outside,
            code,
            anew,
            number: 0,
            control,
            data,
            files: BTreeMap::new(),
        };
        let key = world.root.wrap_label(&world.data.secret, Some(&world.label), 1, &world.outside);
        let opened = Change::StreamOpened { stream: world.data.id, label: world.label, vendors: Vec::new() };
        world.ship_control(vec![Change::LabelKeyCreated(key), opened]);
        world
    }

    pub fn bucket(&mut self, name: &str) -> BucketId {
        let id = BucketId::random(&self.outside);
        let bucket = Bucket {
            id,
            name: BucketName::parse(name).unwrap(),
            label: self.label,
            profile: Profile::Quad,
            owner: PrincipalId([0; 16]),
            created: Timestamp(0),
        };
        self.ship(vec![(Change::BucketCreated(bucket, Vec::new()), None)]);
        id
    }

    /// Puts an object, riding if it is small, and expects it back at `path`.
    pub fn put(&mut self, bucket: BucketId, key: &str, content: Vec<u8>, path: &str) -> SegmentId {
        let stored = self.store(&content);
        let slices = vec![(stored.slice.clone(), stored.key.clone())];
        let version = self.version(bucket, key, slices);
        let change = Change::ObjectPut { bucket, version, segments: stored.segments.clone() };
        let journal = self.ship(vec![(change, stored.ride)]);
        self.files.insert(path.to_owned(), content);
        stored.segments.first().map_or(journal, |segment| segment.id)
    }

    /// Puts a version beside those there are.
    pub fn put_kept(&mut self, bucket: BucketId, key: &str, content: &[u8]) -> VersionId {
        let stored = self.store(content);
        let mut version = self.version(bucket, key, vec![(stored.slice.clone(), stored.key.clone())]);
        version.slot = model::Slot::Own;
        let id = version.id;
        self.ship(vec![(Change::ObjectPut { bucket, version, segments: stored.segments }, stored.ride)]);
        id
    }

    pub fn put_marker(&mut self, bucket: BucketId, key: &str) -> VersionId {
        let id = VersionId::random(&self.outside);
        let key = ObjectKey::parse(key).unwrap();
        let marker = model::Marker { id, key, slot: model::Slot::Own, modified: Timestamp(0) };
        self.ship(vec![(Change::MarkerPut { bucket, marker }, None)]);
        id
    }

    pub fn delete(&mut self, bucket: BucketId, key: &str, path: &str) {
        self.ship(vec![(Change::ObjectDeleted { bucket, key: ObjectKey::parse(key).unwrap() }, None)]);
        self.files.remove(path);
    }

    /// One part of an upload, in the journal.
    pub fn put_part(
        &mut self,
        bucket: BucketId,
        upload: UploadId,
        number: u16,
        content: &[u8],
    ) -> (BodySlice, BodyKey) {
        let Stored { slice, key, segments, ride } = self.store(content);
        let context = WrapContext::Part { label: &self.label, bucket, upload, number, body: &slice };
        let wrap = self.data.secret.wrap_bodies(&context, std::slice::from_ref(&key), &self.outside);
        let part = Part {
            number,
            size: slice.length,
            etag: ETag(String::new()),
            modified: Timestamp(0),
            checksums: Vec::new(),
            body: slice.clone(),
            wrap,
        };
        self.ship(vec![(Change::PartPut { bucket, upload, part, segments }, ride)]);
        (slice, key)
    }

    pub fn complete(&mut self, bucket: BucketId, upload: UploadId, key: &str, bodies: Vec<(BodySlice, BodyKey)>) {
        let version = self.version(bucket, key, bodies);
        self.ship(vec![(Change::UploadCompleted { bucket, upload, version }, None)]);
    }

    /// A version of slices of bodies that are stored already: what a copy is.
    pub fn put_slices(&mut self, bucket: BucketId, key: &str, bodies: Vec<(BodySlice, BodyKey)>) {
        let version = self.version(bucket, key, bodies);
        self.ship(vec![(Change::ObjectPut { bucket, version, segments: Vec::new() }, None)]);
    }

    fn version(&mut self, bucket: BucketId, key: &str, bodies: Vec<(BodySlice, BodyKey)>) -> Version {
        let (bodies, keys): (Vec<BodySlice>, Vec<BodyKey>) = bodies.into_iter().unzip();
        let mut version = Version {
            id: VersionId::random(&self.outside),
            key: ObjectKey::parse(key).unwrap(),
            size: bodies.iter().map(|slice| slice.length).sum(),
            etag: ETag(String::new()),
            modified: Timestamp(0),
            metadata: Metadata::default(),
            checksums: Vec::new(),
            parts: Vec::new(),
            bodies,
            wrap: Wrap { under: self.data.secret.tag(), salt: [0; 32], sealed: Vec::new() },
            slot: model::Slot::Null,
            tags: model::Tags::default(),
            lock: model::Lock::default(),
            brought: None,
        };
        let Version { id, key, bodies, .. } = &version;
        let context = WrapContext::Version { label: &self.label, bucket, key, version: *id, bodies };
        version.wrap = self.data.secret.wrap_bodies(&context, &keys, &self.outside);
        version
    }

    /// Seals a body; small ones ride, large ones go to segments of a few chunks.
    pub fn store(&mut self, content: &[u8]) -> Stored {
        let (body, key) = (BodyId::random(&self.outside), BodyKey::random(&self.outside));
        let length = content.len() as u64;
        let sealed = chunk::seal_body(&key, body, content);
        let mut slice = BodySlice { body, body_length: length, offset: 0, length, extents: Vec::new() };
        if length <= limits::INLINE_MAX {
            return Stored { slice, key, segments: Vec::new(), ride: Some(sealed.into()) };
        }
        let mut segments = Vec::new();
        for run in sealed.chunks(7 * chunk::SEALED) {
            let encoded = encode(self.code, limits::CELL, run, self.identity(SegmentKind::Data));
            segments.push(self.place(&encoded));
            slice.extents.push(Extent { segment: encoded.identity.segment, offset: 0, length: run.len() as u64 });
        }
        Stored { slice, key, segments, ride: None }
    }

    fn identity(&self, kind: SegmentKind) -> Identity {
        Identity {
            enclave: self.enclave,
            stream: self.data.id,
            segment: SegmentId::random(&self.outside),
            kind,
            key: self.data.secret.tag(),
            epoch: self.epoch,
        }
    }

    fn under_another_id(&self, identity: Identity) -> Identity {
        Identity { segment: SegmentId::random(&self.outside), ..identity }
    }

    /// One batch of the control stream.
    pub fn ship_control(&mut self, changes: Vec<Change>) -> SegmentId {
        let changes = changes.into_iter().map(|change| (change, None)).collect();
        self.seal(true, changes)
    }

    /// One batch of the data stream.
    pub fn ship(&mut self, changes: Vec<(Change, Option<Bytes>)>) -> SegmentId {
        self.seal(false, changes)
    }

    fn seal(&mut self, control: bool, changes: Vec<(Change, Option<Bytes>)>) -> SegmentId {
        let identity = self.identity(SegmentKind::Journal);
        let stream = if control { &mut self.control } else { &mut self.data };
        let mut items = Vec::new();
        for (change, body) in changes {
            self.number += 1;
            let (sequence, previous) = (stream.end.0 + 1, stream.end.1);
            let number = Number(self.number);
            let record = Record { number, stream: stream.id, sequence, previous, decided: Timestamp(0), change };
            let encoded = record::encode(&record);
            stream.end = (sequence, record::hash(&encoded));
            items.push(Item { encoded, body });
        }
        let identity = Identity { stream: stream.id, key: stream.secret.tag(), ..identity };
        let sealed = journal::seal(self.code, identity, &stream.secret, stream.control.as_ref(), &items, &self.outside);
        let encoded = match self.anew {
            Some(code) => sealed.encoded.recode(code, self.under_another_id(identity)),
            None => sealed.encoded,
        };
        self.place(&encoded);
        encoded.identity.segment
    }

    /// Stores the pieces, one at each site.
    fn place(&self, encoded: &Encoded) -> Segment {
        let identity = encoded.identity;
        for (site, piece) in self.sites.iter().zip(&encoded.pieces) {
            let random = self.outside.random();
            let name = PieceName { kind: identity.kind, epoch: identity.epoch, random };
            let path = site.join(format!("{}/{name}", self.enclave));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, piece).unwrap();
        }
        Segment {
            id: identity.segment,
            kind: identity.kind,
            stream: identity.stream,
            code: encoded.layout.code,
            cell: encoded.layout.cell,
            length: encoded.layout.length,
            key: identity.key,
            epoch: identity.epoch,
            promise: encoded.layout.code.m,
            pieces: Vec::new(),
        }
    }
}

/// A payload in pieces.
pub fn encode(code: Code, cell: u32, payload: &[u8], identity: Identity) -> Encoded {
    let mut encoder = Encoder::new(code, cell, payload.len().div_ceil(cell as usize * usize::from(code.k)));
    for run in payload.chunks(cell as usize) {
        encoder.next_cell()[..run.len()].copy_from_slice(run);
        encoder.commit_cell(run.len());
    }
    encoder.finish(identity)
}

/// Every file below a folder, by its path from there.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}
