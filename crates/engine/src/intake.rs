//! Taking a body in: read, digest, seal, and either keep it whole for the journal or cut it into
//! segments that ship while the next one fills.
//!
//! ```text
//!  socket ──► windows ──► digests (own lane: MD5 is the slowest stage)
//!                    └──► seal + code (in place, in the pieces) ──► ship
//! ```
//!
//! Nothing is decided here: what comes out is content that lies somewhere under fresh names, with
//! every declared digest held.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use coding::chunk::{BodyKey, Last, PLAIN, SEALED, Sealer, TAG};
use coding::digest::{Digests, Kind};
use coding::segment::{Encoded, Encoder};
use coding::{Identity, chunk};
use futures::StreamExt;
use model::{
    Algorithm, BodyId, BucketId, Checksum, Extent, KeyTag, Profile, Segment, SegmentId, SegmentKind, StreamId,
};
use tokio::sync::oneshot;

use crate::api::{Body, Declared};
use crate::budget::Reserved;
use crate::epochs::Term;
use crate::error::Error;
use crate::inner::Inner;
use crate::limits::{BODY_MAX, INLINE_MAX, INLINE_WORK, INTAKE_WINDOW, SEGMENT_MAX, SEGMENT_MIN, SHIPPING_PER_BODY};
use crate::placement;
use crate::ship::{Late, Standing};
use crate::{trail, work};

/// A body taken in whole.
pub struct Taken {
    pub size: u64,
    pub md5: [u8; 16],
    pub checksums: Vec<Checksum>,
    pub body: BodyId,
    pub key: BodyKey,
    pub place: Place,
    /// Keeps the writer epoch open until the content is named by a decided record.
    pub term: Term,
    /// Kept until the write is answered: the bytes are in memory until then.
    pub reserved: Option<Reserved>,
}

/// Where a body's sealed bytes are.
pub enum Place {
    /// Here, to ride in the journal.
    Inline(Bytes),
    /// With each segment, its pieces still on their way.
    Segments { extents: Vec<Extent>, placed: Vec<(Segment, Late)> },
}

/// Where a body is going.
#[derive(Clone, Copy)]
pub struct Destination {
    pub bucket: BucketId,
    pub profile: Profile,
    pub stream: StreamId,
    pub key: KeyTag,
}

impl Inner {
    /// Reads `body` to its end and keeps it by `to`; fails unless all that was declared holds.
    pub async fn take_in(self: &Arc<Self>, declared: Declared, body: Body, to: Destination) -> Result<Taken, Error> {
        if declared.length.is_some_and(|length| length > BODY_MAX) {
            return Err(Error::TooLarge { max: BODY_MAX });
        }
        // Refuse before reading what could not be kept.
        self.map(to)?;
        let term = self.epochs.begin();
        let to = Destination { profile: self.lookups.profile_of(to.bucket, to.profile), ..to };
        let key = BodyKey::random(&self.outside);
        let id = BodyId::random(&self.outside);
        let mut source = Source::new(body, declared.length);
        let mut lane = DigestLane::new(&declared, self);
        let (place, reserved) = match self.take_small(&mut source).await? {
            Some((frames, reserved)) => {
                let held = frames.iter().map(Bytes::len).sum();
                lane.feed(frames.clone(), held).await?;
                let secret = BodyKey::from_bytes(*key.expose());
                let seal = move || Bytes::from(chunk::seal_body(&secret, id, &frames.concat()));
                (Place::Inline(work::run(&self.outside, held, seal).await?), Some(reserved))
            }
            None => (self.cut(&mut source, &mut lane, Sealer::new(&key, id), to, &term).await?, None),
        };
        source.check_length()?;
        let (md5, checksums) = lane.finish(declared).await?;
        Ok(Taken { size: source.taken, md5, checksums, body: id, key, place, term, reserved })
    }

