//! What scrubs observe: proofs of pieces, what was spent, what was found.

use model::{Change, NanoDollars, PieceName, SegmentId, SegmentKind, SiteId, Timestamp};

use super::Subject;
use super::make::{self, EAST, NOW, WEST, id, proposal};
use super::world::World;
use crate::proof::{Account, Aged, BudgetDay, Depth, Fault, Finding, Over, PieceAt, Proof, Spent, Walk};

/// Where all second pieces lie.
const SITE: SiteId = SiteId([1; 16]);
const LATER: Timestamp = Timestamp(NOW.0 + 1000);

fn name(n: u64) -> PieceName {
    make::piece(n, SegmentKind::Data, 1).name
}

fn names(pieces: &[PieceAt]) -> Vec<PieceName> {
    pieces.iter().map(|piece| piece.name).collect()
}

pub async fn pieces_of_a_site_come_by_name<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    for n in [13, 11, 12] {
        world.run(EAST, world.put(n, &n.to_string())).await;
    }
    let all = world.catalog.pieces_at(SITE, None, 100).await.unwrap();
    let data: Vec<_> = all.iter().filter(|piece| piece.name.kind == SegmentKind::Data).copied().collect();
    assert_eq!(names(&data), [11, 12, 13].map(name));
    // One row of a cell and its digest, between header and trailer.
    let expected = (SegmentId(id(11)), 1, 192 + 65_536 + 32 + 64);
    assert_eq!((data[0].segment, data[0].index, data[0].length), expected);
    assert!(all.len() > data.len(), "those of the journal lie there, too");
    let mut sorted = names(&all);
    sorted.sort_by_key(PieceName::to_string);
    assert_eq!(names(&all), sorted, "in the order in which a site lists them");
    for limit in 1..4 {
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let page = world.catalog.pieces_at(SITE, after, limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.name);
            found.extend(page);
        }
        assert_eq!(found, all, "in pages of {limit}");
    }
    assert_eq!(world.catalog.piece_at(SITE, name(12)).await.unwrap(), Some(data[1]));
    assert_eq!(world.catalog.piece_at(SiteId([2; 16]), name(12)).await.unwrap(), None, "it lies elsewhere");
    world.run(EAST, world.delete("12")).await;
    assert_eq!(world.catalog.piece_at(SITE, name(12)).await.unwrap(), None);
}

pub async fn the_oldest_proof_comes_first<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    for n in [11, 12, 13] {
        world.run(EAST, world.put(n, &n.to_string())).await;
    }
    let note = |proof, n, at| world.catalog.note_proof(SITE, proof, vec![name(n)], at);
    let oldest = async |proof, after| {
        let found = world.catalog.least_proven(SITE, proof, after, 100).await.unwrap();
        names(&found).into_iter().filter(|name| name.kind == SegmentKind::Data).collect::<Vec<_>>()
    };
    assert_eq!(oldest(Proof::Seen, None).await, [11, 12, 13].map(name), "by name among equals");
    note(Proof::Seen, 12, LATER).await.unwrap();
    assert_eq!(oldest(Proof::Seen, None).await, [11, 13, 12].map(name));
    assert_eq!(oldest(Proof::Read, None).await, [11, 12, 13].map(name), "to see is not to read");
    note(Proof::Read, 11, Timestamp(LATER.0 + 1)).await.unwrap();
    assert_eq!(oldest(Proof::Read, None).await, [12, 13, 11].map(name));
    assert_eq!(oldest(Proof::Seen, None).await, [11, 13, 12].map(name), "cells say nothing of the length");
    let after = Aged { proven: Some(NOW), name: name(12) };
    assert_eq!(oldest(Proof::Read, Some(after)).await, [13, 11].map(name));
    note(Proof::Read, 11, NOW).await.unwrap();
    let found = world.catalog.piece_at(SITE, name(11)).await.unwrap().unwrap();
    assert_eq!(found.read, Some(Timestamp(LATER.0 + 1)), "no proof grows older");
    world.catalog.note_proof(SiteId([9; 16]), Proof::Read, vec![name(12)], LATER).await.unwrap();
    let found = world.catalog.piece_at(SITE, name(12)).await.unwrap().unwrap();
    assert_eq!((found.seen, found.read), (Some(LATER), Some(NOW)), "another site proves nothing of this one");
}

