//! The planner: where a segment should lie, given where it lies and the sites as they are, and how its
//! pieces get there.
//!
//! Pure functions, one segment at a time. Catch-up, repair, evacuation and moves all do what these say, so that
//! a plan printed beforehand and the work done later cannot differ in kind.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use coding::piece::Layout;
use model::{Code, NanoDollars, Piece, Prices, Profile, Segment, SiteId, SiteState, Vendor};

use crate::placement::{self, Candidate};

/// A site that may hold the segment, as the planner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub site: SiteId,
    pub vendor: Vendor,
    pub state: SiteState,
    /// Takes new pieces now.
    pub takes: bool,
    /// Gives what it is asked for now.
    pub gives: bool,
    pub prices: Prices,
}

/// What is wanted of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// That it keeps what it was promised.
    Kept,
    /// That it lies as a write by this profile would, were every vendor well.
    As(Profile),
}

/// Where a segment should lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The segment's, or that to code it anew in.
    pub code: Code,
    /// What it promises from then on.
    pub promise: u8,
    /// Pieces that stay where they are. Of a segment coded anew none do.
    pub keep: Vec<Piece>,
    /// Indices to store, and where.
    pub fill: Vec<(u8, SiteId)>,
    /// Pieces that are not to stay are let go when so many others are spare.
    pub reach: i64,
}

impl Target {
    pub fn recodes(&self, segment: &Segment) -> bool {
        self.code != segment.code
    }

    /// The pieces that count once these new ones are proven: those that leave count until enough others
    /// do. `None` where nothing would change.
    pub fn settled(&self, segment: &Segment, stored: &[Piece]) -> Option<(Code, Vec<Piece>)> {
        if self.recodes(segment) {
            return (stored.len() == self.fill.len()).then(|| (self.code, sorted(stored.to_vec())));
        }
        if self.promise > segment.promise && stored.len() < self.fill.len() {
            return None;
        }
        let mut stays = self.keep.clone();
        stays.extend(stored);
        let leaves = catalog::Endangered::spare(self.code, &stays) >= self.reach;
        if !leaves {
            stays.extend(segment.pieces.iter().filter(|piece| !self.keep.contains(piece)));
        }
        let stays = sorted(stays);
        let changes = stays != sorted(segment.pieces.clone()) || self.promise != segment.promise;
        changes.then_some((self.code, stays))
    }
}

fn sorted(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.sort_unstable();
    pieces
}

/// The code and the promise that the segment should have.
pub fn shape(segment: &Segment, places: &[Place], wanted: Wanted) -> (Code, u8) {
    let staying = places.iter().filter(|place| place.state.stays());
    let candidates: Vec<Candidate> =
        staying.map(|place| Candidate { site: place.site, vendor: place.vendor }).collect();
    if let Wanted::As(profile) = wanted
        && let Ok(map) = placement::compile(profile, &candidates, 0)
    {
        // Copies are the same in whatever number.
        let copies = map.code.k == 1 && segment.code.k == 1;
        return (if copies { segment.code } else { map.code }, profile.promise());
    }
    let vendors: BTreeSet<Vendor> = candidates.iter().map(|candidate| candidate.vendor).collect();
    (code(segment, vendors.len()), segment.promise)
}

/// Whether the segment has the code and the promise it should have, wherever its pieces lie.
pub fn fits(segment: &Segment, places: &[Place], wanted: Wanted) -> bool {
    shape(segment, places, wanted) == (segment.code, segment.promise)
}

