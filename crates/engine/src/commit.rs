//! Commit: decide, ship, show.
//!
//! ```text
//!  callers ──► decider ── one durable transaction ──► shipper ── journal segment ──► sites
//!     ▲            │ refused, or behind another record     │ stands
//!     └────────────┴───────────── shown ◄──────────────────┘ show, in order
//! ```
//!
//! Each stream has one decider and one shipper. While a batch is under way the next one gathers; it
//! closes when the one before it stands, or when it is full. A decided record is shipped until it
//! stands: never dropped, never renumbered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use catalog::{Batch, Decided, Decision, Proposal, Refusal, Shipped};
use coding::Identity;
use coding::journal::{self, Item};
use model::condition::Unmet;
use model::{Change, Extent, Governance, Guard, Label, Precondition, Profile, Segment, SegmentKind, StreamId, Timings};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{Instrument, error, info_span, warn};

use crate::epochs::Term;
use crate::error::Error;
use crate::inner::Inner;
use crate::limits::{BATCH_BYTES, BATCH_RECORDS, BATCHES_UNDER_WAY, COMMIT_WAIT, DECIDE_GATHER, SHIP_AGAIN};
use crate::ship::Standing;
use crate::work;

/// Proposals one deciding transaction takes at most.
const DECIDED_TOGETHER: usize = 512;
/// Between attempts to ship what cannot stand.
const SHIP_AGAIN_MAX: Duration = Duration::from_secs(5);

/// A stream's way in.
#[derive(Clone)]
pub struct StreamHandle {
    pub id: StreamId,
    pub label: Option<Label>,
    asks: mpsc::UnboundedSender<Ask>,
    /// Its label was shredded: nothing of it is decided or shipped any more.
    ended: Arc<AtomicBool>,
    /// How long its batches took.
    pub stages: Arc<Stages>,
}

/// How long each stage of a commit took, by batch.
#[derive(Default)]
pub struct Stages {
    /// The deciding transaction, with its sync.
    pub decide: Timings,
    /// From the first attempt to store the batch until it stood.
    pub ship: Timings,
    /// Until the catalog showed it.
    pub show: Timings,
}

impl StreamHandle {
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }
}

struct Ask {
    proposal: Proposal,
    answer: oneshot::Sender<Answer>,
}

/// What a proposal came to.
enum Answer {
    /// As it was decided.
    Shown(Box<Change>),
    Refused(Refusal),
    Behind,
    Failed(Error),
}

/// A decided record on its way, and who waits for it.
struct Waiting {
    decided: Decided,
    answer: Option<oneshot::Sender<Answer>>,
}

impl Waiting {
    fn bytes(&self) -> usize {
        self.decided.encoded.len() + self.decided.body.as_ref().map_or(0, Bytes::len)
    }
}

impl Inner {
    /// Decides a change, waits until it is shown and returns it as it was decided. A change that depends on a record not yet
    /// shown waits for that one first.
    pub async fn commit(self: &Arc<Self>, stream: &StreamHandle, proposal: Proposal) -> Result<Change, Error> {
        // Under the floor nothing is decided: it could only be told to fail, and happen later.
        let map = self.sites.map(self.journal_profile(stream.id), stream.label, &[], 0);
        map.map_err(|under| Error::unavailable(under.to_string()))?;
        match tokio::time::timeout(
            COMMIT_WAIT,
            self.propose(stream, proposal).instrument(info_span!(target: "trace::commit", "commit")),
        )
        .await
        {
            Ok(result) => result,
            Err(_) => Err(Error::unavailable("the change is decided but too few sites answer to make it stand")),
        }
    }

    async fn propose(&self, stream: &StreamHandle, mut proposal: Proposal) -> Result<Change, Error> {
        let mut shown = self.shown.subscribe();
        loop {
            shown.borrow_and_update();
            let (answer, answered) = oneshot::channel();
            let ask = Ask { proposal: proposal.clone(), answer };
            stream.asks.send(ask).map_err(|_| Error::unavailable("the enclave is stopping"))?;
            match answered.await.map_err(|_| Error::unavailable("the enclave is stopping"))? {
                Answer::Shown(change) => return Ok(*change),
                Answer::Refused(Refusal::LookBeneath) => proposal = self.look_beneath(proposal).await?,
                Answer::Refused(refusal) => return Err(refusal.into()),
                Answer::Failed(error) => return Err(error),
                // Something was shown since, or will be: ask again then.
                Answer::Behind => shown.changed().await.map_err(|_| Error::unavailable("the enclave is stopping"))?,
            }
        }
    }

