use model::NanoDollars;
use providers::remote::{Addressing, Credentials, Dialect, Place};

use super::*;
use crate::config::StoreConfig;
use crate::config::settings::Setting;

const GOOD: &str = r#"[enclave]
data_dir = "data"
root_key = "/etc/entente/root.key"
region = "eu-central-1"
default_profile = "mirror-2"

[s3]
listen = "127.0.0.1:7000"
domains = ["s3.example.org"]

[admin]
listen = "127.0.0.1:7001"

[limits]
memory_budget = "1 GiB"
reenter_after = "2 min"
[[site]]
name = "here"
vendor = "own"
kind = "local"
path = "/srv/here"

[[site]]
name = "there"
vendor = "amazon"
region = "us-west-2"
kind = "local"
path = "/srv/there"

[lifecycle]
day_s = 10

[scrub]
requests_per_day = 5000
bytes_per_day = "2 GiB"
dollars_per_day = 0.25
seen_every = "12 h"
read_every = "60 d"

[keeping]
bytes_per_second = "50 MiB"
dollars_per_day = 2.5

[reads]
waiting_cost_per_hour = 7.2
cut = "128 KiB"

[tls]
certificate = "tls/chain.pem"
key = "/etc/tls/key.pem"
profile = "cnsa2"

[metrics]
requests = false

[traces]
endpoint = "http://127.0.0.1:4318/v1/traces"
one_in = 7

[console]
listen = "127.0.0.1:7002"
"#;

/// The four vendors' own kinds.
const REMOTE: &str = r#"[enclave]
data_dir = "data"
root_key = "/etc/entente/root.key"
labels = "us"
range = ["unclassified", "secret//rel to usa, fra"]
passphrase = "file:pass"
[[site]]
name = "a"
vendor = "amazon"
kind = "s3"
region = "us-west-2"
bucket = "pieces-a"
prefix = "entente/"
credentials_env = "ENTENTE_A"

[[site]]
name = "m"
vendor = "microsoft"
kind = "azure"
region = "eastus"
account = "acct"
container = "pieces-m"
credentials = "azure.key"
ceiling = "secret"

[[site]]
name = "g"
vendor = "google"
kind = "gcs"
region = "us-east4"
bucket = "pieces-g"
coordinates = [1.5, -2.5]

[[site]]
name = "o"
vendor = "oracle"
kind = "oci"
region = "us-ashburn-1"
bucket = "pieces-o"
namespace = "tenancy"
credentials = "oci.ini"
profile = "entente"
prices = { get_per_1000 = 0.001 }

[tls]
development = true
"#;

/// The rest of what a site of kind `s3` may be told.
const ODD: &str = r#"
[[site]]
name = "x"
vendor = "own"
kind = "s3"
region = "cellar"
bucket = "pieces-x"
endpoint = "http://127.0.0.1:9"
addressing = "virtual"
quirks = ["no-create-only", "md5-only", "folder-order"]
anonymous = true
proxy = "http://proxy:3128"
ca_file = "ca.pem"
"#;

fn base() -> &'static Path {
    Path::new("/conf")
}

#[test]
fn a_full_file_is_understood() {
    let config = parse(GOOD, base()).unwrap();
    assert_eq!(config.kind, Kind::Configured);
    assert_eq!(config.data_dir, Path::new("/conf/data"));
    assert_eq!(config.root_key, Path::new("/etc/entente/root.key"));
    assert_eq!(config.region, "eu-central-1");
    assert_eq!(config.default_profile, Profile::Mirror(2));
    assert_eq!(config.s3_listen.port(), 7000);
    assert_eq!(config.s3_domains, ["s3.example.org"]);
    assert_eq!(config.s3_endpoint, None);
    assert_eq!(config.admin_listen.port(), 7001);
    assert_eq!(config.memory_budget_bytes, 1 << 30);
    assert_eq!((config.waiting_cost.0, config.read_cut_bytes), (2_000_000, 128 << 10));
    let there = SiteConfig {
        name: "there".into(),
        vendor: Vendor::Amazon,
        region: "us-west-2".into(),
        facts: model::SiteFacts::default(),
        store: StoreConfig::Local("/srv/there".into()),
    };
    assert_eq!(config.sites.last(), Some(&there));
    assert_eq!(config.sites.len(), 2);
}

