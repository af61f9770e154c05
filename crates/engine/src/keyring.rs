//! The keys this enclave holds open: the control key and every label's keys by their tags.
//!
//! While a label is being shredded there are two roots: the one that was, and the one that will be. Which
//! of them counts is what the newest control key was wrapped by.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use coding::{LabelSecret, RootKey, WrongKey};
use model::{KeyTag, Label, LabelKey};

struct Held {
    /// The one that counts first.
    roots: Vec<Arc<RootKey>>,
    control: Option<(LabelKey, Arc<LabelSecret>)>,
    /// The newest epoch's key of each label, by its bytes: the order of labels is no total one.
    newest: BTreeMap<[u8; Label::BYTES], (u32, KeyTag)>,
    by_tag: BTreeMap<KeyTag, (Option<Label>, Arc<LabelSecret>)>,
}

pub struct Keyring {
    held: Mutex<Held>,
}

impl Keyring {
    /// `others` may be what the newest control key is wrapped by.
    pub fn new(root: RootKey, others: Vec<RootKey>) -> Keyring {
        let roots = std::iter::once(root).chain(others).map(Arc::new).collect();
        let (newest, by_tag) = (BTreeMap::new(), BTreeMap::new());
        Keyring { held: Mutex::new(Held { roots, control: None, newest, by_tag }) }
    }

    /// The root that counts.
    #[expect(clippy::expect_used, reason = "a keyring is made with one and never without")]
    pub fn root(&self) -> Arc<RootKey> {
        Arc::clone(self.held().roots.first().expect("a root"))
    }

    /// All that are tried, the one that counts first.
    pub fn roots(&self) -> Vec<Arc<RootKey>> {
        self.held().roots.clone()
    }

    /// Tries this one too from now on.
    pub fn offer(&self, root: RootKey) {
        self.held().roots.push(Arc::new(root));
    }

    /// Forgets every root but the one that counts.
    pub fn settle(&self) {
        self.held().roots.truncate(1);
    }

    /// Which root wrapped it, if it is one of those here.
    pub fn root_of(&self, key: &LabelKey) -> Option<Arc<RootKey>> {
        self.held().roots.iter().find(|root| root.unwrap_label(key).is_ok()).cloned()
    }

    /// Opens a wrapped key that the catalog holds or decided, and keeps it. The root that opens the control
    /// key is the one that counts. Fails when none of the roots does.
    pub fn add(&self, key: &LabelKey) -> Result<(), WrongKey> {
        let mut held = self.held();
        let (at, secret) = held.open(key)?;
        held.by_tag.insert(key.tag, (key.label, Arc::clone(&secret)));
        match key.label {
            None => {
                held.control = Some((key.clone(), secret));
                held.roots.swap(0, at);
            }
            Some(label) => {
                let newest = held.newest.entry(*label.canonical()).or_insert((key.epoch, key.tag));
                if key.epoch >= newest.0 {
                    *newest = (key.epoch, key.tag);
                }
            }
        }
        Ok(())
    }

    /// Opens the control key of a journal segment, which may be one of an older root: it opens segments,
    /// and says nothing about which root counts. Whether it opened.
    pub fn learn(&self, control: &LabelKey) -> bool {
        let mut held = self.held();
        let Ok((_, secret)) = held.open(control) else { return false };
        held.by_tag.insert(control.tag, (None, secret));
        true
    }

    /// The label's keys are gone; these are the others, wrapped by the root that counts now.
    pub fn shred(&self, label: Label, keys: &[LabelKey]) -> Result<(), WrongKey> {
        {
            let mut held = self.held();
            held.newest.remove(label.canonical());
            held.by_tag.retain(|_, (of, _)| *of != Some(label));
        }
        keys.iter().try_for_each(|key| self.add(key))
    }

    /// Opens these and forgets the other keys of labels, among them what an older catalog held of labels that were
    /// shredded since. Control keys stay: they open segments of the journal.
    pub fn hold(&self, keys: &[LabelKey]) -> Result<(), WrongKey> {
        {
            let mut held = self.held();
            held.newest.clear();
            held.by_tag.retain(|_, (label, _)| label.is_none());
        }
        keys.iter().try_for_each(|key| self.add(key))
    }

    /// The control stream's key, wrapped and open.
    pub fn control(&self) -> Option<(LabelKey, Arc<LabelSecret>)> {
        self.held().control.clone()
    }

    /// The key new records of this label are wrapped under, and its epoch.
    pub fn newest(&self, label: &Label) -> Option<(u32, Arc<LabelSecret>)> {
        let held = self.held();
        let (epoch, tag) = held.newest.get(label.canonical())?;
        held.by_tag.get(tag).map(|(_, secret)| (*epoch, Arc::clone(secret)))
    }

    /// Every label there is a key of.
    pub fn labels(&self) -> Vec<Label> {
        self.held().newest.keys().copied().map(Label::from_canonical).collect()
    }

    pub fn by_tag(&self, tag: KeyTag) -> Option<Arc<LabelSecret>> {
        self.held().by_tag.get(&tag).map(|(_, secret)| Arc::clone(secret))
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        // No code panics while it holds the lock; a poisoned map is still whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the catalog seals its values under.
impl catalog::Keys for Keyring {
    fn newest(&self, label: &Label) -> Option<Arc<LabelSecret>> {
        Keyring::newest(self, label).map(|(_, secret)| secret)
    }
    fn by_tag(&self, tag: KeyTag) -> Option<Arc<LabelSecret>> {
        Keyring::by_tag(self, tag)
    }
}

impl Held {
    /// Opens it, and tells by which root.
    fn open(&self, key: &LabelKey) -> Result<(usize, Arc<LabelSecret>), WrongKey> {
        let opened = |(at, root): (usize, &Arc<RootKey>)| Some((at, Arc::new(root.unwrap_label(key).ok()?)));
        self.roots.iter().enumerate().find_map(opened).ok_or(WrongKey)
    }
}
