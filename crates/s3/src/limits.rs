//! The door's limits, each with its reason. Tests shrink them; nobody else should need to.

use std::time::Duration;

/// The longest user metadata S3 documents: names without their prefix, and values, in bytes.
pub(crate) const METADATA_BYTES_MAX: usize = 2048;

/// The longest body of one PutObject or UploadPart that S3 documents.
pub(crate) const BODY_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// Objects of one DeleteObjects, entries of one page of a listing.
pub(crate) const PAGE_MAX: usize = 1000;

/// Parts of one upload.
pub(crate) const PARTS_MAX: u16 = 10_000;

/// Deletions of one DeleteObjects under way at a time: enough to fill a commit batch, few enough
/// that one request does not crowd out the others.
pub(crate) const DELETES_AT_ONCE: usize = 64;

/// How long a presigned URL may live: 7 days, as S3 documents.
pub(crate) const PRESIGNED_S_MAX: i64 = 7 * 24 * 3600;

/// How far a request's date may be from our clock: 15 minutes, as S3 documents.
pub(crate) const SKEW_MS_MAX: i64 = 15 * 60 * 1000;

/// What of a form comes before its file, as S3 documents.
pub(crate) const FORM_BYTES_MAX: usize = 20 * 1024;

/// Fields of a form: far more than S3 gives a meaning to.
pub(crate) const FORM_FIELDS_MAX: usize = 256;

/// One line of aws-chunked framing: a length, an extension with a signature, and room to spare.
pub(crate) const CHUNK_LINE_BYTES_MAX: usize = 256;

/// The trailer behind an aws-chunked body: a checksum and a signature, and room to spare.
pub(crate) const TRAILER_BYTES_MAX: usize = 2048;

/// What a connection buffers: enough for the largest head, small enough that every allowed
/// connection together stays under 64 MiB.
pub(crate) const CONNECTION_BUFFER_BYTES: usize = 64 * 1024;

/// What is read and thrown away of the body of a refused request, so that a client that is still
/// sending sees the answer and not a reset connection.
pub(crate) const REFUSED_BODY_BYTES: u64 = 256 * 1024;

/// How long that may take.
pub(crate) const REFUSED_BODY_TIME: Duration = Duration::from_secs(1);

/// What must move within each idle time that we wait for a peer, unless less is left: a byte now and
/// then would hold a request, and what is locked or buffered for it, for hours. Little more than
/// 1 KiB/s at the usual idle time, which the poorest radio link manages; on an answer it is a tenth
/// of what a socket buffers, so that a reader who takes at all takes this much at a time.
pub(crate) const PACE_BYTES: u64 = 64 * 1024;

/// Limits of one door.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time; further ones wait in the listener's backlog. Twice what the largest
    /// client fleets we test with open, and far under the limit of open files.
    pub connections: usize,
    /// From the first wait for a request to the end of its head; also how long a connection may
    /// idle between requests.
    pub head_time: Duration,
    /// Bytes of names and values of one head. S3 takes 8 KB; browsers add cookies.
    pub head_bytes: usize,
    /// Waiting for [`PACE_BYTES`] of a body to come, or of an answer to be taken.
    pub idle_time: Duration,
    /// One request with its answer: 5 GiB at 2 Mbit/s.
    pub request_time: Duration,
    /// One XML document: 10,000 parts with a checksum each, or 1,000 keys of 1,024 bytes with every
    /// character escaped.
    pub document_bytes: usize,
    /// All XML documents being read, together: what a crowd of slow clients can pin.
    pub documents_bytes: usize,
    /// Reading one XML document, so that a slow client gives its share of the above back.
    pub document_time: Duration,
    /// Waiting for a share of the above: longer than a crowd of quick documents takes, shorter than
    /// clients wait before they try again.
    pub documents_wait: Duration,
    /// Finishing what is under way when the door closes.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 1024,
            head_time: Duration::from_secs(30),
            head_bytes: 16 * 1024,
            idle_time: Duration::from_secs(60),
            request_time: Duration::from_secs(6 * 3600),
            document_bytes: 8 * 1024 * 1024,
            documents_bytes: 64 * 1024 * 1024,
            document_time: Duration::from_secs(60),
            documents_wait: Duration::from_secs(5),
            drain_time: Duration::from_secs(30),
        }
    }
}
