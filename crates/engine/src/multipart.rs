//! Multipart uploads: each part is a row of segments of its own; completing one is metadata only.

use catalog::{ListQuery, Page, Proposal};
use coding::digest;
use coding::keys::WrapContext;
use model::object::UploadChecksum;
use model::{
    Algorithm, Bucket, Change, Checksum, ChecksumKind, ETag, Governance, ObjectKey, Part, PartSummary, Precondition,
    Slot, Upload, UploadId, Version, VersionId,
};
use policy::{AbortUpload, ListParts, ListUploads, Permit, PutObject};

use crate::api::{Complete, CompletedPart, Engine, StartUpload, Written};
use crate::error::Error;
use crate::limits::{OBJECT_MAX, PART_MIN};
use crate::put::hex;

/// Parts read from the catalog at once.
const PARTS_PAGE: usize = 1000;

impl Engine {
    pub async fn start_upload(&self, permit: Permit<PutObject>, start: StartUpload) -> Result<Upload, Error> {
        let inner = &self.inner;
        inner.enter()?;
        let (bucket, key) = permit.object();
        let stream = inner.stream_of(bucket)?;
        let StartUpload { metadata, checksum, tags, lock } = start;
        let upload = Upload {
            id: UploadId::random(&inner.outside),
            bucket: bucket.id,
            key: key.clone(),
            initiated: inner.outside.clock.now(),
            owner: permit.session().principal,
            metadata,
            checksum,
            tags,
            lock,
        };
        let change = Change::UploadStarted(upload.clone());
        let condition = Precondition::None;
        inner
            .commit(
                &stream,
                Proposal { guard: permit.guard(), condition, governance: Governance::Obeyed, change, body: None },
            )
            .await?;
        Ok(upload)
    }

    /// The upload and its parts with numbers above `after`, `limit` at most.
    pub async fn list_parts(
        &self,
        permit: Permit<ListParts>,
        upload: UploadId,
        after: u16,
        limit: usize,
    ) -> Result<(Upload, Vec<Part>), Error> {
        self.inner.enter_reading();
        let (bucket, key) = permit.object();
        let upload = self.upload(bucket, key, upload).await?;
        let parts = self.inner.catalog.parts(upload.id, after, limit).await?;
        Ok((upload, parts))
    }

    pub async fn list_uploads(
        &self,
        permit: Permit<ListUploads>,
        query: ListQuery,
        after_upload: Option<UploadId>,
    ) -> Result<Page<Upload>, Error> {
        self.inner.enter_reading();
        Ok(self.inner.catalog.uploads(permit.bucket().id, query, after_upload).await?)
    }

    pub async fn abort_upload(&self, permit: Permit<AbortUpload>, upload: UploadId) -> Result<(), Error> {
        let inner = &self.inner;
        inner.enter()?;
        let (bucket, key) = permit.object();
        let upload = self.upload(bucket, key, upload).await?;
        let stream = inner.stream_of(bucket)?;
        let change = Change::UploadAborted { bucket: bucket.id, upload: upload.id };
        let condition = Precondition::None;
        inner
            .commit(
                &stream,
                Proposal { guard: permit.guard(), condition, governance: Governance::Obeyed, change, body: None },
            )
            .await
            .map(drop)
    }