pub async fn what_was_decided_here_was_proven_here<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let mut put = world.put(11, "a");
    let Change::ObjectPut { segments, .. } = &mut put else { return };
    let late = segments[0].pieces.remove(1);
    world.run(EAST, put).await;
    world.run(WEST, Change::PiecesAdded { segment: SegmentId(id(11)), pieces: vec![late] }).await;
    let found = world.catalog.piece_at(SITE, late.name).await.unwrap().unwrap();
    assert_eq!((found.seen, found.read), (Some(NOW), Some(NOW)));
    // A catalog that replays only hears of pieces, those of the journal among them.
    let replayed = fresh().await;
    replayed.found(model::EnclaveId([0xe0; 16]), make::CONTROL).await.unwrap();
    for batch in world.batches() {
        replayed.show(batch).await.unwrap();
    }
    assert_eq!(replayed.dump().await, world.catalog.dump().await, "the same, but for what was observed");
    let found = replayed.piece_at(SITE, late.name).await.unwrap().unwrap();
    assert_eq!((found.seen, found.read), (None, None));
    let journal = world.batches().pop().unwrap().segment.pieces[1].name;
    assert_eq!(world.catalog.piece_at(SITE, journal).await.unwrap().unwrap().read, Some(NOW));
    assert_eq!(replayed.piece_at(SITE, journal).await.unwrap().unwrap().read, None);
    let first = replayed.least_proven(SITE, Proof::Read, None, 1).await.unwrap();
    assert_eq!(names(&first), [late.name], "what was never proven comes first");
}

pub async fn observations_are_no_part_of_what_is_shown<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    world.run(EAST, world.put(11, "a")).await;
    let before = world.catalog.dump().await;
    world.catalog.note_proof(SITE, Proof::Read, vec![name(11)], LATER).await.unwrap();
    world.catalog.spend(Account::Scrub(SITE), BudgetDay(3), Spent::default(), Spent::UNBOUNDED).await.unwrap();
    world.catalog.set_walk(SITE, Depth::Cells, Walk::default()).await.unwrap();
    let finding = Finding::new(Fault::Stray, SITE, "x".to_owned(), None, NOW);
    world.catalog.note_findings(vec![finding]).await.unwrap();
    assert_eq!(world.catalog.dump().await, before);
}

pub async fn objects_are_proven_as_their_segments_are<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    for (n, key) in [(11, "a"), (12, "b"), (13, "c"), (14, "d")] {
        world.run(EAST, world.put(n, key)).await;
    }
    world.run(EAST, world.delete("b")).await;
    let upload = world.fresh();
    world.run(EAST, world.start(upload, "e")).await;
    for (number, n) in [(1, 15), (2, 16)] {
        world.run(EAST, world.part(upload, number, n)).await;
    }
    world.run(EAST, world.complete(upload, "e", &[15, 16])).await;
    world.catalog.note_proof(SITE, Proof::Read, vec![name(13)], LATER).await.unwrap();
    let expected = [(100, vec![11]), (100, vec![13]), (100, vec![14]), (200, vec![15, 16])];
    for limit in [1, 2, 3, 100] {
        let (mut from, mut found, mut segments) = (Some(0), Vec::new(), std::collections::BTreeMap::new());
        while let Some(row) = from {
            let page = world.catalog.proofs(row, limit).await.unwrap();
            assert!(page.objects.len() <= limit && page.objects.iter().all(|object| object.bucket == world.bucket.id));
            found.extend(page.objects.into_iter().map(|object| (object.bytes, object.segments)));
            segments.extend(page.segments);
            from = page.next;
        }
        let wanted: Vec<_> =
            expected.iter().map(|(bytes, ids)| (*bytes, ids.iter().map(|n| SegmentId(id(*n))).collect())).collect();
        assert_eq!(found, wanted, "in pages of {limit}");
        let of = &segments[&SegmentId(id(13))];
        assert_eq!(of.segment, world.catalog.segment(SegmentId(id(13))).await.unwrap().unwrap());
        let written = (Some(NOW), Some(NOW));
        // Of cells that hold nothing follows for the length.
        assert_eq!(of.proofs, [written, (Some(NOW), Some(LATER)), written, written]);
    }
}

pub async fn what_is_spent_adds_up_until_the_day_is_over<C: Subject>(fresh: impl AsyncFn() -> C) {
    let catalog = fresh().await;
    let spent = |n| Spent { requests: n, bytes: 10 * n, cost: NanoDollars(100 * n) };
    for (day, more, sum) in [(5, 1, 1), (5, 2, 3), (6, 4, 4), (5, 8, 12), (7, 3, 3)] {
        let spent_now =
            catalog.spend(Account::Scrub(SITE), BudgetDay(day), spent(more), Spent::UNBOUNDED).await.unwrap();
        assert_eq!(spent_now, Some(spent(sum)), "{more} on day {day}");
        assert_eq!(catalog.scrub_state(SITE).await.unwrap().spent, spent(sum));
    }
    let spend = |more, limit| catalog.spend(Account::Scrub(SITE), BudgetDay(7), more, limit);
    for limit in [
        Spent { requests: 4, ..spent(5) },
        Spent { bytes: 49, ..spent(5) },
        Spent { cost: NanoDollars(499), ..spent(5) },
    ] {
        assert_eq!(spend(spent(2), limit).await.unwrap(), None, "{limit:?}");
    }
    assert_eq!(catalog.scrub_state(SITE).await.unwrap().spent, spent(3), "what was refused was not spent");
    assert_eq!(spend(spent(2), spent(5)).await.unwrap(), Some(spent(5)));
    let elsewhere = catalog.spend(Account::Keeping, BudgetDay(5), spent(7), spent(7)).await.unwrap();
    assert_eq!(elsewhere, Some(spent(7)), "each site for itself");
    assert_eq!(catalog.scrub_state(SITE).await.unwrap().day, BudgetDay(7));
}

