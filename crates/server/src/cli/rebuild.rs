//! `entente rebuild`: the catalog of a data directory that lost it, out of the sites and the root key.
//!
//! It is made beside its place and put there whole. What a rebuild that was cut short left there, the next one goes on
//! with.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use catalog::{Catalog, SqliteCatalog};
use engine::{Engine, RebuildPlan, Rebuilt, ReplayStep, Tell};
use serde_json::json;
use tokio::runtime::Handle;

use super::{Output, count, drill, size, table};
use crate::api::rfc3339;
use crate::args::RebuildArgs;
use crate::config::Config;
use crate::data_dir::{DataDir, remove_catalog};
use crate::failure::{Exit, Failure, chain};
use crate::progress::Progress;
use crate::root_key::RootFile;
use crate::{files, lock, outside, up};

pub fn run(args: &RebuildArgs, output: Output) -> Result<(), Failure> {
    let config = Config::of_place(&args.place)?;
    let dir = config.dir();
    let root = RootFile::at(&config.root_key, args.passphrase.as_ref().or(config.passphrase.as_ref()))?;
    if args.drill {
        return drill::run(output, &config, &dir, &root);
    }
    let runtime = up::runtime()?;
    if args.plan {
        let plan = runtime.block_on(plan(&config, &dir, &root));
        runtime.shutdown_timeout(up::LINGER_MAX);
        return tell_plan(&plan?, output);
    }
    dir.make()?;
    let lock = lock::take(&dir)?;
    refuse_present(&dir.catalog())?;
    remove_catalog(&dir.catalog_rebuilt())?;
    if args.anew {
        remove_catalog(&dir.catalog_rebuilding())?;
    }
    let progress = Arc::new(Progress::here(output));
    let rebuilt = runtime.block_on(rebuild(&config, &dir, &root, &progress));
    progress.end();
    runtime.shutdown_timeout(up::LINGER_MAX);
    let put = rebuilt.and_then(|rebuilt| put_in_place(&dir).map(|()| rebuilt));
    // Only what is in its place is not needed any more.
    let put = put.and_then(|rebuilt| remove_catalog(&dir.catalog_rebuilding()).map(|()| rebuilt));
    drop(lock);
    tell(&put?, &dir, output)
}

async fn rebuild(
    config: &Config,
    dir: &DataDir,
    root: &RootFile,
    progress: &Arc<Progress>,
) -> Result<Rebuilt, Failure> {
    let outside = outside::real(Handle::current());
    let path = dir.catalog_rebuilding();
    let storage = |error: &catalog::Error| {
        Failure::new(Exit::Storage, format!("cannot write `{}`: {}", path.display(), chain(error)))
    };
    let is_left = path.exists();
    if is_left {
        let text = format!("goes on with `{}`, which a rebuild before left; `--anew` begins anew", path.display());
        progress.remark(&text, &json!({ "resumes": path }));
    }
    let catalog = SqliteCatalog::open(&path, outside.clone()).map_err(|error| match is_left {
        true => {
            let why = format!("cannot go on with `{}`: {}: `--anew` begins without it", path.display(), chain(&error));
            Failure::new(Exit::Storage, why)
        }
        false => storage(&error),
    })?;
    let catalog: Arc<dyn Catalog> = Arc::new(catalog);
    let parts = up::parts(config, Arc::clone(&catalog), (root.load()?, root.load_next()?), &outside)?;
    let rebuilt =
        Engine::resume_rebuild(parts, Some(told(progress))).await.map_err(|error| up::refused(config, dir, &error))?;
    catalog.save(dir.catalog_rebuilt()).await.map_err(|error| storage(&error))?;
    Ok(rebuilt)
}

/// A rebuild replaces nothing but what a start over a lost catalog left: one of no enclave. What is there is
/// only looked at.
fn refuse_present(path: &Path) -> Result<(), Failure> {
    match path.try_exists() {
        Ok(false) => return Ok(()),
        Ok(true) => {}
        Err(error) => return Err(Failure::io(Exit::Storage, "look for", path, &error)),
    }
    if SqliteCatalog::enclave_at(path).is_ok_and(|enclave| enclave.is_none()) {
        return remove_catalog(path);
    }
    let why = format!("`{}` is there: a rebuild replaces nothing, so move it away first", path.display());
    Err(Failure::new(Exit::Storage, why))
}

