//! What sites are used for: set by their owner, kept in the control stream.

use model::{SiteId, SiteState};

use crate::inner::Inner;
use crate::open::OpenError;

impl Inner {
    /// What was decided of a site counts at once.
    pub fn heed_state(&self, site: SiteId, state: SiteState) {
        if let Some(known) = self.sites.get(site) {
            known.set_state(state);
        }
        self.tell_of_sites();
    }

    /// What waits for another site, or for another state of one, is looked at.
    pub fn tell_of_sites(&self) {
        self.catch_up.notify_one();
        self.evacuation.notify_waiters();
        self.moves.asked.notify_one();
    }

    /// Takes in what is shown of every site.
    pub async fn heed_states(&self) -> Result<(), OpenError> {
        for (site, state) in self.catalog.site_states().await? {
            self.heed_state(site, state);
        }
        Ok(())
    }
}
