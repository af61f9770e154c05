//! DeleteObject and DeleteObjects.

use engine::Error;
use futures::{FutureExt, StreamExt};
use http::StatusCode;
use model::{Bucket, ObjectKey, Precondition};
use policy::{DeleteObject, HeadBucket};
use s3s::dto::{Delete, DeleteObjectsOutput, DeletedObject, ObjectIdentifier};

use crate::door::Call;
use crate::error::{Code, Failure};
use crate::headers;
use crate::limits::{DELETES_AT_ONCE, PAGE_MAX};
use crate::response::{self, Answer};
use crate::xml;

pub(crate) async fn delete_object(call: &Call<'_>) -> Result<Answer, Failure> {
    let condition = headers::write_condition(&call.admitted.headers)?;
    let (_, permit) = call.on_object::<DeleteObject>().await?;
    call.engine().delete(permit, condition).await?;
    Ok(response::status(StatusCode::NO_CONTENT))
}

pub(crate) async fn delete_objects(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let Delete { objects, quiet } = xml::read(document)?;
    if objects.is_empty() || objects.len() > PAGE_MAX {
        return Err(Code::MalformedXML.into());
    }
    // That one may know the bucket decides what the request as a whole is answered; each key takes
    // a permit of its own.
    let (bucket, _permit) = call.on_bucket::<HeadBucket>().await?;
    let bucket = &bucket;
    let outcomes: Vec<_> = futures::stream::iter(objects)
        .map(|object| async move { (object.key.clone(), delete_one(call, bucket, object).await) }.boxed())
        .buffered(DELETES_AT_ONCE)
        .collect()
        .await;
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for (key, outcome) in outcomes {
        match outcome {
            Ok(()) if quiet == Some(true) => {}
            Ok(()) => deleted.push(DeletedObject { key: Some(key), ..DeletedObject::default() }),
            Err(failure) => errors.push(s3s::dto::Error {
                code: Some(failure.code().name().to_owned()),
                key: Some(key),
                message: Some(failure.message().to_owned()),
                version_id: None,
            }),
        }
    }
    response::document(&DeleteObjectsOutput { deleted: Some(deleted), errors: Some(errors), request_charged: None })
}

async fn delete_one(call: &Call<'_>, bucket: &Bucket, object: ObjectIdentifier) -> Result<(), Failure> {
    if object.version_id.is_some_and(|version| version != "null") {
        return Err(Failure::because(Code::InvalidArgument, "Invalid version id specified"));
    }
    if object.last_modified_time.is_some() || object.size.is_some() {
        return Err(Failure::not_implemented("A condition on time or size"));
    }
    let key = ObjectKey::parse(&object.key).map_err(|_| match object.key.is_empty() {
        true => Code::MalformedXML,
        false => Code::KeyTooLongError,
    })?;
    let condition = match object.e_tag {
        None => Precondition::None,
        Some(etag) if etag.value() == "*" => Precondition::Present,
        Some(etag) => Precondition::Matches(model::ETag(etag.into_value())),
    };
    let permit = policy::on_object::<DeleteObject>(&call.session, bucket, key)?;
    match call.engine().delete(permit, condition).await {
        Err(Error::Internal(cause)) => {
            tracing::error!(cause, "internal error while deleting");
            Err(Code::InternalError.into())
        }
        outcome => Ok(outcome?),
    }
}
