//! Connections of the admin API, their handshakes side by side: one that is slow holds up no other.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::Listener;
use tls::{Server, Stream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// For a handshake on loopback.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// Handshakes at a time; further clients wait in the listener's queue.
const HANDSHAKES_MAX: usize = 64;
/// How long to wait before accepting again when the machine has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listener whose connections have shaken hands.
pub struct Greeting {
    tcp: TcpListener,
    tls: Option<Server>,
    under_way: JoinSet<io::Result<(Stream, SocketAddr)>>,
}

impl Greeting {
    pub fn new(tcp: TcpListener, tls: Option<Server>) -> Greeting {
        Greeting { tcp, tls, under_way: JoinSet::new() }
    }
}

impl Listener for Greeting {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            tokio::select! {
                Some(greeted) = self.under_way.join_next() => match greeted {
                    Ok(Ok(connection)) => return connection,
                    Ok(Err(error)) => tracing::debug!(%error, "no handshake"),
                    Err(error) => tracing::warn!(%error, "a handshake broke"),
                },
                accepted = self.tcp.accept(), if self.under_way.len() < HANDSHAKES_MAX => match accepted {
                    Ok((stream, peer)) => {
                        let tls = self.tls.clone();
                        self.under_way.spawn(async move { Ok((greet(stream, tls).await?, peer)) });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

async fn greet(stream: TcpStream, tls: Option<Server>) -> io::Result<Stream> {
    let _ = stream.set_nodelay(true);
    match tls {
        None => Ok(Stream::Plain(stream)),
        Some(tls) => tls.accept(stream, HANDSHAKE_MAX).await,
    }
}
