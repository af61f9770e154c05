#![expect(clippy::cast_possible_truncation, reason = "tests choose numbers that fit")]

use model::{BodyId, Extent};

use super::*;
use crate::testing::{check_vectors, outside};

fn root() -> RootKey {
    RootKey::from_bytes([7; 32])
}

fn secret() -> LabelSecret {
    LabelSecret { tag: KeyTag([1; 16]), bytes: Zeroizing::new([2; 32]) }
}

fn slice(body: u8, length: u64) -> BodySlice {
    BodySlice { body: BodyId([body; 16]), body_length: 100, offset: 100 - length, length, extents: Vec::new() }
}

fn body_keys() -> [BodyKey; 2] {
    [BodyKey::from_bytes([4; 32]), BodyKey::from_bytes([5; 32])]
}

#[test]
fn a_label_key_opens_under_its_root_only() {
    for label in [None, Some(Label::from_canonical([3; Label::BYTES]))] {
        let wrapped = root().wrap_label(&secret(), label.as_ref(), 4, &outside(1));
        assert_eq!((wrapped.tag, wrapped.label, wrapped.epoch), (secret().tag(), label, 4));
        assert_eq!(root().unwrap_label(&wrapped).map(|found| *found.bytes), Ok([2; 32]));
        assert!(RootKey::from_bytes([8; 32]).unwrap_label(&wrapped).is_err());
        let other = Some(Label::LOWEST);
        for changed in [
            LabelKey { tag: KeyTag([0; 16]), ..wrapped.clone() },
            LabelKey { label: other, ..wrapped.clone() },
            LabelKey { epoch: 5, ..wrapped.clone() },
            LabelKey { salt: [0; 32], ..wrapped.clone() },
            LabelKey { sealed: wrapped.sealed[1..].to_vec(), ..wrapped.clone() },
            LabelKey { sealed: Vec::new(), ..wrapped.clone() },
        ] {
            assert!(root().unwrap_label(&changed).is_err(), "{changed:?}");
        }
    }
}

#[test]
fn body_keys_open_only_where_they_belong() {
    let (label, key) = (Label::LOWEST, ObjectKey::parse("a/b").unwrap());
    let (other_label, other_key) = (Label::from_canonical([3; Label::BYTES]), ObjectKey::parse("a/c").unwrap());
    let bodies = [slice(1, 100), slice(2, 50)];
    let (swapped, shorter) = ([slice(2, 50), slice(1, 100)], [slice(1, 100), slice(2, 49)]);
    let (bucket, version) = (BucketId([1; 16]), VersionId([2; 16]));
    let right = WrapContext::Version { label: &label, bucket, key: &key, version, bodies: &bodies };
    let wrap = secret().wrap_bodies(&right, &body_keys(), &outside(2));
    let exposed = |keys: Vec<BodyKey>| keys.iter().map(|key| *key.expose()).collect::<Vec<_>>();
    assert_eq!(secret().unwrap_bodies(&right, &wrap).map(exposed), Ok(vec![[4; 32], [5; 32]]));
    let other = BucketId([9; 16]);
    let wrong = [
        WrapContext::Version { label: &other_label, bucket, key: &key, version, bodies: &bodies },
        WrapContext::Version { label: &label, bucket: other, key: &key, version, bodies: &bodies },
        WrapContext::Version { label: &label, bucket, key: &other_key, version, bodies: &bodies },
        WrapContext::Version { label: &label, bucket, key: &key, version: VersionId([3; 16]), bodies: &bodies },
        WrapContext::Version { label: &label, bucket, key: &key, version, bodies: &swapped },
        WrapContext::Version { label: &label, bucket, key: &key, version, bodies: &shorter },
        WrapContext::Version { label: &label, bucket, key: &key, version, bodies: &bodies[..1] },
        WrapContext::Part { label: &label, bucket, upload: UploadId([2; 16]), number: 1, body: &bodies[0] },
    ];
    for context in wrong {
        assert!(secret().unwrap_bodies(&context, &wrap).is_err(), "{context:?}");
    }
    let renamed = Wrap { under: KeyTag([0; 16]), ..wrap };
    assert!(secret().unwrap_bodies(&right, &renamed).is_err());
}

#[test]
fn a_parts_key_is_bound_to_upload_and_number() {
    let (label, body, bucket) = (Label::LOWEST, slice(1, 100), BucketId([1; 16]));
    let part = |upload, number| WrapContext::Part {
        label: &label,
        bucket,
        upload: UploadId([upload; 16]),
        number,
        body: &body,
    };
    let wrap = secret().wrap_bodies(&part(1, 1), &body_keys()[..1], &outside(3));
    assert!(secret().unwrap_bodies(&part(1, 1), &wrap).is_ok());
    assert!(secret().unwrap_bodies(&part(1, 2), &wrap).is_err());
    assert!(secret().unwrap_bodies(&part(2, 1), &wrap).is_err());
}

#[test]
fn a_wrap_says_nothing_about_where_bytes_lie() {
    let (label, key) = (Label::LOWEST, ObjectKey::parse("k").unwrap());
    let bodies = [slice(1, 100)];
    let mut placed = bodies.clone();
    placed[0].extents.push(Extent { segment: SegmentId([1; 16]), offset: 0, length: 116 });
    let context = |bodies| WrapContext::Version {
        label: &label,
        bucket: BucketId([1; 16]),
        key: &key,
        version: VersionId([2; 16]),
        bodies,
    };
    let wrap = secret().wrap_bodies(&context(&bodies), &body_keys()[..1], &outside(4));
    assert!(secret().unwrap_bodies(&context(&placed), &wrap).is_ok());
}

