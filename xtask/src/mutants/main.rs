//! `mutants FILE…`: every place of these sources where a small mistake can be made, as JSON.
//!
//! A mutant is text put before and after a place and nothing else, so that many fit into one build: each
//! asks whether its number is the active one. `cargo xtask judge mutants` draws some and runs them.
//! Absent by design: choosing, writing, running.

mod sites;
mod sql;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let mut all = Vec::new();
    for path in std::env::args().skip(1).map(PathBuf::from) {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let found = sites::find(&text).with_context(|| format!("cannot parse {}", path.display()))?;
        all.extend(found.into_iter().map(|mut site| {
            site.file = path.display().to_string();
            site
        }));
    }
    println!("{}", serde_json::to_string(&all)?);
    Ok(())
}
