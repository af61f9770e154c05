//! Answers: their bodies, their request id, and the one log line each leaves behind.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use engine::trail::{self, RequestNumber};
use futures::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use model::Label;
use s3s::xml::Serialize;
use tokio::time::{Instant, Sleep};

use crate::error::Failure;
use crate::watch::{Answered, Class, Watch};
use crate::xml;

/// What every answer says about itself, and the log repeats.
#[derive(Clone, Debug)]
pub(crate) struct RequestId {
    pub(crate) request: String,
    pub(crate) host: Arc<str>,
}

/// An answer on its way through the door.
pub(crate) type Answer = Response<Content>;

/// The bytes of an answer.
pub(crate) enum Content {
    Whole(Bytes),
    /// Exactly this many bytes, unless it fails, which breaks the connection.
    Stream {
        length: u64,
        bytes: Pin<Box<dyn Stream<Item = Result<Bytes, engine::Error>> + Send>>,
    },
    /// The head alone, of an answer that would have this many bytes.
    Head {
        length: u64,
    },
}

/// An answer with nothing but a status.
pub(crate) fn status(status: StatusCode) -> Answer {
    let mut answer = Response::new(Content::Whole(Bytes::new()));
    *answer.status_mut() = status;
    answer
}

/// An answer that is a document.
pub(crate) fn document(document: &impl Serialize) -> Result<Answer, Failure> {
    let mut answer = Response::new(Content::Whole(xml::write(document)?));
    set(answer.headers_mut(), "content-type", "application/xml");
    Ok(answer)
}

/// An answer that is a document already written.
pub(crate) fn written_document(bytes: Bytes) -> Answer {
    let mut answer = Response::new(Content::Whole(bytes));
    set(answer.headers_mut(), "content-type", "application/xml");
    answer
}

/// An answer that is a document of a few texts, in no namespace.
pub(crate) fn elements(root: &str, texts: &[(&str, &str)]) -> Result<Answer, Failure> {
    let bytes = xml::write_plain(root, |out| texts.iter().try_for_each(|(name, text)| out.content(name, *text)))?;
    Ok(written_document(bytes))
}

/// Sets a header; a value that is no header value is left out.
pub(crate) fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// The answer to a failed request.
pub(crate) fn failure(failure: &Failure, resource: &str, id: &RequestId) -> Answer {
    if let Some(cause) = failure.cause() {
        tracing::error!(request_id = id.request, cause, "internal error");
    }
    let status = failure.code().status();
    let content = match status {
        // Has no body by its definition.
        StatusCode::NOT_MODIFIED => Bytes::new(),
        _ => xml::write_failure(failure, resource, id).unwrap_or_default(),
    };
    let mut answer = Response::new(Content::Whole(content));
    *answer.status_mut() = status;
    set(answer.headers_mut(), "content-type", "application/xml");
    for (name, value) in failure.headers() {
        answer.headers_mut().insert(name, value.clone());
    }
    answer
}

/// The request's line in the log, written when its answer has been sent or has broken off.
pub(crate) struct Line {
    pub(crate) id: RequestId,
    pub(crate) number: RequestNumber,
    /// Ends with the answer, or with what was begun for it and goes on.
    pub(crate) span: tracing::Span,
    pub(crate) watch: Arc<dyn Watch>,
    pub(crate) started: Instant,
    pub(crate) method: http::Method,
    pub(crate) operation: &'static str,
    pub(crate) class: Class,
    /// Of the session, if there was one; it is in no line.
    pub(crate) label: Option<Label>,
    pub(crate) status: StatusCode,
    /// Of a failed request.
    pub(crate) code: Option<&'static str>,
    /// Of the request's body, as they came.
    pub(crate) bytes_in: Arc<AtomicU64>,
}

/// The body hyper sends.
pub(crate) struct Sent {
    content: Content,
    line: Line,
    bytes_out: u64,
    deadline: Pin<Box<Sleep>>,
    broken: Option<String>,
}

/// Makes an answer ready to send.
pub(crate) fn send(answer: Answer, line: Line, deadline: Instant) -> Response<Sent> {
    let (mut head, content) = answer.into_parts();
    set(&mut head.headers, "x-amz-request-id", &line.id.request);
    set(&mut head.headers, "x-amz-id-2", &line.id.host);
    set(&mut head.headers, "server", "Entente");
    let length = match &content {
        Content::Whole(bytes) => bytes.len() as u64,
        Content::Stream { length, .. } | Content::Head { length } => *length,
    };
    if !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        head.headers.insert(http::header::CONTENT_LENGTH, length.into());
    }
    let deadline = Box::pin(tokio::time::sleep_until(deadline));
    Response::from_parts(head, Sent { content, line, bytes_out: 0, deadline, broken: None })
}

/// Why an answer broke off. The connection breaks with it: an answer that failed never looks whole.
#[derive(Debug)]
pub(crate) struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

