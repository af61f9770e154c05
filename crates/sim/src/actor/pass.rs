//! Objects that pass away by a rule of their bucket: they are there for a day, and after it they go.

use engine::{Error, Put};
use model::{ObjectKey, Which};
use policy::PutObject;

use super::{Actor, Outcome, body, declared, read};
use crate::known::{Passing, Target, content};
use crate::world::DAY;

impl Actor {
    /// Puts one, or looks at one.
    pub(super) async fn pass(&mut self) {
        match self.random.chance(500) {
            true => self.put_passing().await,
            false => self.look_at_passing().await,
        }
    }

    async fn put_passing(&mut self) {
        let Some(bucket) = self.known.state().passing.clone() else { return };
        let size = self.size();
        let (value, op) = {
            let mut state = self.known.state();
            (state.new_value(size, &[]), state.new_op())
        };
        let Ok(key) = ObjectKey::parse(&format!("zq7plain/passing/{op:08}")) else { return };
        let Ok(permit) = policy::on_object::<PutObject>(&self.person.session, &bucket, key.clone()) else { return };
        let begun = Passing { begun: self.now(), acknowledged: false };
        self.known.state().passed.insert(key.clone(), begun);
        let put = Put { declared: declared(size), ..Put::default() };
        let engine = self.engine.clone();
        let outcome = self.call(engine.put(permit, put, body(&content(value, size)))).await;
        if matches!(outcome, Outcome::Well(_)) {
            self.known.state().passed.insert(key, Passing { acknowledged: true, ..begun });
        }
        self.count("put passing", &outcome);
    }

    async fn look_at_passing(&mut self) {
        let (bucket, all) = {
            let state = self.known.state();
            let young = state.passed.iter().rev().take(20).map(|(key, passing)| (key.clone(), *passing));
            (state.passing.clone(), young.collect::<Vec<_>>())
        };
        let (Some(bucket), Some((key, passing))) = (bucket, self.random.pick(&all).cloned()) else { return };
        let (engine, session, known) = (self.engine.clone(), self.person.session.clone(), self.known.clone());
        let target = Target { place: usize::MAX, key };
        let found = self.hear(Box::pin(read(&engine, &session, &bucket, &target, Which::Current, None, &known))).await;
        let day = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
        let gone = matches!(found, Some(Err(Error::NoSuchKey)));
        if gone && passing.acknowledged && self.now() < passing.begun + day {
            self.known.findings.add(format!("{} passed away before its time", target.key.as_str()));
        }
        self.known.count("look at passing");
    }
}
