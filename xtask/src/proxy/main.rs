//! A proxy that stands before one stand-in and plays the vendor's bad days.
//!
//! ```text
//! client ─► wire ─► relay ─► the stand-in        control ─► site
//!          (hangs,  (refuses, flips, cuts,       (switches, counts)
//!           crawls)  fails, waits, forgets)
//! ```
//!
//! One connection to the stand-in for each connection of a client, so that what one side does to its
//! connection happens to the other's. `Host` arrives as the client signed it. Prints one line of JSON
//! with its two addresses once it listens. Absent by design: TLS, and any word of the product.

mod body;
mod control;
mod fault;
mod latency;
mod listing;
mod quirks;
mod relay;
mod request;
mod site;
mod vendor;
mod wire;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::quirks::Quirks;
use crate::site::Site;
use crate::vendor::Speaks;

#[derive(Parser)]
#[command(name = "proxy", about = "Plays a vendor's bad days before a stand-in")]
struct Arguments {
    /// Where the stand-in listens.
    #[arg(long)]
    upstream: SocketAddr,
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where the faults are switched.
    #[arg(long, default_value = "127.0.0.1:0")]
    control: SocketAddr,
    /// Whose error bodies are answered.
    #[arg(long, value_enum, default_value_t = Speaks::S3)]
    speaks: Speaks,
    /// Refuse what this vendor refuses, although the stand-in would take it.
    #[arg(long, value_enum, default_value_t = Quirks::None)]
    quirks: Quirks,
    /// A file of latencies to draw from, see `latency`.
    #[arg(long)]
    latency: Option<PathBuf>,
    /// Of all that is drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// End when standard input does: whoever started this is gone then.
    #[arg(long)]
    with_stdin: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let latency = arguments.latency.as_deref().map(|path| latency::Samples::load(path, 1.0)).transpose()?;
    let site = Arc::new(Site::new(arguments.upstream, arguments.speaks, arguments.quirks, arguments.seed));
    site.set_latency(latency);
    let door = bind(arguments.listen).await?;
    let control = bind(arguments.control).await?;
    println!(r#"{{"listen":"{}","control":"{}"}}"#, door.local_addr()?, control.local_addr()?);
    tokio::select! {
        ended = relay::accept(door, Arc::clone(&site)) => ended,
        ended = control::accept(control, site) => ended,
        () = input_ends(), if arguments.with_stdin => Ok(()),
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

async fn input_ends() {
    let mut rest = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut rest).await;
}
