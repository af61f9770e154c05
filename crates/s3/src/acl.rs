//! Access control lists at the door: canned ones and grants in headers, their documents both ways, and
//! what a bucket that does not want them says.

mod wanted;

use http::StatusCode;
use model::{Acl, Bucket, BucketSetting, Grant, Grantee, Ownership, Permission, PrincipalId, PublicAccess, Session};
use policy::{Access, ReadBucketAcl, ReadObjectAcl, WriteBucketAcl, WriteObjectAcl};
use s3s::xml::{DeError, DeResult, Deserializer, SerResult, Serializer};

pub(crate) use wanted::{On, wanted};

use crate::door::Call;
use crate::error::{Code, Failure};
use crate::response::{self, Answer};
use crate::{versioning, xml};

const ROOT: &str = "AccessControlPolicy";
const INSTANCE: (&str, &str) = ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance");
const EVERYONE: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";

/// Grants of one list, as S3 documents.
const GRANTS_MAX: usize = 100;

pub(crate) async fn get_bucket_acl(call: &Call<'_>) -> Result<Answer, Failure> {
    let (bucket, access, _permit) = call.on_shared_bucket::<ReadBucketAcl>().await?;
    document(call, &bucket, &access, &access.acl).await
}

pub(crate) async fn put_bucket_acl(call: &Call<'_>, body: &[u8]) -> Result<Answer, Failure> {
    let (bucket, access, permit) = call.on_shared_bucket::<WriteBucketAcl>().await?;
    check_lists_are_wanted(&access)?;
    let acl = told(call, On::Bucket, &bucket, &access, &access.acl, body).await?;
    call.engine().set_bucket_acl(permit, acl).await?;
    Ok(response::status(StatusCode::OK))
}

pub(crate) async fn get_object_acl(call: &Call<'_>) -> Result<Answer, Failure> {
    let (bucket, access, acl, _permit) = call.on_shared_object::<ReadObjectAcl>().await?;
    document(call, &bucket, &access, &acl).await
}

pub(crate) async fn put_object_acl(call: &Call<'_>, body: &[u8]) -> Result<Answer, Failure> {
    let (bucket, access, before, permit) = call.on_shared_object::<WriteObjectAcl>().await?;
    check_lists_are_wanted(&access)?;
    let acl = told(call, On::Object, &bucket, &access, &before, body).await?;
    let said = call.engine().set_object_acl(permit, versioning::wanted(call)?, acl).await?;
    let mut answer = response::status(StatusCode::OK);
    versioning::write_version(said, versioning::wanted(call)?, answer.headers_mut());
    Ok(answer)
}

fn check_lists_are_wanted(access: &Access) -> Result<(), Failure> {
    match access.ownership {
        Ownership::BucketOwnerEnforced => Err(Code::AccessControlListNotSupported.into()),
        _ => Ok(()),
    }
}

/// The list that headers or document tell for what has the list `before`; its owner stays.
async fn told(
    call: &Call<'_>,
    on: On,
    bucket: &Bucket,
    access: &Access,
    before: &Acl,
    body: &[u8],
) -> Result<Acl, Failure> {
    let owner = before.owner.unwrap_or(bucket.owner);
    let in_headers = wanted(&call.admitted.headers, on, owner, bucket.owner)?;
    let grants = match (in_headers, body.is_empty()) {
        (Some(_), false) => return Err(Code::UnexpectedContent.into()),
        (None, true) => return Err(Code::MissingSecurityHeader.into()),
        (Some(grants), true) => grants,
        (None, false) => parse(body, owner)?,
    };
    let acl = Acl { owner: before.owner, grants };
    check_public(&acl, &access.public)?;
    check_known(call, &acl).await?;
    Ok(acl)
}

