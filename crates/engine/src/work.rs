//! Handing work that blocks or occupies a core to the place made for it.

use model::Outside;
use tokio::sync::oneshot;

use crate::error::Error;
use crate::limits::INLINE_WORK;

/// Runs `job` over about `bytes` bytes: here when it is small, else where `outside` says.
pub async fn run<T: Send + 'static>(
    outside: &Outside,
    bytes: usize,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    if bytes <= INLINE_WORK {
        return Ok(job());
    }
    let (done, result) = oneshot::channel();
    outside.blocking.spawn(Box::new(move || {
        // Whoever waited may have gone; then nobody wants the result.
        let _ = done.send(job());
    }));
    result.await.map_err(|_| Error::Internal("a worker stopped before its work was done".to_owned()))
}
