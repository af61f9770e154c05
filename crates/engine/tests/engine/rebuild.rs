//! Rebuild: out of the sites and the root key alone comes the catalog there was, byte for byte, of every kind
//! of record, with vendors missing, with what interrupted writes left, and after a label was shredded.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::world::{self, ROOT, Requests, World, body, declared, meant, noise, person_at, settings};
use catalog::{Catalog, Clearing, SqliteCatalog};
use coding::keys::RootKey;
use engine::{
    Complete, CompletedPart, Copy, CopyPart, Destination, Engine, OpenError, Parts, PrincipalUpdate, Rebuilt,
    ReplayStep, StartUpload, Tell,
};
use futures::FutureExt;
use model::label::Parts as LabelParts;
use model::{
    Bucket, BucketName, BucketSetting, Change, CopyKind, KnownCopy, Label, Level, ObjectKey, Precondition, Role,
    Session, SiteState, Tags, Timestamp, Versioning, Which,
};
use policy::{
    AbortUpload, DeleteBucket, DeleteObject, DeleteVersion, ObjectAction, Permit, SystemPermit, WriteSettings,
    WriteTags,
};
use providers::fault::{Order, State};
use providers::{Entry, Store};

pub const NEW: [u8; 32] = [8; 32];
const MIB: usize = 1 << 20;

/// Names every kind of change; with a new one this does not compile, and with its name it asks for a history
/// that has it.
macro_rules! kinds {
    ($($kind:ident),+ $(,)?) => {
        const KINDS: &[&str] = &[$(stringify!($kind)),+];

        fn kind(change: &Change) -> &'static str {
            match change {
                $(Change::$kind { .. } => stringify!($kind)),+
            }
        }
    };
}

kinds! {
    BucketCreated, BucketDeleted, ObjectPut, ObjectDeleted, OriginHidden, UploadStarted, PartPut, UploadCompleted,
    UploadAborted, PiecesAdded, PrincipalCreated, KeyIssued, KeyRevoked, KeyExpires, PrincipalSet, GroupSet,
    GroupDeleted, ReleaseSet, LabelKeyCreated, StreamOpened, SiteClaimed, MarkerPut, VersionDeleted, VersionSet,
    ObjectCopied, PartCopied, BucketSet, LabelShredded, CopyMade, SegmentPlaced, SiteSet,
}

pub fn system() -> SystemPermit {
    SystemPermit::for_background_work()
}

fn secret() -> Label {
    Label::new(LabelParts { level: Level(64), ..Label::LOWEST.parts() })
}

fn name(text: &str) -> BucketName {
    BucketName::parse(text).unwrap()
}

fn on<A: ObjectAction>(session: &Session, bucket: &Bucket, key: &str) -> Permit<A> {
    policy::on_object(session, bucket, ObjectKey::parse(key).unwrap()).unwrap()
}

pub type Kinds = Arc<Mutex<BTreeSet<&'static str>>>;

pub async fn rebuild(world: &World, root: [u8; 32], kinds: &Kinds) -> Result<(Arc<SqliteCatalog>, Rebuilt), OpenError> {
    let catalog = Arc::new(SqliteCatalog::in_memory(world.outside.clone()).unwrap());
    let kinds = Arc::clone(kinds);
    let tell: Tell = Arc::new(move |step| {
        if let ReplayStep::Shown(change) = step {
            kinds.lock().unwrap().insert(kind(change));
        }
    });
    let rebuilt = Engine::rebuild(parts(world, &catalog, root), Some(tell)).await?;
    Ok((catalog, rebuilt))
}

pub fn parts(world: &World, catalog: &Arc<SqliteCatalog>, root: [u8; 32]) -> Parts {
    Parts {
        catalog: Arc::clone(catalog) as Arc<dyn Catalog>,
        sites: world.sites.parts(),
        root: RootKey::from_bytes(root),
        next_root: None,
        outside: world.outside.clone(),
        settings: settings(),
        origins: Arc::new(providers::NoOrigins),
    }
}

/// The rebuilt catalog, which is the one there was.
pub async fn check(world: &World, root: [u8; 32], kinds: &Kinds) -> Arc<SqliteCatalog> {
    // What arrives late is noted behind the answer.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.catalog.totals().await.unwrap().unshown, 0);
    let (catalog, rebuilt) = rebuild(world, root, kinds).await.unwrap();
    assert!(rebuilt.silent.is_empty());
    assert_same(&catalog.dump().await.unwrap(), &world.catalog.dump().await.unwrap());
    catalog
}

/// Line by line, so that a failure names the row.
pub fn assert_same(found: &str, expected: &str) {
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found, expected);
}

