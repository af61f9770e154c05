//! The command line.

mod keep;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::failure::Exit;
use crate::root_key::PassphraseFrom;

pub use keep::{
    ActivityArgs, BucketArgs, BucketCommand, CompactArgs, CreateBucketArgs, DepthArg, DurabilityArgs, EvacuateArgs,
    FindingsArgs, JournalArgs, JournalCommand, MoveDataArgs, ObjectArgs, ObjectCommand, PiecesArgs, PlannedArgs,
    RepairArgs, ScrubArgs, SetSitesArgs,
};

/// Where data lies when nobody says otherwise, seen from the working directory.
pub const DEFAULT_DATA_DIR: &str = "entente-data";

/// One S3 store made of many vendors' stores.
#[derive(Debug, Parser)]
#[command(name = "entente", version, after_help = Exit::help())]
pub struct Args {
    /// What to log to stderr, such as `info` or `warn,engine=debug`; JSON unless it is a terminal
    #[arg(long, global = true, env = "ENTENTE_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Print JSON: one document on stdout, and how far it is as lines on stderr, the last of them why it failed
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start Entente and serve until interrupted
    Up(UpArgs),
    /// Create, change and list users, with what they are for and cleared for
    User(UserArgs),
    /// Create, list, rotate and revoke access keys
    Key(KeyArgs),
    /// Group users, so that they can be granted something together
    Group(GroupArgs),
    /// Say who beside its owner may use a bucket
    Grant(GrantArgs),
    /// Ask for, sign and list releases: copies to a lower label
    Release(ReleaseArgs),
    /// Say why something is allowed or not
    Explain(ExplainArgs),
    /// Show what is stored, what is below its promise, and how each site is
    Status(StatusArgs),
    /// Show what is being done now and why: sites that are out, repairs, moves, scrubs and other work
    Activity(ActivityArgs),
    /// Show how well what is stored is proven: objects by spare pieces and by age of proof
    Durability(DurabilityArgs),
    /// Compare the sites with the catalog, and read and verify pieces, now
    Scrub(ScrubArgs),
    /// List what scrubs found wrong: which piece, at which site
    Findings(FindingsArgs),
    /// Print a presigned URL that lets anyone who has it do one thing to one object
    Presign(PresignArgs),
    /// Move in: take over what lies in a bucket somewhere else, while clients use it
    #[command(name = "adoption", visible_alias = "adopt")]
    Adopt(AdoptArgs),
    /// Make a root key, give it out in shares, and join those
    RootKey(RootKeyArgs),
    /// List every cryptographic algorithm in use: what for, where, by which library
    Crypto,
    /// List labels, give one a new key, or make everything stored under one unreadable for ever
    Label(LabelArgs),
    /// Find and explain what is wrong with a deployment, running or stopped; changes nothing
    Doctor(DoctorArgs),
    /// Write the catalog of the running Entente into one sealed file
    Backup(BackupArgs),
    /// Start over: put a backup into an empty data directory
    Restore(RestoreArgs),
    /// Bring back the catalog of a data directory that lost it, out of the sites and the root key
    Rebuild(RebuildArgs),
    /// Look after the sites of a configuration
    Site(SiteArgs),
    /// List, show and create buckets; change a bucket's profile, and move what lies there
    Bucket(BucketArgs),
    /// Look at what lies in buckets
    Object(ObjectArgs),
    /// Bring everything below its promise up to it, the most endangered first
    Repair(RepairArgs),
    /// Look after the journal
    Journal(JournalArgs),
    /// Fill an enclave of its own (or an empty one that is named), take a vendor away and bring it back, tell what happens, clean up
    Demo(DemoArgs),
    /// Print what lets a shell complete commands and options
    Completion(CompletionArgs),
    /// Print the manual page, or write a page for each command
    Man(ManArgs),
}

#[derive(Debug, clap::Args)]
pub struct UpArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Where S3 clients connect [default: 127.0.0.1:9000]
    #[arg(long, value_name = "ADDR")]
    pub s3_listen: Option<SocketAddr>,
    /// Where operators connect; loopback only [default: any free port]
    #[arg(long, value_name = "ADDR")]
    pub admin_listen: Option<SocketAddr>,
    /// Where the console is opened in a browser; loopback only [default: 127.0.0.1:9002, or any free port]
    #[arg(long, value_name = "ADDR")]
    pub console_listen: Option<SocketAddr>,
    /// How long a day of lifecycle rules is, to watch them work [default: 86400]
    #[arg(long, env = "ENTENTE_LIFECYCLE_DAY_S", value_name = "SECONDS")]
    pub lifecycle_day_s: Option<NonZeroU32>,
    #[command(flatten)]
    pub tls: TlsArgs,
    /// Where the passphrase of the root key is: `prompt`, `file:PATH`, `fd:NUMBER` or `env:NAME`
    #[arg(long, value_name = "WHERE")]
    pub passphrase: Option<PassphraseFrom>,
    /// Let the S3 door listen beyond loopback although the connection is not encrypted
    #[arg(long)]
    pub insecure: bool,
}

