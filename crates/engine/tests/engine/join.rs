//! A site is taken in while the enclave runs: what is written from then on lies there too, what lay elsewhere moves when
//! asked, and whatever is cut short or refused leaves an enclave that works and a start that goes on with it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::labels::{create, label, top, write};
use crate::moving::{MIB, QUAD, STD, all_is_there, codes, done, fill, load, system, tea};
use crate::world::{self, World, meant, noise, person_at, settings};
use catalog::Catalog;
use engine::{Engine, OpenError, SideHealth, SiteParts, SiteStatus};
use model::{Code, Label, Profile, SegmentKind, SiteState, Vendor};
use providers::fault::State;

/// The site that comes.
const NEW: usize = 4;

/// A world of four vendors, and the settings name a fifth by now.
async fn named(seed: u64) -> World {
    let mut world = World::new(seed).await;
    world.sites.add(&world.outside);
    world
}

async fn sites(engine: &Engine) -> Vec<SiteStatus> {
    engine.status(&system()).await.unwrap().sites
}

async fn names(engine: &Engine) -> Vec<String> {
    sites(engine).await.into_iter().map(|of| of.site.name).collect()
}

/// How many pieces of this kind lie at the site that came.
fn pieces(world: &World, kind: &str) -> usize {
    world.sites.memories[NEW].names().iter().filter(|name| name.contains(kind)).count()
}

