//! Segments, pieces, epochs and counts.

use std::collections::BTreeSet;

use model::{Change, Code, Epoch, Guard, NanoDollars, Piece, Segment, SegmentId, SegmentKind, SiteId, SiteState};

use super::Subject;
use super::make::{self, CONTROL, EAST, NOW, WEST, id, proposal};
use super::replay::replayed;
use super::world::World;
use crate::interface::{Endangered, Listed, Moved, Origin, Proposal, Refusal, Totals, Unnamed, Why};

const SITE: SiteId = SiteId([0; 16]);

/// A put whose segment has only its first pieces.
fn put_with<C: Subject>(world: &World<C>, n: u64, key: &str, pieces: usize) -> Change {
    let mut put = world.put(n, key);
    if let Change::ObjectPut { segments, .. } = &mut put {
        segments[0].pieces.truncate(pieces);
    }
    put
}

async fn below<C: Subject>(world: &World<C>) -> Vec<SegmentId> {
    let below = world.catalog.below_promise(None, 100).await.unwrap();
    assert_eq!(world.catalog.totals().await.unwrap().below_promise, u64::try_from(below.len()).unwrap());
    below.iter().map(|segment| segment.id).collect()
}

pub async fn the_most_endangered_segments_come_first<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    for (n, pieces) in [(11, 3), (12, 2), (13, 4), (14, 3)] {
        world.run(EAST, put_with(&world, n, &n.to_string(), pieces)).await;
    }
    let expected = [12, 11, 14].map(|n| SegmentId(id(n)));
    assert_eq!(below(&world).await, expected);
    let first = world.catalog.below_promise(None, 1).await.unwrap();
    assert_eq!(first.len(), 1);
    assert_eq!((first[0].id, first[0].pieces.len()), (expected[0], 2));
    world.run(EAST, world.delete("12")).await;
    assert_eq!(below(&world).await, expected[1..]);
}

pub async fn pages_of_endangered_segments_join_without_gap_or_repetition<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    for (n, pieces) in [(11, 3), (12, 2), (13, 4), (14, 3), (15, 0), (16, 3), (17, 1)] {
        world.run(EAST, put_with(&world, n, &n.to_string(), pieces)).await;
    }
    // A twin of an index it has: no spare piece, and the same place.
    let twin = Piece { site: SiteId([7; 16]), ..make::piece(18, SegmentKind::Data, 2) };
    world.run(EAST, Change::PiecesAdded { segment: SegmentId(id(11)), pieces: vec![twin] }).await;
    let expected = [15, 17, 12, 11, 14, 16].map(|n| SegmentId(id(n)));
    assert_eq!(below(&world).await, expected);
    for limit in 1..=7 {
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let page = world.catalog.below_promise(after, limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(Endangered::of(last));
            found.extend(page.iter().map(|segment| segment.id));
        }
        assert_eq!(found, expected, "in pages of {limit}");
    }
}

pub async fn added_and_dropped_pieces_count<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let segment = SegmentId(id(11));
    let pieces: Vec<Piece> = (0..4).map(|index| make::piece(11, SegmentKind::Data, index)).collect();
    world.run(EAST, put_with(&world, 11, "a", 2)).await;
    world.run(WEST, Change::PiecesAdded { segment, pieces: vec![pieces[2]] }).await;
    assert_eq!(below(&world).await, [segment]);
    world.run(WEST, Change::PiecesAdded { segment, pieces: vec![pieces[3], pieces[2]] }).await;
    assert!(below(&world).await.is_empty());
    assert_eq!(world.catalog.segment(segment).await.unwrap().unwrap().pieces, pieces);
    let without = placed(segment, 2, &pieces[1..]);
    world.run(EAST, without.clone()).await;
    assert_eq!(below(&world).await, [segment]);
    assert_eq!(world.object("a").await.unwrap().segments[0].pieces, pieces[1..]);
    // What it has already, and a segment that is not there, are no change.
    world.run(EAST, without).await;
    world.run(EAST, placed(SegmentId([9; 16]), 2, &pieces)).await;
    world.catalog.add_pieces(SegmentId([9; 16]), pieces.clone()).await.unwrap();
    world.run(EAST, Change::PiecesAdded { segment: SegmentId([9; 16]), pieces: vec![pieces[0]] }).await;
    assert_eq!(world.catalog.segment(segment).await.unwrap().unwrap().pieces, pieces[1..]);
    assert_eq!(world.catalog.segment(SegmentId([9; 16])).await.unwrap(), None);
    // A journal segment gets its further pieces without a record.
    let mut batch = world.batch(EAST, &[world.decided(EAST, proposal(world.any_put("b"))).await]);
    let late = batch.segment.pieces.pop().unwrap();
    let journal = batch.segment.id;
    world.try_show(batch).await.unwrap();
    assert_eq!(below(&world).await.len(), 2);
    world.catalog.add_pieces(journal, vec![late]).await.unwrap();
    assert_eq!(below(&world).await, [segment]);
    let known = world.catalog.segment(journal).await.unwrap().unwrap();
    world.run(EAST, placed(journal, 2, &known.pieces[1..])).await;
    assert_eq!(below(&world).await.len(), 2);
}

