//! What a verdict about others than the owner depends on, and the lists it reads.

use std::sync::Arc;

use catalog::{Entry, Proposal};
use model::{
    Acl, Aspect, Bucket, BucketSetting, Change, Document, Governance, Label, ObjectKey, Precondition, PrincipalId,
    Session, UploadId, Which,
};
use policy::{Access, Permit, Preflight, WriteBucketAcl};

use crate::api::Engine;
use crate::error::Error;

impl Engine {
    /// The session of a request that proves nothing.
    pub fn anonymous(&self) -> Session {
        // Not the lowest of the range: an enclave that begins at SECRET shows nothing to nobody.
        let label = Label::lowest_of(self.inner.settings.range.low().table());
        Session { label, ..Session::anonymous() }
    }

    /// What a principal or group is called; `None` if there is none of this id.
    pub async fn name_of(&self, principal: PrincipalId) -> Result<Option<String>, Error> {
        if let Some(found) = self.inner.catalog.principal(principal).await? {
            return Ok(Some(found.name));
        }
        let groups = self.inner.catalog.groups().await?;
        Ok(groups.into_iter().find(|group| group.id == principal).map(|group| group.name))
    }

    /// What the bucket says about those who do not own it. It tells nothing to anybody: a verdict asks
    /// before there can be a permit.
    pub async fn access(&self, bucket: &Bucket) -> Result<Arc<Access>, Error> {
        let inner = &self.inner;
        if let Some(access) = inner.lookups.access(bucket) {
            return Ok(access);
        }
        let turn = inner.lookups.turn(bucket.label);
        let mut access = Access::default();
        for aspect in [Aspect::Grants, Aspect::Acl, Aspect::Ownership, Aspect::PublicAccess] {
            match inner.catalog.bucket_setting(bucket.id, aspect).await? {
                BucketSetting::Grants(grants) => access.grants = grants,
                BucketSetting::Acl(acl) => access.acl = acl,
                BucketSetting::Ownership(ownership) => access.ownership = ownership,
                BucketSetting::PublicAccess(public) => access.public = public,
                _ => {}
            }
        }
        let access = Arc::new(access);
        inner.lookups.keep_access(turn, bucket, &access);
        Ok(access)
    }

    /// The list of a version, for a verdict; `None` if there is no such object.
    pub async fn object_acl(&self, bucket: &Bucket, key: &ObjectKey, which: Which) -> Result<Option<Acl>, Error> {
        Ok(match self.inner.catalog.find(bucket.id, key, which).await? {
            Some(Entry::Object(object)) => Some(object.version.metadata.acl),
            Some(Entry::Marker(_)) | None => None,
        })
    }

    /// Who began the upload, for a verdict; `None` if it is not under way.
    pub async fn initiator(&self, bucket: &Bucket, upload: UploadId) -> Result<Option<PrincipalId>, Error> {
        Ok(self.inner.catalog.upload(bucket.id, upload).await?.map(|upload| upload.owner))
    }

    /// The rules that browsers are told; empty if there are none.
    pub async fn cross_origin_rules(&self, permit: Permit<Preflight>) -> Result<Document, Error> {
        self.inner.enter_reading();
        match self.inner.catalog.bucket_setting(permit.bucket().id, Aspect::Cors).await? {
            BucketSetting::Cors(document) => Ok(document),
            _ => Ok(Document::default()),
        }
    }

    pub async fn set_bucket_acl(&self, permit: Permit<WriteBucketAcl>, acl: Acl) -> Result<(), Error> {
        let inner = &self.inner;
        inner.enter()?;
        let bucket = permit.bucket();
        let change = Change::BucketSet { bucket: bucket.id, setting: BucketSetting::Acl(acl) };
        let (condition, governance) = (Precondition::None, Governance::Obeyed);
        let proposal = Proposal { guard: permit.guard(), condition, governance, change, body: None };
        inner.commit(&inner.stream_of(bucket)?, proposal).await.map(|_| ())
    }
}
