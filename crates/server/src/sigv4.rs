//! Presigned URLs by AWS Signature Version 4 with query parameters.
//!
//! The rules are in the Amazon S3 API reference, "Authenticating Requests: Using Query Parameters".
//! Only `host` is signed, and the payload is not: whoever holds the URL brings the body.

use std::fmt::Write;

use ring::{digest, hmac};
use time::OffsetDateTime;
use time::macros::format_description;

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
    let signature = hex::encode(hmac::sign(&signing_key(key, &day, what.region), to_sign.as_bytes()));
    let base = what.endpoint.trim_end_matches('/');
    format!("{base}{path}?{query}&X-Amz-Signature={signature}")
}

fn signing_key(key: &Credentials, day: &str, region: &str) -> hmac::Key {
    let mut derived = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{}", *key.secret_key).as_bytes());
    for part in [day, region, "s3", "aws4_request"] {
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

    #[test]
    fn what_is_reserved_is_encoded_once() {
        assert_eq!(encode("/a b/é%2e+~", Slash::Kept), "/a%20b/%C3%A9%252e%2B~");
        assert_eq!(encode("a/b", Slash::Encoded), "a%2Fb");
    }
}