#[test]
fn doors_are_encrypted_by_a_pair_or_by_one_that_is_made() {
    let pair = Pair::Files(Files { certificate: "/conf/tls/chain.pem".into(), key: "/etc/tls/key.pem".into() });
    assert_eq!(parse(GOOD, base()).unwrap().tls, Some(Tls { profile: tls::Profile::Cnsa2, pair }));
    let made = Tls { profile: tls::Profile::Compat, pair: Pair::Development };
    assert_eq!(parse(REMOTE, base()).unwrap().tls, Some(made));
    let plain = REMOTE.replace("[tls]\ndevelopment = true\n", "");
    assert_eq!(parse(&plain, base()).unwrap().tls, None);
    for section in [
        "certificate = \"c\"",
        "key = \"k\"",
        "profile = \"cnsa2\"",
        "development = false",
        "development = true\nkey = \"k\"",
    ] {
        let complaints = parse(&format!("{plain}[tls]\n{section}\n"), base()).unwrap_err();
        assert!(
            matches!(complaints.as_slice(), [(_, what)] if what.contains("wants either")),
            "{section}: {complaints:?}"
        );
    }
}

#[test]
fn what_is_counted_and_where_traces_go_is_as_it_is_set() {
    let config = parse(GOOD, base()).unwrap();
    let traces = config.traces.unwrap();
    assert_eq!((config.counts_requests, traces.endpoint.as_str()), (false, "http://127.0.0.1:4318/v1/traces"));
    assert_eq!(traces.one_in.get(), 7);
    let good = GOOD.split("[metrics]").next().unwrap();
    let config = parse(good, base()).unwrap();
    assert_eq!((config.counts_requests, config.traces), (true, None));
    for (endpoint, says) in [
        ("https://collector:4318/v1/traces", "by plain HTTP"),
        ("collector", "by plain HTTP"),
        ("http://collector", "has no path"),
        ("http:///v1/traces", "is no address"),
        ("http://a b/v1/traces", "is no address"),
    ] {
        let complaints = parse(&format!("{good}[traces]\nendpoint = \"{endpoint}\"\n"), base()).unwrap_err();
        assert!(matches!(complaints.as_slice(), [(_, what)] if what.contains(says)), "{endpoint}: {complaints:?}");
    }
    let endpoint = "[traces]\nendpoint = \"http://127.0.0.1:4318/v1/traces\"\n";
    let unset = parse(&format!("{good}{endpoint}"), base()).unwrap();
    assert_eq!(unset.traces.unwrap().one_in.get(), 50);
    let complaints = parse(&format!("{good}{endpoint}one_in = 0\n"), base()).unwrap_err();
    assert!(matches!(complaints.as_slice(), [(_, what)] if what.contains("write 1 for each")), "{complaints:?}");
    let complaints = parse(&format!("{good}[traces]\none_in = 7\n"), base()).unwrap_err();
    assert!(matches!(complaints.as_slice(), [(_, what)] if what.contains("give `endpoint` too")), "{complaints:?}");
}

#[test]
fn a_site_takes_part_again_after_the_time_that_is_set() {
    for (line, seconds) in [("", 30), ("reenter_after = \"2 s\"", 2), ("reenter_after = \"5 min\"", 300)] {
        let config = parse(&GOOD.replace("reenter_after = \"2 min\"", line), base()).unwrap();
        assert_eq!(config.reenter_after, Duration::from_secs(seconds));
    }
}

#[test]
fn reads_are_weighed_and_cut_as_they_are_set() {
    let good = GOOD.split("[reads]").next().unwrap();
    for (lines, nanos_per_second, bytes) in [
        ("", 1_000_000, 64 << 10),
        ("[reads]\nwaiting_cost_per_hour = 0.36\ncut = \"256 KiB\"", 100_000, 256 << 10),
        ("[reads]\nwaiting_cost_per_hour = 0.0\ncut = \"never\"", 0, u64::MAX),
    ] {
        let config = parse(&format!("{good}{lines}"), base()).unwrap();
        assert_eq!((config.waiting_cost.0, config.read_cut_bytes), (nanos_per_second, bytes), "{lines}");
    }
    for (line, says) in [
        ("waiting_cost_per_hour = -1.0", "no price of an hour"),
        ("waiting_cost_per_hour = 1e9", "no price of an hour"),
        ("cut = \"64\"", "no size to cut reads to"),
        ("cut = \"8 KiB\"", "at least 16 KiB"),
    ] {
        let complaints = parse(&format!("{good}[reads]\n{line}\n"), base()).unwrap_err();
        assert!(matches!(complaints.as_slice(), [(_, what)] if what.contains(says)), "{line}: {complaints:?}");
    }
}