/// How both doors are encrypted [default: as the configuration says, else not at all].
#[derive(Debug, clap::Args)]
pub struct TlsArgs {
    /// Speak TLS with a certificate made for trying things out, kept in the data directory
    #[arg(long, value_enum, value_name = "MODE", conflicts_with_all = ["tls_certificate", "tls_key"])]
    pub tls: Option<TlsMode>,
    /// Speak TLS with this certificate and its chain, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// The key of that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// What clients must offer: `compat`, or `cnsa2` for TLS 1.3 with AES-256 and ML-KEM-1024 alone
    #[arg(long, value_name = "NAME")]
    pub tls_profile: Option<tls::Profile>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TlsMode {
    Dev,
}

/// Which Entente is meant.
#[derive(Debug, clap::Args)]
pub struct PlaceArgs {
    /// The data directory [default: ./entente-data]
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub data_dir: Option<PathBuf>,
    /// A configuration file, which also names the data directory
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Which Entente is meant, and who asks.
#[derive(Debug, clap::Args)]
pub struct SignerArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// An AWS-style credentials file with the key to sign with [default: in the data directory
    /// `officer`, or `credentials` where that is the mission owner's business]
    #[arg(long = "as", value_name = "FILE", env = "ENTENTE_AS")]
    pub who: Option<PathBuf>,
    #[command(flatten)]
    pub there: ThereArgs,
}

/// Which Entente is meant, and who asks where it is not whoever runs the machine.
#[derive(Debug, clap::Args)]
pub struct AskerArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Sign with the key in this AWS-style credentials file [default: show the admin token in the data directory]
    #[arg(long = "as", value_name = "FILE")]
    pub who: Option<PathBuf>,
    #[command(flatten)]
    pub there: ThereArgs,
}

/// Where the Entente that is meant answers whoever has a key alone.
#[derive(Debug, clap::Args)]
pub struct ThereArgs {
    /// Where it answers, such as http://127.0.0.1:9002, for who may not read the data directory
    #[arg(long, value_name = "URL", requires = "who", conflicts_with_all = ["data_dir", "config"])]
    pub at: Option<String>,
    /// The certificate that it serves, of an https:// URL: in PEM, the first in the file, and no other is trusted
    #[arg(long, value_name = "FILE", requires = "at")]
    pub certificate: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct UserArgs {
    #[command(subcommand)]
    pub command: UserCommand,
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Create a user; access keys are issued with `entente key create`
    Create {
        #[command(flatten)]
        signer: SignerArgs,
        /// What people call the user
        name: String,
        /// mission-owner, platform-operator, security-officer, contracting-officer or auditor
        /// [default: mission-owner]
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// The highest label the user's sessions may have, such as `TOP SECRET//SI/TK` [default: the
        /// lowest of the enclave]
        #[arg(long, value_name = "LABEL")]
        clearance: Option<String>,
        /// Of which nation the user is, such as FRA; may be given several times
        #[arg(long = "nation", value_name = "CODE")]
        nations: Vec<String>,
    },
    /// Show one user
    Show {
        #[command(flatten)]
        signer: SignerArgs,
        name: String,
    },
    /// Change what a user is cleared for, suspend one, or let one back in
    Set {
        #[command(flatten)]
        signer: SignerArgs,
        name: String,
        /// The highest label the user's sessions may have from now on
        #[arg(long, value_name = "LABEL")]
        clearance: Option<String>,
        /// Of which nation the user is, such as FRA; may be given several times
        #[arg(long = "nation", value_name = "CODE")]
        nations: Vec<String>,
        /// No key of the user opens a session from now on
        #[arg(long, conflicts_with = "resume")]
        suspend: bool,
        /// The user's keys open sessions again
        #[arg(long)]
        resume: bool,
    },
    /// List all users
    List {
        #[command(flatten)]
        signer: SignerArgs,
    },
}

#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    pub command: KeyCommand,
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Issue an access key; its secret is shown this once
    Create {
        #[command(flatten)]
        signer: SignerArgs,
        /// Whose key; of a name that no user has a mission owner is made, cleared for the lowest label
        #[arg(long, value_name = "NAME")]
        user: String,
        /// The label of the key's sessions, such as `SECRET//SI` [default: the lowest of the enclave]
        #[arg(long, value_name = "LABEL")]
        label: Option<String>,
        /// After how long it expires: seconds, or a number with s, m, h or d [default: never]
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        /// Addresses it is taken from, such as 192.0.2.0/24; may be given several times [default: all]
        #[arg(long = "from", value_name = "RANGE")]
        sources: Vec<String>,
    },
    /// List all access keys, without secrets
    List {
        #[command(flatten)]
        signer: SignerArgs,
    },
    /// Issue a key in place of another, which goes on for a while
    Rotate {
        #[command(flatten)]
        signer: SignerArgs,
        /// The access key id
        id: String,
        /// For how long the old key goes on: seconds, or a number with s, m, h or d [default: not at all]
        #[arg(long, value_name = "TIME")]
        grace: Option<String>,
    },
    /// Make an access key invalid from now on
    Revoke {
        #[command(flatten)]
        signer: SignerArgs,
        /// The access key id
        id: String,
        /// Show whose it is and what they have left, and do nothing
        #[arg(long)]
        plan: bool,
    },
}

