//! `cargo xtask bench`: put, get and list on the real program, beside what this machine could do at
//! most, both measured in one run.
//!
//! ```text
//! stages   one core each: MD5, AES-GCM, erasure, BLAKE3; fsync on this disk; bare HTTP over loopback
//!    │ bounds
//!    ▼
//! table ◄── load   threads with one connection each, on the release build over four directories
//! ```
//!
//! With `--peers` the program is put beside others that have an S3 door, in rounds:
//! [`contest`] runs them, [`standing`] tells how it ended.
//!
//! With `--browsing` pages of a bucket are measured instead, with few keys in it and with many: [`browse`].
//!
//! `bench gets` is the client of `tests/bench_reading.py`: see [`gets`].
//!
//! Client and server share the machine, as the bound assumes. Absent by design: passing or failing by
//! time.

mod bounds;
mod browse;
mod client;
mod contest;
mod gets;
mod peers;
mod process;
mod server;
mod sign;
mod stages;
mod standing;
mod table;
mod work;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::peers::Programs;
use crate::server::Server;
use crate::stages::Stages;
use crate::work::Figure;

const LARGE: usize = 64 << 20;
const LARGE_CLIENTS: usize = 4;
const SMALL: usize = 4 << 10;
const SMALL_CLIENTS: usize = 16;
const LISTED: usize = 10_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1);
    if arguments.first().is_some_and(|first| first == "gets") {
        let number = |name: &str| anyhow::Ok(value(name).with_context(|| format!("say how many {name}"))?.parse()?);
        return gets::run(number("--clients")?, number("--gets")?);
    }
    let entente = PathBuf::from(arguments.first().context("name the binary `entente`")?);
    let (command, text) = match (value("--browsing"), value("--peers")) {
        (Some(keys), _) => ("cargo xtask bench --browsing", browse::run(&entente, LISTED, keys.parse()?)?),
        (None, Some(peers)) => {
            let rounds = value("--rounds").context("say how many --rounds")?.parse()?;
            ("cargo xtask bench --peers", beside_peers(&Programs { entente, peers: peers.into() }, rounds)?)
        }
        (None, None) => ("cargo xtask bench", beside_bounds(&entente)?),
    };
    println!("{text}");
    if !arguments.iter().any(|argument| argument == "--dry") {
        table::record(command, &text)?;
    }
    Ok(())
}

fn beside_peers(programs: &Programs, rounds: usize) -> Result<String> {
    let scores = contest::run(programs, rounds)?;
    standing::render(&scores, rounds, std::thread::available_parallelism()?.get())
}

fn beside_bounds(entente: &Path) -> Result<String> {
    eprintln!("measuring the stages");
    let stages = Stages::measure()?;
    eprintln!("measuring the program");
    let server = Server::start(entente)?;
    let figures = measure(&server)?;
    server.stop()?;
    table::render(&stages, &figures)
}

fn measure(server: &Server) -> Result<Vec<Figure>> {
    let door = server.door();
    door.request("PUT", "/bench", "", &[])?.expect_ok("create the bucket")?;
    Ok(vec![
        work::put(&door, "large", LARGE, LARGE_CLIENTS)?,
        work::get(&door, "large", LARGE, LARGE_CLIENTS)?,
        work::put(&door, "small", SMALL, SMALL_CLIENTS)?,
        work::get(&door, "small", SMALL, SMALL_CLIENTS)?,
        work::list(&door, LISTED, SMALL_CLIENTS)?,
    ])
}
