//! What the engine takes and gives.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{ListQuery, ObjectSummary, Page};
use futures::Stream;
use model::object::UploadChecksum;
use model::{
    AccessKeyId, Algorithm, Bucket, BucketName, Checksum, ETag, KeyState, Metadata, Part, Precondition, Principal,
    PrincipalId, Profile, Role, Session, Site, Timestamp, Upload, UploadId, Version,
};
use policy::{
    AbortUpload, CreateBucket, DeleteBucket, DeleteObject, GetObject, ListBuckets, ListObjects, ListParts, ListUploads,
    Permit, PutObject, SystemPermit,
};

use crate::error::{BodyError, Error};

/// A request body: pieces of any size, in order.
pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// What a client declared about a body; all of it must hold before anything is decided.
#[derive(Default)]
pub struct Declared {
    /// Plaintext bytes (of the decoded body).
    pub length: Option<u64>,
    pub md5: Option<[u8; 16]>,
    /// Of the payload, from `x-amz-content-sha256`.
    pub sha256: Option<[u8; 32]>,
    /// Known before the body.
    pub checksums: Vec<Checksum>,
    /// Announced to come behind the body.
    pub trailer: Option<Trailer>,
}

/// A checksum that arrives behind the body.
pub struct Trailer {
    pub algorithm: Algorithm,
    /// Called once, after the body's end; the raw checksum, or why it is missing or malformed.
    pub value: Box<dyn FnOnce() -> Result<Vec<u8>, BodyError> + Send>,
}

/// A PutObject without its body.
#[derive(Default)]
pub struct Put {
    pub metadata: Metadata,
    pub condition: Precondition,
    pub declared: Declared,
}

/// What an acknowledged write became.
#[derive(Clone, Debug)]
pub struct Written {
    pub etag: ETag,
    pub size: u64,
    pub checksums: Vec<Checksum>,
}

/// An object ready to be read. The body has not been asked for yet.
pub struct Found {
    pub version: Version,
    pub(crate) source: Source,
}

/// One part as a CompleteMultipartUpload names it.
#[derive(Clone, Debug)]
pub struct CompletedPart {
    pub number: u16,
    pub etag: ETag,
    pub checksum: Option<Checksum>,
}

/// A CompleteMultipartUpload.
#[derive(Default)]
pub struct Complete {
    pub parts: Vec<CompletedPart>,
    pub condition: Precondition,
    /// Of the whole object, if the client declared one.
    pub checksum: Option<Checksum>,
    /// `x-amz-mp-object-size`.
    pub size: Option<u64>,
}

/// What authentication needs to know about an access key.
pub struct Credential {
    pub session: Session,
    pub secret: String,
}

/// A freshly issued key; the secret is not shown again.
pub struct Issued {
    pub id: AccessKeyId,
    pub secret: String,
    pub principal: Principal,
}

/// An access key as administrators see it.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    pub id: AccessKeyId,
    pub principal: Principal,
    pub state: KeyState,
    pub created: Timestamp,
}

/// The state of the enclave.
#[derive(Clone, Debug)]
pub struct Status {
    pub totals: catalog::Totals,
    pub sites: Vec<SiteStatus>,
    /// Cells and pieces that were read and failed their proof, since start.
    pub bad_cells: u64,
    pub hedged_reads: u64,
    pub site_requests: BTreeMap<String, u64>,
}

#[derive(Clone, Debug)]
pub struct SiteStatus {
    pub site: Site,
    pub reads: SideHealth,
    pub writes: SideHealth,
    /// The last failure, if it is out.
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideHealth {
    Well,
    /// Taken out of the choice until probes succeed for long enough.
    Out,
}

/// The engine; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner;
pub(crate) struct Source;

impl Engine {
    // Who.

    /// The session and secret of an access key; `None` when there is no such key or it is revoked.
    pub async fn credential(&self, _id: &AccessKeyId) -> Result<Option<Credential>, Error> {
        todo!()
    }

    // Buckets.

