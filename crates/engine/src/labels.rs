//! A label comes into being: it gets a key of its own and a stream of its own, and from then on buckets
//! can have it.

use std::sync::Arc;

use coding::keys::LabelSecret;
use model::{Change, Label, LabelKey, StreamId};

use crate::error::Error;
use crate::inner::Inner;

impl Inner {
    /// Gives the label what it lacks of key and stream. Whoever was cut short is completed by the next.
    pub async fn open_label(self: &Arc<Self>, label: Label) -> Result<(), Error> {
        let _turn = self.opening.lock().await;
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

    /// A new key in the keyring, then in the journal: the control key must be there to seal the very
    /// record that brings it.
    pub async fn create_key(self: &Arc<Self>, label: Option<Label>) -> Result<(), Error> {
        let secret = LabelSecret::random(&self.outside);
        let key: LabelKey = self.keys.root().wrap_label(&secret, label.as_ref(), 1, &self.outside);
        let opens = self.keys.add(&key);
        opens.map_err(|_| Error::Internal("a key does not open under the root that wrapped it".to_owned()))?;
        self.commit_control(Change::LabelKeyCreated(key)).await
    }
}
