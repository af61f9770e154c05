//! AWS Signature Version 4: presigned URLs for the S3 door, and signed requests to the admin API.
//!
//! The rules are in the Amazon S3 API reference, "Authenticating Requests". Of a presigned URL only `host`
//! is signed, and the payload is not: whoever holds the URL brings the body. A request to the admin API
//! signs its body too, for the service `entente`, so that no secret travels and
//! `curl --aws-sigv4 aws:amz:REGION:entente --user ID:SECRET` is a client of it.

use std::fmt::Write;

use http::HeaderMap;
use ring::{digest, hmac};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::credentials::Credentials;

/// The longest a presigned URL may hold: seven days, by the specification.
pub const EXPIRES_MAX_SECONDS: u32 = 7 * 24 * 60 * 60;

/// What is allowed, to what, for how long.
#[derive(Clone, Copy, Debug)]
pub struct Presign<'a> {
    pub method: &'a str,
    /// Such as `http://127.0.0.1:9000`, without a path.
    pub endpoint: &'a str,
    pub region: &'a str,
    /// Not encoded, beginning with `/`.
    pub path: &'a str,
    pub expires_seconds: u32,
    pub at: OffsetDateTime,
}

/// The URL that allows it.
pub fn presign(what: &Presign<'_>, key: &Credentials) -> String {
    let host = what.endpoint.split_once("://").map_or(what.endpoint, |(_, host)| host).trim_end_matches('/');
    let (day, moment) = stamps(what.at);
    let scope = format!("{day}/{}/s3/aws4_request", what.region);
    let path = encode(what.path, Slash::Kept);
    // In byte order of their names, as the canonical request wants them.
    let query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={moment}&X-Amz-Expires={}&X-Amz-SignedHeaders=host",
        encode(&format!("{}/{scope}", key.access_key), Slash::Encoded),
        what.expires_seconds,
    );
    let canonical = format!("{}\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD", what.method);
    let digest = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}");
    let signature = hex::encode(hmac::sign(&signing_key(&key.secret_key, &day, what.region, "s3"), to_sign.as_bytes()));
    let base = what.endpoint.trim_end_matches('/');
    format!("{base}{path}?{query}&X-Amz-Signature={signature}")
}

/// The service that requests to the admin API are signed for.
const SERVICE: &str = "entente";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far the clocks of both ends may be apart.
const SKEW_SECONDS: i64 = 15 * 60;

/// A request to the admin API, as it is signed.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub method: &'a str,
    /// As they are sent: the path, and what stands behind `?`.
    pub path: &'a str,
    pub query: &'a str,
    pub body: &'a [u8],
}

/// The `Authorization` header for these headers, which must have `host` and `x-amz-date`.
pub fn sign(asked: &Asked<'_>, headers: &HeaderMap, region: &str, key: &Credentials) -> Option<String> {
    let moment = headers.get("x-amz-date")?.to_str().ok()?;
    let names = "host;x-amz-date";
    let signature = signature(asked, headers, names, moment, region, &key.secret_key)?;
    let scope = format!("{}/{region}/{SERVICE}/aws4_request", moment.get(..8)?);
    let (id, signature) = (&key.access_key, hex::encode(signature));
    Some(format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"))
}

/// The moment as `x-amz-date` has it.
pub fn moment(at: OffsetDateTime) -> String {
    stamps(at).1
}

/// What an `Authorization` header claims.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    pub access_key: String,
    names: String,
    signature: Vec<u8>,
    scope: String,
}

impl Claim {
    /// `None` if it is none of this kind, or signs too little.
    pub fn parse(authorization: &str) -> Option<Claim> {
        let fields = authorization.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
        let (mut credential, mut names, mut signature) = (None, None, None);
        for field in fields.split(',').map(str::trim) {
            let (name, value) = field.split_once('=')?;
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut names,
                "Signature" => &mut signature,
                _ => return None,
            };
            if slot.replace(value.to_owned()).is_some() {
                return None;
            }
        }
        let (access_key, scope) = credential.as_deref()?.split_once('/')?;
        let names = names?;
        let signs = |wanted| names.split(';').any(|name| name == wanted);
        (signs("host") && signs("x-amz-date")).then_some(())?;
        let (access_key, scope) = (access_key.to_owned(), scope.to_owned());
        Some(Claim { access_key, scope, signature: hex::decode(signature?).ok()?, names })
    }

    /// Whether the request was signed with this secret, for this region, just now.
    pub fn holds(
        &self,
        asked: &Asked<'_>,
        headers: &HeaderMap,
        region: &str,
        secret: &str,
        now: OffsetDateTime,
    ) -> bool {
        self.check(asked, headers, region, secret, now).is_some()
    }

    fn check(
        &self,
        asked: &Asked<'_>,
        headers: &HeaderMap,
        region: &str,
        secret: &str,
        now: OffsetDateTime,
    ) -> Option<()> {
        let moment = headers.get("x-amz-date")?.to_str().ok()?;
        let format = format_description!("[year][month][day]T[hour][minute][second]Z");
        let at = PrimitiveDateTime::parse(moment, &format).ok()?.assume_utc();
        ((now - at).whole_seconds().abs() <= SKEW_SECONDS).then_some(())?;
        (self.scope == format!("{}/{region}/{SERVICE}/aws4_request", moment.get(..8)?)).then_some(())?;
        let to_sign = to_sign(asked, headers, &self.names, moment, region)?;
        let key = signing_key(secret, moment.get(..8)?, region, SERVICE);
        hmac::verify(&key, to_sign.as_bytes(), &self.signature).ok()
    }
}

