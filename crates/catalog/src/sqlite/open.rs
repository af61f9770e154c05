//! Making, opening and checking the database file. An existing file is never deleted, emptied or
//! made anew: whatever is wrong with it is for a person to decide.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::schema;
use crate::error::Error;

/// Files below this are checked in full when they are opened; checking larger ones would hold up
/// the start, and what is wrong with them shows when it is met.
const CHECKED_BYTES_MAX: u64 = 256 << 20;

/// Another process (a backup, a shell) may hold a lock for a moment.
const BUSY: Duration = Duration::from_secs(5);

/// Prepared statements kept per connection: all there are.
const STATEMENTS: usize = 192;

/// Pages in the log before they are copied into the database, which takes syncs of its own. A lone
/// put of 4 KiB logs about 25 pages from decide to show, a full batch of bodies above 2,048: so
/// most commits pay for themselves only, and the log stays near 16 MiB.
const CHECKPOINT_PAGES: u32 = 4_000;
/// Bytes of the log that stay on the disk once they are copied.
const LOG_KEPT: u32 = 64 << 20;

/// Only its owner may read or write: it names every object and holds every access key.
const PRIVATE: u32 = 0o600;

/// Opens the database at `path` for writing; makes one if there is none.
pub fn writer(path: &Path) -> Result<Connection, Error> {
    match fs::metadata(path) {
        Ok(found) => {
            check_length(path, found.len())?;
            close_to_others(path)?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => create(path)?,
        Err(error) => return Err(unavailable(path, &error)),
    }
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    check_identity(&connection, path)?;
    // From here on the log is read too.
    configure(&connection)?;
    check_pages(&connection, path)?;
    schema::migrate(&connection)?;
    Ok(connection)
}

/// Opens a database that [`writer`] opened before, here or in another process, for reading only.
pub fn reader(path: &Path) -> Result<Connection, Error> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "cache_size", -1_024)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Opens a catalog to look into it: whatever is found, file and log stay as they are.
pub fn looker(path: &Path) -> Result<Connection, Error> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    check_application(&connection, path)?;
    Ok(connection)
}

/// Opens a catalog that nobody has open, to look into it: not even a log is made beside it.
pub fn at_rest(path: &Path) -> Result<Connection, Error> {
    let name = path.to_str().ok_or_else(|| Error::Unavailable(format!("`{}` is no name for it", path.display())))?;
    let escaped = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let mode = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = open(Path::new(&format!("file:{escaped}?immutable=1")), mode)?;
    check_application(&connection, path)?;
    Ok(connection)
}

/// Whether its log lies beside a database: somebody has it open, or did not close it.
pub fn has_log(path: &Path) -> bool {
    beside(path, "-wal").exists()
}

/// Opens the database `name` of another file layer for everything, and makes one if there is none. Alone
/// with it, SQLite keeps the index of its log in memory of its own.
pub fn on(vfs: &str, name: &str) -> Result<Connection, Error> {
    let mode = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags_and_vfs(name, mode, vfs)?;
    keep_statements(&connection)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    configure(&connection)?;
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(Error::Damaged(format!("`{name}`: {found}")));
    }
    schema::migrate(&connection)?;
    Ok(connection)
}

/// An empty database that lives as long as its connection.
pub fn memory() -> Result<Connection, Error> {
    let connection = Connection::open_in_memory()?;
    keep_statements(&connection)?;
    schema::migrate(&connection)?;
    Ok(connection)
}

/// Writes the database as it is now, without what was deleted, into a new file.
pub fn save(connection: &Connection, path: &Path) -> Result<(), Error> {
    let made = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path);
    made.map_err(|error| unavailable(path, &error))?;
    let name = path.to_str().ok_or_else(|| Error::Unavailable(format!("`{}` is no name for it", path.display())))?;
    // It cannot be a part of the transaction a read runs in.
    let within = !connection.is_autocommit();
    if within {
        connection.execute_batch("COMMIT")?;
    }
    let saved = connection.execute("VACUUM INTO ?", [name]);
    if within {
        connection.execute_batch("BEGIN DEFERRED")?;
    }
    saved?;
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| unavailable(path, &error))
}

/// Statements are prepared once. Without the second setting SQLite lets the values bound to some of
/// them choose the plan, and prepares those anew each time they are bound.
fn keep_statements(connection: &Connection) -> Result<(), Error> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn open(path: &Path, mode: OpenFlags) -> Result<Connection, Error> {
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    keep_statements(&connection)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), Error> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Every commit syncs the log before it is answered.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    // What a long read kept from being folded in is given back to the disk.
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
    // In KiB: the hot pages fit, and an idle process stays small.
    connection.pragma_update(None, "cache_size", -4_096)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

/// Builds the database under another name and moves it into place whole, so that a file at `path`
/// has always been a catalog: an empty one was cut, not just begun.
fn create(path: &Path) -> Result<(), Error> {
    let log = beside(path, "-wal");
    if log.exists() {
        return Err(Error::Damaged(format!("`{}` is there without its database", log.display())));
    }
    let unfinished = beside(path, ".new");
    for suffix in ["", "-journal", "-wal", "-shm"] {
        // Left by a start that ended here before anything was stored in it.
        remove(&beside(&unfinished, suffix))?;
    }
    // SQLite gives a log the permissions of its database.
    let made = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&unfinished);
    made.map_err(|error| unavailable(&unfinished, &error))?;
    let connection = open(&unfinished, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    schema::migrate(&connection)?;
    connection.close().map_err(|(_, error)| error)?;
    fs::rename(&unfinished, path).map_err(|error| unavailable(path, &error))?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(|error| unavailable(directory, &error))
}

/// A database that was copied into place, and its log, may be open to others.
fn close_to_others(path: &Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm"] {
        let path = beside(path, suffix);
        let Ok(found) = fs::metadata(&path) else { continue };
        if found.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(&path, fs::Permissions::from_mode(PRIVATE))
                .map_err(|error| unavailable(&path, &error))?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(unavailable(path, &error)),
        _ => Ok(()),
    }
}

fn check_length(path: &Path, length: u64) -> Result<(), Error> {
    if length == 0 {
        return Err(Error::Damaged(format!("`{}` is empty", path.display())));
    }
    Ok(())
}

fn check_application(connection: &Connection, path: &Path) -> Result<(), Error> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id == schema::APPLICATION_ID {
        return Ok(());
    }
    Err(Error::Damaged(format!("`{}` is a database, but not a catalog", path.display())))
}

fn check_identity(connection: &Connection, path: &Path) -> Result<(), Error> {
    check_application(connection, path)?;
    if connection.is_readonly("main")? {
        return Err(Error::Unavailable(format!("`{}` cannot be written to: change its permissions", path.display())));
    }
    Ok(())
}

fn check_pages(connection: &Connection, path: &Path) -> Result<(), Error> {
    let length = fs::metadata(path).map_err(|error| unavailable(path, &error))?.len();
    if length >= CHECKED_BYTES_MAX {
        return Ok(());
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(Error::Damaged(format!("`{}`: {found}", path.display())));
    }
    Ok(())
}

/// Bytes of the log beside the database.
pub fn log_length(path: &Path) -> u64 {
    fs::metadata(beside(path, "-wal")).map_or(0, |found| found.len())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn unavailable(path: &Path, error: &std::io::Error) -> Error {
    Error::Unavailable(format!("`{}`: {error}", path.display()))
}
