//! Marks as people write them, back into a label.
//!
//! Case, accents and spaces do not count, and long, short and older spellings are taken alike. What else
//! differs from how the table writes the label is refused with the text to write instead: a mark in the
//! wrong place may have been meant for another.

use std::fmt;

use model::label::Parts;
use model::{Compartments, Integrity, Label, Level, Nations};

use super::file::{ListNames, Unmarked};
use super::spelling::{Folded, fold, nearest};
use super::table::{Mark, Says, Table};
use super::write::{NOBODY, Unnamed};

/// Longest text that is read, in characters: a list of all nations has about 1,300.
const LONGEST: usize = 4096;

/// What is wrong, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkError {
    /// The character at which it is seen, counted from 1.
    pub at: usize,
    pub problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    TooLong,
    /// No level begins the text; the table's levels, and the one that may be meant.
    Level {
        found: String,
        near: Option<String>,
        known: Vec<String>,
    },
    Mark {
        found: String,
        near: Option<String>,
    },
    Nation {
        found: String,
        near: Option<String>,
    },
    /// A mark of a list without a nation behind it.
    NoNation {
        mark: String,
    },
    /// A list of the nations it is released to in which the owner is missing.
    OwnerMissing {
        write: String,
    },
    /// The table refuses the mark, with its reason.
    Refused {
        mark: String,
        why: String,
    },
    /// Two marks of which the second contradicts the first.
    Twice {
        mark: String,
    },
    /// Understood, but written as the table does not.
    Form {
        write: String,
    },
    /// Understood, but no such label can be.
    Impossible {
        why: Unnamed,
    },
}

impl std::error::Error for MarkError {}

impl fmt::Display for MarkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let perhaps = |near: &Option<String>| near.as_ref().map_or(String::new(), |near| format!(": write `{near}`"));
        write!(f, "at character {}: ", self.at)?;
        match &self.problem {
            Problem::TooLong => write!(f, "longer than {LONGEST} characters, which no mark is"),
            Problem::Level { found, near: Some(near), .. } => write!(f, "`{found}` is no level: write `{near}`"),
            Problem::Level { found, near: None, known } => {
                write!(f, "`{found}` is no level: write one of {}", known.join(", "))
            }
            Problem::Mark { found, near } => write!(f, "`{found}` is no mark of this table{}", perhaps(near)),
            Problem::Nation { found, near: Some(near) } => write!(f, "`{found}` is no nation's code: write `{near}`"),
            Problem::Nation { found, near: None } => {
                write!(f, "`{found}` is no nation's code: write three letters such as FRA, or a group such as FVEY")
            }
            Problem::NoNation { mark } => {
                write!(f, "`{mark}` names no nation: write codes behind it, as in `{mark} FRA`")
            }
            Problem::OwnerMissing { write } => write!(f, "the list leaves out the owner: write `{write}`"),
            Problem::Refused { mark, why } => write!(f, "`{mark}` is not taken: {why}"),
            Problem::Twice { mark } => write!(f, "`{mark}` contradicts a mark before it: write one of the two"),
            Problem::Form { write } => write!(f, "not written as it should be: write `{write}`"),
            Problem::Impossible { why } => write!(f, "no label is like that: {why}"),
        }
    }
}

impl Table {
    /// Reads a banner or a portion mark.
    pub fn parse(&self, text: &str) -> Result<Label, MarkError> {
        if text.chars().nth(LONGEST).is_some() {
            return Err(MarkError { at: LONGEST + 1, problem: Problem::TooLong });
        }
        let folded = fold(text);
        let characters = folded.characters();
        let (inner, opens) = match characters.as_slice() {
            ['(', inner @ .., ')'] => (inner, 1),
            all => (all, 0),
        };
        let reader = Reader { table: self, folded: &folded, opens, text: inner, at: 0, odd: None };
        reader.read()
    }
}

/// What has been read so far.
struct Reader<'a> {
    table: &'a Table,
    folded: &'a Folded,
    /// Characters before `text`.
    opens: usize,
    text: &'a [char],
    at: usize,
    /// Where it was first seen that the form is not the table's.
    odd: Option<usize>,
}

/// A label being put together.
struct Draft {
    level: Level,
    compartments: Compartments,
    integrity: Integrity,
    released: Option<Released>,
}

