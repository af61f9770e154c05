//! Moving in: a bucket takes over what lies in a foreign one, its origin, while clients use it.
//!
//! ```text
//!  find, list ──► catalog ──(nothing here)──► origin        beneath: what reads fall through to
//!  put, delete ─► catalog decides, told what lies beneath   commit: the engine looks and asks again
//!  background ──► origin ──► intake ──► catalog, if still untouched
//! ```
//!
//! The origin is only ever read. What is not here is never called absent before the origin said so.

mod beneath;
mod bring;
mod copy;
mod difference;
mod merge;
mod pace;
mod plan;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use catalog::Proposal;
use model::adoption::Stage;
use model::{
    Adoption, AdoptionProgress, Aspect, Bucket, BucketId, BucketName, BucketSetting, Change, Governance, Guard,
    OriginAddress, Precondition,
};
use policy::SystemPermit;
use providers::{Origin, OriginError, OriginErrorKind, Origins, Patient};
use tokio::sync::Notify;

use crate::api::Engine;
use crate::bucket::Meant;
use crate::error::Error;
use crate::inner::Inner;

pub(crate) use beneath::Beneath;
pub use difference::{Difference, Differing, Odd};
pub use pace::Pace;
pub use plan::AdoptionPlan;

/// What operators see of one adoption.
#[derive(Clone, Debug)]
pub struct AdoptionStatus {
    pub bucket: Bucket,
    pub adoption: Adoption,
    pub progress: AdoptionProgress,
    /// To the origin since this process began, every try counted, by kind.
    pub requests: BTreeMap<&'static str, u64>,
    /// Bytes of the origin's objects read since this process began, for clients and for the copy.
    pub bytes_read: u64,
    /// Why the background copy does not go on, if it does not.
    pub trouble: Option<String>,
}

/// The enclave's ways to origins.
pub struct Adoptions {
    origins: Arc<dyn Origins>,
    opened: Mutex<BTreeMap<OriginAddress, Arc<Patient>>>,
    /// What the background copy last stumbled over.
    trouble: Mutex<BTreeMap<BucketId, String>>,
    /// An adoption began, went on or changed its budget.
    pub(crate) woken: Notify,
}

impl Adoptions {
    pub fn new(origins: Arc<dyn Origins>) -> Adoptions {
        Adoptions { origins, opened: Mutex::default(), trouble: Mutex::default(), woken: Notify::new() }
    }

    /// The origin at this address; opened once.
    fn open(&self, address: &OriginAddress) -> Result<Arc<Patient>, OriginError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(origin) = opened.get(address) {
            return Ok(Arc::clone(origin));
        }
        let origin = Arc::new(Patient::new(self.origins.open(address)?));
        opened.insert(address.clone(), Arc::clone(&origin));
        Ok(origin)
    }

    /// The origin if it is open, and what its copy stumbled over.
    fn known(&self, bucket: BucketId, address: &OriginAddress) -> (Option<Arc<Patient>>, Option<String>) {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        (opened.get(address).cloned(), trouble.get(&bucket).cloned())
    }

    fn stumble(&self, bucket: BucketId, over: Option<String>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match over {
            Some(over) => drop(trouble.insert(bucket, over)),
            None => drop(trouble.remove(&bucket)),
        }
    }
}

/// A bucket whose adoption is open, with the way to its origin.
pub(crate) struct Adopted {
    pub origin: Arc<Patient>,
}

/// What the origin's failure means for whoever asked the bucket: never that something is absent.
pub(crate) fn at_origin(error: &OriginError) -> Error {
    Error::unavailable(format!("{error}, and the bucket is being adopted from there"))
}

impl Engine {
    /// Begins to adopt `origin` into the bucket, or lets a paused adoption of the same one go on. The
    /// origin is listed once before anything is decided: a wrong address or key is told here.
    pub async fn adopt(
        &self,
        _: &SystemPermit,
        meant: Meant<'_>,
        origin: OriginAddress,
        budget: Option<u64>,
    ) -> Result<Adoption, Error> {
        let inner = &self.inner;
        inner.enter()?;
        let bucket = inner.named(meant).await?;
        let begun = match inner.adoption(bucket.id).await? {
            Some(adoption) if !adoption.is_open() => return Err(closed(&bucket.name)),
            Some(adoption) if adoption.origin != origin => {
                return Err(Error::Invalid(format!("bucket `{}` is being adopted from another origin", bucket.name)));
            }
            Some(adoption) => adoption.begun,
            None => inner.outside.clock.now(),
        };
        let opened = inner.adoptions.open(&origin).map_err(|error| refused(&error))?;
        opened.list("", None, 1).await.map_err(|error| refused(&error))?;
        let adoption = Adoption { origin, begun, budget, stage: Stage::Copying };
        inner.set_adoption(&bucket, adoption.clone()).await?;
        inner.adoptions.woken.notify_one();
        Ok(adoption)
    }

    /// Lets the background copy rest; reads fall through as before.
    pub async fn pause_adoption(&self, _: &SystemPermit, meant: Meant<'_>) -> Result<Adoption, Error> {
        self.inner.enter()?;
        self.turn(meant, Stage::Paused).await
    }

    /// Lets a paused copy go on, at this budget.
    pub async fn resume_adoption(
        &self,
        _: &SystemPermit,
        meant: Meant<'_>,
        budget: Option<u64>,
    ) -> Result<Adoption, Error> {
        let inner = &self.inner;
        inner.enter()?;
        let bucket = inner.named(meant).await?;
        let adoption = Adoption { budget, stage: Stage::Copying, ..inner.open_adoption(&bucket).await? };
        inner.set_adoption(&bucket, adoption.clone()).await?;
        inner.adoptions.woken.notify_one();
        Ok(adoption)
    }

