//! A backup as a file: what is in it, how it is written and put back.
//!
//! It holds the catalog and the configuration, sealed under the root key, and not the root key. What the
//! sites hold is not in it: the start that follows a restore catches up from them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use coding::backup::{self, Error};
use coding::keys::RootKey;
use engine::fingerprint;
use model::{EnclaveId, Outside, RootFingerprint, Timestamp};
use serde::{Deserialize, Serialize};

use crate::api::rfc3339;
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure, chain};
use crate::files::{self, PRIVATE_FILE};

/// Where the configuration of a backup is put: beside the catalog, for people.
pub const RESTORED_CONFIG: &str = "entente.toml.restored";
const BUFFER: usize = 1 << 20;

/// What is to be backed up.
pub struct Source<'a> {
    pub enclave: EnclaveId,
    pub root: RootFingerprint,
    pub made: Timestamp,
    /// A copy that nobody writes to.
    pub catalog: &'a Path,
    pub config: Option<&'a Path>,
}

/// What anybody can read of a backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub enclave: String,
    /// Fingerprint of the root key that opens it.
    pub root: String,
    /// RFC 3339.
    pub made: String,
    /// Of the Entente that wrote it.
    pub version: String,
    /// In the order in which they are sealed.
    pub catalog_bytes: u64,
    pub config_bytes: u64,
}

impl Manifest {
    pub fn bytes(&self) -> u64 {
        self.catalog_bytes + self.config_bytes
    }
}

/// Writes it to a file that is not there yet; returns the BLAKE3 of it.
pub fn write(
    source: &Source<'_>,
    root: &RootKey,
    to: &Path,
    outside: &Outside,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<[u8; 32], Failure> {
    let read = |path: &Path, error: &io::Error| Failure::io(Exit::Storage, "read", path, error);
    let catalog = File::open(source.catalog).map_err(|error| read(source.catalog, &error))?;
    let config = match source.config {
        Some(path) => fs::read(path).map_err(|error| read(path, &error))?,
        None => Vec::new(),
    };
    let manifest = Manifest {
        enclave: source.enclave.to_string(),
        root: hex::encode(source.root.0),
        made: rfc3339(source.made),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        catalog_bytes: catalog.metadata().map_err(|error| read(source.catalog, &error))?.len(),
        config_bytes: config.len() as u64,
    };
    let bytes = manifest.bytes();
    let text = serde_json::to_vec(&manifest).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;

    let part = beside(to, "part");
    let unwritable = |error: &io::Error| Failure::io(Exit::Storage, "write the backup", &part, error);
    let made = OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(&part);
    let mut out = Hashed::new(made.map_err(|error| unwritable(&error))?);
    let mut plain = BufReader::with_capacity(BUFFER, catalog).chain(config.as_slice());
    let mut told = |done| progress(done, bytes);
    let sealed = backup::seal(root, &text, bytes, &mut plain, &mut out, outside, &mut told);
    let finished = sealed.map_err(|error| failed(&part, &error)).and_then(|()| {
        let digest = out.finish().map_err(|error| unwritable(&error))?;
        // Unlike a rename, a link never replaces.
        fs::hard_link(&part, to).map_err(|error| Failure::io(Exit::Storage, "write the backup", to, &error))?;
        Ok(digest)
    });
    let removed = fs::remove_file(&part).and_then(|()| files::sync_parent(to));
    let digest = finished?;
    removed.map_err(|error| unwritable(&error))?;
    Ok(digest)
}

/// What the file says of itself.
pub fn look(path: &Path) -> Result<Manifest, Failure> {
    open(path).map(|(manifest, _, _)| manifest)
}

fn open(path: &Path) -> Result<(Manifest, Vec<u8>, BufReader<File>), Failure> {
    let file = File::open(path).map_err(|error| Failure::io(Exit::Storage, "read the backup", path, &error))?;
    let mut from = BufReader::with_capacity(BUFFER, file);
    let text = backup::manifest(&mut from).map_err(|error| failed(path, &error))?;
    let manifest = serde_json::from_slice(&text).map_err(|_| failed(path, &Error::Damaged))?;
    Ok((manifest, text, from))
}

/// Puts the backup into the data directory, which holds no catalog.
pub fn restore(path: &Path, root: &RootKey, dir: &DataDir, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Failure> {
    let (manifest, text, mut from) = open(path)?;
    let wrong = || {
        let why = format!(
            "`{}` was made under another root key than the one given: a backup opens under the root key of its time, and after a label was shredded those from before open no more",
            path.display()
        );
        Failure::new(Exit::RootKey, why)
    };
    let enclave = manifest.enclave.parse::<EnclaveId>().ok();
    let enclave = enclave.ok_or_else(|| failed(path, &Error::Damaged))?;
    if hex::encode(fingerprint(root, enclave).0) != manifest.root {
        return Err(wrong());
    }
    let (catalog, config) = (beside(&dir.catalog(), "part"), dir.path().join(RESTORED_CONFIG));
    let unwritable = |error: &io::Error| Failure::io(Exit::Storage, "write", &catalog, error);
    let mut out = Split::new(&catalog, manifest.catalog_bytes).map_err(|error| unwritable(&error))?;
    let bytes = manifest.bytes();
    let mut told = |done| progress(done, bytes);
    let opened = backup::open(root, &text, bytes, &mut from, &mut out, &mut told);
    let restored = opened.map_err(|error| failed(path, &error)).and_then(|()| {
        let rest = out.finish().map_err(|error| unwritable(&error))?;
        if !rest.is_empty() {
            files::write_synced(&config, &rest, PRIVATE_FILE).map_err(|error| unwritable(&error))?;
        }
        fs::rename(&catalog, dir.catalog()).map_err(|error| unwritable(&error))?;
        files::sync_parent(&dir.catalog()).map_err(|error| unwritable(&error))
    });
    if restored.is_err() {
        let _ = fs::remove_file(&catalog);
    }
    restored
}

fn failed(path: &Path, error: &Error) -> Failure {
    let exit = if matches!(error, Error::WrongRoot) { Exit::RootKey } else { Exit::Storage };
    Failure::new(exit, format!("the backup `{}`: {}", path.display(), chain(error)))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// A file that is digested as it is written.
struct Hashed {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
}

impl Hashed {
    fn new(file: File) -> Hashed {
        Hashed { file: BufWriter::with_capacity(BUFFER, file), hasher: blake3::Hasher::new() }
    }

    fn finish(mut self) -> io::Result<[u8; 32]> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok(self.hasher.finalize().into())
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The first bytes into a file, the rest into memory.
struct Split {
    file: BufWriter<File>,
    left: u64,
    rest: Vec<u8>,
}

impl Split {
    fn new(path: &Path, first: u64) -> io::Result<Split> {
        files::remove_if_there(path)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(path)?;
        Ok(Split { file: BufWriter::with_capacity(BUFFER, file), left: first, rest: Vec::new() })
    }

    fn finish(mut self) -> io::Result<Vec<u8>> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok(self.rest)
    }
}

impl Write for Split {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let first = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let (file, rest) = bytes.split_at(first);
        self.file.write_all(file)?;
        self.rest.extend_from_slice(rest);
        self.left -= first as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
