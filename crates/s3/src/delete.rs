//! DeleteObject and DeleteObjects.

use engine::{Deleted, Error};
use futures::{FutureExt, StreamExt};
use http::StatusCode;
use model::{Bucket, ObjectKey, Precondition, Which};
use policy::{Access, DeleteObject, DeleteVersion};
use s3s::dto::{Delete, DeleteObjectsOutput, DeletedObject, ObjectIdentifier};

use crate::door::Call;
use crate::error::{Code, DELETE_MARKER, Failure};
use crate::headers;
use crate::limits::{DELETES_AT_ONCE, PAGE_MAX};
use crate::lock::bypass;
use crate::response::{self, Answer};
use crate::versioning::{self, id_of, wanted, write_id};
use crate::xml;

pub(crate) async fn delete_object(call: &Call<'_>) -> Result<Answer, Failure> {
    let condition = headers::write_condition(&call.admitted.headers)?;
    let which = wanted(call)?;
    // Whom a list lets write may delete, and may not remove what stays behind.
    let deleted = match which {
        Which::Current => call.engine().delete(call.on_object::<DeleteObject>().await?.1, condition).await?,
        which => {
            let (bucket, permit) = call.on_object::<DeleteVersion>().await?;
            let bypass = bypass(call, &bucket, permit.object().1).await?;
            call.engine().delete_version(permit, which, condition, bypass).await?
        }
    };
    let mut answer = response::status(StatusCode::NO_CONTENT);
    if let Some(version) = deleted.version {
        write_id(version, answer.headers_mut());
    }
    if deleted.marker {
        response::set(answer.headers_mut(), DELETE_MARKER, "true");
    }
    Ok(answer)
}

pub(crate) async fn delete_objects(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let Delete { objects, quiet } = xml::read(document)?;
    if objects.is_empty() || objects.len() > PAGE_MAX {
        return Err(Code::MalformedXML.into());
    }
    // That one may know the bucket decides what the request as a whole is answered; each key takes
    // a permit of its own.
    let (bucket, access) = call.on_bucket_to_delete().await?;
    let (bucket, access) = (&bucket, &access);
    let outcomes: Vec<_> = futures::stream::iter(objects)
        .map(|object| {
            let named = (object.key.clone(), object.version_id.clone());
            async move { (named, delete_one(call, bucket, access, object).await) }.boxed()
        })
        .buffered(DELETES_AT_ONCE)
        .collect()
        .await;
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for ((key, version_id), outcome) in outcomes {
        match outcome {
            Ok(_) if quiet == Some(true) => {}
            Ok(outcome) => deleted.push(DeletedObject {
                delete_marker: outcome.marker.then_some(true),
                delete_marker_version_id: outcome.version.filter(|_| outcome.marker).and_then(id_of),
                key: Some(key),
                version_id,
            }),
            Err(failure) => errors.push(s3s::dto::Error {
                code: Some(failure.code().name().to_owned()),
                key: Some(key),
                message: Some(failure.message().to_owned()),
                version_id,
            }),
        }
    }
    response::document(&DeleteObjectsOutput { deleted: Some(deleted), errors: Some(errors), request_charged: None })
}

async fn delete_one(
    call: &Call<'_>,
    bucket: &Bucket,
    access: &Access,
    object: ObjectIdentifier,
) -> Result<Deleted, Failure> {
    let invalid = || Failure::because(Code::InvalidArgument, "Invalid version id specified");
    let which = object.version_id.as_deref().map(|text| versioning::parse(text).ok_or_else(invalid)).transpose()?;
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
    let bypass = bypass(call, bucket, &key).await?;
    let (session, engine) = (&call.session, call.engine());
    let outcome = match which {
        None => engine.delete(policy::on_shared_key(session, bucket, access, key)?, condition).await,
        Some(which) => {
            let permit = policy::on_shared_key(session, bucket, access, key)?;
            engine.delete_version(permit, which, condition, bypass).await
        }
    };
    match outcome {
        Err(Error::Internal(cause)) => {
            tracing::error!(cause, "internal error while deleting");
            Err(Code::InternalError.into())
        }
        outcome => Ok(outcome?),
    }
}
