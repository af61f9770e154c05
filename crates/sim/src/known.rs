//! What the clients of all lives know: what they wrote, what was answered, and so what must be there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use coding::digest::{Digests, Kind};
use engine::{Engine, Error};
use model::{Acl, Bucket, ETag, Label, ObjectKey, PrincipalId, Retention, Session, Tags, VersionId};

use crate::ending::Ending;
use crate::findings::Findings;
use crate::founding;
use crate::guests::Guests;
use crate::history::{Answer, Condition, EntryId, History, Keeping, OpId, Request, ValueId};
use crate::random::Random;
use crate::said::Said;
use crate::site::PLAIN;
use crate::uploads::Uploads;

/// Bytes that were put.
#[derive(Clone, Debug)]
pub struct Value {
    pub etag: ETag,
    size: usize,
    /// The value whose bytes these are, from which on: its own, but for what became the part of another.
    origin: ValueId,
    offset: usize,
}

impl Value {
    fn bytes(&self) -> Bytes {
        content(self.origin, self.offset + self.size).slice(self.offset..)
    }
}

/// A bucket with its keys.
pub struct Place {
    pub bucket: Bucket,
    pub keys: BTreeMap<ObjectKey, History>,
}

/// An acknowledged version, which can be asked for by its id.
#[derive(Clone, Debug)]
pub struct Kept {
    pub place: usize,
    pub entry: EntryId,
    pub value: Option<ValueId>,
    pub deletion: Ending,
    pub tags: Said<Tags>,
    pub held: Said<bool>,
    pub retention: Said<Option<Retention>>,
    pub acl: Said<Acl>,
}

/// A version by its id.
pub struct VersionPlace {
    pub target: Target,
    pub id: VersionId,
}

impl Kept {
    pub fn new(place: usize, entry: EntryId, value: Option<ValueId>) -> Kept {
        Kept {
            place,
            entry,
            value,
            deletion: Ending::default(),
            tags: Said::new(Tags::default()),
            held: Said::new(false),
            retention: Said::new(None),
            acl: Said::new(Acl::default()),
        }
    }

    /// One that was put with a hold, or without.
    pub fn held(self, held: bool) -> Kept {
        Kept { held: Said::new(held), ..self }
    }
}

/// A person with a key at one label.
#[derive(Clone)]
pub struct Person {
    pub session: Session,
    pub label: Label,
    /// Of [`State::places`].
    pub places: Vec<usize>,
    /// Those of lower labels.
    pub below: Vec<usize>,
}

/// What is known of the label that is to be shredded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doom {
    /// Asked for: from here on nobody can tell what is there.
    Asked,
    /// Nothing of it is there, ever again.
    Shredded,
}

/// An object of the bucket whose objects pass away.
#[derive(Clone, Copy, Debug)]
pub struct Passing {
    /// When it was first asked for, by the wall clock.
    pub begun: i64,
    pub acknowledged: bool,
}

#[derive(Default)]
pub struct State {
    pub people: Vec<Person>,
    pub places: Vec<Place>,
    pub versions: BTreeMap<(ObjectKey, VersionId), Kept>,
    /// Those who sign releases.
    pub officers: Vec<PrincipalId>,
    pub doom: Option<Doom>,
    /// The buckets that are made and deleted, by the level of their label.
    yards: BTreeMap<u8, History>,
    /// The bucket whose objects pass away, and what was put there.
    pub passing: Option<Bucket>,
    pub passed: BTreeMap<ObjectKey, Passing>,
    /// Multipart uploads, by their bucket.
    pub uploads: BTreeMap<usize, Uploads>,
    pub guests: Guests,
    values: Vec<Value>,
    by_etag: BTreeMap<ETag, ValueId>,
    next_op: OpId,
    next_entry: EntryId,
    /// What buckets are about to keep, by their place.
    turning: BTreeMap<usize, Keeping>,
    /// Answers by kind of request, for the report.
    pub tally: BTreeMap<&'static str, u64>,
    pub operations: u64,
}

