//! The gate alone: what is served gets through, and everything else that S3 knows is refused.

use http::Request;
use http::request::Parts;
use model::Timestamp;

use super::{Admitted, Operation, Payload, admit};
use crate::door::Settings;
use crate::error::{Code, Failure};
use crate::limits::Limits;

const NOW: Timestamp = Timestamp(1_445_412_480_000);
const STAMP: &str = "20151021T072800Z";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const SCOPE: &str = "ENTE/20151021/us-east-1/s3/aws4_request";

fn settings() -> Settings {
    Settings {
        region: "us-east-1".into(),
        domains: vec!["localhost".into()],
        console_origins: Vec::new(),
        tls: None,
        limits: Limits::default(),
    }
}

/// A head with credentials in a header, everything that must be signed named as signed.
fn signed(method: &str, target: &str, extra: &[(&str, &str)]) -> Parts {
    let mut headers = vec![("host", "localhost"), ("x-amz-date", STAMP)];
    if !extra.iter().any(|(name, _)| *name == "x-amz-content-sha256") {
        headers.push(("x-amz-content-sha256", EMPTY));
    }
    headers.extend_from_slice(extra);
    let names: Vec<_> =
        headers.iter().map(|(name, _)| *name).filter(|name| *name == "host" || name.starts_with("x-amz-")).collect();
    let names = names.join(";");
    let credentials = format!("AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders={names}, Signature={ZEROS}");
    headers.push(("authorization", &credentials));
    head(method, target, &headers)
}

fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn presigned(extra: &str, headers: &[(&str, &str)]) -> Parts {
    let names = headers.iter().map(|(name, _)| *name).chain(["host"]).collect::<Vec<_>>().join("%3B");
    let target = format!(
        "/tea/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={STAMP}&X-Amz-Expires=60\
         &X-Amz-SignedHeaders={names}&X-Amz-Signature={ZEROS}{extra}",
        SCOPE.replace('/', "%2F")
    );
    head("GET", &target, &[&[("host", "localhost")], headers].concat())
}

fn check(head: &Parts) -> Result<Admitted, Code> {
    admit(head, &settings(), NOW).map_err(|failure| failure.code())
}

fn refused(head: &Parts) -> Failure {
    admit(head, &settings(), NOW).unwrap_err()
}

const PLACES: [(&str, &str); 11] = [
    ("GET", "/"),
    ("GET", "/tea"),
    ("HEAD", "/tea"),
    ("PUT", "/tea"),
    ("POST", "/tea"),
    ("DELETE", "/tea"),
    ("GET", "/tea/a"),
    ("HEAD", "/tea/a"),
    ("PUT", "/tea/a"),
    ("POST", "/tea/a"),
    ("DELETE", "/tea/a"),
];

/// Every query name that S3 knows, and one it does not.
const NAMES: &str = "abac accelerate acl analytics annotation annotations attributes bucket-region continuation-token \
    cors delete delimiter encoding-type encryption events fetch-owner id intelligent-tiering inventory key-marker \
    legal-hold lifecycle list-type location logging marker max-buckets max-directory-buckets max-keys max-parts \
    max-uploads metadataConfiguration metadataInventoryTable metadataJournalTable metadataTable metrics notification \
    object-lock ownershipControls part-number-marker partNumber policy policyStatus prefix publicAccessBlock \
    renameObject replication requestPayment response-cache-control response-content-disposition \
    response-content-encoding response-content-language response-content-type response-expires restore retention \
    select select-type session start-after tagging torrent unheard-of upload-id-marker uploadId uploads \
    version-id-marker versionId versioning versions website";

