//! What access control lists allow to those who own neither bucket nor object.

use model::{Acl, Bucket, Grantee, ObjectKey, Ownership, Permission, PublicAccess, Session};

use crate::action::{BucketAction, Flow, ObjectAction, OnBucket, OnObject, Preflight};
use crate::permit::Permit;
use crate::verdict::{Refusal, check_label};

/// What the bucket says about those who do not own it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Of the bucket itself.
    pub acl: Acl,
    pub ownership: Ownership,
    pub public: PublicAccess,
}

/// May the session do `A` on this bucket, which it may not own?
pub fn on_shared_bucket<A: BucketAction + OnBucket>(
    session: &Session,
    bucket: &Bucket,
    access: &Access,
) -> Result<Permit<A>, Refusal> {
    may_bucket::<A>(session, bucket, access).map(|()| Permit::mint(session, Some(bucket), None))
}

/// May the session do `A` on this object, when it is the bucket that decides: put and delete?
pub fn on_key_of_shared_bucket<A: ObjectAction + OnBucket>(
    session: &Session,
    bucket: &Bucket,
    access: &Access,
    key: ObjectKey,
) -> Result<Permit<A>, Refusal> {
    may_bucket::<A>(session, bucket, access).map(|()| Permit::mint(session, Some(bucket), Some(key)))
}

/// May the session do `A` on this object, whose list is `acl`? Whoever finds another object under the
/// key than the one whose list was looked at asks [`may_object`] again.
pub fn on_shared_object<A: ObjectAction + OnObject>(
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
    check_label(session, bucket, Flow::Read).map(|()| Permit::mint(session, Some(bucket), None))
}

/// Do label and list of the bucket allow this?
pub fn may_bucket<A: OnBucket>(session: &Session, bucket: &Bucket, access: &Access) -> Result<(), Refusal> {
    check_label(session, bucket, A::FLOW)?;
    by_bucket(session, bucket, access, A::NEEDS)
}

/// Do the label of the bucket and the list of the object allow this?
pub fn may_object<A: OnObject>(session: &Session, bucket: &Bucket, access: &Access, acl: &Acl) -> Result<(), Refusal> {
    check_label(session, bucket, A::FLOW)?;
    by_object(session, bucket, access, acl, A::NEEDS)
}

fn by_bucket(session: &Session, bucket: &Bucket, access: &Access, needs: Permission) -> Result<(), Refusal> {
    let owns = session.principal == bucket.owner;
    match owns || listed(session, access, &access.acl, needs) {
        true => Ok(()),
        false => Err(Refusal::NotOwner),
    }
}

fn by_object(session: &Session, bucket: &Bucket, access: &Access, acl: &Acl, needs: Permission) -> Result<(), Refusal> {
    let owner = match access.ownership {
        Ownership::BucketOwnerEnforced => bucket.owner,
        _ => acl.owner.unwrap_or(bucket.owner),
    };
    match session.principal == owner || listed(session, access, acl, needs) {
        true => Ok(()),
        false => Err(Refusal::NotOwner),
    }
}

fn listed(session: &Session, access: &Access, acl: &Acl, needs: Permission) -> bool {
    if access.ownership == Ownership::BucketOwnerEnforced {
        return false;
    }
    let grants = acl.grants.iter().flatten();
    let mut enough = grants.filter(|grant| grant.permission == needs || grant.permission == Permission::FullControl);
    enough.any(|grant| match grant.grantee {
        Grantee::Principal(principal) => principal == session.principal && !session.is_anonymous(),
        Grantee::Authenticated => !access.public.ignore_acls && !session.is_anonymous(),
        Grantee::Everyone => !access.public.ignore_acls,
    })
}

#[cfg(test)]
mod tests {
    use model::{AccessKeyId, BucketId, BucketName, Grant, Label, PrincipalId, Profile, Timestamp};

    use super::*;
    use crate::action::{GetObject, ListObjects, PutObject, WriteObjectAcl};

    const OWNER: u8 = 7;
    const OTHER: u8 = 8;

    fn bucket(label: u8) -> Bucket {
        Bucket {
            id: BucketId([1; 16]),
            name: BucketName::parse("tea").unwrap(),
            label: Label::new(model::label::Parts { level: model::Level(label), ..Label::LOWEST.parts() }),
            profile: Profile::Quad,
            owner: PrincipalId([OWNER; 16]),
            created: Timestamp(0),
        }
    }

