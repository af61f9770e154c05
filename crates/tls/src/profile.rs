//! What the two ends may agree on.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use tokio_rustls::rustls::crypto::{CryptoProvider, SupportedKxGroup};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{NamedGroup, SignatureScheme, SupportedCipherSuite, SupportedProtocolVersion};

/// How much a client must offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// TLS 1.2 and 1.3; post-quantum with whoever can.
    #[default]
    Compat,
    /// TLS 1.3 with AES-256 and ML-KEM-1024 as CNSA 2.0 has it, and nothing else.
    Cnsa2,
}

type Groups = &'static [&'static dyn SupportedKxGroup];

const COMPAT_VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const CNSA2_VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13];

/// Of these a client that names one gets one. The hybrid comes first: it holds if either half does.
const QUANTUM_SAFE: Groups = &[kx_group::X25519MLKEM768, kx_group::MLKEM1024];
const CLASSICAL: Groups = &[kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];
const CNSA2: Groups = &[kx_group::MLKEM1024];

/// In the order in which they are chosen, whatever the client would rather have.
const COMPAT_SUITES: &[SupportedCipherSuite] = &[
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];
const CNSA2_SUITES: &[SupportedCipherSuite] = &[cipher_suite::TLS13_AES_256_GCM_SHA384];

impl Profile {
    pub const ALL: [Profile; 2] = [Profile::Compat, Profile::Cnsa2];

    pub const fn name(self) -> &'static str {
        match self {
            Profile::Compat => "compat",
            Profile::Cnsa2 => "cnsa2",
        }
    }

    pub(crate) const fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            Profile::Compat => COMPAT_VERSIONS,
            Profile::Cnsa2 => CNSA2_VERSIONS,
        }
    }

    const fn suites(self) -> &'static [SupportedCipherSuite] {
        match self {
            Profile::Compat => COMPAT_SUITES,
            Profile::Cnsa2 => CNSA2_SUITES,
        }
    }

    /// For a client that names a group no quantum computer breaks.
    pub(crate) fn quantum_safe(self) -> Arc<CryptoProvider> {
        match self {
            Profile::Compat => provider(self.suites(), QUANTUM_SAFE),
            Profile::Cnsa2 => provider(self.suites(), CNSA2),
        }
    }

    /// For one that names none; under `cnsa2` it is refused.
    pub(crate) fn classical(self) -> Arc<CryptoProvider> {
        match self {
            Profile::Compat => provider(self.suites(), CLASSICAL),
            Profile::Cnsa2 => provider(self.suites(), CNSA2),
        }
    }

    /// The schemes one of which the server's key must sign by; all of them where nothing is said.
    pub(crate) const fn signatures(self) -> Option<&'static [SignatureScheme]> {
        match self {
            Profile::Compat => None,
            Profile::Cnsa2 => Some(&[SignatureScheme::ML_DSA_87, SignatureScheme::ECDSA_NISTP384_SHA384]),
        }
    }
}

/// Whether one of these groups withstands a quantum computer.
pub(crate) fn any_quantum_safe(groups: &[NamedGroup]) -> bool {
    QUANTUM_SAFE.iter().any(|ours| groups.contains(&ours.name()))
}

fn provider(suites: &[SupportedCipherSuite], groups: Groups) -> Arc<CryptoProvider> {
    let base = aws_lc_rs::default_provider();
    Arc::new(CryptoProvider { cipher_suites: suites.to_vec(), kx_groups: groups.to_vec(), ..base })
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Profile, String> {
        let found = Profile::ALL.into_iter().find(|profile| profile.name() == text);
        found.ok_or_else(|| format!("`{text}` is no TLS profile: there are `compat` and `cnsa2`"))
    }
}
