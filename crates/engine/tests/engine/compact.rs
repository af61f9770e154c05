//! Compacting the journal: fewer segments with the same records, nothing lost on the way, whenever it is cut short,
//! and the same catalog out of them.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::world::{self, ROOT, World, body, declared, noise};
use catalog::{Catalog, SqliteCatalog};
use coding::keys::RootKey;
use engine::{
    Compaction, Complete, CompletedPart, Copy, CopyPart, Engine, Error, OpenError, Parts, ReplayStep, Settings,
    StartUpload,
};
use model::{BucketName, BucketSetting, Label, Level, ObjectKey, Precondition, Session, SiteState, Versioning, Which};
use policy::{DeleteObject, SystemPermit, WriteSettings};
use providers::Store;
use providers::fault::State;

const MIB: usize = 1 << 20;

fn system() -> SystemPermit {
    SystemPermit::for_background_work()
}

fn highest() -> Label {
    Label::highest_of(Label::LOWEST.table())
}

fn settings() -> Settings {
    Settings {
        sweep_after: Duration::from_secs(600),
        sweep_every: Duration::from_secs(60),
        // Only when a test asks for it.
        compact_every: Duration::from_secs(1 << 30),
        ..world::settings()
    }
}

/// Small objects, each in a batch of its own; some overwritten, deleted, copied, and some in uploads' small parts.
async fn filled(seed: u64) -> World {
    fill(World::with(seed, settings()).await).await
}

async fn fill(world: World) -> World {
    let engine = &world.engine;
    for n in 0..60 {
        world.put(&format!("small {n}"), &noise(n, 3000)).await.unwrap();
    }
    for n in 0..20 {
        let (from, to) = (world.permit(&format!("small {n}")).await, world.permit(&format!("copy {n}")).await);
        engine.copy(from, Which::Current, to, Copy::default()).await.unwrap();
    }
    for n in 0..30 {
        engine.delete(world.permit::<DeleteObject>(&format!("small {n}")).await, Precondition::None).await.unwrap();
    }
    for n in 30..40 {
        world.put(&format!("small {n}"), &noise(100 + n, 2000)).await.unwrap();
    }
    for n in 0..4 {
        // Their small bodies die: there are as many bytes of the dead as a segment is worth writing again for.
        world.put(&format!("dead {n}"), &noise(200 + n, MIB - 5)).await.unwrap();
        world.put(&format!("dead {n}"), b"short").await.unwrap();
    }
    upload(&world, "parts", 5 * MIB, 700).await;
    engine.start_upload(world.permit("left open").await, StartUpload::default()).await.unwrap();
    world
}

/// An upload of a large part, a small one, and one that is copied from a small object.
async fn upload(world: &World, key: &str, large: usize, small: usize) {
    let engine = &world.engine;
    let upload = engine.start_upload(world.permit(key).await, StartUpload::default()).await.unwrap();
    let mut parts = Vec::new();
    for (number, part) in [(1, noise(300, large)), (3, noise(301, small))] {
        let put = engine.put_part(world.permit(key).await, upload.id, number, declared(part.len()), body(&part));
        parts.push(CompletedPart { number, etag: put.await.unwrap().etag, checksum: None });
    }
    world.put("source", &noise(302, 5 * MIB)).await.unwrap();
    let copy = CopyPart { number: 2, range: None, ..CopyPart::default() };
    let (from, to) = (world.permit("source").await, world.permit(key).await);
    let copied = engine.copy_part(from, Which::Current, to, upload.id, copy).await.unwrap();
    parts.insert(1, CompletedPart { number: 2, etag: copied.written.etag, checksum: None });
    let complete = Complete { parts, ..Complete::default() };
    engine.complete_upload(world.permit(key).await, upload.id, complete).await.unwrap();
}

async fn all_is_there(world: &World) {
    for n in 0..30 {
        assert!(matches!(world.get(&format!("small {n}")).await, Err(Error::NoSuchKey)), "small {n}");
    }
    for n in 30..60 {
        let expected = if n < 40 { noise(100 + n, 2000) } else { noise(n, 3000) };
        assert_eq!(world.get(&format!("small {n}")).await.unwrap(), expected, "small {n}");
    }
    for n in 0..20 {
        assert_eq!(world.get(&format!("copy {n}")).await.unwrap(), noise(n, 3000), "copy {n}");
    }
    for n in 0..4 {
        assert_eq!(world.get(&format!("dead {n}")).await.unwrap(), "short");
    }
    let parts = [noise(300, 5 * MIB), noise(302, 5 * MIB), noise(301, 700)].concat();
    assert!(world.get("parts").await.unwrap() == parts);
}