/// What lies at a missing vendor of the journal is in no record: all but those pieces is compared.
fn without_journal_pieces(dump: &str) -> String {
    let derived = |line: &&str| !(line.starts_with("piece ") && line.contains(" 6a"));
    dump.lines().filter(derived).collect::<Vec<_>>().join("\n")
}

async fn bucket(world: &World, session: &Session, text: &str) -> Bucket {
    let permit = policy::on_account(session).unwrap();
    world.engine.create_bucket(permit, name(text), None, Vec::new()).await.unwrap()
}

async fn uploads(world: &World) {
    let engine = &world.engine;
    let start = async || engine.start_upload(world.permit("parts").await, StartUpload::default()).await.unwrap();
    let upload = start().await;
    let part = noise(4, 5 * MIB);
    let put = engine.put_part(world.permit("parts").await, upload.id, 1, declared(part.len()), body(&part));
    let first = CompletedPart { number: 1, etag: put.await.unwrap().etag, checksum: None };
    let copy = CopyPart { number: 2, range: Some(0..700), ..CopyPart::default() };
    let (from, to) = (world.permit("large").await, world.permit("parts").await);
    let copied = engine.copy_part(from, Which::Current, to, upload.id, copy).await.unwrap();
    let second = CompletedPart { number: 2, etag: copied.written.etag, checksum: None };
    let complete = Complete { parts: vec![first, second], ..Complete::default() };
    engine.complete_upload(world.permit("parts").await, upload.id, complete).await.unwrap();
    let aborted = start().await;
    let put = engine.put_part(world.permit("parts").await, aborted.id, 1, declared(3), body(b"old"));
    put.await.unwrap();
    engine.abort_upload(world.permit::<AbortUpload>("parts").await, aborted.id).await.unwrap();
    let in_flight = start().await;
    let put = engine.put_part(world.permit("parts").await, in_flight.id, 7, declared(5), body(b"small"));
    put.await.unwrap();
}

async fn versions(world: &World) {
    let (engine, session) = (&world.engine, &world.session);
    let kept = bucket(world, session, "kept").await;
    let permit = policy::on_bucket::<WriteSettings>(session, &kept).unwrap();
    engine.set_bucket_setting(permit, BucketSetting::Versioning(Versioning::Enabled)).await.unwrap();
    let first = world::put(engine, on(session, &kept, "a"), b"first").await.unwrap().version.unwrap();
    world::put(engine, on(session, &kept, "a"), &noise(5, 2 * MIB)).await.unwrap();
    let tags = Tags([("t".to_owned(), "1".to_owned())].into());
    engine.set_tags(on::<WriteTags>(session, &kept, "a"), Which::Current, tags).await.unwrap();
    engine
        .delete_version(on::<DeleteVersion>(session, &kept, "a"), Which::Own(first), Precondition::None, None)
        .await
        .unwrap();
    engine.delete(on::<DeleteObject>(session, &kept, "a"), Precondition::None).await.unwrap();
}

async fn people(world: &World) {
    let engine = &world.engine;
    // Somebody of their own: whose rights change is asked anew, with every session.
    let bob = engine.create_principal(&system(), "bob", Role::MissionOwner, Label::LOWEST).await.unwrap();
    let limits = model::KeyLimits::default;
    let gone = engine.issue_key(&system(), bob.id, Label::LOWEST, limits()).await.unwrap();
    engine.revoke_key(&system(), &gone.id).await.unwrap();
    let turned = engine.issue_key(&system(), bob.id, Label::LOWEST, limits()).await.unwrap();
    engine.rotate_key(&system(), &turned.id, 1000).await.unwrap();
    engine.set_principal(&system(), bob.id, PrincipalUpdate::default()).await.unwrap();
    let group = engine.create_group(&system(), "staff").await.unwrap();
    engine.set_members(&system(), group.id, &[bob.id], &[]).await.unwrap();
    let other = engine.create_group(&system(), "guests").await.unwrap();
    engine.delete_group(&system(), other.id).await.unwrap();
    let root = model::RootFingerprint([1; 16]);
    let what = CopyKind::Backup { place: "elsewhere".to_owned(), digest: [2; 32] };
    engine.note_copy(&system(), KnownCopy { root, made: Timestamp(5), what }).await.unwrap();
}

