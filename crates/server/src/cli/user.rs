//! `entente user create | show | set | list`.

use http::Method;

use super::client::{Business, Client};
use super::{Output, table};
use crate::api::wire::{NewUser, SetUser, User, Users};
use crate::args::{SignerArgs, UserArgs, UserCommand};
use crate::failure::Failure;
use crate::sigv4::segment;

pub fn run(args: &UserArgs, output: Output) -> Result<(), Failure> {
    match &args.command {
        UserCommand::Create { signer, name, role, clearance, nations } => {
            let (user, role, clearance) = (name.clone(), role.clone(), clearance.clone());
            create(signer, &NewUser { user, role, clearance, nations: nations.clone() }, output)
        }
        UserCommand::Show { signer, name } => {
            let path = format!("/api/v1/users/{}", segment(name));
            let user: User = Client::signed(signer, Business::Officers)?.call(Method::GET, &path, Vec::new())?;
            output.show(&user, || rows(std::slice::from_ref(&user)))
        }
        UserCommand::Set { signer, name, clearance, nations, suspend, resume } => {
            let suspended = (*suspend || *resume).then_some(*suspend);
            let wanted = SetUser { clearance: clearance.clone(), nations: nations.clone(), suspended };
            let path = format!("/api/v1/users/{}", segment(name));
            let user: User = Client::signed(signer, Business::Officers)?.ask(Method::PATCH, &path, &wanted)?;
            output.show(&user, || rows(std::slice::from_ref(&user)))
        }
        UserCommand::List { signer } => list(signer, output),
    }
}

fn create(signer: &SignerArgs, wanted: &NewUser, output: Output) -> Result<(), Failure> {
    let user: User = Client::signed(signer, Business::Officers)?.ask(Method::POST, "/api/v1/users", wanted)?;
    let (name, clearance) = (&user.user, &user.clearance);
    output.talk(&format!("Next: entente key create --user {name} --label LABEL, at or below {clearance}"));
    output.show(&user, || rows(std::slice::from_ref(&user)))
}

fn list(signer: &SignerArgs, output: Output) -> Result<(), Failure> {
    let users: Users = Client::signed(signer, Business::Officers)?.list("/api/v1/users")?;
    output.show(&users, || rows(&users.users))
}

fn rows(users: &[User]) -> String {
    let row = |user: &User| {
        let state = user.suspended.as_ref().map_or_else(|| "active".to_owned(), |at| format!("suspended {at}"));
        [user.user.clone(), user.role.clone(), user.clearance.clone(), user.created.clone(), state]
    };
    let rows: Vec<_> = users.iter().map(row).collect();
    table(["USER", "ROLE", "CLEARANCE", "CREATED", "STATE"], &rows)
}