/// What is served: a name alone on a place, and the operation it belongs to there.
const SERVED: &[(&str, &str, &str, &str)] = &[
    ("GET", "/", "bucket-region continuation-token max-buckets prefix", "ListBuckets"),
    ("GET", "/tea", "location", "GetBucketLocation"),
    ("GET", "/tea", "uploads", "ListMultipartUploads"),
    ("GET", "/tea", "versions", "ListObjectVersions"),
    ("GET", "/tea", "versioning", "GetBucketVersioning"),
    ("PUT", "/tea", "versioning", "PutBucketVersioning"),
    ("GET", "/tea", "tagging", "GetBucketTagging"),
    ("PUT", "/tea", "tagging", "PutBucketTagging"),
    ("DELETE", "/tea", "tagging", "DeleteBucketTagging"),
    ("GET", "/tea", "lifecycle", "GetBucketLifecycleConfiguration"),
    ("PUT", "/tea", "lifecycle", "PutBucketLifecycleConfiguration"),
    ("DELETE", "/tea", "lifecycle", "DeleteBucketLifecycle"),
    ("GET", "/tea", "object-lock", "GetObjectLockConfiguration"),
    ("PUT", "/tea", "object-lock", "PutObjectLockConfiguration"),
    ("GET", "/tea/a", "tagging", "GetObjectTagging"),
    ("PUT", "/tea/a", "tagging", "PutObjectTagging"),
    ("DELETE", "/tea/a", "tagging", "DeleteObjectTagging"),
    ("GET", "/tea/a", "retention", "GetObjectRetention"),
    ("PUT", "/tea/a", "retention", "PutObjectRetention"),
    ("GET", "/tea/a", "legal-hold", "GetObjectLegalHold"),
    ("PUT", "/tea/a", "legal-hold", "PutObjectLegalHold"),
    ("GET", "/tea/a", "attributes", "GetObjectAttributes"),
    ("GET", "/tea", "delimiter marker max-keys prefix", "ListObjects"),
    ("POST", "/tea", "delete", "DeleteObjects"),
    (
        "GET",
        "/tea/a",
        "partNumber response-cache-control response-content-disposition response-content-encoding \
         response-content-language response-content-type response-expires",
        "GetObject",
    ),
    (
        "HEAD",
        "/tea/a",
        "partNumber response-cache-control response-content-disposition response-content-encoding \
         response-content-language response-content-type response-expires",
        "HeadObject",
    ),
    ("GET", "/tea/a", "uploadId", "ListParts"),
    ("PUT", "/tea/a", "partNumber uploadId", "UploadPart"),
    ("POST", "/tea/a", "uploads", "CreateMultipartUpload"),
    ("POST", "/tea/a", "uploadId", "CompleteMultipartUpload"),
    ("DELETE", "/tea/a", "uploadId", "AbortMultipartUpload"),
    ("GET", "/tea", "acl", "GetBucketAcl"),
    ("PUT", "/tea", "acl", "PutBucketAcl"),
    ("GET", "/tea/a", "acl", "GetObjectAcl"),
    ("PUT", "/tea/a", "acl", "PutObjectAcl"),
    ("GET", "/tea", "cors", "GetBucketCors"),
    ("PUT", "/tea", "cors", "PutBucketCors"),
    ("DELETE", "/tea", "cors", "DeleteBucketCors"),
    ("GET", "/tea", "ownershipControls", "GetBucketOwnershipControls"),
    ("PUT", "/tea", "ownershipControls", "PutBucketOwnershipControls"),
    ("DELETE", "/tea", "ownershipControls", "DeleteBucketOwnershipControls"),
    ("GET", "/tea", "publicAccessBlock", "GetPublicAccessBlock"),
    ("PUT", "/tea", "publicAccessBlock", "PutPublicAccessBlock"),
    ("DELETE", "/tea", "publicAccessBlock", "DeletePublicAccessBlock"),
    ("GET", "/tea", "policyStatus", "GetBucketPolicyStatus"),
    ("GET", "/tea", "encryption", "GetBucketEncryption"),
    ("PUT", "/tea", "encryption", "PutBucketEncryption"),
    ("DELETE", "/tea", "encryption", "DeleteBucketEncryption"),
    ("GET", "/tea", "requestPayment", "GetBucketRequestPayment"),
    ("PUT", "/tea", "requestPayment", "PutBucketRequestPayment"),
    ("GET", "/tea", "policy", "GetBucketPolicy"),
    ("DELETE", "/tea", "policy", "DeleteBucketPolicy"),
    ("GET", "/tea", "website", "GetBucketWebsite"),
    ("DELETE", "/tea", "website", "DeleteBucketWebsite"),
    ("GET", "/tea", "replication", "GetBucketReplication"),
    ("DELETE", "/tea", "replication", "DeleteBucketReplication"),
    ("GET", "/tea", "logging", "GetBucketLogging"),
    ("GET", "/tea", "notification", "GetBucketNotificationConfiguration"),
    ("GET", "/tea", "accelerate", "GetBucketAccelerateConfiguration"),
];

#[test]
fn every_query_name_is_served_where_it_is_listed_and_refused_elsewhere() {
    for (method, path) in PLACES {
        for name in NAMES.split_ascii_whitespace() {
            let served = SERVED.iter().find(|(m, p, names, _)| {
                (*m, *p) == (method, path) && names.split_ascii_whitespace().any(|n| n == name)
            });
            for target in [format!("{path}?{name}"), format!("{path}?{name}=x"), format!("{path}?prefix=&{name}")] {
                if name == "prefix" && target.ends_with("&prefix") {
                    continue;
                }
                let found = check(&signed(method, &target, &[("content-length", "0")]));
                match served {
                    Some((.., operation)) if !target.contains("prefix=") => {
                        assert_eq!(found.unwrap().operation.name(), *operation, "{method} {target}");
                    }
                    Some(_) => {}
                    None => assert!(found.is_err(), "{method} {target} is {:?}", found.unwrap().operation),
                }
            }
        }
    }
}

#[test]
fn the_quirks_of_the_library_behind_are_impossible() {
    // Each of these is another operation there than what it says.
    for (method, target, extra) in [
        ("DELETE", "/tea?metadataConfiguration", &[][..]),
        ("DELETE", "/tea?versioning", &[]),
        ("PUT", "/tea/a?renameObject", &[("content-length", "0")]),
        ("GET", "/?x-id=ListDirectoryBuckets", &[]),
        ("GET", "/tea?uploads&versions", &[]),
        ("POST", "/tea?unheard-of", &[("x-amz-request-route", "a"), ("x-amz-request-token", "b")]),
        ("PUT", "/tea/a?tagging", &[("content-length", "0"), ("x-amz-copy-source", "/tea/b")]),
    ] {
        assert_eq!(check(&signed(method, target, extra)).unwrap_err(), Code::NotImplemented, "{method} {target}");
    }
}

