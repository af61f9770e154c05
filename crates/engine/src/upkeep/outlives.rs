//! Which vendors something outlives. A vendor that is out counts as lost: what nobody can fetch now is not there.

use std::collections::{BTreeMap, BTreeSet};

use model::{Segment, SiteId, Vendor};

use crate::sites::Sites;

/// A set of vendors, a bit each in the order of [`Vendor::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vendors(u8);

/// How many sets there are.
const SETS: u8 = 1 << Vendor::ALL.len();

impl Vendors {
    fn every() -> impl Iterator<Item = Vendors> {
        (0..SETS).map(Vendors)
    }

    const fn has_all(self, of: Vendors) -> bool {
        self.0 & of.0 == of.0
    }

    const fn beyond(self, of: Vendors) -> u32 {
        (self.0 & !of.0).count_ones()
    }
}

impl From<Vendor> for Vendors {
    fn from(vendor: Vendor) -> Vendors {
        let place = Vendor::ALL.iter().position(|known| *known == vendor);
        Vendors(place.map_or(0, |place| 1 << place))
    }
}

impl FromIterator<Vendor> for Vendors {
    fn from_iter<I: IntoIterator<Item = Vendor>>(vendors: I) -> Vendors {
        Vendors(vendors.into_iter().fold(0, |all, vendor| all | Vendors::from(vendor).0))
    }
}

/// The sets of vendors that something outlives, a bit each. Few of them are ever met, so that a whole bucket is counted
/// by them, and what is lost now is asked of the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outlives(u32);

impl Outlives {
    /// What has nothing to lose.
    pub const EVERYTHING: Outlives = Outlives(u32::MAX);
    /// What is lost as it is.
    pub const NOTHING: Outlives = Outlives(0);

    /// A segment, by where pieces of it lie: `vendor_of` a site, if that counts.
    pub fn of(segment: &Segment, vendor_of: impl Fn(SiteId) -> Option<Vendor>) -> Outlives {
        let mut at: BTreeMap<u8, Vendors> = BTreeMap::new();
        for piece in &segment.pieces {
            if let Some(vendor) = vendor_of(piece.site) {
                at.entry(piece.index).or_default().0 |= Vendors::from(vendor).0;
            }
        }
        let is_read = |lost: Vendors| {
            // An index is there while any vendor that has it is.
            at.values().filter(|holders| !lost.has_all(**holders)).count() >= usize::from(segment.code.k)
        };
        Outlives(Vendors::every().filter(|lost| is_read(*lost)).fold(0, |sets, lost| sets | 1 << lost.0))
    }

    /// Both of them.
    #[must_use]
    pub const fn and(self, other: Outlives) -> Outlives {
        Outlives(self.0 & other.0)
    }

    /// With these lost, how many more may be, whichever they are; -1 where it cannot be read now.
    pub fn more_than(self, lost: Vendors) -> i64 {
        let outlives = |set: Vendors| self.0 & 1 << set.0 != 0;
        let fatal = Vendors::every().filter(|set| set.has_all(lost) && !outlives(*set));
        // What nothing is fatal to outlives all there are.
        let fewest = fatal.map(|set| set.beyond(lost)).min().unwrap_or(SETS.ilog2() + 1);
        i64::from(fewest) - 1
    }
}

/// A site, whose it is, and whether it gives what it is asked for.
pub type Reach = (SiteId, Vendor, bool);

pub fn reach(sites: &Sites) -> Vec<Reach> {
    sites.iter().map(|known| (known.site.id, known.site.vendor, known.is_scrubbed())).collect()
}

/// Sites that are out beside others of their vendor: what lies there is lost though the vendor is not.
pub fn out_alone(sites: &[Reach]) -> BTreeSet<SiteId> {
    let answering: Vendors = sites.iter().filter(|(_, _, answers)| *answers).map(|(_, vendor, _)| *vendor).collect();
    let alone = sites.iter().filter(|(_, vendor, answers)| !answers && answering.has_all((*vendor).into()));
    alone.map(|(site, ..)| *site).collect()
}

/// Vendors that are lost now for who counted without these sites: those with a site that is out and was counted.
/// One that is back alone is believed again when it is counted again: nothing is ever said to outlive more than it does.
pub fn lost(sites: &[Reach], counted_without: &BTreeSet<SiteId>) -> Vendors {
    let out = sites.iter().filter(|(site, _, answers)| !answers && !counted_without.contains(site));
    out.map(|(_, vendor, _)| *vendor).collect()
}

#[cfg(test)]
mod tests {
    use model::{Code, Epoch, KeyTag, Piece, PieceName, SegmentId, SegmentKind, StreamId};

