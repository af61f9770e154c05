//! The verdicts. The order of decision is fixed: authenticate (done before a session exists) →
//! label → ownership.

use model::{Bucket, ObjectKey, Session};
use thiserror::Error;

use crate::action::{AccountAction, BucketAction, ObjectAction};
use crate::permit::Permit;

/// A no, fit to show the person refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Answered exactly as if the bucket were not there.
    #[error("the bucket does not exist")]
    Absent,
    #[error("the bucket belongs to someone else")]
    NotOwner,
    #[error("say who you are")]
    Anonymous,
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
    check(session, bucket).map(|()| Permit::mint(session, Some(bucket), None))
}

/// May the session do `A` on this object?
pub fn on_object<A: ObjectAction>(session: &Session, bucket: &Bucket, key: ObjectKey) -> Result<Permit<A>, Refusal> {
    check(session, bucket).map(|()| Permit::mint(session, Some(bucket), Some(key)))
}

pub(crate) fn check_label(session: &Session, bucket: &Bucket) -> Result<(), Refusal> {
    match session.label == bucket.label {
        true => Ok(()),
        false => Err(Refusal::Absent),
    }
}

fn check(session: &Session, bucket: &Bucket) -> Result<(), Refusal> {
    check_label(session, bucket)?;
    if session.principal != bucket.owner {
        return Err(Refusal::NotOwner);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::{AccessKeyId, BucketId, BucketName, Label, PrincipalId, Profile, Timestamp};

    use super::*;
    use crate::action::{GetObject, HeadBucket};

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

    #[test]
    fn another_label_is_absence_whoever_owns_it() {
        for owner in [7, 8] {
            assert_eq!(on_bucket::<HeadBucket>(&session(), &bucket(owner, 1)).unwrap_err(), Refusal::Absent);
        }
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