    /// Ends the fall-through if nothing differs; else changes nothing and tells what does.
    pub async fn finish_adoption(&self, _: &SystemPermit, meant: Meant<'_>) -> Result<Difference, Error> {
        let inner = &self.inner;
        inner.enter()?;
        let bucket = inner.named(meant).await?;
        inner.open_adoption(&bucket).await?;
        let difference = inner.difference(&bucket).await?;
        if difference.is_empty() {
            self.turn(meant, Stage::Proven { at: inner.outside.clock.now() }).await?;
        }
        Ok(difference)
    }

    /// Ends the fall-through without proof.
    pub async fn abandon_adoption(&self, _: &SystemPermit, meant: Meant<'_>) -> Result<Adoption, Error> {
        let inner = &self.inner;
        inner.enter()?;
        self.turn(meant, Stage::Abandoned { at: inner.outside.clock.now() }).await
    }

    /// Every adoption there is or was.
    pub async fn adoptions(&self, _: &SystemPermit) -> Result<Vec<AdoptionStatus>, Error> {
        let inner = &self.inner;
        let mut all = Vec::new();
        for (bucket, adoption) in inner.all_adoptions().await? {
            let (origin, trouble) = inner.adoptions.known(bucket.id, &adoption.origin);
            all.push(AdoptionStatus {
                progress: inner.adoption_progress(bucket.id).await?,
                requests: origin.as_ref().map(|origin| origin.requests()).unwrap_or_default(),
                bytes_read: origin.as_ref().map_or(0, |origin| origin.bytes()),
                trouble,
                bucket,
                adoption,
            });
        }
        Ok(all)
    }

    async fn turn(&self, meant: Meant<'_>, stage: Stage) -> Result<Adoption, Error> {
        let inner = &self.inner;
        let bucket = inner.named(meant).await?;
        let adoption = Adoption { stage, ..inner.open_adoption(&bucket).await? };
        inner.set_adoption(&bucket, adoption.clone()).await?;
        inner.adoptions.stumble(bucket.id, None);
        Ok(adoption)
    }
}

fn closed(name: &BucketName) -> Error {
    Error::Invalid(format!("bucket `{name}` has adopted before, and adopts once: take another bucket"))
}

/// An origin that cannot be read is the operator's to mend.
fn refused(error: &OriginError) -> Error {
    match error.kind {
        OriginErrorKind::Throttled | OriginErrorKind::Unavailable => Error::unavailable(error.to_string()),
        _ => Error::Invalid(error.to_string()),
    }
}

impl Inner {
    async fn adoption(&self, bucket: BucketId) -> Result<Option<Adoption>, Error> {
        match self.catalog.bucket_setting(bucket, Aspect::Adoption).await? {
            BucketSetting::Adoption(adoption) => Ok(adoption),
            _ => Ok(None),
        }
    }

    async fn open_adoption(&self, bucket: &Bucket) -> Result<Adoption, Error> {
        let name = &bucket.name;
        let adoption = self.adoption(bucket.id).await?;
        let adoption = adoption.ok_or_else(|| Error::Invalid(format!("bucket `{name}` adopts nothing")))?;
        if adoption.is_open() { Ok(adoption) } else { Err(closed(name)) }
    }

    async fn adoption_progress(&self, bucket: BucketId) -> Result<AdoptionProgress, Error> {
        match self.catalog.bucket_setting(bucket, Aspect::AdoptionProgress).await? {
            BucketSetting::AdoptionProgress(progress) => Ok(progress),
            _ => Ok(AdoptionProgress::default()),
        }
    }

    async fn all_adoptions(&self) -> Result<Vec<(Bucket, Adoption)>, Error> {
        let all = self.catalog.buckets_with(Aspect::Adoption).await?;
        let adoption = |(bucket, setting)| match setting {
            BucketSetting::Adoption(Some(adoption)) => Some((bucket, adoption)),
            _ => None,
        };
        Ok(all.into_iter().filter_map(adoption).collect())
    }

    /// The open adoption of the bucket, if it has one. That its origin cannot be opened is a failure:
    /// nothing may be called absent without it.
    pub(crate) async fn adopted(&self, bucket: BucketId) -> Result<Option<Adopted>, Error> {
        let Some(adoption) = self.adoption(bucket).await?.filter(Adoption::is_open) else { return Ok(None) };
        let origin = self.adoptions.open(&adoption.origin).map_err(|error| at_origin(&error))?;
        Ok(Some(Adopted { origin }))
    }

    async fn set_adoption(self: &Arc<Self>, bucket: &Bucket, adoption: Adoption) -> Result<(), Error> {
        self.set_by_system(bucket, BucketSetting::Adoption(Some(adoption))).await
    }

    pub(crate) async fn set_by_system(self: &Arc<Self>, bucket: &Bucket, setting: BucketSetting) -> Result<(), Error> {
        let change = Change::BucketSet { bucket: bucket.id, setting };
        let guard = Guard { bucket: Some((bucket.id, bucket.label)), ..Guard::default() };
        let (condition, governance) = (Precondition::None, Governance::Obeyed);
        let proposal = Proposal { guard, condition, governance, change, body: None };
        self.commit(&self.stream_of(bucket)?, proposal).await.map(drop)
    }
}
