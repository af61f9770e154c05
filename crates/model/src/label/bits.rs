//! Sets of fixed width: 128 compartments, 256 nations. What a number stands for is in the policy tables.

/// A set of compartments, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Compartments(u128);

/// A set of nations, by number. Groups of nations are spelt out into their members and have no number
/// of their own: a group that grows must not release what was marked before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Nations {
    /// Numbers from 128.
    high: u128,
    /// Numbers below 128.
    low: u128,
}

impl Compartments {
    pub const NONE: Compartments = Compartments(0);
    /// Numbers there are.
    pub const COUNT: usize = 128;

    /// That one alone; the empty set from 128 on.
    pub fn one(number: u8) -> Compartments {
        Compartments(1_u128.checked_shl(number.into()).unwrap_or(0))
    }

    #[must_use]
    pub const fn union(self, other: Compartments) -> Compartments {
        Compartments(self.0 | other.0)
    }

    #[must_use]
    pub const fn without(self, other: Compartments) -> Compartments {
        Compartments(self.0 & !other.0)
    }

    pub const fn is_subset(self, other: Compartments) -> bool {
        self.excess(other) == 0
    }

    /// Numbers of the members, rising.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..=127).filter(move |number| Compartments::one(*number).is_subset(self))
    }

    /// The members that the other lacks, as bits.
    #[inline]
    pub(super) const fn excess(self, other: Compartments) -> u128 {
        self.0 & !other.0
    }

    #[inline]
    pub(super) const fn from_bytes(bytes: [u8; 16]) -> Compartments {
        Compartments(u128::from_be_bytes(bytes))
    }

    pub(super) const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl Nations {
    pub const NONE: Nations = Nations { high: 0, low: 0 };
    /// Every number, also those that stand for no nation yet.
    pub const ALL: Nations = Nations { high: u128::MAX, low: u128::MAX };

    /// That one alone.
    pub const fn one(number: u8) -> Nations {
        match number {
            0..=127 => Nations { high: 0, low: 1 << number },
            128..=255 => Nations { high: 1 << (number - 128), low: 0 },
        }
    }

    #[must_use]
    pub const fn union(self, other: Nations) -> Nations {
        Nations { high: self.high | other.high, low: self.low | other.low }
    }

    #[must_use]
    pub const fn without(self, other: Nations) -> Nations {
        Nations { high: self.high & !other.high, low: self.low & !other.low }
    }

    /// Every number that is not in it.
    #[must_use]
    pub const fn complement(self) -> Nations {
        Nations::ALL.without(self)
    }

    pub const fn is_subset(self, other: Nations) -> bool {
        self.excess(other) == 0
    }

    pub const fn contains(self, number: u8) -> bool {
        Nations::one(number).is_subset(self)
    }

    /// Numbers of the members, rising.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..=255).filter(move |number| self.contains(*number))
    }

    /// Nothing but whether it is zero has a meaning: the members that the other lacks, both halves over
    /// each other.
    #[inline]
    pub(super) const fn excess(self, other: Nations) -> u128 {
        (self.high & !other.high) | (self.low & !other.low)
    }

    #[inline]
    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Nations {
        match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(high), Some(low)) => Nations { high: u128::from_be_bytes(*high), low: u128::from_be_bytes(*low) },
            // There are 32 bytes; if there were not, what is withheld from all is safe.
            _ => Nations::ALL,
        }
    }

    pub(super) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let halves = self.high.to_be_bytes().into_iter().chain(self.low.to_be_bytes());
        bytes.iter_mut().zip(halves).for_each(|(to, from)| *to = from);
        bytes
    }
}

impl FromIterator<Compartments> for Compartments {
    fn from_iter<I: IntoIterator<Item = Compartments>>(all: I) -> Compartments {
        all.into_iter().fold(Compartments::NONE, Compartments::union)
    }
}

impl FromIterator<Nations> for Nations {
    fn from_iter<I: IntoIterator<Item = Nations>>(all: I) -> Nations {
        all.into_iter().fold(Nations::NONE, Nations::union)
    }
}
