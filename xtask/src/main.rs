//! The chores: `cargo xtask test`, `tidy`, `book`, `judge` and `bench`. Nothing here ships.
//!
//! A chore installs what it needs, says in one line a step how long it took, and ends with a count.
//! Absent by design: anything the product links.

mod book;
mod judge;
mod reading;
mod report;
mod steps;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The chores of this workspace")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Everything a change must pass, in about half an hour; installs what is missing.
    Test {
        /// Only this area; may be given several times.
        #[arg(long)]
        only: Vec<String>,
        /// Name the areas and stop.
        #[arg(long)]
        list: bool,
    },
    /// Dependency graph, absences, words, headings, and the book's pages that come from the sources.
    Tidy {
        /// Write the golden files anew.
        #[arg(long)]
        bless: bool,
    },
    /// Write the pages of the book that come from the sources.
    Book,
    /// A long proof at full size; its record goes to docs/judged/.
    Judge {
        /// Which one: first-light, faults, fuzz, labels, mutants, s3-tests, sim, timing.
        name: String,
        /// Skip what an earlier, interrupted run has already shown for this commit.
        #[arg(long)]
        resume: bool,
        /// Only parts whose name contains this.
        #[arg(long)]
        only: Option<String>,
        /// fuzz: how long each target runs in all.
        #[arg(long, default_value_t = 30)]
        minutes: u64,
        /// sim: how many seeds.
        #[arg(long, default_value_t = 1000)]
        seeds: u64,
        /// mutants: how many.
        #[arg(long, default_value_t = 100)]
        mutants: usize,
        /// s3-tests: a clone of ceph/s3-tests.
        #[arg(long, value_name = "PATH", required_if_eq("name", "s3-tests"))]
        checkout: Option<std::path::PathBuf>,
        /// s3-tests: keep the names of tests that pass for the first time.
        #[arg(long)]
        accept: bool,
    },
    /// Measure put, get and list beside the bounds of this machine, into docs/performance.md.
    Bench {
        /// Beside SeaweedFS and rclone instead, on the same disk with the same client, in rounds.
        #[arg(long)]
        peers: bool,
        /// Rounds beside the peers; about two minutes each.
        #[arg(long, default_value_t = 5, requires = "peers")]
        rounds: usize,
        /// What a vendor that hangs costs writes, over the four stand-ins instead; prints only.
        #[arg(long, conflicts_with = "peers")]
        faults: bool,
        /// The slowest 1 MiB gets beside those of the best single vendor, on measured latencies, over
        /// the four stand-ins instead; prints only. What follows `--` goes to tests/bench_reading.py.
        #[arg(long, conflicts_with_all = ["peers", "faults"])]
        reading: bool,
        #[arg(last = true, requires = "reading")]
        more: Vec<String>,
        /// What counting, logging and traces cost a small get, in instructions, by callgrind; prints only.
        #[arg(long, conflicts_with_all = ["peers", "faults", "reading"])]
        counting: bool,
        /// Pages of a bucket as the console asks for them, with ten thousand keys in it and with so many.
        #[arg(long, value_name = "KEYS", num_args = 0..=1, default_missing_value = "1000000")]
        #[arg(conflicts_with_all = ["peers", "faults", "reading", "counting"])]
        browsing: Option<usize>,
        /// Print only; leave docs/performance.md alone.
        #[arg(long)]
        dry: bool,
    },
}

fn main() -> Result<ExitCode> {
    std::env::set_current_dir(tools::root())?;
    let well = match Arguments::parse().chore {
        Chore::Test { list: true, .. } => test::list(),
        Chore::Test { only, .. } => test::run(&only)?,
        Chore::Tidy { bless } => tidy::run(bless)?,
        Chore::Book => book::write()?,
        Chore::Judge { only, checkout: Some(checkout), accept, .. } => {
            let only = only.as_deref();
            judge::s3_tests::run(&judge::s3_tests::Options { checkout: &checkout, accept, only })?
        }
        Chore::Judge { name, .. } if name == "labels" => judge::labels::run()?,
        Chore::Judge { name, resume, seeds, .. } if name == "sim" => judge::sim::run(seeds, resume)?,
        Chore::Judge { name, resume, mutants, .. } if name == "mutants" => judge::mutants::run(mutants, resume)?,
        Chore::Judge { name, resume, only, minutes, .. } if name == "fuzz" => {
            judge::fuzz::run(&judge::fuzz::Options { resume, only: only.as_deref(), minutes })?
        }
        Chore::Judge { name, resume, only, .. } => judge::run(&name, resume, only.as_deref())?,
        Chore::Bench { faults: true, .. } => test::bench_faults()?,
        Chore::Bench { counting: true, .. } => test::bench_counting()?,
        Chore::Bench { reading: true, more, .. } => reading::run(&more)?,
        Chore::Bench { peers, rounds, browsing, dry, .. } => {
            let load = match (browsing, peers) {
                (Some(keys), _) => test::Load::Browsing(keys),
                (None, true) => test::Load::Peers(rounds),
                (None, false) => test::Load::Bounds,
            };
            test::bench(load, dry)?
        }
    };
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
