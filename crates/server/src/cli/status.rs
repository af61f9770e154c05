//! `entente status`.

use std::fmt::Write;

use http::Method;

use super::client::Client;
use super::{Output, count, health, table_toned};
use crate::api::wire::{Health, Overview, Site, Status, StatusSums};
use crate::args::StatusArgs;
use crate::failure::Failure;

pub fn run(args: &StatusArgs, output: Output) -> Result<(), Failure> {
    let client = Client::asked(&args.asker)?;
    let status: Status = client.call(Method::GET, "/api/v1/status", Vec::new())?;
    let overview: Overview = client.call(Method::GET, "/api/v1/overview", Vec::new())?;
    output.show(&status, || shown(&status, &overview))
}

fn shown(status: &Status, overview: &Overview) -> String {
    // Whoever does not see everything is told of the sites, and of what is theirs to see.
    let mut text = status.sums.as_ref().map_or_else(String::new, summed) + &outlived(overview);
    if !text.is_empty() {
        text.push('\n');
    }
    let row = |site: &Site| {
        let [name, vendor, region, state] = [&site.name, &site.vendor, &site.region, &site.state].map(String::clone);
        [name, vendor, region, state, side(site.reads), side(site.writes), site.reason.clone().unwrap_or_default()]
    };
    let rows: Vec<_> = status.sites.iter().map(row).collect();
    text + &table_toned(["SITE", "VENDOR", "REGION", "STATE", "READS", "WRITES", "REASON"], &rows, health)
}

fn summed(sums: &StatusSums) -> String {
    let mut text = format!(
        "{} ({}) in {}; {} under way\n",
        count(sums.objects, "object"),
        count(sums.object_bytes, "byte"),
        count(sums.buckets, "bucket"),
        count(sums.uploads, "upload")
    );
    let promise = match sums.below_promise {
        0 => "all keep their promise".to_owned(),
        below => format!("{below} below their promise"),
    };
    let (segments, unshown) = (count(sums.segments, "segment"), count(sums.unshown, "record"));
    let _ = writeln!(text, "{segments}, {promise}; {unshown} on the way");
    text
}

/// What needs somebody, as it is with the sites that are out.
fn outlived(overview: &Overview) -> String {
    let mut text = String::new();
    for of in overview.promise.iter().filter(|of| of.spare < 1) {
        let what = count(of.objects, "version");
        let _ = match of.spare {
            0 => writeln!(text, "{what} can lose no further vendor"),
            _ => writeln!(text, "{what} cannot be read before a site that is out is back"),
        };
    }
    for profile in &overview.refused_writes {
        let _ = writeln!(text, "writes to buckets of profile {profile} are refused: too few vendors take them");
    }
    for trouble in overview.troubles.iter().flatten() {
        let _ = writeln!(text, "{}: {}", trouble.what, trouble.advice);
    }
    text
}

fn side(health: Health) -> String {
    match health {
        Health::Well => "well".to_owned(),
        Health::Out => "out".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::{Promise, Trouble};

    #[test]
    fn a_site_that_is_out_is_shown_with_its_reason() {
        let site = |name: &str, writes, reason: Option<&str>| Site {
            name: name.into(),
            vendor: name.into(),
            region: "us-east-1".into(),
            state: "active".into(),
            reads: Health::Well,
            writes,
            reason: reason.map(str::to_owned),
        };
        let sums = StatusSums {
            below_promise: 2,
            unshown: 1,
            buckets: 1,
            objects: 3,
            object_bytes: 4096,
            uploads: 0,
            segments: 5,
            bad_cells: 0,
            hedged_reads: 0,
            site_requests: std::collections::BTreeMap::new(),
        };
        let status = Status {
            enclave: "e".into(),
            sums: Some(sums),
            sites: vec![site("amazon", Health::Well, None), site("google", Health::Out, Some("site is full"))],
        };
        let promise = |spare, objects| Promise { spare, objects, bytes: 1 };
        let mut overview = Overview {
            promise: vec![promise(-1, 1), promise(0, 4), promise(1, 9)],
            promise_age_s: Some(3),
            below_promise: Some(2),
            refused_writes: vec!["quad".to_owned()],
            troubles: Some(vec![Trouble { what: "the disk is full".to_owned(), advice: "make room".to_owned() }]),
            cost_month: None,
        };
        let text = shown(&status, &overview);
        assert!(
            text.contains(
                "on the way\n\
                 1 version cannot be read before a site that is out is back\n\
                 4 versions can lose no further vendor\n\
                 writes to buckets of profile quad are refused: too few vendors take them\n\
                 the disk is full: make room\n\n\
                 SITE"
            ),
            "{text}"
        );
        overview.promise.drain(..2);
        overview.refused_writes.clear();
        overview.troubles = Some(Vec::new());
        assert_eq!(
            shown(&status, &overview),
            "3 objects (4096 bytes) in 1 bucket; 0 uploads under way\n\
             5 segments, 2 below their promise; 1 record on the way\n\n\
             SITE    VENDOR  REGION     STATE   READS  WRITES  REASON\n\
             amazon  amazon  us-east-1  active  well   well\n\
             google  google  us-east-1  active  well   out     site is full\n"
        );
    }
}
