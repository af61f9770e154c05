//! What each role is for beside the data: one table, and no role has two sides of one thing. Who grants
//! is not who uses, who runs sites cannot read data, who audits changes nothing.

use model::Role;
use model::Role::{Auditor, ContractingOfficer, MissionOwner, PlatformOperator, SecurityOfficer};

macro_rules! duties {
    ($($(#[$doc:meta])* $name:ident: $($role:ident)|+),+ $(,)?) => {
        /// Something that is done through the admin API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Duty { $($(#[$doc])* $name),+ }

        impl Duty {
            pub const ALL: &[Duty] = &[$(Duty::$name),+];

            pub const fn name(self) -> &'static str {
                match self { $(Duty::$name => stringify!($name)),+ }
            }

            /// Whose it is.
            pub const fn roles(self) -> &'static [Role] {
                match self { $(Duty::$name => &[$($role),+]),+ }
            }
        }
    };
}

duties! {
    /// Sites, health, and how much there is of everything.
    SeeStatus: PlatformOperator | SecurityOfficer | ContractingOfficer | Auditor,
    /// Say what sites are used for, leave them, and repair what is below its promise.
    Keep: PlatformOperator,
    /// Take over a bucket from elsewhere.
    Adopt: PlatformOperator,
    /// Have pieces compared, asked for and read now.
    Scrub: PlatformOperator,
    /// Keep a copy of the catalog.
    BackUp: PlatformOperator,
    /// Users, groups and their keys, without secrets.
    SeePeople: SecurityOfficer | Auditor,
    /// Create users, say what they are cleared for, suspend them, and group them.
    SetPeople: SecurityOfficer,
    /// Issue, rotate and revoke access keys.
    IssueKeys: SecurityOfficer,
    /// A new secret for the very key that asks.
    RotateOwnKey: MissionOwner | PlatformOperator | SecurityOfficer | ContractingOfficer | Auditor,
    /// See and set who beside its owner may use a bucket: the officer any, others what they manage.
    Grant: MissionOwner | SecurityOfficer,
    /// Ask that an object be copied to a lower label.
    AskRelease: MissionOwner,
    /// See releases: who asks, their own.
    SeeReleases: MissionOwner | SecurityOfficer | Auditor,
    /// Say yes or no to a release.
    SignRelease: SecurityOfficer,
    /// Labels in use and the epochs of their keys.
    SeeLabels: PlatformOperator | SecurityOfficer | Auditor,
    /// A new key for what is written at a label from now on.
    RotateLabel: SecurityOfficer,
    /// Make everything at a label unreadable for ever.
    ShredLabel: SecurityOfficer,
    /// Why something of one's own is allowed or not.
    ExplainOwn: MissionOwner | PlatformOperator | SecurityOfficer | ContractingOfficer | Auditor,
    /// The same of anybody's.
    ExplainAny: SecurityOfficer | Auditor,
}

/// Whether this is a duty of the role.
pub fn may(role: Role, duty: Duty) -> bool {
    duty.roles().contains(&role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duties_are_separated() {
        let all = |role| Duty::ALL.iter().copied().filter(move |duty| may(role, *duty));
        let changes = [
            Duty::Adopt,
            Duty::BackUp,
            Duty::SetPeople,
            Duty::IssueKeys,
            Duty::Grant,
            Duty::AskRelease,
            Duty::SignRelease,
            Duty::RotateLabel,
            Duty::ShredLabel,
        ];
        assert!(all(Auditor).all(|duty| !changes.contains(&duty)), "who audits changes nothing");
        assert!(!all(PlatformOperator).any(|duty| matches!(duty, Duty::IssueKeys | Duty::SetPeople | Duty::Grant)));
        assert!(!all(SecurityOfficer).any(|duty| matches!(duty, Duty::AskRelease | Duty::Adopt | Duty::BackUp)));
        assert!(!all(MissionOwner).any(|duty| matches!(duty, Duty::SignRelease | Duty::IssueKeys | Duty::SeeStatus)));
        assert!(Duty::ALL.iter().all(|duty| !duty.roles().is_empty()));
    }
}
