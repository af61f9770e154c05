//! Starts over an older catalog: what the sites hold beyond it is brought back, and what was deleted
//! stays so.

use std::sync::Arc;
use std::time::Duration;

use crate::world::{self, World, body, declared, noise, settings};
use catalog::{Catalog, SqliteCatalog};
use engine::{Complete, CompletedPart, Engine, Error, OpenError, StartUpload};
use model::{Label, Precondition, SiteState};
use policy::DeleteObject;
use providers::Store;
use providers::fault::State;

const MIB: usize = 1 << 20;

impl World {
    /// A copy of the catalog as it is now.
    fn copy_catalog(&self, name: &str) -> std::path::PathBuf {
        let copy = self.scratch.path().join(name);
        for suffix in ["", "-wal"] {
            let from = self.scratch.path().join(format!("catalog{suffix}"));
            if from.exists() {
                std::fs::copy(from, self.scratch.path().join(format!("{name}{suffix}"))).unwrap();
            }
        }
        copy
    }

    async fn open_over(&self, copy: &std::path::Path) -> Result<Engine, OpenError> {
        let catalog = Arc::new(SqliteCatalog::open(copy, self.outside.clone()).unwrap());
        world::open(&catalog, &self.sites, &self.outside, settings()).await
    }

    async fn upload(&self, key: &str, parts: &[Vec<u8>]) {
        let upload = self.engine.start_upload(self.permit(key).await, StartUpload::default()).await.unwrap();
        let mut named = Vec::new();
        for (number, part) in (1..).zip(parts) {
            let permit = self.permit(key).await;
            let written =
                self.engine.put_part(permit, upload.id, number, declared(part.len()), body(part)).await.unwrap();
            named.push(CompletedPart { number, etag: written.etag, checksum: None });
        }
        let complete = Complete { parts: named, ..Complete::default() };
        self.engine.complete_upload(self.permit(key).await, upload.id, complete).await.unwrap();
    }
}

async fn get(engine: &Engine, world: &World, key: &str) -> Result<bytes::Bytes, Error> {
    world::get(engine, world::permit(engine, &world.session, key).await).await
}

#[tokio::test(start_paused = true)]
async fn an_older_catalog_is_brought_up_to_the_sites() {
    let world = World::new(21).await;
    world.put("before", b"kept").await.unwrap();
    world.put("deleted", b"gone").await.unwrap();
    world.put("changed", b"old").await.unwrap();
    let copy = world.copy_catalog("yesterday");
    world.engine.delete(world.permit::<DeleteObject>("deleted").await, Precondition::None).await.unwrap();
    world.put("changed", b"new").await.unwrap();
    let large = noise(1, 3 * MIB);
    world.put("large", &large).await.unwrap();
    let parts = [noise(2, 5 * MIB), noise(3, 100)];
    world.upload("parts", &parts).await;

    let engine = world.open_over(&copy).await.unwrap();
    assert_eq!(get(&engine, &world, "before").await.unwrap(), "kept");
    assert!(matches!(get(&engine, &world, "deleted").await, Err(Error::NoSuchKey)));
    assert_eq!(get(&engine, &world, "changed").await.unwrap(), "new");
    assert_eq!(get(&engine, &world, "large").await.unwrap(), large);
    assert_eq!(get(&engine, &world, "parts").await.unwrap(), parts.concat());
    assert!(engine.credential(&world.session.access_key.clone().unwrap()).await.unwrap().is_some());
    // And it goes on from there.
    world::put(&engine, world::permit(&engine, &world.session, "after").await, b"more").await.unwrap();
    assert_eq!(get(&engine, &world, "after").await.unwrap(), "more");
}

