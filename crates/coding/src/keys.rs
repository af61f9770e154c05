//! Keys over keys: the root wraps label keys, a label's key wraps body keys and secrets.
//!
//! Every wrap has a fresh salt and from it a key of its own (HKDF-SHA-384 of the wrapping key; the
//! info names the purpose), which seals once under a zero nonce by AES-256-GCM. The associated data
//! names purpose and place, so that a wrap that was moved does not open. The bytes are in
//! `docs/formats/keys.md`.

use std::fmt;

use model::{
    AccessKeyId, BodySlice, BucketId, EnclaveId, KeyTag, Label, LabelKey, ObjectKey, Outside, SealedSecret, SegmentId,
    UploadId, VersionId, Wrap,
};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA384, KeyType, Prk, Salt};
use zeroize::{Zeroize, Zeroizing};

use crate::chunk::BodyKey;
use crate::error::WrongKey;

mod value;

pub use value::sealed_under;

/// Bytes of every key.
const KEY: usize = 32;

/// The enclave's root key.
pub struct RootKey(Zeroizing<[u8; KEY]>);

impl RootKey {
    pub fn generate(outside: &Outside) -> RootKey {
        RootKey::from_bytes(outside.random())
    }

    pub fn from_bytes(bytes: [u8; KEY]) -> RootKey {
        RootKey(Zeroizing::new(bytes))
    }

    /// The key as it stands in a file: 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<RootKey> {
        let mut bytes = Zeroizing::new([0; KEY]);
        if text.len() != 2 * KEY {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = pair.iter().map(|digit| char::from(*digit).to_digit(16));
            *byte = digits.into_iter().try_fold(0, |byte: u8, digit| Some(byte << 4 | u8::try_from(digit?).ok()?))?;
        }
        Some(RootKey::from_bytes(*bytes))
    }

    /// The key as it stands in a file.
    pub fn to_hex(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY));
        for byte in self.0.iter() {
            text.extend([byte >> 4, byte & 15].into_iter().filter_map(|digit| char::from_digit(digit.into(), 16)));
        }
        text
    }

    /// The key itself, for keeping it.
    pub fn expose(&self) -> &[u8; KEY] {
        &self.0
    }

    /// Tells whether two root keys are the same for this enclave, and nothing else about them.
    #[expect(clippy::expect_used, reason = "HKDF gives 16 bytes whenever they are asked for")]
    pub fn fingerprint(&self, enclave: EnclaveId) -> [u8; 16] {
        let mut bytes = [0; 16];
        let secret = Salt::new(HKDF_SHA384, &enclave.0).extract(self.0.as_slice());
        let derived = secret.expand(&[b"entente v1 root fingerprint"], Sixteen).and_then(|okm| okm.fill(&mut bytes));
        derived.expect("sixteen derived bytes");
        bytes
    }

    /// Wraps a label's key; `None` for the control stream's.
    pub fn wrap_label(&self, secret: &LabelSecret, label: Option<&Label>, epoch: u32, outside: &Outside) -> LabelKey {
        let salt = outside.random();
        let mut key = LabelKey { tag: secret.tag, label: label.copied(), epoch, salt, sealed: secret.bytes.to_vec() };
        let place = label_place(&key);
        seal(&self.0, &salt, Purpose::Label, &place, &mut key.sealed);
        key
    }

    /// Opens what [`RootKey::wrap_label`] wrapped.
    pub fn unwrap_label(&self, key: &LabelKey) -> Result<LabelSecret, WrongKey> {
        let bytes = open(&self.0, &key.salt, Purpose::Label, &label_place(key), &key.sealed)?;
        Ok(LabelSecret { tag: key.tag, bytes: one_key(&bytes)? })
    }
}

impl RootKey {
    /// Wraps the key of a backup, bound to the clear bytes in front of it.
    pub fn wrap_backup(&self, key: &BodyKey, salt: &[u8; 32], clear: &[u8]) -> Vec<u8> {
        let mut sealed = key.expose().to_vec();
        seal(&self.0, salt, Purpose::Backup, clear, &mut sealed);
        sealed
    }

    /// Opens what [`RootKey::wrap_backup`] wrapped.
    pub fn unwrap_backup(&self, sealed: &[u8], salt: &[u8; 32], clear: &[u8]) -> Result<BodyKey, WrongKey> {
        let bytes = open(&self.0, salt, Purpose::Backup, clear, sealed)?;
        Ok(BodyKey::from_bytes(*one_key(&bytes)?))
    }

    /// The root key under a key that a passphrase gives.
    pub(crate) fn seal_under(&self, wrapping: &[u8; KEY], salt: &[u8; 32], clear: &[u8]) -> Vec<u8> {
        let mut sealed = self.0.to_vec();
        seal(wrapping, salt, Purpose::Root, clear, &mut sealed);
        sealed
    }

