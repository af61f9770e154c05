//! A policy table: names for the numbers of labels, and the rules of what may stand beside what.

use std::collections::BTreeSet;

use model::label::Parts;
use model::{Compartments, Integrity, Label, Level, Nations, TableId};

use super::file::{GroupFile, ListNames, PlainFile, ReleasabilityFile, RetiredFile, TableFile, Unmarked};
use super::nations::NationList;
use super::spelling::fold;

/// A table that loaded is whole: it names its lowest label, no two of its spellings are the same, and it
/// reads what it writes.
#[derive(Clone, Debug)]
pub struct Table {
    pub(super) id: TableId,
    pub(super) name: String,
    pub(super) policy: String,
    pub(super) nations: NationList,
    pub(super) owner: Nations,
    /// As the file names them: nations or groups.
    pub(super) owner_names: Vec<String>,
    pub(super) between: String,
    pub(super) within: String,
    pub(super) list_names: ListNames,
    /// Lowest first.
    pub(super) levels: Vec<LevelRow>,
    pub(super) groups: Vec<Group>,
    pub(super) marks: Vec<Mark>,
}

#[derive(Clone, Debug)]
pub(super) struct LevelRow {
    pub level: Level,
    pub name: String,
    pub portion: String,
    /// Folded.
    pub spellings: Vec<Vec<char>>,
    pub rank: u8,
    pub unmarked: Unmarked,
    pub classification: String,
    pub impact: Option<String>,
    pub ism: Option<String>,
    pub cui: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub name: String,
    pub ism: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub name: String,
    pub portion: String,
    /// Folded.
    pub spellings: Vec<Vec<char>>,
    /// Where it stands: the group's place, and its own within.
    pub place: (usize, usize),
    pub says: Says,
    pub ism: Option<String>,
}

/// What a mark says of a label.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Says {
    Compartment {
        number: u8,
        /// Itself and what it is part of.
        all: Compartments,
        from: Level,
    },
    Everyone {
        up_to: Level,
    },
    OwnerOnly,
    List,
    Others,
    Integrity(Integrity),
    RaiseTo(Level),
    Refused(String),
}

/// Why a table is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy table `{table}`: {why}")]
pub struct TableError {
    table: String,
    why: String,
}

impl TableError {
    pub(super) fn rule(table: &str, why: impl Into<String>) -> TableError {
        TableError { table: table.to_owned(), why: why.into() }
    }

    pub(super) fn file(table: &str, source: &toml::de::Error) -> TableError {
        TableError::rule(table, source.to_string().trim_end().replace('\n', " "))
    }
}

impl Table {
    /// Reads and checks a table's file.
    pub fn load(text: &str, nations: &NationList) -> Result<Table, TableError> {
        let file: TableFile = toml::from_str(text).map_err(|source| TableError::file("?", &source))?;
        let name = file.name.clone();
        let table = Table::build(file, nations).map_err(|why| TableError::rule(&name, why))?;
        table.check_numbers().map_err(|why| TableError::rule(&name, why))?;
        table.check_spellings().map_err(|why| TableError::rule(&name, why))?;
        table.check_what_it_writes().map_err(|why| TableError::rule(&name, why))?;
        Ok(table)
    }

    pub fn id(&self) -> TableId {
        self.id
    }

    /// As configurations say it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The lowest label, which everything else of the table dominates.
    pub fn lowest(&self) -> Label {
        Label::lowest_of(self.id)
    }

    /// The clearance of a person of these nations at the level and compartments of `label`: whom the label
    /// itself is released to says nothing of who the person is. `nations` are codes or groups.
    pub fn for_readers_of(&self, label: &Label, nations: &[&str]) -> Option<Label> {
        let readers = nations.iter().map(|code| self.nations.find(code)).collect::<Option<Nations>>()?;
        let parts = label.parts();
        Some(Label::new(Parts { withheld: readers.complement(), ..parts }))
    }

