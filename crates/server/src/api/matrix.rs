//! The table of `docs/role-matrix.md`.

use axum::Json;
use model::Role;
use policy::duty::Duty;
use policy::matrix::{Place, Stand, actions, cell, outcome};

use super::wire::{ActionRow, DutyRow, RoleMatrix};

/// Who may do what: asked of the functions that decide.
#[utoipa::path(
    get,
    path = "/api/v1/role-matrix",
    responses((status = 200, description = "Who may do what", body = RoleMatrix))
)]
pub async fn show() -> Json<RoleMatrix> {
    let duty = |duty: &Duty| DutyRow {
        duty: duty.name().to_owned(),
        roles: duty.roles().iter().map(|role| role.name().to_owned()).collect(),
    };
    let mut rows = Vec::new();
    for place in Place::ALL {
        for action in actions() {
            let told = |stand: Stand| cell(outcome(Role::MissionOwner, stand, place, action)).to_owned();
            rows.push(ActionRow {
                action: action.name.to_owned(),
                label: place.name().to_owned(),
                outcomes: Stand::ALL.map(|stand| (stand.name().to_owned(), told(stand))).into_iter().collect(),
            });
        }
    }
    Json(RoleMatrix {
        roles: Role::ALL.map(|role| role.name().to_owned()).to_vec(),
        duties: Duty::ALL.iter().map(duty).collect(),
        actions: rows,
    })
}
