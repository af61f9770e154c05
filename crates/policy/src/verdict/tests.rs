use std::collections::BTreeMap;

use model::{AccessKeyId, BucketId, BucketName, Grant, Level, ObjectKey, PrincipalId, Profile, label::Parts};

use super::*;
use crate::action::{
    Action, BypassGovernance, DeleteBucket, GetObject, HeadBucket, ListBuckets, ListObjects, PutObject, ReadBucketAcl,
    WriteBucketAcl, WriteObjectAcl, WriteSettings,
};
use crate::{Permit, may_bucket, may_key, may_object, on_account, on_bucket, on_object, preflight, puts_for_the_owner};

const OWNER: u8 = 7;
const OTHER: u8 = 8;
const GROUP: u8 = 9;

fn who(n: u8) -> PrincipalId {
    PrincipalId([n; 16])
}

/// A label with these levels and compartments (one bit each).
fn label(level: u8, compartments: u8) -> Label {
    let mut bytes = [0; Label::BYTES];
    bytes[2] = level;
    bytes[19] = compartments;
    Label::from_canonical(bytes)
}

fn bucket(label: Label) -> Bucket {
    Bucket {
        id: BucketId([1; 16]),
        name: BucketName::parse("tea").unwrap(),
        label,
        profile: Profile::Quad,
        owner: who(OWNER),
        created: Timestamp(0),
    }
}

/// Of this person at the lowest label, who is in the group; of nobody for 0.
fn session(n: u8) -> Session {
    match n {
        0 => Session::anonymous(),
        n => Session {
            principal: who(n),
            access_key: Some(AccessKeyId("ENTE".into())),
            role: Some(Role::MissionOwner),
            groups: if n == OTHER { vec![who(GROUP)] } else { Vec::new() },
            label: Label::LOWEST,
            policy_epoch: 3,
        },
    }
}

fn green() -> ObjectKey {
    ObjectKey::parse("green").unwrap()
}

#[test]
fn the_owner_at_the_label_gets_a_permit_for_that_object_alone() {
    let bucket = bucket(Label::LOWEST);
    let permit: Permit<GetObject> = on_object(&session(OWNER), &bucket, green()).unwrap();
    assert_eq!(permit.object(), (&bucket, &green()));
    assert_eq!(permit.guard().bucket, Some((BucketId([1; 16]), Label::LOWEST)));
    assert_eq!(permit.guard().policy, Some((who(OWNER), 3)));
}

#[test]
fn what_lies_above_or_beside_is_absent_and_what_lies_below_is_read_only() {
    const HERE: Result<(), Refusal> = Ok(());
    for (at, read, write) in [
        (label(1, 0b01), HERE, HERE),
        (label(1, 0b00), HERE, Err(Refusal::Below)),
        (label(0, 0b01), HERE, Err(Refusal::Below)),
        (label(2, 0b01), Err(Refusal::Absent), Err(Refusal::Absent)),
        (label(1, 0b11), Err(Refusal::Absent), Err(Refusal::Absent)),
        (label(1, 0b10), Err(Refusal::Absent), Err(Refusal::Absent)),
    ] {
        let session = Session { label: label(1, 0b01), ..session(OWNER) };
        let bucket = bucket(at);
        assert_eq!(on_bucket::<HeadBucket>(&session, &bucket).map(drop), read, "{at:?}");
        assert_eq!(on_bucket::<WriteSettings>(&session, &bucket).map(drop), write, "{at:?}");
        assert_eq!(on_object::<GetObject>(&session, &bucket, green()).map(drop), read, "{at:?}");
        assert_eq!(on_object::<PutObject>(&session, &bucket, green()).map(drop), write, "{at:?}");
    }
}

#[test]
fn another_label_is_absence_whoever_owns_it() {
    for n in [OWNER, OTHER, 0] {
        let above = bucket(label(1, 0));
        assert_eq!(on_bucket::<HeadBucket>(&session(n), &above).unwrap_err(), Refusal::Absent);
        assert_eq!(preflight(&session(n), &above).unwrap_err(), Refusal::Absent);
    }
}

