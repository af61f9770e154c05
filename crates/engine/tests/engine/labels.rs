//! Data of several labels in one enclave: what a name means from where, what flows which way, and where
//! pieces may lie.

use crate::world::{World, key_at, noise, open, person_at, put, settings, whole};
use bytes::Bytes;
use engine::{Copy, Error};
use model::label::Parts;
use model::{Bucket, BucketName, Compartments, Label, LabelRange, Level, ObjectKey, Profile, Session, TableId, Which};
use policy::{GetObject, PutObject, Refusal, SystemPermit};
use providers::fault::State;

pub fn label(level: u8, compartments: &[u8]) -> Label {
    let with = |all: Compartments, number: &u8| all.union(Compartments::one(*number));
    let compartments = compartments.iter().fold(Compartments::NONE, with);
    Label::new(Parts { level: Level(level), compartments, ..Label::LOWEST.parts() })
}

pub fn top() -> Label {
    Label::highest_of(Label::LOWEST.table())
}

async fn world(seed: u64) -> World {
    World::under(seed, settings(), [top(); 4]).await
}

pub async fn create(world: &World, session: &Session, name: &str, profile: Option<Profile>) -> Result<Bucket, Error> {
    let name = BucketName::parse(name).unwrap();
    world.engine.create_bucket(policy::on_account(session).unwrap(), name, profile, Vec::new()).await
}

