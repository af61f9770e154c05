use proptest::prelude::*;

use super::*;
use crate::piece::tests::identity;
use crate::piece::verify_piece;
use crate::testing::{CODES, Dice};

fn encode(code: Code, cell: u32, payload: &[u8], seed: u64) -> Encoded {
    let rows = payload.len().div_ceil(usize::from(code.k) * cell as usize);
    let mut encoder = Encoder::new(code, cell, rows);
    for run in payload.chunks(cell as usize) {
        assert!(!encoder.is_full());
        encoder.next_cell()[..run.len()].copy_from_slice(run);
        encoder.commit_cell(run.len());
    }
    assert_eq!(encoder.length(), payload.len() as u64);
    encoder.finish(identity(seed))
}

/// Every way to keep just `k` of `n` pieces.
fn choices(n: u8, k: u8) -> Vec<Vec<u8>> {
    (0u32..1 << n)
        .filter(|set| set.count_ones() == u32::from(k))
        .map(|set| (0..n).filter(|index| set >> index & 1 == 1).collect())
        .collect()
}

/// The cell of a row of a piece.
fn cell(encoded: &Encoded, index: u8, row: u64) -> &[u8] {
    &encoded.pieces[usize::from(index)][range(encoded.layout.slice(row, 0..encoded.layout.cell))]
}

#[test]
fn mirrors_are_copies() {
    let encoded = encode(Code { k: 1, m: 2 }, 64, &[5; 100], 1);
    for index in 0..3 {
        assert_eq!(cell(&encoded, index, 0), &[5; 64]);
        assert_eq!(cell(&encoded, index, 1), &[[5; 36].as_slice(), &[0; 28]].concat());
    }
}

#[test]
fn what_was_scribbled_behind_a_short_cell_is_not_kept() {
    let mut encoder = Encoder::new(Code { k: 2, m: 1 }, 64, 1);
    encoder.next_cell().fill(0xee);
    encoder.commit_cell(10);
    let encoded = encoder.finish(identity(1));
    assert_eq!(cell(&encoded, 0, 0), &[[0xee; 10].as_slice(), &[0; 54]].concat());
    assert_eq!(cell(&encoded, 1, 0), &[0; 64]);
}

#[test]
#[should_panic(expected = "no cell is left to fill")]
fn nothing_follows_a_short_cell() {
    let mut encoder = Encoder::new(Code { k: 2, m: 1 }, 64, 1);
    encoder.next_cell();
    encoder.commit_cell(10);
    encoder.next_cell();
}

#[test]
#[should_panic(expected = "no cell is left to fill")]
fn an_encoder_takes_no_more_than_announced() {
    let mut encoder = Encoder::new(Code { k: 1, m: 1 }, 64, 1);
    encoder.next_cell();
    encoder.commit_cell(64);
    assert!(encoder.is_full());
    encoder.next_cell();
}

#[test]
fn an_encoder_never_grows_beyond_its_pieces() {
    let mut encoder = Encoder::new(Code { k: 2, m: 2 }, 64, 10);
    let reserved: Vec<usize> = encoder.pieces.iter().map(Vec::capacity).collect();
    while !encoder.is_full() {
        encoder.next_cell();
        encoder.commit_cell(64);
    }
    let layout = Layout { code: Code { k: 2, m: 2 }, cell: 64, length: encoder.length() };
    assert_eq!(encoder.pieces.iter().map(Vec::capacity).collect::<Vec<_>>(), reserved);
    assert!(reserved.iter().all(|bytes| *bytes as u64 == layout.piece_length()), "{reserved:?}");
}

#[test]
fn an_empty_segment_has_pieces_too() {
    let encoded = Encoder::new(Code { k: 2, m: 2 }, 64, 4).finish(identity(1));
    assert_eq!(encoded.layout.rows(), 0);
    assert!(encoded.pieces.iter().all(|piece| verify_piece(piece).is_ok()));
}

#[test]
fn fewer_than_k_cells_are_not_enough() {
    let code = Code { k: 3, m: 2 };
    let cells = [(4, [1; 64].as_slice()), (1, &[2; 64])];
    assert_eq!(decode(code, &cells, &[0]), Err(NotEnough { have: 2, need: 3 }));
    assert_eq!(decode(code, &[], &[0]), Err(NotEnough { have: 0, need: 3 }));
    // What is there needs no decoding.
    assert_eq!(decode(code, &cells, &[1]), Ok(vec![vec![2; 64]]));
}

#[test]
fn pieces_of_the_wrong_length_do_not_count() {
    let code = Code { k: 2, m: 1 };
    let encoded = encode(code, 64, &[1; 300], 1);
    let have = [(0, &encoded.pieces[0][..]), (1, &encoded.pieces[1][..400])];
    let restored = restore_piece(identity(1), encoded.layout, 2, &have);
    assert_eq!(restored, Err(NotEnough { have: 1, need: 2 }));
}

