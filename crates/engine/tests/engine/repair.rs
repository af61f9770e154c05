//! Repair: what its plan says is what it does, once for each piece, and to the end wherever it was cut.

use std::time::Duration;

use crate::limits::{lose_data, notice};
use crate::world::{self, World, noise, settings};
use catalog::Catalog;
use engine::{Bill, Budget, Compared, KeepingSettings, Repaired, Settings};
use model::{Label, NanoDollars, Prices, SegmentKind};
use policy::SystemPermit;
use providers::fault::State;

/// Too large to ride in the journal.
const SIZE: usize = (1 << 20) + 1;

fn system() -> SystemPermit {
    SystemPermit::for_background_work()
}

fn prices() -> Prices {
    Prices { put: NanoDollars(700), get: NanoDollars(30), ..Prices::default() }
}

/// Without a dollar for it the background restores nothing that is not in danger.
fn waiting() -> Settings {
    let keeping = KeepingSettings { dollars_per_day: Some(NanoDollars(0)), ..KeepingSettings::default() };
    Settings { keeping, probe_every: Duration::from_secs(30), ..settings() }
}

/// A world whose first site lost its piece of each of so many objects, which is known, and nobody restores it.
async fn lacking(seed: u64, objects: u64) -> World {
    let mut world = World::under(seed, waiting(), [Label::LOWEST; 4]).await;
    world.sites.prices = vec![prices(); 4];
    world.engine = world::open(&world.catalog, &world.sites, &world.outside, waiting()).await.unwrap();
    for n in 0..objects {
        world.put(&format!("{n}"), &noise(n, SIZE)).await.unwrap();
    }
    let background = world.background();
    lose_data(&world, 0).await;
    notice(&world).await;
    background.abort();
    assert_eq!(world.below_promise().await, objects);
    world
}

async fn repair(world: &World) -> (Repaired, Compared) {
    world.engine.repair(&system(), Budget::Beyond, |_| {}).await.unwrap()
}

/// Pieces of data at the site that lost all of them, and at all.
fn data(world: &World) -> (usize, usize) {
    let here = world.sites.memories[0].names().iter().filter(|name| name.contains("/d/")).count();
    (here, world.sites.count("/d/"))
}

async fn all_is_there(world: &World, objects: u64) {
    // The promise, and the piece that was restored is needed for it.
    world.sites.set(&[1, 2], State::Gone);
    for n in 0..objects {
        assert!(world.get(&format!("{n}")).await.unwrap() == noise(n, SIZE), "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_repair_does_what_its_plan_says_and_costs_what_it_says() {
    let world = lacking(1, 4).await;
    let site = world.engine.status(&system()).await.unwrap().sites[1].site.id;
    let pieces = world.catalog.pieces_at(site, None, 100).await.unwrap();
    let length = pieces.iter().find(|piece| piece.name.kind == SegmentKind::Data).unwrap().length;
    // Each from two others and one to compare them with.
    let wanted = Bill {
        segments: 4,
        pieces: 4,
        bytes_read: 4 * 3 * length,
        bytes_written: 4 * length,
        requests: 4 * (3 + 1),
        cost: NanoDollars(4 * (3 * 30 + 700)),
    };
    let plan = world.engine.plan_repair(&system()).await.unwrap();
    assert_eq!((plan.by_spare.clone(), plan.waiting.len()), ([(1, wanted)].into(), 0));
    assert_eq!(plan.total(), wanted);
    assert_eq!(data(&world), (0, 12), "a plan changes nothing");
    let ((repaired, compared), asked) = world.sites.asked_by(repair(&world)).await;
    assert_eq!((repaired.bill, repaired.segments, repaired.pieces), (wanted, 4, 4));
    assert_eq!((asked.gets, asked.bytes), (12, wanted.bytes_read), "and the sites say so too");
    assert_eq!((data(&world), compared.missing), ((4, 16), 0));
    assert_eq!(world.engine.plan_repair(&system()).await.unwrap(), engine::RepairPlan::default());
    all_is_there(&world, 4).await;
}

#[tokio::test(start_paused = true)]
async fn two_repairs_at_once_mend_each_piece_once() {
    let world = lacking(2, 6).await;
    world.sites.latency(Duration::from_millis(20));
    let ((one, _), (other, _)) = tokio::join!(repair(&world), repair(&world));
    assert_eq!(one.pieces + other.pieces, 6, "{one:?} {other:?}");
    assert_eq!(data(&world), (6, 24), "nothing lies there twice");
    assert_eq!(world.below_promise().await, 0);
    all_is_there(&world, 6).await;
}

/// Cut after ever longer, and begun again by another process, it comes to its end.
#[tokio::test(start_paused = true)]
async fn a_repair_that_is_cut_in_the_middle_goes_on() {
    const OBJECTS: u64 = 20;
    let mut world = lacking(3, OBJECTS).await;
    world.sites.latency(Duration::from_millis(40));
    let mut left = Vec::new();
    for step in 1u64.. {
        let done = tokio::time::timeout(Duration::from_millis(step * 35), repair(&world)).await;
        if let Ok((_, compared)) = done {
            assert_eq!(compared.missing, 0);
            break;
        }
        world.engine.drain().await;
        world.engine = world::open(&world.catalog, &world.sites, &world.outside, waiting()).await.unwrap();
        left.push(world.below_promise().await);
    }
    assert!(left.iter().any(|left| (1..OBJECTS).contains(left)), "cut in the middle: {left:?}");
    assert!(left.is_sorted_by(|one, next| one >= next), "what is done stays done: {left:?}");
    assert_eq!(world.below_promise().await, 0);
    all_is_there(&world, OBJECTS).await;
}
