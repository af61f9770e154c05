//! Catch-up: what was acknowledged below its promise gets its missing pieces, before all other
//! work. Each walk is a repair.

use std::sync::Arc;
use std::time::Duration;

use catalog::proof::BudgetDay;
use tracing::{info, warn};

use super::limits::Budget;
use super::mend::Wait;
use super::repair::Repaired;
use crate::inner::Inner;

/// Catch-up looks by itself this often, whatever it is told ...
const EVERY: Duration = Duration::from_secs(2);
/// ... and twice as long after each walk that could do nothing for anything, up to this: what it waits for is
/// told when it comes.
const EVERY_MAX: Duration = Duration::from_secs(300);

impl Inner {
    pub(super) async fn catch_up_forever(self: &Arc<Self>) {
        let (mut pause, mut told_of) = (EVERY, None);
        loop {
            // The timer covers a signal that came while the last round ran.
            let told = tokio::time::timeout(pause, self.catch_up.notified()).await.is_ok();
            pause = match self.repair(Budget::Day, |_| {}).await {
                Ok(repaired) => {
                    if let Some(pieces) = restored(&repaired) {
                        info!(pieces, "caught up");
                    }
                    if is_news_of_spent(&repaired, BudgetDay::of(self.outside.clock.now()), &mut told_of) {
                        warn!("the day's dollars of [keeping] are spent: only what is in danger is restored");
                    }
                    pause_after(&repaired, told, pause)
                }
                Err(error) => {
                    warn!(%error, "catching up will be tried again");
                    EVERY
                }
            };
        }
    }
}

/// How long after the walk it looks again by itself, if it was told to make this one or not, and waited so long before it.
fn pause_after(walk: &Repaired, told: bool, before: Duration) -> Duration {
    if told || !walk.is_vain() { EVERY } else { (before * 2).min(EVERY_MAX) }
}

/// The pieces that the log hears of: a walk that did nothing is not worth a line.
fn restored(walk: &Repaired) -> Option<u64> {
    Some(walk.pieces).filter(|pieces| *pieces > 0)
}

/// Whether the walk found the day's dollars spent, and of this day that was not said yet.
fn is_news_of_spent(walk: &Repaired, today: BudgetDay, told_of: &mut Option<BudgetDay>) -> bool {
    walk.waiting.contains_key(&Wait::Spent) && told_of.replace(today) != Some(today)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_after_a_walk_in_vain_it_looks_more_seldom() {
        let (vain, done) = (Repaired::default(), Repaired { pieces: 1, ..Repaired::default() });
        let vain = Repaired { waiting: [(Wait::Floor, 1)].into(), ..vain };
        assert!(vain.is_vain() && !done.is_vain());
        for (walk, told, before, pause) in [
            (&vain, false, EVERY, EVERY * 2),
            (&vain, false, EVERY_MAX, EVERY_MAX),
            (&vain, true, EVERY_MAX, EVERY),
            (&done, false, EVERY_MAX, EVERY),
        ] {
            assert_eq!(pause_after(walk, told, before), pause);
        }
    }

    #[test]
    fn a_walk_that_restored_something_is_told() {
        for (pieces, told) in [(0, None), (1, Some(1)), (7, Some(7))] {
            assert_eq!(restored(&Repaired { pieces, ..Repaired::default() }), told);
        }
    }

    #[test]
    fn spent_dollars_are_told_once_a_day() {
        let walk = |wait| Repaired { waiting: [(wait, 2)].into(), ..Repaired::default() };
        let (spent, other, mut told_of) = (walk(Wait::Spent), walk(Wait::Floor), None);
        let walks = [(&other, 1), (&spent, 1), (&spent, 1), (&other, 2), (&spent, 2), (&spent, 2)];
        let news = walks.map(|(walk, day)| is_news_of_spent(walk, BudgetDay(day), &mut told_of));
        assert_eq!(news, [false, true, false, false, true, false]);
    }
}
