//! Which journal segments are worth compacting together: pure arithmetic over what the catalog knows.
//!
//! Two reasons, each on neighbours that fit into one segment:
//!
//! - *Many small ones.* Small batches make small segments, and a rebuild reads each. Sixteen neighbours of about one
//!   size become one of the next size, so that a record is written again a few times in its life and not for every
//!   batch behind it.
//! - *Mostly dead.* What lies at the sites is more than twice what the live bytes would take.

use std::ops::Range;

use catalog::JournalSegment;
use coding::piece::Layout;
use model::{Epoch, SegmentId};

/// Live bytes of one run at most: half of what a batch takes, so that what is sealed fits one.
pub const LIVE_MAX: u64 = 4 << 20;
/// Records of one run at most; the catalog changes as many rows in one transaction.
pub const RECORDS_MAX: u64 = 4096;
/// As many small neighbours become one.
pub const FAN: usize = 16;
/// Less than this is not worth writing what lives again.
pub const WASTE_MIN: u64 = 64 << 10;

/// Bytes of records and of bodies that are held: what a compacted segment would have to hold.
pub fn live(found: &JournalSegment) -> u64 {
    // Of what was not counted all counts.
    let records = found.records.unwrap_or(found.segment.length);
    (records + found.held.unwrap_or(found.segment.length)).min(found.segment.length.max(records))
}

/// Bytes at the sites.
pub fn stored(found: &JournalSegment) -> u64 {
    Layout::of(&found.segment).piece_length() * found.segment.pieces.len() as u64
}

/// Bytes that as many pieces of just the live bytes would take.
fn needed(found: &JournalSegment) -> u64 {
    live(found) * u64::from(found.segment.code.n()) / u64::from(found.segment.code.k.max(1))
}

/// Runs of neighbours to be compacted, each into one. Only segments of closed epochs take part, which no start looks
/// for any more, and never the newest of the stream, by which a start tells that the sites are those it knows.
pub fn choose(found: &[JournalSegment], closed_below: Epoch, newest: Option<SegmentId>) -> Vec<Range<usize>> {
    let may = |found: &JournalSegment| {
        found.segment.epoch < closed_below && Some(found.segment.id) != newest && live(found) <= LIVE_MAX
    };
    let mut free: Vec<bool> = found.iter().map(may).collect();
    let mut runs = Vec::new();
    for class in 0..=class(LIVE_MAX) {
        let small =
            |at: usize| free.get(at) == Some(&true) && found.get(at).is_some_and(|it| self::class(live(it)) <= class);
        let many: Vec<_> = stretches(found, small).into_iter().filter(|run| run.len() >= FAN).collect();
        many.iter().cloned().flatten().for_each(|at| free.iter_mut().skip(at).take(1).for_each(|free| *free = false));
        runs.extend(many);
    }
    let wasteful = stretches(found, |at| free.get(at) == Some(&true)).into_iter().filter_map(|run| {
        let of = |worth: fn(&JournalSegment) -> u64| {
            found.get(run.clone()).unwrap_or_default().iter().map(worth).sum::<u64>()
        };
        let (stored, needed) = (of(stored), of(needed));
        (stored > 2 * needed && stored - needed >= WASTE_MIN).then_some(run)
    });
    runs.extend(wasteful);
    runs.sort_by_key(|run| run.start);
    runs
}

/// Sizes by powers of sixteen, from a kibibyte up.
fn class(bytes: u64) -> u32 {
    (bytes >> 10).max(1).ilog2() / 4
}

/// Neighbours that are all `wanted`, cut to what fits into one segment.
fn stretches(found: &[JournalSegment], wanted: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let (mut runs, mut begun, mut bytes, mut records) = (Vec::new(), None, 0, 0);
    let mut last: Option<&JournalSegment> = None;
    for (at, segment) in found.iter().enumerate() {
        let (more, count) = (live(segment), segment.last + 1 - segment.first);
        let follows = last.is_none_or(|last| last.last + 1 == segment.first);
        let fits = bytes + more <= LIVE_MAX && records + count <= RECORDS_MAX;
        if let Some(start) = begun.filter(|_| !wanted(at) || !follows || !fits) {
            runs.push(start..at);
            (begun, bytes, records) = (None, 0, 0);
        }
        if wanted(at) {
            begun = begun.or(Some(at));
            (bytes, records) = (bytes + more, records + count);
        }
        last = Some(segment);
    }
    runs.extend(begun.map(|start| start..found.len()));
    runs
}

