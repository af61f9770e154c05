//! Pieces that failed a reader: they wait here to be looked at whole.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use model::{Piece, SegmentId};
use tokio::sync::Notify;

/// Suspects kept at most; a piece that stays bad is found again by the next reader.
const SUSPECTS_MAX: usize = 10_000;

#[derive(Default)]
pub struct Suspects {
    waiting: Mutex<BTreeSet<(SegmentId, Piece)>>,
    pub arrived: Notify,
}

impl Suspects {
    pub fn report(&self, segment: SegmentId, piece: Piece) {
        let mut waiting = self.held();
        if waiting.len() < SUSPECTS_MAX && waiting.insert((segment, piece)) {
            self.arrived.notify_one();
        }
    }

    pub fn take(&self) -> Option<(SegmentId, Piece)> {
        self.held().pop_first()
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeSet<(SegmentId, Piece)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