/// Every `x-amz-*` request header that S3 knows beside those of every request, and one it does not.
const HEADERS: &str = "x-amz-acl x-amz-bucket-object-lock-enabled x-amz-bucket-object-lock-token \
    x-amz-bypass-governance-retention x-amz-checksum-algorithm x-amz-checksum-crc32 x-amz-checksum-crc32c \
    x-amz-checksum-crc64nvme x-amz-checksum-mode x-amz-checksum-sha1 x-amz-checksum-sha256 x-amz-checksum-type \
    x-amz-confirm-remove-self-bucket-access x-amz-copy-source x-amz-copy-source-if-match \
    x-amz-copy-source-if-modified-since x-amz-copy-source-if-none-match x-amz-copy-source-if-unmodified-since \
    x-amz-copy-source-range x-amz-copy-source-server-side-encryption-customer-algorithm \
    x-amz-copy-source-server-side-encryption-customer-key x-amz-copy-source-server-side-encryption-customer-key-md5 \
    x-amz-create-session-mode x-amz-decoded-content-length x-amz-expected-bucket-owner x-amz-fwd-status \
    x-amz-grant-full-control x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write x-amz-grant-write-acp \
    x-amz-if-match-initiated-time x-amz-if-match-last-modified-time x-amz-if-match-size x-amz-max-parts \
    x-amz-meta-a x-amz-metadata-directive x-amz-mfa x-amz-mp-object-size x-amz-object-attributes \
    x-amz-object-lock-legal-hold x-amz-object-lock-mode x-amz-object-lock-retain-until-date x-amz-object-ownership \
    x-amz-object-size x-amz-optional-object-attributes x-amz-part-number-marker x-amz-rename-source \
    x-amz-request-payer x-amz-request-route x-amz-request-token x-amz-restore-output-path \
    x-amz-sdk-checksum-algorithm x-amz-security-token x-amz-server-side-encryption \
    x-amz-server-side-encryption-aws-kms-key-id x-amz-server-side-encryption-bucket-key-enabled \
    x-amz-server-side-encryption-context x-amz-server-side-encryption-customer-algorithm \
    x-amz-server-side-encryption-customer-key x-amz-server-side-encryption-customer-key-md5 \
    x-amz-skip-destination-validation x-amz-source-expected-bucket-owner x-amz-storage-class x-amz-tagging \
    x-amz-tagging-directive x-amz-te x-amz-trailer x-amz-transition-default-minimum-object-size x-amz-unheard-of \
    x-amz-website-redirect-location x-amz-write-offset-bytes";

const LISTS: &str = "x-amz-expected-bucket-owner x-amz-sdk-checksum-algorithm x-amz-acl x-amz-grant-full-control \
    x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write x-amz-grant-write-acp x-amz-decoded-content-length \
    x-amz-trailer CHECKSUMS";
const SET: &str = "x-amz-expected-bucket-owner x-amz-sdk-checksum-algorithm x-amz-decoded-content-length \
    x-amz-trailer CHECKSUMS";
const ASKED: &str = "x-amz-expected-bucket-owner";

const CHECKSUMS: &str =
    "x-amz-checksum-crc32 x-amz-checksum-crc32c x-amz-checksum-crc64nvme x-amz-checksum-sha1 x-amz-checksum-sha256";

/// What comes with a document.
const DOCUMENT: &str = "x-amz-expected-bucket-owner x-amz-sdk-checksum-algorithm x-amz-decoded-content-length \
    x-amz-trailer CHECKSUMS";

/// The headers that make an operation what it is.
fn with(operation: Operation, more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let copies = matches!(operation, Operation::CopyObject | Operation::UploadPartCopy);
    let source = ("x-amz-copy-source", "/tea/b");
    let made = copies && more.iter().all(|(name, _)| *name != source.0);
    [&[("content-length", "0")][..], more, if made { std::slice::from_ref(&source) } else { &[] }].concat()
}

