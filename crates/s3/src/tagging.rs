//! Tags of objects and buckets: as documents, and as the header of a new object.

use http::{HeaderMap, StatusCode};
use model::{Aspect, BucketSetting, Tags, Which};
use policy::{ReadSettings, ReadVersion, WriteSettings, WriteTags};
use s3s::dto::{Tag, Tagging};

use crate::door::Call;
use crate::error::{Code, Failure};
use crate::headers;
use crate::response::{self, Answer};
use crate::versioning::{wanted, write_version};
use crate::{text, xml};

/// Most tags of one object, and of one bucket.
const OF_OBJECT_MAX: usize = 10;
const OF_BUCKET_MAX: usize = 50;

/// Most characters of a tag's key and of its value.
const KEY_MAX: usize = 128;
const VALUE_MAX: usize = 256;

/// The tags a new object comes with: `x-amz-tagging`, in the form of a query.
pub(crate) fn of_new(headers: &HeaderMap) -> Result<Tags, Failure> {
    let Some(value) = headers::get(headers, "x-amz-tagging") else { return Ok(Tags::default()) };
    let mut tags = Vec::new();
    for pair in value.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text: &str| text::percent_decode(text, true);
        let (Some(key), Some(value)) = (decode(key), decode(value)) else {
            let message = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters \
                           without tag name duplicates.";
            return Err(Failure::argument("x-amz-tagging", value, message));
        };
        tags.push((key, value));
    }
    check(tags, OF_OBJECT_MAX)
}

/// `x-amz-tagging-count`, where there are any.
pub(crate) fn write_count(tags: &Tags, headers: &mut HeaderMap) {
    if !tags.0.is_empty() {
        response::set(headers, "x-amz-tagging-count", &tags.0.len().to_string());
    }
}

pub(crate) async fn get_object(call: &Call<'_>) -> Result<Answer, Failure> {
    let which = wanted(call)?;
    let (_, permit) = call.on_object::<ReadVersion>().await?;
    let version = call.engine().describe(permit, which).await?;
    let mut answer = response::document(&document(&version.tags))?;
    write_version(Which::of(version.slot, version.id), which, answer.headers_mut());
    Ok(answer)
}

pub(crate) async fn put_object(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let tags = read(document, OF_OBJECT_MAX)?;
    set_object(call, tags, StatusCode::OK).await
}

pub(crate) async fn delete_object(call: &Call<'_>) -> Result<Answer, Failure> {
    set_object(call, Tags::default(), StatusCode::NO_CONTENT).await
}

async fn set_object(call: &Call<'_>, tags: Tags, status: StatusCode) -> Result<Answer, Failure> {
    let which = wanted(call)?;
    let (_, permit) = call.on_object::<WriteTags>().await?;
    let found = call.engine().set_tags(permit, which, tags).await?;
    let mut answer = response::status(status);
    write_version(found, which, answer.headers_mut());
    Ok(answer)
}

pub(crate) async fn get_bucket(call: &Call<'_>) -> Result<Answer, Failure> {
    let (_, permit) = call.on_bucket::<ReadSettings>().await?;
    match call.engine().bucket_setting(permit, Aspect::Tags).await? {
        BucketSetting::Tags(tags) if !tags.0.is_empty() => response::document(&document(&tags)),
        _ => Err(Code::NoSuchTagSet.into()),
    }
}

pub(crate) async fn put_bucket(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let tags = read(document, OF_BUCKET_MAX)?;
    set_bucket(call, tags).await
}

pub(crate) async fn delete_bucket(call: &Call<'_>) -> Result<Answer, Failure> {
    set_bucket(call, Tags::default()).await
}

async fn set_bucket(call: &Call<'_>, tags: Tags) -> Result<Answer, Failure> {
    let (_, permit) = call.on_bucket::<WriteSettings>().await?;
    call.engine().set_bucket_setting(permit, BucketSetting::Tags(tags)).await?;
    Ok(response::status(StatusCode::NO_CONTENT))
}

pub(crate) fn document(tags: &Tags) -> Tagging {
    let tag = |(key, value): (&String, &String)| Tag { key: Some(key.clone()), value: Some(value.clone()) };
    Tagging { tag_set: tags.0.iter().map(tag).collect() }
}

fn read(document: &[u8], most: usize) -> Result<Tags, Failure> {
    let Tagging { tag_set } = xml::read(document)?;
    of_documents(tag_set, most)
}

/// Tags as documents hold them.
pub(crate) fn of_documents(tag_set: Vec<Tag>, most: usize) -> Result<Tags, Failure> {
    let pair = |tag: Tag| Some((tag.key?, tag.value?));
    let tags = tag_set.into_iter().map(pair).collect::<Option<Vec<_>>>().ok_or(Code::MalformedXML)?;
    check(tags, most)
}

fn check(tags: Vec<(String, String)>, most: usize) -> Result<Tags, Failure> {
    let invalid = |message: String| Err(Failure::because(Code::InvalidTag, message));
    if tags.len() > most {
        return invalid(format!("Tags cannot be more than {most}"));
    }
    let mut kept = Tags::default();
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > KEY_MAX || !is_plain(&key) {
            return invalid("The TagKey you have provided is invalid".to_owned());
        }
        if value.chars().count() > VALUE_MAX || !is_plain(&value) {
            return invalid("The TagValue you have provided is invalid".to_owned());
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return invalid("System tags cannot be added/updated by requester".to_owned());
        }
        if kept.0.insert(key, value).is_some() {
            return invalid("Cannot provide multiple Tags with the same key".to_owned());
        }
    }
    Ok(kept)
}

/// What S3 lets tags be made of.
fn is_plain(text: &str) -> bool {
    text.chars().all(|letter| letter.is_alphanumeric() || letter.is_whitespace() || "+-=._:/@".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_header(value: &str) -> Result<Vec<(String, String)>, Code> {
        let mut headers = HeaderMap::new();
        response::set(&mut headers, "x-amz-tagging", value);
        of_new(&headers).map(|tags| tags.0.into_iter().collect()).map_err(|failure| failure.code())
    }

    #[test]
    fn a_header_holds_tags_as_a_query_does() {
        let pairs = |pairs: &[(&str, &str)]| Ok(pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect());
        assert_eq!(of_header("b=2&a=x%20y+z&c"), pairs(&[("a", "x y z"), ("b", "2"), ("c", "")]));
        assert_eq!(of_header(""), pairs(&[]));
        let many: Vec<_> = (0..11).map(|n| format!("k{n}=v")).collect();
        for (bad, code) in [
            ("a=1&a=2", Code::InvalidTag),
            ("=1", Code::InvalidTag),
            ("aws:a=1", Code::InvalidTag),
            ("a=%3c", Code::InvalidTag),
            ("a=%zz", Code::InvalidArgument),
            (&many.join("&"), Code::InvalidTag),
            (&format!("{}=1", "k".repeat(129)), Code::InvalidTag),
            (&format!("a={}", "v".repeat(257)), Code::InvalidTag),
        ] {
            assert_eq!(of_header(bad), Err(code), "{bad}");
        }
        assert!(of_header(&format!("{}={}", "k".repeat(128), "v".repeat(256))).is_ok());
    }
}
