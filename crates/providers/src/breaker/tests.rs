use super::*;
use crate::fault::{Chance, Effect, Fault, FaultStore, State as SiteState};
use crate::marker::{Claim, NAME, NotOurs, claim};
use crate::{MemoryStore, contract, world};

const ENCLAVE: EnclaveId = EnclaveId([1; 16]);

struct Setup {
    memory: Arc<MemoryStore>,
    site: Arc<FaultStore>,
    breaker: Breaker,
}

/// A claimed, admitted site with one object, `a`.
async fn setup() -> Setup {
    let outside = world::simulated(4);
    let memory = Arc::new(MemoryStore::new());
    memory.put_new("a", "abc".into()).await.unwrap();
    let marked = Arc::new(MemoryStore::new());
    let Claim::Claimed(id) = claim(marked.as_ref(), ENCLAVE, "s", &outside).await.unwrap() else { panic!() };
    let length = marked.head(NAME).await.unwrap();
    memory.put_new(NAME, marked.get_range(NAME, 0..length).await.unwrap()).await.unwrap();
    let site = Arc::new(FaultStore::new(memory.clone(), outside.clone()));
    let breaker = Breaker::new("s", site.clone(), Settings::default(), outside);
    breaker.admit(ENCLAVE, id).await.unwrap();
    Setup { memory, site, breaker }
}

fn health(read: Side, write: Side) -> Health {
    Health { read, write }
}

use Side::{Out, Well};

#[tokio::test]
async fn breaker_keeps_the_contract() {
    let store = Breaker::new("s", Arc::new(MemoryStore::new()), Settings::default(), world::simulated(1));
    contract::check(Arc::new(store)).await.unwrap();
}

