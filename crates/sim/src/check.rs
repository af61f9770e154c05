//! What must hold whenever all is settled: everything acknowledged is there, and nothing else.

use std::time::Duration;

use engine::{Engine, Error, ListQuery};
use model::{Bucket, ObjectKey, Which};
use policy::{ListObjects, ReadVersion, SystemPermit};

use crate::actor::{judge, look_at_yard, looks, read};
use crate::ending::Ended;
use crate::history::{Answer, Request};
use crate::known::{Doom, Known, Person, Target, VersionPlace};
use crate::power::Power;

/// How often a read is tried that the weather keeps from being answered.
const TRIES: usize = 60;

/// How much must be readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// What cannot be read now is looked at another time.
    Once,
    /// All of it, in the end.
    UntilRead,
}

/// Whether nothing waits to be shown.
pub async fn is_settled(engine: &Engine) -> bool {
    let status = engine.status(&SystemPermit::for_background_work()).await;
    status.is_ok_and(|status| status.totals.unshown == 0)
}

/// Reads every key and every kept version.
pub async fn all(engine: &Engine, known: &Known, power: &Power, patience: Patience) {
    let people = known.state().people.clone();
    for person in &people {
        if known.state().is_doomed(person.label) {
            nothing_of(engine, known, person).await;
            continue;
        }
        let _ = look_at_yard(engine, known, &person.session).await;
        for place in &person.places {
            let keys: Vec<ObjectKey> = {
                let state = known.state();
                state.places.get(*place).map(|place| place.keys.keys().cloned().collect()).unwrap_or_default()
            };
            for key in keys {
                let target = Target { place: *place, key };
                current(engine, known, &person.session, &target, patience, power).await;
            }
        }
    }
    versions(engine, known, patience, power).await;
}

async fn current(
    engine: &Engine,
    known: &Known,
    session: &model::Session,
    target: &Target,
    patience: Patience,
    power: &Power,
) {
    let Some(bucket) = known.state().places.get(target.place).map(|place| place.bucket.clone()) else { return };
    for attempt in 0..TRIES {
        let op = known.begin(target, Request::Current);
        let found = read(engine, session, &bucket, target, Which::Current, None, known).await;
        if !power.is_on() {
            return std::future::pending().await;
        }
        match found {
            Ok(value) => return known.end(target, op, &Answer::Current(Some(value))),
            Err(Error::NoSuchKey | Error::IsMarker { .. }) => return known.end(target, op, &Answer::Current(None)),
            Err(Error::Unavailable { .. } | Error::Unreadable { .. }) => known.lose(target, op),
            Err(error) => return known.findings.add(format!("{} cannot be read: {error}", target.key.as_str())),
        }
        if patience == Patience::Once {
            return;
        }
        if attempt == TRIES - 1 {
            known.findings.add(format!(
                "{} of place {} is there and nobody can read it",
                target.key.as_str(),
                target.place
            ));
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}

/// Nothing of a shredded label is there.
async fn nothing_of(engine: &Engine, known: &Known, person: &Person) {
    if known.state().doom != Some(Doom::Shredded) {
        return;
    }
    let targets: Vec<(Target, Bucket)> = {
        let state = known.state();
        let places = person.places.iter().filter_map(|place| Some((*place, state.places.get(*place)?)));
        places
            .flat_map(|(index, place)| place.keys.keys().map(move |key| (index, key, &place.bucket)))
            .map(|(place, key, bucket)| (Target { place, key: key.clone() }, bucket.clone()))
            .collect()
    };
    for (target, bucket) in targets {
        if let Ok(value) = read(engine, &person.session, &bucket, &target, Which::Current, None, known).await {
            known.findings.add(format!("value {value} of a shredded label is read"));
        }
        if let Ok(Some(bucket)) = engine.resolve(&person.session, &bucket.name).await {
            known.findings.add(format!("bucket {} of a shredded label is there", bucket.name));
        }
    }
}

/// What was to pass away has, and took nothing else along.
pub async fn passed(engine: &Engine, known: &Known) {
    let (bucket, session, put) = {
        let state = known.state();
        let (Some(bucket), Some(lowest)) = (state.passing.clone(), state.people.first()) else { return };
        (bucket, lowest.session.clone(), state.passed.len())
    };
    let Ok(permit) = policy::on_bucket::<ListObjects>(&session, &bucket) else { return };
    match engine.list(permit, ListQuery { limit: 1000, ..ListQuery::default() }).await {
        Ok(page) if page.entries.is_empty() => {}
        Ok(page) => {
            let stay = page.entries.len();
            known.findings.add(format!("{stay} of {put} objects stay two days after their rule took effect"));
        }
        Err(error) => known.findings.add(format!("what passes away cannot be listed: {error}")),
    }
}

async fn versions(engine: &Engine, known: &Known, patience: Patience, power: &Power) {
    let people = known.state().people.clone();
    let kept: Vec<_> = known.state().versions.iter().map(|(place, kept)| (place.clone(), kept.clone())).collect();
    for ((key, id), kept) in kept.into_iter().filter(|(_, kept)| kept.value.is_some()) {
        if known.state().is_doomed_place(kept.place) {
            continue;
        }
        let Some(person) = people.iter().find(|person| person.places.contains(&kept.place)) else { continue };
        let Some(bucket) = known.state().places.get(kept.place).map(|place| place.bucket.clone()) else { continue };
        let target = Target { place: kept.place, key };
        let version = VersionPlace { target: target.clone(), id };
        let looks = looks(known, &version);
        if let Ok(permit) = policy::on_object::<ReadVersion>(&person.session, &bucket, target.key.clone())
            && let (Ok(described), Some(looks)) = (engine.describe(permit, Which::Own(id)).await, looks)
        {
            judge(known, &version, &looks, &described);
        }
        for attempt in 0..TRIES {
            let found = read(engine, &person.session, &bucket, &target, Which::Own(id), None, known).await;
            if !power.is_on() {
                return std::future::pending().await;
            }
            let wrong = match (&found, kept.deletion.ended()) {
                (Ok(_), Ended::Yes) => Some("came back"),
                (Ok(value), _) if Some(*value) != kept.value => Some("is another"),
                (Err(Error::NoSuchVersion), Ended::No) => Some("is gone"),
                (Err(Error::Unavailable { .. } | Error::Unreadable { .. }), _) if patience == Patience::UntilRead => {
                    if attempt < TRIES - 1 {
                        tokio::time::sleep(Duration::from_secs(10)).await;
                        continue;
                    }
                    Some("is there and nobody can read it")
                }
                _ => None,
            };
            if let Some(wrong) = wrong {
                known.findings.add(format!("version {id} of {} {wrong}", target.key.as_str()));
            }
            break;
        }
    }
}

/// Whether everything is at its promise again, within a day of good weather.
pub async fn caught_up(engine: &Engine) -> Result<(), String> {
    let mut below = 0;
    for _ in 0..200 {
        let status = engine.status(&SystemPermit::for_background_work()).await.map_err(|error| error.to_string())?;
        below = status.totals.below_promise;
        if below == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    Err(format!("{below} segments stay below their promise in good weather"))
}
