//! `entente.toml`: from text to a checked [`Config`]. Every complaint names its line, and all of
//! them are told at once.

pub mod grow;
mod scrub;
pub(super) mod site;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use engine::WaitingCost;
use model::{LabelRange, Profile, Vendor};
use policy::labels::{Table, Tables};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tls::Files;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use self::site::Site;
use super::facts::PriceTable;
use super::settings::Section;
use super::suggest::nearest;
use super::{
    Config, DEFAULT_ADMIN_LISTEN, DEFAULT_LIFECYCLE_DAY, DEFAULT_MEMORY_BUDGET, DEFAULT_REENTER_AFTER, DEFAULT_REGION,
    DEFAULT_S3_LISTEN, DEFAULT_TRACED_ONE_IN, Kind, Pair, SiteConfig, Tls, TracesConfig, absolute,
};
use crate::accreditation::{Accreditation, DEFAULT_TABLE};
use crate::failure::{Exit, Failure};
use crate::root_key::PassphraseFrom;

/// Every section, in the order of the book.
pub(super) const SECTIONS: [Section; 13] = [
    Enclave::SECTION,
    S3::SECTION,
    Admin::SECTION,
    Console::SECTION,
    TlsSection::SECTION,
    Limits::SECTION,
    Reads::SECTION,
    Lifecycle::SECTION,
    scrub::Section::SECTION,
    scrub::Keeping::SECTION,
    Metrics::SECTION,
    Traces::SECTION,
    Site::SECTION,
];

/// Dollars that an hour of waiting may cost: a slip of the decimal point is told, not believed.
const WAITING_COST_MAX: f64 = 100_000.0;
/// A cut read has requests of at least this size: smaller ones answer no sooner.
const READ_CUT_MIN: u64 = 16 << 10;

/// A few of the smallest segments with their parity: with less, large bodies would go one by one.
const MEMORY_BUDGET_MIN: u64 = 64 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    enclave: Enclave,
    #[serde(default)]
    s3: S3,
    #[serde(default)]
    admin: Admin,
    #[serde(default)]
    console: Console,
    tls: Option<Spanned<TlsSection>>,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    reads: Reads,
    #[serde(default)]
    lifecycle: Lifecycle,
    #[serde(default)]
    scrub: scrub::Section,
    #[serde(default)]
    keeping: scrub::Keeping,
    #[serde(default)]
    metrics: Metrics,
    #[serde(default)]
    traces: Traces,
    #[serde(default)]
    site: Vec<Spanned<Site>>,
}

/// A part of a file that adds sites and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    site: Vec<Spanned<Site>>,
}

section! {
    [enclave]
    struct Enclave {
        /// where the catalog lies, with the lock, the admin token and the officer's key at first
        data_dir: Spanned<PathBuf> = "must be set",
        /// the file that `entente root-key make FILE` made; refused inside the data directory and inside a site, and
        /// where others may read it
        root_key: Spanned<PathBuf> = "must be set",
        /// of a root key made with `--passphrase`: `prompt`, `file:PATH`, `fd:NUMBER` or `env:NAME`
        passphrase: Option<Spanned<String>> = "asked for at the terminal",
        /// the region that S3 clients sign for
        region: Option<Spanned<String>> = "`us-east-1`",
        /// of buckets that are not told another: `quad`, `lean`, `std`, `econ`, `mirror-1` to `mirror-8`; there must be
        /// sites of as many vendors as it has pieces
        default_profile: Option<Spanned<String>> = "`quad`",
        /// what labels are called: `us`, `nato`, `eu` or `fr`
        labels: Option<Spanned<String>> = "`us`",
        /// from which label to which the enclave is accredited, as `["UNCLASSIFIED", "SECRET"]`
        range: Option<Spanned<[String; 2]>> = "the lowest label alone",
    }
}