/// A mirror that lost a copy gets a further one, whose index its first code does not reach.
#[test]
fn further_copies_stand_in_for_the_first() {
    let few = encode(Code { k: 1, m: 1 }, 64, &[5; 100], 1);
    let more = encode(Code { k: 1, m: 2 }, 64, &[5; 100], 1);
    let further: &[u8] = &more.pieces[2];
    for have in [vec![(2, further)], vec![(2, further), (1, &few.pieces[1])]] {
        let first = restore_piece(identity(1), few.layout, 0, &have).unwrap();
        assert_eq!(first, few.pieces[0]);
    }
    let cell = &further[range(more.layout.slice(0, 0..64))];
    assert_eq!(decode(few.layout.code, &[(2, cell)], &[0]), Ok(vec![vec![5; 64]]));
    assert_eq!(restore_piece(identity(1), few.layout, 0, &[]), Err(NotEnough { have: 0, need: 1 }));
}

/// From whichever k pieces: what comes out is what the payload would have been coded as at first.
#[test]
fn a_segment_coded_anew_is_as_if_it_had_always_been() {
    let payload = Dice::new(9).vec(64 * 11 + 5);
    for from in CODES {
        let old = encode(from, 64, &payload, 3);
        for to in CODES {
            let first = encode(to, 64, &payload, 3);
            for chosen in choices(from.n(), from.k) {
                let have: Vec<(u8, Bytes)> =
                    chosen.iter().map(|index| (*index, old.pieces[usize::from(*index)].clone())).collect();
                let anew = code_anew(identity(3), old.layout, &have, to).unwrap();
                assert_eq!((anew.layout, &anew.pieces), (first.layout, &first.pieces), "{from} to {to}");
            }
        }
        if from.k > 1 {
            let have = vec![(0, old.pieces[0].clone())];
            assert!(code_anew(identity(3), old.layout, &have, from).is_err());
        }
    }
}

/// The parity of fixed bytes: if the erasure code ever changed, old segments could not be decoded.
#[test]
fn parity_is_what_it_was() {
    let payload = Dice::new(4).vec(64 * 12);
    let parity = |code: Code| {
        let encoded = encode(code, 64, &payload, 5);
        let cells = (code.k..code.n()).flat_map(|index| cell(&encoded, index, 0).to_vec());
        cells.collect::<Vec<u8>>()
    };
    let names: Vec<String> = CODES.iter().map(|code| format!("parity {code}")).collect();
    let mut values = vec![("payload", payload.clone())];
    values.extend(names.iter().zip(CODES).map(|(name, code)| (name.as_str(), parity(code))));
    crate::testing::check_vectors("parity.txt", &values);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_k_pieces_give_every_piece_back(
        seed: u64,
        code in prop::sample::select(&CODES),
        cells in 1u32..4,
        length in 1usize..2000,
    ) {
        let payload = Dice::new(seed).vec(length);
        let encoded = encode(code, cells * 64, &payload, seed);
        for (index, piece) in (0..).zip(&encoded.pieces) {
            let header = verify_piece(piece).unwrap();
            prop_assert_eq!((header.identity(), header.index), (identity(seed), index));
            prop_assert_eq!(Layout::of(&header), encoded.layout);
        }
        prop_assert_eq!(encoded.payload(0..length as u64), payload);
        for kept in choices(code.n(), code.k) {
            let have: Vec<(u8, &[u8])> =
                kept.iter().map(|index| (*index, &encoded.pieces[usize::from(*index)][..])).collect();
            for index in 0..code.n() {
                let restored = restore_piece(identity(seed), encoded.layout, index, &have).unwrap();
                prop_assert_eq!(&restored, &encoded.pieces[usize::from(index)], "{} from {:?}", index, &kept);
            }
        }
    }

    #[test]
    fn aligned_slices_decode_alone(
        seed: u64,
        code in prop::sample::select(&CODES),
        from in 0u32..4,
        to in 0u32..4,
    ) {
        let encoded = encode(code, 256, &Dice::new(seed).vec(usize::from(code.k) * 256), seed);
        let slice = from.min(to) * 64..(from.max(to) + 1) * 64;
        let part = |index: u8| &encoded.pieces[usize::from(index)][range(encoded.layout.slice(0, slice.clone()))];
        let all: Vec<u8> = (0..code.n()).collect();
        let cells: Vec<Vec<u8>> = all.iter().map(|index| part(*index).to_vec()).collect();
        for kept in choices(code.n(), code.k) {
            let have: Vec<(u8, &[u8])> = kept.iter().map(|index| (*index, part(*index))).collect();
            prop_assert_eq!(&decode(code, &have, &all).unwrap(), &cells, "from {:?}", &kept);
        }
    }

    #[test]
    fn recoding_is_coding_the_payload_again(
        seed: u64,
        from in prop::sample::select(&CODES),
        to in prop::sample::select(&CODES),
        length in 1usize..1500,
    ) {
        let payload = Dice::new(seed).vec(length);
        let recoded = encode(from, 128, &payload, seed).recode(to, identity(seed + 1));
        let afresh = encode(to, 128, &payload, seed + 1);
        prop_assert_eq!(recoded.layout, afresh.layout);
        prop_assert_eq!(recoded.pieces, afresh.pieces);
    }
}
