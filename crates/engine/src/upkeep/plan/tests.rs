use model::{Epoch, KeyTag, PieceName, SegmentId, SegmentKind, StreamId};
use proptest::prelude::*;

use super::*;

/// What keeping its promise takes.
fn kept(segment: &Segment, places: &[Place]) -> Option<Target> {
    target(segment, places, Wanted::Kept)
}

const DOLLAR: u64 = NanoDollars::DOLLAR;

/// Site `n` of vendor `n`, well and free of charge.
fn place(n: u8) -> Place {
    Place {
        site: SiteId([n; 16]),
        vendor: Vendor::ALL[usize::from(n)],
        state: SiteState::Active,
        takes: true,
        gives: true,
        prices: Prices::default(),
    }
}

fn places(count: u8) -> Vec<Place> {
    (0..count).map(place).collect()
}

fn piece(index: u8, site: u8) -> Piece {
    let name = PieceName { kind: SegmentKind::Data, epoch: Epoch(1), random: [index * 16 + site; 16] };
    Piece { index, site: SiteId([site; 16]), name }
}

/// A segment whose piece `i` lies at site `at[i]`.
fn segment(k: u8, m: u8, promise: u8, at: &[u8]) -> Segment {
    Segment {
        id: SegmentId([1; 16]),
        kind: SegmentKind::Data,
        stream: StreamId([1; 16]),
        code: Code { k, m },
        cell: 4096,
        length: 1 << 20,
        key: KeyTag([1; 16]),
        epoch: Epoch(1),
        promise,
        pieces: (0..).zip(at).map(|(index, site)| piece(index, *site)).collect(),
    }
}

fn leave(places: &mut [Place], site: u8) {
    let place = &mut places[usize::from(site)];
    (place.state, place.takes) = (SiteState::Draining, false);
}

fn indices(target: &Target) -> Vec<(u8, u8)> {
    target.fill.iter().map(|(index, site)| (*index, site.0[0])).collect()
}

#[test]
fn what_lies_well_is_left_alone() {
    assert_eq!(kept(&segment(2, 2, 2, &[0, 1, 2, 3]), &places(5)), None);
    assert_eq!(kept(&segment(1, 2, 2, &[3, 1, 0]), &places(4)), None);
}

#[test]
fn a_missing_piece_goes_to_a_vendor_that_holds_none() {
    let mut one = segment(2, 2, 2, &[0, 1, 2, 3]);
    one.pieces.remove(1);
    let target = kept(&one, &places(4)).unwrap();
    assert_eq!((target.code, indices(&target)), (one.code, vec![(1, 1)]));
    let priced = way(&one, &target, &places(4)).unwrap();
    assert_eq!(priced.way, Way::Compute(vec![piece(0, 0), piece(2, 2), piece(3, 3)]));
    assert_eq!(priced.bill.requests, 4, "two, one to compare with, and a put");
}

#[test]
fn what_stores_nothing_reads_nothing_and_has_no_dearer_way() {
    let one = segment(2, 2, 2, &[0, 1, 2, 3]);
    let target = Target { code: one.code, promise: 1, keep: one.pieces[..3].to_vec(), fill: Vec::new(), reach: 1 };
    let mut places = places(4);
    for gives in [true, false] {
        places.iter_mut().for_each(|place| place.gives = gives);
        let priced = way(&one, &target, &places).unwrap();
        assert_eq!((priced.way, priced.bill.requests, priced.dearer), (Way::Copy(Vec::new()), 0, None));
    }
}

#[test]
fn a_vendor_that_is_only_out_is_waited_for() {
    let mut places = places(4);
    (places[1].takes, places[1].gives) = (false, false);
    assert_eq!(kept(&segment(2, 2, 2, &[0, 1, 2, 3]), &places), None);
    places[1].state = SiteState::Suspended;
    assert_eq!(kept(&segment(2, 2, 2, &[0, 1, 2, 3]), &places), None);
}

#[test]
fn with_a_vendor_to_spare_a_piece_moves_there() {
    let mut places = places(5);
    leave(&mut places, 2);
    let one = segment(2, 2, 2, &[0, 1, 2, 3]);
    let found = kept(&one, &places).unwrap();
    assert_eq!((found.code, indices(&found)), (one.code, vec![(2, 4)]));
    let new = Piece { site: SiteId([4; 16]), ..piece(2, 9) };
    let settled = found.settled(&one, &[new]).unwrap();
    assert_eq!(settled, (one.code, vec![piece(0, 0), piece(1, 1), new, piece(3, 3)]));
    assert_eq!(found.settled(&one, &[]), None, "what is not stored elsewhere does not leave");
}

#[test]
fn with_too_few_vendors_left_it_is_coded_anew() {
    let mut places = places(4);
    leave(&mut places, 0);
    let one = segment(2, 2, 2, &[0, 1, 2, 3]);
    let found = kept(&one, &places).unwrap();
    assert_eq!((found.code, found.fill.len(), found.keep.len()), (Code { k: 1, m: 2 }, 3, 0));
    assert!(found.fill.iter().all(|(_, site)| *site != SiteId([0; 16])));
    let stored: Vec<Piece> = (0..3).map(|index| piece(index, index + 1)).collect();
    assert_eq!(found.settled(&one, &stored[..2]), None, "all of it or nothing");
    assert_eq!(found.settled(&one, &stored).unwrap(), (Code { k: 1, m: 2 }, stored));
    places[3].takes = false;
    assert_eq!(kept(&one, &places), None, "while one of the others is out it waits");
}

