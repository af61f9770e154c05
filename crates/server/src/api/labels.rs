//! Labels: list, rotate, shred.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use http::StatusCode;
use model::{CopyKind, KnownCopy, Label};

use super::Admin;
use super::asked::Query;
use super::guard::Caller;
use super::keys::rfc3339;
use super::pages::PageQuery;
use super::problem::{Problem, bad, body_of};
use super::users::within;
use super::wire::{BackupMade, LabelInUse, Labels, OneLabel, Rotated, SharesMade, Shred, ShredPlan, ShredSite};
use crate::roots::NotShredded;

/// Labels in use, with the epochs of their keys.
#[utoipa::path(
    get,
    path = "/api/v1/labels",
    params(PageQuery),
    responses((status = 200, description = "The labels in use, at or below the session's", body = Labels))
)]
pub async fn list(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Labels>, Problem> {
    let mut labels = admin.engine.list_labels(&admin.permit).await?;
    let highest = caller.label(&admin);
    labels.retain(|info| info.label <= highest);
    let (labels, next) = page.of(labels, |info| hex::encode(info.label.canonical()))?;
    let shown = |info: engine::LabelInfo| LabelInUse {
        label: admin.accreditation.banner(&info.label),
        epochs: info.epochs,
        buckets: info.buckets,
        stream: info.stream.map(|stream| stream.to_string()),
    };
    Ok(Json(Labels { labels: labels.into_iter().map(shown).collect(), next }))
}

/// Gives a label a new key, for what is written from now on.
#[utoipa::path(
    post,
    path = "/api/v1/label-rotations",
    request_body = OneLabel,
    responses((status = 201, description = "There is a new key", body = Rotated))
)]
pub async fn rotate(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<OneLabel>, JsonRejection>,
) -> Result<(StatusCode, Json<Rotated>), Problem> {
    let wanted = body_of(body)?;
    let label = parse(&admin, &caller, &wanted.label)?;
    let epoch = admin.engine.rotate_label(&admin.permit, label).await?;
    let label = admin.accreditation.banner(&label);
    tracing::info!(label, epoch, by = ?caller.principal(), "a label got a new key");
    Ok((StatusCode::CREATED, Json(Rotated { label, epoch })))
}

/// What shredding a label would make unreadable for ever. Nothing is changed.
#[utoipa::path(
    post,
    path = "/api/v1/label-shred-plan",
    request_body = OneLabel,
    responses((status = 200, description = "What would become unreadable", body = ShredPlan))
)]
pub async fn plan(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<OneLabel>, JsonRejection>,
) -> Result<Json<ShredPlan>, Problem> {
    let wanted = body_of(body)?;
    let label = parse(&admin, &caller, &wanted.label)?;
    let plan = admin.engine.plan_shred(&admin.permit, label).await?;
    let file = admin.roots.file();
    file.check_writable(&admin.outside).map_err(|failure| Problem::new(StatusCode::CONFLICT, failure.to_string()))?;
    Ok(Json(shown(&admin, plan)))
}

/// Makes everything at a label unreadable for ever.
#[utoipa::path(
    post,
    path = "/api/v1/label-shreds",
    request_body = Shred,
    responses((status = 204, description = "Shredded"))
)]
pub async fn shred(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<Shred>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let wanted = body_of(body)?;
    let label = parse(&admin, &caller, &wanted.label)?;
    if parse(&admin, &caller, &wanted.confirm)? != label {
        let why = format!("`{}` is another label than `{}`: nothing was done", wanted.confirm, wanted.label);
        return Err(Problem::new(StatusCode::BAD_REQUEST, why));
    }
    let plan = admin.engine.plan_shred(&admin.permit, label).await?;
    if plan.contents.locked > 0 && !wanted.despite_locks {
        let why = format!(
            "object locks keep {} versions of it: wait until they end, or say --despite-locks",
            plan.contents.locked
        );
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    let banner = admin.accreditation.banner(&label);
    tracing::warn!(
        label = banner,
        versions = plan.contents.versions,
        bytes = plan.contents.bytes,
        by = ?caller.principal(),
        "a label is being shredded"
    );
    admin.roots.shred(&admin.engine, &admin.permit, label).await.map_err(|error| match error {
        NotShredded::Refused(error) => error.into(),
        NotShredded::Root(failure) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, failure.to_string()),
    })?;
    tracing::warn!(label = banner, "a label was shredded");
    Ok(StatusCode::NO_CONTENT)
}

fn parse(admin: &Admin, caller: &Caller, text: &str) -> Result<Label, Problem> {
    let label = admin.accreditation.parse(text).map_err(bad)?;
    within(admin, caller, &label)?;
    Ok(label)
}

fn shown(admin: &Admin, plan: engine::ShredPlan) -> ShredPlan {
    let (mut shares, mut backups) = (Vec::new(), Vec::new());
    for KnownCopy { root, made, what } in plan.copies {
        let (root, made) = (hex::encode(root.0), rfc3339(made));
        match what {
            CopyKind::Shares { needed, holders } => shares.push(SharesMade { root, needed, holders, made }),
            CopyKind::Backup { place, digest } => {
                backups.push(BackupMade { root, place, digest: hex::encode(digest), made });
            }
        }
    }
    let contents = plan.contents;
    ShredPlan {
        label: admin.accreditation.banner(&plan.label),
        buckets: contents.buckets.iter().map(|bucket| bucket.name.to_string()).collect(),
        versions: contents.versions,
        bytes: contents.bytes,
        uploads: contents.uploads,
        access_keys: contents.access_keys,
        keys: plan.keys,
        locked: contents.locked,
        sites: plan.sites.into_iter().map(|(site, pieces)| ShredSite { site: site.name, pieces }).collect(),
        catalog: admin.config().dir().catalog().display().to_string(),
        root_key: admin.roots.file().path.display().to_string(),
        sealed_under_passphrase: admin.roots.file().is_sealed(),
        shares,
        backups,
    }
}
