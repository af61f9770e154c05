//! Project Wycheproof's vectors, attacks included, against the calls that `chunk`, `keys` and the
//! signatures of the doors make.
//!
//! Our own functions fix nonce, associated data and info, so that no foreign vector fits through them;
//! what is judged here is the library beneath, by the very same calls. ML-KEM and X25519 are called by
//! rustls alone.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA384, KeyType, Salt};
use ring::hmac;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File<T> {
    number_of_tests: usize,
    test_groups: Vec<Group<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group<T> {
    #[serde(default)]
    tag_size: usize,
    tests: Vec<T>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Valid,
    Invalid,
}

/// Every test with its group's tag size, as many as the file says there are.
fn tests<T: for<'a> Deserialize<'a>>(text: &str) -> Vec<(usize, T)> {
    let file: File<T> = serde_json::from_str(text).unwrap();
    let flat = |group: Group<T>| group.tests.into_iter().map(move |test| (group.tag_size, test));
    let all: Vec<_> = file.test_groups.into_iter().flat_map(flat).collect();
    assert_eq!(all.len(), file.number_of_tests);
    all
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Aead {
    tc_id: u32,
    #[serde(with = "hex::serde")]
    key: Vec<u8>,
    #[serde(with = "hex::serde")]
    iv: Vec<u8>,
    #[serde(with = "hex::serde")]
    aad: Vec<u8>,
    #[serde(with = "hex::serde")]
    msg: Vec<u8>,
    #[serde(with = "hex::serde")]
    ct: Vec<u8>,
    #[serde(with = "hex::serde")]
    tag: Vec<u8>,
    result: Verdict,
}

impl Aead {
    fn key(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.key).unwrap())
    }

    /// None for a nonce of another length than 96 bits: no key takes one.
    fn nonce(&self) -> Option<Nonce> {
        Nonce::try_assume_unique_for_key(&self.iv).ok()
    }

    /// As a chunk is sealed, and as a key is wrapped.
    fn sealed(&self) -> Option<[Vec<u8>; 2]> {
        let (mut apart, mut together) = (self.msg.clone(), self.msg.clone());
        let tag = self.key().seal_in_place_separate_tag(self.nonce()?, Aad::from(&self.aad), &mut apart).ok()?;
        self.key().seal_in_place_append_tag(self.nonce()?, Aad::from(&self.aad), &mut together).ok()?;
        Some([[&*apart, tag.as_ref()].concat(), together])
    }

    fn opened(&self) -> Option<Vec<u8>> {
        let mut bytes = [&*self.ct, &self.tag].concat();
        self.key().open_in_place(self.nonce()?, Aad::from(&self.aad), &mut bytes).ok().map(|plain| plain.to_vec())
    }
}

#[test]
fn aes_256_gcm_seals_as_it_should_and_opens_nothing_that_was_touched() {
    let (mut opened, mut refused) = (0, 0);
    for (_, test) in tests::<Aead>(include_str!("vectors/wycheproof/aes_gcm_256_test.json")) {
        let id = test.tc_id;
        if test.result == Verdict::Valid && test.nonce().is_some() {
            assert_eq!(test.opened().as_ref(), Some(&test.msg), "test {id}");
            for sealed in test.sealed().expect("a good nonce") {
                assert_eq!(sealed, [&*test.ct, &test.tag].concat(), "test {id}");
            }
            opened += 1;
        } else {
            // Touched, or under a nonce of a length that is not ours.
            assert!(test.opened().is_none(), "test {id}");
            refused += 1;
        }
    }
    assert_eq!((opened, refused), (39, 66));
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hkdf {
    tc_id: u32,
    #[serde(with = "hex::serde")]
    ikm: Vec<u8>,
    #[serde(with = "hex::serde")]
    salt: Vec<u8>,
    #[serde(with = "hex::serde")]
    info: Vec<u8>,
    size: usize,
    #[serde(with = "hex::serde")]
    okm: Vec<u8>,
    result: Verdict,
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

#[test]
fn hkdf_sha_384_derives_as_it_should_and_refuses_what_is_too_long() {
    let (mut derived, mut refused) = (0, 0);
    for (_, test) in tests::<Hkdf>(include_str!("vectors/wycheproof/hkdf_sha384_test.json")) {
        let secret = Salt::new(HKDF_SHA384, &test.salt).extract(&test.ikm);
        let info = [&*test.info];
        let expanded = secret.expand(&info, Bytes(test.size)).ok().map(|okm| {
            let mut bytes = vec![0; test.size];
            okm.fill(&mut bytes).unwrap();
            bytes
        });
        if test.result == Verdict::Valid {
            assert_eq!(expanded.as_ref(), Some(&test.okm), "test {}", test.tc_id);
            derived += 1;
        } else {
            assert!(expanded.is_none(), "test {}", test.tc_id);
            refused += 1;
        }
    }
    assert!(derived > 70 && refused > 0, "{derived} derived, {refused} refused");
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mac {
    tc_id: u32,
    #[serde(with = "hex::serde")]
    key: Vec<u8>,
    #[serde(with = "hex::serde")]
    msg: Vec<u8>,
    #[serde(with = "hex::serde")]
    tag: Vec<u8>,
    result: Verdict,
}

#[test]
fn hmac_sha_256_takes_whole_tags_that_fit_and_no_others() {
    let (mut taken, mut refused) = (0, 0);
    for (tag_bits, test) in tests::<Mac>(include_str!("vectors/wycheproof/hmac_sha256_test.json")) {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &test.key);
        let verified = hmac::verify(&key, &test.msg, &test.tag).is_ok();
        let right = hmac::sign(&key, &test.msg).as_ref().starts_with(&test.tag);
        assert_eq!(right, test.result == Verdict::Valid, "test {}", test.tc_id);
        // Half a tag is no tag here.
        assert_eq!(verified, right && tag_bits == 256, "test {}", test.tc_id);
        if verified { taken += 1 } else { refused += 1 }
    }
    assert!(taken > 20 && refused > 100, "{taken} taken, {refused} refused");
}
