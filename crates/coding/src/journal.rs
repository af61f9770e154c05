//! The payload of a journal segment: a clear prelude, the sealed block of records, and behind it the
//! sealed bodies that ride along.
//!
//! All of it lies in one stripe, and no body crosses a cell, so that a small object is read at one
//! site. Each sealing has a fresh key, wrapped under the stream's key; sealing the same records again
//! is another segment with another key. The bytes are in `docs/formats/journal.md`.
#![expect(clippy::indexing_slicing, reason = "what is sliced was laid out here, or compared first")]

use std::borrow::Borrow;

use bytes::{Buf, BufMut, Bytes};
use model::{BodyId, Code, KeyTag, LabelKey, Outside, SegmentId, SegmentKind, StreamId};
use thiserror::Error;

use crate::chunk::{self, BodyKey};
use crate::error::FormatError;
use crate::keys::LabelSecret;
use crate::limits::ALIGN;
use crate::piece::Identity;
use crate::record;
use crate::segment::{Encoded, Encoder};

/// The newest format version known here.
pub const VERSION: u16 = 1;

const MAGIC: &[u8; 8] = b"ENTJOURN";
/// Magic, version, two lengths, records, segment, stream, key tag, salt.
const CLEAR: usize = 8 + 2 + 4 + 8 + 4 + 16 + 16 + 16 + 32;
/// The wrapped segment key.
const WRAPPED: usize = 32 + 16;
/// In front of each record in the sealed block: its length, its body's offset and length.
const ENTRY: usize = 4 + 8 + 8;

/// A decided record on its way to the sites.
#[derive(Clone, Debug)]
pub struct Item {
    pub encoded: Bytes,
    /// Sealed bytes of a small body, in their final form.
    pub body: Option<Bytes>,
}

/// Offset and length in the payload of the body that rides with a record, if one does.
pub type Ride = Option<(u64, u64)>;

/// A journal segment ready to be uploaded.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub encoded: Encoded,
    /// For each item, where its body lies.
    pub extents: Vec<Ride>,
}

/// What a journal segment held.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The segment it was sealed as. A batch that was placed anew lies in another one.
    pub segment: SegmentId,
    pub stream: StreamId,
    /// Encoded records, and where their bodies lie.
    pub items: Vec<(Bytes, Ride)>,
    /// The control stream's key, in its segments.
    pub control: Option<LabelKey>,
}

/// Why a journal segment does not open.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The stream's key was not given.
    #[error("the key {0} is needed to open the journal segment")]
    NoKey(KeyTag),
    #[error("the journal segment does not open: it, or its stream's key, is not what was sealed")]
    Tampered,
}

/// Seals a batch into one segment of kind journal.
///
/// `control` goes in clear into every segment of the control stream, so that the root key alone
/// opens it. A batch is at most a few times [`crate::limits::BATCH_BYTES_MAX`].
pub fn seal(
    code: Code,
    identity: Identity,
    stream_key: &LabelSecret,
    control: Option<&LabelKey>,
    items: &[Item],
    outside: &Outside,
) -> Sealed {
    debug_assert_eq!(identity.kind, SegmentKind::Journal);
    let control = control.map(record::to_bytes).unwrap_or_default();
    let block = items.iter().map(|item| ENTRY + item.encoded.len()).sum::<usize>() as u64;
    let head = CLEAR + control.len() + WRAPPED + length(chunk::sealed_length(block));
    let bodies: Vec<usize> = items.iter().map(|item| item.body.as_ref().map_or(0, Bytes::len)).collect();
    let plan = Plan::fit(code, head, &bodies);
    let extents: Vec<Ride> =
        plan.places.iter().zip(&bodies).map(|(place, body)| place.map(|place| (place as u64, *body as u64))).collect();
    let head = seal_head(identity, stream_key, &control, items, &extents, outside);
    Sealed { encoded: fill(code, identity, &plan, &head, items), extents }
}

