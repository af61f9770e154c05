//! The root key's file: 64 hexadecimal digits, or the key sealed under a passphrase; readable by its owner
//! alone.
//!
//! Without it nothing stored can be read again, so it is on disk before anything is wrapped under
//! it, and a start that should find one never makes another. While a label is being shredded there are
//! two (see [`successor`]).

mod passphrase;
pub mod successor;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use coding::keys::RootKey;
use coding::root_file::{self, NoRoot};
use model::Outside;
use zeroize::Zeroizing;

pub use self::passphrase::{Passphrase, PassphraseFrom};
use crate::failure::{Exit, Failure};
use crate::files::{self, PRIVATE_FILE};

/// A sealed key takes some 300 bytes; and room for an editor that added a line end.
const FILE_BYTES_MAX: u64 = 1 << 10;

/// Where the root key is kept, and what opens it.
pub struct RootFile {
    pub path: PathBuf,
    /// Of a file that is sealed under one.
    passphrase: Option<Passphrase>,
}

impl RootFile {
    /// The file at `path`. If it is sealed, the passphrase is asked for, there and once.
    pub fn at(path: &Path, from: Option<&PassphraseFrom>) -> Result<RootFile, Failure> {
        let sealed = fs::read_to_string(path).is_ok_and(|text| root_file::is_sealed(&text));
        let passphrase = sealed.then(|| Passphrase::of(from, path)).transpose()?;
        Ok(RootFile { path: path.to_owned(), passphrase })
    }

    pub fn is_sealed(&self) -> bool {
        self.passphrase.is_some()
    }

    pub fn load(&self) -> Result<RootKey, Failure> {
        load(&self.path, self.passphrase.as_ref())
    }

    /// Writes a root as this one is written: in the clear, or under the same passphrase.
    fn write(&self, path: &Path, root: &RootKey, outside: &Outside) -> Result<(), Failure> {
        write(path, root, self.passphrase.as_ref(), outside)
    }
}

/// Makes a new root key at `path`; refuses where anything is there already.
pub fn make(path: &Path, passphrase: Option<&Passphrase>, outside: &Outside) -> Result<(), Failure> {
    write(path, &RootKey::generate(outside), passphrase, outside)
}

/// Writes this root key to `path`; refuses where anything is there already.
pub fn write(path: &Path, root: &RootKey, passphrase: Option<&Passphrase>, outside: &Outside) -> Result<(), Failure> {
    let text = match passphrase {
        None => root_file::plain(root),
        Some(passphrase) => Zeroizing::new(
            root_file::seal(root, passphrase.reveal(), outside).map_err(|error| not_a_root(path, error))?,
        ),
    };
    let suffix = format!("{}.new", hex::encode(outside.random::<8>()));
    files::make_synced(path, text.as_bytes(), PRIVATE_FILE, &suffix).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            let why = format!(
                "`{}` exists already, and a root key is never overwritten: choose another name",
                path.display()
            );
            Failure::new(Exit::RootKey, why)
        }
        _ => Failure::io(Exit::RootKey, "write the root key", path, &error),
    })
}

/// Reads the root key, refusing one that others can read or that is not one.
pub fn load(path: &Path, passphrase: Option<&Passphrase>) -> Result<RootKey, Failure> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| Failure::io(Exit::RootKey, "read the root key", path, &error);
    let about = fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() || about.len() > FILE_BYTES_MAX {
        return Err(not_a_root(path, NoRoot::Malformed));
    }
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Failure::new(
            Exit::RootKey,
            format!(
                "the root key `{shown}` is open to others (mode {mode:o}): run `chmod 600 {shown}`, and if others could have read it, treat it as known"
            ),
        ));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => not_a_root(path, NoRoot::Malformed),
        _ => unreadable(error),
    })?);
    root_file::open(&text, passphrase.map(Passphrase::reveal)).map_err(|error| not_a_root(path, error))
}

fn not_a_root(path: &Path, error: NoRoot) -> Failure {
    let shown = path.display();
    let why = match error {
        NoRoot::Malformed => format!(
            "the root key `{shown}` is not 64 hexadecimal digits, nor sealed under a passphrase: put back the file this Entente was started with"
        ),
        NoRoot::WrongPassphrase => {
            format!("the root key `{shown}` does not open: {error}; nothing was changed, so try again")
        }
        error => format!("the root key `{shown}` does not open: {error}"),
    };
    Failure::new(Exit::RootKey, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::tests::scratch;

    #[tokio::test]
    async fn a_root_key_is_read_back_and_a_bad_one_is_refused() {
        let dir = scratch("root");
        let path = dir.join("root.key");
        make(&path, None, &crate::outside::real(tokio::runtime::Handle::current())).unwrap();
        load(&path, None).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        assert_eq!(good.len(), 65);

        let write = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let table = [
            (&*good, 0o644, "chmod 600"),
            (&*good, 0o640, "chmod 600"),
            ("", 0o600, "not 64 hexadecimal"),
            (&good[..63], 0o600, "not 64 hexadecimal"),
            (&*good.replace(|_| true, "z"), 0o600, "not 64 hexadecimal"),
            (&*good.repeat(9), 0o600, "not 64 hexadecimal"),
        ];
        for (text, mode, says) in table {
            write(text, mode);
            let refused = load(&path, None).err().unwrap();
            assert_eq!(refused.exit, Exit::RootKey);
            assert!(refused.to_string().contains(says), "{refused}");
            assert!(text.is_empty() || !refused.to_string().contains(text.trim()), "the message repeats the key");
        }
        fs::remove_dir_all(dir).unwrap();
    }
}
