//! Catch-up: what was acknowledged below its promise gets its missing pieces, before all other
//! work.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use catalog::Endangered;
use coding::piece::{HEADER, Identity, Layout, TRAILER};
use coding::segment::restore_piece;
use futures::StreamExt;
use model::{Code, Piece, PieceName, Segment, SiteId};
use tracing::{debug, info, warn};

use crate::error::Error;
use crate::inner::Inner;
use crate::limits::CATCH_UP_BATCH;
use crate::sites::object_name;
use crate::work;

/// Segments brought up side by side: the records of their new pieces share journal segments.
const AT_ONCE: usize = 16;

impl Inner {
    /// One walk over all that is below its promise, most endangered first. What cannot be brought up
    /// now, since too few sites answer, keeps nothing behind it waiting.
    pub(super) async fn catch_up_once(self: &Arc<Self>) -> Result<(), Error> {
        let (mut after, mut brought_up) = (None, 0);
        loop {
            let page = self.catalog.below_promise(after, CATCH_UP_BATCH).await?;
            let Some(last) = page.last() else { break };
            after = Some(Endangered::of(last));
            let bring_up = |segment: Segment| {
                let inner = Arc::clone(self);
                async move { inner.bring_up(&segment).await }
            };
            let mut work = futures::stream::iter(page).map(bring_up).buffered(AT_ONCE);
            while let Some(done) = work.next().await {
                match done {
                    Ok(pieces) => brought_up += pieces,
                    Err(error) => debug!(%error, "a segment cannot be caught up now"),
                }
            }
        }
        if brought_up > 0 {
            info!(pieces = brought_up, "caught up");
        }
        Ok(())
    }

    /// Restores what is missing of one segment at vendors that hold none of it; returns how many
    /// pieces were added.
    async fn bring_up(self: &Arc<Self>, segment: &Segment) -> Result<usize, Error> {
        let missing = missing_indices(segment);
        let places = self.free_places(segment)?;
        if missing.is_empty() || places.is_empty() {
            return Ok(0);
        }
        let layout = Layout::of(segment);
        let length = usize::try_from(layout.piece_length()).unwrap_or(usize::MAX);
        let k = usize::from(segment.code.k);
        let reserved = self.budget.large.reserve(length.saturating_mul(k + 2)).await;
        let have = self.read_some(segment, &layout).await?;
        self.check_agreement(segment, layout, &have).await?;
        let term = self.epochs.begin();
        let mut added = Vec::new();
        for (index, site) in missing.into_iter().zip(places) {
            // Copies have one layout whatever their number; a further one extends the code, and so does one
            // that was read.
            let highest = have.keys().copied().fold(index, u8::max);
            let code = Code { m: segment.code.m.max(highest.saturating_sub(segment.code.k - 1)), ..segment.code };
            // The epoch of the header is the segment's; only the name tells whose writing it is.
            let identity = Identity::of(self.enclave, segment);
            let (have, layout) = (have.clone(), Layout { code, ..layout });
            let bytes = work::run(&self.outside, length, move || {
                let have: Vec<(u8, &[u8])> = have.iter().map(|(index, bytes)| (*index, bytes.as_ref())).collect();
                restore_piece(identity, layout, index, &have)
            })
            .await?
            .map_err(|error| Error::Unreadable { reason: error.to_string() })?;
            let name = PieceName { kind: segment.kind, epoch: term.epoch(), random: self.outside.random() };
            if self.store(site, &name, bytes).await.is_ok() {
                added.push(Piece { index, site, name });
            }
        }
        drop(reserved);
        let count = added.len();
        if count > 0 {
            self.remember_pieces(segment.id, segment.kind, segment.stream, added).await?;
        }
        Ok(count)
    }

    async fn store(&self, site: SiteId, name: &PieceName, bytes: Bytes) -> Result<(), providers::Error> {
        let Some(known) = self.sites.get(site) else {
            return Err(providers::Error::new(providers::ErrorKind::Unavailable, "the site is not configured"));
        };
        known.handle.store.put_new(&object_name(self.enclave, name), bytes).await
    }

    /// Whether one piece more than is needed says what the others say. A site can make up a piece that
    /// proves itself; restored from it, the others would be lost too. Which one it is only a reader can
    /// tell, who has the key.
    async fn check_agreement(
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
        let code = Code { m: segment.code.m.max(index.saturating_sub(segment.code.k - 1)), ..segment.code };
        let layout = Layout { code, ..layout };
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

    /// As many whole pieces as are needed, and one to compare them with.
    async fn read_some(&self, segment: &Segment, layout: &Layout) -> Result<BTreeMap<u8, Bytes>, Error> {
        let mut have = BTreeMap::new();
        for piece in &segment.pieces {
            if have.len() > usize::from(segment.code.k) {
                break;
            }
            if let Ok(Some(bytes)) = self.read_whole(*piece, &segment.id, layout).await {
                have.insert(piece.index, bytes);
            }
        }
        Ok(have)
    }

    /// Sites that take writes and may hold it, one for each vendor that holds none of the segment.
    fn free_places(&self, segment: &Segment) -> Result<Vec<SiteId>, Error> {
        let holders: Vec<_> = segment.pieces.iter().filter_map(|piece| self.sites.vendor(piece.site)).collect();
        let label = self.label_of(segment.stream)?;
        let free = self.sites.prompt(label, &[]).into_iter().filter(|site| !holders.contains(&site.vendor));
        let by_vendor: BTreeMap<_, _> = free.map(|site| (site.vendor, site.site)).collect();
        Ok(by_vendor.into_values().collect())
    }
}

/// What of a whole piece lies between header and trailer.
fn rows(piece: &Bytes) -> Option<&[u8]> {
    piece.get(HEADER..piece.len().checked_sub(TRAILER)?)
}

/// The piece indices to restore: those that are missing of the code; of copies as many further ones
/// as the promise asks for.
fn missing_indices(segment: &Segment) -> Vec<u8> {
    let wanted = if segment.code.k == 1 { segment.promise + 1 } else { segment.code.n() };
    (0..wanted).filter(|index| segment.pieces.iter().all(|piece| piece.index != *index)).collect()
}
