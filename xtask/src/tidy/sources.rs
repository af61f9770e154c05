//! What the files say of themselves, and what they must not say.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::graph::Graph;
use crate::steps;

/// A file longer than this is worth a look; one thought may be long, so it is said and no more.
const LONG: usize = 400;

/// Words that belong to one machine or to a package registry, spelt in two halves so that this file
/// does not hold them.
const WORDS: &[(&str, &str)] = &[
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("/home", "/runner"),
    ("crates", ".io"),
    ("py", "pi.org"),
    ("python", "hosted.org"),
    ("npm", "js.org"),
    ("npm", "js.com"),
    ("deb.", "debian.org"),
    ("arti", "factory"),
    ("proxy.", "golang.org"),
];

/// Crates whose sources hold no async and touch nothing outside. The rescue program of `coding` reads
/// and writes files: that is what it is for.
const PURE: &[&str] = &["model", "policy", "coding", "tlog", "ledger", "broker", "edge"];
const OUTSIDE: &[&str] = &[
    "async fn",
    ".await",
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "std::process",
    "std::thread",
    "std::env",
];
/// Parts of paths that `PURE` does not speak of: the rescue program, and what only tests use.
const EXEMPT: &[&str] = &["rescue", "tests.rs", "testing.rs"];

/// The modules that may hold `unsafe`, each with its argument at its head; `ARCHITECTURE.md` names them.
const KERNELS: &[&str] = &["crates/sim/src/vfs.rs"];

/// The commands that open sites, catalog or keys themselves, since what they are for may be down;
/// `docs/api.md` names them. Every other command asks the admin API.
const BY_THEMSELVES: Allowed = Allowed {
    under: "crates/server/src/cli/",
    words: &["catalog::", "engine::", "providers::", "coding::", "crate::site_check", "crate::root_key", "crate::up"],
    by: &["doctor/gather.rs", "drill.rs", "rebuild.rs", "restore.rs", "root_key.rs", "site.rs"],
    why: "a command asks the admin API, and no other than docs/api.md names does without",
};
/// Where the console speaks to the admin API and, for objects' bytes, to the S3 door.
const SPEAKS: Allowed = Allowed {
    under: "console/src/",
    words: &["fetch(", "XMLHttpRequest(", "WebSocket(", "EventSource(", "sendBeacon("],
    by: &["api/client.ts", "s3/client.ts", "pages/buckets/s3.ts"],
    why: "the console speaks to the admin API and the S3 door alone, through their clients",
};

/// Words that only some files of a folder may hold.
struct Allowed {
    under: &'static str,
    words: &'static [&'static str],
    by: &'static [&'static str],
    why: &'static str,
}

/// Every file that says too little or too much.
pub fn check(graph: &Graph) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for package in graph.crates() {
        broken.extend(front(Path::new(&package.manifest_path))?);
    }
    for path in files()? {
        // A binary file has no words.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        broken.extend(words(&path, &text));
        broken.extend(heading(&path, &text));
        broken.extend(purity(&path, &text));
        broken.extend(kernel(&path, &text));
        broken.extend(not_allowed(&BY_THEMSELVES, &path, &text));
        broken.extend(not_allowed(&SPEAKS, &path, &text));
        let lines = text.lines().count();
        if path.ends_with(".rs") && lines > LONG {
            eprintln!("note: {path} has {lines} lines");
        }
    }
    Ok(broken)
}

/// What git keeps or would keep.
fn files() -> Result<Vec<String>> {
    let mut command = std::process::Command::new("git");
    command.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    Ok(steps::run(&mut command)?.output.lines().map(str::to_owned).collect())
}

/// A crate's front page says what is absent by design, and its manifest takes the house's lints.
fn front(manifest: &Path) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    let folder = manifest.parent().unwrap_or(Path::new("."));
    let page = ["src/lib.rs", "src/main.rs"].map(|name| folder.join(name)).into_iter().find(|page| page.exists());
    let text = page.as_ref().map(fs::read_to_string).transpose()?.unwrap_or_default();
    let opening: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
    if !opening
        .join(" ")
        .replace("//!", "")
        .to_lowercase()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .contains("absent by design")
    {
        broken.push(format!("{}: the front page does not say what is absent by design", folder.display()));
    }
    if !fs::read_to_string(manifest)?.contains("[lints]\nworkspace = true") {
        broken.push(format!("{}: does not take the lints of the workspace", manifest.display()));
    }
    Ok(broken)
}

