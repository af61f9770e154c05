//! What is decided, refused and told to wait.

use model::condition::Unmet;
use model::{AccessKeyId, BucketId, Change, Epoch, Guard, Label, Number, Precondition, StreamId};

use super::Subject;
use super::make::{self, CONTROL, EAST, NOW, WEST, id, proposal, under};
use super::world::{World, conditions};
use crate::error::Error;
use crate::interface::{Decision, Refusal};

pub async fn records_are_numbered_over_all_streams_and_chained_within_one<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let mut records = Vec::new();
    for (stream, key) in [(EAST, "a"), (WEST, "b"), (EAST, "c"), (WEST, "d")] {
        records.push(world.decided(stream, proposal(world.any_put(key))).await);
    }
    let first = records[0].record.number.0;
    for (place, decided) in (0..).zip(&records) {
        let record = coding::record::decode(&decided.encoded).unwrap();
        assert_eq!(record, decided.record, "the encoded record is the record");
        assert_eq!(record.number, Number(first + place));
        assert_eq!(record.decided, NOW);
        assert_eq!(record.sequence, 1 + place / 2);
        match record.sequence {
            1 => assert_eq!(record.previous, [0; 32]),
            _ => {
                let before = &records[usize::try_from(place).unwrap() - 2];
                assert_eq!(record.previous, coding::record::hash(&before.encoded));
            }
        }
    }
    let streams = world.catalog.streams().await.unwrap();
    let east = streams.iter().find(|stream| stream.id == EAST).unwrap();
    assert_eq!(east.decided, (2, coding::record::hash(&records[2].encoded)));
    assert_eq!(east.shown, (0, [0; 32]));
}

pub async fn a_refusal_changes_nothing<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let before = world.decided(EAST, proposal(world.any_put("a"))).await;
    let (dump, totals) = (world.catalog.dump().await, world.catalog.totals().await.unwrap());
    let refused = under(Precondition::Present, world.any_put("b"));
    assert_eq!(world.refused(refused).await, Refusal::Unmet(Unmet::NoSuchKey));
    assert_eq!(world.catalog.dump().await, dump);
    assert_eq!(world.catalog.totals().await.unwrap(), totals);
    let after = world.decided(EAST, proposal(world.any_put("c"))).await;
    assert_eq!(after.record.number.0, before.record.number.0 + 1, "no number is lost");
    assert_eq!(after.record.sequence, before.record.sequence + 1, "no place is lost");
}

pub async fn each_proposal_meets_what_those_before_it_decided<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let proposals = vec![
        under(Precondition::Absent, world.any_put("a")),
        under(Precondition::Absent, world.any_put("a")),
        proposal(world.any_put("a")),
        under(Precondition::Absent, world.any_put("b")),
    ];
    let decisions = world.catalog.decide(EAST, NOW, proposals).await.unwrap();
    let [Decision::Decided(first), Decision::Behind(waits), Decision::Decided(second), Decision::Decided(third)] =
        &decisions[..]
    else {
        panic!("{decisions:?}")
    };
    assert_eq!(*waits, first.record.number);
    assert_eq!(second.record.number.0, first.record.number.0 + 1);
    assert_eq!(third.record.number.0, first.record.number.0 + 2);
}

pub async fn a_decided_change_is_not_seen_before_it_is_shown<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let decided = world.decided(EAST, proposal(world.any_put("a"))).await;
    assert_eq!(world.object("a").await, None);
    assert!(world.keys().await.is_empty());
    assert_eq!(world.catalog.totals().await.unwrap().unshown, 1);
    world.show(EAST, &[decided]).await;
    assert!(world.object("a").await.is_some());
    assert_eq!(world.keys().await, [make::key("a")]);
    assert_eq!(world.catalog.totals().await.unwrap().unshown, 0);
}

pub async fn an_unknown_stream_is_an_error<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let stream = StreamId([9; 16]);
    let unknown = |error| matches!(error, Error::UnknownStream { stream: found } if found == stream);
    assert!(world.catalog.decide(stream, NOW, vec![proposal(world.any_put("a"))]).await.is_err_and(unknown));
    assert!(world.try_show(world.batch(stream, &[])).await.is_err_and(unknown));
}

pub async fn another_policy_epoch_is_refused<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let epoch = world.catalog.policy_epoch(make::OWNER).await.unwrap();
    let mut put = proposal(world.any_put("a"));
    put.guard = Guard { policy: Some((make::OWNER, epoch + 1)), ..Guard::default() };
    assert_eq!(world.refused(put.clone()).await, Refusal::PolicyChanged);
    put.guard.policy = Some((make::OWNER, epoch));
    world.decided(EAST, put).await;
}

