//! The journal alone gives the catalog back, in whichever order streams are replayed.

use model::{Change, EnclaveId, Epoch, SegmentId, SegmentKind, SiteId, StreamId};

use super::Subject;
use super::make::{self, CONTROL, EAST, NOW, WEST, carrying, id, proposal};
use super::world::World;
use crate::interface::{Batch, Decision};

/// An empty catalog of the world's enclave that was shown these batches and nothing else.
pub(super) async fn replayed<C: Subject>(catalog: C, batches: &[Batch]) -> C {
    catalog.found(EnclaveId([0xe0; 16]), CONTROL).await.unwrap();
    catalog.open_epoch(Epoch(0)).await.unwrap();
    for batch in batches {
        catalog.show(batch.clone()).await.unwrap();
    }
    catalog
}

/// The batches with those of one stream moved before those of the other data stream.
fn stream_first(batches: &[Batch], first: StreamId) -> Vec<Batch> {
    let mut sorted = batches.to_vec();
    // Stable: within a stream they stay in order; the control stream opens the others.
    sorted.sort_by_key(|batch| if batch.stream == CONTROL { 0 } else { 1 + u8::from(batch.stream != first) });
    sorted
}

pub(super) async fn check_every_order<C: Subject>(world: &World<C>, fresh: impl AsyncFn() -> C) {
    let dump = world.catalog.dump().await;
    let batches = world.batches();
    for order in [batches.clone(), stream_first(&batches, EAST), stream_first(&batches, WEST)] {
        let catalog = replayed(fresh().await, &order).await;
        // As whoever replays does in the end: nothing comes late any more.
        catalog.decide(CONTROL, NOW, Vec::new()).await.unwrap();
        assert_eq!(catalog.dump().await, dump);
    }
}

pub async fn showing_alone_gives_the_same_catalog<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (upload, part) = (world.fresh(), world.fresh());
    let riding = Change::ObjectPut {
        bucket: world.bucket.id,
        version: make::version(1, &make::key("small"), vec![make::riding(world.fresh(), 4)]),
        segments: Vec::new(),
    };
    let several = [
        world.decided(EAST, carrying(b"tiny", riding)).await,
        world.decided(EAST, proposal(world.any_put("a"))).await,
        world.decided(EAST, proposal(world.any_put("a"))).await,
        world.decided(EAST, proposal(world.start(upload, "b"))).await,
    ];
    world.show(EAST, &several).await;
    for (stream, change) in [
        (WEST, world.part(upload, 1, part)),
        (EAST, world.part(upload, 2, world.fresh())),
        (WEST, world.complete(upload, "b", &[part])),
        (EAST, world.start(world.fresh(), "c")),
        (EAST, world.delete("a")),
        (CONTROL, Change::BucketCreated(make::bucket(2, "coffee", make::high()), Vec::new())),
        (CONTROL, Change::KeyIssued(make::access_key("ENTE2", make::OWNER))),
        (CONTROL, Change::KeyRevoked { id: model::AccessKeyId("ENTE1".to_owned()), at: NOW }),
    ] {
        world.run(stream, change).await;
    }
    check_every_order(&world, &fresh).await;
    let again = replayed(fresh().await, &world.batches()).await;
    assert_eq!(again.streams().await.unwrap(), world.catalog.streams().await.unwrap());
    assert_eq!(again.totals().await.unwrap(), world.catalog.totals().await.unwrap());
}

pub async fn a_catalog_that_replayed_goes_on_numbering<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    world.run(EAST, world.any_put("a")).await;
    let older = replayed(fresh().await, &world.batches()).await;
    // Decided here and in the older catalog, shown only here: there it is shown from the sites.
    let put = proposal(world.any_put("b"));
    let decided = world.decided(EAST, put.clone()).await;
    let twin = older.decide(EAST, NOW, vec![put]).await.unwrap().remove(0);
    assert!(matches!(twin, Decision::Decided(twin) if twin.encoded == decided.encoded));
    world.show(EAST, &[decided]).await;
    world.run(EAST, world.any_put("c")).await;
    for batch in world.batches() {
        older.show(batch).await.unwrap();
    }
    assert!(older.unshown().await.unwrap().is_empty());
    assert_eq!(older.dump().await, world.catalog.dump().await);
    for stream in [EAST, WEST] {
        let put = proposal(world.any_put("d"));
        let decided = world.decided(stream, put.clone()).await;
        let twin = older.decide(stream, NOW, vec![put]).await.unwrap().remove(0);
        assert!(matches!(twin, Decision::Decided(twin) if twin.encoded == decided.encoded), "the same place");
    }
}

