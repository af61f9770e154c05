//! Replaying the journal's tail: at start the catalog and the sites are compared, and what the
//! sites hold and the catalog does not (an older catalog was put back, or the process died between
//! standing and showing) is shown as if it had just come to stand.

mod found;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{Batch, Endangered, Origin, Shipped};
use coding::journal;
use coding::piece::{self, Header, Identity, Layout};
use coding::record;
use coding::segment::restore_piece;
use model::{Epoch, Extent, Piece, Segment, SegmentId, SegmentKind, SiteState, StreamId, Vendor};
use providers::ErrorKind;
use tracing::{debug, info, warn};

use self::found::HEADS_AT_ONCE;
pub use self::found::{Found, Listed, Seen, Step, Tell};
use crate::inner::Inner;
use crate::limits::VERIFIED_ROUNDS;
use crate::open::OpenError;
use crate::sites::{KnownSite, object_name};

/// When the key of a stream's segments is there.
#[derive(Clone, Copy)]
enum Keys {
    /// Any of the segments may bring it: all are read before one is opened.
    Brought,
    There,
}

/// A journal segment as it was read.
pub struct Unopened {
    header: Header,
    pub payload: Vec<u8>,
    read: Read,
    pieces: Vec<Piece>,
}

/// How much of a segment was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    /// What comes before the bodies, proven by nothing yet.
    Head,
    /// All of it, out of pieces that are each proven.
    Whole,
}

/// A journal segment opened: its records in order.
struct Opened {
    segment: Segment,
    records: Vec<(model::Record, Shipped)>,
}

impl Opened {
    fn first(&self) -> u64 {
        self.records.first().map_or(0, |(record, _)| record.sequence)
    }

    fn batch(self) -> Batch {
        let Opened { segment, records } = self;
        let records = records.into_iter().map(|(_, shipped)| shipped).collect();
        Batch { stream: segment.stream, segment, records }
    }

    fn last(&self) -> u64 {
        self.records.last().map_or(0, |(record, _)| record.sequence)
    }
}

/// Whether a piece with this header is the one that is meant: of the segment, under the code it has now.
pub fn is_it(header: &Header, segment: &SegmentId, piece: &Piece, layout: &Layout) -> bool {
    header.segment == *segment && header.index == piece.index && layout.holds(&Layout::of(header))
}

impl Inner {
    /// Brings the catalog to where the sites are; returns the newest epoch seen there.
    pub async fn replay(self: &Arc<Self>) -> Result<Epoch, OpenError> {
        let mut found = Found::default();
        self.find_unknown(&mut found).await?;
        // As of a rebuild: what was acknowledged may lie at silent sites alone, and those that answer know nothing of it.
        let may_know =
            |known: &&KnownSite| known.state() != SiteState::Detached && found.silent.contains(&known.site.name);
        let silent: BTreeSet<Vendor> = self.sites.iter().filter(may_know).map(|known| known.site.vendor).collect();
        if found.older && silent.len() > usize::from(self.settings.default_profile.promise()) {
            return Err(found.silent_sites());
        }
        self.replay_found(&mut found).await?;
        Ok(found.seen)
    }

    /// Shows what was found.
    pub async fn replay_found(self: &Arc<Self>, found: &mut Found) -> Result<(), OpenError> {
        let segments = std::mem::take(&mut found.segments);
        found.tell(Step::Segments(segments.len()));
        // The control stream first: it brings the keys and streams of the others.
        let (control, others): (Vec<_>, Vec<_>) = {
            let streams = self.catalog.streams().await?;
            let control: BTreeSet<StreamId> =
                streams.iter().filter(|stream| stream.label.is_none()).map(|stream| stream.id).collect();
            segments.into_values().partition(|seen: &Seen| control.contains(&seen.header.stream))
        };
        for (keys, segments) in [(Keys::Brought, control), (Keys::There, others)] {
            // Of a shredded label nothing opens, and nothing is missed.
            let shredded: BTreeSet<StreamId> = self.catalog.shredded().await?.into_iter().map(|(id, _)| id).collect();
            let (mut unopened, mut opened, mut there) = (Vec::new(), Vec::new(), Vec::new());
            for seen in segments.into_iter().filter(|seen| !shredded.contains(&seen.header.stream)) {
                there.push((seen.header.segment, seen.pieces.clone()));
                if self.catalog.segment(seen.header.segment).await?.is_some() {
                    continue;
                }
                if let Some(segment) = self.read_segment(seen, found).await? {
                    match keys {
                        Keys::Brought => unopened.push(segment),
                        Keys::There => opened.extend(self.open_segment(segment, found).await?),
                    }
                }
            }
            for segment in unopened {
                opened.extend(self.open_segment(segment, found).await?);
            }
            let mut streams: BTreeMap<StreamId, Vec<Opened>> = BTreeMap::new();
            for opened in opened {
                streams.entry(opened.segment.stream).or_default().push(opened);
            }
            let mut compacted = Vec::new();
            for (stream, opened) in streams {
                compacted.extend(self.replay_stream(stream, opened, found).await?);
            }
            let of_these = |stream: &catalog::Stream| matches!(keys, Keys::Brought) == stream.label.is_none();
            for stream in self.catalog.streams().await?.iter().filter(|stream| of_these(stream)) {
                compacted.extend(self.half_taken_up(stream.id).await?);
            }
            self.take_up(compacted, found).await?;
            // Only now is it settled which pieces the records name: what they moved away is not taken back.
            for (segment, pieces) in there {
                if let Some(known) = self.catalog.segment(segment).await? {
                    self.take_back(&known, pieces).await?;
                }
            }
            self.settle_doubts(found).await?;
            // What was replayed may have brought buckets that promise more.
            self.raise_journal_to_buckets().await?;
            for key in self.catalog.label_keys().await? {
                self.keys.add(&key).map_err(|_| OpenError::WrongRoot)?;
            }
        }
        Ok(())
    }

