//! The marker: one small object that claims a site for one enclave.
//!
//! It is text, so that a person who finds the site can read whose it is. In every version the
//! first line names the version and the last is the digest of all bytes before it; a read that
//! was damaged on the way is therefore never taken for another enclave's marker.

use std::fmt;

use bytes::Bytes;
use model::{EnclaveId, Outside, SiteId};
use thiserror::Error;

use crate::store::{Error, ErrorKind, Store};

/// The marker's name at its site.
pub const NAME: &str = "entente-site";
/// What a breaker writes to try a site; ignored when a site is judged empty.
pub const PROBES: &str = "entente-probe/";
/// The version this program writes and the newest it reads.
pub const VERSION: u32 = 1;
/// Bytes of a site's name: what fits a line of a terminal.
pub const SITE_NAME_BYTES_MAX: usize = 64;

/// A marker grows by lines in later versions; what is larger is none.
const BYTES_MAX: u64 = 4096;
/// Reads of a marker before damage counts as the marker's own: a site that flips a byte in a tenth
/// of its reads passes for damaged once in a hundred thousand times.
const READS_MAX: usize = 5;

/// Whose site it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    pub enclave: EnclaveId,
    pub site: SiteId,
    /// What settings called it when it was claimed.
    pub name: String,
}

/// What became of a claim that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It was this enclave's before.
    AlreadyOurs(SiteId),
    /// It was empty and is this enclave's now, under a fresh id.
    Claimed(SiteId),
}

impl Claim {
    pub const fn site(self) -> SiteId {
        match self {
            Claim::AlreadyOurs(site) | Claim::Claimed(site) => site,
        }
    }
}