enum Released {
    Everyone,
    To(Nations),
}

impl<'a> Reader<'a> {
    fn read(mut self) -> Result<Label, MarkError> {
        let level = self.level()?;
        let mut draft =
            Draft { level, compartments: Compartments::NONE, integrity: Integrity::HIGHEST, released: None };
        // The text begins with a level, which stands before all groups.
        let mut last = None;
        while self.at < self.text.len() {
            let separator = self.separator();
            let from = self.at;
            let mark = self.mark()?;
            self.check_place(&separator, from, last, mark.place);
            last = Some(mark.place);
            self.apply(mark, from, &mut draft)?;
        }
        self.finish(&draft)
    }

    fn level(&mut self) -> Result<Level, MarkError> {
        let rows = self.table.levels.iter();
        let spelled = rows.flat_map(|row| row.spellings.iter().map(move |spelling| (spelling, row.level)));
        let longest =
            spelled.filter(|(spelling, _)| self.starts_with(spelling)).max_by_key(|(spelling, _)| spelling.len());
        match longest {
            Some((spelling, level)) => {
                self.at += spelling.len();
                Ok(level)
            }
            None => {
                let found: String = self.text.iter().take_while(|one| **one != '/').collect();
                let known: Vec<String> = self.table.levels.iter().map(|row| row.name.clone()).collect();
                let near = nearest(&found, known.iter().map(String::as_str)).map(str::to_owned);
                Err(self.error(0, Problem::Level { found, near, known }))
            }
        }
    }

    /// Does the rest begin with this, as whole words?
    fn starts_with(&self, spelling: &[char]) -> bool {
        let rest = self.text.get(self.at..).unwrap_or(&[]);
        let ends = rest.get(spelling.len()).is_none_or(|next| !next.is_alphanumeric());
        rest.starts_with(spelling) && ends
    }

    fn separator(&mut self) -> String {
        let rest = self.text.get(self.at..).unwrap_or(&[]);
        let separator: String = rest.iter().take_while(|one| !one.is_alphanumeric()).collect();
        self.at += separator.chars().count();
        separator
    }

