//! Digests that clients declare or ask for, computed over plaintext as it passes: MD5 for ETags, and
//! the checksums of the S3 protocol. Values are raw bytes, big-endian for CRCs.

use std::collections::BTreeMap;

use crc_fast::{CrcAlgorithm, checksum_combine};
use md5::{Digest as _, Md5};
use model::Algorithm;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

/// One of the digests that can be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Md5,
    Checksum(Algorithm),
}

/// Several digests over one run of bytes.
pub struct Digests {
    running: BTreeMap<Kind, Running>,
}

enum Running {
    Md5(Md5),
    Crc32(crc_fast::Digest),
    Crc64(crc_fast::Digest),
    Sha(Context),
}

/// Finished digests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<Kind, Vec<u8>>);

impl Digests {
    /// Computes each of `kinds`; naming one twice costs nothing.
    pub fn new(kinds: &[Kind]) -> Digests {
        Digests { running: kinds.iter().map(|kind| (*kind, Running::new(*kind))).collect() }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.running.values_mut().for_each(|running| running.update(bytes));
    }

    pub fn finish(self) -> Values {
        Values(self.running.into_iter().map(|(kind, running)| (kind, running.finish())).collect())
    }
}

impl Values {
    /// The value, if it was computed.
    pub fn get(&self, kind: Kind) -> Option<&[u8]> {
        self.0.get(&kind).map(Vec::as_slice)
    }

    pub fn md5(&self) -> Option<[u8; 16]> {
        self.get(Kind::Md5).and_then(|value| value.try_into().ok())
    }

    pub fn checksum(&self, algorithm: Algorithm) -> Option<&[u8]> {
        self.get(Kind::Checksum(algorithm))
    }

    pub fn iter(&self) -> impl Iterator<Item = (Kind, &[u8])> {
        self.0.iter().map(|(kind, value)| (*kind, value.as_slice()))
    }
}

impl Running {
    fn new(kind: Kind) -> Running {
        match kind {
            Kind::Md5 => Running::Md5(Md5::new()),
            Kind::Checksum(Algorithm::Crc32) => Running::Crc32(crc_fast::Digest::new(CrcAlgorithm::Crc32IsoHdlc)),
            Kind::Checksum(Algorithm::Crc32c) => Running::Crc32(crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi)),
            Kind::Checksum(Algorithm::Crc64Nvme) => Running::Crc64(crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme)),
            Kind::Checksum(Algorithm::Sha1) => Running::Sha(Context::new(&SHA1_FOR_LEGACY_USE_ONLY)),
            Kind::Checksum(Algorithm::Sha256) => Running::Sha(Context::new(&SHA256)),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Running::Md5(md5) => md5.update(bytes),
            Running::Crc32(crc) | Running::Crc64(crc) => crc.update(bytes),
            Running::Sha(sha) => sha.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Running::Md5(md5) => md5.finalize().to_vec(),
            Running::Crc32(crc) => big_endian(crc.finalize(), 4),
            Running::Crc64(crc) => big_endian(crc.finalize(), 8),
            Running::Sha(sha) => sha.finish().as_ref().to_vec(),
        }
    }
}

/// The lowest `bytes` bytes of a CRC.
fn big_endian(crc: u64, bytes: usize) -> Vec<u8> {
    crc.to_be_bytes().into_iter().skip(8 - bytes).collect()
}

/// One digest of bytes held in memory.
pub fn digest(kind: Kind, bytes: &[u8]) -> Vec<u8> {
    let mut running = Running::new(kind);
    running.update(bytes);
    running.finish()
}

/// The checksum of parts put together, from each part's checksum and length: for CRCs only. `None`
/// for other algorithms, or when a value has not the algorithm's length.
pub fn combine<V: AsRef<[u8]>>(algorithm: Algorithm, parts: &[(V, u64)]) -> Option<Vec<u8>> {
    let crc = match algorithm {
        Algorithm::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
        Algorithm::Crc32c => CrcAlgorithm::Crc32Iscsi,
        Algorithm::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
        Algorithm::Sha1 | Algorithm::Sha256 => return None,
    };
    let mut whole: Option<u64> = None;
    for (value, length) in parts {
        let value = value.as_ref();
        if value.len() != algorithm.bytes() {
            return None;
        }
        let value = value.iter().fold(0, |crc, byte| crc << 8 | u64::from(*byte));
        whole = Some(whole.map_or(value, |before| checksum_combine(crc, before, value, *length)));
    }
    match whole {
        Some(whole) => Some(big_endian(whole, algorithm.bytes())),
        None => Some(digest(Kind::Checksum(algorithm), &[])),
    }
}

/// The checksum of the parts' checksums one behind the other, as S3 composes it.
pub fn composite<V: AsRef<[u8]>>(algorithm: Algorithm, values: &[V]) -> Vec<u8> {
    let mut running = Running::new(Kind::Checksum(algorithm));
    values.iter().for_each(|value| running.update(value.as_ref()));
    running.finish()
}

/// The MD5 of the parts' MD5s one behind the other: the digits of a multipart object's ETag.
pub fn composite_md5(values: &[[u8; 16]]) -> [u8; 16] {
    let mut md5 = Md5::new();
    values.iter().for_each(|value| md5.update(value));
    md5.finalize().into()
}

#[cfg(test)]
mod tests;
