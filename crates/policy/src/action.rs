//! What can be asked for. Each action is a type, so that a permit for one is no permit for another, and
//! a row of one table, so that all of them are decided alike.

use model::{Permission, Right};

mod sealed {
    pub trait Sealed {}
}

/// Which way information flows when something is done, as the lattice sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// From the target to the session: the target lies at or below the session's label.
    Read,
    /// From the session to the target: both have the same label.
    Write,
}

/// What something is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The principal's own account.
    Account,
    Bucket,
    /// An object of a bucket.
    Object,
}

/// Whose list may allow it to others than the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    Nobodys,
    Buckets(Permission),
    Objects(Permission),
}

/// What a decision needs to know of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub name: &'static str,
    pub target: Target,
    pub flow: Flow,
    /// The least grant on the bucket that allows it.
    pub right: Right,
    pub list: List,
}

/// Something a principal may do.
pub trait Action: sealed::Sealed {
    const FACTS: Facts;
}

/// An action on the principal's own account.
pub trait AccountAction: Action {}
/// An action on one bucket.
pub trait BucketAction: Action {}
/// An action on one object of one bucket.
pub trait ObjectAction: Action {}

macro_rules! actions {
    ($($target:ident $kind:ident {
        $($(#[$doc:meta])* $flow:ident $name:ident by $right:ident or $list:ident $(($permission:ident))?),+ $(,)?
    })+) => {
        $($(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $name {}
            impl sealed::Sealed for $name {}
            impl Action for $name {
                const FACTS: Facts = Facts {
                    name: stringify!($name),
                    target: Target::$kind,
                    flow: Flow::$flow,
                    right: Right::$right,
                    list: List::$list $((Permission::$permission))?,
                };
            }
            impl $target for $name {}
        )+)+

        /// Every action there is.
        pub const ACTIONS: &[Facts] = &[$($($name::FACTS),+),+];
    };
}

actions! {
    AccountAction Account {
        Read ListBuckets by Read or Nobodys,
        Write CreateBucket by Manage or Nobodys,
    }
    BucketAction Bucket {
        /// Learn that it exists, and where.
        Read HeadBucket by Read or Buckets(Read),
        Write DeleteBucket by Manage or Nobodys,
        Read ListObjects by Read or Buckets(Read),
        Read ListUploads by Read or Buckets(Read),
        Read ListVersions by Read or Buckets(Read),
        /// What a bucket was told: versioning, tags, rules.
        Read ReadSettings by Read or Nobodys,
        Write WriteSettings by Manage or Nobodys,
        /// Learn which pages of other origins may see answers.
        Read Preflight by Read or Nobodys,
        Read ReadBucketAcl by Manage or Buckets(ReadAcp),
        Write WriteBucketAcl by Manage or Buckets(WriteAcp),
    }
    ObjectAction Object {
        Read GetObject by Read or Objects(Read),
        /// Also each step of a multipart upload.
        Write PutObject by Write or Buckets(Write),
        Write DeleteObject by Write or Buckets(Write),
        /// For good.
        Write DeleteVersion by Manage or Nobodys,
        Read ListParts by Write or Buckets(Write),
        /// What is known of a version beside its bytes.
        Read ReadVersion by Read or Nobodys,
        Write WriteTags by Write or Nobodys,
        /// Retention and legal hold.
        Write WriteLock by Manage or Nobodys,
        /// Act against a retention in governance mode.
        Write BypassGovernance by Manage or Nobodys,
        Write AbortUpload by Write or Buckets(Write),
        Read ReadObjectAcl by Manage or Objects(ReadAcp),
        Write WriteObjectAcl by Manage or Objects(WriteAcp),
    }
}
