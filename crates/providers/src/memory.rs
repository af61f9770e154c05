//! A site in memory, for tests and the simulated world.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::local::range_length;
use crate::name::{check_name, check_prefix};
use crate::store::{Entry, Error, ErrorKind, Store};

/// Objects by name. Everything answers at once; slowness and faults are the work of
/// [`crate::fault`].
#[derive(Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<String, Bytes>>,
}

impl MemoryStore {
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// Every name it holds, in byte order.
    pub fn names(&self) -> Vec<String> {
        self.objects().keys().cloned().collect()
    }

    /// Bytes of all objects together.
    pub fn used_bytes(&self) -> u64 {
        self.objects().values().map(|bytes| bytes.len() as u64).sum()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "no such object in memory")
}

#[async_trait]
impl Store for MemoryStore {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        check_name(name)?;
        let mut objects = self.objects();
        if objects.contains_key(name) {
            return Err(Error::new(ErrorKind::AlreadyExists, "the name is taken in memory"));
        }
        objects.insert(name.to_owned(), bytes);
        Ok(())
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        check_name(name)?;
        let bytes = self.objects().get(name).cloned().ok_or_else(not_found)?;
        let count = range_length(&range, bytes.len() as u64)?;
        let start = usize::try_from(range.start).unwrap_or(bytes.len());
        Ok(bytes.slice(start..start + count))
    }

    async fn head(&self, name: &str) -> Result<u64, Error> {
        check_name(name)?;
        self.objects().get(name).map(|bytes| bytes.len() as u64).ok_or_else(not_found)
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        self.objects().remove(name);
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        check_prefix(prefix)?;
        // Nothing that begins with the prefix sorts before it.
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let objects = self.objects();
        let found = objects.range::<str, _>((start, Bound::Unbounded));
        Ok(found
            .take_while(|(name, _)| name.starts_with(prefix))
            .take(limit)
            .map(|(name, bytes)| Entry { name: name.clone(), size: bytes.len() as u64 })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::contract;

    #[tokio::test]
    async fn memory_keeps_the_contract() {
        contract::check(Arc::new(MemoryStore::new())).await.unwrap();
    }
}
