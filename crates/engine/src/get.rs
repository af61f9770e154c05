//! GetObject and HeadObject: find the version, then stream verified bytes of a range.
//!
//! ```text
//!  range ──► steps (runs of sealed chunks in one segment) ──► cells ──► open ──► plaintext
//! ```
//!
//! Every byte that leaves has passed its chunk's tag.

mod forged;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use catalog::Entry;
use coding::chunk::{self, BodyKey, Last, PLAIN, SEALED, Sealer, TAG};
use coding::keys::WrapContext;
use coding::piece::{Fragment, Layout};
use futures::future::try_join_all;
use futures::{Stream, StreamExt, TryStreamExt};
use model::{Extent, KeyTag, Segment, SegmentId, Versioning, Which};
use policy::{GetObject, Permit};

use crate::adopt::Beneath;
use crate::api::{Engine, Found};
use crate::budget::Reserved;
use crate::cells::{Cells, Span};
use crate::error::Error;
use crate::inner::Inner;
use crate::limits::{CUT_STEPS, READ_AHEAD, READ_FREELY, READ_WAIT, READ_WINDOW_CHUNKS};
use crate::versions::missing;
use crate::{trail, work};

/// Verified plaintext, in order.
pub type Plaintext = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// All that reading a version needs.
pub(crate) enum Source {
    Here(Here),
    /// At the origin of an adoption.
    Beneath(Beneath),
}

/// Of a version that lies here.
pub(crate) struct Here {
    inner: Arc<Inner>,
    segments: BTreeMap<SegmentId, Arc<Segment>>,
    /// Gone when its label is shredded; then reading ends.
    under: KeyTag,
    /// In the order of the version's bodies.
    keys: Vec<BodyKey>,
}

impl Engine {
    /// Finds the object; `NoSuchKey` when it is not there. Conditions on reads are judged by the
    /// caller with [`model::ReadConditions`], on the version found.
    pub async fn find(&self, permit: Permit<GetObject>) -> Result<Found, Error> {
        self.find_version(permit, Which::Current).await
    }

    /// Finds the version that is meant; `IsMarker` when it is none to be read.
    pub async fn find_version(&self, permit: Permit<GetObject>, which: Which) -> Result<Found, Error> {
        self.inner.enter_reading();
        self.found(&permit, which).await
    }

    pub(crate) async fn found(&self, permit: &Permit<GetObject>, which: Which) -> Result<Found, Error> {
        let inner = &self.inner;
        let (bucket, key) = permit.object();
        let object = match inner.catalog.find(bucket.id, key, which).await? {
            Some(Entry::Object(object)) => object,
            Some(Entry::Marker(marker)) => return Err(Error::IsMarker { marker: Box::new(marker), which }),
            None => match inner.find_beneath(bucket, key, which).await? {
                Some(found) => return Ok(found),
                // It came here while the origin was being asked.
                None => inner.catalog.object(bucket.id, key).await?.ok_or_else(|| missing(which))?,
            },
        };
        let (version, versioning) = (object.version, object.versioning);
        let secret = inner
            .keys
            .by_tag(version.wrap.under)
            .ok_or_else(|| inner.shredded_or(bucket.label, "the object's label key is not here"))?;
        let context = WrapContext::Version {
            label: &bucket.label,
            bucket: bucket.id,
            key,
            version: version.id,
            bodies: &version.bodies,
        };
        let keys = secret
            .unwrap_bodies(&context, &version.wrap)
            .map_err(|_| Error::Internal("the object's keys do not open: its record was changed".to_owned()))?;
        let segments = object.segments.into_iter().map(|segment| (segment.id, Arc::new(segment))).collect();
        let expiry = if which == Which::Current { self.expiry(bucket.id, &version) } else { None };
        let source = Source::Here(Here { inner: Arc::clone(inner), segments, under: version.wrap.under, keys });
        Ok(Found { version, versioning, expiry, source })
    }
}

impl Found {
    /// Whether it lies here, and not at the origin of an adoption.
    pub(crate) fn is_here(&self) -> bool {
        matches!(self.source, Source::Here(_))
    }

