//! The trait both catalogs speak, and the values it takes and gives.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use coding::LabelSecret;
use model::condition::Unmet;
use model::{
    AccessKey, AccessKeyId, Aspect, BodyId, Bucket, BucketId, BucketName, BucketSetting, Change, Checksum, Code, ETag,
    EnclaveId, Epoch, Extent, Governance, Group, Guard, KeyTag, KnownCopy, Label, LabelKey, Marker, NanoDollars,
    Number, ObjectKey, Part, Piece, PieceName, Precondition, Principal, PrincipalId, Record, Release, ReleaseId,
    Segment, SegmentId, Site, SiteId, SiteState, Slot, StreamId, Timestamp, Upload, UploadId, Vendor, Version,
    VersionId, Versioning, Which,
};
use tokio::sync::mpsc;

use crate::error::Error;
use crate::proof::{
    Account, Aged, BudgetDay, Depth, Finding, Over, PieceAt, Proof, ProofPage, ScrubState, Spent, Walk,
};

/// A change someone wants, with what it requires.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Checked in the deciding transaction.
    pub guard: Guard,
    /// Judged in the deciding transaction against the decided state of the change's object.
    pub condition: Precondition,
    /// Of what a lock holds.
    pub governance: Governance,
    /// What is wanted. A version's slot and lock, and whether a deletion leaves a marker, are decided:
    /// a deletion is proposed as [`Change::MarkerPut`] and becomes [`Change::ObjectDeleted`] in a
    /// bucket that keeps no versions.
    pub change: Change,
    /// Sealed bytes of a small body that ride in the journal; kept until the record is shown.
    pub body: Option<Bytes>,
}

/// What became of a proposal.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every decision is the large one")]
pub enum Decision {
    /// Durable, numbered, not yet visible.
    Decided(Decided),
    Refused(Refusal),
    /// It depends on a decided record that is not shown yet: ask again once this one, the newest
    /// of those it depends on, is.
    Behind(Number),
}

/// A decided record that waits to be shipped and shown.
#[derive(Clone, Debug)]
pub struct Decided {
    pub record: Record,
    /// `record` as `coding` encodes it; the same bytes ever after.
    pub encoded: Bytes,
    pub body: Option<Bytes>,
}

/// Why a proposal was not decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The access key was revoked since the permit.
    KeyNotValid,
    /// The policy changed since the permit.
    PolicyChanged,
    NoSuchBucket,
    /// Another bucket has this name at this label.
    BucketExists(Box<Bucket>),
    BucketNotEmpty,
    Unmet(Unmet),
    NoSuchUpload,
    /// A body of the completed version is no longer a part of the upload.
    PartsChanged,
    /// The writer epoch of a segment or of one of its pieces is closed, or was never opened.
    EpochClosed,
    /// Another principal has this name.
    PrincipalExists,
    /// Another group has this name.
    GroupExists,
    NoSuchGroup,
    /// It was signed, ended or carried out meanwhile.
    ReleaseChanged,
    /// The key's principal does not exist.
    NoSuchPrincipal,
    NoSuchAccessKey,
    /// A bucket that kept versions never goes back to keeping none.
    VersionsAreKept,
    /// No version or marker of the key has this id.
    NoSuchVersion,
    /// A marker has neither tags nor locks.
    IsMarker,
    /// A retention or legal hold keeps the version, or its retention as it is.
    Locked,
    /// The bucket's versions cannot be locked.
    NoObjectLock,
    /// Object Lock needs versions to be kept.
    LockNeedsVersions,
    /// Object Lock once on stays on.
    LockStays,
    /// The label has no key: there is nothing to shred.
    NoSuchLabel,
    /// Keys were made since those that are left were counted.
    KeysChanged,
    /// The version that was to be shared with is gone.
    SourceGone,
    /// Where the segment lies changed since it was read, or is about to.
    SegmentMoved,
    /// The bucket is being adopted, and an object of the origin may lie beneath the key: come again
    /// with [`Precondition::Over`].
    LookBeneath,
    /// A rule of adopting, fit to show.
    Adoption(&'static str),
}

/// One journal segment that stands, with the records it holds in order.
#[derive(Clone, Debug)]
pub struct Batch {
    pub stream: StreamId,
    pub segment: Segment,
    pub records: Vec<Shipped>,
}

