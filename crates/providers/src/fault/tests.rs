use tokio::time::Instant;

use super::*;
use crate::{MemoryStore, contract, world};

fn setup(seed: u8) -> (Arc<MemoryStore>, FaultStore) {
    let memory = Arc::new(MemoryStore::new());
    (memory.clone(), FaultStore::new(memory, world::simulated(seed)))
}

#[tokio::test]
async fn a_plan_without_faults_keeps_the_contract() {
    contract::check(Arc::new(setup(1).1)).await.unwrap();
}

#[tokio::test]
async fn faults_come_in_twins() {
    let (memory, store) = setup(1);
    for (effect, names) in [(Effect::Lost, vec![]), (Effect::Landed, vec!["a".to_owned()])] {
        store.next(Kind::Put, Fault::error(effect, ErrorKind::Throttled));
        assert_eq!(store.put_new("a", "x".into()).await.unwrap_err().kind, ErrorKind::Throttled);
        assert_eq!(memory.names(), names);
    }
    store.put_new("b", "x".into()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_state_refuses_what_it_should() {
    use ErrorKind::{Denied, Full, Throttled, TimedOut, Unavailable};
    let cases = [
        (State::Well, None, None, None),
        (State::Full, Some(Full), None, None),
        (State::ReadOnly, Some(Denied), None, Some(Denied)),
        (State::Gone, Some(Unavailable), Some(Unavailable), Some(Unavailable)),
        (State::Throttled, Some(Throttled), Some(Throttled), Some(Throttled)),
        (State::Silent, Some(TimedOut), Some(TimedOut), Some(TimedOut)),
    ];
    for (state, put, get, delete) in cases {
        let (_, faulty) = setup(1);
        faulty.put_new("a", "x".into()).await.unwrap();
        faulty.set(state);
        let store = crate::deadline::Deadline::new(Arc::new(faulty), crate::deadline::Settings::default());
        let kinds = (
            store.put_new("b", "x".into()).await.err().map(|error| error.kind),
            store.get_range("a", 0..1).await.err().map(|error| error.kind),
            store.delete("a").await.err().map(|error| error.kind),
        );
        assert_eq!(kinds, (put, get, delete), "{state:?}");
    }
}

#[tokio::test]
async fn one_kind_is_refused_and_a_listing_begins_anew() {
    let (memory, store) = setup(1);
    for name in ["a", "b"] {
        store.put_new(name, "x".into()).await.unwrap();
    }
    store.change(|plan| plan.refused = [(Kind::Delete, ErrorKind::Invalid)].into());
    assert_eq!(store.delete("a").await.unwrap_err().kind, ErrorKind::Invalid);
    assert_eq!((store.head("a").await.unwrap(), memory.names().len()), (1, 2));
    for (order, name) in [(Order::Onwards, "b"), (Order::InCircles, "a"), (Order::Endless, "a0")] {
        store.change(|plan| plan.order = order);
        assert_eq!(store.list("", Some("a"), 1).await.unwrap()[0].name, name, "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_site_takes_its_time_by_the_byte() {
    let (_, store) = setup(1);
    store.change(|plan| plan.pace = Pace { base: Duration::from_millis(50), per_mib: Duration::from_millis(10) });
    let start = Instant::now();
    store.put_new("a", vec![0; 3 << 20].into()).await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 80);
}

#[tokio::test]
async fn rates_are_met_and_one_byte_is_flipped() {
    let (_, store) = setup(5);
    let bytes: Bytes = (0..200).collect::<Vec<u8>>().into();
    store.put_new("a", bytes.clone()).await.unwrap();
    store.change(|plan| plan.corrupt = Chance { per_mille: 100 });
    let mut flipped = 0;
    for _ in 0..1000 {
        let read = store.get_range("a", 0..200).await.unwrap();
        let wrong = read.iter().zip(&bytes).filter(|(a, b)| a != b).count();
        assert!(wrong <= 1);
        flipped += wrong;
    }
    assert!((60..140).contains(&flipped), "{flipped} of 1000 reads");
}

#[tokio::test]
async fn the_same_seed_makes_the_same_run() {
    let mut runs = Vec::new();
    for seed in [9, 9, 10] {
        let (memory, store) = setup(seed);
        store.change(|plan| {
            plan.lost = Chance { per_mille: 200 };
            plan.landed = Chance { per_mille: 200 };
        });
        let mut answers = Vec::new();
        for index in 0..100 {
            answers.push(store.put_new(&format!("{index}"), "x".into()).await.is_ok());
        }
        assert!(memory.names().len() > answers.iter().filter(|ok| **ok).count(), "some landed unheard");
        runs.push((answers, memory.names()));
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}
