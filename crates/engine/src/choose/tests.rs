use model::{Epoch, PieceName, SegmentKind, SiteId};

use super::*;

const WORTH: WaitingCost = WaitingCost(1_000_000);
const QUAD: Code = Code { k: 2, m: 2 };
const COPIES: Code = Code { k: 1, m: 2 };

fn source(index: u8, usual_ms: u64) -> Source {
    let name = PieceName { kind: SegmentKind::Data, epoch: Epoch(1), random: [index; 16] };
    Source {
        piece: Piece { index, site: SiteId([index; 16]), name },
        reads: Side::Well,
        usual: Some(Duration::from_millis(usual_ms)),
        in_flight: 0,
        asked_ago: Some(Duration::ZERO),
        price: NanoDollars(0),
    }
}

fn four(usual_ms: [u64; 4], change: impl Fn(&mut [Source])) -> Vec<Source> {
    let mut sources: Vec<Source> = (0..).zip(usual_ms).map(|(index, ms)| source(index, ms)).collect();
    change(&mut sources);
    sources
}

/// Which pieces are asked first, and the best to stand by.
type Case = (&'static str, Code, &'static [u8], Vec<Source>, &'static [u8], Option<u8>);

fn check((label, code, wanted, sources, first, next): &Case) {
    let choice = choose(*code, &wanted.iter().copied().collect(), sources, WORTH);
    let mut asked: Vec<u8> = choice.first.iter().map(|piece| piece.index).collect();
    asked.sort_unstable();
    assert_eq!((asked.as_slice(), choice.spare.last().map(|piece| piece.index)), (*first, *next), "{label}");
    assert_eq!(choice.first.len() + choice.spare.len(), sources.len(), "{label}: every piece is somewhere");
}

/// An amount of egress for the bytes of one read, as a difference in waiting.
const fn worth_ms(ms: u64) -> NanoDollars {
    NanoDollars(ms * WORTH.0 / 1000)
}

#[test]
fn a_read_asks_what_is_soonest_and_cheapest() {
    let well = |_: &mut [Source]| {};
    let out = |which: &'static [usize]| {
        move |sources: &mut [Source]| which.iter().for_each(|i| sources[*i].reads = Side::Out)
    };
    let price = |which: usize, ms: u64| move |sources: &mut [Source]| sources[which].price = worth_ms(ms);
    let busy = |which: usize, reads: u64| move |sources: &mut [Source]| sources[which].in_flight = reads;
    let unknown = |which: usize, reads: u64| {
        move |sources: &mut [Source]| {
            (sources[which].usual, sources[which].in_flight) = (None, reads);
        }
    };
    #[rustfmt::skip]
    let cases: &[Case] = &[
        ("data when all are equal", QUAD, &[0, 1], four([50; 4], well), &[0, 1], Some(2)),
        ("data when nearly equal", QUAD, &[0, 1], four([55, 50, 50, 50], well), &[0, 1], Some(2)),
        ("around a slow site", QUAD, &[0, 1], four([500, 50, 60, 70], well), &[1, 2], Some(3)),
        ("around two slow sites", QUAD, &[0, 1], four([500, 400, 60, 70], well), &[2, 3], Some(1)),
        ("one small body from its one site", QUAD, &[1], four([50; 4], well), &[1], Some(0)),
        ("one small body around its slow site", QUAD, &[1], four([50, 500, 60, 70], well), &[0, 2], Some(3)),
        ("embedded sites differ by noise only", QUAD, &[0, 1], four([3, 1, 1, 1], well), &[0, 1], Some(2)),
        ("around a site that is out", QUAD, &[0, 1], four([50; 4], out(&[0])), &[1, 2], Some(3)),
        ("a slow one rather than one that is out", QUAD, &[0, 1], four([50, 500, 600, 50], out(&[0, 3])), &[1, 2], Some(0)),
        ("the last resort when too few are well", QUAD, &[0, 1], four([50; 4], out(&[0, 1, 3])), &[0, 2], Some(1)),
        ("from the one site that is well", QUAD, &[2], four([50; 4], out(&[0, 1, 3])).split_off(2), &[2], Some(3)),
        ("around a dear site", QUAD, &[0, 1], four([50; 4], price(0, 90)), &[1, 2], Some(3)),
        ("dear by less than decoding is worth", QUAD, &[0, 1], four([50; 4], price(0, 10)), &[0, 1], Some(2)),
        ("money does not wait for ever", QUAD, &[0, 1], four([50, 50, 500, 500], price(0, 90)), &[0, 1], Some(2)),
        ("around a site that hangs", QUAD, &[0, 1], four([50; 4], busy(1, 40)), &[0, 2], Some(3)),
        ("a busy one is still near", QUAD, &[0, 1], four([50; 4], busy(1, 3)), &[0, 1], Some(2)),
        ("an unknown site is tried", QUAD, &[0, 1], four([50; 4], unknown(1, 0)), &[0, 1], Some(2)),
        ("one read tries it, not many", QUAD, &[0, 1], four([50, 50, 50, 90], unknown(1, 1)), &[0, 2], Some(3)),
        ("the soonest of copies", COPIES, &[0], four([50, 20, 30, 40], well), &[1], Some(2)),
        ("the cheapest of equal copies", COPIES, &[0], four([50; 4], price(0, 1)), &[1], Some(2)),
        ("a copy when the others are out", COPIES, &[0], four([50; 4], out(&[0, 1, 3])), &[2], Some(0)),
    ];
    cases.iter().for_each(check);
}

#[test]
fn a_site_passed_over_as_slow_is_looked_at_now_and_then() {
    let explored = |ms: u64, ago: Option<Duration>| {
        let sources = four([ms, 50, 50, 50], |sources| sources[0].asked_ago = ago);
        choose(QUAD, &[0, 1].into(), &sources, WORTH).explore.map(|piece| piece.index)
    };
    let while_ago = Some(EXPLORE_EVERY);
    for (label, ms, ago, piece) in [
        ("slow and not heard of for a while", 500, while_ago, Some(0)),
        ("slow and asked lately", 500, Some(EXPLORE_EVERY / 2), None),
        ("as good as the others", 50, while_ago, None),
    ] {
        assert_eq!(explored(ms, ago), piece, "{label}");
    }
}
