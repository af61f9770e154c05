//! One site, tried: does it do what it must, and if not, what helps?
//!
//! The site itself is asked, beside a running Entente or without one. What is written lies under the names of
//! probes, which nobody takes for data, and is deleted again; nothing else is touched.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::{Outside, Vendor};
use providers::marker::{self, Marker, MarkerError};
use providers::remote::{self, Credentials, Place};
use providers::{Error, ErrorKind, Store};
use serde::Serialize;

use crate::config::{SiteConfig, StoreConfig};
use crate::failure::chain;
use crate::up::site_store;

/// More than a packet and no power of two.
const BYTES: usize = 65_537;
/// For one step; a site that takes longer is no use to a gateway.
const STEP_MAX: Duration = Duration::from_secs(20);
/// What is tried of a site, in this order.
pub const STEPS: [&str; 6] = ["marker", "put", "get", "range", "list", "delete"];

/// What a site answered.
#[derive(Serialize)]
pub struct Report {
    pub name: String,
    pub vendor: &'static str,
    pub region: String,
    /// The highest label that may lie there, which is written by who knows what labels are called.
    pub ceiling: String,
    /// Whose it is: `nobody's`, or an enclave.
    pub held_by: Option<String>,
    pub steps: Vec<Step>,
    /// What does not work, and what to do.
    pub advice: Vec<String>,
}

#[derive(Serialize)]
pub struct Step {
    pub step: &'static str,
    pub millis: f64,
    pub error: Option<String>,
}

impl Report {
    fn new(site: &SiteConfig) -> Report {
        Report {
            name: site.name.clone(),
            vendor: site.vendor.name(),
            region: site.region.clone(),
            ceiling: String::new(),
            held_by: None,
            steps: Vec::new(),
            advice: Vec::new(),
        }
    }

    pub fn unopened(site: &SiteConfig, why: &str) -> Report {
        let mut report = Report::new(site);
        report.advice.push(why.to_owned());
        report
    }

    pub fn works(&self) -> bool {
        self.advice.is_empty() && self.steps.len() == STEPS.len()
    }

    fn note<T>(
        &mut self,
        step: &'static str,
        began: Instant,
        result: Result<T, Error>,
        site: &SiteConfig,
    ) -> Option<T> {
        let millis = began.elapsed().as_secs_f64() * 1e3;
        let error = result.as_ref().err().map(chain_of);
        if let Err(error) = &result {
            self.advice.push(format!("{step}: {}: {}", chain_of(error), advice(error.kind, step, site)));
        }
        self.steps.push(Step { step, millis, error });
        result.ok()
    }
}

fn chain_of(error: &Error) -> String {
    chain(error)
}

/// Tries all of it, or as much as makes sense after what failed.
pub async fn check(site: &SiteConfig, outside: &Outside) -> Report {
    let store = match site_store(site, outside) {
        Ok(store) => store,
        Err(failure) => return Report::unopened(site, &failure.to_string()),
    };
    let mut report = Report::new(site);
    let name = format!("{}check-{}", marker::PROBES, hex::encode(outside.random::<16>()));
    let bytes = Bytes::from(outside.random::<256>().repeat(BYTES.div_ceil(256))).slice(..BYTES);

    let began = Instant::now();
    let held = within(owner(&store)).await;
    // A site that cannot be read at all is not written to either.
    let Some(held) = report.note("marker", began, held, site) else { return report };
    report.held_by = Some(held.to_string());

    let began = Instant::now();
    let put = within(store.put_new(&name, bytes.clone())).await;
    let stored = report.note("put", began, put, site).is_some();
    if stored {
        read_back(&mut report, site, &store, &name, &bytes).await;
    }
    // What a failed put may have left is deleted all the same.
    let began = Instant::now();
    let deleted = within(delete(&store, &name)).await;
    if stored {
        report.note("delete", began, deleted, site);
    }
    report
}