pub async fn a_late_record_does_not_undo_a_newer_one<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let upload = world.fresh();
    world.run(EAST, world.start(upload, "u")).await;
    world.run(EAST, world.any_put("gone")).await;
    let (new_put, new_part) = (world.fresh(), world.fresh());
    let pairs = [
        (world.any_put("a"), world.put(new_put, "a")),
        (world.any_put("gone"), world.delete("gone")),
        (world.delete("b"), world.any_put("b")),
        (world.part(upload, 1, world.fresh()), world.part(upload, 1, new_part)),
    ];
    let (mut older, mut newer) = (Vec::new(), Vec::new());
    for (first, second) in pairs {
        older.push(world.decided(WEST, proposal(first)).await);
        newer.push(world.decided(EAST, proposal(second)).await);
    }
    older.push(world.decided(WEST, proposal(world.part(upload, 2, world.fresh()))).await);
    newer.push(world.decided(EAST, proposal(world.abort(upload))).await);
    world.show(EAST, &newer).await;
    world.show(WEST, &older).await;
    assert_eq!(world.object("a").await.unwrap().version.etag, make::etag(new_put));
    assert_eq!(world.object("gone").await, None);
    assert!(world.object("b").await.is_some());
    let id = model::UploadId(id(upload));
    assert_eq!(world.catalog.upload(world.bucket.id, id).await.unwrap(), None);
    assert!(world.catalog.parts(id, 0, 10).await.unwrap().is_empty());
    // Nothing is held that the records left free: two objects and the journal.
    let journal = u64::try_from(world.batches().len()).unwrap();
    assert_eq!(world.catalog.totals().await.unwrap().segments, 2 + journal);
    check_every_order(&world, &fresh).await;
}

pub async fn a_segment_that_is_freed_stays_for_a_use_shown_late<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (body, segment) = make::body(world.fresh(), 100);
    let put = |key: &str, segments: Vec<model::Segment>| Change::ObjectPut {
        bucket: world.bucket.id,
        version: make::version(world.fresh(), &make::key(key), vec![body.clone()]),
        segments,
    };
    world.run(EAST, put("a", vec![segment.clone()])).await;
    // Another object shares the extents; in its own stream it may be replayed after the delete.
    world.run(WEST, put("b", Vec::new())).await;
    world.run(EAST, world.delete("a")).await;
    assert_eq!(world.object("b").await.unwrap().segments, [segment]);
    check_every_order(&world, &fresh).await;
    world.run(EAST, world.delete("b")).await;
    check_every_order(&world, &fresh).await;
}

pub async fn pieces_may_be_replayed_before_their_segment<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let mut put = world.put(11, "a");
    if let Change::ObjectPut { segments, .. } = &mut put {
        segments[0].pieces.truncate(2);
    }
    world.run(EAST, put).await;
    let pieces = (2..4).map(|index| make::piece(11, SegmentKind::Data, index)).collect();
    world.run(WEST, Change::PiecesAdded { segment: SegmentId(id(11)), pieces }).await;
    check_every_order(&world, &fresh).await;
    // Nor do they outlive it.
    world.run(EAST, world.delete("a")).await;
    check_every_order(&world, &fresh).await;
}

pub async fn a_completed_upload_lies_where_its_parts_were_replayed_from<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let upload = world.fresh();
    world.run(EAST, world.start(upload, "a")).await;
    let put_part = |number: u16, body: &'static [u8]| {
        let n = world.fresh();
        let part = make::part(n, number, make::riding(n, u64::try_from(body.len()).unwrap()));
        let id = model::UploadId(id(upload));
        carrying(body, Change::PartPut { bucket: world.bucket.id, upload: id, part, segments: Vec::new() })
    };
    let riding = [world.decided(EAST, put_part(1, b"first")).await, world.decided(EAST, put_part(2, b"second")).await];
    world.show(EAST, &riding).await;
    let parts = world.catalog.parts(model::UploadId(id(upload)), 0, 10).await.unwrap();
    let stood = world.batches().pop().unwrap().segment.id;
    let bodies: Vec<_> = parts.into_iter().map(|part| part.body).collect();
    assert!(bodies.iter().all(|body| body.extents[0].segment == stood));
    let large = world.fresh();
    world.run(EAST, world.part(upload, 3, large)).await;
    let version = make::version(world.fresh(), &make::key("a"), [bodies, vec![make::body(large, 100).0]].concat());
    let id = model::UploadId(id(upload));
    world.run(EAST, Change::UploadCompleted { bucket: world.bucket.id, upload: id, version }).await;
    // The parts' batch lies at the sites twice: the older catalog meets the abandoned attempt.
    let attempt = world.batch(EAST, &riding);
    let mut batches = world.batches();
    let batch = batches.iter_mut().find(|batch| batch.segment.id == stood).unwrap();
    *batch = attempt.clone();
    let older = World::over(replayed(fresh().await, &batches).await);
    let object = older.object("a").await.unwrap();
    let places: Vec<_> = object.version.bodies.iter().map(|body| body.extents[0]).collect();
    let large = make::body(large, 100);
    let expected = [attempt.records[0].extent.unwrap(), attempt.records[1].extent.unwrap(), large.0.extents[0]];
    assert_eq!(places, expected);
    assert!(object.segments.contains(&attempt.segment) && object.segments.contains(&large.1));
    older.run(EAST, older.delete("a")).await;
    assert_eq!(older.catalog.segment(large.1.id).await.unwrap(), None, "each use is given back");
}

pub async fn numbers_that_were_lost_hold_nothing_back<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    // Decided and never shipped: lost with the catalog.
    world.decided(WEST, proposal(world.any_put("lost"))).await;
    let put = world.fresh();
    world.run(EAST, world.put(put, "a")).await;
    let catalog = replayed(fresh().await, &world.batches()).await;
    let later = World::over(catalog);
    later.run(EAST, later.delete("a")).await;
    let listed = (0..4).map(|index| make::piece(put, SegmentKind::Data, index).name).collect();
    let unnamed = later.catalog.note_unnamed(SiteId([0; 16]), listed, 5).await.unwrap();
    assert_eq!(unnamed.len(), 4, "what is free since is free, though a number before it never comes");
}
