//! `cargo xtask judge fuzz`: libFuzzer over every target of `fuzz/`, in slices of a minute.
//!
//! What an interrupted run has done counts when it is resumed at the same commit. Inputs that reached
//! something new are kept in `target/judge/fuzz/` and begun with the next time; what stops a target is
//! kept beside them, to be mended and put into the target's corpus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::steps;
use crate::tools::{self, cargo};

use super::git;

/// Short enough that an interruption costs little, long enough that reading the corpus does not count.
const SLICE_S: u64 = 60;
/// Bytes of an input; nothing these parsers tell apart is longer.
const INPUT_BYTES_MAX: usize = 8192;
/// Of one input: a parser that takes seconds over so little is broken.
const INPUT_S_MAX: u64 = 10;
const RECORD: &str = "docs/judged/fuzz.md";

pub struct Options<'a> {
    pub resume: bool,
    /// Only targets whose name contains this.
    pub only: Option<&'a str>,
    /// How long each target runs in all.
    pub minutes: u64,
}

/// What has been run of a commit.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    commit: String,
    seed: u64,
    targets: BTreeMap<String, Done>,
}

/// What one target has behind it.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Done {
    seconds: u64,
    slices: u64,
    runs: u64,
    /// Edges of this house's code that were reached.
    edges: u64,
    inputs: usize,
    found: usize,
}

/// Runs what is left; true if nothing was found.
pub fn run(options: &Options<'_>) -> Result<bool> {
    // Beside the server, whose choice of features others' crates were built with.
    let build = ["build", "--locked", "-p", "server", "-p", "fuzz", "--features", "fuzz/libfuzzer", "--bin", "fuzz"];
    let instrumented = tools::root().join("fuzz/instrumented");
    if !steps::step("build", cargo(build).env("RUSTC_WORKSPACE_WRAPPER", instrumented))?.well {
        return Ok(false);
    }
    let mut progress = Progress::load(options.resume)?;
    println!("seed {}", progress.seed);
    for name in targets()?.iter().filter(|name| options.only.is_none_or(|wanted| name.contains(wanted))) {
        loop {
            let done = progress.targets.get(name).copied().unwrap_or_default();
            let left = (options.minutes * 60).saturating_sub(done.seconds);
            if left == 0 || done.found > 0 {
                break;
            }
            let done = slice(name, done, progress.seed, left.min(SLICE_S))?;
            progress.targets.insert(name.clone(), done);
            progress.save()?;
        }
    }
    // A record speaks of the whole.
    if options.only.is_none() {
        progress.record()?;
    }
    Ok(progress.targets.values().all(|done| done.found == 0))
}

/// A target is a folder of the corpus.
fn targets() -> Result<Vec<String>> {
    let folders = fs::read_dir("fuzz/corpus").context("cannot read fuzz/corpus")?;
    let mut names: Vec<String> =
        folders.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<Result<_>>()?;
    names.sort();
    Ok(names)
}

/// One run of libFuzzer.
fn slice(name: &str, done: Done, seed: u64, seconds: u64) -> Result<Done> {
    let (kept, found) = (directory().join("corpus").join(name), directory().join("found").join(name));
    fs::create_dir_all(&kept)?;
    fs::create_dir_all(&found)?;
    let mut command = Command::new(tools::target().join("debug/fuzz"));
    command.env("ENTENTE_FUZZ", name).arg(&kept).arg(format!("fuzz/corpus/{name}"));
    command.args([
        format!("-max_total_time={seconds}"),
        format!("-seed={}", (seed + done.slices) & u64::from(u32::MAX)),
        format!("-max_len={INPUT_BYTES_MAX}"),
        format!("-timeout={INPUT_S_MAX}"),
        format!("-artifact_prefix={}/", found.display()),
        "-print_final_stats=1".to_owned(),
        "-rss_limit_mb=1024".to_owned(),
    ]);
    steps::begin(name);
    let outcome = steps::run(&mut command)?;
    let runs = last_number(&outcome.output, "stat::number_of_executed_units:");
    let edges = last_number(&outcome.output, "cov:");
    steps::end(name, outcome.well, outcome.seconds, &format!("{runs} runs, {edges} edges"));
    if !outcome.well {
        println!("{}\nkept in {}", steps::tail(&outcome.output), found.display());
    } else if runs == 0 {
        bail!("{name} ran nothing:\n{}", steps::tail(&outcome.output));
    }
    Ok(Done {
        seconds: done.seconds + seconds,
        slices: done.slices + 1,
        runs: done.runs + runs,
        edges: edges.max(done.edges),
        inputs: fs::read_dir(&kept)?.count() + fs::read_dir(format!("fuzz/corpus/{name}"))?.count(),
        found: done.found + usize::from(!outcome.well),
    })
}

/// The number behind the last `label`.
fn last_number(output: &str, label: &str) -> u64 {
    let behind = output.rsplit_once(label).map(|(_, behind)| behind.trim_start());
    let digits = behind.and_then(|behind| behind.split(|letter: char| !letter.is_ascii_digit()).next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn directory() -> PathBuf {
    tools::target().join("judge/fuzz")
}

impl Progress {
    fn load(resume: bool) -> Result<Progress> {
        let commit = git(&["describe", "--always", "--dirty=+changes", "--abbrev=12", "--exclude=*"])?;
        let kept = fs::read_to_string(directory().join("progress.json"));
        if let (true, Ok(text)) = (resume, kept) {
            let progress: Progress =
                serde_json::from_str(&text).context("target/judge/fuzz is damaged: run without --resume")?;
            if progress.commit == commit {
                return Ok(progress);
            }
            println!("another commit was judged before: beginning anew, with the inputs that it found");
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let seed = std::env::var("ENTENTE_SEED").ok().and_then(|seed| seed.parse().ok());
        Ok(Progress { commit, seed: seed.unwrap_or(now.as_secs()), targets: BTreeMap::new() })
    }

    fn save(&self) -> Result<()> {
        fs::create_dir_all(directory())?;
        Ok(fs::write(directory().join("progress.json"), serde_json::to_string_pretty(self)?)?)
    }

    /// Appends what was run to the record.
    fn record(&self) -> Result<()> {
        let date = steps::run(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M"]))?.output;
        let mut text =
            fs::read_to_string(RECORD).unwrap_or_else(|_| "# Parsers of strangers' bytes, fuzzed\n".to_owned());
        writeln!(text, "\n## {} UTC, commit {}\n", date.trim(), self.commit)?;
        let found: usize = self.targets.values().map(|done| done.found).sum();
        writeln!(text, "{found} found, seed {}. Edges are those of this house's crates.\n", self.seed)?;
        writeln!(text, "| target | s | runs | edges | inputs | found |\n|---|---|---|---|---|---|")?;
        for (name, done) in &self.targets {
            let Done { seconds, runs, edges, inputs, found, .. } = done;
            writeln!(text, "| {name} | {seconds} | {runs} | {edges} | {inputs} | {found} |")?;
        }
        fs::write(RECORD, text)?;
        println!("recorded in {RECORD}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::last_number;

    #[test]
    fn the_last_figure_counts() {
        let output = "#2\tINITED cov: 7 ft: 9\n#9\tDONE   cov: 41 ft: 9\nstat::number_of_executed_units: 1234\n";
        assert_eq!(last_number(output, "cov:"), 41);
        assert_eq!(last_number(output, "stat::number_of_executed_units:"), 1234);
        assert_eq!(last_number(output, "none:"), 0);
    }
}
