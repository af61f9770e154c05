//! What repairs, evacuations and moves may take: bytes a second, and dollars a day at list prices.
//!
//! A day's dollars are taken from the catalog before they are spent, as a scrub's are. What is in danger is
//! restored whatever is left of them: it pays all the same, so that the rest waits the longer.

use catalog::Endangered;
use catalog::proof::{Account, BudgetDay, Spent};
use model::{NanoDollars, Segment};

use super::plan::Bill;
use crate::adopt::Pace;
use crate::error::Error;
use crate::inner::Inner;

/// Set by the operator; without a limit where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepingSettings {
    /// Read and written together, on average.
    pub bytes_per_second: Option<u64>,
    pub dollars_per_day: Option<NanoDollars>,
}

/// Whether the day's dollars bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    Day,
    /// They are counted all the same.
    Beyond,
}

impl KeepingSettings {
    pub fn pace(&self) -> Pace {
        Pace::new(self.bytes_per_second)
    }
}

/// Whether the segment lies under its floor, so that losing one more vendor would lose it.
pub fn is_in_danger(segment: &Segment) -> bool {
    Endangered::of(segment).spare < i64::from(segment.promise.min(1))
}

impl Inner {
    /// Takes what is to be spent on the segment from the day's dollars; `false` where too few are left.
    pub async fn afford_mending(&self, segment: &Segment, bill: &Bill, budget: Budget) -> Result<bool, Error> {
        let Some(dollars) = self.settings.keeping.dollars_per_day else { return Ok(true) };
        if budget == Budget::Beyond || is_in_danger(segment) {
            self.pay_anyway(bill).await?;
            return Ok(true);
        }
        self.pay(Account::Keeping, Spent { cost: dollars, ..Spent::UNBOUNDED }, spent(bill)).await
    }

    /// Just this and no block of it: what is taken and not spent would be there for those who are bound.
    async fn pay_anyway(&self, bill: &Bill) -> Result<(), Error> {
        let today = BudgetDay::of(self.outside.clock.now());
        self.catalog.spend(Account::Keeping, today, spent(bill), Spent::UNBOUNDED).await?;
        Ok(())
    }

    /// What a segment took beyond its plan is paid too, and so many bytes are waited for as the pace says.
    pub async fn settle_mending(&self, planned: &Bill, really: &Bill) -> Result<(), Error> {
        if self.settings.keeping.dollars_per_day.is_some() && really.cost > planned.cost {
            let more = Bill { cost: NanoDollars(really.cost.0 - planned.cost.0), ..Bill::default() };
            self.pay_anyway(&more).await?;
        }
        let bytes = really.bytes_read.saturating_add(really.bytes_written);
        self.pace.pass(usize::try_from(bytes).unwrap_or(usize::MAX)).await;
        Ok(())
    }
}

fn spent(bill: &Bill) -> Spent {
    let Bill { bytes_read, bytes_written, requests, cost, .. } = *bill;
    Spent { requests, bytes: bytes_read.saturating_add(bytes_written), cost }
}
