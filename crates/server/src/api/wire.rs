//! What goes over `/api/v1`, for both of its ends.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /api/v1/status`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    pub enclave: String,
    /// Only for those above whom nothing in the enclave lies: it is of everything that lies here.
    #[serde(flatten)]
    pub sums: Option<StatusSums>,
    pub sites: Vec<Site>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct StatusSums {
    /// Segments proven at fewer vendors than their promise needs.
    #[schema(required = false)]
    pub below_promise: u64,
    /// Records decided and not yet shown.
    #[schema(required = false)]
    pub unshown: u64,
    #[schema(required = false)]
    pub buckets: u64,
    #[schema(required = false)]
    pub objects: u64,
    #[schema(required = false)]
    pub object_bytes: u64,
    /// Multipart uploads that are neither completed nor aborted.
    #[schema(required = false)]
    pub uploads: u64,
    #[schema(required = false)]
    pub segments: u64,
    /// Cells and pieces that were read and failed their proof, since start.
    #[schema(required = false)]
    pub bad_cells: u64,
    /// Since start.
    #[schema(required = false)]
    pub hedged_reads: u64,
    /// Requests to sites since start, by site and kind.
    #[schema(required = false)]
    pub site_requests: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Well,
    Out,
}

/// `GET /api/v1/sign-in`: what must be known to sign, for whoever asks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SignIn {
    pub region: String,
    pub s3_endpoint: String,
    pub version: String,
}

/// `GET /api/v1/session`: who asks, and what they may do here.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Keys {
    pub keys: Vec<Key>,
    /// Where the next page begins (`after`); `null` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// A mission owner of this name, cleared for the lowest label, is created if there is no user of it: the
    /// answer says so.
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Labels {
    pub labels: Vec<LabelInUse>,
    /// Where the next page begins (`after`); `null` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LabelInUse {
    pub label: String,
    /// Of its keys, oldest first.
    pub epochs: Vec<u32>,
    pub buckets: u64,
    /// The journal stream of its changes.
    pub stream: Option<String>,
}

/// `POST /api/v1/label-rotations`, `POST /api/v1/label-shred-plan`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OneLabel {
    pub label: String,
}

/// What `POST /api/v1/label-rotations` answers.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Rotated {
    pub label: String,
    /// Of the new key.
    pub epoch: u32,
}

/// `POST /api/v1/label-shreds`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shred {
    pub label: String,
    /// The label once more.
    pub confirm: String,
    #[serde(default)]
    pub despite_locks: bool,
}

/// What `POST /api/v1/label-shred-plan` answers.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
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

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ShredSite {
    pub site: String,
    pub pieces: u64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SharesMade {
    pub root: String,
    pub needed: u8,
    pub holders: Vec<String>,
    /// RFC 3339.
    pub made: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BackupMade {
    pub root: String,
    pub place: String,
    /// BLAKE3 of the file.
    pub digest: String,
    /// RFC 3339.
    pub made: String,
}

/// `POST /api/v1/shares`: that shares were made, or are about to be.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShares {
    /// Fingerprint of the root they are of.
    pub root: String,
    pub needed: u8,
    pub holders: Vec<String>,
}

/// `GET /api/v1/backup-plan`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BackupPlan {
    pub enclave: String,
    pub root: String,
    /// Of the catalog as it lies there; a backup has at most this, and some kilobytes.
    pub catalog_bytes: u64,
    /// The configuration that goes with it.
    pub config: Option<String>,
}

/// `POST /api/v1/backups`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBackup {
    /// Absolute.
    pub path: String,
}

/// `GET /api/v1/backups`: the backup under way, or the last one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Users {
    pub users: Vec<User>,
    /// Where the next page begins (`after`); `null` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Groups {
    pub groups: Vec<Group>,
    /// Where the next page begins (`after`); `null` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Group {
    pub group: String,
    /// By which access control lists may name it, as a canonical user id.
    pub group_id: String,
    pub members: Vec<String>,
    /// RFC 3339.
    pub created: String,
}

/// `POST /api/v1/groups`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    pub group: String,
}

/// `PATCH /api/v1/groups/{name}`: users who come in, and who go.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetGroup {
    #[serde(default)]
    pub add: Vec<String>,
    #[serde(default)]
    pub remove: Vec<String>,
}

