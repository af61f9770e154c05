//! What tests hand to stores: seeded randomness, and a place for blocking work.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, process, thread};

use model::Outside;
use model::outside::{Blocking, Clock, Entropy, Timestamp};

/// Seeded, with blocking work done at once.
pub(crate) fn simulated(seed: u8) -> Outside {
    Outside { clock: Arc::new(Still), entropy: Arc::new(Seeded::new(seed)), blocking: Arc::new(Inline) }
}

/// Blocking work side by side on threads.
pub(crate) fn threads() -> Outside {
    Outside { blocking: Arc::new(Threads), ..simulated(0) }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
    fn monotonic_ms(&self) -> u64 {
        0
    }
}

struct Seeded(Mutex<blake3::OutputReader>);

impl Seeded {
    fn new(seed: u8) -> Seeded {
        Seeded(Mutex::new(blake3::Hasher::new().update(&[seed]).finalize_xof()))
    }
}

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        self.0.lock().unwrap().fill(out);
    }
}

struct Inline;

impl Blocking for Inline {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }
}

struct Threads;

impl Blocking for Threads {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        thread::spawn(job);
    }
}

/// A directory that is removed with everything in it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
        let name = format!("entente-{}-{}-{nanos}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