    /// The whole body if it is small enough to ride in the journal; else `None`, with nothing taken.
    async fn take_small(&self, source: &mut Source) -> Result<Option<(Vec<Bytes>, Reserved)>, Error> {
        let length = source.left().unwrap_or(INLINE_MAX);
        if length > INLINE_MAX {
            return Ok(None);
        }
        // It will be here four times: as read, sealed, in the catalog's hands, and coded.
        let reserved = self.budget.small.reserve(usize::try_from(length * 4).unwrap_or(usize::MAX)).await;
        let frames = source.window(usize::try_from(INLINE_MAX).unwrap_or(usize::MAX)).await?;
        if source.at_end().await? {
            return Ok(Some((frames, reserved)));
        }
        source.put_back(frames);
        Ok(None)
    }

    fn map(&self, to: Destination) -> Result<placement::Map, Error> {
        let label = self.label_of(to.stream)?;
        self.sites.map(to.profile, label, &[], 0).map_err(|under| Error::unavailable(under.to_string()))
    }

    /// Cuts a large body into segments; up to two ship while the next one fills.
    async fn cut(
        self: &Arc<Self>,
        source: &mut Source,
        lane: &mut DigestLane,
        sealer: Sealer,
        to: Destination,
        term: &Term,
    ) -> Result<Place, Error> {
        let mut filler = Filler::new(sealer);
        let mut shipping = VecDeque::new();
        let mut stands = Vec::new();
        let mut more = true;
        while more {
            let code = self.map(to)?.code;
            let (k, n) = (usize::from(code.k), usize::from(code.n()));
            let left = source.left().map_or(u64::MAX, |left| left.div_ceil(PLAIN as u64));
            let chunks = usize::try_from(left).unwrap_or(usize::MAX).clamp(1, SEGMENT_MAX / SEALED);
            let rows_max = chunks.div_ceil(k);
            // A slow client holds one small step; what grows beyond takes only what is free.
            let step = (SEGMENT_MIN / SEALED).div_ceil(k).min(rows_max);
            let mut rows = step;
            let mut reserved = self.budget.large.reserve(rows * n * SEALED + INTAKE_WINDOW).await;
            filler.begin(Encoder::new(code, coding::limits::CELL, rows_max), rows * k * PLAIN);
            while !source.at_end().await? {
                if filler.room() == 0 {
                    let further = step.min(rows_max - rows);
                    let Some(granted) = Some(further)
                        .filter(|rows| *rows > 0)
                        .and_then(|rows| self.budget.large.try_reserve(rows * n * SEALED))
                    else {
                        break;
                    };
                    reserved.join(granted);
                    rows += further;
                    filler.extend(further * k * PLAIN);
                }
                let frames = source.window(INTAKE_WINDOW.min(filler.room())).await?;
                let bytes = frames.iter().map(Bytes::len).sum();
                lane.feed(frames.clone(), bytes).await?;
                filler = work::run(&self.outside, bytes, move || filler.fill(&frames)).await?;
            }
            more = !source.at_end().await?;
            let identity = Identity {
                enclave: self.enclave,
                stream: to.stream,
                segment: SegmentId::random(&self.outside),
                kind: SegmentKind::Data,
                key: to.key,
                epoch: term.epoch(),
            };
            let last = if more { Last::No } else { Last::Yes };
            let (encoded, rest) =
                { work::run(&self.outside, INLINE_WORK + 1, move || filler.finish(last, identity)).await? };
            filler = rest;
            shipping.push_back(self.ship_aside(encoded?, identity, to.profile, reserved));
            while shipping.len() >= SHIPPING_PER_BODY || (!more && !shipping.is_empty()) {
                if let Some(ship) = shipping.pop_front() {
                    stands.push(joined(ship.await)?);
                }
            }
        }
        Ok(laid_out(stands))
    }

    /// Ships in a task of its own, so that the next segment fills meanwhile.
    fn ship_aside(
        self: &Arc<Self>,
        encoded: Encoded,
        identity: Identity,
        profile: Profile,
        reserved: Reserved,
    ) -> tokio::task::JoinHandle<Result<Standing, Error>> {
        let inner = Arc::clone(self);
        tokio::spawn(trail::carried(async move { inner.ship(encoded, identity, profile, Some(reserved)).await }))
    }
}

fn joined(result: Result<Result<Standing, Error>, tokio::task::JoinError>) -> Result<Standing, Error> {
    result.unwrap_or_else(|error| Err(Error::Internal(format!("shipping stopped: {error}"))))
}