/// Replaces `from` in the good file by `to`, and finds one complaint: its line and its words.
fn check(from: &str, to: &str, line: usize, says: &str) {
    assert_eq!(GOOD.matches(from).count(), 1, "`{from}` stands once in the good file");
    let complaints = parse(&GOOD.replace(from, to), base()).unwrap_err();
    let [(at, what)] = complaints.as_slice() else { panic!("`{to}`: {complaints:?}") };
    assert!(*at == line && what.contains(says), "`{to}`: line {at}: {what}");
}

#[test]
fn what_is_unknown_or_contradictory_is_refused_with_line_and_suggestion() {
    let table = [
        // Unknown names.
        ("[s3]", "[s4]", 7, "`s4` is no section: did you mean `s3`?"),
        (
            "[limits]",
            "[weather]",
            14,
            "there are `enclave`, `s3`, `admin`, `console`, `tls`, `limits`, `reads`, `lifecycle`, `scrub`, `keeping`, `metrics`, `traces`, `site`",
        ),
        ("data_dir =", "datadir =", 2, "`datadir` is no setting of [enclave]: did you mean `data_dir`?"),
        ("domains =", "colour =", 9, "there are `listen`, `endpoint`, `domains`"),
        ("region = \"us-west-2\"", "regoin = \"us-west-2\"", 26, "did you mean `region`?"),
        // Unknown values.
        ("vendor = \"amazon\"", "vendor = \"amazom\"", 25, "did you mean `amazon`?"),
        ("vendor = \"own\"", "vendor = \"acme\"", 19, "use amazon, microsoft"),
        ("\"mirror-2\"", "\"mirror\"", 5, "is no profile"),
        ("\"cnsa2\"", "\"modern\"", 51, "is no TLS profile"),
        ("\"eu-central-1\"", "\"Europe\"", 4, "is no region"),
        ("\"127.0.0.1:7000\"", "\"7000\"", 8, "is no address"),
        ("\"s3.example.org\"", "\"s3..org\"", 9, "is no domain"),
        ("\"1 GiB\"", "\"1 GB\"", 15, "512 MiB"),
        ("\"1 GiB\"", "\"8 MiB\"", 15, "too small"),
        ("\"2 min\"", "\"30\"", 16, "is no time: write one such as `30 s`"),
        ("\"2 min\"", "\"0 s\"", 16, "at least 1 s"),
        ("\"1 GiB\"", "\"99999999999999 GiB\"", 15, "is no size"),
        ("kind = \"local\"\npath = \"/srv/there\"", "kind = \"tape\"\npath = \"/srv/there\"", 27, "is no kind"),
        ("name = \"here\"", "name = \"\"", 18, "is no site name"),
        // Wrong types and syntax.
        ("\"1 GiB\"", "1024", 15, "expected a string"),
        ("data_dir = \"data\"\n", "", 1, "data_dir"),
        ("[admin]", "[admin", 11, ""),
        // Contradictions.
        ("/etc/entente/root.key", "data/root.key", 3, "inside the data directory"),
        ("name = \"there\"", "name = \"here\"", 24, "line 18 already"),
        ("\"/srv/there\"", "\"/srv/here\"", 28, "overlaps the site of line 21"),
        ("\"/srv/there\"", "\"/srv/here/x\"", 28, "overlaps the site of line 21"),
        ("\"/srv/there\"", "\"/conf\"", 28, "cannot hold the data directory"),
        ("\"mirror-2\"", "\"econ\"", 5, "needs 4 vendors and the sites are of 2"),
        ("default_profile = \"mirror-2\"\n", "", 61, "set default_profile"),
        ("day_s = 10", "day_s = 0", 31, "at least one second"),
        ("= 5000", "= -1", 34, "invalid value"),
        ("\"2 GiB\"", "\"2 GB\"", 35, "is no size"),
        ("= 0.25", "= -0.25", 36, "is no budget of a day"),
        ("= 0.25", "= 25000.0", 36, "is no budget of a day"),
        ("= 0.25", "= nan", 36, "is no budget of a day"),
        ("\"12 h\"", "\"12\"", 37, "is no time"),
        ("\"12 h\"", "\"0 h\"", 37, "too short or too long"),
        ("\"60 d\"", "\"900 d\"", 38, "too short or too long"),
        ("seen_every", "sen_every", 37, "did you mean `seen_every`?"),
    ];
    for (from, to, line, says) in table {
        check(from, to, line, says);
    }
}

