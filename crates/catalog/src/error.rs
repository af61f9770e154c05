//! Why the catalog could not answer.

use model::{EnclaveId, StreamId};
use thiserror::Error;

/// A catalog call that failed; nothing was changed by it.
#[derive(Clone, Debug, Error)]
pub enum Error {
    /// The database is not what it was. Report.
    #[error(
        "the catalog is damaged: {0}; stop, keep a copy of its files, then put a backup back or rebuild it from the sites"
    )]
    Damaged(String),
    /// Written by a newer Entente.
    #[error("the catalog has format {found}, this program knows up to {known}: use a newer program")]
    Newer { found: u32, known: u32 },
    /// The journal does not continue what was shown or decided before.
    #[error("stream {stream} forks at record {sequence}: what comes next does not follow what was shown")]
    Fork { stream: StreamId, sequence: u64 },
    /// Full disk, permissions and the like. Retry later.
    #[error("the catalog is unavailable: {0}")]
    Unavailable(String),
    /// No record has opened this stream: show the control stream first.
    #[error("stream {stream} is unknown: show the control stream's records first")]
    UnknownStream { stream: StreamId },
    /// Its label was shredded, or the keys were not handed over.
    #[error("a value is sealed under a key that is not there")]
    NoKey,
    /// A catalog is of one enclave for good.
    #[error("the catalog is already that of enclave {enclave}: use another file for another enclave")]
    Founded { enclave: EnclaveId },
}

impl Error {
    /// The job that was to answer is gone.
    pub(crate) fn stopped() -> Error {
        Error::Unavailable("its work was dropped before it answered: try again".to_owned())
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Error {
        use rusqlite::ErrorCode as Code;
        let text = error.to_string();
        match error.sqlite_error_code() {
            // `Unknown` is a table or column that is not there; a violated constraint is an
            // invariant that does not hold. Neither happens to a catalog this program wrote.
            Some(
                Code::DatabaseCorrupt
                | Code::NotADatabase
                | Code::ConstraintViolation
                | Code::TypeMismatch
                | Code::Unknown,
            ) => Error::Damaged(text),
            Some(_) => Error::Unavailable(text),
            None if matches!(error, rusqlite::Error::ToSqlConversionFailure(_)) => Error::Unavailable(text),
            // A row or a column is not what was written.
            None => Error::Damaged(text),
        }
    }
}
