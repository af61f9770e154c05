//! Reading cells of one segment: data pieces first, a hedge when one is slow, others when one is
//! lost.
//!
//! All reads of one span have the same shape, so that any k of them give the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use coding::piece::{self, Layout};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use model::{Code, Piece, Segment};
use providers::{ErrorKind, Kind};
use tracing::debug;

use crate::error::Error;
use crate::inner::Inner;
use crate::limits::VERIFIED_ROUNDS;
use crate::sites::{KnownSite, object_name};

/// A read is hedged after this when nothing was measured yet.
const HEDGE_AFTER: Duration = Duration::from_millis(500);
/// ... and never before this: below it, scheduling noise looks like a slow site.
const HEDGE_AFTER_MIN: Duration = Duration::from_millis(5);
/// Slices of a cell are read in multiples of this, which decode alone.
const SLICE: u32 = 64;

type Read = Pin<Box<dyn Future<Output = (Piece, Result<Bytes, providers::Error>)> + Send>>;

/// The same bytes of every piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Bytes `within` the cell of one row, aligned so that they decode alone.
    Slice { row: u64, within: Range<u32> },
    /// Whole cells, each with its digest.
    Rows(Range<u64>),
}

impl Span {
    /// The part of row `row`'s cells that covers `within`.
    pub fn slice(layout: &Layout, row: u64, within: &Range<u32>) -> Span {
        let start = within.start / SLICE * SLICE;
        let end = within.end.div_ceil(SLICE).saturating_mul(SLICE).min(layout.cell);
        Span::Slice { row, within: start..end }
    }

    fn in_piece(&self, layout: &Layout) -> Range<u64> {
        match self {
            Span::Slice { row, within } => layout.slice(*row, within.clone()),
            Span::Rows(rows) => layout.cells(rows.clone()),
        }
    }

    /// First byte within the cell that the span holds.
    pub fn start(&self) -> u32 {
        match self {
            Span::Slice { within, .. } => within.start,
            Span::Rows(_) => 0,
        }
    }

    /// The rows' cells (or the slice) out of what one piece returned, digests left out.
    fn cells(&self, layout: &Layout, bytes: &Bytes) -> Vec<(u64, Bytes)> {
        match self {
            Span::Slice { row, .. } => vec![(*row, bytes.clone())],
            Span::Rows(rows) => {
                let (cell, stride) = (layout.cell as usize, layout.cell as usize + piece::DIGEST);
                let whole = bytes.len() / stride;
                rows.clone().zip(0..whole).map(|(row, i)| (row, bytes.slice(i * stride..i * stride + cell))).collect()
            }
        }
    }
}

/// Cells of one segment by piece index and row, each proven or about to be.
#[derive(Default)]
pub struct Cells(BTreeMap<u64, BTreeMap<u8, Bytes>>);

impl Cells {
    fn add(&mut self, index: u8, row: u64, bytes: Bytes) {
        self.0.entry(row).or_default().insert(index, bytes);
    }

    /// Computes the wanted data cells that were not read from those that were.
    pub fn complete(mut self, code: Code, wanted: &BTreeSet<u8>) -> Result<Cells, Error> {
        for cells in self.0.values_mut() {
            let missing: Vec<u8> = wanted.iter().copied().filter(|index| !cells.contains_key(index)).collect();
            if missing.is_empty() {
                continue;
            }
            let have: Vec<(u8, &[u8])> = cells.iter().map(|(index, bytes)| (*index, bytes.as_ref())).collect();
            let restored = coding::segment::decode(code, &have, &missing)
                .map_err(|error| Error::Unreadable { reason: error.to_string() })?;
            cells.extend(missing.into_iter().zip(restored.into_iter().map(Bytes::from)));
        }
        Ok(self)
    }

    /// Whether the row's wanted cells are there or can be computed.
    fn suffices(&self, row: u64, k: usize, wanted: &BTreeSet<u8>) -> bool {
        let cells = self.0.get(&row);
        cells.is_some_and(|cells| cells.len() >= k || wanted.iter().all(|index| cells.contains_key(index)))
    }

    /// One data cell (or slice).
    pub fn get(&self, index: u8, row: u64) -> Option<&Bytes> {
        self.0.get(&row)?.get(&index)
    }
}

