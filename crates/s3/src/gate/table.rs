//! The operations this door serves, how each is told, and the allow-list of each.

use http::{HeaderMap, Method};

use super::target::{Query, Target};
use crate::digest;
use crate::error::{Code, Failure};

/// What an operation does with its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyUse {
    /// There must be none.
    None,
    /// One XML document, read whole.
    Document,
    /// Bytes of an object.
    Stream,
}

/// What may come with an operation.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) body: BodyUse,
    query: &'static [&'static str],
    /// `x-amz-*` beside [`EVERYWHERE`].
    headers: &'static [&'static str],
    /// `if-*`, `range`.
    conditions: &'static [&'static str],
    metadata: Metadata,
}

/// Whether `x-amz-meta-*` and its like may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metadata {
    Taken,
    Refused,
}

/// `x-amz-*` headers every operation takes: they are part of the signature, or say who asks.
const EVERYWHERE: [&str; 3] = ["x-amz-date", "x-amz-content-sha256", "x-amz-user-agent"];
const OWNER: &str = "x-amz-expected-bucket-owner";
/// How the body is framed and proven.
const FRAMING: [&str; 2] = ["x-amz-decoded-content-length", "x-amz-trailer"];
const READS: &[&str] = &["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "range"];
const WRITES: &[&str] = &["if-match", "if-none-match"];
const CHECKSUM: &str = "x-amz-sdk-checksum-algorithm";
const ENCRYPTION: &str = "x-amz-server-side-encryption";
const BYPASS: &str = "x-amz-bypass-governance-retention";
const OBJECT_QUERY: &[&str] = &[
    "partNumber",
    "versionId",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
];
const NEW_OBJECT: [&str; 12] = [
    "x-amz-acl",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-storage-class",
    ENCRYPTION,
    "x-amz-tagging",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
];
/// A new list: a canned one, or grants one by one.
const LISTS: &[&str] = &[
    OWNER,
    "x-amz-acl",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-sdk-checksum-algorithm",
];
/// A configuration that comes as a document.
const SET: &[&str] = &[OWNER, "x-amz-sdk-checksum-algorithm"];

macro_rules! operations {
    ($($name:ident { body: $body:ident, query: $query:expr, headers: $headers:expr, conditions: $conditions:expr, metadata: $metadata:ident })+) => {
        /// An operation of the S3 API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Operation { $($name),+ }

        impl Operation {
            #[cfg(test)]
            pub(crate) const ALL: &[Operation] = &[$(Operation::$name),+];

            /// As the S3 API calls it.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Operation::$name => stringify!($name)),+ }
            }

            pub(crate) const fn rules(self) -> &'static Rules {
                match self {$(
                    Operation::$name => const {
                        &Rules {
                            body: BodyUse::$body,
                            query: $query,
                            headers: $headers,
                            conditions: $conditions,
                            metadata: Metadata::$metadata,
                        }
                    },
                )+}
            }
        }
    };
}

