//! `entente user create | set | list`.

use http::Method;

use super::client::{Business, Client};
use super::{print, print_json, table};
use crate::api::wire::{NewUser, SetUser, User, Users};
use crate::args::{SignerArgs, UserArgs, UserCommand};
use crate::failure::Failure;
use crate::sigv4::segment;

pub fn run(args: &UserArgs) -> Result<(), Failure> {
    match &args.command {
        UserCommand::Create { signer, name, role, clearance, nations, json } => {
            let (user, role, clearance) = (name.clone(), role.clone(), clearance.clone());
            create(signer, &NewUser { user, role, clearance, nations: nations.clone() }, *json)
        }
        UserCommand::Set { signer, name, clearance, nations, suspend, resume, json } => {
            let suspended = (*suspend || *resume).then_some(*suspend);
            let wanted = SetUser { clearance: clearance.clone(), nations: nations.clone(), suspended };
            let path = format!("/api/v1/users/{}", segment(name));
            let user: User = Client::signed(signer, Business::Officers)?.ask(Method::PATCH, &path, &wanted)?;
            if *json { print_json(&user) } else { print(&rows(vec![user])) }
        }
        UserCommand::List { signer, json } => list(signer, *json),
    }
}

fn create(signer: &SignerArgs, wanted: &NewUser, json: bool) -> Result<(), Failure> {
    let user: User = Client::signed(signer, Business::Officers)?.ask(Method::POST, "/api/v1/users", wanted)?;
    if json {
        return print_json(&user);
    }
    eprintln!("Next: entente key create --user {} --label LABEL, at or below {}", user.user, user.clearance);
    print(&rows(vec![user]))
}

fn list(signer: &SignerArgs, json: bool) -> Result<(), Failure> {
    let users: Users = Client::signed(signer, Business::Officers)?.list("/api/v1/users")?;
    if json { print_json(&users) } else { print(&rows(users.users)) }
}

fn rows(users: Vec<User>) -> String {
    let row = |user: User| {
        let state = user.suspended.map_or_else(|| "active".to_owned(), |at| format!("suspended {at}"));
        [user.user, user.role, user.clearance, user.created, state]
    };
    let rows: Vec<_> = users.into_iter().map(row).collect();
    table(["USER", "ROLE", "CLEARANCE", "CREATED", "STATE"], &rows)
}
