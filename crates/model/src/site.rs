//! Sites and the vendors behind them.

use std::fmt;
use std::str::FromStr;

use crate::id::SiteId;

/// A company one could be locked in by; fault domains are vendors first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vendor {
    Amazon,
    Microsoft,
    Google,
    Oracle,
    /// The owner's own disks.
    Own,
}

impl Vendor {
    pub const ALL: [Vendor; 5] = [Vendor::Amazon, Vendor::Microsoft, Vendor::Google, Vendor::Oracle, Vendor::Own];

    pub const fn name(self) -> &'static str {
        match self {
            Vendor::Amazon => "amazon",
            Vendor::Microsoft => "microsoft",
            Vendor::Google => "google",
            Vendor::Oracle => "oracle",
            Vendor::Own => "own",
        }
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVendor(pub String);

impl fmt::Display for UnknownVendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no vendor: use amazon, microsoft, google, oracle or own", self.0)
    }
}

impl std::error::Error for UnknownVendor {}

impl FromStr for Vendor {
    type Err = UnknownVendor;

    fn from_str(text: &str) -> Result<Vendor, UnknownVendor> {
        Vendor::ALL.into_iter().find(|vendor| vendor.name() == text).ok_or_else(|| UnknownVendor(text.to_owned()))
    }
}

/// What a site is used for. Its owner says so; how well it does is another matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SiteState {
    /// Takes pieces and gives them.
    #[default]
    Active,
    /// Takes no new pieces, and is read only where the others do not suffice. What it holds counts.
    Suspended,
    /// Takes no new pieces, and what it holds is being brought elsewhere.
    Draining,
    /// Holds nothing that counts, and is not used.
    Detached,
}

impl SiteState {
    pub const ALL: [SiteState; 4] = [SiteState::Active, SiteState::Suspended, SiteState::Draining, SiteState::Detached];

    pub const fn name(self) -> &'static str {
        match self {
            SiteState::Active => "active",
            SiteState::Suspended => "suspended",
            SiteState::Draining => "draining",
            SiteState::Detached => "detached",
        }
    }

    /// Whether its pieces still count when its owner decides where things lie.
    pub const fn stays(self) -> bool {
        matches!(self, SiteState::Active | SiteState::Suspended)
    }
}

impl fmt::Display for SiteState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A site as the enclave knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// From its marker.
    pub id: SiteId,
    /// What settings call it; unique in its enclave.
    pub name: String,
    pub vendor: Vendor,
    pub region: String,
}
