//! `entente group create | list | set | delete`.

use http::Method;

use super::client::{Business, Client};
use super::{print, print_json, table};
use crate::api::wire::{Group, Groups, NewGroup, SetGroup};
use crate::args::{GroupArgs, GroupCommand, SignerArgs};
use crate::failure::Failure;
use crate::sigv4::segment;

pub fn run(args: &GroupArgs) -> Result<(), Failure> {
    let client = |signer: &SignerArgs| Client::signed(signer, Business::Officers);
    match &args.command {
        GroupCommand::Create { signer, name } => {
            let group = client(signer)?.ask(Method::POST, "/api/v1/groups", &NewGroup { group: name.clone() })?;
            print(&rows(vec![group]))
        }
        GroupCommand::List { signer, json } => {
            let groups: Groups = client(signer)?.list("/api/v1/groups")?;
            if *json { print_json(&groups) } else { print(&rows(groups.groups)) }
        }
        GroupCommand::Set { signer, name, add, remove } => {
            let wanted = SetGroup { add: add.clone(), remove: remove.clone() };
            let group = client(signer)?.ask(Method::PATCH, &path(name), &wanted)?;
            print(&rows(vec![group]))
        }
        GroupCommand::Delete { signer, name } => {
            client(signer)?.order(Method::DELETE, &path(name))?;
            eprintln!("`{name}` is no group any more.");
            Ok(())
        }
    }
}

fn path(name: &str) -> String {
    format!("/api/v1/groups/{}", segment(name))
}

fn rows(groups: Vec<Group>) -> String {
    let row = |group: Group| [group.group, group.members.join(" "), group.group_id, group.created];
    let rows: Vec<_> = groups.into_iter().map(row).collect();
    table(["GROUP", "MEMBERS", "ID", "CREATED"], &rows)
}
