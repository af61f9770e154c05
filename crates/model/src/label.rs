//! The label: level, compartments, releasability, integrity, under one policy table; and its order.
//!
//! `a <= b` says that what is labelled `a` may flow to where `b` is: the levels rise, the compartments
//! grow, the nations it is released to become fewer, the integrity falls. The bytes are written so that
//! in each of them more means higher (`docs/formats/label.md`): releasability as the nations it is
//! *withheld* from, integrity as the steps *below the highest*. So all zero bytes are the lowest label of
//! table 0, and the whole order is one rule: nothing of the lower exceeds the upper.
//!
//! The kernel depends on nothing, compares without a branch and knows no names: those are in the policy
//! tables. Its laws are checked in `label/tests` and proven from the same constants by
//! `cargo xtask judge labels`.

mod bits;
mod range;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;

pub use bits::{Compartments, Nations};
pub use range::LabelRange;

/// Which policy table a label is of. Labels of different tables are not comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub u16);

/// How sensitive: a number that a policy table names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(pub u8);

/// How trustworthy: steps below the highest integrity, so that the number rises as trust falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Integrity {
    pub below_highest: u8,
}

impl Integrity {
    pub const HIGHEST: Integrity = Integrity { below_highest: 0 };
}

/// A label taken apart. Not ordered: the order is that of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parts {
    pub table: TableId,
    pub level: Level,
    pub integrity: Integrity,
    /// A reader must hold them all.
    pub compartments: Compartments,
    /// A reader of these nations is refused.
    pub withheld: Nations,
}

/// Where a part lies in the canonical bytes; numbers are big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub at: usize,
    pub bytes: usize,
    pub kind: FieldKind,
}

/// How a part is compared and combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Must be equal.
    Same,
    /// A number: the greater dominates.
    Number,
    /// A set, the bit of value 2^i for its member i: the superset dominates.
    Set,
}

const TABLE: Field = Field { name: "table", at: 0, bytes: 2, kind: FieldKind::Same };
const LEVEL: Field = Field { name: "level", at: 2, bytes: 1, kind: FieldKind::Number };
const INTEGRITY: Field = Field { name: "integrity", at: 3, bytes: 1, kind: FieldKind::Number };
const COMPARTMENTS: Field = Field { name: "compartments", at: 4, bytes: 16, kind: FieldKind::Set };
const WITHHELD: Field = Field { name: "withheld", at: 20, bytes: 32, kind: FieldKind::Set };

const _: () = {
    let [table, level, integrity, compartments, withheld] = Label::FIELDS;
    assert!(table.at == 0 && level.at == table.at + table.bytes && integrity.at == level.at + level.bytes);
    assert!(compartments.at == integrity.at + integrity.bytes);
    assert!(withheld.at == compartments.at + compartments.bytes);
    assert!(withheld.at + withheld.bytes == Label::BYTES);
};

/// A label as its canonical bytes; equal labels have equal bytes. `<=` is the order of the lattice:
/// [`PartialOrd`] compares nothing else, and there is no total order to mistake for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label([u8; Label::BYTES]);

impl Label {
    /// Length of the canonical bytes.
    pub const BYTES: usize = 52;

    /// The canonical bytes, field by field and without a gap.
    pub const FIELDS: [Field; 5] = [TABLE, LEVEL, INTEGRITY, COMPARTMENTS, WITHHELD];

    /// The lowest label of table 0, which is all zero bytes: what every record had before there were
    /// tables.
    pub const LOWEST: Label = Label::lowest_of(TableId(0));

    /// The label with these canonical bytes. Whether its table names everything in it is for the table
    /// to say.
    pub const fn from_canonical(bytes: [u8; Label::BYTES]) -> Label {
        Label(bytes)
    }

    /// The canonical bytes.
    pub const fn canonical(&self) -> &[u8; Label::BYTES] {
        &self.0
    }

    /// What every label of the table dominates.
    pub const fn lowest_of(table: TableId) -> Label {
        Label::of_table([0; Label::BYTES], table)
    }

    /// What dominates every label of the table.
    pub const fn highest_of(table: TableId) -> Label {
        Label::of_table([u8::MAX; Label::BYTES], table)
    }

    const fn of_table(mut bytes: [u8; Label::BYTES], table: TableId) -> Label {
        [bytes[0], bytes[1]] = table.0.to_be_bytes();
        Label(bytes)
    }

