//! `entente journal compact`.

use http::Method;

use super::client::Client;
use super::{Output, agreed, follow, size};
use crate::api::wire::{Compacted, CompactionState};
use crate::args::CompactArgs;
use crate::failure::{Exit, Failure};
use crate::progress::Progress;

pub fn compact(args: &CompactArgs, output: Output) -> Result<(), Failure> {
    let client = Client::asked(&args.asker)?.patient();
    let plan: Compacted = client.call(Method::GET, "/api/v1/compaction-plan", Vec::new())?;
    if args.plan {
        return output.show(&plan, || planned(&plan));
    }
    client.order(Method::POST, "/api/v1/compactions")?;
    let progress = Progress::here(output);
    progress.begin("segments of the journal", Some(plan.segments));
    let state = follow(|| {
        let state: CompactionState = client.call(Method::GET, "/api/v1/compactions", Vec::new())?;
        progress.reach(state.done.segments);
        Ok(state.over.then_some(state))
    })?;
    progress.end();
    output.show(&state, || done(&state.done))?;
    match (&state.failed, state.done.waiting) {
        (Some(why), _) => Err(Failure::new(Exit::Failed, format!("compacting broke off: {why}; ask again"))),
        (None, 0) => Ok(()),
        (None, waiting) => {
            let left = agreed(waiting, "run", "was", "were");
            let why = format!("{left} left for another time: sites were out, or they were being mended");
            Err(Failure::new(Exit::Unfinished, why))
        }
    }
}

fn planned(plan: &Compacted) -> String {
    match plan.segments {
        0 => "the journal is compact: there is nothing to do\n".to_owned(),
        segments => format!(
            "{segments} segments would become {}: {} are read and written again; {} at the sites are swept after the grace\n",
            plan.into,
            size(plan.live_bytes),
            size(plan.stored_bytes)
        ),
    }
}

fn done(done: &Compacted) -> String {
    match done.segments {
        0 => "nothing was compacted\n".to_owned(),
        segments => format!(
            "{segments} segments became {}, of {}; {} at the sites are swept after the grace\n",
            done.into,
            size(done.live_bytes),
            size(done.stored_bytes)
        ),
    }
}
