//! Access keys: list, issue, revoke.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use model::address::NoAddressRange;
use model::{AccessKeyId, KeyLimits, KeyState, Timestamp};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Admin;
use super::problem::Problem;
use super::wire::{IssuedKey, Key, Keys, NewKey};
use crate::owner;

/// As long as the user names people know from IAM.
const USER_NAME_CHARS_MAX: usize = 64;

pub async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<Keys>, Problem> {
    let keys = admin.engine.list_keys(&admin.permit).await?;
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
    Ok(Json(Keys { keys: keys.into_iter().map(shown).collect() }))
}

pub async fn create(
    State(admin): State<Arc<Admin>>,
    body: Result<Json<NewKey>, JsonRejection>,
) -> Result<(StatusCode, Json<IssuedKey>), Problem> {
    let Json(wanted) = body.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
    check_user_name(&wanted.user).map_err(|why| Problem::new(StatusCode::BAD_REQUEST, why))?;
    let lowest = admin.accreditation.range.low();
    let label = match &wanted.label {
        Some(text) => admin.accreditation.parse(text).map_err(|why| Problem::new(StatusCode::BAD_REQUEST, why))?,
        None => lowest,
    };
    let limits = limits(&admin, &wanted).map_err(|why| Problem::new(StatusCode::BAD_REQUEST, why))?;
    let user = owner::user(&admin.engine, &admin.catalog, &admin.permit, &wanted.user, lowest).await?;
    let issued = admin.engine.issue_key(&admin.permit, user.id, label, limits).await?;
    let label = admin.accreditation.banner(&label);
    tracing::info!(access_key = %issued.id, user = user.name, label, "an access key was issued");
    let key = IssuedKey {
        access_key: issued.id.0,
        secret_key: issued.secret,
        user: issued.principal.name,
        label,
        user_id: issued.principal.id.to_string(),
    };
    Ok((StatusCode::CREATED, Json(key)))
}

fn limits(admin: &Admin, wanted: &NewKey) -> Result<KeyLimits, String> {
    let now = admin.clock.now();
    let expires = wanted.expires_in_s.map(|seconds| Timestamp(now.0 + i64::from(seconds) * 1000));
    let sources = wanted.sources.iter().map(|text| text.parse().map_err(|error: NoAddressRange| error.to_string()));
    Ok(KeyLimits { expires, sources: sources.collect::<Result<_, _>>()? })
}

pub async fn revoke(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let id = AccessKeyId(id);
    admin.engine.revoke_key(&admin.permit, &id).await?;
    tracing::info!(access_key = %id, "an access key was revoked");
    Ok(StatusCode::NO_CONTENT)
}

pub fn check_user_name(name: &str) -> Result<(), String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@+=,-".contains(&byte);
    if (1..=USER_NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(known) {
        return Ok(());
    }
    Err(format!("a user's name is 1 to {USER_NAME_CHARS_MAX} letters, digits and any of `_.@+=,-`"))
}

pub fn rfc3339(at: Timestamp) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000);
    at.ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_those_people_know_from_iam() {
        for good in ["a", "ann.b@example+x", &"u".repeat(64)] {
            assert_eq!(check_user_name(good), Ok(()), "`{good}`");
        }
        for bad in ["", "a b", "a/b", "é", "a\nb", &"u".repeat(65)] {
            assert!(check_user_name(bad).is_err(), "`{bad}`");
        }
    }

    #[test]
    fn moments_are_told_by_rfc_3339() {
        assert_eq!(rfc3339(Timestamp(1_000)), "1970-01-01T00:00:01Z");
    }
}
