//! Multipart uploads: create, upload a part, list, complete, abort.

use engine::{Body, Complete, CompletedPart, Declared, ListEntry, StartUpload};
use http::{HeaderMap, StatusCode};
use model::object::UploadChecksum;
use model::{Algorithm, Checksum, Part, Upload, UploadId, Which};
use policy::{AbortUpload, ListParts, ListUploads, ObjectAction, Permit, PutObject};
use s3s::dto::{
    self, CommonPrefix, CompleteMultipartUploadOutput, CompletedMultipartUpload, CreateMultipartUploadOutput,
    Initiator, ListMultipartUploadsOutput, ListPartsOutput, MultipartUpload, Owner,
};

use crate::digest;
use crate::door::Call;
use crate::error::{Code, Failure};
use crate::get::part_number;
use crate::headers;
use crate::lifecycle::write_expiration;
use crate::limits::{PAGE_MAX, PARTS_MAX};
use crate::list::{Names, list_query};
use crate::put::{write_encryption, write_written};
use crate::response::{self, Answer};
use crate::versioning::write_id;
use crate::{acl, lock, tagging, text, xml};

pub(crate) async fn create(call: &Call<'_>) -> Result<Answer, Failure> {
    let mut metadata = headers::metadata(&call.admitted.headers)?;
    let checksum = announced_checksum(&call.admitted.headers)?;
    let (tags, lock) = (tagging::of_new(&call.admitted.headers)?, lock::of_new(call)?);
    let (bucket, permit) = call.on_object::<PutObject>().await?;
    metadata.acl = acl::of_new_object(call, &bucket).await?;
    let start = StartUpload { metadata, checksum, tags, lock };
    let upload = call.engine().start_upload(permit, start).await?;
    let mut answer = response::document(&CreateMultipartUploadOutput {
        bucket: Some(bucket.name.to_string()),
        key: Some(upload.key.to_string()),
        upload_id: Some(upload.id.to_string()),
        ..CreateMultipartUploadOutput::default()
    })?;
    if let Some((algorithm, kind)) = checksum {
        response::set(answer.headers_mut(), "x-amz-checksum-algorithm", algorithm.name());
        response::set(answer.headers_mut(), "x-amz-checksum-type", kind_name(kind));
    }
    write_encryption(answer.headers_mut());
    Ok(answer)
}

/// Which checksum the finished object is to have.
fn announced_checksum(headers: &HeaderMap) -> Result<Option<(Algorithm, UploadChecksum)>, Failure> {
    let algorithm = headers::get(headers, "x-amz-checksum-algorithm");
    let kind = kind(headers)?;
    let invalid = |message: String| Err(Failure::because(Code::InvalidRequest, message));
    let Some(name) = algorithm else {
        return match kind {
            None => Ok(None),
            Some(_) => invalid(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.".into(),
            ),
        };
    };
    let Some(algorithm) = Algorithm::from_name(&name) else {
        return invalid(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
                        [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
                .into(),
        );
    };
    let default = match algorithm {
        Algorithm::Crc64Nvme => UploadChecksum::FullObject,
        _ => UploadChecksum::Composite,
    };
    // Checksums of parts combine into the whole's for CRCs alone; CRC64NVME is never composite.
    match (algorithm, kind.unwrap_or(default)) {
        (Algorithm::Sha1 | Algorithm::Sha256, UploadChecksum::FullObject)
        | (Algorithm::Crc64Nvme, UploadChecksum::Composite) => {
            let kind = kind_name(kind.unwrap_or(default));
            invalid(format!(
                "The {kind} checksum type cannot be used with the {} checksum algorithm.",
                algorithm.name()
            ))
        }
        (algorithm, kind) => Ok(Some((algorithm, kind))),
    }
}

fn kind(headers: &HeaderMap) -> Result<Option<UploadChecksum>, Failure> {
    match headers::get(headers, "x-amz-checksum-type").as_deref() {
        None => Ok(None),
        Some("FULL_OBJECT") => Ok(Some(UploadChecksum::FullObject)),
        Some("COMPOSITE") => Ok(Some(UploadChecksum::Composite)),
        Some(_) => Err(Failure::because(Code::InvalidRequest, "Value for x-amz-checksum-type header is invalid.")),
    }
}

const fn kind_name(kind: UploadChecksum) -> &'static str {
    match kind {
        UploadChecksum::FullObject => "FULL_OBJECT",
        UploadChecksum::Composite => "COMPOSITE",
    }
}

