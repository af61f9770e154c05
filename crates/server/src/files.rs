//! Small files that must be there, whole, after a crash.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Only its owner may read or write.
pub const PRIVATE_FILE: u32 = 0o600;
/// Only its owner may enter.
const PRIVATE_DIR: u32 = 0o700;
/// Of the temporary file beside one that nobody else writes.
const SUFFIX: &str = "new";

/// Makes `path` hold `bytes` with these permissions. Whenever the machine stops, the path holds
/// either what it held before or all of `bytes`; when this returns, `bytes` survives a power cut.
/// Callers hold the data directory's lock, so nobody else writes the temporary file.
pub fn write_synced(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // One left by a crash could have other permissions: never write a secret into it.
    remove_if_there(&beside(path, SUFFIX))?;
    replace_synced(path, bytes, mode, SUFFIX)
}

/// As [`write_synced`], also where somebody else may write the same file: `suffix`, random, names the temporary file
/// beside it. Of two that write at once one stands, whole.
pub fn replace_synced(path: &Path, bytes: &[u8], mode: u32, suffix: &str) -> io::Result<()> {
    let temporary = beside(path, suffix);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    sync_parent(path)
}

/// Makes a file of `bytes` at `path` where there is none, and refuses with `AlreadyExists` where
/// there is something, a dangling link or the work of a program that was quicker included. Nothing
/// but `path` is ever left, unless the machine stops midway: `suffix`, random, names the temporary
/// file beside it, so that it is nobody else's.
pub fn make_synced(path: &Path, bytes: &[u8], mode: u32, suffix: &str) -> io::Result<()> {
    let temporary = beside(path, suffix);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    // Unlike a rename, a link never replaces.
    let made = written.and_then(|()| fs::hard_link(&temporary, path));
    let removed = fs::remove_file(&temporary);
    made.and(removed)?;
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

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

pub fn sync_parent(path: &Path) -> io::Result<()> {
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
        fs::write(beside(&path, SUFFIX), "half").unwrap();
        fs::set_permissions(beside(&path, SUFFIX), fs::Permissions::from_mode(0o644)).unwrap();
        write_synced(&path, b"whole", PRIVATE_FILE).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!beside(&path, SUFFIX).exists());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_is_there_is_never_made_anew() {
        let dir = scratch("once");
        let path = dir.join("key");
        fs::write(dir.join("key.new"), "somebody's").unwrap();
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let one = |at: usize| {
                let path = &path;
                scope.spawn(move || make_synced(path, format!("{at}").as_bytes(), PRIVATE_FILE, &format!("{at}.tmp")))
            };
            let all: Vec<_> = (0..8).map(one).collect();
            all.into_iter().map(|each| each.join().unwrap()).collect()
        });
        let made: Vec<_> = (0..8).filter(|at| outcomes[*at].is_ok()).collect();
        assert_eq!(made.len(), 1, "{outcomes:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), made[0].to_string());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for refused in outcomes.into_iter().filter_map(Result::err) {
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        }
        let link = dir.join("link");
        std::os::unix::fs::symlink(dir.join("nowhere"), &link).unwrap();
        let refused = make_synced(&link, b"x", PRIVATE_FILE, "tmp").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        let mut left: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["key", "key.new", "link"]);
        assert_eq!(fs::read_to_string(dir.join("key.new")).unwrap(), "somebody's");
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
