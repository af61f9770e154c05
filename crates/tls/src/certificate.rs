//! The certificate a server shows, and its replacement while connections go on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::{fmt, fs};

use tokio_rustls::rustls;
use tokio_rustls::rustls::crypto::aws_lc_rs::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use crate::Error;
use crate::profile::Profile;
use crate::term;

/// Where a certificate with its chain, and its key, lie in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Whether a look at the files changed what is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    Anew,
    AsBefore,
}

/// What the files held at a time.
type Bytes = (Vec<u8>, Zeroizing<Vec<u8>>);

/// The pair in force.
pub(crate) struct Current {
    files: Files,
    profile: Profile,
    /// What was looked at last, good or not: a bad pair is complained of once.
    seen: Mutex<Bytes>,
    pair: RwLock<Arc<CertifiedKey>>,
}

impl Current {
    pub(crate) fn load(files: Files, profile: Profile) -> Result<Current, Error> {
        let seen = read(&files)?;
        let pair = RwLock::new(Arc::new(pair(&files, &seen, profile)?));
        Ok(Current { files, profile, seen: Mutex::new(seen), pair })
    }

    /// Looks at the files again; what is no good pair is told once and changes nothing.
    pub(crate) fn refresh(&self) -> Result<Loaded, Error> {
        let now = read(&self.files)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return Ok(Loaded::AsBefore);
        }
        let pair = pair(&self.files, &now, self.profile);
        *seen = now;
        *self.pair.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair?);
        Ok(Loaded::Anew)
    }

    /// When the server's own certificate ends, in seconds since 1970.
    pub(crate) fn expires(&self) -> Option<u64> {
        let pair = self.pair.read().unwrap_or_else(PoisonError::into_inner);
        u64::try_from(term::of(pair.cert.first()?)?.until).ok()
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").field("files", &self.files).field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.pair.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(files: &Files) -> Result<Bytes, Error> {
    let bytes = |path: &Path| {
        fs::read(path).map_err(|error| Error::Unreadable { path: shown(path), reason: error.to_string() })
    };
    Ok((bytes(&files.certificate)?, Zeroizing::new(bytes(&files.key)?)))
}

fn pair(files: &Files, (certificate, key): &Bytes, profile: Profile) -> Result<CertifiedKey, Error> {
    let chain = chain(&files.certificate, certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| Error::Empty { path: shown(&files.key), wanted: "private key" })?;
    let key = any_supported_type(&key)?;
    if profile.signatures().is_some_and(|schemes| key.choose_scheme(schemes).is_none()) {
        return Err(Error::WeakKey { key: shown(&files.key) });
    }
    let pair = CertifiedKey::new(chain, key);
    match pair.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(pair),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(Error::NotAPair { certificate: shown(&files.certificate), key: shown(&files.key) })
        }
        Err(error) => Err(error.into()),
    }
}

/// The certificates of a PEM text, the server's own first.
pub(crate) fn chain(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let empty = || Error::Empty { path: shown(path), wanted: "certificate" };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(empty)
}

pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}
