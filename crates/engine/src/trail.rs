//! For which request something is done: its number goes along with the task that serves it, and with those that carry
//! it on, so that a line of the log can name it.
//!
//! A span would say as much, but it is made for each request, and entered and left at each turn of its task, whether
//! a line is written or not. The number costs two swaps at each turn, and whoever writes a line asks for it. Where
//! traces are collected a span is made all the same, and goes along with the number; elsewhere it is none, which
//! costs nothing to carry.

use std::fmt;

use tokio::task::futures::TaskLocalFuture;
use tracing::Instrument;
use tracing::instrument::Instrumented;

tokio::task_local! {
    static REQUEST: Option<RequestNumber>;
}

/// A request at a door, drawn at random and shown as its client is told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestNumber(pub [u8; 8]);

impl fmt::Display for RequestNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_be_bytes(self.0))
    }
}

/// `work` that is done for `request`.
pub fn of<F: Future>(request: RequestNumber, work: F) -> TaskLocalFuture<Option<RequestNumber>, F> {
    REQUEST.scope(Some(request), work)
}

/// `work` for a task of its own, done for the same request as that of the task that begins it, if it is for any, and in
/// the same span.
pub fn carried<F: Future>(work: F) -> TaskLocalFuture<Option<RequestNumber>, Instrumented<F>> {
    REQUEST.scope(request(), work.in_current_span())
}

/// One turn of work that is done for `request`: for what is polled by hand.
pub fn turn<T>(request: RequestNumber, work: impl FnOnce() -> T) -> T {
    REQUEST.sync_scope(Some(request), work)
}

/// The request that this task works for.
pub fn request() -> Option<RequestNumber> {
    REQUEST.try_get().ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: RequestNumber = RequestNumber([0x0F, 0x0C, 0x6E, 0x0B, 0x9A, 0x1D, 0x2E, 0x3F]);
    const OTHER: RequestNumber = RequestNumber([0; 8]);

    #[tokio::test]
    async fn a_request_is_known_to_its_task_and_to_those_that_carry_it_on() {
        let known = of(ONE, async {
            let carrying = tokio::spawn(carried(async {
                tokio::task::yield_now().await;
                (request(), tokio::spawn(carried(async { request() })).await.unwrap())
            }));
            let alone = tokio::spawn(async { request() });
            let within = of(OTHER, async { request() }).await;
            (request(), carrying.await.unwrap(), alone.await.unwrap(), within, request())
        });
        assert_eq!(known.await, (Some(ONE), (Some(ONE), Some(ONE)), None, Some(OTHER), Some(ONE)));
        assert_eq!((request(), carried(async { request() }).await), (None, None), "it is over");
        assert_eq!((turn(ONE, request), request()), (Some(ONE), None));
    }

    #[test]
    fn a_span_is_carried_on_where_one_is_made() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry(), || {
            runtime.block_on(async {
                let span = tracing::info_span!("request");
                let here = || async { tracing::Span::current().id() };
                let both =
                    async { (tokio::spawn(carried(here())).await.unwrap(), tokio::spawn(here()).await.unwrap()) };
                assert!(span.id().is_some());
                assert_eq!(both.instrument(span.clone()).await, (span.id(), None));
            });
        });
    }

    #[test]
    fn a_number_is_shown_with_all_its_digits() {
        assert_eq!((ONE.to_string(), OTHER.to_string()), ("0F0C6E0B9A1D2E3F".into(), "0".repeat(16)));
    }
}
