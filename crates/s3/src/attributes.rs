//! GetObjectAttributes: what is known of a version, told as asked.

use std::io::Write;

use model::{Algorithm, Checksum, ChecksumKind, PartSummary, Version, Which};
use policy::ReadVersion;
use s3s::dto::{self, GetObjectAttributesOutput, GetObjectAttributesParts, ObjectPart};
use s3s::xml::{SerResult, Serialize, SerializeContent, Serializer};

use crate::digest;
use crate::door::Call;
use crate::error::{Code, Failure};
use crate::headers;
use crate::limits::{PAGE_MAX, PARTS_MAX};
use crate::response::{self, Answer};
use crate::text;
use crate::versioning::{wanted, write_version};

const ATTRIBUTES: &str = "x-amz-object-attributes";

pub(crate) async fn get(call: &Call<'_>) -> Result<Answer, Failure> {
    let asked = asked(call)?;
    let which = wanted(call)?;
    let most = header_number(call, "x-amz-max-parts", PAGE_MAX)?;
    let after = header_number(call, "x-amz-part-number-marker", 0)?;
    let (_, permit) = call.on_object::<ReadVersion>().await?;
    let version = call.engine().describe(permit, which).await?;
    let wants = |name: &str| asked.iter().any(|asked| asked == name);
    let rest = GetObjectAttributesOutput {
        checksum: wants("Checksum").then(|| checksum(&version.checksums)).flatten(),
        object_parts: wants("ObjectParts").then(|| parts(&version, after, most)).flatten(),
        object_size: wants("ObjectSize").then(|| i64::try_from(version.size).ok()).flatten(),
        storage_class: wants("StorageClass").then(|| dto::StorageClass::from_static(dto::StorageClass::STANDARD)),
        ..GetObjectAttributesOutput::default()
    };
    let etag = wants("ETag").then(|| version.etag.0.clone());
    let mut answer = response::document(&Attributes { etag, rest })?;
    response::set(answer.headers_mut(), "last-modified", &text::http_date(version.modified));
    write_version(Which::of(version.slot, version.id), which, answer.headers_mut());
    Ok(answer)
}

/// The one document in which S3 writes an ETag without its quotes.
struct Attributes {
    etag: Option<String>,
    rest: GetObjectAttributesOutput,
}

impl Serialize for Attributes {
    fn serialize<W: Write>(&self, s: &mut Serializer<W>) -> SerResult {
        s.element("GetObjectAttributesResponse", |s| {
            if let Some(etag) = &self.etag {
                s.content("ETag", etag)?;
            }
            self.rest.serialize_content(s)
        })
    }
}

/// At least one of those there are.
fn asked(call: &Call<'_>) -> Result<Vec<String>, Failure> {
    const KNOWN: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
    let value = headers::get(&call.admitted.headers, ATTRIBUTES).unwrap_or_default();
    let asked: Vec<String> =
        value.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    match asked.iter().find(|name| !KNOWN.contains(&name.as_str())) {
        Some(unknown) => Err(Failure::argument(ATTRIBUTES, unknown, "Invalid attribute name specified.")),
        None if asked.is_empty() => Err(Failure::because(
            Code::InvalidRequest,
            "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
        )),
        None => Ok(asked),
    }
}

fn header_number(call: &Call<'_>, name: &str, default: usize) -> Result<usize, Failure> {
    let Some(value) = headers::get(&call.admitted.headers, name) else { return Ok(default) };
    let number = value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten();
    number
        .map(|number: usize| number.min(usize::from(PARTS_MAX)))
        .ok_or_else(|| Failure::argument(name, &value, format!("{name} must be a number")))
}

/// Of a composite one the number of parts is told by the parts, not behind the value.
fn value_of(checksums: &[Checksum], algorithm: Algorithm) -> Option<String> {
    checksums.iter().find(|checksum| checksum.algorithm == algorithm).map(|checksum| text::base64(&checksum.value))
}

fn checksum(checksums: &[Checksum]) -> Option<dto::Checksum> {
    let kind = checksums.first()?.kind;
    let of = |algorithm| value_of(checksums, algorithm);
    Some(dto::Checksum {
        checksum_crc32: of(Algorithm::Crc32),
        checksum_crc32c: of(Algorithm::Crc32c),
        checksum_crc64nvme: of(Algorithm::Crc64Nvme),
        checksum_sha1: of(Algorithm::Sha1),
        checksum_sha256: of(Algorithm::Sha256),
        checksum_type: Some(dto::ChecksumType::from_static(digest::kind_name(kind))),
    })
}

/// Nothing of an object put whole. S3 lists the parts one by one only where each has a checksum that
/// the whole's is made of.
fn parts(version: &Version, after: usize, most: usize) -> Option<GetObjectAttributesParts> {
    if version.parts.is_empty() {
        return None;
    }
    let composite = version.checksums.iter().any(|checksum| checksum.kind != ChecksumKind::FullObject);
    let rest: Vec<&PartSummary> = version.parts.iter().filter(|part| usize::from(part.number) > after).collect();
    let more = most > 0 && rest.len() > most;
    let page: Vec<ObjectPart> = rest.into_iter().take(most).map(part).collect();
    let next = page.last().and_then(|part| part.part_number);
    Some(GetObjectAttributesParts {
        is_truncated: Some(more),
        max_parts: i32::try_from(most).ok(),
        next_part_number_marker: next,
        part_number_marker: i32::try_from(after).ok(),
        parts: composite.then_some(page),
        total_parts_count: i32::try_from(version.parts.len()).ok(),
    })
}

fn part(part: &PartSummary) -> ObjectPart {
    let of = |algorithm| value_of(&part.checksums, algorithm);
    ObjectPart {
        checksum_crc32: of(Algorithm::Crc32),
        checksum_crc32c: of(Algorithm::Crc32c),
        checksum_crc64nvme: of(Algorithm::Crc64Nvme),
        checksum_sha1: of(Algorithm::Sha1),
        checksum_sha256: of(Algorithm::Sha256),
        part_number: Some(i32::from(part.number)),
        size: i64::try_from(part.size).ok(),
    }
}
