//! The label: level, compartments, releasability, integrity, under one policy table.
//!
//! Every record carries one from the first day. Until policy tables are loaded there is exactly one
//! label, [`Label::LOWEST`], and labels are only compared for equality.

/// A label as its canonical bytes: policy table (2), level (1), integrity (1), compartments (16),
/// releasability (32); equal labels have equal bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label([u8; Label::BYTES]);

impl Label {
    /// Length of the canonical bytes.
    pub const BYTES: usize = 52;

    /// The one label there is while no policy table is loaded: table 0, level 0, nothing else.
    pub const LOWEST: Label = Label([0; Label::BYTES]);

    /// The label with these canonical bytes.
    pub const fn from_canonical(bytes: [u8; Label::BYTES]) -> Label {
        Label(bytes)
    }

    /// The canonical bytes.
    pub const fn canonical(&self) -> &[u8; Label::BYTES] {
        &self.0
    }
}
