//! Users: who there is, what they are for, and what they are cleared for.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use http::StatusCode;
use model::{Label, Principal, Role};

use super::Admin;
use super::keys::{check_user_name, rfc3339};
use super::problem::Problem;
use super::wire::{NewUser, User, Users};

/// What each role is called.
const ROLES: [(&str, Role); 5] = [
    ("mission-owner", Role::MissionOwner),
    ("platform-operator", Role::PlatformOperator),
    ("security-officer", Role::SecurityOfficer),
    ("contracting-officer", Role::ContractingOfficer),
    ("auditor", Role::Auditor),
];

pub async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<Users>, Problem> {
    let users = admin.engine.list_principals(&admin.permit).await?;
    Ok(Json(Users { users: users.into_iter().map(|user| shown(&admin, user)).collect() }))
}

pub async fn create(
    State(admin): State<Arc<Admin>>,
    body: Result<Json<NewUser>, JsonRejection>,
) -> Result<(StatusCode, Json<User>), Problem> {
    let Json(wanted) = body.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
    let bad = |why: String| Problem::new(StatusCode::BAD_REQUEST, why);
    check_user_name(&wanted.user).map_err(bad)?;
    let role = role(wanted.role.as_deref()).map_err(bad)?;
    let clearance = clearance(&admin, &wanted).map_err(bad)?;
    let user = admin.engine.create_principal(&admin.permit, &wanted.user, role, clearance).await?;
    tracing::info!(user = user.name, clearance = admin.accreditation.banner(&clearance), "a user was created");
    Ok((StatusCode::CREATED, Json(shown(&admin, user))))
}

fn role(text: Option<&str>) -> Result<Role, String> {
    let Some(text) = text else { return Ok(Role::MissionOwner) };
    let known = ROLES.iter().find(|(name, _)| *name == text);
    known.map(|(_, role)| *role).ok_or_else(|| {
        let names: Vec<&str> = ROLES.iter().map(|(name, _)| *name).collect();
        format!("`{text}` is no role: there are {}", names.join(", "))
    })
}

/// The label that is cleared for; where nations are named, they and not the label say whose the user is.
fn clearance(admin: &Admin, wanted: &NewUser) -> Result<Label, String> {
    let label = match &wanted.clearance {
        Some(text) => admin.accreditation.parse(text)?,
        None => admin.accreditation.range.low(),
    };
    if wanted.nations.is_empty() {
        return Ok(label);
    }
    let nations: Vec<&str> = wanted.nations.iter().map(String::as_str).collect();
    let label = admin.accreditation.table().and_then(|table| table.for_readers_of(&label, &nations));
    label.ok_or_else(|| format!("one of {} is no nation's code: write three letters such as FRA", nations.join(", ")))
}

fn shown(admin: &Admin, user: Principal) -> User {
    let role = ROLES.iter().find(|(_, role)| *role == user.role).map_or("", |(name, _)| name);
    User {
        user: user.name,
        user_id: user.id.to_string(),
        role: role.to_owned(),
        clearance: admin.accreditation.banner(&user.clearance),
        created: rfc3339(user.created),
    }
}
