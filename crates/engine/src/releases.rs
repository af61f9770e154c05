//! Releases: asked for, signed by two others, carried out as a copy to a lower label.
//!
//! Each step is a record in the stream of the source's label, and the catalog lets a release go on one step
//! at a time. What is copied is the version that was signed, or nothing.

use catalog::Entry;
use model::{
    Bucket, BucketName, Change, Label, ObjectKey, Precondition, Principal, PrincipalId, Release, ReleaseId,
    ReleaseState, Signature, Source, Which,
};
use policy::release::{Asker, End, may_sign, permit_to_look, permits, session};
use policy::{Action, GetObject, Permit, PutObject, SystemPermit, decide};

use crate::api::{Engine, Found};
use crate::copy::Copy;
use crate::error::Error;

/// Enough for a paragraph.
const REASON_BYTES_MAX: usize = 2000;

/// Where a release is to lead.
#[derive(Clone, Debug)]
pub struct Destination {
    pub label: Label,
    pub bucket: BucketName,
    pub key: ObjectKey,
}

impl Engine {
    /// Asks that a version be copied to a bucket whose label does not dominate its own.
    pub async fn ask_release(
        &self,
        from: Permit<GetObject>,
        which: Which,
        to: Destination,
        reason: &str,
    ) -> Result<Release, Error> {
        let inner = &self.inner;
        inner.enter()?;
        if reason.trim().is_empty() || reason.len() > REASON_BYTES_MAX {
            let why = format!("say why in 1 to {REASON_BYTES_MAX} bytes: those who sign read it");
            return Err(Error::Invalid(why));
        }
        let (source, key) = from.object();
        // What is not at or below the session is not there to be named.
        let target = match to.label <= from.session().label {
            true => inner.catalog.bucket_named(to.label, &to.bucket).await?.ok_or(Error::NoSuchBucket)?,
            false => return Err(Error::NoSuchBucket),
        };
        if target.label >= source.label {
            let why = "the target's label is not lower: copy the object, that needs no release";
            return Err(Error::Invalid(why.to_owned()));
        }
        let asked_by = from.session().principal;
        let found = self.found(&from, which).await?;
        let release = Release {
            id: ReleaseId::random(&inner.outside),
            asked_by,
            asked: inner.outside.clock.now(),
            reason: reason.to_owned(),
            source: Source { bucket: source.id, key: key.clone(), version: found.version.id },
            source_label: source.label,
            etag: found.version.etag.clone(),
            size: found.version.size,
            target: target.id,
            target_label: target.label,
            target_key: to.key,
            signatures: Vec::new(),
            state: ReleaseState::Open,
        };
        // Better told now than to those who have signed.
        let asker = self.principal(asked_by).await?;
        let writes = session(Asker { principal: &asker, groups: &from.session().groups }, &target);
        let access = self.access(&target).await?;
        let verdict = decide(&writes, &PutObject::FACTS, &target, &access, None);
        verdict.outcome.map_err(Error::Refused)?;
        self.set_release(release).await
    }

    /// Those whose source lies at or below this label.
    pub async fn releases(&self, _: &SystemPermit, label: Label) -> Result<Vec<Release>, Error> {
        let releases = self.inner.catalog.releases().await?;
        Ok(releases.into_iter().filter(|release| release.source_label <= label).collect())
    }

    /// One of them, with its source and target as they are now.
    pub async fn release(&self, _: &SystemPermit, label: Label, id: ReleaseId) -> Result<Release, Error> {
        let release = self.inner.catalog.release(id).await?;
        release.filter(|release| release.source_label <= label).ok_or(Error::NoSuchRelease)
    }

    /// What is to be released, for one who may sign: that version and no other.
    pub async fn look(&self, permit: &SystemPermit, id: ReleaseId, by: PrincipalId) -> Result<Found, Error> {
        let signer = self.principal(by).await?;
        let release = self.release(permit, signer.clearance, id).await?;
        let source = self.bucket_of(release.source.bucket).await?;
        let permit = permit_to_look(&release, &signer, &source).map_err(Error::Refused)?;
        let found = self.find_version(permit, self.which_of(&release).await?).await?;
        match found.version.id == release.source.version {
            true => Ok(found),
            false => {
                Err(Error::Invalid("the object was replaced since this was asked for: end the release".to_owned()))
            }
        }
    }

