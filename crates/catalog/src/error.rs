//! Why the catalog could not answer.

use thiserror::Error;

/// A catalog call that failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The database is not what it was: stop, and restore or rebuild it.
    #[error("the catalog is damaged: {0}")]
    Damaged(String),
    /// Written by a newer Entente.
    #[error("the catalog has format {found}, this program knows up to {known}: use a newer program")]
    Newer { found: u32, known: u32 },
    /// The journal does not continue what was shown before.
    #[error("stream {stream} forks at record {sequence}: what comes next does not follow what was shown")]
    Fork { stream: model::StreamId, sequence: u64 },
    /// Full disk, permissions and the like; nothing was changed.
    #[error("the catalog is unavailable: {0}")]
    Unavailable(String),
}