/// Waits (virtual time) until the site that came is as wanted.
async fn wait_until(world: &World, what: &str, is: impl Fn(&SiteStatus) -> bool) {
    for _ in 0..3000 {
        if is(&sites(&world.engine).await[NEW]) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("it is never {what}: {:?}", sites(&world.engine).await[NEW]);
}

async fn start_again(world: &mut World) {
    world.engine.drain().await;
    world.engine = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn under_load_a_site_comes_and_what_lies_elsewhere_moves_there() {
    let mut world = named(1).await;
    world.sites.latency(Duration::from_millis(15));
    fill(&world).await;
    let background = world.background();
    let (stop, load) = load(&world);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let refused = world.engine.plan_move(&system(), Some(meant(&tea())), Some(Profile::Std)).await.unwrap_err();
    assert!(refused.to_string().contains("needs 5 vendors, 4 are configured"), "{refused}");

    let site = world.engine.add_site(&system(), world.sites.last()).await.unwrap();
    assert_eq!((site.name.as_str(), site.vendor), ("own", Vendor::Own));
    assert_eq!(names(&world.engine).await, ["amazon", "microsoft", "google", "oracle", "own"]);
    assert_eq!((pieces(&world, "/d/"), world.catalog.sites().await.unwrap().len()), (0, 5), "nothing moves by itself");
    for n in 0..8 {
        world.put(&format!("after-{n}"), &noise(n, 2 * MIB)).await.unwrap();
    }
    assert!(pieces(&world, "/d/") >= 3 && pieces(&world, "/j/") > 0, "of five vendors four take each");

    world.engine.move_data(&system(), Some(meant(&tea())), Some(Profile::Std)).await.unwrap();
    done(&world.engine).await;
    stop.store(true, Ordering::Relaxed);
    assert!(load.await.unwrap() > 5, "it went on all the while");
    assert_eq!(codes(&world, SegmentKind::Data).await, [(STD, 2)].into());
    assert_eq!(world.below_promise().await, 0);
    for out in [[0, 1], [2, 3], [1, NEW]] {
        world.sites.set(&out, State::Gone);
        all_is_there(&world).await;
        world.sites.set(&out, State::Well);
    }
    background.abort();
    let _ = background.await;
    start_again(&mut world).await;
    assert_eq!(world.engine.status(&system()).await.unwrap().sites[NEW].site, site);
    all_is_there(&world).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_done_for_each_site_is_done_for_one_that_came() {
    let world = named(2).await;
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let id = world.engine.add_site(&system(), world.sites.last()).await.unwrap().id;
    fill(&world).await;
    // Probes take it back.
    world.sites.set(&[NEW], State::Gone);
    for n in 0..8 {
        world.put(&format!("meanwhile-{n}"), &noise(n, 9_000)).await.unwrap();
    }
    wait_until(&world, "out", |of| of.writes == SideHealth::Out).await;
    world.sites.set(&[NEW], State::Well);
    wait_until(&world, "back", |of| of.writes == SideHealth::Well && of.reads == SideHealth::Well).await;
    world.caught_up().await;
    // Scrubs walk over it.
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        if !world.catalog.scrub_state(id).await.unwrap().walks.is_empty() {
            break;
        }
    }
    assert!(!world.catalog.scrub_state(id).await.unwrap().walks.is_empty(), "no scrub began");
    // It is left like any other.
    assert!(pieces(&world, "/d/") > 0);
    world.engine.set_sites(&system(), &["own".to_owned()], SiteState::Draining).await.unwrap();
    wait_until(&world, "left", |of| of.state == SiteState::Detached).await;
    world.sites.set(&[NEW], State::Gone);
    all_is_there(&world).await;
    background.abort();
}

/// At any moment: what a process left that ended there, the next start completes.
#[tokio::test(start_paused = true)]
async fn cut_short_anywhere_the_next_start_goes_on() {
    let (mut claimed, mut unclaimed) = (0, 0);
    for step in 1u64.. {
        let mut world = named(100 + step).await;
        fill(&world).await;
        world.sites.latency(Duration::from_millis(40));
        let permit = system();
        let adding = world.engine.add_site(&permit, world.sites.last());
        let added = tokio::time::timeout(Duration::from_millis(step * 25), adding).await;
        world.sites.latency(Duration::ZERO);
        match world.sites.memories[NEW].names().len() {
            0 => unclaimed += 1,
            _ => claimed += 1,
        }
        assert_eq!((pieces(&world, "/d/"), names(&world.engine).await.len() == 5), (0, added.is_ok()));
        start_again(&mut world).await;
        assert_eq!(world.catalog.sites().await.unwrap().len(), 5);
        assert_eq!(sites(&world.engine).await[NEW].state, SiteState::Active);
        for n in 0..8 {
            world.put(&format!("after-{n}"), &noise(n, 2 * MIB)).await.unwrap();
        }
        assert!(pieces(&world, "/d/") > 0);
        all_is_there(&world).await;
        if added.is_ok() {
            break;
        }
    }
    assert!(claimed > 3 && unclaimed > 1, "{claimed} {unclaimed}");
}

/// It is claimed, and the others cannot hold that: it takes nothing, and may be given again.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_decided_is_not_used() {
    let mut world = named(3).await;
    fill(&world).await;
    let background = world.background();
    world.sites.set(&[0, 1, 2], State::Gone);
    let refused = world.engine.add_site(&system(), world.sites.last()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Engine(engine::Error::Unavailable { .. })), "{refused}");
    assert_eq!(names(&world.engine).await.len(), 4);
    assert_eq!(pieces(&world, "/d/") + pieces(&world, "/j/"), 0, "nothing but its marker");
    world.sites.set(&[0, 1, 2], State::Well);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(names(&world.engine).await.len(), 4, "what is decided later is not used by itself");
    world.engine.add_site(&system(), world.sites.last()).await.unwrap();
    assert_eq!(names(&world.engine).await.len(), 5);
    background.abort();
    let _ = background.await;
    start_again(&mut world).await;
    assert_eq!(names(&world.engine).await.len(), 5);
    all_is_there(&world).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_at_once_each_counts_once() {
    let mut world = World::under(4, settings(), [Label::LOWEST; 4]).await;
    world.sites.add(&world.outside);
    world.sites.latency(Duration::from_millis(20));
    let again = SiteParts { name: "own-2".to_owned(), ..other_store(&world) };
    let permit = system();
    let (one, same, other) = tokio::join!(
        world.engine.add_site(&permit, world.sites.last()),
        world.engine.add_site(&permit, world.sites.last()),
        world.engine.add_site(&permit, again),
    );
    assert!(matches!(same, Err(OpenError::TwoSites(name)) if name == "own"));
    assert_ne!(one.unwrap().id, other.unwrap().id);
    let names = names(&world.engine).await;
    assert_eq!(names[NEW..], ["own", "own-2"]);
    assert_eq!(world.catalog.sites().await.unwrap().len(), 6);
}

/// A further site of the last vendor, over an empty store.
fn other_store(world: &World) -> SiteParts {
    SiteParts { store: world::Sites::new(&world.outside, vec![Label::LOWEST]).last().store, ..world.sites.last() }
}

#[tokio::test(start_paused = true)]
async fn what_is_anothers_is_not_taken() {
    let world = named(5).await;
    let taken = || SiteParts { name: "oracle".to_owned(), ..world.sites.last() };
    let before = world.engine.check_site(&system(), taken()).await.unwrap_err();
    for refused in [before, world.engine.add_site(&system(), taken()).await.unwrap_err()] {
        assert!(matches!(&refused, OpenError::TwoSites(name) if name == "oracle"), "{refused}");
    }
    world.engine.check_site(&system(), world.sites.last()).await.unwrap();
    assert_eq!(world.sites.asked(NEW).writes, 0, "it was not touched");
    // The store of another site, one that somebody uses, another enclave's.
    let elsewhere = World::new(6).await;
    let used = other_store(&world);
    used.store.put_new("holiday.jpg", bytes::Bytes::from_static(b"sand")).await.unwrap();
    let first = |world: &World| world.sites.parts().remove(0).store;
    for (store, says) in [
        (first(&world), "the store holds site `amazon` of this enclave"),
        (used.store, "it holds `holiday.jpg`"),
        (first(&elsewhere), "belongs to enclave"),
    ] {
        let parts = || SiteParts { store: store.clone(), ..world.sites.last() };
        let before = world.engine.check_site(&system(), parts()).await.unwrap_err();
        let refused = world.engine.add_site(&system(), parts()).await.unwrap_err();
        for refused in [before, refused] {
            assert!(refused.to_string().contains(says), "{says}: {refused}");
        }
    }
    world.sites.set(&[NEW], State::Gone);
    let refused = world.engine.add_site(&system(), world.sites.last()).await.unwrap_err();
    assert!(refused.to_string().contains("site `own`: the site cannot be reached"), "{refused}");
    assert_eq!(names(&world.engine).await.len(), 4);
    assert_eq!(world.catalog.sites().await.unwrap().len(), 4);
    // An empty one is taken all the same.
    world.engine.add_site(&system(), other_store(&world)).await.unwrap();
    fill(&world).await;
    all_is_there(&world).await;
}

/// One that was left, whose entry was taken out, and that is added again.
#[tokio::test(start_paused = true)]
async fn one_that_was_left_comes_back_as_what_it_was() {
    let mut world = World::under(7, settings(), [Label::LOWEST; 5]).await;
    fill(&world).await;
    let background = world.background();
    world.engine.set_sites(&system(), &["own".to_owned()], SiteState::Draining).await.unwrap();
    wait_until(&world, "left", |of| of.state == SiteState::Detached).await;
    background.abort();
    world.engine.drain().await;
    let without = world.sites.parts().into_iter().take(NEW).collect();
    world.engine = world::open_over(&world.catalog, &world.sites, without, &world.outside, settings()).await.unwrap();
    let other = SiteParts { vendor: Vendor::Google, ..world.sites.last() };
    let refused = world.engine.add_site(&system(), other).await.unwrap_err();
    assert!(matches!(refused, OpenError::OtherVendor { .. }), "{refused}");
    world.engine.check_site(&system(), world.sites.last()).await.unwrap();
    world.engine.add_site(&system(), world.sites.last()).await.unwrap();
    assert_eq!(sites(&world.engine).await[NEW].state, SiteState::Detached);
    let before = pieces(&world, "/d/");
    world.engine.set_sites(&system(), &["own".to_owned()], SiteState::Active).await.unwrap();
    for n in 0..8 {
        world.put(&format!("after-{n}"), &noise(n, 2 * MIB)).await.unwrap();
    }
    assert!(pieces(&world, "/d/") > before);
    start_again(&mut world).await;
    assert_eq!(sites(&world.engine).await[NEW].state, SiteState::Active);
    all_is_there(&world).await;
}

/// Where the default profile was too wide for a label, the journal keeps it once a further vendor may hold that label.
#[tokio::test(start_paused = true)]
async fn a_journal_rises_to_the_default_when_a_vendor_comes() {
    let secret = label(64, &[]);
    let mut world = World::under(8, settings(), [top(), top(), top(), Label::LOWEST]).await;
    let ana = person_at(&world.engine, "ana", secret).await;
    let vault = create(&world, &ana, "vault", Some(Profile::Mirror(2))).await.unwrap();
    write(&world, &ana, &vault, "before", b"before").await;
    assert_eq!(codes(&world, SegmentKind::Journal).await, [(Code { k: 1, m: 1 }, 1)].into());
    world.sites.add(&world.outside);
    world.sites.ceilings[NEW] = top();
    world.engine.add_site(&system(), world.sites.last()).await.unwrap();
    write(&world, &ana, &vault, "after", b"after").await;
    assert_eq!(codes(&world, SegmentKind::Journal).await, [(Code { k: 1, m: 1 }, 1), (QUAD, 2)].into());
}
