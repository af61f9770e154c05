//! A label comes into being: it gets a key of its own and a stream of its own, and from then on buckets
//! can have it. Its key is followed by newer ones, and what was wrapped under the older stays readable.

use std::sync::Arc;

use coding::keys::LabelSecret;
use model::{Change, Label, LabelKey, StreamId};
use policy::SystemPermit;

use crate::api::Engine;
use crate::error::Error;
use crate::inner::Inner;

/// A label in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelInfo {
    pub label: Label,
    /// Of its keys, oldest first; the last wraps what is written now.
    pub epochs: Vec<u32>,
    pub buckets: u64,
    pub stream: Option<StreamId>,
}

impl Engine {
    /// The labels in use, in the order of their bytes.
    pub async fn list_labels(&self, _: &SystemPermit) -> Result<Vec<LabelInfo>, Error> {
        let inner = &self.inner;
        let keys = inner.catalog.label_keys().await?;
        let mut labels: Vec<LabelInfo> = Vec::new();
        for (label, epoch) in keys.iter().filter_map(|key| Some((key.label?, key.epoch))) {
            match labels.last_mut().filter(|last| last.label == label) {
                Some(last) => last.epochs.push(epoch),
                None => {
                    let buckets = inner.catalog.buckets_at(label).await?.len() as u64;
                    let stream = inner.streams.of(Some(label)).map(|stream| stream.id);
                    labels.push(LabelInfo { label, epochs: vec![epoch], buckets, stream });
                }
            }
        }
        Ok(labels)
    }

    /// Gives the label a new key, and tells its epoch. Nothing that is stored is touched: what was wrapped
    /// under an older key is opened by that.
    pub async fn rotate_label(&self, _: &SystemPermit, label: Label) -> Result<u32, Error> {
        let inner = &self.inner;
        let _turn = inner.opening.lock().await;
        let keys = inner.catalog.label_keys().await?;
        let newest = keys.iter().filter(|key| key.label == Some(label)).map(|key| key.epoch).max();
        let epoch = newest.ok_or(Error::NoSuchLabel)? + 1;
        let key = inner.new_key(Some(label), epoch);
        // It counts when it stands: what a segment is sealed under must be found in the journal.
        inner.commit_control(Change::LabelKeyCreated(key)).await?;
        Ok(epoch)
    }
}

impl Inner {
    /// Gives the label what it lacks of key and stream. Whoever was cut short is completed by the next.
    pub async fn open_label(self: &Arc<Self>, label: Label) -> Result<(), Error> {
        let _turn = self.opening.lock().await;
        self.open_label_in_turn(label).await
    }

    /// The same for whoever holds [`Inner::opening`].
    pub async fn open_label_in_turn(self: &Arc<Self>, label: Label) -> Result<(), Error> {
        if self.keys.newest(&label).is_none() {
            self.create_key(Some(label)).await?;
        }
        if self.streams.of(Some(label)).is_none() {
            let stream = StreamId::random(&self.outside);
            let vendors = self.sites.vendors_of(Some(label)).into_iter().collect();
            self.commit_control(Change::StreamOpened { stream, label, vendors }).await?;
            self.streams.add(self.start_stream(stream, Some(label), Vec::new()));
        }
        Ok(())
    }

    /// A first key in the keyring, then in the journal: the control key must be there to seal the very
    /// record that brings it.
    pub async fn create_key(self: &Arc<Self>, label: Option<Label>) -> Result<(), Error> {
        let key = self.new_key(label, 1);
        let opens = self.keys.add(&key);
        opens.map_err(|_| Error::Internal("a key does not open under the root that wrapped it".to_owned()))?;
        self.commit_control(Change::LabelKeyCreated(key)).await
    }

    fn new_key(&self, label: Option<Label>, epoch: u32) -> LabelKey {
        let secret = LabelSecret::random(&self.outside);
        self.keys.root().wrap_label(&secret, label.as_ref(), epoch, &self.outside)
    }
}
