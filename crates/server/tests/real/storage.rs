//! Data directories that cannot be written, on real mounts; and sites that are away at the start.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::world::{World, s3};

/// A small file system of its own on the data directory, unmounted at the end.
struct Mount<'a> {
    path: &'a Path,
}

impl<'a> Mount<'a> {
    /// `None`, said loudly, where mounting is not permitted.
    fn new(path: &'a Path, size: &str) -> Option<Mount<'a>> {
        fs::create_dir_all(path).unwrap();
        let options = format!("size={size},mode=700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Mount { path });
        }
        eprintln!("SKIPPED: mounting is not permitted here, so read-only and full disks were not tried");
        None
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(self.path).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path).status();
    }
}

#[test]
fn a_read_only_data_directory_is_refused_in_words() {
    let world = World::new("readonly");
    let dir = world.dir();
    let Some(mount) = Mount::new(&dir, "64m") else { return };
    assert_eq!(world.up().stop().code, Some(0));
    mount.remount("ro");
    world.refused(&[], 6, &["Read-only", "mount it writable"]);
    mount.remount("rw");
    assert_eq!(world.up().stop().code, Some(0));
}

#[test]
fn a_full_data_directory_is_refused_in_words_and_starts_again_with_room() {
    let world = World::new("full");
    let dir = world.dir();
    let Some(_mount) = Mount::new(&dir, "8m") else { return };
    let ballast = dir.join("ballast");
    // `dd` stops when the disk is full; that is what is wanted.
    let _ = Command::new("dd").args(["if=/dev/zero", &format!("of={}", ballast.display()), "bs=64k"]).output();
    world.refused(&[], 6, &["make room"]);
    fs::remove_file(ballast).unwrap();
    let _running = world.up();
    assert_eq!(s3(&world, "put", "s3://tea", "").status, 200);
}

#[test]
fn sites_that_are_away_at_the_start_are_out_and_not_made_anew() {
    let world = World::new("away");
    let running = world.up();
    assert_eq!(s3(&world, "put", "s3://tea", "").status, 200);
    assert_eq!(s3(&world, "put", "s3://tea/green", "sencha").status, 200);
    assert_eq!(running.stop().code, Some(0));
    let away = ["oracle", "google"].map(|name| (world.path("sites").join(name), world.root().join(name)));
    for (site, aside) in &away {
        fs::rename(site, aside).unwrap();
    }

    let running = world.up();
    assert!(away.iter().all(|(site, _)| !site.exists()), "no empty directory stands in for a lost site");
    assert_eq!(s3(&world, "get", "s3://tea/green", "").body, "sencha");
    assert_eq!(s3(&world, "put", "s3://tea/black", "assam").status, 200);
    let status = status(&world);
    let oracle = status["sites"].as_array().unwrap().iter().find(|site| site["name"] == "oracle").unwrap();
    assert_eq!((&oracle["writes"], &oracle["reads"]), (&"out".into(), &"out".into()), "{status}");
    assert!(oracle["reason"].as_str().unwrap().contains("missing"), "{status}");
    assert!(status["below_promise"].as_u64().unwrap() > 0, "{status}");
    assert_eq!(running.stop().code, Some(0));
}

fn status(world: &World) -> serde_json::Value {
    serde_json::from_str(&world.said(&["status", "--json"])).unwrap()
}
