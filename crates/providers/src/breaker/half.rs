//! The state machine of one half.

use std::time::Duration;

use tokio::time::Instant;

use super::Side;
use crate::store::ErrorKind;

/// The largest probe: room for this much is room enough to be asked again.
const PROBE_BYTES_MAX: u64 = 4 << 20;
/// The smallest: enough random bytes that equal ones were read back from the site.
const PROBE_BYTES_MIN: u64 = 64;

/// How one half is.
pub(super) enum Condition {
    Well {
        /// In an unbroken row.
        failures: u32,
    },
    Out {
        reason: String,
        /// Since when every probe succeeded.
        good_since: Option<Instant>,
        /// What a put must carry to prove that there is room again.
        probe_bytes: u64,
    },
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    None,
    Out,
    Back,
}

impl Default for Condition {
    fn default() -> Condition {
        Condition::Well { failures: 0 }
    }
}

impl Condition {
    pub(super) const fn side(&self) -> Side {
        match self {
            Condition::Well { .. } => Side::Well,
            Condition::Out { .. } => Side::Out,
        }
    }

    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Condition::Well { .. } => None,
            Condition::Out { reason, .. } => Some(reason),
        }
    }

    pub(super) const fn probe_bytes(&self) -> u64 {
        match self {
            Condition::Well { .. } => PROBE_BYTES_MIN,
            Condition::Out { probe_bytes, .. } => *probe_bytes,
        }
    }

    /// A request was answered. A late answer does not bring a half back: only probes do.
    pub(super) fn answered(&mut self) -> Turn {
        if let Condition::Well { failures } = self {
            *failures = 0;
        }
        Turn::None
    }

    /// A request that carried `bytes` failed.
    pub(super) fn failed(&mut self, kind: ErrorKind, bytes: u64, why: &str) -> Turn {
        match self {
            Condition::Well { failures } => {
                *failures += 1;
                if *failures < failures_to_go_out(kind) {
                    return Turn::None;
                }
                let turn = self.take_out(why);
                self.require_room(kind, bytes);
                turn
            }
            Condition::Out { reason, good_since, .. } => {
                why.clone_into(reason);
                *good_since = None;
                self.require_room(kind, bytes);
                Turn::None
            }
        }
    }

    pub(super) fn take_out(&mut self, why: &str) -> Turn {
        let was = self.side();
        let probe_bytes = self.probe_bytes();
        *self = Condition::Out { reason: why.to_owned(), good_since: None, probe_bytes };
        if was == Side::Well { Turn::Out } else { Turn::None }
    }

    /// A probe succeeded at `now`.
    pub(super) fn proven(&mut self, now: Instant, reenter_after: Duration) -> Turn {
        match self {
            Condition::Well { failures } => {
                *failures = 0;
                Turn::None
            }
            Condition::Out { good_since, .. } => {
                let since = *good_since.get_or_insert(now);
                if now.saturating_duration_since(since) < reenter_after {
                    return Turn::None;
                }
                *self = Condition::default();
                Turn::Back
            }
        }
    }

    /// A site too full for a large piece still takes a small one: it must prove room for the
    /// largest it refused, or it would come back only to fail again.
    fn require_room(&mut self, kind: ErrorKind, bytes: u64) {
        if let (Condition::Out { probe_bytes, .. }, ErrorKind::Full) = (self, kind) {
            *probe_bytes = bytes.clamp(*probe_bytes, PROBE_BYTES_MAX);
        }
    }
}

fn failures_to_go_out(kind: ErrorKind) -> u32 {
    match kind {
        ErrorKind::Full | ErrorKind::Denied => 1,
        ErrorKind::Unavailable => 2,
        ErrorKind::TimedOut | ErrorKind::Throttled => 3,
        ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::Corrupt | ErrorKind::Invalid => u32::MAX,
    }
}
