//! A snapshot: what is shown of a catalog, at the sites, so that a rebuild need not read the journal from its
//! beginning.
//!
//! ```text
//! part := the rows of a batch, sealed as a body under a key of its own
//! head := magic ‖ salt ‖ wrapped key ‖ (what it is of, and the keys and lengths of its parts), sealed
//! ```
//!
//! The head opens under the root key of its time and tells the parts apart from any others. Whoever finds one learns
//! how large it is, and that it is one. The format is in `docs/formats/snapshot.md`.

use model::{BodyId, EnclaveId, Epoch, Number, Outside, Timestamp};
use thiserror::Error;

use crate::chunk::{self, BodyKey, SEALED, TAG};
use crate::error::Tampered;
use crate::keys::RootKey;

const MAGIC: &[u8; 16] = b"entente-snap   2";
const SALT: usize = 32;
const WRAPPED: usize = 48;

/// A longer head is none: it would be of a catalog of some hundred gigabytes.
pub const HEAD_MAX: u64 = 16 << 20;

/// What a snapshot is called; random.
pub type SnapshotId = [u8; 16];

#[derive(Debug, Error)]
pub enum Error {
    #[error("it was made under another root key")]
    WrongRoot,
    #[error("it is damaged, or was written by another Entente")]
    Damaged,
}

/// What a snapshot says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Of the tables that its rows are of.
    pub form: u32,
    /// Of the newest record when it was begun. A few that came while it was read may be in it too, and a few that were
    /// decided and not shown are not.
    pub number: Number,
    /// What epochs below this brought is shown in it.
    pub closed_below: Epoch,
    pub made: Timestamp,
    pub parts: Vec<Part>,
}

/// One object of rows.
#[derive(Clone, Debug)]
pub struct Part {
    /// Names its object. Numbers of objects that could not be written are used up.
    pub number: u32,
    pub key: BodyKey,
    /// Bytes of rows.
    pub length: u64,
}

impl PartialEq for Part {
    fn eq(&self, other: &Part) -> bool {
        self.number == other.number && self.key.expose() == other.key.expose() && self.length == other.length
    }
}

impl Eq for Part {}

impl Part {
    /// Bytes of its object.
    pub fn stored(&self) -> u64 {
        chunk::sealed_length(self.length)
    }

    pub fn seal(&self, id: &SnapshotId, rows: &[u8]) -> Vec<u8> {
        chunk::seal_body(&self.key, body(id, self.number), rows)
    }

    pub fn open(&self, id: &SnapshotId, sealed: Vec<u8>) -> Result<Vec<u8>, Tampered> {
        chunk::open_body(&self.key, body(id, self.number), self.length, sealed)
    }
}

impl Head {
    pub fn seal(&self, root: &RootKey, enclave: EnclaveId, id: &SnapshotId, outside: &Outside) -> Vec<u8> {
        let (key, salt): (BodyKey, [u8; SALT]) = (BodyKey::random(outside), outside.random());
        let wrapped = root.wrap_backup(&key, &salt, &place(enclave, id));
        [&MAGIC[..], &salt, &wrapped, &chunk::seal_body(&key, body(id, u32::MAX), &self.encode())].concat()
    }

