//! What the sites hold of the journal and the catalog does not know: names that were listed, put together
//! into segments, and of each segment its head.
//!
//! Pieces that were uploaded together share all of their name but its last byte, which is their index. The
//! beginning of the first data piece so tells which segment they are; it brings the records too, or those of
//! them that do not lie in the next data pieces. A second piece has to say the same, or each is asked. Pieces of
//! older programs have names of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use coding::journal;
use coding::piece::{HEADER, Header, Layout};
use futures::StreamExt;
use model::{Epoch, Piece, PieceName, SegmentId, SegmentKind, SiteId};
use providers::ErrorKind;
use tracing::{debug, warn};

use crate::inner::Inner;
use crate::limits::{JOURNAL_HEAD, LIST_PAGE, VERIFIED_ROUNDS};
use crate::open::OpenError;
use crate::sites::{KnownSite, ListError, object_name, piece_name};

/// Heads read at once: they are small and the sites many.
pub const HEADS_AT_ONCE: usize = 32;

/// What the sites were found to hold beyond the catalog.
#[derive(Default)]
pub struct Found {
    /// The newest writer epoch seen in any name.
    pub seen: Epoch,
    pub segments: BTreeMap<SegmentId, Seen>,
    /// The same as they are being found: of a segment that was coded anew one set for each code.
    pub sets: BTreeMap<SegmentId, Vec<Seen>>,
    /// Sites that did not answer, to the listing or to a read, or listed without end.
    pub silent: BTreeSet<String>,
    /// Names of an epoch that the catalog never opened: it is certainly older than the sites.
    pub older: bool,
    /// Segments that may have been acknowledged, and cannot be read while sites are silent.
    pub doubtful: Vec<Header>,
    /// Told of every step.
    pub tell: Option<Tell>,
}

/// A segment as far as listings and heads tell.
#[derive(Clone)]
pub struct Seen {
    pub header: Header,
    /// Those whose names are of it and which have the length that its pieces have.
    pub pieces: Vec<Piece>,
    /// The payload up to its bodies, unproven.
    pub head: Option<Bytes>,
}

/// Hears how far a replay is.
pub type Tell = Arc<dyn Fn(Step<'_>) + Send + Sync>;

/// One step of a replay.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A snapshot of so many parts is to be read; each is told as read.
    Snapshot(usize),
    /// A site named so many pieces of the journal.
    Listed { site: &'a str, pieces: usize },
    /// So many segments of the journal are to be read.
    Segments(usize),
    /// One of them, or of a snapshot's parts, was read, of so many bytes.
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

    fn take(&mut self, seen: Seen) {
        let sets = self.sets.entry(seen.header.segment).or_default();
        let fits = |set: &&mut Seen| Layout::of(&set.header).holds(&Layout::of(&seen.header));
        match sets.iter_mut().find(fits) {
            Some(set) => {
                // Of copies those say least that the segment was made with, and it has their code: a further one,
                // which was made to bring it up, counts itself too.
                if seen.header.code.n() < set.header.code.n() {
                    set.header.code = seen.header.code;
                }
                set.pieces.extend(seen.pieces);
                set.head = set.head.take().or(seen.head);
            }
            None => sets.push(seen),
        }
    }

    /// Of a segment that was coded anew the pieces under its last code are the more, unless they were cut
    /// short: those of the one before are swept.
    fn settle(&mut self) {
        for (segment, sets) in std::mem::take(&mut self.sets) {
            let worth = |set: &Seen| {
                let newest = set.pieces.iter().map(|piece| piece.name.epoch).max();
                (catalog::Endangered::spare(set.header.code, &set.pieces), newest)
            };
            if let Some(best) = sets.into_iter().max_by_key(worth) {
                self.segments.insert(segment, best);
            }
        }
    }
}

/// A name of the journal as a site listed it.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    pub site: SiteId,
    pub name: PieceName,
    pub size: u64,
}

impl Listed {
    /// What is asked for first.
    pub fn beginning(&self) -> u64 {
        self.size.min(HEADER as u64 + JOURNAL_HEAD)
    }
}

/// Pieces that may have been uploaded together: of one epoch, named alike.
pub type Kin = Vec<Listed>;

/// What a look at kin brought.
#[derive(Default)]
struct Looked {
    segments: Vec<Seen>,
    silent: Vec<SiteId>,
}

