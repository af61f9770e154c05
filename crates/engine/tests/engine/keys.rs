//! Keys of labels: new epochs beside old ones, and labels that are shredded under a new root.

use std::sync::Arc;
use std::time::Duration;

use crate::world::{self, ROOT, World, noise, open, person_at, put, settings, whole};
use bytes::Bytes;
use catalog::{Catalog, Clearing, SqliteCatalog};
use coding::keys::RootKey;
use engine::{Engine, Error, OpenError, Parts};
use model::label::Parts as LabelParts;
use model::{Bucket, BucketName, CopyKind, KnownCopy, Label, Level, ObjectKey, Session, Timestamp};
use policy::{GetObject, ListObjects, PutObject, SystemPermit};
use providers::fault::State;

const NEW: [u8; 32] = [8; 32];

fn secret() -> Label {
    Label::new(LabelParts { level: Level(64), ..Label::LOWEST.parts() })
}

/// A world with a person and a bucket at a second label.
struct Two {
    world: World,
    ana: Session,
    vault: Bucket,
}

impl Two {
    async fn new(seed: u64) -> Two {
        let top = Label::highest_of(Label::LOWEST.table());
        let world = World::under(seed, settings(), [top; 4]).await;
        let ana = person_at(&world.engine, "ana", secret()).await;
        let name = BucketName::parse("vault").unwrap();
        let vault =
            world.engine.create_bucket(policy::on_account(&ana).unwrap(), name, None, Vec::new()).await.unwrap();
        Two { world, ana, vault }
    }

    async fn write(&self, engine: &Engine, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let permit = policy::on_object::<PutObject>(&self.ana, &self.vault, key(name)).unwrap();
        put(engine, permit, bytes).await.map(drop)
    }

    async fn read(&self, engine: &Engine, name: &str) -> Result<Bytes, Error> {
        let permit = policy::on_object::<GetObject>(&self.ana, &self.vault, key(name)).unwrap();
        whole(engine.find(permit).await?).await
    }

    async fn shred(&self) {
        self.world.engine.shred_label(&system(), secret(), RootKey::from_bytes(NEW)).await.unwrap();
    }

    fn copy_catalog(&self, name: &str) -> std::path::PathBuf {
        let scratch = self.world.scratch.path();
        for suffix in ["", "-wal"] {
            let from = scratch.join(format!("catalog{suffix}"));
            if from.exists() {
                std::fs::copy(from, scratch.join(format!("{name}{suffix}"))).unwrap();
            }
        }
        scratch.join(name)
    }

    async fn open_over(&self, copy: &std::path::Path, roots: &[[u8; 32]]) -> Result<Engine, OpenError> {
        let catalog = Arc::new(SqliteCatalog::open(copy, self.world.outside.clone()).unwrap());
        self.open_with(catalog, roots).await
    }

