//! What goes over `/api/v1`, for both of its ends.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `GET /api/v1/status`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    pub enclave: String,
    /// Only for those above whom nothing in the enclave lies: it is of everything that lies here.
    #[serde(flatten)]
    pub sums: Option<StatusSums>,
    pub sites: Vec<Site>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct StatusSums {
    /// Segments proven at fewer vendors than their promise needs.
    pub below_promise: u64,
    /// Records decided and not yet shown.
    pub unshown: u64,
    pub buckets: u64,
    pub objects: u64,
    pub object_bytes: u64,
    /// Multipart uploads that are neither completed nor aborted.
    pub uploads: u64,
    pub segments: u64,
    /// Cells and pieces that were read and failed their proof, since start.
    pub bad_cells: u64,
    /// Since start.
    pub hedged_reads: u64,
    /// Requests to sites since start, by site and kind.
    pub site_requests: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Site {
    pub name: String,
    pub vendor: String,
    pub region: String,
    /// `active`, `suspended`, `draining` or `detached`: one that is not active is out of the choice.
    pub state: String,
    pub reads: Health,
    pub writes: Health,
    /// The last failure, if a side is out.
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Well,
    Out,
}

/// `GET /api/v1/sign-in`: what must be known to sign, for whoever asks.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignIn {
    pub region: String,
    pub s3_endpoint: String,
    pub version: String,
}

/// `GET /api/v1/session`: who asks, and what they may do here.
#[derive(Debug, Serialize, Deserialize)]
pub struct SessionInfo {
    /// `null` for the admin token, which is nobody in particular.
    pub user: Option<String>,
    pub role: Option<String>,
    /// Names of the duties that are the role's.
    pub roles_duties: Vec<String>,
    /// Of the session: what lies above it is not there.
    pub label: String,
    pub enclave: String,
    pub region: String,
    pub s3_endpoint: String,
    pub version: String,
    /// Whether nothing in the enclave lies above the session: only then sums over all labels are told.
    pub sees_all: bool,
    /// The session's label and those in use below it.
    pub labels: Vec<String>,
}

/// `GET /api/v1/keys`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Keys {
    pub keys: Vec<Key>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Key {
    pub access_key: String,
    pub user: String,
    /// Of every session of the key.
    pub label: String,
    /// RFC 3339; `null` if it does not expire.
    pub expires: Option<String>,
    /// Ranges of addresses it is taken from; from anywhere if there are none.
    pub sources: Vec<String>,
    /// RFC 3339.
    pub created: String,
    /// RFC 3339; `null` while it is valid.
    pub revoked: Option<String>,
}

/// `POST /api/v1/keys`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// A user of this name, cleared for the lowest label, is created if there is none.
    pub user: String,
    /// Of the key's sessions, at or below the user's clearance; by default the lowest of the enclave for a
    /// mission owner, the clearance for others.
    #[serde(default)]
    pub label: Option<String>,
    /// In how many seconds it expires; never by default.
    #[serde(default)]
    pub expires_in_s: Option<u32>,
    /// Ranges of addresses it is taken from, such as `192.0.2.0/24`; from anywhere by default.
    #[serde(default)]
    pub sources: Vec<String>,
}

/// `GET /api/v1/labels`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Labels {
    pub labels: Vec<LabelInUse>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct LabelInUse {
    pub label: String,
    /// Of its keys, oldest first.
    pub epochs: Vec<u32>,
    pub buckets: u64,
    /// The journal stream of its changes.
    pub stream: Option<String>,
}

/// `POST /api/v1/label-rotations`, `POST /api/v1/label-shred-plan`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneLabel {
    pub label: String,
}

/// What `POST /api/v1/label-rotations` answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rotated {
    pub label: String,
    /// Of the new key.
    pub epoch: u32,
}

/// `POST /api/v1/label-shreds`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shred {
    pub label: String,
    /// The label once more.
    pub confirm: String,
    #[serde(default)]
    pub despite_locks: bool,
}

