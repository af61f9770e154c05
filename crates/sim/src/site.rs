//! Simulated sites: what lies there, and what the weather does to requests.
//!
//! Faults come in twins. Any site may be slow, silent, full, refuse, lose a request or its answer, flip a
//! byte on the way. One site of each run, the *victim*, may also forget, rot, go back to an older state, list
//! what was or leave things out: that is what a promise of one further vendor must outlive.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::{Bound, Range};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use coding::piece::Header;
use model::{Label, StreamId, Vendor};
use providers::{Entry, Error, ErrorKind, Half, Kind, Store};
use tokio::time::Instant;

use crate::findings::Findings;
use crate::plant::{Plant, Planted};
use crate::power::Power;
use crate::random::Random;

/// Nothing a client says in clear: every key, name and content holds it, and no vendor may ever see it.
pub const PLAIN: &[u8] = b"zq7plain";

/// Measured latencies of S3 gets over four paths, in microseconds: rows of samples, columns by size.
const PATHS: [&str; 4] = [
    include_str!("../../../tests/network/near-usw1.csv"),
    include_str!("../../../tests/network/near-euc1.csv"),
    include_str!("../../../tests/network/far-usw1.csv"),
    include_str!("../../../tests/network/far-euc1.csv"),
];
/// Sizes of the columns.
const SIZES: [u64; 4] = [1024, 65_536, 1_048_576, 4_194_304];

static SAMPLES: LazyLock<Vec<Vec<[u64; 4]>>> = LazyLock::new(|| PATHS.iter().map(|path| samples(path)).collect());

fn samples(csv: &str) -> Vec<[u64; 4]> {
    let row = |line: &str| {
        let mut row = [0; 4];
        row.iter_mut().zip(line.split(',')).for_each(|(cell, text)| *cell = text.parse().unwrap_or(0));
        row
    };
    csv.lines().skip(1).map(row).collect()
}

/// How requests fare now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weather {
    pub state: State,
    /// Requests that are lost, in thousandths.
    pub lost: u64,
    /// Requests that land and are reported lost.
    pub landed: u64,
    /// Requests that hang, half of them after they landed.
    pub hang: u64,
    /// Gets of which a byte comes back flipped.
    pub flip: u64,
    /// Of the measured latency, in thousandths.
    pub slow: u64,
    pub listing: Listing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Well,
    Silent,
    Gone,
    Throttled,
    Full,
    ReadOnly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    Honest,
    /// As it was so many milliseconds ago.
    Stale(u64),
    /// Leaves out so many in a thousand.
    Lying(u64),
}

/// An upload that takes less is never past its deadline.
const STALL: Duration = Duration::from_secs(1);

/// So long after an upload that stalled may be shown what was placed meanwhile, at others.
const STALL_FELT: Duration = Duration::from_secs(30);

/// So long must a site have been well for an acknowledgement to owe its promise: longer than any upload that began
/// before, and than it takes a site to come back into the choice.
pub const CALM_AFTER: Duration = Duration::from_secs(180);

/// Every site well, and hardly any request so slow that an upload would go on without it.
pub const CALM: Weather =
    Weather { state: State::Well, lost: 0, landed: 0, hang: 0, flip: 0, slow: 250, listing: Listing::Honest };

impl Weather {
    /// Nothing keeps an upload from being stored, and answered in time.
    fn is_fair(&self) -> bool {
        (self.state, self.lost, self.landed, self.hang) == (State::Well, 0, 0, 0) && self.slow <= CALM.slow
    }
}

pub struct Site {
    pub name: String,
    pub vendor: Vendor,
    pub ceiling: Label,
    pub is_victim: bool,
    path: usize,
    inner: Mutex<Inner>,
    findings: Arc<Findings>,
    plant: Planted,
}

/// A put on its way.
struct Flight {
    name: String,
    bytes: Bytes,
    begun: Instant,
}

struct Inner {
    random: Random,
    weather: Weather,
    /// When the weather was last not fair in this life, if it was.
    foul: Option<Instant>,
    objects: BTreeMap<String, Stored>,
    /// What the site destroyed by itself, after it had been stored for good.
    destroyed: BTreeSet<String>,
    /// What was deleted, for listings that lag.
    deleted: VecDeque<(String, u64, u64)>,
    /// Puts that were sent and had no effect yet. A power cut does not call them back.
    in_flight: BTreeMap<u64, Flight>,
    next_flight: u64,
    /// When the last of them that stalled was over.
    stalled: Option<Instant>,
    /// Streams of which something lies here.
    streams: BTreeSet<StreamId>,
    backup: Option<BTreeMap<String, Stored>>,
    faults: BTreeMap<&'static str, u64>,
}