/// Starts again over the same catalog and sites, and waits until the epochs of before are closed.
async fn restart(world: &mut World) {
    world.engine.drain().await;
    world.engine = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(130)).await;
    background.abort();
}

/// Lets the grace of what is unnamed pass.
async fn swept(world: &World) {
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(1500)).await;
    background.abort();
}

/// A copy of the catalog as it is; then what is in the journal is compacted, and what that took the place of is swept.
async fn compacted_since(world: &mut World) -> PathBuf {
    world.engine.drain().await;
    let old = world.scratch.path().join("old");
    world.catalog.save(old.clone()).await.unwrap();
    restart(world).await;
    assert!(world.engine.compact(&system(), &highest(), |_| ()).await.unwrap().into > 0);
    swept(world).await;
    old
}

/// The copy is put back: another start over it.
async fn start_over(world: &mut World, old: PathBuf) -> Result<Engine, OpenError> {
    world.engine.drain().await;
    world.catalog = Arc::new(SqliteCatalog::open(old, world.outside.clone()).unwrap());
    start(world).await
}

async fn start(world: &World) -> Result<Engine, OpenError> {
    world::open(&world.catalog, &world.sites, &world.outside, settings()).await
}

async fn journal_segments(world: &World) -> usize {
    let dump = world.catalog.dump().await.unwrap();
    dump.lines().filter(|line| line.starts_with("journal ")).count()
}

/// Bytes of the journal at the sites.
async fn journal_bytes(world: &World) -> u64 {
    let mut bytes = 0;
    for memory in &world.sites.memories {
        for name in memory.names().iter().filter(|name| name.contains("/j/")) {
            bytes += memory.head(name).await.unwrap();
        }
    }
    bytes
}

async fn rebuilt(world: &World) -> String {
    rebuilt_from(world).await.0
}

/// And of how many parts the snapshot was that it began with.
async fn rebuilt_from(world: &World) -> (String, usize) {
    let catalog = Arc::new(SqliteCatalog::in_memory(world.outside.clone()).unwrap());
    let parts = Parts {
        catalog: Arc::clone(&catalog) as Arc<dyn Catalog>,
        sites: world.sites.parts(),
        root: RootKey::from_bytes(ROOT),
        next_root: None,
        outside: world.outside.clone(),
        settings: settings(),
        origins: Arc::new(providers::NoOrigins),
    };
    let begun = Arc::new(AtomicUsize::default());
    let told = Arc::clone(&begun);
    let tell = move |step: ReplayStep<'_>| {
        if let ReplayStep::Snapshot(parts) = step {
            told.store(parts, Ordering::Relaxed);
        }
    };
    Engine::rebuild(parts, Some(Arc::new(tell))).await.unwrap();
    (catalog.dump().await.unwrap(), begun.load(Ordering::Relaxed))
}