/// Shared by everybody in the simulated world.
#[derive(Clone)]
pub struct Known {
    state: Arc<Mutex<State>>,
    pub findings: Arc<Findings>,
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub struct Target {
    pub place: usize,
    pub key: ObjectKey,
}

impl Known {
    pub fn new(findings: Arc<Findings>) -> Known {
        Known { state: Arc::default(), findings }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn begin(&self, target: &Target, request: Request) -> OpId {
        let mut state = self.state();
        let op = state.new_op();
        if let Some(history) = state.history(target) {
            history.begin(op, request);
        }
        op
    }

    pub fn end(&self, target: &Target, op: OpId, answer: &Answer) {
        let mut state = self.state();
        if let Some(Err(why)) = state.history(target).map(|history| history.end(op, answer)) {
            self.findings.add(format!("key {} of place {}: {why}", target.key.as_str(), target.place));
        }
    }

    pub fn lose(&self, target: &Target, op: OpId) {
        if let Some(history) = self.state().history(target) {
            history.lose(op);
        }
    }

    /// What was under way happened, or never will.
    pub fn settle(&self) {
        for place in &mut self.state().places {
            place.keys.values_mut().for_each(History::settle);
        }
        self.state().yards.values_mut().for_each(History::settle);
        for kept in self.state().versions.values_mut() {
            kept.tags.settle();
            kept.held.settle();
            kept.retention.settle();
            kept.acl.settle();
        }
        self.state().guests.settle();
    }

    /// The doomed label comes nearer to its end.
    pub fn doom(&self, doom: Doom) {
        self.state().doom = Some(doom);
    }

    /// Looks at a kept version, or changes it.
    pub fn with_kept<T>(&self, version: &VersionPlace, then: impl FnOnce(&mut Kept) -> T) -> Option<T> {
        let mut state = self.state();
        if state.is_doomed_place(version.target.place) {
            return None;
        }
        state.versions.get_mut(&(version.target.key.clone(), version.id)).map(then)
    }

    /// The request was refused whatever the key held.
    pub fn refuse(&self, target: &Target, op: OpId) {
        let mut state = self.state();
        if let Some(Err(why)) = state.history(target).map(|history| history.refuse(op)) {
            self.findings.add(format!("key {} of place {}: {why}", target.key.as_str(), target.place));
        }
    }

    /// The bucket as it is now: somebody may have given it another profile.
    pub async fn look_up(&self, engine: &Engine, session: &Session, bucket: &Bucket) -> Result<(), Error> {
        let found = engine.resolve(session, &bucket.name).await?.filter(|found| found.id == bucket.id);
        if let Some(found) = found {
            let mut state = self.state();
            let place = state.places.iter_mut().find(|place| place.bucket.id == found.id);
            place.into_iter().for_each(|place| place.bucket = found.clone());
        }
        Ok(())
    }

    pub fn count(&self, what: &'static str) {
        *self.state().tally.entry(what).or_default() += 1;
    }
}

impl State {
    /// None of what is being shredded, or was: of that nothing is certain any more.
    pub fn history(&mut self, target: &Target) -> Option<&mut History> {
        if self.is_doomed_place(target.place) {
            return None;
        }
        self.places.get_mut(target.place)?.keys.get_mut(&target.key)
    }

    /// Of the label; none where nothing is certain any more.
    pub fn yard(&mut self, label: Label) -> Option<&mut History> {
        if self.is_doomed(label) {
            return None;
        }
        Some(self.yards.entry(label.parts().level.0).or_insert_with(|| History::new(Keeping::Current)))
    }

    pub fn is_doomed(&self, label: Label) -> bool {
        self.doom.is_some() && label == founding::doomed()
    }

    pub fn is_doomed_place(&self, place: usize) -> bool {
        self.places.get(place).is_some_and(|place| self.is_doomed(place.bucket.label))
    }

    /// The bucket is to keep this from now on, whatever the enclave says of it meanwhile.
    pub fn turn(&mut self, place: usize, keeping: Keeping) {
        self.turning.insert(place, keeping);
    }

    /// What is not turned yet.
    pub fn turning(&self) -> Option<(usize, Keeping)> {
        self.turning.iter().map(|(place, keeping)| (*place, *keeping)).find(|(place, _)| !self.is_doomed_place(*place))
    }

    pub fn turned(&mut self, place: usize) {
        if let (Some(keeping), Some(place)) = (self.turning.remove(&place), self.places.get_mut(place)) {
            place.keys.values_mut().for_each(|history| history.turn(keeping));
        }
    }

