//! What was observed of pieces: when each was last proven, what was found wrong, and what the looking
//! has cost. None of it is journaled, and none of it comes back with a rebuild: a catalog that was
//! recreated has proven nothing yet.

use std::collections::BTreeMap;

use model::{BucketId, Label, NanoDollars, PieceName, Segment, SegmentId, SiteId, Timestamp};

/// How well a piece is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// It is there in its whole length, by a listing or by its head.
    Seen,
    /// Cells of it were read and what they hold is what was written. A piece was `Read` first when it
    /// was written: the site showed that it had the same bytes.
    Read,
}

/// A piece as a scrub looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceAt {
    pub name: PieceName,
    pub index: u8,
    pub segment: SegmentId,
    /// Bytes it has at its site.
    pub length: u64,
    /// `None`: never since this catalog came to know it.
    pub seen: Option<Timestamp>,
    pub read: Option<Timestamp>,
}

/// A place among a site's pieces from the one whose proof is oldest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Aged {
    pub proven: Option<Timestamp>,
    pub name: PieceName,
}

/// How thoroughly a scrub looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// The site's listing against the catalog, both ways.
    Inventory,
    /// The head of each piece.
    Heads,
    /// A random stripe of each segment.
    Cells,
}

impl Depth {
    pub const ALL: [Depth; 3] = [Depth::Inventory, Depth::Heads, Depth::Cells];

    pub const fn name(self) -> &'static str {
        match self {
            Depth::Inventory => "inventory",
            Depth::Heads => "heads",
            Depth::Cells => "cells",
        }
    }
}

/// How far a walk over a site's pieces is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Where it goes on, in the words of whoever walks; `None` between two walks.
    pub place: Option<String>,
    /// When this walk, or the last one, began.
    pub began: Option<Timestamp>,
    /// When the last one that came to its end did.
    pub ended: Option<Timestamp>,
}

/// Days since the Unix epoch, in UTC: what a budget is given for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetDay(pub i64);

impl BudgetDay {
    pub const MS: i64 = 24 * 3600 * 1000;

    pub const fn of(now: Timestamp) -> BudgetDay {
        BudgetDay(now.0.div_euclid(BudgetDay::MS))
    }
}

/// Who spends, each out of a budget of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Scrubs of a site.
    Scrub(SiteId),
    /// Repairs, evacuations and moves of the whole enclave.
    Keeping,
}

/// What was spent on looking after pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub requests: u64,
    pub bytes: u64,
    pub cost: NanoDollars,
}

impl Spent {
    /// No limit.
    pub const UNBOUNDED: Spent = Spent { requests: u64::MAX, bytes: u64::MAX, cost: NanoDollars(u64::MAX) };

    pub const fn is_within(self, limit: Spent) -> bool {
        self.requests <= limit.requests && self.bytes <= limit.bytes && self.cost.0 <= limit.cost.0
    }

    #[must_use]
    pub fn and(self, more: Spent) -> Spent {
        Spent {
            requests: self.requests.saturating_add(more.requests),
            bytes: self.bytes.saturating_add(more.bytes),
            cost: NanoDollars(self.cost.0.saturating_add(more.cost.0)),
        }
    }
}

/// How a scrub stands at one site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrubState {
    /// The newest day on which something was spent, and what.
    pub day: BudgetDay,
    pub spent: Spent,
    pub walks: BTreeMap<Depth, Walk>,
}

/// What can be wrong with a piece or a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The site says that it has no such piece.
    Missing,
    /// It is shorter than what was written.
    Truncated,
    /// Bytes of it do not match their digest.
    Damaged,
    /// It proves itself, but as something else than was written under its name.
    Replaced,
    /// Its digests hold, and data and parity of its segment do not agree. Which piece was made up only
    /// a reader can tell, who has the key; if all others agree, it is this one.
    Contradicts,
    /// A piece of this enclave that no record names. The sweep deletes it after its grace.
    Stray,
    /// An object that is none of this enclave's. It is never touched.
    Foreign,
    /// The site has what its listing left out, or said otherwise.
    LyingList,
}

impl Fault {
    pub const ALL: [Fault; 8] = [
        Fault::Missing,
        Fault::Truncated,
        Fault::Damaged,
        Fault::Replaced,
        Fault::Contradicts,
        Fault::Stray,
        Fault::Foreign,
        Fault::LyingList,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Fault::Missing => "missing",
            Fault::Truncated => "truncated",
            Fault::Damaged => "damaged",
            Fault::Replaced => "replaced",
            Fault::Contradicts => "contradicts",
            Fault::Stray => "stray",
            Fault::Foreign => "foreign",
            Fault::LyingList => "lying-list",
        }
    }
}

/// Something a scrub found wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub fault: Fault,
    pub site: SiteId,
    /// What the site calls the object.
    pub object: String,
    /// Of which segment it is a piece, and which one.
    pub piece: Option<(SegmentId, u8)>,
    /// Who may hear of it: of what lies in a segment, its label; else the highest that may lie at the
    /// site. `None` of the control stream, which holds no labelled data.
    pub label: Option<Label>,
    pub first: Timestamp,
    pub last: Timestamp,
    /// How often it was found.
    pub times: u64,
    /// Since when it is over: the piece was proven again, no record names it any more, or it is gone.
    pub over: Option<Timestamp>,
}

impl Finding {
    /// As it is found now.
    pub fn new(fault: Fault, site: SiteId, object: String, label: Option<Label>, now: Timestamp) -> Finding {
        Finding { fault, site, object, piece: None, label, first: now, last: now, times: 1, over: None }
    }
}

/// Which findings are over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    These(Vec<(Fault, String)>),
    /// Those with these faults that were not found again from then on.
    NotFoundSince(Vec<Fault>, Timestamp),
}

/// Of each object in a run of rows, what it lies in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProofPage {
    pub objects: Vec<ObjectProof>,
    /// Every segment that is named above and known.
    pub segments: BTreeMap<SegmentId, SegmentProof>,
    /// Where the next page begins; `None` behind the last.
    pub next: Option<u64>,
}

/// A version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectProof {
    pub bucket: BucketId,
    pub bytes: u64,
    pub segments: Vec<SegmentId>,
}

/// A segment with the proofs of its pieces, in the order of those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentProof {
    pub segment: Segment,
    pub proofs: Vec<(Option<Timestamp>, Option<Timestamp>)>,
}
