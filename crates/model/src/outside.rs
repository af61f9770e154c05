//! What services are handed from outside, so that a simulated world can stand in for the real one:
//! time, randomness and a place for blocking work.

use std::fmt;
use std::sync::Arc;

/// Wall-clock time in milliseconds since the Unix epoch. For people and for `Last-Modified`; never
/// for ordering (that is [`crate::Number`]) and never for measuring a duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Reads the two clocks a machine has.
pub trait Clock: Send + Sync {
    /// What the wall clock says. It may jump either way.
    fn now(&self) -> Timestamp;
    /// Milliseconds since some fixed moment of this process. It never goes back.
    fn monotonic_ms(&self) -> u64;
}

/// Unpredictable bytes: keys, salts and names come from here.
pub trait Entropy: Send + Sync {
    /// Fills the whole of `out`.
    fn fill(&self, out: &mut [u8]);
}

/// Runs work that blocks (disk, database) or that occupies a core (coding, digests).
pub trait Blocking: Send + Sync {
    /// Runs `job` to its end, elsewhere or at once. Jobs may run side by side.
    fn spawn(&self, job: Box<dyn FnOnce() + Send>);
    /// Whether jobs have threads of their own, so that one may wait for what others do.
    fn has_threads(&self) -> bool {
        false
    }
}

/// Everything from outside in one cheap handle.
#[derive(Clone)]
pub struct Outside {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub blocking: Arc<dyn Blocking>,
}

impl Outside {
    /// `N` fresh random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outside")
    }
}
