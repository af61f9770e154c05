//! `cargo xtask test`: everything a change must pass, area by area.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Result, bail};

use crate::report::{self, Case, State};
use crate::tools::{self, Built, Need, cargo};
use crate::{steps, tidy};

/// One part of the proof. The order is that of running: what is quick and fails often comes first.
struct Area {
    name: &'static str,
    proves: &'static str,
    needs: &'static [Need],
    kind: Kind,
}

enum Kind {
    /// Passes or fails as a whole.
    Check(fn() -> Result<bool>),
    /// Unit and integration tests in Rust.
    Nextest,
    Doc,
    /// A file of tests on the real binary. Mostly they wait: two of these run side by side.
    Pytest(&'static str),
    /// One that measures, or loads the machine so much that others would measure it.
    Alone(&'static str),
    /// Tests in TypeScript, by a configuration in `console/`.
    Vitest(&'static str),
    /// The same in a browser, on the real binary.
    Journeys(&'static str),
}

const fn area(name: &'static str, proves: &'static str, needs: &'static [Need], kind: Kind) -> Area {
    Area { name, proves, needs, kind }
}

impl Area {
    fn shares(&self) -> bool {
        matches!(self.kind, Kind::Pytest(_) | Kind::Journeys(_))
    }
}

const STANDINS: &[Need] = &[Need::Python, Need::Standins];
const SHELLS: &[Need] = &[Need::Python, Need::Shells];
const WATCH: &[Need] = &[Need::Python, Need::Promtool];

const AREAS: &[Area] = &[
    area("fmt", "the code is formatted", &[], Kind::Check(fmt)),
    area("tidy", "the house is as designed", &[], Kind::Check(tidied)),
    area("clippy", "no lint is broken", &[], Kind::Check(clippy)),
    area("deny", "dependencies are licensed, known and wanted", &[Need::Deny], Kind::Check(deny)),
    area("build", "programs and tests build", &[Need::Console], Kind::Check(build)),
    area("unit", "every crate's own tests", &[Need::Nextest], Kind::Nextest),
    area("doc", "examples in documentation, and what must not compile", &[], Kind::Doc),
    area("page", "what the console reckons by itself", &[Need::Console], Kind::Vitest("vite.config.ts")),
    area("audit", "no package of the console has a known fault", &[Need::Console], Kind::Check(audit)),
    // What runs beside others, the long ones first, so that none is left over at the end ...
    area(
        "journeys",
        "what people do in a browser, on the real binary",
        &[Need::Console, Need::Browser, Need::Python, Need::Standins],
        Kind::Journeys("vitest.journeys.config.ts"),
    ),
    area("faults", "two sites torn away under load", &[Need::Python], Kind::Pytest("test_faults.py")),
    area("clients", "real clients, a real tree, a large file", &[Need::Python], Kind::Pytest("test_clients.py")),
    area("keys", "keys turn, shred, and come back from shares", &[Need::Python], Kind::Pytest("test_keys.py")),
    area(
        "console",
        "the admin API as its document says, at the console's port",
        &[Need::Python],
        Kind::Pytest("test_api.py"),
    ),
    area("start", "clocks, locks, old catalogs, damage at start", &[Need::Python], Kind::Pytest("test_start.py")),
    area("adopt", "5,000 objects move in under load", STANDINS, Kind::Pytest("test_adopt.py")),
    area("book", "the book's commands, links and pages", &[Need::Python], Kind::Pytest("test_book.py")),
    area("demo", "a vendor goes and comes back, as told", &[Need::Python], Kind::Pytest("test_demo.py")),
    area("synced", "durable means synced", &[Need::Python], Kind::Pytest("test_synced.py")),
    area("wire", "what is not served is refused", &[Need::Python], Kind::Pytest("test_wire.py")),
    area("table", "every operation and error of the S3 door", &[Need::Python], Kind::Pytest("test_table.py")),
    area("rebuild", "a lost data directory comes back", &[Need::Python], Kind::Pytest("test_rebuild.py")),
    area("contract", "every vendor's adapter keeps the contract", STANDINS, Kind::Pytest("test_contract.py")),
    area("evacuate", "a site is left under load, dead or alive", &[Need::Python], Kind::Pytest("test_evacuate.py")),
    area("doctor", "what is broken is named, with what to do", &[Need::Python], Kind::Pytest("test_doctor.py")),
    area("people", "duties, grants, releases, and the walk-through", &[Need::Python], Kind::Pytest("test_people.py")),
    area("standins", "what stands for the vendors", STANDINS, Kind::Pytest("test_standins.py")),
    area("tls", "what is agreed on, what is refused", &[Need::Python], Kind::Pytest("test_tls.py")),
    area("transcripts", "sessions at a terminal", &[Need::Python], Kind::Pytest("test_transcripts.py")),
    area("completion", "shells complete commands and options", SHELLS, Kind::Pytest("test_completion.py")),
    area("watch", "what is counted, who is told, and what alerts say of it", WATCH, Kind::Pytest("test_watch.py")),
    area(
        "burglary",
        "thieves of sites and of the disk learn nothing",
        &[Need::Python],
        Kind::Pytest("test_burglary.py"),
    ),
    area("rescue", "sites and root key are enough", &[Need::Python], Kind::Pytest("test_rescue.py")),
    area("registry", "a container registry keeps its images here", &[Need::Python], Kind::Pytest("test_registry.py")),
    area("programs", "programs that keep their data here", &[Need::Python], Kind::Pytest("test_programs.py")),
    area("identity", "credentials from where vendors' tools look", &[Need::Python], Kind::Pytest("test_identity.py")),
    area("vendors", "four vendors at once, and a check of them", STANDINS, Kind::Pytest("test_vendors.py")),
    area("labels", "levels see what they may, and nothing above", &[Need::Python], Kind::Pytest("test_labels.py")),
    area("make", "what `make up` does with and without Node", &[Need::Python], Kind::Pytest("test_make.py")),
    area("config", "sites named by a configuration file", &[Need::Python], Kind::Pytest("test_config.py")),
    area("scrub", "planted faults are named and mended", &[Need::Python], Kind::Pytest("test_scrub.py")),
    area("lifecycle", "what rules make due goes, and nothing else", &[Need::Python], Kind::Pytest("test_lifecycle.py")),
    // ... and what needs the machine.
    area("kill", "kill -9 under load loses nothing", &[Need::Python], Kind::Alone("test_kill.py")),
    area("bad-days", "each fault of a vendor, and of two, under load", STANDINS, Kind::Alone("test_vendor_faults.py")),
    area("bounds", "memory and time within their bounds", &[Need::Python], Kind::Alone("test_bounds.py")),
];

/// All but the fuzzer itself: it is C++, which only `cargo xtask judge fuzz` asks of a machine.
const FEATURES: &str =
    "catalog/contract,providers/contract,s3/bench,s3/fuzz,server/traces,xtask/bench,xtask/mutants,xtask/proxy";

/// What an area counted.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
    cases: Vec<Case>,
}

/// Names the areas.
pub fn list() -> bool {
    for area in AREAS {
        println!("{:<10} {}", area.name, area.proves);
    }
    true
}

/// Runs the areas named in `only`, or all; true if nothing failed.
pub fn run(only: &[String]) -> Result<bool> {
    if let Some(unknown) = only.iter().find(|name| !AREAS.iter().any(|area| area.name == name.as_str())) {
        bail!("there is no area `{unknown}`: see `cargo xtask test --list`");
    }
    let wanted = |area: &&Area| only.is_empty() || only.iter().any(|name| name == area.name);
    let began = Instant::now();
    let needs: BTreeSet<Need> = AREAS.iter().filter(wanted).flat_map(|area| area.needs).copied().collect();
    // The program embeds it, so that whatever looks at the program comes after.
    let (page, needs): (Vec<Need>, Vec<Need>) = needs.into_iter().partition(|need| *need == Need::Console);
    tools::install(&page)?;
    let mut all = Tally::default();
    let mut areas = AREAS.iter().filter(wanted).peekable();
    // What is installed is mostly waited for, and the first checks need nothing of it.
    std::thread::scope(|scope| {
        let installed = scope.spawn(|| tools::install(&needs));
        while let Some(area) = areas.next_if(|next| next.needs.is_empty()) {
            all.add(run_area(area)?);
        }
        installed.join().unwrap_or_else(|_| bail!("what installs broke"))
    })?;
    while let Some(area) = areas.next() {
        let mut together = vec![area];
        if area.shares() {
            together.extend(std::iter::from_fn(|| areas.next_if(|next| next.shares())));
        }
        side_by_side(&together)?.into_iter().for_each(|tally| all.add(tally));
    }
    slowest(&all.cases);
    println!("{:.0} s in all", began.elapsed().as_secs_f64());
    if all.skipped > 0 {
        println!("{} skipped: their reasons are in the output above", all.skipped);
    }
    println!("{} passed, {} failed", all.passed, all.failed);
    Ok(all.failed == 0)
}

/// Runs each, two at a time.
fn side_by_side(areas: &[&Area]) -> Result<Vec<Tally>> {
    const LANES: usize = 2;
    let waiting = Mutex::new(areas.iter());
    let lane = || -> Result<Vec<Tally>> {
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        std::iter::from_fn(next).map(|area| run_area(area)).collect()
    };
    let lanes: Vec<Result<Vec<Tally>>> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES.min(areas.len())).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|_| bail!("a lane of tests broke"))).collect()
    });
    lanes.into_iter().collect::<Result<Vec<_>>>().map(|tallies| tallies.into_iter().flatten().collect())
}