    /// What could not be read is not missed if its stream goes on in a later epoch: all before that is there. But it may
    /// have taken the place of older segments, and then those are swept: so they are looked for.
    async fn settle_doubts(&self, found: &mut Found) -> Result<(), OpenError> {
        let streams = self.catalog.streams().await?;
        for header in std::mem::take(&mut found.doubtful) {
            let Some(stream) = streams.iter().find(|stream| stream.id == header.stream) else { continue };
            let newest = match stream.newest {
                Some(newest) => self.catalog.segment(newest).await?.map(|segment| segment.epoch),
                None => None,
            };
            let goes_on = newest.is_some_and(|newest| newest > header.epoch);
            if !goes_on || !self.are_readable(stream.id, 0, u64::MAX, |known| known.epoch < header.epoch).await? {
                return Err(found.silent_sites());
            }
        }
        Ok(())
    }

    /// Pieces of a segment that the catalog knows without them: they came late, or were caught up,
    /// after the copy of the catalog was made.
    async fn take_back(&self, known: &Segment, pieces: Vec<Piece>) -> Result<(), OpenError> {
        let layout = Layout::of(known);
        let mut taken = known.pieces.clone();
        for piece in pieces {
            let vendor = self.sites.vendor(piece.site);
            let new = |other: &Piece| other.index != piece.index && self.sites.vendor(other.site) != vendor;
            let stays = self.sites.get(piece.site).is_some_and(|site| site.state().stays());
            if stays && taken.iter().all(new) && matches!(self.read_whole(piece, &known.id, &layout).await, Ok(Some(_)))
            {
                self.catalog.add_pieces(known.id, vec![piece]).await?;
                taken.push(piece);
            }
        }
        Ok(())
    }

    /// Reads a segment; `None` when fewer than k of its pieces are there, as of a batch whose upload was cut
    /// short. The control stream's key in it is learned: whichever segment was sealed since there is the
    /// newest root has it so that this opens it.
    pub async fn read_segment(&self, seen: Seen, found: &mut Found) -> Result<Option<Unopened>, OpenError> {
        let Seen { header, pieces, head } = seen;
        let indices: BTreeSet<u8> = pieces.iter().map(|piece| piece.index).collect();
        if let Some(head) = head.filter(|_| indices.len() >= usize::from(header.code.k))
            && let Ok(control) = journal::control_key(&head)
        {
            control.iter().for_each(|control| _ = self.keys.learn(control));
            found.tell(Step::Read(head.len() as u64));
            return Ok(Some(Unopened { header, payload: head.into(), read: Read::Head, pieces }));
        }
        self.read_all(header, pieces, found).await
    }

