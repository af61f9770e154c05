//! `/metrics`: what is counted and timed, in Prometheus' text format or, for who asks for it, in OpenMetrics with
//! exemplars. [`names`] is all there is, and `docs/metrics.md` its table. A caller meets the series of what lies at
//! or below its label, and no others: what is of everything together is told to those alone who see all.

mod machine;
mod names;
mod page;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engine::{Durability, Gauges, SideHealth, SiteGauge};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use model::{Label, SiteId, SiteState, Timestamp};

pub use self::machine::Disks;
use self::page::{Format, Page, Value};
use super::Admin;
use super::durability::{dollars, standard_of};
use super::guard::Caller;
use super::problem::Problem;

/// What stands for the label of those who proved none.
const UNPROVEN: &str = "unproven";
/// What stands for the label of the stream that users, keys and sites are in.
const CONTROL: &str = "control";

/// What is counted and timed, for Prometheus: the series of what lies at or below the caller's label. In OpenMetrics with
/// exemplars for who accepts that.
///
/// A scrape walks over nothing: it shows what is counted anyway, and the ledger that the background walked last.
#[utoipa::path(
    get,
    path = "/metrics",
    responses((
        status = 200,
        description = "The series",
        content(
            (String = "text/plain; version=0.0.4; charset=utf-8"),
            (String = "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ),
    ))
)]
pub async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (mut page, highest, all) = (Page::default(), caller.label(&admin), caller.sees_all(&admin));
    page.put(&names::BUILD, &[env!("CARGO_PKG_VERSION")], Value::Whole(1));
    let gauges = admin.engine.gauges(&admin.permit).await?;
    put_door(&mut page, &admin, &highest, all);
    put_commits(&mut page, &admin, &gauges, &highest, all);
    put_moves(&mut page, &admin, &highest).await?;
    for site in &gauges.sites {
        put_state(&mut page, site);
    }
    if let Some(ends) = admin.tls.as_ref().and_then(tls::Server::expires) {
        page.put(&names::CERTIFICATE, &[], Value::Whole(ends));
    }
    let last = admin.engine.last_durability(&admin.permit);
    if let Some((ledger, _)) = &last {
        put_ledger(&mut page, &admin, ledger, &highest);
    }
    let sites = admin.engine.status(&admin.permit).await?.sites;
    let names: BTreeMap<SiteId, String> = sites.into_iter().map(|status| (status.site.id, status.site.name)).collect();
    put_open(&mut page, &admin, &names, &highest).await?;
    if all {
        if let Some((ledger, age)) = &last {
            // How seldom it is walked says how much there is.
            page.put(&names::LEDGER_AGE, &[], Value::Whole(age.as_secs()));
            put_sites(&mut page, &admin, ledger);
        }
        put_found(&mut page, &admin, &names);
        for site in &gauges.sites {
            put_requests(&mut page, site);
        }
        put_sums(&mut page, &admin, &gauges);
        put_disks(&mut page, &admin).await;
        machine::put_process(&mut page);
    }
    let format = Format::of(&headers);
    let text = page.text(format).map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(([(CONTENT_TYPE, format.content_type())], text).into_response())
}

/// What is of no label, and so may be of any, is for those who see all.
fn may_see(label: Option<Label>, highest: &Label, all: bool) -> bool {
    label.map_or(all, |label| label <= *highest)
}

fn put_door(page: &mut Page, admin: &Admin, highest: &Label, all: bool) {
    let by_label = admin.instruments.by_label().into_iter();
    for (label, of_label) in by_label.filter(|(label, _)| may_see(*label, highest, all)) {
        let label = label.map_or_else(|| UNPROVEN.to_owned(), |label| admin.accreditation.banner(&label));
        for counts in of_label.counts() {
            let class = counts.class.name();
            for (status, seconds) in counts.seconds {
                page.put(&names::S3_SECONDS, &[&label, class, status], Value::Exemplified(seconds));
            }
            page.put(&names::S3_IN, &[&label, class], Value::Count(counts.bytes_in));
            page.put(&names::S3_OUT, &[&label, class], Value::Count(counts.bytes_out));
            page.put(&names::S3_BROKEN, &[&label, class], Value::Count(counts.broken));
        }
    }
}

