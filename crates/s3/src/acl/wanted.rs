//! The list that headers ask for: a canned one by its name, or grants one by one.

use http::HeaderMap;
use model::{Grant, Grantee, Permission, PrincipalId};

use super::Named;
use crate::error::{Code, Failure};
use crate::headers;

/// What a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Bucket,
    Object,
}

const GRANTS: [(&str, Permission); 5] = [
    ("x-amz-grant-read", Permission::Read),
    ("x-amz-grant-write", Permission::Write),
    ("x-amz-grant-read-acp", Permission::ReadAcp),
    ("x-amz-grant-write-acp", Permission::WriteAcp),
    ("x-amz-grant-full-control", Permission::FullControl),
];

/// Grants of a list; `None` is the private one.
pub(crate) type Grants = Option<Vec<Grant>>;

/// The grants that the headers ask for; `None` when they ask for nothing.
pub(crate) fn wanted(
    headers: &HeaderMap,
    on: On,
    owner: PrincipalId,
    bucket_owner: PrincipalId,
) -> Result<Option<Grants>, Failure> {
    let canned = headers::get(headers, "x-amz-acl");
    let mut grants = Vec::new();
    for (name, permission) in GRANTS {
        if let Some(value) = headers::get(headers, name) {
            let grantees = grantees(name, &value)?;
            grants.extend(grantees.into_iter().map(|grantee| Grant { grantee, permission }));
        }
    }
    match (canned, grants.is_empty()) {
        (Some(_), false) => {
            let message = "Specifying both Canned ACLs and Header Grants is not allowed";
            Err(Failure::because(Code::InvalidRequest, message))
        }
        (Some(name), true) => self::canned(&name, on, owner, bucket_owner).map(Some),
        (None, false) => Ok(Some(Some(grants))),
        (None, true) => Ok(None),
    }
}

/// `id="…", uri="…"`.
fn grantees(header: &'static str, value: &str) -> Result<Vec<Grantee>, Failure> {
    let invalid = || Failure::argument(header, value, "Invalid grant header.");
    let one = |text: &str| {
        let (kind, name) = text.trim().split_once('=').ok_or_else(invalid)?;
        let name = Some(name.trim().trim_matches('"').to_owned());
        let named = match kind.trim().to_ascii_lowercase().as_str() {
            "id" => Named { id: name, ..Named::default() },
            "uri" => Named { uri: name, ..Named::default() },
            "emailaddress" => Named { email: name, ..Named::default() },
            _ => return Err(invalid()),
        };
        named.grantee()
    };
    value.split(',').map(one).collect()
}

/// A canned list; `None` is the private one. Groups come first, as other stores list them.
fn canned(name: &str, on: On, owner: PrincipalId, bucket_owner: PrincipalId) -> Result<Grants, Failure> {
    let grant = |grantee, permission| Grant { grantee, permission };
    let groups = match (name, on) {
        ("private", _) => return Ok(None),
        ("public-read", _) => vec![grant(Grantee::Everyone, Permission::Read)],
        ("public-read-write", _) => {
            vec![grant(Grantee::Everyone, Permission::Read), grant(Grantee::Everyone, Permission::Write)]
        }
        ("authenticated-read", _) => vec![grant(Grantee::Authenticated, Permission::Read)],
        // Of a bucket both are the private list, as S3 documents.
        ("bucket-owner-read" | "bucket-owner-full-control", On::Bucket) => return Ok(None),
        ("bucket-owner-read" | "bucket-owner-full-control", On::Object) if owner == bucket_owner => return Ok(None),
        ("bucket-owner-read", On::Object) => vec![grant(Grantee::Principal(bucket_owner), Permission::Read)],
        ("bucket-owner-full-control", On::Object) => {
            vec![grant(Grantee::Principal(bucket_owner), Permission::FullControl)]
        }
        ("aws-exec-read" | "log-delivery-write", _) => {
            return Err(Failure::not_implemented(&format!("The canned ACL {name}")));
        }
        (other, _) => return Err(Failure::argument("x-amz-acl", other, "Invalid Argument")),
    };
    let full = grant(Grantee::Principal(owner), Permission::FullControl);
    Ok(Some(groups.into_iter().chain([full]).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: PrincipalId = PrincipalId([7; 16]);
    const OTHER: PrincipalId = PrincipalId([8; 16]);

    fn check(pairs: &[(&'static str, &str)]) -> Result<Option<Grants>, Code> {
        let headers = pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
        wanted(&headers.collect(), On::Object, OWNER, OTHER).map_err(|failure| failure.code())
    }

    #[test]
    fn headers_ask_for_a_canned_list_or_for_grants() {
        let grant = |grantee, permission| Grant { grantee, permission };
        let full = grant(Grantee::Principal(OWNER), Permission::FullControl);
        let bucket_owner = |permission| grant(Grantee::Principal(OTHER), permission);
        assert_eq!(check(&[]), Ok(None));
        for (name, expected) in [
            ("private", None),
            ("public-read", Some(vec![grant(Grantee::Everyone, Permission::Read), full])),
            ("bucket-owner-read", Some(vec![bucket_owner(Permission::Read), full])),
            ("bucket-owner-full-control", Some(vec![bucket_owner(Permission::FullControl), full])),
        ] {
            assert_eq!(check(&[("x-amz-acl", name)]), Ok(Some(expected)), "{name}");
        }
        let id = format!("id=\"{OTHER}\", uri=http://acs.amazonaws.com/groups/global/AllUsers");
        let expected = [bucket_owner(Permission::Write), grant(Grantee::Everyone, Permission::Write)];
        assert_eq!(check(&[("x-amz-grant-write", &id)]), Ok(Some(Some(expected.to_vec()))));
    }

    #[test]
    fn what_cannot_be_granted_is_refused() {
        let id = format!("id={OTHER}");
        for (pairs, expected) in [
            (&[("x-amz-acl", "secret")][..], Code::InvalidArgument),
            (&[("x-amz-acl", "log-delivery-write")], Code::NotImplemented),
            (&[("x-amz-grant-read", "lyra")], Code::InvalidArgument),
            (&[("x-amz-grant-read", "id=lyra")], Code::InvalidArgument),
            (&[("x-amz-grant-read", "emailAddress=a@b")], Code::UnresolvableGrantByEmailAddress),
            (&[("x-amz-acl", "private"), ("x-amz-grant-read", &id)], Code::InvalidRequest),
        ] {
            assert_eq!(check(pairs), Err(expected), "{pairs:?}");
        }
    }
}