section! {
    [s3]
    #[derive(Default)]
    struct S3 {
        /// where S3 clients connect; beyond loopback only with `[tls]`, or with `--insecure` on the command line
        listen: Option<Spanned<String>> = "`127.0.0.1:9000`",
        /// the address under which clients reach it, such as `https://s3.example.org`: links are made for it, and the
        /// console sends what lies in buckets by it
        endpoint: Option<Spanned<String>> = "as this machine reaches `listen`",
        /// names under which buckets are also found as `BUCKET.NAME`; `localhost` always is one
        #[serde(default)]
        domains: Vec<Spanned<String>> = "none",
    }
}

section! {
    [admin]
    #[derive(Default)]
    struct Admin {
        /// where operators and the command line connect; loopback alone. The other commands find it in the data directory
        listen: Option<Spanned<String>> = "any free port of loopback",
    }
}

section! {
    [console]
    #[derive(Default)]
    struct Console {
        /// where the console is opened in a browser; loopback alone
        listen: Option<Spanned<String>> = "`127.0.0.1:9002`, or any free port where that is taken",
    }
}

section! {
    /// Without this section all doors speak plain HTTP. It wants either a certificate with its key, or
    /// `development = true`.
    [tls]
    struct TlsSection {
        /// the certificate and its chain, in PEM; may be replaced while running, and is served within ten seconds
        certificate: Option<Spanned<PathBuf>> = "must be set, or `development`",
        /// its key, in PEM
        key: Option<Spanned<PathBuf>> = "must be set, or `development`",
        /// `compat`: TLS 1.2 and 1.3, a post-quantum key exchange for every client that has one. `cnsa2`: TLS 1.3 with
        /// AES-256 and ML-KEM-1024, nothing else
        profile: Option<Spanned<String>> = "`compat`",
        /// a certificate made in the data directory, for trying things out
        development: Option<Spanned<bool>> = "`false`",
    }
}

section! {
    [limits]
    #[derive(Default)]
    struct Limits {
        /// bytes in flight in the whole process, parity and buffers included; at least `64 MiB`. What is beyond it waits
        memory_budget: Option<Spanned<String>> = "`512 MiB`",
        /// a site that was out takes part again after so long without a failure
        reenter_after: Option<Spanned<String>> = "`30 s`",
    }
}

section! {
    [reads]
    #[derive(Default)]
    struct Reads {
        /// dollars that an hour of a reader's waiting is worth, against what requests cost
        waiting_cost_per_hour: Option<Spanned<f64>> = "`3.60`",
        /// short reads at distant sites go out in requests of this size, at least `16 KiB`; `never` keeps them whole
        /// ([what that does](performance.md#reading-the-tail))
        cut: Option<Spanned<String>> = "`64 KiB`",
    }
}

section! {
    [lifecycle]
    #[derive(Default)]
    struct Lifecycle {
        /// how many seconds a day of lifecycle rules has; shorter to watch them work
        day_s: Option<Spanned<u32>> = "`86400`",
    }
}

section! {
    [metrics]
    #[derive(Default)]
    struct Metrics {
        /// whether requests at the S3 door are counted and timed, for [metrics](metrics.md) and the console's history;
        /// `false` is for judging what that costs
        requests: Option<bool> = "`true`",
    }
}

section! {
    /// Refused by a program that was built without them, as it is by default: [Logs and traces](logs.md).
    [traces]
    #[derive(Default)]
    struct Traces {
        /// where a collector takes them by OTLP over plain HTTP, such as `http://127.0.0.1:4318/v1/traces`
        endpoint: Option<Spanned<String>> = "no traces",
        /// of how many requests one is traced, drawn at random; `1` is each, and what that costs is
        /// [measured](performance.md#what-counting-logging-and-traces-cost)
        one_in: Option<Spanned<u32>> = "`50`",
    }
}

