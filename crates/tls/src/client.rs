//! How the command line reaches the Entente beside it: by exactly the certificate it was given.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as RustlsError, SignatureScheme,
};

use crate::Error;
use crate::certificate::{chain, shown};
use crate::profile::Profile;
use crate::stream::Stream;

/// Connects to a server of this program: TLS 1.3 and a post-quantum key exchange, which both
/// profiles have.
#[derive(Clone)]
pub struct Client {
    connector: TlsConnector,
    /// Where the certificate was read.
    path: String,
}

impl Client {
    /// Trusts the first certificate of this PEM text, read from `path`, and no other.
    pub fn pinned(path: &Path, pem: &[u8]) -> Result<Client, Error> {
        let certificate = chain(path, pem)?.into_iter().next();
        let certificate = certificate.ok_or_else(|| Error::Empty { path: shown(path), wanted: "certificate" })?;
        let provider = Profile::Compat.quantum_safe();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&[&TLS13])?;
        let verifier = Arc::new(Pinned { certificate, provider });
        let config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        Ok(Client { connector: TlsConnector::from(Arc::new(config)), path: shown(path) })
    }

    /// The handshake.
    pub async fn connect(&self, tcp: TcpStream) -> io::Result<Stream> {
        let name = ServerName::IpAddress(tcp.peer_addr()?.ip().into());
        let tls = self.connector.connect(name, tcp).await.map_err(|error| self.told(error))?;
        Ok(Stream::Tls(Box::new(tls.into())))
    }

    /// The two ways in which it was the wrong file or the wrong port, in words.
    fn told(&self, error: io::Error) -> io::Error {
        match error.get_ref().and_then(|cause| cause.downcast_ref()) {
            Some(RustlsError::InvalidCertificate(_)) => {
                io::Error::other(format!("it serves another certificate than the first in `{}`", self.path))
            }
            Some(RustlsError::InvalidMessage(_)) => io::Error::other("it does not speak TLS"),
            _ => error,
        }
    }
}

/// Accepts one certificate, whatever names it has and however old it is: who it is was known before.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        if *shown == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
