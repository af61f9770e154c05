//! Every metric there is: its name, unit and labels, who sees it, and what it says. `docs/metrics.md` is this
//! table, and dashboards and alerts are checked against it; a name that was told once keeps its meaning.

/// A family of series.
#[derive(Debug)]
pub struct Metric {
    /// As it is asked for, without what counters and histograms append to it.
    pub name: &'static str,
    pub kind: Kind,
    /// The name's last word, where it has a unit.
    pub unit: Option<&'static str>,
    pub labels: &'static [&'static str],
    #[cfg_attr(not(test), expect(dead_code, reason = "docs/metrics.md says it, which a test holds to this table"))]
    pub seen: Seen,
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Who meets its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It says the same whatever is stored and asked.
    All,
    /// Each series is of one label, and is seen from there up.
    Label,
    /// It is of everything together.
    SeesAll,
}

#[cfg(test)]
impl Metric {
    /// The name of its series, or how the names of its series begin.
    pub fn shown(&self) -> String {
        match self.kind {
            Kind::Counter => format!("{}_total", self.name),
            Kind::Gauge | Kind::Histogram => self.name.to_owned(),
        }
    }
}

macro_rules! metrics {
    ($($constant:ident: $name:literal $kind:ident $unit:expr, [$($label:literal),*], $seen:ident, $help:literal;)+) => {
        $(pub static $constant: Metric = Metric {
            name: $name,
            kind: Kind::$kind,
            unit: $unit,
            labels: &[$($label),*],
            seen: Seen::$seen,
            help: $help,
        };)+

        #[cfg(test)]
        pub static ALL: &[&Metric] = &[$(&$constant),+];
    };
}

const SECONDS: Option<&str> = Some("seconds");
const BYTES: Option<&str> = Some("bytes");
const NO_UNIT: Option<&str> = None;

