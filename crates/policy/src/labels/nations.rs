//! The nations that labels speak of, and the groups that lists may name in short.

use std::collections::BTreeMap;

use model::Nations;

use super::file::NationsFile;
use super::spelling::fold;
use super::table::TableError;

/// Numbers, codes and names. The number of a nation is its place in the file.
#[derive(Clone, Debug)]
pub struct NationList {
    /// Code and folded name, by number.
    nations: Vec<(String, String)>,
    groups: BTreeMap<String, Nations>,
}

impl NationList {
    pub(super) fn load(text: &str) -> Result<NationList, TableError> {
        let file: NationsFile = toml::from_str(text).map_err(|source| TableError::file("nations", &source))?;
        let rule = |why: String| TableError::rule("nations", why);
        let mut list = NationList { nations: Vec::new(), groups: BTreeMap::new() };
        for line in &file.nations {
            let (code, name) = line.split_once(' ').unwrap_or((line, ""));
            if !is_code(code) || list.number(code).is_some() {
                return Err(rule(format!("`{line}` does not begin with a new code of three capital letters")));
            }
            list.nations.push((code.to_owned(), fold(name).text()));
        }
        if list.nations.len() > 256 {
            return Err(rule(format!("{} nations: there are numbers for 256", list.nations.len())));
        }
        for (group, members) in &file.groups {
            let members = members.split_whitespace().map(|code| {
                list.number(code).map(Nations::one).ok_or_else(|| rule(format!("`{code}` of {group} is no nation")))
            });
            let members = members.collect::<Result<Nations, TableError>>()?;
            list.groups.insert(group.clone(), members);
        }
        Ok(list)
    }

    /// The nation of this code, or the members of this group.
    pub fn find(&self, code: &str) -> Option<Nations> {
        self.number(code).map(Nations::one).or_else(|| self.groups.get(code).copied())
    }

    /// Codes in the order of the alphabet.
    pub fn codes(&self, nations: Nations) -> Vec<&str> {
        let mut codes: Vec<&str> = nations
            .iter()
            .filter_map(|number| self.nations.get(usize::from(number)))
            .map(|(code, _)| code.as_str())
            .collect();
        codes.sort_unstable();
        codes
    }

    /// All numbers that stand for a nation.
    pub fn all(&self) -> Nations {
        (0..=u8::MAX).take(self.nations.len()).map(Nations::one).collect()
    }

    /// What may be meant by a word that is no code: a nation by its name.
    pub(super) fn meant_by(&self, name: &str) -> Option<&str> {
        let mut found = self.nations.iter().filter(|(_, full)| full == name);
        found.next().map(|(code, _)| code.as_str())
    }

    fn number(&self, code: &str) -> Option<u8> {
        self.nations.iter().position(|(known, _)| known == code).and_then(|number| u8::try_from(number).ok())
    }
}

fn is_code(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}
