//! The contract on disk and in memory, and what is SQLite's own: files, damage, group commit.

use std::cell::RefCell;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use model::outside::Blocking;
use model::{BucketSetting, Change, EnclaveId, Epoch, Outside, Release, Tags, Upload, VersionSetting};
use rusqlite::Connection;

use super::{SqliteCatalog, readers, rest, schema};
use crate::contract::make::{self, CONTROL, EAST, NOW, carrying, proposal};
use crate::contract::world::World;
use crate::contract::{Subject, outside};
use crate::error::Error;
use crate::interface::{Catalog, Decision, Taken};

#[async_trait]
impl Subject for SqliteCatalog {
    async fn dump(&self) -> String {
        SqliteCatalog::dump(self).await.unwrap()
    }
}

mod in_memory {
    use super::*;
    crate::contract_suite!(async || {
        let catalog = SqliteCatalog::in_memory(outside(1)).unwrap();
        catalog.hand_keys(make::keys());
        catalog
    });
}

mod on_disk {
    use super::*;
    crate::contract_suite!(async || on_disk());
}

/// A new catalog in a directory that goes with the test's thread.
fn on_disk() -> SqliteCatalog {
    let directory = Directory::new();
    let catalog = open(&directory).unwrap();
    keep(directory);
    catalog
}

/// Until the test's thread ends.
fn keep(directory: Directory) {
    thread_local! {
        static DIRECTORIES: RefCell<Vec<Directory>> = const { RefCell::new(Vec::new()) };
    }
    DIRECTORIES.with_borrow_mut(|directories| directories.push(directory));
}

fn open(directory: &Directory) -> Result<SqliteCatalog, Error> {
    let catalog = SqliteCatalog::open(directory.catalog(), outside(1))?;
    catalog.hand_keys(make::keys());
    Ok(catalog)
}

struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("entente-catalog-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    fn catalog(&self) -> PathBuf {
        self.0.join("catalog.db")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

// Files.

/// Shows a put of `a` and leaves one of `b` unshown.
async fn filled(directory: &Directory) -> World<SqliteCatalog> {
    let world = World::new(open(directory).unwrap()).await;
    world.run(EAST, world.any_put("a")).await;
    world.decided(EAST, carrying(b"body", world.any_put("b"))).await;
    world
}

#[tokio::test]
async fn reopening_finds_everything() {
    let directory = Directory::new();
    let world = filled(&directory).await;
    let (dump, unshown) = (world.catalog.dump().await.unwrap(), world.catalog.unshown().await.unwrap());
    world.catalog.add_running_ms(7).await.unwrap();
    drop(world);
    let again = open(&directory).unwrap();
    assert_eq!(again.dump().await.unwrap(), dump);
    let found = again.unshown().await.unwrap();
    assert_eq!(found[0].encoded, unshown[0].encoded);
    assert_eq!(found[0].body.as_deref(), Some(&b"body"[..]));
    assert_eq!(again.newest_epoch().await.unwrap(), Epoch(1));
    assert_eq!(again.add_running_ms(0).await.unwrap(), 7);
}

#[tokio::test]
async fn whose_a_catalog_is_can_be_asked_without_touching_it() {
    let directory = Directory::new();
    let looked = || SqliteCatalog::enclave_at(directory.catalog());
    assert!(matches!(looked(), Err(Error::Unavailable(_) | Error::Damaged(_))), "there is none");
    drop(open(&directory).unwrap());
    assert_eq!(looked().unwrap(), None, "nobody founded it");
    let world = filled(&directory).await;
    let enclave = world.catalog.enclave().await.unwrap();
    drop(world);
    // As an older program left it.
    let file = Connection::open(directory.catalog()).unwrap();
    file.pragma_update(None, "user_version", 8).unwrap();
    drop(file);
    let before = fs::read(directory.catalog()).unwrap();
    assert_eq!(looked().unwrap(), enclave);
    assert!(fs::read(directory.catalog()).unwrap() == before, "it was brought up to date");
}

/// Whether the files of the catalog hold these words anywhere.
fn files_hold(directory: &Directory, words: &str) -> bool {
    let files = fs::read_dir(&directory.0).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(words.len()).any(|window| window == words.as_bytes()))
}

