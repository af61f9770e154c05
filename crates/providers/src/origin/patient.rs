//! An origin that is asked with patience: a deadline for each answer, a few tries, and a count of
//! what reached it.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use model::ETag;

use super::{Fetched, Origin, OriginError, OriginErrorKind, OriginObject, OriginPage, Requests};

/// How long an answer may take to begin, and each run of bytes of a body to come.
const DEADLINE: Duration = Duration::from_secs(30);
/// Tries of one request in all.
const TRIES: u32 = 4;
/// Before the second try; twice as long before each further one.
const PAUSE: Duration = Duration::from_millis(200);

/// The decorator. Requests only read, so each may be sent again.
pub struct Patient {
    origin: Arc<dyn Origin>,
    requests: Mutex<Requests>,
    bytes: Arc<AtomicU64>,
}

impl Patient {
    pub fn new(origin: Arc<dyn Origin>) -> Patient {
        Patient { origin, requests: Mutex::default(), bytes: Arc::default() }
    }

    /// Requests by kind since it was made, every try counted.
    pub fn requests(&self) -> Requests {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bytes of bodies that came since it was made.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    async fn ask<T, F>(&self, kind: &'static str, request: impl Fn() -> F) -> Result<T, OriginError>
    where
        F: Future<Output = Result<T, OriginError>> + Send,
    {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.once(kind, request()).await {
                Err(error) if is_passing(error.kind) => tokio::time::sleep(pause).await,
                answer => return answer,
            }
            pause *= 2;
        }
        self.once(kind, request()).await
    }

    async fn once<T>(
        &self,
        kind: &'static str,
        request: impl Future<Output = Result<T, OriginError>> + Send,
    ) -> Result<T, OriginError> {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
        tokio::time::timeout(DEADLINE, request).await.unwrap_or_else(|_| Err(late()))
    }
}

fn is_passing(kind: OriginErrorKind) -> bool {
    matches!(kind, OriginErrorKind::Throttled | OriginErrorKind::Unavailable)
}

fn late() -> OriginError {
    OriginError::new(OriginErrorKind::Unavailable, format!("nothing came for {} s", DEADLINE.as_secs()))
}

#[async_trait]
impl Origin for Patient {
    async fn head(&self, key: &str) -> Result<OriginObject, OriginError> {
        self.ask("head", || self.origin.head(key)).await
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&ETag>) -> Result<Fetched, OriginError> {
        let Fetched { object, bytes } = self.ask("get", || self.origin.get(key, range.clone(), etag)).await?;
        let counted = Arc::clone(&self.bytes);
        let bytes = futures::stream::unfold(Some(bytes), move |rest| {
            let counted = Arc::clone(&counted);
            async move {
                let mut rest = rest?;
                match tokio::time::timeout(DEADLINE, rest.next()).await {
                    Ok(None) => None,
                    Ok(Some(Ok(frame))) => {
                        counted.fetch_add(frame.len() as u64, Ordering::Relaxed);
                        Some((Ok(frame), Some(rest)))
                    }
                    Ok(Some(Err(error))) => Some((Err(error), None)),
                    Err(_) => Some((Err(late()), None)),
                }
            }
        });
        Ok(Fetched { object, bytes: Box::pin(bytes) })
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<OriginPage, OriginError> {
        self.ask("list", || self.origin.list(prefix, after, limit)).await
    }
}

#[cfg(test)]
mod tests {
    use model::{Metadata, Timestamp};

    use super::*;
    use crate::MemoryOrigin;

    fn origin() -> (Arc<MemoryOrigin>, Patient) {
        let memory = Arc::new(MemoryOrigin::new());
        memory.put("a", "leaves", "e", Metadata::default(), Timestamp(0));
        (Arc::clone(&memory), Patient::new(memory))
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_asked_again_and_what_is_an_answer_is_not() {
        use OriginErrorKind::{Changed, Denied, Invalid, NotFound, Throttled, Unavailable};
        for (failures, well, asked) in [
            (&[][..], true, 1),
            (&[Throttled, Unavailable, Throttled], true, 4),
            (&[Throttled; 4], false, 4),
            (&[NotFound], false, 1),
            (&[Denied], false, 1),
            (&[Changed], false, 1),
            (&[Invalid], false, 1),
        ] {
            let (memory, patient) = origin();
            memory.fail(failures);
            assert_eq!(patient.head("a").await.is_ok(), well, "{failures:?}");
            assert_eq!(patient.requests(), [("head", asked)].into(), "{failures:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_origin_that_says_nothing_is_not_waited_for_for_ever() {
        struct Silent;
        #[async_trait]
        impl Origin for Silent {
            async fn head(&self, _: &str) -> Result<OriginObject, OriginError> {
                std::future::pending().await
            }
            async fn get(&self, _: &str, _: Option<Range<u64>>, _: Option<&ETag>) -> Result<Fetched, OriginError> {
                let object = origin().0.head("a").await?;
                Ok(Fetched { object, bytes: Box::pin(futures::stream::pending()) })
            }
            async fn list(&self, _: &str, _: Option<&str>, _: usize) -> Result<OriginPage, OriginError> {
                std::future::pending().await
            }
        }
        let patient = Patient::new(Arc::new(Silent));
        assert_eq!(patient.head("a").await.unwrap_err().kind, OriginErrorKind::Unavailable);
        let mut body = patient.get("a", None, None).await.unwrap().bytes;
        assert!(body.next().await.unwrap().is_err());
        assert!(body.next().await.is_none(), "a body that failed has ended");
    }
}
