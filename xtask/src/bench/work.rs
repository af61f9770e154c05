//! The load: threads with a connection each, for a few seconds or a number of turns, counting.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::client::{Connection, Door, Keep};

/// How long each load runs: long enough for several thousand small requests and tens of large ones.
const RUN: Duration = Duration::from_secs(6);
/// Objects a GET load reads in turn.
const READ_LARGE: usize = 8;
const READ_SMALL: usize = 1_000;
/// Keys of one page: what S3 gives at most.
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

/// When a load ends.
#[derive(Clone, Copy)]
pub enum Until {
    Elapsed(Duration),
    Turns(usize),
}

/// What a run counted.
pub struct Run {
    pub per_second: f64,
    /// Of whatever `one` counts.
    pub count: usize,
    /// Requests the server failed and was asked again.
    pub failed: usize,
    /// Seconds of each turn, shortest first.
    samples: Vec<f64>,
}

impl Run {
    pub fn quantile_ms(&self, share: usize) -> f64 {
        self.samples.get(self.samples.len() * share / 100).map_or(0.0, |seconds| seconds * 1e3)
    }
}

/// Puts of fresh keys.
pub fn put(door: &Door, name: &str, size: usize, clients: usize) -> Result<Figure> {
    let body = noise(size);
    figure(door, &format!("put {name}"), size, clients, |connection, turn| {
        put_one(connection, &format!("{name}-put"), turn, &body)
    })
}

/// Gets of objects put before.
pub fn get(door: &Door, name: &str, size: usize, clients: usize) -> Result<Figure> {
    let body = noise(size);
    let count = if size > 1 << 20 { READ_LARGE } else { READ_SMALL };
    let prefix = format!("{name}-get");
    run(door, clients, Until::Turns(count), |connection, turn| put_one(connection, &prefix, turn, &body))?;
    figure(door, &format!("get {name}"), size, clients, |connection, turn| get_one(connection, &prefix, turn % count))
}

/// Whole listings of one prefix, page by page, by one client.
pub fn list(door: &Door, keys: usize, clients: usize) -> Result<Figure> {
    run(door, clients, Until::Turns(keys), |connection, turn| put_one(connection, "listed", turn, b"x"))?;
    figure(door, "list", keys, 1, |connection, _| list_all(connection, "listed", keys))
}

/// Puts one object; a turn of a load.
pub fn put_one(connection: &mut Connection, prefix: &str, turn: usize, body: &[u8]) -> Result<usize> {
    let path = format!("/bench/{prefix}/{turn:08}");
    connection.request_until_served("PUT", &path, "", body, Keep::Body)?.expect_ok("put").map(|_| 1)
}

/// Gets one object that [`put_one`] put.
pub fn get_one(connection: &mut Connection, prefix: &str, turn: usize) -> Result<usize> {
    let path = format!("/bench/{prefix}/{turn:08}");
    connection.request_until_served("GET", &path, "", &[], Keep::Length)?.expect_ok("get").map(|_| 1)
}

/// Lists the `keys` keys of a prefix, following the tokens; gives their number.
pub fn list_all(connection: &mut Connection, prefix: &str, keys: usize) -> Result<usize> {
    let (mut found, mut token) = (0, String::new());
    loop {
        let query = format!("{token}list-type=2&max-keys={PAGE}&prefix={prefix}%2F");
        let answer = connection.request_until_served("GET", "/bench", &query, &[], Keep::Body)?.expect_ok("list")?;
        let text = String::from_utf8_lossy(&answer.body);
        found += text.matches("<Key>").count();
        match text.split_once("<NextContinuationToken>").and_then(|(_, rest)| rest.split_once('<')) {
            Some((next, _)) => token = format!("continuation-token={}&", encoded(next)),
            None if found == keys => return Ok(found),
            None => bail!("the listing ended after {found} of {keys} keys"),
        }
    }
}

/// A token as it stands in a query. Tokens have no character that XML writes otherwise.
fn encoded(token: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    token.bytes().map(one).collect()
}

fn figure(
    door: &Door,
    name: &str,
    unit: usize,
    clients: usize,
    one: impl Fn(&mut Connection, usize) -> Result<usize> + Sync,
) -> Result<Figure> {
    eprintln!("  {name}");
    let run = run(door, clients, Until::Elapsed(RUN), one)?;
    let (per_second, p50_ms, p99_ms) = (run.per_second, run.quantile_ms(50), run.quantile_ms(99));
    Ok(Figure { name: name.to_owned(), clients, unit, per_second, p50_ms, p99_ms })
}

/// Runs `one` in so many threads, each with a connection of its own, until it is time to stop.
pub fn run(
    door: &Door,
    clients: usize,
    until: Until,
    one: impl Fn(&mut Connection, usize) -> Result<usize> + Sync,
) -> Result<Run> {
    let (turns, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let began = Instant::now();
    let ran = threads(door, clients, |connection| {
        let mut samples = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let turn = turns.fetch_add(1, Ordering::Relaxed);
            if matches!(until, Until::Turns(most) if turn >= most) {
                break;
            }
            let before = Instant::now();
            let count = one(connection, turn)?;
            samples.push((before.elapsed().as_secs_f64(), count));
            stop.fetch_or(matches!(until, Until::Elapsed(time) if began.elapsed() > time), Ordering::Relaxed);
        }
        Ok((samples, connection.failed))
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let failed = ran.iter().map(|(_, failed)| failed).sum();
    let mut samples: Vec<(f64, usize)> = ran.into_iter().flat_map(|(samples, _)| samples).collect();
    let count = samples.iter().map(|(_, count)| count).sum();
    samples.sort_by(|one, other| one.0.total_cmp(&other.0));
    let samples = samples.into_iter().map(|(seconds, _)| seconds).collect();
    Ok(Run { per_second: as_f64(count) / seconds, count, failed, samples })
}

/// Runs `work` in so many threads, each with a connection of its own.
fn threads<T: Send>(door: &Door, count: usize, work: impl Fn(&mut Connection) -> Result<T> + Sync) -> Result<Vec<T>> {
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