#[tokio::test]
async fn what_an_older_program_left_open_is_sealed_and_gone_from_the_files() {
    const WORDS: &str = "amaranth for the press";
    let words = || Tags([("why".to_owned(), WORDS.to_owned())].into());
    let directory = Directory::new();
    let world = World::new(open(&directory).unwrap()).await;
    let put = |key: &str| {
        let mut put = world.any_put(key);
        let Change::ObjectPut { version, .. } = &mut put else { unreachable!() };
        version.tags = words();
        (version.id, put)
    };
    let (version, shown) = put("a");
    world.run(EAST, shown).await;
    let (bucket, setting) = (world.bucket.id, VersionSetting::Tags(words()));
    world.run(EAST, Change::VersionSet { bucket, key: make::key("a"), version, setting }).await;
    world.run(EAST, Change::UploadStarted(Upload { tags: words(), ..make::upload(7, bucket, &make::key("u")) })).await;
    world.run(EAST, Change::BucketSet { bucket, setting: BucketSetting::Tags(words()) }).await;
    world.run(EAST, Change::ReleaseSet(Release { reason: WORDS.to_owned(), ..make::release(1, &[]) })).await;
    world.decided(EAST, proposal(put("b").1)).await;
    let dump = world.catalog.dump().await.unwrap();
    assert!(!files_hold(&directory, WORDS), "they lie sealed from the beginning");
    assert_eq!(world.catalog.seal_rest().await.unwrap(), 0, "a new catalog has nothing to be sealed");

    let left_open = world.catalog.write(|db| Ok(rest::tests::unseal(db))).await.unwrap();
    assert_eq!(left_open, 6, "one of each kind");
    drop(world);
    // What was deleted before deleted values were overwritten.
    let raw = Connection::open(directory.catalog()).unwrap();
    raw.execute_batch(&format!(
        "PRAGMA secure_delete = OFF; CREATE TABLE was (words TEXT); INSERT INTO was VALUES ('{WORDS}'); DROP TABLE was;"
    ))
    .unwrap();
    drop(raw);
    assert!(files_hold(&directory, WORDS));
    let again = open(&directory).unwrap();
    assert_eq!(again.seal_rest().await.unwrap(), left_open);
    assert_eq!(again.write(|db| Ok(rest::tests::open(db))).await.unwrap(), 0);
    assert!(!files_hold(&directory, WORDS), "neither rows nor free pages nor the log hold them");
    assert_eq!(again.seal_rest().await.unwrap(), 0, "once");
    assert_eq!(again.dump().await.unwrap(), dump);
}

#[tokio::test]
async fn a_log_left_by_a_crash_is_read_and_a_missing_one_is_no_damage() {
    let directory = Directory::new();
    let world = filled(&directory).await;
    let dump = world.catalog.dump().await.unwrap();
    // As after a kill: the log is copied while the catalog is open.
    let crashed = Directory::new();
    for file in ["catalog.db", "catalog.db-wal"] {
        fs::copy(directory.0.join(file), crashed.0.join(file)).unwrap();
    }
    assert_eq!(open(&crashed).unwrap().dump().await.unwrap(), dump);
    drop(world);
    assert!(!directory.0.join("catalog.db-wal").exists(), "a clean end leaves no log");
    assert_eq!(open(&directory).unwrap().dump().await.unwrap(), dump);
}

/// Opens `directory` and says how that failed; the file must be as it was.
fn refused(directory: &Directory) -> Error {
    let before = fs::read(directory.catalog()).ok();
    let error = open(directory).err().unwrap();
    assert_eq!(fs::read(directory.catalog()).ok(), before, "a refused file is not touched");
    error
}

