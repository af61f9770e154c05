//! The second depth: pieces are asked for one by one, those whose proof is oldest first.

use catalog::proof::{Aged, Fault, PieceAt, Proof};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use model::{Piece, PieceName, Timestamp};
use providers::{ErrorKind, Kind, Store};

use super::{Step, Stop, Walking, purse};
use crate::error::Error;
use crate::inner::Inner;
use crate::sites::object_name;

/// Pieces asked for in one go.
const PAGE: usize = 100;
/// Heads under way at one site.
const AT_ONCE: usize = 8;

/// What a site says of a piece that a record names.
pub enum Said {
    /// It is there in its length.
    There,
    Wrong(Fault),
    /// No record names it any more.
    Unnamed,
    /// It did not answer well.
    Nothing,
    /// It was not asked: the purse is empty.
    Unpaid,
}

impl Inner {
    pub(super) async fn heads_page(&self, walking: &mut Walking<'_>) -> Result<Step, Error> {
        let site = walking.known.site.id;
        let after = walking.walk.place.as_deref().and_then(read_place);
        let mut page = self.catalog.least_proven(site, Proof::Seen, after, PAGE).await?;
        page.retain(|piece| piece.seen.is_none_or(|seen| seen < walking.due));
        if page.is_empty() {
            return Ok(Step::End);
        }
        let at: &Walking<'_> = walking;
        let asked: Vec<BoxFuture<'_, _>> = page.iter().map(|piece| self.ask_for(at, piece).boxed()).collect();
        let said: Vec<Said> = futures::stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        let (mut proven, mut asked, mut stop) = (Vec::new(), 0, None);
        for (piece, said) in page.iter().zip(said) {
            asked += usize::from(!matches!(said, Said::Unpaid));
            match said {
                Said::There => proven.push(piece.name),
                Said::Wrong(fault) => self.blame_piece(walking, fault, piece).await?,
                Said::Unnamed => {}
                Said::Nothing if walking.known.is_scrubbed() => {}
                Said::Nothing => stop = stop.or(Some(Stop::Out)),
                Said::Unpaid => stop = stop.or(Some(Stop::Spent)),
            }
            // What is bad keeps its age: the next time it goes on behind it.
            if stop.is_none() {
                walking.walk.place = Some(place_of(piece.seen, piece.name));
            }
        }
        walking.looked_at(asked, proven.len());
        self.catalog.note_proof(site, Proof::Seen, proven, self.outside.clock.now()).await?;
        Ok(stop.map_or(Step::More, Step::Stopped))
    }

    /// Asks the site for the piece's length, and where it is missing the catalog whether it is still wanted.
    pub(super) async fn ask_for(&self, walking: &Walking<'_>, piece: &PieceAt) -> Result<Said, Error> {
        let known = walking.known;
        let (object, cost) = (object_name(self.enclave, &piece.name), purse::a_head(&known.facts.prices));
        let said = self.ask(walking, (Kind::Head, cost), || known.handle.meter.head(&object)).await?;
        let Some(said) = said else { return Ok(Said::Unpaid) };
        let fault = match said {
            Ok(length) if length == piece.length => return Ok(Said::There),
            Ok(length) if length < piece.length => Fault::Truncated,
            Ok(_) => Fault::Replaced,
            Err(error) if error.kind == ErrorKind::NotFound => Fault::Missing,
            Err(_) => return Ok(Said::Nothing),
        };
        // It may have been deleted, given up or moved since the catalog was asked.
        let still = self.catalog.piece_at(known.site.id, piece.name).await?;
        Ok(if still.is_some() { Said::Wrong(fault) } else { Said::Unnamed })
    }

    pub(super) async fn blame_piece(&self, walking: &Walking<'_>, fault: Fault, found: &PieceAt) -> Result<(), Error> {
        let piece = Piece { index: found.index, site: walking.known.site.id, name: found.name };
        self.blame(walking, fault, object_name(self.enclave, &found.name), piece, found.segment).await
    }
}

/// A place in the order of age, as text.
pub fn place_of(proven: Option<Timestamp>, name: PieceName) -> String {
    format!("{} {name}", proven.map_or(0, |at| at.0))
}

pub fn read_place(text: &str) -> Option<Aged> {
    let (ms, name) = text.split_once(' ')?;
    let ms: i64 = ms.parse().ok()?;
    Some(Aged { proven: (ms > 0).then_some(Timestamp(ms)), name: PieceName::parse(name)? })
}

#[cfg(test)]
mod tests {
    use model::{Epoch, SegmentKind};

    use super::*;

    #[test]
    fn a_place_survives_its_text() {
        let name = PieceName { kind: SegmentKind::Data, epoch: Epoch(7), random: [3; 16] };
        for proven in [None, Some(Timestamp(5))] {
            assert_eq!(read_place(&place_of(proven, name)), Some(Aged { proven, name }));
        }
        for bad in ["", "5", "x d/y", "5 d/y"] {
            assert_eq!(read_place(bad), None, "`{bad}`");
        }
    }
}
