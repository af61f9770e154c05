//! `entente durability` and `entente findings`.

use std::collections::BTreeMap;

use super::client::Client;
use super::{Output, agreed, size, table};
use crate::api::wire::{Drill, Durability, DurableBucket, Finding, Findings, ProvenSite};
use crate::args::{DurabilityArgs, FindingsArgs};
use crate::failure::Failure;

pub fn run(args: &DurabilityArgs, output: Output) -> Result<(), Failure> {
    let ledger: Durability = Client::asked(&args.asker)?.patient().list("/api/v1/durability?now=true")?;
    output.show(&ledger, || shown(&ledger))
}

pub fn findings(args: &FindingsArgs, output: Output) -> Result<(), Failure> {
    let mut found: Findings = Client::asked(&args.asker)?.list("/api/v1/findings")?;
    found.findings.retain(|finding| args.all || finding.over.is_none());
    if found.findings.is_empty() {
        return output.done(&found, "Scrubs found nothing wrong.");
    }
    let row = |finding: &Finding| {
        let Finding { fault, site, object, first, last, over, .. } = finding;
        [fault, site, first, last, over.as_ref().unwrap_or(&String::new()), object].map(String::clone)
    };
    let rows = || found.findings.iter().map(row).collect::<Vec<_>>();
    output.show(&found, || table(["FAULT", "SITE", "FIRST", "LAST", "OVER", "OBJECT"], &rows()))
}

/// What the figures are.
const LEGEND: &str = "Objects by how many more vendors they can lose, as far as their pieces are proven so. TOO FEW: \
                      not even those needed are.\n\n";

fn shown(ledger: &Durability) -> String {
    let rows: Vec<_> = ledger.buckets.iter().flat_map(rows_of).collect();
    let heading = ["BUCKET", "LABEL", "PROFILE", "PROOF", "TOO FEW", "0", "1", "2", "3+", "BYTES BELOW PROMISE"];
    let mut text = match rows.is_empty() {
        true => "Nothing that has bytes is stored: there is nothing to lose yet.\n".to_owned(),
        false => LEGEND.to_owned() + &table(heading, &rows),
    };
    if !ledger.sites.is_empty() {
        let sites: Vec<_> = ledger.sites.iter().map(site).collect();
        text.push('\n');
        text += &table(["SITE", "OLDEST SEEN", "OLDEST READ", "REQUESTS TODAY", "BYTES", "DOLLARS"], &sites);
    }
    text + "\n" + &drilled(ledger.last_drill.as_ref()) + "\n"
}

/// What the last rebuild drill came to.
fn drilled(drill: Option<&Drill>) -> String {
    let Some(Drill { at, outcome }) = drill else {
        return "No rebuild drill was made on this data directory: `entente rebuild --drill` makes one.".to_owned();
    };
    let Some(outcome) = outcome else { return format!("The last rebuild drill was on {at}.") };
    let came = match (&outcome.failed, outcome.differs) {
        (Some(why), _) => format!("broke off: {why}"),
        (None, true) => "differs: a rebuild would not bring back what there is".to_owned(),
        (None, false) => agreed(outcome.objects, "object", "came back as it is", "came back as they are"),
    };
    let without = match outcome.silent_sites.as_slice() {
        [] => String::new(),
        sites => format!(", without {}", sites.join(" and ")),
    };
    format!("The last rebuild drill, {at}{without}: {came}.")
}

/// Kinds of proof, the weakest first.
const PROOFS: [&str; 3] = ["recorded", "seen", "read"];

/// Objects by their spare pieces, and the bytes of those below the promise.
type Counted = ([u64; 5], u64);

