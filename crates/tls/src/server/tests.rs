use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use tokio_rustls::rustls::crypto::{SupportedKxGroup, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    AlertDescription, CipherSuite, ClientConfig, DigitallySignedStruct, Error as RustlsError, NamedGroup,
    ProtocolVersion, RootCertStore, SignatureScheme, SupportedCipherSuite, SupportedProtocolVersion,
};

use super::*;
use crate::{Client, Development, covers};

/// A directory with a pair in it, gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("entente-tls-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn files(&self) -> Files {
        Files { certificate: self.0.join("certificate.pem"), key: self.0.join("key.pem") }
    }

    fn put(&self, pair: &Development) {
        std::fs::write(self.0.join("certificate.pem"), &pair.certificate).unwrap();
        std::fs::write(self.0.join("key.pem"), pair.key.as_bytes()).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn names() -> Vec<String> {
    ["localhost", "*.s3.example.org", "127.0.0.1"].map(str::to_owned).to_vec()
}

fn pair() -> Development {
    Development::for_names(&names()).unwrap()
}

/// A server that accepts for ever, and says how each handshake went by answering or not.
async fn serving(server: Server) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let server = server.clone();
            tokio::spawn(async move {
                if let Ok(mut stream) = server.accept(tcp, Duration::from_secs(5)).await {
                    let _ = stream.write_all(b"welcome").await;
                    let _ = stream.shutdown().await;
                }
            });
        }
    });
    address
}

/// What a client offers.
struct Offer {
    versions: Vec<&'static SupportedProtocolVersion>,
    suites: Vec<SupportedCipherSuite>,
    groups: Vec<&'static dyn SupportedKxGroup>,
}

/// Everything rustls has, with these groups.
fn with_groups(groups: &[&'static dyn SupportedKxGroup]) -> Offer {
    Offer { versions: vec![&TLS12, &TLS13], suites: aws_lc_rs::ALL_CIPHER_SUITES.to_vec(), groups: groups.to_vec() }
}

type Agreed = (ProtocolVersion, CipherSuite, NamedGroup);

async fn shake(address: SocketAddr, authority: &str, offer: Offer) -> Result<Agreed, RustlsError> {
    let base = aws_lc_rs::default_provider();
    let provider = CryptoProvider { cipher_suites: offer.suites, kx_groups: offer.groups, ..base };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(provider));
    let config = builder.with_protocol_versions(&offer.versions).unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let tcp = TcpStream::connect(address).await.unwrap();
    let refused = |error: io::Error| *error.into_inner().unwrap().downcast::<RustlsError>().unwrap();
    let mut tls = connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await.map_err(refused)?;
    let mut text = Vec::new();
    // In TLS 1.3 a refusal may come behind the client's own end of the handshake.
    tls.read_to_end(&mut text).await.map_err(refused)?;
    assert_eq!(text, b"welcome");
    let (_, connection) = tls.get_ref();
    let group = connection.negotiated_key_exchange_group().unwrap().name();
    Ok((connection.protocol_version().unwrap(), connection.negotiated_cipher_suite().unwrap().suite(), group))
}

async fn check(profile: Profile, table: Vec<(Offer, Result<Agreed, AlertDescription>)>) {
    let (scratch, pair) = (Scratch::new(), pair());
    scratch.put(&pair);
    let address = serving(Server::open(scratch.files(), profile).unwrap()).await;
    for (row, (offer, expected)) in table.into_iter().enumerate() {
        let got = shake(address, &pair.authority, offer).await;
        assert_eq!(got, expected.map_err(RustlsError::AlertReceived), "row {row}");
    }
}

const V12: ProtocolVersion = ProtocolVersion::TLSv1_2;
const V13: ProtocolVersion = ProtocolVersion::TLSv1_3;
const AES_256: CipherSuite = CipherSuite::TLS13_AES_256_GCM_SHA384;

