use std::process::Command;

use super::*;
use crate::contract;
use crate::marker::claim;
use crate::world::{self, Scratch};

fn store(root: &Path) -> LocalStore {
    LocalStore::open(root.to_owned(), world::threads())
}

#[tokio::test]
async fn a_directory_keeps_the_contract() {
    let scratch = Scratch::new();
    contract::check(Arc::new(store(scratch.path()))).await.unwrap();
}

#[tokio::test]
async fn a_directory_keeps_the_contract_when_blocking_work_runs_at_once() {
    let scratch = Scratch::new();
    contract::check(Arc::new(LocalStore::open(scratch.path().to_owned(), world::simulated(1)))).await.unwrap();
}

/// What every request says of a site, in the order of [`crate::Kind::ALL`].
async fn answers(store: &dyn Store) -> [Option<ErrorKind>; 5] {
    let kind = |error: Error| error.kind;
    [
        store.put_new("d/new", "x".into()).await.err().map(kind),
        store.get_range("d/old", 0..1).await.err().map(kind),
        store.head("d/old").await.err().map(kind),
        store.delete("d/none").await.err().map(kind),
        store.list("d/", None, 1).await.err().map(kind),
    ]
}

#[tokio::test]
async fn a_root_that_is_not_there_is_unavailable_and_is_never_made() {
    let scratch = Scratch::new();
    let root = scratch.path().join("site");
    assert_eq!(answers(&store(&root)).await, [Some(ErrorKind::Unavailable); 5]);
    assert!(!root.exists());
    fs::write(&root, "a file in its place").unwrap();
    assert_eq!(answers(&store(&root)).await, [Some(ErrorKind::Unavailable); 5]);
}

#[tokio::test]
async fn a_claimed_root_that_comes_back_empty_is_unavailable() {
    let scratch = Scratch::new();
    let root = scratch.path().join("site");
    fs::create_dir(&root).unwrap();
    let store = store(&root);
    claim(&store, model::EnclaveId([1; 16]), "own", &world::simulated(1)).await.unwrap();
    store.put_new("d/old", "x".into()).await.unwrap();
    let away = scratch.path().join("away");
    fs::rename(&root, &away).unwrap();
    assert_eq!(answers(&store).await, [Some(ErrorKind::Unavailable); 5], "torn away");
    fs::create_dir(&root).unwrap();
    assert_eq!(answers(&store).await, [Some(ErrorKind::Unavailable); 5], "an empty one in its place");
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    fs::remove_dir(&root).unwrap();
    fs::rename(&away, &root).unwrap();
    assert_eq!(answers(&store).await, [None; 5], "put back");
}

#[tokio::test]
async fn foreign_files_are_listed_if_a_name_can_say_them() {
    let scratch = Scratch::new();
    for name in [".hidden", "plain", "\u{e4}", "new\nline"] {
        fs::write(scratch.path().join(name), "x").unwrap();
    }
    fs::create_dir_all(scratch.path().join("lost+found/deep")).unwrap();
    fs::write(scratch.path().join("lost+found/deep/x"), "x").unwrap();
    let listed = store(scratch.path()).list("", None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), [".hidden", "plain"]);
}

#[tokio::test]
async fn a_put_makes_its_directories_once_and_a_removed_one_again() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    store.put_new("e/d/1/a", "x".into()).await.unwrap();
    fs::remove_dir_all(scratch.path().join("e")).unwrap();
    store.put_new("e/d/1/a", "y".into()).await.unwrap();
    assert_eq!(store.get_range("e/d/1/a", 0..1).await.unwrap(), "y");
    let behind = store.put_new("e/d/1/a/b", "z".into()).await.unwrap_err();
    assert_eq!(behind.kind, ErrorKind::Invalid, "an object is no folder");
}

#[test]
fn failures_of_a_disk_mean_what_they_should() {
    let cases = [
        (28, ErrorKind::Full),         // ENOSPC
        (122, ErrorKind::Full),        // EDQUOT
        (30, ErrorKind::Denied),       // EROFS
        (13, ErrorKind::Denied),       // EACCES
        (1, ErrorKind::Denied),        // EPERM
        (5, ErrorKind::Unavailable),   // EIO
        (116, ErrorKind::Unavailable), // ESTALE
        (107, ErrorKind::Unavailable), // ENOTCONN
        (24, ErrorKind::Throttled),    // EMFILE
        (17, ErrorKind::AlreadyExists),
        (36, ErrorKind::Invalid), // ENAMETOOLONG
        (2, ErrorKind::NotFound),
    ];
    for (errno, kind) in cases {
        let error = io::Error::from_raw_os_error(errno);
        assert_eq!(kind_of(&error), kind, "{error}");
    }
}

/// A mount that goes with the test.
struct Mount(PathBuf);

impl Mount {
    /// `None`, said aloud, where mounting is not allowed.
    fn new(path: &Path, arguments: &[&str]) -> Option<Mount> {
        fs::create_dir_all(path).unwrap();
        let output = Command::new("mount").args(arguments).arg(path).output();
        match output {
            Ok(output) if output.status.success() => Some(Mount(path.to_owned())),
            refused => {
                println!("SKIPPED: this test needs to mount, which is refused here: {refused:?}");
                None
            }
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_full_for_puts_only_and_keeps_no_half_of_any() {
    let scratch = Scratch::new();
    let root = scratch.path().join("site");
    let Some(_mount) = Mount::new(&root, &["-t", "tmpfs", "-o", "size=1m", "tmpfs"]) else { return };
    let store = store(&root);
    store.put_new("d/old", vec![7; 600 << 10].into()).await.unwrap();
    let full = store.put_new("d/new", vec![8; 600 << 10].into()).await.unwrap_err();
    assert_eq!(full.kind, ErrorKind::Full);
    assert_eq!(store.list("", None, 10).await.unwrap().len(), 1, "the half that was written is gone");
    assert_eq!(store.get_range("d/old", 0..1).await.unwrap(), vec![7]);
    store.delete("d/old").await.unwrap();
    store.put_new("d/again", vec![8; 600 << 10].into()).await.unwrap();
}

#[tokio::test]
async fn a_read_only_disk_denies_writes_and_reads_on() {
    let scratch = Scratch::new();
    let root = scratch.path().join("site");
    fs::create_dir(&root).unwrap();
    let store = store(&root);
    store.put_new("d/old", "x".into()).await.unwrap();
    let text = root.to_str().unwrap();
    let Some(_mount) = Mount::new(&root, &["--bind", text]) else { return };
    let remounted = Command::new("mount").args(["-o", "remount,ro,bind", text]).status().unwrap();
    assert!(remounted.success());
    let denied = Some(ErrorKind::Denied);
    assert_eq!(answers(&store).await, [denied, None, None, denied, None]);
    assert_eq!(store.delete("d/old").await.unwrap_err().kind, ErrorKind::Denied);
    let deeper = store.put_new("new/folder/a", "x".into()).await.unwrap_err();
    assert_eq!(deeper.kind, ErrorKind::Denied);
    assert_eq!(store.get_range("d/old", 0..1).await.unwrap(), "x");
}