/// A shown journal segment, and what it is still for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalSegment {
    pub segment: Segment,
    /// Sequences of the first and the last record that it brought.
    pub first: u64,
    pub last: u64,
    /// Bytes of its records; `None` of one from before they were counted.
    pub records: Option<u64>,
    /// Bytes of its bodies that are held, shared ones as often as they are; `None` as above.
    pub held: Option<u64>,
}

/// Where a segment comes from that is to take the place of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was just written, in an epoch that has to be open still.
    Here,
    /// It was found at the sites.
    Found,
}

/// A record as it lies in its journal segment.
#[derive(Clone, Debug)]
pub struct Shipped {
    pub encoded: Bytes,
    /// Where the body that rode with it lies.
    pub extent: Option<Extent>,
}

/// One ordered stream of the journal and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    pub id: StreamId,
    /// `None` for the control stream.
    pub label: Option<Label>,
    pub vendors: BTreeSet<Vendor>,
    /// Sequence and hash of the newest decided record; 0 and zeros before the first.
    pub decided: (u64, [u8; 32]),
    /// Sequence and hash of the newest shown record.
    pub shown: (u64, [u8; 32]),
    /// The segment that holds the newest shown record.
    pub newest: Option<SegmentId>,
}

/// A version or marker that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every one is the large one")]
pub enum Entry {
    Object(Object),
    Marker(Marker),
}

/// An object with all that reading it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub number: Number,
    pub version: Version,
    /// Every segment its bodies lie in.
    pub segments: Vec<Segment>,
    /// Whether its bucket keeps versions.
    pub versioning: Versioning,
}

/// A version or marker as listings show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionSummary {
    pub id: VersionId,
    pub slot: Slot,
    /// Whether it is the newest of its key, marker or not.
    pub newest: bool,
    pub kind: VersionKind,
    pub key: ObjectKey,
    pub modified: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionKind {
    Object { size: u64, etag: ETag, checksums: Vec<Checksum> },
    Marker,
}

/// How a key of a bucket stands towards the origin the bucket is being adopted from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// There is no object here, and none was deleted here: what the origin holds shows.
    Untouched,
    /// Deleted here; the origin's stays hidden.
    Deleted,
    /// An object that was written here.
    Written,
    /// An object that was brought over; with the size and ETag it was brought with.
    Brought { size: u64, etag: ETag },
}

/// Where a listing starts and what it covers.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    pub prefix: String,
    /// Keys with this string behind the prefix are rolled up into one common prefix.
    pub delimiter: Option<String>,
    /// Entries sort behind this. When it equals a common prefix or lies under one, the whole prefix
    /// is passed over.
    pub after: Option<String>,
    pub limit: usize,
}

impl ListQuery {
    /// The common prefix this key counts under, if any.
    pub fn rolled_up<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty())?;
        let rest = key.strip_prefix(self.prefix.as_str())?;
        let end = self.prefix.len() + rest.find(delimiter)? + delimiter.len();
        key.get(..end)
    }
}

/// A page of a listing, in byte order of keys and common prefixes together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page<T> {
    pub entries: Vec<ListEntry<T>>,
    /// There is at least one more entry behind the last. A page of limit 0 never says so.
    pub more: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListEntry<T> {
    Item(T),
    /// Ends with the delimiter.
    Prefix(String),
}

/// An object as listings show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSummary {
    pub key: ObjectKey,
    pub size: u64,
    pub etag: ETag,
    pub modified: Timestamp,
    pub checksums: Vec<Checksum>,
}

/// A piece at a site that no record names, and since when (milliseconds of running time).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unnamed {
    pub name: PieceName,
    pub since_running_ms: u64,
    pub why: Why,
}

/// What a site listed of one range of names.
#[derive(Clone, Debug)]
pub struct Listed {
    pub after: Option<PieceName>,
    pub through: Option<PieceName>,
    pub below: Epoch,
    pub names: BTreeSet<PieceName>,
}

/// Why no record names a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// None ever did, as far as this catalog knows.
    NeverNamed,
    /// It was deleted, replaced or given up, and waits for the sweep.
    Freed,
}

/// A place among the segments below their promise: those with the fewest spare pieces first, by id
/// among equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endangered {
    /// Proven pieces beyond the k that are needed; below zero where not even those are there.
    pub spare: i64,
    pub id: SegmentId,
}