    /// Commits what the system itself changes.
    pub async fn commit_system(self: &Arc<Self>, stream: StreamId, change: Change) -> Result<(), Error> {
        self.commit_guarded(stream, Guard::default(), change).await
    }

    /// Commits a change of where a segment lies, if it still lies as it was read.
    pub async fn commit_move(self: &Arc<Self>, read: &Segment, change: Change) -> Result<(), Error> {
        let guard = Guard { segment: Some(Box::new(read.clone())), ..Guard::default() };
        self.commit_guarded(read.stream, guard, change).await
    }

    async fn commit_guarded(self: &Arc<Self>, stream: StreamId, guard: Guard, change: Change) -> Result<(), Error> {
        let stream = self.streams.by_id(stream).ok_or_else(|| Error::Internal(format!("no stream {stream}")))?;
        let proposal =
            Proposal { guard, condition: Precondition::None, governance: Governance::Obeyed, change, body: None };
        self.commit(&stream, proposal).await.map(drop)
    }

    /// Starts a stream's decider and shipper; `leftovers` were decided before and never shown.
    pub fn start_stream(self: &Arc<Self>, id: StreamId, label: Option<Label>, leftovers: Vec<Decided>) -> StreamHandle {
        let (asks, asked) = mpsc::unbounded_channel();
        let (decided, to_ship) = mpsc::unbounded_channel();
        let handle = StreamHandle { id, label, asks, ended: Arc::default(), stages: Arc::default() };
        if !leftovers.is_empty() {
            self.counters.unshown.fetch_add(leftovers.len() as u64, Ordering::Relaxed);
            let leftovers = leftovers.into_iter().map(|decided| Waiting { decided, answer: None }).collect();
            // The receiver lives in the shipper started below.
            let _ = decided.send(leftovers);
        }
        tokio::spawn(decide_all(Arc::clone(self), id, Arc::clone(&handle.stages), asked, decided));
        tokio::spawn(ship_all(Arc::clone(self), handle.clone(), to_ship));
        handle
    }
}

/// The decider: takes whatever has been asked since the last transaction into the next one.
///
/// Clients whose writes were shown together come back together, one of them first. Alone it would take
/// a transaction, a segment and their syncs for itself, with all the others behind it; so a round waits
/// a moment for as many as the last one had. Whoever is alone waits for nobody.
async fn decide_all(
    inner: Arc<Inner>,
    stream: StreamId,
    stages: Arc<Stages>,
    mut asked: mpsc::UnboundedReceiver<Ask>,
    to_ship: mpsc::UnboundedSender<Vec<Waiting>>,
) {
    let (mut asks, mut last) = (Vec::new(), 0);
    loop {
        // There is always somebody who may ask: the shipper has a way in as well, and ends after this.
        asked.recv_many(&mut asks, DECIDED_TOGETHER).await;
        // Out of time or out of askers: those who are here go on.
        let _ = tokio::time::timeout(DECIDE_GATHER, gather(&mut asked, &mut asks, last)).await;
        last = asks.len();
        let (proposals, answers): (Vec<_>, Vec<_>) = asks.drain(..).map(|ask| (ask.proposal, ask.answer)).unzip();
        let begun = Instant::now();
        let decisions = match inner.catalog.decide(stream, inner.outside.clock.now(), proposals).await {
            Ok(decisions) => decisions,
            Err(error) => {
                error!(%stream, %error, "the catalog cannot decide");
                let message = error.to_string();
                for answer in answers {
                    let _ = answer.send(Answer::Failed(Error::unavailable(message.clone())));
                }
                continue;
            }
        };
        stages.decide.note(begun.elapsed());
        let mut decided = Vec::new();
        for (decision, answer) in decisions.into_iter().zip(answers) {
            // Whoever asked may be gone: what is decided is shipped all the same.
            match decision {
                Decision::Decided(record) => {
                    inner.heed(&record.record.change);
                    decided.push(Waiting { decided: record, answer: Some(answer) });
                }
                Decision::Refused(refusal) => drop(answer.send(Answer::Refused(refusal))),
                Decision::Behind(_) => drop(answer.send(Answer::Behind)),
            }
        }
        if !decided.is_empty() {
            inner.counters.unshown.fetch_add(decided.len() as u64, Ordering::Relaxed);
            let _ = to_ship.send(decided);
        }
    }
}