/// Prelude and sealed records: all that comes before the bodies.
fn seal_head(
    identity: Identity,
    stream_key: &LabelSecret,
    control: &[u8],
    items: &[Item],
    extents: &[Ride],
    outside: &Outside,
) -> Vec<u8> {
    let mut block = Vec::new();
    for (item, extent) in items.iter().zip(extents) {
        let (offset, length) = extent.unwrap_or_default();
        block.put_u32(u32_of(item.encoded.len()));
        block.put_u64(offset);
        block.put_u64(length);
        block.put_slice(&item.encoded);
    }
    let salt: [u8; 32] = outside.random();
    let mut head = Vec::with_capacity(CLEAR + control.len() + WRAPPED + block.len() + block.len() / 1_000);
    head.put_slice(MAGIC);
    head.put_u16(VERSION);
    head.put_u32(u32_of(control.len()));
    head.put_u64(block.len() as u64);
    head.put_u32(u32_of(items.len()));
    head.put_slice(&identity.segment.0);
    head.put_slice(&identity.stream.0);
    head.put_slice(&stream_key.tag().0);
    head.put_slice(&salt);
    head.put_slice(control);
    let key = BodyKey::random(outside);
    let wrapped = stream_key.wrap_segment(&key, &salt, identity.segment, &head);
    head.put_slice(&wrapped);
    head.put_slice(&chunk::seal_body(&key, BodyId(identity.segment.0), &block));
    head
}

/// Where everything goes.
struct Plan {
    cell: usize,
    /// Payload bytes, gaps included.
    length: usize,
    /// Offset of each body in the payload; none for those without.
    places: Vec<Option<usize>>,
}

impl Plan {
    /// The smallest cell, or nearly, with which all fits into one stripe and no body crosses a cell.
    fn fit(code: Code, head: usize, bodies: &[usize]) -> Plan {
        let total = head + bodies.iter().sum::<usize>();
        let largest = bodies.iter().copied().max().unwrap_or(0);
        let mut cell = total.div_ceil(code.k.into()).max(largest).next_multiple_of(ALIGN);
        loop {
            if let Some(plan) = Plan::with(code, cell, head, bodies) {
                return plan;
            }
            // In steps of a sixty-fourth: few rounds, little slack. A cell of `total` always fits.
            cell += (cell / 64).next_multiple_of(ALIGN).max(ALIGN);
        }
    }

    /// Places bodies in cells of this size, large ones first, each in the first cell with room.
    fn with(code: Code, cell: usize, head: usize, bodies: &[usize]) -> Option<Plan> {
        let mut filled: Vec<usize> =
            (0..usize::from(code.k)).map(|i| head.saturating_sub(i * cell).min(cell)).collect();
        let mut order: Vec<usize> = (0..bodies.len()).filter(|body| bodies[*body] > 0).collect();
        order.sort_by_key(|body| std::cmp::Reverse(bodies[*body]));
        let mut places = vec![None; bodies.len()];
        for body in order {
            let home = filled.iter().position(|used| used + bodies[body] <= cell)?;
            places[body] = Some(home * cell + filled[home]);
            filled[home] += bodies[body];
        }
        let last = filled.iter().rposition(|used| *used > 0)?;
        Some(Plan { cell, length: last * cell + filled[last], places })
    }
}

/// Writes head and bodies into the cells of one stripe.
fn fill(code: Code, identity: Identity, plan: &Plan, head: &[u8], items: &[Item]) -> Encoded {
    let mut encoder = Encoder::new(code, u32_of(plan.cell), 1);
    for start in (0..plan.length).step_by(plan.cell) {
        let end = (start + plan.cell).min(plan.length);
        let cell = encoder.next_cell();
        if start < head.len() {
            let part = &head[start..end.min(head.len())];
            cell[..part.len()].copy_from_slice(part);
        }
        for (item, place) in items.iter().zip(&plan.places) {
            if let (Some(body), Some(place)) = (&item.body, place)
                && (start..end).contains(place)
            {
                cell[place - start..place - start + body.len()].copy_from_slice(body);
            }
        }
        encoder.commit_cell(end - start);
    }
    encoder.finish(identity)
}

/// The clear part of a payload.
struct Prelude<'a> {
    control: &'a [u8],
    block: u64,
    records: u32,
    segment: SegmentId,
    stream: StreamId,
    under: KeyTag,
    salt: [u8; 32],
    /// All of the above as it stands there, control included.
    clear: &'a [u8],
    wrapped: &'a [u8],
    /// Behind the prelude.
    rest: &'a [u8],
}

fn damaged(why: &str) -> FormatError {
    FormatError::damaged("journal segment", why)
}

