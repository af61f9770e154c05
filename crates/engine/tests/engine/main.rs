//! The engine from outside, in a small world. One program: each test file for itself would build the engine's
//! generics again.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "helpers of tests fail as tests do"
)]

mod world;

mod adopt;
mod collection;
mod collusion;
mod compact;
mod crash;
mod data_path;
mod evacuate;
mod footprint;
mod join;
mod keys;
mod labels;
mod late;
mod limits;
mod moving;
mod reading;
mod rebuild;
mod repair;
mod replay;
mod scrub;
mod scrub_purse;
mod snapshot;
mod suspects;
mod versions;
