//! Keeping: what sites are used for, leaving them, and repair.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use engine::{Bill, Budget, NotAsked, Stop};
use http::StatusCode;
use model::{NanoDollars, Prices, SiteState, Vendor};
use providers::remote::Place;

use super::asked::Query;
use super::durability::dollars;
use super::guard::Caller;
use super::moving::waits;
use super::pages::PageQuery;
use super::problem::{Problem, bad, body_of};
use super::status::health;
use super::wire::{
    self, Compared, EvacuationPlan, Health, KeptSite, KeptSites, KeptSums, NewRepair, RepairPlan, RepairState,
    SetSites, SitePrices, Sites, Spare, WaitingSite, Work,
};
use super::{Admin, held};
use crate::config::{SiteConfig, StoreConfig};

type Body<T> = Result<Json<T>, JsonRejection>;

/// The sites: what they are, where, what they charge, and what they are used for.
#[utoipa::path(
    get,
    path = "/api/v1/sites",
    params(PageQuery),
    responses((status = 200, description = "The sites of the configuration", body = KeptSites))
)]
pub async fn sites(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Query(page): Query<PageQuery>,
) -> Result<Json<KeptSites>, Problem> {
    let (sites, next) = page
        .of(all_sites(&admin, &caller).await?.into_iter().enumerate().collect(), |(place, _)| format!("{place:06}"))?;
    let sites = sites.into_iter().map(|(_, site)| site).collect();
    Ok(Json(KeptSites { sites, waiting: waiting_sites(&admin).await, next }))
}

/// The sites in the order of the configuration, as the caller may see them.
pub async fn all_sites(admin: &Admin, caller: &Caller) -> Result<Vec<KeptSite>, Problem> {
    let settings = admin.config();
    let names: Vec<String> = settings.sites.iter().map(|site| site.name.clone()).collect();
    let known = admin.engine.status(&admin.permit).await?.sites;
    let ledger = admin.engine.last_durability(&admin.permit);
    let all = caller.sees_all(admin);
    let mut sites = Vec::new();
    for evacuation in admin.engine.evacuations(&admin.permit, &names).await? {
        let engine::Evacuation { site, state, left, moved, waiting } = evacuation;
        let proofs = ledger.as_ref().and_then(|(ledger, _)| ledger.sites.iter().find(|of| of.site.id == site.id));
        let sums = KeptSums {
            pieces: left,
            bytes: proofs.map(|proofs| proofs.bytes),
            moved_pieces: moved.pieces,
            moved_bytes: moved.bytes,
            read_bytes: moved.read,
            dollars: dollars(moved.cost),
            dearer_dollars: dollars(moved.dearer),
            waits: waits(admin, &waiting),
        };
        let config = settings.sites.iter().find(|config| config.name == site.name);
        let status = known.iter().find(|status| status.site.id == site.id);
        let place = config.and_then(|config| config.facts.coordinates);
        let ceiling = config.map(|config| config.facts.ceiling).filter(|ceiling| *ceiling <= caller.label(admin));
        sites.push(KeptSite {
            name: site.name,
            vendor: site.vendor.to_string(),
            region: site.region,
            state: state.to_string(),
            kind: config.map_or("", kind).to_owned(),
            latitude: place.map(|place| f64::from(place.latitude_micro) / 1e6),
            longitude: place.map(|place| f64::from(place.longitude_micro) / 1e6),
            ceiling: ceiling.map(|ceiling| admin.accreditation.banner(&ceiling)),
            prices: config.and_then(|config| prices(&config.facts.prices)),
            reads: status.map_or(Health::Well, |status| health(status.reads)),
            writes: status.map_or(Health::Well, |status| health(status.writes)),
            reason: status.and_then(|status| status.reason.clone()),
            sums: all.then_some(sums),
        });
    }
    Ok(sites)
}

