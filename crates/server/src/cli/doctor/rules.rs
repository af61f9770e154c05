//! What is wrong, by the facts: a function for each area, and nothing but values in and out.

use std::collections::{BTreeMap, BTreeSet};

use super::super::agreed;
use super::facts::{Catalog, Facts, Held, RootKeyState, Run, Site, SiteState};
use super::{Finding, Severity};
use crate::api::troubles::CERTIFICATE_WARN_S;
use crate::machine::{ROOM_BROKEN, ROOM_WARN};
use Severity::{Broken, Note, Warning};

/// Vendors refuse requests that are signed a quarter of an hour off; two thirds of that is too near.
const CLOCK_BROKEN_S: i64 = 600;
/// A machine that keeps time is within a second; nobody notices half a minute, and it grows.
const CLOCK_WARN_S: i64 = 30;
/// Between two looks at both clocks lie seconds.
const CLOCK_SLIP_MS: i64 = 1_000;
/// A week is enough to issue another key, or to ask an authority.
const KEY_WARN_S: i64 = 7 * 86_400;
/// Sites bring an older catalog up to date, by a replay as long as the backup is old.
const BACKUP_WARN_S: i64 = 31 * 86_400;
/// Sockets, pieces and readers of a busy gateway; below the second number it does not serve its vendors.
const FILES_WARN: u64 = 4_096;
const FILES_BROKEN: u64 = 512;
/// List prices change about once a year.
const PRICES_MONTHS_MAX: i32 = 12;
const LIFECYCLE_DAY_S: u64 = 86_400;

type Rule = fn(&Facts) -> Vec<Finding>;

/// In the order in which they are told of equal severity.
pub const AREAS: [(&str, Rule); 11] = [
    ("clocks", clocks),
    ("keys", keys),
    ("copies", copies),
    ("catalog", catalog),
    ("sites", sites),
    ("prices", prices),
    ("certificates", certificates),
    ("disk", disk),
    ("limits", limits),
    ("ports", ports),
    ("settings", settings),
];

/// Everything that is wrong, the worst first.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = AREAS.iter().flat_map(|(_, rule)| rule(facts)).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// Settings that cannot even be read.
pub fn unreadable_settings(why: &str) -> Finding {
    let advice = "mend what is named, then ask again: nothing else was looked at";
    find(Broken, "settings-unreadable", why, "Entente does not start with them", advice)
}

fn find(
    severity: Severity,
    code: &'static str,
    what: impl Into<String>,
    why: impl Into<String>,
    advice: impl Into<String>,
) -> Finding {
    Finding { severity, code, what: what.into(), why: why.into(), advice: advice.into() }
}

fn clocks(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if facts.clock_slip_ms.abs() > CLOCK_SLIP_MS {
        let what = format!("the machine's clock moved by {} ms while it was looked at", facts.clock_slip_ms);
        let why = "what is signed and what expires goes by it; deadlines and order do not";
        found.push(find(Warning, "clock-slips", what, why, "let one program alone set the clock, by small steps"));
    }
    let off = facts.sites.iter().filter_map(|site| Some((site, site.clock_ahead_s?)));
    // One clock is wrong, be it ours: telling it once is enough.
    if let Some((site, ahead)) = off.max_by_key(|(_, ahead)| ahead.abs())
        && ahead.abs() > CLOCK_WARN_S
    {
        let severity = if ahead.abs() > CLOCK_BROKEN_S { Broken } else { Warning };
        let behind = if ahead > 0 { "behind" } else { "ahead of" };
        let what = format!("this machine's clock is {} s {behind} that of {}", ahead.abs(), site.name);
        let why = "vendors refuse requests that are signed more than 15 minutes off, and clients' keys and links expire \
                   at the wrong time";
        found.push(find(severity, "clock-off", what, why, "set the clock, and keep it set by NTP"));
    }
    found
}

