//! `entente backup`.

use std::io::{self, IsTerminal};
use std::thread;
use std::time::Duration;

use http::Method;

use super::client::Client;
use super::{print, print_json, size};
use crate::api::wire::{BackupPlan, BackupState, NewBackup};
use crate::args::BackupArgs;
use crate::config::absolute;
use crate::failure::{Exit, Failure};

const LOOK_EVERY: Duration = Duration::from_millis(200);

pub fn run(args: &BackupArgs) -> Result<(), Failure> {
    let client = Client::of(&args.place)?;
    let path = absolute(&args.path)?.display().to_string();
    if args.plan {
        let plan: BackupPlan = client.call(Method::GET, "/api/v1/backup-plan", Vec::new())?;
        return if args.json { print_json(&plan) } else { print(&text(&plan, &path)) };
    }
    client.tell(Method::POST, "/api/v1/backups", &NewBackup { path })?;
    let shown = io::stderr().is_terminal();
    loop {
        let state: BackupState = client.call(Method::GET, "/api/v1/backups", Vec::new())?;
        if shown && state.bytes > 0 {
            eprint!("\r{} of {} ", size(state.done), size(state.bytes));
        }
        if let Some(why) = state.failed {
            return Err(Failure::new(Exit::Failed, format!("the backup failed: {why}")));
        }
        if let Some(digest) = &state.digest {
            if shown {
                eprintln!();
            }
            eprintln!("The root key is not in it, and nothing opens it but that. Keep both, apart.");
            return if args.json { print_json(&state) } else { print(&format!("{digest}  {}\n", state.path)) };
        }
        thread::sleep(LOOK_EVERY);
    }
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
