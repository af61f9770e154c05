//! The root key's file: 64 hexadecimal digits and a line end, readable by its owner alone.
//!
//! Without it nothing stored can be read again, so it is on disk before anything is wrapped under
//! it, and a start that should find one never makes another.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use coding::keys::RootKey;
use model::Outside;
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};
use crate::files::{self, PRIVATE_FILE};

/// 64 digits, a line end, and room for an editor that added another.
const FILE_BYTES_MAX: u64 = 80;

/// Makes a new root key at `path`; refuses where anything is there already.
pub fn make(path: &Path, outside: &Outside) -> Result<(), Failure> {
    let digits = Zeroizing::new(hex::encode(RootKey::generate(outside).expose()));
    let text = Zeroizing::new(format!("{}\n", *digits));
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
pub fn load(path: &Path) -> Result<RootKey, Failure> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| Failure::io(Exit::RootKey, "read the root key", path, &error);
    let about = fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() || about.len() > FILE_BYTES_MAX {
        return Err(malformed(path));
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
        std::io::ErrorKind::InvalidData => malformed(path),
        _ => unreadable(error),
    })?);
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).map_err(|_| malformed(path))?;
    Ok(RootKey::from_bytes(*bytes))
}

fn malformed(path: &Path) -> Failure {
    let shown = path.display();
    let why =
        format!("the root key `{shown}` is not 64 hexadecimal digits: put back the file this Entente was started with");
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
        make(&path, &crate::outside::real(tokio::runtime::Handle::current())).unwrap();
        load(&path).unwrap();
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
            (&*good.repeat(2), 0o600, "not 64 hexadecimal"),
        ];
        for (text, mode, says) in table {
            write(text, mode);
            let refused = load(&path).err().unwrap();
            assert_eq!(refused.exit, Exit::RootKey);
            assert!(refused.to_string().contains(says), "{refused}");
            assert!(text.is_empty() || !refused.to_string().contains(text.trim()), "the message repeats the key");
        }
        fs::remove_dir_all(dir).unwrap();
    }
}
