//! Digests that a request declares: parsed at the gate, proven by the engine for streams and here
//! for documents.

use coding::digest::{Digests, Kind};
use engine::{BodyErrorKind, Declared};
use http::HeaderMap;
use model::{Algorithm, Checksum, ChecksumKind};

use crate::error::{Code, Failure};
use crate::headers;
use crate::text;

/// The header that carries a checksum.
pub(crate) const fn header_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Crc32 => "x-amz-checksum-crc32",
        Algorithm::Crc32c => "x-amz-checksum-crc32c",
        Algorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
        Algorithm::Sha1 => "x-amz-checksum-sha1",
        Algorithm::Sha256 => "x-amz-checksum-sha256",
    }
}

/// The algorithm whose header has this name.
pub(crate) fn algorithm_of(header: &str) -> Option<Algorithm> {
    Algorithm::ALL.into_iter().find(|algorithm| header_name(*algorithm).eq_ignore_ascii_case(header))
}

/// `Content-MD5`.
pub(crate) fn content_md5(headers: &HeaderMap) -> Result<Option<[u8; 16]>, Failure> {
    let Some(value) = headers::get(headers, "content-md5") else { return Ok(None) };
    let digest = text::from_base64(&value).and_then(|bytes| bytes.try_into().ok());
    digest.map(Some).ok_or_else(|| Code::InvalidDigest.into())
}

/// The one `x-amz-checksum-*` value of a head, as declared for a body.
pub(crate) fn declared(headers: &HeaderMap) -> Result<Option<Checksum>, Failure> {
    let mut all = Algorithm::ALL
        .into_iter()
        .filter_map(|algorithm| headers::get(headers, header_name(algorithm)).map(|value| (algorithm, value)));
    let Some((algorithm, value)) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(Failure::because(
            Code::InvalidRequest,
            "Expecting a single x-amz-checksum- header. Multiple checksum types are not allowed.",
        ));
    }
    let invalid = || invalid_value(algorithm);
    parse(algorithm, &value).map(Some).ok_or_else(invalid)
}

/// The same, of a body sent as one: a composite checksum is of parts, and would be compared with
/// what it is not.
pub(crate) fn of_body(headers: &HeaderMap) -> Result<Option<Checksum>, Failure> {
    match declared(headers)? {
        Some(checksum) if checksum.kind != ChecksumKind::FullObject => Err(invalid_value(checksum.algorithm)),
        declared => Ok(declared),
    }
}

pub(crate) fn invalid_value(algorithm: Algorithm) -> Failure {
    Failure::because(Code::InvalidRequest, format!("Value for {} header is invalid.", header_name(algorithm)))
}

/// A checksum's text: base64, and for a composite one `-` and the number of parts.
pub(crate) fn parse(algorithm: Algorithm, value: &str) -> Option<Checksum> {
    let (digits, kind) = match value.rsplit_once('-') {
        Some((digits, parts)) => (digits, ChecksumKind::Composite { parts: parts.parse().ok()? }),
        None => (value, ChecksumKind::FullObject),
    };
    let value = text::from_base64(digits).filter(|bytes| bytes.len() == algorithm.bytes())?;
    Some(Checksum { algorithm, kind, value })
}

/// The text that [`parse`] reads.
pub(crate) fn display(checksum: &Checksum) -> String {
    let digits = text::base64(&checksum.value);
    match checksum.kind {
        ChecksumKind::FullObject => digits,
        ChecksumKind::Composite { parts } => format!("{digits}-{parts}"),
    }
}

/// As in `x-amz-checksum-type`.
pub(crate) const fn kind_name(kind: ChecksumKind) -> &'static str {
    match kind {
        ChecksumKind::FullObject => "FULL_OBJECT",
        ChecksumKind::Composite { .. } => "COMPOSITE",
    }
}

/// Proves everything declared about a document that was read whole.
pub(crate) fn prove(declared: Declared, bytes: &[u8]) -> Result<(), Failure> {
    let Declared { length, md5, sha256, mut checksums, trailer, .. } = declared;
    if length.is_some_and(|length| u64::try_from(bytes.len()) != Ok(length)) {
        return Err(Code::IncompleteBody.into());
    }
    if let Some(trailer) = trailer {
        checksums.push(Checksum::full(trailer.algorithm, (trailer.value)()?));
    }
    let mut digests = Digests::new(&kinds(md5.is_some(), &checksums));
    digests.update(bytes);
    let values = digests.finish();
    if md5.is_some_and(|md5| values.md5() != Some(md5)) {
        return Err(engine::Error::BadDigest("Content-MD5").into());
    }
    if sha256.is_some_and(|sha256| sha256_of(bytes) != sha256) {
        return Err(Code::XAmzContentSHA256Mismatch.into());
    }
    match checksums.into_iter().find(|checksum| values.checksum(checksum.algorithm) != Some(&checksum.value)) {
        Some(wrong) => Err(engine::Error::BadDigest(wrong.algorithm.name()).into()),
        None => Ok(()),
    }
}

fn kinds(md5: bool, checksums: &[Checksum]) -> Vec<Kind> {
    let checksums = checksums.iter().map(|checksum| Kind::Checksum(checksum.algorithm));
    checksums.chain(md5.then_some(Kind::Md5)).collect()
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256_of(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    out
}

/// A body that breaks its own framing or promises.
pub(crate) fn malformed(message: impl Into<String>) -> engine::BodyError {
    engine::BodyError { kind: BodyErrorKind::Malformed, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_survives_its_text() {
        for text in ["y/Q5Jg==", "y/Q5Jg==-3"] {
            assert_eq!(display(&parse(Algorithm::Crc32, text).unwrap()), text);
        }
        for bad in ["", "y/Q5Jg", "y/Q5", "y/Q5Jg==-x", "rosUhgp5mIg="] {
            assert_eq!(parse(Algorithm::Crc32, bad), None, "`{bad}`");
        }
    }

    #[test]
    fn each_wrong_digest_of_a_document_is_found() {
        let right = || Declared {
            length: Some(9),
            md5: Some([0x25, 0xf9, 0xe7, 0x94, 0x32, 0x3b, 0x45, 0x38, 0x85, 0xf5, 0x18, 0x1f, 0x1b, 0x62, 0x4d, 0x0b]),
            sha256: Some(sha256_of(b"123456789")),
            checksums: vec![parse(Algorithm::Crc32, "y/Q5Jg==").unwrap()],
            trailer: None,
            compute: None,
        };
        assert!(prove(right(), b"123456789").is_ok());
        assert_eq!(prove(right(), b"12345678").unwrap_err().code(), Code::IncompleteBody);
        let wrong = Declared { md5: Some([0; 16]), ..right() };
        assert_eq!(prove(wrong, b"123456789").unwrap_err().code(), Code::BadDigest);
        let wrong = Declared { sha256: Some([0; 32]), ..right() };
        assert_eq!(prove(wrong, b"123456789").unwrap_err().code(), Code::XAmzContentSHA256Mismatch);
        let wrong = Declared { checksums: vec![parse(Algorithm::Crc32, "AAAAAA==").unwrap()], ..right() };
        assert_eq!(prove(wrong, b"123456789").unwrap_err().code(), Code::BadDigest);
    }
}
