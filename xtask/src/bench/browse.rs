//! Pages of a bucket as the console asks for them, and puts, with few keys in it and with many: what grows with a bucket
//! is seen in one run.
//!
//! Half of the keys lie in one folder, the other half in a thousand, so that pages are of keys and of folders.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, bail};

use crate::client::{Connection, Door, Keep};
use crate::process;
use crate::server::Server;
use crate::table;
use crate::work::{self, Until};

/// Keys or folders of one page, as the console asks.
const PAGE: usize = 200;
const FOLDERS: usize = 1_000;
const CLIENTS: usize = 16;
/// Each page is asked for so often, by one client.
const TURNS: usize = 300;
/// Puts that are timed when so many keys are there.
const PUTS: usize = 4_000;

/// What it is like with so many keys.
struct Stage {
    keys: usize,
    /// Of each row: what, median and 99th percentile in milliseconds.
    pages: Vec<(&'static str, f64, f64)>,
    puts_per_second: f64,
    whole_per_second: f64,
    resident_mib: f64,
}

/// With so few keys and with so many.
pub fn run(entente: &Path, few: usize, many: usize) -> Result<String> {
    if many <= few + PUTS {
        bail!("{many} keys are not many beside {few}: name more than {}", few + PUTS);
    }
    let server = Server::start(entente)?;
    let door = server.door();
    door.request("PUT", "/bench", "", &[])?.expect_ok("create the bucket")?;
    let (mut stages, mut there) = (Vec::new(), 0);
    for keys in [few, many] {
        eprintln!("filling up to {keys} keys");
        let begun = there;
        work::run(&door, CLIENTS, Until::Turns(keys - there), |connection, turn| put(connection, begun + turn))?;
        there = keys;
        eprintln!("asking for pages");
        stages.push(measured(&server, &door, keys)?);
        there += PUTS;
    }
    let text = rendered(&stages)?;
    // It took long, and to clear up may fail.
    eprintln!("{text}");
    server.stop()?;
    Ok(text)
}

fn measured(server: &Server, door: &Door, keys: usize) -> Result<Stage> {
    let deep = format!("prefix=flat%2F&start-after=flat%2F{:08}", keys * 9 / 10);
    let asked: [(&'static str, &str, usize); 6] = [
        ("the top, two folders", "prefix=", 2),
        ("a thousand folders, the first page", "prefix=folders%2F", PAGE),
        ("one of them", "prefix=folders%2F0501%2F", PAGE.min(keys / 2 / FOLDERS)),
        ("half of all keys in one folder, the first page", "prefix=flat%2F", PAGE),
        ("the same, a page nine tenths down", &deep, PAGE),
        ("by the beginning of a name", "prefix=flat%2F000012", PAGE.min(50)),
    ];
    let mut pages = Vec::new();
    for (what, query, at_least) in asked {
        let query = format!("delimiter=%2F&encoding-type=url&list-type=2&max-keys={PAGE}&{query}");
        let run = work::run(door, 1, Until::Turns(TURNS), |connection, _| page(connection, &query, at_least))?;
        pages.push((what, run.quantile_ms(50), run.quantile_ms(99)));
    }
    let whole = work::run(door, 1, Until::Turns(1), |connection, _| work::list_all(connection, "flat", keys / 2))?;
    let resident_mib = process::peak_resident_mib(server.pid())?;
    let puts = work::run(door, CLIENTS, Until::Turns(PUTS), |connection, turn| put(connection, keys + turn))?;
    Ok(Stage { keys, pages, puts_per_second: puts.per_second, whole_per_second: whole.per_second, resident_mib })
}

/// Every other one into the one folder.
fn put(connection: &mut Connection, turn: usize) -> Result<usize> {
    let key = match turn % 2 {
        0 => format!("flat/{turn:08}"),
        _ => format!("folders/{:04}/{turn:08}", turn / 2 % FOLDERS),
    };
    connection.request_until_served("PUT", &format!("/bench/{key}"), "", b"x", Keep::Body)?.expect_ok("put").map(|_| 1)
}

fn page(connection: &mut Connection, query: &str, at_least: usize) -> Result<usize> {
    let answer = connection.request_until_served("GET", "/bench", query, &[], Keep::Body)?.expect_ok("list")?;
    let text = String::from_utf8_lossy(&answer.body);
    let entries = text.matches("<Contents>").count() + text.matches("<CommonPrefixes>").count();
    if entries < at_least {
        bail!("a page by `{query}` has {entries} entries, and at least {at_least} are there");
    }
    Ok(1)
}

fn rendered(stages: &[Stage]) -> Result<String> {
    let mut text = format!("{}\n|", table::headline(std::thread::available_parallelism()?.get())?);
    stages.iter().try_for_each(|stage| write!(text, " | {} keys", stage.keys))?;
    writeln!(text, " |\n|---|{}", "---|".repeat(stages.len()))?;
    let rows = stages.first().map_or(0, |stage| stage.pages.len());
    for row in 0..rows {
        let of: Vec<_> = stages.iter().filter_map(|stage| stage.pages.get(row)).collect();
        write!(text, "| {}, ms", of.first().map_or("", |(what, ..)| what))?;
        of.iter().try_for_each(|(_, p50, p99)| write!(text, " | {p50:.1} (p99 {p99:.1})"))?;
        writeln!(text, " |")?;
    }
    let mut line = |what: &str, of: &dyn Fn(&Stage) -> f64| -> Result<()> {
        write!(text, "| {what}")?;
        stages.iter().try_for_each(|stage| write!(text, " | {:.0}", of(stage)))?;
        Ok(writeln!(text, " |")?)
    };
    line("the whole folder, keys/s", &|stage| stage.whole_per_second)?;
    line("puts at 16 clients, /s", &|stage| stage.puts_per_second)?;
    line("peak resident, MiB", &|stage| stage.resident_mib)?;
    Ok(text)
}
