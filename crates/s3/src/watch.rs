//! What is told of each request when its answer was sent or broke off. Who keeps count is outside of this door.

use std::time::Duration;

use http::StatusCode;
use model::Label;

use crate::gate::Operation;

/// Hears of every request; it must not wait for anything.
pub trait Watch: Send + Sync {
    fn answered(&self, request: &Answered<'_>);
}

/// A request that is over.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// As the client was told it by `x-amz-request-id`.
    pub request_id: &'a str,
    /// Of the session that asked. `None`: who asked was not proven, so nobody knows whose it is.
    pub label: Option<Label>,
    pub class: Class,
    /// What was answered, also where the answer then broke off.
    pub status: StatusCode,
    /// The answer was not sent to its end.
    pub broken: bool,
    /// From the request's head to the last byte of its answer.
    pub took: Duration,
    /// Of the bodies.
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// Kinds of requests that take about as long as one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Bytes of an object.
    Get,
    Head,
    Put,
    Copy,
    Delete,
    List,
    /// What stands around the parts of an upload.
    Upload,
    /// Buckets, and what they and objects are told.
    Setting,
    /// No operation that is served.
    Refused,
}

impl Class {
    pub const ALL: [Class; 9] = [
        Class::Get,
        Class::Head,
        Class::Put,
        Class::Copy,
        Class::Delete,
        Class::List,
        Class::Upload,
        Class::Setting,
        Class::Refused,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Class::Get => "get",
            Class::Head => "head",
            Class::Put => "put",
            Class::Copy => "copy",
            Class::Delete => "delete",
            Class::List => "list",
            Class::Upload => "upload",
            Class::Setting => "setting",
            Class::Refused => "refused",
        }
    }

    pub(crate) const fn of(operation: Operation) -> Class {
        match operation {
            Operation::GetObject => Class::Get,
            Operation::HeadObject | Operation::HeadBucket | Operation::GetObjectAttributes => Class::Head,
            Operation::PutObject | Operation::PostObject | Operation::UploadPart => Class::Put,
            Operation::CopyObject | Operation::UploadPartCopy => Class::Copy,
            Operation::DeleteObject | Operation::DeleteObjects => Class::Delete,
            Operation::ListBuckets
            | Operation::ListObjects
            | Operation::ListObjectsV2
            | Operation::ListObjectVersions
            | Operation::ListMultipartUploads
            | Operation::ListParts => Class::List,
            Operation::CreateMultipartUpload | Operation::CompleteMultipartUpload | Operation::AbortMultipartUpload => {
                Class::Upload
            }
            _ => Class::Setting,
        }
    }
}

/// Nobody counts.
pub(crate) struct Unwatched;

impl Watch for Unwatched {
    fn answered(&self, _: &Answered<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_moves_an_objects_bytes_has_a_class_of_its_own() {
        let setting: Vec<_> = Operation::ALL.iter().filter(|one| Class::of(**one) == Class::Setting).collect();
        for operation in setting {
            let name = operation.name();
            let moves = ["Object", "Part", "Upload"].iter().any(|what| {
                ["Get", "Put", "Head", "Copy", "Delete", "Post", "Upload", "List"]
                    .iter()
                    .any(|verb| name == format!("{verb}{what}"))
            });
            assert!(!moves, "{name}");
        }
        let mut names: Vec<_> = Class::ALL.iter().map(|class| class.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Class::ALL.len());
    }
}