fn placed(segment: SegmentId, k: u8, pieces: &[Piece]) -> Change {
    Change::SegmentPlaced { segment, code: Code { k, m: 4 - k }, promise: 2, pieces: pieces.to_vec() }
}

pub async fn a_segment_coded_anew_has_the_new_pieces_alone<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let segment = SegmentId(id(11));
    world.run(EAST, put_with(&world, 11, "a", 4)).await;
    let new: Vec<Piece> = (0..3).map(|index| make::piece(12, SegmentKind::Data, index)).collect();
    world.run(EAST, placed(segment, 1, &new)).await;
    let known = world.catalog.segment(segment).await.unwrap().unwrap();
    assert_eq!((known.code, known.pieces), (Code { k: 1, m: 3 }, new.clone()));
    assert!(below(&world).await.is_empty());
    let old: Vec<_> = (0..4).map(|index| make::piece(11, SegmentKind::Data, index).name).collect();
    assert_eq!(world.catalog.note_unnamed(SITE, old, 5).await.unwrap().len(), 4, "the old ones are nobody's");
    assert!(world.catalog.note_unnamed(SITE, vec![new[0].name], 5).await.unwrap().is_empty());
}

pub async fn what_was_made_from_an_old_reading_is_refused<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let segment = SegmentId(id(11));
    let pieces: Vec<Piece> = (0..4).map(|index| make::piece(11, SegmentKind::Data, index)).collect();
    world.run(EAST, put_with(&world, 11, "a", 3)).await;
    let from = |read: &Segment, change| {
        let guard = Guard { segment: Some(Box::new(read.clone())), ..Guard::default() };
        Proposal { guard, ..proposal(change) }
    };
    let more = || Change::PiecesAdded { segment, pieces: vec![pieces[3]] };
    let read = world.catalog.segment(segment).await.unwrap().unwrap();
    let decided = world.decided(EAST, from(&read, placed(segment, 2, &pieces[1..3]))).await;
    assert_eq!(world.refused(from(&read, more())).await, Refusal::SegmentMoved, "another is decided and not shown");
    world.show(EAST, std::slice::from_ref(&decided)).await;
    assert_eq!(world.refused(from(&read, more())).await, Refusal::SegmentMoved, "it lies otherwise now");
    let read = world.catalog.segment(segment).await.unwrap().unwrap();
    let decided = world.decided(EAST, from(&read, more())).await;
    world.show(EAST, std::slice::from_ref(&decided)).await;
    assert_eq!(world.catalog.segment(segment).await.unwrap().unwrap().pieces, pieces[1..]);
}

/// The same records, whichever stream is shown first: here that which is ahead in number comes first.
pub async fn the_last_placing_counts_in_whatever_order_it_is_shown<C: Subject>(fresh: impl AsyncFn() -> C) {
    let mut dumps = Vec::new();
    for west_first in [false, true] {
        let world = World::new(fresh().await).await;
        let segment = SegmentId(id(11));
        let piece = |n, index| make::piece(n, SegmentKind::Data, index);
        let put = world.decided(EAST, proposal(put_with(&world, 11, "a", 3))).await;
        let late = world.decided(EAST, proposal(Change::PiecesAdded { segment, pieces: vec![piece(13, 3)] })).await;
        let placing = world.decided(WEST, proposal(placed(segment, 2, &[piece(11, 0), piece(12, 1)]))).await;
        let more = world.decided(WEST, proposal(Change::PiecesAdded { segment, pieces: vec![piece(14, 2)] })).await;
        let (east, west) = (world.batch(EAST, &[put, late]), world.batch(WEST, &[placing, more]));
        let order = if west_first { [west, east] } else { [east, west] };
        for batch in order {
            world.try_show(batch).await.unwrap();
        }
        let known = world.catalog.segment(segment).await.unwrap().unwrap();
        assert_eq!(known.pieces, [piece(11, 0), piece(12, 1), piece(14, 2)], "west first: {west_first}");
        dumps.push(known);
    }
    assert_eq!(dumps[0], dumps[1]);
}