/// Reads and checks the file.
pub fn read(path: &Path) -> Result<Config, Failure> {
    let text =
        fs::read_to_string(path).map_err(|error| Failure::io(Exit::Usage, "read the configuration", path, &error))?;
    let path = absolute(path)?;
    let base = path.parent().unwrap_or(Path::new("/"));
    let config = parse(&text, base).map_err(|complaints| {
        let lines: Vec<String> =
            complaints.iter().map(|(line, what)| format!("{}:{line}: {what}", path.display())).collect();
        Failure::new(Exit::Usage, lines.join("\n"))
    })?;
    Ok(Config { file: Some(path), ..config })
}

/// Line numbers, from 1, and what is wrong there.
type Complaints = Vec<(usize, String)>;

/// Paths that are not absolute begin at `base`.
fn parse(text: &str, base: &Path) -> Result<Config, Complaints> {
    let table = Tables::shipped().named(DEFAULT_TABLE).ok_or_else(|| vec![(1, "no policy tables".to_owned())])?;
    let mut check = Check { text, base, complaints: Vec::new(), table };
    let config = check.document().and_then(|file: File| check.config(&file));
    check.end(config)
}

/// Why a text is no further site.
#[derive(Debug)]
pub enum NoSite {
    /// It is no site, or not one alone.
    Wrong(String),
    /// Its name or its place is another site's.
    Taken(String),
}

/// One more `[[site]]`, read as if it stood in the file of this configuration.
pub fn further_site(entry: &str, config: &Config) -> Result<SiteConfig, NoSite> {
    let base = config.file.as_deref().and_then(Path::parent).unwrap_or(&config.data_dir);
    let table = config.accreditation.table();
    let table = table.ok_or_else(|| NoSite::Wrong("the policy table of this enclave is not here".to_owned()))?;
    let mut check = Check { text: entry, base, complaints: Vec::new(), table };
    let site = check.document().and_then(|entry: Entry| check.only_site(&entry.site, &config.data_dir));
    let site = check.end(site).map_err(|complaints| {
        let lines: Vec<String> =
            complaints.iter().map(|(line, what)| format!("line {line} of the entry: {what}")).collect();
        NoSite::Wrong(lines.join("; "))
    })?;
    match config.sites.iter().find_map(|other| clash(&site, other)) {
        Some(why) => Err(NoSite::Taken(why)),
        None => Ok(site),
    }
}

/// Why a site cannot stand beside another, if it cannot.
fn clash(site: &SiteConfig, other: &SiteConfig) -> Option<String> {
    let name = &other.name;
    if site.name == *name {
        return Some(format!("a site called `{name}` is there already, and its breakers tell whether it works"));
    }
    site::overlap(&site.store, &other.store).map(|_| format!("the site `{name}` lies there already: give each its own"))
}

struct Check<'a> {
    text: &'a str,
    base: &'a Path,
    complaints: Complaints,
    /// What labels are called here.
    table: &'static Table,
}

