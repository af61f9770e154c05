//! Runs commands quietly: one line each with the seconds it took, the output only if it failed.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};

/// How much of a failing command's output is shown, in bytes, from the end.
const SHOWN: usize = 24_000;

/// What became of a command.
pub struct Outcome {
    pub well: bool,
    pub output: String,
    pub seconds: f64,
}

/// Runs `command` to its end with its output kept.
pub fn run(command: &mut Command) -> Result<Outcome> {
    let began = Instant::now();
    let (mut reader, writer) = std::io::pipe()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .with_context(|| format!("cannot run `{}`", text(command)))?;
    // The pipe ends when the child's copies close, so ours must go first.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut output = Vec::new();
    reader.read_to_end(&mut output)?;
    let well = child.wait()?.success();
    Ok(Outcome { well, output: String::from_utf8_lossy(&output).into_owned(), seconds: began.elapsed().as_secs_f64() })
}

/// Runs `command` as a step with a name: one line, and the tail of the output if it failed.
pub fn step(name: &str, command: &mut Command) -> Result<Outcome> {
    begin(name);
    let outcome = run(command)?;
    end(name, outcome.well, outcome.seconds, "");
    if !outcome.well {
        println!("--- {}\n{}\n---", text(command), tail(&outcome.output));
    }
    Ok(outcome)
}

/// The step whose line is begun, if there is one: others that run beside it break it off, and it ends in a whole one.
static BEGUN: Mutex<Option<String>> = Mutex::new(None);

/// The first half of a step's line.
pub fn begin(name: &str) {
    let mut begun = BEGUN.lock().unwrap_or_else(PoisonError::into_inner);
    let broken_off = if begun.is_some() { "...\n" } else { "" };
    print!("{broken_off}{name:<28} ");
    let _ = std::io::stdout().flush();
    *begun = Some(name.to_owned());
}

/// The second half, or both at once where none is begun.
pub fn end(name: &str, well: bool, seconds: f64, more: &str) {
    let mut begun = BEGUN.lock().unwrap_or_else(PoisonError::into_inner);
    let outcome = outcome(well, seconds, more);
    match begun.take() {
        Some(begun) if begun == name => println!("{outcome}"),
        Some(_) => println!("...\n{name:<28} {outcome}"),
        None => println!("{name:<28} {outcome}"),
    }
}

fn outcome(well: bool, seconds: f64, more: &str) -> String {
    format!("{} {seconds:7.1} s  {more}", if well { "ok    " } else { "FAILED" })
}

/// The command as one would type it.
pub fn text(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let _ = write!(text, " {}", argument.to_string_lossy());
    }
    text
}

/// The last part of a long output, beginning at a line.
pub fn tail(output: &str) -> &str {
    let from = output.len().saturating_sub(SHOWN);
    let from =
        output.bytes().enumerate().skip(from).find(|(at, byte)| *at == 0 || *byte == b'\n').map_or(0, |(at, _)| at);
    output.get(from..).unwrap_or(output)
}