metrics! {
    BUILD: "entente_build" Gauge NO_UNIT, ["version"], All, "1, of the version that runs";

    S3_SECONDS: "entente_s3_request_seconds" Histogram SECONDS, ["label", "class", "status"], Label,
        "requests at the S3 door, from their head to the last byte of their answer; exemplars are request ids";
    S3_IN: "entente_s3_received_bytes" Counter BYTES, ["label", "class"], Label, "bodies of requests, as they came";
    S3_OUT: "entente_s3_sent_bytes" Counter BYTES, ["label", "class"], Label, "bodies of answers";
    S3_BROKEN: "entente_s3_broken_answers" Counter NO_UNIT, ["label", "class"], Label,
        "answers that were not sent to their end: the client went away, or reading broke off";

    COMMIT_SECONDS: "entente_commit_stage_seconds" Histogram SECONDS, ["label", "stage"], Label,
        "batches of changes by stage: decide (one transaction), ship (until enough sites proved it), show";

    SITE_OUT: "entente_site_out" Gauge NO_UNIT, ["site", "half"], All,
        "1 while the site's breaker keeps it out of reads or writes, else 0";
    SITE_STATE: "entente_site_state" Gauge NO_UNIT, ["site", "state"], All,
        "1 of the state the site is in: active, suspended, draining, detached";
    SITE_SECONDS: "entente_site_request_seconds" Histogram SECONDS, ["site", "kind", "outcome"], SeesAll,
        "requests to sites, each try of its own";
    SITE_RETRIES: "entente_site_retries" Counter NO_UNIT, ["site"], SeesAll,
        "reads, listings and deletions that were made again";
    SITE_IN_FLIGHT: "entente_site_requests_in_flight" Gauge NO_UNIT, ["site"], SeesAll, "requests that are under way";
    SITE_WRITTEN: "entente_site_written_bytes" Counter BYTES, ["site"], SeesAll, "sent by puts that succeeded";
    SITE_READ: "entente_site_read_bytes" Counter BYTES, ["site"], SeesAll, "received by gets that succeeded";
    SITE_LEAVING: "entente_site_leaving_pieces" Gauge NO_UNIT, ["site"], SeesAll,
        "pieces that still lie at a site that is being left";
    HEDGES: "entente_hedged_reads" Counter NO_UNIT, [], SeesAll, "requests made because another one was late";
    BAD_CELLS: "entente_bad_cells" Counter NO_UNIT, [], SeesAll, "cells and pieces that were read and failed their proof";

    MEMORY: "entente_memory_budget_used_bytes" Gauge BYTES, ["share"], SeesAll,
        "bytes in flight that are reserved: small bodies, reads, large bodies and upkeep";
    MEMORY_SIZE: "entente_memory_budget_size_bytes" Gauge BYTES, ["share"], SeesAll, "what there is of it";

    BUCKETS: "entente_buckets" Gauge NO_UNIT, [], SeesAll, "buckets";
    OBJECTS: "entente_objects" Gauge NO_UNIT, [], SeesAll, "objects";
    OBJECT_BYTES: "entente_object_bytes" Gauge BYTES, [], SeesAll, "their bytes, before coding";
    SEGMENTS: "entente_segments" Gauge NO_UNIT, [], SeesAll, "segments";
    BELOW_PROMISE: "entente_below_promise_segments" Gauge NO_UNIT, [], SeesAll,
        "segments that lie at fewer vendors than their promise needs: what catch-up has before it";
    UNSHOWN: "entente_unshown_changes" Gauge NO_UNIT, [], SeesAll, "changes that are decided and do not stand yet";
    REPAIRED: "entente_repaired_pieces" Counter NO_UNIT, [], SeesAll, "pieces that catch-up and repairs stored";
    SWEPT: "entente_swept_pieces" Counter NO_UNIT, [], SeesAll, "pieces that no record named and that were deleted";
    COMPACTED: "entente_compacted_journal_segments" Counter NO_UNIT, [], SeesAll,
        "journal segments whose live changes were brought together into fewer";
    MOVES: "entente_open_data_moves" Gauge NO_UNIT, ["label"], Label, "buckets whose data is on its way to another profile";
    KEEPING_DOLLARS: "entente_keeping_dollars_today" Gauge NO_UNIT, [], SeesAll,
        "what repairs, evacuations and moves spent since midnight, UTC, by list prices; counted where [keeping] has a limit";
    KEEPING_LIMIT: "entente_keeping_dollars_limit" Gauge NO_UNIT, [], SeesAll, "dollars_per_day of [keeping], where it is set";

    LEDGER_AGE: "entente_durability_age_seconds" Gauge SECONDS, [], SeesAll, "how long ago the walk began that the ledger is of";
    LEDGER_OBJECTS: "entente_durability_objects" Gauge NO_UNIT,
        ["bucket", "label", "profile", "proof", "within_days", "spare"], Label,
        "objects (older versions among them) that have so many spare pieces which are proven so; spare is below 0 where not even the pieces that are needed are";
    LEDGER_BYTES: "entente_durability_bytes" Gauge BYTES,
        ["bucket", "label", "profile", "proof", "within_days", "spare"], Label, "their bytes";
    SPARED_OBJECTS: "entente_spared_vendors_objects" Gauge NO_UNIT, ["bucket", "label", "profile", "vendors"], Label,
        "objects (older versions among them) that can lose so many more vendors now that some are out, whichever these are; -1: they cannot be read now";
    SPARED_BYTES: "entente_spared_vendors_bytes" Gauge BYTES, ["bucket", "label", "profile", "vendors"], Label, "their bytes";
    FINDINGS_OPEN: "entente_findings_open" Gauge NO_UNIT, ["site", "fault"], Label,
        "findings of scrubs that are not over, of what the caller may see";
    FINDINGS: "entente_findings" Counter NO_UNIT, ["site", "fault"], SeesAll,
        "findings since the start; what comes back counts again";
    SCRUB_OLDEST: "entente_scrub_oldest_proof_seconds" Gauge SECONDS, ["site", "proof"], SeesAll,
        "age of the oldest proof of any piece there";
    SCRUB_REQUESTS: "entente_scrub_requests_today" Gauge NO_UNIT, ["site"], SeesAll,
        "what scrubs spent there since midnight, UTC";
    SCRUB_BYTES: "entente_scrub_bytes_today" Gauge NO_UNIT, ["site"], SeesAll, "the same in bytes";
    SCRUB_DOLLARS: "entente_scrub_dollars_today" Gauge NO_UNIT, ["site"], SeesAll, "the same in dollars";

    CERTIFICATE: "entente_certificate_expiry_timestamp_seconds" Gauge SECONDS, [], All,
        "when the certificate of the doors ends, in seconds since 1970; none where they speak plain HTTP";
    CATALOG: "entente_catalog_bytes" Gauge BYTES, ["file"], SeesAll, "the catalog and its write-ahead log on the disk";
    DISK_FREE: "entente_disk_free_bytes" Gauge BYTES, ["place"], SeesAll,
        "what is free under the data directory (data) and under each site that is a directory (site:NAME); none where the disk does not answer";
    DISK_SIZE: "entente_disk_size_bytes" Gauge BYTES, ["place"], SeesAll, "what there is in all";
    CPU: "process_cpu_seconds" Counter SECONDS, [], SeesAll, "time on processors, user and system";
    STARTED: "process_start_time_seconds" Gauge SECONDS, [], SeesAll, "when the process began, in seconds since 1970";
    RESIDENT: "process_resident_memory_bytes" Gauge BYTES, [], SeesAll, "memory of the process that is in use";
    VIRTUAL: "process_virtual_memory_bytes" Gauge BYTES, [], SeesAll, "memory it has addresses for";
    FDS: "process_open_fds" Gauge NO_UNIT, [], SeesAll, "open file descriptors";
    FDS_MAX: "process_max_fds" Gauge NO_UNIT, [], SeesAll, "as many as it may open";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn table() -> String {
        let mut rows = String::from("| name | kind | labels | seen | what |\n|---|---|---|---|---|\n");
        for metric in ALL {
            let seen = match metric.seen {
                Seen::All => "by all",
                Seen::Label => "from its label up",
                Seen::SeesAll => "by who sees all",
            };
            let kind = format!("{:?}", metric.kind).to_lowercase();
            let (name, labels) = (metric.shown(), metric.labels.join(", "));
            rows.push_str(&format!("| `{name}` | {kind} | {labels} | {seen} | {} |\n", metric.help));
        }
        rows
    }

    #[test]
    fn the_page_says_what_there_is() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let (begin, end) = ("<!-- every metric: written by ENTENTE_BLESS=1 -->\n", "<!-- end -->");
        let (before, rest) = page.split_once(begin).expect("the page has a place for the table");
        let (kept, after) = rest.split_once(end).expect("which ends");
        if std::env::var_os("ENTENTE_BLESS").is_some() {
            return std::fs::write(&path, format!("{before}{begin}{}{end}{after}", table())).unwrap();
        }
        assert!(kept == table(), "metrics have changed: read docs/metrics.md after ENTENTE_BLESS=1");
    }

    #[test]
    fn names_are_as_prometheus_wants_them_and_each_is_there_once() {
        let mut names = BTreeSet::new();
        for metric in ALL {
            let name = metric.name;
            assert!(names.insert(name), "{name} is there twice");
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
                "{name}"
            );
            assert!(["_total", "_count", "_sum", "_bucket", "_info"].iter().all(|end| !name.ends_with(end)), "{name}");
            if let Some(unit) = metric.unit {
                assert!(name.ends_with(&format!("_{unit}")), "{name} does not end in its unit");
            }
        }
    }
}
