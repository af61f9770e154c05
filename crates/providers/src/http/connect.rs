//! One connection: TCP to the endpoint or the proxy, a tunnel where TLS goes through a proxy, TLS.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

/// For name, TCP, tunnel and TLS together: a site that takes longer is as good as gone, and others
/// wait to be asked.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Of a proxy's answer to CONNECT.
const PROXY_ANSWER_MAX: usize = 8 << 10;
/// Where clouds tell their machines who they are: always asked straight.
const METADATA: [&str; 4] = ["169.254.169.254", "169.254.170.2", "169.254.170.23", "metadata.google.internal"];

#[derive(Clone)]
pub struct Connector {
    proxy: Option<Uri>,
    tls: Arc<ClientConfig>,
}

impl Connector {
    pub fn new(proxy: Option<Uri>, tls: Arc<ClientConfig>) -> Connector {
        Connector { proxy, tls }
    }

    async fn connect(self, uri: Uri) -> io::Result<TokioIo<Stream>> {
        let connected = tokio::time::timeout(CONNECT_MAX, self.reach(&uri)).await;
        let slow = || format!("no connection to {} within {} s", host(&uri), CONNECT_MAX.as_secs());
        connected.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, slow()))?.map(TokioIo::new)
    }

    async fn reach(&self, uri: &Uri) -> io::Result<Stream> {
        let secure = uri.scheme_str() == Some("https");
        let proxy = self.proxy.as_ref().filter(|_| !METADATA.contains(&host(uri)));
        let tcp = open(proxy.unwrap_or(uri)).await?;
        match (secure, proxy) {
            (false, proxy) => Ok(Stream::Plain { tcp, proxied: proxy.is_some() }),
            (true, None) => self.encrypt(tcp, uri).await,
            (true, Some(_)) => self.encrypt(tunnel(tcp, uri).await?, uri).await,
        }
    }

    async fn encrypt(&self, tcp: TcpStream, uri: &Uri) -> io::Result<Stream> {
        let name = ServerName::try_from(host(uri).to_owned())
            .map_err(|_| invalid(format!("`{}` is no name a certificate can prove", host(uri))))?;
        let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await?;
        Ok(Stream::Tls(Box::new(tls)))
    }
}

async fn open(uri: &Uri) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect((host(uri), port(uri))).await?;
    // A request's last packet must not wait for an acknowledgement.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// Asks the proxy for a way to the endpoint; what follows is between the two ends.
async fn tunnel(mut tcp: TcpStream, uri: &Uri) -> io::Result<TcpStream> {
    let target = format!("{}:{}", uri.host().unwrap_or_default(), port(uri));
    tcp.write_all(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= PROXY_ANSWER_MAX {
            return Err(invalid("the proxy's answer is too long"));
        }
        // Byte by byte: the first one behind the answer belongs to TLS.
        answer.push(tcp.read_u8().await?);
    }
    let line = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
    match line.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(tcp),
        _ => Err(io::Error::new(io::ErrorKind::ConnectionRefused, format!("the proxy refuses {target}: {line}"))),
    }
}

/// Without the brackets of an IPv6 address.
fn host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
}

fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what.into())
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Stream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// What requests are written to.
pub enum Stream {
    Plain { tcp: TcpStream, proxied: bool },
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        // Through a proxy without a tunnel, a request names its whole address.
        Connected::new().proxy(matches!(self, Stream::Plain { proxied: true, .. }))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain { tcp, .. } => Pin::new(tcp).poll_read(context, buffer),
            Stream::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain { tcp, .. } => Pin::new(tcp).poll_write(context, bytes),
            Stream::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain { tcp, .. } => Pin::new(tcp).poll_flush(context),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain { tcp, .. } => Pin::new(tcp).poll_shutdown(context),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain { tcp, .. } => Pin::new(tcp).poll_write_vectored(context, slices),
            Stream::Tls(tls) => Pin::new(tls).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        matches!(self, Stream::Plain { .. })
    }
}
