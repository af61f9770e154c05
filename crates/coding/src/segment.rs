//! Segments: a payload in cells, with parity, as complete pieces; and back from any k of them.
//!
//! Data cells are filled in place in the buffers that become the pieces: what comes from a socket is
//! copied once. Parity and hashes follow as each stripe completes, while it is in the cache. The
//! pieces are all the memory an [`Encoder`] holds, but for a slice of a stripe of the erasure code's own.
#![expect(
    clippy::indexing_slicing,
    reason = "piece indices are below n and cells within their buffers by construction"
)]

use bytes::Bytes;
use model::Code;

pub use crate::erasure::decode;
use crate::erasure::{Parity, Recipe};
use crate::error::NotEnough;
use crate::piece::{DIGEST, HEADER, Header, Identity, Layout, TRAILER, cell_digest, trailer};

/// Builds the pieces of one segment, cell by cell.
pub struct Encoder {
    code: Code,
    cell: usize,
    rows_max: usize,
    /// Header (blank until the end), then rows; each cell's plain hash holds its digest's place.
    pieces: Vec<Vec<u8>>,
    parity: Parity,
    /// Cells committed.
    cells: usize,
    length: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between cells.
    Ready,
    /// A cell was handed out.
    Filling,
    /// The last cell was short: nothing may follow.
    Ended,
}

impl Encoder {
    /// An encoder of at most `rows_max` stripes of cells of `cell` bytes. Memory is reserved for all
    /// of them and used as they come.
    ///
    /// Panics when `cell` is not a positive multiple of 64, or k is 0.
    pub fn new(code: Code, cell: u32, rows_max: usize) -> Encoder {
        let layout = Layout { code, cell, length: 0 };
        assert!(layout.is_sound(), "no segment has code {code} and cells of {cell} bytes");
        let cell = cell as usize;
        let capacity = HEADER + rows_max * (cell + DIGEST) + TRAILER;
        let piece = || {
            let mut piece = Vec::with_capacity(capacity);
            piece.resize(HEADER, 0);
            piece
        };
        let pieces = std::iter::repeat_with(piece).take(code.n().into()).collect();
        Encoder { code, cell, rows_max, pieces, parity: Parity::new(code), cells: 0, length: 0, state: State::Ready }
    }

    /// The next data cell to fill, zeroed. Until it is committed the same one is returned.
    ///
    /// Panics when the encoder is full or its last cell was short.
    pub fn next_cell(&mut self) -> &mut [u8] {
        assert!(!self.is_full() && self.state != State::Ended, "no cell is left to fill");
        let index = self.cells % usize::from(self.code.k);
        let piece = &mut self.pieces[index];
        if self.state == State::Ready {
            piece.resize(piece.len() + self.cell, 0);
            self.state = State::Filling;
        }
        let start = piece.len() - self.cell;
        &mut piece[start..]
    }

    /// Takes the first `used` bytes of the cell handed out as payload; the rest is zeroed. Only the
    /// segment's last cell may be short.
    ///
    /// Panics when no cell was handed out, or `used` is 0 or more than a cell.
    pub fn commit_cell(&mut self, used: usize) {
        assert!(self.state == State::Filling, "no cell was handed out");
        assert!((1..=self.cell).contains(&used), "a cell takes 1 to {} bytes, not {used}", self.cell);
        let k = usize::from(self.code.k);
        let piece = &mut self.pieces[self.cells % k];
        let padding = piece.len() - (self.cell - used);
        piece[padding..].fill(0);
        self.state = if used < self.cell { State::Ended } else { State::Ready };
        self.cells += 1;
        self.length += used as u64;
        if self.cells.is_multiple_of(k) {
            self.close_stripe();
        }
    }

    /// Whether every cell was filled.
    pub fn is_full(&self) -> bool {
        self.cells == self.rows_max * usize::from(self.code.k)
    }

    /// Payload bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Closes the segment. An unfinished stripe is filled up with zeros.
    pub fn finish(mut self, identity: Identity) -> Encoded {
        assert!(self.state != State::Filling, "a cell was handed out and not committed");
        let k = usize::from(self.code.k);
        if !self.cells.is_multiple_of(k) {
            for piece in &mut self.pieces[self.cells % k..k] {
                piece.resize(piece.len() + self.cell, 0);
            }
            self.close_stripe();
        }
        #[expect(clippy::cast_possible_truncation, reason = "it was a u32 in `new`")]
        let layout = Layout { code: self.code, cell: self.cell as u32, length: self.length };
        let pieces = (0..).zip(self.pieces).map(|(index, piece)| close_piece(identity, layout, index, piece)).collect();
        Encoded { identity, layout, pieces }
    }

