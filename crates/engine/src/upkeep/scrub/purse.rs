//! What a scrub, or other keeping, may still spend. The day's sum lies in the catalog and is written before the requests are
//! sent: a crash may waste the rest of a block, and never overspends.

use std::collections::BTreeMap;
use std::time::Duration;

use catalog::proof::{Account, BudgetDay, ScrubState, Spent};
use model::{NanoDollars, Prices, Timestamp};
use providers::{Kind, retry};
use tokio::sync::Mutex;

use super::{ScrubDone, Walking};
use crate::error::Error;
use crate::inner::Inner;

/// So many times what is needed is taken from the catalog at once: each time is a synced transaction.
const BLOCK: u64 = 16;

/// A scrub of the background goes on when an hour's share of the day's budget is there.
const SHARES: i64 = 24;

/// Before each further try of a request that failed for a moment.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(40)];

/// Out of which purse a scrub pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purse {
    /// The day's budget, given out evenly from its first hour to its last.
    Evenly,
    /// All that is left of the day.
    Day,
    /// Without limit; it is counted all the same.
    Beyond,
}

/// What was taken from the catalog and not spent yet, by account.
#[derive(Default)]
pub struct Purses(Mutex<BTreeMap<Account, (BudgetDay, Spent)>>);

/// A request for the listing of a page.
pub fn a_list(prices: &Prices) -> Spent {
    Spent { requests: 1, bytes: 0, cost: prices.list }
}

pub fn a_head(prices: &Prices) -> Spent {
    a_read(prices, 0)
}

pub fn a_read(prices: &Prices, bytes: u64) -> Spent {
    Spent { requests: 1, bytes, cost: prices.of_reads(1, bytes) }
}

impl Purse {
    fn limit(self, budget: Spent, now: Timestamp) -> Spent {
        match self {
            Purse::Evenly => share(budget, now.0.rem_euclid(BudgetDay::MS), BudgetDay::MS),
            Purse::Day => budget,
            Purse::Beyond => Spent::UNBOUNDED,
        }
    }
}

impl Inner {
    /// Takes what a request costs; `false`, and nothing is taken, where the purse holds too little.
    pub(super) async fn afford(&self, walking: &Walking<'_>, wanted: Spent) -> Result<bool, Error> {
        let limit = walking.purse.limit(self.settings.scrub.budget, self.outside.clock.now());
        let paid = self.pay(Account::Scrub(walking.known.site.id), limit, wanted).await?;
        if paid {
            walking.done.send_modify(|done: &mut ScrubDone| done.spent = done.spent.and(wanted));
        }
        Ok(paid)
    }

    /// Makes a request, at most a few times as everybody does, and pays for each. `None`: not even the first
    /// could be paid.
    pub(super) async fn ask<T, F>(
        &self,
        walking: &Walking<'_>,
        (kind, cost): (Kind, Spent),
        request: impl Fn() -> F,
    ) -> Result<Option<Result<T, providers::Error>>, Error>
    where
        F: Future<Output = Result<T, providers::Error>>,
    {
        if !self.afford(walking, cost).await? {
            return Ok(None);
        }
        let tries = async {
            let mut tried = request().await;
            for pause in AGAIN_AFTER {
                let again = tried.as_ref().is_err_and(|error| retry::passes(error.kind));
                // A purse that cannot be opened is as good as empty.
                if !again || !self.afford(walking, cost).await.unwrap_or(false) {
                    break;
                }
                tokio::time::sleep(pause).await;
                tried = request().await;
            }
            tried
        };
        Ok(Some(walking.known.handle.breaker.guard(kind, 0, tries).await))
    }

    /// Whether so much of the day's budget is given out and not spent that going on is worth it. Where a budget
    /// is short it trickles, and all of it would go for the first request of a page.
    pub(super) fn is_worth_it(&self, state: &ScrubState, now: Timestamp) -> bool {
        let budget = self.settings.scrub.budget;
        let spent = if state.day == BudgetDay::of(now) { state.spent } else { Spent::default() };
        share(budget, 1, SHARES).is_within(less(Purse::Evenly.limit(budget, now), spent))
    }

    /// The same out of any account, of which no more than `limit` goes in a day.
    pub async fn pay(&self, account: Account, limit: Spent, wanted: Spent) -> Result<bool, Error> {
        let today = BudgetDay::of(self.outside.clock.now());
        let mut purses = self.scrub.purses.0.lock().await;
        let (day, left) = purses.entry(account).or_default();
        if *day != today {
            (*day, *left) = (today, Spent::default());
        }
        if !wanted.is_within(*left) {
            let missing = less(wanted, *left);
            let mut taken = None;
            for times in [BLOCK, 1] {
                let block = multiply(missing, times);
                if taken.is_none() && self.catalog.spend(account, today, block, limit).await?.is_some() {
                    taken = Some(block);
                }
            }
            let Some(taken) = taken else { return Ok(false) };
            *left = left.and(taken);
        }
        *left = less(*left, wanted);
        Ok(true)
    }
}

/// So many of so many equal parts.
fn share(whole: Spent, parts: i64, of: i64) -> Spent {
    let share = |whole: u64| u64::try_from(i128::from(whole) * i128::from(parts) / i128::from(of)).unwrap_or(whole);
    Spent { requests: share(whole.requests), bytes: share(whole.bytes), cost: NanoDollars(share(whole.cost.0)) }
}

fn less(from: Spent, what: Spent) -> Spent {
    Spent {
        requests: from.requests.saturating_sub(what.requests),
        bytes: from.bytes.saturating_sub(what.bytes),
        cost: NanoDollars(from.cost.0.saturating_sub(what.cost.0)),
    }
}

pub fn multiply(one: Spent, times: u64) -> Spent {
    Spent {
        requests: one.requests.saturating_mul(times),
        bytes: one.bytes.saturating_mul(times),
        cost: NanoDollars(one.cost.0.saturating_mul(times)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_given_out_evenly() {
        let budget = Spent { requests: 240, bytes: 2400, cost: NanoDollars(24_000) };
        let hour = |hours: i64| Timestamp(20_000 * BudgetDay::MS + hours * 3_600_000);
        for (hours, requests) in [(0, 0), (1, 10), (12, 120), (23, 230), (24, 0)] {
            let limit = Purse::Evenly.limit(budget, hour(hours));
            let expected = Spent { requests, bytes: 10 * requests, cost: NanoDollars(100 * requests) };
            assert_eq!(limit, expected, "after {hours} hours");
        }
        assert_eq!(Purse::Day.limit(budget, hour(1)), budget);
        assert_eq!(Purse::Beyond.limit(budget, hour(1)), Spent::UNBOUNDED);
        let vast = Spent { requests: u64::MAX, ..budget };
        assert_eq!(Purse::Evenly.limit(vast, hour(12)).requests, u64::MAX / 2);
    }
}
