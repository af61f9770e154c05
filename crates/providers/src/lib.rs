//! Where pieces lie: one narrow trait over every vendor's store, its adapters, and the decorators
//! that make a store fit to rely on.
//!
//! A piece comes in as bytes under a name nobody used before, and leaves by ranges:
//!
//! ```text
//! engine ─► breaker ─► retry ─► meter ─► deadline ─► adapter (local, memory, remote)
//! ```
//!
//! Absent by design: erasure coding, labels, budgets, and any idea of what the bytes mean.

mod name;
mod request;
mod store;

pub mod local;
pub mod memory;
pub mod remote;

pub mod http;

pub mod breaker;
pub mod deadline;
pub mod fault;
pub mod meter;
pub mod retry;

pub mod marker;
pub mod stack;

pub mod origin;

#[cfg(any(test, feature = "contract"))]
pub mod contract;
#[cfg(test)]
mod world;

pub use breaker::{Breaker, Health, Side};
pub use local::LocalStore;
pub use memory::MemoryStore;
pub use meter::{Meter, Outcome};
pub use name::{NAME_BYTES_MAX, PART_BYTES_MAX};
pub use origin::{
    Fetched, MemoryOrigin, NoOrigins, Origin, OriginBytes, OriginEntry, OriginError, OriginErrorKind, OriginObject,
    OriginPage, Origins, Patient,
};
pub use request::{Half, Kind};
pub use stack::{Settings, SiteHandle, stack};
pub use store::{Entry, Error, ErrorKind, Store};
