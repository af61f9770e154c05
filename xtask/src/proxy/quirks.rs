//! What a vendor refuses although its stand-in takes it.
//!
//! Oracle's S3 face takes no aws-chunked bodies, so no trailers either, and of checksums only MD5,
//! CRC32C and SHA-256.

use clap::ValueEnum;
use http::{HeaderMap, Response, StatusCode};

use crate::body::Body;
use crate::vendor::{Speaks, refusal};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Quirks {
    None,
    Oracle,
}

/// Kinds of checksum that Oracle's S3 face takes, as S3 names them in headers.
const ORACLE_CHECKSUMS: [&str; 3] = ["crc32c", "sha256", "md5"];
/// Headers that name a kind of checksum in their value.
const NAMING: [&str; 2] = ["x-amz-sdk-checksum-algorithm", "x-amz-checksum-algorithm"];
const CHECKSUM: &str = "x-amz-checksum-";

impl Quirks {
    /// The vendor's refusal of a request with these headers, if it has one.
    pub fn refuse(self, headers: &HeaderMap) -> Option<Response<Body>> {
        match self {
            Quirks::None => None,
            Quirks::Oracle => oracle(headers).map(|(status, code, message)| {
                // What it says goes into XML, and holds nothing that XML would mind.
                refusal(Speaks::S3, status, code, &message)
            }),
        }
    }
}

fn oracle(headers: &HeaderMap) -> Option<(StatusCode, &'static str, String)> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let chunked = text("x-amz-content-sha256").starts_with("STREAMING-")
        || text("content-encoding").split(',').any(|one| one.trim() == "aws-chunked")
        || headers.contains_key("x-amz-decoded-content-length")
        || headers.contains_key("x-amz-trailer");
    if chunked {
        return Some((StatusCode::NOT_IMPLEMENTED, "NotImplemented", "AWS chunked encoding not supported.".into()));
    }
    let named = NAMING.iter().map(|name| text(name)).find(|kind| !kind.is_empty() && !takes(kind));
    let carried = || {
        let kinds = headers.keys().filter_map(|name| name.as_str().strip_prefix(CHECKSUM));
        kinds.filter(|kind| !["algorithm", "type", "mode"].contains(kind)).find(|kind| !takes(kind))
    };
    let kind = named.or_else(carried)?;
    Some((StatusCode::BAD_REQUEST, "InvalidRequest", format!("The checksum {kind} is not supported.")))
}

fn takes(kind: &str) -> bool {
    ORACLE_CHECKSUMS.iter().any(|one| one.eq_ignore_ascii_case(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oracle_refuses_what_its_s3_face_refuses() {
        for (name, value, status) in [
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD", None),
            ("x-amz-content-sha256", "e3b0", None),
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", Some(501)),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", Some(501)),
            ("content-encoding", "gzip", None),
            ("content-encoding", "gzip, aws-chunked", Some(501)),
            ("x-amz-trailer", "x-amz-checksum-crc32c", Some(501)),
            ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==", None),
            ("x-amz-checksum-crc32c", "AAAAAA==", None),
            ("x-amz-checksum-sha256", "AAAA", None),
            ("x-amz-checksum-mode", "ENABLED", None),
            ("x-amz-checksum-crc32", "AAAAAA==", Some(400)),
            ("x-amz-checksum-crc64nvme", "AAAA", Some(400)),
            ("x-amz-checksum-sha1", "AAAA", Some(400)),
            ("x-amz-sdk-checksum-algorithm", "CRC32C", None),
            ("x-amz-sdk-checksum-algorithm", "CRC32", Some(400)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            let refused = Quirks::Oracle.refuse(&headers).map(|answer| answer.status().as_u16());
            assert_eq!(refused, status, "{name}: {value}");
            assert!(Quirks::None.refuse(&headers).is_none());
        }
    }
}
