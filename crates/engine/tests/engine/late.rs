//! Sites that fall silent or turn slow: what that costs whoever writes meanwhile, on virtual time.

use std::time::Duration;

use crate::world::World;
use providers::fault::State;

const QUICK: Duration = Duration::from_millis(5);
/// The least deadline of an upload, and what a write takes beside.
const DEADLINE: Duration = Duration::from_millis(1100);

#[tokio::test(start_paused = true)]
async fn a_site_that_falls_silent_costs_one_write_its_deadline_and_no_other() {
    for silent in [&[1][..], &[0, 3]] {
        let world = World::answering_within(QUICK, 1).await;
        world.sites.set(silent, State::Silent);
        let first = world.timed_put(0, 4096).await;
        assert!((Duration::from_secs(1)..DEADLINE).contains(&first), "{first:?}");
        for n in 1..20 {
            let next = world.timed_put(n, if n % 2 == 0 { 4096 } else { 3 << 20 }).await;
            assert!(next < 10 * QUICK, "write {n} with {silent:?} silent took {next:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_site_that_turns_slow_is_out_after_three_late_uploads() {
    let world = World::answering_within(QUICK, 2).await;
    let background = world.background();
    world.sites.faults[2].change(|plan| plan.pace.base = Duration::from_secs(3));
    let mut waited = 0;
    for n in 0..40 {
        waited += u32::from(world.timed_put(n, 4096).await > 10 * QUICK);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!((waited, world.writes_out().await), (3, 1));
    world.sites.latency(QUICK);
    world.caught_up().await;
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn sites_that_are_all_slow_are_all_waited_for() {
    let world = World::answering_within(QUICK, 3).await;
    world.sites.latency(Duration::from_secs(4));
    for n in 0..6 {
        let wait = world.timed_put(n, 4096).await;
        assert!(wait >= Duration::from_secs(4), "{wait:?}");
    }
    assert_eq!((world.writes_out().await, world.below_promise().await), (0, 0));
}
