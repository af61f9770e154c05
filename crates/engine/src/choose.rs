//! Which pieces a read asks first, and which stand by: by predicted completion and price.
//!
//! A rule: values in, values out. What a read costs is money, the price of its requests and bytes,
//! and waiting, which is worth money too: whoever asked could do something else. Both are added up
//! in nano-dollars, waiting at [`Settings::waiting_cost`](crate::Settings::waiting_cost), and the
//! cheaper way of reading is taken. A read waits for the slowest piece it needs and pays for every
//! one it asks.
//!
//! Data pieces need no decoding and are preferred unless others are clearly cheaper; a site that is
//! out is asked only when the others do not suffice.

use std::collections::BTreeSet;
use std::time::Duration;

use model::{Code, NanoDollars, Piece};
use providers::Side;

/// One piece and what is known of reading from its site now.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    pub piece: Piece,
    pub reads: Side,
    /// Half of the latest reads of about this size took no longer; `None` when there were none.
    pub usual: Option<Duration>,
    /// Reads under way at the site.
    pub in_flight: u64,
    /// Since the site was last asked for about this size.
    pub asked_ago: Option<Duration>,
    /// Of the request with its bytes.
    pub price: NanoDollars,
}

/// What a read does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Asked at once; enough of them, unless too few exist.
    pub first: Vec<Piece>,
    /// To be asked when one of those is late or lost, best last.
    pub spare: Vec<Piece>,
    /// Worth asking as well, only to learn whether its site is still as slow as it was.
    pub explore: Option<Piece>,
}

/// What a second of waiting is worth, in nano-dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingCost(pub u64);

impl Default for WaitingCost {
    /// A thousandth of a dollar: a machine of 3.60 dollars an hour, such as computes on what it
    /// reads. So a MiB that leaves a vendor at 0.09 dollars a GB may take 0.09 s longer where it
    /// leaves for nothing, and 64 KiB 6 ms.
    fn default() -> WaitingCost {
        WaitingCost(1_000_000)
    }
}

impl WaitingCost {
    /// Of dollars an hour; `None` when that is no amount.
    pub fn per_hour(dollars: f64) -> Option<WaitingCost> {
        let nanos = dollars * 1e9 / 3600.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "looked at")]
        (0.0..1e18).contains(&nanos).then(|| WaitingCost(nanos.round() as u64))
    }
}

/// So many reads under way at a site are taken to double what the next one takes: those of a few
/// cut reads, so that equal sites share the load and none is asked to death, and that the parts of one
/// read do not drive each other away.
const IN_FLIGHT_DOUBLES: u32 = 128;
/// Decoding must save this part of the whole cost ...
const NEAR_EQUAL_PART: u32 = 8;
/// ... and the worth of this much waiting: what decoding itself and the noise of scheduling take.
const NEAR_EQUAL: Duration = Duration::from_millis(5);
/// A site passed over because it was slow is asked again after this long: soon enough to notice that
/// it is well again, seldom enough to cost nothing.
const EXPLORE_EVERY: Duration = Duration::from_secs(10);

/// Chooses among `sources` for a read of the data pieces in `wanted`.
pub fn choose(code: Code, wanted: &BTreeSet<u8>, sources: &[Source], worth: WaitingCost) -> Choice {
    let ranked = rank(wanted, sources);
    let k = usize::from(code.k);
    let well: Vec<&Ranked> = ranked.iter().filter(|ranked| ranked.source.reads == Side::Well).collect();
    let decoding = cheapest(k, &well, worth);
    let direct = direct(code, wanted, &well, worth);
    let first: Vec<Piece> = match (direct, decoding) {
        (Some(direct), Some(decoding)) if direct.near(&decoding, worth) => direct.pieces,
        (_, Some(decoding)) => decoding.pieces,
        (Some(direct), None) => direct.pieces,
        // Too few are well: what there is, the others as a last resort.
        (None, None) => ranked.iter().take(k).map(|ranked| ranked.source.piece).collect(),
    };
    let left = |ranked: &&Ranked| !first.contains(&ranked.source.piece);
    let spare = ranked.iter().filter(left).rev().map(|ranked| ranked.source.piece).collect();
    let slowest = well.iter().filter(|ranked| !left(ranked)).map(|ranked| ranked.predicted).max();
    let explore =
        slowest.and_then(|slowest| well.iter().copied().filter(left).find(|ranked| ranked.forgotten(slowest)));
    Choice { explore: explore.map(|ranked| ranked.source.piece), first, spare }
}

