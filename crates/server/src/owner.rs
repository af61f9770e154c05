//! The first user of the embedded default, and its access key in `DIR/credentials`.
//!
//! Every step finds what an earlier start left behind, so a start that was cut off anywhere is
//! completed by the next: the user, then its key, then the file.

use std::sync::Arc;
use std::time::Duration;

use catalog::Catalog;
use engine::Engine;
use model::{AccessKeyId, KeyLimits, KeyState, Label, Principal, Role};
use policy::SystemPermit;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::credentials::Credentials;
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure, chain};

/// What the first user is called.
const OWNER: &str = "owner";

/// How often something that is about to be shown is looked for, and how many times: it takes
/// milliseconds while the sites are well, and who waits longer should hear why.
const POLL: Duration = Duration::from_millis(10);
const POLLS_MAX: u32 = 1_000;

/// The owner's key, and whether this start wrote the file it lies in.
pub struct Owner {
    pub credentials: Credentials,
    pub written: Written,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Now,
    Before,
}

/// Finds the owner's key, or makes what is missing of user, key and file.
pub async fn ensure(
    engine: &Engine,
    catalog: &Arc<dyn Catalog>,
    dir: &DataDir,
    config: &Config,
) -> Result<Owner, Failure> {
    let path = dir.credentials();
    if let Some(credentials) = Credentials::read(&path)? {
        if secret_of(engine, &credentials.access_key).await?.as_ref() == Some(&credentials.secret_key) {
            return Ok(Owner { credentials, written: Written::Before });
        }
        tracing::warn!(access_key = credentials.access_key, file = %path.display(), "the key in the file is not valid here: the file gets the owner's valid key");
    }
    let permit = SystemPermit::for_background_work();
    settle(engine, &permit).await?;
    let owner = user(engine, catalog, &permit, OWNER, config.accreditation.range.high()).await.map_err(failed)?;
    let credentials = match key_of(engine, &permit, &owner).await? {
        Some(credentials) => credentials,
        None => {
            let issued =
                engine.issue_key(&permit, owner.id, config.accreditation.range.low(), KeyLimits::default()).await;
            let issued = issued.map_err(failed)?;
            Credentials { access_key: issued.id.0, secret_key: Zeroizing::new(issued.secret) }
        }
    };
    credentials.write(&path, &config.region)?;
    Ok(Owner { credentials, written: Written::Now })
}

/// The user of this name, made with this clearance if there is none.
pub async fn user(
    engine: &Engine,
    catalog: &Arc<dyn Catalog>,
    permit: &SystemPermit,
    name: &str,
    clearance: Label,
) -> Result<Principal, engine::Error> {
    let named = |all: Vec<Principal>| all.into_iter().find(|principal| principal.name == name);
    if let Some(known) = named(catalog.principals().await?) {
        return Ok(known);
    }
    match engine.create_principal(permit, name, Role::MissionOwner, clearance).await {
        Err(engine::Error::PrincipalExists) => {}
        result => return result,
    }
    // Someone was quicker, and theirs is decided but perhaps not shown yet.
    for _ in 0..POLLS_MAX {
        if let Some(known) = named(catalog.principals().await?) {
            return Ok(known);
        }
        tokio::time::sleep(POLL).await;
    }
    Err(engine::Error::Unavailable { reason: format!("the user `{name}` is being created right now") })
}

/// Waits until what an earlier start decided is shown: its user or key may be among it, and must
/// not be made twice.
async fn settle(engine: &Engine, permit: &SystemPermit) -> Result<(), Failure> {
    for _ in 0..POLLS_MAX {
        if engine.status(permit).await.map_err(failed)?.totals.unshown == 0 {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
    let why = "changes of an earlier start still wait for enough sites: bring the sites back, then start again";
    Err(Failure::new(Exit::Site, why))
}

/// The oldest valid key of this user.
async fn key_of(engine: &Engine, permit: &SystemPermit, owner: &Principal) -> Result<Option<Credentials>, Failure> {
    let mut keys = engine.list_keys(permit).await.map_err(failed)?;
    keys.retain(|key| key.principal.id == owner.id && key.state == KeyState::Active);
    keys.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    let Some(key) = keys.into_iter().next() else { return Ok(None) };
    let secret = secret_of(engine, &key.id.0).await?;
    Ok(secret.map(|secret_key| Credentials { access_key: key.id.0, secret_key }))
}

async fn secret_of(engine: &Engine, id: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    let known = engine.credential(&AccessKeyId(id.to_owned())).await.map_err(failed)?;
    Ok(known.map(|credential| Zeroizing::new(credential.secret)))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn failed(error: engine::Error) -> Failure {
    let exit = match error {
        engine::Error::Unavailable { .. } => Exit::Site,
        _ => Exit::Failed,
    };
    Failure::new(exit, format!("cannot make the owner's access key: {}", chain(&error)))
}
