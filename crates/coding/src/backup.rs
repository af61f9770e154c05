//! A backup: the catalog and what helps to start over it, sealed under the root key.
//!
//! ```text
//! magic ‖ length ‖ manifest (JSON, clear) ‖ salt ‖ wrapped key ‖ the files, one behind the other, in sealed chunks
//! ```
//!
//! Whoever finds one learns the manifest: which enclave and root it is of, when it was made, how large the
//! files are. Names and metadata of objects are in the catalog and so sealed. The format is in
//! `docs/formats/keys.md`.

use std::io::{self, Read, Write};

use model::{BodyId, Outside};
use thiserror::Error;

use crate::chunk::{self, BodyKey, Last, PLAIN, SEALED, Sealer, TAG};
use crate::keys::RootKey;

const MAGIC: &[u8; 16] = b"entente-backup 1";
/// Of a manifest; it names two files.
const MANIFEST_MAX: u32 = 64 << 10;
/// The salt and the wrapped key.
const WRAPPED: usize = 32 + 48;

#[derive(Debug, Error)]
pub enum Error {
    #[error("it is no backup")]
    NotOne,
    #[error("it was written by a newer Entente")]
    Newer,
    #[error("the root key is not the one it was made under: a backup opens under the root of its time alone")]
    WrongRoot,
    #[error("it is damaged, or was changed")]
    Damaged,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The manifest of a backup, which nothing proves yet: [`open`] does.
pub fn manifest(from: &mut impl Read) -> Result<Vec<u8>, Error> {
    let mut magic = [0; MAGIC.len()];
    from.read_exact(&mut magic).map_err(|_| Error::NotOne)?;
    if magic != *MAGIC {
        return Err(if magic.starts_with(b"entente-backup ") { Error::Newer } else { Error::NotOne });
    }
    let mut length = [0; 4];
    from.read_exact(&mut length).map_err(|_| Error::Damaged)?;
    let length = u32::from_be_bytes(length);
    if length > MANIFEST_MAX {
        return Err(Error::Damaged);
    }
    let mut manifest = vec![0; length as usize];
    from.read_exact(&mut manifest).map_err(|_| Error::Damaged)?;
    Ok(manifest)
}

/// Seals `length` bytes of `plain` behind the manifest, and tells how far it is.
pub fn seal(
    root: &RootKey,
    manifest: &[u8],
    length: u64,
    plain: &mut impl Read,
    to: &mut impl Write,
    outside: &Outside,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let (key, salt): (BodyKey, [u8; 32]) = (BodyKey::random(outside), outside.random());
    to.write_all(MAGIC)?;
    to.write_all(&u32::try_from(manifest.len()).unwrap_or(u32::MAX).to_be_bytes())?;
    to.write_all(manifest)?;
    to.write_all(&salt)?;
    to.write_all(&root.wrap_backup(&key, &salt, manifest))?;
    let sealer = Sealer::new(&key, body(&salt));
    let mut buffer = vec![0; SEALED];
    for number in 0..chunk::chunks(length) {
        let plain_length = chunk_length(number, length);
        let (bytes, _) = buffer.split_at_mut(plain_length + TAG);
        plain.read_exact(bytes.split_at_mut(plain_length).0)?;
        sealer.seal(number, Last::of(number, length), bytes);
        to.write_all(bytes)?;
        progress(number * PLAIN as u64 + plain_length as u64);
    }
    Ok(())
}

/// Opens what comes behind the manifest: `length` bytes, all proven.
pub fn open(
    root: &RootKey,
    manifest: &[u8],
    length: u64,
    from: &mut impl Read,
    to: &mut impl Write,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let mut head = [0; WRAPPED];
    from.read_exact(&mut head).map_err(|_| Error::Damaged)?;
    let (salt, wrapped) = head.split_first_chunk::<32>().ok_or(Error::Damaged)?;
    let key = root.unwrap_backup(wrapped, salt, manifest).map_err(|_| Error::WrongRoot)?;
    let sealer = Sealer::new(&key, body(salt));
    let mut buffer = vec![0; SEALED];
    for number in 0..chunk::chunks(length) {
        let (bytes, _) = buffer.split_at_mut(chunk_length(number, length) + TAG);
        from.read_exact(bytes).map_err(|_| Error::Damaged)?;
        let plain = sealer.open(number, Last::of(number, length), bytes).map_err(|_| Error::Damaged)?;
        to.write_all(plain)?;
        progress(number * PLAIN as u64 + plain.len() as u64);
    }
    match from.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(Error::Damaged),
    }
}

/// The body id the chunks are bound to.
fn body(salt: &[u8; 32]) -> BodyId {
    let (id, _) = salt.split_first_chunk::<16>().map_or(([0; 16], [].as_slice()), |(id, rest)| (*id, rest));
    BodyId(id)
}

#[expect(clippy::cast_possible_truncation, reason = "a chunk has at most 64 KiB")]
fn chunk_length(number: u64, length: u64) -> usize {
    length.saturating_sub(number * PLAIN as u64).min(PLAIN as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Dice, outside};

    fn sealed(length: usize) -> (Vec<u8>, Vec<u8>) {
        let (plain, mut file) = (Dice::new(5).vec(length), Vec::new());
        let root = RootKey::from_bytes([7; 32]);
        seal(&root, b"{}", length as u64, &mut &plain[..], &mut file, &outside(1), &mut |_| ()).unwrap();
        (plain, file)
    }

    fn opened(file: &[u8], length: usize, root: u8) -> Result<Vec<u8>, Error> {
        let (mut from, mut plain) = (file, Vec::new());
        let manifest = manifest(&mut from)?;
        open(&RootKey::from_bytes([root; 32]), &manifest, length as u64, &mut from, &mut plain, &mut |_| ())?;
        Ok(plain)
    }

    #[test]
    fn what_was_sealed_comes_back_under_the_root() {
        for length in [0, 1, PLAIN - 1, PLAIN, PLAIN + 1, 3 * PLAIN + 7] {
            let (plain, file) = sealed(length);
            assert_eq!(opened(&file, length, 7).unwrap(), plain);
            assert!(matches!(opened(&file, length, 8), Err(Error::WrongRoot)));
        }
    }

    #[test]
    fn a_changed_backup_is_refused() {
        let length = 2 * PLAIN + 9;
        let (_, file) = sealed(length);
        for at in [20, 22, 60, 90, 200, file.len() - 1] {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(opened(&changed, length, 7).is_err(), "byte {at}");
        }
        assert!(matches!(opened(&file[..file.len() - 1], length, 7), Err(Error::Damaged)));
        assert!(matches!(opened(&[&file[..], b"x"].concat(), length, 7), Err(Error::Damaged)));
        assert!(matches!(opened(b"entente-backup 2 and more", 0, 7), Err(Error::Newer)));
        assert!(matches!(opened(b"something else altogether", 0, 7), Err(Error::NotOne)));
    }
}
