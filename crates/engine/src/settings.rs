//! What an operator may set about the engine.

use std::time::Duration;

use model::lifecycle::Day;
use model::{Label, LabelRange, Profile};

use crate::choose::WaitingCost;
use crate::limits::{MEMORY_BUDGET, READ_CUT};
use crate::upkeep::{KeepingSettings, ScrubSettings};

#[derive(Clone, Debug)]
pub struct Settings {
    /// Of buckets that ask for none.
    pub default_profile: Profile,
    /// In-flight bytes of the whole process, parity and buffers included.
    pub memory_budget_bytes: usize,
    /// How often each site is probed.
    pub probe_every: Duration,
    /// How long a site's probes must succeed before it takes part again.
    pub reenter_after: Duration,
    /// How long a piece must have been unnamed, in running time, before it is swept.
    pub sweep_after: Duration,
    /// How often the sites are listed for unnamed pieces.
    pub sweep_every: Duration,
    /// How often the journal is looked through for what is worth compacting.
    pub compact_every: Duration,
    /// How often it is asked whether a snapshot is due.
    pub snapshot_every: Duration,
    /// So many records must have come since the last one, or ever.
    pub snapshot_after: u64,
    /// How long a day of lifecycle rules is; a shorter one lets tests and people see them at work.
    pub lifecycle_day: Duration,
    /// What sessions of this enclave may have, and so what it holds.
    pub range: LabelRange,
    /// What a second that a reader waits is worth, against what its requests cost.
    pub waiting_cost: WaitingCost,
    /// Of about this size are the requests of a short read at sites that are reached over a network.
    pub read_cut_bytes: u64,
    pub scrub: ScrubSettings,
    /// What repairs, evacuations and moves may take.
    pub keeping: KeepingSettings,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            default_profile: Profile::Quad,
            memory_budget_bytes: MEMORY_BUDGET,
            probe_every: Duration::from_secs(1),
            reenter_after: Duration::from_secs(30),
            sweep_after: Duration::from_secs(24 * 3600),
            sweep_every: Duration::from_secs(3600),
            compact_every: Duration::from_secs(3600),
            snapshot_every: Duration::from_secs(3600),
            snapshot_after: 10_000,
            lifecycle_day: Duration::from_secs(24 * 3600),
            range: LabelRange::up_to(Label::highest_of(Label::LOWEST.table())),
            waiting_cost: WaitingCost::default(),
            read_cut_bytes: READ_CUT,
            scrub: ScrubSettings::default(),
            keeping: KeepingSettings::default(),
        }
    }
}

impl Settings {
    pub(crate) fn lifecycle_day(&self) -> Day {
        Day { ms: i64::try_from(self.lifecycle_day.as_millis()).unwrap_or(i64::MAX) }
    }

    /// What the sites' decorators are set to.
    pub(crate) fn site_stack(&self) -> providers::Settings {
        let breaker = providers::breaker::Settings { reenter_after: self.reenter_after };
        providers::Settings { breaker, ..providers::Settings::default() }
    }
}
