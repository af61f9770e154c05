//! Why the program ends, with an exit code that means something.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// The exit codes; [`Exit::HELP`] tells them to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something no other code names.
    Failed = 1,
    /// The command line or the configuration file is wrong.
    Usage = 2,
    /// Another process has the data directory.
    Busy = 3,
    /// An address cannot be listened on.
    Listen = 4,
    /// The root key is missing, malformed, readable by others, or not the one of this enclave.
    RootKey = 5,
    /// The data directory or the catalog in it cannot be used.
    Storage = 6,
    /// The sites cannot be used: another enclave's, or they contradict the catalog.
    Site = 7,
    /// No running Entente was reached.
    NotRunning = 8,
}

impl Exit {
    pub const HELP: &str = "Exit codes: 0 stopped as asked, 1 failed, 2 wrong command line or configuration, 3 the data \
         directory is in use, 4 cannot listen, 5 root key, 6 data directory or catalog, 7 sites, \
         8 no running Entente was reached, 130 interrupted twice.";
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// The end of the program, in words for the person who started it.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    message: String,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into() }
    }

    /// A file or directory that cannot be used as `doing` says ("write", "create").
    pub fn io(exit: Exit, doing: &str, path: &Path, error: &io::Error) -> Failure {
        let advice = match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem => ": mount it writable, or choose another directory",
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ": make room, then start again",
            io::ErrorKind::PermissionDenied => ": give this user the right to it, or choose another directory",
            _ => "",
        };
        Failure::new(exit, format!("cannot {doing} `{}`: {error}{advice}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// An error with all its sources on one line. A source its error already repeats is left out.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}