/// Those that stand in the settings and are not in use.
pub async fn waiting_sites(admin: &Admin) -> Vec<WaitingSite> {
    let config = admin.config();
    let waiting = tokio::task::spawn_blocking(move || config.waiting_sites()).await.unwrap_or_default();
    let shown = |site: SiteConfig| WaitingSite {
        kind: kind(&site).to_owned(),
        name: site.name,
        vendor: site.vendor.to_string(),
        region: site.region,
    };
    waiting.into_iter().map(shown).collect()
}

fn kind(config: &SiteConfig) -> &'static str {
    match &config.store {
        StoreConfig::Local(_) => "local",
        StoreConfig::Remote(settings) => match settings.place {
            Place::S3(_) if config.vendor == Vendor::Oracle => "oci",
            Place::S3(_) => "s3",
            Place::Azure(_) => "azure",
            Place::Gcs(_) => "gcs",
        },
    }
}

/// `None` where nobody said what it charges.
pub fn prices(prices: &Prices) -> Option<SitePrices> {
    let per_1000 = |price: NanoDollars| dollars(price) * 1000.0;
    (*prices != Prices::default()).then(|| SitePrices {
        storage_gb_month: dollars(prices.storage_gb_month),
        writes_per_1000: per_1000(prices.put),
        reads_per_1000: per_1000(prices.get),
        egress_gb: dollars(prices.egress_gb),
    })
}

/// That there are sites of these names.
fn check_there(admin: &Admin, names: &[String]) -> Result<(), Problem> {
    let config = admin.config();
    let known: Vec<&str> = config.sites.iter().map(|site| site.name.as_str()).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => {
            let why = format!("no site is called `{name}`: there are {}", known.join(", "));
            Err(Problem::new(StatusCode::NOT_FOUND, why))
        }
        None => Ok(()),
    }
}

/// The names were right: what is refused then is refused for how the sites are now.
fn stands_against(error: engine::Error) -> Problem {
    match error {
        engine::Error::Invalid(why) => Problem::new(StatusCode::CONFLICT, why),
        error => error.into(),
    }
}

/// Says what sites are used for: active, suspended, or draining, which evacuates them, and is for those who may see what
/// that takes.
#[utoipa::path(
    post,
    path = "/api/v1/site-states",
    request_body = SetSites,
    responses((status = 204, description = "Set"))
)]
pub async fn set(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Body<SetSites>,
) -> Result<StatusCode, Problem> {
    let SetSites { sites, state } = body_of(body)?;
    let found = SiteState::ALL.into_iter().find(|known| known.name() == state);
    let state = found.ok_or_else(|| bad(format!("`{state}` is no state: say active, suspended or draining")))?;
    if state == SiteState::Draining {
        caller.whole(&admin)?;
    }
    check_there(&admin, &sites)?;
    admin.engine.set_sites(&admin.permit, &sites, state).await.map_err(stands_against)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What leaving these sites would take. Nothing is changed.
#[utoipa::path(
    post,
    path = "/api/v1/evacuation-plan",
    request_body = Sites,
    responses((status = 200, description = "What it would take", body = EvacuationPlan))
)]
pub async fn plan_evacuation(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Body<Sites>,
) -> Result<Json<EvacuationPlan>, Problem> {
    caller.whole(&admin)?;
    let Sites { sites } = body_of(body)?;
    check_there(&admin, &sites)?;
    let plan = admin.engine.plan_evacuation(&admin.permit, &sites).await.map_err(stands_against)?;
    Ok(Json(EvacuationPlan {
        sites,
        copied: plan.copied,
        computed: plan.computed,
        recoded: plan.recoded,
        waiting: plan.waiting.values().sum(),
        waits: waits(&admin, &plan.waiting),
        shifts: plan.shifts.iter().map(shift).collect(),
        work: work(plan.bill),
        dearer_dollars: dollars(plan.dearer),
    }))
}

