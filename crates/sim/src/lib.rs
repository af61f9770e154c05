//! The simulated world: the real engine and the real SQLite on virtual time, over simulated sites and a
//! simulated disk. A seed decides everything: the same seed is the same run.
//!
//! ```text
//!  actors ──► engine ──► watched catalog ──► SQLite ──► disk: what is synced and what is not
//!  operators    │                                         │
//!               └──► faces ──► sites ◄── weather          └── power, cut at any call to the outside
//!  checkers look from outside: histories of clients, pieces at the sites, names at the vendors
//! ```
//!
//! [`run`] lives one life after the other, most of them cut short, and reports what no order of events
//! explains. `cargo run -p sim -- --seed N --trace` replays one; `cargo xtask judge sim` runs many. Bugs are
//! [planted](plant) from outside to see that they are caught.
//!
//! Absent by design: threads, real time, real files, and anything that ships.

mod actor;
mod check;
mod clock;
mod disk;
mod ending;
mod findings;
mod founding;
mod ground;
mod guests;
mod history;
mod known;
mod life;
mod operator;
pub mod plant;
mod power;
mod random;
mod roots;
mod said;
mod site;
mod uploads;
mod vfs;
mod watch;
mod weather;
mod world;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Once;

/// How much is done in the world, each more than the one before. A seed that found something is kept with the
/// breadth it was found in: what is done more draws other lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breadth {
    /// Objects and their versions; one vendor burns at the end.
    Objects,
    /// With what is said of versions and passes away, at three labels of which one is shredded. A vendor appears, the
    /// catalog burns and is rebuilt, two vendors burn where every profile promises to outlive that.
    Wide,
    /// All that the door can do: also pages of listings, lists of uploads and buckets, parts that are copied by
    /// range, keys, groups and grants that come and go, and a vendor that is added while everything goes on.
    #[default]
    All,
}

/// How a seed is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// At least so many.
    pub operations: u64,
    pub plant: Option<plant::Plant>,
    pub breadth: Breadth,
    /// Whether the report says what happened.
    pub traced: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { operations: 1_000, plant: None, breadth: Breadth::default(), traced: false }
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub seed: u64,
    /// What was found wrong, the first first.
    pub findings: Vec<String>,
    pub operations: u64,
    pub lives: u64,
    pub cuts: u64,
    /// Calls to the outside.
    pub calls: u64,
    pub simulated_ms: u64,
    /// Of every call to the outside in its order.
    pub digest: u64,
    pub faults: BTreeMap<&'static str, u64>,
    pub answers: BTreeMap<&'static str, u64>,
    /// The last calls of each life.
    pub trace: Vec<String>,
}

impl Report {
    fn new(seed: u64) -> Report {
        Report { seed, ..Report::default() }
    }
}

/// Runs a seed.
pub fn run(seed: u64, options: Options) -> Report {
    listen_for_panics();
    world::World::new(seed, options).run()
}

thread_local! {
    static PANICS: Cell<u64> = const { Cell::new(0) };
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A task that panics takes nobody with it: it is heard of here.
fn listen_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.set(PANICS.get() + 1);
            LAST.set(panic.to_string());
            before(panic);
        }));
    });
}

/// Panics on this thread so far.
fn panics() -> u64 {
    PANICS.get()
}

fn last_panic() -> String {
    LAST.with_borrow(Clone::clone)
}
