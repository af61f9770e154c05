#![expect(clippy::cast_possible_truncation, reason = "tests choose numbers that fit")]

use proptest::prelude::*;

use super::*;
use crate::testing::{Dice, check_vectors, outside};

fn key() -> BodyKey {
    BodyKey::random(&outside(1))
}

const BODY: BodyId = BodyId([0xb0; 16]);

fn opens(key: &BodyKey, body: BodyId, number: u64, last: Last, sealed: &[u8]) -> bool {
    Sealer::new(key, body).open(number, last, &mut sealed.to_vec()).is_ok()
}

#[test]
fn a_full_chunk_is_exactly_one_cell() {
    assert_eq!(SEALED, crate::limits::CELL as usize);
    assert_eq!(seal_body(&key(), BODY, &vec![1; PLAIN]).len(), SEALED);
}

#[test]
fn lengths_are_those_of_the_sealed_bytes() {
    let unit = PLAIN as u64;
    for (plain, count) in [(0, 1), (1, 1), (unit - 1, 1), (unit, 1), (unit + 1, 2), (2 * unit, 2), (2 * unit + 1, 3)] {
        assert_eq!(chunks(plain), count, "{plain}");
        let sealed = seal_body(&key(), BODY, &vec![7; plain as usize]);
        assert_eq!(sealed.len() as u64, sealed_length(plain), "{plain}");
        assert_eq!(place(count - 1, plain).end, sealed_length(plain), "{plain}");
    }
}

#[test]
fn an_empty_body_is_one_empty_last_chunk() {
    let sealed = seal_body(&key(), BODY, &[]);
    assert_eq!(sealed.len(), TAG);
    assert!(opens(&key(), BODY, 0, Last::Yes, &sealed));
    assert!(!opens(&key(), BODY, 0, Last::No, &sealed));
}

#[test]
fn a_chunk_opens_only_in_its_place_under_its_key() {
    let mut sealed = vec![9; 100];
    Sealer::new(&key(), BODY).seal(5, Last::No, &mut sealed);
    assert!(opens(&key(), BODY, 5, Last::No, &sealed));
    assert!(!opens(&key(), BODY, 6, Last::No, &sealed));
    assert!(!opens(&key(), BODY, 5, Last::Yes, &sealed));
    assert!(!opens(&key(), BodyId([0xb1; 16]), 5, Last::No, &sealed));
    assert!(!opens(&BodyKey::from_bytes([3; 32]), BODY, 5, Last::No, &sealed));
}

#[test]
fn every_flipped_bit_of_a_chunk_is_noticed() {
    let sealed = seal_body(&key(), BODY, b"forty-two bytes of some very secret content");
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!opens(&key(), BODY, 0, Last::Yes, &changed), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(!opens(&key(), BODY, 0, Last::Yes, &sealed[..length]), "cut to {length}");
    }
}

#[test]
fn a_body_cut_off_at_a_chunk_is_noticed() {
    let plain = Dice::new(2).vec(3 * PLAIN);
    let sealed = seal_body(&key(), BODY, &plain);
    let cut = sealed[..2 * SEALED].to_vec();
    assert_eq!(open_body(&key(), BODY, 2 * PLAIN as u64, cut), Err(Tampered));
}

#[test]
fn the_format_is_that_of_the_vectors() {
    let plain = Dice::new(3).vec(48);
    let sealer = Sealer::new(&key(), BODY);
    let seal = |number, last| {
        let mut sealed = plain.clone();
        sealed.extend_from_slice(&[0; TAG]);
        sealer.seal(number, last, &mut sealed);
        sealed
    };
    check_vectors(
        "chunk.txt",
        &[
            ("key", key().expose().to_vec()),
            ("body", BODY.0.to_vec()),
            ("plaintext", plain.clone()),
            ("chunk 0, not last", seal(0, Last::No)),
            ("chunk 0, last", seal(0, Last::Yes)),
            ("chunk 258, last", seal(258, Last::Yes)),
            ("empty body", seal_body(&key(), BODY, &[])),
        ],
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_body_survives_sealing(seed: u64, length in 0..4 * PLAIN) {
        let plain = Dice::new(seed).vec(length);
        let sealed = seal_body(&key(), BODY, &plain);
        prop_assert_eq!(open_body(&key(), BODY, length as u64, sealed).unwrap(), plain);
    }

    #[test]
    fn the_chunks_that_cover_a_range_hold_just_it(start in 0..5 * PLAIN as u64, length in 0..3 * PLAIN as u64) {
        let covering = covering(&(start..start + length));
        if length > 0 {
            prop_assert!(covering.start * PLAIN as u64 <= start);
            prop_assert!((covering.start + 1) * PLAIN as u64 > start);
            prop_assert!(covering.end * PLAIN as u64 >= start + length);
            prop_assert!((covering.end - 1) * (PLAIN as u64) < start + length);
        } else {
            prop_assert!(covering.end - covering.start <= 1);
        }
    }
}
