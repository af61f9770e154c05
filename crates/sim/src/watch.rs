//! The catalog as the engine is given it: watched, and where a bug is planted, bent.
//!
//! Whatever is about to be shown must stand at the sites already: the checker counts pieces at the sites
//! themselves, not in what the engine believes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use catalog::proof::{
    Account, Aged, BudgetDay, Depth, Finding, Over, PieceAt, Proof, ProofPage, ScrubState, Spent, Walk,
};
use catalog::{
    Batch, Catalog, Clearing, Contents, Decided, Decision, Endangered, Entry, Error, JournalSegment, ListQuery, Listed,
    Moved, ObjectSummary, Origin, Page, Proposal, Stand, Stream, Taken, Totals, Unnamed, VersionSummary,
};
use model::{
    AccessKey, AccessKeyId, Aspect, BodyId, Bucket, BucketId, BucketName, BucketSetting, Change, EnclaveId, Epoch,
    Group, KnownCopy, Label, LabelKey, Number, ObjectKey, Part, Piece, PieceName, Principal, PrincipalId, Release,
    ReleaseId, Segment, SegmentId, Site, SiteId, SiteState, StreamId, Timestamp, Upload, UploadId, Vendor, Which,
};
use tokio::sync::mpsc;

use crate::findings::Findings;
use crate::ground::Ground;
use crate::plant::Planted;

/// A catalog that is looked over the shoulder.
pub struct Watched {
    pub within: Arc<dyn Catalog>,
    pub ground: Arc<Ground>,
    pub findings: Arc<Findings>,
    pub plant: Planted,
}

impl Watched {
    /// What a batch makes visible stands at enough vendors.
    async fn check(&self, batch: &Batch) {
        self.check_segment(&batch.segment);
        for shipped in &batch.records {
            let Ok(record) = coding::record::decode(&shipped.encoded) else {
                self.findings.add("a record that is to be shown cannot be read".to_owned());
                continue;
            };
            // What an older catalog replays may be gone since: a later record says so.
            if !self.ground.is_opening()
                && let Change::ObjectPut { segments, .. } | Change::PartPut { segments, .. } = &record.change
            {
                segments.iter().for_each(|segment| self.check_segment(segment));
            }
            if !self.ground.is_opening()
                && let Change::SegmentPlaced { segment, code, pieces, .. } = &record.change
            {
                let there: BTreeSet<u8> = pieces
                    .iter()
                    .filter(|piece| self.ground.holder(piece).is_some())
                    .map(|piece| piece.index)
                    .collect();
                // One of the journal may have been compacted since this was decided.
                let is_known = matches!(self.within.segment(*segment).await, Ok(Some(_)));
                if is_known && there.len() < usize::from(code.k) {
                    self.findings.add(format!("segment {segment} ({code}) is placed with {} pieces", there.len()));
                }
            }
        }
    }

    fn check_segment(&self, segment: &Segment) {
        let there = || segment.pieces.iter().filter_map(|piece| Some((piece.index, self.ground.holder(piece)?)));
        let vendors: BTreeSet<Vendor> = there().map(|(_, vendor)| vendor).collect();
        let indexes: BTreeSet<u8> = there().map(|(index, _)| index).collect();
        // Who stalls may catch up once the floor holds.
        let stalls = self.ground.sites.iter().any(|site| !vendors.contains(&site.vendor) && site.stalls());
        let promise = if stalls { segment.promise.min(1) } else { segment.promise };
        let needed = segment.code.k + self.ground.owed(promise);
        if vendors.len().min(indexes.len()) < usize::from(needed) {
            self.findings.add(format!(
                "segment {} ({}) is acknowledged with {} pieces at {} vendors; {needed} are owed",
                segment.id,
                segment.code,
                indexes.len(),
                vendors.len(),
            ));
        }
    }
}

