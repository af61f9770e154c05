//! Reading cells of one segment: what [`choose`](crate::choose) names first, a hedge when one is
//! late, others when one is lost.
//!
//! All reads of one span have the same shape, so that any k of them give the rest.
//!
//! A hedge is an extra request, sent while the one it may overtake is still under way, and paid for
//! out of one budget. Where one other piece overtakes the late one, that is asked; where it would take
//! several, the late one is asked for once more, as long as its site answers others meanwhile. What
//! replaces a request that failed or ran out of time is no hedge.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
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
use providers::{ErrorKind, Kind, Side};
use tokio::time::Instant;
use tracing::debug;

use crate::choose::{Choice, Source, choose};
use crate::error::Error;
use crate::inner::Inner;
use crate::limits::{
    CUT_ABOVE, HEDGE_AGAIN, HEDGE_LATE_PERCENT, LATE_AFTER, LATE_AFTER_MIN, LATE_PERCENT, TRIES_AT_ONCE,
    VERIFIED_ROUNDS,
};
use crate::sites::{KnownSite, object_name};
use crate::suspects::Suspicion;

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

    /// The same bytes as up to so many spans of about equal size, in order.
    fn cut(&self, parts: u64) -> Vec<Span> {
        match self {
            Span::Slice { row, within } => {
                let length = u64::from(within.end - within.start);
                let step = u32::try_from(length.div_ceil(parts.max(1))).unwrap_or(u32::MAX).div_ceil(SLICE) * SLICE;
                let part = |start: u32| start..start.saturating_add(step).min(within.end);
                let starts = within.clone().step_by(step.max(SLICE) as usize);
                starts.map(|start| Span::Slice { row: *row, within: part(start) }).collect()
            }
            Span::Rows(rows) => {
                let step = (rows.end - rows.start).div_ceil(parts.max(1)).max(1);
                let part = |start: u64| start..(start + step).min(rows.end);
                (rows.start..rows.end).step_by(usize::try_from(step).unwrap_or(1)).map(part).map(Span::Rows).collect()
            }
        }
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

    /// Adds a cell of a piece. Copies are all the first data piece.
    pub fn add_of(&mut self, piece: &Piece, code: Code, row: u64, bytes: Bytes) {
        self.add(if code.k == 1 { 0 } else { piece.index }, row, bytes);
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

    /// What the parts of one span gave, each complete, put together again.
    pub fn join(parts: Vec<Cells>) -> Cells {
        let mut parts = parts.into_iter();
        let mut joined = parts.next().unwrap_or_default();
        for (row, cells) in parts.flat_map(|part| part.0) {
            let of_row = joined.0.entry(row).or_default();
            for (index, bytes) in cells {
                let before = of_row.entry(index).or_default();
                *before = if before.is_empty() { bytes } else { [before.as_ref(), &bytes].concat().into() };
            }
        }
        joined
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

/// A piece with those of its cells, by row, whose digests hold.
pub type Held = (Piece, Vec<(u64, Bytes)>);

/// The reads of one span.
struct Reading<'a> {
    inner: &'a Inner,
    segment: &'a Segment,
    range: Range<u64>,
    wanted: &'a BTreeSet<u8>,
    /// Pieces not asked yet, best last.
    spare: Vec<Piece>,
    /// Asked and not answered.
    open: BTreeMap<u8, Open>,
    reads: FuturesUnordered<Read>,
    have: BTreeMap<u8, Bytes>,
    /// When a hedge is asked for again that the budget did not have.
    again: Option<Instant>,
    /// What a hedge usually takes. Nothing is overtaken that did not already take as long.
    hedge_takes: Duration,
}

/// A piece that did not answer yet.
struct Open {
    piece: Piece,
    /// Under way for it, and when the newest of them was sent.
    requests: usize,
    asked: Instant,
    wait: Wait,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Late from then on.
    Until(Instant),
    Late,
}

impl Reading<'_> {
    fn satisfied(&self) -> bool {
        self.have.len() >= usize::from(self.segment.code.k)
            || self.wanted.iter().all(|index| self.have.contains_key(index))
    }

    /// How many further pieces must be asked for the span to become readable: none while all wanted
    /// ones are there or on their way, else enough to decode.
    fn short(&self) -> usize {
        let coming = |index: &u8| self.have.contains_key(index) || self.open.contains_key(index);
        if self.wanted.iter().all(coming) {
            return 0;
        }
        usize::from(self.segment.code.k).saturating_sub(self.have.len() + self.open.len())
    }

    /// Asks pieces, each late after what `percent` of its site's reads take.
    fn ask(&mut self, pieces: Vec<Piece>, percent: u32) {
        let asked = Instant::now();
        for piece in pieces {
            let wait = Wait::Until(asked + self.inner.late_after(&piece, &self.range, percent).max(self.hedge_takes));
            let requests = self.open.get(&piece.index).map_or(0, |open| open.requests) + 1;
            self.open.insert(piece.index, Open { piece, requests, asked, wait });
            self.reads.push(self.inner.read_piece(piece, self.range.clone()));
        }
    }

    fn best_spare(&mut self, count: usize) -> Vec<Piece> {
        self.spare.split_off(self.spare.len().saturating_sub(count))
    }

    /// Asks what takes the place of pieces that did not answer well.
    fn replace_lost(&mut self) {
        let pieces = self.best_spare(self.short());
        self.ask(pieces, 100 - LATE_PERCENT);
    }

    fn take(&mut self, piece: Piece, result: Result<Bytes, providers::Error>) {
        // One that was asked for several times counts once, by whichever answers well.
        let Some(open) = self.open.get_mut(&piece.index) else { return };
        open.requests -= 1;
        if open.requests == 0 || result.is_ok() {
            self.open.remove(&piece.index);
        }
        match result {
            Ok(bytes) => drop(self.have.insert(piece.index, bytes)),
            Err(error) => {
                debug!(site = %piece.site, segment = %self.segment.id, kind = ?error.kind, "a piece does not answer");
                if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Corrupt | ErrorKind::Invalid) {
                    self.inner.suspects.report(self.segment.id, piece, Suspicion::Failed);
                }
            }
        }
    }

    /// When the next piece becomes late, or a hedge is asked for again.
    fn next_late(&self) -> Option<Instant> {
        let until = self.open.values().filter_map(|open| match open.wait {
            Wait::Until(late) => Some(late),
            Wait::Late => None,
        });
        until.chain(self.again).min()
    }

    /// Overtakes the pieces that are late, as far as the budget allows; not at all when it allows
    /// too little to overtake even one.
    fn hedge(&mut self) {
        let now = Instant::now();
        self.again = None;
        for open in self.open.values_mut() {
            if matches!(open.wait, Wait::Until(late) if late <= now) {
                open.wait = Wait::Late;
            }
        }
        let late = self.open.values().filter(|open| open.wait == Wait::Late).count();
        let missing = usize::from(self.segment.code.k).saturating_sub(self.have.len());
        let fewest = (missing + 1).saturating_sub(self.open.len()).max(1);
        let well = self.spare.iter().filter(|piece| self.inner.reads_well(piece)).count();
        let most = (missing + late).saturating_sub(self.open.len()).min(well);
        let once_more = if fewest > 1 || most < fewest { self.once_more() } else { Vec::new() };
        let (fewest, most) = if once_more.is_empty() { (fewest, most) } else { (1, once_more.len()) };
        if late == 0 || most < fewest {
            return;
        }
        let granted = self.inner.extra_reads(fewest, most);
        if granted == 0 {
            self.again = Some(now + HEDGE_AGAIN);
        }
        let pieces = match once_more.get(..granted) {
            Some(pieces) if !once_more.is_empty() => pieces.to_vec(),
            _ => self.best_spare(granted),
        };
        self.ask(pieces, 100 - HEDGE_LATE_PERCENT);
    }

    /// Late pieces that may be asked for again where they lie: their sites have answered others since.
    fn once_more(&self) -> Vec<Piece> {
        let unlucky = |open: &&Open| {
            let only_this = || self.inner.answered_since(&open.piece, open.asked);
            open.wait == Wait::Late && open.requests < TRIES_AT_ONCE && only_this()
        };
        self.open.values().filter(unlucky).map(|open| open.piece).collect()
    }
}

