//! A client's connection that can hang, crawl and break.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::site::Site;

/// How often a hung connection looks whether it may go on.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Breaks a connection with a reset, from wherever it is held.
#[derive(Clone, Default)]
pub struct Cut(Arc<AtomicBool>);

impl Cut {
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub struct Wire {
    stream: TcpStream,
    site: Arc<Site>,
    cut: Cut,
    waiting: Option<Pin<Box<Sleep>>>,
    hangs: bool,
}

impl Wire {
    pub fn new(stream: TcpStream, site: Arc<Site>, cut: Cut) -> Wire {
        Wire { stream, site, cut, waiting: None, hangs: false }
    }

    /// How long to wait before looking again. A connection is struck once by each hang.
    fn must_wait(&mut self) -> Option<Duration> {
        let hung = self.site.is_hung();
        if hung && !self.hangs {
            self.site.counts.strike();
        }
        self.hangs = hung;
        if hung { Some(LOOK_EVERY) } else { self.site.link_busy_for() }
    }

    /// Ready when bytes may pass now.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                ready!(waiting.as_mut().poll(cx));
                self.waiting = None;
            }
            match self.must_wait() {
                Some(wait) => self.waiting = Some(Box::pin(tokio::time::sleep(wait))),
                None => return Poll::Ready(()),
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(cx));
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.site.carried(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(cx));
        let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.site.carried(sent);
        Poll::Ready(Ok(sent))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.cut.0.load(Ordering::Relaxed) {
            // Nothing lingers: the other side sees a reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}