/// `GET /api/v1/buckets/{name}/grants`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Grants {
    pub bucket: String,
    pub label: String,
    pub grants: Vec<Grant>,
    /// Where the next page begins (`after`); `null` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// A user, or `group:NAME`.
    pub to: String,
    /// `read`, `write` or `manage`.
    pub right: String,
}

/// `PUT /api/v1/buckets/{name}/grants`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetGrant {
    pub to: String,
    /// In place of what was granted before; `null` takes it back.
    pub right: Option<String>,
}

/// `POST /api/v1/keys/{id}/rotate`.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// For how many seconds the old key goes on.
    #[serde(default)]
    pub grace_s: u32,
}

/// `POST /api/v1/releases`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Releases {
    pub releases: Vec<Release>,
    /// Where the next page begins (`after`); `null` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
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

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Signature {
    pub by: String,
    /// RFC 3339.
    pub at: String,
}

/// `POST /api/v1/explain`.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
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

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    pub action: String,
    pub allowed: bool,
    /// Of the session.
    pub label: String,
    /// Up to the one that decided.
    pub steps: Vec<Step>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// `authenticate`, `duty`, `lattice`, `ceiling` or `allow`.
    pub step: String,
    /// `yes` or `no`.
    pub outcome: String,
    pub why: String,
}

/// `POST /api/v1/users`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Serialize, Deserialize, ToSchema)]
pub struct IssuedKey {
    pub access_key: String,
    pub secret_key: String,
    pub user: String,
    /// Of every session of the key.
    pub label: String,
    /// The user's canonical id, by which S3 names an owner.
    #[serde(default)]
    pub user_id: String,
    /// Whether there was no user of the name, and a mission owner was made.
    #[serde(default)]
    pub user_created: bool,
}

/// Any refusal, by RFC 9457.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    pub title: String,
    pub status: u16,
    /// What is wrong, and what to do.
    pub detail: String,
}

/// Where an origin is. `credentials` names where the running Entente finds them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adopt {
    pub bucket: String,
    pub origin: Origin,
    /// Bytes per second.
    pub budget: Option<u64>,
}

/// `POST /api/v1/adoptions/{bucket}/resume`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// Bytes per second.
    pub budget: Option<u64>,
}

/// `POST /api/v1/adoption-plan`, of an [`Origin`].
#[derive(Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Adoptions {
    pub adoptions: Vec<Adoption>,
    /// Where the next page begins (`after`); `null` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
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

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Differing {
    pub key: String,
    pub how: String,
}

/// `GET /api/v1/sites`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct KeptSites {
    pub sites: Vec<KeptSite>,
    /// Those that stand in the settings file and wait for a restart; on each page.
    #[serde(default)]
    pub waiting: Vec<WaitingSite>,
    /// Where the next page begins (`after`); `null` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

/// A site that stands in the settings file and does not run yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingSite {
    pub name: String,
    pub vendor: String,
    pub region: String,
    /// `local`, `s3`, `azure`, `gcs` or `oci`.
    pub kind: String,
}

/// What a site is used for, and what was brought away from it since it was last begun to be left.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KeptSite {
    pub name: String,
    pub vendor: String,
    pub region: String,
    /// `active`, `suspended`, `draining` or `detached`.
    pub state: String,
    /// `local`, `s3`, `azure`, `gcs` or `oci`: how it is spoken to.
    #[serde(default)]
    pub kind: String,
    /// In degrees; `null` where nobody said and the region is not a known one.
    #[serde(default)]
    pub latitude: Option<f64>,
    #[serde(default)]
    pub longitude: Option<f64>,
    /// The highest label that may lie there; `null` for those who may not know of it.
    #[serde(default)]
    pub ceiling: Option<String>,
    /// List prices; `null` where none are known.
    #[serde(default)]
    pub prices: Option<SitePrices>,
    #[serde(default = "well")]
    pub reads: Health,
    #[serde(default = "well")]
    pub writes: Health,
    /// The last failure, if a side is out.
    #[serde(default)]
    pub reason: Option<String>,
    /// Only for those above whom nothing in the enclave lies: it is of everything that lies there.
    #[serde(flatten)]
    pub sums: Option<KeptSums>,
}

const fn well() -> Health {
    Health::Well
}

