//! Replaying the journal's tail: at start the catalog and the sites are compared, and what the
//! sites hold and the catalog does not (an older catalog was put back, or the process died between
//! standing and showing) is shown as if it had just come to stand.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{Batch, Shipped};
use coding::journal;
use coding::piece::{self, HEADER, Header, Identity, Layout};
use coding::record;
use coding::segment::restore_piece;
use futures::StreamExt;
use model::{Epoch, Extent, Piece, PieceName, Segment, SegmentId, SegmentKind, StreamId};
use providers::ErrorKind;
use tracing::{debug, info, warn};

use crate::inner::Inner;
use crate::limits::{LIST_PAGE, VERIFIED_ROUNDS};
use crate::open::OpenError;
use crate::sites::{KnownSite, object_name, piece_name};

/// Headers read at once: they are small and the sites many.
const HEADERS_AT_ONCE: usize = 32;

/// What the sites were found to hold beyond the catalog.
#[derive(Default)]
pub struct Found {
    /// The newest writer epoch seen in any name.
    pub seen: Epoch,
    pub segments: BTreeMap<SegmentId, (Header, Vec<Piece>)>,
    /// Sites that did not answer, to the listing or to a read.
    pub silent: BTreeSet<String>,
    /// Names of an epoch that the catalog never opened: it is certainly older than the sites.
    pub older: bool,
    /// Segments that may have been acknowledged, and cannot be read while sites are silent.
    pub doubtful: Vec<Header>,
    /// Told of every step.
    pub tell: Option<Tell>,
}

