//! Catch-up: what was acknowledged below its promise gets its missing pieces, before all other
//! work. Each walk is a repair.

use std::sync::Arc;
use std::time::Duration;

use catalog::proof::BudgetDay;
use tracing::{info, warn};

use super::limits::Budget;
use super::mend::Wait;
use crate::inner::Inner;

/// Catch-up looks by itself this often, whatever it is told ...
const EVERY: Duration = Duration::from_secs(2);
/// ... and twice as long after each walk that could do nothing for anything, up to this: what it waits for is
/// told when it comes.
const EVERY_MAX: Duration = Duration::from_secs(300);

impl Inner {
    pub(super) async fn catch_up_forever(self: &Arc<Self>) {
        let (mut pause, mut warned) = (EVERY, None);
        loop {
            // The timer covers a signal that came while the last round ran.
            let told = tokio::time::timeout(pause, self.catch_up.notified()).await.is_ok();
            match self.repair(Budget::Day, |_| {}).await {
                Ok(repaired) => {
                    if repaired.pieces > 0 {
                        info!(pieces = repaired.pieces, "caught up");
                    }
                    let today = BudgetDay::of(self.outside.clock.now());
                    if repaired.waiting.contains_key(&Wait::Spent) && warned.replace(today) != Some(today) {
                        warn!("the day's dollars of [keeping] are spent: only what is in danger is restored");
                    }
                    pause = if told || !repaired.is_vain() { EVERY } else { (pause * 2).min(EVERY_MAX) };
                }
                Err(error) => {
                    warn!(%error, "catching up will be tried again");
                    pause = EVERY;
                }
            }
        }
    }
}
