//! May this principal do this to that? A verdict with its reason, and for a yes the [`Permit`]
//! that engine calls take their target from.
//!
//! [`duty`] says what each role is for beside the data; [`release`] what it takes to lower a label;
//! [`labels`] gives labels their names: policy tables, marks, the formats of others.
//!
//! Values in, values out. Absent by design: IO, and any knowledge of S3 or of clouds.

mod action;
pub mod duty;
pub mod labels;
pub mod matrix;
mod mint;
mod permit;
pub mod release;
mod verdict;

pub use action::*;
pub use mint::{
    may_bucket, may_key, may_object, on_account, on_bucket, on_object, on_shared_bucket, on_shared_key,
    on_shared_object, preflight, puts_for_the_owner,
};
pub use permit::{Permit, SystemPermit};
pub use verdict::{Access, Basis, Refusal, Standing, Step, Verdict, decide, decide_on_account, may_use};
