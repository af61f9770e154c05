//! The running enclave: the parts every verb uses.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use catalog::Catalog;
use coding::keys::LabelSecret;
use model::{Bucket, EnclaveId, Label, LabelKey, Outside, Profile, SegmentId, StreamId};
use tokio::sync::{Notify, watch};

use crate::adopt::Adoptions;
use crate::budget::Budget;
use crate::commit::{StreamHandle, stronger};
use crate::epochs::Epochs;
use crate::error::Error;
use crate::hedge::HedgeBudget;
use crate::keyring::Keyring;
use crate::lookups::Lookups;
use crate::settings::Settings;
use crate::sites::Sites;
use crate::suspects::Suspects;
use crate::upkeep::Lifecycles;
use crate::upkeep::{Claims, Leaving, Moves, Scrub, Tasks};

pub struct Inner {
    pub enclave: EnclaveId,
    pub catalog: Arc<dyn Catalog>,
    pub sites: Sites,
    pub keys: Arc<Keyring>,
    pub lookups: Lookups,
    pub outside: Outside,
    pub settings: Settings,
    pub budget: Budget,
    pub streams: Streams,
    pub epochs: Epochs,
    pub adoptions: Adoptions,
    pub hedges: HedgeBudget,
    pub suspects: Suspects,
    pub claims: Claims,
    pub lifecycles: Lifecycles,
    pub scrub: Scrub,
    /// What begins by itself and is under way.
    pub tasks: Tasks,
    pub counters: Counters,
    /// Rises with every batch shown.
    pub shown: watch::Sender<u64>,
    /// Something may be below its promise, or may now be caught up.
    pub catch_up: Notify,
    pub moves: Moves,
    pub leaving: Leaving,
    /// What repairs, evacuations and moves read and write goes by it.
    pub pace: crate::adopt::Pace,
    /// A site may have to be left.
    pub evacuation: Notify,
    /// Held while it is decided what a site is for: what was looked at before still holds then.
    pub siting: tokio::sync::Mutex<()>,
    /// Held while a site is taken in.
    pub joining: tokio::sync::Mutex<()>,
    pub draining: AtomicBool,
    pub recoding: tokio::sync::Semaphore,
    /// The profile of each stream's journal segments: the one of its buckets that promises most.
    pub journal: Mutex<BTreeMap<StreamId, Profile>>,
    /// Held while keys of labels come and go: what wraps them all anew must miss none.
    pub opening: tokio::sync::Mutex<()>,
    /// Held while a principal, a group or a bucket's grants are read and written again.
    pub people: tokio::sync::Mutex<()>,
    /// Something was shredded.
    pub clearing: Notify,
}

/// Counts since start.
#[derive(Default)]
pub struct Counters {
    /// Calls that took a permit.
    pub calls: AtomicU64,
    pub bad_cells: AtomicU64,
    pub hedged_reads: AtomicU64,
    /// Decided and not yet shown.
    pub unshown: AtomicU64,
    /// Journal segments begun.
    pub journal_segments: AtomicU64,
    /// Pieces that repairs stored.
    pub repaired_pieces: AtomicU64,
    /// Pieces that no record named and a sweep removed.
    pub swept_pieces: AtomicU64,
    /// Journal segments that were compacted into fewer.
    pub compacted_segments: AtomicU64,
}

/// The streams that run.
#[derive(Default)]
pub struct Streams {
    by_id: Mutex<BTreeMap<StreamId, StreamHandle>>,
}

impl Streams {
    pub fn add(&self, handle: StreamHandle) {
        self.held().insert(handle.id, handle);
    }

    pub fn by_id(&self, id: StreamId) -> Option<StreamHandle> {
        self.held().get(&id).cloned()
    }

    /// The stream of a label, or with `None` the control stream.
    pub fn of(&self, label: Option<Label>) -> Option<StreamHandle> {
        self.held().values().find(|handle| handle.label == label).cloned()
    }

    /// The label's stream takes nothing more, and nothing of it is shipped any more.
    pub fn end(&self, label: Label) {
        self.held().retain(|_, handle| {
            let ends = handle.label == Some(label);
            if ends {
                handle.end();
            }
            !ends
        });
    }

    pub fn all(&self) -> Vec<StreamHandle> {
        self.held().values().cloned().collect()
    }