/// A marker that could not be read.
#[derive(Debug, Error)]
pub enum MarkerError {
    #[error("the site's marker `{NAME}` is damaged: restore it from a copy, or name an empty site")]
    Damaged,
    #[error("the site's marker has version {version}, newer than {VERSION}: use a newer entente")]
    Newer { version: u32 },
    #[error("the site cannot be reached")]
    Unreachable(#[source] Error),
}

/// A site that was not claimed.
#[derive(Debug, Error)]
pub enum ClaimError {
    #[error("the site belongs to enclave {enclave}: name a site of this enclave or an empty one")]
    Foreign { enclave: EnclaveId },
    #[error("the store holds site `{found}` of this enclave: settings name it `{wanted}`, swap them back")]
    OtherSite { found: String, wanted: String },
    #[error("the site is not empty (it holds `{example}`) and nobody claimed it: empty it or name another")]
    NotEmpty { example: String },
    #[error("`{0}` cannot name a site: use 1 to {SITE_NAME_BYTES_MAX} printable characters without spaces")]
    BadName(String),
    #[error(transparent)]
    Marker(#[from] MarkerError),
}

/// A site that is not the one it should be.
#[derive(Debug, Error)]
pub enum NotOurs {
    #[error("the site has lost its marker: put the site back as it was")]
    Missing,
    #[error("the site belongs to enclave {enclave}: put the site of this enclave back")]
    Foreign { enclave: EnclaveId },
    #[error("the site is site {site} of this enclave, another one: put each in its place")]
    OtherSite { site: SiteId },
    #[error(transparent)]
    Marker(#[from] MarkerError),
}

/// The marker at a site; `None` when there is none.
pub async fn read_marker(store: &dyn Store) -> Result<Option<Marker>, MarkerError> {
    let mut last = MarkerError::Damaged;
    for _ in 0..READS_MAX {
        match read(store).await.map_err(MarkerError::Unreachable)? {
            None => return Ok(None),
            Some(bytes) => match parse(&bytes) {
                Ok(marker) => return Ok(Some(marker)),
                Err(error) => last = error,
            },
        }
    }
    Err(last)
}

/// Why a claim would be refused now. Nothing is written.
pub async fn check_claim(store: &dyn Store, enclave: EnclaveId, name: &str) -> Result<(), ClaimError> {
    before_claim(store, enclave, name).await.map(drop)
}

/// Makes a site this enclave's if it is empty, and tells its id. A known site is never claimed
/// again: whoever knows its id calls [`verify`], so that an empty stand-in is not taken for it.
pub async fn claim(store: &dyn Store, enclave: EnclaveId, name: &str, outside: &Outside) -> Result<Claim, ClaimError> {
    match before_claim(store, enclave, name).await? {
        Before::Ours(site) => return Ok(Claim::AlreadyOurs(site)),
        Before::Empty => {}
        Before::CutShort => store.delete(NAME).await.map_err(MarkerError::Unreachable)?,
    }
    let marker = Marker { enclave, site: SiteId::random(outside), name: name.to_owned() };
    match store.put_new(NAME, marker.encode()).await {
        Err(error) if error.kind != ErrorKind::AlreadyExists => return Err(MarkerError::Unreachable(error).into()),
        _ => {}
    }
    // Another enclave may have been quicker: what stands there decides.
    let standing = read_marker(store).await?.ok_or(MarkerError::Damaged)?;
    let site = ours(standing, enclave, name)?;
    Ok(if site == marker.site { Claim::Claimed(site) } else { Claim::AlreadyOurs(site) })
}

/// Whether a site is the one it should be.
pub async fn verify(store: &dyn Store, enclave: EnclaveId, site: SiteId) -> Result<(), NotOurs> {
    let found = read_marker(store).await?.ok_or(NotOurs::Missing)?;
    if found.enclave != enclave {
        return Err(NotOurs::Foreign { enclave: found.enclave });
    }
    if found.site != site {
        return Err(NotOurs::OtherSite { site: found.site });
    }
    Ok(())
}

fn ours(found: Marker, enclave: EnclaveId, wanted: &str) -> Result<SiteId, ClaimError> {
    if found.enclave != enclave {
        return Err(ClaimError::Foreign { enclave: found.enclave });
    }
    if found.name != wanted {
        return Err(ClaimError::OtherSite { found: found.name, wanted: wanted.to_owned() });
    }
    Ok(found.site)
}

/// What a claim finds.
enum Before {
    Ours(SiteId),
    Empty,
    /// A claim that was cut short left half a marker and nothing else.
    CutShort,
}

async fn before_claim(store: &dyn Store, enclave: EnclaveId, name: &str) -> Result<Before, ClaimError> {
    let good = (1..=SITE_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    if !good {
        return Err(ClaimError::BadName(name.to_owned()));
    }
    match read_marker(store).await {
        Ok(Some(found)) => ours(found, enclave, name).map(Before::Ours),
        Ok(None) => require_empty(store).await.map(|()| Before::Empty),
        Err(MarkerError::Damaged) => {
            require_empty(store).await.map_err(|_| MarkerError::Damaged)?;
            Ok(Before::CutShort)
        }
        Err(error) => Err(error.into()),
    }
}

async fn require_empty(store: &dyn Store) -> Result<(), ClaimError> {
    const PAGE: usize = 100;
    let mut after = String::new();
    loop {
        let page = store.list("", Some(&after), PAGE).await.map_err(MarkerError::Unreachable)?;
        if let Some(foreign) = page.iter().find(|entry| entry.name != NAME && !entry.name.starts_with(PROBES)) {
            return Err(ClaimError::NotEmpty { example: foreign.name.clone() });
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after.clone_from(&last.name),
            _ => return Ok(()),
        }
    }
}

async fn read(store: &dyn Store) -> Result<Option<Bytes>, Error> {
    let length = match store.head(NAME).await {
        Ok(length) => length.min(BYTES_MAX),
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match store.get_range(NAME, 0..length).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        // It changed its length in between, or the store found it damaged itself.
        Err(error) if matches!(error.kind, ErrorKind::Invalid | ErrorKind::Corrupt) => Ok(Some(Bytes::new())),
        Err(error) => Err(error),
    }
}

impl Marker {
    fn encode(&self) -> Bytes {
        let text = self.to_string();
        let digest = blake3::hash(text.as_bytes()).to_hex();
        format!("{text}blake3 {digest}\n").into()
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Marker { enclave, site, name } = self;
        write!(f, "{NAME} {VERSION}\nenclave {enclave}\nsite {site}\nname {name}\n")
    }
}

fn parse(bytes: &[u8]) -> Result<Marker, MarkerError> {
    let text = str::from_utf8(bytes).ok().and_then(proven).ok_or(MarkerError::Damaged)?;
    let mut lines = text.lines();
    let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
    let version = value(NAME).and_then(|version| version.parse().ok()).ok_or(MarkerError::Damaged)?;
    if version > VERSION {
        return Err(MarkerError::Newer { version });
    }
    let mut fields = || {
        Some(Marker {
            enclave: value("enclave")?.parse().ok()?,
            site: value("site")?.parse().ok()?,
            name: value("name")?.to_owned(),
        })
    };
    fields().ok_or(MarkerError::Damaged)
}

/// The text before the last line, if that line is its digest.
fn proven(text: &str) -> Option<&str> {
    let (before, digest) = text.strip_suffix('\n')?.rsplit_once('\n')?;
    let body = text.get(..before.len() + 1)?;
    let told = blake3::Hash::from_hex(digest.strip_prefix("blake3 ")?).ok()?;
    (blake3::hash(body.as_bytes()) == told).then_some(body)
}

#[cfg(test)]
mod tests;
