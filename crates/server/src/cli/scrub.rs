//! `entente scrub`.

use std::fmt::Write;
use std::thread;
use std::time::Duration;

use http::Method;

use super::client::Client;
use super::{print, print_json, size};
use crate::api::wire::{NewScrub, ScrubState};
use crate::args::{DepthArg, ScrubArgs};
use crate::failure::{Exit, Failure};
use crate::progress::Progress;

const LOOK_EVERY: Duration = Duration::from_millis(200);

pub fn run(args: &ScrubArgs) -> Result<(), Failure> {
    let client = Client::of(&args.place)?;
    let depth = |depth: &DepthArg| {
        let name = match depth {
            DepthArg::Inventory => "inventory",
            DepthArg::Heads => "heads",
            DepthArg::Cells => "cells",
        };
        name.to_owned()
    };
    let new = NewScrub {
        sites: args.sites.clone(),
        depths: args.depths.iter().map(depth).collect(),
        beyond_budget: args.beyond_budget,
    };
    client.tell(Method::POST, "/api/v1/scrubs", &new)?;
    let progress = Progress::here(args.json);
    progress.begin("pieces looked at", None);
    let mut seen = 0;
    loop {
        let state: ScrubState = client.call(Method::GET, "/api/v1/scrubs", Vec::new())?;
        let looked_at = state.sums.as_ref().map_or(0, |sums| sums.looked_at);
        progress.advance(looked_at.saturating_sub(seen));
        seen = looked_at.max(seen);
        if !state.running {
            progress.end();
            return finished(&state, args.json);
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn finished(state: &ScrubState, json: bool) -> Result<(), Failure> {
    if let Some(why) = &state.failed {
        return Err(Failure::new(Exit::Failed, format!("the scrub failed: {why}")));
    }
    if json { print_json(state) } else { print(&shown(state)) }
}

fn shown(state: &ScrubState) -> String {
    let Some(sums) = &state.sums else {
        return "the scrub ended; `entente findings` names what you may see of what was found\n".to_owned();
    };
    let mut text = format!(
        "{} pieces looked at, {} proven, for {} requests, {} and ${:.4}\n",
        sums.looked_at,
        sums.proven,
        sums.requests,
        size(sums.bytes),
        sums.dollars
    );
    // Writing to a string does not fail.
    for stopped in &sums.stopped {
        let _ = writeln!(text, "{} of {} did not come to its end: {}", stopped.depth, stopped.site, stopped.why);
    }
    if sums.found.is_empty() {
        text.push_str("nothing wrong was found\n");
    }
    for (fault, times) in &sums.found {
        let _ = writeln!(text, "found: {times} {fault}");
    }
    if !sums.found.is_empty() {
        text.push_str("`entente findings` names them\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_and_where_it_stopped_is_said() {
        let told = |sums| ScrubState { running: false, failed: None, at: String::new(), sums };
        let sums = ScrubSums {
            looked_at: 12,
            proven: 10,
            requests: 3,
            bytes: 1 << 20,
            dollars: 0.001,
            found: [("missing".to_owned(), 2)].into(),
            stopped: vec![StoppedScrub {
                site: "s".to_owned(),
                depth: "cells".to_owned(),
                why: "it is out".to_owned(),
            }],
        };
        let expected = "12 pieces looked at, 10 proven, for 3 requests, 1 MiB and $0.0010\n\
                        cells of s did not come to its end: it is out\n\
                        found: 2 missing\n`entente findings` names them\n";
        let mut state = told(Some(sums));
        assert_eq!(shown(&state), expected);
        let sums = state.sums.as_mut().unwrap();
        (sums.found, sums.stopped) = ([].into(), Vec::new());
        assert!(shown(&state).ends_with("nothing wrong was found\n"));
        assert!(!shown(&told(None)).contains("nothing"), "nobody knows");
    }

    use crate::api::wire::{ScrubSums, StoppedScrub};
}