#[test]
fn an_endpoint_is_as_clients_sign_it() {
    let read = |endpoint: &str| {
        let named = GOOD.replace("domains = ", &format!("endpoint = \"{endpoint}\"\ndomains = "));
        parse(&named, base()).map(|config| config.s3_endpoint)
    };
    for good in ["https://s3.example.org", "http://10.1.2.3:9000", "https://[fd00::1]:8443", "http://[::1]"] {
        assert_eq!(read(good).unwrap().as_deref(), Some(good));
    }
    for bad in [
        "s3.example.org",
        "ftp://s3.example.org",
        "https://",
        "https://s3.example.org/",
        "https://s3.example.org:443",
        "http://s3.example.org:80",
        "https://s3.example.org:99999",
        "https://s3.example.org:",
        "https://S3.example.org",
        "https://me@s3.example.org",
        "https://a;b",
        "https://[fd00::x]",
    ] {
        let complaints = read(bad).unwrap_err();
        assert!(complaints.iter().any(|(at, what)| *at == 9 && what.contains("is no address of a server")), "{bad}");
    }
}

#[test]
fn the_four_vendors_are_understood_with_their_facts() {
    let config = parse(&format!("{REMOTE}{ODD}"), base()).unwrap();
    assert_eq!(config.passphrase, Some(PassphraseFrom::File("/conf/pass".into())));
    let remote = |name: &str| {
        let site = config.sites.iter().find(|site| site.name == name).unwrap();
        let StoreConfig::Remote(settings) = &site.store else { panic!("{name} is a directory") };
        (site, settings)
    };
    let range = config.accreditation.range;
    assert_eq!(config.accreditation.banner(&range.high()), "SECRET//REL TO USA, FRA");
    assert!(range.contains(&config.accreditation.parse("cui").unwrap()));
    let (site, settings) = remote("a");
    assert_eq!(
        (settings.prefix.as_str(), &settings.credentials),
        ("entente/", &Credentials::Variables("ENTENTE_A".into()))
    );
    let Place::S3(place) = &settings.place else { panic!() };
    assert_eq!(
        (place.addressing, place.dialect, place.endpoint.as_deref()),
        (Addressing::VirtualHost, Dialect::AMAZON, None)
    );
    assert_eq!(site.facts.prices.get, NanoDollars(400), "shipped prices");
    assert!(site.facts.coordinates.is_some(), "shipped coordinates");

    let (site, settings) = remote("m");
    assert_eq!(settings.credentials, Credentials::File { path: "/conf/azure.key".into(), profile: "default".into() });
    assert_eq!(config.accreditation.banner(&site.facts.ceiling), "SECRET//NOFORN");

    let (site, settings) = remote("g");
    assert_eq!(settings.credentials, Credentials::Chain);
    assert_eq!(site.facts.coordinates.map(|place| place.longitude_micro), Some(-2_500_000));

    let (site, settings) = remote("o");
    let Place::S3(place) = &settings.place else { panic!() };
    assert_eq!(place.endpoint.as_deref(), Some("https://tenancy.compat.objectstorage.us-ashburn-1.oraclecloud.com"));
    assert_eq!((place.addressing, place.dialect), (Addressing::Path, Dialect::ORACLE));
    assert_eq!(
        (site.facts.prices.get, site.facts.prices.put),
        (NanoDollars(1000), NanoDollars(340)),
        "set over shipped"
    );

    let (_, settings) = remote("x");
    assert_eq!(settings.credentials, Credentials::Anonymous);
    assert_eq!(settings.network.ca_file.as_deref(), Some(Path::new("/conf/ca.pem")));
}

