//! Adopting: what is here and what was deleted here hide what the origin holds, in whichever order
//! records are shown; what would forget the origin is refused.

use model::adoption::Stage;
use model::{Adoption, Aspect, BucketSetting, Change, ETag, OriginAddress, OriginKind, Precondition, Versioning};

use super::Subject;
use super::make::{self, EAST, NOW, WEST, proposal, under};
use super::replay::check_every_order;
use super::world::World;
use crate::interface::{Decision, Proposal, Refusal, Stand};

fn adoption(stage: Stage) -> Adoption {
    let origin = OriginAddress {
        kind: OriginKind::Azure,
        bucket: "old".to_owned(),
        endpoint: None,
        region: None,
        account: None,
        credentials: "mine".to_owned(),
    };
    Adoption { origin, begun: NOW, budget: None, stage }
}

fn turn<C: Subject>(world: &World<C>, stage: Stage) -> Change {
    Change::BucketSet { bucket: world.bucket.id, setting: BucketSetting::Adoption(Some(adoption(stage))) }
}

async fn adopting<C: Subject>(fresh: &impl AsyncFn() -> C) -> World<C> {
    let world = World::new(fresh().await).await;
    world.run(EAST, turn(&world, Stage::Copying)).await;
    world
}

fn hide<C: Subject>(world: &World<C>, key: &str) -> Change {
    Change::OriginHidden { bucket: world.bucket.id, key: make::key(key) }
}

/// A put whose object was at the origin with the ETag of `n`.
fn bring<C: Subject>(world: &World<C>, n: u64, key: &str, since: Option<ETag>) -> Proposal {
    let mut change = world.put(n, key);
    if let Change::ObjectPut { version, .. } = &mut change {
        version.brought = Some(version.etag.clone());
    }
    under(Precondition::Untouched { since }, change)
}

async fn stand<C: Subject>(world: &World<C>, key: &str) -> Stand {
    world.catalog.stands(world.bucket.id, vec![make::key(key)]).await.unwrap().remove(0)
}

async fn run<C: Subject>(world: &World<C>, proposal: Proposal) {
    let decided = world.decided(EAST, proposal).await;
    world.show(EAST, std::slice::from_ref(&decided)).await;
}

pub async fn keys_stand_as_they_were_written_deleted_or_brought<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = adopting(&fresh).await;
    world.run(EAST, world.any_put("written")).await;
    world.run(WEST, hide(&world, "deleted")).await;
    run(&world, bring(&world, 7, "brought", None)).await;
    world.run(EAST, world.any_put("both")).await;
    world.run(WEST, hide(&world, "both")).await;
    world.run(EAST, world.any_put("both")).await;
    for (key, expected) in [
        ("untouched", Stand::Untouched),
        ("written", Stand::Written),
        ("deleted", Stand::Deleted),
        ("brought", Stand::Brought { size: 100, etag: make::etag(7) }),
        ("both", Stand::Written),
    ] {
        assert_eq!(stand(&world, key).await, expected, "`{key}`");
    }
    check_every_order(&world, &fresh).await;
}

pub async fn marks_go_when_the_adoption_is_closed<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = adopting(&fresh).await;
    world.run(WEST, hide(&world, "a")).await;
    world.run(EAST, world.any_put("b")).await;
    world.run(WEST, hide(&world, "b")).await;
    assert!(world.object("b").await.is_none());
    world.run(EAST, turn(&world, Stage::Proven { at: NOW })).await;
    assert_eq!(stand(&world, "a").await, Stand::Untouched);
    let listed = world.catalog.buckets_with(Aspect::Adoption).await.unwrap();
    let closed = BucketSetting::Adoption(Some(adoption(Stage::Proven { at: NOW })));
    assert_eq!(listed, [(world.bucket.clone(), closed)]);
    check_every_order(&world, &fresh).await;
}

