//! The last rebuild drill: whoever made it left its outcome in the data directory.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;

use super::Admin;
use super::guard::Caller;
use super::problem::Problem;
use super::wire::Drill;
use crate::drill_file;

/// The last rebuild drill: when it was, and whether a rebuild would bring back what there is.
#[utoipa::path(
    get,
    path = "/api/v1/drills",
    responses((status = 200, description = "The last one", body = Drill))
)]
pub async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Drill>, Problem> {
    let why = "no drill was made on this data directory: run `entente rebuild --drill` on its machine";
    last(&admin, &caller).await?.map(Json).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, why))
}

/// What this caller may know of it: how many rows came back is said of all labels together.
pub async fn last(admin: &Admin, caller: &Caller) -> Result<Option<Drill>, Problem> {
    let dir = admin.config().dir();
    let read = tokio::task::spawn_blocking(move || drill_file::read(&dir)).await;
    let broken = |why: String| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why);
    let drill = read.map_err(|error| broken(error.to_string()))?.map_err(|failure| broken(failure.to_string()))?;
    Ok(drill.map(|drill| told(drill, caller.sees_all(admin))))
}

fn told(drill: Drill, all: bool) -> Drill {
    Drill { outcome: drill.outcome.filter(|_| all), ..drill }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::DrillOutcome;

    #[test]
    fn what_a_drill_came_to_is_told_to_those_who_see_all() {
        let drill = Drill { at: "DATE".to_owned(), outcome: Some(DrillOutcome::default()) };
        assert_eq!(told(drill.clone(), true), drill);
        let less = serde_json::to_string(&told(drill, false)).unwrap();
        assert_eq!(less, "{\"at\":\"DATE\"}", "neither what came back nor whether it differs");
    }
}
