//! Pieces: header, then row by row one cell and its digest, then a trailer.
//!
//! Everything is at a computable place, so a reader fetches just the cells it needs, and every part
//! carries a hash, so damage is found where it is. The hashes find accidents; forgery is found by
//! the AEAD inside. The bytes are in `docs/formats/piece.md`.
#![expect(clippy::indexing_slicing, reason = "offsets are constants of arrays of fixed length, or were compared first")]

use std::ops::Range;

use bytes::Buf;
use model::{Code, EnclaveId, Epoch, KeyTag, Segment, SegmentId, SegmentKind, StreamId};

use crate::error::FormatError;
use crate::limits::ALIGN;

/// Bytes of the header.
pub const HEADER: usize = 192;
/// Bytes of a cell's digest.
pub const DIGEST: usize = 32;
/// Bytes of the trailer.
pub const TRAILER: usize = 64;
/// The newest format version known here.
pub const VERSION: u16 = 1;

const MAGIC: &[u8; 8] = b"ENTPIECE";
const END_MAGIC: &[u8; 8] = b"ENTPEND\0";
/// Header bytes in front of its hash.
const HASHED: usize = HEADER - 32;
/// Trailer bytes in front of its hash.
const TRAILER_HASHED: usize = TRAILER - 32;
const CELL_DOMAIN: &[u8; 16] = b"entente cell v1\0";

/// What the pieces of one segment say alike about it, beside how it is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    pub enclave: EnclaveId,
    pub stream: StreamId,
    pub segment: SegmentId,
    pub kind: SegmentKind,
    pub key: KeyTag,
    pub epoch: Epoch,
}

impl Identity {
    /// What the pieces of this segment say.
    pub fn of(enclave: EnclaveId, segment: &Segment) -> Identity {
        Identity {
            enclave,
            stream: segment.stream,
            segment: segment.id,
            kind: segment.kind,
            key: segment.key,
            epoch: segment.epoch,
        }
    }
}

/// The first bytes of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub enclave: EnclaveId,
    pub stream: StreamId,
    pub segment: SegmentId,
    pub kind: SegmentKind,
    pub code: Code,
    /// 0 to k−1 hold data, the rest parity.
    pub index: u8,
    /// Bytes of one cell.
    pub cell: u32,
    /// Bytes of the segment's payload.
    pub length: u64,
    pub key: KeyTag,
    pub epoch: Epoch,
}

impl Header {
    pub fn new(identity: Identity, layout: Layout, index: u8) -> Header {
        let Identity { enclave, stream, segment, kind, key, epoch } = identity;
        let Layout { code, cell, length } = layout;
        Header { enclave, stream, segment, kind, code, index, cell, length, key, epoch }
    }

    /// What all pieces of the segment have in common.
    pub fn identity(&self) -> Identity {
        let Header { enclave, stream, segment, kind, key, epoch, .. } = *self;
        Identity { enclave, stream, segment, kind, key, epoch }
    }

    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_be_bytes());
        bytes[10] = self.kind.letter() as u8;
        bytes[11] = code_id(self.code);
        bytes[12] = self.code.k;
        bytes[13] = self.code.m;
        bytes[14] = self.index;
        bytes[16..32].copy_from_slice(&self.enclave.0);
        bytes[32..48].copy_from_slice(&self.stream.0);
        bytes[48..64].copy_from_slice(&self.segment.0);
        bytes[64..80].copy_from_slice(&self.key.0);
        bytes[80..88].copy_from_slice(&self.epoch.0.to_be_bytes());
        bytes[88..96].copy_from_slice(&self.length.to_be_bytes());
        bytes[96..100].copy_from_slice(&self.cell.to_be_bytes());
        let hash = blake3::hash(&bytes[..HASHED]);
        bytes[HASHED..].copy_from_slice(hash.as_bytes());
        bytes
    }

    /// Reads the header from a piece's first bytes; more may follow.
    pub fn decode(bytes: &[u8]) -> Result<Header, FormatError> {
        let damaged = |why: &str| FormatError::damaged("piece header", why);
        let bytes = bytes.get(..HEADER).ok_or_else(|| damaged("it is too short"))?;
        if bytes[..8] != *MAGIC {
            return Err(damaged("it does not begin as a piece does"));
        }
        if bytes[HASHED..] != *blake3::hash(&bytes[..HASHED]).as_bytes() {
            return Err(damaged("its hash does not match"));
        }
        // Every version keeps magic, version, length and hash of the header in their places.
        let version = (&bytes[8..]).get_u16();
        if version > VERSION {
            return Err(FormatError::Newer { what: "piece", found: version.into(), known: VERSION.into() });
        }
        let header = fields(bytes).ok_or_else(|| damaged("a field has a value that means nothing"))?;
        Ok(header)
    }
}

