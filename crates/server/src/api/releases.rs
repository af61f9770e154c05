//! Releases: asked for by who can read the source, signed by two security officers, carried out as a copy.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::Response;
use axum::{Extension, Json};
use engine::{Destination, Error};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use model::{BucketName, ObjectKey, PrincipalId, Release, ReleaseId, ReleaseState, Role, VersionId, Which};

use serde::Serialize;

use super::Admin;
use super::asked::{Path, Query};
use super::guard::Caller;
use super::keys::rfc3339;
use super::pages::PageQuery;
use super::problem::{Problem, bad, body_of};
use super::wire::{self, NewRelease, Releases};

/// Asks that an object be copied to a lower label.
#[utoipa::path(
    post,
    path = "/api/v1/releases",
    request_body = NewRelease,
    responses((status = 201, description = "Asked for", body = wire::Release))
)]
pub async fn ask(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewRelease>, JsonRejection>,
) -> Result<(StatusCode, Json<wire::Release>), Problem> {
    let wanted = body_of(body)?;
    let session = caller.person()?;
    let bucket = |name: &str| BucketName::parse(name).map_err(|error| bad(error.to_string()));
    let key = |key: &str| ObjectKey::parse(key).map_err(|error| bad(error.to_string()));
    let which = match wanted.version.as_deref() {
        None => Which::Current,
        Some("null") => Which::Null,
        Some(id) => Which::Own(id.parse::<VersionId>().map_err(|error| bad(error.to_string()))?),
    };
    let source = admin.engine.resolve(session, &bucket(&wanted.bucket)?).await?.ok_or(Error::NoSuchBucket)?;
    let source_key = key(&wanted.key)?;
    let access = admin.engine.access(&source).await?;
    let list = admin.engine.object_acl(&source, &source_key, which).await?.ok_or(Error::NoSuchKey)?;
    let permit = policy::on_shared_object(session, &source, &access, source_key, &list).map_err(Error::Refused)?;
    let to = Destination {
        label: admin.accreditation.parse(&wanted.to_label).map_err(bad)?,
        bucket: bucket(&wanted.to_bucket)?,
        key: key(wanted.to_key.as_deref().unwrap_or(&wanted.key))?,
    };
    let release = admin.engine.ask_release(permit, which, to, &wanted.reason).await?;
    tracing::info!(release = %release.id, by = %session.principal, "a release was asked for");
    Ok((StatusCode::CREATED, Json(shown(&admin, release).await?)))
}

/// Releases: who asks sees their own.
#[utoipa::path(
    get,
    path = "/api/v1/releases",
    params(PageQuery),
    responses((status = 200, description = "The releases that the session may know of", body = Releases))
)]
pub async fn list(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Releases>, Problem> {
    let mut releases = admin.engine.releases(&admin.permit, caller.label(&admin)).await?;
    if caller.role() == Some(Role::MissionOwner) {
        releases.retain(|release| Some(release.asked_by) == caller.principal());
    }
    let (releases, next) = page.of(releases, |release| format!("{:020}{}", release.asked.0, release.id))?;
    let mut all = Vec::new();
    for release in releases {
        all.push(shown(&admin, release).await?);
    }
    Ok(Json(Releases { releases: all, next }))
}

/// Signs a release; the second signature carries it out.
#[utoipa::path(
    post,
    path = "/api/v1/releases/{id}/sign",
    params(("id" = String, Path, description = "The release")),
    responses((status = 200, description = "Signed", body = wire::Release))
)]
pub async fn sign(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<wire::Release>, Problem> {
    let (by, release) = seen(&admin, &caller, &id).await?;
    let release = admin.engine.sign_release(&admin.permit, release.id, by).await?;
    tracing::info!(release = %release.id, %by, state = ?release.state, "a release was signed");
    Ok(Json(shown(&admin, release).await?))
}

/// The bytes themselves, with what is said of them in headers: nobody signs what they cannot see.
#[utoipa::path(
    get,
    path = "/api/v1/releases/{id}/content",
    params(("id" = String, Path, description = "The release")),
    responses((
        status = 200,
        description = "The bytes",
        body = Vec<u8>,
        content_type = "application/octet-stream",
        headers(("entente-said-of-it" = String, description = "Metadata, headers and tags: JSON in hexadecimal digits"))
    ))
)]
pub async fn content(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (by, release) = seen(&admin, &caller, &id).await?;
    let found = admin.engine.look(&admin.permit, release.id, by).await?;
    tracing::info!(release = %release.id, %by, "what is to be released was looked at");
    let (version, broken) = (&found.version, |error: String| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error));
    let said = Said { metadata: &version.metadata.user, headers: &version.metadata.system, tags: &version.tags.0 };
    let said = serde_json::to_vec(&said).map_err(|error| broken(error.to_string()))?;
    let (size, answer) = (version.size, Response::builder().header(CONTENT_TYPE, "application/octet-stream"));
    // In digits: it may be any text.
    let answer = answer.header(CONTENT_LENGTH, size).header("entente-said-of-it", hex::encode(said));
    answer.body(Body::from_stream(found.read(0..size))).map_err(|error| broken(error.to_string()))
}