pub async fn a_bucket_that_is_gone_or_has_another_label_is_refused<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let mut put = proposal(world.any_put("a"));
    for bucket in [(world.bucket.id, make::high()), (BucketId([9; 16]), Label::LOWEST)] {
        put.guard.bucket = Some(bucket);
        assert_eq!(world.refused(put.clone()).await, Refusal::NoSuchBucket);
    }
    put.guard.bucket = Some((world.bucket.id, Label::LOWEST));
    world.decided(EAST, put).await;
    // The change's own bucket counts as well, also without a guard.
    let elsewhere = Change::ObjectDeleted { bucket: BucketId([9; 16]), key: make::key("a") };
    assert_eq!(world.refused(proposal(elsewhere)).await, Refusal::NoSuchBucket);
}

pub async fn a_condition_waits_for_an_unshown_change_of_its_key<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (upload, part) = (world.fresh(), world.fresh());
    world.run(EAST, world.start(upload, "a")).await;
    world.run(EAST, world.part(upload, 1, part)).await;
    for change in [world.any_put("a"), world.delete("a"), world.complete(upload, "a", &[part])] {
        // Whichever stream it was decided in.
        let unshown = world.decided(WEST, proposal(change)).await;
        for condition in conditions() {
            for later in [world.any_put("a"), world.delete("a")] {
                assert_eq!(world.behind(under(condition.clone(), later)).await, unshown.record.number);
            }
            // Other keys have nothing to do with it.
            let elsewhere = world.decide(EAST, under(condition, world.any_put("ab"))).await;
            assert!(!matches!(elsewhere, Decision::Behind(number) if number == unshown.record.number), "{elsewhere:?}");
        }
        world.show(WEST, &[unshown]).await;
    }
    assert!(matches!(world.decide(EAST, under(Precondition::Present, world.any_put("a"))).await, Decision::Decided(_)));
}

pub async fn unconditional_puts_and_deletes_never_wait<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    for _ in 0..3 {
        world.decided(EAST, proposal(world.any_put("a"))).await;
        world.decided(EAST, proposal(world.delete("a"))).await;
    }
    assert_eq!(world.catalog.totals().await.unwrap().unshown, 6);
}

pub async fn conditions_are_judged_on_the_object_that_is_there<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    world.run(EAST, world.put(1, "there")).await;
    let (upload, part) = (world.fresh(), world.fresh());
    world.run(EAST, world.start(upload, "there")).await;
    world.run(EAST, world.part(upload, 1, part)).await;
    let other = Precondition::Matches(make::etag(2));
    let matching = Precondition::Matches(make::etag(1));
    for (condition, key, unmet) in [
        (Precondition::Absent, "there", Some(Unmet::Failed)),
        (other.clone(), "there", Some(Unmet::Failed)),
        (other, "not there", Some(Unmet::NoSuchKey)),
        (Precondition::Present, "not there", Some(Unmet::NoSuchKey)),
        (Precondition::Absent, "neither there", None),
        (Precondition::Present, "there", None),
        (matching, "there", None),
    ] {
        let change = match unmet {
            Some(_) => world.any_put(key),
            // What is shown after this has the same ETag again.
            None => world.put(1, key),
        };
        match (world.decide(EAST, under(condition.clone(), change)).await, unmet) {
            (Decision::Refused(refusal), Some(unmet)) => assert_eq!(refusal, Refusal::Unmet(unmet)),
            (Decision::Decided(_), None) => {}
            (decision, _) => panic!("{condition:?} on `{key}`: {decision:?}"),
        }
        world.show(EAST, &world.catalog.unshown().await.unwrap()).await;
    }
    let complete = world.complete(upload, "there", &[part]);
    let refused = world.refused(under(Precondition::Absent, complete.clone())).await;
    assert_eq!(refused, Refusal::Unmet(Unmet::Failed));
    world.decided(EAST, under(Precondition::Present, complete)).await;
}

pub async fn everything_in_a_bucket_waits_for_its_unshown_deletion<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (upload, part) = (world.fresh(), world.fresh());
    world.run(EAST, world.start(upload, "a")).await;
    world.run(EAST, world.part(upload, 1, part)).await;
    let deletion = world.decided(CONTROL, proposal(world.delete_bucket())).await;
    for change in [
        world.any_put("a"),
        world.delete("a"),
        world.start(world.fresh(), "a"),
        world.part(upload, 2, world.fresh()),
        world.complete(upload, "a", &[part]),
        world.abort(upload),
        world.delete_bucket(),
    ] {
        assert_eq!(world.behind(proposal(change)).await, deletion.record.number);
    }
    world.show(CONTROL, &[deletion]).await;
    assert_eq!(world.refused(proposal(world.any_put("a"))).await, Refusal::NoSuchBucket);
}

