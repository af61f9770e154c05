//! Sites that speak HTTP: the vendors' object stores, each behind [`Store`].
//!
//! The requests are our own few, so that conditions, checksums and errors mean exactly what the
//! trait says; credentials and signatures are those of `object_store`.

mod azure;
mod checksum;
mod clock;
mod credentials;
mod gcs;
mod origin;
mod prefixed;
mod s3;
mod wire;

use std::sync::Arc;

use thiserror::Error;

pub use self::azure::AzurePlace;
pub use self::clock::clock;
pub use self::credentials::{CredentialError, Credentials, DEFAULT_PROFILE};
pub use self::gcs::GcsPlace;
pub use self::s3::{Addressing, Dialect, Order, PutChecksum, S3Place};
use crate::http::{Http, Network, NetworkError};
use crate::name::check_prefix;
use crate::origin::Origin;
use crate::store::Store;

/// A site at a vendor, as settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub place: Place,
    /// What every name at the vendor begins with; empty, or it ends with a slash.
    pub prefix: String,
    pub credentials: Credentials,
    pub network: Network,
}

/// Which store of which vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    S3(S3Place),
    Azure(AzurePlace),
    Gcs(GcsPlace),
}

/// A site that cannot even be tried.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    #[error("`{0}` is no endpoint: write one such as `https://objects.example.org`")]
    BadEndpoint(String),
    #[error("`{0}` is no prefix: write parts of printable ASCII that end with a slash, such as `entente/`")]
    BadPrefix(String),
}

/// The store of a site. Files and the environment are read; the vendor is not asked yet.
pub fn open(settings: &Settings) -> Result<Arc<dyn Store>, OpenError> {
    let http = Http::new(&settings.network)?;
    let store: Arc<dyn Store> = match &settings.place {
        Place::S3(place) => {
            let credentials = credentials::s3(&settings.credentials, place, &http)?;
            Arc::new(s3::S3Store::new(place, credentials, http)?)
        }
        Place::Azure(place) => {
            let credentials = credentials::azure(&settings.credentials, place, &http)?;
            Arc::new(azure::AzureStore::new(place, credentials, http)?)
        }
        Place::Gcs(place) => {
            let credentials = credentials::gcs(&settings.credentials, place, &http)?;
            Arc::new(gcs::GcsStore::new(place, credentials, http)?)
        }
    };
    prefixed(store, &settings.prefix)
}

/// A bucket or container that is adopted as it is. Files and the environment are read; it is not asked
/// yet.
pub fn open_origin(place: &Place, credentials: &Credentials, network: &Network) -> Result<Arc<dyn Origin>, OpenError> {
    let http = Http::new(network)?;
    Ok(match place {
        Place::S3(place) => {
            let credentials = credentials::s3(credentials, place, &http)?;
            Arc::new(s3::origin::S3Origin::new(s3::S3Store::new(place, credentials, http)?))
        }
        Place::Azure(place) => {
            let credentials = credentials::azure(credentials, place, &http)?;
            Arc::new(azure::origin::AzureOrigin::new(azure::AzureStore::new(place, credentials, http)?))
        }
        Place::Gcs(place) => {
            let credentials = credentials::gcs(credentials, place, &http)?;
            Arc::new(gcs::origin::GcsOrigin::new(gcs::GcsStore::new(place, credentials, http)?))
        }
    })
}

fn prefixed(store: Arc<dyn Store>, prefix: &str) -> Result<Arc<dyn Store>, OpenError> {
    if prefix.is_empty() {
        return Ok(store);
    }
    if !prefix.ends_with('/') || check_prefix(prefix).is_err() {
        return Err(OpenError::BadPrefix(prefix.to_owned()));
    }
    Ok(Arc::new(prefixed::Prefixed::new(store, prefix)))
}

/// An endpoint without its last slash.
fn endpoint(text: &str) -> Result<String, OpenError> {
    let bad = || OpenError::BadEndpoint(text.to_owned());
    let uri: http::Uri = text.parse().map_err(|_| bad())?;
    let good = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none();
    good.then(|| text.trim_end_matches('/').to_owned()).ok_or_else(bad)
}
