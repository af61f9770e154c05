use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// How the names of algorithms begin in ring, aws-lc-rs, rustls and rcgen. Shorter names than these
/// are of other things.
const BEGINNINGS: &[&str] = &[
    "AES_", "CHACHA20", "ECDH_", "ECDSA_", "ED25519", "HKDF_", "HMAC_", "MLKEM", "ML_DSA", "ML_KEM", "PBKDF2", "PKCS_",
    "RSA_", "SECP", "SHA1", "SHA256", "SHA384", "SHA3_", "SHA512", "TLS13_", "TLS_", "X25519",
];
/// Whole words by which such libraries choose for the caller, or are called.
const WORDS: &[&str] = &["SystemRandom", "any_supported_type", "default_provider", "signature_verification_algorithms"];
/// Crates of one algorithm, or whose every use counts; named in front of `::`.
const CRATES: &[&str] = &[
    "aes_gcm",
    "argon2",
    "bcrypt",
    "blahaj",
    "blake2",
    "blake3",
    "chacha20poly1305",
    "ed25519_dalek",
    "md5",
    "object_store",
    "openssl",
    "p256",
    "p384",
    "pbkdf2",
    "rand",
    "rsa",
    "scrypt",
    "sha1",
    "sha2",
    "sha3",
    "vsss_rs",
    "x25519_dalek",
];
/// Where `object_store` stands for more than credentials.
const NOT_SIGNING: &[&str] = &["object_store"];

/// Names of crates that are cryptographic, or parts of such: what of `Cargo.lock` must be listed.
const KNOWN: &[&str] = &[
    "aes",
    "aes-gcm",
    "argon2",
    "aws-lc-fips-sys",
    "aws-lc-rs",
    "aws-lc-sys",
    "bcrypt",
    "blahaj",
    "blake2",
    "blake3",
    "chacha20",
    "chacha20poly1305",
    "cipher",
    "constant_time_eq",
    "crc-fast",
    "crypto-common",
    "curve25519-dalek",
    "digest",
    "ecdsa",
    "ed25519",
    "ed25519-dalek",
    "elliptic-curve",
    "getrandom",
    "ghash",
    "hkdf",
    "hmac",
    "jsonwebtoken",
    "md-5",
    "md4",
    "ml-dsa",
    "ml-kem",
    "native-tls",
    "object_store",
    "openssl",
    "openssl-sys",
    "p256",
    "p384",
    "p521",
    "password-hash",
    "pbkdf2",
    "poly1305",
    "rand",
    "rand_chacha",
    "rand_core",
    "rcgen",
    "ring",
    "rsa",
    "rustls",
    "rustls-native-certs",
    "rustls-pki-types",
    "rustls-webpki",
    "scrypt",
    "sha1",
    "sha2",
    "sha3",
    "sharks",
    "shamirsecretsharing",
    "signature",
    "subtle",
    "tokio-rustls",
    "universal-hash",
    "vsss-rs",
    "x25519-dalek",
    "zeroize",
];
/// Dependencies of the workspace that are not cryptographic. A new one is looked at once, here.
const PLAIN: &[&str] = &[
    "anyhow",
    "async-trait",
    "axum",
    "base64",
    "bytes",
    "clap",
    "clap_complete",
    "clap_mangen",
    "criterion",
    "futures",
    "hex",
    "http",
    "http-body",
    "http-body-util",
    "hyper",
    "hyper-util",
    "indicatif",
    "libfuzzer-sys",
    "minicbor",
    "opentelemetry",
    "opentelemetry-http",
    "opentelemetry-otlp",
    "opentelemetry_sdk",
    "proc-macro2",
    "prometheus-client",
    "proptest",
    "quick-xml",
    "reed-solomon-simd",
    "rpassword",
    "rsqlite-vfs",
    "rusqlite",
    "rust-embed",
    "rustix",
    "s3s",
    "serde",
    "serde_json",
    "syn",
    "thiserror",
    "time",
    "tokio",
    "tokio-util",
    "toml",
    "tower",
    "tower-service",
    "tracing",
    "tracing-opentelemetry",
    "tracing-subscriber",
    "utoipa",
    "utoipa-axum",
    "x509-parser",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The shipped sources of every crate: what only tests use is left out.
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut all = Vec::new();
    for package in fs::read_dir(root().join("crates")).unwrap() {
        let package = package.unwrap();
        let mut found = Vec::new();
        walk(&package.path().join("src"), &mut found);
        for path in found {
            let inside = path.strip_prefix(package.path().join("src")).unwrap().display().to_string();
            let only_tests = ["tests/", "tests.rs", "testing.rs", "contract", "fuzz"];
            if only_tests.iter().any(|part| inside.contains(part)) || inside == "world.rs" {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            all.push((format!("{}/{inside}", package.file_name().display()), text));
        }
    }
    all
}

/// A source text without its comments and the texts in it.
fn code(source: &str) -> String {
    let (mut code, mut rest) = (String::new(), source);
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let (before, tail) = rest.split_at(at);
        code.push_str(before);
        let skipped = if tail.starts_with("//") {
            tail.find('\n').unwrap_or(tail.len())
        } else if tail.starts_with("'\"'") {
            3
        } else if tail.starts_with('"') && before.ends_with("r#") {
            tail.find("\"#").map_or(tail.len(), |end| end + 2)
        } else if tail.starts_with('"') {
            let mut letters = tail.char_indices().skip(1);
            let mut end = tail.len();
            while let Some((at, letter)) = letters.next() {
                match letter {
                    '\\' => drop(letters.next()),
                    '"' => {
                        end = at + 1;
                        break;
                    }
                    _ => {}
                }
            }
            end
        } else {
            code.push_str(&tail[..1]);
            1
        };
        code.push(' ');
        rest = &tail[skipped..];
    }
    code + rest
}

