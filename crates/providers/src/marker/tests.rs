use std::sync::Arc;

use super::*;
use crate::fault::{Chance, Effect, Fault, FaultStore, State};
use crate::request::Kind;
use crate::{MemoryStore, world};

const OURS: EnclaveId = EnclaveId([1; 16]);
const THEIRS: EnclaveId = EnclaveId([2; 16]);

async fn claimed(store: &dyn Store, enclave: EnclaveId) -> Result<Claim, ClaimError> {
    claim(store, enclave, "amazon", &world::simulated(1)).await
}

#[tokio::test]
async fn an_empty_site_is_claimed_once_and_known_ever_after() {
    let store = MemoryStore::new();
    assert_eq!(read_marker(&store).await.unwrap(), None);
    let Claim::Claimed(site) = claimed(&store, OURS).await.unwrap() else { panic!() };
    assert_eq!(claimed(&store, OURS).await.unwrap(), Claim::AlreadyOurs(site));
    let marker = Marker { enclave: OURS, site, name: "amazon".to_owned() };
    assert_eq!(read_marker(&store).await.unwrap(), Some(marker));
    verify(&store, OURS, site).await.unwrap();
}

#[tokio::test]
async fn a_marker_is_text_that_a_person_can_read() {
    let marker = Marker { enclave: OURS, site: SiteId([3; 16]), name: "amazon".to_owned() };
    let text = String::from_utf8(marker.encode().to_vec()).unwrap();
    let (ones, threes) = ("01".repeat(16), "03".repeat(16));
    assert!(text.starts_with(&format!("entente-site 1\nenclave {ones}\nsite {threes}\nname amazon\nblake3 ")));
    assert_eq!(parse(text.as_bytes()).unwrap(), marker);
}

#[tokio::test]
async fn anothers_site_is_refused() {
    let store = MemoryStore::new();
    let site = claimed(&store, THEIRS).await.unwrap().site();
    let error = claimed(&store, OURS).await.unwrap_err();
    assert!(matches!(error, ClaimError::Foreign { enclave: THEIRS }), "{error}");
    assert!(matches!(verify(&store, OURS, site).await, Err(NotOurs::Foreign { enclave: THEIRS })));
}

#[tokio::test]
async fn swapped_sites_are_told_apart() {
    let store = MemoryStore::new();
    claimed(&store, OURS).await.unwrap();
    let error = claim(&store, OURS, "google", &world::simulated(1)).await.unwrap_err();
    assert!(matches!(error, ClaimError::OtherSite { .. }), "{error}");
    assert!(matches!(verify(&store, OURS, SiteId([9; 16])).await, Err(NotOurs::OtherSite { .. })));
}

#[tokio::test]
async fn a_site_with_things_in_it_is_refused_unless_they_are_probes() {
    let store = MemoryStore::new();
    for index in 0..250 {
        store.put_new(&format!("{PROBES}{index}"), "x".into()).await.unwrap();
    }
    store.put_new("holiday.jpg", "x".into()).await.unwrap();
    let error = claimed(&store, OURS).await.unwrap_err();
    assert!(error.to_string().contains("`holiday.jpg`"), "{error}");
    store.delete("holiday.jpg").await.unwrap();
    assert!(matches!(claimed(&store, OURS).await, Ok(Claim::Claimed(_))));
}

#[tokio::test]
async fn half_a_marker_is_replaced_only_where_nothing_else_lies() {
    let whole = Marker { enclave: OURS, site: SiteId([3; 16]), name: "amazon".to_owned() }.encode();
    for length in [0, 1, 20, whole.len() - 1] {
        let store = MemoryStore::new();
        store.put_new(NAME, whole.slice(..length)).await.unwrap();
        assert!(matches!(read_marker(&store).await, Err(MarkerError::Damaged)));
        store.put_new("piece", "x".into()).await.unwrap();
        let error = claimed(&store, OURS).await.unwrap_err();
        assert!(matches!(error, ClaimError::Marker(MarkerError::Damaged)), "{error}");
        store.delete("piece").await.unwrap();
        assert!(matches!(claimed(&store, OURS).await, Ok(Claim::Claimed(_))), "{length} bytes");
    }
}

#[tokio::test]
async fn a_newer_marker_is_refused_clearly() {
    let store = MemoryStore::new();
    let body = "entente-site 2\nsomething new\n";
    let digest = blake3::hash(body.as_bytes()).to_hex();
    store.put_new(NAME, format!("{body}blake3 {digest}\n").into()).await.unwrap();
    let error = claimed(&store, OURS).await.unwrap_err();
    assert!(matches!(error, ClaimError::Marker(MarkerError::Newer { version: 2 })), "{error}");
}

#[test]
fn no_flipped_byte_passes_for_anything_but_damage() {
    let whole = Marker { enclave: OURS, site: SiteId([3; 16]), name: "amazon".to_owned() }.encode();
    for place in 0..whole.len() {
        let mut flipped = whole.to_vec();
        flipped[place] ^= 1;
        let parsed = parse(&flipped);
        // The digest's hexadecimal letters may change case without changing what they say.
        assert!(matches!(parsed, Err(MarkerError::Damaged)), "byte {place}: {parsed:?}");
    }
}

#[tokio::test]
async fn reads_that_flip_bytes_now_and_then_do_not_hide_the_marker() {
    let outside = world::simulated(6);
    let store = FaultStore::new(Arc::new(MemoryStore::new()), outside);
    let site = claimed(&store, OURS).await.unwrap().site();
    store.change(|plan| plan.corrupt = Chance { per_mille: 100 });
    for _ in 0..300 {
        verify(&store, OURS, site).await.unwrap();
    }
}

#[tokio::test]
async fn a_site_that_does_not_answer_is_unreachable_and_a_claim_that_landed_is_found_again() {
    let store = FaultStore::new(Arc::new(MemoryStore::new()), world::simulated(6));
    store.set(State::Gone);
    let error = claimed(&store, OURS).await.unwrap_err();
    assert!(matches!(error, ClaimError::Marker(MarkerError::Unreachable(_))), "{error}");
    store.set(State::Well);
    for (effect, found_again) in [(Effect::Lost, false), (Effect::Landed, true)] {
        store.next(Kind::Put, Fault::error(effect, ErrorKind::TimedOut));
        claimed(&store, OURS).await.unwrap_err();
        assert_eq!(read_marker(&store).await.unwrap().is_some(), found_again);
    }
    assert!(matches!(claimed(&store, OURS).await, Ok(Claim::AlreadyOurs(_))));
}

#[tokio::test]
async fn names_that_break_the_text_are_refused() {
    for bad in ["", "a b", "a\nb", "\u{e4}", &"a".repeat(65)] {
        let result = claim(&MemoryStore::new(), OURS, bad, &world::simulated(1)).await;
        assert!(matches!(result, Err(ClaimError::BadName(_))), "`{bad}`");
    }
}