/// The one vendor that answers knows, and can read, only the first part of what came after the copy.
#[tokio::test(start_paused = true)]
async fn an_older_catalog_waits_for_vendors_that_may_know_more() {
    let world = World::under(29, settings(), [Label::LOWEST; 5]).await;
    world.engine.drain().await;
    let copy = world.copy_catalog("yesterday");
    // Copies, at the three vendors that are left, and at two; nothing is begun and left lying.
    for (gone, key) in [(&[0, 1][..], "at the last"), (&[4], "not at the last")] {
        world.sites.set(gone, State::Gone);
        let engine = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
        world::put(&engine, world::permit(&engine, &world.session, key).await, b"new").await.unwrap();
        engine.drain().await;
    }
    world.sites.set(&[0, 1, 2, 3], State::Gone);
    world.sites.set(&[4], State::Well);
    let refused = world.open_over(&copy).await.err().unwrap();
    assert!(matches!(refused, OpenError::SilentSites { .. }), "{refused}");
    // Over the catalog of now it starts: nothing is ahead of that.
    let now = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
    now.drain().await;
    world.sites.set(&[0, 1, 2, 3], State::Well);
    let engine = world.open_over(&copy).await.unwrap();
    for key in ["at the last", "not at the last"] {
        assert_eq!(get(&engine, &world, key).await.unwrap(), "new");
    }
}

