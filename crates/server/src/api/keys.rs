//! Access keys: list, issue, rotate, revoke. What lies above the caller's label is absent.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use engine::Issued;
use http::StatusCode;
use model::address::NoAddressRange;
use model::{AccessKeyId, KeyLimits, KeyState, Label, Role, Timestamp};
use policy::duty::Duty;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Admin;
use super::asked::{Path, Query};
use super::guard::Caller;
use super::pages::PageQuery;
use super::problem::{Problem, bad, body_of};
use super::users::within;
use super::wire::{IssuedKey, Key, Keys, NewKey, Rotate};
use crate::owner::{self, Found};

/// Access keys, without their secrets.
#[utoipa::path(
    get,
    path = "/api/v1/keys",
    params(PageQuery),
    responses((status = 200, description = "The access keys at or below the session's label, without secrets", body = Keys))
)]
pub async fn list(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Keys>, Problem> {
    let mut keys = admin.engine.list_keys(&admin.permit).await?;
    let label = caller.label(&admin);
    keys.retain(|key| key.label <= label);
    let (keys, next) = page.of(keys, |key| key.id.0.clone())?;
    let shown = |key: engine::KeyInfo| Key {
        access_key: key.id.0,
        user: key.principal.name,
        label: admin.accreditation.banner(&key.label),
        expires: key.limits.expires.map(rfc3339),
        sources: key.limits.sources.iter().map(ToString::to_string).collect(),
        created: rfc3339(key.created),
        revoked: match key.state {
            KeyState::Active => None,
            KeyState::Revoked { at } => Some(rfc3339(at)),
        },
    };
    Ok(Json(Keys { keys: keys.into_iter().map(shown).collect(), next }))
}

/// Issues an access key.
#[utoipa::path(
    post,
    path = "/api/v1/keys",
    request_body = NewKey,
    responses((status = 201, description = "Issued; the secret is shown this once", body = IssuedKey))
)]
pub async fn create(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewKey>, JsonRejection>,
) -> Result<(StatusCode, Json<IssuedKey>), Problem> {
    let wanted = body_of(body)?;
    let lowest = admin.accreditation.range.low();
    let limits = limits(&admin, &wanted).map_err(bad)?;
    // A label that is mistyped or not the caller's to give makes no user either.
    let label = wanted.label.as_deref().map(|text| admin.accreditation.parse(text).map_err(bad)).transpose()?;
    label.as_ref().map_or(Ok(()), |label| within(&admin, &caller, label))?;
    if label.is_some_and(|label| label != lowest) && !is_user(&admin, &wanted.user).await? {
        let (user, lowest) = (&wanted.user, admin.accreditation.banner(&lowest));
        let why = format!(
            "no user is called `{user}`, and a mission owner who is made for a key is cleared for {lowest} alone: \
             `entente user create {user} --clearance LABEL` first"
        );
        return Err(Problem::new(StatusCode::NOT_FOUND, why));
    }
    let (user, found) = owner::user(&admin.engine, &admin.catalog, &admin.permit, &wanted.user, lowest).await?;
    let label = match label {
        Some(label) => label,
        None if user.role == Role::MissionOwner => lowest,
        // It opens no data, and sees what its holder may.
        None => user.clearance,
    };
    within(&admin, &caller, &label)?;
    let issued = admin.engine.issue_key(&admin.permit, user.id, label, limits).await?;
    let label = admin.accreditation.banner(&label);
    if found == Found::Made {
        tracing::info!(user = user.name, by = ?caller.principal(), "a mission owner was made for an access key");
    }
    tracing::info!(access_key = %issued.id, user = user.name, label, by = ?caller.principal(), "an access key was issued");
    Ok((StatusCode::CREATED, Json(shown(issued, label, found))))
}

async fn is_user(admin: &Admin, name: &str) -> Result<bool, Problem> {
    Ok(admin.catalog.principals().await?.iter().any(|known| known.name == name))
}

fn shown(issued: Issued, label: String, found: Found) -> IssuedKey {
    IssuedKey {
        access_key: issued.id.0,
        secret_key: issued.secret,
        user: issued.principal.name,
        label,
        user_id: issued.principal.id.to_string(),
        user_created: found == Found::Made,
    }
}

fn limits(admin: &Admin, wanted: &NewKey) -> Result<KeyLimits, String> {
    let now = admin.clock.now();
    let expires = wanted.expires_in_s.map(|seconds| Timestamp(now.0 + i64::from(seconds) * 1000));
    let sources = wanted.sources.iter().map(|text| text.parse().map_err(|error: NoAddressRange| error.to_string()));
    Ok(KeyLimits { expires, sources: sources.collect::<Result<_, _>>()? })
}

/// A new key in place of one: of anybody by an officer, of oneself by the very key.
#[utoipa::path(
    post,
    path = "/api/v1/keys/{id}/rotate",
    params(("id" = String, Path, description = "The access key id")),
    request_body = Rotate,
    responses((status = 201, description = "The new key; its secret is shown this once", body = IssuedKey))
)]
pub async fn rotate(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Result<Json<Rotate>, JsonRejection>,
) -> Result<(StatusCode, Json<IssuedKey>), Problem> {
    let (wanted, id) = (body_of(body)?, AccessKeyId(id));
    let own = caller.person()?.access_key.as_ref() == Some(&id);
    if !own && !caller.may(Duty::IssueKeys) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "you may rotate the key you sign with, and no other"));
    }
    let label = label_of(&admin, &caller, &id).await?;
    let issued = admin.engine.rotate_key(&admin.permit, &id, u64::from(wanted.grace_s) * 1000).await?;
    tracing::info!(access_key = %id, new = %issued.id, by = ?caller.principal(), "an access key was rotated");
    Ok((StatusCode::CREATED, Json(shown(issued, admin.accreditation.banner(&label), Found::Before))))
}

/// Revokes an access key, at once.
#[utoipa::path(
    delete,
    path = "/api/v1/keys/{id}",
    params(("id" = String, Path, description = "The access key id")),
    responses((status = 204, description = "Revoked"))
)]
pub async fn revoke(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = AccessKeyId(id);
    label_of(&admin, &caller, &id).await?;
    admin.engine.revoke_key(&admin.permit, &id).await?;
    tracing::info!(access_key = %id, by = ?caller.principal(), "an access key was revoked");
    Ok(StatusCode::NO_CONTENT)
}

/// Of a key the caller may know of.
async fn label_of(admin: &Admin, caller: &Caller, id: &AccessKeyId) -> Result<Label, Problem> {
    let label = caller.label(admin);
    let key = admin.catalog.access_key(id).await?.filter(|key| key.label <= label);
    key.map(|key| key.label).ok_or_else(|| engine::Error::NoSuchAccessKey.into())
}

pub fn rfc3339(at: Timestamp) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000);
    at.ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_by_rfc_3339() {
        assert_eq!(rfc3339(Timestamp(1_000)), "1970-01-01T00:00:01Z");
    }
}
