//! One mutant, tried: some seeds of the simulated world, the quick tests, more seeds, the slow tests.
//!
//! The order is by how much is caught in how little time. Whatever fails, hangs or panics kills.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::{Outcome, directory, tree};
use crate::tools::cargo;

/// How long the simulated world runs for each mutant, in computing time without one.
const SIM_MS: u64 = 20_000;
/// Seeds that run before the tests.
const SEEDS_FIRST: u64 = 4;
/// A seed takes about a second: what computes so long, or waits so long, hangs.
const SEED_CPU_S_MAX: u64 = 40;
const SEED_S_MAX: u64 = 300;
/// No test needs as much address space; a mutant might take all there is.
const BYTES_MAX: u64 = 12 << 30;
/// Tests that run for many seconds each; the others together take about as long as one of them.
const SLOW: &str = "test(/^crash::/) + test(/^collusion::/) + test(any_two_sites_may_be_torn_away)";

/// Left out: they measure how long something takes, and on a busy machine they would kill whatever they meet.
const TIMED: &str = "test(/^reading::/) + test(/^late::/)";

/// What kills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    World,
    Tests,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            By::World => "seeds of the simulated world",
            By::Tests => "tests",
        })
    }
}

/// Writes down where the tests lie, so that no trial asks cargo.
pub fn list() -> Result<()> {
    let binaries = ["nextest", "list", "--locked", "-p", "catalog", "-p", "engine", "--list-type", "binaries-only"];
    let lists: [(&str, &[&str]); 2] = [
        ("binaries.json", &[&binaries[..], &["--message-format", "json"]].concat()),
        ("cargo.json", &["metadata", "--locked", "--format-version", "1"]),
    ];
    for (name, arguments) in lists {
        let mut list = cargo([]);
        list.args(arguments).current_dir(tree::root()).env("CARGO_TARGET_DIR", tree::target());
        let listed = list.output()?;
        if !listed.status.success() {
            bail!("{name} cannot be made: {}", String::from_utf8_lossy(&listed.stderr));
        }
        fs::write(directory().join(name), listed.stdout)?;
    }
    Ok(())
}

pub struct Trial {
    sim: PathBuf,
    /// The last seed; they begin at 1.
    pub seeds: u64,
    /// Where tests put files: in memory if that is possible, for what is judged is not the disk.
    scratch: PathBuf,
}

impl Trial {
    /// Finds what was built, and counts how many seeds fit into the time.
    pub fn prepare() -> Result<Trial> {
        let sim = tree::target().join("debug/sim");
        let memory = Path::new("/dev/shm");
        let scratch = if memory.is_dir() { memory.join("entente-mutants") } else { directory().join("scratch") };
        let mut trial = Trial { sim, seeds: 0, scratch };
        let mut spent = 0;
        while spent < SIM_MS {
            trial.seeds += 1;
            let ran = trial.seed(0, trial.seeds)?;
            let output = String::from_utf8_lossy(&ran.stdout);
            let Some(cpu_ms) = output.lines().find_map(|line| line.strip_prefix("cpu_ms ")?.parse::<u64>().ok()) else {
                bail!("seed {} of the simulated world does not end: {output}", trial.seeds);
            };
            spent += cpu_ms.max(1);
        }
        println!("{} seeds of the simulated world take {:.0} s", trial.seeds, spent as f64 / 1_000.0);
        Ok(trial)
    }

    /// Tries the mutant of this number; 0 is none. No two run in the same lane at once.
    pub fn run(&self, number: usize, lane: usize) -> Result<Outcome> {
        let quick = format!("not ({SLOW} + {TIMED})");
        let steps: [&dyn Fn() -> Result<Option<Outcome>>; 4] = [
            &|| self.world(number, 1..=SEEDS_FIRST.min(self.seeds)),
            &|| self.tests(number, lane, &quick),
            &|| self.world(number, SEEDS_FIRST + 1..=self.seeds),
            &|| self.tests(number, lane, SLOW),
        ];
        for step in steps {
            if let Some(killed) = step()? {
                return Ok(killed);
            }
        }
        Ok(Outcome::Survived)
    }