#[async_trait]
impl Catalog for Watched {
    fn hand_keys(&self, keys: Arc<dyn catalog::Keys>) {
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
        self.within.seal_rest().await
    }
    async fn unshown_control(&self) -> Result<Vec<Decided>, Error> {
        self.within.unshown_control().await
    }
    async fn enclave(&self) -> Result<Option<EnclaveId>, Error> {
        self.within.enclave().await
    }
    async fn found(&self, enclave: EnclaveId, control: StreamId) -> Result<(), Error> {
        self.within.found(enclave, control).await
    }
    async fn decide(&self, stream: StreamId, now: Timestamp, proposals: Vec<Proposal>) -> Result<Vec<Decision>, Error> {
        self.within.decide(stream, now, self.plant.proposals(proposals)).await
    }
    async fn show(&self, batch: Batch) -> Result<(), Error> {
        if self.ground.enclave().is_none()
            && let Some(enclave) = self.within.enclave().await?
        {
            self.ground.learn(enclave);
        }
        let batch = self.plant.standing(batch);
        self.check(&batch).await;
        self.plant.shown(&batch);
        self.within.show(batch).await
    }
    async fn unshown(&self) -> Result<Vec<Decided>, Error> {
        self.within.unshown().await.map(|unshown| self.plant.unshown(unshown))
    }
    async fn streams(&self) -> Result<Vec<Stream>, Error> {
        self.within.streams().await
    }
    async fn buckets_named(&self, labels: Vec<Label>, name: &BucketName) -> Result<Vec<Bucket>, Error> {
        self.within.buckets_named(labels, name).await
    }
    async fn bucket(&self, id: BucketId) -> Result<Option<Bucket>, Error> {
        self.within.bucket(id).await
    }
    async fn buckets_of(&self, owner: PrincipalId, label: Label) -> Result<Vec<Bucket>, Error> {
        self.within.buckets_of(owner, label).await.map(|buckets| self.plant.buckets_listed(buckets))
    }
    async fn buckets_with(&self, aspect: Aspect) -> Result<Vec<(Bucket, BucketSetting)>, Error> {
        self.within.buckets_with(aspect).await
    }
    async fn bucket_setting(&self, bucket: BucketId, aspect: Aspect) -> Result<BucketSetting, Error> {
        self.within.bucket_setting(bucket, aspect).await
    }
    async fn stands(&self, bucket: BucketId, keys: Vec<ObjectKey>) -> Result<Vec<Stand>, Error> {
        self.within.stands(bucket, keys).await
    }
    async fn find(&self, bucket: BucketId, key: &ObjectKey, which: Which) -> Result<Option<Entry>, Error> {
        self.plant.found(bucket, key, which, self.within.find(bucket, key, which).await)
    }
    async fn list(&self, bucket: BucketId, query: ListQuery) -> Result<Page<ObjectSummary>, Error> {
        self.within.list(bucket, query).await.map(|page| self.plant.page_listed(self.plant.listed(page)))
    }
    async fn versions(
        &self,
        bucket: BucketId,
        query: ListQuery,
        after_version: Option<Which>,
    ) -> Result<Page<VersionSummary>, Error> {
        let page = self.within.versions(bucket, query, after_version).await;
        page.map(|page| self.plant.versions_listed(page))
    }
    async fn upload(&self, bucket: BucketId, id: UploadId) -> Result<Option<Upload>, Error> {
        self.within.upload(bucket, id).await
    }
    async fn parts(&self, upload: UploadId, after: u16, limit: usize) -> Result<Vec<Part>, Error> {
        self.within.parts(upload, after, limit).await
    }
    async fn uploads(
        &self,
        bucket: BucketId,
        query: ListQuery,
        after_upload: Option<UploadId>,
    ) -> Result<Page<Upload>, Error> {
        self.within.uploads(bucket, query, after_upload).await.map(|page| self.plant.uploads_listed(page))
    }
    async fn principals(&self) -> Result<Vec<Principal>, Error> {
        self.within.principals().await
    }
    async fn principal(&self, id: PrincipalId) -> Result<Option<Principal>, Error> {
        self.within.principal(id).await
    }
    async fn access_key(&self, id: &AccessKeyId) -> Result<Option<AccessKey>, Error> {
        self.within.access_key(id).await.map(|key| self.plant.key_found(key))
    }
    async fn access_keys(&self) -> Result<Vec<AccessKey>, Error> {
        self.within.access_keys().await
    }
    async fn label_keys(&self) -> Result<Vec<LabelKey>, Error> {
        self.within.label_keys().await
    }
    async fn policy_epoch(&self, principal: PrincipalId) -> Result<u64, Error> {
        self.within.policy_epoch(principal).await
    }
    async fn groups(&self) -> Result<Vec<Group>, Error> {
        self.within.groups().await
    }
    async fn releases(&self) -> Result<Vec<Release>, Error> {
        self.within.releases().await
    }
    async fn release(&self, id: ReleaseId) -> Result<Option<Release>, Error> {
        self.within.release(id).await
    }
    async fn copies(&self) -> Result<Vec<KnownCopy>, Error> {
        self.within.copies().await
    }
    async fn buckets_at(&self, label: Label) -> Result<Vec<Bucket>, Error> {
        self.within.buckets_at(label).await
    }
    async fn contents(&self, label: Label, now: Timestamp) -> Result<Contents, Error> {
        self.within.contents(label, now).await
    }
    async fn save(&self, path: PathBuf) -> Result<(), Error> {
        self.within.save(path).await
    }
    async fn shredded(&self) -> Result<Vec<(StreamId, Label)>, Error> {
        self.within.shredded().await
    }
    async fn clear_shredded(&self, limit: usize) -> Result<Clearing, Error> {
        self.within.clear_shredded(limit).await
    }
    async fn sites(&self) -> Result<Vec<Site>, Error> {
        self.within.sites().await
    }
    async fn site_states(&self) -> Result<Vec<(SiteId, SiteState)>, Error> {
        self.within.site_states().await
    }
    async fn segment(&self, id: SegmentId) -> Result<Option<Segment>, Error> {
        self.within.segment(id).await
    }
    async fn below_promise(&self, after: Option<Endangered>, limit: usize) -> Result<Vec<Segment>, Error> {
        self.within.below_promise(after, limit).await.map(|below| self.plant.below_promise(below))
    }
    async fn add_pieces(&self, segment: SegmentId, pieces: Vec<Piece>) -> Result<(), Error> {
        self.within.add_pieces(segment, pieces).await
    }
    async fn segments_at(
        &self,
        site: SiteId,
        after: Option<PieceName>,
        limit: usize,
    ) -> Result<Vec<(PieceName, Segment)>, Error> {
        self.within.segments_at(site, after, limit).await
    }
    async fn journal_under(
        &self,
        stream: StreamId,
        promise: u8,
        after: Option<SegmentId>,
        limit: usize,
    ) -> Result<Vec<Segment>, Error> {
        self.within.journal_under(stream, promise, after, limit).await
    }
    async fn shared(&self, segments: Vec<SegmentId>) -> Result<BTreeSet<SegmentId>, Error> {
        self.within.shared(segments).await
    }
    async fn moved(&self, site: SiteId) -> Result<(u64, Moved), Error> {
        self.within.moved(site).await
    }
    async fn note_moved(&self, site: SiteId, moved: Moved) -> Result<(), Error> {
        self.within.note_moved(site, moved).await
    }
    async fn journal(&self, stream: StreamId, after: u64, limit: usize) -> Result<Vec<JournalSegment>, Error> {
        self.within.journal(stream, after, limit).await
    }
    async fn half_taken_up(&self, stream: StreamId) -> Result<Vec<Segment>, Error> {
        self.within.half_taken_up(stream).await
    }
    async fn held(&self, segments: Vec<SegmentId>, records: Vec<Bytes>) -> Result<Option<BTreeSet<BodyId>>, Error> {
        self.within.held(segments, records).await
    }
    async fn compact(&self, batch: Batch, origin: Origin) -> Result<bool, Error> {
        // What it takes the place of may be swept from now on.
        self.check_segment(&batch.segment);
        self.within.compact(batch, origin).await
    }
    async fn totals(&self) -> Result<Totals, Error> {
        self.within.totals().await
    }
    async fn pieces_at(&self, site: SiteId, after: Option<PieceName>, limit: usize) -> Result<Vec<PieceAt>, Error> {
        self.within.pieces_at(site, after, limit).await
    }
    async fn piece_at(&self, site: SiteId, name: PieceName) -> Result<Option<PieceAt>, Error> {
        self.within.piece_at(site, name).await
    }
    async fn least_proven(
        &self,
        site: SiteId,
        proof: Proof,
        after: Option<Aged>,
        limit: usize,
    ) -> Result<Vec<PieceAt>, Error> {
        self.within.least_proven(site, proof, after, limit).await
    }
    async fn note_proof(&self, site: SiteId, proof: Proof, pieces: Vec<PieceName>, at: Timestamp) -> Result<(), Error> {
        self.within.note_proof(site, proof, pieces, at).await
    }
    async fn proofs(&self, from: u64, limit: usize) -> Result<ProofPage, Error> {
        self.within.proofs(from, limit).await
    }
    async fn scrub_state(&self, site: SiteId) -> Result<ScrubState, Error> {
        self.within.scrub_state(site).await
    }
    async fn set_walk(&self, site: SiteId, depth: Depth, walk: Walk) -> Result<(), Error> {
        self.within.set_walk(site, depth, walk).await
    }
    async fn spent(&self, account: Account) -> Result<(BudgetDay, Spent), Error> {
        self.within.spent(account).await
    }
    async fn spend(&self, account: Account, day: BudgetDay, more: Spent, limit: Spent) -> Result<Option<Spent>, Error> {
        self.within.spend(account, day, more, limit).await
    }
    async fn note_findings(&self, findings: Vec<Finding>) -> Result<Vec<bool>, Error> {
        self.within.note_findings(findings).await
    }
    async fn findings(&self) -> Result<Vec<Finding>, Error> {
        self.within.findings().await
    }
    async fn end_findings(&self, site: SiteId, which: Over, at: Timestamp) -> Result<(), Error> {
        self.within.end_findings(site, which, at).await
    }
    async fn open_epoch(&self, seen: Epoch) -> Result<Epoch, Error> {
        self.within.open_epoch(seen).await
    }
    async fn newest_epoch(&self) -> Result<Epoch, Error> {
        self.within.newest_epoch().await
    }
    async fn close_epochs_below(&self, epoch: Epoch) -> Result<(), Error> {
        self.within.close_epochs_below(epoch).await
    }
    async fn closed_below(&self) -> Result<Epoch, Error> {
        self.within.closed_below().await.map(|epoch| self.plant.closed_below(epoch))
    }
    async fn add_running_ms(&self, elapsed: u64) -> Result<u64, Error> {
        self.within.add_running_ms(elapsed).await
    }
    async fn note_unnamed(&self, site: SiteId, listed: Vec<PieceName>, running_ms: u64) -> Result<Vec<Unnamed>, Error> {
        let unnamed = self.within.note_unnamed(site, listed.clone(), running_ms).await?;
        Ok(self.plant.unnamed(unnamed, &listed))
    }
    async fn early_pieces(&self) -> Result<BTreeSet<PieceName>, Error> {
        self.within.early_pieces().await
    }
    async fn forget_unlisted(&self, site: SiteId, range: Listed) -> Result<(), Error> {
        self.within.forget_unlisted(site, range).await
    }
    async fn forget_unnamed(&self, site: SiteId, deleted: Vec<PieceName>) -> Result<(), Error> {
        self.within.forget_unnamed(site, deleted).await
    }
}
