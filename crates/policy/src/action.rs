//! What can be asked for. Each action is a type, so that a permit for one is no permit for another.

use model::Permission;

mod sealed {
    pub trait Sealed {}
}

/// Something a principal may do.
pub trait Action: sealed::Sealed {
    const NAME: &'static str;
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
    ($($target:ident { $($(#[$doc:meta])* $name:ident),+ $(,)? })+) => {$($(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Action for $name {
            const NAME: &'static str = stringify!($name);
        }
        impl $target for $name {}
    )+)+};
}

actions! {
    AccountAction { ListBuckets, CreateBucket }
    BucketAction {
        /// Learn that it exists, and where.
        HeadBucket,
        DeleteBucket,
        ListObjects,
        ListUploads,
        ListVersions,
        /// What a bucket was told: versioning, tags, rules.
        ReadSettings,
        WriteSettings,
        /// Learn which pages of other origins may see answers.
        Preflight,
        ReadBucketAcl,
        WriteBucketAcl,
    }
    ObjectAction {
        GetObject,
        /// Also each step of a multipart upload.
        PutObject,
        DeleteObject,
        ListParts,
        /// What is known of a version beside its bytes.
        ReadVersion,
        WriteTags,
        /// Retention and legal hold.
        WriteLock,
        /// Act against a retention in governance mode.
        BypassGovernance,
        AbortUpload,
        ReadObjectAcl,
        WriteObjectAcl,
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
