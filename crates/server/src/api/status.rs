//! The state of the enclave.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use engine::{SideHealth, SiteStatus};

use super::Admin;
use super::problem::Problem;
use super::wire::{Health, Site, Status};

pub async fn show(State(admin): State<Arc<Admin>>) -> Result<Json<Status>, Problem> {
    let status = admin.engine.status(&admin.permit).await?;
    let totals = status.totals;
    Ok(Json(Status {
        enclave: status.enclave.to_string(),
        below_promise: totals.below_promise,
        unshown: totals.unshown,
        buckets: totals.buckets,
        objects: totals.objects,
        object_bytes: totals.object_bytes,
        uploads: totals.uploads,
        segments: totals.segments,
        sites: status.sites.into_iter().map(site).collect(),
        bad_cells: status.bad_cells,
        hedged_reads: status.hedged_reads,
        site_requests: status.site_requests,
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

const fn health(side: SideHealth) -> Health {
    match side {
        SideHealth::Well => Health::Well,
        SideHealth::Out => Health::Out,
    }
}
