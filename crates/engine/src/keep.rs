//! Keeping: what lies at the sites stays as it was promised, over years, vendors that leave, and rot. Pieces
//! are proven again and again, and what that shows is a ledger.

mod claims;
mod evacuate;
mod ledger;
mod mend;
mod plan;
mod repair;
mod scrub;
mod states;

pub use claims::Claims;
pub use evacuate::{Evacuation, EvacuationPlan};
pub use ledger::{Durability, DurabilityRow, SiteProofs, Standard, Tally};
pub use plan::Bill;
pub use repair::{RepairPlan, Repaired};
pub use scrub::{Purse, Scrub, ScrubDone, ScrubOrder, ScrubSettings, Stop};
