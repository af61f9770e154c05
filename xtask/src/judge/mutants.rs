//! `cargo xtask judge mutants`: small mistakes, made on purpose; are they noticed?
//!
//! ```text
//!  sources ──► places ──► drawn by a seed ──► one copy of the workspace holds them all, one build
//!                                                  │ each active alone, by its number
//!             killed by the simulated world, or by a test, or survived ◄──┘
//! ```
//!
//! Building once for each mutant would take days. What does not compile is left out and the next one drawn
//! takes its place. Each result is kept at once; with `--resume` an interrupted run goes on. On a later
//! commit what was killed stays killed as long as its file reads the same, and survivors are tried again.

mod record;
mod tree;
mod trial;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::git;
use crate::tools::{self, Need, cargo};

/// What is judged, and where it is written. What is not there yet is passed over.
const AREAS: &[(&str, &[&str])] = &[
    (
        "commit",
        &[
            "engine/src/commit.rs",
            "engine/src/ship.rs",
            "engine/src/intake.rs",
            "engine/src/placement.rs",
            "catalog/src/sqlite/apply.rs",
            "catalog/src/sqlite/decide.rs",
            "catalog/src/sqlite/judge.rs",
            "catalog/src/sqlite/late.rs",
            "catalog/src/sqlite/segments.rs",
            "catalog/src/sqlite/show.rs",
        ],
    ),
    ("catch-up", &["engine/src/upkeep/catch_up.rs", "engine/src/upkeep/suspect.rs", "engine/src/suspects.rs"]),
    (
        "repair and evacuation",
        &[
            "engine/src/upkeep/claims.rs",
            "engine/src/upkeep/evacuate.rs",
            "engine/src/upkeep/mend.rs",
            "engine/src/upkeep/plan.rs",
            "engine/src/upkeep/repair.rs",
            "engine/src/upkeep/states.rs",
        ],
    ),
    ("sweep", &["engine/src/upkeep/sweep.rs", "engine/src/epochs.rs", "catalog/src/sqlite/epochs.rs"]),
    ("rebuild", &["engine/src/open.rs", "engine/src/replay.rs", "engine/src/replay/found.rs", "engine/src/rebuild.rs"]),
];

/// So many are tried at a time: most of a trial is a world that computes on one core.
const LANES: usize = 2;
/// Of the viable ones, so many of a hundred must be killed.
const KILLED_PERCENT_MIN: usize = 90;
/// So many more are built than wanted, of a hundred: what does not compile is replaced without another build.
const SPARE_PERCENT: usize = 20;

/// A place, as the finder gives it.
#[derive(Clone, Debug, Deserialize)]
struct Site {
    file: String,
    function: String,
    line: usize,
    start: usize,
    end: usize,
    before: String,
    after: String,
    what: String,
}

/// A mistake that was drawn.
#[derive(Clone, Debug)]
struct Mutant {
    /// By which it is made active; from 1, in the order of the draw.
    number: usize,
    area: &'static str,
    /// The same for the same mistake, whatever moves around it.
    key: String,
    site: Site,
}

/// What became of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Outcome {
    Killed { by: trial::By, how: String },
    Survived,
}

#[derive(Default, Serialize, Deserialize)]
struct Progress {
    commit: String,
    seed: u64,
    seconds: f64,
    /// Keys of what does not compile.
    unbuilt: Vec<String>,
    shown: BTreeMap<String, Shown>,
}

#[derive(Serialize, Deserialize)]
struct Shown {
    outcome: Outcome,
    commit: String,
    /// Of the file it is in.
    blob: String,
}

/// Draws and tries so many; true if enough are killed.
pub fn run(wanted: usize, resume: bool) -> Result<bool> {
    tools::install(&[Need::Nextest])?;
    let began = std::time::Instant::now();
    let mut progress = Progress::load(resume)?;
    let before = progress.seconds;
    println!("seed {}", progress.seed);
    let drawn = draw(&find()?, progress.seed);
    let chosen = tree::build(&drawn, wanted, &mut progress.unbuilt)?;
    progress.save()?;
    let trial = trial::Trial::prepare()?;
    // Beside another, as all that follow: what is too slow then must not count as killed.
    in_lanes(|lane| match trial.run(0, lane)? {
        Outcome::Killed { by, how } => bail!("without a mutant the {by} do not pass ({how}): nothing can be judged"),
        Outcome::Survived => Ok(()),
    })?;
    let (progress, waiting) = (Mutex::new(progress), Mutex::new(chosen.iter()));
    in_lanes(|lane| {
        let next = || lock(&waiting).next();
        for mutant in std::iter::from_fn(next) {
            let blob = blob(&mutant.site.file)?;
            if lock(&progress).is_shown(mutant, &blob) {
                continue;
            }
            let outcome = trial.run(mutant.number, lane)?;
            println!("{:>4} {} — {}", mutant.number, mutant.key, record::said(&outcome));
            let mut progress = lock(&progress);
            let shown = Shown { outcome, commit: progress.commit.clone(), blob };
            progress.shown.insert(mutant.key.clone(), shown);
            progress.seconds = before + began.elapsed().as_secs_f64();
            progress.save()?;
        }
        Ok(())
    })?;
    let progress = progress.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (killed, viable) = record::write(&progress, &chosen, &trial)?;
    println!("{killed} of {viable} killed");
    Ok(killed * 100 >= viable * KILLED_PERCENT_MIN)
}

