//! The nouns of Entente: what is stored, by whom, where, and what was decided about it.
//!
//! Values come in already parsed and leave as values: every other crate speaks in these types.
//! Absent by design: IO, async, clocks, wire formats and any choosing. `outside` only *names* what
//! services are handed from outside (time, randomness, a place for blocking work); nothing here
//! calls it.

pub mod outside;

pub mod id;
pub mod label;
pub mod name;
pub mod principal;

pub mod acl;
pub mod address;
pub mod adoption;
pub mod checksum;
pub mod condition;
pub mod copies;
pub mod facts;
pub mod lifecycle;
pub mod lock;
pub mod object;
pub mod profile;
pub mod release;
pub mod segment;
pub mod setting;
pub mod site;
pub mod timings;

pub mod change;

pub use acl::{Acl, Grant, Grantee, Grants, Ownership, Permission, PublicAccess, Right};
pub use address::AddressRange;
pub use adoption::{Adoption, AdoptionProgress, OriginAddress, OriginKind};
pub use change::{Change, Guard, Number, Record, Source, VersionSetting};
pub use checksum::{Algorithm, Checksum, ChecksumKind};
pub use condition::{Precondition, ReadConditions};
pub use copies::{CopyKind, KnownCopy, RootFingerprint};
pub use facts::{Coordinates, NanoDollars, Prices, SiteFacts};
pub use id::*;
pub use label::{Compartments, Integrity, Label, LabelRange, Level, Nations, TableId};
pub use lifecycle::Lifecycle;
pub use lock::{DefaultRetention, Governance, Lock, LockMode, ObjectLock, Period, Retention};
pub use name::{BucketName, ObjectKey};
pub use object::{BodySlice, Bucket, ETag, Marker, Metadata, Part, PartSummary, Slot, Upload, Version, Which};
pub use outside::{Outside, Timestamp};
pub use principal::{
    AccessKey, AccessKeyId, Group, KeyLimits, KeyState, LabelKey, Principal, Role, SealedSecret, Session, Wrap,
};
pub use profile::Profile;
pub use release::{Release, ReleaseState, Signature};
pub use segment::{Code, Epoch, Extent, Piece, PieceName, Segment, SegmentKind};
pub use setting::{Aspect, BucketSetting, Document, Tags, Versioning};
pub use site::{Site, SiteState, Vendor};
pub use timings::{Timed, Timings};
