//! Compacting the journal: neighbours of one stream are sealed anew as one segment, with the same records and
//! without the bodies that nobody holds any more.
//!
//! ```text
//!  runs ─► read and open ─► which bodies are held? ─► seal ─► ship ─► the catalog turns to it in one transaction
//! ```
//!
//! The records stay what they are, byte for byte, so that chains and numbers hold; whoever replays takes the newest
//! segment that has them. Until the catalog turns, the old segments count; then their pieces are unnamed, and swept
//! after the grace, while readers that began before read on from them. Cut short anywhere it leaves a segment that
//! no record names, which the next start takes up or the sweep removes.

mod runs;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use catalog::{Batch, JournalSegment, Origin, Shipped, Stream};
use coding::journal::{self, Item};
use coding::piece::{Identity, Layout};
use coding::record;
use model::{BodyId, Extent, Label, Segment, StreamId};
use policy::SystemPermit;
use tracing::{debug, info};

use super::mend::Tab;
use super::under_way::{Begun, Task};
use crate::api::Engine;
use crate::commit::{Stood, StreamHandle, try_stand};
use crate::error::Error;
use crate::inner::Inner;
use crate::replay::{OpenSecret, payload};
use crate::work;

/// Journal segments looked at together: some of the many small ones of a busy hour.
const WINDOW: usize = 2048;

/// What compacting would do, or did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    /// Segments that others take the place of.
    pub segments: u64,
    /// Those that take it.
    pub into: u64,
    /// Bytes of records and held bodies, which are read and written again. It is what the catalog counted: the plan and
    /// the doing tell the same figure for the same runs.
    pub live: u64,
    /// Bytes at the sites of what is replaced; they are swept after the grace.
    pub stored: u64,
    /// Runs that were left for another time: somebody else worked on them, or sites did not answer.
    pub waiting: u64,
}

impl std::ops::AddAssign for Compaction {
    fn add_assign(&mut self, more: Compaction) {
        self.segments += more.segments;
        self.into += more.into;
        self.live += more.live;
        self.stored += more.stored;
        self.waiting += more.waiting;
    }
}

impl Engine {
    /// What compacting the journal of labels up to `highest` would do now. Nothing is changed.
    pub async fn plan_compaction(&self, _: &SystemPermit, highest: &Label) -> Result<Compaction, Error> {
        let (mut plan, mut look) = (Compaction::default(), self.inner.begin_look(Some(highest)).await?);
        while let Some((_, runs)) = self.inner.next_runs(&mut look).await? {
            runs.iter().for_each(|run| plan += of_run(run));
        }
        Ok(plan)
    }

    /// Compacts what is worth it now of labels up to `highest`; `tell` hears of every run.
    pub async fn compact(
        &self,
        _: &SystemPermit,
        highest: &Label,
        tell: impl Fn(&Compaction) + Send + Sync,
    ) -> Result<Compaction, Error> {
        self.inner.compact(Some(highest), tell).await
    }
}

/// How far a look through the journal is.
struct Look {
    /// Those that are left, the next one last.
    streams: Vec<Stream>,
    after: u64,
}

fn of_run(run: &[JournalSegment]) -> Compaction {
    Compaction {
        segments: run.len() as u64,
        into: 1,
        live: run.iter().map(runs::live).sum(),
        stored: run.iter().map(runs::stored).sum(),
        waiting: 0,
    }
}

impl Inner {
    pub async fn compact_forever(self: &Arc<Self>) {
        loop {
            tokio::time::sleep(self.settings.compact_every).await;
            match self.compact(None, |_| ()).await {
                Ok(done) if done.into > 0 => {
                    info!(segments = done.segments, into = done.into, stored = done.stored, "compacted the journal");
                }
                Ok(_) => {}
                Err(error) => debug!(%error, "the journal cannot be compacted now"),
            }
        }
    }

