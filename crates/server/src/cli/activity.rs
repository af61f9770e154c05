//! `entente activity`.

use http::Method;

use super::client::Client;
use super::{Output, table};
use crate::api::wire::{Activity, ActivityItem, Progress};
use crate::args::ActivityArgs;
use crate::failure::Failure;

pub fn run(args: &ActivityArgs, output: Output) -> Result<(), Failure> {
    let now: Activity = Client::asked(&args.asker)?.call(Method::GET, "/api/v1/activity", Vec::new())?;
    if now.items.is_empty() {
        return output.done(&now, "Nothing is being done that you are told of, and no site is out.");
    }
    output.show(&now, || rows(&now.items))
}

fn rows(items: &[ActivityItem]) -> String {
    let row = |item: &ActivityItem| {
        let ActivityItem { kind, what, why, since, progress, state } = item;
        let progress = progress.as_ref().map_or_else(|| "-".to_owned(), reached);
        let since = since.clone().unwrap_or_else(|| "-".to_owned());
        [kind.clone(), what.clone(), state.clone(), progress, since, why.clone()]
    };
    let rows: Vec<_> = items.iter().map(row).collect();
    table(["DOING", "WHAT", "STATE", "PROGRESS", "SINCE", "WHY"], &rows)
}

fn reached(Progress { done, total, unit }: &Progress) -> String {
    match total {
        Some(total) => format!("{done} of {total} {unit}"),
        None => format!("{done} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_stands_beside_its_reason() {
        let item = |kind: &str, progress| ActivityItem {
            kind: kind.to_owned(),
            what: "google".to_owned(),
            why: "it is left".to_owned(),
            since: None,
            progress,
            state: "running".to_owned(),
        };
        let pieces = |total| Some(Progress { done: 3, total, unit: "pieces".to_owned() });
        assert_eq!(
            rows(&[item("evacuation", pieces(Some(9))), item("sweep", pieces(None)), item("out", None)]),
            "DOING       WHAT    STATE    PROGRESS       SINCE  WHY\n\
             evacuation  google  running  3 of 9 pieces  -      it is left\n\
             sweep       google  running  3 pieces       -      it is left\n\
             out         google  running  -              -      it is left\n"
        );
    }
}
