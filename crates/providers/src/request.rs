//! The five requests a site knows, as decorators speak of them.

use std::fmt;

/// What a request asks of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Put,
    Get,
    Head,
    Delete,
    List,
}

/// The two halves of a site's work, which fail apart: a full or read-only site still reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Half {
    Read,
    Write,
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Put, Kind::Get, Kind::Head, Kind::Delete, Kind::List];

    pub const fn name(self) -> &'static str {
        match self {
            Kind::Put => "put",
            Kind::Get => "get",
            Kind::Head => "head",
            Kind::Delete => "delete",
            Kind::List => "list",
        }
    }

    /// Which half of the site it needs.
    pub const fn half(self) -> Half {
        match self {
            Kind::Put | Kind::Delete => Half::Write,
            Kind::Get | Kind::Head | Kind::List => Half::Read,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Half::Read => "reads",
            Half::Write => "writes",
        })
    }
}
