//! The trait of an origin: a bucket of any vendor that is being adopted, as it is. It is only ever
//! read; nothing here could write to it.
//!
//! An origin differs from a [`crate::Store`]: its keys are people's, its objects change under their
//! names, and what clients said about them (content type, metadata) comes along.

pub mod memory;
pub mod patient;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use model::{ETag, Metadata, OriginAddress, Timestamp};

pub use memory::MemoryOrigin;
pub use patient::Patient;

/// One foreign bucket, read-only. Keys are relative to what is adopted of it.
#[async_trait]
pub trait Origin: Send + Sync {
    /// What is known of the object without its bytes.
    async fn head(&self, key: &str) -> Result<OriginObject, OriginError>;

    /// The object and the bytes of `range`, or all of them. With `etag`, only if it still has that
    /// one: else `Changed`.
    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&ETag>) -> Result<Fetched, OriginError>;

    /// Up to `limit` objects whose keys begin with `prefix` and sort behind `after`, in byte order.
    /// A page may be shorter than `limit` and still have more behind it.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<OriginPage, OriginError>;
}

/// Opens origins by their address. Whoever wires the enclave together knows the vendors' clients and
/// where the credentials are that an address names.
pub trait Origins: Send + Sync {
    fn open(&self, address: &OriginAddress) -> Result<Arc<dyn Origin>, OriginError>;
}

/// For an enclave that adopts nothing.
pub struct NoOrigins;

impl Origins for NoOrigins {
    fn open(&self, _: &OriginAddress) -> Result<Arc<dyn Origin>, OriginError> {
        Err(OriginError::new(OriginErrorKind::Invalid, "this enclave opens no origins"))
    }
}

/// An object as its vendor shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginObject {
    pub size: u64,
    /// Without quotes, and else as the vendor gives it.
    pub etag: ETag,
    pub modified: Timestamp,
    pub metadata: Metadata,
    /// Of the content, where the vendor shows it.
    pub md5: Option<[u8; 16]>,
}

/// An object as listings show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginEntry {
    pub key: String,
    pub size: u64,
    pub etag: ETag,
    pub modified: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginPage {
    pub entries: Vec<OriginEntry>,
    /// There may be more behind the last entry.
    pub more: bool,
}

/// Bytes in order, of any size each.
pub type OriginBytes = Pin<Box<dyn Stream<Item = Result<Bytes, OriginError>> + Send>>;

/// An object with bytes of it on their way.
pub struct Fetched {
    pub object: OriginObject,
    pub bytes: OriginBytes,
}

/// What a failure means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginErrorKind {
    /// There is no such object (and the vendor answered well).
    NotFound,
    /// There is no such bucket or container, which says nothing of objects.
    NoBucket,
    /// The object is no longer the one that was asked for.
    Changed,
    /// Credentials are wrong, or may not read this.
    Denied,
    /// The vendor asks for less.
    Throttled,
    /// No answer, or a failure of the vendor's own: the same again later may work.
    Unavailable,
    /// The request makes no sense to the vendor, or its answer makes none.
    Invalid,
}

/// A failed request to an origin.
#[derive(Clone, Debug)]
pub struct OriginError {
    pub kind: OriginErrorKind,
    /// What the vendor said.
    pub message: String,
}

impl OriginError {
    pub fn new(kind: OriginErrorKind, message: impl Into<String>) -> OriginError {
        OriginError { kind, message: message.into() }
    }
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            OriginErrorKind::NotFound => "not found at the origin",
            OriginErrorKind::NoBucket => "the origin is not there: check the names in `--from`, and `--endpoint`",
            OriginErrorKind::Changed => "the object changed at the origin",
            OriginErrorKind::Denied => "the origin refuses access: give credentials that may read and list it",
            OriginErrorKind::Throttled => "the origin asks to slow down",
            OriginErrorKind::Unavailable => "the origin does not answer",
            OriginErrorKind::Invalid => "the origin cannot be understood",
        };
        write!(f, "{what} ({})", self.message)
    }
}

impl std::error::Error for OriginError {}

/// The MD5 an ETag is, if it looks like one: 32 hexadecimal digits. Where a vendor encrypts with a
/// customer's key it only looks so.
pub fn md5_of_etag(etag: &ETag) -> Option<[u8; 16]> {
    let text = etag.0.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut md5 = [0; 16];
    if text.len() != 2 * md5.len() {
        return None;
    }
    for (byte, pair) in md5.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(md5)
}

/// Requests an origin has seen, by kind, for those who count.
pub type Requests = BTreeMap<&'static str, u64>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_etag_of_32_digits_is_an_md5() {
        let md5 = |text: &str| md5_of_etag(&ETag(text.to_owned()));
        assert_eq!(
            md5("000102030405060708090a0b0c0d0e0F"),
            Some([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
        );
        for other in
            ["", "0001", "000102030405060708090a0b0c0d0e0f-2", "0x8DC0102030405060708090a0b0c0d0", &"g0".repeat(16)]
        {
            assert_eq!(md5(other), None, "`{other}`");
        }
    }
}