/// The upload a request names; a text that is no id names none.
pub(crate) fn upload_id(call: &Call<'_>) -> Result<UploadId, Failure> {
    let text = call.admitted.query.get("uploadId").unwrap_or_default();
    text.parse().map_err(|_| Failure::new(Code::NoSuchUpload).with("UploadId", text.to_owned()))
}

pub(crate) async fn upload_part(call: &Call<'_>, declared: Declared, body: Body) -> Result<Answer, Failure> {
    let query = &call.admitted.query;
    if !query.has("uploadId") || !query.has("partNumber") {
        return Err(Failure::because(Code::InvalidArgument, "This operation needs an uploadId and a partNumber."));
    }
    let number = part_number(query.get("partNumber").unwrap_or_default())?;
    let upload = upload_id(call)?;
    let (_, permit) = call.on_object::<PutObject>().await?;
    let written = Box::pin(call.engine().put_part(permit, upload, number, declared, body)).await?;
    let mut answer = response::status(StatusCode::OK);
    write_written(&written, answer.headers_mut());
    Ok(answer)
}

pub(crate) async fn list_parts(call: &Call<'_>) -> Result<Answer, Failure> {
    let upload = upload_id(call)?;
    let most = call.number("max-parts", PAGE_MAX, PAGE_MAX)?;
    let after = call.number("part-number-marker", 0, usize::from(PARTS_MAX))?;
    let after = u16::try_from(after).unwrap_or(PARTS_MAX);
    let (bucket, permit) = own_upload::<ListParts>(call, upload).await?;
    // One more than is shown tells whether there are more.
    let (upload, mut parts) = call.engine().list_parts(permit, upload, after, most + 1).await?;
    // A page of none says nothing of the next, as S3 answers it: a client would ask for ever.
    let more = most > 0 && parts.len() > most;
    parts.truncate(most);
    let next = parts.last().map(|part| i32::from(part.number));
    let owner = call.owner(upload.metadata.acl.owner.unwrap_or(bucket.owner)).await?;
    let initiator = initiator(&call.owner(upload.owner).await?);
    response::document(&ListPartsOutput {
        bucket: Some(bucket.name.to_string()),
        checksum_algorithm: upload.checksum.map(|(algorithm, _)| dto::ChecksumAlgorithm::from_static(algorithm.name())),
        checksum_type: upload.checksum.map(|(_, kind)| dto::ChecksumType::from_static(kind_name(kind))),
        initiator: Some(initiator),
        is_truncated: Some(more),
        key: Some(upload.key.to_string()),
        max_parts: i32::try_from(most).ok(),
        next_part_number_marker: next,
        owner: Some(owner),
        part_number_marker: Some(i32::from(after)),
        parts: Some(parts.into_iter().map(listed_part).collect()),
        storage_class: Some(dto::StorageClass::from_static(dto::StorageClass::STANDARD)),
        upload_id: Some(upload.id.to_string()),
        ..ListPartsOutput::default()
    })
}

fn initiator(owner: &Owner) -> Initiator {
    Initiator { display_name: owner.display_name.clone(), id: owner.id.clone() }
}