operations! {
    ListBuckets {
        body: None, query: &["prefix", "continuation-token", "max-buckets", "bucket-region"],
        headers: &[], conditions: &[], metadata: Refused
    }
    CreateBucket {
        body: Document, query: &[],
        headers: &[
            "x-amz-acl", "x-amz-grant-full-control", "x-amz-grant-read", "x-amz-grant-read-acp", "x-amz-grant-write",
            "x-amz-grant-write-acp", "x-amz-object-ownership", "x-amz-bucket-object-lock-enabled",
        ],
        conditions: &[], metadata: Refused
    }
    HeadBucket { body: None, query: &[], headers: &[OWNER], conditions: &[], metadata: Refused }
    DeleteBucket { body: None, query: &[], headers: &[OWNER], conditions: &[], metadata: Refused }
    GetBucketLocation { body: None, query: &["location"], headers: &[OWNER], conditions: &[], metadata: Refused }
    ListObjects {
        body: None, query: &["prefix", "delimiter", "marker", "max-keys", "encoding-type"],
        headers: &[OWNER], conditions: &[], metadata: Refused
    }
    ListObjectsV2 {
        body: None,
        query: &[
            "list-type", "prefix", "delimiter", "continuation-token", "start-after", "max-keys", "encoding-type",
            "fetch-owner",
        ],
        headers: &[OWNER], conditions: &[], metadata: Refused
    }
    ListMultipartUploads {
        body: None,
        query: &["uploads", "prefix", "delimiter", "key-marker", "upload-id-marker", "max-uploads", "encoding-type"],
        headers: &[OWNER], conditions: &[], metadata: Refused
    }
    DeleteObjects {
        body: Document, query: &["delete"],
        headers: &[OWNER, CHECKSUM, BYPASS], conditions: &[], metadata: Refused
    }
    ListObjectVersions {
        body: None,
        query: &["versions", "prefix", "delimiter", "key-marker", "version-id-marker", "max-keys", "encoding-type"],
        headers: &[OWNER], conditions: &[], metadata: Refused
    }
    GetBucketVersioning { body: None, query: &["versioning"], headers: &[OWNER], conditions: &[], metadata: Refused }
    PutBucketVersioning {
        body: Document, query: &["versioning"], headers: &[OWNER, CHECKSUM], conditions: &[], metadata: Refused
    }
    GetBucketTagging { body: None, query: &["tagging"], headers: &[OWNER], conditions: &[], metadata: Refused }
    PutBucketTagging {
        body: Document, query: &["tagging"], headers: &[OWNER, CHECKSUM], conditions: &[], metadata: Refused
    }
    DeleteBucketTagging { body: None, query: &["tagging"], headers: &[OWNER], conditions: &[], metadata: Refused }
    GetBucketLifecycleConfiguration {
        body: None, query: &["lifecycle"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
    PutBucketLifecycleConfiguration {
        body: Document, query: &["lifecycle"], headers: &[OWNER, CHECKSUM], conditions: &[], metadata: Refused
    }
    DeleteBucketLifecycle { body: None, query: &["lifecycle"], headers: &[OWNER], conditions: &[], metadata: Refused }
    GetObjectLockConfiguration {
        body: None, query: &["object-lock"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
    PutObjectLockConfiguration {
        body: Document, query: &["object-lock"], headers: &[OWNER, CHECKSUM], conditions: &[], metadata: Refused
    }
    GetObjectTagging {
        body: None, query: &["tagging", "versionId"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
    PutObjectTagging {
        body: Document, query: &["tagging", "versionId"], headers: &[OWNER, CHECKSUM], conditions: &[], metadata: Refused
    }
    DeleteObjectTagging {
        body: None, query: &["tagging", "versionId"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
    GetObjectRetention {
        body: None, query: &["retention", "versionId"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
    PutObjectRetention {
        body: Document, query: &["retention", "versionId"],
        headers: &[OWNER, CHECKSUM, BYPASS], conditions: &[], metadata: Refused
    }
    GetObjectLegalHold {
        body: None, query: &["legal-hold", "versionId"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
    PutObjectLegalHold {
        body: Document, query: &["legal-hold", "versionId"],
        headers: &[OWNER, CHECKSUM], conditions: &[], metadata: Refused
    }
    GetObjectAttributes {
        body: None, query: &["attributes", "versionId"],
        headers: &[OWNER, "x-amz-object-attributes", "x-amz-max-parts", "x-amz-part-number-marker"],
        conditions: &[], metadata: Refused
    }
    CopyObject {
        body: None, query: &[],
        headers: &[
            OWNER, "x-amz-copy-source", "x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match",
            "x-amz-copy-source-if-modified-since", "x-amz-copy-source-if-unmodified-since",
            "x-amz-source-expected-bucket-owner", "x-amz-metadata-directive", "x-amz-tagging-directive",
            "x-amz-checksum-algorithm",
        ],
        conditions: WRITES, metadata: Taken
    }
    UploadPartCopy {
        body: None, query: &["partNumber", "uploadId"],
        headers: &[
            OWNER, "x-amz-copy-source", "x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match",
            "x-amz-copy-source-if-modified-since", "x-amz-copy-source-if-unmodified-since",
            "x-amz-copy-source-range", "x-amz-source-expected-bucket-owner",
        ],
        conditions: &[], metadata: Refused
    }
    GetObject {
        body: None, query: OBJECT_QUERY,
        headers: &[OWNER, "x-amz-checksum-mode"], conditions: READS, metadata: Refused
    }
    HeadObject {
        body: None, query: OBJECT_QUERY,
        headers: &[OWNER, "x-amz-checksum-mode"], conditions: READS, metadata: Refused
    }
    PutObject {
        body: Stream, query: &[],
        headers: &[OWNER, "x-amz-sdk-checksum-algorithm"], conditions: WRITES, metadata: Taken
    }
    DeleteObject {
        body: None, query: &["versionId"], headers: &[OWNER, BYPASS], conditions: &["if-match"], metadata: Refused
    }
    CreateMultipartUpload {
        body: None, query: &["uploads"],
        headers: &[OWNER, "x-amz-checksum-algorithm", "x-amz-checksum-type"], conditions: &[], metadata: Taken
    }
    UploadPart {
        body: Stream, query: &["partNumber", "uploadId"],
        headers: &[OWNER, "x-amz-sdk-checksum-algorithm"], conditions: &[], metadata: Refused
    }
    ListParts {
        body: None, query: &["uploadId", "max-parts", "part-number-marker"],
        headers: &[OWNER], conditions: &[], metadata: Refused
    }
    CompleteMultipartUpload {
        body: Document, query: &["uploadId"],
        headers: &[OWNER, "x-amz-checksum-type", "x-amz-mp-object-size"], conditions: WRITES, metadata: Refused
    }
    AbortMultipartUpload { body: None, query: &["uploadId"], headers: &[OWNER], conditions: &[], metadata: Refused }
    PostObject {
        body: Stream, query: &[], headers: &["x-amz-sdk-checksum-algorithm"], conditions: &[], metadata: Taken
    }
    GetBucketAcl { body: None, query: &["acl"], headers: &[OWNER], conditions: &[], metadata: Refused }
    PutBucketAcl { body: Document, query: &["acl"], headers: LISTS, conditions: &[], metadata: Refused }
    GetObjectAcl { body: None, query: &["acl", "versionId"], headers: &[OWNER], conditions: &[], metadata: Refused }
    PutObjectAcl { body: Document, query: &["acl", "versionId"], headers: LISTS, conditions: &[], metadata: Refused }
    GetBucketCors { body: None, query: &["cors"], headers: &[OWNER], conditions: &[], metadata: Refused }
    PutBucketCors { body: Document, query: &["cors"], headers: SET, conditions: &[], metadata: Refused }
    DeleteBucketCors { body: None, query: &["cors"], headers: &[OWNER], conditions: &[], metadata: Refused }
    GetBucketOwnershipControls {
        body: None, query: &["ownershipControls"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
    PutBucketOwnershipControls {
        body: Document, query: &["ownershipControls"], headers: SET, conditions: &[], metadata: Refused
    }
    DeleteBucketOwnershipControls {
        body: None, query: &["ownershipControls"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
    GetPublicAccessBlock {
        body: None, query: &["publicAccessBlock"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
    PutPublicAccessBlock {
        body: Document, query: &["publicAccessBlock"], headers: SET, conditions: &[], metadata: Refused
    }
    DeletePublicAccessBlock {
        body: None, query: &["publicAccessBlock"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
    GetBucketPolicyStatus { body: None, query: &["policyStatus"], headers: &[OWNER], conditions: &[], metadata: Refused }
    GetBucketEncryption { body: None, query: &["encryption"], headers: &[OWNER], conditions: &[], metadata: Refused }
    PutBucketEncryption { body: Document, query: &["encryption"], headers: SET, conditions: &[], metadata: Refused }
    DeleteBucketEncryption { body: None, query: &["encryption"], headers: &[OWNER], conditions: &[], metadata: Refused }
    GetBucketRequestPayment {
        body: None, query: &["requestPayment"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
    PutBucketRequestPayment {
        body: Document, query: &["requestPayment"], headers: SET, conditions: &[], metadata: Refused
    }
    GetBucketPolicy { body: None, query: &["policy"], headers: &[OWNER], conditions: &[], metadata: Refused }
    DeleteBucketPolicy { body: None, query: &["policy"], headers: &[OWNER], conditions: &[], metadata: Refused }
    GetBucketWebsite { body: None, query: &["website"], headers: &[OWNER], conditions: &[], metadata: Refused }
    DeleteBucketWebsite { body: None, query: &["website"], headers: &[OWNER], conditions: &[], metadata: Refused }
    GetBucketReplication { body: None, query: &["replication"], headers: &[OWNER], conditions: &[], metadata: Refused }
    DeleteBucketReplication {
        body: None, query: &["replication"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
    GetBucketLogging { body: None, query: &["logging"], headers: &[OWNER], conditions: &[], metadata: Refused }
    GetBucketNotificationConfiguration {
        body: None, query: &["notification"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
    GetBucketAccelerateConfiguration {
        body: None, query: &["accelerate"], headers: &[OWNER], conditions: &[], metadata: Refused
    }
}

/// Whether the bytes of a new object come with the request or from another object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Body,
    Source,
}

/// Which operation method, target and query ask for. What is left over in the query is found by
/// [`check`].
pub(crate) fn route(method: &Method, target: &Target, query: &Query, from: From) -> Result<Operation, Failure> {
    use Operation as O;
    if let Some(operation) = configuration(method, target, query) {
        return Ok(operation);
    }
    let operation = match (target, method.as_str()) {
        (Target::Root, "GET") => O::ListBuckets,
        (Target::Bucket(_), "PUT") if query.has("versioning") => O::PutBucketVersioning,
        (Target::Bucket(_), "PUT") if query.has("lifecycle") => O::PutBucketLifecycleConfiguration,
        (Target::Bucket(_), "PUT") if query.has("tagging") => O::PutBucketTagging,
        (Target::Bucket(_), "PUT") if query.has("object-lock") => O::PutObjectLockConfiguration,
        (Target::Bucket(_), "PUT") => O::CreateBucket,
        (Target::Bucket(_), "HEAD") => O::HeadBucket,
        (Target::Bucket(_), "DELETE") if query.has("lifecycle") => O::DeleteBucketLifecycle,
        (Target::Bucket(_), "DELETE") if query.has("tagging") => O::DeleteBucketTagging,
        (Target::Bucket(_), "DELETE") => O::DeleteBucket,
        (Target::Bucket(_), "GET") if query.has("location") => O::GetBucketLocation,
        (Target::Bucket(_), "GET") if query.has("versions") => O::ListObjectVersions,
        (Target::Bucket(_), "GET") if query.has("versioning") => O::GetBucketVersioning,
        (Target::Bucket(_), "GET") if query.has("lifecycle") => O::GetBucketLifecycleConfiguration,
        (Target::Bucket(_), "GET") if query.has("tagging") => O::GetBucketTagging,
        (Target::Bucket(_), "GET") if query.has("object-lock") => O::GetObjectLockConfiguration,
        (Target::Bucket(_), "GET") if query.has("uploads") => O::ListMultipartUploads,
        (Target::Bucket(_), "GET") if query.has("list-type") => O::ListObjectsV2,
        (Target::Bucket(_), "GET") => O::ListObjects,
        (Target::Bucket(_), "POST") if query.has("delete") => O::DeleteObjects,
        (Target::Object(..), "GET") if query.has("uploadId") => O::ListParts,
        (Target::Object(..), "GET") if query.has("tagging") => O::GetObjectTagging,
        (Target::Object(..), "GET") if query.has("retention") => O::GetObjectRetention,
        (Target::Object(..), "GET") if query.has("legal-hold") => O::GetObjectLegalHold,
        (Target::Object(..), "GET") if query.has("attributes") => O::GetObjectAttributes,
        (Target::Object(..), "GET") => O::GetObject,
        (Target::Object(..), "HEAD") => O::HeadObject,
        (Target::Object(..), "PUT") if query.has("tagging") => O::PutObjectTagging,
        (Target::Object(..), "PUT") if query.has("retention") => O::PutObjectRetention,
        (Target::Object(..), "PUT") if query.has("legal-hold") => O::PutObjectLegalHold,
        (Target::Object(..), "PUT") => match (query.has("uploadId") || query.has("partNumber"), from) {
            (true, From::Body) => O::UploadPart,
            (true, From::Source) => O::UploadPartCopy,
            (false, From::Body) => O::PutObject,
            (false, From::Source) => O::CopyObject,
        },
        (Target::Object(..), "DELETE") if query.has("tagging") => O::DeleteObjectTagging,
        (Target::Object(..), "DELETE") if query.has("uploadId") => O::AbortMultipartUpload,
        (Target::Object(..), "DELETE") => O::DeleteObject,
        (Target::Object(..), "POST") if query.has("uploads") => O::CreateMultipartUpload,
        (Target::Object(..), "POST") if query.has("uploadId") => O::CompleteMultipartUpload,
        (Target::Bucket(_) | Target::Object(..), "POST") => return Err(Failure::not_implemented("This POST request")),
        _ => return Err(Code::MethodNotAllowed.into()),
    };
    Ok(operation)
}

/// What the query names beside what every bucket and object is. One that is not served with this method
/// falls through, and is refused for its query by [`check`].
fn configuration(method: &Method, target: &Target, query: &Query) -> Option<Operation> {
    use Operation as O;
    const OF_BUCKETS: [(&str, &[(&str, O)]); 13] = [
        ("acl", &[("GET", O::GetBucketAcl), ("PUT", O::PutBucketAcl)]),
        ("cors", &[("GET", O::GetBucketCors), ("PUT", O::PutBucketCors), ("DELETE", O::DeleteBucketCors)]),
        (
            "ownershipControls",
            &[
                ("GET", O::GetBucketOwnershipControls),
                ("PUT", O::PutBucketOwnershipControls),
                ("DELETE", O::DeleteBucketOwnershipControls),
            ],
        ),
        (
            "publicAccessBlock",
            &[
                ("GET", O::GetPublicAccessBlock),
                ("PUT", O::PutPublicAccessBlock),
                ("DELETE", O::DeletePublicAccessBlock),
            ],
        ),
        ("policyStatus", &[("GET", O::GetBucketPolicyStatus)]),
        (
            "encryption",
            &[("GET", O::GetBucketEncryption), ("PUT", O::PutBucketEncryption), ("DELETE", O::DeleteBucketEncryption)],
        ),
        ("requestPayment", &[("GET", O::GetBucketRequestPayment), ("PUT", O::PutBucketRequestPayment)]),
        ("policy", &[("GET", O::GetBucketPolicy), ("DELETE", O::DeleteBucketPolicy)]),
        ("website", &[("GET", O::GetBucketWebsite), ("DELETE", O::DeleteBucketWebsite)]),
        ("replication", &[("GET", O::GetBucketReplication), ("DELETE", O::DeleteBucketReplication)]),
        ("logging", &[("GET", O::GetBucketLogging)]),
        ("notification", &[("GET", O::GetBucketNotificationConfiguration)]),
        ("accelerate", &[("GET", O::GetBucketAccelerateConfiguration)]),
    ];
    const OF_OBJECTS: [(&str, &[(&str, O)]); 1] = [("acl", &[("GET", O::GetObjectAcl), ("PUT", O::PutObjectAcl)])];
    let served: &[(&str, &[(&str, O)])] = match target {
        Target::Root => &[],
        Target::Bucket(_) => &OF_BUCKETS,
        Target::Object(..) => &OF_OBJECTS,
    };
    let (_, methods) = served.iter().find(|(name, _)| query.has(name))?;
    methods.iter().find(|(served, _)| *served == method.as_str()).map(|(_, operation)| *operation)
}

/// Refuses what is not on the operation's lists.
pub(crate) fn check(operation: Operation, query: &Query, headers: &HeaderMap) -> Result<(), Failure> {
    let rules = operation.rules();
    for (name, value) in &query.0 {
        // SDKs name the operation they mean; one that means another must not get this one.
        let meant = name == "x-id" && value == operation.name();
        if !meant && !rules.query.contains(&name.as_str()) {
            return Err(refused(&format!("The query parameter {name}"), name, operation));
        }
    }
    for name in headers.keys().map(http::HeaderName::as_str) {
        if !rules.takes(name) {
            return Err(refused(&format!("The header {name}"), name, operation));
        }
    }
    Ok(())
}

fn refused(what: &str, name: &str, operation: Operation) -> Failure {
    match name {
        "x-amz-security-token" => return Code::InvalidToken.into(),
        // What is stored was encrypted when it was put.
        ENCRYPTION => {
            let message = format!("{ENCRYPTION} header is not supported for this operation.");
            return Failure::argument(ENCRYPTION, "", message);
        }
        _ => {}
    }
    Failure::because(Code::NotImplemented, format!("{what} is not implemented here for {}", operation.name()))
        .with("Header", name.to_owned())
}

impl Rules {
    /// Whether the header may come; one without a meaning to S3 always may.
    fn takes(&self, name: &str) -> bool {
        if name.starts_with("if-") || name == "range" || name == "content-range" {
            return self.conditions.contains(&name);
        }
        if !name.starts_with("x-amz-") || EVERYWHERE.contains(&name) || self.headers.contains(&name) {
            return true;
        }
        let new_object = NEW_OBJECT.contains(&name) || name.starts_with("x-amz-meta-");
        let proven = FRAMING.contains(&name) || digest::algorithm_of(name).is_some();
        match (self.metadata, self.body) {
            (Metadata::Taken, _) if new_object => true,
            (_, BodyUse::Stream | BodyUse::Document) => proven,
            (_, BodyUse::None) => false,
        }
    }
}