    /// Reads as many whole pieces of a segment as are needed, and proves each; the others are taken at their
    /// listing.
    async fn read_all(
        &self,
        header: Header,
        pieces: Vec<Piece>,
        found: &mut Found,
    ) -> Result<Option<Unopened>, OpenError> {
        let layout = Layout::of(&header);
        let mut whole: BTreeMap<u8, Bytes> = BTreeMap::new();
        let k = usize::from(header.code.k);
        let mut proven = Vec::new();
        for piece in pieces {
            if whole.len() >= k {
                proven.push(piece);
                continue;
            }
            match self.read_whole(piece, &header.segment, &layout).await {
                Ok(Some(bytes)) => {
                    whole.insert(piece.index, bytes);
                    proven.push(piece);
                }
                Ok(None) => {}
                Err(_) => found.silent.extend(self.sites.get(piece.site).map(|known| known.site.name.clone())),
            }
        }
        if whole.len() < k {
            // Of a catalog that is up to date this is an upload that was cut short. Of an older one
            // it may be what was acknowledged, with its other pieces at the silent sites: at the floor
            // there was one more than are needed to read it.
            let acknowledged = k + usize::from(header.code.m.min(1));
            if found.older && whole.len() + found.silent.len() >= acknowledged {
                found.doubtful.push(header);
            }
            return Ok(None);
        }
        let have: Vec<(u8, &[u8])> = whole.iter().map(|(index, bytes)| (*index, bytes.as_ref())).collect();
        let unreadable = |why: String| OpenError::Journal(format!("segment {}: {why}", header.segment));
        let payload = payload(header.identity(), layout, &have).map_err(|error| unreadable(error.to_string()))?;
        if let Some(control) = journal::control_key(&payload).map_err(|error| unreadable(error.to_string()))? {
            self.keys.learn(&control);
        }
        found.tell(Step::Read(payload.len() as u64));
        Ok(Some(Unopened { header, payload, read: Read::Whole, pieces: proven }))
    }

    /// Opens it. A head that does not open may be damaged where it lies: then all pieces are read, and
    /// `None` says that too few of them are whole.
    async fn open_segment(&self, mut unopened: Unopened, found: &mut Found) -> Result<Option<Opened>, OpenError> {
        let open = |unopened: &Unopened| {
            let Unopened { header, payload, .. } = unopened;
            journal::open_head(payload, header.length, |tag| self.keys.by_tag(tag).map(OpenSecret))
        };
        let mut opened = open(&unopened);
        if opened.is_err() && unopened.read == Read::Head {
            match self.read_all(unopened.header, unopened.pieces, found).await? {
                Some(whole) => unopened = whole,
                None => return Ok(None),
            }
            opened = open(&unopened);
        }
        let Unopened { header, payload, pieces, .. } = unopened;
        let unreadable = |why: String| OpenError::Journal(format!("segment {}: {why}", header.segment));
        let opened = match opened {
            // Only a root opens the control stream's key.
            Err(journal::OpenError::NoKey(_)) if matches!(journal::control_key(&payload), Ok(Some(_))) => {
                return Err(OpenError::WrongRoot);
            }
            opened => opened.map_err(|error| unreadable(error.to_string()))?,
        };
        if opened.stream != header.stream {
            return Err(unreadable("it was sealed for another stream".to_owned()));
        }
        let segment = Segment {
            id: header.segment,
            kind: SegmentKind::Journal,
            stream: header.stream,
            code: header.code,
            cell: header.cell,
            length: header.length,
            key: header.key,
            epoch: header.epoch,
            // What its writer promised: all its parity, or of copies what the journal promises now.
            promise: if header.code.k == 1 { self.journal_profile(header.stream).promise() } else { header.code.m },
            pieces,
        };
        let mut records = Vec::new();
        for (encoded, place) in opened.items {
            let record = record::decode(&encoded).map_err(|error| unreadable(error.to_string()))?;
            let extent = place.map(|(offset, length)| Extent { segment: header.segment, offset, length });
            records.push((record, Shipped { encoded, extent }));
        }
        Ok(Some(Opened { segment, records }))
    }