    /// Adds a signature. With the last one that is needed it is carried out; if that fails the signatures
    /// stand, and [`Engine::carry_out`] tries again.
    pub async fn sign_release(&self, permit: &SystemPermit, id: ReleaseId, by: PrincipalId) -> Result<Release, Error> {
        let signer = self.principal(by).await?;
        let mut release = self.release(permit, signer.clearance, id).await?;
        if !release.is_open() {
            return Err(Error::ReleaseChanged);
        }
        may_sign(&release, &signer).map_err(Error::Refused)?;
        release.signatures.push(Signature { by, at: self.inner.outside.clock.now() });
        let release = self.set_release(release).await?;
        match release.is_signed() {
            true => self.carry_out(permit, id).await,
            false => Ok(release),
        }
    }

    /// Ends a release that is open: a no, or taken back.
    pub async fn end_release(&self, permit: &SystemPermit, id: ReleaseId, by: PrincipalId) -> Result<Release, Error> {
        let who = self.principal(by).await?;
        let release = self.release(permit, who.clearance, id).await?;
        let state = ReleaseState::Ended { by, at: self.inner.outside.clock.now() };
        self.set_release(Release { state, ..release }).await
    }

    /// Copies what was signed. The target's key must be free: a release replaces nothing, and carried out
    /// twice it makes nothing twice.
    pub async fn carry_out(&self, _: &SystemPermit, id: ReleaseId) -> Result<Release, Error> {
        let release = self.inner.catalog.release(id).await?.ok_or(Error::NoSuchRelease)?;
        let (source, target) = (self.bucket_of(release.source.bucket).await?, self.bucket_of(release.target).await?);
        let (from_access, to_access) = (self.access(&source).await?, self.access(&target).await?);
        let which = self.which_of(&release).await?;
        let list = self.object_acl(&source, &release.source.key, which).await?.ok_or(Error::NoSuchKey)?;
        let asker = self.principal(release.asked_by).await?;
        let groups = self.groups_of(release.asked_by).await?;
        let mut signers = Vec::new();
        for signature in &release.signatures {
            signers.push(self.principal(signature.by).await?);
        }
        let asker = Asker { principal: &asker, groups: &groups };
        let source = End { bucket: &source, access: &from_access };
        let target = End { bucket: &target, access: &to_access };
        let (from, to) = permits(&release, asker, &signers, source, &list, target).map_err(Error::Refused)?;
        let copy = Copy {
            pinned: Some(release.source.version),
            condition: Precondition::Absent,
            source_acl: list,
            ..Copy::default()
        };
        match Box::pin(self.copy(from, which, to, copy)).await {
            Ok(_) => {}
            // By an attempt that was cut short.
            Err(Error::PreconditionFailed) if self.is_there(&release).await? => {}
            Err(Error::PreconditionFailed) => {
                let why = "nothing was released: the target's key is taken, or the source was replaced since it was \
                           signed. Free the key and carry the release out again, or end it";
                return Err(Error::Invalid(why.to_owned()));
            }
            Err(error) => return Err(error),
        }
        let state = ReleaseState::Done { at: self.inner.outside.clock.now() };
        self.set_release(Release { state, ..release }).await
    }

    /// Whether what was signed is at the target already.
    async fn is_there(&self, release: &Release) -> Result<bool, Error> {
        let there = self.inner.catalog.object(release.target, &release.target_key).await?;
        Ok(there.is_some_and(|object| (&object.version.etag, object.version.size) == (&release.etag, release.size)))
    }

    async fn set_release(&self, release: Release) -> Result<Release, Error> {
        let stream = self.inner.streams.of(Some(release.source_label));
        let stream = stream.ok_or_else(|| Error::Internal("the source's label has no stream".to_owned()))?;
        self.inner.commit_system(stream.id, Change::ReleaseSet(release.clone())).await?;
        Ok(release)
    }

    pub(crate) async fn principal(&self, id: PrincipalId) -> Result<Principal, Error> {
        self.inner.catalog.principal(id).await?.ok_or(Error::NoSuchPrincipal)
    }

    async fn bucket_of(&self, id: model::BucketId) -> Result<Bucket, Error> {
        self.inner.catalog.bucket(id).await?.ok_or(Error::NoSuchBucket)
    }

    /// How the version that was signed is asked for: by its own id, or as what has the null slot.
    async fn which_of(&self, release: &Release) -> Result<Which, Error> {
        let Source { bucket, key, version } = &release.source;
        let own = Which::Own(*version);
        match self.inner.catalog.find(*bucket, key, own).await? {
            Some(Entry::Object(_)) => Ok(own),
            _ => Ok(Which::Null),
        }
    }
}
