//! `/api/v1`: how operators and the other subcommands reach the running Entente.
//!
//! Loopback only, at a port of its own and at the console's. Every request names this very address as its host, and shows the admin token or is signed
//! with an access key, so that neither another user of the machine nor a page in a browser gets in. Each
//! route is somebody's duty. Bodies are JSON, refusals are `application/problem+json`.

mod adoptions;
mod backups;
mod copies;
mod durability;
mod explain;
mod grants;
mod guard;
mod journal;
mod keeping;
mod keys;
mod labels;
mod listener;
mod metrics;
mod moving;
mod problem;
mod releases;
mod session;
mod status;
mod users;
pub mod wire;

pub use self::guard::named_here;
pub use self::keys::rfc3339;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{delete, get, patch, post};
use catalog::Catalog;
use engine::Engine;
use http::StatusCode;
use model::outside::Clock;
use model::{Label, Outside};
use policy::SystemPermit;
use policy::duty::Duty;
use ring::hmac;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::guard::on;
use self::problem::Problem;
use self::wire::{BackupState, CompactionState, RepairState};
use crate::accreditation::Accreditation;
use crate::config::Config;
use crate::roots::Roots;
use crate::token::Token;

/// Far above any request of this API, far below what would hurt.
const BODY_BYTES_MAX: usize = 16 << 10;

/// How long an answer under way may take once asked to stop: no request of this API takes longer,
/// and a connection that says nothing may not hold up the end.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// What the handlers share.
pub struct Admin {
    engine: Engine,
    catalog: Arc<dyn Catalog>,
    permit: SystemPermit,
    token: Token,
    accreditation: Accreditation,
    /// Requests are signed for it.
    region: String,
    config: Config,
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
    /// Where the S3 door is, for whoever asks here first.
    s3_endpoint: String,
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
        s3_endpoint: &str,
    ) -> Admin {
        let blind = hmac::Key::new(hmac::HMAC_SHA256, &outside.random::<32>());
        let (permit, clock) = (SystemPermit::for_background_work(), Arc::clone(&outside.clock));
        let (accreditation, config, outside) = (config.accreditation, config.clone(), outside.clone());
        let (region, backup, repair) = (config.region.clone(), Arc::default(), Arc::default());
        Admin {
            engine,
            catalog,
            permit,
            token,
            accreditation,
            region,
            config,
            roots,
            outside,
            backup,
            repair,
            compaction: Arc::default(),
            scrub: Mutex::default(),
            clock,
            s3_endpoint: s3_endpoint.to_owned(),
            blind,
        }
    }

    /// Where the S3 door is.
    pub fn s3_endpoint(&self) -> &str {
        &self.s3_endpoint
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
    run(router, listener, tls, stop).await
}

/// Serves a router as [`serve`] does.
pub async fn run(
    router: Router,
    listener: TcpListener,
    tls: Option<tls::Server>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let listener = listener::Greeting::new(listener, tls);
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN_MAX).await;
    };
    tokio::select! {
        ended = serving.into_future() => ended,
        () = late => Ok(()),
    }
}