/// Takes what is asked until there are as many as `wanted`.
async fn gather(asked: &mut mpsc::UnboundedReceiver<Ask>, asks: &mut Vec<Ask>, wanted: usize) {
    while asks.len() < wanted.min(DECIDED_TOGETHER) {
        if asked.recv_many(asks, DECIDED_TOGETHER - asks.len()).await == 0 {
            return;
        }
    }
}

/// A batch on its way to the sites.
struct UnderWay {
    waiting: Vec<Waiting>,
    standing: tokio::task::JoinHandle<Stood>,
}

/// What became of a batch.
pub enum Stood {
    /// It stands; and where in it the bodies lie. Its epoch stays open until it is shown: a start, or a rebuild that
    /// begins with a snapshot, lists the journal from the oldest open one on.
    Whole { standing: Standing, extents: Vec<Option<(u64, u64)>>, term: Term },
    /// Its stream ended before.
    Ended,
}

/// The shipper: at most two batches under way, shown strictly in order.
async fn ship_all(inner: Arc<Inner>, stream: StreamHandle, mut decided: mpsc::UnboundedReceiver<Vec<Waiting>>) {
    let mut gathered: VecDeque<Waiting> = VecDeque::new();
    let mut under_way: VecDeque<UnderWay> = VecDeque::new();
    loop {
        tokio::select! {
            biased;
            stood = front(&mut under_way), if !under_way.is_empty() => {
                let Some(stood) = stood else {
                    // Its task died; the records are decided, so they are shipped all the same.
                    error!(stream = %stream.id, "shipping a batch stopped; it begins again");
                    if let Some(batch) = under_way.front_mut() {
                        batch.standing = start_standing(&inner, &stream, &batch.waiting);
                    }
                    continue;
                };
                let Some(batch) = under_way.pop_front() else { continue };
                // The next batch closes now: it ships while this one is being shown.
                take_decided(&mut decided, &mut gathered);
                start_batches(&inner, &stream, &mut gathered, &mut under_way);
                show(&inner, &stream, batch.waiting, stood).await;
            }
            more = decided.recv() => match more {
                Some(more) => gathered.extend(more),
                None if under_way.is_empty() => return,
                None => {
                    let Some(batch) = under_way.pop_front() else { return };
                    let Ok(stood) = batch.standing.await else { return };
                    show(&inner, &stream, batch.waiting, stood).await;
                }
            },
        }
        take_decided(&mut decided, &mut gathered);
        start_batches(&inner, &stream, &mut gathered, &mut under_way);
    }
}

