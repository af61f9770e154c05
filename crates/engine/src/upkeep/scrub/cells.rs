//! The third depth: of a segment whose piece was read longest ago, a random stripe is read from all its
//! pieces, with their headers.
//!
//! A digest proves a cell by itself, the header proves that it is the piece that was written under this
//! name, and parity that the cells belong together. No key is needed.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use catalog::proof::{Fault, PieceAt, Proof};
use coding::piece::{self, HEADER, Header, Identity, Layout};
use futures::FutureExt;
use futures::future::BoxFuture;
use model::{Code, Piece, Segment};
use providers::{ErrorKind, Kind, Store};

use super::heads::{Said, place_of, read_place};
use super::{Step, Stop, Walking, purse};
use crate::error::Error;
use crate::inner::Inner;
use crate::limits::VERIFIED_ROUNDS;
use crate::sites::object_name;
use crate::work;

/// Segments looked at between two places that are kept.
const PAGE: usize = 16;

/// What reading one piece showed.
enum Held {
    Cell(Bytes),
    Wrong(Fault),
    /// No record names it any more.
    Unnamed,
    /// Its site is out, or did not answer well.
    Nothing,
    Unpaid,
}

impl Inner {
    pub(super) async fn cells_page(&self, walking: &mut Walking<'_>) -> Result<Step, Error> {
        let site = walking.known.site.id;
        let after = walking.walk.place.as_deref().and_then(read_place);
        let mut page = self.catalog.least_proven(site, Proof::Read, after, PAGE).await?;
        page.retain(|piece| piece.read.is_none_or(|read| read < walking.due));
        if page.is_empty() {
            return Ok(Step::End);
        }
        for due in page {
            if let Some(segment) = self.catalog.segment(due.segment).await? {
                match self.read_stripe(walking, &segment, &due).await? {
                    Held::Unpaid => return Ok(Step::Stopped(Stop::Spent)),
                    Held::Nothing if !walking.known.is_scrubbed() => return Ok(Step::Stopped(Stop::Out)),
                    _ => {}
                }
            }
            walking.walk.place = Some(place_of(due.read, due.name));
        }
        Ok(Step::More)
    }

    /// Reads a stripe and tells what became of the piece that was due.
    async fn read_stripe(&self, walking: &Walking<'_>, segment: &Segment, due: &PieceAt) -> Result<Held, Error> {
        let layout = Layout::of(segment);
        let row = u64::from_be_bytes(self.outside.random()) % layout.rows().max(1);
        let stripe = segment.pieces.len().saturating_mul(layout.cell as usize);
        let _reserved = self.budget.large.reserve(stripe).await;
        let at: &Walking<'_> = walking;
        let reads: Vec<BoxFuture<'_, _>> =
            segment.pieces.iter().map(|piece| self.read_cell(at, segment, piece, row).boxed()).collect();
        let held = futures::future::try_join_all(reads).await?;
        let mut held: Vec<(Piece, Held)> = segment.pieces.iter().copied().zip(held).collect();
        let odd = self.contradicting(segment, &held).await?;
        for (piece, fault) in odd.iter().map(|piece| (*piece, Fault::Contradicts)) {
            if let Some((_, held)) = held.iter_mut().find(|(other, _)| *other == piece) {
                *held = Held::Wrong(fault);
            }
        }
        let (now, mut of_due) = (self.outside.clock.now(), Held::Unnamed);
        for (piece, held) in held {
            let asked = usize::from(!matches!(held, Held::Nothing | Held::Unpaid | Held::Unnamed));
            walking.looked_at(asked, usize::from(matches!(held, Held::Cell(_))));
            match &held {
                Held::Cell(_) => self.catalog.note_proof(piece.site, Proof::Read, vec![piece.name], now).await?,
                Held::Wrong(fault) => self.blame_at(walking, *fault, segment, piece).await?,
                Held::Unnamed | Held::Nothing | Held::Unpaid => {}
            }
            if piece.name == due.name {
                of_due = held;
            }
        }
        Ok(of_due)
    }

    /// As [`Inner::blame`], of a piece at whichever site it lies.
    async fn blame_at(
        &self,
        walking: &Walking<'_>,
        fault: Fault,
        segment: &Segment,
        piece: Piece,
    ) -> Result<(), Error> {
        let Some(known) = self.sites.get(piece.site) else { return Ok(()) };
        let there = Walking { known, walk: walking.walk.clone(), ..*walking };
        self.blame(&there, fault, object_name(self.enclave, &piece.name), piece, segment.id).await
    }

    /// Header and one cell of a piece, proven; a flip on the way is gone the next time.
    async fn read_cell(
        &self,
        walking: &Walking<'_>,
        segment: &Segment,
        piece: &Piece,
        row: u64,
    ) -> Result<Held, Error> {
        let Some(known) = self.sites.get(piece.site).filter(|known| known.is_scrubbed()) else {
            return Ok(Held::Nothing);
        };
        let here = Walking { known, walk: walking.walk.clone(), ..*walking };
        let mut held = Held::Nothing;
        for _ in 0..VERIFIED_ROUNDS {
            held = self.try_cell(&here, segment, piece, row).await?;
            if !matches!(held, Held::Wrong(Fault::Damaged | Fault::Replaced)) {
                break;
            }
            self.counters.bad_cells.fetch_add(1, Ordering::Relaxed);
        }
        Ok(held)
    }