/// What `POST /api/v1/label-shred-plan` answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct ShredPlan {
    pub label: String,
    pub buckets: Vec<String>,
    /// Objects and older versions.
    pub versions: u64,
    pub bytes: u64,
    pub uploads: u64,
    pub access_keys: u64,
    pub keys: u64,
    /// Versions that an object lock keeps.
    pub locked: u64,
    /// Where pieces of it lie, and the catalog: noise afterwards.
    pub sites: Vec<ShredSite>,
    pub catalog: String,
    /// The root key's file, which is destroyed, and any copy of it, which must be.
    pub root_key: String,
    pub sealed_under_passphrase: bool,
    /// What was made of root keys: must be destroyed, or made anew.
    pub shares: Vec<SharesMade>,
    pub backups: Vec<BackupMade>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ShredSite {
    pub site: String,
    pub pieces: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct SharesMade {
    pub root: String,
    pub needed: u8,
    pub holders: Vec<String>,
    /// RFC 3339.
    pub made: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct BackupMade {
    pub root: String,
    pub place: String,
    /// BLAKE3 of the file.
    pub digest: String,
    /// RFC 3339.
    pub made: String,
}

/// `POST /api/v1/shares`: that shares were made, or are about to be.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewShares {
    /// Fingerprint of the root they are of.
    pub root: String,
    pub needed: u8,
    pub holders: Vec<String>,
}

/// `GET /api/v1/backup-plan`.
#[derive(Debug, Serialize, Deserialize)]
pub struct BackupPlan {
    pub enclave: String,
    pub root: String,
    /// Of the catalog as it lies there; a backup has at most this, and some kilobytes.
    pub catalog_bytes: u64,
    /// The configuration that goes with it.
    pub config: Option<String>,
}

/// `POST /api/v1/backups`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewBackup {
    /// Absolute.
    pub path: String,
}

/// `GET /api/v1/backups`: the backup under way, or the last one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BackupState {
    pub path: String,
    pub bytes: u64,
    pub done: u64,
    /// BLAKE3 of the file, when it is there.
    pub digest: Option<String>,
    /// Why it failed, if it did.
    pub failed: Option<String>,
}

/// `GET /api/v1/users`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Users {
    pub users: Vec<User>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct User {
    pub user: String,
    /// The user's canonical id, by which S3 names an owner.
    pub user_id: String,
    pub role: String,
    /// The highest label that the user's sessions may have.
    pub clearance: String,
    /// RFC 3339.
    pub created: String,
    /// RFC 3339; `null` unless suspended.
    #[serde(default)]
    pub suspended: Option<String>,
}

/// `PATCH /api/v1/users/{name}`: what is left out stays.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetUser {
    #[serde(default)]
    pub clearance: Option<String>,
    #[serde(default)]
    pub nations: Vec<String>,
    #[serde(default)]
    pub suspended: Option<bool>,
}

/// `GET /api/v1/groups`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Groups {
    pub groups: Vec<Group>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Group {
    pub group: String,
    /// By which access control lists may name it, as a canonical user id.
    pub group_id: String,
    pub members: Vec<String>,
    /// RFC 3339.
    pub created: String,
}

/// `POST /api/v1/groups`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    pub group: String,
}

/// `PATCH /api/v1/groups/{name}`: users who come in, and who go.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetGroup {
    #[serde(default)]
    pub add: Vec<String>,
    #[serde(default)]
    pub remove: Vec<String>,
}

/// `GET /api/v1/buckets/{name}/grants`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Grants {
    pub bucket: String,
    pub label: String,
    pub grants: Vec<Grant>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Grant {
    /// A user, or `group:NAME`.
    pub to: String,
    /// `read`, `write` or `manage`.
    pub right: String,
}

/// `PUT /api/v1/buckets/{name}/grants`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetGrant {
    pub to: String,
    /// In place of what was granted before; `null` takes it back.
    pub right: Option<String>,
}

/// `POST /api/v1/keys/{id}/rotate`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// For how many seconds the old key goes on.
    #[serde(default)]
    pub grace_s: u32,
}

/// `POST /api/v1/releases`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRelease {
    pub bucket: String,
    pub key: String,
    /// The current one by default; `null` as text for the null version.
    #[serde(default)]
    pub version: Option<String>,
    pub to_label: String,
    pub to_bucket: String,
    /// The source's by default.
    #[serde(default)]
    pub to_key: Option<String>,
    pub reason: String,
}

