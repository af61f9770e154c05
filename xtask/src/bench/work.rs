//! The load: threads with a connection each, for a few seconds, counting.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::client::{Door, Keep};

/// How long each load runs: long enough for several thousand small requests and tens of large ones.
const RUN: Duration = Duration::from_secs(6);
/// Objects a GET load reads in turn.
const READ_LARGE: usize = 8;
const READ_SMALL: usize = 1_000;
const PAGE: usize = 1_000;

/// What a load came to.
pub struct Figure {
    pub name: String,
    pub clients: usize,
    /// Bytes of one object, or keys of one listing.
    pub unit: usize,
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Puts of fresh keys.
pub fn put(door: &Door, name: &str, size: usize, clients: usize) -> Result<Figure> {
    let body = noise(size);
    figure(door, &format!("put {name}"), size, clients, |connection, turn| {
        let path = format!("/bench/{name}-put/{turn:08}");
        connection.request("PUT", &path, "", &body, Keep::Body)?.expect_ok("put").map(|_| 1)
    })
}

/// Gets of objects put before.
pub fn get(door: &Door, name: &str, size: usize, clients: usize) -> Result<Figure> {
    let body = noise(size);
    let count = if size > 1 << 20 { READ_LARGE } else { READ_SMALL };
    let made = AtomicUsize::new(0);
    threads(door, clients, |connection| {
        loop {
            let turn = made.fetch_add(1, Ordering::Relaxed);
            if turn >= count {
                return Ok(());
            }
            connection
                .request("PUT", &format!("/bench/{name}-get/{turn:08}"), "", &body, Keep::Body)?
                .expect_ok("put")?;
        }
    })?;
    figure(door, &format!("get {name}"), size, clients, |connection, turn| {
        let path = format!("/bench/{name}-get/{:08}", turn % count);
        connection.request("GET", &path, "", &[], Keep::Length)?.expect_ok("get").map(|_| 1)
    })
}

/// Whole listings of one prefix, page by page, by one client.
pub fn list(door: &Door, keys: usize, clients: usize) -> Result<Figure> {
    let made = AtomicUsize::new(0);
    threads(door, clients, |connection| {
        loop {
            let turn = made.fetch_add(1, Ordering::Relaxed);
            if turn >= keys {
                return Ok(());
            }
            connection.request("PUT", &format!("/bench/listed/{turn:08}"), "", b"x", Keep::Body)?.expect_ok("put")?;
        }
    })?;
    figure(door, "list", keys, 1, |connection, _| {
        let (mut found, mut after) = (0, String::new());
        while found < keys {
            let query = format!("list-type=2&max-keys={PAGE}&prefix=listed%2F&start-after={after}");
            let answer = connection.request("GET", "/bench", &query, &[], Keep::Body)?.expect_ok("list")?;
            let count = String::from_utf8_lossy(&answer.body).matches("<Key>").count();
            if count == 0 {
                bail!("the listing ended after {found} of {keys} keys");
            }
            found += count;
            after = format!("listed%2F{:08}", found - 1);
        }
        Ok(found)
    })
}

fn figure(
    door: &Door,
    name: &str,
    unit: usize,
    clients: usize,
    one: impl Fn(&mut crate::client::Connection, usize) -> Result<usize> + Sync,
) -> Result<Figure> {
    eprintln!("  {name}");
    let (turns, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let began = Instant::now();
    let mut samples: Vec<(f64, usize)> = threads(door, clients, |connection| {
        let mut samples = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let turn = turns.fetch_add(1, Ordering::Relaxed);
            let before = Instant::now();
            let count = one(connection, turn)?;
            samples.push((before.elapsed().as_secs_f64(), count));
            stop.fetch_or(began.elapsed() > RUN, Ordering::Relaxed);
        }
        Ok(samples)
    })?
    .concat();
    let seconds = began.elapsed().as_secs_f64();
    let count: usize = samples.iter().map(|(_, count)| count).sum();
    samples.sort_by(|one, other| one.0.total_cmp(&other.0));
    let quantile = |share: usize| samples.get(samples.len() * share / 100).map_or(0.0, |sample| sample.0 * 1e3);
    Ok(Figure {
        name: name.to_owned(),
        clients,
        unit,
        per_second: as_f64(count) / seconds,
        p50_ms: quantile(50),
        p99_ms: quantile(99),
    })
}

/// Runs `work` in so many threads, each with a connection of its own.
fn threads<T: Send>(
    door: &Door,
    count: usize,
    work: impl Fn(&mut crate::client::Connection) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    thread::scope(|scope| {
        let work = &work;
        let handles: Vec<_> = (0..count).map(|_| scope.spawn(move || work(&mut door.connect()?))).collect();
        let join = |handle: thread::ScopedJoinHandle<'_, Result<T>>| {
            handle.join().unwrap_or_else(|_| bail!("a client thread panicked"))
        };
        handles.into_iter().map(join).collect()
    })
}

/// Bytes that no one could compress.
pub fn noise(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

/// Counts are far below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts and sizes are far below 2^53")]
pub fn as_f64(count: usize) -> f64 {
    count as f64
}
