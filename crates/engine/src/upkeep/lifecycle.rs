//! Lifecycle: what the buckets' rules make due is planned, and the plan is executed.
//!
//! A step names the very version it is about, so that whatever changed since the plan is left alone;
//! what a lock holds stays, and is due again at the next round.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use catalog::{Entry, ListEntry, ListQuery, Page, Proposal, VersionKind, VersionSummary};
use model::lifecycle::{Act, Day, Due, Seen, SeenKind};
use model::{
    Aspect, Bucket, BucketId, BucketSetting, Change, Governance, Guard, Lifecycle, Marker, ObjectKey, Precondition,
    Slot, Tags, Timestamp, UploadId, Version, VersionId, Which,
};
use tracing::{info, warn};

use crate::api::Engine;
use crate::error::Error;
use crate::inner::Inner;
use crate::upkeep::under_way::{Begun, Task};

/// Entries read at once.
const PAGE: usize = 1000;
/// Steps of one plan: what is due beyond them comes with the next.
const STEPS_MAX: usize = 10_000;
/// Rounds within a day, and the shortest time between two.
const ROUNDS_A_DAY: u32 = 24;
const ROUND_MIN: Duration = Duration::from_secs(1);

/// What a lifecycle round would do.
#[derive(Clone, Debug, Default)]
pub struct LifecyclePlan {
    pub steps: Vec<Step>,
    /// There may be more than one plan holds.
    pub more: bool,
}

/// One thing to do, and the rule it follows from.
#[derive(Clone, Debug)]
pub struct Step {
    pub bucket: Bucket,
    pub key: ObjectKey,
    pub rule: String,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Delete the object, if it is still this version.
    Expire(VersionId),
    /// Remove this version or marker for good.
    Remove(VersionId, Slot),
    Abort(UploadId),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step { bucket, key, rule, what } = self;
        match what {
            What::Expire(id) => write!(f, "expire {}/{key} (version {id}) by rule `{rule}`", bucket.name),
            What::Remove(id, _) => write!(f, "remove version {id} of {}/{key} by rule `{rule}`", bucket.name),
            What::Abort(id) => write!(f, "abort upload {id} of {}/{key} by rule `{rule}`", bucket.name),
        }
    }
}

impl fmt::Display for LifecyclePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))?;
        if self.more { writeln!(f, "and more") } else { Ok(()) }
    }
}

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LifecycleDone {
    pub done: usize,
    /// Held by a lock.
    pub held: usize,
    /// Changed since the plan.
    pub passed_over: usize,
}

impl Engine {
    /// What the rules make due now; looking changes nothing.
    pub async fn plan_lifecycle(&self, _: &policy::SystemPermit) -> Result<LifecyclePlan, Error> {
        self.inner.plan_lifecycle().await
    }

    /// Does what the plan says, as far as it still holds.
    pub async fn run_lifecycle(&self, _: &policy::SystemPermit, plan: &LifecyclePlan) -> Result<LifecycleDone, Error> {
        self.inner.run_lifecycle(plan, None).await
    }

    /// When and by which rule an object of this bucket goes, if any rule says so. It is told in real days,
    /// also where rules run by shorter ones: clients read a date.
    pub fn expiry(&self, bucket: BucketId, version: &Version) -> Option<(Timestamp, String)> {
        let lifecycle = self.inner.lifecycles.of(bucket)?;
        let Version { key, size, tags, modified, .. } = version;
        let expiry = lifecycle.expiry(key.as_str(), *size, tags, *modified, Day::REAL);
        expiry.map(|(at, rule)| (at, rule.to_owned()))
    }
}

/// The rules of the buckets that have any, in memory: every answer about an object asks for them.
#[derive(Default)]
pub struct Lifecycles {
    by_bucket: std::sync::Mutex<BTreeMap<BucketId, Arc<Lifecycle>>>,
}

impl Lifecycles {
    pub fn of(&self, bucket: BucketId) -> Option<Arc<Lifecycle>> {
        self.held().get(&bucket).cloned()
    }

    pub fn set(&self, bucket: BucketId, lifecycle: &Lifecycle) {
        if lifecycle.rules.is_empty() {
            self.held().remove(&bucket);
        } else {
            self.held().insert(bucket, Arc::new(lifecycle.clone()));
        }
    }

