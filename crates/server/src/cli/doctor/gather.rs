//! Looks at everything a doctor knows of: settings, files, catalog, sites, the running process. Changes nothing.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use catalog::{Look, SqliteCatalog};
use http::Method;
use model::{CopyKind, KeyState, Prices, RootFingerprint, SiteState as State};
use providers::remote::{self, Credentials};
use time::OffsetDateTime;
use tokio::runtime::{Builder, Handle};

use super::super::client::Client;
use super::facts::{Catalog, Certificate, Facts, Held, Key, Known, Needs, RootKey, RootKeyState, Run, Site, SiteState};
use crate::api::wire::{Health, Status};
use crate::args::DoctorArgs;
use crate::config::{Config, Kind, Pair, SiteConfig, StoreConfig, facts};
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure, chain};
use crate::files;
use crate::lock::{self, Holder};
use crate::machine;
use crate::outside;
use crate::root_key::{PassphraseFrom, RootFile};
use crate::run_file::RunFile;
use crate::site_check as check;

/// A door on this machine answers at once.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// What others may do with what is the owner's alone.
const OTHERS: u32 = 0o077;

pub fn facts(args: &DoctorArgs) -> Result<Facts, Failure> {
    let (instant, wall) = (Instant::now(), SystemTime::now());
    let config = Config::of_place(&args.place)?;
    let dir = config.dir();
    let now = OffsetDateTime::now_utc();
    let running = RunFile::of_running(&dir).ok();
    let seen = seen(&dir);
    let known = match &seen {
        Seen::Known(known) => Some(&**known),
        _ => None,
    };
    let root = root(&config, args.passphrase.as_ref());
    let sites = sites(&config, known)?;
    let (ports, sites) = match &running {
        Some(run) => answers(args, run, sites),
        None => (taken(&config), sites),
    };
    let root_key = RootKey {
        path: config.root_key.display().to_string(),
        beside_data: disk(&config.root_key).is_some_and(|one| Some(one) == disk(dir.path())),
        state: state_of(&root, known),
    };
    // The wall clock is read at both ends, and the other one between them.
    let slipped = wall.elapsed().map_or_else(|error| -millis(error.duration()), millis) - millis(instant.elapsed());
    Ok(Facts {
        month: (now.year(), now.month().into()),
        clock_slip_ms: slipped,
        embedded: config.kind == Kind::Embedded,
        run: run(&dir, running.as_ref()),
        known: known.map(|known| of_catalog(known, &root, now)),
        catalog: catalog(&dir, &seen, &sites),
        root_key,
        open_to_others: open_to_others(&dir),
        officer_file: dir.officer().exists(),
        room: room(dir.path()),
        needs: needs(&config),
        prices_as_of: facts::as_of(),
        certificate: certificate(&config, &dir, now),
        open_files: open_files(running.as_ref()),
        memory_budget: config.memory_budget_bytes,
        memory: memory(),
        ports,
        unencrypted_beyond_loopback: config.unencrypted_beyond_loopback(),
        lifecycle_day_s: config.lifecycle_day.as_secs(),
        scrubs: config.scrub.budget.requests > 0,
        data_dir: dir.path().display().to_string(),
        sites,
    })
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn run(dir: &DataDir, running: Option<&RunFile>) -> Run {
    match (running, lock::holder(dir)) {
        (Some(run), _) => Run::Running { version: run.version.clone(), ours: env!("CARGO_PKG_VERSION").to_owned() },
        (None, Holder::Process(_)) => Run::Starting,
        (None, Holder::Nobody) if dir.run_file().exists() => Run::Killed,
        (None, Holder::Nobody) => Run::Stopped,
    }
}

/// The catalog, as far as it can be read.
enum Seen {
    Missing,
    Unreadable(String),
    OtherForm { found: u32, known: u32 },
    Known(Box<catalog::Known>),
}

fn seen(dir: &DataDir) -> Seen {
    if !dir.catalog().exists() {
        return Seen::Missing;
    }
    match SqliteCatalog::look(dir.catalog()) {
        Ok(Look::Known(known)) => Seen::Known(known),
        Ok(Look::OtherForm { found, known }) => Seen::OtherForm { found, known },
        Err(error) => Seen::Unreadable(chain(&error)),
    }
}

fn catalog(dir: &DataDir, seen: &Seen, sites: &[Site]) -> Catalog {
    match seen {
        Seen::Missing => Catalog::Missing { founded_sites: sites.iter().any(|site| site.held == Ok(Held::Unknown)) },
        Seen::Unreadable(error) => Catalog::Unreadable(error.clone()),
        Seen::OtherForm { found, known } if found > known => Catalog::Newer { found: *found, known: *known },
        Seen::OtherForm { found, known } => Catalog::Older { found: *found, known: *known },
        Seen::Known(_) => Catalog::Read { bytes: fs::metadata(dir.catalog()).map_or(0, |about| about.len()) },
    }
}

fn of_catalog(known: &catalog::Known, root: &Root, now: OffsetDateTime) -> Known {
    let fingerprint = match (root, known.enclave) {
        (Root::Loaded(root), Some(enclave)) => Some(RootFingerprint(root.fingerprint(enclave))),
        _ => None,
    };
    let ours = known.copies.iter().filter(|copy| fingerprint.is_none_or(|ours| copy.root == ours));
    let since = |at: model::Timestamp| now.unix_timestamp() - at.0 / 1000;
    let key = |key: &model::AccessKey| Key {
        id: key.id.0.clone(),
        expires_in_s: key.limits.expires.map(|expires| -since(expires)),
    };
    Known {
        objects: known.totals.objects,
        below_promise: known.totals.below_promise,
        unshown: known.totals.unshown,
        shares: ours.clone().any(|copy| matches!(copy.what, CopyKind::Shares { .. })),
        backup_age_s: ours
            .filter(|copy| matches!(copy.what, CopyKind::Backup { .. }))
            .map(|copy| since(copy.made))
            .min(),
        keys: known.access_keys.iter().filter(|key| key.state == KeyState::Active).map(key).collect(),
    }
}

enum Root {
    Missing,
    Unusable(String),
    Sealed,
    Loaded(coding::RootKey),
}

/// The root key, if it can be had without asking anybody who did not say so.
fn root(config: &Config, passphrase: Option<&PassphraseFrom>) -> Root {
    let path = &config.root_key;
    if !path.exists() {
        return Root::Missing;
    }
    let quiet = config.passphrase.as_ref().filter(|from| **from != PassphraseFrom::Prompt);
    let from = passphrase.or(quiet);
    let sealed = fs::read_to_string(path).is_ok_and(|text| coding::root_file::is_sealed(&text));
    if sealed && from.is_none() {
        return Root::Sealed;
    }
    match RootFile::at(path, from).and_then(|file| file.load()) {
        Ok(root) => Root::Loaded(root),
        Err(failure) => Root::Unusable(failure.to_string()),
    }
}

fn state_of(root: &Root, known: Option<&catalog::Known>) -> RootKeyState {
    match root {
        Root::Missing => RootKeyState::Missing,
        Root::Unusable(why) => RootKeyState::Unusable(why.clone()),
        Root::Sealed => RootKeyState::Sealed,
        Root::Loaded(root) => {
            let keys = known.map(|known| &known.label_keys).filter(|keys| !keys.is_empty());
            RootKeyState::Loaded { opens: keys.map(|keys| keys.iter().any(|key| root.unwrap_label(key).is_ok())) }
        }
    }
}

fn sites(config: &Config, known: Option<&catalog::Known>) -> Result<Vec<Site>, Failure> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start threads: {error}")))?;
    let seen = runtime.block_on(look_at_all(&config.sites));
    // A directory on a hung disk keeps its thread: nothing waits for it.
    runtime.shutdown_background();
    let site = |(site, (held, clock_ahead_s)): (&SiteConfig, Answer)| Site {
        name: site.name.clone(),
        vendor: site.vendor.name().to_owned(),
        remote: matches!(site.store, StoreConfig::Remote(_)),
        state: state(site, known),
        held: held.map(|held| whose(held, site, known)),
        clock_ahead_s,
        room: site.directory().and_then(room),
        disk: site.directory().and_then(disk),
        priced: site.facts.prices != Prices::default(),
        anonymous: matches!(
            &site.store,
            StoreConfig::Remote(remote::Settings { credentials: Credentials::Anonymous, .. })
        ),
        takes_all: site.facts.ceiling.dominates(&config.accreditation.range.high()),
        out: None,
    };
    Ok(config.sites.iter().zip(seen).map(site).collect())
}