/// `GET /api/v1/releases`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Releases {
    pub releases: Vec<Release>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Release {
    pub id: String,
    /// `open`, `signed` (and yet to be carried out), `done` or `ended`.
    pub state: String,
    pub asked_by: String,
    /// RFC 3339.
    pub asked: String,
    pub reason: String,
    pub bucket: String,
    pub key: String,
    pub label: String,
    /// Of the version that is to be released.
    pub etag: String,
    pub size: u64,
    pub to_bucket: String,
    pub to_key: String,
    pub to_label: String,
    pub signed_by: Vec<Signature>,
    pub ended_by: Option<String>,
    /// RFC 3339; when it was done or ended.
    pub ended: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Signature {
    pub by: String,
    /// RFC 3339.
    pub at: String,
}

/// `POST /api/v1/explain`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The caller by default.
    #[serde(default)]
    pub user: Option<String>,
    /// Of the session; by default the caller's, or all that the user is cleared for.
    #[serde(default)]
    pub label: Option<String>,
    /// A session of this very key.
    #[serde(default)]
    pub access_key: Option<String>,
    /// From this address.
    #[serde(default)]
    pub from: Option<String>,
    /// Such as `GetObject`.
    pub action: String,
    #[serde(default)]
    pub bucket: Option<String>,
    #[serde(default)]
    pub key: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Explanation {
    pub action: String,
    pub allowed: bool,
    /// Of the session.
    pub label: String,
    /// Up to the one that decided.
    pub steps: Vec<Step>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Step {
    /// `authenticate`, `duty`, `lattice`, `ceiling` or `allow`.
    pub step: String,
    /// `yes` or `no`.
    pub outcome: String,
    pub why: String,
}

/// `POST /api/v1/users`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    pub user: String,
    /// `mission-owner` by default.
    #[serde(default)]
    pub role: Option<String>,
    /// A label; the lowest of the enclave by default.
    #[serde(default)]
    pub clearance: Option<String>,
    /// Codes of the nations the user is of, such as `FRA`; as the clearance says by default.
    #[serde(default)]
    pub nations: Vec<String>,
}

/// What `POST /api/v1/keys` answers: the one time the secret is shown.
#[derive(Serialize, Deserialize)]
pub struct IssuedKey {
    pub access_key: String,
    pub secret_key: String,
    pub user: String,
    /// Of every session of the key.
    pub label: String,
    /// The user's canonical id, by which S3 names an owner.
    #[serde(default)]
    pub user_id: String,
}

/// Any refusal, by RFC 9457.
#[derive(Debug, Serialize, Deserialize)]
pub struct Problem {
    pub title: String,
    pub status: u16,
    /// What is wrong, and what to do.
    pub detail: String,
}

/// Where an origin is. `credentials` names where the running Entente finds them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    pub kind: String,
    pub bucket: String,
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub account: Option<String>,
    pub credentials: String,
}

/// `POST /api/v1/adoptions`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adopt {
    pub bucket: String,
    pub origin: Origin,
    /// Bytes per second.
    pub budget: Option<u64>,
}

/// `POST /api/v1/adoptions/{bucket}/resume`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// Bytes per second.
    pub budget: Option<u64>,
}

/// `POST /api/v1/adoption-plan`, of an [`Origin`].
#[derive(Debug, Serialize, Deserialize)]
pub struct AdoptionPlan {
    pub objects: u64,
    pub bytes: u64,
    pub largest: u64,
    pub list_requests: u64,
    pub get_requests: u64,
    /// Where the origin's prices are known.
    pub dollars: Option<f64>,
}

/// `GET /api/v1/adoptions`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Adoptions {
    pub adoptions: Vec<Adoption>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Adoption {
    pub bucket: String,
    pub origin: Origin,
    /// `copying`, `caught up`, `paused`, `finished` or `abandoned`.
    pub stage: String,
    /// RFC 3339.
    pub begun: String,
    /// RFC 3339.
    pub ended: Option<String>,
    /// Bytes per second.
    pub budget: Option<u64>,
    /// Brought over by the background copy.
    pub objects: u64,
    pub bytes: u64,
    /// Of `objects`, those with no MD5 to prove the bytes by.
    pub unproven: u64,
    /// On the current walk.
    pub failed: u64,
    /// Walks over the whole origin that came to their end.
    pub passes: u64,
    pub cursor: Option<String>,
    /// To the origin since this process began, by kind.
    pub requests: BTreeMap<String, u64>,
    /// From the origin since this process began.
    pub bytes_read: u64,
    /// What the background copy last stumbled over.
    pub trouble: Option<String>,
}

