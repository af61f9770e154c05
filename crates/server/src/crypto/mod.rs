//! Every cryptographic algorithm in use: what for, where, by whose code, with which parameters.
//!
//! It is written by hand and held to the sources by a test, which reads the shipped files of every
//! crate for the names that cryptographic libraries give their algorithms. Each found name must be in
//! an entry with its file, and each file of an entry must be found to hold it. What the test cannot
//! see is what a library does inside, and an algorithm that somebody wrote out by hand; so every
//! crate of `Cargo.lock` that is known to be cryptographic must be listed as well, and every
//! dependency of the workspace must be known to be one or not.

mod list;

use std::collections::BTreeSet;

use serde::Serialize;

pub use list::{ALGORITHMS, LIBRARIES};

/// The very file the binary was built from.
const LOCK: &str = include_str!("../../../../Cargo.lock");

/// One algorithm in one use.
#[derive(Serialize)]
pub struct Algorithm {
    pub name: &'static str,
    pub purpose: &'static str,
    pub library: &'static str,
    pub parameters: &'static str,
    pub holds: Holds,
    /// Files, and what the library calls the algorithm there.
    #[serde(skip)]
    pub uses: &'static [(&'static str, &'static [&'static str])],
}

/// What security rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// Security rests on it, and no known quantum computation breaks it.
    PostQuantum,
    /// Security rests on it, and a large quantum computer would break it.
    Classical,
    /// Clients and vendors ask for it; nothing here rests on it.
    Nothing,
}

impl Algorithm {
    /// Where it is used, without repetition.
    pub fn places(&self) -> Vec<&'static str> {
        let places: BTreeSet<&str> = self.uses.iter().map(|(file, _)| file.trim_end_matches(".rs")).collect();
        places.into_iter().collect()
    }
}

/// The versions of a library that this binary was built with.
pub fn versions(library: &str) -> Vec<&'static str> {
    let name = format!("name = \"{library}\"");
    let version = |package: &'static str| {
        let mut lines = package.lines();
        lines.find(|line| *line == name)?;
        lines.find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
    };
    LOCK.split("[[package]]").filter_map(version).collect()
}

#[cfg(test)]
mod tests;
