//! What this Entente is made of: the embedded default, or what a configuration file says, under the
//! command line's flags. Parsed and checked once; what is here can be relied on.

#[macro_use]
mod settings;

mod encryption;
pub mod facts;
mod file;
mod page;
mod suggest;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::{KeepingSettings, ScrubSettings, WaitingCost};
use model::{Profile, SiteFacts, Vendor};
use providers::remote;

use crate::accreditation::Accreditation;
use crate::args::{DEFAULT_DATA_DIR, PlaceArgs, UpArgs};
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure};
use crate::root_key::PassphraseFrom;

pub use encryption::{Pair, Tls};
pub use file::NoSite;
pub use file::grow::{Addition, NotAdded};
pub use page::tables;

/// The region S3 clients sign for. It is the one they assume when nobody tells them another.
pub const DEFAULT_REGION: &str = "us-east-1";
/// Where the S3 door listens by default.
const DEFAULT_S3_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9000);
/// The admin API takes any free port: its clients find it in `run.json`.
const DEFAULT_ADMIN_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Where the console is opened. Nobody asked for this very port, so another will do where it is taken.
pub const DEFAULT_CONSOLE_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9002);
/// Bytes in flight in one process, parity and buffers included.
const DEFAULT_MEMORY_BUDGET: u64 = 512 << 20;
/// How long a site that was out must answer well before it takes part again.
const DEFAULT_REENTER_AFTER: Duration = Duration::from_secs(30);
/// What traces cost is then hardly to be measured.
const DEFAULT_TRACED_ONE_IN: NonZeroU32 = NonZeroU32::new(50).unwrap();
const DEFAULT_LIFECYCLE_DAY: Duration = Duration::from_secs(24 * 3600);
/// The vendors of the embedded default, one directory each.
const EMBEDDED_VENDORS: [Vendor; 4] = [Vendor::Amazon, Vendor::Microsoft, Vendor::Google, Vendor::Oracle];

/// Everything `up` needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub kind: Kind,
    /// Absolute.
    pub data_dir: PathBuf,
    /// Absolute.
    pub root_key: PathBuf,
    /// Of a root key that is sealed under one; asked for at the terminal where nothing is said.
    pub passphrase: Option<PassphraseFrom>,
    /// The configuration file, if there is one; absolute.
    pub file: Option<PathBuf>,
    pub region: String,
    pub default_profile: Profile,
    pub accreditation: Accreditation,
    pub s3_listen: SocketAddr,
    /// Where clients reach it, if that is not as this machine does.
    pub s3_endpoint: Option<String>,
    /// Names under which buckets are found as `BUCKET.NAME`, beside `localhost`.
    pub s3_domains: Vec<String>,
    pub admin_listen: SocketAddr,
    /// Where somebody wants the console; [`DEFAULT_CONSOLE_LISTEN`] or any free port if nobody says.
    pub console_listen: Option<SocketAddr>,
    /// How both doors are encrypted; without it they speak plain HTTP.
    pub tls: Option<Tls>,
    pub memory_budget_bytes: u64,
    /// How long a site that was out must answer well before it takes part again.
    pub reenter_after: Duration,
    pub waiting_cost: WaitingCost,
    /// Of about this size are the requests of a short read at distant sites.
    pub read_cut_bytes: u64,
    /// How long a day of lifecycle rules is.
    pub lifecycle_day: Duration,
    /// What may be spent on proving pieces, and how often.
    pub scrub: ScrubSettings,
    /// What repairs, evacuations and moves may take.
    pub keeping: KeepingSettings,
    /// Whether the S3 door's requests are counted and timed.
    pub counts_requests: bool,
    /// Where traces go, if anywhere.
    pub traces: Option<TracesConfig>,
    pub sites: Vec<SiteConfig>,
}

/// Where traces go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracesConfig {
    /// A collector, which takes them by OTLP over plain HTTP.
    pub endpoint: String,
    /// Of how many requests one is traced.
    pub one_in: NonZeroU32,
}

/// Where the settings come from; it decides what a first start may make by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything in one data directory, made on first start: root key, sites, the owner's key.
    Embedded,
    /// The operator brings root key and sites, and issues keys.
    Configured,
}

/// One site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteConfig {
    pub name: String,
    pub vendor: Vendor,
    pub region: String,
    pub facts: SiteFacts,
    pub store: StoreConfig,
}

