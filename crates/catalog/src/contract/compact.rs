//! One journal segment in the place of several.

use bytes::Bytes;
use model::{BodyId, Change, Epoch, Extent, Segment, SegmentId, SegmentKind, Source, UploadId, VersionId};

use super::Subject;
use super::make::{self, EAST, carrying, id};
use super::replay::replayed;
use super::world::World;
use crate::interface::{Batch, Decided, Origin, Shipped};

/// A put whose body rides with its record.
fn riding<C: Subject>(world: &World<C>, n: u64, key: &str) -> Change {
    let version = make::version(n, &make::key(key), vec![make::riding(n, 4)]);
    Change::ObjectPut { bucket: world.bucket.id, version, segments: Vec::new() }
}

/// Objects in batches of their own; the first of them is overwritten.
async fn small<C: Subject>(world: &World<C>) -> Vec<Decided> {
    let mut decided = Vec::new();
    for (n, key) in [(501, "a"), (502, "b"), (503, "c"), (504, "a")] {
        let record = world.decided(EAST, carrying(b"tiny", riding(world, n, key))).await;
        world.show(EAST, std::slice::from_ref(&record)).await;
        decided.push(record);
    }
    decided
}

/// All these records in one segment of `epoch`, with the bodies that are held.
async fn together<C: Subject>(world: &World<C>, decided: &[Decided], epoch: Epoch) -> Batch {
    let mut batch = world.batch(EAST, decided);
    batch.segment.epoch = epoch;
    let held = world.catalog.held(segments(world).await, records(decided)).await.unwrap().unwrap();
    for (shipped, decided) in batch.records.iter_mut().zip(decided) {
        let body = decided.record.change.riding_body().unwrap();
        shipped.extent = shipped.extent.filter(|_| held.contains(&body));
    }
    batch
}

fn records(decided: &[Decided]) -> Vec<Bytes> {
    decided.iter().map(|decided| decided.encoded.clone()).collect()
}

async fn segments<C: Subject>(world: &World<C>) -> Vec<SegmentId> {
    journal(world).await.iter().map(|segment| segment.id).collect()
}

async fn journal<C: Subject>(world: &World<C>) -> Vec<Segment> {
    let found = world.catalog.journal(EAST, 0, 100).await.unwrap();
    found.into_iter().map(|found| found.segment).collect()
}

async fn extent<C: Subject>(world: &World<C>, key: &str) -> Extent {
    world.object(key).await.unwrap().version.bodies[0].extents[0]
}

pub async fn one_segment_takes_the_place_of_several<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let before = segments(&world).await.len();
    let decided = small(&world).await;
    let older = segments(&world).await;
    assert_eq!(older.len(), before + 4);
    let newest = world.catalog.open_epoch(Epoch(0)).await.unwrap();
    // Only what the four brought: what the world began with stays in its own.
    let small = older[before..].to_vec();
    let held = world.catalog.held(small.clone(), records(&decided)).await.unwrap().unwrap();
    assert_eq!(held, [502, 503, 504].map(|n| BodyId(id(n))).into(), "the first was overwritten");
    let mut batch = together(&world, &decided, newest).await;
    batch.records[0].extent = None;
    assert!(world.catalog.compact(batch.clone(), Origin::Here).await.unwrap());
    assert_eq!(segments(&world).await.len(), before + 1);
    for (at, key) in [(1, "b"), (2, "c"), (3, "a")] {
        assert_eq!(Some(extent(&world, key).await), batch.records[at].extent);
    }
    for old in small {
        assert!(world.catalog.segment(old).await.unwrap().is_none(), "its pieces are nobody's now");
    }
    let found = world.catalog.journal(EAST, 0, 100).await.unwrap().pop().unwrap();
    let bytes = records(&decided).iter().map(|record| record.len() as u64).sum();
    assert_eq!((found.records, found.held), (Some(bytes), Some(12)));
    assert_eq!(
        world.catalog.streams().await.unwrap().iter().find(|stream| stream.id == EAST).unwrap().newest,
        Some(batch.segment.id)
    );
    // Whoever replays takes it in place of the four, and comes to the same.
    let mut batches = world.batches();
    batches.truncate(batches.len() - 4);
    batches.push(batch);
    assert_eq!(replayed(fresh().await, &batches).await.dump().await, world.catalog.dump().await);
}

