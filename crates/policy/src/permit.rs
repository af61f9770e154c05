//! The proof of a yes.

use std::fmt;
use std::marker::PhantomData;

use model::{Bucket, Guard, ObjectKey, Session};

use crate::action::{Action, BucketAction, ObjectAction};

/// The unforgeable proof that `A` was allowed, with everything it was allowed on. Only a verdict
/// makes one; it is neither `Clone` nor serialisable, and whoever acts takes the target from it.
///
/// ```compile_fail
/// fn twice(permit: policy::Permit<policy::GetObject>) -> [policy::Permit<policy::GetObject>; 2] {
///     [permit.clone(), permit]
/// }
/// ```
/// ```compile_fail
/// fn forged(session: &model::Session) -> policy::Permit<policy::ListBuckets> {
///     policy::Permit::mint(session, None, None)
/// }
/// ```
pub struct Permit<A: Action> {
    session: Session,
    bucket: Option<Bucket>,
    key: Option<ObjectKey>,
    action: PhantomData<A>,
}

impl<A: Action> Permit<A> {
    pub(crate) fn mint(session: &Session, bucket: Option<&Bucket>, key: Option<ObjectKey>) -> Permit<A> {
        Permit { session: session.clone(), bucket: bucket.cloned(), key, action: PhantomData }
    }

    /// Who was allowed, at which label.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What the deciding transaction checks again.
    pub fn guard(&self) -> Guard {
        Guard {
            access_key: self.session.access_key.clone(),
            policy: self.session.access_key.is_some().then_some((self.session.principal, self.session.policy_epoch)),
            bucket: self.bucket.as_ref().map(|bucket| (bucket.id, bucket.label)),
            segment: None,
        }
    }
}

/// A permit on a bucket knows the bucket.
impl<A: BucketAction> Permit<A> {
    #[expect(clippy::expect_used, reason = "`mint` gives every bucket action one")]
    pub fn bucket(&self) -> &Bucket {
        self.bucket.as_ref().expect("a permit on a bucket has one")
    }
}

/// A permit on an object knows its bucket and key.
impl<A: ObjectAction> Permit<A> {
    #[expect(clippy::expect_used, reason = "`mint` gives every object action both")]
    pub fn object(&self) -> (&Bucket, &ObjectKey) {
        (
            self.bucket.as_ref().expect("a permit on an object has a bucket"),
            self.key.as_ref().expect("a permit on an object has a key"),
        )
    }
}

impl<A: Action> fmt::Debug for Permit<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit<{}>", A::FACTS.name)
    }
}

/// The permit of background work: it moves pieces and keeps books, and nothing turns it into a
/// permit to read an object.
#[derive(Debug)]
pub struct SystemPermit(());

impl SystemPermit {
    /// For the one who wires the enclave together.
    pub fn for_background_work() -> SystemPermit {
        SystemPermit(())
    }
}
