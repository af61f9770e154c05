//! A catalog that remembers what it was asked for, and in which order.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use catalog::proof::{
    Account, Aged, BudgetDay, Depth, Finding, Over, PieceAt, Proof, ProofPage, ScrubState, Spent, Walk,
};
use catalog::{
    Batch, Catalog, Clearing, Contents, Decided, Decision, Endangered, Entry, Error, JournalSegment, Keys, ListQuery,
    Listed, Moved, ObjectSummary, Origin, Page, Proposal, Stand, Stream, Taken, Totals, Unnamed, VersionSummary,
};
use model::{
    AccessKey, AccessKeyId, Aspect, BodyId, Bucket, BucketId, BucketName, BucketSetting, EnclaveId, Epoch, Group,
    KnownCopy, Label, LabelKey, Number, ObjectKey, Part, Piece, PieceName, Principal, PrincipalId, Release, ReleaseId,
    Segment, SegmentId, Site, SiteId, SiteState, StreamId, Timestamp, Upload, UploadId, Which,
};
use tokio::sync::mpsc;

pub struct Noted {
    within: Arc<dyn Catalog>,
    asked: Mutex<Vec<&'static str>>,
}

impl Noted {
    pub fn new(within: Arc<dyn Catalog>) -> Noted {
        Noted { within, asked: Mutex::default() }
    }

    /// What was asked for since the last time.
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn note(&self, what: &'static str) {
        self.asked.lock().unwrap().push(what);
    }
}

