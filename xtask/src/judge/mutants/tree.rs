//! The copy of the workspace that holds the mutants: written, built, and what does not compile taken out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{Mutant, SPARE_PERCENT, directory, git};
use crate::steps;
use crate::tools::cargo;

/// The crates that hold mutants; a lower one first.
pub const CRATES: [&str; 2] = ["catalog", "engine"];

/// What each of them ends with.
const ACTIVE: &str = "
/// Whether this mutant is the active one.
pub(crate) fn mutant(number: u32) -> bool {
    static ACTIVE: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *ACTIVE.get_or_init(|| std::env::var(\"ENTENTE_MUTANT\").ok().and_then(|text| text.parse().ok()).unwrap_or(0)) == number
}
";

/// Tests end soon after one has failed, a hang counts as a failure, and a test that fails by chance gets
/// another.
const NEXTEST: &str = "
[profile.mutants]
slow-timeout = { period = \"60s\", terminate-after = 5 }
retries = 1
failure-output = \"never\"
status-level = \"fail\"
final-status-level = \"fail\"
";

pub fn root() -> PathBuf {
    directory().join("tree")
}

/// A target of the copy's own: cargo knows a crate by its path within its workspace, so that in one target the copy
/// and what it is a copy of would replace each other all the time.
pub fn target() -> PathBuf {
    directory().join("build")
}

/// Builds the first so many of the draw that compile, and returns them. What stands built from these crates and
/// these places already is taken as it is.
pub fn build(drawn: &[Mutant], wanted: usize, unbuilt: &mut Vec<String>) -> Result<Vec<Mutant>> {
    let stamp = directory().join("built.txt");
    let stamped = |unbuilt: &[String]| -> Result<String> {
        let viable = drawn.iter().filter(|mutant| !unbuilt.contains(&mutant.key)).take(wanted);
        let keys: Vec<String> = viable.map(|mutant| format!("{} {}", mutant.number, mutant.key)).collect();
        Ok(format!("{}\n{}\n", git(&["rev-parse", "HEAD:crates"])?, keys.join("\n")))
    };
    if git(&["status", "--porcelain", "crates"])?.is_empty()
        && fs::read_to_string(&stamp).is_ok_and(|built| stamped(unbuilt).is_ok_and(|now| now == built))
    {
        return Ok(first(drawn, wanted, unbuilt));
    }
    let _ = fs::remove_file(&stamp);
    let sources: BTreeSet<&str> = drawn.iter().map(|mutant| mutant.site.file.as_str()).collect();
    copy(&sources)?;
    let built = wanted + wanted * SPARE_PERCENT / 100;
    for round in 1.. {
        let viable: Vec<&Mutant> = drawn.iter().filter(|mutant| !unbuilt.contains(&mutant.key)).take(built).collect();
        let places = write(&sources, &viable)?;
        let broken = broken(&places)?;
        println!("round {round}: {} mutants, {} do not compile", viable.len(), broken.len());
        if broken.is_empty() {
            super::trial::list()?;
            fs::write(&stamp, stamped(unbuilt)?)?;
            return Ok(first(drawn, wanted, unbuilt));
        }
        let keys = viable.iter().filter(|mutant| broken.contains(&mutant.number)).map(|mutant| mutant.key.clone());
        unbuilt.extend(keys);
    }
    bail!("no build came to an end")
}

/// The first so many of the draw that compile.
fn first(drawn: &[Mutant], wanted: usize, unbuilt: &[String]) -> Vec<Mutant> {
    drawn.iter().filter(|mutant| !unbuilt.contains(&mutant.key)).take(wanted).cloned().collect()
}

/// Copies what git knows of, but for the sources that are written with mutants; files that read the same are left
/// alone, so that they are not built again.
fn copy(sources: &BTreeSet<&str>) -> Result<()> {
    for path in git(&["ls-files", "--cached", "--others", "--exclude-standard"])?.lines() {
        if sources.contains(path) {
            continue;
        }
        let Ok(bytes) = fs::read(path) else { continue };
        let lib = CRATES.iter().any(|name| path == format!("crates/{name}/src/lib.rs"));
        let more = if lib {
            ACTIVE
        } else if path == ".config/nextest.toml" {
            NEXTEST
        } else {
            ""
        };
        put(&root().join(path), &[&bytes[..], more.as_bytes()].concat())?;
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|have| have == bytes) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().context("no folder")?)?;
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

/// Where mutants came to lie in a written file, in bytes.
#[derive(Debug)]
struct Place {
    number: usize,
    whole: Range<usize>,
    /// What was put before the place, where a mistake of type shows.
    before: Range<usize>,
}

/// Writes the sources with their mutants; tells where each lies.
fn write(sources: &BTreeSet<&str>, mutants: &[&Mutant]) -> Result<BTreeMap<String, Vec<Place>>> {
    let mut places = BTreeMap::new();
    for file in sources {
        let within: Vec<&Mutant> = mutants.iter().filter(|mutant| mutant.site.file == *file).copied().collect();
        let (text, of_file) = render(&fs::read_to_string(file)?, &within);
        put(&root().join(file), text.as_bytes())?;
        places.insert((*file).to_owned(), of_file);
    }
    Ok(places)
}

/// The source with its mutants, inner ones within the unchanged half of outer ones.
fn render(source: &str, mutants: &[&Mutant]) -> (String, Vec<Place>) {
    let mut waiting: Vec<&&Mutant> = mutants.iter().collect();
    waiting.sort_by_key(|mutant| (mutant.site.start, std::cmp::Reverse(mutant.site.end), mutant.number));
    let (mut text, mut at) = (String::new(), 0);
    let mut open: Vec<(&Mutant, Range<usize>)> = Vec::new();
    let mut places = Vec::new();
    let mut next = waiting.into_iter().peekable();
    loop {
        let (begins, ends) =
            (next.peek().map(|mutant| mutant.site.start), open.last().map(|(inner, _)| inner.site.end));
        // What ends here does so before another begins.
        let closes = ends.is_some_and(|ends| begins.is_none_or(|begins| ends <= begins));
        let Some(to) = (if closes { ends } else { begins }) else { break };
        text.push_str(source.get(at..to).unwrap_or(""));
        at = to;
        if closes {
            if let Some((mutant, before)) = open.pop() {
                text.push_str(&mutant.site.after);
                places.push(Place { number: mutant.number, whole: before.start..text.len(), before });
            }
        } else if let Some(mutant) = next.next() {
            let from = text.len();
            text.push_str(&mutant.site.before.replace('@', &mutant.number.to_string()));
            open.push((mutant, from..text.len()));
        }
    }
    text.push_str(source.get(at..).unwrap_or(""));
    (text, places)
}

#[derive(Deserialize)]
struct Message {
    message: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    rendered: Option<String>,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    byte_start: usize,
    byte_end: usize,
    is_primary: bool,
}

/// Builds tests and simulation; the numbers of the mutants that are in the way.
fn broken(places: &BTreeMap<String, Vec<Place>>) -> Result<BTreeSet<usize>> {
    let tests = ["test", "--no-run", "--locked", "-p", "catalog", "-p", "engine", "--lib", "--tests"];
    let builds: [(&str, &[&str]); 2] =
        [("build the simulation", &["build", "--locked", "-p", "sim"]), ("build the tests", &tests)];
    // The smaller one first: what does not compile shows early.
    for (what, arguments) in builds {
        let mut build = cargo([]);
        build.args(arguments).arg("--message-format=json").current_dir(root()).env("CARGO_TARGET_DIR", target());
        steps::begin(what);
        let outcome = steps::run(&mut build)?;
        steps::end(what, outcome.well, outcome.seconds, "");
        if outcome.well {
            continue;
        }
        let errors: Vec<Diagnostic> = outcome
            .output
            .lines()
            .filter_map(|line| serde_json::from_str::<Message>(line).ok()?.message)
            .filter(|message| message.level == "error")
            .collect();
        let found: BTreeSet<usize> = errors.iter().flat_map(|error| to_blame(error, places)).collect();
        if found.is_empty() {
            let said = errors.iter().filter_map(|error| error.rendered.clone()).collect::<Vec<_>>().join("\n");
            bail!("the copy does not build, and no mutant is to blame:\n{said}\n{}", steps::tail(&outcome.output));
        }
        return Ok(found);
    }
    Ok(BTreeSet::new())
}

/// The mutants whose own text an error touches; else the innermost around it; else all that begin before it in the
/// same file within a screen or two, of which one must have made it so.
fn to_blame(error: &Diagnostic, places: &BTreeMap<String, Vec<Place>>) -> Vec<usize> {
    const NEAR: usize = 6_000;
    let spans = || error.spans.iter().filter_map(|span| Some((span, places.get(&span.file_name)?)));
    let touches = |range: &Range<usize>, span: &Span| range.start < span.byte_end && span.byte_start < range.end;
    let touched: Vec<usize> = spans()
        .flat_map(|(span, of_file)| of_file.iter().filter(|place| touches(&place.before, span)))
        .map(|place| place.number)
        .collect();
    if !touched.is_empty() {
        return touched;
    }
    let around = spans().filter(|(span, _)| span.is_primary).filter_map(|(span, of_file)| {
        let holds = |place: &&Place| place.whole.start <= span.byte_start && span.byte_end <= place.whole.end;
        of_file.iter().filter(holds).min_by_key(|place| place.whole.len())
    });
    let around: Vec<usize> = around.map(|place| place.number).collect();
    if !around.is_empty() {
        return around;
    }
    let near = spans().flat_map(|(span, of_file)| {
        let near =
            |place: &&Place| (span.byte_start.saturating_sub(NEAR)..span.byte_start).contains(&place.whole.start);
        of_file.iter().filter(near).map(|place| place.number)
    });
    near.collect()
}

#[cfg(test)]
mod tests {
    use super::super::Site;
    use super::*;

    fn mutant(number: usize, range: Range<usize>, before: &str, after: &str) -> Mutant {
        let site = Site {
            file: "a.rs".to_owned(),
            function: String::new(),
            line: 1,
            start: range.start,
            end: range.end,
            before: before.to_owned(),
            after: after.to_owned(),
            what: String::new(),
        };
        Mutant { number, area: "a", key: number.to_string(), site }
    }

    #[test]
    fn mutants_nest_and_an_error_finds_its_own() {
        let source = "{ a(b < c); d }";
        let all = [
            mutant(1, 1..1, " [@] ", ""),
            mutant(2, 2..11, "if !@ { ", " }"),
            mutant(3, 4..9, "(if @ { B } else { ", " })"),
        ];
        let (text, places) = render(source, &all.iter().collect::<Vec<_>>());
        assert_eq!(text, "{ [1]  if !2 { a((if 3 { B } else { b < c })); } d }");
        let error = |part: &str| {
            let at = text.find(part).unwrap();
            let span =
                Span { file_name: "a.rs".to_owned(), byte_start: at, byte_end: at + part.len(), is_primary: true };
            Diagnostic { level: "error".to_owned(), rendered: None, spans: vec![span] }
        };
        let places = BTreeMap::from([("a.rs".to_owned(), places)]);
        assert_eq!(to_blame(&error("B"), &places), [3]);
        assert_eq!(to_blame(&error("b < c"), &places), [3]);
        assert_eq!(to_blame(&error("a("), &places), [2]);
    }
}