#[test]
fn the_same_thing_wrapped_twice_looks_different() {
    let outside = outside(5);
    let wraps = [(), ()].map(|()| root().wrap_label(&secret(), None, 1, &outside));
    assert_ne!(wraps[0].salt, wraps[1].salt);
    assert_ne!(wraps[0].sealed, wraps[1].sealed);
}

#[test]
fn a_secret_opens_for_its_access_key_only() {
    let (id, other) = (AccessKeyId("ENTE1".to_owned()), AccessKeyId("ENTE2".to_owned()));
    let sealed = secret().seal_secret(&id, "s3cr3t", &outside(6));
    assert_eq!(secret().open_secret(&id, &sealed).as_deref(), Ok("s3cr3t"));
    assert_eq!(secret().open_secret(&other, &sealed), Err(WrongKey));
}

#[test]
fn a_sealed_value_opens_in_its_place_only() {
    let outside = outside(8);
    for value in [&b""[..], b"value", &[0xff; 100]] {
        let sealed = secret().seal_value(b"place", value, &outside);
        assert_eq!(sealed_under(&sealed), Some(secret().tag()));
        assert_eq!(secret().open_value(b"place", &sealed).as_deref(), Ok(value));
        assert!(secret().open_value(b"plac", &sealed).is_err());
        let other = LabelSecret { tag: KeyTag([9; 16]), ..secret() };
        assert!(other.open_value(b"place", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert!(secret().open_value(b"place", &flipped).is_err(), "byte {at}");
        }
        assert!(secret().open_value(b"place", &sealed[..sealed.len() - 1]).is_err());
        assert_ne!(sealed, secret().seal_value(b"place", value, &outside), "each has a salt of its own");
    }
    let open = crate::record::to_bytes(&model::BucketSetting::Tags(model::Tags::default()));
    assert_eq!(sealed_under(&open), None, "what lies open is told from what is sealed");
    assert_eq!(sealed_under(&[]), None);
}

#[test]
fn a_fingerprint_tells_roots_and_enclaves_apart() {
    let print = |root: &RootKey, enclave| root.fingerprint(EnclaveId([enclave; 16]));
    assert_eq!(print(&root(), 1), print(&root(), 1));
    assert_ne!(print(&root(), 1), print(&root(), 2));
    assert_ne!(print(&root(), 1), print(&RootKey::from_bytes([8; 32]), 1));
}

#[test]
fn a_root_key_survives_its_text() {
    let root = RootKey::from_bytes(std::array::from_fn(|i| i as u8 * 7));
    assert_eq!(RootKey::from_hex(&root.to_hex()).map(|root| *root.expose()), Some(*root.expose()));
    for bad in ["", "00", &"0".repeat(63), &"g".repeat(64), &"+0".repeat(32), &"é".repeat(32)] {
        assert!(RootKey::from_hex(bad).is_none(), "`{bad}`");
    }
}

#[test]
fn keys_do_not_show_in_debug_output() {
    let shown = format!("{:?} {:?} {:?}", root(), secret(), body_keys());
    assert_eq!(shown, format!("RootKey LabelSecret {} [BodyKey, BodyKey]", "01".repeat(16)));
}

#[test]
fn the_format_is_that_of_the_vectors() {
    let (label, key) = (Label::from_canonical([3; Label::BYTES]), ObjectKey::parse("a/b").unwrap());
    let bodies = [slice(1, 100), slice(2, 50)];
    let version = WrapContext::Version {
        label: &label,
        bucket: BucketId([1; 16]),
        key: &key,
        version: VersionId([2; 16]),
        bodies: &bodies,
    };
    let part = WrapContext::Part {
        label: &label,
        bucket: BucketId([1; 16]),
        upload: UploadId([6; 16]),
        number: 258,
        body: &bodies[0],
    };
    let outside = outside(7);
    let labelled = root().wrap_label(&secret(), Some(&label), 4, &outside);
    let control = root().wrap_label(&secret(), None, 1, &outside);
    let of_version = secret().wrap_bodies(&version, &body_keys(), &outside);
    let of_part = secret().wrap_bodies(&part, &body_keys()[..1], &outside);
    let of_secret = secret().seal_secret(&AccessKeyId("ENTE0123".to_owned()), "s3cr3t", &outside);
    let of_value = secret().seal_value(&[&[0], &[2; 16][..]].concat(), b"value", &outside);
    let both = |salt: [u8; 32], sealed: Vec<u8>| [&salt[..], &sealed].concat();
    check_vectors(
        "keys.txt",
        &[
            ("root", root().expose().to_vec()),
            ("fingerprint", root().fingerprint(EnclaveId([9; 16])).to_vec()),
            ("label key: salt, sealed", both(labelled.salt, labelled.sealed)),
            ("control key: salt, sealed", both(control.salt, control.sealed)),
            ("place of a version", version.place()),
            ("bodies of a version: salt, sealed", both(of_version.salt, of_version.sealed)),
            ("place of a part", part.place()),
            ("body of a part: salt, sealed", both(of_part.salt, of_part.sealed)),
            ("access key secret: salt, sealed", both(of_secret.salt, of_secret.sealed)),
            ("sealed value", of_value),
        ],
    );
}
