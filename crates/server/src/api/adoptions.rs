//! Moving in: plan, begin, pause, resume, finish and abandon adoptions.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use engine::{AdoptionStatus, Difference, Odd};
use http::StatusCode;
use model::adoption::Stage;
use model::{BucketName, NanoDollars, OriginAddress, OriginKind, Prices, Vendor};

use super::Admin;
use super::asked::{Path, Query};
use super::guard::Caller;
use super::keys::rfc3339;
use super::pages::PageQuery;
use super::problem::Problem;
use super::wire::{Adopt, Adoption, AdoptionPlan, Adoptions, Differing, Finished, Origin, Resume};
use crate::config::DEFAULT_REGION;
use crate::config::facts::shipped;

type Body<T> = Result<Json<T>, JsonRejection>;

/// Adoptions, as far as the session may know of their buckets.
#[utoipa::path(
    get,
    path = "/api/v1/adoptions",
    params(PageQuery),
    responses((status = 200, description = "The adoptions, ended ones too", body = Adoptions))
)]
pub async fn list(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Adoptions>, Problem> {
    let all = visible(&admin, &caller).await?;
    let (all, next) = page.of(all, |status| format!("{}/{}", status.bucket.name, status.bucket.id))?;
    Ok(Json(Adoptions { adoptions: all.into_iter().map(shown).collect(), next }))
}

/// What taking over an origin would take. Nothing is changed.
#[utoipa::path(
    post,
    path = "/api/v1/adoption-plan",
    request_body = Origin,
    responses((status = 200, description = "What it would take", body = AdoptionPlan))
)]
pub async fn plan(State(admin): State<Arc<Admin>>, body: Body<Origin>) -> Result<Json<AdoptionPlan>, Problem> {
    let origin = address(taken(body)?)?;
    let plan = admin.engine.plan_adoption(&admin.permit, &origin).await?;
    let prices = prices(&origin);
    let dollars = prices.map(|prices| {
        let lists = plan.list_requests.saturating_mul(prices.list.0);
        prices.of_reads(plan.get_requests, plan.bytes).0.saturating_add(lists) as f64 / NanoDollars::DOLLAR as f64
    });
    Ok(Json(AdoptionPlan {
        objects: plan.objects,
        bytes: plan.bytes,
        largest: plan.largest,
        list_requests: plan.list_requests,
        get_requests: plan.get_requests,
        dollars,
    }))
}

/// Begins to take over an origin into a bucket.
#[utoipa::path(
    post,
    path = "/api/v1/adoptions",
    request_body = Adopt,
    responses((status = 204, description = "Begun"))
)]
pub async fn begin(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Body<Adopt>,
) -> Result<StatusCode, Problem> {
    let Adopt { bucket, origin, budget } = taken(body)?;
    let (bucket, origin) = (name(&bucket)?, address(origin)?);
    let meant = caller.meant(&admin, &bucket);
    admin.engine.adopt(&admin.permit, meant, origin, checked(budget)?).await?;
    tracing::info!(%bucket, "an adoption begins");
    Ok(StatusCode::NO_CONTENT)
}

/// Pauses the copy of an adoption; reads go on.
#[utoipa::path(
    post,
    path = "/api/v1/adoptions/{bucket}/pause",
    params(("bucket" = String, Path, description = "The bucket that takes over")),
    responses((status = 204, description = "Paused"))
)]
pub async fn pause(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(bucket): Path<String>,
) -> Result<StatusCode, Problem> {
    admin.engine.pause_adoption(&admin.permit, caller.meant(&admin, &name(&bucket)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Goes on with the copy of an adoption.
#[utoipa::path(
    post,
    path = "/api/v1/adoptions/{bucket}/resume",
    params(("bucket" = String, Path, description = "The bucket that takes over")),
    request_body = Resume,
    responses((status = 204, description = "Resumed"))
)]
pub async fn resume(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(bucket): Path<String>,
    body: Body<Resume>,
) -> Result<StatusCode, Problem> {
    let budget = checked(taken(body)?.budget)?;
    admin.engine.resume_adoption(&admin.permit, caller.meant(&admin, &name(&bucket)?), budget).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Compares origin and bucket, and ends the adoption if nothing differs.
#[utoipa::path(
    post,
    path = "/api/v1/adoptions/{bucket}/finish",
    params(("bucket" = String, Path, description = "The bucket that takes over")),
    responses((status = 200, description = "Whether it is finished, and what still differs", body = Finished))
)]
pub async fn finish(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(bucket): Path<String>,
) -> Result<Json<Finished>, Problem> {
    let bucket = name(&bucket)?;
    let difference = admin.engine.finish_adoption(&admin.permit, caller.meant(&admin, &bucket)).await?;
    tracing::info!(%bucket, differing = difference.differing, "an adoption was to finish");
    let finished = difference.is_empty();
    let Difference { compared, equal, ours, differing, told } = difference;
    let told = told.into_iter().map(|told| Differing { key: told.key, how: how(told.odd).to_owned() }).collect();
    Ok(Json(Finished { finished, compared, equal, ours, differing, told }))
}

