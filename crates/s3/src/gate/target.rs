//! What a request is about: bucket and key from path and host, and the query's names and values.
//! Keys are never normalised: `..`, `//` and a leading `/` are characters like any other.

use std::net::IpAddr;

use http::request::Parts;
use model::{BucketName, ObjectKey};

use crate::error::{Code, Failure};
use crate::headers;
use crate::text;

/// Decoded query parameters, in the order they came; each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(pub(crate) Vec<(String, String)>);

impl Query {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value, if it is there and not empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// Splits and decodes a query.
pub(crate) fn parse_query(query: &str) -> Result<Query, Failure> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text| text::percent_decode(text, true).ok_or(Code::InvalidURI);
        let (name, value) = (decode(name)?, decode(value)?);
        // In any spelling: `Signature` and `signature` must not be told apart by accident.
        if pairs.iter().any(|(found, _)| found.eq_ignore_ascii_case(&name)) {
            return Err(Failure::argument(&name, &value, "A query parameter must not be repeated."));
        }
        pairs.push((name, value));
    }
    Ok(Query(pairs))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Root,
    Bucket(BucketName),
    Object(BucketName, ObjectKey),
}

impl Target {
    pub(crate) fn into_names(self) -> (Option<BucketName>, Option<ObjectKey>) {
        match self {
            Target::Root => (None, None),
            Target::Bucket(bucket) => (Some(bucket), None),
            Target::Object(bucket, key) => (Some(bucket), Some(key)),
        }
    }
}

/// Bucket and key of a request, in path or virtual-host style.
pub(crate) fn parse(head: &Parts, domains: &[String]) -> Result<Target, Failure> {
    let path = text::percent_decode(head.uri.path(), false).ok_or(Code::InvalidURI)?;
    let path = path.strip_prefix('/').ok_or(Code::InvalidURI)?;
    let host = headers::get(&head.headers, "host").unwrap_or_default();
    match bucket_of_host(&host, domains) {
        Some(bucket) => named(&bucket, path),
        None if path.is_empty() => Ok(Target::Root),
        None => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            named(bucket, key)
        }
    }
}

fn named(bucket: &str, key: &str) -> Result<Target, Failure> {
    let invalid = |_| Failure::new(Code::InvalidBucketName).with("BucketName", bucket.to_owned());
    let bucket = BucketName::parse(bucket).map_err(invalid)?;
    if key.is_empty() {
        return Ok(Target::Bucket(bucket));
    }
    let too_long = |_| {
        Failure::new(Code::KeyTooLongError)
            .with("Size", key.len().to_string())
            .with("MaxSizeAllowed", ObjectKey::BYTES_MAX.to_string())
    };
    Ok(Target::Object(bucket, ObjectKey::parse(key).map_err(too_long)?))
}

/// The bucket in front of one of our domains.
fn bucket_of_host(host: &str, domains: &[String]) -> Option<String> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.to_ascii_lowercase();
    if name.parse::<IpAddr>().is_ok() {
        return None;
    }
    let in_front =
        |domain: &String| name.strip_suffix(&domain.to_ascii_lowercase())?.strip_suffix('.').map(str::to_owned);
    // The longest domain wins where one ends with another.
    domains.iter().filter_map(in_front).min_by_key(String::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, path: &str) -> Result<Target, Code> {
        let request = http::Request::get(path).header("host", host).body(()).unwrap();
        let domains = ["localhost".to_owned(), "s3.example.org".to_owned()];
        parse(&request.into_parts().0, &domains).map_err(|failure| failure.code())
    }

    fn object(bucket: &str, key: &str) -> Result<Target, Code> {
        Ok(Target::Object(BucketName::parse(bucket).unwrap(), ObjectKey::parse(key).unwrap()))
    }

    #[test]
    fn both_styles_name_the_same_object() {
        for key in ["a", "a/", "/a", "//", "../..", "a//b", "a+b", "ключ", "a b"] {
            let path = text::percent_encode(key, "/+");
            assert_eq!(check("localhost:9", &format!("/tea/{path}")), object("tea", key));
            assert_eq!(check("tea.localhost:9", &format!("/{path}")), object("tea", key));
            assert_eq!(check("a.b.S3.example.org", &format!("/{path}")), object("a.b", key));
        }
        assert_eq!(check("127.0.0.1:9", "/tea/%2e%2e%2F%2e"), object("tea", "../."));
    }

    #[test]
    fn root_and_buckets_are_told_apart() {
        let bucket = || Ok(Target::Bucket(BucketName::parse("tea").unwrap()));
        assert_eq!(check("localhost", "/"), Ok(Target::Root));
        for (host, path) in
            [("localhost", "/tea"), ("[::1]:9", "/tea/"), ("elsewhere.net", "/tea"), ("tea.localhost", "/")]
        {
            assert_eq!(check(host, path), bucket(), "{host} {path}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        assert_eq!(check("localhost", "/Tea/a"), Err(Code::InvalidBucketName));
        assert_eq!(check("localhost", "//a"), Err(Code::InvalidBucketName));
        assert_eq!(check("localhost", &format!("/tea/{}", "k".repeat(1025))), Err(Code::KeyTooLongError));
        for path in ["/tea/%", "/tea/%zz", "/tea/%00", "/tea/%ff"] {
            assert_eq!(check("localhost", path), Err(Code::InvalidURI), "{path}");
        }
    }

    #[test]
    fn a_query_name_comes_once() {
        assert_eq!(parse_query("prefix=a%20b&&uploads").unwrap().get("prefix"), Some("a b"));
        for bad in ["a=1&a=1", "prefix=1&Prefix=2", "%61=1&a=2"] {
            assert_eq!(parse_query(bad).unwrap_err().code(), Code::InvalidArgument, "{bad}");
        }
    }
}