    /// Names of the levels, lowest first.
    pub fn levels(&self) -> impl Iterator<Item = (Level, &str)> {
        self.levels.iter().map(|row| (row.level, row.name.as_str()))
    }

    pub(super) fn level(&self, level: Level) -> Option<&LevelRow> {
        self.levels.iter().find(|row| row.level == level)
    }

    pub(super) fn level_named(&self, name: &str) -> Option<&LevelRow> {
        self.levels.iter().find(|row| row.name == name)
    }

    pub(super) fn compartment_named(&self, name: &str) -> Option<&Mark> {
        self.compartments().find(|mark| mark.name == name)
    }

    pub(super) fn compartments(&self) -> impl Iterator<Item = &Mark> {
        self.marks.iter().filter(|mark| matches!(mark.says, Says::Compartment { .. }))
    }

    pub(super) fn mark(&self, says: impl Fn(&Says) -> bool) -> Option<&Mark> {
        self.marks.iter().find(|mark| says(&mark.says))
    }

    /// Every number of a compartment, for what is all of them.
    pub(super) fn all_compartments(&self) -> Compartments {
        self.compartments().filter_map(Mark::compartments).collect()
    }

    fn build(file: TableFile, nations: &NationList) -> Result<Table, String> {
        let owner = file.owner.iter().map(|code| nations.find(code).ok_or(format!("its owner `{code}` is no nation")));
        let mut table = Table {
            id: TableId(file.id),
            owner: owner.collect::<Result<Nations, String>>()?,
            name: file.name,
            policy: file.policy,
            nations: nations.clone(),
            owner_names: file.owner,
            between: file.between,
            within: file.within,
            list_names: file.releasability.names,
            levels: Vec::new(),
            groups: Vec::new(),
            marks: Vec::new(),
        };
        for level in file.level {
            table.levels.push(LevelRow {
                level: Level(level.number),
                spellings: spellings([&level.name, &level.portion], &level.also),
                classification: level.classification.unwrap_or_else(|| level.name.clone()),
                name: level.name,
                portion: level.portion,
                rank: level.rank,
                unmarked: level.unmarked,
                impact: level.impact,
                ism: level.ism,
                cui: level.cui,
            });
        }
        for group in &file.group {
            table.groups.push(Group { name: group.name.clone(), ism: group.ism.clone() });
            table.add_compartments(group)?;
        }
        table.add_releasability(&file.releasability, &file.group)?;
        let last = table.groups.len();
        for (place, one) in file.integrity.into_iter().enumerate() {
            let says = Says::Integrity(Integrity { below_highest: one.below_highest });
            let spellings = spellings([&one.name, &one.portion], &[]);
            table.marks.push(Mark {
                name: one.name,
                portion: one.portion,
                spellings,
                place: (last, place),
                says,
                ism: None,
            });
        }
        file.retired.iter().try_for_each(|retired| table.add_retired(retired, last))?;
        Ok(table)
    }

    fn add_compartments(&mut self, group: &GroupFile) -> Result<(), String> {
        for (index, mark) in group.mark.iter().enumerate() {
            let one = Compartments::one(mark.number);
            let parent = match &mark.part_of {
                None => Compartments::NONE,
                Some(parent) => self
                    .compartment_named(parent)
                    .and_then(Mark::compartments)
                    .ok_or(format!("`{}` is part of `{parent}`, which no mark before it is called", mark.name))?,
            };
            let portion = mark.portion.as_ref().unwrap_or(&mark.name);
            self.marks.push(Mark {
                name: mark.name.clone(),
                portion: portion.clone(),
                spellings: spellings([&mark.name, portion], &mark.also),
                place: (self.groups.len().saturating_sub(1), place(&mark.name, group).unwrap_or(index)),
                says: Says::Compartment {
                    number: mark.number,
                    all: one.union(parent),
                    from: mark.from.as_ref().map_or(Ok(Level(0)), |from| self.number_of(from))?,
                },
                ism: mark.ism.clone(),
            });
        }
        Ok(())
    }