    fn world(&self, number: usize, seeds: std::ops::RangeInclusive<u64>) -> Result<Option<Outcome>> {
        for seed in seeds {
            let ran = self.seed(number, seed)?;
            let said = String::from_utf8_lossy(&ran.stderr);
            let how = match ran.status.code() {
                Some(0) => continue,
                Some(1) => said.lines().find(|line| line.starts_with("seed ")).unwrap_or("").to_owned(),
                Some(124) | None => format!("seed {seed} does not end"),
                Some(101) => format!("seed {seed}: {}", panic(&said)),
                Some(2 | 125..=127) => bail!("the simulated world cannot be run: {said}"),
                Some(code) => format!("seed {seed} ends with {code}"),
            };
            return Ok(Some(Outcome::Killed { by: By::World, how }));
        }
        Ok(None)
    }

    fn seed(&self, number: usize, seed: u64) -> Result<Output> {
        let mut command = Command::new("prlimit");
        command.arg(format!("--cpu={SEED_CPU_S_MAX}")).arg(format!("--as={BYTES_MAX}"));
        command.args(["timeout", "--kill-after=5", &SEED_S_MAX.to_string()]).arg(&self.sim);
        command
            .args(["--seed", &seed.to_string()])
            .env("ENTENTE_MUTANT", number.to_string())
            .env("RUST_BACKTRACE", "0");
        command.output().context("cannot run `prlimit`")
    }

    fn tests(&self, number: usize, lane: usize, filter: &str) -> Result<Option<Outcome>> {
        let scratch = self.scratch.join(lane.to_string());
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(&scratch)?;
        let mut command = Command::new("prlimit");
        command.arg(format!("--as={BYTES_MAX}"));
        command.args(["cargo", "nextest", "run", "--profile", "mutants", "--max-fail", "1:immediate", "-E", filter]);
        for (option, name) in [("--binaries-metadata", "binaries.json"), ("--cargo-metadata", "cargo.json")] {
            command.arg(option).arg(directory().join(name));
        }
        // As `cargo` gives it, with the tools that were installed here in its path.
        let path =
            cargo([]).get_envs().find_map(|(name, value)| (name == "PATH").then(|| value.map(ToOwned::to_owned)));
        command.envs(path.flatten().map(|path| ("PATH", path)));
        command.env("ENTENTE_MUTANT", number.to_string()).env("TMPDIR", &scratch).env("RUST_BACKTRACE", "0");
        let ran = command.current_dir(tree::root()).output()?;
        let said = String::from_utf8_lossy(&ran.stderr);
        let _ = fs::remove_dir_all(&scratch);
        match ran.status.code() {
            Some(0) => Ok(None),
            // Its code for tests that failed.
            Some(100) => Ok(Some(Outcome::Killed { by: By::Tests, how: failed(&said) })),
            _ => bail!("the tests cannot be run: {said}"),
        }
    }
}

/// The first test that failed, as nextest names it.
fn failed(said: &str) -> String {
    const STATES: [&str; 5] = ["FAIL", "TIMEOUT", "SIGABRT", "SIGSEGV", "SIGKILL"];
    let of = |line: &str| {
        let (state, rest) = line.trim().trim_start_matches("TRY 2 ").split_once(" [")?;
        let name =
            rest.split_once("] ")?.1.trim_start_matches(|sign: char| "(/) ".contains(sign) || sign.is_ascii_digit());
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        match state.trim() {
            "TMT" | "TIMEOUT" => Some(format!("{name} hangs")),
            state if STATES.iter().any(|known| state.starts_with(known)) => Some(name),
            _ => None,
        }
    };
    said.lines().filter(|line| !line.contains("TRY 1")).find_map(of).unwrap_or_else(|| "a test".to_owned())
}

/// What a panic said.
fn panic(said: &str) -> String {
    let mut lines = said.lines().skip_while(|line| !line.contains("panicked at"));
    lines.nth(1).unwrap_or("a panic").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_test_that_failed_is_named() {
        let said = "  TRY 1 FAIL [   0.016s] (1/9) catalog sqlite::tests::a\n  TRY 2 FAIL [   0.015s] (2/9) engine::late b_c\n";
        assert_eq!(failed(said), "engine::late b_c");
        assert_eq!(failed("     TIMEOUT [ 120.0s] engine::crash d"), "engine::crash d hangs");
    }
}
