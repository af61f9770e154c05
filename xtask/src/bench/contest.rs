//! The contest: rounds in which every program is started on fresh directories and given the same loads
//! in turn, by the same client.
//!
//! ```text
//!  round ─► start all ─► warm up ─► for each load: for each program (another one first each round)
//!                                        sync · load · sync ─► rate, seconds of the last sync, CPU
//! ```
//!
//! All dirty pages go to the disk before a turn, so that nobody pays for what another left unwritten.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::{Door, Keep};
use crate::peers::{CONTENDERS, Programs};
use crate::process;
use crate::server::Server;
use crate::work::{self, Run, Until, as_f64, noise};
use crate::{LARGE, LARGE_CLIENTS, LISTED, SMALL, SMALL_CLIENTS};

/// Objects of the large put: long enough to leave the page cache's first buffers, and what the gets read.
const LARGE_PUTS: usize = 16;
/// How long gets and listings go on.
const READ: Duration = Duration::from_secs(3);

/// One load.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Load {
    PutLarge,
    GetLarge,
    PutSmall,
    GetSmall,
    List,
}

impl Load {
    pub const ALL: [Load; 5] = [Load::PutLarge, Load::GetLarge, Load::PutSmall, Load::GetSmall, Load::List];

    pub fn clients(self) -> usize {
        match self {
            Load::PutLarge | Load::GetLarge => LARGE_CLIENTS,
            Load::PutSmall | Load::GetSmall => SMALL_CLIENTS,
            Load::List => 1,
        }
    }

    /// Gets read what the puts before them left, and the listing is of the small ones.
    fn run(self, door: &Door) -> Result<Run> {
        let clients = self.clients();
        match self {
            Load::PutLarge => {
                let body = noise(LARGE);
                work::run(door, clients, Until::Turns(LARGE_PUTS), |c, turn| work::put_one(c, "large", turn, &body))
            }
            Load::GetLarge => {
                work::run(door, clients, Until::Elapsed(READ), |c, turn| work::get_one(c, "large", turn % LARGE_PUTS))
            }
            Load::PutSmall => {
                let body = noise(SMALL);
                work::run(door, clients, Until::Turns(LISTED), |c, turn| work::put_one(c, "small", turn, &body))
            }
            // Strides that meet every key.
            Load::GetSmall => work::run(door, clients, Until::Elapsed(READ), |c, turn| {
                work::get_one(c, "small", turn * 7919 % LISTED)
            }),
            Load::List => work::run(door, clients, Until::Elapsed(READ), |c, _| work::list_all(c, "small", LISTED)),
        }
    }
}

/// What one program did with one load in one round.
pub struct Turn {
    pub per_second: f64,
    /// The same with the time until nothing of it is left to be written.
    pub per_second_on_disk: f64,
    /// Of the program, for each one counted.
    pub cpu_seconds: f64,
    /// Requests it failed.
    pub failed: usize,
}

/// All rounds of one program.
#[derive(Default)]
pub struct Score {
    /// By load, then by round.
    pub turns: Vec<(Load, Turn)>,
    /// MiB, by round.
    pub resident: Vec<f64>,
}

/// Runs the rounds; the scores are in the order of [`CONTENDERS`].
pub fn run(programs: &Programs, rounds: usize) -> Result<Vec<Score>> {
    let mut scores: Vec<Score> = CONTENDERS.iter().map(|_| Score::default()).collect();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        let servers: Result<Vec<Server>> = CONTENDERS.iter().map(|contender| (contender.start)(programs)).collect();
        let servers = servers?;
        for server in &servers {
            warm_up(&server.door())?;
        }
        for load in Load::ALL {
            for at in 0..servers.len() {
                let at = (at + round) % servers.len();
                let (Some(server), Some(score)) = (servers.get(at), scores.get_mut(at)) else { continue };
                let name = CONTENDERS.get(at).map_or("", |contender| contender.name);
                let turn = turn(server, load, &programs.entente).with_context(|| name.to_owned())?;
                score.turns.push((load, turn));
            }
        }
        for (server, score) in servers.into_iter().zip(&mut scores) {
            score.resident.push(process::peak_resident_mib(server.pid())?);
            server.stop()?;
        }
    }
    Ok(scores)
}

fn turn(server: &Server, load: Load, near: &Path) -> Result<Turn> {
    sync(near)?;
    let cpu = process::cpu_seconds(server.pid())?;
    let run = load.run(&server.door())?;
    let cpu = process::cpu_seconds(server.pid())? - cpu;
    let began = Instant::now();
    sync(near)?;
    let count = as_f64(run.count);
    let seconds = count / run.per_second + began.elapsed().as_secs_f64();
    Ok(Turn {
        per_second: run.per_second,
        per_second_on_disk: count / seconds,
        cpu_seconds: cpu / count,
        failed: run.failed,
    })
}

/// A little of every load under names of its own, and a look that what comes back is what was put.
fn warm_up(door: &Door) -> Result<()> {
    const LARGE_FIRST: usize = 2;
    const SMALL_FIRST: usize = 400;
    door.request("PUT", "/bench", "", &[])?.expect_ok("create the bucket")?;
    for (prefix, size, count, clients) in
        [("warm-large", LARGE, LARGE_FIRST, LARGE_CLIENTS), ("warm-small", SMALL, SMALL_FIRST, SMALL_CLIENTS)]
    {
        let body = noise(size);
        work::run(door, clients, Until::Turns(count), |c, turn| work::put_one(c, prefix, turn, &body))?;
        work::run(door, clients, Until::Turns(count), |c, turn| {
            let path = format!("/bench/{prefix}/{turn:08}");
            let answer = c.request("GET", &path, "", &[], Keep::Body)?.expect_ok("get")?;
            if answer.body == body { Ok(1) } else { bail!("`{path}` came back as something else") }
        })?;
    }
    work::run(door, 1, Until::Turns(1), |c, _| work::list_all(c, "warm-small", SMALL_FIRST)).map(|_| ())
}

/// Writes out what the file system of `near` holds in memory.
fn sync(near: &Path) -> Result<()> {
    if !Command::new("sync").arg("--file-system").arg(near).status()?.success() {
        bail!("`sync` failed");
    }
    Ok(())
}
