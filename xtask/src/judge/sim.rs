//! `cargo xtask judge sim`: many seeds of the simulated world, resumable.
//!
//! Seeds run in batches, each a process of its own. The program is the one tests use, with its overflow
//! checks and debug assertions on: what is judged is whether something is lost, not how fast.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::git;
use crate::steps;
use crate::tools::{self, cargo};

const RECORD: &str = "docs/judged/sim.md";
/// Seeds of one process.
const BATCH: u64 = 50;

/// Sums over seeds.
#[derive(Default)]
struct Sums {
    seeds: u64,
    bad: Vec<u64>,
    operations: u64,
    lives: u64,
    cuts: u64,
    calls: u64,
    simulated_ms: u64,
    faults: u64,
    cpu_ms: u64,
}

/// Runs so many seeds: from the first on, or behind those that the record and an interrupted run hold.
pub fn run(seeds: u64, resume: bool) -> Result<bool> {
    if !steps::step("build", &mut cargo(["build", "--locked", "-p", "sim"]))?.well {
        return Ok(false);
    }
    let commit = git(&["describe", "--always", "--dirty=+changes", "--abbrev=12", "--exclude=*"])?;
    let lines = directory().join(format!("{commit}.txt"));
    fs::create_dir_all(directory())?;
    let kept = if resume { fs::read_to_string(&lines).unwrap_or_default() } else { String::new() };
    let recorded = if resume { fs::read_to_string(RECORD).unwrap_or_default() } else { String::new() };
    let (first, mut next) = resumed(&kept, &recorded);
    let mut text = kept;
    while next < first + seeds {
        let count = BATCH.min(first + seeds - next);
        let mut command = Command::new(tools::target().join("debug/sim"));
        command.arg("--seed").arg(next.to_string()).arg("--count").arg(count.to_string()).env("RUST_BACKTRACE", "0");
        let outcome = steps::run(&mut command)?;
        println!("seeds {next} to {}: {:.0} s", next + count - 1, outcome.seconds);
        outcome.output.lines().filter(|line| !line.contains(" clean ")).for_each(|line| println!("  {line}"));
        text.push_str(&outcome.output);
        next += count;
        if let Some(seed) = died(&outcome.output, next - count..next) {
            println!("  seed {seed} ended the process");
            writeln!(text, "seed {seed} BAD the process ended")?;
            next = seed + 1;
        }
        fs::write(&lines, &text)?;
    }
    let sums = Sums::of(&text);
    record(first, &commit, &sums)?;
    fs::remove_file(&lines)?;
    println!("{} seeds, {} bad {:?}", sums.seeds, sums.bad.len(), sums.bad);
    Ok(sums.bad.is_empty())
}

fn directory() -> PathBuf {
    tools::target().join("judge/sim")
}

/// The seed of a line that reports one.
fn seed_of(line: &str) -> Option<u64> {
    let mut words = line.split(' ');
    let (first, seed, verdict) = (words.next()?, words.next()?, words.next()?);
    (first == "seed" && ["clean", "BAD"].contains(&verdict)).then(|| seed.parse().ok()).flatten()
}

/// The seed that ended its process: the first of these that reported nothing.
fn died(output: &str, mut seeds: std::ops::Range<u64>) -> Option<u64> {
    let reported: Vec<u64> = output.lines().filter_map(seed_of).collect();
    seeds.find(|seed| !reported.contains(seed))
}

/// The first seed of this run and the next to be run: behind what an interrupted run of this commit left, which is
/// not in the record yet, or else behind all that is.
fn resumed(kept: &str, record: &str) -> (u64, u64) {
    match (kept.lines().find_map(seed_of), kept.lines().filter_map(seed_of).max()) {
        (Some(first), Some(last)) => (first, last + 1),
        _ => {
            let next = last_recorded(record).map_or(1, |last| last + 1);
            (next, next)
        }
    }
}

/// The last seed in the record, of whichever world.
fn last_recorded(record: &str) -> Option<u64> {
    let lines: Vec<&str> = record.lines().collect();
    let rows = lines.get(table(&lines)?).unwrap_or_default();
    let ranges = rows.iter().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()?.split_once('–'));
    ranges.filter_map(|(_, last)| last.split(' ').next()?.parse().ok()).max()
}

/// The lines of the table of seeds; other tables may stand behind it.
fn table(lines: &[&str]) -> Option<std::ops::Range<usize>> {
    let start = lines.iter().position(|line| line.starts_with("| seeds |"))?;
    let length = lines.iter().skip(start).take_while(|line| line.starts_with('|')).count();
    Some(start..start + length)
}

