//! Waiting times drawn from measured ones.
//!
//! A file of samples is a table: the first line names sizes in bytes, rising; each further line holds
//! a time in microseconds for each.
//!
//! Few sizes were measured. One rank is drawn, and a size between two of them takes what lies between
//! their times at that rank, in the square root of the size: of the ways tried it is the one that finds
//! the tables' middle columns again from those beside them (within a fifth on average, and no more often
//! above than below; linear in the size, tails come out at two thirds, in its logarithm at half as much
//! again).

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::fault::Chance;

pub struct Samples {
    /// Sizes with what was measured for each, shortest first.
    columns: Vec<(u64, Vec<u64>)>,
    scale: f64,
}

impl Samples {
    /// Every time is multiplied by `scale`.
    pub fn load(path: &Path, scale: f64) -> Result<Samples> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read samples from {}", path.display()))?;
        Samples::parse(&text, scale).with_context(|| format!("{} is no table of samples", path.display()))
    }

    fn parse(text: &str, scale: f64) -> Result<Samples> {
        let mut lines = text.lines().map(|line| line.split(',').map(|cell| cell.trim().parse::<u64>()));
        let sizes = lines.next().context("it is empty")?.collect::<Result<Vec<_>, _>>()?;
        let mut columns: Vec<(u64, Vec<u64>)> = sizes.into_iter().map(|size| (size, Vec::new())).collect();
        for line in lines {
            let times = line.collect::<Result<Vec<_>, _>>()?;
            if times.len() != columns.len() {
                bail!("a line has {} times, the first names {} sizes", times.len(), columns.len());
            }
            columns.iter_mut().zip(times).for_each(|((_, column), time)| column.push(time));
        }
        if columns.iter().any(|(_, column)| column.is_empty()) || !columns.is_sorted() {
            bail!("it needs at least one line of times, and sizes that rise");
        }
        columns.iter_mut().for_each(|(_, column)| column.sort_unstable());
        Ok(Samples { columns, scale })
    }

    /// A time for a request that carries `bytes`. Outside the measured sizes the nearest is taken.
    pub fn draw(&self, bytes: u64, chance: &Chance) -> Duration {
        let count = self.columns.first().map_or(0, |(_, column)| column.len());
        let rank = usize::try_from(chance.below(count as u64)).unwrap_or(0);
        Duration::from_secs_f64(self.at(rank, bytes) * self.scale / 1e6)
    }

    /// Microseconds at one rank.
    fn at(&self, rank: usize, bytes: u64) -> f64 {
        let time = |(_, column): &(u64, Vec<u64>)| as_f64(column.get(rank).copied().unwrap_or(0));
        let above = self.columns.partition_point(|(size, _)| *size < bytes);
        let below = above.checked_sub(1).and_then(|below| self.columns.get(below));
        match (below, self.columns.get(above)) {
            (Some(below), Some(above)) => {
                let root = |size: u64| as_f64(size).sqrt();
                let part = (root(bytes) - root(below.0)) / (root(above.0) - root(below.0));
                time(below) + (time(above) - time(below)) * part
            }
            (Some(nearest), None) | (None, Some(nearest)) => time(nearest),
            (None, None) => 0.0,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes and microseconds are far below 2^53")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_drawn_by_size() {
        let samples = Samples::parse("1024,65536\n10,234\n10,234\n", 2.0).unwrap();
        let chance = Chance::new(1);
        // 144 ÷ 32 and 256 ÷ 32 are the roots of the last but one and of the last, in the first's.
        for (bytes, us) in [(0, 20), (1024, 20), (144 * 144, 244), (65536, 468), (1 << 30, 468)] {
            assert_eq!(samples.draw(bytes, &chance), Duration::from_micros(us));
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for text in ["", "1024\n", "1024,1\n1,2\n", "1,2\n1\n", "a\n1\n"] {
            assert!(Samples::parse(text, 1.0).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_measured_tables_are_whole() {
        for name in ["near-euc1", "near-usw1", "far-euc1", "far-usw1"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/network/{name}.csv"));
            let samples = Samples::load(&path, 1.0).unwrap();
            assert!(samples.columns.iter().all(|(_, times)| times.len() == 1000));
        }
    }

    #[test]
    fn a_measured_size_is_found_again_from_those_beside_it() {
        let (mut factors, mut count) = (0.0, 0.0);
        for name in ["near-euc1", "near-usw1", "far-euc1", "far-usw1"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/network/{name}.csv"));
            let whole = Samples::load(&path, 1.0).unwrap();
            for left_out in [1, 2] {
                let mut columns = whole.columns.clone();
                let (size, times) = columns.remove(left_out);
                let without = Samples { columns, scale: 1.0 };
                for rank in [500, 900, 950, 990, 998] {
                    factors += (without.at(rank, size) / as_f64(times[rank])).ln();
                    count += 1.0;
                }
            }
        }
        let bias = f64::exp(factors / count);
        assert!((0.9..1.1).contains(&bias), "what lies between is {bias:.2} of what was measured");
    }
}
