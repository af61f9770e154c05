//! What a request asks of a store, told from its method, path and query alone.

use http::{Method, Uri};

use crate::vendor::Speaks;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Put,
    Get,
    Head,
    Delete,
    List,
    Other,
}

impl Kind {
    pub const ALL: [Kind; 6] = [Kind::Put, Kind::Get, Kind::Head, Kind::Delete, Kind::List, Kind::Other];

    pub const fn name(self) -> &'static str {
        match self {
            Kind::Put => "put",
            Kind::Get => "get",
            Kind::Head => "head",
            Kind::Delete => "delete",
            Kind::List => "list",
            Kind::Other => "other",
        }
    }

    /// The four vendors differ little: a listing names itself in its query, or asks a bucket.
    pub fn of(method: &Method, uri: &Uri) -> Kind {
        match *method {
            Method::PUT => Kind::Put,
            Method::POST if has(uri, "delete") || has(uri, "comp=batch") => Kind::Delete,
            Method::POST => Kind::Put,
            Method::HEAD => Kind::Head,
            Method::DELETE => Kind::Delete,
            Method::GET if is_listing(uri) => Kind::List,
            // Google's JSON face answers what its XML face answers to HEAD.
            Method::GET if uri.path().starts_with("/storage/v1/") && !has(uri, "alt=media") => Kind::Head,
            Method::GET => Kind::Get,
            _ => Kind::Other,
        }
    }

    pub const fn writes(self) -> bool {
        matches!(self, Kind::Put | Kind::Delete)
    }
}

fn is_listing(uri: &Uri) -> bool {
    let names = ["list-type=", "comp=list", "prefix=", "marker=", "uploads", "versions"];
    let of_bucket = uri.path().trim_matches('/').split('/').count() == 1;
    of_bucket || uri.path().ends_with("/o") || pairs(uri).any(|pair| names.iter().any(|name| pair.starts_with(name)))
}

fn has(uri: &Uri, pair: &str) -> bool {
    pairs(uri).any(|found| found == pair)
}

fn pairs(uri: &Uri) -> impl Iterator<Item = &str> {
    uri.query().unwrap_or("").split('&').map(|pair| pair.strip_suffix('=').unwrap_or(pair))
}

/// The name a write is for, without what it lies in: a bucket, or an account and its container.
/// `None` when the body names it.
pub fn object_name(uri: &Uri, speaks: Speaks) -> Option<String> {
    let path = uri.path().trim_start_matches('/');
    match speaks {
        Speaks::S3 => path.split_once('/').map(|(_, name)| decoded(name)),
        Speaks::Azure => path.splitn(3, '/').nth(2).map(decoded),
        Speaks::Gcs => pairs(uri).find_map(|pair| pair.strip_prefix("name=")).map(decoded),
    }
}

/// `%2F` as `/`, and so on.
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let hex = more.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = more.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendors_requests_are_told_apart() {
        for (method, uri, kind) in [
            ("PUT", "/bucket/e/d/1/a", Kind::Put),
            ("GET", "/bucket/e/d/1/a", Kind::Get),
            ("GET", "/bucket?list-type=2&prefix=e", Kind::List),
            ("GET", "/bucket/?prefix=e", Kind::List),
            ("HEAD", "/bucket/a", Kind::Head),
            ("DELETE", "/bucket/a", Kind::Delete),
            ("POST", "/bucket?delete", Kind::Delete),
            ("POST", "/bucket/?delete=", Kind::Delete),
            ("GET", "/account/container?restype=container&comp=list", Kind::List),
            ("GET", "/account/container/a", Kind::Get),
            ("PUT", "/account/container/a?comp=block&blockid=1", Kind::Put),
            ("POST", "/upload/storage/v1/b/B/o?uploadType=media&name=a%2Fb", Kind::Put),
            ("GET", "/storage/v1/b/B/o?prefix=a", Kind::List),
            ("GET", "/storage/v1/b/B/o", Kind::List),
            ("GET", "/storage/v1/b/B/o/a%2Fb", Kind::Head),
            ("GET", "/storage/v1/b/B/o/a%2Fb?alt=media", Kind::Get),
            ("OPTIONS", "/", Kind::Other),
        ] {
            let told = Kind::of(&method.parse().unwrap(), &uri.parse().unwrap());
            assert_eq!(told, kind, "{method} {uri}");
        }
    }

    #[test]
    fn a_write_knows_its_name() {
        for (speaks, uri, name) in [
            (Speaks::S3, "/bucket/e/d/1/a%20b", Some("e/d/1/a b")),
            (Speaks::S3, "/bucket/100%", Some("100%")),
            (Speaks::Azure, "/account/container/e/d/1/a", Some("e/d/1/a")),
            (Speaks::Gcs, "/upload/storage/v1/b/B/o?uploadType=media&name=a%2Fb", Some("a/b")),
            (Speaks::Gcs, "/upload/storage/v1/b/B/o?uploadType=multipart", None),
        ] {
            assert_eq!(object_name(&uri.parse().unwrap(), speaks).as_deref(), name);
        }
    }
}
