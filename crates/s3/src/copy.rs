//! CopyObject and UploadPartCopy.

use std::ops::Range;

use engine::{Copied, Copy, CopyPart, Written};
use http::HeaderMap;
use model::{Acl, Algorithm, Bucket, BucketName, Checksum, ObjectKey, ReadConditions, Which};
use policy::{GetObject, Permit, PutObject};
use s3s::dto::{self, CopyObjectResult, CopyPartResult};

use crate::digest;
use crate::door::Call;
use crate::error::{Code, Failure};
use crate::get::part_number;
use crate::headers;
use crate::lifecycle::write_expiration;
use crate::multipart::upload_id;
use crate::put::write_encryption;
use crate::response::{self, Answer};
use crate::versioning::{self, id_of, write_id};
use crate::{acl, lock, tagging, text};

const SOURCE: &str = "x-amz-copy-source";

pub(crate) async fn copy_object(call: &Call<'_>) -> Result<Answer, Failure> {
    let headers = &call.admitted.headers;
    let replaces_metadata = directive(headers, "x-amz-metadata-directive")?;
    let replaces_tags = directive(headers, "x-amz-tagging-directive")?;
    let copy = Copy {
        source: conditions(headers),
        condition: headers::write_condition(headers)?,
        metadata: replaces_metadata.then(|| headers::metadata(headers)).transpose()?,
        tags: replaces_tags.then(|| tagging::of_new(headers)).transpose()?,
        lock: lock::of_new(call)?,
        checksum: wanted_checksum(headers)?,
        ..Copy::default()
    };
    let (named, source_acl, from) = source(call).await?;
    let (bucket, to) = call.on_object::<PutObject>().await?;
    let copy = Copy { source_acl, acl: acl::of_new_object(call, &bucket).await?, ..copy };
    let itself = from.object() == (&bucket, to.object().1) && named.which == Which::Current;
    if itself && !replaces_metadata && !replaces_tags {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing \
                       the object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(Failure::because(Code::InvalidRequest, message));
    }
    let copied = Box::pin(call.engine().copy(from, named.which, to, copy)).await;
    let Copied { written, source } = copied.map_err(|error| source_failure(error, named.which))?;
    let of = |algorithm| shown(&written.checksums, algorithm);
    let mut answer = response::document(&CopyObjectResult {
        checksum_crc32: of(Algorithm::Crc32),
        checksum_crc32c: of(Algorithm::Crc32c),
        checksum_crc64nvme: of(Algorithm::Crc64Nvme),
        checksum_sha1: of(Algorithm::Sha1),
        checksum_sha256: of(Algorithm::Sha256),
        checksum_type: written
            .checksums
            .first()
            .map(|checksum| dto::ChecksumType::from_static(digest::kind_name(checksum.kind))),
        e_tag: Some(dto::ETag::Strong(written.etag.0.clone())),
        last_modified: Some(text::document_date(written.modified)),
    })?;
    write_outcome(&written, source, answer.headers_mut());
    Ok(answer)
}

pub(crate) async fn copy_part(call: &Call<'_>) -> Result<Answer, Failure> {
    let (headers, query) = (&call.admitted.headers, &call.admitted.query);
    if !query.has("uploadId") || !query.has("partNumber") {
        return Err(Failure::because(Code::InvalidArgument, "This operation needs an uploadId and a partNumber."));
    }
    let upload = upload_id(call)?;
    let part = CopyPart {
        number: part_number(query.get("partNumber").unwrap_or_default())?,
        source: conditions(headers),
        range: range(headers)?,
        ..CopyPart::default()
    };
    let (named, source_acl, from) = source(call).await?;
    let part = CopyPart { source_acl, ..part };
    let (_, to) = call.on_object::<PutObject>().await?;
    let copied = Box::pin(call.engine().copy_part(from, named.which, to, upload, part)).await;
    let Copied { written, source } = copied.map_err(|error| source_failure(error, named.which))?;
    let of = |algorithm| shown(&written.checksums, algorithm);
    let mut answer = response::document(&CopyPartResult {
        checksum_crc32: of(Algorithm::Crc32),
        checksum_crc32c: of(Algorithm::Crc32c),
        checksum_crc64nvme: of(Algorithm::Crc64Nvme),
        checksum_sha1: of(Algorithm::Sha1),
        checksum_sha256: of(Algorithm::Sha256),
        e_tag: Some(dto::ETag::Strong(written.etag.0.clone())),
        last_modified: Some(text::document_date(written.modified)),
    })?;
    write_outcome(&written, source, answer.headers_mut());
    Ok(answer)
}

fn shown(checksums: &[Checksum], algorithm: Algorithm) -> Option<String> {
    checksums.iter().find(|checksum| checksum.algorithm == algorithm).map(digest::display)
}

fn write_outcome(written: &Written, source: Option<Which>, headers: &mut HeaderMap) {
    write_expiration(written.expiry.clone(), headers);
    if let Some(version) = written.version {
        write_id(Which::Own(version), headers);
    }
    if let Some(id) = source.and_then(id_of) {
        response::set(headers, "x-amz-copy-source-version-id", &id);
    }
    write_encryption(headers);
}

/// A marker that is named as a source is a mistake of another kind than one that is to be read.
fn source_failure(error: engine::Error, which: Which) -> Failure {
    match error {
        engine::Error::IsMarker { .. } if which != Which::Current => Failure::because(
            Code::InvalidRequest,
            "The source of a copy request may not specifically refer to a delete marker by version id.",
        ),
        error => error.into(),
    }
}