/// List prices of a site, in dollars.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct SitePrices {
    /// Per 10^9 bytes and month.
    pub storage_gb_month: f64,
    pub writes_per_1000: f64,
    pub reads_per_1000: f64,
    /// Per 10^9 bytes that leave the vendor.
    pub egress_gb: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KeptSums {
    /// That lie there and count.
    #[schema(required = false)]
    pub pieces: u64,
    /// Of those pieces, as the background last counted them; `null` before it did.
    #[serde(default)]
    #[schema(required = false)]
    pub bytes: Option<u64>,
    #[schema(required = false)]
    pub moved_pieces: u64,
    /// Written elsewhere.
    #[schema(required = false)]
    pub moved_bytes: u64,
    #[schema(required = false)]
    pub read_bytes: u64,
    /// At list prices.
    #[schema(required = false)]
    pub dollars: f64,
    /// What it would have cost to take the dearer way wherever there were two.
    #[schema(required = false)]
    pub dearer_dollars: f64,
    /// What keeps one that is being left from being detached.
    #[schema(required = false)]
    pub waits: Vec<Waiting>,
}

/// `POST /api/v1/site-states`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SetSites {
    pub sites: Vec<String>,
    /// `active`, `suspended` or `draining`.
    pub state: String,
}

/// `POST /api/v1/site-checks`, `POST /api/v1/site-plan` and `POST /api/v1/sites`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSiteCheck {
    /// The site as one `[[site]]` of the configuration, in TOML; a directory is taken with the admin token alone.
    pub entry: String,
}

/// What `POST /api/v1/site-plan` answers: what adding a site would write.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SitePlan {
    pub name: String,
    /// The settings file.
    pub file: String,
    /// What is written behind what stands there.
    pub text: String,
}

/// What `POST /api/v1/sites` answers: the site stands in the settings.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AddedSite {
    pub name: String,
    /// The settings file.
    pub file: String,
    pub used: Used,
    /// Why it is not used before the next start, which tries again.
    pub why: Option<String>,
    pub check: SiteCheck,
}

/// From when on a site that was added takes pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Used {
    Now,
    NextStart,
}

/// What `POST /api/v1/site-checks` answers, whether the site works or not.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SiteCheck {
    pub name: String,
    pub vendor: String,
    pub region: String,
    /// The highest label that may lie there.
    pub ceiling: String,
    /// Whose it is: nobody's, or an enclave's; `null` if that could not be read.
    pub held_by: Option<String>,
    /// What was tried: after some failures the rest makes no sense.
    pub steps: Vec<SiteCheckStep>,
    /// What does not work, and what to do.
    pub advice: Vec<String>,
    pub works: bool,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SiteCheckStep {
    /// `marker`, `put`, `get`, `range`, `list` or `delete`.
    pub step: String,
    pub millis: f64,
    pub error: Option<String>,
}

/// `POST /api/v1/evacuation-plan`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Sites {
    pub sites: Vec<String>,
}

/// What work takes, at list prices.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Work {
    pub segments: u64,
    pub pieces: u64,
    pub bytes_read: u64,
    pub bytes_written: u64,
    pub requests: u64,
    pub dollars: f64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
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
    /// How those with a piece there lie now, and how they will.
    pub shifts: Vec<Shift>,
    pub work: Work,
    /// What it would cost to take the dearer way wherever a piece can be both copied and computed.
    pub dearer_dollars: f64,
}

/// So many segments lie in one code, and will in this.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Shift {
    pub segments: u64,
    /// Of the segments, without what their code adds.
    pub bytes: u64,
    /// Such as `2+2`: any two pieces of four give the segment back. `1+2` is three copies.
    pub from: String,
    /// How many more vendors they can lose as their pieces are recorded now; -1 where too few are.
    pub can_lose_now: i64,
    pub to: String,
    pub can_lose_then: i64,
}

/// So many segments wait for something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    pub segments: u64,
    /// What they wait for, to be read behind "wait for".
    pub why: String,
}

/// `POST /api/v1/data-move-plan`, and `POST /api/v1/data-moves`.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DataMoves {
    pub moves: Vec<DataMove>,
    /// Only for those above whom nothing in the enclave lies: it is of every label.
    #[serde(flatten)]
    pub sums: Option<MoveSums>,
    /// Where the next page begins (`after`); `null` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct MoveSums {
    /// Done since the start.
    #[schema(required = false)]
    pub work: Work,
    /// In the last walk.
    #[schema(required = false)]
    pub waits: Vec<Waiting>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DataMove {
    pub bucket: String,
    pub label: String,
    pub profile: String,
    /// RFC 3339.
    pub asked: String,
    pub done: bool,
}