    pub fn open(bytes: &[u8], root: &RootKey, enclave: EnclaveId, id: &SnapshotId) -> Result<Head, Error> {
        let (magic, bytes) = bytes.split_first_chunk::<{ MAGIC.len() }>().ok_or(Error::Damaged)?;
        let (salt, bytes) = bytes.split_first_chunk::<SALT>().ok_or(Error::Damaged)?;
        let (wrapped, sealed) = bytes.split_first_chunk::<WRAPPED>().ok_or(Error::Damaged)?;
        if magic != MAGIC {
            return Err(Error::Damaged);
        }
        let key = root.unwrap_backup(wrapped, salt, &place(enclave, id)).map_err(|_| Error::WrongRoot)?;
        let length = sealed.len().saturating_sub(sealed.len().div_ceil(SEALED) * TAG) as u64;
        let opened = chunk::open_body(&key, body(id, u32::MAX), length, sealed.to_vec());
        Head::decode(&opened.map_err(|_| Error::Damaged)?).ok_or(Error::Damaged)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&self.form.to_be_bytes());
        bytes.extend_from_slice(&self.number.0.to_be_bytes());
        bytes.extend_from_slice(&self.closed_below.0.to_be_bytes());
        bytes.extend_from_slice(&self.made.0.to_be_bytes());
        for part in &self.parts {
            bytes.extend_from_slice(&part.number.to_be_bytes());
            bytes.extend_from_slice(part.key.expose());
            bytes.extend_from_slice(&part.length.to_be_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Head> {
        const PART: usize = 4 + 32 + 8;
        let (form, bytes) = bytes.split_first_chunk::<4>()?;
        let (number, bytes) = bytes.split_first_chunk::<8>()?;
        let (closed_below, bytes) = bytes.split_first_chunk::<8>()?;
        let (made, bytes) = bytes.split_first_chunk::<8>()?;
        if bytes.len() % PART != 0 {
            return None;
        }
        let part = |bytes: &[u8]| {
            let (number, bytes) = bytes.split_first_chunk::<4>()?;
            let (key, length) = bytes.split_first_chunk::<32>()?;
            Some(Part {
                number: u32::from_be_bytes(*number),
                key: BodyKey::from_bytes(*key),
                length: u64::from_be_bytes(*length.first_chunk()?),
            })
        };
        Some(Head {
            form: u32::from_be_bytes(*form),
            number: Number(u64::from_be_bytes(*number)),
            closed_below: Epoch(u64::from_be_bytes(*closed_below)),
            made: Timestamp(i64::from_be_bytes(*made)),
            parts: bytes.chunks(PART).map(part).collect::<Option<_>>()?,
        })
    }
}

/// What the wrapped key is bound to: a head that is moved to another snapshot's name does not open.
fn place(enclave: EnclaveId, id: &SnapshotId) -> Vec<u8> {
    [&MAGIC[..], &enclave.0, id].concat()
}

/// The body that a part is sealed as, or with the greatest number the head.
fn body(id: &SnapshotId, number: u32) -> BodyId {
    let mut body = *id;
    for (byte, more) in body.iter_mut().rev().zip(number.to_le_bytes()) {
        *byte ^= more;
    }
    BodyId(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::outside;

    const ENCLAVE: EnclaveId = EnclaveId([1; 16]);
    const ID: SnapshotId = [2; 16];

    fn head(parts: u32) -> Head {
        let key = |number: u64| BodyKey::from_bytes([number.to_le_bytes()[0]; 32]);
        let part = |number: u32| Part { number, key: key(number.into()), length: u64::from(number) * 1_000 };
        let parts = (0..parts).map(part).collect();
        Head { form: 10, number: Number(77), closed_below: Epoch(3), made: Timestamp(-5), parts }
    }

    #[test]
    fn a_head_opens_under_its_root_and_its_name_alone() {
        let root = RootKey::from_bytes([7; 32]);
        // Of as many parts as take several chunks.
        for parts in [0, 1, 5_000] {
            let sealed = head(parts).seal(&root, ENCLAVE, &ID, &outside(1));
            assert_eq!(Head::open(&sealed, &root, ENCLAVE, &ID).unwrap(), head(parts));
            let other = RootKey::from_bytes([8; 32]);
            assert!(matches!(Head::open(&sealed, &other, ENCLAVE, &ID), Err(Error::WrongRoot)));
            assert!(matches!(Head::open(&sealed, &root, ENCLAVE, &[3; 16]), Err(Error::WrongRoot)));
            assert!(matches!(Head::open(&sealed, &root, EnclaveId([9; 16]), &ID), Err(Error::WrongRoot)));
            for at in [0, 20, 60, 100, sealed.len() - 1] {
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                assert!(Head::open(&changed, &root, ENCLAVE, &ID).is_err(), "byte {at}");
            }
            assert!(Head::open(&sealed[..sealed.len() - 1], &root, ENCLAVE, &ID).is_err());
        }
    }

    #[test]
    fn a_part_opens_in_its_place_alone() {
        let part = Part { number: 4, key: BodyKey::from_bytes([5; 32]), length: 70_000 };
        let rows = vec![6; 70_000];
        let sealed = part.seal(&ID, &rows);
        assert_eq!(sealed.len() as u64, part.stored());
        assert_eq!(part.open(&ID, sealed.clone()).unwrap(), rows);
        assert!(Part { number: 5, ..part.clone() }.open(&ID, sealed.clone()).is_err());
        assert!(part.open(&[3; 16], sealed).is_err());
    }
}
