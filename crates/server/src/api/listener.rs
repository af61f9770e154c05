//! Connections of the admin API and the console: their handshakes side by side, their clocks, an orderly end.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tls::{Server, Stream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// For a handshake, for the head of a request, and between two requests: all of it is on loopback, and a browser
/// opens its connection anew.
const HEAD_MAX: Duration = Duration::from_secs(30);
/// Connections at a time; further clients wait in the listener's queue.
const CONNECTIONS_MAX: usize = 256;
/// How long an answer under way may take once asked to stop: what waits for a site may take longer and is cut, and a
/// connection that says nothing may not hold up the end.
const DRAIN_MAX: Duration = Duration::from_secs(2);
/// How long to wait before accepting again when the machine has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` until `stop`; then takes no further request, and finishes for a moment what is under way.
pub async fn serve(router: Router, listener: TcpListener, tls: Option<Server>, stop: CancellationToken) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, place)
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            (accepted, place) = accepted => match accepted {
                Ok((stream, _)) => {
                    let (router, tls, stop) = (router.clone(), tls.clone(), stop.clone());
                    connections.spawn(async move {
                        connection(router, stream, tls, stop).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let drain = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_MAX, drain).await.is_err() {
        tracing::debug!(left = connections.len(), "answers broken off at the end");
    }
}

async fn connection(router: Router, stream: TcpStream, tls: Option<Server>, stop: CancellationToken) {
    let stream = match stop.run_until_cancelled(greet(stream, tls)).await {
        Some(Ok(stream)) => stream,
        Some(Err(error)) => return tracing::debug!(%error, "no handshake"),
        None => return,
    };
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut serving = pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection broke off");
    }
}

async fn greet(stream: TcpStream, tls: Option<Server>) -> io::Result<Stream> {
    let _ = stream.set_nodelay(true);
    match tls {
        None => Ok(Stream::Plain(stream)),
        Some(tls) => tls.accept(stream, HEAD_MAX).await,
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// What the listener answers to what is said to it, and how long it takes until the connection ends.
    async fn said(text: &str) -> (String, Duration) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(|| async { "here" }));
        let serving = tokio::spawn(serve(router, listener, None, stop.clone()));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(text.as_bytes()).await.unwrap();
        // From here on nobody waits for a socket, so that the clock may run ahead.
        tokio::time::pause();
        let began = tokio::time::Instant::now();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        stop.cancel();
        serving.await.unwrap();
        (answer, began.elapsed())
    }

    #[tokio::test]
    async fn a_client_who_does_not_finish_its_head_is_given_up() {
        let (answer, after) = said("GET / HTTP/1.1\r\nhost: here\r\nx-slow: ").await;
        assert!(answer.is_empty() && after >= HEAD_MAX && after < HEAD_MAX * 2, "{after:?}: {answer}");
    }

    #[tokio::test]
    async fn a_client_who_says_nothing_more_is_given_up_after_its_answer() {
        let (answer, after) = said("GET / HTTP/1.1\r\nhost: here\r\n\r\n").await;
        assert!(answer.ends_with("here") && after >= HEAD_MAX && after < HEAD_MAX * 2, "{after:?}: {answer}");
    }
}
