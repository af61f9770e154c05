//! The accept loop: connections, their clocks, and an orderly end.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use tls::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::door::{Door, Peer};
use crate::limits::CONNECTION_BUFFER_BYTES;
use crate::pace::Pace;

/// How long to wait before accepting again when the machine has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the door on `listener` until `stop`; then takes no further connection or request,
/// finishes what is under way within the drain limit, and returns.
pub async fn serve(door: Door, listener: TcpListener, stop: impl Future<Output = ()>) {
    let limits = door.inner.settings.limits.clone();
    let room = Arc::new(Semaphore::new(limits.connections));
    let (closing, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, place)
        };
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            (accepted, place) = accepted => match (accepted, place) {
                (Ok((stream, peer)), Ok(place)) => {
                    let (door, closed) = (door.clone(), closed.clone());
                    connections.spawn(async move {
                        connection(door, stream, peer.ip(), closed).await;
                        drop(place);
                    });
                }
                (Err(error), _) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                (_, Err(_)) => break,
            },
        }
    }
    drop(listener);
    drop(closed);
    // Every connection waits for this.
    let _ = closing.send(());
    let drain = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain_time, drain).await.is_err() {
        tracing::warn!(left = connections.len(), "requests broken off at the drain limit");
    }
}

async fn connection(door: Door, stream: TcpStream, peer: IpAddr, mut closed: watch::Receiver<()>) {
    // Without it the last bytes of an answer wait 40 ms for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let limits = &door.inner.settings.limits;
    let greeted = tokio::select! {
        greeted = greet(&door, stream) => greeted,
        // Nothing is under way yet.
        _ = closed.changed() => return,
    };
    let stream = match greeted {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "no handshake");
            return;
        }
    };
    let io = TokioIo::new(Patient { stream, pace: Pace::new(limits.idle_time) });
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let door = door.clone();
        async move { Ok::<_, Infallible>(door.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(CONNECTION_BUFFER_BYTES)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        _ = closed.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection broke off");
    }
}

/// The handshake, at a door that has one.
async fn greet(door: &Door, stream: TcpStream) -> io::Result<Stream> {
    let settings = &door.inner.settings;
    match &settings.tls {
        None => Ok(Stream::Plain(stream)),
        Some(tls) => tls.accept(stream, settings.limits.head_time).await,
    }
}

/// A socket that gives up on a peer who takes nothing, or next to nothing.
struct Patient<S> {
    stream: S,
    pace: Pace,
}

impl<S> Patient<S> {
    fn judge(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => {
                ready!(self.pace.poll_spent(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes too little")))
            }
            Poll::Ready(written) => {
                self.pace.moved(*written.as_ref().unwrap_or(&0));
                Poll::Ready(written)
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, flushed.map_ok(|()| 0)).map_ok(|_| ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::{Instant, sleep};

    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    /// Writes a MiB to a reader who takes `piece` bytes each `pause`; how it ended, and when.
    async fn write_to(piece: usize, pause: Duration) -> (io::Result<()>, Duration) {
        let (stream, mut peer) = tokio::io::duplex(piece);
        let reader = async move {
            let mut taken = vec![0; piece];
            loop {
                sleep(pause).await;
                if peer.read_exact(&mut taken).await.is_err() {
                    return;
                }
            }
        };
        let began = Instant::now();
        let mut patient = Patient { stream, pace: Pace::new(WINDOW) };
        tokio::select! {
            biased;
            ended = async { patient.write_all(&vec![0; 1 << 20]).await } => (ended, began.elapsed()),
            () = reader => (Err(io::ErrorKind::UnexpectedEof.into()), began.elapsed()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_of_a_byte_now_and_then_is_given_up() {
        let (ended, after) = write_to(1, Duration::from_secs(59)).await;
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(after < WINDOW * 2, "{after:?}");
        let (ended, _) = write_to(16 << 10, Duration::from_secs(20)).await;
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_who_keeps_the_pace_is_waited_for() {
        for (piece, pause_s) in [(64 << 10, 59), (16 << 10, 14)] {
            let (ended, after) = write_to(piece, Duration::from_secs(pause_s)).await;
            assert!(ended.is_ok(), "{ended:?}");
            assert!(after > WINDOW * 5, "{after:?}");
        }
    }
}
