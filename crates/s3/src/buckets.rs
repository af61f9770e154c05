//! Buckets: list, create, head, delete, location.

use http::{HeaderMap, StatusCode};
use model::{Aspect, Bucket, BucketSetting, ObjectLock, Profile, Versioning};
use policy::{CreateBucket, DeleteBucket, HeadBucket, ListBuckets, ReadSettings};
use s3s::dto::{self, GetBucketLocationOutput, ListBucketsOutput};
use s3s::xml::{DeError, Deserializer};

use crate::door::Call;
use crate::error::{Code, Failure};
use crate::response::{self, Answer};
use crate::{acl, headers, settings, text, xml};

/// The region whose buckets have no location constraint, and where creating one's own again is no
/// error.
const FIRST_REGION: &str = "us-east-1";

/// Most buckets of one page, as S3 documents.
const BUCKETS_MAX: usize = 10_000;

pub(crate) async fn list(call: &Call<'_>) -> Result<Answer, Failure> {
    let query = &call.admitted.query;
    let most = call.number("max-buckets", BUCKETS_MAX, BUCKETS_MAX)?;
    if most == 0 {
        return Err(Failure::argument("max-buckets", "0", "max-buckets must be between 1 and 10000"));
    }
    let after = match query.filled("continuation-token") {
        None => None,
        Some(token) => Some(text::from_token(token).ok_or_else(|| bad_token(token))?),
    };
    let prefix = query.get("prefix").unwrap_or_default();
    let region = query.get("bucket-region").unwrap_or(&call.door.settings.region);
    let mut buckets = call.engine().list_buckets(call.on_account::<ListBuckets>()?).await?;
    buckets.retain(|bucket| bucket.name.as_str().starts_with(prefix) && region == call.door.settings.region);
    buckets.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    buckets.retain(|bucket| after.as_deref().is_none_or(|after| bucket.name.as_str() > after));
    let more = buckets.len() > most;
    buckets.truncate(most);
    let last = buckets.last().filter(|_| more).map(|bucket| text::token(bucket.name.as_str()));
    let entry = |bucket: Bucket| dto::Bucket {
        bucket_region: Some(call.door.settings.region.clone()),
        creation_date: Some(text::document_date(bucket.created)),
        name: Some(bucket.name.to_string()),
    };
    response::document(&ListBucketsOutput {
        buckets: Some(buckets.into_iter().map(entry).collect()),
        continuation_token: last,
        owner: Some(call.owner(call.session.principal).await?),
        prefix: query.get("prefix").map(str::to_owned),
    })
}

pub(crate) fn bad_token(token: &str) -> Failure {
    Failure::argument("continuation-token", token, "The continuation token provided is incorrect")
}

pub(crate) async fn create(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let wanted = if document.is_empty() { None } else { wanted_location(document)? };
    check_location(wanted.as_deref(), &call.door.settings.region)?;
    let name = call.admitted.bucket.clone().ok_or_else(|| Failure::internal("no bucket in the request"))?;
    let location = format!("/{name}");
    let permit = call.on_account::<CreateBucket>()?;
    let ownership = headers::get(&call.admitted.headers, "x-amz-object-ownership");
    let ownership = ownership.and_then(|name| settings::ownership(&name)).unwrap_or_default();
    let told = acl::of_new_bucket(call, ownership).await?;
    let default: Option<Profile> = None;
    let told = [told, lockable(&call.admitted.headers)].concat();
    match call.engine().create_bucket(permit, name, default, told.clone()).await {
        Ok(_) => {}
        Err(engine::Error::BucketExists(bucket)) if bucket.owner == call.session.principal => {
            check_same(call, &bucket, told).await?;
        }
        Err(error) => return Err(error.into()),
    }
    let mut answer = response::status(StatusCode::OK);
    response::set(answer.headers_mut(), "location", &location);
    Ok(answer)
}

/// Creating one's own bucket again is no error in the first region, if it would become the same.
async fn check_same(call: &Call<'_>, bucket: &Bucket, told: Vec<BucketSetting>) -> Result<(), Failure> {
    if call.door.settings.region != FIRST_REGION {
        return Err(Code::BucketAlreadyOwnedByYou.into());
    }
    let access = call.engine().access(bucket).await?;
    let has = [BucketSetting::Acl(access.acl.clone()), BucketSetting::Ownership(access.ownership)];
    let has: Vec<_> = has.into_iter().filter(|setting| *setting != setting.aspect().unset()).collect();
    let told: Vec<_> = told.into_iter().filter(|setting| !LOCKABLE.contains(&setting.aspect())).collect();
    match has == told {
        true => Ok(()),
        false => Err(Code::BucketAlreadyExists.into()),
    }
}

const LOCKABLE: [Aspect; 2] = [Aspect::Versioning, Aspect::ObjectLock];

