//! Faults planted at simulated sites are found and named, what is well is left in peace, and nobody spends
//! more than the day's budget.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::world::{self, World, noise, settings};
use bytes::Bytes;
use catalog::Catalog;
use catalog::proof::{PieceAt, Proof};
use coding::piece::{DIGEST, HEADER, Header, Layout};
use coding::segment::restore_piece;
use engine::{
    Depth, Fault, Finding, Purse, ScrubDone, ScrubOrder, ScrubPlan, ScrubSettings, Settings, SiteScrub, Spent,
    Standard, Stop, Tally,
};
use model::{Label, NanoDollars, PieceName, Prices, SegmentKind, SiteId};
use policy::{DeleteObject, SystemPermit};
use providers::Store;
use providers::fault::State;
use tokio::sync::watch;

const HOUR: Duration = Duration::from_secs(3600);
/// The site that is made ill.
const ILL: usize = 1;

fn system() -> SystemPermit {
    SystemPermit::for_background_work()
}

async fn site_id(world: &World, which: usize) -> SiteId {
    world.engine.status(&system()).await.unwrap().sites[which].site.id
}

async fn scrub_from(world: &World, purse: Purse, depth: Depth) -> ScrubDone {
    let order = ScrubOrder { sites: BTreeSet::new(), depths: vec![depth], purse };
    let progress = watch::Sender::new(ScrubDone::default());
    world.engine.scrub(&system(), &order, &progress).await.unwrap()
}

async fn scrub(world: &World, depth: Depth) -> ScrubDone {
    scrub_from(world, Purse::Beyond, depth).await
}

/// What a plan says of a depth, over all sites.
fn planned(plan: &ScrubPlan, depth: Depth) -> Spent {
    let of = |site: &SiteScrub| site.by_depth.get(&depth).copied().unwrap_or_default();
    plan.sites.iter().fold(Spent::default(), |sum, site| sum.and(of(site)))
}

/// What was found and is not over.
async fn open_findings(world: &World) -> Vec<Finding> {
    let highest = Label::highest_of(Label::LOWEST.table());
    let findings = world.engine.findings(&system(), &highest).await.unwrap();
    findings.into_iter().filter(|finding| finding.over.is_none()).collect()
}

/// What the ill site holds of the one large object.
struct Victim {
    piece: PieceAt,
    object: String,
    bytes: Bytes,
}

/// A world with one object of several stripes, some small ones, and what the ill site holds of the first.
async fn with_victim(seed: u64) -> (World, Victim) {
    let world = World::new(seed).await;
    world.put("large", &noise(seed, 3 << 20)).await.unwrap();
    for n in 0..3 {
        world.put(&format!("small-{n}"), &noise(n, 4096)).await.unwrap();
    }
    let pieces = world.catalog.pieces_at(site_id(&world, ILL).await, None, 100).await.unwrap();
    let piece = pieces.into_iter().find(|piece| piece.name.kind == SegmentKind::Data).unwrap();
    let object = object_of(&world, &piece.name).await;
    let bytes = world.sites.memories[ILL].get_range(&object, 0..piece.length).await.unwrap();
    // What was proven at this very moment is not due.
    tokio::time::sleep(Duration::from_secs(1)).await;
    (world, Victim { piece, object, bytes })
}

async fn object_of(world: &World, name: &PieceName) -> String {
    format!("{}/{name}", world.engine.status(&system()).await.unwrap().enclave)
}

async fn overwrite(world: &World, object: &str, bytes: Bytes) {
    world.sites.memories[ILL].delete(object).await.unwrap();
    world.sites.memories[ILL].put_new(object, bytes).await.unwrap();
}

/// One bit of every cell, so that whichever is read shows it.
fn flipped(bytes: &Bytes) -> Bytes {
    let stride = Header::decode(bytes).unwrap().cell as usize + DIGEST;
    let mut bytes = bytes.to_vec();
    (HEADER + 5..bytes.len() - 100).step_by(stride).for_each(|at| bytes[at] ^= 4);
    bytes.into()
}

