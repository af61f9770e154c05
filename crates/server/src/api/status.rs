//! The state of the enclave.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use engine::{SideHealth, SiteStatus};

use super::Admin;
use super::guard::Caller;
use super::problem::Problem;
use super::wire::{Health, Site, Status, StatusSums};

/// The state of the enclave: its sites, and for those who see everything what lies in it.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    responses((status = 200, description = "How the enclave is", body = Status))
)]
pub async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Status>, Problem> {
    let status = admin.engine.status(&admin.permit).await?;
    let totals = status.totals;
    let sums = StatusSums {
        below_promise: totals.below_promise,
        unshown: totals.unshown,
        buckets: totals.buckets,
        objects: totals.objects,
        object_bytes: totals.object_bytes,
        uploads: totals.uploads,
        segments: totals.segments,
        bad_cells: status.bad_cells,
        hedged_reads: status.hedged_reads,
        site_requests: status.site_requests,
    };
    Ok(Json(Status {
        enclave: status.enclave.to_string(),
        sums: caller.sees_all(&admin).then_some(sums),
        sites: status.sites.into_iter().map(site).collect(),
    }))
}

fn site(status: SiteStatus) -> Site {
    Site {
        name: status.site.name,
        vendor: status.site.vendor.to_string(),
        region: status.site.region,
        state: status.state.to_string(),
        reads: health(status.reads),
        writes: health(status.writes),
        reason: status.reason,
    }
}

pub const fn health(side: SideHealth) -> Health {
    match side {
        SideHealth::Well => Health::Well,
        SideHealth::Out => Health::Out,
    }
}
