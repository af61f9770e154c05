//! `/api/v1` and the subcommands that use it.

use std::fs;

use serde_json::Value;

use crate::world::{World, check_refused, http, s3};

/// Method, path, headers, body, and the status they get.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16);

#[test]
fn only_the_token_opens_the_admin_api_and_refusals_are_problems() {
    let world = World::new("admin");
    let running = world.up();
    let base = running.ready("admin_endpoint");
    let bearer = format!("Bearer {}", fs::read_to_string(world.path("admin.token")).unwrap().trim());
    let with = ("Authorization", bearer.as_str());
    let json = ("Content-Type", "application/json");
    let table: [Row<'_>; 15] = [
        ("GET", "/api/v1/status", &[with], "", 200),
        ("GET", "/api/v1/status", &[], "", 401),
        ("GET", "/api/v1/status", &[("Authorization", "Bearer 00")], "", 401),
        ("GET", "/api/v1/nowhere", &[], "", 401),
        ("GET", "/api/v1/status", &[with, ("Host", "evil.example")], "", 421),
        ("GET", "/api/v1/nowhere", &[with], "", 404),
        ("GET", "/", &[with], "", 404),
        ("PUT", "/api/v1/keys", &[with], "", 405),
        ("OPTIONS", "/api/v1/keys", &[with, ("Origin", "http://evil.example")], "", 405),
        ("POST", "/api/v1/adoption-plan", &[with], "{}", 415),
        ("POST", "/api/v1/adoption-plan", &[with, json], "{", 400),
        ("POST", "/api/v1/adoption-plan", &[with, json], "{\"x\":1}", 422),
        // Whoever runs the machine says nothing about people.
        ("POST", "/api/v1/keys", &[with, json], "{\"user\":\"ann\"}", 403),
        ("GET", "/api/v1/users", &[with], "", 403),
        ("DELETE", "/api/v1/keys/NOBODY", &[with], "", 403),
    ];
    for (method, path, headers, body, status) in table {
        let answer = http(method, &format!("{base}{path}"), headers, body);
        assert_eq!(answer.status, status, "{method} {path} {headers:?}: {answer:?}");
        assert!(!answer.head.contains("access-control-"), "{answer:?}");
        if status >= 400 {
            assert!(answer.head.contains("application/problem+json"), "{method} {path}: {answer:?}");
            let problem: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(problem["status"], status);
            assert!(!problem["detail"].as_str().unwrap().is_empty());
        }
    }
}

#[test]
fn a_key_is_created_listed_and_revoked() {
    let world = World::new("keys");
    let running = world.up();
    let issued: Value = serde_json::from_str(&world.said(&["key", "create", "--user", "ann", "--json"])).unwrap();
    let id = issued["access_key"].as_str().unwrap();
    let file = world.root().join("ann");
    let secret = issued["secret_key"].as_str().unwrap();
    fs::write(&file, format!("[default]\naws_access_key_id={id}\naws_secret_access_key={secret}\n")).unwrap();
    let file = file.display().to_string();
    let as_ann = |method: &str, target: &str| {
        let url = world.said(&["presign", method, target, "--credentials", &file]);
        http(&method.to_uppercase(), &url, &[], "").status
    };
    assert_eq!(as_ann("put", "s3://anns"), 200);
    assert_eq!(s3(&world, "get", "s3://anns", "").status, 403, "the owner is not ann");

    let list = world.said(&["key", "list"]);
    assert!(list.lines().any(|line| line.contains(id) && line.contains("ann") && line.ends_with("valid")), "{list}");
    assert!(!list.contains(secret));
    assert!(world.run(&["key", "revoke", id]).status.success());
    assert_eq!(as_ann("get", "s3://anns"), 403);
    let list = world.said(&["key", "list"]);
    assert!(list.lines().any(|line| line.contains(id) && line.contains("revoked ")), "{list}");

    let again: Value = serde_json::from_str(&world.said(&["key", "create", "--user", "ann", "--json"])).unwrap();
    assert_ne!(again["access_key"], issued["access_key"]);
    assert_eq!((&issued["user_created"], &again["user_created"]), (&true.into(), &false.into()));
    // What cannot come of it makes no user either.
    for (label, code, word) in [("SECRTE", 2, "SECRET"), ("SECRET", 13, "entente user create ghost")] {
        check_refused(&world.run(&["key", "create", "--user", "ghost", "--label", label]), code, &[word]);
    }
    assert!(!world.said(&["user", "list"]).contains("ghost"));
    check_refused(&world.run(&["key", "revoke", "ENTENOBODY"]), 13, &["no such access key"]);
    check_refused(&world.run(&["key", "revoke", "../status"]), 2, &["is no access key id"]);
    check_refused(&world.run(&["key", "create", "--user", "a b"]), 2, &["name"]);
    assert_eq!(running.stop().code, Some(0));

    let running = world.up();
    let list = world.said(&["key", "list"]);
    assert!(list.contains("revoked ") && list.lines().filter(|line| line.contains("ann")).count() == 2, "{list}");
    drop(running);
}

#[test]
fn status_counts_what_is_stored_and_tells_each_sites_health() {
    let world = World::new("status");
    let _running = world.up();
    assert_eq!(s3(&world, "put", "s3://tea", "").status, 200);
    assert_eq!(s3(&world, "put", "s3://tea/green", "sencha").status, 200);
    let status: Value = serde_json::from_str(&world.said(&["status", "--json"])).unwrap();
    assert_eq!((&status["buckets"], &status["objects"]), (&1.into(), &1.into()), "{status}");
    assert_eq!((&status["object_bytes"], &status["below_promise"]), (&6.into(), &0.into()), "{status}");
    let sites = status["sites"].as_array().unwrap();
    assert_eq!(sites.len(), 4);
    assert!(sites.iter().all(|site| site["reads"] == "well" && site["writes"] == "well"), "{status}");
    let text = world.said(&["status"]);
    assert!(text.contains("1 object (6 bytes) in 1 bucket") && text.contains("microsoft"), "{text}");
}

#[test]
fn without_a_running_entente_the_others_say_how_to_start_one() {
    let world = World::new("nobody");
    let ask = || check_refused(&world.run(&["status"]), 8, &["entente up"]);
    ask();
    world.up().kill();
    assert!(world.path("run.json").exists(), "the killed process left it behind");
    ask();
    assert_eq!(world.up().stop().code, Some(0));
    ask();
}
