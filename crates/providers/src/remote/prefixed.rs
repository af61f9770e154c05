//! A store inside another one: every name begins with a prefix.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::name::{check_name, check_prefix};
use crate::store::{Entry, Error, Store};

pub struct Prefixed {
    store: Arc<dyn Store>,
    prefix: String,
}

impl Prefixed {
    /// `prefix` ends with a slash.
    pub fn new(store: Arc<dyn Store>, prefix: &str) -> Prefixed {
        Prefixed { store, prefix: prefix.to_owned() }
    }

    /// A name that is none must not become one by its prefix.
    fn whole(&self, name: &str) -> Result<String, Error> {
        check_name(name)?;
        Ok(format!("{}{name}", self.prefix))
    }
}

#[async_trait]
impl Store for Prefixed {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        self.store.put_new(&self.whole(name)?, bytes).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        self.store.get_range(&self.whole(name)?, range).await
    }

    async fn head(&self, name: &str) -> Result<u64, Error> {
        self.store.head(&self.whole(name)?).await
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.store.delete(&self.whole(name)?).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        check_prefix(prefix)?;
        let after = after.map(|after| format!("{}{after}", self.prefix));
        let listed = self.store.list(&format!("{}{prefix}", self.prefix), after.as_deref(), limit).await?;
        let inner = |entry: Entry| Some(Entry { name: entry.name.strip_prefix(&self.prefix)?.to_owned(), ..entry });
        Ok(listed.into_iter().filter_map(inner).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryStore, contract};

    #[tokio::test]
    async fn a_prefix_keeps_the_contract_and_to_itself() {
        let memory = Arc::new(MemoryStore::new());
        memory.put_new("contract/list/stranger", "x".into()).await.unwrap();
        contract::check(Arc::new(Prefixed::new(memory.clone(), "a/b/"))).await.unwrap();
        assert!(memory.names().iter().all(|name| name.starts_with("a/b/") || name == "contract/list/stranger"));
    }
}
