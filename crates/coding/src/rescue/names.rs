//! Keys as file names. Keys are any text; paths are not. Every key gets a path of its own below its
//! bucket's folder, no path leads out of it, and plain keys look as they are.
//!
//! `%` begins what is not plain: `%25` and the like for a byte that cannot stand for itself, `%`
//! alone for an empty component, `%-` where a long component goes on in a folder below, and `%=` at
//! the end of an object that is also a folder of others. No key gives these by itself, for its own
//! `%` becomes `%25`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use model::{Bucket, BucketId, ObjectKey};

/// Bytes of one component at most; file systems allow 255, and marks need room.
const COMPONENT_MAX: usize = 200;

/// The path of a key below its bucket's folder.
pub fn path_of<V>(key: &ObjectKey, keys: &BTreeMap<ObjectKey, V>) -> PathBuf {
    let mut path = PathBuf::new();
    for component in key.as_str().split('/') {
        path.extend(escape(component));
    }
    if is_folder(key, keys) {
        let mut name = path.file_name().map(ToOwned::to_owned).unwrap_or_default();
        name.push("%=");
        path.set_file_name(name);
    }
    path
}

/// Whether another key lies below this one.
fn is_folder<V>(key: &ObjectKey, keys: &BTreeMap<ObjectKey, V>) -> bool {
    let below = format!("{key}/");
    // A key of full length has nothing below it.
    let Ok(first) = ObjectKey::parse(&below) else { return false };
    keys.range(first..).next().is_some_and(|(next, _)| next.as_str().starts_with(&below))
}

/// A component of a key as one file name, or several if it is long.
fn escape(component: &str) -> Vec<String> {
    if component.is_empty() {
        return vec!["%".to_owned()];
    }
    let dots = matches!(component, "." | "..");
    let mut names = vec![String::new()];
    for (at, letter) in component.char_indices() {
        let mut token = String::new();
        if letter == '%' || letter.is_ascii_control() || (dots && at == 0) {
            // Writing into memory cannot fail.
            let _ = write!(token, "%{:02x}", u32::from(letter));
        } else {
            token.push(letter);
        }
        match names.last_mut() {
            Some(name) if name.len() + token.len() <= COMPONENT_MAX => name.push_str(&token),
            Some(name) => {
                name.push_str("%-");
                names.push(token);
            }
            None => {}
        }
    }
    names
}

/// The folder of a bucket: its name; with its id behind it where another bucket has the same name,
/// and just the id where the name is lost.
pub fn folder_of(bucket: BucketId, buckets: &BTreeMap<BucketId, Bucket>) -> String {
    let Some(found) = buckets.get(&bucket) else { return format!("%{bucket}") };
    let alike = buckets.values().filter(|other| other.name == found.name).count();
    if alike > 1 { format!("{}%{bucket}", found.name) } else { found.name.to_string() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    fn paths(keys: &[&str]) -> Vec<String> {
        let keys: BTreeMap<ObjectKey, ()> = keys.iter().map(|key| (ObjectKey::parse(key).unwrap(), ())).collect();
        keys.keys().map(|key| path_of(key, &keys).to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn plain_keys_look_as_they_are() {
        assert_eq!(paths(&["a", "b/c.txt", "b/d e", "ключ/.hidden"]), ["a", "b/c.txt", "b/d e", "ключ/.hidden"]);
    }

    #[test]
    fn what_is_no_path_is_spelled_out() {
        for (key, path) in [
            ("..", "%2e."),
            (".", "%2e"),
            ("../x", "%2e./x"),
            ("/etc/passwd", "%/etc/passwd"),
            ("a//b", "a/%/b"),
            ("a/", "a/%"),
            ("100%", "100%25"),
            ("a\0b\n", "a%00b%0a"),
            ("%2e%2e", "%252e%252e"),
        ] {
            assert_eq!(paths(&[key]), [path], "`{key}`");
        }
    }

    #[test]
    fn an_object_that_is_also_a_folder_is_marked() {
        assert_eq!(paths(&["a", "a-b", "a/b", "a/b/", "a/b/c"]), ["a%=", "a-b", "a/b%=", "a/b/%", "a/b/c"]);
    }

    #[test]
    fn long_components_go_on_below() {
        let long = "x".repeat(450);
        let part = "x".repeat(200);
        assert_eq!(paths(&[&long]), [format!("{part}%-/{part}%-/{}", "x".repeat(50))]);
    }

    proptest! {
        #[test]
        fn no_two_keys_share_a_path_and_none_leads_out(
            texts in prop::collection::btree_set("[a/.%=\\-\u{0}é]{1,12}|[a/]{1,4}|(x{190,210}/?){1,3}", 1..30),
        ) {
            let keys: BTreeMap<ObjectKey, ()> =
                texts.iter().map(|text| (ObjectKey::parse(text).unwrap(), ())).collect();
            let paths: BTreeSet<PathBuf> = keys.keys().map(|key| path_of(key, &keys)).collect();
            prop_assert_eq!(paths.len(), keys.len());
            for path in &paths {
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(name) if name.len() <= 255)));
                prop_assert!(path.ancestors().skip(1).all(|folder| folder == Path::new("") || !paths.contains(folder)));
            }
        }
    }
}
