//! `cargo xtask judge NAME`: a long proof at full size, resumable, with a record.
//!
//! Parts that an earlier run of the same commit has shown are in `target/judge/`; the record, with
//! figures, seed, commit and duration, is appended to the judge's page in `docs/judged/`.

pub mod fuzz;
pub mod labels;
pub mod mutants;
pub mod s3_tests;
pub mod sim;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::tools::{self, Built, Need};
use crate::{report, steps, test};

/// A long proof: files of tests at full size.
struct Judge {
    name: &'static str,
    /// Of its page.
    title: &'static str,
    needs: &'static [Need],
    files: &'static [(&'static str, Cut)],
    /// Parts that run side by side.
    beside: usize,
}

const JUDGES: &[Judge] = &[
    Judge {
        name: "first-light",
        title: "First light",
        needs: &[Need::Python],
        files: &[
            ("test_bounds.py", Cut::Tests),
            ("test_table.py", Cut::Whole),
            ("test_wire.py", Cut::Whole),
            ("test_start.py", Cut::Whole),
            ("test_config.py", Cut::Whole),
            ("test_rescue.py", Cut::Whole),
            ("test_clients.py", Cut::Whole),
            ("test_synced.py", Cut::Tests),
            ("test_kill.py", Cut::Tests),
            ("test_faults.py", Cut::Tests),
        ],
        // Two for each core of the machine this is meant for: these parts mostly wait.
        beside: 4,
    },
    Judge {
        name: "faults",
        title: "Every fault of every pair of vendors",
        needs: &[Need::Python, Need::Standins],
        files: &[("test_vendor_faults.py", Cut::Tests)],
        // Each part brings four vendors' programs and works them hard.
        beside: 2,
    },
    Judge {
        name: "timing",
        title: "Hidden and absent take as long",
        needs: &[Need::Python],
        files: &[("test_timing.py", Cut::Tests)],
        // Whatever runs beside is noise.
        beside: 1,
    },
];

/// Whether each test of a file is a part of its own.
#[derive(Clone, Copy)]
enum Cut {
    Whole,
    Tests,
}

/// What has been shown for a commit.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    commit: String,
    seed: u64,
    parts: BTreeMap<String, Part>,
}

#[derive(Serialize, Deserialize)]
struct Part {
    passed: usize,
    failed: usize,
    seconds: f64,
    figures: Vec<String>,
}

/// Runs what is not shown yet; true if all of it holds.
pub fn run(name: &str, resume: bool, only: Option<&str>) -> Result<bool> {
    let Some(judge) = JUDGES.iter().find(|judge| judge.name == name) else {
        let names: Vec<&str> =
            JUDGES.iter().map(|judge| judge.name).chain(["fuzz", "labels", "mutants", "s3-tests", "sim"]).collect();
        bail!("there is no judge `{name}`: there are {}", names.join(", "));
    };
    tools::install(judge.needs)?;
    if !test::release()? {
        return Ok(false);
    }
    let mut progress = Progress::load(judge, resume)?;
    println!("seed {}", progress.seed);
    let mut parts = judge.parts(progress.seed)?;
    parts.retain(|part| only.is_none_or(|wanted| part.contains(wanted)));
    parts.retain(|part| progress.parts.get(part).is_none_or(|shown| shown.failed > 0));
    // Bounds are measured alone.
    let (alone, beside): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.contains("bounds"));
    judge.run_parts(alone, 1, &mut progress)?;
    judge.run_parts(beside, judge.beside, &mut progress)?;
    // A record speaks of the whole.
    if only.is_none() {
        judge.record(&progress)?;
    }
    let (passed, failed) = progress.counts();
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

fn pytest(seed: u64) -> Result<Command> {
    let mut command = Command::new(tools::python("pytest"));
    command.env("ENTENTE_FULL", "1").env("ENTENTE_SEED", seed.to_string());
    command.env("ENTENTE_BIN", tools::binaries(Built::Release)?);
    Ok(command)
}