    fn add_releasability(&mut self, file: &ReleasabilityFile, groups: &[GroupFile]) -> Result<(), String> {
        let at = groups.iter().position(|group| group.name == file.group);
        let at = at.ok_or(format!("releasability stands in the group `{}`, which there is not", file.group))?;
        let up_to = file.everyone.as_ref().and_then(|one| one.up_to.as_ref());
        let up_to = up_to.map_or(Ok(Level(u8::MAX)), |level| self.number_of(level))?;
        let all = [
            (file.everyone.as_ref(), Says::Everyone { up_to }),
            (file.owner_only.as_ref(), Says::OwnerOnly),
            (Some(&file.list), Says::List),
            (Some(&file.others), Says::Others),
        ];
        for (plain, says) in all {
            let Some(PlainFile { name, portion, also, ism, .. }) = plain else { continue };
            let within = groups.get(at).and_then(|group| place(name, group)).unwrap_or(usize::MAX);
            self.marks.push(Mark {
                name: name.clone(),
                portion: portion.clone(),
                spellings: spellings([name, portion], also),
                place: (at, within),
                says,
                ism: ism.clone(),
            });
        }
        Ok(())
    }

    fn add_retired(&mut self, retired: &RetiredFile, last: usize) -> Result<(), String> {
        let says = match (&retired.raise_to, &retired.refused) {
            (Some(level), None) => Says::RaiseTo(self.number_of(level)?),
            (None, Some(why)) => Says::Refused(why.clone()),
            _ => return Err(format!("the retired mark `{}` needs one of raise_to and refused", retired.name)),
        };
        self.marks.push(Mark {
            name: retired.name.clone(),
            portion: retired.name.clone(),
            spellings: spellings([&retired.name, &retired.name], &retired.also),
            place: (last, usize::MAX),
            says,
            ism: None,
        });
        Ok(())
    }

    fn number_of(&self, name: &str) -> Result<Level, String> {
        self.level_named(name).map(|row| row.level).ok_or(format!("it speaks of a level `{name}`, which there is not"))
    }

    fn check_numbers(&self) -> Result<(), String> {
        if self.levels.first().is_none_or(|row| row.level != Level(0)) {
            return Err("its first level has not the number 0".into());
        }
        for pair in self.levels.windows(2) {
            let [lower, upper] = pair else { continue };
            if lower.level >= upper.level || lower.rank > upper.rank {
                return Err(format!("`{}` comes before `{}` and is not below it", lower.name, upper.name));
            }
        }
        let mut numbers = BTreeSet::new();
        for mark in &self.marks {
            match &mark.says {
                Says::Compartment { number, .. } if usize::from(*number) >= Compartments::COUNT => {
                    return Err(format!("`{}` has the number {number}: there are numbers below 128", mark.name));
                }
                Says::Compartment { number, .. } if !numbers.insert(*number) => {
                    return Err(format!("`{}` has a number that is taken: {number}", mark.name));
                }
                Says::Integrity(Integrity::HIGHEST) => return Err("the highest integrity has no mark".into()),
                _ => {}
            }
        }
        let owner_only = self.mark(|says| *says == Says::OwnerOnly).is_some();
        let implied = self.levels.iter().all(|row| row.unmarked == Unmarked::Owner);
        match owner_only || implied {
            true => Ok(()),
            false => Err("it has no way to say `for the owner only` at a level that is for everyone unmarked".into()),
        }
    }

    fn check_spellings(&self) -> Result<(), String> {
        let levels = self.levels.iter().map(|row| (&row.name, &row.spellings));
        distinct(levels)?;
        distinct(self.marks.iter().map(|mark| (&mark.name, &mark.spellings)))
    }