impl Inner {
    /// Lists the journal from the catalog's newest epoch on, and looks at what it does not know.
    pub async fn find_unknown(&self, found: &mut Found) -> Result<(), OpenError> {
        let unknown = self.list_unknown(found).await?;
        let looks = futures::stream::iter(unknown).map(|kin| self.look_at(kin));
        let mut looks = looks.buffer_unordered(HEADS_AT_ONCE);
        while let Some(looked) = looks.next().await {
            looked.segments.into_iter().for_each(|seen| found.take(seen));
            found.silent.extend(looked.silent.iter().filter_map(|id| Some(self.sites.get(*id)?.site.name.clone())));
        }
        found.settle();
        Ok(())
    }

    /// The names that the catalog does not know, kin together.
    pub async fn list_unknown(&self, found: &mut Found) -> Result<Vec<Kin>, OpenError> {
        let (newest, open) = (self.catalog.newest_epoch().await?, self.catalog.closed_below().await?);
        let running = self.catalog.add_running_ms(0).await?;
        // Of what was compacted a start that was cut short may have shown where it went, and not yet turned to it.
        let early = self.catalog.early_pieces().await?;
        found.seen = newest;
        let mut unknown: BTreeMap<(Epoch, u128), Kin> = BTreeMap::new();
        for known in self.sites.iter() {
            let listed = match self.list_journal(known, open).await {
                Ok(listed) => listed,
                Err(error) => {
                    warn!(site = known.site.name, %error, "the site does not list its journal: it is done without");
                    found.silent.insert(known.site.name.clone());
                    continue;
                }
            };
            found.seen = listed.keys().map(|name| name.epoch).max().unwrap_or_default().max(found.seen);
            found.tell(Step::Listed { site: &known.site.name, pieces: listed.len() });
            let names = listed.keys().copied().collect();
            let unnamed = self.catalog.note_unnamed(known.site.id, names, running).await?;
            let early = listed.keys().filter(|name| early.contains(name));
            for name in unnamed.iter().map(|unnamed| &unnamed.name).chain(early).copied() {
                let site = known.site.id;
                let size = listed.get(&name).copied().unwrap_or_default();
                unknown.entry((name.epoch, name.kin())).or_default().push(Listed { site, name, size });
            }
        }
        found.older |= found.seen > newest;
        Ok(unknown.into_values().collect())
    }

    /// Names and sizes.
    async fn list_journal(&self, known: &KnownSite, from: Epoch) -> Result<BTreeMap<PieceName, u64>, ListError> {
        let prefix = format!("{}/j/", self.enclave);
        let mut after = format!("{prefix}{:016x}", from.0);
        let mut names = BTreeMap::new();
        loop {
            let page = known.list(&prefix, Some(&after)).await?;
            let named = page.iter().filter_map(|entry| Some((piece_name(self.enclave, &entry.name)?, entry.size)));
            names.extend(named);
            match page.last() {
                Some(last) if page.len() == LIST_PAGE => after.clone_from(&last.name),
                _ => return Ok(names),
            }
        }
    }

    async fn look_at(&self, mut kin: Kin) -> Looked {
        // The first data piece has the head.
        kin.sort_unstable_by_key(|listed| listed.name.index());
        let (mut looked, mut kin) = (Looked::default(), std::collections::VecDeque::from(kin));
        let mut alone = false;
        while let Some(first) = kin.pop_front() {
            let (header, begun) = match self.read_beginning(&first).await {
                Ok(Some(read)) => read,
                // A piece cut short by a crash has no header that holds; it is swept in time.
                Ok(None) => continue,
                Err(error) => {
                    debug!(site = %first.site, %error, "the site does not give what it listed");
                    looked.silent.push(first.site);
                    continue;
                }
            };
            if Layout::of(&header).piece_length() != first.size {
                continue;
            }
            let mut pieces = vec![Piece { index: header.index, site: first.site, name: first.name }];
            let mut joined = Vec::new();
            if !alone && header.index == first.name.index() {
                kin.retain(|other| {
                    let index = other.name.index();
                    let new = |piece: &Piece| piece.index != index && piece.site != other.site;
                    let is_of_it = other.size == first.size && index < header.code.n() && pieces.iter().all(new);
                    if is_of_it {
                        pieces.push(Piece { index, site: other.site, name: other.name });
                        joined.push(*other);
                    }
                    !is_of_it
                });
            }
            let (mut head, mut confirmed) = self.head_of(&header, &pieces, &begun).await;
            if confirmed.is_none() {
                confirmed = self.confirmed(&header, pieces.get(1..).unwrap_or_default()).await;
            }
            if confirmed == Some(false) {
                // One of them is not what its name says: each is asked.
                alone = true;
                kin.extend(joined);
                pieces.truncate(1);
                (head, _) = self.head_of(&header, &pieces, &begun).await;
            }
            looked.segments.push(Seen { header, pieces, head });
        }
        looked
    }