async fn read_back(report: &mut Report, site: &SiteConfig, store: &Arc<dyn Store>, name: &str, bytes: &Bytes) {
    let length = bytes.len() as u64;
    let began = Instant::now();
    let got = within(async { same(&store.get_range(name, 0..length).await?, bytes) }).await;
    report.note("get", began, got, site);
    let began = Instant::now();
    let (start, end) = (length / 3, length / 2);
    let part = bytes.slice(bytes.len() / 3..bytes.len() / 2);
    let got = within(async { same(&store.get_range(name, start..end).await?, &part) }).await;
    report.note("range", began, got, site);
    let began = Instant::now();
    let listed = within(async {
        let entries = store.list(name, None, 2).await?;
        let found = entries.iter().any(|entry| entry.name == name && entry.size == length);
        found.then_some(()).ok_or_else(|| Error::new(ErrorKind::Corrupt, "what was just stored is not in the listing"))
    });
    report.note("list", began, listed.await, site);
}

fn same(read: &Bytes, stored: &Bytes) -> Result<(), Error> {
    let equal = read == stored;
    equal.then_some(()).ok_or_else(|| Error::new(ErrorKind::Corrupt, "other bytes came back than were stored"))
}

/// Gone means gone: a store that still has it afterwards keeps paid copies.
async fn delete(store: &Arc<dyn Store>, name: &str) -> Result<(), Error> {
    store.delete(name).await?;
    match store.head(name).await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(Error::new(ErrorKind::Corrupt, "what was deleted is still there")),
    }
}

async fn within<T>(step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(STEP_MAX, step)
        .await
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::TimedOut, format!("no answer within {} s", STEP_MAX.as_secs()))))
}

/// Whose a site is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    Marked(Marker),
    Nobodys { empty: bool },
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Held::Marked(marker) => write!(f, "enclave {}, as `{}`", marker.enclave, marker.name),
            Held::Nobodys { empty: true } => f.write_str("nobody, empty"),
            Held::Nobodys { empty: false } => f.write_str("nobody, but not empty"),
        }
    }
}

/// The part of the check that writes nothing: whose the site is, or why that cannot be read and what helps.
pub async fn look(site: &SiteConfig, outside: &Outside) -> Result<Held, String> {
    let store = site_store(site, outside).map_err(|failure| failure.to_string())?;
    let held = within(owner(&store)).await;
    held.map_err(|error| format!("{}: {}", chain_of(&error), advice(error.kind, "marker", site)))
}

/// Whose the site is by its marker.
async fn owner(store: &Arc<dyn Store>) -> Result<Held, Error> {
    match marker::read_marker(store.as_ref()).await {
        Ok(Some(marker)) => Ok(Held::Marked(marker)),
        Ok(None) => {
            let entries = store.list("", None, 1).await?;
            let empty = entries.iter().all(|entry| entry.name.starts_with(marker::PROBES));
            Ok(Held::Nobodys { empty })
        }
        Err(MarkerError::Unreachable(error)) => Err(error),
        Err(error) => Err(Error::new(ErrorKind::Corrupt, error)),
    }
}

