use proptest::prelude::*;

use super::*;
use crate::testing::{Dice, hex, unhex};

const ALL: [Kind; 6] = [
    Kind::Md5,
    Kind::Checksum(Algorithm::Crc32),
    Kind::Checksum(Algorithm::Crc32c),
    Kind::Checksum(Algorithm::Crc64Nvme),
    Kind::Checksum(Algorithm::Sha1),
    Kind::Checksum(Algorithm::Sha256),
];

/// The check values of RFC 1321, the catalogue of CRCs and FIPS 180 for `123456789`.
#[test]
fn digests_have_their_published_values() {
    let mut digests = Digests::new(&ALL);
    digests.update(b"1234");
    digests.update(b"56789");
    let values = digests.finish();
    let published = [
        "25f9e794323b453885f5181f1b624d0b",
        "cbf43926",
        "e3069283",
        "ae8b14860a799888",
        "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
        "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    ];
    for (kind, published) in ALL.into_iter().zip(published) {
        assert_eq!(values.get(kind).map(hex).as_deref(), Some(published), "{kind:?}");
    }
}

#[test]
fn only_what_was_asked_for_is_computed() {
    let values = Digests::new(&[Kind::Md5, Kind::Md5]).finish();
    assert_eq!(values.iter().count(), 1);
    assert_eq!(values.md5().map(|md5| hex(&md5)).as_deref(), Some("d41d8cd98f00b204e9800998ecf8427e"));
    assert_eq!(values.checksum(Algorithm::Crc32), None);
}

/// The ETag that `aws s3 cp` shows for two parts of `a` and `b`.
#[test]
fn a_multipart_etag_is_the_digest_of_digests() {
    let parts = [digest(Kind::Md5, b"a"), digest(Kind::Md5, b"b")].map(|md5| md5.try_into().unwrap());
    let joined = unhex("0cc175b9c0f1b6a831c399e26977266192eb5ffee6ae2fec3ad71c777531578f");
    assert_eq!(composite_md5(&parts).to_vec(), digest(Kind::Md5, &joined));
}

#[test]
fn hashes_do_not_combine_and_odd_values_are_refused() {
    for algorithm in [Algorithm::Sha1, Algorithm::Sha256] {
        assert_eq!(combine(algorithm, &[(vec![0; algorithm.bytes()], 1)]), None);
    }
    assert_eq!(combine(Algorithm::Crc32, &[(vec![0; 5], 1)]), None);
    assert_eq!(combine::<Vec<u8>>(Algorithm::Crc32, &[]), Some(vec![0; 4]));
}

proptest! {
    #[test]
    fn crcs_of_parts_combine_to_that_of_the_whole(seed: u64, cuts in prop::collection::vec(0usize..5000, 1..6)) {
        let mut dice = Dice::new(seed);
        let parts: Vec<Vec<u8>> = cuts.iter().map(|length| dice.vec(*length)).collect();
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let kind = Kind::Checksum(algorithm);
            let values: Vec<(Vec<u8>, u64)> =
                parts.iter().map(|part| (digest(kind, part), part.len() as u64)).collect();
            prop_assert_eq!(combine(algorithm, &values), Some(digest(kind, &parts.concat())), "{:?}", algorithm);
        }
    }

    #[test]
    fn composites_are_digests_of_the_values_in_a_row(seed: u64, count in 0usize..5) {
        let mut dice = Dice::new(seed);
        for algorithm in Algorithm::ALL {
            let values: Vec<Vec<u8>> = (0..count).map(|_| dice.vec(algorithm.bytes())).collect();
            prop_assert_eq!(composite(algorithm, &values), digest(Kind::Checksum(algorithm), &values.concat()));
        }
    }
}
