//! May this principal do this to that? A verdict with its reason, and for a yes the [`Permit`]
//! that engine calls take their target from.
//!
//! [`labels`] gives labels their names: policy tables, marks, the formats of others.
//!
//! Values in, values out. Absent by design: IO, and any knowledge of S3 or of clouds.

mod action;
mod grant;
pub mod labels;
mod permit;
mod verdict;

pub use action::*;
pub use grant::{
    Access, may_bucket, may_object, on_key_of_shared_bucket, on_shared_bucket, on_shared_object, preflight,
};
pub use permit::{Permit, SystemPermit};
pub use verdict::{Refusal, may_use, on_account, on_bucket, on_object};
