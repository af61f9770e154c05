//! `entente key create | list | rotate | revoke`.

use http::Method;
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::client::{Business, Client};
use super::presign::seconds;
use super::{Output, table};
use crate::api::wire::{IssuedKey, Key, Keys, NewKey, Rotate};
use crate::args::{KeyArgs, KeyCommand, SignerArgs};
use crate::failure::{Exit, Failure};

pub fn run(args: &KeyArgs, output: Output) -> Result<(), Failure> {
    match &args.command {
        KeyCommand::Create { signer, user, label, expires, sources } => {
            let expires_in_s = expires.as_deref().map(lifetime).transpose()?;
            let (user, label, sources) = (user.clone(), label.clone(), sources.clone());
            create(signer, &NewKey { user, label, expires_in_s, sources }, output)
        }
        KeyCommand::Rotate { signer, id, grace } => {
            let grace_s = grace.as_deref().map(lifetime).transpose()?.unwrap_or(0);
            let path = format!("/api/v1/keys/{}/rotate", checked(id)?);
            let client = Client::signed(signer, Business::Officers)?;
            told(&client.ask(Method::POST, &path, &Rotate { grace_s })?, output)
        }
        KeyCommand::List { signer } => list(signer, output),
        KeyCommand::Revoke { signer, id, plan: true } => planned(signer, id, output),
        KeyCommand::Revoke { signer, id, plan: false } => revoke(signer, id, output),
    }
}

fn create(signer: &SignerArgs, wanted: &NewKey, output: Output) -> Result<(), Failure> {
    told(&Client::signed(signer, Business::Officers)?.ask(Method::POST, "/api/v1/keys", wanted)?, output)
}

fn told(issued: &IssuedKey, output: Output) -> Result<(), Failure> {
    let (user, label) = (&issued.user, &issued.label);
    if issued.user_created {
        let undo = format!("entente key revoke {}, entente user set {user} --suspend", issued.access_key);
        output.talk(&format!(
            "There was no user `{user}`: a mission owner of that name was made. If that is a typo: {undo}"
        ));
    }
    output.talk(&format!("A new access key of `{user}` at {label}. Keep the secret now: it is not shown again."));
    let (id, secret) = (&issued.access_key, &issued.secret_key);
    output.show(issued, || format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n"))
}

/// A time in seconds: a key may live for years, a presigned URL may not.
fn lifetime(text: &str) -> Result<u32, Failure> {
    let bad = || format!("`{text}` is no time: write seconds, or a number with s, m, h or d, such as 90d");
    seconds(text).ok_or_else(|| Failure::new(Exit::Usage, bad()))
}

fn list(signer: &SignerArgs, output: Output) -> Result<(), Failure> {
    let keys: Keys = Client::signed(signer, Business::Officers)?.list("/api/v1/keys")?;
    let row = |key: &Key| {
        let state = key.revoked.as_ref().map_or_else(|| "valid".to_owned(), |at| format!("revoked {at}"));
        let sources = if key.sources.is_empty() { "anywhere".to_owned() } else { key.sources.join(" ") };
        let expires = key.expires.clone().unwrap_or_else(|| "never".to_owned());
        let (id, user, label) = (key.access_key.clone(), key.user.clone(), key.label.clone());
        [id, user, label, sources, expires, key.created.clone(), state]
    };
    let rows = || keys.keys.iter().map(row).collect::<Vec<_>>();
    output.show(&keys, || table(["ACCESS KEY", "USER", "LABEL", "FROM", "EXPIRES", "CREATED", "STATE"], &rows()))
}

/// What revoking a key would come to.
#[derive(Serialize)]
struct RevocationPlan<'a> {
    key: &'a Key,
    /// Ids of keys of the same user that stay valid, as far as the session sees them.
    left: Vec<&'a str>,
}

fn planned(signer: &SignerArgs, id: &str, output: Output) -> Result<(), Failure> {
    let id = checked(id)?;
    let Keys { keys, .. } = Client::signed(signer, Business::Officers)?.list("/api/v1/keys")?;
    let key = keys.iter().find(|key| key.access_key == id).ok_or_else(|| {
        Failure::new(Exit::Absent, format!("there is no access key `{id}` here: see `entente key list`"))
    })?;
    let stays = |other: &&Key| other.user == key.user && other.access_key != id && is_valid(other);
    let left = keys.iter().filter(stays).map(|other| other.access_key.as_str()).collect();
    let plan = RevocationPlan { key, left };
    output.show(&plan, || plan.text())
}

/// One that is rotated ends by itself, and is not revoked.
fn is_valid(key: &Key) -> bool {
    let expires = key.expires.as_deref().and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
    key.revoked.is_none() && expires.is_none_or(|at| at > OffsetDateTime::now_utc())
}

impl RevocationPlan<'_> {
    fn text(&self) -> String {
        let Key { access_key: id, user, label, revoked, .. } = self.key;
        if let Some(at) = revoked {
            return format!("{id} of `{user}` was revoked {at}: nothing is left to do.\n");
        }
        let left = match self.left.as_slice() {
            [] => {
                format!("`{user}` has no other valid key that is seen here, and reaches nothing until one is issued.")
            }
            left => format!("`{user}` goes on with {}.", left.join(", ")),
        };
        format!(
            "Revoking {id} of `{user}` at {label}, for good:\n  every request with it is refused at once\n  {left}\n"
        )
    }
}

fn revoke(signer: &SignerArgs, id: &str, output: Output) -> Result<(), Failure> {
    let path = format!("/api/v1/keys/{}", checked(id)?);
    Client::signed(signer, Business::Officers)?.order(Method::DELETE, &path)?;
    output.done(&json!({ "revoked": id }), &format!("{id} is no longer valid."))
}

/// An id that becomes a part of a path.
fn checked(id: &str) -> Result<&str, Failure> {
    match !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        true => Ok(id),
        false => Err(Failure::new(Exit::Usage, format!("`{id}` is no access key id: see `entente key list`"))),
    }
}
