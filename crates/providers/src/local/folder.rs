//! Directories below a root: made when needed, synced once for all puts that wait for it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::name::split_folder;

/// The directories of one root that puts went through.
pub(super) struct Folders {
    root: PathBuf,
    /// By path below the root; few, since pieces of one writer epoch and kind share theirs.
    known: Mutex<BTreeMap<String, Arc<Folder>>>,
}

#[derive(Default)]
struct Folder {
    /// Its own entry in its parent was synced since this process first saw it.
    durable: AtomicBool,
    turn: Mutex<Turn>,
    ended: Condvar,
}

/// Syncs of one directory, numbered by their beginning.
#[derive(Default)]
struct Turn {
    begun: u64,
    /// Every sync up to this one ended well, or began before one that did.
    proven: u64,
    failures: u64,
    running: bool,
}

impl Folders {
    pub(super) fn new(root: PathBuf) -> Folders {
        Folders { root, known: Mutex::default() }
    }

    /// Makes every directory that leads to `name`, never the root.
    pub(super) fn make(&self, name: &str) -> io::Result<()> {
        for folder in leading(name) {
            match fs::create_dir(self.root.join(folder)) {
                // Whatever was known belonged to an earlier directory of this name.
                Ok(()) => self.folder(folder).durable.store(false, Ordering::Release),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns when the entry of `name`, made before this call, and all that lead to it are durable.
    pub(super) fn sync(&self, name: &str) -> io::Result<()> {
        let (own, _) = split_folder(name);
        self.sync_one(own.trim_end_matches('/'))?;
        for folder in leading(name) {
            let known = self.folder(folder);
            if !known.durable.load(Ordering::Acquire) {
                let (parent, _) = split_folder(folder);
                self.sync_one(parent.trim_end_matches('/'))?;
                known.durable.store(true, Ordering::Release);
            }
        }
        Ok(())
    }

    fn sync_one(&self, folder: &str) -> io::Result<()> {
        self.folder(folder).sync(&self.root.join(folder))
    }

    fn folder(&self, folder: &str) -> Arc<Folder> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(folder) {
            Some(folder) => Arc::clone(folder),
            None => Arc::clone(known.entry(folder.to_owned()).or_default()),
        }
    }
}

impl Folder {
    /// Returns when a sync of this directory ended well that began after this call did. Whoever
    /// finds none running runs the next one for all who wait.
    fn sync(&self, path: &Path) -> io::Result<()> {
        let mut turn = self.turn();
        let (needed, failures) = (turn.begun + 1, turn.failures);
        while turn.running {
            turn = self.ended.wait(turn).unwrap_or_else(PoisonError::into_inner);
            if turn.failures > failures {
                // The kernel reports a lost write once; a later sync may pass without the entry.
                return Err(io::Error::other("a sync of the directory failed while this one waited"));
            }
            if turn.proven >= needed {
                return Ok(());
            }
        }
        turn.begun += 1;
        turn.running = true;
        let number = turn.begun;
        drop(turn);
        let result = File::open(path).and_then(|folder| folder.sync_all());
        self.end(number, result.is_ok());
        result
    }

    fn end(&self, number: u64, proven: bool) {
        let mut turn = self.turn();
        turn.running = false;
        match proven {
            true => turn.proven = number,
            false => turn.failures += 1,
        }
        self.ended.notify_all();
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `a`, `a/b` for the name `a/b/c`.
fn leading(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').filter_map(|(slash, _)| name.get(..slash))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;
    use crate::world::Scratch;

    #[test]
    fn a_name_is_led_to_by_its_folders() {
        assert_eq!(leading("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(leading("a").count(), 0);
    }

    #[test]
    fn waiting_puts_share_a_sync_and_none_returns_before_its_own() {
        let scratch = Scratch::new();
        let folder = Folder::default();
        let begun_behind = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let before = folder.turn().begun;
                        folder.sync(scratch.path()).unwrap();
                        let proven = folder.turn().proven;
                        // One that began after `before` was read has ended well.
                        begun_behind.fetch_add(usize::from(proven > before), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(begun_behind.load(Ordering::Relaxed), 640);
        assert!(folder.turn().begun < 640, "{} syncs for 640 puts", folder.turn().begun);
    }

    #[test]
    fn a_failed_sync_fails_and_the_next_one_starts_anew() {
        let scratch = Scratch::new();
        let folder = Folder::default();
        assert!(folder.sync(&scratch.path().join("missing")).is_err());
        assert!(folder.sync(scratch.path()).is_ok());
    }
}
