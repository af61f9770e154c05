//! Leaving a site: whatever else goes on, it is emptied and detached, with every promise kept, every object
//! there, and not one byte read from a vendor that is dead.

use std::time::Duration;

use crate::world::{self, World, noise, settings};
use bytes::Bytes;
use catalog::{Catalog, Proposal};
use engine::{Engine, Settings, Shift, Wait};
use model::{
    Change, Code, Governance, Guard, Label, NanoDollars, Piece, PieceName, Precondition, Prices, SiteState, Vendor,
};
use policy::SystemPermit;
use providers::fault::{Order, Pace, Plan, State};
use providers::{ErrorKind, Kind, Store};

const MIB: usize = 1 << 20;

fn system() -> SystemPermit {
    SystemPermit::for_background_work()
}

fn names(vendors: &[Vendor]) -> Vec<String> {
    vendors.iter().map(|vendor| vendor.name().to_owned()).collect()
}

/// A world over so many vendors that holds small and large objects, one of them by copying.
async fn filled(seed: u64, vendors: usize, settings: Settings) -> World {
    let world = World::under(seed, settings, vec![Label::LOWEST; vendors]).await;
    for n in 0..6 {
        world.put(&format!("small-{n}"), &noise(n, 9_000)).await.unwrap();
        world.put(&format!("large-{n}"), &noise(100 + n, 2 * MIB)).await.unwrap();
    }
    world
}

async fn all_is_there(world: &World) {
    for n in 0..6 {
        assert!(world.get(&format!("small-{n}")).await.unwrap() == noise(n, 9_000), "small-{n}");
        assert!(world.get(&format!("large-{n}")).await.unwrap() == noise(100 + n, 2 * MIB), "large-{n}");
    }
}

async fn state_of(engine: &Engine, name: &str) -> (SiteState, u64) {
    let found = engine.evacuations(&system(), &[name.to_owned()]).await.unwrap();
    (found[0].state, found[0].left)
}

