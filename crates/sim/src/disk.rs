//! The simulated disk: files whose synced and unsynced bytes are kept apart.
//!
//! A file is what was written, and a log of what was written since the last sync, with what was there
//! before. A power cut goes back to what was synced and lets a seeded part of the log happen after all:
//! each write whole, not at all, or torn at its sectors.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::power::Power;
use crate::random::Random;

/// What reaches a disk whole or not at all.
const SECTOR: usize = 512;

/// Files by name, and the power they are written under.
pub struct Disk {
    state: Mutex<State>,
}

struct State {
    files: BTreeMap<String, File>,
    /// Removed, with the removal not synced.
    removed: BTreeMap<String, File>,
    power: Arc<Power>,
    honesty: Honesty,
}

/// Whether a sync that is answered happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Honesty {
    Honest,
    /// A planted bug.
    SaysSynced,
}

#[derive(Clone, Default)]
struct File {
    bytes: Vec<u8>,
    unsynced: Vec<Change>,
    /// The directory that names it was synced since it was made.
    named: bool,
}

#[derive(Clone)]
struct Change {
    offset: usize,
    /// What was there, as far as the file went.
    before: Vec<u8>,
    length_before: usize,
    kind: ChangeKind,
}

#[derive(Clone)]
enum ChangeKind {
    Write(Vec<u8>),
    Truncate,
}

/// The power is out, or the file is not there.
#[derive(Debug)]
pub struct Gone;

/// What all files hold, for another day.
#[derive(Clone)]
pub struct Copy(BTreeMap<String, File>);

impl Disk {
    pub fn new(power: Arc<Power>, honesty: Honesty) -> Arc<Disk> {
        let state = State { files: BTreeMap::new(), removed: BTreeMap::new(), power, honesty };
        Arc::new(Disk { state: Mutex::new(state) })
    }

    /// The disk as a power cut leaves it, under new power.
    pub fn after_cut(&self, power: Arc<Power>, random: &mut Random) -> Arc<Disk> {
        let mut state = self.state();
        let mut files = std::mem::take(&mut state.files);
        for (name, file) in std::mem::take(&mut state.removed) {
            if random.chance(500) {
                files.entry(name).or_insert(file);
            }
        }
        files.retain(|_, file| file.named || random.chance(500));
        let style = random.below(3);
        for file in files.values_mut() {
            file.settle(style, random);
        }
        let state = State { files, removed: BTreeMap::new(), power, honesty: state.honesty };
        Arc::new(Disk { state: Mutex::new(state) })
    }

    /// What is synced of it now, as a backup of a file system takes it.
    pub fn copy(&self) -> Copy {
        let mut files = self.state().files.clone();
        files.values_mut().for_each(File::forget_unsynced);
        Copy(files)
    }

    /// Nothing is left of it.
    pub fn burn(&self) {
        let mut state = self.state();
        state.files.clear();
        state.removed.clear();
    }

    pub fn put_back(&self, copy: &Copy) {
        self.state().files.clone_from(&copy.0);
    }

    pub fn open(&self, name: &str, create: bool) -> Result<(), Gone> {
        let mut state = self.state();
        if !state.files.contains_key(name) {
            if !create || !state.power.on("disk create", &name, || name.to_owned()) {
                return Err(Gone);
            }
            state.files.insert(name.to_owned(), File::default());
        }
        Ok(())
    }

    pub fn exists(&self, name: &str) -> bool {
        self.state().files.contains_key(name)
    }

    pub fn remove(&self, name: &str, synced: bool) -> Result<(), Gone> {
        let mut state = self.state();
        if !state.power.on("disk remove", &name, || name.to_owned()) {
            return Err(Gone);
        }
        if let Some(file) = state.files.remove(name)
            && !synced
        {
            state.removed.insert(name.to_owned(), file);
        }
        Ok(())
    }

    /// Bytes read: fewer than asked for at the end of the file.
    pub fn read(&self, name: &str, offset: u64, out: &mut [u8]) -> Result<usize, Gone> {
        let state = self.state();
        let file = state.files.get(name).ok_or(Gone)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(file.bytes.len());
        let there = file.bytes.get(start..).unwrap_or_default();
        let count = there.len().min(out.len());
        if let (Some(out), Some(there)) = (out.get_mut(..count), there.get(..count)) {
            out.copy_from_slice(there);
        }
        Ok(count)
    }

    pub fn write(&self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), Gone> {
        let offset = usize::try_from(offset).map_err(|_| Gone)?;
        self.changed(name, "disk write", |file| file.write(offset, bytes))
    }

    pub fn truncate(&self, name: &str, length: u64) -> Result<(), Gone> {
        let length = usize::try_from(length).map_err(|_| Gone)?;
        self.changed(name, "disk truncate", |file| file.truncate(length))
    }

    pub fn sync(&self, name: &str) -> Result<(), Gone> {
        let honesty = self.state().honesty;
        let mut first = false;
        self.changed(name, "disk sync", |file| {
            if honesty == Honesty::Honest {
                file.unsynced.clear();
                first = !std::mem::replace(&mut file.named, true);
            }
        })?;
        if first {
            // As SQLite's own layer does: with a new file its directory is synced, and what was removed there
            // stays removed.
            self.state().removed.clear();
        }
        Ok(())
    }

