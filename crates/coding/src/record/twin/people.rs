//! Groups, grants to them, and releases.

use minicbor::{Decode, Encode};
use model::{BucketId, ETag, Label, PrincipalId, ReleaseId, Timestamp};

use super::{Id, LabelBytes, Senseless, Source, key};

plain_enum! {
    Right = model::Right { 0 Read, 1 Write, 2 Manage }
}

#[derive(Encode, Decode)]
pub struct Group {
    #[n(0)]
    id: Id,
    #[n(1)]
    name: String,
    #[n(2)]
    members: Vec<Id>,
    #[n(3)]
    created: i64,
}

impl From<&model::Group> for Group {
    fn from(value: &model::Group) -> Group {
        let model::Group { id, name, members, created } = value;
        let members = members.iter().map(|member| member.0.into()).collect();
        Group { id: id.0.into(), name: name.clone(), members, created: created.0 }
    }
}

impl TryFrom<Group> for model::Group {
    type Error = Senseless;

    fn try_from(twin: Group) -> Result<model::Group, Senseless> {
        Ok(model::Group {
            id: PrincipalId(twin.id.into()),
            name: twin.name,
            members: twin.members.into_iter().map(|member| PrincipalId(member.into())).collect(),
            created: Timestamp(twin.created),
        })
    }
}

#[derive(Encode, Decode)]
pub struct Grants {
    #[n(0)]
    grants: Vec<BucketGrant>,
}

#[derive(Encode, Decode)]
struct BucketGrant {
    #[n(0)]
    to: Id,
    #[n(1)]
    right: Right,
}

impl From<&model::Grants> for Grants {
    fn from(value: &model::Grants) -> Grants {
        let grant =
            |(to, right): (&PrincipalId, &model::Right)| BucketGrant { to: to.0.into(), right: (*right).into() };
        Grants { grants: value.0.iter().map(grant).collect() }
    }
}

impl From<Grants> for model::Grants {
    fn from(twin: Grants) -> model::Grants {
        let grant = |grant: BucketGrant| (PrincipalId(grant.to.into()), grant.right.into());
        model::Grants(twin.grants.into_iter().map(grant).collect())
    }
}

#[derive(Encode, Decode)]
pub struct Release {
    #[n(0)]
    id: Id,
    #[n(1)]
    asked_by: Id,
    #[n(2)]
    asked: i64,
    #[n(3)]
    reason: String,
    #[n(4)]
    source: Source,
    #[n(5)]
    source_label: LabelBytes,
    #[n(6)]
    etag: String,
    #[n(7)]
    size: u64,
    #[n(8)]
    target: Id,
    #[n(9)]
    target_label: LabelBytes,
    #[n(10)]
    target_key: String,
    #[n(11)]
    signatures: Vec<Signature>,
    #[n(12)]
    state: ReleaseState,
}

#[derive(Encode, Decode)]
struct Signature {
    #[n(0)]
    by: Id,
    #[n(1)]
    at: i64,
}

#[derive(Encode, Decode)]
enum ReleaseState {
    #[n(0)]
    Open,
    #[n(1)]
    Ended(#[n(0)] Id, #[n(1)] i64),
    #[n(2)]
    Done(#[n(0)] i64),
}

impl From<&model::Release> for Release {
    fn from(value: &model::Release) -> Release {
        let signature = |signature: &model::Signature| Signature { by: signature.by.0.into(), at: signature.at.0 };
        Release {
            id: value.id.0.into(),
            asked_by: value.asked_by.0.into(),
            asked: value.asked.0,
            reason: value.reason.clone(),
            source: (&value.source).into(),
            source_label: (*value.source_label.canonical()).into(),
            etag: value.etag.0.clone(),
            size: value.size,
            target: value.target.0.into(),
            target_label: (*value.target_label.canonical()).into(),
            target_key: value.target_key.as_str().to_owned(),
            signatures: value.signatures.iter().map(signature).collect(),
            state: match value.state {
                model::ReleaseState::Open => ReleaseState::Open,
                model::ReleaseState::Ended { by, at } => ReleaseState::Ended(by.0.into(), at.0),
                model::ReleaseState::Done { at } => ReleaseState::Done(at.0),
            },
        }
    }
}

impl TryFrom<Release> for model::Release {
    type Error = Senseless;

    fn try_from(twin: Release) -> Result<model::Release, Senseless> {
        let signature = |signature: Signature| model::Signature {
            by: PrincipalId(signature.by.into()),
            at: Timestamp(signature.at),
        };
        Ok(model::Release {
            id: ReleaseId(twin.id.into()),
            asked_by: PrincipalId(twin.asked_by.into()),
            asked: Timestamp(twin.asked),
            reason: twin.reason,
            source: twin.source.try_into()?,
            source_label: Label::from_canonical(twin.source_label.into()),
            etag: ETag(twin.etag),
            size: twin.size,
            target: BucketId(twin.target.into()),
            target_label: Label::from_canonical(twin.target_label.into()),
            target_key: key(&twin.target_key)?,
            signatures: twin.signatures.into_iter().map(signature).collect(),
            state: match twin.state {
                ReleaseState::Open => model::ReleaseState::Open,
                ReleaseState::Ended(by, at) => {
                    model::ReleaseState::Ended { by: PrincipalId(by.into()), at: Timestamp(at) }
                }
                ReleaseState::Done(at) => model::ReleaseState::Done { at: Timestamp(at) },
            },
        })
    }
}