/// Waits (virtual time) until the site is detached.
async fn detached(engine: &Engine, name: &str) {
    for _ in 0..3000 {
        if state_of(engine, name).await.0 == SiteState::Detached {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{name} is not detached: {:?}", state_of(engine, name).await);
}

/// Waits (virtual time) until the evacuation of the site waits for this, and tells what the operator hears of it.
async fn waits_for(engine: &Engine, name: &str, wanted: impl Fn(&Wait) -> bool) -> String {
    let mut last = None;
    for _ in 0..5000 {
        let found = engine.evacuations(&system(), &[name.to_owned()]).await.unwrap().remove(0);
        if let Some(wait) = found.waiting.keys().find(|wait| wanted(wait)) {
            return engine.why(&system(), wait);
        }
        last = Some(found);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("{last:?}");
}

fn failed(wait: &Wait) -> bool {
    matches!(wait, Wait::Failed(_))
}

/// A world over so many vendors that holds some small objects.
async fn small(seed: u64, vendors: usize, settings: Settings) -> World {
    let world = World::under(seed, settings, vec![Label::LOWEST; vendors]).await;
    for n in 0..4 {
        world.put(&format!("small-{n}"), &noise(n, 9_000)).await.unwrap();
    }
    world
}

async fn small_are_there(world: &World) {
    for n in 0..4 {
        assert!(world.get(&format!("small-{n}")).await.unwrap() == noise(n, 9_000), "small-{n}");
    }
}

async fn leave(world: &World, name: &str) {
    world.engine.set_sites(&system(), &[name.to_owned()], SiteState::Draining).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_site_is_left_for_a_vendor_to_spare() {
    let world = filled(1, 5, settings()).await;
    let _background = world.background();
    let (_, before) = state_of(&world.engine, "oracle").await;
    assert!(before > 0);
    leave(&world, "oracle").await;
    world.put("meanwhile", &noise(7, 3 * MIB)).await.unwrap();
    detached(&world.engine, "oracle").await;
    let found = &world.engine.evacuations(&system(), &names(&[Vendor::Oracle])).await.unwrap()[0];
    assert_eq!(found.left, 0);
    assert!(found.moved.pieces >= before, "{:?} of {before}", found.moved);
    assert_eq!(world.below_promise().await, 0);
    // The promise: any two more may go.
    world.sites.set(&[0, 1, 3], State::Gone);
    assert!(world.get("meanwhile").await.unwrap() == noise(7, 3 * MIB));
    all_is_there(&world).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_vendor_to_spare_everything_is_coded_anew() {
    let world = filled(2, 4, settings()).await;
    let _background = world.background();
    let plan = world.engine.plan_evacuation(&system(), &names(&[Vendor::Google])).await.unwrap();
    assert!(plan.recoded >= 6 && plan.copied + plan.computed == 0 && plan.waiting.is_empty(), "{plan:?}");
    let copies = Shift { from: Code { k: 2, m: 2 }, could_lose: 2, to: Code { k: 1, m: 2 }, can_lose: 2 };
    let shifts: Vec<_> = plan.shifts.iter().collect();
    assert!(matches!(shifts.as_slice(), [(shift, of)] if **shift == copies && of.segments == plan.recoded), "{plan:?}");
    assert!(plan.shifts.values().all(|of| of.bytes >= 6 * MIB as u64), "{plan:?}");
    leave(&world, "google").await;
    detached(&world.engine, "google").await;
    assert_eq!(world.below_promise().await, 0);
    world.sites.set(&[1, 2, 3], State::Gone);
    all_is_there(&world).await;
}

/// The sites' own count of requests tells that nothing was read.
#[tokio::test(start_paused = true)]
async fn a_dead_vendor_is_left_without_a_byte_from_it() {
    for vendors in [4, 5] {
        let world = filled(3, vendors, settings()).await;
        let _background = world.background();
        world.sites.set(&[0], State::Gone);
        // Until it is known to be out.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let before = world.sites.asked(0).gets;
        leave(&world, "amazon").await;
        detached(&world.engine, "amazon").await;
        assert_eq!(world.sites.asked(0).gets, before, "with {vendors} vendors");
        assert_eq!(world.below_promise().await, 0);
        all_is_there(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn two_at_once_are_left_too() {
    let world = filled(4, 5, settings()).await;
    let _background = world.background();
    let both = names(&[Vendor::Amazon, Vendor::Own]);
    world.engine.set_sites(&system(), &both, SiteState::Draining).await.unwrap();
    for name in &both {
        detached(&world.engine, name).await;
    }
    assert_eq!(world.below_promise().await, 0);
    all_is_there(&world).await;
}

/// Stopped after ever longer, and begun again over the same catalog and sites, it comes to its end.
#[tokio::test(start_paused = true)]
async fn killed_at_any_moment_it_goes_on() {
    let mut world = filled(5, 5, settings()).await;
    world.sites.latency(Duration::from_millis(40));
    leave(&world, "microsoft").await;
    let mut kills = 0;
    for step in 1u64.. {
        let background = world.background();
        let ran = tokio::time::timeout(Duration::from_millis(step * 35), detached(&world.engine, "microsoft")).await;
        background.abort();
        let _ = background.await;
        if ran.is_ok() {
            break;
        }
        kills += 1;
        world.engine.drain().await;
        let engine = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
        assert_ne!(state_of(&engine, "microsoft").await.0, SiteState::Active, "what is decided stays so");
        world.engine = engine;
    }
    assert!(kills >= 5, "{kills}");
    assert_eq!(world.below_promise().await, 0);
    all_is_there(&world).await;
}

#[tokio::test(start_paused = true)]
async fn what_began_before_is_waited_for() {
    let world = filled(6, 5, settings()).await;
    let _background = world.background();
    // A put whose body stalls in the middle: it may have chosen the site already.
    let (more, frames) = tokio::sync::mpsc::channel::<Result<Bytes, engine::BodyError>>(1);
    let body = Box::pin(futures::stream::unfold(frames, |mut frames| async { Some((frames.recv().await?, frames)) }));
    let put = tokio::spawn({
        let (engine, permit) = (world.engine.clone(), world.permit("slow").await);
        async move {
            engine.put(permit, engine::Put { declared: world::declared(2 * MIB), ..Default::default() }, body).await
        }
    });
    let bytes = noise(9, 2 * MIB);
    more.send(Ok(Bytes::copy_from_slice(&bytes[..MIB + MIB / 2]))).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    leave(&world, "oracle").await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(state_of(&world.engine, "oracle").await, (SiteState::Draining, 0), "empty, and not yet let go");
    more.send(Ok(Bytes::copy_from_slice(&bytes[MIB + MIB / 2..]))).await.unwrap();
    drop(more);
    put.await.unwrap().unwrap();
    detached(&world.engine, "oracle").await;
    assert!(world.get("slow").await.unwrap() == bytes);
}

#[tokio::test(start_paused = true)]
async fn what_leaving_costs_is_told_before_and_after() {
    let mut world = World::under(7, settings(), vec![Label::LOWEST; 5]).await;
    let dear = |n: u64| Prices { egress_gb: NanoDollars(n * NanoDollars::DOLLAR), ..Prices::default() };
    world.sites.prices = vec![dear(9), dear(1), dear(1), dear(1), dear(1)];
    world.engine = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
    for n in 0..6 {
        world.put(&format!("large-{n}"), &noise(100 + n, 2 * MIB)).await.unwrap();
    }
    let plan = world.engine.plan_evacuation(&system(), &names(&[Vendor::Amazon])).await.unwrap();
    assert_eq!(plan.copied, 0, "three others are cheaper: {plan:?}");
    assert!(plan.computed > 0 && plan.dearer > plan.bill.cost, "{plan:?}");
    let cheap = world.engine.plan_evacuation(&system(), &names(&[Vendor::Oracle])).await.unwrap();
    assert!(cheap.copied > 0 && cheap.computed == 0, "{cheap:?}");
    let as_now = |shift: &Shift| shift.from == shift.to && (shift.could_lose, shift.can_lose) == (2, 2);
    assert!(cheap.shifts.keys().all(as_now) && !cheap.shifts.is_empty(), "a fifth vendor is there for it: {cheap:?}");
    let _background = world.background();
    leave(&world, "amazon").await;
    detached(&world.engine, "amazon").await;
    let moved = world.engine.evacuations(&system(), &names(&[Vendor::Amazon])).await.unwrap()[0].moved;
    assert!(moved.cost >= plan.bill.cost && moved.dearer >= plan.dearer, "{moved:?} of {plan:?}");
    assert!(moved.dearer > moved.cost);
}

#[tokio::test(start_paused = true)]
async fn what_would_end_all_writing_is_refused() {
    let world = filled(8, 4, settings()).await;
    let three = names(&[Vendor::Amazon, Vendor::Microsoft, Vendor::Google]);
    for state in [SiteState::Draining, SiteState::Suspended] {
        let error = world.engine.set_sites(&system(), &three, state).await.unwrap_err();
        assert!(error.to_string().contains("add a site first"), "{error}");
    }
    let error = world.engine.set_sites(&system(), &["azure".to_owned()], SiteState::Draining).await.unwrap_err();
    assert!(error.to_string().contains("there are amazon, microsoft"), "{error}");
    let error = world.engine.set_sites(&system(), &three[..1], SiteState::Detached).await.unwrap_err();
    assert!(error.to_string().contains("evacuate"), "{error}");
    assert_eq!(state_of(&world.engine, "amazon").await.0, SiteState::Active);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_site_is_left_alone_and_what_it_holds_counts() {
    let world = filled(9, 4, settings()).await;
    let _background = world.background();
    world.engine.set_sites(&system(), &names(&[Vendor::Google]), SiteState::Suspended).await.unwrap();
    let (gets, puts) = (world.sites.asked(2).gets, world.sites.asked(2).puts);
    all_is_there(&world).await;
    world.put("new", &noise(1, 2 * MIB)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(world.sites.asked(2).gets, gets);
    // Probes go on; pieces do not go there.
    assert_eq!(world.sites.asked(2).puts, puts);
    assert!(state_of(&world.engine, "google").await.1 > 0);
    world.engine.set_sites(&system(), &names(&[Vendor::Google]), SiteState::Active).await.unwrap();
    world.caught_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_detached_site_need_not_be_named_any_more_and_can_come_back() {
    let world = filled(10, 5, settings()).await;
    let background = world.background();
    leave(&world, "own").await;
    detached(&world.engine, "own").await;
    background.abort();
    let _ = background.await;
    world.engine.drain().await;
    let mut fewer = world.sites.clone();
    fewer.faults.truncate(4);
    let engine = world::open(&world.catalog, &fewer, &world.outside, settings()).await.unwrap();
    assert_eq!(engine.status(&system()).await.unwrap().sites.len(), 4);
    engine.drain().await;
    let engine = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
    assert_eq!(state_of(&engine, "own").await.0, SiteState::Detached);
    engine.set_sites(&system(), &names(&[Vendor::Own]), SiteState::Active).await.unwrap();
    assert_eq!(world.catalog.site_states().await.unwrap().iter().filter(|(_, s)| *s == SiteState::Active).count(), 5);
}

/// What a site says of itself, or does not, cannot keep its vendor from being left.
#[tokio::test(start_paused = true)]
async fn a_site_whose_listing_makes_no_sense_is_left_and_the_reason_told() {
    type Oddity = fn(&mut Plan);
    fn answers(plan: &mut Plan, kind: ErrorKind) {
        plan.refused = [(Kind::List, kind)].into();
    }
    let odd: [(&str, Oddity); 4] = [
        ("goes in circles", |plan| plan.order = Order::InCircles),
        ("as invalid", |plan| answers(plan, ErrorKind::Invalid)),
        ("other bytes than were stored", |plan| answers(plan, ErrorKind::Corrupt)),
        ("not found", |plan| answers(plan, ErrorKind::NotFound)),
    ];
    for (why, change) in odd {
        let world = small(11, 5, settings()).await;
        let _background = world.background();
        world.sites.faults[3].change(change);
        leave(&world, "oracle").await;
        let told = waits_for(&world.engine, "oracle", failed).await;
        assert!(told.contains("`oracle`: it does not list what it holds") && told.contains(why), "{why}: {told}");
        detached(&world.engine, "oracle").await;
        assert_eq!(world.below_promise().await, 0, "{why}");
        small_are_there(&world).await;
    }
}

/// What is wrong for a moment proves nothing: the site is asked again.
#[tokio::test(start_paused = true)]
async fn a_listing_that_comes_later_is_waited_for() {
    let world = small(12, 5, settings()).await;
    let _background = world.background();
    world.sites.faults[3].change(|plan| plan.order = Order::InCircles);
    leave(&world, "oracle").await;
    waits_for(&world.engine, "oracle", failed).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(state_of(&world.engine, "oracle").await.0, SiteState::Draining);
    world.sites.faults[3].change(|plan| plan.order = Order::Onwards);
    let lists = world.sites.asked(3).lists;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(state_of(&world.engine, "oracle").await.0, SiteState::Detached);
    assert!(world.sites.asked(3).lists > lists);
}

#[tokio::test(start_paused = true)]
async fn a_site_that_lists_without_end_keeps_no_other_waiting() {
    let settings = Settings { probe_every: Duration::from_secs(600), ..settings() };
    let world = small(13, 5, settings).await;
    let _background = world.background();
    world.sites.faults[0].change(|plan| {
        plan.order = Order::Endless;
        plan.pace = Pace { base: Duration::from_secs(8), ..Pace::default() };
    });
    let both = names(&[Vendor::Amazon, Vendor::Own]);
    world.engine.set_sites(&system(), &both, SiteState::Draining).await.unwrap();
    detached(&world.engine, "own").await;
    assert_eq!(state_of(&world.engine, "amazon").await, (SiteState::Draining, 0));
    let told = waits_for(&world.engine, "amazon", failed).await;
    assert!(told.contains("comes to no end"), "{told}");
}

/// A record that is decided names a piece that the site lists, though by what is shown nothing lies there.
#[tokio::test(start_paused = true)]
async fn a_listed_piece_that_a_record_names_is_waited_for_and_one_that_counts_elsewhere_is_not() {
    let world = small(14, 5, settings()).await;
    let _background = world.background();
    let sites = world.engine.status(&system()).await.unwrap().sites;
    let enclave = world.engine.status(&system()).await.unwrap().enclave;
    let (elsewhere, segment) = world.catalog.segments_at(sites[0].site.id, None, 1).await.unwrap().remove(0);
    let object = |name: &PieceName| format!("{enclave}/{name}");
    let memory = &world.sites.memories[3];
    memory.put_new(&object(&elsewhere), Bytes::from_static(b"a copy")).await.unwrap();
    // Until then it is not looked at what it lists.
    world.sites.faults[3].change(|plan| plan.refused = [(Kind::List, ErrorKind::Invalid)].into());
    leave(&world, "oracle").await;
    waits_for(&world.engine, "oracle", failed).await;
    let name = PieceName { epoch: world.catalog.newest_epoch().await.unwrap(), random: [7; 16], ..elsewhere };
    let change =
        Change::PiecesAdded { segment: segment.id, pieces: vec![Piece { index: 9, site: sites[1].site.id, name }] };
    let proposal = Proposal {
        guard: Guard::default(),
        condition: Precondition::None,
        governance: Governance::Obeyed,
        change,
        body: None,
    };
    let decided = world.catalog.decide(segment.stream, world.outside.clock.now(), vec![proposal]).await.unwrap();
    assert!(matches!(decided[..], [catalog::Decision::Decided(_)]));
    memory.put_new(&object(&name), Bytes::from_static(b"a piece")).await.unwrap();
    world.sites.faults[3].change(|plan| plan.refused.clear());
    let told = waits_for(&world.engine, "oracle", |wait| *wait == Wait::Listed).await;
    assert!(told.contains("lists pieces that count"), "{told}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(state_of(&world.engine, "oracle").await.0, SiteState::Draining);
    memory.delete(&object(&name)).await.unwrap();
    detached(&world.engine, "oracle").await;
    assert!(memory.names().contains(&object(&elsewhere)), "what counts elsewhere did not keep it");
}

#[tokio::test(start_paused = true)]
async fn a_site_that_keeps_a_snapshot_is_left_all_the_same() {
    let often = Settings { snapshot_every: Duration::from_secs(1), snapshot_after: 1, ..settings() };
    let mut world = small(15, 5, settings()).await;
    world.engine = world::open(&world.catalog, &world.sites, &world.outside, often).await.unwrap();
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(5)).await;
    background.abort();
    world.engine.drain().await;
    world.engine = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
    let _background = world.background();
    let snapshots = || world.sites.memories[0].names().iter().filter(|name| name.contains("/s/")).count();
    let before = snapshots();
    assert!(before > 0);
    world.sites.faults[0].change(|plan| plan.refused = [(Kind::Delete, ErrorKind::Denied)].into());
    leave(&world, "amazon").await;
    let told = waits_for(&world.engine, "amazon", failed).await;
    assert!(told.contains("keeps a snapshot"), "{told}");
    detached(&world.engine, "amazon").await;
    assert_eq!(snapshots(), before);
    small_are_there(&world).await;
}

/// Credentials that were taken back, and requests that are answered, but never with what was stored.
#[tokio::test(start_paused = true)]
async fn a_vendor_that_refuses_is_left_without_a_byte_from_it() {
    for (vendors, kind) in [(4, ErrorKind::Denied), (5, ErrorKind::Denied), (5, ErrorKind::NotFound)] {
        let world = filled(16, vendors, settings()).await;
        let _background = world.background();
        let of_it = world.sites.memories[0].used_bytes();
        world.sites.faults[0].change(|plan| {
            plan.refused = [Kind::Get, Kind::Head, Kind::List, Kind::Put, Kind::Delete].map(|of| (of, kind)).into();
        });
        // Until it is known.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let before = world.sites.asked(0);
        leave(&world, "amazon").await;
        detached(&world.engine, "amazon").await;
        assert_eq!(world.sites.asked(0).gets, before.gets, "{kind:?} with {vendors} vendors");
        assert_eq!(world.below_promise().await, 0);
        assert_eq!(world.sites.memories[0].used_bytes(), of_it, "nothing went there");
        all_is_there(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_vendor_is_left_with_both_of_its_sites() {
    let mut world = filled(17, 4, settings()).await;
    world.sites.add(&world.outside);
    let mut parts = world.sites.parts();
    let second = parts.last_mut().unwrap();
    (second.vendor, second.name) = (Vendor::Amazon, "amazon-2".to_owned());
    world.engine = world::open_over(&world.catalog, &world.sites, parts, &world.outside, settings()).await.unwrap();
    for n in 0..6 {
        world.put(&format!("more-{n}"), &noise(200 + n, 2 * MIB)).await.unwrap();
    }
    let _background = world.background();
    let both = ["amazon".to_owned(), "amazon-2".to_owned()];
    for name in &both {
        assert!(state_of(&world.engine, name).await.1 > 0, "something lies at {name}");
    }
    let plan = world.engine.plan_evacuation(&system(), &both).await.unwrap();
    assert!(plan.recoded >= 12 && plan.waiting.is_empty(), "the vendor has no other site to take them: {plan:?}");
    world.engine.set_sites(&system(), &both, SiteState::Draining).await.unwrap();
    for name in &both {
        detached(&world.engine, name).await;
        assert_eq!(state_of(&world.engine, name).await.1, 0);
    }
    assert_eq!(world.below_promise().await, 0);
    // Neither is needed, and the promise is of the three that are left.
    world.sites.set(&[0, 4, 1, 2], State::Gone);
    all_is_there(&world).await;
    for n in 0..6 {
        assert!(world.get(&format!("more-{n}")).await.unwrap() == noise(200 + n, 2 * MIB), "more-{n}");
    }
}
