//! Who beside its owner may use a bucket: set by who manages it, or by the security officer.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use engine::Error;
use model::{Bucket, BucketName, Grants, PrincipalId, Right, Role, Session};
use policy::{Action, WriteBucketAcl, decide};
use serde::Deserialize;

use super::Admin;
use super::asked::{Path, Query};
use super::guard::Caller;
use super::pages::PageQuery;
use super::problem::{Problem, bad, body_of};
use super::users::group_named;
use super::wire::{self, SetGrant};

/// Which bucket of the name: by its label, where the name alone does not say.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// The label of the bucket.
    label: Option<String>,
}

/// Which bucket of the name, and which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The label of the bucket.
    label: Option<String>,
    /// How many items at most; 1000 unless told.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// What `next` of the page before said.
    after: Option<String>,
}

/// Who beside its owner may use a bucket.
#[utoipa::path(
    get,
    path = "/api/v1/buckets/{name}/grants",
    params(("name" = String, Path, description = "The bucket"), Listed),
    responses((status = 200, description = "Who beside its owner may use the bucket", body = wire::Grants))
)]
pub async fn list(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(Listed { label, limit, after }): Query<Listed>,
) -> Result<Json<wire::Grants>, Problem> {
    let bucket = managed(&admin, &caller, &name, label.as_deref()).await?;
    let grants = admin.engine.access(&bucket).await?.grants.clone();
    shown(&admin, &bucket, grants, &PageQuery::new(limit, after)).await
}

/// Grants a user or a group the use of a bucket, or takes it back.
#[utoipa::path(
    put,
    path = "/api/v1/buckets/{name}/grants",
    params(("name" = String, Path, description = "The bucket"), At),
    request_body = SetGrant,
    responses((status = 200, description = "As they are now, the first page", body = wire::Grants))
)]
pub async fn set(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(at): Query<At>,
    body: Result<Json<SetGrant>, JsonRejection>,
) -> Result<Json<wire::Grants>, Problem> {
    let wanted = body_of(body)?;
    let right = wanted.right.as_deref().map(right).transpose().map_err(bad)?;
    let bucket = managed(&admin, &caller, &name, at.label.as_deref()).await?;
    let to = match left_over(&admin, &bucket, &wanted).await? {
        Some(to) => to,
        None => grantee(&admin, &wanted.to).await?,
    };
    let grants = admin.engine.set_grant(&admin.permit, &bucket, to, right).await?;
    tracing::info!(bucket = %bucket.id, to = %to, right = ?right, by = ?caller.principal(), "a grant was set");
    shown(&admin, &bucket, grants, &PageQuery::default()).await
}

fn right(text: &str) -> Result<Right, String> {
    Right::ALL.into_iter().find(|right| right.name() == text).ok_or_else(|| {
        let names = Right::ALL.map(Right::name);
        format!("`{text}` is no right: there are {}", names.join(", "))
    })
}

/// The bucket, for an officer who can see it and for whoever manages it.
async fn managed(admin: &Admin, caller: &Caller, name: &str, label: Option<&str>) -> Result<Bucket, Problem> {
    let name = BucketName::parse(name).map_err(|error| bad(error.to_string()))?;
    let session = caller.person()?;
    let at = match label {
        Some(text) => Session { label: admin.accreditation.parse(text).map_err(bad)?, ..session.clone() },
        None => session.clone(),
    };
    // What is not at or below the caller is not there, whatever label is named.
    let bucket = match at.label <= session.label {
        true => admin.engine.resolve(&at, &name).await?,
        false => None,
    };
    let bucket = bucket.ok_or(Error::NoSuchBucket)?;
    if caller.role() != Some(Role::SecurityOfficer) {
        let access = admin.engine.access(&bucket).await?;
        let verdict = decide(session, &WriteBucketAcl::FACTS, &bucket, &access, None);
        verdict.outcome.map_err(Error::Refused)?;
    }
    Ok(bucket)
}

/// `NAME` of a user, or `group:NAME`. Whoever is named may be cleared for more than who grants: names have
/// no label, clearances have.
async fn grantee(admin: &Admin, text: &str) -> Result<PrincipalId, Problem> {
    if let Some(group) = text.strip_prefix("group:") {
        return Ok(group_named(admin, group).await?.id);
    }
    let users = admin.engine.list_principals(&admin.permit).await?;
    let user = users.into_iter().find(|user| user.name == text);
    user.map(|user| user.id).ok_or_else(|| Error::NoSuchPrincipal.into())
}

/// What was granted to a group that was deleted is listed by its id, and is taken back by it.
async fn left_over(admin: &Admin, bucket: &Bucket, wanted: &SetGrant) -> Result<Option<PrincipalId>, Problem> {
    let access = admin.engine.access(bucket).await?;
    let mut granted = access.grants.0.keys().filter(|_| wanted.right.is_none());
    Ok(granted.find(|to| to.to_string() == wanted.to).copied())
}

async fn shown(
    admin: &Admin,
    bucket: &Bucket,
    grants: Grants,
    page: &PageQuery,
) -> Result<Json<wire::Grants>, Problem> {
    let groups = admin.engine.list_groups(&admin.permit).await?;
    let (grants, next) = page.of(grants.0.into_iter().collect(), |(to, _)| to.to_string())?;
    let mut shown = Vec::new();
    for (to, right) in grants {
        let group = groups.iter().find(|group| group.id == to).map(|group| format!("group:{}", group.name));
        let name = match group {
            Some(name) => Some(name),
            None => admin.engine.name_of(to).await?,
        };
        // Of a group that was deleted.
        let to = name.unwrap_or_else(|| to.to_string());
        shown.push(wire::Grant { to, right: right.name().to_owned() });
    }
    let (bucket, label) = (bucket.name.to_string(), admin.accreditation.banner(&bucket.label));
    Ok(Json(wire::Grants { bucket, label, grants: shown, next }))
}