#[derive(Debug, clap::Args)]
pub struct GroupArgs {
    #[command(subcommand)]
    pub command: GroupCommand,
}

#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// Make a group; buckets can be granted to it
    Create {
        #[command(flatten)]
        signer: SignerArgs,
        name: String,
    },
    /// List all groups with their members
    List {
        #[command(flatten)]
        signer: SignerArgs,
    },
    /// Show one group with its members
    Show {
        #[command(flatten)]
        signer: SignerArgs,
        name: String,
    },
    /// Take users in, or out
    Set {
        #[command(flatten)]
        signer: SignerArgs,
        name: String,
        /// A user who comes in; may be given several times
        #[arg(long = "add", value_name = "USER")]
        add: Vec<String>,
        /// A user who goes; may be given several times
        #[arg(long = "remove", value_name = "USER")]
        remove: Vec<String>,
    },
    /// Delete a group; what was granted to it is granted to nobody then
    Delete {
        #[command(flatten)]
        signer: SignerArgs,
        name: String,
        /// Show who is in it and what they lose, and do nothing
        #[arg(long)]
        plan: bool,
    },
}

#[derive(Debug, clap::Args)]
pub struct GrantArgs {
    #[command(subcommand)]
    pub command: GrantCommand,
}

#[derive(Debug, Subcommand)]
pub enum GrantCommand {
    /// Let a user or group use a bucket and all that is in it, within their labels
    Set {
        #[command(flatten)]
        signer: SignerArgs,
        bucket: String,
        /// A user, or `group:NAME`
        #[arg(long, value_name = "WHOM")]
        to: String,
        /// read, write or manage
        right: String,
        /// The bucket's label, where several have the name
        #[arg(long, value_name = "LABEL")]
        label: Option<String>,
    },
    /// Take it back
    Remove {
        #[command(flatten)]
        signer: SignerArgs,
        bucket: String,
        /// A user, or `group:NAME`
        #[arg(long, value_name = "WHOM")]
        to: String,
        /// The bucket's label, where several have the name
        #[arg(long, value_name = "LABEL")]
        label: Option<String>,
    },
    /// List who may use a bucket beside its owner
    List {
        #[command(flatten)]
        signer: SignerArgs,
        bucket: String,
        /// The bucket's label, where several have the name
        #[arg(long, value_name = "LABEL")]
        label: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
pub struct ReleaseArgs {
    #[command(subcommand)]
    pub command: ReleaseCommand,
}

#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
    /// Ask that an object be copied to a bucket of a lower label (signed by a mission owner)
    Ask {
        #[command(flatten)]
        signer: SignerArgs,
        /// The object: s3://BUCKET/KEY
        from: String,
        /// Where to: s3://BUCKET/KEY, whose key must be free
        to: String,
        /// The label of the bucket it goes to
        #[arg(long, value_name = "LABEL")]
        to_label: String,
        /// Which version; the current one by default
        #[arg(long, value_name = "ID")]
        version: Option<String>,
        /// Why, for those who sign
        #[arg(long)]
        reason: String,
    },
    /// List releases: all that an officer may see, a mission owner's own
    List {
        #[command(flatten)]
        signer: SignerArgs,
    },
    /// Read what is to be released (a security officer): nobody signs what they cannot see
    Look {
        #[command(flatten)]
        signer: SignerArgs,
        id: String,
        /// Where to write it; it must not exist
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Say yes (a security officer); with the second yes it is carried out
    Sign {
        #[command(flatten)]
        signer: SignerArgs,
        id: String,
    },
    /// Say no (a security officer)
    Refuse {
        #[command(flatten)]
        signer: SignerArgs,
        id: String,
    },
    /// Take back what one asked for
    TakeBack {
        #[command(flatten)]
        signer: SignerArgs,
        id: String,
    },
    /// Try again to carry out what was signed
    CarryOut {
        #[command(flatten)]
        signer: SignerArgs,
        id: String,
    },
}

#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    pub signer: SignerArgs,
    /// What would be done, such as GetObject
    pub action: String,
    /// To what: s3://BUCKET or s3://BUCKET/KEY
    pub target: Option<String>,
    /// By whom [default: by oneself]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// In a session of this label [default: the highest the user may have]
    #[arg(long, value_name = "LABEL", conflicts_with = "key")]
    pub label: Option<String>,
    /// With this access key
    #[arg(long, value_name = "ID")]
    pub key: Option<String>,
    /// From this address
    #[arg(long, value_name = "ADDRESS", requires = "key")]
    pub from: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct AdoptArgs {
    #[command(subcommand)]
    pub command: AdoptCommand,
}

#[derive(Debug, Subcommand)]
pub enum AdoptCommand {
    /// Count what is there, and what bringing it over will ask of the old place; writes nothing
    Plan {
        #[command(flatten)]
        asker: AskerArgs,
        #[command(flatten)]
        origin: OriginArgs,
    },
    /// Let a bucket take over another: its objects show at once, and are copied in the background
    Start {
        #[command(flatten)]
        asker: AskerArgs,
        /// The bucket here; it must exist
        bucket: String,
        #[command(flatten)]
        origin: OriginArgs,
        /// What the copy may read per second, such as `20 MiB` [default: as fast as it goes]
        #[arg(long, value_name = "SIZE")]
        budget: Option<String>,
    },
    /// Show each adoption and how far it is
    Status {
        #[command(flatten)]
        asker: AskerArgs,
    },
    /// Let the copy rest; what is not here yet is still read from the old place
    Pause {
        #[command(flatten)]
        asker: AskerArgs,
        bucket: String,
    },
    /// Let a paused copy go on
    Resume {
        #[command(flatten)]
        asker: AskerArgs,
        bucket: String,
        /// What the copy may read per second from now on [default: as fast as it goes]
        #[arg(long, value_name = "SIZE")]
        budget: Option<String>,
    },
    /// Compare both places; only if nothing differs, ask the old one no more
    Finish {
        #[command(flatten)]
        asker: AskerArgs,
        bucket: String,
    },
    /// Ask the old place no more, whatever is not here yet
    Abandon {
        #[command(flatten)]
        asker: AskerArgs,
        bucket: String,
        /// Show what has been brought and what the old place is still asked for, and do nothing
        #[arg(long)]
        plan: bool,
    },
}

/// The bucket to take over.
#[derive(Debug, clap::Args)]
pub struct OriginArgs {
    /// s3://BUCKET, azure://ACCOUNT/CONTAINER or gs://BUCKET
    #[arg(long, value_name = "URL")]
    pub from: String,
    /// Where it is served [default: the vendor's public endpoint]
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// The region requests are signed for
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// Where the running Entente finds the keys: `chain` (as the vendor's own tools do), `env:PREFIX`
    /// (variables that begin with it), `file:PATH` or `file:PATH#PROFILE`, or `none`; they must
    /// allow reading and listing, nothing else
    #[arg(long, value_name = "WHERE", default_value = "chain")]
    pub credentials: String,
}

#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub asker: AskerArgs,
}

#[derive(Debug, clap::Args)]
pub struct PresignArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// What the URL allows
    #[arg(value_enum, ignore_case = true)]
    pub method: Method,
    /// To what: s3://BUCKET or s3://BUCKET/KEY
    pub target: String,
    /// For how long: seconds, or a number with s, m, h or d; at most 7d
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub expires: String,
    /// The endpoint to sign for [default: that of the running Entente]
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// The region to sign for [default: that of the running Entente]
    #[arg(long, value_name = "NAME", requires = "endpoint")]
    pub region: Option<String>,
    /// An AWS-style credentials file [default: `credentials` in the data directory]
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    Get,
    Head,
    Put,
    Delete,
}

