use model::{
    BucketId, BucketName, ETag, Label, ObjectKey, Profile, ReleaseId, ReleaseState, Signature, Source, Timestamp,
    VersionId,
};

use super::*;

const ASKER: u8 = 1;

fn label(level: u8) -> Label {
    let mut bytes = [0; Label::BYTES];
    bytes[2] = level;
    Label::from_canonical(bytes)
}

fn bucket(n: u8, level: u8, owner: u8) -> Bucket {
    Bucket {
        id: BucketId([n; 16]),
        name: BucketName::parse("tea").unwrap(),
        label: label(level),
        profile: Profile::Quad,
        owner: PrincipalId([owner; 16]),
        created: Timestamp(0),
    }
}

fn person(n: u8, role: Role, level: u8) -> Principal {
    Principal {
        id: PrincipalId([n; 16]),
        name: format!("person-{n}"),
        role,
        clearance: label(level),
        created: Timestamp(0),
        suspended: None,
    }
}

fn release(signed_by: &[u8]) -> Release {
    let sign = |by: &u8| Signature { by: PrincipalId([*by; 16]), at: Timestamp(6) };
    let key = ObjectKey::parse("plan").unwrap();
    Release {
        id: ReleaseId([1; 16]),
        asked_by: PrincipalId([ASKER; 16]),
        asked: Timestamp(5),
        reason: "for the press".to_owned(),
        source: Source { bucket: BucketId([2; 16]), key: key.clone(), version: VersionId([3; 16]) },
        source_label: label(2),
        etag: ETag("0707".to_owned()),
        size: 3,
        target: BucketId([4; 16]),
        target_label: label(0),
        target_key: key,
        signatures: signed_by.iter().map(sign).collect(),
        state: ReleaseState::Open,
    }
}

/// Officers 2 and 3 are cleared; 4 is not, 5 is suspended, 6 is no officer.
fn signers() -> Vec<Principal> {
    use Role::{Auditor, SecurityOfficer};
    vec![
        person(2, SecurityOfficer, 2),
        person(3, SecurityOfficer, 9),
        person(4, SecurityOfficer, 1),
        Principal { suspended: Some(Timestamp(1)), ..person(5, SecurityOfficer, 9) },
        person(6, Auditor, 9),
        person(ASKER, SecurityOfficer, 9),
    ]
}

fn outcome(release: &Release, asker: &Principal, source: &Bucket, target: &Bucket) -> Result<(), Refusal> {
    let access = Access::default();
    let (source, target) = (End { bucket: source, access: &access }, End { bucket: target, access: &access });
    let asker = Asker { principal: asker, groups: &[] };
    permits(release, asker, &signers(), source, &Acl::default(), target).map(|(from, to)| {
        assert_eq!((from.object().0.id, to.object().0.id), (release.source.bucket, release.target));
        assert_eq!((from.object().1, to.object().1), (&release.source.key, &release.target_key));
    })
}

#[test]
fn two_valid_signatures_mint_two_permits_and_nothing_less_does() {
    let asker = person(ASKER, Role::MissionOwner, 2);
    let (source, target) = (bucket(2, 2, ASKER), bucket(4, 0, ASKER));
    for (signed_by, expected) in [
        (&[2, 3][..], Ok(())),
        (&[3, 2], Ok(())),
        (&[], Err(Refusal::Unsigned)),
        (&[2], Err(Refusal::Unsigned)),
        (&[2, 2], Err(Refusal::Unsigned)),
        (&[2, ASKER], Err(Refusal::Unsigned)),
        (&[2, 4], Err(Refusal::Unsigned)),
        (&[2, 5], Err(Refusal::Unsigned)),
        (&[2, 6], Err(Refusal::Unsigned)),
        (&[2, 99], Err(Refusal::Unsigned)),
    ] {
        assert_eq!(outcome(&release(signed_by), &asker, &source, &target), expected, "{signed_by:?}");
    }
    let ended =
        Release { state: ReleaseState::Ended { by: PrincipalId([2; 16]), at: Timestamp(9) }, ..release(&[2, 3]) };
    assert_eq!(outcome(&ended, &asker, &source, &target), Err(Refusal::Unsigned));
}

#[test]
fn it_holds_for_what_was_signed_and_for_who_asked_as_they_are_now() {
    let asker = person(ASKER, Role::MissionOwner, 2);
    let (source, target) = (bucket(2, 2, ASKER), bucket(4, 0, ASKER));
    let signed = release(&[2, 3]);
    for (asker, source, target, expected) in [
        (asker.clone(), bucket(9, 2, ASKER), target.clone(), Refusal::Unsigned),
        (asker.clone(), bucket(2, 3, ASKER), target.clone(), Refusal::Unsigned),
        (asker.clone(), source.clone(), bucket(9, 0, ASKER), Refusal::Unsigned),
        (asker.clone(), source.clone(), bucket(4, 1, ASKER), Refusal::Unsigned),
        (person(7, Role::MissionOwner, 2), source.clone(), target.clone(), Refusal::Unsigned),
        (person(ASKER, Role::MissionOwner, 1), source.clone(), target.clone(), Refusal::NotCleared),
        (
            Principal { suspended: Some(Timestamp(1)), ..asker.clone() },
            source.clone(),
            target.clone(),
            Refusal::NotCleared,
        ),
        (person(ASKER, Role::SecurityOfficer, 2), source.clone(), target.clone(), Refusal::OtherDuty),
        (asker.clone(), bucket(2, 2, 8), target.clone(), Refusal::NotOwner),
        (asker.clone(), source.clone(), bucket(4, 0, 8), Refusal::NotOwner),
    ] {
        assert_eq!(outcome(&signed, &asker, &source, &target), Err(expected));
    }
}

#[test]
fn who_signs_sees_what_they_sign_and_nothing_else() {
    let source = bucket(2, 2, ASKER);
    let open = release(&[2]);
    let ended = Release { state: ReleaseState::Ended { by: PrincipalId([2; 16]), at: Timestamp(9) }, ..release(&[2]) };
    for (n, release, source, sees) in [
        (2, &open, &source, true),
        (3, &open, &source, true),
        (4, &open, &source, false),
        (5, &open, &source, false),
        (6, &open, &source, false),
        (ASKER, &open, &source, false),
        (3, &ended, &source, false),
        (3, &open, &bucket(9, 2, ASKER), false),
        (3, &open, &bucket(2, 3, ASKER), false),
    ] {
        let signer = signers().into_iter().find(|signer| signer.id == PrincipalId([n; 16])).unwrap();
        let permit = permit_to_look(release, &signer, source);
        assert_eq!(permit.is_ok(), sees, "{n}");
        if let Ok(permit) = permit {
            assert_eq!(permit.object(), (source, &release.source.key));
        }
    }
}

#[test]
fn who_may_sign() {
    for (n, expected) in [
        (2, Err(Refusal::OwnSignature)),
        (3, Ok(())),
        (4, Err(Refusal::OtherDuty)),
        (5, Err(Refusal::OtherDuty)),
        (6, Err(Refusal::OtherDuty)),
        (ASKER, Err(Refusal::OwnSignature)),
    ] {
        let signer = signers().into_iter().find(|signer| signer.id == PrincipalId([n; 16])).unwrap();
        assert_eq!(may_sign(&release(&[2]), &signer), expected, "{n}");
    }
}
