//! Starts that must be refused: what they say, and that they change nothing.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::world::{World, copy, s3, snapshot};

/// A data directory with one object in it, stopped.
fn filled(name: &str) -> World {
    let world = World::new(name);
    let running = world.up();
    assert_eq!(s3(&world, "put", "s3://tea", "").status, 200);
    assert_eq!(s3(&world, "put", "s3://tea/green", "sencha").status, 200);
    assert_eq!(running.stop().code, Some(0));
    world
}

fn still_there(world: &World) {
    let running = world.up();
    assert_eq!(s3(world, "get", "s3://tea/green", "").body, "sencha");
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn a_second_process_is_told_who_has_the_directory() {
    let world = World::new("second");
    let running = world.up();
    world.refused(&[], 3, &[&format!("process {} already runs", running.pid())]);
    assert_eq!(s3(&world, "put", "s3://tea", "").status, 200, "the first goes on");
}

#[test]
fn a_port_in_use_is_told_before_anything_is_made() {
    let world = World::new("port");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--s3-listen", "--admin-listen", "--console-listen"] {
        world.refused(&[flag, &address], 4, &[&address, "in use", flag]);
    }
    assert!(snapshot(&world.dir()).is_empty(), "nothing was made");
}

#[test]
fn a_wrong_command_line_or_configuration_is_refused_in_words() {
    let world = World::new("usage");
    world.refused(&["--s3-listen", "0.0.0.0:0"], 2, &["--insecure"]);
    world.refused(&["--admin-listen", "0.0.0.0:0"], 2, &["loopback only"]);
    world.refused(&["--console-listen", "0.0.0.0:0"], 2, &["loopback only"]);
    world.refused(&["--s3-listen", "here"], 2, &["here"]);
    world.refused(&["--log", "a=b=c"], 2, &["no log filter"]);
    assert!(!world.dir().exists(), "nothing was made");
}

#[test]
fn without_its_root_key_an_enclave_stays_shut_and_whole() {
    let world = filled("rootkey");
    let path = world.path("root.key");
    let good = fs::read_to_string(&path).unwrap();
    let write = |text: &str, mode: u32| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let before = snapshot(&world.dir().join("sites"));

    fs::remove_file(&path).unwrap();
    world.refused(&[], 5, &["root.key` is missing"]);
    assert!(!path.exists(), "no other key was made");
    write(&good, 0o644);
    world.refused(&[], 5, &["chmod 600"]);
    write("not a key\n", 0o600);
    world.refused(&[], 5, &["not 64 hexadecimal digits"]);
    write(&format!("{}\n", "5a".repeat(32)), 0o600);
    world.refused(&[], 5, &["does not open the keys"]);

    assert_eq!(snapshot(&world.dir().join("sites")), before, "the sites were not touched");
    write(&good, 0o600);
    still_there(&world);
}

#[test]
fn a_damaged_catalog_is_refused_and_left_as_it_is() {
    let world = filled("damaged");
    let path = world.path("catalog.sqlite");
    let good = fs::read(&path).unwrap();
    let mut torn = good.clone();
    let middle = torn.len() / 2;
    torn[middle - 3000..middle + 3000].fill(0x5a);
    for bad in [torn, b"no database at all, only text".repeat(100)] {
        fs::write(&path, &bad).unwrap();
        world.refused(&[], 6, &["catalog.sqlite", "good copy"]);
        assert!(fs::read(&path).unwrap() == bad, "it was left as it is");
    }
    fs::write(&path, &good).unwrap();
    still_there(&world);
}

#[test]
fn a_lost_catalog_is_not_replaced_by_an_empty_one() {
    let world = filled("lost");
    let (path, aside) = (world.path("catalog.sqlite"), world.root().join("aside"));
    fs::rename(&path, &aside).unwrap();
    world.refused(&[], 6, &["catalog.sqlite` is missing", "entente rebuild"]);
    assert!(!path.exists());
    fs::write(&path, "").unwrap();
    world.refused(&[], 6, &["catalog.sqlite` is empty"]);
    fs::rename(&aside, &path).unwrap();
    still_there(&world);
}

#[test]
fn the_site_of_another_enclave_is_refused() {
    let (world, other) = (filled("ours"), filled("theirs"));
    let (site, aside) = (world.path("sites/google"), world.root().join("aside"));
    fs::rename(&site, &aside).unwrap();
    copy(&other.path("sites/google"), &site);
    let before = snapshot(&site);
    world.refused(&[], 7, &["google", "enclave"]);
    assert_eq!(snapshot(&site), before, "their site was not touched");
    fs::remove_dir_all(&site).unwrap();
    fs::rename(&aside, &site).unwrap();
    still_there(&world);
}

#[test]
fn yesterdays_catalog_catches_up_from_the_sites() {
    let world = filled("yesterday");
    let aside = world.root().join("aside");
    fs::copy(world.path("catalog.sqlite"), &aside).unwrap();
    let running = world.up();
    assert_eq!(s3(&world, "put", "s3://tea/black", "assam").status, 200);
    assert_eq!(running.stop().code, Some(0));
    fs::copy(&aside, world.path("catalog.sqlite")).unwrap();
    let _running = world.up();
    assert_eq!(s3(&world, "get", "s3://tea/black", "").body, "assam");
    assert_eq!(s3(&world, "get", "s3://tea/green", "").body, "sencha");
}
