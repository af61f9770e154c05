//! The engine's limits, each beside its reason.

use std::time::Duration;

/// Sealed bytes of a large segment at most: what one plain PUT should carry, and what one dying
/// vendor may cost in re-placement.
pub const SEGMENT_MAX: usize = 64 << 20;

/// Sealed bytes that a segment begins with and grows by while there is room; under contention it is
/// cut there. Below this, requests to sites would cost more than the bytes.
pub const SEGMENT_MIN: usize = 8 << 20;

/// Plaintext of a body that rides in the journal at most.
pub const INLINE_MAX: u64 = 1 << 20;

/// In-flight bytes of the whole process, parity and buffers included.
pub const MEMORY_BUDGET: usize = 512 << 20;

/// One PutObject or part at most: what S3 allows.
pub const BODY_MAX: u64 = 5 << 30;

/// A completed object at most: what S3 allows.
pub const OBJECT_MAX: u64 = 5 << 40;

/// Every part but the last has at least this many bytes: what S3 asks for.
pub const PART_MIN: u64 = 5 << 20;

/// Parts are numbered from 1 to this, as in S3.
pub const PART_NUMBER_MAX: u16 = 10_000;

/// Segments of one body that may be shipping while the next one fills.
pub const SHIPPING_PER_BODY: usize = 2;

/// A journal batch closes at this many bytes ...
pub const BATCH_BYTES: usize = 8 << 20;
/// ... or this many records, so that replay holds little in memory and nobody waits long.
pub const BATCH_RECORDS: usize = 4096;
/// Journal batches of one stream under way at once.
pub const BATCHES_UNDER_WAY: usize = 2;

/// Sealed chunks that one step of a read fetches; a multiple of every code's stripe. Large enough
/// that a request's overhead is small, small enough to start answering early and to hold little for
/// a reader that stalls.
pub const READ_WINDOW_CHUNKS: u64 = 24;
/// Steps of one read under way at once.
pub const READ_AHEAD: usize = 3;
/// A read of at most this many sealed bytes never waits for others: all connections together cannot
/// hold much of them.
pub const READ_FREELY: u64 = 64 << 10;
/// How long a larger one waits for its turn before it is told to come again.
pub const READ_WAIT: Duration = Duration::from_secs(20);

/// Work on fewer bytes than this runs where it is: handing it over would cost more.
pub const INLINE_WORK: usize = 64 << 10;
/// Bytes of a body digested and sealed per hand-over.
pub const INTAKE_WINDOW: usize = 1 << 20;

/// How long a site may take for an upload before the others' floor is enough; and the bounds of
/// what is measured.
pub const UPLOAD_DEADLINE_MIN: Duration = Duration::from_secs(1);
pub const UPLOAD_DEADLINE_MAX: Duration = Duration::from_secs(20);

/// How long a round of deciding waits for as many changes as the one before it had. A fraction of what
/// the syncs of a round take, and as fine as the timer is.
pub const DECIDE_GATHER: Duration = Duration::from_millis(1);

/// How long a caller waits for its decided change to be shown before it is told to try again; the
/// change itself is never given up.
pub const COMMIT_WAIT: Duration = Duration::from_secs(50);

/// How often a batch that cannot stand is shipped again.
pub const SHIP_AGAIN: Duration = Duration::from_millis(250);

/// Extra read requests, in hundredths of the ordinary ones.
pub const HEDGE_PERCENT: u32 = 5;
/// Hedges that may be saved up: enough to overtake the two or three short reads, sixteen parts each and
/// two requests a part, that meet a site as it falls silent.
pub const HEDGE_BURST: u32 = 80;
/// Of a site's reads so many in a hundred are late; a little fewer than the budget pays for, so that
/// something is left for the reads whose hedge is late too.
pub const LATE_PERCENT: u32 = 4;
/// A hedge is late sooner: whoever waits for it waited long already.
pub const HEDGE_LATE_PERCENT: u32 = 40;
/// A read is late after this when nothing was measured yet.
pub const LATE_AFTER: Duration = Duration::from_millis(500);
/// ... and never before this: below it, scheduling noise looks like a slow site.
pub const LATE_AFTER_MIN: Duration = Duration::from_millis(5);
/// A late read for which the budget had no hedge asks for one again after this.
pub const HEDGE_AGAIN: Duration = Duration::from_millis(25);

/// A piece is asked for so many times at once at its own site: two that are late together are bad
/// luck, three mean that it does not come from there.
pub const TRIES_AT_ONCE: usize = 3;

/// A read that somebody waits for is cut into requests of this size, sent at once, when its sites
/// are slower than [`CUT_ABOVE`]: the smaller a request, the lighter its tail, and the less a hedge
/// has to bring. Half of it would double the requests for a sixth less of the tail.
pub const READ_CUT: u64 = 64 << 10;
/// What a request takes at a site that is reached over a network; a disk answers sooner, and there
/// every request costs a core more than it saves.
pub const CUT_ABOVE: Duration = Duration::from_millis(10);
/// Reads of more steps than this are busy anyway: the next step is read while one is sent.
pub const CUT_STEPS: usize = 2;

/// Rounds of re-reading when cells fail their proof: a flip on the way is gone the next time.
pub const VERIFIED_ROUNDS: usize = 4;

/// Segments that catch-up looks at in one go.
pub const CATCH_UP_BATCH: usize = 64;

/// A writer epoch lasts at most this long.
pub const EPOCH_LENGTH: Duration = Duration::from_secs(24 * 3600);

/// Bytes of a journal piece that are read to see what it is: the records of nearly every batch, and little
/// enough where they are fewer.
pub const JOURNAL_HEAD: u64 = 16 << 10;

/// Names that one page of a site's listing holds.
pub const LIST_PAGE: usize = 1000;
