//! S3's error codes, and the one table from everything that can go wrong to them.

use std::error::Error;

use engine::BodyErrorKind;
use http::{HeaderName, HeaderValue, StatusCode};
use model::{Marker, Which};

use crate::text;
use crate::versioning::id_of;

macro_rules! codes {
    ($($name:ident $status:literal $message:literal),+ $(,)?) => {
        /// An error code of the S3 API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code { $($name),+ }

        impl Code {
            /// As in the `Code` element.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Code::$name => stringify!($name)),+ }
            }

            pub(crate) fn status(self) -> StatusCode {
                let status: u16 = match self { $(Code::$name => $status),+ };
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// What S3 says when there is nothing more particular to say.
            pub(crate) const fn message(self) -> &'static str {
                match self { $(Code::$name => $message),+ }
            }
        }
    };
}

codes! {
    AccessControlListNotSupported 400 "The bucket does not allow ACLs",
    AccessDenied 403 "Access Denied",
    AccessForbidden 403 "CORSResponse: This CORS request is not allowed.",
    AuthorizationHeaderMalformed 400 "The authorization header is malformed",
    AuthorizationQueryParametersError 400 "Error parsing the authorization query parameters",
    BadDigest 400 "The digest you specified did not match what we received",
    BadRequest 400 "Bad Request",
    BucketAlreadyExists 409 "The requested bucket name is not available",
    BucketAlreadyOwnedByYou 409 "Your previous request to create the named bucket succeeded and you already own it",
    BucketNotEmpty 409 "The bucket you tried to delete is not empty",
    EntityTooLarge 400 "Your proposed upload exceeds the maximum allowed size",
    EntityTooSmall 400 "Your proposed upload is smaller than the minimum allowed size",
    IllegalLocationConstraintException 400 "The location constraint is incompatible with this endpoint",
    IllegalVersioningConfigurationException 400 "The Versioning element must be specified",
    IncompleteBody 400 "You did not provide the number of bytes specified by the Content-Length HTTP header",
    InternalError 500 "We encountered an internal error. Please try again.",
    InvalidAccessKeyId 403 "The AWS Access Key Id you provided does not exist in our records.",
    InvalidArgument 400 "Invalid Argument",
    InvalidBucketAclWithObjectOwnership 400 "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    InvalidBucketName 400 "The specified bucket is not valid.",
    InvalidBucketState 409 "The request is not valid with the current state of the bucket.",
    InvalidDigest 400 "The Content-MD5 you specified is not valid.",
    InvalidLocationConstraint 400 "The specified location constraint is not valid",
    InvalidPart 400 "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    InvalidPartNumber 416 "The requested partnumber is not satisfiable",
    InvalidPartOrder 400 "The list of parts was not in ascending order. Parts must be ordered by part number.",
    InvalidPolicyDocument 400 "The content of the form does not meet the conditions specified in the policy document.",
    InvalidRange 416 "The requested range is not satisfiable",
    InvalidRequest 400 "Invalid Request",
    InvalidRetentionPeriod 400 "Default retention period must be a positive integer value",
    InvalidStorageClass 400 "The storage class you specified is not valid",
    InvalidTag 400 "The tag provided was not a valid tag. This error can occur if the tag did not pass input validation.",
    InvalidToken 400 "The provided token is malformed or otherwise invalid.",
    InvalidURI 400 "Couldn't parse the specified URI.",
    KeyTooLongError 400 "Your key is too long",
    MalformedACLError 400 "The XML you provided was not well-formed or did not validate against our published schema",
    MalformedPOSTRequest 400 "The body of your POST request is not well-formed multipart/form-data.",
    MalformedXML 400 "The XML you provided was not well-formed or did not validate against our published schema",
    MaxMessageLengthExceeded 400 "Your request was too big.",
    MaxPostPreDataLengthExceeded 400 "Your POST request fields preceding the upload file were too large.",
    MetadataTooLarge 400 "Your metadata headers exceed the maximum allowed metadata size",
    MethodNotAllowed 405 "The specified method is not allowed against this resource.",
    MissingContentLength 411 "You must provide the Content-Length HTTP header.",
    MissingSecurityHeader 400 "Your request was missing a required header",
    NoSuchBucket 404 "The specified bucket does not exist",
    NoSuchBucketPolicy 404 "The bucket policy does not exist",
    NoSuchCORSConfiguration 404 "The CORS configuration does not exist",
    NoSuchKey 404 "The specified key does not exist.",
    NoSuchLifecycleConfiguration 404 "The lifecycle configuration does not exist",
    NoSuchObjectLockConfiguration 404 "The specified object does not have a ObjectLock configuration",
    NoSuchPublicAccessBlockConfiguration 404 "The public access block configuration was not found",
    NoSuchTagSet 404 "The TagSet does not exist",
    NoSuchUpload 404 "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    NoSuchVersion 404 "The specified version does not exist.",
    NoSuchWebsiteConfiguration 404 "The specified bucket does not have a website configuration",
    NotImplemented 501 "A header or query parameter you provided implies functionality that is not implemented",
    NotModified 304 "Not Modified",
    ObjectLockConfigurationNotFoundError 404 "Object Lock configuration does not exist for this bucket",
    OwnershipControlsNotFoundError 404 "The bucket ownership controls were not found",
    PreconditionFailed 412 "At least one of the pre-conditions you specified did not hold",
    ReplicationConfigurationNotFoundError 404 "The replication configuration was not found",
    RequestHeaderSectionTooLarge 400 "Your request header section exceeds the maximum allowed request header section size.",
    RequestTimeTooSkewed 403 "The difference between the request time and the current time is too large.",
    RequestTimeout 400 "Your socket connection to the server was not read from or written to within the timeout period.",
    ServiceUnavailable 503 "Please reduce your request rate or try again later",
    SignatureDoesNotMatch 403 "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    SlowDown 503 "Please reduce your request rate.",
    UnexpectedContent 400 "This request does not support content",
    UnresolvableGrantByEmailAddress 400 "The email address you provided does not match any account on record.",
    XAmzContentSHA256Mismatch 400 "The provided 'x-amz-content-sha256' header does not match what was computed.",
}

