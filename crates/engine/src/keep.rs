//! Keeping: what lies at the sites stays as it was promised, over years, vendors that leave, and rot.

mod claims;
mod evacuate;
mod mend;
mod plan;
mod repair;
mod states;

pub use claims::Claims;
pub use evacuate::{Evacuation, EvacuationPlan};
pub use plan::Bill;
pub use repair::{RepairPlan, Repaired};
