//! GetObject and HeadObject.

use std::ops::Range;

use engine::Found;
use futures::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use model::condition::ReadVerdict;
use model::{Checksum, PartSummary, Version};

use crate::digest;
use crate::door::Call;
use crate::error::{Code, Failure};
use crate::headers;
use crate::lifecycle::write_expiration;
use crate::limits::PARTS_MAX;
use crate::put::write_encryption;
use crate::response::{Answer, Content, set};
use crate::versioning::{wanted, write_id};
use crate::{lock, tagging, text};

pub(crate) async fn get_object(call: &Call<'_>) -> Result<Answer, Failure> {
    let (found, shown) = find(call).await?;
    let length = shown.range.end - shown.range.start;
    if length == 0 {
        return Ok(shown.answer(Content::Whole(bytes::Bytes::new())));
    }
    let mut rest = found.read(shown.range.clone()).boxed();
    // The head waits for the first bytes: an object that cannot be read now is told so in a status,
    // and not by a connection that breaks off.
    let first = rest.try_next().await?;
    let bytes = stream::iter(first.map(Ok)).chain(rest).boxed();
    Ok(shown.answer(Content::Stream { length, bytes }))
}

pub(crate) async fn head_object(call: &Call<'_>) -> Result<Answer, Failure> {
    let (_, shown) = find(call).await?;
    let length = shown.range.end - shown.range.start;
    Ok(shown.answer(Content::Head { length }))
}

/// What of an object is answered, and under which head.
struct Shown {
    range: Range<u64>,
    status: StatusCode,
    headers: HeaderMap,
}

impl Shown {
    fn answer(self, content: Content) -> Answer {
        let mut answer = Response::new(content);
        *answer.status_mut() = self.status;
        *answer.headers_mut() = self.headers;
        answer
    }
}

async fn find(call: &Call<'_>) -> Result<(Found, Shown), Failure> {
    let asked = wanted(call)?;
    let (bucket, permit) = call.on_open_object().await?;
    let found = call.engine().find_version(permit, asked).await?;
    let version = &found.version;
    call.check_readable(&bucket, &version.metadata.acl).await?;
    judge(call, version)?;
    let part = wanted_part(call, version)?;
    let range = headers::range(&call.admitted.headers, version.size)?;
    if part.is_some() && call.admitted.headers.contains_key("range") {
        let message = "Cannot specify both Range header and partNumber query parameter";
        return Err(Failure::because(Code::InvalidRequest, message));
    }
    let partial = part.clone().or(range).filter(|_| version.size > 0);
    let mut headers = describe(call, version)?;
    write_expiration(found.expiry.clone(), &mut headers);
    if let Some(which) = found.which() {
        write_id(which, &mut headers);
    }
    let (range, status) = match partial {
        None => {
            write_checksums(call, version, &version.checksums, &mut headers);
            (0..version.size, StatusCode::OK)
        }
        Some(range) => {
            write_checksums(call, version, checksums_of(version, &range), &mut headers);
            let value = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), version.size);
            set(&mut headers, "content-range", &value);
            (range, StatusCode::PARTIAL_CONTENT)
        }
    };
    if part.is_some() && !version.parts.is_empty() {
        set(&mut headers, "x-amz-mp-parts-count", &version.parts.len().to_string());
    }
    Ok((found, Shown { range, status, headers }))
}

/// The conditional headers, on the version found.
fn judge(call: &Call<'_>, version: &Version) -> Result<(), Failure> {
    match headers::read_conditions(&call.admitted.headers).check(version) {
        ReadVerdict::Serve => Ok(()),
        ReadVerdict::PreconditionFailed => Err(Code::PreconditionFailed.into()),
        ReadVerdict::NotModified => {
            let mut failure = Failure::new(Code::NotModified);
            let quoted = HeaderValue::from_str(&format!("\"{}\"", version.etag));
            let date = HeaderValue::from_str(&text::http_date(version.modified));
            for (name, value) in [(header::ETAG, quoted), (header::LAST_MODIFIED, date)] {
                if let Ok(value) = value {
                    failure = failure.with_header(name, value);
                }
            }
            Err(failure)
        }
    }
}

/// The bytes of the part that `partNumber` names; an object put whole has one part.
fn wanted_part(call: &Call<'_>, version: &Version) -> Result<Option<Range<u64>>, Failure> {
    let Some(text) = call.admitted.query.get("partNumber") else { return Ok(None) };
    let wanted = part_number(text)?;
    if version.parts.is_empty() && wanted == 1 {
        return Ok(Some(0..version.size));
    }
    match laid_out(version).find(|(part, _)| part.number == wanted) {
        Some((_, range)) => Ok(Some(range)),
        None => {
            let count = version.parts.len().max(1).to_string();
            Err(Failure::new(Code::InvalidPartNumber).with("ActualPartCount", count))
        }
    }
}

/// The parts of a multipart object, each with where its bytes lie.
fn laid_out(version: &Version) -> impl Iterator<Item = (&PartSummary, Range<u64>)> {
    version.parts.iter().scan(0_u64, |start, part| {
        let end = start.saturating_add(part.size);
        Some((part, std::mem::replace(start, end)..end))
    })
}

/// A part's number: 1 to 10,000.
pub(crate) fn part_number(text: &str) -> Result<u16, Failure> {
    let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    number.filter(|number| (1..=PARTS_MAX).contains(number)).ok_or_else(|| {
        Failure::argument("partNumber", text, "Part number must be an integer between 1 and 10000, inclusive")
    })
}

fn describe(call: &Call<'_>, version: &Version) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    headers::write_metadata(&version.metadata, &call.admitted.query, &mut headers)?;
    set(&mut headers, "etag", &format!("\"{}\"", version.etag));
    set(&mut headers, "last-modified", &text::http_date(version.modified));
    set(&mut headers, "accept-ranges", "bytes");
    write_encryption(&mut headers);
    tagging::write_count(&version.tags, &mut headers);
    lock::write_lock(&version.lock, &mut headers);
    Ok(headers)
}

/// Of a range only what is known of exactly its bytes: it is one part, or the whole of an object put
/// whole.
fn checksums_of<'a>(version: &'a Version, range: &Range<u64>) -> &'a [Checksum] {
    match laid_out(version).find(|(_, lies)| lies == range) {
        Some((part, _)) => &part.checksums,
        None if version.parts.is_empty() && *range == (0..version.size) => &version.checksums,
        None => &[],
    }
}

/// Told when asked for, by the algorithm and under the kind that the whole object has.
fn write_checksums(call: &Call<'_>, version: &Version, of_bytes: &[Checksum], headers: &mut HeaderMap) {
    if !call.admitted.headers.contains_key("x-amz-checksum-mode") {
        return;
    }
    for whole in &version.checksums {
        if let Some(told) = of_bytes.iter().find(|checksum| checksum.algorithm == whole.algorithm) {
            set(headers, digest::header_name(told.algorithm), &digest::display(told));
            set(headers, "x-amz-checksum-type", digest::kind_name(whole.kind));
        }
    }
}
