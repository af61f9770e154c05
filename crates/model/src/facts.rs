//! What is known of a site beforehand: where it is, what it charges, what may lie there.

use crate::label::Label;

/// Facts of one site, from its settings over the shipped defaults of its vendor and region. They
/// inform a choice between sites and are never needed to reach one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteFacts {
    /// `None` where nobody said and the region is not a known one.
    pub coordinates: Option<Coordinates>,
    pub prices: Prices,
    /// The highest label that may be stored there, ciphertext or not.
    pub ceiling: Label,
}

impl Default for SiteFacts {
    fn default() -> SiteFacts {
        SiteFacts { coordinates: None, prices: Prices::default(), ceiling: Label::LOWEST }
    }
}

/// A place on earth, in millionths of a degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coordinates {
    /// North is positive; at most 90 degrees.
    pub latitude_micro: i32,
    /// East is positive; at most 180 degrees.
    pub longitude_micro: i32,
}

/// An amount in thousand-millionths of a dollar: the price of one request is hundreds of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NanoDollars(pub u64);

impl NanoDollars {
    pub const DOLLAR: u64 = 1_000_000_000;
}

/// List prices of one site. A price that falls with volume is that of the first volume one pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Prices {
    pub put: NanoDollars,
    pub get: NanoDollars,
    pub list: NanoDollars,
    pub delete: NanoDollars,
    /// Per 10^9 bytes that leave the vendor for the internet.
    pub egress_gb: NanoDollars,
    /// Per 10^9 bytes and month.
    pub storage_gb_month: NanoDollars,
    /// Of [`Prices::egress_gb`], in 10^9 bytes a month.
    pub egress_free_gb: u32,
}

impl Prices {
    /// What `requests` reads that carry `bytes` cost past the free volume; a part of a nano-dollar
    /// counts as one.
    pub fn of_reads(&self, requests: u64, bytes: u64) -> NanoDollars {
        let requests = u128::from(requests) * u128::from(self.get.0);
        let bytes = (u128::from(bytes) * u128::from(self.egress_gb.0)).div_ceil(1_000_000_000);
        NanoDollars(u64::try_from(requests + bytes).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cost_their_requests_and_their_bytes() {
        let prices = Prices { get: NanoDollars(400), egress_gb: NanoDollars(90_000_000), ..Prices::default() };
        for (requests, bytes, nano) in [(0, 0, 0), (1, 0, 400), (2, 1_000_000_000, 90_000_800), (0, 1, 1)] {
            assert_eq!(prices.of_reads(requests, bytes), NanoDollars(nano), "{requests} requests, {bytes} bytes");
        }
        assert_eq!(prices.of_reads(u64::MAX, u64::MAX), NanoDollars(u64::MAX));
    }
}
