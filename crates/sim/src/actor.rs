//! Actors do what the door can do, several at a time, and note what they were answered.

mod across;
mod list;
mod pass;
mod say;
mod upload;
mod yard;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::{Body, Copy, Declared, Engine, Error, Put};
use futures::TryStreamExt;
use model::outside::Clock;
use model::{Bucket, Lock, ObjectKey, Precondition, Session, VersionId, Which};
use policy::{DeleteObject, DeleteVersion, GetObject, PutObject};

use crate::ending::Ended;
use crate::history::{Answer, Condition, Keeping, OpId, Request, ValueId};
use crate::known::{Kept, Known, Person, Target, VersionPlace, content};
use crate::power::Power;
use crate::random::Random;
use crate::{Breadth, founding};

pub use say::{judge, looks};
pub use yard::look_at_yard;

/// So many requests in a thousand are given up by their client in the middle.
const GIVEN_UP: u64 = 40;
/// And so many, in the wide world, are of the kinds that it has beyond the others.
const WIDE: u64 = 280;
/// And so many, where all is done, of those that it has beyond these.
const FURTHER: u64 = 150;
/// And so many of those put where holds can be are held from their first moment.
const HELD: u64 = 60;
/// Bodies above this are cut into segments of their own.
const LARGE: usize = (1 << 20) + 5000;

/// Somebody with a key, at work.
pub struct Actor {
    pub engine: Engine,
    pub known: Known,
    pub person: Person,
    pub power: Arc<Power>,
    pub clock: Arc<dyn Clock>,
    pub random: Random,
    pub breadth: Breadth,
}

/// What became of a call.
enum Outcome<T> {
    Well(T),
    /// Its condition did not hold, or what it is about is not there.
    No,
    /// Nobody knows, or will for a while.
    Unknown,
}

impl<T> Outcome<T> {
    fn is_lost(&self) -> bool {
        !matches!(self, Outcome::Well(_))
    }
}

impl Actor {
    /// Does so many things, with pauses.
    pub async fn work(mut self, operations: u64) {
        for _ in 0..operations {
            self.pause().await;
            if !self.power.is_on() || !self.known.findings.is_empty() || self.is_doomed() {
                return;
            }
            self.one().await;
        }
    }

