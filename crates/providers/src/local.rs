//! A site on the owner's own disks: objects are files below a root directory, names are paths.
//!
//! A put counts only when the file, its directory and every directory on the way there are synced.
//! The root itself is never created here, and once its marker was seen a root without it is
//! `Unavailable`: a disk that was torn away must not come back as an empty one.

mod folder;
mod list;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use model::Outside;
use tokio::sync::{Semaphore, oneshot};

use self::folder::Folders;
use crate::marker;
use crate::name::{check_name, check_prefix};
use crate::store::{Entry, Error, ErrorKind, Store};

/// Requests that one disk works on at a time; further ones wait. A job on a disk that hangs holds its
/// thread until the disk answers, if ever, whoever gave up on it; without a bound one such disk takes
/// every thread there is for blocking work, and all other work with it. 48 are more than a disk does
/// side by side, and leave most of a pool of some hundreds to others.
const SLOTS: usize = 48;

/// One directory as a site.
pub struct LocalStore {
    disk: Arc<Disk>,
    slots: Arc<Semaphore>,
    outside: Outside,
}

/// The blocking half.
struct Disk {
    root: PathBuf,
    /// Its marker was seen, so a root without one is not this site.
    claimed: AtomicBool,
    folders: Folders,
}

impl LocalStore {
    /// The site at `root`, which may be away right now. Touches nothing.
    pub fn open(root: PathBuf, outside: Outside) -> LocalStore {
        let folders = Folders::new(root.clone());
        let disk = Arc::new(Disk { root, claimed: AtomicBool::new(false), folders });
        LocalStore { disk, slots: Arc::new(Semaphore::new(SLOTS)), outside }
    }

    /// Runs `job` where blocking is allowed, once the disk has a slot for it. A dropped caller does not
    /// stop it, nor free its slot; one that is dropped before leaves nothing behind.
    async fn blocking<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Disk) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let given_up = || Error::new(ErrorKind::Unavailable, "the work was given up at shutdown");
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| given_up())?;
        let (answer, done) = oneshot::channel();
        let disk = Arc::clone(&self.disk);
        self.outside.blocking.spawn(Box::new(move || {
            let result = job(&disk);
            drop(slot);
            let _ = answer.send(result);
        }));
        done.await.unwrap_or_else(|_| Err(given_up()))
    }
}

#[async_trait]
impl Store for LocalStore {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        check_name(name)?;
        let name = name.to_owned();
        self.blocking(move |disk| disk.put_new(&name, &bytes)).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        check_name(name)?;
        let name = name.to_owned();
        self.blocking(move |disk| disk.get_range(&name, &range)).await
    }

    async fn head(&self, name: &str) -> Result<u64, Error> {
        check_name(name)?;
        let name = name.to_owned();
        self.blocking(move |disk| disk.head(&name)).await
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        let name = name.to_owned();
        self.blocking(move |disk| disk.delete(&name)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        check_prefix(prefix)?;
        let (prefix, after) = (prefix.to_owned(), after.unwrap_or_default().to_owned());
        self.blocking(move |disk| {
            disk.present()?;
            list::list(&disk.root, &prefix, &after, limit).map_err(|error| disk.explain(error))
        })
        .await
    }
}