fn run_area(area: &Area) -> Result<Tally> {
    match area.kind {
        Kind::Check(check) => Ok(Tally::of(check()?)),
        Kind::Nextest => {
            let mut command = cargo(["nextest", "run", "--workspace", "--locked", "--features", FEATURES]);
            reported(area.name, &mut command, &tools::target().join("nextest/default/junit.xml"))
        }
        Kind::Doc => {
            let outcome = steps::step(
                area.name,
                &mut cargo(["test", "--doc", "--workspace", "--locked", "--features", FEATURES]),
            )?;
            let (passed, failed) = report::doc_counts(&outcome.output);
            Ok(Tally { passed, failed: failed.max(usize::from(!outcome.well)), ..Tally::default() })
        }
        Kind::Pytest(file) | Kind::Alone(file) => pytest(area.name, file),
        Kind::Vitest(config) | Kind::Journeys(config) => vitest(area, config),
    }
}

/// Runs one file of end-to-end tests.
fn pytest(name: &str, file: &str) -> Result<Tally> {
    let report = tools::target().join("tests").join(format!("{name}.xml"));
    let mut command = Command::new(tools::python("pytest"));
    command.arg(Path::new("tests").join(file)).arg(format!("--junitxml={}", report.display()));
    command.env("ENTENTE_BIN", tools::binaries(Built::Dev)?);
    reported(name, &mut command, &report)
}