/// Each operation with the headers that may come with it.
const WITH: &[(Operation, &str, &str, &str)] = &[
    (Operation::ListBuckets, "GET", "/", ""),
    (
        Operation::CreateBucket,
        "PUT",
        "/tea",
        "x-amz-acl x-amz-grant-full-control x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write \
         x-amz-grant-write-acp x-amz-object-ownership x-amz-bucket-object-lock-enabled x-amz-decoded-content-length x-amz-trailer CHECKSUMS",
    ),
    (Operation::HeadBucket, "HEAD", "/tea", "x-amz-expected-bucket-owner"),
    (Operation::DeleteBucket, "DELETE", "/tea", "x-amz-expected-bucket-owner"),
    (Operation::GetBucketLocation, "GET", "/tea?location", "x-amz-expected-bucket-owner"),
    (Operation::ListObjects, "GET", "/tea", "x-amz-expected-bucket-owner"),
    (Operation::ListObjectsV2, "GET", "/tea?list-type=2", "x-amz-expected-bucket-owner"),
    (Operation::ListMultipartUploads, "GET", "/tea?uploads", "x-amz-expected-bucket-owner"),
    (
        Operation::DeleteObjects,
        "POST",
        "/tea?delete",
        "x-amz-expected-bucket-owner x-amz-sdk-checksum-algorithm x-amz-bypass-governance-retention \
         x-amz-decoded-content-length x-amz-trailer CHECKSUMS",
    ),
    (Operation::ListObjectVersions, "GET", "/tea?versions", "x-amz-expected-bucket-owner"),
    (Operation::GetBucketVersioning, "GET", "/tea?versioning", "x-amz-expected-bucket-owner"),
    (Operation::PutBucketVersioning, "PUT", "/tea?versioning", DOCUMENT),
    (Operation::GetBucketTagging, "GET", "/tea?tagging", "x-amz-expected-bucket-owner"),
    (Operation::PutBucketTagging, "PUT", "/tea?tagging", DOCUMENT),
    (Operation::DeleteBucketTagging, "DELETE", "/tea?tagging", "x-amz-expected-bucket-owner"),
    (Operation::GetBucketLifecycleConfiguration, "GET", "/tea?lifecycle", "x-amz-expected-bucket-owner"),
    (Operation::PutBucketLifecycleConfiguration, "PUT", "/tea?lifecycle", DOCUMENT),
    (Operation::DeleteBucketLifecycle, "DELETE", "/tea?lifecycle", "x-amz-expected-bucket-owner"),
    (Operation::GetObjectLockConfiguration, "GET", "/tea?object-lock", "x-amz-expected-bucket-owner"),
    (Operation::PutObjectLockConfiguration, "PUT", "/tea?object-lock", DOCUMENT),
    (Operation::GetObjectTagging, "GET", "/tea/a?tagging", "x-amz-expected-bucket-owner"),
    (Operation::PutObjectTagging, "PUT", "/tea/a?tagging", DOCUMENT),
    (Operation::DeleteObjectTagging, "DELETE", "/tea/a?tagging", "x-amz-expected-bucket-owner"),
    (Operation::GetObjectRetention, "GET", "/tea/a?retention", "x-amz-expected-bucket-owner"),
    (
        Operation::PutObjectRetention,
        "PUT",
        "/tea/a?retention",
        "x-amz-expected-bucket-owner x-amz-sdk-checksum-algorithm x-amz-bypass-governance-retention \
         x-amz-decoded-content-length x-amz-trailer CHECKSUMS",
    ),
    (Operation::GetObjectLegalHold, "GET", "/tea/a?legal-hold", "x-amz-expected-bucket-owner"),
    (Operation::PutObjectLegalHold, "PUT", "/tea/a?legal-hold", DOCUMENT),
    (
        Operation::GetObjectAttributes,
        "GET",
        "/tea/a?attributes",
        "x-amz-expected-bucket-owner x-amz-object-attributes x-amz-max-parts x-amz-part-number-marker",
    ),
    (
        Operation::CopyObject,
        "PUT",
        "/tea/a",
        "x-amz-expected-bucket-owner x-amz-copy-source x-amz-copy-source-if-match x-amz-copy-source-if-none-match \
         x-amz-copy-source-if-modified-since x-amz-copy-source-if-unmodified-since x-amz-source-expected-bucket-owner \
         x-amz-metadata-directive x-amz-tagging-directive x-amz-checksum-algorithm x-amz-acl x-amz-grant-full-control \
         x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write x-amz-grant-write-acp x-amz-storage-class \
         x-amz-server-side-encryption x-amz-meta-a x-amz-tagging x-amz-object-lock-legal-hold x-amz-object-lock-mode \
         x-amz-object-lock-retain-until-date",
    ),
    (
        Operation::UploadPartCopy,
        "PUT",
        "/tea/a?partNumber=1&uploadId=u",
        "x-amz-expected-bucket-owner x-amz-copy-source x-amz-copy-source-if-match x-amz-copy-source-if-none-match \
         x-amz-copy-source-if-modified-since x-amz-copy-source-if-unmodified-since x-amz-copy-source-range \
         x-amz-source-expected-bucket-owner",
    ),
    (Operation::GetObject, "GET", "/tea/a", "x-amz-expected-bucket-owner x-amz-checksum-mode"),
    (Operation::HeadObject, "HEAD", "/tea/a", "x-amz-expected-bucket-owner x-amz-checksum-mode"),
    (
        Operation::PutObject,
        "PUT",
        "/tea/a",
        "x-amz-expected-bucket-owner x-amz-sdk-checksum-algorithm x-amz-acl x-amz-grant-full-control \
         x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write x-amz-grant-write-acp x-amz-storage-class \
         x-amz-server-side-encryption x-amz-meta-a x-amz-tagging x-amz-object-lock-legal-hold x-amz-object-lock-mode \
         x-amz-object-lock-retain-until-date x-amz-decoded-content-length x-amz-trailer CHECKSUMS",
    ),
    (Operation::DeleteObject, "DELETE", "/tea/a", "x-amz-expected-bucket-owner x-amz-bypass-governance-retention"),
    (
        Operation::CreateMultipartUpload,
        "POST",
        "/tea/a?uploads",
        "x-amz-expected-bucket-owner x-amz-checksum-algorithm x-amz-checksum-type x-amz-acl \
         x-amz-grant-full-control x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write x-amz-grant-write-acp \
         x-amz-storage-class x-amz-server-side-encryption x-amz-meta-a x-amz-tagging x-amz-object-lock-legal-hold \
         x-amz-object-lock-mode x-amz-object-lock-retain-until-date",
    ),
    (
        Operation::UploadPart,
        "PUT",
        "/tea/a?partNumber=1&uploadId=u",
        "x-amz-expected-bucket-owner x-amz-sdk-checksum-algorithm x-amz-decoded-content-length x-amz-trailer CHECKSUMS",
    ),
    (Operation::ListParts, "GET", "/tea/a?uploadId=u", "x-amz-expected-bucket-owner"),
    (
        Operation::CompleteMultipartUpload,
        "POST",
        "/tea/a?uploadId=u",
        "x-amz-expected-bucket-owner x-amz-checksum-type x-amz-mp-object-size x-amz-decoded-content-length \
         x-amz-trailer CHECKSUMS",
    ),
    (Operation::AbortMultipartUpload, "DELETE", "/tea/a?uploadId=u", "x-amz-expected-bucket-owner"),
    (Operation::GetBucketAcl, "GET", "/tea?acl", ASKED),
    (Operation::PutBucketAcl, "PUT", "/tea?acl", LISTS),
    (Operation::GetObjectAcl, "GET", "/tea/a?acl", ASKED),
    (Operation::PutObjectAcl, "PUT", "/tea/a?acl", LISTS),
    (Operation::GetBucketCors, "GET", "/tea?cors", ASKED),
    (Operation::PutBucketCors, "PUT", "/tea?cors", SET),
    (Operation::DeleteBucketCors, "DELETE", "/tea?cors", ASKED),
    (Operation::GetBucketOwnershipControls, "GET", "/tea?ownershipControls", ASKED),
    (Operation::PutBucketOwnershipControls, "PUT", "/tea?ownershipControls", SET),
    (Operation::DeleteBucketOwnershipControls, "DELETE", "/tea?ownershipControls", ASKED),
    (Operation::GetPublicAccessBlock, "GET", "/tea?publicAccessBlock", ASKED),
    (Operation::PutPublicAccessBlock, "PUT", "/tea?publicAccessBlock", SET),
    (Operation::DeletePublicAccessBlock, "DELETE", "/tea?publicAccessBlock", ASKED),
    (Operation::GetBucketPolicyStatus, "GET", "/tea?policyStatus", ASKED),
    (Operation::GetBucketEncryption, "GET", "/tea?encryption", ASKED),
    (Operation::PutBucketEncryption, "PUT", "/tea?encryption", SET),
    (Operation::DeleteBucketEncryption, "DELETE", "/tea?encryption", ASKED),
    (Operation::GetBucketRequestPayment, "GET", "/tea?requestPayment", ASKED),
    (Operation::PutBucketRequestPayment, "PUT", "/tea?requestPayment", SET),
    (Operation::GetBucketPolicy, "GET", "/tea?policy", ASKED),
    (Operation::DeleteBucketPolicy, "DELETE", "/tea?policy", ASKED),
    (Operation::GetBucketWebsite, "GET", "/tea?website", ASKED),
    (Operation::DeleteBucketWebsite, "DELETE", "/tea?website", ASKED),
    (Operation::GetBucketReplication, "GET", "/tea?replication", ASKED),
    (Operation::DeleteBucketReplication, "DELETE", "/tea?replication", ASKED),
    (Operation::GetBucketLogging, "GET", "/tea?logging", ASKED),
    (Operation::GetBucketNotificationConfiguration, "GET", "/tea?notification", ASKED),
    (Operation::GetBucketAccelerateConfiguration, "GET", "/tea?accelerate", ASKED),
];

