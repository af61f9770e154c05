//! A label as a banner and as a portion mark; and whether the table has words for it at all.

use model::{Integrity, Label, Nations};

use super::file::{ListNames, Unmarked};
use super::table::{LevelRow, Mark, Says, Table};

/// A label that the table has no words for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unnamed {
    #[error("it is of another policy table")]
    Table,
    #[error("no level of the table has the number {0}")]
    Level(u8),
    #[error("no integrity of the table is {0} below the highest")]
    Integrity(u8),
    #[error("no compartment of the table has the number {0}")]
    Compartment(u8),
    #[error("`{0}` stands without what it is part of")]
    Parent(String),
    #[error("`{mark}` is used from {from} up")]
    BelowItsLevel { mark: String, from: String },
    #[error("{0} must say whom it is released to")]
    Everyone(String),
    #[error("it is withheld from some nations, and not from those to come")]
    Open,
}

/// Which of the two forms.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Banner,
    Portion,
}

impl Table {
    /// The label in full, as at the head of a page: `SECRET//SI//REL TO USA, FRA`.
    pub fn banner(&self, label: &Label) -> Result<String, Unnamed> {
        self.text(label, Form::Banner)
    }

    /// The label in short, as before a paragraph: `(S//SI//REL TO USA, FRA)`.
    pub fn portion(&self, label: &Label) -> Result<String, Unnamed> {
        self.text(label, Form::Portion).map(|text| format!("({text})"))
    }

    /// Whether the table has words for everything in the label. Joins and meets of such labels are such
    /// labels.
    pub fn check(&self, label: &Label) -> Result<(), Unnamed> {
        self.level_of(label)?;
        self.check_compartments(label)?;
        self.releasability(label)?;
        self.integrity(label).map(drop)
    }

    fn text(&self, label: &Label, form: Form) -> Result<String, Unnamed> {
        let level = self.level_of(label)?;
        self.check_compartments(label)?;
        let mut marks = self.shown_compartments(label);
        marks.extend(self.integrity(label)?);
        let mut words: Vec<((usize, usize), String)> =
            marks.into_iter().map(|mark| (mark.place, mark.in_form(form).to_owned())).collect();
        if let Some((mark, names)) = self.releasability(label)? {
            let names = names.join(", ");
            words.push((mark.place, format!("{} {names}", mark.in_form(form)).trim_end().to_owned()));
        }
        words.sort();
        let mut text = match form {
            Form::Banner => level.name.clone(),
            Form::Portion => level.portion.clone(),
        };
        let mut group = None;
        for ((own, _), word) in words {
            text += if group == Some(own) { &self.within } else { &self.between };
            text += &word;
            group = Some(own);
        }
        Ok(text)
    }

    pub(super) fn level_of(&self, label: &Label) -> Result<&LevelRow, Unnamed> {
        if label.table() != self.id {
            return Err(Unnamed::Table);
        }
        let level = label.parts().level;
        self.level(level).ok_or(Unnamed::Level(level.0))
    }

    fn check_compartments(&self, label: &Label) -> Result<(), Unnamed> {
        let parts = label.parts();
        if let Some(number) = parts.compartments.without(self.all_compartments()).iter().next() {
            return Err(Unnamed::Compartment(number));
        }
        for mark in self.compartments() {
            let Says::Compartment { number, all, from } = mark.says else { continue };
            if !model::Compartments::one(number).is_subset(parts.compartments) {
                continue;
            }
            if !all.is_subset(parts.compartments) {
                return Err(Unnamed::Parent(mark.name.clone()));
            }
            if parts.level < from {
                let from = self.level(from).map_or_else(String::new, |row| row.name.clone());
                return Err(Unnamed::BelowItsLevel { mark: mark.name.clone(), from });
            }
        }
        Ok(())
    }

    /// Those that are written: what another one of them is part of is not.
    pub(super) fn shown_compartments(&self, label: &Label) -> Vec<&Mark> {
        let held = label.parts().compartments;
        let inside: Vec<&Mark> =
            self.compartments().filter(|mark| mark.compartments().is_some_and(|all| all.is_subset(held))).collect();
        let covered = |mark: &&Mark| {
            inside.iter().any(|other| {
                other.name != mark.name
                    && mark.compartments().zip(other.compartments()).is_some_and(|(one, two)| one.is_subset(two))
            })
        };
        inside.iter().filter(|mark| !covered(mark)).copied().collect()
    }

    pub(super) fn integrity(&self, label: &Label) -> Result<Option<&Mark>, Unnamed> {
        let integrity = label.parts().integrity;
        match integrity == Integrity::HIGHEST {
            true => Ok(None),
            false => self
                .mark(|says| *says == Says::Integrity(integrity))
                .map(Some)
                .ok_or(Unnamed::Integrity(integrity.below_highest)),
        }
    }

    /// The mark of releasability and the nations behind it; none where its absence says it.
    fn releasability(&self, label: &Label) -> Result<Option<(&Mark, Vec<String>)>, Unnamed> {
        let level = self.level_of(label)?;
        let withheld = label.parts().withheld;
        if withheld == Nations::NONE {
            return self.for_everyone(level);
        }
        if !self.nations.all().complement().is_subset(withheld) {
            return Err(Unnamed::Open);
        }
        let released = withheld.complement();
        let list = |says: Says, names| Ok(self.mark(|own| *own == says).map(|mark| (mark, names)));
        if released == self.owner {
            return list(Says::OwnerOnly, Vec::new());
        }
        if !self.owner.is_subset(released) {
            let names = self.names(released);
            return list(Says::Others, if names.is_empty() { vec![NOBODY.to_owned()] } else { names });
        }
        let others = self.names(released.without(self.owner));
        match self.list_names {
            ListNames::All => list(Says::List, self.names(self.owner).into_iter().chain(others).collect()),
            ListNames::BeyondOwner => list(Says::List, others),
        }
    }

    fn for_everyone(&self, level: &LevelRow) -> Result<Option<(&Mark, Vec<String>)>, Unnamed> {
        if level.unmarked == Unmarked::Everyone {
            return Ok(None);
        }
        let mark = self.mark(|says| matches!(says, Says::Everyone { up_to } if level.level <= *up_to));
        mark.map(|mark| Some((mark, Vec::new()))).ok_or_else(|| Unnamed::Everyone(level.name.clone()))
    }

    pub(super) fn names(&self, nations: Nations) -> Vec<String> {
        self.nations.codes(nations).into_iter().map(str::to_owned).collect()
    }
}

/// Behind the mark for other readers than the owner's, when there are none.
pub(super) const NOBODY: &str = "NOBODY";

impl Mark {
    fn in_form(&self, form: Form) -> &str {
        match form {
            Form::Banner => &self.name,
            Form::Portion => &self.portion,
        }
    }
}