impl Judge {
    /// Every part, as pytest names it. What a test draws from the seed may be in its name.
    fn parts(&self, seed: u64) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for (file, cut) in self.files {
            let path = format!("tests/{file}");
            match cut {
                Cut::Whole => all.push(path),
                Cut::Tests => {
                    let listed = steps::run(pytest(seed)?.args(["--collect-only", &path]))?;
                    let tests = listed.output.lines().filter_map(|line| line.find(file).and_then(|at| line.get(at..)));
                    all.extend(tests.filter(|line| line.contains("::")).map(|line| format!("tests/{line}")));
                }
            }
        }
        Ok(all)
    }

    /// Runs parts, so many side by side, and keeps each as soon as it is shown.
    fn run_parts(&self, parts: Vec<String>, at_once: usize, progress: &mut Progress) -> Result<()> {
        let (seed, waiting) = (progress.seed, Mutex::new(parts.into_iter().enumerate()));
        let progress = Mutex::new(progress);
        let worker = || -> Result<()> {
            loop {
                let Some((number, part)) = locked(&waiting).next() else { return Ok(()) };
                let shown = self.run_part(&part, seed, number)?;
                let mut progress = locked(&progress);
                progress.parts.insert(part, shown);
                self.save(&progress)?;
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a worker panicked")))
        })
    }

    fn run_part(&self, part: &str, seed: u64, number: usize) -> Result<Part> {
        let state = self.directory();
        fs::create_dir_all(&state)?;
        let (xml, figures) = (state.join(format!("part-{number}.xml")), state.join(format!("figures-{number}")));
        for path in [&xml, &figures] {
            let _ = fs::remove_file(path);
        }
        let mut command = pytest(seed)?;
        command.arg(part).arg(format!("--junitxml={}", xml.display())).env("ENTENTE_FIGURES", &figures);
        let outcome = steps::step(part.trim_start_matches("tests/"), &mut command)?;
        let cases = report::cases(&fs::read_to_string(&xml).unwrap_or_default());
        let count = |state| cases.iter().filter(|case| case.state == state).count();
        Ok(Part {
            passed: count(report::State::Passed),
            failed: count(report::State::Failed).max(usize::from(!outcome.well)),
            seconds: outcome.seconds,
            figures: fs::read_to_string(&figures).unwrap_or_default().lines().map(str::to_owned).collect(),
        })
    }

    fn directory(&self) -> PathBuf {
        tools::target().join("judge").join(self.name)
    }

    fn save(&self, progress: &Progress) -> Result<()> {
        fs::create_dir_all(self.directory())?;
        Ok(fs::write(self.directory().join("progress.json"), serde_json::to_string_pretty(progress)?)?)
    }

    /// Appends what was shown to the record.
    fn record(&self, progress: &Progress) -> Result<()> {
        let (passed, failed) = progress.counts();
        let seconds: f64 = progress.parts.values().map(|part| part.seconds).sum();
        let date = steps::run(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M"]))?.output;
        let page = format!("docs/judged/{}.md", self.name);
        let mut text = fs::read_to_string(&page).unwrap_or_else(|_| format!("# {}, judged\n", self.title));
        writeln!(text, "\n## {} UTC, commit {}\n", date.trim(), progress.commit)?;
        writeln!(text, "{passed} passed, {failed} failed, {:.0} min, seed {}.\n", seconds / 60.0, progress.seed)?;
        writeln!(text, "| part | passed | failed | s |\n|---|---|---|---|")?;
        for (name, part) in &progress.parts {
            let name = name.trim_start_matches("tests/").trim_end_matches(".py");
            writeln!(text, "| {name} | {} | {} | {:.0} |", part.passed, part.failed, part.seconds)?;
        }
        let figures: Vec<&String> = progress.parts.values().flat_map(|part| &part.figures).collect();
        if !figures.is_empty() {
            writeln!(text)?;
            figures.iter().try_for_each(|figure| writeln!(text, "- {figure}"))?;
        }
        fs::create_dir_all("docs/judged")?;
        fs::write(&page, text)?;
        println!("recorded in {page}");
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn git(arguments: &[&str]) -> Result<String> {
    Ok(steps::run(Command::new("git").args(arguments))?.output.trim().to_owned())
}

impl Progress {
    fn load(judge: &Judge, resume: bool) -> Result<Progress> {
        let commit = git(&["describe", "--always", "--dirty=+changes", "--abbrev=12", "--exclude=*"])?;
        let kept = fs::read_to_string(judge.directory().join("progress.json"));
        if let (true, Ok(text)) = (resume, kept) {
            let progress: Progress =
                serde_json::from_str(&text).context("target/judge is damaged: run without --resume")?;
            if progress.commit == commit {
                return Ok(progress);
            }
            println!("another commit was judged before: beginning anew");
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let seed = std::env::var("ENTENTE_SEED").ok().and_then(|seed| seed.parse().ok());
        Ok(Progress { commit, seed: seed.unwrap_or(now.as_secs()), parts: BTreeMap::new() })
    }

    fn counts(&self) -> (usize, usize) {
        self.parts.values().fold((0, 0), |sum, part| (sum.0 + part.passed, sum.1 + part.failed))
    }
}
