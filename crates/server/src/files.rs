//! Small files that must be there, whole, after a crash.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Only its owner may read or write.
pub const PRIVATE_FILE: u32 = 0o600;
/// Only its owner may enter.
const PRIVATE_DIR: u32 = 0o700;

/// Makes `path` hold `bytes` with these permissions. Whenever the machine stops, the path holds
/// either what it held before or all of `bytes`; when this returns, `bytes` survives a power cut.
/// Callers hold the data directory's lock, so nobody else writes the temporary file.
pub fn write_synced(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temporary = temporary_beside(path);
    // One left by a crash could have other permissions: never write a secret into it.
    remove_if_there(&temporary)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    sync_parent(path)
}

/// Makes the directory and those above it, each private to its owner and each on disk.
pub fn make_dir_synced(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            make_dir_synced(parent)?;
        }
        DirBuilder::new().mode(PRIVATE_DIR).create(path)?;
        // The entry above it counts only when that directory is synced.
        sync_parent(path)?;
    }
    Ok(())
}

pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The text of a file; `None` when there is none.
pub fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::data_dir::tests::scratch;

    #[test]
    fn a_leftover_of_a_crash_does_not_lend_its_permissions() {
        let dir = scratch("leftover");
        let path = dir.join("secret");
        fs::write(temporary_beside(&path), "half").unwrap();
        fs::set_permissions(temporary_beside(&path), fs::Permissions::from_mode(0o644)).unwrap();
        write_synced(&path, b"whole", PRIVATE_FILE).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!temporary_beside(&path).exists());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn directories_are_made_down_to_the_last() {
        let dir = scratch("deep");
        make_dir_synced(&dir.join("a/b/c")).unwrap();
        make_dir_synced(&dir.join("a/b/c")).unwrap();
        assert!(dir.join("a/b/c").is_dir());
        fs::remove_dir_all(dir).unwrap();
    }
}
