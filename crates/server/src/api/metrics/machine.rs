//! What the process and its disks say of themselves.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::names;
use super::page::{Page, Value};
use crate::machine::{self, Room};

/// How long a scrape waits for a disk. One that does not answer is left out, and not asked again before it does.
const DISK_PATIENCE: Duration = Duration::from_millis(500);

/// Disks that were asked and did not answer yet.
#[derive(Clone, Default)]
pub struct Disks(Arc<Mutex<BTreeSet<PathBuf>>>);

impl Disks {
    pub async fn room(&self, path: &Path) -> Option<Room> {
        let asked = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !asked().insert(path.to_owned()) {
            return None;
        }
        let (disks, path) = (self.clone(), path.to_owned());
        let asking = tokio::task::spawn_blocking(move || {
            let told = machine::room(&path);
            disks.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&path);
            told
        });
        tokio::time::timeout(DISK_PATIENCE, asking).await.ok()?.ok()?
    }
}

/// Of files that lie on the data directory's disk, in bytes; none of one that is not there.
pub async fn lengths(paths: Vec<(&'static str, PathBuf)>) -> Vec<(&'static str, u64)> {
    let looking = tokio::task::spawn_blocking(move || {
        let length = |(name, path): (&'static str, PathBuf)| Some((name, fs::metadata(path).ok()?.len()));
        paths.into_iter().filter_map(length).collect()
    });
    tokio::time::timeout(DISK_PATIENCE, looking).await.ok().and_then(Result::ok).unwrap_or_default()
}

/// By the names that every exporter gives to these. What /proc does not tell is left out.
pub fn put_process(page: &mut Page) {
    if let Some(process) = Process::read() {
        page.put(&names::CPU, &[], Value::Sum(process.cpu_s));
        if let Some(started_s) = process.started_s {
            page.put(&names::STARTED, &[], Value::Gauge(started_s));
        }
        page.put(&names::RESIDENT, &[], Value::Whole(process.resident));
        page.put(&names::VIRTUAL, &[], Value::Whole(process.virtual_bytes));
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // The directory that is being read is open too.
        page.put(&names::FDS, &[], Value::Whole((open.count() as u64).saturating_sub(1)));
    }
    if let Some(most) = machine::open_files_max("self") {
        page.put(&names::FDS_MAX, &[], Value::Whole(most));
    }
}

struct Process {
    cpu_s: f64,
    /// Not where nothing is told but of processes.
    started_s: Option<f64>,
    resident: u64,
    virtual_bytes: u64,
}

impl Process {
    fn read() -> Option<Process> {
        let ticks = rustix::param::clock_ticks_per_second();
        let page = rustix::param::page_size() as u64;
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let booted = fs::read_to_string("/proc/stat").unwrap_or_default();
        let booted = booted.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok());
        Process::parse(&stat, booted, ticks, page)
    }

    /// Of `proc_pid_stat(5)`; the program's name, in brackets, may hold anything.
    #[expect(clippy::cast_precision_loss, reason = "hundredths of seconds since 1970 are exact far beyond any date")]
    fn parse(stat: &str, booted_s: Option<u64>, ticks: u64, page: u64) -> Option<Process> {
        let (_, rest) = stat.rsplit_once(')')?;
        // The first behind the name is the third of the manual's count.
        let field = |number: usize| rest.split_ascii_whitespace().nth(number - 3)?.parse::<u64>().ok();
        let seconds = |counted: u64| counted as f64 / ticks as f64;
        Some(Process {
            cpu_s: seconds(field(14)?.saturating_add(field(15)?)),
            started_s: booted_s.zip(field(22)).map(|(booted_s, since)| booted_s as f64 + seconds(since)),
            virtual_bytes: field(23)?,
            resident: field(24)?.saturating_mul(page),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_read_as_the_manual_counts() {
        let stat = "42 (an (odd) name) S 1 2 3 4 5 6 7 8 9 10 250 150 13 14 15 16 17 18 1000 4096000 25 99";
        let process = Process::parse(stat, Some(1_700_000_000), 100, 4096).unwrap();
        assert!((process.cpu_s - 4.0).abs() < 1e-9, "{}", process.cpu_s);
        assert!(process.started_s.is_some_and(|at| (at - 1_700_000_010.0).abs() < 1e-6), "{:?}", process.started_s);
        assert_eq!((process.virtual_bytes, process.resident), (4_096_000, 25 * 4096));
        let here = Process::read().expect("this is Linux");
        assert!(here.resident > 1 << 20 && here.started_s > Some(1e9), "{} {:?}", here.resident, here.started_s);
    }

    #[tokio::test]
    async fn a_disk_says_what_is_free_and_one_that_still_thinks_is_not_asked_again() {
        let disks = Disks::default();
        let room = disks.room(Path::new("/")).await.unwrap();
        assert!(room.size > 0 && room.free <= room.size, "{room:?}");
        assert!(disks.room(Path::new("/there/is/no/such/place")).await.is_none());
        disks.0.lock().unwrap().insert("/".into());
        assert!(disks.room(Path::new("/")).await.is_none(), "it was asked while it had not answered");
    }
}
