//! What repairs and evacuations may take, what they say when it is spent, what they bill, and when a repair
//! is finished.

use std::time::Duration;

use crate::world::{self, World, noise, settings};
use engine::{Budget, Depth, Engine, Evacuation, KeepingSettings, NotAsked, Purse, ScrubOrder, Settings, Stop, Wait};
use model::{Label, NanoDollars, Prices, SiteState};
use policy::SystemPermit;
use providers::Store;
use providers::fault::State;

const MIB: usize = 1 << 20;
const DOLLAR: u64 = NanoDollars::DOLLAR;

fn system() -> SystemPermit {
    SystemPermit::for_background_work()
}

/// A world over so many vendors, where a put costs a dollar and nothing else does.
async fn dear(seed: u64, vendors: usize, keeping: KeepingSettings, objects: u64) -> World {
    let settings = Settings { keeping, probe_every: Duration::from_secs(30), ..settings() };
    let mut world = World::under(seed, settings.clone(), vec![Label::LOWEST; vendors]).await;
    world.sites.prices = vec![Prices { put: NanoDollars(DOLLAR), ..Prices::default() }; vendors];
    world.engine = world::open(&world.catalog, &world.sites, &world.outside, settings).await.unwrap();
    for n in 0..objects {
        world.put(&format!("{n}"), &noise(n, 2 * MIB)).await.unwrap();
    }
    world
}

async fn all_is_there(world: &World, objects: u64) {
    for n in 0..objects {
        assert!(world.get(&format!("{n}")).await.unwrap() == noise(n, 2 * MIB), "{n}");
    }
}

pub async fn lose_data(world: &World, site: usize) {
    let memory = &world.sites.memories[site];
    for name in memory.names().iter().filter(|name| name.contains("/d/")) {
        memory.delete(name).await.unwrap();
    }
}

