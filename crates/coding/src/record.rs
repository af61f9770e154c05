//! Records and other values the catalog keeps, as bytes: a version, what it is, then CBOR.
//!
//! Each kind has a twin (see `twin`) that says how it is written, so that the nouns may change
//! without the bytes: what was written once is read for ever. A change of the bytes is a new version
//! with twins of its own. The bytes are in `docs/formats/record.md`.

mod twin;

use bytes::Bytes;
use model::{
    AccessKey, Bucket, BucketSetting, Group, KnownCopy, LabelKey, Part, Principal, Record, Release, Segment, Site,
    Upload, Version, VersionSetting,
};

use crate::error::FormatError;

/// The newest format version known here.
pub const VERSION: u64 = 1;

/// A value that is kept as bytes.
pub trait Stored: Sized + private::Twinned {}

mod private {
    /// How a value is written: its twin, and the number that tells it from the others.
    pub trait Twinned: Sized {
        const KIND: u64;
        const NAME: &'static str;
        type Twin: for<'a> From<&'a Self>
            + TryInto<Self, Error = super::twin::Senseless>
            + minicbor::Encode<()>
            + for<'b> minicbor::Decode<'b, ()>;
    }
}

macro_rules! stored {
    ($($kind:literal $name:literal $type:ident),+ $(,)?) => {$(
        impl private::Twinned for $type {
            const KIND: u64 = $kind;
            const NAME: &'static str = $name;
            type Twin = twin::$type;
        }
        impl Stored for $type {}
    )+};
}

stored! {
    1 "record" Record,
    2 "bucket" Bucket,
    3 "version" Version,
    4 "part" Part,
    5 "upload" Upload,
    6 "segment" Segment,
    7 "principal" Principal,
    8 "access key" AccessKey,
    9 "label key" LabelKey,
    10 "site" Site,
    11 "bucket setting" BucketSetting,
    12 "version setting" VersionSetting,
    13 "group" Group,
    14 "release" Release,
    20 "known copy" KnownCopy,
}

/// The bytes of a value. The same value always has the same bytes.
#[expect(clippy::expect_used, reason = "writing to memory fails only when memory ends")]
pub fn to_bytes<T: Stored>(value: &T) -> Vec<u8> {
    let mut encoder = minicbor::Encoder::new(Vec::new());
    encoder
        .u64(VERSION)
        .and_then(|encoder| encoder.u64(T::KIND))
        .and_then(|encoder| encoder.encode(T::Twin::from(value)))
        .expect("encoding into memory");
    encoder.into_writer()
}

/// The value of these bytes.
pub fn from_bytes<T: Stored>(bytes: &[u8]) -> Result<T, FormatError> {
    let damaged = |why: String| FormatError::damaged(T::NAME, why);
    let unreadable = |error: minicbor::decode::Error| damaged(error.to_string());
    let mut decoder = minicbor::Decoder::new(bytes);
    let version = decoder.u64().map_err(unreadable)?;
    if version > VERSION {
        return Err(FormatError::Newer { what: T::NAME, found: version, known: VERSION });
    }
    if version == 0 || decoder.u64().map_err(unreadable)? != T::KIND {
        return Err(damaged("it is something else".to_owned()));
    }
    let twin: T::Twin = decoder.decode().map_err(unreadable)?;
    if decoder.position() != bytes.len() {
        return Err(damaged("more bytes follow it".to_owned()));
    }
    twin.try_into().map_err(|senseless| damaged(senseless.to_string()))
}

/// A record as it is journaled: encoded once, when decided, and the same bytes ever after.
pub fn encode(record: &Record) -> Bytes {
    to_bytes(record).into()
}

/// The record of these bytes.
pub fn decode(encoded: &[u8]) -> Result<Record, FormatError> {
    from_bytes(encoded)
}

/// What the next record of the stream names as its predecessor.
pub fn hash(encoded: &[u8]) -> [u8; 32] {
    *blake3::hash(encoded).as_bytes()
}

#[cfg(test)]
mod tests;
