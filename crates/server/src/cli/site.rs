//! `entente site check`: does each configured site do what it must, and if not, what helps?
//!
//! It talks to the sites itself, with no Entente running or beside one.

use std::fmt::Write;

use tokio::runtime::{Builder, Handle};

use super::{Output, Tone, table_toned};
use crate::args::SiteCheckArgs;
use crate::config::{Config, SiteConfig};
use crate::failure::{Exit, Failure};
use crate::outside;
use crate::progress::Progress;
use crate::site_check::{Report, STEPS, Step, check};

pub fn run(args: &SiteCheckArgs, output: Output) -> Result<(), Failure> {
    let config = Config::of_place(&args.place)?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start threads: {error}")))?;
    let progress = Progress::here(output);
    progress.wait("writing to each site, and reading it back");
    let mut reports = runtime.block_on(check_all(&config.sites));
    progress.end();
    for (report, site) in reports.iter_mut().zip(&config.sites) {
        report.ceiling = config.accreditation.banner(&site.facts.ceiling);
    }
    // A directory on a hung disk keeps its thread: its report is made, nothing waits for it.
    runtime.shutdown_background();
    output.show(&reports, || shown(&reports))?;
    let bad: Vec<&str> = reports.iter().filter(|one| !one.works()).map(|one| one.name.as_str()).collect();
    if bad.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Site,
        format!("{} of {} sites cannot be used: {}", bad.len(), reports.len(), bad.join(", ")),
    ))
}

async fn check_all(sites: &[SiteConfig]) -> Vec<Report> {
    let outside = outside::real(Handle::current());
    let mut tasks = Vec::new();
    for site in sites {
        let (site, outside) = (site.clone(), outside.clone());
        tasks.push((site.clone(), tokio::spawn(async move { check(&site, &outside).await })));
    }
    let mut reports = Vec::new();
    for (site, task) in tasks {
        let report = task.await.unwrap_or_else(|error| Report::unopened(&site, &format!("the check broke: {error}")));
        reports.push(report);
    }
    reports
}

fn shown(reports: &[Report]) -> String {
    let row = |report: &Report| {
        let cell = |step: &str| match report.steps.iter().find(|done| done.step == step) {
            Some(Step { error: None, millis, .. }) => format!("{millis:.1} ms"),
            Some(_) => "failed".to_owned(),
            None => "-".to_owned(),
        };
        let [marker, put, get, range, list, delete] = STEPS.map(cell);
        let held = report.held_by.clone().unwrap_or_else(|| "unknown".to_owned());
        [
            report.name.clone(),
            report.vendor.to_owned(),
            report.region.clone(),
            marker,
            put,
            get,
            range,
            list,
            delete,
            held,
        ]
    };
    let rows: Vec<_> = reports.iter().map(row).collect();
    let heading = ["SITE", "VENDOR", "REGION", "MARKER", "PUT", "GET", "RANGE", "LIST", "DELETE", "HELD BY"];
    let mut text = table_toned(heading, &rows, |_, cell| if cell == "failed" { Tone::Bad } else { Tone::Plain });
    for report in reports {
        for advice in &report.advice {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}: {advice}", report.name);
        }
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_failed_is_told_with_its_advice() {
        let report = Report {
            name: "here".to_owned(),
            vendor: "own",
            region: "cellar".to_owned(),
            ceiling: String::new(),
            held_by: None,
            steps: vec![Step { step: "marker", millis: 1.0, error: Some("gone".to_owned()) }],
            advice: vec!["marker: gone: mount the directory".to_owned()],
        };
        let text = shown(&[report]);
        assert!(text.contains("failed") && text.contains("here: marker: gone: mount the directory"), "{text}");
    }
}
