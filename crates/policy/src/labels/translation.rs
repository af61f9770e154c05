//! From one table's labels to another's. A translation is data, and loads only if it is proven, by going
//! through the labels, to keep the order and to lower nothing.

use std::collections::BTreeMap;

use model::label::Parts;
use model::{Compartments, Label, Level, TableId};

use super::Tables;
use super::file::TranslationFile;
use super::table::{Says, Table};

/// A proven translation. It works level by level and mark by mark, keeps the integrity, and withholds from
/// the nations that the label is withheld from.
#[derive(Clone, Debug)]
pub struct Translation {
    from: TableId,
    to: TableId,
    levels: BTreeMap<Level, Level>,
    /// What each number of a compartment becomes.
    compartments: BTreeMap<u8, Compartments>,
}

/// Why a translation is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("translation from `{from}` to `{to}`: {why}")]
pub struct TranslationError {
    from: String,
    to: String,
    why: String,
}

impl Translation {
    pub(super) fn load(text: &str, tables: &Tables) -> Result<Translation, TranslationError> {
        let file: TranslationFile = toml::from_str(text).map_err(|source| TranslationError {
            from: "?".into(),
            to: "?".into(),
            why: source.to_string().trim_end().replace('\n', " "),
        })?;
        let refused = |why: String| TranslationError { from: file.from.clone(), to: file.to.clone(), why };
        let table = |name: &str| tables.named(name).ok_or_else(|| refused(format!("there is no table `{name}`")));
        let (from, to) = (table(&file.from)?, table(&file.to)?);
        if from.id() == to.id() {
            return Err(refused("a table is not translated into itself".into()));
        }
        let translation = Translation::build(&file, from, to).map_err(refused)?;
        translation.prove(from, to).map_err(refused)?;
        Ok(translation)
    }

    pub fn from(&self) -> TableId {
        self.from
    }

    pub fn to(&self) -> TableId {
        self.to
    }

    /// The other table's label; none if a part of it is not translated.
    pub fn apply(&self, label: &Label) -> Option<Label> {
        let parts = label.parts();
        if parts.table != self.from {
            return None;
        }
        let compartments = parts.compartments.iter().map(|number| self.compartments.get(&number).copied());
        Some(Label::new(Parts {
            table: self.to,
            level: *self.levels.get(&parts.level)?,
            compartments: compartments.collect::<Option<Compartments>>()?,
            ..parts
        }))
    }

    fn build(file: &TranslationFile, from: &Table, to: &Table) -> Result<Translation, String> {
        let mut translation =
            Translation { from: from.id(), to: to.id(), levels: BTreeMap::new(), compartments: BTreeMap::new() };
        let level = |table: &Table, name: &str| {
            let row = table.level_named(name).ok_or(format!("`{}` has no level `{name}`", table.name()))?;
            Ok::<Level, String>(row.level)
        };
        for (one, other) in &file.levels {
            translation.levels.insert(level(from, one)?, level(to, other)?);
        }
        let mark = |table: &Table, name: &str| {
            table.compartment_named(name).cloned().ok_or(format!("`{}` has no compartment `{name}`", table.name()))
        };
        for (one, others) in &file.marks {
            let all = others.iter().map(|other| Ok(mark(to, other)?.compartments().unwrap_or_default()));
            if let Says::Compartment { number, .. } = mark(from, one)?.says {
                translation.compartments.insert(number, all.collect::<Result<Compartments, String>>()?);
            }
        }
        Ok(translation)
    }

    /// Goes through the sample labels of the table (every level with every one and two compartments, all
    /// kinds of releasability, every integrity) and, for each that is translated, through every step up from
    /// it. The translation treats levels, compartments and nations apart and unites what compartments
    /// become, so steps within one part are all there are.
    fn prove(&self, from: &Table, to: &Table) -> Result<(), String> {
        let mut translated = 0;
        for label in from.samples() {
            let Some(other) = self.apply(&label) else { continue };
            translated += 1;
            let text = from.banner(&label).map_err(|why| why.to_string())?;
            to.check(&other).map_err(|why| format!("`{text}` becomes what no label is: {why}"))?;
            self.prove_kept(&label, &other, from, to).map_err(|why| format!("`{text}` {why}"))?;
            for above in steps_up(&label, from) {
                if self.apply(&above).is_some_and(|above| !above.dominates(&other)) {
                    let above = from.banner(&above).unwrap_or_else(|why| why.to_string());
                    return Err(format!("`{text}` is below `{above}`, and what it becomes is not below"));
                }
            }
        }
        match translated {
            0 => Err("it translates no label".into()),
            _ => Ok(()),
        }
    }

    /// Nothing is lost: level by the shared scale, and a compartment for each.
    fn prove_kept(&self, label: &Label, other: &Label, from: &Table, to: &Table) -> Result<(), String> {
        let rank = |table: &Table, label: &Label| table.level(label.parts().level).map(|row| row.rank);
        if rank(to, other) < rank(from, label) {
            return Err("becomes a lower level".into());
        }
        let (parts, others) = (label.parts(), other.parts());
        let lost = parts.compartments.iter().find(|number| {
            let becomes = self.compartments.get(number).copied().unwrap_or_default();
            becomes == Compartments::NONE || !becomes.is_subset(others.compartments)
        });
        if lost.is_some() {
            return Err("loses a compartment".into());
        }
        if !parts.withheld.is_subset(others.withheld) || others.integrity.below_highest < parts.integrity.below_highest
        {
            return Err("is released to more, or trusted more".into());
        }
        Ok(())
    }
}

/// The labels just above: the next levels, one compartment more, withheld from one group more.
fn steps_up(label: &Label, table: &Table) -> Vec<Label> {
    let parts = label.parts();
    let levels = table.levels().filter(|(level, _)| *level > parts.level);
    let mut above: Vec<Label> = levels.map(|(level, _)| Label::new(Parts { level, ..parts })).collect();
    above.extend(table.compartments().filter_map(|mark| {
        Some(Label::new(Parts { compartments: parts.compartments.union(mark.compartments()?), ..parts }))
    }));
    above.extend(
        table
            .samples_withheld()
            .into_iter()
            .map(|withheld| Label::new(Parts { withheld: parts.withheld.union(withheld), ..parts })),
    );
    above
}
