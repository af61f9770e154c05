//! `[scrub]`: what may be spent on proving pieces, and how often; `[keeping]`: what on moving them.

use std::time::Duration;

use engine::{KeepingSettings, ScrubSettings};
use model::NanoDollars;
use toml::Spanned;

use super::Check;

/// Dollars a day: a slip of the decimal point is told, not believed.
const DOLLARS_MAX: f64 = 10_000.0;
/// Listing everything more often than this is no scrub but a load.
const EVERY_MIN: Duration = Duration::from_secs(60);
/// What nobody looked at for so long nobody keeps.
const EVERY_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

section! {
    /// What may be spent on proving what lies at the sites, of each site and day.
    [scrub]
    #[derive(Default)]
    pub struct Section {
        /// 0: no scrub in the background
        requests_per_day: Option<Spanned<u64>> = "`1000000`",
        /// MiB, GiB or TiB
        bytes_per_day: Option<Spanned<String>> = "`16 GiB`",
        /// at the site's list prices
        dollars_per_day: Option<Spanned<f64>> = "`1.0`",
        /// how old the last inventory of a site may become
        seen_every: Option<Spanned<String>> = "`20 h`",
        /// how old the last read of a piece may become
        read_every: Option<Spanned<String>> = "`27 d`",
    }
}

section! {
    /// What repairs, evacuations and moves may take together.
    [keeping]
    #[derive(Default)]
    pub struct Keeping {
        /// read and written together
        bytes_per_second: Option<Spanned<String>> = "no limit",
        /// at list prices, of the UTC day; what is under its floor is restored all the same
        dollars_per_day: Option<Spanned<f64>> = "no limit",
    }
}

impl Check<'_> {
    pub(super) fn keeping(&mut self, section: &Keeping) -> KeepingSettings {
        let pace = |text: &str| match bytes(text) {
            Ok(0) => {
                Err("at no bytes a second nothing is ever restored: leave `bytes_per_second` out for no limit"
                    .to_owned())
            }
            bytes => bytes.map(Some),
        };
        KeepingSettings {
            bytes_per_second: self.parsed(section.bytes_per_second.as_ref(), None, pace),
            dollars_per_day: section.dollars_per_day.as_ref().and_then(|told| self.dollars_per_day(told)),
        }
    }

    fn dollars_per_day(&mut self, told: &Spanned<f64>) -> Option<NanoDollars> {
        let cost = dollars(*told.get_ref());
        if cost.is_none() {
            let what = format!("`{}` is no budget of a day: write dollars such as 1.50", told.get_ref());
            self.complain(&told.span(), what);
        }
        cost
    }

    pub(super) fn scrub(&mut self, section: &Section) -> ScrubSettings {
        let mut scrub = ScrubSettings::default();
        if let Some(requests) = &section.requests_per_day {
            scrub.budget.requests = *requests.get_ref();
        }
        scrub.budget.bytes = self.parsed(section.bytes_per_day.as_ref(), scrub.budget.bytes, bytes);
        if let Some(cost) = section.dollars_per_day.as_ref().and_then(|told| self.dollars_per_day(told)) {
            scrub.budget.cost = cost;
        }
        scrub.seen_every = self.parsed(section.seen_every.as_ref(), scrub.seen_every, every);
        scrub.read_every = self.parsed(section.read_every.as_ref(), scrub.read_every, every);
        scrub
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "it was compared"
)]
fn dollars(told: f64) -> Option<NanoDollars> {
    (0.0..=DOLLARS_MAX).contains(&told).then(|| NanoDollars((told * NanoDollars::DOLLAR as f64).round() as u64))
}

/// `16 GiB` in bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let bad = || format!("`{text}` is no size: write one such as `512 MiB` or `16 GiB`");
    let (count, unit) = text.split_once(' ').ok_or_else(bad)?;
    let shift = match unit {
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return Err(bad()),
    };
    count.parse::<u64>().ok().and_then(|count| count.checked_mul(1 << shift)).ok_or_else(bad)
}

/// `20 h` as a time.
fn every(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no time: write one such as `20 h` or `27 d`");
    let (count, unit) = text.split_once(' ').ok_or_else(bad)?;
    let seconds = match unit {
        "min" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(bad()),
    };
    let every = count.parse::<u64>().ok().and_then(|count| count.checked_mul(seconds)).ok_or_else(bad)?;
    let every = Duration::from_secs(every);
    if !(EVERY_MIN..=EVERY_MAX).contains(&every) {
        return Err(format!("`{text}` is too short or too long: between `1 min` and `366 d` is a scrub"));
    }
    Ok(every)
}
