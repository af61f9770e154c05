//! `entente release ask | list | look | sign | refuse | take-back | carry-out`.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use http::Method;
use serde_json::json;

use super::client::{Business, Client};
use super::{Output, table, target};
use crate::api::wire::{NewRelease, Release, Releases};
use crate::args::{ReleaseArgs, ReleaseCommand, SignerArgs};
use crate::failure::{Exit, Failure};
use crate::progress::Progress;
use crate::sigv4::segment;

pub fn run(args: &ReleaseArgs, output: Output) -> Result<(), Failure> {
    match &args.command {
        ReleaseCommand::Ask { signer, from, to, to_label, version, reason } => {
            let ((bucket, key), (to_bucket, to_key)) = (target(from)?, target(to)?);
            let key = key.ok_or_else(|| Failure::new(Exit::Usage, format!("`{from}` names no object")))?;
            let (version, to_label, reason) = (version.clone(), to_label.clone(), reason.clone());
            let wanted = NewRelease { bucket, key, version, to_label, to_bucket, to_key, reason };
            let release: Release =
                Client::signed(signer, Business::Owners)?.ask(Method::POST, "/api/v1/releases", &wanted)?;
            let next = format!("Two security officers must sign: entente release sign {} --as FILE", release.id);
            output.talk(&next);
            told(&release, output)
        }
        ReleaseCommand::List { signer } => {
            let client = Client::signed(signer, Business::Officers)?;
            let releases: Releases = client.list("/api/v1/releases")?;
            output.show(&releases, || rows(&releases.releases))
        }
        ReleaseCommand::Look { signer, id, out } => look(signer, id, out, output),
        ReleaseCommand::Sign { signer, id } => step(signer, Business::Officers, id, "sign", output),
        ReleaseCommand::Refuse { signer, id } => step(signer, Business::Officers, id, "refuse", output),
        ReleaseCommand::TakeBack { signer, id } => step(signer, Business::Owners, id, "take-back", output),
        ReleaseCommand::CarryOut { signer, id } => step(signer, Business::Officers, id, "carry-out", output),
    }
}

fn look(signer: &SignerArgs, id: &str, out: &Path, output: Output) -> Result<(), Failure> {
    let client = Client::signed(signer, Business::Officers)?.patient();
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out);
    let mut file = file.map_err(|error| Failure::io(Exit::Usage, "create", out, &error))?;
    let progress = Progress::here(output);
    progress.wait("reading what is to be released");
    let read = client.read(&format!("/api/v1/releases/{}/content", segment(id)), &mut file);
    if read.is_err() {
        // Half of it is not what would be signed.
        let _ = std::fs::remove_file(out);
    }
    progress.end();
    read?;
    output.done(&json!({ "release": id, "file": out }), &format!("What is to be released is in `{}`.", out.display()))
}

fn step(signer: &SignerArgs, business: Business, id: &str, step: &str, output: Output) -> Result<(), Failure> {
    let path = format!("/api/v1/releases/{}/{step}", segment(id));
    told(&Client::signed(signer, business)?.call(Method::POST, &path, Vec::new())?, output)
}

fn told(release: &Release, output: Output) -> Result<(), Failure> {
    output.show(release, || rows(std::slice::from_ref(release)))
}

fn rows(releases: &[Release]) -> String {
    let row = |release: &Release| {
        let signed_by: Vec<&str> = release.signed_by.iter().map(|signature| signature.by.as_str()).collect();
        [
            release.id.clone(),
            release.state.clone(),
            format!("{} s3://{}/{}", release.label, release.bucket, release.key),
            format!("{} s3://{}/{}", release.to_label, release.to_bucket, release.to_key),
            release.asked_by.clone(),
            signed_by.join(" "),
            release.reason.clone(),
        ]
    };
    let rows: Vec<_> = releases.iter().map(row).collect();
    table(["ID", "STATE", "FROM", "TO", "ASKED BY", "SIGNED BY", "REASON"], &rows)
}
