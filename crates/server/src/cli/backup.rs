//! `entente backup`.

use http::Method;

use super::client::Client;
use super::{Output, follow, size};
use crate::api::wire::{BackupPlan, BackupState, NewBackup};
use crate::args::BackupArgs;
use crate::config::absolute;
use crate::failure::{Exit, Failure};
use crate::progress::Progress;

pub fn run(args: &BackupArgs, output: Output) -> Result<(), Failure> {
    let client = Client::asked(&args.asker)?;
    let path = absolute(&args.path)?.display().to_string();
    if args.plan {
        let plan: BackupPlan = client.call(Method::GET, "/api/v1/backup-plan", Vec::new())?;
        return output.show(&plan, || text(&plan, &path));
    }
    client.tell(Method::POST, "/api/v1/backups", &NewBackup { path })?;
    let progress = Progress::here(output);
    let mut of = None;
    let state = follow(|| {
        let state: BackupState = client.call(Method::GET, "/api/v1/backups", Vec::new())?;
        if state.bytes > 0 && of.replace(state.bytes).is_none() {
            progress.begin("bytes of the catalog", Some(state.bytes));
        }
        progress.reach(state.done);
        Ok((state.failed.is_some() || state.digest.is_some()).then_some(state))
    })?;
    progress.end();
    if let Some(why) = &state.failed {
        return Err(Failure::new(Exit::Failed, format!("the backup failed: {why}")));
    }
    output.talk("The root key is not in it, and nothing opens it but that. Keep both, apart.");
    let digest = state.digest.clone().unwrap_or_default();
    output.show(&state, || format!("{digest}  {}\n", state.path))
}

fn text(plan: &BackupPlan, path: &str) -> String {
    let config = plan.config.as_ref().map_or_else(|| "no configuration file".to_owned(), |path| format!("`{path}`"));
    format!(
        "`{path}` will hold, sealed under root key {}:\n  the catalog of enclave {}, up to {}\n  {config}\nNot in it: the root key, and what the sites hold.\n",
        plan.root,
        plan.enclave,
        size(plan.catalog_bytes)
    )
}
