//! Pieces that failed a reader: they wait here to be looked at whole, or to be given up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use model::{Piece, SegmentId};
use tokio::sync::Notify;

/// Suspects kept at most; a piece that stays bad is found again by the next reader.
const SUSPECTS_MAX: usize = 10_000;

/// What a reader found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// It was not there, or a digest did not hold: perhaps only on the way.
    Failed,
    /// Its digests hold, and what it holds contradicts others that open: looking again shows nothing.
    MadeUp,
}

#[derive(Default)]
pub struct Suspects {
    waiting: Mutex<BTreeMap<(SegmentId, Piece), Suspicion>>,
    /// One was taken and is being looked at.
    looked_at: AtomicBool,
    pub arrived: Notify,
}

impl Suspects {
    pub fn report(&self, segment: SegmentId, piece: Piece, suspicion: Suspicion) {
        let mut waiting = self.held();
        let known = waiting.get(&(segment, piece)).copied();
        if waiting.len() < SUSPECTS_MAX && known.is_none_or(|known| known == Suspicion::Failed && known != suspicion) {
            waiting.insert((segment, piece), suspicion);
            self.arrived.notify_one();
        }
    }

    pub fn take(&self) -> Option<((SegmentId, Piece), Suspicion)> {
        let mut waiting = self.held();
        let taken = waiting.pop_first();
        self.looked_at.store(taken.is_some(), Ordering::SeqCst);
        taken
    }

    /// Whether all that were reported have been looked at.
    pub fn are_judged(&self) -> bool {
        self.held().is_empty() && !self.looked_at.load(Ordering::SeqCst)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<(SegmentId, Piece), Suspicion>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use model::{Epoch, PieceName, SegmentKind, SiteId};

    use super::*;

    #[test]
    fn no_more_wait_than_it_says() {
        let name = PieceName { kind: SegmentKind::Data, epoch: Epoch(1), random: [3; 16] };
        let suspects = Suspects::default();
        for n in 0..=SUSPECTS_MAX as u128 {
            let piece = Piece { index: 0, site: SiteId([2; 16]), name };
            suspects.report(SegmentId(n.to_be_bytes()), piece, Suspicion::Failed);
        }
        assert_eq!(std::iter::from_fn(|| suspects.take()).count(), SUSPECTS_MAX);
    }

    #[test]
    fn what_was_made_up_stays_so_whoever_fails_on_it_meanwhile() {
        let name = PieceName { kind: SegmentKind::Data, epoch: Epoch(1), random: [3; 16] };
        let (segment, piece) = (SegmentId([1; 16]), Piece { index: 0, site: SiteId([2; 16]), name });
        for (first, second) in [
            (Suspicion::Failed, Suspicion::Failed),
            (Suspicion::Failed, Suspicion::MadeUp),
            (Suspicion::MadeUp, Suspicion::Failed),
        ] {
            let suspects = Suspects::default();
            suspects.report(segment, piece, first);
            suspects.report(segment, piece, second);
            assert!(!suspects.are_judged(), "it waits");
            let worse = if first == second { first } else { Suspicion::MadeUp };
            assert_eq!(suspects.take(), Some(((segment, piece), worse)), "{first:?}, then {second:?}");
            assert!(!suspects.are_judged(), "it is being looked at");
            assert_eq!(suspects.take(), None);
            assert!(suspects.are_judged());
        }
    }
}
