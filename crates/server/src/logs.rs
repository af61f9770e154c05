//! Logs go to stderr: lines for people on a terminal, else one JSON object per line. Spans go to a collector of traces
//! where one is set.

mod lines;
#[cfg(feature = "traces")]
mod traces;

use std::io::{self, IsTerminal};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

use crate::config::TracesConfig;
use crate::failure::{Exit, Failure};
use crate::logs::lines::Shape;

/// What is logged when nobody asks for anything else: where lines are kept, what happens and what fails ...
const RECORD_FILTER: &str = "info";
/// ... and to a person, who has the first screen, only what needs them.
const TERMINAL_FILTER: &str = "warn,entente::stop=info";

/// Targets of spans within requests begin so: what is asked of sites, and commits.
const PARTS: &str = "trace::";

/// Whether a span of this target is made for traces alone.
fn is_of_traces(target: &str) -> bool {
    target == s3::REQUEST_SPANS || target.starts_with(PARTS)
}

/// What is sent until the end, when it is dropped.
#[must_use]
pub struct Logs {
    #[cfg(feature = "traces")]
    _traces: Option<traces::Traces>,
}

/// Logs from now on, and sends traces where `traces` says.
pub fn start(filter: Option<&str>, traces: Option<&TracesConfig>) -> Result<Logs, Failure> {
    let terminal = io::stderr().is_terminal();
    let text = filter.unwrap_or(if terminal { TERMINAL_FILTER } else { RECORD_FILTER });
    let filter = EnvFilter::try_new(text).map_err(|error| {
        Failure::new(Exit::Usage, format!("`{text}` is no log filter ({error}): try `info` or `warn,engine=debug`"))
    })?;
    sendable(traces.is_some(), cfg!(feature = "traces"))?;
    let shape = if terminal { Shape::Text } else { Shape::Json };
    let lines = lines::layer::<Registry, _>(shape, filter, io::stderr);
    let logged = tracing_subscriber::registry().with(lines);
    #[cfg(feature = "traces")]
    if let Some(config) = traces {
        let (sent, drawn, traces) = traces::open(config)?;
        logged.with(sent).with(drawn).init();
        return Ok(Logs { _traces: Some(traces) });
    }
    // A layer that is none would be taken for one that wants every span.
    logged.init();
    Ok(Logs {
        #[cfg(feature = "traces")]
        _traces: None,
    })
}

/// Traces are sent by a program that was built to do it.
fn sendable(are_asked_for: bool, built_with_traces: bool) -> Result<(), Failure> {
    if !are_asked_for || built_with_traces {
        return Ok(());
    }
    let why = "this program was built without traces: leave [traces] out, or build it with \
               `cargo build --release -p server --features traces`";
    Err(Failure::new(Exit::Usage, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_traces_says_how_to_get_one_that_has_them() {
        let refused = sendable(true, false).unwrap_err();
        assert!(refused.exit == Exit::Usage && refused.to_string().contains("--features traces"), "{refused}");
        assert!(sendable(false, false).is_ok() && sendable(true, true).is_ok());
    }
}