/// `POST /api/v1/adoptions/{bucket}/finish`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Finished {
    pub finished: bool,
    /// Keys of the origin.
    pub compared: u64,
    pub equal: u64,
    /// Written or deleted here since: this side counts.
    pub ours: u64,
    pub differing: u64,
    /// The first of those that differ.
    pub told: Vec<Differing>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Differing {
    pub key: String,
    pub how: String,
}

/// `GET /api/v1/sites`.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeptSites {
    pub sites: Vec<KeptSite>,
}

/// What a site is used for, and what was brought away from it since it was last begun to be left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptSite {
    pub name: String,
    pub vendor: String,
    pub region: String,
    /// `active`, `suspended`, `draining` or `detached`.
    pub state: String,
    /// Only for those above whom nothing in the enclave lies: it is of everything that lies there.
    #[serde(flatten)]
    pub sums: Option<KeptSums>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptSums {
    /// That lie there and count.
    pub pieces: u64,
    pub moved_pieces: u64,
    /// Written elsewhere.
    pub moved_bytes: u64,
    pub read_bytes: u64,
    /// At list prices.
    pub dollars: f64,
    /// What it would have cost to take the dearer way wherever there were two.
    pub dearer_dollars: f64,
    /// What keeps one that is being left from being detached.
    pub waits: Vec<Waiting>,
}

/// `POST /api/v1/site-states`.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetSites {
    pub sites: Vec<String>,
    /// `active`, `suspended` or `draining`.
    pub state: String,
}

/// `POST /api/v1/evacuation-plan`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sites {
    pub sites: Vec<String>,
}

/// What work takes, at list prices.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Work {
    pub segments: u64,
    pub pieces: u64,
    pub bytes_read: u64,
    pub bytes_written: u64,
    pub requests: u64,
    pub dollars: f64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct EvacuationPlan {
    pub sites: Vec<String>,
    /// Segments of which a piece is copied from where it is ...
    pub copied: u64,
    /// ... computed from others ...
    pub computed: u64,
    /// ... or that are coded anew, as too few vendors are left for their code.
    pub recoded: u64,
    /// For which nothing can be done now.
    pub waiting: u64,
    pub waits: Vec<Waiting>,
    pub work: Work,
    pub dearer_dollars: f64,
}

/// So many segments wait for something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Waiting {
    pub segments: u64,
    /// What they wait for, to be read behind "wait for".
    pub why: String,
}

/// `POST /api/v1/data-move-plan`, and `POST /api/v1/data-moves`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveData {
    /// Every bucket if there is none.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Another profile for the bucket.
    #[serde(default)]
    pub profile: Option<String>,
}

/// What moving the data of buckets would take.
#[derive(Debug, Serialize, Deserialize)]
pub struct MovePlan {
    /// Segments that lie as they should ...
    pub well: u64,
    /// ... that are coded anew, ...
    pub recoded: u64,
    /// ... of which only copies are added or let go, ...
    pub copies: u64,
    /// ... and that copies share, which therefore keep the higher promise they have.
    pub shared: u64,
    pub waits: Vec<Waiting>,
    pub work: Work,
    /// What all of them take at the sites, now and then.
    pub stored_bytes: u64,
    pub stored_bytes_after: u64,
}

/// `GET /api/v1/data-moves`.
#[derive(Debug, Serialize, Deserialize)]
pub struct DataMoves {
    pub moves: Vec<DataMove>,
    /// Done since the start.
    pub work: Work,
    /// In the last walk.
    pub waits: Vec<Waiting>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct DataMove {
    pub bucket: String,
    pub label: String,
    pub profile: String,
    /// RFC 3339.
    pub asked: String,
    pub done: bool,
}

/// `GET /api/v1/repair-plan`.
#[derive(Debug, Serialize, Deserialize)]
pub struct RepairPlan {
    /// The most endangered first.
    pub by_spare: Vec<Spare>,
    /// For which nothing can be done now.
    pub waiting: u64,
    pub waits: Vec<Waiting>,
    pub work: Work,
}

/// Segments that have so many pieces beyond those they need.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spare {
    pub spare: i64,
    pub work: Work,
}