    async fn open_with(&self, catalog: Arc<SqliteCatalog>, roots: &[[u8; 32]]) -> Result<Engine, OpenError> {
        Engine::open(Parts {
            catalog,
            sites: self.world.sites.parts(),
            root: RootKey::from_bytes(roots[0]),
            next_root: roots.get(1).map(|root| RootKey::from_bytes(*root)),
            outside: self.world.outside.clone(),
            settings: settings(),
            origins: Arc::new(providers::NoOrigins),
        })
        .await
    }
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

fn system() -> SystemPermit {
    SystemPermit::for_background_work()
}

async fn resolves(engine: &Engine, session: &Session, name: &str) -> bool {
    engine.resolve(session, &BucketName::parse(name).unwrap()).await.unwrap().is_some()
}

/// What is left after a shredding, under the new root: all of the other label, nothing of this one.
async fn only_the_rest_is_there(two: &Two, engine: &Engine) {
    assert_eq!(
        world::get(engine, world::permit(engine, &two.world.session, "low").await).await.unwrap(),
        noise(9, 3 << 20)[..]
    );
    assert!(!resolves(engine, &two.ana, "vault").await);
    assert!(engine.credential(two.ana.access_key.as_ref().unwrap()).await.unwrap().is_none());
    assert!(two.read(engine, "small").await.is_err());
    assert!(two.read(engine, "large").await.is_err());
    assert!(two.write(engine, "more", b"more").await.is_err());
    let labels = engine.list_labels(&system()).await.unwrap();
    assert_eq!(labels.iter().map(|label| label.label).collect::<Vec<_>>(), [Label::LOWEST]);
}

async fn filled(seed: u64) -> Two {
    let two = Two::new(seed).await;
    two.world.put("low", &noise(9, 3 << 20)).await.unwrap();
    two.write(&two.world.engine, "small", &noise(1, 5_000)).await.unwrap();
    two.write(&two.world.engine, "large", &noise(2, 3 << 20)).await.unwrap();
    two
}

#[tokio::test(start_paused = true)]
async fn a_scrub_passes_over_what_is_shredded_and_not_cleared_yet() {
    let two = filled(31).await;
    let engine = &two.world.engine;
    two.shred().await;
    // One site lost everything.
    for name in two.world.sites.memories[1].names().into_iter().filter(|name| name.contains("/d/")) {
        providers::Store::delete(two.world.sites.memories[1].as_ref(), &name).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let order = engine::ScrubOrder {
        sites: std::collections::BTreeSet::new(),
        depths: engine::Depth::ALL.to_vec(),
        purse: engine::Purse::Beyond,
    };
    let progress = tokio::sync::watch::Sender::new(engine::ScrubDone::default());
    engine.scrub(&system(), &order, &progress).await.unwrap();
    let found = engine.findings(&system(), &secret()).await.unwrap();
    assert_eq!(found.len(), 1, "the one of what is left: {found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rotated_key_wraps_what_is_new_and_what_is_old_stays_readable() {
    let two = Two::new(1).await;
    let engine = &two.world.engine;
    let (old, new) = (noise(1, 2 << 20), noise(2, 2 << 20));
    two.write(engine, "old", &old).await.unwrap();
    let copy = two.copy_catalog("yesterday");
    let before = two.world.sites.count("/d/");

    assert_eq!(engine.rotate_label(&system(), secret()).await.unwrap(), 2);
    assert_eq!(two.world.sites.count("/d/"), before, "no data was touched");
    two.write(engine, "new", &new).await.unwrap();
    let (catalog, vault) = (&two.world.catalog, two.vault.id);
    let tags = |name: &'static str| async move {
        catalog.object(vault, &key(name)).await.unwrap().unwrap().version.wrap.under
    };
    assert_ne!(tags("old").await, tags("new").await);
    assert_eq!(engine.rotate_label(&system(), secret()).await.unwrap(), 3);
    let listed = engine.list_labels(&system()).await.unwrap();
    let label = listed.iter().find(|found| found.label == secret()).unwrap();
    assert_eq!((label.epochs.as_slice(), label.buckets), (&[1, 2, 3][..], 1));
    let other = Label::new(LabelParts { level: Level(65), ..Label::LOWEST.parts() });
    assert!(matches!(engine.rotate_label(&system(), other).await, Err(Error::NoSuchLabel)));

    engine.drain().await;
    let again = open(&two.world.catalog, &two.world.sites, &two.world.outside, settings()).await.unwrap();
    for engine in [engine, &again, &two.open_over(&copy, &[ROOT]).await.unwrap()] {
        assert_eq!(two.read(engine, "old").await.unwrap(), old[..]);
        assert_eq!(two.read(engine, "new").await.unwrap(), new[..]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_shredded_label_opens_nowhere_and_the_others_do() {
    let two = filled(2).await;
    let copy = two.copy_catalog("yesterday");
    let (twin, stolen) = (two.copy_catalog("twin"), two.copy_catalog("stolen"));
    two.shred().await;
    only_the_rest_is_there(&two, &two.world.engine).await;
    two.world.put("later", b"later").await.unwrap();
    two.world.engine.drain().await;

    // A start under the new root; an old copy of the catalog, brought up to date under it; every piece there
    // ever was is still at the sites.
    let again = two.open_with(Arc::clone(&two.world.catalog), &[NEW]).await.unwrap();
    only_the_rest_is_there(&two, &again).await;
    let old = two.open_over(&copy, &[NEW]).await.unwrap();
    only_the_rest_is_there(&two, &old).await;
    // The same while the old root is not destroyed yet: the copy's own keys open, and are not held.
    let old = two.open_over(&twin, &[ROOT, NEW]).await.unwrap();
    only_the_rest_is_there(&two, &old).await;

    // The bytes of the old copy as they are: its keys were wrapped by the old root.
    let stolen = SqliteCatalog::open(stolen, two.world.outside.clone()).unwrap();
    let keys = stolen.label_keys().await.unwrap();
    let new = RootKey::from_bytes(NEW);
    assert!(keys.iter().any(|key| key.label == Some(secret())));
    assert!(keys.iter().all(|key| new.unwrap_label(key).is_err()));
    let kept = two.world.catalog.label_keys().await.unwrap();
    assert!(kept.iter().all(|key| key.label != Some(secret()) && new.unwrap_label(key).is_ok()));
    // And the old root opens the enclave no more.
    let refused = two.open_with(Arc::clone(&two.world.catalog), &[ROOT]).await.map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::WrongRoot), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_shredded_label_begins_anew_and_empty() {
    let two = filled(3).await;
    two.shred().await;
    let again = world::key_at(&two.world.engine, two.ana.principal, secret()).await.unwrap();
    assert!(!resolves(&two.world.engine, &again, "vault").await);
    let name = BucketName::parse("vault").unwrap();
    let engine = &two.world.engine;
    let vault = engine.create_bucket(policy::on_account(&again).unwrap(), name, None, Vec::new()).await.unwrap();
    assert_ne!(vault.id, two.vault.id);
    let permit = policy::on_object::<PutObject>(&again, &vault, key("new")).unwrap();
    put(engine, permit, b"new").await.unwrap();
    two.world.engine.drain().await;
    let opened = two.open_with(Arc::clone(&two.world.catalog), &[NEW]).await.unwrap();
    let permit = policy::on_object::<GetObject>(&again, &vault, key("new")).unwrap();
    assert_eq!(whole(opened.find(permit).await.unwrap()).await.unwrap(), "new");
}

#[tokio::test(start_paused = true)]
async fn what_was_shredded_leaves_the_catalog_bit_by_bit() {
    let two = filled(4).await;
    for number in 0..40 {
        two.write(&two.world.engine, &format!("many/{number}"), &noise(number, 700)).await.unwrap();
    }
    let before = two.world.catalog.totals().await.unwrap();
    assert_eq!(before.objects, 43);
    two.shred().await;
    let mut rounds = 0;
    while two.world.catalog.clear_shredded(10).await.unwrap() == Clearing::Some {
        rounds += 1;
    }
    assert!(rounds > 5, "{rounds}");
    let after = two.world.catalog.totals().await.unwrap();
    assert_eq!((after.objects, after.object_bytes, after.buckets), (1, 3 << 20, 1));
    let dump = two.world.catalog.dump().await.unwrap();
    assert!(!dump.contains(&"many/1".bytes().map(|byte| format!("{byte:02x}")).collect::<String>()));
    two.world.engine.drain().await;

    // An older catalog comes to the same.
    let again = two.open_with(Arc::clone(&two.world.catalog), &[NEW]).await.unwrap();
    only_the_rest_is_there(&two, &again).await;
    // The pieces are nobody's now.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(again.plan_sweep(&system()).await.unwrap().waiting > 0);
}

#[tokio::test(start_paused = true)]
async fn reads_are_refused_from_the_decision_on_whatever_the_sites_do() {
    let two = filled(5).await;
    let name = BucketName::parse("vault").unwrap();
    assert!(two.world.engine.resolve(&two.ana, &name).await.unwrap().is_some());
    let permit = policy::on_object::<GetObject>(&two.ana, &two.vault, key("large")).unwrap();
    let found = two.world.engine.find(permit).await.unwrap();
    // Decided, and no site answers so that it could stand.
    two.world.sites.latency(Duration::from_secs(3600));
    let engine = two.world.engine.clone();
    let shredding = tokio::spawn(async move {
        engine.shred_label(&SystemPermit::for_background_work(), secret(), RootKey::from_bytes(NEW)).await
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!shredding.is_finished());
    assert!(!resolves(&two.world.engine, &two.ana, "vault").await);
    assert!(matches!(two.read(&two.world.engine, "small").await, Err(Error::NoSuchBucket)));
    assert!(matches!(two.write(&two.world.engine, "more", b"x").await, Err(Error::NoSuchBucket)));
    let permit = policy::on_bucket::<ListObjects>(&two.ana, &two.vault);
    assert!(permit.is_ok(), "a permit from before is what it was, and gives nothing");
    // A read that was under way ends too.
    let size = found.version.size;
    let mut stream = found.read(0..size);
    let frame = futures::StreamExt::next(&mut stream).await.unwrap();
    assert!(matches!(frame, Err(Error::NoSuchBucket)));
    shredding.abort();
}

#[tokio::test(start_paused = true)]
async fn a_start_completes_what_was_decided_and_undoes_what_was_not() {
    // Not decided: the old root counts, and the new one is no use.
    let two = filled(6).await;
    two.world.engine.drain().await;
    let undone = two.open_with(Arc::clone(&two.world.catalog), &[ROOT, NEW]).await.unwrap();
    let state = undone.root().await.unwrap();
    assert_eq!(state.shown, state.held);
    assert_eq!(state.held.0, RootKey::from_bytes(ROOT).fingerprint(undone.enclave()));
    assert_eq!(two.read(&undone, "small").await.unwrap(), noise(1, 5_000)[..]);

    // Decided, and cut off before it stood.
    let two = filled(7).await;
    two.world.sites.latency(Duration::from_secs(3600));
    let engine = two.world.engine.clone();
    let cut = tokio::spawn(async move {
        engine.shred_label(&SystemPermit::for_background_work(), secret(), RootKey::from_bytes(NEW)).await
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    cut.abort();
    let copy = two.copy_catalog("as it was left");
    two.world.sites.latency(Duration::ZERO);
    let lost = two.open_over(&copy, &[ROOT]).await.map(drop).unwrap_err();
    assert!(matches!(lost, OpenError::WrongRoot), "the new root is needed: {lost}");
    let completed = two.open_over(&copy, &[ROOT, NEW]).await.unwrap();
    only_the_rest_is_there(&two, &completed).await;
    let state = completed.root().await.unwrap();
    assert_eq!(state.shown, state.held);
    assert_eq!(state.held.0, RootKey::from_bytes(NEW).fingerprint(completed.enclave()));
}

/// The process dies with a write of the label decided, and its shredding behind that: the write never stands, and the
/// label begins anew with a stream of its own.
#[tokio::test(start_paused = true)]
async fn a_label_begins_anew_behind_a_shredding_that_a_start_completes() {
    let two = Arc::new(filled(12).await);
    two.world.engine.drain().await;
    two.world.sites.latency(Duration::from_secs(3600));
    let writing = tokio::spawn({
        let two = Arc::clone(&two);
        async move { two.write(&two.world.engine, "last", b"decided").await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let shredding = tokio::spawn({
        let engine = two.world.engine.clone();
        async move { engine.shred_label(&system(), secret(), RootKey::from_bytes(NEW)).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    writing.abort();
    shredding.abort();
    let copy = two.copy_catalog("as it was left");
    two.world.sites.latency(Duration::ZERO);
    let completed = two.open_over(&copy, &[ROOT, NEW]).await.unwrap();
    only_the_rest_is_there(&two, &completed).await;
    let again = world::key_at(&completed, two.ana.principal, secret()).await.unwrap();
    let (account, name) = (policy::on_account(&again).unwrap(), BucketName::parse("vault").unwrap());
    let vault = completed.create_bucket(account, name, None, Vec::new()).await.unwrap();
    let permit = policy::on_object::<PutObject>(&again, &vault, key("new")).unwrap();
    let written = tokio::time::timeout(Duration::from_secs(600), put(&completed, permit, b"new")).await;
    written.expect("it does not wait for a stream that ended").unwrap();
    let permit = policy::on_object::<GetObject>(&again, &vault, key("new")).unwrap();
    assert_eq!(whole(completed.find(permit).await.unwrap()).await.unwrap(), "new");
}

#[tokio::test(start_paused = true)]
async fn writes_that_race_with_a_shredding_end_and_others_go_on() {
    let two = filled(8).await;
    let two = Arc::new(two);
    two.world.sites.latency(Duration::from_millis(20));
    let writers: Vec<_> = (0..20)
        .map(|number| {
            let two = Arc::clone(&two);
            tokio::spawn(
                async move { two.write(&two.world.engine, &format!("race-{number}"), &noise(number, 900)).await },
            )
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(5)).await;
    two.shred().await;
    for writer in writers {
        if let Err(error) = writer.await.unwrap() {
            assert!(matches!(error, Error::NoSuchBucket | Error::AccessWithdrawn), "{error}");
        }
    }
    two.world.put("after", b"after").await.unwrap();
    assert_eq!(two.world.get("after").await.unwrap(), "after");
    two.world.engine.drain().await;
    assert_eq!(two.world.catalog.totals().await.unwrap().unshown, 0);
    let again = two.open_with(Arc::clone(&two.world.catalog), &[NEW]).await.unwrap();
    only_the_rest_is_there(&two, &again).await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_names_what_goes_and_what_must_be_destroyed() {
    let two = filled(9).await;
    let engine = &two.world.engine;
    engine.rotate_label(&system(), secret()).await.unwrap();
    let root = engine.root().await.unwrap().held;
    let shares = CopyKind::Shares { needed: 2, holders: vec!["ana".into(), "bob".into(), "eve".into()] };
    let copy = KnownCopy { root, made: Timestamp(5), what: shares };
    engine.note_copy(&system(), copy.clone()).await.unwrap();
    let plan = engine.plan_shred(&system(), secret()).await.unwrap();
    assert_eq!((plan.keys, plan.contents.versions, plan.contents.access_keys), (2, 2, 1));
    assert_eq!(plan.contents.bytes, 5_000 + (3 << 20));
    assert_eq!(plan.contents.buckets, std::slice::from_ref(&two.vault));
    assert_eq!(plan.copies, [copy]);
    assert_eq!(plan.sites.len(), 4);
    assert!(plan.sites.iter().all(|(_, pieces)| *pieces > 0));
    let other = Label::new(LabelParts { level: Level(65), ..Label::LOWEST.parts() });
    assert!(matches!(engine.plan_shred(&system(), other).await, Err(Error::NoSuchLabel)));
    assert_eq!(two.read(engine, "small").await.unwrap(), noise(1, 5_000)[..], "a plan changes nothing");
}

#[tokio::test(start_paused = true)]
async fn a_site_that_is_away_does_not_keep_a_label_from_being_shredded() {
    let two = filled(10).await;
    two.world.sites.set(&[1], State::Gone);
    let _ = two.world.put("warm", b"the breakers find out").await;
    two.shred().await;
    two.world.engine.drain().await;
    two.world.sites.set(&[1], State::Well);
    let again = two.open_with(Arc::clone(&two.world.catalog), &[NEW]).await.unwrap();
    only_the_rest_is_there(&two, &again).await;
}