/// A value for a header, and the codes that say that it is not on an operation's list.
fn probe(name: &str) -> (&'static str, &'static [Code]) {
    match name {
        "x-amz-server-side-encryption" => ("AES256", &[Code::InvalidArgument]),
        _ => ("nonsense", &[Code::NotImplemented, Code::InvalidToken]),
    }
}

#[test]
fn every_operation_takes_its_headers_and_no_others() {
    // A form says the same in its fields: `a_form_says_in_its_fields_what_headers_say`.
    assert_eq!(WITH.len() + 1, Operation::ALL.len());
    for (operation, method, target, listed) in WITH {
        let listed = listed.replace("CHECKSUMS", CHECKSUMS);
        for name in HEADERS.split_ascii_whitespace() {
            // With a source a put is another operation.
            if name == "x-amz-copy-source" && matches!(operation, Operation::PutObject | Operation::UploadPart) {
                continue;
            }
            let (value, not_on_the_list) = probe(name);
            let found = check(&signed(method, target, &with(*operation, &[(name, value)])));
            let refused = found.as_ref().is_err_and(|code| not_on_the_list.contains(code));
            assert_eq!(
                !refused,
                listed.split_ascii_whitespace().any(|one| one == name),
                "{operation:?} {name}: {found:?}"
            );
        }
        assert_eq!(check(&signed(method, target, &with(*operation, &[]))).unwrap().operation, *operation);
    }
}

#[test]
fn conditions_are_taken_where_they_are_judged() {
    let reads = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "range"];
    for (operation, method, target, _) in WITH {
        for name in [&reads[..], &["if-range", "content-range", "if-unheard-of"]].concat() {
            let found = check(&signed(method, target, &with(*operation, &[(name, "x")])));
            let judged = match operation {
                Operation::GetObject | Operation::HeadObject => reads.contains(&name),
                Operation::PutObject | Operation::CopyObject | Operation::CompleteMultipartUpload => {
                    ["if-match", "if-none-match"].contains(&name)
                }
                Operation::DeleteObject => name == "if-match",
                _ => false,
            };
            assert_eq!(found.is_ok(), judged, "{operation:?} {name}");
        }
    }
}

