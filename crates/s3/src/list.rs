//! ListObjects, both versions.

use engine::{ListEntry, ListQuery, ObjectSummary, Page};
use policy::{ListObjects, Permit};
use s3s::dto::{self, CommonPrefix, EncodingType, ListObjectsOutput, ListObjectsV2Output, Object, Owner};

use crate::buckets::bad_token;
use crate::digest;
use crate::door::Call;
use crate::error::Failure;
use crate::limits::PAGE_MAX;
use crate::response::{self, Answer};
use crate::text;

pub(crate) async fn list_objects(call: &Call<'_>) -> Result<Answer, Failure> {
    let query = &call.admitted.query;
    let (bucket, permit) = call.on_bucket::<ListObjects>().await?;
    let most = call.number("max-keys", PAGE_MAX, PAGE_MAX)?;
    let (names, listed) = page(call, permit, most, query.filled("marker").map(str::to_owned)).await?;
    let last = last(&listed).filter(|_| listed.more && query.filled("delimiter").is_some());
    let owner = call.owner(bucket.owner).await?;
    let (contents, prefixes) = entries(listed.entries, &names, Some(&owner));
    response::document(&ListObjectsOutput {
        name: Some(bucket.name.to_string()),
        prefix: Some(names.show(query.get("prefix").unwrap_or_default())),
        marker: Some(names.show(query.get("marker").unwrap_or_default())),
        max_keys: i32::try_from(most).ok(),
        is_truncated: Some(listed.more),
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        delimiter: query.filled("delimiter").map(|delimiter| names.show(delimiter)),
        next_marker: last.map(|last| names.show(&last)),
        encoding_type: names.encoding_type(),
        request_charged: None,
    })
}

pub(crate) async fn list_objects_v2(call: &Call<'_>) -> Result<Answer, Failure> {
    let query = &call.admitted.query;
    let after = match query.filled("continuation-token") {
        Some(token) => Some(text::from_token(token).ok_or_else(|| bad_token(token))?),
        None => query.filled("start-after").map(str::to_owned),
    };
    let (bucket, permit) = call.on_bucket::<ListObjects>().await?;
    let most = call.number("max-keys", PAGE_MAX, PAGE_MAX)?;
    let (names, listed) = page(call, permit, most, after).await?;
    let next = last(&listed).filter(|_| listed.more).map(|last| text::token(&last));
    let count = listed.entries.len();
    let wants_owner = query.get("fetch-owner").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let owner = call.owner(bucket.owner).await?;
    let (contents, prefixes) = entries(listed.entries, &names, Some(&owner).filter(|_| wants_owner));
    response::document(&ListObjectsV2Output {
        name: Some(bucket.name.to_string()),
        prefix: Some(names.show(query.get("prefix").unwrap_or_default())),
        max_keys: i32::try_from(most).ok(),
        key_count: i32::try_from(count).ok(),
        continuation_token: query.get("continuation-token").map(str::to_owned),
        is_truncated: Some(listed.more),
        next_continuation_token: next,
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        delimiter: query.filled("delimiter").map(|delimiter| names.show(delimiter)),
        encoding_type: names.encoding_type(),
        start_after: query.get("start-after").map(|after| names.show(after)),
        request_charged: None,
    })
}

/// How names are shown: `encoding-type=url` or as they are.
pub(crate) struct Names {
    encoded: Option<EncodingType>,
}

impl Names {
    pub(crate) fn of(call: &Call<'_>) -> Names {
        Names { encoded: call.admitted.query.get("encoding-type").map(|kind| EncodingType::from(kind.to_owned())) }
    }

    pub(crate) fn show(&self, name: &str) -> String {
        match self.encoded {
            Some(_) => text::percent_encode(name, "/"),
            None => name.to_owned(),
        }
    }

    pub(crate) fn encoding_type(&self) -> Option<EncodingType> {
        self.encoded.clone()
    }
}

async fn page(
    call: &Call<'_>,
    permit: Permit<ListObjects>,
    most: usize,
    after: Option<String>,
) -> Result<(Names, Page<ObjectSummary>), Failure> {
    let names = Names::of(call);
    if most == 0 {
        return Ok((names, Page { entries: Vec::new(), more: false }));
    }
    let listed = call.engine().list(permit, list_query(call, after, most)).await?;
    Ok((names, listed))
}

/// The part of a query that all listings share.
pub(crate) fn list_query(call: &Call<'_>, after: Option<String>, limit: usize) -> ListQuery {
    let query = &call.admitted.query;
    ListQuery {
        prefix: query.get("prefix").unwrap_or_default().to_owned(),
        delimiter: query.filled("delimiter").map(str::to_owned),
        after,
        limit,
    }
}

fn last(page: &Page<ObjectSummary>) -> Option<String> {
    page.entries.last().map(|entry| match entry {
        ListEntry::Item(object) => object.key.as_str().to_owned(),
        ListEntry::Prefix(prefix) => prefix.clone(),
    })
}

fn entries(
    entries: Vec<ListEntry<ObjectSummary>>,
    names: &Names,
    owner: Option<&Owner>,
) -> (Vec<Object>, Vec<CommonPrefix>) {
    let (mut contents, mut prefixes) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            ListEntry::Item(object) => contents.push(item(object, names, owner)),
            ListEntry::Prefix(prefix) => prefixes.push(CommonPrefix { prefix: Some(names.show(&prefix)) }),
        }
    }
    (contents, prefixes)
}

fn item(object: ObjectSummary, names: &Names, owner: Option<&Owner>) -> Object {
    let checksum = object.checksums.first();
    Object {
        checksum_algorithm: checksum
            .map(|checksum| vec![dto::ChecksumAlgorithm::from_static(checksum.algorithm.name())]),
        checksum_type: checksum.map(|checksum| dto::ChecksumType::from_static(digest::kind_name(checksum.kind))),
        e_tag: Some(dto::ETag::Strong(object.etag.0)),
        key: Some(names.show(object.key.as_str())),
        last_modified: Some(text::document_date(object.modified)),
        owner: owner.cloned(),
        restore_status: None,
        size: i64::try_from(object.size).ok(),
        storage_class: Some(dto::ObjectStorageClass::from_static(dto::ObjectStorageClass::STANDARD)),
    }
}