    /// The bucket a name means to this session, if any.
    pub async fn resolve(&self, _session: &Session, _name: &BucketName) -> Result<Option<Bucket>, Error> {
        todo!()
    }
    pub async fn list_buckets(&self, _permit: Permit<ListBuckets>) -> Result<Vec<Bucket>, Error> {
        todo!()
    }
    /// `profile`: the enclave's default when `None`.
    pub async fn create_bucket(
        &self,
        _permit: Permit<CreateBucket>,
        _name: BucketName,
        _profile: Option<Profile>,
    ) -> Result<Bucket, Error> {
        todo!()
    }
    pub async fn delete_bucket(&self, _permit: Permit<DeleteBucket>) -> Result<(), Error> {
        todo!()
    }

    // Objects.

    pub async fn put(&self, _permit: Permit<PutObject>, _put: Put, _body: Body) -> Result<Written, Error> {
        todo!()
    }
    /// `NoSuchKey` when it is not there. Conditions on reads are judged by the caller with
    /// [`model::ReadConditions`], on the version found.
    pub async fn find(&self, _permit: Permit<GetObject>) -> Result<Found, Error> {
        todo!()
    }
    /// Deleting what is not there succeeds, unless a condition says otherwise.
    pub async fn delete(&self, _permit: Permit<DeleteObject>, _condition: Precondition) -> Result<(), Error> {
        todo!()
    }
    pub async fn list(&self, _permit: Permit<ListObjects>, _query: ListQuery) -> Result<Page<ObjectSummary>, Error> {
        todo!()
    }

    // Multipart uploads.

    pub async fn start_upload(
        &self,
        _permit: Permit<PutObject>,
        _metadata: Metadata,
        _checksum: Option<(Algorithm, UploadChecksum)>,
    ) -> Result<Upload, Error> {
        todo!()
    }
    pub async fn put_part(
        &self,
        _permit: Permit<PutObject>,
        _upload: UploadId,
        _number: u16,
        _declared: Declared,
        _body: Body,
    ) -> Result<Written, Error> {
        todo!()
    }
    /// The upload and its parts above `after`; at most `limit`, one more tells that there are more.
    pub async fn list_parts(
        &self,
        _permit: Permit<ListParts>,
        _upload: UploadId,
        _after: u16,
        _limit: usize,
    ) -> Result<(Upload, Vec<Part>), Error> {
        todo!()
    }
    pub async fn list_uploads(
        &self,
        _permit: Permit<ListUploads>,
        _query: ListQuery,
        _after_upload: Option<UploadId>,
    ) -> Result<Page<Upload>, Error> {
        todo!()
    }
    pub async fn complete_upload(
        &self,
        _permit: Permit<PutObject>,
        _upload: UploadId,
        _complete: Complete,
    ) -> Result<Written, Error> {
        todo!()
    }
    pub async fn abort_upload(&self, _permit: Permit<AbortUpload>, _upload: UploadId) -> Result<(), Error> {
        todo!()
    }

    // Running it.

    /// How many calls took a permit since start. Whatever the door refuses must not move it.
    pub fn calls(&self) -> u64 {
        todo!()
    }
    pub async fn status(&self, _permit: &SystemPermit) -> Result<Status, Error> {
        todo!()
    }
    /// Stops taking new writes and waits until what was decided is shown.
    pub async fn drain(&self) {
        todo!()
    }

    // People (admin API).

    pub async fn create_principal(&self, _permit: &SystemPermit, _name: &str, _role: Role) -> Result<Principal, Error> {
        todo!()
    }
    pub async fn issue_key(&self, _permit: &SystemPermit, _principal: PrincipalId) -> Result<Issued, Error> {
        todo!()
    }
    pub async fn list_keys(&self, _permit: &SystemPermit) -> Result<Vec<KeyInfo>, Error> {
        todo!()
    }
    pub async fn revoke_key(&self, _permit: &SystemPermit, _id: &AccessKeyId) -> Result<(), Error> {
        todo!()
    }
}

impl Found {
    /// Streams plaintext bytes `range` (end exclusive, within the size). Every byte was verified.
    pub fn read(self, _range: std::ops::Range<u64>) -> Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>> {
        let _ = self.source;
        todo!()
    }
}