    /// What it lies in.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &Arc<Segment>> {
        let here = match &self.source {
            Source::Here(here) => Some(here.segments.values()),
            Source::Beneath(_) => None,
        };
        here.into_iter().flatten()
    }

    /// How this version is asked for, where its bucket keeps versions.
    pub fn which(&self) -> Option<Which> {
        let kept = self.versioning != Versioning::Off;
        kept.then(|| Which::of(self.version.slot, self.version.id))
    }

    /// In the order of the version's bodies.
    pub(crate) fn keys(&self) -> &[BodyKey] {
        match &self.source {
            Source::Here(here) => &here.keys,
            Source::Beneath(_) => &[],
        }
    }

    /// Streams the plaintext bytes of `range`, which lies within the version's size.
    pub fn read(self, range: Range<u64>) -> Plaintext {
        let Found { version, source, .. } = self;
        let Here { inner, segments, under, keys } = match source {
            Source::Here(here) => here,
            Source::Beneath(beneath) => return beneath.read(range),
        };
        let mut steps = Vec::new();
        let mut position = 0;
        for (slice, key) in version.bodies.iter().zip(&keys) {
            // The part of this slice that the range covers, as plaintext bytes of the body.
            let of_body = |at: u64| at.clamp(position, position + slice.length) - position + slice.offset;
            let part = of_body(range.start)..of_body(range.end);
            position += slice.length;
            if !part.is_empty() {
                let sealer = Sealer::new(key, slice.body);
                let body = Arc::new(OpenBody { sealer, length: slice.body_length });
                steps.extend(plan(&body, &slice.extents, part));
            }
        }
        let pace = if steps.len() <= CUT_STEPS { Pace::Soon } else { Pace::Steady };
        let read = move |step: Step| {
            let (inner, segment) = (Arc::clone(&inner), segments.get(&step.extent.segment).cloned());
            async move {
                let missing = || Error::Internal("a segment of the object is not in the catalog".to_owned());
                let segment = segment.ok_or_else(missing)?;
                if inner.keys.by_tag(under).is_none() {
                    return Err(Error::NoSuchBucket);
                }
                inner.read_reserved(&segment, step, pace).await
            }
        };
        if let [step] = steps.as_slice()
            && step.extent.length <= READ_FREELY
        {
            return Box::pin(futures::stream::iter(steps).then(read).map_ok(|(bytes, _)| bytes));
        }
        // Each step is a task: whether its reader asks for more or stalls, it comes to its end, so
        // nobody waits behind a place in the queue that is not being taken.
        let spawned = move |step| {
            let step = tokio::spawn(trail::carried(read(step)));
            async move { step.await.unwrap_or_else(|error| Err(Error::Internal(format!("reading stopped: {error}")))) }
        };
        // The reservation ends when the bytes are handed on.
        Box::pin(futures::stream::iter(steps).map(spawned).buffered(READ_AHEAD).map_ok(|(bytes, _)| bytes))
    }
}

/// A body with its key set up.
struct OpenBody {
    sealer: Sealer,
    /// Plaintext bytes.
    length: u64,
}

/// What a reader waits for.
#[derive(Clone, Copy)]
enum Pace {
    /// The bytes, all of them.
    Soon,
    /// The next ones, of many.
    Steady,
}

/// A run of whole sealed chunks in one segment, and the plaintext wanted of it.
struct Step {
    body: Arc<OpenBody>,
    first_chunk: u64,
    /// Where the chunks' sealed bytes lie.
    extent: Extent,
    /// Of the chunks' plaintext.
    wanted: Range<usize>,
}

/// Cuts plaintext bytes `part` of a body into steps. Steps end at multiples of the window within
/// their segment, so that neighbouring ones never read the same row.
fn plan(body: &Arc<OpenBody>, extents: &[Extent], part: Range<u64>) -> Vec<Step> {
    let (plain, sealed) = (PLAIN as u64, SEALED as u64);
    let body_sealed = chunk::sealed_length(body.length);
    let mut steps = Vec::new();
    let mut before = 0;
    for extent in extents {
        let in_body = before..before + extent.length;
        before = in_body.end;
        // Extents are cut between chunks.
        let mut chunk = (part.start / plain).max(in_body.start.div_ceil(sealed));
        while chunk * plain < part.end && chunk * sealed < in_body.end {
            let in_extent = chunk * sealed - in_body.start;
            let window = READ_WINDOW_CHUNKS - (extent.offset + in_extent) / sealed % READ_WINDOW_CHUNKS;
            let stop = (chunk + window).min(part.end.div_ceil(plain)).min(in_body.end.div_ceil(sealed));
            let length = (stop * sealed).min(body_sealed).min(in_body.end) - chunk * sealed;
            let within = |at: u64| usize::try_from(at.saturating_sub(chunk * plain)).unwrap_or(usize::MAX);
            steps.push(Step {
                body: Arc::clone(body),
                first_chunk: chunk,
                extent: Extent { segment: extent.segment, offset: extent.offset + in_extent, length },
                wanted: within(part.start)..within(part.end.min(stop * plain)),
            });
            chunk = stop;
        }
    }
    steps
}

/// A sealed chunk did not open.
struct Tampered;

impl Step {
    /// Puts the sealed chunks together out of their cells and opens them one behind the other.
    fn open(&self, layout: &Layout, span: &Span, cells: &Cells) -> Result<Bytes, Tampered> {
        let end = self.extent.offset + self.extent.length;
        let last_chunk = chunk::chunks(self.body.length) - 1;
        let mut sealed =
            Sealed { fragments: layout.locate(self.extent.offset..end).collect(), start: span.start(), cells };
        let capacity = usize::try_from(self.extent.length).unwrap_or(0);
        let mut out = Vec::with_capacity(capacity);
        let (mut left, mut number) = (capacity, self.first_chunk);
        while left > 0 {
            let start = out.len();
            let take = left.min(SEALED);
            sealed.take(take, &mut out)?;
            let last = if number == last_chunk { Last::Yes } else { Last::No };
            let chunk = out.get_mut(start..).ok_or(Tampered)?;
            self.body.sealer.open(number, last, chunk).map_err(|_| Tampered)?;
            out.truncate(start + take.saturating_sub(TAG));
            left -= take;
            number += 1;
        }
        let out = Bytes::from(out);
        if self.wanted.end > out.len() { Err(Tampered) } else { Ok(out.slice(self.wanted.clone())) }
    }
}