impl Endangered {
    /// The segment's place with the pieces it has. Two of one index are worth one.
    pub fn of(segment: &Segment) -> Endangered {
        Endangered { spare: Endangered::spare(segment.code, &segment.pieces), id: segment.id }
    }

    /// How many of these pieces are beyond the k that are needed.
    pub fn spare(code: Code, pieces: &[Piece]) -> i64 {
        let indexes: BTreeSet<u8> = pieces.iter().map(|piece| piece.index).collect();
        i64::try_from(indexes.len()).unwrap_or(i64::MAX) - i64::from(code.k)
    }
}

/// What there is under a label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub buckets: Vec<Bucket>,
    /// With older versions, without markers.
    pub versions: u64,
    pub bytes: u64,
    pub uploads: u64,
    /// Versions that a retention or a legal hold keeps.
    pub locked: u64,
    pub access_keys: u64,
    /// How many pieces lie at each site, those of the journal among them.
    pub pieces: Vec<(SiteId, u64)>,
}

/// How far the removal of what was shredded is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearing {
    /// There may be more.
    Some,
    Done,
}

/// What was brought away from a site that is being left, and what that took. Of one that was done twice
/// since its record was lost, both count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub pieces: u64,
    /// Written elsewhere.
    pub bytes: u64,
    /// Read to do so, wherever.
    pub read: u64,
    pub cost: NanoDollars,
    /// What the other way of doing the same would have cost, where there was one.
    pub dearer: NanoDollars,
}

/// How far a catalog is with rows that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Names what they are of.
    pub snapshot: [u8; 16],
    /// Of it the first so many are here.
    pub batches: u32,
}

/// Counts for status and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub buckets: u64,
    pub objects: u64,
    pub object_bytes: u64,
    pub uploads: u64,
    pub segments: u64,
    /// Segments proven at fewer vendors than their promise needs.
    pub below_promise: u64,
    /// Records decided and not yet shown.
    pub unshown: u64,
}

/// The keys of labels, for what must not lie open in a catalog's files.
pub trait Keys: Send + Sync {
    /// What seals new values of this label; `None` where it never had a key, or is shredded.
    fn newest(&self, label: &Label) -> Option<Arc<LabelSecret>>;
    fn by_tag(&self, tag: KeyTag) -> Option<Arc<LabelSecret>>;
}

/// The metadata store. Reads see what is shown, and at once what was shown before they began.
#[async_trait]
pub trait Catalog: Send + Sync {
    // What this catalog is of.

    /// Hands over the keys that values are sealed under. Without them, and where one is missing, what needs
    /// one is [`Error::NoKey`].
    fn hand_keys(&self, keys: Arc<dyn Keys>);
    /// Seals what older programs left open, so that nothing of it can be read out of the files any more, and
    /// tells how many values that were. For when replay is over and before others use the catalog.
    async fn seal_rest(&self) -> Result<u64, Error>;

    /// The enclave, once [`Catalog::found`] was called.
    async fn enclave(&self) -> Result<Option<EnclaveId>, Error>;
    /// Makes an empty catalog that of `enclave`, with its control stream.
    async fn found(&self, enclave: EnclaveId, control: StreamId) -> Result<(), Error>;

    // Decide, show.

    /// Judges proposals one after the other in one durable transaction. Decisions are in the order
    /// of the proposals; records get consecutive numbers and sequences. Refusals change nothing.
    /// When sites are ahead of this catalog, all of that is shown before the first call: numbers
    /// that are unknown here count as lost from then on.
    async fn decide(&self, stream: StreamId, now: Timestamp, proposals: Vec<Proposal>) -> Result<Vec<Decision>, Error>;
    /// Applies the records of a segment that stands and makes them visible, in one transaction.
    /// Records at or before the newest shown are passed over (they must be the same as far as kept
    /// hashes tell, else `Fork`: those of the newest record and of the last of each batch; the links
    /// between records vouch for the rest); the others must follow it without a gap, and be what was
    /// decided where this catalog decided them (else `Fork`). The segment is remembered if anything
    /// was applied. Streams may be shown in any order after the control stream: the outcome is that
    /// of their records by number.
    async fn show(&self, batch: Batch) -> Result<(), Error>;
    /// Every decided record that is not shown, by number. Those of a label that is decided to be shredded
    /// are none any more.
    async fn unshown(&self) -> Result<Vec<Decided>, Error>;
    /// Those of the control stream. They need no keys: they bring them.
    async fn unshown_control(&self) -> Result<Vec<Decided>, Error>;
    async fn streams(&self) -> Result<Vec<Stream>, Error>;