/// `REPLACE` or, by default, `COPY`.
fn directive(headers: &HeaderMap, name: &'static str) -> Result<bool, Failure> {
    match headers::get(headers, name).as_deref() {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(Failure::argument(name, other, format!("Unknown {}.", name.trim_start_matches("x-amz-")))),
    }
}

fn wanted_checksum(headers: &HeaderMap) -> Result<Option<Algorithm>, Failure> {
    let Some(name) = headers::get(headers, "x-amz-checksum-algorithm") else { return Ok(None) };
    let unknown = || Failure::because(Code::InvalidRequest, "Checksum algorithm provided is unsupported.");
    Algorithm::from_name(&name).map(Some).ok_or_else(unknown)
}

/// The conditional headers that are about the source.
fn conditions(headers: &HeaderMap) -> ReadConditions {
    headers::read_conditions_named(headers, &|name| format!("{SOURCE}-{name}"))
}

/// `x-amz-copy-source-range`: `bytes=first-last`, both given.
fn range(headers: &HeaderMap) -> Result<Option<Range<u64>>, Failure> {
    const NAME: &str = "x-amz-copy-source-range";
    let Some(value) = headers::get(headers, NAME) else { return Ok(None) };
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let read = || {
        let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        (first <= last).then_some(first..last.checked_add(1)?)
    };
    read().map(Some).ok_or_else(|| {
        let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are \
                       the zero-based offsets of the first and last bytes to copy";
        Failure::argument(NAME, &value, message)
    })
}

/// What `x-amz-copy-source` names.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    bucket: BucketName,
    key: ObjectKey,
    which: Which,
}

impl Named {
    /// `/bucket/key` or `bucket/key`, percent-encoded, with `?versionId=` behind it or not.
    fn parse(value: &str) -> Result<Named, Failure> {
        let invalid = |message: &str| Failure::argument(SOURCE, value, message);
        let (path, which) = match value.rsplit_once("?versionId=") {
            None => (value, Which::Current),
            Some((path, version)) => {
                let version = text::percent_decode(version, false).and_then(|version| versioning::parse(&version));
                (path, version.ok_or_else(|| invalid("Invalid version id specified"))?)
            }
        };
        let path = text::percent_decode(path, false).ok_or_else(|| invalid("Invalid copy source encoding."))?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = path.split_once('/').ok_or_else(|| invalid("Invalid copy source object key"))?;
        Ok(Named {
            bucket: BucketName::parse(bucket).map_err(|_| invalid("Invalid copy source bucket name"))?,
            key: ObjectKey::parse(key).map_err(|_| invalid("Invalid copy source object key"))?,
            which,
        })
    }
}

/// The source, with the permit to read it and the list that the verdict read.
async fn source(call: &Call<'_>) -> Result<(Named, Acl, Permit<GetObject>), Failure> {
    let headers = &call.admitted.headers;
    let named = Named::parse(&headers::get(headers, SOURCE).unwrap_or_default())?;
    let bucket = call.engine().resolve(&call.session, &named.bucket).await?;
    let bucket: Bucket =
        bucket.ok_or_else(|| Failure::new(Code::NoSuchBucket).with("BucketName", named.bucket.to_string()))?;
    let (acl, permit) = call.on_source(&bucket, &named.key, named.which).await?;
    match headers::get(headers, "x-amz-source-expected-bucket-owner") {
        Some(expected) if expected != bucket.owner.to_string() => Err(Code::AccessDenied.into()),
        _ => Ok((named, acl, permit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_bucket_key_and_perhaps_version() {
        let id = "0123456789abcdef0123456789abcdef";
        let named = |key: &str, which| {
            let (bucket, key) = (BucketName::parse("tea").unwrap(), ObjectKey::parse(key).unwrap());
            Ok(Named { bucket, key, which })
        };
        let check = |value: &str| Named::parse(value).map_err(|failure| failure.code());
        for (value, key) in [
            ("tea/green", "green"),
            ("/tea/green", "green"),
            ("tea/a%20b/c%2Fd%3F", "a b/c/d?"),
            ("/tea//green", "/green"),
            ("tea/a+b", "a+b"),
            ("tea/a?b", "a?b"),
            ("tea/%D0%BA", "к"),
        ] {
            assert_eq!(check(value), named(key, Which::Current), "{value}");
        }
        assert_eq!(check("tea/green?versionId=null"), named("green", Which::Null));
        assert_eq!(check(&format!("tea/green?versionId={id}")), named("green", Which::Own(id.parse().unwrap())));
        for bad in ["", "tea", "tea/", "Tea/green", "tea/%zz", "tea/green?versionId=1", "tea/green?versionId="] {
            assert_eq!(check(bad), Err(Code::InvalidArgument), "{bad}");
        }
    }

    #[test]
    fn a_source_range_names_both_ends() {
        let check = |value: &str| {
            let mut headers = HeaderMap::new();
            response::set(&mut headers, "x-amz-copy-source-range", value);
            range(&headers).map_err(|failure| failure.code())
        };
        assert_eq!(check("bytes=0-0"), Ok(Some(0..1)));
        assert_eq!(check("bytes=5-9"), Ok(Some(5..10)));
        for bad in ["bytes=5-", "bytes=-5", "bytes=9-5", "5-9", "bytes=a-b", "bytes=0-1,3-4", ""] {
            assert_eq!(check(bad), Err(Code::InvalidArgument), "{bad}");
        }
    }
}
