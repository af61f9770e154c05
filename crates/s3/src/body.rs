//! Request bodies off the socket: counted, timed, unframed; streamed to whoever stores them, or
//! read whole where they are documents.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use engine::{Body, BodyError, BodyErrorKind};
use futures::{Stream, StreamExt, TryStreamExt};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::auth::ChunkSigner;
use crate::chunked::{self, Framing, TrailerSlot};
use crate::digest;
use crate::error::{Code, Failure};
use crate::gate::Payload;
use crate::gate::Signed;
use crate::limits::{REFUSED_BODY_BYTES, REFUSED_BODY_TIME};
use crate::pace::Pace;

/// The body as it comes off the connection, with its clocks.
pub(crate) struct Paced {
    incoming: Incoming,
    count: Arc<AtomicU64>,
    pace: Pace,
    deadline: Pin<Box<Sleep>>,
}

impl Paced {
    pub(crate) fn new(incoming: Incoming, count: Arc<AtomicU64>, idle_time: Duration, deadline: Instant) -> Paced {
        let deadline = Box::pin(tokio::time::sleep_until(deadline));
        Paced { incoming, count, pace: Pace::new(idle_time), deadline }
    }

    /// Nothing will come.
    pub(crate) fn is_empty(&self) -> bool {
        self.incoming.is_end_stream()
    }

    /// Must be over by `deadline` now, if it is sooner.
    fn hurry(&mut self, deadline: Instant) {
        if deadline < self.deadline.deadline() {
            self.deadline.as_mut().reset(deadline);
        }
    }

    fn late(&mut self, cx: &mut Context<'_>) -> bool {
        self.pace.poll_spent(cx).is_ready() || self.deadline.as_mut().poll(cx).is_ready()
    }

    /// Takes no more than a little of a body nobody wants.
    pub(crate) async fn refuse(mut self) {
        let drain = async {
            while let Some(Ok(_)) = self.next().await {
                if self.count.load(Ordering::Relaxed) > REFUSED_BODY_BYTES {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(REFUSED_BODY_TIME, drain).await;
    }
}

impl Stream for Paced {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match Pin::new(&mut this.incoming).poll_frame(cx) {
                Poll::Pending if this.late(cx) => {
                    let message = "too little came of the body for too long".to_owned();
                    return Poll::Ready(Some(Err(BodyError { kind: BodyErrorKind::IdleTimeout, message })));
                }
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => {
                    let error = BodyError { kind: BodyErrorKind::Incomplete, message: error.to_string() };
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers of HTTP itself mean nothing to S3.
                    if let Ok(bytes) = frame.into_data() {
                        this.pace.moved(bytes.len());
                        this.count.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
            }
        }
    }
}

/// The content of a body, out of whatever framing it came in.
pub(crate) fn unframed(paced: Paced, payload: &Payload, signer: Option<ChunkSigner>, slot: TrailerSlot) -> Body {
    match *payload {
        Payload::Plain(_) => paced.boxed(),
        Payload::Chunked { signed, promise } => {
            let framing = Framing {
                signer: signer.filter(|_| signed == Signed::Yes),
                length: promise.length.unwrap_or(0),
                trailer: promise.trailer.map(|algorithm| (digest::header_name(algorithm).to_owned(), slot)),
            };
            chunked::decode(paced.boxed(), framing)
        }
    }
}

/// Sooner than the request's own deadline: documents hold a share of memory that others wait for.
pub(crate) fn hurried(mut paced: Paced, time: Duration) -> Paced {
    paced.hurry(Instant::now() + time);
    paced
}

/// Reads at most `most` bytes, all there is.
pub(crate) async fn whole(mut body: Body, most: usize) -> Result<Bytes, Failure> {
    let mut first = match body.try_next().await? {
        None => return Ok(Bytes::new()),
        Some(first) => first,
    };
    let mut more = BytesMut::new();
    while let Some(next) = body.try_next().await? {
        if more.is_empty() {
            more = BytesMut::from(std::mem::take(&mut first).as_ref());
        }
        if more.len().saturating_add(next.len()) > most {
            return Err(too_long(most));
        }
        more.extend_from_slice(&next);
    }
    let bytes = if more.is_empty() { first } else { more.freeze() };
    if bytes.len() > most {
        return Err(too_long(most));
    }
    Ok(bytes)
}

fn too_long(most: usize) -> Failure {
    match most {
        0 => Failure::because(Code::InvalidRequest, "This request takes no body."),
        most => Failure::new(Code::MaxMessageLengthExceeded).with("MaxMessageLengthBytes", most.to_string()),
    }
}
