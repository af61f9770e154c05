//! PostObject: an upload by an HTML form. Its fields come before the file in one
//! `multipart/form-data` body; they say what a PutObject says in headers, and the policy among them
//! is what was signed.

mod policy;
mod reader;

use std::net::IpAddr;
use std::ops::RangeInclusive;

use engine::{Declared, Put, Written};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use model::{BucketName, ObjectKey, Session};

use self::policy::Policy;
use self::reader::Reader;

use crate::body::Paced;
use crate::door::{Asker, Call, Inner};
use crate::error::{Code, Failure};
use crate::gate::{self, Admitted, FormHead};
use crate::put;
use crate::response::{self, Answer};
use crate::{digest, text, xml};

/// The fields of a form: names in lower case, each once, in the order they came.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Puts the file's own name where the key asks for it; the policy is about the key that comes of it.
    fn name_file(&mut self, name: &str) {
        if let Some((_, key)) = self.0.iter_mut().find(|(field, _)| field == "key") {
            *key = key.replace("${filename}", name);
        }
    }

    fn required(&self, name: &'static str) -> Result<&str, Failure> {
        self.get(&name.to_ascii_lowercase())
            .ok_or_else(|| Failure::argument(name, "", format!("Bucket POST must contain a field named '{name}'.")))
    }
}

/// Serves a form. What was read of the body when it fails is lost: the connection is told to close.
pub(crate) async fn post_object(
    door: &Inner,
    head: FormHead,
    (asker, from): (&Asker, Option<IpAddr>),
    paced: Paced,
) -> Result<Answer, Failure> {
    let (mut fields, file) = Reader::new(paced, &head.boundary).fields().await?;
    fields.name_file(&file.name);
    let (call, limits) = match understand(door, head.bucket, from, &fields).await {
        Ok(understood) => understood,
        Err(failure) => {
            file.refuse().await;
            return Err(failure);
        }
    };
    asker.is(&call.session);
    let headers = &call.admitted.headers;
    let checksums = digest::of_body(headers)?.into_iter().collect();
    let declared = Declared { md5: digest::content_md5(headers)?, checksums, ..Declared::default() };
    let put = Put { declared, ..put::wanted(&call)? };
    let (body, verdict) = file.content(limits);
    let written = put::store(&call, put, body).await;
    // A file that is too long or too short breaks the body off; the reason is here.
    if let Some(code) = verdict.get() {
        return Err((*code).into());
    }
    answer(&call, &fields, &written?)
}

/// What the form asks for, and how long its file may be.
async fn understand<'a>(
    door: &'a Inner,
    bucket: BucketName,
    from: Option<IpAddr>,
    fields: &Fields,
) -> Result<(Call<'a>, RangeInclusive<u64>), Failure> {
    let (session, limits) = authenticate(door, from, fields, &bucket).await?;
    let key = key(fields)?;
    let admitted = Admitted::of_form(bucket, key, as_headers(fields)?)?;
    Ok((Call { door, session, admitted }, limits))
}

/// Proves who signed the form's policy, and that the form is what the policy allows. Without a
/// signature it is nobody's.
async fn authenticate(
    door: &Inner,
    from: Option<IpAddr>,
    fields: &Fields,
    bucket: &BucketName,
) -> Result<(Session, RangeInclusive<u64>), Failure> {
    let (version_4, version_2) = (fields.get("x-amz-signature"), fields.get("signature"));
    let anyone = ["policy", "x-amz-credential", "awsaccesskeyid"].iter().all(|name| fields.get(name).is_none());
    let now = door.outside.clock.now();
    let (access_key, claim) = match (version_4, version_2) {
        (None, None) if anyone => {
            return Ok((door.engine.anonymous(), 0..=crate::limits::BODY_BYTES_MAX));
        }
        (Some(_), Some(_)) => {
            return Err(Failure::because(Code::InvalidArgument, "Only one auth mechanism allowed"));
        }
        (Some(signature), None) => gate::claim_of_form(
            fields.required("x-amz-algorithm")?,
            fields.required("x-amz-credential")?,
            fields.required("x-amz-date")?,
            signature,
            &door.settings.region,
        )?,
        (None, signature) => gate::claim_of_form_by_version_2(
            fields.required("AWSAccessKeyId")?,
            signature.map_or_else(|| fields.required("signature"), Ok)?,
        )?,
    };
    let encoded = fields.required("policy")?;
    let credential = door.engine.credential(&access_key).await?.ok_or(Code::InvalidAccessKeyId)?;
    claim.verify(&credential.secret, encoded)?;
    ::policy::may_use(&credential.standing, &credential.session.label, now, from)?;
    let policy = Policy::parse(encoded)?;
    let limits = policy.check(fields, bucket.as_str(), now)?;
    Ok((credential.session, limits))
}

