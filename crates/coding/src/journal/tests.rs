#![expect(clippy::cast_possible_truncation, reason = "tests choose numbers that fit")]

use proptest::prelude::*;

use super::*;
use crate::keys::RootKey;
use crate::piece::tests::identity;
use crate::testing::{CODES, Dice, check_vectors, outside};

const QUAD: Code = Code { k: 2, m: 2 };

fn journal(seed: u64) -> Identity {
    Identity { kind: SegmentKind::Journal, ..identity(seed) }
}

fn item(dice: &mut Dice, record: usize, body: Option<usize>) -> Item {
    Item { encoded: dice.vec(record).into(), body: body.map(|length| dice.vec(length).into()) }
}

fn payload(sealed: &Sealed) -> Vec<u8> {
    sealed.encoded.payload(0..sealed.encoded.layout.length)
}

fn open_with(payload: &[u8], secret: &LabelSecret) -> Result<Opened, OpenError> {
    open(payload, |tag| (tag == secret.tag()).then_some(secret))
}

fn check(code: Code, items: &[Item], seed: u64) {
    let outside = outside(seed);
    let secret = LabelSecret::random(&outside);
    let sealed = seal(code, journal(seed), &secret, None, items, &outside);
    let layout = sealed.encoded.layout;
    assert_eq!(layout.rows(), 1, "all lies in one stripe");
    let payload = payload(&sealed);
    let opened = open_with(&payload, &secret).unwrap();
    assert_eq!((opened.segment, opened.stream), (journal(seed).segment, journal(seed).stream));
    assert_eq!(opened.items.len(), items.len());
    for ((item, extent), (record, place)) in items.iter().zip(&sealed.extents).zip(&opened.items) {
        assert_eq!((&item.encoded, extent), (record, place));
        let found = extent.map(|(offset, length)| {
            assert_eq!(layout.locate(offset..offset + length).count(), 1, "a body lies in one cell");
            Bytes::copy_from_slice(&payload[offset as usize..(offset + length) as usize])
        });
        assert_eq!(found, item.body);
    }
    let head = head_length(&payload).unwrap();
    let alone = &payload[..head as usize];
    assert_eq!(open_head(alone, layout.length, |_| Some(&secret)).unwrap().items, opened.items);
    assert!(open_head(&alone[..alone.len() - 1], layout.length, |_| Some(&secret)).is_err());
}

#[test]
fn a_lone_small_object_costs_little_more_than_itself() {
    let mut dice = Dice::new(1);
    let outside = outside(1);
    let items = [item(&mut dice, 600, Some(4096 + 16))];
    let sealed = seal(QUAD, journal(1), &LabelSecret::random(&outside), None, &items, &outside);
    assert_eq!(sealed.encoded.layout.cell, 4160, "a cell is just the body");
    assert_eq!(sealed.encoded.pieces.len(), 4);
}

#[test]
fn a_full_batch_has_little_slack() {
    let mut dice = Dice::new(2);
    let outside = outside(2);
    for body in [1 << 20, 70_000, 4_112] {
        let items: Vec<Item> =
            (0..crate::limits::BATCH_BYTES_MAX / body).map(|_| item(&mut dice, 500, Some(body))).collect();
        let bytes: usize = items.iter().map(|item| item.encoded.len() + item.body.as_ref().map_or(0, Bytes::len)).sum();
        for code in [QUAD, Code { k: 3, m: 2 }] {
            let sealed = seal(code, journal(2), &LabelSecret::random(&outside), None, &items, &outside);
            let cells = u64::from(sealed.encoded.layout.cell) * u64::from(code.k);
            // Eight bodies of 1 MiB over three cells cannot but leave room for a ninth.
            let limit = if body == 1 << 20 && code.k == 3 { 9.2 / 8.0 } else { 1.04 };
            assert!((cells as f64) < bytes as f64 * limit, "{body} at {code}: {cells} for {bytes}");
        }
    }
}

#[test]
fn sealing_again_shares_nothing_but_the_content() {
    let mut dice = Dice::new(3);
    let outside = outside(3);
    let secret = LabelSecret::random(&outside);
    let items = [item(&mut dice, 100, None)];
    let (one, two) = (
        seal(QUAD, journal(3), &secret, None, &items, &outside),
        seal(QUAD, journal(4), &secret, None, &items, &outside),
    );
    let (one, two) = (payload(&one), payload(&two));
    assert_ne!(one[CLEAR..], two[CLEAR..]);
    assert_eq!(open_with(&one, &secret).unwrap().items, open_with(&two, &secret).unwrap().items);
}

