//! Moves: what lies in buckets is brought to where their profiles say, after one was changed or sites came.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use engine::Wait;
use http::StatusCode;
use model::{BucketName, Profile};

use super::Admin;
use super::keeping::work;
use super::keys::rfc3339;
use super::problem::{Problem, bad, body_of};
use super::wire::{DataMove, DataMoves, MoveData, MovePlan, Waiting};

type Body = Result<Json<MoveData>, JsonRejection>;

pub async fn plan(State(admin): State<Arc<Admin>>, body: Body) -> Result<Json<MovePlan>, Problem> {
    let (bucket, profile) = meant(&body_of(body)?)?;
    let plan = admin.engine.plan_move(&admin.permit, bucket.as_ref(), profile).await?;
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

/// Gives the bucket its profile, and begins; [`list`] tells how far it is.
pub async fn begin(State(admin): State<Arc<Admin>>, body: Body) -> Result<StatusCode, Problem> {
    let (bucket, profile) = meant(&body_of(body)?)?;
    admin.engine.move_data(&admin.permit, bucket.as_ref(), profile).await?;
    Ok(StatusCode::ACCEPTED)
}

pub async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<DataMoves>, Problem> {
    let (moves, progress) = admin.engine.data_moves(&admin.permit).await?;
    let shown = |asked: engine::DataMove| DataMove {
        bucket: asked.bucket.name.to_string(),
        label: admin.accreditation.banner(&asked.bucket.label),
        profile: asked.bucket.profile.to_string(),
        asked: rfc3339(asked.asked),
        done: asked.done,
    };
    Ok(Json(DataMoves {
        moves: moves.into_iter().map(shown).collect(),
        work: work(progress.bill),
        waits: waits(&admin, &progress.waiting),
    }))
}

/// What is waited for, in words, and by how many segments.
pub fn waits(admin: &Admin, waiting: &BTreeMap<Wait, u64>) -> Vec<Waiting> {
    let shown =
        |(wait, segments): (&Wait, &u64)| Waiting { segments: *segments, why: admin.engine.why(&admin.permit, wait) };
    waiting.iter().map(shown).collect()
}

fn meant(wanted: &MoveData) -> Result<(Option<BucketName>, Option<Profile>), Problem> {
    let name = |text: &String| BucketName::parse(text).map_err(|error| bad(format!("`{text}` is no bucket: {error}")));
    let profile = |text: &String| text.parse::<Profile>().map_err(|error| bad(error.to_string()));
    Ok((wanted.bucket.as_ref().map(name).transpose()?, wanted.profile.as_ref().map(profile).transpose()?))
}