/// Where the segment should lie, or `None` where it does already or nothing can be done about it now.
/// `places` are all sites that may hold it.
///
/// Vendors that are out only now are waited for: their pieces stay. When those that are left for good are
/// too few for the segment's code to keep its promise, it is coded anew for them, as a write would be.
pub fn target(segment: &Segment, places: &[Place], wanted: Wanted) -> Option<Target> {
    let by_site: BTreeMap<SiteId, &Place> = places.iter().map(|place| (place.site, place)).collect();
    let staying: BTreeSet<Vendor> = places.iter().filter(|place| place.state.stays()).map(|p| p.vendor).collect();
    let (code, promise) = shape(segment, places, wanted);
    let reach = i64::from(promise).min(i64::try_from(staying.len()).unwrap_or(i64::MAX) - i64::from(code.k));
    let mut keep: Vec<Piece> = match code == segment.code {
        true => stays(segment, &by_site),
        false => Vec::new(),
    };
    // Copies are the same in whatever number; those that are made anew are as many as there are vendors.
    let wanted = if code.k == 1 && code == segment.code { promise + 1 } else { code.n() };
    if promise < segment.promise {
        keep.truncate(usize::from(wanted));
    }
    let holders = keep.iter().filter_map(|piece| Some(by_site.get(&piece.site)?.vendor)).collect();
    let mut free = free(places, &holders);
    let missing = (0..wanted).filter(|index| keep.iter().all(|piece| piece.index != *index));
    let missing = missing.take(usize::from(wanted).saturating_sub(keep.len()));
    let fill: Vec<(u8, SiteId)> = missing.zip(std::iter::from_fn(|| free.pop())).collect();
    let target = Target { code, promise, keep, fill, reach };
    if target.recodes(segment) || promise > segment.promise {
        // All of it or nothing: half of each code would be worth less than either.
        let whole = target.keep.len() + target.fill.len() >= usize::from(wanted);
        return whole.then_some(target);
    }
    (!target.fill.is_empty() || target.settled(segment, &[]).is_some()).then_some(target)
}

/// The code to lie in when so many vendors are left: the segment's as long as that keeps the promise.
fn code(segment: &Segment, vendors: usize) -> Code {
    let (code, promise) = (segment.code, usize::from(segment.promise));
    let data = vendors.min(usize::from(code.n())).saturating_sub(promise).clamp(1, usize::from(code.k).max(1));
    if vendors >= usize::from(code.k) + promise || data >= usize::from(code.k) {
        return code;
    }
    let small = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
    Code { k: small(data), m: small(promise.min(vendors.saturating_sub(data))) }
}

/// Pieces at sites where they may stay, one for each index and each vendor.
fn stays(segment: &Segment, by_site: &BTreeMap<SiteId, &Place>) -> Vec<Piece> {
    let (mut indices, mut vendors) = (BTreeSet::new(), BTreeSet::new());
    let mut keep = Vec::new();
    for piece in &segment.pieces {
        let place = by_site.get(&piece.site).filter(|place| place.state.stays());
        if let Some(place) = place
            && !indices.contains(&piece.index)
            && vendors.insert(place.vendor)
        {
            indices.insert(piece.index);
            keep.push(*piece);
        }
    }
    keep
}

/// Sites that take pieces, one of each vendor that holds none: where storing is cheapest. Best last.
fn free(places: &[Place], holders: &BTreeSet<Vendor>) -> Vec<SiteId> {
    let mut best: BTreeMap<Vendor, &Place> = BTreeMap::new();
    for place in places.iter().filter(|place| place.takes && !holders.contains(&place.vendor)) {
        let cost = |place: &Place| (place.prices.storage_gb_month, place.site);
        let held = best.entry(place.vendor).or_insert(place);
        if cost(place) < cost(held) {
            *held = place;
        }
    }
    let mut free: Vec<&Place> = best.into_values().collect();
    free.sort_by_key(|place| std::cmp::Reverse((place.prices.storage_gb_month, place.site)));
    free.into_iter().map(|place| place.site).collect()
}

/// How the new pieces come to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Each from the same piece elsewhere: the index, the piece to read, where it goes.
    Copy(Vec<(u8, Piece, SiteId)>),
    /// From these others, best first: as many as are needed, one to compare them with, and what stands by.
    Compute(Vec<Piece>),
}

/// What work takes. Sums of what each segment takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    pub segments: u64,
    /// To be written.
    pub pieces: u64,
    pub bytes_read: u64,
    pub bytes_written: u64,
    pub requests: u64,
    /// At list prices, past any free volume.
    pub cost: NanoDollars,
}

