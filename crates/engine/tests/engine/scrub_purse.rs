//! What a scrub costs is paid for, to the last request, and no site can waste it: whatever its listing leaves
//! out, and whatever it is used for.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::world::{World, noise, settings};
use bytes::Bytes;
use catalog::Catalog;
use catalog::proof::PieceAt;
use coding::piece::{DIGEST, HEADER, Header};
use engine::{Depth, Fault, Finding, Purse, ScrubDone, ScrubOrder, ScrubSettings, Settings, Spent};
use model::{Label, NanoDollars, SegmentKind, SiteId, SiteState};
use policy::SystemPermit;
use providers::Store;
use providers::fault::State;
use tokio::sync::watch;

const HOUR: Duration = Duration::from_secs(3600);
/// The site that is made ill.
const ILL: usize = 1;

fn system() -> SystemPermit {
    SystemPermit::for_background_work()
}

async fn ill(world: &World) -> SiteId {
    world.engine.status(&system()).await.unwrap().sites[ILL].site.id
}

/// Of the ill site alone, without limit.
async fn scrub(world: &World, depth: Depth) -> ScrubDone {
    let order = ScrubOrder { sites: BTreeSet::from([ill(world).await]), depths: vec![depth], purse: Purse::Beyond };
    let progress = watch::Sender::new(ScrubDone::default());
    world.engine.scrub(&system(), &order, &progress).await.unwrap()
}

async fn findings(world: &World) -> Vec<Finding> {
    let highest = Label::highest_of(Label::LOWEST.table());
    let mut findings = world.engine.findings(&system(), &highest).await.unwrap();
    findings.retain(|finding| finding.over.is_none());
    findings
}