/// Does it in every lane at once.
fn in_lanes(work: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    let work = &work;
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|lane| scope.spawn(move || work(lane))).collect();
        lanes.into_iter().try_for_each(|lane| lane.join().unwrap_or_else(|_| bail!("a lane of trials broke")))
    })
}

/// Every place of every area.
fn find() -> Result<Vec<(&'static str, Vec<Site>)>> {
    let build = ["build", "--locked", "-p", "xtask", "--features", "mutants", "--bin", "mutants"];
    tools::must("build the finder", &mut cargo(build))?;
    let of_area = |(name, paths): &(&'static str, &[&str])| {
        let listed =
            git(&[&["ls-files", "--"], &at_crates(paths).iter().map(String::as_str).collect::<Vec<_>>()[..]].concat())?;
        let sources = listed.lines().filter(|path| path.ends_with(".rs") && !path.ends_with("tests.rs"));
        let found = Command::new(tools::target().join("debug/mutants")).args(sources).output()?;
        let json = String::from_utf8_lossy(&found.stdout);
        Ok((*name, serde_json::from_str(&json).with_context(|| String::from_utf8_lossy(&found.stderr).into_owned())?))
    };
    AREAS.iter().map(of_area).collect()
}

fn at_crates(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| format!("crates/{path}")).collect()
}

/// All places in an order that follows from the seed: the areas take turns, so that none is passed over. Where a
/// place comes in its area does not depend on the others, so that it is mostly the same ones on a later commit.
fn draw(areas: &[(&'static str, Vec<Site>)], seed: u64) -> Vec<Mutant> {
    let ordered = |sites: &[Site]| {
        let mut keyed = keyed(sites);
        keyed.sort_by_cached_key(|(key, _)| std::cmp::Reverse(rank(seed, key)));
        keyed
    };
    let mut waiting: Vec<_> = areas.iter().map(|(area, sites)| (*area, ordered(sites))).collect();
    let mut drawn = Vec::new();
    while waiting.iter().any(|(_, sites)| !sites.is_empty()) {
        for (area, sites) in &mut waiting {
            if let Some((key, site)) = sites.pop() {
                drawn.push(Mutant { number: drawn.len() + 1, area, key, site });
            }
        }
    }
    drawn
}

/// FNV-1a, begun with the seed and mixed well: the same everywhere.
fn rank(seed: u64, key: &str) -> u64 {
    let start = (seed ^ 0xcbf2_9ce4_8422_2325).wrapping_mul(0x0100_0000_01b3);
    let mixed = key.bytes().fold(start, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Each with its key: what is said of it, and which of those of which that is said.
fn keyed(sites: &[Site]) -> Vec<(String, Site)> {
    let mut counts = BTreeMap::<String, usize>::new();
    let key = |site: &Site| {
        let file = site.file.trim_start_matches("crates/").replace("/src/", "/");
        let said = format!("{file} {}: {}", site.function, site.what);
        let count = counts.entry(said.clone()).or_default();
        *count += 1;
        let key = if *count == 1 { said } else { format!("{said} ({count})") };
        (key, site.clone())
    };
    sites.iter().map(key).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn directory() -> PathBuf {
    tools::target().join("judge/mutants")
}

fn blob(file: &str) -> Result<String> {
    git(&["hash-object", file])
}

impl Progress {
    fn load(resume: bool) -> Result<Progress> {
        let commit = git(&["describe", "--always", "--dirty=+changes", "--abbrev=12", "--exclude=*"])?;
        if let (true, Ok(text)) = (resume, fs::read_to_string(directory().join("progress.json"))) {
            let kept = serde_json::from_str(&text).context("target/judge is damaged: run without --resume")?;
            return Ok(Progress { commit, ..kept });
        }
        let seed = std::env::var("ENTENTE_SEED").ok().and_then(|seed| seed.parse().ok());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
        Ok(Progress { commit, seed: seed.unwrap_or(now), ..Progress::default() })
    }

    fn is_shown(&self, mutant: &Mutant, blob: &str) -> bool {
        self.shown.get(&mutant.key).is_some_and(|shown| {
            shown.blob == blob && (shown.commit == self.commit || shown.outcome != Outcome::Survived)
        })
    }

    fn save(&self) -> Result<()> {
        fs::create_dir_all(directory())?;
        let (path, new) = (directory().join("progress.json"), directory().join("progress.new"));
        fs::write(&new, serde_json::to_string_pretty(self)?)?;
        Ok(fs::rename(new, path)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(what: &str) -> Site {
        Site {
            file: "crates/engine/src/commit.rs".to_owned(),
            function: "show".to_owned(),
            line: 1,
            start: 0,
            end: 0,
            before: String::new(),
            after: String::new(),
            what: what.to_owned(),
        }
    }

    #[test]
    fn the_draw_follows_from_its_seed_and_areas_take_turns() {
        let areas = [("a", ["one", "two", "two", "three"].map(site).to_vec()), ("b", vec![site("one")])];
        let keys = |seed| draw(&areas, seed).into_iter().map(|mutant| (mutant.area, mutant.key)).collect::<Vec<_>>();
        assert_eq!(keys(1), keys(1));
        assert!((2..9).any(|seed| keys(seed) != keys(1)));
        assert_eq!(keys(1).iter().map(|(area, _)| *area).collect::<String>(), "abaaa");
        assert!(keys(1).iter().any(|(_, key)| key == "engine/commit.rs show: two (2)"));
    }
}
