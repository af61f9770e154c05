//! Suspects: a piece that failed a reader is read whole; what does not prove itself in several
//! reads is lost, and so is what was made up; catch-up replaces it.

use std::collections::BTreeSet;
use std::sync::Arc;

use coding::piece::{self, Layout};
use model::{Piece, Segment};
use providers::ErrorKind;
use tracing::{error, warn};

use crate::error::Error;
use crate::inner::Inner;
use crate::limits::VERIFIED_ROUNDS;
use crate::replay::is_it;
use crate::sites::object_name;
use crate::suspects::Suspicion;

impl Inner {
    pub(super) async fn look_at_suspects(self: &Arc<Self>) {
        loop {
            while let Some(((segment, piece), suspicion)) = self.suspects.take() {
                let _claim = self.claims.take(segment).await;
                let looked_at = match self.catalog.segment(segment).await {
                    Ok(Some(segment)) if segment.pieces.contains(&piece) => {
                        self.judge(&segment, piece, suspicion).await
                    }
                    Ok(_) => Ok(()),
                    Err(error) => Err(error.into()),
                };
                if let Err(error) = looked_at {
                    error!(%error, "a suspect piece could not be judged");
                }
            }
            self.suspects.arrived.notified().await;
        }
    }

    async fn judge(self: &Arc<Self>, segment: &Segment, piece: Piece, suspicion: Suspicion) -> Result<(), Error> {
        match suspicion {
            Suspicion::Failed if self.proves_itself(segment, piece).await => Ok(()),
            Suspicion::Failed | Suspicion::MadeUp => self.give_up(segment, piece).await,
        }
    }

    /// Reads the piece whole until it proves itself; it does not when the site keeps answering with
    /// other bytes, or says that it has none. A site that does not answer keeps the benefit of the
    /// doubt.
    async fn proves_itself(&self, segment: &Segment, piece: Piece) -> bool {
        let layout = Layout::of(segment);
        let Some(known) = self.sites.get(piece.site) else { return true };
        let length = usize::try_from(layout.piece_length()).unwrap_or(usize::MAX);
        let _reserved = self.budget.large.reserve(length).await;
        let object = object_name(self.enclave, &piece.name);
        for _ in 0..VERIFIED_ROUNDS {
            match known.handle.store.get_range(&object, 0..layout.piece_length()).await {
                Ok(bytes) => {
                    let proven = piece::verify_piece(&bytes);
                    if proven.is_ok_and(|header| is_it(&header, &segment.id, &piece, &layout)) {
                        return true;
                    }
                }
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Corrupt | ErrorKind::Invalid) => {}
                Err(_) => return true,
            }
        }
        false
    }

    /// Forgets the piece, unless the segment could not be read without it.
    async fn give_up(self: &Arc<Self>, segment: &Segment, piece: Piece) -> Result<(), Error> {
        let Some(known) = self.sites.get(piece.site) else { return Ok(()) };
        let others = segment.pieces.iter().filter(|other| other.index != piece.index);
        if others.map(|other| other.index).collect::<BTreeSet<_>>().len() < usize::from(segment.code.k) {
            // Without it the segment could not be read: should the site come to its senses, the
            // piece must still be known, and never be swept.
            warn!(site = known.site.name, piece = %piece.name, segment = %segment.id, "a piece that is needed is bad");
            return Ok(());
        }
        warn!(site = known.site.name, piece = %piece.name, segment = %segment.id, "a piece is lost");
        let left = segment.pieces.iter().copied().filter(|other| *other != piece).collect();
        self.place(segment, segment.code, segment.promise, left).await?;
        self.catch_up.notify_one();
        Ok(())
    }
}
