//! Versions: whether a bucket keeps them, which one a request means, and listing them.

use engine::{ListEntry, Page, VersionKind, VersionSummary};
use http::{HeaderMap, StatusCode};
use model::{Aspect, BucketSetting, Slot, Versioning, Which};
use policy::{ListVersions, ReadSettings, WriteSettings};
use s3s::dto::{
    self, BucketVersioningStatus, CommonPrefix, DeleteMarkerEntry, GetBucketVersioningOutput, ListObjectVersionsOutput,
    ObjectVersion, Owner, VersioningConfiguration,
};

use crate::digest;
use crate::door::Call;
use crate::error::{Code, Failure};
use crate::limits::PAGE_MAX;
use crate::list::{Names, list_query};
use crate::response::{self, Answer};
use crate::{text, xml};

/// The version that the query names.
pub(crate) fn wanted(call: &Call<'_>) -> Result<Which, Failure> {
    call.admitted.query.get("versionId").map_or(Ok(Which::Current), |text| {
        parse(text).ok_or_else(|| Failure::argument("versionId", text, "Invalid version id specified"))
    })
}

/// The version with this id, as it is shown.
pub(crate) fn parse(text: &str) -> Option<Which> {
    match text {
        "null" => Some(Which::Null),
        text => text.parse().ok().map(Which::Own),
    }
}

/// A version's id; the current one's is not known by that.
pub(crate) fn id_of(which: Which) -> Option<String> {
    match which {
        Which::Current => None,
        Which::Null => Some("null".to_owned()),
        Which::Own(id) => Some(id.to_string()),
    }
}

/// `x-amz-version-id` of what was found: always of a version of its own, of the null version where it
/// was asked for.
pub(crate) fn write_version(found: Which, asked: Which, headers: &mut HeaderMap) {
    match found {
        Which::Null if asked == Which::Current => {}
        found => write_id(found, headers),
    }
}

/// `x-amz-version-id`.
pub(crate) fn write_id(which: Which, headers: &mut HeaderMap) {
    if let Some(id) = id_of(which) {
        response::set(headers, "x-amz-version-id", &id);
    }
}

pub(crate) async fn get(call: &Call<'_>) -> Result<Answer, Failure> {
    let (_, permit) = call.on_bucket::<ReadSettings>().await?;
    let status = match call.engine().bucket_setting(permit, Aspect::Versioning).await? {
        BucketSetting::Versioning(Versioning::Enabled) => Some(BucketVersioningStatus::ENABLED),
        BucketSetting::Versioning(Versioning::Suspended) => Some(BucketVersioningStatus::SUSPENDED),
        _ => None,
    };
    let status = status.map(BucketVersioningStatus::from_static);
    response::document(&GetBucketVersioningOutput { mfa_delete: None, status })
}

pub(crate) async fn put(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let VersioningConfiguration { mfa_delete, status, .. } = xml::read(document)?;
    if mfa_delete.is_some_and(|mfa| mfa.as_str() != "Disabled") {
        return Err(Failure::not_implemented("MFA delete"));
    }
    let versioning = match status.as_ref().map(BucketVersioningStatus::as_str) {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        Some(_) => return Err(Code::MalformedXML.into()),
        None => return Err(Code::IllegalVersioningConfigurationException.into()),
    };
    let (_, permit) = call.on_bucket::<WriteSettings>().await?;
    call.engine().set_bucket_setting(permit, BucketSetting::Versioning(versioning)).await?;
    Ok(response::status(StatusCode::OK))
}