fn keys(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let path = &facts.root_key.path;
    let lost = "without it nothing that is stored can be read again";
    match &facts.root_key.state {
        RootKeyState::Missing if facts.known.is_none() && matches!(facts.catalog, Catalog::Missing { .. }) => {
            if !facts.embedded {
                let what = format!("there is no root key at `{path}` yet");
                let why = "nothing starts without it";
                found.push(find(Broken, "root-key-missing", what, why, format!("entente root-key make {path}")));
            }
        }
        RootKeyState::Missing => {
            let advice = "put back the file this enclave was started with, or join its shares: `entente root-key join`";
            found.push(find(Broken, "root-key-missing", format!("the root key `{path}` is missing"), lost, advice));
        }
        RootKeyState::Unusable(why) => {
            let advice = "do what is said, or put back the file this enclave was started with";
            found.push(find(Broken, "root-key-unusable", why, "Entente does not start with it", advice));
        }
        RootKeyState::Sealed => {
            let what = format!("the root key `{path}` is sealed, and was not tried");
            let why = "whether it opens the catalog is not known";
            found.push(find(Note, "root-key-sealed", what, why, "say where the passphrase is with --passphrase"));
        }
        RootKeyState::Loaded { opens: Some(false) } => {
            let what = format!("the root key `{path}` does not open the keys of this catalog");
            let advice = "put back the file this enclave was started with, or the catalog that belongs to this one";
            found.push(find(Broken, "root-key-wrong", what, lost, advice));
        }
        RootKeyState::Loaded { .. } => {}
    }
    if facts.root_key.beside_data && !facts.embedded && facts.root_key.state != RootKeyState::Missing {
        let what = format!("the root key `{path}` is on the disk that the data directory is on");
        let why = "who takes that disk has both, and the one who loses it has neither";
        found.push(find(Note, "root-key-beside-data", what, why, "keep it on other media, and a copy elsewhere"));
    }
    if facts.officer_file && !facts.embedded {
        let what = format!("the security officer's key lies in `{}`", facts.data_dir);
        let why = "whoever reads it says who may use what; who runs the machine should not be able to";
        found.push(find(
            Warning,
            "officer-key-left",
            what,
            why,
            "hand the file `officer` to its owner, and remove it here",
        ));
    }
    let soon = facts.known.iter().flat_map(|known| &known.keys);
    for (id, left) in soon.filter_map(|key| Some((&key.id, key.expires_in_s?))) {
        if (0..KEY_WARN_S).contains(&left) {
            let what = format!("access key {id} expires in {}", span(left));
            let advice = format!("entente key rotate {id} --grace 1d");
            found.push(find(Warning, "key-expires", what, "whoever uses it is refused from then on", advice));
        }
    }
    found
}

fn copies(facts: &Facts) -> Vec<Finding> {
    let Some(known) = facts.known.as_ref().filter(|known| known.objects > 0) else { return Vec::new() };
    let mut found = Vec::new();
    // Whoever tries things out may lose them.
    let severity = if facts.embedded { Note } else { Warning };
    if !known.shares {
        let why = "if its file is lost and no copy is elsewhere, nothing that is stored can be read again; copies made by \
                   hand are not known here";
        let advice = "entente root-key split --needed 2 --holder A --holder B --holder C, or keep a copy in a safe";
        found.push(find(Note, "root-key-no-shares", "the root key was never given out in shares", why, advice));
    }
    match known.backup_age_s {
        None => {
            let why =
                "a lost catalog comes back out of the sites alone, which takes the longer the older the enclave is";
            let advice = "entente backup FILE, regularly, to another machine";
            found.push(find(
                severity,
                "backup-none",
                "no backup of the catalog was made under this root key",
                why,
                advice,
            ));
        }
        Some(age) if age > BACKUP_WARN_S => {
            let what = format!("the last backup of the catalog is {} old", span(age));
            let why = "the sites bring it up to date, by a replay of everything since";
            found.push(find(severity, "backup-old", what, why, "entente backup FILE"));
        }
        Some(_) => {}
    }
    found
}