impl Method {
    pub const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

#[derive(Debug, clap::Args)]
pub struct SiteArgs {
    #[command(subcommand)]
    pub command: SiteCommand,
}

#[derive(Debug, Subcommand)]
pub enum SiteCommand {
    /// Write, read, list and delete a small object at each site; say what works and what to do
    Check(SiteCheckArgs),
    /// What each site is used for, and how much lies there
    List {
        #[command(flatten)]
        asker: AskerArgs,
    },
    /// Check a further site, write it into the settings file of the running Entente, and use it from now on
    Add(AddSiteArgs),
    /// Store nothing more there, and read only what is nowhere else; what lies there stays
    Suspend(SetSitesArgs),
    /// Use sites again that are suspended, being left, or detached
    Activate(SetSitesArgs),
    /// Tell which pieces that no record names would be deleted now; the running Entente does it by itself, every hour
    Sweep(PlannedArgs),
    /// Bring everything elsewhere, prove the sites empty, and detach them; go on if it was broken off
    Evacuate(EvacuateArgs),
}

#[derive(Debug, clap::Args)]
pub struct AddSiteArgs {
    #[command(flatten)]
    pub asker: AskerArgs,
    /// The site as one [[site]] of the settings, in TOML; `-` is stdin
    #[arg(value_name = "FILE")]
    pub entry: PathBuf,
    /// Print what would be written and where, and do nothing; the site is not asked
    #[arg(long)]
    pub plan: bool,
}

#[derive(Debug, clap::Args)]
pub struct SiteCheckArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct RootKeyArgs {
    #[command(subcommand)]
    pub command: Option<RootKeyCommand>,
    /// As of `root-key make`, which may be left out
    #[arg(required = true, hide = true)]
    pub path: Option<PathBuf>,
    /// As of `root-key make`
    #[arg(long, value_name = "WHERE", hide = true)]
    pub passphrase: Option<PassphraseFrom>,
}

#[derive(Debug, Subcommand)]
pub enum RootKeyCommand {
    /// Make a new root key file, for a configuration that names one
    Make {
        /// The file to make; it must not exist
        path: PathBuf,
        /// Seal it under a passphrase, which is at `prompt`, `file:PATH`, `fd:NUMBER` or `env:NAME`
        #[arg(long, value_name = "WHERE")]
        passphrase: Option<PassphraseFrom>,
    },
    /// Write the root key of the running Entente in shares, a file for each holder
    Split {
        #[command(flatten)]
        place: PlaceArgs,
        /// How many shares there are; as many as holders are named
        #[arg(long, value_name = "N")]
        shares: Option<u8>,
        /// How many of them give the root key back
        #[arg(long, value_name = "K")]
        needed: u8,
        /// Who gets one; give it once for each
        #[arg(long = "holder", value_name = "NAME", required = true)]
        holders: Vec<String>,
        /// The directory for the files [default: the working directory]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Where the passphrase of the root key is
        #[arg(long, value_name = "WHERE")]
        passphrase: Option<PassphraseFrom>,
    },
    /// Put the root key together from shares
    Join {
        /// The shares' files
        #[arg(required = true)]
        shares: Vec<PathBuf>,
        /// The file to make; it must not exist
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Seal it under a passphrase
        #[arg(long, value_name = "WHERE")]
        passphrase: Option<PassphraseFrom>,
    },
}

#[derive(Debug, clap::Args)]
pub struct LabelArgs {
    #[command(subcommand)]
    pub command: LabelCommand,
}

#[derive(Debug, Subcommand)]
pub enum LabelCommand {
    /// List the labels in use, with their keys and buckets
    List {
        #[command(flatten)]
        asker: AskerArgs,
    },
    /// Give a label a new key for what is written from now on; nothing that is stored is touched
    Rotate {
        #[command(flatten)]
        signer: SignerArgs,
        /// The label, such as `SECRET//SI`
        label: String,
    },
    /// Make everything stored under a label unreadable for ever, wherever copies of it are
    Shred {
        #[command(flatten)]
        signer: SignerArgs,
        /// The label, such as `SECRET//SI`
        label: String,
        /// Only show what it would do
        #[arg(long, conflicts_with = "yes")]
        plan: bool,
        /// Do it without asking: the label's name again
        #[arg(long, value_name = "LABEL")]
        yes: Option<String>,
        /// Although object locks keep some of it
        #[arg(long)]
        despite_locks: bool,
    },
}

#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Where the passphrase of the root key is
    #[arg(long, value_name = "WHERE")]
    pub passphrase: Option<PassphraseFrom>,
}