/// What a bucket whose versions can be locked is told from its first moment: to keep them.
fn lockable(headers: &HeaderMap) -> Vec<BucketSetting> {
    match headers::get(headers, "x-amz-bucket-object-lock-enabled") {
        Some(value) if value.eq_ignore_ascii_case("true") => vec![
            BucketSetting::Versioning(Versioning::Enabled),
            BucketSetting::ObjectLock(ObjectLock::On { default: None }),
        ],
        _ => Vec::new(),
    }
}

/// The location that a CreateBucketConfiguration asks for. `s3s` passes over the elements it does
/// not know; here they are refused: a bucket without the tags it was created with is a false success.
fn wanted_location(document: &[u8]) -> Result<Option<String>, Failure> {
    let (mut location, mut more) = (None, false);
    let document = xml::prepared(document)?;
    let mut reader = Deserializer::new(&document);
    let read = reader.named_element("CreateBucketConfiguration", |reader| {
        reader.for_each_element(|reader, name| {
            if name != b"LocationConstraint" {
                more = true;
                return Err(DeError::UnexpectedTagName);
            }
            match location.replace(reader.content::<String>()?) {
                None => Ok(()),
                Some(_) => Err(DeError::DuplicateField),
            }
        })
    });
    if more {
        return Err(Failure::not_implemented("A CreateBucketConfiguration with more than a LocationConstraint"));
    }
    read.and_then(|()| reader.expect_eof()).map_err(|_| Code::MalformedXML)?;
    Ok(location.filter(|location| !location.is_empty()))
}

fn check_location(wanted: Option<&str>, region: &str) -> Result<(), Failure> {
    match wanted {
        None if region == FIRST_REGION => Ok(()),
        Some(location) if location == region => Ok(()),
        None => Err(incompatible("unspecified")),
        Some(location) if region == FIRST_REGION => {
            Err(Failure::new(Code::InvalidLocationConstraint).with("LocationConstraint", location.to_owned()))
        }
        Some(location) => Err(incompatible(location)),
    }
}

fn incompatible(location: &str) -> Failure {
    Failure::because(
        Code::IllegalLocationConstraintException,
        format!(
            "The {location} location constraint is incompatible for the region specific endpoint this request was \
             sent to."
        ),
    )
}

pub(crate) async fn head(call: &Call<'_>) -> Result<Answer, Failure> {
    // The permit is the answer: it exists, and one may know.
    let (_, _permit) = call.on_bucket::<HeadBucket>().await?;
    let mut answer = response::status(StatusCode::OK);
    response::set(answer.headers_mut(), "x-amz-bucket-region", &call.door.settings.region);
    response::set(answer.headers_mut(), "content-type", "application/xml");
    Ok(answer)
}

pub(crate) async fn delete(call: &Call<'_>) -> Result<Answer, Failure> {
    let (_, permit) = call.on_bucket::<DeleteBucket>().await?;
    call.engine().delete_bucket(permit).await?;
    Ok(response::status(StatusCode::NO_CONTENT))
}

pub(crate) async fn location(call: &Call<'_>) -> Result<Answer, Failure> {
    let (_, _permit) = call.on_bucket::<ReadSettings>().await?;
    let region = call.door.settings.region.clone();
    let constraint = (region != FIRST_REGION).then(|| region.into());
    response::document(&GetBucketLocationOutput { location_constraint: constraint })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &str, region: &str) -> Result<(), Code> {
        let wanted = wanted_location(document.as_bytes());
        wanted.and_then(|wanted| check_location(wanted.as_deref(), region)).map_err(|failure| failure.code())
    }

    fn with(inner: &str) -> String {
        format!("<CreateBucketConfiguration>{inner}</CreateBucketConfiguration>")
    }

    #[test]
    fn a_bucket_is_made_in_our_region_or_not_at_all() {
        let constraint = |region: &str| with(&format!("<LocationConstraint>{region}</LocationConstraint>"));
        assert_eq!(check(&with(""), "us-east-1"), Ok(()));
        assert_eq!(check(&constraint("eu-west-3"), "eu-west-3"), Ok(()));
        assert_eq!(check(&constraint("eu-west-3"), "us-east-1"), Err(Code::InvalidLocationConstraint));
        assert_eq!(check(&constraint("eu-west-1"), "eu-west-3"), Err(Code::IllegalLocationConstraintException));
        assert_eq!(check(&with(""), "eu-west-3"), Err(Code::IllegalLocationConstraintException));
    }

    #[test]
    fn what_else_a_bucket_should_have_is_not_dropped() {
        assert_eq!(check(&with("<Tags><Tag><Key>a</Key></Tag></Tags>"), "us-east-1"), Err(Code::NotImplemented));
        assert_eq!(check("<Other/>", "us-east-1"), Err(Code::MalformedXML));
        let hidden = with("<LocationConstraint><![CDATA[eu-west-3]]></LocationConstraint>");
        assert_eq!(check(&hidden, "us-east-1"), Err(Code::MalformedXML));
        assert_eq!(check("<CreateBucketConfiguration>", "us-east-1"), Err(Code::MalformedXML));
    }
}
