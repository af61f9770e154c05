//! How long a peer may make us wait.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::limits::PACE_BYTES;

/// A clock that runs while we wait for the peer, never while the peer waits for us, and begins anew
/// with every [`PACE_BYTES`] that moved.
pub(crate) struct Pace {
    window: Duration,
    /// In this window, without the wait under way.
    waited: Duration,
    moved: u64,
    wait: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Pace {
    pub(crate) fn new(window: Duration) -> Pace {
        Pace { window, waited: Duration::ZERO, moved: 0, wait: None }
    }

    /// Called while the peer lets us wait; ready when it has done so for too long.
    pub(crate) fn poll_spent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.window.saturating_sub(self.waited);
        let (_, sleep) = self.wait.get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(left))));
        sleep.as_mut().poll(cx)
    }

    /// The wait is over, and this much moved.
    pub(crate) fn moved(&mut self, bytes: usize) {
        if let Some((since, _)) = self.wait.take() {
            self.waited = self.waited.saturating_add(since.elapsed());
        }
        self.moved = self.moved.saturating_add(bytes as u64);
        if self.moved >= PACE_BYTES {
            (self.moved, self.waited) = (0, Duration::ZERO);
        }
    }
}
