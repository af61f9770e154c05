//! Buckets as the session sees them, and where what lies in them is.

#![expect(unused_qualifications, reason = "the macro that describes routes qualifies the types it is given")]

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use engine::{Error, SegmentHeld};
use http::StatusCode;
use model::{
    Aspect, Bucket, BucketId, BucketName, BucketSetting, ObjectKey, PrincipalId, Profile, SegmentKind, Versioning,
    Which,
};
use policy::duty::Duty;
use policy::{CreateBucket, GetObject, ListBuckets, ListObjects};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Admin;
use super::asked::{Path, Query};
use super::guard::Caller;
use super::keys::rfc3339;
use super::pages::PageQuery;
use super::problem::{Problem, bad, body_of};
use super::users::visible;
use super::wire::{BucketInfo, Buckets, NewBucket, PieceInfo, PieceSegment, Pieces};

/// Buckets: for who uses data those they may list, for who sees the status all at or below the session.
#[utoipa::path(
    get,
    path = "/api/v1/buckets",
    params(PageQuery),
    responses((status = 200, description = "The buckets", body = Buckets))
)]
pub async fn list(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Buckets>, Problem> {
    let buckets = match caller.may(Duty::SeeStatus) {
        true => at_or_below(&admin, &caller).await?,
        false => {
            let permit = policy::on_account::<ListBuckets>(caller.person()?).map_err(Error::Refused)?;
            admin.engine.list_buckets(permit).await?
        }
    };
    let (buckets, next) = page.of(buckets, |bucket| format!("{}/{}", bucket.name, bucket.id))?;
    let mut kept: BTreeMap<BucketId, Versioning> = BTreeMap::new();
    for (bucket, setting) in admin.catalog.buckets_with(Aspect::Versioning).await? {
        if let BucketSetting::Versioning(versioning) = setting {
            kept.insert(bucket.id, versioning);
        }
    }
    let ledger = admin.engine.last_durability(&admin.permit);
    let owners = Owners::known_to(&admin, &caller).await?;
    let shown = |bucket: Bucket| {
        let row = ledger.as_ref().and_then(|(ledger, _)| ledger.rows.iter().find(|row| row.bucket.id == bucket.id));
        // Walked, and nothing of it was met: it was empty.
        let walked = ledger.as_ref().filter(|(ledger, _)| ledger.at >= bucket.created).map(|_| 0);
        let objects = row.map(|row| row.all.objects).or(walked);
        BucketInfo {
            label: admin.accreditation.banner(&bucket.label),
            profile: bucket.profile.to_string(),
            owner: owners.name(bucket.owner),
            created: rfc3339(bucket.created),
            versioning: versioning(kept.get(&bucket.id).copied().unwrap_or_default()).to_owned(),
            counted: ledger.as_ref().filter(|_| objects.is_some()).map(|(ledger, _)| rfc3339(ledger.at)),
            objects,
            bytes: row.map(|row| row.all.bytes).or(walked),
            name: bucket.name.to_string(),
        }
    };
    Ok(Json(Buckets { buckets: buckets.into_iter().map(shown).collect(), next }))
}

/// Names of users, of those alone that the caller may know of.
struct Owners(BTreeMap<PrincipalId, String>);

impl Owners {
    async fn known_to(admin: &Admin, caller: &Caller) -> Result<Owners, Problem> {
        let mut known = visible(admin, caller).await?;
        // Their own name is told to them, also where their key is of a lower label than they are cleared for.
        if let Some(own) = caller.principal()
            && known.iter().all(|user| user.id != own)
        {
            known.extend(admin.catalog.principal(own).await?);
        }
        Ok(Owners(known.into_iter().map(|user| (user.id, user.name)).collect()))
    }

    fn name(&self, owner: PrincipalId) -> Option<String> {
        self.0.get(&owner).cloned()
    }
}

const fn versioning(versioning: Versioning) -> &'static str {
    match versioning {
        Versioning::Off => "off",
        Versioning::Enabled => "enabled",
        Versioning::Suspended => "suspended",
    }
}

/// Every bucket that does not lie above the caller.
async fn at_or_below(admin: &Admin, caller: &Caller) -> Result<Vec<Bucket>, Problem> {
    let (highest, mut buckets) = (caller.label(admin), Vec::new());
    for info in admin.engine.list_labels(&admin.permit).await? {
        if info.label <= highest {
            buckets.extend(admin.catalog.buckets_at(info.label).await?);
        }
    }
    Ok(buckets)
}