/// The list of a new object.
pub(crate) async fn of_new_object(call: &Call<'_>, bucket: &Bucket) -> Result<Acl, Failure> {
    let session = &call.session;
    let named = |name: &http::HeaderName| name == "x-amz-acl" || name.as_str().starts_with("x-amz-grant-");
    if session.principal == bucket.owner && !call.admitted.headers.keys().any(named) {
        return Ok(Acl::default());
    }
    let access = call.engine().access(bucket).await?;
    let owner = owner_of_new(session, bucket, &access);
    let grants = wanted(&call.admitted.headers, On::Object, owner, bucket.owner)?;
    let full_to_bucket_owner = grants.as_ref().is_some_and(|grants| {
        let full = Grant { grantee: Grantee::Principal(bucket.owner), permission: Permission::FullControl };
        grants.as_ref().is_some_and(|grants| grants.contains(&full))
    });
    match access.ownership {
        Ownership::BucketOwnerEnforced => {
            let canned = crate::headers::get(&call.admitted.headers, "x-amz-acl");
            return match grants.is_none() || canned.as_deref() == Some("bucket-owner-full-control") {
                true => Ok(Acl::default()),
                false => Err(Code::AccessControlListNotSupported.into()),
            };
        }
        Ownership::BucketOwnerPreferred if full_to_bucket_owner => return Ok(Acl::default()),
        Ownership::BucketOwnerPreferred | Ownership::ObjectWriter | Ownership::Unset => {}
    }
    let acl = Acl { owner: Some(owner).filter(|owner| *owner != bucket.owner), grants: grants.flatten() };
    check_public(&acl, &access.public)?;
    check_known(call, &acl).await?;
    Ok(acl)
}

/// Who puts an object owns it; what nobody in particular puts belongs to the bucket's owner, and so does
/// what is put by the owner's grant.
fn owner_of_new(session: &Session, bucket: &Bucket, access: &Access) -> PrincipalId {
    match session.is_anonymous() || policy::puts_for_the_owner(session, access) {
        true => bucket.owner,
        false => session.principal,
    }
}

/// What a new bucket is told with its creation.
pub(crate) async fn of_new_bucket(call: &Call<'_>, ownership: Ownership) -> Result<Vec<BucketSetting>, Failure> {
    let owner = call.session.principal;
    let grants = wanted(&call.admitted.headers, On::Bucket, owner, owner)?.flatten();
    let acl = Acl { owner: None, grants };
    if ownership == Ownership::BucketOwnerEnforced && acl != Acl::default() {
        return Err(Code::InvalidBucketAclWithObjectOwnership.into());
    }
    check_known(call, &acl).await?;
    let settings = [BucketSetting::Acl(acl), BucketSetting::Ownership(ownership)];
    Ok(settings.into_iter().filter(|setting| *setting != setting.aspect().unset()).collect())
}

fn check_public(acl: &Acl, public: &PublicAccess) -> Result<(), Failure> {
    match public.block_acls && acl.grants_to_groups() {
        true => Err(Failure::because(Code::AccessDenied, "The bucket's public access block refuses public ACLs.")),
        false => Ok(()),
    }
}

/// A grant to somebody who does not exist is no grant.
async fn check_known(call: &Call<'_>, acl: &Acl) -> Result<(), Failure> {
    for grant in acl.grants.iter().flatten() {
        if let Grantee::Principal(principal) = grant.grantee
            && call.owner(principal).await?.display_name.is_none()
        {
            return Err(Failure::argument("CanonicalUser/ID", &principal.to_string(), "Invalid id"));
        }
    }
    Ok(())
}

async fn document(call: &Call<'_>, bucket: &Bucket, access: &Access, acl: &Acl) -> Result<Answer, Failure> {
    let enforced = access.ownership == Ownership::BucketOwnerEnforced;
    let owner = acl.owner.filter(|_| !enforced).unwrap_or(bucket.owner);
    let everything = || vec![Grant { grantee: Grantee::Principal(owner), permission: Permission::FullControl }];
    let grants = acl.grants.clone().filter(|_| !enforced).unwrap_or_else(everything);
    let mut names = std::collections::BTreeMap::new();
    let named = grants.iter().filter_map(|grant| match grant.grantee {
        Grantee::Principal(principal) => Some(principal),
        _ => None,
    });
    for principal in named.chain([owner]) {
        if let Some(name) = call.owner(principal).await?.display_name {
            names.insert(principal, name);
        }
    }
    let name = |principal: &PrincipalId| names.get(principal).map(String::as_str);
    let bytes = xml::write_with(ROOT, |out| {
        out.element("Owner", |out| write_principal(out, owner, name(&owner)))?;
        out.element("AccessControlList", |out| {
            grants.iter().try_for_each(|grant| out.element("Grant", |out| write_grant(out, grant, &name)))
        })
    })?;
    Ok(response::written_document(bytes))
}