#[derive(Clone)]
struct Stored {
    bytes: Bytes,
    since_ms: u64,
}

impl Site {
    pub fn new(
        name: String,
        vendor: Vendor,
        ceiling: Label,
        is_victim: bool,
        mut random: Random,
        (findings, plant): (Arc<Findings>, Planted),
    ) -> Site {
        let path = random.place(PATHS.len());
        let inner = Inner {
            random,
            weather: CALM,
            foul: None,
            objects: BTreeMap::new(),
            destroyed: BTreeSet::new(),
            deleted: VecDeque::new(),
            in_flight: BTreeMap::new(),
            next_flight: 0,
            stalled: None,
            streams: BTreeSet::new(),
            backup: None,
            faults: BTreeMap::new(),
        };
        Site { name, vendor, ceiling, is_victim, path, inner: Mutex::new(inner), findings, plant }
    }

    pub fn set(&self, weather: Weather) {
        self.change(|now| *now = weather);
    }

    pub fn change(&self, change: impl FnOnce(&mut Weather)) {
        let mut inner = self.inner();
        if !inner.weather.is_fair() {
            inner.foul = Some(Instant::now());
        }
        change(&mut inner.weather);
    }

    /// A life begins: nothing is under way, whatever the weather was.
    pub fn begin_life(&self) {
        let mut inner = self.inner();
        inner.foul = None;
        inner.stalled = None;
    }

    /// Whether it has been well for so long that whatever is uploaded now is stored here in time.
    pub fn is_calm(&self) -> bool {
        let inner = self.inner();
        inner.weather.is_fair() && inner.foul.is_none_or(|foul| foul.elapsed() >= CALM_AFTER)
    }

    pub fn weather(&self) -> Weather {
        self.inner().weather.clone()
    }

    /// Whether the object was stored for good and not deleted by anybody but the site itself.
    pub fn was_given(&self, object: &str) -> bool {
        let inner = self.inner();
        inner.objects.contains_key(object) || inner.destroyed.contains(object)
    }

    /// Whether an upload takes so long that it may be past its deadline, or did just now.
    pub fn stalls(&self) -> bool {
        let inner = self.inner();
        inner.in_flight.values().any(|flight| flight.begun.elapsed() >= STALL)
            || inner.stalled.is_some_and(|ended| ended.elapsed() < STALL_FELT)
    }

    pub fn streams(&self) -> BTreeSet<StreamId> {
        self.inner().streams.clone()
    }

    /// Whether anything of a snapshot lies here.
    pub fn holds_snapshot(&self) -> bool {
        self.inner().objects.keys().any(|name| name.contains("/s/"))
    }