    async fn try_cell(&self, here: &Walking<'_>, segment: &Segment, piece: &Piece, row: u64) -> Result<Held, Error> {
        let (layout, meter) = (Layout::of(segment), &here.known.handle.meter);
        let object = object_name(self.enclave, &piece.name);
        let cells = layout.cells(row..row + 1);
        // The first row follows the header: one request brings both.
        let (first, second) = if row == 0 { (0..cells.end, None) } else { (0..HEADER as u64, Some(cells)) };
        let mut parts = Vec::new();
        for range in std::iter::once(first).chain(second) {
            let cost = purse::a_read(&here.known.facts.prices, range.end - range.start);
            match self.ask(here, (Kind::Get, cost), || meter.get_range(&object, range.clone())).await? {
                None => return Ok(Held::Unpaid),
                Some(Ok(bytes)) => parts.push(bytes),
                Some(Err(error)) => return self.without_bytes(here, segment, piece, error.kind).await,
            }
        }
        let bytes: Bytes = parts.concat().into();
        let (segment, index) = (segment.clone(), piece.index);
        let enclave = self.enclave;
        let judged = work::run(&self.outside, bytes.len(), move || judge(enclave, &segment, index, row, &bytes));
        Ok(judged.await?.map_or_else(Held::Wrong, Held::Cell))
    }

    /// Why a piece gave no bytes.
    async fn without_bytes(
        &self,
        here: &Walking<'_>,
        segment: &Segment,
        piece: &Piece,
        kind: ErrorKind,
    ) -> Result<Held, Error> {
        match kind {
            ErrorKind::Corrupt => Ok(Held::Wrong(Fault::Damaged)),
            ErrorKind::NotFound | ErrorKind::Invalid => {
                let length = Layout::of(segment).piece_length();
                let (name, index) = (piece.name, piece.index);
                let asked = PieceAt { name, index, segment: segment.id, length, seen: None, read: None };
                Ok(match self.ask_for(here, &asked).await? {
                    Said::Wrong(fault) => Held::Wrong(fault),
                    Said::Unnamed => Held::Unnamed,
                    Said::Unpaid => Held::Unpaid,
                    Said::There | Said::Nothing => Held::Nothing,
                })
            }
            _ => Ok(Held::Nothing),
        }
    }

    /// The pieces whose cells do not go with the others': the one that is odd if all others agree, else all.
    async fn contradicting(&self, segment: &Segment, held: &[(Piece, Held)]) -> Result<Vec<Piece>, Error> {
        let cells: Vec<(Piece, Bytes)> = held
            .iter()
            .filter_map(|(piece, held)| match held {
                Held::Cell(bytes) => Some((*piece, bytes.clone())),
                _ => None,
            })
            .collect();
        let (code, bytes) = (segment.code, cells.iter().map(|(_, cell)| cell.len()).sum());
        work::run(&self.outside, bytes, move || odd_ones(code, &cells)).await
    }
}

/// The cell, if the bytes are header and row of the piece that was written under this name.
fn judge(enclave: model::EnclaveId, segment: &Segment, index: u8, row: u64, bytes: &Bytes) -> Result<Bytes, Fault> {
    let header = Header::decode(bytes).map_err(|_| Fault::Damaged)?;
    // Pieces that were restored may speak of more parity than there was at first.
    let same = header.identity() == Identity::of(enclave, segment)
        && (header.index, header.code.k) == (index, segment.code.k)
        && (header.cell, header.length) == (segment.cell, segment.length);
    if !same {
        return Err(Fault::Replaced);
    }
    let cell = HEADER..HEADER + segment.cell as usize;
    let digest = bytes.get(cell.end..).ok_or(Fault::Damaged)?;
    let sealed = bytes.get(cell.clone()).ok_or(Fault::Damaged)?;
    if piece::verify_cell(segment.id, index, row, sealed, digest) { Ok(bytes.slice(cell)) } else { Err(Fault::Damaged) }
}

/// See [`Inner::contradicting`].
fn odd_ones(code: Code, cells: &[(Piece, Bytes)]) -> Vec<Piece> {
    let all: Vec<&(Piece, Bytes)> = cells.iter().collect();
    if agree(code, &all) {
        return Vec::new();
    }
    let without = |odd: &Piece| all.iter().copied().filter(|(piece, _)| piece != odd).collect::<Vec<_>>();
    let alone: Vec<Piece> = cells
        .iter()
        .map(|(piece, _)| *piece)
        .filter(|piece| without(piece).len() > usize::from(code.k) && agree(code, &without(piece)))
        .collect();
    match alone.as_slice() {
        [odd] => vec![*odd],
        _ => cells.iter().map(|(piece, _)| *piece).collect(),
    }
}

/// Whether all follow from the first k. Fewer than one more say nothing about each other.
fn agree(code: Code, cells: &[&(Piece, Bytes)]) -> bool {
    if code.k == 1 {
        return cells.windows(2).all(|pair| matches!(pair, [a, b] if a.1 == b.1));
    }
    let have: Vec<(u8, &[u8])> = cells.iter().map(|(piece, cell)| (piece.index, cell.as_ref())).collect();
    let Some((first, rest)) = have.split_at_checked(usize::from(code.k)) else { return true };
    let highest = have.iter().map(|(index, _)| *index).max().unwrap_or_default();
    let code = Code { m: code.m.max((highest + 1).saturating_sub(code.k)), ..code };
    let want: Vec<u8> = rest.iter().map(|(index, _)| *index).collect();
    let restored = coding::segment::decode(code, first, &want);
    // Twins of one index are not enough to restore from, and prove nothing.
    restored.is_ok_and(|cells| cells.iter().zip(rest).all(|(cell, (_, read))| cell == read))
        || first.iter().any(|(index, _)| first.iter().filter(|(other, _)| other == index).count() > 1)
}

#[cfg(test)]
mod tests;
