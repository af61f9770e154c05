//! What is known to lie outside the enclave and could open, or bring back, what was stored: shares of the
//! root key, and backups of the catalog. Shredding a label names them.

use crate::outside::Timestamp;

/// Tells root keys of one enclave apart, and nothing else about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootFingerprint(pub [u8; 16]);

/// A copy, and of which root it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownCopy {
    pub root: RootFingerprint,
    pub made: Timestamp,
    pub what: CopyKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyKind {
    /// The root key in shares, one with each holder; `needed` of them together are the key.
    Shares { needed: u8, holders: Vec<String> },
    /// The catalog, sealed under the root. `digest` is BLAKE3 of the file.
    Backup { place: String, digest: [u8; 32] },
}