#[test]
fn what_is_done_anyway_may_be_asked_for_and_nothing_else() {
    let put = |name, value| check(&signed("PUT", "/tea/a", &[("content-length", "0"), (name, value)])).err();
    assert_eq!(put("x-amz-storage-class", "STANDARD"), None);
    assert_eq!(put("x-amz-storage-class", "GLACIER"), Some(Code::NotImplemented));
    assert_eq!(put("x-amz-storage-class", "PAPER"), Some(Code::InvalidStorageClass));
    assert_eq!(put("x-amz-server-side-encryption", "AES256"), None);
    assert_eq!(put("x-amz-server-side-encryption", "aws:kms"), Some(Code::NotImplemented));
    assert_eq!(put("x-amz-server-side-encryption", "rot13"), Some(Code::InvalidArgument));
    for method in ["GET", "HEAD"] {
        let read = check(&signed(method, "/tea/a", &[("x-amz-server-side-encryption", "AES256")]));
        assert_eq!(read.err(), Some(Code::InvalidArgument), "{method}: it was encrypted when it was put");
    }
    let create = |name, value| check(&signed("PUT", "/tea", &[("content-length", "0"), (name, value)])).err();
    assert_eq!(create("x-amz-object-ownership", "BucketOwnerEnforced"), None);
    assert_eq!(create("x-amz-object-ownership", "Everyone"), Some(Code::InvalidArgument));
    assert_eq!(create("x-amz-bucket-object-lock-enabled", "false"), None);
    assert_eq!(create("x-amz-bucket-object-lock-enabled", "true"), None);
    assert_eq!(create("x-amz-bucket-object-lock-enabled", "perhaps"), Some(Code::InvalidArgument));
    for (target, expected) in [
        ("/tea/a?versionId=null", None),
        ("/tea/a?versionId=0123456789abcdef0123456789abcdef", None),
        ("/tea/a?versionId=3", Some(Code::InvalidArgument)),
        ("/tea?list-type=1", Some(Code::InvalidArgument)),
        ("/tea?encoding-type=url", None),
        ("/tea?encoding-type=base64", Some(Code::InvalidArgument)),
    ] {
        assert_eq!(check(&signed("GET", target, &[])).err(), expected, "{target}");
    }
}

#[test]
fn what_sdks_send_along_passes() {
    let along = [
        ("x-amz-user-agent", "sdk"),
        ("amz-sdk-invocation-id", "1"),
        ("amz-sdk-request", "attempt=1"),
        ("user-agent", "sdk"),
        ("accept-encoding", "identity"),
        ("content-type", "application/xml"),
    ];
    assert_eq!(check(&signed("GET", "/tea/a?x-id=GetObject", &along)).unwrap().operation, Operation::GetObject);
    assert_eq!(check(&signed("GET", "/tea/a?x-id=PutObject", &along)).err(), Some(Code::NotImplemented));
}

#[test]
fn one_mechanism_in_one_place_proves_who_asks() {
    let host = ("host", "localhost");
    for (head, code) in [
        (head("GET", "/tea/a", &[host, ("authorization", "AWS ENTE:c2ln")]), Code::InvalidRequest),
        (head("GET", "/tea/a", &[host, ("authorization", "Bearer x")]), Code::InvalidRequest),
        (head("GET", "/tea/a?AWSAccessKeyId=E&Signature=s&Expires=1", &[host]), Code::InvalidRequest),
        (presigned("&Signature=s", &[]), Code::InvalidArgument),
        (presigned("", &[("authorization", "AWS ENTE:c2ln")]), Code::InvalidArgument),
        (signed("GET", "/tea/a?x-amz-signature=1", &[]), Code::InvalidArgument),
        (presigned("&X-Amz-Security-Token=t", &[]), Code::InvalidToken),
        (signed("POST", "/tea", &[("content-type", "multipart/form-data; boundary=b")]), Code::NotImplemented),
    ] {
        assert_eq!(check(&head).unwrap_err(), code, "{:?}", head.uri);
    }
}

#[test]
fn who_says_nothing_is_nobody() {
    let admitted = check(&head("GET", "/tea/a", &[("host", "localhost")])).unwrap();
    assert!(admitted.claim.is_none() && admitted.operation == Operation::GetObject);
    // Signed chunks need somebody who signed them.
    let chunks = ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    let put = head("PUT", "/tea/a", &[("host", "localhost"), chunks, ("x-amz-decoded-content-length", "1")]);
    assert_eq!(check(&put).unwrap_err(), Code::NotImplemented);
}

#[test]
fn a_form_is_told_by_its_head() {
    const TYPE: (&str, &str) = ("content-type", "Multipart/Form-Data; charset=utf-8; boundary=\"b\"");
    const LENGTH: (&str, &str) = ("content-length", "9");
    let check = |target: &str, headers: &[(&str, &str)]| {
        let head = head("POST", target, &[&[("host", "localhost")], headers].concat());
        super::form_head(&head, &settings()).map_err(|failure| failure.code())
    };
    let form = check("/tea", &[TYPE, LENGTH]).unwrap().unwrap();
    assert_eq!((form.bucket.as_str(), form.boundary.as_str()), ("tea", "b"));
    for (target, headers) in [
        ("/tea?delete", &[TYPE, LENGTH][..]),
        ("/tea", &[("content-type", "text/plain"), LENGTH]),
        ("/tea", &[TYPE, LENGTH, ("authorization", "AWS4-HMAC-SHA256 x")]),
    ] {
        assert!(check(target, headers).unwrap().is_none(), "{target} {headers:?}");
    }
    for (target, headers, expected) in [
        ("/tea/a", &[TYPE, LENGTH][..], Code::MethodNotAllowed),
        ("/", &[TYPE, LENGTH], Code::MethodNotAllowed),
        ("/tea", &[TYPE], Code::MissingContentLength),
        ("/tea", &[("content-type", "multipart/form-data"), LENGTH], Code::MalformedPOSTRequest),
        ("/tea", &[TYPE, LENGTH, ("x-amz-acl", "public-read")], Code::NotImplemented),
    ] {
        assert_eq!(check(target, headers).unwrap_err(), expected, "{target} {headers:?}");
    }
}