pub async fn what_would_forget_the_origin_is_refused<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = World::new(fresh().await).await;
    let opening = world.decided(EAST, proposal(turn(&world, Stage::Copying))).await;
    assert_eq!(world.behind(proposal(world.delete("a"))).await, opening.record.number);
    world.show(EAST, std::slice::from_ref(&opening)).await;
    let deleted = world.decided(EAST, proposal(world.delete("a"))).await;
    assert_eq!(deleted.record.change, hide(&world, "a"), "what is deleted is hidden");
    world.show(EAST, std::slice::from_ref(&deleted)).await;
    for condition in [Precondition::Absent, Precondition::Present, Precondition::Matches(make::etag(1))] {
        assert_eq!(world.refused(under(condition, world.any_put("b"))).await, Refusal::LookBeneath);
    }
    for change in [
        world.delete_bucket(),
        Change::BucketSet { bucket: world.bucket.id, setting: BucketSetting::Versioning(Versioning::Enabled) },
        Change::BucketSet { bucket: world.bucket.id, setting: BucketSetting::Adoption(None) },
    ] {
        let refusal = world.refused(proposal(change.clone())).await;
        assert!(matches!(refusal, Refusal::Adoption(_)), "{change:?}: {refusal:?}");
    }
    world.run(EAST, turn(&world, Stage::Abandoned { at: NOW })).await;
    let again = world.refused(proposal(turn(&world, Stage::Copying))).await;
    assert!(matches!(again, Refusal::Adoption(_)), "a bucket adopts once: {again:?}");
    let deleted = world.decided(EAST, proposal(world.delete("a"))).await;
    assert_eq!(deleted.record.change, world.delete("a"), "there is nothing left to hide");
}

pub async fn a_condition_is_judged_over_what_lies_beneath_unless_it_is_hidden<C: Subject>(fresh: impl AsyncFn() -> C) {
    let matches = |n| Precondition::Matches(make::etag(n));
    for (key, beneath, condition, well) in [
        ("beneath", Some(9), Precondition::Absent, false),
        ("beneath", Some(9), Precondition::Present, true),
        ("beneath", Some(9), matches(9), true),
        ("beneath", Some(9), matches(5), false),
        ("nowhere", None, Precondition::Absent, true),
        ("nowhere", None, matches(9), false),
        ("hidden", Some(9), Precondition::Absent, true),
        ("hidden", Some(9), matches(9), false),
        ("here", Some(9), matches(9), false),
        ("here", Some(9), matches(5), true),
    ] {
        let world = adopting(&fresh).await;
        world.run(EAST, hide(&world, "hidden")).await;
        world.run(EAST, world.put(5, "here")).await;
        let told = format!("{condition:?} on `{key}`");
        let over = Precondition::Over { beneath: beneath.map(make::etag), condition: Box::new(condition) };
        for change in [hide(&world, key), world.any_put(key)] {
            let decision = world.decide(WEST, under(over.clone(), change)).await;
            assert_eq!(matches!(decision, Decision::Decided(_)), well, "{told}: {decision:?}");
            if let Decision::Decided(_) = decision {
                break;
            }
        }
    }
}

pub async fn what_is_brought_takes_the_place_of_nothing_but_what_was_brought<C: Subject>(fresh: impl AsyncFn() -> C) {
    let world = adopting(&fresh).await;
    world.run(EAST, world.put(5, "written")).await;
    world.run(EAST, hide(&world, "deleted")).await;
    for (key, since) in [("written", None), ("written", Some(5)), ("deleted", None), ("untouched", Some(5))] {
        let refusal = world.refused(bring(&world, world.fresh(), key, since.map(make::etag))).await;
        assert!(matches!(refusal, Refusal::Unmet(_)), "`{key}` since {since:?}: {refusal:?}");
    }
    run(&world, bring(&world, 7, "k", None)).await;
    assert!(matches!(world.refused(bring(&world, 8, "k", None)).await, Refusal::Unmet(_)));
    run(&world, bring(&world, 8, "k", Some(make::etag(7)))).await;
    // An unshown write of a client comes first.
    let written = world.decided(WEST, proposal(world.any_put("k"))).await;
    assert_eq!(world.behind(bring(&world, 9, "k", Some(make::etag(8)))).await, written.record.number);
    world.show(WEST, std::slice::from_ref(&written)).await;
    assert!(matches!(world.refused(bring(&world, 9, "k", Some(make::etag(8)))).await, Refusal::Unmet(_)));
    world.run(EAST, turn(&world, Stage::Abandoned { at: NOW })).await;
    assert!(matches!(world.refused(bring(&world, 10, "late", None)).await, Refusal::Unmet(_)), "it is over");
}
