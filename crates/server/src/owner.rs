//! The first people: a security officer, and of the embedded default an application user beside them. Their
//! access keys lie in files of their own: `DIR/officer` and `DIR/credentials`.
//!
//! Every step finds what an earlier start left behind, so a start that was cut off anywhere is
//! completed by the next: the user, then its key, then the file. With a configuration the officer's file is
//! written once: an empty one is put there first, and only where an empty one lies is the key written. So
//! it can be taken away, and whoever runs the machine can ask for it again by an empty file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use catalog::Catalog;
use engine::Engine;
use model::{AccessKeyId, KeyLimits, KeyState, Label, Principal, Role};
use policy::SystemPermit;
use zeroize::Zeroizing;

use crate::config::{Config, Kind};
use crate::credentials::Credentials;
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure, chain};
use crate::files::{self, PRIVATE_FILE};

/// What the first users are called.
const OWNER: &str = "owner";
const OFFICER: &str = "officer";

/// How often something that is about to be shown is looked for, and how many times: it takes
/// milliseconds while the sites are well, and who waits longer should hear why.
const POLL: Duration = Duration::from_millis(10);
const POLLS_MAX: u32 = 1_000;

/// The first people's keys, as far as this start may tell them.
pub struct First {
    /// `None` where it was taken away.
    pub officer: Option<FirstKey>,
    /// Of the embedded default.
    pub owner: Option<FirstKey>,
}

/// A key, and whether this start wrote the file it lies in.
pub struct FirstKey {
    pub credentials: Credentials,
    pub written: Written,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Now,
    Before,
}

/// Who is to be there.
struct Wanted {
    name: &'static str,
    role: Role,
    clearance: Label,
    /// Of the key.
    label: Label,
}

/// Finds the first people's keys, or makes what is missing of users, keys and files.
pub async fn ensure(
    engine: &Engine,
    catalog: &Arc<dyn Catalog>,
    dir: &DataDir,
    config: &Config,
) -> Result<First, Failure> {
    let makes = Maker { engine, catalog, region: &config.region, permit: SystemPermit::for_background_work() };
    let range = config.accreditation.range;
    let (name, role, clearance) = (OFFICER, Role::SecurityOfficer, range.high());
    let officer = Wanted { name, role, clearance, label: clearance };
    if config.kind == Kind::Configured {
        return Ok(First { officer: makes.once(&dir.officer(), &officer).await?, owner: None });
    }
    let owner = Wanted { name: OWNER, role: Role::MissionOwner, clearance: range.high(), label: range.low() };
    let owner = makes.key_in(&dir.credentials(), &owner).await?;
    Ok(First { officer: Some(makes.key_in(&dir.officer(), &officer).await?), owner: Some(owner) })
}

struct Maker<'a> {
    engine: &'a Engine,
    catalog: &'a Arc<dyn Catalog>,
    region: &'a str,
    permit: SystemPermit,
}

