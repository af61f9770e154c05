//! What lies at the sites is what the live data needs and little more, once the sweeps had their time: after
//! overwrites, deletions, aborts and copies in a seeded order, over small and large bodies, uploads and versions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::world::{self, World, body, declared, noise, settings};
use catalog::Catalog;
use engine::{Complete, CompletedPart, Copy, CopyPart, Settings, StartUpload};
use model::{BucketName, BucketSetting, Precondition, Profile, UploadId, VersionId, Versioning, Which};
use policy::{AbortUpload, DeleteObject, DeleteVersion, PutObject, WriteSettings};
use providers::Store;
use tokio::task::JoinHandle;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const HOUR: Duration = Duration::from_secs(3600);
/// Larger bodies lie in data segments, the others in the journal.
const INLINE_MAX: u64 = MIB;
const STEPS: usize = 120;
/// What data segments may have beyond their code's n/k of what lives in them, in hundredths: a body's last
/// stripe is filled up, and every cell has its digest.
const DATA_ALLOWANCE: u64 = 105;
/// The same of the journal, over records and the bodies that ride with them: a body alone in its batch lies in one
/// stripe, whose parity is as large as itself, and segments are written again when half of what lies there is dead.
const JOURNAL_ALLOWANCE: u64 = 210;

/// A body that was stored, by its place among all of them.
type Body = usize;

/// A version or a part, and the bodies it takes from.
#[derive(Clone)]
struct Held {
    bodies: Vec<Body>,
    size: u64,
}

struct Open {
    key: String,
    id: UploadId,
    parts: BTreeMap<u16, (Held, CompletedPart)>,
}

/// A world with a record of its own of everything that lives in it.
struct Corpus {
    world: World,
    drawn: blake3::OutputReader,
    /// Bytes of each body that was ever stored.
    bodies: Vec<u64>,
    objects: BTreeMap<String, Held>,
    /// Of versions that others came after, or a marker.
    older: Vec<(String, Which, Held)>,
    /// The version that each object is. Those from before versions were kept are their key's null version.
    newest: BTreeMap<String, VersionId>,
    versioning: Versioning,
    uploads: Vec<Open>,
}

impl Corpus {
    async fn new(seed: u64) -> Corpus {
        let world = World::with(seed, keeping()).await;
        Corpus {
            world,
            drawn: blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof(),
            bodies: Vec::new(),
            objects: BTreeMap::new(),
            older: Vec::new(),
            newest: BTreeMap::new(),
            versioning: Versioning::Off,
            uploads: Vec::new(),
        }
    }

    /// Bytes of bodies of which anything lives, those that `which` is true of: of every body from which an
    /// object, an older version or a part of an open upload takes even one byte, all bytes, once. A copy
    /// takes from the bodies of its source and stores none; a slice keeps the whole it is cut from.
    fn live_bytes(&self, which: impl Fn(u64) -> bool) -> u64 {
        let parts = self.uploads.iter().flat_map(|upload| upload.parts.values().map(|(held, _)| held));
        let older = self.older.iter().map(|(_, _, held)| held);
        let held = self.objects.values().chain(older).chain(parts);
        let live: BTreeSet<Body> = held.flat_map(|held| &held.bodies).copied().collect();
        live.into_iter().map(|body| self.bodies[body]).filter(|bytes| which(*bytes)).sum()
    }

    fn live_large_bytes(&self) -> u64 {
        self.live_bytes(|bytes| bytes > INLINE_MAX)
    }

    /// Every record there ever was, which the journal keeps for good, and the bodies that live in it.
    async fn live_journal_bytes(&self) -> u64 {
        let mut records = 0;
        for stream in self.world.catalog.streams().await.unwrap() {
            let found = self.world.catalog.journal(stream.id, 0, usize::MAX).await.unwrap();
            records += found.iter().map(|segment| segment.records.unwrap()).sum::<u64>();
        }
        records + self.live_bytes(|bytes| bytes <= INLINE_MAX)
    }

    /// Bytes of all pieces of one kind at all sites, `d` for data segments and `j` for the journal's.
    async fn bytes_at_sites(&self, kind: char) -> u64 {
        let (mut sum, kind) = (0, format!("/{kind}/"));
        for memory in &self.world.sites.memories {
            for name in memory.names().into_iter().filter(|name| name.contains(&kind)) {
                sum += memory.head(&name).await.unwrap();
            }
        }
        sum
    }

    fn draw(&mut self, below: u64) -> u64 {
        let mut bytes = [0; 8];
        self.drawn.fill(&mut bytes);
        u64::from_be_bytes(bytes) % below
    }

    fn a_key(&mut self) -> String {
        format!("key-{}", self.draw(12))
    }

    fn a_size(&mut self) -> u64 {
        match self.draw(4) {
            0 => self.draw(64 * KIB),
            1 => self.draw(MIB) + 1,
            _ => MIB + 1 + self.draw(6 * MIB),
        }
    }

