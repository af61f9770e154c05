//! Logs go to stderr: lines for people on a terminal, else one JSON object per line.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::failure::{Exit, Failure};

/// What is logged when nobody asks for anything else: where lines are kept, every request ...
const RECORD_FILTER: &str = "info";
/// ... and to a person, who has the first screen, only what needs them.
const TERMINAL_FILTER: &str = "warn,entente::stop=info";

pub fn start(filter: Option<&str>) -> Result<(), Failure> {
    let terminal = io::stderr().is_terminal();
    let text = filter.unwrap_or(if terminal { TERMINAL_FILTER } else { RECORD_FILTER });
    let filter = EnvFilter::try_new(text).map_err(|error| {
        Failure::new(Exit::Usage, format!("`{text}` is no log filter ({error}): try `info` or `warn,engine=debug`"))
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if terminal {
        lines.with_target(false).init();
    } else {
        lines.json().flatten_event(true).init();
    }
    Ok(())
}