#[test]
fn the_root_key_alone_opens_the_control_stream() {
    let outside = outside(5);
    let (root, secret) = (RootKey::generate(&outside), LabelSecret::random(&outside));
    let wrapped = root.wrap_label(&secret, None, 1, &outside);
    let items = [item(&mut Dice::new(5), 100, None)];
    let payload = payload(&seal(QUAD, journal(5), &secret, Some(&wrapped), &items, &outside));
    let found = control_key(&payload).unwrap().unwrap();
    assert_eq!(found, wrapped);
    assert_eq!(stream_key(&payload), Ok(secret.tag()));
    let secret = root.unwrap_label(&found).unwrap();
    assert_eq!(open_with(&payload, &secret).unwrap().control, Some(wrapped));
}

#[test]
fn a_missing_key_and_a_wrong_key_are_told_apart() {
    let outside = outside(6);
    let secret = LabelSecret::random(&outside);
    let payload = payload(&seal(QUAD, journal(6), &secret, None, &[item(&mut Dice::new(6), 10, None)], &outside));
    let none = open(&payload, |_| None::<LabelSecret>);
    assert_eq!(none.map(|_| ()), Err(OpenError::NoKey(secret.tag())));
    let wrong = open(&payload, |_| Some(LabelSecret::random(&outside)));
    assert_eq!(wrong.map(|_| ()), Err(OpenError::Tampered));
}

#[test]
fn every_flipped_bit_in_front_of_the_bodies_is_noticed() {
    let outside = outside(7);
    let (root, secret) = (RootKey::generate(&outside), LabelSecret::random(&outside));
    let wrapped = root.wrap_label(&secret, None, 1, &outside);
    let items = [item(&mut Dice::new(7), 100, None), item(&mut Dice::new(8), 40, None)];
    let payload = payload(&seal(QUAD, journal(7), &secret, Some(&wrapped), &items, &outside));
    assert!(open_with(&payload, &secret).is_ok());
    for bit in 0..payload.len() * 8 {
        let mut changed = payload.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(open_with(&changed, &secret).is_err(), "bit {bit}");
    }
    for length in 0..payload.len() {
        assert!(open_with(&payload[..length], &secret).is_err(), "cut to {length}");
    }
}

#[test]
fn a_newer_version_is_refused_as_newer() {
    let outside = outside(9);
    let secret = LabelSecret::random(&outside);
    let mut payload = payload(&seal(QUAD, journal(9), &secret, None, &[], &outside));
    payload[9] = 2;
    let newer = FormatError::Newer { what: "journal segment", found: 2, known: 1 };
    assert_eq!(control_key(&payload), Err(newer.clone()));
    assert_eq!(open_with(&payload, &secret).map(|_| ()), Err(OpenError::Format(newer)));
}

#[test]
fn the_format_is_that_of_the_vectors() {
    let outside = outside(10);
    let mut dice = Dice::new(10);
    let (root, secret) = (RootKey::generate(&outside), LabelSecret::random(&outside));
    let wrapped = root.wrap_label(&secret, None, 1, &outside);
    let items = [item(&mut dice, 30, Some(100)), item(&mut dice, 20, None)];
    let sealed = seal(QUAD, journal(10), &secret, Some(&wrapped), &items, &outside);
    check_vectors(
        "journal.txt",
        &[
            ("root", root.expose().to_vec()),
            ("record 0", items[0].encoded.to_vec()),
            ("body 0", items[0].body.clone().unwrap().to_vec()),
            ("record 1", items[1].encoded.to_vec()),
            ("payload", payload(&sealed)),
        ],
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_batch_survives_sealing(
        seed: u64,
        code in prop::sample::select(&CODES),
        sizes in prop::collection::vec((0usize..600, prop::option::of(16usize..20_000)), 0..20),
    ) {
        let mut dice = Dice::new(seed);
        let items: Vec<Item> = sizes.into_iter().map(|(record, body)| item(&mut dice, record, body)).collect();
        check(code, &items, seed);
    }

    #[test]
    fn bodies_never_overlap_nor_cross_a_cell(
        code in prop::sample::select(&CODES),
        head in 200usize..100_000,
        bodies in prop::collection::vec(prop_oneof![Just(0usize), 16usize..3_000, 16usize..1 << 20], 0..60),
    ) {
        let plan = Plan::fit(code, head, &bodies);
        prop_assert!(plan.cell.is_multiple_of(ALIGN) && plan.length <= plan.cell * usize::from(code.k));
        let mut used: Vec<(usize, usize)> =
            plan.places.iter().zip(&bodies).filter_map(|(place, body)| place.map(|at| (at, at + body))).collect();
        prop_assert_eq!(used.len(), bodies.iter().filter(|body| **body > 0).count());
        prop_assert!(used.iter().all(|(start, end)| start / plan.cell == (end - 1) / plan.cell));
        used.push((0, head));
        used.sort_unstable();
        prop_assert!(used.windows(2).all(|pair| pair[0].1 <= pair[1].0));
        prop_assert!(used.last().is_some_and(|(_, end)| *end == plan.length));
    }
}
