//! Labels as STANAG 4774 confidentiality metadata (ADatP-4774), in XML, out and in.
//!
//! [S] Namespace and element names from secondary sources; the schema itself was not re-read. Compartments
//! are RESTRICTIVE categories under the name of their group, nations the PERMISSIVE category `Releasable
//! To`. Ours: the RESTRICTIVE category `Impact Level` and the INFORMATIVE category `Integrity`. What is not
//! understood is refused, except what the standard calls informative.

use model::label::Parts;
use model::{Compartments, Integrity, Label, Nations};

use super::file::Unmarked;
use super::spelling::fold;
use super::table::{LevelRow, Mark, Table};
use super::write::Unnamed;
use super::xml::{self, Element, XmlError, escaped};

/// Of every element.
pub const NAMESPACE: &str = "urn:nato:stanag:4774:confidentialitymetadatalabel:1:0";

const RELEASABLE: &str = "Releasable To";
const IMPACT: &str = "Impact Level";
const INTEGRITY: &str = "Integrity";
/// In `Releasable To`, where no mark would mean the owner. Ours.
const EVERYONE: &str = "PUBLIC";
const NOBODY: &str = "NOBODY";

/// Why a document is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stanag4774Error {
    #[error(transparent)]
    Xml(#[from] XmlError),
    #[error("`{0}` is not an element of a confidentiality label in this place")]
    Element(String),
    #[error("there must be one {0}")]
    Missing(&'static str),
    #[error("the policy is `{found}`: this table reads `{wanted}`")]
    Policy { found: String, wanted: String },
    #[error("`{0}` is no classification of this policy")]
    Classification(String),
    #[error("the category `{name}` of type {kind} is not known, and leaving it out could release something")]
    Category { name: String, kind: String },
    #[error("`{value}` is no value of the category `{category}`")]
    Value { category: String, value: String },
    #[error("no label is like that: {0}")]
    Impossible(Unnamed),
    #[error("the time `{0}` is not written as 2026-11-25T12:00:00Z")]
    Time(String),
}

/// Writes a label, made at `created` (`2026-11-25T12:00:00Z`).
pub fn write(table: &Table, label: &Label, created: &str) -> Result<String, Stanag4774Error> {
    table.check(label).map_err(Stanag4774Error::Impossible)?;
    let level = table.level_of(label).map_err(Stanag4774Error::Impossible)?;
    check_time(created)?;
    let mut text = format!(
        "<slab:originatorConfidentialityLabel xmlns:slab=\"{NAMESPACE}\"><slab:ConfidentialityInformation>\
         <slab:PolicyIdentifier>{}</slab:PolicyIdentifier><slab:Classification>{}</slab:Classification>",
        escaped(&table.policy),
        escaped(&level.classification)
    );
    if let Some(impact) = &level.impact {
        text += &category("RESTRICTIVE", IMPACT, std::slice::from_ref(impact));
    }
    let shown = table.shown_compartments(label);
    for (at, group) in table.groups.iter().enumerate() {
        let names: Vec<String> = shown.iter().filter(|mark| mark.place.0 == at).map(|mark| mark.name.clone()).collect();
        text += &category("RESTRICTIVE", &group.name, &names);
    }
    text += &category("PERMISSIVE", RELEASABLE, &released(table, label, level));
    if let Ok(Some(integrity)) = table.integrity(label) {
        text += &category("INFORMATIVE", INTEGRITY, std::slice::from_ref(&integrity.name));
    }
    text += "</slab:ConfidentialityInformation>";
    text += &format!("<slab:CreationDateTime>{created}</slab:CreationDateTime></slab:originatorConfidentialityLabel>");
    Ok(text)
}

fn category(kind: &str, name: &str, values: &[String]) -> String {
    if values.is_empty() {
        return String::new();
    }
    let values: String =
        values.iter().map(|value| format!("<slab:GenericValue>{}</slab:GenericValue>", escaped(value))).collect();
    format!("<slab:Category Type=\"{kind}\" TagName=\"{}\">{values}</slab:Category>", escaped(name))
}

/// The owner by its own name, then others; nothing where everyone is meant by nothing.
fn released(table: &Table, label: &Label, level: &LevelRow) -> Vec<String> {
    let withheld = label.parts().withheld;
    let released = withheld.complement();
    if withheld == Nations::NONE {
        return if level.unmarked == Unmarked::Everyone { Vec::new() } else { vec![EVERYONE.to_owned()] };
    }
    let names = match table.owner.is_subset(released) {
        true => table.owner_names.iter().cloned().chain(table.names(released.without(table.owner))).collect(),
        false => table.names(released),
    };
    if names.is_empty() { vec![NOBODY.to_owned()] } else { names }
}

/// Reads an originator's label of the table's policy.
pub fn read(table: &Table, text: &str) -> Result<Label, Stanag4774Error> {
    let root = xml::read(text)?;
    known(&root, &["originatorConfidentialityLabel"])?;
    let outer = ["ConfidentialityInformation", "OriginatorID", "CreationDateTime", "CustodianID"];
    root.children.iter().try_for_each(|child| known(child, &outer))?;
    let information = one(&root, "ConfidentialityInformation")?;
    let inner = ["PolicyIdentifier", "Classification", "PrivacyMark", "Category"];
    information.children.iter().try_for_each(|child| known(child, &inner))?;
    let policy = &one(information, "PolicyIdentifier")?.text;
    if *policy != table.policy {
        return Err(Stanag4774Error::Policy { found: policy.clone(), wanted: table.policy.clone() });
    }
    one(&root, "CreationDateTime").and_then(|created| check_time(&created.text))?;
    let categories = information.children.iter().filter(|child| child.name == "Category");
    let categories = categories.map(Category::of).collect::<Result<Vec<Category>, Stanag4774Error>>()?;
    let level = level(table, &one(information, "Classification")?.text, &categories)?;
    let mut parts = Parts { level: level.level, ..table.lowest().parts() };
    if level.unmarked == Unmarked::Owner {
        parts.withheld = table.owner.complement();
    }
    for category in &categories {
        category.apply(table, &mut parts)?;
    }
    let label = Label::new(parts);
    table.check(&label).map(|()| label).map_err(Stanag4774Error::Impossible)
}

struct Category {
    kind: String,
    name: String,
    values: Vec<String>,
}

impl Category {
    fn of(element: &Element) -> Result<Category, Stanag4774Error> {
        let attribute = |name: &str| element.attribute("", name).unwrap_or("").to_owned();
        element.children.iter().try_for_each(|child| known(child, &["GenericValue", "CategoryValue"]))?;
        let category = Category {
            kind: attribute("Type"),
            name: attribute("TagName"),
            values: element.children.iter().map(|child| child.text.clone()).collect(),
        };
        match category.values.is_empty() || !element.text.is_empty() {
            true => Err(Stanag4774Error::Missing("GenericValue at least in each Category")),
            false => Ok(category),
        }
    }

    /// Names are compared without their spaces: `ReleasableTo` is seen too.
    fn is(&self, kind: &str, name: &str) -> bool {
        let bare = |name: &str| fold(name).text().replace(' ', "");
        self.kind == kind && bare(&self.name) == bare(name)
    }

    fn apply(&self, table: &Table, parts: &mut Parts) -> Result<(), Stanag4774Error> {
        if self.is("RESTRICTIVE", IMPACT) {
            return Ok(());
        }
        if self.is("PERMISSIVE", RELEASABLE) {
            parts.withheld = self.withheld(table)?;
            return Ok(());
        }
        if self.is("INFORMATIVE", INTEGRITY) {
            let integrities = self.values.iter().map(|value| {
                let mark = table.marks.iter().find(|mark| mark.name == *value).and_then(Mark::integrity);
                mark.ok_or_else(|| self.wrong(value))
            });
            let lowest =
                integrities.collect::<Result<Vec<Integrity>, _>>()?.into_iter().max_by_key(|one| one.below_highest);
            parts.integrity = lowest.unwrap_or(Integrity::HIGHEST);
            return Ok(());
        }
        if let Some(at) = table.groups.iter().position(|group| self.is("RESTRICTIVE", &group.name)) {
            let marks = self.values.iter().map(|value| {
                let mark = table.compartments().find(|mark| mark.place.0 == at && mark.name == *value);
                mark.and_then(Mark::compartments).ok_or_else(|| self.wrong(value))
            });
            parts.compartments = parts.compartments.union(marks.collect::<Result<Compartments, _>>()?);
            return Ok(());
        }
        match self.kind.as_str() {
            "INFORMATIVE" => Ok(()),
            _ => Err(Stanag4774Error::Category { name: self.name.clone(), kind: self.kind.clone() }),
        }
    }

    fn withheld(&self, table: &Table) -> Result<Nations, Stanag4774Error> {
        match self.values.as_slice() {
            [one] if one == EVERYONE => return Ok(Nations::NONE),
            [one] if one == NOBODY => return Ok(Nations::ALL),
            _ => {}
        }
        let nations = self.values.iter().map(|value| table.nations.find(value).ok_or_else(|| self.wrong(value)));
        nations.collect::<Result<Nations, _>>().map(Nations::complement)
    }

    fn wrong(&self, value: &str) -> Stanag4774Error {
        Stanag4774Error::Value { category: self.name.clone(), value: value.to_owned() }
    }
}

/// The level by its classification and, where levels share one, by the impact level.
fn level<'a>(table: &'a Table, text: &str, categories: &[Category]) -> Result<&'a LevelRow, Stanag4774Error> {
    let mut impacts = categories.iter().filter(|category| category.is("RESTRICTIVE", IMPACT));
    let impact = match (impacts.next(), impacts.next()) {
        (None, _) => None,
        (Some(Category { values, .. }), None) if values.len() == 1 => values.first().map(String::as_str),
        _ => return Err(Stanag4774Error::Missing("Impact Level")),
    };
    let named: Vec<&LevelRow> = table.levels.iter().filter(|row| row.classification == text).collect();
    if named.is_empty() {
        return Err(Stanag4774Error::Classification(text.to_owned()));
    }
    let found = named.into_iter().find(|row| row.impact.as_deref() == impact);
    found.ok_or_else(|| Stanag4774Error::Value {
        category: IMPACT.to_owned(),
        value: impact.unwrap_or_default().to_owned(),
    })
}

/// An element of the label's namespace, by one of these names.
fn known(element: &Element, names: &[&str]) -> Result<(), Stanag4774Error> {
    match element.namespace == NAMESPACE && names.contains(&element.name.as_str()) {
        true => Ok(()),
        false => Err(Stanag4774Error::Element(element.name.clone())),
    }
}

fn one<'a>(element: &'a Element, name: &'static str) -> Result<&'a Element, Stanag4774Error> {
    let mut found = element.children.iter().filter(|child| child.name == name);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(Stanag4774Error::Missing(name)),
    }
}

/// Years to seconds in UTC, digits where digits are.
fn check_time(text: &str) -> Result<(), Stanag4774Error> {
    let form = "0000-00-00T00:00:00Z";
    let fits = text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(own, form)| own == form || (form == b'0' && own.is_ascii_digit()));
    if fits { Ok(()) } else { Err(Stanag4774Error::Time(text.to_owned())) }
}