pub async fn walks_go_on_where_they_were<C: Subject>(fresh: impl AsyncFn() -> C) {
    let catalog = fresh().await;
    assert!(catalog.scrub_state(SITE).await.unwrap().walks.is_empty());
    let mut walk = Walk { place: Some("d/x".to_owned()), began: Some(NOW), ended: None };
    catalog.set_walk(SITE, Depth::Inventory, walk.clone()).await.unwrap();
    catalog.set_walk(SITE, Depth::Cells, Walk::default()).await.unwrap();
    assert_eq!(catalog.scrub_state(SITE).await.unwrap().walks[&Depth::Inventory], walk);
    walk = Walk { place: None, ended: Some(LATER), ..walk };
    catalog.set_walk(SITE, Depth::Inventory, walk.clone()).await.unwrap();
    let walks = catalog.scrub_state(SITE).await.unwrap().walks;
    assert_eq!(walks.into_iter().collect::<Vec<_>>(), [(Depth::Inventory, walk), (Depth::Cells, Walk::default())]);
    assert!(catalog.scrub_state(SiteId([2; 16])).await.unwrap().walks.is_empty());
}

pub async fn a_finding_is_kept_once_until_it_is_over<C: Subject>(fresh: impl AsyncFn() -> C) {
    let catalog = fresh().await;
    let found = |fault, object: &str, at| Finding::new(fault, SITE, object.to_owned(), Some(make::high()), at);
    let piece = Finding { piece: Some((SegmentId(id(3)), 2)), ..found(Fault::Missing, "a", NOW) };
    let stray = Finding { label: None, ..found(Fault::Stray, "a", LATER) };
    assert_eq!(catalog.note_findings(vec![piece.clone(), stray.clone()]).await.unwrap(), [true, true]);
    assert_eq!(catalog.findings().await.unwrap(), [stray.clone(), piece.clone()], "newest first");
    let again = Finding { first: LATER, last: Timestamp(LATER.0 + 1), ..piece.clone() };
    assert_eq!(catalog.note_findings(vec![again.clone()]).await.unwrap(), [false]);
    let twice = Finding { first: NOW, times: 2, ..again.clone() };
    assert_eq!(catalog.findings().await.unwrap(), [twice.clone(), stray.clone()]);
    let over = Timestamp(LATER.0 + 2);
    catalog.end_findings(SITE, Over::These(vec![(Fault::Missing, "a".to_owned())]), over).await.unwrap();
    let ended = Finding { over: Some(over), ..twice };
    assert_eq!(catalog.findings().await.unwrap(), [ended.clone(), stray.clone()]);
    catalog.end_findings(SITE, Over::NotFoundSince(vec![Fault::Stray, Fault::Missing], LATER), over).await.unwrap();
    assert_eq!(catalog.findings().await.unwrap(), [ended, stray.clone()], "it was found at that very moment");
    catalog.end_findings(SITE, Over::NotFoundSince(vec![Fault::Stray], over), over).await.unwrap();
    assert_eq!(catalog.findings().await.unwrap()[1].over, Some(over));
    assert_eq!(catalog.note_findings(vec![again.clone()]).await.unwrap(), [true], "it came back");
    assert_eq!(catalog.findings().await.unwrap()[0], again);
}

pub async fn findings_are_bounded<C: Subject>(fresh: impl AsyncFn() -> C) {
    const MANY: i64 = 10_050;
    let catalog = fresh().await;
    let found = |n: i64| Finding::new(Fault::Stray, SITE, n.to_string(), None, Timestamp(n));
    catalog.note_findings((0..100).map(found).collect()).await.unwrap();
    // One of the oldest is still open, the others are over.
    let over = (0..100).filter(|n| *n != 7).map(|n| (Fault::Stray, n.to_string())).collect();
    catalog.end_findings(SITE, Over::These(over), NOW).await.unwrap();
    catalog.note_findings((100..MANY).map(found).collect()).await.unwrap();
    let kept = catalog.findings().await.unwrap();
    assert!(kept.len() <= 10_000, "{} are kept", kept.len());
    assert_eq!(kept[0].last, Timestamp(MANY - 1));
    assert!(kept.iter().any(|finding| finding.object == "7"), "what is over goes first");
}

pub async fn a_piece_that_is_decided_lies_nowhere_yet<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let decided = world.decided(EAST, proposal(world.put(11, "a"))).await;
    assert_eq!(world.catalog.piece_at(SITE, name(11)).await.unwrap(), None);
    world.show(EAST, &[decided]).await;
    assert!(world.catalog.piece_at(SITE, name(11)).await.unwrap().is_some());
}
