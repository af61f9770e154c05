//! `entente site sweep --plan` and `entente bucket lifecycle --plan`: what the background would do next by itself.

use std::fmt::Write;

use http::Method;

use super::client::Client;
use super::{Output, table};
use crate::api::wire::{LifecyclePlan, LifecycleRow, SweepPlan, SweptSite};
use crate::args::PlannedArgs;
use crate::failure::Failure;

pub fn sweep(args: &PlannedArgs, output: Output) -> Result<(), Failure> {
    let client = Client::asked(&args.asker)?.patient();
    let plan: SweepPlan = client.call(Method::GET, "/api/v1/sweep-plan", Vec::new())?;
    output.show(&plan, || swept(&plan))
}

pub fn lifecycle(args: &PlannedArgs, output: Output) -> Result<(), Failure> {
    let client = Client::asked(&args.asker)?.patient();
    let plan: LifecyclePlan = client.call(Method::GET, "/api/v1/lifecycle-plan", Vec::new())?;
    output.show(&plan, || due(&plan))
}

fn swept(plan: &SweepPlan) -> String {
    let row = |SweptSite { site, pieces }: &SweptSite| [site.clone(), pieces.to_string()];
    let rows: Vec<_> = plan.sites.iter().map(row).collect();
    let mut text = match rows.is_empty() {
        true => "no piece is to be deleted\n".to_owned(),
        false => table(["SITE", "PIECES TO DELETE"], &rows),
    };
    if plan.waiting > 0 {
        let _ = writeln!(text, "{} more are named by no record, and their grace is not over", plan.waiting);
    }
    text
}

fn due(plan: &LifecyclePlan) -> String {
    if plan.rows.is_empty() {
        return "no rule makes anything due\n".to_owned();
    }
    let row = |of: &LifecycleRow| {
        let [expired, removed, aborted] = [of.expired, of.removed, of.aborted].map(|count| count.to_string());
        [of.bucket.clone(), of.label.clone(), of.rule.clone(), expired, removed, aborted]
    };
    let rows: Vec<_> = plan.rows.iter().map(row).collect();
    let more = if plan.more { "and more, which the next round does\n" } else { "" };
    table(["BUCKET", "LABEL", "RULE", "EXPIRED", "REMOVED", "UPLOADS ENDED"], &rows) + more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_counted_by_bucket_and_rule() {
        let row = LifecycleRow {
            bucket: "tea".to_owned(),
            label: "L".to_owned(),
            rule: "old".to_owned(),
            expired: 3,
            removed: 2,
            aborted: 0,
        };
        let plan = LifecyclePlan { rows: vec![row], more: true };
        let expected = "BUCKET  LABEL  RULE  EXPIRED  REMOVED  UPLOADS ENDED\n\
                        tea     L      old   3        2        0\nand more, which the next round does\n";
        assert_eq!(due(&plan), expected);
        assert_eq!(due(&LifecyclePlan { rows: Vec::new(), more: false }), "no rule makes anything due\n");
    }

    #[test]
    fn what_a_sweep_would_delete_is_counted_by_site() {
        let sites = vec![SweptSite { site: "ours".to_owned(), pieces: 7 }];
        let told = swept(&SweepPlan { sites, waiting: 5 });
        let waits = "5 more are named by no record, and their grace is not over\n";
        assert_eq!(told, format!("SITE  PIECES TO DELETE\nours  7\n{waits}"));
        let none = swept(&SweepPlan { sites: Vec::new(), waiting: 5 });
        assert_eq!(none, format!("no piece is to be deleted\n{waits}"));
    }
}
