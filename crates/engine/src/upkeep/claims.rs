//! Claims on segments: whoever changes where a segment's pieces lie holds its claim from reading where
//! they lie until the change is shown, so that no two work for one of them to be refused. That no two changes
//! come of one reading is the catalog's to say ([`model::Guard::segment`]): a change that is decided may be shown
//! long after its claim was given back.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use model::SegmentId;
use tokio::sync::Notify;

#[derive(Clone, Default)]
pub struct Claims(Arc<Held>);

#[derive(Default)]
struct Held {
    segments: Mutex<BTreeSet<SegmentId>>,
    given_back: Notify,
}

impl Held {
    fn segments(&self) -> std::sync::MutexGuard<'_, BTreeSet<SegmentId>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A segment nobody else changes the pieces of.
pub struct Claim {
    segment: SegmentId,
    held: Arc<Held>,
}

impl Claims {
    /// `None` while somebody else has it.
    pub fn try_take(&self, segment: SegmentId) -> Option<Claim> {
        let taken = self.0.segments().insert(segment);
        taken.then(|| Claim { segment, held: Arc::clone(&self.0) })
    }

    /// Waits until nobody else has it.
    pub async fn take(&self, segment: SegmentId) -> Claim {
        loop {
            let given_back = self.0.given_back.notified();
            tokio::pin!(given_back);
            // From here on nothing that is given back is missed.
            given_back.as_mut().enable();
            if let Some(claim) = self.try_take(segment) {
                return claim;
            }
            given_back.await;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.held.segments().remove(&self.segment);
        self.held.given_back.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_claim_is_held_by_one_and_then_by_the_next() {
        let claims = Claims::default();
        let [one, other] = [1, 2].map(|n| SegmentId([n; 16]));
        let first = claims.try_take(one).unwrap();
        assert!(claims.try_take(one).is_none());
        assert!(claims.try_take(other).is_some(), "each segment for itself");
        let waiting = tokio::spawn({
            let claims = claims.clone();
            async move { claims.take(one).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        drop(first);
        let second = waiting.await.unwrap();
        assert!(claims.try_take(one).is_none());
        drop(second);
        assert!(claims.try_take(one).is_some());
    }
}
