//! `cargo xtask judge s3-tests --checkout PATH`: the conformance suite of Ceph against the release
//! binary on fresh data.
//!
//! The suite is not part of this repository: PATH is a clone of ceph/s3-tests at [`COMMIT`]. The names
//! that pass are kept in `docs/judged/s3-tests-passing.txt` and never shrink; why the portable others
//! fail is kept in `docs/judged/s3-tests-failing.md`, where a new one waits for its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::git;
use crate::report::{self, State};
use crate::tools::{self, Built, Need};
use crate::{report::Case, steps, test};

/// What the figures of every store are compared at: 2026-05-07.
const COMMIT: &str = "8f0ae7b";
const FILES: [&str; 2] = ["s3tests/functional/test_s3.py", "s3tests/functional/test_headers.py"];
const PASSING: &str = "docs/judged/s3-tests-passing.txt";
const FAILING: &str = "docs/judged/s3-tests-failing.md";
const RECORD: &str = "docs/judged/s3-tests.md";

/// Beside the suite's own requirements: to run four tests at a time, each within [`SECONDS`].
const RUNNERS: [&str; 2] = ["pytest-xdist==3.8.0", "pytest-timeout==2.4.0"];

/// What a test may take: some put a thousand objects one by one, and one sleeps for six of our days.
const SECONDS: &str = "150";

/// Wants an account without a bucket, which it has only while no other test runs.
const FIRST: &str = "test_s3.py::test_list_buckets_paginated";

/// Tests that the suite itself marks as not about S3, or as failing at Amazon or at its own store.
const NOT_PORTABLE: &str = "fails_on_aws or fails_on_rgw or fails_on_s3 or appendobject or bucket_logging or \
                            bucket_logging_cleanup or cloud_transition or cloud_restore or auth_aws2 or s3website";

/// Where a failure goes until somebody has looked at it.
const UNEXPLAINED: &str = "Not looked into yet";

/// A day of lifecycle rules, in seconds, on both sides.
const DAY_S: u32 = 10;

/// Users the suite wants, by the section of its configuration.
const USERS: [(&str, &str, &str); 6] = [
    ("s3 main", "main", "api_name =\nlc_debug_interval = 10\n"),
    ("s3 alt", "alt", ""),
    ("s3 tenant", "tenant", "tenant = tenant\n"),
    ("iam", "iam", ""),
    ("iam root", "root", ""),
    ("iam alt root", "altroot", ""),
];

/// How to run it.
pub struct Options<'a> {
    /// The clone of the suite.
    pub checkout: &'a Path,
    /// Keep the names that pass now for the first time.
    pub accept: bool,
    /// Only tests whose name contains this; nothing is recorded.
    pub only: Option<&'a str>,
}

/// Runs the suite; true if every name that once passed still does.
pub fn run(options: &Options) -> Result<bool> {
    let checkout = options.checkout.canonicalize().context("--checkout names no directory")?;
    check_commit(&checkout)?;
    tools::install(&[Need::Python])?;
    if !test::release()? {
        return Ok(false);
    }
    let python = environment(&checkout)?;
    let server = Server::start(&tools::binaries(Built::Release)?)?;
    let suite = Suite { checkout, python, configuration: server.configure()? };
    let began = std::time::Instant::now();
    let first = suite.run(None, &[FIRST.to_owned()])?;
    let mut states = suite.run(options.only, &[])?;
    states.extend(first);
    let seconds = began.elapsed().as_secs_f64();
    let kept = read_names(PASSING);
    let broken: Vec<String> = kept.iter().filter(|name| states.get(*name) == Some(&State::Failed)).cloned().collect();
    if !broken.is_empty() {
        println!("{} that passed before failed: running them again", broken.len());
        states.extend(suite.run(None, &broken)?);
    }
    let portable = suite.portable()?;
    drop(server);
    let lost: Vec<&String> = kept.iter().filter(|name| states.get(*name) == Some(&State::Failed)).collect();
    for name in &lost {
        println!("FAILED twice: {name}");
    }
    let passed: BTreeSet<String> = with(&states, State::Passed);
    let new = passed.difference(&kept).count();
    println!("{} of {} passed, {new} for the first time, {} lost", passed.len(), states.len(), lost.len());
    if options.only.is_none() {
        record(&states, &portable, seconds)?;
        if options.accept {
            let all: Vec<&str> = kept.union(&passed).map(String::as_str).collect();
            fs::write(PASSING, all.join("\n") + "\n")?;
        }
    }
    Ok(lost.is_empty())
}