    /// Makes the named parts the object. The parts' keys are wrapped anew for the version; no byte
    /// moves.
    pub async fn complete_upload(
        &self,
        permit: Permit<PutObject>,
        upload: UploadId,
        complete: Complete,
    ) -> Result<Written, Error> {
        let inner = &self.inner;
        inner.enter()?;
        let (bucket, key) = permit.object();
        let upload = match self.upload(bucket, key, upload).await {
            Err(Error::NoSuchUpload) => return self.completed_before(bucket, key, &complete.parts).await,
            found => found?,
        };
        let parts = self.named_parts(&upload, &complete.parts).await?;
        let size = check_sizes(&parts, complete.size)?;
        let checksum = upload_checksum(&upload, &parts, &complete)?;

        let secret = inner.label_key(&bucket.label)?;
        let mut keys = Vec::with_capacity(parts.len());
        for part in &parts {
            let opener = inner.keys.by_tag(part.wrap.under);
            let opener = opener.ok_or_else(|| Error::Internal("a part's label key is not here".to_owned()))?;
            let (number, body) = (part.number, &part.body);
            let context =
                WrapContext::Part { label: &bucket.label, bucket: bucket.id, upload: upload.id, number, body };
            let opened = opener.unwrap_bodies(&context, &part.wrap);
            keys.extend(opened.map_err(|_| Error::Internal("a part's key does not open".to_owned()))?);
        }
        let id = VersionId::random(&inner.outside);
        let bodies: Vec<_> = parts.iter().map(|part| part.body.clone()).collect();
        let context =
            WrapContext::Version { label: &bucket.label, bucket: bucket.id, key, version: id, bodies: &bodies };
        let version = Version {
            id,
            key: key.clone(),
            size,
            etag: etag(&parts)?,
            modified: inner.outside.clock.now(),
            metadata: upload.metadata.clone(),
            checksums: checksum.into_iter().collect(),
            parts: parts.iter().map(summary).collect(),
            wrap: secret.wrap_bodies(&context, &keys, &inner.outside),
            bodies,
            slot: Slot::Null,
            tags: upload.tags.clone(),
            lock: upload.lock,
            brought: None,
        };
        let mut written = Written::of(&version);
        let change = Change::UploadCompleted { bucket: bucket.id, upload: upload.id, version };
        let proposal = Proposal {
            guard: permit.guard(),
            condition: complete.condition,
            governance: Governance::Obeyed,
            change,
            body: None,
        };
        written.note(self, &inner.commit(&inner.stream_of(bucket)?, proposal).await?);
        Ok(written)
    }

    /// A client that did not hear the answer completes again. The upload is gone then, and the object is
    /// the one these parts make: that it is so is the answer.
    async fn completed_before(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        parts: &[CompletedPart],
    ) -> Result<Written, Error> {
        let md5s = parts.iter().map(|part| unhex(&part.etag.0)).collect::<Option<Vec<_>>>();
        let made = md5s.map(|md5s| composite_etag(&md5s));
        let object = self.inner.catalog.object(bucket.id, key).await?;
        let version = object.map(|object| object.version).filter(|version| Some(&version.etag) == made.as_ref());
        let version = version.ok_or(Error::NoSuchUpload)?;
        let id = (version.slot == Slot::Own).then_some(version.id);
        Ok(Written { version: id, expiry: self.expiry(bucket.id, &version), ..Written::of(&version) })
    }

    async fn upload(&self, bucket: &Bucket, key: &ObjectKey, id: UploadId) -> Result<Upload, Error> {
        let upload = self.inner.catalog.upload(bucket.id, id).await?;
        upload.filter(|upload| upload.key == *key).ok_or(Error::NoSuchUpload)
    }

    /// The uploaded parts that the request names, in its order.
    async fn named_parts(&self, upload: &Upload, named: &[CompletedPart]) -> Result<Vec<Part>, Error> {
        if named.is_empty() {
            return Err(Error::Invalid("an upload is completed with at least one part".to_owned()));
        }
        if named.windows(2).any(|pair| matches!(pair, [one, next] if one.number >= next.number)) {
            return Err(Error::InvalidPartOrder);
        }
        let mut uploaded = std::collections::BTreeMap::new();
        let mut after = 0;
        loop {
            let page = self.inner.catalog.parts(upload.id, after, PARTS_PAGE).await?;
            let full = page.len() == PARTS_PAGE;
            after = page.last().map_or(after, |part| part.number);
            uploaded.extend(page.into_iter().map(|part| (part.number, part)));
            if !full {
                break;
            }
        }
        let matching = |named: &CompletedPart| {
            let part = uploaded.remove(&named.number).filter(|part| part.etag == named.etag);
            let agrees = |part: &Part| {
                named.checksum.as_ref().is_none_or(|named| {
                    part.checksums.iter().any(|kept| kept.algorithm == named.algorithm && kept.value == named.value)
                })
            };
            part.filter(agrees).ok_or(Error::InvalidPart { number: named.number })
        };
        named.iter().map(matching).collect()
    }
}

