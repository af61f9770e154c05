//! What a bucket was told and can be asked about: who owns what others put, what is public, how it is
//! encrypted, who pays. What is not configurable here answers as S3 does where nothing is configured.

use http::StatusCode;
use model::{Aspect, BucketSetting, Ownership, PublicAccess};
use policy::{ReadSettings, WriteSettings};
use s3s::xml::{DeError, DeResult, Deserializer};

use crate::door::Call;
use crate::error::{Code, Failure};
use crate::response::{self, Answer};
use crate::xml;

async fn set(call: &Call<'_>, setting: BucketSetting, done: StatusCode) -> Result<Answer, Failure> {
    let (_, permit) = call.on_bucket::<WriteSettings>().await?;
    call.engine().set_bucket_setting(permit, setting).await?;
    Ok(response::status(done))
}

// Whose an object is that others put, and whether access control lists count.

pub(crate) async fn get_ownership(call: &Call<'_>) -> Result<Answer, Failure> {
    let BucketSetting::Ownership(ownership) = call.setting(Aspect::Ownership).await? else {
        return Err(Failure::internal("another setting than was asked for"));
    };
    let name = ownership_name(ownership).ok_or(Code::OwnershipControlsNotFoundError)?;
    let bytes =
        xml::write_with("OwnershipControls", |out| out.element("Rule", |out| out.content("ObjectOwnership", name)))?;
    Ok(response::written_document(bytes))
}

pub(crate) async fn put_ownership(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let wanted = xml::read_with(document, "OwnershipControls", |reader| {
        let mut wanted = None;
        reader.for_each_element(|reader, name| match name {
            b"Rule" => reader.for_each_element(|reader, name| match name {
                b"ObjectOwnership" => once(&mut wanted, reader),
                _ => Err(DeError::UnexpectedTagName),
            }),
            _ => Err(DeError::UnexpectedTagName),
        })?;
        wanted.ok_or(DeError::MissingField)
    })?;
    let ownership = ownership(&wanted).ok_or(Code::MalformedXML)?;
    let (bucket, _permit) = call.on_bucket::<WriteSettings>().await?;
    // Lists that let others in would count for nothing from one moment to the next.
    let private = call.engine().access(&bucket).await?.acl == model::Acl::default();
    if ownership == Ownership::BucketOwnerEnforced && !private {
        return Err(Code::InvalidBucketAclWithObjectOwnership.into());
    }
    set(call, BucketSetting::Ownership(ownership), StatusCode::OK).await
}

pub(crate) async fn delete_ownership(call: &Call<'_>) -> Result<Answer, Failure> {
    set(call, Aspect::Ownership.unset(), StatusCode::NO_CONTENT).await
}

pub(crate) fn ownership(name: &str) -> Option<Ownership> {
    match name {
        "ObjectWriter" => Some(Ownership::ObjectWriter),
        "BucketOwnerPreferred" => Some(Ownership::BucketOwnerPreferred),
        "BucketOwnerEnforced" => Some(Ownership::BucketOwnerEnforced),
        _ => None,
    }
}

const fn ownership_name(ownership: Ownership) -> Option<&'static str> {
    match ownership {
        Ownership::Unset => None,
        Ownership::ObjectWriter => Some("ObjectWriter"),
        Ownership::BucketOwnerPreferred => Some("BucketOwnerPreferred"),
        Ownership::BucketOwnerEnforced => Some("BucketOwnerEnforced"),
    }
}

// What is public.

const PUBLIC_ACCESS: &str = "PublicAccessBlockConfiguration";

pub(crate) async fn get_public_access(call: &Call<'_>) -> Result<Answer, Failure> {
    let public = match call.setting(Aspect::PublicAccess).await? {
        BucketSetting::PublicAccess(public) if public.told => public,
        _ => return Err(Code::NoSuchPublicAccessBlockConfiguration.into()),
    };
    let bytes = xml::write_with(PUBLIC_ACCESS, |out| {
        out.content("BlockPublicAcls", &public.block_acls)?;
        out.content("IgnorePublicAcls", &public.ignore_acls)?;
        out.content("BlockPublicPolicy", &public.block_policy)?;
        out.content("RestrictPublicBuckets", &public.restrict_buckets)
    })?;
    Ok(response::written_document(bytes))
}

pub(crate) async fn put_public_access(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let public = xml::read_with(document, PUBLIC_ACCESS, |reader| {
        let mut public = PublicAccess { told: true, ..PublicAccess::default() };
        reader.for_each_element(|reader, name| {
            let flag = match name {
                b"BlockPublicAcls" => &mut public.block_acls,
                b"IgnorePublicAcls" => &mut public.ignore_acls,
                b"BlockPublicPolicy" => &mut public.block_policy,
                b"RestrictPublicBuckets" => &mut public.restrict_buckets,
                _ => return Err(DeError::UnexpectedTagName),
            };
            *flag = truth(reader)?;
            Ok(())
        })?;
        Ok(public)
    })?;
    set(call, BucketSetting::PublicAccess(public), StatusCode::OK).await
}

pub(crate) async fn delete_public_access(call: &Call<'_>) -> Result<Answer, Failure> {
    set(call, Aspect::PublicAccess.unset(), StatusCode::NO_CONTENT).await
}

/// Whether others than those named can reach the bucket. There are no bucket policies here: it is the
/// list that says.
pub(crate) async fn policy_status(call: &Call<'_>) -> Result<Answer, Failure> {
    let (bucket, _permit) = call.on_bucket::<ReadSettings>().await?;
    let access = call.engine().access(&bucket).await?;
    let counts = access.ownership != Ownership::BucketOwnerEnforced && !access.public.ignore_acls;
    let public = counts && access.acl.grants_to_groups();
    let bytes = xml::write_with("PolicyStatus", |out| out.content("IsPublic", &public))?;
    Ok(response::written_document(bytes))
}

