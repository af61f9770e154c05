//! What the first start makes, and that every later one finds it, also after a start cut short.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::world::{World, s3};

#[test]
fn the_first_start_makes_everything_and_the_next_finds_it() {
    let world = World::new("first");
    let first = world.up();
    let private = || {
        for name in [
            "root.key",
            "credentials",
            "officer",
            "admin.token",
            "catalog.sqlite",
            "catalog.sqlite-wal",
            "catalog.sqlite-shm",
        ] {
            assert_eq!(fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
    };
    private();
    assert_eq!(fs::metadata(world.dir()).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(s3(&world, "put", "s3://tea", "").status, 200);
    assert_eq!(s3(&world, "put", "s3://tea/green", "sencha").status, 200);
    let key = (first.ready("access_key"), first.ready("secret_key"));
    let ended = first.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(ended.rest, "", "--json prints exactly one line");
    assert!(!world.path("run.json").exists());

    // As a copy put back by hand may be.
    fs::set_permissions(world.path("catalog.sqlite"), fs::Permissions::from_mode(0o644)).unwrap();
    let second = world.up();
    private();
    assert_eq!((second.ready("access_key"), second.ready("secret_key")), key);
    assert_eq!(s3(&world, "get", "s3://tea/green", "").body, "sencha");
}

/// Starts, proves that the owner's key works, and stops.
fn completes(world: &World) {
    let running = world.up();
    assert_eq!(s3(world, "put", "s3://proof", "").status, 200);
    let credentials = fs::read_to_string(world.path("credentials")).unwrap();
    assert!(credentials.contains(&running.ready("access_key")) && credentials.contains(&running.ready("secret_key")));
    let keys: serde_json::Value = serde_json::from_str(&world.said(&["key", "list", "--json"])).unwrap();
    let users: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|key| key["user"].as_str().unwrap()).collect();
    assert_eq!((users.len(), users.contains(&"owner")), (2, true), "a start cut short leaves no second key: {keys}");
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn a_first_start_killed_at_any_moment_is_completed_by_the_next() {
    for delay_ms in (0..200).step_by(8) {
        let world = World::new("killed");
        let mut child = world.spawn();
        std::thread::sleep(Duration::from_millis(delay_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        completes(&world);
    }
}

/// What was not done, and how that looks in a directory where all was.
type Cut = (&'static str, fn(&World));

#[test]
fn what_a_first_start_did_not_get_to_is_made_by_the_next() {
    let table: [Cut; 5] = [
        ("only half a root key was written", |world| {
            fs::remove_dir_all(world.dir()).unwrap();
            fs::create_dir(world.dir()).unwrap();
            fs::write(world.path("root.key.new"), "12ab").unwrap();
        }),
        ("only the root key was written", |world| {
            let key = fs::read(world.path("root.key")).unwrap();
            fs::remove_dir_all(world.dir()).unwrap();
            fs::create_dir(world.dir()).unwrap();
            fs::write(world.path("root.key"), key).unwrap();
            fs::set_permissions(world.path("root.key"), fs::Permissions::from_mode(0o600)).unwrap();
        }),
        ("the officer's key was not written", |world| fs::remove_file(world.path("officer")).unwrap()),
        ("the credentials were not written", |world| fs::remove_file(world.path("credentials")).unwrap()),
        ("the admin token was not written", |world| fs::remove_file(world.path("admin.token")).unwrap()),
    ];
    for (what, cut) in table {
        println!("{what}");
        let world = World::new("cut");
        assert_eq!(world.up().stop().code, Some(0));
        cut(&world);
        completes(&world);
    }
}

#[test]
fn a_key_that_lost_its_file_is_written_again_with_the_same_secret() {
    let world = World::new("lostfile");
    let first = world.up();
    let key = (first.ready("access_key"), first.ready("secret_key"));
    first.kill();
    fs::remove_file(world.path("credentials")).unwrap();
    let second = world.up();
    assert_eq!((second.ready("access_key"), second.ready("secret_key")), key);
}

#[test]
fn secrets_are_in_no_log() {
    let world = World::new("secrets");
    let running = world.up_with(&["--json", "--log", "trace"]);
    assert_eq!(s3(&world, "put", "s3://tea", "").status, 200);
    assert_eq!(s3(&world, "put", "s3://tea/green", "sencha").status, 200);
    let issued: serde_json::Value =
        serde_json::from_str(&world.said(&["key", "create", "--user", "ann", "--json"])).unwrap();
    world.said(&["status"]);
    let secret = running.ready("secret_key");
    let file = |name: &str| fs::read_to_string(world.path(name)).unwrap().trim().to_owned();
    let secrets = [secret, issued["secret_key"].as_str().unwrap().to_owned(), file("root.key"), file("admin.token")];
    let log = running.stop().log;
    assert!(log.contains("ready") && log.len() > 1000, "the log is a full one: {log}");
    for secret in secrets {
        assert!(secret.len() >= 20, "a secret is long: `{secret}`");
        assert!(!log.contains(&secret), "a secret is in the log");
    }
}
