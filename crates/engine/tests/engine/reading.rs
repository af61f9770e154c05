//! Reading well, on virtual time: which sites are asked and how often, with sites that are slow,
//! have a heavy tail, are out or lie.

use std::sync::Arc;
use std::time::Duration;

use crate::world::{World, noise};
use providers::fault::{Chance, FaultStore, State};
use reads::{OBJECTS, READS, REQUESTS, SIZE, USUAL, WARM, asked, check, read, read_of, tail};
use tokio::time::Instant;

#[cfg(test)]
mod reads {
    use std::ops::RangeInclusive;
    use std::sync::Arc;
    use std::time::Duration;

    use crate::world::{World, noise};
    use policy::SystemPermit;
    use providers::fault::{Chance, FaultStore, Tail};
    use tokio::time::Instant;

    /// What network sites take when they are well.
    pub const USUAL: Duration = Duration::from_millis(50);
    /// Read in one step, from two sites, in eleven requests to each: see the table.
    pub const SIZE: usize = 5 << 18;
    pub const REQUESTS: u64 = 22;
    /// Objects, so that every site holds data of some and parity of others.
    pub const OBJECTS: u64 = 12;
    /// Reads that teach the meters, and reads that count.
    pub const WARM: u64 = 36;
    pub const READS: u64 = 120;

    /// What a number of reads came to.
    #[derive(Debug)]
    pub struct Outcome {
        /// To sites, for reading.
        pub requests: u64,
        pub extra: u64,
        /// In order.
        pub took: Vec<Duration>,
    }

    impl Outcome {
        pub fn percentile(&self, percent: usize) -> Duration {
            self.took[(self.took.len() * percent / 100).min(self.took.len() - 1)]
        }
    }

    /// A world whose sites and meters are warm, then `trouble`, then as many reads again to learn of it,
    /// then those that count.
    pub async fn reads_with(trouble: impl Fn(&[Arc<FaultStore>])) -> Outcome {
        let world = World::new(12).await;
        for object in 0..OBJECTS {
            world.put(&object.to_string(), &noise(object, SIZE)).await.unwrap();
        }
        world.sites.latency(USUAL);
        read(&world, WARM).await;
        trouble(&world.sites.faults);
        read(&world, WARM).await;
        read(&world, READS).await
    }

    pub async fn read(world: &World, reads: u64) -> Outcome {
        read_of(world, reads, SIZE).await
    }

    pub async fn read_of(world: &World, reads: u64, size: usize) -> Outcome {
        let (requests, extra) = counts(world).await;
        let mut took = Vec::new();
        for read in 0..reads {
            let (object, begun) = (read % OBJECTS, Instant::now());
            assert_eq!(world.get(&object.to_string()).await.unwrap(), noise(object, size));
            took.push(begun.elapsed());
        }
        took.sort_unstable();
        let now = counts(world).await;
        Outcome { requests: now.0 - requests, extra: now.1 - extra, took }
    }

    /// Requests that the first site has seen.
    pub async fn asked(world: &World) -> u64 {
        world.engine.status(&SystemPermit::for_background_work()).await.unwrap().site_requests["amazon"]
    }

    pub async fn counts(world: &World) -> (u64, u64) {
        let status = world.engine.status(&SystemPermit::for_background_work()).await.unwrap();
        (status.site_requests.values().sum(), status.hedged_reads)
    }

    /// Requests in hundredths of what the same reads take with every site well; extra ones in
    /// thousandths; and what most reads take.
    pub async fn check(
        label: &str,
        trouble: impl Fn(&[Arc<FaultStore>]),
        requests_percent: RangeInclusive<u64>,
        extra_per_mille: RangeInclusive<u64>,
        (percentile, within): (usize, Duration),
    ) {
        let outcome = reads_with(trouble).await;
        let requests = outcome.requests * 100 / (READS * REQUESTS);
        let extra = outcome.extra * 1000 / (READS * REQUESTS);
        assert!(requests_percent.contains(&requests), "{label}: {requests} % of the requests");
        assert!(extra_per_mille.contains(&extra), "{label}: {extra} ‰ extra requests");
        let took = outcome.percentile(percentile);
        assert!(took <= within, "{label}: p{percentile} is {took:?}");
    }

    pub fn tail(per_mille: u16, longer: Duration) -> Tail {
        Tail { chance: Chance { per_mille }, longer }
    }
}

/// The largest body that lies in one cell at one site, read in sixteen requests to it.
const SMALL: usize = 1 << 20;
const SMALL_REQUESTS: u64 = 16;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn reads_ask_as_few_sites_as_they_can_and_wait_for_none_that_is_slow() {
    check("all well", |_| {}, 100..=100, 0..=0, (100, USUAL)).await;
    let slow = |sites: &[Arc<FaultStore>]| sites[0].change(|plan| plan.pace.base = SECOND);
    check("one slow", slow, 100..=102, 0..=5, (100, USUAL)).await;
    let two_slow = |sites: &[Arc<FaultStore>]| {
        sites[..2].iter().for_each(|site| site.change(|plan| plan.pace.base = SECOND));
    };
    check("two slow", two_slow, 100..=102, 0..=5, (100, USUAL)).await;
    let out = |sites: &[Arc<FaultStore>]| sites[0].set(State::Gone);
    check("one out", out, 100..=100, 0..=0, (100, USUAL)).await;
}

