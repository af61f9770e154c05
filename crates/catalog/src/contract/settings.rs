//! What a bucket was told: the last word on each aspect holds, in whichever order words are shown.

use model::{Aspect, BucketSetting, Change, Label, Profile, Tags, Versioning};

use super::Subject;
use super::make::{self, CONTROL, EAST, WEST, proposal};
use super::replay::{check_every_order, replayed};
use super::world::World;
use crate::interface::Refusal;

fn tags(name: &str) -> BucketSetting {
    BucketSetting::Tags(Tags([(name.to_owned(), "1".to_owned())].into()))
}

fn set<C: Subject>(world: &World<C>, setting: BucketSetting) -> Change {
    Change::BucketSet { bucket: world.bucket.id, setting }
}

async fn found<C: Subject>(world: &World<C>, aspect: Aspect) -> BucketSetting {
    world.catalog.bucket_setting(world.bucket.id, aspect).await.unwrap()
}

pub async fn a_setting_is_what_it_was_last_told<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    for aspect in Aspect::ALL {
        assert_eq!(found(&world, *aspect).await, aspect.unset());
    }
    for setting in [tags("a"), BucketSetting::Versioning(Versioning::Enabled), tags("b")] {
        world.run(EAST, set(&world, setting)).await;
    }
    assert_eq!(found(&world, Aspect::Tags).await, tags("b"));
    assert_eq!(found(&world, Aspect::Versioning).await, BucketSetting::Versioning(Versioning::Enabled));
    check_every_order(&world, &fresh).await;
}

pub async fn versions_once_kept_are_kept_or_suspended<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let off = || proposal(set(&world, BucketSetting::Versioning(Versioning::Off)));
    world.decided(EAST, off()).await;
    let world = World::new(fresh().await).await;
    for versioning in [Versioning::Enabled, Versioning::Suspended, Versioning::Enabled] {
        world.run(EAST, set(&world, BucketSetting::Versioning(versioning))).await;
        assert_eq!(world.refused(off()).await, Refusal::VersionsAreKept);
    }
}

pub async fn settings_wait_for_those_before_them<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let first = world.decided(EAST, proposal(set(&world, tags("a")))).await;
    assert_eq!(world.behind(proposal(set(&world, tags("b")))).await, first.record.number);
    assert_eq!(world.behind(proposal(world.delete_bucket())).await, first.record.number);
    assert_eq!(found(&world, Aspect::Tags).await, Aspect::Tags.unset(), "not before it is shown");
}

pub async fn a_bucket_has_the_settings_it_is_made_with_and_takes_them_along<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let coffee = make::bucket(2, "coffee", Label::LOWEST);
    world.run(CONTROL, Change::BucketCreated(coffee.clone(), vec![tags("a")])).await;
    assert_eq!(world.catalog.bucket_setting(coffee.id, Aspect::Tags).await.unwrap(), tags("a"));
    world.run(EAST, Change::BucketSet { bucket: coffee.id, setting: tags("b") }).await;
    world.run(WEST, Change::BucketDeleted { bucket: coffee.id }).await;
    assert_eq!(world.catalog.bucket_setting(coffee.id, Aspect::Tags).await.unwrap(), Aspect::Tags.unset());
    check_every_order(&world, &fresh).await;
}

pub async fn a_late_setting_does_not_undo_a_newer_one<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    world.run(EAST, set(&world, tags("a"))).await;
    world.run(WEST, set(&world, tags("b"))).await;
    let mut batches = world.batches();
    let late = batches.remove(batches.len() - 2);
    batches.push(late);
    let turned = World::over(replayed(fresh().await, &batches).await);
    assert_eq!(found(&turned, Aspect::Tags).await, tags("b"));
    assert_eq!(turned.catalog.dump().await, world.catalog.dump().await);
}

pub async fn a_bucket_has_the_profile_it_was_told_last<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let profile = async || world.catalog.bucket(world.bucket.id).await.unwrap().unwrap().profile;
    assert_eq!(profile().await, world.bucket.profile);
    for (stream, told) in [(EAST, Profile::Std), (WEST, Profile::Mirror(2))] {
        world.run(stream, set(&world, BucketSetting::Profile(Some(told)))).await;
        assert_eq!(profile().await, told);
    }
    let named = world.catalog.bucket_named(world.bucket.label, &world.bucket.name).await.unwrap().unwrap();
    assert_eq!(named.profile, Profile::Mirror(2));
    check_every_order(&world, &fresh).await;
}