/// Each is a piece of the journal at every site.
async fn put_small(world: &World, count: u64) {
    for n in 0..count {
        world.put(&format!("small-{n}"), &noise(n, 100)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// The ill site lists nothing of what it has by now.
fn hide_all(world: &World) -> usize {
    let names = world.sites.memories[ILL].names();
    let count = names.len();
    world.sites.faults[ILL].change(|plan| plan.unlisted.extend(names));
    count
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_leaves_everything_out_is_soon_not_believed_and_costs_little() {
    let world = World::new(1).await;
    put_small(&world, 150).await;
    assert!(hide_all(&world) > 150);
    let before = world.requests().await;
    let done = scrub(&world, Depth::Inventory).await;
    assert_eq!(done.found, [(Fault::LyingList, 100)].into(), "so many are enough to know it");
    let asked = world.requests().await - before;
    assert!((100..110).contains(&asked), "{asked} requests");
    assert!(done.stopped.is_empty(), "and the walk came to its end: {done:?}");
    // What was not asked for comes by its age.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(scrub(&world, Depth::Heads).await.proven > 150);
}

#[tokio::test(start_paused = true)]
async fn a_walk_pays_once_for_each_piece_and_leaves_something_to_the_others() {
    // The world begins in the afternoon: more than half of it is given out at once, and then four an hour.
    let budget = Spent { requests: 96, bytes: 1 << 30, cost: NanoDollars(u64::MAX) };
    let scrub = ScrubSettings { budget, ..ScrubSettings::default() };
    let world = World::with(2, Settings { scrub, probe_every: HOUR / 6, ..settings() }).await;
    put_small(&world, 80).await;
    let pieces = hide_all(&world) as u64;
    let background = world.background();
    tokio::time::sleep(19 * HOUR).await;
    let state = world.catalog.scrub_state(ill(&world).await).await.unwrap();
    assert!(state.walks[&Depth::Inventory].ended.is_some(), "it came to its end: {state:?}");
    let found = findings(&world).await;
    let lies = found.iter().filter(|finding| finding.fault == Fault::LyingList);
    let (count, times) = lies.fold((0, 0), |(count, times), finding| (count + 1, times + finding.times));
    assert!(count > pieces * 9 / 10, "{count} of {pieces}");
    assert_eq!(count, times, "each was asked for once");
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn every_try_and_every_whole_read_is_paid_for() {
    let world = World::new(4).await;
    let piece = with_damage(&world).await;
    world.sites.faults[ILL].change(|plan| plan.lost.per_mille = 150);
    for depth in [Depth::Inventory, Depth::Heads] {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let before = world.requests().await;
            let done = scrub(&world, depth).await;
            assert_eq!(world.requests().await - before, done.spent.requests, "{depth:?}: {done:?}");
        }
    }
    world.sites.faults[ILL].change(|plan| plan.lost.per_mille = 0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (done, asked) = world.sites.asked_by(scrub(&world, Depth::Cells)).await;
    assert_eq!(done.found, [(Fault::Damaged, 1)].into());
    // Whoever judges it reads it whole, four times where it stays bad.
    assert_eq!(done.spent.bytes, asked.bytes + 4 * piece.length, "{done:?} {asked:?}");
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(5)).await;
    background.abort();
    assert!(world.catalog.piece_at(ill(&world).await, piece.name).await.unwrap().is_none(), "it was given up");
}

/// Large objects until the ill site has a piece of one, and that piece damaged in every cell.
async fn with_damage(world: &World) -> PieceAt {
    let mut piece = None;
    for n in 0..8 {
        world.put(&format!("large-{n}"), &noise(n, 3 << 20)).await.unwrap();
        let pieces = world.catalog.pieces_at(ill(world).await, None, 100).await.unwrap();
        piece = pieces.into_iter().find(|piece| piece.name.kind == SegmentKind::Data);
        if piece.is_some() {
            break;
        }
    }
    let piece = piece.unwrap();
    let object = format!("{}/{}", world.engine.status(&system()).await.unwrap().enclave, piece.name);
    let memory = &world.sites.memories[ILL];
    let mut bytes = memory.get_range(&object, 0..piece.length).await.unwrap().to_vec();
    let stride = Header::decode(&bytes).unwrap().cell as usize + DIGEST;
    (HEADER + 5..bytes.len() - 100).step_by(stride).for_each(|at| bytes[at] ^= 4);
    memory.delete(&object).await.unwrap();
    memory.put_new(&object, Bytes::from(bytes)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    piece
}

#[tokio::test(start_paused = true)]
async fn a_suspended_site_is_looked_at_since_what_it_holds_counts() {
    let world = World::new(5).await;
    with_damage(&world).await;
    let name = world.engine.status(&system()).await.unwrap().sites[ILL].site.name.clone();
    world.engine.set_sites(&system(), &[name], SiteState::Suspended).await.unwrap();
    for depth in [Depth::Inventory, Depth::Heads] {
        let done = scrub(&world, depth).await;
        assert!(done.proven > 0 && done.stopped.is_empty(), "{depth:?}: {done:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(scrub(&world, Depth::Cells).await.found, [(Fault::Damaged, 1)].into());
}

#[tokio::test(start_paused = true)]
async fn what_was_found_at_a_site_that_died_is_over_when_it_is_left() {
    let world = World::under(6, settings(), [Label::LOWEST; 5]).await;
    with_damage(&world).await;
    let name = world.engine.status(&system()).await.unwrap().sites[ILL].site.name.clone();
    world.sites.memories[ILL].put_new("notes", Bytes::from_static(b"mine")).await.unwrap();
    scrub(&world, Depth::Inventory).await;
    scrub(&world, Depth::Cells).await;
    assert_eq!(findings(&world).await.len(), 2);
    world.sites.set(&[ILL], State::Gone);
    world.engine.set_sites(&system(), std::slice::from_ref(&name), SiteState::Draining).await.unwrap();
    let background = world.background();
    tokio::time::sleep(HOUR / 2).await;
    let left = world.engine.evacuations(&system(), std::slice::from_ref(&name)).await.unwrap();
    assert_eq!(left[0].state, SiteState::Detached);
    assert_eq!(findings(&world).await, []);
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn the_ledger_is_walked_in_the_background_and_tells_its_age() {
    let world = World::new(7).await;
    world.put("a", &noise(1, 2000)).await.unwrap();
    assert!(world.engine.last_durability(&system()).is_none(), "nobody walked yet");
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.put("b", &noise(2, 2000)).await.unwrap();
    let last = || world.engine.last_durability(&system()).unwrap();
    let (ledger, age) = last();
    assert_eq!((ledger.rows[0].all.objects, age), (1, Duration::from_secs(1)), "asking walks over nothing");
    tokio::time::sleep(Duration::from_secs(70)).await;
    let (ledger, age) = last();
    assert_eq!(ledger.rows[0].all.objects, 2);
    assert!(age < Duration::from_secs(60), "{age:?}");
    background.abort();
    tokio::time::sleep(HOUR).await;
    assert!(last().1 > HOUR, "an old one says so");
}
