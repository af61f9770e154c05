//! Listing a tree of files in the byte order of their whole names.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use crate::name::{is_part, matters, split_folder};
use crate::store::Entry;

/// What file systems put at their root.
const FIXTURE: &str = "lost+found";

/// A name found and not yet looked into; a folder's ends with a slash, so that sorting these sorts
/// everything below them: no file's name can lie between `a/` and what begins with it.
type Found = String;

/// Up to `limit` files whose names begin with `prefix` and sort behind `after`.
pub(super) fn list(root: &Path, prefix: &str, after: &str, limit: usize) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let (folder, _) = split_folder(prefix);
    // The next in order is the last.
    let mut ahead: Vec<Found> = vec![folder.to_owned()];
    while entries.len() < limit
        && let Some(next) = ahead.pop()
    {
        if next.is_empty() || next.ends_with('/') {
            ahead.extend(read_folder(root, &next, |found| matters(found, prefix, after))?);
        } else if let Some(size) = size_of(&root.join(&next))? {
            entries.push(Entry { name: next, size });
        }
    }
    Ok(entries)
}

/// What lies in a folder and matters, in falling order. A folder that is not there is empty.
fn read_folder(root: &Path, folder: &str, matters: impl Fn(&str) -> bool) -> io::Result<Vec<Found>> {
    let entries = match fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        found.extend(name_of(folder, &entry?)?.filter(|name| matters(name)));
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// The whole name of a directory entry, if a store could have given it.
fn name_of(folder: &str, entry: &DirEntry) -> io::Result<Option<Found>> {
    let own = entry.file_name();
    let Some(own) = own.to_str().filter(|own| is_part(own)) else { return Ok(None) };
    let kind = entry.file_type()?;
    Ok(if kind.is_file() {
        Some(format!("{folder}{own}"))
    } else if kind.is_dir() && !(folder.is_empty() && own == FIXTURE) {
        Some(format!("{folder}{own}/"))
    } else {
        None
    })
}

/// The file's size, unless it was deleted meanwhile.
fn size_of(path: &Path) -> io::Result<Option<u64>> {
    match fs::symlink_metadata(path) {
        Ok(data) => Ok(Some(data.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
