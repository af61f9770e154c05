//! Segments: a payload in cells, with parity, as complete pieces; and back from any k of them.
//!
//! Data cells are filled in place in the buffers that become the pieces: what comes from a socket is
//! copied once. Parity and hashes follow as each stripe completes, while it is in the cache. The
//! pieces are all the memory an [`Encoder`] holds, but for one stripe of the erasure code's own.
#![expect(
    clippy::indexing_slicing,
    reason = "piece indices are below n and cells within their buffers by construction"
)]

use bytes::Bytes;
use model::Code;
use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};

use crate::error::NotEnough;
use crate::limits::ALIGN;
use crate::piece::{DIGEST, HEADER, Header, Identity, Layout, TRAILER, cell_digest, trailer};

/// Builds the pieces of one segment, cell by cell.
pub struct Encoder {
    code: Code,
    cell: usize,
    rows_max: usize,
    /// Header (blank until the end), then rows; each cell's plain hash holds its digest's place.
    pieces: Vec<Vec<u8>>,
    /// None where parity is a copy, or there is none.
    parity: Option<ReedSolomonEncoder>,
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
        Encoder { code, cell, rows_max, pieces, parity: erasure(code, cell), cells: 0, length: 0, state: State::Ready }
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
        if let Some(erasure) = &mut self.parity {
            encode_stripe(erasure, data.iter().map(|piece| &piece[piece.len() - cell..]), |index, shard| {
                parity[index].extend_from_slice(shard);
            });
        } else {
            let original = &data[0][data[0].len() - cell..];
            parity.iter_mut().for_each(|copy| copy.extend_from_slice(original));
        }
        for piece in &mut self.pieces {
            let hash = blake3::hash(&piece[piece.len() - cell..]);
            piece.extend_from_slice(hash.as_bytes());
        }
    }
}

/// The erasure code at work, where parity is more than a copy.
fn erasure(code: Code, bytes: usize) -> Option<ReedSolomonEncoder> {
    let (k, m) = (usize::from(code.k), usize::from(code.m));
    if k == 1 || m == 0 {
        return None;
    }
    #[expect(clippy::expect_used, reason = "the code takes any k and m below 256 and any positive multiple of 64")]
    Some(ReedSolomonEncoder::new(k, m, bytes).expect("a code of bytes"))
}

