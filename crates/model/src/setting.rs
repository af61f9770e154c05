//! Settings of a bucket: one value for each aspect, and the last one written is what holds.
//!
//! An aspect more is one line in `settings!` below, one in the twin of `coding::record`, and one in
//! the table of `docs/formats/record.md`.

use std::collections::BTreeMap;

use crate::acl::{Acl, Grants, Ownership, PublicAccess};
use crate::adoption::{Adoption, AdoptionProgress};
use crate::lifecycle::Lifecycle;
use crate::lock::ObjectLock;
use crate::outside::Timestamp;
use crate::profile::Profile;

macro_rules! settings {
    ($($(#[$doc:meta])* $number:literal $name:ident($value:ty)),+ $(,)?) => {
        /// What a bucket can be told about, one thing at a time.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Aspect { $($(#[$doc])* $name),+ }

        /// An aspect with its value; the value's default is what holds for a bucket never told.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum BucketSetting { $($(#[$doc])* $name($value)),+ }

        impl Aspect {
            pub const ALL: &'static [Aspect] = &[$(Aspect::$name),+];

            /// What the catalog knows it by. A number once given is never given again.
            pub const fn number(self) -> u8 {
                match self { $(Aspect::$name => $number),+ }
            }

            /// What holds for a bucket never told.
            pub fn unset(self) -> BucketSetting {
                match self { $(Aspect::$name => BucketSetting::$name(<$value>::default())),+ }
            }
        }

        impl BucketSetting {
            pub const fn aspect(&self) -> Aspect {
                match self { $(BucketSetting::$name(_) => Aspect::$name),+ }
            }
        }
    };
}

settings! {
    0 Versioning(Versioning),
    1 Tags(Tags),
    2 ObjectLock(ObjectLock),
    3 Lifecycle(Lifecycle),
    /// Who beside the owner may use all of it, whatever its objects' lists say.
    4 Grants(Grants),
    /// Who beside the owner may list it, and put into it.
    16 Acl(Acl),
    17 Ownership(Ownership),
    18 PublicAccess(PublicAccess),
    /// Cross-origin rules.
    19 Cors(Document),
    /// What it takes over from a foreign bucket, now or once.
    20 Adoption(Option<Adoption>),
    21 AdoptionProgress(AdoptionProgress),
    /// The profile it has in place of that it was created with; once told it is told another, never none.
    22 Profile(Option<Profile>),
    /// When it was last asked that what lies in it be brought to where its profile says ...
    23 MoveAsked(Option<Timestamp>),
    /// ... and which asking is done.
    24 MoveDone(Option<Timestamp>),
}

/// Whether a bucket keeps the versions of its objects. It never goes back to `Off`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versioning {
    #[default]
    Off,
    Enabled,
    Suspended,
}

/// Names and values that people sort objects and buckets by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(pub BTreeMap<String, String>);

/// A configuration that is kept as the document it came as; empty when there is none. For aspects
/// that only the door that takes them acts on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_aspect_has_a_number_of_its_own_and_is_that_of_its_value() {
        let numbers: std::collections::BTreeSet<u8> = Aspect::ALL.iter().map(|aspect| aspect.number()).collect();
        assert_eq!(numbers.len(), Aspect::ALL.len());
        for aspect in Aspect::ALL {
            assert_eq!(aspect.unset().aspect(), *aspect);
        }
    }
}
