//! Versions: deleting, listing, and what may be said of one while it stays.

use catalog::{Entry, ListQuery, Page, Proposal, VersionSummary};
use model::{
    Acl, Bucket, Change, Governance, Guard, Marker, ObjectKey, Precondition, Retention, Slot, Tags, Version, VersionId,
    VersionSetting, Which,
};
use policy::{
    BypassGovernance, DeleteObject, DeleteVersion, ListVersions, ObjectAction, Permit, ReadVersion, WriteLock,
    WriteObjectAcl, WriteTags,
};

use crate::api::{Deleted, Engine};
use crate::error::Error;

/// Attempts at saying something of a current version that is replaced meanwhile.
const ATTEMPTS: usize = 8;

impl Engine {
    /// Removes the object. Where versions are kept they stay behind a marker. Removing what is not
    /// there succeeds, unless the condition says otherwise.
    pub async fn delete(&self, permit: Permit<DeleteObject>, condition: Precondition) -> Result<Deleted, Error> {
        self.delete_current(permit, condition).await
    }

    async fn delete_current<A: ObjectAction>(
        &self,
        permit: Permit<A>,
        condition: Precondition,
    ) -> Result<Deleted, Error> {
        let inner = &self.inner;
        inner.enter()?;
        let (bucket, key) = permit.object();
        let stream = inner.stream_of(bucket)?;
        let marker = Marker {
            id: VersionId::random(&inner.outside),
            key: key.clone(),
            slot: Slot::Null,
            modified: inner.outside.clock.now(),
        };
        let change = Change::MarkerPut { bucket: bucket.id, marker };
        let governance = Governance::Obeyed;
        let proposal = Proposal { guard: permit.guard(), condition, governance, change, body: None };
        match inner.commit(&stream, proposal).await? {
            Change::MarkerPut { marker, .. } => {
                Ok(Deleted { version: Some(Which::of(marker.slot, marker.id)), marker: true })
            }
            _ => Ok(Deleted::default()),
        }
    }

    /// Removes one version or marker for good. Removing what is not there succeeds.
    pub async fn delete_version(
        &self,
        permit: Permit<DeleteVersion>,
        which: Which,
        condition: Precondition,
        bypass: Option<Permit<BypassGovernance>>,
    ) -> Result<Deleted, Error> {
        let inner = &self.inner;
        inner.enter()?;
        let (bucket, key) = permit.object();
        let nothing = || Ok(Deleted { version: Some(which), marker: false });
        let (id, slot, marker) = match inner.catalog.find(bucket.id, key, which).await? {
            Some(Entry::Object(object)) => (object.version.id, object.version.slot, false),
            Some(Entry::Marker(marker)) => (marker.id, marker.slot, true),
            // Its deletion may have to hide what an origin holds.
            None if which == Which::Null && inner.adopted(bucket.id).await?.is_some() => {
                return self.delete_current(permit, condition).await;
            }
            None => return nothing(),
        };
        let change = Change::VersionDeleted { bucket: bucket.id, key: key.clone(), version: id, slot };
        let governance = governance(bypass, bucket, key)?;
        let proposal = Proposal { guard: permit.guard(), condition, governance, change, body: None };
        match inner.commit(&inner.stream_of(bucket)?, proposal).await {
            Err(Error::NoSuchVersion) => nothing(),
            Err(error) => Err(error),
            Ok(_) => Ok(Deleted { version: Some(Which::of(slot, id)), marker }),
        }
    }

    /// All versions and markers, by key, newest first.
    pub async fn list_versions(
        &self,
        permit: Permit<ListVersions>,
        query: ListQuery,
        after_version: Option<Which>,
    ) -> Result<Page<VersionSummary>, Error> {
        self.inner.enter_reading();
        Ok(self.inner.catalog.versions(permit.bucket().id, query, after_version).await?)
    }

    /// What is known of a version, without its bytes.
    pub async fn describe(&self, permit: Permit<ReadVersion>, which: Which) -> Result<Version, Error> {
        self.inner.enter_reading();
        let (bucket, key) = permit.object();
        self.version(bucket, key, which).await
    }