/// A piece that proves itself and holds something else: parity of data that was never written.
async fn made_up(world: &World, victim: &Victim) -> Bytes {
    let segment = world.catalog.segment(victim.piece.segment).await.unwrap().unwrap();
    let mut others = Vec::new();
    for piece in segment.pieces.iter().filter(|piece| piece.index != victim.piece.index).take(2) {
        let object = object_of(world, &piece.name).await;
        let mut found = None;
        for memory in &world.sites.memories {
            if let Ok(bytes) = memory.get_range(&object, 0..victim.piece.length).await {
                found = Some(bytes);
            }
        }
        others.push((piece.index, flipped(&found.unwrap())));
    }
    let header = Header::decode(&victim.bytes).unwrap();
    let have: Vec<(u8, &[u8])> = others.iter().map(|(index, bytes)| (*index, bytes.as_ref())).collect();
    restore_piece(header.identity(), Layout::of(&header), victim.piece.index, &have).unwrap()
}

/// Scrubs find this fault of the victim and no other, at every depth that can.
async fn check_found(world: &World, object: &str, fault: Fault, depths: &[Depth]) {
    let ill = site_id(world, ILL).await;
    for depth in depths {
        let done = scrub(world, *depth).await;
        assert_eq!(done.found.keys().copied().collect::<Vec<_>>(), [fault], "{depth:?}");
        let findings = open_findings(world).await;
        let [finding] = findings.as_slice() else { panic!("{depth:?} of {fault:?}: {findings:?}") };
        assert_eq!((finding.fault, finding.site, finding.object.as_str()), (fault, ill, object), "{depth:?}");
    }
}

/// The lost piece is replaced, nothing is wrong any more, and the ledger is as before.
async fn check_healed(world: &World, fault: Fault) {
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.caught_up().await;
    background.abort();
    for depth in Depth::ALL {
        let done = scrub(world, depth).await;
        assert!(done.found.is_empty() && done.stopped.is_empty(), "{depth:?} after {fault:?}: {done:?}");
    }
    assert!(open_findings(world).await.is_empty());
    assert_eq!(world.get("large").await.unwrap().len(), 3 << 20);
    assert_eq!(spares(world, Standard::ReadWithin { days: 7 }).await, [(2, 4)]);
}