fn put_commits(page: &mut Page, admin: &Admin, gauges: &Gauges, highest: &Label, all: bool) {
    for commit in gauges.commits.iter().filter(|commit| may_see(commit.label, highest, all)) {
        let label = commit.label.map_or_else(|| CONTROL.to_owned(), |label| admin.accreditation.banner(&label));
        for (stage, timed) in &commit.stages {
            page.put(&names::COMMIT_SECONDS, &[&label, stage], Value::Timed(Box::new(*timed)));
        }
    }
}

async fn put_moves(page: &mut Page, admin: &Admin, highest: &Label) -> Result<(), Problem> {
    let mut open: Vec<(Label, u64)> = Vec::new();
    let (moves, _) = admin.engine.data_moves(&admin.permit).await?;
    for one in moves.iter().filter(|one| one.bucket.label <= *highest) {
        let more = u64::from(!one.done);
        match open.iter_mut().find(|(label, _)| *label == one.bucket.label) {
            Some((_, count)) => *count += more,
            None => open.push((one.bucket.label, more)),
        }
    }
    for (label, count) in open {
        page.put(&names::MOVES, &[&admin.accreditation.banner(&label)], Value::Whole(count));
    }
    Ok(())
}

fn put_state(page: &mut Page, site: &SiteGauge) {
    for (half, health) in [("reads", site.status.reads), ("writes", site.status.writes)] {
        let out = u64::from(health == SideHealth::Out);
        page.put(&names::SITE_OUT, &[&site.status.site.name, half], Value::Whole(out));
    }
    for state in SiteState::ALL {
        page.put(
            &names::SITE_STATE,
            &[&site.status.site.name, state.name()],
            Value::Whole(u64::from(site.status.state == state)),
        );
    }
}

fn put_requests(page: &mut Page, site: &SiteGauge) {
    let name = site.status.site.name.as_str();
    for (kind, outcome, timed) in &site.requests {
        page.put(&names::SITE_SECONDS, &[name, kind.name(), outcome.name()], Value::Timed(Box::new(*timed)));
    }
    page.put(&names::SITE_RETRIES, &[name], Value::Count(site.retries));
    page.put(&names::SITE_IN_FLIGHT, &[name], Value::Whole(site.in_flight));
    page.put(&names::SITE_WRITTEN, &[name], Value::Count(site.asked.put.bytes));
    page.put(&names::SITE_READ, &[name], Value::Count(site.asked.get.bytes));
    if let Some(left) = site.leaving {
        page.put(&names::SITE_LEAVING, &[name], Value::Whole(left));
    }
}

fn put_sums(page: &mut Page, admin: &Admin, gauges: &Gauges) {
    for share in &gauges.memory {
        page.put(&names::MEMORY, &[share.name], Value::Whole(share.used));
        page.put(&names::MEMORY_SIZE, &[share.name], Value::Whole(share.size));
    }
    let totals = &gauges.totals;
    for (metric, value) in [
        (&names::BUCKETS, totals.buckets),
        (&names::OBJECTS, totals.objects),
        (&names::OBJECT_BYTES, totals.object_bytes),
        (&names::SEGMENTS, totals.segments),
        (&names::BELOW_PROMISE, totals.below_promise),
        (&names::UNSHOWN, totals.unshown),
    ] {
        page.put(metric, &[], Value::Whole(value));
    }
    for (metric, value) in [
        (&names::HEDGES, gauges.hedged_reads),
        (&names::BAD_CELLS, gauges.bad_cells),
        (&names::REPAIRED, gauges.repaired_pieces),
        (&names::SWEPT, gauges.swept_pieces),
        (&names::COMPACTED, gauges.compacted_segments),
    ] {
        page.put(metric, &[], Value::Count(value));
    }
    page.put(&names::KEEPING_DOLLARS, &[], Value::Gauge(dollars(gauges.keeping.cost)));
    if let Some(limit) = admin.config().keeping.dollars_per_day {
        page.put(&names::KEEPING_LIMIT, &[], Value::Gauge(dollars(limit)));
    }
}