#[tokio::test]
async fn compat_takes_the_best_that_a_client_can() {
    let hybrid = Ok((V13, AES_256, NamedGroup::X25519MLKEM768));
    let classical = Ok((V13, AES_256, NamedGroup::X25519));
    let old = Offer { versions: vec![&TLS12], ..with_groups(&[kx_group::SECP256R1]) };
    let chacha =
        Offer { suites: vec![cipher_suite::TLS13_CHACHA20_POLY1305_SHA256], ..with_groups(&[kx_group::X25519]) };
    check(
        Profile::Compat,
        vec![
            (with_groups(&[kx_group::X25519MLKEM768, kx_group::X25519]), hybrid),
            // Whoever would rather not, and sends a share of the classical only, is asked again.
            (with_groups(&[kx_group::X25519, kx_group::SECP256R1, kx_group::X25519MLKEM768]), hybrid),
            (with_groups(&[kx_group::MLKEM1024]), Ok((V13, AES_256, NamedGroup::MLKEM1024))),
            (with_groups(&[kx_group::X25519]), classical),
            (old, Ok((V12, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, NamedGroup::secp256r1))),
            (chacha, Ok((V13, CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, NamedGroup::X25519))),
            // Not even "compat" has what nobody should.
            (with_groups(&[kx_group::MLKEM768]), Err(AlertDescription::HandshakeFailure)),
        ],
    )
    .await;
}

