//! Adoption: a bucket takes over what lies in a foreign one, its origin.

use std::fmt;
use std::str::FromStr;

use crate::outside::Timestamp;

/// Whose protocol an origin speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OriginKind {
    /// Amazon S3 and everything compatible with it, Oracle's face included.
    S3,
    Azure,
    Google,
}

impl OriginKind {
    pub const ALL: [OriginKind; 3] = [OriginKind::S3, OriginKind::Azure, OriginKind::Google];

    pub const fn name(self) -> &'static str {
        match self {
            OriginKind::S3 => "s3",
            OriginKind::Azure => "azure",
            OriginKind::Google => "google",
        }
    }
}

impl fmt::Display for OriginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no kind of origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchKind(String);

impl fmt::Display for NoSuchKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no kind of origin: there are `s3`, `azure` and `google`", self.0)
    }
}

impl std::error::Error for NoSuchKind {}

impl FromStr for OriginKind {
    type Err = NoSuchKind;

    fn from_str(text: &str) -> Result<OriginKind, NoSuchKind> {
        OriginKind::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| NoSuchKind(text.to_owned()))
    }
}

/// Where an origin is. It names where credentials come from and holds none: it lies in the journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OriginAddress {
    pub kind: OriginKind,
    /// The bucket or container there.
    pub bucket: String,
    /// A URL; the vendor's own public one when `None`.
    pub endpoint: Option<String>,
    pub region: Option<String>,
    /// Azure's; else `None`.
    pub account: Option<String>,
    /// Where whoever runs the enclave finds them.
    pub credentials: String,
}

/// How far an adoption is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reads fall through; the background copy runs.
    Copying,
    /// Reads fall through; the background copy rests.
    Paused,
    /// A final difference found nothing: what the origin held is here.
    Proven { at: Timestamp },
    /// Ended without proof; what was not brought is not here.
    Abandoned { at: Timestamp },
}

/// A bucket's adoption of its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    pub origin: OriginAddress,
    pub begun: Timestamp,
    /// Bytes per second that the background copy may read; `None` for as fast as it goes.
    pub budget: Option<u64>,
    pub stage: Stage,
}

impl Adoption {
    /// Whether what is not here is looked for at the origin.
    pub const fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Copying | Stage::Paused)
    }
}

/// What the background copy has done, and where it goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdoptionProgress {
    /// Walks over the whole origin that came to their end.
    pub passes: u64,
    /// The last key the current walk is done with.
    pub cursor: Option<String>,
    pub objects: u64,
    pub bytes: u64,
    /// Of `objects`, those with no MD5 to prove the bytes by.
    pub unproven: u64,
    /// Keys that could not be brought on the current walk, or on the last one between two.
    pub failed: u64,
    /// The last walk found nothing more to bring.
    pub caught_up: bool,
}
