//! The trait every site speaks.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;

/// One site's store. Names are `/`-separated, printable ASCII, and never reused.
#[async_trait]
pub trait Store: Send + Sync {
    /// Stores `bytes` under a name that was never used. `Ok` means *proven*: synced, and equal by
    /// checksum wherever the store shows one. After an error the bytes may or may not be there.
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error>;

    /// Exactly the bytes of `range`. A range that ends behind the object is an `Invalid` error.
    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error>;

    /// The object's length in bytes.
    async fn head(&self, name: &str) -> Result<u64, Error>;

    /// Removes the object; removing what is not there succeeds.
    async fn delete(&self, name: &str) -> Result<(), Error>;

    /// Up to `limit` objects whose names begin with `prefix` and sort behind `after`, in byte order
    /// of their names.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error>;
}

/// One listed object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub size: u64,
}

/// What a failure means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The object is not there (and the site answered well).
    NotFound,
    /// The name is taken: a bug or a miracle, never overwritten.
    AlreadyExists,
    /// The site has no room: writes fail until someone makes some; reads go on.
    Full,
    /// The site refuses this: read-only, or credentials are wrong.
    Denied,
    /// The site asks for less.
    Throttled,
    /// No answer in time.
    TimedOut,
    /// The site is not there, or answered with a failure of its own.
    Unavailable,
    /// The bytes are not what was stored.
    Corrupt,
    /// The request makes no sense to the site.
    Invalid,
}

impl ErrorKind {
    /// Whether a site that works well says this too: it tells of the request, not of the site.
    pub const fn is_answer(self) -> bool {
        matches!(self, ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::Corrupt | ErrorKind::Invalid)
    }
}

/// A failed request to a site.
#[derive(Debug)]
pub struct Error {
    pub kind: ErrorKind,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Error {
    pub fn new(kind: ErrorKind, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error { kind, source: source.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ErrorKind::NotFound => "not found at the site",
            ErrorKind::AlreadyExists => "name already taken at the site",
            ErrorKind::Full => "site is full",
            ErrorKind::Denied => "site refuses access",
            ErrorKind::Throttled => "site asks to slow down",
            ErrorKind::TimedOut => "site did not answer in time",
            ErrorKind::Unavailable => "site is unavailable",
            ErrorKind::Corrupt => "site returned other bytes than were stored",
            ErrorKind::Invalid => "site rejects the request as invalid",
        })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.source.as_ref())
    }
}
