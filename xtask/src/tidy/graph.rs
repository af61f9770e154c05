//! The dependency graph as cargo resolved it: normal dependencies only, for this platform.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::steps;
use crate::tools::cargo;

/// The house in the order of its floors; a crate stands on floors below its own only.
const FLOORS: &[&[&str]] = &[
    &["model", "tls"],
    &["policy", "coding", "tlog", "ledger", "edge"],
    &["broker"],
    &["providers", "catalog"],
    &["engine", "autopilot"],
    &["s3"],
    &["server"],
    &["sim", "fuzz", "xtask"],
];

/// Workspace crates and what each links.
pub struct Graph {
    /// By package id.
    packages: BTreeMap<String, Package>,
    /// Ids of what each package links, dev and build dependencies left out.
    links: BTreeMap<String, BTreeSet<String>>,
    members: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_members: Vec<String>,
}

#[derive(Deserialize)]
pub struct Package {
    pub name: String,
    id: String,
    pub manifest_path: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

impl Graph {
    /// Asks cargo.
    pub fn load() -> Result<Graph> {
        let host = "x86_64-unknown-linux-gnu";
        let mut command = cargo(["metadata", "--format-version=1", "--locked", "--filter-platform", host]);
        command.arg("--quiet");
        let outcome = steps::run(&mut command)?;
        let json = outcome.output.lines().find(|line| line.starts_with('{')).unwrap_or(&outcome.output);
        let metadata: Metadata = serde_json::from_str(json).with_context(|| outcome.output.clone())?;
        let normal = |dependency: &Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
        let links = metadata.resolve.nodes.into_iter().map(|node| {
            let links = node.deps.into_iter().filter(normal).map(|dependency| dependency.pkg).collect();
            (node.id, links)
        });
        Ok(Graph {
            links: links.collect(),
            packages: metadata.packages.into_iter().map(|package| (package.id.clone(), package)).collect(),
            members: metadata.workspace_members,
        })
    }

    /// The workspace's crates, lowest floor first.
    pub fn crates(&self) -> Vec<&Package> {
        let mut crates: Vec<&Package> = self.members.iter().filter_map(|id| self.packages.get(id)).collect();
        crates.sort_by_key(|package| (floor(&package.name), package.name.clone()));
        crates
    }

    /// Names of what a crate names itself.
    pub fn direct(&self, name: &str) -> BTreeSet<&str> {
        self.id(name).and_then(|id| self.links.get(id)).into_iter().flatten().filter_map(|id| self.name(id)).collect()
    }

    /// Names of everything a crate links, near and far, without itself.
    pub fn closure(&self, name: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&String> = self.id(name).into_iter().collect();
        while let Some(id) = open.pop() {
            for next in self.links.get(id).into_iter().flatten() {
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        seen.into_iter().filter_map(|id| self.name(id)).collect()
    }

    fn id(&self, name: &str) -> Option<&String> {
        self.members.iter().find(|id| self.name(id) == Some(name))
    }

    fn name(&self, id: &str) -> Option<&str> {
        self.packages.get(id).map(|package| package.name.as_str())
    }

    fn is_member(&self, name: &str) -> bool {
        self.id(name).is_some()
    }
}

/// Which floor a crate stands on; what is not in the plan stands above all.
pub fn floor(name: &str) -> usize {
    FLOORS.iter().position(|floor| floor.contains(&name)).unwrap_or(FLOORS.len())
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "What each crate names: crates of this house | of others. Written by `cargo xtask tidy --bless`.\n"
        )?;
        for package in self.crates() {
            let direct = self.direct(&package.name);
            let (ours, others): (Vec<&str>, Vec<&str>) = direct.into_iter().partition(|name| self.is_member(name));
            writeln!(f, "{}", format!("{:<10} {} | {}", package.name, ours.join(" "), others.join(" ")).trim_end())?;
        }
        Ok(())
    }
}
