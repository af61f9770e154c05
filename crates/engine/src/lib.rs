//! The engine moves bytes: put, get, list, delete, multipart, and what keeps their promise.
//!
//! ```text
//!  s3 ── permit + body ──► put ── pieces ──► placement ──► sites
//!                           │ proposal                      ▲
//!                           ▼                               │ journal segments
//!                        commit: decide (catalog) ► ship ───┘ ► show (catalog) ──► answer
//!  s3 ◄── verified bytes ── get ◄── cells ── sites
//! ```
//!
//! Every call takes its target from a [`policy::Permit`]. Absent by design: prices, offers and
//! forecasts; the HTTP protocol; anything that chooses a vendor for a reason other than health.

mod api;
mod error;

pub use api::*;
pub use error::{BodyError, BodyErrorKind, Error};
