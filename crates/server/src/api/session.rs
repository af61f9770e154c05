//! Signing in: what must be known to sign a request, and who it is then.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use model::Role;
use policy::duty::Duty;

use super::Admin;
use super::guard::Caller;
use super::problem::Problem;
use super::wire::{SessionInfo, SignIn};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The one answer that asks for no proof, and says nothing that a client of the S3 door does not know.
#[utoipa::path(
    get,
    path = "/api/v1/sign-in",
    responses((status = 200, description = "What must be known to sign", body = SignIn))
)]
pub async fn sign_in(State(admin): State<Arc<Admin>>) -> Json<SignIn> {
    Json(SignIn { region: admin.region.clone(), s3_endpoint: admin.s3_endpoint.clone(), version: VERSION.to_owned() })
}

/// Who the key of this request is of, what they may do here, and where they stand.
#[utoipa::path(
    get,
    path = "/api/v1/session",
    responses((status = 200, description = "Who asks, and what they may do", body = SessionInfo))
)]
pub async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<SessionInfo>, Problem> {
    let user = match caller.principal() {
        Some(principal) => admin.engine.name_of(principal).await?,
        None => None,
    };
    let label = caller.label(&admin);
    let in_use = admin.engine.list_labels(&admin.permit).await?.into_iter().map(|info| info.label);
    let below = in_use.filter(|other| *other < label);
    let labels = std::iter::once(label).chain(below).map(|label| admin.accreditation.banner(&label)).collect();
    let duties = Duty::ALL.iter().filter(|duty| caller.may(**duty));
    Ok(Json(SessionInfo {
        user,
        role: caller.role().map(|role: Role| role.name().to_owned()),
        roles_duties: duties.map(|duty| duty.name().to_owned()).collect(),
        label: admin.accreditation.banner(&label),
        enclave: admin.engine.status(&admin.permit).await?.enclave.to_string(),
        region: admin.region.clone(),
        s3_endpoint: admin.s3_endpoint.clone(),
        version: VERSION.to_owned(),
        sees_all: caller.sees_all(&admin),
        labels,
    }))
}