impl From<Infallible> for Broken {
    fn from(never: Infallible) -> Broken {
        match never {}
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        let next = match &mut this.content {
            Content::Head { .. } => None,
            Content::Whole(bytes) => {
                Some(Ok(std::mem::take(bytes))).filter(|next| !matches!(next, Ok(b) if b.is_empty()))
            }
            // First: the bytes may always be there, and the reader slow.
            Content::Stream { .. } if this.deadline.as_mut().poll(cx).is_ready() => Some(Err("out of time".to_owned())),
            Content::Stream { length, bytes } => {
                let line = &this.line;
                // What is read ahead is begun here, and carries on what is known here.
                match line.span.in_scope(|| trail::turn(line.number, || bytes.as_mut().poll_next(cx))) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(Err(error))) => Some(Err(error.to_string())),
                    Poll::Ready(None) if this.bytes_out < *length => Some(Err("the object ended early".to_owned())),
                    Poll::Ready(next) => next.map(|next| next.map_err(|error| error.to_string())),
                }
            }
        };
        Poll::Ready(match next {
            None => None,
            Some(Ok(bytes)) => {
                this.bytes_out += bytes.len() as u64;
                Some(Ok(Frame::data(bytes)))
            }
            Some(Err(reason)) => {
                this.broken = Some(reason.clone());
                Some(Err(Broken(reason)))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_empty(),
            Content::Head { .. } => true,
            Content::Stream { length, .. } => self.bytes_out == *length,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Head { .. } => SizeHint::with_exact(0),
            Content::Stream { length, .. } => SizeHint::with_exact(length.saturating_sub(self.bytes_out)),
        }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let line = &self.line;
        let (took, bytes_in) = (line.started.elapsed(), line.bytes_in.load(Ordering::Relaxed));
        let broken = self.broken.is_some() || !self.is_end_stream();
        line.watch.answered(&Answered {
            request_id: &line.id.request,
            label: line.label,
            class: line.class,
            status: line.status,
            broken,
            took,
            bytes_in,
            bytes_out: self.bytes_out,
        });
        // To write a line costs more than all the rest that is counted here: without being asked only what failed
        // has one.
        macro_rules! say {
            ($level:ident) => {
                // The span would say the same again.
                tracing::$level!(
                    target: "access",
                    parent: None,
                    request_id = line.id.request,
                    method = %line.method,
                    operation = line.operation,
                    status = line.status.as_u16(),
                    code = line.code,
                    bytes_in,
                    bytes_out = self.bytes_out,
                    millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                    broken = self.broken,
                    "request"
                )
            };
        }
        if line.status.is_server_error() || self.broken.is_some() {
            say!(info);
        } else {
            say!(debug);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use futures::StreamExt;

    use super::*;

    fn line() -> Line {
        let id = RequestId { request: "1".into(), host: "h".into() };
        let (method, status) = (http::Method::GET, StatusCode::OK);
        Line {
            id,
            number: RequestNumber([1; 8]),
            span: tracing::Span::none(),
            watch: Arc::new(crate::watch::Unwatched),
            started: Instant::now(),
            method,
            operation: "GetObject",
            class: Class::Get,
            label: None,
            status,
            code: None,
            bytes_in: Arc::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_runs_out_of_time_though_bytes_are_always_there() {
        let piece = Bytes::from_static(b"0123456789");
        let bytes = futures::stream::repeat_with(move || Ok(piece.clone())).boxed();
        let answer = Response::new(Content::Stream { length: 1000, bytes });
        let mut sent = send(answer, line(), Instant::now() + Duration::from_secs(10)).into_body();
        let mut taken = 0;
        let broken = loop {
            match poll_fn(|cx| Pin::new(&mut sent).poll_frame(cx)).await {
                Some(Ok(_)) => taken += 1,
                ended => break ended,
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        assert!(matches!(broken, Some(Err(_))), "it ended as if whole");
        assert!((9..=11).contains(&taken), "{taken}");
    }

    #[tokio::test]
    async fn the_bytes_of_an_answer_are_read_for_its_request() {
        let bytes = futures::stream::repeat_with(|| {
            let number = trail::request().map_or([0; 8], |request| request.0);
            Ok(Bytes::copy_from_slice(&number))
        });
        let answer = Response::new(Content::Stream { length: 1000, bytes: bytes.boxed() });
        let mut sent = send(answer, line(), Instant::now() + Duration::from_secs(10)).into_body();
        let frame = poll_fn(|cx| Pin::new(&mut sent).poll_frame(cx)).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), [1; 8].as_slice());
        assert_eq!(trail::request(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_time_is_up_is_still_sent() {
        let answer = Response::new(Content::Whole(Bytes::from_static(b"late")));
        let mut sent = send(answer, line(), Instant::now()).into_body();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let frame = poll_fn(|cx| Pin::new(&mut sent).poll_frame(cx)).await.unwrap().unwrap();
        assert_eq!(frame.into_data().ok(), Some(Bytes::from_static(b"late")));
    }
}