impl Check<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
    }

    fn complain(&mut self, span: &Range<usize>, what: impl Into<String>) {
        let line = self.line(span);
        self.complaints.push((line, what.into()));
    }

    /// The text as a document: first what is wrong with its letters is told, then every name that nobody knows.
    fn document<T: DeserializeOwned>(&mut self) -> Option<T> {
        let table = DeTable::parse(self.text).inspect_err(|error| self.syntax(error)).ok()?;
        self.names(table.get_ref());
        if !self.complaints.is_empty() {
            return None;
        }
        toml::from_str(self.text).inspect_err(|error| self.syntax(error)).ok()
    }

    fn syntax(&mut self, error: &toml::de::Error) {
        self.complain(&error.span().unwrap_or_default(), error.message());
    }

    /// What was read, unless there are complaints.
    fn end<T>(mut self, read: Option<T>) -> Result<T, Complaints> {
        self.complaints.sort();
        read.filter(|_| self.complaints.is_empty()).ok_or(self.complaints)
    }

    /// Names nobody knows, with what was probably meant.
    fn names(&mut self, table: &DeTable<'_>) {
        let sections = SECTIONS.map(|section| section.name);
        for (name, value) in table {
            let Some(section) = SECTIONS.iter().find(|section| section.name == &**name.get_ref()) else {
                self.unknown(name.get_ref(), "section", &name.span(), &sections);
                continue;
            };
            match value.get_ref() {
                DeValue::Table(inner) => self.names_in(section.name, &section.names(), inner),
                DeValue::Array(rows) => {
                    for row in rows.iter() {
                        if let DeValue::Table(inner) = row.get_ref() {
                            self.names_in(section.name, &section.names(), inner);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn names_in(&mut self, section: &str, known: &[&str], table: &DeTable<'_>) {
        for name in table.keys() {
            if !known.contains(&&**name.get_ref()) {
                self.unknown(name.get_ref(), &format!("setting of [{section}]"), &name.span(), known);
            }
        }
        if let Some(DeValue::Table(inner)) = table.get("prices").map(Spanned::get_ref) {
            self.names_in("site.prices", &PriceTable::SECTION.names(), inner);
        }
    }

    fn unknown(&mut self, name: &str, what: &str, span: &Range<usize>, known: &[&str]) {
        let advice = match nearest(name, known) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("there are {}", list(known)),
        };
        self.complain(span, format!("`{name}` is no {what}: {advice}"));
    }

    fn config(&mut self, file: &File) -> Option<Config> {
        let data_dir = self.path(&file.enclave.data_dir);
        let root_key = self.path(&file.enclave.root_key);
        if let (Some(data_dir), Some(root_key)) = (&data_dir, &root_key)
            && root_key.starts_with(data_dir)
        {
            let why =
                "the root key lies inside the data directory: who takes the one takes the other, so keep it elsewhere";
            self.complain(&file.enclave.root_key.span(), why);
        }
        let base = self.base;
        let from = |text: &str| PassphraseFrom::from_str(text).map(|from| Some(from.below(base)));
        let passphrase = self.parsed(file.enclave.passphrase.as_ref(), None, from);
        let region = self.region(file.enclave.region.as_ref());
        // Before the sites, whose ceilings are labels.
        let accreditation = self.accreditation(&file.enclave);
        let sites = self.sites(&file.site, data_dir.as_deref());
        let default_profile = self.profile(file.enclave.default_profile.as_ref(), &sites);
        let s3_listen = self.parsed(file.s3.listen.as_ref(), DEFAULT_S3_LISTEN, address);
        let admin_listen = self.parsed(file.admin.listen.as_ref(), DEFAULT_ADMIN_LISTEN, address);
        let console_listen = self.parsed(file.console.listen.as_ref(), None, |text| address(text).map(Some));
        let tls = file.tls.as_ref().and_then(|section| self.tls(section));
        let memory_budget_bytes = self.parsed(file.limits.memory_budget.as_ref(), DEFAULT_MEMORY_BUDGET, budget);
        let reenter_after = self.parsed(file.limits.reenter_after.as_ref(), DEFAULT_REENTER_AFTER, duration);
        let waiting_cost = self.waiting_cost(file.reads.waiting_cost_per_hour.as_ref());
        let read_cut_bytes = self.parsed(file.reads.cut.as_ref(), engine::READ_CUT, cut);
        let lifecycle_day = self.lifecycle_day(file.lifecycle.day_s.as_ref());
        let scrub = self.scrub(&file.scrub);
        let keeping = self.keeping(&file.keeping);
        let traces = self.traces(&file.traces);
        let s3_endpoint = self.parsed(file.s3.endpoint.as_ref(), None, |text| endpoint(text).map(Some));
        let s3_domains = file.s3.domains.iter().filter_map(|name| self.domain(name)).collect();
        Some(Config {
            kind: Kind::Configured,
            data_dir: data_dir?,
            root_key: root_key?,
            passphrase,
            file: None,
            region,
            default_profile: default_profile?,
            accreditation,
            s3_listen,
            s3_endpoint,
            s3_domains,
            admin_listen,
            console_listen,
            tls,
            memory_budget_bytes,
            reenter_after,
            waiting_cost,
            read_cut_bytes,
            lifecycle_day,
            scrub,
            keeping,
            counts_requests: file.metrics.requests.unwrap_or(true),
            traces,
            sites,
        })
    }

    /// A certificate with its key, or one made for trying things out: one of the two.
    fn tls(&mut self, section: &Spanned<TlsSection>) -> Option<Tls> {
        let (span, section) = (section.span(), section.get_ref());
        let profile = self.parsed(section.profile.as_ref(), tls::Profile::default(), str::parse);
        let development = section.development.as_ref().is_some_and(|told| *told.get_ref());
        let pair = match (&section.certificate, &section.key, development) {
            (Some(certificate), Some(key), false) => {
                let (certificate, key) = (self.path(certificate), self.path(key));
                Pair::Files(Files { certificate: certificate?, key: key? })
            }
            (None, None, true) => Pair::Development,
            _ => {
                let why = "[tls] wants either `certificate` and `key`, or `development = true`";
                self.complain(&span, why);
                return None;
            }
        };
        Some(Tls { profile, pair })
    }

    fn waiting_cost(&mut self, dollars_per_hour: Option<&Spanned<f64>>) -> WaitingCost {
        let Some(dollars) = dollars_per_hour else { return WaitingCost::default() };
        WaitingCost::per_hour(*dollars.get_ref()).filter(|_| *dollars.get_ref() <= WAITING_COST_MAX).unwrap_or_else(
            || {
                let what = format!("`{}` is no price of an hour: write dollars such as 3.60", dollars.get_ref());
                self.complain(&dollars.span(), what);
                WaitingCost::default()
            },
        )
    }

    /// Where traces go, and of how many requests.
    fn traces(&mut self, section: &Traces) -> Option<TracesConfig> {
        let one_in = section.one_in.as_ref().and_then(|count| {
            NonZeroU32::new(*count.get_ref()).or_else(|| {
                let what = "of 0 requests none can be traced: write 1 for each, or leave [traces] out";
                self.complain(&count.span(), what.to_owned());
                None
            })
        });
        if let (None, Some(count)) = (&section.endpoint, &section.one_in) {
            let what = "`one_in` says how many are traced, and nothing says where they go: give `endpoint` too, or leave [traces] out";
            self.complain(&count.span(), what.to_owned());
        }
        let endpoint = self.parsed(section.endpoint.as_ref(), None, |text| collector(text).map(Some))?;
        Some(TracesConfig { endpoint, one_in: one_in.unwrap_or(DEFAULT_TRACED_ONE_IN) })
    }

    /// Of which table labels are, and from which to which; the lowest alone where nobody says.
    fn accreditation(&mut self, enclave: &Enclave) -> Accreditation {
        let names: Vec<&str> = Tables::shipped().iter().map(Table::name).collect();
        let named = |text: &str| {
            let advice = || match nearest(text, &names) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("there are {}", list(&names)),
            };
            Tables::shipped().named(text).ok_or_else(|| format!("`{text}` is no policy table: {}", advice()))
        };
        self.table = self.parsed(enclave.labels.as_ref(), self.table, named);
        let lowest = LabelRange::up_to(self.table.lowest());
        let table = self.table;
        let range = self.value(enclave.range.as_ref(), |[low, high]| {
            let label = |text: &str| table.parse(text).map_err(|error| format!("`{text}`: {error}"));
            let (low_label, high_label) = (label(low)?, label(high)?);
            LabelRange::new(low_label, high_label)
                .ok_or_else(|| format!("`{high}` is not above `{low}`: write the lowest label first, then the highest"))
        });
        Accreditation { range: range.unwrap_or(lowest) }
    }

    fn lifecycle_day(&mut self, seconds: Option<&Spanned<u32>>) -> Duration {
        let Some(seconds) = seconds else { return DEFAULT_LIFECYCLE_DAY };
        if *seconds.get_ref() == 0 {
            self.complain(&seconds.span(), "a day of lifecycle rules has at least one second");
        }
        Duration::from_secs(u64::from(*seconds.get_ref()))
    }

    /// The value, its default when it is not there, or a complaint and the default.
    fn parsed<T, E: Display>(
        &mut self,
        value: Option<&Spanned<String>>,
        default: T,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> T {
        let Some(value) = value else { return default };
        match parse(value.get_ref()) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.complain(&value.span(), error.to_string());
                default
            }
        }
    }

    fn path(&mut self, path: &Spanned<PathBuf>) -> Option<PathBuf> {
        if path.get_ref().as_os_str().is_empty() {
            self.complain(&path.span(), "a path is missing");
            return None;
        }
        match absolute(&self.base.join(path.get_ref())) {
            Ok(path) => Some(path),
            Err(failure) => {
                self.complain(&path.span(), failure.to_string());
                None
            }
        }
    }

    fn region(&mut self, region: Option<&Spanned<String>>) -> String {
        self.parsed(region, DEFAULT_REGION.to_owned(), |text| word(text, "region"))
    }

    fn domain(&mut self, name: &Spanned<String>) -> Option<String> {
        let text = name.get_ref();
        let good = !text.is_empty()
            && text.split('.').all(|part| {
                !part.is_empty()
                    && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            });
        if !good {
            self.complain(&name.span(), format!("`{text}` is no domain: use a name such as `s3.example.org`"));
        }
        good.then(|| text.clone())
    }

    fn sites(&mut self, sites: &[Spanned<Site>], data_dir: Option<&Path>) -> Vec<SiteConfig> {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        let mut good: Vec<(SiteConfig, usize)> = Vec::new();
        for site in sites {
            let Some(config) = self.site(site.get_ref()) else { continue };
            let name_span = site.get_ref().name.span();
            if let Some(line) = names.insert(config.name.clone(), self.line(&name_span)) {
                self.complain(&name_span, format!("a site called `{}` stands in line {line} already", config.name));
            }
            let place = site.get_ref().place_span();
            let overlap =
                good.iter().find_map(|(other, line)| Some((site::overlap(&config.store, &other.store)?, *line)));
            if let Some((what, line)) = overlap {
                self.complain(&place, format!("{what} {line}: give each its own"));
            }
            if data_dir.is_some_and(|dir| site::holds(&config.store, dir)) {
                self.complain(&place, "a site cannot hold the data directory: give it a directory of its own");
            }
            let line = self.line(&place);
            good.push((config, line));
        }
        good.into_iter().map(|(config, _)| config).collect()
    }

    /// The site of an entry that adds one.
    fn only_site(&mut self, sites: &[Spanned<Site>], data_dir: &Path) -> Option<SiteConfig> {
        if sites.len() != 1 {
            let at = sites.get(1).map_or(0..0, Spanned::span);
            self.complain(&at, format!("write one [[site]] and nothing else: here are {}", sites.len()));
            return None;
        }
        self.sites(sites, Some(data_dir)).pop()
    }

    /// The default profile must fit the vendors there are.
    fn profile(&mut self, named: Option<&Spanned<String>>, sites: &[SiteConfig]) -> Option<Profile> {
        let vendors = Vendor::ALL.into_iter().filter(|vendor| sites.iter().any(|site| site.vendor == *vendor)).count();
        let Some(named) = named else {
            if vendors < vendors_of(Profile::Quad) && self.complaints.is_empty() {
                let end = self.text.len()..self.text.len();
                self.complain(&end, format!("`quad`, the default profile, needs 4 vendors and the sites are of {vendors}: add sites, or set default_profile in [enclave], such as \"mirror-{}\"", vendors.max(1)));
            }
            return Some(Profile::Quad);
        };
        let profile = self.parsed(Some(named), None, |text| Profile::from_str(text).map(Some))?;
        if vendors < vendors_of(profile) && self.complaints.is_empty() {
            self.complain(
                &named.span(),
                format!(
                    "`{profile}` needs {} vendors and the sites are of {vendors}: add sites or choose another profile",
                    vendors_of(profile)
                ),
            );
        }
        Some(profile)
    }
}

fn vendors_of(profile: Profile) -> usize {
    let code = profile.code();
    usize::from(code.k) + usize::from(code.m)
}

fn word(text: &str, what: &str) -> Result<String, String> {
    let good = (1..=32).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if good { Ok(text.to_owned()) } else { Err(format!("`{text}` is no {what}: use 1 to 32 of a-z, 0-9 and -")) }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no address: write one such as `127.0.0.1:9000`"))
}

/// `512 MiB` in bytes.
fn budget(text: &str) -> Result<u64, String> {
    let bad = || format!("`{text}` is no size: write one such as `512 MiB` or `2 GiB`");
    let (count, unit) = text.split_once(' ').ok_or_else(bad)?;
    let shift = match unit {
        "MiB" => 20,
        "GiB" => 30,
        _ => return Err(bad()),
    };
    let bytes = count.parse::<u64>().ok().and_then(|count| count.checked_mul(1 << shift)).ok_or_else(bad)?;
    if bytes < MEMORY_BUDGET_MIN {
        return Err(format!("`{text}` is too small: give it at least {} MiB", MEMORY_BUDGET_MIN >> 20));
    }
    Ok(bytes)
}

/// `64 KiB` as bytes; `never` is larger than whatever is read.
fn cut(text: &str) -> Result<u64, String> {
    let bad = || format!("`{text}` is no size to cut reads to: write one such as `64 KiB`, or `never`");
    if text == "never" {
        return Ok(u64::MAX);
    }
    let count = text.strip_suffix(" KiB").and_then(|count| count.parse::<u64>().ok()).ok_or_else(bad)?;
    let bytes = count.checked_mul(1 << 10).ok_or_else(bad)?;
    if bytes < READ_CUT_MIN {
        return Err(format!("`{text}` is too small: give it at least {} KiB", READ_CUT_MIN >> 10));
    }
    Ok(bytes)
}

/// A scheme with a name or address, and a port if it is not the scheme's own: clients leave that one out, write names
/// small, and the host is signed as it stands here.
fn endpoint(text: &str) -> Result<String, String> {
    let bad = || {
        format!(
            "`{text}` is no address of a server: write one such as https://s3.example.org, in small letters, with no \
             path, and with no port where it is the usual one"
        )
    };
    let (scheme, place) = text.split_once("://").ok_or_else(bad)?;
    let usual = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return Err(bad()),
    };
    // An address of version 6 has colons within its brackets.
    let (host, port) = match place.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| bad())?)),
        None => (place, None),
    };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-')),
    };
    if is_host && port != Some(usual) && port != Some(0) { Ok(text.to_owned()) } else { Err(bad()) }
}

/// Where a collector takes traces by OTLP over HTTP.
fn collector(text: &str) -> Result<String, String> {
    let bad = |why: &str| format!("`{text}` {why}: write one such as http://127.0.0.1:4318/v1/traces");
    let rest = text.strip_prefix("http://").ok_or_else(|| bad("is no collector's address by plain HTTP"))?;
    let (authority, path) = rest.split_once('/').ok_or_else(|| bad("has no path"))?;
    match authority.is_empty() || path.is_empty() || text.parse::<http::Uri>().is_err() {
        true => Err(bad("is no address")),
        false => Ok(text.to_owned()),
    }
}

/// `30 s` as a time, at least one second: a site that comes and goes must not drag requests along.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no time: write one such as `30 s` or `5 min`");
    let (count, unit) = text.split_once(' ').ok_or_else(bad)?;
    let seconds = match unit {
        "s" => 1,
        "min" => 60,
        _ => return Err(bad()),
    };
    let seconds = count.parse::<u64>().ok().and_then(|count| count.checked_mul(seconds)).ok_or_else(bad)?;
    if seconds == 0 {
        return Err(format!("`{text}` is too short: give it at least 1 s"));
    }
    Ok(Duration::from_secs(seconds))
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
