//! Virtual time: it passes only while everybody waits, and goes on from life to life.

use model::Timestamp;
use model::outside::Clock;

/// The two clocks of one life. Both follow the runtime's virtual time.
pub struct VirtualClock {
    began: tokio::time::Instant,
    /// What the wall clock said when the life began.
    wall: i64,
}

impl VirtualClock {
    /// Within a paused runtime.
    pub fn new(wall: i64) -> VirtualClock {
        VirtualClock { began: tokio::time::Instant::now(), wall }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.wall + i64::try_from(self.monotonic_ms()).unwrap_or(0))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
