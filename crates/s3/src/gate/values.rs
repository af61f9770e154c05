//! Headers and parameters that may come because what they ask for is what is done anyway. Any
//! other value is refused.

use http::HeaderMap;

use super::table::Operation;
use super::target::Query;
use crate::error::{Code, Failure};
use crate::headers;
use crate::versioning;

/// What is done: everything is encrypted with AES-256, and there is one storage class.
pub(crate) fn check(operation: Operation, query: &Query, headers: &HeaderMap) -> Result<(), Failure> {
    for (name, check) in HEADERS {
        if let Some(value) = headers::get(headers, name) {
            check(operation, &value)?;
        }
    }
    if let Some(value) = query.get("versionId").filter(|value| versioning::parse(value).is_none()) {
        return Err(Failure::argument("versionId", value, "Invalid version id specified"));
    }
    match query.get("list-type") {
        None | Some("2") => {}
        Some(value) => return Err(Failure::argument("list-type", value, "Invalid List Type specified in Request")),
    }
    match query.get("encoding-type") {
        None | Some("url") => Ok(()),
        Some(value) => Err(Failure::argument("encoding-type", value, "Invalid Encoding Method specified in Request")),
    }
}

type Check = fn(Operation, &str) -> Result<(), Failure>;

const HEADERS: [(&str, Check); 5] = [
    ("x-amz-storage-class", storage_class),
    ("x-amz-server-side-encryption", encryption),
    ("x-amz-object-ownership", ownership),
    ("x-amz-bucket-object-lock-enabled", object_lock),
    ("x-amz-checksum-mode", checksum_mode),
];

fn storage_class(_: Operation, value: &str) -> Result<(), Failure> {
    const OTHERS: [&str; 10] = [
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "DEEP_ARCHIVE",
        "OUTPOSTS",
        "GLACIER_IR",
        "SNOW",
        "EXPRESS_ONEZONE",
    ];
    match value {
        "STANDARD" => Ok(()),
        other if OTHERS.contains(&other) => Err(Failure::not_implemented(&format!("The storage class {other}"))),
        _ => Err(Code::InvalidStorageClass.into()),
    }
}

fn encryption(_: Operation, value: &str) -> Result<(), Failure> {
    match value {
        "AES256" => Ok(()),
        "aws:kms" | "aws:kms:dsse" => Err(Failure::not_implemented(&format!("Encryption by {value}"))),
        other => Err(Failure::argument(
            "x-amz-server-side-encryption",
            other,
            "The encryption method specified is not supported",
        )),
    }
}

fn ownership(_: Operation, value: &str) -> Result<(), Failure> {
    match crate::settings::ownership(value) {
        Some(_) => Ok(()),
        None => Err(Failure::argument("x-amz-object-ownership", value, "Invalid x-amz-object-ownership header")),
    }
}

fn object_lock(_: Operation, value: &str) -> Result<(), Failure> {
    match value.to_ascii_lowercase().as_str() {
        "false" | "true" => Ok(()),
        _ => Err(Failure::argument("x-amz-bucket-object-lock-enabled", value, "Invalid Argument")),
    }
}

fn checksum_mode(_: Operation, value: &str) -> Result<(), Failure> {
    match value {
        "ENABLED" => Ok(()),
        other => Err(Failure::argument("x-amz-checksum-mode", other, "Invalid Argument")),
    }
}
