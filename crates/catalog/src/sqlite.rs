//! The embedded catalog: one SQLite database, one writer with group commit, a few readers.

mod adoption;
mod apply;
mod codec;
mod compact;
mod decide;
mod dump;
mod epochs;
mod judge;
mod late;
mod listing;
mod look;
mod names;
mod open;
mod people;
mod proofs;
mod readers;
mod rest;
mod rows;
mod schema;
mod scrub;
mod sealed;
mod segments;
mod settings;
mod show;
mod shred;
mod streams;
mod touch;
mod versions;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use model::{
    AccessKey, AccessKeyId, Aspect, BodyId, Bucket, BucketId, BucketName, BucketSetting, EnclaveId, Epoch, Group,
    KnownCopy, Label, LabelKey, Number, ObjectKey, Outside, Part, Piece, PieceName, Principal, PrincipalId, Release,
    ReleaseId, Segment, SegmentId, Site, SiteId, SiteState, StreamId, Timestamp, Upload, UploadId, Which,
};

use crate::error::Error;
use crate::interface::{
    Batch, Catalog, Clearing, Contents, Decided, Decision, Endangered, Entry, JournalSegment, Keys, ListQuery, Listed,
    Moved, ObjectSummary, Origin, Page, Proposal, Stand, Stream, Taken, Totals, Unnamed, VersionSummary,
};
use crate::proof::{
    Account, Aged, BudgetDay, Depth, Finding, Over, PieceAt, Proof, ProofPage, ScrubState, Spent, Walk,
};
pub use look::{Known, Look};
use readers::Readers;
use sealed::{Db, Handed};
use tokio::sync::mpsc;
use writer::Writer;

/// Rows that are copied at a time, in bytes: what one object of a snapshot holds.
const ROWS_BYTES: usize = 1 << 20;

/// Bytes of the log that may come together while the catalog is copied.
const LOG_MAX: u64 = 1 << 30;

/// A catalog in one SQLite database. Blocking work goes to [`Outside::blocking`]; nothing here
/// has a thread of its own.
pub struct SqliteCatalog {
    // Closed before the writer: the last connection to close folds the log into the database, and
    // one that only reads cannot.
    readers: Arc<Readers>,
    writer: Arc<Writer>,
    handed: Arc<Handed>,
}

impl SqliteCatalog {
    /// Opens the catalog at `path`, an empty one if nothing is there; its directory must exist.
    /// An existing file is checked, brought up to date, and never replaced: one that is damaged is
    /// [`Error::Damaged`], one that cannot be read or written [`Error::Unavailable`], one that a
    /// newer program wrote [`Error::Newer`]. It blocks for as long as that takes.
    pub fn open(path: impl AsRef<Path>, outside: Outside) -> Result<SqliteCatalog, Error> {
        let path = path.as_ref();
        let writer = Arc::new(Writer::new(open::writer(path)?, outside.clone()));
        let readers = Arc::new(Readers::of_file(path.to_owned(), outside.clone()));
        Ok(SqliteCatalog { readers, writer, handed: Arc::new(Handed::new(outside)) })
    }

    /// Whose catalog lies at `path`, if it was ever founded; nothing of it is changed, whichever program
    /// wrote it.
    pub fn enclave_at(path: impl AsRef<Path>) -> Result<Option<EnclaveId>, Error> {
        streams::enclave(&open::looker(path.as_ref())?)
    }

    /// What a check of a deployment wants to know of the catalog at `path`, which may be at work; nothing of it is
    /// changed. It blocks for as long as that takes.
    pub fn look(path: impl AsRef<Path>) -> Result<Look, Error> {
        look::look(path.as_ref())
    }

    /// As [`SqliteCatalog::open`], over a file layer that was registered with SQLite under the name `vfs`:
    /// the way in for a simulated disk. One connection reads and writes, so that the layer needs no shared
    /// memory; file and log are written and synced as ever.
    pub fn open_on(vfs: &str, name: &str, outside: Outside) -> Result<SqliteCatalog, Error> {
        let writer = Arc::new(Writer::new(open::on(vfs, name)?, outside.clone()));
        let readers = Arc::new(Readers::of_writer(Arc::clone(&writer), outside.clone()));
        Ok(SqliteCatalog { readers, writer, handed: Arc::new(Handed::new(outside)) })
    }

