//! The table, and its place in docs/performance.md.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::bounds;
use crate::sign::stamps;
use crate::stages::Stages;
use crate::work::{Figure, as_f64};

const PAGE: &str = "docs/performance.md";
const END: &str = "<!-- end -->";
const MB: f64 = 1e6;

/// Everything of one run, as Markdown.
pub fn render(stages: &Stages, figures: &[Figure]) -> Result<String> {
    let mut text = format!("{}\n", headline(stages.cores)?);
    writeln!(
        text,
        "| load | clients | measured | p50 | p99 | bound | of the bound | set by |\n|---|---|---|---|---|---|---|---|"
    )?;
    for figure in figures {
        row(&mut text, figure, stages)?;
    }
    writeln!(text, "\n| stage | rate |\n|---|---|")?;
    let rates = [
        ("MD5, one core", stages.md5),
        ("AES-256-GCM seal, one core", stages.seal),
        ("AES-256-GCM open, one core", stages.open),
        ("erasure 2+2 with BLAKE3 of all cells, one core", stages.encode),
        ("BLAKE3, one core", stages.blake3),
        ("disk, sequential with fsync", stages.disk),
        ("bare HTTP up, 4 clients", stages.upload),
        ("bare HTTP down, 4 clients", stages.download),
    ];
    for (name, rate) in rates {
        writeln!(text, "| {name} | {:.0} MB/s |", rate / MB)?;
    }
    writeln!(text, "| append 4 KiB and sync | {:.2} ms |", stages.append_s * 1e3)?;
    writeln!(text, "| a file in each of four directories, all synced | {:.2} ms |", stages.pieces_s * 1e3)?;
    writeln!(text, "| bare HTTP requests, 16 clients | {:.0} /s |", stages.requests)?;
    Ok(text)
}

fn row(text: &mut String, figure: &Figure, stages: &Stages) -> Result<()> {
    let large = figure.unit >= 1 << 20;
    let show = |rate: f64| match figure.name.as_str() {
        "list" => format!("{rate:.0} keys/s"),
        _ if large => format!("{:.0} MB/s", rate * as_f64(figure.unit) / MB),
        _ => format!("{rate:.0} /s"),
    };
    let what = match figure.name.as_str() {
        "list" => format!("list {} keys", figure.unit),
        name if large => format!("{} {} MiB", name.split(' ').next().unwrap_or(name), figure.unit >> 20),
        name => format!("{} {} KiB", name.split(' ').next().unwrap_or(name), figure.unit >> 10),
    };
    let (bound, share, by) = bounds::of(figure, stages).map_or((String::new(), String::new(), ""), |bound| {
        (show(bound.per_second), format!("{:.2}", figure.per_second / bound.per_second), bound.by)
    });
    let (p50, p99) = (figure.p50_ms, figure.p99_ms);
    let measured = show(figure.per_second);
    Ok(writeln!(
        text,
        "| {what} | {} | {measured} | {p50:.1} ms | {p99:.1} ms | {bound} | {share} | {by} |",
        figure.clients
    )?)
}

/// Replaces the figures that a command wrote into the page; what people wrote around them stays.
pub fn record(command: &str, text: &str) -> Result<()> {
    let page = fs::read_to_string(PAGE).with_context(|| format!("cannot read {PAGE}"))?;
    let begin = format!("<!-- written by `{command}` -->");
    let (above, rest) = page.split_once(&begin).with_context(|| format!("{PAGE} has no `{begin}`"))?;
    let (_, below) = rest.split_once(END).with_context(|| format!("{PAGE} has no `{END}` behind `{begin}`"))?;
    Ok(fs::write(PAGE, format!("{above}{begin}\n\n{text}\n{END}{below}"))?)
}

/// When, of what and on what figures were taken: a line.
pub fn headline(cores: usize) -> Result<String> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let commit = said("git", &["rev-parse", "--short=12", "HEAD"])?;
    let changed = said("git", &["status", "--porcelain", "--", "crates", "Cargo.lock"])?;
    let changed = if changed.is_empty() { "" } else { " with changes" };
    Ok(format!("{} UTC, commit {commit}{changed}, {}.\n", day(now), machine(cores)?))
}

fn machine(cores: usize) -> Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let name =
        cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("", |(_, name)| name);
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kib = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    Ok(format!("{cores} cores of {name}, {} GiB", kib.unwrap_or(0) >> 20))
}

fn day(seconds: u64) -> String {
    let (day, _) = stamps(seconds);
    format!("{}-{}-{}", day.get(..4).unwrap_or(""), day.get(4..6).unwrap_or(""), day.get(6..).unwrap_or(""))
}

fn said(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