fn listed_part(part: Part) -> dto::Part {
    let of = |algorithm: Algorithm| {
        part.checksums.iter().find(|checksum| checksum.algorithm == algorithm).map(digest::display)
    };
    dto::Part {
        checksum_crc32: of(Algorithm::Crc32),
        checksum_crc32c: of(Algorithm::Crc32c),
        checksum_crc64nvme: of(Algorithm::Crc64Nvme),
        checksum_sha1: of(Algorithm::Sha1),
        checksum_sha256: of(Algorithm::Sha256),
        e_tag: Some(dto::ETag::Strong(part.etag.0)),
        last_modified: Some(text::document_date(part.modified)),
        part_number: Some(i32::from(part.number)),
        size: i64::try_from(part.size).ok(),
    }
}

pub(crate) async fn list_uploads(call: &Call<'_>) -> Result<Answer, Failure> {
    let query = &call.admitted.query;
    let most = call.number("max-uploads", PAGE_MAX, PAGE_MAX)?;
    let after = query.filled("key-marker").map(str::to_owned);
    // Without a key the upload's marker says nothing, as S3 documents.
    let after_upload = match query.filled("upload-id-marker").filter(|_| after.is_some()) {
        None => None,
        Some(marker) => Some(
            marker
                .parse::<UploadId>()
                .map_err(|_| Failure::argument("upload-id-marker", marker, "Invalid uploadId marker"))?,
        ),
    };
    let (bucket, permit) = call.on_bucket::<ListUploads>().await?;
    let page = match most {
        0 => engine::Page { entries: Vec::new(), more: false },
        most => call.engine().list_uploads(permit, list_query(call, after, most), after_upload).await?,
    };
    let names = Names::of(call);
    let next = page.entries.last().filter(|_| page.more).map(|entry| match entry {
        ListEntry::Item(upload) => (upload.key.to_string(), Some(upload.id.to_string())),
        ListEntry::Prefix(prefix) => (prefix.clone(), None),
    });
    let (mut uploads, mut prefixes) = (Vec::new(), Vec::new());
    for entry in page.entries {
        match entry {
            ListEntry::Item(upload) => {
                let initiated_by = call.owner(upload.owner).await?;
                let owner = call.owner(upload.metadata.acl.owner.unwrap_or(bucket.owner)).await?;
                uploads.push(listed_upload(&upload, &names, &initiated_by, owner));
            }
            ListEntry::Prefix(prefix) => prefixes.push(CommonPrefix { prefix: Some(names.show(&prefix)) }),
        }
    }
    response::document(&ListMultipartUploadsOutput {
        bucket: Some(bucket.name.to_string()),
        common_prefixes: Some(prefixes),
        delimiter: query.filled("delimiter").map(|delimiter| names.show(delimiter)),
        encoding_type: names.encoding_type(),
        is_truncated: Some(page.more),
        key_marker: Some(names.show(query.get("key-marker").unwrap_or_default())),
        max_uploads: i32::try_from(most).ok(),
        next_key_marker: next.as_ref().map(|(key, _)| names.show(key)),
        next_upload_id_marker: next.and_then(|(_, upload)| upload),
        prefix: Some(names.show(query.get("prefix").unwrap_or_default())),
        request_charged: None,
        upload_id_marker: Some(query.get("upload-id-marker").unwrap_or_default().to_owned()),
        uploads: Some(uploads),
    })
}

fn listed_upload(upload: &Upload, names: &Names, initiated_by: &Owner, owner: Owner) -> MultipartUpload {
    MultipartUpload {
        checksum_algorithm: upload.checksum.map(|(algorithm, _)| dto::ChecksumAlgorithm::from_static(algorithm.name())),
        checksum_type: upload.checksum.map(|(_, kind)| dto::ChecksumType::from_static(kind_name(kind))),
        initiated: Some(text::document_date(upload.initiated)),
        initiator: Some(initiator(initiated_by)),
        key: Some(names.show(upload.key.as_str())),
        owner: Some(owner),
        storage_class: Some(dto::StorageClass::from_static(dto::StorageClass::STANDARD)),
        upload_id: Some(upload.id.to_string()),
    }
}