    pub fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.inner().faults.clone()
    }

    /// What requests that were under way when the power went came to: some landed, some are lost.
    pub fn after_cut(&self) {
        let mut inner = self.inner();
        for Flight { name, bytes, .. } in std::mem::take(&mut inner.in_flight).into_values() {
            if inner.random.chance(500) {
                inner.count("landed after the cut");
                inner.keep(name, bytes, 0);
            }
        }
        inner.deleted.clear();
        inner.objects.values_mut().for_each(|stored| stored.since_ms = 0);
    }

    /// The victim flips bytes of some of what it holds.
    pub fn rot(&self, per_mille: u64) -> usize {
        let mut inner = self.inner();
        let names = inner.some(per_mille);
        for name in &names {
            let place = inner.random.next();
            let Some(stored) = inner.objects.get_mut(name) else { continue };
            stored.bytes = flipped(std::mem::take(&mut stored.bytes), place);
        }
        inner.count("rot");
        names.len()
    }

    /// The victim loses some of what it holds.
    pub fn lose(&self, per_mille: u64) -> usize {
        let mut inner = self.inner();
        let names = inner.some(per_mille);
        for name in &names {
            inner.objects.remove(name);
            inner.destroyed.insert(name.clone());
        }
        inner.count("loss");
        names.len()
    }

    /// The victim is put back to what it held at its last backup, and makes a new one.
    pub fn roll_back(&self) {
        let mut inner = self.inner();
        let backup = inner.backup.take();
        inner.backup = Some(inner.objects.clone());
        if let Some(backup) = backup {
            let gone: Vec<String> = inner.objects.keys().filter(|name| !backup.contains_key(*name)).cloned().collect();
            inner.destroyed.extend(gone);
            inner.objects = backup;
            inner.count("rollback");
        }
    }

    /// What of a piece is kept: all of it, unless a bug is planted here.
    fn bend(&self, name: &str, bytes: Bytes, random: &mut Random) -> Option<Bytes> {
        let piece = name.contains("/d/") || name.contains("/j/");
        if piece && self.plant.is(Plant::BelowFloor) && random.chance(50) {
            return None;
        }
        if piece && self.plant.is(Plant::TornPieces) && random.chance(100) {
            return Some(bytes.slice(..bytes.len() / 2));
        }
        Some(bytes)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn count(&mut self, fault: &'static str) {
        *self.faults.entry(fault).or_default() += 1;
    }

    /// An upload is over, and may be told of twice: it had its effect, and its answer came.
    fn land(&mut self, flight: u64) {
        let stalled = self.in_flight.remove(&flight).filter(|flight| flight.begun.elapsed() >= STALL);
        self.stalled = stalled.map(|_| Instant::now()).or(self.stalled);
    }

    /// Pieces and snapshots alone: without its marker a site is somebody else's.
    fn some(&mut self, per_mille: u64) -> Vec<String> {
        let random = &mut self.random;
        let ours = |name: &&String| ["/j/", "/d/", "/s/"].iter().any(|kind| name.contains(kind));
        let pieces = self.objects.keys().filter(ours);
        pieces.filter(|_| random.chance(per_mille)).cloned().collect()
    }

    fn keep(&mut self, name: String, bytes: Bytes, now_ms: u64) {
        if let Ok(header) = Header::decode(&bytes) {
            self.streams.insert(header.stream);
        }
        self.objects.insert(name, Stored { bytes, since_ms: now_ms });
    }

    fn latency(&mut self, path: usize, bytes: u64) -> Duration {
        let column = SIZES.iter().position(|size| bytes <= *size).unwrap_or(SIZES.len() - 1);
        let rows = SAMPLES.get(path).map(Vec::as_slice).unwrap_or_default();
        let row = self.random.pick(rows);
        let micros = row.and_then(|row| row.get(column)).copied().unwrap_or(50_000);
        Duration::from_micros(micros * self.weather.slow / 1000)
    }

    /// What becomes of a request: it has its effect or not, and it is answered how.
    fn fate(&mut self, kind: Kind) -> Fate {
        let failed = |kind| Fate { effect: false, heard: Heard::Error(kind) };
        let (lost, landed, hang, half) =
            (self.random.below(1000), self.random.below(1000), self.random.below(1000), self.random.chance(500));
        let weather = self.weather.clone();
        let fate = match weather.state {
            State::Silent => Fate { effect: false, heard: Heard::Nothing },
            State::Gone => failed(ErrorKind::Unavailable),
            State::Throttled => failed(ErrorKind::Throttled),
            State::Full if kind == Kind::Put => failed(ErrorKind::Full),
            State::ReadOnly if kind.half() == Half::Write => failed(ErrorKind::Denied),
            _ if hang < weather.hang => Fate { effect: half, heard: Heard::Nothing },
            _ if lost < weather.lost => failed(ErrorKind::Unavailable),
            _ if landed < weather.landed => Fate { effect: true, heard: Heard::Error(ErrorKind::Unavailable) },
            _ => Fate { effect: true, heard: Heard::Answer },
        };
        match (&fate.heard, fate.effect) {
            (Heard::Answer, _) => {}
            (Heard::Nothing, true) => self.count("silent, landed"),
            (Heard::Nothing, false) => self.count("silent, lost"),
            (Heard::Error(_), true) => self.count("failed, landed"),
            (Heard::Error(_), false) => self.count("failed, lost"),
        }
        fate
    }
}

#[derive(Clone, Copy)]
struct Fate {
    effect: bool,
    heard: Heard,
}