/// Sealed bytes in payload order, out of cells.
struct Sealed<'a> {
    /// Not yet taken, in order.
    fragments: VecDeque<Fragment>,
    /// First byte of each cell that was read.
    start: u32,
    cells: &'a Cells,
}

impl Sealed<'_> {
    fn take(&mut self, mut wanted: usize, out: &mut Vec<u8>) -> Result<(), Tampered> {
        while wanted > 0 {
            let fragment = self.fragments.front_mut().ok_or(Tampered)?;
            let length = (fragment.within.end - fragment.within.start) as usize;
            let now = length.min(wanted);
            let from = (fragment.within.start - self.start) as usize;
            let cell = self.cells.get(fragment.index, fragment.row).ok_or(Tampered)?;
            out.extend_from_slice(cell.get(from..from + now).ok_or(Tampered)?);
            wanted -= now;
            if now == length {
                self.fragments.pop_front();
            } else {
                fragment.within.start += u32::try_from(now).map_err(|_| Tampered)?;
            }
        }
        Ok(())
    }
}

impl Inner {
    /// A step's plaintext, with the memory that it and the pieces it was made of may take.
    async fn read_reserved(
        &self,
        segment: &Segment,
        step: Step,
        pace: Pace,
    ) -> Result<(Bytes, Option<Reserved>), Error> {
        let length = step.extent.length;
        let reserved = if length <= READ_FREELY {
            None
        } else {
            let bytes = usize::try_from(length * 2).unwrap_or(usize::MAX);
            Some(self.budget.reads.reserve_within(bytes, READ_WAIT).await?)
        };
        Ok((self.read_step(segment, step, pace).await?, reserved))
    }

    async fn read_step(&self, segment: &Segment, step: Step, pace: Pace) -> Result<Bytes, Error> {
        let layout = Layout::of(segment);
        let end = step.extent.offset + step.extent.length;
        let fragments: Vec<Fragment> = layout.locate(step.extent.offset..end).collect();
        let wanted: BTreeSet<u8> = fragments.iter().map(|fragment| fragment.index).collect();
        let rows = fragments.first().map_or(0, |first| first.row)..fragments.last().map_or(0, |last| last.row + 1);
        let span = span(&layout, &fragments, &rows);
        let spans = match pace {
            Pace::Soon => self.side_by_side(segment, span.clone(), &wanted),
            Pace::Steady => vec![span.clone()],
        };
        let parts = try_join_all(spans.iter().map(|span| self.read_span(segment, span, &wanted))).await?;

        let bytes = usize::try_from(step.extent.length).unwrap_or(usize::MAX);
        let code = segment.code;
        let (step, opened) = work::run(&self.outside, bytes, {
            let (layout, wanted) = (layout, wanted.clone());
            move || {
                let whole: Result<Vec<Cells>, Error> =
                    parts.into_iter().map(|cells| cells.complete(code, &wanted)).collect();
                let opened = whole.map(|parts| step.open(&layout, &span, &Cells::join(parts)));
                (step, opened)
            }
        })
        .await?;
        if let Ok(plaintext) = opened? {
            return Ok(plaintext);
        }

        // Some cell is not what was stored: find out which, and decode around it.
        let cells = self.read_verified(segment, rows.clone(), &wanted).await?;
        let (step, opened) = work::run(&self.outside, bytes, {
            let (rows, wanted) = (rows.clone(), wanted.clone());
            move || {
                let whole = cells.complete(code, &wanted);
                let opened = whole.map(|cells| step.open(&layout, &Span::Rows(rows), &cells));
                (step, opened)
            }
        })
        .await?;
        match opened? {
            Ok(plaintext) => Ok(plaintext),
            Err(Tampered) => self.read_past_forgers(segment, step, rows, wanted).await,
        }
    }
}

/// What to read of each piece: part of one cell when that is enough, else whole rows.
fn span(layout: &Layout, fragments: &[Fragment], rows: &Range<u64>) -> Span {
    let start = fragments.iter().map(|fragment| fragment.within.start).min().unwrap_or(0);
    let end = fragments.iter().map(|fragment| fragment.within.end).max().unwrap_or(0);
    let within = start..end;
    if rows.end - rows.start == 1 && within != (0..layout.cell) {
        Span::slice(layout, rows.start, &within)
    } else {
        Span::Rows(rows.clone())
    }
}