    /// One whole piece, proven to be of this segment; `None` when what the site has is not it, an
    /// error when the site does not answer.
    pub async fn read_whole(
        &self,
        piece: Piece,
        segment: &SegmentId,
        layout: &Layout,
    ) -> Result<Option<Bytes>, providers::Error> {
        let Some(known) = self.sites.get(piece.site) else { return Ok(None) };
        let object = object_name(self.enclave, &piece.name);
        // A flip on the way is gone the next time.
        for _ in 0..VERIFIED_ROUNDS {
            match known.handle.store.get_range(&object, 0..layout.piece_length()).await {
                Ok(bytes) => match piece::verify_piece(&bytes) {
                    Ok(header) if is_it(&header, segment, &piece, layout) => return Ok(Some(bytes)),
                    _ => {}
                },
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid) => return Ok(None),
                Err(error) if error.kind == ErrorKind::Corrupt => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Shows what follows the stream's newest shown record, without a gap. Returns what was compacted since of what is
    /// shown.
    async fn replay_stream(
        &self,
        id: StreamId,
        mut opened: Vec<Opened>,
        found: &Found,
    ) -> Result<Vec<Batch>, OpenError> {
        let streams = self.catalog.streams().await?;
        let Some(stream) = streams.into_iter().find(|stream| stream.id == id) else {
            return Err(OpenError::Journal(format!("stream {id} is in no record of the control stream")));
        };
        let (mut shown, decided) = (stream.shown.0, stream.decided.0);
        // What the catalog decided itself it ships again, unless the sites went on from there: then
        // it is an older catalog, and all that stands is shown. So it is when something of before was compacted:
        // what was left out of that was let go by what comes behind.
        let compacted = opened.iter().any(|segment| segment.first() <= shown);
        if !compacted && opened.iter().all(|segment| segment.last() <= decided) {
            return Ok(Vec::new());
        }
        let before = shown;
        while let Some(next) = take_next(&mut opened, shown) {
            let last = next.last();
            let (records, shipped): (Vec<_>, Vec<_>) = next.records.into_iter().unzip();
            self.catalog.show(Batch { stream: id, segment: next.segment, records: shipped }).await?;
            let new = records.iter().filter(|record| record.sequence > shown);
            new.for_each(|record| found.tell(Step::Shown(&record.change)));
            shown = last;
        }
        if shown > before {
            info!(stream = %id, records = shown - before, "replayed changes that the catalog did not have");
        }
        let (past, later): (Vec<_>, Vec<_>) = opened.into_iter().partition(|segment| segment.last() <= shown);
        let past = past.into_iter().map(Opened::batch).collect();
        match later.as_slice() {
            [] => Ok(past),
            _ if !found.silent.is_empty() => Err(found.silent_sites()),
            // Two batches may be under way and the later one stand first; but it is shown after the one
            // before it, so nobody was told of it.
            [early] => {
                let first = early.first();
                warn!(stream = %id, first, "changes that stood before those they follow were never acknowledged");
                Ok(past)
            }
            _ => Err(OpenError::Gap { stream: id, sequence: shown }),
        }
    }

    /// Segments that brought records and hold some of before too. They take the place of those when all is shown, now
    /// or after a start that was cut short: what was left out of them may be let go by what comes last. One that
    /// cannot be read now is met again by the next start.
    async fn half_taken_up(&self, stream: StreamId) -> Result<Vec<Batch>, OpenError> {
        let mut batches = Vec::new();
        for segment in self.catalog.half_taken_up(stream).await? {
            let payload = match self.whole_payload(&segment).await {
                Ok(payload) => payload,
                Err(error) => {
                    warn!(%stream, segment = %segment.id, %error, "what was compacted cannot be read yet");
                    continue;
                }
            };
            let opened = journal::open(&payload, |tag| self.keys.by_tag(tag).map(OpenSecret));
            let opened = opened.map_err(|error| OpenError::Journal(format!("segment {}: {error}", segment.id)))?;
            let shipped = |(encoded, place): (Bytes, journal::Ride)| Shipped {
                encoded,
                extent: place.map(|(offset, length)| Extent { segment: segment.id, offset, length }),
            };
            let records = opened.items.into_iter().map(shipped).collect();
            batches.push(Batch { stream, segment, records });
        }
        Ok(batches)
    }

    /// Of what is shown, segments that were compacted since: this catalog is older, or the process before died just
    /// before it turned to them. What they took the place of may be swept already.
    async fn take_up(&self, mut compacted: Vec<Batch>, found: &Found) -> Result<(), OpenError> {
        compacted.sort_by_key(|batch| (batch.segment.epoch, batch.segment.id));
        for batch in compacted {
            let Segment { id, code, .. } = batch.segment;
            // One with nothing to spare was cut short, or lost the rest: it is done without only if that is certain to
            // lose nothing, for what no record names is swept.
            if Endangered::of(&batch.segment).spare < i64::from(code.m.min(1)) {
                if self.others_suffice(&batch).await? {
                    continue;
                }
                if let Err(error) = self.whole_payload(&batch.segment).await {
                    warn!(segment = %id, %error, "neither it nor all that it took the place of can be read");
                    if !found.silent.is_empty() {
                        return Err(found.silent_sites());
                    }
                    continue;
                }
            }
            let stream = batch.stream;
            match self.catalog.compact(batch, Origin::Found).await? {
                true => info!(%stream, segment = %id, "took up a segment of the journal that was compacted"),
                false => debug!(%stream, segment = %id, "a segment at the sites takes no other's place"),
            }
        }
        Ok(())
    }

    /// Whether all segments whose place this one would take are known to be readable.
    async fn others_suffice(&self, batch: &Batch) -> Result<bool, OpenError> {
        let sequence = |shipped: Option<&Shipped>| shipped.and_then(|shipped| record::decode(&shipped.encoded).ok());
        let ends = (sequence(batch.records.first()), sequence(batch.records.last()));
        let (Some(first), Some(last)) = ends else { return Ok(true) };
        let id = batch.segment.id;
        self.are_readable(batch.stream, first.sequence.saturating_sub(1), last.sequence, |known| known.id != id).await
    }

    /// Whether the sites have enough of each of these segments of a stream: those that `which` names, with records
    /// behind `after` and up to `through`. A site that does not answer has nothing.
    async fn are_readable(
        &self,
        stream: StreamId,
        mut after: u64,
        through: u64,
        which: impl Fn(&Segment) -> bool,
    ) -> Result<bool, OpenError> {
        loop {
            let page = self.catalog.journal(stream, after, HEADS_AT_ONCE).await?;
            let asked = page.iter().filter(|known| known.first <= through && which(&known.segment));
            let enough = asked.map(|known| async {
                let (there, _) = self.still_there(&known.segment).await;
                there >= usize::from(known.segment.code.k)
            });
            if futures::future::join_all(enough).await.contains(&false) {
                return Ok(false);
            }
            match page.last() {
                Some(known) if known.last < through => after = known.last,
                _ => return Ok(true),
            }
        }
    }

    /// How many pieces of a segment their sites have, and how many may be at sites that do not answer.
    async fn still_there(&self, segment: &Segment) -> (usize, usize) {
        let (mut there, mut perhaps) = (0, 0);
        for piece in &segment.pieces {
            let head = match self.sites.get(piece.site) {
                Some(known) => known.handle.store.head(&object_name(self.enclave, &piece.name)).await.map(drop),
                None => Err(providers::Error::new(ErrorKind::Unavailable, "the site is not named")),
            };
            match head {
                Ok(()) => there += 1,
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(_) => perhaps += 1,
            }
        }
        (there, perhaps)
    }

    /// Each stream's newest shown segment must still be there: else the sites are not those the
    /// catalog speaks of. Silent sites count as holding theirs.
    pub async fn check_newest(&self) -> Result<(), OpenError> {
        for stream in self.catalog.streams().await? {
            let Some(newest) = stream.newest else { continue };
            let Some(segment) = self.catalog.segment(newest).await? else { continue };
            let (there, perhaps) = self.still_there(&segment).await;
            let there = there + perhaps;
            if there < segment.pieces.len() {
                warn!(stream = %stream.id, there, of = segment.pieces.len(), "pieces of the newest changes are gone");
            }
            if there < usize::from(segment.code.k) {
                return Err(OpenError::SitesBehind { stream: stream.id });
            }
        }
        Ok(())
    }
}

/// The segment that goes on behind this record. A batch that was shipped again lies at the sites more than
/// once: the last attempt is the one that stood.
fn take_next(opened: &mut Vec<Opened>, shown: u64) -> Option<Opened> {
    let goes_on = |segment: &&Opened| segment.first() <= shown + 1 && segment.last() > shown;
    let newest = |segment: &&Opened| (segment.segment.epoch, segment.segment.id);
    let id = opened.iter().filter(goes_on).max_by_key(newest)?.segment.id;
    let at = opened.iter().position(|segment| segment.segment.id == id)?;
    Some(opened.swap_remove(at))
}

/// Lets `journal::open` borrow a key that is shared.
pub struct OpenSecret(pub Arc<coding::keys::LabelSecret>);

impl std::borrow::Borrow<coding::keys::LabelSecret> for OpenSecret {
    fn borrow(&self) -> &coding::keys::LabelSecret {
        &self.0
    }
}

/// A segment's payload out of any k of its pieces, given whole and proven.
pub fn payload(identity: Identity, layout: Layout, have: &[(u8, &[u8])]) -> Result<Vec<u8>, coding::NotEnough> {
    let mut data: Vec<Bytes> = Vec::new();
    for index in 0..layout.code.k {
        data.push(match have.iter().find(|(found, _)| *found == index) {
            Some((_, bytes)) => Bytes::copy_from_slice(bytes),
            None => restore_piece(identity, layout, index, have)?,
        });
    }
    let mut payload = Vec::new();
    for fragment in layout.locate(0..layout.length) {
        let place: Range<u64> = layout.slice(fragment.row, fragment.within);
        let place =
            usize::try_from(place.start).unwrap_or(usize::MAX)..usize::try_from(place.end).unwrap_or(usize::MAX);
        let cells = data.get(usize::from(fragment.index)).and_then(|piece| piece.get(place));
        payload.extend_from_slice(cells.unwrap_or_default());
    }
    Ok(payload)
}
