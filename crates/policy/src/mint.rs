//! Permits from verdicts: the only place where one is made.

use model::{Acl, Bucket, ObjectKey, Session};

use crate::action::{AccountAction, BucketAction, Flow, ObjectAction, Preflight};
use crate::permit::Permit;
use crate::verdict::{Access, Refusal, decide, decide_on_account, granted, lattice};

/// May the session do `A` on its own account?
pub fn on_account<A: AccountAction>(session: &Session) -> Result<Permit<A>, Refusal> {
    decide_on_account(session).outcome.map(|_| Permit::mint(session, None, None))
}

/// May the session do `A` on this bucket, if it owns it?
pub fn on_bucket<A: BucketAction>(session: &Session, bucket: &Bucket) -> Result<Permit<A>, Refusal> {
    on_shared_bucket(session, bucket, &Access::default())
}

/// May the session do `A` on this object, if it owns its bucket?
pub fn on_object<A: ObjectAction>(session: &Session, bucket: &Bucket, key: ObjectKey) -> Result<Permit<A>, Refusal> {
    on_shared_key(session, bucket, &Access::default(), key)
}

/// May the session do `A` on this bucket, which it may not own?
pub fn on_shared_bucket<A: BucketAction>(
    session: &Session,
    bucket: &Bucket,
    access: &Access,
) -> Result<Permit<A>, Refusal> {
    may_bucket::<A>(session, bucket, access).map(|()| Permit::mint(session, Some(bucket), None))
}

/// May the session do `A` on this object, when it is the bucket that decides?
pub fn on_shared_key<A: ObjectAction>(
    session: &Session,
    bucket: &Bucket,
    access: &Access,
    key: ObjectKey,
) -> Result<Permit<A>, Refusal> {
    may_key::<A>(session, bucket, access).map(|()| Permit::mint(session, Some(bucket), Some(key)))
}

/// May the session do `A` on this object, whose list is `acl`? Whoever finds another object under the
/// key than the one whose list was looked at asks [`may_object`] again.
pub fn on_shared_object<A: ObjectAction>(
    session: &Session,
    bucket: &Bucket,
    access: &Access,
    key: ObjectKey,
    acl: &Acl,
) -> Result<Permit<A>, Refusal> {
    may_object::<A>(session, bucket, access, acl).map(|()| Permit::mint(session, Some(bucket), Some(key)))
}

/// A browser may ask which pages may see answers, whoever sits before it.
pub fn preflight(session: &Session, bucket: &Bucket) -> Result<Permit<Preflight>, Refusal> {
    lattice(session, bucket, Flow::Read).map(|()| Permit::mint(session, Some(bucket), None))
}

/// Does the bucket allow this?
pub fn may_bucket<A: BucketAction>(session: &Session, bucket: &Bucket, access: &Access) -> Result<(), Refusal> {
    decide(session, &A::FACTS, bucket, access, None).outcome.map(drop)
}

/// Does the bucket allow this on its objects?
pub fn may_key<A: ObjectAction>(session: &Session, bucket: &Bucket, access: &Access) -> Result<(), Refusal> {
    decide(session, &A::FACTS, bucket, access, None).outcome.map(drop)
}

/// Do the bucket and the list of the object allow this?
pub fn may_object<A: ObjectAction>(
    session: &Session,
    bucket: &Bucket,
    access: &Access,
    acl: &Acl,
) -> Result<(), Refusal> {
    decide(session, &A::FACTS, bucket, access, Some(acl)).outcome.map(drop)
}

/// Whether what the session puts is the bucket owner's, because the owner's grant is what it puts by.
pub fn puts_for_the_owner(session: &Session, access: &Access) -> bool {
    granted(session, &access.grants).is_some_and(|(_, right)| right >= model::Right::Write)
}
