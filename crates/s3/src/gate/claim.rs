//! Who claims to have signed what: the credentials of a head, and the canonical request of
//! Signature Version 4. One mechanism, one place; everything an `x-amz-*` header says is signed.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use model::{AccessKeyId, Timestamp};

use super::target::Query;
use crate::auth::{Claim, FormClaim, SERVICE, TERMINATOR};
use crate::digest::sha256_of;
use crate::error::{Code, Failure};
use crate::headers;
use crate::limits::{PRESIGNED_S_MAX, SKEW_MS_MAX};
use crate::text;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The parameters of a presigned URL.
const PRESIGNED: [&str; 6] =
    ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"];

/// Where the credentials were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Header,
    Query,
}

/// The credentials of a head, as text.
#[derive(Debug)]
pub(crate) struct Claimant {
    place: Place,
    credential: String,
    signed_headers: Vec<String>,
    signature: String,
}

/// Finds the one set of credentials, if there is any; the query without them is what the operation sees.
pub(crate) fn claimant(head: &Parts, query: &Query) -> Result<(Option<Claimant>, Query), Failure> {
    let authorization = headers::get(&head.headers, "authorization");
    let presigned = query.names().any(|name| PRESIGNED.iter().any(|known| known.eq_ignore_ascii_case(name)));
    let version_2 = query.has("AWSAccessKeyId") || query.has("Signature");
    if usize::from(authorization.is_some()) + usize::from(presigned) + usize::from(version_2) > 1 {
        return Err(Failure::because(
            Code::InvalidArgument,
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
             parameter or the Authorization header should be specified",
        ));
    }
    if version_2 {
        return Err(unsupported_mechanism());
    }
    match authorization {
        Some(authorization) => Ok((Some(from_header(&authorization)?), query.clone())),
        None if presigned => from_query(query).map(|(claimant, rest)| (Some(claimant), rest)),
        None => Ok((None, query.clone())),
    }
}

fn unsupported_mechanism() -> Failure {
    Failure::because(
        Code::InvalidRequest,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    )
}

fn from_header(authorization: &str) -> Result<Claimant, Failure> {
    let malformed = |what: &str| {
        let message = format!("The authorization header is malformed; {what}");
        Failure::because(Code::AuthorizationHeaderMalformed, message)
    };
    let (algorithm, fields) = authorization.split_once(' ').unwrap_or((authorization, ""));
    if algorithm != ALGORITHM {
        return Err(unsupported_mechanism());
    }
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for field in fields.split(',') {
        let (name, value) = field.trim().split_once('=').ok_or_else(|| malformed("a field has no value."))?;
        let slot = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => return Err(malformed("it has an unknown field.")),
        };
        if slot.replace(value.to_owned()).is_some() {
            return Err(malformed("a field comes twice."));
        }
    }
    let missing = || malformed("Credential, SignedHeaders and Signature are required.");
    Ok(Claimant {
        place: Place::Header,
        credential: credential.ok_or_else(missing)?,
        signed_headers: split_names(&signed_headers.ok_or_else(missing)?),
        signature: signature.ok_or_else(missing)?,
    })
}

