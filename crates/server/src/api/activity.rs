//! What the system is doing now, and why. What is counted over all labels is told to those alone who see all.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use engine::{Depth, Task};
use model::SiteState;
use model::adoption::Stage;

use super::guard::Caller;
use super::keys::rfc3339;
use super::problem::Problem;
use super::wire::{Activity, ActivityItem, Progress};
use super::{Admin, adoptions, held};

/// What is being done now: repairs, evacuations, moves, scrubs, copies, and sites that are left out.
#[utoipa::path(
    get,
    path = "/api/v1/activity",
    responses((status = 200, description = "What is being done", body = Activity))
)]
pub async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Activity>, Problem> {
    Ok(Json(seen(&admin, &caller).await?))
}

/// The activity as this caller may see it.
pub async fn seen(admin: &Admin, caller: &Caller) -> Result<Activity, Problem> {
    let all = caller.sees_all(admin);
    let mut items = sites(admin, all).await?;
    if all {
        let below = admin.engine.status(&admin.permit).await?.totals.below_promise;
        if below > 0 {
            let why = "segments have fewer proven pieces than they promise: the most endangered are brought up first";
            items.push(ActivityItem {
                progress: Some(Progress { done: 0, total: Some(below), unit: "segments".to_owned() }),
                ..item("catch-up", "all buckets", why)
            });
        }
        items.extend(repair(admin));
        items.extend(scrub(admin));
        items.extend(backup(admin));
        items.extend(by_itself(admin));
    }
    items.extend(compaction(admin, caller));
    items.extend(moves(admin, caller).await?);
    items.extend(adopted(admin, caller).await?);
    Ok(Activity { items })
}

fn item(kind: &str, what: &str, why: &str) -> ActivityItem {
    ActivityItem {
        kind: kind.to_owned(),
        what: what.to_owned(),
        why: why.to_owned(),
        since: None,
        progress: None,
        state: "running".to_owned(),
    }
}

async fn sites(admin: &Admin, all: bool) -> Result<Vec<ActivityItem>, Problem> {
    let mut items = Vec::new();
    for now in admin.engine.site_gauges(&admin.permit) {
        let (site, state) = (now.status.site, now.status.state);
        if let Some(reason) = &now.status.reason {
            items.push(ActivityItem {
                since: admin.ring.out_since(&site.name).map(rfc3339),
                state: "waiting".to_owned(),
                ..item("out", &site.name, reason)
            });
        }
        match state {
            SiteState::Suspended => {
                let why = "an operator suspended it: nothing is written there, and only what is nowhere else is read from there";
                items.push(ActivityItem { state: "paused".to_owned(), ..item("suspended", &site.name, why) });
            }
            SiteState::Draining => {
                let why = "it is being left: what lies there is brought elsewhere";
                let mut leaving = item("evacuation", &site.name, why);
                if all {
                    let found = admin.engine.evacuations(&admin.permit, std::slice::from_ref(&site.name)).await?;
                    leaving.progress = found.first().map(|of| Progress {
                        done: of.moved.pieces,
                        total: Some(of.moved.pieces + of.left),
                        unit: "pieces".to_owned(),
                    });
                }
                items.push(leaving);
            }
            SiteState::Active | SiteState::Detached => {}
        }
    }
    Ok(items)
}

fn repair(admin: &Admin) -> Option<ActivityItem> {
    let state = held(&admin.repair).clone().filter(|state| !state.over)?;
    let progress = Progress { done: state.segments, total: Some(state.of), unit: "segments".to_owned() };
    Some(ActivityItem { progress: Some(progress), ..item("repair", "all buckets", "an operator asked for it") })
}

fn scrub(admin: &Admin) -> Option<ActivityItem> {
    let run = held(&admin.scrub);
    let done = run.as_ref()?.under_way()?;
    let progress = Progress { done: done.looked_at, total: None, unit: "pieces".to_owned() };
    let what = if done.at.is_empty() { "the sites" } else { &done.at };
    Some(ActivityItem { progress: Some(progress), ..item("scrub", what, "an operator asked for it") })
}

