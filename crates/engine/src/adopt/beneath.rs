//! Beneath: what reads of an adopted bucket fall through to, and what conditions are told.

use std::ops::Range;
use std::sync::Arc;

use catalog::{Proposal, Stand};
use futures::StreamExt;
use model::{
    Bucket, BucketId, Change, ETag, KeyTag, Lock, ObjectKey, Precondition, Slot, Tags, Version, VersionId, Versioning,
    Which, Wrap,
};
use providers::origin::OriginBytes;
use providers::{Origin, OriginErrorKind, OriginObject, Patient};

use super::at_origin;
use crate::api::Found;
use crate::error::Error;
use crate::get::{Plaintext, Source};
use crate::inner::Inner;
use crate::versions::missing;

/// How often one read begins again behind the last byte that came.
const RESUMES: u32 = 3;

/// An object that lies at the origin.
pub(crate) struct Beneath {
    origin: Arc<Patient>,
    key: ObjectKey,
    etag: ETag,
}

impl Inner {
    /// The object at the origin under a key that has none here; `None` when one has come meanwhile.
    pub(crate) async fn find_beneath(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        which: Which,
    ) -> Result<Option<Found>, Error> {
        let adopted = self.adopted(bucket.id).await?.filter(|_| !matches!(which, Which::Own(_)));
        let Some(adopted) = adopted else { return Err(missing(which)) };
        match self.stand(bucket.id, key).await? {
            Stand::Untouched => {}
            Stand::Deleted => return Err(missing(which)),
            Stand::Written | Stand::Brought { .. } => return Ok(None),
        }
        let object = match adopted.origin.head(key.as_str()).await {
            Ok(object) => object,
            Err(error) if error.kind == OriginErrorKind::NotFound => return Err(missing(which)),
            Err(error) => return Err(at_origin(&error)),
        };
        let source = Beneath { origin: adopted.origin, key: key.clone(), etag: object.etag.clone() };
        Ok(Some(Found {
            version: as_version(key, object),
            versioning: Versioning::Off,
            expiry: None,
            source: Source::Beneath(source),
        }))
    }

    pub(super) async fn stand(&self, bucket: BucketId, key: &ObjectKey) -> Result<Stand, Error> {
        let stands = self.catalog.stands(bucket, vec![key.clone()]).await?;
        stands.into_iter().next().ok_or_else(|| Error::Internal("the catalog does not say how a key stands".to_owned()))
    }

    /// The proposal as it must be in a bucket that is being adopted: a condition knows what lies
    /// beneath the key.
    pub(crate) async fn look_beneath(&self, proposal: Proposal) -> Result<Proposal, Error> {
        let Proposal { guard, condition, governance, change, body } = proposal;
        let (bucket, key) = match &change {
            Change::ObjectPut { bucket, version, .. }
            | Change::UploadCompleted { bucket, version, .. }
            | Change::ObjectCopied { bucket, version, .. } => (*bucket, &version.key),
            Change::MarkerPut { bucket, marker } => (*bucket, &marker.key),
            Change::ObjectDeleted { bucket, key } | Change::VersionDeleted { bucket, key, .. } => (*bucket, key),
            _ => return Err(Error::Internal("a change of no object was to look beneath it".to_owned())),
        };
        // Closed meanwhile: then nothing lies beneath.
        let beneath = match self.adopted(bucket).await? {
            None => None,
            Some(adopted) => match adopted.origin.head(key.as_str()).await {
                Ok(object) => Some(object.etag),
                Err(error) if error.kind == OriginErrorKind::NotFound => None,
                Err(error) => return Err(at_origin(&error)),
            },
        };
        let condition = match condition {
            Precondition::Over { condition, .. } => condition,
            plain => Box::new(plain),
        };
        let condition = Precondition::Over { beneath, condition };
        Ok(Proposal { guard, condition, governance, change, body })
    }
}

/// The version the object would be here. Nothing of it lies here: it has neither bodies nor keys.
fn as_version(key: &ObjectKey, object: OriginObject) -> Version {
    let OriginObject { size, etag, modified, metadata, md5: _ } = object;
    Version {
        id: VersionId([0; 16]),
        key: key.clone(),
        size,
        etag,
        modified,
        metadata,
        checksums: Vec::new(),
        parts: Vec::new(),
        bodies: Vec::new(),
        wrap: Wrap { under: KeyTag([0; 16]), salt: [0; 32], sealed: Vec::new() },
        slot: Slot::Null,
        tags: Tags::default(),
        lock: Lock::default(),
        brought: None,
    }
}

impl Beneath {
    /// The bytes of `range`, from the object that was found and no other.
    pub(crate) fn read(self, range: Range<u64>) -> Plaintext {
        let reading = Reading { beneath: self, at: range.start, end: range.end, bytes: None, resumes: RESUMES };
        Box::pin(futures::stream::try_unfold(reading, Reading::next))
    }
}

struct Reading {
    beneath: Beneath,
    at: u64,
    end: u64,
    bytes: Option<OriginBytes>,
    resumes: u32,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(bytes::Bytes, Reading)>, Error> {
        while self.at < self.end {
            let bytes = match &mut self.bytes {
                Some(bytes) => bytes,
                None => {
                    let Beneath { origin, key, etag } = &self.beneath;
                    let fetched = origin.get(key.as_str(), Some(self.at..self.end), Some(etag)).await;
                    self.bytes.insert(fetched.map_err(|error| unreadable(&error.to_string()))?.bytes)
                }
            };
            match bytes.next().await {
                Some(Ok(mut frame)) => {
                    let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
                    frame.truncate(left);
                    self.at += frame.len() as u64;
                    return Ok(Some((frame, self)));
                }
                Some(Err(error)) if self.resumes == 0 => return Err(unreadable(&error.to_string())),
                None if self.resumes == 0 => return Err(unreadable("the origin's object ends early")),
                Some(Err(_)) | None => {
                    self.resumes -= 1;
                    self.bytes = None;
                }
            }
        }
        Ok(None)
    }
}

fn unreadable(reason: &str) -> Error {
    Error::Unreadable { reason: reason.to_owned() }
}
