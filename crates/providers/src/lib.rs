//! Where pieces lie: one narrow trait over every vendor's store, its adapters, and the decorators
//! that make a store fit to rely on.
//!
//! A piece comes in as bytes under a name nobody used before, and leaves by ranges. Absent by
//! design: erasure coding, labels, budgets, and any idea of what the bytes mean.

mod store;

pub use store::{Entry, Error, ErrorKind, Store};
