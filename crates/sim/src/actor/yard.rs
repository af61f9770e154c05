//! A bucket of each person that is made and deleted again and again: one thing that is there or is not, so the
//! history of a key tells what can be.

use std::collections::BTreeMap;

use engine::{Engine, Error};
use model::{Bucket, BucketName, Label, Profile, Session};
use policy::ListBuckets;

use super::{Actor, Outcome};
use crate::history::{Answer, Condition, EntryId, Request, ValueId};
use crate::known::{Doom, Known};

/// One that there are vendors enough for at every label, also while a site is left.
const PROFILE: Option<Profile> = Some(Profile::Mirror(2));
/// What a yard that is there holds.
const THERE: ValueId = 0;

impl Actor {
    pub(super) async fn yard(&mut self) {
        match self.random.below(10) {
            0..4 => self.make_yard().await,
            4..7 => self.delete_yard().await,
            _ => {
                let (engine, known, session) = (self.engine.clone(), self.known.clone(), self.person.session.clone());
                let _ = self.hear(Box::pin(look_at_yard(&engine, &known, &session))).await;
            }
        }
        self.known.count("yard");
    }

    async fn make_yard(&mut self) {
        let (Some(name), Ok(permit)) = (name(self.person.label), policy::on_account(&self.person.session)) else {
            return;
        };
        let op = begin(&self.known, self.person.label, |entry| Request::Write { entry, condition: Condition::Absent });
        let engine = self.engine.clone();
        match self.hear(Box::pin(engine.create_bucket(permit, name, PROFILE, Vec::new()))).await {
            Some(Ok(_)) => end(&self.known, self.person.label, op, &Answer::Done),
            Some(Err(Error::BucketExists(_))) => end(&self.known, self.person.label, op, &Answer::Refused),
            Some(Err(error)) => {
                let _ = self.judge::<()>(&error);
            }
            None => {}
        }
    }

    async fn delete_yard(&mut self) {
        let Some(name) = name(self.person.label) else { return };
        let (engine, session) = (self.engine.clone(), self.person.session.clone());
        let Outcome::Well(Some(bucket)) = self.call(engine.resolve(&session, &name)).await else { return };
        let Ok(permit) = policy::on_bucket(&session, &bucket) else { return };
        let condition = Condition::Present;
        let op = begin(&self.known, session.label, |marker| Request::Delete { marker, condition });
        match self.hear(Box::pin(engine.delete_bucket(permit))).await {
            Some(Ok(())) => end(&self.known, session.label, op, &Answer::Done),
            // Somebody deleted the one that was found; another may be there by now.
            Some(Err(Error::NoSuchBucket)) => {
                let mut state = self.known.state();
                if let Some(Err(why)) = state.yard(session.label).map(|history| history.refuse(op)) {
                    self.known.findings.add(format!("a yard: {why}"));
                }
            }
            Some(Err(error)) => {
                let _ = self.judge::<()>(&error);
            }
            None => {}
        }
    }
}

impl Actor {
    /// All that is the person's at the label and below it is listed, and nothing else.
    pub(super) async fn list_buckets(&mut self) {
        let session = self.person.session.clone();
        let Ok(permit) = policy::on_account::<ListBuckets>(&session) else { return };
        let (labels, stay) = {
            let state = self.known.state();
            let people = state.people.iter().filter(|person| session.label.dominates(&person.label));
            let labels: Vec<Label> = people.map(|person| person.label).collect();
            let places = self.person.places.iter().chain(&self.person.below);
            let buckets = places.filter_map(|place| state.places.get(*place)).map(|place| &place.bucket);
            let stay: Vec<Bucket> = buckets.chain(&state.passing).cloned().collect();
            (labels, stay)
        };
        let gone = self.known.state().doom == Some(Doom::Shredded);
        let looks: Vec<(Label, u64)> =
            labels.into_iter().map(|label| (label, begin(&self.known, label, |_| Request::Current))).collect();
        let engine = self.engine.clone();
        let outcome = self.call(engine.list_buckets(permit)).await;
        self.count("list buckets", &outcome);
        let Outcome::Well(listed) = outcome else {
            return looks.iter().for_each(|(label, op)| lose(&self.known, *label, *op));
        };
        let mut left: BTreeMap<BucketName, Label> =
            listed.iter().map(|bucket| (bucket.name.clone(), bucket.label)).collect();
        if left.len() != listed.len() {
            self.known.findings.add(format!("a bucket is listed twice: {listed:?}"));
        }
        for (label, op) in looks {
            let there = name(label).and_then(|name| left.remove(&name));
            end(&self.known, label, op, &Answer::Current(there.map(|_| THERE)));
        }
        for Bucket { name, label, .. } in stay {
            let there = left.remove(&name).is_some();
            match (self.known.state().is_doomed(label), there) {
                (false, false) => self.known.findings.add(format!("bucket {name} is not listed")),
                (true, true) if gone => self.known.findings.add(format!("bucket {name} of a shredded label is listed")),
                _ => {}
            }
        }
        if let Some(name) = left.keys().next() {
            self.known.findings.add(format!("bucket {name} is listed, and nobody made it"));
        }
    }
}

/// Looks whether the yard of this session is there.
pub async fn look_at_yard(engine: &Engine, known: &Known, session: &Session) -> Result<(), Error> {
    let Some(name) = name(session.label) else { return Ok(()) };
    let op = begin(known, session.label, |_| Request::Current);
    match engine.resolve(session, &name).await {
        Ok(found) => end(known, session.label, op, &Answer::Current(found.map(|_| THERE))),
        Err(error) => {
            lose(known, session.label, op);
            return Err(error);
        }
    }
    Ok(())
}

fn name(label: Label) -> Option<BucketName> {
    BucketName::parse(&format!("zq7plain-yard-{}", label.parts().level.0)).ok()
}

fn begin(known: &Known, label: Label, request: impl FnOnce(EntryId) -> Request) -> u64 {
    let mut state = known.state();
    let (op, entry) = (state.new_op(), state.unnamed_entry());
    if let Some(history) = state.yard(label) {
        history.name(entry, Some(THERE));
        history.begin(op, request(entry));
    }
    op
}

fn end(known: &Known, label: Label, op: u64, answer: &Answer) {
    let mut state = known.state();
    if let Some(Err(why)) = state.yard(label).map(|history| history.end(op, answer)) {
        known.findings.add(format!("a yard: {why}"));
    }
}

fn lose(known: &Known, label: Label, op: u64) {
    if let Some(history) = known.state().yard(label) {
        history.lose(op);
    }
}