async fn put_disks(page: &mut Page, admin: &Admin) {
    let dir = admin.config().dir();
    let mut log = dir.catalog().into_os_string();
    log.push("-wal");
    for (file, bytes) in machine::lengths(vec![("catalog", dir.catalog()), ("log", log.into())]).await {
        page.put(&names::CATALOG, &[file], Value::Whole(bytes));
    }
    let config = admin.config();
    let sites = config.sites.iter().filter_map(|site| Some((format!("site:{}", site.name), site.directory()?)));
    for (place, path) in std::iter::once(("data".to_owned(), dir.path())).chain(sites) {
        if let Some(room) = admin.disks.room(path).await {
            page.put(&names::DISK_FREE, &[&place], Value::Whole(room.free));
            page.put(&names::DISK_SIZE, &[&place], Value::Whole(room.size));
        }
    }
}

/// Of what the caller may see: a finding is of the label of what lay there.
async fn put_open(
    page: &mut Page,
    admin: &Admin,
    names: &BTreeMap<SiteId, String>,
    highest: &Label,
) -> Result<(), Problem> {
    let mut open: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for finding in admin.engine.findings(&admin.permit, highest).await? {
        if let Some(name) = names.get(&finding.site).filter(|_| finding.over.is_none()) {
            *open.entry((name, finding.fault.name())).or_default() += 1;
        }
    }
    for ((site, fault), count) in open {
        page.put(&names::FINDINGS_OPEN, &[site, fault], Value::Whole(count));
    }
    Ok(())
}

fn put_ledger(page: &mut Page, admin: &Admin, ledger: &Durability, highest: &Label) {
    for row in ledger.rows.iter().filter(|row| row.bucket.label <= *highest) {
        let (bucket, profile) = (row.bucket.name.to_string(), row.bucket.profile.to_string());
        let label = admin.accreditation.banner(&row.bucket.label);
        for (vendors, tally) in admin.engine.by_vendors(&admin.permit, ledger, row) {
            let labels = [bucket.as_str(), &label, &profile, &vendors.to_string()];
            page.put(&names::SPARED_OBJECTS, &labels, Value::Whole(tally.objects));
            page.put(&names::SPARED_BYTES, &labels, Value::Whole(tally.bytes));
        }
        for (standard, by_spare) in &row.by_spare {
            let (proof, days) = standard_of(*standard);
            let days = days.map_or_else(String::new, |days| days.to_string());
            for (spare, tally) in by_spare {
                let spare = spare.to_string();
                let labels = [bucket.as_str(), &label, &profile, proof, &days, &spare];
                page.put(&names::LEDGER_OBJECTS, &labels, Value::Whole(tally.objects));
                page.put(&names::LEDGER_BYTES, &labels, Value::Whole(tally.bytes));
            }
        }
    }
}

fn put_sites(page: &mut Page, admin: &Admin, ledger: &Durability) {
    let now = admin.clock.now();
    for proofs in &ledger.sites {
        let site = proofs.site.name.as_str();
        for (proof, oldest) in [("seen", proofs.oldest_seen), ("read", proofs.oldest_read)] {
            // What was never proven is as old as time.
            if let Some(oldest) = oldest {
                let seconds = now.0.saturating_sub(oldest.unwrap_or(Timestamp(0)).0) / 1000;
                let seconds = Value::Whole(u64::try_from(seconds).unwrap_or(0));
                page.put(&names::SCRUB_OLDEST, &[site, proof], seconds);
            }
        }
        page.put(&names::SCRUB_REQUESTS, &[site], Value::Whole(proofs.spent.requests));
        page.put(&names::SCRUB_BYTES, &[site], Value::Whole(proofs.spent.bytes));
        page.put(&names::SCRUB_DOLLARS, &[site], Value::Gauge(dollars(proofs.spent.cost)));
    }
}

fn put_found(page: &mut Page, admin: &Admin, names: &BTreeMap<SiteId, String>) {
    for ((site, fault), count) in admin.engine.findings_counted(&admin.permit) {
        if let Some(site) = names.get(&site) {
            page.put(&names::FINDINGS, &[site, fault.name()], Value::Count(count));
        }
    }
}
