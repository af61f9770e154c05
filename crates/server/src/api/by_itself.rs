//! What the background would do next by itself: delete pieces that nothing names, and what lifecycle rules make due.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use engine::{Step, What};

use super::Admin;
use super::guard::Caller;
use super::problem::Problem;
use super::wire::{LifecyclePlan, LifecycleRow, SweepPlan, SweptSite};

/// What a sweep would delete at the sites now: pieces that no record names, whose grace is over. Nothing is changed there.
#[utoipa::path(
    get,
    path = "/api/v1/sweep-plan",
    responses((status = 200, description = "What would be deleted", body = SweepPlan))
)]
pub async fn plan_sweep(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<SweepPlan>, Problem> {
    caller.whole(&admin)?;
    let plan = admin.engine.plan_sweep(&admin.permit).await?;
    let site = |(site, pieces): &(model::Site, Vec<model::PieceName>)| SweptSite {
        site: site.name.clone(),
        pieces: pieces.len() as u64,
    };
    Ok(Json(SweepPlan { sites: plan.sites.iter().map(site).collect(), waiting: plan.waiting as u64 }))
}

/// What lifecycle rules make due now, counted by bucket and rule. Nothing is changed.
#[utoipa::path(
    get,
    path = "/api/v1/lifecycle-plan",
    responses((status = 200, description = "What is due", body = LifecyclePlan))
)]
pub async fn plan_lifecycle(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<LifecyclePlan>, Problem> {
    caller.whole(&admin)?;
    let plan = admin.engine.plan_lifecycle(&admin.permit).await?;
    let rows = rows(&plan.steps, |step| admin.accreditation.banner(&step.bucket.label));
    Ok(Json(LifecyclePlan { rows, more: plan.more }))
}

/// Keys are the owners' business: they are counted.
fn rows(steps: &[Step], label: impl Fn(&Step) -> String) -> Vec<LifecycleRow> {
    let mut rows: BTreeMap<(String, String, String), LifecycleRow> = BTreeMap::new();
    for step in steps {
        let (bucket, label, rule) = (step.bucket.name.to_string(), label(step), step.rule.clone());
        let row = rows.entry((label.clone(), bucket.clone(), rule.clone()));
        let row = row.or_insert(LifecycleRow { bucket, label, rule, expired: 0, removed: 0, aborted: 0 });
        match step.what {
            What::Expire(_) => row.expired += 1,
            What::Remove(..) => row.removed += 1,
            What::Abort(_) => row.aborted += 1,
        }
    }
    rows.into_values().collect()
}