/// Creates a bucket at the session's label.
#[utoipa::path(
    post,
    path = "/api/v1/buckets",
    request_body = NewBucket,
    responses((status = 201, description = "Created", body = BucketInfo))
)]
pub async fn create(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewBucket>, JsonRejection>,
) -> Result<(StatusCode, Json<BucketInfo>), Problem> {
    let wanted = body_of(body)?;
    let name = BucketName::parse(&wanted.name).map_err(|error| bad(format!("`{}`: {error}", wanted.name)))?;
    let profile = wanted.profile.as_deref().map(|text| text.parse::<Profile>().map_err(|error| bad(error.to_string())));
    let permit = policy::on_account::<CreateBucket>(caller.person()?).map_err(Error::Refused)?;
    let bucket = admin.engine.create_bucket(permit, name, profile.transpose()?, Vec::new()).await?;
    let info = BucketInfo {
        label: admin.accreditation.banner(&bucket.label),
        profile: bucket.profile.to_string(),
        owner: Owners::known_to(&admin, &caller).await?.name(bucket.owner),
        created: rfc3339(bucket.created),
        versioning: versioning(Versioning::Off).to_owned(),
        objects: Some(0),
        bytes: Some(0),
        counted: Some(rfc3339(bucket.created)),
        name: bucket.name.to_string(),
    };
    Ok((StatusCode::CREATED, Json(info)))
}

/// Which object is meant.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Meant {
    /// Its key.
    key: String,
    /// Its version id, or `null`; the current one unless told.
    version: Option<String>,
}

/// Where an object lies: its segments, their pieces, and when those were last proven. For whoever may read it.
#[utoipa::path(
    get,
    path = "/api/v1/buckets/{name}/pieces",
    params(("name" = String, Path, description = "The bucket"), Meant),
    responses((status = 200, description = "Where it lies", body = Pieces))
)]
pub async fn pieces(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(meant): Query<Meant>,
) -> Result<Json<Pieces>, Problem> {
    let session = caller.person()?;
    let name = BucketName::parse(&name).map_err(|error| bad(format!("`{name}`: {error}")))?;
    let key = ObjectKey::parse(&meant.key).map_err(|error| bad(error.to_string()))?;
    let which = match meant.version.as_deref() {
        None => Which::Current,
        Some("null") => Which::Null,
        Some(text) => Which::Own(text.parse().map_err(|_| bad(format!("`{text}` is no version id")))?),
    };
    let bucket = admin.engine.resolve(session, &name).await?.ok_or(Error::NoSuchBucket)?;
    let access = admin.engine.access(&bucket).await?;
    let list = match admin.engine.object_acl(&bucket, &key, which).await? {
        Some(list) => list,
        // Whether it is there is told to those who may list the bucket.
        None => {
            policy::may_bucket::<ListObjects>(session, &bucket, &access).map_err(Error::Refused)?;
            model::Acl::default()
        }
    };
    let permit = policy::on_shared_object(session, &bucket, &access, key.clone(), &list).map_err(Error::Refused)?;
    let found = admin.engine.whereabouts(permit, which).await?;
    // Another may be there by now than the one whose list was looked at.
    policy::may_object::<GetObject>(session, &bucket, &access, &found.version.metadata.acl).map_err(Error::Refused)?;
    let place = match found.segments.first() {
        _ if !found.here => "origin",
        None => "nowhere",
        Some(held) if held.segment.kind == SegmentKind::Journal => "journal",
        Some(_) => "segments",
    };
    let sites = Sites::of(&admin).await?;
    Ok(Json(Pieces {
        key: key.to_string(),
        version: found.version.id.to_string(),
        bytes: found.version.size,
        place: place.to_owned(),
        segments: found.segments.iter().map(|held| sites.shown(held)).collect(),
    }))
}

/// Names and health of sites.
struct Sites(Vec<engine::SiteStatus>);

impl Sites {
    async fn of(admin: &Admin) -> Result<Sites, Problem> {
        Ok(Sites(admin.engine.status(&admin.permit).await?.sites))
    }

    fn shown(&self, held: &SegmentHeld) -> PieceSegment {
        let (segment, first) = (&held.segment, held.extents.iter().map(|extent| extent.offset).min());
        let piece = |(piece, proven): (&model::Piece, &Option<model::Timestamp>)| {
            let site = self.0.iter().find(|status| status.site.id == piece.site);
            let well = site.is_some_and(|status| status.reads == engine::SideHealth::Well);
            PieceInfo {
                index: piece.index,
                site: site.map_or_else(|| piece.site.to_string(), |status| status.site.name.clone()),
                vendor: site.map_or_else(String::new, |status| status.site.vendor.to_string()),
                data: piece.index < segment.code.k,
                proven: proven.map(rfc3339),
                state: if well { "well" } else { "out" }.to_owned(),
            }
        };
        PieceSegment {
            segment: segment.id.to_string(),
            k: segment.code.k,
            m: segment.code.m,
            offset: first.unwrap_or_default(),
            length: held.extents.iter().map(|extent| extent.length).sum(),
            bytes: segment.length,
            promise: segment.promise,
            pieces: segment.pieces.iter().zip(&held.proven).map(piece).collect(),
        }
    }
}