/// Whose a site is or why that cannot be read, and by how much its clock is ahead.
type Answer = (Result<check::Held, String>, Option<i64>);

async fn look_at_all(sites: &[SiteConfig]) -> Vec<Answer> {
    let outside = outside::real(Handle::current());
    let mut tasks = Vec::new();
    for site in sites {
        let (site, outside) = (site.clone(), outside.clone());
        tasks.push(tokio::spawn(async move { (check::look(&site, &outside).await, ahead(&site).await) }));
    }
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap_or_else(|error| (Err(format!("the look broke: {error}")), None)));
    }
    answers
}

async fn ahead(site: &SiteConfig) -> Option<i64> {
    let StoreConfig::Remote(settings) = &site.store else { return None };
    let there = tokio::time::timeout(CONNECT_MAX, remote::clock(settings)).await.ok()??;
    Some(there - OffsetDateTime::now_utc().unix_timestamp())
}

fn state(site: &SiteConfig, known: Option<&catalog::Known>) -> SiteState {
    let id = known.and_then(|known| known.sites.iter().find(|one| one.name == site.name)).map(|one| one.id);
    let states = known.map(|known| known.site_states.as_slice()).unwrap_or_default();
    match states.iter().find(|(one, _)| Some(*one) == id) {
        None | Some((_, State::Active)) => SiteState::Used,
        Some((_, State::Suspended)) => SiteState::Suspended,
        Some((_, State::Draining | State::Detached)) => SiteState::Left,
    }
}