    /// The labels there are streams of.
    pub fn labels(&self) -> Vec<Label> {
        self.held().values().filter_map(|handle| handle.label).collect()
    }

    /// Those of them that lie strictly below this one. What lies above or beside has no part in the
    /// answer.
    pub fn labels_below(&self, label: Label) -> Vec<Label> {
        self.labels().into_iter().filter(|found| *found < label).collect()
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<StreamId, StreamHandle>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Counts a call that took a permit; refuses it while the enclave is stopping.
    pub fn enter(&self) -> Result<(), Error> {
        self.counters.calls.fetch_add(1, Ordering::Relaxed);
        if self.draining.load(Ordering::Relaxed) {
            return Err(Error::unavailable("the enclave is stopping"));
        }
        Ok(())
    }

    /// A fresh id of a journal segment. Within a writer epoch later ones are greater: a batch that was
    /// shipped again lies at the sites more than once, and whoever replays takes the last.
    pub fn journal_segment(&self) -> SegmentId {
        let count = self.counters.journal_segments.fetch_add(1, Ordering::SeqCst);
        let random = u128::from_be_bytes(self.outside.random());
        SegmentId((u128::from(count) << 64 | random & u128::from(u64::MAX)).to_be_bytes())
    }

    /// The stream that changes of this bucket's label go to.
    pub fn stream_of(&self, bucket: &Bucket) -> Result<StreamHandle, Error> {
        // Every bucket's label has one, unless it was shredded since the permit.
        self.streams.of(Some(bucket.label)).ok_or(Error::NoSuchBucket)
    }

    /// The key of a label that new records are wrapped under.
    pub fn label_key(&self, label: &Label) -> Result<Arc<LabelSecret>, Error> {
        self.keys.newest(label).map(|(_, secret)| secret).ok_or(Error::NoSuchBucket)
    }

    /// The key a stream's segments are sealed under; for the control stream also as the root
    /// wrapped it, which goes into the segment.
    pub fn stream_key(&self, stream: &StreamHandle) -> Result<(Arc<LabelSecret>, Option<LabelKey>), Error> {
        match stream.label {
            Some(label) => Ok((self.label_key(&label)?, None)),
            None => {
                let (wrapped, secret) =
                    self.keys.control().ok_or_else(|| Error::Internal("the control stream has no key".to_owned()))?;
                Ok((secret, Some(wrapped)))
            }
        }
    }

    /// The label of what is in a stream; `None` of the control stream.
    pub fn label_of(&self, stream: StreamId) -> Result<Option<Label>, Error> {
        let known = self.streams.by_id(stream);
        known.map(|stream| stream.label).ok_or_else(|| Error::Internal(format!("no stream {stream}")))
    }

    /// Why something of a label is missing: it is shredded, or a fault.
    pub fn shredded_or(&self, label: Label, fault: &str) -> Error {
        match self.streams.of(Some(label)) {
            Some(_) => Error::Internal(fault.to_owned()),
            None => Error::NoSuchBucket,
        }
    }

    pub fn journal_profile(&self, stream: StreamId) -> Profile {
        let journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.get(&stream).copied().unwrap_or(self.settings.default_profile)
    }

    /// Lets the stream's journal segments promise at least what this profile does, and what the default
    /// does where there are vendors enough that may hold them.
    pub fn raise_journal(&self, stream: StreamId, label: Label, profile: Profile) {
        let (default, enough) = (self.settings.default_profile, self.is_default_held(label));
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let held = journal.entry(stream).or_insert(if enough { default } else { profile });
        *held = stronger(*held, profile);
    }

    /// The same once a vendor came: what the default promises is kept where there were too few for it.
    pub fn raise_journals(&self) {
        for stream in self.streams.all() {
            let enough = stream.label.is_some_and(|label| self.is_default_held(label));
            let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(held) = journal.get_mut(&stream.id).filter(|_| enough) {
                *held = stronger(*held, self.settings.default_profile);
            }
        }
    }

    /// Whether there are vendors enough for the default profile that may hold this.
    fn is_default_held(&self, label: Label) -> bool {
        self.sites.vendors_of(Some(label)).len() >= usize::from(self.settings.default_profile.code().n())
    }
}