    // Names.

    /// The buckets of this name at these labels, in their order. No other label is looked at.
    async fn buckets_named(&self, labels: Vec<Label>, name: &BucketName) -> Result<Vec<Bucket>, Error>;
    async fn bucket_named(&self, label: Label, name: &BucketName) -> Result<Option<Bucket>, Error> {
        Ok(self.buckets_named(vec![label], name).await?.pop())
    }
    async fn bucket(&self, id: BucketId) -> Result<Option<Bucket>, Error>;
    async fn buckets_of(&self, owner: PrincipalId, label: Label) -> Result<Vec<Bucket>, Error>;
    /// Every bucket that was told of this aspect, with what holds of it.
    async fn buckets_with(&self, aspect: Aspect) -> Result<Vec<(Bucket, BucketSetting)>, Error>;
    /// What holds of one aspect of a bucket; unset where it was never told.
    async fn bucket_setting(&self, bucket: BucketId, aspect: Aspect) -> Result<BucketSetting, Error>;
    /// How each of these keys stands, in their order.
    async fn stands(&self, bucket: BucketId, keys: Vec<ObjectKey>) -> Result<Vec<Stand>, Error>;
    /// The version or marker that is meant. Of [`Which::Current`] a marker says that the key names no
    /// object now.
    async fn find(&self, bucket: BucketId, key: &ObjectKey, which: Which) -> Result<Option<Entry>, Error>;
    /// The object that has this key now.
    async fn object(&self, bucket: BucketId, key: &ObjectKey) -> Result<Option<Object>, Error> {
        Ok(self.find(bucket, key, Which::Current).await?.and_then(|entry| match entry {
            Entry::Object(object) => Some(object),
            Entry::Marker(_) => None,
        }))
    }
    async fn list(&self, bucket: BucketId, query: ListQuery) -> Result<Page<ObjectSummary>, Error>;
    /// All versions and markers by key, newest first. With `after_version`, entries of key `query.after`
    /// that come behind that one are included; all of that key if it is gone.
    async fn versions(
        &self,
        bucket: BucketId,
        query: ListQuery,
        after_version: Option<Which>,
    ) -> Result<Page<VersionSummary>, Error>;

    // Uploads.

    async fn upload(&self, bucket: BucketId, id: UploadId) -> Result<Option<Upload>, Error>;
    /// Parts with numbers above `after`, in order.
    async fn parts(&self, upload: UploadId, after: u16, limit: usize) -> Result<Vec<Part>, Error>;
    /// By key, then by time of initiation. With `after_upload`, entries of key `query.after` that
    /// come behind that upload are included; all of that key if the upload is gone.
    async fn uploads(
        &self,
        bucket: BucketId,
        query: ListQuery,
        after_upload: Option<UploadId>,
    ) -> Result<Page<Upload>, Error>;

    // People and keys.