fn from_query(query: &Query) -> Result<(Claimant, Query), Failure> {
    let get = |name: &str| {
        query.get(name).map(str::to_owned).ok_or_else(|| {
            query_error(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
                 X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            )
        })
    };
    if get("X-Amz-Algorithm")? != ALGORITHM {
        return Err(query_error("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
    }
    // Asked for here so that a missing one is named before anything is made of the others.
    for name in ["X-Amz-Date", "X-Amz-Expires"] {
        get(name)?;
    }
    let claimant = Claimant {
        place: Place::Query,
        credential: get("X-Amz-Credential")?,
        signed_headers: split_names(&get("X-Amz-SignedHeaders")?),
        signature: get("X-Amz-Signature")?,
    };
    let rest = query.0.iter().filter(|(name, _)| !PRESIGNED.contains(&name.as_str())).cloned().collect();
    Ok((claimant, Query(rest)))
}

fn query_error(message: &str) -> Failure {
    Failure::because(Code::AuthorizationQueryParametersError, message)
}

fn split_names(names: &str) -> Vec<String> {
    let mut names: Vec<_> = names.split(';').map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// A presigned URL may carry headers in its query, where they are signed: they become headers.
pub(crate) fn hoist(claimant: &Claimant, query: Query, headers: &HeaderMap) -> Result<(Query, HeaderMap), Failure> {
    let mut headers = headers.clone();
    if claimant.place == Place::Header {
        return Ok((query, headers));
    }
    let (hoisted, rest): (Vec<_>, Vec<_>) =
        query.0.into_iter().partition(|(name, _)| name.to_ascii_lowercase().starts_with("x-amz-"));
    for (name, value) in hoisted {
        let invalid = || Failure::argument(&name, &value, "A query parameter that stands for a header is invalid.");
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        let content = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?;
        if headers.insert(header, content).is_some() {
            return Err(invalid());
        }
    }
    Ok((Query(rest), headers))
}

/// Every `x-amz-*` header that came as a header must be signed, and so must the host.
pub(crate) fn all_signed(claimant: &Claimant, headers: &HeaderMap) -> Result<(), Failure> {
    let signed = |name: &str| claimant.signed_headers.iter().any(|signed| signed == name);
    // With credentials in a header its value is the last line of the canonical request.
    let in_the_text = |name: &str| claimant.place == Place::Header && name == "x-amz-content-sha256";
    let unsigned: Vec<_> = headers
        .keys()
        .map(HeaderName::as_str)
        .filter(|name| name.starts_with("x-amz-") || *name == "host")
        .filter(|name| !signed(name) && !in_the_text(name))
        .collect();
    if unsigned.is_empty() && signed("host") {
        return Ok(());
    }
    let message = "There were headers present in the request which were not signed";
    Err(Failure::because(Code::AccessDenied, message).with("HeadersNotSigned", unsigned.join(", ")))
}

/// Checks scope and date, and writes down what must have been signed. `query` is the whole query.
pub(crate) fn prepare(
    head: &Parts,
    query: &Query,
    headers: &HeaderMap,
    claimant: &Claimant,
    region: &str,
    now: Timestamp,
) -> Result<Claim, Failure> {
    let date = match claimant.place {
        Place::Header => headers::get(&head.headers, "x-amz-date"),
        Place::Query => query.get("X-Amz-Date").map(str::to_owned),
    };
    let date = date.ok_or_else(|| {
        Failure::because(Code::AccessDenied, "AWS authentication requires a valid Date or x-amz-date header")
    })?;
    check_date(claimant, query, &date, now)?;
    let access_key = check_scope(claimant, &date, region)?;
    let payload = headers::get(headers, "x-amz-content-sha256");
    let payload = match (payload, claimant.place) {
        (Some(payload), _) => payload,
        (None, Place::Query) => UNSIGNED_PAYLOAD.to_owned(),
        (None, Place::Header) => {
            let message = "Missing required header for this request: x-amz-content-sha256";
            return Err(Failure::because(Code::InvalidRequest, message));
        }
    };
    let signature = hex::decode(&claimant.signature).ok().and_then(|bytes| bytes.try_into().ok());
    let signature = signature.ok_or(Code::SignatureDoesNotMatch)?;
    let mut claim = Claim { access_key, date, region: region.to_owned(), signature, strings_to_sign: Vec::new() };
    let tail = canonical_tail(&head.headers, query, claimant, &payload)?;
    for path in canonical_paths(head.uri.path())? {
        let canonical = format!("{}\n{path}\n{tail}", head.method);
        let digest = hex::encode(sha256_of(canonical.as_bytes()));
        claim.strings_to_sign.push(format!("{ALGORITHM}\n{}\n{}\n{digest}", claim.date, claim.scope()));
    }
    Ok(claim)
}

fn check_date(claimant: &Claimant, query: &Query, date: &str, now: Timestamp) -> Result<(), Failure> {
    let malformed = || match claimant.place {
        Place::Header => {
            Failure::because(Code::AccessDenied, "AWS authentication requires a valid Date or x-amz-date header")
        }
        Place::Query => query_error("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""),
    };
    let age_ms = now.0.saturating_sub(text::from_amz_date(date).ok_or_else(malformed)?.0);
    if claimant.place == Place::Header {
        return match age_ms.abs() <= SKEW_MS_MAX {
            true => Ok(()),
            false => Err(Failure::new(Code::RequestTimeTooSkewed)
                .with("RequestTime", date.to_owned())
                .with("ServerTime", text::http_date(now))
                .with("MaxAllowedSkewMilliseconds", SKEW_MS_MAX.to_string())),
        };
    }
    let expires = query.get("X-Amz-Expires").unwrap_or_default();
    let expires_s: i64 = expires.parse().map_err(|_| query_error("X-Amz-Expires should be a number"))?;
    if expires_s < 1 {
        return Err(query_error("X-Amz-Expires must be positive"));
    }
    if expires_s > PRESIGNED_S_MAX {
        return Err(query_error(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
        ));
    }
    if age_ms < -SKEW_MS_MAX {
        return Err(Failure::because(Code::AccessDenied, "Request is not yet valid"));
    }
    if age_ms > expires_s.saturating_mul(1000) {
        return Err(
            Failure::because(Code::AccessDenied, "Request has expired").with("X-Amz-Expires", expires.to_owned())
        );
    }
    Ok(())
}

/// The access key of a credential whose scope is this day, this region and this service.
fn check_scope(claimant: &Claimant, date: &str, region: &str) -> Result<AccessKeyId, Failure> {
    let wrong = |what: String| match claimant.place {
        Place::Header => Failure::because(
            Code::AuthorizationHeaderMalformed,
            format!("The authorization header is malformed; {what}"),
        ),
        Place::Query => query_error(&format!("Error parsing the X-Amz-Credential parameter; {what}")),
    };
    let mut fields = claimant.credential.rsplitn(5, '/');
    let mut next = || fields.next().unwrap_or_default();
    let (terminator, service, found, day, access_key) = (next(), next(), next(), next(), next());
    if access_key.is_empty() || terminator != TERMINATOR {
        return Err(wrong(format!(
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/{TERMINATOR}\"."
        )));
    }
    if found != region {
        let what = format!("the region '{found}' is wrong; expecting '{region}'");
        return Err(wrong(what).with("Region", region.to_owned()));
    }
    if service != SERVICE {
        return Err(wrong(format!("incorrect service \"{service}\". This endpoint belongs to \"{SERVICE}\".")));
    }
    if date.get(..8) != Some(day) {
        return Err(wrong(format!("Invalid credential date \"{day}\". This date is not the same as X-Amz-Date.")));
    }
    Ok(AccessKeyId(access_key.to_owned()))
}

/// Who the fields of a form say signed its policy by Signature Version 4.
pub(crate) fn of_form(
    algorithm: &str,
    credential: &str,
    date: &str,
    signature: &str,
    region: &str,
) -> Result<(AccessKeyId, FormClaim), Failure> {
    if algorithm != ALGORITHM {
        return Err(query_error("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
    }
    text::from_amz_date(date)
        .ok_or_else(|| query_error("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""))?;
    let claimant = Claimant {
        place: Place::Query,
        credential: credential.to_owned(),
        signed_headers: Vec::new(),
        signature: signature.to_owned(),
    };
    let access_key = check_scope(&claimant, date, region)?;
    let signature = hex::decode(signature).map_err(|_| Code::SignatureDoesNotMatch)?;
    let day = date.get(..8).unwrap_or_default().to_owned();
    Ok((access_key, FormClaim::Version4 { day, region: region.to_owned(), signature }))
}

/// The same by Signature Version 2.
pub(crate) fn of_form_by_version_2(access_key: &str, signature: &str) -> Result<(AccessKeyId, FormClaim), Failure> {
    let signature = text::from_base64(signature).ok_or(Code::SignatureDoesNotMatch)?;
    Ok((AccessKeyId(access_key.to_owned()), FormClaim::Version2 { signature }))
}

/// The path in its canonical form, and as it came if that differs: some clients sign it so.
fn canonical_paths(path: &str) -> Result<Vec<String>, Failure> {
    let decoded = text::percent_decode(path, false).ok_or(Code::InvalidURI)?;
    let canonical = text::percent_encode(&decoded, "/");
    Ok(match canonical == path {
        true => vec![canonical],
        false => vec![canonical, path.to_owned()],
    })
}

/// The canonical request from the query on.
fn canonical_tail(headers: &HeaderMap, query: &Query, claimant: &Claimant, payload: &str) -> Result<String, Failure> {
    let mut pairs: Vec<_> = query
        .0
        .iter()
        .filter(|(name, _)| claimant.place == Place::Header || name != "X-Amz-Signature")
        .map(|(name, value)| (text::percent_encode(name, ""), text::percent_encode(value, "")))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut lines = String::new();
    for name in &claimant.signed_headers {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| headers::squeeze(&headers::text(value))).collect();
        // A header that was signed and did not come, or is signed twice, is no match.
        if values.is_empty() || lines.contains(&format!("\n{name}:")) {
            return Err(Code::SignatureDoesNotMatch.into());
        }
        lines.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    Ok(format!("{}\n{lines}\n{}\n{payload}", pairs.join("&"), claimant.signed_headers.join(";")))
}