#[test]
fn a_key_is_used_within_its_limits_by_whoever_still_holds_them() {
    let range = LabelRange::up_to(label(2, 0));
    let sources = vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    let limits = KeyLimits { expires: Some(Timestamp(100)), sources };
    let standing = Standing { limits, suspended: None, clearance: label(3, 0), range };
    let check = |standing: &Standing, level, now, from: &str| {
        may_use(standing, &label(level, 0), Timestamp(now), from.parse().ok())
    };
    for (level, now, from, expected) in [
        (1, 99, "192.0.2.9", Ok(())),
        (1, 99, "2001:db8::7", Ok(())),
        (1, 100, "192.0.2.9", Err(Refusal::Expired)),
        (1, 99, "192.0.3.9", Err(Refusal::Elsewhere)),
        (1, 99, "nowhere", Err(Refusal::Elsewhere)),
        (3, 99, "192.0.2.9", Err(Refusal::OutOfRange)),
        (4, 99, "192.0.2.9", Err(Refusal::NotCleared)),
    ] {
        assert_eq!(check(&standing, level, now, from), expected, "{level} {now} {from}");
    }
    let suspended = Standing { suspended: Some(Timestamp(50)), ..standing };
    assert_eq!(check(&suspended, 1, 49, "192.0.2.9"), Ok(()));
    assert_eq!(check(&suspended, 1, 50, "192.0.2.9"), Err(Refusal::Suspended));
}

#[test]
fn nobody_has_no_account_and_other_duties_use_no_data() {
    assert!(on_account::<ListBuckets>(&session(OWNER)).is_ok());
    assert_eq!(on_account::<ListBuckets>(&session(0)).unwrap_err(), Refusal::Anonymous);
    for role in Role::ALL.into_iter().filter(|role| *role != Role::MissionOwner) {
        let session = Session { role: Some(role), ..session(OWNER) };
        assert_eq!(on_account::<ListBuckets>(&session).unwrap_err(), Refusal::OtherDuty);
        let everything = Access { grants: grants(&[(OWNER, Right::Manage)]), ..Access::default() };
        let verdict = decide(&session, &GetObject::FACTS, &bucket(Label::LOWEST), &everything, None);
        assert_eq!(verdict, Verdict { step: Step::Duty, outcome: Err(Refusal::OtherDuty) });
    }
}

fn grants(grants: &[(u8, Right)]) -> Grants {
    Grants(grants.iter().map(|(to, right)| (who(*to), *right)).collect::<BTreeMap<_, _>>())
}

fn acl(owner: Option<u8>, grants: &[(Grantee, Permission)]) -> Acl {
    let grant = |(grantee, permission): &(Grantee, Permission)| Grant { grantee: *grantee, permission: *permission };
    Acl { owner: owner.map(who), grants: Some(grants.iter().map(grant).collect()) }
}

/// What each of owner, other and nobody may do to a bucket and to an object with this list.
fn check(access: &Access, acl: &Acl, needs: Permission) -> [[bool; 2]; 3] {
    let of = |list: fn(Permission) -> List| Facts { list: list(needs), right: Right::Manage, ..GetObject::FACTS };
    [OWNER, OTHER, 0].map(|n| {
        let access = Access { acl: acl.clone(), ..access.clone() };
        let may = |action: &Facts, list| decide(&session(n), action, &bucket(Label::LOWEST), &access, list);
        [may(&of(List::Buckets), None), may(&of(List::Objects), Some(acl))].map(|verdict| verdict.outcome.is_ok())
    })
}