fn catalog(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    match &facts.catalog {
        Catalog::Missing { founded_sites: true } => {
            let what = format!("there is no catalog in `{}`, and the sites hold an enclave", facts.data_dir);
            let why = "what is stored cannot be found without it";
            let advice = "put it back, `entente restore` a backup, or `entente rebuild` it out of the sites";
            found.push(find(Broken, "catalog-missing", what, why, advice));
        }
        Catalog::Missing { founded_sites: false } => {
            let what = format!("nothing was started in `{}` yet", facts.data_dir);
            found.push(find(Note, "not-founded", what, "there is little to look at", "start it with `entente up`"));
        }
        Catalog::Unreadable(error) => {
            let what = format!("the catalog cannot be read: {error}");
            let advice = "put back a copy, `entente restore` a backup, or move it away and `entente rebuild` it";
            found.push(find(Broken, "catalog-unreadable", what, "Entente does not start with it", advice));
        }
        Catalog::Newer { found: form, known } => {
            let what = format!("the catalog has form {form}, and this program knows {known}");
            found.push(find(
                Broken,
                "catalog-newer",
                what,
                "an older program refuses it",
                "use the newer Entente again",
            ));
        }
        Catalog::Older { found: form, known } => {
            let what = format!("the catalog has form {form}, and this program would bring it to {known}");
            let why = "the way back is a backup";
            found.push(find(Note, "catalog-older", what, why, "make a backup with the older program before it starts"));
        }
        Catalog::Read { .. } => {}
    }
    match &facts.run {
        Run::Running { version, ours } if version != ours => {
            let what = format!("version {version} is running, and this program is {ours}");
            let why = "commands and the running program may not understand each other";
            found.push(find(Warning, "versions-differ", what, why, "start Entente again, or use its own program"));
        }
        Run::Killed => {
            let why = "what was acknowledged stands; the next start completes what was begun";
            found.push(find(
                Note,
                "ended-unclean",
                "the last process ended without stopping",
                why,
                "see its log, and start it",
            ));
        }
        _ => {}
    }
    let Some(known) = &facts.known else { return found };
    if known.below_promise > 0 {
        let what = agreed(known.below_promise, "segment", "is below its promise", "are below their promise");
        let why = "they outlive the loss of fewer vendors than their bucket was promised";
        found.push(find(Warning, "below-promise", what, why, "entente repair --plan, then entente repair"));
    }
    if known.unshown > 0 && matches!(facts.run, Run::Running { .. }) {
        let what = agreed(known.unshown, "decided record", "waits for enough sites", "wait for enough sites");
        found.push(find(Note, "unshown", what, "their clients wait", "see `entente status`, and again in a moment"));
    }
    found
}

fn sites(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> = facts.sites.iter().flat_map(|site| one_site(facts, site)).collect();
    found.extend(vendors(facts));
    found.extend(shared_disks(facts));
    found
}