#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    #[command(flatten)]
    pub asker: AskerArgs,
    /// The file to make; it must not exist
    pub path: PathBuf,
    /// Only show what it would write
    #[arg(long)]
    pub plan: bool,
}

#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// The backup
    pub path: PathBuf,
    /// Only show what it would do
    #[arg(long)]
    pub plan: bool,
    /// Where the passphrase of the root key is
    #[arg(long, value_name = "WHERE")]
    pub passphrase: Option<PassphraseFrom>,
}

#[derive(Debug, clap::Args)]
pub struct RebuildArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Print what would be read, and do nothing but list it
    #[arg(long)]
    pub plan: bool,
    /// Rebuild into a catalog that is thrown away, while the enclave runs or not, and tell what differs
    #[arg(long, conflicts_with = "plan")]
    pub drill: bool,
    /// Throw away what a rebuild that was cut short left, instead of going on with it
    #[arg(long, conflicts_with_all = ["plan", "drill"])]
    pub anew: bool,
    /// Where the passphrase of the root key is
    #[arg(long, value_name = "WHERE")]
    pub passphrase: Option<PassphraseFrom>,
}

/// Without a place it is an enclave of its own, gone afterwards; with one, an empty one that runs there.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Leave it running, with all that was made, to look at it
    #[arg(long)]
    pub keep: bool,
}

