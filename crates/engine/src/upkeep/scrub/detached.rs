//! A detached site is not looked at, and nothing that lies there counts: what was found there before is over.

use catalog::proof::{Fault, Over};
use model::SiteState;
use tracing::warn;

use crate::error::Error;
use crate::inner::Inner;

impl Inner {
    pub(super) async fn end_findings_of_detached(&self) {
        loop {
            tokio::time::sleep(self.settings.scrub.look_every).await;
            if let Err(error) = self.end_findings_there().await {
                warn!(%error, "what was found at detached sites will be ended later");
            }
        }
    }

    /// The catalog is asked which sites those are: one may be in the settings no more.
    async fn end_findings_there(&self) -> Result<(), Error> {
        let mut detached = self.catalog.site_states().await?;
        detached.retain(|(_, state)| *state == SiteState::Detached);
        if detached.is_empty() {
            return Ok(());
        }
        let findings = self.catalog.findings().await?;
        for (site, _) in detached {
            let mut open = findings.iter().filter(|finding| finding.site == site && finding.over.is_none());
            if let Some(newest) = open.next().map(|finding| finding.last) {
                let behind = model::Timestamp(newest.0.saturating_add(1));
                let all = Over::NotFoundSince(Fault::ALL.to_vec(), behind);
                self.catalog.end_findings(site, all, self.outside.clock.now()).await?;
            }
        }
        Ok(())
    }
}
