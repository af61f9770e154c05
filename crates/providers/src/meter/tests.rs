use super::*;
use crate::fault::{Effect, Fault, FaultStore, Pace};
use crate::{MemoryStore, contract, world};

fn setup(pace: Pace) -> (Arc<FaultStore>, Meter) {
    let faulty = Arc::new(FaultStore::new(Arc::new(MemoryStore::new()), world::simulated(3)));
    faulty.change(|plan| plan.pace = pace);
    (faulty.clone(), Meter::new("s", faulty))
}

fn pace(base_ms: u64) -> Pace {
    Pace { base: Duration::from_millis(base_ms), per_mib: Duration::from_millis(100) }
}

#[tokio::test]
async fn meter_keeps_the_contract() {
    contract::check(Arc::new(Meter::new("s", Arc::new(MemoryStore::new())))).await.unwrap();
}

#[tokio::test]
async fn every_request_is_counted_with_its_bytes_and_failures() {
    let (faulty, meter) = setup(Pace::default());
    meter.put_new("a", "hello".into()).await.unwrap();
    meter.get_range("a", 1..4).await.unwrap();
    meter.head("b").await.unwrap_err();
    meter.delete("a").await.unwrap();
    faulty.next(Kind::List, Fault::error(Effect::Lost, ErrorKind::Throttled));
    meter.list("", None, 5).await.unwrap_err();
    let count = |failures, bytes| Count { requests: 1, failures, bytes, in_flight: 0 };
    let expected =
        Snapshot { put: count(0, 5), get: count(0, 3), head: count(0, 0), delete: count(0, 0), list: count(1, 0) };
    assert_eq!(meter.snapshot(), expected);
    assert_eq!(meter.snapshot().requests(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_became_of_requests_is_timed_apart() {
    let (faulty, meter) = setup(pace(20));
    meter.put_new("a", "hello".into()).await.unwrap();
    meter.head("b").await.unwrap_err();
    for kind in [ErrorKind::Throttled, ErrorKind::TimedOut, ErrorKind::Denied] {
        faulty.next(Kind::Get, Fault::error(Effect::Lost, kind));
        meter.get_range("a", 0..1).await.unwrap_err();
    }
    tokio::time::timeout(Duration::from_millis(3), meter.get_range("a", 0..1)).await.unwrap_err();
    let timed = meter.timed();
    let told: Vec<_> =
        timed.iter().map(|(kind, outcome, timed)| (kind.name(), outcome.name(), timed.count())).collect();
    let expected = [
        ("put", "done", 1),
        ("get", "throttled", 1),
        ("get", "timed_out", 1),
        ("get", "failed", 1),
        ("get", "given_up", 1),
        ("head", "answered", 1),
    ];
    assert_eq!(told, expected);
    let quickest = timed.first().and_then(|(_, _, put)| put.quantile(50)).unwrap();
    assert!((20..=25).contains(&quickest.as_millis()), "{quickest:?}");
}

#[tokio::test(start_paused = true)]
async fn latencies_are_told_apart_by_kind_and_size() {
    let (_, meter) = setup(pace(50));
    let mib: Bytes = vec![0; 1 << 20].into();
    for index in 0..10 {
        meter.put_new(&format!("small{index}"), "x".into()).await.unwrap();
        meter.put_new(&format!("large{index}"), mib.clone()).await.unwrap();
    }
    let near = |told: Option<Duration>, ms: u128| {
        let told = told.unwrap().as_millis();
        assert!((ms..=ms * 5 / 4 + 1).contains(&told), "{told} ms for {ms} ms");
    };
    near(meter.p50(Kind::Put, 1), 50);
    near(meter.p99(Kind::Put, 1 << 20), 150);
    near(meter.mean(Kind::Put, 1 << 20), 150);
    assert_eq!(meter.p50(Kind::Get, 1), None);
    assert_eq!(meter.p95(Kind::Put, 64 << 20), None);
}

#[tokio::test(start_paused = true)]
async fn a_request_given_up_counts_as_slow_when_it_was() {
    let (faulty, meter) = setup(pace(10));
    for index in 0..4 {
        meter.put_new(&format!("a{index}"), "x".into()).await.unwrap();
    }
    for (wait_ms, is_slow) in [(5, false), (2000, true)] {
        faulty.next(Kind::Put, Fault::silence(Effect::Lost));
        let wait = Duration::from_millis(wait_ms);
        assert!(tokio::time::timeout(wait, meter.put_new("b", "x".into())).await.is_err());
        assert_eq!(meter.p99(Kind::Put, 1).unwrap() >= Duration::from_secs(2), is_slow);
    }
    assert_eq!(meter.in_flight(), 0);
    assert_eq!(meter.snapshot().put.requests, 6);
}

#[tokio::test(start_paused = true)]
async fn requests_under_way_are_seen() {
    let (_, meter) = setup(pace(10));
    let put = meter.put_new("a", "x".into());
    tokio::pin!(put);
    assert!(futures::poll!(&mut put).is_pending());
    assert_eq!((meter.in_flight(), meter.snapshot().put.in_flight), (1, 1));
    put.await.unwrap();
    assert_eq!(meter.in_flight(), 0);
}
