//! Conditions that requests put on the state they meet.

use crate::id::VersionId;
use crate::object::{ETag, Version};
use crate::outside::Timestamp;

/// What a change requires of the object it replaces, judged in the deciding transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    #[default]
    None,
    /// `If-None-Match: *`: there is no such object.
    Absent,
    /// `If-Match: *`: there is one.
    Present,
    /// `If-Match: "etag"`: there is one with this ETag.
    Matches(ETag),
    /// The newest version is this one, and no marker.
    Is(VersionId),
    /// The condition, in a bucket that is being adopted, by someone who looked at the origin: an
    /// object with this ETag (or none) lies beneath the key. What is or was here hides it.
    Over { beneath: Option<ETag>, condition: Box<Precondition> },
    /// Of what is brought from an origin: the adoption is open, and under the key nothing was
    /// written or deleted here, but for what was itself brought with this ETag.
    Untouched { since: Option<ETag> },
}

/// How a precondition failed, as S3 tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// 412 PreconditionFailed.
    Failed,
    /// `If-Match` on an object that is not there: 404 NoSuchKey.
    NoSuchKey,
}

impl Precondition {
    /// What is asked of this side alone.
    pub fn above(&self) -> &Precondition {
        match self {
            Precondition::Over { condition, .. } => condition.above(),
            plain => plain,
        }
    }

    /// Judges the condition against the object that is there now.
    pub fn check(&self, current: Option<(&ETag, VersionId)>) -> Result<(), Unmet> {
        match (self, current) {
            (Precondition::None, _) | (Precondition::Absent, None) | (Precondition::Present, Some(_)) => Ok(()),
            (Precondition::Absent, Some(_)) => Err(Unmet::Failed),
            (Precondition::Present | Precondition::Matches(_) | Precondition::Is(_), None) => Err(Unmet::NoSuchKey),
            (Precondition::Matches(wanted), Some((found, _))) if wanted == found => Ok(()),
            (Precondition::Is(wanted), Some((_, found))) if *wanted == found => Ok(()),
            (Precondition::Matches(_) | Precondition::Is(_), Some(_)) => Err(Unmet::Failed),
            // No version has the id of what lies beneath.
            (Precondition::Over { beneath, condition }, current) => {
                condition.check(current.or(beneath.as_ref().map(|etag| (etag, VersionId([0; 16])))))
            }
            (Precondition::Untouched { since }, current) if since.as_ref() == current.map(|(etag, _)| etag) => Ok(()),
            (Precondition::Untouched { .. }, _) => Err(Unmet::Failed),
        }
    }
}

/// A list of ETags in a request header, or `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ETags {
    Any,
    OneOf(Vec<ETag>),
}

impl ETags {
    fn contains(&self, etag: &ETag) -> bool {
        match self {
            ETags::Any => true,
            ETags::OneOf(etags) => etags.contains(etag),
        }
    }
}

/// The four conditional headers of GET and HEAD (RFC 9110, section 13).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadConditions {
    pub if_match: Option<ETags>,
    pub if_none_match: Option<ETags>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

/// The answer of [`ReadConditions::check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadVerdict {
    Serve,
    NotModified,
    PreconditionFailed,
}

impl ReadConditions {
    /// Judges in the order of RFC 9110, section 13.2.2; dates compare by whole seconds.
    pub fn check(&self, version: &Version) -> ReadVerdict {
        let modified_s = version.modified.0.div_euclid(1000);
        let seconds = |time: Timestamp| time.0.div_euclid(1000);
        match (&self.if_match, self.if_unmodified_since) {
            (Some(etags), _) if !etags.contains(&version.etag) => return ReadVerdict::PreconditionFailed,
            (None, Some(since)) if modified_s > seconds(since) => return ReadVerdict::PreconditionFailed,
            _ => {}
        }
        match (&self.if_none_match, self.if_modified_since) {
            (Some(etags), _) if etags.contains(&version.etag) => ReadVerdict::NotModified,
            (None, Some(since)) if modified_s <= seconds(since) => ReadVerdict::NotModified,
            _ => ReadVerdict::Serve,
        }
    }
}
