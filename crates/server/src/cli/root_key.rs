//! `entente root-key make | split | join`: the one thing a configured enclave needs before its first start,
//! and the one thing that must outlive everything else.

use std::fs;
use std::path::{Path, PathBuf};

use coding::shares::{self, Share};
use http::Method;
use model::{EnclaveId, Outside};
use serde_json::json;

use super::Output;
use super::client::Client;
use crate::api::wire::{BackupPlan, NewShares};
use crate::args::{PlaceArgs, RootKeyArgs, RootKeyCommand};
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::files::{self, PRIVATE_FILE};
use crate::outside;
use crate::root_key::{self, Passphrase, PassphraseFrom, RootFile};

pub fn run(args: &RootKeyArgs, output: Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
    let outside = outside::real(runtime.handle().clone());
    match (&args.command, &args.path) {
        (Some(RootKeyCommand::Split { place, shares, needed, holders, out, passphrase }), _) => {
            if shares.is_some_and(|shares| usize::from(shares) != holders.len()) {
                let why = format!("{} holders are named: give as many as there are shares", holders.len());
                return Err(Failure::new(Exit::Usage, why));
            }
            let made = split(place, *needed, holders, out.as_deref(), passphrase.as_ref(), &outside)?;
            let mut told: String = made.iter().map(|(holder, path)| format!("{path} is for {holder}.\n")).collect();
            let of = made.len();
            told += &format!(
                "Any {needed} of the {of} give the root key back. Hand each to its holder, and keep none here."
            );
            let share = |(holder, path): &(String, String)| json!({ "holder": holder, "file": path });
            let shares: Vec<_> = made.iter().map(share).collect();
            output.done(&json!({ "needed": needed, "shares": shares }), &told)
        }
        (Some(RootKeyCommand::Join { shares, out, passphrase }), _) => {
            join(shares, out, passphrase.as_ref(), &outside)?;
            output.done(&json!({ "root_key": out }), &format!("The root key is in `{}`.", out.display()))
        }
        (Some(RootKeyCommand::Make { path, passphrase }), _) => make(path, passphrase.as_ref(), &outside, output),
        (None, Some(path)) => make(path, args.passphrase.as_ref(), &outside, output),
        (None, None) => Err(Failure::new(Exit::Usage, "name the file to make")),
    }
}

fn make(path: &Path, from: Option<&PassphraseFrom>, outside: &Outside, output: Output) -> Result<(), Failure> {
    let passphrase = new_passphrase(from, path)?;
    root_key::make(path, passphrase.as_ref(), outside)?;
    let told =
        format!("Made `{}`. Keep a copy elsewhere: without it nothing stored can be read again.", path.display());
    output.done(&json!({ "root_key": path }), &told)
}

fn new_passphrase(from: Option<&PassphraseFrom>, path: &Path) -> Result<Option<Passphrase>, Failure> {
    from.map(|from| Passphrase::new(from, path)).transpose()
}

fn split(
    place: &PlaceArgs,
    needed: u8,
    holders: &[String],
    out: Option<&Path>,
    from: Option<&PassphraseFrom>,
    outside: &Outside,
) -> Result<Vec<(String, String)>, Failure> {
    let config = Config::of_place(place)?;
    let client = Client::of(place)?;
    let known: BackupPlan = client.call(Method::GET, "/api/v1/backup-plan", Vec::new())?;
    let enclave = known.enclave.parse::<EnclaveId>().ok();
    let enclave = enclave.ok_or_else(|| Failure::new(Exit::Failed, "the answer names no enclave"))?;
    let root = RootFile::at(&config.root_key, from.or(config.passphrase.as_ref()))?.load()?;
    let shares = shares::split(&root, enclave, needed, holders, outside);
    let shares = shares.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;

    let out = out.unwrap_or(Path::new("."));
    let file = |share: &Share| out.join(format!("root-share-{}.txt", share.holder));
    if let Some(there) = shares.iter().map(file).find(|path| path.exists()) {
        let why = format!("`{}` is there already: name another directory with --out", there.display());
        return Err(Failure::new(Exit::Usage, why));
    }
    // First, so that no share is ever forgotten.
    let new = NewShares { root: hex::encode(root.fingerprint(enclave)), needed, holders: holders.to_vec() };
    client.tell(Method::POST, "/api/v1/shares", &new)?;
    let mut made = Vec::new();
    for share in &shares {
        let path = file(share);
        let suffix = format!("{}.new", hex::encode(outside.random::<8>()));
        files::make_synced(&path, share.to_text().as_bytes(), PRIVATE_FILE, &suffix)
            .map_err(|error| Failure::io(Exit::RootKey, "write the share", &path, &error))?;
        made.push((share.holder.clone(), path.display().to_string()));
    }
    Ok(made)
}

fn join(paths: &[PathBuf], out: &Path, from: Option<&PassphraseFrom>, outside: &Outside) -> Result<(), Failure> {
    let read = |path: &PathBuf| {
        let text =
            fs::read_to_string(path).map_err(|error| Failure::io(Exit::RootKey, "read the share", path, &error))?;
        text.parse::<Share>().map_err(|error| Failure::new(Exit::RootKey, format!("`{}`: {error}", path.display())))
    };
    let shares = paths.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let root = shares::join(&shares).map_err(|error| Failure::new(Exit::RootKey, error.to_string()))?;
    let passphrase = new_passphrase(from, out)?;
    root_key::write(out, &root, passphrase.as_ref(), outside)
}
