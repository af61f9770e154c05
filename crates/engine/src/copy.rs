//! CopyObject and UploadPartCopy. Within one label and profile the bodies' keys are wrapped anew and
//! their extents shared, so that no byte moves; else the bytes are read and written again.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use catalog::Proposal;
use coding::chunk::BodyKey;
use coding::keys::WrapContext;
use futures::TryStreamExt;
use model::condition::ReadVerdict;
use model::{
    Acl, Algorithm, BodySlice, Bucket, Change, Checksum, ChecksumKind, ETag, Governance, Lock, Metadata, ObjectKey,
    Part, Precondition, ReadConditions, Source, Tags, Upload, UploadId, Version, VersionId, Which,
};
use policy::{GetObject, Permit, PutObject};

use crate::api::{Body, Declared, Engine, Found, Put, Written};
use crate::error::{BodyError, BodyErrorKind, Error};
use crate::limits::{BODY_MAX, PART_NUMBER_MAX};
use crate::put::hex;

/// Attempts at sharing with a source that is replaced meanwhile.
const ATTEMPTS: usize = 8;

/// A CopyObject without its source and target.
#[derive(Default)]
pub struct Copy {
    /// On the source.
    pub source: ReadConditions,
    /// The source is this version and no other.
    pub pinned: Option<VersionId>,
    /// On what is at the target.
    pub condition: Precondition,
    /// In place of the source's.
    pub metadata: Option<Metadata>,
    /// In place of the source's.
    pub tags: Option<Tags>,
    pub lock: Lock,
    /// The copy is to have this checksum.
    pub checksum: Option<Algorithm>,
    /// The list by which the source may be read; what has another by now is not copied.
    pub source_acl: Acl,
    /// The copy's; the source's never comes along.
    pub acl: Acl,
}

/// What a copy became, and of what.
#[derive(Clone, Debug)]
pub struct Copied {
    pub written: Written,
    /// The source's version, where its bucket keeps them.
    pub source: Option<Which>,
}

impl Engine {
    /// Makes what is at `from` the object at `to`.
    pub async fn copy(
        &self,
        from: Permit<GetObject>,
        which: Which,
        to: Permit<PutObject>,
        copy: Copy,
    ) -> Result<Copied, Error> {
        self.inner.enter()?;
        // What lies where is decided with this in view: moves wait for it.
        let _term = self.inner.epochs.begin();
        for _ in 0..ATTEMPTS {
            let found = self.found(&from, which).await?;
            check_readable(&found.version, &copy.source_acl)?;
            check_source(&found.version, &copy.source)?;
            if copy.pinned.is_some_and(|pinned| pinned != found.version.id) {
                return Err(Error::PreconditionFailed);
            }
            if found.version.size > BODY_MAX {
                return Err(Error::Invalid(format!("a copy has {BODY_MAX} bytes at most: copy it in parts")));
            }
            let source = found.which();
            let has = |algorithm| found.version.checksums.iter().any(|checksum| checksum.algorithm == algorithm);
            // What lies at an origin cannot be shared with.
            if !found.is_here() || !self.alike(from.object().0, to.object().0, &found) || !copy.checksum.is_none_or(has)
            {
                let written = self.copy_bytes(found, to, copy).await?;
                return Ok(Copied { written, source });
            }
            match self.copy_by_sharing(&from, &found, &to, &copy).await {
                Err(Error::SourceGone) => {}
                written => return Ok(Copied { written: written?, source }),
            }
        }
        Err(Error::unavailable("the source is being replaced all the time"))
    }

    async fn copy_by_sharing(
        &self,
        from: &Permit<GetObject>,
        found: &Found,
        to: &Permit<PutObject>,
        copy: &Copy,
    ) -> Result<Written, Error> {
        let inner = &self.inner;
        let (bucket, key) = to.object();
        let secret = inner.label_key(&bucket.label)?;
        let (id, from_version) = (VersionId::random(&inner.outside), &found.version);
        let context = WrapContext::Version {
            label: &bucket.label,
            bucket: bucket.id,
            key,
            version: id,
            bodies: &from_version.bodies,
        };
        let version = Version {
            id,
            key: key.clone(),
            modified: inner.outside.clock.now(),
            metadata: Metadata {
                acl: copy.acl.clone(),
                ..copy.metadata.clone().unwrap_or_else(|| from_version.metadata.clone())
            },
            tags: copy.tags.clone().unwrap_or_else(|| from_version.tags.clone()),
            lock: copy.lock,
            wrap: secret.wrap_bodies(&context, found.keys(), &inner.outside),
            brought: None,
            ..from_version.clone()
        };
        let mut written = Written::of(&version);
        let change = Change::ObjectCopied { bucket: bucket.id, version, source: source(from, from_version) };
        let (guard, condition, governance) = (to.guard(), copy.condition.clone(), Governance::Obeyed);
        let proposal = Proposal { guard, condition, governance, change, body: None };
        let decided = inner.commit(&inner.stream_of(bucket)?, proposal).await?;
        written.note(self, &decided);
        Ok(written)
    }

