//! A certificate for trying things out, of an authority made for it and forgotten.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384, date_time_ymd,
};
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::server::ParsedCertificate;
use zeroize::Zeroizing;

use crate::Error;
use crate::certificate::chain;

/// Long enough that nobody is surprised by its end, also where no clock is set.
const YEARS: (i32, i32) = (2020, 2120);
/// Characters of a line of PEM.
const LINE: usize = 64;

/// PEM texts; the authority's key is gone.
pub struct Development {
    /// What clients are told to trust.
    pub authority: String,
    pub certificate: String,
    pub key: Zeroizing<String>,
}

impl Development {
    /// For these names and addresses, on P-384, which every profile and client takes.
    pub fn for_names(names: &[String]) -> Result<Development, Error> {
        let (authority_key, key) =
            (KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?, KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?);
        let mut authority = params(Vec::new(), "Entente development authority")?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let mut leaf = params(names.to_vec(), "Entente development")?;
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let signed_authority = authority.self_signed(&authority_key)?;
        let signed = leaf.signed_by(&key, &Issuer::new(authority, authority_key))?;
        Ok(Development {
            authority: pem("CERTIFICATE", signed_authority.der()),
            certificate: pem("CERTIFICATE", signed.der()),
            key: Zeroizing::new(pem("PRIVATE KEY", &Zeroizing::new(key.serialize_der()))),
        })
    }
}

fn params(names: Vec<String>, called: &str) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, called);
    (params.not_before, params.not_after) = (date_time_ymd(YEARS.0, 1, 1), date_time_ymd(YEARS.1, 1, 1));
    Ok(params)
}

pub(crate) fn pem(what: &str, der: &[u8]) -> String {
    let encoded = Zeroizing::new(STANDARD.encode(der));
    let mut text = format!("-----BEGIN {what}-----\n");
    for (at, letter) in encoded.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str(&format!("\n-----END {what}-----\n"));
    text
}

/// Whether the first certificate of this PEM text, read from `path`, is for all of these names.
pub fn covers(path: &Path, text: &[u8], names: &[String]) -> bool {
    let Ok(chain) = chain(path, text) else { return false };
    let Some(parsed) = chain.first().and_then(|first| ParsedCertificate::try_from(first).ok()) else { return false };
    names.iter().all(|name| {
        // What a wildcard stands for, any name under it shows.
        let name = name.replacen('*', "any", 1);
        ServerName::try_from(name.as_str()).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
    })
}
