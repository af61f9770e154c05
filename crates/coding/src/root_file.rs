//! The root key as a file: in the clear, or sealed under a passphrase.
//!
//! A sealed file holds the root key itself, random as any, under a key that Argon2id makes of the
//! passphrase: so the passphrase may change and the root stay, a new root may come under the same
//! passphrase, and a wrong one is told at once. The bytes are in `docs/formats/keys.md`.

use std::fmt::Write;

use argon2::{Algorithm, Argon2, Params, Version};
use model::Outside;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::keys::RootKey;

/// What a sealed file begins with.
const MAGIC: &str = "entente-root-key 1";
/// Between what RFC 9106 recommends where memory is short (64 MiB) and where it is not (2 GiB): about a
/// second on one core. Memory in KiB, passes, lanes.
const COST: Cost = Cost { memory_kib: 256 << 10, passes: 3, lanes: 4 };
/// What a file may ask of the machine that opens it: 4 GiB, and some seconds.
const MEMORY_KIB_MAX: u32 = 4 << 20;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 64;
/// Shorter ones are guessed.
pub const PASSPHRASE_MIN: usize = 12;

/// Why a file gives no root key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoRoot {
    #[error("it is neither 64 hexadecimal digits nor a root key sealed under a passphrase")]
    Malformed,
    #[error("it is sealed under a passphrase, and none was given")]
    NeedsPassphrase,
    #[error("the passphrase is wrong, or the file was changed")]
    WrongPassphrase,
    #[error("it was written by a newer Entente")]
    Newer,
    #[error("the machine cannot give the memory that opening it takes")]
    TooCostly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Whether opening it takes a passphrase.
pub fn is_sealed(text: &str) -> bool {
    text.starts_with("entente-root-key ")
}

/// The root key in the clear, as a file's text.
pub fn plain(root: &RootKey) -> Zeroizing<String> {
    let mut text = root.to_hex();
    text.push('\n');
    text
}

/// The root key under a passphrase, as a file's text.
pub fn seal(root: &RootKey, passphrase: &str, outside: &Outside) -> Result<String, NoRoot> {
    seal_at(COST, root, passphrase, outside)
}

fn seal_at(cost: Cost, root: &RootKey, passphrase: &str, outside: &Outside) -> Result<String, NoRoot> {
    let salt: [u8; 32] = outside.random();
    let head = head(cost, &salt);
    let key = stretch(cost, passphrase, &salt)?;
    let sealed = root.seal_under(&key, &salt, head.as_bytes());
    Ok(format!("{head}sealed {}\n", hex(&sealed)))
}

/// The root key of a file's text.
pub fn open(text: &str, passphrase: Option<&str>) -> Result<RootKey, NoRoot> {
    if !is_sealed(text) {
        return RootKey::from_hex(text.trim()).ok_or(NoRoot::Malformed);
    }
    let (cost, salt, sealed) = parse(text)?;
    let passphrase = passphrase.ok_or(NoRoot::NeedsPassphrase)?;
    let key = stretch(cost, passphrase, &salt)?;
    RootKey::open_under(&key, &salt, head(cost, &salt).as_bytes(), &sealed).map_err(|_| NoRoot::WrongPassphrase)
}

fn head(Cost { memory_kib, passes, lanes }: Cost, salt: &[u8; 32]) -> String {
    format!("{MAGIC}\nargon2id memory-kib={memory_kib} passes={passes} lanes={lanes}\nsalt {}\n", hex(salt))
}

fn parse(text: &str) -> Result<(Cost, [u8; 32], Vec<u8>), NoRoot> {
    let mut lines = text.lines();
    if lines.next() != Some(MAGIC) {
        return Err(NoRoot::Newer);
    }
    let cost = lines.next().and_then(cost).ok_or(NoRoot::Malformed)?;
    let mut bytes = |name: &str| lines.next().and_then(|line| unhex(line.strip_prefix(name)?.strip_prefix(' ')?));
    let salt = bytes("salt").and_then(|salt| salt.try_into().ok()).ok_or(NoRoot::Malformed)?;
    let sealed = bytes("sealed").ok_or(NoRoot::Malformed)?;
    Ok((cost, salt, sealed))
}

fn cost(line: &str) -> Option<Cost> {
    let mut words = line.strip_prefix("argon2id ")?.split(' ');
    let mut number = |name: &str, most: u32| {
        let value = words.next().and_then(|word| word.strip_prefix(name)?.strip_prefix('='));
        value.and_then(|value| value.parse::<u32>().ok()).filter(|value| (1..=most).contains(value))
    };
    let memory_kib = number("memory-kib", MEMORY_KIB_MAX)?;
    Some(Cost { memory_kib, passes: number("passes", PASSES_MAX)?, lanes: number("lanes", LANES_MAX)? })
}

fn stretch(cost: Cost, passphrase: &str, salt: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, NoRoot> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(|_| NoRoot::Malformed)?;
    let mut key = Zeroizing::new([0; 32]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice()).map_err(|_| NoRoot::TooCostly)?;
    Ok(key)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into memory cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect::<Option<_>>()?;
    rest.is_empty().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::outside;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    #[test]
    fn a_root_comes_back_by_its_passphrase_alone() {
        let (outside, root) = (outside(1), RootKey::from_bytes([7; 32]));
        let text = seal_at(CHEAP, &root, "correct horse battery", &outside).unwrap();
        assert!(is_sealed(&text) && !text.contains(root.to_hex().as_str()));
        assert_eq!(open(&text, Some("correct horse battery")).unwrap().expose(), root.expose());
        assert_eq!(open(&text, Some("correct horse batterz")).map(drop), Err(NoRoot::WrongPassphrase));
        assert_eq!(open(&text, None).map(drop), Err(NoRoot::NeedsPassphrase));
        let again = seal_at(CHEAP, &root, "correct horse battery", &outside).unwrap();
        assert_ne!(again, text, "with a salt of its own");
        assert_eq!(open(&plain(&root), None).unwrap().expose(), root.expose());
    }

    #[test]
    fn a_changed_file_is_refused() {
        let text = seal_at(CHEAP, &RootKey::from_bytes([7; 32]), "correct horse battery", &outside(2)).unwrap();
        let pass = Some("correct horse battery");
        for (from, to, why) in [
            ("passes=1", "passes=2", NoRoot::WrongPassphrase),
            ("memory-kib=64", "memory-kib=65", NoRoot::WrongPassphrase),
            ("memory-kib=64", "memory-kib=99999999", NoRoot::Malformed),
            ("argon2id", "argon2i", NoRoot::Malformed),
            ("salt ", "salt 0", NoRoot::Malformed),
            ("key 1", "key 2", NoRoot::Newer),
        ] {
            assert_eq!(open(&text.replace(from, to), pass).map(drop), Err(why), "{from}");
        }
        let cut = &text[..text.len() - 5];
        assert_eq!(open(cut, pass).map(drop), Err(NoRoot::WrongPassphrase));
        for bad in ["", "zz", &"a".repeat(63), "entente-root-key 1\n"] {
            assert_eq!(open(bad, pass).map(drop), Err(NoRoot::Malformed), "`{bad}`");
        }
    }
}
