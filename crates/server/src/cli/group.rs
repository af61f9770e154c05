//! `entente group create | list | show | set | delete`.

use http::Method;
use serde_json::json;

use super::client::{Business, Client};
use super::{Output, table};
use crate::api::wire::{Group, Groups, NewGroup, SetGroup};
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
        GroupCommand::Delete { signer, name } => {
            client(signer)?.order(Method::DELETE, &path(name))?;
            output.done(&json!({ "deleted": name }), &format!("`{name}` is no group any more."))
        }
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
