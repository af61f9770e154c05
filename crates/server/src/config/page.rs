//! Every setting as tables of Markdown: what `entente man --settings` prints, and docs/configuration.md holds.

use std::fmt::Write;

use model::Vendor;

use super::facts::PriceTable;
use super::file::SECTIONS;
use super::file::site::{KINDS, Kind};
use super::settings::{Section, Setting};

/// A heading and a table for each section, in the order of the file.
pub fn tables() -> String {
    let mut page = String::new();
    for section in &SECTIONS {
        match section.name {
            "site" => {
                head(&mut page, "## [[site]]", section);
                page.push_str("| setting | of kind | unless set | what |\n|---|---|---|---|\n");
                for Setting { name, unless_set, what } in section.settings {
                    row(&mut page, &[&format!("`{name}`"), &kinds_with(name), unless_set, what]);
                }
                page.push('\n');
            }
            name => plain(&mut page, &format!("## [{name}]"), section),
        }
    }
    kinds(&mut page);
    plain(&mut page, "### prices", &PriceTable::SECTION);
    page
}

fn head(page: &mut String, heading: &str, section: &Section) {
    // Writing to a string does not fail.
    let _ = writeln!(page, "{heading}\n");
    if !section.said.is_empty() {
        let _ = writeln!(page, "{}\n", section.said);
    }
}

fn plain(page: &mut String, heading: &str, section: &Section) {
    head(page, heading, section);
    page.push_str("| setting | unless set | what |\n|---|---|---|\n");
    for Setting { name, unless_set, what } in section.settings {
        row(page, &[&format!("`{name}`"), unless_set, what]);
    }
    page.push('\n');
}

fn row(page: &mut String, cells: &[&str]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

/// What each kind of site needs, and what it takes beside what all of them do.
fn kinds(page: &mut String) {
    page.push_str(
        "### kinds\n\n| kind | of vendor | must be set | may be set, beside what all have |\n|---|---|---|---|\n",
    );
    for kind in &KINDS {
        let mut whose: Vec<&str> = kind.vendors.iter().copied().map(Vendor::name).collect();
        if whose.len() == Vendor::ALL.len() {
            whose = vec!["any"];
        }
        row(page, &[&format!("`{}`", kind.name), &whose.join(", "), &code(kind.needs), &code(&besides(kind))]);
    }
    page.push('\n');
}

/// What a site of this kind may be told that some other kind does not take.
fn besides(kind: &Kind) -> Vec<&'static str> {
    let settings = SECTIONS.iter().filter(|section| section.name == "site").flat_map(Section::names);
    let of_some = |name: &&str| !KINDS.iter().all(|other| other.has(name));
    settings.filter(of_some).filter(|name| kind.has(name) && !kind.needs.contains(name)).collect()
}

fn kinds_with(setting: &str) -> String {
    let names = |with: bool| -> Vec<&str> {
        KINDS.iter().filter(|kind| kind.has(setting) == with).map(|kind| kind.name).collect()
    };
    match names(false).as_slice() {
        [] => "all".to_owned(),
        [one] => format!("all but {one}"),
        _ => names(true).join(", "),
    }
}

fn code(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_page_of_settings_is_what_the_program_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let (begin, end) = ("<!-- every setting: written by ENTENTE_BLESS=1 -->\n\n", "<!-- end -->");
        let (before, rest) = page.split_once(begin).expect("the page has a place for the tables");
        let (kept, after) = rest.split_once(end).expect("which ends");
        if std::env::var_os("ENTENTE_BLESS").is_some() {
            return std::fs::write(&path, format!("{before}{begin}{}{end}{after}", tables())).unwrap();
        }
        assert!(kept == tables(), "settings have changed: read docs/configuration.md after ENTENTE_BLESS=1");
    }

    #[test]
    fn every_cell_says_something_in_one_line() {
        for section in SECTIONS.iter().chain([&PriceTable::SECTION]) {
            for Setting { name, unless_set, what } in section.settings {
                for text in [unless_set, what] {
                    let fits = !text.is_empty() && !text.contains(['|', '\n']) && text.matches('`').count() % 2 == 0;
                    assert!(fits, "[{}] {name}: {text}", section.name);
                }
            }
        }
    }

    #[test]
    fn a_setting_that_must_be_is_one_that_its_kinds_need() {
        let always = ["name", "vendor", "kind"];
        for Setting { name, unless_set, .. } in SECTIONS.iter().find(|one| one.name == "site").unwrap().settings {
            let needed = KINDS.iter().filter(|kind| kind.has(name)).all(|kind| kind.needs.contains(name));
            assert_eq!(*unless_set == "must be set", needed || always.contains(name), "{name}: {unless_set}");
        }
    }
}
