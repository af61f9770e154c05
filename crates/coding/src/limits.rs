//! The sizes of things, each beside its reason.

use crate::chunk;

/// Bytes of one cell of a data segment: exactly one sealed chunk, so that reading a chunk is one
/// read at one site and proving it is one digest.
pub const CELL: u32 = 65_536;

/// Chunks of the largest data segment.
pub const SEGMENT_CHUNKS_MAX: usize = 1_024;

/// Payload bytes of the largest data segment. Large enough that a piece of 2+2 is one PUT of 32 MiB,
/// where every vendor's throughput has levelled off; small enough that a process holds several with
/// their parity, and that a vendor dying half way costs one segment's re-placement.
pub const SEGMENT_SEALED_MAX: u64 = (SEGMENT_CHUNKS_MAX * chunk::SEALED) as u64;

/// Plaintext bytes of the largest body that rides in the journal. Above it a body's own pieces are
/// large enough that their requests no longer dominate their cost.
pub const INLINE_MAX: u64 = 1 << 20;

/// A journal batch closes at this many bytes of records and riding bodies: a few megabytes per site
/// are shipped within a round trip or two, and waiting for more would only add latency.
pub const BATCH_BYTES_MAX: usize = 8 << 20;

/// A journal batch closes at this many records: it bounds the transaction that shows them.
pub const BATCH_RECORDS_MAX: usize = 4_096;

/// Cells are multiples of this: the erasure code works on blocks of 64 bytes, so that a slice on
/// these boundaries decodes alone.
pub const ALIGN: usize = 64;