/// What handlers share of one kind of work: that which is under way, or the last.
fn held<T>(shared: &Mutex<Option<T>>) -> MutexGuard<'_, Option<T>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The routes, for whoever names this port of this machine.
pub fn router(admin: Arc<Admin>, port: u16) -> Router {
    let doorman = Arc::clone(&admin);
    Router::new()
        .route(guard::OPEN, get(session::sign_in))
        .route("/api/v1/session", get(session::show))
        .route("/api/v1/status", on(Duty::SeeStatus, get(status::show)))
        .route("/api/v1/sites", on(Duty::SeeStatus, get(keeping::sites)))
        .route("/api/v1/site-states", on(Duty::Keep, post(keeping::set)))
        .route("/api/v1/evacuation-plan", on(Duty::Keep, post(keeping::plan_evacuation)))
        .route("/api/v1/repair-plan", on(Duty::Keep, get(keeping::plan_repair)))
        .route("/api/v1/repairs", on(Duty::Keep, get(keeping::repair).post(keeping::begin_repair)))
        .route("/api/v1/compaction-plan", on(Duty::Keep, get(journal::plan)))
        .route("/api/v1/compactions", on(Duty::Keep, get(journal::show).post(journal::begin)))
        .route("/api/v1/data-move-plan", on(Duty::Keep, post(moving::plan)))
        .route("/api/v1/data-moves", on(Duty::Keep, get(moving::list).post(moving::begin)))
        .route("/api/v1/users", on(Duty::SeePeople, get(users::list)).merge(on(Duty::SetPeople, post(users::create))))
        .route("/api/v1/users/{name}", on(Duty::SetPeople, patch(users::set)))
        .route(
            "/api/v1/groups",
            on(Duty::SeePeople, get(users::list_groups)).merge(on(Duty::SetPeople, post(users::create_group))),
        )
        .route("/api/v1/groups/{name}", on(Duty::SetPeople, patch(users::set_group).delete(users::delete_group)))
        .route("/api/v1/keys", on(Duty::SeePeople, get(keys::list)).merge(on(Duty::IssueKeys, post(keys::create))))
        .route("/api/v1/keys/{id}", on(Duty::IssueKeys, delete(keys::revoke)))
        .route("/api/v1/keys/{id}/rotate", on(Duty::RotateOwnKey, post(keys::rotate)))
        .route("/api/v1/buckets/{name}/grants", on(Duty::Grant, get(grants::list).put(grants::set)))
        .route(
            "/api/v1/releases",
            on(Duty::SeeReleases, get(releases::list)).merge(on(Duty::AskRelease, post(releases::ask))),
        )
        .route("/api/v1/releases/{id}/sign", on(Duty::SignRelease, post(releases::sign)))
        .route("/api/v1/releases/{id}/content", on(Duty::SignRelease, get(releases::content)))
        .route("/api/v1/releases/{id}/carry-out", on(Duty::SignRelease, post(releases::carry_out)))
        .route("/api/v1/releases/{id}/refuse", on(Duty::SignRelease, post(releases::end)))
        .route("/api/v1/releases/{id}/take-back", on(Duty::AskRelease, post(releases::end)))
        .route("/api/v1/explain", on(Duty::ExplainOwn, post(explain::explain)))
        .route("/api/v1/adoptions", on(Duty::Adopt, get(adoptions::list).post(adoptions::begin)))
        .route("/api/v1/adoption-plan", on(Duty::Adopt, post(adoptions::plan)))
        .route("/api/v1/adoptions/{bucket}/pause", on(Duty::Adopt, post(adoptions::pause)))
        .route("/api/v1/adoptions/{bucket}/resume", on(Duty::Adopt, post(adoptions::resume)))
        .route("/api/v1/adoptions/{bucket}/finish", on(Duty::Adopt, post(adoptions::finish)))
        .route("/api/v1/adoptions/{bucket}/abandon", on(Duty::Adopt, post(adoptions::abandon)))
        .route("/api/v1/labels", on(Duty::SeeLabels, get(labels::list)))
        .route("/api/v1/label-rotations", on(Duty::RotateLabel, post(labels::rotate)))
        .route("/api/v1/label-shred-plan", on(Duty::ShredLabel, post(labels::plan)))
        .route("/api/v1/label-shreds", on(Duty::ShredLabel, post(labels::shred)))
        .route("/api/v1/shares", on(Duty::BackUp, post(copies::shares)))
        .route("/api/v1/durability", on(Duty::SeeStatus, get(durability::show_ledger)))
        .route("/api/v1/findings", on(Duty::SeeStatus, get(durability::findings)))
        .route("/api/v1/scrubs", on(Duty::Scrub, get(durability::show).post(durability::begin)))
        .route("/metrics", on(Duty::SeeStatus, get(metrics::show)))
        .route("/api/v1/backup-plan", on(Duty::BackUp, get(backups::plan)))
        .route("/api/v1/backups", on(Duty::BackUp, get(backups::show).post(backups::begin)))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method")
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(move |request, next| guard::pass(Arc::clone(&doorman), port, request, next)))
        .layer(middleware::map_response(guard::keep_to_the_caller))
        .with_state(admin)
}