fn write_principal<W: std::io::Write>(out: &mut Serializer<W>, id: PrincipalId, name: Option<&str>) -> SerResult {
    out.content("ID", &id.to_string())?;
    name.map_or(Ok(()), |name| out.content("DisplayName", name))
}

fn write_grant<'a, W: std::io::Write>(
    out: &mut Serializer<W>,
    grant: &Grant,
    name: &impl Fn(&PrincipalId) -> Option<&'a str>,
) -> SerResult {
    let group = |out: &mut Serializer<W>, uri: &str| {
        out.element_with_attrs("Grantee", &[INSTANCE, ("xsi:type", "Group")], |out| out.content("URI", uri))
    };
    match grant.grantee {
        Grantee::Everyone => group(out, EVERYONE)?,
        Grantee::Authenticated => group(out, AUTHENTICATED)?,
        Grantee::Principal(id) => {
            out.element_with_attrs("Grantee", &[INSTANCE, ("xsi:type", "CanonicalUser")], |out| {
                write_principal(out, id, name(&id))
            })?;
        }
    }
    out.content("Permission", permission_name(grant.permission))
}

const fn permission_name(permission: Permission) -> &'static str {
    match permission {
        Permission::Read => "READ",
        Permission::Write => "WRITE",
        Permission::ReadAcp => "READ_ACP",
        Permission::WriteAcp => "WRITE_ACP",
        Permission::FullControl => "FULL_CONTROL",
    }
}

fn permission(name: &str) -> Option<Permission> {
    const ALL: [Permission; 5] =
        [Permission::Read, Permission::Write, Permission::ReadAcp, Permission::WriteAcp, Permission::FullControl];
    ALL.into_iter().find(|permission| permission_name(*permission) == name)
}

/// A grantee as documents and headers name it.
#[derive(Default)]
struct Named {
    id: Option<String>,
    uri: Option<String>,
    email: Option<String>,
}

impl Named {
    fn grantee(self) -> Result<Grantee, Failure> {
        match (self.id, self.uri, self.email) {
            (Some(id), None, None) => {
                let principal = id.parse().map_err(|_| Failure::argument("CanonicalUser/ID", &id, "Invalid id"))?;
                Ok(Grantee::Principal(principal))
            }
            (None, Some(uri), None) => match uri.as_str() {
                EVERYONE => Ok(Grantee::Everyone),
                AUTHENTICATED => Ok(Grantee::Authenticated),
                uri => Err(Failure::argument("Group/URI", uri, "Invalid group uri")),
            },
            // Users have names here, and no addresses.
            (None, None, Some(_)) => Err(Code::UnresolvableGrantByEmailAddress.into()),
            _ => Err(Code::MalformedACLError.into()),
        }
    }
}

/// The grants of a document, whose owner must be the one there is.
pub(crate) fn parse(body: &[u8], owner: PrincipalId) -> Result<Option<Vec<Grant>>, Failure> {
    let malformed = |failure: Failure| match failure.code() {
        Code::MalformedXML => Code::MalformedACLError.into(),
        _ => failure,
    };
    let (told_owner, named) = xml::read_with(body, ROOT, policy_document).map_err(malformed)?;
    match told_owner {
        None => return Err(Code::MalformedACLError.into()),
        Some(told) if told != owner.to_string() => return Err(Code::AccessDenied.into()),
        Some(_) => {}
    }
    if named.len() > GRANTS_MAX {
        return Err(Code::MalformedACLError.into());
    }
    let grant = |(named, permitted): (Named, String)| {
        let permission = permission(&permitted).ok_or(Code::MalformedACLError)?;
        Ok(Grant { grantee: named.grantee()?, permission })
    };
    let mut grants: Vec<Grant> = named.into_iter().map(grant).collect::<Result<_, Failure>>()?;
    // Groups first, as in canned lists; among each other they stay in order.
    grants.sort_by_key(|grant| matches!(grant.grantee, Grantee::Principal(_)));
    Ok(Some(grants))
}

type Document = (Option<String>, Vec<(Named, String)>);

