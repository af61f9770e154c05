//! The real binary: started, refused, asked, stopped.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise, in its helpers too"
)]

mod world;

mod admin;
mod configured;
mod console;
mod first_start;
mod refusals;
mod screen;
mod stop;
mod storage;
