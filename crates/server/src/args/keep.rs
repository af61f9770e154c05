//! What keeps what is stored, and what shows how well it is kept.

use clap::ValueEnum;

use super::{AskerArgs, SignerArgs};

#[derive(Debug, clap::Args)]
pub struct ScrubArgs {
    #[command(flatten)]
    pub asker: AskerArgs,
    /// Only this site; may be repeated [default: all that are not detached]
    #[arg(long = "site", value_name = "NAME")]
    pub sites: Vec<String>,
    /// How thoroughly; may be repeated [default: all three, one after the other]
    #[arg(long = "depth", value_enum)]
    pub depths: Vec<DepthArg>,
    /// Print what it would ask of each site, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// Go on when the day's budget is spent
    #[arg(long)]
    pub beyond_budget: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DepthArg {
    /// What each site lists against the catalog, both ways
    Inventory,
    /// The length of each piece, asked for one by one
    Heads,
    /// A random stripe of each segment, read and verified
    Cells,
}

#[derive(Debug, clap::Args)]
pub struct ActivityArgs {
    #[command(flatten)]
    pub asker: AskerArgs,
}

#[derive(Debug, clap::Args)]
pub struct DurabilityArgs {
    #[command(flatten)]
    pub asker: AskerArgs,
}

#[derive(Debug, clap::Args)]
pub struct FindingsArgs {
    #[command(flatten)]
    pub asker: AskerArgs,
    /// Those that are over, too
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, clap::Args)]
pub struct SetSitesArgs {
    #[command(flatten)]
    pub asker: AskerArgs,
    /// Their names, as in the configuration
    #[arg(required = true, value_name = "SITE")]
    pub sites: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub struct EvacuateArgs {
    #[command(flatten)]
    pub asker: AskerArgs,
    /// Their names, as in the configuration
    #[arg(required_unless_present = "vendor", conflicts_with = "vendor", value_name = "SITE")]
    pub sites: Vec<String>,
    /// All sites of this vendor: amazon, microsoft, google, oracle or own
    #[arg(long)]
    pub vendor: Option<String>,
    /// Print what it would take, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// Begin, and do not wait for the end
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, clap::Args)]
pub struct RepairArgs {
    #[command(flatten)]
    pub asker: AskerArgs,
    /// Print what it would take, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// Go on when the day's dollars are spent
    #[arg(long)]
    pub beyond_budget: bool,
}

#[derive(Debug, clap::Args)]
pub struct BucketArgs {
    #[command(subcommand)]
    pub command: BucketCommand,
}

#[derive(Debug, clap::Subcommand)]
pub enum BucketCommand {
    /// List the buckets that one may see: all at or below the key, or those a mission owner may list
    List {
        #[command(flatten)]
        asker: AskerArgs,
    },
    /// Show a bucket; where several labels have one of the name, each of them
    Show {
        #[command(flatten)]
        asker: AskerArgs,
        name: String,
    },
    /// Create a bucket at the label of the key that signs (signed by a mission owner)
    Create(CreateBucketArgs),
    /// Bring what lies in a bucket to where its profile says, after changing that or adding sites
    MoveData(MoveDataArgs),
    /// Tell what lifecycle rules make due now; the running Entente does it by itself, every hour
    Lifecycle(PlannedArgs),
}

#[derive(Debug, clap::Args)]
pub struct CreateBucketArgs {
    #[command(flatten)]
    pub signer: SignerArgs,
    pub name: String,
    /// How it is spread over vendors: quad, lean, std, econ, or mirror-1 to mirror-8 [default: the enclave's]
    #[arg(long)]
    pub profile: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct ObjectArgs {
    #[command(subcommand)]
    pub command: ObjectCommand,
}

#[derive(Debug, clap::Subcommand)]
pub enum ObjectCommand {
    /// Tell where an object lies: its pieces, at which sites, and when they were last proven
    Pieces(PiecesArgs),
}

#[derive(Debug, clap::Args)]
pub struct PiecesArgs {
    #[command(flatten)]
    pub signer: SignerArgs,
    /// The object: s3://BUCKET/KEY
    pub target: String,
    /// Which version, or `null`; the current one by default
    #[arg(long, value_name = "ID")]
    pub version: Option<String>,
}

/// Of what goes by itself, and can only be looked at.
#[derive(Debug, clap::Args)]
pub struct PlannedArgs {
    #[command(flatten)]
    pub asker: AskerArgs,
    /// Print what would be done now, and do nothing
    #[arg(long, required = true)]
    pub plan: bool,
}

#[derive(Debug, clap::Args)]
pub struct MoveDataArgs {
    #[command(flatten)]
    pub asker: AskerArgs,
    /// The bucket
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub bucket: Option<String>,
    /// Every bucket, each by its own profile
    #[arg(long, conflicts_with = "profile")]
    pub all: bool,
    /// From now on the bucket has this profile: quad, lean, std, econ, or mirror-1 to mirror-8
    #[arg(long)]
    pub profile: Option<String>,
    /// Print what it would take, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// Begin, and do not wait for the end
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, clap::Args)]
pub struct JournalArgs {
    #[command(subcommand)]
    pub command: JournalCommand,
}

#[derive(Debug, clap::Subcommand)]
pub enum JournalCommand {
    /// Seal many small segments as one, without what nobody holds any more
    Compact(CompactArgs),
}

#[derive(Debug, clap::Args)]
pub struct CompactArgs {
    #[command(flatten)]
    pub asker: AskerArgs,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub plan: bool,
}