#[test]
fn a_form_says_in_its_fields_what_headers_say() {
    let (bucket, key) = (model::BucketName::parse("tea").unwrap(), model::ObjectKey::parse("a").unwrap());
    let taken = "x-amz-acl x-amz-grant-full-control x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write \
        x-amz-grant-write-acp x-amz-storage-class x-amz-server-side-encryption x-amz-meta-a x-amz-tagging \
        x-amz-object-lock-legal-hold x-amz-object-lock-mode x-amz-object-lock-retain-until-date \
        x-amz-sdk-checksum-algorithm CHECKSUMS";
    let taken = taken.replace("CHECKSUMS", CHECKSUMS);
    for name in HEADERS.split_ascii_whitespace() {
        let (value, not_on_the_list) = probe(name);
        let field = (http::HeaderName::from_static(name), value.parse().unwrap());
        let found = Admitted::of_form(bucket.clone(), key.clone(), [field].into_iter().collect());
        let refused = found.is_err_and(|failure| not_on_the_list.contains(&failure.code()));
        assert_eq!(!refused, taken.split_ascii_whitespace().any(|one| one == name), "{name}");
    }
}

#[test]
fn a_browsers_question_names_origin_and_method() {
    let origin = ("origin", "https://a.example.org");
    let method = ("access-control-request-method", "PUT");
    let check = |target: &str, headers: &[(&str, &str)]| {
        let head = head("OPTIONS", target, &[&[("host", "localhost")], headers].concat());
        super::preflight(&head, &settings()).map_err(|failure| failure.code())
    };
    let crossing = check("/tea/a?X-Amz-Signature=x&%zz", &[origin, method]).unwrap();
    assert_eq!((crossing.bucket.as_str(), crossing.method.as_str()), ("tea", "PUT"));
    for (target, headers) in [("/tea", &[origin][..]), ("/tea", &[method]), ("/", &[origin, method])] {
        assert_eq!(check(target, headers).unwrap_err(), Code::BadRequest, "{target} {headers:?}");
    }
}

#[test]
fn an_upload_may_be_of_the_type_of_a_form() {
    let head = signed("POST", "/tea/a?uploads", &[("content-type", "multipart/form-data; boundary=b")]);
    assert_eq!(check(&head).unwrap().operation, Operation::CreateMultipartUpload);
}

#[test]
fn what_is_not_signed_is_refused() {
    for name in ["x-amz-meta-a", "x-amz-copy-source", "x-amz-checksum-crc32", "x-amz-user-agent"] {
        let mut head = signed("PUT", "/tea/a", &[("content-length", "0")]);
        head.headers.insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), "AAAAAA==".parse().unwrap());
        assert_eq!(check(&head).unwrap_err(), Code::AccessDenied, "{name}");
        let mut head = presigned("", &[]);
        head.headers.insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), "AAAAAA==".parse().unwrap());
        assert_eq!(check(&head).unwrap_err(), Code::AccessDenied, "{name}");
    }
    let mut head = presigned("", &[]);
    head.headers.insert("x-amz-checksum-mode", "ENABLED".parse().unwrap());
    assert_eq!(check(&head).unwrap_err(), Code::AccessDenied);
    // Signed, or in the query where everything is signed, it is taken.
    assert!(check(&presigned("", &[("x-amz-checksum-mode", "ENABLED")])).is_ok());
    let admitted =
        check(&presigned("&x-amz-checksum-mode=ENABLED&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD", &[])).unwrap();
    assert!(admitted.headers.contains_key("x-amz-checksum-mode") && admitted.query.0.is_empty());
}

#[test]
fn a_host_that_is_not_signed_is_refused() {
    let mut head = signed("GET", "/tea/a", &[]);
    let credentials = head.headers["authorization"].to_str().unwrap().replace("host;", "").parse().unwrap();
    head.headers.insert("authorization", credentials);
    assert_eq!(check(&head).unwrap_err(), Code::AccessDenied);
}

#[test]
fn another_scope_is_told_the_right_one() {
    let with_scope = |scope: &str| {
        let mut head = signed("GET", "/tea/a", &[]);
        let credentials = head.headers["authorization"].to_str().unwrap().replace(SCOPE, scope).parse().unwrap();
        head.headers.insert("authorization", credentials);
        refused(&head)
    };
    let failure = with_scope("ENTE/20151021/mars-1/s3/aws4_request");
    assert_eq!(failure.code(), Code::AuthorizationHeaderMalformed);
    assert!(failure.fields().contains(&("Region", "us-east-1".into())));
    for scope in [
        "ENTE/20151021/us-east-1/ec2/aws4_request",
        "ENTE/20151022/us-east-1/s3/aws4_request",
        "ENTE",
        "ENTE/20151021/us-east-1/s3/aws3_request",
    ] {
        assert_eq!(with_scope(scope).code(), Code::AuthorizationHeaderMalformed, "{scope}");
    }
}

