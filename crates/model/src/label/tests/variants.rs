//! Kernels that are wrong on purpose, each by one slip that a person could make.

use std::cmp::Ordering;

use super::super::{Label, Level, Parts};
use super::laws::Kernel;

const TRUE: Kernel = Kernel::TRUE;

/// One slip each.
pub const ALL: &[(&str, Kernel)] = &[
    // Levels.
    (
        "a level one higher is let through",
        Kernel { leq: |a, b| b.dominates(&level(a, |l| l.saturating_sub(1))), ..TRUE },
    ),
    ("the own level is not reached", Kernel { leq: |a, b| b.dominates(&level(a, |l| l.saturating_add(1))), ..TRUE }),
    ("levels the wrong way round", Kernel { leq: |a, b| level_of(b, a).dominates(&level_of(a, b)), ..TRUE }),
    ("levels forgotten", Kernel { leq: |a, b| b.dominates(&level_of(a, b)), ..TRUE }),
    ("levels must be equal", Kernel { leq: |a, b| b.dominates(a) && byte(a, 2) == byte(b, 2), ..TRUE }),
    ("levels compared as signed numbers", Kernel { leq: signed_levels, ..TRUE }),
    ("join takes the lower level", Kernel { join: |a, b| swap(a.join(b), a.meet(b), 2..3), ..TRUE }),
    ("meet takes the higher level", Kernel { meet: |a, b| swap(a.meet(b), a.join(b), 2..3), ..TRUE }),
    // Integrity.
    (
        "integrity rises with the label",
        Kernel { leq: |a, b| exchange(b, a, 3..4).dominates(&exchange(a, b, 3..4)), ..TRUE },
    ),
    ("integrity forgotten", Kernel { leq: |a, b| b.dominates(&exchange(a, b, 3..4)), ..TRUE }),
    ("join keeps the higher integrity", Kernel { join: |a, b| swap(a.join(b), a.meet(b), 3..4), ..TRUE }),
    ("meet keeps the lower integrity", Kernel { meet: |a, b| swap(a.meet(b), a.join(b), 3..4), ..TRUE }),
    // Compartments.
    (
        "the reader's compartments must be among the object's",
        Kernel { leq: |a, b| exchange(b, a, 4..20).dominates(&exchange(a, b, 4..20)), ..TRUE },
    ),
    ("compartments forgotten", Kernel { leq: |a, b| b.dominates(&exchange(a, b, 4..20)), ..TRUE }),
    ("one compartment in common is enough", Kernel { leq: one_in_common, ..TRUE }),
    ("as many compartments are enough", Kernel { leq: as_many, ..TRUE }),
    ("only the last 64 compartments are looked at", Kernel { leq: |a, b| b.dominates(&exchange(a, b, 4..12)), ..TRUE }),
    (
        "one byte of compartments in the middle is passed over",
        Kernel { leq: |a, b| b.dominates(&exchange(a, b, 11..12)), ..TRUE },
    ),
    ("join intersects compartments", Kernel { join: |a, b| swap(a.join(b), a.meet(b), 4..20), ..TRUE }),
    (
        "join takes compartments that only one has",
        Kernel { join: |a, b| a.join(b).map(|join| differing(&join, a, b, 4..20)), ..TRUE },
    ),
    ("meet unites compartments", Kernel { meet: |a, b| swap(a.meet(b), a.join(b), 4..20), ..TRUE }),
    // Releasability.
    (
        "releasability reversed",
        Kernel { leq: |a, b| exchange(b, a, 20..52).dominates(&exchange(a, b, 20..52)), ..TRUE },
    ),
    (
        "releasability reversed everywhere, a lattice too",
        Kernel {
            leq: |a, b| exchange(b, a, 20..52).dominates(&exchange(a, b, 20..52)),
            join: |a, b| swap(a.join(b), a.meet(b), 20..52),
            meet: |a, b| swap(a.meet(b), a.join(b), 20..52),
        },
    ),
    ("releasability forgotten", Kernel { leq: |a, b| b.dominates(&exchange(a, b, 20..52)), ..TRUE }),
    ("only the first 128 nations are looked at", Kernel { leq: |a, b| b.dominates(&exchange(a, b, 20..36)), ..TRUE }),
    (
        "one byte of nations in the middle is passed over",
        Kernel { leq: |a, b| b.dominates(&exchange(a, b, 30..31)), ..TRUE },
    ),
    ("join is released to what either is", Kernel { join: |a, b| swap(a.join(b), a.meet(b), 20..52), ..TRUE }),
    ("meet is released to what both are", Kernel { meet: |a, b| swap(a.meet(b), a.join(b), 20..52), ..TRUE }),
    // Tables.
    ("tables forgotten", Kernel { leq: |a, b| b.dominates(&exchange(a, b, 0..2)), ..TRUE }),
    ("tables in order", Kernel { leq: |a, b| b.dominates(&exchange(a, b, 0..2)) && a.table() <= b.table(), ..TRUE }),
    ("only one byte of tables is looked at", Kernel { leq: |a, b| b.dominates(&exchange(a, b, 0..1)), ..TRUE }),
    ("join reaches across tables", Kernel { join: |a, b| exchange(a, b, 0..2).join(b), ..TRUE }),
    ("meet reaches across tables", Kernel { meet: |a, b| exchange(a, b, 0..2).meet(b), ..TRUE }),
    (
        "what is lowest in its table is below all tables",
        Kernel { leq: |a, b| b.dominates(a) || *a == Label::lowest_of(a.table()), ..TRUE },
    ),
    // The whole.
    ("strictly below only", Kernel { leq: |a, b| b.dominates(a) && a != b, ..TRUE }),
    ("the order of the bytes", Kernel { leq: |a, b| a.canonical() <= b.canonical(), ..TRUE }),
    ("what is not above is below", Kernel { leq: |a, b| !a.dominates(b) || a == b, ..TRUE }),
    ("upside down", Kernel { leq: |a, b| a.dominates(b), join: Label::meet, meet: Label::join }),
    ("everything is below everything", Kernel { leq: |_, _| true, ..TRUE }),
    ("nothing is below anything", Kernel { leq: |_, _| false, ..TRUE }),
    ("equal labels only", Kernel { leq: |a, b| a == b, ..TRUE }),
    ("join is the first", Kernel { join: |a, b| a.join(b).map(|_| *a), ..TRUE }),
    ("join is the top", Kernel { join: |a, b| a.join(b).map(|_| Label::highest_of(a.table())), ..TRUE }),
    (
        "join is the greater in bytes",
        Kernel { join: |a, b| a.join(b).map(|_| if a.0 > b.0 { *a } else { *b }), ..TRUE },
    ),
    ("join of comparable labels only", Kernel { join: |a, b| a.partial_cmp(b).and_then(|_| a.join(b)), ..TRUE }),
    ("meet of comparable labels only", Kernel { meet: |a, b| a.partial_cmp(b).and_then(|_| a.meet(b)), ..TRUE }),
    ("meet is the second", Kernel { meet: |a, b| a.meet(b).map(|_| *b), ..TRUE }),
    ("meet is the bottom", Kernel { meet: |a, b| a.meet(b).map(|_| Label::lowest_of(a.table())), ..TRUE }),
    ("meet is the difference", Kernel { meet: |a, b| a.meet(b).map(|meet| differing(&meet, a, b, 2..52)), ..TRUE }),
];