fn overwrite(path: &Path, offset: u64, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(bytes).unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_left_alone() {
    let length = {
        let directory = Directory::new();
        drop(filled(&directory).await);
        fs::metadata(directory.catalog()).unwrap().len()
    };
    type Damage = fn(&Path, u64);
    let damages: [(&str, Damage); 6] = [
        ("garbage at the start", |path, _| overwrite(path, 0, &[0xaa; 200])),
        ("nothing but garbage", |path, _| fs::write(path, [0x55; 10_000]).unwrap()),
        ("empty", |path, _| fs::write(path, []).unwrap()),
        ("cut", |path, length| {
            fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length / 2 / 4096 * 4096).unwrap();
        }),
        ("a page overwritten", |path, length| overwrite(path, length / 4096 / 2 * 4096, &[0xff; 4096])),
        ("another program's database", |path, _| {
            fs::remove_file(path).unwrap();
            Connection::open(path).unwrap().execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
        }),
    ];
    for (what, damage) in damages {
        let directory = Directory::new();
        drop(filled(&directory).await);
        damage(&directory.catalog(), length);
        let error = refused(&directory);
        assert!(matches!(error, Error::Damaged(_)), "{what}: {error}");
        assert!(error.to_string().contains("put a backup back or rebuild"), "{what}: {error}");
    }
}

#[tokio::test]
async fn damage_met_while_running_is_told_as_damage() {
    let directory = Directory::new();
    let world = World::new(open(&directory).unwrap()).await;
    for _ in 0..20 {
        world.run(EAST, world.any_put("a")).await;
    }
    drop(world);
    let catalog = open(&directory).unwrap();
    let length = fs::metadata(directory.catalog()).unwrap().len();
    // Every page but the first, which was read already.
    overwrite(&directory.catalog(), 4096, &vec![0xff; usize::try_from(length).unwrap() - 4096]);
    let error = catalog.dump().await.unwrap_err();
    assert!(matches!(error, Error::Damaged(_)), "{error}");
}

#[tokio::test]
async fn a_newer_catalog_is_refused() {
    let directory = Directory::new();
    drop(filled(&directory).await);
    let newer = schema::VERSION + 1;
    Connection::open(directory.catalog()).unwrap().pragma_update(None, "user_version", newer).unwrap();
    assert!(matches!(open(&directory).err(), Some(Error::Newer { found, known }) if found == newer && known < found));
}

#[test]
fn a_place_that_cannot_be_used_is_told_as_unavailable() {
    let directory = Directory::new();
    for path in [directory.0.join("missing/catalog.db"), directory.0.clone()] {
        let error = SqliteCatalog::open(&path, outside(1)).err().unwrap();
        assert!(matches!(error, Error::Unavailable(_)), "`{}`: {error}", path.display());
    }
}

#[tokio::test]
async fn a_log_without_its_database_is_damage() {
    let directory = Directory::new();
    let world = filled(&directory).await;
    let alone = Directory::new();
    fs::copy(directory.0.join("catalog.db-wal"), alone.0.join("catalog.db-wal")).unwrap();
    assert!(matches!(refused(&alone), Error::Damaged(_)));
    assert!(!alone.catalog().exists(), "nothing is made in its place");
    drop(world);
}

#[test]
fn a_catalog_begun_and_not_finished_is_begun_again() {
    let directory = Directory::new();
    fs::write(directory.0.join("catalog.db.new"), b"half").unwrap();
    drop(open(&directory).unwrap());
    assert!(!directory.0.join("catalog.db.new").exists());
}

#[tokio::test]
async fn every_commit_is_synced() {
    let catalog = on_disk();
    let level: (i64, String) = catalog.writer.with_connection(|c| {
        let synchronous = c.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        (synchronous, c.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap())
    });
    assert_eq!(level, (2, "wal".to_owned()), "2 is FULL: the log is synced at each commit");
}

// Group commit.

/// Keeps jobs until they are run by hand.
#[derive(Default)]
struct ByHand(Mutex<Vec<Box<dyn FnOnce() + Send>>>);

impl Blocking for ByHand {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        self.0.lock().unwrap().push(job);
    }
}

impl ByHand {
    fn run_all(&self) -> usize {
        let jobs = std::mem::take(&mut *self.0.lock().unwrap());
        let count = jobs.len();
        jobs.into_iter().for_each(|job| job());
        count
    }
}

/// A founded catalog whose blocking work runs by hand.
async fn by_hand() -> (World<SqliteCatalog>, Arc<ByHand>) {
    let directory = Directory::new();
    drop(World::new(open(&directory).unwrap()).await);
    let jobs = Arc::new(ByHand::default());
    let outside = Outside { blocking: Arc::clone(&jobs) as Arc<dyn Blocking>, ..outside(1) };
    let catalog = SqliteCatalog::open(directory.catalog(), outside).unwrap();
    catalog.hand_keys(make::keys());
    keep(directory);
    (World::over(catalog), jobs)
}

