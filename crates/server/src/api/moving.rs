//! Moves: what lies in buckets is brought to where their profiles say, after one was changed or sites came.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use engine::Wait;
use http::StatusCode;
use model::{BucketName, Profile};

use super::Admin;
use super::asked::Query;
use super::guard::Caller;
use super::keeping::work;
use super::keys::rfc3339;
use super::pages::PageQuery;
use super::problem::{Problem, bad, body_of};
use super::wire::{DataMove, DataMoves, MoveData, MovePlan, MoveSums, Waiting};

type Body = Result<Json<MoveData>, JsonRejection>;

/// What it would take to bring the data of buckets to where their profile, or another, says. Nothing is changed.
#[utoipa::path(
    post,
    path = "/api/v1/data-move-plan",
    request_body = MoveData,
    responses((status = 200, description = "What it would take", body = MovePlan))
)]
pub async fn plan(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<Json<MovePlan>, Problem> {
    let (bucket, profile) = meant(&admin, &caller, &body_of(body)?)?;
    let bucket = bucket.as_ref().map(|name| caller.meant(&admin, name));
    let plan = admin.engine.plan_move(&admin.permit, bucket, profile).await?;
    Ok(Json(MovePlan {
        well: plan.well,
        recoded: plan.recoded,
        copies: plan.copies,
        shared: plan.shared,
        waits: waits(&admin, &plan.waiting),
        work: work(plan.bill),
        stored_bytes: plan.stored,
        stored_bytes_after: plan.stored_after,
    }))
}

/// Gives the bucket its profile, and begins to move what lies there.
#[utoipa::path(
    post,
    path = "/api/v1/data-moves",
    request_body = MoveData,
    responses((status = 202, description = "Begun"))
)]
pub async fn begin(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let (bucket, profile) = meant(&admin, &caller, &body_of(body)?)?;
    let bucket = bucket.as_ref().map(|name| caller.meant(&admin, name));
    admin.engine.move_data(&admin.permit, bucket, profile).await?;
    Ok(StatusCode::ACCEPTED)
}

/// The moves that were asked for, and whether they are done.
#[utoipa::path(
    get,
    path = "/api/v1/data-moves",
    params(PageQuery),
    responses((status = 200, description = "The moves that were asked for", body = DataMoves))
)]
pub async fn list(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Query(page): Query<PageQuery>,
) -> Result<Json<DataMoves>, Problem> {
    let (mut moves, progress) = admin.engine.data_moves(&admin.permit).await?;
    moves.retain(|asked| asked.bucket.label <= caller.label(&admin));
    let (moves, next) = page.of(moves, |asked| format!("{}/{}", asked.bucket.name, asked.bucket.id))?;
    let shown = |asked: engine::DataMove| DataMove {
        bucket: asked.bucket.name.to_string(),
        label: admin.accreditation.banner(&asked.bucket.label),
        profile: asked.bucket.profile.to_string(),
        asked: rfc3339(asked.asked),
        done: asked.done,
    };
    Ok(Json(DataMoves {
        moves: moves.into_iter().map(shown).collect(),
        next,
        sums: caller
            .sees_all(&admin)
            .then(|| MoveSums { work: work(progress.bill), waits: waits(&admin, &progress.waiting) }),
    }))
}

/// What is waited for, in words, and by how many segments.
pub fn waits(admin: &Admin, waiting: &BTreeMap<Wait, u64>) -> Vec<Waiting> {
    let shown =
        |(wait, segments): (&Wait, &u64)| Waiting { segments: *segments, why: admin.engine.why(&admin.permit, wait) };
    waiting.iter().map(shown).collect()
}

/// What is to be moved: every bucket is moved by those alone who see all of them.
fn meant(admin: &Admin, caller: &Caller, wanted: &MoveData) -> Result<(Option<BucketName>, Option<Profile>), Problem> {
    let name = |text: &String| BucketName::parse(text).map_err(|error| bad(format!("`{text}` is no bucket: {error}")));
    let profile = |text: &String| text.parse::<Profile>().map_err(|error| bad(error.to_string()));
    if wanted.bucket.is_none() {
        caller.whole(admin)?;
    }
    Ok((wanted.bucket.as_ref().map(name).transpose()?, wanted.profile.as_ref().map(profile).transpose()?))
}
