//! Gets of addresses that need no signature, one line of microseconds for each: what is measured is
//! whoever answers, since the client does next to nothing.
//!
//! `bench gets --clients N --gets M`, the addresses on standard input, asked in turn.

use std::fmt::Write as _;
use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::client::{Keep, Wire};

/// How a connection that breaks is told from a get that takes long: by a failure, of which a few may be.
const FAILURES_PERCENT: usize = 1;

/// An address in its two parts.
struct Address<'a> {
    host: &'a str,
    target: &'a str,
}

pub fn run(clients: usize, gets: usize) -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let addresses = text.lines().map(parse).collect::<Result<Vec<_>>>()?;
    let turns = AtomicUsize::new(0);
    let ran: Vec<(Vec<u128>, usize)> = thread::scope(|scope| {
        let work = || client(&addresses, &turns, gets);
        let handles: Vec<_> = (0..clients).map(|_| scope.spawn(work)).collect();
        let join = |handle: thread::ScopedJoinHandle<'_, Result<_>>| {
            handle.join().unwrap_or_else(|_| bail!("a client thread panicked"))
        };
        handles.into_iter().map(join).collect::<Result<_>>()
    })?;
    let failed: usize = ran.iter().map(|(_, failed)| failed).sum();
    if failed * 100 > gets * FAILURES_PERCENT {
        bail!("{failed} of {gets} gets failed");
    }
    let mut out = String::new();
    for micros in ran.iter().flat_map(|(took, _)| took) {
        writeln!(out, "{micros}")?;
    }
    if failed > 0 {
        eprintln!("{failed} of {gets} gets failed");
    }
    print!("{out}");
    Ok(())
}

fn client(addresses: &[Address<'_>], turns: &AtomicUsize, gets: usize) -> Result<(Vec<u128>, usize)> {
    let (mut took, mut failed) = (Vec::new(), 0);
    let mut wire: Option<Wire> = None;
    loop {
        let turn = turns.fetch_add(1, Ordering::Relaxed);
        let address = addresses.get(turn % addresses.len().max(1)).context("no address was given")?;
        if turn >= gets {
            return Ok((took, failed));
        }
        let open = wire.take().map_or_else(|| Wire::connect(address.host), Ok)?;
        let began = Instant::now();
        match get(open, address) {
            Ok(open) => {
                took.push(began.elapsed().as_micros());
                wire = Some(open);
            }
            Err(error) => {
                eprintln!("{}{}: {error:#}", address.host, address.target);
                failed += 1;
            }
        }
    }
}

fn get(mut wire: Wire, address: &Address<'_>) -> Result<Wire> {
    let Address { host, target } = address;
    wire.send(&format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n"), &[])?;
    wire.answer(Keep::Length)?.expect_ok("get")?;
    Ok(wire)
}

fn parse(line: &str) -> Result<Address<'_>> {
    let rest = line.strip_prefix("http://").with_context(|| format!("`{line}` is no plain address"))?;
    let (host, target) = rest.split_at(rest.find('/').with_context(|| format!("`{line}` names no object"))?);
    Ok(Address { host, target })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_target() {
        let address = parse("http://127.0.0.1:80/b/k?X-Amz-Expires=9").unwrap();
        assert_eq!((address.host, address.target), ("127.0.0.1:80", "/b/k?X-Amz-Expires=9"));
        for wrong in ["https://a/b", "http://a", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
