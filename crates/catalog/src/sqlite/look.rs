//! A look into a catalog at rest or at work: who it belongs to, and what a check of a deployment asks of it.

use std::path::Path;

use model::{AccessKey, EnclaveId, KnownCopy, LabelKey, Site, SiteId, SiteState};
use rusqlite::Connection;

use super::{open, people, schema, streams};
use crate::error::Error;
use crate::interface::Totals;

/// What lies in a catalog that this program could open.
pub struct Known {
    pub enclave: Option<EnclaveId>,
    pub label_keys: Vec<LabelKey>,
    pub access_keys: Vec<AccessKey>,
    pub copies: Vec<KnownCopy>,
    pub sites: Vec<Site>,
    pub site_states: Vec<(SiteId, SiteState)>,
    pub totals: Totals,
}

/// What was seen.
pub enum Look {
    /// An older form, which the next start brings up to date, or one of a newer program.
    OtherForm {
        found: u32,
        known: u32,
    },
    Known(Box<Known>),
}

/// Whatever is found, it stays as it is.
pub fn look(path: &Path) -> Result<Look, Error> {
    if open::has_log(path) {
        return read(&open::looker(path)?);
    }
    let seen = open::at_rest(path).and_then(|connection| read(&connection));
    // Somebody opened it meanwhile: what was read may be of two states.
    if open::has_log(path) { read(&open::looker(path)?) } else { seen }
}

fn read(c: &Connection) -> Result<Look, Error> {
    let found: u32 = c.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found != schema::VERSION {
        return Ok(Look::OtherForm { found, known: schema::VERSION });
    }
    // One state of all of it, whoever writes meanwhile.
    c.execute_batch("BEGIN DEFERRED")?;
    Ok(Look::Known(Box::new(Known {
        enclave: streams::enclave(c)?,
        label_keys: people::label_keys(c)?,
        access_keys: people::access_keys(c)?,
        copies: people::copies(c)?,
        sites: people::sites(c)?,
        site_states: people::site_states(c)?,
        totals: streams::totals(c)?,
    })))
}