pub async fn a_deletion_of_a_bucket_waits_for_anything_unshown_in_it<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let (upload, part) = (world.fresh(), world.fresh());
    for change in
        [world.start(upload, "a"), world.part(upload, 1, part), world.complete(upload, "a", &[part]), world.delete("a")]
    {
        let unshown = world.decided(EAST, proposal(change)).await;
        assert_eq!(world.behind(proposal(world.delete_bucket())).await, unshown.record.number);
        world.show(EAST, &[unshown]).await;
    }
    world.run(CONTROL, world.delete_bucket()).await;
    assert_eq!(world.catalog.bucket_named(Label::LOWEST, &world.bucket.name).await.unwrap(), None);
}

pub async fn a_bucket_with_objects_stays<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    world.run(EAST, world.any_put("a")).await;
    assert_eq!(world.refused(proposal(world.delete_bucket())).await, Refusal::BucketNotEmpty);
    world.run(EAST, world.delete("a")).await;
    world.run(CONTROL, world.delete_bucket()).await;
    assert_eq!(world.refused(proposal(world.delete_bucket())).await, Refusal::NoSuchBucket);
}

pub async fn a_bucket_name_is_unique_at_its_label<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let namesake = make::bucket(world.fresh(), "tea", Label::LOWEST);
    let refusal = world.refused(proposal(Change::BucketCreated(namesake.clone(), Vec::new()))).await;
    assert_eq!(refusal, Refusal::BucketExists(Box::new(world.bucket.clone())));
    let above = make::bucket(world.fresh(), "tea", make::high());
    world.run(CONTROL, Change::BucketCreated(above.clone(), Vec::new())).await;
    for (labels, found) in [
        (vec![Label::LOWEST, make::high()], vec![world.bucket.clone(), above.clone()]),
        (vec![make::high(), Label::LOWEST], vec![above.clone(), world.bucket.clone()]),
        (vec![Label::LOWEST], vec![world.bucket.clone()]),
        (vec![], vec![]),
    ] {
        assert_eq!(world.catalog.buckets_named(labels, &above.name).await.unwrap(), found);
    }
    for bucket in [&world.bucket, &above] {
        let found = world.catalog.bucket_named(bucket.label, &bucket.name).await.unwrap();
        assert_eq!(found.as_ref(), Some(bucket));
        assert_eq!(world.catalog.buckets_of(make::OWNER, bucket.label).await.unwrap(), std::slice::from_ref(bucket));
    }
    world.run(CONTROL, world.delete_bucket()).await;
    world.run(CONTROL, Change::BucketCreated(namesake.clone(), Vec::new())).await;
    assert_eq!(world.catalog.bucket_named(Label::LOWEST, &namesake.name).await.unwrap(), Some(namesake));
}

pub async fn a_bucket_name_waits_for_its_unshown_changes<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let create = |n| proposal(Change::BucketCreated(make::bucket(n, "coffee", Label::LOWEST), Vec::new()));
    let first = world.fresh();
    let created = world.decided(CONTROL, create(first)).await;
    assert_eq!(world.behind(create(world.fresh())).await, created.record.number);
    let inside = Change::ObjectDeleted { bucket: BucketId(id(first)), key: make::key("a") };
    assert_eq!(world.behind(proposal(inside)).await, created.record.number, "nor is anything decided in it");
    world.show(CONTROL, &[created]).await;
    let deletion = Change::BucketDeleted { bucket: BucketId(id(first)) };
    let deleted = world.decided(CONTROL, proposal(deletion)).await;
    assert_eq!(world.behind(create(world.fresh())).await, deleted.record.number);
    world.show(CONTROL, &[deleted]).await;
    world.decided(CONTROL, create(world.fresh())).await;
}

pub async fn segments_of_closed_or_unopened_epochs_are_refused<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let upload = world.fresh();
    world.run(EAST, world.start(upload, "a")).await;
    let naming = || [world.any_put("a"), world.part(upload, 1, world.fresh())];
    for change in naming() {
        world.decided(EAST, proposal(change)).await;
    }
    let mut unopened = world.any_put("a");
    if let Change::ObjectPut { segments, .. } = &mut unopened {
        segments[0].epoch = Epoch(2);
    }
    assert_eq!(world.refused(proposal(unopened.clone())).await, Refusal::EpochClosed);
    assert_eq!(world.catalog.open_epoch(Epoch(0)).await.unwrap(), Epoch(2));
    world.catalog.close_epochs_below(Epoch(2)).await.unwrap();
    for change in naming() {
        assert_eq!(world.refused(proposal(change)).await, Refusal::EpochClosed);
    }
    // Its pieces are still of epoch 1, whatever the segment says.
    assert_eq!(world.refused(proposal(unopened)).await, Refusal::EpochClosed);
    // What names no segment is decided in any epoch.
    world.decided(EAST, proposal(world.delete("a"))).await;
}

/// Guards of a session with this key.
pub(super) fn with_key(id: &str) -> Guard {
    Guard { access_key: Some(AccessKeyId(id.to_owned())), ..Guard::default() }
}
