//! Logs go to stderr: lines for people on a terminal, else one JSON object per line.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::failure::{Exit, Failure};

/// What is logged when nobody asks for anything else.
const DEFAULT_FILTER: &str = "info";

pub fn start(filter: Option<&str>) -> Result<(), Failure> {
    let text = filter.unwrap_or(DEFAULT_FILTER);
    let filter = EnvFilter::try_new(text).map_err(|error| {
        Failure::new(Exit::Usage, format!("`{text}` is no log filter ({error}): try `info` or `warn,engine=debug`"))
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if io::stderr().is_terminal() {
        lines.with_target(false).init();
    } else {
        lines.json().flatten_event(true).init();
    }
    Ok(())
}