/// `GET /api/v1/repair-plan`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RepairPlan {
    /// The most endangered first.
    pub by_spare: Vec<Spare>,
    /// For which nothing can be done now.
    pub waiting: u64,
    pub waits: Vec<Waiting>,
    pub work: Work,
}

/// Segments that have so many pieces beyond those they need.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Spare {
    pub spare: i64,
    pub work: Work,
}

/// `GET /api/v1/repairs`: the repair under way, or the last one.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
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

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
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

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NotAsked {
    pub site: String,
    pub why: String,
    /// Whether its owner wants it so.
    pub on_purpose: bool,
}

/// `POST /api/v1/repairs`.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRepair {
    /// Go on when the day's dollars are spent.
    #[serde(default)]
    pub beyond_budget: bool,
}

/// `GET /api/v1/compaction-plan`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CompactionState {
    pub done: Compacted,
    pub over: bool,
    pub failed: Option<String>,
}

/// `GET /api/v1/sweep-plan`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SweepPlan {
    /// Those where something would go.
    pub sites: Vec<SweptSite>,
    /// Pieces that no record names, and not for long enough yet.
    pub waiting: u64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SweptSite {
    pub site: String,
    pub pieces: u64,
}

/// `GET /api/v1/lifecycle-plan`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LifecyclePlan {
    pub rows: Vec<LifecycleRow>,
    /// Whether there may be more than one round does.
    pub more: bool,
}

/// What one rule of a bucket makes due.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LifecycleRow {
    pub bucket: String,
    pub label: String,
    pub rule: String,
    /// Objects that are deleted, or hidden by a marker where versions are kept.
    pub expired: u64,
    /// Versions and markers that go for good.
    pub removed: u64,
    /// Uploads that are given up.
    pub aborted: u64,
}

/// `GET /api/v1/durability`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Durability {
    pub at: String,
    pub buckets: Vec<DurableBucket>,
    /// For whom nothing in the enclave lies above; else empty.
    pub sites: Vec<ProvenSite>,
    /// `null` where none was made on this data directory.
    #[serde(default)]
    pub last_drill: Option<Drill>,
    /// Where the next page of buckets begins (`after`); `null` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Proven {
    /// `recorded`, `seen` or `read`.
    pub proof: String,
    pub within_days: Option<u16>,
    /// Beyond those that are needed; below zero, not even those are.
    pub spare: i64,
    pub objects: u64,
    pub bytes: u64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Findings {
    pub findings: Vec<Finding>,
    /// Where the next page begins (`after`); `null` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
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

/// What `POST /api/v1/scrub-plan` answers: what a scrub would ask of the sites, where nothing is wrong and nothing is
/// written meanwhile.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ScrubPlan {
    pub sites: Vec<SiteScrub>,
    /// Of each site and each day.
    pub budget: ScrubCost,
    /// Of all sites.
    pub total: ScrubCost,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SiteScrub {
    pub site: String,
    /// Those that are walked over; none where only stripes are read for pieces of other sites.
    pub pieces: u64,
    pub depths: Vec<DepthCost>,
    pub total: ScrubCost,
    /// By scrubs before.
    pub spent_today: ScrubCost,
    /// Whether what is left of the day's budget pays for it.
    pub within_budget: bool,
    /// It does not answer, and is not asked.
    pub is_out: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DepthCost {
    /// `inventory`, `heads` or `cells`.
    pub depth: String,
    pub cost: ScrubCost,
}

/// What looking takes, at list prices.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ScrubCost {
    pub requests: u64,
    pub bytes: u64,
    pub dollars: f64,
}

/// `GET /api/v1/drills`: the last rebuild drill on this data directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Drill {
    /// RFC 3339: when it was over.
    pub at: String,
    /// Only for those above whom nothing in the enclave lies: it is of everything that lies here.
    #[serde(flatten)]
    pub outcome: Option<DrillOutcome>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrillOutcome {
    /// Why it broke off, if it did: then it says nothing.
    #[schema(required = false)]
    pub failed: Option<String>,
    /// Whether a rebuild would not bring back what there is.
    #[schema(required = false)]
    pub differs: bool,
    /// Whether nothing was written while it ran.
    #[schema(required = false)]
    pub quiet: bool,
    #[schema(required = false)]
    pub objects: u64,
    /// Sites that did not answer, and were done without.
    #[schema(required = false)]
    pub silent_sites: Vec<String>,
    #[schema(required = false)]
    pub tables: Vec<DrillRows>,
}

/// Rows of one table of the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrillRows {
    pub table: String,
    pub same: u64,
    /// In the catalog and not among what came back, or otherwise.
    pub missing: u64,
    /// Came back and was not in the catalog.
    pub unknown: u64,
}

