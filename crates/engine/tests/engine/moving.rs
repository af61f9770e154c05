//! Moves: a bucket is told another profile, or vendors come, and what lies there is coded anew while clients
//! read and write, whatever is killed; no promise is broken on the way, and what is fine is left alone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::world::{self, World, meant, noise, person_at, settings};
use catalog::Catalog;
use engine::{Copy, Engine, Error, Meant, Wait};
use model::label::Parts;
use model::{Bucket, BucketName, Code, Label, Level, ObjectKey, Profile, Segment, SegmentKind, SiteState, Which};
use policy::{Permit, SystemPermit};
use providers::fault::State;

pub const MIB: usize = 1 << 20;

pub fn system() -> SystemPermit {
    SystemPermit::for_background_work()
}

pub fn tea() -> BucketName {
    BucketName::parse("tea").unwrap()
}

async fn over(seed: u64, vendors: usize) -> World {
    World::under(seed, settings(), vec![Label::LOWEST; vendors]).await
}

pub async fn fill(world: &World) {
    for n in 0..6 {
        world.put(&format!("small-{n}"), &noise(n, 9_000)).await.unwrap();
        world.put(&format!("large-{n}"), &noise(100 + n, 2 * MIB)).await.unwrap();
    }
}

pub async fn all_is_there(world: &World) {
    for n in 0..6 {
        assert!(world.get(&format!("small-{n}")).await.unwrap() == noise(n, 9_000), "small-{n}");
        assert!(world.get(&format!("large-{n}")).await.unwrap() == noise(100 + n, 2 * MIB), "large-{n}");
    }
}

async fn bucket(world: &World, name: &str) -> Bucket {
    let name = BucketName::parse(name).unwrap();
    world.engine.resolve(&world.session, &name).await.unwrap().unwrap()
}

/// Every segment that an object lies in.
async fn segments(world: &World) -> Vec<Segment> {
    let page = world.catalog.proofs(0, 10_000).await.unwrap();
    page.segments.into_values().map(|proof| proof.segment).collect()
}

pub async fn codes(world: &World, kind: SegmentKind) -> BTreeSet<(Code, u8)> {
    segments(world).await.iter().filter(|one| one.kind == kind).map(|one| (one.code, one.promise)).collect()
}

async fn is_done(engine: &Engine) -> bool {
    engine.data_moves(&system()).await.unwrap().0.iter().all(|asked| asked.done)
}

