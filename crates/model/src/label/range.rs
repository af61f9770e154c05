//! Between two labels: what an enclave is accredited for, what a person is cleared for, what may lie at
//! a site.

use super::Label;

/// The labels from `low` to `high`, both among them. A ceiling is a range that begins at its table's
/// lowest label; a clearance is the range of the session labels that a person may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LabelRange {
    low: Label,
    high: Label,
}

impl LabelRange {
    /// None if `high` does not dominate `low`: such a range would hold nothing.
    pub fn new(low: Label, high: Label) -> Option<LabelRange> {
        (low <= high).then_some(LabelRange { low, high })
    }

    /// All labels of the table up to `high`.
    pub fn up_to(high: Label) -> LabelRange {
        LabelRange { low: Label::lowest_of(high.table()), high }
    }

    pub const fn low(&self) -> Label {
        self.low
    }

    pub const fn high(&self) -> Label {
        self.high
    }

    pub fn contains(&self, label: &Label) -> bool {
        self.low <= *label && *label <= self.high
    }

    /// Is all of `other` within?
    pub fn covers(&self, other: &LabelRange) -> bool {
        self.contains(&other.low) && self.contains(&other.high)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Label, Level, Parts, TableId};
    use super::LabelRange;

    fn at(level: u8) -> Label {
        Label::new(Parts { level: Level(level), ..Label::LOWEST.parts() })
    }

    #[test]
    fn a_range_holds_what_lies_between_and_nothing_of_another_table() {
        let range = LabelRange::new(at(1), at(3)).unwrap();
        let inside: Vec<u8> = (0..6).filter(|level| range.contains(&at(*level))).collect();
        assert_eq!(inside, [1, 2, 3]);
        assert!(!range.contains(&Label::lowest_of(TableId(1))));
        assert_eq!(LabelRange::new(at(3), at(1)), None);
        assert_eq!(LabelRange::new(at(0), Label::highest_of(TableId(1))), None);
    }

    #[test]
    fn a_ceiling_begins_at_the_bottom() {
        let ceiling = LabelRange::up_to(at(2));
        assert!(ceiling.contains(&Label::LOWEST) && ceiling.contains(&at(2)) && !ceiling.contains(&at(3)));
        assert!(ceiling.covers(&LabelRange::new(at(1), at(2)).unwrap()));
        assert!(!ceiling.covers(&LabelRange::new(at(1), at(3)).unwrap()));
    }
}
