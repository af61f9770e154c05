//! Randomness that a seed decides: cheap, and the same on every machine.

use std::sync::{Mutex, PoisonError};

use model::outside::Entropy;

/// SplitMix64: good enough to draw faults and names from, and two lines long.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d);
        random.next();
        random
    }

    /// Another one, which draws apart from this one from here on.
    pub fn fork(&mut self) -> Random {
        Random::new(self.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is not zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub fn between(&mut self, start: u64, end: u64) -> u64 {
        start + self.below(end.saturating_sub(start))
    }

    /// So many times in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let at = self.below(all.len() as u64);
        usize::try_from(at).ok().and_then(|at| all.get(at))
    }

    /// A place below `length`.
    pub fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }
}

/// Keys, salts and names of one life.
pub struct Seeded {
    random: Mutex<Random>,
    /// A planted bug.
    repeats: bool,
}

impl Seeded {
    pub fn new(random: Random, repeats: bool) -> Seeded {
        Seeded { random: Mutex::new(random), repeats }
    }
}

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        if self.repeats && random.chance(100) {
            return out.fill(7);
        }
        for chunk in out.chunks_mut(8) {
            let drawn = random.next().to_le_bytes();
            chunk.iter_mut().zip(drawn).for_each(|(out, drawn)| *out = drawn);
        }
    }
}
