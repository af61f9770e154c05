//! One segment brought to where the planner says it should lie.
//!
//! Nothing is let go before what takes its place is proven, and the catalog turns to the new pieces only
//! then, in one decided change. Cut short anywhere, it leaves pieces that no record names, which are
//! swept in time, and is simply done again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use coding::piece::{HEADER, Identity, Layout, TRAILER};
use coding::segment::{code_anew, restore_piece};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use model::{Code, Label, Piece, PieceName, Segment, SegmentId, SegmentKind, SiteId};
use tracing::{debug, warn};

use super::limits::Budget;
use super::plan::{self, Bill, Place, Target, Wanted, Way};
use crate::error::Error;
use crate::inner::Inner;
use crate::ship::named;
use crate::sites::object_name;
use crate::work;

/// What became of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// Pieces that were added.
    pub added: usize,
    /// What was really read, written and asked for, whether anything came of it or not.
    pub bill: Bill,
    /// What the other way would have cost.
    pub dearer: u64,
    /// There is more to do than could be done now.
    pub waits: Option<Wait>,
}

/// Why there is more to do than could be done now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// Somebody else works on it.
    Busy,
    /// These sites do not answer, or are suspended: what is needed lies there, or is to go there.
    Sites(BTreeSet<SiteId>),
    /// Fewer vendors have a site for it than it takes.
    Vendors,
    /// Under the floor of the journal nothing is decided.
    Floor,
    /// What began before may still name it otherwise.
    Before,
    /// Its own listing names pieces that count: of a site that is being left.
    Listed,
    /// The day's dollars are spent.
    Spent,
    /// It was tried, and this went wrong.
    Failed(String),
}

/// What was spent so far on one segment.
#[derive(Default)]
pub struct Tab(Mutex<Bill>);

