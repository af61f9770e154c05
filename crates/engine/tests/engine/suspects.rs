//! Pieces that failed a reader: what failed on the way stays where it is, and so does what cannot be asked for.

use std::time::Duration;

use crate::world::{World, noise};
use policy::SystemPermit;
use providers::fault::{Chance, State};

const MIB: usize = 1 << 20;

/// Where data pieces lie.
async fn pieces(world: &World) -> Vec<String> {
    let dump = world.catalog.dump().await.unwrap();
    dump.lines().filter(|line| line.starts_with("piece ")).map(str::to_owned).collect()
}

/// Objects of which readers found bad cells at the first site; nobody has looked at those yet.
async fn suspected(seed: u64) -> World {
    let world = World::new(seed).await;
    for n in 0..4 {
        world.put(&format!("{n}"), &noise(n, 2 * MIB)).await.unwrap();
    }
    world.engine.drain().await;
    world.sites.faults[0].change(|plan| plan.corrupt = Chance { per_mille: 1000 });
    for n in 0..4 {
        assert_eq!(world.get(&format!("{n}")).await.unwrap(), noise(n, 2 * MIB));
    }
    let status = world.engine.status(&SystemPermit::for_background_work()).await.unwrap();
    assert!(status.bad_cells > 0, "no reader met one");
    world.sites.faults[0].change(|plan| plan.corrupt = Chance { per_mille: 0 });
    world
}

#[tokio::test(start_paused = true)]
async fn what_was_flipped_on_the_way_proves_itself_and_stays() {
    let world = suspected(130).await;
    let before = pieces(&world).await;
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(30)).await;
    background.abort();
    assert_eq!(pieces(&world).await, before);
}

#[tokio::test(start_paused = true)]
async fn what_lies_at_a_site_that_does_not_answer_is_not_given_up() {
    let world = suspected(131).await;
    let before = pieces(&world).await;
    world.sites.set(&[0], State::Gone);
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(pieces(&world).await, before);
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn what_stays_bad_is_replaced() {
    let world = suspected(132).await;
    let before = pieces(&world).await;
    world.sites.faults[0].change(|plan| plan.corrupt = Chance { per_mille: 1000 });
    let background = world.background();
    tokio::time::sleep(Duration::from_secs(30)).await;
    background.abort();
    assert_ne!(pieces(&world).await, before);
}