/// Hears how far a replay is.
pub type Tell = Arc<dyn Fn(Step<'_>) + Send + Sync>;

/// One step of a replay.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A site named so many pieces of the journal.
    Listed { site: &'a str, pieces: usize },
    /// So many segments of the journal are to be read.
    Segments(usize),
    /// One of them was read, of so many bytes.
    Read(u64),
    /// This change is back.
    Shown(&'a model::Change),
}

impl Found {
    pub fn tell(&self, step: Step<'_>) {
        if let Some(tell) = &self.tell {
            tell(step);
        }
    }

    pub fn silent_sites(&self) -> OpenError {
        let names: Vec<&str> = self.silent.iter().map(String::as_str).collect();
        OpenError::SilentSites { silent: names.join(", ") }
    }
}

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
    proven: Vec<Piece>,
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
            segments.into_values().partition(|(header, _)| control.contains(&header.stream))
        };
        for (keys, segments) in [(Keys::Brought, control), (Keys::There, others)] {
            // Of a shredded label nothing opens, and nothing is missed.
            let shredded: BTreeSet<StreamId> = self.catalog.shredded().await?.into_iter().map(|(id, _)| id).collect();
            let (mut unopened, mut opened) = (Vec::new(), Vec::new());
            for (header, pieces) in segments.into_iter().filter(|(header, _)| !shredded.contains(&header.stream)) {
                if let Some(known) = self.catalog.segment(header.segment).await? {
                    self.take_back(&known, pieces).await?;
                } else if let Some(segment) = self.read_segment(header, pieces, found).await? {
                    match keys {
                        Keys::Brought => unopened.push(segment),
                        Keys::There => opened.push(self.open_segment(segment)?),
                    }
                }
            }
            for segment in unopened {
                opened.push(self.open_segment(segment)?);
            }
            let mut streams: BTreeMap<StreamId, Vec<Opened>> = BTreeMap::new();
            for opened in opened {
                streams.entry(opened.segment.stream).or_default().push(opened);
            }
            for (stream, opened) in streams {
                self.replay_stream(stream, opened, found).await?;
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

    /// What could not be read is not missed if its stream goes on in a later epoch: all before that is there.
    async fn settle_doubts(&self, found: &mut Found) -> Result<(), OpenError> {
        let streams = self.catalog.streams().await?;
        for header in std::mem::take(&mut found.doubtful) {
            let Some(stream) = streams.iter().find(|stream| stream.id == header.stream) else { continue };
            let newest = match stream.newest {
                Some(newest) => self.catalog.segment(newest).await?.map(|segment| segment.epoch),
                None => None,
            };
            if newest.is_none_or(|newest| newest <= header.epoch) {
                return Err(found.silent_sites());
            }
        }
        Ok(())
    }

    /// Lists the journal from the catalog's newest epoch on and reads the headers of pieces it does
    /// not know.
    pub async fn find_unknown(&self, found: &mut Found) -> Result<(), OpenError> {
        let (newest, open) = (self.catalog.newest_epoch().await?, self.catalog.closed_below().await?);
        let running = self.catalog.add_running_ms(0).await?;
        found.seen = newest;
        for known in self.sites.iter() {
            let listed = match self.list_journal(known, open).await {
                Ok(listed) => listed,
                Err(error) => {
                    debug!(site = known.site.name, %error, "the site does not list its journal");
                    found.silent.insert(known.site.name.clone());
                    continue;
                }
            };
            found.seen = listed.iter().map(|name| name.epoch).max().unwrap_or_default().max(found.seen);
            found.tell(Step::Listed { site: &known.site.name, pieces: listed.len() });
            let unknown = self.catalog.note_unnamed(known.site.id, listed, running).await?;
            let headers = futures::stream::iter(unknown).map(|unnamed| self.read_header(known, unnamed.name));
            let mut headers = headers.buffer_unordered(HEADERS_AT_ONCE);
            while let Some((name, header)) = headers.next().await {
                let header = match header {
                    Ok(Some(header)) => header,
                    // A piece cut short by a crash has no header that holds; it is swept in time.
                    Ok(None) => continue,
                    Err(error) => {
                        debug!(site = known.site.name, %error, "the site does not give what it listed");
                        found.silent.insert(known.site.name.clone());
                        continue;
                    }
                };
                let piece = Piece { index: header.index, site: known.site.id, name };
                found.segments.entry(header.segment).or_insert_with(|| (header, Vec::new())).1.push(piece);
            }
        }
        found.older |= found.seen > newest;
        Ok(())
    }

    async fn list_journal(&self, known: &KnownSite, from: Epoch) -> Result<Vec<PieceName>, providers::Error> {
        let prefix = format!("{}/j/", self.enclave);
        let mut after = format!("{prefix}{:016x}", from.0);
        let mut names = Vec::new();
        loop {
            let page = known.handle.store.list(&prefix, Some(&after), LIST_PAGE).await?;
            names.extend(page.iter().filter_map(|entry| piece_name(self.enclave, &entry.name)));
            match page.last() {
                Some(last) if page.len() == LIST_PAGE => after.clone_from(&last.name),
                _ => return Ok(names),
            }
        }
    }

    /// The header of a listed piece; `None` when it holds none of ours, an error when the site does
    /// not answer.
    async fn read_header(
        &self,
        known: &KnownSite,
        name: PieceName,
    ) -> (PieceName, Result<Option<Header>, providers::Error>) {
        let object = object_name(self.enclave, &name);
        let ours = |header: &Header| header.enclave == self.enclave && header.kind == SegmentKind::Journal;
        // A flip on the way is gone the next time.
        for _ in 0..VERIFIED_ROUNDS {
            match known.handle.store.get_range(&object, 0..HEADER as u64).await {
                Ok(bytes) => {
                    if let Ok(header) = Header::decode(&bytes) {
                        return (name, Ok(Some(header).filter(ours)));
                    }
                }
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid) => {
                    return (name, Ok(None));
                }
                Err(error) => return (name, Err(error)),
            }
        }
        (name, Ok(None))
    }

    /// Pieces of a segment that the catalog knows without them: they came late, or were caught up,
    /// after the copy of the catalog was made.
    async fn take_back(&self, known: &Segment, pieces: Vec<Piece>) -> Result<(), OpenError> {
        let layout = Layout::of(known);
        let mut taken = known.pieces.clone();
        for piece in pieces {
            let vendor = self.sites.vendor(piece.site);
            let new = |other: &Piece| other.index != piece.index && self.sites.vendor(other.site) != vendor;
            if taken.iter().all(new) && matches!(self.read_whole(piece, &known.id, &layout).await, Ok(Some(_))) {
                self.catalog.add_pieces(known.id, vec![piece]).await?;
                taken.push(piece);
            }
        }
        Ok(())
    }

    /// Reads and proves a segment; `None` when fewer than k of its pieces are whole, as of a batch whose
    /// upload was cut short. The control stream's key in it is learned: whichever segment was sealed
    /// since there is the newest root has it so that this opens it.
    pub async fn read_segment(
        &self,
        header: Header,
        pieces: Vec<Piece>,
        found: &mut Found,
    ) -> Result<Option<Unopened>, OpenError> {
        let layout = Layout::of(&header);
        let mut whole: BTreeMap<u8, Bytes> = BTreeMap::new();
        let mut proven = Vec::new();
        for piece in pieces {
            match self.read_whole(piece, &header.segment, &layout).await {
                Ok(Some(bytes)) => {
                    whole.insert(piece.index, bytes);
                    proven.push(piece);
                }
                Ok(None) => {}
                Err(_) => found.silent.extend(self.sites.get(piece.site).map(|known| known.site.name.clone())),
            }
        }
        let k = usize::from(header.code.k);
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
        Ok(Some(Unopened { header, payload, proven }))
    }

    fn open_segment(&self, unopened: Unopened) -> Result<Opened, OpenError> {
        let Unopened { header, payload, proven } = unopened;
        let unreadable = |why: String| OpenError::Journal(format!("segment {}: {why}", header.segment));
        let opened = match journal::open(&payload, |tag| self.keys.by_tag(tag).map(OpenSecret)) {
            // Only a root opens the control stream's key.
            Err(journal::OpenError::NoKey(_)) if matches!(journal::control_key(&payload), Ok(Some(_))) => {
                return Err(OpenError::WrongRoot);
            }
            opened => opened.map_err(|error| unreadable(error.to_string()))?,
        };
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
            pieces: proven,
        };
        let mut records = Vec::new();
        for (encoded, place) in opened.items {
            let record = record::decode(&encoded).map_err(|error| unreadable(error.to_string()))?;
            let extent = place.map(|(offset, length)| Extent { segment: header.segment, offset, length });
            records.push((record, Shipped { encoded, extent }));
        }
        Ok(Opened { segment, records })
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

    /// Shows what follows the stream's newest shown record, without a gap.
    async fn replay_stream(&self, id: StreamId, mut opened: Vec<Opened>, found: &Found) -> Result<(), OpenError> {
        let streams = self.catalog.streams().await?;
        let Some(stream) = streams.into_iter().find(|stream| stream.id == id) else {
            return Err(OpenError::Journal(format!("stream {id} is in no record of the control stream")));
        };
        let (mut shown, decided) = (stream.shown.0, stream.decided.0);
        // What the catalog decided itself it ships again, unless the sites went on from there: then
        // it is an older catalog, and all that stands is shown.
        if opened.iter().all(|segment| segment.last() <= decided) {
            return Ok(());
        }
        while let Some(next) = take_next(&mut opened, shown) {
            info!(stream = %id, records = next.records.len(), "replaying changes that the catalog does not have");
            let last = next.last();
            let (records, shipped): (Vec<_>, Vec<_>) = next.records.into_iter().unzip();
            self.catalog.show(Batch { stream: id, segment: next.segment, records: shipped }).await?;
            let new = records.iter().filter(|record| record.sequence > shown);
            new.for_each(|record| found.tell(Step::Shown(&record.change)));
            shown = last;
        }
        opened.retain(|segment| segment.last() > shown);
        match opened.as_slice() {
            [] => Ok(()),
            _ if !found.silent.is_empty() => Err(found.silent_sites()),
            // Two batches may be under way and the later one stand first; but it is shown after the one
            // before it, so nobody was told of it.
            [early] => {
                let first = early.first();
                warn!(stream = %id, first, "changes that stood before those they follow were never acknowledged");
                Ok(())
            }
            _ => Err(OpenError::Gap { stream: id, sequence: shown }),
        }
    }

    /// Each stream's newest shown segment must still be there: else the sites are not those the
    /// catalog speaks of. Silent sites count as holding theirs.
    pub async fn check_newest(&self) -> Result<(), OpenError> {
        for stream in self.catalog.streams().await? {
            let Some(newest) = stream.newest else { continue };
            let Some(segment) = self.catalog.segment(newest).await? else { continue };
            let mut possible = 0;
            for piece in &segment.pieces {
                let object = object_name(self.enclave, &piece.name);
                let gone = match self.sites.get(piece.site) {
                    Some(known) => {
                        let head = known.handle.store.head(&object).await;
                        matches!(head, Err(error) if error.kind == ErrorKind::NotFound)
                    }
                    None => false,
                };
                if gone {
                    warn!(site = %piece.site, piece = %piece.name, "a piece of the newest changes is gone");
                } else {
                    possible += 1;
                }
            }
            if possible < usize::from(segment.code.k) {
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
struct OpenSecret(Arc<coding::keys::LabelSecret>);

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
