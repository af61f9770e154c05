//! Bytes to pieces and back.
//!
//! ```text
//! plaintext ─► digest            ETags and checksums
//!     │
//!     ▼
//!   chunk       64 KiB sealed chunks under the body's own key ◄── keys  (root ► label ► body)
//!     │
//!     │  large                            small
//!     ▼                                     ▼
//!   segment ◄─────────────────────────── journal  ◄── record  (decided changes as bytes)
//!     │         cells, parity, digests      one batch of records and riding bodies
//!     ▼
//!   piece       one object at one site
//! ```
//!
//! The way back starts at any k pieces of a segment. [`rescue`] goes all of it, from directories of
//! pieces and the root key to files; it is the one module that touches a file system, and it is used
//! by the binary `entente-rescue` alone.
//!
//! Beside it: [`root_file`] and [`shares`] are the root key as it is kept, [`backup`] the catalog on its way
//! elsewhere, and [`snapshot`] what is shown of it on its way to the sites.
//!
//! Absent by design: async, network, the keeping of keys, and any choice of where a piece goes.
//! Randomness comes from [`model::Outside`]. The formats are in `docs/formats/`.

pub mod limits;

pub mod chunk;
pub mod digest;
pub mod keys;

pub mod piece;
pub mod record;
pub mod segment;

pub mod journal;

pub mod backup;
pub mod root_file;
pub mod shares;
pub mod snapshot;

pub mod rescue;

mod erasure;
mod error;
#[cfg(test)]
mod testing;

pub use chunk::{BodyKey, Last, Sealer};
pub use error::{FormatError, NotEnough, Tampered, WrongKey};
pub use keys::{LabelSecret, RootKey, WrapContext};
pub use piece::{Fragment, Header, Identity, Layout};
pub use segment::{Encoded, Encoder};
