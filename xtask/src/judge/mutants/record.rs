//! The record of mutants: counts by area, and every survivor with its reason.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::trial::{By, Trial};
use super::{Mutant, Outcome, Progress};
use crate::steps;

const PAGE: &str = "docs/judged/mutants.md";
/// Why survivors live: `key => reason`, one a line, written by whoever looked.
const REASONS: &str = "docs/judged/mutants-survivors.txt";

pub fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Killed { how, .. } => format!("killed: {how}"),
        Outcome::Survived => "SURVIVED".to_owned(),
    }
}

/// Appends what was shown; returns how many of how many were killed.
pub fn write(progress: &Progress, chosen: &[Mutant], trial: &Trial) -> Result<(usize, usize)> {
    let outcomes: Vec<(&Mutant, &Outcome)> =
        chosen.iter().filter_map(|mutant| Some((mutant, &progress.shown.get(&mutant.key)?.outcome))).collect();
    let by = |wanted: By| {
        outcomes.iter().filter(move |(_, outcome)| matches!(outcome, Outcome::Killed { by, .. } if *by == wanted))
    };
    let (world, tests, viable) = (by(By::World).count(), by(By::Tests).count(), outcomes.len());
    let kept = chosen
        .iter()
        .filter(|mutant| progress.shown.get(&mutant.key).is_some_and(|shown| shown.commit != progress.commit));
    let date = steps::run(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M"]))?.output;
    let mut text = fs::read_to_string(PAGE).unwrap_or_else(|_| "# Mutants, judged\n".to_owned());
    writeln!(text, "\n## {} UTC, commit {}\n", date.trim(), progress.commit)?;
    writeln!(
        text,
        "{} of {viable} killed ({:.0} %): {world} by {} seeds of the simulated world (20 s), {tests} by tests of the\n\
         catalog and the engine; whichever came first is counted. {} others did not compile. Seed {}, {:.0} min;\n\
         {} were killed at an earlier commit, in files that read the same.\n",
        world + tests,
        (world + tests) as f64 * 100.0 / viable.max(1) as f64,
        trial.seeds,
        progress.unbuilt.len(),
        progress.seed,
        progress.seconds / 60.0,
        kept.count(),
    )?;
    writeln!(text, "| area | mutants | by the world | by tests | survived |\n|---|---|---|---|---|")?;
    for (area, _) in super::AREAS {
        let of = |found: &(&Mutant, &Outcome)| found.0.area == *area;
        let all = outcomes.iter().filter(|found| of(found)).count();
        let (world, tests) =
            (by(By::World).filter(|found| of(found)).count(), by(By::Tests).filter(|found| of(found)).count());
        writeln!(text, "| {area} | {all} | {world} | {tests} | {} |", all - world - tests)?;
    }
    writeln!(text, "\n| survivor | line | why it lives |\n|---|---|---|")?;
    let reasons = fs::read_to_string(REASONS).unwrap_or_default();
    for (mutant, _) in outcomes.iter().filter(|(_, outcome)| **outcome == Outcome::Survived) {
        let reason = reasons.lines().find_map(|line| line.strip_prefix(&mutant.key)?.strip_prefix(" => "));
        let key = mutant.key.replace('|', "\\|");
        writeln!(text, "| {key} | {} | {} |", mutant.site.line, reason.unwrap_or("not looked at yet"))?;
    }
    fs::write(PAGE, text).context(PAGE)?;
    println!("recorded in {PAGE}");
    Ok((world + tests, viable))
}
