//! A further site, taken in while the enclave runs.
//!
//! ```text
//!  the settings name it ─► claimed by its marker ─► that is decided and shown ─► pieces are placed there
//! ```
//!
//! What is cut short on the way is gone on with by the next start, which meets a site that is named and not known yet,
//! and claims it by the same function.

use model::{Change, Site};
use policy::SystemPermit;
use providers::marker;
use tracing::info;

use crate::api::Engine;
use crate::inner::Inner;
use crate::open::{OpenError, SiteParts, at_site, claim_site, with_handle};

impl Engine {
    /// Why the site would not be taken in, as far as that can be told before. Nothing is changed.
    pub async fn check_site(&self, _: &SystemPermit, parts: SiteParts) -> Result<(), OpenError> {
        let inner = &self.inner;
        match inner.to_be_added(&parts).await? {
            Some(_) => Ok(()),
            None => {
                let (parts, handle) = with_handle(parts, &inner.settings, &inner.outside);
                let claim = marker::check_claim(handle.store.as_ref(), inner.enclave, &parts.name).await;
                claim.map_err(|error| at_site(&parts.name, &error))
            }
        }
    }

    /// Takes the site in: from here on pieces are placed there, and nothing moves by itself. The settings must name it
    /// by now, for the next start does not do without it. After an error it is not used before that start.
    pub async fn add_site(&self, _: &SystemPermit, parts: SiteParts) -> Result<Site, OpenError> {
        let inner = &self.inner;
        let _alone = inner.joining.lock().await;
        let as_known = inner.to_be_added(&parts).await?;
        let is_new = as_known.is_none();
        let parts = with_handle(parts, &inner.settings, &inner.outside);
        let known = claim_site(as_known, inner.enclave, parts, &inner.outside).await?;
        let site = known.site.clone();
        if is_new {
            inner.commit_control(Change::SiteClaimed { enclave: inner.enclave, site: site.clone() }).await?;
        }
        // One that was left, and whose entry was taken out, comes back as what it was.
        let states = inner.catalog.site_states().await?;
        if let Some((_, state)) = states.into_iter().find(|(id, _)| *id == site.id) {
            known.set_state(state);
        }
        inner.sites.add(known);
        inner.raise_journals();
        inner.tell_of_sites();
        info!(site = site.name, vendor = %site.vendor, "a site was taken in");
        Ok(site)
    }
}

impl Inner {
    /// As what the catalog knows it, if it does: a site that was left, or one whose claim was decided and not used.
    async fn to_be_added(&self, parts: &SiteParts) -> Result<Option<Site>, OpenError> {
        if self.sites.named(&parts.name).is_some() {
            return Err(OpenError::TwoSites(parts.name.clone()));
        }
        let as_known = self.catalog.sites().await?.into_iter().find(|known| known.name == parts.name);
        match as_known {
            Some(known) if known.vendor != parts.vendor => {
                Err(OpenError::OtherVendor { name: known.name, known: known.vendor, named: parts.vendor })
            }
            as_known => Ok(as_known),
        }
    }
}