#[tokio::test(start_paused = true)]
async fn a_late_read_is_overtaken_by_one_more_request_within_the_budget() {
    let one_tail = |sites: &[Arc<FaultStore>]| sites[0].change(|plan| plan.tail = tail(50, SECOND));
    check("one with a heavy tail", one_tail, 100..=104, 5..=40, (99, 4 * USUAL)).await;
    let tails = |sites: &[Arc<FaultStore>]| {
        sites.iter().for_each(|site| site.change(|plan| plan.tail = tail(20, SECOND)));
    };
    check("a tail at all", tails, 100..=105, 10..=50, (99, 4 * USUAL)).await;
}

#[tokio::test(start_paused = true)]
async fn the_budget_holds_with_every_site_slow() {
    let slow = |base: Duration, per_mille: u16| {
        move |sites: &[Arc<FaultStore>]| {
            for site in sites {
                site.change(|plan| {
                    plan.pace.base = base;
                    plan.tail = tail(per_mille, 4 * SECOND);
                });
            }
        }
    };
    check("all slow", slow(2 * SECOND, 0), 100..=105, 0..=50, (100, 2 * SECOND)).await;
    check("all slow, and half of it slower still", slow(2 * SECOND, 500), 104..=105, 45..=60, (100, 6 * SECOND)).await;
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_late_at_a_lively_site_is_asked_for_once_more_there() {
    let world = World::new(23).await;
    for object in 0..OBJECTS {
        world.put(&object.to_string(), &noise(object, SMALL)).await.unwrap();
    }
    world.sites.latency(USUAL);
    world.sites.faults.iter().for_each(|site| site.change(|plan| plan.tail = tail(20, SECOND)));
    read_of(&world, WARM, SMALL).await;
    let outcome = read_of(&world, READS, SMALL).await;
    // Two others would have to be asked in its place, so half as many late parts could be overtaken.
    let ordinary = READS * SMALL_REQUESTS;
    assert_eq!(outcome.requests, ordinary + outcome.extra, "nothing but hedges was asked beyond the parts");
    assert!((10..=50).contains(&(outcome.extra * 1000 / ordinary)), "{} extra of {ordinary}", outcome.extra);
    assert!(outcome.percentile(95) <= 4 * USUAL, "p95 is {:?}", outcome.percentile(95));
}

#[tokio::test(start_paused = true)]
async fn a_site_that_falls_silent_is_not_asked_again_but_overtaken_by_two_others() {
    let world = World::new(24).await;
    for object in 0..OBJECTS {
        world.put(&object.to_string(), &noise(object, SMALL)).await.unwrap();
    }
    world.sites.latency(USUAL);
    read_of(&world, WARM, SMALL).await;
    world.sites.faults[0].set(State::Silent);
    let before = asked(&world).await;
    let mut met = None;
    for object in 0..OBJECTS {
        let begun = Instant::now();
        assert_eq!(world.get(&object.to_string()).await.unwrap(), noise(object, SMALL));
        met = met.or(Some(begun.elapsed()).filter(|took| *took > USUAL));
    }
    let met = met.expect("some of them lie at the silent site");
    assert!(met <= SECOND, "the first that met the silence took {met:?}");
    let repeated = (asked(&world).await - before) % SMALL_REQUESTS;
    assert_eq!(repeated, 0, "parts were asked for again at a silent site");
}

#[tokio::test(start_paused = true)]
async fn a_lying_site_is_read_around_at_the_pinned_cost() {
    // Its cells fail their tag, so the rows are read again from everywhere.
    let lying = |sites: &[Arc<FaultStore>]| sites[0].change(|plan| plan.corrupt = Chance { per_mille: 1000 });
    check("one lying", lying, 100..=150, 0..=0, (100, 2 * USUAL)).await;
}

#[tokio::test(start_paused = true)]
async fn a_site_that_was_slow_is_asked_again_once_it_is_well() {
    let world = World::new(22).await;
    for object in 0..OBJECTS {
        world.put(&object.to_string(), &noise(object, SIZE)).await.unwrap();
    }
    world.sites.latency(USUAL);
    read(&world, WARM).await;
    world.sites.faults[0].change(|plan| plan.pace.base = SECOND);
    read(&world, WARM).await;
    let before = asked(&world).await;
    for _ in 0..6 {
        read(&world, OBJECTS).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    // A look is a request for each part that a read is cut into.
    let looks = (asked(&world).await - before) / (REQUESTS / 2);
    assert!((3..=7).contains(&looks), "a slow site is looked at now and then, not {looks} times in a minute");
    world.sites.faults[0].change(|plan| plan.pace.base = USUAL);
    for _ in 0..12 {
        read(&world, OBJECTS).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let before = asked(&world).await;
    read(&world, READS).await;
    assert!(asked(&world).await - before > READS, "it takes its share again");
}