/// A start that was cut short has shown where a compacted segment's pieces went before it turned to that segment: the
/// next one is told which names to look at, and what was said counts.
pub async fn pieces_of_a_compacted_segment_may_be_shown_before_it<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let put = world.decided(EAST, proposal(world.any_put("a"))).await;
    let before = world.batch(EAST, std::slice::from_ref(&put));
    world.try_show(before.clone()).await.unwrap();
    let compacted = world.batch(EAST, &[put]);
    let segment = compacted.segment.id;
    let moved = make::piece(99, SegmentKind::Journal, 3);
    // A number is missing before it, so that nothing is settled.
    let lost = world.decided(EAST, proposal(world.any_put("b"))).await;
    let placed = world.decided(WEST, proposal(placed(segment, 2, &[compacted.segment.pieces[0], moved]))).await;
    world.show(WEST, &[placed]).await;
    let early: Vec<_> = world.catalog.early_pieces().await.unwrap().into_iter().collect();
    let mut expected = [compacted.segment.pieces[0].name, moved.name];
    expected.sort_unstable();
    assert_eq!(early, expected);
    assert!(world.catalog.note_unnamed(SITE, early, 5).await.unwrap().is_empty(), "and they are no strays");
    assert!(world.catalog.compact(compacted.clone(), Origin::Found).await.unwrap());
    let known = world.catalog.segment(segment).await.unwrap().unwrap();
    assert_eq!((known.code, known.pieces), (Code { k: 2, m: 2 }, vec![compacted.segment.pieces[0], moved]));
    assert!(world.catalog.early_pieces().await.unwrap().is_empty());
    assert_eq!(world.catalog.segment(before.segment.id).await.unwrap(), None);
    world.show(EAST, &[lost]).await;

    // A catalog that replays all of it keeps what was said for what comes last, and no longer.
    let catalog = replayed(fresh().await, &world.batches()).await;
    assert_eq!(catalog.early_pieces().await.unwrap().len(), 2);
    assert!(catalog.compact(compacted.clone(), Origin::Found).await.unwrap());
    let known = catalog.segment(segment).await.unwrap().unwrap();
    assert_eq!((known.code, known.pieces), (Code { k: 2, m: 2 }, vec![compacted.segment.pieces[0], moved]));
    let forgotten = replayed(fresh().await, &world.batches()).await;
    forgotten.decide(CONTROL, NOW, Vec::new()).await.unwrap();
    assert_eq!(forgotten.early_pieces().await.unwrap(), BTreeSet::new(), "the replay is over");
}

pub async fn segments_are_found_by_their_site<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    for n in 11..=15 {
        world.run(EAST, world.put(n, &n.to_string())).await;
    }
    let site = make::piece(11, SegmentKind::Data, 2).site;
    for limit in 1..=4 {
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let page = world.catalog.segments_at(site, after, limit).await.unwrap();
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            found.extend(page.into_iter().filter(|(_, segment)| segment.kind == SegmentKind::Data));
        }
        let ids: Vec<SegmentId> = found.iter().map(|(_, segment)| segment.id).collect();
        assert_eq!(ids, [11, 12, 13, 14, 15].map(|n| SegmentId(id(n))), "in pages of {limit}");
        assert!(found.iter().all(|(name, segment)| segment.pieces.iter().any(|piece| piece.name == *name)));
    }
    assert!(world.catalog.segments_at(SiteId([0x77; 16]), None, 10).await.unwrap().is_empty());
}

