//! What the machine says of a disk and of a process. These look at once: a disk that hangs holds up who asks.

use std::fs;
use std::path::Path;

/// What a compaction, a repair and the log of the catalog need beside each other: with less, somebody should look.
pub const ROOM_WARN: u64 = 2 << 30;
/// With less, writes are about to fail.
pub const ROOM_BROKEN: u64 = 256 << 20;

/// What a disk has, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// For whoever is not root.
    pub free: u64,
    pub size: u64,
}

pub fn room(path: &Path) -> Option<Room> {
    let told = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
    Some(Room { free: bytes(told.f_bavail), size: bytes(told.f_blocks) })
}

/// How many files a process may have open: `self`, or one by its id.
pub fn open_files_max(process: &str) -> Option<u64> {
    fs::read_to_string(format!("/proc/{process}/limits")).ok().and_then(|limits| of_limits(&limits))
}

fn of_limits(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_the_kernel_writes_them() {
        let limits = "Max processes  1 2 processes\nMax open files            1024   4096   files\n";
        assert_eq!((of_limits(limits), of_limits("Max processes 1 2")), (Some(1024), None));
        assert!(open_files_max("self").is_some());
    }
}
