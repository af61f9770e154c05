//! What a doctor knows of a deployment: plain values, gathered once.

#[derive(Clone, Debug)]
pub struct Facts {
    /// Year and month of today.
    pub month: (i32, u8),
    /// How far the wall clock went away from the monotonic one while the doctor looked.
    pub clock_slip_ms: i64,
    /// The embedded default: one directory for trying things out.
    pub embedded: bool,
    pub run: Run,
    pub root_key: RootKey,
    pub catalog: Catalog,
    pub known: Option<Known>,
    pub data_dir: String,
    /// Paths in the data directory that others can enter or read, with their modes.
    pub open_to_others: Vec<(String, u32)>,
    /// The security officer's key still lies in the data directory.
    pub officer_file: bool,
    /// Free bytes on the disk of the data directory.
    pub room: Option<u64>,
    pub sites: Vec<Site>,
    pub needs: Needs,
    /// Year and month of the shipped prices.
    pub prices_as_of: Option<(i32, u8)>,
    pub certificate: Option<Certificate>,
    /// What the running process may hold open, or this one.
    pub open_files: Option<u64>,
    pub memory_budget: u64,
    pub memory: Option<u64>,
    /// Addresses that cannot be listened on, and why; of a running one, those that do not answer.
    pub ports: Vec<(String, String)>,
    pub unencrypted_beyond_loopback: bool,
    pub lifecycle_day_s: u64,
    pub scrubs: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    Stopped,
    /// A process ended without saying so.
    Killed,
    /// One holds the directory and is not ready.
    Starting,
    Running {
        version: String,
        ours: String,
    },
}

#[derive(Clone, Debug)]
pub struct RootKey {
    pub path: String,
    pub state: RootKeyState,
    /// On the disk that the data directory is on.
    pub beside_data: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootKeyState {
    Missing,
    /// Why it cannot be used, and what helps.
    Unusable(String),
    /// Sealed, and nobody said where the passphrase is.
    Sealed,
    /// Whether it opens what the catalog has; `None` where there is nothing to open.
    Loaded {
        opens: Option<bool>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Catalog {
    Missing { founded_sites: bool },
    Unreadable(String),
    Older { found: u32, known: u32 },
    Newer { found: u32, known: u32 },
    Read { bytes: u64 },
}

/// Out of the catalog.
#[derive(Clone, Debug)]
pub struct Known {
    pub objects: u64,
    pub below_promise: u64,
    pub unshown: u64,
    /// Of the root key there is now, or of one that cannot be compared.
    pub shares: bool,
    /// Seconds since the newest backup under it.
    pub backup_age_s: Option<i64>,
    pub keys: Vec<Key>,
}

/// An access key that is valid.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: String,
    pub expires_in_s: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Site {
    pub name: String,
    pub vendor: String,
    /// A vendor's store, and not a directory.
    pub remote: bool,
    pub state: SiteState,
    /// Whose it is, or why it cannot be reached and what helps.
    pub held: Result<Held, String>,
    /// By how many seconds its clock is ahead.
    pub clock_ahead_s: Option<i64>,
    /// Free bytes on its disk.
    pub room: Option<u64>,
    /// Which disk it is on.
    pub disk: Option<u64>,
    pub priced: bool,
    pub anonymous: bool,
    /// What lies under the highest label of the enclave may lie there.
    pub takes_all: bool,
    /// Why the running process leaves it out.
    pub out: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteState {
    Used,
    Suspended,
    /// Or being left.
    Left,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    Ours,
    Foreign {
        enclave: String,
    },
    /// Of this enclave, under another name.
    Other {
        name: String,
    },
    Nobodys {
        empty: bool,
    },
    /// It was this enclave's, and nothing is left there.
    Emptied,
    /// There is no catalog to compare with.
    Unknown,
}

/// What the default profile asks for.
#[derive(Clone, Debug)]
pub struct Needs {
    pub profile: String,
    pub vendors: usize,
    /// Under this nothing is written.
    pub least: usize,
}

#[derive(Clone, Debug)]
pub struct Certificate {
    pub path: String,
    pub development: bool,
    /// Why the pair cannot be served.
    pub unusable: Option<String>,
    pub begins_in_s: i64,
    pub ends_in_s: i64,
    /// Of the key's file, where others can read it.
    pub key_open: Option<u32>,
    /// What clients call the door and it is not for.
    pub uncovered: Vec<String>,
}
