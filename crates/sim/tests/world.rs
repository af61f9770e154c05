//! Seeds of the simulated world: fixed ones that must run clean, those that once found something, and bugs
//! that are planted to be found.

#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]

use sim::plant::Plant;
use sim::{Breadth, Options, Report, run};

/// Seeds in which something was found that is mended since; see
/// `docs/decisions/0026-what-the-simulation-found.md`.
const FOUND: &[(u64, Breadth)] =
    &[(38, Breadth::Objects), (225, Breadth::Objects), (1868, Breadth::Objects), (7956, Breadth::Wide)];

/// Seeds from 1 on that run clean.
const FIXED: u64 = 20;
/// A planted bug is met this soon or counts as missed.
const CAUGHT_WITHIN: u64 = 1_000;

fn check(seed: u64) -> Report {
    check_within(seed, Breadth::default())
}

fn check_within(seed: u64, breadth: Breadth) -> Report {
    let report = run(seed, Options { breadth, ..Options::default() });
    assert!(
        report.findings.is_empty(),
        "seed {seed}: {:#?}\nreplay: cargo run -p sim -- --seed {seed} --trace",
        report.findings
    );
    report
}

#[test]
fn fixed_seeds_run_clean() {
    for seed in 1..=FIXED {
        let report = check(seed);
        assert!(report.operations >= 1_000 && report.lives > 2, "{report:?}");
    }
}

#[test]
fn what_was_found_once_is_not_there_any_more() {
    FOUND.iter().for_each(|(seed, breadth)| drop(check_within(*seed, *breadth)));
}

#[test]
fn the_same_seed_is_the_same_run() {
    let of = |seed| {
        let Report { digest, calls, simulated_ms, answers, faults, .. } =
            run(seed, Options { operations: 300, ..Options::default() });
        (digest, calls, simulated_ms, answers, faults)
    };
    assert_eq!(of(4711), of(4711));
    assert_ne!(of(4711), of(4712));
}

/// The first seed in which the bug is found.
fn caught(plant: Plant) -> u64 {
    let options = Options { plant: Some(plant), ..Options::default() };
    let caught = (1..=CAUGHT_WITHIN).find(|seed| !run(*seed, options).findings.is_empty());
    let caught = caught.unwrap_or_else(|| panic!("{plant:?} was not caught within {CAUGHT_WITHIN} seeds"));
    // It is the planted one that was caught: the first seeds are looked at by a test of their own.
    if caught > FIXED {
        check(caught);
    }
    caught
}

macro_rules! planted {
    ($($test:ident $plant:ident)+) => {
        $(#[test] fn $test() { println!("caught by seed {}", caught(Plant::$plant)); })+
    };
}

planted! {
    a_skipped_sync_is_caught SkipSync
    an_early_answer_is_caught AnswerEarly
    an_acknowledgement_below_the_floor_is_caught BelowFloor
    torn_pieces_are_caught TornPieces
    a_dropped_outcome_is_caught DropOutcome
    a_forgotten_reference_of_a_copy_is_caught ForgetCopies
    collecting_what_is_named_is_caught CollectNamed
    collecting_an_epoch_early_is_caught EpochEarly
    a_stale_find_is_caught StaleFind
    a_short_list_is_caught ShortList
    a_key_that_nobody_put_is_caught_in_a_listing StrangeKey
    a_key_that_nobody_put_is_caught_in_a_listing_of_versions StrangeVersion
    a_page_that_says_it_is_the_last_is_caught LastPage
    a_short_list_of_uploads_is_caught ShortUploads
    a_short_list_of_buckets_is_caught ShortBuckets
    a_revoked_key_that_opens_on_is_caught KeyForLife
    an_acknowledgement_at_the_floor_in_good_weather_is_caught FloorAlone
    conditions_that_are_not_judged_are_caught NoConditions
    a_catch_up_that_never_comes_is_caught NeverCatchUp
    a_ceiling_that_is_not_kept_is_caught NoCeiling
    names_that_repeat_are_caught RepeatNames
    a_deletion_that_is_undone_is_caught Undelete
}