    use super::*;

    const ALL: [Vendor; 5] = Vendor::ALL;

    /// A segment with pieces of these indexes at the vendors of these places; each vendor is a site.
    fn segment(k: u8, pieces: &[(u8, u8)]) -> Segment {
        let piece = |&(index, place): &(u8, u8)| Piece {
            index,
            site: SiteId([place; 16]),
            name: PieceName { kind: SegmentKind::Data, epoch: Epoch(1), random: [index; 16] },
        };
        Segment {
            id: SegmentId([1; 16]),
            kind: SegmentKind::Data,
            stream: StreamId([2; 16]),
            code: Code { k, m: 2 },
            cell: 64,
            length: 128,
            key: KeyTag([3; 16]),
            epoch: Epoch(1),
            promise: 2,
            pieces: pieces.iter().map(piece).collect(),
        }
    }

    fn outlives(k: u8, pieces: &[(u8, u8)]) -> Outlives {
        Outlives::of(&segment(k, pieces), |site| ALL.get(usize::from(site.0[0])).copied())
    }

    fn more(outlives: Outlives, lost: &[Vendor]) -> i64 {
        outlives.more_than(lost.iter().copied().collect())
    }

    #[test]
    fn what_is_out_is_lost_and_the_rest_may_still_be() {
        let [first, second, third, fourth, fifth] = ALL;
        let quad = outlives(2, &[(0, 0), (1, 1), (2, 2), (3, 3)]);
        let asked = [&[][..], &[first], &[first, third], &[fifth], &[second, third, fourth]];
        assert_eq!(asked.map(|lost| more(quad, lost)), [2, 1, 0, 2, -1]);
        let copies = outlives(1, &[(0, 0), (1, 1), (2, 2)]);
        assert_eq!([&[][..], &[first, second], &[first, second, third]].map(|lost| more(copies, lost)), [2, 0, -1]);
    }

    #[test]
    fn vendors_count_and_not_pieces() {
        let [first, second, ..] = ALL;
        // Two of four at one vendor: without it and another one, one is left of two that are needed.
        let uneven = outlives(2, &[(0, 0), (1, 0), (2, 1), (3, 2)]);
        assert_eq!([&[][..], &[second], &[first]].map(|lost| more(uneven, lost)), [1, 0, 0]);
        // One of an index that is on the move lies at two, and is worth one.
        let moving = outlives(2, &[(0, 0), (0, 3), (1, 1), (2, 2)]);
        assert_eq!([&[][..], &[first], &[second]].map(|lost| more(moving, lost)), [1, 1, 0]);
        // What lies where no site is known, or that does not count, is not there.
        let nowhere = outlives(2, &[(0, 0), (1, 9), (2, 9), (3, 9)]);
        assert_eq!(more(nowhere, &[]), -1);
    }

    #[test]
    fn of_two_the_weaker_decides() {
        let [first, .., fourth, _] = ALL;
        let one = outlives(2, &[(0, 0), (1, 1), (2, 2), (3, 3)]);
        let other = outlives(1, &[(0, 3), (1, 4)]);
        let both = one.and(other);
        assert_eq!([&[][..], &[first], &[fourth]].map(|lost| more(both, lost)), [1, 1, 0]);
        assert_eq!((both.and(Outlives::EVERYTHING), more(both.and(Outlives::NOTHING), &[])), (both, -1));
    }

    #[test]
    fn of_two_sites_of_a_vendor_one_is_lost_alone_and_believed_when_it_is_counted_again() {
        let [vendor, other, ..] = ALL;
        let (near, far, third) = (SiteId([0; 16]), SiteId([1; 16]), SiteId([2; 16]));
        let sites = |near_answers, far_answers| {
            [(near, vendor, near_answers), (far, vendor, far_answers), (third, other, true)]
        };
        let (all, one) = (BTreeSet::new(), BTreeSet::from([far]));
        assert_eq!([sites(true, true), sites(false, false)].map(|sites| out_alone(&sites)), [all.clone(), all.clone()]);
        assert_eq!(out_alone(&sites(true, false)), one);
        let (none, whole) = (Vendors::default(), Vendors::from(vendor));
        // Counted with both: whichever is out takes the vendor along until it is counted again.
        assert_eq!(
            [(true, true), (true, false), (false, false)].map(|(a, b)| lost(&sites(a, b), &all)),
            [none, whole, whole]
        );
        // Counted without the one that was out.
        assert_eq!(
            [(true, false), (true, true), (false, true)].map(|(a, b)| lost(&sites(a, b), &one)),
            [none, none, whole]
        );
    }
}
