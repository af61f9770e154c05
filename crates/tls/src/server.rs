//! How a door accepts: the first byte, the hello, the configuration that suits it, the handshake.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::server::Acceptor;

use crate::Error;
use crate::certificate::{Current, Files, Loaded};
use crate::profile::{Profile, any_quantum_safe};
use crate::stream::Stream;

/// The one protocol the doors speak.
const ALPN: &[u8] = b"http/1.1";

/// What plain HTTP is told.
const USE_HTTPS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
    connection: close\r\n\r\nthis port speaks TLS: ask it by https://\r\n";

/// What is read and thrown away of a request in plain HTTP, so that its sender sees the answer and
/// not a reset connection.
const PLAIN_BYTES_MAX: u64 = 64 << 10;
const PLAIN_TIME_MAX: Duration = Duration::from_secs(1);

/// Accepts connections by TLS; cheap to clone.
#[derive(Clone, Debug)]
pub struct Server {
    current: Arc<Current>,
    quantum_safe: Arc<ServerConfig>,
    classical: Arc<ServerConfig>,
}

impl Server {
    /// With the certificate and key that the files hold.
    pub fn open(files: Files, profile: Profile) -> Result<Server, Error> {
        let current = Arc::new(Current::load(files, profile)?);
        let config = |provider| config(profile, provider, Arc::clone(&current));
        let (quantum_safe, classical) = (config(profile.quantum_safe())?, config(profile.classical())?);
        Ok(Server { current, quantum_safe, classical })
    }

    /// Looks whether the files hold another pair, and serves it from now on. It reads files.
    pub fn refresh(&self) -> Result<Loaded, Error> {
        self.current.refresh()
    }

    /// When the certificate that is shown ends, in seconds since 1970.
    pub fn expires(&self) -> Option<u64> {
        self.current.expires()
    }

    /// The handshake, which must end `within` this time. What is no TLS is told so and refused.
    pub async fn accept(&self, tcp: TcpStream, within: Duration) -> io::Result<Stream> {
        let slow = |_| io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long");
        tokio::time::timeout(within, self.shake_hands(tcp)).await.map_err(slow)?
    }

    async fn shake_hands(&self, tcp: TcpStream) -> io::Result<Stream> {
        if speaks_http(&tcp).await? {
            refuse_http(tcp).await;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "plain HTTP on a TLS port"));
        }
        let start = LazyConfigAcceptor::new(Acceptor::default(), tcp).await?;
        let config = match start.client_hello().named_groups() {
            Some(groups) if any_quantum_safe(groups) => &self.quantum_safe,
            _ => &self.classical,
        };
        let stream = start.into_stream(Arc::clone(config)).await?;
        Ok(Stream::Tls(Box::new(stream.into())))
    }
}

fn config(profile: Profile, provider: Arc<CryptoProvider>, current: Arc<Current>) -> Result<Arc<ServerConfig>, Error> {
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(profile.versions())?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(current);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.ignore_client_order = true;
    Ok(Arc::new(config))
}

/// Every method begins with a letter; a TLS record begins with its type, 22 for a handshake.
async fn speaks_http(tcp: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let read = tcp.peek(&mut first).await?;
    Ok(read > 0 && first.iter().all(u8::is_ascii_alphabetic))
}

async fn refuse_http(mut tcp: TcpStream) {
    let refused = async {
        tcp.write_all(USE_HTTPS).await?;
        tcp.shutdown().await?;
        tokio::io::copy(&mut tcp.take(PLAIN_BYTES_MAX), &mut tokio::io::sink()).await
    };
    // Whoever does not wait for the answer does not miss it.
    let _ = tokio::time::timeout(PLAIN_TIME_MAX, refused).await;
}

#[cfg(test)]
mod tests;