/// The cryptographic names that a source text holds, outside of comments, texts and tests.
fn names(text: &str) -> BTreeSet<String> {
    let code = code(text.split("#[cfg(test)]").next().unwrap_or_default());
    let mut found = BTreeSet::new();
    let letters = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let (mut rest, mut before) = (code.as_str(), "");
    while let Some(start) = rest.find(letters) {
        let tail = &rest[start..];
        let end = tail.find(|letter| !letters(letter)).unwrap_or(tail.len());
        let (word, after) = tail.split_at(end);
        let constant = word.chars().all(|letter| !letter.is_ascii_lowercase())
            && BEGINNINGS.iter().any(|beginning| word.starts_with(beginning));
        let named = CRATES.contains(&word) && after.starts_with("::") && !rest[..start].ends_with("::");
        let crc = before == "CrcAlgorithm" && rest[..start] == *"::";
        if constant || named || crc || WORDS.contains(&word) {
            found.insert(word.to_owned());
        }
        (before, rest) = (word, after);
    }
    found
}

/// Every (file, name) that the sources hold.
fn found() -> BTreeSet<(String, String)> {
    let pairs = |(file, text): (String, String)| names(&text).into_iter().map(move |name| (file.clone(), name));
    sources().into_iter().flat_map(pairs).collect()
}

fn listed() -> BTreeSet<(String, String)> {
    let uses = ALGORITHMS.iter().flat_map(|algorithm| algorithm.uses);
    uses.flat_map(|(file, names)| names.iter().map(|name| ((*file).to_owned(), (*name).to_owned()))).collect()
}

#[test]
fn every_algorithm_in_the_sources_is_listed_and_every_listed_one_is_there() {
    let (found, listed) = (found(), listed());
    // Of a library for vendors only the part that signs is an algorithm of ours.
    let signs = |pair: &&(String, String)| !NOT_SIGNING.contains(&pair.1.as_str());
    let unlisted: Vec<_> = found.difference(&listed).filter(signs).collect();
    assert!(unlisted.is_empty(), "used and not listed in crypto/list.rs: {unlisted:?}");
    let missing: Vec<_> = listed.difference(&found).collect();
    assert!(missing.is_empty(), "listed and not used: {missing:?}");
}

#[test]
fn every_cryptographic_crate_of_the_lock_file_is_listed_and_no_other() {
    let locked: BTreeSet<&str> = KNOWN.iter().copied().filter(|name| !versions(name).is_empty()).collect();
    let listed: BTreeSet<&str> = LIBRARIES.iter().map(|(name, _)| *name).collect();
    assert_eq!(locked, listed, "left: in Cargo.lock; right: in crypto/list.rs");
    for algorithm in ALGORITHMS {
        assert!(listed.contains(algorithm.library), "`{}` is by no listed library", algorithm.name);
    }
}

#[test]
fn every_dependency_of_the_workspace_is_known_to_be_cryptographic_or_not() {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let dependencies = manifest["workspace"]["dependencies"].as_table().unwrap();
    let ours = |value: &toml::Value| value.get("path").is_some();
    let unknown: Vec<_> = dependencies
        .iter()
        .filter(|(name, value)| !ours(value) && !PLAIN.contains(&name.as_str()) && !KNOWN.contains(&name.as_str()))
        .map(|(name, _)| name)
        .collect();
    assert!(unknown.is_empty(), "is it cryptographic? add it to PLAIN, or to KNOWN and the list: {unknown:?}");
    let manifests = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path().join("Cargo.toml"));
    for path in manifests {
        let text = fs::read_to_string(&path).unwrap();
        let inherited = text.lines().filter(|line| line.contains("version = ") && !line.contains("workspace")).count();
        assert_eq!(inherited, 0, "{}: dependencies are named by the workspace", path.display());
    }
}

#[test]
fn the_search_finds_what_it_is_for_and_passes_over_the_rest() {
    let check = |text: &str, expected: &[&str]| {
        let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(names(text), expected, "{text}");
    };
    check("use ring::aead::{AES_128_GCM, Aad};", &["AES_128_GCM"]);
    check("let d = argon2::Argon2::default();", &["argon2"]);
    check("use sha2::{Digest, Sha256};", &["sha2"]);
    check("CrcAlgorithm::Crc16Arc", &["Crc16Arc"]);
    check("agreement::X25519, agreement::ECDH_P256", &["X25519", "ECDH_P256"]);
    check("SHA1_FOR_LEGACY_USE_ONLY", &["SHA1_FOR_LEGACY_USE_ONLY"]);
    check("// AES_256_GCM\n\"SHA256\"; Algorithm::Sha256; crate::md5::of(x)", &[]);
    check("let a = \"one \\\n SHA256 \\\" AES_256_GCM\"; let b = '\"'; MLKEM768; r#\"a \"SHA1\" b\"#", &["MLKEM768"]);
    check("#[cfg(test)]\nmod tests { use ring::aead::AES_256_GCM; }", &[]);
}

#[test]
fn versions_are_those_of_the_lock_file() {
    assert_eq!(versions("ring").len(), 1);
    assert!(versions("ring").iter().all(|version| version.starts_with("0.17.")));
    assert!(versions("no-such-crate").is_empty());
}
