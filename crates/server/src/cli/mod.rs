//! The subcommands beside `up`: short-lived clients of a running one.

pub mod activity;
pub mod adopt;
pub mod backup;
pub mod bucket;
pub mod by_itself;
mod client;
pub mod completion;
pub mod crypto;
pub mod demo;
pub mod doctor;
pub mod drill;
pub mod durability;
pub mod explain;
pub mod grant;
pub mod group;
pub mod journal;
pub mod keeping;
pub mod key;
pub mod label;
pub mod manual;
pub mod moving;
pub mod object;
mod paint;
pub mod presign;
pub mod rebuild;
pub mod release;
pub mod restore;
pub mod root_key;
pub mod scrub;
pub mod site;
pub mod site_add;
pub mod status;
pub mod user;

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use self::paint::Tone;
use crate::failure::{Exit, Failure};

/// Between two looks at how far something is.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// For whom a command writes: `--json` is for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Text,
    Json,
}

impl Output {
    pub fn of(json: bool) -> Output {
        if json { Output::Json } else { Output::Text }
    }

    /// What came out, on stdout: as one document, or as text.
    fn show(self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self {
            Output::Json => print_json(document),
            Output::Text => print(&text()),
        }
    }

    /// What was done where nothing came out: as one document on stdout, or as a sentence on stderr.
    fn done(self, document: &impl Serialize, sentence: &str) -> Result<(), Failure> {
        match self {
            Output::Json => print_json(document),
            Output::Text => {
                self.talk(sentence);
                Ok(())
            }
        }
    }

    /// Says something beside what came out, to people.
    fn talk(self, sentence: &str) {
        if self == Output::Text {
            eprintln!("{sentence}");
        }
    }
}

/// Looks at something again and again until it is over.
fn follow<T>(mut look: impl FnMut() -> Result<Option<T>, Failure>) -> Result<T, Failure> {
    loop {
        if let Some(end) = look()? {
            return Ok(end);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// So many of a thing, in words.
fn count(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// The same with what they do: one `waits`, several `wait`.
fn agreed(number: u64, thing: &str, one: &str, several: &str) -> String {
    format!("{} {}", count(number, thing), if number == 1 { one } else { several })
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, unit)) => format!("{} {unit}", bytes >> shift),
        None => format!("{bytes} B"),
    }
}

/// Puts text on stdout, where data belongs.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Bucket and key of `s3://BUCKET/KEY`; without a key, as every client reads it, also of `s3://BUCKET/`.
fn target(text: &str) -> Result<(String, Option<String>), Failure> {
    let rest = text.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, "")));
    match rest.filter(|(bucket, _)| !bucket.is_empty()) {
        Some((bucket, key)) => Ok((bucket.to_owned(), Some(key.to_owned()).filter(|key| !key.is_empty()))),
        None => {
            let why = format!("`{text}` is no target: write s3://BUCKET or s3://BUCKET/KEY");
            Err(Failure::new(Exit::Usage, why))
        }
    }
}

/// One line of JSON on stdout.
fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot write JSON: {error}")))?;
    print(&format!("{line}\n"))
}

/// Rows under a heading, each column as wide as its widest cell.
fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    table_toned(heading, rows, |_, _| Tone::Plain)
}

/// The same; `tone` says of a column and a cell in it how it is to be read.
fn table_toned<const N: usize>(heading: [&str; N], rows: &[[String; N]], tone: impl Fn(&str, &str) -> Tone) -> String {
    let mut widths = heading.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |cells: &[String; N], tones: [Tone; N]| {
        // What stands behind the last letter of a line is nothing, not spaces.
        let last = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        let cells = cells.iter().zip(widths).zip(tones).take(last).enumerate();
        let cells = cells.map(|(at, ((cell, width), tone))| {
            let pad = if at + 1 == last { 0 } else { width.saturating_sub(cell.chars().count()) };
            format!("{}{}", tone.of(cell), " ".repeat(pad))
        });
        cells.collect::<Vec<_>>().join("  ") + "\n"
    };
    let mut text = line(&heading.map(str::to_owned), [Tone::Heading; N]);
    for row in rows {
        let mut tones = [Tone::Plain; N];
        for ((slot, column), cell) in tones.iter_mut().zip(heading).zip(row) {
            *slot = tone(column, cell);
        }
        text += &line(row, tones);
    }
    text
}

/// How a site's state and health are to be read.
fn health(column: &str, cell: &str) -> Tone {
    match (column, cell) {
        ("READS" | "WRITES", "out") => Tone::Bad,
        ("STATE", "suspended" | "draining") => Tone::Odd,
        _ => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_thing_is_no_plural() {
        let said = [0, 1, 2].map(|number| agreed(number, "access key", "is withdrawn", "are withdrawn"));
        let expected = ["0 access keys are withdrawn", "1 access key is withdrawn", "2 access keys are withdrawn"];
        assert_eq!(said, expected);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "bcd".to_owned()], ["efgh".to_owned(), String::new()]];
        assert_eq!(table(["X", "Y"], &rows), "X     Y\na     bcd\nefgh\n");
    }
}