fn signature(
    asked: &Asked<'_>,
    headers: &HeaderMap,
    names: &str,
    moment: &str,
    region: &str,
    secret: &str,
) -> Option<hmac::Tag> {
    let to_sign = to_sign(asked, headers, names, moment, region)?;
    Some(hmac::sign(&signing_key(secret, moment.get(..8)?, region, SERVICE), to_sign.as_bytes()))
}

/// `None` where a header that is signed is missing, stands twice or is not text.
fn to_sign(asked: &Asked<'_>, headers: &HeaderMap, names: &str, moment: &str, region: &str) -> Option<String> {
    let mut lines = String::new();
    for name in names.split(';') {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(())?;
        let _ = writeln!(lines, "{name}:{}", value.trim());
    }
    let mut query: Vec<&str> = asked.query.split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    let body = hex::encode(digest::digest(&digest::SHA256, asked.body));
    let canonical = format!("{}\n{}\n{}\n{lines}\n{names}\n{body}", asked.method, asked.path, query.join("&"));
    let digest = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let day = moment.get(..8)?;
    Some(format!("{ALGORITHM}\n{moment}\n{day}/{region}/{SERVICE}/aws4_request\n{digest}"))
}

fn signing_key(secret: &str, day: &str, region: &str, service: &str) -> hmac::Key {
    let mut derived = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    for part in [day, region, service, "aws4_request"] {
        derived = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&derived, part.as_bytes()).as_ref());
    }
    derived
}

/// `20130524` and `20130524T000000Z`.
fn stamps(at: OffsetDateTime) -> (String, String) {
    let at = at.to_offset(time::UtcOffset::UTC);
    let day = format_description!("[year][month][day]");
    let clock = format_description!("[hour][minute][second]");
    let day = at.format(&day).unwrap_or_default();
    let moment = format!("{day}T{}Z", at.format(&clock).unwrap_or_default());
    (day, moment)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    Kept,
    Encoded,
}

/// A name as a part of a path or of a query.
pub fn segment(name: &str) -> String {
    encode(name, Slash::Encoded)
}

/// `UriEncode` of the specification: everything but RFC 3986's unreserved bytes as `%XX`.
fn encode(text: &str, slash: Slash) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            b'/' if slash == Slash::Kept => encoded.push('/'),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use zeroize::Zeroizing;

    use super::*;

    /// The worked example of the Amazon S3 API reference.
    #[test]
    fn the_published_example_comes_out_as_published() {
        let key = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_key: Zeroizing::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into()),
        };
        let what = Presign {
            method: "GET",
            endpoint: "https://examplebucket.s3.amazonaws.com",
            region: "us-east-1",
            path: "/test.txt",
            expires_seconds: 86_400,
            at: datetime!(2013-05-24 00:00:00 UTC),
        };
        assert_eq!(
            presign(&what, &key),
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    fn headers(moment: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("host", "127.0.0.1:77".parse().unwrap());
        headers.insert("x-amz-date", moment.parse().unwrap());
        headers
    }

    #[test]
    fn a_signed_request_holds_as_it_was_signed_and_in_its_time() {
        let key = Credentials { access_key: "ENTE1".into(), secret_key: Zeroizing::new("secret".into()) };
        let now = datetime!(2026-11-22 12:00:00 UTC);
        let asked = Asked { method: "POST", path: "/api/v1/keys", query: "a=1", body: b"{}" };
        let signed = headers(&moment(now));
        let authorization = sign(&asked, &signed, "us-east-1", &key).unwrap();
        let claim = Claim::parse(&authorization).unwrap();
        assert_eq!(claim.access_key, "ENTE1");
        assert!(claim.holds(&asked, &signed, "us-east-1", "secret", now));
        for (what, asked, headers, region, secret, now) in [
            ("another method", Asked { method: "GET", ..asked }, &signed, "us-east-1", "secret", now),
            ("another path", Asked { path: "/api/v1/users", ..asked }, &signed, "us-east-1", "secret", now),
            ("another query", Asked { query: "a=2", ..asked }, &signed, "us-east-1", "secret", now),
            ("another body", Asked { body: b"{ }", ..asked }, &signed, "us-east-1", "secret", now),
            ("another date", asked, &headers("20261122T120001Z"), "us-east-1", "secret", now),
            ("another region", asked, &signed, "eu-west-1", "secret", now),
            ("another secret", asked, &signed, "us-east-1", "Secret", now),
            ("too late", asked, &signed, "us-east-1", "secret", now + time::Duration::minutes(16)),
            ("too early", asked, &signed, "us-east-1", "secret", now - time::Duration::minutes(16)),
        ] {
            assert!(!claim.holds(&asked, headers, region, secret, now), "{what}");
        }
    }

    #[test]
    fn what_signs_too_little_or_says_things_twice_is_no_claim() {
        let of = |credential: &str, names: &str, more: &str| {
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature=00ff{more}")
        };
        assert!(Claim::parse(&of("A/20261122/r/entente/aws4_request", "host;x-amz-date", "")).is_some());
        for bad in [
            of("A/20261122/r/entente/aws4_request", "host", ""),
            of("A/20261122/r/entente/aws4_request", "x-amz-date", ""),
            of("A", "host;x-amz-date", ""),
            of("A/20261122/r/entente/aws4_request", "host;x-amz-date", ", Signature=00"),
            of("A/20261122/r/entente/aws4_request", "host;x-amz-date", ", Other=1"),
            of("A/20261122/r/entente/aws4_request", "host;x-amz-date", "x"),
            "Bearer 00".to_owned(),
            String::new(),
        ] {
            assert_eq!(Claim::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_reserved_is_encoded_once() {
        assert_eq!(encode("/a b/é%2e+~", Slash::Kept), "/a%20b/%C3%A9%252e%2B~");
        assert_eq!(encode("a/b", Slash::Encoded), "a%2Fb");
    }
}
