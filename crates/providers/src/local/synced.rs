//! Shows that a put which succeeded outlives a disk that keeps nothing but what was synced: the test
//! starts itself over the shim, kills it, and looks at what is left.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use futures::future::join_all;

use super::LocalStore;
use crate::marker::{self, claim};
use crate::store::Store;
use crate::world::{self, Scratch};

/// Set where the test is its own writer: to its root directory, behind how it writes.
const WRITER: &str = "ENTENTE_TEST_WRITER";
const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/shim/unsynced.c");

fn bytes_of(name: &str) -> Vec<u8> {
    name.as_bytes().iter().copied().cycle().take(name.len() * 97).collect()
}

/// Eight writers through directories that are ever new; says the name of each put that succeeded.
async fn write_through_store(root: &Path) {
    let store = LocalStore::open(root.to_owned(), world::threads());
    claim(&store, model::EnclaveId([1; 16]), "own", &world::simulated(1)).await.unwrap();
    println!("done {}", marker::NAME);
    let store = &store;
    join_all((0..8).map(async |writer| {
        for number in 0..10_000 {
            let name = format!("e/d/{}/{writer}-{number}", number / 10);
            store.put_new(&name, bytes_of(&name).into()).await.unwrap();
            println!("done {name}");
        }
    }))
    .await;
}

/// What a store without syncs would do.
fn write_plainly(root: &Path) {
    for number in 0..100_000 {
        let name = format!("e/d/{}/{number}", number / 10);
        let path = root.join(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes_of(&name)).unwrap();
        println!("done {name}");
    }
}

/// Starts the test `name` of this program over the shim.
fn start(name: &str, how: &str, scratch: &Path) -> Child {
    let shim = scratch.join("unsynced.so");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-pthread", "-o"]).arg(&shim).arg(SHIM).status();
    assert!(built.unwrap().success(), "this test needs a C compiler");
    let root = scratch.join("site");
    fs::create_dir_all(&root).unwrap();
    Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(WRITER, format!("{how}:{}", root.display()))
        .env("LD_PRELOAD", shim)
        .env("SHIM_TRACK", root)
        .env("SHIM_MIRROR", scratch.join("mirror"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills the writer after so many puts. Names it called done, and whether each is left whole.
fn left_after_kill(name: &str, how: &str, puts: usize) -> BTreeMap<String, bool> {
    let scratch = Scratch::new();
    let mut writer = start(name, how, scratch.path());
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    // The test harness begins a line of its own, which the first name may share.
    let mut next = || lines.next()?.ok().map(|line| line.split_once("done ").map(|(_, name)| name.to_owned()));
    let mut done: Vec<String> = std::iter::from_fn(&mut next).flatten().take(puts).collect();
    writer.kill().unwrap();
    done.extend(std::iter::from_fn(&mut next).flatten());
    writer.wait().unwrap();
    let mirror = scratch.path().join("mirror");
    let whole = |name: &String| {
        let left = fs::read(mirror.join(name));
        left.is_ok_and(|left| name == marker::NAME || left == bytes_of(name))
    };
    assert!(done.len() >= puts, "the writer ended after {} puts", done.len());
    done.into_iter().map(|name| (name.clone(), whole(&name))).collect()
}

fn as_writer() -> bool {
    let Ok(writer) = env::var(WRITER) else { return false };
    let (how, root) = writer.split_once(':').unwrap();
    match how {
        "store" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(write_through_store(Path::new(root)));
        }
        _ => write_plainly(Path::new(root)),
    }
    true
}

#[test]
fn every_put_that_succeeded_outlives_a_disk_that_drops_what_was_not_synced() {
    if as_writer() {
        return;
    }
    let test = "local::synced::every_put_that_succeeded_outlives_a_disk_that_drops_what_was_not_synced";
    for puts in [1, 2, 17, 400] {
        let left = left_after_kill(test, "store", puts);
        let lost: Vec<_> = left.iter().filter(|(_, whole)| !**whole).map(|(name, _)| name).collect();
        assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), left.len());
    }
    let left = left_after_kill(test, "plain", 400);
    assert!(left.values().all(|whole| !whole), "without a sync nothing is kept, or this test shows nothing");
}
