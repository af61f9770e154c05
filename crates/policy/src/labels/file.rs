//! A policy table as its file says it. Turned into a [`Table`](super::Table) and checked at once.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableFile {
    pub id: u16,
    pub name: String,
    /// What other formats call the policy.
    pub policy: String,
    /// Nations, or groups of them, whose information it is.
    pub owner: Vec<String>,
    /// Between groups of marks.
    pub between: String,
    /// Between marks of one group.
    pub within: String,
    pub level: Vec<LevelFile>,
    #[serde(default)]
    pub group: Vec<GroupFile>,
    pub releasability: ReleasabilityFile,
    #[serde(default)]
    pub integrity: Vec<IntegrityFile>,
    #[serde(default)]
    pub retired: Vec<RetiredFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelFile {
    pub number: u8,
    pub name: String,
    pub portion: String,
    #[serde(default)]
    pub also: Vec<String>,
    /// How sensitive on a scale that all tables share: 0 public, 1 limited, 2 confidential, 3 secret,
    /// 4 top secret. A translation never goes down on it.
    pub rank: u8,
    pub unmarked: Unmarked,
    /// In STANAG 4774, if not the name.
    pub classification: Option<String>,
    /// Beside the classification, in formats that know no such level.
    pub impact: Option<String>,
    pub ism: Option<String>,
    #[serde(default)]
    pub cui: bool,
}

/// Whom a thing without a mark of releasability is released to.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Unmarked {
    Everyone,
    Owner,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupFile {
    pub name: String,
    pub ism: Option<String>,
    /// Names of its marks as they stand one after the other, those of releasability among them; without
    /// it, as they come.
    #[serde(default)]
    pub order: Vec<String>,
    #[serde(default)]
    pub mark: Vec<MarkFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkFile {
    pub number: u8,
    pub name: String,
    pub portion: Option<String>,
    #[serde(default)]
    pub also: Vec<String>,
    /// A mark that whoever holds this one holds too, and that is not written beside it.
    pub part_of: Option<String>,
    /// The lowest level it is used at.
    pub from: Option<String>,
    pub ism: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasabilityFile {
    /// The group its marks stand in.
    pub group: String,
    pub everyone: Option<PlainFile>,
    pub owner_only: Option<PlainFile>,
    pub list: PlainFile,
    /// Before nations, when the owner is not among them.
    pub others: PlainFile,
    pub names: ListNames,
}

/// Which nations a list names.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum ListNames {
    #[serde(rename = "all")]
    All,
    #[serde(rename = "beyond owner")]
    BeyondOwner,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlainFile {
    pub name: String,
    pub portion: String,
    #[serde(default)]
    pub also: Vec<String>,
    /// The highest level it is used at.
    pub up_to: Option<String>,
    pub ism: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntegrityFile {
    pub below_highest: u8,
    pub name: String,
    pub portion: String,
}

/// A mark that is read and never written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetiredFile {
    pub name: String,
    #[serde(default)]
    pub also: Vec<String>,
    /// Taken for at least this level.
    pub raise_to: Option<String>,
    /// Why it is not taken at all, and what to do.
    pub refused: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NationsFile {
    pub nations: Vec<String>,
    #[serde(default)]
    pub groups: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranslationFile {
    pub from: String,
    pub to: String,
    /// Level by level; one that is not named is not translated.
    pub levels: BTreeMap<String, String>,
    /// Mark by mark; a label with one that is not named is not translated.
    #[serde(default)]
    pub marks: BTreeMap<String, Vec<String>>,
}