/// A request that ends in an error answer.
#[derive(Debug)]
pub(crate) struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    message: String,
    fields: Vec<(&'static str, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: Code) -> Failure {
        Failure::because(code, code.message())
    }

    /// With a message fit to show the client.
    pub(crate) fn because(code: Code, message: impl Into<String>) -> Failure {
        Failure(Box::new(Inner { code, message: message.into(), fields: Vec::new(), headers: Vec::new(), cause: None }))
    }

    /// InternalError; the cause goes to the log alone.
    pub(crate) fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
        let mut failure = Failure::new(Code::InternalError);
        failure.0.cause = Some(cause.into().to_string());
        failure
    }

    /// NotImplemented, with the thing that is not.
    pub(crate) fn not_implemented(what: &str) -> Failure {
        Failure::because(Code::NotImplemented, format!("{what} is not implemented here"))
    }

    /// InvalidArgument about a named argument.
    pub(crate) fn argument(name: &str, value: &str, message: impl Into<String>) -> Failure {
        Failure::because(Code::InvalidArgument, message)
            .with("ArgumentName", name.to_owned())
            .with("ArgumentValue", value.to_owned())
    }

    /// A further element of the error document.
    pub(crate) fn with(mut self, name: &'static str, value: String) -> Failure {
        self.0.fields.push((name, value));
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Failure {
        self.0.headers.push((name, value));
        self
    }

    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn fields(&self) -> &[(&'static str, String)] {
        &self.0.fields
    }

    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.headers
    }

    /// What to log and not to tell.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Failure {
        Failure::new(code)
    }
}

impl From<policy::Refusal> for Failure {
    fn from(refusal: policy::Refusal) -> Failure {
        match refusal {
            policy::Refusal::Absent => Code::NoSuchBucket.into(),
            policy::Refusal::Expired => {
                Failure::because(Code::AccessDenied, "Access Denied: the access key has expired.")
            }
            policy::Refusal::Elsewhere => {
                Failure::because(Code::AccessDenied, "Access Denied: the access key is not taken from this address.")
            }
            policy::Refusal::Below => Failure::because(
                Code::AccessDenied,
                "Access Denied: the bucket has a lower label than your session. Write with a key of its label.",
            ),
            policy::Refusal::Suspended
            | policy::Refusal::NotCleared
            | policy::Refusal::OutOfRange
            | policy::Refusal::OtherDuty => Failure::because(Code::AccessDenied, format!("Access Denied: {refusal}.")),
            policy::Refusal::NotOwner
            | policy::Refusal::Anonymous
            | policy::Refusal::Unsigned
            | policy::Refusal::OwnSignature => Code::AccessDenied.into(),
        }
    }
}