fn put_in_place(dir: &DataDir) -> Result<(), Failure> {
    let (from, to) = (dir.catalog_rebuilt(), dir.catalog());
    let put = fs::rename(&from, &to).and_then(|()| files::sync_parent(&to));
    put.map_err(|error| Failure::io(Exit::Storage, "put the catalog at", &to, &error))
}

/// Tells of listing, reading and showing as stages.
pub fn told(progress: &Arc<Progress>) -> Tell {
    const LISTING: &str = "pieces of the journal";
    progress.begin(LISTING, None);
    let (progress, of_snapshot) = (Arc::clone(progress), AtomicBool::new(false));
    Arc::new(move |step| match step {
        ReplayStep::Snapshot(parts) => {
            of_snapshot.store(true, Ordering::Relaxed);
            progress.begin("parts of the snapshot", Some(parts as u64));
        }
        ReplayStep::Listed { pieces, .. } => {
            if of_snapshot.swap(false, Ordering::Relaxed) {
                progress.begin(LISTING, None);
            }
            progress.advance(pieces as u64);
        }
        ReplayStep::Segments(segments) => progress.begin("segments of the journal", Some(segments as u64)),
        // The control stream is shown before the others are read: what counts is how many there are.
        ReplayStep::Read(_) => progress.advance(1),
        ReplayStep::Shown(_) => {}
    })
}

async fn plan(config: &Config, dir: &DataDir, root: &RootFile) -> Result<RebuildPlan, Failure> {
    let outside = outside::real(Handle::current());
    let catalog = SqliteCatalog::in_memory(outside.clone())
        .map_err(|error| Failure::new(Exit::Storage, format!("cannot plan: {}", chain(&error))))?;
    let parts = up::parts(config, Arc::new(catalog), (root.load()?, root.load_next()?), &outside)?;
    Engine::plan_rebuild(parts).await.map_err(|error| up::refused(config, dir, &error))
}

fn tell_plan(plan: &RebuildPlan, output: Output) -> Result<(), Failure> {
    let sites: Vec<_> = plan.sites.iter().map(|(name, pieces)| json!({ "site": name, "pieces": pieces })).collect();
    let snapshot = plan
        .snapshot
        .map(|snapshot| json!({ "made": rfc3339(snapshot.made), "parts": snapshot.parts, "bytes": snapshot.bytes }));
    let document = json!({
        "enclave": plan.enclave.to_string(),
        "snapshot": snapshot,
        "sites": sites,
        "silent_sites": plan.silent,
        "segments": plan.segments,
        "list_requests": plan.lists,
        "get_requests": plan.gets,
        "bytes": plan.bytes,
        "journal_bytes": plan.journal_bytes,
    });
    let rows: Vec<_> = plan.sites.iter().map(|(name, pieces)| [name.clone(), pieces.to_string()]).collect();
    let from = plan.snapshot.map_or_else(String::new, |snapshot| {
        format!(
            "a snapshot of {}, {} in {} GET requests; from there on ",
            rfc3339(snapshot.made),
            size(snapshot.bytes),
            snapshot.parts
        )
    });
    let of = format!(
        "Enclave {}: {from}{} segments of the journal; {} LIST and about {} GET requests, for {} of {}.\n",
        plan.enclave,
        plan.segments,
        plan.lists,
        plan.gets,
        size(plan.bytes),
        size(plan.journal_bytes),
    );
    let table = || table(["SITE", "PIECES OF THE JOURNAL"], &rows);
    output.show(&document, || format!("{}{of}{}", table(), without(&plan.silent)))
}

/// Which sites it is done without.
pub fn without(silent: &BTreeSet<String>) -> String {
    match silent.is_empty() {
        true => String::new(),
        false => format!("Done without {}.\n", silent.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
    }
}

fn tell(rebuilt: &Rebuilt, dir: &DataDir, output: Output) -> Result<(), Failure> {
    let totals = &rebuilt.totals;
    let document = json!({
        "enclave": rebuilt.enclave.to_string(),
        "catalog": dir.catalog(),
        "buckets": totals.buckets,
        "objects": totals.objects,
        "object_bytes": totals.object_bytes,
        "uploads": totals.uploads,
        "silent_sites": rebuilt.silent,
    });
    output.show(&document, || {
        format!(
            "`{}` is the catalog of enclave {} again: {}, {}, {}, {} under way.\n{}",
            dir.catalog().display(),
            rebuilt.enclave,
            count(totals.buckets, "bucket"),
            count(totals.objects, "object"),
            size(totals.object_bytes),
            count(totals.uploads, "upload"),
            without(&rebuilt.silent),
        )
    })
}
