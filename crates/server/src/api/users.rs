//! Users: who there is, what they are for, what they are cleared for, and which groups they are in.
//!
//! Whoever is cleared beyond the caller's label is absent: neither listed nor changed from there.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use engine::{Error, PrincipalUpdate};
use http::StatusCode;
use model::{Group, Label, Principal, PrincipalId, Role};

use super::Admin;
use super::asked::{Path, Query};
use super::guard::Caller;
use super::keys::rfc3339;
use super::pages::PageQuery;
use super::problem::{Problem, bad, body_of};
use super::wire::{self, NewGroup, NewUser, SetGroup, SetUser, User, Users};

/// Users, as far as the session may know of them.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    params(PageQuery),
    responses((status = 200, description = "The users cleared for no more than the session's label", body = Users))
)]
pub async fn list(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Users>, Problem> {
    let (users, next) = page.of(visible(&admin, &caller).await?, |user| user.name.clone())?;
    Ok(Json(Users { users: users.into_iter().map(|user| shown(&admin, user)).collect(), next }))
}

/// Creates a user.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    request_body = NewUser,
    responses((status = 201, description = "Created", body = User))
)]
pub async fn create(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewUser>, JsonRejection>,
) -> Result<(StatusCode, Json<User>), Problem> {
    let wanted = body_of(body)?;
    let role = role(wanted.role.as_deref()).map_err(bad)?;
    let clearance = clearance(&admin, wanted.clearance.as_deref(), &wanted.nations).map_err(bad)?;
    within(&admin, &caller, &clearance)?;
    let user = admin.engine.create_principal(&admin.permit, &wanted.user, role, clearance).await?;
    let clearance = admin.accreditation.banner(&clearance);
    tracing::info!(user = user.name, role = role.name(), clearance, by = ?caller.principal(), "a user was created");
    Ok((StatusCode::CREATED, Json(shown(&admin, user))))
}

/// One user.
#[utoipa::path(
    get,
    path = "/api/v1/users/{name}",
    params(("name" = String, Path, description = "The user")),
    responses((status = 200, description = "Who it is, if the session may know of them", body = User))
)]
pub async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<User>, Problem> {
    Ok(Json(shown(&admin, named(&admin, &caller, &name).await?)))
}

/// Changes a clearance, suspends, or takes that back.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{name}",
    params(("name" = String, Path, description = "The user")),
    request_body = SetUser,
    responses((status = 200, description = "As it is now", body = User))
)]
pub async fn set(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    body: Result<Json<SetUser>, JsonRejection>,
) -> Result<Json<User>, Problem> {
    let wanted = body_of(body)?;
    let user = named(&admin, &caller, &name).await?;
    let clearance = match wanted.clearance.is_some() || !wanted.nations.is_empty() {
        true => Some(clearance(&admin, wanted.clearance.as_deref(), &wanted.nations).map_err(bad)?),
        false => None,
    };
    if let Some(clearance) = &clearance {
        within(&admin, &caller, clearance)?;
    }
    let update = PrincipalUpdate { clearance, suspended: wanted.suspended };
    let user = admin.engine.set_principal(&admin.permit, user.id, update).await?;
    let clearance = admin.accreditation.banner(&user.clearance);
    tracing::info!(user = user.name, clearance, suspended = user.suspended.is_some(), by = ?caller.principal(), "a user was changed");
    Ok(Json(shown(&admin, user)))
}

/// Groups and their members.
#[utoipa::path(
    get,
    path = "/api/v1/groups",
    params(PageQuery),
    responses((status = 200, description = "The groups, with the members that the session may know of", body = wire::Groups))
)]
pub async fn list_groups(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Query(page): Query<PageQuery>,
) -> Result<Json<wire::Groups>, Problem> {
    let groups = admin.engine.list_groups(&admin.permit).await?;
    let (groups, next) = page.of(groups, |group| group.name.clone())?;
    let users = visible(&admin, &caller).await?;
    Ok(Json(wire::Groups { groups: groups.into_iter().map(|group| shown_group(group, &users)).collect(), next }))
}

/// Creates a group.
#[utoipa::path(
    post,
    path = "/api/v1/groups",
    request_body = NewGroup,
    responses((status = 201, description = "Created", body = wire::Group))
)]
pub async fn create_group(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewGroup>, JsonRejection>,
) -> Result<(StatusCode, Json<wire::Group>), Problem> {
    let group = admin.engine.create_group(&admin.permit, &body_of(body)?.group).await?;
    tracing::info!(group = group.name, by = ?caller.principal(), "a group was created");
    Ok((StatusCode::CREATED, Json(shown_group(group, &[]))))
}