/// What it would take to bring everything below its promise up to it. Nothing is changed.
#[utoipa::path(
    get,
    path = "/api/v1/repair-plan",
    responses((status = 200, description = "What it would take", body = RepairPlan))
)]
pub async fn plan_repair(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<RepairPlan>, Problem> {
    caller.whole(&admin)?;
    let plan = admin.engine.plan_repair(&admin.permit).await?;
    let by_spare = plan.by_spare.iter().map(|(spare, bill)| Spare { spare: *spare, work: work(*bill) }).collect();
    let waiting = plan.waiting.values().sum();
    Ok(Json(RepairPlan { by_spare, waiting, waits: waits(&admin, &plan.waiting), work: work(plan.total()) }))
}

/// Begins a repair; its state tells how far it is.
#[utoipa::path(
    post,
    path = "/api/v1/repairs",
    request_body = NewRepair,
    responses((status = 202, description = "Begun"))
)]
pub async fn begin_repair(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Body<NewRepair>,
) -> Result<StatusCode, Problem> {
    caller.whole(&admin)?;
    let budget = if body_of(body)?.beyond_budget { Budget::Beyond } else { Budget::Day };
    let of = admin.engine.status(&admin.permit).await?.totals.below_promise;
    {
        let mut state = held(&admin.repair);
        if state.as_ref().is_some_and(|state| !state.over) {
            return Err(Problem::new(StatusCode::CONFLICT, "another repair is under way: wait for it"));
        }
        *state = Some(RepairState { of, ..RepairState::default() });
    }
    tokio::spawn(async move {
        let tell = |repaired: &engine::Repaired| {
            if let Some(state) = held(&admin.repair).as_mut() {
                state.segments = repaired.segments;
                state.waits = waits(&admin, &repaired.waiting);
                state.work = work(repaired.bill);
            }
        };
        let outcome = admin.engine.repair(&admin.permit, budget, tell).await;
        let left = admin.engine.status(&admin.permit).await.map(|status| status.totals.below_promise);
        if let Some(state) = held(&admin.repair).as_mut() {
            (state.over, state.left) = (true, left.unwrap_or(of));
            match outcome {
                Ok((_, found)) => state.compared = Some(compared(found)),
                Err(error) => state.failed = Some(error.to_string()),
            }
        }
    });
    Ok(StatusCode::ACCEPTED)
}

/// How far the repair is.
#[utoipa::path(
    get,
    path = "/api/v1/repairs",
    responses((status = 200, description = "The one under way, or the last", body = RepairState))
)]
pub async fn repair(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<RepairState>, Problem> {
    caller.whole(&admin)?;
    let state = held(&admin.repair).clone();
    state.map(Json).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "no repair was asked for since the start"))
}

fn compared(found: engine::Compared) -> Compared {
    let shown = |(site, why): (String, NotAsked)| wire::NotAsked {
        site,
        why: match why {
            NotAsked::Suspended => "suspended".to_owned(),
            NotAsked::Stopped(Stop::Out) => "out".to_owned(),
            NotAsked::Stopped(Stop::Spent) => "not asked to the end: the day's budget of [scrub] is spent".to_owned(),
        },
        on_purpose: why == NotAsked::Suspended,
    };
    let engine::Compared { sites, pieces, missing, restored, not_asked } = found;
    Compared { sites, pieces, missing, restored, not_asked: not_asked.into_iter().map(shown).collect() }
}

fn shift((shift, shifted): (&engine::Shift, &engine::Shifted)) -> wire::Shift {
    wire::Shift {
        segments: shifted.segments,
        bytes: shifted.bytes,
        from: shift.from.to_string(),
        can_lose_now: shift.could_lose,
        to: shift.to.to_string(),
        can_lose_then: shift.can_lose,
    }
}

pub fn work(bill: Bill) -> Work {
    let Bill { segments, pieces, bytes_read, bytes_written, requests, cost } = bill;
    Work { segments, pieces, bytes_read, bytes_written, requests, dollars: dollars(cost) }
}
