//! `entente group create | list | show | set | delete`.

use std::fmt::Write;

use http::Method;
use serde::Serialize;
use serde_json::json;

use super::client::{Business, Client};
use super::{Output, grant, table};
use crate::api::wire::{Buckets, Grants, Group, Groups, NewGroup, SetGroup};
use crate::args::{GroupArgs, GroupCommand, SignerArgs};
use crate::failure::Failure;
use crate::sigv4::segment;

pub fn run(args: &GroupArgs, output: Output) -> Result<(), Failure> {
    let client = |signer: &SignerArgs| Client::signed(signer, Business::Officers);
    match &args.command {
        GroupCommand::Create { signer, name } => {
            let new = NewGroup { group: name.clone() };
            let group: Group = client(signer)?.ask(Method::POST, "/api/v1/groups", &new)?;
            output.show(&group, || rows(std::slice::from_ref(&group)))
        }
        GroupCommand::List { signer } => {
            let groups: Groups = client(signer)?.list("/api/v1/groups")?;
            output.show(&groups, || rows(&groups.groups))
        }
        GroupCommand::Show { signer, name } => {
            let group: Group = client(signer)?.call(Method::GET, &path(name), Vec::new())?;
            output.show(&group, || rows(std::slice::from_ref(&group)))
        }
        GroupCommand::Set { signer, name, add, remove } => {
            let wanted = SetGroup { add: add.clone(), remove: remove.clone() };
            let group: Group = client(signer)?.ask(Method::PATCH, &path(name), &wanted)?;
            output.show(&group, || rows(std::slice::from_ref(&group)))
        }
        GroupCommand::Delete { signer, name, plan: true } => planned(&client(signer)?, name, output),
        GroupCommand::Delete { signer, name, plan: false } => {
            client(signer)?.order(Method::DELETE, &path(name))?;
            output.done(&json!({ "deleted": name }), &format!("`{name}` is no group any more."))
        }
    }
}

/// What deleting a group would come to.
#[derive(Serialize)]
struct DeletionPlan {
    group: String,
    members: Vec<String>,
    /// Of the buckets that the session sees.
    grants: Vec<Lost>,
}

/// What is granted to a group.
#[derive(Serialize)]
struct Lost {
    bucket: String,
    label: String,
    right: String,
}

fn planned(client: &Client, name: &str, output: Output) -> Result<(), Failure> {
    let group: Group = client.call(Method::GET, &path(name), Vec::new())?;
    let buckets: Buckets = client.list("/api/v1/buckets")?;
    let (to, mut lost) = (format!("group:{name}"), Vec::new());
    for bucket in &buckets.buckets {
        let granted: Grants = client.list(&grant::path(&bucket.name, Some(&bucket.label)))?;
        let Grants { bucket, label, grants, .. } = granted;
        if let Some(grant) = grants.into_iter().find(|grant| grant.to == to) {
            lost.push(Lost { bucket, label, right: grant.right });
        }
    }
    let plan = DeletionPlan { group: group.group, members: group.members, grants: lost };
    output.show(&plan, || plan.text())
}

impl DeletionPlan {
    fn text(&self) -> String {
        let members = match self.members.as_slice() {
            [] => "nobody is in it".to_owned(),
            members => format!("in it: {}", members.join(", ")),
        };
        let mut text = format!("Deleting `{}`, for good:\n  {members}\n", self.group);
        if self.grants.is_empty() {
            text.push_str("  no bucket that is seen here is granted to it\n");
        }
        for Lost { bucket, label, right } in &self.grants {
            // Writing into memory cannot fail.
            let _ = writeln!(text, "  they lose `{right}` of {bucket} at {label}, unless they have it otherwise");
        }
        text
    }
}

fn path(name: &str) -> String {
    format!("/api/v1/groups/{}", segment(name))
}

fn rows(groups: &[Group]) -> String {
    let row =
        |group: &Group| [group.group.clone(), group.members.join(" "), group.group_id.clone(), group.created.clone()];
    let rows: Vec<_> = groups.iter().map(row).collect();
    table(["GROUP", "MEMBERS", "ID", "CREATED"], &rows)
}
