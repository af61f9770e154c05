//! Sites that are to be added: checked before they stand in the configuration, then written into it and taken in.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use http::StatusCode;
use tokio::sync::OwnedSemaphorePermit;

use super::Admin;
use super::guard::Caller;
use super::problem::{Problem, bad, body_of};
use super::wire::{AddedSite, NewSiteCheck, SiteCheck, SiteCheckStep, SitePlan, Used};
use crate::config::{Addition, Config, NoSite, NotAdded, SiteConfig};
use crate::failure::chain;
use crate::site_check::{self, Report, Step};
use crate::up;

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
    let site = meant(&entry, &admin.config(), &caller)?;
    let turn = turn(&admin)?;
    tracing::info!(site = %site.name, by = ?caller.principal(), "a site that is to be added is checked");
    Ok(Json(tried(&admin, site, turn).await?.0))
}

/// What adding a site would write into the settings. Nothing is written, and the site is not asked.
#[utoipa::path(
    post,
    path = "/api/v1/site-plan",
    request_body = NewSiteCheck,
    responses((status = 200, description = "What would be written, and where", body = SitePlan))
)]
pub async fn plan(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewSiteCheck>, JsonRejection>,
) -> Result<Json<SitePlan>, Problem> {
    let NewSiteCheck { entry } = body_of(body)?;
    let addition = addition(&admin, &caller, entry).await?;
    Ok(Json(SitePlan {
        name: addition.site.name.clone(),
        file: addition.path.display().to_string(),
        text: addition.text,
    }))
}

/// Adds a site to the settings file that Entente was started with, if a check of it that is made first finds that it
/// works, and takes it in: new writes may go there from then on, and nothing moves by itself. Where it cannot be taken in
/// the answer says why; the next start tries again, and until then `GET /api/v1/sites` tells that it waits.
#[utoipa::path(
    post,
    path = "/api/v1/sites",
    request_body = NewSiteCheck,
    responses((status = 201, description = "It stands in the settings", body = AddedSite))
)]
pub async fn add(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewSiteCheck>, JsonRejection>,
) -> Result<(StatusCode, Json<AddedSite>), Problem> {
    let NewSiteCheck { entry } = body_of(body)?;
    // Before the site is asked for anything: what cannot be written need not be tried.
    let site = addition(&admin, &caller, entry.clone()).await?.site;
    let (check, turn) = tried(&admin, site.clone(), turn(&admin)?).await?;
    if !check.works {
        let why = check.advice.join("; ");
        let why = format!("`{}` does not work as a site, and nothing was written: {why}", check.name);
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    may_take_in(&admin, &site).await?;
    // The settings as they are now; one addition at a time goes from here to the end.
    let addition = addition(&admin, &caller, entry).await?;
    let (name, file) = (addition.site.name.clone(), addition.path.display().to_string());
    let by = caller.principal();
    // What is written is taken in as well, whether somebody waits for it or not.
    let work = tokio::spawn(async move {
        let site = addition.site.clone();
        let suffix = hex::encode(admin.outside.random::<8>());
        let written = tokio::task::spawn_blocking(move || addition.write(&suffix)).await;
        written.map_err(|error| broke(&error))?.map_err(refused)?;
        tracing::info!(site = %site.name, ?by, "a site was added to the settings");
        let taken_in = take_in(&admin, site).await;
        drop(turn);
        Ok::<_, Problem>(taken_in)
    });
    let (used, why) = match work.await.map_err(|error| broke(&error))?? {
        Ok(()) => (Used::Now, None),
        Err(why) => (Used::NextStart, Some(why)),
    };
    Ok((StatusCode::CREATED, Json(AddedSite { name, file, used, why, check })))
}

/// What would not be taken in now would stop the next start.
async fn may_take_in(admin: &Admin, site: &SiteConfig) -> Result<(), Problem> {
    let why = match up::site_parts(site, &admin.outside) {
        Ok(parts) => admin.engine.check_site(&admin.permit, parts).await.map_err(|error| chain(&error)),
        Err(failure) => Err(failure.to_string()),
    };
    why.map_err(|why| Problem::new(StatusCode::CONFLICT, format!("{why}; nothing was written")))
}

/// What stands in the settings is used from now on, or there is a reason why not.
async fn take_in(admin: &Admin, site: SiteConfig) -> Result<(), String> {
    let parts = up::site_parts(&site, &admin.outside).map_err(|failure| failure.to_string());
    let taken_in = match parts {
        Ok(parts) => admin.engine.add_site(&admin.permit, parts).await.map_err(|error| chain(&error)),
        Err(why) => Err(why),
    };
    match taken_in {
        Ok(_) => admin.take_in(site),
        Err(why) => {
            tracing::warn!(site = %site.name, why, "the site was not taken in: the next start tries again");
            return Err(why);
        }
    }
    Ok(())
}

async fn addition(admin: &Admin, caller: &Caller, entry: String) -> Result<Addition, Problem> {
    let config = admin.config();
    let site = meant(&entry, &config, caller)?;
    // Where data of a label may lie is said by those who may see it.
    let theirs = site.facts.ceiling <= caller.label(admin) || caller.sees_all(admin);
    if !theirs {
        let why =
            "the ceiling of this site lies above your key: sign with a key at that label, and nothing was written";
        return Err(Problem::new(StatusCode::FORBIDDEN, why));
    }
    let read = tokio::task::spawn_blocking(move || config.addition(&entry)).await;
    read.map_err(|error| broke(&error))?.map_err(refused)
}

/// What is refused leaves the settings as they were, and says so.
fn refused(why: NotAdded) -> Problem {
    let (status, why) = match why {
        NotAdded::Wrong(why) => (StatusCode::BAD_REQUEST, why),
        NotAdded::Taken(why) | NotAdded::Settings(why) => (StatusCode::CONFLICT, why),
    };
    Problem::new(status, format!("{why}; nothing was written"))
}

fn broke(error: &tokio::task::JoinError) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the check broke: {error}"))
}

