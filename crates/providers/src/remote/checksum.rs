//! Digests of what is sent, as the vendors write them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use md5::{Digest, Md5};

use crate::store::{Error, ErrorKind};

/// CRC-64/NVME, high byte first: Amazon's `x-amz-checksum-crc64nvme`.
pub fn crc64(bytes: &[u8]) -> String {
    STANDARD.encode(crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes())
}

/// The same CRC-64, low byte first: Azure's `x-ms-content-crc64`.
pub fn crc64_low_first(bytes: &[u8]) -> String {
    STANDARD.encode(crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes).to_le_bytes())
}

/// CRC-32C, high byte first.
pub fn crc32c(bytes: &[u8]) -> String {
    let [_, _, _, _, low @ ..] = crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes).to_be_bytes();
    STANDARD.encode(low)
}

/// MD5, away from the threads that answer requests: it is by far the slowest of them.
pub async fn md5(bytes: Bytes) -> Result<[u8; 16], Error> {
    let digest = tokio::task::spawn_blocking(move || Md5::digest(&bytes).into()).await;
    digest.map_err(|error| Error::new(ErrorKind::Unavailable, error))
}

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// An MD5 as vendors write it beside an object.
pub fn md5_of(base64: &str) -> Option<[u8; 16]> {
    STANDARD.decode(base64).ok()?.try_into().ok()
}

/// The bytes of 32 hexadecimal digits, as in an ETag that is an MD5.
pub fn hex16(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

/// What the vendor says it stored must be what was sent.
pub fn equal(what: &str, shown: &str, sent: &str) -> Result<(), Error> {
    if shown == sent {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Corrupt, format!("the vendor stored {what} `{shown}`, sent was `{sent}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Check values of the catalogue of CRC algorithms and of RFC 1321.
    #[tokio::test]
    async fn digests_are_those_of_their_definitions() {
        let check = b"123456789";
        assert_eq!(crc64(check), STANDARD.encode(0xae8b_1486_0a79_9888_u64.to_be_bytes()));
        assert_eq!(crc64_low_first(check), STANDARD.encode(0xae8b_1486_0a79_9888_u64.to_le_bytes()));
        assert_eq!(crc32c(check), STANDARD.encode(0xe306_9283_u32.to_be_bytes()));
        assert_eq!(Some(md5("abc".into()).await.unwrap()), hex16("900150983cd24fb0d6963f7d28e17f72"));
    }

    #[test]
    fn an_etag_is_an_md5_only_if_it_looks_like_one() {
        for none in [
            "",
            "900150983cd24fb0d6963f7d28e17f7",
            "900150983cd24fb0d6963f7d28e17f72-2",
            "+00150983cd24fb0d6963f7d28e17f72",
        ] {
            assert_eq!(hex16(none), None, "{none}");
        }
        assert_eq!(hex16("000000000000000000000000000000ff").map(|bytes| bytes[15]), Some(255));
    }
}