fn laid_out(stands: Vec<Standing>) -> Place {
    let whole = |segment: &Segment| Extent { segment: segment.id, offset: 0, length: segment.length };
    let extents = stands.iter().map(|standing| whole(&standing.segment)).collect();
    let placed = stands.into_iter().map(|Standing { segment, late }| (segment, late)).collect();
    Place::Segments { extents, placed }
}

/// Fills encoders with sealed chunks. A full chunk stays unsealed until it is known whether it is
/// the body's last.
struct Filler {
    sealer: Sealer,
    encoder: Option<Encoder>,
    /// Number of the chunk being filled.
    number: u64,
    /// Plaintext bytes in it.
    filled: usize,
    /// Plaintext bytes the current segment still takes.
    room: usize,
}

impl Filler {
    fn new(sealer: Sealer) -> Filler {
        Filler { sealer, encoder: None, number: 0, filled: 0, room: 0 }
    }

    fn begin(&mut self, encoder: Encoder, room: usize) {
        self.encoder = Some(encoder);
        self.room = room;
        self.filled = 0;
    }

    /// The current segment takes this much more plaintext.
    fn extend(&mut self, room: usize) {
        self.room += room;
    }

    fn room(&self) -> usize {
        self.room
    }

    /// Takes frames of at most `room` bytes in all.
    fn fill(mut self, frames: &[Bytes]) -> Filler {
        for frame in frames {
            let mut left: &[u8] = frame;
            while !left.is_empty() {
                if self.filled == PLAIN {
                    self.close_chunk(Last::No);
                }
                let Some(encoder) = &mut self.encoder else { return self };
                let (now, later) = left.split_at(left.len().min(PLAIN - self.filled));
                if let Some(target) = encoder.next_cell().get_mut(self.filled..self.filled + now.len()) {
                    target.copy_from_slice(now);
                }
                self.filled += now.len();
                self.room -= now.len();
                left = later;
            }
        }
        self
    }

    fn close_chunk(&mut self, last: Last) {
        let Some(encoder) = &mut self.encoder else { return };
        if let Some(chunk) = encoder.next_cell().get_mut(..self.filled + TAG) {
            self.sealer.seal(self.number, last, chunk);
        }
        encoder.commit_cell(self.filled + TAG);
        self.number += 1;
        self.filled = 0;
    }

    /// Closes the segment; `last`: the body ends here.
    fn finish(mut self, last: Last, identity: Identity) -> (Result<Encoded, Error>, Filler) {
        self.close_chunk(last);
        let encoder = self.encoder.take().ok_or_else(|| Error::Internal("no segment was begun".to_owned()));
        (encoder.map(|encoder| encoder.finish(identity)), self)
    }
}

/// The body as windows of frames, with its length watched.
struct Source {
    body: Body,
    /// Frames read and not yet handed out.
    ahead: VecDeque<Bytes>,
    ended: bool,
    declared: Option<u64>,
    /// Bytes handed out.
    taken: u64,
}

impl Source {
    fn new(body: Body, declared: Option<u64>) -> Source {
        Source { body, ahead: VecDeque::new(), ended: false, declared, taken: 0 }
    }

    /// Bytes still to come, if they were declared.
    fn left(&self) -> Option<u64> {
        self.declared.map(|declared| declared.saturating_sub(self.taken))
    }

    /// Whether everything was handed out. Waits for the next frame to know.
    async fn at_end(&mut self) -> Result<bool, Error> {
        while self.ahead.is_empty() && !self.ended {
            match self.body.next().await {
                Some(Ok(frame)) if frame.is_empty() => {}
                Some(Ok(frame)) => self.ahead.push_back(frame),
                Some(Err(error)) => return Err(Error::Body(error)),
                None => self.ended = true,
            }
        }
        Ok(self.ahead.is_empty())
    }

    /// Frames of `max` bytes in all, fewer only at the end.
    async fn window(&mut self, max: usize) -> Result<Vec<Bytes>, Error> {
        let (mut frames, mut room) = (Vec::new(), max);
        while room > 0 && !self.at_end().await? {
            let Some(mut frame) = self.ahead.pop_front() else { break };
            if frame.len() > room {
                let rest = frame.split_off(room);
                self.ahead.push_front(rest);
            }
            room -= frame.len();
            frames.push(frame);
        }
        self.taken += (max - room) as u64;
        let limit = self.declared.unwrap_or(BODY_MAX);
        if self.taken > limit {
            return Err(Error::TooLarge { max: limit });
        }
        Ok(frames)
    }

