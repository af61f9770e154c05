//! What a disk that never answers may take with it.

use std::mem;
use std::sync::Mutex;

use futures::future::join_all;
use model::outside::Blocking;
use tokio::time::Instant;

use super::*;
use crate::deadline::{Deadline, Settings};
use crate::world::{self, Scratch};

type Job = Box<dyn FnOnce() + Send>;

/// A disk that hangs: what is begun there does not end until it is let go.
#[derive(Default)]
struct Hung(Mutex<Vec<Job>>);

impl Hung {
    fn begun(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn let_go(&self) {
        mem::take(&mut *self.0.lock().unwrap()).into_iter().for_each(|job| job());
    }
}

impl Blocking for Hung {
    fn spawn(&self, job: Job) {
        self.0.lock().unwrap().push(job);
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_holds_so_many_threads_and_no_more() {
    let (scratch, hung) = (Scratch::new(), Arc::new(Hung::default()));
    let outside = Outside { blocking: hung.clone(), ..world::simulated(1) };
    let local = LocalStore::open(scratch.path().to_owned(), outside);
    let store = Deadline::new(Arc::new(local), Settings::default());
    let start = Instant::now();
    for round in 1..=3 {
        let answers = join_all((0..2 * SLOTS).map(|_| store.head("d/none"))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(|error| error.kind == ErrorKind::TimedOut)));
        assert_eq!(start.elapsed(), Settings::default().base * round, "all of them wait side by side");
        assert_eq!(hung.begun(), SLOTS, "a request that was given up still has its thread");
    }
    hung.let_go();
    let (answer, ()) = tokio::join!(store.head("d/none"), async {
        assert_eq!(hung.begun(), 1, "those that gave up before their turn are not made up for");
        hung.let_go();
    });
    assert_eq!(answer.unwrap_err().kind, ErrorKind::NotFound, "it answers again");
}