fn key(fields: &Fields) -> Result<ObjectKey, Failure> {
    let wanted = fields.required("key")?;
    if wanted.is_empty() {
        return Err(Failure::argument("key", "", "User key must have a length greater than 0."));
    }
    ObjectKey::parse(wanted).map_err(|_| Code::KeyTooLongError.into())
}

/// What each field would be called as a header of a PutObject; the rest says how to read the form.
fn as_headers(fields: &Fields) -> Result<HeaderMap, Failure> {
    const AS_THEY_ARE: [&str; 6] =
        ["cache-control", "content-type", "content-disposition", "content-encoding", "content-language", "expires"];
    const OF_THE_FORM: [&str; 5] =
        ["x-amz-signature", "x-amz-credential", "x-amz-algorithm", "x-amz-date", "x-amz-content-sha256"];
    let mut headers = HeaderMap::new();
    for (name, value) in &fields.0 {
        let tags;
        let (name, value) = match name.as_str() {
            "acl" => ("x-amz-acl", value),
            "tagging" => {
                tags = tagging(value)?;
                ("x-amz-tagging", &tags)
            }
            name if OF_THE_FORM.contains(&name) => continue,
            name if AS_THEY_ARE.contains(&name) || name.starts_with("x-amz-") => (name, value),
            _ => continue,
        };
        let invalid = || Failure::argument(name, value, "A field of the form is not a valid header.");
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        let content = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?;
        if headers.insert(header, content).is_some() {
            return Err(invalid());
        }
    }
    Ok(headers)
}

/// Tags come as a document here, and in a header as a query.
fn tagging(document: &str) -> Result<String, Failure> {
    let tagging: s3s::dto::Tagging = xml::read(document.as_bytes())?;
    let pairs = tagging.tag_set.into_iter().map(|tag| {
        let (key, value) = (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
        format!("{}={}", text::percent_encode(&key, ""), text::percent_encode(&value, ""))
    });
    Ok(pairs.collect::<Vec<_>>().join("&"))
}

/// The answer the form asks for.
fn answer(call: &Call<'_>, fields: &Fields, written: &Written) -> Result<Answer, Failure> {
    let bucket = call.admitted.bucket.as_ref().map(ToString::to_string).unwrap_or_default();
    let key = call.admitted.key.as_ref().map(ToString::to_string).unwrap_or_default();
    let etag = format!("\"{}\"", written.etag);
    let redirect = fields.get("success_action_redirect").or_else(|| fields.get("redirect"));
    if let Some(location) = redirect.filter(|url| is_url(url)) {
        let mut answer = response::status(StatusCode::SEE_OTHER);
        let joint = if location.contains('?') { '&' } else { '?' };
        let [bucket, key, etag] = [&bucket, &key, &etag].map(|text| text::percent_encode(text, ""));
        let location = format!("{location}{joint}bucket={bucket}&key={key}&etag={etag}");
        response::set(answer.headers_mut(), "location", &location);
        return Ok(answer);
    }
    let location = format!("/{bucket}/{}", text::percent_encode(&key, "/"));
    let mut answer = match fields.get("success_action_status") {
        Some("201") => {
            let mut answer = response::elements(
                "PostResponse",
                &[("Location", &location), ("Bucket", &bucket), ("Key", &key), ("ETag", &etag)],
            )?;
            *answer.status_mut() = StatusCode::CREATED;
            answer
        }
        Some("200") => response::status(StatusCode::OK),
        _ => response::status(StatusCode::NO_CONTENT),
    };
    response::set(answer.headers_mut(), "location", &location);
    put::write_written(written, answer.headers_mut());
    Ok(answer)
}

/// A redirect goes to where a browser can go, and nowhere a script could hide.
fn is_url(text: &str) -> bool {
    (text.starts_with("http://") || text.starts_with("https://")) && text.parse::<http::Uri>().is_ok()
}