fn assert_same(found: &str, expected: &str) {
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[tokio::test(start_paused = true)]
async fn few_segments_take_the_place_of_many() {
    let mut world = filled(1).await;
    let (segments, bytes) = (journal_segments(&world).await, journal_bytes(&world).await);
    assert_eq!(
        world.engine.compact(&system(), &highest(), |_| ()).await.unwrap(),
        Compaction::default(),
        "their epoch is open"
    );
    restart(&mut world).await;
    let plan = world.engine.plan_compaction(&system(), &highest()).await.unwrap();
    let done = world.engine.compact(&system(), &highest(), |_| ()).await.unwrap();
    assert_eq!(plan, done, "it does what it said");
    assert!(done.segments > 100 && done.into < 12, "{done:?}");
    assert_eq!(done.waiting, 0);
    let left = journal_segments(&world).await;
    assert_eq!(left as u64, segments as u64 - done.segments + done.into);
    all_is_there(&world).await;
    swept(&world).await;
    all_is_there(&world).await;
    assert!(journal_bytes(&world).await < bytes / 4, "{} of {bytes} bytes", journal_bytes(&world).await);
    assert_same(&rebuilt(&world).await, &world.catalog.dump().await.unwrap());
    // Again there is nothing to do, and what is written now goes on from there.
    assert_eq!(world.engine.plan_compaction(&system(), &highest()).await.unwrap(), Compaction::default());
    world.put("later", b"later").await.unwrap();
    assert_same(&rebuilt(&world).await, &world.catalog.dump().await.unwrap());
}

/// What was compacted is compacted again, with what came after it.
#[tokio::test(start_paused = true)]
async fn it_goes_on_over_the_years() {
    let mut world = filled(2).await;
    for round in 0..5 {
        for n in 0..40 {
            world.put(&format!("round {n}"), &noise(1000 * round + n, 4000)).await.unwrap();
        }
        restart(&mut world).await;
        world.engine.compact(&system(), &highest(), |_| ()).await.unwrap();
        swept(&world).await;
        all_is_there(&world).await;
        assert_same(&rebuilt(&world).await, &world.catalog.dump().await.unwrap());
    }
    assert!(journal_segments(&world).await < 60, "{}", journal_segments(&world).await);
}

/// Copies and completed uploads hold bodies whose own object is long gone.
#[tokio::test(start_paused = true)]
async fn shared_bodies_stay_for_whoever_holds_them() {
    let mut world = filled(3).await;
    restart(&mut world).await;
    world.engine.compact(&system(), &highest(), |_| ()).await.unwrap();
    for n in 0..20 {
        let (from, to) = (world.permit(&format!("copy {n}")).await, world.permit(&format!("second {n}")).await);
        world.engine.copy(from, Which::Current, to, Copy::default()).await.unwrap();
    }
    restart(&mut world).await;
    world.engine.compact(&system(), &highest(), |_| ()).await.unwrap();
    swept(&world).await;
    all_is_there(&world).await;
    for n in 0..20 {
        assert_eq!(world.get(&format!("second {n}")).await.unwrap(), noise(n, 3000));
    }
    assert_same(&rebuilt(&world).await, &world.catalog.dump().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn versions_keep_their_bodies() {
    let mut world = World::with(4, settings()).await;
    let tea = world.engine.list_buckets(policy::on_account(&world.session).unwrap()).await.unwrap().remove(0);
    let permit = policy::on_bucket::<WriteSettings>(&world.session, &tea).unwrap();
    world.engine.set_bucket_setting(permit, BucketSetting::Versioning(Versioning::Enabled)).await.unwrap();
    let mut ids = Vec::new();
    for n in 0..40 {
        ids.push(world.put("kept", &noise(n, 500)).await.unwrap().version.unwrap());
    }
    restart(&mut world).await;
    assert!(world.engine.compact(&system(), &highest(), |_| ()).await.unwrap().into > 0);
    swept(&world).await;
    for (n, id) in (0..).zip(ids) {
        let found = world.engine.find_version(world.permit("kept").await, Which::Own(id)).await.unwrap();
        assert_eq!(world::whole(found).await.unwrap(), noise(n, 500));
    }
    assert_same(&rebuilt(&world).await, &world.catalog.dump().await.unwrap());
}

/// A catalog from before finds the segments it knows gone, and what took their place.
#[tokio::test(start_paused = true)]
async fn an_older_catalog_takes_up_what_was_compacted() {
    let mut world = filled(5).await;
    world.engine.drain().await;
    let old = world.scratch.path().join("old");
    world.catalog.save(old.clone()).await.unwrap();
    restart(&mut world).await;
    world.put("between", b"between").await.unwrap();
    restart(&mut world).await;
    assert!(world.engine.compact(&system(), &highest(), |_| ()).await.unwrap().into > 0);
    swept(&world).await;
    world.engine.drain().await;
    let expected = world.catalog.dump().await.unwrap();

    world.catalog = Arc::new(SqliteCatalog::open(old, world.outside.clone()).unwrap());
    world.engine = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
    all_is_there(&world).await;
    assert_eq!(world.get("between").await.unwrap(), "between");
    let journal = |dump: &str| {
        let rows = dump.lines().filter(|line| line.starts_with("journal ") || line.starts_with("version "));
        rows.map(str::to_owned).collect::<Vec<_>>()
    };
    let found = world.catalog.dump().await.unwrap();
    for row in journal(&expected) {
        assert!(journal(&found).contains(&row), "{row}");
    }
}

/// What was compacted holds records of before and of after the catalog's last; some of before were let go after it.
/// A start over it that is cut short anywhere is completed by the next.
#[tokio::test(start_paused = true)]
async fn a_start_over_an_older_catalog_is_cut_short_anywhere() {
    let mut world = filled(8).await;
    let old = world.scratch.path().join("old");
    world.catalog.save(old.clone()).await.unwrap();
    for n in 40..50 {
        world
            .engine
            .delete(world.permit::<DeleteObject>(&format!("small {n}")).await, Precondition::None)
            .await
            .unwrap();
    }
    for n in 0..20 {
        world.put(&format!("after {n}"), &noise(400 + n, 900)).await.unwrap();
    }
    restart(&mut world).await;
    assert!(world.engine.compact(&system(), &highest(), |_| ()).await.unwrap().into > 0);
    swept(&world).await;
    world.engine.drain().await;
    world.sites.latency(Duration::from_millis(40));
    for step in 1u64.. {
        let copy = world.scratch.path().join(format!("old {step}"));
        std::fs::copy(&old, &copy).unwrap();
        world.catalog = Arc::new(SqliteCatalog::open(copy, world.outside.clone()).unwrap());
        let start = || world::open(&world.catalog, &world.sites, &world.outside, settings());
        let ran = tokio::time::timeout(Duration::from_millis(step * 55), start()).await;
        let done = ran.is_ok();
        drop(ran);
        world.engine = start().await.unwrap();
        for n in 0..20 {
            assert_eq!(world.get(&format!("copy {n}")).await.unwrap(), noise(n, 3000), "cut short in step {step}");
            assert_eq!(world.get(&format!("after {n}")).await.unwrap(), noise(400 + n, 900));
        }
        for n in 50..60 {
            assert_eq!(world.get(&format!("small {n}")).await.unwrap(), noise(n, 3000));
        }
        if done {
            assert!(step > 5, "it was cut short a few times");
            break;
        }
    }
}

/// Objects of three labels, whose streams tell of the same time in turns.
struct Three {
    sessions: Vec<Session>,
}

impl Three {
    async fn new(world: &World) -> Three {
        let mut sessions = vec![world.session.clone()];
        for n in [1, 2] {
            let label = Label::new(model::label::Parts { level: Level(64 * n), ..Label::LOWEST.parts() });
            let session = world::person_at(&world.engine, &format!("ana-{n}"), label).await;
            let permit = policy::on_account(&session).unwrap();
            let name = BucketName::parse(&format!("bucket-{n}")).unwrap();
            world.engine.create_bucket(permit, name, None, Vec::new()).await.unwrap();
            sessions.push(session);
        }
        Three { sessions }
    }

    async fn permit<A: policy::ObjectAction>(&self, world: &World, n: usize, key: &str) -> policy::Permit<A> {
        let name = if n == 0 { "tea".to_owned() } else { format!("bucket-{n}") };
        let name = BucketName::parse(&name).unwrap();
        let bucket = world.engine.resolve(&self.sessions[n], &name).await.unwrap().unwrap();
        policy::on_object(&self.sessions[n], &bucket, ObjectKey::parse(key).unwrap()).unwrap()
    }

    async fn put(&self, world: &World, keys: Range<u64>) {
        for key in keys {
            for n in 0..3 {
                let permit = self.permit(world, n, &key.to_string()).await;
                world::put(&world.engine, permit, &noise(key, 900)).await.unwrap();
            }
        }
    }

    async fn are_there(&self, world: &World, keys: Range<u64>) {
        for key in keys {
            for n in 0..3 {
                let permit = self.permit(world, n, &key.to_string()).await;
                assert_eq!(world::get(&world.engine, permit).await.unwrap(), noise(key, 900), "{key} of {n}");
            }
        }
    }
}

/// What was compacted moved since, off a site that was left. A start over an older catalog that is cut short has shown
/// where to before it turned to it: the next one finds it all the same.
#[tokio::test(start_paused = true)]
async fn a_start_is_cut_short_between_a_move_and_what_was_moved() {
    let mut world = World::under(9, settings(), [highest(); 5]).await;
    let three = Three::new(&world).await;
    three.put(&world, 0..20).await;
    let old = world.scratch.path().join("old");
    world.catalog.save(old.clone()).await.unwrap();
    restart(&mut world).await;
    assert!(world.engine.compact(&system(), &highest(), |_| ()).await.unwrap().into > 2);
    three.put(&world, 20..24).await;
    swept(&world).await;
    let oracle = ["oracle".to_owned()];
    world.engine.set_sites(&system(), &oracle, SiteState::Draining).await.unwrap();
    swept(&world).await;
    assert_eq!(world.engine.evacuations(&system(), &oracle).await.unwrap()[0].state, SiteState::Detached);
    three.put(&world, 24..28).await;
    world.engine.drain().await;

    // Of the stream that is shown last a segment is away, with more than one behind it.
    let streams = world.catalog.streams().await.unwrap();
    let last = streams.iter().filter(|stream| stream.label.is_some()).map(|stream| stream.id).max().unwrap();
    let journal = world.catalog.journal(last, 0, 1000).await.unwrap();
    let away = &journal[journal.len() - 3].segment;
    let mut taken = Vec::new();
    for memory in world.sites.memories.clone() {
        let is_of_it = |name: &String| away.pieces.iter().any(|piece| name.ends_with(&piece.name.to_string()));
        for name in memory.names().into_iter().filter(is_of_it) {
            let length = memory.head(&name).await.unwrap();
            let bytes = memory.get_range(&name, 0..length).await.unwrap();
            memory.delete(&name).await.unwrap();
            taken.push((Arc::clone(&memory), name, bytes));
        }
    }
    let stopped = start_over(&mut world, old).await.err().unwrap();
    assert!(matches!(stopped, OpenError::Gap { .. }), "{stopped}");
    assert!(!world.catalog.early_pieces().await.unwrap().is_empty(), "it has shown moves of what it does not know");
    for (memory, name, bytes) in taken {
        memory.put_new(&name, bytes).await.unwrap();
    }
    world.engine = start(&world).await.unwrap();
    three.are_there(&world, 0..28).await;
}

/// Two vendors lost all of the journal: what was compacted can just be read, and what it took the place of not at all.
#[tokio::test(start_paused = true)]
async fn an_older_catalog_takes_up_what_is_left_of_what_was_compacted() {
    let mut world = filled(10).await;
    let old = compacted_since(&mut world).await;
    world.engine.drain().await;
    for memory in &world.sites.memories[..2] {
        for name in memory.names().into_iter().filter(|name| name.contains("/j/")) {
            memory.delete(&name).await.unwrap();
        }
    }
    world.engine = start_over(&mut world, old).await.unwrap();
    all_is_there(&world).await;
}

/// Two vendors are silent that may have what took the place of segments which are gone: the start waits for them, though
/// the stream goes on.
#[tokio::test(start_paused = true)]
async fn what_was_compacted_may_be_at_silent_sites() {
    let mut world = filled(12).await;
    let old = compacted_since(&mut world).await;
    restart(&mut world).await;
    world.put("later", b"later").await.unwrap();
    world.engine.drain().await;
    let mut compacted = Vec::new();
    for stream in world.catalog.streams().await.unwrap() {
        let journal = world.catalog.journal(stream.id, 0, 1000).await.unwrap();
        let many = journal.into_iter().filter(|found| found.last - found.first >= 10);
        compacted.extend(many.flat_map(|found| found.segment.pieces).map(|piece| piece.name.to_string()));
    }
    let names = world.sites.memories[2].names();
    for name in names.iter().filter(|name| compacted.iter().any(|piece| name.ends_with(piece))) {
        world.sites.memories[2].delete(name).await.unwrap();
    }
    world.sites.set(&[0, 1], State::Gone);
    let refused = start_over(&mut world, old).await.err().unwrap();
    assert!(matches!(refused, OpenError::SilentSites { .. }), "{refused}");
    world.sites.set(&[0, 1], State::Well);
    world.engine = start(&world).await.unwrap();
    all_is_there(&world).await;
}

/// A snapshot names segments that were compacted since and are swept; and those that took their place have moved, and
/// lost all they could.
#[tokio::test(start_paused = true)]
async fn a_rebuild_from_a_snapshot_turns_to_what_was_compacted_since() {
    let mut world = fill(World::under(11, settings(), [Label::LOWEST; 5]).await).await;
    world.engine.drain().await;
    let often = Settings { snapshot_every: Duration::from_secs(1), snapshot_after: 1, ..settings() };
    world.engine = world::open(&world.catalog, &world.sites, &world.outside, often).await.unwrap();
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(5)).await;
    background.abort();
    world.engine.drain().await;
    let of_snapshots = |world: &World| -> usize {
        let names = world.sites.memories.iter().flat_map(|memory| memory.names());
        names.filter(|name| name.contains("/s/")).count()
    };
    let taken = of_snapshots(&world);
    restart(&mut world).await;
    assert!(world.engine.compact(&system(), &highest(), |_| ()).await.unwrap().into > 0);
    swept(&world).await;
    assert_same(&rebuilt(&world).await, &world.catalog.dump().await.unwrap());
    let oracle = ["oracle".to_owned()];
    world.engine.set_sites(&system(), &oracle, SiteState::Draining).await.unwrap();
    let background = world.background();
    while world.engine.evacuations(&system(), &oracle).await.unwrap()[0].state != SiteState::Detached {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    background.abort();
    world.engine.drain().await;
    assert!(world.sites.memories[3].names().iter().any(|name| name.contains("/j/")), "not swept yet");
    let expected = world.catalog.dump().await.unwrap();
    assert!(taken > 3 && of_snapshots(&world) > 1, "there is one, and it is from before");
    let (found, parts) = rebuilt_from(&world).await;
    assert_same(&found, &expected);
    assert!(parts > 0, "it began with a snapshot");

    for memory in &world.sites.memories[..2] {
        for name in memory.names().into_iter().filter(|name| name.contains("/j/")) {
            memory.delete(&name).await.unwrap();
        }
    }
    let (rows, others) = (|line: &&str| line.starts_with("version "), rebuilt(&world).await);
    let (found, known): (Vec<_>, Vec<_>) =
        (others.lines().filter(rows).collect(), expected.lines().filter(rows).collect());
    assert_eq!(found, known, "what is kept lies where it did");
}

/// A rebuild lists the journal and reads of each of its segments no more than what it takes to prove it.
#[tokio::test(start_paused = true)]
async fn a_rebuild_costs_what_is_left_of_the_journal() {
    let mut world = World::with(9, settings()).await;
    for n in 0..1000 {
        world.put(&format!("small {n}"), &noise(n, 100)).await.unwrap();
    }
    restart(&mut world).await;
    world.engine.compact(&system(), &highest(), |_| ()).await.unwrap();
    swept(&world).await;
    let segments = journal_segments(&world).await as u64;
    assert!(segments < 20, "{segments} of a thousand are left");
    let (dump, asked) = world.sites.asked_by(rebuilt(&world)).await;
    assert_same(&dump, &world.catalog.dump().await.unwrap());
    // One more for a head that is longer than what a first look brings, and one where the control key is in front.
    let k = 2;
    assert_eq!(asked.lists, 8, "a thousand names are one page, and no snapshot another");
    assert!(asked.gets <= (k + 2) * segments, "{asked:?} for {segments} segments");
}

/// Cut short after ever longer and begun again over the same catalog and sites.
#[tokio::test(start_paused = true)]
async fn killed_at_any_moment_nothing_is_lost() {
    let mut world = filled(6).await;
    restart(&mut world).await;
    world.sites.latency(Duration::from_millis(40));
    for step in 1u64.. {
        let ran = tokio::time::timeout(
            Duration::from_millis(step * 170),
            world.engine.compact(&system(), &highest(), |_| ()),
        )
        .await;
        // What was being uploaded lands, or does not: the process is gone either way.
        world.engine = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
        all_is_there(&world).await;
        if ran.is_ok() {
            assert!(step > 3, "it was cut short a few times");
            break;
        }
    }
    swept(&world).await;
    all_is_there(&world).await;
    assert_eq!(world.below_promise().await, 0);
    let (again, expected) = (rebuilt(&world).await, world.catalog.dump().await.unwrap());
    let versions = |dump: &str| dump.lines().filter(|line| line.starts_with("version ")).count();
    assert_eq!(versions(&again), versions(&expected));
}

#[tokio::test(start_paused = true)]
async fn with_a_vendor_out_it_goes_on_and_with_three_it_waits() {
    let mut world = filled(7).await;
    restart(&mut world).await;
    let background = world.background();
    world.sites.set(&[0, 1, 2], State::Gone);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let done = world.engine.compact(&system(), &highest(), |_| ()).await.unwrap();
    assert!(done.into == 0 && done.waiting > 0, "{done:?}");
    world.sites.set(&[0, 1], State::Well);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let done = world.engine.compact(&system(), &highest(), |_| ()).await.unwrap();
    assert!(done.into > 0, "{done:?}");
    all_is_there(&world).await;
    world.sites.set(&[2], State::Well);
    tokio::time::sleep(Duration::from_secs(30)).await;
    world.caught_up().await;
    background.abort();
    world.sites.set(&[0, 1], State::Gone);
    all_is_there(&world).await;
}