#[tokio::test]
async fn decides_that_come_together_share_one_commit() {
    let (world, jobs) = by_hand().await;
    let mut decides = Vec::new();
    for n in 0..16 {
        let put = proposal(world.any_put(&n.to_string()));
        let mut decide = Box::pin(world.catalog.decide(EAST, NOW, vec![put]));
        assert!(futures::poll!(&mut decide).is_pending());
        decides.push(decide);
    }
    assert_eq!(jobs.run_all(), 1, "one drain takes all that is queued");
    assert_eq!(world.catalog.commits(), 1);
    for (sequence, decide) in (1..).zip(decides) {
        let decision = decide.await.unwrap().remove(0);
        assert!(matches!(decision, Decision::Decided(decided) if decided.record.sequence == sequence));
    }
    // A lone one waits for nobody.
    let put = proposal(world.any_put("later"));
    let mut decide = Box::pin(world.catalog.decide(EAST, NOW, vec![put]));
    assert!(futures::poll!(&mut decide).is_pending());
    assert_eq!((jobs.run_all(), world.catalog.commits()), (1, 2));
    decide.await.unwrap();
}

#[tokio::test]
async fn reads_that_come_together_are_done_by_a_few_threads() {
    let (world, jobs) = by_hand().await;
    let mut reads: Vec<_> = (0..64).map(|_| Box::pin(world.catalog.totals())).collect();
    for read in &mut reads {
        assert!(futures::poll!(read).is_pending());
    }
    assert_eq!(jobs.run_all(), readers::READERS_MAX);
    for read in reads {
        read.await.unwrap();
    }
    // One that comes later starts anew.
    let mut read = Box::pin(world.catalog.totals());
    assert!(futures::poll!(&mut read).is_pending());
    assert_eq!(jobs.run_all(), 1);
    read.await.unwrap();
}

#[tokio::test]
async fn a_write_that_fails_undoes_itself_alone() {
    let (world, jobs) = by_hand().await;
    let mut good = Box::pin(world.catalog.decide(EAST, NOW, vec![proposal(world.any_put("a"))]));
    // It is another's catalog.
    let mut bad = Box::pin(world.catalog.found(EnclaveId([1; 16]), CONTROL));
    let mut also_good = Box::pin(world.catalog.decide(EAST, NOW, vec![proposal(world.any_put("b"))]));
    assert!(futures::poll!(&mut good).is_pending());
    assert!(futures::poll!(&mut bad).is_pending());
    assert!(futures::poll!(&mut also_good).is_pending());
    jobs.run_all();
    assert!(matches!(good.await.unwrap()[..], [Decision::Decided(_)]));
    assert!(matches!(bad.await, Err(Error::Founded { .. })));
    assert!(matches!(also_good.await.unwrap()[..], [Decision::Decided(_)]));
    assert_eq!(world.catalog.commits(), 1);
}

#[tokio::test]
async fn a_full_disk_changes_nothing_and_passes() {
    let directory = Directory::new();
    let world = World::new(open(&directory).unwrap()).await;
    let before = (world.catalog.dump().await.unwrap(), world.catalog.totals().await.unwrap());
    let limit = |pages: u64| {
        world.catalog.writer.with_connection(|c| {
            c.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, u64>(0)).unwrap()
        })
    };
    // No room beyond the pages there are.
    limit(1);
    let body: &'static [u8] = &[7; 1 << 20];
    let large = carrying(body, world.any_put("a"));
    let error = world.catalog.decide(EAST, NOW, vec![large.clone()]).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    assert_eq!((world.catalog.dump().await.unwrap(), world.catalog.totals().await.unwrap()), before);
    limit(1 << 30);
    world.decided(EAST, large).await;
}

struct Threads;

impl Blocking for Threads {
    #[expect(clippy::disallowed_methods, reason = "this is the place for blocking work")]
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        std::thread::spawn(job);
    }

    fn has_threads(&self) -> bool {
        true
    }
}

