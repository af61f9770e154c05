//! The first look: what could be lost, and what it costs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use model::{NanoDollars, Prices};
use providers::Kind;
use providers::meter::Snapshot;

use super::Admin;
use super::durability::dollars;
use super::guard::Caller;
use super::problem::Problem;
use super::troubles;
use super::wire::{CostMonth, Overview, Promise, SiteCost};

/// Of which list prices are.
const GB: u64 = 1_000_000_000;
const MONTH_S: u64 = 30 * 24 * 3600;
/// From a shorter time no month is concluded.
const MEASURED_S_MIN: u64 = 600;

/// How many more vendors what is stored can lose, and what the sites cost a month.
#[utoipa::path(
    get,
    path = "/api/v1/overview",
    responses((status = 200, description = "The overview", body = Overview))
)]
pub async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Overview>, Problem> {
    Ok(Json(seen(&admin, &caller).await?))
}

/// The overview as this caller may see it.
pub async fn seen(admin: &Admin, caller: &Caller) -> Result<Overview, Problem> {
    let (label, all) = (caller.label(admin), caller.sees_all(admin));
    let ledger = admin.engine.last_durability(&admin.permit);
    let mut by_spare: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    let mut refused = BTreeSet::new();
    if let Some((ledger, _)) = &ledger {
        for row in ledger.rows.iter().filter(|row| row.bucket.label <= label) {
            for (spare, tally) in admin.engine.by_vendors(&admin.permit, ledger, row) {
                let (objects, bytes) = by_spare.entry(spare).or_default();
                *objects += tally.objects;
                *bytes += tally.bytes;
            }
            if !admin.engine.takes_writes(&admin.permit, row.bucket.profile, row.bucket.label) {
                refused.insert(row.bucket.profile.to_string());
            }
        }
    }
    let promise = by_spare.into_iter().map(|(spare, (objects, bytes))| Promise { spare, objects, bytes });
    let below_promise = match all {
        true => Some(admin.engine.status(&admin.permit).await?.totals.below_promise),
        false => None,
    };
    Ok(Overview {
        promise: promise.collect(),
        promise_age_s: ledger.as_ref().map(|(_, age)| age.as_secs()),
        below_promise,
        refused_writes: refused.into_iter().collect(),
        troubles: if all { Some(troubles::found(admin).await) } else { None },
        cost_month: all.then(|| cost(admin)),
    })
}

fn cost(admin: &Admin) -> CostMonth {
    let ledger = admin.engine.last_durability(&admin.permit);
    let running_s = admin.clock.monotonic_ms().saturating_sub(admin.began_ms) / 1000;
    let (mut sites, settings) = (BTreeMap::new(), admin.config());
    for now in admin.engine.site_gauges(&admin.permit) {
        let name = now.status.site.name;
        let config = settings.sites.iter().find(|config| config.name == name);
        let prices = config.map(|config| config.facts.prices).filter(|prices| *prices != Prices::default());
        let stored = ledger.as_ref().and_then(|(ledger, _)| ledger.sites.iter().find(|of| of.site.name == name));
        let storage = prices.zip(stored).map(|(prices, of)| per_gb(of.bytes, prices.storage_gb_month));
        let requests = prices.filter(|_| running_s >= MEASURED_S_MIN).map(|prices| {
            let spent = u128::from(spent(&now.asked, &prices).0) * u128::from(MONTH_S) / u128::from(running_s.max(1));
            NanoDollars(u64::try_from(spent).unwrap_or(u64::MAX))
        });
        let of = SiteCost { storage_dollars: storage.map(dollars), request_dollars: requests.map(dollars) };
        sites.insert(name, of);
    }
    CostMonth { sites }
}

fn per_gb(bytes: u64, price: NanoDollars) -> NanoDollars {
    let cost = (u128::from(bytes) * u128::from(price.0)).div_ceil(u128::from(GB));
    NanoDollars(u64::try_from(cost).unwrap_or(u64::MAX))
}

/// What these requests cost; a head costs what a get does.
fn spent(asked: &Snapshot, prices: &Prices) -> NanoDollars {
    let of = |kind: Kind, price: NanoDollars| asked.of(kind).requests.saturating_mul(price.0);
    let requests = [
        of(Kind::Put, prices.put),
        of(Kind::Get, prices.get),
        of(Kind::Head, prices.get),
        of(Kind::List, prices.list),
        of(Kind::Delete, prices.delete),
        per_gb(asked.of(Kind::Get).bytes, prices.egress_gb).0,
    ];
    NanoDollars(requests.into_iter().fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use providers::meter::Count;

    use super::*;

    #[test]
    fn requests_and_what_leaves_are_priced() {
        let prices = Prices {
            put: NanoDollars(5000),
            get: NanoDollars(400),
            egress_gb: NanoDollars(90_000_000),
            ..Prices::default()
        };
        let of = |requests, bytes| Count { requests, bytes, ..Count::default() };
        let asked = Snapshot { put: of(2, 5), get: of(3, GB), head: of(1, 0), ..Snapshot::default() };
        assert_eq!(spent(&asked, &prices), NanoDollars(2 * 5000 + 4 * 400 + 90_000_000));
        assert_eq!(per_gb(1, NanoDollars(1)), NanoDollars(1), "a part of a nano-dollar counts as one");
    }
}
