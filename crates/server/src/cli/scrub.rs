//! `entente scrub`.

use std::fmt::Write;

use http::Method;

use super::client::Client;
use super::{Output, follow, size};
use crate::api::wire::{NewScrub, ScrubState};
use crate::args::{DepthArg, ScrubArgs};
use crate::failure::{Exit, Failure};
use crate::progress::Progress;

pub fn run(args: &ScrubArgs, output: Output) -> Result<(), Failure> {
    let client = Client::asked(&args.asker)?;
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
    let progress = Progress::here(output);
    progress.begin("pieces looked at", None);
    let state = follow(|| {
        let state: ScrubState = client.call(Method::GET, "/api/v1/scrubs", Vec::new())?;
        progress.reach(state.sums.as_ref().map_or(0, |sums| sums.looked_at));
        Ok((!state.running).then_some(state))
    })?;
    progress.end();
    if let Some(why) = &state.failed {
        return Err(Failure::new(Exit::Failed, format!("the scrub failed: {why}")));
    }
    output.show(&state, || shown(&state))
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
