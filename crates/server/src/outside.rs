//! The real world as the crates below are handed it: clocks, randomness, threads for blocking work.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use model::outside::{Blocking, Clock, Entropy};
use model::{Outside, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::runtime::Handle;

/// The real outside; blocking work goes to the pool of `runtime`.
pub fn real(runtime: Handle) -> Outside {
    Outside {
        clock: Arc::new(MachineClock { started: Instant::now() }),
        entropy: Arc::new(MachineEntropy { source: SystemRandom::new() }),
        blocking: Arc::new(Pool { runtime }),
    }
}

struct MachineClock {
    started: Instant,
}

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        // A clock set before 1970 reads as 1970: the wall clock orders nothing here.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

struct MachineEntropy {
    source: SystemRandom,
}

impl Entropy for MachineEntropy {
    #[expect(clippy::expect_used, reason = "without randomness no key may be made: stopping is the only right answer")]
    fn fill(&self, out: &mut [u8]) {
        self.source.fill(out).expect("the system gives random bytes");
    }
}

struct Pool {
    runtime: Handle,
}

impl Blocking for Pool {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        drop(self.runtime.spawn_blocking(job));
    }

    fn has_threads(&self) -> bool {
        true
    }
}
