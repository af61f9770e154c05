//! The verdicts. The order of decision is fixed: authenticate (done before a session exists) →
//! lattice → ownership.

use std::net::IpAddr;

use model::{Bucket, KeyLimits, ObjectKey, Session, Timestamp};
use thiserror::Error;

use crate::action::{AccountAction, BucketAction, Flow, ObjectAction};
use crate::permit::Permit;

/// A no, fit to show the person refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Answered exactly as if the bucket were not there.
    #[error("the bucket does not exist")]
    Absent,
    /// It lies below the session: it can be read from here, and nothing may flow down into it.
    #[error("the bucket has a lower label than the session: write with a key of the bucket's label")]
    Below,
    #[error("the bucket belongs to someone else")]
    NotOwner,
    #[error("say who you are")]
    Anonymous,
    #[error("the access key has expired: ask for a new one")]
    Expired,
    #[error("the access key is not taken from this address: connect from where it may be used")]
    Elsewhere,
}

/// May a key with these limits be used now, from this address? Asked last of authentication, of those
/// alone who have shown that the key is theirs.
pub fn may_use(limits: &KeyLimits, now: Timestamp, from: Option<IpAddr>) -> Result<(), Refusal> {
    if limits.expires.is_some_and(|expires| now >= expires) {
        return Err(Refusal::Expired);
    }
    let within = |from: IpAddr| limits.sources.iter().any(|range| range.contains(from));
    match limits.sources.is_empty() || from.is_some_and(within) {
        true => Ok(()),
        false => Err(Refusal::Elsewhere),
    }
}

/// May the session do `A` on its own account? Everybody who has one may.
pub fn on_account<A: AccountAction>(session: &Session) -> Result<Permit<A>, Refusal> {
    match session.is_anonymous() {
        true => Err(Refusal::Anonymous),
        false => Ok(Permit::mint(session, None, None)),
    }
}

/// May the session do `A` on this bucket?
pub fn on_bucket<A: BucketAction>(session: &Session, bucket: &Bucket) -> Result<Permit<A>, Refusal> {
    check(session, bucket, A::FLOW).map(|()| Permit::mint(session, Some(bucket), None))
}

/// May the session do `A` on this object?
pub fn on_object<A: ObjectAction>(session: &Session, bucket: &Bucket, key: ObjectKey) -> Result<Permit<A>, Refusal> {
    check(session, bucket, A::FLOW).map(|()| Permit::mint(session, Some(bucket), Some(key)))
}

/// The lattice. What does not lie at or below the session is not there for it, whatever is asked.
pub(crate) fn check_label(session: &Session, bucket: &Bucket, flow: Flow) -> Result<(), Refusal> {
    let (visible, same) = (bucket.label <= session.label, bucket.label == session.label);
    match (visible, flow) {
        (false, _) => Err(Refusal::Absent),
        (true, Flow::Write) if !same => Err(Refusal::Below),
        (true, Flow::Read | Flow::Write) => Ok(()),
    }
}