/// A permit on an upload for who began it, and for the bucket's owner.
async fn own_upload<A: ObjectAction>(call: &Call<'_>, upload: UploadId) -> Result<(model::Bucket, Permit<A>), Failure> {
    let (bucket, permit) = call.on_object::<A>().await?;
    let asks = call.session.principal;
    let began = call.engine().initiator(&bucket, upload).await?;
    let own = asks == bucket.owner || (began == Some(asks) && !call.session.is_anonymous());
    match own || began.is_none() {
        true => Ok((bucket, permit)),
        false => Err(Code::AccessDenied.into()),
    }
}

pub(crate) async fn abort(call: &Call<'_>) -> Result<Answer, Failure> {
    let upload = upload_id(call)?;
    let (_, permit) = own_upload::<AbortUpload>(call, upload).await?;
    call.engine().abort_upload(permit, upload).await?;
    Ok(response::status(StatusCode::NO_CONTENT))
}

pub(crate) async fn complete(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let upload = upload_id(call)?;
    let document: CompletedMultipartUpload = xml::read(document)?;
    let headers = &call.admitted.headers;
    let complete = Complete {
        parts: completed_parts(document)?,
        condition: headers::write_condition(headers)?,
        checksum: whole_checksum(headers)?,
        kind: kind(headers)?,
        size: whole_size(headers)?,
    };
    let (bucket, permit) = call.on_object::<PutObject>().await?;
    let key = permit.object().1.to_string();
    let written = Box::pin(call.engine().complete_upload(permit, upload, complete)).await?;
    let host = headers::get(headers, "host").unwrap_or_default();
    let scheme = call.door.settings.scheme();
    let location = format!("{scheme}://{host}/{}/{}", bucket.name, text::percent_encode(&key, "/"));
    let of = |algorithm: Algorithm| {
        written.checksums.iter().find(|checksum| checksum.algorithm == algorithm).map(digest::display)
    };
    let kind = written.checksums.first().map(|checksum| digest::kind_name(checksum.kind));
    let mut answer = response::document(&CompleteMultipartUploadOutput {
        bucket: Some(bucket.name.to_string()),
        checksum_crc32: of(Algorithm::Crc32),
        checksum_crc32c: of(Algorithm::Crc32c),
        checksum_crc64nvme: of(Algorithm::Crc64Nvme),
        checksum_sha1: of(Algorithm::Sha1),
        checksum_sha256: of(Algorithm::Sha256),
        checksum_type: kind.map(dto::ChecksumType::from_static),
        e_tag: Some(dto::ETag::Strong(written.etag.0.clone())),
        key: Some(key),
        location: Some(location),
        ..CompleteMultipartUploadOutput::default()
    })?;
    write_expiration(written.expiry.clone(), answer.headers_mut());
    if let Some(version) = written.version {
        write_id(Which::Own(version), answer.headers_mut());
    }
    write_encryption(answer.headers_mut());
    Ok(answer)
}

/// The parts of a completion: at least one, each with number and ETag.
fn completed_parts(document: CompletedMultipartUpload) -> Result<Vec<CompletedPart>, Failure> {
    let parts = document.parts.unwrap_or_default();
    if parts.is_empty() || parts.len() > usize::from(PARTS_MAX) {
        return Err(Code::MalformedXML.into());
    }
    parts.into_iter().map(completed_part).collect()
}

fn completed_part(part: dto::CompletedPart) -> Result<CompletedPart, Failure> {
    let number = part.part_number.ok_or(Code::MalformedXML)?;
    let number = part_number(&number.to_string())?;
    let etag = model::ETag(part.e_tag.ok_or(Code::MalformedXML)?.into_value());
    let given = [
        (Algorithm::Crc32, part.checksum_crc32),
        (Algorithm::Crc32c, part.checksum_crc32c),
        (Algorithm::Crc64Nvme, part.checksum_crc64nvme),
        (Algorithm::Sha1, part.checksum_sha1),
        (Algorithm::Sha256, part.checksum_sha256),
    ];
    let mut given = given.into_iter().filter_map(|(algorithm, value)| value.map(|value| (algorithm, value)));
    let checksum = match given.next() {
        None => None,
        Some((algorithm, value)) => {
            Some(digest::parse(algorithm, &value).ok_or_else(|| digest::invalid_value(algorithm))?)
        }
    };
    // S3 computes one checksum for a part; a second one could not be proven.
    match given.next() {
        None => Ok(CompletedPart { number, etag, checksum }),
        Some(_) => Err(Code::InvalidPart.into()),
    }
}

