//! Where a passphrase comes from: a person at a terminal, a file, a descriptor or a variable.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use coding::root_file::PASSPHRASE_MIN;
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};

/// A place to read it from, as settings and the command line name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassphraseFrom {
    /// Asked for at the terminal.
    Prompt,
    File(PathBuf),
    /// An open file descriptor.
    Descriptor(u32),
    /// An environment variable.
    Variable(String),
}

impl PassphraseFrom {
    /// A path that is not absolute begins at `base`.
    pub fn below(self, base: &Path) -> PassphraseFrom {
        match self {
            PassphraseFrom::File(path) => PassphraseFrom::File(base.join(path)),
            other => other,
        }
    }
}

impl FromStr for PassphraseFrom {
    type Err = String;

    fn from_str(text: &str) -> Result<PassphraseFrom, String> {
        // What is written here by mistake may be the passphrase itself: it is not repeated.
        let bad =
            || "that is no place of a passphrase: write `prompt`, `file:PATH`, `fd:NUMBER` or `env:NAME`".to_owned();
        match text.split_once(':') {
            None if text == "prompt" => Ok(PassphraseFrom::Prompt),
            Some(("file", path)) if !path.is_empty() => Ok(PassphraseFrom::File(PathBuf::from(path))),
            Some(("fd", number)) => number.parse().map(PassphraseFrom::Descriptor).map_err(|_| bad()),
            Some(("env", name)) if !name.is_empty() => Ok(PassphraseFrom::Variable(name.to_owned())),
            _ => Err(bad()),
        }
    }
}

/// A passphrase that was read. It is kept while a label may be shredded, so that the new root comes under
/// the same.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Of the root key at `path`; asked for at the terminal unless another place is named.
    pub fn of(from: Option<&PassphraseFrom>, path: &Path) -> Result<Passphrase, Failure> {
        match from.unwrap_or(&PassphraseFrom::Prompt) {
            PassphraseFrom::Prompt => prompt(&format!("Passphrase of the root key {}: ", path.display())),
            PassphraseFrom::File(file) => read(file),
            PassphraseFrom::Descriptor(number) => read(&PathBuf::from(format!("/dev/fd/{number}"))),
            PassphraseFrom::Variable(name) => std::env::var(name)
                .map(|text| Passphrase::trimmed(&text))
                .map_err(|_| failed(format!("the variable `{name}` holds no passphrase: set it"))),
        }
    }

    /// A new one: long enough, and typed twice where it is typed.
    pub fn new(from: &PassphraseFrom, path: &Path) -> Result<Passphrase, Failure> {
        let passphrase = Passphrase::of(Some(from), path)?;
        if passphrase.0.chars().count() < PASSPHRASE_MIN {
            let why =
                format!("the passphrase is too short: give at least {PASSPHRASE_MIN} characters, such as five words");
            return Err(failed(why));
        }
        if *from == PassphraseFrom::Prompt && prompt("The same again: ")?.0 != passphrase.0 {
            return Err(failed("the two differ: nothing was written, so try again".to_owned()));
        }
        Ok(passphrase)
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn trimmed(text: &str) -> Passphrase {
        Passphrase(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

fn prompt(text: &str) -> Result<Passphrase, Failure> {
    if !std::io::stdin().is_terminal() {
        let why = "the root key is sealed under a passphrase, and nobody is at a terminal to ask: name where it is with --passphrase or in the configuration";
        return Err(failed(why.to_owned()));
    }
    let typed = rpassword::prompt_password(text).map(Zeroizing::new);
    typed.map(Passphrase).map_err(|error| failed(format!("cannot ask for the passphrase: {error}")))
}

fn read(path: &Path) -> Result<Passphrase, Failure> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| Failure::io(Exit::RootKey, "read the passphrase", path, &error))?;
    Ok(Passphrase::trimmed(&text))
}

fn failed(why: String) -> Failure {
    Failure::new(Exit::RootKey, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_in_one_way() {
        for (text, expected) in [
            ("prompt", Some(PassphraseFrom::Prompt)),
            ("file:/run/pass", Some(PassphraseFrom::File("/run/pass".into()))),
            ("fd:3", Some(PassphraseFrom::Descriptor(3))),
            ("env:PASS", Some(PassphraseFrom::Variable("PASS".into()))),
            ("correct horse battery", None),
            ("fd:x", None),
            ("file:", None),
        ] {
            assert_eq!(text.parse::<PassphraseFrom>().ok(), expected, "{text}");
        }
    }
}