    pub fn length(&self, name: &str) -> Result<u64, Gone> {
        self.state().files.get(name).map(|file| file.bytes.len() as u64).ok_or(Gone)
    }

    fn changed(&self, name: &str, what: &str, change: impl FnOnce(&mut File)) -> Result<(), Gone> {
        let mut state = self.state();
        if !state.power.on(what, &name, || name.to_owned()) {
            return Err(Gone);
        }
        state.files.get_mut(name).map(change).ok_or(Gone)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl File {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        let before = self.bytes.get(offset..end.min(self.bytes.len())).unwrap_or_default().to_vec();
        let length_before = self.bytes.len();
        self.unsynced.push(Change { offset, before, length_before, kind: ChangeKind::Write(bytes.to_vec()) });
        self.place(offset, bytes);
    }

    fn truncate(&mut self, length: usize) {
        let before = self.bytes.get(length..).unwrap_or_default().to_vec();
        let length_before = self.bytes.len();
        self.unsynced.push(Change { offset: length, before, length_before, kind: ChangeKind::Truncate });
        self.bytes.truncate(length);
    }

    fn place(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if self.bytes.len() == offset {
            return self.bytes.extend_from_slice(bytes);
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if let Some(there) = self.bytes.get_mut(offset..end) {
            there.copy_from_slice(bytes);
        }
    }

    /// Takes back all that was not synced and returns it, oldest first.
    fn go_back(&mut self) -> Vec<Change> {
        let log = std::mem::take(&mut self.unsynced);
        for change in log.iter().rev() {
            self.place(change.offset, &change.before);
            self.bytes.truncate(change.length_before);
        }
        log
    }

    fn forget_unsynced(&mut self) {
        drop(self.go_back());
    }

    /// What is found after a power cut: all of the log, nothing of it, or some.
    fn settle(&mut self, style: u64, random: &mut Random) {
        for change in self.go_back() {
            let fate = match style {
                0 => 0,
                1 => 1,
                _ => random.below(3),
            };
            match (fate, change.kind) {
                (0, _) => {}
                (_, ChangeKind::Truncate) => self.bytes.truncate(change.offset),
                (1, ChangeKind::Write(bytes)) => self.place(change.offset, &bytes),
                (_, ChangeKind::Write(bytes)) => self.place_torn(change.offset, &bytes, random),
            }
        }
    }

    fn place_torn(&mut self, offset: usize, bytes: &[u8], random: &mut Random) {
        let (mut at, end) = (offset, offset + bytes.len());
        while at < end {
            let next = ((at / SECTOR + 1) * SECTOR).min(end);
            if random.chance(500) {
                self.place(at, bytes.get(at - offset..next - offset).unwrap_or_default());
            }
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> Arc<Disk> {
        let disk = Disk::new(Power::new(None, false), Honesty::Honest);
        disk.open("a", true).unwrap();
        disk
    }

    fn content(disk: &Disk) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(disk.length("a").unwrap()).unwrap()];
        disk.read("a", 0, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_was_synced_survives_every_cut_and_what_was_not_may_go() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let disk = disk();
            disk.write("a", 0, &[1; 2048]).unwrap();
            disk.sync("a").unwrap();
            disk.write("a", 512, &[2; 1024]).unwrap();
            disk.write("a", 2048, &[3; 700]).unwrap();
            disk.truncate("a", 2500).unwrap();
            let after = disk.after_cut(Power::new(None, false), &mut Random::new(seed));
            let found = content(&after);
            assert_eq!(found[..512], [1; 512]);
            assert_eq!(found[1536..2048], [1; 512]);
            assert!(found[512..1024].iter().all(|byte| *byte == found[512]), "a sector is whole or not there");
            seen.insert((found[512], found[1024], found.len()));
        }
        assert!(
            seen.contains(&(1, 1, 2048)) && seen.contains(&(2, 2, 2500)) && seen.contains(&(1, 2, 2500)),
            "{seen:?}"
        );
    }

    #[test]
    fn a_disk_that_only_says_synced_may_lose_it() {
        let disk = Disk::new(Power::new(None, false), Honesty::SaysSynced);
        disk.open("a", true).unwrap();
        disk.write("a", 0, &[1; 10]).unwrap();
        disk.sync("a").unwrap();
        let lost = |seed| {
            let after = disk_copy(&disk).after_cut(Power::new(None, false), &mut Random::new(seed));
            !after.exists("a") || content(&after).is_empty()
        };
        assert!((0..50).any(lost));
    }

    fn disk_copy(disk: &Disk) -> Disk {
        let state = disk.state();
        let (files, removed, power) = (state.files.clone(), BTreeMap::new(), Arc::clone(&state.power));
        Disk { state: Mutex::new(State { files, removed, power, honesty: state.honesty }) }
    }

    #[test]
    fn a_copy_is_what_was_synced() {
        let disk = disk();
        disk.write("a", 0, b"synced").unwrap();
        disk.sync("a").unwrap();
        disk.write("a", 0, b"unsync").unwrap();
        let copy = disk.copy();
        disk.put_back(&copy);
        assert_eq!(content(&disk), b"synced");
    }
}