/// Tests that moved to a file of their own are spoken for by the file they moved out of.
fn heading(path: &str, text: &str) -> Option<String> {
    if path.ends_with("/tests.rs") {
        return None;
    }
    let wanted = match Path::new(path).extension()?.to_str()? {
        "rs" => "//!",
        "py" => "\"\"\"",
        _ => return None,
    };
    let opens = text.trim_start().starts_with(wanted) || text.starts_with("#!");
    (!opens).then(|| format!("{path}: does not open with `{wanted}` and what it is"))
}

fn words(path: &str, text: &str) -> Vec<String> {
    if path == "Cargo.lock" {
        return Vec::new();
    }
    let found = WORDS.iter().map(|(one, two)| format!("{one}{two}")).filter(|word| text.contains(word));
    found.map(|word| format!("{path}: says `{word}`, which belongs to one machine or registry")).collect()
}

fn purity(path: &str, text: &str) -> Vec<String> {
    let pure = PURE.iter().any(|name| path.starts_with(&format!("crates/{name}/src/")));
    if !pure || !path.ends_with(".rs") || EXEMPT.iter().any(|part| path.contains(part)) {
        return Vec::new();
    }
    // Tests at a file's end may read files of vectors.
    let shipped = text.split("#[cfg(test)]").next().unwrap_or("");
    let code = || shipped.lines().filter(|line| !line.trim_start().starts_with("//"));
    let found = OUTSIDE.iter().filter(|word| code().any(|line| line.contains(*word)));
    found.map(|word| format!("{path}: `{word}` in a crate that touches nothing outside")).collect()
}

/// The lint that forbids `unsafe` is lifted in named modules alone.
fn kernel(path: &str, text: &str) -> Option<String> {
    let lifts = ["allow", "expect"].map(|attribute| format!("{attribute}(unsafe_code"));
    let lifted = path.ends_with(".rs") && lifts.iter().any(|lift| text.contains(lift)) && !KERNELS.contains(&path);
    lifted.then(|| format!("{path}: lifts the lint on `unsafe`, and is not one of {KERNELS:?}"))
}

fn not_allowed(Allowed { under, words, by, why }: &Allowed, path: &str, text: &str) -> Vec<String> {
    let Some(file) = path.strip_prefix(under).filter(|file| !by.contains(file)) else { return Vec::new() };
    let code = || text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let found = words.iter().filter(|word| code().any(|line| line.contains(*word)));
    found.map(|word| format!("{under}{file}: `{word}`, but {why}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_outside_of_the_kernels_is_found() {
        let lift = format!("#![{}(unsafe_code)]", "expect");
        assert!(kernel("crates/engine/src/get.rs", &lift).is_some());
        assert_eq!(kernel(KERNELS[0], &lift), None);
    }

    #[test]
    fn a_file_without_a_heading_is_found() {
        assert!(heading("a.rs", "fn main() {}").is_some());
        assert!(heading("a.py", "import os").is_some());
        assert_eq!(heading("a.rs", "//! What it is.\n"), None);
        assert_eq!(heading("a.toml", "x = 1"), None);
    }

    #[test]
    fn words_of_one_machine_are_found() {
        let path = format!("see {}{}main", "/wo", "rk/");
        assert_eq!(words("README.md", &path).len(), 1);
        assert!(words("README.md", "see target/release").is_empty());
    }

    #[test]
    fn a_rule_that_reads_a_file_is_found() {
        assert_eq!(purity("crates/policy/src/a.rs", "use std::fs;\n").len(), 1);
        assert!(
            purity("crates/policy/src/a.rs", "// not std::fs\n#[cfg(test)]\nmod tests { use std::fs; }").is_empty()
        );
        assert!(purity("crates/engine/src/a.rs", "use std::fs;\n").is_empty());
    }

    #[test]
    fn a_command_that_does_not_ask_is_found() {
        let opens = |path| not_allowed(&BY_THEMSELVES, path, "use engine::Engine;\n");
        assert_eq!(opens("crates/server/src/cli/key.rs").len(), 1);
        assert!(opens("crates/server/src/cli/rebuild.rs").is_empty());
        assert!(opens("crates/server/src/up.rs").is_empty());
        assert_eq!(not_allowed(&SPEAKS, "console/src/app.tsx", "await fetch(there);\n").len(), 1);
        assert!(not_allowed(&SPEAKS, "console/src/app.tsx", "// No fetch(there).\n").is_empty());
    }
}