/// The checksum that the client says the whole object has.
fn whole_checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Failure> {
    let checksum = digest::declared(headers)?;
    let told = kind(headers)?.map(kind_name);
    match (&checksum, told) {
        (Some(checksum), Some(told)) if digest::kind_name(checksum.kind) != told => {
            Err(digest::invalid_value(checksum.algorithm))
        }
        _ => Ok(checksum),
    }
}

fn whole_size(headers: &HeaderMap) -> Result<Option<u64>, Failure> {
    let Some(value) = headers::get(headers, "x-amz-mp-object-size") else { return Ok(None) };
    let size = value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten();
    size.map(Some)
        .ok_or_else(|| Failure::because(Code::InvalidRequest, "Value for x-amz-mp-object-size header is invalid."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&'static str, &'static str)]) -> Result<Option<(Algorithm, UploadChecksum)>, Code> {
        let mut headers = HeaderMap::new();
        pairs.iter().for_each(|(name, value)| response::set(&mut headers, name, value));
        announced_checksum(&headers).map_err(|failure| failure.code())
    }

    #[test]
    fn each_algorithm_has_the_kinds_s3_gives_it() {
        const NAME: &str = "x-amz-checksum-algorithm";
        const KIND: &str = "x-amz-checksum-type";
        use Algorithm::{Crc32, Crc64Nvme, Sha256};
        use UploadChecksum::{Composite, FullObject};
        assert_eq!(check(&[]), Ok(None));
        assert_eq!(check(&[(NAME, "CRC32")]), Ok(Some((Crc32, Composite))));
        assert_eq!(check(&[(NAME, "CRC32"), (KIND, "FULL_OBJECT")]), Ok(Some((Crc32, FullObject))));
        assert_eq!(check(&[(NAME, "CRC64NVME")]), Ok(Some((Crc64Nvme, FullObject))));
        assert_eq!(check(&[(NAME, "SHA256")]), Ok(Some((Sha256, Composite))));
        for bad in [
            &[(NAME, "SHA256"), (KIND, "FULL_OBJECT")][..],
            &[(NAME, "CRC64NVME"), (KIND, "COMPOSITE")],
            &[(NAME, "MD5")],
            &[(KIND, "COMPOSITE")],
            &[(NAME, "CRC32"), (KIND, "BOTH")],
        ] {
            assert_eq!(check(bad), Err(Code::InvalidRequest), "{bad:?}");
        }
    }

    #[test]
    fn a_completion_names_its_parts() {
        let check = |inner: &str| {
            let document = format!("<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>");
            let parts = xml::read(document.as_bytes()).and_then(completed_parts);
            parts.map(|parts| parts.len()).map_err(|failure| failure.code())
        };
        assert_eq!(check("<Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>"), Ok(1));
        assert_eq!(check(""), Err(Code::MalformedXML));
        assert_eq!(check("<Part><PartNumber>1</PartNumber></Part>"), Err(Code::MalformedXML));
        assert_eq!(check("<Part><PartNumber>0</PartNumber><ETag>a</ETag></Part>"), Err(Code::InvalidArgument));
        let two = "<Part><PartNumber>1</PartNumber><ETag>a</ETag><ChecksumCRC32>y/Q5Jg==</ChecksumCRC32>\
                   <ChecksumSHA1>qZk+NkcGgWq6PiVxeFDCbJzQ2J0=</ChecksumSHA1></Part>";
        assert_eq!(check(two), Err(Code::InvalidPart));
    }
}
