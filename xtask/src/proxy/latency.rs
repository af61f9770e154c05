//! Waiting times drawn from measured ones.
//!
//! A file of samples is a table: the first line names sizes in bytes, rising; each further line holds
//! a time in microseconds for each.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::fault::Chance;

pub struct Samples {
    /// Sizes with what was measured for each.
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
        Ok(Samples { columns, scale })
    }

    /// One of the times measured for the next larger size, else for the largest.
    pub fn draw(&self, bytes: u64, chance: &Chance) -> Duration {
        let fitting = self.columns.iter().find(|(size, _)| *size >= bytes).or(self.columns.last());
        let times = fitting.map_or(&[][..], |(_, times)| times);
        let index = usize::try_from(chance.below(times.len() as u64)).unwrap_or(0);
        Duration::from_micros(times.get(index).copied().unwrap_or(0)).mul_f64(self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_drawn_by_size() {
        let samples = Samples::parse("1024,65536\n10,20\n10,20\n", 2.0).unwrap();
        let chance = Chance::new(1);
        for (bytes, us) in [(0, 20), (1024, 20), (1025, 40), (1 << 30, 40)] {
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
}
