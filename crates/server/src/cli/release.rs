//! `entente release ask | list | look | sign | refuse | take-back | carry-out`.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use http::Method;

use super::client::{Business, Client};
use super::{print, print_json, table, target};
use crate::api::wire::{NewRelease, Release, Releases};
use crate::args::{ReleaseArgs, ReleaseCommand, SignerArgs};
use crate::failure::{Exit, Failure};
use crate::sigv4::segment;

pub fn run(args: &ReleaseArgs) -> Result<(), Failure> {
    match &args.command {
        ReleaseCommand::Ask { signer, from, to, to_label, version, reason, json } => {
            let ((bucket, key), (to_bucket, to_key)) = (target(from)?, target(to)?);
            let key = key.ok_or_else(|| Failure::new(Exit::Usage, format!("`{from}` names no object")))?;
            let (version, to_label, reason) = (version.clone(), to_label.clone(), reason.clone());
            let wanted = NewRelease { bucket, key, version, to_label, to_bucket, to_key, reason };
            let release: Release =
                Client::signed(signer, Business::Owners)?.ask(Method::POST, "/api/v1/releases", &wanted)?;
            eprintln!("Two security officers must sign: entente release sign {} --as FILE", release.id);
            told(release, *json)
        }
        ReleaseCommand::List { signer, json } => {
            let client = Client::signed(signer, Business::Officers)?;
            let releases: Releases = client.list("/api/v1/releases")?;
            if *json { print_json(&releases) } else { print(&rows(releases.releases)) }
        }
        ReleaseCommand::Look { signer, id, out } => look(signer, id, out),
        ReleaseCommand::Sign { signer, id, json } => step(signer, Business::Officers, id, "sign", *json),
        ReleaseCommand::Refuse { signer, id } => step(signer, Business::Officers, id, "refuse", false),
        ReleaseCommand::TakeBack { signer, id } => step(signer, Business::Owners, id, "take-back", false),
        ReleaseCommand::CarryOut { signer, id } => step(signer, Business::Officers, id, "carry-out", false),
    }
}

fn look(signer: &SignerArgs, id: &str, out: &Path) -> Result<(), Failure> {
    let client = Client::signed(signer, Business::Officers)?.patient();
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out);
    let mut file = file.map_err(|error| Failure::io(Exit::Usage, "create", out, &error))?;
    let read = client.read(&format!("/api/v1/releases/{}/content", segment(id)), &mut file);
    if read.is_err() {
        // Half of it is not what would be signed.
        let _ = std::fs::remove_file(out);
    }
    read
}

fn step(signer: &SignerArgs, business: Business, id: &str, step: &str, json: bool) -> Result<(), Failure> {
    let path = format!("/api/v1/releases/{}/{step}", segment(id));
    told(Client::signed(signer, business)?.call(Method::POST, &path, Vec::new())?, json)
}

fn told(release: Release, json: bool) -> Result<(), Failure> {
    if json { print_json(&release) } else { print(&rows(vec![release])) }
}

fn rows(releases: Vec<Release>) -> String {
    let row = |release: Release| {
        let signed_by: Vec<String> = release.signed_by.into_iter().map(|signature| signature.by).collect();
        [
            release.id,
            release.state,
            format!("{} s3://{}/{}", release.label, release.bucket, release.key),
            format!("{} s3://{}/{}", release.to_label, release.to_bucket, release.to_key),
            release.asked_by,
            signed_by.join(" "),
            release.reason,
        ]
    };
    let rows: Vec<_> = releases.into_iter().map(row).collect();
    table(["ID", "STATE", "FROM", "TO", "ASKED BY", "SIGNED BY", "REASON"], &rows)
}