#[derive(Clone, Copy)]
enum Heard {
    Answer,
    Error(ErrorKind),
    Nothing,
}

fn flipped(bytes: Bytes, place: u64) -> Bytes {
    let mut flipped = BytesMut::from(bytes);
    let place = usize::try_from(place % (flipped.len().max(1) as u64)).unwrap_or(0);
    if let Some(byte) = flipped.get_mut(place) {
        *byte ^= 0x55;
    }
    flipped.freeze()
}

/// One life's way to a site.
pub struct Face {
    pub site: Arc<Site>,
    pub power: Arc<Power>,
    began: Instant,
}

impl Face {
    pub fn new(site: Arc<Site>, power: Arc<Power>) -> Face {
        Face { site, power, began: Instant::now() }
    }

    /// No vendor learns a name, whatever it is asked for.
    fn look_for_names(&self, kind: Kind, said: &[u8]) {
        if contains_plain(said) {
            self.site.findings.add(format!("{} learns a name by {kind}: {}", self.site.vendor, said.escape_ascii()));
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(0)
    }

    /// Sends a request, waits as long as it takes, has its effect and hears of it, as the weather is then. The
    /// vendor learns its name.
    async fn meet<T>(
        &self,
        kind: Kind,
        (name, bytes): (&str, u64),
        effect: impl FnOnce(&mut Inner) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let site = &self.site;
        self.look_for_names(kind, name.as_bytes());
        self.power.pass(kind.name(), &(&site.name, name), || format!("{} {name} {bytes}", site.name)).await;
        let latency = site.inner().latency(site.path, bytes);
        tokio::time::sleep(latency).await;
        let fate = site.inner().fate(kind);
        // The power may have gone meanwhile.
        let done = match fate.effect && self.power.on("effect", &(), || format!("{kind} {} {name}", site.name)) {
            true => Some(effect(&mut site.inner())),
            false => None,
        };
        self.power.pass("answer", &(), || format!("{kind} {} {name}", site.name)).await;
        match (fate.heard, done) {
            (Heard::Answer, Some(done)) => done,
            (Heard::Error(kind), _) => Err(Error::new(kind, "the weather")),
            _ => std::future::pending().await,
        }
    }
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "no such object at the simulated site")
}

#[async_trait]
impl Store for Face {
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        if contains_plain(&bytes) {
            self.site.findings.add(format!("{} learns what was said in clear: {name}", self.site.vendor));
        }
        let flight = {
            let mut inner = self.site.inner();
            inner.next_flight += 1;
            let flight = inner.next_flight;
            let begun = Instant::now();
            inner.in_flight.insert(flight, Flight { name: name.to_owned(), bytes: bytes.clone(), begun });
            flight
        };
        let (length, owned, now) = (bytes.len() as u64, name.to_owned(), self.now_ms());
        let findings = Arc::clone(&self.site.findings);
        // Who gives up on a put does not call it back: it lands or not, as a task of its own.
        let (face, named) =
            (Face { site: Arc::clone(&self.site), power: Arc::clone(&self.power), began: self.began }, name.to_owned());
        let put = tokio::spawn(async move {
            let within = Arc::clone(&face.site);
            face.meet(Kind::Put, (&named, length), move |inner| {
                inner.land(flight);
                if inner.objects.contains_key(&owned) {
                    findings.add(format!("{owned} is put a second time at {}", within.name));
                    return Err(Error::new(ErrorKind::AlreadyExists, "the name is taken at the simulated site"));
                }
                if let Some(bytes) = within.bend(&owned, bytes, &mut inner.random) {
                    inner.keep(owned, bytes, now);
                }
                Ok(())
            })
            .await
        });
        if self.site.plant.is(Plant::AnswerEarly) {
            return Ok(());
        }
        let answer = put.await;
        self.site.inner().land(flight);
        answer.unwrap_or_else(|_| Err(Error::new(ErrorKind::Unavailable, "the life ended")))
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        let length = range.end.saturating_sub(range.start);
        self.meet(Kind::Get, (name, length), |inner| {
            let bytes = inner.objects.get(name).map(|stored| stored.bytes.clone()).ok_or_else(not_found)?;
            let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
            let (start, end) = (start.unwrap_or(usize::MAX), end.unwrap_or(usize::MAX));
            if start > end || end > bytes.len() {
                return Err(Error::new(ErrorKind::Invalid, "the range ends behind the object"));
            }
            let bytes = bytes.slice(start..end);
            if inner.random.chance(inner.weather.flip) {
                inner.count("flip on the way");
                return Ok(flipped(bytes, inner.random.next()));
            }
            Ok(bytes)
        })
        .await
    }

    async fn head(&self, name: &str) -> Result<u64, Error> {
        let length = |inner: &mut Inner| inner.objects.get(name).map(|stored| stored.bytes.len() as u64);
        self.meet(Kind::Head, (name, 0), |inner| length(inner).ok_or_else(not_found)).await
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        let now = self.now_ms();
        self.meet(Kind::Delete, (name, 0), |inner| {
            if let Some(stored) = inner.objects.remove(name) {
                inner.deleted.push_back((name.to_owned(), stored.bytes.len() as u64, now));
            }
            Ok(())
        })
        .await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        let now = self.now_ms();
        self.look_for_names(Kind::List, after.unwrap_or_default().as_bytes());
        self.meet(Kind::List, (prefix, 0), |inner| Ok(inner.list(prefix, after, limit, now))).await
    }
}