#[test]
fn dates_have_their_limits() {
    let at = |offset_s: i64, head: &Parts| {
        admit(head, &settings(), Timestamp(NOW.0 + offset_s * 1000)).map(|_| ()).map_err(|failure| failure.code())
    };
    let header = signed("GET", "/tea/a", &[]);
    for (offset_s, expected) in [
        (0, Ok(())),
        (900, Ok(())),
        (-900, Ok(())),
        (901, Err(Code::RequestTimeTooSkewed)),
        (-901, Err(Code::RequestTimeTooSkewed)),
        (30 * 86_400, Err(Code::RequestTimeTooSkewed)),
    ] {
        assert_eq!(at(offset_s, &header), expected, "{offset_s} s");
    }
    let url = presigned("", &[]);
    for (offset_s, expected) in
        [(0, Ok(())), (60, Ok(())), (61, Err(Code::AccessDenied)), (-900, Ok(())), (-901, Err(Code::AccessDenied))]
    {
        assert_eq!(at(offset_s, &url), expected, "{offset_s} s");
    }
    for (expires, expected) in
        [("604800", None), ("604801", Some(())), ("0", Some(())), ("-1", Some(())), ("x", Some(()))]
    {
        let target = url.uri.to_string().replace("X-Amz-Expires=60", &format!("X-Amz-Expires={expires}"));
        let found = check(&head("GET", &target, &[("host", "localhost")])).err();
        assert_eq!(found, expected.map(|()| Code::AuthorizationQueryParametersError), "{expires}");
    }
}

#[test]
fn a_head_that_could_be_read_in_two_ways_is_refused() {
    for (extra, code) in [
        (&[("content-length", "0"), ("content-length", "1")][..], Code::InvalidArgument),
        (&[("content-length", "0"), ("transfer-encoding", "chunked")], Code::InvalidRequest),
        (&[("transfer-encoding", "gzip, chunked")], Code::NotImplemented),
        (&[("content-length", "0"), ("if-match", "a"), ("if-match", "b")], Code::InvalidArgument),
        (&[("content-length", "0"), ("content-type", "a"), ("content-type", "b")], Code::InvalidArgument),
        (&[("content-length", "+1")], Code::InvalidArgument),
        (&[("content-length", "0"), ("x-amz-meta-a", "1"), ("x-amz-meta-a", "2")], Code::InvalidArgument),
    ] {
        assert_eq!(check(&signed("PUT", "/tea/a", extra)).unwrap_err(), code, "{extra:?}");
    }
    assert_eq!(check(&signed("GET", "http://localhost/tea/a", &[])).unwrap_err(), Code::InvalidURI);
    assert_eq!(check(&signed("GET", "/tea?prefix=%zz", &[])).unwrap_err(), Code::InvalidURI);
    for method in ["PATCH", "OPTIONS", "TRACE", "CONNECT"] {
        assert_eq!(check(&signed(method, "/tea/a", &[])).unwrap_err(), Code::MethodNotAllowed, "{method}");
    }
}

#[test]
fn a_head_has_a_limit() {
    let long = "x".repeat(Limits::default().head_bytes);
    assert_eq!(check(&signed("GET", "/tea/a", &[("cookie", &long)])).unwrap_err(), Code::RequestHeaderSectionTooLarge);
    let key = "k".repeat(1025);
    assert_eq!(check(&signed("GET", &format!("/tea/{key}"), &[])).unwrap_err(), Code::KeyTooLongError);
}

#[test]
fn how_the_body_comes_is_said_once_and_clearly() {
    const CHUNKED: (&str, &str) = ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    const TRAILER: (&str, &str) = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    const DECODED: (&str, &str) = ("x-amz-decoded-content-length", "5");
    const CRC: (&str, &str) = ("x-amz-trailer", "x-amz-checksum-crc32");
    let invalid = Some(Code::InvalidRequest);
    for (extra, expected) in [
        (&[][..], Some(Code::MissingContentLength)),
        (&[("transfer-encoding", "chunked")], invalid),
        (&[("content-length", "5368709121")], Some(Code::EntityTooLarge)),
        (&[("content-length", "1"), ("x-amz-content-sha256", "abc")], Some(Code::InvalidArgument)),
        (&[("content-length", "1"), DECODED], invalid),
        (&[("content-length", "1"), CRC], invalid),
        (&[CHUNKED], Some(Code::MissingContentLength)),
        (&[CHUNKED, DECODED], None),
        (&[CHUNKED, DECODED, CRC], invalid),
        (&[TRAILER, DECODED], invalid),
        (&[TRAILER, DECODED, CRC], None),
        (&[TRAILER, DECODED, ("x-amz-trailer", "x-amz-meta-a")], invalid),
        (&[TRAILER, DECODED, CRC, ("x-amz-checksum-crc32", "AAAAAA==")], invalid),
        (&[TRAILER, DECODED, CRC, ("x-amz-sdk-checksum-algorithm", "CRC32")], None),
        (&[TRAILER, DECODED, CRC, ("x-amz-sdk-checksum-algorithm", "SHA1")], invalid),
        (&[("content-length", "1"), ("x-amz-sdk-checksum-algorithm", "CRC32")], invalid),
        (&[("content-length", "1"), ("x-amz-checksum-crc32", "AAAA")], invalid),
        (
            &[("content-length", "1"), ("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-crc32c", "AAAAAA==")],
            invalid,
        ),
    ] {
        assert_eq!(check(&signed("PUT", "/tea/a", extra)).err(), expected, "{extra:?}");
    }
    let mut unhashed = signed("GET", "/tea/a", &[]);
    unhashed.headers.remove("x-amz-content-sha256");
    let credentials =
        unhashed.headers["authorization"].to_str().unwrap().replace(";x-amz-content-sha256", "").parse().unwrap();
    unhashed.headers.insert("authorization", credentials);
    assert_eq!(check(&unhashed).unwrap_err(), Code::InvalidRequest);
    assert!(matches!(check(&signed("GET", "/tea/a", &[])).unwrap().payload, Payload::Plain(_)));
}
