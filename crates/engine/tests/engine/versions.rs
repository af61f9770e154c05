//! Copies, versions, tags, locks and lifecycle through the engine: what is shared outlives its source,
//! and an older catalog gets all of it back from the sites.

use std::sync::Arc;
use std::time::Duration;

use crate::world::{self, World, body, declared, noise, settings};
use catalog::SqliteCatalog;
use engine::{Complete, CompletedPart, Copy, CopyPart, Error, LegalHold, ListQuery, Put, Settings, StartUpload};
use model::lifecycle::{Expiration, Filter, FilterForm, Noncurrent, Rule, RuleState};
use model::{
    BucketName, BucketSetting, Lifecycle, Lock, LockMode, ObjectLock, Precondition, Retention, Tags, Timestamp,
    Versioning, Which,
};
use policy::{
    BypassGovernance, DeleteObject, DeleteVersion, ListVersions, ReadVersion, SystemPermit, WriteLock, WriteSettings,
    WriteTags,
};

const MIB: usize = 1 << 20;

impl World {
    async fn tell(&self, setting: BucketSetting) {
        let bucket = self.bucket().await;
        let permit = policy::on_bucket::<WriteSettings>(&self.session, &bucket).unwrap();
        self.engine.set_bucket_setting(permit, setting).await.unwrap();
    }

    async fn bucket(&self) -> model::Bucket {
        self.engine.resolve(&self.session, &BucketName::parse("tea").unwrap()).await.unwrap().unwrap()
    }

    async fn keep_versions(&self) {
        self.tell(BucketSetting::Versioning(Versioning::Enabled)).await;
    }

    async fn copy(&self, from: &str, which: Which, to: &str) -> Result<engine::Copied, Error> {
        self.engine.copy(self.permit(from).await, which, self.permit(to).await, Copy::default()).await
    }

    async fn delete(&self, key: &str) -> engine::Deleted {
        self.engine.delete(self.permit::<DeleteObject>(key).await, Precondition::None).await.unwrap()
    }

    async fn remove(&self, key: &str, which: Which, bypass: bool) -> Result<engine::Deleted, Error> {
        let permit = self.permit::<DeleteVersion>(key).await;
        let bypass = if bypass { Some(self.permit::<BypassGovernance>(key).await) } else { None };
        self.engine.delete_version(permit, which, Precondition::None, bypass).await
    }

    async fn versions(&self) -> usize {
        let permit = policy::on_bucket::<ListVersions>(&self.session, &self.bucket().await).unwrap();
        let query = ListQuery { limit: 1000, ..ListQuery::default() };
        self.engine.list_versions(permit, query, None).await.unwrap().entries.len()
    }