/// `GET /api/v1/repairs`: the repair under way, or the last one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RepairState {
    /// Segments below their promise when it began, and those that were looked at.
    pub of: u64,
    pub segments: u64,
    pub waits: Vec<Waiting>,
    pub work: Work,
    pub over: bool,
    /// Segments below their promise when it was over.
    pub left: u64,
    pub failed: Option<String>,
    /// What the sites' listings said in the end.
    pub compared: Option<Compared>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Compared {
    /// Sites whose listing was compared with the catalog.
    pub sites: u64,
    pub pieces: u64,
    /// Pieces that should be there and are not, or not whole.
    pub missing: u64,
    /// That were, when this was first asked.
    pub restored: u64,
    pub not_asked: Vec<NotAsked>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NotAsked {
    pub site: String,
    pub why: String,
    /// Whether its owner wants it so.
    pub on_purpose: bool,
}

/// `POST /api/v1/repairs`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRepair {
    /// Go on when the day's dollars are spent.
    #[serde(default)]
    pub beyond_budget: bool,
}

/// `GET /api/v1/compaction-plan`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Compacted {
    /// Segments of the journal that others take the place of, and those others.
    pub segments: u64,
    pub into: u64,
    /// Bytes of their records and of the bodies that are held.
    pub live_bytes: u64,
    /// Bytes at the sites of those that are replaced.
    pub stored_bytes: u64,
    /// Runs that were left for another time.
    pub waiting: u64,
}

/// `GET /api/v1/compactions`: the one under way, or the last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CompactionState {
    pub done: Compacted,
    pub over: bool,
    pub failed: Option<String>,
}

/// `GET /api/v1/durability`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Durability {
    pub at: String,
    pub buckets: Vec<DurableBucket>,
    /// For whom nothing in the enclave lies above; else empty.
    pub sites: Vec<ProvenSite>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct DurableBucket {
    pub bucket: String,
    pub label: String,
    pub profile: String,
    /// Spare pieces that an object has when all is well.
    pub promise: u8,
    /// With older versions.
    pub objects: u64,
    pub bytes: u64,
    /// Objects without bytes have no pieces, and are in none of the `proofs`.
    pub empty: u64,
    pub proofs: Vec<Proven>,
}

/// So many objects have so many spare pieces that are proven so.
#[derive(Debug, Serialize, Deserialize)]
pub struct Proven {
    /// `recorded`, `seen` or `read`.
    pub proof: String,
    pub within_days: Option<u16>,
    /// Beyond those that are needed; below zero, not even those are.
    pub spare: i64,
    pub objects: u64,
    pub bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ProvenSite {
    pub site: String,
    /// RFC 3339 or `never`; `null` where there are no pieces.
    pub oldest_seen: Option<String>,
    pub oldest_read: Option<String>,
    pub requests_today: u64,
    pub bytes_today: u64,
    pub dollars_today: f64,
}

/// `GET /api/v1/findings`, newest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct Findings {
    pub findings: Vec<Finding>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Finding {
    /// `missing`, `truncated`, `damaged`, `replaced`, `contradicts`, `stray`, `foreign` or `lying-list`.
    pub fault: String,
    pub site: String,
    /// What the site calls it.
    pub object: String,
    pub segment: Option<String>,
    pub piece: Option<u8>,
    pub first: String,
    pub last: String,
    pub times: u64,
    /// Since when it is over.
    pub over: Option<String>,
}

/// `POST /api/v1/scrubs`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewScrub {
    /// All of them if empty.
    #[serde(default)]
    pub sites: Vec<String>,
    /// `inventory`, `heads`, `cells`; all of them if empty.
    #[serde(default)]
    pub depths: Vec<String>,
    #[serde(default)]
    pub beyond_budget: bool,
}

/// `GET /api/v1/scrubs`: the one under way, or the last one.
#[derive(Debug, Serialize, Deserialize)]
pub struct ScrubState {
    pub running: bool,
    pub failed: Option<String>,
    pub at: String,
    /// Only for those above whom nothing in the enclave lies: it is of everything that was looked at.
    #[serde(flatten)]
    pub sums: Option<ScrubSums>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ScrubSums {
    pub looked_at: u64,
    pub proven: u64,
    pub requests: u64,
    pub bytes: u64,
    pub dollars: f64,
    pub found: BTreeMap<String, u64>,
    pub stopped: Vec<StoppedScrub>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct StoppedScrub {
    pub site: String,
    pub depth: String,
    pub why: String,
}