    /// Whether another piece says that it is of the same segment; `None` when none of them answers. The first
    /// alone may be another's, or made up, and would take the others with it.
    async fn confirmed(&self, header: &Header, others: &[Piece]) -> Option<bool> {
        for other in others {
            let Some(known) = self.sites.get(other.site) else { continue };
            let object = object_name(self.enclave, &other.name);
            match known.handle.store.get_range(&object, 0..HEADER as u64).await {
                Ok(bytes) => return Some(is_kin(header, other, &bytes)),
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid) => return Some(false),
                Err(_) => {}
            }
        }
        None
    }

    /// The header of a listed piece, and as much of it as is read with that; `None` when it holds none of
    /// ours, an error when the site does not answer.
    async fn read_beginning(&self, listed: &Listed) -> Result<Option<(Header, Bytes)>, providers::Error> {
        let Some(known) = self.sites.get(listed.site).filter(|_| listed.size >= HEADER as u64) else {
            return Ok(None);
        };
        let object = object_name(self.enclave, &listed.name);
        let ours = |header: &Header| header.enclave == self.enclave && header.kind == SegmentKind::Journal;
        // A flip on the way is gone the next time.
        for _ in 0..VERIFIED_ROUNDS {
            match known.handle.store.get_range(&object, 0..listed.beginning()).await {
                Ok(bytes) => {
                    if let Ok(header) = Header::decode(bytes.get(..HEADER).unwrap_or_default()) {
                        return Ok(Some(header).filter(ours).map(|header| (header, bytes)));
                    }
                }
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The head, and whether the pieces that were read for it beside the first confirm that they are of its
    /// segment; `None` when there were none.
    async fn head_of(&self, header: &Header, pieces: &[Piece], begun: &Bytes) -> (Option<Bytes>, Option<bool>) {
        let mut confirmed = None;
        let head = self.read_head(header, pieces, begun, &mut confirmed).await;
        (head.filter(|_| confirmed != Some(false)), confirmed)
    }

    /// The head out of the first data piece's beginning, and of those behind it where it goes on in them:
    /// small batches are about as long as their records. `None` where one of them is not there.
    async fn read_head(
        &self,
        header: &Header,
        pieces: &[Piece],
        begun: &Bytes,
        confirmed: &mut Option<bool>,
    ) -> Option<Bytes> {
        if header.index > 0 || Layout::of(header).rows() != 1 {
            return None;
        }
        let cell = usize::try_from(header.cell).ok()?;
        let begun = begun.get(HEADER..)?;
        let begun = begun.get(..begun.len().min(cell))?;
        let length = journal::head_length(begun).ok().filter(|length| *length <= header.length)?;
        let length = usize::try_from(length).ok()?;
        let mut head = Vec::with_capacity(length);
        for index in 0..header.code.k {
            let wanted = cell.min(length - head.len());
            match begun.get(..wanted) {
                // Only what is of the head is held: bodies may lie behind it.
                Some(beginning) if index == 0 => head.extend_from_slice(beginning),
                _ if wanted == 0 => break,
                _ => {
                    let piece = pieces.iter().find(|piece| piece.index == index)?;
                    let object = object_name(self.enclave, &piece.name);
                    let range = 0..(HEADER + wanted) as u64;
                    let read = self.sites.get(piece.site)?.handle.store.get_range(&object, range).await.ok()?;
                    *confirmed = Some(confirmed.unwrap_or(true) && is_kin(header, piece, &read));
                    head.extend_from_slice(read.get(HEADER..)?);
                }
            }
        }
        (head.len() == length).then(|| head.into())
    }
}

/// Whether what begins so is the piece that its name says, of the segment with this header.
fn is_kin(header: &Header, piece: &Piece, begun: &[u8]) -> bool {
    let found = Header::decode(begun.get(..HEADER).unwrap_or_default());
    found.is_ok_and(|found| {
        let identity = found.identity() == header.identity();
        identity && found.index == piece.index && Layout::of(header).holds(&Layout::of(&found))
    })
}
