//! How the doors are encrypted: `[tls]`, and the flags that overrule it.

use std::path::Path;

use tls::{Files, Profile};

use super::absolute;
use crate::args::{TlsArgs, TlsMode};
use crate::failure::{Exit, Failure};

/// What both doors speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    pub profile: Profile,
    pub pair: Pair,
}

/// Whose certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pair {
    /// The operator's; absolute paths.
    Files(Files),
    /// One made on the first start, for trying things out; see `up/certificate.rs`.
    Development,
}

/// What the file says, under what the command line says.
pub fn under_flags(file: Option<Tls>, flags: &TlsArgs) -> Result<Option<Tls>, Failure> {
    let said = file.as_ref().map(|tls| tls.profile);
    let pair = match (&flags.tls, &flags.tls_certificate, &flags.tls_key) {
        (Some(TlsMode::Dev), ..) => Some(Pair::Development),
        (None, Some(certificate), Some(key)) => Some(files(certificate, key)?),
        _ => file.map(|tls| tls.pair),
    };
    let Some(pair) = pair else {
        return match flags.tls_profile {
            None => Ok(None),
            Some(_) => Err(Failure::new(
                Exit::Usage,
                "--tls-profile needs a certificate: give --tls-certificate and --tls-key, or --tls dev",
            )),
        };
    };
    let profile = flags.tls_profile.or(said).unwrap_or_default();
    Ok(Some(Tls { profile, pair }))
}

fn files(certificate: &Path, key: &Path) -> Result<Pair, Failure> {
    Ok(Pair::Files(Files { certificate: absolute(certificate)?, key: absolute(key)? }))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    fn check(file: Option<Tls>, line: &str) -> Result<Option<Tls>, String> {
        let args = Args::try_parse_from(["entente", "up"].into_iter().chain(line.split_whitespace()));
        let Command::Up(up) = args.map_err(|error| error.to_string())?.command else { panic!("not up") };
        under_flags(file, &up.tls).map_err(|failure| failure.to_string())
    }

    fn tls(profile: Profile, pair: Pair) -> Tls {
        Tls { profile, pair }
    }

    #[test]
    fn flags_overrule_the_file_and_half_a_pair_is_refused() {
        let mine = || files(Path::new("/c.pem"), Path::new("/k.pem")).unwrap();
        let of_file = || Some(tls(Profile::Cnsa2, Pair::Development));
        let table = [
            (None, "", Ok(None)),
            (of_file(), "", Ok(of_file())),
            (None, "--tls dev", Ok(Some(tls(Profile::Compat, Pair::Development)))),
            (None, "--tls dev --tls-profile cnsa2", Ok(of_file())),
            (of_file(), "--tls-profile compat", Ok(Some(tls(Profile::Compat, Pair::Development)))),
            (of_file(), "--tls-certificate /c.pem --tls-key /k.pem", Ok(Some(tls(Profile::Cnsa2, mine())))),
            (None, "--tls-profile cnsa2", Err("needs a certificate")),
            (None, "--tls-certificate /c.pem", Err("--tls-key")),
            (None, "--tls-key /k.pem", Err("--tls-certificate")),
            (None, "--tls dev --tls-certificate /c.pem --tls-key /k.pem", Err("cannot be used with")),
            (None, "--tls dev --tls-profile modern", Err("no TLS profile")),
        ];
        for (file, line, expected) in table {
            match (check(file, line), expected) {
                (Ok(got), Ok(wanted)) => assert_eq!(got, wanted, "{line}"),
                (Err(error), Err(says)) => assert!(error.contains(says), "{line}: {error}"),
                (got, _) => panic!("{line}: {got:?}"),
            }
        }
    }
}
