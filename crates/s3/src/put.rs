//! PutObject.

use engine::{Body, Declared, Put, Written};
use http::{HeaderMap, StatusCode};
use model::Which;
use policy::PutObject;

use crate::digest;
use crate::door::Call;
use crate::error::Failure;
use crate::headers;
use crate::lifecycle::write_expiration;
use crate::response::{self, Answer};
use crate::versioning::write_id;
use crate::{acl, lock, tagging};

pub(crate) async fn put_object(call: &Call<'_>, declared: Declared, body: Body) -> Result<Answer, Failure> {
    let put = Put { declared, ..wanted(call)? };
    let written = store(call, put, body).await?;
    let mut answer = response::status(StatusCode::OK);
    write_written(&written, answer.headers_mut());
    if let Some(checksum) = written.checksums.first() {
        response::set(answer.headers_mut(), "x-amz-checksum-type", digest::kind_name(checksum.kind));
    }
    Ok(answer)
}

/// What the headers say about the new object, apart from its body.
pub(crate) fn wanted(call: &Call<'_>) -> Result<Put, Failure> {
    let headers = &call.admitted.headers;
    let (metadata, condition) = (headers::metadata(headers)?, headers::write_condition(headers)?);
    let (tags, lock) = (tagging::of_new(headers)?, lock::of_new(call)?);
    Ok(Put { metadata, tags, lock, condition, ..Put::default() })
}

pub(crate) async fn store(call: &Call<'_>, mut put: Put, body: Body) -> Result<Written, Failure> {
    let (bucket, permit) = call.on_object::<PutObject>().await?;
    put.metadata.acl = acl::of_new_object(call, &bucket).await?;
    Ok(Box::pin(call.engine().put(permit, put, body)).await?)
}

/// What an acknowledged write tells: its ETag, its checksums, and that it was encrypted.
pub(crate) fn write_written(written: &Written, headers: &mut HeaderMap) {
    response::set(headers, "etag", &format!("\"{}\"", written.etag));
    if let Some(version) = written.version {
        write_id(Which::Own(version), headers);
    }
    write_expiration(written.expiry.clone(), headers);
    for checksum in &written.checksums {
        response::set(headers, digest::header_name(checksum.algorithm), &digest::display(checksum));
    }
    write_encryption(headers);
}

/// Everything is encrypted with AES-256, asked for or not.
pub(crate) fn write_encryption(headers: &mut HeaderMap) {
    response::set(headers, "x-amz-server-side-encryption", "AES256");
}