#[test]
fn copies_leave_as_soon_as_the_others_are_enough() {
    let mut places = places(4);
    leave(&mut places, 1);
    let one = segment(1, 2, 2, &[0, 1, 2]);
    let found = kept(&one, &places).unwrap();
    assert_eq!(indices(&found), [(1, 3)]);
    // Of two vendors left a promise of two keeps one.
    leave(&mut places, 3);
    let found = kept(&one, &places).unwrap();
    assert_eq!(found.fill, []);
    assert_eq!(found.settled(&one, &[]).unwrap().1, [piece(0, 0), piece(2, 2)]);
}

#[test]
fn the_cheaper_of_copying_and_computing_is_taken() {
    let mut places = places(5);
    leave(&mut places, 2);
    let one = segment(2, 2, 2, &[0, 1, 2, 3]);
    let target = kept(&one, &places).unwrap();
    let copied = way(&one, &target, &places).unwrap();
    assert_eq!(copied.way, Way::Copy(vec![(2, piece(2, 2), SiteId([4; 16]))]), "fewer bytes for the same price");
    assert_eq!(copied.dearer, Some(NanoDollars(0)));
    places[2].prices.egress_gb = NanoDollars(DOLLAR);
    let computed = way(&one, &target, &places).unwrap();
    assert_eq!(computed.way, Way::Compute(vec![piece(0, 0), piece(1, 1), piece(3, 3), piece(2, 2)]));
    assert_eq!(computed.bill.cost, NanoDollars(0));
    assert_eq!(computed.dearer, Some(places[2].prices.of_reads(1, Layout::of(&one).piece_length())));
}

#[test]
fn nothing_is_read_from_a_site_that_does_not_give() {
    let mut places = places(5);
    leave(&mut places, 2);
    places[2].gives = false;
    let one = segment(2, 2, 2, &[0, 1, 2, 3]);
    let target = kept(&one, &places).unwrap();
    let Priced { way: Way::Compute(sources), dearer: None, .. } = way(&one, &target, &places).unwrap() else {
        panic!("it can only be computed")
    };
    assert_eq!(sources, [piece(0, 0), piece(1, 1), piece(3, 3)]);
    places[0].gives = false;
    places[1].gives = false;
    assert_eq!(way(&one, &target, &places), None);
}

proptest! {
    /// Whatever is where: no step loses a spare piece that counts, no vendor gets two, and working on until
    /// nothing is left to do ends with nothing at a site that is being left.
    #[test]
    fn steps_lead_to_where_it_should_lie(
        (k, m) in prop_oneof![Just((2, 2)), Just((3, 2)), Just((3, 1)), Just((1, 2)), Just((1, 1)), Just((2, 1))],
        lost in proptest::collection::btree_set(0u8..5, 0..2),
        left in proptest::collection::btree_set(0u8..5, 0..3),
        vendors in 3u8..=5,
        dead: bool,
    ) {
        let at: Vec<u8> = (0..(k + m).min(vendors)).collect();
        let mut one = segment(k, m, m, &at);
        one.pieces.retain(|piece| !lost.contains(&piece.index) || one.code.k + 1 > one.code.n());
        let mut all = places(vendors);
        for site in left.iter().filter(|site| **site < vendors) {
            leave(&mut all, *site);
            all[usize::from(*site)].gives = !dead;
        }
        prop_assume!(one.pieces.iter().filter(|piece| all[usize::from(piece.site.0[0])].gives).count() >= usize::from(k));
        for round in 0u8.. {
            let Some(target) = kept(&one, &all) else { break };
            prop_assert!(round < 4, "it never ends: {:?}", target);
            if !target.fill.is_empty() {
                prop_assert!(way(&one, &target, &all).is_some());
            }
            let store = |(index, site): &(u8, SiteId)| Piece { site: *site, ..piece(*index, 5 + round) };
            let stored: Vec<Piece> = target.fill.iter().map(store).collect();
            let before = catalog::Endangered::spare(one.code, &one.pieces);
            let Some((code, pieces)) = target.settled(&one, &stored) else { break };
            (one.code, one.pieces) = (code, pieces);
            let after = catalog::Endangered::spare(one.code, &one.pieces);
            let reach = i64::from(m).min(i64::from(vendors) - left.len() as i64 - i64::from(one.code.k));
            prop_assert!(after >= before.min(reach), "{before} spare became {after}");
        }
        let stays = |place: &&Place| place.state.stays();
        if all.iter().filter(stays).count() > 0 {
            let away = one.pieces.iter().filter(|piece| !all[usize::from(piece.site.0[0])].state.stays());
            prop_assert_eq!(away.count(), 0, "{:?}", one);
        }
        let vendors: BTreeSet<u8> = one.pieces.iter().map(|piece| piece.site.0[0]).collect();
        prop_assert_eq!(vendors.len(), one.pieces.len());
    }
}

