//! `entente-rescue`: from the pieces at the sites and the root key to files, with nothing else.
//!
//! stdout lists what could not be given back, a line each; stderr tells how it goes. The exit code is
//! 0 when everything is there, 1 when something is missing, 2 when nothing could be done.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use coding::rescue::{self, Report};
use coding::{RootKey, root_file};

const USAGE: &str = "usage: entente-rescue --root-key FILE [--passphrase-file FILE] --out DIR SITE_DIR...

  --root-key FILE  the enclave's root key
  --passphrase-file FILE  its passphrase, if it is sealed under one
  --out DIR        a new or empty directory for the files: DIR/<bucket>/<key>
  SITE_DIR...      one directory of pieces per site; any k of each segment's pieces suffice";

struct Arguments {
    root_key: PathBuf,
    passphrase: Option<PathBuf>,
    out: PathBuf,
    sites: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args_os().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("{why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(report) => tell(&report),
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

/// `None` when help is asked for.
fn parse(mut words: impl Iterator<Item = std::ffi::OsString>) -> Result<Option<Arguments>, String> {
    let (mut root_key, mut passphrase, mut out, mut sites) = (None, None, None, Vec::new());
    while let Some(word) = words.next() {
        let mut value = |name: &str| words.next().map(PathBuf::from).ok_or_else(|| format!("`{name}` needs a value"));
        match word.to_str() {
            Some("--help" | "-h") => return Ok(None),
            Some(name @ "--root-key") => root_key = Some(value(name)?),
            Some(name @ "--passphrase-file") => passphrase = Some(value(name)?),
            Some(name @ "--out") => out = Some(value(name)?),
            Some(name) if name.starts_with("--") => return Err(format!("`{name}` is no option")),
            _ => sites.push(PathBuf::from(word)),
        }
    }
    let root_key = root_key.ok_or("`--root-key` is missing")?;
    let out = out.ok_or("`--out` is missing")?;
    if sites.is_empty() {
        return Err("name the directory of at least one site".to_owned());
    }
    Ok(Some(Arguments { root_key, passphrase, out, sites }))
}

fn run(arguments: &Arguments) -> Result<Report, String> {
    let root = read_root(arguments)?;
    let mut progress = |line: &str| eprintln!("{line}");
    rescue::run(&root, &arguments.sites, &arguments.out, &mut progress).map_err(|error| {
        let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
        format!("{error}{}", source.unwrap_or_default())
    })
}

fn read_root(arguments: &Arguments) -> Result<RootKey, String> {
    let read = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))
    };
    let text = read(&arguments.root_key)?;
    let passphrase = arguments.passphrase.as_ref().map(read).transpose()?;
    let passphrase = passphrase.as_deref().map(|text| text.trim_end_matches(['\r', '\n']));
    let named = arguments.root_key.display();
    root_file::open(&text, passphrase).map_err(|error| format!("`{named}` is no root key: {error}"))
}

fn tell(report: &Report) -> ExitCode {
    report.notes.iter().for_each(|note| eprintln!("note: {note}"));
    report.losses.iter().for_each(|loss| println!("{loss}"));
    let Report { buckets, objects, bytes, losses, .. } = report;
    eprintln!("{objects} objects with {bytes} bytes in {buckets} buckets written, {} losses", losses.len());
    ExitCode::from(u8::from(!losses.is_empty()))
}