/// A source with what its read will probably take.
struct Ranked {
    source: Source,
    predicted: Duration,
}

impl Ranked {
    /// Passed over for those that take `chosen`, and not heard of for a while.
    fn forgotten(&self, chosen: Duration) -> bool {
        let near = chosen + chosen / NEAR_EQUAL_PART + NEAR_EQUAL;
        self.predicted > near && self.source.asked_ago.is_some_and(|ago| ago >= EXPLORE_EVERY)
    }
}

/// One way of reading.
struct Way {
    pieces: Vec<Piece>,
    cost: u64,
}

impl Way {
    /// Whether this one, which decodes nothing, costs no more than decoding is worth.
    fn near(&self, decoding: &Way, worth: WaitingCost) -> bool {
        let margin = (decoding.cost / u64::from(NEAR_EQUAL_PART)).saturating_add(worth.of(NEAR_EQUAL));
        self.cost <= decoding.cost.saturating_add(margin)
    }
}

impl WaitingCost {
    fn of(self, wait: Duration) -> u64 {
        let nanos = wait.as_nanos() * u128::from(self.0) / 1_000_000_000;
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

/// The sources, best first: well before out, then by prediction and price.
fn rank(wanted: &BTreeSet<u8>, sources: &[Source]) -> Vec<Ranked> {
    let known = || sources.iter().filter_map(|source| source.usual);
    let (least, most) = (known().min().unwrap_or_default(), known().max().unwrap_or_default());
    let predicted = |source: &Source| {
        // An unknown site is taken for a good one until it is being asked, so that it becomes known
        // by one read and not by many.
        let usual = source.usual.unwrap_or(if source.in_flight == 0 { least } else { most });
        let queued = u32::try_from(source.in_flight).unwrap_or(u32::MAX);
        usual.saturating_add(usual.saturating_mul(queued) / IN_FLIGHT_DOUBLES)
    };
    let mut ranked: Vec<Ranked> =
        sources.iter().map(|source| Ranked { source: *source, predicted: predicted(source) }).collect();
    ranked.sort_by_key(|Ranked { source, predicted }| {
        (source.reads != Side::Well, *predicted, source.price, !wanted.contains(&source.piece.index), source.piece)
    });
    ranked
}

/// The wanted data pieces themselves, when all of them are at sites that are well.
fn direct(code: Code, wanted: &BTreeSet<u8>, well: &[&Ranked], worth: WaitingCost) -> Option<Way> {
    // Every copy is the wanted one: the cheapest of them needs no decoding either.
    if code.k == 1 {
        return None;
    }
    let pieces: Vec<&Ranked> =
        well.iter().copied().filter(|ranked| wanted.contains(&ranked.source.piece.index)).collect();
    (pieces.len() == wanted.len()).then(|| way(&pieces, worth))
}

/// The cheapest `k` of the sources, which come in the order of their predictions: for each of these
/// as the longest wait, the lowest prices that keep to it.
fn cheapest(k: usize, well: &[&Ranked], worth: WaitingCost) -> Option<Way> {
    let ways = (k..=well.len()).filter_map(|count| {
        let mut pieces: Vec<&Ranked> = well.get(..count)?.to_vec();
        pieces.sort_by_key(|ranked| ranked.source.price);
        pieces.truncate(k);
        Some(way(&pieces, worth))
    });
    ways.min_by_key(|way| way.cost)
}

fn way(pieces: &[&Ranked], worth: WaitingCost) -> Way {
    let wait = pieces.iter().map(|ranked| ranked.predicted).max().unwrap_or_default();
    let price = pieces.iter().fold(0u64, |sum, ranked| sum.saturating_add(ranked.source.price.0));
    Way {
        pieces: pieces.iter().map(|ranked| ranked.source.piece).collect(),
        cost: worth.of(wait).saturating_add(price),
    }
}

#[cfg(test)]
mod tests;
