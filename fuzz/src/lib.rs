//! What reads bytes of strangers, each as a function that a fuzzer calls.
//!
//! A target takes whatever bytes there are and stops the program where something holds that must not:
//! what was understood and written again is understood as the same. `corpus/` holds, per target, seeds
//! and what found something once; the tests replay it. `cargo xtask judge fuzz` runs libFuzzer over each
//! for half an hour, guided by coverage of this house's crates; the crates of others, `quick-xml` and
//! `minicbor` among them, are run but not watched.
//!
//! Absent by design: anything the product links.

mod bytes;
mod labels;

/// A parser under attack.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

/// All of them; a corpus is a folder of the same name.
pub static TARGETS: [Target; 9] = [
    Target { name: "header", run: bytes::header },
    Target { name: "piece", run: bytes::piece },
    Target { name: "record", run: bytes::record },
    Target { name: "journal", run: bytes::journal },
    Target { name: "label", run: labels::mark },
    Target { name: "label-xml", run: labels::document },
    Target { name: "head", run: s3::fuzz::head },
    Target { name: "document", run: s3::fuzz::document },
    Target { name: "chunks", run: s3::fuzz::chunks },
];
