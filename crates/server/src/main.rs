//! The binary `entente`: configuration, wiring, the admin API, the command line.
//!
//! `up` reads the settings, takes the data directory, opens the engine over its catalog and sites,
//! and opens the doors: S3 for programs, `/api/v1` for operators, the console for browsers. Every other subcommand is a
//! short-lived client of a running `up` and reaches it by `/api/v1`.
//!
//! Absent by design: rules. Whatever decides lives in the crates below; here it is wired, started
//! and stopped.

mod accreditation;
mod args;
mod config;
mod failure;

mod data_dir;
mod drill_file;
mod files;
mod lock;

mod backup;
mod credentials;
mod root_key;
mod roots;
mod run_file;
mod token;

mod api;
mod console;
mod crypto;
mod heap;
mod instruments;
mod logs;
mod machine;
mod outside;
mod owner;
mod progress;
mod screen;
mod sigv4;
mod site_check;
mod stop;
mod up;

mod cli;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, BucketCommand, Command, JournalCommand, ObjectCommand, SiteCommand};
use crate::cli::Output;
use crate::failure::{Exit, Failure};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        // Help and the version are no mistakes.
        Err(mistake) if !mistake.use_stderr() || !asks_for_json() => mistake.exit(),
        Err(mistake) => {
            let text = mistake.render().to_string();
            return ended(&Failure::new(Exit::Usage, text.trim_start_matches("error: ").trim_end()), Output::Json);
        }
    };
    let output = Output::of(args.json);
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ended(&failure, output),
    }
}

/// Of a command line that could not be read.
fn asks_for_json() -> bool {
    std::env::args_os().skip(1).take_while(|word| word != "--").any(|word| word == "--json")
}

/// Says on stderr why it ends.
fn ended(failure: &Failure, output: Output) -> ExitCode {
    match output {
        Output::Text => eprintln!("entente: {failure}"),
        Output::Json => eprintln!("{}", serde_json::to_string(&failure.document()).unwrap_or_default()),
    }
    failure.exit.into()
}

fn run(args: Args) -> Result<(), Failure> {
    let output = Output::of(args.json);
    match args.command {
        Command::Up(up) => {
            heap::hold_threshold();
            up::run(&up, args.log.as_deref(), output)
        }
        Command::User(user) => cli::user::run(&user, output),
        Command::Key(key) => cli::key::run(&key, output),
        Command::Group(group) => cli::group::run(&group, output),
        Command::Grant(grant) => cli::grant::run(&grant, output),
        Command::Release(release) => cli::release::run(&release, output),
        Command::Explain(explain) => cli::explain::run(&explain, output),
        Command::Status(status) => cli::status::run(&status, output),
        Command::Activity(activity) => cli::activity::run(&activity, output),
        Command::Durability(durability) => cli::durability::run(&durability, output),
        Command::Scrub(scrub) => cli::scrub::run(&scrub, output),
        Command::Findings(findings) => cli::durability::findings(&findings, output),
        Command::Presign(presign) => cli::presign::run(&presign, output),
        Command::Adopt(adopt) => cli::adopt::run(&adopt, output),
        Command::Demo(demo) => cli::demo::run(&demo, output),
        Command::Completion(completion) => cli::completion::run(&completion, output),
        Command::Man(man) => cli::manual::run(&man, output),
        Command::RootKey(root_key) => cli::root_key::run(&root_key, output),
        Command::Crypto => cli::crypto::run(output),
        Command::Label(label) => cli::label::run(&label, output),
        Command::Doctor(doctor) => cli::doctor::run(&doctor, output),
        Command::Backup(backup) => cli::backup::run(&backup, output),
        Command::Restore(restore) => cli::restore::run(&restore, output),
        Command::Rebuild(rebuild) => {
            let _logs = logs::start(args.log.as_deref(), None)?;
            cli::rebuild::run(&rebuild, output)
        }
        Command::Bucket(bucket) => match bucket.command {
            BucketCommand::List { asker } => cli::bucket::list(&asker, output),
            BucketCommand::Show { asker, name } => cli::bucket::show(&asker, &name, output),
            BucketCommand::Create(create) => cli::bucket::create(&create, output),
            BucketCommand::MoveData(move_data) => cli::moving::run(&move_data, output),
            BucketCommand::Lifecycle(plan) => cli::by_itself::lifecycle(&plan, output),
        },
        Command::Object(object) => match object.command {
            ObjectCommand::Pieces(pieces) => cli::object::pieces(&pieces, output),
        },
        Command::Repair(repair) => cli::keeping::repair(&repair, output),
        Command::Journal(journal) => match journal.command {
            JournalCommand::Compact(compact) => cli::journal::compact(&compact, output),
        },
        Command::Site(site) => match site.command {
            SiteCommand::Check(check) => cli::site::run(&check, output),
            SiteCommand::Add(add) => cli::site_add::run(&add, output),
            SiteCommand::Sweep(plan) => cli::by_itself::sweep(&plan, output),
            SiteCommand::List { asker } => cli::keeping::list(&asker, output),
            SiteCommand::Suspend(sites) => cli::keeping::set(&sites, "suspended", output),
            SiteCommand::Activate(sites) => cli::keeping::set(&sites, "active", output),
            SiteCommand::Evacuate(evacuate) => cli::keeping::evacuate(&evacuate, output),
        },
    }
}
