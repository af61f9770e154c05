//! The engine moves bytes: put, get, list, delete, multipart, and what keeps their promise.
//!
//! ```text
//!  s3 ── permit + body ──► put ── pieces ──► ship ──────────► sites
//!                           │ proposal                         ▲
//!                           ▼                                  │ journal segments
//!                        commit: decide (catalog) ► ship ──────┘ ► show (catalog) ──► answer
//!  s3 ◄── verified bytes ── get ◄── cells ── sites
//! ```
//!
//! Every call takes its target from a [`policy::Permit`], so a handler asks first and does what it asked for:
//!
//! ```
//! async fn handler(engine: engine::Engine, permit: policy::Permit<policy::GetObject>) {
//!     let _ = engine.find(permit).await;
//! }
//! ```
//!
//! One that did not ask does not compile, nor one that passes a target beside the permit, does something
//! else than it was allowed, or does it twice:
//!
//! ```compile_fail
//! async fn handler(engine: engine::Engine, bucket: model::Bucket, key: model::ObjectKey) {
//!     let _ = engine.find(bucket, key).await;
//! }
//! ```
//! ```compile_fail
//! async fn handler(engine: engine::Engine, permit: policy::Permit<policy::GetObject>, key: model::ObjectKey) {
//!     let _ = engine.find(permit, key).await;
//! }
//! ```
//! ```compile_fail
//! async fn handler(engine: engine::Engine, permit: policy::Permit<policy::GetObject>) {
//!     let _ = engine.delete_bucket(permit).await;
//! }
//! ```
//! ```compile_fail
//! async fn handler(engine: engine::Engine, permit: policy::Permit<policy::GetObject>) {
//!     let _ = (engine.find(permit).await, engine.find(permit).await);
//! }
//! ```
//!
//! Absent by design: price tables, offers and
//! forecasts; the HTTP protocol; anything that chooses where to write for a reason other than health.

mod access;
mod api;
mod error;
mod limits;
mod settings;

mod join;
mod open;
mod rebuild;
mod replay;

mod adopt;
mod bucket;
mod copy;
mod explain;
mod gauges;
mod get;
mod multipart;
mod people;
mod put;
mod releases;
mod status;
mod versions;
mod whereabouts;

mod cells;
pub mod choose;
mod commit;
mod intake;
mod labels;
pub mod placement;
mod ship;
mod shred;

mod budget;
mod epochs;
mod hedge;
mod inner;
mod keyring;
mod lookups;
mod sites;
mod suspects;
pub mod trail;
mod upkeep;
mod work;

pub use adopt::{AdoptionPlan, AdoptionStatus, Difference, Differing, Odd};
pub use api::*;
pub use bucket::Meant;
pub use catalog::proof::{Depth, Fault, Finding, Spent, Walk};
pub use catalog::{ListEntry, ListQuery, ObjectSummary, Page, VersionKind, VersionSummary};
pub use choose::WaitingCost;
pub use copy::{Copied, Copy, CopyPart};
pub use error::{BodyError, BodyErrorKind, Error};
pub use explain::{Explanation, Question};
pub use gauges::{CommitGauge, Gauges, ShareGauge, SiteGauge};
pub use get::Plaintext;
pub use labels::LabelInfo;
pub use limits::{BODY_MAX, PART_MIN, READ_CUT};
pub use open::{OpenError, Parts, SiteParts};
pub use rebuild::{RebuildPlan, Rebuilt, SnapshotPlan};
pub use releases::Destination;
pub use replay::{Step as ReplayStep, Tell};
pub use settings::Settings;
pub use shred::{RootState, ShredPlan, fingerprint};
pub use upkeep::{
    Bill, Budget, Compaction, Compared, DataMove, Durability, DurabilityRow, Evacuation, EvacuationPlan,
    KeepingSettings, LifecycleDone, LifecyclePlan, MovePlan, MoveProgress, NotAsked, Purse, RepairPlan, Repaired,
    ScrubDone, ScrubOrder, ScrubPlan, ScrubSettings, Shift, Shifted, SiteProofs, SiteScrub, Standard, Step, Stop,
    SweepPlan, Tally, Task, UnderWay, Wait, What,
};
pub use versions::LegalHold;
pub use whereabouts::{SegmentHeld, Whereabouts};