    async fn compact(
        self: &Arc<Self>,
        highest: Option<&Label>,
        tell: impl Fn(&Compaction) + Send + Sync,
    ) -> Result<Compaction, Error> {
        let (mut done, mut look) = (Compaction::default(), self.begin_look(highest).await?);
        let mut task = None;
        while let Some((stream, runs)) = self.next_runs(&mut look).await? {
            for run in runs {
                // Whoever asks for one tells of it; to look and find nothing is no news.
                if highest.is_none() && task.is_none() {
                    task = Some(self.tasks.begin(Task::Compaction, None, self.outside.clock.now()));
                }
                match self.compact_run(&stream, &run).await {
                    Ok(true) => {
                        done += of_run(&run);
                        task.iter().for_each(|task: &Begun<'_>| task.add(run.len() as u64));
                        self.counters.compacted_segments.fetch_add(run.len() as u64, Ordering::Relaxed);
                    }
                    Ok(false) => done.waiting += 1,
                    Err(error) => {
                        debug!(stream = %stream.id, %error, "a run of the journal cannot be compacted now");
                        done.waiting += 1;
                    }
                }
                tell(&done);
            }
        }
        Ok(done)
    }

    async fn begin_look(&self, highest: Option<&Label>) -> Result<Look, Error> {
        let mut streams = self.catalog.streams().await?;
        streams.retain(|stream| stream.label.zip(highest).is_none_or(|(label, highest)| label <= *highest));
        Ok(Look { streams, after: 0 })
    }

    /// The next window's runs that are worth compacting; `None` behind the last.
    async fn next_runs(&self, look: &mut Look) -> Result<Option<(StreamHandle, Vec<Vec<JournalSegment>>)>, Error> {
        while let Some(stream) = look.streams.last() {
            let (id, newest) = (stream.id, stream.newest);
            let found = self.catalog.journal(id, look.after, WINDOW).await?;
            let (handle, full) = (self.streams.by_id(id), found.len() == WINDOW);
            let mut runs = runs::choose(&found, self.catalog.closed_below().await?, newest);
            match found.last().filter(|_| full) {
                Some(last) => {
                    // What the window cut off is met again, whole, unless it fills a window.
                    let cut = runs.pop_if(|run| run.start > 0 && run.end == found.len());
                    let first = cut.and_then(|run| found.get(run.start));
                    look.after = first.map_or(last.last, |first| first.first - 1);
                }
                None => {
                    look.streams.pop();
                    look.after = 0;
                }
            }
            if let Some(handle) = handle {
                let runs = runs.into_iter().map(|run| found.get(run).unwrap_or_default().to_vec()).collect();
                return Ok(Some((handle, runs)));
            }
        }
        Ok(None)
    }

    /// Whether one segment took the place of the run.
    async fn compact_run(self: &Arc<Self>, stream: &StreamHandle, run: &[JournalSegment]) -> Result<bool, Error> {
        let claims = run.iter().map(|found| self.claims.try_take(found.segment.id)).collect::<Option<Vec<_>>>();
        let Some(_claims) = claims else { return Ok(false) };
        let Some(items) = self.live_items(stream.id, run).await? else { return Ok(false) };
        let items: Arc<[Item]> = items.into();
        let stood = try_stand(self, stream, &items).await?;
        let Stood::Whole { standing, extents, term: _term } = stood else { return Ok(false) };
        let segment = standing.segment.clone();
        let place = |(offset, length)| Extent { segment: segment.id, offset, length };
        let shipped =
            |(item, ride): (&Item, &journal::Ride)| Shipped { encoded: item.encoded.clone(), extent: ride.map(place) };
        let records = items.iter().zip(&extents).map(shipped).collect();
        let batch = Batch { stream: stream.id, segment: segment.clone(), records };
        let turned = self.catalog.compact(batch, Origin::Here).await?;
        if turned {
            standing.late.follow(self, &segment);
        }
        Ok(turned)
    }

    /// The run's records, with the bodies that somebody holds; `None` if that cannot be told.
    async fn live_items(&self, stream: StreamId, run: &[JournalSegment]) -> Result<Option<Vec<Item>>, Error> {
        let ids = run.iter().map(|found| found.segment.id).collect();
        let mut items = Vec::new();
        for found in run {
            let opened = self.open_whole(stream, found).await?;
            items.extend(opened);
        }
        let encoded = items.iter().map(|(item, _)| item.encoded.clone()).collect();
        let Some(held) = self.catalog.held(ids, encoded).await? else { return Ok(None) };
        let live = |(item, body): (Item, Option<BodyId>)| {
            let body = item.body.filter(|_| body.is_some_and(|body| held.contains(&body)));
            Item { body, ..item }
        };
        Ok(Some(items.into_iter().map(live).collect()))
    }

    /// What the segment brought: each record, its body's bytes, and which body that is.
    async fn open_whole(&self, stream: StreamId, found: &JournalSegment) -> Result<Vec<(Item, Option<BodyId>)>, Error> {
        let segment = &found.segment;
        let unreadable = |reason: String| Error::Unreadable { reason: format!("segment {}: {reason}", segment.id) };
        let payload: Bytes = self.whole_payload(segment).await?.into();
        let opened = journal::open(&payload, |tag| self.keys.by_tag(tag).map(OpenSecret));
        let opened = opened.map_err(|error| unreadable(error.to_string()))?;
        if opened.stream != stream {
            return Err(unreadable("it was sealed for another stream".to_owned()));
        }
        let mut items = Vec::new();
        for (encoded, ride) in opened.items {
            let record = record::decode(&encoded).map_err(|error| unreadable(error.to_string()))?;
            // A batch that was shipped again may begin with what was shown before it.
            if !(found.first..=found.last).contains(&record.sequence) {
                continue;
            }
            let bytes = |(offset, length): (u64, u64)| {
                let (from, to) = (usize::try_from(offset).ok()?, usize::try_from(offset + length).ok()?);
                payload.get(from..to).map(|_| payload.slice(from..to))
            };
            // Copied, so that the rest of the payload goes when this segment is done.
            let body = ride.and_then(bytes).map(|body| Bytes::copy_from_slice(&body));
            items.push((Item { encoded, body }, record.change.riding_body()));
        }
        Ok(items)
    }

    /// The payload out of whole pieces that agree with one another.
    pub async fn whole_payload(&self, segment: &Segment) -> Result<Vec<u8>, Error> {
        let (layout, identity) = (Layout::of(segment), Identity::of(self.enclave, segment));
        let _reserved = self.reserve(&[(&layout, usize::from(segment.code.k) + 2)]).await;
        let mut sources = segment.pieces.clone();
        sources.sort_by_key(|piece| {
            (!self.sites.get(piece.site).is_some_and(crate::sites::KnownSite::answers), piece.index)
        });
        let have = self.read_some(segment, &layout, &sources, &Tab::default()).await;
        self.check_agreement(segment, layout, &have).await?;
        let bytes = usize::try_from(segment.length).unwrap_or(usize::MAX);
        work::run(&self.outside, bytes, move || {
            let have: BTreeMap<u8, Bytes> = have;
            let have: Vec<(u8, &[u8])> = have.iter().map(|(index, bytes)| (*index, bytes.as_ref())).collect();
            payload(identity, layout, &have)
        })
        .await?
        .map_err(|error| Error::Unreadable { reason: error.to_string() })
    }
}