#[derive(Debug, clap::Args)]
pub struct CompletionArgs {
    /// Of which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The directory for the pages; it is made if it is not there [default: the first page, on stdout]
    #[arg(value_name = "DIR", conflicts_with_all = ["markdown", "settings"])]
    pub dir: Option<PathBuf>,
    /// Print the reference of all commands as one page of Markdown
    #[arg(long, conflicts_with = "settings")]
    pub markdown: bool,
    /// Print every setting of the configuration file as tables of Markdown
    #[arg(long)]
    pub settings: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    /// What is typed for the command, with something in each place that must be filled.
    fn typed(names: &[String], command: &clap::Command) -> Vec<String> {
        let mut line = names.to_vec();
        for argument in command.get_arguments().filter(|one| !one.is_hide_set()) {
            let value = argument.get_possible_values().first().map_or("1".to_owned(), |one| one.get_name().to_owned());
            match argument.get_long() {
                None if argument.is_positional() => line.push(value),
                Some(name) if argument.is_required_set() => {
                    line.push(format!("--{name}"));
                    line.extend(argument.get_action().takes_values().then_some(value));
                }
                _ => {}
            }
        }
        line
    }

    fn leaves(names: &[String], command: &clap::Command, found: &mut Vec<Vec<String>>) {
        let below: Vec<_> = command.get_subcommands().filter(|one| one.get_name() != "help").collect();
        if below.is_empty() {
            found.push(typed(names, command));
        }
        for one in below {
            let mut further = names.to_vec();
            further.push(one.get_name().to_owned());
            leaves(&further, one, found);
        }
    }

    #[test]
    fn every_command_takes_json() {
        let mut command = Args::command();
        command.build();
        let mut lines = Vec::new();
        leaves(&["entente".to_owned()], &command, &mut lines);
        assert!(lines.len() > 45, "{lines:?}");
        for line in lines {
            let json = Args::try_parse_from(line.iter().map(String::as_str).chain(["--json"]));
            assert!(json.is_ok_and(|args| args.json), "{line:?}");
            assert!(Args::try_parse_from(&line).is_ok_and(|args| !args.json), "{line:?}");
        }
        // Two have none to give, and say so: a shell's script, and a page for `man` unless it goes to files.
    }

    #[test]
    fn a_key_is_needed_where_no_data_directory_is_read() {
        for (line, well) in [
            ("entente status --as auditor --at http://127.0.0.1:9002", true),
            ("entente status --at http://127.0.0.1:9002", false),
            ("entente status --as auditor --at http://127.0.0.1:9002 --data-dir d", false),
            ("entente status --as auditor --config entente.toml", true),
        ] {
            assert_eq!(Args::try_parse_from(line.split(' ')).is_ok(), well, "{line}");
        }
    }

    #[test]
    fn a_data_directory_beside_a_configuration_file_is_refused() {
        let line = ["entente", "up", "--config", "a.toml", "--data-dir", "b"];
        assert!(Args::try_parse_from(line).is_err());
    }
}
