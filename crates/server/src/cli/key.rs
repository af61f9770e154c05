//! `entente key create | list | revoke`.

use http::Method;

use super::client::Client;
use super::{print, print_json, table};
use crate::api::wire::{IssuedKey, Key, Keys, NewKey};
use crate::args::{KeyArgs, KeyCommand, PlaceArgs};
use crate::failure::{Exit, Failure};

pub fn run(args: &KeyArgs) -> Result<(), Failure> {
    match &args.command {
        KeyCommand::Create { place, user, label, json } => create(place, user, label.as_deref(), *json),
        KeyCommand::List { place, json } => list(place, *json),
        KeyCommand::Revoke { place, id } => revoke(place, id),
    }
}

fn create(place: &PlaceArgs, user: &str, label: Option<&str>, json: bool) -> Result<(), Failure> {
    let wanted = serde_json::to_vec(&NewKey { user: user.to_owned(), label: label.map(str::to_owned) })
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot ask for a key: {error}")))?;
    let issued: IssuedKey = Client::of(place)?.call(Method::POST, "/api/v1/keys", wanted)?;
    if json {
        return print_json(&issued);
    }
    eprintln!("A new access key of `{}` at {}. Keep the secret now: it is not shown again.", issued.user, issued.label);
    print(&format!("aws_access_key_id = {}\naws_secret_access_key = {}\n", issued.access_key, issued.secret_key))
}

fn list(place: &PlaceArgs, json: bool) -> Result<(), Failure> {
    let keys: Keys = Client::of(place)?.call(Method::GET, "/api/v1/keys", Vec::new())?;
    if json {
        return print_json(&keys);
    }
    let row = |key: Key| {
        let state = key.revoked.map_or_else(|| "valid".to_owned(), |at| format!("revoked {at}"));
        [key.access_key, key.user, key.label, key.created, state]
    };
    let rows: Vec<_> = keys.keys.into_iter().map(row).collect();
    print(&table(["ACCESS KEY", "USER", "LABEL", "CREATED", "STATE"], &rows))
}

fn revoke(place: &PlaceArgs, id: &str) -> Result<(), Failure> {
    // It becomes a part of a path.
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Failure::new(Exit::Usage, format!("`{id}` is no access key id: see `entente key list`")));
    }
    Client::of(place)?.order(Method::DELETE, &format!("/api/v1/keys/{id}"))?;
    eprintln!("{id} is no longer valid.");
    Ok(())
}