    /// Every level alone and with each mark is written and read again.
    fn check_what_it_writes(&self) -> Result<(), String> {
        self.banner(&self.lowest()).map_err(|why| format!("its lowest label has no text: {why}"))?;
        for label in self.samples() {
            for text in [self.banner(&label), self.portion(&label)] {
                let text = text.map_err(|why| why.to_string())?;
                match self.parse(&text) {
                    Ok(read) if read == label => {}
                    Ok(_) => return Err(format!("it writes `{text}` and reads it as another label")),
                    Err(why) => return Err(format!("it writes `{text}` and does not read it: {why}")),
                }
            }
        }
        Ok(())
    }

    /// Labels that between them use every name: each level and each kind of releasability with nothing, with
    /// each compartment, with each integrity; and each two compartments.
    pub(super) fn samples(&self) -> Vec<Label> {
        let marks: Vec<Compartments> = self.compartments().filter_map(Mark::compartments).collect();
        let one = marks.iter().copied().chain([Compartments::NONE, self.all_compartments()]);
        let one: Vec<Compartments> = one.collect();
        let two = marks.iter().enumerate().flat_map(|(at, a)| marks.iter().skip(at + 1).map(|b| a.union(*b)));
        let two: Vec<Compartments> = two.collect();
        let integrities: Vec<Integrity> = self.marks.iter().filter_map(Mark::integrity).collect();
        let mut samples = Vec::new();
        for row in &self.levels {
            let level = Parts { level: row.level, ..self.lowest().parts() };
            for withheld in self.samples_withheld() {
                let plain = Parts { withheld, ..level };
                samples.extend(one.iter().map(|compartments| Parts { compartments: *compartments, ..plain }));
                samples.extend(integrities.iter().map(|integrity| Parts { integrity: *integrity, ..plain }));
            }
            let plain = Parts { withheld: self.owner.complement(), ..level };
            samples.extend(two.iter().map(|compartments| Parts { compartments: *compartments, ..plain }));
        }
        samples.into_iter().map(Label::new).filter(|label| self.check(label).is_ok()).collect()
    }

    /// One of each kind: for the owner, for one more, for one other alone, for nobody, for all there are
    /// now, for everyone.
    pub(super) fn samples_withheld(&self) -> [Nations; 6] {
        let other = self.nations.all().without(self.owner).iter().next().map_or(Nations::NONE, Nations::one);
        let released = [self.owner, self.owner.union(other), other, Nations::NONE, self.nations.all(), Nations::ALL];
        released.map(Nations::complement)
    }
}

impl Mark {
    /// What a compartment's mark stands for.
    pub fn compartments(&self) -> Option<Compartments> {
        match self.says {
            Says::Compartment { all, .. } => Some(all),
            _ => None,
        }
    }

    pub fn integrity(&self) -> Option<Integrity> {
        match self.says {
            Says::Integrity(integrity) => Some(integrity),
            _ => None,
        }
    }
}

fn place(name: &str, group: &GroupFile) -> Option<usize> {
    group.order.iter().position(|other| other == name)
}

fn spellings(names: [&String; 2], also: &[String]) -> Vec<Vec<char>> {
    names.into_iter().chain(also).map(|name| fold(name).characters()).collect()
}

fn distinct<'a>(rows: impl Iterator<Item = (&'a String, &'a Vec<Vec<char>>)>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for (name, spellings) in rows {
        let own: BTreeSet<&Vec<char>> = spellings.iter().collect();
        for spelling in own {
            let starts = spelling.first().is_some_and(char::is_ascii_alphanumeric);
            let ends = spelling.last().is_some_and(char::is_ascii_alphanumeric);
            if !starts || !ends {
                return Err(format!("a spelling of `{name}` does not begin and end with a letter or digit"));
            }
            if !seen.insert(spelling) {
                return Err(format!("a spelling of `{name}` is that of another"));
            }
        }
    }
    Ok(())
}
