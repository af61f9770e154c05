//! The final difference: both listings side by side, key by key.

use std::collections::{BTreeSet, VecDeque};

use catalog::{ListEntry, ListQuery, Stand};
use model::{Bucket, BucketId, ObjectKey};
use providers::{Origin, OriginEntry};

use super::merge::ORIGIN_PAGE;
use super::{Adopted, at_origin};
use crate::error::Error;
use crate::inner::Inner;

/// Differing keys that are told one by one; all are counted.
const TOLD_MAX: usize = 1000;

/// How a key differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// At the origin, and neither brought, written nor deleted here.
    NotHere,
    /// Brought, and another object at the origin since.
    Changed,
    /// Brought, and no longer at the origin.
    NotThere,
    /// The origin's key is none here: it is longer than 1,024 bytes.
    NoKey,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    pub key: String,
    pub odd: Odd,
}

/// What a difference found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Keys of the origin that were looked at.
    pub compared: u64,
    /// Of those, that are here as they are there.
    pub equal: u64,
    /// Of those, that were written or deleted here since: this side counts.
    pub ours: u64,
    pub differing: u64,
    /// The first of them.
    pub told: Vec<Differing>,
}

impl Difference {
    pub fn is_empty(&self) -> bool {
        self.differing == 0
    }

    fn tell(&mut self, key: &str, odd: Odd) {
        self.differing += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(Differing { key: key.to_owned(), odd });
        }
    }
}

impl Inner {
    /// Compares keys, sizes and ETags of everything at the origin with what is here, and looks for what
    /// was brought and is there no longer.
    pub(super) async fn difference(&self, bucket: &Bucket) -> Result<Difference, Error> {
        let Some(Adopted { origin, .. }) = self.adopted(bucket.id).await? else {
            return Err(Error::Invalid(format!("bucket `{}` adopts nothing", bucket.name)));
        };
        let mut difference = Difference::default();
        let mut here = Here { bucket: bucket.id, after: None, ahead: VecDeque::new(), ended: false };
        let mut after: Option<String> = None;
        loop {
            let page = origin.list("", after.as_deref(), ORIGIN_PAGE).await.map_err(|error| at_origin(&error))?;
            let last = page.entries.last().map(|entry| entry.key.clone()).filter(|_| page.more);
            let there: BTreeSet<String> = page.entries.iter().map(|entry| entry.key.clone()).collect();
            self.compare(bucket.id, page.entries, &mut difference).await?;
            let only_here = here.up_to(self, last.as_deref(), &there).await?;
            self.look_for_gone(bucket.id, only_here, &mut difference).await?;
            match last {
                Some(last) => after = Some(last),
                None => return Ok(difference),
            }
        }
    }

    async fn compare(
        &self,
        bucket: BucketId,
        entries: Vec<OriginEntry>,
        difference: &mut Difference,
    ) -> Result<(), Error> {
        let mut keys = Vec::new();
        let mut there = Vec::new();
        for OriginEntry { key, size, etag, .. } in entries {
            difference.compared += 1;
            match ObjectKey::parse(&key) {
                Ok(key) => {
                    keys.push(key);
                    there.push((size, etag));
                }
                Err(_) => difference.tell(&key, Odd::NoKey),
            }
        }
        let stands = self.catalog.stands(bucket, keys.clone()).await?;
        for ((key, there), stand) in keys.iter().zip(there).zip(stands) {
            match stand {
                Stand::Untouched => difference.tell(key.as_str(), Odd::NotHere),
                Stand::Written | Stand::Deleted => difference.ours += 1,
                Stand::Brought { size, etag } if size == there.0 && etag == there.1 => difference.equal += 1,
                Stand::Brought { .. } => difference.tell(key.as_str(), Odd::Changed),
            }
        }
        Ok(())
    }

    /// Of keys that are only here, those that were brought are gone at the origin.
    async fn look_for_gone(
        &self,
        bucket: BucketId,
        only_here: Vec<ObjectKey>,
        difference: &mut Difference,
    ) -> Result<(), Error> {
        let stands = self.catalog.stands(bucket, only_here.clone()).await?;
        for (key, stand) in only_here.iter().zip(stands) {
            if matches!(stand, Stand::Brought { .. }) {
                difference.tell(key.as_str(), Odd::NotThere);
            }
        }
        Ok(())
    }
}

/// A walk over what is here, in step with the origin's pages.
struct Here {
    bucket: BucketId,
    after: Option<String>,
    ahead: VecDeque<ObjectKey>,
    ended: bool,
}

impl Here {
    /// The keys up to and with `last` (to the end without) that are not `there`.
    async fn up_to(
        &mut self,
        inner: &Inner,
        last: Option<&str>,
        there: &BTreeSet<String>,
    ) -> Result<Vec<ObjectKey>, Error> {
        let mut only_here = Vec::new();
        loop {
            if self.ahead.is_empty() && !self.ended {
                self.fetch(inner).await?;
            }
            let next = self.ahead.pop_front_if(|key| last.is_none_or(|last| key.as_str() <= last));
            let Some(key) = next else { return Ok(only_here) };
            if !there.contains(key.as_str()) {
                only_here.push(key);
            }
        }
    }

    async fn fetch(&mut self, inner: &Inner) -> Result<(), Error> {
        let query = ListQuery { after: self.after.clone(), limit: ORIGIN_PAGE, ..ListQuery::default() };
        let page = inner.catalog.list(self.bucket, query).await?;
        self.ended = !page.more;
        self.ahead.extend(page.entries.into_iter().filter_map(|entry| match entry {
            ListEntry::Item(summary) => Some(summary.key),
            ListEntry::Prefix(_) => None,
        }));
        self.after = self.ahead.back().map(|key| key.as_str().to_owned()).or(self.after.take());
        Ok(())
    }
}
