//! Labels as IC-ISM attributes, out and in.
//!
//! [K] Attribute names and values after IC-ISM (`urn:us:gov:ic:ism`), not re-read against a schema. Ours, in
//! a namespace of our own: `impactLevel`, `integrity`, and `only` for readers of other nations than the
//! owner. An attribute that could restrict and is not understood is refused; those that only describe are
//! passed over.

use model::label::Parts;
use model::{Label, Nations};

use super::file::Unmarked;
use super::table::{LevelRow, Mark, Says, Table};
use super::write::{NOBODY, Unnamed};
use super::xml::{self, Element, XmlError, escaped};

/// Of the attributes.
pub const NAMESPACE: &str = "urn:us:gov:ic:ism";
/// Of the attributes that IC-ISM has no name for.
pub const OURS: &str = "urn:entente:label:1";

/// Who complies with what, for Controlled Unclassified Information.
const CUI: &str = "USA-CUI";

/// Attributes that say how a mark came to be and restrict nothing.
const DESCRIBING: &[&str] = &[
    "DESVersion",
    "ISMCATCESVersion",
    "classificationReason",
    "classifiedBy",
    "compilationReason",
    "createDate",
    "cuiControlledBy",
    "cuiControlledByOffice",
    "cuiDecontrolDate",
    "cuiDecontrolEvent",
    "cuiPOC",
    "declassDate",
    "declassEvent",
    "declassException",
    "derivativelyClassifiedBy",
    "derivedFrom",
    "resourceElement",
];

/// Why attributes are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IsmError {
    #[error(transparent)]
    Xml(#[from] XmlError),
    #[error("the table has no IC-ISM values")]
    NotOfTable,
    #[error("the attribute `{0}` is missing")]
    Missing(&'static str),
    #[error("the attribute `{0}` is not known, and leaving it out could release something")]
    Attribute(String),
    #[error("`{value}` is no value of `{attribute}`")]
    Value { attribute: String, value: String },
    #[error("releasableTo and disseminationControls contradict each other: REL goes with a list, and NF with none")]
    Releasability,
    #[error("no label is like that: {0}")]
    Impossible(Unnamed),
}

/// Writes a label as an element that has nothing but its attributes.
pub fn write(table: &Table, label: &Label) -> Result<String, IsmError> {
    let mut text = format!("<security xmlns:ism=\"{NAMESPACE}\" xmlns:entente=\"{OURS}\"");
    for (prefix, name, values) in attributes(table, label)? {
        text += &format!(" {prefix}:{name}=\"{}\"", escaped(&values.join(" ")));
    }
    Ok(text + "/>")
}

type Attribute = (&'static str, String, Vec<String>);

fn attributes(table: &Table, label: &Label) -> Result<Vec<Attribute>, IsmError> {
    table.check(label).map_err(IsmError::Impossible)?;
    let level = table.level_of(label).map_err(IsmError::Impossible)?;
    let ism = |name: &str, values: Vec<String>| ("ism", name.to_owned(), values);
    let ours = |name: &str, value: &str| ("entente", name.to_owned(), vec![value.replace(' ', "-")]);
    let classification = level.ism.clone().ok_or(IsmError::NotOfTable)?;
    let mut all = vec![ism("classification", vec![classification]), ism("ownerProducer", table.owner_names.clone())];
    if level.cui {
        all.push(ism("compliesWith", vec!["USGov".into(), CUI.into()]));
    }
    all.extend(level.impact.as_ref().map(|impact| ours("impactLevel", impact)));
    let (release, list, only) = releasability(table, label);
    let mut marks = table.shown_compartments(label);
    marks.extend(release);
    marks.sort_by_key(|mark| mark.place);
    for (at, group) in table.groups.iter().enumerate() {
        let values: Vec<String> = marks.iter().filter(|mark| mark.place.0 == at).map(|mark| value(mark)).collect();
        if let (Some(name), false) = (&group.ism, values.is_empty()) {
            all.push(ism(name, values));
        }
    }
    if !list.is_empty() {
        all.push(ism("releasableTo", list));
    }
    if !only.is_empty() {
        all.push(("entente", "only".to_owned(), only));
    }
    if let Ok(Some(mark)) = table.integrity(label) {
        all.push(ours("integrity", &mark.name));
    }
    Ok(all)
}

fn value(mark: &Mark) -> String {
    mark.ism.clone().unwrap_or_else(|| mark.name.clone())
}

/// The control, the list that goes with it, and the readers of other nations.
fn releasability<'a>(table: &'a Table, label: &Label) -> (Option<&'a Mark>, Vec<String>, Vec<String>) {
    let withheld = label.parts().withheld;
    let released = withheld.complement();
    if withheld == Nations::NONE {
        return (None, Vec::new(), Vec::new());
    }
    if !table.owner.is_subset(released) {
        let names = table.names(released);
        return (None, Vec::new(), if names.is_empty() { vec![NOBODY.to_owned()] } else { names });
    }
    if released == table.owner {
        return (table.mark(|says| *says == Says::OwnerOnly), Vec::new(), Vec::new());
    }
    let names = table.names(table.owner).into_iter().chain(table.names(released.without(table.owner)));
    (table.mark(|says| *says == Says::List), names.collect(), Vec::new())
}

/// Reads the attributes of the root element of a document.
pub fn read(table: &Table, text: &str) -> Result<Label, IsmError> {
    let root = xml::read(text)?;
    let mut own = root.attributes.iter().filter(|(space, _, _)| space == NAMESPACE || space == OURS);
    own.try_for_each(|(space, name, _)| known(table, space, name))?;
    let owner = root.attribute(NAMESPACE, "ownerProducer").ok_or(IsmError::Missing("ownerProducer"))?;
    if nations(table, "ownerProducer", owner)? != table.owner {
        return Err(wrong("ownerProducer", owner));
    }
    let level = level(table, &root)?;
    let mut parts = Parts { level: level.level, ..table.lowest().parts() };
    let mut release = Vec::new();
    for (at, group) in table.groups.iter().enumerate() {
        let Some(name) = &group.ism else { continue };
        for word in root.attribute(NAMESPACE, name).unwrap_or("").split_whitespace() {
            let mut marks = table.marks.iter().filter(|mark| mark.place.0 == at);
            match marks.find(|mark| value(mark) == word).map(|mark| &mark.says) {
                Some(Says::Compartment { all, .. }) => parts.compartments = parts.compartments.union(*all),
                Some(says @ (Says::OwnerOnly | Says::List)) => release.push(says),
                _ => return Err(wrong(name, word)),
            }
        }
    }
    parts.withheld = withheld(table, &root, &release, level)?;
    if let Some(name) = root.attribute(OURS, "integrity") {
        let mark = table.marks.iter().find(|mark| mark.name.replace(' ', "-") == name);
        parts.integrity = mark.and_then(Mark::integrity).ok_or_else(|| wrong("integrity", name))?;
    }
    let label = Label::new(parts);
    table.check(&label).map(|()| label).map_err(IsmError::Impossible)
}

fn known(table: &Table, space: &str, name: &str) -> Result<(), IsmError> {
    let read = ["classification", "ownerProducer", "compliesWith", "releasableTo"];
    let known = match space {
        OURS => ["impactLevel", "integrity", "only"].contains(&name),
        _ => {
            let of_group = table.groups.iter().any(|group| group.ism.as_deref() == Some(name));
            read.contains(&name) || DESCRIBING.contains(&name) || of_group
        }
    };
    if known { Ok(()) } else { Err(IsmError::Attribute(name.to_owned())) }
}

/// The level by its classification and what it complies with; of several, the one whose impact level is
/// named, else the lowest.
fn level<'a>(table: &'a Table, root: &Element) -> Result<&'a LevelRow, IsmError> {
    let text = root.attribute(NAMESPACE, "classification").ok_or(IsmError::Missing("classification"))?;
    let complies = root.attribute(NAMESPACE, "compliesWith").unwrap_or("");
    let cui = complies.split_whitespace().any(|word| word.starts_with(CUI)) || has_cui(table, root);
    let impact = root.attribute(OURS, "impactLevel");
    let named = table.levels.iter().filter(|row| row.ism.as_deref() == Some(text));
    let levels: Vec<&LevelRow> = named.collect();
    let unclassified = levels.iter().any(|row| row.cui);
    let mut fitting = levels.into_iter().filter(|row| !unclassified || row.cui == cui);
    let found = match impact {
        None => fitting.next(),
        Some(impact) => fitting.find(|row| row.impact.as_deref() == Some(impact)),
    };
    found.ok_or_else(|| wrong("classification", text))
}

