//! How much a scrub may spend, and how often it looks.

use std::time::Duration;

use catalog::proof::{Depth, Spent};
use model::{NanoDollars, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubSettings {
    /// Of each site and each day. Without requests there is no scrub in the background.
    pub budget: Spent,
    /// How old the last inventory may become.
    pub seen_every: Duration,
    /// How old the last read of a piece may become.
    pub read_every: Duration,
    /// How often it is looked whether anything is due.
    pub look_every: Duration,
}

const HOUR: Duration = Duration::from_secs(3600);

impl Default for ScrubSettings {
    /// Everything is seen within a day and read within thirty, with some room for the walks themselves. A
    /// dollar a day reads some 150,000 cells at the dearest list price; the other two keep a scrub from
    /// being noticed by readers.
    fn default() -> ScrubSettings {
        ScrubSettings {
            budget: Spent { requests: 1_000_000, bytes: 16 << 30, cost: NanoDollars(NanoDollars::DOLLAR) },
            seen_every: 20 * HOUR,
            read_every: 27 * 24 * HOUR,
            look_every: Duration::from_secs(60),
        }
    }
}

impl ScrubSettings {
    /// Whether a walk that last began then is to begin again. By age it is seen at once what is due, so
    /// those walks may begin often; a piece that stays bad is met once in each.
    pub(super) fn is_due(&self, depth: Depth, began: Option<Timestamp>, now: Timestamp) -> bool {
        let every = match depth {
            Depth::Inventory => self.seen_every,
            Depth::Heads => self.seen_every / 24,
            Depth::Cells => self.read_every / 24 / 27,
        };
        began.is_none_or(|began| began <= before(now, every))
    }

    /// Pieces that were proven before this are looked at. Heads prove what the inventory ought to have and
    /// did not.
    pub(super) fn due_before(&self, depth: Depth, now: Timestamp) -> Timestamp {
        match depth {
            Depth::Inventory => now,
            Depth::Heads => before(now, self.seen_every * 2),
            Depth::Cells => before(now, self.read_every),
        }
    }
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    Timestamp(now.0.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)))
}