async fn meant(world: &World, session: &Session, name: &str) -> Option<Bucket> {
    world.engine.resolve(session, &BucketName::parse(name).unwrap()).await.unwrap()
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

async fn read(world: &World, session: &Session, bucket: &Bucket, name: &str) -> Result<Bytes, Error> {
    let permit = policy::on_object::<GetObject>(session, bucket, key(name)).unwrap();
    whole(world.engine.find(permit).await?).await
}

pub async fn write(world: &World, session: &Session, bucket: &Bucket, name: &str, bytes: &[u8]) {
    let permit = policy::on_object::<PutObject>(session, bucket, key(name)).unwrap();
    put(&world.engine, permit, bytes).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_name_means_the_bucket_of_ones_label_else_the_single_one_below() {
    let world = world(1).await;
    let owner = world.session.clone();
    let [red, blue, both] = [label(64, &[1]), label(64, &[2]), label(64, &[1, 2])];
    let high = person_at(&world.engine, "ana", both).await;
    let at_red = key_at(&world.engine, high.principal, red).await.unwrap();
    let at_blue = key_at(&world.engine, high.principal, blue).await.unwrap();

    let tea = meant(&world, &owner, "tea").await.unwrap();
    for session in [&at_red, &at_blue, &high] {
        assert_eq!(meant(&world, session, "tea").await, Some(tea.clone()), "the one below");
    }
    let red_tea = create(&world, &at_red, "tea", None).await.unwrap();
    assert_eq!(meant(&world, &at_red, "tea").await, Some(red_tea.clone()), "its own comes first");
    assert_eq!(meant(&world, &owner, "tea").await, Some(tea.clone()), "what is above does not show");
    assert_eq!(meant(&world, &at_blue, "tea").await, Some(tea), "what is beside does not show");
    assert_eq!(meant(&world, &high, "tea").await, None, "two below: neither is meant");
    let high_tea = create(&world, &high, "tea", None).await.unwrap();
    assert_eq!(meant(&world, &high, "tea").await, Some(high_tea.clone()));

    let listed = world.engine.list_buckets(policy::on_account(&high).unwrap()).await.unwrap();
    assert_eq!(listed, [high_tea], "of one name only what it means");
    let listed = world.engine.list_buckets(policy::on_account(&at_red).unwrap()).await.unwrap();
    assert_eq!(listed, [red_tea]);
}

#[tokio::test(start_paused = true)]
async fn what_is_below_is_read_and_copied_up_and_never_written() {
    let world = world(2).await;
    let (tea, low) = (meant(&world, &world.session, "tea").await.unwrap(), world.session.clone());
    let secret = person_at(&world.engine, "ana", label(64, &[])).await;
    // The same person below: what is refused above is not a matter of ownership.
    let low_ana = key_at(&world.engine, secret.principal, Label::LOWEST).await.unwrap();
    let shared = create(&world, &low_ana, "shared", None).await.unwrap();
    let vault = create(&world, &secret, "vault", None).await.unwrap();
    let bytes = noise(1, 3 << 20);
    write(&world, &low_ana, &shared, "plan", &bytes).await;

    assert_eq!(read(&world, &secret, &shared, "plan").await.unwrap(), bytes);
    let refusal = policy::on_object::<PutObject>(&secret, &shared, key("plan")).unwrap_err();
    assert_eq!(refusal, Refusal::Below);
    for session in [&low, &low_ana] {
        assert_eq!(policy::on_object::<GetObject>(session, &vault, key("plan")).unwrap_err(), Refusal::Absent);
        assert_eq!(meant(&world, session, "vault").await, None);
    }
    assert_eq!(policy::on_object::<GetObject>(&secret, &tea, key("a")).unwrap_err(), Refusal::NotOwner);

    let from = policy::on_object::<GetObject>(&secret, &shared, key("plan")).unwrap();
    let to = policy::on_object::<PutObject>(&secret, &vault, key("plan")).unwrap();
    world.engine.copy(from, Which::Current, to, Copy::default()).await.unwrap();
    let from = policy::on_object::<GetObject>(&secret, &vault, key("plan")).unwrap();
    let found = world.engine.find(from).await.unwrap();
    assert_eq!(whole(found).await.unwrap(), bytes);
    let pieces = world.sites.count("/d/");
    assert!(pieces >= 8, "a copy to another label is written anew: {pieces} pieces");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_issued_within_clearance_and_range() {
    let world = world(3).await;
    let ana = person_at(&world.engine, "ana", label(64, &[1])).await;
    for (wanted, good) in [
        (label(64, &[1]), true),
        (label(64, &[]), true),
        (Label::LOWEST, true),
        (label(65, &[]), false),
        (label(64, &[2]), false),
        (label(0, &[1, 2]), false),
    ] {
        let issued = key_at(&world.engine, ana.principal, wanted).await;
        assert_eq!(issued.is_ok(), good, "{wanted:?}");
        assert!(good || matches!(issued, Err(Error::NotCleared)));
    }
    let narrow = LabelRange::up_to(label(16, &[]));
    let settings = engine::Settings { range: narrow, ..settings() };
    let world = World::under(4, settings, [top(); 4]).await;
    let system = SystemPermit::for_background_work();
    let role = model::Role::MissionOwner;
    let principal = world.engine.create_principal(&system, "ana", role, label(64, &[])).await.unwrap();
    assert!(key_at(&world.engine, principal.id, label(16, &[])).await.is_ok());
    assert!(matches!(key_at(&world.engine, principal.id, label(17, &[])).await, Err(Error::OutOfRange)));
}

#[tokio::test(start_paused = true)]
async fn no_piece_lies_above_its_sites_ceiling_whatever_fails() {
    let (secret, low) = (label(64, &[]), 3);
    let world = World::under(5, settings(), [secret, secret, secret, label(16, &[])]).await;
    let _background = world.background();
    let ana = person_at(&world.engine, "ana", secret).await;
    let wide = create(&world, &ana, "wide", Some(Profile::Quad)).await;
    assert!(matches!(wide, Err(Error::Invalid(why)) if why.contains("may hold it")));
    let vault = create(&world, &ana, "vault", Some(Profile::Mirror(3))).await.unwrap();

    let lies_low = || world.sites.memories[low].names().len();
    let before = lies_low();
    let (small, large) = (noise(1, 4096), noise(2, 3 << 20));
    write(&world, &ana, &vault, "small", &small).await;
    write(&world, &ana, &vault, "large", &large).await;
    // One of the three that may hold it goes: the fourth is well, has room, and is no place.
    world.sites.set(&[0], State::Gone);
    write(&world, &ana, &vault, "small-too", &small).await;
    write(&world, &ana, &vault, "large-too", &large).await;
    tokio::time::sleep(std::time::Duration::from_secs(120)).await;
    assert!(world.below_promise().await > 0, "catch-up had a reason");
    assert_eq!(lies_low(), before, "and no place below to go to");

    world.sites.set(&[0], State::Well);
    world.caught_up().await;
    assert_eq!(lies_low(), before);
    for (name, bytes) in [("small", &small), ("small-too", &small), ("large", &large), ("large-too", &large)] {
        assert_eq!(read(&world, &ana, &vault, name).await.unwrap(), bytes[..], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn labels_are_there_after_a_start() {
    let world = world(6).await;
    let secret = label(64, &[5]);
    let ana = person_at(&world.engine, "ana", secret).await;
    let vault = create(&world, &ana, "vault", None).await.unwrap();
    let bytes = noise(1, 2 << 20);
    write(&world, &ana, &vault, "plan", &bytes).await;
    world.engine.drain().await;
    let World { sites, catalog, outside, engine, .. } = &world;
    let again = open(catalog, sites, outside, settings()).await.unwrap();
    drop(engine.clone());
    let bucket = again.resolve(&ana, &vault.name).await.unwrap();
    assert_eq!(bucket.as_ref(), Some(&vault));
    let permit = policy::on_object::<GetObject>(&ana, &vault, key("plan")).unwrap();
    assert_eq!(whole(again.find(permit).await.unwrap()).await.unwrap(), bytes);
    let permit = policy::on_object::<PutObject>(&ana, &vault, key("more")).unwrap();
    put(&again, permit, b"more").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_is_at_the_bottom_of_the_table_wherever_the_range_begins() {
    let World { sites, catalog, outside, engine, .. } = &world(7).await;
    engine.drain().await;
    for low in [label(64, &[]), Label::lowest_of(TableId(3))] {
        let range = LabelRange::new(low, Label::highest_of(low.table())).unwrap();
        let opened = open(catalog, sites, outside, engine::Settings { range, ..settings() }).await.unwrap();
        assert_eq!(opened.anonymous().label, Label::lowest_of(low.table()));
        opened.drain().await;
    }
}
