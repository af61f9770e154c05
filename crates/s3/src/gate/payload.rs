//! How the body comes and what is promised about it.

use std::sync::Arc;

use engine::{BodyErrorKind, Declared, Trailer};
use http::HeaderMap;
use model::{Algorithm, Checksum, ChecksumKind};

use super::table::BodyUse;
use crate::chunked::TrailerSlot;
use crate::digest;
use crate::error::{Code, Failure};
use crate::headers;
use crate::limits::BODY_BYTES_MAX;

/// What belongs to a body that comes in chunks.
const FRAMING: [&str; 2] = ["x-amz-decoded-content-length", "x-amz-trailer"];

/// How the bytes on the wire stand for the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// As they are.
    Plain(Promise),
    /// In aws-chunked framing, with the length of the body in it.
    Chunked { signed: Signed, promise: Promise },
}

/// Whether each chunk, and the trailer, carries a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    Yes,
    No,
}

/// What was promised about the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Promise {
    /// Bytes of the body itself; `None` where there is none or its framing tells.
    pub(crate) length: Option<u64>,
    sha256: Option<[u8; 32]>,
    /// The checksum that comes behind the body.
    pub(crate) trailer: Option<Algorithm>,
}

/// Reads the headers that say how the body comes.
pub(crate) fn read(body: BodyUse, headers: &HeaderMap) -> Result<Payload, Failure> {
    let form = headers::get(headers, "x-amz-content-sha256");
    let (signed, with_trailer) = match form.as_deref().unwrap_or("UNSIGNED-PAYLOAD") {
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => (Signed::Yes, false),
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => (Signed::Yes, true),
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => (Signed::No, true),
        plain => return self::plain(body, headers, plain),
    };
    // A presigned request has nothing the first chunk could sign on.
    if signed == Signed::Yes && !headers.contains_key("authorization") {
        return Err(Failure::not_implemented("Signing the chunks of a presigned request"));
    }
    let length = number(headers, "x-amz-decoded-content-length")?.ok_or(Code::MissingContentLength)?;
    check_length(length)?;
    let trailer = announced(headers, with_trailer)?;
    Ok(Payload::Chunked { signed, promise: Promise { length: Some(length), sha256: None, trailer } })
}

fn plain(body: BodyUse, headers: &HeaderMap, form: &str) -> Result<Payload, Failure> {
    let sha256 = match form {
        "UNSIGNED-PAYLOAD" => None,
        hexadecimal => {
            let digest = hex::decode(hexadecimal).ok().and_then(|bytes| bytes.try_into().ok());
            Some(digest.ok_or_else(|| {
                Failure::argument(
                    "x-amz-content-sha256",
                    form,
                    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                     STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid \
                     sha256 value.",
                )
            })?)
        }
    };
    for name in FRAMING {
        if headers.contains_key(name) {
            let message = format!("{name} belongs to a payload that is sent in chunks.");
            return Err(Failure::because(Code::InvalidRequest, message));
        }
    }
    let length = number(headers, "content-length")?;
    match (length, body) {
        (Some(length), _) => check_length(length)?,
        (None, BodyUse::Stream) if headers.contains_key("transfer-encoding") => {
            // Whether a Content-Length came too and was overruled cannot be seen here any more.
            let message = "A body with Transfer-Encoding has to say its length in x-amz-decoded-content-length.";
            return Err(Failure::because(Code::InvalidRequest, message));
        }
        (None, BodyUse::Stream) => return Err(Code::MissingContentLength.into()),
        // Without a length a body of HTTP/1.1 is empty, unless it is chunked by HTTP.
        (None, BodyUse::Document | BodyUse::None) => {}
    }
    check_announced_algorithm(headers, None)?;
    Ok(Payload::Plain(Promise { length, sha256, trailer: None }))
}

fn check_length(length: u64) -> Result<(), Failure> {
    if length > BODY_BYTES_MAX {
        return Err(Failure::new(Code::EntityTooLarge)
            .with("ProposedSize", length.to_string())
            .with("MaxSizeAllowed", BODY_BYTES_MAX.to_string()));
    }
    Ok(())
}

