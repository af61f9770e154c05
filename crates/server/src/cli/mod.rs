//! The subcommands beside `up`: short-lived clients of a running one.

pub mod adopt;
pub mod backup;
mod client;
pub mod crypto;
pub mod drill;
pub mod durability;
pub mod explain;
pub mod grant;
pub mod group;
pub mod journal;
pub mod keeping;
pub mod key;
pub mod label;
pub mod moving;
pub mod presign;
pub mod rebuild;
pub mod release;
pub mod restore;
pub mod root_key;
pub mod scrub;
pub mod site;
pub mod status;
pub mod user;

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::{Exit, Failure};

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
    let mut widths = heading.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&heading.map(str::to_owned)).chain(rows) {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "bcd".to_owned()], ["efgh".to_owned(), String::new()]];
        assert_eq!(table(["X", "Y"], &rows), "X     Y\na     bcd\nefgh\n");
    }
}
