//! The state machine of one half.

use std::time::Duration;

use tokio::time::Instant;

use super::Side;
use crate::store::ErrorKind;

/// The largest probe: room for this much is room enough to be asked again.
const PROBE_BYTES_MAX: u64 = 4 << 20;
/// The largest that only has to be quick: it goes and comes every second for as long as it is not.
const LATE_PROBE_BYTES_MAX: u64 = 128 << 10;
/// The smallest: enough random bytes that equal ones were read back from the site.
const PROBE_BYTES_MIN: u64 = 64;

/// How one half is.
pub(super) enum Condition {
    Well {
        /// In an unbroken row.
        failures: u32,
        /// Of these, late ones whose answers are still to come: they break no row.
        awaited: u32,
    },
    Out {
        reason: String,
        /// Since when every probe succeeded.
        good_since: Option<Instant>,
        trial: Trial,
    },
}

/// What a put must do to prove that a half is well again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trial {
    /// What it must carry.
    pub bytes: u64,
    /// How long it may take, where that was the trouble.
    pub within: Option<Duration>,
}

impl Default for Trial {
    fn default() -> Trial {
        Trial { bytes: PROBE_BYTES_MIN, within: None }
    }
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
        Condition::Well { failures: 0, awaited: 0 }
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

    pub(super) fn trial(&self) -> Trial {
        match self {
            Condition::Well { .. } => Trial::default(),
            Condition::Out { trial, .. } => *trial,
        }
    }

    /// A request was answered. A late answer does not bring a half back: only probes do.
    pub(super) fn answered(&mut self) -> Turn {
        if let Condition::Well { failures, awaited } = self {
            if *awaited == 0 {
                *failures = 0;
            }
            *awaited = awaited.saturating_sub(1);
        }
        Turn::None
    }

    /// A request that carried `bytes` was not answered `within` the time that others kept, and may
    /// be yet. A site that answers everything late is therefore found out like one that is silent.
    pub(super) fn late(&mut self, bytes: u64, within: Duration, why: &str) -> Turn {
        let Condition::Well { failures, awaited } = self else { return Turn::None };
        *failures += 1;
        *awaited += 1;
        if *failures < failures_to_go_out(ErrorKind::TimedOut) {
            return Turn::None;
        }
        let turn = self.take_out(why);
        if let Condition::Out { trial, .. } = self {
            *trial = Trial { bytes: bytes.clamp(PROBE_BYTES_MIN, LATE_PROBE_BYTES_MAX), within: Some(within) };
        }
        turn
    }

    /// A request that carried `bytes` failed.
    pub(super) fn failed(&mut self, kind: ErrorKind, bytes: u64, why: &str) -> Turn {
        match self {
            Condition::Well { failures, awaited } => {
                *failures += 1;
                *awaited = awaited.saturating_sub(1);
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
        let trial = self.trial();
        *self = Condition::Out { reason: why.to_owned(), good_since: None, trial };
        if was == Side::Well { Turn::Out } else { Turn::None }
    }

    /// A probe succeeded at `now`.
    pub(super) fn proven(&mut self, now: Instant, reenter_after: Duration) -> Turn {
        match self {
            Condition::Well { failures, .. } => {
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
        if let (Condition::Out { trial, .. }, ErrorKind::Full) = (self, kind) {
            trial.bytes = bytes.clamp(trial.bytes, PROBE_BYTES_MAX);
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