fn number(headers: &HeaderMap, name: &'static str) -> Result<Option<u64>, Failure> {
    let Some(value) = headers::get(headers, name) else { return Ok(None) };
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| value.parse().ok()).flatten();
    number.map(Some).ok_or_else(|| Failure::argument(name, &value, format!("{name} must be a number of bytes.")))
}

/// The checksum that the head announces as trailer.
fn announced(headers: &HeaderMap, with_trailer: bool) -> Result<Option<Algorithm>, Failure> {
    let name = headers::get(headers, "x-amz-trailer");
    let invalid = |message: &str| Err(Failure::because(Code::InvalidRequest, message));
    let trailer = match (name, with_trailer) {
        (None, false) => None,
        (Some(name), true) => match digest::algorithm_of(name.trim()) {
            Some(algorithm) => Some(algorithm),
            None => return invalid("The value specified in the x-amz-trailer header is not supported"),
        },
        (None, true) => return invalid("x-amz-trailer is required for a payload with a trailer."),
        (Some(_), false) => return invalid("x-amz-trailer belongs to a payload with a trailer."),
    };
    check_announced_algorithm(headers, trailer)?;
    Ok(trailer)
}

/// `x-amz-sdk-checksum-algorithm` must be followed by a checksum of that algorithm.
fn check_announced_algorithm(headers: &HeaderMap, trailer: Option<Algorithm>) -> Result<(), Failure> {
    let in_head = digest::declared(headers)?.map(|checksum| checksum.algorithm);
    if in_head.is_some() && trailer.is_some() {
        let message = "Expecting a single x-amz-checksum- header. Multiple checksum types are not allowed.";
        return Err(Failure::because(Code::InvalidRequest, message));
    }
    let Some(name) = headers::get(headers, "x-amz-sdk-checksum-algorithm") else { return Ok(()) };
    let algorithm = Algorithm::from_name(&name)
        .ok_or_else(|| Failure::because(Code::InvalidRequest, "Checksum algorithm provided is unsupported."))?;
    match in_head.or(trailer) {
        Some(found) if found == algorithm => Ok(()),
        Some(_) => {
            Err(Failure::because(Code::InvalidRequest, "Value for x-amz-sdk-checksum-algorithm header is invalid."))
        }
        None => Err(Failure::because(
            Code::InvalidRequest,
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers \
             were found.",
        )),
    }
}

impl Payload {
    /// The file within a form, whose end is a boundary.
    pub(crate) fn of_form(headers: &HeaderMap) -> Result<Payload, Failure> {
        if let Some(name) = FRAMING.into_iter().find(|name| headers.contains_key(*name)) {
            return Err(Failure::not_implemented(&format!("{name} in a form")));
        }
        check_announced_algorithm(headers, None)?;
        Ok(Payload::Plain(Promise { length: None, sha256: None, trailer: None }))
    }

    pub(crate) fn promise(&self) -> &Promise {
        match self {
            Payload::Plain(promise) | Payload::Chunked { promise, .. } => promise,
        }
    }

    /// Everything that must hold of the body, as the engine takes it. `whole` is the checksum that
    /// the head declares, unless it means something else than this body.
    pub(crate) fn declared(
        &self,
        headers: &HeaderMap,
        whole: Option<Checksum>,
        slot: &TrailerSlot,
    ) -> Result<Declared, Failure> {
        let promise = self.promise();
        let trailer = promise.trailer.map(|algorithm| {
            let slot = Arc::clone(slot);
            Trailer { algorithm, value: Box::new(move || trailer_value(algorithm, &slot)) }
        });
        Ok(Declared {
            length: promise.length,
            md5: digest::content_md5(headers)?,
            sha256: promise.sha256,
            checksums: whole.into_iter().collect(),
            trailer,
            compute: None,
        })
    }
}

fn trailer_value(algorithm: Algorithm, slot: &TrailerSlot) -> Result<Vec<u8>, engine::BodyError> {
    let value = slot.get().ok_or_else(|| engine::BodyError {
        kind: BodyErrorKind::Malformed,
        message: "The announced trailer did not come.".into(),
    })?;
    let whole = digest::parse(algorithm, value).filter(|checksum| checksum.kind == ChecksumKind::FullObject);
    whole.map(|checksum| checksum.value).ok_or_else(|| {
        digest::malformed(format!("Value for {} trailing header is invalid.", digest::header_name(algorithm)))
    })
}