/// A founded catalog whose blocking work has threads.
async fn threaded() -> World<SqliteCatalog> {
    let directory = Directory::new();
    drop(World::new(open(&directory).unwrap()).await);
    let outside = Outside { blocking: Arc::new(Threads), ..outside(1) };
    let catalog = SqliteCatalog::open(directory.catalog(), outside).unwrap();
    catalog.hand_keys(make::keys());
    keep(directory);
    World::over(catalog)
}

/// Nobody takes what is copied for a while: others read and write meanwhile, and what is copied is of one moment.
#[tokio::test]
async fn a_copy_that_waits_holds_nobody_up() {
    let world = threaded().await;
    for n in 0..16 {
        let puts = (0..400).map(|m| proposal(world.any_put(&format!("{n:03}-{m:03}")))).collect();
        let decided = world.catalog.decide(EAST, NOW, puts).await.unwrap();
        let decided = decided.into_iter().map(|decision| match decision {
            Decision::Decided(decided) => decided,
            other => panic!("{other:?}"),
        });
        world.show(EAST, &decided.collect::<Vec<_>>()).await;
    }
    let before = world.catalog.dump().await.unwrap();
    let (sender, mut batches) = tokio::sync::mpsc::channel(1);
    let meanwhile = async {
        let mut taken = vec![batches.recv().await.unwrap()];
        for _ in 0..8 {
            let read = tokio::time::timeout(std::time::Duration::from_secs(20), world.catalog.streams());
            read.await.expect("a read alone waits for nobody").unwrap();
        }
        world.run(EAST, world.any_put("meanwhile")).await;
        while let Some(batch) = batches.recv().await {
            taken.push(batch);
        }
        taken
    };
    let (copied, taken) = tokio::join!(world.catalog.copy_rows(sender), meanwhile);
    copied.unwrap();
    assert!(taken.len() > 3, "{} batches", taken.len());
    let other = on_disk();
    for (batches, rows) in (1..).zip(taken) {
        let taken = Taken { snapshot: [3; 16], batches };
        other.take_rows(rows, taken).await.unwrap();
        assert_eq!(other.taken().await.unwrap(), Some(taken));
    }
    other.rows_taken().await.unwrap();
    assert_eq!(other.taken().await.unwrap(), None);
    assert!(other.dump().await.unwrap() == before);
}

#[tokio::test]
async fn a_copy_ends_when_the_log_grows_too_long() {
    let directory = Directory::new();
    let world = World::new(open(&directory).unwrap()).await;
    world.run(EAST, world.any_put("a")).await;
    let connection = super::open::reader(&directory.catalog()).unwrap();
    let log = super::open::log_length(&directory.catalog());
    let (sender, mut batches) = tokio::sync::mpsc::channel(1);
    let hand = |log_max| super::rows::hand(&connection, bytes::Bytes::from_static(b"rows"), &sender, log_max);
    assert!(log > 0 && hand(log).unwrap());
    assert!(matches!(hand(log - 1), Err(Error::Unavailable(_))));
    assert_eq!(batches.recv().await.unwrap(), "rows");
    drop(batches);
    assert!(!hand(log).unwrap(), "nobody takes any more");
}

#[tokio::test]
async fn threads_write_and_read_at_once() {
    let world = threaded().await;
    let put = async |n: usize| {
        let decided = world.decide(EAST, proposal(world.any_put(&format!("{n:03}")))).await;
        world.catalog.totals().await.unwrap();
        assert_eq!(world.object("none").await, None);
        matches!(decided, Decision::Decided(_))
    };
    let decided = futures::future::join_all((0..200).map(put)).await;
    assert!(decided.into_iter().all(|decided| decided));
    let unshown = world.catalog.unshown().await.unwrap();
    let sequences: Vec<u64> = unshown.iter().map(|decided| decided.record.sequence).collect();
    assert_eq!(sequences, (1..=200).collect::<Vec<_>>());
    let look = async || {
        // Either none or all: a batch is shown in one transaction.
        let keys = world.keys().await.len();
        assert!(keys == 0 || keys == 200, "{keys}");
    };
    let show = world.show(EAST, &unshown);
    let looks = futures::future::join_all((0..50).map(|_| look()));
    futures::future::join(show, looks).await;
    assert_eq!(world.keys().await.len(), 200);
    assert!(world.catalog.commits() <= 201);
}