/// What to do about a failure.
fn advice(kind: ErrorKind, step: &str, site: &SiteConfig) -> String {
    match kind {
        ErrorKind::Denied => {
            let found = match &site.store {
                StoreConfig::Remote(remote::Settings { credentials: Credentials::Chain, .. }) => {
                    " (none are named: they are the variables', the usual file's or this machine's; name others with \
                     `credentials` or `credentials_env`)"
                }
                _ => "",
            };
            let rights = rights(step, site);
            format!("see that the credentials are this site's and valid{found}, and that they may {rights}")
        }
        ErrorKind::Unavailable | ErrorKind::TimedOut => match &site.store {
            StoreConfig::Local(_) => "mount the directory, or put the disk back".to_owned(),
            StoreConfig::Remote(settings) => {
                let through = settings.network.proxy.as_deref().map(|proxy| format!(", and {proxy} lets it through"));
                format!(
                    "see that {} exists and is reached from here{}",
                    place(&settings.place),
                    through.unwrap_or_default()
                )
            }
        },
        ErrorKind::Full => "make room, or raise the quota".to_owned(),
        ErrorKind::Throttled => "the vendor limits the rate: try again later, or ask it for a higher limit".to_owned(),
        ErrorKind::NotFound if step == "put" || step == "marker" => {
            "see that the bucket exists and is spelled right".to_owned()
        }
        ErrorKind::NotFound => {
            "another program deletes here, or a lifecycle rule does: give Entente a bucket of its own".to_owned()
        }
        ErrorKind::AlreadyExists => {
            "the store answers for a name that was never used: see that no proxy or cache stands before it".to_owned()
        }
        ErrorKind::Corrupt => {
            "do not use this site until its vendor has explained it; a cache or proxy in between may be the cause"
                .to_owned()
        }
        ErrorKind::Invalid => "see that the endpoint speaks the protocol of this kind of site".to_owned(),
    }
}

/// The least that a step needs, in the vendor's words.
fn rights(step: &str, site: &SiteConfig) -> &'static str {
    let StoreConfig::Remote(settings) = &site.store else {
        return "read and write the directory";
    };
    let (put, get, list, delete) = match &settings.place {
        Place::S3(_) if site.vendor == Vendor::Oracle => {
            ("OBJECT_CREATE", "OBJECT_READ and OBJECT_INSPECT", "OBJECT_INSPECT", "OBJECT_DELETE")
        }
        Place::S3(_) => ("s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject"),
        Place::Azure(_) => (
            "add and write blobs (Storage Blob Data Contributor)",
            "read blobs (Storage Blob Data Contributor)",
            "list blobs (Storage Blob Data Contributor)",
            "delete blobs (Storage Blob Data Contributor)",
        ),
        Place::Gcs(_) => {
            ("storage.objects.create", "storage.objects.get", "storage.objects.list", "storage.objects.delete")
        }
    };
    match step {
        "put" => put,
        "list" => list,
        "delete" => delete,
        _ => get,
    }
}

fn place(place: &Place) -> String {
    match place {
        Place::S3(place) => {
            format!("bucket `{}` at {}", place.bucket, place.endpoint.as_deref().unwrap_or("Amazon S3 in this region"))
        }
        Place::Azure(place) => {
            let at = place.endpoint.clone().unwrap_or_else(|| format!("account {}", place.account));
            format!("container `{}` at {at}", place.container)
        }
        Place::Gcs(place) => {
            format!("bucket `{}` at {}", place.bucket, place.endpoint.as_deref().unwrap_or("Google Cloud Storage"))
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Handle;

    use super::*;
    use crate::outside;

    fn site(path: &std::path::Path) -> SiteConfig {
        SiteConfig {
            name: "here".to_owned(),
            vendor: Vendor::Own,
            region: "cellar".to_owned(),
            facts: model::SiteFacts::default(),
            store: StoreConfig::Local(path.to_owned()),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_directory_that_works_is_left_as_it_was() {
        let folder = std::env::temp_dir().join(format!("entente-check-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("stranger"), "x").unwrap();
        let report = check(&site(&folder), &outside::real(Handle::current())).await;
        let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|one| one.unwrap().file_name()).collect();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(report.works(), "{:?}", report.advice);
        assert_eq!(report.held_by.as_deref(), Some("nobody, but not empty"));
        assert!(left.iter().all(|name| name == "stranger" || name == "entente-probe"), "{left:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_directory_that_is_missing_is_told_with_advice() {
        let report = check(&site("/nonexistent/entente".as_ref()), &outside::real(Handle::current())).await;
        assert!(!report.works());
        assert!(report.steps.iter().any(|step| step.error.is_some()), "{:?}", report.advice);
        assert!(report.advice.iter().any(|advice| advice.contains("mount the directory")), "{:?}", report.advice);
    }
}