impl Inner {
    fn list(&mut self, prefix: &str, after: Option<&str>, limit: usize, now: u64) -> Vec<Entry> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let (listing, random) = (self.weather.listing, &mut self.random);
        let found = self.objects.range::<str, _>((start, Bound::Unbounded));
        let found = found.take_while(|(name, _)| name.starts_with(prefix));
        let shown = found.filter(|(_, stored)| match listing {
            Listing::Honest => true,
            Listing::Stale(by) => stored.since_ms + by <= now,
            Listing::Lying(per_mille) => !random.chance(per_mille),
        });
        let mut entries: Vec<Entry> = shown
            .take(limit)
            .map(|(name, stored)| Entry { name: name.clone(), size: stored.bytes.len() as u64 })
            .collect();
        if let Listing::Stale(by) = listing {
            let again = self.deleted.iter().filter(|(name, _, at)| {
                at + by > now && name.starts_with(prefix) && after.is_none_or(|after| name.as_str() > after)
            });
            entries.extend(again.map(|(name, size, _)| Entry { name: name.clone(), size: *size }));
            entries.sort_by(|one, other| one.name.cmp(&other.name));
            entries.dedup_by(|one, other| one.name == other.name);
            entries.truncate(limit);
        }
        entries
    }
}

/// Whether it holds anything that was said in clear.
fn contains_plain(bytes: &[u8]) -> bool {
    let Some(first) = PLAIN.first() else { return false };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(PLAIN) {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face() -> Face {
        let findings = Arc::default();
        let plant = Planted::new(None, Random::new(1));
        let site = Site::new("one".to_owned(), Vendor::Own, Label::LOWEST, false, Random::new(2), (findings, plant));
        Face::new(Arc::new(site), Power::new(None, false))
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_is_found_in_whatever_a_vendor_is_asked() {
        let face = face();
        let found = |what: &str| {
            let found = face.site.findings.take();
            assert_eq!(found.len(), 1, "{what}: {found:?}");
        };
        let name = "e/zq7plain";
        drop(face.put_new(name, Bytes::new()).await);
        found("put");
        drop(face.put_new("e/1", Bytes::from_static(b"a zq7plain b")).await);
        found("bytes");
        drop(face.get_range(name, 0..1).await);
        found("get");
        drop(face.head(name).await);
        found("head");
        drop(face.delete(name).await);
        found("delete");
        drop(face.list(name, None, 1).await);
        found("prefix");
        drop(face.list("e/", Some(name), 1).await);
        found("after");
        drop(face.list("e/", Some("e/1"), 1).await);
        assert!(face.site.findings.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_site_is_calm_when_it_has_been_well_for_a_while_or_all_its_life() {
        let face = face();
        let site = &face.site;
        site.change(|weather| weather.state = State::Full);
        assert!(!site.is_calm());
        site.set(CALM);
        assert!(!site.is_calm(), "an upload may be under way that began before");
        tokio::time::advance(CALM_AFTER).await;
        assert!(site.is_calm());
        site.change(|weather| weather.slow *= 4);
        site.set(CALM);
        assert!(!site.is_calm());
        site.begin_life();
        assert!(site.is_calm());
    }
}
