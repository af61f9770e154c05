//! `entente user create | list`.

use http::Method;

use super::client::Client;
use super::{print, print_json, table};
use crate::api::wire::{NewUser, User, Users};
use crate::args::{PlaceArgs, UserArgs, UserCommand};
use crate::failure::{Exit, Failure};

pub fn run(args: &UserArgs) -> Result<(), Failure> {
    match &args.command {
        UserCommand::Create { place, name, role, clearance, nations, json } => {
            let (user, role, clearance) = (name.clone(), role.clone(), clearance.clone());
            create(place, &NewUser { user, role, clearance, nations: nations.clone() }, *json)
        }
        UserCommand::List { place, json } => list(place, *json),
    }
}

fn create(place: &PlaceArgs, wanted: &NewUser, json: bool) -> Result<(), Failure> {
    let wanted = serde_json::to_vec(wanted)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot ask for a user: {error}")))?;
    let user: User = Client::of(place)?.call(Method::POST, "/api/v1/users", wanted)?;
    if json {
        return print_json(&user);
    }
    eprintln!("Next: entente key create --user {} --label LABEL, at or below {}", user.user, user.clearance);
    print(&rows(vec![user]))
}

fn list(place: &PlaceArgs, json: bool) -> Result<(), Failure> {
    let users: Users = Client::of(place)?.call(Method::GET, "/api/v1/users", Vec::new())?;
    if json { print_json(&users) } else { print(&rows(users.users)) }
}

fn rows(users: Vec<User>) -> String {
    let row = |user: User| [user.user, user.role, user.clearance, user.created];
    let rows: Vec<_> = users.into_iter().map(row).collect();
    table(["USER", "ROLE", "CLEARANCE", "CREATED"], &rows)
}
