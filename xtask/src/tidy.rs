//! `cargo xtask tidy`: the house stands as it is designed.
//!
//! The dependency graph is a golden file, for reading in review; what must be absent from a crate is
//! proven on the resolved graph and on the sources; pages of the book that come from the sources are as
//! these say; every file says what it is; words that belong to one machine or to a package registry stay
//! out.

mod absences;
mod graph;
mod sources;

use std::fs;
use std::time::Instant;

use anyhow::Result;

use crate::book;

const GOLDEN: &str = "docs/dependency-graph.txt";

/// What to do with golden files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Goldens {
    Compare,
    Bless,
}

/// Prints what is broken; true if nothing is.
pub fn run(bless: bool) -> Result<bool> {
    let began = Instant::now();
    let broken = check(if bless { Goldens::Bless } else { Goldens::Compare })?;
    broken.iter().for_each(|line| println!("{line}"));
    println!("tidy: {} broken, {:.1} s", broken.len(), began.elapsed().as_secs_f64());
    Ok(broken.is_empty())
}

/// Everything that is broken, one line each.
pub fn check(goldens: Goldens) -> Result<Vec<String>> {
    let graph = graph::Graph::load()?;
    let mut broken = golden(GOLDEN, &graph.to_string(), goldens)?;
    for page in book::pages()? {
        broken.extend(golden(page.path, &page.text, goldens)?);
    }
    broken.extend(absences::check(&graph));
    broken.extend(sources::check(&graph)?);
    Ok(broken)
}

fn golden(path: &str, now: &str, goldens: Goldens) -> Result<Vec<String>> {
    if goldens == Goldens::Bless {
        fs::write(path, now)?;
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    let gone =
        kept.lines().filter(|line| !now.lines().any(|other| other == *line)).map(|line| format!("{path}: - {line}"));
    let new =
        now.lines().filter(|line| !kept.lines().any(|other| other == *line)).map(|line| format!("{path}: + {line}"));
    let mut broken: Vec<String> = gone.chain(new).collect();
    if kept != now {
        broken.push(format!("{path}: if this is meant, run `cargo xtask tidy --bless` and say why in the commit"));
    }
    Ok(broken)
}
