//! What can be asked for. Each action is a type, so that a permit for one is no permit for another.

use model::Permission;

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

/// Something a principal may do.
pub trait Action: sealed::Sealed {
    const NAME: &'static str;
    const FLOW: Flow;
}

/// An action on the principal's own account.
pub trait AccountAction: Action {}
/// An action on one bucket.
pub trait BucketAction: Action {}
/// An action on one object of one bucket.
pub trait ObjectAction: Action {}

/// An action that the bucket's access control list can allow to others than its owner.
pub trait OnBucket: Action {
    const NEEDS: Permission;
}
/// An action that the object's access control list can allow to others than its owner.
pub trait OnObject: Action {
    const NEEDS: Permission;
}

macro_rules! granted {
    ($($target:ident { $($name:ident: $permission:ident),+ $(,)? })+) => {$($(
        impl $target for $name {
            const NEEDS: Permission = Permission::$permission;
        }
    )+)+};
}

macro_rules! actions {
    ($($target:ident { $($(#[$doc:meta])* $flow:ident $name:ident),+ $(,)? })+) => {$($(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Action for $name {
            const NAME: &'static str = stringify!($name);
            const FLOW: Flow = Flow::$flow;
        }
        impl $target for $name {}
    )+)+};
}

actions! {
    AccountAction { Read ListBuckets, Write CreateBucket }
    BucketAction {
        /// Learn that it exists, and where.
        Read HeadBucket,
        Write DeleteBucket,
        Read ListObjects,
        Read ListUploads,
        Read ListVersions,
        /// What a bucket was told: versioning, tags, rules.
        Read ReadSettings,
        Write WriteSettings,
        /// Learn which pages of other origins may see answers.
        Read Preflight,
        Read ReadBucketAcl,
        Write WriteBucketAcl,
    }
    ObjectAction {
        Read GetObject,
        /// Also each step of a multipart upload.
        Write PutObject,
        Write DeleteObject,
        Read ListParts,
        /// What is known of a version beside its bytes.
        Read ReadVersion,
        Write WriteTags,
        /// Retention and legal hold.
        Write WriteLock,
        /// Act against a retention in governance mode.
        Write BypassGovernance,
        Write AbortUpload,
        Read ReadObjectAcl,
        Write WriteObjectAcl,
    }
}

granted! {
    OnBucket {
        HeadBucket: Read,
        ListObjects: Read,
        ListUploads: Read,
        ListVersions: Read,
        ReadBucketAcl: ReadAcp,
        WriteBucketAcl: WriteAcp,
        PutObject: Write,
        DeleteObject: Write,
        ListParts: Write,
        AbortUpload: Write,
    }
    OnObject {
        GetObject: Read,
        ReadObjectAcl: ReadAcp,
        WriteObjectAcl: WriteAcp,
    }
}