/// Where a site keeps its pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreConfig {
    /// A directory; absolute.
    Local(PathBuf),
    /// A vendor's store.
    Remote(remote::Settings),
}

impl SiteConfig {
    /// The directory that the site is, if it is one.
    pub fn directory(&self) -> Option<&Path> {
        match &self.store {
            StoreConfig::Local(path) => Some(path),
            StoreConfig::Remote(_) => None,
        }
    }
}

impl Config {
    /// The settings of this command line, with what the file it names says.
    pub fn of(args: &UpArgs) -> Result<Config, Failure> {
        let mut config = Config::of_place(&args.place)?;
        if let Some(seconds) = args.lifecycle_day_s {
            config.lifecycle_day = Duration::from_secs(u64::from(seconds.get()));
        }
        config.s3_listen = args.s3_listen.unwrap_or(config.s3_listen);
        config.admin_listen = args.admin_listen.unwrap_or(config.admin_listen);
        config.console_listen = args.console_listen.or(config.console_listen);
        config.tls = encryption::under_flags(config.tls, &args.tls)?;
        config.passphrase = args.passphrase.clone().or(config.passphrase);
        config.check_listeners(args.insecure)?;
        Ok(config)
    }

    /// What the named file says, or the embedded default in this data directory.
    pub fn of_place(place: &PlaceArgs) -> Result<Config, Failure> {
        match &place.config {
            Some(path) => file::read(path),
            None => Ok(Config::embedded(&embedded_dir(place)?)),
        }
    }

    /// One more `[[site]]`, read as if it stood beside those that there are.
    pub fn further_site(&self, entry: &str) -> Result<SiteConfig, NoSite> {
        file::further_site(entry, self)
    }

    /// What adding it to the settings file would write.
    pub fn addition(&self, entry: &str) -> Result<Addition, NotAdded> {
        file::grow::addition(self, entry)
    }

    /// Sites that stand in the settings file as it is now, and not here.
    pub fn waiting_sites(&self) -> Vec<SiteConfig> {
        file::grow::waiting(self)
    }

    fn embedded(dir: &DataDir) -> Config {
        let accreditation = Accreditation::of_ones_own();
        let site = |vendor: Vendor| SiteConfig {
            name: vendor.name().to_owned(),
            vendor,
            region: DEFAULT_REGION.to_owned(),
            // A directory on this machine, whomever it stands for.
            facts: SiteFacts { ceiling: accreditation.range.high(), ..SiteFacts::default() },
            store: StoreConfig::Local(dir.site(vendor)),
        };
        Config {
            kind: Kind::Embedded,
            data_dir: dir.path().to_owned(),
            root_key: dir.root_key(),
            passphrase: None,
            file: None,
            region: DEFAULT_REGION.to_owned(),
            default_profile: Profile::Quad,
            accreditation,
            s3_listen: DEFAULT_S3_LISTEN,
            s3_endpoint: None,
            s3_domains: Vec::new(),
            admin_listen: DEFAULT_ADMIN_LISTEN,
            console_listen: None,
            tls: None,
            memory_budget_bytes: DEFAULT_MEMORY_BUDGET,
            reenter_after: DEFAULT_REENTER_AFTER,
            waiting_cost: WaitingCost::default(),
            read_cut_bytes: engine::READ_CUT,
            lifecycle_day: DEFAULT_LIFECYCLE_DAY,
            scrub: ScrubSettings::default(),
            keeping: KeepingSettings::default(),
            counts_requests: true,
            traces: None,
            sites: EMBEDDED_VENDORS.into_iter().map(site).collect(),
        }
    }

    pub fn dir(&self) -> DataDir {
        DataDir::at(self.data_dir.clone())
    }

    /// Whether what clients send and are sent can be read on the way.
    pub fn unencrypted_beyond_loopback(&self) -> bool {
        self.tls.is_none() && !is_loopback(self.s3_listen)
    }

