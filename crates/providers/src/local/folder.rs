//! Directories below a root: made when needed, synced once for all puts that wait for it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
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
        let path = self.root.join(folder);
        self.folder(folder).sync(|| File::open(path)?.sync_all())
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
    fn sync(&self, run: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
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
        let result = run();
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
    use std::sync::Barrier;
    use std::sync::atomic::AtomicU64;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_name_is_led_to_by_its_folders() {
        assert_eq!(leading("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(leading("a").count(), 0);
    }

    #[test]
    fn nobody_returns_before_a_sync_that_began_behind_him_ended() {
        let folder = Folder::default();
        let (clock, ended) = (AtomicU64::new(1), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let asked = clock.fetch_add(1, Ordering::SeqCst);
                        let run = || {
                            let began = clock.fetch_add(1, Ordering::SeqCst);
                            thread::yield_now();
                            ended.fetch_max(began, Ordering::SeqCst);
                            Ok(())
                        };
                        folder.sync(run).unwrap();
                        assert!(ended.load(Ordering::SeqCst) > asked);
                    }
                });
            }
        });
    }

    /// One sync is held up while 16 others arrive; it ends as `first` says. How many of the others
    /// succeeded, and how many syncs ran in all.
    fn held_up(first: io::Result<()>) -> (usize, u64) {
        let folder = Folder::default();
        let running = Barrier::new(2);
        let succeeded = thread::scope(|scope| {
            let held = scope.spawn(|| {
                folder.sync(|| {
                    running.wait();
                    // Long enough for the others to arrive; whoever does not runs a sync of his own.
                    thread::sleep(Duration::from_millis(200));
                    first
                })
            });
            running.wait();
            let others: Vec<_> = (0..16).map(|_| scope.spawn(|| folder.sync(|| Ok(())).is_ok())).collect();
            let _ = held.join().unwrap();
            others.into_iter().map(|other| other.join().unwrap()).filter(|ok| *ok).count()
        });
        (succeeded, folder.turn().begun)
    }

    #[test]
    fn those_who_wait_share_one_sync() {
        let (succeeded, syncs) = held_up(Ok(()));
        assert_eq!(succeeded, 16);
        assert!(syncs < 17, "{syncs} syncs for 17 callers");
    }

    #[test]
    fn a_failed_sync_fails_those_who_wait_and_the_next_starts_anew() {
        let (succeeded, _) = held_up(Err(io::Error::other("lost")));
        assert!(succeeded < 16, "{succeeded} of 16 heard nothing of the loss");
        let folder = Folder::default();
        folder.sync(|| Err(io::Error::other("lost"))).unwrap_err();
        folder.sync(|| Ok(())).unwrap();
    }
}
