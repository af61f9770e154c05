//! What becomes visible, and what is refused as no continuation.

use bytes::Bytes;
use model::{Change, EnclaveId, Extent, KeyTag, LabelKey, Number, Record, SegmentId, StreamId, Timestamp, Vendor};

use super::Subject;
use super::make::{self, CONTROL, EAST, WEST, carrying, id, proposal};
use super::world::World;
use crate::error::Error;
use crate::interface::{Batch, Decided, Shipped};

pub async fn an_object_is_read_back_with_its_segments<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (first, second) = (make::body(world.fresh(), 70), make::body(world.fresh(), 30));
    let version = make::version(world.fresh(), &make::key("a/ключ"), vec![first.0, second.0]);
    let change = Change::ObjectPut {
        bucket: world.bucket.id,
        version: version.clone(),
        segments: vec![first.1.clone(), second.1.clone()],
    };
    let number = world.run(EAST, change).await;
    let object = world.object("a/ключ").await.unwrap();
    assert_eq!((object.number, object.version), (number, version));
    assert_eq!(object.segments, [first.1, second.1]);
    assert_eq!(world.object("a/").await, None);
    assert_eq!(world.object("a/ключi").await, None);
}

pub async fn a_small_body_lies_where_it_was_shipped<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let small = |key: &str| {
        let version = make::version(world.fresh(), &make::key(key), vec![make::riding(world.fresh(), 5)]);
        Change::ObjectPut { bucket: world.bucket.id, version, segments: Vec::new() }
    };
    let upload = world.fresh();
    world.run(EAST, world.start(upload, "b")).await;
    let part = Change::PartPut {
        bucket: world.bucket.id,
        upload: model::UploadId(id(upload)),
        part: make::part(1, 1, make::riding(world.fresh(), 7)),
        segments: Vec::new(),
    };
    let decided = [
        world.decided(EAST, carrying(b"12345", small("a"))).await,
        world.decided(EAST, carrying(b"1234567", part)).await,
    ];
    let batch = world.batch(EAST, &decided);
    let journal = batch.segment.clone();
    world.try_show(batch).await.unwrap();
    let object = world.object("a").await.unwrap();
    let extent = |offset, length| vec![Extent { segment: journal.id, offset, length }];
    assert_eq!(object.version.bodies[0].extents, extent(0, 5));
    assert_eq!(object.segments, std::slice::from_ref(&journal));
    let parts = world.catalog.parts(model::UploadId(id(upload)), 0, 10).await.unwrap();
    assert_eq!(parts[0].body.extents, extent(5, 7));
    // The journal segment holds records: it outlives the bodies in it.
    world.run(EAST, world.delete("a")).await;
    world.run(EAST, world.abort(upload)).await;
    assert_eq!(world.catalog.segment(journal.id).await.unwrap(), Some(journal));
}

pub async fn a_put_replaces_the_object_and_frees_its_segment<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (old, new) = (world.fresh(), world.fresh());
    world.run(EAST, world.put(old, "a")).await;
    let number = world.run(EAST, world.put(new, "a")).await;
    let object = world.object("a").await.unwrap();
    assert_eq!((object.number, object.version.etag), (number, make::etag(new)));
    assert_eq!(world.catalog.segment(SegmentId(id(old))).await.unwrap(), None);
    assert_eq!(world.keys().await, [make::key("a")]);
}

pub async fn shared_segments_stay_until_their_last_use<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (body, segment) = make::body(world.fresh(), 100);
    let put = |key: &str, segments: &[model::Segment]| Change::ObjectPut {
        bucket: world.bucket.id,
        version: make::version(world.fresh(), &make::key(key), vec![body.clone()]),
        segments: segments.to_vec(),
    };
    world.run(EAST, put("a", std::slice::from_ref(&segment))).await;
    world.run(EAST, put("b", &[])).await;
    // Over itself: the segment is held by the new before the old lets go.
    world.run(EAST, put("a", &[])).await;
    world.run(EAST, world.delete("a")).await;
    assert_eq!(world.object("b").await.unwrap().segments, std::slice::from_ref(&segment));
    world.run(EAST, world.delete("b")).await;
    assert_eq!(world.catalog.segment(segment.id).await.unwrap(), None);
}

pub async fn a_delete_removes_the_object<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let n = world.fresh();
    world.run(EAST, world.put(n, "a")).await;
    world.run(EAST, world.any_put("a/b")).await;
    world.run(EAST, world.delete("a")).await;
    assert_eq!(world.object("a").await, None);
    assert_eq!(world.keys().await, [make::key("a/b")]);
    assert_eq!(world.catalog.segment(SegmentId(id(n))).await.unwrap(), None);
    world.run(EAST, world.delete("never there")).await;
}

pub async fn showing_again_changes_nothing<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    for key in ["a", "b", "a"] {
        world.run(EAST, world.any_put(key)).await;
    }
    let dump = world.catalog.dump().await;
    for mut batch in world.batches() {
        world.catalog.show(batch.clone()).await.unwrap();
        // Shipped again, it lies in another segment, which nobody needs.
        batch.segment = make::segment(world.fresh(), model::SegmentKind::Journal, 0);
        world.catalog.show(batch).await.unwrap();
    }
    assert_eq!(world.catalog.dump().await, dump);
    // One that reaches beyond what is shown brings only what is new.
    let next = world.decided(EAST, proposal(world.any_put("c"))).await;
    let mut records = world.batches().pop().unwrap().records;
    records.push(Shipped { encoded: next.encoded.clone(), extent: None });
    let longer = Batch { records, ..world.batch(EAST, &[]) };
    world.try_show(longer).await.unwrap();
    assert_eq!(world.object("c").await.unwrap().number, next.record.number);
}

