//! Checks of sites that are to be added, before they stand in the configuration.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use http::StatusCode;

use super::Admin;
use super::guard::Caller;
use super::problem::{Problem, bad, body_of};
use super::wire::{NewSiteCheck, SiteCheck, SiteCheckStep};
use crate::config::{Config, NoSite, SiteConfig};
use crate::site_check::{self, Report, Step};

/// Checks at a time: each may wait minutes for a site that does not answer.
pub const CHECKS_MAX: usize = 1;

/// Writes, reads, lists and deletes a small object at a site that does not stand in the configuration yet.
#[utoipa::path(
    post,
    path = "/api/v1/site-checks",
    request_body = NewSiteCheck,
    responses((status = 200, description = "What works there and what does not", body = SiteCheck))
)]
pub async fn check(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewSiteCheck>, JsonRejection>,
) -> Result<Json<SiteCheck>, Problem> {
    let NewSiteCheck { entry } = body_of(body)?;
    let site = meant(&entry, &admin.config)?;
    let turn = Arc::clone(&admin.site_checks).try_acquire_owned();
    let turn = turn.map_err(|_| Problem::new(StatusCode::CONFLICT, "another site is being checked: wait for it"))?;
    tracing::info!(site = %site.name, by = ?caller.principal(), "a site that is to be added is checked");
    let ceiling = admin.accreditation.banner(&site.facts.ceiling);
    // It goes on when nobody waits for it any more, and deletes what it wrote.
    let work = tokio::spawn(async move {
        let report = site_check::check(&site, &admin.outside).await;
        drop(turn);
        report
    });
    let report = work
        .await
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the check broke: {error}")))?;
    Ok(Json(shown(report, ceiling)))
}

/// The site of an entry, if it may be checked from here.
fn meant(entry: &str, config: &Config) -> Result<SiteConfig, Problem> {
    let site = config.further_site(entry).map_err(|refused| match refused {
        NoSite::Wrong(why) => bad(why),
        NoSite::Taken(why) => Problem::new(StatusCode::CONFLICT, why),
    })?;
    // Whoever has a session need not have the machine, and may not choose directories that this writes into.
    if site.directory().is_some() {
        let why = "a directory is checked on its machine: run `entente site check` there";
        return Err(bad(why.to_owned()));
    }
    Ok(site)
}

fn shown(report: Report, ceiling: String) -> SiteCheck {
    let works = report.works();
    let Report { name, vendor, region, held_by, steps, advice, .. } = report;
    let step = |Step { step, millis, error }| SiteCheckStep { step: step.to_owned(), millis, error };
    let steps = steps.into_iter().map(step).collect();
    SiteCheck { name, vendor: vendor.to_owned(), region, ceiling, held_by, steps, advice, works }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::PlaceArgs;

    const ENTRY: &str = r#"[[site]]
name = "hall-e"
vendor = "own"
kind = "s3"
region = "cellar"
bucket = "pieces"
endpoint = "http://127.0.0.1:9"
anonymous = true
"#;

    /// The embedded default: four sites by their vendors' names.
    fn config() -> Config {
        Config::of_place(&PlaceArgs { data_dir: Some("/nonexistent".into()), config: None }).unwrap()
    }

    fn check(entry: &str, config: &Config, status: u16, says: &str) {
        let problem = meant(entry, config).unwrap_err();
        let told = format!("{problem:?}");
        assert!(problem.status == status && told.contains(says), "`{says}`: {told}");
    }

    #[test]
    fn what_cannot_be_checked_from_here_is_refused_with_the_reason() {
        assert_eq!(meant(ENTRY, &config()).unwrap().name, "hall-e");
        let local = "[[site]]\nname = \"hall-e\"\nvendor = \"own\"\nkind = \"local\"\npath = \"/srv/e\"\n";
        check(local, &config(), 400, "run `entente site check` there");
        check("", &config(), 400, "write one [[site]]");
        check(&ENTRY.replace("bucket", "buckets"), &config(), 400, "line 6 of the entry: `buckets`");
        check(&ENTRY.replace("hall-e", "google"), &config(), 409, "a site called `google` is there already");
        let mut grown = config();
        grown.sites.push(meant(ENTRY, &config()).unwrap());
        check(&ENTRY.replace("hall-e", "hall-f"), &grown, 409, "the site `hall-e` lies there already");
    }

    #[test]
    fn a_site_works_if_all_steps_do() {
        let site = meant(ENTRY, &config()).unwrap();
        let checked = shown(Report::unopened(&site, "no credentials"), "UNCLASSIFIED".to_owned());
        assert!(!checked.works && checked.steps.is_empty());
        assert_eq!((checked.vendor.as_str(), checked.advice.as_slice()), ("own", &["no credentials".to_owned()][..]));
    }
}