impl Tab {
    fn note(&self, more: Bill) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += more;
    }

    fn sum(&self) -> Bill {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mended {
    pub fn waits(wait: Wait) -> Mended {
        Mended { waits: Some(wait), ..Mended::default() }
    }
}

impl Inner {
    /// The sites that may hold what has this label, as the planner sees them.
    pub fn places(&self, label: Option<Label>) -> Vec<Place> {
        let prompt = self.sites.prompt(label, &[]);
        let may_hold = self.sites.iter().filter(|known| known.may_hold(label));
        let place = |known: &crate::sites::KnownSite| Place {
            site: known.site.id,
            vendor: known.site.vendor,
            state: known.state(),
            takes: prompt.iter().any(|candidate| candidate.site == known.site.id),
            gives: known.answers(),
            prices: known.facts.prices,
        };
        may_hold.map(place).collect()
    }

    /// Claims the segment and brings it to where it should lie now, within the budget. One that somebody else
    /// works on waits for the next time.
    pub async fn mend(self: &Arc<Self>, id: SegmentId, wanted: Wanted, budget: Budget) -> Result<Mended, Error> {
        let (mended, planned) = self.mend_claimed(id, wanted, budget).await?;
        // The claim is given back: others need not keep this pace.
        self.settle_mending(&planned, &mended.bill).await?;
        Ok(mended)
    }

    async fn mend_claimed(
        self: &Arc<Self>,
        id: SegmentId,
        wanted: Wanted,
        budget: Budget,
    ) -> Result<(Mended, Bill), Error> {
        let unpaid = |mended| Ok((mended, Bill::default()));
        let Some(_claim) = self.claims.try_take(id) else { return unpaid(Mended::waits(Wait::Busy)) };
        let Some(segment) = self.catalog.segment(id).await? else { return unpaid(Mended::default()) };
        if let Wanted::As(profile) = wanted
            && profile.promise() < segment.promise
            && !self.catalog.shared(vec![id]).await?.is_empty()
        {
            // Whoever shares it may have been promised more.
            return unpaid(Mended::default());
        }
        let label = self.label_of(segment.stream)?;
        let places = self.places(label);
        let Some(target) = plan::target(&segment, &places, wanted) else {
            return unpaid(Mended { waits: waits(&segment, &places, wanted), ..Mended::default() });
        };
        let Some(priced) = plan::way(&segment, &target, &places) else {
            return unpaid(Mended::waits(sources_out(&segment, &places)));
        };
        // Under the floor nothing is decided, and all that is read and stored would be for nothing.
        if self.sites.map(self.journal_profile(segment.stream), label, &[], 0).is_err() {
            return unpaid(Mended::waits(Wait::Floor));
        }
        if !self.afford_mending(&segment, &priced.bill, budget).await? {
            return unpaid(Mended::waits(Wait::Spent));
        }
        let (tab, dearer) = (Tab::default(), priced.dearer);
        let done = self.pursue(&segment, &target, priced.way, &tab).await;
        let mut bill = Bill { segments: 1, ..tab.sum() };
        let (added, waits) = match done {
            Ok(Some(stored)) => {
                let waits = stored.len() < target.fill.len();
                (stored.len(), waits.then(|| not_stored(&target, &stored)))
            }
            Ok(None) => (0, Some(not_stored(&target, &[]))),
            Err(error) => {
                debug!(segment = %segment.id, %error, "a segment cannot be mended now");
                (0, Some(Wait::Failed(error.to_string())))
            }
        };
        bill.pieces = added as u64;
        let dearer = dearer.unwrap_or(bill.cost).0.max(bill.cost.0);
        Ok((Mended { added, bill, dearer, waits }, priced.bill))
    }

    /// The pieces that were stored and count from now on; `None` where too few were.
    async fn pursue(
        self: &Arc<Self>,
        segment: &Segment,
        target: &Target,
        way: Way,
        tab: &Tab,
    ) -> Result<Option<Vec<Piece>>, Error> {
        let term = self.epochs.begin();
        // A name is used up by the put that was sent, whatever came of it: each way begins with names of its own.
        let names = || {
            let (kin, epoch) = (self.outside.random(), term.epoch());
            move |index| {
                let random = match segment.kind {
                    SegmentKind::Journal => named(kin, index),
                    SegmentKind::Data => self.outside.random(),
                };
                PieceName { kind: segment.kind, epoch, random }
            }
        };
        let stored = match way {
            Way::Copy(copies) => {
                let tried: Vec<Piece> = copies.iter().map(|(_, piece, _)| *piece).collect();
                let stored = self.copy_pieces(segment, copies, names(), tab).await?;
                // A site that gives others and not this one is done without.
                let answers = |piece: &Piece| self.sites.get(piece.site).is_some_and(crate::sites::KnownSite::answers);
                let others = segment.pieces.iter().copied().filter(|piece| answers(piece) && !tried.contains(piece));
                match stored.is_empty() && !tried.is_empty() {
                    true => self.compute_pieces(segment, target, others.collect(), names(), tab).await?,
                    false => stored,
                }
            }
            Way::Compute(sources) => self.compute_pieces(segment, target, sources, names(), tab).await?,
        };
        let Some((code, pieces)) = target.settled(segment, &stored) else { return Ok(None) };
        let stays = segment.pieces.iter().all(|piece| pieces.contains(piece));
        if stays && (code, target.promise) == (segment.code, segment.promise) {
            self.remember_pieces(segment, stored.clone()).await?;
        } else {
            self.place(segment, code, target.promise, pieces).await?;
        }
        Ok(Some(stored))
    }

    /// Reads each piece where it is and stores it elsewhere. Those that cannot be read are left to the next
    /// time, when their site is known to be out, or the piece to be bad.
    async fn copy_pieces(
        &self,
        segment: &Segment,
        copies: Vec<(u8, Piece, SiteId)>,
        name: impl Fn(u8) -> PieceName,
        tab: &Tab,
    ) -> Result<Vec<Piece>, Error> {
        let layout = Layout::of(segment);
        let _reserved = self.reserve(&[(&layout, copies.len())]).await;
        let mut new = Vec::new();
        for (index, piece, site) in copies {
            match self.read_source(piece, segment, &layout, tab).await {
                Ok(Some(bytes)) => new.push((Piece { index, site, name: name(index) }, bytes)),
                Ok(None) => self.suspects.report(segment.id, piece, crate::suspects::Suspicion::Failed),
                Err(error) => debug!(site = %piece.site, %error, "a piece cannot be copied now"),
            }
        }
        Ok(self.store_all(new, tab).await)
    }

    /// Computes the pieces from others, and stores them.
    async fn compute_pieces(
        &self,
        segment: &Segment,
        target: &Target,
        sources: Vec<Piece>,
        name: impl Fn(u8) -> PieceName,
        tab: &Tab,
    ) -> Result<Vec<Piece>, Error> {
        let layout = Layout::of(segment);
        let new = Layout { code: target.code, ..layout };
        let _reserved = self.reserve(&[(&layout, usize::from(segment.code.k) + 2), (&new, target.fill.len())]).await;
        let have = self.read_some(segment, &layout, &sources, tab).await;
        self.check_agreement(segment, layout, &have).await?;
        let new = match target.recodes(segment) {
            true => self.code_anew(segment, target, have).await?,
            false => self.restore(segment, target, have).await?,
        };
        let sites: BTreeMap<u8, SiteId> = target.fill.iter().copied().collect();
        let piece = |(index, bytes): (u8, Bytes)| {
            sites.get(&index).map(|site| (Piece { index, site: *site, name: name(index) }, bytes))
        };
        Ok(self.store_all(new.into_iter().filter_map(piece).collect(), tab).await)
    }

    async fn restore(
        &self,
        segment: &Segment,
        target: &Target,
        have: BTreeMap<u8, Bytes>,
    ) -> Result<Vec<(u8, Bytes)>, Error> {
        let layout = Layout::of(segment);
        // The epoch of the header is the segment's; only the name tells whose writing it is.
        let identity = Identity::of(self.enclave, segment);
        let mut new = Vec::new();
        for (index, _) in &target.fill {
            let (index, have, layout) = (*index, have.clone(), wide_enough(layout, *index, &have));
            let length = usize::try_from(layout.piece_length()).unwrap_or(usize::MAX);
            let bytes = work::run(&self.outside, length, move || {
                let have: Vec<(u8, &[u8])> = have.iter().map(|(index, bytes)| (*index, bytes.as_ref())).collect();
                restore_piece(identity, layout, index, &have)
            });
            new.push((index, bytes.await?.map_err(|error| Error::Unreadable { reason: error.to_string() })?));
        }
        Ok(new)
    }

    async fn code_anew(
        &self,
        segment: &Segment,
        target: &Target,
        have: BTreeMap<u8, Bytes>,
    ) -> Result<Vec<(u8, Bytes)>, Error> {
        let _turn = self.recoding.acquire().await;
        let (layout, code) = (wide_enough(Layout::of(segment), 0, &have), target.code);
        let identity = Identity::of(self.enclave, segment);
        let length = usize::try_from(segment.length).unwrap_or(usize::MAX);
        let encoded = work::run(&self.outside, length, move || {
            let have: Vec<(u8, Bytes)> = have.into_iter().collect();
            code_anew(identity, layout, &have, code)
        });
        let encoded = encoded.await?.map_err(|error| Error::Unreadable { reason: error.to_string() })?;
        Ok((0..).zip(encoded.pieces).collect())
    }

    /// Memory for so many pieces of each layout in flight.
    pub async fn reserve(&self, pieces: &[(&Layout, usize)]) -> crate::budget::Reserved {
        let bytes = |(layout, count): &(&Layout, usize)| {
            usize::try_from(layout.piece_length()).unwrap_or(usize::MAX).saturating_mul(*count)
        };
        self.budget.large.reserve(pieces.iter().map(bytes).fold(0, usize::saturating_add)).await
    }

    /// Those of the pieces that were stored and proven.
    async fn store_all(&self, new: Vec<(Piece, Bytes)>, tab: &Tab) -> Vec<Piece> {
        let store = |(piece, bytes): (Piece, Bytes)| async move {
            let known = self.sites.get(piece.site)?;
            let (bytes_written, cost) = (bytes.len() as u64, known.facts.prices.put);
            tab.note(Bill { bytes_written, requests: 1, cost, ..Bill::default() });
            match known.handle.store.put_new(&object_name(self.enclave, &piece.name), bytes).await {
                Ok(()) => Some(piece),
                Err(error) => {
                    debug!(site = known.site.name, %error, "a piece could not be stored");
                    None
                }
            }
        };
        let mut stores: FuturesUnordered<_> = new.into_iter().map(store).collect();
        let mut stored = Vec::new();
        while let Some(done) = stores.next().await {
            stored.extend(done);
        }
        stored.sort_unstable();
        stored
    }

    /// As many whole pieces as are needed, and one to compare them with, from the best sources that have
    /// them.
    pub async fn read_some(
        &self,
        segment: &Segment,
        layout: &Layout,
        sources: &[Piece],
        tab: &Tab,
    ) -> BTreeMap<u8, Bytes> {
        let mut have = BTreeMap::new();
        for piece in sources {
            if have.len() > usize::from(segment.code.k) {
                break;
            }
            match self.read_source(*piece, segment, layout, tab).await {
                Ok(Some(bytes)) => drop(have.insert(piece.index, bytes)),
                Ok(None) => self.suspects.report(segment.id, *piece, crate::suspects::Suspicion::Failed),
                Err(error) => debug!(site = %piece.site, %error, "a piece cannot be read now"),
            }
        }
        have
    }

    /// A whole piece; what the site sent is on the tab, an answer without bytes as a request.
    async fn read_source(
        &self,
        piece: Piece,
        segment: &Segment,
        layout: &Layout,
        tab: &Tab,
    ) -> Result<Option<Bytes>, providers::Error> {
        let read = self.read_whole(piece, &segment.id, layout).await;
        let bytes_read = read.as_ref().ok().and_then(Option::as_ref).map_or(0, |bytes| bytes.len() as u64);
        let cost = self.sites.get(piece.site).map(|known| known.facts.prices.of_reads(1, bytes_read));
        tab.note(Bill { bytes_read, requests: 1, cost: cost.unwrap_or_default(), ..Bill::default() });
        read
    }

    /// Whether one piece more than is needed says what the others say. A site can make up a piece that
    /// proves itself; restored from it, the others would be lost too. Which one it is only a reader can
    /// tell, who has the key.
    pub async fn check_agreement(
        &self,
        segment: &Segment,
        layout: Layout,
        have: &BTreeMap<u8, Bytes>,
    ) -> Result<(), Error> {
        if have.len() <= usize::from(segment.code.k) {
            return Ok(());
        }
        let (mut others, identity) = (have.clone(), Identity::of(self.enclave, segment));
        let Some((index, one_more)) = others.pop_last() else { return Ok(()) };
        let layout = wide_enough(layout, index, &others);
        let restored = work::run(&self.outside, one_more.len(), move || {
            let others: Vec<(u8, &[u8])> = others.iter().map(|(index, bytes)| (*index, bytes.as_ref())).collect();
            restore_piece(identity, layout, index, &others)
        });
        let restored = restored.await?.map_err(|error| Error::Unreadable { reason: error.to_string() })?;
        if rows(&restored) == rows(&one_more) {
            return Ok(());
        }
        warn!(segment = %segment.id, "pieces contradict each other: one was made up, and a read will tell which");
        Err(Error::Unreadable { reason: format!("the pieces of segment {} contradict each other", segment.id) })
    }
}

/// The layout with a code that reaches this index and those that were read. Copies have one layout whatever
/// their number: a further one extends the code.
fn wide_enough(layout: Layout, index: u8, have: &BTreeMap<u8, Bytes>) -> Layout {
    let highest = have.keys().copied().fold(index, u8::max);
    let m = layout.code.m.max(highest.saturating_sub(layout.code.k - 1));
    Layout { code: Code { m, ..layout.code }, ..layout }
}

/// What of a whole piece lies between header and trailer.
fn rows(piece: &Bytes) -> Option<&[u8]> {
    piece.get(HEADER..piece.len().checked_sub(TRAILER)?)
}

/// Why a segment for which nothing can be done now is not where it should be, if it is not.
pub fn waits(segment: &Segment, places: &[Place], wanted: Wanted) -> Option<Wait> {
    let place = |piece: &Piece| places.iter().find(|place| place.site == piece.site);
    let well = catalog::Endangered::of(segment).spare >= i64::from(segment.promise)
        && segment.pieces.iter().all(|piece| place(piece).is_some_and(|place| place.state.stays()))
        && plan::fits(segment, places, wanted);
    if well {
        return None;
    }
    let out: BTreeSet<SiteId> =
        places.iter().filter(|place| place.state.stays() && !place.takes).map(|place| place.site).collect();
    Some(if out.is_empty() { Wait::Vendors } else { Wait::Sites(out) })
}

/// Too few of its pieces are at sites that give them.
pub fn sources_out(segment: &Segment, places: &[Place]) -> Wait {
    let gives = |site: &SiteId| places.iter().any(|place| place.site == *site && place.gives);
    Wait::Sites(segment.pieces.iter().map(|piece| piece.site).filter(|site| !gives(site)).collect())
}

/// The sites that did not take what was to go there, or did not give what it was to be made of.
fn not_stored(target: &Target, stored: &[Piece]) -> Wait {
    let missing = target.fill.iter().filter(|(index, _)| stored.iter().all(|piece| piece.index != *index));
    Wait::Sites(missing.map(|(_, site)| *site).collect())
}