fn check(session: &Session, bucket: &Bucket, flow: Flow) -> Result<(), Refusal> {
    check_label(session, bucket, flow)?;
    if session.principal != bucket.owner {
        return Err(Refusal::NotOwner);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::{AccessKeyId, BucketId, BucketName, Label, PrincipalId, Profile, Timestamp};

    use super::*;
    use crate::action::{GetObject, HeadBucket, PutObject, WriteSettings};

    fn bucket(owner: u8, label: u8) -> Bucket {
        Bucket {
            id: BucketId([1; 16]),
            name: BucketName::parse("tea").unwrap(),
            label: Label::from_canonical([label; Label::BYTES]),
            profile: Profile::Quad,
            owner: PrincipalId([owner; 16]),
            created: Timestamp(0),
        }
    }

    fn session() -> Session {
        Session {
            principal: PrincipalId([7; 16]),
            access_key: Some(AccessKeyId("ENTE".into())),
            label: Label::LOWEST,
            policy_epoch: 3,
        }
    }

    #[test]
    fn the_owner_at_the_label_gets_a_permit_for_that_object_alone() {
        let key = ObjectKey::parse("green").unwrap();
        let permit: Permit<GetObject> = on_object(&session(), &bucket(7, 0), key.clone()).unwrap();
        assert_eq!(permit.object(), (&bucket(7, 0), &key));
        assert_eq!(permit.guard().bucket, Some((BucketId([1; 16]), Label::LOWEST)));
        assert_eq!(permit.guard().policy_epoch, Some(3));
    }

    /// A label with these levels and compartments (one bit each).
    fn label(level: u8, compartments: u8) -> Label {
        let mut bytes = [0; Label::BYTES];
        bytes[2] = level;
        bytes[19] = compartments;
        Label::from_canonical(bytes)
    }

    #[test]
    fn what_lies_above_or_beside_is_absent_and_what_lies_below_is_read_only() {
        const HERE: Result<(), Refusal> = Ok(());
        for (bucket_label, read, write) in [
            (label(1, 0b01), HERE, HERE),
            (label(1, 0b00), HERE, Err(Refusal::Below)),
            (label(0, 0b01), HERE, Err(Refusal::Below)),
            (label(2, 0b01), Err(Refusal::Absent), Err(Refusal::Absent)),
            (label(1, 0b11), Err(Refusal::Absent), Err(Refusal::Absent)),
            (label(1, 0b10), Err(Refusal::Absent), Err(Refusal::Absent)),
        ] {
            let session = Session { label: label(1, 0b01), ..session() };
            let bucket = Bucket { label: bucket_label, ..bucket(7, 0) };
            let key = ObjectKey::parse("green").unwrap();
            assert_eq!(on_bucket::<HeadBucket>(&session, &bucket).map(drop), read, "{bucket_label:?}");
            assert_eq!(on_bucket::<WriteSettings>(&session, &bucket).map(drop), write, "{bucket_label:?}");
            assert_eq!(on_object::<GetObject>(&session, &bucket, key.clone()).map(drop), read, "{bucket_label:?}");
            assert_eq!(on_object::<PutObject>(&session, &bucket, key).map(drop), write, "{bucket_label:?}");
        }
    }

    #[test]
    fn another_label_is_absence_whoever_owns_it() {
        for owner in [7, 8] {
            assert_eq!(on_bucket::<HeadBucket>(&session(), &bucket(owner, 1)).unwrap_err(), Refusal::Absent);
        }
    }

    #[test]
    fn a_key_is_used_within_its_limits() {
        let sources = vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::7".parse().unwrap()];
        let limits = KeyLimits { expires: Some(Timestamp(100)), sources };
        let check = |now, from: &str| may_use(&limits, Timestamp(now), from.parse().ok());
        for (now, from, expected) in [
            (99, "192.0.2.9", Ok(())),
            (99, "2001:db8::7", Ok(())),
            (100, "192.0.2.9", Err(Refusal::Expired)),
            (99, "192.0.3.9", Err(Refusal::Elsewhere)),
            (99, "nowhere", Err(Refusal::Elsewhere)),
        ] {
            assert_eq!(check(now, from), expected, "{now} {from}");
        }
        assert_eq!(may_use(&KeyLimits::default(), Timestamp(i64::MAX), None), Ok(()));
    }

    #[test]
    fn nobody_has_no_account() {
        use crate::action::ListBuckets;
        assert!(on_account::<ListBuckets>(&session()).is_ok());
        assert_eq!(on_account::<ListBuckets>(&Session::anonymous(3)).unwrap_err(), Refusal::Anonymous);
    }

    #[test]
    fn another_owner_is_refused() {
        assert_eq!(on_bucket::<HeadBucket>(&session(), &bucket(8, 0)).unwrap_err(), Refusal::NotOwner);
    }
}
