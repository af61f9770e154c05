//! What a program and those it started have used, as the kernel tells it.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};

use crate::work::as_f64;

/// Clock ticks of a second in `/proc`: the same on every Linux.
const TICKS: usize = 100;

/// Fields of `/proc/PID/stat` behind the name in parentheses: the parent, then user and system time of
/// the process and of children it has waited for.
const PARENT: usize = 1;
const TIMES: std::ops::Range<usize> = 11..15;

/// One process.
struct Stat {
    parent: u32,
    ticks: usize,
}

/// CPU seconds of a process and all below it.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let all = processes()?;
    let ticks = family(&all, pid).into_iter().filter_map(|member| all.get(&member)).map(|stat| stat.ticks).sum();
    Ok(as_f64(ticks) / as_f64(TICKS))
}

/// The most memory that a process and all below it had resident, in MiB.
pub fn peak_resident_mib(pid: u32) -> Result<f64> {
    let all = processes()?;
    let kib: Result<Vec<usize>> = family(&all, pid).into_iter().map(peak_kib).collect();
    Ok(as_f64(kib?.iter().sum()) / 1024.0)
}

fn peak_kib(pid: u32) -> Result<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(peak.and_then(|peak| peak.split_whitespace().next()).context("no VmHWM")?.parse()?)
}

fn processes() -> Result<BTreeMap<u32, Stat>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // One may end between the listing and the look.
        if let Some(stat) = fs::read_to_string(format!("/proc/{pid}/stat")).ok().as_deref().and_then(parse) {
            all.insert(pid, stat);
        }
    }
    Ok(all)
}

fn parse(stat: &str) -> Option<Stat> {
    // The name may have blanks and parentheses in it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let times = fields.get(TIMES)?.iter().map(|ticks| ticks.parse::<usize>()).sum::<Result<usize, _>>().ok();
    Some(Stat { parent: fields.get(PARENT)?.parse().ok()?, ticks: times? })
}

/// The process and all below it.
fn family(all: &BTreeMap<u32, Stat>, pid: u32) -> Vec<u32> {
    let mut members = vec![pid];
    let mut at = 0;
    while let Some(parent) = members.get(at).copied() {
        members.extend(all.iter().filter(|(_, stat)| stat.parent == parent).map(|(child, _)| *child));
        at += 1;
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = parse("7 (a) b) S 3 7 7 0 -1 4194560 1 2 3 4 100 20 5 1 20 0 1 0 9 1 2").unwrap();
        assert_eq!((stat.parent, stat.ticks), (3, 126));
    }

    #[test]
    fn a_family_is_all_who_descend_from_one() {
        let all = [(1, 0), (2, 1), (3, 2), (4, 1), (5, 9)];
        let all = all.map(|(pid, parent)| (pid, Stat { parent, ticks: 0 })).into_iter().collect();
        assert_eq!(family(&all, 1), [1, 2, 4, 3]);
    }
}