fn summary(part: &Part) -> PartSummary {
    PartSummary { number: part.number, size: part.size, checksums: part.checksums.clone() }
}

fn check_sizes(parts: &[Part], declared: Option<u64>) -> Result<u64, Error> {
    let small = parts.iter().rev().skip(1).find(|part| part.size < PART_MIN);
    if let Some(part) = small {
        return Err(Error::PartTooSmall { number: part.number, size: part.size, min: PART_MIN });
    }
    let size = parts.iter().map(|part| part.size).sum();
    if size > OBJECT_MAX {
        return Err(Error::TooLarge { max: OBJECT_MAX });
    }
    if declared.is_some_and(|declared| declared != size) {
        return Err(Error::Invalid(format!("the parts have {size} bytes, not the declared number")));
    }
    Ok(size)
}

/// MD5 over the parts' MD5s, then `-` and their number.
fn etag(parts: &[Part]) -> Result<ETag, Error> {
    let md5 = |part: &Part| unhex(&part.etag.0).ok_or_else(|| Error::Internal("a part's ETag is no MD5".to_owned()));
    let values = parts.iter().map(md5).collect::<Result<Vec<_>, _>>()?;
    Ok(composite_etag(&values))
}

fn composite_etag(values: &[[u8; 16]]) -> ETag {
    ETag(format!("{}-{}", hex(&digest::composite_md5(values)), values.len()))
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let pairs = (0..text.len()).step_by(2);
    let bytes = pairs.map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect::<Option<Vec<_>>>()?;
    bytes.try_into().ok()
}

/// The checksum of the whole object: of the kind the upload announced, else a full-object CRC64NVME
/// where every part has one. A declared one must be equal.
fn upload_checksum(upload: &Upload, parts: &[Part], complete: &Complete) -> Result<Option<Checksum>, Error> {
    let announced = upload.checksum;
    if let (Some(told), Some((_, kind))) = (complete.kind, announced)
        && told != kind
    {
        return Err(Error::Invalid(format!("the upload was started with a {kind:?} checksum, not {told:?}")));
    }
    let (algorithm, kind) = announced.unwrap_or((Algorithm::Crc64Nvme, UploadChecksum::FullObject));
    let of_part = |part: &Part| {
        let found = part.checksums.iter().find(|checksum| checksum.algorithm == algorithm);
        found.map(|checksum| (checksum.value.clone(), part.size))
    };
    let Some(values) = parts.iter().map(of_part).collect::<Option<Vec<_>>>() else {
        return match announced {
            Some(_) => Err(Error::Invalid(format!("not every part has the announced {} checksum", algorithm.name()))),
            None => Ok(None),
        };
    };
    let checksum = match kind {
        UploadChecksum::FullObject => {
            let lengths: Vec<(&[u8], u64)> = values.iter().map(|(value, size)| (value.as_slice(), *size)).collect();
            digest::combine(algorithm, &lengths).map(|value| Checksum::full(algorithm, value))
        }
        UploadChecksum::Composite => {
            let values: Vec<&[u8]> = values.iter().map(|(value, _)| value.as_slice()).collect();
            let kind = ChecksumKind::Composite { parts: u32::try_from(values.len()).unwrap_or(u32::MAX) };
            Some(Checksum { algorithm, kind, value: digest::composite(algorithm, &values) })
        }
    };
    match (&complete.checksum, &checksum) {
        (Some(declared), Some(found)) if declared.algorithm != found.algorithm => Err(Error::Invalid(format!(
            "the upload has a {} checksum, the request declares {}",
            found.algorithm.name(),
            declared.algorithm.name()
        ))),
        // Of a composite one clients may leave out the number of parts.
        (Some(declared), Some(found)) if declared.value != found.value => Err(Error::BadDigest(algorithm.name())),
        (Some(_), None) => {
            Err(Error::Invalid("the parts have no checksum to compare the declared one with".to_owned()))
        }
        _ => Ok(checksum),
    }
}