    fn an_object(&mut self) -> Option<(String, Held)> {
        let nth = self.draw(u64::MAX) as usize % self.objects.len().max(1);
        self.objects.iter().nth(nth).map(|(key, held)| (key.clone(), held.clone()))
    }

    fn a_body(&mut self, bytes: u64) -> (Held, Vec<u8>) {
        self.bodies.push(bytes);
        let number = self.bodies.len() - 1;
        (Held { bodies: vec![number], size: bytes }, noise(number as u64, bytes as usize))
    }

    /// The key's object is now this one; the one before lives on where versions are kept.
    fn becomes(&mut self, key: &str, held: Option<Held>, version: Option<VersionId>) {
        let before = self.objects.remove(key);
        let which = self.newest.remove(key).map_or(Which::Null, Which::Own);
        if let Some(before) = before.filter(|_| self.versioning == Versioning::Enabled) {
            self.older.push((key.to_owned(), which, before));
        }
        if let Some(held) = held {
            self.objects.insert(key.to_owned(), held);
            self.newest.extend(version.map(|id| (key.to_owned(), id)));
        }
    }

    async fn put(&mut self) {
        let (key, size) = (self.a_key(), self.a_size());
        let (held, bytes) = self.a_body(size);
        let written = self.world.put(&key, &bytes).await.unwrap();
        self.becomes(&key, Some(held), written.version);
    }

    async fn delete(&mut self) {
        let key = self.a_key();
        self.world.engine.delete(self.world.permit::<DeleteObject>(&key).await, Precondition::None).await.unwrap();
        self.becomes(&key, None, None);
    }

    async fn copy(&mut self) {
        let (Some((from, held)), to) = (self.an_object(), self.a_key()) else { return };
        if from != to {
            let (source, target) = (self.world.permit(&from).await, self.world.permit(&to).await);
            let copied = self.world.engine.copy(source, Which::Current, target, Copy::default()).await.unwrap();
            self.becomes(&to, Some(held), copied.written.version);
        }
    }

    /// Refused, or given up by the client: it leaves pieces and no record.
    async fn fail(&mut self) {
        let Some((key, _)) = self.an_object() else { return };
        let bytes = noise(self.draw(1000), 2 * MIB as usize);
        let permit = self.world.permit::<PutObject>(&key).await;
        if self.draw(2) == 0 {
            world::put_if(&self.world.engine, permit, Precondition::Absent, &bytes).await.unwrap_err();
        } else {
            self.world.sites.latency(Duration::from_millis(100));
            let put = world::put(&self.world.engine, permit, &bytes);
            assert!(tokio::time::timeout(Duration::from_millis(50), put).await.is_err());
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.world.sites.latency(Duration::ZERO);
        }
    }

    async fn start(&mut self) {
        let key = self.a_key();
        let id =
            self.world.engine.start_upload(self.world.permit(&key).await, StartUpload::default()).await.unwrap().id;
        self.uploads.push(Open { key, id, parts: BTreeMap::new() });
    }

    /// A part that is sent, or copied from a slice of an object.
    async fn part(&mut self) {
        let Some(open) = self.uploads.last() else { return };
        let (key, id, number) = (open.key.clone(), open.id, 1 + self.draw(3) as u16);
        let engine = self.world.engine.clone();
        let to = self.world.permit::<PutObject>(&key).await;
        let source = self.an_object().filter(|(_, held)| held.size > 10 && held.bodies.len() == 1);
        let (held, written) = match source.filter(|_| self.draw(2) == 0) {
            Some((from, held)) => {
                let part = CopyPart { number, range: Some(3..held.size - 2), ..CopyPart::default() };
                let from = self.world.permit(&from).await;
                let copied = engine.copy_part(from, Which::Current, to, id, part).await.unwrap();
                (Held { size: held.size - 5, ..held }, copied.written)
            }
            None => {
                let size = MIB + 1 + self.draw(5 * MIB);
                let (held, bytes) = self.a_body(size);
                let put = engine.put_part(to, id, number, declared(bytes.len()), body(&bytes)).await.unwrap();
                (held, put)
            }
        };
        let completed = CompletedPart { number, etag: written.etag, checksum: None };
        self.uploads.last_mut().unwrap().parts.insert(number, (held, completed));
    }

    async fn end(&mut self) {
        let Some(open) = self.uploads.pop() else { return };
        let (first, last) = (open.parts.values().next(), open.parts.values().next_back());
        let whole = first.is_some() && open.parts.values().rev().skip(1).all(|(held, _)| held.size >= 5 * MIB);
        let permit = self.world.permit::<AbortUpload>(&open.key).await;
        if !whole || last.is_none() || self.draw(3) == 0 {
            self.world.engine.abort_upload(permit, open.id).await.unwrap();
            return;
        }
        let parts = open.parts.values().map(|(_, completed)| completed.clone()).collect();
        let complete = Complete { parts, ..Complete::default() };
        let permit = self.world.permit::<PutObject>(&open.key).await;
        let written = self.world.engine.complete_upload(permit, open.id, complete).await.unwrap();
        let bodies = open.parts.values().flat_map(|(held, _)| held.bodies.clone()).collect();
        let size = open.parts.values().map(|(held, _)| held.size).sum();
        self.becomes(&open.key, Some(Held { bodies, size }), written.version);
    }

