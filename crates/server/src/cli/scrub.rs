//! `entente scrub`.

use std::fmt::Write;

use http::Method;

use super::client::Client;
use super::{Output, Tone, count, follow, size, table_toned};
use crate::api::wire::{NewScrub, ScrubCost, ScrubPlan, ScrubState, SiteScrub};
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
    if args.plan {
        let plan: ScrubPlan = client.patient().ask(Method::POST, "/api/v1/scrub-plan", &new)?;
        return output.show(&plan, || planned(&plan));
    }
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

/// A row for each depth at each site, and what of the day's budget all of it takes there.
fn planned(plan: &ScrubPlan) -> String {
    let cost = |cost: ScrubCost| [cost.requests.to_string(), size(cost.bytes), format!("{:.4}", cost.dollars)];
    let mut rows = Vec::new();
    for site in &plan.sites {
        for depth in &site.depths {
            let [requests, bytes, dollars] = cost(depth.cost);
            rows.push([site.site.clone(), depth.depth.clone(), requests, bytes, dollars, budget(site).to_owned()]);
        }
        if site.is_out {
            rows.push([&*site.site, "", "", "", "", "out: not asked"].map(str::to_owned));
        }
    }
    let heading = ["SITE", "DEPTH", "REQUESTS", "READ", "DOLLARS", "THE DAY'S BUDGET"];
    let mut text = table_toned(heading, &rows, |_, cell| if cell == BEYOND { Tone::Bad } else { Tone::Plain });
    let [requests, bytes, dollars] = cost(plan.total);
    let _ = writeln!(text, "in all at most {requests} requests, {bytes} read, ${dollars} at list prices");
    let [requests, bytes, dollars] = cost(plan.budget);
    let _ = writeln!(text, "a site and a day may take {requests} requests, {bytes} and ${dollars}");
    if plan.sites.iter().any(|site| !site.within_budget) {
        text.push_str("what the day's budget does not pay for is left out, unless with --beyond-budget\n");
    }
    text
}

const BEYOND: &str = "too small";

const fn budget(site: &SiteScrub) -> &'static str {
    if site.within_budget { "pays for it" } else { BEYOND }
}

fn shown(state: &ScrubState) -> String {
    let Some(sums) = &state.sums else {
        return "the scrub ended; `entente findings` names what you may see of what was found\n".to_owned();
    };
    let mut text = format!(
        "{} looked at, {} proven, for {}, {} and ${:.4}\n",
        count(sums.looked_at, "piece"),
        sums.proven,
        count(sums.requests, "request"),
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

    #[test]
    fn a_plan_tells_what_the_day_pays_for() {
        let cost = |requests| ScrubCost { requests, bytes: requests << 20, dollars: 0.25 };
        let site = |name: &str, within_budget, is_out: bool| SiteScrub {
            site: name.to_owned(),
            pieces: 7,
            depths: vec![DepthCost { depth: "cells".to_owned(), cost: cost(3) }; usize::from(!is_out)],
            total: cost(3),
            spent_today: cost(1),
            within_budget,
            is_out,
        };
        let mut plan = ScrubPlan {
            sites: vec![site("a", true, false), site("b", false, false), site("c", true, true)],
            budget: cost(5),
            total: cost(6),
        };
        let expected = "\
SITE  DEPTH  REQUESTS  READ   DOLLARS  THE DAY'S BUDGET
a     cells  3         3 MiB  0.2500   pays for it
b     cells  3         3 MiB  0.2500   too small
c                                      out: not asked
in all at most 6 requests, 6 MiB read, $0.2500 at list prices
a site and a day may take 5 requests, 5 MiB and $0.2500
what the day's budget does not pay for is left out, unless with --beyond-budget
";
        assert_eq!(planned(&plan), expected);
        plan.sites.remove(1);
        assert!(planned(&plan).ends_with("and $0.2500\n"), "it is all paid for");
    }

    use crate::api::wire::{DepthCost, ScrubSums, StoppedScrub};
}