impl Inner {
    /// Reads a span of every data piece in `wanted`, or of enough others. What comes back is not yet
    /// proven: whoever opens the sealed chunks asks [`Inner::read_verified`] when one fails.
    pub async fn read_span(&self, segment: &Segment, span: &Span, wanted: &BTreeSet<u8>) -> Result<Cells, Error> {
        let layout = Layout::of(segment);
        let range = span.in_piece(&layout);
        let Choice { first, spare, explore } = self.choose(segment, wanted, range.end - range.start);
        self.hedges.earn(u32::try_from(first.len()).unwrap_or(u32::MAX));
        if let Some(piece) = explore {
            self.explore(piece, range.clone());
        }
        // One other piece overtakes a late one when all that decoding needs was asked anyway.
        let by_one = first.len() >= usize::from(segment.code.k);
        let hedge_takes = spare.last().filter(|_| by_one).and_then(|piece| self.usual(piece, &range));
        let mut reading = Reading {
            inner: self,
            segment,
            range,
            wanted,
            spare,
            open: BTreeMap::new(),
            reads: FuturesUnordered::new(),
            have: BTreeMap::new(),
            again: None,
            hedge_takes: hedge_takes.unwrap_or_default(),
        };
        reading.ask(first, 100 - LATE_PERCENT);
        reading.replace_lost();

        while !reading.satisfied() {
            if reading.reads.is_empty() {
                return Err(unreadable(segment));
            }
            let late = reading.next_late();
            tokio::select! {
                biased;
                Some((piece, result)) = reading.reads.next() => {
                    reading.take(piece, result);
                    reading.replace_lost();
                }
                () = tokio::time::sleep_until(late.unwrap_or_else(Instant::now)), if late.is_some() => reading.hedge(),
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

    /// The span as one, or as several that are read side by side because its sites are slow.
    pub fn side_by_side(&self, segment: &Segment, span: Span, wanted: &BTreeSet<u8>) -> Vec<Span> {
        let layout = Layout::of(segment);
        let range = span.in_piece(&layout);
        let (bytes, cut) = (range.end - range.start, self.settings.read_cut_bytes);
        let usual = |piece: &Piece| {
            // Known by whole reads at first, by cut ones from then on.
            let meter = &self.sites.get(piece.site)?.handle.meter;
            meter.p50(Kind::Get, cut).or_else(|| meter.p50(Kind::Get, bytes))
        };
        let slow = segment.pieces.iter().filter(|piece| wanted.contains(&piece.index)).filter_map(usual).max();
        // To the nearest, so that a few bytes more are no further request.
        let parts = bytes.saturating_add(cut / 2) / cut.max(1);
        if parts > 1 && slow.is_some_and(|slow| slow > CUT_ABOVE) { span.cut(parts) } else { vec![span] }
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
        let k = usize::from(segment.code.k);
        let mut cells = Cells::default();
        for _ in 0..VERIFIED_ROUNDS {
            let mut reads: FuturesUnordered<Read> =
                segment.pieces.iter().map(|piece| self.read_piece(*piece, layout.cells(rows.clone()))).collect();
            while let Some((piece, result)) = reads.next().await {
                let Ok(bytes) = result else { continue };
                for (row, cell) in self.proven_cells(segment, &piece, rows.clone(), &bytes) {
                    cells.add_of(&piece, segment.code, row, cell);
                }
                if rows.clone().all(|row| cells.suffices(row, k, wanted)) {
                    return Ok(cells);
                }
            }
        }
        Err(unreadable(segment))
    }

    /// The rows of every piece that answers, as far as their digests hold.
    pub async fn read_each(&self, segment: &Segment, rows: Range<u64>) -> Vec<Held> {
        let range = Layout::of(segment).cells(rows.clone());
        let reads: FuturesUnordered<Read> =
            segment.pieces.iter().map(|piece| self.read_piece(*piece, range.clone())).collect();
        let answered = reads.filter_map(|(piece, result)| ready(result.ok().map(|bytes| (piece, bytes))));
        answered.map(|(piece, bytes)| (piece, self.proven_cells(segment, &piece, rows.clone(), &bytes))).collect().await
    }

    /// The cells whose digests hold; what does not is counted, and its piece looked at.
    fn proven_cells(&self, segment: &Segment, piece: &Piece, rows: Range<u64>, bytes: &[u8]) -> Vec<(u64, Bytes)> {
        let cell_bytes = segment.cell as usize;
        let mut proven = Vec::new();
        for (row, sealed) in rows.zip(bytes.chunks(cell_bytes + piece::DIGEST)) {
            let Some((cell, digest)) = sealed.split_at_checked(cell_bytes) else { continue };
            if piece::verify_cell(segment.id, piece.index, row, cell, digest) {
                proven.push((row, Bytes::copy_from_slice(cell)));
            } else {
                self.counters.bad_cells.fetch_add(1, Ordering::Relaxed);
                self.suspects.report(segment.id, *piece, Suspicion::Failed);
            }
        }
        proven
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

    fn choose(&self, segment: &Segment, wanted: &BTreeSet<u8>, bytes: u64) -> Choice {
        let source = |piece: &Piece| {
            let known = self.sites.get(piece.site)?;
            let meter = &known.handle.meter;
            Some(Source {
                piece: *piece,
                reads: if known.reads_well() { Side::Well } else { Side::Out },
                usual: meter.p50(Kind::Get, bytes),
                in_flight: meter.in_flight_of(Kind::Get),
                asked_ago: meter.asked_ago(Kind::Get, bytes),
                price: known.facts.prices.of_reads(1, bytes),
            })
        };
        let sources: Vec<Source> = segment.pieces.iter().filter_map(source).collect();
        choose(segment.code, wanted, &sources, self.settings.waiting_cost)
    }

    /// Whether the piece's site has answered any read since then.
    fn answered_since(&self, piece: &Piece, then: Instant) -> bool {
        let known = self.sites.get(piece.site);
        known.is_some_and(|known| known.reads_well() && known.handle.meter.answered_since(Kind::Get, then))
    }

    fn usual(&self, piece: &Piece, range: &Range<u64>) -> Option<Duration> {
        self.sites.get(piece.site)?.handle.meter.p50(Kind::Get, range.end - range.start)
    }

    /// After how long a read of `piece` is late: a measured quantile of its site, by size.
    fn late_after(&self, piece: &Piece, range: &Range<u64>, percent: u32) -> Duration {
        let known = self.sites.get(piece.site);
        let measured = known.and_then(|known| known.handle.meter.quantile(Kind::Get, range.end - range.start, percent));
        measured.unwrap_or(LATE_AFTER).max(LATE_AFTER_MIN)
    }

    /// Takes extra requests out of the budget, as many as it has within these bounds.
    fn extra_reads(&self, fewest: usize, most: usize) -> usize {
        let bound = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let granted = self.hedges.spend(bound(fewest), bound(most));
        self.counters.hedged_reads.fetch_add(u64::from(granted), Ordering::Relaxed);
        granted as usize
    }

    /// Asks a site that is passed over as slow, so that it is known when it no longer is. Nobody
    /// waits for it.
    fn explore(&self, piece: Piece, range: Range<u64>) {
        if self.extra_reads(1, 1) == 1 {
            drop(tokio::spawn(self.read_piece(piece, range)));
        }
    }
}

fn unreadable(segment: &Segment) -> Error {
    let (code, found) = (segment.code, segment.pieces.len());
    Error::Unreadable { reason: format!("fewer than {} of the {found} pieces of a {code} segment answer well", code.k) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_cut_into_equal_parts_without_a_gap() {
        let slice = |within: Range<u32>| Span::Slice { row: 3, within };
        for (span, parts, cut) in [
            (slice(64..320), 2, vec![slice(64..192), slice(192..320)]),
            (slice(0..1_048_896), 4, (0..4).map(|i| slice(i * 262_272..((i + 1) * 262_272).min(1_048_896))).collect()),
            (slice(0..64), 4, vec![slice(0..64)]),
            (Span::Rows(2..13), 3, vec![Span::Rows(2..6), Span::Rows(6..10), Span::Rows(10..13)]),
            (Span::Rows(0..1), 3, vec![Span::Rows(0..1)]),
        ] {
            assert_eq!(span.cut(parts), cut, "{span:?} in {parts}");
        }
    }

    #[test]
    fn parts_join_to_what_was_cut() {
        let part = |cells: &[(u8, u64, &'static str)]| {
            let mut part = Cells::default();
            cells.iter().for_each(|(index, row, bytes)| part.add(*index, *row, Bytes::from_static(bytes.as_bytes())));
            part
        };
        let joined =
            Cells::join(vec![part(&[(0, 0, "lea")]), part(&[(0, 0, "f"), (1, 0, "x")]), part(&[(0, 1, "tea")])]);
        assert_eq!(joined.get(0, 0).unwrap(), "leaf");
        assert_eq!(joined.get(0, 1).unwrap(), "tea");
    }
}