#[cfg(test)]
mod tests {
    use model::{Code, KeyTag, Piece, PieceName, Segment, SegmentKind, SiteId, StreamId};

    use super::*;

    /// Neighbours of 2+2, each with `records` and `held` of a payload of `length` bytes.
    fn journal(sizes: impl IntoIterator<Item = (u64, u64, u64)>) -> Vec<JournalSegment> {
        let of = |(n, (records, held, length)): (u8, (u64, u64, u64))| JournalSegment {
            segment: Segment {
                id: SegmentId([n; 16]),
                kind: SegmentKind::Journal,
                stream: StreamId([1; 16]),
                code: Code { k: 2, m: 2 },
                cell: u32::try_from(length.div_ceil(2)).unwrap(),
                length,
                key: KeyTag([0; 16]),
                epoch: Epoch(1),
                promise: 2,
                pieces: (0..4)
                    .map(|index| Piece {
                        index,
                        site: SiteId([index; 16]),
                        name: PieceName { kind: SegmentKind::Journal, epoch: Epoch(1), random: [n; 16] },
                    })
                    .collect(),
            },
            first: u64::from(n) * 10 + 1,
            last: u64::from(n) * 10 + 10,
            records: Some(records),
            held: Some(held),
        };
        (0..).zip(sizes).map(of).collect()
    }

    /// Where the runs begin, and what is behind them.
    fn chosen(found: &[JournalSegment], closed_below: Epoch, newest: Option<SegmentId>) -> Vec<(usize, usize)> {
        choose(found, closed_below, newest).into_iter().map(|run| (run.start, run.end)).collect()
    }

    const SMALL: (u64, u64, u64) = (400, 600, 1100);

    #[test]
    fn sixteen_small_neighbours_become_one_and_fifteen_wait() {
        assert_eq!(chosen(&journal([SMALL; 15]), Epoch(2), None), []);
        assert_eq!(chosen(&journal([SMALL; 16]), Epoch(2), None), [(0, 16)]);
    }

    #[test]
    fn a_large_one_is_not_written_again_for_small_ones_behind_it() {
        let large = (1 << 20, 1 << 20, 2 << 20);
        let sizes = std::iter::once(large).chain([SMALL; 20]).chain([large]);
        assert_eq!(chosen(&journal(sizes), Epoch(2), None), [(1, 21)]);
    }

    #[test]
    fn what_is_mostly_dead_is_written_again() {
        let dead = (1 << 10, 0, 1 << 20);
        assert_eq!(chosen(&journal([dead]), Epoch(2), None), [(0, 1)]);
        let half = (1 << 10, 600 << 10, 1 << 20);
        assert_eq!(chosen(&journal([half]), Epoch(2), None), []);
        // A few bytes are not worth it.
        assert_eq!(chosen(&journal([(100, 0, 8 << 10)]), Epoch(2), None), []);
    }

    #[test]
    fn open_epochs_and_the_newest_are_left_alone() {
        let dead = (1 << 10, 0, 1 << 20);
        assert_eq!(chosen(&journal([dead]), Epoch(1), None), []);
        assert_eq!(chosen(&journal([dead]), Epoch(2), Some(SegmentId([0; 16]))), []);
    }

    #[test]
    fn a_run_holds_no_more_than_one_segment_may() {
        let full = (1 << 20, 0, 8 << 20);
        let runs = chosen(&journal([full; 9]), Epoch(2), None);
        assert_eq!(runs, [(0, 4), (4, 8), (8, 9)]);
        // Neighbours alone: a run does not reach over one that is left out.
        let mut gap = journal([SMALL; 17]);
        gap.remove(8);
        assert_eq!(chosen(&gap, Epoch(2), None), []);
    }
}
