//! The keys this enclave holds open: the control key and every label's keys by their tags.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use coding::{LabelSecret, RootKey, WrongKey};
use model::{KeyTag, Label, LabelKey};

#[derive(Default)]
struct Held {
    control: Option<(LabelKey, Arc<LabelSecret>)>,
    /// The newest epoch's key of each label, by its bytes: the order of labels is no total one.
    newest: BTreeMap<[u8; Label::BYTES], (u32, KeyTag)>,
    by_tag: BTreeMap<KeyTag, Arc<LabelSecret>>,
}

pub struct Keyring {
    root: RootKey,
    held: Mutex<Held>,
}

impl Keyring {
    pub fn new(root: RootKey) -> Keyring {
        Keyring { root, held: Mutex::default() }
    }

    pub fn root(&self) -> &RootKey {
        &self.root
    }

    /// Opens a wrapped key and keeps it. Fails when it was wrapped by another root.
    pub fn add(&self, key: &LabelKey) -> Result<(), WrongKey> {
        let secret = Arc::new(self.root.unwrap_label(key)?);
        let mut held = self.held();
        held.by_tag.insert(key.tag, Arc::clone(&secret));
        match key.label {
            None => held.control = Some((key.clone(), secret)),
            Some(label) => {
                let newest = held.newest.entry(*label.canonical()).or_insert((key.epoch, key.tag));
                if key.epoch >= newest.0 {
                    *newest = (key.epoch, key.tag);
                }
            }
        }
        Ok(())
    }

    /// The control stream's key, wrapped and open.
    pub fn control(&self) -> Option<(LabelKey, Arc<LabelSecret>)> {
        self.held().control.clone()
    }

    /// The key new records of this label are wrapped under.
    pub fn newest(&self, label: &Label) -> Option<Arc<LabelSecret>> {
        let held = self.held();
        let (_, tag) = held.newest.get(label.canonical())?;
        held.by_tag.get(tag).cloned()
    }

    /// Every label there is a key of.
    pub fn labels(&self) -> Vec<Label> {
        self.held().newest.keys().copied().map(Label::from_canonical).collect()
    }

    pub fn by_tag(&self, tag: KeyTag) -> Option<Arc<LabelSecret>> {
        self.held().by_tag.get(&tag).cloned()
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        // No code panics while it holds the lock; a poisoned map is still whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