    async fn remove_version(&mut self) {
        if self.older.is_empty() {
            return;
        }
        let nth = self.draw(u64::MAX) as usize % self.older.len();
        let (key, which, _) = self.older.swap_remove(nth);
        let permit = self.world.permit::<DeleteVersion>(&key).await;
        self.world.engine.delete_version(permit, which, Precondition::None, None).await.unwrap();
    }

    async fn keep_versions(&mut self) {
        self.versioning = Versioning::Enabled;
        let name = BucketName::parse("tea").unwrap();
        let bucket = self.world.engine.resolve(&self.world.session, &name).await.unwrap().unwrap();
        let permit = policy::on_bucket::<WriteSettings>(&self.world.session, &bucket).unwrap();
        let setting = BucketSetting::Versioning(self.versioning);
        self.world.engine.set_bucket_setting(permit, setting).await.unwrap();
    }

    async fn step(&mut self) {
        match self.draw(16) {
            0..=4 => self.put().await,
            5 | 6 => self.delete().await,
            7 | 8 => self.copy().await,
            9 => self.fail().await,
            10 => self.start().await,
            11 | 12 => self.part().await,
            13 => self.end().await,
            _ => self.remove_version().await,
        }
    }

    /// Removes everything there is.
    async fn clear(&mut self) {
        while let Some(open) = self.uploads.pop() {
            let permit = self.world.permit::<AbortUpload>(&open.key).await;
            self.world.engine.abort_upload(permit, open.id).await.unwrap();
        }
        for key in self.objects.keys().cloned().collect::<Vec<_>>() {
            self.becomes(&key, None, None);
        }
        while !self.older.is_empty() {
            self.remove_version().await;
        }
    }

    /// Another process: every epoch so far is closed. Then the journal is compacted, and a grace passes.
    async fn sweeps(&mut self, background: JoinHandle<()>) -> JoinHandle<()> {
        background.abort();
        let World { catalog, sites, outside, .. } = &self.world;
        self.world.engine = world::open(catalog, sites, outside, keeping()).await.unwrap();
        let background = self.world.background();
        tokio::time::sleep(6 * HOUR).await;
        background
    }

    /// The bytes at the sites are within their bounds, and every object reads back in its length.
    async fn check(&self, when: &str) {
        let code = Profile::Quad.code();
        let live = [self.live_large_bytes(), self.live_journal_bytes().await];
        for ((kind, live), allowance) in ['d', 'j'].into_iter().zip(live).zip([DATA_ALLOWANCE, JOURNAL_ALLOWANCE]) {
            let (needed, stored) = (live * u64::from(code.n()) / u64::from(code.k), self.bytes_at_sites(kind).await);
            println!("{when}: {kind}: {stored} bytes for {needed}: {:.4}", stored as f64 / needed as f64);
            assert!(stored >= needed, "{when}: {kind}: something that lives is not there");
            assert!(stored * 100 <= needed * allowance, "{when}: {kind}: {stored} bytes for {needed}");
        }
        for (key, held) in &self.objects {
            assert_eq!(self.world.get(key).await.unwrap().len() as u64, held.size, "{when}: {key}");
        }
    }
}

/// A grace of hours, with probes seldom enough that time passes quickly.
fn keeping() -> Settings {
    let (sweep_after, sweep_every) = (3 * HOUR, HOUR / 2);
    Settings { sweep_after, sweep_every, compact_every: HOUR / 2, probe_every: HOUR / 6, ..settings() }
}

#[tokio::test(start_paused = true)]
async fn the_sites_hold_little_more_than_what_lives() {
    let seed = std::env::var("ENTENTE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("seed {seed}");
    let mut corpus = Corpus::new(seed).await;
    let mut background = corpus.world.background();
    for step in 0..STEPS {
        if step == STEPS / 2 {
            background = corpus.sweeps(background).await;
            corpus.check("without versions").await;
            corpus.keep_versions().await;
        }
        corpus.step().await;
        tokio::time::sleep(HOUR / 4).await;
    }
    let ever: u64 = corpus.bodies.iter().filter(|bytes| **bytes > INLINE_MAX).sum();
    assert!(2 * ever > 3 * corpus.live_large_bytes(), "too little was removed to show anything");
    assert!(!corpus.older.is_empty() && !corpus.uploads.is_empty(), "versions and uploads are left to live");
    background = corpus.sweeps(background).await;
    corpus.check("with versions").await;
    corpus.clear().await;
    background = corpus.sweeps(background).await;
    assert_eq!(corpus.bytes_at_sites('d').await, 0, "nothing lives, and something lies there");
    background.abort();
}
