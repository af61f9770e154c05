//! What goes over `/api/v1`, for both of its ends.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `GET /api/v1/status`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    pub enclave: String,
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
    pub sites: Vec<Site>,
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

/// `GET /api/v1/keys`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Keys {
    pub keys: Vec<Key>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Key {
    pub access_key: String,
    pub user: String,
    /// RFC 3339.
    pub created: String,
    /// RFC 3339; `null` while it is valid.
    pub revoked: Option<String>,
}

/// `POST /api/v1/keys`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// A user of this name is created if there is none.
    pub user: String,
}

/// What `POST /api/v1/keys` answers: the one time the secret is shown.
#[derive(Serialize, Deserialize)]
pub struct IssuedKey {
    pub access_key: String,
    pub secret_key: String,
    pub user: String,
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