impl AddAssign for Bill {
    fn add_assign(&mut self, other: Bill) {
        let Bill { segments, pieces, bytes_read, bytes_written, requests, cost } = other;
        self.segments += segments;
        self.pieces += pieces;
        self.bytes_read += bytes_read;
        self.bytes_written += bytes_written;
        self.requests += requests;
        self.cost = NanoDollars(self.cost.0.saturating_add(cost.0));
    }
}

/// A way with its bill, and what the other way would have cost where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    pub way: Way,
    pub bill: Bill,
    pub dearer: Option<NanoDollars>,
}

/// How long each piece of the segment is in this code.
pub fn piece_length(segment: &Segment, code: Code) -> u64 {
    Layout { code, ..Layout::of(segment) }.piece_length()
}

/// The cheapest way to the target, from sites that give; `None` while too few do. Nothing is read where
/// nothing is to be stored.
pub fn way(segment: &Segment, target: &Target, places: &[Place]) -> Option<Priced> {
    let by_site: BTreeMap<SiteId, &Place> = places.iter().map(|place| (place.site, place)).collect();
    let length = Layout::of(segment).piece_length();
    let giving = segment.pieces.iter().filter(|piece| by_site.get(&piece.site).is_some_and(|place| place.gives));
    let price = |piece: &Piece| by_site.get(&piece.site).map_or(u64::MAX, |place| place.prices.of_reads(1, length).0);
    let mut sources: Vec<Piece> = giving.copied().collect();
    sources.sort_by_key(|piece| (price(piece), *piece));

    let new_length = piece_length(segment, target.code);
    let puts = target.fill.iter().filter_map(|(_, site)| by_site.get(site)).map(|place| place.prices.put.0);
    let puts: u64 = puts.fold(0, u64::saturating_add);
    let written = target.fill.len() as u64;
    let bill = |read: &[&Piece]| Bill {
        segments: 1,
        pieces: written,
        bytes_read: length.saturating_mul(read.len() as u64),
        bytes_written: new_length.saturating_mul(written),
        requests: written + read.len() as u64,
        cost: NanoDollars(read.iter().map(|piece| price(piece)).fold(puts, u64::saturating_add)),
    };
    if target.fill.is_empty() {
        return Some(Priced { way: Way::Copy(Vec::new()), bill: bill(&[]), dearer: None });
    }
    let copy = copies(segment, target, &sources).map(|copies| {
        let bill = bill(&copies.iter().map(|(_, piece, _)| piece).collect::<Vec<_>>());
        (Way::Copy(copies), bill)
    });
    let mut indices = BTreeSet::new();
    sources.retain(|piece| indices.insert(piece.index));
    let computes = sources.len() >= usize::from(segment.code.k);
    let compute = computes.then(|| {
        let bill = bill(&sources.iter().take(usize::from(segment.code.k) + 1).collect::<Vec<_>>());
        (Way::Compute(sources), bill)
    });
    Some(match (copy, compute) {
        (Some(one), Some(other)) => {
            let cost = |of: &(Way, Bill)| (of.1.cost, of.1.bytes_read);
            let (cheap, dear) = if cost(&one) <= cost(&other) { (one, other) } else { (other, one) };
            Priced { way: cheap.0, bill: cheap.1, dearer: Some(dear.1.cost) }
        }
        (Some((way, bill)), None) | (None, Some((way, bill))) => Priced { way, bill, dearer: None },
        (None, None) => return None,
    })
}

/// Each piece to be stored from one of its index, where all are to be had. Copies are all the same, but
/// their headers name their index.
fn copies(segment: &Segment, target: &Target, sources: &[Piece]) -> Option<Vec<(u8, Piece, SiteId)>> {
    if target.recodes(segment) {
        return None;
    }
    let of = |(index, site): &(u8, SiteId)| {
        sources.iter().find(|piece| piece.index == *index).map(|piece| (*index, *piece, *site))
    };
    target.fill.iter().map(of).collect()
}

#[cfg(test)]
mod tests;