    fn put_back(&mut self, frames: Vec<Bytes>) {
        for frame in frames.into_iter().rev() {
            self.taken -= frame.len() as u64;
            self.ahead.push_front(frame);
        }
    }

    fn check_length(&self) -> Result<(), Error> {
        match self.declared {
            Some(declared) if declared != self.taken => Err(Error::IncompleteBody),
            _ => Ok(()),
        }
    }
}

/// Digests in a lane of their own, one window behind the sealing at most.
struct DigestLane {
    inner: Arc<Inner>,
    at_rest: Option<Digests>,
    working: Option<oneshot::Receiver<Digests>>,
}

impl DigestLane {
    fn new(declared: &Declared, inner: &Arc<Inner>) -> DigestLane {
        let mut kinds = vec![Kind::Md5];
        kinds.extend(wanted(declared).into_iter().map(Kind::Checksum));
        if declared.sha256.is_some() && !kinds.contains(&Kind::Checksum(Algorithm::Sha256)) {
            kinds.push(Kind::Checksum(Algorithm::Sha256));
        }
        DigestLane { inner: Arc::clone(inner), at_rest: Some(Digests::new(&kinds)), working: None }
    }

    async fn settle(&mut self) -> Result<Digests, Error> {
        if let Some(working) = self.working.take() {
            return working.await.map_err(|_| Error::Internal("a digest stopped".to_owned()));
        }
        self.at_rest.take().ok_or_else(|| Error::Internal("the digests are gone".to_owned()))
    }

    /// Starts digesting a window once the one before it is done.
    async fn feed(&mut self, frames: Vec<Bytes>, bytes: usize) -> Result<(), Error> {
        let mut digests = self.settle().await?;
        let job = move || {
            for frame in &frames {
                digests.update(frame);
            }
            digests
        };
        if bytes <= INLINE_WORK {
            self.at_rest = Some(job());
            return Ok(());
        }
        let (done, working) = oneshot::channel();
        self.inner.outside.blocking.spawn(Box::new(move || drop(done.send(job()))));
        self.working = Some(working);
        Ok(())
    }

    /// The MD5 and the checksums to keep, once everything declared was found to hold.
    async fn finish(mut self, declared: Declared) -> Result<([u8; 16], Vec<Checksum>), Error> {
        let digested = self.settle().await?.finish();
        let kept = wanted(&declared);
        let md5 = digested.md5().ok_or_else(|| Error::Internal("no MD5 was computed".to_owned()))?;
        if declared.md5.is_some_and(|declared| declared != md5) {
            return Err(Error::BadDigest("Content-MD5"));
        }
        let value = |algorithm: Algorithm| digested.checksum(algorithm);
        if let Some(sha256) = declared.sha256
            && value(Algorithm::Sha256) != Some(&sha256)
        {
            return Err(Error::BadDigest("x-amz-content-sha256"));
        }
        for checksum in &declared.checksums {
            if value(checksum.algorithm) != Some(&checksum.value) {
                return Err(Error::BadDigest(checksum.algorithm.name()));
            }
        }
        if let Some(trailer) = declared.trailer {
            let promised = (trailer.value)().map_err(Error::Body)?;
            if value(trailer.algorithm) != Some(&promised) {
                return Err(Error::BadDigest(trailer.algorithm.name()));
            }
        }
        let checksums =
            kept.into_iter().filter_map(|algorithm| Some(Checksum::full(algorithm, value(algorithm)?.to_vec())));
        Ok((md5, checksums.collect()))
    }
}

/// The checksums that are kept: what the client declared, else CRC64NVME as S3 itself does.
fn wanted(declared: &Declared) -> Vec<Algorithm> {
    let mut wanted: Vec<_> = declared.checksums.iter().map(|checksum| checksum.algorithm).collect();
    wanted.extend(declared.trailer.iter().map(|trailer| trailer.algorithm));
    wanted.extend(declared.compute);
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        wanted.push(Algorithm::Crc64Nvme);
    }
    wanted
}
