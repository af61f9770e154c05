//! `entente key create | list | revoke`.

use http::Method;

use super::client::Client;
use super::presign::seconds;
use super::{print, print_json, table};
use crate::api::wire::{IssuedKey, Key, Keys, NewKey};
use crate::args::{KeyArgs, KeyCommand, PlaceArgs};
use crate::failure::{Exit, Failure};

pub fn run(args: &KeyArgs) -> Result<(), Failure> {
    match &args.command {
        KeyCommand::Create { place, user, label, expires, sources, json } => {
            let expires_in_s = expires.as_deref().map(lifetime).transpose()?;
            let (user, label, sources) = (user.clone(), label.clone(), sources.clone());
            create(place, &NewKey { user, label, expires_in_s, sources }, *json)
        }
        KeyCommand::List { place, json } => list(place, *json),
        KeyCommand::Revoke { place, id } => revoke(place, id),
    }
}

fn create(place: &PlaceArgs, wanted: &NewKey, json: bool) -> Result<(), Failure> {
    let wanted = serde_json::to_vec(wanted)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot ask for a key: {error}")))?;
    let issued: IssuedKey = Client::of(place)?.call(Method::POST, "/api/v1/keys", wanted)?;
    if json {
        return print_json(&issued);
    }
    eprintln!("A new access key of `{}` at {}. Keep the secret now: it is not shown again.", issued.user, issued.label);
    print(&format!("aws_access_key_id = {}\naws_secret_access_key = {}\n", issued.access_key, issued.secret_key))
}

/// A time in seconds: a key may live for years, a presigned URL may not.
fn lifetime(text: &str) -> Result<u32, Failure> {
    let bad = || format!("`{text}` is no time: write seconds, or a number with s, m, h or d, such as 90d");
    seconds(text).ok_or_else(|| Failure::new(Exit::Usage, bad()))
}

fn list(place: &PlaceArgs, json: bool) -> Result<(), Failure> {
    let keys: Keys = Client::of(place)?.call(Method::GET, "/api/v1/keys", Vec::new())?;
    if json {
        return print_json(&keys);
    }
    let row = |key: Key| {
        let state = key.revoked.map_or_else(|| "valid".to_owned(), |at| format!("revoked {at}"));
        let sources = if key.sources.is_empty() { "anywhere".to_owned() } else { key.sources.join(" ") };
        let expires = key.expires.unwrap_or_else(|| "never".to_owned());
        [key.access_key, key.user, key.label, sources, expires, key.created, state]
    };
    let rows: Vec<_> = keys.keys.into_iter().map(row).collect();
    print(&table(["ACCESS KEY", "USER", "LABEL", "FROM", "EXPIRES", "CREATED", "STATE"], &rows))
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