#[tokio::test]
async fn each_failure_takes_only_its_half_out_after_its_number_in_a_row() {
    let cases = [
        (ErrorKind::Full, Some(1)),
        (ErrorKind::Denied, Some(1)),
        (ErrorKind::Unavailable, Some(2)),
        (ErrorKind::TimedOut, Some(3)),
        (ErrorKind::Throttled, Some(3)),
        (ErrorKind::NotFound, None),
        (ErrorKind::AlreadyExists, None),
        (ErrorKind::Corrupt, None),
        (ErrorKind::Invalid, None),
    ];
    for (kind, expected) in cases {
        for (request, out) in [(Kind::Put, health(Well, Out)), (Kind::Get, health(Out, Well))] {
            let Setup { site, breaker, .. } = setup().await;
            let mut failures = 0;
            while breaker.health() == Health::WELL && failures < 5 {
                site.next(request, Fault::error(Effect::Lost, kind));
                let error = match request {
                    Kind::Put => breaker.put_new(&format!("{failures}"), "x".into()).await.unwrap_err(),
                    _ => breaker.get_range("a", 0..1).await.unwrap_err(),
                };
                assert_eq!(error.kind, kind);
                failures += 1;
            }
            assert_eq!(failures, expected.unwrap_or(5), "{kind:?}");
            assert_eq!(breaker.health(), if expected.is_some() { out } else { Health::WELL }, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_ends_the_row() {
    let Setup { site, breaker, .. } = setup().await;
    for round in 0..10 {
        site.next(Kind::Get, Fault::error(Effect::Lost, ErrorKind::Unavailable));
        breaker.get_range("a", 0..1).await.unwrap_err();
        match round % 2 {
            0 => drop(breaker.get_range("a", 0..3).await.unwrap()),
            _ => assert_eq!(breaker.head("missing").await.unwrap_err().kind, ErrorKind::NotFound),
        }
    }
    assert_eq!(breaker.health(), Health::WELL);
}

#[tokio::test]
async fn a_half_that_is_out_refuses_at_once_with_its_reason() {
    let Setup { memory, site, breaker } = setup().await;
    site.set(SiteState::Full);
    breaker.put_new("b", "x".into()).await.unwrap_err();
    site.set(SiteState::Well);
    let error = breaker.put_new("c", "x".into()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.downcast_ref::<Open>().unwrap().half, Half::Write);
    assert!(breaker.reason().unwrap().starts_with("writes: site is full"), "{:?}", breaker.reason());
    assert_eq!(memory.names(), ["a", NAME]);
    assert_eq!(breaker.get_range("a", 0..3).await.unwrap(), "abc");
}

async fn probe_for(breaker: &Breaker, seconds: u64) {
    for _ in 0..seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        breaker.probe().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_site_comes_back_after_thirty_good_seconds_and_not_before() {
    let Setup { memory, site, breaker } = setup().await;
    let mut changes = breaker.subscribe();
    site.set(SiteState::Gone);
    probe_for(&breaker, 2).await;
    assert_eq!(breaker.health(), health(Out, Out));
    assert!(changes.has_changed().unwrap());
    site.set(SiteState::Well);
    probe_for(&breaker, 30).await;
    assert_eq!(breaker.health(), health(Out, Out));
    changes.mark_unchanged();
    probe_for(&breaker, 1).await;
    assert_eq!(breaker.health(), Health::WELL);
    assert!(changes.has_changed().unwrap());
    assert_eq!(breaker.reason(), None);
    assert_eq!(memory.names(), ["a", NAME], "probes clean up behind themselves");
}

#[tokio::test(start_paused = true)]
async fn a_bad_probe_starts_the_wait_anew() {
    let Setup { site, breaker, .. } = setup().await;
    site.set(SiteState::ReadOnly);
    breaker.delete("a").await.unwrap_err();
    site.set(SiteState::Well);
    probe_for(&breaker, 25).await;
    site.next(Kind::Put, Fault::error(Effect::Landed, ErrorKind::TimedOut));
    probe_for(&breaker, 31).await;
    assert_eq!(breaker.health(), health(Well, Out));
    probe_for(&breaker, 1).await;
    assert_eq!(breaker.health(), Health::WELL);
}

#[tokio::test(start_paused = true)]
async fn a_read_only_site_stays_out_for_writes_alone() {
    let Setup { site, breaker, .. } = setup().await;
    site.set(SiteState::ReadOnly);
    breaker.put_new("b", "x".into()).await.unwrap_err();
    probe_for(&breaker, 60).await;
    assert_eq!(breaker.health(), health(Well, Out));
}

#[tokio::test(start_paused = true)]
async fn a_site_too_full_for_a_large_piece_must_prove_room_for_one() {
    for (bytes, expected) in [(1, 64), (1 << 20, 1 << 20), (5 << 20, 4 << 20)] {
        let outside = world::simulated(2);
        let site = Arc::new(FaultStore::new(Arc::new(MemoryStore::new()), outside.clone()));
        let meter = Arc::new(crate::Meter::new("s", site.clone()));
        let breaker = Breaker::new("s", meter.clone(), Settings::default(), outside);
        site.set(SiteState::Full);
        breaker.put_new("b", vec![0; bytes].into()).await.unwrap_err();
        site.set(SiteState::Well);
        breaker.probe().await;
        assert_eq!(meter.snapshot().put.bytes, expected, "after a piece of {bytes}");
        probe_for(&breaker, 30).await;
        assert_eq!(breaker.health(), Health::WELL);
    }
}

#[tokio::test(start_paused = true)]
async fn a_site_without_our_marker_is_out_until_it_has_it_again() {
    let Setup { memory, breaker, .. } = setup().await;
    let length = memory.head(NAME).await.unwrap();
    let ours = memory.get_range(NAME, 0..length).await.unwrap();
    memory.delete(NAME).await.unwrap();
    breaker.probe().await;
    assert_eq!(breaker.health(), health(Out, Out));
    assert!(breaker.reason().unwrap().contains("lost its marker"), "{:?}", breaker.reason());

    let foreign = EnclaveId([2; 16]);
    let elsewhere = MemoryStore::new();
    claim(&elsewhere, foreign, "s", &world::simulated(8)).await.unwrap();
    let length = elsewhere.head(NAME).await.unwrap();
    memory.put_new(NAME, elsewhere.get_range(NAME, 0..length).await.unwrap()).await.unwrap();
    probe_for(&breaker, 60).await;
    assert_eq!(breaker.health(), health(Out, Out));
    assert!(breaker.reason().unwrap().contains("belongs to enclave 0202"), "{:?}", breaker.reason());

    memory.delete(NAME).await.unwrap();
    memory.put_new(NAME, ours).await.unwrap();
    probe_for(&breaker, 31).await;
    assert_eq!(breaker.health(), Health::WELL);
}

#[tokio::test(start_paused = true)]
async fn a_site_that_flips_bytes_is_not_taken_for_anothers() {
    let Setup { site, breaker, .. } = setup().await;
    site.change(|plan| plan.corrupt = Chance { per_mille: 100 });
    breaker.take_out("by hand");
    probe_for(&breaker, 200).await;
    assert_eq!(breaker.health(), Health::WELL, "{:?}", breaker.reason());
}

#[tokio::test]
async fn a_site_that_is_away_at_the_start_is_out_from_the_start() {
    let Setup { site, .. } = setup().await;
    site.set(SiteState::Gone);
    let breaker = Breaker::new("s", site, Settings::default(), world::simulated(2));
    let refused = breaker.admit(ENCLAVE, SiteId([0; 16])).await.unwrap_err();
    assert!(matches!(refused, NotOurs::Marker(_)));
    assert_eq!(breaker.health(), health(Out, Out));
}