#[test]
fn a_list_allows_what_it_says_and_no_more() {
    use Grantee::{Authenticated, Everyone, Principal};
    use Permission::{FullControl, Read, ReadAcp, Write, WriteAcp};
    const YES: [bool; 2] = [true; 2];
    const NO: [bool; 2] = [false; 2];
    let (other, group) = (Principal(who(OTHER)), Principal(who(GROUP)));
    for (grants, needs, expected) in [
        (&[][..], Read, [YES, NO, NO]),
        (&[(Everyone, Read)], Read, [YES, YES, YES]),
        (&[(Everyone, Read)], Write, [YES, NO, NO]),
        (&[(Authenticated, Read)], Read, [YES, YES, NO]),
        (&[(other, Write)], Write, [YES, YES, NO]),
        (&[(group, Write)], Write, [YES, YES, NO]),
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
    let public = PublicAccess { ignore_acls: true, ..PublicAccess::default() };
    let ignored = Access { public, ..Access::default() };
    for access in [enforced, ignored] {
        assert_eq!(check(&access, &everyone, Permission::Read), [[true; 2], [false; 2], [false; 2]]);
    }
}

#[test]
fn what_others_put_is_theirs_unless_the_bucket_owns_everything() {
    let theirs = acl(Some(OTHER), &[]);
    let bucket = bucket(Label::LOWEST);
    let read = |access: &Access, n| may_object::<GetObject>(&session(n), &bucket, access, &theirs).is_ok();
    assert!(read(&Access::default(), OTHER) && !read(&Access::default(), OWNER));
    let enforced = Access { ownership: Ownership::BucketOwnerEnforced, ..Access::default() };
    assert!(!read(&enforced, OTHER) && read(&enforced, OWNER));
}

#[test]
fn a_grant_on_the_bucket_holds_for_all_of_it_whatever_the_lists_say() {
    let bucket = bucket(Label::LOWEST);
    // To the person, and to a group the person is in.
    for to in [OTHER, GROUP] {
        for (right, [list, get, put, manage]) in [
            (Right::Read, [true, true, false, false]),
            (Right::Write, [true, true, true, false]),
            (Right::Manage, [true, true, true, true]),
        ] {
            let access = Access { grants: grants(&[(to, right)]), ..Access::default() };
            let other = session(OTHER);
            assert_eq!(may_bucket::<ListObjects>(&other, &bucket, &access).is_ok(), list, "{right:?}");
            assert_eq!(may_object::<GetObject>(&other, &bucket, &access, &acl(Some(OWNER), &[])).is_ok(), get);
            assert_eq!(may_key::<PutObject>(&other, &bucket, &access).is_ok(), put, "{right:?}");
            for action in [
                WriteSettings::FACTS,
                DeleteBucket::FACTS,
                WriteBucketAcl::FACTS,
                ReadBucketAcl::FACTS,
                WriteObjectAcl::FACTS,
                BypassGovernance::FACTS,
            ] {
                assert_eq!(decide(&other, &action, &bucket, &access, None).outcome.is_ok(), manage, "{action:?}");
            }
            assert!(may_bucket::<ListObjects>(&session(6), &bucket, &access).is_err(), "a third person");
            assert_eq!(puts_for_the_owner(&other, &access), put);
        }
    }
    let both = Access { grants: grants(&[(OTHER, Right::Read), (GROUP, Right::Write)]), ..Access::default() };
    let verdict = decide(&session(OTHER), &PutObject::FACTS, &bucket, &both, None);
    assert_eq!(verdict.outcome, Ok(Basis::Grant(who(GROUP), Right::Write)), "the greater counts");
}

#[test]
fn neither_list_nor_grant_reaches_across_labels() {
    let everyone = [(Grantee::Everyone, Permission::FullControl)];
    let grants = grants(&[(OWNER, Right::Manage), (OTHER, Right::Manage)]);
    let access = Access { acl: acl(None, &everyone), grants, ..Access::default() };
    let level = |level| Label::new(Parts { level: Level(level), ..Label::LOWEST.parts() });
    for n in [OWNER, OTHER, 0] {
        let above = bucket(level(1));
        assert_eq!(may_bucket::<ListObjects>(&session(n), &above, &access), Err(Refusal::Absent), "{n}");
        assert_eq!(may_key::<PutObject>(&session(n), &above, &access), Err(Refusal::Absent), "{n}");
        let (high, below) = (Session { label: level(1), ..session(n) }, bucket(level(0)));
        assert_eq!(may_bucket::<ListObjects>(&high, &below, &access), Ok(()), "{n}");
        assert_eq!(may_key::<PutObject>(&high, &below, &access), Err(Refusal::Below), "{n}");
        assert_eq!(may_object::<WriteObjectAcl>(&high, &below, &access, &access.acl), Err(Refusal::Below), "{n}");
    }
}
