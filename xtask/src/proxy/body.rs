//! Bodies that pass through, some of them spoilt on the way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::Sleep;

use crate::wire::Cut;

pub type Failure = anyhow::Error;
pub type Body = UnsyncBoxBody<Bytes, Failure>;

/// What was sent before a cut gets this long to leave.
const LEAVES_IN: Duration = Duration::from_millis(5);

pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// As it comes.
pub fn streamed(body: Incoming) -> Body {
    body.map_err(Failure::from).boxed_unsync()
}

/// With the lowest bit of byte `at` turned over.
pub fn flipped(body: Incoming, at: u64) -> Body {
    Spoilt { body, passed: 0, how: Spoil::Flip { at } }.boxed_unsync()
}

/// With nothing behind byte `at` but the end of the connection.
pub fn cut(body: Incoming, at: u64, cut: Cut) -> Body {
    Spoilt { body, passed: 0, how: Spoil::Cut { at, cut, leaving: None } }.boxed_unsync()
}

/// Reads to the end and forgets.
pub async fn drain<B>(mut body: B) -> Result<(), Failure>
where
    B: HttpBody + Unpin,
    Failure: From<B::Error>,
{
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(())
}

struct Spoilt {
    body: Incoming,
    passed: u64,
    how: Spoil,
}

enum Spoil {
    Flip { at: u64 },
    Cut { at: u64, cut: Cut, leaving: Option<Pin<Box<Sleep>>> },
}

impl HttpBody for Spoilt {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let this = &mut *self;
        if let Spoil::Cut { at, cut, leaving } = &mut this.how
            && this.passed >= *at
        {
            let leaving = leaving.get_or_insert_with(|| Box::pin(tokio::time::sleep(LEAVES_IN)));
            ready!(leaving.as_mut().poll(cx));
            cut.now();
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::ConnectionReset).into())));
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| frame.map_err(Failure::from).map(|frame| frame.map_data(|data| this.pass(data)))))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Spoilt {
    fn pass(&mut self, data: Bytes) -> Bytes {
        let start = self.passed;
        self.passed += data.len() as u64;
        match &self.how {
            Spoil::Flip { at } if (start..self.passed).contains(at) => flip(&data, at - start),
            // The first part of what would carry it past the cut.
            Spoil::Cut { at, .. } if self.passed > *at => data.slice(..within(at - start, data.len())),
            _ => data,
        }
    }
}

fn flip(data: &Bytes, at: u64) -> Bytes {
    let mut data = BytesMut::from(data.as_ref());
    if let Some(byte) = data.get_mut(within(at, usize::MAX)) {
        *byte ^= 1;
    }
    data.freeze()
}

fn within(at: u64, length: usize) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX).min(length)
}