// How it is encrypted: always, and in one way.

pub(crate) async fn get_encryption(call: &Call<'_>) -> Result<Answer, Failure> {
    let (_, _permit) = call.on_bucket::<ReadSettings>().await?;
    let bytes = xml::write_with("ServerSideEncryptionConfiguration", |out| {
        out.element("Rule", |out| {
            out.element("ApplyServerSideEncryptionByDefault", |out| out.content("SSEAlgorithm", "AES256"))?;
            out.content("BucketKeyEnabled", &false)
        })
    })?;
    Ok(response::written_document(bytes))
}

/// What is done anyway may be asked for; any other way is refused.
pub(crate) async fn put_encryption(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let algorithm = encryption(document)?;
    let (_, _permit) = call.on_bucket::<WriteSettings>().await?;
    match algorithm.as_str() {
        "AES256" => Ok(response::status(StatusCode::OK)),
        "aws:kms" | "aws:kms:dsse" => Err(Failure::not_implemented(&format!("Encryption by {algorithm}"))),
        _ => Err(Code::MalformedXML.into()),
    }
}

/// There is nothing to go back to: what is said holds for every bucket.
pub(crate) async fn delete_encryption(call: &Call<'_>) -> Result<Answer, Failure> {
    let (_, _permit) = call.on_bucket::<WriteSettings>().await?;
    Ok(response::status(StatusCode::NO_CONTENT))
}

pub(crate) fn encryption(document: &[u8]) -> Result<String, Failure> {
    let (mut algorithm, mut with_key) = (None, false);
    xml::read_with(document, "ServerSideEncryptionConfiguration", |reader| {
        reader.for_each_element(|reader, name| match name {
            b"Rule" => reader.for_each_element(|reader, name| match name {
                b"ApplyServerSideEncryptionByDefault" => reader.for_each_element(|reader, name| match name {
                    b"SSEAlgorithm" => once(&mut algorithm, reader),
                    b"KMSMasterKeyID" => {
                        with_key = true;
                        reader.content::<String>().map(|_| ())
                    }
                    _ => Err(DeError::UnexpectedTagName),
                }),
                // Of keys that are not used here.
                b"BucketKeyEnabled" => truth(reader).map(|_| ()),
                _ => Err(DeError::UnexpectedTagName),
            }),
            _ => Err(DeError::UnexpectedTagName),
        })
    })?;
    let algorithm = algorithm.ok_or(Code::MalformedXML)?;
    match with_key && algorithm == "AES256" {
        true => Err(Failure::argument(
            "ApplyServerSideEncryptionByDefault",
            &algorithm,
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
        )),
        false => Ok(algorithm),
    }
}

// Who pays: whoever runs the place.

pub(crate) async fn get_payer(call: &Call<'_>) -> Result<Answer, Failure> {
    let (_, _permit) = call.on_bucket::<ReadSettings>().await?;
    let bytes = xml::write_with("RequestPaymentConfiguration", |out| out.content("Payer", "BucketOwner"))?;
    Ok(response::written_document(bytes))
}

pub(crate) async fn put_payer(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let payer = xml::read_with(document, "RequestPaymentConfiguration", |reader| {
        let mut payer = None;
        reader.for_each_element(|reader, name| match name {
            b"Payer" => once(&mut payer, reader),
            _ => Err(DeError::UnexpectedTagName),
        })?;
        payer.ok_or(DeError::MissingField)
    })?;
    let (_, _permit) = call.on_bucket::<WriteSettings>().await?;
    match payer.as_str() {
        "BucketOwner" => Ok(response::status(StatusCode::OK)),
        "Requester" => Err(Failure::not_implemented("Payment by the requester")),
        _ => Err(Code::MalformedXML.into()),
    }
}

/// The answer about what no bucket has here: an empty document, or that there is none.
pub(crate) async fn unconfigured(call: &Call<'_>, answer: Unconfigured) -> Result<Answer, Failure> {
    let (_, _permit) = call.on_bucket::<ReadSettings>().await?;
    match answer {
        Unconfigured::Empty(root) => Ok(response::written_document(xml::write_with(root, |_| Ok(()))?)),
        Unconfigured::Absent(code) => Err(code.into()),
    }
}

/// How S3 says that something is not configured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unconfigured {
    Empty(&'static str),
    Absent(Code),
}

/// Deleting what no bucket has is done.
pub(crate) async fn delete_unconfigured(call: &Call<'_>) -> Result<Answer, Failure> {
    let (_, _permit) = call.on_bucket::<WriteSettings>().await?;
    Ok(response::status(StatusCode::NO_CONTENT))
}

fn truth(reader: &mut Deserializer<'_>) -> DeResult<bool> {
    match reader.content::<String>()?.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(DeError::InvalidContent),
    }
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

    #[test]
    fn encryption_is_asked_for_in_one_way() {
        let check = |inner: &str| {
            let document = format!(
                "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>{inner}\
                 </ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
            );
            encryption(document.as_bytes()).map_err(|failure| failure.code())
        };
        assert_eq!(check("<SSEAlgorithm>AES256</SSEAlgorithm>").as_deref(), Ok("AES256"));
        assert_eq!(
            check("<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>").as_deref(),
            Ok("aws:kms")
        );
        for (inner, expected) in [
            ("", Code::MalformedXML),
            ("<SSEAlgorithm>AES256</SSEAlgorithm><Other/>", Code::MalformedXML),
            ("<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>", Code::InvalidArgument),
        ] {
            assert_eq!(check(inner), Err(expected), "{inner}");
        }
    }
}