/// Ends an adoption as it is.
#[utoipa::path(
    post,
    path = "/api/v1/adoptions/{bucket}/abandon",
    params(("bucket" = String, Path, description = "The bucket that takes over")),
    responses((status = 204, description = "Abandoned"))
)]
pub async fn abandon(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(bucket): Path<String>,
) -> Result<StatusCode, Problem> {
    let bucket = name(&bucket)?;
    admin.engine.abandon_adoption(&admin.permit, caller.meant(&admin, &bucket)).await?;
    tracing::warn!(%bucket, "an adoption was abandoned");
    Ok(StatusCode::NO_CONTENT)
}

/// The adoptions whose buckets the caller may know of.
pub async fn visible(admin: &Admin, caller: &Caller) -> Result<Vec<AdoptionStatus>, Problem> {
    let mut all = admin.engine.adoptions(&admin.permit).await?;
    all.retain(|status| status.bucket.label <= caller.label(admin));
    Ok(all)
}

/// The shipped list prices of the vendor, where the address tells who that is.
fn prices(origin: &OriginAddress) -> Option<Prices> {
    let vendor = match origin.kind {
        OriginKind::S3 if origin.endpoint.is_some() => return None,
        OriginKind::S3 => Vendor::Amazon,
        OriginKind::Azure => Vendor::Microsoft,
        OriginKind::Google => Vendor::Google,
    };
    let region = origin.region.as_deref().unwrap_or(DEFAULT_REGION);
    Some(shipped(vendor, region).prices).filter(|prices| *prices != Prices::default())
}

fn taken<T>(body: Body<T>) -> Result<T, Problem> {
    match body {
        Ok(Json(value)) => Ok(value),
        Err(rejection) => Err(Problem::new(rejection.status(), rejection.body_text())),
    }
}

fn name(text: &str) -> Result<BucketName, Problem> {
    BucketName::parse(text).map_err(|error| wrong(format!("`{text}` is no bucket: {error}")))
}

fn checked(budget: Option<u64>) -> Result<Option<u64>, Problem> {
    match budget {
        Some(0) => Err(wrong("a budget of nothing brings nothing: pause the adoption instead")),
        budget => Ok(budget),
    }
}

fn address(origin: Origin) -> Result<OriginAddress, Problem> {
    let Origin { kind, bucket, endpoint, region, account, credentials } = origin;
    let kind: OriginKind = kind.parse().map_err(|error: model::adoption::NoSuchKind| wrong(error.to_string()))?;
    Ok(OriginAddress { kind, bucket, endpoint, region, account, credentials })
}

fn wrong(why: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, why)
}

fn shown(status: AdoptionStatus) -> Adoption {
    let AdoptionStatus { bucket, adoption, progress, requests, bytes_read, trouble } = status;
    let OriginAddress { kind, bucket: origin, endpoint, region, account, credentials } = adoption.origin;
    let (stage, ended) = match adoption.stage {
        Stage::Copying if progress.caught_up => ("caught up", None),
        Stage::Copying => ("copying", None),
        Stage::Paused => ("paused", None),
        Stage::Proven { at } => ("finished", Some(at)),
        Stage::Abandoned { at } => ("abandoned", Some(at)),
    };
    Adoption {
        bucket: bucket.name.as_str().to_owned(),
        origin: Origin { kind: kind.name().to_owned(), bucket: origin, endpoint, region, account, credentials },
        stage: stage.to_owned(),
        begun: rfc3339(adoption.begun),
        ended: ended.map(rfc3339),
        budget: adoption.budget,
        objects: progress.objects,
        bytes: progress.bytes,
        unproven: progress.unproven,
        failed: progress.failed,
        passes: progress.passes,
        cursor: progress.cursor,
        requests: requests.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect(),
        bytes_read,
        trouble,
    }
}

const fn how(odd: Odd) -> &'static str {
    match odd {
        Odd::NotHere => "not here yet",
        Odd::Changed => "changed at the origin since it was brought",
        Odd::NotThere => "brought, and gone from the origin since",
        Odd::NoKey => "its key is longer than 1,024 bytes: it cannot be kept here",
    }
}