fn byte(label: &Label, at: usize) -> u8 {
    label.canonical()[at]
}

fn level(label: &Label, change: fn(u8) -> u8) -> Label {
    let parts = label.parts();
    Label::new(Parts { level: Level(change(parts.level.0)), ..parts })
}

fn level_of(label: &Label, other: &Label) -> Label {
    exchange(label, other, 2..3)
}

/// The label with these bytes of the other.
fn exchange(label: &Label, other: &Label, at: std::ops::Range<usize>) -> Label {
    let mut bytes = *label.canonical();
    bytes[at.clone()].copy_from_slice(&other.canonical()[at]);
    Label::from_canonical(bytes)
}

/// The label with, in these bytes, the bits that are in one of the two and not in the other.
fn differing(label: &Label, a: &Label, b: &Label, at: std::ops::Range<usize>) -> Label {
    let mut bytes = *label.canonical();
    at.for_each(|at| bytes[at] = byte(a, at) ^ byte(b, at));
    Label::from_canonical(bytes)
}

fn swap(one: Option<Label>, other: Option<Label>, at: std::ops::Range<usize>) -> Option<Label> {
    one.zip(other).map(|(one, other)| exchange(&one, &other, at))
}

fn signed_levels(a: &Label, b: &Label) -> bool {
    let signed = |label| i8::from_be_bytes([byte(label, 2)]);
    signed(a).cmp(&signed(b)) != Ordering::Greater && b.dominates(&level_of(a, b))
}

fn one_in_common(a: &Label, b: &Label) -> bool {
    let none = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let (one, two) = (&a.canonical()[4..20], &b.canonical()[4..20]);
    let common: Vec<u8> = one.iter().zip(two).map(|(one, two)| one & two).collect();
    b.dominates(&exchange(a, b, 4..20)) && (none(one) || !none(&common))
}

fn as_many(a: &Label, b: &Label) -> bool {
    let count = |label: &Label| label.canonical()[4..20].iter().map(|byte| byte.count_ones()).sum::<u32>();
    b.dominates(&exchange(a, b, 4..20)) && count(a) <= count(b)
}