/// The header's fields, if each has a value that makes sense.
fn fields(bytes: &[u8]) -> Option<Header> {
    let id = |at: usize| -> [u8; 16] {
        let mut id = [0; 16];
        id.copy_from_slice(&bytes[at..at + 16]);
        id
    };
    let kind = match bytes[10] {
        b'j' => SegmentKind::Journal,
        b'd' => SegmentKind::Data,
        _ => return None,
    };
    let header = Header {
        kind,
        code: Code { k: bytes[12], m: bytes[13] },
        index: bytes[14],
        enclave: EnclaveId(id(16)),
        stream: StreamId(id(32)),
        segment: SegmentId(id(48)),
        key: KeyTag(id(64)),
        epoch: Epoch((&bytes[80..]).get_u64()),
        length: (&bytes[88..]).get_u64(),
        cell: (&bytes[96..]).get_u32(),
    };
    let sound = (&bytes[8..]).get_u16() == VERSION
        && bytes[15] == 0
        && bytes[100..HASHED].iter().all(|byte| *byte == 0)
        && Layout::of(&header).is_sound()
        && header.index < header.code.n()
        && bytes[11] == code_id(header.code);
    sound.then_some(header)
}

/// 0: every piece is a copy; 1: reed-solomon-simd 3 at this very k and m.
fn code_id(code: Code) -> u8 {
    u8::from(code.k != 1)
}

/// How a segment's payload lies in its pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layout {
    pub code: Code,
    /// Bytes of one cell.
    pub cell: u32,
    /// Bytes of the payload.
    pub length: u64,
}

/// What knows its layout.
pub trait LaidOut {
    fn layout(&self) -> Layout;
}

impl LaidOut for Segment {
    fn layout(&self) -> Layout {
        Layout { code: self.code, cell: self.cell, length: self.length }
    }
}

impl LaidOut for Header {
    fn layout(&self) -> Layout {
        Layout { code: self.code, cell: self.cell, length: self.length }
    }
}

/// A run of payload within one data cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The data piece that holds it.
    pub index: u8,
    pub row: u64,
    /// Bytes within the cell.
    pub within: Range<u32>,
}

impl Layout {
    pub fn of(what: &impl LaidOut) -> Layout {
        what.layout()
    }

    /// Whether its numbers make sense: what is read from outside is asked this first.
    pub fn is_sound(&self) -> bool {
        let Code { k, m } = self.code;
        let whole = self.cell > 0 && (self.cell as usize).is_multiple_of(ALIGN);
        // Far above any real segment, and no sum or product below can overflow.
        k > 0 && k.checked_add(m).is_some() && whole && self.length <= 1 << 48
    }

    /// Whether a piece with this layout holds cells of this one. Copies have one layout whatever their
    /// number, so that of a further one its code says more.
    pub fn holds(&self, other: &Layout) -> bool {
        let code = self.code == other.code || (self.code.k == 1 && other.code.k == 1);
        code && self.cell == other.cell && self.length == other.length
    }

    /// Stripes, and cells of each piece.
    pub fn rows(&self) -> u64 {
        self.length.div_ceil(u64::from(self.code.k) * u64::from(self.cell))
    }

    /// Bytes of each piece.
    pub fn piece_length(&self) -> u64 {
        self.cells(0..self.rows()).end + TRAILER as u64
    }