/// A world in which everything happened that can.
pub async fn eventful(seed: u64) -> (World, Session) {
    let world = World::under(seed, settings(), [Label::highest_of(Label::LOWEST.table()); 4]).await;
    let (engine, session) = (&world.engine, &world.session);
    world.put("small", b"small").await.unwrap();
    world.put("large", &noise(1, 3 * MIB)).await.unwrap();
    world.put("gone", b"gone").await.unwrap();
    engine.delete(world.permit::<DeleteObject>("gone").await, Precondition::None).await.unwrap();
    let (from, to) = (world.permit("large").await, world.permit("copy").await);
    engine.copy(from, Which::Current, to, Copy::default()).await.unwrap();
    uploads(&world).await;
    versions(&world).await;
    people(&world).await;
    let empty = bucket(&world, session, "empty").await;
    engine.delete_bucket(policy::on_bucket::<DeleteBucket>(session, &empty).unwrap()).await.unwrap();

    let ana = person_at(engine, "ana", secret()).await;
    let vault = bucket(&world, &ana, "vault").await;
    world::put(engine, on(&ana, &vault, "small"), b"secret").await.unwrap();
    world::put(engine, on(&ana, &vault, "large"), &noise(6, 2 * MIB)).await.unwrap();
    let below = world::key_at(engine, ana.principal, Label::LOWEST).await.unwrap();
    bucket(&world, &below, "below").await;
    let to = Destination { label: Label::LOWEST, bucket: name("below"), key: ObjectKey::parse("let go").unwrap() };
    engine.ask_release(on(&ana, &vault, "small"), Which::Current, to, "they need it").await.unwrap();

    // A vendor is out for a while, and caught up.
    let background = world.background();
    world.sites.set(&[1], State::ReadOnly);
    for n in 0..4 {
        world.put(&format!("out {n}"), &noise(n, 2 * MIB)).await.unwrap();
    }
    world.sites.set(&[1], State::Well);
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.caught_up().await;
    // A site loses what it had, as readers find, and is left alone for a while.
    for n in 0..8 {
        world.put(&format!("lost {n}"), &noise(n, 2 * MIB)).await.unwrap();
    }
    let amazon = world.sites.memories.first().unwrap();
    for name in amazon.names().iter().filter(|name| name.contains("/d/")) {
        amazon.delete(name).await.unwrap();
    }
    for n in 0..8 {
        assert_eq!(world.get(&format!("lost {n}")).await.unwrap(), noise(n, 2 * MIB));
    }
    for state in [SiteState::Suspended, SiteState::Active] {
        engine.set_sites(&system(), &["amazon".to_owned()], state).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    world.caught_up().await;
    // A bucket is told another profile, and what lies there moves.
    engine.move_data(&system(), Some(meant(&name("kept"))), Some(model::Profile::Econ)).await.unwrap();
    while !engine.data_moves(&system()).await.unwrap().0.iter().all(|asked| asked.done) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    background.abort();

    world::origin::adopt_and_rest(&world).await;
    world::origin::there(&world, "beneath", b"theirs");
    world::origin::delete(&world, "beneath", Precondition::None).await.unwrap();
    (world, ana)
}

pub async fn shred(world: &World) {
    world.engine.shred_label(&system(), secret(), RootKey::from_bytes(NEW)).await.unwrap();
    while world.catalog.clear_shredded(1000).await.unwrap() == Clearing::Some {}
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_record_comes_back_the_same() {
    let kinds = Kinds::default();
    let (world, _) = eventful(80).await;
    check(&world, ROOT, &kinds).await;
    shred(&world).await;
    world.put("later", b"later").await.unwrap();
    check(&world, NEW, &kinds).await;
    let kinds = kinds.lock().unwrap();
    let untested: Vec<_> = KINDS.iter().filter(|kind| !kinds.contains(*kind)).collect();
    assert!(untested.is_empty(), "no history has {untested:?}");
}

/// Everything was coded anew, the journal too, under the same ids; the old pieces are not swept yet.
#[tokio::test(start_paused = true)]
async fn a_site_that_was_left_stays_left() {
    let (world, _) = eventful(84).await;
    let background = world.background();
    engine_leaves(&world, "google").await;
    background.abort();
    let catalog = check(&world, ROOT, &Kinds::default()).await;
    assert!(catalog.site_states().await.unwrap().iter().any(|(_, state)| *state == SiteState::Detached));
    world.sites.set(&[1, 2], State::Gone);
    let engine = world::open(&catalog, &world.sites, &world.outside, settings()).await.unwrap();
    let permit = world::permit(&engine, &world.session, "large").await;
    assert_eq!(world::get(&engine, permit).await.unwrap(), noise(1, 3 * MIB));
}

pub async fn engine_leaves(world: &World, name: &str) {
    let names = [name.to_owned()];
    world.engine.set_sites(&system(), &names, SiteState::Draining).await.unwrap();
    let state = async || world.engine.evacuations(&system(), &names).await.unwrap().first().unwrap().state;
    while state().await != SiteState::Detached {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_rebuilt_is_read_and_written_on() {
    let (world, _) = eventful(81).await;
    let catalog = check(&world, ROOT, &Kinds::default()).await;
    let engine = world::open(&catalog, &world.sites, &world.outside, settings()).await.unwrap();
    let permit = async |key: &str| world::permit(&engine, &world.session, key).await;
    assert_eq!(world::get(&engine, permit("large").await).await.unwrap(), noise(1, 3 * MIB));
    assert_eq!(world::get(&engine, permit("small").await).await.unwrap(), "small");
    world::put(&engine, world::permit(&engine, &world.session, "on").await, b"and on").await.unwrap();
    assert_eq!(world::get(&engine, permit("on").await).await.unwrap(), "and on");
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_shredded_label_returns() {
    let (world, ana) = eventful(82).await;
    shred(&world).await;
    let catalog = check(&world, NEW, &Kinds::default()).await;
    assert!(catalog.label_keys().await.unwrap().iter().all(|key| key.label != Some(secret())));
    assert!(catalog.releases().await.unwrap().is_empty());
    let engine = Engine::open(parts(&world, &catalog, NEW)).await.unwrap();
    assert!(engine.resolve(&ana, &name("vault")).await.unwrap().is_none());
    let refused = rebuild(&world, ROOT, &Kinds::default()).await.map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::WrongRoot), "{refused}");
}

/// With these sites missing: all but what lies at them of the journal, and that too once they are back.
pub async fn check_without(world: &World, missing: &[usize]) {
    world.engine.drain().await;
    let expected = world.catalog.dump().await.unwrap();
    world.sites.set(missing, State::Gone);
    let (catalog, rebuilt) = rebuild(world, ROOT, &Kinds::default()).await.unwrap();
    assert_eq!(rebuilt.silent.len(), missing.len());
    let rows = |dump: &str, tables: &[&str]| -> String {
        let is_of = |line: &&str| !tables.iter().any(|table| line.starts_with(&format!("{table} ")));
        dump.lines().filter(is_of).map(|line| format!("{line}\n")).collect()
    };
    let found = catalog.dump().await.unwrap();
    let derived = ["piece", "segment", "total"];
    assert_same(&rows(&found, &derived), &rows(&expected, &derived));
    assert_same(
        &without_journal_pieces(&rows(&found, &["segment", "total"])),
        &without_journal_pieces(&rows(&expected, &["segment", "total"])),
    );
    world.sites.set(missing, State::Well);
    let engine = world::open(&catalog, &world.sites, &world.outside, settings()).await.unwrap();
    assert_same(&catalog.dump().await.unwrap(), &expected);
    drop(engine);
}

#[tokio::test(start_paused = true)]
async fn any_two_vendors_may_be_missing() {
    let (world, _) = eventful(83).await;
    for missing in [&[0][..], &[1], &[2], &[3], &[0, 1], &[0, 2], &[0, 3], &[1, 2], &[1, 3], &[2, 3]] {
        check_without(&world, missing).await;
    }
    world.sites.set(&[0, 1, 2], State::Gone);
    let refused = rebuild(&world, ROOT, &Kinds::default()).await.map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::SilentSites { .. }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn batches_that_were_shipped_twice_come_back_from_where_they_stood() {
    for seed in 90..98 {
        let world = World::new(seed).await;
        world.put("first", b"all four").await.unwrap();
        world.sites.set(&[1, 3], State::ReadOnly);
        for n in 0..6 {
            world.put(&format!("small {n}"), &noise(n, 300)).await.unwrap();
        }
        world.sites.set(&[1, 3], State::Well);
        check(&world, ROOT, &Kinds::default()).await;
    }
}

/// Beside the pieces of an outage lies one more that is named as if it were theirs, of their size and of an index that
/// their code does not have.
#[tokio::test(start_paused = true)]
async fn what_is_named_like_kin_beyond_the_code_is_none() {
    let world = World::new(105).await;
    world.sites.set(&[1, 3], State::Gone);
    let _ = world.put("warm", b"the breakers find out").await;
    let _ = world.put("warm", b"the breakers find out").await;
    world.put("tea", &noise(1, 3000)).await.unwrap();
    world.engine.drain().await;
    world.sites.set(&[1, 3], State::Well);
    let expected = world.catalog.dump().await.unwrap();
    let status = world.engine.status(&system()).await.unwrap();
    let at_first = world.catalog.segments_at(status.sites[0].site.id, None, 100).await.unwrap();
    let (copy, _) = at_first.into_iter().find(|(_, segment)| segment.code.n() == 2).unwrap();
    let copy = format!("{}/{copy}", status.enclave);
    let length = world.sites.memories[0].head(&copy).await.unwrap();
    // Nothing of its own tells whose it is: the piece itself would count under any name.
    let bytes = vec![0; usize::try_from(length).unwrap()].into();
    let kin = |index: u8| format!("{}{index:02x}", &copy[..copy.len() - 2]);
    world.sites.memories[1].put_new(&kin(2), bytes).await.unwrap();
    let (catalog, _) = rebuild(&world, ROOT, &Kinds::default()).await.unwrap();
    assert_same(&catalog.dump().await.unwrap(), &expected);
}

#[tokio::test(start_paused = true)]
async fn copies_that_were_added_after_an_outage_change_no_code() {
    for seed in 110..114 {
        let world = World::new(seed).await;
        let background = world.background();
        world.sites.set(&[1, 3], State::Gone);
        for n in 0..3 {
            world.put(&format!("small {n}"), &noise(n, 300)).await.unwrap();
        }
        world.sites.set(&[1, 3], State::Well);
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(world.catalog.totals().await.unwrap().below_promise, 0);
        background.abort();
        world.engine.drain().await;
        let dump = world.catalog.dump().await.unwrap();
        let coded = |line: &str| line.split(' ').skip(4).take(2).map(str::to_owned).collect::<Vec<_>>();
        let mut segments = dump.lines().filter(|line| line.starts_with("segment "));
        assert!(segments.any(|line| coded(line) == ["1", "1"]), "of {dump}");
        check(&world, ROOT, &Kinds::default()).await;
    }
}

/// Of copies one site is enough to read whatever it has, and knows nothing of what only others have.
#[tokio::test(start_paused = true)]
async fn with_more_vendors_missing_than_the_profile_outlives_nothing_is_rebuilt() {
    let settings = engine::Settings { default_profile: model::Profile::Mirror(2), ..settings() };
    let world = World::under(111, settings.clone(), vec![Label::LOWEST; 4]).await;
    world.put("tea", b"at two of the four").await.unwrap();
    world.engine.drain().await;
    for missing in [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]] {
        world.sites.set(&missing, State::Gone);
        let parts = Parts { settings: settings.clone(), ..parts(&world, &empty(&world), ROOT) };
        let refused = Engine::rebuild(parts, None).await.map(drop);
        assert!(matches!(refused, Err(OpenError::SilentSites { .. })), "without {missing:?}: {refused:?}");
        world.sites.set(&missing, State::Well);
    }
}

/// The first page of their journal comes again behind each: they are done without, as silent ones are.
#[tokio::test(start_paused = true)]
async fn a_journal_that_is_listed_in_circles_is_a_silent_site_s() {
    let world = World::new(106).await;
    world.put("tea", &noise(1, 3000)).await.unwrap();
    world.engine.drain().await;
    let enclave = world.engine.status(&system()).await.unwrap().enclave;
    for memory in &world.sites.memories[1..] {
        for n in 0..1000 {
            // More than one page, and nothing to look at.
            memory.put_new(&format!("{enclave}/j/zz{n:04}"), bytes::Bytes::new()).await.unwrap();
        }
    }
    let turn = |site: usize| world.sites.faults[site].change(|plan| plan.order = Order::InCircles);
    turn(1);
    let (catalog, rebuilt) = rebuild(&world, ROOT, &Kinds::default()).await.unwrap();
    assert_eq!(rebuilt.silent, ["microsoft".to_owned()].into());
    for catalog in [&catalog, &world.catalog] {
        let engine = world::open(catalog, &world.sites, &world.outside, settings()).await.unwrap();
        let permit = world::permit(&engine, &world.session, "tea").await;
        assert_eq!(world::get(&engine, permit).await.unwrap(), noise(1, 3000));
        engine.drain().await;
    }
    (2..4).for_each(turn);
    let refused = rebuild(&world, ROOT, &Kinds::default()).await.map(drop).unwrap_err();
    assert!(refused.to_string().contains("google, microsoft, oracle does not answer"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn what_interrupted_writes_left_is_passed_over() {
    let world = World::new(99).await;
    world.put("tea", b"stands").await.unwrap();
    world.engine.drain().await;
    // Half a header, a piece that breaks off behind it, and something else.
    let memory = &world.sites.memories[0];
    let names = memory.names();
    let journal = names.iter().find(|name| name.contains("/j/")).unwrap();
    let whole = memory.get_range(journal, 0..200).await.unwrap();
    let beside = |tail: &str| format!("{}{tail}", &journal[..journal.len() - 4]);
    memory.put_new(&beside("0001"), whole.slice(..100)).await.unwrap();
    memory.put_new(&beside("0002"), whole.clone()).await.unwrap();
    memory.put_new(&beside("0003"), bytes::Bytes::from_static(b"else")).await.unwrap();
    let (rebuilt, asked) = world.sites.asked_by(rebuild(&world, ROOT, &Kinds::default())).await;
    assert_same(&rebuilt.unwrap().0.dump().await.unwrap(), &world.catalog.dump().await.unwrap());
    // What is too short to be a piece is not even asked for.
    memory.put_new(&beside("0004"), bytes::Bytes::from_static(b"more")).await.unwrap();
    let more = world.sites.asked_by(rebuild(&world, ROOT, &Kinds::default())).await.1;
    assert_eq!(more.gets, asked.gets);
}

#[tokio::test(start_paused = true)]
async fn a_catalog_that_is_not_empty_is_left_alone() {
    let world = World::new(100).await;
    let parts = || parts(&world, &world.catalog, ROOT);
    assert!(matches!(Engine::rebuild(parts(), None).await.map(drop), Err(OpenError::NotEmpty)));
    assert!(matches!(Engine::plan_rebuild(parts()).await.map(drop), Err(OpenError::NotEmpty)));
    // And an empty one that meets the sites of an enclave says what to do.
    let empty = Arc::new(SqliteCatalog::in_memory(world.outside.clone()).unwrap());
    let error = world::open(&empty, &world.sites, &world.outside, settings()).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("entente rebuild"), "{error}");
}

pub fn empty(world: &World) -> Arc<SqliteCatalog> {
    Arc::new(SqliteCatalog::in_memory(world.outside.clone()).unwrap())
}

/// A rebuild that goes on with what is in the catalog, and breaks off at so many steps that `counts`; whether it did not.
pub async fn rebuild_until(
    world: &World,
    catalog: &Arc<SqliteCatalog>,
    steps: usize,
    counts: fn(&ReplayStep<'_>) -> bool,
) -> bool {
    let left = AtomicUsize::new(steps);
    let tell: Tell = Arc::new(move |step| {
        if counts(&step) && left.fetch_sub(1, Ordering::Relaxed) == 1 {
            std::panic::resume_unwind(Box::new("cut"));
        }
    });
    let rebuilding = AssertUnwindSafe(Engine::resume_rebuild(parts(world, catalog, ROOT), Some(tell)));
    rebuilding.catch_unwind().await.is_ok_and(|rebuilt| rebuilt.map(|_| true).unwrap())
}

/// Cut short after each of its steps in turn, each time going on with what is there.
pub async fn check_cut_short(world: &World) {
    world.engine.drain().await;
    let catalog = empty(world);
    let mut steps = 1;
    while !rebuild_until(world, &catalog, steps, |_| true).await {
        steps += 1;
    }
    assert!(steps > 10, "it was cut short {steps} times");
    assert_same(&catalog.dump().await.unwrap(), &world.catalog.dump().await.unwrap());
    // One that is done may be gone over again.
    assert!(rebuild_until(world, &catalog, usize::MAX, |_| true).await);
    assert_same(&catalog.dump().await.unwrap(), &world.catalog.dump().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_is_cut_short_goes_on_to_the_same_catalog() {
    let (world, _) = eventful(107).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    check_cut_short(&world).await;
    shred(&world).await;
    let catalog = empty(&world);
    rebuild_until(&world, &catalog, 20, |_| true).await;
    let (rebuilt, _) = rebuild(&world, NEW, &Kinds::default()).await.unwrap();
    let done = Engine::resume_rebuild(parts(&world, &catalog, NEW), None).await;
    done.unwrap();
    assert_same(&catalog.dump().await.unwrap(), &rebuilt.dump().await.unwrap());
}

/// What was shown of the journal before is not read again.
#[tokio::test(start_paused = true)]
async fn a_rebuild_that_goes_on_reads_what_is_missing() {
    let world = World::new(108).await;
    for n in 0..60 {
        world.put(&format!("small {n}"), &noise(n, 100)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let catalog = empty(&world);
    let puts = |step: &ReplayStep<'_>| matches!(step, ReplayStep::Shown(Change::ObjectPut { .. }));
    let (done, first) = world.sites.asked_by(rebuild_until(&world, &catalog, 40, puts)).await;
    assert!(!done && first.gets >= 2 * 60, "{first:?}");
    let (done, rest) = world.sites.asked_by(rebuild_until(&world, &catalog, usize::MAX, puts)).await;
    assert!(done && (2..=2 * 22).contains(&rest.gets), "{rest:?} after {first:?}");
    assert_same(&catalog.dump().await.unwrap(), &world.catalog.dump().await.unwrap());
}

/// One that is of another enclave is not gone on with.
#[tokio::test(start_paused = true)]
async fn what_is_left_of_another_enclave_is_refused() {
    let (world, other) = (World::new(109).await, World::new(110).await);
    world.put("tea", b"small").await.unwrap();
    world.engine.drain().await;
    let resumed = Engine::resume_rebuild(parts(&world, &other.catalog, ROOT), None).await;
    assert!(matches!(resumed.map(drop), Err(OpenError::LeftOfAnother { .. })));
}

/// The price list of a rebuild: for every site one LIST that finds no snapshot and one per thousand names, for every segment of the journal no
/// more GETs than it has data pieces, and of those little more than the records; and the plan says so before.
#[tokio::test(start_paused = true)]
async fn a_rebuild_lists_the_journal_and_reads_the_heads_of_its_segments() {
    let world = World::new(101).await;
    for n in 0..1100 {
        world.put(&format!("small {n}"), &noise(n, 100)).await.unwrap();
    }
    world.put("large for the journal", &noise(7, 900 << 10)).await.unwrap();
    world.put("large", &noise(8, 3 * MIB)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let dump = world.catalog.dump().await.unwrap();
    let segments = dump.lines().filter(|line| line.starts_with("journal ")).count() as u64;
    assert!((1100..1200).contains(&segments), "{segments} segments");

    let planning = Engine::plan_rebuild(parts(&world, &empty(&world), ROOT));
    let (plan, asked) = world.sites.asked_by(planning).await;
    let plan = plan.unwrap();
    assert_eq!(asked, Requests { lists: 12, ..Requests::default() });
    assert_eq!((plan.lists, plan.segments, plan.gets, plan.silent.len()), (12, segments, 2 * segments, 0));
    assert!(plan.bytes < segments * (17 << 10) && plan.bytes < plan.journal_bytes);

    let catalog = empty(&world);
    let (done, asked) = world.sites.asked_by(Engine::rebuild(parts(&world, &catalog, ROOT), None)).await;
    done.unwrap();
    assert_eq!((asked.lists, asked.writes), (plan.lists, 0));
    // Short batches of the control stream are read whole: its key in front is longer than their first cell.
    let control = dump.lines().find_map(|line| line.strip_prefix("stream ")?.split_once(" - ")).unwrap().0;
    let control = dump.lines().filter(|line| line.starts_with(&format!("journal {control} "))).count() as u64;
    assert!(control < 20, "{control} segments of the control stream");
    assert!((segments..=plan.gets + 2 * control).contains(&asked.gets), "{asked:?} of {plan:?}");
    assert!(asked.bytes <= plan.bytes, "{asked:?} of {plan:?}");
    assert_same(&catalog.dump().await.unwrap(), &dump);

    // Segments whose head lies at a site that is lost cost k whole pieces instead.
    world.sites.set(&[0], State::Gone);
    let (done, asked) = world.sites.asked_by(Engine::rebuild(parts(&world, &empty(&world), ROOT), None)).await;
    done.unwrap();
    assert!((segments..=3 * segments + 4 * control).contains(&asked.gets), "{asked:?} for {segments} segments");
}

/// The records lie in the first data piece, before the body: a second one is asked whether it is of the same segment, and
/// the third is not asked at all.
#[tokio::test(start_paused = true)]
async fn a_head_in_the_first_piece_costs_no_more_with_more_data_pieces() {
    let settings = engine::Settings { default_profile: model::Profile::Econ, ..settings() };
    let world = World::under(112, settings.clone(), vec![Label::LOWEST; 4]).await;
    for n in 0..40 {
        world.put(&format!("small {n}"), &noise(n, 6000)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let dump = world.catalog.dump().await.unwrap();
    let segments = dump.lines().filter(|line| line.starts_with("journal ")).count() as u64;
    let parts = Parts { settings, ..parts(&world, &empty(&world), ROOT) };
    let (done, asked) = world.sites.asked_by(Engine::rebuild(parts, None)).await;
    done.unwrap();
    assert!((2 * 40..=2 * 40 + 6 * (segments - 40)).contains(&asked.gets), "{asked:?} for {segments} segments");
}

/// A start whose catalog is as far as the sites reads nothing but what this epoch wrote and it does not know.
#[tokio::test(start_paused = true)]
async fn a_start_behind_the_sites_reads_the_heads_of_the_segments_it_lacks() {
    let world = World::new(102).await;
    world.put("before", b"before").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let scratch = world::Scratch::new();
    world.catalog.save(scratch.path().join("old")).await.unwrap();
    for n in 0..50 {
        world.put(&format!("small {n}"), &noise(n, 100)).await.unwrap();
    }
    world.engine.drain().await;
    for (path, lacks) in [(Some(scratch.path().join("old")), 2 * 50), (None, 0)] {
        let catalog = match path {
            Some(path) => Arc::new(SqliteCatalog::open(path, world.outside.clone()).unwrap()),
            None => Arc::clone(&world.catalog),
        };
        let (engine, asked) = world.sites.asked_by(Engine::open(parts(&world, &catalog, ROOT))).await;
        drop(engine.unwrap());
        assert_eq!((asked.lists, asked.gets), (4, lacks));
    }
}

/// What lies damaged at one site is read around, wherever in its pieces: header, prelude, records, bodies.
#[tokio::test(start_paused = true)]
async fn damaged_pieces_of_the_journal_are_read_around() {
    let world = World::new(103).await;
    for n in 0..20 {
        world.put(&format!("small {n}"), &noise(n, 3000)).await.unwrap();
    }
    world.engine.drain().await;
    let expected = without_pieces(&world.catalog.dump().await.unwrap());
    for at in [20, 170, 200, 250, 300, 700, 3000] {
        let damaging = |store: Arc<dyn Store>| Arc::new(Damaging { store, at }) as Arc<dyn Store>;
        let catalog = empty(&world);
        let mut parts = parts(&world, &catalog, ROOT);
        parts.sites[2].store = damaging(Arc::clone(&parts.sites[2].store));
        Engine::rebuild(parts, None).await.unwrap();
        assert_same(&without_pieces(&catalog.dump().await.unwrap()), &expected);
    }
}

/// At one site pieces of the journal have changed places: sound pieces, under each other's names.
#[tokio::test(start_paused = true)]
async fn pieces_under_each_others_names_mislead_nobody() {
    let world = World::new(104).await;
    for n in 0..20 {
        world.put(&format!("small {n}"), &noise(n, 3000)).await.unwrap();
    }
    world.engine.drain().await;
    let expected = without_pieces(&world.catalog.dump().await.unwrap());
    for memory in &world.sites.memories {
        let mut by_length = std::collections::BTreeMap::<u64, Vec<String>>::new();
        for name in memory.names().into_iter().filter(|name| name.contains("/j/")) {
            by_length.entry(memory.head(&name).await.unwrap()).or_default().push(name);
        }
        let alike: Vec<String> = by_length.into_values().max_by_key(Vec::len).unwrap();
        assert!(alike.len() > 5, "batches of one size");
        let mut whole = Vec::new();
        for name in &alike {
            let length = memory.head(name).await.unwrap();
            whole.push(memory.get_range(name, 0..length).await.unwrap());
        }
        let turned: Vec<_> = whole.iter().cycle().skip(1).take(alike.len()).cloned().collect();
        put_anew(memory, &alike, turned).await;
        let (catalog, _) = rebuild(&world, ROOT, &Kinds::default()).await.unwrap();
        assert_same(&without_pieces(&catalog.dump().await.unwrap()), &expected);
        put_anew(memory, &alike, whole).await;
    }
}

async fn put_anew(memory: &providers::MemoryStore, names: &[String], pieces: Vec<bytes::Bytes>) {
    for (name, bytes) in names.iter().zip(pieces) {
        memory.delete(name).await.unwrap();
        memory.put_new(name, bytes).await.unwrap();
    }
}

/// What lies where at the damaged site may be missing.
fn without_pieces(dump: &str) -> String {
    let kept = |line: &&str| !["piece ", "segment ", "total "].iter().any(|table| line.starts_with(table));
    dump.lines().filter(kept).collect::<Vec<_>>().join("\n")
}

/// Flips a bit of every piece of the journal.
struct Damaging {
    store: Arc<dyn Store>,
    at: u64,
}

#[async_trait::async_trait]
impl Store for Damaging {
    async fn put_new(&self, name: &str, bytes: bytes::Bytes) -> Result<(), providers::Error> {
        self.store.put_new(name, bytes).await
    }
    async fn get_range(&self, name: &str, range: std::ops::Range<u64>) -> Result<bytes::Bytes, providers::Error> {
        let mut bytes = self.store.get_range(name, range.clone()).await?.to_vec();
        if name.contains("/j/") && range.contains(&self.at) {
            bytes[usize::try_from(self.at - range.start).unwrap()] ^= 1;
        }
        Ok(bytes.into())
    }
    async fn head(&self, name: &str) -> Result<u64, providers::Error> {
        self.store.head(name).await
    }
    async fn delete(&self, name: &str) -> Result<(), providers::Error> {
        self.store.delete(name).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, providers::Error> {
        self.store.list(prefix, after, limit).await
    }
}
