//! `entente label list | rotate | shred`.

use std::fmt::Write;
use std::io::{self, BufRead, IsTerminal};

use http::Method;
use serde::Serialize;
use serde_json::json;

use super::client::{Business, Client};
use super::{Output, agreed, count, size, table};
use crate::api::wire::{LabelInUse, Labels, OneLabel, Rotated, Shred, ShredPlan};
use crate::args::{AskerArgs, LabelArgs, LabelCommand, SignerArgs};
use crate::failure::{Exit, Failure};
use crate::progress::Progress;

pub fn run(args: &LabelArgs, output: Output) -> Result<(), Failure> {
    match &args.command {
        LabelCommand::List { asker } => list(asker, output),
        LabelCommand::Rotate { signer, label } => rotate(signer, label, output),
        LabelCommand::Shred { signer, label, plan, yes, despite_locks } => {
            let progress = Progress::here(output);
            progress.wait("counting what lies at the label");
            let shown: ShredPlan = ask(signer, "/api/v1/label-shred-plan", &OneLabel { label: label.clone() })?;
            progress.end();
            // To programs it is a line of its own: what is about to go is known before it goes.
            output.show(&shown, || text(&shown))?;
            if *plan {
                return Ok(());
            }
            let confirm = match yes {
                Some(label) => label.clone(),
                None => typed(&shown.label)?,
            };
            let wanted = Shred { label: label.clone(), confirm, despite_locks: *despite_locks };
            shred(signer, &wanted, output)
        }
    }
}

fn list(asker: &AskerArgs, output: Output) -> Result<(), Failure> {
    let labels: Labels = Client::asked(asker)?.list("/api/v1/labels")?;
    let row = |label: &LabelInUse| {
        let epoch = label.epochs.last().map_or_else(String::new, ToString::to_string);
        let keys = label.epochs.len().to_string();
        [label.label.clone(), epoch, keys, label.buckets.to_string(), label.stream.clone().unwrap_or_default()]
    };
    let rows = || labels.labels.iter().map(row).collect::<Vec<_>>();
    output.show(&labels, || table(["LABEL", "EPOCH", "KEYS", "BUCKETS", "STREAM"], &rows()))
}

fn rotate(signer: &SignerArgs, label: &str, output: Output) -> Result<(), Failure> {
    let rotated: Rotated = ask(signer, "/api/v1/label-rotations", &OneLabel { label: label.to_owned() })?;
    let Rotated { label, epoch } = &rotated;
    output.done(&rotated, &format!("What is written at {label} from now on is under its key of epoch {epoch}."))
}

fn shred(signer: &SignerArgs, wanted: &Shred, output: Output) -> Result<(), Failure> {
    officer(signer)?.tell(Method::POST, "/api/v1/label-shreds", wanted)?;
    let sentence = format!(
        "{} is shredded: nothing of it opens under the new root key. What is named above as to be destroyed is not yet.",
        wanted.label
    );
    output.done(&json!({ "shredded": wanted.label }), &sentence)
}

fn ask<T: serde::de::DeserializeOwned>(signer: &SignerArgs, path: &str, wanted: &impl Serialize) -> Result<T, Failure> {
    officer(signer)?.ask(Method::POST, path, wanted)
}

/// A plan counts everything there is at a label.
fn officer(signer: &SignerArgs) -> Result<Client, Failure> {
    Ok(Client::signed(signer, Business::Officers)?.patient())
}

/// What a person types to say that it is meant.
fn typed(label: &str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        let why = format!("nothing was done: nobody is here to confirm it, so say --yes '{label}'");
        return Err(Failure::new(Exit::Usage, why));
    }
    eprint!("Type the label to shred it, or anything else to leave it as it is: ");
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Failure::new(Exit::Failed, format!("cannot read the answer: {error}")))?;
    if line.trim() == label { Ok(line.trim().to_owned()) } else { Err(Failure::new(Exit::Failed, "nothing was done")) }
}

fn text(plan: &ShredPlan) -> String {
    let mut text = format!("Shredding {} makes this unreadable for ever:\n", plan.label);
    let mut line = |line: String| {
        // Writing into memory cannot fail.
        let _ = writeln!(text, "  {line}");
    };
    line(match plan.buckets.as_slice() {
        [] => "no bucket".to_owned(),
        buckets => format!("{}: {}", count(buckets.len() as u64, "bucket"), buckets.join(", ")),
    });
    line(match plan.versions {
        1 => format!("1 object or older version, {}", size(plan.bytes)),
        versions => format!("{versions} objects and older versions, {}", size(plan.bytes)),
    });
    line(format!("{} under way", count(plan.uploads, "upload")));
    line(agreed(plan.access_keys, "access key", "is withdrawn", "are withdrawn"));
    line(match plan.keys {
        1 => "1 key of the label goes".to_owned(),
        keys => format!("{keys} keys of the label go"),
    });
    if plan.locked > 0 {
        let kept = agreed(plan.locked, "version", "is kept by an object lock", "are kept by object locks");
        line(format!("{kept}: only with --despite-locks"));
    }
    text.push_str("Noise from then on, swept in time:\n");
    for site in &plan.sites {
        let _ = writeln!(text, "  {} at {}", count(site.pieces, "piece"), site.site);
    }
    let _ = writeln!(text, "  what copies of {} hold of it, but names, sizes and ETags", plan.catalog);
    text.push_str("To be destroyed, for whoever has one of these still reads it:\n");
    let sealed = if plan.sealed_under_passphrase { ", for who knows the passphrase" } else { "" };
    let _ = writeln!(text, "  {} (done by this), and every copy of it{sealed}", plan.root_key);
    for shares in &plan.shares {
        let holders = shares.holders.join(", ");
        let _ =
            writeln!(text, "  shares of {}, {} of which give a root key, made {}", holders, shares.needed, shares.made);
    }
    if !plan.backups.is_empty() {
        text.push_str("Of no more use, since they open under the old root key; make a new one:\n");
    }
    for backup in &plan.backups {
        let _ = writeln!(text, "  backup {} of {}", backup.place, backup.made);
    }
    text.push_str("There will be a new root key in the same place: copy it, and give out new shares.\n");
    text
}
