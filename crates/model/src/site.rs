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
