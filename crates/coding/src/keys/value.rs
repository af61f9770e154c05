//! Values that a catalog keeps and that must not lie open in its files: sealed under a label's key.

use model::{KeyTag, Outside};
use ring::aead::AES_256_GCM;

use super::{LabelSecret, Purpose, open, seal};
use crate::error::WrongKey;

/// The first byte of a sealed value. An open one is CBOR, of which no item begins with it.
const SEALED: u8 = 0xff;

const TAG: usize = 16;
const SALT: usize = 32;

impl LabelSecret {
    /// Seals a value, bound to its place: `0xff`, tag of the key, salt, sealed bytes.
    pub fn seal_value(&self, place: &[u8], value: &[u8], outside: &Outside) -> Vec<u8> {
        let salt: [u8; SALT] = outside.random();
        let mut bytes = Vec::with_capacity(value.len() + AES_256_GCM.tag_len());
        bytes.extend_from_slice(value);
        seal(&self.bytes, &salt, Purpose::Value, place, &mut bytes);
        [&[SEALED], &self.tag.0[..], &salt, &bytes].concat()
    }

    /// Opens what [`LabelSecret::seal_value`] sealed.
    pub fn open_value(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, WrongKey> {
        match parts(sealed) {
            Some((tag, salt, bytes)) if tag == self.tag => {
                let mut value = open(&self.bytes, salt, Purpose::Value, place, bytes)?;
                Ok(std::mem::take(&mut value))
            }
            _ => Err(WrongKey),
        }
    }
}

/// The key that a value is sealed under; `None` when it lies open, or is cut.
pub fn sealed_under(value: &[u8]) -> Option<KeyTag> {
    parts(value).map(|(tag, ..)| tag)
}

fn parts(value: &[u8]) -> Option<(KeyTag, &[u8; SALT], &[u8])> {
    let (tag, rest) = value.strip_prefix(&[SEALED])?.split_first_chunk::<TAG>()?;
    let (salt, bytes) = rest.split_first_chunk()?;
    Some((KeyTag(*tag), salt, bytes))
}
