//! The catalog: which names exist, what was decided, and where the pieces are.
//!
//! ```text
//!  engine ── proposals ──► decide ── numbered records ──► (shipped to the sites by the engine)
//!  engine ── a segment that stands, with its records ──► show ──► what reads see
//! ```
//!
//! Proposals come in, decisions and facts leave. The catalog evaluates the conditions it is handed
//! against the decided state, in one order, and applies records when they are shown; the journal at
//! the sites is the truth it indexes. Absent by design: business rules, and any contact with sites.

mod error;
mod interface;
pub mod proof;
mod sqlite;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

pub use error::Error;
pub use interface::*;
pub use sqlite::{Known, Look, SqliteCatalog};