fn one_site(facts: &Facts, site: &Site) -> Vec<Finding> {
    let mut found = Vec::new();
    let name = &site.name;
    // A directory that a first start would make is not missed.
    let founded = !matches!(facts.catalog, Catalog::Missing { .. });
    match &site.held {
        Err(why) if founded || site.remote => {
            let severity = if site.state == SiteState::Used { Broken } else { Note };
            let what = format!("site {name} cannot be reached: {why}");
            let matters = "what lies there alone cannot be read, and writes keep less than their promise";
            found.push(find(severity, "site-unreachable", what, matters, "then `entente site check`"));
        }
        Err(_) => {}
        Ok(Held::Foreign { enclave }) => {
            let what = format!("site {name} belongs to enclave {enclave}");
            let why = "Entente does not start over another enclave's pieces";
            found.push(find(
                Broken,
                "site-foreign",
                what,
                why,
                "name the site that was this enclave's, or an empty one",
            ));
        }
        Ok(Held::Other { name: other }) => {
            let what = format!("what is configured as site {name} is this enclave's site {other}");
            let why = "pieces would be looked for where they are not";
            found.push(find(Broken, "site-swapped", what, why, "swap the two back in the configuration"));
        }
        Ok(Held::Nobodys { empty: false }) => {
            let what = format!("site {name} is not empty, and no enclave's");
            let why = "what another program keeps there would be in the way of what is swept";
            found.push(find(Broken, "site-not-empty", what, why, "give Entente a bucket or directory of its own"));
        }
        Ok(Held::Emptied) => {
            let what = format!("site {name} was this enclave's, and is empty");
            let why = "the pieces that lay there are gone, or another disk is mounted in its place";
            let advice =
                "mount the right one; if its pieces are gone, bring it back under another name and `entente repair`";
            found.push(find(Broken, "site-emptied", what, why, advice));
        }
        Ok(Held::Ours | Held::Nobodys { empty: true } | Held::Unknown) => {}
    }
    if let Some(reason) = site.out.as_ref().filter(|_| site.state == SiteState::Used && site.held.is_ok()) {
        let what = format!("the running Entente leaves site {name} out: {reason}");
        let why = "writes keep less than their promise meanwhile";
        found.push(find(
            Warning,
            "site-out",
            what,
            why,
            "it returns by itself when it answers well; see `entente status`",
        ));
    }
    if let Some(room) = site.room.filter(|room| *room < ROOM_WARN) {
        let severity = if room < ROOM_BROKEN { Broken } else { Warning };
        let what = format!("site {name} has {} left", bytes(room));
        let why = "a full site takes no pieces, and writes keep less than their promise";
        found.push(find(
            severity,
            "site-full",
            what,
            why,
            "make room, or add a site and `entente site evacuate` this one",
        ));
    }
    if site.anonymous {
        let what = format!("site {name} is used without credentials");
        let why = "whoever reaches it can delete what lies there";
        found.push(find(Warning, "site-anonymous", what, why, "name credentials, and close the bucket to others"));
    }
    found
}

/// Whether there are enough vendors for what the default profile promises.
fn vendors(facts: &Facts) -> Vec<Finding> {
    let of = |wanted: &dyn Fn(&Site) -> bool| {
        let used = facts.sites.iter().filter(|site| site.state == SiteState::Used && wanted(site));
        used.map(|site| site.vendor.as_str()).collect::<BTreeSet<_>>().len()
    };
    let (needs, profile) = (facts.needs.vendors, &facts.needs.profile);
    let founded = !matches!(facts.catalog, Catalog::Missing { .. });
    // A first start makes its directories.
    let there = of(&|site| site.held.is_ok() || !founded && !site.remote);
    let mut found = Vec::new();
    if there < needs {
        let severity = if there < facts.needs.least { Broken } else { Warning };
        let what = format!("{there} vendors can be used, and profile {profile} is spread over {needs}");
        let why = match severity {
            Broken => "nothing can be written",
            _ => "what is written now outlives the loss of fewer vendors than promised",
        };
        found.push(find(severity, "vendors-few", what, why, "bring the sites back, or add sites of other vendors"));
    }
    let for_all = of(&|site| site.takes_all);
    if for_all < needs && for_all < of(&|_| true) {
        let what = format!(
            "{for_all} vendors may hold what is under the highest label of the range, and profile {profile} is spread \
             over {needs}"
        );
        let why = "buckets of that label cannot keep the default profile's promise";
        let advice = "raise `ceiling` where a site is accredited for it, or give those buckets another profile";
        found.push(find(Warning, "ceilings-low", what, why, advice));
    }
    found
}