    /// Sweeps what no record names, as if a day had passed and this were another start.
    async fn sweep(&self) -> usize {
        let swept = Settings { sweep_after: Duration::ZERO, ..settings() };
        let again = world::open(&self.catalog, &self.sites, &self.outside, swept).await.unwrap();
        let system = SystemPermit::for_background_work();
        let plan = again.plan_sweep(&system).await.unwrap();
        again.sweep(&system, &plan).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_moves_no_byte_and_outlives_its_source_and_the_sweep() {
    let world = World::new(41).await;
    let (large, small) = (noise(1, 3 * MIB + 17), noise(2, 5000));
    world.put("large", &large).await.unwrap();
    world.put("small", &small).await.unwrap();
    world.put("other", &noise(3, 2 * MIB)).await.unwrap();
    let pieces = world.sites.count("/d/");
    for key in ["large", "small"] {
        let copied = world.copy(key, Which::Current, &format!("{key} copy")).await.unwrap();
        assert_eq!((copied.source, copied.written.version), (None, None), "no versions are kept here");
    }
    assert_eq!(world.sites.count("/d/"), pieces, "copying moved bytes");
    for key in ["large", "small", "other"] {
        world.delete(key).await;
    }
    assert!(world.sweep().await > 0, "what nothing shares is swept");
    assert_eq!(world.get("large copy").await.unwrap(), large);
    assert_eq!(world.get("small copy").await.unwrap(), small);
    world.delete("large copy").await;
    assert!(world.sweep().await > 0, "the last use was given back");
    assert_eq!(world.sites.count("/d/"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_copy_over_another_profile_is_spread_anew() {
    let world = World::new(42).await;
    let name = BucketName::parse("twice").unwrap();
    let profile = Some(model::Profile::Mirror(2));
    let permit = policy::on_account(&world.session).unwrap();
    let mirror = world.engine.create_bucket(permit, name, profile, Vec::new()).await.unwrap();
    let bytes = noise(1, 2 * MIB);
    let put = world.put("a", &bytes).await.unwrap();
    let pieces = world.sites.count("/d/");
    let key = model::ObjectKey::parse("a").unwrap();
    let to = policy::on_object(&world.session, &mirror, key.clone()).unwrap();
    let copied = world.engine.copy(world.permit("a").await, Which::Current, to, Copy::default()).await.unwrap();
    assert_eq!(copied.written.etag, put.etag);
    assert_eq!(world.sites.count("/d/"), pieces + 2, "two copies of its own");
    let permit = policy::on_object(&world.session, &mirror, key).unwrap();
    assert_eq!(world::get(&world.engine, permit).await.unwrap(), bytes);
}

#[tokio::test(start_paused = true)]
async fn parts_are_copied_by_sharing_slices() {
    let world = World::new(43).await;
    let engine = &world.engine;
    let bytes = noise(1, 12 * MIB);
    world.put("a", &bytes).await.unwrap();
    let pieces = world.sites.count("/d/");
    let upload = engine.start_upload(world.permit("b").await, StartUpload::default()).await.unwrap();
    let mut parts = Vec::new();
    for (number, range) in [(1, 100..6 * MIB as u64), (2, 6 * MIB as u64..12 * MIB as u64), (3, 5..6)] {
        let part = CopyPart { number, range: Some(range), ..CopyPart::default() };
        let (from, to) = (world.permit("a").await, world.permit("b").await);
        let copied = engine.copy_part(from, Which::Current, to, upload.id, part).await.unwrap();
        parts.push(CompletedPart { number, etag: copied.written.etag, checksum: None });
    }
    let beyond = CopyPart { number: 4, range: Some(0..99 * MIB as u64), ..CopyPart::default() };
    let (from, to) = (world.permit("a").await, world.permit("b").await);
    let error = engine.copy_part(from, Which::Current, to, upload.id, beyond).await.unwrap_err();
    assert!(matches!(error, Error::InvalidRange { .. }), "{error}");
    world.delete("a").await;
    let complete = Complete { parts, ..Complete::default() };
    engine.complete_upload(world.permit("b").await, upload.id, complete).await.unwrap();
    assert_eq!(world.sites.count("/d/"), pieces, "no byte was stored again");
    world.sweep().await;
    assert_eq!(world.get("b").await.unwrap(), [&bytes[100..], &bytes[5..6]].concat());
}

#[tokio::test(start_paused = true)]
async fn versions_are_kept_named_and_removed_one_by_one() {
    let world = World::new(44).await;
    world.put("a", b"null").await.unwrap();
    world.keep_versions().await;
    let first = world.put("a", b"first").await.unwrap().version.unwrap();
    let second = world.put("a", b"second").await.unwrap().version.unwrap();
    let deleted = world.delete("a").await;
    assert!(deleted.marker && deleted.version.is_some());
    assert!(matches!(world.get("a").await, Err(Error::IsMarker { which: Which::Current, .. })));
    assert_eq!(world.versions().await, 4);
    let read = async |which| {
        let found = world.engine.find_version(world.permit("a").await, which).await?;
        assert_eq!(found.which(), Some(which));
        Ok::<_, Error>(found.version.size)
    };
    assert_eq!(read(Which::Own(first)).await.unwrap(), 5);
    assert_eq!(read(Which::Null).await.unwrap(), 4);
    let restored = world.copy("a", Which::Own(first), "a").await.unwrap();
    assert_eq!(restored.source, Some(Which::Own(first)));
    assert_eq!(world.get("a").await.unwrap(), "first");
    world.remove("a", Which::Own(second), false).await.unwrap();
    assert!(matches!(read(Which::Own(second)).await, Err(Error::NoSuchVersion)));
    world.remove("a", Which::Own(second), false).await.unwrap();
    assert_eq!(world.versions().await, 4);
}

#[tokio::test(start_paused = true)]
async fn tags_and_locks_change_without_a_new_version() {
    let world = World::new(45).await;
    world.keep_versions().await;
    world.tell(BucketSetting::ObjectLock(ObjectLock::On { default: None })).await;
    let engine = &world.engine;
    let id = Which::Own(world.put("a", b"kept").await.unwrap().version.unwrap());
    let tags = Tags([("colour".to_owned(), "green".to_owned())].into());
    assert_eq!(engine.set_tags(world.permit::<WriteTags>("a").await, Which::Current, tags.clone()).await.unwrap(), id);
    let until = Timestamp(world.outside.clock.now().0 + 3_600_000);
    let retention = Some(Retention { mode: LockMode::Governance, until });
    engine.set_retention(world.permit::<WriteLock>("a").await, id, retention, None).await.unwrap();
    engine.set_legal_hold(world.permit::<WriteLock>("a").await, id, LegalHold::On).await.unwrap();
    let described = engine.describe(world.permit::<ReadVersion>("a").await, id).await.unwrap();
    assert_eq!((described.tags, described.lock), (tags, Lock { retention, legal_hold: true }));
    assert_eq!(world.versions().await, 1);
    for bypass in [false, true] {
        assert!(matches!(world.remove("a", id, bypass).await, Err(Error::Locked)), "the hold holds");
    }
    engine.set_legal_hold(world.permit::<WriteLock>("a").await, id, LegalHold::Off).await.unwrap();
    assert!(matches!(world.remove("a", id, false).await, Err(Error::Locked)));
    let shorter = engine.set_retention(world.permit::<WriteLock>("a").await, id, None, None).await;
    assert!(matches!(shorter, Err(Error::Locked)));
    world.remove("a", id, true).await.unwrap();
    assert_eq!(world.versions().await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_older_catalog_gets_versions_copies_and_settings_back() {
    let world = World::new(46).await;
    let older = world.scratch.path().join("older");
    for suffix in ["", "-wal"] {
        let from = world.scratch.path().join(format!("catalog{suffix}"));
        if from.exists() {
            std::fs::copy(from, world.scratch.path().join(format!("older{suffix}"))).unwrap();
        }
    }
    let (large, small) = (noise(1, 2 * MIB), noise(2, 700));
    world.keep_versions().await;
    world.tell(BucketSetting::ObjectLock(ObjectLock::On { default: None })).await;
    let first = world.put("a", &large).await.unwrap().version.unwrap();
    world.put("a", &small).await.unwrap();
    world.copy("a", Which::Own(first), "b").await.unwrap();
    world.copy("a", Which::Current, "c").await.unwrap();
    let tags = Tags([("t".to_owned(), "1".to_owned())].into());
    world.engine.set_tags(world.permit::<WriteTags>("a").await, Which::Own(first), tags.clone()).await.unwrap();
    world.engine.set_legal_hold(world.permit::<WriteLock>("c").await, Which::Current, LegalHold::On).await.unwrap();
    world.delete("a").await;
    world.remove("a", Which::Own(first), false).await.unwrap();

    let catalog = Arc::new(SqliteCatalog::open(&older, world.outside.clone()).unwrap());
    let engine = world::open(&catalog, &world.sites, &world.outside, settings()).await.unwrap();
    assert_eq!(catalog.dump().await.unwrap(), world.catalog.dump().await.unwrap());
    let get = async |key: &str| world::get(&engine, world::permit(&engine, &world.session, key).await).await;
    assert_eq!(get("b").await.unwrap(), large);
    assert_eq!(get("c").await.unwrap(), small);
    assert!(matches!(get("a").await, Err(Error::IsMarker { .. })));
    let permit = world::permit::<ReadVersion>(&engine, &world.session, "c").await;
    assert!(engine.describe(permit, Which::Current).await.unwrap().lock.legal_hold);
}

fn rule(prefix: &str) -> Rule {
    Rule {
        id: format!("rule {prefix}"),
        state: RuleState::Enabled,
        filter: Filter {
            form: FilterForm::Filter,
            prefix: Some(prefix.to_owned()),
            tags: Tags::default(),
            larger_than: None,
            smaller_than: None,
        },
        expiration: None,
        noncurrent: None,
        abort_days: None,
    }
}

#[tokio::test(start_paused = true)]
async fn lifecycle_rules_are_planned_and_done_and_locks_are_respected() {
    let world = World::with(47, Settings { lifecycle_day: Duration::from_secs(1), ..settings() }).await;
    let (engine, system) = (&world.engine, SystemPermit::for_background_work());
    world.keep_versions().await;
    world.tell(BucketSetting::ObjectLock(ObjectLock::On { default: None })).await;
    let rules = vec![
        Rule { expiration: Some(Expiration::Date(Timestamp(0))), ..rule("gone/") },
        Rule { noncurrent: Some(Noncurrent { days: 0, keep: 0 }), ..rule("old/") },
        Rule { abort_days: Some(0), ..rule("up/") },
    ];
    world.tell(BucketSetting::Lifecycle(Lifecycle { rules })).await;
    let put = world.put("gone/a", b"1").await.unwrap();
    assert_eq!(put.expiry, Some((Timestamp(0), "rule gone/".to_owned())));
    world.put("kept/a", b"1").await.unwrap();
    let held = Lock { retention: None, legal_hold: true };
    let put = Put { lock: held, declared: declared(4), ..Put::default() };
    engine.put(world.permit("old/held").await, put, body(b"held")).await.unwrap();
    for key in ["old/held", "old/free", "old/free"] {
        world.put(key, b"new").await.unwrap();
    }
    engine.start_upload(world.permit("up/a").await, StartUpload::default()).await.unwrap();

    let plan = engine.plan_lifecycle(&system).await.unwrap();
    let said = plan.to_string();
    assert_eq!(plan.steps.len(), 4, "{said}");
    assert!(said.contains("by rule `rule gone/`") && said.contains("abort upload"), "{said}");
    let done = engine.run_lifecycle(&system, &plan).await.unwrap();
    assert_eq!((done.done, done.held, done.passed_over), (3, 1, 0), "{said}");
    assert!(matches!(world.get("gone/a").await, Err(Error::IsMarker { .. })));
    assert_eq!(world.get("kept/a").await.unwrap(), "1");
    assert_eq!(world.versions().await, 2 + 1 + 2 + 1, "gone with its marker, kept, held with its new one, free");
    // The plan is of its time: what it names is gone or changed.
    let again = engine.run_lifecycle(&system, &plan).await.unwrap();
    assert_eq!((again.done, again.held, again.passed_over), (0, 1, 3));
}
