//! `entente status`.

use std::fmt::Write;

use http::Method;

use super::client::Client;
use super::{Output, health, table_toned};
use crate::api::wire::{Health, Site, Status, StatusSums};
use crate::args::StatusArgs;
use crate::failure::Failure;

pub fn run(args: &StatusArgs, output: Output) -> Result<(), Failure> {
    let status: Status = Client::asked(&args.asker)?.call(Method::GET, "/api/v1/status", Vec::new())?;
    output.show(&status, || shown(&status))
}

fn shown(status: &Status) -> String {
    // Whoever does not see everything is told of the sites alone.
    let text = status.sums.as_ref().map_or_else(String::new, summed);
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
    let _ = writeln!(text, "{segments}, {promise}; {unshown} on the way\n");
    text
}

fn count(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
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
        assert_eq!(
            shown(&status),
            "3 objects (4096 bytes) in 1 bucket; 0 uploads under way\n\
             5 segments, 2 below their promise; 1 record on the way\n\n\
             SITE    VENDOR  REGION     STATE   READS  WRITES  REASON\n\
             amazon  amazon  us-east-1  active  well   well\n\
             google  google  us-east-1  active  well   out     site is full\n"
        );
    }
}
