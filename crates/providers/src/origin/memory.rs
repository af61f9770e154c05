//! An origin in memory, for tests and the simulated world. It counts what reaches it.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use model::{ETag, Metadata, Timestamp};

use super::{Fetched, Origin, OriginEntry, OriginError, OriginErrorKind, OriginObject, OriginPage, Requests};

/// Bytes are handed out in frames of the size that sockets give.
const FRAME: usize = 64 << 10;

/// A bucket somebody else writes.
#[derive(Default)]
pub struct MemoryOrigin {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, (OriginObject, Bytes)>,
    requests: Requests,
    /// What the next requests are answered, first first.
    failures: Vec<OriginErrorKind>,
    /// Frames after which the bytes of the next body break off.
    cut: Option<usize>,
    page_max: Option<usize>,
}

impl MemoryOrigin {
    pub fn new() -> MemoryOrigin {
        MemoryOrigin::default()
    }

    /// What its owner does: the object becomes this. `etag` is taken as it is.
    pub fn put(&self, key: &str, bytes: impl Into<Bytes>, etag: &str, metadata: Metadata, modified: Timestamp) {
        let bytes = bytes.into();
        let etag = ETag(etag.to_owned());
        let md5 = super::md5_of_etag(&etag);
        let object = OriginObject { size: bytes.len() as u64, etag, modified, metadata, md5 };
        self.state().objects.insert(key.to_owned(), (object, bytes));
    }

    /// What its owner does.
    pub fn remove(&self, key: &str) {
        self.state().objects.remove(key);
    }

    /// Fails the next requests like this, one each.
    pub fn fail(&self, failures: &[OriginErrorKind]) {
        self.state().failures.extend_from_slice(failures);
    }

    /// Takes back what was told by [`MemoryOrigin::fail`]; gives how many were left.
    pub fn clear_failures(&self) -> usize {
        std::mem::take(&mut self.state().failures).len()
    }

    /// Breaks the next body off behind so many frames.
    pub fn cut_next_body(&self, frames: usize) {
        self.state().cut = Some(frames);
    }

    /// Lists at most so many at once, whatever is asked.
    pub fn list_at_most(&self, page: usize) {
        self.state().page_max = Some(page);
    }

    /// Requests by kind since it was made.
    pub fn requests(&self) -> Requests {
        self.state().requests.clone()
    }

    /// Every key with its ETag and bytes.
    pub fn contents(&self) -> Vec<(String, ETag, Bytes)> {
        let state = self.state();
        state.objects.iter().map(|(key, (object, bytes))| (key.clone(), object.etag.clone(), bytes.clone())).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin(&mut self, kind: &'static str) -> Result<(), OriginError> {
        *self.requests.entry(kind).or_default() += 1;
        if self.failures.is_empty() {
            return Ok(());
        }
        Err(OriginError::new(self.failures.remove(0), "told to fail"))
    }

    fn find(&self, key: &str) -> Result<&(OriginObject, Bytes), OriginError> {
        self.objects.get(key).ok_or_else(|| OriginError::new(OriginErrorKind::NotFound, "no such object in memory"))
    }
}

#[async_trait]
impl Origin for MemoryOrigin {
    async fn head(&self, key: &str) -> Result<OriginObject, OriginError> {
        let mut state = self.state();
        state.begin("head")?;
        Ok(state.find(key)?.0.clone())
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>, etag: Option<&ETag>) -> Result<Fetched, OriginError> {
        let mut state = self.state();
        state.begin("get")?;
        let (object, bytes) = state.find(key)?.clone();
        if etag.is_some_and(|etag| *etag != object.etag) {
            return Err(OriginError::new(OriginErrorKind::Changed, "it has another ETag"));
        }
        let range = range.unwrap_or(0..object.size);
        let at = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        if range.start > range.end || range.end > object.size {
            return Err(OriginError::new(OriginErrorKind::Invalid, "the range lies outside the object"));
        }
        let bytes = bytes.slice(at(range.start)..at(range.end));
        let frames = (0..bytes.len()).step_by(FRAME).map(|from| bytes.slice(from..bytes.len().min(from + FRAME)));
        let mut frames: Vec<Result<Bytes, OriginError>> = frames.map(Ok).collect();
        if let Some(cut) = state.cut.take() {
            frames.truncate(cut);
            frames.push(Err(OriginError::new(OriginErrorKind::Unavailable, "told to break off")));
        }
        Ok(Fetched { object, bytes: Box::pin(stream::iter(frames)) })
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<OriginPage, OriginError> {
        let mut state = self.state();
        state.begin("list")?;
        let limit = state.page_max.unwrap_or(limit).min(limit);
        // Nothing that begins with the prefix sorts before it.
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let mut found = state
            .objects
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, (object, _))| OriginEntry {
                key: key.clone(),
                size: object.size,
                etag: object.etag.clone(),
                modified: object.modified,
            });
        let entries = found.by_ref().take(limit).collect();
        Ok(OriginPage { entries, more: found.next().is_some() })
    }
}
