//! What must not be linked by whom, proven on the resolved graph.

use super::graph::{Graph, floor};

/// Nothing of this list may be among all that the crate links, near and far.
const NEVER: &[(&str, &[&str], &str)] = &[
    ("policy", IO, "rules do no IO"),
    ("coding", IO, "coding has no async and no network"),
    ("tlog", IO, "the log has no storage and no HTTP"),
    ("ledger", IO, "the book does no IO"),
    ("broker", IO, "choosing does no IO"),
    ("edge", IO, "sync is a protocol without IO"),
    ("edge", &["engine", "providers", "catalog"], "edge links no service"),
    ("engine", &["broker", "ledger", "autopilot"], "the data path goes on when every planner is down"),
    ("s3", &["broker", "ledger", "autopilot"], "the data path goes on when every planner is down"),
    ("engine", &["axum", "s3s"], "the engine serves no HTTP"),
    ("engine", EXPORTERS, "what is counted goes up as data"),
    ("providers", EXPORTERS, "what is counted goes up as data"),
    ("s3", EXPORTERS, "what is counted goes up as data"),
    ("catalog", &["providers", "policy", "hyper", "http"], "the catalog has no business rules"),
    ("providers", &["catalog", "policy", "coding"], "a provider knows no erasure, labels or budgets"),
];

/// Who knows formats of metrics and traces.
const EXPORTERS: &[&str] =
    &["prometheus-client", "metrics", "opentelemetry", "opentelemetry_sdk", "tracing-subscriber"];

const IO: &[&str] = &[
    "tokio",
    "mio",
    "async-std",
    "smol",
    "futures",
    "async-trait",
    "hyper",
    "http",
    "axum",
    "reqwest",
    "rusqlite",
    "tokio-postgres",
    "object_store",
    "socket2",
    "rustix",
];

/// Only these crates may name these.
const ONLY: &[(&str, &[&str])] = &[
    ("s3s", &["s3"]),
    ("rusqlite", &["catalog"]),
    ("tokio-postgres", &["catalog"]),
    // The simulated disk; what ships knows no other file layer than SQLite's own.
    ("rsqlite-vfs", &["sim"]),
    ("object_store", &["providers"]),
    // The engine links what the vendors' adapters speak, and must not speak it itself.
    ("http", &["providers", "s3", "server"]),
    ("hyper", &["s3", "server"]),
    ("hyper-util", &["providers", "s3", "server"]),
    ("tokio-rustls", &["providers", "tls"]),
    ("rcgen", &["tls"]),
    ("prometheus-client", &["server"]),
    ("rustix", &["server"]),
    ("opentelemetry", &["server"]),
    ("opentelemetry-otlp", &["server"]),
    ("libfuzzer-sys", &["fuzz"]),
    ("axum", &["server"]),
    ("clap", &["server", "xtask"]),
    ("anyhow", &["server", "xtask"]),
    ("toml", &["policy", "server"]),
    ("ring", &["coding", "providers", "server", "s3", "xtask"]),
    ("reed-solomon-simd", &["coding", "xtask"]),
];

/// Every absence that does not hold.
pub fn check(graph: &Graph) -> Vec<String> {
    let mut broken = Vec::new();
    if !graph.direct("model").is_empty() {
        broken.push(format!("model names {:?}: the nouns depend on nothing", graph.direct("model")));
    }
    for (name, never, why) in NEVER {
        let linked = graph.closure(name);
        broken.extend(never.iter().filter(|one| linked.contains(*one)).map(|one| format!("{name} links {one}: {why}")));
    }
    for package in graph.crates() {
        broken.extend(alone(graph, &package.name));
        broken.extend(upward(graph, &package.name));
    }
    broken
}

fn alone(graph: &Graph, name: &str) -> Vec<String> {
    let direct = graph.direct(name);
    let wrong = ONLY.iter().filter(|(one, by)| direct.contains(one) && !by.contains(&name));
    wrong.map(|(one, by)| format!("{name} names {one}: only {} may", by.join(", "))).collect()
}

/// Dependencies go down the house, never up or sideways.
fn upward(graph: &Graph, name: &str) -> Vec<String> {
    let houses: Vec<&str> = graph.crates().iter().map(|package| package.name.as_str()).collect();
    let direct = graph.direct(name);
    let wrong = direct.iter().filter(|one| houses.contains(one) && floor(one) >= floor(name));
    wrong.map(|one| format!("{name} names {one}, which stands no lower in the house")).collect()
}