    fn replace(&self, all: BTreeMap<BucketId, Arc<Lifecycle>>) {
        *self.held() = all;
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<BucketId, Arc<Lifecycle>>> {
        // Nothing panics while it holds the lock; a poisoned map is still whole.
        self.by_bucket.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    /// Reads every bucket's rules anew.
    pub async fn load_lifecycles(&self) -> Result<Vec<(Bucket, Arc<Lifecycle>)>, catalog::Error> {
        let mut all = Vec::new();
        for (bucket, setting) in self.catalog.buckets_with(Aspect::Lifecycle).await? {
            if let BucketSetting::Lifecycle(lifecycle) = setting
                && !lifecycle.rules.is_empty()
            {
                all.push((bucket, Arc::new(lifecycle)));
            }
        }
        self.lifecycles.replace(all.iter().map(|(bucket, rules)| (bucket.id, Arc::clone(rules))).collect());
        Ok(all)
    }

    pub(super) async fn lifecycle_forever(self: &Arc<Self>) {
        let every = (self.settings.lifecycle_day / ROUNDS_A_DAY).max(ROUND_MIN);
        loop {
            tokio::time::sleep(every).await;
            let done = match self.plan_lifecycle().await {
                Ok(plan) if plan.steps.is_empty() => continue,
                Ok(plan) => {
                    let task = self.tasks.begin(Task::Lifecycle, None, self.outside.clock.now());
                    self.run_lifecycle(&plan, Some(&task)).await
                }
                Err(error) => Err(error),
            };
            match done {
                Ok(LifecycleDone { done, held, passed_over }) => {
                    info!(done, held, passed_over, "did what lifecycle rules made due");
                }
                Err(error) => warn!(%error, "lifecycle rules will be looked at again"),
            }
        }
    }

    async fn plan_lifecycle(&self) -> Result<LifecyclePlan, Error> {
        let (now, day) = (self.outside.clock.now(), self.settings.lifecycle_day());
        let mut plan = LifecyclePlan::default();
        for (bucket, lifecycle) in self.load_lifecycles().await? {
            self.plan_versions(&bucket, &lifecycle, now, day, &mut plan).await?;
            self.plan_uploads(&bucket, &lifecycle, now, day, &mut plan).await?;
        }
        Ok(plan)
    }

    /// Walks the bucket's versions key by key.
    async fn plan_versions(
        &self,
        bucket: &Bucket,
        lifecycle: &Lifecycle,
        now: Timestamp,
        day: Day,
        plan: &mut LifecyclePlan,
    ) -> Result<(), Error> {
        let mut of_key: Vec<VersionSummary> = Vec::new();
        let (mut after, mut after_version) = (None, None);
        loop {
            let query = ListQuery { after: after.clone(), limit: PAGE, ..ListQuery::default() };
            let Page { entries, more } = self.catalog.versions(bucket.id, query, after_version).await?;
            for entry in entries {
                let ListEntry::Item(summary) = entry else { continue };
                if of_key.first().is_some_and(|first| first.key != summary.key) {
                    self.plan_key(bucket, lifecycle, std::mem::take(&mut of_key), now, day, plan).await?;
                }
                (after, after_version) = (Some(summary.key.to_string()), Some(Which::of(summary.slot, summary.id)));
                of_key.push(summary);
            }
            if plan.steps.len() >= STEPS_MAX {
                plan.more = true;
                return Ok(());
            }
            if !more {
                return self.plan_key(bucket, lifecycle, of_key, now, day, plan).await;
            }
        }
    }

    async fn plan_key(
        &self,
        bucket: &Bucket,
        lifecycle: &Lifecycle,
        of_key: Vec<VersionSummary>,
        now: Timestamp,
        day: Day,
        plan: &mut LifecyclePlan,
    ) -> Result<(), Error> {
        let Some(key) = of_key.first().map(|first| first.key.clone()) else { return Ok(()) };
        if !lifecycle.rules.iter().any(|rule| rule.filter.covers_key(key.as_str())) {
            return Ok(());
        }
        let asks_for_tags = lifecycle.asks_for_tags(key.as_str());
        let mut seen = Vec::with_capacity(of_key.len());
        for summary in of_key {
            let kind = match summary.kind {
                VersionKind::Marker => SeenKind::Marker,
                VersionKind::Object { size, .. } => {
                    let which = Which::of(summary.slot, summary.id);
                    let tags =
                        if asks_for_tags { self.tags_of(bucket.id, &key, which).await? } else { Tags::default() };
                    SeenKind::Version { size, tags }
                }
            };
            seen.push(Seen { id: summary.id, slot: summary.slot, modified: summary.modified, kind });
        }
        plan.steps.extend(lifecycle.due(key.as_str(), &seen, now, day).into_iter().map(|due| step(bucket, &key, due)));
        Ok(())
    }

    async fn tags_of(&self, bucket: BucketId, key: &ObjectKey, which: Which) -> Result<Tags, Error> {
        Ok(match self.catalog.find(bucket, key, which).await? {
            Some(Entry::Object(object)) => object.version.tags,
            _ => Tags::default(),
        })
    }

    async fn plan_uploads(
        &self,
        bucket: &Bucket,
        lifecycle: &Lifecycle,
        now: Timestamp,
        day: Day,
        plan: &mut LifecyclePlan,
    ) -> Result<(), Error> {
        if lifecycle.rules.iter().all(|rule| rule.abort_days.is_none()) {
            return Ok(());
        }
        let (mut after, mut after_upload) = (None, None);
        loop {
            let query = ListQuery { after: after.clone(), limit: PAGE, ..ListQuery::default() };
            let Page { entries, more } = self.catalog.uploads(bucket.id, query, after_upload).await?;
            for entry in entries {
                let ListEntry::Item(upload) = entry else { continue };
                (after, after_upload) = (Some(upload.key.to_string()), Some(upload.id));
                if let Some(rule) = lifecycle.aborts(upload.key.as_str(), upload.initiated, now, day) {
                    let (bucket, rule, what) = (bucket.clone(), rule.to_owned(), What::Abort(upload.id));
                    plan.steps.push(Step { bucket, key: upload.key, rule, what });
                }
            }
            if !more || plan.steps.len() >= STEPS_MAX {
                plan.more |= more;
                return Ok(());
            }
        }
    }

    async fn run_lifecycle(
        self: &Arc<Self>,
        plan: &LifecyclePlan,
        task: Option<&Begun<'_>>,
    ) -> Result<LifecycleDone, Error> {
        let mut done = LifecycleDone::default();
        for step in &plan.steps {
            match self.do_step(step).await {
                Ok(()) => {
                    done.done += 1;
                    task.inspect(|task| task.add(1));
                }
                Err(Error::Locked) => done.held += 1,
                Err(
                    Error::NoSuchVersion
                    | Error::NoSuchKey
                    | Error::NoSuchUpload
                    | Error::NoSuchBucket
                    | Error::PreconditionFailed,
                ) => done.passed_over += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    async fn do_step(self: &Arc<Self>, Step { bucket, key, what, .. }: &Step) -> Result<(), Error> {
        let (change, condition) = match *what {
            What::Expire(id) => {
                let marker = Marker {
                    id: VersionId::random(&self.outside),
                    key: key.clone(),
                    slot: Slot::Null,
                    modified: self.outside.clock.now(),
                };
                (Change::MarkerPut { bucket: bucket.id, marker }, Precondition::Is(id))
            }
            What::Remove(version, slot) => {
                let change = Change::VersionDeleted { bucket: bucket.id, key: key.clone(), version, slot };
                (change, Precondition::None)
            }
            What::Abort(upload) => (Change::UploadAborted { bucket: bucket.id, upload }, Precondition::None),
        };
        let guard = Guard { bucket: Some((bucket.id, bucket.label)), ..Guard::default() };
        let proposal = Proposal { guard, condition, governance: Governance::Obeyed, change, body: None };
        self.commit(&self.stream_of(bucket)?, proposal).await.map(drop)
    }
}

fn step(bucket: &Bucket, key: &ObjectKey, due: Due) -> Step {
    let what = match due.act {
        Act::Expire => What::Expire(due.id),
        Act::Remove => What::Remove(due.id, due.slot),
    };
    Step { bucket: bucket.clone(), key: key.clone(), rule: due.rule, what }
}
