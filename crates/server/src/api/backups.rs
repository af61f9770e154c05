//! Backups of the running catalog, which is of every label: they are for those who see all.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use http::StatusCode;
use model::{CopyKind, KnownCopy};

use super::guard::Caller;
use super::problem::{Problem, body_of};
use super::wire::{BackupPlan, BackupState, NewBackup};
use super::{Admin, held};
use crate::backup;

/// What a backup would hold. Nothing is written.
#[utoipa::path(
    get,
    path = "/api/v1/backup-plan",
    responses((status = 200, description = "What a backup would hold", body = BackupPlan))
)]
pub async fn plan(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<BackupPlan>, Problem> {
    caller.whole(&admin)?;
    let catalog_bytes = fs::metadata(admin.config().dir().catalog()).map_or(0, |about| about.len());
    Ok(Json(BackupPlan {
        enclave: admin.engine.enclave().to_string(),
        root: hex::encode(admin.engine.root().await?.held.0),
        catalog_bytes,
        config: admin.config().file.as_ref().map(|path| path.display().to_string()),
    }))
}

/// Begins a backup of the catalog into a new file on the machine this runs on.
#[utoipa::path(
    post,
    path = "/api/v1/backups",
    request_body = NewBackup,
    responses((status = 202, description = "Begun"))
)]
pub async fn begin(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewBackup>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    caller.whole(&admin)?;
    let NewBackup { path } = body_of(body)?;
    let to = PathBuf::from(&path);
    if !to.is_absolute() || to.exists() {
        let why = format!("`{path}` is there already, or is no absolute path: name a new file");
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    {
        let mut state = held(&admin.backup);
        if state.as_ref().is_some_and(|state| state.digest.is_none() && state.failed.is_none()) {
            return Err(Problem::new(StatusCode::CONFLICT, "another backup is under way: wait for it"));
        }
        *state = Some(BackupState { path, bytes: 0, done: 0, digest: None, failed: None });
    }
    tokio::spawn(run(admin, to));
    Ok(StatusCode::ACCEPTED)
}

/// How far the backup is.
#[utoipa::path(
    get,
    path = "/api/v1/backups",
    responses((status = 200, description = "The one under way, or the last", body = BackupState))
)]
pub async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<BackupState>, Problem> {
    caller.whole(&admin)?;
    let state = held(&admin.backup).clone();
    state.map(Json).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "no backup was made since the start"))
}

async fn run(admin: Arc<Admin>, to: PathBuf) {
    let outcome = make(&admin, to).await;
    if let Err(why) = &outcome {
        tracing::error!(why, "a backup failed");
    }
    if let Some(state) = held(&admin.backup).as_mut() {
        match outcome {
            Ok(digest) => state.digest = Some(hex::encode(digest)),
            Err(why) => state.failed = Some(why),
        }
    }
}

async fn make(admin: &Arc<Admin>, to: PathBuf) -> Result<[u8; 32], String> {
    let copy = admin.config().dir().catalog_copy();
    crate::files::remove_if_there(&copy).map_err(|error| error.to_string())?;
    let saved = admin.catalog.save(copy.clone()).await.map_err(|error| error.to_string());
    let root = admin.engine.root().await.map_err(|error| error.to_string());
    let sealed = match saved.and(root) {
        Err(why) => Err(why),
        Ok(root) => {
            let (to, copy, admin, settings) = (to.clone(), copy.clone(), Arc::clone(admin), admin.config());
            let work = move || {
                let mut progress = |done, of| {
                    if let Some(state) = held(&admin.backup).as_mut() {
                        (state.done, state.bytes) = (done, of);
                    }
                };
                let source = backup::Source {
                    enclave: admin.engine.enclave(),
                    root: root.held,
                    made: admin.clock.now(),
                    catalog: &copy,
                    config: settings.file.as_deref(),
                };
                backup::write(&source, &admin.engine.root_key(&admin.permit), &to, &admin.outside, &mut progress)
                    .map(|digest| (root.held, digest))
                    .map_err(|failure| failure.to_string())
            };
            tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
        }
    };
    let removed = crate::files::remove_if_there(&copy).map_err(|error| error.to_string());
    let (root, digest) = sealed.and_then(|sealed| removed.map(|()| sealed))?;
    let place = to.display().to_string();
    let copy = KnownCopy { root, made: admin.clock.now(), what: CopyKind::Backup { place, digest } };
    admin.engine.note_copy(&admin.permit, copy).await.map_err(|error| format!("it is written, but: {error}"))?;
    Ok(digest)
}
