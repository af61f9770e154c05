//! Object Lock: how long a version must stay, and who may shorten that. Rules are values in, values
//! out; the deciding transaction asks them with its own time.

use crate::outside::Timestamp;

/// Whether a bucket's versions can be locked, and how long a new one is where its put says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ObjectLock {
    #[default]
    Off,
    /// It never goes back to `Off`.
    On { default: Option<DefaultRetention> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultRetention {
    pub mode: LockMode,
    pub period: Period,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Days(u32),
    /// Of 365 days.
    Years(u32),
}

/// Who may shorten a retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// Those who may bypass governance, when they say so.
    Governance,
    /// Nobody.
    Compliance,
}

/// A version stays until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub mode: LockMode,
    pub until: Timestamp,
}

/// What holds a version in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    pub retention: Option<Retention>,
    /// Until it is taken off again, whatever the retention says.
    pub legal_hold: bool,
}

/// Whether a request goes past governance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Governance {
    #[default]
    Obeyed,
    /// By one who may.
    Bypassed,
}

impl DefaultRetention {
    /// What a version put at `now` gets.
    pub fn from(self, now: Timestamp) -> Retention {
        const DAY_MS: i64 = 24 * 3600 * 1000;
        let days = match self.period {
            Period::Days(days) => i64::from(days),
            Period::Years(years) => i64::from(years).saturating_mul(365),
        };
        Retention { mode: self.mode, until: Timestamp(now.0.saturating_add(days.saturating_mul(DAY_MS))) }
    }
}

impl Retention {
    fn holds(&self, now: Timestamp, governance: Governance) -> bool {
        let bypassed = self.mode == LockMode::Governance && governance == Governance::Bypassed;
        self.until > now && !bypassed
    }

    /// Whether it may become `new` now: longer always, anything else only when it no longer holds.
    pub fn may_become(&self, new: Option<&Retention>, now: Timestamp, governance: Governance) -> bool {
        let prolonged = new.is_some_and(|new| new.mode == self.mode && new.until >= self.until);
        prolonged || !self.holds(now, governance)
    }
}

impl Lock {
    /// Whether the version must stay now.
    pub fn holds(&self, now: Timestamp, governance: Governance) -> bool {
        self.legal_hold || self.retention.is_some_and(|retention| retention.holds(now, governance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1000);

    fn until(mode: LockMode, until: i64) -> Retention {
        Retention { mode, until: Timestamp(until) }
    }

    #[test]
    fn a_retention_gets_longer_and_only_governance_shorter() {
        use Governance::{Bypassed, Obeyed};
        use LockMode::{Compliance, Governance as Governed};
        for (old, new, governance, allowed) in [
            (until(Governed, 2000), Some(until(Governed, 3000)), Obeyed, true),
            (until(Governed, 2000), Some(until(Governed, 1500)), Obeyed, false),
            (until(Governed, 2000), Some(until(Governed, 1500)), Bypassed, true),
            (until(Governed, 2000), Some(until(Compliance, 2000)), Obeyed, false),
            (until(Governed, 2000), Some(until(Compliance, 2000)), Bypassed, true),
            (until(Governed, 2000), None, Obeyed, false),
            (until(Governed, 2000), None, Bypassed, true),
            (until(Governed, 1000), None, Obeyed, true),
            (until(Compliance, 2000), Some(until(Compliance, 3000)), Obeyed, true),
            (until(Compliance, 2000), Some(until(Compliance, 1500)), Bypassed, false),
            (until(Compliance, 2000), Some(until(Governed, 3000)), Bypassed, false),
            (until(Compliance, 2000), None, Bypassed, false),
            (until(Compliance, 1000), None, Obeyed, true),
        ] {
            let found = old.may_become(new.as_ref(), NOW, governance);
            assert_eq!(found, allowed, "{old:?} to {new:?}, {governance:?}");
        }
    }

    #[test]
    fn a_legal_hold_stands_beside_the_retention() {
        let mut lock = Lock { retention: Some(until(LockMode::Governance, 2000)), legal_hold: false };
        assert!(lock.holds(NOW, Governance::Obeyed));
        assert!(!lock.holds(NOW, Governance::Bypassed));
        assert!(!lock.holds(Timestamp(2000), Governance::Obeyed));
        lock.legal_hold = true;
        assert!(lock.holds(Timestamp(9000), Governance::Bypassed));
    }

    #[test]
    fn a_default_counts_from_the_put() {
        let day = 24 * 3600 * 1000;
        let default = |period| DefaultRetention { mode: LockMode::Compliance, period };
        assert_eq!(default(Period::Days(2)).from(NOW), until(LockMode::Compliance, 1000 + 2 * day));
        assert_eq!(default(Period::Years(1)).from(NOW), until(LockMode::Compliance, 1000 + 365 * day));
    }
}