#[test]
fn contradictory_vendor_sites_are_refused_with_line_and_suggestion() {
    let table = [
        ("kind = \"azure\"", "kind = \"azur\"", 19, "did you mean `azure`?"),
        ("kind = \"azure\"", "kind = \"s3\"", 21, "no setting of a site of kind `s3`"),
        ("bucket = \"pieces-a\"\n", "", 10, "needs `bucket`"),
        ("region = \"eastus\"\n", "", 19, "needs `region`"),
        ("namespace = \"tenancy\"\n", "", 37, "needs `namespace`"),
        ("vendor = \"google\"", "vendor = \"amazon\"", 28, "cannot be amazon's: it is of `google`, `own`"),
        ("bucket = \"pieces-g\"", "bucket = \"a/b\"", 31, "is no bucket"),
        ("prefix = \"entente/\"", "prefix = \"entente\"", 13, "end with a slash"),
        ("credentials_env = \"ENTENTE_A\"", "credentials_env = \"a-b\"", 14, "begins no variables"),
        ("credentials_env = \"ENTENTE_A\"", "credentials_env = \"A\"\nanonymous = true", 15, "from one place"),
        ("credentials_env = \"ENTENTE_A\"", "profile = \"p\"", 14, "name one"),
        ("credentials = \"oci.ini\"\nprofile = \"entente\"\n", "", 37, "customer secret key"),
        ("credentials = \"azure.key\"", "credential = \"azure.key\"", 23, "did you mean `credentials`?"),
        ("ceiling = \"secret\"", "ceiling = \"cosmic\"", 24, "is no ceiling"),
        ("\"file:pass\"", "\"correct horse\"", 6, "no place of a passphrase: write `prompt`"),
        ("labels = \"us\"", "labels = \"usa\"", 4, "did you mean `us`?"),
        ("[\"unclassified\", \"secret//rel to usa, fra\"]", "[\"secret\", \"unclassified\"]", 5, "is not above"),
        ("[\"unclassified\", \"secret//rel to usa, fra\"]", "[\"unclassified\", \"secrte\"]", 5, "SECRET"),
        ("[1.5, -2.5]", "[91.0, 0.0]", 32, "is no place"),
        ("get_per_1000 = 0.001", "get_per_100 = 0.001", 43, "did you mean `get_per_1000`?"),
        ("get_per_1000 = 0.001", "get_per_1000 = -1.0", 43, "is no price"),
        ("prefix = \"entente/\"", "endpoint = \"objects.example.org\"", 13, "is no endpoint"),
        ("prefix = \"entente/\"", "quirks = [\"slow\"]", 13, "is no quirk"),
        ("prefix = \"entente/\"", "addressing = \"dns\"", 13, "is no addressing"),
    ];
    for (from, to, line, says) in table {
        assert_eq!(REMOTE.matches(from).count(), 1, "`{from}` stands once");
        let complaints = parse(&REMOTE.replace(from, to), base()).unwrap_err();
        let told = complaints.iter().any(|(at, what)| *at == line && what.contains(says));
        assert!(told, "`{to}`: line {line}, `{says}`: {complaints:?}");
    }
}

#[test]
fn two_sites_in_one_bucket_keep_apart_by_prefix() {
    let second = |prefix: &str| {
        format!(
            "[[site]]\nname = \"b\"\nvendor = \"amazon\"\nkind = \"s3\"\nregion = \"us-west-2\"\nbucket = \"pieces-a\"\nprefix = \"{prefix}\"\n"
        )
    };
    assert!(parse(&format!("{REMOTE}{}", second("other/")), base()).is_ok());
    for nested in ["entente/", "entente/inner/", ""] {
        let complaints = parse(&format!("{REMOTE}{}", second(nested)), base()).unwrap_err();
        assert!(complaints.iter().any(|(_, what)| what.contains("overlap the site of line 12")), "{complaints:?}");
    }
}

/// What the four vendors' file says, of a running Entente that was started with it.
fn running() -> Config {
    Config { file: Some(base().join("entente.toml")), ..parse(REMOTE, base()).unwrap() }
}

#[test]
fn a_further_site_is_read_as_if_it_stood_in_the_file() {
    for entry in [ODD.to_owned(), ODD.replace("anonymous", "ceiling = \"secret\"\nanonymous")] {
        let whole = parse(&format!("{REMOTE}{entry}"), base()).unwrap();
        assert_eq!(whole.sites.last(), Some(&further_site(&entry, &running()).unwrap()));
    }
}

