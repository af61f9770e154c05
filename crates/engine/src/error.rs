//! Why an engine call failed, in the terms its caller branches on.

use model::{Bucket, Marker, Which};
use thiserror::Error;

/// A failed call. What now? `NoSuch*`, `Bad*`, `Invalid*` and the like: fix the request.
/// `Unavailable`: retry later. `Internal`: report.
#[derive(Debug, Error)]
pub enum Error {
    #[error("the bucket does not exist")]
    NoSuchBucket,
    #[error("the object does not exist")]
    NoSuchKey,
    /// The current version, or the one that was asked for, says that the object is gone.
    #[error("the version is a delete marker")]
    IsMarker { marker: Box<Marker>, which: Which },
    #[error("the version does not exist")]
    NoSuchVersion,
    #[error("the version is locked")]
    Locked,
    #[error("the bucket has no object lock configuration")]
    NoObjectLock,
    /// Versioning and Object Lock of a bucket do not go together like this.
    #[error("the bucket's state does not allow this: {0}")]
    BucketState(&'static str),
    /// What a copy was to share with is gone; the copy begins again.
    #[error("the source was removed while it was copied")]
    SourceGone,
    #[error("the upload does not exist: it may have been completed or aborted")]
    NoSuchUpload,
    #[error("the bucket name is taken")]
    BucketExists(Box<Bucket>),
    #[error("the bucket still holds objects")]
    BucketNotEmpty,
    #[error("a condition of the request does not hold")]
    PreconditionFailed,
    /// Permission was withdrawn between the verdict and the decision.
    #[error("access was withdrawn while the request ran")]
    AccessWithdrawn,
    /// A declared digest and the body differ; nothing was stored.
    #[error("the body does not match the declared {0}")]
    BadDigest(&'static str),
    /// The body ended before its declared length, or its stream failed; nothing was stored.
    #[error("the body ended early")]
    IncompleteBody,
    #[error(transparent)]
    Body(BodyError),
    #[error("the body is larger than {max} bytes")]
    TooLarge { max: u64 },
    /// A part named on completion is missing or has another ETag or checksum.
    #[error("part {number} does not match an uploaded part")]
    InvalidPart { number: u16 },
    #[error("parts are not in ascending order")]
    InvalidPartOrder,
    /// All parts but the last have at least 5 MiB.
    #[error("part {number} has {size} bytes, fewer than {min}")]
    PartTooSmall { number: u16, size: u64, min: u64 },
    #[error("the range lies outside the object's {size} bytes")]
    InvalidRange { size: u64 },
    #[error("the request is invalid: {0}")]
    Invalid(String),
    #[error("the name is taken: choose another")]
    PrincipalExists,
    #[error("the label is not in use here: see `entente label list`")]
    NoSuchLabel,
    #[error("no such access key: see `entente key list`")]
    NoSuchAccessKey,
    #[error("no such user: see `entente user list`")]
    NoSuchPrincipal,
    #[error("no such group: see `entente group list`")]
    NoSuchGroup,
    #[error("a group of this name is there already: see `entente group list`, or choose another name")]
    GroupExists,
    #[error("no such release: see `entente release list`")]
    NoSuchRelease,
    #[error("the release was signed, ended or carried out meanwhile: look at it again")]
    ReleaseChanged,
    #[error("{0}")]
    Refused(policy::Refusal),
    #[error("the label is not at or below the principal's clearance: give one that is")]
    NotCleared,
    #[error("the label lies outside the range this enclave is accredited for: give one within it")]
    OutOfRange,
    /// Under the floor, out of time or out of room: nothing was acknowledged; try again.
    #[error("try again later: {reason}")]
    Unavailable { reason: String },
    /// Too few good pieces answer right now to give the bytes back.
    #[error("the object cannot be read right now: {reason}")]
    Unreadable { reason: String },
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    pub(crate) fn unavailable(reason: impl Into<String>) -> Error {
        Error::Unavailable { reason: reason.into() }
    }
}

impl From<catalog::Error> for Error {
    fn from(error: catalog::Error) -> Error {
        match error {
            catalog::Error::Unavailable(reason) => Error::Unavailable { reason },
            // A label that is being shredded has no keys any more.
            catalog::Error::NoKey => Error::NoSuchBucket,
            other => Error::Internal(other.to_string()),
        }
    }
}

/// A request body that could not be read to its end; whoever feeds the body says why.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct BodyError {
    pub kind: BodyErrorKind,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyErrorKind {
    /// The connection ended, or the body is shorter than declared.
    Incomplete,
    /// Nothing came for too long.
    IdleTimeout,
    /// A chunk's signature or the trailer is wrong.
    Signature,
    /// The framing cannot be parsed.
    Malformed,
}
