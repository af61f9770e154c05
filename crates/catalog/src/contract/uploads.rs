//! Multipart uploads.

use model::{Change, Precondition, SegmentId, UploadId};

use super::Subject;
use super::make::{self, CONTROL, EAST, WEST, id, proposal, under};
use super::world::World;
use crate::interface::Refusal;

pub async fn a_part_needs_its_upload<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let upload = world.fresh();
    for change in [world.part(upload, 1, world.fresh()), world.complete(upload, "a", &[]), world.abort(upload)] {
        assert_eq!(world.refused(proposal(change)).await, Refusal::NoSuchUpload);
    }
    world.run(EAST, world.start(upload, "a")).await;
    let found = world.catalog.upload(world.bucket.id, UploadId(id(upload))).await.unwrap();
    assert_eq!(found, Some(make::upload(upload, world.bucket.id, &make::key("a"))));
    world.decided(EAST, proposal(world.part(upload, 1, world.fresh()))).await;
    // It completes only the key it was started for.
    assert_eq!(world.catalog.unshown().await.unwrap().len(), 1);
    world.show(EAST, &world.catalog.unshown().await.unwrap()).await;
    assert_eq!(world.refused(proposal(world.complete(upload, "b", &[]))).await, Refusal::NoSuchUpload);
}

pub async fn an_upload_that_ends_holds_back_all_that_would_change_it<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    for aborts in [false, true] {
        let (upload, part) = (world.fresh(), world.fresh());
        let started = world.decided(EAST, proposal(world.start(upload, "a"))).await;
        assert_eq!(world.behind(proposal(world.part(upload, 1, part))).await, started.record.number);
        world.show(EAST, &[started]).await;
        world.run(EAST, world.part(upload, 1, part)).await;
        let end = if aborts { world.abort(upload) } else { world.complete(upload, "a", &[part]) };
        let ended = world.decided(WEST, proposal(end)).await;
        for change in [world.part(upload, 2, world.fresh()), world.complete(upload, "a", &[part]), world.abort(upload)]
        {
            assert_eq!(world.behind(proposal(change)).await, ended.record.number);
        }
        world.show(WEST, &[ended]).await;
        assert_eq!(world.refused(proposal(world.abort(upload))).await, Refusal::NoSuchUpload);
    }
}

pub async fn completing_waits_for_unshown_parts<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (upload, part) = (world.fresh(), world.fresh());
    world.run(EAST, world.start(upload, "a")).await;
    let first = world.decided(EAST, proposal(world.part(upload, 1, part))).await;
    let second = world.decided(WEST, proposal(world.part(upload, 2, world.fresh()))).await;
    assert!(first.record.number < second.record.number, "parts do not wait for each other");
    let complete = proposal(world.complete(upload, "a", &[part]));
    assert_eq!(world.behind(complete.clone()).await, second.record.number);
    world.show(WEST, &[second]).await;
    assert_eq!(world.behind(complete.clone()).await, first.record.number);
    world.show(EAST, &[first]).await;
    world.decided(EAST, complete).await;
}

pub async fn only_current_parts_complete_an_upload<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (upload, old, new) = (world.fresh(), world.fresh(), world.fresh());
    world.run(EAST, world.start(upload, "a")).await;
    world.run(EAST, world.part(upload, 1, old)).await;
    world.run(EAST, world.part(upload, 1, new)).await;
    for parts in [vec![old], vec![new, old], vec![world.fresh()]] {
        assert_eq!(world.refused(proposal(world.complete(upload, "a", &parts))).await, Refusal::PartsChanged);
    }
    assert_eq!(world.catalog.segment(SegmentId(id(old))).await.unwrap(), None, "the replaced part's segment is free");
    world.decided(EAST, proposal(world.complete(upload, "a", &[new]))).await;
}

pub async fn a_completed_upload_becomes_the_object_and_drops_unused_parts<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (upload, used, unused, replaced) = (world.fresh(), world.fresh(), world.fresh(), world.fresh());
    world.run(EAST, world.put(replaced, "a")).await;
    world.run(EAST, world.start(upload, "a")).await;
    world.run(EAST, world.part(upload, 1, used)).await;
    world.run(EAST, world.part(upload, 2, unused)).await;
    let complete = world.decided(EAST, under(Precondition::Present, world.complete(upload, "a", &[used]))).await;
    world.show(EAST, std::slice::from_ref(&complete)).await;
    let Change::UploadCompleted { version, .. } = complete.record.change else { panic!("another change") };
    let object = world.object("a").await.unwrap();
    assert_eq!((object.version, object.number), (version, complete.record.number));
    assert_eq!(object.segments, [make::body(used, 100).1]);
    for freed in [unused, replaced] {
        assert_eq!(world.catalog.segment(SegmentId(id(freed))).await.unwrap(), None);
    }
    assert_eq!(world.catalog.upload(world.bucket.id, UploadId(id(upload))).await.unwrap(), None);
    assert!(world.catalog.parts(UploadId(id(upload)), 0, 10).await.unwrap().is_empty());
}

pub async fn an_aborted_upload_leaves_nothing<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let before = world.catalog.totals().await.unwrap();
    let (upload, part) = (world.fresh(), world.fresh());
    world.run(EAST, world.start(upload, "a")).await;
    world.run(EAST, world.part(upload, 1, part)).await;
    assert_eq!(world.catalog.totals().await.unwrap().uploads, before.uploads + 1);
    world.run(EAST, world.abort(upload)).await;
    assert_eq!(world.catalog.upload(world.bucket.id, UploadId(id(upload))).await.unwrap(), None);
    assert_eq!(world.catalog.segment(SegmentId(id(part))).await.unwrap(), None);
    let after = world.catalog.totals().await.unwrap();
    // Three journal segments carried the records.
    assert_eq!((after.uploads, after.segments), (before.uploads, before.segments + 3));
}

pub async fn a_bucket_takes_its_uploads_along<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (upload, part) = (world.fresh(), world.fresh());
    world.run(EAST, world.start(upload, "a")).await;
    world.run(EAST, world.part(upload, 1, part)).await;
    world.run(CONTROL, world.delete_bucket()).await;
    assert_eq!(world.catalog.upload(world.bucket.id, UploadId(id(upload))).await.unwrap(), None);
    assert!(world.catalog.parts(UploadId(id(upload)), 0, 10).await.unwrap().is_empty());
    assert_eq!(world.catalog.segment(SegmentId(id(part))).await.unwrap(), None);
}

pub async fn parts_are_listed_in_order_of_their_numbers<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let upload = world.fresh();
    world.run(EAST, world.start(upload, "a")).await;
    for number in [300, 1, 10_000, 2] {
        world.run(EAST, world.part(upload, number, world.fresh())).await;
    }
    for (after, limit, expected) in
        [(0, 10, &[1, 2, 300, 10_000][..]), (0, 2, &[1, 2]), (2, 1, &[300]), (300, 10, &[10_000]), (10_000, 10, &[])]
    {
        let parts = world.catalog.parts(UploadId(id(upload)), after, limit).await.unwrap();
        assert_eq!(parts.iter().map(|part| part.number).collect::<Vec<_>>(), expected, "{limit} behind {after}");
    }
}
