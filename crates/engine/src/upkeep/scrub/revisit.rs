//! What was found before is looked at again when a walk begins: some of it is mended by now, or gone.

use catalog::proof::{Fault, Finding, Over, PieceAt};
use coding::piece;
use providers::{Kind, Store};

use super::heads::Said;
use super::{Walking, purse};
use crate::error::Error;
use crate::inner::Inner;
use crate::sites::piece_name;

/// Findings that are looked at again in one go; there are seldom more.
const AGAIN_MAX: usize = 1000;

/// How closely it is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// What no record names any more is over; that costs no request.
    Named,
    /// And so is what the site has after all.
    Asked,
}

impl Inner {
    pub(super) async fn revisit(&self, walking: &Walking<'_>, again: Again) -> Result<(), Error> {
        let site = walking.known.site.id;
        let open = |finding: &Finding| finding.site == site && finding.over.is_none() && finding.piece.is_some();
        let mut findings = self.catalog.findings().await?;
        findings.retain(open);
        let mut over = Vec::new();
        for Finding { fault, object, .. } in findings.into_iter().take(AGAIN_MAX) {
            let Some(name) = piece_name(self.enclave, &object) else { continue };
            let still = match self.catalog.piece_at(site, name).await? {
                None => false,
                Some(_) if again == Again::Named => true,
                Some(piece) => !self.is_mended(walking, fault, &piece, &object).await?,
            };
            if !still {
                over.push((fault, object));
            }
        }
        if !over.is_empty() {
            self.catalog.end_findings(site, Over::These(over), self.outside.clock.now()).await?;
        }
        Ok(())
    }

    /// Whether the site has the piece as it was written, after all. A contradiction only a reader can end.
    async fn is_mended(
        &self,
        walking: &Walking<'_>,
        fault: Fault,
        piece: &PieceAt,
        object: &str,
    ) -> Result<bool, Error> {
        match fault {
            Fault::Missing | Fault::Truncated => Ok(matches!(self.ask_for(walking, piece).await?, Said::There)),
            Fault::Damaged | Fault::Replaced => {
                let (known, cost) = (walking.known, purse::a_read(&walking.known.facts.prices, piece.length));
                let length = usize::try_from(piece.length).unwrap_or(usize::MAX);
                let _reserved = self.budget.large.reserve(length).await;
                let whole = || known.handle.meter.get_range(object, 0..piece.length);
                let read = self.ask(walking, (Kind::Get, cost), whole).await?;
                let proven = read.and_then(Result::ok).and_then(|bytes| piece::verify_piece(&bytes).ok());
                Ok(proven.is_some_and(|header| header.segment == piece.segment && header.index == piece.index))
            }
            _ => Ok(false),
        }
    }
}
