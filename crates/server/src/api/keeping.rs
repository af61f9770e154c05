//! Keeping: what sites are used for, leaving them, and repair.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use engine::{Bill, Budget, NotAsked, Stop};
use http::StatusCode;
use model::SiteState;

use super::durability::dollars;
use super::guard::Caller;
use super::moving::waits;
use super::problem::{Problem, bad, body_of};
use super::wire::{
    self, Compared, EvacuationPlan, KeptSite, KeptSites, KeptSums, NewRepair, RepairPlan, RepairState, SetSites, Sites,
    Spare, Work,
};
use super::{Admin, held};

type Body<T> = Result<Json<T>, JsonRejection>;

pub async fn sites(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<KeptSites>, Problem> {
    let names: Vec<String> = admin.config.sites.iter().map(|site| site.name.clone()).collect();
    let mut sites = Vec::new();
    for evacuation in admin.engine.evacuations(&admin.permit, &names).await? {
        let engine::Evacuation { site, state, left, moved, waiting } = evacuation;
        let sums = KeptSums {
            pieces: left,
            moved_pieces: moved.pieces,
            moved_bytes: moved.bytes,
            read_bytes: moved.read,
            dollars: dollars(moved.cost),
            dearer_dollars: dollars(moved.dearer),
            waits: waits(&admin, &waiting),
        };
        sites.push(KeptSite {
            name: site.name,
            vendor: site.vendor.to_string(),
            region: site.region,
            state: state.to_string(),
            sums: caller.sees_all(&admin).then_some(sums),
        });
    }
    Ok(Json(KeptSites { sites }))
}

pub async fn set(State(admin): State<Arc<Admin>>, body: Body<SetSites>) -> Result<StatusCode, Problem> {
    let SetSites { sites, state } = body_of(body)?;
    let found = SiteState::ALL.into_iter().find(|known| known.name() == state);
    let state = found.ok_or_else(|| bad(format!("`{state}` is no state: say active, suspended or draining")))?;
    admin.engine.set_sites(&admin.permit, &sites, state).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn plan_evacuation(
    State(admin): State<Arc<Admin>>,
    body: Body<Sites>,
) -> Result<Json<EvacuationPlan>, Problem> {
    let Sites { sites } = body_of(body)?;
    let plan = admin.engine.plan_evacuation(&admin.permit, &sites).await?;
    Ok(Json(EvacuationPlan {
        sites,
        copied: plan.copied,
        computed: plan.computed,
        recoded: plan.recoded,
        waiting: plan.waiting.values().sum(),
        waits: waits(&admin, &plan.waiting),
        work: work(plan.bill),
        dearer_dollars: dollars(plan.dearer),
    }))
}

pub async fn plan_repair(State(admin): State<Arc<Admin>>) -> Result<Json<RepairPlan>, Problem> {
    let plan = admin.engine.plan_repair(&admin.permit).await?;
    let by_spare = plan.by_spare.iter().map(|(spare, bill)| Spare { spare: *spare, work: work(*bill) }).collect();
    let waiting = plan.waiting.values().sum();
    Ok(Json(RepairPlan { by_spare, waiting, waits: waits(&admin, &plan.waiting), work: work(plan.total()) }))
}

/// Begins one; [`repair`] tells how far it is.
pub async fn begin_repair(State(admin): State<Arc<Admin>>, body: Body<NewRepair>) -> Result<StatusCode, Problem> {
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

pub async fn repair(State(admin): State<Arc<Admin>>) -> Result<Json<RepairState>, Problem> {
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

pub fn work(bill: Bill) -> Work {
    let Bill { segments, pieces, bytes_read, bytes_written, requests, cost } = bill;
    Work { segments, pieces, bytes_read, bytes_written, requests, dollars: dollars(cost) }
}