impl Disk {
    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.present()?;
        let path = self.path(name);
        let file = self.create(name, &path)?;
        let stored = fill(file, bytes)
            .and_then(|()| self.folders.sync(name))
            .map_err(|error| self.explain_put(error))
            // The root may have been swapped in between: what was synced must be where we look.
            .and_then(|()| self.present());
        if stored.is_err() {
            let _ = fs::remove_file(&path);
        }
        stored
    }

    fn get_range(&self, name: &str, range: &Range<u64>) -> Result<Bytes, Error> {
        let mut file = File::open(self.path(name)).map_err(|error| self.explain(error))?;
        let length = self.file_length(file.metadata())?;
        let count = range_length(range, length)?;
        let bytes = read(&mut file, range.start, count).map_err(|error| self.explain(error))?;
        if bytes.len() < count {
            // It was long enough a moment ago, and pieces never shrink.
            return Err(Error::new(ErrorKind::Corrupt, "the file became shorter while it was read"));
        }
        Ok(bytes.into())
    }

    fn head(&self, name: &str) -> Result<u64, Error> {
        self.file_length(fs::metadata(self.path(name)))
    }

    /// Not synced: a deletion that is forgotten leaves an object nobody names, swept again later.
    fn delete(&self, name: &str) -> Result<(), Error> {
        self.present()?;
        match fs::remove_file(self.path(name)).map_err(|error| self.explain(error)) {
            Err(error) if !matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid) => Err(error),
            _ => {
                if name == marker::NAME {
                    self.claimed.store(false, Ordering::Relaxed);
                }
                Ok(())
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Whether the root is there, with its marker if it ever had one.
    fn present(&self) -> Result<(), Error> {
        match fs::symlink_metadata(self.path(marker::NAME)) {
            Ok(_) => {
                self.claimed.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(error) if is_absence(&error) => self.present_without_marker(),
            Err(error) => Err(Error::new(kind_of(&error), error)),
        }
    }

    fn present_without_marker(&self) -> Result<(), Error> {
        let root = self.root.display();
        let gone = |why: String| Err(Error::new(ErrorKind::Unavailable, why));
        match fs::metadata(&self.root) {
            Err(error) if is_absence(&error) => gone(format!("`{root}` is missing: mount it or put it back")),
            Err(error) => Err(Error::new(kind_of(&error), error)),
            Ok(data) if !data.is_dir() => gone(format!("`{root}` is not a directory: put the site's directory back")),
            Ok(_) if self.claimed.load(Ordering::Relaxed) => {
                gone(format!("`{root}` lost its marker `{}`: put the site's directory back", marker::NAME))
            }
            Ok(_) => Ok(()),
        }
    }

    /// Opens a file nobody has, making the directories below the root on the way.
    fn create(&self, name: &str, path: &Path) -> Result<File, Error> {
        let open = || OpenOptions::new().write(true).create_new(true).open(path);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.folders.make(name).and_then(|()| open()),
            other => other,
        };
        file.map_err(|error| self.explain_put(error))
    }

    /// The length of what `data` describes, if it is an object.
    fn file_length(&self, data: io::Result<fs::Metadata>) -> Result<u64, Error> {
        match data {
            Ok(data) if data.is_file() => Ok(data.len()),
            Ok(_) => Err(Error::new(ErrorKind::NotFound, "it is no file")),
            // A part of the name that is a file means that nothing lies behind it.
            Err(error) if is_absence(&error) => {
                Err(self.present().err().unwrap_or_else(|| Error::new(ErrorKind::NotFound, error)))
            }
            Err(error) => Err(Error::new(kind_of(&error), error)),
        }
    }

    /// Absence below a root that is away is the root's absence.
    fn explain(&self, error: io::Error) -> Error {
        let absence = if is_absence(&error) { self.present().err() } else { None };
        absence.unwrap_or_else(|| match error.kind() {
            io::ErrorKind::NotADirectory => Error::new(ErrorKind::NotFound, error),
            _ => Error::new(kind_of(&error), error),
        })
    }

    /// The same for puts, where nothing can be not found.
    fn explain_put(&self, error: io::Error) -> Error {
        let absence = if is_absence(&error) { self.present().err() } else { None };
        absence.unwrap_or_else(|| match error.kind() {
            io::ErrorKind::NotFound => Error::new(ErrorKind::Unavailable, error),
            io::ErrorKind::NotADirectory => Error::new(ErrorKind::Invalid, error),
            _ => Error::new(kind_of(&error), error),
        })
    }
}

/// `count` bytes from `start`, fewer only at the end; into memory that was not zeroed first.
fn read(file: &mut File, start: u64, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(count);
    file.seek(SeekFrom::Start(start))?;
    file.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn fill(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// Bytes of `range` in an object of `length`, or why that is no range of it.
pub(crate) fn range_length(range: &Range<u64>, length: u64) -> Result<usize, Error> {
    let count = range.end.checked_sub(range.start).filter(|_| range.end <= length);
    count.and_then(|count| usize::try_from(count).ok()).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("bytes {} to {} of an object of {length} bytes", range.start, range.end))
    })
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// What an errno means for the site.
fn kind_of(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    /// Out of file descriptors, in this process or on this machine: the site is not to blame.
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    match error.kind() {
        Io::NotFound | Io::IsADirectory => ErrorKind::NotFound,
        Io::AlreadyExists => ErrorKind::AlreadyExists,
        Io::StorageFull | Io::QuotaExceeded => ErrorKind::Full,
        Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::Denied,
        Io::InvalidFilename | Io::InvalidInput | Io::FileTooLarge => ErrorKind::Invalid,
        Io::OutOfMemory => ErrorKind::Throttled,
        _ if matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) => ErrorKind::Throttled,
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod slots;
#[cfg(test)]
mod synced;
#[cfg(test)]
mod tests;
