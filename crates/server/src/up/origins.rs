//! The ways to buckets that are being adopted: an address becomes a vendor's client, and the name of
//! its credentials what they are on this machine, now.

use std::path::PathBuf;
use std::sync::Arc;

use model::{OriginAddress, OriginKind};
use providers::http::Network;
use providers::remote::{
    self, Addressing, AzurePlace, Credentials, DEFAULT_PROFILE, Dialect, GcsPlace, Place, S3Place,
};
use providers::{Origin, OriginError, OriginErrorKind, Origins};

use crate::config::DEFAULT_REGION;
use crate::failure::chain;

pub struct VendorOrigins;

impl Origins for VendorOrigins {
    fn open(&self, address: &OriginAddress) -> Result<Arc<dyn Origin>, OriginError> {
        let invalid = |why: String| OriginError::new(OriginErrorKind::Invalid, why);
        let place = place(address).map_err(invalid)?;
        let credentials = credentials(&address.credentials).map_err(invalid)?;
        remote::open_origin(&place, &credentials, &Network::default()).map_err(|error| invalid(chain(&error)))
    }
}

fn place(address: &OriginAddress) -> Result<Place, String> {
    let OriginAddress { kind, bucket, endpoint, region, account, .. } = address;
    let (bucket, endpoint) = (bucket.clone(), endpoint.clone());
    Ok(match kind {
        OriginKind::S3 => Place::S3(S3Place {
            bucket,
            region: region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned()),
            addressing: if endpoint.is_some() { Addressing::Path } else { Addressing::VirtualHost },
            endpoint,
            dialect: Dialect::AMAZON,
        }),
        OriginKind::Azure => {
            let account = account.clone().ok_or("a container of Azure has an account: azure://ACCOUNT/CONTAINER")?;
            Place::Azure(AzurePlace { account, container: bucket, endpoint })
        }
        OriginKind::Google => Place::Gcs(GcsPlace { bucket, endpoint }),
    })
}

fn credentials(named: &str) -> Result<Credentials, String> {
    match named.split_once(':') {
        None if named == "none" => Ok(Credentials::Anonymous),
        None if named == "chain" => Ok(Credentials::Chain),
        Some(("env", prefix)) if !prefix.is_empty() => Ok(Credentials::Variables(prefix.to_owned())),
        Some(("file", path)) if !path.is_empty() => {
            let (path, profile) = path.rsplit_once('#').unwrap_or((path, DEFAULT_PROFILE));
            Ok(Credentials::File { path: PathBuf::from(path), profile: profile.to_owned() })
        }
        _ => Err(format!("`{named}` names no credentials: write chain, env:PREFIX, file:PATH#PROFILE or none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_named_and_never_given() {
        let file = |path: &str, profile: &str| {
            Some(Credentials::File { path: PathBuf::from(path), profile: profile.to_owned() })
        };
        for (named, expected) in [
            ("chain", Some(Credentials::Chain)),
            ("none", Some(Credentials::Anonymous)),
            ("env:OLD", Some(Credentials::Variables("OLD".to_owned()))),
            ("file:/a/b", file("/a/b", DEFAULT_PROFILE)),
            ("file:/a/b#old", file("/a/b", "old")),
            ("file:", None),
            ("env:", None),
            ("AKIA:secret", None),
            ("", None),
        ] {
            assert_eq!(credentials(named).ok(), expected, "`{named}`");
        }
    }
}