    /// An empty catalog that is gone when it is dropped.
    pub fn in_memory(outside: Outside) -> Result<SqliteCatalog, Error> {
        let writer = Arc::new(Writer::new(open::memory()?, outside.clone()));
        let readers = Arc::new(Readers::of_writer(Arc::clone(&writer), outside.clone()));
        Ok(SqliteCatalog { readers, writer, handed: Arc::new(Handed::new(outside)) })
    }

    /// Copies the catalog at `from`, which may be at work, as it is now, to where nothing is. It blocks for as long
    /// as that takes.
    pub fn copy(from: &Path, to: &Path) -> Result<(), Error> {
        open::save(&open::reader(from)?, to)
    }

    /// Transactions committed since it was opened: writes that come together share one.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// All that is shown, as text: two catalogs that were shown the same journal are equal in it.
    /// What is decided and not shown, epochs, running time and unnamed pieces are not in it.
    pub async fn dump(&self) -> Result<String, Error> {
        self.read(dump::dump).await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Db<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let handed = Arc::clone(&self.handed);
        self.readers.read(move |c| work(&Db::new(c, &handed))).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Db<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let handed = Arc::clone(&self.handed);
        self.writer.write(move |c| work(&Db::new(c, &handed))).await
    }
}

#[async_trait]
impl Catalog for SqliteCatalog {
    fn hand_keys(&self, keys: Arc<dyn Keys>) {
        self.handed.set(keys);
    }

    async fn seal_rest(&self) -> Result<u64, Error> {
        if self.read(|c| rest::is_done(c)).await? {
            return Ok(0);
        }
        let sealed = self.write(rest::seal).await?;
        self.writer.alone(rest::rewrite).await?;
        self.write(|c| rest::done(c)).await?;
        Ok(sealed)
    }

    fn form(&self) -> u32 {
        schema::VERSION
    }

    async fn newest_number(&self) -> Result<Number, Error> {
        self.read(|c| streams::newest_number(c)).await
    }