/// `record`, changed and encoded again.
fn forged(decided: &Decided, change: impl Fn(&mut Record)) -> Decided {
    let mut record = decided.record.clone();
    change(&mut record);
    Decided { encoded: coding::record::encode(&record), record, body: None }
}

pub async fn a_gap_or_a_fork_is_refused_whole<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let mut decided = Vec::new();
    for key in ["a", "b", "c", "d"] {
        decided.push(world.decided(EAST, proposal(world.any_put(key))).await);
    }
    world.show(EAST, &decided[..1]).await;
    let other_bytes = forged(&decided[0], |record| record.decided.0 += 1);
    let other_past = forged(&decided[1], |record| record.previous = [1; 32]);
    let other_stream = forged(&decided[1], |record| record.stream = WEST);
    let (dump, totals) = (world.catalog.dump().await, world.catalog.totals().await.unwrap());
    for (what, stream, records, at) in [
        ("a gap", EAST, vec![decided[2].clone()], 3),
        ("a gap within", EAST, vec![decided[1].clone(), decided[3].clone()], 4),
        ("twice the same", EAST, vec![decided[1].clone(), decided[1].clone()], 2),
        ("another record for one that is shown", EAST, vec![other_bytes], 1),
        ("another past", EAST, vec![other_past], 2),
        ("another stream's record", EAST, vec![other_stream], 2),
        ("a record in another stream", WEST, vec![decided[1].clone()], 2),
    ] {
        let error = world.try_show(world.batch(stream, &records)).await.unwrap_err();
        assert!(matches!(error, Error::Fork { sequence, .. } if sequence == at), "{what}: {error}");
        assert_eq!(world.catalog.dump().await, dump, "{what}");
        assert_eq!(world.catalog.totals().await.unwrap(), totals, "{what}");
    }
    world.show(EAST, &decided[1..]).await;
    assert_eq!(world.keys().await, ["a", "b", "c", "d"].map(make::key));
}

pub async fn a_fork_of_what_is_decided_is_refused<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let decided = world.decided(EAST, proposal(world.any_put("a"))).await;
    let number = decided.record.number;
    // The sites hold another record of the same number, or of the same place.
    let other_bytes = forged(&decided, |record| record.decided.0 += 1);
    let other_number = forged(&decided, |record| record.number = Number(number.0 + 5));
    let other_stream = forged(&decided, |record| record.stream = WEST);
    for (stream, forged) in [(EAST, other_bytes), (EAST, other_number), (WEST, other_stream)] {
        let error = world.try_show(world.batch(stream, &[forged])).await.unwrap_err();
        assert!(matches!(error, Error::Fork { sequence: 1, stream: found } if found == stream), "{error}");
    }
    world.show(EAST, &[decided]).await;
}

pub async fn unshown_records_are_kept_with_their_bodies<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let first = world.decided(WEST, carrying(b"body", world.any_put("a"))).await;
    let second = world.decided(EAST, proposal(world.any_put("b"))).await;
    let parts = |decided: &Decided| (decided.record.clone(), decided.encoded.clone(), decided.body.clone());
    let unshown: Vec<_> = world.catalog.unshown().await.unwrap().iter().map(parts).collect();
    assert_eq!(unshown, [parts(&first), parts(&second)]);
    assert_eq!(unshown[0].2, Some(Bytes::from_static(b"body")));
    world.show(EAST, &[second]).await;
    let left = world.catalog.unshown().await.unwrap();
    assert_eq!(left.iter().map(parts).collect::<Vec<_>>(), [parts(&first)]);
}

pub async fn only_an_enclave_founded_once_is_served<C: Subject>(fresh: impl AsyncFn() -> C) {
    let catalog = fresh().await;
    assert_eq!(catalog.enclave().await.unwrap(), None);
    assert!(catalog.streams().await.unwrap().is_empty());
    let enclave = EnclaveId([1; 16]);
    for _ in 0..2 {
        catalog.found(enclave, CONTROL).await.unwrap();
    }
    assert_eq!(catalog.enclave().await.unwrap(), Some(enclave));
    assert_eq!(catalog.streams().await.unwrap().len(), 1);
    for (other, control) in [(EnclaveId([2; 16]), CONTROL), (enclave, StreamId([2; 16]))] {
        let error = catalog.found(other, control).await.unwrap_err();
        assert!(matches!(error, Error::Founded { enclave: found } if found == enclave), "{error}");
    }
}

/// It was on its way to the sites when its label was shredded.
pub async fn what_stands_of_a_shredded_label_is_passed_over<C: Subject>(fresh: impl AsyncFn() -> C) {
    let mut world = World::new(fresh().await).await;
    let (label, stream) = (make::high(), StreamId([0x55; 16]));
    let key = LabelKey { tag: KeyTag([3; 16]), label: Some(label), epoch: 1, salt: [1; 32], sealed: vec![2; 48] };
    world.run(CONTROL, Change::LabelKeyCreated(key)).await;
    world.run(CONTROL, Change::StreamOpened { stream, label, vendors: vec![Vendor::Own] }).await;
    world.bucket = make::bucket(2, "vault", label);
    world.run(CONTROL, Change::BucketCreated(world.bucket.clone(), Vec::new())).await;
    let last = world.decided(stream, proposal(world.any_put("last"))).await;
    let shredded = Change::LabelShredded { label, keys: Vec::new(), at: Timestamp(9) };
    let shredded = world.decided(CONTROL, proposal(shredded)).await;
    world.try_show(world.batch(stream, std::slice::from_ref(&last))).await.unwrap();
    assert_eq!(world.object("last").await, None, "decided is enough");
    world.show(CONTROL, &[shredded]).await;
    world.try_show(world.batch(stream, &[last])).await.unwrap();
    assert_eq!(world.object("last").await, None);
}