/// Objects by spare pieces.
async fn spares(world: &World, standard: Standard) -> Vec<(i64, u64)> {
    let ledger = world.engine.durability(&system()).await.unwrap();
    let [row] = ledger.rows.as_slice() else { panic!("one bucket") };
    row.by_spare[&standard].iter().map(|(spare, tally)| (*spare, tally.objects)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_missing_piece_is_named_at_every_depth_and_replaced() {
    let (world, victim) = with_victim(1).await;
    world.sites.memories[ILL].delete(&victim.object).await.unwrap();
    check_found(&world, &victim.object, Fault::Missing, &Depth::ALL).await;
    check_healed(&world, Fault::Missing).await;
}

#[tokio::test(start_paused = true)]
async fn a_truncated_piece_is_named_and_replaced() {
    let (world, victim) = with_victim(2).await;
    overwrite(&world, &victim.object, victim.bytes.slice(..victim.bytes.len() - 10)).await;
    check_found(&world, &victim.object, Fault::Truncated, &[Depth::Inventory, Depth::Heads]).await;
    check_healed(&world, Fault::Truncated).await;
    let (world, victim) = with_victim(3).await;
    overwrite(&world, &victim.object, victim.bytes.slice(..100)).await;
    check_found(&world, &victim.object, Fault::Truncated, &Depth::ALL).await;
}

#[tokio::test(start_paused = true)]
async fn a_flipped_bit_is_named_and_its_piece_replaced() {
    let (world, victim) = with_victim(4).await;
    overwrite(&world, &victim.object, flipped(&victim.bytes)).await;
    for depth in [Depth::Inventory, Depth::Heads] {
        assert!(scrub(&world, depth).await.found.is_empty(), "nobody reads it");
    }
    check_found(&world, &victim.object, Fault::Damaged, &[Depth::Cells]).await;
    check_healed(&world, Fault::Damaged).await;
}

#[tokio::test(start_paused = true)]
async fn a_piece_rolled_back_to_other_content_is_named_and_replaced() {
    let (world, victim) = with_victim(5).await;
    // Whole, sound, of the same length, and of another segment.
    world.put("other", &noise(9, 3 << 20)).await.unwrap();
    let pieces = world.catalog.pieces_at(site_id(&world, ILL).await, None, 100).await.unwrap();
    let twin = pieces.iter().find(|piece| piece.segment != victim.piece.segment && piece.length == victim.piece.length);
    let twin = object_of(&world, &twin.unwrap().name).await;
    let bytes = world.sites.memories[ILL].get_range(&twin, 0..victim.piece.length).await.unwrap();
    overwrite(&world, &victim.object, bytes).await;
    assert!(scrub(&world, Depth::Inventory).await.found.is_empty(), "its length is right");
    check_found(&world, &victim.object, Fault::Replaced, &[Depth::Cells]).await;
    let permit = world.permit::<DeleteObject>("other").await;
    world.engine.delete(permit, model::Precondition::None).await.unwrap();
    check_healed(&world, Fault::Replaced).await;
}

#[tokio::test(start_paused = true)]
async fn a_made_up_piece_is_named_and_left_to_a_reader() {
    let (world, victim) = with_victim(6).await;
    let forged = made_up(&world, &victim).await;
    assert!(coding::piece::verify_piece(&forged).is_ok() && forged != victim.bytes);
    overwrite(&world, &victim.object, forged).await;
    check_found(&world, &victim.object, Fault::Contradicts, &[Depth::Cells]).await;
    assert_eq!(world.below_promise().await, 0, "only a reader can tell whose fault it is");
    // The reader has the key: whichever it meets, what it gives is what was written.
    assert!(world.get("large").await.unwrap() == noise(6, 3 << 20));
}

/// What is restored from pieces of which one was made up would be as wrong, and prove itself.
#[tokio::test(start_paused = true)]
async fn nothing_is_restored_while_pieces_contradict_each_other() {
    let (world, victim) = with_victim(6).await;
    let forged = made_up(&world, &victim).await;
    overwrite(&world, &victim.object, forged).await;
    let segment = world.catalog.segment(victim.piece.segment).await.unwrap().unwrap();
    let lost = segment.pieces.iter().rfind(|piece| piece.index != victim.piece.index).unwrap();
    assert!(victim.piece.index < lost.index, "what is restored is restored from it");
    let object = object_of(&world, &lost.name).await;
    for memory in world.sites.memories.iter().filter(|memory| memory.names().contains(&object)) {
        memory.delete(&object).await.unwrap();
    }
    scrub(&world, Depth::Inventory).await;
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(world.below_promise().await, 1, "nobody can tell yet which piece is right");
    // The reader can, and says so.
    assert!(world.get("large").await.unwrap() == noise(6, 3 << 20));
    tokio::time::sleep(Duration::from_secs(600)).await;
    background.abort();
    assert_eq!(world.below_promise().await, 0);
    assert!(scrub(&world, Depth::Cells).await.found.is_empty());
}

#[tokio::test(start_paused = true)]
async fn strays_and_foreign_objects_are_named_and_left_alone() {
    let (mut world, victim) = with_victim(7).await;
    // Another process: the first one's epoch is closed.
    world.engine = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
    let enclave = world.engine.status(&system()).await.unwrap().enclave;
    let stray = object_of(&world, &PieceName { random: [0x5a; 16], ..victim.piece.name }).await;
    let young = object_of(&world, &PieceName { epoch: model::Epoch(2), ..victim.piece.name }).await;
    let foreign = ["0/somebody".to_owned(), format!("{enclave}/notes"), "zz".to_owned()];
    for object in [&stray, &young].into_iter().chain(&foreign) {
        world.sites.memories[ILL].put_new(object, Bytes::from_static(b"what")).await.unwrap();
    }
    for _ in 0..2 {
        scrub(&world, Depth::Inventory).await;
        let found: BTreeSet<_> =
            open_findings(&world).await.into_iter().map(|finding| (finding.fault, finding.object)).collect();
        let wanted = foreign.iter().map(|object| (Fault::Foreign, object.clone()));
        assert_eq!(found, wanted.chain([(Fault::Stray, stray.clone())]).collect());
    }
    assert!(foreign.iter().all(|object| world.sites.memories[ILL].names().contains(object)));
    // What is gone is over.
    world.sites.memories[ILL].delete(&stray).await.unwrap();
    world.sites.memories[ILL].delete(&foreign[1]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    scrub(&world, Depth::Inventory).await;
    let left: BTreeSet<_> = open_findings(&world).await.into_iter().map(|finding| finding.object).collect();
    assert_eq!(left, BTreeSet::from([foreign[0].clone(), foreign[2].clone()]));
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_leaves_a_piece_out_is_told_from_a_piece_that_is_missing() {
    let (world, victim) = with_victim(8).await;
    let hide = |object: String| world.sites.faults[ILL].change(|plan| plan.unlisted.extend([object]));
    hide(victim.object.clone());
    check_found(&world, &victim.object, Fault::LyingList, &[Depth::Inventory]).await;
    assert_eq!(world.below_promise().await, 0);
    let proven = world.catalog.piece_at(site_id(&world, ILL).await, victim.piece.name).await.unwrap().unwrap();
    assert!(proven.seen > victim.piece.seen, "its head proved it");
    // A site that lists nothing at all, and has everything.
    let names = world.sites.memories[ILL].names();
    names.iter().cloned().for_each(hide);
    scrub(&world, Depth::Inventory).await;
    let findings = open_findings(&world).await;
    assert!(findings.len() >= 5 && findings.iter().all(|finding| finding.fault == Fault::LyingList), "{findings:?}");
    world.sites.faults[ILL].change(|plan| plan.unlisted.clear());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(scrub(&world, Depth::Inventory).await.found.is_empty());
    assert!(open_findings(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_where_writes_deletions_and_sweeps_go_on() {
    let settings = Settings {
        sweep_after: HOUR / 2,
        sweep_every: HOUR / 6,
        probe_every: HOUR / 60,
        scrub: ScrubSettings { seen_every: HOUR / 2, read_every: HOUR, ..ScrubSettings::default() },
        ..settings()
    };
    let mut world = World::with(9, settings.clone()).await;
    world.sites.latency(Duration::from_millis(3));
    let mut background = world.background();
    for n in 0_u64..40 {
        let size = if n % 3 == 0 { 2 << 20 } else { 5000 };
        world.put(&format!("key-{}", n % 7), &noise(n, size)).await.unwrap();
        if n % 4 == 0 {
            let permit = world.permit::<DeleteObject>(&format!("key-{}", n % 5)).await;
            world.engine.delete(permit, model::Precondition::None).await.unwrap();
        }
        if n % 20 == 0 {
            for depth in Depth::ALL {
                scrub(&world, depth).await;
            }
        }
        // An epoch lasts a day: here a new process closes it sooner.
        if n % 13 == 12 {
            background.abort();
            world.engine = world::open(&world.catalog, &world.sites, &world.outside, settings.clone()).await.unwrap();
            background = world.background();
        }
        tokio::time::sleep(HOUR / 6).await;
    }
    background.abort();
    let highest = Label::highest_of(Label::LOWEST.table());
    let findings = world.engine.findings(&system(), &highest).await.unwrap();
    assert_eq!(findings, [], "not even for a while");
    for standard in [Standard::Recorded, Standard::SeenWithin { days: 1 }, Standard::ReadWithin { days: 7 }] {
        let spares = spares(&world, standard).await;
        assert!(spares.iter().all(|(spare, _)| *spare == 2), "{standard:?}: {spares:?}");
    }
    // The sweeps did sweep: most of what was overwritten is gone.
    let kept = world.sites.count("/d/");
    assert!(kept < 4 * 11, "{kept} of {} data pieces are left", 4 * 14);
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_kept_across_restarts_and_given_anew_each_day() {
    let budget = Spent { requests: 40, bytes: 1 << 30, cost: NanoDollars(u64::MAX) };
    let settings = Settings { scrub: ScrubSettings { budget, ..ScrubSettings::default() }, ..settings() };
    let mut world = World::with(10, settings.clone()).await;
    for n in 0..30 {
        world.put(&format!("large-{n}"), &noise(n, 2 << 20)).await.unwrap();
    }
    let mut before = world.requests().await;
    let mut days = 0;
    let mut asked_in_all = 0;
    loop {
        let mut asked = 0;
        tokio::time::sleep(Duration::from_secs(1)).await;
        for restart in 0..3 {
            let done = scrub_from(&world, Purse::Day, Depth::Cells).await;
            asked += world.requests().await - before;
            assert!(done.stopped.iter().all(|(_, _, stop)| *stop == Stop::Spent), "{done:?}");
            if restart < 2 {
                world.engine =
                    world::open(&world.catalog, &world.sites, &world.outside, settings.clone()).await.unwrap();
            }
            before = world.requests().await;
        }
        assert!(asked <= 4 * 40, "{asked} requests in a day");
        asked_in_all += asked;
        days += 1;
        let all_read = read_since(&world, days).await;
        if all_read {
            break;
        }
        assert!(days < 10, "it begins anew every day");
        for site in 0..4 {
            let state = world.catalog.scrub_state(site_id(&world, site).await).await.unwrap();
            assert!(state.spent.requests <= 40 && state.spent.requests > 0, "{state:?}");
        }
        tokio::time::sleep(24 * HOUR).await;
    }
    assert!(days > 1, "thirty segments and the journal are more than a day's forty requests");
    assert!(asked_in_all > 4 * 30, "{asked_in_all}");
}

/// The walk over each site ends with the day's bytes or dollars as it does with the day's requests.
#[tokio::test(start_paused = true)]
async fn a_scrub_spends_no_more_bytes_and_no_more_dollars_than_a_day_has() {
    let get = NanoDollars(1000);
    for budget in
        [Spent { bytes: 300_000, ..Spent::UNBOUNDED }, Spent { cost: NanoDollars(9 * get.0), ..Spent::UNBOUNDED }]
    {
        let settings = Settings { scrub: ScrubSettings { budget, ..ScrubSettings::default() }, ..settings() };
        let mut world = World::with(13, settings.clone()).await;
        world.sites.prices = vec![Prices { get, ..Prices::default() }; 4];
        world.engine = world::open(&world.catalog, &world.sites, &world.outside, settings).await.unwrap();
        for n in 0..12 {
            world.put(&format!("large-{n}"), &noise(n, 2 << 20)).await.unwrap();
        }
        for day in 0..2 {
            tokio::time::sleep(Duration::from_secs(day * 24 * 3600 + 1)).await;
            for again in [false, true] {
                let (done, asked) = world.sites.asked_by(scrub_from(&world, Purse::Day, Depth::Cells)).await;
                let stops: Vec<Stop> = done.stopped.iter().map(|(_, _, stop)| *stop).collect();
                assert_eq!(stops, [Stop::Spent; 4], "{done:?}");
                let spent = Spent { requests: asked.gets, bytes: asked.bytes, cost: NanoDollars(asked.gets * get.0) };
                assert_eq!(done.spent, spent, "what was asked was paid");
                assert!(again || done.proven > 4, "the day has something to spend: {done:?}");
            }
            for site in 0..4 {
                let spent = world.catalog.scrub_state(site_id(&world, site).await).await.unwrap().spent;
                assert!(spent.is_within(budget) && spent.requests > 0, "{spent:?} of {budget:?}");
            }
        }
    }
}

/// Whether every piece was read since the world began, `days` days ago at most.
async fn read_since(world: &World, days: i64) -> bool {
    let now = world.outside.clock.now().0;
    for site in 0..4 {
        let oldest = world.catalog.least_proven(site_id(world, site).await, Proof::Read, None, 1).await.unwrap();
        let read = oldest[0].read.unwrap().0;
        // Written at the very beginning of the virtual time.
        if read < 1_790_000_000_000 + 1 || read < now - days * 24 * 3_600_000 {
            return false;
        }
    }
    true
}

#[tokio::test(start_paused = true)]
async fn what_is_not_due_costs_nothing_and_a_site_that_is_out_is_not_asked() {
    let world = World::new(11).await;
    world.put("a", &noise(1, 2 << 20)).await.unwrap();
    let background = world.background();
    tokio::time::sleep(HOUR).await;
    let spent = async || {
        let mut sum = Spent::default();
        for site in 0..4 {
            sum = sum.and(world.catalog.scrub_state(site_id(&world, site).await).await.unwrap().spent);
        }
        sum
    };
    let first = spent().await;
    assert!(first.requests > 0 && first.bytes == 0, "one inventory: {first:?}");
    tokio::time::sleep(5 * HOUR).await;
    assert_eq!(spent().await, first);
    background.abort();
    world.sites.set(&[ILL], State::Gone);
    for _ in 0..4 {
        world.sites.faults[ILL].head("x").await.unwrap_err();
        let _ = world.get("a").await;
    }
    let done = scrub(&world, Depth::Heads).await;
    assert!(done.stopped.iter().any(|(_, _, stop)| *stop == Stop::Out), "{done:?}");
    assert!(open_findings(&world).await.is_empty(), "silence is no fault of a piece");
}

#[tokio::test(start_paused = true)]
async fn the_ledger_ages_and_a_scrub_makes_it_young() {
    let (world, _) = with_victim(12).await;
    let (seen, read) = (Standard::SeenWithin { days: 1 }, Standard::ReadWithin { days: 7 });
    assert_eq!((spares(&world, seen).await, spares(&world, read).await), (vec![(2, 4)], vec![(2, 4)]));
    tokio::time::sleep(8 * 24 * HOUR).await;
    assert_eq!((spares(&world, seen).await, spares(&world, read).await), (vec![(-2, 4)], vec![(-2, 4)]));
    scrub(&world, Depth::Inventory).await;
    assert_eq!((spares(&world, seen).await, spares(&world, read).await), (vec![(2, 4)], vec![(-2, 4)]));
    scrub(&world, Depth::Cells).await;
    assert_eq!(spares(&world, read).await, [(2, 4)]);
    world.sites.set(&[ILL], State::Gone);
    tokio::time::sleep(8 * 24 * HOUR).await;
    scrub(&world, Depth::Cells).await;
    assert_eq!(spares(&world, read).await, [(1, 4)], "three of four were read");
    assert_eq!(spares(&world, Standard::Recorded).await, [(2, 4)]);
    let ledger = world.engine.durability(&system()).await.unwrap();
    assert_eq!((ledger.rows[0].all.objects, ledger.rows[0].all.bytes), (4, (3 << 20) + 3 * 4096));
    let young = Arc::new(ledger.sites.clone());
    assert!(young[0].oldest_read.unwrap() > young[ILL].oldest_read.unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_ledger_tells_objects_and_bytes_by_spare_pieces() {
    let world = World::new(14).await;
    world.put("old", &noise(1, 7000)).await.unwrap();
    world.put("older", &noise(2, 2 << 20)).await.unwrap();
    tokio::time::sleep(2 * 24 * HOUR).await;
    world.put("young", &noise(3, 500)).await.unwrap();
    let row = world.engine.durability(&system()).await.unwrap().rows[0].clone();
    let (old, young) = (Tally { objects: 2, bytes: 7000 + (2 << 20) }, Tally { objects: 1, bytes: 500 });
    assert_eq!(row.by_spare[&Standard::SeenWithin { days: 1 }], [(-2, old), (2, young)].into());
    let all = Tally { objects: 3, bytes: old.bytes + young.bytes };
    assert_eq!((&row.by_spare[&Standard::Recorded], row.all), (&[(2, all)].into(), all));
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_is_out_counts_as_lost_from_one_moment_to_the_next() {
    let (world, _) = with_victim(13).await;
    let ledger = world.engine.durability(&system()).await.unwrap();
    let [row] = ledger.rows.as_slice() else { panic!("one bucket") };
    // Of the same ledger: nobody walks again.
    let now = || -> Vec<(i64, u64)> {
        let by_vendors = world.engine.by_vendors(&system(), &ledger, row);
        by_vendors.into_iter().map(|(more, tally)| (more, tally.objects)).collect()
    };
    let takes = || world.engine.takes_writes(&system(), row.bucket.profile, row.bucket.label);
    assert_eq!((now(), takes()), (vec![(2, 4)], true));
    for (gone, expected) in [(&[ILL][..], 1), (&[ILL, 2], 0), (&[ILL, 2, 3], -1)] {
        world.sites.set(gone, State::Gone);
        let background = world.background();
        tokio::time::sleep(Duration::from_secs(120)).await;
        background.abort();
        assert_eq!((now(), takes()), (vec![(expected, 4)], gone.len() < 3), "{gone:?}");
    }
    world.sites.set(&[ILL, 2, 3], State::Well);
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(600)).await;
    background.abort();
    assert_eq!((now(), takes()), (vec![(2, 4)], true));
}

#[tokio::test(start_paused = true)]
async fn a_scrub_spends_what_its_plan_says() {
    let (world, victim) = with_victim(77).await;
    let ill = site_id(&world, ILL).await;
    let order = |sites: &[SiteId], depth| ScrubOrder {
        sites: sites.iter().copied().collect(),
        depths: vec![depth],
        purse: Purse::Day,
    };
    for depth in [Depth::Inventory, Depth::Heads] {
        // What was seen at this very moment is not asked for again.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let plan = world.engine.plan_scrub(&system(), &order(&[], depth)).await.unwrap();
        assert_eq!(scrub(&world, depth).await.spent, planned(&plan, depth), "{depth:?}");
        assert!(plan.sites.iter().all(|site| site.pieces > 0 && site.is_within(plan.budget)), "{depth:?}");
        assert!(plan.sites.iter().all(|site| !site.is_within(Spent::default())), "{depth:?}");
    }
    let one = order(&[ill], Depth::Cells);
    let plan = world.engine.plan_scrub(&system(), &one).await.unwrap();
    let done = world.engine.scrub(&system(), &one, &watch::Sender::default()).await.unwrap().spent;
    let told = planned(&plan, Depth::Cells);
    assert_eq!(plan.sites.len(), 4, "the stripes lie at the other sites too");
    assert_eq!(plan.sites.iter().filter(|site| site.pieces > 0).count(), 1);
    assert_eq!(done.bytes, told.bytes);
    // A stripe whose first cell follows the header takes a request less.
    assert!(done.requests <= told.requests && done.requests > told.requests / 2, "{done:?} {told:?}");

    // What is wrong there is asked for once more, and a site that is out is said to be out.
    world.sites.memories[ILL].delete(&victim.object).await.unwrap();
    scrub(&world, Depth::Inventory).await;
    let plan = world.engine.plan_scrub(&system(), &order(&[ill], Depth::Heads)).await.unwrap();
    assert_eq!(planned(&plan, Depth::Heads).requests, plan.sites[0].pieces + 1);
    world.sites.set(&[ILL], State::Gone);
    tokio::time::sleep(Duration::from_secs(1)).await;
    scrub(&world, Depth::Heads).await;
    let plan = world.engine.plan_scrub(&system(), &order(&[], Depth::Heads)).await.unwrap();
    assert!(plan.sites.iter().all(|site| site.is_out == (site.site.id == ill)), "{plan:?}");
    assert!(plan.sites.iter().all(|site| site.is_out == (site.total() == Spent::default())), "{plan:?}");
}
