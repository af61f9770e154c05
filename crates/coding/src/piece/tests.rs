#![expect(clippy::cast_possible_truncation, reason = "tests choose numbers that fit")]

use proptest::prelude::*;

use super::*;
use crate::segment::Encoder;
use crate::testing::{CODES, Dice, check_vectors};

pub fn identity(seed: u64) -> Identity {
    let mut dice = Dice::new(seed);
    Identity {
        enclave: EnclaveId(dice.bytes()),
        stream: StreamId(dice.bytes()),
        segment: SegmentId(dice.bytes()),
        kind: SegmentKind::Data,
        key: KeyTag(dice.bytes()),
        epoch: Epoch(dice.u64()),
    }
}

/// The pieces of a payload of 300 bytes in cells of 64 under 2+2: three rows, the last half empty.
fn pieces() -> Vec<bytes::Bytes> {
    let payload = Dice::new(8).vec(300);
    let mut encoder = Encoder::new(Code { k: 2, m: 2 }, 64, 3);
    for run in payload.chunks(64) {
        encoder.next_cell()[..run.len()].copy_from_slice(run);
        encoder.commit_cell(run.len());
    }
    encoder.finish(identity(9)).pieces
}

/// A header with its hash made right again after a change.
fn rehash(mut header: Vec<u8>) -> Vec<u8> {
    let hash = blake3::hash(&header[..HASHED]);
    header[HASHED..HEADER].copy_from_slice(hash.as_bytes());
    header
}

#[test]
fn the_format_is_that_of_the_vectors() {
    let pieces = pieces();
    let names = ["piece 0, data", "piece 1, data", "piece 2, parity", "piece 3, parity"];
    let mut values = vec![("payload", Dice::new(8).vec(300))];
    values.extend(names.into_iter().zip(pieces.iter().map(|piece| piece.to_vec())));
    check_vectors("piece.txt", &values);
}

#[test]
fn every_flipped_bit_of_a_piece_is_noticed() {
    for piece in pieces() {
        assert_eq!(verify_piece(&piece).map(|header| header.identity()), Ok(identity(9)));
        for bit in 0..piece.len() * 8 {
            let mut changed = piece.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(verify_piece(&changed).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn a_piece_cut_off_or_grown_is_noticed() {
    let piece = pieces().remove(0);
    for length in 0..piece.len() {
        assert!(verify_piece(&piece[..length]).is_err(), "cut to {length}");
    }
    assert!(verify_piece(&[&piece[..], &[0]].concat()).is_err());
}

#[test]
fn a_good_cell_in_another_place_is_a_bad_one() {
    let piece = pieces().remove(0);
    let layout = Layout { code: Code { k: 2, m: 2 }, cell: 64, length: 300 };
    let stored = layout.cells(1..2);
    let (cell, digest) = piece[stored.start as usize..stored.end as usize].split_at(64);
    let segment = identity(9).segment;
    assert!(verify_cell(segment, 0, 1, cell, digest));
    assert!(!verify_cell(segment, 1, 1, cell, digest));
    assert!(!verify_cell(segment, 0, 0, cell, digest));
    assert!(!verify_cell(SegmentId([0; 16]), 0, 1, cell, digest));
    assert!(!verify_cell(segment, 0, 1, cell, &digest[..31]));
}

#[test]
fn a_newer_version_is_refused_as_newer_and_damage_as_damage() {
    let mut header = pieces().remove(0)[..HEADER].to_vec();
    header[9] = 2;
    assert!(matches!(Header::decode(&header), Err(FormatError::Damaged { .. })));
    let newer = FormatError::Newer { what: "piece", found: 2, known: 1 };
    assert_eq!(Header::decode(&rehash(header)), Err(newer));
}

#[test]
fn a_header_that_makes_no_sense_is_refused() {
    let header = pieces().remove(0)[..HEADER].to_vec();
    assert!(Header::decode(&rehash(header.clone())).is_ok());
    // Version 0, no kind, another code id, k of 0, n above 255, index of n, a reserved byte, a cell
    // of 0, a cell of 65, an absurd length.
    let changes: [(usize, u8); 10] =
        [(9, 0), (10, b'x'), (11, 0), (12, 0), (13, 254), (14, 4), (100, 1), (99, 0), (99, 65), (88, 1)];
    for (place, value) in changes {
        let mut changed = header.clone();
        changed[place] = value;
        let decoded = Header::decode(&rehash(changed));
        assert!(matches!(decoded, Err(FormatError::Damaged { .. })), "byte {place} = {value}: {decoded:?}");
    }
}

proptest! {
    #[test]
    fn a_header_survives_its_bytes(seed: u64, code in prop::sample::select(&CODES), cells in 1u32..5000, length in 0..1u64 << 48) {
        let mut dice = Dice::new(seed);
        let layout = Layout { code, cell: cells * 64, length };
        let header = Header::new(identity(seed), layout, dice.below(code.n().into()) as u8);
        prop_assert_eq!(Header::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn fragments_tile_a_range_in_order(
        code in prop::sample::select(&CODES),
        cell in 1u32..5,
        length in 0u64..3000,
        a in 0u64..3000,
        b in 0u64..3000,
    ) {
        let layout = Layout { code, cell: cell * 64, length };
        let mut at = a.min(b);
        for fragment in layout.locate(a.min(b)..a.max(b)) {
            prop_assert!(!fragment.within.is_empty() && fragment.within.end <= layout.cell);
            prop_assert!(fragment.row < layout.rows() && fragment.index < code.k);
            let number = fragment.row * u64::from(code.k) + u64::from(fragment.index);
            prop_assert_eq!(number * u64::from(layout.cell) + u64::from(fragment.within.start), at);
            at += fragment.within.len() as u64;
        }
        prop_assert_eq!(at, a.max(b).min(length).max(a.min(b)));
    }
}