    pub fn keeping(&self, target: &Target) -> Keeping {
        let history = self.places.get(target.place).and_then(|place| place.keys.get(&target.key));
        history.map_or(Keeping::Current, History::keeping)
    }

    /// New bytes that nobody put before, in parts of these sizes if they are uploaded so.
    pub fn new_value(&mut self, size: usize, parts: &[usize]) -> ValueId {
        let id = ValueId::try_from(self.values.len()).unwrap_or(ValueId::MAX);
        let bytes = content(id, size);
        let etag = if parts.is_empty() { ETag(hex(&md5(&bytes))) } else { composite(&bytes, parts) };
        self.by_etag.insert(etag.clone(), id);
        self.values.push(Value { etag, size, origin: id, offset: 0 });
        id
    }

    /// A run of another value as the only part of an upload, which has this ETag. A part that was not read has one
    /// that is no digest of its bytes, and yet it is not that of any others.
    pub fn as_only_part(&mut self, of: ValueId, run: Range<usize>, part: &ETag) -> Result<ValueId, String> {
        let (origin, before) = self.value(of).map_or((of, 0), |value| (value.origin, value.offset));
        let etag = ETag(format!("{}-1", hex(&md5(&unhex(&part.0)))));
        let value = Value { etag: etag.clone(), size: run.len(), origin, offset: before + run.start };
        if let Some(known) = self.by_etag(&etag) {
            let same = self.bytes(known) == value.bytes();
            return if same { Ok(known) } else { Err(format!("{etag} is said of other bytes than before")) };
        }
        let id = ValueId::try_from(self.values.len()).unwrap_or(ValueId::MAX);
        self.by_etag.insert(etag, id);
        self.values.push(value);
        Ok(id)
    }

    /// All that the value is.
    pub fn bytes(&self, id: ValueId) -> Bytes {
        self.value(id).map(Value::bytes).unwrap_or_default()
    }

    pub fn value(&self, id: ValueId) -> Option<&Value> {
        self.values.get(usize::try_from(id).ok()?)
    }

    pub fn by_etag(&self, etag: &ETag) -> Option<ValueId> {
        self.by_etag.get(etag).copied()
    }

    pub fn new_op(&mut self) -> OpId {
        self.next_op += 1;
        self.next_op
    }

    /// A new entry of a key, to be spoken of.
    pub fn new_entry(&mut self, target: &Target, value: Option<ValueId>) -> EntryId {
        let entry = self.unnamed_entry();
        if let Some(history) = self.history(target) {
            history.name(entry, value);
        }
        entry
    }

    pub fn unnamed_entry(&mut self) -> EntryId {
        self.next_entry += 1;
        self.next_entry
    }

    /// A condition for a write, drawn from what may hold.
    pub fn draw_condition(&mut self, target: &Target, random: &mut Random) -> Condition {
        let certain = self.history(target).and_then(|history| history.certain()).flatten();
        match (random.below(4), certain) {
            (0, _) => Condition::Absent,
            (1, _) => Condition::Present,
            (_, Some(value)) => Condition::Is(value),
            (_, None) => Condition::Absent,
        }
    }
}

/// The bytes of a value: what says that they are plain, the value, and noise that never repeats.
pub fn content(id: ValueId, size: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(size + 8);
    bytes.extend_from_slice(&id.to_le_bytes());
    bytes.extend_from_slice(PLAIN);
    let mut random = Random::new(u64::from(id) + 1);
    while bytes.len() < size {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(size);
    bytes.into()
}

fn md5(bytes: &[u8]) -> Vec<u8> {
    let mut digests = Digests::new(&[Kind::Md5]);
    digests.update(bytes);
    digests.finish().md5().map(|digest| digest.to_vec()).unwrap_or_default()
}

/// The ETag of an object that was uploaded in parts.
fn composite(bytes: &[u8], parts: &[usize]) -> ETag {
    let (mut rest, mut digests) = (bytes, Vec::new());
    for size in parts {
        let (part, behind) = rest.split_at_checked(*size).unwrap_or((rest, &[]));
        digests.extend(md5(part));
        rest = behind;
    }
    ETag(format!("{}-{}", hex(&md5(&digests)), parts.len()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
