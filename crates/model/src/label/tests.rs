mod laws;
mod variants;

use std::collections::BTreeSet;

use proptest::prelude::*;

use self::laws::{Kernel, Meaning};
use super::*;

/// Labels of full width: one with a single bit in each byte, and, from a fixed seed, some with bits
/// everywhere, each followed by one that is below it.
fn wide() -> Vec<Label> {
    let mut seed = 7_u64;
    let mut random = || {
        let mut bytes = [0; Label::BYTES];
        for byte in bytes.iter_mut().skip(2) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = seed.to_be_bytes()[0];
        }
        Label(bytes)
    };
    let pairs = (0..30).map(|_| [random(), random()]).flat_map(|[one, mask]| [one, below(&one, &mask)]);
    (0..Label::BYTES).map(single_bit).chain(pairs).chain([Label::LOWEST]).collect()
}

fn single_bit(byte: usize) -> Label {
    let mut bytes = [0; Label::BYTES];
    bytes[byte] = 1 << (byte % 8);
    Label(bytes)
}

fn any_label() -> impl Strategy<Value = Label> {
    (0_u16..2, any::<u8>(), any::<u8>(), any::<[u8; 48]>()).prop_map(|(table, level, integrity, sets)| {
        let mut bytes = [0; Label::BYTES];
        bytes[..2].copy_from_slice(&table.to_be_bytes());
        bytes[2..4].copy_from_slice(&[level, integrity]);
        bytes[4..].copy_from_slice(&sets);
        Label(bytes)
    })
}

/// A label of the same table that is lower or equal: every part taken down by a mask.
fn below(label: &Label, mask: &Label) -> Label {
    let mut bytes = label.0;
    bytes.iter_mut().zip(mask.0).skip(2).for_each(|(byte, mask)| *byte &= mask);
    Label(bytes)
}

#[test]
fn every_law_holds_for_every_three_labels_of_the_small_model() {
    let labels = laws::SMALL.labels();
    assert_eq!(labels.len(), 3 * 3 * 2 * 4 * 4);
    assert_eq!(Kernel::TRUE.broken(&labels).next(), None);
    assert_eq!(Kernel::TRUE.broken_meaning(&wide()), None);
}

#[test]
fn every_wrong_kernel_is_refuted() {
    let (small, wide) = (laws::SMALL.labels(), wide());
    let refuted = |kernel: &Kernel| kernel.broken(&small).next().or_else(|| kernel.broken_meaning(&wide));
    let survivors: Vec<&str> =
        variants::ALL.iter().filter(|(_, kernel)| refuted(kernel).is_none()).map(|(name, _)| *name).collect();
    assert_eq!(survivors, Vec::<&str>::new());
    assert!(variants::ALL.len() >= 20);
}

/// The laws alone, without the meaning written beside them, refute what is no lattice.
#[test]
fn every_law_is_what_refutes_some_wrong_kernel() {
    let labels = laws::TINY.labels();
    let broken: BTreeSet<&str> =
        variants::ALL.iter().flat_map(|(_, kernel)| kernel.broken(&labels)).map(|broken| broken.law).collect();
    let all = laws::LAWS.iter().map(|(law, _)| *law).chain([laws::MEANING, laws::CLOSED]);
    let idle: Vec<&str> = all.filter(|law| !broken.contains(law)).collect();
    assert_eq!(idle, Vec::<&str>::new());
}

#[test]
fn the_lowest_label_of_table_0_is_what_old_records_hold() {
    assert_eq!(Label::LOWEST.canonical(), &[0; Label::BYTES]);
    assert_eq!(Label::LOWEST, Label::lowest_of(TableId(0)));
    let parts = Label::LOWEST.parts();
    assert_eq!((parts.withheld, parts.integrity), (Nations::NONE, Integrity::HIGHEST));
}

/// The bytes of `docs/formats/label.md`.
#[test]
fn the_canonical_bytes_are_as_documented() {
    let label = Label::new(Parts {
        table: TableId(0x0102),
        level: Level(3),
        integrity: Integrity { below_highest: 4 },
        compartments: [Compartments::one(0), Compartments::one(127)].into_iter().collect(),
        withheld: [Nations::one(1), Nations::one(248)].into_iter().collect(),
    });
    let mut bytes = [0; Label::BYTES];
    bytes[..5].copy_from_slice(&[1, 2, 3, 4, 0x80]);
    bytes[19] = 1;
    bytes[20] = 1;
    bytes[51] = 2;
    assert_eq!(label.canonical(), &bytes);
}

#[test]
fn a_number_past_the_last_compartment_is_none() {
    assert_eq!(Compartments::one(127).iter().collect::<Vec<u8>>(), [127]);
    assert_eq!(Compartments::one(128), Compartments::NONE);
}

proptest! {
    #[test]
    fn parts_and_bytes_are_two_views_of_one_label(label in any_label()) {
        prop_assert_eq!(Label::new(label.parts()), label);
        prop_assert_eq!(Label::from_canonical(*label.canonical()), label);
        let parts = label.parts();
        prop_assert_eq!(parts.withheld.iter().map(Nations::one).collect::<Nations>(), parts.withheld);
        prop_assert_eq!(parts.compartments.iter().map(Compartments::one).collect::<Compartments>(), parts.compartments);
        prop_assert_eq!(parts.withheld.complement().complement(), parts.withheld);
    }

    #[test]
    fn the_order_is_what_it_means_at_full_width(a in any_label(), b in any_label(), mask in any_label()) {
        for (a, b) in [(a, b), (below(&a, &mask), a), (a, below(&a, &mask)), (a, a)] {
            let (one, two) = (Meaning::of(&a), Meaning::of(&b));
            prop_assert_eq!(b.dominates(&a), one.may_flow_to(&two));
            prop_assert_eq!(a <= b, b.dominates(&a));
            prop_assert_eq!(b >= a, b.dominates(&a));
            prop_assert_eq!(a.join(&b).map(|join| Meaning::of(&join)), one.join(&two));
            prop_assert_eq!(a.meet(&b).map(|meet| Meaning::of(&meet)), one.meet(&two));
        }
    }

    #[test]
    fn the_laws_hold_at_full_width(a in any_label(), b in any_label(), c in any_label()) {
        let broken = Kernel::TRUE.broken(&closed(vec![a, b, c])).next();
        prop_assert_eq!(broken, None);
    }

    #[test]
    fn one_bit_more_is_higher_and_never_equal(label in any_label(), bit in 16_usize..Label::BYTES * 8) {
        let mut bytes = label.0;
        bytes[bit / 8] |= 0x80 >> (bit % 8);
        let higher = Label(bytes);
        prop_assert_eq!(higher.dominates(&label), true);
        prop_assert_eq!(label.dominates(&higher), higher == label);
        prop_assert_eq!(label.partial_cmp(&higher), Some(if higher == label { Ordering::Equal } else { Ordering::Less }));
    }
}

/// The labels with all that can be made of them by join and meet: at most 18 of three.
fn closed(mut labels: Vec<Label>) -> Vec<Label> {
    loop {
        let pairs = labels.iter().flat_map(|one| labels.iter().map(move |two| (one, two)));
        let made = pairs.flat_map(|(one, two)| [one.join(two), one.meet(two)]).flatten();
        let Some(new) = made.into_iter().find(|made| !labels.contains(made)) else { return labels };
        labels.push(new);
    }
}
