//! Snapshots: what is rebuilt from one is the catalog there was; it is done without where it is missing, damaged,
//! or of another root; it lies where everything may lie and nowhere else.

use std::time::Duration;

use crate::rebuild::{
    Kinds, NEW, assert_same, check, check_cut_short, check_without, empty, engine_leaves, eventful, rebuild,
    rebuild_until, shred, system,
};
use crate::world::{ROOT, World, noise, settings};
use coding::keys::RootKey;
use engine::{Depth, Engine, Parts, Purse, ScrubOrder, Settings};
use model::{Label, SiteState};
use providers::Store;
use providers::fault::State;

const KIB: usize = 1 << 10;

fn often() -> Settings {
    Settings { snapshot_every: Duration::from_secs(1), snapshot_after: 1, ..settings() }
}

/// Goes on for a while in a process that takes snapshots, under this root; afterwards in one that takes none.
async fn keep_snapshots_under(world: &mut World, root: [u8; 32], seconds: u64) {
    let open = async |world: &World, settings| {
        let parts =
            Parts { root: RootKey::from_bytes(root), settings, ..crate::rebuild::parts(world, &world.catalog, root) };
        Engine::open(parts).await.unwrap()
    };
    world.engine = open(world, often()).await;
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    background.abort();
    world.engine.drain().await;
    world.engine = open(world, settings()).await;
}

async fn keep_snapshots(world: &mut World) {
    keep_snapshots_under(world, ROOT, 5).await;
}

/// The names of snapshots' objects at each site.
fn objects(world: &World) -> Vec<Vec<String>> {
    let of = |memory: &std::sync::Arc<providers::MemoryStore>| -> Vec<String> {
        memory.names().into_iter().filter(|name| name.contains("/s/")).collect()
    };
    world.sites.memories.iter().map(of).collect()
}