    /// Opens what [`RootKey::seal_under`] sealed.
    pub(crate) fn open_under(
        wrapping: &[u8; KEY],
        salt: &[u8; 32],
        clear: &[u8],
        sealed: &[u8],
    ) -> Result<RootKey, WrongKey> {
        let bytes = open(wrapping, salt, Purpose::Root, clear, sealed)?;
        Ok(RootKey::from_bytes(*one_key(&bytes)?))
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey")
    }
}

/// The key of one label and epoch, or of the control stream.
#[derive(Clone)]
pub struct LabelSecret {
    tag: KeyTag,
    bytes: Zeroizing<[u8; KEY]>,
}

/// What a wrap of body keys is bound to: where the bodies belong, never where their bytes lie.
#[derive(Clone, Copy, Debug)]
pub enum WrapContext<'a> {
    Version { label: &'a Label, bucket: BucketId, key: &'a ObjectKey, version: VersionId, bodies: &'a [BodySlice] },
    Part { label: &'a Label, bucket: BucketId, upload: UploadId, number: u16, body: &'a BodySlice },
}

impl LabelSecret {
    pub fn random(outside: &Outside) -> LabelSecret {
        LabelSecret { tag: KeyTag::random(outside), bytes: Zeroizing::new(outside.random()) }
    }

    /// Its random name, which pieces and wraps carry.
    pub fn tag(&self) -> KeyTag {
        self.tag
    }

    /// Wraps the keys of the context's bodies together, in their order.
    ///
    /// Panics when there is not one key for each body.
    pub fn wrap_bodies(&self, context: &WrapContext<'_>, keys: &[BodyKey], outside: &Outside) -> Wrap {
        assert_eq!(keys.len(), context.bodies().len(), "one key for each body");
        let mut sealed = Vec::with_capacity(keys.len() * KEY + AES_256_GCM.tag_len());
        keys.iter().for_each(|key| sealed.extend_from_slice(key.expose()));
        let salt = outside.random();
        seal(&self.bytes, &salt, context.purpose(), &context.place(), &mut sealed);
        Wrap { under: self.tag, salt, sealed }
    }

    /// Opens what [`LabelSecret::wrap_bodies`] wrapped: one key for each of the context's bodies.
    pub fn unwrap_bodies(&self, context: &WrapContext<'_>, wrap: &Wrap) -> Result<Vec<BodyKey>, WrongKey> {
        if wrap.under != self.tag {
            return Err(WrongKey);
        }
        let bytes = open(&self.bytes, &wrap.salt, context.purpose(), &context.place(), &wrap.sealed)?;
        let (keys, rest) = bytes.as_chunks::<KEY>();
        if !rest.is_empty() || keys.len() != context.bodies().len() {
            return Err(WrongKey);
        }
        Ok(keys.iter().map(|key| BodyKey::from_bytes(*key)).collect())
    }

    /// Seals the secret of an access key, bound to its id.
    pub fn seal_secret(&self, id: &AccessKeyId, secret: &str, outside: &Outside) -> SealedSecret {
        let salt = outside.random();
        let mut sealed = Vec::with_capacity(secret.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(secret.as_bytes());
        seal(&self.bytes, &salt, Purpose::Secret, id.0.as_bytes(), &mut sealed);
        SealedSecret { salt, sealed }
    }

    /// Opens what [`LabelSecret::seal_secret`] sealed.
    pub fn open_secret(&self, id: &AccessKeyId, sealed: &SealedSecret) -> Result<String, WrongKey> {
        let bytes = open(&self.bytes, &sealed.salt, Purpose::Secret, id.0.as_bytes(), &sealed.sealed)?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| WrongKey)
    }

    /// Wraps the key of one journal segment, bound to the clear bytes in front of it.
    pub(crate) fn wrap_segment(&self, key: &BodyKey, salt: &[u8; 32], segment: SegmentId, clear: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(KEY + AES_256_GCM.tag_len());
        sealed.extend_from_slice(key.expose());
        seal(&self.bytes, salt, Purpose::Segment, &[&segment.0, clear].concat(), &mut sealed);
        sealed
    }

    /// Opens what [`LabelSecret::wrap_segment`] wrapped.
    pub(crate) fn unwrap_segment(
        &self,
        sealed: &[u8],
        salt: &[u8; 32],
        segment: SegmentId,
        clear: &[u8],
    ) -> Result<BodyKey, WrongKey> {
        let bytes = open(&self.bytes, salt, Purpose::Segment, &[&segment.0, clear].concat(), sealed)?;
        Ok(BodyKey::from_bytes(*one_key(&bytes)?))
    }
}

impl fmt::Debug for LabelSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LabelSecret {}", self.tag)
    }
}

