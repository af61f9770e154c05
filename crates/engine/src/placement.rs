//! Placement: a profile compiled against the sites as they are now.
//!
//! A pure function of profile, sites and this gateway's view of their health. The fault domain is
//! the vendor: a segment never has two pieces at one.

use model::{Code, Profile, SiteId, Vendor};
use thiserror::Error;

/// A site as placement sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub site: SiteId,
    pub vendor: Vendor,
}

/// Where the next segment's pieces go: piece `i` to `sites[i]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    pub code: Code,
    pub sites: Vec<SiteId>,
}

/// Too few vendors are well for the profile's floor.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}, profile {profile} needs {needed}", able(.found))]
pub struct UnderFloor {
    pub profile: Profile,
    pub found: usize,
    pub needed: usize,
}

fn able(found: &usize) -> String {
    match found {
        0 => "no vendor can take writes".to_owned(),
        1 => "1 vendor can take writes".to_owned(),
        found => format!("{found} vendors can take writes"),
    }
}

/// Compiles `profile` over the sites that can take writes. `turn` rotates which vendor holds which
/// piece (and which of a vendor's sites is used), so that reads spread.
///
/// With fewer vendors than the profile wants, data pieces give way first: the promise is kept as
/// long as it can be, then the floor, then there is no map.
pub fn compile(profile: Profile, sites: &[Candidate], turn: u64) -> Result<Map, UnderFloor> {
    let mut vendors: Vec<Vendor> = sites.iter().map(|site| site.vendor).collect();
    vendors.sort_unstable();
    vendors.dedup();

    let floor = usize::from(profile.floor());
    let found = vendors.len();
    let pieces = found.min(usize::from(profile.code().n()));
    let data = pieces.saturating_sub(usize::from(profile.promise())).max(1);
    if pieces < data + floor || pieces == 0 {
        return Err(UnderFloor { profile, found, needed: 1 + floor });
    }

    let turn = usize::try_from(turn % (1 << 16)).unwrap_or(0);
    vendors.rotate_left(turn % found);
    let chosen = vendors.iter().take(pieces).filter_map(|vendor| {
        let own: Vec<_> = sites.iter().filter(|site| site.vendor == *vendor).collect();
        own.get(turn % own.len().max(1)).map(|site| site.site)
    });
    let code = Code { k: small(data), m: small(pieces - data) };
    Ok(Map { code, sites: chosen.collect() })
}

/// Piece counts are bounded by the number of vendors.
fn small(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites(vendors: &[Vendor]) -> Vec<Candidate> {
        let site = |(i, vendor): (u8, &Vendor)| Candidate { site: SiteId([i; 16]), vendor: *vendor };
        (0..).zip(vendors).map(site).collect()
    }

    /// The profile table of the design: the code with all vendors well, then with one more out each.
    fn check(profile: Profile, codes: &[&str]) {
        let all = Profile::code(profile).n() as usize;
        for (out, wanted) in codes.iter().enumerate() {
            let map = compile(profile, &sites(&Vendor::ALL[..all - out]), 0);
            let got = map.map_or("refused".to_owned(), |map| map.code.to_string());
            assert_eq!(got, **wanted, "{profile} with {out} out");
        }
    }

    #[test]
    fn the_map_follows_the_profile_table() {
        check(Profile::Quad, &["2+2", "1+2", "1+1", "refused"]);
        check(Profile::Lean, &["2+2", "1+2", "1+1", "refused"]);
        check(Profile::Std, &["3+2", "2+2", "1+2", "1+1", "refused"]);
        check(Profile::Econ, &["3+1", "2+1", "1+1", "refused"]);
        check(Profile::Mirror(3), &["1+2", "1+1", "refused"]);
        check(Profile::Mirror(1), &["1+0", "refused"]);
    }

    #[test]
    fn no_vendor_holds_two_pieces_whatever_the_turn() {
        let twice = [Vendor::Amazon, Vendor::Amazon, Vendor::Google, Vendor::Google, Vendor::Oracle, Vendor::Microsoft];
        let sites = sites(&twice);
        for turn in 0..12 {
            let map = compile(Profile::Quad, &sites, turn).unwrap();
            let mut vendors: Vec<_> = map
                .sites
                .iter()
                .map(|site| sites.iter().find(|candidate| candidate.site == *site).unwrap().vendor)
                .collect();
            vendors.sort_unstable();
            vendors.dedup();
            assert_eq!(vendors.len(), 4);
        }
    }

    #[test]
    fn turns_spread_the_first_piece_over_all_vendors() {
        let sites = sites(&Vendor::ALL[..4]);
        let mut first: Vec<_> = (0..4).map(|turn| compile(Profile::Quad, &sites, turn).unwrap().sites[0]).collect();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), 4);
    }
}