pub(crate) async fn list(call: &Call<'_>) -> Result<Answer, Failure> {
    let query = &call.admitted.query;
    let most = call.number("max-keys", PAGE_MAX, PAGE_MAX)?;
    let after = query.filled("key-marker").map(str::to_owned);
    let after_version = match (query.filled("version-id-marker"), &after) {
        (None, _) => None,
        (Some(_), None) => {
            let message = "A version-id marker cannot be specified without a key marker.";
            return Err(Failure::because(Code::InvalidArgument, message));
        }
        (Some(marker), Some(_)) => Some(
            parse(marker)
                .ok_or_else(|| Failure::argument("version-id-marker", marker, "Invalid version id specified"))?,
        ),
    };
    let (bucket, permit) = call.on_bucket::<ListVersions>().await?;
    let page = match most {
        0 => Page { entries: Vec::new(), more: false },
        most => call.engine().list_versions(permit, list_query(call, after, most), after_version).await?,
    };
    let names = Names::of(call);
    let owner = call.owner(bucket.owner).await?;
    let next = page.entries.last().filter(|_| page.more).map(|entry| match entry {
        ListEntry::Item(version) => (version.key.to_string(), id_of(Which::of(version.slot, version.id))),
        ListEntry::Prefix(prefix) => (prefix.clone(), None),
    });
    let (mut versions, mut markers, mut prefixes) = (Vec::new(), Vec::new(), Vec::new());
    for entry in page.entries {
        match entry {
            ListEntry::Prefix(prefix) => prefixes.push(CommonPrefix { prefix: Some(names.show(&prefix)) }),
            ListEntry::Item(version) => match version.kind {
                VersionKind::Object { .. } => versions.push(listed(version, &names, &owner)),
                VersionKind::Marker => markers.push(listed_marker(&version, &names, &owner)),
            },
        }
    }
    response::document(&ListObjectVersionsOutput {
        common_prefixes: Some(prefixes),
        delete_markers: Some(markers),
        delimiter: query.filled("delimiter").map(|delimiter| names.show(delimiter)),
        encoding_type: names.encoding_type(),
        is_truncated: Some(page.more),
        key_marker: Some(names.show(query.get("key-marker").unwrap_or_default())),
        max_keys: i32::try_from(most).ok(),
        name: Some(bucket.name.to_string()),
        next_key_marker: next.as_ref().map(|(key, _)| names.show(key)),
        next_version_id_marker: next.and_then(|(_, version)| version),
        prefix: Some(names.show(query.get("prefix").unwrap_or_default())),
        request_charged: None,
        version_id_marker: Some(query.get("version-id-marker").unwrap_or_default().to_owned()),
        versions: Some(versions),
    })
}

fn listed(version: VersionSummary, names: &Names, owner: &Owner) -> ObjectVersion {
    let id = shown_id(&version);
    let (size, etag, checksums) = match version.kind {
        VersionKind::Object { size, etag, checksums } => (i64::try_from(size).ok(), Some(etag), checksums),
        VersionKind::Marker => (None, None, Vec::new()),
    };
    let checksum = checksums.first();
    ObjectVersion {
        checksum_algorithm: checksum
            .map(|checksum| vec![dto::ChecksumAlgorithm::from_static(checksum.algorithm.name())]),
        checksum_type: checksum.map(|checksum| dto::ChecksumType::from_static(digest::kind_name(checksum.kind))),
        e_tag: etag.map(|etag| dto::ETag::Strong(etag.0)),
        is_latest: Some(version.newest),
        key: Some(names.show(version.key.as_str())),
        last_modified: Some(text::document_date(version.modified)),
        owner: Some(owner.clone()),
        restore_status: None,
        size,
        storage_class: Some(dto::ObjectVersionStorageClass::from_static(dto::ObjectVersionStorageClass::STANDARD)),
        version_id: id,
    }
}

fn listed_marker(version: &VersionSummary, names: &Names, owner: &Owner) -> DeleteMarkerEntry {
    DeleteMarkerEntry {
        is_latest: Some(version.newest),
        key: Some(names.show(version.key.as_str())),
        last_modified: Some(text::document_date(version.modified)),
        owner: Some(owner.clone()),
        version_id: shown_id(version),
    }
}

fn shown_id(version: &VersionSummary) -> Option<String> {
    Some(match version.slot {
        Slot::Null => "null".to_owned(),
        Slot::Own => version.id.to_string(),
    })
}
