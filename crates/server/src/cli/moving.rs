//! `entente bucket move-data`.

use std::fmt::Write;

use http::Method;
use serde_json::json;

use super::client::Client;
use super::keeping::{Told, waits, worked};
use super::{Output, agreed, count, follow, size};
use crate::api::wire::{DataMoves, MoveData, MovePlan, MoveSums};
use crate::args::MoveDataArgs;
use crate::failure::Failure;
use crate::progress::Progress;

pub fn run(args: &MoveDataArgs, output: Output) -> Result<(), Failure> {
    let client = Client::asked(&args.asker)?.patient();
    let wanted = MoveData { bucket: args.bucket.clone(), profile: args.profile.clone() };
    let plan: MovePlan = client.ask(Method::POST, "/api/v1/data-move-plan", &wanted)?;
    if args.plan {
        return output.show(&plan, || planned(&plan));
    }
    output.talk(planned(&plan).trim_end());
    let before: DataMoves = client.list("/api/v1/data-moves")?;
    client.tell(Method::POST, "/api/v1/data-moves", &wanted)?;
    if args.no_wait {
        let begun = json!({ "begun": true, "plan": plan });
        return output.done(&begun, "It is being moved; ask again to see how far it is.");
    }
    let progress = Progress::here(output);
    progress.begin("segments moved", Some(plan.recoded + plan.copies));
    let mut told = Told::default();
    let ended = follow(|| {
        let state: DataMoves = client.list("/api/v1/data-moves")?;
        let now = sums(&state);
        progress.reach(now.work.segments.saturating_sub(sums(&before).work.segments));
        told.say(&progress, &now.waits);
        let ours = |name: &str| args.bucket.as_deref().is_none_or(|bucket| bucket == name);
        let over = state.moves.iter().filter(|one| ours(&one.bucket)).all(|one| one.done);
        Ok(over.then_some(state))
    })?;
    progress.end();
    output.show(&ended, || moved(&before, &ended))
}

/// Of every label; who does not see all is told of none.
fn sums(state: &DataMoves) -> MoveSums {
    state.sums.clone().unwrap_or_default()
}

fn planned(plan: &MovePlan) -> String {
    let MovePlan { well, recoded, copies, shared, waits: waiting, work, stored_bytes, stored_bytes_after } = plan;
    let well = agreed(*well, "segment", "lies as its profile says", "lie as their profile says");
    let verb = if *recoded == 1 { "is" } else { "are" };
    let mut text = format!("{well}; {recoded} {verb} coded anew");
    // Writing to a string does not fail.
    if *copies > 0 {
        let _ = write!(text, ", {copies} get or lose copies");
    }
    text.push('\n');
    if *shared > 0 {
        let _ = writeln!(text, "{shared} that copies share keep the higher promise they have");
    }
    if recoded + copies > 0 {
        let (before, after) = (size(*stored_bytes), size(*stored_bytes_after));
        let _ = writeln!(text, "{}; {before} at the sites become {after}", worked(work));
    }
    for wait in waiting {
        let _ = writeln!(text, "{}", waits(wait));
    }
    text
}

fn moved(before: &DataMoves, after: &DataMoves) -> String {
    let (before, mut work) = (sums(before), sums(after).work);
    // A restart in between counts from nothing.
    if work.segments >= before.work.segments {
        work.segments -= before.work.segments;
        work.pieces = work.pieces.saturating_sub(before.work.pieces);
        work.bytes_read = work.bytes_read.saturating_sub(before.work.bytes_read);
        work.bytes_written = work.bytes_written.saturating_sub(before.work.bytes_written);
        work.requests = work.requests.saturating_sub(before.work.requests);
        work.dollars = (work.dollars - before.work.dollars).max(0.0);
    }
    format!("{} moved: {}; everything lies as its profile says\n", count(work.segments, "segment"), worked(&work))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::{Waiting, Work};

    #[test]
    fn a_plan_says_what_moves_what_stays_and_what_waits() {
        let plan = MovePlan {
            well: 3,
            recoded: 2,
            copies: 0,
            shared: 1,
            waits: vec![Waiting { segments: 4, why: "google, which is out".to_owned() }],
            work: Work {
                segments: 2,
                pieces: 8,
                bytes_read: 6 << 20,
                bytes_written: 8 << 20,
                requests: 14,
                dollars: 0.5,
            },
            stored_bytes: 12 << 20,
            stored_bytes_after: 8 << 20,
        };
        let expected = "3 segments lie as their profile says; 2 are coded anew\n\
                        1 that copies share keep the higher promise they have\n\
                        8 pieces, 6 MiB read and 8 MiB written in 14 requests, $0.5000 at list prices; 12 MiB at the \
                        sites become 8 MiB\n4 segments wait for google, which is out\n";
        assert_eq!(planned(&plan), expected);
    }
}
