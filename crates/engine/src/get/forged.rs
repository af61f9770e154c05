//! A chunk does not open though every digest holds. Digests are no secret: a site can make up cells that
//! look well. What it cannot make up is a tag. So set after set of k pieces is tried until the chunks
//! open; pieces that do not fit the set that opened were made up, and get replaced.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use coding::piece::Layout;
use model::{Piece, Segment};
use tracing::warn;

use super::Step;
use crate::cells::{Cells, Held, Span};
use crate::error::Error;
use crate::inner::Inner;
use crate::suspects::Suspicion;
use crate::work;

/// Pieces among which sets are looked for: no profile has more than half as many, and sets of eight
/// among sixteen are few enough to try.
const PIECES_MAX: usize = 16;

impl Inner {
    /// The step's plaintext out of any k pieces that were not made up.
    pub(super) async fn read_past_forgers(
        &self,
        segment: &Segment,
        step: Step,
        rows: Range<u64>,
        wanted: BTreeSet<u8>,
    ) -> Result<Bytes, Error> {
        let held = self.read_each(segment, rows.clone()).await;
        let bytes = usize::try_from(step.extent.length).unwrap_or(usize::MAX);
        let sets = Sets { layout: Layout::of(segment), span: Span::Rows(rows), wanted, held };
        let found = work::run(&self.outside, bytes, move || sets.find(&step)).await?;
        let (plaintext, forged) = found.ok_or_else(|| Error::Unreadable {
            reason: format!("segment {} was stored whole but does not open", segment.id),
        })?;
        for piece in forged {
            warn!(site = %piece.site, piece = %piece.name, segment = %segment.id, "a site made up a piece");
            self.counters.bad_cells.fetch_add(1, Ordering::Relaxed);
            self.suspects.report(segment.id, piece, Suspicion::MadeUp);
        }
        Ok(plaintext)
    }
}

/// Pieces, and what is to be made of k of them.
struct Sets {
    layout: Layout,
    span: Span,
    wanted: BTreeSet<u8>,
    held: Vec<Held>,
}

impl Sets {
    /// What the first set gives that opens, and the pieces that contradict it.
    fn find(&self, step: &Step) -> Option<(Bytes, Vec<Piece>)> {
        let (k, count) = (u32::from(self.layout.code.k), self.held.len().min(PIECES_MAX));
        let sets = (0..1_u32 << count).filter(|set| set.count_ones() == k);
        let (plaintext, set) =
            sets.map(|set| members(set, count)).find_map(|set| Some((self.open(step, &set)?, set)))?;
        let others = (0..self.held.len()).filter(|at| !set.contains(at));
        let contradict = others.filter(|at| self.open(step, &self.with(&set, *at)).is_none());
        let forged = contradict.filter_map(|at| self.held.get(at)).map(|(piece, _)| *piece).collect();
        Some((plaintext, forged))
    }

    /// The set with one more in the place of a member without which it must be made use of.
    fn with(&self, set: &[usize], one_more: usize) -> Vec<usize> {
        let read = |at: &&usize| self.held.get(**at).is_some_and(|(piece, _)| self.wanted.contains(&piece.index));
        let given_up = set.iter().find(read).or(set.first()).copied();
        set.iter().copied().filter(|at| Some(*at) != given_up).chain([one_more]).collect()
    }

    fn open(&self, step: &Step, set: &[usize]) -> Option<Bytes> {
        let mut cells = Cells::default();
        for (piece, rows) in set.iter().filter_map(|at| self.held.get(*at)) {
            rows.iter().for_each(|(row, cell)| cells.add_of(piece, self.layout.code, *row, cell.clone()));
        }
        let cells = cells.complete(self.layout.code, &self.wanted).ok()?;
        step.open(&self.layout, &self.span, &cells).ok()
    }
}

/// The places whose bits are set.
fn members(set: u32, count: usize) -> Vec<usize> {
    (0..count).filter(|at| (set >> at) & 1 == 1).collect()
}