    /// Where whole rows, digests included, lie in a piece.
    pub fn cells(&self, rows: Range<u64>) -> Range<u64> {
        let step = u64::from(self.cell) + DIGEST as u64;
        HEADER as u64 + rows.start * step..HEADER as u64 + rows.end * step
    }

    /// Where a part of one cell lies in a piece.
    pub fn slice(&self, row: u64, within: Range<u32>) -> Range<u64> {
        let start = self.cells(row..row).start;
        start + u64::from(within.start)..start + u64::from(within.end)
    }

    /// The fragments that make up a range of the payload, in its order.
    pub fn locate(&self, payload: Range<u64>) -> impl Iterator<Item = Fragment> + use<> {
        let (k, cell) = (u64::from(self.code.k), u64::from(self.cell));
        let end = payload.end.min(self.length);
        let mut at = payload.start;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let number = at / cell;
            let (start, stop) = (at % cell, (end - number * cell).min(cell));
            at = number * cell + stop;
            #[expect(clippy::cast_possible_truncation, reason = "a remainder is below k or cell, which fit")]
            Some(Fragment { index: (number % k) as u8, row: number / k, within: start as u32..stop as u32 })
        })
    }
}

/// The digest that stands behind a cell: it binds the cell's own hash to its place, so that a good
/// cell in a wrong place is a bad one.
pub(crate) fn cell_digest(segment: SegmentId, index: u8, row: u64, cell: &blake3::Hash) -> [u8; DIGEST] {
    let mut input = [0; 16 + 16 + 1 + 8 + 32];
    input[0..16].copy_from_slice(CELL_DOMAIN);
    input[16..32].copy_from_slice(&segment.0);
    input[32] = index;
    input[33..41].copy_from_slice(&row.to_be_bytes());
    input[41..].copy_from_slice(cell.as_bytes());
    *blake3::hash(&input).as_bytes()
}

/// Whether a cell is the one that was written in this place.
pub fn verify_cell(segment: SegmentId, index: u8, row: u64, cell: &[u8], digest: &[u8]) -> bool {
    cell_digest(segment, index, row, &blake3::hash(cell)) == *digest
}

/// The trailer of a piece whose header and rows (with final digests) are `body`.
pub(crate) fn trailer(header: &Header, body: &[u8]) -> [u8; TRAILER] {
    let mut bytes = [0; TRAILER];
    bytes[0..8].copy_from_slice(END_MAGIC);
    bytes[8..16].copy_from_slice(&Layout::of(header).rows().to_be_bytes());
    bytes[16..32].copy_from_slice(&header.segment.0);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&body[..HEADER]);
    for row in body[HEADER..].chunks_exact(header.cell as usize + DIGEST) {
        hasher.update(&row[header.cell as usize..]);
    }
    hasher.update(&bytes[..TRAILER_HASHED]);
    bytes[TRAILER_HASHED..].copy_from_slice(hasher.finalize().as_bytes());
    bytes
}

/// Proves every byte of a whole piece.
pub fn verify_piece(bytes: &[u8]) -> Result<Header, FormatError> {
    let damaged = |why: String| FormatError::damaged("piece", why);
    let header = Header::decode(bytes)?;
    let layout = Layout::of(&header);
    if bytes.len() as u64 != layout.piece_length() {
        return Err(damaged(format!("it has {} bytes instead of {}", bytes.len(), layout.piece_length())));
    }
    let (body, end) = bytes.split_at(bytes.len() - TRAILER);
    for (row, stored) in (0..).zip(body[HEADER..].chunks_exact(header.cell as usize + DIGEST)) {
        let (cell, digest) = stored.split_at(header.cell as usize);
        if !verify_cell(header.segment, header.index, row, cell, digest) {
            return Err(damaged(format!("the cell in row {row} does not match its digest")));
        }
    }
    if *end != trailer(&header, body) {
        return Err(damaged("the trailer does not match what precedes it".to_owned()));
    }
    Ok(header)
}

#[cfg(test)]
pub(crate) mod tests;