#[test]
fn an_entry_is_one_site_with_a_name_and_place_of_its_own() {
    let table = [
        (String::new(), "line 1 of the entry: write one [[site]] and nothing else: here are 0"),
        (format!("{ODD}{ODD}"), "here are 2"),
        (format!("[limits]\n{ODD}"), "`limits`"),
        (
            ODD.replace("bucket", "buckets"),
            "line 7 of the entry: `buckets` is no setting of [site]: did you mean `bucket`?",
        ),
        (ODD.replace("bucket = \"pieces-x\"\n", ""), "line 5 of the entry: a site of kind `s3` needs `bucket`"),
        (ODD.replace("anonymous", "ceiling = \"cosmic\"\nanonymous"), "is no ceiling"),
        (ODD.replace("\"s3\"", "\"s3"), "line 5 of the entry"),
    ];
    for (entry, says) in table {
        let refused = further_site(&entry, &running()).unwrap_err();
        assert!(matches!(&refused, NoSite::Wrong(why) if why.contains(says)), "`{says}`: {refused:?}");
    }
    let there = further_site(ODD, &running()).unwrap();
    let beside = Config { sites: vec![there], ..running() };
    for (entry, says) in [
        (ODD.to_owned(), "a site called `x` is there already"),
        (ODD.replace("\"x\"", "\"y\""), "the site `x` lies there already"),
    ] {
        let refused = further_site(&entry, &beside).unwrap_err();
        assert!(matches!(&refused, NoSite::Taken(why) if why.contains(says)), "`{says}`: {refused:?}");
    }
    let other = ODD.replace("\"x\"", "\"y\"").replace("pieces-x", "pieces-y");
    assert!(further_site(&other, &beside).is_ok());
}

#[test]
fn all_complaints_are_told_at_once() {
    let text = GOOD.replace("\"eu-central-1\"", "\"Europe\"").replace("\"1 GiB\"", "\"x\"");
    let lines: Vec<usize> = parse(&text, base()).unwrap_err().into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [4, 15]);
}

#[test]
fn every_section_is_there_and_stands_in_the_good_files() {
    for section in &SECTIONS {
        for setting in section.names() {
            let spelled = format!("{setting} =");
            let good = GOOD.contains(&spelled) || REMOTE.contains(&spelled) || ODD.contains(&spelled);
            assert!(good, "[{}] {setting} is in the good files", section.name);
        }
    }
    let error = toml::from_str::<File>("unheard_of = 1").err().unwrap();
    let accepted: Vec<&str> =
        error.message().rsplit("expected ").next().unwrap().split('`').skip(1).step_by(2).collect();
    let known = SECTIONS.map(|section| section.name);
    assert_eq!(accepted, known, "{}", error.message());
}

#[test]
fn what_is_said_of_settings_that_are_not_set_is_so() {
    let sites = ["amazon", "microsoft", "google", "oracle"].map(|vendor| {
        format!("[[site]]\nname = \"{vendor}\"\nvendor = \"{vendor}\"\nkind = \"local\"\npath = \"/{vendor}\"\n")
    });
    let must = "[enclave]\ndata_dir = \"/d\"\nroot_key = \"/root.key\"\n[tls]\ncertificate = \"/c\"\nkey = \"/k\"\n";
    let shortest = format!("{must}{}", sites.concat());
    let (mut written_out, mut settings) = (shortest.clone(), 0);
    // Of a site it is of its kind, and without an endpoint nothing else is taken of traces.
    for section in SECTIONS.iter().filter(|section| !["site", "traces"].contains(&section.name)) {
        let mut lines = String::new();
        for Setting { name, unless_set, .. } in section.settings {
            // What is no value alone is said in words.
            let value = unless_set.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
            let Some(value) = value.filter(|value| !value.contains('`')) else { continue };
            settings += 1;
            lines += &match value.parse::<f64>().is_ok() || value.parse::<bool>().is_ok() {
                true => format!("{name} = {value}\n"),
                false => format!("{name} = \"{value}\"\n"),
            };
        }
        let head = format!("[{}]\n", section.name);
        written_out = match written_out.contains(&head) {
            true => written_out.replacen(&head, &format!("{head}{lines}"), 1),
            false => format!("{head}{lines}{written_out}"),
        };
    }
    assert!(settings >= 15, "{written_out}");
    let read = |text: &str| format!("{:#?}", parse(text, base()).unwrap());
    assert_eq!(read(&written_out), read(&shortest));
    for line in must.lines().filter(|line| line.contains('=')) {
        assert!(parse(&shortest.replacen(line, "", 1), base()).is_err(), "{line} must be set");
    }
}

const PAGE: &str = include_str!("../../../../../docs/configuration.md");

#[test]
fn the_examples_of_the_page_are_read() {
    let examples: Vec<&str> = PAGE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        parse(example, Path::new("/etc/entente")).unwrap();
    }
}
