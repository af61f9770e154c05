//! What a store accepts as a name, the same at every site: what one adapter takes, all take.

use crate::store::{Error, ErrorKind};

/// Bytes of a whole name: the least any vendor documents.
pub const NAME_BYTES_MAX: usize = 1024;
/// Bytes between two slashes: what file systems take.
pub const PART_BYTES_MAX: usize = 255;

/// Refuses names that are not parts of printable ASCII joined by single slashes, or that a file
/// system would read as a way out.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let good = name.len() <= NAME_BYTES_MAX && name.split('/').all(is_part);
    good.then_some(()).ok_or_else(|| invalid(name))
}

/// The same for the beginning of a name: only its last part may be unfinished or empty.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), Error> {
    let (folder, last) = split_folder(prefix);
    let folder_good = folder.strip_suffix('/').is_none_or(|folder| folder.split('/').all(is_part));
    let good = prefix.len() <= NAME_BYTES_MAX && folder_good && is_text(last);
    good.then_some(()).ok_or_else(|| invalid(prefix))
}

/// A name or prefix as the folder it lies in, slash included, and the rest.
pub(crate) fn split_folder(name: &str) -> (&str, &str) {
    name.split_at(name.rfind('/').map_or(0, |slash| slash + 1))
}

/// Whether a name is wanted by a listing, or a folder (with its slash) may hold one that is.
pub(crate) fn matters(found: &str, prefix: &str, after: &str) -> bool {
    if found.ends_with('/') {
        (found.starts_with(prefix) || prefix.starts_with(found)) && (found > after || after.starts_with(found))
    } else {
        found.starts_with(prefix) && found > after
    }
}

/// Whether this can stand between two slashes.
pub(crate) fn is_part(part: &str) -> bool {
    !matches!(part, "" | "." | "..") && is_text(part)
}

fn is_text(part: &str) -> bool {
    part.len() <= PART_BYTES_MAX && part.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn invalid(name: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("`{}` is no name a site can store", name.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_the_root() {
        let long = "a".repeat(255);
        for good in
            ["a", "a/b", ".a", "a..b/c", "...", " a", &long, &format!("{long}/{long}/{long}/{}", "a".repeat(256 - 1))]
        {
            assert!(check_name(good).is_ok(), "`{good}`");
        }
        for bad in
            ["", "/", "/a", "a/", "a//b", ".", "..", "a/./b", "a/../b", "../a", "a\0", "a\nb", "ä", &"a".repeat(256)]
        {
            assert!(check_name(bad).is_err(), "`{bad}`");
        }
        assert!(check_name(&["a"; 513].join("/")).is_err(), "1025 bytes");
    }

    #[test]
    fn prefixes_may_end_anywhere() {
        for good in ["", "a", "a/", "a/b", "a/.", ".", ".."] {
            assert!(check_prefix(good).is_ok(), "`{good}`");
        }
        for bad in ["/", "a//", "../", "a/../b", "./a", "a\n", "ä/"] {
            assert!(check_prefix(bad).is_err(), "`{bad}`");
        }
    }
}
