use super::super::facts::{Certificate, Key, Known, Needs, RootKey};
use super::*;

fn site(name: &str, disk: u64) -> Site {
    Site {
        name: name.to_owned(),
        vendor: name.to_owned(),
        remote: false,
        state: SiteState::Used,
        held: Ok(Held::Ours),
        clock_ahead_s: None,
        room: Some(1 << 40),
        disk: Some(disk),
        priced: true,
        anonymous: false,
        takes_all: true,
        out: None,
    }
}

/// A deployment with which nothing is wrong.
fn well() -> Facts {
    Facts {
        month: (2026, 11),
        clock_slip_ms: 3,
        embedded: false,
        run: Run::Running { version: "1".to_owned(), ours: "1".to_owned() },
        root_key: RootKey {
            path: "/keys/root.key".to_owned(),
            state: RootKeyState::Loaded { opens: Some(true) },
            beside_data: false,
        },
        catalog: Catalog::Read { bytes: 1 << 20 },
        known: Some(Known {
            objects: 9,
            below_promise: 0,
            unshown: 0,
            shares: true,
            backup_age_s: Some(60),
            keys: vec![Key { id: "ENTE1".to_owned(), expires_in_s: None }],
        }),
        data_dir: "/data".to_owned(),
        open_to_others: Vec::new(),
        officer_file: false,
        room: Some(1 << 40),
        sites: ["a", "b", "c", "d"].iter().zip(1..).map(|(name, disk)| site(name, disk)).collect(),
        needs: Needs { profile: "quad".to_owned(), vendors: 4, least: 2 },
        prices_as_of: Some((2026, 11)),
        certificate: Some(Certificate {
            path: "/tls/chain.pem".to_owned(),
            development: false,
            unusable: None,
            begins_in_s: -86_400,
            ends_in_s: 90 * 86_400,
            key_open: None,
            uncovered: Vec::new(),
        }),
        open_files: Some(65_536),
        memory_budget: 512 << 20,
        memory: Some(8 << 30),
        ports: Vec::new(),
        unencrypted_beyond_loopback: false,
        lifecycle_day_s: 86_400,
        scrubs: true,
    }
}

/// What is found when this one thing is otherwise.
fn check(otherwise: fn(&mut Facts), expected: &[(&str, Severity)]) {
    let mut facts = well();
    otherwise(&mut facts);
    let found = judge(&facts);
    let codes: Vec<_> = found.iter().map(|finding| (finding.code, finding.severity)).collect();
    assert_eq!(codes, expected, "{found:#?}");
}

fn known(facts: &mut Facts) -> &mut Known {
    facts.known.as_mut().unwrap()
}

fn certificate(facts: &mut Facts) -> &mut Certificate {
    facts.certificate.as_mut().unwrap()
}

#[test]
fn of_a_deployment_that_is_well_nothing_is_said() {
    check(|_| {}, &[]);
}

#[test]
fn clocks() {
    check(|facts| facts.clock_slip_ms = -5_000, &[("clock-slips", Warning)]);
    check(|facts| facts.sites[0].clock_ahead_s = Some(5), &[]);
    check(|facts| facts.sites[0].clock_ahead_s = Some(-90), &[("clock-off", Warning)]);
    check(|facts| facts.sites[3].clock_ahead_s = Some(900), &[("clock-off", Broken)]);
}

#[test]
fn keys() {
    check(|facts| facts.root_key.state = RootKeyState::Missing, &[("root-key-missing", Broken)]);
    check(|facts| facts.root_key.state = RootKeyState::Unusable("x".into()), &[("root-key-unusable", Broken)]);
    check(|facts| facts.root_key.state = RootKeyState::Loaded { opens: Some(false) }, &[("root-key-wrong", Broken)]);
    check(|facts| facts.root_key.state = RootKeyState::Sealed, &[("root-key-sealed", Note)]);
    check(|facts| facts.root_key.beside_data = true, &[("root-key-beside-data", Note)]);
    check(|facts| facts.officer_file = true, &[("officer-key-left", Warning)]);
    check(|facts| known(facts).keys[0].expires_in_s = Some(3_600), &[("key-expires", Warning)]);
    check(|facts| known(facts).keys[0].expires_in_s = Some(-3_600), &[]);
    check(|facts| known(facts).keys[0].expires_in_s = Some(30 * 86_400), &[]);
}

#[test]
fn copies() {
    check(|facts| known(facts).shares = false, &[("root-key-no-shares", Note)]);
    check(|facts| known(facts).backup_age_s = None, &[("backup-none", Warning)]);
    check(|facts| known(facts).backup_age_s = Some(40 * 86_400), &[("backup-old", Warning)]);
    check(
        |facts| {
            known(facts).backup_age_s = None;
            known(facts).objects = 0;
        },
        &[],
    );
}

#[test]
fn catalogs() {
    check(
        |facts| (facts.catalog, facts.known) = (Catalog::Missing { founded_sites: true }, None),
        &[("catalog-missing", Broken)],
    );
    check(
        |facts| (facts.catalog, facts.known) = (Catalog::Missing { founded_sites: false }, None),
        &[("not-founded", Note)],
    );
    check(|facts| facts.catalog = Catalog::Unreadable("no".into()), &[("catalog-unreadable", Broken)]);
    check(|facts| facts.catalog = Catalog::Newer { found: 9, known: 8 }, &[("catalog-newer", Broken)]);
    check(|facts| facts.catalog = Catalog::Older { found: 7, known: 8 }, &[("catalog-older", Note)]);
    check(|facts| known(facts).below_promise = 2, &[("below-promise", Warning)]);
    check(|facts| known(facts).unshown = 2, &[("unshown", Note)]);
    check(|facts| facts.run = Run::Killed, &[("ended-unclean", Note)]);
    check(|facts| facts.run = Run::Starting, &[("starting", Note)]);
    let other = |facts: &mut Facts| facts.run = Run::Running { version: "2".into(), ours: "1".into() };
    check(other, &[("versions-differ", Warning)]);
}