impl WrapContext<'_> {
    fn bodies(&self) -> &[BodySlice] {
        match self {
            WrapContext::Version { bodies, .. } => bodies,
            WrapContext::Part { body, .. } => std::slice::from_ref(body),
        }
    }

    fn purpose(&self) -> Purpose {
        match self {
            WrapContext::Version { .. } => Purpose::Version,
            WrapContext::Part { .. } => Purpose::Part,
        }
    }

    /// Canonical bytes: whatever has no fixed length is preceded by it.
    fn place(&self) -> Vec<u8> {
        let mut place = Vec::with_capacity(256);
        match self {
            WrapContext::Version { label, bucket, key, version, .. } => {
                place.extend_from_slice(label.canonical());
                place.extend_from_slice(&bucket.0);
                place.extend_from_slice(&version.0);
                place.extend_from_slice(&(key.as_str().len() as u64).to_be_bytes());
                place.extend_from_slice(key.as_str().as_bytes());
            }
            WrapContext::Part { label, bucket, upload, number, .. } => {
                place.extend_from_slice(label.canonical());
                place.extend_from_slice(&bucket.0);
                place.extend_from_slice(&upload.0);
                place.extend_from_slice(&number.to_be_bytes());
            }
        }
        place.extend_from_slice(&(self.bodies().len() as u64).to_be_bytes());
        for slice in self.bodies() {
            place.extend_from_slice(&slice.body.0);
            for number in [slice.body_length, slice.offset, slice.length] {
                place.extend_from_slice(&number.to_be_bytes());
            }
        }
        place
    }
}

/// What a wrapped thing is; each has keys of its own.
#[derive(Clone, Copy)]
enum Purpose {
    Label,
    Version,
    Part,
    Segment,
    Secret,
    Value,
    Backup,
    Root,
}

impl Purpose {
    /// The HKDF info, and the beginning of the associated data. None is a prefix of another.
    const fn name(self) -> &'static [u8] {
        match self {
            Purpose::Label => b"entente v1 wrap: label key\0",
            Purpose::Version => b"entente v1 wrap: bodies of a version\0",
            Purpose::Part => b"entente v1 wrap: body of a part\0",
            Purpose::Segment => b"entente v1 wrap: journal segment key\0",
            Purpose::Secret => b"entente v1 wrap: access key secret\0",
            Purpose::Value => b"entente v1 wrap: value of a catalog\0",
            Purpose::Backup => b"entente v1 wrap: backup key\0",
            Purpose::Root => b"entente v1 wrap: root key\0",
        }
    }
}

struct Sixteen;

impl KeyType for Sixteen {
    fn len(&self) -> usize {
        16
    }
}

/// What a label key's wrap is bound to: tag, whether it has a label, the label, the epoch.
fn label_place(key: &LabelKey) -> Vec<u8> {
    let mut place = Vec::with_capacity(16 + 1 + Label::BYTES + 4);
    place.extend_from_slice(&key.tag.0);
    place.push(u8::from(key.label.is_some()));
    place.extend_from_slice(key.label.unwrap_or(Label::LOWEST).canonical());
    place.extend_from_slice(&key.epoch.to_be_bytes());
    place
}

/// The key that seals one thing once.
#[expect(clippy::expect_used, reason = "HKDF gives 32 bytes whenever they are asked for")]
fn one_time_key(wrapping: &[u8; KEY], salt: &[u8; 32], purpose: Purpose) -> LessSafeKey {
    let secret: Prk = Salt::new(HKDF_SHA384, salt).extract(wrapping);
    let info = [purpose.name()];
    let okm = secret.expand(&info, &AES_256_GCM).expect("thirty-two derived bytes");
    LessSafeKey::new(UnboundKey::from(okm))
}

fn aad(purpose: Purpose, place: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([purpose.name(), place].concat())
}

/// Safe because the key was never used before: its salt is fresh.
fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// Seals `bytes` in place and appends the tag.
#[expect(clippy::expect_used, reason = "nothing wrapped comes near the cipher's limit of 64 GiB")]
fn seal(wrapping: &[u8; KEY], salt: &[u8; 32], purpose: Purpose, place: &[u8], bytes: &mut Vec<u8>) {
    let key = one_time_key(wrapping, salt, purpose);
    key.seal_in_place_append_tag(zero_nonce(), aad(purpose, place), bytes).expect("few bytes to seal");
}

fn open(
    wrapping: &[u8; KEY],
    salt: &[u8; 32],
    purpose: Purpose,
    place: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, WrongKey> {
    let mut bytes = Zeroizing::new(sealed.to_vec());
    let key = one_time_key(wrapping, salt, purpose);
    let plain = key.open_in_place(zero_nonce(), aad(purpose, place), &mut bytes).map_err(|_| WrongKey)?.len();
    bytes.truncate(plain);
    Ok(bytes)
}

fn one_key(bytes: &[u8]) -> Result<Zeroizing<[u8; KEY]>, WrongKey> {
    let mut key = Zeroizing::new([0; KEY]);
    if bytes.len() != KEY {
        key.zeroize();
        return Err(WrongKey);
    }
    key.copy_from_slice(bytes);
    Ok(key)
}

#[cfg(test)]
mod tests;