impl From<engine::Error> for Failure {
    fn from(error: engine::Error) -> Failure {
        use engine::Error as E;
        match error {
            E::NoSuchBucket => Code::NoSuchBucket.into(),
            E::NoSuchKey => Code::NoSuchKey.into(),
            E::IsMarker { marker, which } => marker_failure(&marker, which),
            E::NoSuchVersion => Code::NoSuchVersion.into(),
            E::Locked => Failure::because(Code::AccessDenied, "Access Denied because object protected by object lock."),
            E::NoObjectLock => Failure::because(Code::InvalidRequest, "Bucket is missing Object Lock Configuration"),
            E::BucketState(reason) => {
                Failure::because(Code::InvalidBucketState, format!("{}: {reason}", Code::InvalidBucketState.message()))
            }
            E::NoSuchUpload => Code::NoSuchUpload.into(),
            E::BucketExists(_) => Code::BucketAlreadyExists.into(),
            E::BucketNotEmpty => Code::BucketNotEmpty.into(),
            E::PreconditionFailed => Code::PreconditionFailed.into(),
            E::AccessWithdrawn => Code::AccessDenied.into(),
            E::BadDigest(what) => bad_digest(what),
            E::IncompleteBody => Code::IncompleteBody.into(),
            E::Body(error) => error.into(),
            E::TooLarge { max } => Failure::new(Code::EntityTooLarge).with("MaxSizeAllowed", max.to_string()),
            E::InvalidPart { number } => Failure::new(Code::InvalidPart).with("PartNumber", number.to_string()),
            E::InvalidPartOrder => Code::InvalidPartOrder.into(),
            E::PartTooSmall { number, size, min } => Failure::new(Code::EntityTooSmall)
                .with("ProposedSize", size.to_string())
                .with("MinSizeAllowed", min.to_string())
                .with("PartNumber", number.to_string()),
            E::InvalidRange { size } => invalid_range(size),
            E::Invalid(reason) => Failure::because(Code::InvalidRequest, reason),
            E::Unavailable { reason } | E::Unreadable { reason } => {
                Failure::because(Code::ServiceUnavailable, format!("Please try again later: {reason}"))
            }
            // Administration; no S3 request leads there.
            E::PrincipalExists
            | E::GroupExists
            | E::NoSuchPrincipal
            | E::NoSuchGroup
            | E::NoSuchRelease
            | E::ReleaseChanged
            | E::Refused(_)
            | E::NoSuchAccessKey
            | E::NoSuchLabel
            | E::NotCleared
            | E::OutOfRange
            | E::SourceGone => Failure::internal(error),
            E::Internal(cause) => Failure::internal(cause),
        }
    }
}

impl From<engine::BodyError> for Failure {
    fn from(error: engine::BodyError) -> Failure {
        match error.kind {
            BodyErrorKind::Incomplete => Code::IncompleteBody.into(),
            BodyErrorKind::IdleTimeout => Code::RequestTimeout.into(),
            BodyErrorKind::Signature => Code::SignatureDoesNotMatch.into(),
            BodyErrorKind::Malformed => Failure::because(Code::InvalidRequest, error.message),
        }
    }
}

fn bad_digest(what: &'static str) -> Failure {
    match what {
        "x-amz-content-sha256" => Code::XAmzContentSHA256Mismatch.into(),
        "Content-MD5" => {
            Failure::because(Code::BadDigest, "The Content-MD5 you specified did not match what we received.")
        }
        what => Failure::because(Code::BadDigest, format!("The {what} you specified did not match what we received.")),
    }
}

/// An object that is gone behind a marker is not there; a marker that was asked for can only be deleted.
fn marker_failure(marker: &Marker, which: Which) -> Failure {
    let code = match which {
        Which::Current => Code::NoSuchKey,
        Which::Null | Which::Own(_) => Code::MethodNotAllowed,
    };
    let mut failure =
        Failure::new(code).with_header(HeaderName::from_static(DELETE_MARKER), HeaderValue::from_static("true"));
    let id = id_of(Which::of(marker.slot, marker.id)).unwrap_or_default();
    if let Ok(id) = HeaderValue::from_str(&id) {
        failure = failure.with_header(HeaderName::from_static("x-amz-version-id"), id);
    }
    if code == Code::MethodNotAllowed
        && let Ok(date) = HeaderValue::from_str(&text::http_date(marker.modified))
    {
        failure = failure.with_header(http::header::LAST_MODIFIED, date);
        failure = failure.with_header(http::header::ALLOW, HeaderValue::from_static("DELETE"));
    }
    failure
}

/// Says that a delete marker is what was found, put or removed.
pub(crate) const DELETE_MARKER: &str = "x-amz-delete-marker";

/// 416, telling the object's size.
pub(crate) fn invalid_range(size: u64) -> Failure {
    let failure = Failure::new(Code::InvalidRange).with("ActualObjectSize", size.to_string());
    match HeaderValue::from_str(&format!("bytes */{size}")) {
        Ok(value) => failure.with_header(http::header::CONTENT_RANGE, value),
        Err(_) => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_error_keeps_its_cause_from_the_client() {
        let failure = Failure::from(engine::Error::Internal("disk 3 is on fire".into()));
        assert_eq!(failure.code(), Code::InternalError);
        assert!(!failure.message().contains("fire"));
        assert_eq!(failure.cause(), Some("disk 3 is on fire"));
    }

    #[test]
    fn what_can_be_retried_says_so_with_its_reason() {
        let failure = Failure::from(engine::Error::Unavailable { reason: "one site answers, two are needed".into() });
        assert_eq!(failure.code().status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(failure.message().contains("one site answers"));
    }

    #[test]
    fn a_range_past_the_end_tells_the_size() {
        let failure = Failure::from(engine::Error::InvalidRange { size: 7 });
        assert_eq!(failure.code().status(), StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(failure.headers().first().map(|(_, value)| value.as_bytes()), Some(&b"bytes */7"[..]));
    }
}