#[test]
fn sites() {
    let gone = |facts: &mut Facts| facts.sites[0].held = Err("mount it".into());
    check(gone, &[("site-unreachable", Broken), ("vendors-few", Warning)]);
    check(
        |facts| facts.sites.iter_mut().for_each(|site| site.held = Err("gone".into())),
        &[
            ("site-unreachable", Broken),
            ("site-unreachable", Broken),
            ("site-unreachable", Broken),
            ("site-unreachable", Broken),
            ("vendors-few", Broken),
        ],
    );
    check(|facts| facts.sites[0].held = Ok(Held::Foreign { enclave: "f".into() }), &[("site-foreign", Broken)]);
    check(|facts| facts.sites[0].held = Ok(Held::Other { name: "b".into() }), &[("site-swapped", Broken)]);
    check(|facts| facts.sites[0].held = Ok(Held::Nobodys { empty: false }), &[("site-not-empty", Broken)]);
    check(|facts| facts.sites[0].held = Ok(Held::Nobodys { empty: true }), &[]);
    check(|facts| facts.sites[0].held = Ok(Held::Emptied), &[("site-emptied", Broken)]);
    check(|facts| facts.sites[0].out = Some("slow".into()), &[("site-out", Warning)]);
    check(|facts| facts.sites[0].state = SiteState::Suspended, &[("vendors-few", Warning)]);
    check(|facts| facts.sites[0].room = Some(1 << 30), &[("site-full", Warning)]);
    check(|facts| facts.sites[0].room = Some(1 << 20), &[("site-full", Broken)]);
    check(|facts| facts.sites[0].anonymous = true, &[("site-anonymous", Warning)]);
    check(|facts| facts.sites[0].takes_all = false, &[("ceilings-low", Warning)]);
    check(|facts| facts.sites[0].disk = Some(2), &[("vendors-on-one-disk", Warning)]);
    check(
        |facts| {
            facts.embedded = true;
            facts.sites[0].disk = Some(2);
        },
        &[("vendors-on-one-disk", Note)],
    );
}

#[test]
fn prices() {
    let remote = |facts: &mut Facts, priced: bool| (facts.sites[0].remote, facts.sites[0].priced) = (true, priced);
    check(|facts| (facts.sites[0].remote, facts.sites[0].priced) = (true, false), &[("prices-missing", Note)]);
    check(
        |facts| {
            facts.sites[0].remote = true;
            facts.month = (2028, 1);
        },
        &[("prices-old", Note)],
    );
    check(|facts| facts.month = (2028, 1), &[]);
    let mut facts = well();
    remote(&mut facts, true);
    assert!(judge(&facts).is_empty());
}

#[test]
fn certificates() {
    check(|facts| facts.certificate = None, &[]);
    check(|facts| certificate(facts).unusable = Some("no pair".into()), &[("certificate-unusable", Broken)]);
    check(|facts| certificate(facts).ends_in_s = -5, &[("certificate-expired", Broken)]);
    check(|facts| certificate(facts).ends_in_s = 86_400, &[("certificate-expires", Warning)]);
    check(|facts| certificate(facts).begins_in_s = 86_400, &[("certificate-early", Broken)]);
    check(|facts| certificate(facts).key_open = Some(0o644), &[("certificate-key-open", Warning)]);
    check(|facts| certificate(facts).uncovered = vec!["s3.example".into()], &[("certificate-names", Warning)]);
    check(|facts| certificate(facts).development = true, &[("certificate-development", Warning)]);
}

#[test]
fn the_machine() {
    check(|facts| facts.open_to_others = vec![("/data".into(), 0o755)], &[("data-open", Warning)]);
    check(|facts| facts.room = Some(1 << 30), &[("disk-full", Warning)]);
    check(|facts| facts.room = Some(1 << 20), &[("disk-full", Broken)]);
    check(|facts| facts.catalog = Catalog::Read { bytes: 1 << 41 }, &[("disk-full", Warning)]);
    check(|facts| facts.open_files = Some(1_024), &[("open-files", Warning)]);
    check(|facts| facts.open_files = Some(256), &[("open-files", Broken)]);
    check(|facts| facts.memory = Some(600 << 20), &[("memory-budget", Warning)]);
    check(|facts| facts.ports = vec![("127.0.0.1:9000".into(), "x".into())], &[("port-silent", Broken)]);
    check(
        |facts| {
            facts.run = Run::Stopped;
            facts.ports = vec![("127.0.0.1:9000".into(), "x".into())];
        },
        &[("port-taken", Broken)],
    );
}

#[test]
fn settings() {
    check(|facts| facts.unencrypted_beyond_loopback = true, &[("plain-http", Warning)]);
    check(|facts| facts.lifecycle_day_s = 10, &[("lifecycle-day-short", Warning)]);
    check(|facts| facts.scrubs = false, &[("scrubs-off", Warning)]);
    assert_eq!(unreadable_settings("line 3").severity, Broken);
}

#[test]
fn the_worst_comes_first() {
    let mut facts = well();
    facts.scrubs = false;
    facts.root_key.beside_data = true;
    facts.ports = vec![("127.0.0.1:9000".into(), "x".into())];
    let found: Vec<_> = judge(&facts).iter().map(|finding| finding.severity).collect();
    assert_eq!(found, [Broken, Warning, Note]);
}
