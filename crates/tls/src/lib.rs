//! TLS for the doors: which versions, suites and key exchanges, whose certificate, and the streams.
//!
//! ```text
//!  socket ─► first byte ─► hello ─► configuration ─► stream
//!            HTTP is told   read     by what the
//!            to use https   once     client offers
//! ```
//!
//! A [`Server`] is what a door accepts through; it serves whatever certificate its files hold now. A
//! [`Client`] is how the command line reaches the door of the Entente beside it. What a [`Profile`]
//! allows is said in one file.
//!
//! Absent by design: client certificates, HTTP, writing files, and any connection to vendors.

mod profile;

mod certificate;
mod client;
mod development;
mod server;
mod stream;
mod term;

pub use certificate::{Files, Loaded};
pub use client::Client;
pub use development::{Development, covers};
pub use profile::Profile;
pub use server::Server;
pub use stream::Stream;
pub use term::{Term, term};

use thiserror::Error;

/// TLS that cannot be set up as it was asked for.
#[derive(Debug, Error)]
pub enum Error {
    #[error("`{path}` cannot be read: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("`{path}` holds no {wanted} in PEM")]
    Empty { path: String, wanted: &'static str },
    #[error("the key in `{key}` is not that of the certificate in `{certificate}`: write both of one pair")]
    NotAPair { certificate: String, key: String },
    #[error(
        "profile `cnsa2` wants a certificate whose key is on P-384 or of ML-DSA-87, and that in `{key}` is neither"
    )]
    WeakKey { key: String },
    #[error("TLS cannot be set up: {0}")]
    Rustls(#[from] tokio_rustls::rustls::Error),
    #[error("a certificate cannot be made: {0}")]
    Development(#[from] rcgen::Error),
}