/// `GET /api/v1/scrubs`: the one under way, or the last one.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ScrubState {
    pub running: bool,
    pub failed: Option<String>,
    pub at: String,
    /// Only for those above whom nothing in the enclave lies: it is of everything that was looked at.
    #[serde(flatten)]
    pub sums: Option<ScrubSums>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ScrubSums {
    #[schema(required = false)]
    pub looked_at: u64,
    #[schema(required = false)]
    pub proven: u64,
    #[schema(required = false)]
    pub requests: u64,
    #[schema(required = false)]
    pub bytes: u64,
    #[schema(required = false)]
    pub dollars: f64,
    #[schema(required = false)]
    pub found: BTreeMap<String, u64>,
    #[schema(required = false)]
    pub stopped: Vec<StoppedScrub>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct StoppedScrub {
    pub site: String,
    pub depth: String,
    pub why: String,
}

/// One event of `GET /api/v1/events`: its `event:` and, in one line, its `data:`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "event", content = "data", rename_all = "lowercase")]
#[expect(dead_code, reason = "it is written as the lines of the stream, and only described as this")]
pub enum Told {
    Sites(KeptSites),
    Activity(Activity),
    Overview(Overview),
}

/// A document that is one page of a list.
pub trait Paged {
    /// Adds the items of the page behind this one, and where that ends.
    fn add(&mut self, page: Self);
    /// Where the next page begins.
    fn next(&self) -> Option<&str>;
}

macro_rules! paged {
    ($($document:ident.$items:ident),+ $(,)?) => {$(
        impl Paged for $document {
            fn add(&mut self, page: Self) {
                self.$items.extend(page.$items);
                self.next = page.next;
            }

            fn next(&self) -> Option<&str> {
                self.next.as_deref()
            }
        }
    )+};
}

paged!(
    Keys.keys,
    Labels.labels,
    Users.users,
    Groups.groups,
    Releases.releases,
    Adoptions.adoptions,
    KeptSites.sites,
    Findings.findings,
    DataMoves.moves,
    Buckets.buckets,
    Grants.grants,
    Durability.buckets,
);

/// `GET /api/v1/buckets`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Buckets {
    pub buckets: Vec<BucketInfo>,
    /// Where the next page begins (`after`); `null` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BucketInfo {
    pub name: String,
    pub label: String,
    pub profile: String,
    /// Whose it is; `null` to whom that user is absent, being cleared for more than they are.
    pub owner: Option<String>,
    /// RFC 3339.
    pub created: String,
    /// `off`, `enabled` or `suspended`.
    pub versioning: String,
    /// With older versions, as they were last counted; `null` before they were.
    pub objects: Option<u64>,
    pub bytes: Option<u64>,
    /// When that count began: what was written since may not be in it. RFC 3339.
    pub counted: Option<String>,
}

/// `POST /api/v1/buckets`: at the session's label.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBucket {
    pub name: String,
    /// The enclave's default if there is none.
    #[serde(default)]
    pub profile: Option<String>,
}

/// `GET /api/v1/buckets/{name}/pieces`: where an object lies.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Pieces {
    pub key: String,
    pub version: String,
    /// Of the object.
    pub bytes: u64,
    /// `segments`, `journal` where it rides in the journal, `nowhere` if it has no bytes, or `origin` while
    /// it is read from where it is being adopted from.
    #[serde(rename = "where")]
    pub place: String,
    pub segments: Vec<PieceSegment>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PieceSegment {
    pub segment: String,
    /// Pieces that are needed, and those beyond.
    pub k: u8,
    pub m: u8,
    /// Of the object's sealed bytes in the segment.
    pub offset: u64,
    pub length: u64,
    /// Of the segment.
    pub bytes: u64,
    /// How many further vendors it is meant to outlive.
    pub promise: u8,
    pub pieces: Vec<PieceInfo>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PieceInfo {
    pub index: u8,
    pub site: String,
    pub vendor: String,
    /// Whether it holds data itself; else parity.
    pub data: bool,
    /// When it was last seen whole at the site, or read: RFC 3339; `null` if not since this catalog knows it.
    pub proven: Option<String>,
    /// `well`, or `out` while its site does not answer.
    pub state: String,
}

/// `GET /api/v1/history`: what the last hours measured, in steps. `null` where nothing was measured.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct History {
    pub step_s: u32,
    /// The end of the last step: RFC 3339.
    pub until: String,
    /// Of all labels; only for those above whom nothing in the enclave lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub door: Option<Figures>,
    pub sites: BTreeMap<String, SiteHistory>,
}