async fn more(world: &World, name: &str) {
    for n in 0..3 {
        world.put(&format!("{name} {n}"), &noise(n, 20 * KIB)).await.unwrap();
    }
    world.put(&format!("{name} large"), &noise(9, 3 << 20)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_begins_with_a_snapshot_gives_the_same_catalog() {
    let (mut world, _) = eventful(120).await;
    keep_snapshots(&mut world).await;
    let lie = objects(&world);
    assert_eq!(lie.iter().filter(|names| !names.is_empty()).count(), 3, "as many as may be lost, and one: {lie:?}");
    check(&world, ROOT, &Kinds::default()).await;
    more(&world, "later").await;
    check(&world, ROOT, &Kinds::default()).await;
    for missing in [&[0][..], &[3], &[0, 1], &[1, 2], &[2, 3]] {
        check_without(&world, missing).await;
    }
}

/// The journal is read from the snapshot on: what came before it costs nothing.
#[tokio::test(start_paused = true)]
async fn what_a_rebuild_reads_does_not_grow_with_the_history() {
    let mut world = World::new(121).await;
    for n in 0..300 {
        world.put(&format!("small {n}"), &noise(n, 100)).await.unwrap();
    }
    let whole = world.sites.asked_by(rebuild(&world, ROOT, &Kinds::default())).await.1;
    keep_snapshots(&mut world).await;
    more(&world, "later").await;
    let planning = Engine::plan_rebuild(crate::rebuild::parts(&world, &empty(&world), ROOT));
    let (plan, _) = world.sites.asked_by(planning).await;
    let plan = plan.unwrap();
    let snapshot = plan.snapshot.unwrap();
    assert!(snapshot.parts == 1 && snapshot.bytes > 30_000, "{snapshot:?}");
    let (done, asked) = world.sites.asked_by(rebuild(&world, ROOT, &Kinds::default())).await;
    let (catalog, _) = done.unwrap();
    assert_same(&catalog.dump().await.unwrap(), &world.catalog.dump().await.unwrap());
    assert!(whole.gets >= 300 && asked.gets < 60, "{asked:?} instead of {whole:?}");
    assert_eq!(asked.lists, plan.lists);
}

/// Cut short in the middle of a snapshot, it goes on with the next part of it.
#[tokio::test(start_paused = true)]
async fn a_rebuild_that_is_cut_short_takes_no_part_twice() {
    let mut world = World::new(129).await;
    for n in 0..1500 {
        world.put(&format!("{n}{}", "long".repeat(250)), &noise(n, 100)).await.unwrap();
    }
    keep_snapshots(&mut world).await;
    world.put("later", b"later").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let catalog = empty(&world);
    let parts = |step: &engine::ReplayStep<'_>| matches!(step, engine::ReplayStep::Read(_));
    let mut read = Vec::new();
    for _ in 0..2 {
        let (done, asked) = world.sites.asked_by(rebuild_until(&world, &catalog, 1, parts)).await;
        assert!(!done);
        read.push(asked.bytes);
    }
    let (done, asked) = world.sites.asked_by(rebuild_until(&world, &catalog, usize::MAX, parts)).await;
    assert!(done);
    read.push(asked.bytes);
    let whole = world.sites.asked_by(rebuild_until(&world, &empty(&world), usize::MAX, parts)).await.1.bytes;
    assert!(whole > 3 << 20 && read[2] < whole - (2 << 20) + (200 << 10), "{read:?} of {whole}");
    assert_same(&catalog.dump().await.unwrap(), &world.catalog.dump().await.unwrap());

    // Another snapshot took its place meanwhile: what was taken of the one before is not mixed with it.
    let catalog = empty(&world);
    assert!(!rebuild_until(&world, &catalog, 1, parts).await);
    for n in 0..200 {
        let gone = world.permit::<policy::DeleteObject>(&format!("{n}{}", "long".repeat(250))).await;
        world.engine.delete(gone, model::Precondition::None).await.unwrap();
    }
    keep_snapshots(&mut world).await;
    assert!(rebuild_until(&world, &catalog, usize::MAX, parts).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_same(&catalog.dump().await.unwrap(), &world.catalog.dump().await.unwrap());
}

/// And with what came behind it; the snapshot it began with is gone by then, and another one there.
#[tokio::test(start_paused = true)]
async fn cut_short_anywhere_it_is_the_same_catalog() {
    let (mut world, _) = eventful(130).await;
    keep_snapshots(&mut world).await;
    more(&world, "later").await;
    check_cut_short(&world).await;
    let catalog = empty(&world);
    let parts = |step: &engine::ReplayStep<'_>| matches!(step, engine::ReplayStep::Read(_));
    assert!(!rebuild_until(&world, &catalog, 1, parts).await);
    keep_snapshots(&mut world).await;
    assert!(rebuild_until(&world, &catalog, usize::MAX, parts).await);
    assert_same(&catalog.dump().await.unwrap(), &world.catalog.dump().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_snapshot_is_done_without() {
    let (mut world, _) = eventful(122).await;
    keep_snapshots(&mut world).await;
    more(&world, "later").await;
    let lie = objects(&world);
    for damaged in ["/head", "/00000000"] {
        for (memory, names) in world.sites.memories.iter().zip(&lie) {
            for name in names.iter().filter(|name| name.ends_with(damaged)) {
                let length = memory.head(name).await.unwrap();
                let mut bytes = memory.get_range(name, 0..length).await.unwrap().to_vec();
                bytes[length as usize / 2] ^= 1;
                memory.delete(name).await.unwrap();
                memory.put_new(name, bytes.into()).await.unwrap();
            }
        }
        check(&world, ROOT, &Kinds::default()).await;
    }
    // The next one takes its place.
    keep_snapshots(&mut world).await;
    let now = objects(&world);
    assert!(now.iter().flatten().count() > 0);
    assert!(now.iter().flatten().all(|name| lie.iter().flatten().all(|old| old != name)), "{now:?}");
    check(&world, ROOT, &Kinds::default()).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_breaks_off_is_none_and_goes() {
    let mut world = World::new(123).await;
    more(&world, "first").await;
    world.sites.set(&[0, 1], State::ReadOnly);
    keep_snapshots(&mut world).await;
    let heads = |lie: &[Vec<String>]| lie.iter().flatten().filter(|name| name.ends_with("/head")).count();
    assert_eq!(heads(&objects(&world)), 0, "two vendors are too few");
    world.sites.set(&[0, 1], State::Well);
    keep_snapshots_under(&mut world, ROOT, 60).await;
    let lie = objects(&world);
    assert_eq!((heads(&lie), lie.iter().flatten().count()), (3, 6), "{lie:?}");
    check(&world, ROOT, &Kinds::default()).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_shredded_label_returns_by_a_snapshot() {
    let (mut world, _) = eventful(124).await;
    keep_snapshots(&mut world).await;
    let before = objects(&world);
    shred(&world).await;
    check(&world, NEW, &Kinds::default()).await;
    keep_snapshots_under(&mut world, NEW, 5).await;
    let now = objects(&world);
    assert!(now.iter().flatten().count() > 0, "one under the new root stands");
    assert!(now.iter().flatten().all(|name| before.iter().flatten().all(|old| old != name)), "the old one is gone");
    let catalog = check(&world, NEW, &Kinds::default()).await;
    assert!(catalog::Catalog::releases(catalog.as_ref()).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_lies_only_where_every_label_may() {
    let high = Label::highest_of(Label::LOWEST.table());
    let (mut world, _) = eventful(125).await;
    assert!(objects(&world).iter().all(Vec::is_empty));
    world.sites.ceilings = vec![Label::LOWEST, high, high, high];
    keep_snapshots(&mut world).await;
    let lie = objects(&world);
    assert!(lie[0].is_empty() && lie[1..].iter().all(|names| !names.is_empty()), "{lie:?}");
    for (memory, names) in world.sites.memories.iter().zip(&lie) {
        for name in names {
            memory.delete(name).await.unwrap();
        }
    }
    world.sites.ceilings = vec![Label::LOWEST, Label::LOWEST, high, high];
    keep_snapshots(&mut world).await;
    assert!(objects(&world).iter().all(Vec::is_empty), "two vendors are too few");
}

#[tokio::test(start_paused = true)]
async fn a_site_that_is_left_keeps_none_and_no_scrub_calls_it_foreign() {
    let (mut world, _) = eventful(126).await;
    keep_snapshots(&mut world).await;
    let order = ScrubOrder { sites: [].into(), depths: vec![Depth::Inventory], purse: Purse::Beyond };
    world.engine.scrub(&system(), &order, &tokio::sync::watch::Sender::default()).await.unwrap();
    let findings = catalog::Catalog::findings(world.catalog.as_ref()).await.unwrap();
    assert!(findings.iter().all(|finding| finding.fault != catalog::proof::Fault::Foreign), "{findings:?}");
    let left = objects(&world).iter().position(|names| !names.is_empty()).unwrap();
    let name = ["amazon", "microsoft", "google", "oracle"][left];
    let background = world.background();
    engine_leaves(&world, name).await;
    background.abort();
    assert!(objects(&world)[left].is_empty());
    keep_snapshots(&mut world).await;
    let lie = objects(&world);
    assert!(lie[left].is_empty() && lie.iter().filter(|names| !names.is_empty()).count() == 3, "{lie:?}");
    let states = catalog::Catalog::site_states(world.catalog.as_ref()).await.unwrap();
    assert!(states.iter().any(|(_, state)| *state == SiteState::Detached));
    check(&world, ROOT, &Kinds::default()).await;
}