fn whose(held: check::Held, site: &SiteConfig, known: Option<&catalog::Known>) -> Held {
    let enclave = known.and_then(|known| known.enclave);
    match held {
        check::Held::Nobodys { empty: true }
            if known.is_some_and(|known| known.sites.iter().any(|one| one.name == site.name)) =>
        {
            Held::Emptied
        }
        check::Held::Nobodys { empty } => Held::Nobodys { empty },
        check::Held::Marked(_) if enclave.is_none() => Held::Unknown,
        check::Held::Marked(marker) if Some(marker.enclave) != enclave => {
            Held::Foreign { enclave: marker.enclave.to_string() }
        }
        check::Held::Marked(marker) if marker.name != site.name => Held::Other { name: marker.name },
        check::Held::Marked(_) => Held::Ours,
    }
}

/// Of a running one: the doors that do not answer, and the sites that it leaves out.
fn answers(args: &DoctorArgs, run: &RunFile, mut sites: Vec<Site>) -> (Vec<(String, String)>, Vec<Site>) {
    let mut silent = Vec::new();
    let doors = [&run.s3_endpoint, &run.admin_endpoint, &run.console_endpoint];
    for endpoint in doors.into_iter().filter(|endpoint| !endpoint.is_empty()) {
        if let Err(why) = connects(endpoint) {
            silent.push((endpoint.clone(), why));
        }
    }
    let client = Client::of(&args.place);
    match client.and_then(|client| client.call::<Status>(Method::GET, "/api/v1/status", Vec::new())) {
        Ok(status) => {
            for told in status.sites.iter().filter(|told| told.reads == Health::Out || told.writes == Health::Out) {
                if let Some(site) = sites.iter_mut().find(|site| site.name == told.name) {
                    site.out = Some(told.reason.clone().unwrap_or_else(|| "it gave no reason".to_owned()));
                }
            }
        }
        Err(failure) if silent.is_empty() => silent.push((run.admin_endpoint.clone(), failure.to_string())),
        Err(_) => {}
    }
    (silent, sites)
}

