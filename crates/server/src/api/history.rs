//! The last hours in steps: what the sites and the door were asked, how it went, and when sites were out.
//! Measured by looking at counters that are kept anyway; nothing is added to any request.

#![expect(unused_qualifications, reason = "the macro that describes routes qualifies the types it is given")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use engine::SideHealth;
use model::{Timed, Timestamp};
use providers::Kind;
use providers::meter::{Outcome, Snapshot};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Admin;
use super::asked::Query;
use super::guard::Caller;
use super::keys::rfc3339;
use super::problem::{Problem, bad};
use super::wire::{Figures, History, SiteFigures, SiteHistory};

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

/// One step: of the door, and by site.
#[derive(Clone, Default)]
struct Step {
    door: Took,
    sites: BTreeMap<Arc<str>, SiteStep>,
}

#[derive(Clone, Copy, Default)]
struct SiteStep {
    took: Took,
    /// Looks in which the side was out, of `looks`.
    reads_out: u8,
    writes_out: u8,
    looks: u8,
}

/// What was asked in a step, and how long it took.
#[derive(Clone, Copy, Default)]
struct Took {
    requests: u64,
    errors: u64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
}

/// The same, counted since the start.
#[derive(Clone, Copy, Default)]
struct Counted {
    requests: u64,
    errors: u64,
    timed: Timed,
}

impl Counted {
    fn since(&self, earlier: &Counted) -> Took {
        let timed = self.timed.since(&earlier.timed);
        let quantile = |percent| timed.quantile(percent).map(|took| took.as_secs_f64() * 1000.0);
        Took {
            requests: self.requests.saturating_sub(earlier.requests),
            errors: self.errors.saturating_sub(earlier.errors),
            p50_ms: quantile(50),
            p99_ms: quantile(99),
        }
    }
}

impl Ring {
    fn measured(&self) -> std::sync::MutexGuard<'_, Measured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests to the S3 door in the last minute, and those among them that it could not carry out.
    pub fn door_lately(&self) -> (u64, u64) {
        let steps = usize::try_from(60 / STEP_S).unwrap_or(1);
        let measured = self.measured();
        let of = measured.steps.iter().rev().take(steps).map(|step| (step.door.requests, step.door.errors));
        of.fold((0, 0), |(requests, errors), (more, failed)| (requests + more, errors + failed))
    }

    /// Since when a site is out, as far as this process saw it happen.
    pub fn out_since(&self, site: &str) -> Option<Timestamp> {
        self.measured().out_since.get(site).copied()
    }
}

/// What the sites were asked since the start, by name.
fn counted(admin: &Admin) -> BTreeMap<Arc<str>, Counted> {
    let of = |gauge: engine::SiteGauge| {
        let (requests, errors) = sums(&gauge.asked);
        let mut timed = Timed::default();
        // What nobody waited for any more says how long the others took, not how long it would have.
        let waited = gauge.requests.iter().filter(|(_, outcome, _)| *outcome != Outcome::GivenUp);
        waited.for_each(|(_, _, took)| timed += *took);
        (gauge.status.site.name.as_str().into(), Counted { requests, errors, timed })
    };
    admin.engine.site_gauges(&admin.permit).into_iter().map(of).collect()
}

fn door(admin: &Admin) -> Counted {
    let sums = admin.instruments.door();
    Counted { requests: sums.timed.count(), errors: sums.errors, timed: sums.timed }
}

/// Requests begun, and failures.
fn sums(of: &Snapshot) -> (u64, u64) {
    (of.requests(), Kind::ALL.into_iter().map(|kind| of.of(kind).failures).sum())
}

/// Measures for ever.
pub async fn measure(admin: &Admin) {
    let (mut before, mut door_before) = (BTreeMap::<Arc<str>, Counted>::new(), door(admin));
    let (mut step, mut looks) = (Step::default(), 0);
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        looks += 1;
        let now = admin.clock.now();
        let sites = admin.engine.site_gauges(&admin.permit);
        for site in &sites {
            let name: Arc<str> = site.status.site.name.as_str().into();
            let (reads, writes) = (site.status.reads == SideHealth::Out, site.status.writes == SideHealth::Out);
            note_out(admin, &site.status, now);
            let of = step.sites.entry(name).or_default();
            of.looks += 1;
            of.reads_out += u8::from(reads);
            of.writes_out += u8::from(writes);
        }
        if looks == STEP_S {
            for (name, now) in counted(admin) {
                let last = before.insert(Arc::clone(&name), now).unwrap_or_default();
                step.sites.entry(name).or_default().took = now.since(&last);
            }
            let door_now = door(admin);
            step.door = door_now.since(&door_before);
            door_before = door_now;
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
    for name in admin.config().sites.iter().map(|site| site.name.as_str()) {
        let of: Vec<Option<SiteStep>> = steps.iter().map(|step| step.sites.get(name).copied()).collect();
        sites.insert(name.to_owned(), site(&of, all));
    }
    // A door that does not count has nothing to tell, which is not the same as nothing that happened.
    let door = (all && admin.config().counts_requests).then(|| of_door(&steps));
    Ok(Json(History { step_s: STEP_S, until: rfc3339(until), door, sites }))
}

fn of_door(steps: &[&Step]) -> Figures {
    figures(&steps.iter().map(|step| Some(step.door)).collect::<Vec<_>>())
}

fn figures(took: &[Option<Took>]) -> Figures {
    Figures {
        requests: took.iter().map(|took| took.map(|took| took.requests)).collect(),
        errors: took.iter().map(|took| took.map(|took| took.errors)).collect(),
        p50_ms: took.iter().map(|took| took.and_then(|took| took.p50_ms)).collect(),
        p99_ms: took.iter().map(|took| took.and_then(|took| took.p99_ms)).collect(),
    }
}

fn site(steps: &[Option<SiteStep>], all: bool) -> SiteHistory {
    let out = |looks: fn(&SiteStep) -> u8| {
        let share = |step: &SiteStep| f64::from(looks(step)) / f64::from(step.looks.max(1));
        steps.iter().map(|step| step.as_ref().map(share)).collect()
    };
    let took: Vec<Option<Took>> = steps.iter().map(|step| step.map(|step| step.took)).collect();
    let figures = || {
        let Figures { requests, errors, p50_ms, p99_ms } = figures(&took);
        SiteFigures { requests, errors, p50_ms, p99_ms }
    };
    SiteHistory {
        figures: all.then(figures),
        reads_out: out(|step| step.reads_out),
        writes_out: out(|step| step.writes_out),
    }
}
