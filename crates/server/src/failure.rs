//! Why the program ends, with an exit code that means something.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::api::wire::Problem;

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
    /// What was named is not there, or not for this key.
    Absent = 13,
    /// It is there already, or something that is under way or kept stands against it.
    Conflict = 14,
    /// Too few sites answer, or too much is asked at once: it may be done later, as it was asked.
    Unavailable = 15,
}

impl Exit {
    /// What a shell reports for a program that was interrupted.
    pub const INTERRUPTED: u8 = 130;

    /// Every code, and what it means.
    pub const LIST: [(u8, &str); 17] = [
        (0, "done, or stopped as asked"),
        (Exit::Failed as u8, "failed"),
        (Exit::Usage as u8, "the command line or the configuration is wrong, or a value in it"),
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
        (Exit::Absent as u8, "what was named is not there, or not for this key"),
        (Exit::Conflict as u8, "it is there already, or something stands against it"),
        (Exit::Unavailable as u8, "not now: too few sites answer, or too much is asked at once; ask again later"),
        (Exit::INTERRUPTED, "interrupted twice"),
    ];

    /// As it stands under the help of `entente`.
    pub fn help() -> String {
        let lines = Exit::LIST.map(|(code, meaning)| format!("  {code:>3}  {meaning}"));
        format!("Exit codes:\n{}\n\n{}", lines.join("\n"), Exit::JSON)
    }

    /// What a program that asked for JSON reads of a failure.
    pub const JSON: &str = "With --json a failure is the last line of stderr, as one object: `title`, `detail`, \
                            `exit_code`, and `status` where the running Entente refused it.";

    /// What the list says of it.
    fn meaning(self) -> &'static str {
        Exit::LIST.iter().find(|(code, _)| *code == self as u8).map_or("failed", |(_, meaning)| meaning)
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
    /// Title and status, where the running Entente refused it.
    refusal: Option<(String, u16)>,
}

/// The same for programs: as the API has its refusals, with the exit code.
#[derive(Debug, Serialize)]
pub struct FailureDocument<'a> {
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    detail: &'a str,
    exit_code: u8,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), refusal: None }
    }

    /// What the running Entente refused.
    pub fn refused(exit: Exit, problem: Problem) -> Failure {
        Failure { exit, message: problem.detail, refusal: Some((problem.title, problem.status)) }
    }

    pub fn document(&self) -> FailureDocument<'_> {
        let (title, status) = match &self.refusal {
            Some((title, status)) => (title.as_str(), Some(*status)),
            None => (self.exit.meaning(), None),
        };
        FailureDocument { title, status, detail: &self.message, exit_code: self.exit as u8 }
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

    #[test]
    fn programs_read_of_a_failure_what_the_api_said_or_else_what_its_code_means() {
        let told = |failure: &Failure| serde_json::to_string(&failure.document()).unwrap();
        assert_eq!(
            told(&Failure::new(Exit::NotRunning, "no Entente runs on `d`")),
            r#"{"title":"no running Entente was reached","detail":"no Entente runs on `d`","exit_code":8}"#
        );
        let problem = Problem { title: "Forbidden".to_owned(), status: 403, detail: "you are\nauditor".to_owned() };
        assert_eq!(
            told(&Failure::refused(Exit::Refused, problem)),
            r#"{"title":"Forbidden","status":403,"detail":"you are\nauditor","exit_code":9}"#
        );
    }

    /// What people read of exit codes is what the program ends with.
    #[test]
    fn the_documented_exit_codes_are_those_there_are() {
        let rows: String = Exit::LIST.iter().map(|(code, meaning)| format!("| {code} | {meaning} |\n")).collect();
        let documented = include_str!("../../../CONTRIBUTING.md");
        assert!(documented.contains(&rows), "CONTRIBUTING.md should hold:\n{rows}");
        let codes = Exit::LIST.map(|(code, _)| code);
        assert!(codes.is_sorted_by(|one, next| one < next), "{codes:?}");
        assert_eq!(codes[15], Exit::Unavailable as u8, "the last code is in the list");
    }
}
