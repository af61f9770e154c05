//! Keeps the process as large as what it holds.
//!
//! glibc takes large buffers from the system and gives them back, but raises what it calls large
//! with every one that is freed, up to 32 MiB; from then on the buffers of segments come from heaps
//! that only grow. With 32 uploads of 64 MiB at once the process peaked at 853 MiB and stayed at
//! 809; with the threshold held where [`SETTINGS`] says, at 577 and 113, for the same work of the
//! processor.
//!
//! Once held, heaps give back whatever is free at their end beyond 128 KiB, so that every buffer of a
//! read was faulted in anew: half of the work of a large get. With 8 MiB left to each of a few heaps a
//! get of 64 MiB costs 0.12 s of a core instead of 0.20 s, and the process stays at the same 67 MiB.
//!
//! glibc reads its settings before `main`, so the program starts itself again with them.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The variables glibc reads, in bytes where they are bytes. The first also stops the raising:
/// buffers of bodies and segments are above it, everything else is below. What is free at the end of a
/// heap up to the second stays; the third is how many heaps there are.
const SETTINGS: [(&str, &str); 3] =
    [("MALLOC_MMAP_THRESHOLD_", "1048576"), ("MALLOC_TRIM_THRESHOLD_", "8388608"), ("MALLOC_ARENA_MAX", "4")];

/// Starts the program again with the settings, as the same process; returns when they are set already,
/// or when that fails: a larger process is still a right one.
pub fn hold_threshold() {
    let missing: Vec<_> = SETTINGS.into_iter().filter(|(name, _)| env::var_os(name).is_none()).collect();
    if !cfg!(target_env = "gnu") || missing.is_empty() {
        return;
    }
    let (Ok(program), mut arguments) = (env::current_exe(), env::args_os()) else { return };
    let mut again = Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    let error = again.args(arguments).envs(missing).exec();
    eprintln!("entente: memory will not be given back early, because it could not start itself again: {error}");
}
