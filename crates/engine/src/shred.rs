//! Shredding a label: a new root, every other key wrapped under it, and the label's own forgotten.
//!
//! ```text
//!  plan ─► new root, kept beside the old one (by the caller) ─► decided: refused from here on, in memory
//!  and in the catalog ─► stands at the sites ─► shown: keys, names, access keys gone ─► the old root is
//!  destroyed (by the caller) ─► rows go bit by bit, pieces are swept
//! ```
//!
//! Whatever holds bytes of the label (pieces, copies of the catalog, backups) holds noise once no old root
//! is left: its key was random, and only old roots ever wrapped it.

use std::sync::Arc;
use std::time::Duration;

use catalog::{Clearing, Contents};
use coding::RootKey;
use model::{Change, EnclaveId, KnownCopy, Label, LabelKey, RootFingerprint, Site};
use policy::SystemPermit;
use tracing::{error, info, warn};

use crate::api::Engine;
use crate::error::Error;
use crate::inner::Inner;

/// Rows removed in one transaction: some milliseconds, between which others write.
const CLEARED_AT_ONCE: usize = 500;
const BETWEEN_CLEARING: Duration = Duration::from_millis(20);
/// How often it is looked whether something is to be removed, if nobody says so.
const CLEAR_EVERY: Duration = Duration::from_secs(30);

/// What shredding a label does, and what it needs from people to be worth anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShredPlan {
    pub label: Label,
    /// Its keys, one of each epoch.
    pub keys: u64,
    pub contents: Contents,
    /// How many pieces of it lie at each site. They are noise afterwards, and swept in time.
    pub sites: Vec<(Site, u64)>,
    /// Shares of root keys and backups that were made. Those of any root there was since the label came
    /// into being open its keys.
    pub copies: Vec<KnownCopy>,
}

/// Which root counts, and which will when all that is decided is shown. They differ while a label is being
/// shredded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootState {
    pub shown: RootFingerprint,
    pub held: RootFingerprint,
}

impl Engine {
    pub async fn plan_shred(&self, _: &SystemPermit, label: Label) -> Result<ShredPlan, Error> {
        let inner = &self.inner;
        let keys = inner.catalog.label_keys().await?.iter().filter(|key| key.label == Some(label)).count() as u64;
        if keys == 0 {
            return Err(Error::NoSuchLabel);
        }
        let contents = inner.catalog.contents(label, inner.outside.clock.now()).await?;
        let at = |(id, pieces): &(model::SiteId, u64)| Some((inner.sites.get(*id)?.site.clone(), *pieces));
        let sites = contents.pieces.iter().filter_map(at).collect();
        let copies = inner.catalog.copies().await?;
        Ok(ShredPlan { label, keys, contents, sites, copies })
    }

    /// Shreds the label. `root` is kept durably by the caller, who destroys the old one when
    /// [`Engine::root`] shows the new. When this fails, that may still come: what is decided is shown.
    pub async fn shred_label(&self, _: &SystemPermit, label: Label, root: RootKey) -> Result<(), Error> {
        let inner = &self.inner;
        let _turn = inner.opening.lock().await;
        let keys = inner.catalog.label_keys().await?;
        if keys.iter().all(|key| key.label != Some(label)) {
            return Err(Error::NoSuchLabel);
        }
        let rewrapped = keys.iter().filter(|key| key.label != Some(label)).map(|key| inner.rewrap(key, &root));
        let keys = rewrapped.collect::<Result<_, _>>()?;
        inner.keys.offer(root);
        let at = inner.outside.clock.now();
        let shredded = inner.commit_control(Change::LabelShredded { label, keys, at }).await;
        if let Err(error) = shredded {
            // What is not available may be decided all the same, now or in a moment.
            if !matches!(error, Error::Unavailable { .. }) {
                inner.keys.settle();
            }
            return Err(error);
        }
        inner.clearing.notify_one();
        Ok(())
    }

    /// Which root counts.
    pub async fn root(&self) -> Result<RootState, Error> {
        let inner = &self.inner;
        let control = inner.catalog.label_keys().await?.into_iter().find(|key| key.label.is_none());
        let shown = control.and_then(|control| inner.keys.root_of(&control));
        let held = inner.keys.root();
        let shown = shown.unwrap_or_else(|| Arc::clone(&held));
        let of = |root: &RootKey| fingerprint(root, inner.enclave);
        Ok(RootState { shown: of(&shown), held: of(&held) })
    }

    /// Forgets the roots that count no more. The caller destroyed them.
    pub fn forget_old_roots(&self) {
        self.inner.keys.settle();
    }

    /// The root key that counts, for what is sealed under it outside of the enclave.
    pub fn root_key(&self, _: &SystemPermit) -> Arc<RootKey> {
        self.inner.keys.root()
    }

    pub fn enclave(&self) -> EnclaveId {
        self.inner.enclave
    }

    /// Remembers that a copy was made of the root key, or under it.
    pub async fn note_copy(&self, _: &SystemPermit, copy: KnownCopy) -> Result<(), Error> {
        self.inner.commit_control(Change::CopyMade(copy)).await
    }
}

/// Tells root keys of the enclave apart.
pub fn fingerprint(root: &RootKey, enclave: EnclaveId) -> RootFingerprint {
    RootFingerprint(root.fingerprint(enclave))
}

impl Inner {
    fn rewrap(&self, key: &LabelKey, root: &RootKey) -> Result<LabelKey, Error> {
        let opened = self.keys.root().unwrap_label(key);
        let secret = opened.map_err(|_| Error::Internal(format!("the key {} does not open", key.tag)))?;
        Ok(root.wrap_label(&secret, key.label.as_ref(), key.epoch, &self.outside))
    }

    /// Acts on what was just decided, before it is shipped: from here on nothing of a shredded label is
    /// read or written, whatever the sites say.
    pub fn heed(&self, change: &Change) {
        if let Change::LabelShredded { label, keys, .. } = change {
            if self.keys.shred(*label, keys).is_err() {
                error!("a key that was wrapped anew does not open");
            }
            self.streams.end(*label);
            self.lookups.shown(None, [change]);
        }
        if let Change::SiteSet { site, state } = change {
            self.heed_state(*site, *state);
        }
    }

    /// Removes what was shredded, bit by bit.
    pub async fn clear_forever(&self) {
        loop {
            match self.catalog.clear_shredded(CLEARED_AT_ONCE).await {
                Ok(Clearing::Some) => tokio::time::sleep(BETWEEN_CLEARING).await,
                Ok(Clearing::Done) => {
                    let _ = tokio::time::timeout(CLEAR_EVERY, self.clearing.notified()).await;
                }
                Err(error) => {
                    warn!(%error, "what was shredded is removed later");
                    tokio::time::sleep(CLEAR_EVERY).await;
                }
            }
        }
    }

    /// Takes in what was decided of keys and never shown: what else was decided may be sealed under them, and
    /// a second control key would part the secrets of the two.
    pub async fn heed_decided(&self) -> Result<(), crate::open::OpenError> {
        for decided in self.catalog.unshown_control().await? {
            match &decided.record.change {
                Change::LabelKeyCreated(key) => {
                    self.keys.add(key).map_err(|_| crate::open::OpenError::WrongRoot)?;
                }
                Change::LabelShredded { label, keys, .. } => {
                    self.keys.shred(*label, keys).map_err(|_| crate::open::OpenError::WrongRoot)?;
                    info!("a label's shredding was decided before and goes on");
                }
                Change::SiteSet { site, state } => self.heed_state(*site, *state),
                _ => {}
            }
        }
        Ok(())
    }
}
