//! `/api/v1`: how operators and the other subcommands reach the running Entente.
//!
//! Loopback only, at a port of its own and at the console's. Every request names this very address as its host,
//! and shows the admin token or is signed with an access key, so that neither another user of the machine nor a
//! page in a browser gets in. Each route is somebody's duty. Bodies are JSON, refusals are
//! `application/problem+json`.

mod activity;
mod adoptions;
mod again;
mod asked;
mod backups;
mod buckets;
mod by_itself;
mod copies;
mod document;
mod drills;
mod durability;
mod events;
mod explain;
mod grants;
mod guard;
mod history;
mod journal;
mod keeping;
mod keys;
mod labels;
pub mod listener;
mod matrix;
mod metrics;
mod moving;
mod overview;
mod pages;
mod problem;
mod releases;
mod session;
mod site_checks;
mod status;
mod trail;
pub mod troubles;
mod users;
pub mod wire;

pub use self::guard::named_here;
pub use self::keys::rfc3339;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::{Extension, Router};
use catalog::Catalog;
use engine::Engine;
use http::StatusCode;
use model::outside::Clock;
use model::{Label, Outside};
use policy::SystemPermit;
use policy::duty::Duty;
use ring::hmac;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::again::Answers;
use self::document::{Whose, Written};
use self::guard::{for_callers, on};
use self::history::Ring;
use self::problem::Problem;
use self::wire::{BackupState, CompactionState, RepairState};
use crate::accreditation::Accreditation;
use crate::config::{Config, SiteConfig};
use crate::instruments::Instruments;
use crate::roots::Roots;
use crate::token::Token;

/// Far above any request of this API, far below what would hurt.
const BODY_BYTES_MAX: usize = 16 << 10;

/// What the handlers share.
pub struct Admin {
    engine: Engine,
    catalog: Arc<dyn Catalog>,
    permit: SystemPermit,
    token: Token,
    accreditation: Accreditation,
    /// Requests are signed for it.
    region: String,
    /// As they were read at the start, with the sites that were taken in since.
    config: RwLock<Arc<Config>>,
    roots: Arc<Roots>,
    outside: Outside,
    /// The backup under way, or the last one.
    backup: Arc<Mutex<Option<BackupState>>>,
    /// The repair under way, or the last one that was asked for.
    repair: Arc<Mutex<Option<RepairState>>>,
    /// The journal's compaction under way, or the last one that was asked for, and up to which label it goes.
    compaction: Arc<Mutex<Option<(Label, CompactionState)>>>,
    scrub: Mutex<Option<durability::Run>>,
    clock: Arc<dyn Clock>,
    /// When this began, by the monotonic clock.
    began_ms: u64,
    /// Of orders that carried a key.
    answers: Answers,
    /// What was measured in the last hours.
    ring: Ring,
    /// Streams of events that are open.
    followers: Arc<Semaphore>,
    /// Sites that are being checked before they are added.
    site_checks: Arc<Semaphore>,
    stop: CancellationToken,
    /// Where the S3 door is, for whoever asks here first.
    s3_endpoint: String,
    /// What the S3 door counts.
    instruments: Arc<Instruments>,
    /// Of both doors.
    tls: Option<tls::Server>,
    disks: metrics::Disks,
    /// Fresh in each process; see [`Token::matches`].
    blind: hmac::Key,
}

impl Admin {
    pub fn new(
        engine: Engine,
        catalog: Arc<dyn Catalog>,
        token: Token,
        config: &Config,
        roots: Arc<Roots>,
        outside: &Outside,
        stop: CancellationToken,
    ) -> Admin {
        let blind = hmac::Key::new(hmac::HMAC_SHA256, &outside.random::<32>());
        let (permit, clock) = (SystemPermit::for_background_work(), Arc::clone(&outside.clock));
        let (accreditation, config, outside) = (config.accreditation, Arc::new(config.clone()), outside.clone());
        let (region, backup, repair) = (config.region.clone(), Arc::default(), Arc::default());
        Admin {
            engine,
            catalog,
            permit,
            token,
            accreditation,
            region,
            config: RwLock::new(config),
            roots,
            outside,
            backup,
            repair,
            compaction: Arc::default(),
            scrub: Mutex::default(),
            began_ms: clock.monotonic_ms(),
            clock,
            answers: Answers::default(),
            ring: Ring::default(),
            followers: Arc::new(Semaphore::new(events::FOLLOWERS_MAX)),
            site_checks: Arc::new(Semaphore::new(site_checks::CHECKS_MAX)),
            stop,
            s3_endpoint: String::new(),
            instruments: Arc::default(),
            tls: None,
            disks: metrics::Disks::default(),
            blind,
        }
    }

