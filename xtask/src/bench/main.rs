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
//! Client and server share the machine, as the bound assumes. Absent by design: passing or failing by
//! time.

mod bounds;
mod client;
mod server;
mod sign;
mod stages;
mod table;
mod work;

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::server::Server;
use crate::stages::Stages;
use crate::work::Figure;

const LARGE: usize = 64 << 20;
const LARGE_CLIENTS: usize = 4;
const SMALL: usize = 4 << 10;
const SMALL_CLIENTS: usize = 16;
const LISTED: usize = 10_000;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let binary = PathBuf::from(arguments.next().context("name the binary `entente`")?);
    let dry = arguments.next().is_some_and(|argument| argument == "--dry");

    eprintln!("measuring the stages");
    let stages = Stages::measure()?;
    eprintln!("measuring the program");
    let server = Server::start(&binary)?;
    let figures = measure(&server)?;
    server.stop()?;

    let text = table::render(&stages, &figures)?;
    println!("{text}");
    if !dry {
        table::record(&text)?;
    }
    Ok(())
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
