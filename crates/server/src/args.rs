//! The command line.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::failure::Exit;

/// Where data lies when nobody says otherwise, seen from the working directory.
pub const DEFAULT_DATA_DIR: &str = "entente-data";

/// One S3 store made of many vendors' stores.
#[derive(Debug, Parser)]
#[command(name = "entente", version, after_help = Exit::HELP)]
pub struct Args {
    /// What to log to stderr, such as `info` or `warn,engine=debug`; JSON unless it is a terminal
    #[arg(long, global = true, env = "ENTENTE_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start Entente and serve until interrupted
    Up(UpArgs),
    /// Create and list users, with what they are for and cleared for
    User(UserArgs),
    /// Create, list and revoke access keys
    Key(KeyArgs),
    /// Show what is stored, what is below its promise, and how each site is
    Status(StatusArgs),
    /// Print a presigned URL that lets anyone who has it do one thing to one object
    Presign(PresignArgs),
    /// Move in: take over what lies in a bucket somewhere else, while clients use it
    Adopt(AdoptArgs),
    /// Make a new root key file, for a configuration that names one
    RootKey(RootKeyArgs),
    /// Look after the sites of a configuration
    Site(SiteArgs),
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
    /// Print one line of JSON when ready, and nothing else, on stdout
    #[arg(long)]
    pub json: bool,
    /// How long a day of lifecycle rules is, to watch them work [default: 86400]
    #[arg(long, env = "ENTENTE_LIFECYCLE_DAY_S", value_name = "SECONDS")]
    pub lifecycle_day_s: Option<NonZeroU32>,
    /// Let the S3 door listen beyond loopback although the connection is not encrypted
    #[arg(long)]
    pub insecure: bool,
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
        place: PlaceArgs,
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
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// List all users
    List {
        #[command(flatten)]
        place: PlaceArgs,
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
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
        place: PlaceArgs,
        /// Whose key; a user of this name, cleared for the lowest label, is created if there is none
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
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// List all access keys, without secrets
    List {
        #[command(flatten)]
        place: PlaceArgs,
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Make an access key invalid from now on
    Revoke {
        #[command(flatten)]
        place: PlaceArgs,
        /// The access key id
        id: String,
    },
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
        place: PlaceArgs,
        #[command(flatten)]
        origin: OriginArgs,
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a bucket take over another: its objects show at once, and are copied in the background
    Start {
        #[command(flatten)]
        place: PlaceArgs,
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
        place: PlaceArgs,
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Let the copy rest; what is not here yet is still read from the old place
    Pause {
        #[command(flatten)]
        place: PlaceArgs,
        bucket: String,
    },
    /// Let a paused copy go on
    Resume {
        #[command(flatten)]
        place: PlaceArgs,
        bucket: String,
        /// What the copy may read per second from now on [default: as fast as it goes]
        #[arg(long, value_name = "SIZE")]
        budget: Option<String>,
    },
    /// Compare both places; only if nothing differs, ask the old one no more
    Finish {
        #[command(flatten)]
        place: PlaceArgs,
        bucket: String,
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask the old place no more, whatever is not here yet
    Abandon {
        #[command(flatten)]
        place: PlaceArgs,
        bucket: String,
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
    pub place: PlaceArgs,
    /// Print one line of JSON
    #[arg(long)]
    pub json: bool,
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
}

#[derive(Debug, clap::Args)]
pub struct SiteCheckArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Print one line of JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct RootKeyArgs {
    /// The file to make; it must not exist
    pub path: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_data_directory_beside_a_configuration_file_is_refused() {
        let line = ["entente", "up", "--config", "a.toml", "--data-dir", "b"];
        assert!(Args::try_parse_from(line).is_err());
    }
}
