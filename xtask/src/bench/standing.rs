//! The contest as tables: rates with their spread, our ratios beside the aims, and what it cost.

use std::fmt::Write as _;

use anyhow::Result;

use crate::contest::{Load, Score, Turn};
use crate::peers::{CONTENDERS, Contender};
use crate::work::as_f64;
use crate::{LARGE, LISTED, SMALL, table};

const MB: f64 = 1e6;
const GIB: f64 = 1_073_741_824.0;

/// What is aimed at: our rate over that of a contender.
struct Aim {
    load: Load,
    over: &'static str,
    least: f64,
}

const AIMS: [Aim; 5] = [
    Aim { load: Load::PutLarge, over: "rclone, crypt over union", least: 1.5 },
    Aim { load: Load::GetLarge, over: "SeaweedFS", least: 0.8 },
    Aim { load: Load::PutSmall, over: "SeaweedFS", least: 1.0 },
    Aim { load: Load::GetSmall, over: "SeaweedFS", least: 1.5 },
    Aim { load: Load::List, over: "SeaweedFS", least: 1.0 },
];

/// Everything of one contest, as Markdown.
pub fn render(scores: &[Score], rounds: usize, cores: usize) -> Result<String> {
    let mut text = format!("{}\n", table::headline(cores)?);
    writeln!(text, "Medians of {rounds} rounds; in parentheses the lowest and the highest.\n")?;
    head(&mut text, "| load |")?;
    for load in Load::ALL {
        rates(&mut text, scores, load, &load.what(), |turn| turn.per_second)?;
        if matches!(load, Load::PutLarge | Load::PutSmall) {
            rates(&mut text, scores, load, &format!("{}, until on disk", load.what()), |turn| turn.per_second_on_disk)?;
        }
    }
    failures(&mut text, scores)?;
    words(&mut text, "synced when acknowledged", |contender| contender.synced)?;
    words(&mut text, "kept", |contender| contender.kept)?;
    costs(&mut text, scores)?;
    writeln!(text, "\nEntente over each, and what was aimed at:\n")?;
    ratios(&mut text, scores)?;
    Ok(text)
}

