//! `entente key create | list | rotate | revoke`.

use http::Method;

use super::client::{Business, Client};
use super::presign::seconds;
use super::{print, print_json, table};
use crate::api::wire::{IssuedKey, Key, Keys, NewKey, Rotate};
use crate::args::{KeyArgs, KeyCommand, SignerArgs};
use crate::failure::{Exit, Failure};

pub fn run(args: &KeyArgs) -> Result<(), Failure> {
    match &args.command {
        KeyCommand::Create { signer, user, label, expires, sources, json } => {
            let expires_in_s = expires.as_deref().map(lifetime).transpose()?;
            let (user, label, sources) = (user.clone(), label.clone(), sources.clone());
            create(signer, &NewKey { user, label, expires_in_s, sources }, *json)
        }
        KeyCommand::Rotate { signer, id, grace, json } => {
            let grace_s = grace.as_deref().map(lifetime).transpose()?.unwrap_or(0);
            let path = format!("/api/v1/keys/{}/rotate", checked(id)?);
            let client = Client::signed(signer, Business::Officers)?;
            told(&client.ask(Method::POST, &path, &Rotate { grace_s })?, *json)
        }
        KeyCommand::List { signer, json } => list(signer, *json),
        KeyCommand::Revoke { signer, id } => revoke(signer, id),
    }
}

fn create(signer: &SignerArgs, wanted: &NewKey, json: bool) -> Result<(), Failure> {
    told(&Client::signed(signer, Business::Officers)?.ask(Method::POST, "/api/v1/keys", wanted)?, json)
}

fn told(issued: &IssuedKey, json: bool) -> Result<(), Failure> {
    if json {
        return print_json(issued);
    }
    eprintln!("A new access key of `{}` at {}. Keep the secret now: it is not shown again.", issued.user, issued.label);
    print(&format!("aws_access_key_id = {}\naws_secret_access_key = {}\n", issued.access_key, issued.secret_key))
}

/// A time in seconds: a key may live for years, a presigned URL may not.
fn lifetime(text: &str) -> Result<u32, Failure> {
    let bad = || format!("`{text}` is no time: write seconds, or a number with s, m, h or d, such as 90d");
    seconds(text).ok_or_else(|| Failure::new(Exit::Usage, bad()))
}

fn list(signer: &SignerArgs, json: bool) -> Result<(), Failure> {
    let keys: Keys = Client::signed(signer, Business::Officers)?.list("/api/v1/keys")?;
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

fn revoke(signer: &SignerArgs, id: &str) -> Result<(), Failure> {
    let path = format!("/api/v1/keys/{}", checked(id)?);
    Client::signed(signer, Business::Officers)?.order(Method::DELETE, &path)?;
    eprintln!("{id} is no longer valid.");
    Ok(())
}

/// An id that becomes a part of a path.
fn checked(id: &str) -> Result<&str, Failure> {
    match !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        true => Ok(id),
        false => Err(Failure::new(Exit::Usage, format!("`{id}` is no access key id: see `entente key list`"))),
    }
}