pub async fn what_cannot_take_their_place_changes_nothing<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let decided = small(&world).await;
    let newest = world.catalog.open_epoch(Epoch(0)).await.unwrap();
    let good = together(&world, &decided, newest).await;
    let dump = world.catalog.dump().await;
    let with = |change: &dyn Fn(&mut Batch)| {
        let mut batch = good.clone();
        change(&mut batch);
        batch
    };
    let bad = [
        ("a body that is held is missing", with(&|batch| batch.records[1].extent = None)),
        ("a record is missing in the middle", with(&|batch| drop(batch.records.remove(1)))),
        ("it holds no records", with(&|batch| batch.records.clear())),
        ("it is older than what it is to replace", with(&|batch| batch.segment.epoch = Epoch(0))),
        ("it is of another stream", with(&|batch| batch.stream = make::WEST)),
    ];
    for (why, batch) in bad {
        assert!(!world.catalog.compact(batch, Origin::Found).await.unwrap(), "{why}");
        assert_eq!(world.catalog.dump().await, dump, "{why}");
    }
    world.catalog.close_epochs_below(Epoch(newest.0 + 1)).await.unwrap();
    assert!(!world.catalog.compact(good.clone(), Origin::Here).await.unwrap(), "its epoch is closed");
    assert!(world.catalog.compact(good, Origin::Found).await.unwrap());
}

/// A catalog that was shown some of the records, and then finds all of them in one segment.
pub async fn a_segment_that_goes_on_where_the_catalog_is_takes_the_place_of_the_past<C: Subject>(
    fresh: impl AsyncFn() -> C,
) {
    let world = World::new(fresh().await).await;
    let decided = small(&world).await;
    let newest = world.catalog.open_epoch(Epoch(0)).await.unwrap();
    let batch = together(&world, &decided, newest).await;
    let batches = world.batches();
    let older = replayed(fresh().await, &batches[..batches.len() - 2]).await;
    older.show(batch.clone()).await.unwrap();
    let half = older.half_taken_up(EAST).await.unwrap();
    assert_eq!(half.iter().map(|segment| segment.id).collect::<Vec<_>>(), [batch.segment.id]);
    assert!(older.compact(batch.clone(), Origin::Found).await.unwrap());
    assert_eq!(older.half_taken_up(EAST).await.unwrap(), []);
    assert!(world.catalog.compact(batch, Origin::Here).await.unwrap());
    assert_eq!(older.dump().await, world.catalog.dump().await);
}

/// A copy, an upload's part and the version that came of it hold what rode with other records.
pub async fn who_shares_a_body_keeps_it<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let mut decided = small(&world).await;
    let upload = world.fresh();
    let source = Source { bucket: world.bucket.id, key: make::key("b"), version: VersionId(id(502)) };
    let copy = Change::ObjectCopied {
        bucket: world.bucket.id,
        version: make::version(601, &make::key("copy"), vec![make::riding(502, 4)]),
        source: source.clone(),
    };
    let part = make::part(602, 1, make::riding(502, 4));
    let copied = Change::PartCopied { bucket: world.bucket.id, upload: UploadId(id(upload)), part, source };
    for change in [world.start(upload, "whole"), copy, copied, world.delete("b")] {
        let record = world.decided(EAST, make::proposal(change)).await;
        world.show(EAST, std::slice::from_ref(&record)).await;
        decided.push(record);
    }
    let newest = world.catalog.open_epoch(Epoch(0)).await.unwrap();
    let compacted = |decided: &[Decided]| {
        let mut batch = world.batch(EAST, decided);
        batch.segment.epoch = newest;
        batch
    };
    let batch = compacted(&decided);
    assert!(world.catalog.compact(batch.clone(), Origin::Here).await.unwrap());
    let place = batch.records[1].extent.unwrap();
    assert_eq!(extent(&world, "copy").await, place);
    assert_eq!(world.catalog.parts(UploadId(id(upload)), 0, 10).await.unwrap()[0].body.extents, [place]);
    // And they are known as its holders again.
    let bodies = vec![make::riding(502, 4)];
    let version = make::version(603, &make::key("whole"), bodies);
    let complete = Change::UploadCompleted { bucket: world.bucket.id, upload: UploadId(id(upload)), version };
    let record = world.decided(EAST, make::proposal(complete)).await;
    world.show(EAST, std::slice::from_ref(&record)).await;
    decided.push(record);
    let batch = Batch { segment: later(&batch.segment), ..compacted(&decided) };
    let records = batch.records.iter().map(|shipped| Shipped {
        extent: shipped.extent.map(|extent| Extent { segment: batch.segment.id, ..extent }),
        ..shipped.clone()
    });
    let batch = Batch { records: records.collect(), ..batch.clone() };
    assert!(world.catalog.compact(batch.clone(), Origin::Here).await.unwrap());
    for key in ["copy", "whole"] {
        assert_eq!(Some(extent(&world, key).await), batch.records[1].extent);
    }
}

/// Another segment of the same epoch that was begun later.
fn later(segment: &Segment) -> Segment {
    let mut id = segment.id.0;
    id[0] += 1;
    let pieces = (0..4).map(|index| make::piece(900, SegmentKind::Journal, index)).collect();
    Segment { id: SegmentId(id), pieces, ..segment.clone() }
}
