//! Keeps the process as large as what it holds.
//!
//! glibc takes large buffers from the system and gives them back, but raises what it calls large
//! with every one that is freed, up to 32 MiB; from then on the buffers of segments come from heaps
//! that only grow. With 32 uploads of 64 MiB at once the process peaked at 853 MiB and stayed at
//! 809; with the threshold held where [`THRESHOLD`] says, at 577 and 113, for the same work of the
//! processor. glibc reads the setting before `main`, so the program starts itself again with it.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The variable glibc reads; setting it also stops the raising.
const VARIABLE: &str = "MALLOC_MMAP_THRESHOLD_";
/// Bytes: buffers of bodies and segments are above it, everything else is below.
const THRESHOLD: &str = "1048576";

/// Starts the program again with the setting, as the same process; returns when it is set already,
/// or when that fails: a larger process is still a right one.
pub fn hold_threshold() {
    if !cfg!(target_env = "gnu") || env::var_os(VARIABLE).is_some() {
        return;
    }
    let (Ok(program), mut arguments) = (env::current_exe(), env::args_os()) else { return };
    let mut again = Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    let error = again.args(arguments).env(VARIABLE, THRESHOLD).exec();
    eprintln!("entente: memory will not be given back early, because it could not start itself again: {error}");
}