    /// Measures until the end: what [`history`] tells.
    pub async fn measure(&self) {
        self.stop.run_until_cancelled(history::measure(self)).await;
    }

    /// The settings as they are in use.
    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The site is in use from now on.
    fn take_in(&self, site: SiteConfig) {
        let mut config = self.config.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut config).sites.push(site);
    }

    /// Where the S3 door is.
    pub fn s3_endpoint(&self) -> &str {
        &self.s3_endpoint
    }

    /// Tells where the S3 door beside it is, what these count, and when that certificate ends.
    pub fn beside(self, s3_endpoint: &str, instruments: Arc<Instruments>, tls: Option<tls::Server>) -> Admin {
        Admin { s3_endpoint: s3_endpoint.to_owned(), instruments, tls, ..self }
    }
}

/// Serves until `stop`, and then for a moment what was begun.
pub async fn serve(
    admin: Arc<Admin>,
    listener: TcpListener,
    tls: Option<tls::Server>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let router = router(admin, listener.local_addr()?.port());
    listener::serve(router, listener, tls, stop).await;
    Ok(())
}

/// What handlers share of one kind of work: that which is under way, or the last.
fn held<T>(shared: &Mutex<Option<T>>) -> MutexGuard<'_, Option<T>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The routes, for whoever names this port of this machine.
pub fn router(admin: Arc<Admin>, port: u16) -> Router {
    let (doorman, outside) = (Arc::clone(&admin), admin.outside.clone());
    let orders = Arc::clone(&admin);
    let (routes, document) = routes().split_for_parts();
    routes
        .fallback(|| async {
            Problem::new(
                StatusCode::NOT_FOUND,
                "there is nothing at this path: GET /api/v1/openapi.json names every route",
            )
        })
        .method_not_allowed_fallback(|| async {
            let why = "this path does not take this method: GET /api/v1/openapi.json says which it takes";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, why)
        })
        .layer(Extension(Written::of(&document)))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(again::tagged))
        .layer(middleware::from_fn(move |request, next| again::once(Arc::clone(&orders), request, next)))
        .layer(middleware::from_fn(move |request, next| guard::pass(Arc::clone(&doorman), port, request, next)))
        .layer(middleware::map_response(guard::keep_to_the_caller))
        .layer(middleware::from_fn(move |request, next| trail::follow(outside.clone(), request, next)))
        .with_state(admin)
}