    fn check_listeners(&self, insecure: bool) -> Result<(), Failure> {
        let (s3, admin) = (self.s3_listen, self.admin_listen);
        let mut doors = vec![("the S3 door", s3), ("the admin API", admin)];
        doors.extend(self.console_listen.map(|console| ("the console", console)));
        for (what, address) in doors.iter().skip(1) {
            if !is_loopback(*address) {
                let why = format!(
                    "{what} listens on loopback only, and {address} is reachable from elsewhere: use 127.0.0.1"
                );
                return Err(Failure::new(Exit::Usage, why));
            }
        }
        if self.unencrypted_beyond_loopback() && !insecure {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "{s3} is reachable from other machines and the S3 door has no TLS: give it a certificate with --tls-certificate and --tls-key or under [tls], or accept it with --insecure"
                ),
            ));
        }
        for (index, (one, address)) in doors.iter().enumerate() {
            let twin = doors.iter().skip(index + 1).find(|(_, other)| other == address && address.port() != 0);
            if let Some((other, _)) = twin {
                return Err(Failure::new(Exit::Usage, format!("{one} and {other} cannot both listen on {address}")));
            }
        }
        Ok(())
    }
}

/// The data directory a command line means.
pub fn data_dir(place: &PlaceArgs) -> Result<DataDir, Failure> {
    match &place.config {
        Some(path) => file::read(path).map(|config| config.dir()),
        None => embedded_dir(place),
    }
}

fn embedded_dir(place: &PlaceArgs) -> Result<DataDir, Failure> {
    absolute(place.data_dir.as_deref().unwrap_or(Path::new(DEFAULT_DATA_DIR))).map(DataDir::at)
}

/// The path from the root, with `.` and `..` taken out by their letters.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let absolute = std::path::absolute(path)
        .map_err(|error| Failure::new(Exit::Usage, format!("`{}` is no path: {error}", path.display())))?;
    let mut plain = PathBuf::new();
    for part in absolute.components() {
        match part {
            std::path::Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    Ok(plain)
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    fn check(line: &str) -> Result<Config, Failure> {
        let args = Args::try_parse_from(["entente", "up"].into_iter().chain(line.split_whitespace())).unwrap();
        let Command::Up(up) = args.command else { panic!("not up") };
        Config::of(&up)
    }

    #[test]
    fn the_embedded_default_is_four_vendors_in_one_directory() {
        let config = check("--data-dir /tmp/x/../d").unwrap();
        assert_eq!(config.data_dir, Path::new("/tmp/d"));
        assert_eq!(config.default_profile, Profile::Quad);
        let paths: Vec<_> =
            config.sites.iter().filter_map(SiteConfig::directory).map(|path| path.display().to_string()).collect();
        let expected = ["amazon", "microsoft", "google", "oracle"].map(|vendor| format!("/tmp/d/sites/{vendor}"));
        assert_eq!(paths, expected);
    }

    #[test]
    fn listening_beyond_loopback_is_refused_unless_asked_for() {
        let table = [
            ("--s3-listen 127.0.0.1:0", Ok(())),
            ("--s3-listen 127.8.8.8:1", Ok(())),
            ("--s3-listen [::1]:1", Ok(())),
            ("--s3-listen [::ffff:127.0.0.1]:1", Ok(())),
            ("--s3-listen 0.0.0.0:1", Err("--insecure")),
            ("--s3-listen [::]:1", Err("--insecure")),
            ("--s3-listen 192.0.2.1:1", Err("--insecure")),
            ("--s3-listen 0.0.0.0:1 --insecure", Ok(())),
            ("--s3-listen 0.0.0.0:1 --tls dev", Ok(())),
            ("--admin-listen 0.0.0.0:1 --tls dev", Err("loopback only")),
            ("--admin-listen 0.0.0.0:1", Err("loopback only")),
            ("--admin-listen 0.0.0.0:1 --insecure", Err("loopback only")),
            ("--s3-listen 127.0.0.1:7 --admin-listen 127.0.0.1:7", Err("cannot both")),
            ("--s3-listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --console-listen 127.0.0.1:0", Ok(())),
            ("--console-listen 0.0.0.0:1 --insecure", Err("the console listens on loopback only")),
            ("--s3-listen 127.0.0.1:7 --console-listen 127.0.0.1:7", Err("cannot both")),
            ("--admin-listen 127.0.0.1:7 --console-listen 127.0.0.1:7", Err("cannot both")),
        ];
        for (line, expected) in table {
            match (check(line), expected) {
                (Ok(_), Ok(())) => {}
                (Err(failure), Err(says)) => {
                    assert_eq!(failure.exit, Exit::Usage, "{line}");
                    assert!(failure.to_string().contains(says), "{line}: {failure}");
                }
                (got, _) => panic!("{line}: {got:?}"),
            }
        }
    }
}