pub async fn what_was_brought_away_from_a_site_adds_up<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    world.run(EAST, world.put(11, "a")).await;
    let site = make::piece(11, SegmentKind::Data, 2).site;
    let (left, none) = world.catalog.moved(site).await.unwrap();
    assert!(left > 1, "of the journal and of the object");
    assert_eq!(none, Moved::default());
    let moved = Moved { pieces: 1, bytes: 2, read: 3, cost: NanoDollars(4), dearer: NanoDollars(5) };
    for _ in 0..2 {
        world.catalog.note_moved(site, moved).await.unwrap();
    }
    let twice = Moved { pieces: 2, bytes: 4, read: 6, cost: NanoDollars(8), dearer: NanoDollars(10) };
    assert_eq!(world.catalog.moved(site).await.unwrap(), (left, twice));
    world.run(CONTROL, Change::SiteSet { site, state: SiteState::Draining }).await;
    assert_eq!(world.catalog.moved(site).await.unwrap().1, Moved::default(), "leaving it begins anew");
}

pub async fn pieces_of_one_index_count_once<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let segment = SegmentId(id(11));
    world.run(EAST, put_with(&world, 11, "a", 3)).await;
    let mut twin = make::piece(12, SegmentKind::Data, 2);
    twin.site = SiteId([7; 16]);
    world.run(EAST, Change::PiecesAdded { segment, pieces: vec![twin] }).await;
    assert_eq!(world.catalog.segment(segment).await.unwrap().unwrap().pieces.len(), 4);
    assert_eq!(below(&world).await, [segment]);
}

pub async fn epochs_only_rise<C: Subject>(fresh: impl AsyncFn() -> C) {
    let catalog = fresh().await;
    assert_eq!(catalog.newest_epoch().await.unwrap(), Epoch(0));
    assert_eq!(catalog.open_epoch(Epoch(0)).await.unwrap(), Epoch(1));
    assert_eq!(catalog.open_epoch(Epoch(40)).await.unwrap(), Epoch(41), "above what was seen at a site");
    assert_eq!(catalog.open_epoch(Epoch(7)).await.unwrap(), Epoch(42));
    assert_eq!(catalog.newest_epoch().await.unwrap(), Epoch(42));
    assert!(catalog.open_epoch(Epoch(u64::MAX)).await.is_err(), "none is left above it");
    assert_eq!(catalog.newest_epoch().await.unwrap(), Epoch(42));
    assert_eq!(catalog.closed_below().await.unwrap(), Epoch(0));
    for (close, closed) in [(5, 5), (3, 5), (42, 42)] {
        catalog.close_epochs_below(Epoch(close)).await.unwrap();
        assert_eq!(catalog.closed_below().await.unwrap(), Epoch(closed));
    }
}

pub async fn running_time_adds_up<C: Subject>(fresh: impl AsyncFn() -> C) {
    let catalog = fresh().await;
    for (elapsed, sum) in [(0, 0), (5, 5), (10, 15), (0, 15)] {
        assert_eq!(catalog.add_running_ms(elapsed).await.unwrap(), sum);
    }
}

pub async fn pieces_that_no_record_names_are_noted_since_first_seen<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let [first, second] = [1, 2].map(|n| make::piece(n, SegmentKind::Data, 0).name);
    let unnamed = |name, since_running_ms| Unnamed { name, since_running_ms, why: Why::NeverNamed };
    let note = |listed: Vec<_>, now| world.catalog.note_unnamed(SITE, listed, now);
    assert_eq!(note(vec![first], 100).await.unwrap(), [unnamed(first, 100)]);
    assert_eq!(note(vec![first, second], 200).await.unwrap(), [unnamed(first, 100), unnamed(second, 200)]);
    let elsewhere = world.catalog.note_unnamed(SiteId([1; 16]), vec![first], 300).await.unwrap();
    assert_eq!(elsewhere, [unnamed(first, 300)], "each site for itself");
    world.catalog.forget_unnamed(SITE, vec![first]).await.unwrap();
    assert_eq!(note(vec![first, second], 400).await.unwrap(), [unnamed(first, 400), unnamed(second, 200)]);
}

