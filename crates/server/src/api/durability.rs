//! How well what is stored is kept: the durability ledger, what scrubs found, and a scrub that is asked for.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use engine::{Depth, Purse, ScrubDone, ScrubOrder, Spent, Standard, Stop};
use http::StatusCode;
use model::{NanoDollars, Timestamp};
use serde::Deserialize;
use tokio::sync::watch;

use super::asked::Query;
use super::guard::Caller;
use super::keys::rfc3339;
use super::pages::PageQuery;
use super::problem::{Problem, bad, body_of};
use super::wire::{
    DepthCost, Durability, DurableBucket, Finding, Findings, NewScrub, Proven, ProvenSite, ScrubCost, ScrubPlan,
    ScrubState, ScrubSums, SiteScrub, StoppedScrub,
};
use super::{Admin, drills, held};

/// The scrub under way, or the last one.
pub struct Run {
    progress: watch::Receiver<ScrubDone>,
    /// `None` while it runs.
    outcome: Option<Result<(), String>>,
}

impl Run {
    /// What it did so far, while it runs.
    pub fn under_way(&self) -> Option<ScrubDone> {
        self.outcome.is_none().then(|| self.progress.borrow().clone())
    }
}

/// Which page, and of which walk.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Walked {
    /// Walk now: what was written before this was asked is in it. Whoever asks again and again leaves it out.
    #[serde(default)]
    now: bool,
    /// How many items at most; 1000 unless told.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// What `next` of the page before said.
    after: Option<String>,
}

/// The durability ledger: how many objects have how many pieces to spare, and how well that is proven.
#[utoipa::path(
    get,
    path = "/api/v1/durability",
    params(Walked),
    responses((
        status = 200,
        description = "The ledger: of the last walk, until nineteen times as long as that took have gone by since, or walked \
                       now. Pages behind the first are of the last walk",
        body = Durability
    ))
)]
pub async fn show_ledger(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Query(Walked { now, limit, after }): Query<Walked>,
) -> Result<Json<Durability>, Problem> {
    let page = PageQuery::new(limit, after);
    let last = admin.engine.last_durability(&admin.permit).filter(|_| !page.is_first());
    let ledger = match last {
        Some((ledger, _)) => ledger,
        None if now => admin.engine.durability(&admin.permit).await?,
        None => admin.engine.durability_lately(&admin.permit).await?,
    };
    let highest = caller.label(&admin);
    let rows = ledger.rows.iter().filter(|row| row.bucket.label <= highest).collect();
    let (rows, next) = page.of(rows, |row| format!("{}/{}", row.bucket.name, row.bucket.id))?;
    let buckets = rows.into_iter().map(|row| bucket(&admin, row)).collect();
    // What is said of a site is said of everything that lies there.
    let sites = if caller.sees_all(&admin) { ledger.sites.iter().map(site).collect() } else { Vec::new() };
    let last_drill = drills::last(&admin, &caller).await?;
    Ok(Json(Durability { at: rfc3339(ledger.at), buckets, sites, last_drill, next }))
}

/// What scrubs found of faults at sites.
#[utoipa::path(
    get,
    path = "/api/v1/findings",
    params(PageQuery),
    responses((status = 200, description = "What scrubs found, newest first", body = Findings))
)]
pub async fn findings(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Findings>, Problem> {
    let found = admin.engine.findings(&admin.permit, &caller.label(&admin)).await?;
    // Newest first.
    let (found, next) = page.of(found, |finding| {
        let newest_first = i64::MAX - finding.last.0.max(0);
        format!("{newest_first:020}{}{}{}", finding.site, finding.object, finding.fault.name())
    })?;
    let sites = admin.engine.status(&admin.permit).await?.sites;
    let name = |id| sites.iter().find(|site| site.site.id == id).map(|site| site.site.name.clone());
    let shown = |finding: engine::Finding| Finding {
        fault: finding.fault.name().to_owned(),
        site: name(finding.site).unwrap_or_else(|| finding.site.to_string()),
        object: finding.object,
        segment: finding.piece.map(|(segment, _)| segment.to_string()),
        piece: finding.piece.map(|(_, index)| index),
        first: rfc3339(finding.first),
        last: rfc3339(finding.last),
        times: finding.times,
        over: finding.over.map(rfc3339),
    };
    Ok(Json(Findings { findings: found.into_iter().map(shown).collect(), next }))
}

/// What a scrub would ask of the sites. Nothing is asked of them.
#[utoipa::path(
    post,
    path = "/api/v1/scrub-plan",
    request_body = NewScrub,
    responses((status = 200, description = "What it would take", body = ScrubPlan))
)]
pub async fn plan(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewScrub>, JsonRejection>,
) -> Result<Json<ScrubPlan>, Problem> {
    caller.whole(&admin)?;
    let order = order(&admin, body_of(body)?).await?;
    let plan = admin.engine.plan_scrub(&admin.permit, &order).await?;
    let total = plan.sites.iter().fold(Spent::default(), |sum, site| sum.and(site.total()));
    let shown = |site: &engine::SiteScrub| SiteScrub {
        site: site.site.name.clone(),
        pieces: site.pieces,
        depths: site.by_depth.iter().map(|(depth, cost)| depth_cost(*depth, *cost)).collect(),
        total: scrub_cost(site.total()),
        spent_today: scrub_cost(site.spent),
        within_budget: site.is_within(plan.budget),
        is_out: site.is_out,
    };
    let sites = plan.sites.iter().map(shown).collect();
    Ok(Json(ScrubPlan { sites, budget: scrub_cost(plan.budget), total: scrub_cost(total) }))
}

fn depth_cost(depth: Depth, cost: Spent) -> DepthCost {
    DepthCost { depth: depth.name().to_owned(), cost: scrub_cost(cost) }
}