pub async fn done(engine: &Engine) {
    for _ in 0..3000 {
        if is_done(engine).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("it is not done: {:?}", engine.data_moves(&system()).await.unwrap());
}

/// Puts and gets without a pause until told to stop; tells how many.
pub fn load(world: &World) -> (Arc<AtomicBool>, tokio::task::JoinHandle<u64>) {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (engine, session, stopped) = (world.engine.clone(), world.session.clone(), Arc::clone(&stop));
    let task = tokio::spawn(async move {
        let mut n = 0;
        while !stopped.load(Ordering::Relaxed) {
            let bytes = noise(1000 + n, if n % 3 == 0 { 2 * MIB } else { 5_000 });
            let key = format!("load-{}", n % 7);
            world::put(&engine, world::permit(&engine, &session, &key).await, &bytes).await.unwrap();
            assert!(world::get(&engine, world::permit(&engine, &session, &key).await).await.unwrap() == bytes);
            let seen = n % 6;
            let key = format!("large-{seen}");
            let read = world::get(&engine, world::permit(&engine, &session, &key).await).await.unwrap();
            assert!(read == noise(100 + seen, 2 * MIB), "{key}");
            n += 1;
            count.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        count.load(Ordering::Relaxed)
    });
    (stop, task)
}

pub const QUAD: Code = Code { k: 2, m: 2 };
pub const STD: Code = Code { k: 3, m: 2 };
const ECON: Code = Code { k: 3, m: 1 };

#[tokio::test(start_paused = true)]
async fn another_profile_moves_what_lies_there_under_load() {
    let world = over(1, 5).await;
    world.sites.latency(Duration::from_millis(15));
    fill(&world).await;
    let _background = world.background();
    let (stop, load) = load(&world);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let plan = world.engine.plan_move(&system(), Some(meant(&tea())), Some(Profile::Std)).await.unwrap();
    assert!(plan.recoded >= 6 && plan.waiting.is_empty() && plan.shared == 0, "{plan:?}");
    assert!(plan.stored_after < plan.stored, "3+2 takes less than 2+2: {plan:?}");
    assert_eq!(bucket(&world, "tea").await.profile, Profile::Quad, "a plan changes nothing");
    world.engine.move_data(&system(), Some(meant(&tea())), Some(Profile::Std)).await.unwrap();
    assert_eq!(bucket(&world, "tea").await.profile, Profile::Std);
    done(&world.engine).await;
    stop.store(true, Ordering::Relaxed);
    assert!(load.await.unwrap() > 5);
    assert_eq!(codes(&world, SegmentKind::Data).await, [(STD, 2)].into());
    assert_eq!(world.below_promise().await, 0);
    let progress = world.engine.data_moves(&system()).await.unwrap().1;
    assert!(progress.bill.bytes_written > 0 && progress.waiting.is_empty(), "{progress:?}");
    for out in [[0, 1], [2, 4], [1, 3]] {
        world.sites.set(&out, State::Gone);
        all_is_there(&world).await;
        world.sites.set(&out, State::Well);
    }
}

/// Stopped after ever longer, and begun again over the same catalog and sites, it comes to its end.
#[tokio::test(start_paused = true)]
async fn killed_at_any_moment_it_goes_on() {
    let mut world = over(2, 5).await;
    fill(&world).await;
    world.sites.latency(Duration::from_millis(40));
    world.engine.move_data(&system(), Some(meant(&tea())), Some(Profile::Std)).await.unwrap();
    let mut kills = 0;
    for step in 1u64.. {
        let background = world.background();
        let ran = tokio::time::timeout(Duration::from_millis(step * 15), done(&world.engine)).await;
        background.abort();
        let _ = background.await;
        if ran.is_ok() {
            break;
        }
        kills += 1;
        assert!(kills < 500);
        world.engine.drain().await;
        world.engine = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
        assert_eq!(bucket(&world, "tea").await.profile, Profile::Std, "what is decided stays so");
    }
    assert!(kills >= 5, "{kills}");
    assert_eq!(codes(&world, SegmentKind::Data).await, [(STD, 2)].into());
    assert_eq!(world.below_promise().await, 0);
    all_is_there(&world).await;
}

/// The journal rises with its most demanding bucket, and what was written under less is brought up.
#[tokio::test(start_paused = true)]
async fn what_promises_more_keeps_it_in_the_journal_too() {
    let world = over(3, 5).await;
    fill(&world).await;
    let _background = world.background();
    world.engine.move_data(&system(), Some(meant(&tea())), Some(Profile::Mirror(4))).await.unwrap();
    done(&world.engine).await;
    for kind in [SegmentKind::Data, SegmentKind::Journal] {
        let codes = codes(&world, kind).await;
        assert!(codes.iter().all(|(code, promise)| code.k == 1 && *promise == 3), "{kind:?}: {codes:?}");
    }
    assert_eq!(world.below_promise().await, 0);
    world.put("after", b"after").await.unwrap();
    world.sites.set(&[0, 2, 4], State::Gone);
    assert_eq!(world.get("after").await.unwrap(), "after");
    all_is_there(&world).await;
}

/// Copies lie in one segment. A bucket that asks for less takes nothing from one that asks for more.
#[tokio::test(start_paused = true)]
async fn what_copies_share_keeps_the_strongest_promise() {
    let world = over(4, 4).await;
    fill(&world).await;
    let name = BucketName::parse("cups").unwrap();
    let permit = policy::on_account(&world.session).unwrap();
    let cups = world.engine.create_bucket(permit, name, None, Vec::new()).await.unwrap();
    let copy = async |key: &str| {
        let to: Permit<_> = policy::on_object(&world.session, &cups, ObjectKey::parse(key).unwrap()).unwrap();
        let from = world.permit(key).await;
        world.engine.copy(from, Which::Current, to, Copy::default()).await.unwrap();
    };
    let lies_in = async || segments(&world).await.iter().map(|one| one.id).collect::<BTreeSet<_>>();
    let before = lies_in().await;
    copy("large-0").await;
    assert_eq!(lies_in().await, before, "a copy is shared");
    let _background = world.background();
    let plan = world.engine.plan_move(&system(), Some(meant(&tea())), Some(Profile::Econ)).await.unwrap();
    assert_eq!((plan.recoded, plan.shared), (5, 1), "{plan:?}");
    world.engine.move_data(&system(), Some(meant(&tea())), Some(Profile::Econ)).await.unwrap();
    done(&world.engine).await;
    assert_eq!(codes(&world, SegmentKind::Data).await, [(QUAD, 2), (ECON, 1)].into());
    assert_eq!(codes(&world, SegmentKind::Journal).await, [(QUAD, 2)].into(), "the journal never falls");
    // From a bucket that promises less nothing is shared any more.
    let before = lies_in().await.len();
    copy("large-1").await;
    assert_eq!(lies_in().await.len(), before + 1);
    world.sites.set(&[0, 1], State::Gone);
    for (key, n) in [("large-0", 100), ("large-1", 101)] {
        let permit = policy::on_object(&world.session, &cups, ObjectKey::parse(key).unwrap()).unwrap();
        assert!(world::get(&world.engine, permit).await.unwrap() == noise(n, 2 * MIB), "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_comes_is_used_where_that_gains_something_and_when_asked() {
    let mut world = over(5, 4).await;
    fill(&world).await;
    let background = world.background();
    world.engine.set_sites(&system(), &["google".to_owned()], SiteState::Draining).await.unwrap();
    let state = async || world.engine.evacuations(&system(), &["google".to_owned()]).await.unwrap()[0].state;
    while state().await != SiteState::Detached {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(codes(&world, SegmentKind::Data).await, [(Code { k: 1, m: 2 }, 2)].into());
    let nothing = world.engine.plan_move(&system(), None, None).await.unwrap();
    assert_eq!((nothing.recoded, nothing.well), (0, 6), "of three vendors it is as it should be");
    background.abort();
    let _ = background.await;
    world.engine.drain().await;
    world.sites.add(&world.outside);
    world.engine = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
    let _background = world.background();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(codes(&world, SegmentKind::Data).await, [(Code { k: 1, m: 2 }, 2)].into(), "nobody asked");
    let plan = world.engine.plan_move(&system(), None, None).await.unwrap();
    assert_eq!((plan.recoded, plan.well, plan.copies), (6, 0, 0), "{plan:?}");
    assert!(plan.stored_after * 10 < plan.stored * 7, "two thirds of it: {plan:?}");
    world.engine.move_data(&system(), None, None).await.unwrap();
    done(&world.engine).await;
    assert_eq!(codes(&world, SegmentKind::Data).await, [(QUAD, 2)].into());
    all_is_there(&world).await;
    // What is fine is left where it is.
    let puts = (0..5).map(|site| world.sites.asked(site).puts).collect::<Vec<_>>();
    let plan = world.engine.plan_move(&system(), None, None).await.unwrap();
    assert_eq!((plan.recoded, plan.well), (0, 6), "{plan:?}");
    world.engine.move_data(&system(), Some(meant(&tea())), None).await.unwrap();
    done(&world.engine).await;
    let after = (0..5).map(|site| world.sites.asked(site).puts).collect::<Vec<_>>();
    let records: u64 = after.iter().zip(&puts).map(|(after, before)| after - before).sum();
    assert!(records <= 4 * 3, "records of asking and of being done, and nothing else: {records}");
}

#[tokio::test(start_paused = true)]
async fn a_move_says_what_it_waits_for_and_goes_on_when_that_is_back() {
    let world = over(7, 5).await;
    fill(&world).await;
    let _background = world.background();
    world.sites.set(&[2], State::Gone);
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.engine.move_data(&system(), Some(meant(&tea())), Some(Profile::Std)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let (_, progress) = world.engine.data_moves(&system()).await.unwrap();
    assert!(!is_done(&world.engine).await);
    let why: Vec<String> = progress.waiting.keys().map(|wait| world.engine.why(&system(), wait)).collect();
    assert_eq!(why, ["google, which is out"]);
    assert!(!progress.waiting.contains_key(&Wait::Before));
    world.sites.set(&[2], State::Well);
    done(&world.engine).await;
    assert_eq!(codes(&world, SegmentKind::Data).await, [(STD, 2)].into());
    all_is_there(&world).await;
}

/// What began under another profile is waited for, and lies by the new one in the end.
#[tokio::test(start_paused = true)]
async fn a_put_under_way_keeps_a_move_from_ending() {
    let world = over(8, 5).await;
    fill(&world).await;
    let _background = world.background();
    let (more, frames) = tokio::sync::mpsc::channel::<Result<bytes::Bytes, engine::BodyError>>(1);
    let body = Box::pin(futures::stream::unfold(frames, |mut frames| async { Some((frames.recv().await?, frames)) }));
    let put = tokio::spawn({
        let (engine, permit) = (world.engine.clone(), world.permit("slow").await);
        async move {
            engine.put(permit, engine::Put { declared: world::declared(2 * MIB), ..Default::default() }, body).await
        }
    });
    let bytes = noise(9, 2 * MIB);
    more.send(Ok(bytes::Bytes::copy_from_slice(&bytes[..MIB + MIB / 2]))).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.engine.move_data(&system(), Some(meant(&tea())), Some(Profile::Econ)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(!is_done(&world.engine).await);
    assert!(world.engine.data_moves(&system()).await.unwrap().1.waiting.contains_key(&Wait::Before));
    assert_eq!(codes(&world, SegmentKind::Data).await, [(QUAD, 2)].into(), "nobody is promised less before");
    more.send(Ok(bytes::Bytes::copy_from_slice(&bytes[MIB + MIB / 2..]))).await.unwrap();
    drop(more);
    put.await.unwrap().unwrap();
    done(&world.engine).await;
    assert_eq!(codes(&world, SegmentKind::Data).await, [(ECON, 1)].into());
    assert!(world.get("slow").await.unwrap() == bytes);
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_no_vendors_hold_is_refused() {
    let world = over(9, 4).await;
    let refused = world.engine.move_data(&system(), Some(meant(&tea())), Some(Profile::Std)).await.unwrap_err();
    assert!(refused.to_string().contains("profile std needs 5 vendors, 4 are configured"), "{refused}");
    let refused = world.engine.move_data(&system(), None, Some(Profile::Econ)).await.unwrap_err();
    assert!(refused.to_string().contains("name it"), "{refused}");
    assert_eq!(bucket(&world, "tea").await.profile, Profile::Quad);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_above_is_neither_meant_nor_heard_of() {
    let top = Label::highest_of(Label::LOWEST.table());
    let world = World::under(21, settings(), [top; 4]).await;
    let above = Label::new(Parts { level: Level(64), ..Label::LOWEST.parts() });
    let ana = person_at(&world.engine, "ana", above).await;
    let vault = BucketName::parse("vault").unwrap();
    for name in [tea(), vault.clone()] {
        let permit = policy::on_account(&ana).unwrap();
        world.engine.create_bucket(permit, name, None, Vec::new()).await.unwrap();
    }
    let plan =
        async |name: &BucketName, highest| world.engine.plan_move(&system(), Some(Meant { name, highest }), None).await;
    plan(&tea(), Label::LOWEST).await.unwrap();
    assert!(matches!(plan(&vault, Label::LOWEST).await, Err(Error::NoSuchBucket)));
    plan(&vault, above).await.unwrap();
    assert!(matches!(plan(&tea(), above).await, Err(Error::Invalid(why)) if why.contains("several labels")));
}
