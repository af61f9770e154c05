//! The hedge budget: extra read requests, a few in a hundred, counted over the whole gateway.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::limits::{HEDGE_BURST, HEDGE_PERCENT};

/// Hundredths of a hedge that may still be spent.
pub struct HedgeBudget(AtomicU32);

impl Default for HedgeBudget {
    fn default() -> HedgeBudget {
        HedgeBudget(AtomicU32::new(HEDGE_BURST * 100))
    }
}

impl HedgeBudget {
    /// Earns for ordinary requests.
    pub fn earn(&self, requests: u32) {
        let more = |saved: u32| Some(saved.saturating_add(requests * HEDGE_PERCENT).min(HEDGE_BURST * 100));
        // The closure always gives a value.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Takes one hedge, if there is one.
    pub fn spend(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |saved| saved.checked_sub(100)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hedges_stay_within_a_few_percent_of_requests() {
        let budget = HedgeBudget::default();
        let spent = (0..10_000).filter(|_| {
            budget.earn(1);
            budget.spend()
        });
        let allowed = 10_000 * HEDGE_PERCENT / 100 + HEDGE_BURST;
        let spent = spent.count();
        assert!(spent <= allowed as usize && spent + 1 >= allowed as usize, "{spent} of {allowed}");
    }
}
