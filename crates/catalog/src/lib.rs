//! The catalog: which names exist, what was decided, and where the pieces are.
//!
//! Proposals come in, decisions and facts leave. The catalog evaluates the conditions it is handed
//! against the decided state, in one order, and applies records when they are shown; the journal at
//! the sites is the truth it indexes. Absent by design: business rules, and any contact with sites.

mod error;
mod interface;

pub use error::Error;
pub use interface::*;