/// Runs the console's tests of one configuration; its pictures go to `target/console`.
fn vitest(area: &Area, config: &str) -> Result<Tally> {
    let report = tools::target().join("tests").join(format!("{}.xml", area.name));
    let mut command = tools::console_command("node")?;
    command.args([
        "node_modules/vitest/vitest.mjs",
        "run",
        "--config",
        config,
        "--reporter=default",
        "--reporter=junit",
    ]);
    command.arg(format!("--outputFile.junit={}", report.display()));
    if matches!(area.kind, Kind::Journeys(_)) {
        command.env("ENTENTE_BIN", tools::binaries(Built::Dev)?).env("CONSOLE_SHOTS", tools::target().join("console"));
    }
    reported(area.name, &mut command, &report)
}

/// Runs a command that leaves a JUnit report at `path`.
fn reported(name: &str, command: &mut Command, path: &Path) -> Result<Tally> {
    let _ = fs::remove_file(path);
    let outcome = steps::run(command)?;
    let cases = report::cases(&fs::read_to_string(path).unwrap_or_default());
    let count = |state| cases.iter().filter(|case| case.state == state).count();
    let (passed, failed, skipped) = (count(State::Passed), count(State::Failed), count(State::Skipped));
    steps::end(name, outcome.well, outcome.seconds, &format!("{passed} passed, {failed} failed"));
    if !outcome.well || skipped > 0 {
        println!("--- {}\n{}\n---", steps::text(command), steps::tail(&outcome.output));
    }
    // A run that failed without naming a test has failed all the same.
    Ok(Tally { passed, failed: failed.max(usize::from(!outcome.well)), skipped, cases })
}