    async fn copy_bytes(&self, found: Found, to: Permit<PutObject>, copy: Copy) -> Result<Written, Error> {
        let version = &found.version;
        let put = Put {
            metadata: Metadata { acl: copy.acl, ..copy.metadata.unwrap_or_else(|| version.metadata.clone()) },
            tags: copy.tags.unwrap_or_else(|| version.tags.clone()),
            lock: copy.lock,
            condition: copy.condition,
            declared: declared(version.size, copy.checksum),
        };
        let whole = 0..version.size;
        let (body, broken) = body_of(found, whole);
        broken.or(Box::pin(self.put(to, put, body)).await)
    }

    /// Makes a range of what is at `from` a part of an upload.
    pub async fn copy_part(
        &self,
        from: Permit<GetObject>,
        which: Which,
        to: Permit<PutObject>,
        upload: UploadId,
        part: CopyPart,
    ) -> Result<Copied, Error> {
        let inner = &self.inner;
        inner.enter()?;
        if !(1..=PART_NUMBER_MAX).contains(&part.number) {
            return Err(Error::Invalid(format!("part number {} is not between 1 and {PART_NUMBER_MAX}", part.number)));
        }
        let _term = inner.epochs.begin();
        for _ in 0..ATTEMPTS {
            let found = self.found(&from, which).await?;
            let version = &found.version;
            check_readable(version, &part.source_acl)?;
            check_source(version, &part.source)?;
            let range = part.range.clone().unwrap_or(0..version.size);
            if range.end > version.size {
                return Err(Error::InvalidRange { size: version.size });
            }
            if range.end - range.start > BODY_MAX {
                return Err(Error::TooLarge { max: BODY_MAX });
            }
            let source = found.which();
            let (bucket, key) = to.object();
            let into = inner.catalog.upload(bucket.id, upload).await?.filter(|upload| upload.key == *key);
            let into = into.ok_or(Error::NoSuchUpload)?;
            let shared = share(&found, &range, &into);
            let Some(share) = shared.filter(|_| found.is_here() && self.alike(from.object().0, bucket, &found)) else {
                let declared = declared(range.end - range.start, into.checksum.map(|(algorithm, _)| algorithm));
                let (body, broken) = body_of(found, range);
                let written = broken.or(Box::pin(self.put_part(to, upload, part.number, declared, body)).await)?;
                return Ok(Copied { written, source });
            };
            match self.share_part(&from, version, &to, &into, part.number, share).await {
                Err(Error::SourceGone) => {}
                written => return Ok(Copied { written: written?, source }),
            }
        }
        Err(Error::unavailable("the source is being replaced all the time"))
    }

    async fn share_part(
        &self,
        from: &Permit<GetObject>,
        version: &Version,
        to: &Permit<PutObject>,
        upload: &Upload,
        number: u16,
        share: Share,
    ) -> Result<Written, Error> {
        let inner = &self.inner;
        let bucket = to.object().0;
        let secret = inner.label_key(&bucket.label)?;
        let Share { body, key, etag, checksums } = share;
        let context =
            WrapContext::Part { label: &bucket.label, bucket: bucket.id, upload: upload.id, number, body: &body };
        let part = Part {
            number,
            size: body.length,
            etag: etag.clone(),
            modified: inner.outside.clock.now(),
            checksums: checksums.clone(),
            wrap: secret.wrap_bodies(&context, &[key], &inner.outside),
            body,
        };
        let written =
            Written { etag, size: part.size, checksums, version: None, modified: part.modified, expiry: None };
        let change = Change::PartCopied { bucket: bucket.id, upload: upload.id, part, source: source(from, version) };
        let (condition, governance) = (Precondition::None, Governance::Obeyed);
        let proposal = Proposal { guard: to.guard(), condition, governance, change, body: None };
        inner.commit(&inner.stream_of(bucket)?, proposal).await?;
        Ok(written)
    }
}