fn prelude(payload: &[u8]) -> Result<Prelude<'_>, FormatError> {
    let mut fixed = payload.get(..CLEAR).ok_or_else(|| damaged("it is too short"))?;
    if fixed[..8] != *MAGIC {
        return Err(damaged("it does not begin as one does"));
    }
    fixed.advance(8);
    let version = fixed.get_u16();
    if version > VERSION {
        return Err(FormatError::Newer { what: "journal segment", found: version.into(), known: VERSION.into() });
    }
    let (control, block, records) = (fixed.get_u32(), fixed.get_u64(), fixed.get_u32());
    let mut id = || {
        let mut id = [0; 16];
        fixed.copy_to_slice(&mut id);
        id
    };
    let (segment, stream, under) = (SegmentId(id()), StreamId(id()), KeyTag(id()));
    let mut salt = [0; 32];
    fixed.copy_to_slice(&mut salt);
    let behind = CLEAR.saturating_add(usize::try_from(control).unwrap_or(usize::MAX));
    let end = behind.saturating_add(WRAPPED);
    if version == 0 || payload.len() < end {
        return Err(damaged("its lengths do not fit"));
    }
    Ok(Prelude {
        control: &payload[CLEAR..behind],
        block,
        records,
        segment,
        stream,
        under,
        salt,
        clear: &payload[..behind],
        wrapped: &payload[behind..end],
        rest: &payload[end..],
    })
}

/// The key of the control stream if this is one of its segments; readable without any key.
pub fn control_key(payload: &[u8]) -> Result<Option<LabelKey>, FormatError> {
    let control = prelude(payload)?.control;
    if control.is_empty() { Ok(None) } else { record::from_bytes(control).map(Some) }
}

/// The name of the key that opens the segment.
pub fn stream_key(payload: &[u8]) -> Result<KeyTag, FormatError> {
    Ok(prelude(payload)?.under)
}

/// How much of a payload comes before the bodies, told by its beginning: what [`open_head`] needs.
pub fn head_length(payload: &[u8]) -> Result<u64, FormatError> {
    let prelude = prelude(payload)?;
    let clear = (prelude.clear.len() + prelude.wrapped.len()) as u64;
    Ok(clear.saturating_add(chunk::sealed_length(prelude.block)))
}

/// Opens a payload with the stream's key, which `secret` finds by its tag. The caller compares the
/// stream with the one it asked for; the segment may be another since the batch was sealed.
pub fn open<S: Borrow<LabelSecret>>(
    payload: &[u8],
    secret: impl FnOnce(KeyTag) -> Option<S>,
) -> Result<Opened, OpenError> {
    open_head(payload, payload.len() as u64, secret)
}

/// Opens a payload of `length` bytes of which only the head is at hand: the bodies are not looked at.
pub fn open_head<S: Borrow<LabelSecret>>(
    payload: &[u8],
    length: u64,
    secret: impl FnOnce(KeyTag) -> Option<S>,
) -> Result<Opened, OpenError> {
    let prelude = prelude(payload)?;
    let control = control_key(payload)?;
    let secret = secret(prelude.under).ok_or(OpenError::NoKey(prelude.under))?;
    let key = secret.borrow().unwrap_segment(prelude.wrapped, &prelude.salt, prelude.segment, prelude.clear);
    let key = key.map_err(|_| OpenError::Tampered)?;
    let sealed =
        usize::try_from(chunk::sealed_length(prelude.block)).ok().and_then(|sealed| prelude.rest.get(..sealed));
    let sealed = sealed.ok_or_else(|| damaged("its records are cut off"))?.to_vec();
    let block = chunk::open_body(&key, BodyId(prelude.segment.0), prelude.block, sealed);
    let items = items(block.map_err(|_| OpenError::Tampered)?.into(), length)?;
    if items.len() as u64 != u64::from(prelude.records) {
        return Err(damaged("it holds another number of records than it says").into());
    }
    Ok(Opened { segment: prelude.segment, stream: prelude.stream, items, control })
}

/// The records of an opened block.
fn items(mut block: Bytes, payload: u64) -> Result<Vec<(Bytes, Ride)>, FormatError> {
    let mut items = Vec::new();
    while block.has_remaining() {
        let cut_off = || damaged("a record is cut off");
        if block.remaining() < ENTRY {
            return Err(cut_off());
        }
        let (record, offset, length) = (block.get_u32() as usize, block.get_u64(), block.get_u64());
        if block.remaining() < record {
            return Err(cut_off());
        }
        if offset.checked_add(length).is_none_or(|end| end > payload) {
            return Err(damaged("a body lies outside of it"));
        }
        items.push((block.split_to(record), (length > 0).then_some((offset, length))));
    }
    Ok(items)
}

#[expect(clippy::expect_used, reason = "a batch is some megabytes; four gigabytes of it would be a bug")]
fn u32_of(length: usize) -> u32 {
    u32::try_from(length).expect("a batch of less than 4 GiB")
}

#[expect(clippy::cast_possible_truncation, reason = "it is the length of something about to be held in memory")]
fn length(length: u64) -> usize {
    length as usize
}

#[cfg(test)]
mod tests;
