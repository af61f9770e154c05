//! What must hold of any kernel of labels, for all labels given: the laws of a lattice, and what the
//! order is to mean, said a second time over plain sets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::super::{Compartments, Integrity, Label, Level, Nations, Parts, TableId};

/// The three operations, so that wrong ones can be put in their place.
#[derive(Clone, Copy)]
pub struct Kernel {
    pub leq: fn(&Label, &Label) -> bool,
    pub join: fn(&Label, &Label) -> Option<Label>,
    pub meet: fn(&Label, &Label) -> Option<Label>,
}

/// A law and the labels that break it.
#[derive(Debug, PartialEq)]
pub struct Broken {
    pub law: &'static str,
    pub by: Vec<Label>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not {} for {:?}", self.law, self.by)
    }
}

/// A label as a reader of the design page would write it down, out of the bytes by another way.
#[derive(Clone, Debug, PartialEq)]
pub struct Meaning {
    table: u16,
    level: u8,
    trust: u8,
    compartments: BTreeSet<usize>,
    released_to: BTreeSet<usize>,
}

impl Meaning {
    pub fn of(label: &Label) -> Meaning {
        let bytes = label.canonical();
        let bit = |last: usize, number: usize| bytes[last - number / 8] >> (number % 8) & 1 == 1;
        Meaning {
            table: u16::from(bytes[0]) * 256 + u16::from(bytes[1]),
            level: bytes[2],
            trust: 255 - bytes[3],
            compartments: (0..128).filter(|number| bit(19, *number)).collect(),
            released_to: (0..256).filter(|number| !bit(51, *number)).collect(),
        }
    }

    /// Levels rise, compartments grow, releasability shrinks, trust falls.
    pub fn may_flow_to(&self, upper: &Meaning) -> bool {
        self.table == upper.table
            && self.level <= upper.level
            && self.compartments.is_subset(&upper.compartments)
            && self.released_to.is_superset(&upper.released_to)
            && self.trust >= upper.trust
    }

    /// What is made of both: restrictive unites, permissive intersects.
    pub fn join(&self, other: &Meaning) -> Option<Meaning> {
        (self.table == other.table).then(|| Meaning {
            table: self.table,
            level: self.level.max(other.level),
            trust: self.trust.min(other.trust),
            compartments: &self.compartments | &other.compartments,
            released_to: &self.released_to & &other.released_to,
        })
    }

    pub fn meet(&self, other: &Meaning) -> Option<Meaning> {
        (self.table == other.table).then(|| Meaning {
            table: self.table,
            level: self.level.min(other.level),
            trust: self.trust.max(other.trust),
            compartments: &self.compartments & &other.compartments,
            released_to: &self.released_to | &other.released_to,
        })
    }
}

/// Which parts a model is made of; two compartments and two nations make four sets each.
pub struct Model {
    pub tables: &'static [u16],
    pub levels: &'static [u8],
    pub below_highest: &'static [u8],
    pub compartments: &'static [u8],
    pub nations: &'static [u8],
}

/// The code is that of full width; the bits lie at both ends of their fields.
pub const SMALL: Model = Model {
    tables: &[0, 1, 0x100],
    levels: &[0, 1, 255],
    below_highest: &[0, 200],
    compartments: &[0, 127],
    nations: &[0, 255],
};

/// Two of everything.
pub const TINY: Model =
    Model { tables: &[0, 1], levels: &[0, 255], below_highest: &[0, 200], compartments: &[127], nations: &[255] };

impl Model {
    /// Every label of it.
    pub fn labels(&self) -> Vec<Label> {
        let mut labels = Vec::new();
        for table in self.tables {
            for level in self.levels {
                for below_highest in self.below_highest {
                    for compartments in subsets(self.compartments) {
                        for nations in subsets(self.nations) {
                            labels.push(Label::new(Parts {
                                table: TableId(*table),
                                level: Level(*level),
                                integrity: Integrity { below_highest: *below_highest },
                                compartments: compartments.iter().map(|number| Compartments::one(*number)).collect(),
                                withheld: nations.iter().map(|number| Nations::one(*number)).collect(),
                            }));
                        }
                    }
                }
            }
        }
        labels
    }
}

