//! The facts of a site: what its settings say over the shipped defaults of its vendor and region.

use std::collections::BTreeMap;

use model::{Coordinates, NanoDollars, Prices, SiteFacts, Vendor};
use serde::Deserialize;

/// Dated, with origin.
const SHIPPED: &str = include_str!("../../data/facts.toml");

/// Dollars that a price may be: a slip of the decimal point is told, not believed.
const DOLLARS_MAX: f64 = 1000.0;

section! {
    /// They inform choices and plans; nothing is billed by them. Unless set they are the shipped list prices of the
    /// vendor, and of a site of kind `local` nothing.
    [prices]
    #[derive(Clone, Debug, Default)]
    pub struct PriceTable {
        /// dollars for 1,000 writes
        put_per_1000: Option<f64> = "as shipped",
        /// for 1,000 reads
        get_per_1000: Option<f64> = "as shipped",
        /// for 1,000 listings
        list_per_1000: Option<f64> = "as shipped",
        /// for 1,000 deletions
        delete_per_1000: Option<f64> = "as shipped",
        /// for a GB that leaves the vendor
        egress_per_gb: Option<f64> = "as shipped",
        /// GB a month that leave for nothing
        egress_free_gb: Option<u32> = "as shipped",
        /// for a GB kept a month
        storage_per_gb_month: Option<f64> = "as shipped",
    }
}

#[derive(Deserialize)]
struct Shipped {
    /// Year and month: `2026-11`.
    as_of: String,
    prices: BTreeMap<String, PriceTable>,
    regions: BTreeMap<String, BTreeMap<String, [f64; 2]>>,
}

/// The shipped facts of a vendor's region; what is not known stays empty.
pub fn shipped(vendor: Vendor, region: &str) -> SiteFacts {
    // A test reads the file; should it be damaged all the same, facts only inform choices.
    let Ok(shipped) = toml::from_str::<Shipped>(SHIPPED) else { return SiteFacts::default() };
    let prices = shipped.prices.get(vendor.name()).and_then(|table| prices(table, Prices::default()).ok());
    let place = shipped.regions.get(vendor.name()).and_then(|regions| regions.get(region));
    SiteFacts {
        coordinates: place.and_then(|place| coordinates(*place).ok()),
        prices: prices.unwrap_or_default(),
        ..SiteFacts::default()
    }
}

/// Of which year and month the shipped prices are.
pub fn as_of() -> Option<(i32, u8)> {
    let shipped = toml::from_str::<Shipped>(SHIPPED).ok()?;
    let (year, month) = shipped.as_of.split_once('-')?;
    Some((year.parse().ok()?, month.parse().ok()?))
}

/// Latitude and longitude in degrees.
pub fn coordinates([latitude, longitude]: [f64; 2]) -> Result<Coordinates, String> {
    let bad = || format!("[{latitude}, {longitude}] is no place: write degrees as [latitude, longitude]");
    let micro = |degrees: f64, most: f64| {
        let good = degrees.is_finite() && degrees.abs() <= most;
        #[expect(clippy::cast_possible_truncation, reason = "180 million fits")]
        good.then(|| (degrees * 1e6).round() as i32)
    };
    Ok(Coordinates {
        latitude_micro: micro(latitude, 90.0).ok_or_else(bad)?,
        longitude_micro: micro(longitude, 180.0).ok_or_else(bad)?,
    })
}

/// The prices `table` names, over `defaults`.
pub fn prices(table: &PriceTable, defaults: Prices) -> Result<Prices, String> {
    let one = |price: Option<f64>, per, default| price.map_or(Ok(default), |dollars| nano_dollars(dollars, per));
    Ok(Prices {
        put: one(table.put_per_1000, 1000.0, defaults.put)?,
        get: one(table.get_per_1000, 1000.0, defaults.get)?,
        list: one(table.list_per_1000, 1000.0, defaults.list)?,
        delete: one(table.delete_per_1000, 1000.0, defaults.delete)?,
        egress_gb: one(table.egress_per_gb, 1.0, defaults.egress_gb)?,
        storage_gb_month: one(table.storage_per_gb_month, 1.0, defaults.storage_gb_month)?,
        egress_free_gb: table.egress_free_gb.unwrap_or(defaults.egress_free_gb),
    })
}

fn nano_dollars(dollars: f64, per: f64) -> Result<NanoDollars, String> {
    if !(0.0..=DOLLARS_MAX).contains(&dollars) {
        return Err(format!("{dollars} is no price: write dollars between 0 and {DOLLARS_MAX}"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be from 0 to 10^12")]
    let nano = (dollars / per * 1e9).round() as u64;
    Ok(NanoDollars(nano))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_facts_are_whole_and_of_known_vendors() {
        let shipped: Shipped = toml::from_str(SHIPPED).unwrap();
        for vendor in shipped.prices.keys().chain(shipped.regions.keys()) {
            assert!(vendor.parse::<Vendor>().is_ok(), "{vendor}");
        }
        for table in shipped.prices.values() {
            let prices = prices(table, Prices::default()).unwrap();
            assert!(prices.put.0 > 0 && prices.get.0 > 0 && prices.egress_gb.0 > 0 && prices.storage_gb_month.0 > 0);
        }
        for (region, place) in shipped.regions.values().flatten() {
            coordinates(*place).unwrap_or_else(|error| panic!("{region}: {error}"));
        }
    }

    #[test]
    fn prices_are_exact_in_nano_dollars() {
        let facts = shipped(Vendor::Amazon, "us-east-1");
        assert_eq!((facts.prices.get, facts.prices.put), (NanoDollars(400), NanoDollars(5000)));
        assert_eq!(facts.prices.egress_gb, NanoDollars(90_000_000));
        assert_eq!(facts.coordinates.map(|place| place.latitude_micro), Some(38_900_000));
        assert_eq!(shipped(Vendor::Oracle, "us-ashburn-1").prices.get, NanoDollars(340));
        assert_eq!(shipped(Vendor::Own, "basement"), SiteFacts::default());
    }

    #[test]
    fn what_is_no_price_or_place_is_refused() {
        for dollars in [-0.01, 1000.1, f64::NAN, f64::INFINITY] {
            assert!(nano_dollars(dollars, 1.0).is_err(), "{dollars}");
        }
        for place in [[90.1, 0.0], [0.0, -180.1], [f64::NAN, 0.0]] {
            assert!(coordinates(place).is_err(), "{place:?}");
        }
    }
}