/// Has it noticed what is lost, and waits until it is given up.
pub async fn notice(world: &World) {
    let order = ScrubOrder { sites: [].into(), depths: vec![Depth::Inventory], purse: Purse::Beyond };
    world.engine.scrub(&system(), &order, &tokio::sync::watch::Sender::default()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
}

async fn leave(engine: &Engine, name: &str) {
    engine.set_sites(&system(), &[name.to_owned()], SiteState::Draining).await.unwrap();
}

async fn left(engine: &Engine, name: &str) -> Evacuation {
    engine.evacuations(&system(), &[name.to_owned()]).await.unwrap().remove(0)
}

fn of_day(dollars: u64) -> KeepingSettings {
    KeepingSettings { dollars_per_day: Some(NanoDollars(dollars * DOLLAR)), ..KeepingSettings::default() }
}

#[tokio::test(start_paused = true)]
async fn leaving_a_site_goes_by_the_dollars_of_the_day_and_says_so() {
    let world = dear(1, 5, of_day(15), 12).await;
    let _background = world.background();
    let before = left(&world.engine, "oracle").await.left;
    leave(&world.engine, "oracle").await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let first = left(&world.engine, "oracle").await;
    assert!(first.moved.cost.0 <= 15 * DOLLAR && first.moved.pieces >= 10, "{first:?}");
    assert!(first.waiting.contains_key(&Wait::Spent), "{first:?}");
    let why = world.engine.why(&system(), &Wait::Spent);
    assert!(why.contains("[keeping]"), "{why}");
    // Over midnight, and over the next if that day's do not suffice either.
    let mut hours = 0;
    while left(&world.engine, "oracle").await.state != SiteState::Detached {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        hours += 1;
        assert!(hours < 50, "{:?} of {before}", left(&world.engine, "oracle").await);
    }
    let moved = left(&world.engine, "oracle").await.moved;
    assert!(moved.pieces > first.moved.pieces, "{moved:?} after {first:?}");
    all_is_there(&world, 12).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_in_danger_is_restored_without_a_dollar_and_the_rest_when_told() {
    let world = dear(2, 4, of_day(0), 4).await;
    let _background = world.background();
    lose_data(&world, 0).await;
    notice(&world).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.below_promise().await, 4, "one spare piece is the floor");
    let (repaired, _) = world.engine.repair(&system(), Budget::Day, |_| {}).await.unwrap();
    assert_eq!((repaired.pieces, repaired.waiting.get(&Wait::Spent)), (0, Some(&4)), "{repaired:?}");
    let (repaired, compared) = world.engine.repair(&system(), Budget::Beyond, |_| {}).await.unwrap();
    assert_eq!((repaired.pieces, repaired.bill.cost, compared.missing), (4, NanoDollars(4 * DOLLAR), 0));
    assert_eq!(world.below_promise().await, 0);
    // Nothing to spare: nobody asks for money.
    lose_data(&world, 1).await;
    lose_data(&world, 2).await;
    notice(&world).await;
    world.caught_up().await;
    world.sites.set(&[0, 3], State::Gone);
    all_is_there(&world, 4).await;
}

#[tokio::test(start_paused = true)]
async fn bytes_go_at_the_pace_that_was_set() {
    let pace = KeepingSettings { bytes_per_second: Some(1 << 20), ..KeepingSettings::default() };
    let world = dear(3, 5, pace, 12).await;
    let _background = world.background();
    leave(&world.engine, "google").await;
    let began = tokio::time::Instant::now();
    while left(&world.engine, "google").await.state != SiteState::Detached {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let moved = left(&world.engine, "google").await.moved;
    let (seconds, took) = ((moved.bytes + moved.read) >> 20, began.elapsed().as_secs());
    assert!(seconds >= 10 && took >= seconds - 1, "{seconds} MiB in {took} s");
}

/// Nobody read what is gone: only the sites' listings tell.
#[tokio::test(start_paused = true)]
async fn a_repair_restores_what_only_the_listings_miss() {
    let world = dear(4, 4, KeepingSettings::default(), 5).await;
    let _background = world.background();
    lose_data(&world, 2).await;
    assert_eq!(world.below_promise().await, 0, "nobody knows");
    let (repaired, compared) = world.engine.repair(&system(), Budget::Day, |_| {}).await.unwrap();
    assert_eq!((compared.restored, compared.missing, compared.sites), (5, 0, 4), "{repaired:?} {compared:?}");
    assert!(compared.pieces >= 20 && compared.not_asked.is_empty(), "{compared:?}");
    world.sites.set(&[0, 1], State::Gone);
    all_is_there(&world, 5).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let (_, compared) = world.engine.repair(&system(), Budget::Day, |_| {}).await.unwrap();
    let out = |name: &str| (name.to_owned(), NotAsked::Stopped(Stop::Out));
    assert_eq!((compared.sites, compared.not_asked), (2, vec![out("amazon"), out("microsoft")]));
}

/// A site takes nothing: what was read for it, and sent to it, is billed, and not what was planned.
#[tokio::test(start_paused = true)]
async fn the_bill_is_of_what_was_really_sent() {
    let world = dear(5, 4, KeepingSettings::default(), 1).await;
    let background = world.background();
    lose_data(&world, 1).await;
    world.sites.set(&[1], State::ReadOnly);
    notice(&world).await;
    background.abort();
    assert!(world.below_promise().await >= 1);
    world.engine.drain().await;
    // Another process knows of no trouble yet.
    let settings = Settings { probe_every: Duration::from_secs(30), ..settings() };
    let engine = world::open(&world.catalog, &world.sites, &world.outside, settings).await.unwrap();
    let ((repaired, _), asked) =
        world.sites.asked_by(async { engine.repair(&system(), Budget::Day, |_| {}).await.unwrap() }).await;
    assert_eq!(repaired.pieces, 0);
    assert_eq!(repaired.bill.bytes_read, asked.bytes, "{repaired:?}");
    assert!(repaired.bill.bytes_read > 0 && repaired.bill.cost >= NanoDollars(DOLLAR), "{repaired:?}");
    assert!(matches!(repaired.waiting.keys().next(), Some(Wait::Sites(_))), "{repaired:?}");
}

/// With two vendors left everything is below its promise: it is looked at ever more seldom, and at once
/// when one comes back.
#[tokio::test(start_paused = true)]
async fn a_walk_in_vain_is_not_repeated_for_long_and_ends_when_a_site_is_back() {
    let world = dear(6, 4, KeepingSettings::default(), 0).await;
    let _background = world.background();
    world.sites.set(&[0, 1], State::Gone);
    tokio::time::sleep(Duration::from_secs(120)).await;
    for n in 0..3 {
        world.put(&format!("{n}"), &noise(n, 2 * MIB)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(world.below_promise().await >= 3);
    world.sites.set(&[0, 1], State::Well);
    // Before the next look that nobody asks for.
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(world.below_promise().await, 0);
}

#[tokio::test(start_paused = true)]
async fn leaving_a_site_says_which_others_it_waits_for() {
    let world = dear(7, 4, KeepingSettings::default(), 3).await;
    let _background = world.background();
    world.sites.set(&[0], State::Gone);
    tokio::time::sleep(Duration::from_secs(120)).await;
    let plan = world.engine.plan_evacuation(&system(), &["google".to_owned()]).await.unwrap();
    leave(&world.engine, "google").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let waiting = left(&world.engine, "google").await.waiting;
    for waiting in [plan.waiting, waiting] {
        let why: Vec<String> = waiting.keys().map(|wait| world.engine.why(&system(), wait)).collect();
        assert_eq!(why, ["amazon, which is out"], "{waiting:?}");
    }
    world.sites.set(&[0], State::Well);
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if left(&world.engine, "google").await.state == SiteState::Detached {
            return all_is_there(&world, 3).await;
        }
    }
    panic!("{:?}", left(&world.engine, "google").await);
}
