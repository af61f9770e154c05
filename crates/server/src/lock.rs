//! One process per data directory.
//!
//! The lock is the kernel's, on an open file: it ends with its process, however that ends. The pid
//! inside is for people and never decides.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::thread;
use std::time::Duration;

use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure};
use crate::files::{self, PRIVATE_FILE};

/// Holds the data directory until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Is a process using the data directory?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    Nobody,
    /// The pid it wrote, if it got that far.
    Process(Option<String>),
}

/// Other subcommands look at the lock for an instant ([`holder`]); a start that meets one of them
/// tries again this often before it believes that the directory is in use.
const ATTEMPTS: u32 = 10;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// Takes the data directory, or says who has it.
pub fn take(dir: &DataDir) -> Result<Lock, Failure> {
    let path = dir.lock();
    let broken = |error: &std::io::Error| Failure::io(Exit::Storage, "lock the data directory with", &path, error);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(PRIVATE_FILE)
        .open(&path)
        .map_err(|error| broken(&error))?;
    for attempt in 1.. {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if attempt < ATTEMPTS => thread::sleep(BETWEEN_ATTEMPTS),
            Err(TryLockError::WouldBlock) => return Err(busy(dir)),
            Err(TryLockError::Error(error)) => return Err(broken(&error)),
        }
    }
    let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(|error| broken(&error))?;
    Ok(Lock { _file: file })
}

/// Looks who has the data directory, without taking it.
pub fn holder(dir: &DataDir) -> Holder {
    let Ok(file) = File::open(dir.lock()) else { return Holder::Nobody };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Holder::Process(written_pid(dir)),
        _ => Holder::Nobody,
    }
}

fn busy(dir: &DataDir) -> Failure {
    let who = written_pid(dir).map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
    let place = dir.path().display();
    Failure::new(
        Exit::Busy,
        format!("{who} already runs on the data directory `{place}`: stop it first, or choose another --data-dir"),
    )
}

fn written_pid(dir: &DataDir) -> Option<String> {
    let text = files::read_if_there(&dir.lock()).ok().flatten()?;
    let pid = text.trim();
    (!pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit())).then(|| pid.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::tests::scratch;

    #[test]
    fn the_second_taker_is_told_the_pid_of_the_first() {
        let dir = DataDir::at(scratch("lock"));
        assert_eq!(holder(&dir), Holder::Nobody);
        let held = take(&dir).unwrap();
        let refused = take(&dir).unwrap_err();
        assert_eq!(refused.exit, Exit::Busy);
        assert!(refused.to_string().contains(&format!("process {} ", std::process::id())), "{refused}");
        assert_eq!(holder(&dir), Holder::Process(Some(std::process::id().to_string())));
        drop(held);
        assert_eq!(holder(&dir), Holder::Nobody);
        take(&dir).unwrap();
        std::fs::remove_dir_all(dir.path()).unwrap();
    }
}
