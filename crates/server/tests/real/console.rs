//! The console's port: its pages, the admin API beside them, and what the S3 door tells its origin.

use std::fs;

use serde_json::Value;

use crate::world::{Running, World, http, s3};

fn token(world: &World) -> String {
    format!("Bearer {}", fs::read_to_string(world.path("admin.token")).unwrap().trim())
}

fn document(answer: &str) -> Value {
    serde_json::from_str(answer).unwrap()
}

#[test]
fn the_page_is_shut_to_frames_foreign_scripts_and_foreign_names() {
    let world = World::new("console");
    let running = world.up();
    let base = running.ready("console_url");
    for path in ["/", "/buckets/tea", "/../../etc/passwd", "/%2e%2e/root.key"] {
        let answer = http("GET", &format!("{base}{path}"), &[], "");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let head = answer.head.to_lowercase();
        let s3_endpoint = running.ready("s3_endpoint");
        for told in [
            "content-type: text/html; charset=utf-8",
            "script-src 'self';",
            "frame-ancestors 'none'",
            &format!("connect-src 'self' {s3_endpoint};"),
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(told), "{path}: {told}: {answer:?}");
        }
        assert!(!head.contains("access-control-") && !head.contains("set-cookie"), "{answer:?}");
    }
    let rebound = http("GET", &format!("{base}/"), &[("Host", "evil.example")], "");
    assert_eq!(rebound.status, 421);
    assert_eq!(http("POST", &format!("{base}/"), &[], "").status, 405);
    assert_eq!(http("GET", &format!("{base}/assets/none.js"), &[], "").status, 404);
}

#[test]
fn the_admin_api_stands_beside_the_page_with_the_same_guard() {
    let world = World::new("beside");
    let running = world.up();
    let (base, bearer) = (running.ready("console_url"), token(&world));
    let with = ("Authorization", bearer.as_str());
    for (path, headers, status) in [
        ("/api/v1/status", &[with][..], 200),
        ("/api/v1/status", &[], 401),
        ("/api/v1/session", &[], 401),
        ("/api/v1/nowhere", &[with], 404),
        ("/api/v1/status", &[with, ("Host", "evil.example")], 421),
        ("/api/v1/sign-in", &[("Host", "evil.example")], 421),
        ("/api/v1/sign-in", &[], 200),
    ] {
        let answer = http("GET", &format!("{base}{path}"), headers, "");
        assert_eq!(answer.status, status, "{path} {headers:?}: {answer:?}");
        assert!(answer.head.contains("cache-control: no-store"), "{answer:?}");
        assert!(!answer.head.contains("access-control-"), "{answer:?}");
    }
    let admin_port = http("GET", &format!("{}/api/v1/status", running.ready("admin_endpoint")), &[with], "");
    assert_eq!(admin_port.status, 200);
    let told = document(&http("GET", &format!("{base}/api/v1/sign-in"), &[], "").body);
    let names: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(names, ["region", "s3_endpoint", "version"]);
    assert_eq!(told["s3_endpoint"], running.ready("s3_endpoint"));
    let session = document(&http("GET", &format!("{base}/api/v1/session"), &[with], "").body);
    assert_eq!((&session["user"], &session["role"]), (&Value::Null, &"platform-operator".into()), "{session}");
    assert!(session["roles_duties"].as_array().unwrap().contains(&"Keep".into()), "{session}");
    assert_eq!(session["sees_all"], true);
}

/// Status and head of a request of a page at this origin to the S3 door.
fn crossing(running: &Running, method: &str, path: &str, origin: &str) -> (u16, String) {
    let asks = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Headers", "authorization,x-amz-date"),
    ];
    let headers = if method == "OPTIONS" { &asks[..] } else { &asks[..1] };
    let answer = http(method, &format!("{}{path}", running.ready("s3_endpoint")), headers, "");
    (answer.status, answer.head.to_lowercase())
}

#[test]
fn the_s3_door_shows_its_answers_to_the_console_and_to_no_other_page() {
    let world = World::new("crossing");
    let running = world.up();
    assert_eq!(s3(&world, "put", "s3://tea", "").status, 200);
    let console = running.ready("console_url");
    let by_name = console.replace("127.0.0.1", "localhost");
    for origin in [&console, &by_name] {
        // What is there and what is not is told apart by nothing.
        let told = ["/", "/tea", "/tea/green", "/nobodys", "/nobodys/key"].map(|path| {
            let (status, head) = crossing(&running, "OPTIONS", path, origin);
            assert_eq!(status, 204, "{path}: {head}");
            assert!(head.contains("access-control-allow-headers: authorization,x-amz-date"), "{path}: {head}");
            assert!(head.contains("access-control-allow-methods: get, put, head, post, delete"), "{path}: {head}");
            let lines = head.lines().filter(|line| line.starts_with("access-control-"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        });
        assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
        for path in ["/", "/tea", "/nobodys"] {
            let (status, head) = crossing(&running, "GET", path, origin);
            assert_eq!(status, if path == "/nobodys" { 404 } else { 403 }, "{path}: {head}");
            assert!(head.contains(&format!("access-control-allow-origin: {origin}\r\n")), "{path}: {head}");
            assert!(head.contains("access-control-expose-headers: *"), "{path}: {head}");
            assert!(!head.contains("allow-credentials"), "{path}: {head}");
        }
    }
    for origin in ["http://evil.example", "null", &console.replace("127.0.0.1", "127.0.0.1.evil.example")] {
        for (method, path) in [("OPTIONS", "/"), ("OPTIONS", "/tea"), ("GET", "/"), ("GET", "/tea")] {
            let (_, head) = crossing(&running, method, path, origin);
            assert!(!head.contains("access-control-allow"), "{origin} {method} {path}: {head}");
        }
    }
}
