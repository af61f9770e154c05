//! Chunks: a body's plaintext in runs of 65,520 bytes, each sealed by AES-256-GCM to 64 KiB.
//!
//! The construction is STREAM as in age: the nonce is the chunk's number and whether it is the last,
//! so chunks cannot be reordered, dropped, repeated or cut off unnoticed. That is safe because a key
//! seals exactly one body. The associated data repeats the place and adds the body's id. An empty
//! body is one empty last chunk.

use std::fmt;
use std::ops::Range;

use model::{BodyId, Outside};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::error::Tampered;

/// Bytes of a full sealed chunk.
pub const SEALED: usize = 65_536;
/// Bytes the seal adds.
pub const TAG: usize = 16;
/// Plaintext bytes of a full chunk.
pub const PLAIN: usize = SEALED - TAG;

/// Bytes of a chunk's associated data: body id, chunk number, last flag.
const CONTEXT: usize = 16 + 8 + 1;

/// The key of one body and of nothing else.
#[derive(Clone)]
pub struct BodyKey(Zeroizing<[u8; 32]>);

impl BodyKey {
    pub fn random(outside: &Outside) -> BodyKey {
        BodyKey::from_bytes(outside.random())
    }

    pub fn from_bytes(bytes: [u8; 32]) -> BodyKey {
        BodyKey(Zeroizing::new(bytes))
    }

    /// The key itself, for wrapping.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for BodyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyKey")
    }
}

/// Chunks of a body of `plain` bytes; at least one.
pub fn chunks(plain: u64) -> u64 {
    plain.div_ceil(PLAIN as u64).max(1)
}

/// Sealed bytes of a body of `plain` bytes.
pub fn sealed_length(plain: u64) -> u64 {
    plain.saturating_add(chunks(plain).saturating_mul(TAG as u64))
}

/// The numbers of the chunks that hold plaintext bytes `plain`.
pub fn covering(plain: &Range<u64>) -> Range<u64> {
    let unit = PLAIN as u64;
    plain.start / unit..plain.end.div_ceil(unit).max(plain.start / unit)
}

/// Where chunk `number` of a body of `plain` bytes lies among the body's sealed bytes.
pub fn place(number: u64, plain: u64) -> Range<u64> {
    let start = number.saturating_mul(SEALED as u64);
    start..start.saturating_add(SEALED as u64).min(sealed_length(plain))
}

/// Whether a chunk ends its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    No,
    Yes,
}

impl Last {
    /// Whether chunk `number` ends a body of `plain` bytes.
    pub fn of(number: u64, plain: u64) -> Last {
        if number + 1 == chunks(plain) { Last::Yes } else { Last::No }
    }
}

/// Seals and opens the chunks of one body.
pub struct Sealer {
    key: LessSafeKey,
    body: BodyId,
}

impl Sealer {
    #[expect(clippy::expect_used, reason = "the only refusal is a key of another length, and the type has 32 bytes")]
    pub fn new(key: &BodyKey, body: BodyId) -> Sealer {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).expect("a key of 32 bytes");
        Sealer { key: LessSafeKey::new(key), body }
    }

    /// Seals in place: plaintext in all but the last [`TAG`] bytes of `buffer`, which become the tag.
    ///
    /// Panics when `buffer` is shorter than a tag or longer than [`SEALED`].
    #[expect(clippy::expect_used, reason = "the cipher refuses nothing of a chunk's size; both bounds are documented")]
    pub fn seal(&self, number: u64, last: Last, buffer: &mut [u8]) {
        assert!(buffer.len() <= SEALED, "a chunk has at most {SEALED} sealed bytes");
        let (plain, tag) = buffer.split_last_chunk_mut::<TAG>().expect("a chunk has room for its tag");
        let context = self.context(number, last);
        let sealed = self.key.seal_in_place_separate_tag(nonce(number, last), Aad::from(context), plain);
        tag.copy_from_slice(sealed.expect("a chunk is shorter than the cipher's limit").as_ref());
    }

    /// Opens in place and returns the plaintext. After a failure the buffer's content is void.
    pub fn open<'a>(&self, number: u64, last: Last, buffer: &'a mut [u8]) -> Result<&'a mut [u8], Tampered> {
        let context = self.context(number, last);
        self.key.open_in_place(nonce(number, last), Aad::from(context), buffer).map_err(|_| Tampered)
    }

    fn context(&self, number: u64, last: Last) -> [u8; CONTEXT] {
        let mut context = [0; CONTEXT];
        let (body, place) = context.split_at_mut(16);
        let (chunk, flag) = place.split_at_mut(8);
        body.copy_from_slice(&self.body.0);
        chunk.copy_from_slice(&number.to_be_bytes());
        flag.fill(last as u8);
        context
    }
}

/// The chunk number in 11 bytes, big-endian, then the last flag.
fn nonce(number: u64, last: Last) -> Nonce {
    let mut nonce = [0; 12];
    let (head, flag) = nonce.split_at_mut(11);
    let (_, chunk) = head.split_at_mut(3);
    chunk.copy_from_slice(&number.to_be_bytes());
    flag.fill(last as u8);
    Nonce::assume_unique_for_key(nonce)
}

/// Seals a whole body held in memory.
pub fn seal_body(key: &BodyKey, body: BodyId, plain: &[u8]) -> Vec<u8> {
    let sealer = Sealer::new(key, body);
    let length = plain.len() as u64;
    let mut sealed = Vec::with_capacity(plain.len() + plain.len() / 4_000 + 2 * TAG);
    let mut runs = plain.chunks(PLAIN);
    for number in 0..chunks(length) {
        let start = sealed.len();
        sealed.extend_from_slice(runs.next().unwrap_or_default());
        sealed.extend_from_slice(&[0; TAG]);
        let (_, chunk) = sealed.split_at_mut(start);
        sealer.seal(number, Last::of(number, length), chunk);
    }
    sealed
}

/// Opens a whole body of `plain` plaintext bytes held in memory, and leaves just its plaintext.
pub fn open_body(key: &BodyKey, body: BodyId, plain: u64, mut sealed: Vec<u8>) -> Result<Vec<u8>, Tampered> {
    if sealed.len() as u64 != sealed_length(plain) {
        return Err(Tampered);
    }
    let sealer = Sealer::new(key, body);
    let mut lengths = Vec::with_capacity(sealed.len() / SEALED + 1);
    for (number, chunk) in (0..).zip(sealed.chunks_mut(SEALED)) {
        lengths.push(sealer.open(number, Last::of(number, plain), chunk)?.len());
    }
    // Close the gaps that the tags left.
    let mut end = 0;
    for (number, length) in lengths.into_iter().enumerate() {
        let start = number * SEALED;
        sealed.copy_within(start..start + length, end);
        end += length;
    }
    sealed.truncate(end);
    Ok(sealed)
}

#[cfg(test)]
mod tests;