    /// Replaces a version's tags; answers which one that was.
    pub async fn set_tags(&self, permit: Permit<WriteTags>, which: Which, tags: Tags) -> Result<Which, Error> {
        let (bucket, key) = permit.object();
        let setting = VersionSetting::Tags(tags);
        self.say(permit.guard(), bucket, key, which, Governance::Obeyed, setting).await
    }

    /// Holds a version until a time, or until nothing. What holds it now is shortened only where the
    /// mode lets it.
    pub async fn set_retention(
        &self,
        permit: Permit<WriteLock>,
        which: Which,
        retention: Option<Retention>,
        bypass: Option<Permit<BypassGovernance>>,
    ) -> Result<Which, Error> {
        let (bucket, key) = permit.object();
        let governance = governance(bypass, bucket, key)?;
        let setting = VersionSetting::Retention(retention);
        self.say(permit.guard(), bucket, key, which, governance, setting).await
    }

    /// Replaces a version's access control list.
    pub async fn set_object_acl(&self, permit: Permit<WriteObjectAcl>, which: Which, acl: Acl) -> Result<Which, Error> {
        let (bucket, key) = permit.object();
        let setting = VersionSetting::Acl(acl);
        self.say(permit.guard(), bucket, key, which, Governance::Obeyed, setting).await
    }

    pub async fn set_legal_hold(
        &self,
        permit: Permit<WriteLock>,
        which: Which,
        hold: LegalHold,
    ) -> Result<Which, Error> {
        let (bucket, key) = permit.object();
        let setting = VersionSetting::LegalHold(hold == LegalHold::On);
        self.say(permit.guard(), bucket, key, which, Governance::Obeyed, setting).await
    }

    /// Of a current version that is replaced meanwhile it is said of the one that replaces it.
    async fn say(
        &self,
        guard: Guard,
        bucket: &Bucket,
        key: &ObjectKey,
        which: Which,
        governance: Governance,
        setting: VersionSetting,
    ) -> Result<Which, Error> {
        let inner = &self.inner;
        inner.enter()?;
        for _ in 0..ATTEMPTS {
            let version = self.version(bucket, key, which).await?;
            let change = Change::VersionSet {
                bucket: bucket.id,
                key: key.clone(),
                version: version.id,
                setting: setting.clone(),
            };
            let (guard, condition) = (guard.clone(), Precondition::None);
            let proposal = Proposal { guard, condition, governance, change, body: None };
            match inner.commit(&inner.stream_of(bucket)?, proposal).await {
                Err(Error::NoSuchVersion) if which == Which::Current => {}
                said => return said.map(|_| Which::of(version.slot, version.id)),
            }
        }
        Err(Error::unavailable("the object is being replaced all the time"))
    }

    async fn version(&self, bucket: &Bucket, key: &ObjectKey, which: Which) -> Result<Version, Error> {
        let find = || self.inner.catalog.find(bucket.id, key, which);
        let mut found = find().await?;
        if found.is_none() && !matches!(which, Which::Own(_)) {
            // Of what lies at an origin nothing can be said before it is here.
            self.inner.bring_now(bucket, key).await?;
            found = find().await?;
        }
        match found {
            Some(Entry::Object(object)) => Ok(object.version),
            Some(Entry::Marker(marker)) => Err(Error::IsMarker { marker: Box::new(marker), which }),
            None => Err(missing(which)),
        }
    }
}

/// A legal hold is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegalHold {
    On,
    Off,
}

/// What is said when nothing was found.
pub(crate) fn missing(which: Which) -> Error {
    match which {
        Which::Current => Error::NoSuchKey,
        Which::Null | Which::Own(_) => Error::NoSuchVersion,
    }
}

/// A permit to bypass holds for its own object.
fn governance(bypass: Option<Permit<BypassGovernance>>, bucket: &Bucket, key: &ObjectKey) -> Result<Governance, Error> {
    match bypass {
        None => Ok(Governance::Obeyed),
        Some(permit) if permit.object() == (bucket, key) => Ok(Governance::Bypassed),
        Some(_) => Err(Error::Internal("the permit to bypass governance is for something else".to_owned())),
    }
}
