//! The contract suite on the vendors' adapters, against the programs that stand for the vendors.
//!
//! Ignored by default: `tests/test_contract.py` starts the stand-ins and names them in
//! `ENTENTE_STANDIN_<VENDOR>`. Run without them, a test fails and says so.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on stops")]

use std::env;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::Outside;
use model::outside::{Blocking, Clock, Entropy, Timestamp};
use providers::contract::{self, Puts};
use providers::http::Network;
use providers::remote::{
    self, Addressing, AzurePlace, Credentials, Dialect, GcsPlace, Order, Place, PutChecksum, S3Place,
};
use providers::{Store, deadline, stack};

const BUCKET: &str = "entente";

/// Where a stand-in listens; its keys are in variables that begin with the same word.
fn endpoint(vendor: &str) -> String {
    let name = format!("ENTENTE_STANDIN_{vendor}");
    env::var(&name)
        .unwrap_or_else(|_| panic!("{name} is not set: run tests/test_contract.py, which starts the stand-ins"))
}

/// SeaweedFS lists folder by folder.
fn s3(vendor: &str, dialect: Dialect) -> (Place, Credentials) {
    let place = S3Place {
        bucket: BUCKET.to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(endpoint(vendor)),
        addressing: Addressing::Path,
        dialect: Dialect { order: Order::Folders, ..dialect },
    };
    (Place::S3(place), Credentials::Variables(format!("ENTENTE_STANDIN_{vendor}")))
}

fn azure() -> (Place, Credentials) {
    let place = AzurePlace {
        account: "devstoreaccount1".to_owned(),
        container: BUCKET.to_owned(),
        endpoint: Some(endpoint("MICROSOFT")),
    };
    (Place::Azure(place), Credentials::Variables("ENTENTE_STANDIN_MICROSOFT".to_owned()))
}

fn gcs() -> (Place, Credentials) {
    (Place::Gcs(GcsPlace { bucket: BUCKET.to_owned(), endpoint: Some(endpoint("GOOGLE")) }), Credentials::Anonymous)
}

/// A store under a prefix that nobody used.
fn open((place, credentials): (Place, Credentials)) -> Arc<dyn Store> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let prefix = format!("run-{}-{}/", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    remote::open(&remote::Settings { place, prefix, credentials, network: Network::default() }).unwrap()
}

/// The adapter alone, then under all decorators.
async fn check(make: impl Fn() -> (Place, Credentials), puts: Puts) {
    // A stand-in may close a connection just as it is used again. The adapter says so, and leaves it to the stack to try
    // again: here it is asked once more, from the beginning.
    let mut alone = contract::check_puts(open(make()), puts).await;
    if alone.as_ref().is_err_and(|broken| broken.to_string().contains("found Unavailable")) {
        alone = contract::check_puts(open(make()), puts).await;
    }
    alone.unwrap_or_else(|broken| panic!("the adapter: {broken}"));
    // SeaweedFS lets the losers of a race wait for seconds before it tells them.
    let deadline = deadline::Settings { base: Duration::from_secs(60), ..deadline::Settings::default() };
    let settings = providers::Settings { deadline, ..providers::Settings::default() };
    let site = stack("s", open(make()), settings, outside());
    contract::check_puts(site.store.clone(), puts).await.unwrap_or_else(|broken| panic!("the stack: {broken}"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the stand-in for Amazon"]
async fn amazon_keeps_the_contract() {
    check(|| s3("AMAZON", Dialect::AMAZON), Puts::CreateOnly).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the stand-in for Amazon"]
async fn a_store_that_knows_md5_alone_keeps_the_contract() {
    let dialect = Dialect { checksum: PutChecksum::Md5, ..Dialect::AMAZON };
    check(|| s3("AMAZON", dialect), Puts::CreateOnly).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the stand-in for Oracle"]
async fn oracle_keeps_the_contract() {
    check(|| s3("ORACLE", Dialect::ORACLE), Puts::NamedOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the stand-in for Microsoft"]
async fn microsoft_keeps_the_contract() {
    check(azure, Puts::CreateOnly).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the stand-in for Google"]
async fn google_keeps_the_contract() {
    check(gcs, Puts::CreateOnly).await;
}

fn outside() -> Outside {
    Outside { clock: Arc::new(Still), entropy: Arc::new(Counting(AtomicU64::new(0))), blocking: Arc::new(Threads) }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
    fn monotonic_ms(&self) -> u64 {
        0
    }
}

/// Only waits between retries are drawn from it.
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        out.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes()[0]);
    }
}

struct Threads;

impl Blocking for Threads {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        std::thread::spawn(job);
    }
}