#[async_trait]
impl Catalog for Noted {
    async fn enclave(&self) -> Result<Option<EnclaveId>, Error> {
        self.note("enclave");
        self.within.enclave().await
    }
    async fn found(&self, enclave: EnclaveId, control: StreamId) -> Result<(), Error> {
        self.note("found");
        self.within.found(enclave, control).await
    }
    async fn decide(&self, stream: StreamId, now: Timestamp, proposals: Vec<Proposal>) -> Result<Vec<Decision>, Error> {
        self.note("decide");
        self.within.decide(stream, now, proposals).await
    }
    async fn show(&self, batch: Batch) -> Result<(), Error> {
        self.note("show");
        self.within.show(batch).await
    }
    fn hand_keys(&self, keys: Arc<dyn Keys>) {
        self.within.hand_keys(keys);
    }
    fn form(&self) -> u32 {
        self.within.form()
    }
    async fn newest_number(&self) -> Result<Number, Error> {
        self.within.newest_number().await
    }
    async fn copy_rows(&self, to: mpsc::Sender<Bytes>) -> Result<(), Error> {
        self.within.copy_rows(to).await
    }
    async fn take_rows(&self, rows: Bytes, taken: Taken) -> Result<(), Error> {
        self.within.take_rows(rows, taken).await
    }
    async fn taken(&self) -> Result<Option<Taken>, Error> {
        self.within.taken().await
    }
    async fn rows_taken(&self) -> Result<(), Error> {
        self.within.rows_taken().await
    }
    async fn clear_rows(&self) -> Result<(), Error> {
        self.within.clear_rows().await
    }
    async fn seal_rest(&self) -> Result<u64, Error> {
        self.note("seal_rest");
        self.within.seal_rest().await
    }
    async fn unshown_control(&self) -> Result<Vec<Decided>, Error> {
        self.note("unshown_control");
        self.within.unshown_control().await
    }
    async fn unshown(&self) -> Result<Vec<Decided>, Error> {
        self.note("unshown");
        self.within.unshown().await
    }
    async fn streams(&self) -> Result<Vec<Stream>, Error> {
        self.note("streams");
        self.within.streams().await
    }
    async fn buckets_named(&self, labels: Vec<Label>, name: &BucketName) -> Result<Vec<Bucket>, Error> {
        self.note("buckets_named");
        self.within.buckets_named(labels, name).await
    }
    async fn bucket(&self, id: BucketId) -> Result<Option<Bucket>, Error> {
        self.note("bucket");
        self.within.bucket(id).await
    }
    async fn buckets_of(&self, owner: PrincipalId, label: Label) -> Result<Vec<Bucket>, Error> {
        self.note("buckets_of");
        self.within.buckets_of(owner, label).await
    }
    async fn buckets_with(&self, aspect: Aspect) -> Result<Vec<(Bucket, BucketSetting)>, Error> {
        self.note("buckets_with");
        self.within.buckets_with(aspect).await
    }
    async fn bucket_setting(&self, bucket: BucketId, aspect: Aspect) -> Result<BucketSetting, Error> {
        self.note("bucket_setting");
        self.within.bucket_setting(bucket, aspect).await
    }
    async fn stands(&self, bucket: BucketId, keys: Vec<ObjectKey>) -> Result<Vec<Stand>, Error> {
        self.note("stands");
        self.within.stands(bucket, keys).await
    }
    async fn find(&self, bucket: BucketId, key: &ObjectKey, which: Which) -> Result<Option<Entry>, Error> {
        self.note("find");
        self.within.find(bucket, key, which).await
    }
    async fn list(&self, bucket: BucketId, query: ListQuery) -> Result<Page<ObjectSummary>, Error> {
        self.note("list");
        self.within.list(bucket, query).await
    }
    async fn versions(
        &self,
        bucket: BucketId,
        query: ListQuery,
        after_version: Option<Which>,
    ) -> Result<Page<VersionSummary>, Error> {
        self.note("versions");
        self.within.versions(bucket, query, after_version).await
    }
    async fn upload(&self, bucket: BucketId, id: UploadId) -> Result<Option<Upload>, Error> {
        self.note("upload");
        self.within.upload(bucket, id).await
    }
    async fn parts(&self, upload: UploadId, after: u16, limit: usize) -> Result<Vec<Part>, Error> {
        self.note("parts");
        self.within.parts(upload, after, limit).await
    }
    async fn uploads(
        &self,
        bucket: BucketId,
        query: ListQuery,
        after_upload: Option<UploadId>,
    ) -> Result<Page<Upload>, Error> {
        self.note("uploads");
        self.within.uploads(bucket, query, after_upload).await
    }
    async fn principals(&self) -> Result<Vec<Principal>, Error> {
        self.note("principals");
        self.within.principals().await
    }
    async fn principal(&self, id: PrincipalId) -> Result<Option<Principal>, Error> {
        self.note("principal");
        self.within.principal(id).await
    }
    async fn access_key(&self, id: &AccessKeyId) -> Result<Option<AccessKey>, Error> {
        self.note("access_key");
        self.within.access_key(id).await
    }
    async fn access_keys(&self) -> Result<Vec<AccessKey>, Error> {
        self.note("access_keys");
        self.within.access_keys().await
    }
    async fn label_keys(&self) -> Result<Vec<LabelKey>, Error> {
        self.note("label_keys");
        self.within.label_keys().await
    }
    async fn policy_epoch(&self, principal: PrincipalId) -> Result<u64, Error> {
        self.note("policy_epoch");
        self.within.policy_epoch(principal).await
    }
    async fn groups(&self) -> Result<Vec<Group>, Error> {
        self.note("groups");
        self.within.groups().await
    }
    async fn releases(&self) -> Result<Vec<Release>, Error> {
        self.note("releases");
        self.within.releases().await
    }
    async fn release(&self, id: ReleaseId) -> Result<Option<Release>, Error> {
        self.note("release");
        self.within.release(id).await
    }
    async fn copies(&self) -> Result<Vec<KnownCopy>, Error> {
        self.note("copies");
        self.within.copies().await
    }
    async fn buckets_at(&self, label: Label) -> Result<Vec<Bucket>, Error> {
        self.note("buckets_at");
        self.within.buckets_at(label).await
    }
    async fn contents(&self, label: Label, now: Timestamp) -> Result<Contents, Error> {
        self.note("contents");
        self.within.contents(label, now).await
    }
    async fn save(&self, path: PathBuf) -> Result<(), Error> {
        self.note("save");
        self.within.save(path).await
    }
    async fn shredded(&self) -> Result<Vec<(StreamId, Label)>, Error> {
        self.note("shredded");
        self.within.shredded().await
    }
    async fn clear_shredded(&self, limit: usize) -> Result<Clearing, Error> {
        self.note("clear_shredded");
        self.within.clear_shredded(limit).await
    }
    async fn sites(&self) -> Result<Vec<Site>, Error> {
        self.note("sites");
        self.within.sites().await
    }
    async fn site_states(&self) -> Result<Vec<(SiteId, SiteState)>, Error> {
        self.note("site_states");
        self.within.site_states().await
    }
    async fn segment(&self, id: SegmentId) -> Result<Option<Segment>, Error> {
        self.note("segment");
        self.within.segment(id).await
    }
    async fn below_promise(&self, after: Option<Endangered>, limit: usize) -> Result<Vec<Segment>, Error> {
        self.note("below_promise");
        self.within.below_promise(after, limit).await
    }
    async fn add_pieces(&self, segment: SegmentId, pieces: Vec<Piece>) -> Result<(), Error> {
        self.note("add_pieces");
        self.within.add_pieces(segment, pieces).await
    }
    async fn segments_at(
        &self,
        site: SiteId,
        after: Option<PieceName>,
        limit: usize,
    ) -> Result<Vec<(PieceName, Segment)>, Error> {
        self.note("segments_at");
        self.within.segments_at(site, after, limit).await
    }
    async fn journal_under(
        &self,
        stream: StreamId,
        promise: u8,
        after: Option<SegmentId>,
        limit: usize,
    ) -> Result<Vec<Segment>, Error> {
        self.note("journal_under");
        self.within.journal_under(stream, promise, after, limit).await
    }
    async fn shared(&self, segments: Vec<SegmentId>) -> Result<BTreeSet<SegmentId>, Error> {
        self.note("shared");
        self.within.shared(segments).await
    }
    async fn moved(&self, site: SiteId) -> Result<(u64, Moved), Error> {
        self.note("moved");
        self.within.moved(site).await
    }
    async fn note_moved(&self, site: SiteId, moved: Moved) -> Result<(), Error> {
        self.note("note_moved");
        self.within.note_moved(site, moved).await
    }
    async fn journal(&self, stream: StreamId, after: u64, limit: usize) -> Result<Vec<JournalSegment>, Error> {
        self.note("journal");
        self.within.journal(stream, after, limit).await
    }
    async fn half_taken_up(&self, stream: StreamId) -> Result<Vec<Segment>, Error> {
        self.note("half_taken_up");
        self.within.half_taken_up(stream).await
    }
    async fn held(&self, segments: Vec<SegmentId>, records: Vec<Bytes>) -> Result<Option<BTreeSet<BodyId>>, Error> {
        self.note("held");
        self.within.held(segments, records).await
    }
    async fn compact(&self, batch: Batch, origin: Origin) -> Result<bool, Error> {
        self.note("compact");
        self.within.compact(batch, origin).await
    }
    async fn totals(&self) -> Result<Totals, Error> {
        self.note("totals");
        self.within.totals().await
    }
    async fn pieces_at(&self, site: SiteId, after: Option<PieceName>, limit: usize) -> Result<Vec<PieceAt>, Error> {
        self.note("pieces_at");
        self.within.pieces_at(site, after, limit).await
    }
    async fn piece_at(&self, site: SiteId, name: PieceName) -> Result<Option<PieceAt>, Error> {
        self.note("piece_at");
        self.within.piece_at(site, name).await
    }
    async fn least_proven(
        &self,
        site: SiteId,
        proof: Proof,
        after: Option<Aged>,
        limit: usize,
    ) -> Result<Vec<PieceAt>, Error> {
        self.note("least_proven");
        self.within.least_proven(site, proof, after, limit).await
    }
    async fn note_proof(&self, site: SiteId, proof: Proof, pieces: Vec<PieceName>, at: Timestamp) -> Result<(), Error> {
        self.note("note_proof");
        self.within.note_proof(site, proof, pieces, at).await
    }
    async fn proofs(&self, from: u64, limit: usize) -> Result<ProofPage, Error> {
        self.note("proofs");
        self.within.proofs(from, limit).await
    }
    async fn scrub_state(&self, site: SiteId) -> Result<ScrubState, Error> {
        self.note("scrub_state");
        self.within.scrub_state(site).await
    }
    async fn set_walk(&self, site: SiteId, depth: Depth, walk: Walk) -> Result<(), Error> {
        self.note("set_walk");
        self.within.set_walk(site, depth, walk).await
    }
    async fn spent(&self, account: Account) -> Result<(BudgetDay, Spent), Error> {
        self.note("spent");
        self.within.spent(account).await
    }
    async fn spend(&self, account: Account, day: BudgetDay, more: Spent, limit: Spent) -> Result<Option<Spent>, Error> {
        self.note("spend");
        self.within.spend(account, day, more, limit).await
    }
    async fn note_findings(&self, findings: Vec<Finding>) -> Result<Vec<bool>, Error> {
        self.note("note_findings");
        self.within.note_findings(findings).await
    }
    async fn findings(&self) -> Result<Vec<Finding>, Error> {
        self.note("findings");
        self.within.findings().await
    }
    async fn end_findings(&self, site: SiteId, which: Over, at: Timestamp) -> Result<(), Error> {
        self.note("end_findings");
        self.within.end_findings(site, which, at).await
    }
    async fn open_epoch(&self, seen: Epoch) -> Result<Epoch, Error> {
        self.note("open_epoch");
        self.within.open_epoch(seen).await
    }
    async fn newest_epoch(&self) -> Result<Epoch, Error> {
        self.note("newest_epoch");
        self.within.newest_epoch().await
    }
    async fn close_epochs_below(&self, epoch: Epoch) -> Result<(), Error> {
        self.note("close_epochs_below");
        self.within.close_epochs_below(epoch).await
    }
    async fn closed_below(&self) -> Result<Epoch, Error> {
        self.note("closed_below");
        self.within.closed_below().await
    }
    async fn add_running_ms(&self, elapsed: u64) -> Result<u64, Error> {
        self.note("add_running_ms");
        self.within.add_running_ms(elapsed).await
    }
    async fn note_unnamed(&self, site: SiteId, listed: Vec<PieceName>, running_ms: u64) -> Result<Vec<Unnamed>, Error> {
        self.note("note_unnamed");
        self.within.note_unnamed(site, listed, running_ms).await
    }
    async fn early_pieces(&self) -> Result<BTreeSet<PieceName>, Error> {
        self.note("early_pieces");
        self.within.early_pieces().await
    }
    async fn forget_unlisted(&self, site: SiteId, range: Listed) -> Result<(), Error> {
        self.note("forget_unlisted");
        self.within.forget_unlisted(site, range).await
    }
    async fn forget_unnamed(&self, site: SiteId, deleted: Vec<PieceName>) -> Result<(), Error> {
        self.note("forget_unnamed");
        self.within.forget_unnamed(site, deleted).await
    }
}
