//! Labels as people write them: policy tables, marks, the formats of others, and translation.
//!
//! A label is numbers ([`model::Label`]); a [`Table`] gives them names. Tables are data, in
//! `crates/policy/tables`; [`Tables::shipped`] has those that come along, and an enclave may load its
//! own. Text comes in by [`Table::parse`] and leaves by [`Table::banner`] and [`Table::portion`]; XML by
//! [`stanag4774`] and [`ism`]. Nothing here orders labels: that is the kernel's.

mod file;
mod nations;
mod read;
mod spelling;
mod table;
mod translation;
mod write;
mod xml;

pub mod ism;
pub mod stanag4774;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use model::{Label, TableId};

pub use nations::NationList;
pub use read::MarkError;
pub use table::{Table, TableError};
pub use translation::{Translation, TranslationError};
pub use write::Unnamed;

const NATIONS: &str = include_str!("../tables/nations.toml");
const SHIPPED: [&str; 4] = [
    include_str!("../tables/us.toml"),
    include_str!("../tables/nato.toml"),
    include_str!("../tables/eu.toml"),
    include_str!("../tables/fr.toml"),
];
const TRANSLATIONS: [&str; 3] = [
    include_str!("../tables/translations/nato-us.toml"),
    include_str!("../tables/translations/fr-nato.toml"),
    include_str!("../tables/translations/eu-nato.toml"),
];

#[expect(clippy::expect_used, reason = "what is compiled in is loaded by a test; no input reaches it")]
static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::load_shipped().expect("the shipped tables load"));

/// Policy tables by name and by id, with the translations between them.
#[derive(Clone, Debug)]
pub struct Tables {
    nations: NationList,
    tables: Vec<Table>,
    translations: Vec<Translation>,
}

impl Tables {
    /// Those that come along: `us`, `nato`, `eu`, `fr`.
    pub fn shipped() -> &'static Tables {
        &TABLES
    }

    fn load_shipped() -> Result<Tables, LoadError> {
        let mut tables = Tables { nations: NationList::load(NATIONS)?, tables: Vec::new(), translations: Vec::new() };
        SHIPPED.iter().try_for_each(|text| tables.add_table(text))?;
        TRANSLATIONS.iter().try_for_each(|text| tables.add_translation(text))?;
        Ok(tables)
    }

    /// Adds an enclave's own table, whose id and name must be new.
    pub fn add_table(&mut self, text: &str) -> Result<(), LoadError> {
        let table = Table::load(text, &self.nations)?;
        let taken = self.tables.iter().find(|other| other.id() == table.id() || other.name() == table.name());
        if let Some(other) = taken {
            let why = format!("its id or name is that of the table `{}`: choose others", other.name());
            return Err(TableError::rule(table.name(), why).into());
        }
        self.tables.push(table);
        Ok(())
    }

    /// Adds a translation between two tables that are here, if it is proven monotone and never lowering.
    pub fn add_translation(&mut self, text: &str) -> Result<(), LoadError> {
        let translation = Translation::load(text, self)?;
        self.translations.push(translation);
        Ok(())
    }

    /// The table a configuration names.
    pub fn named(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name() == name)
    }

    /// The table a label is of.
    pub fn of(&self, label: &Label) -> Option<&Table> {
        self.by_id(label.table())
    }

    pub fn by_id(&self, id: TableId) -> Option<&Table> {
        self.tables.iter().find(|table| table.id() == id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter()
    }

    pub fn translation(&self, from: TableId, to: TableId) -> Option<&Translation> {
        self.translations.iter().find(|one| one.from() == from && one.to() == to)
    }
}

/// A table or a translation that is refused.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Translation(#[from] TranslationError),
}