/// A site that was left holds nothing anybody needs: whether it is silent does not count.
#[tokio::test(start_paused = true)]
async fn an_older_catalog_does_not_wait_for_a_site_that_was_left() {
    let world = World::under(53, settings(), [Label::LOWEST; 5]).await;
    let (system, oracle) = (policy::SystemPermit::for_background_work(), ["oracle".to_owned()]);
    world.engine.set_sites(&system, &oracle, SiteState::Draining).await.unwrap();
    let background = world.background();
    while world.engine.evacuations(&system, &oracle).await.unwrap()[0].state != SiteState::Detached {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    background.abort();
    world.engine.drain().await;
    let (copy, another) = (world.copy_catalog("yesterday"), world.copy_catalog("as old"));
    // In an epoch that the copies know nothing of.
    let engine = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
    world::put(&engine, world::permit(&engine, &world.session, "later").await, b"at the four that are left")
        .await
        .unwrap();
    engine.drain().await;
    world.sites.set(&[0, 1, 3], State::Gone);
    let engine = world.open_over(&copy).await.unwrap();
    assert_eq!(get(&engine, &world, "later").await.unwrap(), "at the four that are left");
    engine.drain().await;
    world.sites.set(&[2], State::Gone);
    let refused = world.open_over(&another).await.err().unwrap();
    assert!(matches!(refused, OpenError::SilentSites { .. }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn batches_that_were_placed_twice_are_replayed_once_and_read_well() {
    for seed in 30..42 {
        let world = World::new(seed).await;
        let copy = world.copy_catalog("yesterday");
        world.put("first", b"all four").await.unwrap();
        // Two sites stop taking writes in the middle: each batch stands in a second attempt, and the
        // first one is readable too.
        world.sites.set(&[1, 3], State::ReadOnly);
        let parts = [noise(seed, 5 * MIB), noise(seed + 1, 700)];
        world.upload("parts", &parts).await;
        world.put("small", &noise(seed, 300)).await.unwrap();
        world.sites.set(&[1, 3], State::Well);

        let engine = world.open_over(&copy).await.unwrap();
        assert_eq!(get(&engine, &world, "parts").await.unwrap(), parts.concat(), "seed {seed}");
        assert_eq!(get(&engine, &world, "small").await.unwrap(), noise(seed, 300));
        assert_eq!(get(&engine, &world, "first").await.unwrap(), "all four");
    }
}

/// Over a catalog from before, what was moved and what was caught up since are both found. It does not tell whether
/// pieces are taken back before or after the moves are replayed: here the move waited, and names them all.
#[tokio::test(start_paused = true)]
async fn what_was_moved_and_caught_up_since_is_found_over_an_older_catalog() {
    let world = World::under(51, settings(), vec![Label::LOWEST; 5]).await;
    let system = policy::SystemPermit::for_background_work();
    let told = async |site: &str, state| world.engine.set_sites(&system, &[site.to_owned()], state).await.unwrap();
    told("own", SiteState::Suspended).await;
    let background = world.background();
    world.sites.set(&[0], State::Gone);
    let _ = world.put("warm", b"the breakers find out").await;
    let _ = world.put("warm", b"the breakers find out").await;
    world.put("tea", b"over three sites").await.unwrap();
    let copy = world.copy_catalog("yesterday");
    told("own", SiteState::Active).await;
    told("oracle", SiteState::Draining).await;
    // Whatever need not wait for the one that is out is brought away.
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.sites.set(&[0], State::Well);
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.caught_up().await;
    background.abort();

    let engine = world.open_over(&copy).await.unwrap();
    // Of the four pieces, two that were moved or caught up are left.
    world.sites.set(&[1, 2], State::Gone);
    assert_eq!(get(&engine, &world, "tea").await.unwrap(), "over three sites");
}

#[tokio::test(start_paused = true)]
async fn pieces_that_were_caught_up_after_the_copy_are_taken_back() {
    let world = World::new(50).await;
    let background = world.background();
    world.sites.set(&[0, 1], State::Gone);
    let _ = world.put("warm", b"the breakers find out").await;
    let _ = world.put("warm", b"the breakers find out").await;
    world.put("tea", b"over two sites").await.unwrap();
    let copy = world.copy_catalog("yesterday");
    world.sites.set(&[0, 1], State::Well);
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.caught_up().await;
    background.abort();

    let engine = world.open_over(&copy).await.unwrap();
    // The two that held it first are lost.
    world.sites.set(&[2, 3], State::Gone);
    assert_eq!(get(&engine, &world, "tea").await.unwrap(), "over two sites");
}

/// The process dies while a batch lies in as many pieces as are needed to read it and in no more: nobody was told of
/// it, and it is not shown so thin.
#[tokio::test(start_paused = true)]
async fn a_batch_under_its_floor_is_shipped_again_before_it_is_shown() {
    let world = World::new(57).await;
    world.put("before", b"stands").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.sites.set(&[2, 3], State::Silent);
    let put = tokio::time::timeout(Duration::from_millis(50), world.put("tea", b"too thin")).await;
    assert!(put.is_err(), "two pieces were enough");
    let copy = world.copy_catalog("then");
    let sites = world.sites.copied(&world.outside).await;
    let catalog = Arc::new(SqliteCatalog::open(copy, world.outside.clone()).unwrap());
    assert_eq!(catalog.totals().await.unwrap().unshown, 1, "it was decided");
    let engine = world::open(&catalog, &sites, &world.outside, settings()).await.unwrap();
    assert_eq!(get(&engine, &world, "tea").await.unwrap(), "too thin");
    engine.drain().await;
    assert_eq!(catalog.totals().await.unwrap().below_promise, 0);
}

/// What was begun and lies in one piece is not missed, though sites are silent that might have more of it: its stream
/// goes on in a later epoch. The control stream does not, and says nothing of it.
#[tokio::test(start_paused = true)]
async fn what_broke_off_is_not_missed_once_its_stream_goes_on() {
    for seed in 60..66 {
        let world = World::new(seed).await;
        world.put("before", b"stands").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let yesterday = world.copy_catalog("yesterday");
        world.sites.set(&[1, 2, 3], State::Silent);
        let put = tokio::time::timeout(Duration::from_millis(50), world.put("tea", b"in one piece"));
        assert!(put.await.is_err(), "one piece was enough");
        let copy = world.copy_catalog("then");
        let sites = world.sites.copied(&world.outside).await;
        let catalog = Arc::new(SqliteCatalog::open(copy, world.outside.clone()).unwrap());
        let engine = world::open(&catalog, &sites, &world.outside, settings()).await.unwrap();
        world::put(&engine, world::permit(&engine, &world.session, "later").await, b"goes on").await.unwrap();
        engine.drain().await;
        sites.set(&[2, 3], State::Gone);
        let older = Arc::new(SqliteCatalog::open(yesterday, world.outside.clone()).unwrap());
        let engine = world::open(&older, &sites, &world.outside, settings()).await.unwrap();
        for (key, body) in [("tea", "in one piece"), ("later", "goes on")] {
            assert_eq!(get(&engine, &world, key).await.unwrap(), body, "seed {seed}");
        }
    }
}

/// Of what came before it everything must be readable, then: it may have taken the place of any of that.
#[tokio::test(start_paused = true)]
async fn what_broke_off_may_be_missed_where_something_before_it_is_gone() {
    let world = World::new(66).await;
    for n in 0..50 {
        world.put(&format!("small {n}"), b"stands").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let names = |sites: &world::Sites| -> std::collections::BTreeSet<String> {
        sites.memories.iter().flat_map(|memory| memory.names()).collect()
    };
    let before = names(&world.sites);
    world.put("one", b"is lost").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let lost: Vec<String> = names(&world.sites).difference(&before).cloned().collect();
    let second = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
    let yesterday = world.copy_catalog("yesterday");
    world.sites.set(&[1, 2, 3], State::Silent);
    let permit = world::permit(&second, &world.session, "tea").await;
    let put = tokio::time::timeout(Duration::from_millis(50), world::put(&second, permit, b"in one piece"));
    assert!(put.await.is_err(), "one piece was enough");
    let copy = world.copy_catalog("then");
    for whole in [true, false] {
        let sites = world.sites.copied(&world.outside).await;
        let scratch = world::Scratch::new();
        let open = async |from: &std::path::Path| {
            let path = scratch.path().join(from.file_name().unwrap());
            for suffix in ["", "-wal"] {
                let beside = |path: &std::path::Path| std::path::PathBuf::from(format!("{}{suffix}", path.display()));
                if beside(from).exists() {
                    std::fs::copy(beside(from), beside(&path)).unwrap();
                }
            }
            let catalog = Arc::new(SqliteCatalog::open(path, world.outside.clone()).unwrap());
            world::open(&catalog, &sites, &world.outside, settings()).await
        };
        let engine = open(&copy).await.unwrap();
        world::put(&engine, world::permit(&engine, &world.session, "later").await, b"goes on").await.unwrap();
        engine.drain().await;
        if !whole {
            for memory in &sites.memories {
                let mut here = memory.names();
                here.retain(|name| lost.contains(name));
                for name in here {
                    memory.delete(&name).await.unwrap();
                }
            }
        }
        sites.set(&[2, 3], State::Gone);
        let opened = open(&yesterday).await;
        match whole {
            true => drop(opened.unwrap()),
            false => assert!(matches!(opened.map(drop), Err(OpenError::SilentSites { .. }))),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sites_put_back_to_an_older_state_stop_the_start() {
    let world = World::new(51).await;
    world.put("tea", b"newest").await.unwrap();
    for memory in &world.sites.memories {
        for name in memory.names().into_iter().filter(|name| name.contains("/j/")) {
            memory.delete(&name).await.unwrap();
        }
    }
    let copy = world.copy_catalog("same");
    let error = world.open_over(&copy).await.map(drop).unwrap_err();
    assert!(matches!(error, OpenError::SitesBehind { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn another_root_key_opens_nothing() {
    let world = World::new(52).await;
    let copy = world.copy_catalog("same");
    let catalog = Arc::new(SqliteCatalog::open(copy, world.outside.clone()).unwrap());
    let opened = Engine::open(engine::Parts {
        catalog,
        sites: world.sites.parts(),
        root: coding::keys::RootKey::from_bytes([9; 32]),
        next_root: None,
        outside: world.outside.clone(),
        settings: settings(),
        origins: Arc::new(providers::NoOrigins),
    });
    assert!(matches!(opened.await.map(drop), Err(OpenError::WrongRoot)));
}

#[tokio::test(start_paused = true)]
async fn claimed_sites_without_their_catalog_found_no_new_enclave() {
    let world = World::new(53).await;
    let error = world.open_over(&world.scratch.path().join("fresh")).await.map(drop).unwrap_err();
    assert!(matches!(error, OpenError::CatalogLost { .. }), "{error}");
}
