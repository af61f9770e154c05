//! Why bytes could not be read back.

use thiserror::Error;

/// The bytes are not what this format says. What now? `Newer`: use a newer release. `Damaged`: take
/// another copy, or other pieces.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    #[error(
        "the {what} has format version {found}, and only versions up to {known} are known here: use a newer release"
    )]
    Newer { what: &'static str, found: u64, known: u64 },
    #[error("the {what} is damaged: {why}")]
    Damaged { what: &'static str, why: String },
}

impl FormatError {
    pub(crate) fn damaged(what: &'static str, why: impl Into<String>) -> FormatError {
        FormatError::Damaged { what, why: why.into() }
    }
}

/// The sealed bytes, their place or their key are not the ones that were sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("sealed bytes do not open: they, their place or their key are not what was sealed")]
pub struct Tampered;

/// The wrapped bytes do not open under this key in this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the key does not open this: it is another key, or what it opens was changed or moved")]
pub struct WrongKey;

/// Fewer pieces than the code needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("only {have} usable pieces where {need} are needed")]
pub struct NotEnough {
    pub have: usize,
    pub need: usize,
}
