use super::*;

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
    assert_eq!(config.admin_listen.port(), 7001);
    assert_eq!(config.memory_budget_bytes, 1 << 30);
    let there = SiteConfig {
        name: "there".into(),
        vendor: Vendor::Amazon,
        region: "us-west-2".into(),
        path: "/srv/there".into(),
    };
    assert_eq!(config.sites.last(), Some(&there));
    assert_eq!(config.sites.len(), 2);
}

#[test]
fn a_site_takes_part_again_after_the_time_that_is_set() {
    for (line, seconds) in [("", 30), ("reenter_after = \"2 s\"", 2), ("reenter_after = \"5 min\"", 300)] {
        let config = parse(&GOOD.replace("reenter_after = \"2 min\"", line), base()).unwrap();
        assert_eq!(config.reenter_after, Duration::from_secs(seconds));
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
        ("[limits]", "[weather]", 14, "there are `enclave`, `s3`, `admin`, `limits`, `lifecycle`, `site`"),
        ("data_dir =", "datadir =", 2, "`datadir` is no setting of [enclave]: did you mean `data_dir`?"),
        ("domains =", "colour =", 9, "there are `listen`, `domains`"),
        ("region = \"us-west-2\"", "regoin = \"us-west-2\"", 26, "did you mean `region`?"),
        // Unknown values.
        ("vendor = \"amazon\"", "vendor = \"amazom\"", 25, "did you mean `amazon`?"),
        ("vendor = \"own\"", "vendor = \"acme\"", 19, "use amazon, microsoft"),
        ("\"mirror-2\"", "\"mirror\"", 5, "is no profile"),
        ("\"eu-central-1\"", "\"Europe\"", 4, "is no region"),
        ("\"127.0.0.1:7000\"", "\"7000\"", 8, "is no address"),
        ("\"s3.example.org\"", "\"s3..org\"", 9, "is no domain"),
        ("\"1 GiB\"", "\"1 GB\"", 15, "512 MiB"),
        ("\"1 GiB\"", "\"8 MiB\"", 15, "too small"),
        ("\"2 min\"", "\"30\"", 16, "is no time: write one such as `30 s`"),
        ("\"2 min\"", "\"0 s\"", 16, "at least 1 s"),
        ("\"1 GiB\"", "\"99999999999999 GiB\"", 15, "is no size"),
        ("kind = \"local\"\npath = \"/srv/there\"", "kind = \"s3\"\npath = \"/srv/there\"", 27, "is no kind"),
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
        ("default_profile = \"mirror-2\"\n", "", 31, "set default_profile"),
        ("day_s = 10", "day_s = 0", 31, "at least one second"),
    ];
    for (from, to, line, says) in table {
        check(from, to, line, says);
    }
}

#[test]
fn all_complaints_are_told_at_once() {
    let text = GOOD.replace("\"eu-central-1\"", "\"Europe\"").replace("\"1 GiB\"", "\"x\"");
    let lines: Vec<usize> = parse(&text, base()).unwrap_err().into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [4, 15]);
}

#[test]
fn the_list_of_settings_is_what_serde_accepts() {
    for (section, settings) in SECTIONS {
        for setting in settings {
            let spelled = format!("{setting} =");
            assert!(GOOD.contains(&spelled), "[{section}] {setting} is in the good file");
        }
    }
    for (section, _) in SECTIONS {
        let head = if section == "site" { "[[site]]".to_owned() } else { format!("[{section}]") };
        let text = GOOD.replacen(&head, &format!("{head}\nunheard_of = 1"), 1);
        let error = toml::from_str::<File>(&text).err().unwrap();
        let accepted = error.message().split("expected ").nth(1).unwrap_or_default().to_owned();
        let known = SECTIONS.iter().find(|(name, _)| *name == section).unwrap().1;
        assert!(known.iter().all(|setting| accepted.contains(&format!("`{setting}`"))), "[{section}] {accepted}");
        assert_eq!(accepted.matches('`').count(), known.len() * 2, "[{section}] {accepted}");
    }
}
