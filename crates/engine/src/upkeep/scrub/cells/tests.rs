//! What cells say of each other.

use coding::segment::Encoder;
use model::{EnclaveId, Epoch, KeyTag, PieceName, SegmentId, SegmentKind, SiteId, StreamId};

use super::*;

const CELL: u32 = 64;

/// A stripe of a code, as pieces at sites.
fn stripe(code: Code) -> Vec<(Piece, Bytes)> {
    let mut encoder = Encoder::new(code, CELL, 1);
    for index in 0..code.k {
        encoder.next_cell().iter_mut().zip(1..).for_each(|(byte, at)| *byte = u8::wrapping_mul(at, index + 3));
        encoder.commit_cell(CELL as usize);
    }
    let identity = Identity {
        enclave: EnclaveId([1; 16]),
        stream: StreamId([2; 16]),
        segment: SegmentId([3; 16]),
        kind: SegmentKind::Data,
        key: KeyTag([4; 16]),
        epoch: Epoch(1),
    };
    let encoded = encoder.finish(identity);
    let cells = encoded.pieces.iter().map(|bytes| bytes.slice(HEADER..HEADER + CELL as usize));
    let piece = |index| Piece {
        index,
        site: SiteId([index; 16]),
        name: PieceName { kind: SegmentKind::Data, epoch: Epoch(1), random: [index; 16] },
    };
    (0..).map(piece).zip(cells).collect()
}

fn forge(cells: &mut [(Piece, Bytes)], index: usize) {
    let mut bytes = cells[index].1.to_vec();
    bytes[7] ^= 0x55;
    cells[index].1 = bytes.into();
}

fn odd(code: Code, cells: &[(Piece, Bytes)]) -> Vec<u8> {
    odd_ones(code, cells).into_iter().map(|piece| piece.index).collect()
}

#[test]
fn the_one_that_contradicts_the_others_is_named_where_they_can_tell() {
    for (k, m) in [(2, 2), (3, 2), (1, 2)] {
        let code = Code { k, m };
        for forged in 0..k + m {
            let mut cells = stripe(code);
            assert_eq!(odd(code, &cells), [0_u8; 0], "{code}");
            forge(&mut cells, forged.into());
            assert_eq!(odd(code, &cells), [forged], "{code}");
        }
    }
}

#[test]
fn where_too_few_are_left_to_tell_all_are_named() {
    let code = Code { k: 2, m: 2 };
    let mut two = stripe(code);
    forge(&mut two, 0);
    forge(&mut two, 3);
    assert_eq!(odd(code, &two), [0, 1, 2, 3]);
    let mut three = stripe(code);
    three.remove(1);
    forge(&mut three, 2);
    assert_eq!(odd(code, &three), [0, 2, 3]);
    let mut few = stripe(code);
    forge(&mut few, 0);
    assert_eq!(odd(code, &few[..2]), [0_u8; 0], "two of two and two say nothing about each other");
}
