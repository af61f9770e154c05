//! Listings of an adopted bucket: what is here and what lies beneath, in one byte order.
//!
//! The origin is read first, then how its keys stand here, then what is here: a key that is brought
//! over in between is met twice and told once, never missed.

use std::cmp::Ordering;
use std::collections::VecDeque;

use catalog::{ListEntry, ListQuery, ObjectSummary, Page, Stand};
use model::{BucketId, ObjectKey};
use providers::{Origin, OriginEntry, Patient};

use super::{Adopted, at_origin};
use crate::error::Error;
use crate::inner::Inner;

/// Keys asked of the origin at once: what vendors give in one page.
pub(super) const ORIGIN_PAGE: usize = 1000;

/// Sorts behind nearly every key that begins with what stands before it; what does not is passed over
/// one by one.
const NEARLY_LAST: char = char::MAX;

impl Inner {
    pub(crate) async fn list_merged(
        &self,
        bucket: BucketId,
        adopted: &Adopted,
        query: ListQuery,
    ) -> Result<Page<ObjectSummary>, Error> {
        if query.limit == 0 {
            return Ok(Page { entries: Vec::new(), more: false });
        }
        let beneath = self.beneath(bucket, &adopted.origin, &query).await?;
        let limit = query.limit;
        let here = self.catalog.list(bucket, ListQuery { limit: limit + 1, ..query }).await?.entries;
        let mut entries = merge(here, beneath);
        let more = entries.len() > limit;
        entries.truncate(limit);
        Ok(Page { entries, more })
    }

    /// What a page shows of the origin, and one entry more: keys that nothing here hides, rolled up
    /// into their common prefixes.
    async fn beneath(
        &self,
        bucket: BucketId,
        origin: &Patient,
        query: &ListQuery,
    ) -> Result<Vec<ListEntry<ObjectSummary>>, Error> {
        let mut after = query.after.clone();
        // Nothing under the common prefix of a marker is shown again.
        let mut passed = after.as_deref().and_then(|after| query.rolled_up(after)).map(str::to_owned);
        let mut entries = Vec::new();
        // Where much is hidden or rolled up, small pages would be many.
        let mut wanted = if query.delimiter.is_some() { ORIGIN_PAGE } else { (query.limit + 1).min(ORIGIN_PAGE) };
        while entries.len() <= query.limit {
            if let Some(prefix) = &passed
                && after.as_deref().is_some_and(|after| after.starts_with(prefix.as_str()))
            {
                after = Some(format!("{prefix}{NEARLY_LAST}")).max(after);
            }
            let page = origin.list(&query.prefix, after.as_deref(), wanted).await.map_err(|error| at_origin(&error))?;
            let last = page.entries.last().map(|entry| entry.key.clone());
            for entry in self.unhidden(bucket, page.entries).await? {
                if passed.as_deref().is_some_and(|prefix| entry.key.as_str().starts_with(prefix)) {
                    continue;
                }
                passed = query.rolled_up(entry.key.as_str()).map(str::to_owned);
                entries.push(match &passed {
                    Some(prefix) => ListEntry::Prefix(prefix.clone()),
                    None => ListEntry::Item(entry),
                });
            }
            match last {
                Some(last) if page.more => after = Some(last),
                _ => break,
            }
            wanted = ORIGIN_PAGE;
        }
        Ok(entries)
    }

    /// The keys of an origin's page that were neither written nor deleted here.
    async fn unhidden(&self, bucket: BucketId, entries: Vec<OriginEntry>) -> Result<Vec<ObjectSummary>, Error> {
        let summary = |OriginEntry { key, size, etag, modified }| {
            // What is no key here cannot be asked for here either.
            let key = ObjectKey::parse(&key).ok()?;
            Some(ObjectSummary { key, size, etag, modified, checksums: Vec::new() })
        };
        let summaries: Vec<ObjectSummary> = entries.into_iter().filter_map(summary).collect();
        let keys = summaries.iter().map(|summary| summary.key.clone()).collect();
        let stands = self.catalog.stands(bucket, keys).await?;
        let untouched = |(summary, stand)| matches!(stand, Stand::Untouched).then_some(summary);
        Ok(summaries.into_iter().zip(stands).filter_map(untouched).collect())
    }
}

/// Both in one order; what is here comes before its like.
fn merge(here: Vec<ListEntry<ObjectSummary>>, beneath: Vec<ListEntry<ObjectSummary>>) -> Vec<ListEntry<ObjectSummary>> {
    let (mut here, mut beneath) = (VecDeque::from(here), VecDeque::from(beneath));
    let mut merged = Vec::with_capacity(here.len() + beneath.len());
    while let (Some(one), Some(other)) = (here.front(), beneath.front()) {
        match name(one).cmp(name(other)) {
            Ordering::Less => merged.extend(here.pop_front()),
            Ordering::Greater => merged.extend(beneath.pop_front()),
            Ordering::Equal => drop(beneath.pop_front()),
        }
    }
    merged.extend(here);
    merged.extend(beneath);
    merged
}

fn name(entry: &ListEntry<ObjectSummary>) -> &str {
    match entry {
        ListEntry::Item(summary) => summary.key.as_str(),
        ListEntry::Prefix(prefix) => prefix,
    }
}
