//! The last hours in steps: what the sites and the door were asked, how it went, and when sites were out.
//! Measured by looking at counters that are kept anyway; nothing is added to any request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use engine::SideHealth;
use model::Timestamp;
use providers::Kind;
use providers::meter::Snapshot;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Admin;
use super::asked::Query;
use super::guard::Caller;
use super::keys::rfc3339;
use super::problem::{Problem, bad};
use super::wire::{History, SiteFigures, SiteHistory};

const STEP_S: u32 = 10;
/// How often health is looked at within a step.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const HOURS: u32 = 6;
const STEPS_MAX: usize = (HOURS * 3600 / STEP_S) as usize;

/// What was measured, oldest first.
#[derive(Default)]
pub struct Ring(Mutex<Measured>);

#[derive(Default)]
struct Measured {
    steps: VecDeque<Step>,
    /// The end of the last step.
    until: Timestamp,
    /// Since when each site's reads or writes are out.
    out_since: BTreeMap<String, Timestamp>,
}

/// One step, by site.
#[derive(Clone, Default)]
struct Step {
    sites: BTreeMap<Arc<str>, SiteStep>,
}

#[derive(Clone, Copy, Default)]
struct SiteStep {
    requests: u64,
    errors: u64,
    /// Looks in which the side was out, of `looks`.
    reads_out: u8,
    writes_out: u8,
    looks: u8,
}

impl Ring {
    fn measured(&self) -> std::sync::MutexGuard<'_, Measured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when a site is out, as far as this process saw it happen.
    pub fn out_since(&self, site: &str) -> Option<Timestamp> {
        self.measured().out_since.get(site).copied()
    }
}

/// Requests begun, and failures.
fn sums(of: &Snapshot) -> (u64, u64) {
    (of.requests(), Kind::ALL.into_iter().map(|kind| of.of(kind).failures).sum())
}

/// Measures for ever.
pub async fn measure(admin: &Admin) {
    let mut before: BTreeMap<Arc<str>, (u64, u64)> = BTreeMap::new();
    let (mut step, mut looks) = (Step::default(), 0);
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        looks += 1;
        let now = admin.clock.now();
        let sites = admin.engine.sites_now(&admin.permit);
        for site in &sites {
            let name: Arc<str> = site.status.site.name.as_str().into();
            let (reads, writes) = (site.status.reads == SideHealth::Out, site.status.writes == SideHealth::Out);
            note_out(admin, &site.status, now);
            let of = step.sites.entry(Arc::clone(&name)).or_default();
            of.looks += 1;
            of.reads_out += u8::from(reads);
            of.writes_out += u8::from(writes);
            if looks == STEP_S {
                let (requests, errors) = sums(&site.asked);
                let last = before.insert(name, (requests, errors)).unwrap_or_default();
                (of.requests, of.errors) = (requests.saturating_sub(last.0), errors.saturating_sub(last.1));
            }
        }
        if looks == STEP_S {
            let mut measured = admin.ring.measured();
            measured.steps.push_back(std::mem::take(&mut step));
            measured.until = now;
            if measured.steps.len() > STEPS_MAX {
                measured.steps.pop_front();
            }
            looks = 0;
        }
    }
}

fn note_out(admin: &Admin, status: &engine::SiteStatus, now: Timestamp) {
    let mut measured = admin.ring.measured();
    // What is not used on purpose is not out.
    if status.reason.is_some() {
        measured.out_since.entry(status.site.name.clone()).or_insert(now);
    } else {
        measured.out_since.remove(&status.site.name);
    }
}

/// How much of the history.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// Up to six hours; one unless told.
    #[param(minimum = 1, maximum = 360)]
    minutes: Option<u32>,
}

/// What the last hours measured, in steps of ten seconds, the newest last. A start begins anew.
#[utoipa::path(
    get,
    path = "/api/v1/history",
    params(Reach),
    responses((status = 200, description = "The history", body = History))
)]
pub async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Query(reach): Query<Reach>,
) -> Result<Json<History>, Problem> {
    let minutes = reach.minutes.unwrap_or(60);
    if !(1..=HOURS * 60).contains(&minutes) {
        return Err(bad(format!("`minutes` is {minutes}: say a number from 1 to {}", HOURS * 60)));
    }
    let all = caller.sees_all(&admin);
    let measured = admin.ring.measured();
    let wanted = usize::try_from(minutes * 60 / STEP_S).unwrap_or(STEPS_MAX);
    let first = measured.steps.len().saturating_sub(wanted);
    let steps: Vec<&Step> = measured.steps.iter().skip(first).collect();
    let until = if steps.is_empty() { admin.clock.now() } else { measured.until };
    let mut sites = BTreeMap::new();
    for name in admin.config.sites.iter().map(|site| site.name.as_str()) {
        let of: Vec<Option<SiteStep>> = steps.iter().map(|step| step.sites.get(name).copied()).collect();
        sites.insert(name.to_owned(), site(&of, all));
    }
    Ok(Json(History { step_s: STEP_S, until: rfc3339(until), door: None, sites }))
}

fn site(steps: &[Option<SiteStep>], all: bool) -> SiteHistory {
    let out = |looks: fn(&SiteStep) -> u8| {
        let share = |step: &SiteStep| f64::from(looks(step)) / f64::from(step.looks.max(1));
        steps.iter().map(|step| step.as_ref().map(share)).collect()
    };
    let count = |of: fn(&SiteStep) -> u64| steps.iter().map(|step| step.as_ref().map(of)).collect();
    let figures = || SiteFigures {
        requests: count(|step| step.requests),
        errors: count(|step| step.errors),
        p50_ms: vec![None; steps.len()],
        p99_ms: vec![None; steps.len()],
    };
    SiteHistory {
        figures: all.then(figures),
        reads_out: out(|step| step.reads_out),
        writes_out: out(|step| step.writes_out),
    }
}