/// A row for each kind of proof that says something else than those before it: how many objects have how many
/// spare pieces that are proven so.
fn rows_of(bucket: &DurableBucket) -> Vec<[String; 10]> {
    let mut kinds: BTreeMap<(usize, Option<u16>), Counted> = BTreeMap::new();
    for proven in &bucket.proofs {
        let order = PROOFS.iter().position(|name| **name == proven.proof).unwrap_or(PROOFS.len());
        let kind = kinds.entry((order, proven.within_days)).or_default();
        let column = usize::try_from(proven.spare.clamp(-1, 3) + 1).unwrap_or_default();
        if let Some(count) = kind.0.get_mut(column) {
            *count += proven.objects;
        }
        if proven.spare < i64::from(bucket.promise) {
            kind.1 += proven.bytes;
        }
    }
    // What is proven within fewer days is proven within more: of kinds that count the same the nearest is told.
    let mut rows: Vec<(BTreeMap<usize, Option<u16>>, Counted)> = Vec::new();
    for ((order, days), counted) in kinds {
        match rows.iter_mut().find(|(_, before)| *before == counted) {
            Some((told, _)) => _ = told.entry(order).or_insert(days),
            None => rows.push((BTreeMap::from([(order, days)]), counted)),
        }
    }
    let row = |(told, (counts, below)): (BTreeMap<usize, Option<u16>>, Counted)| {
        let named = told.into_iter().map(|(order, days)| {
            let name = PROOFS.get(order).copied().unwrap_or_default();
            days.map_or_else(|| name.to_owned(), |days| format!("{name} in {days} d"))
        });
        let proof = named.collect::<Vec<_>>().join(", ");
        let [few, none, one, two, more] = counts.map(|count| count.to_string());
        let (bucket, label, profile) = (bucket.bucket.clone(), bucket.label.clone(), bucket.profile.clone());
        [bucket, label, profile, proof, few, none, one, two, more, size(below)]
    };
    rows.into_iter().map(row).collect()
}

fn site(site: &ProvenSite) -> [String; 6] {
    let moment = |at: &Option<String>| at.clone().unwrap_or_else(|| "-".to_owned());
    [
        site.site.clone(),
        moment(&site.oldest_seen),
        moment(&site.oldest_read),
        site.requests_today.to_string(),
        size(site.bytes_today),
        format!("{:.4}", site.dollars_today),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::{DrillOutcome, Proven};

    #[test]
    fn the_last_drill_is_told_as_far_as_one_may_know() {
        let told = |outcome| drilled(Some(&Drill { at: "DATE".to_owned(), outcome }));
        let well = DrillOutcome { objects: 7, ..DrillOutcome::default() };
        let silent_sites = vec!["ours".to_owned()];
        for (outcome, expected) in [
            (None, "The last rebuild drill was on DATE."),
            (Some(well.clone()), "The last rebuild drill, DATE: 7 objects came back as they are."),
            (
                Some(DrillOutcome { differs: true, silent_sites, ..well.clone() }),
                "The last rebuild drill, DATE, without ours: differs: a rebuild would not bring back what there is.",
            ),
            (
                Some(DrillOutcome { failed: Some("no root key".to_owned()), ..well }),
                "The last rebuild drill, DATE: broke off: no root key.",
            ),
        ] {
            assert_eq!(told(outcome), expected);
        }
    }

    #[test]
    fn a_row_counts_objects_by_their_spare_pieces_and_one_that_says_nothing_new_is_none() {
        let proven = |proof: &str, within_days, spare, objects| Proven {
            proof: proof.to_owned(),
            within_days,
            spare,
            objects,
            bytes: objects << 20,
        };
        let bucket = |name: &str, proofs| DurableBucket {
            bucket: name.to_owned(),
            label: "L".to_owned(),
            profile: "quad".to_owned(),
            promise: 2,
            objects: 9,
            bytes: 9 << 20,
            empty: 0,
            proofs,
        };
        let worse = vec![
            proven("read", Some(7), -2, 3),
            proven("read", Some(7), -1, 1),
            proven("read", Some(7), 1, 5),
            proven("read", Some(30), 2, 9),
            proven("seen", Some(1), 2, 9),
            proven("seen", Some(7), 2, 9),
            proven("recorded", None, 2, 9),
        ];
        let well = vec![proven("recorded", None, 2, 9), proven("seen", Some(1), 2, 9), proven("read", Some(7), 2, 9)];
        let buckets = vec![bucket("tea", worse), bucket("cups", well), bucket("bare", Vec::new())];
        let mut ledger = Durability { at: String::new(), buckets, sites: Vec::new(), last_drill: None, next: None };
        let expected = "\
BUCKET  LABEL  PROFILE  PROOF                                TOO FEW  0  1  2  3+  BYTES BELOW PROMISE
tea     L      quad     recorded, seen in 1 d, read in 30 d  0        0  0  9  0   0 B
tea     L      quad     read in 7 d                          4        0  5  0  0   9 MiB
cups    L      quad     recorded, seen in 1 d, read in 7 d   0        0  0  9  0   0 B

No rebuild drill was made on this data directory: `entente rebuild --drill` makes one.
";
        assert_eq!(shown(&ledger), LEGEND.to_owned() + expected);
        ledger.buckets.clear();
        let told = shown(&ledger);
        assert!(told.starts_with("Nothing that has bytes is stored") && !told.contains("BUCKET"), "{told}");
    }
}
