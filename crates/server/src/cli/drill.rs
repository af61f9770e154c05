//! `entente rebuild --drill`: a rebuild into a catalog that is thrown away, beside an enclave that may be running,
//! and what of it differs from the catalog there is.
//!
//! The enclave goes on meanwhile, so its catalog is copied before and after. What is the same in both has to come back
//! the same; what came back has to be in one of them, unless it came and went in between.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use catalog::{Catalog, Keys, SqliteCatalog};
use engine::{Engine, Rebuilt};
use model::Outside;
use serde_json::json;

use super::rebuild::{told, without};
use super::{Output, table};
use crate::api::rfc3339;
use crate::api::wire::{self, DrillOutcome, DrillRows};
use crate::config::Config;
use crate::data_dir::{DataDir, remove_catalog};
use crate::failure::{Exit, Failure, chain};
use crate::progress::Progress;
use crate::root_key::RootFile;
use crate::{drill_file, outside, up};

/// Rows of one table.
#[derive(Clone, Copy, Default)]
struct Rows {
    same: u64,
    /// In the catalog before and after, and not among what came back, or otherwise.
    missing: u64,
    /// Came back and was in the catalog neither before nor after.
    unknown: u64,
}

/// What a drill found.
struct Drill {
    rebuilt: Rebuilt,
    /// Whether nothing was written while it ran: then a row that is unknown was made up.
    quiet: bool,
    tables: BTreeMap<String, Rows>,
}

impl Drill {
    fn differs(&self) -> bool {
        self.tables.values().any(|rows| rows.missing > 0 || self.quiet && rows.unknown > 0)
    }
}

pub fn run(output: Output, config: &Config, dir: &DataDir, root: &RootFile) -> Result<(), Failure> {
    clear(dir)?;
    let runtime = up::runtime()?;
    let progress = Arc::new(Progress::here(output));
    let outside = outside::real(runtime.handle().clone());
    let drill = runtime.block_on(drill(config, dir, root, &progress, &outside));
    progress.end();
    keep(dir, &drill, &outside, output);
    runtime.shutdown_timeout(up::LINGER_MAX);
    let cleared = clear(dir);
    let drill = drill?;
    cleared?;
    tell(&drill, output)?;
    match drill.differs() {
        false => Ok(()),
        true => {
            let why = "a rebuild would not bring back what there is: `entente scrub`, then drill again";
            Err(Failure::new(Exit::Unfinished, why))
        }
    }
}

async fn drill(
    config: &Config,
    dir: &DataDir,
    root: &RootFile,
    progress: &Arc<Progress>,
    outside: &Outside,
) -> Result<Drill, Failure> {
    let [before, after, scratch] = dir.catalogs_of_drill();
    let storage = |error: &catalog::Error| Failure::new(Exit::Storage, format!("cannot drill: {}", chain(error)));
    SqliteCatalog::copy(&dir.catalog(), &before).map_err(|error| storage(&error))?;
    let catalog = Arc::new(SqliteCatalog::open(&scratch, outside.clone()).map_err(|error| storage(&error))?);
    let roots = (root.load()?, root.load_next()?);
    let parts = up::parts(config, Arc::clone(&catalog) as Arc<dyn Catalog>, roots, outside)?;
    let rebuilt =
        Engine::rebuild(parts, Some(told(progress))).await.map_err(|error| up::refused(config, dir, &error))?;
    SqliteCatalog::copy(&dir.catalog(), &after).map_err(|error| storage(&error))?;
    let rows = async |path: &Path| {
        let copy = SqliteCatalog::open(path, outside.clone())?;
        copy.hand_keys(Arc::clone(&rebuilt.keys) as Arc<dyn Keys>);
        Ok(counted(&copy.dump().await?))
    };
    let (before, after) = (rows(&before).await, rows(&after).await);
    let (before, after) = (before.map_err(|error| storage(&error))?, after.map_err(|error| storage(&error))?);
    let found = counted(&catalog.dump().await.map_err(|error| storage(&error))?);
    Ok(Drill { quiet: before == after, tables: compare(&before, &after, &found), rebuilt })
}

/// Rows, each with how often it is there: kept as digests, as there may be many.
type Counted = HashMap<(String, [u8; 32]), u64>;

fn counted(dump: &str) -> Counted {
    let mut counted = Counted::new();
    for line in dump.lines() {
        let table = line.split(' ').next().unwrap_or_default().to_owned();
        *counted.entry((table, *blake3::hash(line.as_bytes()).as_bytes())).or_default() += 1;
    }
    counted
}