    async fn principals(&self) -> Result<Vec<Principal>, Error>;
    async fn principal(&self, id: PrincipalId) -> Result<Option<Principal>, Error>;
    async fn access_key(&self, id: &AccessKeyId) -> Result<Option<AccessKey>, Error>;
    async fn access_keys(&self) -> Result<Vec<AccessKey>, Error>;
    /// By label, then by epoch, so that a label's newest key comes last of its own.
    async fn label_keys(&self) -> Result<Vec<LabelKey>, Error>;
    /// Rises with every change of this principal or of the groups it is in. A revoked key is none: guards
    /// check the key itself, from the moment its revocation is decided.
    async fn policy_epoch(&self, principal: PrincipalId) -> Result<u64, Error>;
    /// By name.
    async fn groups(&self) -> Result<Vec<Group>, Error>;
    /// By the moment they were asked for.
    async fn releases(&self) -> Result<Vec<Release>, Error>;
    async fn release(&self, id: ReleaseId) -> Result<Option<Release>, Error>;
    /// Shares of the root key and backups, in the order they were made.
    async fn copies(&self) -> Result<Vec<KnownCopy>, Error>;
    /// Every bucket of a label, by name.
    async fn buckets_at(&self, label: Label) -> Result<Vec<Bucket>, Error>;
    /// What there is under a label. It looks at every version of it.
    async fn contents(&self, label: Label, now: Timestamp) -> Result<Contents, Error>;
    /// Writes the whole as it is now into a file that does not exist yet, and syncs that.
    async fn save(&self, path: PathBuf) -> Result<(), Error>;
    /// The newest number that a record was given, here or elsewhere.
    async fn newest_number(&self) -> Result<Number, Error>;
    /// Gives what is shown, as it is at one moment, in batches that [`Catalog::take_rows`] takes; what is sealed stays
    /// so. It ends early when nobody takes them any more. What is decided and not shown, and what scrubs and sweeps
    /// observed, is not among it.
    async fn copy_rows(&self, to: mpsc::Sender<Bytes>) -> Result<(), Error>;
    /// Takes a batch of what another catalog of this [`Catalog::form`] gave, in the order in which it came. The catalog
    /// is empty before the first one, and of use after [`Catalog::rows_taken`]. With the batch it is noted how many
    /// were taken.
    async fn take_rows(&self, rows: Bytes, taken: Taken) -> Result<(), Error>;
    /// What was noted last, until all are taken.
    async fn taken(&self) -> Result<Option<Taken>, Error>;
    /// All batches were taken.
    async fn rows_taken(&self) -> Result<(), Error>;
    /// Makes the catalog an empty one again.
    async fn clear_rows(&self) -> Result<(), Error>;
    /// Only catalogs of one form take each other's rows.
    fn form(&self) -> u32;
    /// The streams of labels that were shredded.
    async fn shredded(&self) -> Result<Vec<(StreamId, Label)>, Error>;
    /// Removes up to about `limit` rows of what was shredded, so that what is removed cannot be read out
    /// of the database file either.
    async fn clear_shredded(&self, limit: usize) -> Result<Clearing, Error>;

    // Segments and pieces.

    async fn sites(&self) -> Result<Vec<Site>, Error>;
    /// What each site is used for.
    async fn site_states(&self) -> Result<Vec<(SiteId, SiteState)>, Error>;
    async fn segment(&self, id: SegmentId) -> Result<Option<Segment>, Error>;
    /// Segments below their promise that come behind `after`, most endangered first. The last one's
    /// [`Endangered::of`] leads to the next page; a segment that gains or loses pieces in between
    /// may be met again or passed over, as it would be met on the next walk.
    async fn below_promise(&self, after: Option<Endangered>, limit: usize) -> Result<Vec<Segment>, Error>;
    /// Remembers further proven pieces of a *journal* segment (those of data segments are
    /// journaled as [`Change::PiecesAdded`]).
    async fn add_pieces(&self, segment: SegmentId, pieces: Vec<Piece>) -> Result<(), Error>;
    /// Segments with a piece at this site, each with the name of that piece, in the order of names.
    async fn segments_at(
        &self,
        site: SiteId,
        after: Option<PieceName>,
        limit: usize,
    ) -> Result<Vec<(PieceName, Segment)>, Error>;
    /// Journal segments of a stream that promise less than this, behind `after` by id.
    async fn journal_under(
        &self,
        stream: StreamId,
        promise: u8,
        after: Option<SegmentId>,
        limit: usize,
    ) -> Result<Vec<Segment>, Error>;
    /// Those of these segments that more than one shown version or part lies in.
    async fn shared(&self, segments: Vec<SegmentId>) -> Result<BTreeSet<SegmentId>, Error>;
    /// How many pieces lie at the site, and what was brought away since it was last begun to be left.
    async fn moved(&self, site: SiteId) -> Result<(u64, Moved), Error>;
    /// Adds to what was brought away.
    async fn note_moved(&self, site: SiteId, moved: Moved) -> Result<(), Error>;
    /// Shown journal segments of a stream behind sequence `after`, in their order.
    async fn journal(&self, stream: StreamId, after: u64, limit: usize) -> Result<Vec<JournalSegment>, Error>;
    /// Journal segments that were shown for the records they brought and hold earlier ones too, which still lie in
    /// others: [`Catalog::compact`] is to put them in their place.
    async fn half_taken_up(&self, stream: StreamId) -> Result<Vec<Segment>, Error>;
    /// Which of the bodies that ride in these journal segments are held by a version or a part; `None` where
    /// not all holders are known. `records` are all that lie in the segments, encoded.
    async fn held(&self, segments: Vec<SegmentId>, records: Vec<Bytes>) -> Result<Option<BTreeSet<BodyId>>, Error>;
    /// Puts a segment that stands in the place of older ones that hold just the same records, in one
    /// transaction: what is held lies in it from then on, and their pieces are unnamed. `false`, and nothing
    /// changes, when it cannot take their place (any more): when it lacks a body that is held, is older than one of them,
    /// was begun in an epoch that is closed, or not all holders are known.
    async fn compact(&self, batch: Batch, origin: Origin) -> Result<bool, Error>;
    async fn totals(&self) -> Result<Totals, Error>;

