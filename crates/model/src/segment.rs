//! Segments, pieces and where they lie.

use std::fmt;

use crate::id::{KeyTag, SegmentId, SiteId, StreamId, write_hex};

/// One writer's term of office: pieces carry it, and only pieces of closed epochs are ever swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// k data pieces and m parity pieces: any k of them give the segment back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    pub k: u8,
    pub m: u8,
}

impl Code {
    /// Pieces in all.
    pub const fn n(self) -> u8 {
        self.k + self.m
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.k, self.m)
    }
}

/// What a segment holds; the letter is part of its pieces' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SegmentKind {
    /// Decided records and the small bodies that ride with them.
    Journal,
    /// Sealed chunks of one body.
    Data,
}

impl SegmentKind {
    pub const fn letter(self) -> char {
        match self {
            SegmentKind::Journal => 'j',
            SegmentKind::Data => 'd',
        }
    }
}

/// The name of one piece within its enclave: kind, writer epoch and 128 random bits. Its text is
/// `j/0000000000000001/0123456789abcdef0123456789abcdef`; a site stores it behind the enclave's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PieceName {
    pub kind: SegmentKind,
    pub epoch: Epoch,
    pub random: [u8; 16],
}

impl PieceName {
    /// What the names of pieces that were uploaded together share: all but the last byte.
    pub fn kin(&self) -> u128 {
        u128::from_be_bytes(self.random) >> 8
    }

    /// The last byte: of pieces that were uploaded together their index.
    pub const fn index(&self) -> u8 {
        let [.., index] = self.random;
        index
    }
}

impl fmt::Display for PieceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:016x}/", self.kind.letter(), self.epoch.0)?;
        write_hex(&self.random, f)
    }
}

impl PieceName {
    /// The name with this text, if it is one; anything else at a site is not ours.
    pub fn parse(text: &str) -> Option<PieceName> {
        let mut parts = text.split('/');
        let kind = match parts.next()? {
            "j" => SegmentKind::Journal,
            "d" => SegmentKind::Data,
            _ => return None,
        };
        // One piece, one spelling.
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let epoch = parts.next().filter(|hex| hex.len() == 16 && hex.bytes().all(is_digit))?;
        let random: SegmentId = parts.next()?.parse().ok()?;
        let name = PieceName { kind, epoch: Epoch(u64::from_str_radix(epoch, 16).ok()?), random: random.0 };
        parts.next().is_none().then_some(name)
    }
}

/// A piece proven at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// 0 to k−1 hold data, the rest parity.
    pub index: u8,
    pub site: SiteId,
    pub name: PieceName,
}

/// One immutable unit of coding and where its proven pieces lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub id: SegmentId,
    pub kind: SegmentKind,
    pub stream: StreamId,
    pub code: Code,
    /// Bytes of one cell.
    pub cell: u32,
    /// Bytes of the segment's payload: sealed chunks, or a journal payload with its padding.
    pub length: u64,
    /// Of the stream's key; stands for label and key epoch.
    pub key: KeyTag,
    pub epoch: Epoch,
    /// How many further vendors it is meant to outlive: the profile's promise.
    pub promise: u8,
    pub pieces: Vec<Piece>,
}

/// A run of a segment's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extent {
    pub segment: SegmentId,
    pub offset: u64,
    pub length: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_has_one_name() {
        let name = PieceName { kind: SegmentKind::Data, epoch: Epoch(0x1f), random: [0xab; 16] };
        let text = format!("d/000000000000001f/{}", "ab".repeat(16));
        assert_eq!(name.to_string(), text);
        assert_eq!(PieceName::parse(&text), Some(name));
        for bad in [text.replace("1f", "1F"), text.replace("d/", "x/"), format!("{text}/"), text.replace("000", "00+")]
        {
            assert_eq!(PieceName::parse(&bad), None, "`{bad}`");
        }
    }
}