/// What comes along with the bytes.
#[derive(Serialize)]
struct Said<'a> {
    metadata: &'a BTreeMap<String, String>,
    headers: &'a BTreeMap<String, String>,
    tags: &'a BTreeMap<String, String>,
}

/// A no to a release, by an officer.
#[utoipa::path(
    post,
    path = "/api/v1/releases/{id}/refuse",
    params(("id" = String, Path, description = "The release")),
    responses((status = 200, description = "Ended", body = wire::Release))
)]
pub async fn refuse(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<wire::Release>, Problem> {
    end(&admin, &caller, &id).await
}

/// Takes back a release that one asked for.
#[utoipa::path(
    post,
    path = "/api/v1/releases/{id}/take-back",
    params(("id" = String, Path, description = "The release")),
    responses((status = 200, description = "Ended", body = wire::Release))
)]
pub async fn take_back(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<wire::Release>, Problem> {
    end(&admin, &caller, &id).await
}

async fn end(admin: &Admin, caller: &Caller, id: &str) -> Result<Json<wire::Release>, Problem> {
    let (by, release) = seen(admin, caller, id).await?;
    let release = admin.engine.end_release(&admin.permit, release.id, by).await?;
    tracing::info!(release = %release.id, %by, "a release was ended");
    Ok(Json(shown(admin, release).await?))
}

/// Tries once more what is signed and could not be carried out.
#[utoipa::path(
    post,
    path = "/api/v1/releases/{id}/carry-out",
    params(("id" = String, Path, description = "The release")),
    responses((status = 200, description = "Carried out", body = wire::Release))
)]
pub async fn carry_out(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<wire::Release>, Problem> {
    let (by, release) = seen(&admin, &caller, &id).await?;
    let release = admin.engine.carry_out(&admin.permit, release.id).await?;
    tracing::info!(release = %release.id, %by, "a release was carried out");
    Ok(Json(shown(&admin, release).await?))
}

/// The release, for those who may know of it.
async fn seen(admin: &Admin, caller: &Caller, id: &str) -> Result<(PrincipalId, Release), Problem> {
    let session = caller.person()?;
    let id: ReleaseId = id.parse().map_err(|_| Error::NoSuchRelease)?;
    let release = admin.engine.release(&admin.permit, session.label, id).await?;
    if caller.role() == Some(Role::MissionOwner) && release.asked_by != session.principal {
        return Err(Error::NoSuchRelease.into());
    }
    Ok((session.principal, release))
}

async fn shown(admin: &Admin, release: Release) -> Result<wire::Release, Problem> {
    let name = async |id: PrincipalId| -> Result<String, Problem> {
        Ok(admin.engine.name_of(id).await?.unwrap_or_else(|| id.to_string()))
    };
    let bucket = async |id| -> Result<String, Problem> {
        let bucket = admin.catalog.bucket(id).await?;
        Ok(bucket.map_or_else(|| "(deleted)".to_owned(), |bucket| bucket.name.to_string()))
    };
    let mut signed_by = Vec::new();
    for signature in &release.signatures {
        let signature = wire::Signature { by: name(signature.by).await?, at: rfc3339(signature.at) };
        signed_by.push(signature);
    }
    let (state, ended_by, ended) = match release.state {
        ReleaseState::Open if release.is_signed() => ("signed", None, None),
        ReleaseState::Open => ("open", None, None),
        ReleaseState::Ended { by, at } => ("ended", Some(name(by).await?), Some(rfc3339(at))),
        ReleaseState::Done { at } => ("done", None, Some(rfc3339(at))),
    };
    Ok(wire::Release {
        id: release.id.to_string(),
        state: state.to_owned(),
        asked_by: name(release.asked_by).await?,
        asked: rfc3339(release.asked),
        reason: release.reason,
        bucket: bucket(release.source.bucket).await?,
        key: release.source.key.to_string(),
        label: admin.accreditation.banner(&release.source_label),
        etag: release.etag.0,
        size: release.size,
        to_bucket: bucket(release.target).await?,
        to_key: release.target_key.to_string(),
        to_label: admin.accreditation.banner(&release.target_label),
        signed_by,
        ended_by,
        ended,
    })
}
