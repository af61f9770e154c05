//! A founded catalog with one bucket and two data streams, and short ways to decide and show.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{
    Bucket, BucketId, Change, EnclaveId, Epoch, Extent, Label, Number, ObjectKey, Precondition, SegmentKind, StreamId,
    UploadId, Vendor,
};

use super::Subject;
use super::make::{self, CONTROL, EAST, NOW, WEST};
use crate::error::Error;
use crate::interface::{Batch, Decided, Decision, ListEntry, ListQuery, Object, Proposal, Refusal, Shipped};

pub struct World<C> {
    pub catalog: C,
    /// "tea", at the lowest label, of [`make::OWNER`].
    pub bucket: Bucket,
    next: AtomicU64,
    shown: Mutex<Vec<Batch>>,
}

impl<C: Subject> World<C> {
    /// Epoch 1 is open; principal "owner" has the key "ENTE1".
    pub async fn new(catalog: C) -> World<C> {
        let world = World { next: AtomicU64::new(1_000), ..World::over(catalog) };
        world.catalog.found(EnclaveId([0xe0; 16]), CONTROL).await.unwrap();
        assert_eq!(world.catalog.open_epoch(Epoch(0)).await.unwrap(), Epoch(1));
        let mut owner = make::principal(0, "owner");
        owner.id = make::OWNER;
        world.run(CONTROL, Change::PrincipalCreated(owner)).await;
        world.run(CONTROL, Change::KeyIssued(make::access_key("ENTE1", make::OWNER))).await;
        for stream in [EAST, WEST] {
            let vendors = vec![Vendor::Amazon, Vendor::Oracle];
            world.run(CONTROL, Change::StreamOpened { stream, label: Label::LOWEST, vendors }).await;
        }
        world.run(CONTROL, Change::BucketCreated(world.bucket.clone(), Vec::new())).await;
        world
    }

    /// Over a catalog that was set up like this before.
    pub fn over(catalog: C) -> World<C> {
        let bucket = make::bucket(1, "tea", Label::LOWEST);
        World { catalog, bucket, next: AtomicU64::new(1_000_000), shown: Mutex::default() }
    }

    /// A number for ids that was not used before.
    pub fn fresh(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Every batch shown so far, in order.
    pub fn batches(&self) -> Vec<Batch> {
        self.shown.lock().unwrap().clone()
    }

    // Deciding.

    pub async fn decide(&self, stream: StreamId, proposal: Proposal) -> Decision {
        self.catalog.decide(stream, NOW, vec![proposal]).await.unwrap().remove(0)
    }

    /// Decides without showing.
    pub async fn decided(&self, stream: StreamId, proposal: Proposal) -> Decided {
        match self.decide(stream, proposal).await {
            Decision::Decided(decided) => decided,
            other => panic!("expected a decision, got {other:?}"),
        }
    }

    pub async fn refused(&self, proposal: Proposal) -> Refusal {
        match self.decide(EAST, proposal).await {
            Decision::Refused(refusal) => refusal,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    pub async fn behind(&self, proposal: Proposal) -> Number {
        match self.decide(EAST, proposal).await {
            Decision::Behind(number) => number,
            other => panic!("expected to wait, got {other:?}"),
        }
    }

    // Showing.

    /// A batch of these records in a journal segment of its own, with their bodies one behind the
    /// other.
    pub fn batch(&self, stream: StreamId, decided: &[Decided]) -> Batch {
        let n = self.fresh();
        let mut segment = make::segment(n, SegmentKind::Journal, 0);
        segment.stream = stream;
        let mut shipped = Vec::new();
        for record in decided {
            let extent = record.body.as_ref().map(|body| {
                let length = u64::try_from(body.len()).unwrap();
                let extent = Extent { segment: segment.id, offset: segment.length, length };
                segment.length += length;
                extent
            });
            shipped.push(Shipped { encoded: record.encoded.clone(), extent });
        }
        Batch { stream, segment, records: shipped }
    }

    pub async fn show(&self, stream: StreamId, decided: &[Decided]) {
        self.try_show(self.batch(stream, decided)).await.unwrap();
    }

    pub async fn try_show(&self, batch: Batch) -> Result<(), Error> {
        self.catalog.show(batch.clone()).await?;
        self.shown.lock().unwrap().push(batch);
        Ok(())
    }

    /// Decides and shows.
    pub async fn run(&self, stream: StreamId, change: Change) -> Number {
        let decided = self.decided(stream, make::proposal(change)).await;
        self.show(stream, std::slice::from_ref(&decided)).await;
        decided.record.number
    }

    // Changes in the world's bucket.

    /// A put of 100 bytes in a segment of its own; its numbers are `n`.
    pub fn put(&self, n: u64, key: &str) -> Change {
        let (body, segment) = make::body(n, 100);
        let version = make::version(n, &make::key(key), vec![body]);
        Change::ObjectPut { bucket: self.bucket.id, version, segments: vec![segment] }
    }

    /// A put that differs from all others.
    pub fn any_put(&self, key: &str) -> Change {
        self.put(self.fresh(), key)
    }

    pub fn delete(&self, key: &str) -> Change {
        Change::ObjectDeleted { bucket: self.bucket.id, key: make::key(key) }
    }

    pub fn start(&self, n: u64, key: &str) -> Change {
        Change::UploadStarted(make::upload(n, self.bucket.id, &make::key(key)))
    }

    /// A part of 100 bytes in a segment of its own; its numbers are `n`.
    pub fn part(&self, upload: u64, number: u16, n: u64) -> Change {
        let (body, segment) = make::body(n, 100);
        Change::PartPut {
            bucket: self.bucket.id,
            upload: UploadId(make::id(upload)),
            part: make::part(n, number, body),
            segments: vec![segment],
        }
    }

    /// Completes with the parts that `part` made with these numbers.
    pub fn complete(&self, upload: u64, key: &str, parts: &[u64]) -> Change {
        let bodies = parts.iter().map(|n| make::body(*n, 100).0).collect();
        let version = make::version(self.fresh(), &make::key(key), bodies);
        Change::UploadCompleted { bucket: self.bucket.id, upload: UploadId(make::id(upload)), version }
    }

    pub fn abort(&self, upload: u64) -> Change {
        Change::UploadAborted { bucket: self.bucket.id, upload: UploadId(make::id(upload)) }
    }

    pub fn delete_bucket(&self) -> Change {
        Change::BucketDeleted { bucket: self.bucket.id }
    }

    // Looking.

    pub async fn object(&self, key: &str) -> Option<Object> {
        self.catalog.object(self.bucket.id, &make::key(key)).await.unwrap()
    }

    pub async fn keys(&self) -> Vec<ObjectKey> {
        self.keys_in(self.bucket.id).await
    }

    pub async fn keys_in(&self, bucket: BucketId) -> Vec<ObjectKey> {
        let page = self.catalog.list(bucket, ListQuery { limit: 1000, ..ListQuery::default() }).await.unwrap();
        let item = |entry: ListEntry<crate::ObjectSummary>| match entry {
            ListEntry::Item(summary) => Some(summary.key),
            ListEntry::Prefix(_) => None,
        };
        page.entries.into_iter().filter_map(item).collect()
    }
}

/// Every kind of condition.
pub fn conditions() -> [Precondition; 3] {
    [Precondition::Absent, Precondition::Present, Precondition::Matches(make::etag(1))]
}