/// One value a step.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Figures {
    pub requests: Vec<Option<u64>>,
    pub errors: Vec<Option<u64>>,
    pub p50_ms: Vec<Option<f64>>,
    pub p99_ms: Vec<Option<f64>>,
}

#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct SiteHistory {
    /// Of all labels; only for those above whom nothing in the enclave lies.
    #[serde(flatten)]
    pub figures: Option<SiteFigures>,
    /// The share of the step in which the site was left out of reads: 0 to 1.
    pub reads_out: Vec<Option<f64>>,
    pub writes_out: Vec<Option<f64>>,
}

#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct SiteFigures {
    #[schema(required = false)]
    pub requests: Vec<Option<u64>>,
    #[schema(required = false)]
    pub errors: Vec<Option<u64>>,
    #[schema(required = false)]
    pub p50_ms: Vec<Option<f64>>,
    #[schema(required = false)]
    pub p99_ms: Vec<Option<f64>>,
}

/// `GET /api/v1/activity`: what is being done now, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Activity {
    pub items: Vec<ActivityItem>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ActivityItem {
    /// `catch-up`, `repair`, `evacuation`, `move`, `scrub`, `compaction`, `sweep`, `snapshot`, `adoption`, `backup`,
    /// `suspended` or `out`.
    pub kind: String,
    /// What it is done to: a site, a bucket.
    pub what: String,
    pub why: String,
    /// RFC 3339; `null` where it is not known.
    pub since: Option<String>,
    pub progress: Option<Progress>,
    /// `running`, `waiting`, `paused` or `stopped`.
    pub state: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    pub done: u64,
    /// `null` where it is not known before the end.
    pub total: Option<u64>,
    /// Such as `segments`, `pieces`, `objects` or `bytes`.
    pub unit: String,
}

/// `GET /api/v1/overview`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// Objects at or below the session, older versions among them, by how many more vendors they can lose: as they
    /// were counted last, without the vendors that are out now. What has no bytes is left out.
    pub promise: Vec<Promise>,
    /// How old that ledger is; `null` before the first walk.
    pub promise_age_s: Option<u64>,
    /// Segments below their promise, of all labels; `null` for those above whom something lies.
    pub below_promise: Option<u64>,
    /// Profiles for which too few vendors take writes now, of buckets at or below the session that hold something.
    pub refused_writes: Vec<String>,
    /// What is wrong with the machine and the doors; `null` for those above whom something lies.
    pub troubles: Option<Vec<Trouble>>,
    /// At list prices; `null` for those above whom something lies.
    pub cost_month: Option<CostMonth>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trouble {
    pub what: String,
    pub advice: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Promise {
    /// How many more vendors they can lose, whichever these are; -1: they cannot be read now.
    pub spare: i64,
    pub objects: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CostMonth {
    pub sites: BTreeMap<String, SiteCost>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SiteCost {
    /// Of what lies there now; `null` before it was counted, or where no price is known.
    pub storage_dollars: Option<f64>,
    /// Of requests and egress, as they were since the start, for thirty days; `null` in the first ten minutes, or
    /// where no price is known.
    pub request_dollars: Option<f64>,
}

/// `GET /api/v1/role-matrix`: who may do what.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RoleMatrix {
    pub roles: Vec<String>,
    /// What a role may do through this API.
    pub duties: Vec<DutyRow>,
    /// What a mission owner may do through the S3 door, by where the bucket lies and what they are to it.
    pub actions: Vec<ActionRow>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DutyRow {
    pub duty: String,
    pub roles: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ActionRow {
    pub action: String,
    /// Of the bucket, seen from the session: `same`, `below`, `above` or `beside`.
    pub label: String,
    /// By `owner`, `manage`, `write`, `read` and `stranger`: `yes`, `no`, `no: below` or `absent`.
    pub outcomes: BTreeMap<String, String>,
}