pub async fn decided_and_shown_pieces_are_named<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (put, part, added, upload) = (world.fresh(), world.fresh(), world.fresh(), world.fresh());
    world.run(EAST, world.start(upload, "a")).await;
    world.run(EAST, put_with(&world, 11, "b", 2)).await;
    let names: Vec<_> = [put, part, added].map(|n| make::piece(n, SegmentKind::Data, 0).name).into();
    let count = async || world.catalog.note_unnamed(SITE, names.clone(), 100).await.unwrap().len();
    assert_eq!(count().await, 3);
    let pieces = vec![make::piece(added, SegmentKind::Data, 0)];
    let changes =
        [world.put(put, "a"), world.part(upload, 1, part), Change::PiecesAdded { segment: SegmentId(id(11)), pieces }];
    let mut decided = Vec::new();
    for (left, change) in [2, 1, 0].into_iter().zip(changes) {
        decided.push(world.decided(EAST, proposal(change)).await);
        assert_eq!(count().await, left, "named from the moment it is decided");
    }
    world.show(EAST, &decided).await;
    assert_eq!(count().await, 0);
    let journal = world.batches().pop().unwrap().segment.pieces[0].name;
    assert!(world.catalog.note_unnamed(SITE, vec![journal], 100).await.unwrap().is_empty());
}

pub async fn pieces_of_freed_segments_are_unnamed<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (upload, numbers) = (world.fresh(), [21, 22, 23, 24]);
    world.run(EAST, world.start(upload, "c")).await;
    let frees = [
        (world.put(21, "a"), world.delete("a")),
        (world.put(22, "b"), world.any_put("b")),
        (world.part(upload, 1, 23), world.part(upload, 1, world.fresh())),
        (world.part(upload, 2, 24), world.abort(upload)),
    ];
    for (n, (name, free)) in numbers.into_iter().zip(frees) {
        let listed: Vec<_> = (0..4).map(|index| make::piece(n, SegmentKind::Data, index).name).collect();
        world.run(EAST, name).await;
        assert!(world.catalog.note_unnamed(SITE, listed.clone(), 5).await.unwrap().is_empty());
        world.run(EAST, free).await;
        let unnamed = world.catalog.note_unnamed(SITE, listed.clone(), 6).await.unwrap();
        // One of the four lay at this very site.
        let (freed, other) = (Why::Freed, Why::NeverNamed);
        assert_eq!(unnamed.iter().map(|unnamed| unnamed.why).collect::<Vec<_>>(), [freed, other, other, other]);
    }
    world.catalog.add_running_ms(100).await.unwrap();
    world.run(EAST, world.put(25, "d")).await;
    world.run(EAST, world.delete("d")).await;
    let since = async || {
        let freed = vec![make::piece(25, SegmentKind::Data, 0).name];
        let unnamed = world.catalog.note_unnamed(SITE, freed, 300).await.unwrap();
        (unnamed[0].since_running_ms, unnamed[0].why)
    };
    assert_eq!(since().await, (100, Why::Freed), "its grace began when it was deleted");
    let name = make::piece(25, SegmentKind::Data, 0).name;
    let before = make::piece(24, SegmentKind::Data, 0).name;
    let all = || Listed { after: None, through: None, below: Epoch(2), names: [].into() };
    for kept in [
        Listed { names: [name].into(), ..all() },
        Listed { below: Epoch(1), ..all() },
        Listed { after: Some(name), ..all() },
        Listed { through: Some(before), ..all() },
    ] {
        world.catalog.forget_unlisted(SITE, kept.clone()).await.unwrap();
        assert_eq!(since().await, (100, Why::Freed), "{kept:?}");
    }
    world.catalog.forget_unlisted(SITE, Listed { after: Some(before), through: Some(name), ..all() }).await.unwrap();
    assert_eq!(since().await, (300, Why::NeverNamed));
}

pub async fn counts_follow_what_is_shown<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let before = world.catalog.totals().await.unwrap();
    assert_eq!((before.buckets, before.objects, before.object_bytes, before.uploads), (1, 0, 0, 0));
    let upload = world.fresh();
    world.run(CONTROL, Change::BucketCreated(make::bucket(2, "coffee", make::high()), Vec::new())).await;
    world.run(EAST, world.any_put("a")).await;
    world.run(EAST, world.any_put("a")).await;
    world.run(EAST, put_with(&world, 11, "b", 3)).await;
    world.run(EAST, world.start(upload, "c")).await;
    world.run(EAST, world.part(upload, 1, 12)).await;
    world.decided(EAST, proposal(world.any_put("d"))).await;
    let expected = Totals {
        buckets: 2,
        objects: 2,
        object_bytes: 200,
        uploads: 1,
        // Six batches, two objects, one part.
        segments: before.segments + 9,
        below_promise: 1,
        unshown: 1,
    };
    assert_eq!(world.catalog.totals().await.unwrap(), expected);
}
