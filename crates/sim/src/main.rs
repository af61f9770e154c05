//! `sim`: runs seeds of the simulated world.
//!
//! ```text
//! sim --seed N [--count N] [--operations N] [--plant NAME] [--narrow | --wide] [--trace]
//! ```
//!
//! One line for each seed goes to stdout, the trace and the findings of a bad one to stderr.

use std::process::ExitCode;

use sim::plant::Plant;
use sim::{Breadth, Options, run};

struct Asked {
    first: u64,
    count: u64,
    options: Options,
}

fn main() -> ExitCode {
    let asked = match asked(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    if std::env::var_os("RUST_LOG").is_some() {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
    }
    let mut bad = 0;
    for seed in asked.first..asked.first + asked.count {
        let report = run(seed, asked.options);
        let verdict = if report.findings.is_empty() { "clean" } else { "BAD" };
        println!(
            "seed {seed} {verdict} operations {} lives {} cuts {} calls {} simulated_ms {} faults {} digest {:016x}",
            report.operations,
            report.lives,
            report.cuts,
            report.calls,
            report.simulated_ms,
            report.faults.values().sum::<u64>(),
            report.digest,
        );
        if asked.options.traced {
            report.trace.iter().for_each(|line| eprintln!("{line}"));
            eprintln!("answers {:?}\nfaults {:?}", report.answers, report.faults);
        }
        report.findings.iter().take(5).for_each(|finding| eprintln!("seed {seed}: {finding}"));
        bad += u64::from(!report.findings.is_empty());
    }
    println!("cpu_ms {}", cpu_ms());
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What this one thread has computed, as the kernel counts it.
fn cpu_ms() -> u64 {
    let counted = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    counted.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or(0) / 1_000_000
}

fn asked(mut arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked { first: 1, count: 1, options: Options::default() };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
        match argument.as_str() {
            "--seed" => asked.first = number(value()?)?,
            "--count" => asked.count = number(value()?)?,
            "--operations" => asked.options.operations = number(value()?)?,
            "--narrow" => asked.options.breadth = Breadth::Objects,
            "--wide" => asked.options.breadth = Breadth::Wide,
            "--trace" => asked.options.traced = true,
            "--plant" => {
                let name = value()?;
                let all = || format!("there is no plant `{name}`: there are {:?}", Plant::ALL);
                asked.options.plant = Some(Plant::named(&name).ok_or_else(all)?);
            }
            other => return Err(format!("`{other}` is not known: see the head of this program's source")),
        }
    }
    Ok(asked)
}