#[tokio::test]
async fn cnsa2_takes_one_version_suite_and_group_and_refuses_the_rest_by_an_alert() {
    let old = Offer { versions: vec![&TLS12], ..with_groups(&[kx_group::SECP384R1]) };
    let smaller = Offer {
        suites: vec![cipher_suite::TLS13_AES_128_GCM_SHA256, cipher_suite::TLS13_CHACHA20_POLY1305_SHA256],
        ..with_groups(&[kx_group::MLKEM1024])
    };
    let agreed = Ok((V13, AES_256, NamedGroup::MLKEM1024));
    let refused = Err(AlertDescription::HandshakeFailure);
    check(
        Profile::Cnsa2,
        vec![
            (with_groups(&[kx_group::MLKEM1024]), agreed),
            (with_groups(&[kx_group::X25519, kx_group::X25519MLKEM768, kx_group::MLKEM1024]), agreed),
            (with_groups(&[kx_group::X25519MLKEM768, kx_group::X25519]), refused),
            (with_groups(&[kx_group::SECP384R1]), refused),
            (with_groups(&[kx_group::MLKEM768]), refused),
            (smaller, refused),
            (old, Err(AlertDescription::ProtocolVersion)),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_command_line_reaches_either_profile_by_the_very_certificate() {
    for profile in Profile::ALL {
        let (scratch, ours, other) = (Scratch::new(), pair(), pair());
        scratch.put(&ours);
        let address = serving(Server::open(scratch.files(), profile).unwrap()).await;
        let path = scratch.files().certificate;
        let connect = async |pair: &Development| {
            let tcp = TcpStream::connect(address).await.unwrap();
            Client::pinned(&path, pair.certificate.as_bytes()).unwrap().connect(tcp).await
        };
        let mut stream = connect(&ours).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "welcome");
        let Stream::Tls(tls) = &stream else { panic!("no TLS") };
        let group = tls.get_ref().1.negotiated_key_exchange_group().unwrap().name();
        let expected = if profile == Profile::Cnsa2 { NamedGroup::MLKEM1024 } else { NamedGroup::X25519MLKEM768 };
        assert_eq!(group, expected);
        // The same names, the same kind of key, another certificate.
        let refused = connect(&other).await;
        assert!(refused.unwrap_err().to_string().contains("certificate"));
    }
}

/// Takes any certificate, and remembers nothing: for looking at what is shown.
#[derive(Debug)]
struct Anyone(std::sync::Mutex<Option<CertificateDer<'static>>>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        *self.0.lock().unwrap() = Some(shown.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        let known = aws_lc_rs::default_provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        let known = aws_lc_rs::default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

async fn shown_at(address: SocketAddr) -> CertificateDer<'static> {
    let verifier = Arc::new(Anyone(std::sync::Mutex::default()));
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let config = builder.dangerous().with_custom_certificate_verifier(Arc::<Anyone>::clone(&verifier));
    let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
    let tcp = TcpStream::connect(address).await.unwrap();
    connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap();
    let shown = verifier.0.lock().unwrap().take();
    shown.unwrap()
}

fn first(pair: &Development) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_replaced_pair_is_served_and_half_a_pair_is_not() {
    let (scratch, old, new) = (Scratch::new(), pair(), pair());
    scratch.put(&old);
    let server = Server::open(scratch.files(), Profile::Compat).unwrap();
    let address = serving(server.clone()).await;
    assert_eq!(shown_at(address).await, first(&old));
    assert_eq!(server.refresh().unwrap(), Loaded::AsBefore);

    // Between the two files of a pair: what was good stays, and is complained of once.
    std::fs::write(scratch.files().certificate, &new.certificate).unwrap();
    assert!(matches!(server.refresh(), Err(Error::NotAPair { .. })));
    assert_eq!(server.refresh().unwrap(), Loaded::AsBefore);
    assert_eq!(shown_at(address).await, first(&old));

    scratch.put(&new);
    assert_eq!(server.refresh().unwrap(), Loaded::Anew);
    assert_eq!(shown_at(address).await, first(&new));
}

#[test]
fn pairs_that_cannot_be_served_say_why() {
    let (scratch, good) = (Scratch::new(), pair());
    let says = |profile, words: &str| {
        let error = Server::open(scratch.files(), profile).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    says(Profile::Compat, "cannot be read");
    scratch.put(&Development { certificate: good.key.to_string(), ..pair() });
    says(Profile::Compat, "no certificate in PEM");
    scratch.put(&Development { key: good.certificate.clone().into(), ..pair() });
    says(Profile::Compat, "no private key in PEM");
    scratch.put(&Development { key: good.key.clone(), ..pair() });
    says(Profile::Compat, "not that of the certificate");

    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let weak = rcgen::CertificateParams::new(names()).unwrap().self_signed(&key).unwrap();
    let weak = Development {
        authority: String::new(),
        certificate: crate::development::pem("CERTIFICATE", weak.der()),
        key: crate::development::pem("PRIVATE KEY", &key.serialize_der()).into(),
    };
    scratch.put(&weak);
    says(Profile::Cnsa2, "P-384");
    assert!(Server::open(scratch.files(), Profile::Compat).is_ok());
}

#[test]
fn a_certificate_covers_its_names_and_no_others() {
    let (scratch, pair) = (Scratch::new(), pair());
    let covers = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        covers(&scratch.files().certificate, pair.certificate.as_bytes(), &names)
    };
    assert!(covers(&["localhost", "*.s3.example.org", "127.0.0.1", "tea.s3.example.org"]));
    assert!(!covers(&["localhost", "192.0.2.1"]));
    assert!(!covers(&["example.org"]));
}

#[tokio::test]
async fn plain_http_is_told_to_use_https_and_noise_is_refused() {
    let scratch = Scratch::new();
    scratch.put(&pair());
    let address = serving(Server::open(scratch.files(), Profile::Compat).unwrap()).await;
    let said = async |bytes: &[u8]| {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        tcp.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let answer = said(b"GET /tea HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"), "{answer}");
    // An alert record: type 21.
    assert_eq!(said(b"\0\0\0\0\0\0\0\0").await.first(), Some(&21));
}

#[tokio::test]
async fn a_client_that_says_nothing_is_not_waited_for() {
    let scratch = Scratch::new();
    scratch.put(&pair());
    let server = Server::open(scratch.files(), Profile::Compat).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _silent = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (tcp, _) = listener.accept().await.unwrap();
    let error = server.accept(tcp, Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}