/// One group and its members.
#[utoipa::path(
    get,
    path = "/api/v1/groups/{name}",
    params(("name" = String, Path, description = "The group")),
    responses((status = 200, description = "With the members that the session may know of", body = wire::Group))
)]
pub async fn show_group(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<wire::Group>, Problem> {
    let group = group_named(&admin, &name).await?;
    Ok(Json(shown_group(group, &visible(&admin, &caller).await?)))
}

/// Says which users come into a group, and which go.
#[utoipa::path(
    patch,
    path = "/api/v1/groups/{name}",
    params(("name" = String, Path, description = "The group")),
    request_body = SetGroup,
    responses((status = 200, description = "As it is now", body = wire::Group))
)]
pub async fn set_group(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    body: Result<Json<SetGroup>, JsonRejection>,
) -> Result<Json<wire::Group>, Problem> {
    let wanted = body_of(body)?;
    let users = visible(&admin, &caller).await?;
    let ids = |names: &[String]| -> Result<Vec<PrincipalId>, Problem> {
        let id = |name: &String| users.iter().find(|user| user.name == *name).map(|user| user.id);
        names.iter().map(|name| id(name).ok_or_else(|| Error::NoSuchPrincipal.into())).collect()
    };
    let (add, remove) = (ids(&wanted.add)?, ids(&wanted.remove)?);
    let group = group_named(&admin, &name).await?;
    let group = admin.engine.set_members(&admin.permit, group.id, &add, &remove).await?;
    tracing::info!(group = group.name, add = ?wanted.add, remove = ?wanted.remove, by = ?caller.principal(), "a group was changed");
    Ok(Json(shown_group(group, &users)))
}

/// Deletes a group; what was granted to it is granted to nobody then.
#[utoipa::path(
    delete,
    path = "/api/v1/groups/{name}",
    params(("name" = String, Path, description = "The group")),
    responses((status = 204, description = "Deleted"))
)]
pub async fn delete_group(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let group = group_named(&admin, &name).await?;
    admin.engine.delete_group(&admin.permit, group.id).await?;
    tracing::info!(group = group.name, by = ?caller.principal(), "a group was deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Those the caller may know of.
pub async fn visible(admin: &Admin, caller: &Caller) -> Result<Vec<Principal>, Problem> {
    let (label, mut users) = (caller.label(admin), admin.engine.list_principals(&admin.permit).await?);
    users.retain(|user| label.dominates(&user.clearance));
    Ok(users)
}

pub async fn named(admin: &Admin, caller: &Caller, name: &str) -> Result<Principal, Problem> {
    let user = visible(admin, caller).await?.into_iter().find(|user| user.name == name);
    user.ok_or_else(|| Error::NoSuchPrincipal.into())
}

pub async fn group_named(admin: &Admin, name: &str) -> Result<Group, Problem> {
    let groups = admin.engine.list_groups(&admin.permit).await?;
    groups.into_iter().find(|group| group.name == name).ok_or_else(|| Error::NoSuchGroup.into())
}

/// Nobody gives what lies beyond themselves.
pub fn within(admin: &Admin, caller: &Caller, label: &Label) -> Result<(), Problem> {
    match caller.label(admin).dominates(label) {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "the label is not at or below that of your own key: name one that is, or sign with a higher key",
        )),
    }
}

fn role(text: Option<&str>) -> Result<Role, String> {
    let Some(text) = text else { return Ok(Role::MissionOwner) };
    Role::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| {
        let names = Role::ALL.map(Role::name);
        format!("`{text}` is no role: there are {}", names.join(", "))
    })
}

/// The label that is cleared for; where nations are named, they and not the label say whose the user is.
fn clearance(admin: &Admin, text: Option<&str>, nations: &[String]) -> Result<Label, String> {
    let label = match text {
        Some(text) => admin.accreditation.parse(text)?,
        None => admin.accreditation.range.low(),
    };
    if nations.is_empty() {
        return Ok(label);
    }
    let nations: Vec<&str> = nations.iter().map(String::as_str).collect();
    let label = admin.accreditation.table().and_then(|table| table.for_readers_of(&label, &nations));
    label.ok_or_else(|| format!("one of {} is no nation's code: write three letters such as FRA", nations.join(", ")))
}

fn shown(admin: &Admin, user: Principal) -> User {
    User {
        user: user.name,
        user_id: user.id.to_string(),
        role: user.role.name().to_owned(),
        clearance: admin.accreditation.banner(&user.clearance),
        created: rfc3339(user.created),
        suspended: user.suspended.map(rfc3339),
    }
}

fn shown_group(group: Group, users: &[Principal]) -> wire::Group {
    let members = users.iter().filter(|user| group.members.contains(&user.id));
    wire::Group {
        group_id: group.id.to_string(),
        members: members.map(|user| user.name.clone()).collect(),
        created: rfc3339(group.created),
        group: group.name,
    }
}
