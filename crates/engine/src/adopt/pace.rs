//! The budget of a background copy: so many bytes a second, on average from when it began.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What was not used in a while is not made up for: at most this much time.
const CATCH_UP_MAX: Duration = Duration::from_secs(1);

pub struct Pace {
    /// Bytes per second; `None` for no limit.
    budget: Option<u64>,
    /// When the bytes let through so far are paid for.
    paid: Mutex<Option<Instant>>,
}

impl Pace {
    pub fn new(budget: Option<u64>) -> Pace {
        Pace { budget, paid: Mutex::new(None) }
    }

    /// Waits until so many bytes more keep the budget.
    pub async fn pass(&self, bytes: usize) {
        let Some(budget) = self.budget else { return };
        let cost = Duration::from_secs_f64(bytes as f64 / budget.max(1) as f64);
        let until = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let from = paid.map_or(now, |paid| paid.max(now.checked_sub(CATCH_UP_MAX).unwrap_or(now)));
            *paid = Some(from + cost);
            from + cost
        };
        tokio::time::sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_pass_at_the_budget_however_many_ask() {
        for (budget, expected_s) in [(Some(1_000), 10.0), (None, 0.0)] {
            let (pace, began) = (Pace::new(budget), Instant::now());
            futures::future::join_all((0..10).map(|_| pace.pass(1_000))).await;
            let took = began.elapsed().as_secs_f64();
            assert!((took - expected_s).abs() < 0.1, "{took} s at {budget:?}");
        }
    }
}