fn subsets(all: &[u8]) -> Vec<Vec<u8>> {
    all.iter().fold(vec![Vec::new()], |sets, one| {
        let with = sets.iter().map(|set| [set.as_slice(), &[*one]].concat());
        sets.iter().cloned().chain(with).collect()
    })
}

/// What the kernel says of every pair, so that the laws of three look up and do not compute. Indices
/// are those of the labels.
pub struct Answers<'a> {
    labels: &'a [Label],
    leq: Vec<bool>,
    join: Vec<Option<usize>>,
    meet: Vec<Option<usize>>,
}

impl Kernel {
    pub const TRUE: Kernel = Kernel { leq: |a, b| b.dominates(a), join: Label::join, meet: Label::meet };

    /// The laws that do not hold over all the labels, found as they are asked for. The labels must be
    /// closed under join and meet.
    pub fn broken(&self, labels: &[Label]) -> impl Iterator<Item = Broken> {
        let answers = Answers::of(self, labels);
        let (answers, open) = match answers {
            Ok(answers) => (Some(answers), None),
            Err(open) => (None, Some(open)),
        };
        let broken = |law, at: Vec<usize>| Broken { law, by: at.iter().map(|index| labels[*index]).collect() };
        let laws = answers.into_iter().flat_map(move |answers| {
            LAWS.iter().filter_map(move |(law, holds)| answers.exception(holds).map(|at| broken(law, at)))
        });
        self.broken_meaning(labels).into_iter().chain(open).chain(laws)
    }

    /// Whether the operations are what the design says, for these labels, which need not be closed.
    pub fn broken_meaning(&self, labels: &[Label]) -> Option<Broken> {
        let meanings: Vec<Meaning> = labels.iter().map(Meaning::of).collect();
        for (a, one) in labels.iter().zip(&meanings) {
            for (b, two) in labels.iter().zip(&meanings) {
                let means = |label: Option<Label>| label.map(|label| Meaning::of(&label));
                let holds = (self.leq)(a, b) == one.may_flow_to(two)
                    && means((self.join)(a, b)) == one.join(two)
                    && means((self.meet)(a, b)) == one.meet(two);
                if !holds {
                    return Some(Broken { law: MEANING, by: vec![*a, *b] });
                }
            }
        }
        None
    }
}

/// All operations are what the design page says.
pub const MEANING: &str = "what the design means";
/// A model is a lattice of its own: what is combined of it lies in it.
pub const CLOSED: &str = "closed under join and meet";

/// A law says something of every one, two or three labels.
pub enum Law {
    One(fn(&Answers, usize) -> bool),
    Two(fn(&Answers, usize, usize) -> bool),
    Three(fn(&Answers, usize, usize, usize) -> bool),
}