/// The record with one more row, the last of the table of seeds.
fn with_row(record: &str, row: &str) -> String {
    let mut lines: Vec<&str> = record.lines().collect();
    let end = table(&lines).map_or(lines.len(), |table| table.end);
    lines.insert(end, row);
    lines.join("\n") + "\n"
}

impl Sums {
    fn of(text: &str) -> Sums {
        let mut sums = Sums::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |name: &str| {
                let at = words.iter().position(|word| *word == name)?;
                words.get(at + 1)?.parse::<u64>().ok()
            };
            let of = |name| number(name).unwrap_or(0);
            if let Some(seed) = seed_of(line) {
                sums.seeds += 1;
                sums.bad.extend(line.contains(" BAD ").then_some(seed));
                sums.operations += of("operations");
                sums.lives += of("lives");
                sums.cuts += of("cuts");
                sums.calls += of("calls");
                sums.simulated_ms += of("simulated_ms");
                sums.faults += of("faults");
            } else if line.starts_with("cpu_ms ") {
                sums.cpu_ms += of("cpu_ms");
            }
        }
        sums
    }

    fn row(&self, first: u64, commit: &str, date: &str) -> String {
        let Sums { operations, lives, cuts, faults, calls, .. } = self;
        let bad: Vec<String> = self.bad.iter().map(u64::to_string).collect();
        let bad = if bad.is_empty() { "none".to_owned() } else { bad.join(", ") };
        let (last, hours) = (first + self.seeds.saturating_sub(1), self.simulated_ms / 3_600_000);
        let pace = self.simulated_ms / self.cpu_ms.max(1);
        format!(
            "| {first}–{last} | {commit} | {date} | {bad} | {operations} | {lives} | {cuts} | {faults} | {calls} | \
            {hours} | {pace} |"
        )
    }
}

fn record(first: u64, commit: &str, sums: &Sums) -> Result<()> {
    let heading = "# The simulated world, judged\n\n\
        Each seed has at least 1,000 operations over several lives of one enclave. Replay one with\n\
        `cargo run -p sim -- --seed N --trace`.\n\n\
        | seeds | commit | UTC | bad | operations | lives | power cuts | faults | calls to the outside | simulated h | h per CPU h |\n\
        |---|---|---|---|---|---|---|---|---|---|---|\n";
    let date = steps::run(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M"]))?.output;
    let text = fs::read_to_string(RECORD).unwrap_or_else(|_| heading.to_owned());
    fs::write(RECORD, with_row(&text, &sums.row(first, commit, date.trim()))).context(RECORD)?;
    println!("recorded in {RECORD}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_seeds_add_up() {
        let text = "seed 7 clean operations 1001 lives 9 cuts 5 calls 10 simulated_ms 3600000 faults 4 digest ab\n\
            seed 8: something was lost\n\
            seed 8 BAD operations 500 lives 2 cuts 1 calls 5 simulated_ms 10 faults 1 digest cd\ncpu_ms 900\n";
        assert_eq!((died(text, 7..9), died(text, 7..11)), (None, Some(9)));
        let sums = Sums::of(text);
        assert_eq!((sums.seeds, sums.bad.as_slice(), sums.operations, sums.cpu_ms), (2, &[8][..], 1501, 900));
    }

    const RECORD: &str = "# Judged\n\n| seeds | commit |\n|---|---|\n| 1–150 | ab |\n| 151–180 (narrow) | cd |\n\n\
        ## Planted bugs\n\n| planted | seed |\n|---|---|\n| 900–999 | 1 |\n";

    #[test]
    fn a_row_goes_to_the_end_of_the_table_of_seeds() {
        let sums = Sums { seeds: 20, bad: vec![183, 190], operations: 7, ..Sums::default() };
        let row = sums.row(181, "ef", "2026-11-27 09:00");
        assert_eq!(row, "| 181–200 | ef | 2026-11-27 09:00 | 183, 190 | 7 | 0 | 0 | 0 | 0 | 0 | 0 |");
        let record = with_row(RECORD, &row);
        let expected = RECORD.replace("(narrow) | cd |\n", &format!("(narrow) | cd |\n{row}\n"));
        assert_eq!((record.as_str(), last_recorded(&record)), (expected.as_str(), Some(200)));
        assert_eq!(last_recorded("# Judged\n"), None);
    }

    #[test]
    fn a_run_goes_on_behind_an_interrupted_one_or_behind_the_record() {
        assert_eq!(resumed("", ""), (1, 1));
        assert_eq!(resumed("", RECORD), (181, 181));
        let kept = "seed 181 clean operations 1001\nseed 182 BAD operations 9\ncpu_ms 900\n";
        assert_eq!(resumed(kept, RECORD), (181, 183));
    }
}
