//! The policy table of the enclave's labels, and the range of them it is accredited for.

use model::{Label, LabelRange};
use policy::labels::{Table, Tables};

/// The table that is meant when none is named. Its lowest label is all that data had before there were
/// tables.
pub const DEFAULT_TABLE: &str = "us";

/// How the highest label of a table is written, which no marks of it say.
const EVERYTHING: &str = "everything";

/// What the labels of this enclave are called, and which there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accreditation {
    pub range: LabelRange,
}

impl Accreditation {
    /// Up to the highest label of the default table: of an enclave on one's own machine.
    pub fn of_ones_own() -> Accreditation {
        Accreditation { range: LabelRange::up_to(Label::highest_of(Label::LOWEST.table())) }
    }

    /// The table its labels are of; `None` if this Entente does not have it.
    pub fn table(&self) -> Option<&'static Table> {
        Tables::shipped().of(&self.range.low())
    }

    /// A label as people write it; why it is none, for them.
    pub fn parse(&self, text: &str) -> Result<Label, String> {
        // What is written is read again: no mark says it, and whoever is to see the whole enclave needs it.
        if self.has_everything() && text.trim().eq_ignore_ascii_case(EVERYTHING) {
            return Ok(self.range.high());
        }
        let table = self.table().ok_or("the policy table of this enclave is not here")?;
        table.parse(text).map_err(|error| format!("`{text}`: {error}"))
    }

    /// A label as people read it.
    pub fn banner(&self, label: &Label) -> String {
        if self.has_everything() && *label == self.range.high() {
            return EVERYTHING.to_owned();
        }
        let banner = self.table().and_then(|table| table.banner(label).ok());
        banner.unwrap_or_else(|| format!("{label:?}"))
    }

    /// Whether the range goes up to where there is nothing above.
    fn has_everything(&self) -> bool {
        self.range.high() == Label::highest_of(self.range.high().table())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_table_has_the_label_that_was_there_before_tables() {
        let own = Accreditation::of_ones_own();
        assert_eq!(own.table().map(Table::name), Some(DEFAULT_TABLE));
        assert_eq!(own.parse("unclassified"), Ok(Label::LOWEST));
        assert_eq!(own.banner(&Label::LOWEST), "UNCLASSIFIED");
        assert_eq!(own.parse("everything"), Ok(own.range.high()));
        assert_eq!(own.banner(&own.range.high()), "everything");
        let narrow = Accreditation { range: LabelRange::up_to(own.parse("SECRET").unwrap()) };
        assert!(narrow.parse("everything").is_err(), "it would lie above the enclave");
        assert!(own.parse("SECRTE").is_err_and(|why| why.contains("SECRET")));
    }
}
