//! `/metrics`: the ledger, findings and scrubs as gauges and counters, in Prometheus' text format.
//! `docs/metrics.md` names them. A caller meets the series of what lies at or below its label, and no
//! others.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engine::Durability;
use http::header::CONTENT_TYPE;
use model::{Label, SiteId, Timestamp};

use super::Admin;
use super::durability::{dollars, standard_of};
use super::guard::Caller;
use super::problem::Problem;

/// A scrape walks over nothing: it shows the ledger that the background walked last.
pub async fn show(State(admin): State<Arc<Admin>>, Extension(caller): Extension<Caller>) -> Result<Response, Problem> {
    let mut page = Page::default();
    let last = admin.engine.last_durability(&admin.permit);
    if let Some((ledger, age)) = &last {
        page.gauge("entente_durability_age_seconds", &[], age.as_secs());
        put_ledger(&mut page, &admin, ledger, &caller.label(&admin));
    }
    let sites = admin.engine.status(&admin.permit).await?.sites;
    let names: BTreeMap<SiteId, String> = sites.into_iter().map(|status| (status.site.id, status.site.name)).collect();
    let mut open: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for finding in admin.engine.findings(&admin.permit, &caller.label(&admin)).await? {
        if let Some(name) = names.get(&finding.site).filter(|_| finding.over.is_none()) {
            *open.entry((name.clone(), finding.fault.name())).or_default() += 1;
        }
    }
    for ((site, fault), count) in open {
        page.gauge("entente_findings_open", &[("site", &site), ("fault", fault)], count);
    }
    if caller.sees_all(&admin) {
        if let Some((ledger, _)) = &last {
            put_sites(&mut page, &admin, ledger);
        }
        put_found(&mut page, &admin, &names);
    }
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], page.text()).into_response())
}

fn put_ledger(page: &mut Page, admin: &Admin, ledger: &Durability, highest: &Label) {
    for row in ledger.rows.iter().filter(|row| row.bucket.label <= *highest) {
        let (bucket, profile) = (row.bucket.name.to_string(), row.bucket.profile.to_string());
        let label = admin.accreditation.banner(&row.bucket.label);
        for (standard, by_spare) in &row.by_spare {
            let (proof, days) = standard_of(*standard);
            let days = days.map_or_else(String::new, |days| days.to_string());
            for (spare, tally) in by_spare {
                let spare = spare.to_string();
                let labels = [
                    ("bucket", bucket.as_str()),
                    ("label", &label),
                    ("profile", &profile),
                    ("proof", proof),
                    ("within_days", &days),
                    ("spare", &spare),
                ];
                page.gauge("entente_durability_objects", &labels, tally.objects);
                page.gauge("entente_durability_bytes", &labels, tally.bytes);
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
                page.gauge("entente_scrub_oldest_proof_seconds", &[("site", site), ("proof", proof)], seconds);
            }
        }
        page.gauge("entente_scrub_requests_today", &[("site", site)], proofs.spent.requests);
        page.gauge("entente_scrub_bytes_today", &[("site", site)], proofs.spent.bytes);
        page.gauge("entente_scrub_dollars_today", &[("site", site)], dollars(proofs.spent.cost));
    }
}

fn put_found(page: &mut Page, admin: &Admin, names: &BTreeMap<SiteId, String>) {
    for ((site, fault), count) in admin.engine.findings_counted(&admin.permit) {
        if let Some(site) = names.get(&site) {
            page.counter("entente_findings_total", &[("site", site), ("fault", fault.name())], count);
        }
    }
}

/// Series by metric: those of one stand together.
#[derive(Default)]
struct Page(BTreeMap<&'static str, (&'static str, String)>);

impl Page {
    fn gauge(&mut self, name: &'static str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.put(name, "gauge", labels, &value);
    }

    fn counter(&mut self, name: &'static str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.put(name, "counter", labels, &value);
    }

    fn put(&mut self, name: &'static str, kind: &'static str, labels: &[(&str, &str)], value: &dyn std::fmt::Display) {
        let (_, series) = self.0.entry(name).or_insert((kind, String::new()));
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        // Writing to a string does not fail.
        let _ = writeln!(series, "{name}{labels} {value}");
    }

    fn text(&self) -> String {
        self.0.iter().map(|(name, (kind, series))| format!("# TYPE {name} {kind}\n{series}")).collect()
    }
}

/// A label's value as the format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_one_metric_stand_together_and_values_are_escaped() {
        let mut page = Page::default();
        page.gauge("b", &[("x", "say \"hi\"\\\n")], 1);
        page.counter("a", &[("x", "1"), ("y", "2")], 0.5);
        page.gauge("b", &[("x", "2")], -3);
        page.gauge("c", &[], 7);
        let expected = "# TYPE a counter\na{x=\"1\",y=\"2\"} 0.5\n\
                        # TYPE b gauge\nb{x=\"say \\\"hi\\\"\\\\\\n\"} 1\nb{x=\"2\"} -3\n\
                        # TYPE c gauge\nc 7\n";
        assert_eq!(page.text(), expected);
    }
}