/// The oldest batch's standing, or that its task died; never while there is none, or when the whole
/// runtime is being torn down.
async fn front(under_way: &mut VecDeque<UnderWay>) -> Option<Stood> {
    match under_way.front_mut() {
        Some(batch) => match (&mut batch.standing).await {
            Ok(stood) => Some(stood),
            Err(error) if error.is_panic() => None,
            Err(_) => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

fn take_decided(decided: &mut mpsc::UnboundedReceiver<Vec<Waiting>>, gathered: &mut VecDeque<Waiting>) {
    while let Ok(more) = decided.try_recv() {
        gathered.extend(more);
    }
}

/// Closes batches: one at once when none is under way, further ones only when full.
fn start_batches(
    inner: &Arc<Inner>,
    stream: &StreamHandle,
    gathered: &mut VecDeque<Waiting>,
    under_way: &mut VecDeque<UnderWay>,
) {
    while !gathered.is_empty() && under_way.len() < BATCHES_UNDER_WAY {
        let full = gathered.len() >= BATCH_RECORDS || gathered.iter().map(Waiting::bytes).sum::<usize>() >= BATCH_BYTES;
        if !under_way.is_empty() && !full {
            return;
        }
        let waiting = close_batch(gathered);
        let standing = start_standing(inner, stream, &waiting);
        under_way.push_back(UnderWay { waiting, standing });
    }
}

fn start_standing(inner: &Arc<Inner>, stream: &StreamHandle, waiting: &[Waiting]) -> tokio::task::JoinHandle<Stood> {
    let item = |waiting: &Waiting| {
        let decided = &waiting.decided;
        Item { encoded: decided.encoded.clone(), body: decided.body.clone() }
    };
    let items = waiting.iter().map(item).collect();
    // Of many requests together, and done for none of them: it carries no number and no span.
    tokio::spawn(make_stand(Arc::clone(inner), stream.clone(), items))
}

/// Takes the oldest records, up to what one batch holds.
fn close_batch(gathered: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while let Some(next) = gathered.front() {
        bytes += next.bytes();
        if !batch.is_empty() && (bytes > BATCH_BYTES || batch.len() >= BATCH_RECORDS) {
            break;
        }
        batch.extend(gathered.pop_front());
    }
    batch
}

/// Seals and ships the batch until it stands, however long that takes.
async fn make_stand(inner: Arc<Inner>, stream: StreamHandle, items: Vec<Item>) -> Stood {
    let (items, begun): (Arc<[Item]>, _) = (items.into(), Instant::now());
    let stand = || async {
        if stream.has_ended() {
            return Some(Stood::Ended);
        }
        match try_stand(&inner, &stream, &items).await {
            Ok(stood) => {
                stream.stages.ship.note(begun.elapsed());
                Some(stood)
            }
            Err(error) => {
                warn!(stream = %stream.id, records = items.len(), %error, "decided changes wait to be stored");
                None
            }
        }
    };
    insist(stand).await
}

/// Tries until something comes of it, ever more seldom.
async fn insist<T, F: Future<Output = Option<T>>>(attempt: impl Fn() -> F) -> T {
    let mut pause = SHIP_AGAIN;
    loop {
        if let Some(done) = attempt().await {
            return done;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(SHIP_AGAIN_MAX);
    }
}

/// Seals the items as one segment and ships it.
pub async fn try_stand(inner: &Arc<Inner>, stream: &StreamHandle, items: &Arc<[Item]>) -> Result<Stood, Error> {
    let profile = inner.journal_profile(stream.id);
    let map = inner.sites.map(profile, stream.label, &[], 0);
    let map = map.map_err(|under| Error::unavailable(under.to_string()))?;
    let (secret, control) = inner.stream_key(stream)?;
    let term = inner.epochs.begin();
    let identity = Identity {
        enclave: inner.enclave,
        stream: stream.id,
        segment: inner.journal_segment(),
        kind: SegmentKind::Journal,
        key: secret.tag(),
        epoch: term.epoch(),
    };
    let bytes = items.iter().map(|item| item.encoded.len() + item.body.as_ref().map_or(0, Bytes::len)).sum();
    let sealed = work::run(&inner.outside, bytes, {
        let (identity, items, outside) = (identity, Arc::clone(items), inner.outside.clone());
        move || journal::seal(map.code, identity, &secret, control.as_ref(), &items, &outside)
    })
    .await?;
    let standing = inner.ship(sealed.encoded, identity, profile, None).await?;
    Ok(Stood::Whole { standing, extents: sealed.extents, term })
}

/// Makes a batch that stands visible and answers those who wait. It cannot be given up: the catalog
/// is asked until it agrees.
async fn show(inner: &Arc<Inner>, stream: &StreamHandle, waiting: Vec<Waiting>, stood: Stood) {
    let (standing, extents, term) = match stood {
        Stood::Whole { standing, extents, term } if !stream.has_ended() => (standing, extents, term),
        _ => return end(inner, waiting),
    };
    let Standing { segment, late } = standing;
    let shipped = waiting.iter().zip(&extents).map(|(waiting, extent)| Shipped {
        encoded: waiting.decided.encoded.clone(),
        extent: extent.map(|(offset, length)| Extent { segment: segment.id, offset, length }),
    });
    let batch = Batch { stream: stream.id, segment: segment.clone(), records: shipped.collect() };
    let begun = Instant::now();
    let shown = || async {
        let shown = inner.catalog.show(batch.clone()).await;
        shown.inspect_err(|error| error!(stream = %stream.id, %error, "the catalog cannot show what stands")).ok()
    };
    insist(shown).await;
    drop(term);
    stream.stages.show.note(begun.elapsed());
    if stream.has_ended() {
        return end(inner, waiting);
    }
    inner.heed_shown(stream.label, waiting.iter().map(|waiting| &waiting.decided.record.change));
    inner.counters.unshown.fetch_sub(waiting.len() as u64, Ordering::Relaxed);
    inner.shown.send_modify(|shown| *shown += 1);
    for Waiting { decided, answer } in waiting {
        if let Some(answer) = answer {
            let _ = answer.send(Answer::Shown(Box::new(decided.record.change)));
        }
    }
    late.follow(inner, &segment);
}

/// The stream's label is shredded: what was decided in it goes with it.
fn end(inner: &Arc<Inner>, waiting: Vec<Waiting>) {
    inner.counters.unshown.fetch_sub(waiting.len() as u64, Ordering::Relaxed);
    inner.shown.send_modify(|shown| *shown += 1);
    for answer in waiting.into_iter().filter_map(|waiting| waiting.answer) {
        let _ = answer.send(Answer::Refused(Refusal::NoSuchBucket));
    }
}

impl Inner {
    /// Acts on what was just shown, before anybody is answered.
    fn heed_shown<'a>(&self, label: Option<Label>, changes: impl Iterator<Item = &'a Change> + Clone) {
        for change in changes.clone() {
            if let Change::LabelKeyCreated(key) = change
                && self.keys.add(key).is_err()
            {
                error!(tag = %key.tag, "a key that was just made does not open");
            }
        }
        self.lookups.shown(label, changes);
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::KeyNotValid | Refusal::PolicyChanged => Error::AccessWithdrawn,
            Refusal::NoSuchBucket => Error::NoSuchBucket,
            Refusal::BucketExists(bucket) => Error::BucketExists(bucket),
            Refusal::BucketNotEmpty => Error::BucketNotEmpty,
            Refusal::Unmet(Unmet::Failed) => Error::PreconditionFailed,
            Refusal::Unmet(Unmet::NoSuchKey) => Error::NoSuchKey,
            Refusal::NoSuchUpload => Error::NoSuchUpload,
            // Both are met only when a slow request meets a fast change; asking again is right.
            Refusal::PartsChanged => Error::unavailable("a part was uploaded again while the upload was completed"),
            Refusal::EpochClosed => Error::unavailable("the write took longer than its writer epoch"),
            Refusal::PrincipalExists => Error::PrincipalExists,
            Refusal::NoSuchPrincipal => Error::NoSuchPrincipal,
            Refusal::GroupExists => Error::GroupExists,
            Refusal::NoSuchGroup => Error::NoSuchGroup,
            Refusal::ReleaseChanged => Error::ReleaseChanged,
            Refusal::NoSuchAccessKey => Error::NoSuchAccessKey,
            Refusal::Adoption(why) => Error::Invalid(why.to_owned()),
            Refusal::NoSuchLabel => Error::NoSuchLabel,
            Refusal::KeysChanged => Error::unavailable("keys were made meanwhile"),
            Refusal::LookBeneath => Error::Internal("a change was not asked for again as adopting needs it".to_owned()),
            Refusal::VersionsAreKept => {
                Error::BucketState("a bucket that keeps versions can suspend that, never end it")
            }
            Refusal::LockNeedsVersions => Error::BucketState("object lock needs versioning, enabled"),
            Refusal::LockStays => Error::BucketState("object lock cannot be taken off a bucket again"),
            Refusal::NoSuchVersion => Error::NoSuchVersion,
            Refusal::IsMarker => Error::NoSuchKey,
            Refusal::Locked => Error::Locked,
            Refusal::NoObjectLock => Error::NoObjectLock,
            Refusal::SourceGone => Error::SourceGone,
            Refusal::SegmentMoved => Error::unavailable("where the segment lies changed meanwhile"),
        }
    }
}

/// The profile journal segments are placed by: the one that promises most.
pub fn stronger(one: Profile, other: Profile) -> Profile {
    if other.promise() > one.promise() { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_must_be_done_is_tried_ever_more_seldom() {
        let (begun, tried) = (Instant::now(), std::sync::Mutex::new(Vec::new()));
        let done = insist(|| async {
            let mut tried = tried.lock().unwrap();
            tried.push(begun.elapsed().as_millis());
            (tried.len() == 8).then_some("done")
        });
        assert_eq!(done.await, "done");
        assert_eq!(*tried.lock().unwrap(), [0, 250, 750, 1750, 3750, 7750, 12_750, 17_750]);
    }
}
