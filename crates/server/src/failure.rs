//! Why the program ends, with an exit code that means something.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// The exit codes of every command; [`Exit::LIST`] tells them to people.
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
    /// The running Entente does not let this key do this.
    Refused = 9,
    /// What could be done was done, and some of it is left for another time.
    Unfinished = 10,
    /// `doctor` found something that should be looked at.
    Warned = 11,
    /// `doctor` found something that is broken, or will break.
    Broken = 12,
}

impl Exit {
    /// What a shell reports for a program that was interrupted.
    pub const INTERRUPTED: u8 = 130;

    /// Every code, and what it means.
    pub const LIST: [(u8, &str); 14] = [
        (0, "done, or stopped as asked"),
        (Exit::Failed as u8, "failed"),
        (Exit::Usage as u8, "the command line or the configuration is wrong"),
        (Exit::Busy as u8, "another process has the data directory"),
        (Exit::Listen as u8, "an address cannot be listened on"),
        (Exit::RootKey as u8, "the root key is missing, malformed, open to others, or not this enclave's"),
        (Exit::Storage as u8, "the data directory or its catalog cannot be used"),
        (Exit::Site as u8, "the sites cannot be used"),
        (Exit::NotRunning as u8, "no running Entente was reached"),
        (Exit::Refused as u8, "the key that asked may not do this"),
        (Exit::Unfinished as u8, "not finished: something is left, or differs; ask again"),
        (Exit::Warned as u8, "`doctor` found something to look at"),
        (Exit::Broken as u8, "`doctor` found something broken"),
        (Exit::INTERRUPTED, "interrupted twice"),
    ];

    /// As it stands under the help of `entente`.
    pub fn help() -> String {
        let lines = Exit::LIST.map(|(code, meaning)| format!("  {code:>3}  {meaning}"));
        format!("Exit codes:\n{}", lines.join("\n"))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What people read of exit codes is what the program ends with.
    #[test]
    fn the_documented_exit_codes_are_those_there_are() {
        let rows: String = Exit::LIST.iter().map(|(code, meaning)| format!("| {code} | {meaning} |\n")).collect();
        let documented = include_str!("../../../CONTRIBUTING.md");
        assert!(documented.contains(&rows), "CONTRIBUTING.md should hold:\n{rows}");
        let codes = Exit::LIST.map(|(code, _)| code);
        assert!(codes.is_sorted_by(|one, next| one < next), "{codes:?}");
        assert_eq!(codes[12], Exit::Broken as u8, "the last code is in the list");
    }
}