/// Fault domains are vendors; those on one disk are one.
fn shared_disks(facts: &Facts) -> Vec<Finding> {
    let mut disks: BTreeMap<u64, Vec<&Site>> = BTreeMap::new();
    for site in facts.sites.iter().filter(|site| site.state == SiteState::Used) {
        if let Some(disk) = site.disk {
            disks.entry(disk).or_default().push(site);
        }
    }
    let several = |sites: &&Vec<&Site>| sites.iter().map(|site| &site.vendor).collect::<BTreeSet<_>>().len() > 1;
    let finding = |sites: &Vec<&Site>| {
        let names = sites.iter().map(|site| site.name.as_str()).collect::<Vec<_>>().join(", ");
        let what = format!("{names} lie on one disk, and count as several vendors");
        let severity = if facts.embedded { Note } else { Warning };
        let why = "one disk that fails takes all of them: the promise is kept by name alone";
        find(severity, "vendors-on-one-disk", what, why, "give each a disk of its own, or use vendors' stores")
    };
    disks.values().filter(several).map(finding).collect()
}

fn prices(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let unpriced: Vec<&str> =
        facts.sites.iter().filter(|site| site.remote && !site.priced).map(|site| site.name.as_str()).collect();
    if !unpriced.is_empty() {
        let what = format!("nothing is known of what {} charge", unpriced.join(", "));
        let why = "plans cost them at nothing, and budgets in dollars do not bind there";
        found.push(find(Note, "prices-missing", what, why, "write `prices` into their [[site]] tables"));
    }
    let shipped = facts.sites.iter().any(|site| site.remote && site.priced);
    if let Some((year, month)) = facts.prices_as_of.filter(|_| shipped) {
        let (this_year, this_month) = facts.month;
        let age = (this_year - year) * 12 + i32::from(this_month) - i32::from(month);
        if age > PRICES_MONTHS_MAX {
            let what = format!("the list prices that came with this program are {age} months old");
            let why = "plans and budgets in dollars may be wrong";
            found.push(find(
                Note,
                "prices-old",
                what,
                why,
                "use a newer Entente, or write `prices` into the [[site]] tables",
            ));
        }
    }
    found
}

fn certificates(facts: &Facts) -> Vec<Finding> {
    let Some(certificate) = &facts.certificate else { return Vec::new() };
    let path = &certificate.path;
    let mut found = Vec::new();
    if let Some(why) = &certificate.unusable {
        let advice = "write the certificate with its chain, and the key that belongs to it";
        found.push(find(Broken, "certificate-unusable", why, "the doors do not open without it", advice));
        return found;
    }
    let refused = "clients refuse the connection";
    let renew = "put a new certificate and key in its place: they are served within ten seconds";
    if certificate.ends_in_s <= 0 {
        let what = format!("the certificate `{path}` expired {} ago", span(-certificate.ends_in_s));
        found.push(find(Broken, "certificate-expired", what, refused, renew));
    } else if certificate.ends_in_s < CERTIFICATE_WARN_S {
        let what = format!("the certificate `{path}` expires in {}", span(certificate.ends_in_s));
        found.push(find(Warning, "certificate-expires", what, "clients refuse the connection then", renew));
    }
    if certificate.begins_in_s > 0 {
        let what = format!("the certificate `{path}` holds in {} only", span(certificate.begins_in_s));
        found.push(find(Broken, "certificate-early", what, refused, "see that the clock is right, or wait"));
    }
    if let Some(mode) = certificate.key_open {
        let what = format!("the key of the certificate is open to others (mode {mode:o})");
        let why = "whoever reads it can pass for this door";
        found.push(find(Warning, "certificate-key-open", what, why, "chmod 600 it, and have a new one made"));
    }
    if !certificate.uncovered.is_empty() {
        let what = format!("the certificate `{path}` is not for {}", certificate.uncovered.join(", "));
        let why = "clients that use these names refuse the connection";
        found.push(find(Warning, "certificate-names", what, why, "have one made for all names that clients use"));
    }
    if certificate.development && !facts.embedded {
        let why = "nobody but whoever was handed its authority trusts it";
        let advice = "name `certificate` and `key` under [tls]";
        found.push(find(
            Warning,
            "certificate-development",
            "the certificate is one for trying things out",
            why,
            advice,
        ));
    }
    found
}