    // What scrubs observe. It is not journaled, and a rebuild does not bring it back.

    /// The pieces that lie at a site, behind `after` in the order of their names.
    async fn pieces_at(&self, site: SiteId, after: Option<PieceName>, limit: usize) -> Result<Vec<PieceAt>, Error>;
    /// A piece of a site that a shown record names.
    async fn piece_at(&self, site: SiteId, name: PieceName) -> Result<Option<PieceAt>, Error>;
    /// The pieces of a site behind `after`, those whose proof is oldest first, by name among equals.
    async fn least_proven(
        &self,
        site: SiteId,
        proof: Proof,
        after: Option<Aged>,
        limit: usize,
    ) -> Result<Vec<PieceAt>, Error>;
    /// These pieces of a site were proven at `at`; no proof grows older by it.
    async fn note_proof(&self, site: SiteId, proof: Proof, pieces: Vec<PieceName>, at: Timestamp) -> Result<(), Error>;
    /// Up to about `limit` versions from row `from` on with what they lie in and how that is proven.
    async fn proofs(&self, from: u64, limit: usize) -> Result<ProofPage, Error>;
    async fn scrub_state(&self, site: SiteId) -> Result<ScrubState, Error>;
    async fn set_walk(&self, site: SiteId, depth: Depth, walk: Walk) -> Result<(), Error>;
    /// The newest day on which something was spent of this account, and what.
    async fn spent(&self, account: Account) -> Result<(BudgetDay, Spent), Error>;
    /// Adds to what was spent of an account on this day, durably, and returns the day's sum; `None`, and
    /// nothing is spent, where that would pass `limit`. A day that is over is forgotten; a clock that goes
    /// back gets no new day.
    async fn spend(&self, account: Account, day: BudgetDay, more: Spent, limit: Spent) -> Result<Option<Spent>, Error>;
    /// Remembers what was found, each object and fault once, and a bounded number of them. Tells which are
    /// new, or came back after they were over.
    async fn note_findings(&self, findings: Vec<Finding>) -> Result<Vec<bool>, Error>;
    /// Newest first, those that are over among them.
    async fn findings(&self) -> Result<Vec<Finding>, Error>;
    async fn end_findings(&self, site: SiteId, which: Over, at: Timestamp) -> Result<(), Error>;

    // Epochs and the sweep of orphans.

    /// Opens the next writer epoch: above every earlier one and above `seen`.
    async fn open_epoch(&self, seen: Epoch) -> Result<Epoch, Error>;
    /// The newest epoch that was opened.
    async fn newest_epoch(&self) -> Result<Epoch, Error>;
    /// Closes every epoch below this one: commits that name one are refused from now on.
    async fn close_epochs_below(&self, epoch: Epoch) -> Result<(), Error>;
    /// Every epoch below this one is closed.
    async fn closed_below(&self) -> Result<Epoch, Error>;
    /// Adds to the enclave's running time and returns it, in milliseconds.
    async fn add_running_ms(&self, elapsed: u64) -> Result<u64, Error>;
    /// Of the pieces listed at a site, those that no record (decided or shown) names, with the
    /// running time since when; those named again are forgotten.
    async fn note_unnamed(&self, site: SiteId, listed: Vec<PieceName>, running_ms: u64) -> Result<Vec<Unnamed>, Error>;
    /// Names of pieces that a shown record spoke of before their segment is known: they are named, and yet whoever
    /// replays has to look at those of the journal.
    async fn early_pieces(&self) -> Result<BTreeSet<PieceName>, Error>;
    /// Of the unnamed pieces of a site between two names (exclusive, inclusive; `None` is from the first and
    /// to the last) and of epochs below this, forgets those that are not listed: they are gone.
    async fn forget_unlisted(&self, site: SiteId, range: Listed) -> Result<(), Error>;
    /// Forgets pieces that were deleted at the site.
    async fn forget_unnamed(&self, site: SiteId, deleted: Vec<PieceName>) -> Result<(), Error>;
}