    fn mark(&self) -> Result<&'a Mark, MarkError> {
        let table: &'a Table = self.table;
        let marks = table.marks.iter();
        let spelled = marks.flat_map(|mark| mark.spellings.iter().map(move |spelling| (spelling, mark)));
        let longest =
            spelled.filter(|(spelling, _)| self.starts_with(spelling)).max_by_key(|(spelling, _)| spelling.len());
        if let Some((_, mark)) = longest {
            return Ok(mark);
        }
        let found = self.word(|one| one == '/' || one == ',');
        let known = self.table.marks.iter().filter(|mark| !matches!(mark.says, Says::RaiseTo(_) | Says::Refused(_)));
        let near = nearest(&found, known.map(|mark| mark.name.as_str())).map(str::to_owned);
        Err(self.error(self.at, Problem::Mark { found, near }))
    }

    /// The rest up to what ends a word.
    fn word(&self, ends: impl Fn(char) -> bool) -> String {
        self.text.get(self.at..).unwrap_or(&[]).iter().take_while(|one| !ends(**one)).collect()
    }

    fn check_place(&mut self, separator: &str, from: usize, last: Option<(usize, usize)>, own: (usize, usize)) {
        let table = self.table;
        let wanted = match last {
            Some(last) if last.0 == own.0 => &table.within,
            _ => &table.between,
        };
        // Retired marks stand where they like: what they become is written elsewhere.
        let retired = own.1 == usize::MAX && own.0 == table.groups.len();
        let fits = last.is_none_or(|last| last < own) && fold_separator(wanted) == separator;
        if !(retired || fits) {
            self.odd.get_or_insert(from);
        }
    }

    fn apply(&mut self, mark: &Mark, from: usize, draft: &mut Draft) -> Result<(), MarkError> {
        let spelled = mark.spellings.iter().filter(|spelling| self.starts_with(spelling)).map(Vec::len).max();
        self.at += spelled.unwrap_or(0);
        let released = match &mark.says {
            Says::Compartment { all, .. } => {
                draft.compartments = draft.compartments.union(*all);
                return Ok(());
            }
            Says::Integrity(integrity) if draft.integrity == Integrity::HIGHEST => {
                draft.integrity = *integrity;
                return Ok(());
            }
            Says::Integrity(_) => return Err(self.twice(from, mark)),
            Says::RaiseTo(level) => {
                draft.level = draft.level.max(*level);
                return Ok(());
            }
            Says::Refused(why) => {
                return Err(self.error(from, Problem::Refused { mark: mark.name.clone(), why: why.clone() }));
            }
            Says::Everyone { .. } => Released::Everyone,
            Says::OwnerOnly => Released::To(self.table.owner),
            Says::List => Released::To(self.list(from, mark)?),
            Says::Others => Released::To(self.nations(mark)?),
        };
        match draft.released.replace(released) {
            None => Ok(()),
            Some(_) => Err(self.twice(from, mark)),
        }
    }

    /// A list that the owner is among, named or not.
    fn list(&mut self, from: usize, mark: &Mark) -> Result<Nations, MarkError> {
        let named = self.nations(mark)?;
        let table = self.table;
        if table.list_names == ListNames::All && !table.owner.is_subset(named) {
            let all = table.owner_names.iter().cloned().chain(table.names(named.without(table.owner)));
            let write = format!("{} {}", mark.name, all.collect::<Vec<String>>().join(", "));
            return Err(self.error(from, Problem::OwnerMissing { write }));
        }
        let all = named.union(table.owner);
        if all == table.owner {
            // There is a shorter mark for that.
            self.odd.get_or_insert(from);
        }
        Ok(all)
    }

    /// Codes behind a mark, up to what is no code.
    fn nations(&mut self, mark: &Mark) -> Result<Nations, MarkError> {
        let mut all = Nations::NONE;
        let mut first = true;
        loop {
            let before = self.at;
            let separator = self.separator();
            let word = self.word(|one| !one.is_alphanumeric());
            let found = match (word.as_str(), &mark.says) {
                (NOBODY, Says::Others) if first => Some(Nations::NONE),
                (word, _) => self.table.nations.find(word),
            };
            // A comma promises a nation, and so does the mark; behind a space one may come.
            let promised = first || separator == ",";
            match found {
                Some(found) if promised || separator == " " => {
                    if !promised {
                        self.odd.get_or_insert(self.at);
                    }
                    all = all.union(found);
                    self.at += word.chars().count();
                }
                _ if first && (word.is_empty() || separator != " ") => {
                    return Err(self.error(before, Problem::NoNation { mark: mark.name.clone() }));
                }
                _ if promised => return Err(self.no_nation()),
                _ => {
                    self.at = before;
                    return Ok(all);
                }
            }
            first = false;
        }
    }

    fn no_nation(&self) -> MarkError {
        let found = self.word(|one| matches!(one, '/' | ',' | '-')).trim_end().to_owned();
        let near = self.table.nations.meant_by(&found).map(str::to_owned);
        self.error(self.at, Problem::Nation { found, near })
    }

    fn finish(&self, draft: &Draft) -> Result<Label, MarkError> {
        let unmarked = self.table.level(draft.level).map(|row| row.unmarked);
        let withheld = match (&draft.released, unmarked) {
            (Some(Released::To(nations)), _) => nations.complement(),
            (Some(Released::Everyone), _) | (None, Some(Unmarked::Everyone)) => Nations::NONE,
            (None, _) => self.table.owner.complement(),
        };
        let label = Label::new(Parts {
            table: self.table.id,
            level: draft.level,
            integrity: draft.integrity,
            compartments: draft.compartments,
            withheld,
        });
        match (self.table.banner(&label), self.odd) {
            (Ok(_), None) => Ok(label),
            (Ok(write), Some(at)) => Err(self.error(at, Problem::Form { write })),
            (Err(why), _) => Err(self.error(0, Problem::Impossible { why })),
        }
    }

    fn twice(&self, from: usize, mark: &Mark) -> MarkError {
        self.error(from, Problem::Twice { mark: mark.name.clone() })
    }

    fn error(&self, index: usize, problem: Problem) -> MarkError {
        MarkError { at: self.folded.place(index + self.opens), problem }
    }
}

/// A separator as it looks in folded text between two letters.
fn fold_separator(separator: &str) -> String {
    let folded = fold(&format!("A{separator}A")).text();
    folded.trim_matches('A').to_owned()
}