fn policy_document(reader: &mut Deserializer<'_>) -> DeResult<Document> {
    let (mut owner, mut grants) = (None, Vec::new());
    reader.for_each_element(|reader, name| match name {
        b"Owner" => reader.for_each_element(|reader, name| match name {
            b"ID" => once(&mut owner, reader),
            b"DisplayName" => reader.content::<String>().map(|_| ()),
            _ => Err(DeError::UnexpectedTagName),
        }),
        b"AccessControlList" => reader.for_each_element(|reader, name| match name {
            b"Grant" => {
                grants.push(grant(reader)?);
                Ok(())
            }
            _ => Err(DeError::UnexpectedTagName),
        }),
        _ => Err(DeError::UnexpectedTagName),
    })?;
    Ok((owner, grants))
}

fn grant(reader: &mut Deserializer<'_>) -> DeResult<(Named, String)> {
    let (mut named, mut permitted) = (Named::default(), None);
    reader.for_each_element(|reader, name| match name {
        b"Grantee" => reader.for_each_element(|reader, name| match name {
            b"ID" => once(&mut named.id, reader),
            b"URI" => once(&mut named.uri, reader),
            b"EmailAddress" => once(&mut named.email, reader),
            b"DisplayName" => reader.content::<String>().map(|_| ()),
            _ => Err(DeError::UnexpectedTagName),
        }),
        b"Permission" => once(&mut permitted, reader),
        _ => Err(DeError::UnexpectedTagName),
    })?;
    Ok((named, permitted.ok_or(DeError::MissingField)?))
}

fn once(slot: &mut Option<String>, reader: &mut Deserializer<'_>) -> DeResult<()> {
    match slot.replace(reader.content()?) {
        None => Ok(()),
        Some(_) => Err(DeError::DuplicateField),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: PrincipalId = PrincipalId([7; 16]);

    fn check(owner: &str, grants: &str) -> Result<Vec<Grant>, Code> {
        let document = format!(
            "<{ROOT}><Owner><ID>{owner}</ID><DisplayName>x</DisplayName></Owner>\
             <AccessControlList>{grants}</AccessControlList></{ROOT}>"
        );
        parse(document.as_bytes(), OWNER).map(Option::unwrap_or_default).map_err(|failure| failure.code())
    }

    fn one(grantee: &str, permission: &str) -> String {
        format!(
            "<Grant><Grantee xmlns:xsi=\"x\" xsi:type=\"y\">{grantee}</Grantee><Permission>{permission}</Permission></Grant>"
        )
    }

    #[test]
    fn a_document_says_who_may_do_what() {
        let owner = OWNER.to_string();
        let user = format!("<ID>{owner}</ID><DisplayName>lyra</DisplayName>");
        let everyone = format!("<URI>{EVERYONE}</URI>");
        let grant = |grantee, permission| Grant { grantee, permission };
        assert_eq!(check(&owner, ""), Ok(vec![]));
        assert_eq!(
            check(&owner, &(one(&user, "WRITE_ACP") + &one(&everyone, "READ"))),
            Ok(vec![
                grant(Grantee::Everyone, Permission::Read),
                grant(Grantee::Principal(OWNER), Permission::WriteAcp)
            ])
        );
        for (owner, grants, expected) in [
            ("someone", String::new(), Code::AccessDenied),
            (&owner, one("<ID>_foo</ID>", "READ"), Code::InvalidArgument),
            (&owner, one("<URI>http://elsewhere</URI>", "READ"), Code::InvalidArgument),
            (&owner, one("<EmailAddress>a@b</EmailAddress>", "READ"), Code::UnresolvableGrantByEmailAddress),
            (&owner, one(&user, "EVERYTHING"), Code::MalformedACLError),
            (&owner, one("", "READ"), Code::MalformedACLError),
            (&owner, one(&format!("{user}{everyone}"), "READ"), Code::MalformedACLError),
            (&owner, "<Other/>".to_owned(), Code::MalformedACLError),
            (&owner, one(&user, "READ").repeat(GRANTS_MAX + 1), Code::MalformedACLError),
        ] {
            assert_eq!(check(owner, &grants), Err(expected), "{grants:.120}");
        }
    }
}
