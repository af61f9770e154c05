//! `entente doctor`: what is wrong with a deployment, running or stopped, why it matters, and what to do.
//!
//! ```text
//!  settings, files, catalog, sites, the running process ── gather ──► facts ── rules ──► findings
//! ```
//!
//! Gathering looks and changes nothing: no site is written to, and the catalog is read as it lies. The rules are
//! plain functions over the facts. It is for whoever runs the machine, so it names files, sites and ids of access
//! keys; of labels and of what lies under them it says nothing.

mod facts;
mod gather;
mod rules;

use std::fmt::Write;

use serde::Serialize;

use super::{Output, Tone};
use crate::args::DoctorArgs;
use crate::failure::{Exit, Failure};
use crate::progress::Progress;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It should be looked at.
    Warning,
    /// It is broken, or will break.
    Broken,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// Names the rule, for programs.
    pub code: &'static str,
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub advice: String,
}

/// The answer to `--json`.
#[derive(Serialize)]
struct Report<'a> {
    worst: Option<Severity>,
    looked_at: Vec<&'static str>,
    findings: &'a [Finding],
}

pub fn run(args: &DoctorArgs, output: Output) -> Result<(), Failure> {
    let progress = Progress::here(output);
    progress.wait("looking");
    let findings = match gather::facts(args) {
        Ok(facts) => rules::judge(&facts),
        // What cannot be read says nothing about the rest.
        Err(failure) => vec![rules::unreadable_settings(&failure.to_string())],
    };
    progress.end();
    let worst = findings.iter().map(|finding| finding.severity).max();
    let report = Report { worst, looked_at: rules::AREAS.map(|(area, _)| area).to_vec(), findings: &findings };
    output.show(&report, || shown(&findings))?;
    let counted = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    match worst {
        Some(Severity::Broken) => {
            let why = format!("{} broken, {} to look at", counted(Severity::Broken), counted(Severity::Warning));
            Err(Failure::new(Exit::Broken, why))
        }
        Some(Severity::Warning) => {
            Err(Failure::new(Exit::Warned, format!("{} to look at", counted(Severity::Warning))))
        }
        Some(Severity::Note) | None => Ok(()),
    }
}

fn shown(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { severity, code, what, why, advice } in findings {
        let (word, tone) = match severity {
            Severity::Broken => ("broken ", Tone::Bad),
            Severity::Warning => ("look at", Tone::Odd),
            Severity::Note => ("note   ", Tone::Plain),
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}  {what} ({code})", tone.of(word));
        let _ = writeln!(text, "         why: {why}");
        let _ = writeln!(text, "         do:  {advice}\n");
    }
    if !findings.iter().any(|finding| finding.severity > Severity::Note) {
        text.push_str("Nothing is wrong. ");
    }
    let areas = rules::AREAS.map(|(area, _)| area).join(", ");
    let _ = writeln!(text, "Looked at {areas}. `entente site check` also writes to the sites.");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_what_why_and_what_to_do() {
        let finding = Finding {
            severity: Severity::Broken,
            code: "root-key-missing",
            what: "the root key is missing".to_owned(),
            why: "nothing can be read".to_owned(),
            advice: "put it back".to_owned(),
        };
        let text = shown(&[finding]);
        let expected = "broken   the root key is missing (root-key-missing)\n         why: nothing can be read\n         do:  put it back\n\nLooked at ";
        assert!(text.starts_with(expected), "{text}");
        assert!(shown(&[]).starts_with("Nothing is wrong. Looked at clocks, "));
    }
}