/// What the background began.
fn by_itself(admin: &Admin) -> Vec<ActivityItem> {
    let shown = |task: engine::UnderWay| {
        let (kind, what, why, unit) = words(task.task);
        let progress = (task.done > 0).then(|| Progress { done: task.done, total: None, unit: unit.to_owned() });
        let what = task.site.as_deref().unwrap_or(what);
        ActivityItem { since: Some(rfc3339(task.since)), progress, ..item(kind, what, why) }
    };
    admin.engine.under_way(&admin.permit).into_iter().map(shown).collect()
}

/// Kind, what it is about where that is no site, why it is done, and what is counted of it.
const fn words(task: Task) -> (&'static str, &'static str, &'static str, &'static str) {
    match task {
        Task::Scrub(Depth::Inventory) => {
            ("scrub", "", "what the site lists is compared with the catalog once a day (`seen_every`)", "pieces")
        }
        Task::Scrub(Depth::Heads) => {
            ("scrub", "", "pieces that no listing proved for two days are asked for one by one", "pieces")
        }
        Task::Scrub(Depth::Cells) => {
            ("scrub", "", "pieces that were not read for so long (`read_every`) are read and proven", "pieces")
        }
        Task::Compaction => {
            ("compaction", "the journal", "many small segments of it are sealed anew as fewer, every hour", "segments")
        }
        Task::Sweep => ("sweep", "the sites", "pieces that no record names are deleted after their grace", "pieces"),
        Task::Snapshot => (
            "snapshot",
            "the sites",
            "enough changed since the last one: a rebuild reads the journal from it on",
            "records",
        ),
        Task::Lifecycle => (
            "lifecycle",
            "all buckets",
            "rules of buckets made it due: versions and uploads go",
            "versions and uploads",
        ),
    }
}

fn backup(admin: &Admin) -> Option<ActivityItem> {
    let state = held(&admin.backup).clone().filter(|state| state.digest.is_none() && state.failed.is_none())?;
    let total = Some(state.bytes).filter(|bytes| *bytes > 0);
    let progress = Progress { done: state.done, total, unit: "bytes".to_owned() };
    Some(ActivityItem { progress: Some(progress), ..item("backup", "the catalog", "an operator asked for it") })
}

fn compaction(admin: &Admin, caller: &Caller) -> Option<ActivityItem> {
    let of = held(&admin.compaction).clone();
    let (_, state) = of.filter(|(highest, state)| !state.over && *highest <= caller.label(admin))?;
    let progress = Progress { done: state.done.segments, total: None, unit: "segments".to_owned() };
    Some(ActivityItem { progress: Some(progress), ..item("compaction", "the journal", "an operator asked for it") })
}

async fn moves(admin: &Admin, caller: &Caller) -> Result<Vec<ActivityItem>, Problem> {
    let (moves, _) = admin.engine.data_moves(&admin.permit).await?;
    let under_way = moves.into_iter().filter(|of| !of.done && of.bucket.label <= caller.label(admin));
    let shown = |of: engine::DataMove| {
        let why = format!("it is brought to where its profile `{}` says", of.bucket.profile);
        ActivityItem { since: Some(rfc3339(of.asked)), ..item("move", of.bucket.name.as_str(), &why) }
    };
    Ok(under_way.map(shown).collect())
}

async fn adopted(admin: &Admin, caller: &Caller) -> Result<Vec<ActivityItem>, Problem> {
    let open = adoptions::visible(admin, caller).await?.into_iter().filter(|status| status.adoption.is_open());
    let shown = |of: engine::AdoptionStatus| {
        let why = match &of.trouble {
            Some(trouble) => trouble.clone(),
            None => format!("it takes over `{}`", of.adoption.origin.bucket),
        };
        let state = match of.adoption.stage {
            Stage::Paused => "paused",
            _ if of.trouble.is_some() => "stopped",
            _ if of.progress.caught_up => "waiting",
            _ => "running",
        };
        ActivityItem {
            since: Some(rfc3339(of.adoption.begun)),
            progress: Some(Progress { done: of.progress.objects, total: None, unit: "objects".to_owned() }),
            state: state.to_owned(),
            ..item("adoption", of.bucket.name.as_str(), &why)
        }
    };
    Ok(open.map(shown).collect())
}
