//! What the engine takes and gives.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use model::object::UploadChecksum;
use model::{
    AccessKeyId, Algorithm, Change, Checksum, ETag, EnclaveId, KeyLimits, KeyState, Label, Lock, Metadata,
    Precondition, Principal, Session, Site, SiteState, Slot, Tags, Timestamp, Version, VersionId, Versioning, Which,
};
use policy::Standing;

use crate::error::BodyError;
use crate::get::Source;
use crate::inner::Inner;

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
    /// To be computed and kept, though nobody says what it should be.
    pub compute: Option<Algorithm>,
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
    pub tags: Tags,
    pub lock: Lock,
    pub condition: Precondition,
    pub declared: Declared,
}

/// What an acknowledged write became.
#[derive(Clone, Debug)]
pub struct Written {
    pub etag: ETag,
    pub size: u64,
    pub checksums: Vec<Checksum>,
    /// The new version's id, where the bucket keeps versions.
    pub version: Option<VersionId>,
    pub modified: Timestamp,
    /// When it goes by a lifecycle rule, and by which.
    pub expiry: Option<(Timestamp, String)>,
}

impl Written {
    pub(crate) fn of(version: &Version) -> Written {
        let Version { etag, size, checksums, modified, .. } = version;
        let (etag, checksums) = (etag.clone(), checksums.clone());
        Written { etag, size: *size, checksums, version: None, modified: *modified, expiry: None }
    }

    /// Takes from the change, as it was decided, what the version became.
    pub(crate) fn note(&mut self, engine: &Engine, decided: &Change) {
        if let Change::ObjectPut { bucket, version, .. }
        | Change::UploadCompleted { bucket, version, .. }
        | Change::ObjectCopied { bucket, version, .. } = decided
        {
            self.expiry = engine.expiry(*bucket, version);
            self.version = (version.slot == Slot::Own).then_some(version.id);
        }
    }
}

/// What a deletion made or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// The marker that was put, or the version that was to be removed; `None` where versions are not
    /// kept.
    pub version: Option<Which>,
    /// It is a marker.
    pub marker: bool,
}

/// An object ready to be read. The body has not been asked for yet.
pub struct Found {
    pub version: Version,
    /// Whether its bucket keeps versions.
    pub versioning: Versioning,
    /// Of a current version: when it goes by a lifecycle rule, and by which.
    pub expiry: Option<(Timestamp, String)>,
    pub(crate) source: Source,
}

/// A CreateMultipartUpload.
#[derive(Default)]
pub struct StartUpload {
    pub metadata: Metadata,
    /// Which the finished object is to have, if the client says so.
    pub checksum: Option<(Algorithm, UploadChecksum)>,
    pub tags: Tags,
    pub lock: Lock,
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
    /// The kind of checksum the client says the upload has, if it does.
    pub kind: Option<UploadChecksum>,
    /// `x-amz-mp-object-size`.
    pub size: Option<u64>,
}

/// What authentication needs to know about an access key.
#[derive(Clone)]
pub struct Credential {
    pub session: Session,
    pub secret: String,
    /// To be asked of [`policy::may_use`] once the secret was proven.
    pub standing: Standing,
}

/// A freshly issued key; the secret is not shown again.
pub struct Issued {
    pub id: AccessKeyId,
    pub secret: String,
    pub principal: Principal,
}

/// What is to change about a principal.
#[derive(Clone, Copy, Debug, Default)]
pub struct PrincipalUpdate {
    pub clearance: Option<Label>,
    pub suspended: Option<bool>,
}

/// An access key as administrators see it.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    pub id: AccessKeyId,
    pub principal: Principal,
    /// Of its sessions.
    pub label: Label,
    pub limits: KeyLimits,
    pub state: KeyState,
    pub created: Timestamp,
}

/// The state of the enclave.
#[derive(Clone, Debug)]
pub struct Status {
    pub enclave: EnclaveId,
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
    pub state: SiteState,
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

/// The engine of one enclave; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}