impl Tally {
    fn of(well: bool) -> Tally {
        Tally { passed: usize::from(well), failed: usize::from(!well), ..Tally::default() }
    }

    fn add(&mut self, mut other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.cases.append(&mut other.cases);
    }
}

fn slowest(cases: &[Case]) {
    let mut sorted: Vec<&Case> = cases.iter().filter(|case| case.seconds >= 1.0).collect();
    sorted.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    if !sorted.is_empty() {
        println!("slowest:");
    }
    for case in sorted.iter().take(10) {
        println!("  {:7.1} s  {}", case.seconds, case.name);
    }
}

fn fmt() -> Result<bool> {
    Ok(steps::step("fmt", &mut cargo(["fmt", "--all", "--check"]))?.well)
}

fn tidied() -> Result<bool> {
    let began = Instant::now();
    let broken = tidy::check(tidy::Goldens::Compare)?;
    steps::end("tidy", broken.is_empty(), began.elapsed().as_secs_f64(), "");
    broken.iter().for_each(|line| println!("  {line}"));
    Ok(broken.is_empty())
}

fn clippy() -> Result<bool> {
    let mut command = cargo(["clippy", "--workspace", "--all-targets", "--locked", "--features", FEATURES]);
    command.args(["--", "-D", "warnings"]);
    Ok(steps::step("clippy", &mut command)?.well)
}

fn deny() -> Result<bool> {
    let well = steps::step("deny", &mut cargo(["deny", "check", "bans", "licenses", "sources"]))?.well;
    let advisories = steps::run(&mut cargo(["deny", "check", "advisories"]))?;
    let fetched = !advisories.output.contains("failed to fetch") && !advisories.output.contains("failed to load");
    match (advisories.well, fetched) {
        (false, false) => println!("  advisories: the database cannot be reached from here, not checked"),
        (true, _) => println!("  advisories: none"),
        (false, true) => println!("{}", steps::tail(&advisories.output)),
    }
    Ok(well && (advisories.well || !fetched))
}

/// Asks for the advisories of what the console is built of. A list that cannot be reached proves nothing, and is said.
fn audit() -> Result<bool> {
    let asked = steps::run(tools::console_command("npm")?.args(["audit", "--json"]))?;
    let faults = faults_of(&asked.output);
    steps::end("audit", faults.is_none_or(|count| count == 0), asked.seconds, "");
    match faults {
        None => println!("  advisories: the list cannot be reached from here, not checked"),
        Some(0) => {}
        Some(count) => println!("  {count} known faults: see `npm audit` in console/"),
    }
    Ok(faults.is_none_or(|count| count == 0))
}