/// A category of Controlled Unclassified Information says that it is some.
fn has_cui(table: &Table, root: &Element) -> bool {
    let names = table.groups.iter().filter_map(|group| group.ism.as_deref());
    names.filter(|name| name.starts_with("cui")).any(|name| root.attribute(NAMESPACE, name).is_some())
}

fn withheld(table: &Table, root: &Element, release: &[&Says], level: &LevelRow) -> Result<Nations, IsmError> {
    let list = root.attribute(NAMESPACE, "releasableTo");
    let only = root.attribute(OURS, "only");
    match (release, list, only) {
        ([], None, None) => Ok(match level.unmarked {
            Unmarked::Everyone => Nations::NONE,
            Unmarked::Owner => table.owner.complement(),
        }),
        ([], None, Some(NOBODY)) => Ok(Nations::ALL),
        ([], None, Some(only)) => Ok(nations(table, "only", only)?.complement()),
        ([Says::OwnerOnly], None, None) => Ok(table.owner.complement()),
        ([Says::List], Some(list), None) => {
            let named = nations(table, "releasableTo", list)?;
            match table.owner.is_subset(named) {
                true => Ok(named.complement()),
                false => Err(wrong("releasableTo", list)),
            }
        }
        _ => Err(IsmError::Releasability),
    }
}

fn nations(table: &Table, attribute: &str, text: &str) -> Result<Nations, IsmError> {
    let found = text.split_whitespace().map(|code| table.nations.find(code).ok_or_else(|| wrong(attribute, code)));
    found.collect::<Result<Nations, IsmError>>()
}

fn wrong(attribute: &str, value: &str) -> IsmError {
    IsmError::Value { attribute: attribute.to_owned(), value: value.to_owned() }
}