fn scrub_cost(Spent { requests, bytes, cost }: Spent) -> ScrubCost {
    ScrubCost { requests, bytes, dollars: dollars(cost) }
}

/// Begins a scrub; its state tells how far it is.
#[utoipa::path(
    post,
    path = "/api/v1/scrubs",
    request_body = NewScrub,
    responses((status = 202, description = "Begun"))
)]
pub async fn begin(
    State(admin): State<Arc<Admin>>,
    body: Result<Json<NewScrub>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let order = order(&admin, body_of(body)?).await?;
    let progress = watch::Sender::new(ScrubDone::default());
    {
        let mut run = held(&admin.scrub);
        if run.as_ref().is_some_and(|run| run.outcome.is_none()) {
            return Err(Problem::new(StatusCode::CONFLICT, "another scrub is under way: wait for it"));
        }
        *run = Some(Run { progress: progress.subscribe(), outcome: None });
    }
    tokio::spawn(async move {
        let outcome = admin.engine.scrub(&admin.permit, &order, &progress).await;
        let outcome = outcome.map(drop).map_err(|error| error.to_string());
        if let Some(run) = held(&admin.scrub).as_mut() {
            run.outcome = Some(outcome);
        }
    });
    Ok(StatusCode::ACCEPTED)
}

/// How far the scrub is.
#[utoipa::path(
    get,
    path = "/api/v1/scrubs",
    responses((status = 200, description = "The one under way, or the last", body = ScrubState))
)]
pub async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<ScrubState>, Problem> {
    let run = held(&admin.scrub);
    let Some(run) = run.as_ref() else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "no scrub was asked for since the start"));
    };
    let done = run.progress.borrow().clone();
    let stopped = |(site, depth, stop): &(String, Depth, Stop)| StoppedScrub {
        site: site.clone(),
        depth: depth.name().to_owned(),
        why: why(*stop).to_owned(),
    };
    let all = caller.sees_all(&admin);
    let failed = run.outcome.clone().and_then(Result::err);
    let sums = ScrubSums {
        looked_at: done.looked_at,
        proven: done.proven,
        requests: done.spent.requests,
        bytes: done.spent.bytes,
        dollars: dollars(done.spent.cost),
        found: done.found.into_iter().map(|(fault, times)| (fault.name().to_owned(), times)).collect(),
        stopped: done.stopped.iter().map(stopped).collect(),
    };
    Ok(Json(ScrubState {
        running: run.outcome.is_none(),
        // What it says may be of anything.
        failed: failed.map(|why| if all { why } else { "whoever sees everything is told why".to_owned() }),
        at: done.at,
        sums: all.then_some(sums),
    }))
}

async fn order(admin: &Admin, wanted: NewScrub) -> Result<ScrubOrder, Problem> {
    let known = admin.engine.status(&admin.permit).await?.sites;
    let mut sites = BTreeSet::new();
    for name in &wanted.sites {
        let site = known.iter().find(|known| known.site.name == *name);
        let absent =
            || Problem::new(StatusCode::NOT_FOUND, format!("`{name}` is no site: `entente status` lists them"));
        let site = site.ok_or_else(absent)?;
        sites.insert(site.site.id);
    }
    let depth = |name: &String| {
        let depth = Depth::ALL.into_iter().find(|depth| depth.name() == name);
        depth.ok_or_else(|| bad(format!("`{name}` is no depth: use inventory, heads or cells")))
    };
    let mut depths = wanted.depths.iter().map(depth).collect::<Result<Vec<_>, _>>()?;
    if depths.is_empty() {
        depths = Depth::ALL.to_vec();
    }
    let purse = if wanted.beyond_budget { Purse::Beyond } else { Purse::Day };
    Ok(ScrubOrder { sites, depths, purse })
}

fn bucket(admin: &Admin, row: &engine::DurabilityRow) -> DurableBucket {
    let mut proofs = Vec::new();
    for (standard, by_spare) in &row.by_spare {
        let (proof, within_days) = standard_of(*standard);
        proofs.extend(by_spare.iter().map(|(spare, tally)| Proven {
            proof: proof.to_owned(),
            within_days,
            spare: *spare,
            objects: tally.objects,
            bytes: tally.bytes,
        }));
    }
    DurableBucket {
        bucket: row.bucket.name.to_string(),
        label: admin.accreditation.banner(&row.bucket.label),
        profile: row.bucket.profile.to_string(),
        promise: row.bucket.profile.promise(),
        objects: row.all.objects,
        bytes: row.all.bytes,
        empty: row.empty,
        proofs,
    }
}

fn site(proofs: &engine::SiteProofs) -> ProvenSite {
    let oldest = |proof: Option<Option<Timestamp>>| proof.map(|at| at.map_or_else(|| "never".to_owned(), rfc3339));
    ProvenSite {
        site: proofs.site.name.clone(),
        oldest_seen: oldest(proofs.oldest_seen),
        oldest_read: oldest(proofs.oldest_read),
        requests_today: proofs.spent.requests,
        bytes_today: proofs.spent.bytes,
        dollars_today: dollars(proofs.spent.cost),
    }
}

/// Its name, and within how many days.
pub const fn standard_of(standard: Standard) -> (&'static str, Option<u16>) {
    match standard {
        Standard::Recorded => ("recorded", None),
        Standard::SeenWithin { days } => ("seen", Some(days)),
        Standard::ReadWithin { days } => ("read", Some(days)),
    }
}

const fn why(stop: Stop) -> &'static str {
    match stop {
        Stop::Spent => "the day's budget is spent",
        Stop::Out => "the site is out",
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is shown, not reckoned with")]
pub fn dollars(cost: NanoDollars) -> f64 {
    cost.0 as f64 / NanoDollars::DOLLAR as f64
}