type States = BTreeMap<String, State>;

fn with(states: &States, wanted: State) -> BTreeSet<String> {
    states.iter().filter(|(_, state)| **state == wanted).map(|(name, _)| name.clone()).collect()
}

fn check_commit(checkout: &Path) -> Result<()> {
    let at = |arguments: &[&str]| -> Result<String> {
        Ok(steps::run(Command::new("git").arg("-C").arg(checkout).args(arguments))?.output.trim().to_owned())
    };
    let (head, changes) = (at(&["rev-parse", "HEAD"])?, at(&["status", "--porcelain", "-uno"])?);
    if !head.starts_with(COMMIT) {
        bail!("{} is at `{head}`: check out {COMMIT} of ceph/s3-tests there", checkout.display());
    }
    if !changes.is_empty() {
        bail!("{} has changes: judge an unchanged suite", checkout.display());
    }
    Ok(())
}

fn directory() -> PathBuf {
    tools::target().join("judge/s3-tests")
}

/// A Python of the suite's own; gives its `bin` directory. What both know has our pinned versions.
fn environment(checkout: &Path) -> Result<PathBuf> {
    let venv = directory().join("venv");
    let stamp = venv.join("installed");
    let wanted = fs::read_to_string(checkout.join("requirements.txt"))? + &RUNNERS.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(venv.join("bin"));
    }
    tools::must("make its environment", Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let mut install = Command::new(venv.join("bin/pip"));
    install.args(["install", "-q", "-c", "tests/requirements.txt", "-r"]).arg(checkout.join("requirements.txt"));
    tools::must("install the suite's packages", install.args(RUNNERS))?;
    fs::write(stamp, wanted)?;
    Ok(venv.join("bin"))
}

/// The binary under test, on data of its own; ended when dropped.
struct Server {
    process: Child,
    binary: PathBuf,
    data: PathBuf,
    port: u16,
}

/// What `entente key create --json` tells.
#[derive(Deserialize)]
struct Key {
    access_key: String,
    secret_key: String,
    user_id: String,
}

impl Server {
    fn start(binary: &Path) -> Result<Server> {
        let data = directory().join("data");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir_all(directory())?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(binary);
        command.args(["up", "--json", "--s3-listen", &format!("127.0.0.1:{port}")]);
        command.args(["--lifecycle-day-s", &DAY_S.to_string(), "--data-dir"]).arg(&data);
        command.env("ENTENTE_LOG", "info");
        command.stdout(Stdio::piped()).stderr(fs::File::create(directory().join("entente.log"))?);
        let mut process = command.spawn().context("the binary under test does not run")?;
        let mut ready = String::new();
        BufReader::new(process.stdout.take().context("no output to read")?).read_line(&mut ready)?;
        let server = Server { process, binary: binary.to_path_buf(), data, port };
        if !ready.contains("s3_endpoint") {
            bail!("it did not get ready: see {}", directory().join("entente.log").display());
        }
        Ok(server)
    }

    /// Makes the users and writes the suite's configuration.
    fn configure(&self) -> Result<PathBuf> {
        // Buckets are also found in front of this host; in front of an address they could not be.
        let mut text =
            format!("[DEFAULT]\nhost = localhost\nport = {}\nis_secure = False\nssl_verify = False\n", self.port);
        text.push_str("[fixtures]\nbucket prefix = s3-tests-{random}-\n");
        for (section, user, more) in USERS {
            let Key { access_key, secret_key, user_id } = self.key(user)?;
            writeln!(text, "[{section}]\ndisplay_name = {user}\nuser_id = {user_id}\nemail = {user}@example.com")?;
            writeln!(text, "access_key = {access_key}\nsecret_key = {secret_key}\n{more}")?;
        }
        let path = directory().join("s3tests.conf");
        fs::write(&path, text)?;
        Ok(path)
    }

