//! The ground truth: the sites themselves, for checkers who believe nobody else.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use model::{EnclaveId, Label, Piece, StreamId, Vendor};

use crate::site::Site;

pub struct Ground {
    pub sites: Vec<Arc<Site>>,
    enclave: OnceLock<EnclaveId>,
    /// The enclave is being opened: what is replayed was acknowledged before, and is caught up after.
    opening: AtomicBool,
}

impl Ground {
    pub fn new(sites: Vec<Arc<Site>>) -> Ground {
        Ground { sites, enclave: OnceLock::new(), opening: AtomicBool::new(false) }
    }

    pub fn learn(&self, enclave: EnclaveId) {
        let _ = self.enclave.set(enclave);
    }

    pub fn enclave(&self) -> Option<EnclaveId> {
        self.enclave.get().copied()
    }

    /// The vendor where the piece was stored for good; names are random, so it is where its name is.
    pub fn holder(&self, piece: &Piece) -> Option<Vendor> {
        let object = format!("{}/{}", self.enclave()?, piece.name);
        self.sites.iter().find(|site| site.was_given(&object)).map(|site| site.vendor)
    }

    /// Every site has been well for so long that an acknowledgement means the promise.
    fn is_calm(&self) -> bool {
        self.sites.iter().all(|site| site.is_calm())
    }

    /// How many further vendors an acknowledgement outlives now: the promise, in an outage the floor.
    pub fn owed(&self, promise: u8) -> u8 {
        match (self.is_opening(), self.is_calm()) {
            (true, _) => 0,
            (false, true) => promise,
            (false, false) => promise.min(1),
        }
    }

    pub fn is_opening(&self) -> bool {
        self.opening.load(Ordering::Relaxed)
    }

    pub fn set_opening(&self, opening: bool) {
        self.opening.store(opening, Ordering::Relaxed);
    }

    /// Streams of which something lies at a site whose ceiling is below their label; a snapshot has something of each.
    pub fn above_ceiling(&self, streams: &[(StreamId, Label)]) -> Vec<String> {
        let mut found = Vec::new();
        for site in &self.sites {
            let held: BTreeSet<StreamId> = site.streams();
            let above =
                streams.iter().filter(|(stream, label)| held.contains(stream) && !site.ceiling.dominates(label));
            found.extend(
                above.map(|(stream, _)| format!("{} holds pieces of stream {stream}, above its ceiling", site.name)),
            );
            if site.holds_snapshot() && streams.iter().any(|(_, label)| !site.ceiling.dominates(label)) {
                found.push(format!("{} holds a snapshot, above its ceiling", site.name));
            }
        }
        found
    }
}
