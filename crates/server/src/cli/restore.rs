//! `entente restore`: a backup into an empty data directory. The start that follows catches up from the sites.

use std::fs;
use std::io;

use serde_json::json;

use super::{Output, size};
use crate::args::RestoreArgs;
use crate::backup::{self, Manifest, RESTORED_CONFIG};
use crate::config::{Config, Kind};
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure};
use crate::lock;
use crate::progress::Progress;
use crate::root_key::RootFile;

pub fn run(args: &RestoreArgs, output: Output) -> Result<(), Failure> {
    let config = Config::of_place(&args.place)?;
    let dir = config.dir();
    let manifest = backup::look(&args.path)?;
    refuse_used(&dir, config.kind)?;
    if args.plan {
        return output.show(&document(&manifest, &dir), || text(&manifest, &dir));
    }
    let root = RootFile::at(&config.root_key, args.passphrase.as_ref().or(config.passphrase.as_ref()))?.load()?;
    dir.make()?;
    let lock = lock::take(&dir)?;
    let progress = Progress::here(output);
    progress.begin("bytes of the catalog", Some(manifest.catalog_bytes));
    backup::restore(&args.path, &root, &dir, &mut |done, _| progress.reach(done))?;
    progress.end();
    drop(lock);
    let mut told = format!(
        "`{}` is as it was at {}. Start Entente: it catches up with what the sites hold since.",
        dir.path().display(),
        manifest.made
    );
    if manifest.config_bytes > 0 {
        told += &format!("\nThe configuration of that time is in `{}`.", dir.path().join(RESTORED_CONFIG).display());
    }
    output.done(&document(&manifest, &dir), &told)
}

fn document(manifest: &Manifest, dir: &DataDir) -> serde_json::Value {
    json!({
        "data_dir": dir.path(),
        "enclave": manifest.enclave.to_string(),
        "made": manifest.made.to_string(),
        "catalog_bytes": manifest.catalog_bytes,
        "root": manifest.root.to_string(),
    })
}

/// What may lie in the directory of an enclave whose catalog is lost: of the embedded one root key and sites.
fn refuse_used(dir: &DataDir, kind: Kind) -> Result<(), Failure> {
    let expected: &[&str] = match kind {
        Kind::Embedded => &["lock", "root.key", "sites"],
        Kind::Configured => &["lock"],
    };
    let entries = match fs::read_dir(dir.path()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| Failure::io(Exit::Storage, "look into", dir.path(), &error))?,
    };
    for entry in entries {
        let entry = entry.map_err(|error| Failure::io(Exit::Storage, "look into", dir.path(), &error))?;
        if !entry.file_name().to_str().is_some_and(|name| expected.contains(&name)) {
            let why = format!(
                "`{}` is not empty: it holds `{}`; restore into a new directory, or move that away",
                dir.path().display(),
                entry.file_name().display()
            );
            return Err(Failure::new(Exit::Storage, why));
        }
    }
    Ok(())
}

fn text(manifest: &Manifest, dir: &DataDir) -> String {
    format!(
        "`{}` will hold the catalog of enclave {} as it was at {}, {}.\nIt opens under root key {}.\n",
        dir.path().display(),
        manifest.enclave,
        manifest.made,
        size(manifest.catalog_bytes),
        manifest.root
    )
}
