//! `cargo xtask bench --reading`: builds what `tests/bench_reading.py` needs, in release, and runs it.

use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::tools::{self, Built, Need, cargo};
use crate::{steps, test};

pub fn run(more: &[String]) -> Result<bool> {
    tools::install(&[Need::Python, Need::Standins])?;
    let client = ["build", "--release", "--locked", "-p", "xtask", "--features", "bench", "--bin", "bench"];
    if !test::release()? || !steps::step("build bench", &mut cargo(client))?.well {
        return Ok(false);
    }
    let entente = tools::binaries(Built::Release)?;
    fs::copy(tools::target().join("release/bench"), entente.with_file_name("bench"))?;
    let mut command = Command::new(tools::python("python"));
    command.arg("tests/bench_reading.py").args(more).env("ENTENTE_BIN", entente);
    Ok(command.status()?.success())
}
