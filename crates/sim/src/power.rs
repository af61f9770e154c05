//! Power: what a cut leaves running is nothing.
//!
//! Every call to the outside passes here: requests to sites before and after their effect, writes and
//! syncs of the disk, hand-overs of blocking work. At the call that was chosen beforehand the power goes;
//! from then on no call has an effect, and none comes back. Between two such calls nothing can be seen
//! from outside, so a cut at a call stands for a cut at every await in between.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::outside::Blocking;
use tokio::sync::Notify;

/// Lines of a trace that are kept: those that lead to what was found.
const TRACED: usize = 100_000;

type Job = Box<dyn FnOnce() + Send>;

pub struct Power {
    state: Mutex<State>,
    cut: Notify,
}

struct State {
    calls: u64,
    /// The call that does not come back.
    cut_at: Option<u64>,
    out: bool,
    /// Work that was never done. Whoever waits for it waits until the whole life is over.
    undone: Vec<Job>,
    digest: u64,
    trace: Option<Vec<String>>,
}

impl Power {
    pub fn new(cut_at: Option<u64>, traced: bool) -> Arc<Power> {
        let state = State { calls: 0, cut_at, out: false, undone: Vec::new(), digest: 0, trace: traced.then(Vec::new) };
        Arc::new(Power { state: Mutex::new(state), cut: Notify::new() })
    }

    /// Whether the call may have its effect.
    pub fn on<T: Hash>(&self, what: &str, about: &T, more: impl FnOnce() -> String) -> bool {
        let mut state = self.state();
        if state.out {
            return false;
        }
        state.calls += 1;
        let mut hasher = DefaultHasher::new();
        (state.digest, what, about).hash(&mut hasher);
        state.digest = hasher.finish();
        if state.trace.is_some() {
            let line = format!("{:>6} {what} {}", state.calls, more());
            state.tell(line);
        }
        if state.cut_at.is_some_and(|at| state.calls >= at) {
            state.go_out();
            drop(state);
            self.cut.notify_one();
            return false;
        }
        true
    }

    /// As [`Power::on`], but a call without power never returns.
    pub async fn pass<T: Hash>(&self, what: &str, about: &T, more: impl FnOnce() -> String) {
        if !self.on(what, about, more) {
            std::future::pending::<()>().await;
        }
    }

    pub fn is_on(&self) -> bool {
        !self.state().out
    }

    /// Resolves when the power is cut.
    pub async fn wait_for_cut(&self) {
        if self.is_on() {
            self.cut.notified().await;
        }
    }

    /// Cuts it now.
    pub fn cut_now(&self) {
        self.state().go_out();
        self.cut.notify_one();
    }

    /// Adds a line to the trace that is no call.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        let mut state = self.state();
        if state.trace.is_some() && !state.out {
            let line = format!("       {}", line());
            state.tell(line);
        }
    }

    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Of all calls in their order.
    pub fn digest(&self) -> u64 {
        self.state().digest
    }

    pub fn take_trace(&self) -> Vec<String> {
        self.state().trace.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Lets go of what was never done, once the runtime is gone.
    pub fn bury(&self) {
        let undone = std::mem::take(&mut self.state().undone);
        drop(undone);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn go_out(&mut self) {
        if !self.out {
            self.out = true;
            self.tell("------ the power goes".to_owned());
        }
    }

    fn tell(&mut self, line: String) {
        if let Some(trace) = &mut self.trace {
            if trace.len() >= TRACED {
                trace.drain(..TRACED / 2);
            }
            trace.push(line);
        }
    }
}

/// Blocking work is done at once, or, without power, never.
pub struct PoweredWork(pub Arc<Power>);

impl Blocking for PoweredWork {
    fn spawn(&self, job: Job) {
        if self.0.on("work", &(), String::new) {
            job();
        } else {
            self.0.state().undone.push(job);
        }
    }
}
