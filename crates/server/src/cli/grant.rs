//! `entente grant set | remove | list`.

use http::Method;

use super::client::{Business, Client};
use super::{print, print_json, table};
use crate::api::wire::{Grant, Grants, SetGrant};
use crate::args::{GrantArgs, GrantCommand, SignerArgs};
use crate::failure::Failure;
use crate::sigv4::segment;

pub fn run(args: &GrantArgs) -> Result<(), Failure> {
    match &args.command {
        GrantCommand::Set { signer, bucket, to, right, label } => {
            let wanted = SetGrant { to: to.clone(), right: Some(right.clone()) };
            print(&rows(set(signer, bucket, label.as_deref(), &wanted)?))
        }
        GrantCommand::Remove { signer, bucket, to, label } => {
            let wanted = SetGrant { to: to.clone(), right: None };
            print(&rows(set(signer, bucket, label.as_deref(), &wanted)?))
        }
        GrantCommand::List { signer, bucket, label, json } => {
            let path = path(bucket, label.as_deref());
            let grants: Grants = Client::signed(signer, Business::Officers)?.call(Method::GET, &path, Vec::new())?;
            if *json { print_json(&grants) } else { print(&rows(grants)) }
        }
    }
}

fn set(signer: &SignerArgs, bucket: &str, label: Option<&str>, wanted: &SetGrant) -> Result<Grants, Failure> {
    Client::signed(signer, Business::Officers)?.ask(Method::PUT, &path(bucket, label), wanted)
}

fn path(bucket: &str, label: Option<&str>) -> String {
    let query = label.map(|label| format!("?label={}", segment(label))).unwrap_or_default();
    format!("/api/v1/buckets/{}/grants{query}", segment(bucket))
}

fn rows(grants: Grants) -> String {
    let (bucket, label) = (grants.bucket, grants.label);
    let row = |grant: Grant| [bucket.clone(), label.clone(), grant.to, grant.right];
    let rows: Vec<_> = grants.grants.into_iter().map(row).collect();
    table(["BUCKET", "LABEL", "TO", "RIGHT"], &rows)
}