fn compare(before: &Counted, after: &Counted, found: &Counted) -> BTreeMap<String, Rows> {
    let mut tables: BTreeMap<String, Rows> = BTreeMap::new();
    for (row, times) in before {
        let kept = (*times).min(after.get(row).copied().unwrap_or(0));
        let same = kept.min(found.get(row).copied().unwrap_or(0));
        let rows = tables.entry(row.0.clone()).or_default();
        rows.same += same;
        rows.missing += kept - same;
    }
    for (row, times) in found {
        let known = before.get(row).copied().unwrap_or(0).max(after.get(row).copied().unwrap_or(0));
        tables.entry(row.0.clone()).or_default().unknown += times.saturating_sub(known);
    }
    tables
}

/// Leaves what it came to where a running Entente finds it. That it cannot be left there changes nothing of it.
fn keep(dir: &DataDir, drill: &Result<Drill, Failure>, outside: &Outside, output: Output) {
    let outcome = match drill {
        Ok(drill) => outcome(drill),
        Err(failure) => DrillOutcome { failed: Some(failure.to_string()), ..DrillOutcome::default() },
    };
    let drill = wire::Drill { at: rfc3339(outside.clock.now()), outcome: Some(outcome) };
    if let Err(failure) = drill_file::write(dir, &drill, outside) {
        output.talk(&format!("what it came to is not kept: {failure}"));
    }
}

fn outcome(drill: &Drill) -> DrillOutcome {
    let rows = |(table, rows): (&String, &Rows)| {
        let Rows { same, missing, unknown } = *rows;
        DrillRows { table: table.clone(), same, missing, unknown }
    };
    DrillOutcome {
        failed: None,
        differs: drill.differs(),
        quiet: drill.quiet,
        objects: drill.rebuilt.totals.objects,
        silent_sites: drill.rebuilt.silent.iter().cloned().collect(),
        tables: drill.tables.iter().map(rows).collect(),
    }
}

fn clear(dir: &DataDir) -> Result<(), Failure> {
    dir.catalogs_of_drill().iter().try_for_each(|path| remove_catalog(path))
}

fn tell(drill: &Drill, output: Output) -> Result<(), Failure> {
    let Drill { rebuilt, quiet, tables } = drill;
    let rows = |(table, rows): (&String, &Rows)| json!({ "table": table, "same": rows.same, "missing": rows.missing, "unknown": rows.unknown });
    let document = json!({
        "enclave": rebuilt.enclave.to_string(),
        "differs": drill.differs(),
        "quiet": quiet,
        "silent_sites": rebuilt.silent,
        "tables": tables.iter().map(rows).collect::<Vec<_>>(),
    });
    let count = |of: fn(&Rows) -> u64| tables.values().map(of).sum::<u64>();
    let wrong = tables.iter().filter(|(_, rows)| rows.missing > 0 || rows.unknown > 0);
    let wrong: Vec<_> = wrong
        .map(|(table, rows)| [table.clone(), rows.same.to_string(), rows.missing.to_string(), rows.unknown.to_string()])
        .collect();
    let mut text = format!(
        "{} objects of enclave {} came back, {} rows of the catalog as they are",
        rebuilt.totals.objects,
        rebuilt.enclave,
        count(|rows| rows.same)
    );
    text.push_str(if *quiet { ".\n" } else { "; it was written to meanwhile.\n" });
    if !wrong.is_empty() {
        text.push_str(&table(["TABLE", "SAME", "MISSING", "UNKNOWN"], &wrong));
    }
    text.push_str(&without(&rebuilt.silent));
    output.show(&document, || text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(found: &BTreeMap<String, Rows>, table: &str) -> (u64, u64, u64) {
        let rows = found.get(table).copied().unwrap_or_default();
        (rows.same, rows.missing, rows.unknown)
    }

    #[test]
    fn what_stayed_must_come_back_and_what_comes_back_must_have_been() {
        let before = counted("object a\nobject b\nobject c\nsite x\nsite x");
        let after = counted("object b\nobject c\nobject d\nsite x\nsite x");
        let found = counted("object a\nobject b\nobject e\nsite x");
        let compared = compare(&before, &after, &found);
        // b; c is missing; a went meanwhile, e never was.
        assert_eq!(rows(&compared, "object"), (1, 1, 1));
        assert_eq!(rows(&compared, "site"), (1, 1, 0));
    }
}
