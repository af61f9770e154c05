//! libFuzzer over the target that `ENTENTE_FUZZ` names; its own flags follow on the command line.
#![no_main]

use std::sync::OnceLock;

use fuzz::{TARGETS, Target};

static TARGET: OnceLock<&Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("ENTENTE_FUZZ").unwrap_or_default();
        TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            eprintln!("ENTENTE_FUZZ names no target: there are {}", names.join(", "));
            std::process::exit(2)
        })
    });
    (target.run)(bytes);
});