fn connects(endpoint: &str) -> Result<(), String> {
    let place = endpoint.split_once("://").map_or(endpoint, |(_, place)| place);
    let addresses = place.to_socket_addrs().map_err(|error| error.to_string())?;
    let mut last = Err("it has no address".to_owned());
    for address in addresses {
        last = TcpStream::connect_timeout(&address, CONNECT_MAX).map(drop).map_err(|error| error.to_string());
        if last.is_ok() {
            break;
        }
    }
    last
}

/// Of a stopped one: the addresses that a start could not listen on.
fn taken(config: &Config) -> Vec<(String, String)> {
    let listens = |address: &SocketAddr| TcpListener::bind(address).map(drop).err();
    let mut wanted = vec![config.s3_listen, config.admin_listen];
    wanted.extend(config.console_listen);
    wanted
        .iter()
        .filter(|address| address.port() != 0)
        .filter_map(|address| Some((address.to_string(), listens(address)?.to_string())))
        .collect()
}

fn needs(config: &Config) -> Needs {
    let (profile, code) = (config.default_profile, config.default_profile.code());
    let least = usize::from(profile.floor()) + 1;
    Needs { profile: profile.to_string(), vendors: usize::from(code.n()), least }
}

fn certificate(config: &Config, dir: &DataDir, now: OffsetDateTime) -> Option<Certificate> {
    let tls = config.tls.as_ref()?;
    let (files, development) = match &tls.pair {
        Pair::Files(files) => (files.clone(), false),
        Pair::Development => {
            let folder = dir.development_tls();
            let files = tls::Files { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
            // The first start makes it.
            if !files.certificate.exists() {
                return None;
            }
            (files, true)
        }
    };
    let path = &files.certificate;
    let text = fs::read(path).unwrap_or_default();
    let term = tls::term(path, &text);
    let served = tls::Server::open(files.clone(), tls.profile).map(drop);
    let unusable = served.err().or(term.as_ref().err().map(|_| tls::Error::Unreadable {
        path: path.display().to_string(),
        reason: "a certificate in it is malformed".to_owned(),
    }));
    let (begins, ends) = term.map_or((0, 0), |term| (term.from, term.until));
    let mode = mode(&files.key).filter(|mode| mode & OTHERS != 0);
    let names = config.s3_domains.iter().filter(|name| !tls::covers(path, &text, std::slice::from_ref(name)));
    Some(Certificate {
        path: path.display().to_string(),
        development,
        unusable: unusable.map(|error| error.to_string()),
        begins_in_s: begins - now.unix_timestamp(),
        ends_in_s: ends - now.unix_timestamp(),
        key_open: mode,
        uncovered: names.cloned().collect(),
    })
}

fn open_to_others(dir: &DataDir) -> Vec<(String, u32)> {
    let private = [dir.path().to_owned(), dir.catalog(), dir.credentials(), dir.officer(), dir.admin_token()];
    let open = |path: &Path| Some((path.display().to_string(), mode(path).filter(|mode| mode & OTHERS != 0)?));
    private.iter().filter_map(|path| open(path)).collect()
}

fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|about| about.permissions().mode() & 0o777)
}

fn disk(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|about| about.dev())
}

fn room(path: &Path) -> Option<u64> {
    machine::room(path).map(|room| room.free)
}

/// The limit of the running process, or the one that a start from here would have.
fn open_files(running: Option<&RunFile>) -> Option<u64> {
    machine::open_files_max(&running.map_or_else(|| "self".to_owned(), |run| run.pid.to_string()))
}

fn memory() -> Option<u64> {
    let text = files::read_if_there(Path::new("/proc/meminfo")).ok()??;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}
