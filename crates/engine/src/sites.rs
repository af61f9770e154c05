//! The sites of the enclave and this gateway's view of their health.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{EnclaveId, PieceName, Site, SiteId, Vendor};
use providers::SiteHandle;

use crate::placement::Candidate;

/// A site with the way to it.
pub struct KnownSite {
    pub site: Site,
    pub handle: Arc<SiteHandle>,
}

pub struct Sites {
    all: Vec<KnownSite>,
}

impl Sites {
    pub fn new(all: Vec<KnownSite>) -> Sites {
        Sites { all }
    }

    pub fn iter(&self) -> impl Iterator<Item = &KnownSite> {
        self.all.iter()
    }

    pub fn get(&self, id: SiteId) -> Option<&KnownSite> {
        self.all.iter().find(|known| known.site.id == id)
    }

    /// The vendors there are, whether well or not.
    pub fn vendors(&self) -> BTreeSet<Vendor> {
        self.all.iter().map(|known| known.site.vendor).collect()
    }

    pub fn vendor(&self, id: SiteId) -> Option<Vendor> {
        self.get(id).map(|known| known.site.vendor)
    }

    /// Sites that take writes, without those in `avoid`.
    pub fn writable(&self, avoid: &[SiteId]) -> Vec<Candidate> {
        self.all
            .iter()
            .filter(|known| known.writes_well() && !avoid.contains(&known.site.id))
            .map(|known| Candidate { site: known.site.id, vendor: known.site.vendor })
            .collect()
    }
}

impl KnownSite {
    pub fn reads_well(&self) -> bool {
        self.handle.breaker.health().read == providers::Side::Well
    }

    pub fn writes_well(&self) -> bool {
        self.handle.breaker.health().write == providers::Side::Well
    }
}

/// What a piece is called at a site.
pub fn object_name(enclave: EnclaveId, piece: &PieceName) -> String {
    format!("{enclave}/{piece}")
}

/// The piece that a site's object is, if it is one of this enclave's.
pub fn piece_name(enclave: EnclaveId, object: &str) -> Option<PieceName> {
    let rest = object.strip_prefix(&enclave.to_string())?.strip_prefix('/')?;
    PieceName::parse(rest)
}
