//! `entente rebuild`: the catalog of a data directory that lost it, out of the sites and the root key.
//!
//! It is made beside its place and put there whole: a rebuild that was cut short leaves no catalog, and the
//! next one begins anew.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use catalog::{Catalog, SqliteCatalog};
use engine::{Engine, Rebuilt, ReplayStep, Tell};
use serde_json::json;
use tokio::runtime::Handle;

use super::{print, print_json, size};
use crate::args::RebuildArgs;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure, chain};
use crate::root_key::RootFile;
use crate::{files, lock, outside, up};

/// Between two lines of progress.
const SAY_EVERY: Duration = Duration::from_millis(200);

pub fn run(args: &RebuildArgs) -> Result<(), Failure> {
    let config = Config::of_place(&args.place)?;
    let dir = config.dir();
    let root = RootFile::at(&config.root_key, args.passphrase.as_ref().or(config.passphrase.as_ref()))?;
    let lock = lock::take(&dir)?;
    refuse_present(&dir.catalog())?;
    clear(&dir)?;
    let runtime = up::runtime()?;
    let rebuilt = runtime.block_on(rebuild(&config, &dir, &root));
    runtime.shutdown_timeout(up::LINGER_MAX);
    let put = rebuilt.and_then(|rebuilt| put_in_place(&dir).map(|()| rebuilt));
    let cleared = clear(&dir);
    drop(lock);
    let rebuilt = put?;
    cleared?;
    tell(&rebuilt, &dir, args.json)
}

async fn rebuild(config: &Config, dir: &DataDir, root: &RootFile) -> Result<Rebuilt, Failure> {
    let outside = outside::real(Handle::current());
    let path = dir.catalog_rebuilding();
    let storage = |error: &catalog::Error| {
        Failure::new(Exit::Storage, format!("cannot write `{}`: {}", path.display(), chain(error)))
    };
    let catalog = SqliteCatalog::open(&path, outside.clone()).map_err(|error| storage(&error))?;
    let catalog: Arc<dyn Catalog> = Arc::new(catalog);
    let parts = up::parts(config, Arc::clone(&catalog), (root.load()?, root.load_next()?), &outside)?;
    let rebuilt = Engine::rebuild(parts, progress()).await.map_err(|error| up::refused(config, dir, &error))?;
    catalog.save(dir.catalog_rebuilt()).await.map_err(|error| storage(&error))?;
    Ok(rebuilt)
}

/// A rebuild replaces nothing.
fn refuse_present(path: &Path) -> Result<(), Failure> {
    match path.try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => {
            let why = format!("`{}` is there: a rebuild replaces nothing, so move it away first", path.display());
            Err(Failure::new(Exit::Storage, why))
        }
        Err(error) => Err(Failure::io(Exit::Storage, "look for", path, &error)),
    }
}

/// Removes what an earlier rebuild left.
fn clear(dir: &DataDir) -> Result<(), Failure> {
    let path = dir.catalog_rebuilding();
    let log = ["-wal", "-shm"].map(|suffix| path.with_file_name(beside(&path, suffix)));
    for path in [path, dir.catalog_rebuilt()].into_iter().chain(log) {
        files::remove_if_there(&path).map_err(|error| Failure::io(Exit::Storage, "remove", &path, &error))?;
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    format!("{name}{suffix}")
}

fn put_in_place(dir: &DataDir) -> Result<(), Failure> {
    let (from, to) = (dir.catalog_rebuilt(), dir.catalog());
    let put = fs::rename(&from, &to).and_then(|()| files::sync_parent(&to));
    put.map_err(|error| Failure::io(Exit::Storage, "put the catalog at", &to, &error))
}

/// Progress on a terminal; the log has what else is worth saying.
fn progress() -> Option<Tell> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let (of, read, changes) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let said = Mutex::new(Instant::now());
    Some(Arc::new(move |step| {
        match step {
            ReplayStep::Listed { site, pieces } => eprintln!("{site}: {pieces} pieces of the journal"),
            ReplayStep::Segments(segments) => of.store(segments as u64, Ordering::Relaxed),
            ReplayStep::Read(_) => drop(read.fetch_add(1, Ordering::Relaxed)),
            ReplayStep::Shown(_) => drop(changes.fetch_add(1, Ordering::Relaxed)),
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.elapsed() >= SAY_EVERY {
            *said = Instant::now();
            let [of, read, changes] = [&of, &read, &changes].map(|count| count.load(Ordering::Relaxed));
            eprint!("\r{read} of {of} segments read, {changes} changes back ");
        }
    }))
}

fn tell(rebuilt: &Rebuilt, dir: &DataDir, as_json: bool) -> Result<(), Failure> {
    let totals = &rebuilt.totals;
    if as_json {
        return print_json(&json!({
            "enclave": rebuilt.enclave.to_string(),
            "catalog": dir.catalog(),
            "buckets": totals.buckets,
            "objects": totals.objects,
            "object_bytes": totals.object_bytes,
            "uploads": totals.uploads,
            "silent_sites": rebuilt.silent,
        }));
    }
    let silent = match rebuilt.silent.is_empty() {
        true => String::new(),
        false => {
            let names: Vec<_> = rebuilt.silent.iter().map(String::as_str).collect();
            format!("It was done without {}.\n", names.join(", "))
        }
    };
    print(&format!(
        "`{}` is the catalog of enclave {} again: {} buckets, {} objects, {}, {} uploads under way.\n{silent}",
        dir.catalog().display(),
        rebuilt.enclave,
        totals.buckets,
        totals.objects,
        size(totals.object_bytes),
        totals.uploads,
    ))
}
