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

    /// Takes up to `most` extra requests, or none when there are fewer than `fewest`: those would be
    /// spent for nothing.
    pub fn spend(&self, fewest: u32, most: u32) -> u32 {
        let granted = |saved: u32| (saved / 100).min(most);
        let take = |saved: u32| (granted(saved) >= fewest.max(1)).then(|| saved - granted(saved) * 100);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).map_or(0, granted)
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
            budget.spend(1, 1) == 1
        });
        let allowed = 10_000 * HEDGE_PERCENT / 100 + HEDGE_BURST;
        let spent = spent.count();
        assert!(spent <= allowed as usize && spent + 1 >= allowed as usize, "{spent} of {allowed}");
    }

    #[test]
    fn too_few_are_not_spent_at_all() {
        let budget = HedgeBudget::default();
        assert_eq!(budget.spend(1, HEDGE_BURST - 1), HEDGE_BURST - 1);
        for (fewest, most, granted) in [(2, 2, 0), (2, 5, 0), (1, 2, 1), (0, 2, 0)] {
            assert_eq!(budget.spend(fewest, most), granted, "{fewest} to {most}");
        }
    }
}