impl Maker<'_> {
    /// The key in the file, unless the file was taken away.
    async fn once(&self, path: &Path, wanted: &Wanted) -> Result<Option<FirstKey>, Failure> {
        let storage = |what: &'static str| move |error| Failure::io(Exit::Storage, what, path, &error);
        match files::read_if_there(path).map_err(storage("read"))? {
            Some(text) if text.trim().is_empty() => {}
            Some(_) => return self.key_in(path, wanted).await.map(Some),
            None => {
                self.settle().await?;
                let officers = self.catalog.principals().await.map_err(|error| failed(error.into()))?;
                if officers.iter().any(|known| known.role == wanted.role) {
                    return Ok(None);
                }
                files::write_synced(path, b"", PRIVATE_FILE).map_err(storage("write"))?;
            }
        }
        self.key_in(path, wanted).await.map(Some)
    }

    async fn key_in(&self, path: &Path, wanted: &Wanted) -> Result<FirstKey, Failure> {
        if let Some(credentials) = Credentials::read(path)? {
            if self.secret_of(&credentials.access_key).await?.as_ref() == Some(&credentials.secret_key) {
                return Ok(FirstKey { credentials, written: Written::Before });
            }
            tracing::warn!(access_key = credentials.access_key, file = %path.display(), "the key in the file is not valid here: the file gets a valid one");
        }
        self.settle().await?;
        let (engine, permit) = (self.engine, &self.permit);
        let user = named(engine, self.catalog, permit, wanted.name, wanted.role, wanted.clearance);
        let (user, _) = user.await.map_err(failed)?;
        let credentials = match self.key_of(&user).await? {
            Some(credentials) => credentials,
            None => {
                let issued = engine.issue_key(permit, user.id, wanted.label, KeyLimits::default()).await;
                let issued = issued.map_err(failed)?;
                Credentials { access_key: issued.id.0, secret_key: Zeroizing::new(issued.secret) }
            }
        };
        credentials.write(path, wanted.name, self.region)?;
        Ok(FirstKey { credentials, written: Written::Now })
    }

    /// Waits until what an earlier start decided is shown: its users or keys may be among it, and must
    /// not be made twice.
    async fn settle(&self) -> Result<(), Failure> {
        for _ in 0..POLLS_MAX {
            if self.engine.status(&self.permit).await.map_err(failed)?.totals.unshown == 0 {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        let why = "changes of an earlier start still wait for enough sites: bring the sites back, then start again";
        Err(Failure::new(Exit::Site, why))
    }

    /// The oldest valid key of this user.
    async fn key_of(&self, user: &Principal) -> Result<Option<Credentials>, Failure> {
        let mut keys = self.engine.list_keys(&self.permit).await.map_err(failed)?;
        keys.retain(|key| key.principal.id == user.id && key.state == KeyState::Active);
        keys.retain(|key| key.limits == KeyLimits::default());
        keys.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        let Some(key) = keys.into_iter().next() else { return Ok(None) };
        let secret = self.secret_of(&key.id.0).await?;
        Ok(secret.map(|secret_key| Credentials { access_key: key.id.0, secret_key }))
    }

    async fn secret_of(&self, id: &str) -> Result<Option<Zeroizing<String>>, Failure> {
        let known = self.engine.credential(&AccessKeyId(id.to_owned())).await.map_err(failed)?;
        Ok(known.map(|credential| Zeroizing::new(credential.secret)))
    }
}

/// Whether a user was there, or was made just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Before,
    Made,
}

/// The mission owner of this name, made with this clearance if there is no user of the name.
pub async fn user(
    engine: &Engine,
    catalog: &Arc<dyn Catalog>,
    permit: &SystemPermit,
    name: &str,
    clearance: Label,
) -> Result<(Principal, Found), engine::Error> {
    named(engine, catalog, permit, name, Role::MissionOwner, clearance).await
}

async fn named(
    engine: &Engine,
    catalog: &Arc<dyn Catalog>,
    permit: &SystemPermit,
    name: &str,
    role: Role,
    clearance: Label,
) -> Result<(Principal, Found), engine::Error> {
    let named = |all: Vec<Principal>| all.into_iter().find(|principal| principal.name == name);
    if let Some(known) = named(catalog.principals().await?) {
        return Ok((known, Found::Before));
    }
    match engine.create_principal(permit, name, role, clearance).await {
        Err(engine::Error::PrincipalExists) => {}
        made => return made.map(|made| (made, Found::Made)),
    }
    // Someone was quicker, and theirs is decided but perhaps not shown yet.
    for _ in 0..POLLS_MAX {
        if let Some(known) = named(catalog.principals().await?) {
            return Ok((known, Found::Before));
        }
        tokio::time::sleep(POLL).await;
    }
    Err(engine::Error::Unavailable { reason: format!("the user `{name}` is being created right now") })
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn failed(error: engine::Error) -> Failure {
    let exit = match error {
        engine::Error::Unavailable { .. } => Exit::Site,
        _ => Exit::Failed,
    };
    Failure::new(exit, format!("cannot make the first access keys: {}", chain(&error)))
}