/// The reads of one span.
struct Reading<'a> {
    inner: &'a Inner,
    segment: &'a Segment,
    range: Range<u64>,
    wanted: &'a BTreeSet<u8>,
    /// Pieces not asked yet, best last.
    spare: Vec<Piece>,
    asked: BTreeSet<u8>,
    reads: FuturesUnordered<Read>,
    have: BTreeMap<u8, Bytes>,
}

impl Reading<'_> {
    fn satisfied(&self) -> bool {
        self.have.len() >= usize::from(self.segment.code.k)
            || self.wanted.iter().all(|index| self.have.contains_key(index))
    }

    /// How many further pieces must be asked for the span to become readable: none while all wanted
    /// ones are there or on their way, else enough to decode.
    fn short(&self) -> usize {
        let coming = |index: &u8| self.have.contains_key(index) || self.asked.contains(index);
        if self.wanted.iter().all(coming) {
            return 0;
        }
        usize::from(self.segment.code.k).saturating_sub(self.have.len() + self.reads.len())
    }

    fn ask(&mut self, count: usize) {
        for piece in self.spare.split_off(self.spare.len().saturating_sub(count)) {
            self.asked.insert(piece.index);
            self.reads.push(self.inner.read_piece(piece, self.range.clone()));
        }
    }

    fn take(&mut self, piece: Piece, result: Result<Bytes, providers::Error>) {
        match result {
            Ok(bytes) => drop(self.have.insert(piece.index, bytes)),
            Err(error) => {
                debug!(site = %piece.site, segment = %self.segment.id, kind = ?error.kind, "a piece does not answer");
                self.asked.remove(&piece.index);
                if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Corrupt | ErrorKind::Invalid) {
                    self.inner.suspects.report(self.segment.id, piece);
                }
            }
        }
    }

    /// One spare source for each read that must be overtaken, as far as the budget allows.
    fn hedge(&mut self) {
        let well = self.spare.iter().filter(|piece| self.inner.reads_well(piece)).count();
        let overtake = usize::from(self.segment.code.k).saturating_sub(self.have.len()).min(well);
        for _ in 0..overtake {
            if self.inner.hedges.spend() {
                self.inner.counters.hedged_reads.fetch_add(1, Ordering::Relaxed);
                self.ask(1);
            }
        }
    }
}

impl Inner {
    /// Reads a span of every data piece in `wanted`, or of enough others. What comes back is not yet
    /// proven: whoever opens the sealed chunks asks [`Inner::read_verified`] when one fails.
    pub async fn read_span(&self, segment: &Segment, span: &Span, wanted: &BTreeSet<u8>) -> Result<Cells, Error> {
        let layout = Layout::of(segment);
        let range = span.in_piece(&layout);
        let spare = self.by_preference(segment, wanted, range.end - range.start);
        let mut reading = Reading {
            inner: self,
            segment,
            range,
            wanted,
            spare,
            asked: BTreeSet::new(),
            reads: FuturesUnordered::new(),
            have: BTreeMap::new(),
        };
        // Of copies one is enough, whichever; of coded pieces all wanted ones come first.
        let direct = |piece: &&Piece| wanted.contains(&piece.index) && self.reads_well(piece);
        let available = reading.spare.iter().filter(direct).count();
        reading.ask(if segment.code.k == 1 { 1 } else { available });
        let short = reading.short();
        reading.ask(short);
        self.hedges.earn(u32::try_from(reading.reads.len()).unwrap_or(u32::MAX));

        let hedge = tokio::time::sleep(self.hedge_after(&reading));
        tokio::pin!(hedge);
        let mut may_hedge = true;
        while !reading.satisfied() {
            if reading.reads.is_empty() {
                return Err(unreadable(segment));
            }
            tokio::select! {
                biased;
                Some((piece, result)) = reading.reads.next() => {
                    reading.take(piece, result);
                    let short = reading.short();
                    reading.ask(short);
                }
                () = &mut hedge, if may_hedge => {
                    may_hedge = false;
                    reading.hedge();
                }
            }
        }
        let mut cells = Cells::default();
        for (index, bytes) in &reading.have {
            span.cells(&layout, bytes).into_iter().for_each(|(row, cell)| {
                // Copies are all the first data piece.
                cells.add(if segment.code.k == 1 { 0 } else { *index }, row, cell);
            });
        }
        Ok(cells)
    }