    async fn copy_rows(&self, to: mpsc::Sender<Bytes>) -> Result<(), Error> {
        let (sender, waits) = (to.clone(), self.readers.may_wait());
        // One that cannot wait for the other end holds all.
        let held = self.readers.read_apart(move |c| {
            let mut held = Vec::new();
            rows::copy(c, ROWS_BYTES, |batch| {
                if waits {
                    return rows::hand(c, batch, &sender, LOG_MAX);
                }
                held.push(batch);
                Ok(true)
            })?;
            Ok(held)
        });
        for batch in held.await? {
            if to.send(batch).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn take_rows(&self, rows: Bytes, taken: Taken) -> Result<(), Error> {
        self.write(move |c| rows::take(c, &rows, taken)).await
    }

    async fn taken(&self) -> Result<Option<Taken>, Error> {
        self.read(|c| rows::how_far(c)).await
    }

    async fn rows_taken(&self) -> Result<(), Error> {
        self.write(|c| rows::taken(c)).await
    }

    async fn clear_rows(&self) -> Result<(), Error> {
        self.write(|c| rows::clear(c)).await
    }

    async fn enclave(&self) -> Result<Option<EnclaveId>, Error> {
        self.read(|c| streams::enclave(c)).await
    }

    async fn found(&self, enclave: EnclaveId, control: StreamId) -> Result<(), Error> {
        self.write(move |c| streams::found(c, enclave, control)).await
    }

    async fn decide(&self, stream: StreamId, now: Timestamp, proposals: Vec<Proposal>) -> Result<Vec<Decision>, Error> {
        self.write(move |c| decide::decide(c, stream, now, &proposals)).await
    }

    async fn show(&self, batch: Batch) -> Result<(), Error> {
        self.write(move |c| show::show(c, &batch)).await
    }

    async fn unshown(&self) -> Result<Vec<Decided>, Error> {
        self.read(decide::unshown).await
    }

    async fn unshown_control(&self) -> Result<Vec<Decided>, Error> {
        self.read(decide::unshown_control).await
    }

    async fn streams(&self) -> Result<Vec<Stream>, Error> {
        self.read(|c| streams::streams(c)).await
    }

    async fn buckets_named(&self, labels: Vec<Label>, name: &BucketName) -> Result<Vec<Bucket>, Error> {
        let name = name.clone();
        self.read(move |c| {
            let at = |label: &Label| names::bucket_named(c, label, &name).transpose();
            labels.iter().filter_map(at).collect()
        })
        .await
    }

    async fn bucket(&self, id: BucketId) -> Result<Option<Bucket>, Error> {
        self.read(move |c| names::bucket(c, id)).await
    }

    async fn buckets_of(&self, owner: PrincipalId, label: Label) -> Result<Vec<Bucket>, Error> {
        self.read(move |c| names::buckets_of(c, owner, &label)).await
    }

    async fn buckets_with(&self, aspect: Aspect) -> Result<Vec<(Bucket, BucketSetting)>, Error> {
        self.read(move |c| settings::buckets_with(c, aspect)).await
    }

    async fn bucket_setting(&self, bucket: BucketId, aspect: Aspect) -> Result<BucketSetting, Error> {
        self.read(move |c| settings::find(c, bucket, aspect)).await
    }

    async fn stands(&self, bucket: BucketId, keys: Vec<ObjectKey>) -> Result<Vec<Stand>, Error> {
        self.read(move |c| adoption::stands(c, bucket, &keys)).await
    }

    async fn find(&self, bucket: BucketId, key: &ObjectKey, which: Which) -> Result<Option<Entry>, Error> {
        let key = key.clone();
        self.read(move |c| names::find(c, bucket, &key, which)).await
    }

    async fn list(&self, bucket: BucketId, query: ListQuery) -> Result<Page<ObjectSummary>, Error> {
        self.read(move |c| listing::objects(c, bucket, &query)).await
    }

    async fn versions(
        &self,
        bucket: BucketId,
        query: ListQuery,
        after_version: Option<Which>,
    ) -> Result<Page<VersionSummary>, Error> {
        self.read(move |c| listing::versions(c, bucket, &query, after_version)).await
    }

    async fn upload(&self, bucket: BucketId, id: UploadId) -> Result<Option<Upload>, Error> {
        self.read(move |c| names::upload(c, bucket, id)).await
    }

    async fn parts(&self, upload: UploadId, after: u16, limit: usize) -> Result<Vec<Part>, Error> {
        self.read(move |c| names::parts(c, upload, after, limit)).await
    }

    async fn uploads(
        &self,
        bucket: BucketId,
        query: ListQuery,
        after_upload: Option<UploadId>,
    ) -> Result<Page<Upload>, Error> {
        self.read(move |c| listing::uploads(c, bucket, &query, after_upload)).await
    }

    async fn principals(&self) -> Result<Vec<Principal>, Error> {
        self.read(|c| people::principals(c)).await
    }

    async fn principal(&self, id: PrincipalId) -> Result<Option<Principal>, Error> {
        self.read(move |c| people::principal(c, id)).await
    }

    async fn access_key(&self, id: &AccessKeyId) -> Result<Option<AccessKey>, Error> {
        let id = id.clone();
        self.read(move |c| people::access_key(c, &id)).await
    }

    async fn access_keys(&self) -> Result<Vec<AccessKey>, Error> {
        self.read(|c| people::access_keys(c)).await
    }

    async fn label_keys(&self) -> Result<Vec<LabelKey>, Error> {
        self.read(|c| people::label_keys(c)).await
    }

    async fn policy_epoch(&self, principal: PrincipalId) -> Result<u64, Error> {
        self.read(move |c| people::policy_epoch(c, principal)).await
    }

    async fn groups(&self) -> Result<Vec<Group>, Error> {
        self.read(|c| people::groups(c)).await
    }

    async fn releases(&self) -> Result<Vec<Release>, Error> {
        self.read(people::releases).await
    }

    async fn release(&self, id: ReleaseId) -> Result<Option<Release>, Error> {
        self.read(move |c| people::release(c, id)).await
    }

    async fn copies(&self) -> Result<Vec<KnownCopy>, Error> {
        self.read(|c| people::copies(c)).await
    }

    async fn contents(&self, label: Label, now: Timestamp) -> Result<Contents, Error> {
        self.read(move |c| shred::contents(c, &label, now)).await
    }

    async fn buckets_at(&self, label: Label) -> Result<Vec<Bucket>, Error> {
        self.read(move |c| names::buckets_at(c, &label)).await
    }

    async fn save(&self, path: PathBuf) -> Result<(), Error> {
        self.read(move |c| open::save(c, &path)).await
    }

    async fn shredded(&self) -> Result<Vec<(StreamId, Label)>, Error> {
        self.read(|c| shred::shredded(c)).await
    }

    async fn clear_shredded(&self, limit: usize) -> Result<Clearing, Error> {
        self.write(move |c| shred::clear(c, limit)).await
    }

    async fn sites(&self) -> Result<Vec<Site>, Error> {
        self.read(|c| people::sites(c)).await
    }

    async fn site_states(&self) -> Result<Vec<(SiteId, SiteState)>, Error> {
        self.read(|c| people::site_states(c)).await
    }

    async fn segment(&self, id: SegmentId) -> Result<Option<Segment>, Error> {
        self.read(move |c| segments::find(c, id)).await
    }

    async fn below_promise(&self, after: Option<Endangered>, limit: usize) -> Result<Vec<Segment>, Error> {
        self.read(move |c| segments::below_promise(c, after, limit)).await
    }

    async fn add_pieces(&self, segment: SegmentId, pieces: Vec<Piece>) -> Result<(), Error> {
        self.write(move |c| segments::add_pieces(c, segment, &pieces, Some(c.now())).map(|_| ())).await
    }

    async fn segments_at(
        &self,
        site: SiteId,
        after: Option<PieceName>,
        limit: usize,
    ) -> Result<Vec<(PieceName, Segment)>, Error> {
        self.read(move |c| segments::at(c, site, after, limit)).await
    }

    async fn journal_under(
        &self,
        stream: StreamId,
        promise: u8,
        after: Option<SegmentId>,
        limit: usize,
    ) -> Result<Vec<Segment>, Error> {
        self.read(move |c| segments::journal_under(c, stream, promise, after, limit)).await
    }

    async fn shared(&self, segments: Vec<SegmentId>) -> Result<BTreeSet<SegmentId>, Error> {
        self.read(move |c| segments::shared(c, &segments)).await
    }

    async fn moved(&self, site: SiteId) -> Result<(u64, Moved), Error> {
        self.read(move |c| people::moved(c, site)).await
    }

    async fn note_moved(&self, site: SiteId, moved: Moved) -> Result<(), Error> {
        self.write(move |c| people::note_moved(c, site, &moved)).await
    }

    async fn journal(&self, stream: StreamId, after: u64, limit: usize) -> Result<Vec<JournalSegment>, Error> {
        self.read(move |c| compact::journal(c, stream, after, limit)).await
    }

    async fn half_taken_up(&self, stream: StreamId) -> Result<Vec<Segment>, Error> {
        self.read(move |c| compact::half_taken_up(c, stream)).await
    }

    async fn held(&self, segments: Vec<SegmentId>, records: Vec<Bytes>) -> Result<Option<BTreeSet<BodyId>>, Error> {
        self.read(move |c| compact::held(c, &segments, &records)).await
    }

    async fn compact(&self, batch: Batch, origin: Origin) -> Result<bool, Error> {
        self.write(move |c| compact::compact(c, &batch, origin)).await
    }

    async fn totals(&self) -> Result<Totals, Error> {
        self.read(|c| streams::totals(c)).await
    }

    async fn pieces_at(&self, site: SiteId, after: Option<PieceName>, limit: usize) -> Result<Vec<PieceAt>, Error> {
        self.read(move |c| proofs::pieces_at(c, site, after, limit)).await
    }

    async fn piece_at(&self, site: SiteId, name: PieceName) -> Result<Option<PieceAt>, Error> {
        self.read(move |c| proofs::piece_at(c, site, name)).await
    }

    async fn least_proven(
        &self,
        site: SiteId,
        proof: Proof,
        after: Option<Aged>,
        limit: usize,
    ) -> Result<Vec<PieceAt>, Error> {
        self.read(move |c| proofs::least_proven(c, site, proof, after, limit)).await
    }

    async fn note_proof(&self, site: SiteId, proof: Proof, pieces: Vec<PieceName>, at: Timestamp) -> Result<(), Error> {
        self.write(move |c| proofs::note_proof(c, site, proof, &pieces, at)).await
    }

    async fn proofs(&self, from: u64, limit: usize) -> Result<ProofPage, Error> {
        self.read(move |c| proofs::by_object(c, from, limit)).await
    }

    async fn scrub_state(&self, site: SiteId) -> Result<ScrubState, Error> {
        self.read(move |c| scrub::state(c, site)).await
    }

    async fn set_walk(&self, site: SiteId, depth: Depth, walk: Walk) -> Result<(), Error> {
        self.write(move |c| scrub::set_walk(c, site, depth, &walk)).await
    }

    async fn spent(&self, account: Account) -> Result<(BudgetDay, Spent), Error> {
        self.read(move |c| scrub::spent(c, account)).await
    }

    async fn spend(&self, account: Account, day: BudgetDay, more: Spent, limit: Spent) -> Result<Option<Spent>, Error> {
        self.write(move |c| scrub::spend(c, account, day, more, limit)).await
    }

    async fn note_findings(&self, findings: Vec<Finding>) -> Result<Vec<bool>, Error> {
        self.write(move |c| scrub::note(c, &findings)).await
    }

    async fn findings(&self) -> Result<Vec<Finding>, Error> {
        self.read(|c| scrub::findings(c)).await
    }

    async fn end_findings(&self, site: SiteId, which: Over, at: Timestamp) -> Result<(), Error> {
        self.write(move |c| scrub::end(c, site, &which, at)).await
    }

    async fn open_epoch(&self, seen: Epoch) -> Result<Epoch, Error> {
        self.write(move |c| epochs::open(c, seen)).await
    }

    async fn newest_epoch(&self) -> Result<Epoch, Error> {
        self.read(|c| epochs::newest(c)).await
    }

    async fn close_epochs_below(&self, epoch: Epoch) -> Result<(), Error> {
        self.write(move |c| epochs::close_below(c, epoch)).await
    }

    async fn closed_below(&self) -> Result<Epoch, Error> {
        self.read(|c| epochs::closed_below(c)).await
    }

    async fn add_running_ms(&self, elapsed: u64) -> Result<u64, Error> {
        self.write(move |c| epochs::add_running_ms(c, elapsed)).await
    }

    async fn note_unnamed(&self, site: SiteId, listed: Vec<PieceName>, running_ms: u64) -> Result<Vec<Unnamed>, Error> {
        self.write(move |c| epochs::note_unnamed(c, site, &listed, running_ms)).await
    }

    async fn early_pieces(&self) -> Result<BTreeSet<PieceName>, Error> {
        self.read(|c| late::early_pieces(c)).await
    }

    async fn forget_unlisted(&self, site: SiteId, range: Listed) -> Result<(), Error> {
        self.write(move |c| epochs::forget_unlisted(c, site, &range)).await
    }

    async fn forget_unnamed(&self, site: SiteId, deleted: Vec<PieceName>) -> Result<(), Error> {
        self.write(move |c| epochs::forget_unnamed(c, site, &deleted)).await
    }
}