/// Every route of `/api/v1` with what is said of it: one that is not documented cannot be added.
fn routes() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::with_openapi(document::about())
        .routes(document::completed(routes!(session::sign_in), Whose::Anybody))
        .routes(for_callers(routes!(session::show)))
        .routes(for_callers(routes!(document::show)))
        .routes(for_callers(routes!(matrix::show)))
        .routes(on(Duty::SeeStatus, routes!(status::show)))
        .routes(on(Duty::SeeStatus, routes!(keeping::sites)))
        .routes(on(Duty::SeeStatus, routes!(overview::show)))
        .routes(on(Duty::SeeStatus, routes!(activity::show)))
        .routes(on(Duty::SeeStatus, routes!(history::show)))
        .routes(on(Duty::SeeStatus, routes!(events::follow)))
        .routes(on(Duty::SeeStatus, routes!(metrics::show)))
        .routes(on(Duty::Keep, routes!(keeping::set)))
        .routes(on(Duty::Keep, routes!(site_checks::check)))
        .routes(on(Duty::Keep, routes!(site_checks::plan)))
        .routes(on(Duty::Keep, routes!(site_checks::add)))
        .routes(on(Duty::Keep, routes!(keeping::plan_evacuation)))
        .routes(on(Duty::Keep, routes!(keeping::plan_repair)))
        .routes(on(Duty::Keep, routes!(keeping::repair, keeping::begin_repair)))
        .routes(on(Duty::Keep, routes!(by_itself::plan_sweep)))
        .routes(on(Duty::Keep, routes!(by_itself::plan_lifecycle)))
        .routes(on(Duty::Keep, routes!(journal::plan)))
        .routes(on(Duty::Keep, routes!(journal::show, journal::begin)))
        .routes(on(Duty::Keep, routes!(moving::plan)))
        .routes(on(Duty::Keep, routes!(moving::list, moving::begin)))
        .routes(on(Duty::SeePeople, routes!(users::list)))
        .routes(on(Duty::SeePeople, routes!(users::show)))
        .routes(on(Duty::SetPeople, routes!(users::create)))
        .routes(on(Duty::SetPeople, routes!(users::set)))
        .routes(on(Duty::SeePeople, routes!(users::list_groups)))
        .routes(on(Duty::SeePeople, routes!(users::show_group)))
        .routes(on(Duty::SetPeople, routes!(users::create_group)))
        .routes(on(Duty::SetPeople, routes!(users::set_group, users::delete_group)))
        .routes(on(Duty::SeePeople, routes!(keys::list)))
        .routes(on(Duty::IssueKeys, routes!(keys::create)))
        .routes(on(Duty::IssueKeys, routes!(keys::revoke)))
        .routes(on(Duty::RotateOwnKey, routes!(keys::rotate)))
        .routes(for_callers(routes!(buckets::list, buckets::create)))
        .routes(for_callers(routes!(buckets::pieces)))
        .routes(on(Duty::Grant, routes!(grants::list, grants::set)))
        .routes(on(Duty::SeeReleases, routes!(releases::list)))
        .routes(on(Duty::AskRelease, routes!(releases::ask)))
        .routes(on(Duty::SignRelease, routes!(releases::sign)))
        .routes(on(Duty::SignRelease, routes!(releases::content)))
        .routes(on(Duty::SignRelease, routes!(releases::carry_out)))
        .routes(on(Duty::SignRelease, routes!(releases::refuse)))
        .routes(on(Duty::AskRelease, routes!(releases::take_back)))
        .routes(on(Duty::ExplainOwn, routes!(explain::explain)))
        .routes(on(Duty::Adopt, routes!(adoptions::list, adoptions::begin)))
        .routes(on(Duty::Adopt, routes!(adoptions::plan)))
        .routes(on(Duty::Adopt, routes!(adoptions::pause)))
        .routes(on(Duty::Adopt, routes!(adoptions::resume)))
        .routes(on(Duty::Adopt, routes!(adoptions::finish)))
        .routes(on(Duty::Adopt, routes!(adoptions::abandon)))
        .routes(on(Duty::SeeLabels, routes!(labels::list)))
        .routes(on(Duty::RotateLabel, routes!(labels::rotate)))
        .routes(on(Duty::ShredLabel, routes!(labels::plan)))
        .routes(on(Duty::ShredLabel, routes!(labels::shred)))
        .routes(on(Duty::BackUp, routes!(copies::shares)))
        .routes(on(Duty::SeeStatus, routes!(durability::show_ledger)))
        .routes(on(Duty::SeeStatus, routes!(durability::findings)))
        .routes(on(Duty::SeeStatus, routes!(drills::show)))
        .routes(on(Duty::Scrub, routes!(durability::plan)))
        .routes(on(Duty::Scrub, routes!(durability::show, durability::begin)))
        .routes(on(Duty::BackUp, routes!(backups::plan)))
        .routes(on(Duty::BackUp, routes!(backups::show, backups::begin)))
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn every_route_is_in_the_document_and_the_list_of_them_was_read() {
        assert!(!include_str!("mod.rs").contains(concat!(".route", "(")), "a route without its document");
        let document = routes().into_openapi();
        let mut list = String::new();
        for (path, item) in &document.paths.paths {
            for (method, operation) in document::told(item) {
                let whose = operation.description.as_deref().and_then(|said| said.lines().last()).unwrap_or_default();
                let _ = writeln!(list, "{method} {path}: {whose}");
                assert!(operation.summary.as_ref().is_some_and(|said| !said.is_empty()), "{method} {path}");
            }
        }
        check_kept("docs/routes.txt", &list);
        check_kept("docs/api-reference.md", &reference::page(&document));
    }

    /// That a file of the repository is what it would be if it were written now.
    fn check_kept(name: &str, now: &str) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
        if std::env::var_os("ENTENTE_BLESS").is_some() {
            std::fs::write(&path, now).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(now == kept, "the routes have changed: read {name} after ENTENTE_BLESS=1");
    }
}
