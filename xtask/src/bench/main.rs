//! The load generator and the stage rates behind `cargo xtask bench`.
fn main() {}
