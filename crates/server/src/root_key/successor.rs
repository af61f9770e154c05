//! One root after another: the new one lies beside the old until the enclave is under it, then the old one
//! is destroyed.
//!
//! ```text
//! root.key          ─► root.key, root.key.next   ─► decided, stands, shown   ─► root.key (new), root.key.old
//!    (nothing)            undone by a start            completed by a start        removed by a start
//! ```
//!
//! Which of the two files counts is not kept anywhere: it is what the newest control key is wrapped by.
//! Destroying overwrites the file and unlinks it. On flash, on file systems that copy on write, and where
//! there are snapshots or other copies, the old bytes may outlive that: what a root is worth ends when the
//! last copy of it does.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use coding::keys::RootKey;
use model::Outside;
use zeroize::Zeroizing;

use super::RootFile;
use crate::failure::{Exit, Failure};
use crate::files;

impl RootFile {
    /// The new root while there are two.
    pub fn next(&self) -> PathBuf {
        self.beside("next")
    }

    /// The old root while it is being destroyed.
    fn old(&self) -> PathBuf {
        self.beside("old")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".");
        name.push(suffix);
        name.into()
    }

    /// The new root, if there are two.
    pub fn load_next(&self) -> Result<Option<RootKey>, Failure> {
        let next = self.next();
        let there = next.try_exists().map_err(|error| Failure::io(Exit::RootKey, "look for", &next, &error))?;
        there.then(|| super::load(&next, self.passphrase.as_ref())).transpose()
    }

    /// Makes a new root beside the old one.
    pub fn make_next(&self, outside: &Outside) -> Result<RootKey, Failure> {
        let root = RootKey::generate(outside);
        self.write(&self.next(), &root, outside)?;
        Ok(root)
    }

    /// The new root wraps nothing, and goes.
    pub fn drop_next(&self) -> Result<(), Failure> {
        let next = self.next();
        destroy(&next).map_err(|error| Failure::io(Exit::RootKey, "remove the unused root key", &next, &error))
    }

    /// The new root takes the place of the old one, which is destroyed.
    pub fn promote(&self) -> Result<(), Failure> {
        let promote = || {
            match fs::hard_link(&self.path, self.old()) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            files::sync_parent(&self.path)?;
            fs::rename(self.next(), &self.path)?;
            files::sync_parent(&self.path)
        };
        promote()
            .map_err(|error| Failure::io(Exit::RootKey, "put the new root key in the place of", &self.path, &error))?;
        self.destroy_old()
    }

    /// Destroys what is left of an old root, if anything is.
    pub fn destroy_old(&self) -> Result<(), Failure> {
        let old = self.old();
        destroy(&old).map_err(|error| Failure::io(Exit::RootKey, "destroy the old root key", &old, &error))
    }

    /// Whether a new root could be kept here.
    pub fn check_writable(&self, outside: &Outside) -> Result<(), Failure> {
        let probe = self.beside(&format!("{}.probe", hex::encode(outside.random::<8>())));
        let written =
            OpenOptions::new().write(true).create_new(true).open(&probe).and_then(|_| fs::remove_file(&probe));
        written.map_err(|error| Failure::io(Exit::RootKey, "keep a new root key beside", &self.path, &error))
    }
}

/// Overwrites the file, unlinks it, and syncs both.
fn destroy(path: &std::path::Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    overwrite(&mut file)?;
    fs::remove_file(path)?;
    files::sync_parent(path)
}

fn overwrite(file: &mut File) -> io::Result<()> {
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0).min(1 << 20);
    file.write_all(&Zeroizing::new(vec![b'0'; length]))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::tests::scratch;

    #[tokio::test]
    async fn a_new_root_takes_the_place_of_the_old_one_however_often_it_is_cut_off() {
        let dir = scratch("successor");
        let outside = crate::outside::real(tokio::runtime::Handle::current());
        let path = dir.join("root.key");
        super::super::make(&path, None, &outside).unwrap();
        let file = RootFile::at(&path, None).unwrap();
        let old = file.load().unwrap();
        assert!(file.load_next().unwrap().is_none());

        file.make_next(&outside).unwrap();
        file.drop_next().unwrap();
        assert_eq!(file.load().unwrap().expose(), old.expose(), "undone");

        let new = file.make_next(&outside).unwrap();
        assert_eq!(file.load_next().unwrap().unwrap().expose(), new.expose());
        assert!(file.make_next(&outside).is_err(), "there is one already");
        // Cut off after the first step: the old one has two names.
        fs::hard_link(&path, file.old()).unwrap();
        file.promote().unwrap();
        assert_eq!(file.load().unwrap().expose(), new.expose());
        file.destroy_old().unwrap();
        let names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["root.key"]);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_is_destroyed_is_overwritten_first() {
        let dir = scratch("destroy");
        let (path, other) = (dir.join("old"), dir.join("same"));
        fs::write(&path, "secret").unwrap();
        fs::hard_link(&path, &other).unwrap();
        destroy(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read_to_string(&other).unwrap(), "000000");
        fs::remove_dir_all(dir).unwrap();
    }
}