/// How many `npm audit --json` knows; `None` if it could not ask.
fn faults_of(output: &str) -> Option<u64> {
    let json = output.get(output.find('{')?..)?;
    let told = serde_json::Deserializer::from_str(json).into_iter::<serde_json::Value>().next()?.ok()?;
    told.pointer("/metadata/vulnerabilities/total")?.as_u64()
}

/// Programs, and the tests that follow, in one go: most of both is the same.
fn build() -> Result<bool> {
    let mut command = cargo(["build", "--workspace", "--lib", "--bins", "--tests", "--locked", "--features", FEATURES]);
    Ok(steps::step("build", &mut command)?.well)
}

/// The programs as they ship, and the proxy.
pub fn release() -> Result<bool> {
    let mut command = cargo(["build", "--release", "--locked", "-p", "server", "-p", "coding", "--bins"]);
    Ok(steps::step("build", &mut command)?.well && proxy()?)
}

/// The proxy that tests put before stand-ins.
fn proxy() -> Result<bool> {
    let proxy = ["build", "--release", "--locked", "-p", "xtask", "--features", "proxy", "--bin", "proxy"];
    Ok(steps::step("build proxy", &mut cargo(proxy))?.well)
}

/// What the load generator does.
#[derive(Clone, Copy)]
pub enum Load {
    /// Beside the bounds of the machine.
    Bounds,
    /// Beside the peers, in so many rounds.
    Peers(usize),
    /// Asks for pages of a bucket with so many keys.
    Browsing(usize),
}

/// Builds the server and the load generator in release, and runs the latter.
pub fn bench(load: Load, dry: bool) -> Result<bool> {
    let generator = ["build", "--release", "--locked", "-p", "xtask", "--features", "bench", "--bin", "bench"];
    if !release()? || !steps::step("build bench", &mut cargo(generator))?.well {
        return Ok(false);
    }
    let release = tools::target().join("release");
    let mut command = Command::new(release.join("bench"));
    command.arg(release.join("entente")).args(dry.then_some("--dry"));
    match load {
        Load::Bounds => {}
        Load::Peers(rounds) => {
            tools::install(&[Need::Python])?;
            command.arg("--peers").arg(tools::python("")).arg("--rounds").arg(rounds.to_string());
        }
        Load::Browsing(keys) => {
            command.arg("--browsing").arg(keys.to_string());
        }
    }
    Ok(command.status()?.success())
}

/// One vendor hangs under writes, over the four stand-ins.
pub fn bench_faults() -> Result<bool> {
    tools::install(STANDINS)?;
    if !release()? {
        return Ok(false);
    }
    let mut command = Command::new(tools::python("python"));
    command.arg("tests/bench_faults.py").env("ENTENTE_BIN", tools::binaries(Built::Release)?);
    Ok(command.status()?.success())
}

/// What counting, timing, logging and traces cost, in instructions.
pub fn bench_counting() -> Result<bool> {
    tools::install(&[Need::Python, Need::Valgrind])?;
    let traced = ["build", "--release", "--locked", "-p", "server", "--features", "traces", "-p", "coding", "--bins"];
    if !steps::step("build with traces", &mut cargo(traced))?.well || !proxy()? {
        return Ok(false);
    }
    let mut command = Command::new(tools::python("python"));
    command.arg("tests/bench_watch.py").env("ENTENTE_BIN", tools::binaries(Built::Release)?);
    Ok(command.status()?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_faults_are_counted_and_a_silent_list_is_told_from_none() {
        let found = r#"{ "auditReportVersion": 2, "metadata": { "vulnerabilities": { "low": 1, "total": 3 } } }"#;
        assert_eq!(faults_of(found), Some(3));
        assert_eq!(faults_of(&found.replace("3 }", "0 }")), Some(0));
        let refused = "npm warn audit 405 Method Not Allowed\n{ \"message\": \"405\", \"error\": { \"summary\": \"\" } }\nnpm error";
        assert_eq!((faults_of(refused), faults_of("")), (None, None));
    }
}