#[test]
fn what_lies_as_its_profile_says_is_left_alone() {
    let well = [
        (segment(2, 2, 2, &[0, 1, 2, 3]), Profile::Quad),
        (segment(3, 2, 2, &[0, 1, 2, 3, 4]), Profile::Std),
        (segment(3, 1, 1, &[0, 1, 2, 3]), Profile::Econ),
        (segment(1, 1, 2, &[0, 1, 2]), Profile::Mirror(3)),
    ];
    for (one, profile) in well {
        assert!(fits(&one, &places(5), Wanted::As(profile)), "{profile}");
        assert_eq!(target(&one, &places(5), Wanted::As(profile)), None, "{profile}");
    }
}

#[test]
fn another_profile_codes_anew() {
    let one = segment(2, 2, 2, &[0, 1, 2, 3]);
    let found = target(&one, &places(4), Wanted::As(Profile::Econ)).unwrap();
    assert_eq!((found.code, found.promise, found.fill.len()), (Code { k: 3, m: 1 }, 1, 4));
    let found = target(&one, &places(5), Wanted::As(Profile::Std)).unwrap();
    assert_eq!((found.code, found.promise, found.fill.len()), (Code { k: 3, m: 2 }, 2, 5));
    assert_eq!(target(&one, &places(5)[..4], Wanted::As(Profile::Std)), None, "over four it is 2+2 already");
    // What was written with a vendor out is coded anew when it is back.
    let poor = segment(1, 2, 2, &[0, 1, 2]);
    let found = target(&poor, &places(4), Wanted::As(Profile::Quad)).unwrap();
    assert_eq!((found.code, found.fill.len()), (Code { k: 2, m: 2 }, 4));
    let mut places = places(4);
    places[3].takes = false;
    assert_eq!(target(&poor, &places, Wanted::As(Profile::Quad)), None, "it is waited for");
    assert!(!fits(&poor, &places, Wanted::As(Profile::Quad)));
}

#[test]
fn copies_become_more_or_fewer_without_being_made_anew() {
    let one = segment(1, 2, 2, &[0, 1, 2]);
    let fewer = target(&one, &places(4), Wanted::As(Profile::Mirror(2))).unwrap();
    assert_eq!((fewer.promise, fewer.fill.len()), (1, 0));
    assert_eq!(fewer.settled(&one, &[]).unwrap(), (one.code, one.pieces[..2].to_vec()));
    let more = target(&one, &places(4), Wanted::As(Profile::Mirror(4))).unwrap();
    assert_eq!((more.promise, indices(&more)), (3, vec![(3, 3)]));
    assert_eq!(more.settled(&one, &[]), None, "it promises more only when it keeps it");
    assert_eq!(more.settled(&one, &[piece(3, 3)]).unwrap().1.len(), 4);
    assert_eq!(target(&one, &places(3), Wanted::As(Profile::Mirror(4))), None, "three vendors hold no four copies");
}

proptest! {
    /// From any shape to that of any profile, over as many vendors as it takes: it ends there, every promise
    /// in between is kept, and going on finds nothing to do.
    #[test]
    fn any_profile_is_reached_from_any_shape(
        (k, m) in prop_oneof![Just((2, 2)), Just((3, 2)), Just((3, 1)), Just((1, 2)), Just((1, 1)), Just((2, 1))],
        profile in prop_oneof![
            Just(Profile::Quad), Just(Profile::Std), Just(Profile::Econ), (1u8..=5).prop_map(Profile::Mirror)
        ],
        vendors in 4u8..=5,
        lost in proptest::option::of(0u8..5),
    ) {
        let at: Vec<u8> = (0..(k + m).min(vendors)).collect();
        let mut one = segment(k, m, m, &at);
        one.pieces.retain(|piece| Some(piece.index) != lost || m == 0);
        let (all, wanted) = (places(vendors), Wanted::As(profile));
        prop_assume!(usize::from(profile.promise()) < usize::from(vendors));
        for round in 0u8.. {
            let Some(target) = target(&one, &all, wanted) else { break };
            prop_assert!(round < 4, "it never ends: {:?}", target);
            let store = |(index, site): &(u8, SiteId)| Piece { site: *site, ..piece(*index, 5 + round) };
            let stored: Vec<Piece> = target.fill.iter().map(store).collect();
            let before = catalog::Endangered::spare(one.code, &one.pieces);
            let Some((code, pieces)) = target.settled(&one, &stored) else { break };
            (one.code, one.promise, one.pieces) = (code, target.promise, pieces);
            let after = catalog::Endangered::spare(one.code, &one.pieces);
            prop_assert!(after >= before.min(i64::from(profile.promise())), "{before} spare became {after}");
        }
        prop_assert!(fits(&one, &all, wanted), "{:?}", one);
        prop_assert_eq!(one.promise, profile.promise());
        prop_assert_eq!(catalog::Endangered::spare(one.code, &one.pieces), i64::from(one.promise));
        prop_assert_eq!(target(&one, &all, wanted), None);
    }
}