fn disk(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, mode) in &facts.open_to_others {
        let what = format!("`{path}` is open to others (mode {mode:o})");
        let why = "names of objects, and what opens the admin API, lie there";
        found.push(find(Warning, "data-open", what, why, format!("chmod go-rwx {path}")));
    }
    if let Some(room) = facts.room {
        // A compaction of the catalog writes it once more.
        let catalog = match facts.catalog {
            Catalog::Read { bytes } => bytes,
            _ => 0,
        };
        if room < ROOM_WARN.max(catalog) {
            let severity = if room < ROOM_BROKEN { Broken } else { Warning };
            let what = format!("`{}` has {} left", facts.data_dir, bytes(room));
            let why = "when the disk of the catalog is full, nothing can be written to any bucket";
            found.push(find(
                severity,
                "disk-full",
                what,
                why,
                "make room, or move the data directory while it is stopped",
            ));
        }
    }
    found
}

fn limits(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(files) = facts.open_files.filter(|files| *files < FILES_WARN) {
        let severity = if files < FILES_BROKEN { Broken } else { Warning };
        let what = format!("{files} files may be open at once");
        let why = "each client, each request to a vendor and each piece takes one; when they run out, requests fail";
        found.push(find(
            severity,
            "open-files",
            what,
            why,
            "raise it: `ulimit -n 65536`, or LimitNOFILE= of the service",
        ));
    }
    if let Some(memory) = facts.memory.filter(|memory| facts.memory_budget > memory / 2) {
        let what = format!("the memory budget is {} of {}", bytes(facts.memory_budget), bytes(memory));
        let why = "it is of bytes in flight alone: the rest of the program and the page cache need room beside it";
        found.push(find(Warning, "memory-budget", what, why, "lower `memory_budget` under [limits]"));
    }
    found
}

fn ports(facts: &Facts) -> Vec<Finding> {
    let running = matches!(facts.run, Run::Running { .. });
    let finding = |(address, why): &(String, String)| {
        if running {
            let what = format!("{address} does not answer: {why}");
            let advice = "see the log of the running process; if it hangs, stop it and start it again";
            find(Broken, "port-silent", what, "clients are not served", advice)
        } else {
            let what = format!("{address} cannot be listened on: {why}");
            find(
                Broken,
                "port-taken",
                what,
                "Entente does not start",
                "stop what listens there, or choose another port",
            )
        }
    };
    facts.ports.iter().map(finding).collect()
}

fn settings(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if facts.unencrypted_beyond_loopback {
        let why = "whoever is on the way reads and changes what passes; `up` refuses it without --insecure";
        let advice = "name a certificate under [tls]";
        found.push(find(
            Warning,
            "plain-http",
            "the S3 door is reachable from other machines without TLS",
            why,
            advice,
        ));
    }
    if facts.lifecycle_day_s < LIFECYCLE_DAY_S {
        let what = format!("a day of lifecycle rules is {} long", span(facts.lifecycle_day_s.try_into().unwrap_or(0)));
        let why = "objects are removed the sooner by their buckets' rules: it is meant for watching them work";
        found.push(find(Warning, "lifecycle-day-short", what, why, "leave out `day_s` under [lifecycle]"));
    }
    if !facts.scrubs {
        let why = "what sites lose is noticed only when it is read";
        let advice = "leave out `requests_per_day` under [scrub], or run `entente scrub` yourself";
        found.push(find(Warning, "scrubs-off", "nothing is scrubbed in the background", why, advice));
    }
    if facts.run == Run::Starting {
        let why = "it is just starting or stopping, or hangs";
        found.push(find(
            Note,
            "starting",
            "a process has the data directory and is not ready",
            why,
            "ask again in a moment",
        ));
    }
    found
}

/// A span of time as people say it.
fn span(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn bytes(bytes: u64) -> String {
    crate::cli::size(bytes)
}

#[cfg(test)]
mod tests;
