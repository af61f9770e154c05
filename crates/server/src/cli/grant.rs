//! `entente grant set | remove | list`.

use http::Method;

use super::client::{Business, Client};
use super::{Output, table};
use crate::api::wire::{Grant, Grants, SetGrant};
use crate::args::{GrantArgs, GrantCommand, SignerArgs};
use crate::failure::Failure;
use crate::sigv4::segment;

pub fn run(args: &GrantArgs, output: Output) -> Result<(), Failure> {
    match &args.command {
        GrantCommand::Set { signer, bucket, to, right, label } => {
            let wanted = SetGrant { to: to.clone(), right: Some(right.clone()) };
            set(signer, bucket, label.as_deref(), &wanted, output)
        }
        GrantCommand::Remove { signer, bucket, to, label } => {
            let wanted = SetGrant { to: to.clone(), right: None };
            set(signer, bucket, label.as_deref(), &wanted, output)
        }
        GrantCommand::List { signer, bucket, label } => {
            let path = path(bucket, label.as_deref());
            show(&Client::signed(signer, Business::Officers)?.list(&path)?, output)
        }
    }
}

fn set(
    signer: &SignerArgs,
    bucket: &str,
    label: Option<&str>,
    wanted: &SetGrant,
    output: Output,
) -> Result<(), Failure> {
    let (client, path) = (Client::signed(signer, Business::Officers)?, path(bucket, label));
    let first: Grants = client.ask(Method::PUT, &path, wanted)?;
    show(&client.rest(first, &path)?, output)
}

/// Of the grants of a bucket.
pub fn path(bucket: &str, label: Option<&str>) -> String {
    let query = label.map(|label| format!("?label={}", segment(label))).unwrap_or_default();
    format!("/api/v1/buckets/{}/grants{query}", segment(bucket))
}

fn show(grants: &Grants, output: Output) -> Result<(), Failure> {
    let row = |grant: &Grant| [grants.bucket.clone(), grants.label.clone(), grant.to.clone(), grant.right.clone()];
    let rows = || grants.grants.iter().map(row).collect::<Vec<_>>();
    output.show(grants, || table(["BUCKET", "LABEL", "TO", "RIGHT"], &rows()))
}
