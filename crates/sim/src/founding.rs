//! The people and their buckets, made in the enclave's first whole life.

use engine::{Engine, Error};
use model::label::Parts as LabelParts;
use model::lifecycle::{Expiration, Filter, FilterForm, Rule, RuleState};
use model::{
    BucketName, BucketSetting, KeyLimits, Label, Level, Lifecycle, ObjectKey, ObjectLock, Outside, Principal, Profile,
    Role, Session, Tags, Versioning,
};
use policy::SystemPermit;

use crate::Breadth;
use crate::history::{History, Keeping};
use crate::known::{Known, Person, Place};
use crate::world::top;

/// Keys of each bucket.
const KEYS: usize = 7;

/// Those of a bucket. In the widest world some lie under a further delimiter: one alone, and two together.
fn keys(breadth: Breadth) -> Vec<ObjectKey> {
    let under = |number| match number {
        4 if breadth >= Breadth::All => "a/",
        5.. if breadth >= Breadth::All => "b/",
        _ => "",
    };
    (0..KEYS).filter_map(|number| ObjectKey::parse(&format!("zq7plain/{}{number}", under(number))).ok()).collect()
}

/// The label that is shredded in the end.
pub fn doomed() -> Label {
    at(32)
}

fn at(level: u8) -> Label {
    Label::new(LabelParts { level: Level(level), ..Label::LOWEST.parts() })
}

fn labels(breadth: Breadth) -> Vec<Label> {
    match breadth {
        Breadth::Objects => vec![Label::LOWEST, at(64)],
        Breadth::Wide | Breadth::All => vec![Label::LOWEST, doomed(), at(64)],
    }
}

/// What the buckets of a person keep.
fn kinds(breadth: Breadth) -> &'static [Keeping] {
    match breadth {
        Breadth::Objects => &[Keeping::Current, Keeping::Versions],
        Breadth::Wide | Breadth::All => &[Keeping::Current, Keeping::Versions, Keeping::Newest],
    }
}

/// How many buckets there are.
pub fn buckets(breadth: Breadth) -> usize {
    labels(breadth).len() * kinds(breadth).len()
}

fn settings(breadth: Breadth, keeping: Keeping) -> Vec<BucketSetting> {
    match (keeping, breadth) {
        (Keeping::Current, _) => Vec::new(),
        (Keeping::Newest | Keeping::Again, _) => vec![BucketSetting::Versioning(Versioning::Suspended)],
        (Keeping::Versions, Breadth::Objects) => vec![BucketSetting::Versioning(Versioning::Enabled)],
        (Keeping::Versions, Breadth::Wide | Breadth::All) => vec![
            BucketSetting::Versioning(Versioning::Enabled),
            BucketSetting::ObjectLock(ObjectLock::On { default: None }),
        ],
    }
}

/// Founds them; an error is a finding.
pub async fn found(
    engine: &Engine,
    known: &Known,
    breadth: Breadth,
    profiles: &[Profile],
    outside: &Outside,
) -> Result<(), String> {
    let system = SystemPermit::for_background_work();
    let mut profiles = profiles.iter().copied();
    let mut people: Vec<Person> = Vec::new();
    let mut owner: Option<Principal> = None;
    let mut places: Vec<Place> = Vec::new();
    for (number, label) in labels(breadth).into_iter().enumerate() {
        // In the wide world one person has a key at each label: what lies below is theirs to read.
        let clearance = if breadth >= Breadth::Wide { top() } else { label };
        // Others, who were let in before a founding was cut short, have their names still.
        let name = format!("zq7plain-{number}-{}", outside.random::<1>()[0]);
        let known_owner = owner.take().filter(|_| breadth >= Breadth::Wide);
        let (person, session) = let_in(engine, known_owner, &name, clearance, label)
            .await
            .map_err(|error| format!("nobody is let in: {error}"))?;
        owner = Some(person);
        let first = places.len();
        for (index, keeping) in kinds(breadth).iter().enumerate() {
            let name =
                BucketName::parse(&format!("zq7plain-{number}-{index}")).map_err(|error| format!("{error:?}"))?;
            let permit = policy::on_account(&session).map_err(|refusal| format!("{refusal:?}"))?;
            let created = engine.create_bucket(permit, name, profiles.next(), settings(breadth, *keeping)).await;
            let bucket = created.map_err(|error| format!("no bucket: {error}"))?;
            let keys = keys(breadth).into_iter().map(|key| (key, History::new(*keeping))).collect();
            places.push(Place { bucket, keys });
        }
        let below = if breadth >= Breadth::Wide { (0..first).collect() } else { Vec::new() };
        people.push(Person { session, label, places: (first..places.len()).collect(), below });
    }
    let mut officers = Vec::new();
    let mut passing = None;
    if let Some(lowest) = people.first().filter(|_| breadth >= Breadth::Wide) {
        for number in 0..2 {
            let name = format!("zq7plain-officer-{number}-{}", outside.random::<1>()[0]);
            let made = engine.create_principal(&system, &name, Role::SecurityOfficer, top()).await;
            officers.push(made.map_err(|error| format!("no officer: {error}"))?.id);
        }
        passing = Some(make_passing(engine, &lowest.session).await?);
    }
    let mut state = known.state();
    state.places = places;
    state.people = people;
    state.officers = officers;
    state.passing = passing;
    Ok(())
}

async fn let_in(
    engine: &Engine,
    person: Option<Principal>,
    name: &str,
    clearance: Label,
    label: Label,
) -> Result<(Principal, Session), Error> {
    let system = SystemPermit::for_background_work();
    let person = match person {
        Some(person) => person,
        None => engine.create_principal(&system, name, Role::MissionOwner, clearance).await?,
    };
    let issued = engine.issue_key(&system, person.id, label, KeyLimits::default()).await?;
    let credential = engine.credential(&issued.id).await?.ok_or(Error::NoSuchAccessKey)?;
    Ok((person, credential.session))
}

/// A bucket whose objects pass away after a day.
async fn make_passing(engine: &Engine, session: &Session) -> Result<model::Bucket, String> {
    let filter =
        Filter { form: FilterForm::Filter, prefix: None, tags: Tags::default(), larger_than: None, smaller_than: None };
    let (id, expiration) = ("zq7plain".to_owned(), Some(Expiration::Days(1)));
    let rule = Rule { id, state: RuleState::Enabled, filter, expiration, noncurrent: None, abort_days: Some(1) };
    let lifecycle = BucketSetting::Lifecycle(Lifecycle { rules: vec![rule] });
    let name = BucketName::parse("zq7plain-passing").map_err(|error| format!("{error:?}"))?;
    let permit = policy::on_account(session).map_err(|refusal| format!("{refusal:?}"))?;
    let made = engine.create_bucket(permit, name, None, vec![lifecycle]).await;
    made.map_err(|error| format!("no bucket: {error}"))
}
