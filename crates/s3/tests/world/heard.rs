//! A site that notes for which request it is asked.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use engine::trail;
use providers::{Entry, Error, MemoryStore, Store};

/// How often pieces of bodies were put and read for which request, at all sites.
#[derive(Debug, Default)]
pub struct Heard {
    pub puts: BTreeMap<Option<String>, u64>,
    pub gets: BTreeMap<Option<String>, u64>,
}

pub struct Hearing {
    within: MemoryStore,
    heard: Arc<Mutex<Heard>>,
}

impl Hearing {
    pub fn new(heard: Arc<Mutex<Heard>>) -> Hearing {
        Hearing { within: MemoryStore::new(), heard }
    }

    fn note(&self, name: &str, kind: impl FnOnce(&mut Heard) -> &mut BTreeMap<Option<String>, u64>) {
        if name.contains("/d/") {
            let request = trail::request().map(|request| request.to_string());
            *kind(&mut self.heard.lock().unwrap()).entry(request).or_default() += 1;
        }
    }
}

#[async_trait]
impl Store for Hearing {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        self.note(name, |heard| &mut heard.puts);
        self.within.put_new(name, bytes).await
    }
    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        self.note(name, |heard| &mut heard.gets);
        self.within.get_range(name, range).await
    }
    async fn head(&self, name: &str) -> Result<u64, Error> {
        self.within.head(name).await
    }
    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.within.delete(name).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        self.within.list(prefix, after, limit).await
    }
}