    async fn pause(&mut self) {
        let ms = match self.random.below(200) {
            0 => self.random.between(60_000, 900_000),
            1..20 => self.random.between(1_000, 10_000),
            _ => self.random.below(300),
        };
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    async fn one(&mut self) {
        let Some(target) = self.target() else { return };
        self.known.state().operations += 1;
        if self.breadth >= Breadth::All && self.random.chance(FURTHER) {
            return match self.random.below(10) {
                0..4 => self.list_pages(&target).await,
                4..6 => self.list_version_pages(&target).await,
                6..8 => self.list_uploads(&target).await,
                8 => self.list_buckets().await,
                _ => self.share(&target).await,
            };
        }
        if self.breadth >= Breadth::Wide && self.random.chance(WIDE) {
            return match self.random.below(10) {
                0..5 => self.say(&target).await,
                5..7 => self.across(&target).await,
                7 => self.yard().await,
                _ => self.pass().await,
            };
        }
        match self.random.below(100) {
            0..34 => self.put(&target).await,
            34..56 => self.get(&target).await,
            56..66 => self.delete(&target).await,
            66..72 => self.list(&target).await,
            72..77 => self.list_versions(&target).await,
            77..86 => self.copy(&target).await,
            86..90 => self.upload(&target).await,
            90..96 => self.get_version(&target).await,
            _ => self.delete_version(&target).await,
        }
    }

    fn target(&mut self) -> Option<Target> {
        let place = *self.random.pick(&self.person.places)?;
        self.target_in(place)
    }

    fn target_in(&mut self, place: usize) -> Option<Target> {
        let state = self.known.state();
        let keys: Vec<&ObjectKey> = state.places.get(place)?.keys.keys().collect();
        Some(Target { place, key: (*self.random.pick(&keys)?).clone() })
    }

    fn is_doomed(&self) -> bool {
        self.known.state().is_doomed(self.person.label)
    }

    /// Of what is shredded nothing is there, for its own people and for those above.
    fn is_lost_to_doom(&self, error: &Error) -> bool {
        let above = self.person.label.dominates(&founding::doomed()) && matches!(error, Error::NoSuchBucket);
        self.is_doomed() || (above && self.known.state().doom.is_some())
    }

    fn now(&self) -> i64 {
        self.clock.now().0
    }

    fn bucket(&self, target: &Target) -> Option<Bucket> {
        self.known.state().places.get(target.place).map(|place| place.bucket.clone())
    }

    fn permit<A: policy::ObjectAction>(&self, target: &Target) -> Option<policy::Permit<A>> {
        policy::on_object(&self.person.session, &self.bucket(target)?, target.key.clone()).ok()
    }

    fn size(&mut self) -> usize {
        match self.random.below(400) {
            0 => LARGE,
            // What has segments of its own can be lost in more ways.
            100..103 if self.breadth >= Breadth::Wide => LARGE,
            1..12 => self.random.place(200_000) + 4,
            12..100 => self.random.place(9_000) + 4,
            _ => self.random.place(600) + 4,
        }
    }

    /// Calls, or gives up in the middle; without power nobody hears anything any more.
    fn call<T>(&mut self, call: impl Future<Output = Result<T, Error>>) -> impl Future<Output = Outcome<T>> {
        // In a box from the start: these futures are large, and lie in each other.
        let call = Box::pin(call);
        async move {
            match self.hear(call).await {
                None => Outcome::Unknown,
                Some(Ok(done)) => Outcome::Well(done),
                Some(Err(error)) => self.judge(&error),
            }
        }
    }

    /// The answer, unless the client gave up before.
    async fn hear<T>(&mut self, call: Pin<Box<impl Future<Output = Result<T, Error>>>>) -> Option<Result<T, Error>> {
        let patience = match self.random.chance(GIVEN_UP) {
            true => Duration::from_millis(self.random.below(400)),
            false => Duration::from_secs(600),
        };
        let result = tokio::time::timeout(patience, call).await;
        if !self.power.is_on() {
            return std::future::pending().await;
        }
        result.ok()
    }

    fn judge<T>(&self, error: &Error) -> Outcome<T> {
        match error {
            Error::PreconditionFailed
            | Error::NoSuchKey
            | Error::IsMarker { .. }
            | Error::NoSuchVersion
            | Error::Locked
            // What is copied was shared otherwise meanwhile.
            | Error::AccessWithdrawn
            | Error::NoSuchUpload => Outcome::No,
            Error::Unavailable { .. } | Error::Unreadable { .. } => Outcome::Unknown,
            // Of what is shredded meanwhile.
            _ if self.is_lost_to_doom(error) => Outcome::Unknown,
            other => {
                self.known.findings.add(format!("a client is told: {other} ({other:?})"));
                Outcome::Unknown
            }
        }
    }

    /// Notes what became of a request that changes something.
    fn changed<T>(&self, target: &Target, op: OpId, what: &'static str, outcome: &Outcome<T>) {
        match outcome {
            Outcome::Well(_) => self.known.end(target, op, &Answer::Done),
            Outcome::No => self.known.end(target, op, &Answer::Refused),
            Outcome::Unknown => self.known.lose(target, op),
        }
        self.count(what, outcome);
    }

    fn count<T>(&self, what: &'static str, outcome: &Outcome<T>) {
        self.known.count(what);
        match outcome {
            Outcome::Well(_) => {}
            Outcome::No => self.known.count("refused"),
            Outcome::Unknown => self.known.count("unknown"),
        }
    }

    fn draw_condition(&mut self, target: &Target) -> Condition {
        match self.random.chance(300) {
            true => self.known.state().draw_condition(target, &mut self.random),
            false => Condition::None,
        }
    }

    fn precondition(&self, condition: &Condition) -> Precondition {
        let state = self.known.state();
        match condition {
            Condition::None => Precondition::None,
            Condition::Absent => Precondition::Absent,
            Condition::Present => Precondition::Present,
            Condition::Is(value) => {
                state.value(*value).map_or(Precondition::None, |value| Precondition::Matches(value.etag.clone()))
            }
        }
    }

    fn begin_write(&mut self, target: &Target, value: ValueId, condition: &Condition) -> (OpId, u32) {
        let entry = self.known.state().new_entry(target, Some(value));
        (self.known.begin(target, Request::Write { entry, condition: condition.clone() }), entry)
    }

    async fn put(&mut self, target: &Target) {
        let (size, condition) = (self.size(), self.draw_condition(target));
        let value = self.known.state().new_value(size, &[]);
        let Some(permit) = self.permit::<PutObject>(target) else { return };
        let locks = self.breadth >= Breadth::Wide && self.known.state().keeping(target) == Keeping::Versions;
        let held = locks && self.random.chance(HELD);
        let lock = Lock { legal_hold: held, ..Lock::default() };
        let put = Put { condition: self.precondition(&condition), declared: declared(size), lock, ..Put::default() };
        let (op, entry) = self.begin_write(target, value, &condition);
        self.power.tell(|| format!("put {} of {size} as value {value} if {condition:?}", target.key.as_str()));
        let engine = self.engine.clone();
        let outcome = self.call(engine.put(permit, put, body(&content(value, size)))).await;
        if let Outcome::Well(written) = &outcome {
            self.keep_version(target, written.version.map(Which::Own), entry, Some(value));
            if let Some(id) = written.version {
                let version = VersionPlace { target: target.clone(), id };
                self.known.with_kept(&version, |kept| *kept = kept.clone().held(held));
            }
        }
        self.changed(target, op, "put", &outcome);
    }

    /// Remembers a version that can be asked for by its id.
    fn keep_version(&self, target: &Target, which: Option<Which>, entry: u32, value: Option<ValueId>) {
        if let Some(Which::Own(id)) = which {
            let kept = Kept::new(target.place, entry, value);
            self.known.state().versions.insert((target.key.clone(), id), kept);
        }
    }

    async fn get(&mut self, target: &Target) {
        let op = self.known.begin(target, Request::Current);
        let engine = self.engine.clone();
        let session = self.person.session.clone();
        let known = self.known.clone();
        let range = self.random.chance(250).then(|| (self.random.next(), self.random.next()));
        let Some(bucket) = self.bucket(target) else { return };
        let outcome = self.call(read(&engine, &session, &bucket, target, Which::Current, range, &known)).await;
        match &outcome {
            Outcome::Well(value) => self.known.end(target, op, &Answer::Current(Some(*value))),
            Outcome::No => self.known.end(target, op, &Answer::Current(None)),
            Outcome::Unknown => self.known.lose(target, op),
        }
        self.count("get", &outcome);
    }

    async fn delete(&mut self, target: &Target) {
        let condition = self.draw_condition(target);
        // A deletion is never asked of what is not there.
        let condition = if condition == Condition::Absent { Condition::None } else { condition };
        let marker = self.known.state().new_entry(target, None);
        let Some(permit) = self.permit::<DeleteObject>(target) else { return };
        let op = self.known.begin(target, Request::Delete { marker, condition: condition.clone() });
        let precondition = self.precondition(&condition);
        let engine = self.engine.clone();
        let outcome = self.call(engine.delete(permit, precondition)).await;
        if let Outcome::Well(deleted) = &outcome {
            self.keep_version(target, deleted.version, marker, None);
        }
        self.changed(target, op, "delete", &outcome);
    }

    /// What can be copied from: the same person's buckets, and those of labels below.
    fn source(&mut self) -> Option<Target> {
        match self.breadth >= Breadth::Wide && self.random.chance(200) {
            true => self.target_below(),
            false => self.target(),
        }
    }

    /// Copies what another key that the person may read holds now, and only that.
    async fn copy(&mut self, target: &Target) {
        let Some(source) = self.source() else { return };
        let (Some(find), Some(from)) = (self.permit::<GetObject>(&source), self.permit::<GetObject>(&source)) else {
            return;
        };
        let engine = self.engine.clone();
        let Outcome::Well(found) = self.call(engine.find(find)).await else { return };
        let Some(value) = self.known.state().by_etag(&found.version.etag) else { return };
        if source.place != target.place && !found.version.parts.is_empty() {
            // Between profiles it would become an object of one part, with another ETag.
            return;
        }
        let condition = self.draw_condition(target);
        let Some(to) = self.permit::<PutObject>(target) else { return };
        let version = VersionPlace { target: source, id: found.version.id };
        let looks = looks(&self.known, &version);
        let copy = Copy {
            pinned: Some(found.version.id),
            source_acl: found.version.metadata.acl.clone(),
            condition: self.precondition(&condition),
            // Of a source that cannot be asked for by its id nobody knows which it has.
            tags: looks.is_none().then(model::Tags::default),
            ..Copy::default()
        };
        let (op, entry) = self.begin_write(target, value, &condition);
        let outcome = self.call(engine.copy(from, Which::Current, to, copy)).await;
        match &outcome {
            Outcome::Well(copied) => {
                self.keep_version(target, copied.written.version.map(Which::Own), entry, Some(value));
                if let (Some(Which::Own(id)), Some(looks)) = (copied.written.version.map(Which::Own), looks) {
                    looks.take_along(&self.known, &version, &VersionPlace { target: target.clone(), id });
                }
                self.known.end(target, op, &Answer::Done);
            }
            // Perhaps it was the source that was no longer there.
            Outcome::No | Outcome::Unknown => self.known.lose(target, op),
        }
        self.count("copy", &outcome);
    }

    fn draw_version(&mut self, target: &Target) -> Option<(Target, VersionId, Kept)> {
        let state = self.known.state();
        if state.keeping(target) != Keeping::Versions {
            return None;
        }
        let all: Vec<_> = state.versions.iter().filter(|(_, kept)| kept.place == target.place).collect();
        let ((key, id), kept) = *self.random.pick(&all)?;
        Some((Target { place: target.place, key: key.clone() }, *id, kept.clone()))
    }

    async fn get_version(&mut self, target: &Target) {
        let Some((target, id, _)) = self.draw_version(target) else { return };
        let Some(bucket) = self.bucket(&target) else { return };
        let before = self.known.state().versions.get(&(target.key.clone(), id)).cloned();
        let (engine, session, known) = (self.engine.clone(), self.person.session.clone(), self.known.clone());
        let outcome = self.call(read(&engine, &session, &bucket, &target, Which::Own(id), None, &known)).await;
        let after = self.known.state().versions.get(&(target.key.clone(), id)).cloned();
        let (Some(before), Some(after)) = (before, after) else { return };
        let wrong = match &outcome {
            Outcome::Well(_) if before.deletion.ended() == Ended::Yes => Some("it came back"),
            Outcome::Well(value) if Some(*value) != before.value => Some("it is another"),
            Outcome::No if after.deletion.ended() == Ended::No && before.value.is_some() => Some("it is gone"),
            _ => None,
        };
        if let Some(wrong) = wrong {
            self.known.findings.add(format!("version {id} of {}: {wrong}", target.key.as_str()));
        }
        self.count("get version", &outcome);
    }

    async fn delete_version(&mut self, target: &Target) {
        let Some((target, id, kept)) = self.draw_version(target) else { return };
        let Some(permit) = self.permit::<DeleteVersion>(&target) else { return };
        let version = VersionPlace { target: target.clone(), id };
        self.known.with_kept(&version, |kept| kept.deletion.ask());
        let Some(looks) = looks(&self.known, &version) else { return };
        let op = self.known.begin(&target, Request::DeleteVersion { entry: kept.entry });
        let asked = self.now();
        let engine = self.engine.clone();
        let bypass = if self.breadth >= Breadth::All { self.draw_bypass(&target) } else { None };
        let bypasses = bypass.is_some();
        let outcome = self.call(engine.delete_version(permit, Which::Own(id), Precondition::None, bypass)).await;
        match &outcome {
            Outcome::Well(_) => {
                self.known.with_kept(&version, |kept| kept.deletion.answer(true));
                looks.judge_deletion(&self.known, &version, self.now(), bypasses);
                self.known.end(&target, op, &Answer::Done);
            }
            // A lock holds it; nothing else refuses.
            Outcome::No => {
                self.known.with_kept(&version, |kept| kept.deletion.answer(false));
                looks.judge_refusal(&self.known, &version, asked, bypasses);
                self.known.refuse(&target, op);
            }
            Outcome::Unknown => self.known.lose(&target, op),
        }
        self.count("delete version", &outcome);
    }
}

/// Reads what a key holds, or a part of it, and tells which value it is: every byte must be that value's.
pub async fn read(
    engine: &Engine,
    session: &Session,
    bucket: &Bucket,
    target: &Target,
    which: Which,
    range: Option<(u64, u64)>,
    known: &Known,
) -> Result<ValueId, Error> {
    let Ok(permit) = policy::on_object::<GetObject>(session, bucket, target.key.clone()) else {
        return Err(Error::NoSuchBucket);
    };
    let found = engine.find_version(permit, which).await?;
    let (etag, size) = (found.version.etag.clone(), found.version.size);
    let value = known.state().by_etag(&etag);
    let range = match range {
        Some((one, other)) if size > 0 => {
            let (one, other) = (one % size, other % size);
            one.min(other)..one.max(other) + 1
        }
        _ => 0..size,
    };
    let frames: Vec<Bytes> = found.read(range.clone()).try_collect().await?;
    let Some(value) = value else {
        known.findings.add(format!("{} holds what nobody put: {etag}", target.key.as_str()));
        return Err(Error::Unavailable { reason: "unknown".to_owned() });
    };
    let bytes = known.state().bytes(value);
    let (start, end) = (usize::try_from(range.start).unwrap_or(0), usize::try_from(range.end).unwrap_or(0));
    if size != bytes.len() as u64 {
        known.findings.add(format!("{} has {size} bytes of the {} of value {value}", target.key.as_str(), bytes.len()));
    } else if frames.concat() != bytes.get(start..end).unwrap_or_default() {
        known.findings.add(format!("{} gives a wrong byte of value {value}", target.key.as_str()));
    }
    Ok(value)
}

fn declared(length: usize) -> Declared {
    Declared { length: Some(length as u64), ..Declared::default() }
}

/// In frames of the size that sockets give.
fn body(bytes: &Bytes) -> Body {
    let frames: Vec<Result<Bytes, engine::BodyError>> =
        bytes.chunks(60_000).map(|frame| Ok(Bytes::copy_from_slice(frame))).collect();
    Box::pin(futures::stream::iter(frames))
}