/// Feeds the k data shards of a stripe to the code and hands out its parity shards.
#[expect(clippy::expect_used, reason = "exactly k shards of the announced length are given")]
fn encode_stripe<'a>(
    erasure: &mut ReedSolomonEncoder,
    data: impl Iterator<Item = &'a [u8]>,
    mut parity: impl FnMut(usize, &[u8]),
) {
    for shard in data {
        erasure.add_original_shard(shard).expect("a shard of the announced length");
    }
    let encoded = erasure.encode().expect("k shards were added");
    encoded.recovery_iter().enumerate().for_each(|(index, shard)| parity(index, shard));
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

/// Gives cells, or equal slices of cells of one stripe, back from any k others.
///
/// `have` holds piece indices with their bytes; `want` names the indices to return, data or parity,
/// in the order of the answer. Slices begin at a multiple of 64 within the cell and end at one.
/// More than k of `have` are not looked at; data pieces are preferred, for they cost nothing.
///
/// Panics when the slices' lengths differ or are no multiples of 64, or an index is not below n.
pub fn decode(code: Code, have: &[(u8, &[u8])], want: &[u8]) -> Result<Vec<Vec<u8>>, NotEnough> {
    let (n, k) = (usize::from(code.n()), usize::from(code.k));
    let mut shards: Vec<Option<&[u8]>> = vec![None; n];
    have.iter().for_each(|(index, bytes)| shards[usize::from(*index)] = Some(*bytes));
    let found = shards.iter().flatten().count();
    let bytes = have.first().map_or(0, |(_, bytes)| bytes.len());
    assert!(bytes.is_multiple_of(ALIGN), "slices are multiples of {ALIGN} bytes, not {bytes}");
    assert!(shards.iter().flatten().all(|shard| shard.len() == bytes), "slices of one stripe have one length");
    if let Some(given) = want.iter().map(|index| shards[usize::from(*index)].map(<[u8]>::to_vec)).collect() {
        return Ok(given);
    }
    if found < k {
        return Err(NotEnough { have: found, need: k });
    }
    if k == 1 {
        let copy = shards.iter().flatten().next().copied().unwrap_or_default();
        return Ok(want.iter().map(|_| copy.to_vec()).collect());
    }
    let restored = restore_data(code, &shards, bytes);
    let data: Vec<&[u8]> = (0..k).map(|index| shards[index].unwrap_or(&restored[index])).collect();
    let parity = if want.iter().any(|index| usize::from(*index) >= k && shards[usize::from(*index)].is_none()) {
        make_parity(code, &data)
    } else {
        Vec::new()
    };
    let piece = |index: u8| match usize::from(index) {
        index if index < k => data[index].to_vec(),
        index => shards[index].map_or_else(|| parity[index - k].clone(), <[u8]>::to_vec),
    };
    Ok(want.iter().map(|index| piece(*index)).collect())
}

/// The data shards that are missing, by index (those that are there stay empty).
#[expect(clippy::expect_used, reason = "at least k shards of one length are there, each index once")]
fn restore_data(code: Code, shards: &[Option<&[u8]>], bytes: usize) -> Vec<Vec<u8>> {
    let k = usize::from(code.k);
    let mut data = vec![Vec::new(); k];
    let missing = shards[..k].iter().filter(|shard| shard.is_none()).count();
    if missing == 0 || bytes == 0 {
        return data;
    }
    let mut erasure = ReedSolomonDecoder::new(k, code.m.into(), bytes).expect("a code of bytes");
    for (index, shard) in shards[..k].iter().enumerate() {
        if let Some(shard) = shard {
            erasure.add_original_shard(index, shard).expect("a shard of the announced length");
        }
    }
    let parity = shards[k..].iter().enumerate().filter_map(|(index, shard)| shard.map(|shard| (index, shard)));
    for (index, shard) in parity.take(missing) {
        erasure.add_recovery_shard(index, shard).expect("a shard of the announced length");
    }
    let decoded = erasure.decode().expect("k shards were added");
    decoded.restored_original_iter().for_each(|(index, shard)| data[index] = shard.to_vec());
    data
}

/// The parity shards of a stripe's data shards.
fn make_parity(code: Code, data: &[&[u8]]) -> Vec<Vec<u8>> {
    let bytes = data[0].len();
    let mut parity = vec![Vec::new(); code.m.into()];
    if bytes == 0 {
        return parity;
    }
    if let Some(mut erasure) = erasure(code, bytes) {
        encode_stripe(&mut erasure, data.iter().copied(), |index, shard| parity[index] = shard.to_vec());
    }
    parity
}

/// Bytes of one piece that are decoded at a time: setting up a decode costs as much as decoding
/// some hundred kilobytes, and a batch should stay in the cache.
const RESTORE_BATCH: usize = 512 << 10;

/// Rebuilds one whole piece from k or more others, given whole and verified.
pub fn restore_piece(identity: Identity, layout: Layout, index: u8, have: &[(u8, &[u8])]) -> Result<Bytes, NotEnough> {
    let cell = layout.cell as usize;
    let whole: Vec<(u8, &[u8])> =
        have.iter().copied().filter(|(_, piece)| piece.len() as u64 == layout.piece_length()).collect();
    #[expect(clippy::cast_possible_truncation, reason = "these pieces lie in memory")]
    let rows = layout.rows() as usize;
    let mut piece = Vec::with_capacity(HEADER + rows * (cell + DIGEST) + TRAILER);
    piece.resize(HEADER, 0);
    let batch = (RESTORE_BATCH / cell).max(1);
    for start in (0..rows).step_by(batch) {
        let rows = start..(start + batch).min(rows);
        // Blocks of 64 bytes decode alone, so the cells of several rows decode as one.
        let cells: Vec<(u8, Vec<u8>)> =
            whole.iter().map(|(index, piece)| (*index, cells_of(piece, cell, rows.clone()))).collect();
        let slices: Vec<(u8, &[u8])> = cells.iter().map(|(index, cells)| (*index, cells.as_slice())).collect();
        let restored = decode(layout.code, &slices, &[index])?;
        for cell in restored[0].chunks_exact(cell) {
            piece.extend_from_slice(cell);
            piece.extend_from_slice(blake3::hash(cell).as_bytes());
        }
    }
    Ok(close_piece(identity, layout, index, piece))
}

/// The cells of some rows of a whole piece, one behind the other.
fn cells_of(piece: &[u8], cell: usize, rows: std::ops::Range<usize>) -> Vec<u8> {
    let mut cells = Vec::with_capacity(rows.len() * cell);
    for row in rows {
        let start = HEADER + row * (cell + DIGEST);
        cells.extend_from_slice(&piece[start..start + cell]);
    }
    cells
}

#[cfg(test)]
mod tests;