    /// Adds parity and hashes to a stripe whose data cells are all in place.
    fn close_stripe(&mut self) {
        let (cell, k) = (self.cell, usize::from(self.code.k));
        let (data, parity) = self.pieces.split_at_mut(k);
        let data: Vec<&[u8]> = data.iter().map(|piece| &piece[piece.len() - cell..]).collect();
        self.parity.make(&data, |number, slice| parity[number].extend_from_slice(slice));
        for piece in &mut self.pieces {
            let hash = blake3::hash(&piece[piece.len() - cell..]);
            piece.extend_from_slice(hash.as_bytes());
        }
    }
}

/// Turns plain cell hashes into digests bound to their places, and adds header and trailer.
fn close_piece(identity: Identity, layout: Layout, index: u8, mut piece: Vec<u8>) -> Bytes {
    let header = Header::new(identity, layout, index);
    let cell = layout.cell as usize;
    piece[..HEADER].copy_from_slice(&header.encode());
    for (row, stored) in (0..).zip(piece[HEADER..].chunks_exact_mut(cell + DIGEST)) {
        let (_, place) = stored.split_at_mut(cell);
        let mut hash = [0; DIGEST];
        hash.copy_from_slice(place);
        place.copy_from_slice(&cell_digest(identity.segment, index, row, &hash.into()));
    }
    let end = trailer(&header, &piece);
    piece.extend_from_slice(&end);
    piece.into()
}

/// A segment as complete pieces, each of them one plain PUT.
#[derive(Clone, Debug)]
pub struct Encoded {
    pub identity: Identity,
    pub layout: Layout,
    /// n pieces, by index.
    pub pieces: Vec<Bytes>,
}

impl Encoded {
    /// The same payload in cells of the same size, under another code and segment id: for
    /// re-placement when a vendor dies half way.
    pub fn recode(&self, code: Code, identity: Identity) -> Encoded {
        let cell = u64::from(self.layout.cell);
        let cells = self.layout.length.div_ceil(cell);
        let rows = cells.div_ceil(code.k.into());
        #[expect(clippy::cast_possible_truncation, reason = "these rows lie in memory")]
        let mut encoder = Encoder::new(code, self.layout.cell, rows as usize);
        for fragment in self.layout.locate(0..self.layout.length) {
            let used = fragment.within.len();
            let place = range(self.layout.slice(fragment.row, fragment.within));
            encoder.next_cell()[..used].copy_from_slice(&self.pieces[usize::from(fragment.index)][place]);
            encoder.commit_cell(used);
        }
        encoder.finish(identity)
    }

    /// A copy of a range of the payload.
    pub fn payload(&self, payload: std::ops::Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for fragment in self.layout.locate(payload) {
            let place = range(self.layout.slice(fragment.row, fragment.within));
            bytes.extend_from_slice(&self.pieces[usize::from(fragment.index)][place]);
        }
        bytes
    }
}

/// A range of bytes that lies in memory.
#[expect(clippy::cast_possible_truncation, reason = "what lies in memory has places of usize")]
fn range(range: std::ops::Range<u64>) -> std::ops::Range<usize> {
    range.start as usize..range.end as usize
}

/// Rebuilds one whole piece from k or more others, given whole and verified.
pub fn restore_piece(identity: Identity, layout: Layout, index: u8, have: &[(u8, &[u8])]) -> Result<Bytes, NotEnough> {
    let cell = layout.cell as usize;
    let whole: Vec<(u8, &[u8])> =
        have.iter().copied().filter(|(_, piece)| piece.len() as u64 == layout.piece_length()).collect();
    let recipe = Recipe::new(layout.code, &whole.iter().map(|(index, _)| *index).collect::<Vec<u8>>(), index)?;
    let mut piece = Vec::with_capacity(range(0..layout.piece_length()).end);
    piece.resize(HEADER, 0);
    for row in 0..layout.rows() {
        let place = range(layout.slice(row, 0..layout.cell));
        let start = piece.len();
        piece.resize(start + cell, 0);
        recipe.make(&mut piece[start..], |index| {
            whole.iter().find(|(have, _)| *have == index).map_or(&[], |(_, piece)| &piece[place.clone()])
        });
        let hash = blake3::hash(&piece[start..]);
        piece.extend_from_slice(hash.as_bytes());
    }
    Ok(close_piece(identity, layout, index, piece))
}

/// The same segment under another code, from k or more of its pieces, given whole and verified. Its
/// payload, and so every extent of it, stays where it is.
pub fn code_anew(identity: Identity, layout: Layout, have: &[(u8, Bytes)], code: Code) -> Result<Encoded, NotEnough> {
    let slices: Vec<(u8, &[u8])> = have.iter().map(|(index, piece)| (*index, piece.as_ref())).collect();
    let data = |index: u8| match have.iter().find(|(held, _)| *held == index) {
        Some((_, piece)) if piece.len() as u64 == layout.piece_length() => Ok(piece.clone()),
        _ => restore_piece(identity, layout, index, &slices),
    };
    let pieces = (0..layout.code.k).map(data).collect::<Result<Vec<Bytes>, NotEnough>>()?;
    Ok(Encoded { identity, layout, pieces }.recode(code, identity))
}

#[cfg(test)]
mod tests;
