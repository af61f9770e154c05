//! The journal: what compacting it would do, and doing it.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use engine::Compaction;
use http::StatusCode;

use super::guard::Caller;
use super::problem::Problem;
use super::wire::{Compacted, CompactionState};
use super::{Admin, held};

/// What compacting the journal would take. Nothing is changed.
#[utoipa::path(
    get,
    path = "/api/v1/compaction-plan",
    responses((status = 200, description = "What it would take", body = Compacted))
)]
pub async fn plan(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Compacted>, Problem> {
    let plan = admin.engine.plan_compaction(&admin.permit, &caller.label(&admin)).await?;
    Ok(Json(compacted(plan)))
}

/// Begins to compact the journal up to the session's label; its state tells how far it is.
#[utoipa::path(
    post,
    path = "/api/v1/compactions",
    responses((status = 202, description = "Begun"))
)]
pub async fn begin(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, Problem> {
    let highest = caller.label(&admin);
    {
        let mut state = held(&admin.compaction);
        if state.as_ref().is_some_and(|(_, state)| !state.over) {
            return Err(Problem::new(StatusCode::CONFLICT, "the journal is being compacted: wait for it"));
        }
        *state = Some((highest, CompactionState::default()));
    }
    tokio::spawn(async move {
        let tell = |done: &Compaction| {
            if let Some((_, state)) = held(&admin.compaction).as_mut() {
                state.done = compacted(*done);
            }
        };
        let outcome = admin.engine.compact(&admin.permit, &highest, tell).await;
        if let Some((_, state)) = held(&admin.compaction).as_mut() {
            state.over = true;
            state.failed = outcome.err().map(|error| error.to_string());
        }
    });
    Ok(StatusCode::ACCEPTED)
}

/// How far the compaction is. One that reached above the session is told to nobody below.
#[utoipa::path(
    get,
    path = "/api/v1/compactions",
    responses((status = 200, description = "The one under way, or the last", body = CompactionState))
)]
pub async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<CompactionState>, Problem> {
    let state = held(&admin.compaction).clone().filter(|(highest, _)| *highest <= caller.label(&admin));
    state
        .map(|(_, state)| Json(state))
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "nothing was compacted since the start"))
}

fn compacted(of: Compaction) -> Compacted {
    let Compaction { segments, into, live, stored, waiting } = of;
    Compacted { segments, into, live_bytes: live, stored_bytes: stored, waiting }
}