    /// Puts a label together.
    pub fn new(parts: Parts) -> Label {
        let mut label = Label::lowest_of(parts.table);
        label.put(LEVEL, [parts.level.0]);
        label.put(INTEGRITY, [parts.integrity.below_highest]);
        label.put(COMPARTMENTS, parts.compartments.to_bytes());
        label.put(WITHHELD, parts.withheld.to_bytes());
        label
    }

    /// Takes it apart.
    pub fn parts(&self) -> Parts {
        Parts {
            table: self.table(),
            level: Level(self.number(LEVEL)),
            integrity: Integrity { below_highest: self.number(INTEGRITY) },
            compartments: Compartments::from_bytes(self.take(COMPARTMENTS)),
            withheld: Nations::from_bytes(self.take(WITHHELD)),
        }
    }

    /// The policy table it is of.
    #[inline]
    pub fn table(&self) -> TableId {
        TableId(u16::from_be_bytes(self.take(TABLE)))
    }

    /// May what is labelled `lower` flow to here? Read it as `self >= lower`.
    ///
    /// One sum of what `lower` exceeds by and one comparison with zero: no branch and no early end, so
    /// the time taken tells nothing of the labels, and no case can be forgotten.
    #[inline]
    pub fn dominates(&self, lower: &Label) -> bool {
        let table = self.table().0 ^ lower.table().0;
        let level = lower.number(LEVEL).saturating_sub(self.number(LEVEL));
        let integrity = lower.number(INTEGRITY).saturating_sub(self.number(INTEGRITY));
        let compartments = Compartments::from_bytes(lower.take(COMPARTMENTS))
            .excess(Compartments::from_bytes(self.take(COMPARTMENTS)));
        let withheld = Nations::from_bytes(lower.take(WITHHELD)).excess(Nations::from_bytes(self.take(WITHHELD)));
        u128::from(table) | u128::from(level | integrity) | compartments | withheld == 0
    }

    /// The lowest label that dominates both, for what is made of both; none for labels of different
    /// tables.
    pub fn join(&self, other: &Label) -> Option<Label> {
        self.combine(other, u8::max, |one, two| one | two)
    }

    /// The highest label that both dominate; none for labels of different tables.
    pub fn meet(&self, other: &Label) -> Option<Label> {
        self.combine(other, u8::min, |one, two| one & two)
    }

    fn combine(&self, other: &Label, number: fn(u8, u8) -> u8, set: fn(u8, u8) -> u8) -> Option<Label> {
        let mut combined = *self;
        for (at, (one, two)) in combined.0.iter_mut().zip(other.0).enumerate() {
            *one = match Label::kind_at(at) {
                FieldKind::Same => *one,
                FieldKind::Number => number(*one, two),
                FieldKind::Set => set(*one, two),
            };
        }
        (self.table() == other.table()).then_some(combined)
    }

    const fn kind_at(at: usize) -> FieldKind {
        if at < LEVEL.at {
            TABLE.kind
        } else if at < COMPARTMENTS.at {
            LEVEL.kind
        } else {
            COMPARTMENTS.kind
        }
    }

    #[inline]
    fn number(&self, field: Field) -> u8 {
        let [number] = self.take(field);
        number
    }

    #[inline]
    fn take<const N: usize>(&self, field: Field) -> [u8; N] {
        let bytes = self.0.get(field.at..).and_then(<[u8]>::first_chunk);
        // The fields lie within the label: see the assertion on `FIELDS`.
        bytes.copied().unwrap_or([u8::MAX; N])
    }

    fn put<const N: usize>(&mut self, field: Field, bytes: [u8; N]) {
        for (to, from) in self.0.iter_mut().skip(field.at).zip(bytes) {
            *to = from;
        }
    }
}

/// The order of the lattice. Labels of different tables, and many of one, have none.
impl PartialOrd for Label {
    fn partial_cmp(&self, other: &Label) -> Option<Ordering> {
        match (other.dominates(self), self.dominates(other)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Less),
            (false, true) => Some(Ordering::Greater),
            (false, false) => None,
        }
    }

    fn le(&self, other: &Label) -> bool {
        other.dominates(self)
    }

    fn ge(&self, other: &Label) -> bool {
        self.dominates(other)
    }
}

/// For logs of developers: people read the banner that the policy table writes.
impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Label(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}
