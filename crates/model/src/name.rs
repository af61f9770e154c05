//! Names people choose, parsed once: buckets and object keys.

use std::fmt;

/// A name that does not follow the rules, and which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadName(pub &'static str);

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadName {}

/// A bucket's name by the S3 rules for general purpose buckets: 3 to 63 of `a-z0-9.-`, beginning
/// and ending with a letter or digit, no two dots together, not formatted like an IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketName(String);

impl BucketName {
    pub fn parse(text: &str) -> Result<BucketName, BadName> {
        let bytes = text.as_bytes();
        if !(3..=63).contains(&bytes.len()) {
            return Err(BadName("a bucket name has 3 to 63 characters"));
        }
        let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !bytes.iter().all(|byte| plain(byte) || matches!(byte, b'.' | b'-')) {
            return Err(BadName("a bucket name has only lower-case letters, digits, dots and hyphens"));
        }
        if !bytes.first().is_some_and(plain) || !bytes.last().is_some_and(plain) {
            return Err(BadName("a bucket name begins and ends with a letter or digit"));
        }
        if text.contains("..") {
            return Err(BadName("a bucket name has no two dots together"));
        }
        if text.parse::<std::net::Ipv4Addr>().is_ok() {
            return Err(BadName("a bucket name does not look like an IP address"));
        }
        Ok(BucketName(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An object's key: 1 to 1,024 bytes of UTF-8, ordered by its bytes. It is never a path: `..`, `//`
/// and `%2e` are characters like any other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// The limit S3 documents.
    pub const BYTES_MAX: usize = 1024;

    pub fn parse(text: &str) -> Result<ObjectKey, BadName> {
        match text.len() {
            0 => Err(BadName("an object key is not empty")),
            1..=Self::BYTES_MAX => Ok(ObjectKey(text.to_owned())),
            _ => Err(BadName("an object key has at most 1024 bytes")),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_follow_the_s3_rules() {
        for good in ["abc", "a.b-c", "0aa", &"a".repeat(63)] {
            assert!(BucketName::parse(good).is_ok(), "`{good}`");
        }
        for bad in ["", "ab", "Abc", "a_b", "-ab", "ab.", "a..b", "10.0.0.1", "../x", &"a".repeat(64)] {
            assert!(BucketName::parse(bad).is_err(), "`{bad}`");
        }
    }

    #[test]
    fn keys_are_opaque_but_bounded() {
        for good in ["a", "../..", "//", "%2e", "ключ", &"k".repeat(1024)] {
            assert!(ObjectKey::parse(good).is_ok(), "`{good}`");
        }
        for bad in ["", &"k".repeat(1025)] {
            assert!(ObjectKey::parse(bad).is_err());
        }
    }
}