    /// Reads whole rows from every piece that answers and keeps only cells whose digests hold, in a
    /// few rounds: for when a chunk did not open.
    pub async fn read_verified(
        &self,
        segment: &Segment,
        rows: Range<u64>,
        wanted: &BTreeSet<u8>,
    ) -> Result<Cells, Error> {
        let layout = Layout::of(segment);
        let (k, stride) = (usize::from(segment.code.k), layout.cell as usize + piece::DIGEST);
        let mut cells = Cells::default();
        for _ in 0..VERIFIED_ROUNDS {
            let mut reads: FuturesUnordered<Read> = self
                .by_preference(segment, wanted, stride as u64)
                .into_iter()
                .map(|piece| self.read_piece(piece, layout.cells(rows.clone())))
                .collect();
            while let Some((piece, result)) = reads.next().await {
                let Ok(bytes) = result else { continue };
                for (row, sealed) in rows.clone().zip(bytes.chunks(stride)) {
                    let Some((cell, digest)) = sealed.split_at_checked(layout.cell as usize) else { continue };
                    if piece::verify_cell(segment.id, piece.index, row, cell, digest) {
                        cells.add(if k == 1 { 0 } else { piece.index }, row, Bytes::copy_from_slice(cell));
                    } else {
                        self.counters.bad_cells.fetch_add(1, Ordering::Relaxed);
                        self.suspects.report(segment.id, piece);
                    }
                }
                if rows.clone().all(|row| cells.suffices(row, k, wanted)) {
                    return Ok(cells);
                }
            }
        }
        Err(unreadable(segment))
    }

    fn read_piece(&self, piece: Piece, range: Range<u64>) -> Read {
        // A site that is out is asked only when the others do not suffice, past its breaker.
        let store = self
            .sites
            .get(piece.site)
            .map(|known| Arc::clone(if known.reads_well() { &known.handle.store } else { &known.handle.direct }));
        let object = object_name(self.enclave, &piece.name);
        Box::pin(async move {
            let Some(store) = store else {
                let gone = providers::Error::new(ErrorKind::Unavailable, "the site is not configured");
                return (piece, Err(gone));
            };
            (piece, store.get_range(&object, range).await)
        })
    }

    fn reads_well(&self, piece: &Piece) -> bool {
        self.sites.get(piece.site).is_some_and(KnownSite::reads_well)
    }

    /// The pieces, best last: at sites that are well, of coded segments the wanted data pieces, then
    /// by what the site usually takes.
    fn by_preference(&self, segment: &Segment, wanted: &BTreeSet<u8>, bytes: u64) -> Vec<Piece> {
        let mut pieces: Vec<(bool, bool, Duration, Piece)> = segment
            .pieces
            .iter()
            .filter_map(|piece| {
                let known = self.sites.get(piece.site)?;
                let usual = known.handle.meter.p50(Kind::Get, bytes).unwrap_or_default();
                let preferred = segment.code.k > 1 && wanted.contains(&piece.index);
                Some((!known.reads_well(), !preferred, usual, *piece))
            })
            .collect();
        pieces.sort_unstable_by(|one, other| other.cmp(one));
        pieces.into_iter().map(|(_, _, _, piece)| piece).collect()
    }

    /// The measured quantile of the slowest site asked, after which a read is late.
    fn hedge_after(&self, reading: &Reading<'_>) -> Duration {
        let usual = |piece: &&Piece| reading.asked.contains(&piece.index);
        let slowest = reading.segment.pieces.iter().filter(usual).map(|piece| {
            let bytes = reading.range.end - reading.range.start;
            let known = self.sites.get(piece.site);
            known.and_then(|known| known.handle.meter.p95(Kind::Get, bytes)).unwrap_or(HEDGE_AFTER)
        });
        slowest.max().unwrap_or(HEDGE_AFTER).max(HEDGE_AFTER_MIN)
    }
}

fn unreadable(segment: &Segment) -> Error {
    let (code, found) = (segment.code, segment.pieces.len());
    Error::Unreadable { reason: format!("fewer than {} of the {found} pieces of a {code} segment answer well", code.k) }
}
