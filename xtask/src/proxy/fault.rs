//! What can be wrong with a site, and the dice.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// One fault at a time; `share` of the requests it speaks of are struck, drawn one by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum Fault {
    Well,
    /// Open connections stall, new ones are accepted, nobody is answered.
    Hung,
    /// 503 with the vendor's own body.
    SlowDown {
        share: f64,
    },
    /// One byte of an object's body is another one; its length is right.
    Flip {
        share: f64,
    },
    /// Listings show what was there at the moment named to the control port.
    Yesterday,
    /// The connection is reset in the middle of a body, sent or received.
    Reset {
        share: f64,
    },
    /// A write reaches the stand-in, and its answer is lost or a 500.
    Landed {
        share: f64,
    },
    /// All connections together carry this much, both ways.
    Slow {
        bytes_per_second: u64,
    },
}

/// A sequence of draws that a seed repeats: SplitMix64.
pub struct Chance(AtomicU64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(AtomicU64::new(seed))
    }

    pub fn draw(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// True in `share` of the draws.
    pub fn strikes(&self, share: f64) -> bool {
        // 53 bits are what an f64 holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let drawn = (self.draw() >> 11) as f64 / (1u64 << 53) as f64;
        drawn < share
    }

    /// Below `end`; 0 when `end` is.
    pub fn below(&self, end: u64) -> u64 {
        self.draw() % end.max(1)
    }
}