fn head(text: &mut String, first: &str) -> Result<()> {
    let names: Vec<&str> = CONTENDERS.iter().map(|contender| contender.name).collect();
    writeln!(text, "{first} {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()))?;
    Ok(())
}

fn rates(text: &mut String, scores: &[Score], load: Load, what: &str, of: fn(&Turn) -> f64) -> Result<()> {
    write!(text, "| {what}, {} |", load.unit())?;
    for score in scores {
        let found = sorted(score, load, of);
        let shown = |rate: Option<f64>| rate.map_or(String::new(), |rate| load.shown(rate));
        let (low, high) = (shown(found.first().copied()), shown(found.last().copied()));
        write!(text, " {} ({low}–{high}) |", load.shown(median(&found)))?;
    }
    Ok(writeln!(text)?)
}

fn failures(text: &mut String, scores: &[Score]) -> Result<()> {
    let failed = scores.iter().map(|score| score.turns.iter().map(|(_, turn)| turn.failed).sum::<usize>().to_string());
    Ok(writeln!(text, "| failed requests, asked again | {} |", failed.collect::<Vec<_>>().join(" | "))?)
}

fn words(text: &mut String, what: &str, of: fn(&Contender) -> &'static str) -> Result<()> {
    let all: Vec<&str> = CONTENDERS.iter().map(of).collect();
    Ok(writeln!(text, "| {what} | {} |", all.join(" | "))?)
}

fn costs(text: &mut String, scores: &[Score]) -> Result<()> {
    let large = GIB / as_f64(LARGE);
    let rows = [
        ("CPU seconds per GiB put", Load::PutLarge, large),
        ("CPU seconds per GiB got", Load::GetLarge, large),
        ("CPU seconds per 1,000 puts of 4 KiB", Load::PutSmall, 1e3),
        ("CPU seconds per 1,000 gets of 4 KiB", Load::GetSmall, 1e3),
    ];
    for (what, load, each) in rows {
        let costs = scores.iter().map(|score| median(&sorted(score, load, |turn| turn.cpu_seconds)) * each);
        let costs: Vec<String> = costs.map(|seconds| format!("{seconds:.2}")).collect();
        writeln!(text, "| {what} | {} |", costs.join(" | "))?;
    }
    let resident = scores.iter().map(|score| {
        let mut all = score.resident.clone();
        all.sort_by(f64::total_cmp);
        format!("{:.0}", median(&all))
    });
    Ok(writeln!(text, "| peak resident, MiB | {} |", resident.collect::<Vec<_>>().join(" | "))?)
}

fn ratios(text: &mut String, scores: &[Score]) -> Result<()> {
    let names: Vec<&str> = CONTENDERS.iter().skip(1).map(|contender| contender.name).collect();
    writeln!(text, "| load | {} | aim |\n|---|{}---|", names.join(" | "), "---|".repeat(names.len()))?;
    for load in Load::ALL {
        write!(text, "| {} |", load.what())?;
        for name in &names {
            write!(text, " {:.2} |", ratio(scores, load, name))?;
        }
        let aims = AIMS.iter().filter(|aim| aim.load == load).map(|aim| {
            let met = if ratio(scores, load, aim.over) >= aim.least { "met" } else { "missed" };
            format!("{} × {}: {met}", aim.least, aim.over)
        });
        writeln!(text, " {} |", aims.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}

/// Our median rate over that of the one named.
fn ratio(scores: &[Score], load: Load, over: &str) -> f64 {
    let rate = |score: Option<&Score>| score.map_or(0.0, |score| median(&sorted(score, load, |turn| turn.per_second)));
    let at = CONTENDERS.iter().position(|contender| contender.name == over);
    rate(scores.first()) / rate(at.and_then(|at| scores.get(at)))
}

fn sorted(score: &Score, load: Load, of: fn(&Turn) -> f64) -> Vec<f64> {
    let mut found: Vec<f64> = score.turns.iter().filter(|turn| turn.0 == load).map(|turn| of(&turn.1)).collect();
    found.sort_by(f64::total_cmp);
    found
}

fn median(sorted: &[f64]) -> f64 {
    let at = |at: usize| sorted.get(at).copied().unwrap_or(0.0);
    f64::midpoint(at(sorted.len().saturating_sub(1) / 2), at(sorted.len() / 2))
}

impl Load {
    fn what(self) -> String {
        match self {
            Load::PutLarge => format!("put {} MiB at {} clients", LARGE >> 20, self.clients()),
            Load::GetLarge => format!("get {} MiB at {} clients", LARGE >> 20, self.clients()),
            Load::PutSmall => format!("put {} KiB at {} clients", SMALL >> 10, self.clients()),
            Load::GetSmall => format!("get {} KiB at {} clients", SMALL >> 10, self.clients()),
            Load::List => format!("list {LISTED} keys"),
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Load::PutLarge | Load::GetLarge => "MB/s",
            Load::PutSmall | Load::GetSmall => "/s",
            Load::List => "keys/s",
        }
    }

    fn shown(self, per_second: f64) -> String {
        match self {
            Load::PutLarge | Load::GetLarge => format!("{:.0}", per_second * as_f64(LARGE) / MB),
            _ => format!("{per_second:.0}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two() {
        for (found, wanted) in [(vec![], 0.0), (vec![3.0], 3.0), (vec![1.0, 5.0], 3.0), (vec![1.0, 2.0, 9.0], 2.0)] {
            assert!((median(&found) - wanted).abs() < f64::EPSILON, "{found:?}");
        }
    }

    #[test]
    fn every_aim_is_over_someone_in_the_contest() {
        for aim in AIMS {
            assert!(CONTENDERS.iter().any(|contender| contender.name == aim.over), "{}", aim.over);
        }
    }
}
