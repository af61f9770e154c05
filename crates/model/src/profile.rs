//! Profiles: how a bucket's bytes are spread, what an acknowledgement promises, and the floor
//! under which nothing is acknowledged.

use std::fmt;
use std::str::FromStr;

use crate::segment::Code;

/// The rule of a bucket. The table is in the design's chapter on writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// 2+2 over four vendors.
    Quad,
    /// 2+2 over four vendors, two cheap-egress sites among them.
    Lean,
    /// 3+2 over five vendors.
    Std,
    /// 3+1 over four vendors; no slack in an outage.
    Econ,
    /// This many copies, 1 to 8, each at another vendor.
    Mirror(u8),
}

impl Profile {
    /// The most copies a mirror keeps: more vendors than anyone contracts with.
    pub const MIRROR_MAX: u8 = 8;

    /// The code when every site is well.
    pub const fn code(self) -> Code {
        match self {
            Profile::Quad | Profile::Lean => Code { k: 2, m: 2 },
            Profile::Std => Code { k: 3, m: 2 },
            Profile::Econ => Code { k: 3, m: 1 },
            Profile::Mirror(copies) => Code { k: 1, m: copies.saturating_sub(1) },
        }
    }

    /// How many further vendors an acknowledged write outlives when every site is well.
    pub const fn promise(self) -> u8 {
        match self {
            Profile::Quad | Profile::Lean | Profile::Std => 2,
            Profile::Econ => 1,
            Profile::Mirror(copies) => copies.saturating_sub(1),
        }
    }

    /// How many it outlives at the very least; under this a write is refused.
    pub const fn floor(self) -> u8 {
        match self {
            Profile::Mirror(0 | 1) => 0,
            _ => 1,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Profile::Quad => f.write_str("quad"),
            Profile::Lean => f.write_str("lean"),
            Profile::Std => f.write_str("std"),
            Profile::Econ => f.write_str("econ"),
            Profile::Mirror(copies) => write!(f, "mirror-{copies}"),
        }
    }
}

/// The text names no profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProfile(pub String);

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no profile: use quad, lean, std, econ or mirror-1 to mirror-8", self.0)
    }
}

impl std::error::Error for UnknownProfile {}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Profile, UnknownProfile> {
        let unknown = || UnknownProfile(text.to_owned());
        match text {
            "quad" => Ok(Profile::Quad),
            "lean" => Ok(Profile::Lean),
            "std" => Ok(Profile::Std),
            "econ" => Ok(Profile::Econ),
            _ => {
                let copies = text.strip_prefix("mirror-").and_then(|n| n.parse().ok()).ok_or_else(unknown)?;
                (1..=Profile::MIRROR_MAX).contains(&copies).then_some(Profile::Mirror(copies)).ok_or_else(unknown)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_survives_its_name() {
        for profile in [Profile::Quad, Profile::Lean, Profile::Std, Profile::Econ, Profile::Mirror(3)] {
            assert_eq!(profile.to_string().parse(), Ok(profile));
        }
        for bad in ["", "QUAD", "mirror-0", "mirror-9", "mirror-x"] {
            assert!(bad.parse::<Profile>().is_err(), "`{bad}`");
        }
    }
}