fn turn(admin: &Admin) -> Result<OwnedSemaphorePermit, Problem> {
    let turn = Arc::clone(&admin.site_checks).try_acquire_owned();
    turn.map_err(|_| Problem::new(StatusCode::CONFLICT, "another site is being checked: wait for it"))
}

/// What the site does; the turn is given back with it.
async fn tried(
    admin: &Arc<Admin>,
    site: SiteConfig,
    turn: OwnedSemaphorePermit,
) -> Result<(SiteCheck, OwnedSemaphorePermit), Problem> {
    let ceiling = admin.accreditation.banner(&site.facts.ceiling);
    let admin = Arc::clone(admin);
    // It goes on when nobody waits for it any more, and deletes what it wrote.
    let work = tokio::spawn(async move { (site_check::check(&site, &admin.outside).await, turn) });
    let (report, turn) = work.await.map_err(|error| broke(&error))?;
    Ok((shown(report, ceiling), turn))
}

/// The site of an entry, if this caller may name it from here.
fn meant(entry: &str, config: &Config, caller: &Caller) -> Result<SiteConfig, Problem> {
    let site = config.further_site(entry).map_err(|refused| match refused {
        NoSite::Wrong(why) => bad(why),
        NoSite::Taken(why) => Problem::new(StatusCode::CONFLICT, why),
    })?;
    // Whoever has a session need not have the machine, and may not choose directories that this writes into.
    if site.directory().is_some() && !matches!(caller, Caller::Operator) {
        let why = "a directory is named on its machine: run `entente site check` or `entente site add` there";
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

    /// Somebody with a key.
    fn person() -> Caller {
        Caller::Person(model::Session::anonymous())
    }

    fn check(entry: &str, config: &Config, status: u16, says: &str) {
        let problem = meant(entry, config, &person()).unwrap_err();
        let told = format!("{problem:?}");
        assert!(problem.status == status && told.contains(says), "`{says}`: {told}");
    }

    #[test]
    fn what_cannot_be_checked_from_here_is_refused_with_the_reason() {
        assert_eq!(meant(ENTRY, &config(), &person()).unwrap().name, "hall-e");
        let local = "[[site]]\nname = \"hall-e\"\nvendor = \"own\"\nkind = \"local\"\npath = \"/srv/e\"\n";
        check(local, &config(), 400, "`entente site add` there");
        assert_eq!(meant(local, &config(), &Caller::Operator).unwrap().name, "hall-e", "who has the machine may");
        check("", &config(), 400, "write one [[site]]");
        check(&ENTRY.replace("bucket", "buckets"), &config(), 400, "line 6 of the entry: `buckets`");
        check(&ENTRY.replace("hall-e", "google"), &config(), 409, "a site called `google` is there already");
        let mut grown = config();
        grown.sites.push(meant(ENTRY, &config(), &person()).unwrap());
        check(&ENTRY.replace("hall-e", "hall-f"), &grown, 409, "the site `hall-e` lies there already");
    }

    #[test]
    fn a_site_works_if_all_steps_do() {
        let site = meant(ENTRY, &config(), &person()).unwrap();
        let checked = shown(Report::unopened(&site, "no credentials"), "UNCLASSIFIED".to_owned());
        assert!(!checked.works && checked.steps.is_empty());
        assert_eq!((checked.vendor.as_str(), checked.advice.as_slice()), ("own", &["no credentials".to_owned()][..]));
    }
}