impl Engine {
    /// Whether what lies in one bucket may lie in the other as it does: under the same label's keys, spread
    /// as its profile says, and promised what that promises. It is not while a bucket that was told another
    /// profile is being moved to it.
    fn alike(&self, one: &Bucket, other: &Bucket, found: &Found) -> bool {
        let profile = |bucket: &Bucket| self.inner.lookups.profile_of(bucket.id, bucket.profile);
        let mut promises = found.segments().map(|segment| segment.promise);
        one.label == other.label
            && profile(one) == profile(other)
            && promises.all(|promise| promise >= profile(other).promise())
    }
}

/// An UploadPartCopy without its source, target and upload.
#[derive(Default)]
pub struct CopyPart {
    pub number: u16,
    pub source: ReadConditions,
    /// Of the source; the whole of it when `None`.
    pub range: Option<Range<u64>>,
    /// The list by which the source may be read; what has another by now is not copied.
    pub source_acl: Acl,
}

/// The verdict was about the source as it was then.
fn check_readable(version: &Version, acl: &Acl) -> Result<(), Error> {
    match version.metadata.acl == *acl {
        true => Ok(()),
        false => Err(Error::AccessWithdrawn),
    }
}

fn check_source(version: &Version, conditions: &ReadConditions) -> Result<(), Error> {
    match conditions.check(version) {
        ReadVerdict::Serve => Ok(()),
        ReadVerdict::NotModified | ReadVerdict::PreconditionFailed => Err(Error::PreconditionFailed),
    }
}

fn source(from: &Permit<GetObject>, version: &Version) -> Source {
    let (bucket, key): (&Bucket, &ObjectKey) = from.object();
    Source { bucket: bucket.id, key: key.clone(), version: version.id }
}

/// A run of a source's body as a part.
struct Share {
    body: BodySlice,
    key: BodyKey,
    etag: ETag,
    checksums: Vec<Checksum>,
}

/// The range as a slice of one body; `None` when it lies in several, or when the upload's announced
/// checksum is not known of it: then the bytes must be read anyway.
fn share(found: &Found, range: &Range<u64>, upload: &Upload) -> Option<Share> {
    let version = &found.version;
    let mut position = 0_u64;
    for (slice, key) in version.bodies.iter().zip(found.keys()) {
        let end = position.checked_add(slice.length)?;
        if position <= range.start && range.end <= end {
            let body = BodySlice {
                offset: slice.offset + (range.start - position),
                length: range.end - range.start,
                ..slice.clone()
            };
            let whole = *range == (0..version.size);
            let full = |checksum: &&Checksum| whole && checksum.kind == ChecksumKind::FullObject;
            let checksums: Vec<Checksum> = version.checksums.iter().filter(full).cloned().collect();
            let known = |algorithm| checksums.iter().any(|checksum| checksum.algorithm == algorithm);
            if upload.checksum.is_some_and(|(algorithm, _)| !known(algorithm)) {
                return None;
            }
            let etag = if whole && version.parts.is_empty() { version.etag.clone() } else { etag_of_slice(&body) };
            return Some(Share { etag, checksums, key: BodyKey::from_bytes(*key.expose()), body });
        }
        position = end;
    }
    None
}

/// The MD5 of bytes that were not read is not known. An ETag says that two things are the same, and
/// which run of which body it is says that as well.
fn etag_of_slice(slice: &BodySlice) -> ETag {
    let run = u128::from(slice.offset) << 64 | u128::from(slice.length);
    ETag(hex(&coding::digest::composite_md5(&[slice.body.0, run.to_be_bytes()])))
}

fn declared(length: u64, checksum: Option<Algorithm>) -> Declared {
    Declared { length: Some(length), compute: checksum, ..Declared::default() }
}

/// Where a read that failed leaves its error: the body itself can only end early.
struct Broken(Arc<Mutex<Option<Error>>>);

impl Broken {
    fn or<T>(self, outcome: Result<T, Error>) -> Result<T, Error> {
        let broken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        outcome.map_err(|error| broken.unwrap_or(error))
    }
}

fn body_of(found: Found, range: Range<u64>) -> (Body, Broken) {
    let broken = Arc::new(Mutex::new(None));
    let left = Arc::clone(&broken);
    let body = found.read(range).map_err(move |error| {
        let message = error.to_string();
        *left.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        BodyError { kind: BodyErrorKind::Incomplete, message }
    });
    (Box::pin(body), Broken(broken))
}