    fn key(&self, user: &str) -> Result<Key> {
        let mut command = Command::new(&self.binary);
        command.args(["key", "create", "--json", "--user", user, "--data-dir"]).arg(&self.data);
        let made = steps::run(&mut command)?;
        serde_json::from_str(&made.output).with_context(|| format!("no key for {user}: {}", made.output))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The suite, ready to run.
struct Suite {
    checkout: PathBuf,
    python: PathBuf,
    configuration: PathBuf,
}

impl Suite {
    fn pytest(&self) -> Command {
        let mut command = Command::new(self.python.join("pytest"));
        command.current_dir(&self.checkout).env("S3TEST_CONF", &self.configuration);
        // Nothing of the caller's own accounts, and nothing left in the clone.
        command.env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null").env("AWS_CONFIG_FILE", "/dev/null");
        command.env("PYTHONDONTWRITEBYTECODE", "1").args(["-q", "-p", "no:cacheprovider"]);
        command
    }

    /// Runs all tests, those whose name contains `only`, or those named.
    fn run(&self, only: Option<&str>, named: &[String]) -> Result<States> {
        let report = directory().join("report.xml");
        let _ = fs::remove_file(&report);
        let mut command = self.pytest();
        command.args(["-n", "4", "--timeout", SECONDS]).arg(format!("--junitxml={}", report.display()));
        if let Some(only) = only {
            command.args(["-k", only]);
        }
        match named {
            [] => command.args(FILES),
            named => command.args(named.iter().map(|name| format!("s3tests/functional/{name}"))),
        };
        steps::begin("s3-tests");
        let outcome = steps::run(&mut command)?;
        fs::write(directory().join("output.txt"), &outcome.output)?;
        let cases = report::cases(&fs::read_to_string(&report).unwrap_or_default());
        steps::end("s3-tests", !cases.is_empty(), outcome.seconds, "");
        if cases.is_empty() {
            bail!("the suite did not run:\n{}", steps::tail(&outcome.output));
        }
        Ok(states(&cases))
    }

    /// The names of the portable tests.
    fn portable(&self) -> Result<BTreeSet<String>> {
        let mut command = self.pytest();
        let listed = steps::run(command.args(["--collect-only", "-m", &format!("not ({NOT_PORTABLE})")]).args(FILES))?;
        let names = listed.output.lines().filter_map(|line| line.strip_prefix("s3tests/functional/"));
        Ok(names.filter(|name| name.contains("::")).map(str::to_owned).collect())
    }
}

/// Each test's state. One whose cleaning up fails is reported twice, and failed.
fn states(cases: &[Case]) -> States {
    let mut states = States::new();
    for case in cases {
        let name = name_of(&case.name);
        let worst = states.get(&name).is_some_and(|state| *state == State::Failed);
        states.insert(name, if worst { State::Failed } else { case.state });
    }
    states
}

/// `s3tests.functional.test_s3 test_a` as pytest names it: `test_s3.py::test_a`.
fn name_of(reported: &str) -> String {
    let (class, test) = reported.split_once(' ').unwrap_or(("", reported));
    format!("{}.py::{test}", class.rsplit('.').next().unwrap_or(class))
}

fn read_names(path: &str) -> BTreeSet<String> {
    fs::read_to_string(path).unwrap_or_default().lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Appends the figures, and brings the list of failures up to date.
fn record(states: &States, portable: &BTreeSet<String>, seconds: f64) -> Result<()> {
    let commit = git(&["describe", "--always", "--dirty=+changes", "--abbrev=12", "--exclude=*"])?;
    let date = steps::run(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M"]))?.output;
    let count = |wanted| states.values().filter(|state| **state == wanted).count();
    let passed_portable = portable.iter().filter(|name| states.get(*name) == Some(&State::Passed)).count();
    let mut text = fs::read_to_string(RECORD).unwrap_or_else(|_| {
        format!(
            "# Ceph's s3-tests, judged\n\n`test_s3.py` and `test_headers.py` at {COMMIT}. Portable are the tests that \
             the suite does not\nmark as failing at Amazon or at Ceph's own store, or as about something else.\n\n\
             | date (UTC) | our commit | passed | failed | skipped | of the portable | s |\n|---|---|---|---|---|---|---|\n"
        )
    });
    writeln!(
        text,
        "| {} | {commit} | {} | {} | {} | {passed_portable} of {} | {seconds:.0} |",
        date.trim(),
        count(State::Passed),
        count(State::Failed),
        count(State::Skipped),
        portable.len(),
    )?;
    fs::create_dir_all("docs/judged")?;
    fs::write(RECORD, text)?;
    let failed: BTreeSet<String> = with(states, State::Failed).intersection(portable).cloned().collect();
    fs::write(FAILING, failing(&fs::read_to_string(FAILING).unwrap_or_default(), &failed))?;
    println!("recorded in {RECORD} and {FAILING}");
    Ok(())
}

/// The list of failures, each under the reason it had before.
fn failing(before: &str, failed: &BTreeSet<String>) -> String {
    let (mut head, mut reasons) = (String::new(), Vec::<(&str, String, BTreeSet<&str>)>::new());
    for line in before.lines() {
        match (line.strip_prefix("## "), line.strip_prefix("- `"), reasons.last_mut()) {
            (Some(reason), ..) if reason != UNEXPLAINED => reasons.push((reason, String::new(), BTreeSet::new())),
            (Some(_), ..) => break,
            (_, Some(name), Some((_, _, names))) => {
                names.extend(Some(name.trim_end_matches('`')).filter(|name| failed.contains(*name)));
            }
            (_, _, Some((_, why, _))) if !line.is_empty() => {
                why.push_str(line);
                why.push('\n');
            }
            (_, _, Some(_)) => {}
            (_, _, None) => {
                head.push_str(line);
                head.push('\n');
            }
        }
    }
    if head.is_empty() {
        head = "# The portable tests of Ceph's s3-tests that fail, and why\n\n".to_owned();
    }
    let known: BTreeSet<&str> = reasons.iter().flat_map(|(_, _, names)| names).copied().collect();
    let new: BTreeSet<&str> = failed.iter().map(String::as_str).filter(|name| !known.contains(name)).collect();
    reasons.push((UNEXPLAINED, String::new(), new));
    let mut text = head.trim_end().to_owned() + "\n";
    for (reason, why, names) in reasons.iter().filter(|(_, _, names)| !names.is_empty()) {
        let _ = write!(text, "\n## {reason}\n\n");
        if !why.is_empty() {
            let _ = writeln!(text, "{why}");
        }
        for name in names {
            let _ = writeln!(text, "- `{name}`");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_failure_keeps_its_reason_until_it_passes() {
        let first = failing("", &set(&["a", "b"]));
        assert!(first.contains("## Not looked into yet\n\n- `a`\n- `b`\n"), "{first}");
        let explained = first.replace("Not looked into yet\n", "No such thing\n\nBecause.\n");
        let second = failing(&explained, &set(&["b", "c"]));
        assert!(
            second.ends_with("## No such thing\n\nBecause.\n\n- `b`\n\n## Not looked into yet\n\n- `c`\n"),
            "{second}"
        );
        assert_eq!(failing(&second, &set(&["b", "c"])), second);
    }

    #[test]
    fn a_test_that_cannot_clean_up_has_failed() {
        let case = |state| Case { name: "s3tests.functional.test_s3 test_a".into(), seconds: 0.0, state };
        for order in [[State::Passed, State::Failed], [State::Failed, State::Passed]] {
            let states = states(&order.map(case));
            assert_eq!(states.get("test_s3.py::test_a"), Some(&State::Failed));
        }
    }
}
