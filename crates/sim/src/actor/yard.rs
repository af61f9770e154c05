//! A bucket of each person that is made and deleted again and again: one thing that is there or is not, so the
//! history of a key tells what can be.

use engine::{Engine, Error};
use model::{BucketName, Profile, Session};

use super::{Actor, Outcome};
use crate::history::{Answer, Condition, EntryId, Request, ValueId};
use crate::known::Known;

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
        let (Some(name), Ok(permit)) = (name(&self.person.session), policy::on_account(&self.person.session)) else {
            return;
        };
        let op =
            begin(&self.known, &self.person.session, |entry| Request::Write { entry, condition: Condition::Absent });
        let engine = self.engine.clone();
        match self.hear(Box::pin(engine.create_bucket(permit, name, PROFILE, Vec::new()))).await {
            Some(Ok(_)) => end(&self.known, &self.person.session, op, &Answer::Done),
            Some(Err(Error::BucketExists(_))) => end(&self.known, &self.person.session, op, &Answer::Refused),
            Some(Err(error)) => {
                let _ = self.judge::<()>(&error);
            }
            None => {}
        }
    }

    async fn delete_yard(&mut self) {
        let Some(name) = name(&self.person.session) else { return };
        let (engine, session) = (self.engine.clone(), self.person.session.clone());
        let Outcome::Well(Some(bucket)) = self.call(engine.resolve(&session, &name)).await else { return };
        let Ok(permit) = policy::on_bucket(&session, &bucket) else { return };
        let condition = Condition::Present;
        let op = begin(&self.known, &session, |marker| Request::Delete { marker, condition });
        match self.hear(Box::pin(engine.delete_bucket(permit))).await {
            Some(Ok(())) => end(&self.known, &session, op, &Answer::Done),
            // Somebody deleted the one that was found; another may be there by now.
            Some(Err(Error::NoSuchBucket)) => {
                let mut state = self.known.state();
                if let Some(Err(why)) = state.yard(&session).map(|history| history.refuse(op)) {
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

/// Looks whether the yard of this session is there.
pub async fn look_at_yard(engine: &Engine, known: &Known, session: &Session) -> Result<(), Error> {
    let Some(name) = name(session) else { return Ok(()) };
    let op = begin(known, session, |_| Request::Current);
    match engine.resolve(session, &name).await {
        Ok(found) => end(known, session, op, &Answer::Current(found.map(|_| THERE))),
        Err(error) => {
            if let Some(history) = known.state().yard(session) {
                history.lose(op);
            }
            return Err(error);
        }
    }
    Ok(())
}

fn name(session: &Session) -> Option<BucketName> {
    BucketName::parse(&format!("zq7plain-yard-{}", session.label.parts().level.0)).ok()
}

fn begin(known: &Known, session: &Session, request: impl FnOnce(EntryId) -> Request) -> u64 {
    let mut state = known.state();
    let (op, entry) = (state.new_op(), state.unnamed_entry());
    if let Some(history) = state.yard(session) {
        history.name(entry, Some(THERE));
        history.begin(op, request(entry));
    }
    op
}

fn end(known: &Known, session: &Session, op: u64, answer: &Answer) {
    let mut state = known.state();
    if let Some(Err(why)) = state.yard(session).map(|history| history.end(op, answer)) {
        known.findings.add(format!("a yard: {why}"));
    }
}
