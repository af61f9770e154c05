//! Buckets: what a name means, create, delete, list.

use catalog::{ListQuery, ObjectSummary, Page, Proposal};
use model::{
    Aspect, Bucket, BucketId, BucketName, BucketSetting, Change, Governance, Guard, Label, Precondition, Profile,
    Session,
};
use policy::{CreateBucket, DeleteBucket, ListBuckets, ListObjects, Permit, ReadSettings, WriteSettings};

use crate::api::Engine;
use crate::error::Error;
use crate::inner::Inner;

/// A bucket by its name, as somebody means it who knows of nothing above a label.
#[derive(Clone, Copy, Debug)]
pub struct Meant<'a> {
    pub name: &'a BucketName,
    pub highest: Label,
}

impl Engine {
    /// The bucket a name means to this session, if any: the one of its own label, else the single one
    /// below. Labels above or beside are not looked at, so that a name that is taken there costs what a
    /// name costs that nobody took.
    pub async fn resolve(&self, session: &Session, name: &BucketName) -> Result<Option<Bucket>, Error> {
        let inner = &self.inner;
        if let Some(bucket) = inner.lookups.bucket(session.label, name) {
            return Ok(Some(bucket));
        }
        let turn = inner.lookups.turn(session.label);
        let found = match inner.catalog.buckets_named(vec![session.label], name).await?.pop() {
            Some(bucket) => Some(bucket),
            None => {
                let below = inner.streams.labels_below(session.label);
                let found =
                    if below.is_empty() { Vec::new() } else { inner.catalog.buckets_named(below, name).await? };
                single(found)
            }
        };
        // Of a label that is shredded nothing is there, shown or not.
        let found = found.filter(|bucket| inner.streams.of(Some(bucket.label)).is_some());
        if let Some(bucket) = &found {
            inner.lookups.keep_bucket(turn, session.label, bucket);
        }
        Ok(found)
    }

    pub async fn list_buckets(&self, permit: Permit<ListBuckets>) -> Result<Vec<Bucket>, Error> {
        self.inner.enter_reading();
        let session = permit.session();
        let mut buckets = self.inner.catalog.buckets_of(session.principal, session.label).await?;
        for label in self.inner.streams.labels_below(session.label) {
            for below in self.inner.catalog.buckets_of(session.principal, label).await? {
                // One that the name does not mean from here could not be asked for.
                if self.resolve(session, &below.name).await?.is_some_and(|meant| meant.id == below.id) {
                    buckets.push(below);
                }
            }
        }
        Ok(buckets)
    }

    /// Creates a bucket at the session's label; `profile` is the enclave's default when `None`. It has
    /// the `settings` from its first moment.
    pub async fn create_bucket(
        &self,
        permit: Permit<CreateBucket>,
        name: BucketName,
        profile: Option<Profile>,
        settings: Vec<BucketSetting>,
    ) -> Result<Bucket, Error> {
        let inner = &self.inner;
        inner.enter()?;
        let session = permit.session();
        let profile = profile.unwrap_or(inner.settings.default_profile);
        inner.check_vendors(profile, session.label)?;
        let map = inner.sites.map(profile, Some(session.label), &[], 0);
        map.map_err(|under| Error::unavailable(under.to_string()))?;
        let bucket = Bucket {
            id: BucketId::random(&inner.outside),
            name,
            label: session.label,
            profile,
            owner: session.principal,
            created: inner.outside.clock.now(),
        };
        // From its first record on, the bucket's journal keeps the bucket's promise.
        let stream = inner.stream_of(&bucket)?;
        inner.raise_journal(stream.id, bucket.label, profile);
        let guard = Guard { bucket: None, ..permit.guard() };
        let change = Change::BucketCreated(bucket.clone(), settings);
        let condition = Precondition::None;
        let proposal = Proposal { guard, condition, governance: Governance::Obeyed, change, body: None };
        inner.commit(&stream, proposal).await?;
        Ok(bucket)
    }

    /// Deletes an empty bucket; uploads in progress go with it.
    pub async fn delete_bucket(&self, permit: Permit<DeleteBucket>) -> Result<(), Error> {
        let inner = &self.inner;
        inner.enter()?;
        let bucket = permit.bucket();
        let change = Change::BucketDeleted { bucket: bucket.id };
        let condition = Precondition::None;
        let proposal =
            Proposal { guard: permit.guard(), condition, governance: Governance::Obeyed, change, body: None };
        inner.commit(&inner.stream_of(bucket)?, proposal).await.map(drop)
    }

    /// What holds of one aspect of the bucket; unset where it was never told.
    pub async fn bucket_setting(&self, permit: Permit<ReadSettings>, aspect: Aspect) -> Result<BucketSetting, Error> {
        self.inner.enter_reading();
        Ok(self.inner.catalog.bucket_setting(permit.bucket().id, aspect).await?)
    }

    /// Sets one aspect of the bucket; [`Aspect::unset`] takes it back.
    pub async fn set_bucket_setting(&self, permit: Permit<WriteSettings>, setting: BucketSetting) -> Result<(), Error> {
        let inner = &self.inner;
        inner.enter()?;
        let bucket = permit.bucket();
        let change = Change::BucketSet { bucket: bucket.id, setting: setting.clone() };
        let condition = Precondition::None;
        let proposal =
            Proposal { guard: permit.guard(), condition, governance: Governance::Obeyed, change, body: None };
        inner.commit(&inner.stream_of(bucket)?, proposal).await?;
        if let BucketSetting::Lifecycle(lifecycle) = &setting {
            inner.lifecycles.set(bucket.id, lifecycle);
        }
        Ok(())
    }

    pub async fn list(&self, permit: Permit<ListObjects>, query: ListQuery) -> Result<Page<ObjectSummary>, Error> {
        let inner = &self.inner;
        inner.enter_reading();
        let bucket = permit.bucket().id;
        match inner.adopted(bucket).await? {
            Some(adopted) => inner.list_merged(bucket, &adopted, query).await,
            None => Ok(inner.catalog.list(bucket, query).await?),
        }
    }
}

/// The bucket, if there is exactly one.
fn single(mut buckets: Vec<Bucket>) -> Option<Bucket> {
    buckets.pop().filter(|_| buckets.is_empty())
}

impl Inner {
    /// The bucket that is meant. Names are unique per label: one above says nothing of one below.
    pub(crate) async fn named(&self, Meant { name, highest }: Meant<'_>) -> Result<Bucket, Error> {
        let mut labels = self.streams.labels();
        labels.retain(|label| *label <= highest);
        let mut found = self.catalog.buckets_named(labels, name).await?;
        match (found.pop(), found.is_empty()) {
            (Some(bucket), true) => Ok(bucket),
            (Some(_), false) => Err(Error::Invalid(format!("buckets of several labels are called `{name}`"))),
            (None, _) => Err(Error::NoSuchBucket),
        }
    }
}