pub const LAWS: &[(&str, Law)] = &[
    ("reflexive", Law::One(|k, a| k.leq(a, a))),
    ("join idempotent", Law::One(|k, a| k.join(a, a) == Some(a))),
    ("meet idempotent", Law::One(|k, a| k.meet(a, a) == Some(a))),
    ("antisymmetric", Law::Two(|k, a, b| !(k.leq(a, b) && k.leq(b, a)) || a == b)),
    ("tables apart", Law::Two(|k, a, b| k.same_table(a, b) || !k.leq(a, b))),
    ("join within a table", Law::Two(|k, a, b| k.join(a, b).is_some() == k.same_table(a, b))),
    ("meet within a table", Law::Two(|k, a, b| k.meet(a, b).is_some() == k.same_table(a, b))),
    ("join commutative", Law::Two(|k, a, b| k.join(a, b) == k.join(b, a))),
    ("meet commutative", Law::Two(|k, a, b| k.meet(a, b) == k.meet(b, a))),
    ("join an upper bound", Law::Two(|k, a, b| k.join(a, b).is_none_or(|join| k.leq(a, join) && k.leq(b, join)))),
    ("meet a lower bound", Law::Two(|k, a, b| k.meet(a, b).is_none_or(|meet| k.leq(meet, a) && k.leq(meet, b)))),
    ("order agreeing with join", Law::Two(|k, a, b| k.leq(a, b) == (k.join(a, b) == Some(b)))),
    ("order agreeing with meet", Law::Two(|k, a, b| k.leq(a, b) == (k.meet(a, b) == Some(a)))),
    ("join absorbing meet", Law::Two(|k, a, b| k.meet(a, b).is_none_or(|meet| k.join(a, meet) == Some(a)))),
    ("meet absorbing join", Law::Two(|k, a, b| k.join(a, b).is_none_or(|join| k.meet(a, join) == Some(a)))),
    ("lowest below its table", Law::Two(|k, a, b| !k.is_lowest(a) || k.leq(a, b) == k.same_table(a, b))),
    ("transitive", Law::Three(|k, a, b, c| !(k.leq(a, b) && k.leq(b, c)) || k.leq(a, c))),
    (
        "join the least",
        Law::Three(|k, a, b, c| !(k.leq(a, c) && k.leq(b, c)) || k.join(a, b).is_some_and(|join| k.leq(join, c))),
    ),
    (
        "meet the greatest",
        Law::Three(|k, a, b, c| !(k.leq(c, a) && k.leq(c, b)) || k.meet(a, b).is_some_and(|meet| k.leq(c, meet))),
    ),
    (
        "join associative",
        Law::Three(|k, a, b, c| k.join(a, b).and_then(|ab| k.join(ab, c)) == k.join(b, c).and_then(|bc| k.join(a, bc))),
    ),
    (
        "meet associative",
        Law::Three(|k, a, b, c| k.meet(a, b).and_then(|ab| k.meet(ab, c)) == k.meet(b, c).and_then(|bc| k.meet(a, bc))),
    ),
    (
        "distributive",
        Law::Three(|k, a, b, c| {
            let one = k.join(b, c).and_then(|bc| k.meet(a, bc));
            let two = k.meet(a, b).zip(k.meet(a, c)).and_then(|(ab, ac)| k.join(ab, ac));
            one == two || !(k.same_table(a, b) && k.same_table(b, c))
        }),
    ),
];

impl<'a> Answers<'a> {
    fn of(kernel: &Kernel, labels: &'a [Label]) -> Result<Answers<'a>, Broken> {
        let mut answers = Answers { labels, leq: Vec::new(), join: Vec::new(), meet: Vec::new() };
        let known: BTreeMap<[u8; Label::BYTES], usize> =
            labels.iter().enumerate().map(|(index, label)| (*label.canonical(), index)).collect();
        for a in labels {
            for b in labels {
                let place = |combined: Option<Label>| match combined {
                    None => Ok(None),
                    Some(label) => known
                        .get(label.canonical())
                        .map(|index| Some(*index))
                        .ok_or_else(|| Broken { law: CLOSED, by: vec![*a, *b] }),
                };
                answers.leq.push((kernel.leq)(a, b));
                answers.join.push(place((kernel.join)(a, b))?);
                answers.meet.push(place((kernel.meet)(a, b))?);
            }
        }
        Ok(answers)
    }

    /// Labels, by index, for which a law does not hold.
    fn exception(&self, law: &Law) -> Option<Vec<usize>> {
        let all = || 0..self.labels.len();
        match law {
            Law::One(holds) => all().find(|a| !holds(self, *a)).map(|a| vec![a]),
            Law::Two(holds) => all().find_map(|a| all().find(|b| !holds(self, a, *b)).map(|b| vec![a, b])),
            Law::Three(holds) => {
                all().find_map(|a| all().find_map(|b| all().find(|c| !holds(self, a, b, *c)).map(|c| vec![a, b, c])))
            }
        }
    }

    fn leq(&self, a: usize, b: usize) -> bool {
        self.leq[a * self.labels.len() + b]
    }

    fn join(&self, a: usize, b: usize) -> Option<usize> {
        self.join[a * self.labels.len() + b]
    }

    fn meet(&self, a: usize, b: usize) -> Option<usize> {
        self.meet[a * self.labels.len() + b]
    }

    fn same_table(&self, a: usize, b: usize) -> bool {
        self.labels[a].canonical()[..2] == self.labels[b].canonical()[..2]
    }

    fn is_lowest(&self, a: usize) -> bool {
        self.labels[a].canonical()[2..] == [0; Label::BYTES - 2]
    }
}