    fn session(who: u8) -> Session {
        match who {
            0 => Session::anonymous(1),
            who => Session {
                principal: PrincipalId([who; 16]),
                access_key: Some(AccessKeyId("ENTE".into())),
                label: Label::LOWEST,
                policy_epoch: 1,
            },
        }
    }

    fn acl(owner: Option<u8>, grants: &[(Grantee, Permission)]) -> Acl {
        let grant =
            |(grantee, permission): &(Grantee, Permission)| Grant { grantee: *grantee, permission: *permission };
        Acl { owner: owner.map(|who| PrincipalId([who; 16])), grants: Some(grants.iter().map(grant).collect()) }
    }

    /// What each of owner, other and nobody may do to a bucket and to an object with this list.
    fn check(access: &Access, acl: &Acl, needs: Permission) -> [[bool; 2]; 3] {
        [OWNER, OTHER, 0].map(|who| {
            let access = Access { acl: acl.clone(), ..access.clone() };
            [
                by_bucket(&session(who), &bucket(0), &access, needs).is_ok(),
                by_object(&session(who), &bucket(0), &access, acl, needs).is_ok(),
            ]
        })
    }

    #[test]
    fn a_list_allows_what_it_says_and_no_more() {
        use Grantee::{Authenticated, Everyone, Principal};
        use Permission::{FullControl, Read, ReadAcp, Write, WriteAcp};
        const YES: [bool; 2] = [true; 2];
        const NO: [bool; 2] = [false; 2];
        let other = Principal(PrincipalId([OTHER; 16]));
        for (grants, needs, expected) in [
            (&[][..], Read, [YES, NO, NO]),
            (&[(Everyone, Read)], Read, [YES, YES, YES]),
            (&[(Everyone, Read)], Write, [YES, NO, NO]),
            (&[(Authenticated, Read)], Read, [YES, YES, NO]),
            (&[(other, Write)], Write, [YES, YES, NO]),
            (&[(other, Write)], WriteAcp, [YES, NO, NO]),
            (&[(other, FullControl)], ReadAcp, [YES, YES, NO]),
            (&[(other, FullControl)], WriteAcp, [YES, YES, NO]),
            (&[(Principal(PrincipalId::NOBODY), FullControl)], Read, [YES, NO, NO]),
        ] {
            assert_eq!(check(&Access::default(), &acl(None, grants), needs), expected, "{grants:?} {needs:?}");
        }
    }

    #[test]
    fn what_a_bucket_says_about_lists_holds() {
        let everyone = acl(None, &[(Grantee::Everyone, Permission::Read)]);
        let enforced = Access { ownership: Ownership::BucketOwnerEnforced, ..Access::default() };
        let ignored =
            Access { public: PublicAccess { ignore_acls: true, ..PublicAccess::default() }, ..Access::default() };
        for access in [enforced, ignored] {
            assert_eq!(check(&access, &everyone, Permission::Read), [[true; 2], [false; 2], [false; 2]]);
        }
    }

    #[test]
    fn what_others_put_is_theirs_unless_the_bucket_owns_everything() {
        let theirs = acl(Some(OTHER), &[]);
        let read = |access: &Access, who| may_object::<GetObject>(&session(who), &bucket(0), access, &theirs).is_ok();
        assert!(read(&Access::default(), OTHER) && !read(&Access::default(), OWNER));
        let enforced = Access { ownership: Ownership::BucketOwnerEnforced, ..Access::default() };
        assert!(!read(&enforced, OTHER) && read(&enforced, OWNER));
    }

    #[test]
    fn no_list_reaches_across_labels() {
        let everyone = [(Grantee::Everyone, Permission::FullControl)];
        let access = Access { acl: acl(None, &everyone), ..Access::default() };
        for who in [OWNER, OTHER, 0] {
            let above = (&session(who), &bucket(1));
            assert_eq!(may_bucket::<ListObjects>(above.0, above.1, &access), Err(Refusal::Absent), "{who}");
            assert_eq!(may_bucket::<PutObject>(above.0, above.1, &access), Err(Refusal::Absent), "{who}");
            let below = (&Session { label: bucket(1).label, ..session(who) }, &bucket(0));
            assert_eq!(may_bucket::<ListObjects>(below.0, below.1, &access), Ok(()), "{who}");
            assert_eq!(may_bucket::<PutObject>(below.0, below.1, &access), Err(Refusal::Below), "{who}");
            let acl = &access.acl;
            assert_eq!(may_object::<WriteObjectAcl>(below.0, below.1, &access, acl), Err(Refusal::Below), "{who}");
        }
    }
}
