//! Releases: the signed consent to copy one version of an object to a lower label.

use crate::change::Source;
use crate::id::{BucketId, PrincipalId, ReleaseId};
use crate::label::Label;
use crate::name::ObjectKey;
use crate::object::ETag;
use crate::outside::Timestamp;

/// What somebody asked to be released, who signed, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub id: ReleaseId,
    pub asked_by: PrincipalId,
    pub asked: Timestamp,
    /// Why, for those who sign.
    pub reason: String,
    pub source: Source,
    pub source_label: Label,
    /// Of the version, for those who sign.
    pub etag: ETag,
    pub size: u64,
    pub target: BucketId,
    pub target_label: Label,
    pub target_key: ObjectKey,
    /// In the order they came.
    pub signatures: Vec<Signature>,
    pub state: ReleaseState,
}

/// One person's yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    pub by: PrincipalId,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseState {
    /// It waits for signatures, or to be carried out.
    Open,
    /// Somebody said no, or took it back.
    Ended { by: PrincipalId, at: Timestamp },
    /// It was carried out.
    Done { at: Timestamp },
}

impl Release {
    /// How many must sign.
    pub const SIGNATURES: usize = 2;

    pub fn is_open(&self) -> bool {
        self.state == ReleaseState::Open
    }

    /// Enough different people signed, and not the one who asked.
    pub fn is_signed(&self) -> bool {
        let mut signers: Vec<PrincipalId> = self.signatures.iter().map(|signature| signature.by).collect();
        signers.sort_unstable();
        signers.dedup();
        signers.iter().filter(|signer| **signer != self.asked_by).count() >= Release::SIGNATURES
    }

    /// Whether this can be what comes next of a release: what was asked for stays, signatures are only
    /// added, one by one and each by somebody new, and what has ended stays ended.
    pub fn may_become(&self, next: &Release) -> bool {
        let same = Release { signatures: self.signatures.clone(), state: self.state, ..next.clone() } == *self;
        let kept = next.signatures.starts_with(&self.signatures);
        let added = next.signatures.get(self.signatures.len()..).unwrap_or_default();
        let fresh = match added {
            [] => true,
            [one] => one.by != self.asked_by && self.signatures.iter().all(|signature| signature.by != one.by),
            _ => false,
        };
        let end = match next.state {
            ReleaseState::Open => true,
            ReleaseState::Ended { .. } => added.is_empty(),
            ReleaseState::Done { .. } => added.is_empty() && self.is_signed(),
        };
        self.is_open() && same && kept && fresh && end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::VersionId;

    fn open() -> Release {
        Release {
            id: ReleaseId([1; 16]),
            asked_by: PrincipalId([1; 16]),
            asked: Timestamp(5),
            reason: "for the press".to_owned(),
            source: Source {
                bucket: BucketId([2; 16]),
                key: ObjectKey::parse("plan").unwrap(),
                version: VersionId([3; 16]),
            },
            source_label: Label::LOWEST,
            etag: ETag("0707".to_owned()),
            size: 3,
            target: BucketId([4; 16]),
            target_label: Label::LOWEST,
            target_key: ObjectKey::parse("plan").unwrap(),
            signatures: Vec::new(),
            state: ReleaseState::Open,
        }
    }

    fn signed(by: &[u8]) -> Release {
        let signatures = by.iter().map(|by| Signature { by: PrincipalId([*by; 16]), at: Timestamp(6) }).collect();
        Release { signatures, ..open() }
    }

    #[test]
    fn it_takes_two_others_than_the_one_who_asked() {
        for (by, enough) in [(&[][..], false), (&[2], false), (&[2, 2], false), (&[1, 2], false), (&[2, 3], true)] {
            assert_eq!(signed(by).is_signed(), enough, "{by:?}");
        }
    }

    #[test]
    fn it_goes_on_step_by_step_and_never_back() {
        let ended = |release: Release| Release {
            state: ReleaseState::Ended { by: PrincipalId([9; 16]), at: Timestamp(8) },
            ..release
        };
        let done = |release: Release| Release { state: ReleaseState::Done { at: Timestamp(8) }, ..release };
        let other = |release: Release| Release { size: 4, ..release };
        for (from, to, may) in [
            (open(), signed(&[2]), true),
            (open(), signed(&[1]), false),
            (open(), signed(&[2, 3]), false),
            (signed(&[2]), signed(&[2, 3]), true),
            (signed(&[2]), signed(&[2, 2]), false),
            (signed(&[2]), signed(&[3, 2]), false),
            (signed(&[2]), open(), false),
            (signed(&[2]), other(signed(&[2, 3])), false),
            (signed(&[2]), ended(signed(&[2])), true),
            (signed(&[2]), done(signed(&[2])), false),
            (signed(&[2]), done(signed(&[2, 3])), false),
            (signed(&[2, 3]), done(signed(&[2, 3])), true),
            (ended(signed(&[2])), signed(&[2, 3]), false),
            (done(signed(&[2, 3])), ended(signed(&[2, 3])), false),
        ] {
            assert_eq!(from.may_become(&to), may, "{from:?} to {to:?}");
        }
    }
}
