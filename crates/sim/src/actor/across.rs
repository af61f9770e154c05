//! What passes between labels: reading down, copying up, and downwards nothing but what two others sign.

use engine::{Destination, Error};
use model::{Release, Which};
use policy::{GetObject, PutObject, SystemPermit};

use super::{Actor, Outcome};
use crate::history::{Answer, Condition, EntryId, ValueId};
use crate::known::Target;

impl Actor {
    pub(super) async fn across(&mut self, target: &Target) {
        match self.random.below(10) {
            0..2 => self.try_the_forbidden(target).await,
            2..6 => {
                if let Some(below) = self.target_below() {
                    self.get(&below).await;
                }
            }
            _ => self.release(target).await,
        }
    }

    /// What lies at a label below, if anything does that stays.
    pub(super) fn target_below(&mut self) -> Option<Target> {
        let below: Vec<usize> = {
            let state = self.known.state();
            self.person.below.iter().copied().filter(|place| !state.is_doomed_place(*place)).collect()
        };
        let place = *self.random.pick(&below)?;
        self.target_in(place)
    }

    /// Nobody writes down, reads up, or learns a name from above.
    async fn try_the_forbidden(&mut self, target: &Target) {
        let others: Vec<_> = self.known.state().places.iter().map(|place| place.bucket.clone()).collect();
        let session = self.person.session.clone();
        for bucket in others.iter().filter(|bucket| bucket.label != session.label) {
            let writes = policy::on_object::<PutObject>(&session, bucket, target.key.clone()).is_ok();
            let reads = policy::on_object::<GetObject>(&session, bucket, target.key.clone()).is_ok();
            if writes || reads != session.label.dominates(&bucket.label) {
                let finding = format!("{}: reads {reads}, writes {writes} from {:?}", bucket.name, session.label);
                self.known.findings.add(finding);
            }
            let found = self.engine.resolve(&session, &bucket.name).await;
            if !self.power.is_on() {
                return std::future::pending().await;
            }
            if matches!(found, Ok(Some(_))) && !session.label.dominates(&bucket.label) {
                self.known.findings.add(format!("{} is named to one below it", bucket.name));
            }
        }
        self.known.count("forbidden");
    }

    /// Asks that something be released to a label below, and has it signed by two others.
    async fn release(&mut self, source: &Target) {
        let Some(to) = self.target_below() else { return };
        let (Some(from), Some(bucket)) = (self.permit::<GetObject>(source), self.bucket(&to)) else { return };
        let destination = Destination { label: bucket.label, bucket: bucket.name, key: to.key.clone() };
        let engine = self.engine.clone();
        let asked = self.call(engine.ask_release(from, Which::Current, destination, "zq7plain is harmless")).await;
        let Outcome::Well(release) = asked else { return };
        let Some(value) = self.known.state().by_etag(&release.etag) else { return };
        // What was uploaded in parts becomes an object of one, with another ETag.
        if release.etag.0.contains('-') {
            return;
        }
        let officers = self.known.state().officers.clone();
        let [first, second] = officers.as_slice() else { return };
        let system = SystemPermit::for_background_work();
        if self.call(engine.sign_release(&system, release.id, *first)).await.is_lost() {
            return;
        }
        if engine.sign_release(&system, release.id, *first).await.is_ok() {
            self.known.findings.add("one person signs a release twice".to_owned());
        }
        let (op, entry) = self.begin_write(&to, value, &Condition::Absent);
        let released: Option<Result<Release, Error>> =
            self.hear(Box::pin(engine.sign_release(&system, release.id, *second))).await;
        match released {
            // What is there already counts as released.
            Some(Ok(_)) if self.had(&to, value, entry) => self.known.lose(&to, op),
            Some(Ok(_)) => self.known.end(&to, op, &Answer::Done),
            // The key is taken, or the source is another or gone.
            Some(Err(Error::Invalid(_) | Error::NoSuchKey | Error::NoSuchVersion | Error::IsMarker { .. })) => {
                self.known.refuse(&to, op);
            }
            Some(Err(error)) => {
                let _ = self.judge::<()>(&error);
                self.known.lose(&to, op);
            }
            None => self.known.lose(&to, op),
        }
        self.known.count("release");
    }

    fn had(&self, target: &Target, value: ValueId, but: EntryId) -> bool {
        self.known.state().history(target).is_some_and(|history| history.had(value, but))
    }
}
